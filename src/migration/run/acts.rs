//! What the runner needs of the world, and what comes of it.

use crate::checklist::Phase as ChecklistPhase;
use crate::migration::plan::Step;
use crate::migration::quiesce::Quiesce;
use crate::migration::record::{self, Class, Leg, Shown};
use crate::migration::shaping::Allowance;
use crate::migration::silence::Sight;
use crate::model::{DiskId, ServerId};
use serde_json::Value;
use std::error::Error;
use std::future::Future;

/// What came of an act that ended well.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// What a signature approves.
    pub result: record::Result,
    /// What it cost.
    pub facts: Value,
}

/// Why an act did not end well.
#[derive(Debug)]
pub struct Trouble {
    /// What kind of trouble.
    pub class: Class,
    /// What went wrong.
    pub source: Box<dyn Error + Send + Sync>,
    /// What is safe at this moment, and what to do next: full sentences.
    pub hints: Vec<String>,
}

impl Trouble {
    /// Trouble of a class.
    pub fn new(class: Class, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { class, source: source.into(), hints: Vec::new() }
    }

    /// Adds what is safe, or what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What is safe at this moment and what to do next; never empty.
    pub fn advice(&self) -> Vec<String> {
        if self.hints.is_empty() { vec![self.class.otherwise().to_owned()] } else { self.hints.clone() }
    }

    /// The message with its causes, on one line.
    pub fn reason(&self) -> String {
        let mut text = self.source.to_string();
        let mut cause = self.source.source();
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        text
    }
}

/// How far an act is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing, in one word.
    pub stage: &'static str,
    /// Bytes of the disk that are done; seconds, where the stage waits.
    pub done: u64,
    /// Bytes of the disk; seconds, where the stage waits.
    pub total: u64,
    /// Bytes that went over the link, both ways.
    pub link: u64,
    /// What may be sent at this moment; none where nothing is sent.
    pub allowance: Option<Allowance>,
}

/// What the runner needs of the world. Every act may be dropped at any moment and done again.
pub trait Acts: Send {
    /// What is there already, before a step is done: kept in the event that begins it.
    fn observe(&mut self, step: &Step) -> impl Future<Output = Value>;

    /// Makes the folders of the replicas and looks for space.
    fn prepare(&mut self) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Runs a checklist.
    fn check(&mut self, phase: ChecklistPhase) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Asks what shows that people have done a step of theirs; what was found. That it does not hold is trouble.
    fn ask(&mut self, step: &Step) -> impl Future<Output = Result<String, Trouble>>;

    /// Brings the replica of a disk up to date.
    fn copy(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Brings the replica of a disk up to date while its source stands still, in whatever way it can.
    fn last_copy(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<LastCopy, Trouble>>;

    /// Reads a whole replica again. That it does not hold is a result, not trouble.
    fn verify(
        &mut self,
        server: &ServerId,
        disk: &DiskId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Reading, Trouble>>;

    /// Clones a replica.
    fn test_clone(&mut self, server: &ServerId, disk: &DiskId) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Lets VMware Converter carry a leg of a server's copy. `said` is whether a person said that it is over.
    fn transfer(
        &mut self,
        server: &ServerId,
        leg: Leg,
        said: bool,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Boots a converted clone of a server in the isolated network.
    fn launch_test(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Destroys every test machine of the tenant, with its clones. Facts.
    fn end_tests(&mut self) -> impl Future<Output = Result<Value, Trouble>>;

    /// Makes the clone that will be used, anew, and converts it.
    fn convert(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Looks once whether anything answers at the source's address, and whether its LAN does.
    fn look(&mut self, server: &ServerId) -> impl Future<Output = Sight>;

    /// Whether the server's address leads to the landing site.
    fn route(&mut self, server: &ServerId) -> impl Future<Output = Result<Routing, Trouble>>;

    /// Makes the server's machine where there is none, and powers it on; connected to nothing unless it was.
    fn raise(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Raised, Trouble>>;

    /// Connects the server's machine to the network of production.
    fn connect(&mut self, server: &ServerId) -> impl Future<Output = Result<(), Trouble>>;

    /// Waits until the machine answers at its address; what answered.
    fn greet(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Vec<String>, Trouble>>;

    /// Moves the server's machine to the datastore of those that stay, where it was staged elsewhere.
    fn relocate(
        &mut self,
        server: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> impl Future<Output = Result<Ended, Trouble>>;

    /// Looks once at the address of a server that is replaced: whether the new machine has it.
    fn look_at_new(&mut self, server: &ServerId) -> impl Future<Output = Result<AddressSeen, Trouble>>;

    /// Takes the server's machine off the network and switches it off; kept, and facts. None is fine.
    fn withdraw(&mut self, server: &ServerId) -> impl Future<Output = Result<Value, Trouble>>;
}

/// Whether an address leads to the landing site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routing {
    /// It does.
    Leads(Shown),
    /// People have to change routers first: what to do, as full sentences.
    Waits(Vec<String>),
}

/// One look at the address of a server that is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressSeen {
    /// What answers there, and who else; none where the address cannot be asked from here.
    pub sight: Option<Sight>,
    /// Whether routers are known to lead it to the landing site, and nobody has begun to lead it back.
    pub leads_here: bool,
}

/// A machine that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// Its name.
    pub machine: String,
    /// Whether it was connected already, by a run that was killed after it.
    pub connected: bool,
}

/// A copy of a source that stood still.
#[derive(Debug, Clone, PartialEq)]
pub struct LastCopy {
    /// The copy.
    pub ended: Ended,
    /// What made the source stand still.
    pub quiesce: Quiesce,
}

/// A whole replica, read again.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Whether every byte is what the last complete pass left.
    pub holds: bool,
    /// The root found.
    pub root: String,
    /// What is wrong, in words; empty if it holds.
    pub wrong: String,
    /// What it cost.
    pub facts: Value,
}
