//! `traghetto network push` against routers that behave as IOS does, over real SSH, with the real
//! program.

mod campaign;

use crate::support::field::{Field, ROUTERS, TENANT, streams};
use crate::support::ios::{Fault, When};
use campaign::{Watch, run};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use traghetto::world::router::{IosRouter, Patience};
use traghetto::world::secret::Secrets;
use traghetto::world::ssh::Trust;

const CUTOVER: [&str; 4] = ["--class", "cutover", "--server", "cinto-srv1"];
const SERVER_ROUTE: &str = "ip route 192.0.2.10 255.255.255.255 Tunnel4 track 30 name SRV-CINTO-SRV1";

/// Running and startup of every router are alike; says so otherwise.
#[track_caller]
fn all_saved(field: &Field) {
    assert_eq!(field.running(), field.startup());
}

#[test]
fn a_cutover_changes_hub_and_both_cpes_and_only_them() {
    let field = Field::new();
    let before = field.running();
    let ran = field.push(&CUTOVER).code(0);
    all_saved(&field);
    let after = field.running();
    for (router, (before, after)) in ROUTERS.iter().zip(before.iter().zip(&after)) {
        let (old, new): (BTreeSet<&str>, BTreeSet<&str>) = (before.lines().collect(), after.lines().collect());
        assert_eq!(old.difference(&new).count(), 0, "{router}: a line is gone");
        let added: Vec<&&str> = new.difference(&old).collect();
        assert!(!added.is_empty() && added.iter().all(|line| line.contains("SRV-CINTO-SRV1")), "{router}: {added:?}");
    }
    assert!(ran.stderr.contains("sad-ce-1: exactly the new configuration, running and startup"), "{}", ran.stderr);
    // Nothing that waits takes it back later.
    field.advance(Duration::from_secs(3600));
    assert_eq!(field.running(), after);
    assert!(field.push(&CUTOVER).code(0).stderr.contains("Nothing to do"));
    // The way back leaves every router as it was.
    let back: Vec<&str> = CUTOVER.into_iter().chain(["--back"]).collect();
    let ran = field.push(&back).code(0);
    all_saved(&field);
    assert_eq!(field.running(), before);
    // In the exact reverse: the hub leads to the SAD until no CPE sends there any more.
    let order: Vec<&str> = ran
        .stderr
        .lines()
        .filter_map(|line| line.split_once(": exactly the new"))
        .map(|(name, _)| name.trim())
        .collect();
    assert_eq!(order, ["cinto-cpe-a", "cinto-cpe-b", "sad-ce-1"], "{}", ran.stderr);
}

#[test]
fn maintenance_changes_one_router() {
    let field = Field::new();
    let before = field.running();
    field.edit("mcr_percent: 10", "mcr_percent: 20");
    let ran = field.push(&["--router", "cinto-cpe-a"]).code(0);
    let after = field.running();
    assert_ne!(after[0], before[0], "{}", ran.stderr);
    assert_eq!(after[1..], before[1..]);
    all_saved(&field);
}

#[test]
fn a_refused_line_takes_everything_back() {
    let field = Field::new();
    let before = field.running();
    field.devices[1].refuse(SERVER_ROUTE, "%Error: the table is full");
    let ran = field.push(&CUTOVER).code(1);
    assert!(ran.stderr.contains("the table is full"), "{}", ran.stderr);
    assert_eq!(field.running(), before);
    all_saved(&field);
    field.advance(Duration::from_secs(3600));
    assert_eq!(field.running(), before);
}

