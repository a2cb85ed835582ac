//! The client of vSphere against a strict vCenter of our own, which fails in every way that we know:
//! all ends in success, or in a clean message and a clean target.

use crate::support::vcenter::{PASSWORD, SECRET, UploadFault, Vcenter, fault};
use std::os::unix::fs::FileExt as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use traghetto::landing::vmdk::{Adapter, Options, RawFile, write_stream};
use traghetto::world::vsphere::{
    Client, Controller, DatastoreFile, Deadlines, Disk, Fault, Firmware, Home, Import, ImportedDisk, Machine,
    MachineSpec, Moref, NasVolume, Place, Power, Trouble,
};

const LIMIT: Duration = Duration::from_secs(10);
const DISK: u64 = 5 << 20;

async fn connect(vcenter: &Vcenter) -> Client {
    Client::connect(&vcenter.access(), vcenter.root(), Vcenter::deadlines()).await.unwrap()
}

fn spec(disks: usize) -> MachineSpec {
    MachineSpec {
        name: "web1".to_owned(),
        id: "cinto/web1".to_owned(),
        guest: "debian10_64Guest".to_owned(),
        cpus: 1,
        memory_mib: 512,
        firmware: Firmware::Bios,
        home: DatastoreFile::new("prod", "web1/web1.vmx"),
        controller: Controller::LsiLogicSas,
        disks: vec![Disk { file: None, bytes: DISK }; disks],
        nics: Vec::new(),
        annotation: String::new(),
    }
}

/// A folder, a pool, and disks with different contents as streams.
struct Stage {
    vcenter: Vcenter,
    client: Client,
    folder: Moref,
    pool: Moref,
    spec: MachineSpec,
    disks: Vec<ImportedDisk>,
    contents: Vec<Vec<u8>>,
}

impl Stage {
    async fn new(count: usize) -> Self {
        let vcenter = Vcenter::start();
        let client = connect(&vcenter).await;
        let folder = client.find(&Place::read("SAD/vm").unwrap()).await.unwrap();
        let pool = client.find(&Place::read("SAD/host/Resources").unwrap()).await.unwrap();
        let (mut disks, mut contents) = (Vec::new(), Vec::new());
        for number in 0..count {
            let raw = vcenter.folder.path().join(format!("raw{number}"));
            let file = std::fs::File::create(&raw).unwrap();
            file.set_len(DISK).unwrap();
            // What does not compress, so that an upload takes several pieces.
            let mut state = number as u32 + 1;
            let noise: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .take(1 << 20)
            .collect();
            file.write_all_at(&noise, 1_000_000).unwrap();
            let vmdk = vcenter.folder.path().join(format!("disk{number}.vmdk"));
            let options = Options { name: "disk.vmdk", adapter: Adapter::LsiLogic, cid: 1, level: 1 };
            let mut out = std::fs::File::create(&vmdk).unwrap();
            write_stream(&RawFile::open(&raw).unwrap(), &mut out, &options, &mut |_| ()).unwrap();
            disks.push(ImportedDisk { vmdk });
            contents.push(std::fs::read(&raw).unwrap());
        }
        Self { vcenter, client, folder, pool, spec: spec(count), disks, contents }
    }

    fn home(&self) -> Home<'_> {
        Home { folder: &self.folder, pool: &self.pool, host: None }
    }

    async fn import(&self) -> Result<Machine, Trouble> {
        let import = Import { home: self.home(), spec: &self.spec, disks: &self.disks };
        self.client.ensure_imported(&import, &|_| ()).await
    }

    /// The machine is whole, alone, and has the bytes of our disks.
    #[track_caller]
    fn whole(&self, uploads: usize) {
        let state = self.vcenter.state();
        assert_eq!(state.wrong, [""; 0]);
        assert_eq!(state.machines(), ["web1"]);
        assert!(state.imported["web1"] == self.contents, "the bytes differ");
        assert_eq!(state.count("upload"), uploads);
        assert!(state.leases.is_empty());
    }

    /// Nothing is left.
    #[track_caller]
    fn clean(&self) {
        let state = self.vcenter.state();
        assert_eq!(state.wrong, [""; 0]);
        assert_eq!(state.machines(), [""; 0]);
        assert!(state.leases.is_empty() && state.collectors.is_empty());
    }
}

