//! A push that is not over: gone on with, turned round, or given up.

use super::{Args, Lines, Office, again, ask, prepare, report};
use crate::failure::{Failure, Kind};
use crate::model::TenantId;
use crate::model::router_access::Which;
use crate::network::diff::picture;
use crate::network::push::abandon::end_of;
use crate::network::push::campaign::Campaign;
use crate::network::push::change::Change;
use crate::network::push::record::{Found, Record};
use crate::network::push::router::Router as _;
use crate::network::push::run::{Desk as _, Field as _};
use crate::network::text::ConfigText;
use tokio::sync::watch;

/// That no push is there to be turned round or given up.
pub(super) fn nothing_open(tenant: &TenantId) -> Failure {
    Failure::new(Kind::Usage, format!("no push of {tenant} is open"))
        .hint("Nothing was done. A push that is over is undone by another one: the same options and --back.")
}

impl Office<'_> {
    /// Goes on with it, if it is the one that is meant.
    pub(super) fn go_on(&self, args: &Args, open: Campaign) -> Result<Campaign, Failure> {
        let begun = &open.begun;
        let other_timer = args.timer.is_some_and(|minutes| minutes != begun.minutes);
        if args.asked() != begun.asked || other_timer {
            let timer = if other_timer { format!(" --timer {}", begun.minutes) } else { String::new() };
            let finish = again(&self.sites.tenant, &begun.asked);
            let text =
                format!("another push of {} is not over: {} of {}", self.sites.tenant, begun.run, routers(&open));
            return Err(Failure::new(Kind::Usage, text)
                .hint(format!("No router was touched. To go on with that one: {finish}{timer}"))
                .hint(format!("To take its routers back: {} --undo", again(&self.sites.tenant, &[]))));
        }
        self.context.ui.status(report::describe(&open, &self.sites.tenant).trim_end());
        ask(args, &format!("Go on with push {} now?", begun.run), self.context)?;
        Ok(open)
    }

    /// From here on every router goes back.
    pub(super) async fn turn(
        &self,
        args: &Args,
        mut open: Campaign,
        stop: &watch::Receiver<bool>,
    ) -> Result<Campaign, Failure> {
        self.context.ui.status(report::describe(&open, &self.sites.tenant).trim_end());
        ask(args, &format!("Take back {} now?", routers(&open)), self.context)?;
        let turned = Record::Turned { run: open.begun.run.clone() };
        self.seat(stop.clone()).write(&turned).await?;
        open.note(&turned);
        Ok(open)
    }

    /// Gives it up, where no timer runs and its own lines are whole on every router.
    pub(super) async fn abandon(
        &self,
        args: &Args,
        open: Option<Campaign>,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let Some(open) = open else { return Err(nothing_open(&self.sites.tenant)) };
        let mut found = Vec::new();
        for change in open.begun_on() {
            found.push(self.found(change).await?);
        }
        let ends: Vec<String> =
            found.iter().map(|found| format!("{} has {} lines", found.router, report::word(found.end))).collect();
        let ends = if ends.is_empty() { "no router was begun".to_owned() } else { ends.join(", ") };
        self.context.ui.status(&format!("Push {}: {ends}; others may have changed beside.", open.begun.run));
        ask(args, &format!("Give up push {} now?", open.begun.run), self.context)?;
        let reason = args.reason.clone().unwrap_or_default();
        self.seat(stop.clone()).write(&Record::Abandoned { run: open.begun.run.clone(), reason, found }).await?;
        let next = again(&self.sites.tenant, &open.begun.asked);
        self.context.ui.status(&format!("Given up; no router was touched. What is left to do is planned anew: {next}"));
        Ok(())
    }

    /// Where the lines of a change are on its router.
    async fn found(&self, change: &Change) -> Result<Found, Failure> {
        let name = &change.router;
        let mut session = self.reach().connect(name).await.map_err(prepare::failed)?;
        if let Some(timer) = session.revert_timer().await.map_err(prepare::failed)? {
            let text = format!("a revert timer of {} minutes runs on {name}", timer.minutes);
            return Err(Failure::new(Kind::Waiting, text)
                .hint("Nothing was done. Wait until it has run out or was confirmed, then repeat."));
        }
        let running = session.configuration(Which::Running).await.map_err(prepare::failed)?;
        let startup = session.configuration(Which::Startup).await.map_err(prepare::failed)?;
        let end = whole(change, "what runs", &running)?;
        if whole(change, "what is saved", &startup)? != end {
            let text = format!("on {name} the lines of this push run {}, and are not saved so", report::word(end));
            return Err(Failure::new(Kind::CheckFailed, text)
                .hint("Nothing was done. Save what runs (write memory) if it is to stay, then repeat."));
        }
        let picture = picture(&ConfigText::parse(&running)).to_string();
        Ok(Found { router: name.clone(), end, picture })
    }
}

/// The end at which all lines of a change are in a configuration.
fn whole(change: &Change, what: &str, text: &str) -> Result<crate::network::push::End, Failure> {
    let end = end_of(change, text).map_err(|refused| Failure::new(Kind::Bug, refused)
        .hint("Nothing was done. This is a bug in traghetto: report it, and look at the router by hand before anybody pushes."))?;
    end.map_err(|lines| {
        let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
        let text = format!("{what} on {} is neither old nor new in lines of this push:{lines}", change.router);
        Failure::new(Kind::CheckFailed, Lines(text)).hint(
            "Nothing was done. Bring these lines to one side by hand (- is missing, + is too many), save, repeat.",
        )
    })
}

fn routers(open: &Campaign) -> String {
    let names: Vec<&str> = open.begun.changes.iter().map(|change| change.router.as_str()).collect();
    names.join(", ")
}
