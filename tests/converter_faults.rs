//! VMware Converter when things go wrong: every fault says what is safe and what next, sessions end, lines are
//! cut, certificates are not what they should be, and no password is ever shown.

use crate::converter::{connect, done, job, server};
use crate::support::converter::{
    AGENT_SHA1, Agent, Converter, PASSWORD, SECRET, SOURCE_PASSWORD, USED, VCENTER_PASSWORD, VCENTER_SHA1, fault,
    source, target,
};
use std::time::Duration;
use traghetto::converter::{Cause, ConverterState, Follower, Job, derive};
use traghetto::model::converter::ConverterTrust;
use traghetto::world::converter::{Converting, Fault, Followed, Running, SoapConverter, Trouble};

/// What a person is told.
fn told(error: &Trouble) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause} {}", error.hint())
}

async fn reconnect(converter: &Converter) -> Result<SoapConverter, Trouble> {
    SoapConverter::connect(&converter.access(), converter.root(), Converter::deadlines()).await
}

/// A job whose first copy is at work.
async fn at_work(converter: &Converter, job: &Job) -> SoapConverter {
    let driver = connect(converter).await;
    let seen = done(driver.validate(job).await.unwrap());
    done(driver.ensure_job(job, &seen).await.unwrap());
    done(driver.resume(job).await.unwrap());
    converter.state().advance(Duration::from_secs(1000));
    driver
}