#[tokio::test]
async fn a_session_that_ends_is_made_anew_wherever_it_ends() {
    let stage = Stage::new(1).await;
    for method in ["FindByInventoryPath", "CreateVM_Task", "CreateFilter", "WaitForUpdatesEx", "RetrievePropertiesEx"] {
        let before = stage.vcenter.state().count("Login");
        stage.vcenter.state().plan.expire_before.insert(method.to_owned());
        let spec = MachineSpec { name: format!("after {method}"), id: method.to_owned(), ..spec(0) };
        stage.client.look(&Place::read("SAD/vm").unwrap()).await.unwrap();
        let machine = stage.client.ensure_machine(stage.home(), &spec, LIMIT, &|_| ()).await.unwrap();
        assert_eq!(stage.client.state(&machine).await.unwrap().id.as_deref(), Some(method));
        assert_eq!(stage.vcenter.state().count("Login"), before + 1, "{method}");
    }
    let state = stage.vcenter.state();
    assert_eq!((state.machines().len(), state.count("CreateVM_Task")), (5, 6));
    assert!(state.collectors.is_empty(), "a collector was left");
}

#[tokio::test]
async fn a_session_that_ends_at_once_is_an_error_and_no_loop() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.faults.push(("CreateFolder".to_owned(), fault("NotAuthenticated", ""), 99));
    let error = stage.client.ensure_folder(&stage.folder, "a").await.unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::NotAuthenticated));
    assert_eq!(stage.vcenter.state().count("CreateFolder"), 2);
}

#[tokio::test]
async fn a_password_that_is_refused_is_not_tried_again() {
    let stage = Stage::new(1).await;
    {
        let mut state = stage.vcenter.state();
        state.password = "another".to_owned();
        state.expire();
    }
    for _ in 0..3 {
        let error = stage.client.look(&Place::read("SAD").unwrap()).await.unwrap_err();
        assert!(matches!(error, Trouble::Login { .. }), "{error:?}");
    }
    assert_eq!(stage.vcenter.state().count("Login"), 2, "the account would be locked");
}

#[tokio::test]
async fn a_slow_task_tells_how_far_it_is() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.task_time = Duration::from_millis(600);
    let told = Mutex::new(Vec::new());
    let tell = |percent| told.lock().unwrap().push(percent);
    stage.client.ensure_machine(stage.home(), &spec(0), LIMIT, &tell).await.unwrap();
    let told = told.into_inner().unwrap();
    assert!(told.len() > 3 && told.is_sorted(), "{told:?}");
    // A line that is cut while we wait is no end.
    stage.vcenter.state().plan.cut_before.insert("WaitForUpdatesEx".to_owned());
    let spec = MachineSpec { name: "web2".to_owned(), ..spec(0) };
    stage.client.ensure_machine(stage.home(), &spec, LIMIT, &|_| ()).await.unwrap();
    assert_eq!(stage.vcenter.state().count("CreateVM_Task"), 2);
}

#[tokio::test]
async fn a_task_that_takes_too_long_goes_on_and_is_found_again() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.task_time = Duration::from_secs(3);
    let limit = Duration::from_secs(1);
    let error = stage.client.ensure_machine(stage.home(), &spec(0), limit, &|_| ()).await.unwrap_err();
    assert!(matches!(&error, Trouble::TaskDeadline { task, .. } if task.starts_with("task-")), "{error:?}");
    assert!(error.may_be_done());
    // Meanwhile it is not there; the name is free, and the second task finds it taken.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let machine = stage.client.ensure_machine(stage.home(), &spec(0), LIMIT, &|_| ()).await.unwrap();
    assert_eq!(stage.vcenter.state().machines(), ["web1"]);
    assert_eq!(stage.vcenter.state().count("CreateVM_Task"), 1);
    // What it asks is told.
    {
        let mut state = stage.vcenter.state();
        let thing = state.things.get_mut(&machine.object.value).unwrap();
        let asked = "<val><id>1</id><text>Did you move it, or\n copy it?</text></val>";
        thing.values.insert("runtime.question".to_owned(), asked.to_owned());
    }
    let error = stage.client.power_on(&machine, limit).await.unwrap_err();
    assert!(error.to_string().ends_with("goes on, and the machine asks: Did you move it, or copy it?"), "{error}");
}

