//! The client of vSphere against a vCenter that others wrote (govmomi's simulator), which answers as
//! version 6.5. Needs the Debian packages golang-go and golang-github-vmware-govmomi-dev (`make packages`).

pub mod schema;

use crate::support::vcsim::{PASSWORD, USER, Vcsim};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;
use traghetto::landing::vmdk::{Adapter, CreateType, Descriptor, Options, RawFile, write_descriptor, write_stream};
use traghetto::world::vsphere::{
    Change, Client, Controller, DatastoreFile, Deadlines, Disk, Fault, Firmware, Home, Import, ImportedDisk, Machine,
    MachineSpec, Moref, Move, NasVolume, Network, Nic, NicModel, Place, Plug, Power, Trouble, Trust, Used, VlanId,
};

const LIMIT: Duration = Duration::from_secs(30);
const DISK: u64 = 3 << 20;

async fn connect(vcsim: &Vcsim) -> Client {
    Client::connect(&vcsim.access(), vcsim.root(), Deadlines::default()).await.unwrap()
}

async fn find(client: &Client, path: &str) -> Moref {
    client.find(&Place::read(path).unwrap()).await.unwrap()
}

/// A staging folder with a raw disk of this content and its descriptor, exported as a datastore.
struct Staging {
    volume: NasVolume,
    disk: DatastoreFile,
    raw: PathBuf,
}

impl Staging {
    fn new(vcsim: &Vcsim) -> Self {
        let folder = vcsim.folder.path().join("staging/cinto/web 1");
        std::fs::create_dir_all(&folder).unwrap();
        let raw = folder.join("web-flat.vmdk");
        let file = std::fs::File::create(&raw).unwrap();
        file.set_len(DISK).unwrap();
        file.write_all_at(b"the first sector", 0).unwrap();
        file.write_all_at(&[7; 5000], DISK - 5000).unwrap();
        let descriptor = Descriptor::new(CreateType::Vmfs, "web-flat.vmdk", DISK / 512, Adapter::Pvscsi, 7).unwrap();
        write_descriptor(&folder.join("web.vmdk"), &descriptor).unwrap();
        let (name, server, path) = ("staging".to_owned(), "10.0.0.9".to_owned(), "/srv/landing".to_owned());
        let disk = DatastoreFile::new("staging", "cinto/web 1/web.vmdk");
        Self { volume: NasVolume { name, server, path }, disk, raw }
    }
}

fn spec(disk: Option<DatastoreFile>, home: &str, nics: Vec<Nic>) -> MachineSpec {
    MachineSpec {
        name: "cinto web 1".to_owned(),
        id: "cinto-caomaggiore/web1".to_owned(),
        uuid: Some("564d0000-0000-8000-8000-000000000001".to_owned()),
        guest: "debian10_64Guest".to_owned(),
        cpus: 2,
        memory_mib: 2048,
        firmware: Firmware::Uefi,
        home: DatastoreFile::new(home, "cinto/web 1/web.vmx"),
        controller: Controller::Pvscsi,
        disks: vec![Disk { file: disk, bytes: DISK }],
        nics,
        annotation: "a copy <of> & by traghetto".to_owned(),
    }
}

