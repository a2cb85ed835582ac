//! Landing ways against a vCenter that others wrote (govmomi's simulator), and in folders.

mod cut;
mod kills;
mod relocation;
mod settings;
mod stand;
mod strict;

use crate::support::vcsim::Vcsim;
use kills::{STEP, Scene, proof};
use stand::{DISK, STORE, clones, content, disk, estate, project, qemu_img, server, staging, untouched, vcsim};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use traghetto::landing::{Identity, LandingError, LandingZone as _, Port, Power, Purpose, Way};
use traghetto::model::machine::{Controller, Firmware, Hardware, NicModel};
use traghetto::model::project::{LabCommands, LandingMachines};
use traghetto::model::vsphere::VsphereWay;
use traghetto::world::vsphere::{Client, DatastoreFile, Deadlines, Moref, Place};

/// Methods of a server that make something.
const MAKING: [&str; 7] = [
    "<CreateFolder ",
    "<CreateResourcePool ",
    "<AddVirtualSwitch ",
    "<AddPortGroup ",
    "<AddDVPortgroup_Task ",
    "<CreateNasDatastore ",
    "<CreateVM_Task ",
];

fn made(vcsim: &Vcsim) -> usize {
    vcsim.requests().iter().filter(|request| MAKING.iter().any(|method| request.contains(method))).count()
}

async fn connect(vcsim: &Vcsim) -> Client {
    Client::connect(&vcsim.access(), vcsim.root(), Deadlines::default()).await.unwrap()
}

async fn find(client: &Client, path: &str) -> Moref {
    client.find(&Place::read(path).unwrap()).await.unwrap()
}

async fn names(client: &Client, path: &str) -> Vec<String> {
    let Some(folder) = client.look(&Place::read(path).unwrap()).await.unwrap() else { return Vec::new() };
    client.list(&folder).await.unwrap().into_iter().map(|child| child.name).collect()
}

#[tokio::test]
async fn a_zone_is_prepared_for_21_tenants_and_then_there() {
    let inventory = estate();
    assert_eq!(inventory.tenants.len(), 21);
    // Three hosts with a distributed switch, and one with standard switches.
    for hosts in [3, 0] {
        let vcsim = Vcsim::start(&[]);
        std::fs::create_dir(vcsim.root().join("staging")).unwrap();
        let way = Way::open(&project(&inventory, self::vcsim(vcsim.access(), staging(), hosts)), vcsim.root());
        let mut prepared = Vec::new();
        for tenant in inventory.tenants.values() {
            prepared.push(way.prepare(tenant).await.unwrap());
        }
        let once = made(&vcsim);
        // Folder, pool, three port groups; the datastore once a host, and the switch of tests.
        assert_eq!(once, 21 * 5 + if hosts == 0 { 2 } else { hosts });
        for (tenant, before) in inventory.tenants.values().zip(&prepared) {
            let again = way.prepare(tenant).await.unwrap();
            assert_eq!(again.parts, before.parts);
            assert!(again.free > 0 && again.datastore_free.is_some_and(|free| free > 0));
        }
        assert_eq!(made(&vcsim), once, "the second time something was made");
        let client = connect(&vcsim).await;
        let networks = names(&client, "DC0/network").await;
        let pool = if hosts == 0 { "DC0/host/DC0_H0/Resources" } else { "DC0/host/DC0_C0/Resources" };
        for id in inventory.tenants.keys() {
            for network in [format!("{id}"), format!("{id}-new"), format!("{id}-test")] {
                assert!(networks.contains(&network), "{network} is not among {networks:?}");
            }
            assert!(client.look(&Place::read(&format!("DC0/vm/{id}")).unwrap()).await.unwrap().is_some());
            assert!(client.look(&Place::read(&format!("{pool}/{id}")).unwrap()).await.unwrap().is_some());
        }
        way.close().await;
    }
}

