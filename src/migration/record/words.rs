//! The words that events are made of: who decided what, what was shown, how a step ended and why it was left.

use crate::model::{PersonId, RoleId};
use serde::{Deserialize, Serialize};

/// What two persons make of a step that the program does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByHand {
    /// It was done by people.
    Done,
    /// It is left out.
    Skipped,
}

impl ByHand {
    /// The word in messages and the journal.
    pub fn word(self) -> &'static str {
        match self {
            ByHand::Done => "done",
            ByHand::Skipped => "skipped",
        }
    }
}

/// Who decided something, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// In which role.
    pub role: RoleId,
    /// Who.
    pub by: PersonId,
    /// Who typed it.
    pub operator: String,
    /// When, as the journal writes times.
    pub time: String,
    /// Why.
    pub reason: String,
}

/// A leg of a copy that VMware Converter makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// The first, full copy.
    First,
    /// What changed since.
    Changes,
    /// What changed since, for the last time, with services stopped.
    Last,
}

/// What a person vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The source is switched off, or its cable is out; seen on the spot.
    SourceOff,
    /// The server's address leads to the landing site.
    Routed,
    /// The machine of a server that was taken back is off and connected to nothing.
    MachineOff,
    /// Converter's first copy is there, driven by a person.
    Copied,
    /// Converter's last synchronisation is over, driven by a person.
    Finalised,
}

impl Fact {
    /// All of them with their words on the command line.
    pub const WORDS: [(&'static str, Fact); 5] = [
        ("source-off", Fact::SourceOff),
        ("routed", Fact::Routed),
        ("machine-off", Fact::MachineOff),
        ("copied", Fact::Copied),
        ("finalised", Fact::Finalised),
    ];

    /// The word on the command line and in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Fact::SourceOff => "source-off",
            Fact::Routed => "routed",
            Fact::MachineOff => "machine-off",
            Fact::Copied => "copied",
            Fact::Finalised => "finalised",
        }
    }
}

/// What shows that a source is off, or that an address leads here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "shown_by")]
pub enum Shown {
    /// What answered before is silent, while a witness on the same LAN answers.
    Silence {
        /// What had answered before.
        silent: Vec<String>,
        /// Who answered meanwhile.
        witness: String,
    },
    /// A person vouches for it.
    Person {
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
    },
    /// A push of the routers, by its name in the journal.
    Push {
        /// Its name.
        run: String,
    },
    /// The machine has an address of the landing site: no route moves.
    OwnAddress,
}

/// What came out of a step: as little as says whether it is still the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Result {
    /// Folders are there.
    Prepared {
        /// Where replicas go.
        folder: String,
    },
    /// A checklist holds.
    Checked {
        /// SHA-256 of its findings without times.
        findings: String,
        /// How many of each verdict.
        verdicts: std::collections::BTreeMap<String, u64>,
    },
    /// Replica and source are equal.
    Copied {
        /// Root of both.
        root: String,
        /// Bytes of the disk.
        length: u64,
    },
    /// The replica was read again and holds.
    Verified {
        /// Its root.
        root: String,
    },
    /// A clone was made.
    Cloned {
        /// Root of the replica before and after.
        root: String,
    },
    /// A test machine was booted from a converted clone.
    Launched {
        /// The machine's name.
        machine: String,
        /// Roots of the replicas, the same before and after.
        roots: Vec<String>,
    },
    /// What the test launches made is gone.
    TestsEnded {
        /// Whether their time was over before they were accepted: they are to be launched again.
        expired: bool,
    },
    /// VMware Converter's copy is there: equality is shown by files.
    Transferred {
        /// The machine's name.
        machine: String,
        /// Which leg of the copy.
        leg: Leg,
    },
    /// The clone that will be used was made and converted.
    Converted {
        /// Roots of the replicas that it was made of.
        roots: Vec<String>,
        /// SHA-256 of the list of what was changed in it.
        changes: String,
    },
    /// People did it, and said so.
    Confirmed {
        /// In which role.
        role: RoleId,
        /// Who.
        by: PersonId,
        /// What was asked then, in one word; none where no probe can see it.
        probe: Option<String>,
    },
    /// Two persons decided it; the program did nothing.
    ByHand {
        /// What became of it.
        way: ByHand,
        /// Who decided: who wanted it, and who agreed.
        decided: Vec<Decision>,
    },
    /// The source is off.
    Fenced(Shown),
    /// The server's address leads to the landing site.
    Routed(Shown),
    /// The machine runs and is connected.
    Booted {
        /// The machine's name.
        machine: String,
    },
    /// The machine is on the datastore of those that stay.
    Relocated {
        /// The machine's name.
        machine: String,
        /// The datastore; none where the landing has no other place than the one it makes machines in.
        datastore: Option<String>,
    },
}

impl Result {
    /// The root, where a disk is concerned.
    pub fn root(&self) -> Option<&str> {
        match self {
            Result::Copied { root, .. } | Result::Verified { root } | Result::Cloned { root } => Some(root),
            _ => None,
        }
    }
}

/// Kinds of trouble, as far as what to do next differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A host cannot be reached: try again.
    Unreachable,
    /// A person has to do something first.
    Waiting,
    /// A check does not hold.
    CheckFailed,
    /// It did not work.
    Failed,
    /// Bytes or evidence do not verify.
    Evidence,
}

impl Class {
    /// What is safe and what next, where the trouble itself does not say it.
    pub fn otherwise(self) -> &'static str {
        match self {
            Class::Unreachable => {
                "What was acknowledged is kept. See that the host is on and its line is up, then give the same command again."
            }
            Class::Waiting => "Nothing goes on by itself. `traghetto migrate status` says who has to do what first.",
            Class::CheckFailed => {
                "The step is not done and nothing after it begins. Mend what the check found, then give the same command again."
            }
            Class::Failed => {
                "What was done is kept, and the step is not done. Mend the cause, then give the same command again; `traghetto migrate log` says what happened."
            }
            Class::Evidence => {
                "Nothing goes on with it: what was copied or signed is not what was recorded. Keep everything as it is and find out who changed it, before you copy or sign again."
            }
        }
    }
}

/// Why an act was left before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The operator pressed Ctrl-C.
    Interrupted,
    /// Somebody asked for a pause.
    Paused,
    /// A person has to sign items of a checklist first.
    Waiting,
}
