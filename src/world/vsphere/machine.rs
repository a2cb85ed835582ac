//! Virtual machines: found by their mark, created, changed, turned on and off, moved, removed.

mod change;

use super::client::Client;
use super::datastore::Datacenter;
use super::inventory::{is_gone, is_taken, unescape};
use super::reading::answer::{self, Properties};
use super::reading::objects::{self, Device, Plug};
use super::reading::{Element, Fault};
use super::spec::{Change, DatastoreFile, MachineSpec, Power};
use super::task::OnProgress;
use super::trouble::Trouble;
use super::watch::Waited;
use super::wire::machines::{self, Edit, Target};
use super::wire::{Moref, calls, names};
use crate::untrusted::{one_line, printable};
use change::edit;
use std::time::Duration;
use tokio::time::Instant;

/// How long a change of the configuration may take.
const CHANGE: Duration = Duration::from_secs(300);

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its object.
    pub object: Moref,
    /// Its name.
    pub name: String,
    /// Whose copy it is.
    pub id: String,
}

/// Where a machine is to be.
#[derive(Debug, Clone, Copy)]
pub struct Home<'a> {
    /// Its folder.
    pub folder: &'a Moref,
    /// Its resource pool.
    pub pool: &'a Moref,
    /// Its host; none lets the server choose.
    pub host: Option<&'a Moref>,
}

/// How a machine stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineState {
    /// Whether it is on.
    pub power: Power,
    /// Whose copy it is, if it is one of ours.
    pub id: Option<String>,
    /// False for one whose disks have not all arrived.
    pub complete: bool,
    /// Its configuration file.
    pub home: Option<DatastoreFile>,
    /// The files of its disks, by their places.
    pub disks: Vec<DatastoreFile>,
    /// Its network cards.
    pub nics: Vec<NicState>,
    /// What it asks before it goes on, or nothing.
    pub question: Option<String>,
}

/// How a network card stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicState {
    /// Its address.
    pub mac: String,
    /// Whether the cable is plugged in now.
    pub connected: bool,
    /// Whether it is plugged in at power on.
    pub start_connected: bool,
    /// Where the cable goes.
    pub plug: Plug,
}

