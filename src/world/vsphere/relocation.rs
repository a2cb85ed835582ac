//! Machines that move to another datastore: begun, followed where somebody else began it, given up, seen to have left.

use super::client::Client;
use super::inventory::{is_gone, unescape};
use super::machine::Machine;
use super::reading::answer::Object;
use super::reading::{Fault, objects};
use super::task::OnProgress;
use super::trouble::Trouble;
use super::wire::machines;
use super::wire::{Moref, names};
use crate::untrusted::printable;
use crate::world::soap::Element;
use std::time::Duration;

/// What the tasks are called that move a machine.
const MOVES: [&str; 2] = ["VirtualMachine.relocate", "VirtualMachine.migrate"];

/// Where a machine moves to; what is none stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Move<'a> {
    /// The datastore of its files.
    pub datastore: Option<&'a Moref>,
    /// Its resource pool.
    pub pool: Option<&'a Moref>,
    /// Its host.
    pub host: Option<&'a Moref>,
}

/// A datastore that a machine uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Its name.
    pub name: String,
    /// The path of the export that it is; none where it is no NFS export.
    pub export: Option<String>,
}

impl Client {
    /// Moves a machine, on or off.
    ///
    /// # Errors
    /// The server does not move it, or not in time.
    pub async fn relocate(
        &self,
        machine: &Machine,
        to: Move<'_>,
        limit: Duration,
        progress: OnProgress<'_>,
    ) -> Result<(), Trouble> {
        let call = machines::relocate(&machine.object, to.datastore, to.pool, to.host);
        self.run(&call, &doing(machine), limit, progress).await.map(|_| ())
    }

    /// Follows a move of the machine that is under way, such as one that a killed command of ours began, however it
    /// ends. False where there is none.
    ///
    /// # Errors
    /// The server cannot be asked, or it is not over in time; then it goes on.
    pub async fn follow_move(
        &self,
        machine: &Machine,
        limit: Duration,
        progress: OnProgress<'_>,
    ) -> Result<bool, Trouble> {
        let Some(task) = self.move_of(machine).await? else { return Ok(false) };
        match self.follow(&task, &doing(machine), limit, progress).await {
            // Whoever cancelled it does not want it begun again.
            Err(error @ Trouble::Fault { fault: Fault::RequestCanceled, .. }) => Err(error),
            // Where the machine is then says how it ended.
            Ok(_) | Err(Trouble::Fault { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Gives up a move of the machine that is under way, and waits for its end: the machine stays where it was, unless
    /// it was too late. False where there is none.
    ///
    /// # Errors
    /// It cannot be given up, or is not over in time.
    pub async fn give_up_move(&self, machine: &Machine, limit: Duration) -> Result<bool, Trouble> {
        let Some(task) = self.move_of(machine).await? else { return Ok(false) };
        if let Err(error) = self.cancel(&task).await {
            tracing::debug!(server = self.server(), %error, "the move cannot be given up: its end is waited for");
        }
        match self.follow_move(machine, limit, &|_| ()).await {
            Ok(_) | Err(Trouble::Fault { fault: Fault::RequestCanceled, .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The datastores on which anything of a machine is, by the server's own list: disks, settings, snapshots, CDs.
    ///
    /// # Errors
    /// The machine is gone, or the server cannot be asked.
    pub async fn datastores_of(&self, machine: &Machine) -> Result<Vec<Used>, Trouble> {
        let doing = format!("look at the machine {}", printable(&machine.name));
        let used = self.property(&machine.object, names::MACHINE, names::MOUNTED, &doing).await?.unwrap_or_default();
        let used: Vec<Moref> = used.children.iter().filter_map(Element::moref).collect();
        let wanted = [names::NAME, names::DATASTORE_INFO];
        let found = self.properties(&used, names::DATASTORE, &wanted, &doing).await?;
        let read = |one: Object| Used {
            name: one.properties.get(names::NAME).map(|name| unescape(&name.text)).unwrap_or_default(),
            export: one.properties.get(names::DATASTORE_INFO).and_then(objects::nas).map(|(_, path)| path.to_owned()),
        };
        Ok(found.into_iter().map(read).collect())
    }

    /// The task that moves a machine at this moment.
    async fn move_of(&self, machine: &Machine) -> Result<Option<Moref>, Trouble> {
        let doing = doing(machine);
        let recent = self.property(&machine.object, names::MACHINE, names::RECENT, &doing).await?.unwrap_or_default();
        for task in recent.children.iter().filter_map(Element::moref) {
            let info = match self.property(&task, names::TASK, names::TASK_INFO, &doing).await {
                Err(error) if is_gone(&error) => continue,
                info => info?.unwrap_or_default(),
            };
            let works = matches!(info.word("state").trim(), "queued" | "running");
            if works && MOVES.contains(&info.word("descriptionId").trim()) {
                return Ok(Some(task));
            }
        }
        Ok(None)
    }
}

fn doing(machine: &Machine) -> String {
    format!("move the machine {}", printable(&machine.name))
}
