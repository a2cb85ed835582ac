//! What the inventory may say of the landing site and of a copy's hardware, read.

use crate::support::Sandbox;
use traghetto::model::machine::{Controller, Firmware, Hardware, NicModel};
use traghetto::model::project::LandingMachines;
use traghetto::model::server::SecretRef;
use traghetto::model::vsphere::{PortGroupNames, Switch, Trust, VsphereLanding, VsphereWay};

const VSPHERE: &str = r#"  vsphere:
    server: vcenter.sad.example
    port: 8443
    user: traghetto@vsphere.local
    password: file:keys/vcenter
    ca: keys/vcenter.pem
    datacenter: SAD
    pool: Cluster/Resources
    folder: Comuni/ConMe
    hosts: [Cluster/esx1, Cluster/esx2]
    switch: vSwitch0
    port_groups: {test: "prova-{tenant}"}
    way: nfs
    datastore: san-1
    staging: {datastore: staging, nfs_host: 10.0.0.9, nfs_path: /srv/landing, directory: /srv/landing}
"#;
const PROJECT: &str = "inventory/project.yaml";
const BEFORE: &str = "  uplink_mbps: 1000";

fn read(sandbox: &Sandbox) -> VsphereLanding {
    let inventory = traghetto::inventory::load(sandbox.path()).unwrap();
    let LandingMachines::Vsphere(vsphere) = inventory.project.landing.machines else { panic!("no vSphere") };
    *vsphere
}

#[test]
fn a_vsphere_is_read_with_what_is_usual() {
    let sandbox = Sandbox::with_project();
    sandbox.edit(PROJECT, BEFORE, &format!("{VSPHERE}{BEFORE}"));
    let vsphere = read(&sandbox);
    assert_eq!((vsphere.access.host.as_str(), vsphere.access.port), ("vcenter.sad.example", 8443));
    assert_eq!(vsphere.access.password, SecretRef::File("keys/vcenter".into()));
    assert_eq!(vsphere.access.trust, Trust::Ca("keys/vcenter.pem".into()));
    assert_eq!((vsphere.pool.as_str(), vsphere.folder.as_deref()), ("Cluster/Resources", Some("Comuni/ConMe")));
    let (uplinked, isolated) = ("vSwitch0".to_owned(), "traghetto-test".to_owned());
    assert_eq!(vsphere.switch, Switch::Standard { uplinked, isolated });
    let usual = PortGroupNames::default();
    assert_eq!(vsphere.port_groups, PortGroupNames { test: "prova-{tenant}".to_owned(), ..usual });
    assert!(matches!(&vsphere.way, VsphereWay::Nfs(staging) if staging.nfs_path == "/srv/landing"));
    sandbox.edit(PROJECT, "    switch: vSwitch0\n", "    distributed_switch: DVS0\n");
    sandbox.edit(PROJECT, "way: nfs", "way: nfc");
    let staging =
        "    staging: {datastore: staging, nfs_host: 10.0.0.9, nfs_path: /srv/landing, directory: /srv/landing}\n";
    sandbox.edit(PROJECT, staging, "");
    let vsphere = read(&sandbox);
    assert_eq!((vsphere.switch, vsphere.way), (Switch::Distributed("DVS0".to_owned()), VsphereWay::Nfc));
}

#[test]
fn the_password_of_the_vcenter_is_looked_for_and_known_to_redaction() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::with_project();
    sandbox.edit(PROJECT, BEFORE, &format!("{VSPHERE}{BEFORE}"));
    let ran = sandbox.run(&["inventory", "check", "--secrets"]);
    for key in ["landing.vsphere.password", "landing.vsphere.ca"] {
        assert!(ran.stdout.contains(key) || ran.stderr.contains(key), "{key}: {ran:?}");
    }
    sandbox.write("keys/vcenter", "Bricola-47\n");
    std::fs::set_permissions(sandbox.path().join("keys/vcenter"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let project = traghetto::inventory::load(sandbox.path()).unwrap().project;
    assert_eq!(traghetto::world::secret::held_for(&project, sandbox.path()), ["Bricola-47"]);
}

#[test]
fn the_hardware_of_a_copy_is_read() {
    let sandbox = Sandbox::with_project();
    let path = "inventory/tenants/cinto-caomaggiore.yaml";
    let machine =
        "{cpus: 4, memory_mb: 8192, firmware: uefi, controller: lsilogic, nic: vmxnet3, guest_id: windows7Guest}";
    let landing = "landing: {renumber: 10.64.4.12}";
    sandbox.edit(path, landing, &format!("{landing}\n    machine: {machine}"));
    let inventory = traghetto::inventory::load(sandbox.path()).unwrap();
    let tenant = inventory.tenants.values().find(|tenant| tenant.id.as_str() == "cinto-caomaggiore").unwrap();
    let said: Vec<_> = tenant.servers.known().unwrap().iter().filter_map(|server| server.machine.clone()).collect();
    let hardware = Hardware {
        cpus: Some(4),
        memory_mb: Some(8192),
        firmware: Some(Firmware::Uefi),
        controller: Some(Controller::LsiLogic),
        nic: Some(NicModel::Vmxnet3),
        guest_id: Some("windows7Guest".to_owned()),
    };
    assert_eq!(said, [hardware]);
}

/// A clone goes with its folder, and never a replica.
#[test]
fn an_export_is_never_the_folder_of_the_replicas() {
    let sandbox = Sandbox::with_project();
    let vsphere = VSPHERE.replace("directory: /srv/landing", "directory: replicas/");
    sandbox.edit(PROJECT, BEFORE, &format!("{vsphere}{BEFORE}"));
    let problems = traghetto::inventory::load(sandbox.path()).unwrap_err();
    let found = problems.iter().find(|one| one.to_string().contains("the export is the folder of the replicas"));
    assert!(found.is_some_and(|one| one.place.is_some()), "{problems}");
}
