//! Imports by a landing way into the strict vCenter of our own, where everything goes wrong: each ends
//! in a whole machine, or in a clean message and a clean target.

use super::kills::{STEP, Scene, proof};
use super::stand::{STORE, clones, content, estate, project, qemu_img, server, untouched};
use crate::support::vcenter::{PASSWORD, SECRET, UploadFault, Vcenter, fault};
use std::error::Error as _;
use std::time::Duration;
use traghetto::landing::{Blueprint, Identity, LandingError, LandingZone as _, Port, Power, Purpose, Way};
use traghetto::model::Inventory;
use traghetto::model::project::LandingMachines;
use traghetto::model::vsphere::{PortGroupNames, Switch, VsphereLanding, VsphereWay};
use traghetto::world::vsphere::Deadlines;

const DISKS: usize = 2;

fn machines(vcenter: &Vcenter) -> LandingMachines {
    LandingMachines::Vsphere(Box::new(VsphereLanding {
        access: vcenter.access(),
        datacenter: "SAD".to_owned(),
        pool: "Resources".to_owned(),
        folder: None,
        hosts: vec!["esx1".to_owned()],
        switch: Switch::Standard { uplinked: "vSwitch0".to_owned(), isolated: "prova".to_owned() },
        port_groups: PortGroupNames::default(),
        way: VsphereWay::Nfc,
        datastore: "prod".to_owned(),
    }))
}

struct Strict {
    vcenter: Vcenter,
    inventory: Inventory,
    way: Way,
    identity: Identity,
    blueprint: Blueprint,
}

impl Strict {
    async fn new() -> Self {
        Self::within(Vcenter::deadlines()).await
    }

    async fn within(deadlines: Deadlines) -> Self {
        let (vcenter, inventory) = (Vcenter::start(), estate());
        let way = Way::within(&project(&inventory, machines(&vcenter)), vcenter.root(), deadlines);
        let (tenant, server) = server(&inventory);
        let identity = Identity::new(STORE, tenant, server, Purpose::Production);
        way.prepare(tenant).await.unwrap();
        let blueprint = clones(&way, &identity, server, DISKS);
        Self { vcenter, way, identity, blueprint, inventory }
    }

    async fn create(&self) -> Result<(), LandingError> {
        self.way.create(&self.blueprint, &|_| ()).await.map(|_| ())
    }

    /// The machine is whole and alone, has the bytes of the clones, and no stream is left.
    #[track_caller]
    fn whole(&self) {
        let name = self.identity.name();
        {
            let state = self.vcenter.state();
            assert_eq!((&state.wrong[..], state.machines()), (&[][..], vec![name.as_str()]));
            let wanted: Vec<_> = (0..DISKS).map(|number| content(u32::try_from(number).unwrap())).collect();
            assert!(state.imported[&name] == wanted, "the bytes differ");
            assert!(state.leases.is_empty());
        }
        self.clones_only();
    }

    /// No machine is there, and nothing is lost.
    #[track_caller]
    fn clean(&self) {
        {
            let state = self.vcenter.state();
            assert_eq!((&state.wrong[..], state.machines()), (&[][..], vec![]));
            assert!(state.leases.is_empty());
        }
        self.clones_only();
    }

    #[track_caller]
    fn clones_only(&self) {
        let images: Vec<_> = self.blueprint.disks.iter().map(|disk| disk.image.clone()).collect();
        untouched(&images);
        let folder = std::fs::read_dir(self.way.clone_folder(&self.identity)).unwrap();
        assert_eq!(folder.count(), DISKS, "a stream is left");
    }
}

#[tokio::test]
async fn an_import_survives_what_passes() {
    let cases =
        [UploadFault::CutAfter(0), UploadFault::CutAfter(50_000), UploadFault::Status(503), UploadFault::LeaseEnds];
    let strict = Strict::new().await;
    for uploads in cases {
        strict.vcenter.state().plan.uploads = vec![UploadFault::Fine, uploads];
        strict.create().await.unwrap();
        strict.whole();
        let machine = strict.way.find(&strict.identity).await.unwrap().unwrap();
        assert_eq!((machine.power, machine.port, machine.connected), (Some(Power::Off), Some(Port::Test), false));
        strict.way.destroy(&strict.identity).await.unwrap();
        clones(&strict.way, &strict.identity, server(&strict.inventory).1, DISKS);
        strict.clean();
    }
}

