//! Virtual machines: found by their mark, created, changed, turned on and off, moved, removed.

use super::client::Client;
use super::datastore::Datacenter;
use super::inventory::{is_gone, is_taken, unescape};
use super::reading::answer::{self, Properties};
use super::reading::objects::{self, Device, Plug};
use super::reading::{Element, Fault};
use super::spec::{Change, DatastoreFile, Disk, MachineSpec, Network, Nic, Power, unit};
use super::task::OnProgress;
use super::trouble::Trouble;
use super::watch::Waited;
use super::wire::machines::{self, Edit, Target};
use super::wire::{Moref, calls, names};
use crate::untrusted::{one_line, printable};
use std::time::Duration;
use tokio::time::Instant;

/// How long a change of the configuration may take.
const CHANGE: Duration = Duration::from_secs(300);
/// Most places on a controller.
const PLACES: usize = 15;
/// The key of the first disk of a controller that has none.
const FIRST_DISK: i32 = 2000;

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
        let doing = format!("move the machine {}", printable(&machine.name));
        let call = machines::relocate(&machine.object, to.datastore, to.pool, to.host);
        self.run(&call, &doing, limit, progress).await.map(|_| ())
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

/// What is to be done about a change: nothing if it is so already. `ahead` edits were made before it.
fn edit<'a>(devices: &'a [Device], change: &'a Change, ahead: usize) -> Result<Option<Edit<'a>>, String> {
    Ok(Some(match change {
        Change::Cpus(cpus) => Edit::Cpus(*cpus),
        Change::Memory(mib) => Edit::Memory(*mib),
        Change::AddNic(nic) => {
            let last = cards(devices).last().map_or(machines::NIC_KEY, |card| card.key.saturating_add(1));
            Edit::AddNic { nic, key: last.max(machines::NIC_KEY) + i32::try_from(ahead).unwrap_or(0) }
        }
        Change::AttachDisk(disk) => return attach(devices, disk, ahead),
        Change::DetachDisk(file) => match devices.iter().find(|one| one.is_disk() && one.file.as_ref() == Some(file)) {
            Some(found) => Edit::DetachDisk { key: found.key, file },
            None => return Ok(None),
        },
        Change::Cable { nic, network, start_connected, connected } => {
            let device = cards(devices).into_iter().nth(*nic);
            let device = device.ok_or_else(|| format!("it has no network card {nic}"))?;
            let card = card(device, network.clone(), *start_connected, *connected)?;
            Edit::Nic { there: device, nic: card }
        }
    }))
}

fn attach<'a>(devices: &[Device], disk: &'a Disk, ahead: usize) -> Result<Option<Edit<'a>>, String> {
    let file = disk.file.as_ref().ok_or("a disk without a file comes by an import only")?;
    if let Some(problem) = file.problem() {
        return Err(problem);
    }
    let disks = || devices.iter().filter(|one| one.is_disk());
    if disks().any(|one| one.file.as_ref() == Some(file)) {
        return Ok(None);
    }
    let controller = devices.iter().find(|one| one.is_controller()).ok_or("it has no SCSI controller")?.key;
    let is_used = |place: &u8| disks().any(|one| one.controller == Some(controller) && one.unit == Some(*place));
    // Those of the same change come behind each other.
    let place = (0..PLACES).map(unit).filter(|place| !is_used(place)).nth(ahead);
    let place = place.ok_or("its SCSI controller has no place left")?;
    let last = disks().map(|one| one.key).max().unwrap_or(0).max(FIRST_DISK);
    let key = last.saturating_add(1 + i32::from(place));
    Ok(Some(Edit::AttachDisk { disk, controller, place, key }))
}

/// A card as it is, with another cable.
fn card(device: &Device, network: Option<Network>, start_connected: bool, connected: bool) -> Result<Nic, String> {
    let model = machines::model_of(&device.kind);
    let model = model.ok_or_else(|| format!("it has a card of the model {}", printable(&device.kind)))?;
    let network = match (network, &device.plug) {
        (Some(network), _) => network,
        (None, Plug::Standard { object: Some(object), name }) => {
            Network::Standard { object: object.clone(), name: name.clone() }
        }
        (None, Plug::Distributed { key, switch }) => {
            let object = Moref::new(names::PORT_GROUP, key);
            Network::Distributed { object, key: key.clone(), switch: switch.clone() }
        }
        (None, _) => return Err("its card has no network".to_owned()),
    };
    Ok(Nic { model, network, mac: device.mac.clone(), start_connected, connected })
}