#[tokio::test]
async fn a_login_is_by_password_and_the_server_is_known() {
    let vcsim = Vcsim::start(&[]);
    let client = connect(&vcsim).await;
    assert_eq!(client.version(), "6.5");
    // By its authority, too.
    let mut access = vcsim.access();
    access.trust = Trust::Ca("ca.pem".into());
    Client::connect(&access, vcsim.root(), Deadlines::default()).await.unwrap().log_out().await;
    // Another certificate: nothing is sent, and what is shown can be compared.
    access.trust = Trust::Thumbprint("00".repeat(32));
    let before = vcsim.requests().len();
    let error = Client::connect(&access, vcsim.root(), Deadlines::default()).await.unwrap_err();
    let shown = vcsim.certificates.sha256.replace(':', "").to_lowercase();
    assert!(matches!(&error, Trouble::Certificate { shown: told, .. } if told.contains(&shown)), "{error:?}");
    let other = tempfile::tempdir().unwrap();
    crate::support::certificates::Certificates::make(other.path());
    access.trust = Trust::Ca(other.path().join("ca.pem"));
    let error = Client::connect(&access, vcsim.root(), Deadlines::default()).await.unwrap_err();
    assert!(matches!(error, Trouble::Certificate { .. }), "{error:?}");
    access.trust = Trust::Thumbprint("ab:cd".to_owned());
    let error = Client::connect(&access, vcsim.root(), Deadlines::default()).await.unwrap_err();
    assert!(matches!(error, Trouble::Trust { .. }), "{error:?}");
    assert_eq!(vcsim.requests().len(), before, "something was sent to a server that we do not know");
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let vcsim = Vcsim::start(&[]);
    let password = vcsim.root().join("password");
    std::fs::write(&password, "Wrong-4711\n").unwrap();
    let error = Client::connect(&vcsim.access(), vcsim.root(), Deadlines::default()).await.unwrap_err();
    assert!(matches!(&error, Trouble::Login { user, .. } if user == USER), "{error:?}");
    assert!(!format!("{error:?} {error} {}", error.hint()).contains("Wrong-4711"));
    let logins = vcsim.requests().iter().filter(|request| request.contains("<Login ")).count();
    assert_eq!(logins, 1);
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Client::connect(&vcsim.access(), vcsim.root(), Deadlines::default()).await.unwrap_err();
    assert!(matches!(error, Trouble::Secret { .. }), "{error:?}");
}

#[tokio::test]
async fn a_session_that_ended_is_made_anew_once_for_all() {
    let vcsim = Vcsim::start(&["-idle", "1s"]);
    let client = connect(&vcsim).await;
    let logins = || vcsim.requests().iter().filter(|request| request.contains("<Login ")).count();
    let folder = find(&client, "DC0/vm").await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let (a, b) = (Place::read("DC0/vm").unwrap(), Place::read("DC0/host").unwrap());
    let (one, two) = tokio::join!(client.find(&a), client.find(&b));
    assert!(one.unwrap() == folder && two.is_ok());
    assert_eq!(logins(), 2);
    // What changes something is repeated too: it was refused before it began.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    client.ensure_folder(&folder, "after").await.unwrap();
    assert_eq!(logins(), 3);
}

#[tokio::test]
async fn folders_and_pools_are_made_once() {
    let vcsim = Vcsim::start(&[]);
    let client = connect(&vcsim).await;
    let folder = find(&client, "DC0/vm").await;
    let made = client.ensure_folder(&folder, "Unione A/B 100%").await.unwrap();
    assert_eq!(client.ensure_folder(&folder, "Unione A/B 100%").await.unwrap(), made);
    let inner = client.ensure_folder(&made, "prova").await.unwrap();
    let names: Vec<_> = client.list(&made).await.unwrap().into_iter().map(|child| child.name).collect();
    assert_eq!(names, ["prova"]);
    let pools = find(&client, "DC0/host/DC0_C0/Resources").await;
    let pool = client.ensure_pool(&pools, "cinto").await.unwrap();
    assert_eq!(client.ensure_pool(&pools, "cinto").await.unwrap(), pool);
    assert_eq!(find(&client, "DC0/host/DC0_C0/Resources/cinto").await, pool);
    // Something else has the name.
    let error = client.ensure_folder(&folder, "DC0_H0_VM0").await.unwrap_err();
    assert!(matches!(&error, Trouble::Taken { what, .. } if what == "it is a VirtualMachine"), "{error:?}");
    // What is not empty stays.
    let error = client.remove_empty(&made).await.unwrap_err();
    assert!(matches!(&error, Trouble::Taken { what, .. } if what.contains("prova")), "{error:?}");
    for object in [&inner, &made, &pool, &pool] {
        client.remove_empty(object).await.unwrap();
    }
    assert!(client.look(&Place::read("DC0/host/DC0_C0/Resources/cinto").unwrap()).await.unwrap().is_none());
    let machine = find(&client, "DC0/vm/DC0_H0_VM0").await;
    assert!(matches!(client.remove_empty(&machine).await, Err(Trouble::Request { .. })), "a machine was destroyed");
}

