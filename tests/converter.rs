//! VMware Converter against a strict server of our own: the life of a job over SOAP and by hand, its pages,
//! its calendar. What goes wrong is in `converter_faults`.

use crate::support::converter::{AGENT_SHA1, Agent, Converter, SOURCE_PASSWORD, USED, source, target};
use crate::support::{Sandbox, golden};
use jiff::civil::{Weekday, time};
use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;
use std::time::Duration;
use traghetto::converter::{
    Activity, Assisted, ConverterState, Follower, Job, Language, Line, LooksAtTarget, Pace, SourceSeen, TargetSeen,
    Why, decide, derive, html, refusals, settings, text,
};
use traghetto::digest::sha256;
use traghetto::model::calendar::rome;
use traghetto::model::rate_calendar::{LinkRates, Period, RateCalendar, Share};
use traghetto::model::server::{Addressing, DirectoryWay, Os, Server, ServerRole, Transfer};
use traghetto::world::converter::{Converting, Followed, Running, SoapConverter, Step, Trouble};

/// A Windows that Converter moves.
pub fn server() -> Server {
    Server {
        id: "cinto-srv2".parse().unwrap(),
        os: Os::Windows("Windows Server 2008 R2".to_owned()),
        physical: true,
        billable: true,
        roles: vec![ServerRole::Database],
        address: "192.0.2.21".parse().unwrap(),
        landing: Addressing::Keep,
        transfer: Transfer::Converter,
        directory: None,
        disks: Vec::new(),
        access: None,
        landing_access: None,
        winrm: None,
        landing_winrm: None,
        after: Vec::new(),
        services_stop: Vec::new(),
        manual_hours: None,
        converter: Some(source()),
        machine: None,
        example: true,
    }
}

pub fn job() -> Job {
    derive(&"cinto-caomaggiore".parse().unwrap(), &server(), &source(), &target())
}

pub async fn connect(converter: &Converter) -> SoapConverter {
    SoapConverter::connect(&converter.access(), converter.root(), Converter::deadlines()).await.unwrap()
}

pub fn done<T>(step: Step<T>) -> T {
    match step {
        Step::Done(value) => value,
        Step::Waiting(waiting) => panic!("waits for {}", waiting.what.en),
    }
}

async fn state(driver: &SoapConverter, job: &Job, follower: &mut Follower, converter: &Converter) -> ConverterState {
    let Followed::Job(seen) = done(driver.follow(job).await.unwrap()) else { panic!("no job") };
    let now = converter.state().now;
    follower.next(&seen, now)
}

/// From nothing to a complete first copy.
async fn first_copy(converter: &Converter, driver: &SoapConverter, job: &Job) -> Follower {
    let seen = done(driver.validate(job).await.unwrap());
    done(driver.ensure_job(job, &seen).await.unwrap());
    done(driver.resume(job).await.unwrap());
    converter.state().advance(Duration::from_secs(5000));
    let mut follower = Follower::default();
    assert_eq!(state(driver, job, &mut follower, converter).await, ConverterState::Idle);
    follower
}