#[tokio::test]
async fn an_export_that_hosts_see_otherwise_is_refused_before_anything_lands_in_it() {
    let (vcsim, inventory) = (Vcsim::start(&[]), estate());
    std::fs::create_dir(vcsim.root().join("staging")).unwrap();
    let mut machines = self::vcsim(vcsim.access(), staging(), 1);
    if let LandingMachines::Vsphere(setting) = &mut machines
        && let VsphereWay::Nfs(staging) = &mut setting.way
    {
        staging.directory = "elsewhere".into();
    }
    let way = Way::open(&project(&inventory, machines), vcsim.root());
    let error = way.prepare(server(&inventory).0).await.unwrap_err();
    assert!(matches!(&error, LandingError::Staging { what, .. } if what.contains("nothing")), "{error:?}");
    assert!(error.hint().contains("nfs_path"), "{}", error.hint());
}

#[tokio::test]
async fn a_staged_clone_is_booted_as_it_lies_cut_over_and_rolled_back() {
    let (vcsim, inventory) = (Vcsim::start(&[]), estate());
    std::fs::create_dir(vcsim.root().join("staging")).unwrap();
    let way = Way::open(&project(&inventory, self::vcsim(vcsim.access(), staging(), 1)), vcsim.root());
    let client = connect(&vcsim).await;
    let (tenant, server) = server(&inventory);
    way.prepare(tenant).await.unwrap();
    let test = Identity::new(STORE, tenant, server, Purpose::Test);
    launch(&way, &client, &test, server).await;
    let production = Identity::new(STORE, tenant, server, Purpose::Production);
    let blueprint = clones(&way, &production, server, 1);
    // Both at once: a test beside the machine that takes over.
    assert!(way.create(&blueprint, &|_| ()).await.unwrap().made);
    way.connect(&production, Port::Production).await.unwrap();
    way.power_on(&production).await.unwrap();
    way.connect(&production, Port::Production).await.unwrap();
    let standing = way.find(&production).await.unwrap().unwrap();
    assert_eq!((standing.power, standing.port, standing.connected), (Some(Power::On), Some(Port::Production), true));
    // Rolled back: its cable first, then its power.
    way.disconnect(&production).await.unwrap();
    way.disconnect(&production).await.unwrap();
    assert!(!way.find(&production).await.unwrap().unwrap().connected);
    way.shut_down(&production).await.unwrap();
    way.shut_down(&production).await.unwrap();
    way.destroy(&test).await.unwrap();
    assert!(way.find(&production).await.unwrap().is_some(), "another machine was destroyed");
    untouched(&[way.clone_file(&production, &disk(0))]);
    for _ in 0..2 {
        way.destroy(&production).await.unwrap();
        assert_eq!(way.find(&production).await.unwrap(), None);
    }
    assert!(names(&client, &format!("DC0/vm/{}", tenant.id)).await.is_empty());
    let left: Vec<_> = std::fs::read_dir(vcsim.root().join("staging").join(tenant.id.as_str())).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    crate::vsphere::schema::in_order(&vcsim.requests());
}

/// A test launch from two disks, read back as the hosts see them.
async fn launch(way: &Way, client: &Client, identity: &Identity, server: &traghetto::model::server::Server) {
    let blueprint = clones(way, identity, server, 2);
    let told = Mutex::new(0);
    let machine = way.create(&blueprint, &|percent| *told.lock().unwrap() = percent).await.unwrap();
    let (tenant, name) = (identity.tenant(), identity.name());
    assert_eq!((machine.made, *told.lock().unwrap()), (true, 100));
    assert_eq!(machine.place, format!("[staging] {tenant}/{name}/{name}.vmx"));
    assert!(!way.create(&blueprint, &|_| ()).await.unwrap().made);
    let standing = way.find(identity).await.unwrap().unwrap();
    assert_eq!((standing.power, standing.port, standing.connected), (Some(Power::Off), Some(Port::Test), false));
    let datacenter = client.datacenter(&find(client, "DC0/vm").await).await.unwrap();
    for number in 0..2 {
        let file = DatastoreFile::new("staging", &format!("{tenant}/{name}/disk{number}-flat.vmdk"));
        let mut bytes = Vec::new();
        assert_eq!(client.get_file(&datacenter, &file, &mut bytes).await.unwrap(), Some(DISK));
        assert!(bytes == content(u32::try_from(number).unwrap()), "the bytes of disk {number} differ");
        described(&way.clone_file(identity, &disk(number)), number);
    }
    let error = way.connect(identity, Port::Production).await.unwrap_err();
    assert!(matches!(error, LandingError::Isolation { .. }), "{error:?}");
    way.connect(identity, Port::Test).await.unwrap();
    way.power_on(identity).await.unwrap();
    way.power_on(identity).await.unwrap();
    assert_eq!(way.find(identity).await.unwrap().unwrap().power, Some(Power::On));
}