#[tokio::test]
async fn a_path_that_leads_nowhere_says_how_far_it_leads() {
    let vcsim = Vcsim::start(&[]);
    let client = connect(&vcsim).await;
    let error = client.find(&Place::read("DC0/vmm/x").unwrap()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("DC0/vmm/x is not in the inventory of 127.0.0.1:{}; DC0 has datastore, host, network, vm", vcsim.port)
    );
}

#[tokio::test]
async fn port_groups_are_made_once_and_isolated_ones_have_no_uplink() {
    let vcsim = Vcsim::start(&[]);
    let client = connect(&vcsim).await;
    let host = find(&client, "DC0/host/DC0_H0/DC0_H0").await;
    let vlan = |number| VlanId::new(number).unwrap();
    let make = |name: &'static str, number| client.ensure_host_port_group(&host, "prova", name, vlan(number), true);
    let made = make("prova-cinto", 0).await.unwrap();
    assert!(matches!(&made, Network::Standard { name, .. } if name == "prova-cinto"), "{made:?}");
    assert_eq!(make("prova-cinto", 0).await.unwrap(), made);
    assert_eq!(client.network(made.object()).await.unwrap(), made);
    let error = make("prova-cinto", 7).await.unwrap_err();
    assert!(matches!(&error, Trouble::Taken { what, .. } if what.contains("VLAN 0")), "{error:?}");
    let error = client.ensure_host_port_group(&host, "none", "x", vlan(0), false).await.unwrap_err();
    assert!(matches!(error, Trouble::Request { .. }), "{error:?}");
    client.remove_host_port_group(&host, "prova", "prova-cinto").await.unwrap();
    client.remove_host_port_group(&host, "prova", "prova-cinto").await.unwrap();

    let switch = find(&client, "DC0/network/DVS0").await;
    let make = |isolated| client.ensure_distributed_port_group(&switch, "cinto", vlan(301), isolated);
    let made = make(false).await.unwrap();
    assert!(matches!(&made, Network::Distributed { key, switch, .. } if !key.is_empty() && !switch.is_empty()));
    assert_eq!(make(false).await.unwrap(), made);
    assert!(matches!(make(true).await, Err(Trouble::Taken { .. })), "one with uplinks was taken for isolated");
    let closed = client.ensure_distributed_port_group(&switch, "closed", vlan(302), true).await.unwrap();
    assert_eq!(client.ensure_distributed_port_group(&switch, "closed", vlan(302), true).await.unwrap(), closed);
    client.remove_distributed_port_group(closed.object()).await.unwrap();
    client.remove_distributed_port_group(closed.object()).await.unwrap();
}

/// Prepares a place for machines: folder, pool, host, and the staging datastore.
async fn prepare(client: &Client, staging: &Staging) -> (Moref, Moref, Moref) {
    let host = find(client, "DC0/host/DC0_H0/DC0_H0").await;
    let pool = find(client, "DC0/host/DC0_H0/Resources").await;
    let folder = client.ensure_folder(&find(client, "DC0/vm").await, "cinto").await.unwrap();
    client.ensure_nas(&host, &staging.volume).await.unwrap();
    (folder, pool, host)
}