#[test]
fn a_change_that_cuts_us_off_goes_back_by_itself() {
    let field = Arc::new(Field::new());
    let before = field.running();
    let routers = Arc::downgrade(&field);
    // As soon as all lines are in, the standby CPE cannot be reached any more, and its revert timer runs
    // out before it can: each time that it is tried.
    field.at_each_line(move |line| {
        let Some(field) = routers.upgrade() else { return Fault::None };
        if line.router != "cinto-cpe-b" || line.text != "end" || line.when != When::After {
            return Fault::None;
        }
        field.devices[1].take_no_sessions(true);
        field.advance(Duration::from_secs(300));
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(150));
            field.devices[1].take_no_sessions(false);
        });
        Fault::Cut
    });
    let ran = field.push(&CUTOVER).code(1);
    assert!(ran.stderr.contains("begun 3 times") && ran.stderr.contains("no connection"), "{}", ran.stderr);
    let ends = field.devices[1].lines().iter().filter(|line| *line == "end").count();
    assert_eq!(ends, 3);
    field.no_faults();
    assert_eq!(field.running(), before);
    all_saved(&field);
}

/// All lines are taken, and then nobody whom the standby CPE asks answers any more.
#[test]
fn what_does_not_come_true_takes_everything_back_at_once() {
    let field = Field::new();
    let before = field.running();
    let deaf = Arc::new(AtomicBool::new(false));
    let (hears, begun) = (deaf.clone(), deaf.clone());
    field.devices[1].with(|router| router.pings = Some(Box::new(move |_, _| !hears.load(Ordering::SeqCst))));
    field.at_each_line(move |line| {
        let entered = line.router == "cinto-cpe-b" && line.text == "end" && line.when == When::After;
        begun.fetch_or(entered, Ordering::SeqCst);
        Fault::None
    });
    let args: Vec<&str> = CUTOVER.iter().chain(&["--settle", "5"]).copied().collect();
    let ran = field.push(&args).code(1);
    assert!(ran.stderr.contains("did not come true") && ran.stderr.contains("does not answer"), "{}", ran.stderr);
    // By the router's own way back, and not by waiting for its timer: its clock stands still.
    assert!(field.devices[1].lines().iter().any(|line| line == "configure revert now"));
    assert_eq!(field.running(), before);
    all_saved(&field);
}

/// Kills the program at the first line of a router that begins so, before the router carries it out,
/// which it then never does.
fn killed_at(field: &Arc<Field>, router: &'static str, text: &'static str, args: &[&str]) {
    let watch = Watch::new();
    let (hook, struck) = (watch.clone(), AtomicBool::new(false));
    field.at_each_line(move |line| {
        let here = line.router == router && line.text.starts_with(text) && line.when == When::Before;
        if !here || struck.swap(true, Ordering::SeqCst) {
            return Fault::None;
        }
        hook.signal(rustix::process::Signal::KILL);
        Fault::Cut
    });
    let (code, said) = run(field, &watch, args);
    assert_eq!(code, None, "{said}");
    field.no_faults();
}

#[test]
fn an_open_push_goes_on_with_its_own_command_only_and_can_be_undone() {
    let field = Arc::new(Field::new());
    let before = field.running();
    // The hub is new, the standby CPE half way.
    killed_at(&field, "cinto-cpe-b", SERVER_ROUTE, &CUTOVER);
    let half = field.running();
    assert_ne!(half, before);
    let command = "network push cinto-caomaggiore --class cutover --server cinto-srv1";
    for args in [&["--back"][..], &["--timer", "7"]] {
        let args: Vec<&str> = CUTOVER.iter().chain(args).copied().collect();
        let ran = field.push(&args).code(2);
        assert!(ran.stderr.contains(command) && ran.stderr.contains("--undo"), "{}", ran.stderr);
    }
    assert!(field.push(&[]).code(2).stderr.contains(command));
    assert_eq!(field.running(), half);
    // Whoever asks without a terminal and without --yes is asked, and nothing is done.
    let asked: Vec<&str> = ["network", "push", TENANT].into_iter().chain(CUTOVER).collect();
    assert!(field.sandbox.run(&asked).code(2).stderr.contains("add --yes"));
    let plan = field.sandbox.run(&["network", "push", TENANT, "--plan"]).code(0);
    for words in [command, "it goes on", "done: sad-ce-1, new", "next: cinto-cpe-b", "--undo"] {
        assert!(plan.stdout.contains(words), "{words}: {}", plan.stdout);
    }
    assert_eq!(field.running(), half);
    let ran = field.push(&["--undo"]).code(0);
    assert!(ran.stderr.contains("exactly as before the push"), "{}", ran.stderr);
    assert_eq!(field.running(), before);
    all_saved(&field);
    assert!(field.push(&["--undo"]).code(2).stderr.contains("no push of cinto-caomaggiore is open"));
}

