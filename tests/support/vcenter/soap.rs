//! What is asked over SOAP, and what it answers.

use super::http::{Reply, Request};
use super::{Effect, Lease, SECRET, State, Task, Thing};
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What a collector watches, and what it has told.
pub struct Watched {
    object: String,
    paths: Vec<String>,
    told: BTreeMap<String, String>,
    version: u32,
}

/// What a method does: the answer, or a fault.
type Told = Result<String, String>;

/// A fault of a type, with this inside.
pub fn fault(kind: &str, inner: &str) -> String {
    format!(
        "<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>said by the fake</faultstring><detail>\
         <{kind}Fault xsi:type=\"{kind}\">{inner}</{kind}Fault></detail></soapenv:Fault>"
    )
}

fn gone(object: &str) -> String {
    fault("ManagedObjectNotFound", &format!("<obj type=\"X\">{object}</obj>"))
}

fn reference(kind: &str, value: &str) -> String {
    format!("<returnval type=\"{kind}\">{value}</returnval>")
}

fn word(value: &str) -> String {
    format!("<val xsi:type=\"xsd:string\">{}</val>", traghetto::untrusted::xml(value))
}

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
    ]);
    let part =
        |value: &str| format!("<val type=\"HostDatastoreSystem\" xsi:type=\"ManagedObjectReference\">{value}</val>");
    let host = things.get_mut("host-10").unwrap();
    host.values.insert("configManager.datastoreSystem".to_owned(), part("datastoreSystem-10"));
    host.values.insert("datastore".to_owned(), "<val/>".to_owned());
    things
}

pub fn is_logged_in(state: &State, request: &Request<'_>) -> bool {
    let cookie = request.header("cookie").unwrap_or_default();
    state.session.as_ref().is_some_and(|session| cookie == format!("vmware_soap_session=\"{session}\""))
}

pub fn answer(state: &Mutex<State>, request: &mut Request<'_>) -> Reply {
    let Some(body) = request.body() else { return Reply::Cut };
    let body = String::from_utf8(body).unwrap();
    let document = Document::parse(&body).unwrap();
    let method = document.descendants().find(|node| node.tag_name().namespace() == Some("urn:vim25")).unwrap();
    let name = method.tag_name().name();
    let this = text(method, "_this");
    if name == "WaitForUpdatesEx" {
        return wait(state, request, method, &this);
    }
    let mut state = state.lock().unwrap();
    state.tick();
    state.calls.push(name.to_owned());
    if let Some((status, body)) = &state.plan.garbage {
        return Reply::body(*status, body.clone());
    }
    if state.plan.expire_before.remove(name) {
        state.expire();
    }
    if state.plan.cut_before.remove(name) {
        return Reply::Cut;
    }
    if name == "Login" {
        return login(&mut state, request, method);
    }
    let allowed = name == "RetrieveServiceContent" || is_logged_in(&state, request);
    let told = if allowed { planned(&mut state, name, method, &this) } else { Err(fault("NotAuthenticated", "")) };
    if state.plan.cut_after.remove(name) {
        return Reply::Cut;
    }
    reply(name, told)
}

fn reply(name: &str, told: Told) -> Reply {
    let open = "<?xml version=\"1.0\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
                xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
                xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>";
    let (status, inner) = match told {
        Ok(inner) => (200, format!("<{name}Response xmlns=\"urn:vim25\">{inner}</{name}Response>")),
        Err(fault) => (500, fault),
    };
    Reply::body(status, format!("{open}{inner}</soapenv:Body></soapenv:Envelope>"))
}

fn login(state: &mut State, request: &Request<'_>, method: Node<'_, '_>) -> Reply {
    if request.header("cookie").is_some() {
        state.wrong.push("a login with a session".to_owned());
    }
    if text(method, "password") != state.password {
        return reply("Login", Err(fault("InvalidLogin", "")));
    }
    assert_eq!(text(method, "userName"), "traghetto@vsphere.local");
    let session = state.fresh(SECRET);
    state.session = Some(session.clone());
    let Reply::Body(status, body, _) = reply("Login", Ok("<returnval/>".to_owned())) else { return Reply::Cut };
    let cookie = format!("vmware_soap_session=\"{session}\"; Path=/; HttpOnly; Secure");
    Reply::Body(status, body, vec![("Set-Cookie", cookie)])
}

