//! VMware vCenter Converter: one trait for the two ways of driving it, and the way over SOAP.
//!
//! Every call names its job by what the job is, never by a number of the server: repeated after a kill
//! it finds what is there, and makes nothing a second time. Names of the API are in `names` and in no
//! other file.

mod bundle;
mod client;
mod fault;
mod names;
mod reading;
mod soap;
mod spec;
mod trouble;
mod wire;

pub use bundle::{Bundle, copy_bundle};
pub use client::Deadlines;
pub use fault::Fault;
pub use soap::SoapConverter;
pub use trouble::Trouble;

use crate::model::bilingual::Bilingual;
use crate::model::converter::{Job, JobSeen, SourceSeen, TargetSeen};
use std::future::Future;
use std::io::Write;

/// What came of asking for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// It is done, or it was done before.
    Done(T),
    /// A person has to do it first.
    Waiting(Waiting),
}

impl<T> Step<T> {
    /// What a person has to do first, if so.
    pub fn waiting(self) -> Option<Waiting> {
        match self {
            Step::Done(_) => None,
            Step::Waiting(waiting) => Some(waiting),
        }
    }
}

/// What a person has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The page that says how: self-contained HTML. None where the sentence is enough.
    pub page: Option<String>,
    /// What to do, as full sentences.
    pub what: Bilingual,
}

/// How far a conversion is, as each way can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The Converter server says it.
    Job(Box<JobSeen>),
    /// The vCenter shows the target, or none.
    Target(Option<TargetSeen>),
}

/// What is running while a job is to be suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// It is left alone, and the job is not suspended: stopped in between, all of it would be sent again.
    Kept,
    /// It is cancelled: it carries changes only, and the next one carries them.
    Cancelled,
}

/// Drives Converter. All of it may be repeated.
pub trait Converting: Send + Sync {
    /// Looks whether the conversion is possible: the agent, the source, the target. What is seen of the
    /// source decides what the job copies.
    fn validate(&self, job: &Job) -> impl Future<Output = Result<Step<SourceSeen>, Trouble>> + Send;

    /// Makes the job, suspended, with everything that `seen` shows; or finds the one that is there.
    fn ensure_job(&self, job: &Job, seen: &SourceSeen) -> impl Future<Output = Result<Step<JobSeen>, Trouble>> + Send;

    /// How far it is.
    fn follow(&self, job: &Job) -> impl Future<Output = Result<Step<Followed>, Trouble>> + Send;

    /// Carries what changed since the last time, from now on.
    fn synchronise(&self, job: &Job) -> impl Future<Output = Result<Step<()>, Trouble>> + Send;

    /// Stops the services of the job and carries what changed, for the last time.
    fn finalise(&self, job: &Job) -> impl Future<Output = Result<Step<()>, Trouble>> + Send;

    /// Lets the job begin nothing more; whether it stands still now.
    fn suspend(&self, job: &Job, running: Running) -> impl Future<Output = Result<Step<bool>, Trouble>> + Send;

    /// Lets the job go on.
    fn resume(&self, job: &Job) -> impl Future<Output = Result<Step<()>, Trouble>> + Send;

    /// Ends the job for good; the target stays as it is.
    fn stop(&self, job: &Job) -> impl Future<Output = Result<Step<()>, Trouble>> + Send;

    /// Takes the log bundle as evidence.
    fn logs(
        &self,
        job: &Job,
        sink: &mut (dyn Write + Send),
    ) -> impl Future<Output = Result<Step<Bundle>, Trouble>> + Send;
}