/// QEMU reads the descriptor, and the same bytes behind it.
fn described(flat: &Path, number: usize) {
    let descriptor = flat.with_file_name(format!("disk{number}.vmdk"));
    let raw = flat.with_file_name("read-back");
    let (from, to) = (descriptor.to_str().unwrap(), raw.to_str().unwrap());
    qemu_img(&["convert", "-f", "vmdk", "-O", "raw", from, to]);
    assert!(std::fs::read(&raw).unwrap() == content(u32::try_from(number).unwrap()));
    std::fs::remove_file(raw).unwrap();
}

#[tokio::test]
async fn a_clone_is_imported_and_its_streams_are_gone() {
    let (vcsim, inventory) = (Vcsim::start(&[]), estate());
    let way = Way::open(&project(&inventory, self::vcsim(vcsim.access(), VsphereWay::Nfc, 2)), vcsim.root());
    let (tenant, server) = server(&inventory);
    way.prepare(tenant).await.unwrap();
    let identity = Identity::new(STORE, tenant, server, Purpose::Production);
    let told = Mutex::new(Vec::new());
    let blueprint = clones(&way, &identity, server, 2);
    assert!(way.create(&blueprint, &|percent| told.lock().unwrap().push(percent)).await.unwrap().made);
    {
        let told = told.lock().unwrap();
        assert!(told.is_sorted() && told.last() == Some(&100), "{told:?}");
    }
    assert!(!way.create(&blueprint, &|_| ()).await.unwrap().made);
    let left: Vec<_> = std::fs::read_dir(way.clone_folder(&identity)).unwrap().map(|one| one.unwrap().path()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(way.clone_folder(&identity).starts_with(vcsim.root().join("replicas-machines")));
    let stays = way.relocate(&identity, &|_| ()).await.unwrap();
    assert_eq!((stays.datastore.as_deref(), stays.moved), (Some("LocalDS_0"), false), "it was imported there");
    assert!(way.clone_folder(&identity).exists(), "what was imported is no export of ours");
    way.power_on(&identity).await.unwrap();
    way.connect(&identity, Port::Production).await.unwrap();
    way.destroy(&identity).await.unwrap();
    way.destroy(&identity).await.unwrap();
    assert!(!way.clone_folder(&identity).exists());
    crate::vsphere::schema::in_order(&vcsim.requests());
}

#[tokio::test]
async fn an_old_system_lands_on_ide_with_its_own_firmware_and_card() {
    let inventory = estate();
    let (tenant, server) = server(&inventory);
    let mut server = server.clone();
    let (controller, firmware) = (Some(Controller::Ide), Some(Firmware::Uefi));
    server.machine = Some(Hardware { controller, firmware, nic: Some(NicModel::E1000), ..Hardware::default() });
    for way in [staging(), VsphereWay::Nfc] {
        let vcsim = Vcsim::start(&[]);
        std::fs::create_dir(vcsim.root().join("staging")).unwrap();
        let way = Way::open(&project(&inventory, self::vcsim(vcsim.access(), way, 1)), vcsim.root());
        way.prepare(tenant).await.unwrap();
        let identity = Identity::new(STORE, tenant, &server, Purpose::Test);
        way.create(&clones(&way, &identity, &server, 2), &|_| ()).await.unwrap();
        let client = connect(&vcsim).await;
        let folder = find(&client, &format!("DC0/vm/{}", tenant.id)).await;
        let machine = client.machine(&folder, &identity.name(), &identity.mark()).await.unwrap().unwrap();
        let state = client.state(&machine).await.unwrap();
        assert_eq!((state.disks.len(), state.nics[0].mac.as_str()), (2, identity.mac().as_str()));
        let request = vcsim.requests().into_iter().find(|request| request.contains("VirtualE1000")).unwrap();
        for part in ["<firmware>efi<", "<controllerKey>200<", &format!("<uuid>{}<", identity.uuid())] {
            assert!(request.contains(part), "{part} is not in {request}");
        }
        way.destroy(&identity).await.unwrap();
        crate::vsphere::schema::in_order(&vcsim.requests());
    }
}

#[tokio::test]
async fn what_is_not_ours_is_neither_taken_nor_destroyed() {
    let (vcsim, inventory) = (Vcsim::start(&[]), estate());
    std::fs::create_dir(vcsim.root().join("staging")).unwrap();
    let way = Way::open(&project(&inventory, self::vcsim(vcsim.access(), staging(), 1)), vcsim.root());
    let (tenant, server) = server(&inventory);
    way.prepare(tenant).await.unwrap();
    let theirs = Identity::new("another-store", tenant, server, Purpose::Test);
    way.create(&clones(&way, &theirs, server, 1), &|_| ()).await.unwrap();
    let ours = Identity::new(STORE, tenant, server, Purpose::Test);
    for error in [
        way.create(&clones(&way, &ours, server, 1), &|_| ()).await.unwrap_err(),
        way.find(&ours).await.unwrap_err(),
        way.power_on(&ours).await.unwrap_err(),
        way.destroy(&ours).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("is there already"), "{error:?}");
    }
    assert!(way.find(&theirs).await.unwrap().is_some());
    untouched(&[way.clone_file(&theirs, &disk(0))]);
}