async fn state(driver: &SoapConverter, job: &Job, follower: &mut Follower, converter: &Converter) -> ConverterState {
    let Followed::Job(seen) = done(driver.follow(job).await.unwrap()) else { panic!("no job") };
    let now = converter.state().now;
    follower.next(&seen, now)
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_another_server_is_told_nothing() {
    let converter = Converter::start();
    converter.state().password = "Another-1".to_owned();
    let error = reconnect(&converter).await.unwrap_err();
    assert!(matches!(error, Trouble::Login { .. }) && told(&error).contains("No second attempt"), "{error:?}");
    assert_eq!(converter.state().count("ConverterLogin"), 1);
    let mut access = converter.access();
    access.trust = ConverterTrust::Certificate("00".repeat(32));
    let calls = converter.state().calls.len();
    let error = SoapConverter::connect(&access, converter.root(), Converter::deadlines()).await.unwrap_err();
    assert!(matches!(error, Trouble::Certificate { .. }), "{error:?}");
    access.trust = ConverterTrust::Authority("ca.pem".into());
    converter.state().password = PASSWORD.to_owned();
    SoapConverter::connect(&access, converter.root(), Converter::deadlines()).await.unwrap();
    assert_eq!(converter.state().calls.len(), calls + 2, "only the right one was spoken to");
    access.password = traghetto::model::server::SecretRef::File("nowhere".into());
    let error = SoapConverter::connect(&access, converter.root(), Converter::deadlines()).await.unwrap_err();
    assert!(matches!(error, Trouble::Secret { .. }) && told(&error).contains("nowhere"), "{error:?}");
}

#[tokio::test]
async fn certificates_are_compared_and_never_trusted_because_they_were_shown() {
    // The agent is there and has another certificate than the inventory says.
    let (converter, job) = (Converter::start(), job());
    converter.state().agent = Agent::Installed;
    converter.state().agent_sha1 = "00:".repeat(19) + "00";
    let driver = connect(&converter).await;
    let error = driver.validate(&job).await.unwrap_err();
    let Trouble::Thumbprint { host, shown, known, .. } = &error else { panic!("{error:?}") };
    assert!(host == "192.0.2.21" && shown.starts_with("00:00"), "{error}");
    assert!(known.contains(&AGENT_SHA1.to_lowercase()) && told(&error).contains("Nothing was sent"), "{error}");
    assert_eq!(converter.state().count("ConverterQuery"), 0);

    // The vCenter has another one, and then none is known.
    let converter = Converter::start();
    converter.state().vcenter_sha1 = "11:".repeat(19) + "11";
    let driver = connect(&converter).await;
    let error = driver.validate(&job).await.unwrap_err();
    assert!(matches!(&error, Trouble::Thumbprint { host, .. } if host == "vcenter.sad.example"), "{error:?}");
    let mut unknown = target();
    unknown.thumbprint = None;
    let open = derive(&job.tenant, &server(), &source(), &unknown);
    let error = driver.validate(&open).await.unwrap_err();
    assert!(matches!(&error, Trouble::Thumbprint { known, .. } if known.contains("has none")), "{error:?}");
    assert!(converter.state().jobs.is_empty());

    // An agent that Converter itself has just installed, where the inventory has none yet.
    let converter = Converter::start();
    let mut first = source();
    first.thumbprint = None;
    let fresh = derive(&job.tenant, &server(), &first, &target());
    done(connect(&converter).await.validate(&fresh).await.unwrap());
    // In another run nobody vouches for it.
    let error = connect(&converter).await.validate(&fresh).await.unwrap_err();
    assert!(matches!(&error, Trouble::Thumbprint { known, .. } if known.contains("has none")), "{error:?}");
    // One that is installed with another certificate than the one written down.
    let converter = Converter::start();
    converter.state().agent_sha1 = VCENTER_SHA1.to_owned();
    let error = connect(&converter).await.validate(&job).await.unwrap_err();
    assert!(matches!(&error, Trouble::Thumbprint { host, .. } if host == "192.0.2.21"), "{error:?}");
    // Both at once: the source must not pass as the vCenter.
    let converter = Converter::start();
    converter.state().agent = Agent::Installed;
    converter.state().agent_sha1 = VCENTER_SHA1.to_owned();
    let error = connect(&converter).await.validate(&job).await.unwrap_err();
    assert!(matches!(&error, Trouble::Thumbprint { .. }), "{error:?}");
    assert_eq!(converter.state().count("ConverterQuery"), 0);
}

#[tokio::test]
async fn the_agent_is_put_there_once_and_nothing_is_rebooted() {
    let (converter, job) = (Converter::start(), job());
    converter.state().plan.reboot = true;
    let driver = connect(&converter).await;
    for _ in 0..2 {
        let error = driver.validate(&job).await.unwrap_err();
        assert!(matches!(error, Trouble::Reboot { .. }) && told(&error).contains("nothing was rebooted"), "{error:?}");
    }
    assert_eq!(converter.state().count("ConverterInstallAgent"), 1);
    converter.state().agent = Agent::Installed;
    done(driver.validate(&job).await.unwrap());
    // It cannot be put there.
    let converter = Converter::start();
    let refused = fault("ConverterAgentInstallFailedFault", "");
    converter.state().plan.faults.push(("ConverterInstallAgent".to_owned(), refused, 1));
    let error = connect(&converter).await.validate(&job).await.unwrap_err();
    assert!(matches!(error, Trouble::Agent { .. }) && told(&error).contains("TCP 445"), "{error:?}");
    // It is put there and does not answer.
    let silent = fault("ConverterAgentConnectionFault", "");
    converter.state().plan.faults.push(("ConverterValidateAgentAvailability".to_owned(), silent, 2));
    let error = connect(&converter).await.validate(&job).await.unwrap_err();
    assert!(matches!(error, Trouble::Agent { .. }), "{error:?}");
    assert_eq!(converter.state().count("ConverterInstallAgent"), 2);
    // The answer is lost: whether it is there is asked, and it is.
    let converter = Converter::start();
    converter.state().plan.cut_after.insert("ConverterInstallAgent".to_owned());
    done(connect(&converter).await.validate(&job).await.unwrap());
    assert_eq!(converter.state().count("ConverterInstallAgent"), 1);
    assert_eq!(converter.state().wrong, [""; 0]);
}

#[tokio::test]
async fn a_failure_at_97_percent_keeps_the_copy() {
    let (converter, job) = (Converter::start(), job());
    let driver = at_work(&converter, &job).await;
    let mut follower = Follower::default();
    assert!(matches!(state(&driver, &job, &mut follower, &converter).await, ConverterState::Cloning { .. }));
    converter.state().plan.fail_at = Some((97, "<fault xsi:type=\"ConverterCloneFault\"/>".to_owned()));
    let mut last = ConverterState::Queued;
    while !matches!(last, ConverterState::Failed { .. }) {
        converter.state().advance(Duration::from_secs(30));
        last = state(&driver, &job, &mut follower, &converter).await;
    }
    let ConverterState::Failed { cause, said } = &last else { panic!() };
    assert_eq!(*cause, Cause::Reconfigure);
    assert!(cause.keeps_copy() && said.contains("ConverterClone") && said.contains("says the fake"), "{said}");
    let message = last.message();
    assert!(message.it.contains("non cancellarli") && message.en.contains("need not be repeated"), "{message:?}");
    // Nothing begins again by itself.
    let wan = converter.state().wan;
    converter.state().advance(Duration::from_secs(7200));
    assert_eq!(converter.state().wan, wan);
    assert_eq!(converter.state().wrong, [""; 0]);
}

#[tokio::test]
async fn a_failed_snapshot_of_the_last_synchronisation_can_be_asked_for_again() {
    let (converter, job) = (Converter::start(), job());
    let driver = at_work(&converter, &job).await;
    converter.state().advance(Duration::from_secs(6000));
    converter.state().plan.fail_at = Some((0, "<fault xsi:type=\"ConverterVssSnapshotFault\"/>".to_owned()));
    done(driver.finalise(&job).await.unwrap());
    converter.state().advance(Duration::from_secs(60));
    let mut follower = Follower::default();
    let failed = state(&driver, &job, &mut follower, &converter).await;
    assert!(matches!(failed, ConverterState::Failed { cause: Cause::Snapshot, .. }), "{failed:?}");
    assert!(failed.message().it.contains("vssadmin list writers"));
    done(driver.finalise(&job).await.unwrap());
    converter.state().advance(Duration::from_secs(60));
    assert_eq!(state(&driver, &job, &mut follower, &converter).await, ConverterState::Done);
    let state = converter.state();
    assert_eq!((state.wrong.clone(), state.full.values().sum::<u32>()), (Vec::new(), 1));
}

#[tokio::test]
async fn sessions_end_anywhere_and_jobs_outlive_a_restart() {
    let methods = [
        "ConverterValidateAgentAvailability",
        "ConverterInstallAgent",
        "ConverterQuery",
        "ConverterValidateTargetAndGetDefaults",
        "ConverterValidateParams",
        "ConverterServerConversionManagerCreateJob",
        "ConverterServerConversionManagerGetJobInfo",
        "ConverterServerConversionManagerGetJobSpec",
        "ConverterCreateCollectorForJobs",
        "ConverterReadNextConversionJobs",
        "ConverterDestroyCollector",
        "ConverterServerJobResume",
        "ConverterGetTaskInfo",
    ];
    let (converter, job) = (Converter::start(), job());
    converter.state().plan.expire_before = methods.map(str::to_owned).into();
    let driver = at_work(&converter, &job).await;
    done(driver.follow(&job).await.unwrap());
    converter.state().restart();
    converter.state().advance(Duration::from_secs(6000));
    let mut follower = Follower::default();
    assert_eq!(state(&driver, &job, &mut follower, &converter).await, ConverterState::Idle);
    converter.state().plan.expire_before = ["ConverterServerConversionJobUpdateConversionParams".to_owned()].into();
    done(driver.finalise(&job).await.unwrap());
    converter.state().plan.expire_before =
        ["ConverterGenerateJobLogBundle", "ConverterRetrieveTaskLogBundle"].map(str::to_owned).into();
    done(driver.logs(&job, &mut Vec::new()).await.unwrap());
    let state = converter.state();
    assert_eq!(state.plan.expire_before.len(), 0, "{:?}", state.plan.expire_before);
    assert_eq!((state.wrong.clone(), state.jobs.len(), state.wan >= USED), (Vec::new(), 1, true));
    assert!(state.count("ConverterLogin") > methods.len());
}

#[tokio::test]
async fn a_line_that_is_cut_makes_nothing_twice() {
    let changing = ["ConverterServerConversionManagerCreateJob", "ConverterServerJobResume"];
    let reading = [
        "ConverterQuery",
        "ConverterServerConversionManagerGetJobInfo",
        "ConverterServerConversionManagerGetJobSpec",
        "ConverterGetTaskInfo",
    ];
    for after in [true, false] {
        let (converter, job) = (Converter::start(), job());
        let all = changing.iter().chain(&reading).map(|name| (*name).to_owned()).collect();
        if after {
            converter.state().plan.cut_after = all;
        } else {
            converter.state().plan.cut_before = all;
        }
        let driver = connect(&converter).await;
        let seen = done(driver.validate(&job).await.unwrap());
        let error = driver.ensure_job(&job, &seen).await.unwrap_err();
        assert!(error.may_be_done() && told(&error).contains("makes no second job"), "{error:?}");
        done(driver.ensure_job(&job, &seen).await.unwrap());
        driver.resume(&job).await.unwrap_err();
        done(driver.resume(&job).await.unwrap());
        converter.state().advance(Duration::from_secs(1000));
        done(driver.follow(&job).await.unwrap());
        converter.state().advance(Duration::from_secs(6000));
        let state = converter.state();
        assert_eq!((state.jobs.len(), state.wan, state.wrong.clone()), (1, USED, Vec::new()));
        assert!(state.plan.cut_after.is_empty() && state.plan.cut_before.is_empty());
    }
}

#[tokio::test]
async fn a_first_copy_is_not_cut_and_other_jobs_are_left_alone() {
    let (converter, job) = (Converter::start(), job());
    let driver = at_work(&converter, &job).await;
    assert!(!done(driver.suspend(&job, Running::Kept).await.unwrap()));
    // Neither is a synchronisation put before it, nor the last one.
    done(driver.synchronise(&job).await.unwrap());
    let error = driver.finalise(&job).await.unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::ActiveTask)) && told(&error).contains("left alone"), "{error:?}");
    // Other settings, another job: it is neither taken nor replaced.
    let mut elsewhere = target();
    elsewhere.datastore = "altro".to_owned();
    let other = derive(&job.tenant, &server(), &source(), &elsewhere);
    let seen = done(driver.validate(&other).await.unwrap());
    let error = driver.ensure_job(&other, &seen).await.unwrap_err();
    assert!(matches!(&error, Trouble::OtherJob { .. }) && told(&error).contains("once more"), "{error:?}");
    assert!(matches!(driver.discard(&job).await.unwrap_err().fault(), Some(Fault::ActiveTask)));
    converter.state().jobs[0].description = "Somebody's own".to_owned();
    assert!(matches!(driver.follow(&job).await.unwrap_err(), Trouble::OtherJob { .. }));
    assert_eq!(converter.state().wrong, [""; 0]);
    // Somebody removed it.
    converter.state().jobs.clear();
    let error = driver.follow(&job).await.unwrap_err();
    assert!(matches!(error, Trouble::NoJob { .. }) && told(&error).contains("once more"), "{error:?}");
    done(driver.stop(&job).await.unwrap());
}

