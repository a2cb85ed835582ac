//! The acts of the night, in their order: the source is seen to be off, its address leads here, the machine
//! boots apart from every network, and only then it is connected.

use super::Scene;
use super::acts::{Acts, Ended, Progress, Routing, Trouble};
use crate::migration::plan::Plan;
use crate::migration::playbook::{Action, Reached};
use crate::migration::record::{Class, Fact, Leg, Record, Result as Outcome, Shown, Stop};
use crate::migration::replaced::{WayBack, way_back};
use crate::migration::silence::{SILENT_FOR, Silence, Verdict};
use crate::migration::state::{RunState, Statement, StepState};
use crate::model::ServerId;
use crate::model::server::Transfer;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// How the run waits for people.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    /// Between two looks at a source.
    pub look_every: Duration,
    /// For how long it has to be silent.
    pub silent_for: Duration,
    /// How long the run waits for somebody to switch it off.
    pub patience: Duration,
    /// How often a run at work looks for a pause or a take-over.
    pub pause_every: Duration,
}

impl Default for Tempo {
    fn default() -> Self {
        let (look_every, patience) = (Duration::from_secs(5), Duration::from_secs(15 * 60));
        Self { look_every, silent_for: SILENT_FOR, patience, pause_every: Duration::from_secs(2) }
    }
}

/// What is safe while a machine runs that was not connected yet.
const APART: &str = "Its machine runs at the landing site, connected to nothing: the two never met.";