impl Client {
    /// The machine of a name in a folder, if it is the copy `id`.
    ///
    /// # Errors
    /// Something else has the name, or the server cannot be asked.
    pub async fn machine(&self, folder: &Moref, name: &str, id: &str) -> Result<Option<Machine>, Trouble> {
        let doing = format!("find the machine {}", printable(name));
        let Some(object) = self.child(folder, name, &doing).await? else { return Ok(None) };
        let taken = |what: String| Trouble::Taken { server: self.server().to_owned(), path: printable(name), what };
        if object.kind != names::MACHINE {
            return Err(taken(format!("it is a {}", printable(&object.kind))));
        }
        let machine = Machine { object, name: name.to_owned(), id: id.to_owned() };
        match self.state(&machine).await {
            Ok(state) if state.id.as_deref() == Some(id) => Ok(Some(machine)),
            Ok(MachineState { id: Some(other), .. }) => Err(taken(format!("it is the copy {}", printable(&other)))),
            // Without any configuration it is being created.
            Ok(MachineState { home: None, .. }) => {
                let fault = Fault::TaskInProgress { task: "its creation".to_owned() };
                Err(Trouble::Fault { server: self.server().to_owned(), doing, fault })
            }
            Ok(_) => Err(taken("it is no machine of traghetto".to_owned())),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The machine of a UUID in a datacenter, if it is the copy `id`, wherever it is and whatever it is called.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub async fn machine_of(&self, datacenter: &Datacenter, uuid: &str, id: &str) -> Result<Option<Machine>, Trouble> {
        let doing = format!("find the machine {uuid}");
        let call = calls::find_by_uuid(&self.content().index, &datacenter.object, uuid);
        let returned = self.call(&call, &doing).await?;
        if returned.is_empty() {
            return Ok(None);
        }
        let object = self.read(answer::object(returned), &doing)?;
        let name = match self.property(&object, names::MACHINE, names::NAME, &doing).await {
            Err(error) if is_gone(&error) => return Ok(None),
            name => name?.map(|name| unescape(&name.text)).unwrap_or_default(),
        };
        let machine = Machine { object, name, id: id.to_owned() };
        match self.state(&machine).await {
            Ok(state) if state.id.as_deref() == Some(id) => Ok(Some(machine)),
            Ok(_) => Ok(None),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How a machine stands.
    ///
    /// # Errors
    /// It is gone, or the server cannot be asked.
    pub async fn state(&self, machine: &Machine) -> Result<MachineState, Trouble> {
        let doing = format!("look at the machine {}", printable(&machine.name));
        let wanted = [names::POWER, names::EXTRA, names::VMX, names::DEVICES, names::QUESTION];
        let properties = self.properties_of(&machine.object, names::MACHINE, &wanted, &doing).await?;
        self.read(state(&properties), &doing)
    }

    /// The machine of this specification: the one that is there with its mark, or a new one.
    ///
    /// # Errors
    /// Something else has the name, or the server does not create it.
    pub async fn ensure_machine(
        &self,
        home: Home<'_>,
        spec: &MachineSpec,
        limit: Duration,
        progress: OnProgress<'_>,
    ) -> Result<Machine, Trouble> {
        let doing = format!("create the machine {}", printable(&spec.name));
        self.check(spec, &doing)?;
        if let Some(found) = self.machine(home.folder, &spec.name, &spec.id).await? {
            if self.state(&found).await?.complete {
                return Ok(found);
            }
            let (server, path) = (self.server().to_owned(), printable(&spec.name));
            return Err(Trouble::Taken { server, path, what: "its disks have not all arrived".to_owned() });
        }
        let target = Target { folder: home.folder, pool: home.pool, host: home.host };
        match self.run(&machines::create(&target, spec), &doing, limit, progress).await {
            Ok(Some(object)) => Ok(Machine { object, name: spec.name.clone(), id: spec.id.clone() }),
            Ok(None) => {
                let what = "it does not say which machine it made".to_owned();
                Err(Trouble::Answer { server: self.server().to_owned(), doing, what })
            }
            Err(error) if is_taken(&error) || error.may_be_done() => {
                self.machine(home.folder, &spec.name, &spec.id).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn check(&self, spec: &MachineSpec, doing: &str) -> Result<(), Trouble> {
        let (server, doing) = (self.server().to_owned(), doing.to_owned());
        spec.problem().map_or(Ok(()), |what| Err(Trouble::Request { server, doing, what }))
    }

    /// Changes what is other than it should be.
    ///
    /// # Errors
    /// There is no such disk, card or place, or the server does not do it.
    pub async fn reconfigure(&self, machine: &Machine, changes: &[Change]) -> Result<(), Trouble> {
        let doing = format!("change the machine {}", printable(&machine.name));
        let hardware = self.property(&machine.object, names::MACHINE, names::DEVICES, &doing).await?;
        let devices = self.read(objects::devices(&hardware.unwrap_or_default()), &doing)?;
        let request = |what| Trouble::Request { server: self.server().to_owned(), doing: doing.clone(), what };
        let mut edits = Vec::new();
        for change in changes {
            edits.extend(edit(&devices, change, edits.len()).map_err(request)?);
        }
        self.edit(machine, &edits, &doing).await
    }

    pub(super) async fn edit(&self, machine: &Machine, edits: &[Edit<'_>], doing: &str) -> Result<(), Trouble> {
        if edits.is_empty() {
            return Ok(());
        }
        let call = machines::reconfigure(&machine.object, "", edits);
        self.run(&call, doing, CHANGE, &|_| ()).await.map(|_| ())
    }

    /// Turns a machine on, if it is not.
    ///
    /// # Errors
    /// It does not turn on in time; says what it asks, if it does.
    pub async fn power_on(&self, machine: &Machine, limit: Duration) -> Result<(), Trouble> {
        let doing = format!("turn on the machine {}", printable(&machine.name));
        self.power(machine, Power::On, &machines::power_on(&machine.object), &doing, limit).await
    }

    /// Turns a machine's power off, if it is on.
    ///
    /// # Errors
    /// It does not turn off in time.
    pub async fn power_off(&self, machine: &Machine, limit: Duration) -> Result<(), Trouble> {
        let doing = format!("turn off the machine {}", printable(&machine.name));
        self.power(machine, Power::Off, &machines::power_off(&machine.object), &doing, limit).await
    }

    async fn power(
        &self,
        machine: &Machine,
        wanted: Power,
        call: &super::wire::Call,
        doing: &str,
        limit: Duration,
    ) -> Result<(), Trouble> {
        if self.state(machine).await?.power == wanted {
            return Ok(());
        }
        let error = match self.run(call, doing, limit, &|_| ()).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let late = matches!(error, Trouble::TaskDeadline { .. });
        if !late && !error.may_be_done() && !matches!(error.fault(), Some(Fault::InvalidPowerState { .. })) {
            return Err(error);
        }
        // Somebody else was quicker, or the answer was lost, or it asks something.
        let state = self.state(machine).await?;
        if state.power == wanted {
            return Ok(());
        }
        Err(match (error, state.question) {
            (Trouble::TaskDeadline { server, doing, seconds, task, .. }, Some(asked)) => {
                let question = format!(", and the machine asks: {asked}");
                Trouble::TaskDeadline { server, doing, seconds, task, question }
            }
            (error, _) => error,
        })
    }

    /// Asks the guest to shut down, and waits until it is off.
    ///
    /// # Errors
    /// VMware Tools do not run in it, or it is not off in time.
    pub async fn shut_down(&self, machine: &Machine, limit: Duration) -> Result<(), Trouble> {
        let doing = format!("shut down the guest of {}", printable(&machine.name));
        if self.state(machine).await?.power == Power::Off {
            return Ok(());
        }
        match self.call(&machines::shut_down(&machine.object), &doing).await {
            Err(error) if !error.may_be_done() => return Err(error),
            _ => {}
        }
        let (object, properties, deadline) = (&machine.object, &[names::POWER], Instant::now() + limit);
        let waited = Waited { object, kind: names::MACHINE, properties, doing: &doing, deadline, limit };
        let is_off = |properties: &Properties| {
            let power = properties.get(names::POWER).and_then(|power| objects::power(power).ok())?;
            (power == Power::Off).then_some(())
        };
        self.wait_until(&waited, is_off).await
    }

    /// Takes a machine out of the inventory; its files stay. What is gone already is well.
    ///
    /// # Errors
    /// It is not the copy that it should be, or is on.
    pub async fn unregister(&self, machine: &Machine) -> Result<(), Trouble> {
        let doing = format!("unregister the machine {}", printable(&machine.name));
        if !self.is_ours(machine).await? {
            return Ok(());
        }
        match self.call(&machines::unregister(&machine.object), &doing).await {
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) if error.may_be_done() && !self.is_ours(machine).await? => Ok(()),
            told => told.map(|_| ()),
        }
    }

    /// Destroys a machine **with its disks**. What is gone already is well.
    ///
    /// # Errors
    /// It is not the copy that it should be, or is on.
    pub async fn destroy_machine(&self, machine: &Machine, limit: Duration) -> Result<(), Trouble> {
        let doing = format!("destroy the machine {}", printable(&machine.name));
        if !self.is_ours(machine).await? {
            return Ok(());
        }
        self.destroy(&machine.object, &doing, limit).await
    }

    /// False if it is gone; an error if it is another's.
    async fn is_ours(&self, machine: &Machine) -> Result<bool, Trouble> {
        match self.state(machine).await {
            Ok(state) if state.id.as_deref() == Some(&machine.id) => Ok(true),
            Ok(_) => {
                let what = format!("it is not the copy {}", printable(&machine.id));
                Err(Trouble::Taken { server: self.server().to_owned(), path: printable(&machine.name), what })
            }
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn state(properties: &Properties) -> Result<MachineState, super::reading::Unreadable> {
    let nothing = Element::default();
    let get = |name: &str| properties.get(name).unwrap_or(&nothing);
    let devices = objects::devices(get(names::DEVICES))?;
    let mut disks: Vec<_> = devices.iter().filter(|device| device.is_disk()).collect();
    disks.sort_by_key(|disk| (disk.controller, disk.unit));
    let nic = |device: &Device| {
        let (mac, (connected, start_connected)) = (device.mac.clone()?, device.connected);
        Some(NicState { mac, connected, start_connected, plug: device.plug.clone() })
    };
    let option = |key| objects::option(get(names::EXTRA), key);
    Ok(MachineState {
        power: objects::power(get(names::POWER))?,
        id: option(names::OUR_ID).map(str::to_owned),
        complete: option(names::OUR_STATE) != Some(names::IMPORTING),
        home: objects::file(&get(names::VMX).text),
        disks: disks.into_iter().filter_map(|disk| disk.file.clone()).collect(),
        nics: cards(&devices).into_iter().filter_map(nic).collect(),
        question: properties.get(names::QUESTION).map(|asked| one_line(asked.word("text").as_bytes())),
    })
}

/// The network cards in their order, whatever that of the list.
fn cards(devices: &[Device]) -> Vec<&Device> {
    let mut cards: Vec<_> = devices.iter().filter(|one| one.mac.is_some()).collect();
    cards.sort_by_key(|one| one.key);
    cards
}
