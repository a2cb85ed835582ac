//! `migrate report`: the certificate of wiping and the list of clean-up, from inventory and journal.

use crate::support::{Sandbox, golden, project};
use serde_json::{Value, json};
use std::process::Command;
use traghetto::document::cleanup::{self, Cleanup, Doer};
use traghetto::document::verbale::Language;
use traghetto::document::wipe::{self, Certificate};
use traghetto::inventory;
use traghetto::journal::Event;
use traghetto::model::project::LandingMachines;
use traghetto::model::server::{DirectoryWay, Server, Transfer};
use traghetto::model::vsphere::{Staging, VsphereWay};
use traghetto::model::{Inventory, Known, TenantId};
use traghetto::network::NetworkPlan;

const TIME: &str = "2022-07-05T09:30:00.000+02:00";
const CINTO: &str = "inventory/tenants/cinto-caomaggiore.yaml";

pub fn cinto() -> TenantId {
    "cinto-caomaggiore".parse().unwrap()
}

/// A survey in the journal.
pub fn surveyed(seq: u64, server: &str, survey: Value) -> Event {
    Event {
        seq,
        time: format!("2022-05-{:02}T10:00:00.000+02:00", seq + 1),
        tenant: cinto().to_string(),
        operator: "anna-veneto".into(),
        kind: "survey.recorded".into(),
        data: json!({ "server": server, "survey": survey, "differences": [] }),
        prev: "0".repeat(64),
        signature: None,
    }
}

/// What a rescue system says of a server with two disks and its own stick.
fn of_rescue(serial: &str) -> Value {
    json!({
        "system": { "name": "Debian", "hardware": "HP ProLiant ML310e Gen8", "virtualisation": null },
        "disks": [
            { "name": "sda", "parent": null, "kind": "disk", "size": 120_034_123_776_u64, "model": "WDC WD1202", "serial": serial },
            { "name": "sda1", "parent": "sda", "kind": "part", "size": 119_000_000_000_u64 },
            { "name": "sdb", "parent": null, "kind": "disk", "size": 16_008_609_792_u64, "model": "USB Disk" },
            { "name": "sr0", "parent": null, "kind": "rom", "size": 1_000_000_000 },
        ],
        "sources": [{ "block": { "device": "sda", "size": 120_034_123_776_u64 } }],
    })
}

fn certificate(inventory: &Inventory, events: &[Event], language: Language) -> (Value, String) {
    let digest = "0".repeat(64);
    let tenant = &inventory.tenants[&cinto()];
    let sources = wipe::Sources { project: &inventory.project, tenant, events, inventory: &digest, time: TIME };
    let certificate = Certificate::new(&sources);
    let page = wipe::html(&sources, &certificate, language).unwrap();
    (serde_json::to_value(&certificate).unwrap(), page)
}

fn list(inventory: &Inventory, with_path: bool, language: Language) -> (Value, String) {
    let digest = "0".repeat(64);
    let tenant = &inventory.tenants[&cinto()];
    let network = NetworkPlan::new(inventory, tenant).unwrap();
    let paths: Vec<_> = network.migration.iter().filter(|_| with_path).collect();
    let sources =
        cleanup::Sources { project: &inventory.project, tenant, paths: &paths, inventory: &digest, time: TIME };
    let list = Cleanup::new(&sources);
    let page = cleanup::html(&sources, &list, language).unwrap();
    (serde_json::to_value(&list).unwrap(), page)
}

fn servers(inventory: &mut Inventory) -> &mut Vec<Server> {
    match &mut inventory.tenants.get_mut(&cinto()).unwrap().servers {
        Known::Known(servers) => servers,
        Known::Unknown => panic!("the servers are known"),
    }
}

#[test]
fn the_certificate_names_every_disk_and_says_what_nobody_knows() {
    let inventory = inventory::load(&project()).unwrap();
    let mut copy = of_rescue("COPY");
    copy["system"]["virtualisation"] = "vmware".into();
    let events = [
        surveyed(1, "cinto-srv1", of_rescue("OLD")),
        surveyed(2, "cinto-srv1", of_rescue("WD-WCADV1485975")),
        // What answers at its address after the move is its copy, whose disks nobody wipes.
        surveyed(3, "cinto-srv1", copy),
        surveyed(4, "cinto-srv2", json!({ "disks": "none" })),
    ];
    let (json, page) = certificate(&inventory, &events, Language::Italian);
    golden("migrate/wipe.html", &page);
    assert!(!page.contains("COPY") && !page.contains("OLD"));

    let first = &json["servers"][0];
    assert_eq!((&first["survey"]["event"], &first["survey"]["sha256"]), (&2.into(), &events[1].digest().into()));
    let media = first["media"].as_array().unwrap();
    assert_eq!(media.len(), 2, "{media:?}");
    assert_eq!((&media[0]["device"], &media[0]["disks"]), (&"sda".into(), &json!(["disk0"])));
    assert_eq!((&media[0]["serial"], &media[1]["serial"]), (&"WD-WCADV1485975".into(), &Value::Null));
    for server in [1, 2] {
        let other = &json["servers"][server];
        assert_eq!((&other["survey"], &other["media"][0]["serial"]), (&Value::Null, &Value::Null));
        assert_eq!(other["media"][0]["device"], "/dev/sda", "of the inventory");
    }
    let english = certificate(&inventory, &events, Language::English).1;
    for words in ["Certificate of sanitization", "not known", "D-06, D-07, D-08", "120.0 GB", "14 giorni solari"] {
        assert!(english.contains(words), "{words}");
    }
}

