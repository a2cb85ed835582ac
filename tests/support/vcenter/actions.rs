//! What changes something.

use super::properties::{is_there, value};
use super::soap::{Told, fault, gone, reference, text, word};
use super::{Effect, Lease, SECRET, State, Task, Thing};
use roxmltree::Node;
use std::collections::BTreeMap;
use std::time::Instant;

/// The inventory of a small data center.
pub fn inventory() -> BTreeMap<String, Thing> {
    let thing = |kind: &str, name: &str, parent: &str| {
        let (kind, name, parent) = (kind.to_owned(), name.to_owned(), parent.to_owned());
        Thing { kind, name, parent, values: BTreeMap::new() }
    };
    let mut things = BTreeMap::from([
        ("group-d1".to_owned(), thing("Folder", "Datacenters", "")),
        ("datacenter-2".to_owned(), thing("Datacenter", "SAD", "group-d1")),
        ("group-v3".to_owned(), thing("Folder", "vm", "datacenter-2")),
        ("group-h4".to_owned(), thing("Folder", "host", "datacenter-2")),
        ("host-10".to_owned(), thing("HostSystem", "esx1", "group-h4")),
        ("resgroup-8".to_owned(), thing("ResourcePool", "Resources", "group-h4")),
        ("group-n6".to_owned(), thing("Folder", "network", "datacenter-2")),
        ("networkSystem-10".to_owned(), thing("HostNetworkSystem", "", "host-10")),
        ("datastore-7".to_owned(), thing("Datastore", "prod", "group-s5")),
    ]);
    let part =
        |kind: &str, value: &str| format!("<val type=\"{kind}\" xsi:type=\"ManagedObjectReference\">{value}</val>");
    let mut set = |thing: &str, path: &str, value: String| {
        things.get_mut(thing).unwrap().values.insert(path.to_owned(), value);
    };
    set("host-10", "configManager.datastoreSystem", part("HostDatastoreSystem", "datastoreSystem-10"));
    set("host-10", "configManager.networkSystem", part("HostNetworkSystem", "networkSystem-10"));
    set("host-10", "datastore", mounted(["datastore-7"].into_iter()));
    set("datacenter-2", "networkFolder", part("Folder", "group-n6"));
    set("datastore-7", "summary.freeSpace", "<val xsi:type=\"xsd:long\">1099511627776</val>".to_owned());
    things
}

/// A folder or a pool.
pub fn container(state: &mut State, kind: &str, parent: &str, name: &str) -> Told {
    taken(state, parent, name)?;
    let id = state.fresh("group");
    let (name, parent) = (name.to_owned(), parent.to_owned());
    state.things.insert(id.clone(), Thing { kind: kind.to_owned(), name, parent, values: BTreeMap::new() });
    Ok(reference(kind, &id))
}

pub fn taken(state: &State, parent: &str, name: &str) -> Result<(), String> {
    let found = state.things.iter().find(|(_, thing)| thing.parent == parent && thing.name == name);
    let fault = |(id, thing): (&String, &Thing)| {
        fault("DuplicateName", &format!("<name>{name}</name><object type=\"{}\">{id}</object>", thing.kind))
    };
    found.map_or(Ok(()), |found| Err(fault(found)))
}

/// The machine of a specification, off.
fn machine(spec: Node<'_, '_>, folder: &str) -> Thing {
    let mut extra = String::new();
    let mut devices = String::new();
    for node in spec.descendants() {
        match node.tag_name().name() {
            "extraConfig" => {
                let (key, value) = (text(node, "key"), text(node, "value"));
                let value = traghetto::untrusted::xml(&value);
                extra += &format!("<OptionValue><key>{key}</key><value>{value}</value></OptionValue>");
            }
            "device" => devices += &device(node),
            _ => {}
        }
    }
    let values = BTreeMap::from([
        ("config.extraConfig".to_owned(), format!("<val>{extra}</val>")),
        ("config.hardware.device".to_owned(), format!("<val>{devices}</val>")),
        ("config.files.vmPathName".to_owned(), word(&text(spec, "vmPathName"))),
        ("runtime.powerState".to_owned(), "<val>poweredOff</val>".to_owned()),
        ("config.uuid".to_owned(), word(&text(spec, "uuid"))),
    ]);
    Thing { kind: "VirtualMachine".to_owned(), name: text(spec, "name"), parent: folder.to_owned(), values }
}

