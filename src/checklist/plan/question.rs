//! What there is to do for an item: its question with the values filled in.

use crate::checklist::compare::{Captured, Compare};
use crate::checklist::expect::Condition;
use crate::checklist::expression::Expression;
use crate::checklist::finding::Subject;
use crate::checklist::item::{Item, Until};
use crate::checklist::native::Native;
use crate::digest::sha256;
use crate::model::router_access::RouterAccess;
use crate::model::script_access::ScriptAccess;
use crate::model::server::Access;
use crate::model::tenant::Tenant;
use std::net::Ipv4Addr;
use std::time::Duration;

/// One item for one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The item.
    pub item: Item,
    /// What it is asked of.
    pub subject: Subject,
    /// What there is to do.
    pub todo: Todo,
}

/// What there is to do for a task.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a run has some hundred tasks, most of them questions")]
pub enum Todo {
    /// Nothing: the item is not for this subject, for this reason.
    Skip(String),
    /// Nothing: it cannot be asked, for this reason.
    Impossible(String),
    /// A person signs.
    Sign,
    /// A question is asked.
    Ask(Inquiry),
}

/// A question with what must hold of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Inquiry {
    /// The question.
    pub question: Question,
    /// Of which machine.
    pub asked: Asked,
    /// From where.
    pub origin: Origin,
    /// What must hold of the answer.
    pub expect: Vec<Condition<String>>,
    /// What must hold of it besides.
    pub expression: Option<Expression>,
    /// What is kept of it and how it is compared.
    pub compare: Option<Compare>,
    /// What the source phase kept of the same thing.
    pub before: Option<Captured>,
    /// Most bytes that a script may print.
    pub most_bytes: usize,
    /// How long it is asked again.
    pub until: Option<Until>,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// The machine from which a question goes out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// The operations host.
    #[default]
    OperationsHost,
    /// The operations host, while sources answer beside their copies: where an answer sends on to may be one
    /// of them.
    AmongSources,
    /// The probe machine of the tenant's test network.
    ProbeMachine(Box<ProbeMachine>),
}

/// A probe machine, and whom it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeMachine {
    /// How it is reached.
    pub access: Access,
    /// The addresses that copies have under test, which it must have a card of its own to.
    pub copies: Vec<Ipv4Addr>,
}

impl ProbeMachine {
    /// The probe machine of a tenant, if it has one.
    pub fn of(tenant: &Tenant) -> Option<Self> {
        let copies = tenant.servers.known().into_iter().flatten().map(|server| server.address).collect();
        Some(Self { access: tenant.test_probe.clone()?, copies })
    }
}

impl Origin {
    /// The host of the probe machine, if it is one.
    pub fn probe(&self) -> Option<&str> {
        match self {
            Origin::OperationsHost | Origin::AmongSources => None,
            Origin::ProbeMachine(probe) => Some(&probe.access.host),
        }
    }
}

/// The machine behind a question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// The server's addresses before and after its move; none where it is asked of something else.
    pub of: Vec<String>,
    /// Whether it is at times started as another system (`rescue`): then one of the two is silent.
    pub alternates: bool,
}

impl Inquiry {
    /// SHA-256 of what was asked of whom, as hex: a finding counts for this question only. How a script
    /// reached its host is no part of it: the Comune may have carried it there. From where any other
    /// question was asked is: one address is a source here, and its copy in the test network.
    pub fn identity(&self) -> String {
        let expected = format!("{:?} {:?}", self.expect, self.expression);
        let question = match (self.question.script(), self.origin.probe()) {
            (Some((_, script)), _) => script.to_owned(),
            (None, None) => format!("{:?}", self.question),
            (None, Some(probe)) => format!("{:?} from {probe}", self.question),
        };
        sha256(serde_json::json!([self.asked.of, question, expected]).to_string().as_bytes())
    }
}

/// A probe with its values filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Connect to a TCP port.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Ask a name server.
    Dns {
        /// Address of the name server.
        server: String,
        /// Name asked for.
        name: String,
        /// Type of the records.
        record: String,
    },
    /// Fetch a page.
    Http {
        /// Its address.
        url: String,
    },
    /// Send ICMP echo requests.
    Ping {
        /// Name or address.
        host: String,
        /// How many.
        count: u32,
        /// Between two of them.
        every: Duration,
    },
    /// Measure what the line carries.
    Throughput {
        /// How the host is reached.
        access: Access,
        /// For how long, each way.
        time: Duration,
        /// The rate that it is compared with, in Mbit/s.
        rate: Option<u32>,
    },
    /// Look how a router stands.
    Ios {
        /// What it is called.
        router: &'static str,
        /// How it is reached.
        access: Box<RouterAccess>,
    },
    /// Run a script on a host.
    Sh {
        /// How the host is reached.
        access: Access,
        /// The script.
        script: String,
    },
    /// Run a script with PowerShell on a host.
    Ps {
        /// How the host is reached.
        access: ScriptAccess,
        /// The script.
        script: String,
    },
    /// Ask a service in its own protocol.
    Native(Native<String>),
}

impl Question {
    /// The host and the script, where it is one.
    pub fn script(&self) -> Option<(ScriptAccess, &str)> {
        match self {
            Question::Sh { access, script } => Some((ScriptAccess::Sh(access.clone()), script)),
            Question::Ps { access, script } => Some((access.clone(), script)),
            _ => None,
        }
    }
}