/// The whole life of a machine is cut at boundaries between requests, for both ways.
#[test]
fn a_kill_leaves_one_machine_or_none() {
    kills(STEP);
}

#[test]
fn proof_a_kill_at_every_boundary_leaves_one_machine_or_none() {
    if proof() {
        kills(1);
    }
}

fn kills(step: usize) {
    let inventory = estate();
    let (tenant, server) = server(&inventory);
    for way in [staging(), VsphereWay::Nfc] {
        let vcsim = Vcsim::start(&[]);
        std::fs::create_dir(vcsim.root().join("staging")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(connect(&vcsim));
        let path = format!("DC0/vm/{}", tenant.id);
        let machines = || runtime.block_on(names(&client, &path));
        let machines: &dyn Fn() -> Vec<String> = &|| std::thread::scope(|scope| scope.spawn(machines).join().unwrap());
        let scene = Scene {
            project: project(&inventory, self::vcsim(vcsim.access(), way, 1)),
            root: vcsim.root(),
            tenant,
            server,
            deadlines: Deadlines::default(),
            disks: 1,
            machines,
        };
        let began = std::time::Instant::now();
        let boundaries = scene.boundaries(step);
        println!("{boundaries} boundaries in {:?}", began.elapsed());
        assert!(boundaries > 50, "{boundaries}");
    }
}

/// A laboratory that keeps what it does in files.
fn lab(folder: &Path) -> LabCommands {
    let script = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho {name} \"$@\" >> {}/calls\n{text}\n", folder.display()))
            .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        vec![path.display().to_string(), "--a b".to_owned()]
    };
    LabCommands {
        start: script("start", "test ! -e \"$2/broken\" || { echo no such disk; exit 3; }\ntouch \"$2/on\"\nsleep 5 &"),
        stop: script("stop", "rm -f \"$2/on\""),
        status: script("status", "test -e \"$2/on\""),
    }
}

