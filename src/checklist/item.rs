//! A checklist as a value: phases, items, probes. Everything here was checked when it was read.

use super::expect::Condition;
use super::native::Native;
use super::scope::Scope;
use super::template::Template;
use crate::digest::sha256;
use crate::model::RoleId;
use crate::model::bilingual::Bilingual;
use crate::model::server::{ServerRole, Transfer};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// When a checklist is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The environment of origin (activity 2).
    Source,
    /// The MPLS link, before activity 1.
    Network,
    /// The landing environment (activity 5).
    Landing,
}

impl Phase {
    /// All phases, in the order of the project.
    pub const ALL: [Phase; 3] = [Phase::Source, Phase::Network, Phase::Landing];

    /// All phases with their words in a checklist and in a playbook.
    pub const WORDS: [(&'static str, Phase); 3] =
        [("source", Phase::Source), ("network", Phase::Network), ("landing", Phase::Landing)];

    /// The word of the command line, and the name of the file.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Source => "source",
            Phase::Network => "network",
            Phase::Landing => "landing",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A checklist, as read from `checklists/PHASE.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checklist {
    /// When it is run.
    pub phase: Phase,
    /// Version of its text, raised by whoever changes it.
    pub version: u32,
    /// The items, in the order in which they are read out.
    pub items: Vec<Item>,
}

impl Checklist {
    /// The item `id`.
    pub fn item(&self, id: &ItemId) -> Option<&Item> {
        self.items.iter().find(|item| item.id == *id)
    }

    /// SHA-256 of the whole text, as hex.
    pub fn digest(&self) -> String {
        digest(self)
    }
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// Id, unique in the checklist.
    pub id: ItemId,
    /// What holds, in one short sentence.
    pub title: Bilingual,
    /// What follows if it does not hold.
    pub severity: Severity,
    /// Who answers for it; a manual item is signed by each of them.
    pub roles: Vec<RoleId>,
    /// Which servers it is for.
    pub applies_to: AppliesTo,
    /// What it is asked of.
    pub scope: Scope,
    /// How it is found out.
    pub check: Check,
}

impl Item {
    /// SHA-256 of the item's whole text, as hex: what a signature approves.
    pub fn digest(&self) -> String {
        digest(self)
    }

    /// The word for how it is found out: a probe's kind, or `manual`.
    pub fn kind(&self) -> &'static str {
        match &self.check {
            Check::Probe { probe, .. } => probe.kind(),
            Check::Manual { .. } => "manual",
        }
    }
}

/// SHA-256 of a value's JSON, whose keys come in the order of the fields.
fn digest(value: &impl Serialize) -> String {
    sha256(&serde_json::to_vec(value).unwrap_or_default())
}

/// What follows if an item does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The gate stays closed.
    Blocker,
    /// Somebody decides.
    Warning,
    /// It is written down.
    Info,
}

impl Severity {
    /// All severities with their words in a checklist.
    pub const WORDS: [(&'static str, Severity); 3] =
        [("blocker", Severity::Blocker), ("warning", Severity::Warning), ("info", Severity::Info)];

    /// The word in a checklist.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Blocker => "blocker",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// Which servers an item is for. An empty list does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AppliesTo {
    /// Families of operating systems.
    pub os: Vec<OsFamily>,
    /// Servers with at least one of these roles.
    pub roles: Vec<ServerRole>,
    /// Ways of moving.
    pub transfers: Vec<Transfer>,
}

/// Family of an operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OsFamily {
    /// Any Windows.
    Windows,
    /// Any Linux.
    Linux,
}

impl OsFamily {
    /// Both families with their words in a checklist.
    pub const WORDS: [(&'static str, OsFamily); 2] = [("windows", OsFamily::Windows), ("linux", OsFamily::Linux)];
}

/// How it is found out whether an item holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The program looks.
    Probe {
        /// What it asks.
        probe: Probe,
        /// What must hold of the answer: all of it.
        expect: Vec<Condition>,
        /// How long it asks again while the answer is not the expected one.
        until: Option<Until>,
        /// How long it waits for one answer.
        #[serde(serialize_with = "seconds")]
        timeout: Duration,
    },
    /// A person looks, and signs.
    Manual {
        /// What the person does.
        instructions: Bilingual,
    },
}

/// Asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Until {
    /// For how long, from the first question.
    #[serde(serialize_with = "seconds")]
    pub within: Duration,
    /// How long between two questions.
    #[serde(serialize_with = "seconds")]
    pub every: Duration,
}

/// What the program asks. Native probes start from the operations host, `sh` runs on the server.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Connects to a TCP port.
    Tcp {
        /// Name or address.
        host: Template,
        /// Port.
        port: Template,
    },
    /// Asks a name server.
    Dns {
        /// Address of the name server.
        server: Template,
        /// The name asked for.
        name: Template,
        /// Type of the records, such as `SRV`.
        record: String,
    },
    /// Fetches a page.
    Http {
        /// `http://` or `https://`.
        url: Template,
    },
    /// Sends ICMP echo requests.
    Ping {
        /// Name or address.
        host: Template,
        /// How many.
        count: u32,
    },
    /// Runs a script with `/bin/sh` on the server.
    Sh {
        /// The script; values are quoted for the shell.
        script: Template,
    },
    /// Asks a service in its own protocol.
    #[serde(untagged)]
    Native(Native),
}

impl Probe {
    /// The words of the kinds that are written in this file; [`Native::KINDS`] has the others.
    const OWN_KINDS: [&'static str; 5] = ["tcp", "dns", "http", "ping", "sh"];

    /// The words of all kinds.
    pub fn kinds() -> Vec<&'static str> {
        [Self::OWN_KINDS.as_slice(), &Native::KINDS].concat()
    }

    /// The word in a checklist.
    pub fn kind(&self) -> &'static str {
        match self {
            Probe::Tcp { .. } => "tcp",
            Probe::Dns { .. } => "dns",
            Probe::Http { .. } => "http",
            Probe::Ping { .. } => "ping",
            Probe::Sh { .. } => "sh",
            Probe::Native(native) => native.kind(),
        }
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

/// Id of an item, such as `SRC-OS-01`: upper-case letters, digits and single hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ItemId(String);

/// Why a text is not the id of an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an item's id: use upper-case letters, digits and single hyphens, such as SRC-OS-01")]
pub struct InvalidItemId {
    /// The offending text.
    pub text: String,
}

impl ItemId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ItemId {
    type Err = InvalidItemId;
    fn from_str(text: &str) -> Result<Self, InvalidItemId> {
        let allowed = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'-';
        let framed = text.starts_with(|c: char| c.is_ascii_uppercase()) && !text.ends_with('-');
        if text.len() <= 32 && framed && !text.contains("--") && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidItemId { text: text.to_owned() })
        }
    }
}

impl TryFrom<String> for ItemId {
    type Error = InvalidItemId;
    fn try_from(text: String) -> Result<Self, InvalidItemId> {
        text.parse()
    }
}

impl From<ItemId> for String {
    fn from(id: ItemId) -> String {
        id.0
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_ids_are_upper_case_words() {
        for good in ["SRC-OS-01", "A", "L-VM-13"] {
            assert!(good.parse::<ItemId>().is_ok(), "{good}");
        }
        for bad in ["", "src-os", "-A", "A-", "A--B", "1A", "A_B", "A B"] {
            assert!(bad.parse::<ItemId>().is_err(), "{bad}");
        }
    }
}