/// The fault that is planned, or what the method does.
fn planned(state: &mut State, name: &str, method: Node<'_, '_>, this: &str) -> Told {
    if let Some(found) = state.plan.faults.iter_mut().find(|(method, _, times)| method == name && *times > 0) {
        found.2 -= 1;
        return Err(found.1.clone());
    }
    match name {
        "RetrieveServiceContent" => Ok(content()),
        "Logout" => {
            state.expire();
            Ok(String::new())
        }
        "FindByInventoryPath" => Ok(find(state, &text(method, "inventoryPath"))),
        "RetrievePropertiesEx" => retrieve(state, method),
        "ContinueRetrievePropertiesEx" => more(state, &text(method, "token")),
        "CreatePropertyCollector" => Ok(reference("PropertyCollector", &state.fresh("collector"))),
        "DestroyPropertyCollector" => state.collectors.remove(this).map(|_| String::new()).ok_or_else(|| gone(this)),
        "CreateFilter" => {
            let paths = method.descendants().filter(|node| node.tag_name().name() == "pathSet");
            let paths = paths.filter_map(|node| node.text()).map(str::to_owned).collect();
            let object = text(method, "obj");
            let watched = Watched { object, paths, told: BTreeMap::new(), version: 0 };
            state.collectors.insert(this.to_owned(), watched);
            Ok(reference("PropertyFilter", &format!("filter-of-{this}")))
        }
        "CreateFolder" => folder(state, this, &text(method, "name")),
        "HttpNfcLeaseProgress" | "HttpNfcLeaseComplete" | "HttpNfcLeaseAbort" => lease(state, name, this),
        "ImportVApp" => import(state, method),
        "CreateNasDatastore" => nas(state, method),
        "RemoveDatastore" => remove_nas(state, &text(method, "datastore")),
        "UnregisterVM" => state.things.remove(this).map(|_| String::new()).ok_or_else(|| gone(this)),
        "ShutdownGuest" => {
            let effect = Effect::Power(this.to_owned(), "poweredOff");
            task(state, name, effect, Ok(String::new())).map(|_| String::new())
        }
        name if name.ends_with("_Task") => start(state, name, method, this),
        other => {
            state.wrong.push(format!("an unknown method: {other}"));
            Err(fault("MethodNotFound", ""))
        }
    }
}

fn content() -> String {
    let part = |name: &str, kind: &str, value: &str| format!("<{name} type=\"{kind}\">{value}</{name}>");
    let parts = [
        part("rootFolder", "Folder", "group-d1"),
        part("propertyCollector", "PropertyCollector", "propertyCollector"),
        "<about><fullName>fake</fullName><apiType>VirtualCenter</apiType><apiVersion>8.0.3.0</apiVersion></about>"
            .into(),
        part("sessionManager", "SessionManager", "SessionManager"),
        part("fileManager", "FileManager", "FileManager"),
        part("searchIndex", "SearchIndex", "SearchIndex"),
    ];
    format!("<returnval>{}</returnval>", parts.concat())
}

/// The text of the first element of a name below, wherever.
fn text(node: Node<'_, '_>, name: &str) -> String {
    let found = node.descendants().find(|one| one.tag_name().name() == name);
    found.and_then(|one| one.text()).unwrap_or_default().to_owned()
}

fn find(state: &State, path: &str) -> String {
    let mut at = "group-d1".to_owned();
    for name in path.split('/') {
        let child = state.things.iter().find(|(_, thing)| thing.parent == at && thing.name == name);
        let Some((id, _)) = child else { return String::new() };
        at.clone_from(id);
    }
    reference(&state.things[&at].kind, &at)
}

/// The value of a property, as an element `val`.
fn value(state: &State, object: &str, path: &str) -> Option<String> {
    if let Some(task) = state.tasks.get(object) {
        return task_value(task, path);
    }
    if let Some(lease) = state.leases.get(object) {
        return lease_value(state, lease, object, path);
    }
    let thing = state.things.get(object)?;
    match path {
        "name" => Some(word(&thing.name)),
        "parent" => {
            let kind = &state.things.get(&thing.parent)?.kind;
            Some(format!("<val type=\"{kind}\" xsi:type=\"ManagedObjectReference\">{}</val>", thing.parent))
        }
        _ => thing.values.get(path).cloned(),
    }
}