#[tokio::test]
async fn a_job_that_somebody_ended_does_nothing_more() {
    let (converter, job) = (Converter::start(), job());
    let driver = at_work(&converter, &job).await;
    converter.state().advance(Duration::from_secs(6000));
    done(driver.stop(&job).await.unwrap());
    done(driver.stop(&job).await.unwrap());
    let mut follower = Follower::default();
    assert_eq!(state(&driver, &job, &mut follower, &converter).await, ConverterState::Stopped);
    for error in [
        driver.synchronise(&job).await.unwrap_err(),
        driver.finalise(&job).await.unwrap_err(),
        driver.resume(&job).await.unwrap_err(),
        driver.suspend(&job, Running::Cancelled).await.unwrap_err(),
    ] {
        assert!(matches!(error, Trouble::Over { .. }), "{error:?}");
    }
    assert_eq!(converter.state().count("ConverterServerJobStop"), 1);
}

#[tokio::test]
async fn faults_and_nonsense_are_told_with_what_is_safe() {
    let (converter, job) = (Converter::start(), job());
    let driver = connect(&converter).await;
    let seen = done(driver.validate(&job).await.unwrap());
    for (method, kind, part) in [
        ("ConverterValidateParams", "ConverterPropertyInfoFault", "Correct that setting"),
        ("ConverterQuery", "InvalidLogin", "no account"),
        ("ConverterQuery", "NoPermission", "administrator"),
        ("ConverterValidateTargetAndGetDefaults", "ConverterTargetHostFault", "log bundle"),
    ] {
        converter.state().plan.faults = vec![(method.to_owned(), fault(kind, ""), 1)];
        let error = driver.validate(&job).await.unwrap_err();
        assert!(told(&error).contains(part), "{kind}: {}", told(&error));
    }
    // Another run was faster.
    let taken = fault("DuplicateName", "<name>x</name>");
    converter.state().plan.faults = vec![("ConverterServerConversionManagerCreateJob".to_owned(), taken, 1)];
    assert!(matches!(driver.ensure_job(&job, &seen).await.unwrap_err(), Trouble::NoJob { .. }));
    done(driver.ensure_job(&job, &seen).await.unwrap());
    for (status, body) in [
        (200, "<html>a proxy</html>"),
        (200, "no XML at all <<<"),
        (503, "starting"),
        (500, "broken"),
        (200, "<e><Body><r><returnval/></r></Body></e>"),
        (200, "<e><Body><r/></Body></e>"),
    ] {
        converter.state().plan.garbage = Some((status, body.to_owned()));
        let error = driver.follow(&job).await.unwrap_err();
        let plain = matches!(error, Trouble::Answer { .. } | Trouble::Status { .. } | Trouble::Fault { .. });
        assert!(plain, "{body}: {error:?}");
    }
    converter.state().plan.garbage = None;
    done(driver.follow(&job).await.unwrap());
}

