//! The client of vSphere against a strict vCenter of our own, which fails in every way that we know:
//! all ends in success, or in a clean message. What fails in imports: tests/vsphere_import.rs.

use crate::support::vcenter::{LIMIT, PASSWORD, SECRET, Stage, UploadFault, fault, spec};
use std::sync::Mutex;
use std::time::Duration;
use traghetto::world::vsphere::{DatastoreFile, Fault, MachineSpec, NasVolume, Place, Power, Trouble};

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
    Stage::until(|| stage.vcenter.state().collectors.is_empty()).await;
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
