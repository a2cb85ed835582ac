//! When a source counts as off: what answered before is silent, while its LAN answers (ENGINE.md,
//! "Verification and outage"). A dead link is silent too, and so is a Windows that drops every ping:
//! without a witness, or without an answer before, only a person can know.
//!
//! Pure. Looks go in, the verdict comes out.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// For how long everything has to be silent.
pub(super) const SILENT_FOR: Duration = Duration::from_secs(60);

/// One look at a source and at its LAN.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sight {
    /// What answers at the source's address, such as `ping` or `tcp 445`.
    pub answers: BTreeSet<String>,
    /// Who else answers on the same LAN, if anybody does.
    pub witness: Option<String>,
}

/// What the looks show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is off.
    Silent {
        /// Who answered on its LAN meanwhile.
        witness: String,
    },
    /// Everything is silent and the LAN answers, but not for long enough yet.
    Wait {
        /// For how long already.
        silent_for: Duration,
    },
    /// Something answers.
    Answers(BTreeSet<String>),
    /// Nobody on its LAN answers: the link may be down.
    NoWitness,
    /// Nothing ever answered there: silence says nothing.
    NeverAnswered,
    /// Routers lead its address to the landing site already: silence says nothing. Never the verdict of looks
    /// alone.
    LeadsHere,
}

/// The looks at one source so far.
#[derive(Debug)]
pub(super) struct Silence {
    /// What answered before it was to be off.
    before: BTreeSet<String>,
    /// For how long it has to be silent.
    wanted: Duration,
    /// When the unbroken silence with a witness began.
    since: Option<Duration>,
    last: Option<(Duration, Sight)>,
}

impl Silence {
    /// Of a source where `before` has answered, and that has to be silent for so long.
    pub(super) fn new(before: BTreeSet<String>, wanted: Duration) -> Self {
        Self { before, wanted, since: None, last: None }
    }

    /// What had answered.
    pub(super) fn before(&self) -> &BTreeSet<String> {
        &self.before
    }

    /// Notes a look, `at` some time after the first one.
    pub(super) fn see(&mut self, at: Duration, sight: Sight) {
        let silent = sight.answers.is_empty() && sight.witness.is_some();
        self.since = if silent { self.since.or(Some(at)) } else { None };
        // What answers now has answered before the next look.
        self.before.extend(sight.answers.iter().cloned());
        self.last = Some((at, sight));
    }

    /// What the looks show.
    pub(super) fn verdict(&self) -> Verdict {
        let Some((at, sight)) = &self.last else { return Verdict::Wait { silent_for: Duration::ZERO } };
        if !sight.answers.is_empty() {
            return Verdict::Answers(sight.answers.clone());
        }
        if self.before.is_empty() {
            return Verdict::NeverAnswered;
        }
        match (&sight.witness, self.since) {
            (Some(witness), Some(since)) if at.saturating_sub(since) >= self.wanted => {
                Verdict::Silent { witness: witness.clone() }
            }
            (Some(_), Some(since)) => Verdict::Wait { silent_for: at.saturating_sub(since) },
            _ => Verdict::NoWitness,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(answers: &[&str], witness: bool) -> Sight {
        let answers = answers.iter().map(|one| (*one).to_owned()).collect();
        Sight { answers, witness: witness.then(|| "ping 192.0.2.254".to_owned()) }
    }

    fn after(before: &[&str], looks: &[(u64, Sight)]) -> Verdict {
        let mut silence = Silence::new(before.iter().map(|one| (*one).to_owned()).collect(), SILENT_FOR);
        for (at, sight) in looks {
            silence.see(Duration::from_secs(*at), sight.clone());
        }
        silence.verdict()
    }

    #[test]
    fn it_is_off_after_a_minute_of_silence_with_a_witness() {
        let quiet = || sight(&[], true);
        assert_eq!(
            after(&["ping"], &[(0, quiet()), (30, quiet())]),
            Verdict::Wait { silent_for: Duration::from_secs(30) }
        );
        let off = after(&["ping"], &[(0, quiet()), (30, quiet()), (60, quiet())]);
        assert_eq!(off, Verdict::Silent { witness: "ping 192.0.2.254".into() });
    }

    #[test]
    fn an_answer_or_a_dead_lan_begins_the_minute_again() {
        let quiet = || sight(&[], true);
        for broken in [sight(&["tcp 22"], true), sight(&[], false)] {
            let verdict = after(&["ping"], &[(0, quiet()), (40, broken), (50, quiet()), (70, quiet())]);
            assert_eq!(verdict, Verdict::Wait { silent_for: Duration::from_secs(20) });
        }
    }

    #[test]
    fn silence_alone_proves_nothing() {
        assert_eq!(after(&[], &[(0, sight(&[], true)), (90, sight(&[], true))]), Verdict::NeverAnswered);
        assert_eq!(after(&["ping"], &[(0, sight(&[], false)), (90, sight(&[], false))]), Verdict::NoWitness);
        let answers = after(&["ping"], &[(0, sight(&[], true)), (90, sight(&["tcp 445"], true))]);
        assert_eq!(answers, Verdict::Answers(BTreeSet::from(["tcp 445".to_owned()])));
    }

    #[test]
    fn what_answered_while_we_looked_counts_as_before() {
        let looks = [(0, sight(&["ping"], true)), (5, sight(&[], true)), (65, sight(&[], true))];
        assert!(matches!(after(&[], &looks), Verdict::Silent { .. }));
    }
}