#[test]
fn a_push_killed_before_it_saved_says_so_and_saves() {
    let field = Arc::new(Field::new());
    killed_at(&field, "sad-ce-1", "write memory", &CUTOVER);
    assert_ne!(field.running()[2], field.startup()[2]);
    let plan = field.sandbox.run(&["network", "push", TENANT, "--plan"]).code(0);
    assert!(plan.stdout.contains("sad-ce-1 was being confirmed"), "{}", plan.stdout);
    field.push(&CUTOVER).code(0);
    all_saved(&field);
}

/// Another tenant's push on the hub saves its lines and ours while ours is not over: by whole
/// configurations it goes neither on nor back. Given up, what is left is planned anew.
#[test]
fn a_push_that_others_changed_under_can_be_given_up() {
    let field = Arc::new(Field::new());
    killed_at(&field, "sad-ce-1", "write memory", &CUTOVER);
    let others = "ip route 10.99.0.0 255.255.0.0 Null0 name OTHERS";
    field.devices[2].type_lines(&[others]);
    let ran = field.push(&CUTOVER).code(4);
    assert!(ran.stderr.contains("OTHERS") && ran.stderr.contains("--abandon"), "{}", ran.stderr);
    assert_eq!(field.push(&["--abandon"]).code, 2, "it wants a reason");
    let give_up = ["--abandon", "--reason", "another tenant's push came between"];
    let ran = field.push(&give_up).code(4);
    assert!(ran.stderr.contains("run new, and are not saved so"), "{}", ran.stderr);
    field.devices[2].with(|router| router.save());
    let ran = field.push(&give_up).code(0);
    assert!(ran.stderr.contains("sad-ce-1 has new lines"), "{}", ran.stderr);
    // What was found is known: no drift.
    field.push(&CUTOVER).code(0);
    all_saved(&field);
    let after = field.running();
    assert!(after[2].contains(others) && after.iter().all(|text| text.contains("SRV-CINTO-SRV1")));
}

#[test]
fn what_nobody_saved_is_saved_only_where_the_operator_says_so() {
    let field = Field::new();
    field.devices[0].type_lines(&["ntp server 198.51.100.9"]);
    let startup = field.startup();
    for args in [&[][..], &["--accept-drift", "agreed"]] {
        let args: Vec<&str> = CUTOVER.iter().chain(args).copied().collect();
        let ran = field.push(&args).code(4);
        assert!(ran.stderr.contains("--save-unsaved REASON"), "{}", ran.stderr);
        assert!(ran.stdout.contains("run otherwise than they are saved"), "{}", ran.stdout);
        assert_eq!(field.startup(), startup);
    }
    let args: Vec<&str> = CUTOVER.iter().chain(&["--save-unsaved", "the new time server"]).copied().collect();
    field.push(&args).code(0);
    all_saved(&field);
    assert!(field.startup()[0].contains("198.51.100.9"));
}

