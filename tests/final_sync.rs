//! The last copy of a running server, as `migrate run` does it, and what it refuses. Needs root, and the
//! Debian packages openssh-server, e2fsprogs, util-linux.

use crate::support::frozen::Volume;
use crate::support::town::Town;
use serde_json::Value;
use traghetto::migration::{Quiesce, Unfit};
use traghetto::model::server::{Disk, Os, Server, ServerRole, Transfer};
use traghetto::model::{Inventory, Known};
use traghetto::replica::DiskReplica;
use traghetto::survey::{Mark, Survey, parse};

const SERVER: &str = "cinto-srv3";

/// A first copy, a gate at which the sources are quiet, a last copy.
pub const PLAYBOOK: &str = "\
playbook: {name: ultima, source: prova}
activities:
  - {activity: 1, title: {it: Copia, en: Copy}, responsible: [venis-sistemista], executes: [venis-sistemista],
     validates: [sad-validatore], days: [1, 2], steps: [{do: prepare-landing}, {do: seed}, {do: verify},
     {gate: {id: seeded, reaches: quiet, valid_hours: 12, title: {it: Copiato, en: Copied}}}]}
  - {activity: 2, title: {it: Ultima copia, en: Last copy}, responsible: [venis-sistemista],
     executes: [venis-sistemista], validates: [sad-validatore], days: [3, 4], steps: [{do: final-sync},
     {gate: {id: copied, title: {it: Copiato, en: Copied}}}]}
";

/// A town whose third server is a running Linux with a mounted disk.
struct Running {
    town: Town,
    volume: Volume,
    _folder: tempfile::TempDir,
}

