//! The events of a push: what is written before and after each act, and all that is read back.

use super::End;
use super::change::Change;
use crate::model::ServerId;
use crate::network::diff::ChangeClass;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who is meant: a router, on its way to the new configuration or on the way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The push.
    pub run: String,
    /// Host name.
    pub router: String,
    /// Whether it goes back after others, or it, could not go on.
    pub back: bool,
}

/// An event of a push. The names are those of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Record {
    /// A push begins: all that it needs to go on after a kill.
    #[serde(rename = "push.begun")]
    Begun(Box<Begun>),
    /// A router is about to be changed, under a revert timer.
    #[serde(rename = "push.opening")]
    Opening {
        /// Which router.
        leg: Leg,
        /// Minutes of its timer.
        minutes: u16,
    },
    /// All lines were taken.
    #[serde(rename = "push.entered")]
    Entered {
        /// Which router.
        leg: Leg,
    },
    /// The router does what is expected of it.
    #[serde(rename = "push.checked")]
    Checked {
        /// Which router.
        leg: Leg,
        /// What was seen.
        holds: Vec<String>,
    },
    /// The timer is about to be stopped.
    #[serde(rename = "push.confirming")]
    Confirming {
        /// Which router.
        leg: Leg,
    },
    /// The router goes back to what it was.
    #[serde(rename = "push.failed")]
    Failed {
        /// Which router.
        leg: Leg,
        /// Why.
        reason: String,
    },
    /// The router is about to be taken back at once.
    #[serde(rename = "push.reverting")]
    Reverting {
        /// Which router.
        leg: Leg,
    },
    /// The change of a router that is confirmed is about to be taken back by its way back.
    #[serde(rename = "push.returning")]
    Returning {
        /// Which router.
        leg: Leg,
    },
    /// A router is done with.
    #[serde(rename = "push.settled")]
    Settled {
        /// Which router.
        leg: Leg,
        /// Where it is, running and startup, on the way of this leg.
        end: End,
        /// SHA-256 of the picture of its configuration.
        picture: String,
    },
    /// The operator wants every router of the push back as it was.
    #[serde(rename = "push.turned")]
    Turned {
        /// The push.
        run: String,
    },
    /// The push is over although not every router is at the same end: a person took it on.
    #[serde(rename = "push.abandoned")]
    Abandoned {
        /// The push.
        run: String,
        /// Why.
        reason: String,
        /// The routers that it had begun to change, as they were found.
        found: Vec<Found>,
    },
    /// The push is over.
    #[serde(rename = "push.ended")]
    Ended {
        /// The push.
        run: String,
        /// New: every router; old: every router.
        end: End,
        /// Why it is not new.
        reason: Option<String>,
    },
}

/// A router as an abandoned push leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Host name.
    pub router: String,
    /// Where the lines of the change are: all of them old, or all new.
    pub end: End,
    /// The picture of what runs.
    pub picture: String,
}

/// A push, as it was agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// SHA-256 of its changes, shortened.
    pub run: String,
    /// What kind of change.
    pub class: ChangeClass,
    /// The server whose cutover it is.
    pub server: Option<ServerId>,
    /// The options by which the operator asked for it: the same go on with it.
    #[serde(default)]
    pub asked: Vec<String>,
    /// Minutes of the revert timers.
    pub minutes: u16,
    /// The routers, in order.
    pub changes: Vec<Change>,
    /// Why changes of others were accepted.
    pub accepted_drift: Option<String>,
    /// Why changes that nobody had saved were saved.
    #[serde(default)]
    pub accepted_unsaved: Option<String>,
    /// Why a network that was not as predicted was accepted.
    pub accepted_faults: Option<String>,
    /// Why steps that need a window were agreed.
    pub window: Option<String>,
    /// Whoever held a lease and never gave it back.
    pub after: Option<Value>,
}

impl Record {
    /// The record of an event of this kind with these details; none if it is not of a push.
    ///
    /// # Errors
    /// An event of a push that this program cannot read.
    pub fn of(kind: &str, data: &Value) -> serde_json::Result<Option<Self>> {
        if !kind.starts_with("push.") {
            return Ok(None);
        }
        serde_json::from_value(json!({ "kind": kind, "data": data })).map(Some)
    }

    /// Kind and data of the event.
    pub fn parts(&self) -> (String, Value) {
        // Plain data with text keys: writing it cannot fail.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        (kind, value["data"].take())
    }

    /// The router that it is about.
    pub fn leg(&self) -> Option<&Leg> {
        match self {
            Record::Begun(_) | Record::Turned { .. } | Record::Abandoned { .. } | Record::Ended { .. } => None,
            Record::Opening { leg, .. }
            | Record::Entered { leg }
            | Record::Checked { leg, .. }
            | Record::Confirming { leg }
            | Record::Failed { leg, .. }
            | Record::Reverting { leg }
            | Record::Returning { leg }
            | Record::Settled { leg, .. } => Some(leg),
        }
    }
}