/// A device as it is told.
fn device(node: Node<'_, '_>) -> String {
    let kind = node.attribute(("http://www.w3.org/2001/XMLSchema-instance", "type")).unwrap();
    let word = |name| traghetto::untrusted::xml(&text(node, name));
    let (key, file, mac) = (word("key"), word("fileName"), word("macAddress"));
    if mac.is_empty() {
        return format!(
            "<VirtualDevice xsi:type=\"{kind}\"><key>{key}</key><backing><fileName>{file}</fileName></backing>\
             <controllerKey>1000</controllerKey></VirtualDevice>"
        );
    }
    let (name, network) = (word("deviceName"), word("network"));
    let (start, now) = (word("startConnected"), word("connected"));
    format!(
        "<VirtualDevice xsi:type=\"{kind}\"><key>{key}</key><backing><deviceName>{name}</deviceName>\
         <network type=\"Network\">{network}</network></backing><connectable><startConnected>{start}</startConnected>\
         <connected>{now}</connected></connectable><macAddress>{mac}</macAddress></VirtualDevice>"
    )
}

/// The devices of a machine after a change: those that are edited are told anew.
fn edited(state: &State, method: Node<'_, '_>, this: &str) -> Option<(String, String)> {
    let path = "config.hardware.device".to_owned();
    let mut devices = value(state, this, &path)?;
    for change in method.descendants().filter(|node| node.tag_name().name() == "deviceChange") {
        let node = change.descendants().find(|node| node.tag_name().name() == "device")?;
        let key = format!("<key>{}</key>", text(node, "key"));
        let at = devices.find(&key).filter(|_| text(change, "operation") == "edit")?;
        let start = devices[..at].rfind("<VirtualDevice ")?;
        let end = at + devices[at..].find("</VirtualDevice>")? + "</VirtualDevice>".len();
        devices.replace_range(start..end, &device(node));
    }
    Some((path, devices))
}

/// Starts a task, with the effect that it has at its end.
pub fn task(state: &mut State, method: &str, effect: Effect, outcome: Result<String, String>) -> Told {
    let id = state.fresh("task");
    let planned = state.plan.task_faults.iter().find(|(name, _)| name == method);
    let (effect, outcome) = match planned {
        Some((_, fault)) => (Effect::Nothing, Err(fault.clone())),
        None if outcome.is_err() => (Effect::Nothing, outcome),
        None => (effect, outcome),
    };
    let now = Instant::now();
    let end = now + state.plan.task_time;
    state.tasks.insert(id.clone(), Task { began: now, end, effect: Some(effect), outcome, done: false });
    Ok(reference("Task", &id))
}

/// Starts a task: the fault that it ends with is known from its beginning.
pub fn start(state: &mut State, name: &str, method: Node<'_, '_>, this: &str) -> Told {
    if name == "CreateVM_Task" {
        return create(state, method, this);
    }
    if !is_there(state, this) {
        return Err(gone(this));
    }
    let is_on = value(state, this, "runtime.powerState").is_some_and(|power| power.contains("poweredOn"));
    if is_on && matches!(name, "Destroy_Task" | "PowerOnVM_Task") {
        let states = "<requestedState>poweredOff</requestedState><existingState>poweredOn</existingState>";
        return task(state, name, Effect::Nothing, Err(inner("InvalidPowerState", states)));
    }
    // A lease holds its machine, even if nobody sends anything any more.
    if name == "Destroy_Task" && state.leases.values().any(|lease| lease.machine == this) {
        return task(state, name, Effect::Nothing, Err(inner("TaskInProgress", "<task type=\"Task\">task-0</task>")));
    }
    let effect = match name {
        "Destroy_Task" => Effect::Destroy(this.to_owned()),
        "PowerOnVM_Task" => Effect::Power(this.to_owned(), "poweredOn"),
        "PowerOffVM_Task" => Effect::Power(this.to_owned(), "poweredOff"),
        "ReconfigVM_Task" => Effect::Set(this.to_owned(), options(state, method, this)),
        _ => Effect::Nothing,
    };
    task(state, name, effect, Ok(String::new()))
}

/// A fault inside a task.
fn inner(kind: &str, inner: &str) -> String {
    format!("<fault xsi:type=\"{kind}\">{inner}</fault>")
}