#[tokio::test]
async fn a_session_that_ends_anywhere_is_made_anew() {
    let methods =
        ["FindByInventoryPath", "RetrievePropertiesEx", "ImportVApp", "HttpNfcLeaseProgress", "HttpNfcLeaseComplete"];
    for method in methods {
        let strict = Strict::new().await;
        strict.vcenter.state().plan.expire_before.insert(method.to_owned());
        strict.create().await.unwrap_or_else(|error| panic!("{method}: {error:?}"));
        strict.whole();
    }
    let strict = Strict::new().await;
    strict.create().await.unwrap();
    for method in ["PowerOnVM_Task", "ReconfigVM_Task", "Destroy_Task"] {
        strict.vcenter.state().plan.expire_before.insert(method.to_owned());
        strict.way.power_on(&strict.identity).await.unwrap();
        strict.way.connect(&strict.identity, Port::Production).await.unwrap();
        let standing = strict.way.find(&strict.identity).await.unwrap().unwrap();
        assert_eq!(
            (standing.power, standing.port, standing.connected),
            (Some(Power::On), Some(Port::Production), true)
        );
        strict.way.disconnect(&strict.identity).await.unwrap();
    }
    strict.way.destroy(&strict.identity).await.unwrap();
    assert_eq!(strict.vcenter.state().machines(), [""; 0]);
}