#[tokio::test]
async fn a_machine_runs_from_a_staged_disk_and_leaves_nothing() {
    let vcsim = Vcsim::start(&[]);
    let staging = Staging::new(&vcsim);
    let client = connect(&vcsim).await;
    let (folder, pool, host) = prepare(&client, &staging).await;
    let datastore = client.ensure_nas(&host, &staging.volume).await.unwrap();
    let other = NasVolume { path: "/srv/other".to_owned(), ..staging.volume.clone() };
    let error = client.ensure_nas(&host, &other).await.unwrap_err();
    assert!(matches!(&error, Trouble::Taken { what, .. } if what == "it is 10.0.0.9:/srv/landing"), "{error:?}");

    let network = client.network(&find(&client, "DC0/network/VM Network").await).await.unwrap();
    let mac = Some("00:50:56:01:02:03".to_owned());
    let nic =
        |model| Nic { model, network: network.clone(), mac: mac.clone(), start_connected: false, connected: false };
    let home = Home { folder: &folder, pool: &pool, host: Some(&host) };
    let spec = spec(Some(staging.disk.clone()), "staging", vec![nic(NicModel::Vmxnet3)]);
    let machine = client.ensure_machine(home, &spec, LIMIT, &|_| ()).await.unwrap();
    assert_eq!(client.ensure_machine(home, &spec, LIMIT, &|_| ()).await.unwrap(), machine);
    let state = client.state(&machine).await.unwrap();
    assert_eq!((state.power, state.id.as_deref(), state.complete), (Power::Off, Some(&*spec.id), true));
    assert_eq!((state.home, state.disks), (Some(spec.home.clone()), vec![staging.disk.clone()]));
    let [nic] = &state.nics[..] else { panic!("{:?}", state.nics) };
    assert_eq!((nic.mac.as_str(), nic.connected, nic.start_connected), ("00:50:56:01:02:03", false, false));
    assert!(matches!(&nic.plug, Plug::Standard { name, .. } if name == "VM Network"), "{nic:?}");

    read_back(&client, &staging, &host).await;
    run(&client, &machine, &staging, &network).await;
    let local = find(&client, "DC0/datastore/LocalDS_0").await;
    client.relocate(&machine, Move { datastore: Some(&local), ..Move::default() }, LIMIT, &|_| ()).await.unwrap();
    let used = |name: &str, export: Option<&str>| [Used { name: name.into(), export: export.map(str::to_owned) }];
    assert!(!staging.raw.exists());
    assert_eq!(client.datastores_of(&machine).await.unwrap(), used("LocalDS_0", None));
    client.relocate(&machine, Move { datastore: Some(&datastore), ..Move::default() }, LIMIT, &|_| ()).await.unwrap();
    assert_eq!(client.datastores_of(&machine).await.unwrap(), used("staging", Some("/srv/landing")));
    strangers(&client, home, &spec, &machine).await;

    client.unregister(&machine).await.unwrap();
    client.unregister(&machine).await.unwrap();
    assert!(client.machine(&folder, &spec.name, &spec.id).await.unwrap().is_none());
    // It has the machine's name since it moved.
    let raw = vcsim.root().join(format!("staging/{0}/{0}-flat.vmdk", spec.name));
    assert!(raw.exists(), "a disk went with a machine that was only unregistered");
    client.remove_empty(&folder).await.unwrap();
    // The simulator cannot remove a datastore, and says so; tests/vsphere_faults.rs removes one.
    let error = client.remove_nas(&host, &staging.volume).await.unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::NotSupported { .. })), "{error:?}");
    client.log_out().await;
    schema::in_order(&vcsim.requests());
}

/// The bytes as the host would serve them are those of our file.
async fn read_back(client: &Client, staging: &Staging, host: &Moref) {
    let datacenter = client.datacenter(host).await.unwrap();
    let file = DatastoreFile::new("staging", "cinto/web 1/web-flat.vmdk");
    let mut bytes = Vec::new();
    assert_eq!(client.get_file(&datacenter, &file, &mut bytes).await.unwrap(), Some(DISK));
    assert!(bytes == std::fs::read(&staging.raw).unwrap(), "the bytes differ");
    let none = DatastoreFile::new("staging", "cinto/none");
    assert_eq!(client.get_file(&datacenter, &none, &mut bytes).await.unwrap(), None);
    let copy = DatastoreFile::new("staging", "logs #1/à/web & copy");
    let told = Mutex::new(0);
    client.make_directory(&datacenter, &DatastoreFile::new("staging", "logs #1")).await.unwrap();
    client.make_directory(&datacenter, &DatastoreFile::new("staging", "logs #1")).await.unwrap();
    let tell = |bytes| *told.lock().unwrap() = bytes;
    client.put_file(&datacenter, &copy, &staging.raw, &tell).await.unwrap();
    assert_eq!(*told.lock().unwrap(), DISK);
    let put = staging.raw.ancestors().nth(3).unwrap().join("logs #1/à/web & copy");
    assert!(std::fs::read(&put).unwrap() == bytes[..], "the bytes differ");
    client.delete_by_address(&datacenter, &copy).await.unwrap();
    client.delete_file(&datacenter, &copy).await.unwrap();
    client.delete_file(&datacenter, &copy).await.unwrap();
    assert!(!put.exists());
    let outside = DatastoreFile::new("staging", "../password");
    assert!(matches!(client.get_file(&datacenter, &outside, &mut bytes).await, Err(Trouble::Request { .. })));
}

