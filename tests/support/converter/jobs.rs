//! Jobs, and what they do as time goes on.

use super::soap::fault;
use super::{RATE, State, USED};
use jiff::Timestamp;

/// A job.
pub struct SimJob {
    pub id: String,
    pub key: String,
    pub name: String,
    pub description: String,
    /// Its settings, as they were sent.
    pub spec: String,
    pub source: String,
    pub target: String,
    pub suspended: bool,
    pub deactivated: bool,
    pub finalize: bool,
    pub services: Vec<String>,
    pub task: Option<Task>,
    /// The last error, as the fault inside a LocalizedMethodFault.
    pub error: Option<String>,
    pub errors: u32,
    pub created: Timestamp,
    pub changed: Timestamp,
    pub started: Option<Timestamp>,
    pub completed: Option<Timestamp>,
    pub due: Option<Timestamp>,
    /// Whether the first copy is there.
    pub copied: bool,
    /// Bytes that changed since the last run began.
    pub dirty: u64,
}

/// What a job does now.
#[derive(Clone)]
pub struct Task {
    pub id: String,
    pub incremental: bool,
    /// Whether it is the last synchronisation.
    pub last: bool,
    pub total: u64,
    pub done: u64,
}

impl Task {
    pub fn percent(&self) -> u8 {
        u8::try_from((self.done * 100).checked_div(self.total).unwrap_or(100)).unwrap_or(100)
    }
}

impl State {
    /// So many seconds go by.
    pub fn step(&mut self, seconds: u64) {
        for at in 0..self.jobs.len() {
            self.jobs[at].dirty += self.churn * seconds;
            if self.jobs[at].task.is_some() {
                self.carry(at, seconds);
            } else {
                self.begin(at);
            }
        }
    }

    /// Begins what is due.
    fn begin(&mut self, at: usize) {
        let job = &self.jobs[at];
        let due = job.due.is_some_and(|due| due <= self.now);
        if !due || job.suspended || job.deactivated {
            return;
        }
        let (source, incremental) = (job.source.clone(), job.copied);
        let target_is_on = self.on.contains(&job.target);
        if !incremental {
            let copies = self.full.entry(source.clone()).or_default();
            *copies += 1;
            if *copies > 1 {
                self.wrong.push(format!("a second full copy of {source}"));
                return self.fail(at, "<fault xsi:type=\"ConverterCloneFault\"/>");
            }
        } else if target_is_on {
            self.wrong.push("a synchronisation of a target that was turned on".to_owned());
            return self.fail(at, "<fault xsi:type=\"ConverterCloneFault\"/>");
        }
        let id = self.fresh("task");
        let job = &mut self.jobs[at];
        let total = if incremental { std::mem::take(&mut job.dirty).max(1) } else { USED };
        job.dirty = 0;
        job.due = None;
        job.started = Some(self.now);
        job.task = Some(Task { id, incremental, last: incremental && job.finalize, total, done: 0 });
        if incremental && job.finalize {
            self.stopped.extend(job.services.clone());
        }
    }

    fn carry(&mut self, at: usize, seconds: u64) {
        let Some(task) = &mut self.jobs[at].task else { return };
        let bytes = (RATE * seconds).min(task.total - task.done);
        task.done += bytes;
        self.wan += bytes;
        let (percent, done) = (task.percent(), task.done == task.total);
        if let Some((when, inner)) = self.plan.fail_at.take_if(|(when, _)| percent >= *when) {
            let _ = when;
            return self.fail(at, &inner);
        }
        if done {
            let job = &mut self.jobs[at];
            let last = job.task.take().is_some_and(|task| task.last);
            (job.copied, job.errors, job.completed) = (true, 0, Some(self.now));
            job.deactivated |= last;
        }
    }

    fn fail(&mut self, at: usize, inner: &str) {
        let job = &mut self.jobs[at];
        job.task = None;
        job.due = None;
        job.errors += 1;
        job.error = Some(inner.to_owned());
        job.started = job.started.or(Some(self.now));
        job.completed = Some(self.now);
    }

    /// The job with this name of the server.
    pub fn job(&mut self, id: &str) -> Result<&mut SimJob, String> {
        self.jobs
            .iter_mut()
            .find(|job| job.id == id)
            .ok_or_else(|| fault("ManagedObjectNotFound", &format!("<obj type=\"X\">{id}</obj>")))
    }

    /// Ends what runs, or says that it runs.
    pub fn end_task(&mut self, id: &str, handling: &str) -> Result<(), String> {
        let job = self.job(id)?;
        match &job.task {
            Some(_) if handling == "failIfActiveTask" => Err(fault("ConverterJobHasActiveTaskFault", "")),
            Some(task) if !task.incremental => {
                let source = job.source.clone();
                job.task = None;
                self.wrong.push(format!("the first copy of {source} was cancelled"));
                Ok(())
            }
            // What it did not carry, the next one does.
            Some(task) => {
                job.dirty += task.total - task.done;
                job.task = None;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