fn task_value(task: &Task, path: &str) -> Option<String> {
    let state = match (&task.outcome, task.done) {
        (_, false) => "running",
        (Ok(_), true) => "success",
        (Err(_), true) => "error",
    };
    match path {
        "info.state" => Some(format!("<val xsi:type=\"TaskInfoState\">{state}</val>")),
        "info.progress" if !task.done => {
            let whole = task.end.duration_since(task.began).as_millis().max(1);
            let percent = (100 * task.began.elapsed().as_millis() / whole).min(99);
            Some(format!("<val xsi:type=\"xsd:int\">{percent}</val>"))
        }
        "info" => {
            let rest = match &task.outcome {
                Ok(result) if task.done => result.clone(),
                Err(fault) if task.done => {
                    format!("<error>{fault}<localizedMessage>said by the fake</localizedMessage></error>")
                }
                _ => String::new(),
            };
            Some(format!("<val xsi:type=\"TaskInfo\"><state>{state}</state>{rest}</val>"))
        }
        _ => None,
    }
}

fn lease_value(state: &State, lease: &Lease, id: &str, path: &str) -> Option<String> {
    let ready = lease.began.elapsed() > Duration::from_millis(50);
    match path {
        "state" => {
            let word = if ready { "ready" } else { "initializing" };
            Some(format!("<val xsi:type=\"HttpNfcLeaseState\">{word}</val>"))
        }
        "info" => {
            let (host, thumbprint) = if state.plan.named_host {
                (format!("127.0.0.1:{}", state.port), state.sha1.clone())
            } else {
                ("*".to_owned(), String::new())
            };
            let url = |number: usize| {
                format!(
                    "<deviceUrl><key>/vm/disk:{number}</key><importKey>/vm/VirtualSCSIController0:{number}</importKey>\
                     <url>https://{host}/nfc/{}/{number}</url><sslThumbprint>{thumbprint}</sslThumbprint>\
                     <disk>true</disk></deviceUrl>",
                    lease.ticket
                )
            };
            // The last disk first: whoever goes by the order is wrong.
            let urls: String = (0..lease.disks.len()).rev().map(url).collect();
            let patience = state.plan.lease_time.unwrap_or(Duration::from_secs(300)).as_secs();
            Some(format!(
                "<val xsi:type=\"HttpNfcLeaseInfo\"><lease type=\"HttpNfcLease\">{id}</lease>\
                 <entity type=\"VirtualMachine\">{}</entity>{urls}<totalDiskCapacityInKB>0</totalDiskCapacityInKB>\
                 <leaseTimeout>{patience}</leaseTimeout></val>",
                lease.machine
            ))
        }
        _ => None,
    }
}

fn is_there(state: &State, object: &str) -> bool {
    state.things.contains_key(object) || state.tasks.contains_key(object) || state.leases.contains_key(object)
}

fn retrieve(state: &mut State, method: Node<'_, '_>) -> Told {
    let paths: Vec<_> = method.descendants().filter(|node| node.tag_name().name() == "pathSet").collect();
    let paths: Vec<&str> = paths.iter().filter_map(|node| node.text()).collect();
    let children = method.descendants().any(|node| node.tag_name().name() == "selectSet");
    let mut objects = Vec::new();
    for object in method.descendants().filter(|node| node.tag_name().name() == "obj") {
        let object = object.text().unwrap_or_default();
        if !is_there(state, object) {
            return Err(gone(object));
        }
        if children {
            let below = state.things.iter().filter(|(_, thing)| thing.parent == object);
            objects.extend(below.map(|(id, _)| id.clone()));
        } else {
            objects.push(object.to_owned());
        }
    }
    let told: Vec<String> = objects.iter().map(|object| told(state, object, &paths)).collect();
    Ok(page(state, told))
}

fn told(state: &State, object: &str, paths: &[&str]) -> String {
    let other = if state.tasks.contains_key(object) { "Task" } else { "HttpNfcLease" };
    let kind = state.things.get(object).map_or(other, |thing| &thing.kind);
    let property = |path: &&str| {
        let value = value(state, object, path)?;
        Some(format!("<propSet><name>{path}</name>{value}</propSet>"))
    };
    let properties: String = paths.iter().filter_map(property).collect();
    format!("<objects><obj type=\"{kind}\">{object}</obj>{properties}</objects>")
}

