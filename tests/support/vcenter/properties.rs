//! Properties of objects, in pages and as they change.

use super::http::{Reply, Request};
use super::soap::{self, Told, fault, gone, reference, text, word};
use super::{Lease, State, Task, networks};
use roxmltree::Node;
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

/// A collector watches an object from now on.
pub fn watch(state: &mut State, method: Node<'_, '_>, this: &str) -> String {
    let paths = method.descendants().filter(|node| node.tag_name().name() == "pathSet");
    let paths = paths.filter_map(|node| node.text()).map(str::to_owned).collect();
    let watched = Watched { object: text(method, "obj"), paths, told: BTreeMap::new(), version: 0 };
    state.collectors.insert(this.to_owned(), watched);
    reference("PropertyFilter", &format!("filter-of-{this}"))
}

pub fn find(state: &State, path: &str) -> String {
    let mut at = "group-d1".to_owned();
    for name in path.split('/') {
        let child = state.things.iter().find(|(_, thing)| thing.parent == at && thing.name == name);
        let Some((id, _)) = child else { return String::new() };
        at.clone_from(id);
    }
    reference(&state.things[&at].kind, &at)
}

pub fn find_by_uuid(state: &State, uuid: &str) -> String {
    let is_it = |thing: &&super::Thing| thing.values.get("config.uuid") == Some(&word(uuid));
    let found = state.things.iter().find(|(_, thing)| is_it(thing));
    found.map(|(id, thing)| reference(&thing.kind, id)).unwrap_or_default()
}

/// The value of a property, as an element `val`.
pub fn value(state: &State, object: &str, path: &str) -> Option<String> {
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
        "networkInfo" => Some(networks::info(state)),
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

pub fn is_there(state: &State, object: &str) -> bool {
    state.things.contains_key(object) || state.tasks.contains_key(object) || state.leases.contains_key(object)
}

pub fn retrieve(state: &mut State, method: Node<'_, '_>) -> Told {
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

pub fn more(state: &mut State, token: &str) -> Told {
    let rest = state.tokens.remove(token).ok_or_else(|| fault("InvalidArgument", ""))?;
    Ok(page(state, rest))
}

/// Waits for a change as the real one does, without holding the others up.
pub fn wait(state: &Mutex<State>, request: &Request<'_>, method: Node<'_, '_>, this: &str) -> Reply {
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
            if !soap::is_logged_in(&state, request) {
                return soap::reply("WaitForUpdatesEx", Err(fault("NotAuthenticated", "")));
            }
            let told = changes(&mut state, this, &version);
            if !matches!(&told, Ok(nothing) if nothing.is_empty()) || began.elapsed() > hold {
                return soap::reply("WaitForUpdatesEx", told);
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
