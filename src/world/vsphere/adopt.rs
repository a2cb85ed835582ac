//! Machines that somebody else made: taken for ours by a mark, and copied for a test.

use super::client::Client;
use super::machine::{Home, Machine, MachineState};
use super::reading::Fault;
use super::spec::Power;
use super::task::OnProgress;
use super::trouble::Trouble;
use super::wire::machines::{self, Target};
use super::wire::names;
use crate::untrusted::printable;
use crate::world::soap::Moref;
use std::time::Duration;

/// How long a mark may take.
const MARKING: Duration = Duration::from_secs(120);

impl Client {
    /// The machine of a name in a folder, whoever made it; none if it is not there.
    ///
    /// # Errors
    /// Something else has the name, or the server cannot be asked.
    pub async fn anybodys(&self, folder: &Moref, name: &str) -> Result<Option<(Machine, MachineState)>, Trouble> {
        let doing = format!("find the machine {}", printable(name));
        let Some(object) = self.child(folder, name, &doing).await? else { return Ok(None) };
        if object.kind != names::MACHINE {
            let (server, path) = (self.server().to_owned(), printable(name));
            return Err(Trouble::Taken { server, path, what: format!("it is a {}", printable(&object.kind)) });
        }
        let machine = Machine { object, name: name.to_owned(), id: String::new() };
        let state = self.state(&machine).await?;
        let id = state.id.clone().unwrap_or_default();
        Ok(Some((Machine { id, ..machine }, state)))
    }

    /// Takes the machine of a name in a folder for the copy `id`, if it is there. It has to be off, with no
    /// cable plugged in: one that runs may be somebody's.
    ///
    /// # Errors
    /// It is another copy, or is on or connected.
    pub async fn adopt(&self, folder: &Moref, name: &str, id: &str) -> Result<Option<Machine>, Trouble> {
        let taken = |what: String| Trouble::Taken { server: self.server().to_owned(), path: printable(name), what };
        let Some((machine, state)) = self.anybodys(folder, name).await? else { return Ok(None) };
        match state.id.as_deref() {
            Some(known) if known == id => return Ok(Some(machine)),
            Some(other) => return Err(taken(format!("it is the copy {}", printable(other)))),
            None => {}
        }
        if state.power != Power::Off || state.nics.iter().any(|nic| nic.connected || nic.start_connected) {
            return Err(taken("it is on, or one of its cards is connected".to_owned()));
        }
        let doing = format!("mark the machine {}", printable(name));
        self.run(&machines::mark(&machine.object, id), &doing, MARKING, &|_| {}).await?;
        Ok(Some(Machine { id: id.to_owned(), ..machine }))
    }

    /// Copies a machine that is off, under a name and a mark of its own; found again where it is there.
    ///
    /// # Errors
    /// Something else has the name, or the server does not copy it.
    pub async fn copy_machine(
        &self,
        from: &Machine,
        home: Home<'_>,
        (name, id): (&str, &str),
        limit: Duration,
        progress: OnProgress<'_>,
    ) -> Result<Machine, Trouble> {
        if let Some(found) = self.machine(home.folder, name, id).await? {
            return Ok(found);
        }
        let doing = format!("copy the machine {}", printable(&from.name));
        let target = Target { folder: home.folder, pool: home.pool, host: home.host };
        match self.run(&machines::clone(&from.object, &target, name, id), &doing, limit, progress).await {
            Ok(Some(object)) => Ok(Machine { object, name: name.to_owned(), id: id.to_owned() }),
            Ok(None) => {
                let fault = Fault::TaskInProgress { task: "its copy".to_owned() };
                Err(Trouble::Fault { server: self.server().to_owned(), doing, fault })
            }
            Err(error) if error.may_be_done() => self.machine(home.folder, name, id).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }
}