fn create(state: &mut State, method: Node<'_, '_>, folder: &str) -> Told {
    let (made, id) = (machine(method, folder), state.fresh("vm"));
    let result = format!("<result type=\"VirtualMachine\" xsi:type=\"ManagedObjectReference\">{id}</result>");
    let duplicate = |_| inner("DuplicateName", &format!("<name>{}</name>", made.name));
    let outcome = taken(state, folder, &made.name).map(|()| result).map_err(duplicate);
    task(state, "CreateVM_Task", Effect::Create { id, machine: made }, outcome)
}

/// The options of a machine after a change; a key is there once.
fn options(state: &State, method: Node<'_, '_>, this: &str) -> Vec<(String, String)> {
    let path = "config.extraConfig".to_owned();
    let Some(old) = value(state, this, &path) else { return Vec::new() };
    let added = machine(method, "").values.remove(&path).unwrap_or_default();
    let added = added.replace("<val>", "").replace("</val>", "");
    let kept = old.replace("</val>", "");
    let kept = if added.contains("traghetto.state") { without(&kept, "traghetto.state") } else { kept };
    let options = (path, format!("{kept}{added}</val>"));
    std::iter::once(options).chain(edited(state, method, this)).collect()
}

fn without(extra: &str, key: &str) -> String {
    let start = format!("<OptionValue><key>{key}</key>");
    let Some((before, rest)) = extra.split_once(&start) else { return extra.to_owned() };
    let after = rest.split_once("</OptionValue>").map_or("", |(_, after)| after);
    format!("{before}{after}")
}

pub fn import(state: &mut State, method: Node<'_, '_>) -> Told {
    let folder = text(method, "folder");
    let made = machine(method, &folder);
    taken(state, &folder, &made.name)?;
    let capacity = method.descendants().filter(|node| node.tag_name().name() == "capacityInBytes");
    let disks = capacity.map(|node| (node.text().unwrap().parse().unwrap(), None)).collect();
    let (machine, ticket, lease) =
        (state.fresh("vm"), state.fresh(&format!("{SECRET}-ticket")), state.fresh("session[x]lease"));
    state.things.insert(machine.clone(), made);
    let now = Instant::now();
    state.leases.insert(lease.clone(), Lease { machine, ticket, began: now, alive: now, disks });
    Ok(reference("HttpNfcLease", &lease))
}

pub fn lease(state: &mut State, name: &str, this: &str) -> Told {
    let lease = state.leases.get_mut(this).ok_or_else(|| gone(this))?;
    match name {
        "HttpNfcLeaseProgress" => lease.alive = Instant::now(),
        "HttpNfcLeaseAbort" => state.end_lease(this),
        _ => {
            let disks: Option<Vec<_>> = lease.disks.iter_mut().map(|disk| disk.1.take()).collect();
            let Some(disks) = disks else {
                state.wrong.push("a lease was completed without its disks".to_owned());
                return Err(fault("InvalidState", ""));
            };
            let lease = state.leases.remove(this).unwrap();
            let name = state.things[&lease.machine].name.clone();
            state.imported.insert(name, disks);
        }
    }
    Ok(String::new())
}

pub fn nas(state: &mut State, method: Node<'_, '_>) -> Told {
    let (name, id) = (text(method, "localPath"), state.fresh("datastore"));
    taken(state, "group-s5", &name)?;
    let (server, path) = (text(method, "remoteHost"), text(method, "remotePath"));
    let info = format!("<val><nas><remoteHost>{server}</remoteHost><remotePath>{path}</remotePath></nas></val>");
    let values = BTreeMap::from([("info".to_owned(), info)]);
    let (kind, parent) = ("Datastore".to_owned(), "group-s5".to_owned());
    state.things.insert(id.clone(), Thing { kind, name, parent, values });
    mount(state);
    Ok(reference("Datastore", &id))
}

pub fn remove_nas(state: &mut State, id: &str) -> Told {
    state.things.remove(id).ok_or_else(|| gone(id))?;
    mount(state);
    Ok(String::new())
}

fn mount(state: &mut State) {
    let datastores = state.things.iter().filter(|(_, thing)| thing.kind == "Datastore");
    let list = mounted(datastores.map(|(id, _)| id.as_str()));
    state.things.get_mut("host-10").unwrap().values.insert("datastore".to_owned(), list);
}

/// A list of datastores.
fn mounted<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let one = |id| format!("<ManagedObjectReference type=\"Datastore\">{id}</ManagedObjectReference>");
    format!("<val>{}</val>", ids.map(one).collect::<String>())
}