/// What is safe while nothing came in the place of `server`.
fn not_booted(scene: &Scene<'_>, server: &ServerId) -> &'static str {
    const NOT_BOOTED: &str = "Nothing was booted at the landing site; the source can still go on as it was.";
    if scene.plan.server(server).is_none_or(|planned| planned.transfer != Transfer::Replace) {
        return NOT_BOOTED;
    }
    match way_back(scene.plan, scene.state, server) {
        WayBack::Closed(_) => {
            "traghetto changed nothing. The old server does not come back: the new machine has its role and goes on serving."
        }
        WayBack::Open { used: true, .. } => {
            "traghetto changed nothing. The new machine may be in use: the old server takes its place again by `migrate rollback` only."
        }
        WayBack::Open { used: false, .. } => NOT_BOOTED,
    }
}

/// Sees that the source is off, or that a person who stands before it says so while nothing answers.
pub(super) async fn fence<A: Acts>(
    acts: &mut A,
    scene: &Scene<'_>,
    server: &ServerId,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Ended, Trouble> {
    let tempo = scene.tempo;
    let mut silence = Silence::new(answered_before(scene, server), tempo.silent_for);
    let begun = Instant::now();
    let mut alone_since = None;
    loop {
        silence.see(begun.elapsed(), acts.look(server).await);
        // What leads here already is silent whatever the source does.
        let blind = leads_here(acts, scene, server).await?;
        let verdict = match silence.verdict() {
            Verdict::Silent { .. } | Verdict::Wait { .. } if blind => Verdict::LeadsHere,
            verdict => verdict,
        };
        let waited = begun.elapsed();
        // Whoever goes there says it while this waits.
        let said = said_by_now(scene, server, Fact::SourceOff).await?;
        alone_since = if verdict == Verdict::NoWitness { alone_since.or(Some(waited)) } else { None };
        // Then only a person can know: who waits here is told so while there is night left.
        let alone = alone_since.is_some_and(|since| waited.saturating_sub(since) >= tempo.silent_for);
        match (&verdict, said) {
            (Verdict::Silent { witness }, _) => {
                let (silent, witness) = (silence.before().iter().cloned().collect(), witness.clone());
                let facts = json!({ "duration": waited.as_secs_f64() });
                return Ok(Ended { result: Outcome::Fenced(Shown::Silence { silent, witness }), facts });
            }
            (Verdict::NeverAnswered | Verdict::LeadsHere | Verdict::NoWitness | Verdict::Wait { .. }, Some(said)) => {
                let shown = Shown::Person { role: said.role.clone(), by: said.by.clone() };
                let facts = json!({ "duration": waited.as_secs_f64(), "seen": words(&verdict, server) });
                return Ok(Ended { result: Outcome::Fenced(shown), facts });
            }
            (Verdict::NeverAnswered | Verdict::LeadsHere, None) => {
                return Err(ask_a_person(scene, server, &verdict, not_booted(scene, server)));
            }
            _ if alone || waited >= tempo.patience => {
                return Err(ask_a_person(scene, server, &verdict, not_booted(scene, server)));
            }
            _ => {}
        }
        progress(waiting(&verdict, tempo));
        tokio::time::sleep(tempo.look_every).await;
    }
}

/// Whether the routers already lead the address of the source to the landing site.
async fn leads_here<A: Acts>(acts: &mut A, scene: &Scene<'_>, server: &ServerId) -> Result<bool, Trouble> {
    let pushed = matches!(acts.route(server).await?, Routing::Leads(Shown::Push { .. }));
    Ok(pushed || stated(scene.plan, scene.state, server, Fact::Routed).is_some())
}

/// What has answered at the source's address since its last copy began.
fn answered_before(scene: &Scene<'_>, server: &ServerId) -> BTreeSet<String> {
    let steps = scene.plan.steps.iter().filter(|step| step.server.as_ref() == Some(server));
    let steps = steps.filter(|step| matches!(step.action, Action::FinalSync | Action::Fence));
    let seen = steps.filter_map(|step| scene.state.observed.get(&step.id)).flatten().chain([scene.observed]);
    seen.flat_map(|seen| seen["answers"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// What a person has said of a server by this moment, since the step began included.
async fn said_by_now(scene: &Scene<'_>, server: &ServerId, fact: Fact) -> Result<Option<Statement>, Trouble> {
    let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
        Trouble::new(Class::Failed, error).hint(not_booted(scene, server))
    };
    let events = scene.journal.events(&scene.plan.tenant).await.map_err(|error| unreadable(error.into()))?;
    let state = RunState::of(&events).map_err(|error| unreadable(error.into()))?;
    Ok(stated(scene.plan, &state, server, fact).cloned())
}

/// A statement about this move: older than the last copy it is about another one.
fn stated<'a>(plan: &Plan, state: &'a RunState, server: &ServerId, fact: Fact) -> Option<&'a Statement> {
    let copied = plan.steps.iter().filter(|step| step.action == Action::FinalSync);
    let copied = copied.filter(|step| step.server.as_ref() == Some(server));
    let last = copied.filter_map(|step| done_at(state, &step.id)).max();
    state.stated.get(&(server.clone(), fact)).filter(|statement| last.is_none_or(|last| statement.at >= last))
}

fn done_at(state: &RunState, step: &super::StepId) -> Option<Timestamp> {
    match state.step(step) {
        StepState::Done { at, .. } => Some(*at),
        _ => None,
    }
}

fn waiting(verdict: &Verdict, tempo: Tempo) -> Progress {
    let (stage, done) = match verdict {
        Verdict::Answers(_) => ("switch the source off: it answers", Duration::ZERO),
        Verdict::Wait { silent_for } => ("the source is silent", *silent_for),
        Verdict::Silent { .. } => ("the source is silent", tempo.silent_for),
        Verdict::LeadsHere => ("its address leads here already", Duration::ZERO),
        Verdict::NoWitness | Verdict::NeverAnswered => ("nobody on its LAN answers", Duration::ZERO),
    };
    Progress { stage, done: done.as_secs(), total: tempo.silent_for.as_secs(), link: 0, allowance: None }
}

fn words(verdict: &Verdict, server: &ServerId) -> String {
    match verdict {
        Verdict::Answers(answers) => {
            format!("{server} still answers: {}", answers.iter().cloned().collect::<Vec<_>>().join(", "))
        }
        Verdict::NoWitness => format!("{server} is silent, and so is everybody else on its LAN: the link may be down"),
        Verdict::LeadsHere => {
            format!("the address of {server} leads to the landing site already: its silence proves nothing")
        }
        Verdict::NeverAnswered => format!("nothing of {server} ever answered from here: its silence proves nothing"),
        Verdict::Wait { .. } | Verdict::Silent { .. } => format!("{server} is silent"),
    }
}

fn ask_a_person(scene: &Scene<'_>, server: &ServerId, verdict: &Verdict, safe: &'static str) -> Trouble {
    let trouble = Trouble::new(Class::Waiting, words(verdict, server)).hint(safe);
    if matches!(verdict, Verdict::Answers(_)) {
        return trouble.hint("Switch it off at its place, pull its cable, then give the same command again.");
    }
    trouble
        .hint("Who stands before it, and sees that it is off and its cable out, says so, in a role of the town:")
        .hint(format!(
            "traghetto migrate sign {} source-off --server {server} --role ROLE --note TEXT",
            scene.plan.tenant
        ))
}

/// A leg of a copy that VMware Converter makes, with what a person said of it where a person drives.
pub(super) async fn transfer<A: Acts>(
    acts: &mut A,
    scene: &Scene<'_>,
    server: &ServerId,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Ended, Trouble> {
    // Only what is said while the step waits for it is about this copy.
    let waited = *scene.state.step(&scene.step.id) == StepState::Stopped { why: Stop::Waiting };
    let said = |fact: Fact| {
        let statement = scene.state.stated.get(&(server.clone(), fact)).filter(|_| waited);
        statement.map(|statement| statement.at)
    };
    let (leg, said) = match scene.step.action {
        Action::Seed => (Leg::First, said(Fact::Copied).is_some()),
        // Said before the source was quiet, it is about another night.
        Action::FinalSync => (Leg::Last, said(Fact::Finalised) > quiet_since(scene)),
        _ => (Leg::Changes, false),
    };
    acts.transfer(server, leg, said, progress).await
}

/// Sees that the address leads here, by the routers' own record or by a person's word.
pub(super) async fn route<A: Acts>(acts: &mut A, scene: &Scene<'_>, server: &ServerId) -> Result<Ended, Trouble> {
    proven_off(scene, server)?;
    let said = stated(scene.plan, scene.state, server, Fact::Routed);
    let shown = match (acts.route(server).await?, said) {
        (Routing::Leads(shown), _) => shown,
        (Routing::Waits(_), Some(said)) => Shown::Person { role: said.role.clone(), by: said.by.clone() },
        (Routing::Waits(how), None) => {
            let text = format!("the address of {server} does not lead to the landing site yet");
            return Err(how
                .into_iter()
                .fold(Trouble::new(Class::Waiting, text).hint(not_booted(scene, server)), Trouble::hint));
        }
    };
    Ok(Ended { result: Outcome::Routed(shown), facts: json!({}) })
}

/// A source that was not proven off is never replaced, whatever the playbook says.
fn proven_off(scene: &Scene<'_>, server: &ServerId) -> Result<(), Trouble> {
    let mut fences = scene.plan.steps.iter().filter(|step| step.action == Action::Fence);
    let proven = fences.any(|step| {
        let mine = step.server.as_ref() == Some(server);
        mine && matches!(scene.state.step(&step.id).result(), Some(Outcome::Fenced(_)))
    });
    if proven {
        return Ok(());
    }
    Err(Trouble::new(Class::CheckFailed, format!("{server} was not proven to be off"))
        .hint(not_booted(scene, server))
        .hint("The playbook needs the step `fence` before this one."))
}

/// Boots the machine connected to nothing, looks at the source once more, connects, waits for an answer.
/// Killed anywhere, it goes on from what it finds.
pub(super) async fn boot<A: Acts>(
    acts: &mut A,
    scene: &Scene<'_>,
    server: &ServerId,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Ended, Trouble> {
    proven_off(scene, server)?;
    let begun = Instant::now();
    let raised = acts.raise(server, progress).await?;
    if raised.connected && !may_be_ours(scene) {
        let text = format!("the machine {} is connected already, and not by this migration", raised.machine);
        return Err(Trouble::new(Class::CheckFailed, text)
            .hint("Nothing was connected. Source and copy may both be on the network: look at the landing site now.")
            .hint("Disconnect it there, see that the source is off, then give the same command again."));
    }
    if !raised.connected {
        let sight = acts.look(server).await;
        if !sight.answers.is_empty() {
            let text = words(&Verdict::Answers(sight.answers), server);
            return Err(Trouble::new(Class::CheckFailed, text)
                .hint(APART)
                .hint("Find out who switched the source on, switch it off, then give the same command again."));
        }
        if sight.witness.is_none() && stated(scene.plan, scene.state, server, Fact::SourceOff).is_none() {
            return Err(ask_a_person(scene, server, &Verdict::NoWitness, APART));
        }
        connecting(scene).await?;
        acts.connect(server).await?;
    }
    let connected = begun.elapsed();
    let answers = acts.greet(server, progress).await?;
    let mut facts = json!({
        "answers": answers,
        "connected_seconds": connected.as_secs_f64(),
        "duration": begun.elapsed().as_secs_f64(),
    });
    if let Some(since) = quiet_since(scene) {
        let outage = scene.now.duration_since(since).as_secs_f64() + begun.elapsed().as_secs_f64();
        facts["outage_seconds"] = json!(outage.max(0.0).round());
        facts["quiet_since"] = json!(since.to_string());
    }
    Ok(Ended { result: Outcome::Booted { machine: raised.machine }, facts })
}

/// Written before the machine is connected: who finds it connected later takes it for ours by this alone.
async fn connecting(scene: &Scene<'_>) -> Result<(), Trouble> {
    let (kind, data) = Record::StepConnecting { step: scene.step.id.clone() }.parts();
    let written = scene.journal.append_under(scene.lease, &scene.plan.tenant, scene.operator, &kind, data).await;
    written.map(|_| ()).map_err(|error| {
        Trouble::new(Class::Failed, error)
            .hint("Its machine runs at the landing site, connected to nothing: what connects it was not written down.")
    })
}

/// Whether a run of ours may have connected the machine: it wrote that it would. Journals of before that event have
/// begins of this step that say nothing of what was found.
fn may_be_ours(scene: &Scene<'_>) -> bool {
    let (state, step) = (scene.state, &scene.step.id);
    let older = state.executors.contains_key(step) && state.observed.get(step).is_none_or(Vec::is_empty);
    state.connecting.contains(step) || older
}

/// When the last signature said that the sources are quiet: the outage began no later.
fn quiet_since(scene: &Scene<'_>) -> Option<Timestamp> {
    let quiet = |action: &Action| matches!(action, Action::Gate(gate) if gate.reaches == Some(Reached::Quiet));
    let last = scene.plan.steps.iter().rfind(|step| quiet(&step.action))?;
    let Action::Gate(last) = &last.action else { return None };
    scene.state.signatures.iter().filter(|signature| signature.gate == last.gate).map(|signature| signature.at).max()
}