impl Running {
    fn new(more: &str) -> Self {
        let town = Town::new();
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::new(folder.path(), "root", "ext4");
        let path = town.sandbox.path().join("inventory/tenants/cinto-caomaggiore.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, after) = text.split_once("  - id: cinto-srv3\n").unwrap();
        let after = after.replacen("os: {windows: Windows 7}", "os: {linux: Debian 12}", 1);
        let after = after.replacen("transfer: rescue", &format!("transfer: agent{more}"), 1);
        let image = format!("\"{}\", size_bytes: {}", town.disk(SERVER).display(), crate::support::town::DISK);
        let device = format!("{}, size_bytes: {}", volume.device.display(), 320 << 20);
        assert!(after.contains(&image));
        let after = after.replacen(&image, &device, 1);
        std::fs::write(&path, format!("{before}  - id: cinto-srv3\n{after}")).unwrap();
        std::fs::remove_file(town.sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
        town.sandbox.write("playbooks/last.yaml", PLAYBOOK);
        let running = Self { town, volume, _folder: folder };
        running.town.run_to("seeded");
        running.town.sign("seeded", "sad-validatore", "carla-riva");
        running
    }

    /// The facts of the finished final sync.
    fn facts(&self) -> Value {
        let path = self.town.sandbox.path().join("replicas/cinto-caomaggiore/events.jsonl");
        let events = std::fs::read_to_string(path).unwrap();
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let id = format!("a2.final-sync.{SERVER}.disk0");
        let mut finished =
            events.filter(|event| event["kind"] == "step.finished" && event["data"]["step"] == id.as_str());
        finished.next_back().unwrap()["data"]["facts"].clone()
    }
}

#[test]
fn a_running_server_is_frozen_copied_and_goes_on() {
    let running = Running::new("");
    std::fs::write(running.volume.dir.join("document"), vec![7; 100_000]).unwrap();
    let plan = running.town.migrate(&["plan"]).code(0).stdout;
    assert!(plan.contains("with the source quiet (its filesystems are frozen meanwhile)"), "{plan}");
    running.town.run_to("copied");
    running.volume.assert_thaws();
    let facts = running.facts();
    assert_eq!(facts["quiesce"], "freeze");
    let device = running.volume.device.display();
    assert_eq!(facts["frozen"][0], format!("{device} on {}", running.volume.dir.display()));
    assert!(facts["frozen_seconds"].as_f64().unwrap() > 0.0);
    // Unmounted, the source gets its last super block; the replica is what was frozen before.
    let folder = running.town.sandbox.path().join(format!("replicas/cinto-caomaggiore/{SERVER}"));
    let replica = DiskReplica::new(&folder, &"disk0".parse().unwrap());
    let image = replica.image();
    crate::support::replica::run(&["e2fsck", "-f", "-n", image.to_str().unwrap()]);
    let document = crate::support::replica::run(&["debugfs", "-R", "stat /document", image.to_str().unwrap()]);
    assert!(document.contains("Size: 100000"), "{document}");
}

#[test]
fn a_killed_run_leaves_no_frozen_server_behind() {
    let running = Running::new("");
    for pause in [300, 600, 900, 1200] {
        let mut run = running.town.command(&["run"]).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        run.kill().unwrap();
        run.wait().unwrap();
        running.volume.assert_thaws();
    }
    running.town.run_to("copied");
    let folder = running.town.sandbox.path().join(format!("replicas/cinto-caomaggiore/{SERVER}"));
    let replica = DiskReplica::new(&folder, &"disk0".parse().unwrap());
    crate::support::replica::run(&["e2fsck", "-f", "-n", replica.image().to_str().unwrap()]);
}

#[test]
fn what_cannot_be_frozen_is_named_with_what_to_do() {
    let running = Running::new("");
    crate::support::replica::run(&["fsfreeze", "-f", running.volume.dir.to_str().unwrap()]);
    let ran = running.town.migrate(&["run"]).code(4);
    running.volume.thaw();
    let place = running.volume.dir.display();
    assert!(
        ran.stderr.contains(&format!("the filesystem on {place} is already frozen by somebody else")),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("Nothing is frozen and nothing was copied"), "{}", ran.stderr);
    running.town.run_to("copied");
}

#[test]
fn services_that_should_be_stopped_hold_it_back() {
    // The server of the sessions itself runs on every machine of the tests.
    let running = Running::new("\n    services_stop: [sshd, ssh]");
    let ran = running.town.migrate(&["run"]).code(4);
    assert!(ran.stderr.contains(&format!("{SERVER} still runs ss")), "{}", ran.stderr);
    assert!(ran.stderr.contains("Nothing was stopped, frozen or copied."), "{}", ran.stderr);
    running.volume.assert_thaws();
}

#[test]
fn a_snapshot_of_what_is_no_volume_is_refused() {
    let running = Running::new("");
    running.town.edit("size_bytes: 335544320}", "size_bytes: 335544320, snapshot: allowed}");
    running.town.migrate(&["run", "--adopt-plan"]).code(5);
    running.town.sign("seeded", "sad-validatore", "carla-riva");
    let ran = running.town.migrate(&["run"]).code(4);
    assert!(ran.stderr.contains("is no logical volume"), "{}", ran.stderr);
}

fn surveyed() -> Survey {
    let (text, mark) = (include_str!("fixtures/survey/debian12.txt"), Mark::new([0xab; 16]));
    parse(text.replace("@@", &mark.to_string()).as_bytes(), &mark).unwrap()
}

/// A Linux with one disk whose source is the first that the survey knows.
fn linux() -> Server {
    let inventory: Inventory = traghetto::inventory::load(&crate::support::project()).unwrap();
    let tenant = &inventory.tenants[&"cinto-caomaggiore".parse().unwrap()];
    let Known::Known(servers) = &tenant.servers else { panic!("its servers are known") };
    let mut server = servers.iter().find(|server| server.id.as_str() == SERVER).unwrap().clone();
    server.transfer = Transfer::Agent;
    server.os = Os::Linux("Debian 12".into());
    server
}

fn quiet(survey: &mut Survey) {
    survey.domain_controller = false;
    survey.controller_seen.clear();
}

#[test]
fn a_domain_controller_is_never_copied_while_it_runs_whatever_the_inventory_says() {
    let (server, survey) = (linux(), surveyed());
    assert!(!server.is_domain_controller());
    let refused = Quiesce::found(&server, &server.disks[0], &survey).unwrap_err();
    let Unfit::Controller { seen, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*seen, ["server role = active directory domain controller", "sam.ldb"]);
    assert!(refused.to_string().contains("server role = active directory domain controller, sam.ldb"));

    let mut survey = surveyed();
    quiet(&mut survey);
    let mut server = linux();
    server.roles.push(ServerRole::Ad);
    let refused = Quiesce::found(&server, &server.disks[0], &survey).unwrap_err();
    assert!(matches!(refused, Unfit::Controller { .. }), "{refused}");
    // Nor by way of a snapshot.
    server.disks[0].snapshot = true;
    assert!(matches!(Quiesce::found(&server, &server.disks[0], &survey), Err(Unfit::Controller { .. })));
    // Booted from a rescue system it is not asked.
    server.transfer = Transfer::Rescue;
    assert_eq!(Quiesce::found(&server, &server.disks[0], &surveyed()), Ok(Quiesce::Offline));
}

#[test]
fn what_is_found_decides_how_a_disk_stands_still() {
    let mut survey = surveyed();
    quiet(&mut survey);
    let server = linux();
    let found = |server: &Server, survey: &Survey| Quiesce::found(server, &server.disks[0], survey);
    assert_eq!(found(&server, &survey), Ok(Quiesce::Freeze));
    // A whole disk with volumes inside is no volume.
    let snapshot = Disk { snapshot: true, ..server.disks[0].clone() };
    let allowed = Server { disks: vec![snapshot], ..server.clone() };
    assert!(matches!(found(&allowed, &survey), Err(Unfit::NoVolume { .. })));
    let mut volume = survey.clone();
    volume.sources = vec![traghetto::survey::Source::Block { device: "dm-0".into(), size: None }];
    assert_eq!(found(&allowed, &volume), Ok(Quiesce::Snapshot));
    assert_eq!(found(&server, &volume), Ok(Quiesce::Freeze));
    survey.filesystems.iter_mut().for_each(|filesystem| filesystem.read_only = true);
    assert_eq!(found(&server, &survey), Ok(Quiesce::ReadOnly));
    assert!(!Quiesce::ReadOnly.holds() && Quiesce::Freeze.holds());
}

#[test]
fn named_services_must_have_stopped() {
    let mut survey = surveyed();
    quiet(&mut survey);
    let mut server = linux();
    server.services_stop = vec!["cron".into(), "ssh.service".into(), "postgresql".into()];
    let running = vec!["cron".to_owned(), "ssh.service".to_owned()];
    let refused = Quiesce::found(&server, &server.disks[0], &survey).unwrap_err();
    assert_eq!(refused, Unfit::Running { server: server.id.clone(), running });
    survey.services.clear();
    assert_eq!(Quiesce::found(&server, &server.disks[0], &survey), Ok(Quiesce::Freeze));
    survey.unread.push("services".into());
    assert!(matches!(Quiesce::found(&server, &server.disks[0], &survey), Err(Unfit::Unknown { .. })));
}