#[tokio::test]
async fn a_laboratory_boots_what_lies_in_a_folder() {
    let (root, inventory) = (tempfile::tempdir().unwrap(), estate());
    let (tenant, server) = server(&inventory);
    let way = Way::open(&project(&inventory, LandingMachines::Lab(lab(root.path()))), root.path());
    let prepared = way.prepare(tenant).await.unwrap();
    assert!(prepared.free > 0 && prepared.parts.len() == 1);
    let identity = Identity::new(STORE, tenant, server, Purpose::Test);
    assert_eq!(way.find(&identity).await.unwrap(), None);
    assert!(matches!(way.power_on(&identity).await, Err(LandingError::Missing { .. })));
    let blueprint = clones(&way, &identity, server, 2);
    assert!(way.create(&blueprint, &|_| ()).await.unwrap().made);
    assert!(!way.create(&blueprint, &|_| ()).await.unwrap().made);
    let folder = way.clone_folder(&identity);
    std::fs::write(folder.join("broken"), "").unwrap();
    let error = way.power_on(&identity).await.unwrap_err();
    assert!(error.to_string().ends_with("ended with 3: no such disk"), "{error}");
    std::fs::remove_file(folder.join("broken")).unwrap();
    way.power_on(&identity).await.unwrap();
    way.power_on(&identity).await.unwrap();
    way.connect(&identity, Port::Test).await.unwrap();
    assert!(matches!(way.connect(&identity, Port::Production).await, Err(LandingError::Isolation { .. })));
    let standing = way.find(&identity).await.unwrap().unwrap();
    assert_eq!((standing.power, standing.port, standing.connected), (Some(Power::On), Some(Port::Test), true));
    let described: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("machine.json")).unwrap()).unwrap();
    assert_eq!((&described["nic"]["port"], &described["nic"]["mac"]), (&"test".into(), &identity.mac().into()));
    assert_eq!(described["disks"][1]["file"], "disk1.raw");
    way.shut_down(&identity).await.unwrap();
    way.shut_down(&identity).await.unwrap();
    way.power_on(&identity).await.unwrap();
    way.destroy(&identity).await.unwrap();
    way.destroy(&identity).await.unwrap();
    assert!(!folder.exists());
    let calls = std::fs::read_to_string(root.path().join("calls")).unwrap();
    let count = |call: &str| calls.lines().filter(|line| line.starts_with(call)).count();
    let (folder, calls) = (folder.display(), calls.lines().collect::<Vec<_>>());
    assert_eq!((count("start "), count("stop ")), (3, 2), "{calls:#?}");
    for call in
        [format!("stop --a b {folder} gently"), format!("stop --a b {folder} hard"), format!("start --a b {folder}")]
    {
        assert!(calls.contains(&call.as_str()), "{call} is not among {calls:#?}");
    }
}

#[tokio::test]
async fn without_a_laboratory_a_person_boots_it() {
    let (root, inventory) = (tempfile::tempdir().unwrap(), estate());
    let (tenant, server) = server(&inventory);
    let way = Way::open(&project(&inventory, LandingMachines::ByHand), root.path());
    let identity = Identity::new(STORE, tenant, server, Purpose::Production);
    let blueprint = clones(&way, &identity, server, 1);
    way.create(&blueprint, &|_| ()).await.unwrap();
    let error = way.power_on(&identity).await.unwrap_err();
    assert!(error.waits_for_person() && error.to_string().contains(&format!("boot {identity}")), "{error}");
    way.connect(&identity, Port::Production).await.unwrap();
    let standing = way.find(&identity).await.unwrap().unwrap();
    assert_eq!((standing.power, standing.port), (None, Some(Port::Production)));
    // A description of another's is nobody's of ours, and a clone of another size is none.
    let other = Identity::new("another-store", tenant, server, Purpose::Production);
    assert!(matches!(way.destroy(&other).await, Err(LandingError::Taken { .. })));
    way.destroy(&identity).await.unwrap();
    let mut blueprint = clones(&way, &identity, server, 1);
    blueprint.disks[0].bytes += 512;
    let error = way.create(&blueprint, &|_| ()).await.unwrap_err();
    assert!(matches!(error, LandingError::Clone { .. }), "{error:?}");
    assert_eq!(way.find(&identity).await.unwrap(), None);
    // Killed before it was described: the clones go all the same.
    way.destroy(&identity).await.unwrap();
    assert!(!way.clone_folder(&identity).exists());
}