#[test]
fn a_disk_that_the_survey_did_not_see_is_still_wiped() {
    let inventory = inventory::load(&project()).unwrap();
    let mut gone = of_rescue("S1");
    gone["sources"] = json!(["missing"]);
    let names = |survey: Value| -> Vec<String> {
        let (json, _) = certificate(&inventory, &[surveyed(1, "cinto-srv1", survey)], Language::Italian);
        let media = json["servers"][0]["media"].as_array().unwrap().clone();
        media.iter().map(|medium| medium["device"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(gone), ["sda", "sdb", "/dev/sda"]);
    // A running Windows does not say which of its disks is which.
    let mut windows = of_rescue("S1");
    windows["sources"] = json!([]);
    assert_eq!(names(windows), ["sda", "sdb"]);
    // A circle of devices ends.
    let mut circle = of_rescue("S1");
    circle["disks"][0]["parent"] = "sda1".into();
    assert!(!names(circle).is_empty());
}

#[test]
fn what_hosts_and_people_wrote_is_text() {
    let mut inventory = inventory::load(&project()).unwrap();
    let hostile = "</td><script>alert(1)</script>\u{202e}\"'&";
    inventory.tenants.get_mut(&cinto()).unwrap().name = hostile.into();
    servers(&mut inventory)[0].access.as_mut().unwrap().user = hostile.into();
    let mut survey = of_rescue(hostile);
    survey["system"]["hardware"] = hostile.into();
    survey["disks"][0]["model"] = hostile.into();
    survey["disks"][0]["name"] = hostile.into();
    let wiped = certificate(&inventory, &[surveyed(1, "cinto-srv1", survey)], Language::Italian).1;
    let cleaned = list(&inventory, true, Language::Italian).1;
    for page in [&wiped, &cleaned] {
        assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("&lt;/td&gt;&lt;script&gt;alert(1)"));
    }
    assert!(wiped.matches("&lt;script&gt;").count() >= 5);
}

#[test]
fn the_list_of_clean_up_follows_roles_addresses_and_the_way_of_the_copying() {
    let inventory = inventory::load(&project()).unwrap();
    let (json, page) = list(&inventory, true, Language::Italian);
    golden("migrate/cleanup.html", &page);
    let tasks = json["tasks"].as_array().unwrap();
    let of = |server: &str, area: &str| -> Vec<&str> {
        let mine = tasks.iter().filter(|task| task["server"] == server && task["area"] == area);
        mine.map(|task| task["what"]["en"].as_str().unwrap()).collect()
    };
    // A controller that was moved as it is keeps its account.
    let directory = of("cinto-srv1", "directory");
    assert_eq!(directory.len(), 1, "{directory:?}");
    assert!(directory[0].starts_with("cinto-srv1 goes on as a controller"), "{directory:?}");
    assert!(of("cinto-srv2", "directory").is_empty());
    assert!(of("cinto-srv2", "names")[0].contains("stay with 192.0.2.11"));
    assert!(of("cinto-srv3", "names")[0].contains("192.0.2.12 is gone, 10.64.4.12 remains"));
    assert!(of("cinto-srv3", "services")[0].contains("instead of 192.0.2.12 the address is 10.64.4.12"));
    let way = of("cinto-srv1", "way");
    assert!(way[0].contains("10.255.20.10 -> 192.0.2.10 TCP 22"), "{way:?}");
    assert!(way[1].contains("10.255.20.10/32"), "{way:?}");
    assert!(of("cinto-srv1", "services")[0].ends_with("the address stays 192.0.2.10, and the copy answers"));
    let accounts = of("cinto-srv2", "accounts");
    assert_eq!(accounts.len(), 1, "a rescue system lets in nobody on the server itself: {accounts:?}");
    assert!(accounts[0].contains("root@192.0.2.11"), "{accounts:?}");
    let all: Vec<&str> = tasks.iter().map(|task| task["item"].as_str().unwrap()).collect();
    assert!(["D-03", "D-04", "D-05", "D-11"].iter().all(|item| all.contains(item)), "{all:?}");
    assert_eq!(serde_json::to_value(Doer::Network).unwrap(), "network");
    assert!(tasks.iter().any(|task| task["who"] == "network" && task["server"].is_null()));

    let english = list(&inventory, false, Language::English).1;
    assert!(english.contains("The inventory does not say by which way the copying went"));
    assert!(!english.contains("TCP 22"));
}

#[test]
fn a_controller_that_was_replaced_leaves_nothing_in_the_directory() {
    let mut inventory = inventory::load(&project()).unwrap();
    let first = &mut servers(&mut inventory)[0];
    (first.transfer, first.directory) = (Transfer::Replace, Some(DirectoryWay::Replace));
    let (json, _) = list(&inventory, true, Language::English);
    let tasks = json["tasks"].as_array().unwrap();
    let mine = tasks.iter().filter(|task| task["server"] == "cinto-srv1");
    let what: Vec<&str> = mine.map(|task| task["what"]["en"].as_str().unwrap()).collect();
    for begins in [
        "Remove the NTDS Settings of cinto-srv1",
        "Disable the computer account of cinto-srv1",
        "Remove the A and PTR records of cinto-srv1 (192.0.2.10)",
        "time source (NTP)",
        "DNS server in DHCP options",
    ] {
        assert!(what.iter().any(|what| what.starts_with(begins)), "{begins}: {what:?}");
    }
    assert!(!what.iter().any(|what| what.contains("goes on as a controller")));
}

#[test]
fn the_papers_are_written_where_they_are_wanted() {
    let sandbox = Sandbox::with_project();
    let page = sandbox.run(&["migrate", "report", "wipe", "cinto-caomaggiore"]).code(0).stdout;
    let sum = Command::new("sha256sum").arg(sandbox.path().join(CINTO)).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap().split(' ').next().unwrap().to_owned();
    assert!(page.contains(&format!("SHA-256 {sum}")) && page.contains("Nessun rilievo della sorgente"));
    let json = sandbox.run(&["migrate", "report", "wipe", "cinto-caomaggiore", "--json"]).code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["servers"].as_array().unwrap().len(), 3);
    assert_eq!((&json["inventory"], &json["servers"][0]["media"][0]["serial"]), (&sum.into(), &Value::Null));
    // Reading leaves no trace.
    assert!(!sandbox.path().join(".traghetto/state.db").exists());

    let args = ["migrate", "report", "cleanup", "cinto-caomaggiore", "--lang", "en", "--out", "cleanup.html"];
    let out = sandbox.run(&args).code(0);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("", "written to cleanup.html\n"));
    assert!(std::fs::read_to_string(sandbox.path().join("cleanup.html")).unwrap().contains("Clean-up after the move"));
    let failed = sandbox.run(&["migrate", "report", "cleanup", "cinto-caomaggiore", "--out", "no/such/folder"]).code(1);
    assert!(failed.stderr.contains("no/such/folder cannot be written"), "{}", failed.stderr);
    // A town of which nothing is known has an empty list, and says so.
    let empty = sandbox.run(&["migrate", "report", "wipe", "jesolo", "--lang", "en"]).code(0).stdout;
    assert!(empty.contains("The inventory knows no server of this tenant."));
}

/// A machine that is still in the export is on the list; where nothing was staged there is no such line.
#[test]
fn the_export_of_staged_machines_is_cleaned_up_too() {
    let mut inventory = inventory::load(&project()).unwrap();
    let staging = Staging {
        datastore: "staging".into(),
        nfs_host: "10.0.0.9".into(),
        nfs_path: "/srv/landing".into(),
        directory: "landing".into(),
    };
    let lab = crate::support::memory::Lab::with_converter(Transfer::Converter);
    let LandingMachines::Vsphere(mut vsphere) = lab.inventory.project.landing.machines else { panic!("no vSphere") };
    for (way, wanted) in [(VsphereWay::Nfs(staging), 1), (VsphereWay::Nfc, 0)] {
        vsphere.way = way;
        inventory.project.landing.machines = LandingMachines::Vsphere(vsphere.clone());
        let page = list(&inventory, false, Language::English).1;
        let line =
            "No machine of the tenant stays on the datastore staging: the step `relocate` moved them to produzione";
        assert_eq!(page.matches(line).count(), wanted, "{page}");
        assert_eq!(page.matches("holds only clones of servers that were taken back").count(), wanted);
    }
}