#[tokio::test]
async fn a_job_lives_from_the_agent_to_the_log_bundle_with_one_full_copy() {
    let (converter, job) = (Converter::start(), job());
    let driver = connect(&converter).await;
    let seen = done(driver.validate(&job).await.unwrap());
    assert_eq!(converter.state().agent, Agent::Installed);
    let volumes: Vec<_> =
        seen.disks[0].volumes.iter().map(|volume| (volume.partition, volume.mount.as_str())).collect();
    assert_eq!(volumes, [(Some(1), ""), (Some(2), "C:"), (Some(3), "D:")]);
    assert!(seen.disks[1].dynamic && seen.used() == USED);
    let blocking: Vec<_> = refusals(&server(), &job, Some(&seen)).into_iter().filter(|one| one.blocks).collect();
    assert_eq!(blocking, []);

    done(driver.ensure_job(&job, &seen).await.unwrap());
    converter.state().advance(Duration::from_secs(3600));
    let mut follower = Follower::default();
    let now = state(&driver, &job, &mut follower, &converter).await;
    assert_eq!((now, converter.state().wan), (ConverterState::Suspended { copied: false }, 0));
    done(driver.resume(&job).await.unwrap());
    converter.state().advance(Duration::from_secs(2000));
    let now = state(&driver, &job, &mut follower, &converter).await;
    assert!(matches!(now, ConverterState::Cloning { percent: 45..=55 }), "{now:?}");
    converter.state().advance(Duration::from_secs(2500));
    assert_eq!(state(&driver, &job, &mut follower, &converter).await, ConverterState::Idle);

    // The test boots a clone, which the vCenter makes at home.
    let before = converter.state().wan;
    assert_eq!(before, USED);
    let clone = converter.state().clone_target("cinto-srv2");
    converter.state().turn_on(&clone);
    assert_eq!(converter.state().wan, before);

    for _ in 0..2 {
        done(driver.synchronise(&job).await.unwrap());
        converter.state().advance(Duration::from_secs(600));
        assert_eq!(state(&driver, &job, &mut follower, &converter).await, ConverterState::Idle);
    }
    converter.state().churn = 5_000_000;
    converter.state().advance(Duration::from_secs(600));
    done(driver.finalise(&job).await.unwrap());
    // Asked for twice, it is done once.
    done(driver.finalise(&job).await.unwrap());
    converter.state().advance(Duration::from_secs(60));
    let now = state(&driver, &job, &mut follower, &converter).await;
    assert!(matches!(now, ConverterState::FinalSync { .. }), "{now:?}");
    converter.state().advance(Duration::from_secs(3600));
    let now = state(&driver, &job, &mut follower, &converter).await;
    assert_eq!(now, ConverterState::Done);
    assert!(now.message().it.contains("prova: file"));

    let mut bundle = Vec::new();
    let taken = done(driver.logs(&job, &mut bundle).await.unwrap());
    assert_eq!((taken.bytes, taken.sha256), (bundle.len() as u64, sha256(&bundle)));
    driver.log_out().await;
    let state = converter.state();
    assert_eq!(state.wrong, [""; 0]);
    assert_eq!(state.stopped, ["MSSQLSERVER", "Spooler"]);
    assert_eq!(state.full.values().sum::<u32>(), 1);
    assert!(state.wan < USED + USED / 10, "{}", state.wan);
    assert_eq!(state.count("ConverterServerConversionManagerCreateJob"), 1);
    assert!(state.bundles.is_empty() && state.collectors.is_empty() && state.session.is_none());
    assert_eq!(state.count("ConverterServerConversionJobUpdateConversionParams"), 3);
}

/// Does everything that a run does until the first copy is at work.
async fn begin(converter: &Converter, job: &Job) -> Result<(), Trouble> {
    let driver = SoapConverter::connect(&converter.access(), converter.root(), Converter::deadlines()).await?;
    let seen = done(driver.validate(job).await?);
    done(driver.ensure_job(job, &seen).await?);
    done(driver.resume(job).await?);
    done(driver.follow(job).await?);
    Ok(())
}

/// The same for the last synchronisation.
async fn end(converter: &Converter, job: &Job) -> Result<(), Trouble> {
    let driver = SoapConverter::connect(&converter.access(), converter.root(), Converter::deadlines()).await?;
    done(driver.finalise(job).await?);
    done(driver.follow(job).await?);
    done(driver.logs(job, &mut Vec::new()).await?);
    Ok(())
}