#[tokio::test]
async fn a_wait_that_is_given_up_leaves_nothing_on_the_server() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.task_time = Duration::from_secs(5);
    let spec = spec(0);
    let making = stage.client.ensure_machine(stage.home(), &spec, LIMIT, &|_| ());
    assert!(tokio::time::timeout(Duration::from_millis(500), making).await.is_err());
    assert_eq!(stage.vcenter.state().collectors.len(), 1);
    gone(|| stage.vcenter.state().collectors.is_empty()).await;
}

async fn gone(mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(20), "it is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_machine() {
    let stage = Stage::new(1).await;
    for (number, method) in ["CreateVM_Task", "CreateFolder", "PowerOnVM_Task", "UnregisterVM"].iter().enumerate() {
        stage.vcenter.state().plan.cut_after.insert((*method).to_owned());
        let spec = MachineSpec { name: format!("web{number}"), ..spec(0) };
        let home = stage.home();
        let made = match stage.client.ensure_machine(home, &spec, LIMIT, &|_| ()).await {
            Ok(made) => made,
            Err(error) => {
                // The task was not done when we looked: the next command finds it.
                assert!(error.may_be_done() && *method == "CreateVM_Task", "{error:?}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                stage.client.ensure_machine(home, &spec, LIMIT, &|_| ()).await.unwrap()
            }
        };
        stage.client.ensure_folder(&stage.folder, "cinto").await.unwrap();
        match stage.client.power_on(&made, LIMIT).await {
            Ok(()) => {}
            Err(error) => {
                assert!(error.may_be_done() && *method == "PowerOnVM_Task", "{error:?}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                stage.client.power_on(&made, LIMIT).await.unwrap();
            }
        }
        stage.client.shut_down(&made, LIMIT).await.unwrap();
        stage.client.unregister(&made).await.unwrap();
    }
    let state = stage.vcenter.state();
    assert_eq!(state.machines(), [""; 0]);
    let folders = state.things.values().filter(|thing| thing.name == "cinto").count();
    assert_eq!((state.count("CreateVM_Task"), state.count("PowerOnVM_Task"), folders), (4, 4, 1));
}

#[tokio::test]
async fn what_only_reads_is_asked_again() {
    let stage = Stage::new(1).await;
    for method in ["FindByInventoryPath", "RetrievePropertiesEx"] {
        stage.vcenter.state().plan.cut_before.insert(method.to_owned());
        stage.client.find(&Place::read("SAD/vm").unwrap()).await.unwrap();
        stage.client.list(&stage.folder).await.unwrap();
        assert!(stage.vcenter.state().plan.cut_before.is_empty());
    }
}

#[tokio::test]
async fn lists_of_many_pages_are_whole() {
    let stage = Stage::new(1).await;
    for number in 0..7 {
        stage.client.ensure_folder(&stage.folder, &format!("f{number}")).await.unwrap();
    }
    stage.vcenter.state().plan.page = Some(2);
    let listed = stage.client.list(&stage.folder).await.unwrap();
    assert_eq!(listed.len(), 7);
    assert_eq!(stage.vcenter.state().count("ContinueRetrievePropertiesEx"), 3);
    stage.vcenter.state().plan.expire_before.insert("ContinueRetrievePropertiesEx".to_owned());
    assert_eq!(stage.client.list(&stage.folder).await.unwrap(), listed);
}

#[tokio::test]
async fn faults_say_what_where_and_what_next() {
    let stage = Stage::new(1).await;
    let object = "<object type=\"Folder\">group-v3</object>";
    let privilege = format!("{object}<privilegeId>VirtualMachine.Inventory.Create</privilegeId>");
    let cases = [
        (("NoPermission", privilege.as_str()), "VirtualMachine.Inventory.Create on group-v3", "Give the account"),
        (("InsufficientMemoryResourcesFault", ""), "not enough resources", "more room"),
        (("HostNotConnected", ""), "does not reach the host", "reconnect"),
        (("NoDiskSpace", "<datastore>prod</datastore>"), "prod is full", "Make room"),
        (("TaskInProgress", "<task type=\"Task\">task-1</task>"), "task-1", "Wait"),
        (("NotSupported", ""), "not supported", "licence"),
        (("SomethingNew", ""), "SomethingNew: said by the fake", "events"),
    ];
    for ((kind, inner), part, next) in cases {
        for at_once in [true, false] {
            {
                let plan = &mut stage.vcenter.state().plan;
                plan.faults.clear();
                plan.task_faults.clear();
                match at_once {
                    true => plan.faults.push(("CreateVM_Task".to_owned(), fault(kind, inner), 1)),
                    false => {
                        let inner = format!("<fault xsi:type=\"{kind}\">{inner}</fault>");
                        plan.task_faults.push(("CreateVM_Task".to_owned(), inner));
                    }
                }
            }
            let error = stage.client.ensure_machine(stage.home(), &spec(0), LIMIT, &|_| ()).await.unwrap_err();
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(error.to_string().ends_with("did not create the machine web1"), "{error}");
            assert!(source.contains(part) && error.hint().contains(next), "{source}: {}", error.hint());
        }
    }
    stage.clean();
}

#[tokio::test]
async fn nonsense_is_told_as_such() {
    let stage = Stage::new(1).await;
    let huge = format!("<a>{}</a>", "x".repeat(17 << 20));
    let cases = [
        (200, "<html>Welcome".to_owned(), "cannot be read"),
        (200, "<a/>".to_owned(), "cannot be read"),
        (200, huge, "too large"),
        (503, "later".to_owned(), "status 503"),
        (500, "<html>no SOAP".to_owned(), "status 500"),
        (302, String::new(), "status 302"),
    ];
    for (status, body, part) in cases {
        stage.vcenter.state().plan.garbage = Some((status, body));
        let error = stage.client.look(&Place::read("SAD").unwrap()).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_machine_is_imported_with_every_disk_in_its_place() {
    let stage = Stage::new(3).await;
    stage.vcenter.state().plan.named_host = true;
    let machine = stage.import().await.unwrap();
    stage.whole(3);
    assert_eq!(stage.import().await.unwrap(), machine);
    stage.whole(3);
    assert!(stage.client.state(&machine).await.unwrap().complete);
    stage.client.destroy_machine(&machine, LIMIT).await.unwrap();
    stage.clean();
}

#[tokio::test]
async fn a_lease_is_kept_alive_while_disks_are_slow() {
    let mut stage = Stage::new(1).await;
    // Most of a small disk fits into the buffers on the way.
    let deadlines = Deadlines { stall: Duration::from_secs(20), ..Vcenter::deadlines() };
    stage.client = Client::connect(&stage.vcenter.access(), stage.vcenter.root(), deadlines).await.unwrap();
    {
        let plan = &mut stage.vcenter.state().plan;
        plan.lease_time = Some(Duration::from_secs(1));
        plan.upload_pause = Duration::from_millis(50);
    }
    let began = Instant::now();
    stage.import().await.unwrap();
    assert!(began.elapsed() > Duration::from_secs(2), "the upload was too quick to prove something");
    stage.whole(1);
    assert!(stage.vcenter.state().count("HttpNfcLeaseProgress") > 5);
}

#[tokio::test]
async fn an_import_begins_again_after_what_passes() {
    let cases =
        [UploadFault::CutAfter(0), UploadFault::CutAfter(100_000), UploadFault::Status(503), UploadFault::LeaseEnds];
    for uploads in cases {
        let stage = Stage::new(2).await;
        stage.vcenter.state().plan.uploads = vec![UploadFault::Fine, uploads];
        stage.import().await.unwrap();
        stage.whole(4);
    }
}

#[tokio::test]
async fn a_session_that_ends_takes_the_lease_with_it_and_the_import_begins_again() {
    for method in ["HttpNfcLeaseProgress", "HttpNfcLeaseComplete", "WaitForUpdatesEx"] {
        let stage = Stage::new(1).await;
        stage.vcenter.state().plan.expire_before.insert(method.to_owned());
        stage.import().await.unwrap();
        let uploads = stage.vcenter.state().count("upload");
        assert!(uploads <= 2);
        stage.whole(uploads);
    }
}

#[tokio::test]
async fn answers_that_are_lost_leave_no_half_machine() {
    for method in ["ImportVApp", "HttpNfcLeaseComplete", "ReconfigVM_Task"] {
        let stage = Stage::new(1).await;
        stage.vcenter.state().plan.cut_after.insert(method.to_owned());
        let mut imported = stage.import().await;
        if let Err(error) = &imported {
            assert!(error.is_transient(), "{method}: {error:?}");
            imported = stage.import().await;
        }
        let machine = imported.unwrap_or_else(|error| panic!("{method}: {error:?}"));
        assert!(stage.client.state(&machine).await.unwrap().complete, "{method}");
        let state = stage.vcenter.state();
        assert_eq!(state.machines(), ["web1"], "{method}");
        assert!(state.imported["web1"] == stage.contents);
    }
}

#[tokio::test]
async fn an_import_that_cannot_be_leaves_a_clean_target() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.uploads = vec![UploadFault::Stall; 3];
    let error = stage.import().await.unwrap_err();
    assert!(matches!(error, Trouble::Deadline { .. }), "{error:?}");
    stage.clean();
    assert_eq!(stage.vcenter.state().count("upload"), 3);
    // What no repetition makes better is tried once.
    stage.vcenter.state().plan.uploads = vec![UploadFault::Status(403)];
    let error = stage.import().await.unwrap_err();
    assert!(matches!(error, Trouble::Status { status: 403, .. }), "{error:?}");
    stage.clean();
    let privilege = "<privilegeId>VApp.Import</privilegeId><object type=\"ResourcePool\">resgroup-8</object>";
    stage.vcenter.state().plan.faults.push(("ImportVApp".to_owned(), fault("NoPermission", privilege), 1));
    let error = stage.import().await.unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("VApp.Import on resgroup-8"));
    assert_eq!(stage.vcenter.state().count("upload"), 4);
    stage.clean();
    // Hosts that keep a half are cleaned by hand of ours.
    {
        let plan = &mut stage.vcenter.state().plan;
        plan.keeps_halves = true;
        plan.uploads = vec![UploadFault::Status(403)];
    }
    stage.import().await.unwrap_err();
    stage.clean();
}

#[tokio::test]
async fn disks_that_are_none_are_not_sent() {
    let mut stage = Stage::new(1).await;
    std::fs::write(stage.vcenter.folder.path().join("other"), [0; 4096]).unwrap();
    let good = stage.disks.clone();
    let other = ImportedDisk { vmdk: stage.vcenter.folder.path().join("other") };
    let none = ImportedDisk { vmdk: stage.vcenter.folder.path().join("none") };
    for (disks, part) in [(vec![other], "no stream-optimised"), (vec![], "0 disks are given"), (vec![none], "none")] {
        stage.disks = disks;
        let error = stage.import().await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    (stage.disks, stage.spec.disks[0].bytes) = (good, DISK + 512);
    let error = stage.import().await.unwrap_err();
    assert!(error.to_string().contains("10240 sectors"), "{error}");
    assert_eq!(stage.vcenter.state().count("ImportVApp"), 0);
}

#[tokio::test]
async fn an_import_that_is_given_up_is_aborted() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.upload_pause = Duration::from_millis(300);
    assert!(tokio::time::timeout(Duration::from_millis(1500), stage.import()).await.is_err());
    assert_eq!(stage.vcenter.state().machines(), ["web1"]);
    gone(|| stage.vcenter.state().machines().is_empty()).await;
    gone(|| stage.vcenter.state().leases.is_empty()).await;
}

#[tokio::test]
async fn a_half_machine_of_before_is_not_taken_for_a_whole_one() {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.keeps_halves = true;
    stage.vcenter.state().plan.upload_pause = Duration::from_millis(300);
    {
        // Killed in the middle: nobody aborts, and the host keeps the half.
        let import = Import { home: stage.home(), spec: &stage.spec, disks: &stage.disks };
        let begun = stage.client.ensure_imported(&import, &|_| ());
        assert!(tokio::time::timeout(Duration::from_millis(1500), Box::pin(begun)).await.is_err());
    }
    let mut state = stage.vcenter.state();
    let half = state.things.iter().find(|(_, thing)| thing.kind == "VirtualMachine").map(|(id, _)| id.clone()).unwrap();
    state.plan.upload_pause = Duration::ZERO;
    drop(state);
    let machine = loop {
        // The one that was given up is being aborted meanwhile.
        match stage.import().await {
            Ok(machine) => break machine,
            Err(error) => assert!(error.fault().is_some(), "{error:?}"),
        }
    };
    assert_ne!(machine.object.value, half);
    assert!(stage.client.state(&machine).await.unwrap().complete);
    assert!(stage.vcenter.state().imported["web1"] == stage.contents);
}

#[tokio::test]
async fn a_datastore_is_mounted_and_removed_once() {
    let stage = Stage::new(1).await;
    let host = stage.client.find(&Place::read("SAD/host/esx1").unwrap()).await.unwrap();
    let (name, server, path) = ("staging".to_owned(), "10.0.0.9".to_owned(), "/srv".to_owned());
    let volume = NasVolume { name, server, path };
    stage.vcenter.state().plan.cut_after.insert("CreateNasDatastore".to_owned());
    let mounted = stage.client.ensure_nas(&host, &volume).await.unwrap();
    assert_eq!(stage.client.ensure_nas(&host, &volume).await.unwrap(), mounted);
    let other = NasVolume { server: "10.0.0.8".to_owned(), ..volume.clone() };
    assert!(matches!(stage.client.remove_nas(&host, &other).await, Err(Trouble::Taken { .. })));
    let busy = fault("ResourceInUse", "<type>Datastore</type><name>staging</name>");
    stage.vcenter.state().plan.faults.push(("RemoveDatastore".to_owned(), busy, 1));
    let error = stage.client.remove_nas(&host, &volume).await.unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::ResourceInUse { .. })), "{error:?}");
    stage.client.remove_nas(&host, &volume).await.unwrap();
    stage.client.remove_nas(&host, &volume).await.unwrap();
    assert_eq!(stage.vcenter.state().count("CreateNasDatastore"), 1);
    assert_eq!(stage.vcenter.state().count("RemoveDatastore"), 2);
}