/// Twice on, twice off, with other hardware between.
async fn run(client: &Client, machine: &Machine, staging: &Staging, network: &Network) {
    for _ in 0..2 {
        client.power_on(machine, LIMIT).await.unwrap();
        client.power_on(machine, LIMIT).await.unwrap();
        assert_eq!(client.state(machine).await.unwrap().power, Power::On);
        client.power_off(machine, LIMIT).await.unwrap();
        client.power_off(machine, LIMIT).await.unwrap();
        assert_eq!(client.state(machine).await.unwrap().power, Power::Off);
    }
    client.power_on(machine, LIMIT).await.unwrap();
    client.shut_down(machine, LIMIT).await.unwrap();
    client.shut_down(machine, LIMIT).await.unwrap();
    let nic = Nic {
        model: NicModel::E1000,
        network: network.clone(),
        mac: Some("00:50:56:01:02:04".to_owned()),
        start_connected: true,
        connected: false,
    };
    let second = DatastoreFile::new("staging", "cinto/web 1/second.vmdk");
    std::fs::write(staging.raw.with_file_name("second-flat.vmdk"), [0; 512]).unwrap();
    std::fs::write(staging.raw.with_file_name("second.vmdk"), "").unwrap();
    let attach = || Change::AttachDisk(Disk { file: Some(second.clone()), bytes: 512 });
    let cable = Change::Cable { nic: 0, network: None, start_connected: true, connected: false };
    let changes = [Change::Cpus(4), Change::Memory(4096), attach(), Change::AddNic(nic), cable];
    client.reconfigure(machine, &changes).await.unwrap();
    let state = client.state(machine).await.unwrap();
    assert_eq!(state.disks, [staging.disk.clone(), second.clone()]);
    let cards: Vec<_> = state.nics.iter().map(|nic| (nic.mac.as_str(), nic.connected, nic.start_connected)).collect();
    assert_eq!(cards, [("00:50:56:01:02:03", false, true), ("00:50:56:01:02:04", false, true)]);
    // What is so already is no change.
    client.reconfigure(machine, &[attach()]).await.unwrap();
    client.reconfigure(machine, &[Change::DetachDisk(second.clone())]).await.unwrap();
    client.reconfigure(machine, &[Change::DetachDisk(second.clone())]).await.unwrap();
    assert_eq!(client.state(machine).await.unwrap().disks, std::slice::from_ref(&staging.disk));
    assert!(staging.raw.with_file_name("second-flat.vmdk").exists(), "a detached disk was deleted");
    let missing = Change::AttachDisk(Disk { file: Some(DatastoreFile::new("staging", "no/such.vmdk")), bytes: 512 });
    let error = client.reconfigure(machine, &[missing]).await.unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::FileNotFound { .. })), "{error:?}");
}