#[tokio::test]
async fn a_lease_is_kept_alive_and_tasks_may_be_slow() {
    // Most of a small disk fits into the buffers on the way.
    let strict = Strict::within(Deadlines { stall: Duration::from_secs(20), ..Vcenter::deadlines() }).await;
    {
        let plan = &mut strict.vcenter.state().plan;
        plan.lease_time = Some(Duration::from_secs(1));
        plan.upload_pause = Duration::from_millis(300);
        plan.task_time = Duration::from_millis(700);
    }
    strict.create().await.unwrap();
    strict.whole();
    assert!(strict.vcenter.state().count("HttpNfcLeaseProgress") > 2);
    strict.way.power_on(&strict.identity).await.unwrap();
    // What a killed command began still runs: its end is waited for.
    strict.way.power_off(&strict.identity).await.unwrap();
    let on = strict.way.power_on(&strict.identity);
    assert!(tokio::time::timeout(Duration::from_millis(300), on).await.is_err());
    strict.way.destroy(&strict.identity).await.unwrap();
    assert_eq!(strict.vcenter.state().machines(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_is_told_and_leaves_a_clean_target() {
    let strict = Strict::new().await;
    let privilege = "<object type=\"ResourcePool\">resgroup-8</object><privilegeId>VApp.Import</privilegeId>";
    strict.vcenter.state().plan.faults.push(("ImportVApp".to_owned(), fault("NoPermission", privilege), 1));
    let error = strict.create().await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("VApp.Import on resgroup-8"), "{error:?}");
    assert!(!error.is_transient() && error.hint().starts_with("Give the account"));
    strict.clean();
    strict.vcenter.state().plan.uploads = vec![UploadFault::Stall; 3];
    let error = strict.create().await.unwrap_err();
    assert!(error.is_transient() && error.is_unreachable(), "{error:?}");
    strict.clean();
    strict.vcenter.state().plan.uploads = vec![UploadFault::Status(403)];
    strict.create().await.unwrap_err();
    strict.clean();
    // Hosts that keep a half: it is known as one, and made anew.
    {
        let plan = &mut strict.vcenter.state().plan;
        plan.keeps_halves = true;
        plan.uploads = vec![UploadFault::Status(503); 3];
    }
    strict.create().await.unwrap_err();
    strict.clean();
    strict.create().await.unwrap();
    strict.whole();
    // Somebody plugs a network card into the switch of tests: no cable goes into it any more.
    strict.vcenter.state().switches.iter_mut().for_each(|(_, uplink)| *uplink = true);
    let error = strict.way.connect(&strict.identity, Port::Test).await.unwrap_err();
    assert!(error.to_string().contains("it is not isolated"), "{error}");
    assert!(!strict.way.find(&strict.identity).await.unwrap().unwrap().connected);
}

/// What was sent, read by QEMU: a whole disk with the same bytes.
#[tokio::test]
async fn what_is_imported_is_a_disk_to_others_too() {
    let strict = Strict::new().await;
    strict.create().await.unwrap();
    let streams = std::mem::take(&mut strict.vcenter.state().streams);
    assert_eq!(streams.len(), DISKS);
    for (number, stream) in streams.iter().enumerate() {
        let (vmdk, raw) = (strict.vcenter.root().join("sent.vmdk"), strict.vcenter.root().join("sent.raw"));
        std::fs::write(&vmdk, stream).unwrap();
        qemu_img(&["check", "-f", "vmdk", vmdk.to_str().unwrap()]);
        qemu_img(&["convert", "-f", "vmdk", "-O", "raw", vmdk.to_str().unwrap(), raw.to_str().unwrap()]);
        assert!(std::fs::read(&raw).unwrap() == content(u32::try_from(number).unwrap()), "disk {number} differs");
    }
}

/// Somebody calls the machine something else: it is no reason to make a second.
#[tokio::test]
async fn a_machine_that_was_renamed_is_found_by_its_uuid() {
    let strict = Strict::new().await;
    strict.create().await.unwrap();
    let name = strict.identity.name();
    for thing in strict.vcenter.state().things.values_mut().filter(|thing| thing.name == name) {
        thing.name = "vecchio server".to_owned();
    }
    strict.create().await.unwrap();
    assert_eq!(strict.vcenter.state().machines(), ["vecchio server"]);
    strict.way.power_on(&strict.identity).await.unwrap();
    let other = Identity::new("another", server(&strict.inventory).0, server(&strict.inventory).1, Purpose::Production);
    assert_eq!(strict.way.find(&other).await.unwrap(), None);
    strict.way.destroy(&strict.identity).await.unwrap();
    assert_eq!(strict.vcenter.state().machines(), [""; 0]);
}

#[test]
fn a_kill_in_an_import_leaves_one_machine_or_none() {
    kills(STEP);
}

#[test]
fn proof_a_kill_at_every_boundary_of_an_import_leaves_one_machine_or_none() {
    if proof() {
        kills(1);
    }
}

fn kills(step: usize) {
    let (vcenter, inventory) = (Vcenter::start(), estate());
    {
        let plan = &mut vcenter.state().plan;
        plan.task_time = Duration::ZERO;
        // A lease outlives who opened it, and holds its machine so long.
        plan.lease_time = Some(Duration::from_millis(1500));
    }
    let (tenant, server) = server(&inventory);
    let machines: &dyn Fn() -> Vec<String> = &|| vcenter.state().machines().into_iter().map(str::to_owned).collect();
    let scene = Scene {
        project: project(&inventory, self::machines(&vcenter)),
        root: vcenter.root(),
        tenant,
        server,
        deadlines: Vcenter::deadlines(),
        disks: 1,
        machines,
    };
    let began = std::time::Instant::now();
    let boundaries = scene.boundaries(step);
    println!("{boundaries} boundaries in {:?}", began.elapsed());
    assert!(boundaries > 50, "{boundaries}");
    assert_eq!(vcenter.state().wrong, [""; 0]);
}

/// In a process of its own: what is logged is set once for a whole process.
#[test]
fn no_secret_of_a_landing_is_logged_at_any_verbosity() {
    if std::env::var_os(SPEAKING).is_some() {
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).init();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        println!("{}", runtime.block_on(everything()));
        return;
    }
    let name = concat!(module_path!(), "::no_secret_of_a_landing_is_logged_at_any_verbosity");
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let name = name.split_once("::").unwrap().1;
    let output = command.args(["--exact", name, "--nocapture"]).env(SPEAKING, "1").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    for part in ["logged in to vSphere", "TRACE", "asking", "the import begins again", "Vsphere(", "NoPermission"] {
        assert!(said.contains(part), "`{part}` was not said: {said}");
    }
    for secret in [PASSWORD, SECRET] {
        assert!(!said.contains(secret), "{secret} was said");
    }
}

/// Set where everything is to be said.
const SPEAKING: &str = "TRAGHETTO_TEST_SPEAKING";

/// What uses secrets, with its errors and values as text.
async fn everything() -> String {
    let strict = Strict::new().await;
    strict.vcenter.state().plan.uploads = vec![UploadFault::CutAfter(50_000)];
    strict.create().await.unwrap();
    strict.vcenter.state().expire();
    strict.way.power_on(&strict.identity).await.unwrap();
    let denied = fault("NoPermission", "<privilegeId>x</privilegeId>");
    strict.vcenter.state().plan.faults.push(("ReconfigVM_Task".to_owned(), denied, 1));
    let error = strict.way.connect(&strict.identity, Port::Production).await.unwrap_err();
    let mut said = format!("{:?} {:?} {error:?} {error}", strict.way, strict.blueprint);
    strict.way.destroy(&strict.identity).await.unwrap();
    strict.way.close().await;
    strict.vcenter.state().password = "another".to_owned();
    let error = strict.way.find(&strict.identity).await.unwrap_err();
    said += &format!("{error:?} {error} {}", error.hint());
    said
}