#[tokio::test]
async fn files_need_the_session_which_is_made_anew() {
    let stage = Stage::new(1).await;
    let host = stage.client.find(&Place::read("SAD/host/esx1").unwrap()).await.unwrap();
    let datacenter = stage.client.datacenter(&host).await.unwrap();
    let file = DatastoreFile::new("prod", "a b/c%d");
    let from = &stage.disks[0].vmdk;
    let expire = || stage.vcenter.state().expire();
    expire();
    stage.client.put_file(&datacenter, &file, from, &|_| ()).await.unwrap();
    expire();
    let mut back = Vec::new();
    stage.client.get_file(&datacenter, &file, &mut back).await.unwrap();
    assert!(back == std::fs::read(from).unwrap());
    expire();
    stage.client.delete_by_address(&datacenter, &file).await.unwrap();
    stage.client.delete_by_address(&datacenter, &file).await.unwrap();
    assert_eq!(stage.client.get_file(&datacenter, &file, &mut back).await.unwrap(), None);
    let state = stage.vcenter.state();
    assert_eq!((state.count("Login"), state.count("PUT /folder"), state.files.len()), (4, 2, 0));
}

/// In a process of its own: what is logged is set once for a whole process.
#[test]
fn no_secret_is_logged_at_any_verbosity() {
    if std::env::var_os(SPEAKING).is_some() {
        return speak();
    }
    let name = concat!(module_path!(), "::no_secret_is_logged_at_any_verbosity").split_once("::").unwrap().1;
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", name, "--nocapture"]).env(SPEAKING, "1").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    for part in ["logged in to vSphere", "TRACE", "asking", "Deadline {", "Status {", "Unreachable {", "Login {"] {
        assert!(said.contains(part), "`{part}` was not said: {said}");
    }
    for secret in [PASSWORD, SECRET] {
        assert!(!said.contains(secret), "{secret} was said");
    }
}

/// Set where everything is to be said.
const SPEAKING: &str = "TRAGHETTO_TEST_SPEAKING";

fn speak() {
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("{}", runtime.block_on(everything()));
}

/// What uses secrets, with its errors as text.
async fn everything() -> String {
    let stage = Stage::new(1).await;
    stage.vcenter.state().plan.uploads = vec![UploadFault::CutAfter(100_000)];
    let machine = stage.import().await.unwrap();
    stage.vcenter.state().expire();
    stage.client.power_on(&machine, LIMIT).await.unwrap();
    assert_eq!(stage.client.state(&machine).await.unwrap().power, Power::On);
    stage.client.power_off(&machine, LIMIT).await.unwrap();
    stage.client.destroy_machine(&machine, LIMIT).await.unwrap();
    let mut errors = format!("{:?}", stage.client);
    for fault in [UploadFault::Status(500), UploadFault::Stall, UploadFault::CutAfter(0)] {
        stage.vcenter.state().plan.uploads = vec![fault; 3];
        errors += &format!("{:?}", stage.import().await.unwrap_err());
    }
    stage.vcenter.state().password = "another".to_owned();
    stage.vcenter.state().expire();
    errors += &format!("{:?}", stage.import().await.unwrap_err());
    stage.client.log_out().await;
    errors
}
