//! What was found before the first line, and why a push must not begin.

use super::{Args, Lines};
use crate::failure::{Failure, Kind};
use crate::model::TenantId;
use crate::network::push::drift::Drift;
use crate::network::push::wanted::PlannedRouter;
use std::collections::BTreeMap;

/// What was found, and what would be done.
pub(super) struct Prepared {
    /// The routers that this push changes, in order.
    pub(super) chosen: Vec<PlannedRouter>,
    /// Those that differ too, and are for another push.
    pub(super) later: Vec<String>,
    /// What others changed since the last push, by router.
    pub(super) drift: BTreeMap<String, Drift>,
    /// Lines that are not saved, by router.
    pub(super) unsaved: BTreeMap<String, Vec<String>>,
    /// What a router does not do now though the simulator predicts it.
    pub(super) faults: BTreeMap<String, Vec<String>>,
    /// Lines that traghetto did not render, by router.
    pub(super) foreign: BTreeMap<String, Vec<String>>,
    /// Why the other CPE has to wait.
    pub(super) too_soon: Option<String>,
    pub(super) tenant: TenantId,
}

/// The revert timer where the operator names none, in minutes.
const TIMER: u16 = 5;
/// The longest that IOS knows.
const LONGEST_TIMER: u16 = 120;

impl Prepared {
    /// Why the push must not begin, unless the operator says that it may.
    pub(super) fn refusal(&self, args: &Args) -> Result<(), Failure> {
        self.unaccepted(args).map_or(Ok(()), Err)
    }

    fn unaccepted(&self, args: &Args) -> Option<Failure> {
        let ours = |(name, drift): (&String, &Drift)| (name.clone(), drift.ours.clone());
        let ours: BTreeMap<String, Vec<String>> = self.drift.iter().map(ours).collect();
        let windows: Vec<String> = self.windows().collect();
        let untouched =
            |kind, text, next: &str| Failure::new(kind, Lines(text)).hint("No router was touched.").hint(next);
        if ours.values().any(|lines| !lines.is_empty()) && args.accept_drift.is_none() {
            let text = format!("somebody changed lines of ours since the last push:{}", list(&ours));
            let hint = "Find out who and why. To overwrite these changes: --accept-drift REASON.";
            return Some(untouched(Kind::CheckFailed, text, hint));
        }
        if !self.unsaved.is_empty() && args.save_unsaved.is_none() {
            let text = format!("what runs is not what is saved; a reload would change:{}", list(&self.unsaved));
            let hint = "Find out whose these lines are, and save them or take them back. To save all of them before \
                        the push: --save-unsaved REASON.";
            return Some(untouched(Kind::CheckFailed, text, hint));
        }
        if !self.faults.is_empty() && args.accept_faults.is_none() {
            let text =
                format!("the network is not as the simulator predicts it, before any change:{}", list(&self.faults));
            let hint = "Mend that first: a failover under way and a change do not go together. To go on: \
                        --accept-faults REASON.";
            return Some(untouched(Kind::CheckFailed, text, hint));
        }
        if let Some(why) = &self.too_soon {
            let hint = "Both CPEs never change in one window. To go on now: --window-agreed REASON.";
            return Some(untouched(Kind::Waiting, why.clone(), hint));
        }
        if !windows.is_empty() && args.window_agreed.is_none() {
            let text = format!("some steps need a window:\n  {}", windows.join("\n  "));
            let hint = "Agree a window with the Comune. To push in it: --window-agreed REASON.";
            return Some(untouched(Kind::Waiting, text, hint));
        }
        None
    }

    /// The minutes of the revert timers: as the operator says, if the lines can be sent in them.
    pub(super) fn minutes(&self, args: &Args) -> Result<u16, Failure> {
        let least = self.chosen.iter().map(|router| router.change.least_minutes()).max().unwrap_or_default();
        let untouched = "No router was touched.";
        match args.timer {
            _ if least > LONGEST_TIMER => {
                let text = format!("the lines may take {least} minutes, longer than any revert timer");
                Err(Failure::new(Kind::Failed, text).hint(untouched).hint("Make the change in parts."))
            }
            Some(minutes) if minutes < least => {
                let text = format!("a revert timer of {minutes} min may run out before the lines are in and seen");
                Err(Failure::new(Kind::Usage, text).hint(untouched).hint(format!("At least: --timer {least}")))
            }
            Some(minutes) => Ok(minutes),
            None => Ok(least.max(TIMER)),
        }
    }

    /// Steps that need a window, each with why.
    pub(super) fn windows(&self) -> impl Iterator<Item = String> {
        self.chosen.iter().flat_map(|router| {
            router.steps.iter().filter_map(|step| {
                Some(format!("{}: {}: {}", router.change.router, step.object, step.window.as_ref()?))
            })
        })
    }
}

fn list(of: &BTreeMap<String, Vec<String>>) -> String {
    of.iter().flat_map(|(router, lines)| lines.iter().map(move |line| format!("\n  {router}: {line}"))).collect()
}
