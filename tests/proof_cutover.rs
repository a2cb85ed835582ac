//! The night of one real Linux server through the program, measured: the source in QEMU behind 10 Mbit/s,
//! 200 MB written since the last sync, its copy booted from its own boot loader at the same address, the
//! landing checklist over SSH, and the way back. Part of `make proof`.

use crate::support::guest::{IDENTITY, Profile, SOURCE_MAC};
use crate::support::night::{Night, SERVER};
use std::time::Instant;

const COMUNE: (&str, &str) = ("comune-referente", "dario-pieve");
const SAD: (&str, &str) = ("sad-validatore", "carla-riva");
const ENGINEER: (&str, &str) = ("venis-sistemista", "anna-veneto");
const TECHNICIAN: (&str, &str) = ("comune-tecnico", "elena-ponte");

/// Megabytes that nobody can compress, written since the last sync.
const DIRTY_MB: u32 = 200;

fn proof() -> bool {
    let wanted = std::env::var_os("TRAGHETTO_PROOF").is_some();
    if !wanted {
        println!("the night of a real guest is part of `make proof`");
    }
    wanted
}

#[test]
fn proof_cutover_of_a_real_guest() {
    if !proof() {
        return;
    }
    let mut night = Night::new(Profile::Ext4);
    copied_and_synced(&night);
    let identity = night.at_address(IDENTITY);
    night.slow_down();
    let file = format!("head -c {DIRTY_MB}000000 /dev/urandom > /srv/dirty && sync /srv/dirty");
    night.at_address(&format!("{file} && sha256sum /srv/dirty > /root/sum && sync /root/sum"));
    moved(&mut night);
    in_service(&night, &identity);
    taken_back(&mut night, &identity);
}

/// Everything before the night.
fn copied_and_synced(night: &Night) {
    night.run_to("landing-ready");
    night.sign("landing-ready", &[SAD]);
    night.run_to("source-checked");
    night.sign("source-checked", &[COMUNE, SAD]);
    night.run_to("test-accepted");
    night.sign("test-accepted", &[SAD]);
    night.run_to("move-planned");
    night.sign("move-planned", &[COMUNE, SAD]);
    night.run_to("quiet");
}

/// From the last signature to the copy that answers; the person in town cuts the power once all is copied.
fn moved(night: &mut Night) {
    night.sign("quiet", &[ENGINEER, TECHNICIAN]);
    let mut run = night.begin(&["run"]);
    night.wait_for(&format!("a5.convert.{SERVER}"), &mut run);
    night.cut_the_power();
    let ended = run.wait().unwrap();
    let said = night.said();
    assert_eq!(ended.code(), Some(5), "{said}\n{}", night.console());
    assert!(said.contains("does not lead to the landing site yet"), "seen off, and its route waits: {said}");
    night.state_routed();
    let ran = night.migrate(&["run"]);
    assert_eq!(ran.code, 5, "{}\n{}", ran.stderr, night.console());
    assert!(ran.stderr.contains("sign gate landing-accepted:"), "{}\n{}", ran.stderr, night.console());
}

/// The copy is what the source was, and the bars hold.
fn in_service(night: &Night, identity: &str) {
    let step = |act: &str| night.facts(&format!("a5.{act}.{SERVER}"));
    let seconds = |facts: &serde_json::Value, name: &str| facts[name].as_f64().unwrap();
    let (convert, fence, boot) = (step("convert"), step("fence"), step("boot"));
    let copy = night.facts(&format!("a5.final-sync.{SERVER}.disk0"));
    let (frozen, sent) = (seconds(&copy, "frozen_seconds"), seconds(&copy, "bytes_wire") / 1e6);
    let guest = seconds(&boot, "duration") - seconds(&boot, "connected_seconds");
    let outage = seconds(&boot, "outage_seconds");
    let (clone, converted) = (seconds(&convert, "clone_seconds"), seconds(&convert, "convert_seconds"));
    let machine = clone + seconds(&boot, "connected_seconds");
    let gap = outage - guest;
    println!(
        "outage {outage:.0} s from the signature to the first answer: last copy {frozen:.1} s ({sent:.1} MB on the link),"
    );
    println!("  source seen to be off {:.1} s, the guest's own boot {guest:.1} s", seconds(&fence, "duration"));
    println!("service gap without the guest's boot {gap:.0} s, conversion in it; bar 300 s without it");
    println!("conversion {converted:.1} s, bar 60 s");
    println!("clone {clone:.1} s, machine made, powered on and connected {:.1} s; bar 10 s together", machine - clone);
    assert!(sent > 200.0, "what was written is not in the last copy: {sent} MB");
    assert!(gap - converted <= 300.0, "service gap of {gap} s");
    assert!(converted <= 60.0, "conversion of {converted} s");
    assert!(machine <= 10.0, "clone and machine took {machine} s");
    assert_eq!(night.port(), "production");
    let here = night.at_address("cat /sys/class/net/enp0s3/address; sha256sum -c --quiet /root/sum && echo whole");
    assert!(here.starts_with("00:50:56:") && here.ends_with("whole\n"), "{here}");
    assert_eq!(night.at_address(IDENTITY), identity);
}

/// Both sides take the server back; the source boots from its own disk, at its address.
fn taken_back(night: &mut Night, identity: &str) {
    let back = |(role, by): (&str, &str)| {
        night.migrate(&["rollback", "--server", SERVER, "--role", role, "--operator", by, "--reason", "prova", "--yes"])
    };
    back(ENGINEER).code(5);
    assert!(night.is_on(), "one side alone takes nothing back");
    let begun = Instant::now();
    back(COMUNE).code(0);
    let seconds = begun.elapsed().as_secs_f64();
    println!("taken back in {seconds:.1} s, the copy off and connected to nothing; bar 120 s");
    assert!(seconds <= 120.0 && !night.is_on() && night.port().is_null());
    let begun = Instant::now();
    night.source_again();
    println!("the source's own boot: {:.0} s", begun.elapsed().as_secs_f64());
    assert_eq!(night.at_address(IDENTITY), identity);
    let here = night.at_address("cat /sys/class/net/enp0s3/address; sha256sum -c --quiet /root/sum && echo whole");
    assert_eq!(here, format!("{}\nwhole\n", SOURCE_MAC));
}