/// Nothing of another's is taken, changed or destroyed.
async fn strangers(client: &Client, home: Home<'_>, spec: &MachineSpec, machine: &Machine) {
    let other = MachineSpec { id: "noale/web1".to_owned(), ..spec.clone() };
    let error = client.ensure_machine(home, &other, LIMIT, &|_| ()).await.unwrap_err();
    assert!(
        matches!(&error, Trouble::Taken { what, .. } if what == "it is the copy cinto-caomaggiore/web1"),
        "{error:?}"
    );
    let stranger = Machine { id: "noale/web1".to_owned(), ..machine.clone() };
    assert!(matches!(client.destroy_machine(&stranger, LIMIT).await, Err(Trouble::Taken { .. })));
    assert!(matches!(client.unregister(&stranger).await, Err(Trouble::Taken { .. })));
    let vm = find(client, "DC0/vm").await;
    let error = client.machine(&vm, "DC0_H0_VM0", "x").await.unwrap_err();
    assert!(matches!(&error, Trouble::Taken { what, .. } if what == "it is no machine of traghetto"), "{error:?}");
    let nameless = MachineSpec { name: "a\nb".to_owned(), ..spec.clone() };
    assert!(matches!(client.ensure_machine(home, &nameless, LIMIT, &|_| ()).await, Err(Trouble::Request { .. })));
}

#[tokio::test]
async fn a_machine_is_imported_with_its_disks_and_destroyed_with_them() {
    let vcsim = Vcsim::start(&[]);
    let staging = Staging::new(&vcsim);
    let client = connect(&vcsim).await;
    let (folder, pool, host) = prepare(&client, &staging).await;
    let vmdk = vcsim.folder.path().join("stream.vmdk");
    let options = Options { name: "stream.vmdk", adapter: Adapter::LsiLogic, cid: 1, level: 1 };
    let mut out = std::fs::File::create(&vmdk).unwrap();
    write_stream(&RawFile::open(&staging.raw).unwrap(), &mut out, &options, &mut |_| ()).unwrap();

    let mut spec = spec(None, "LocalDS_0", Vec::new());
    spec.home.path = "web 1/web.vmx".to_owned();
    spec.disks.push(spec.disks[0].clone());
    let disks = [ImportedDisk { vmdk: vmdk.clone() }, ImportedDisk { vmdk }];
    let home = Home { folder: &folder, pool: &pool, host: Some(&host) };
    let import = Import { home, spec: &spec, disks: &disks };
    let told = Mutex::new(Vec::new());
    let machine = client.ensure_imported(&import, &|percent| told.lock().unwrap().push(percent)).await.unwrap();
    assert_eq!(client.ensure_imported(&import, &|_| ()).await.unwrap(), machine);
    {
        let told = told.lock().unwrap();
        assert!(told.is_sorted() && told.last() == Some(&100), "{told:?}");
    }
    let state = client.state(&machine).await.unwrap();
    assert!(state.complete && state.disks.len() == 2, "{state:?}");
    client.power_on(&machine, LIMIT).await.unwrap();
    let error = client.destroy_machine(&machine, LIMIT).await.unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::InvalidPowerState { .. })), "{error:?}");
    client.power_off(&machine, LIMIT).await.unwrap();
    client.destroy_machine(&machine, LIMIT).await.unwrap();
    client.destroy_machine(&machine, LIMIT).await.unwrap();
    assert!(client.list(&folder).await.unwrap().is_empty());
    schema::in_order(&vcsim.requests());
}

#[tokio::test]
async fn requests_carry_any_name_and_the_password_as_it_is() {
    let vcsim = Vcsim::start(&[]);
    let client = connect(&vcsim).await;
    let folder = find(&client, "DC0/vm").await;
    let hostile = "</name><x a=\"1\"> & 'è' \u{202e}";
    let made = client.ensure_folder(&folder, hostile).await.unwrap();
    assert_eq!(client.child_names(&folder).await.iter().filter(|name| *name == hostile).count(), 1);
    client.remove_empty(&made).await.unwrap();
    let login = vcsim.requests().into_iter().find(|request| request.contains("<Login ")).unwrap();
    assert!(login.contains("Bricola&amp;&lt;47&gt;&quot;à") && PASSWORD.contains('&'));
}

trait Names {
    async fn child_names(&self, of: &Moref) -> Vec<String>;
}

impl Names for Client {
    async fn child_names(&self, of: &Moref) -> Vec<String> {
        self.list(of).await.unwrap().into_iter().map(|child| child.name).collect()
    }
}