#[test]
fn a_push_is_one_document_and_says_of_whom_it_speaks() {
    let field = Field::new();
    field.edit("mcr_percent: 10", "mcr_percent: 20");
    let ran = field.push(&["--router", "cinto-cpe-b"]).code(0);
    assert!(ran.stderr.contains("cinto-cpe-b is as wanted") && ran.stderr.contains("cinto-cpe-a"), "{}", ran.stderr);
    assert_eq!(field.push(&["--timer", "1"]).code, 2);
    let ran = field.push(&["--json", "--router", "cinto-cpe-a"]).code(0);
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&said["ended"]["end"], &said["plan"]["routers"][0]["router"]), (&"new".into(), &"cinto-cpe-a".into()));
    field.edit("mcr_percent: 20", "mcr_percent: 30");
    field.devices[0].refuse("end", "% Something");
    let ran = field.push(&["--json", "--router", "cinto-cpe-a"]).code(1);
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(said["ended"]["end"], "old");
    assert!(ran.stderr.contains("--router cinto-cpe-a"), "{}", ran.stderr);
}

#[test]
fn notices_of_a_router_do_not_stop_a_push() {
    let field = Field::new();
    let before = field.running();
    let port = "interface GigabitEthernet0/0/1.204";
    field.devices[2].type_lines(&[port, "no vrf forwarding CINTO", "ip address 192.0.2.251 255.255.255.0"]);
    field.devices[2].with(|router| router.save());
    // On the way back to its table the port loses its address, and the router says so.
    field.push(&["--hub", "--window-agreed", "tonight", "--accept-faults", "being mended"]).code(0);
    assert!(field.devices[2].lines().iter().any(|line| line.trim() == "vrf forwarding CINTO"));
    assert_eq!(field.running(), before);
    all_saved(&field);
}

/// IOS asks before it takes away a translation that packets pass at the moment.
#[test]
fn a_translation_in_use_is_taken_away() {
    let field = Field::new();
    let access = field.access(2);
    let word = field.sandbox.path().join("word");
    std::fs::write(&word, "router-word\n").unwrap();
    std::fs::set_permissions(&word, std::fs::Permissions::from_mode(0o600)).unwrap();
    field.sandbox.edit("inventory/project.yaml", &access, &access.replace("env:ROUTER_WORD", "file:word"));
    let root = field.sandbox.path().to_owned();
    let inventory = traghetto::inventory::load(&root).unwrap();
    let access = inventory.project.network.hub_access.unwrap();
    field.devices[2].with(|router| router.translating = true);
    let translation = "ip nat inside source static network 192.0.2.0 10.217.4.0 /24 vrf CINTO";
    assert!(field.running()[2].contains(translation));
    let (trust, secrets) = (Trust::of_operator(&root), Secrets { root, folder: None });
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut router = IosRouter::connect("sad-ce-1", &access, &trust, &secrets, Patience::default()).await.unwrap();
        router.configure(5).await.unwrap();
        router.line(&format!("no {translation}")).await.unwrap();
        let timer = router.revert_timer().await.unwrap().unwrap();
        assert_eq!((timer.minutes, timer.user.as_deref()), (5, Some("netops")), "asked while configuring");
        router.end().await.unwrap();
        assert!(!field.running()[2].contains(translation));
        router.revert_now().await.unwrap();
        assert_eq!(router.revert_timer().await.unwrap(), None);
    });
    assert!(field.running()[2].contains(translation));
}

#[test]
fn what_a_colleague_changed_meanwhile_stops_a_push() {
    let field = Field::new();
    field.push(&CUTOVER).code(0);
    field.devices[0].type_lines(&["interface GigabitEthernet0/0/1", "standby 10 priority 90"]);
    field.devices[0].with(|router| router.save());
    let running = field.running();
    let back: Vec<&str> = CUTOVER.into_iter().chain(["--back"]).collect();
    let ran = field.push(&back).code(4);
    assert!(
        ran.stderr.contains("standby 10 priority 90") && ran.stderr.contains("No router was touched"),
        "{}",
        ran.stderr
    );
    assert_eq!(field.running(), running);
}