/// In a process of its own: what is logged is set once for a whole process.
#[test]
fn no_password_is_logged_or_shown_at_any_verbosity() {
    if std::env::var_os(SPEAKING).is_some() {
        return speak();
    }
    let name = concat!(module_path!(), "::no_password_is_logged_or_shown_at_any_verbosity").split_once("::").unwrap().1;
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", name, "--nocapture"]).env(SPEAKING, "1").output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    for part in
        ["logged in to Converter", "TRACE", "asking", "made the job", "Thumbprint {", "Unreachable {", "Login {"]
    {
        assert!(said.contains(part), "`{part}` was not said: {said}");
    }
    for secret in [PASSWORD, SOURCE_PASSWORD, VCENTER_PASSWORD, SECRET] {
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
    let (converter, job) = (Converter::start(), job());
    let driver = at_work(&converter, &job).await;
    let mut errors = format!("{driver:?} {job:?} {:?} {}", converter.access(), serde_json::to_string(&job).unwrap());
    let mut say = |error: Trouble| errors += &format!("{error:?} {}", told(&error));
    converter.state().agent_sha1 = VCENTER_SHA1.to_owned();
    say(connect(&converter).await.validate(&job).await.unwrap_err());
    converter.state().agent_sha1 = AGENT_SHA1.to_owned();
    converter.state().plan.cut_after.insert("ConverterServerJobSuspend".to_owned());
    converter.state().advance(Duration::from_secs(6000));
    say(driver.suspend(&job, Running::Cancelled).await.unwrap_err());
    converter.state().password = "Another-1".to_owned();
    say(reconnect(&converter).await.unwrap_err());
    converter.state().plan.garbage = Some((200, format!("<x>{SECRET}")));
    say(driver.follow(&job).await.unwrap_err());
    errors
}
