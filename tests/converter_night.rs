//! A town with a Windows that VMware Converter moves, by the program itself, into the vCenter simulator: by
//! hand with the page, and over the API of the strict server of the tests.

use crate::landing_night::switch_off;
use crate::support::converter::{Converter, PASSWORD, SOURCE_PASSWORD};
use crate::support::vcenter_night::{Night, SERVERS, Seen, TENANT, in_own_network};
use crate::support::vcsim;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LINUX: &str = SERVERS[0];
const WINDOWS: &str = SERVERS[1];
const ENGINEER: (&str, &str) = ("venis-sistemista", "anna-veneto");

/// `migrate run`, which waits for somebody; what it says.
#[track_caller]
fn waits(night: &Night, what: &str) -> String {
    let ran = night.migrate(&["run"]).code(5);
    assert!(ran.stderr.contains(what), "{}", ran.stderr);
    ran.stderr
}

/// What the vCenter shows of the machine that Converter made.
fn machine(night: &Night, name: &str) -> Option<Seen> {
    night.machines().remove(name)
}

fn beside_replicas(night: &Night, file: &str) -> std::path::PathBuf {
    night.sandbox.path().join(format!("replicas/{TENANT}/{WINDOWS}/{file}"))
}

/// Somebody starts the machine by hand before its turn: it is left as it is, however often the run is repeated.
fn somebody_was_faster(night: &Night, server: &str) {
    night.somebody_starts(server);
    for _ in 0..2 {
        let told = night.migrate(&["run"]).code(4).stderr;
        assert!(told.contains(&format!("a5.boot.{server}")) && told.contains("already"), "{told}");
        assert!(told.contains("look at the landing site"), "{told}");
    }
    night.somebody_unplugs(server);
}

/// The Linux goes off once its fence waits; who stands there does and says what the run asks for, up to the
/// acceptance.
fn moved(night: &Night) {
    std::thread::scope(|scope| {
        scope.spawn(|| switch_off(night, LINUX));
        let mut said = BTreeSet::new();
        for _ in 0..10 {
            let ran = night.migrate(&["run"]).code(5);
            if ran.stderr.contains("sign gate landing-accepted:") {
                return;
            }
            let (_, step) = ran.stderr.split_once("It was step a5.").unwrap();
            let (step, rest) = step.split_once('.').unwrap();
            let server = SERVERS.into_iter().find(|server| rest.starts_with(server)).unwrap();
            assert!(said.insert((step.to_owned(), server)), "twice: {}", ran.stderr);
            match step {
                "final-sync" => {
                    std::fs::write(beside_replicas(night, "converter-logs.zip"), b"PK\x05\x06 logs").unwrap();
                    night.vouch_as(ENGINEER, "finalised", server);
                }
                "fence" => _ = night.vouch("source-off", server),
                "route" => {
                    night.vouch("routed", server);
                    somebody_was_faster(night, server);
                }
                _ => panic!("{}", ran.stderr),
            }
        }
        panic!("the landing is never checked");
    });
}

#[test]
fn a_person_drives_converter_and_the_machine_is_taken_for_ours_only_as_it_must_be() {
    in_own_network(|| {
        let (night, converter) = (Night::new("nfc", &[]), Converter::start());
        night.with_converter("converter-assisted", &converter);
        for gate in ["landing-ready", "source-checked"] {
            night.run_to(gate);
            night.pass(gate);
        }
        let said = waits(&night, "converter.html");
        assert!(said.contains(&format!("sign {TENANT} copied --server {WINDOWS}")), "{said}");
        let page = std::fs::read_to_string(beside_replicas(&night, "converter.html")).unwrap();
        assert!(page.contains("127.0.1.11") && !page.contains(SOURCE_PASSWORD), "{page}");
        // Somebody says it too early: there is nothing yet.
        night.vouch_as(ENGINEER, "copied", WINDOWS);
        let ran = night.migrate(&["run"]);
        assert!(![0, 5].contains(&ran.code), "{}", ran.stderr);
        night.somebody_makes(WINDOWS);
        waits(&night, "converter.html");
        night.vouch_as(ENGINEER, "copied", WINDOWS);
        night.run_to("test-accepted");
        night.pass("test-accepted");
        night.run_to("move-planned");
        let copy = machine(&night, &format!("{WINDOWS}-test")).unwrap();
        assert!(copy.on && copy.network == format!("{TENANT}-test"), "{copy:?}");
        let first = machine(&night, WINDOWS).unwrap();
        assert!(!first.on && !first.connected, "Converter's machine ran before its last synchronisation: {first:?}");
        night.pass("move-planned");
        night.run_to("quiet");
        assert_eq!(machine(&night, &format!("{WINDOWS}-test")), None);
        night.pass("quiet");
        moved(&night);
        let there = machine(&night, WINDOWS).unwrap();
        assert!(there.on && there.connected && there.network == TENANT, "{there:?}");
        assert!(!night.told().contains(PASSWORD) && !night.told().contains(SOURCE_PASSWORD));
    });
}

#[test]
fn a_job_of_converter_is_driven_to_its_end_with_one_full_copy() {
    in_own_network(|| {
        let (night, converter) = (Night::new("nfc", &[]), Converter::start());
        night.with_converter("converter", &converter);
        converter.state().vcenter_password = vcsim::PASSWORD.to_owned();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // The simulator's time goes on, and with its first copy the machine is there.
            scope.spawn(|| {
                let mut made = false;
                while !over.load(Ordering::Relaxed) {
                    converter.state().advance(Duration::from_secs(120));
                    let copied = converter.state().jobs.iter().any(|job| job.copied);
                    if copied && !made {
                        night.somebody_makes(WINDOWS);
                        made = true;
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
            });
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| driven(&night, &converter)));
            over.store(true, Ordering::Relaxed);
            played.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
    });
}

fn driven(night: &Night, converter: &Converter) {
    for gate in ["landing-ready", "source-checked", "test-accepted", "move-planned", "quiet"] {
        night.run_to(gate);
        night.pass(gate);
    }
    moved(night);
    let there = machine(night, WINDOWS).unwrap();
    assert!(there.on && there.connected && there.network == TENANT, "{there:?}");
    let state = converter.state();
    assert_eq!((state.jobs.len(), state.wrong.as_slice()), (1, &[][..]));
    assert_eq!(state.full.values().sum::<u32>(), 1, "one full copy crosses the line");
    assert_eq!(state.stopped, ["Spooler"], "the named services stop for the last synchronisation");
    assert!(std::fs::metadata(beside_replicas(night, "converter-logs.zip")).unwrap().len() > 0);
    assert!(!night.told().contains(PASSWORD) && !night.told().contains(SOURCE_PASSWORD));
}