/// A secret of a router that no rendering names is neither shown nor kept: its value is asked for under
/// a name, and the way back holds that name.
#[test]
fn a_secret_of_a_router_is_asked_for_by_name_and_goes_nowhere() {
    const SECRET: &str = "backup:S3ntinel";
    let field = Field::new();
    field.devices[0].type_lines(&["archive", &format!("path scp://{SECRET}@10.255.10.9/arch")]);
    field.devices[0].with(|router| router.save());
    let before = field.running();
    let args = ["--router", "cinto-cpe-a"];
    let plan = ["--json", "network", "push", TENANT, "--plan", "--router", "cinto-cpe-a"];
    let reference = "scp://<secret:old-cinto-cpe-a-archive-path>@10.255.10.9/arch";
    let shown = field.sandbox.run(&plan).code(0);
    assert!(shown.stdout.contains(reference), "{}", shown.stdout);
    let refused = field.push(&args).code(3);
    for word in ["old-cinto-cpe-a-archive-path", "No router was touched", reference] {
        assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
    }
    assert_eq!(field.running(), before);
    let variable = "TRAGHETTO_SECRET_OLD_CINTO_CPE_A_ARCHIVE_PATH";
    let mut command = field.sandbox.command(&["network", "push", TENANT, "--yes", "--router", "cinto-cpe-a"]);
    let pushed = command.env(variable, SECRET).output().unwrap();
    assert!(pushed.status.success(), "{}", streams(&pushed));
    assert!(!field.running()[0].contains("scp://"), "{}", field.running()[0]);
    let said = [shown.stdout, shown.stderr, refused.stdout, refused.stderr, streams(&pushed)].concat();
    assert!(!said.contains("S3ntinel"), "{said}");
    for folder in [".traghetto", "replicas"] {
        holds_nowhere(&field.sandbox.path().join(folder), b"S3ntinel");
    }
}

/// No file below `folder` holds these bytes.
fn holds_nowhere(folder: &std::path::Path, bytes: &[u8]) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds_nowhere(&path, bytes);
        } else {
            let found = std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes);
            assert!(!found, "a secret is in {}", path.display());
        }
    }
}

#[test]
fn old_algorithms_are_used_only_where_the_inventory_says_so() {
    let field = Field::with(|router, setup| {
        let setup = setup.account("netops", "router-word");
        if router == "cinto-cpe-a" { setup.legacy() } else { setup }
    });
    let ran = field.sandbox.run(&["network", "push", TENANT, "--plan", "--class", "cutover", "--server", "cinto-srv1"]);
    assert_ne!(ran.code, 0);
    for word in ["diffie-hellman-group14-sha1", "ssh_profile: legacy", "No router was touched"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    let access = field.access(0);
    field.edit(&access, &access.replace("{host:", "{ssh_profile: legacy, host:"));
    field.push(&CUTOVER).code(0);
    all_saved(&field);
}

#[test]
fn the_carriers_routers_are_not_touched() {
    let field = Field::new();
    field.edit("managed_by: us", "managed_by: carrier");
    let ran = field.push(&CUTOVER).code(5);
    assert!(
        ran.stderr.contains("configured by the carrier") && ran.stderr.contains("change request"),
        "{}",
        ran.stderr
    );
    assert!(field.devices.iter().all(|device| device.lines().is_empty()));
}

#[test]
fn two_pushes_at_once_are_one() {
    let field = Field::new();
    let (held, go) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (in_hook, wait) = (held.clone(), go.clone());
    field.at_each_line(move |line| {
        if line.text.starts_with("configure terminal revert") && line.when == When::Before {
            in_hook.store(true, Ordering::SeqCst);
            wait_until(&|| wait.load(Ordering::SeqCst));
        }
        Fault::None
    });
    let first = field.begin(&CUTOVER);
    wait_until(&|| held.load(Ordering::SeqCst));
    let second = field.push(&CUTOVER);
    go.store(true, Ordering::SeqCst);
    assert!(second.code != 0 && second.stderr.contains("anna-veneto"), "{}\n{}", second.stdout, second.stderr);
    let output = first.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", streams(&output));
    all_saved(&field);
}

#[track_caller]
fn wait_until(done: &dyn Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "it did not come to it within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}
