//! That the new machine of a server which is replaced has given the old address up, before the old server goes on.
//! Silence shows it only where the new machine was seen to answer there, while the routes still lead to it.

use super::acts::{Acts, AddressSeen, Trouble};
use super::cutover::Tempo;
use crate::migration::plan::Plan;
use crate::migration::playbook::Action;
use crate::migration::record::Class;
use crate::migration::silence::{Silence, Verdict};
use crate::migration::state::{RunState, StepState};
use crate::model::ServerId;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::time::Instant;

const HINTS: [&str; 3] = [
    "The new machine is not ours: people take the old server's address from it, or its network card out.",
    "The old server stays off until then: two machines, one address.",
    "Give the same command again before its routes lead back: afterwards silence shows nothing.",
];

/// Looks until the address is proven to be given up; facts. What silence cannot prove, a person has to say.
pub(super) async fn given_up<A: Acts>(
    acts: &mut A,
    before: BTreeSet<String>,
    server: &ServerId,
    tempo: Tempo,
) -> Result<Value, Trouble> {
    let mut silence = Silence::new(before, tempo.silent_for);
    let begun = Instant::now();
    loop {
        let AddressSeen { sight, leads_here } = acts.look_at_new(server).await?;
        let can_be_asked = sight.is_some();
        silence.see(begun.elapsed(), sight.unwrap_or_default());
        match judged(silence.verdict(), can_be_asked, leads_here) {
            Judged::GivenUp { witness } => {
                let (before, seconds) = (silence.before(), begun.elapsed().as_secs_f64());
                return Ok(json!({ "machine": null, "silent": before, "witness": witness, "duration": seconds }));
            }
            Judged::Wait => tokio::time::sleep(tempo.look_every).await,
            Judged::Taken(answers) => {
                let answers = answers.into_iter().collect::<Vec<_>>().join(", ");
                let text = format!("something answers at the address of {server}: {answers}");
                return Err(waits(text).hint("Where it is the old server itself, switch it off again."));
            }
            Judged::Unproven(why) => return Err(waits(format!("{why} (the address of {server})"))),
        }
    }
}

/// What has answered at its address once the new machine had taken it, as the journal keeps it.
pub(super) fn answered(plan: &Plan, state: &RunState, server: &ServerId) -> BTreeSet<String> {
    let takes = plan.steps.iter().filter(|step| match &step.action {
        Action::Manual(manual) => manual.takes_address() && step.server.as_ref() == Some(server),
        _ => false,
    });
    let facts = takes.filter_map(|step| match state.step(&step.id) {
        StepState::Done { facts, .. } => facts["answers"].as_array(),
        _ => None,
    });
    facts.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What looks at the address show.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Judged {
    /// The new machine does not have it any more.
    GivenUp {
        /// Who answered meanwhile.
        witness: String,
    },
    /// Not for long enough yet.
    Wait,
    /// Something has it.
    Taken(BTreeSet<String>),
    /// Looking longer shows nothing.
    Unproven(&'static str),
}

fn judged(verdict: Verdict, can_be_asked: bool, leads_here: bool) -> Judged {
    match verdict {
        Verdict::Answers(answers) => Judged::Taken(answers),
        _ if !can_be_asked => Judged::Unproven("nobody can see from here whether the new machine has it"),
        // Led back, it leads to the town, where the old server is off: silent whatever the new machine does.
        _ if !leads_here => {
            Judged::Unproven("no push is known to lead it to the landing site: its silence proves nothing")
        }
        Verdict::LeadsHere | Verdict::NeverAnswered => {
            Judged::Unproven("the new machine was never seen to answer there: its silence proves nothing")
        }
        Verdict::NoWitness => Judged::Unproven("it is silent, and so is everybody else: the link may be down"),
        Verdict::Wait { .. } => Judged::Wait,
        Verdict::Silent { witness } => Judged::GivenUp { witness },
    }
}

fn waits(text: String) -> Trouble {
    HINTS.iter().fold(Trouble::new(Class::Waiting, text), |trouble, hint| trouble.hint(*hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn silent() -> Verdict {
        Verdict::Silent { witness: "ping 192.0.2.254".into() }
    }

    #[test]
    fn silence_shows_it_only_while_the_routes_lead_here_and_the_address_can_be_asked() {
        assert_eq!(judged(silent(), true, true), Judged::GivenUp { witness: "ping 192.0.2.254".into() });
        for (can_be_asked, leads_here) in [(false, true), (true, false), (false, false)] {
            assert!(matches!(judged(silent(), can_be_asked, leads_here), Judged::Unproven(_)));
        }
        for verdict in [Verdict::NeverAnswered, Verdict::NoWitness] {
            assert!(matches!(judged(verdict, true, true), Judged::Unproven(_)));
        }
        assert_eq!(judged(Verdict::Wait { silent_for: Duration::ZERO }, true, true), Judged::Wait);
        let answers = BTreeSet::from(["ping".to_owned()]);
        assert_eq!(judged(Verdict::Answers(answers.clone()), true, false), Judged::Taken(answers));
    }
}
