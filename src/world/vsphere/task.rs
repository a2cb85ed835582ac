//! Tasks: what the server does after it has answered.

use super::client::Client;
use super::reading::objects::{self, TaskState};
use super::trouble::Trouble;
use super::watch::Waited;
use super::wire::{Call, Moref, calls, names};
use std::time::Duration;
use tokio::time::Instant;

/// Is told how far a thing is, in percent.
pub type OnProgress<'a> = &'a (dyn Fn(u8) + Send + Sync);

impl Client {
    /// Starts a task and follows it to its end: what it made, if it made something.
    ///
    /// The wait may be given up at any point: the task goes on, and the next command finds what it did.
    ///
    /// # Errors
    /// The task cannot be started or fails, or it is not over in time; then it goes on.
    pub(super) async fn run(
        &self,
        call: &Call,
        doing: &str,
        limit: Duration,
        progress: OnProgress<'_>,
    ) -> Result<Option<Moref>, Trouble> {
        let task = self.call_object(call, doing).await?;
        self.follow(&task, doing, limit, progress).await
    }

    pub(super) async fn follow(
        &self,
        task: &Moref,
        doing: &str,
        limit: Duration,
        progress: OnProgress<'_>,
    ) -> Result<Option<Moref>, Trouble> {
        let properties = &[names::TASK_STATE, names::TASK_PROGRESS];
        let deadline = Instant::now() + limit;
        let waited = Waited { object: task, kind: names::TASK, properties, doing, deadline, limit };
        let ended = self.wait_until(&waited, |properties| {
            if let Some(percent) = properties.get(names::TASK_PROGRESS).and_then(objects::percent) {
                progress(percent);
            }
            properties.get(names::TASK_STATE).filter(|state| objects::has_ended(state)).map(|_| ())
        });
        match ended.await {
            Err(Trouble::Deadline { server, doing, seconds, .. }) => {
                let (task, question) = (task.to_string(), String::new());
                return Err(Trouble::TaskDeadline { server, doing, seconds, task, question });
            }
            ended => ended?,
        }
        let Some(info) = self.property(task, names::TASK, names::TASK_INFO, doing).await? else {
            let what = "the task has no result".to_owned();
            return Err(Trouble::Answer { server: self.server().to_owned(), doing: doing.to_owned(), what });
        };
        match self.read(objects::task(&info), doing)? {
            TaskState::Success(result) => Ok(result),
            TaskState::Failed(fault) => {
                Err(Trouble::Fault { server: self.server().to_owned(), doing: doing.to_owned(), fault })
            }
            TaskState::Running => {
                let what = "a task that had ended runs".to_owned();
                Err(Trouble::Answer { server: self.server().to_owned(), doing: doing.to_owned(), what })
            }
        }
    }

    /// Asks the server to end a task; it may not be able to.
    ///
    /// # Errors
    /// It cannot be cancelled.
    pub async fn cancel(&self, task: &Moref) -> Result<(), Trouble> {
        self.call(&calls::cancel_task(task), &format!("cancel the task {task}")).await.map(|_| ())
    }
}