fn page(state: &mut State, mut objects: Vec<String>) -> String {
    if objects.is_empty() {
        return String::new();
    }
    let rest = objects.split_off(objects.len().min(state.plan.page.unwrap_or(200)));
    let token = if rest.is_empty() {
        String::new()
    } else {
        let token = state.fresh("token");
        state.tokens.insert(token.clone(), rest);
        format!("<token>{token}</token>")
    };
    format!("<returnval>{token}{}</returnval>", objects.concat())
}

fn more(state: &mut State, token: &str) -> Told {
    let rest = state.tokens.remove(token).ok_or_else(|| fault("InvalidArgument", ""))?;
    Ok(page(state, rest))
}

/// Waits for a change as the real one does, without holding the others up.
fn wait(state: &Mutex<State>, request: &Request<'_>, method: Node<'_, '_>, this: &str) -> Reply {
    let version = text(method, "version");
    let hold = Duration::from_secs(text(method, "maxWaitSeconds").parse().unwrap());
    let began = Instant::now();
    loop {
        {
            let mut state = state.lock().unwrap();
            state.tick();
            if state.plan.expire_before.remove("WaitForUpdatesEx") {
                state.expire();
            }
            if state.plan.cut_before.remove("WaitForUpdatesEx") {
                return Reply::Cut;
            }
            if !is_logged_in(&state, request) {
                return reply("WaitForUpdatesEx", Err(fault("NotAuthenticated", "")));
            }
            let told = changes(&mut state, this, &version);
            if !matches!(&told, Ok(nothing) if nothing.is_empty()) || began.elapsed() > hold {
                return reply("WaitForUpdatesEx", told);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn changes(state: &mut State, this: &str, version: &str) -> Told {
    let Some(mut watched) = state.collectors.remove(this) else { return Err(gone(this)) };
    if !version.is_empty() && version != watched.version.to_string() {
        return Err(fault("InvalidCollectorVersion", ""));
    }
    let kind = if is_there(state, &watched.object) { "modify" } else { "leave" };
    let mut changed = String::new();
    for path in &watched.paths {
        let now = value(state, &watched.object, path).unwrap_or_default();
        if watched.told.insert(path.clone(), now.clone()).unwrap_or_default() != now {
            changed += &format!("<changeSet><name>{path}</name><op>assign</op>{now}</changeSet>");
        }
    }
    let told = if changed.is_empty() && kind == "modify" {
        String::new()
    } else {
        watched.version += 1;
        format!(
            "<returnval><version>{}</version><filterSet><filter type=\"PropertyFilter\">f</filter><objectSet>\
             <kind>{kind}</kind><obj type=\"X\">{}</obj>{changed}</objectSet></filterSet></returnval>",
            watched.version, watched.object
        )
    };
    state.collectors.insert(this.to_owned(), watched);
    Ok(told)
}

fn folder(state: &mut State, parent: &str, name: &str) -> Told {
    taken(state, parent, name)?;
    let id = state.fresh("group");
    let (kind, name, parent) = ("Folder".to_owned(), name.to_owned(), parent.to_owned());
    state.things.insert(id.clone(), Thing { kind, name, parent, values: BTreeMap::new() });
    Ok(reference("Folder", &id))
}

fn taken(state: &State, parent: &str, name: &str) -> Result<(), String> {
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
            "device" => {
                let kind = node.attribute(("http://www.w3.org/2001/XMLSchema-instance", "type")).unwrap();
                let (key, file) = (text(node, "key"), text(node, "fileName"));
                devices += &format!(
                    "<VirtualDevice xsi:type=\"{kind}\"><key>{key}</key><backing><fileName>{file}</fileName></backing>\
                     <controllerKey>1000</controllerKey></VirtualDevice>"
                );
            }
            _ => {}
        }
    }
    let values = BTreeMap::from([
        ("config.extraConfig".to_owned(), format!("<val>{extra}</val>")),
        ("config.hardware.device".to_owned(), format!("<val>{devices}</val>")),
        ("config.files.vmPathName".to_owned(), word(&text(spec, "vmPathName"))),
        ("runtime.powerState".to_owned(), "<val>poweredOff</val>".to_owned()),
    ]);
    Thing { kind: "VirtualMachine".to_owned(), name: text(spec, "name"), parent: folder.to_owned(), values }
}

/// Starts a task, with the effect that it has at its end.
fn task(state: &mut State, method: &str, effect: Effect, outcome: Result<String, String>) -> Told {
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

fn start(state: &mut State, name: &str, method: Node<'_, '_>, this: &str) -> Told {
    let inner = |kind: &str, inner: &str| Err(format!("<fault xsi:type=\"{kind}\">{inner}</fault>"));
    let power = value(state, this, "runtime.powerState").unwrap_or_default();
    let is_on = power.contains("poweredOn");
    let states = |existing: &str, requested: &str| {
        format!("<requestedState>{requested}</requestedState><existingState>{existing}</existingState>")
    };
    if name != "CreateVM_Task" && !is_there(state, this) {
        return Err(gone(this));
    }
    let this = this.to_owned();
    match name {
        "CreateVM_Task" => {
            let made = machine(method, &this);
            let outcome = taken(state, &this, &made.name).map(|()| String::new());
            let id = state.fresh("vm");
            let result = format!("<result type=\"VirtualMachine\" xsi:type=\"ManagedObjectReference\">{id}</result>");
            let outcome = match outcome {
                Ok(_) => Ok(result),
                Err(_) => inner("DuplicateName", &format!("<name>{}</name>", made.name)),
            };
            task(state, name, Effect::Create { id, machine: made }, outcome)
        }
        "Destroy_Task" if is_on => {
            task(state, name, Effect::Nothing, inner("InvalidPowerState", &states("poweredOn", "poweredOff")))
        }
        "Destroy_Task" => task(state, name, Effect::Destroy(this), Ok(String::new())),
        "PowerOnVM_Task" if is_on => {
            task(state, name, Effect::Nothing, inner("InvalidPowerState", &states("poweredOn", "poweredOff")))
        }
        "PowerOnVM_Task" => task(state, name, Effect::Power(this, "poweredOn"), Ok(String::new())),
        "PowerOffVM_Task" => task(state, name, Effect::Power(this, "poweredOff"), Ok(String::new())),
        "ReconfigVM_Task" => {
            let mut values = Vec::new();
            if let Some(old) = value(state, &this, "config.extraConfig") {
                let added = machine(method, "").values.remove("config.extraConfig").unwrap_or_default();
                let added = added.replace("<val>", "").replace("</val>", "");
                let kept = old.replace("</val>", "");
                // A key is there once.
                let kept = if added.contains("traghetto.state") { without(&kept, "traghetto.state") } else { kept };
                values.push(("config.extraConfig".to_owned(), format!("{kept}{added}</val>")));
            }
            task(state, name, Effect::Set(this, values), Ok(String::new()))
        }
        _ => task(state, name, Effect::Nothing, Ok(String::new())),
    }
}

fn without(extra: &str, key: &str) -> String {
    let start = format!("<OptionValue><key>{key}</key>");
    let Some((before, rest)) = extra.split_once(&start) else { return extra.to_owned() };
    let after = rest.split_once("</OptionValue>").map_or("", |(_, after)| after);
    format!("{before}{after}")
}

fn import(state: &mut State, method: Node<'_, '_>) -> Told {
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

fn lease(state: &mut State, name: &str, this: &str) -> Told {
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

fn nas(state: &mut State, method: Node<'_, '_>) -> Told {
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

fn remove_nas(state: &mut State, id: &str) -> Told {
    state.things.remove(id).ok_or_else(|| gone(id))?;
    mount(state);
    Ok(String::new())
}

fn mount(state: &mut State) {
    let datastores = state.things.iter().filter(|(_, thing)| thing.kind == "Datastore");
    let one = |(id, _): (&String, &Thing)| {
        format!("<ManagedObjectReference type=\"Datastore\">{id}</ManagedObjectReference>")
    };
    let list: String = datastores.map(one).collect();
    let host = state.things.get_mut("host-10").unwrap();
    host.values.insert("datastore".to_owned(), format!("<val>{list}</val>"));
}
