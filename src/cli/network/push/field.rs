//! The routers of a push over SSH: the program's IOS sessions behind the trait of the loop.

use crate::model::router_access::{Identity, RevertTimer, RouterAccess, WayBack, Which};
use crate::network::push::router::{Done, Kind, Router, Trouble};
use crate::network::push::run::Field;
use crate::world::router::{IosRouter, Patience, RouterError};
use crate::world::secret::Secrets;
use crate::world::ssh::Trust;
use std::collections::BTreeMap;

/// How the routers are reached, by host name.
pub(super) struct Reach {
    pub(super) accesses: BTreeMap<String, RouterAccess>,
    pub(super) trust: Trust,
    pub(super) secrets: Secrets,
}

/// A session, as the loop sees it.
pub(super) struct OverSsh {
    router: IosRouter,
    user: String,
}

/// An error as the loop sees it. Its causes come along: the journal keeps one line.
pub(super) fn trouble(error: RouterError) -> Trouble {
    let nothing_pending = matches!(&error, RouterError::Refused { answer, .. }
        if answer.contains("No Rollback Confirmed Change pending"));
    let kind = match () {
        () if error.is_transient() => Kind::Lost,
        () if nothing_pending => Kind::NothingPending,
        () => Kind::Refused,
    };
    let hint = error.hint();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    Trouble { kind, text, hint }
}

impl Field for Reach {
    type Router = OverSsh;

    async fn connect(&mut self, router: &str) -> Done<OverSsh> {
        let Some(access) = self.accesses.get(router) else {
            let text = format!("the inventory does not say how {router} is reached");
            let hint = "Write it under `routers` of the site's link, or as `network.hub_access`.".to_owned();
            return Err(Trouble { kind: Kind::Refused, text, hint });
        };
        let session = IosRouter::connect(router, access, &self.trust, &self.secrets, Patience::default()).await;
        let user = access.access.user.clone();
        session.map(|router| OverSsh { router, user }).map_err(trouble)
    }
}

impl Router for OverSsh {
    async fn identity(&mut self) -> Done<Identity> {
        self.router.identity().await.map_err(trouble)
    }
    async fn way_back(&mut self) -> Done<WayBack> {
        self.router.way_back().await.map_err(trouble)
    }
    fn user(&self) -> &str {
        &self.user
    }
    async fn revert_timer(&mut self) -> Done<Option<RevertTimer>> {
        self.router.revert_timer().await.map_err(trouble)
    }
    async fn configuration(&mut self, which: Which) -> Done<String> {
        self.router.configuration(which).await.map_err(trouble)
    }
    async fn archive(&mut self) -> Done<()> {
        self.router.archive().await.map_err(trouble)
    }
    async fn configure(&mut self, minutes: u16) -> Done<()> {
        self.router.configure(minutes).await.map_err(trouble)
    }
    async fn line(&mut self, line: &str) -> Done<()> {
        self.router.line(line).await.map_err(trouble)
    }
    async fn end(&mut self) -> Done<()> {
        self.router.end().await.map_err(trouble)
    }
    async fn confirm(&mut self) -> Done<()> {
        self.router.confirm().await.map_err(trouble)
    }
    async fn revert_now(&mut self) -> Done<()> {
        self.router.revert_now().await.map_err(trouble)
    }
    async fn restore_startup(&mut self) -> Done<()> {
        self.router.restore_startup().await.map_err(trouble)
    }
    async fn save(&mut self) -> Done<()> {
        self.router.save().await.map_err(trouble)
    }
    async fn show(&mut self, command: &str) -> Done<String> {
        self.router.show(command).await.map_err(trouble)
    }
}