/// Kills a run after its request of that number; whether it came to that.
async fn killed(converter: &Converter, run: impl Future<Output = Result<(), Trouble>>, number: usize) -> bool {
    let calls = converter.state().calls.len();
    converter.state().plan.hang_at = Some(calls + number);
    converter.state().hung = false;
    let hung = async {
        while !converter.state().hung {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let killed = tokio::select! {
        told = run => { told.unwrap(); false }
        () = hung => true,
    };
    converter.state().plan.hang_at = None;
    killed
}

#[tokio::test]
async fn a_run_that_is_killed_after_any_request_makes_one_job() {
    let (converter, mut number, job) = (Converter::start(), 1, job());
    loop {
        converter.renew();
        let was_killed = killed(&converter, begin(&converter, &job), number).await;
        if was_killed {
            begin(&converter, &job).await.unwrap();
        }
        converter.state().advance(Duration::from_secs(6000));
        {
            let state = converter.state();
            assert_eq!(state.wrong, [""; 0], "killed after request {number}");
            assert_eq!((state.jobs.len(), state.full.values().sum::<u32>(), state.wan), (1, 1, USED));
            assert_eq!(state.count("ConverterInstallAgent"), 1);
        }
        // The other half of the night.
        let was_killed_again = killed(&converter, end(&converter, &job), number).await;
        if was_killed_again {
            end(&converter, &job).await.unwrap();
        }
        converter.state().advance(Duration::from_secs(600));
        let state = converter.state();
        assert_eq!(state.wrong, [""; 0], "killed after request {number}");
        assert_eq!(state.count("ConverterServerConversionJobUpdateConversionParams"), 1);
        assert!(state.jobs[0].deactivated && state.stopped.len() == 2 && state.full.values().sum::<u32>() == 1);
        drop(state);
        if !was_killed && !was_killed_again {
            assert!(number > 15, "there were only {number} requests");
            return;
        }
        number += 1;
    }
}

/// The whole rate at night, half of what is guaranteed by day.
fn nights() -> RateCalendar {
    let days = vec![
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    let night =
        Period { days: days.clone(), from: time(22, 0, 0, 0), until: time(6, 0, 0, 0), share: Share::OfPcr(100) };
    let day = Period { days, from: time(6, 0, 0, 0), until: time(22, 0, 0, 0), share: Share::OfMcr(50) };
    RateCalendar::new(&[night, day]).unwrap()
}

const RATES: LinkRates = LinkRates { mcr: 80_000_000, pcr: 100_000_000 };

/// That hour of the next Monday in Rome.
fn monday(hour: i8, minute: i8) -> Timestamp {
    let today = Timestamp::now().to_zoned(rome()).datetime();
    let monday = today.date().nth_weekday(1, Weekday::Monday).unwrap();
    monday.at(hour, minute, 0, 0).to_zoned(rome()).unwrap().timestamp()
}

/// Follows the calendar once, and says what was decided.
async fn pace(driver: &SoapConverter, job: &Job, converter: &Converter, line: Line) -> Pace {
    let Followed::Job(seen) = done(driver.follow(job).await.unwrap()) else { panic!("no job") };
    let now = converter.state().now;
    let pace = decide(now, &nights(), RATES, line, Follower::default().next(&seen, now).activity());
    match pace {
        Pace::Run { .. } => done(driver.resume(job).await.unwrap()),
        Pace::Suspend { .. } => assert!(done(driver.suspend(job, Running::Cancelled).await.unwrap())),
        Pace::LetEnd { .. } => assert!(!done(driver.suspend(job, Running::Kept).await.unwrap())),
    }
    pace
}

#[tokio::test]
async fn the_calendar_of_the_line_suspends_and_resumes_without_a_second_copy() {
    let (converter, job) = (Converter::start(), job());
    converter.state().now = monday(5, 30);
    let driver = connect(&converter).await;
    let seen = done(driver.validate(&job).await.unwrap());
    done(driver.ensure_job(&job, &seen).await.unwrap());
    let advance = |minutes: u64| converter.state().advance(Duration::from_secs(60 * minutes));
    // Half an hour of the night is left: it begins, and then must not be interrupted.
    let open = pace(&driver, &job, &converter, Line::Primary).await;
    assert_eq!(open, Pace::Run { until: Some(monday(6, 0)) });
    advance(35);
    let late = pace(&driver, &job, &converter, Line::Primary).await;
    assert_eq!(late, Pace::LetEnd { why: Why::Closed });
    assert_eq!(pace(&driver, &job, &converter, Line::Lte).await, Pace::LetEnd { why: Why::Lte });
    advance(60);
    // The copy is there: by day nothing more begins.
    let closed = Pace::Suspend { until: Some(monday(22, 0)), why: Why::Closed };
    assert_eq!(pace(&driver, &job, &converter, Line::Primary).await, closed);
    assert_eq!(converter.state().wan, USED);
    // What is asked for by day waits for the night, and ends before the day.
    converter.state().churn = 1_000_000;
    done(driver.synchronise(&job).await.unwrap());
    advance(6 * 60);
    assert_eq!(converter.state().wan, USED);
    converter.state().now = monday(22, 30);
    assert!(matches!(pace(&driver, &job, &converter, Line::Primary).await, Pace::Run { until: Some(_) }));
    advance(5);
    let carried = converter.state().wan;
    assert!(carried > USED && converter.state().jobs[0].task.is_some());
    // The line fails over to LTE in the middle of a synchronisation: nothing more goes over it.
    let lte = Pace::Suspend { until: None, why: Why::Lte };
    assert_eq!(pace(&driver, &job, &converter, Line::Lte).await, lte);
    let carried = converter.state().wan;
    advance(60);
    assert_eq!(
        pace(&driver, &job, &converter, Line::Unknown).await,
        Pace::Suspend { until: None, why: Why::UnknownLine }
    );
    assert_eq!(converter.state().wan, carried);
    assert!(matches!(pace(&driver, &job, &converter, Line::Copper).await, Pace::Run { .. }));
    done(driver.synchronise(&job).await.unwrap());
    advance(120);
    let state = converter.state();
    assert!(state.wan > carried && state.jobs[0].task.is_none());
    assert_eq!((state.full.values().sum::<u32>(), state.wrong.clone()), (1, Vec::new()));
}

#[test]
fn a_calendar_that_never_opens_says_so_and_the_last_synchronisation_is_not_cut() {
    let never = RateCalendar::always(Share::OfMcr(50));
    let (now, idle) = (monday(12, 0), Activity::Idle);
    assert_eq!(decide(now, &never, RATES, Line::Primary, idle), Pace::Suspend { until: None, why: Why::Closed });
    let always = RateCalendar::always(Share::OfMcr(100));
    assert_eq!(decide(now, &always, RATES, Line::Primary, idle), Pace::Run { until: None });
    for line in [Line::Lte, Line::Unknown] {
        assert!(matches!(decide(now, &always, RATES, line, Activity::FinalSync), Pace::LetEnd { .. }));
        assert!(matches!(decide(now, &always, RATES, line, Activity::Synchronisation), Pace::Suspend { .. }));
    }
    assert_eq!(decide(now, &never, RATES, Line::Primary, Activity::FinalSync), Pace::Run { until: None });
    // The hour on which the clocks change is one hour of the night.
    let summer: Timestamp = "2026-03-29T00:30:00Z".parse().unwrap();
    let Pace::Run { until: Some(until) } = decide(summer, &nights(), RATES, Line::Primary, idle) else { panic!() };
    assert_eq!(until, "2026-03-29T04:00:00Z".parse::<Timestamp>().unwrap());
    assert!(until.duration_since(summer) < SignedDuration::from_hours(4));
}

#[test]
fn what_converter_must_not_move_is_refused() {
    let (job, mut of) = (job(), server());
    let blocks = |server: &Server, job: &Job, seen: Option<&SourceSeen>| -> Vec<String> {
        let found = refusals(server, job, seen).into_iter().filter(|one| one.blocks);
        found.map(|one| format!("{} {}", one.what.en, one.next.en)).collect()
    };
    assert_eq!(blocks(&of, &job, None), [""; 0]);
    of.os = Os::Linux("Debian 12".to_owned());
    assert!(blocks(&of, &job, None)[0].contains("synchronises nothing"));
    of.os = Os::Windows("Windows Server 2008 R2".to_owned());
    of.roles.push(ServerRole::Ad);
    for directory in [None, Some(DirectoryWay::Cold), Some(DirectoryWay::NtdsStopped)] {
        of.directory = directory;
        assert!(blocks(&of, &job, None)[0].contains("USN rollback"), "{directory:?}");
    }
    of.directory = Some(DirectoryWay::Dsrm);
    assert_eq!(blocks(&of, &job, None), [""; 0]);
    let mut stopping = source();
    stopping.services_stopped.push("ntds".to_owned());
    let stopping = derive(&job.tenant, &of, &stopping, &target());
    of.directory = Some(DirectoryWay::NtdsStopped);
    assert_eq!(blocks(&of, &stopping, None), [""; 0]);

    let mut seen = SourceSeen {
        disks: Vec::new(),
        services: Vec::new(),
        can_synchronize: false,
        can_stop_services: false,
        directory: true,
    };
    let found = blocks(&server(), &job, Some(&seen)).join("\n");
    for part in ["NTDS", "cannot synchronise", "cannot stop", "`MSSQLSERVER`", "`Spooler`", "sc query"] {
        assert!(found.contains(part), "{part}: {found}");
    }
    (seen.can_synchronize, seen.can_stop_services, seen.directory) = (true, true, false);
    seen.services = ["mssqlserver", "spooler"]
        .map(|name| traghetto::converter::SeenService { name: name.to_owned(), can_be_stopped: name == "spooler" })
        .to_vec();
    let volume = traghetto::converter::KeptVolume {
        id: "volume-9".to_owned(),
        partition: Some(3),
        mount: "D:".to_owned(),
        filesystem: String::new(),
        bytes: 1,
        used: 1,
    };
    seen.disks = vec![traghetto::converter::KeptDisk {
        id: "disk-0".to_owned(),
        bytes: 2,
        gpt: true,
        dynamic: true,
        volumes: vec![volume],
    }];
    let found = blocks(&server(), &job, Some(&seen)).join("\n");
    assert!(found.contains("`MSSQLSERVER` cannot be stopped") && found.contains("BitLocker"), "{found}");
    assert!(refusals(&server(), &job, Some(&seen)).iter().any(|one| !one.blocks && one.what.it.contains("dinamico")));
}

#[test]
fn a_job_is_other_than_another_by_what_is_set_and_not_by_who_asks() {
    let one = job();
    let mut pinned = source();
    pinned.thumbprint = None;
    assert_eq!(derive(&one.tenant, &server(), &pinned, &target()).digest, one.digest);
    let mut elsewhere = target();
    elsewhere.datastore = "altro".to_owned();
    assert_ne!(derive(&one.tenant, &server(), &source(), &elsewhere).digest, one.digest);
    let mut fewer = source();
    fewer.services_stopped.pop();
    assert_ne!(derive(&one.tenant, &server(), &fewer, &target()).digest, one.digest);
    assert_eq!((one.name().as_str(), one.digest.len()), ("traghetto cinto-caomaggiore/cinto-srv2", 64));
}

/// What a survey saw, as a job over SOAP sees it.
async fn seen() -> SourceSeen {
    let converter = Converter::start();
    done(connect(&converter).await.validate(&job()).await.unwrap())
}

#[tokio::test]
async fn the_page_says_every_setting_in_both_languages() {
    let (job, seen) = (job(), seen().await);
    let found = refusals(&server(), &job, Some(&seen));
    let italian = html(&job, &found, Some(&seen), Language::Italian).unwrap();
    golden("converter/page-it.html", &italian);
    golden("converter/page-en.html", &html(&job, &found, Some(&seen), Language::English).unwrap());
    golden("converter/settings-it.txt", &text(&job, &found, Some(&seen), Language::Italian));
    golden("converter/settings-en.txt", &text(&job, &[], None, Language::English));
    for setting in settings(&job, Some(&seen)) {
        for part in [&setting.field, &setting.value.it, &setting.why.it] {
            assert!(italian.contains(&traghetto::untrusted::xml(part)), "{part}");
        }
    }
    assert!(italian.contains("<dd>file</dd>"), "prova: file");
}

#[test]
fn hostile_names_stay_text() {
    let mut of = target();
    of.name = "</td><script>alert(1)</script>".to_owned();
    of.folder = "a&b\u{202e}gnp.exe".to_owned();
    let mut from = source();
    from.services_stopped = vec!["\"><img src=x onerror=alert(1)>\u{1b}[31m".to_owned()];
    let job = derive(&"cinto-caomaggiore".parse().unwrap(), &server(), &from, &of);
    let page = html(&job, &[], None, Language::Italian).unwrap();
    assert!(
        !page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}') && !page.contains('\u{1b}')
    );
    assert!(page.contains("&lt;script&gt;"));
    let lines = text(&job, &[], None, Language::Italian);
    assert!(!lines.contains('\u{1b}') && !lines.contains('\u{202e}'), "{lines}");
}

/// A vCenter that shows what it is told to show.
#[derive(Debug)]
struct Shows(Mutex<Option<TargetSeen>>);

impl LooksAtTarget for &Shows {
    async fn look(&self, _: &Job) -> Result<Option<TargetSeen>, Trouble> {
        Ok(*self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn by_hand_every_step_says_what_to_do_and_waits() {
    let (job, folder) = (job(), tempfile::tempdir().unwrap());
    let shows = Shows(Mutex::new(None));
    let bundle = folder.path().join("logs.zip");
    let by_hand = Assisted {
        looks: &shows,
        refusals: Vec::new(),
        seen: None,
        language: Language::Italian,
        bundle: bundle.clone(),
    };
    let Step::Waiting(first) = by_hand.validate(&job).await.unwrap() else { panic!("it does not wait") };
    assert!(first.page.unwrap().contains("SCSI LSI Logic SAS") && first.what.it.contains("impostazioni"));
    let nothing = seen_nothing();
    let Step::Waiting(make) = by_hand.ensure_job(&job, &nothing).await.unwrap() else { panic!("it does not wait") };
    assert!(make.what.it.contains("«Finish»") && make.page.is_some());
    let follow = async || match done(by_hand.follow(&job).await.unwrap()) {
        Followed::Target(target) => ConverterState::of_target(target),
        Followed::Job(_) => panic!("nobody asks a server"),
    };
    assert_eq!(follow().await, ConverterState::NotBegun);
    *shows.0.lock().unwrap() = Some(TargetSeen { powered_on: false, connected: 0, busy: true });
    assert_eq!(follow().await, ConverterState::ByHand { busy: true });
    let Step::Waiting(again) = by_hand.ensure_job(&job, &nothing).await.unwrap() else { panic!("it does not wait") };
    assert!(again.what.en.contains("do NOT make a second job"));
    *shows.0.lock().unwrap() = Some(TargetSeen { powered_on: true, connected: 1, busy: false });
    assert!(follow().await.message().it.contains("ACCESO"));
    let Step::Waiting(last) = by_hand.finalise(&job).await.unwrap() else { panic!("it does not wait") };
    assert!(last.what.it.contains("MSSQLSERVER, Spooler") && last.page.is_some());
    for step in [by_hand.synchronise(&job).await, by_hand.resume(&job).await, by_hand.stop(&job).await] {
        let Step::Waiting(step) = step.unwrap() else { panic!("it does not wait") };
        assert!(step.what.it.contains(&job.name()) && step.page.is_none());
    }
    assert!(matches!(by_hand.suspend(&job, Running::Kept).await.unwrap(), Step::Waiting(_)));
    // The bundle is taken once it is there.
    assert!(matches!(by_hand.logs(&job, &mut Vec::new()).await.unwrap(), Step::Waiting(_)));
    std::fs::write(&bundle, b"PK logs").unwrap();
    let mut taken = Vec::new();
    let told = done(by_hand.logs(&job, &mut taken).await.unwrap());
    assert_eq!((taken.as_slice(), told.sha256), (&b"PK logs"[..], sha256(b"PK logs")));
}

fn seen_nothing() -> SourceSeen {
    SourceSeen {
        disks: Vec::new(),
        services: Vec::new(),
        can_synchronize: true,
        can_stop_services: true,
        directory: false,
    }
}

#[tokio::test]
async fn a_target_that_was_turned_on_would_carry_a_second_copy_and_the_simulator_says_so() {
    let (converter, job) = (Converter::start(), job());
    let driver = connect(&converter).await;
    let mut follower = first_copy(&converter, &driver, &job).await;
    // Not the clone but the target itself.
    converter.state().turn_on("cinto-srv2");
    done(driver.synchronise(&job).await.unwrap());
    converter.state().advance(Duration::from_secs(60));
    let failed = state(&driver, &job, &mut follower, &converter).await;
    assert!(matches!(failed, ConverterState::Failed { .. }), "{failed:?}");
    assert!(converter.state().wrong[0].contains("turned on"));
    // Nobody makes another by himself; discarded on purpose, it is made again and found out.
    let seen = done(driver.validate(&job).await.unwrap());
    done(driver.ensure_job(&job, &seen).await.unwrap());
    assert_eq!(converter.state().jobs.len(), 1);
    driver.discard(&job).await.unwrap();
    driver.discard(&job).await.unwrap();
    done(driver.ensure_job(&job, &seen).await.unwrap());
    done(driver.resume(&job).await.unwrap());
    converter.state().advance(Duration::from_secs(60));
    let state = converter.state();
    assert!(state.wrong[1].contains("a second full copy of 192.0.2.21"), "{:?}", state.wrong);
    assert_eq!(state.wan, USED);
}

#[test]
fn the_inventory_says_how_converter_is_reached() {
    let folder = Sandbox::with_project();
    let edit = |file: &str, from: &str, to: &str| {
        let path = folder.path().join("inventory").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    };
    let access = format!(
        "landing:\n  converter:\n    host: converter.sad.example\n    user: SAD\\traghetto\n    password: env:CONVERTER\n    \
         certificate: {}\n    vcenter_thumbprint: {AGENT_SHA1}",
        "ab".repeat(32)
    );
    edit("project.yaml", "landing:", &access);
    let inventory = traghetto::inventory::load(folder.path()).unwrap();
    let converter = inventory.project.landing.converter.unwrap();
    assert_eq!((converter.port, converter.vcenter_thumbprint.as_deref()), (443, Some(AGENT_SHA1)));
    edit("project.yaml", "    user: SAD", "    authority: ca.pem\n    user: SAD");
    let problems = traghetto::inventory::load(folder.path()).unwrap_err().to_string();
    assert!(problems.contains("give exactly one of"), "{problems}");
    assert!(!problems.contains(SOURCE_PASSWORD));
}
