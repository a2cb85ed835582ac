//! A checklist as a value: phases, items, probes. Everything here was checked when it was read.

use super::compare::Compare;
use super::expect::Condition;
use super::expression::Expression;
use super::native::Native;
use super::scope::Scope;
use super::template::Template;
use crate::digest::sha256;
use crate::model::RoleId;
use crate::model::bilingual::Bilingual;
use crate::model::server::{Os, ServerRole, Transfer};
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
    /// The copies started for the test, apart from the tenant's network (activities 3 and 4).
    Test,
    /// The landing environment (activity 5).
    Landing,
    /// The physical servers given up (activity 6).
    Decommission,
}

impl Phase {
    /// All phases, in the order of the project.
    pub const ALL: [Phase; 5] = [Phase::Source, Phase::Network, Phase::Test, Phase::Landing, Phase::Decommission];

    /// All phases with their words in a checklist and in a playbook.
    pub const WORDS: [(&'static str, Phase); 5] = [
        ("source", Phase::Source),
        ("network", Phase::Network),
        ("test", Phase::Test),
        ("landing", Phase::Landing),
        ("decommission", Phase::Decommission),
    ];

    /// The word of the command line, and the name of the file.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Source => "source",
            Phase::Network => "network",
            Phase::Test => "test",
            Phase::Landing => "landing",
            Phase::Decommission => "decommission",
        }
    }

    /// Whether its items are asked of the copies: the other phases ask the servers of origin.
    pub fn is_of_copies(self) -> bool {
        matches!(self, Phase::Test | Phase::Landing)
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
    /// Who carries it out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executes: Vec<RoleId>,
    /// Who validates what was found: each of them, jointly.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validates: Vec<RoleId>,
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
    /// When it is asked, in the landing phase: the acceptance needs both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Moment>,
    /// The list of manual items with which it is signed: one signature covers them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_with: Option<String>,
    /// The sentences of the project document that it answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<&'static str>,
    /// What proves a manual item, besides the note.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// How it is found out.
    pub check: Check,
    /// How long a signature on a manual item counts; none is for ever.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_seconds")]
    pub valid_for: Option<Duration>,
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

/// When an item of the landing phase is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// In the night of the cutover, before the go-back time.
    Notte,
    /// In the morning after, with the offices at work.
    Mattina,
}

impl Moment {
    /// Both moments with their words.
    pub const WORDS: [(&'static str, Moment); 2] = [("notte", Moment::Notte), ("mattina", Moment::Mattina)];

    /// The word in a checklist.
    pub fn word(self) -> &'static str {
        match self {
            Moment::Notte => "notte",
            Moment::Mattina => "mattina",
        }
    }
}

/// What proves a manual item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A photo.
    Photo,
    /// A document with its protocol number.
    Document,
    /// What a command or a program printed.
    Output,
}

impl Evidence {
    /// All kinds with their words in a checklist.
    pub const WORDS: [(&'static str, Evidence); 3] =
        [("photo", Evidence::Photo), ("document", Evidence::Document), ("output", Evidence::Output)];
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
    /// A Windows that knows PowerShell 2.0 only: 7, 2008 R2 and older.
    WindowsLegacy,
    /// Any Linux.
    Linux,
}

impl OsFamily {
    /// All families with their words in a checklist.
    pub const WORDS: [(&'static str, OsFamily); 3] =
        [("windows", OsFamily::Windows), ("windows-legacy", OsFamily::WindowsLegacy), ("linux", OsFamily::Linux)];

    /// Whether `os` is of this family.
    pub fn holds(self, os: &Os) -> bool {
        const LEGACY: [&str; 6] = ["Windows 7", "2008", "Vista", "2003", "Windows XP", "2000"];
        match (self, os) {
            (OsFamily::Windows, Os::Windows(_)) | (OsFamily::Linux, Os::Linux(_)) => true,
            (OsFamily::WindowsLegacy, Os::Windows(name)) => LEGACY.iter().any(|old| name.contains(old)),
            _ => false,
        }
    }
}

/// How it is found out whether an item holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "a checklist has some hundred items, most of them probes")]
pub enum Check {
    /// The program looks.
    Probe {
        /// What it asks.
        probe: Probe,
        /// What must hold of the answer: all of it.
        expect: Vec<Condition>,
        /// How many of these, the first, the item does not say: they hold unless it says otherwise.
        #[serde(skip)]
        implied: usize,
        /// What must hold of it besides, as an expression.
        #[serde(skip_serializing_if = "Option::is_none")]
        expression: Option<Expression>,
        /// What is kept of it, and how it is compared with what the source phase kept.
        #[serde(skip_serializing_if = "Option::is_none")]
        compare: Option<Compare>,
        /// Most bytes that a script may print, where it is more than the usual.
        #[serde(skip_serializing_if = "Option::is_none")]
        most_bytes: Option<u32>,
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

/// What the program asks. `sh` runs on the server, the others start beside it: from the
/// operations host, or under test from the probe machine.
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
        /// Between two of them.
        #[serde(serialize_with = "milliseconds")]
        every: Duration,
    },
    /// Measures what the line carries to and from a server, over SSH.
    Throughput {
        /// For how long, each way.
        #[serde(serialize_with = "seconds")]
        time: Duration,
        /// The rate that it is compared with, in Mbit/s.
        rate: Option<Template>,
    },
    /// Looks how a router stands: HSRP groups, tracked objects, IP SLA probes.
    Ios {
        /// Which router.
        router: RouterOf,
    },
    /// Runs a script with `/bin/sh` on the server.
    Sh {
        /// The script; values are quoted for the shell.
        script: Template,
    },
    /// Runs a script with PowerShell 2.0 on the server.
    Ps {
        /// The script; values are quoted for PowerShell.
        script: Template,
    },
    /// Asks a service in its own protocol.
    #[serde(untagged)]
    Native(Native),
}

impl Probe {
    /// The words of the kinds that are written in this file; [`Native::KINDS`] has the others.
    const OWN_KINDS: [&'static str; 8] = ["tcp", "dns", "http", "ping", "throughput", "ios", "sh", "ps"];

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
            Probe::Throughput { .. } => "throughput",
            Probe::Ios { .. } => "ios",
            Probe::Sh { .. } => "sh",
            Probe::Ps { .. } => "ps",
            Probe::Native(native) => native.kind(),
        }
    }
}

/// A router that a checklist asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RouterOf {
    /// The CPE of the site's primary line.
    Primary,
    /// The CPE of its backup line, where it is another one.
    Standby,
    /// The hub at the SAD.
    Hub,
}

impl RouterOf {
    /// All of them with their words in a checklist.
    pub const WORDS: [(&'static str, RouterOf); 3] =
        [("primary", RouterOf::Primary), ("standby", RouterOf::Standby), ("hub", RouterOf::Hub)];
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(duration.as_millis())
}

fn some_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs()).serialize(serializer)
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
