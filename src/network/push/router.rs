//! A router as a push sees it: a narrow trait. Every call is one exchange, which may be dropped at any
//! moment: what it did or did not do is seen by the next connection, never assumed.

use crate::model::router_access::{Identity, RevertTimer, WayBack, Which};
use std::future::Future;

/// Why a router did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Trouble {
    /// What kind it is.
    pub kind: Kind,
    /// What went wrong, with its causes, on one line and without secrets.
    pub text: String,
    /// What to do next, as a full sentence.
    pub hint: String,
}

/// Kinds of trouble, as far as what to do next differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The connection was lost, or the router is silent: another connection may do better.
    Lost,
    /// There was no revert timer to stop, or to bring forward.
    NothingPending,
    /// It refused: the same again would be refused again.
    Refused,
}

/// What a router did.
pub type Done<T> = Result<T, Trouble>;

/// A router with a session in privileged mode. Lines may name secrets (`<secret:NAME>`), which are read
/// when the line is sent.
pub trait Router: Send {
    /// Who it says that it is.
    fn identity(&mut self) -> impl Future<Output = Done<Identity>> + Send;

    /// Whether it can take a change back by itself.
    fn way_back(&mut self) -> impl Future<Output = Done<WayBack>> + Send;

    /// As whom the session is logged in.
    fn user(&self) -> &str;

    /// The revert timer that runs; none where none does. May be asked while configuring too.
    fn revert_timer(&mut self) -> impl Future<Output = Done<Option<RevertTimer>>> + Send;

    /// A configuration, as the router prints it. It holds secrets: mask it before it goes anywhere.
    fn configuration(&mut self, which: Which) -> impl Future<Output = Done<String>> + Send;

    /// Puts what runs into the archive.
    fn archive(&mut self) -> impl Future<Output = Done<()>> + Send;

    /// Begins to configure: in `minutes` the router goes back to what runs now, unless told otherwise.
    fn configure(&mut self, minutes: u16) -> impl Future<Output = Done<()>> + Send;

    /// Sends one line of the configuration, with its indentation from the global level.
    fn line(&mut self, line: &str) -> impl Future<Output = Done<()>> + Send;

    /// Leaves the configuration mode.
    fn end(&mut self) -> impl Future<Output = Done<()>> + Send;

    /// Stops the revert timer: what runs stays.
    fn confirm(&mut self) -> impl Future<Output = Done<()>> + Send;

    /// Goes back at once to what ran before, as the revert timer would.
    fn revert_now(&mut self) -> impl Future<Output = Done<()>> + Send;

    /// Replaces what runs by what a reload would bring, without a reload.
    fn restore_startup(&mut self) -> impl Future<Output = Done<()>> + Send;

    /// Saves what runs as what a reload brings.
    fn save(&mut self) -> impl Future<Output = Done<()>> + Send;

    /// What it answers to a command that only looks (`show …`, `ping …`), whatever it is.
    fn show(&mut self, command: &str) -> impl Future<Output = Done<String>> + Send;
}
