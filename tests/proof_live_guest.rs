//! A real Debian guest that writes without pause is seeded, synced, frozen and copied for the last time;
//! then its power is cut while it is frozen, and replica and disk are compared. A logical volume of such a
//! guest is copied by way of a snapshot. Part of `make proof`.

use crate::support::frozen::assert_equal_but_skipped;
use crate::support::guest::Guest;
use crate::support::replica::{block_on, run};
use crate::support::sshd::trust_nothing;
use crate::support::town::Town;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use traghetto::replica::{self, AgentBinary, AgentLink, DiskReplica, MapWanted, PassOptions, PassReport, StartOptions};
use traghetto::world::ssh::{Deadlines, Session};

fn proof() -> bool {
    let wanted = std::env::var_os("TRAGHETTO_PROOF").is_some();
    if !wanted {
        println!("a real guest is part of `make proof`; frozen loop devices are part of every test run");
    }
    wanted
}

/// The static agent, as for any host that is not this one.
fn static_agent() -> PathBuf {
    std::env::var_os("TRAGHETTO_AGENT").expect("TRAGHETTO_AGENT names the static agent").into()
}

async fn agent_in(guest: &Guest) -> (Session, AgentLink) {
    let session = Session::connect(&guest.access(), &trust_nothing(), Deadlines::default()).await.unwrap();
    let binary = AgentBinary::find(Some(static_agent().as_os_str()), &static_agent()).unwrap();
    let link = replica::start(&session, &binary, StartOptions::default()).await.unwrap();
    (session, link)
}

async fn pass(link: &mut AgentLink, replica: &DiskReplica, source: &str, map: MapWanted) -> PassReport {
    let options = PassOptions { store: "proof".to_owned(), level: 3, map, donors: Vec::new(), snapshot: false };
    let report = replica::pass(link, replica, Path::new(source), &options, &mut |_| {}).await.unwrap();
    println!(
        "{map:?} pass of {source}: {:.1} s, {} chunks sent, {:.1} MB on the link",
        report.duration.as_secs_f64(),
        report.chunks_sent,
        report.bytes_payload as f64 / 1e6
    );
    report
}

/// The writer's own count of its rounds.
fn rounds(guest: &Guest) -> u64 {
    guest.run("wc -l < /srv/data/log").trim().parse().unwrap()
}

#[test]
fn proof_a_live_guest_is_copied_bit_for_bit() {
    if !proof() {
        return;
    }
    let mut guest = Guest::boot();
    let replica = DiskReplica::new(&guest.dir().join("replica"), &"disk0".parse().unwrap());
    let (disk, patience) = (Path::new("/dev/vda"), Duration::from_secs(60));
    block_on(async {
        let (session, mut link) = agent_in(&guest).await;
        let before = rounds(&guest);
        pass(&mut link, &replica, "/dev/vda", MapWanted::Live).await;
        let sync = pass(&mut link, &replica, "/dev/vda", MapWanted::Live).await;
        assert!(sync.chunks_sent > 0 && rounds(&guest) > before, "the guest did not write");

        // Frozen for a while, it goes on; a new login waits meanwhile, ours does not.
        link.freeze(disk, patience).await.unwrap();
        let asked = Instant::now();
        let answers = guest.answers_within(Duration::from_secs(20));
        println!(
            "a new login while frozen: {}, asked for {:?}",
            if answers { "answered" } else { "hangs" },
            asked.elapsed()
        );
        assert!(link.thaw().await.unwrap());
        let before = rounds(&guest);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(rounds(&guest) > before, "the guest does not go on");

        // Frozen, and our session is gone: nobody says thaw.
        link.freeze(disk, patience).await.unwrap();
        drop((link, session));
        let before = rounds(&guest);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(rounds(&guest) > before, "the guest is still frozen");

        // Frozen until its end: its disk is what was frozen.
        let (_session, mut link) = agent_in(&guest).await;
        let uses = link.freeze(disk, patience).await.unwrap();
        println!("frozen: {}", uses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        let last = pass(&mut link, &replica, "/dev/vda", MapWanted::Quiet).await;
        assert!(last.chunks_sent > 0, "nothing was written between sync and freeze");
        guest.kill();
    });
    assert_equal_but_skipped(&guest.disk(), &replica);
    let root = guest.dir().join("root.img");
    let (from, to) = (format!("if={}", replica.image().display()), format!("of={}", root.display()));
    run(&["dd", &from, &to, "bs=1M", "skip=1", "conv=sparse", "status=none"]);
    println!("{}", run(&["e2fsck", "-f", "-n", root.to_str().unwrap()]).trim());
    let log = run(&["debugfs", "-R", "cat /srv/data/log", root.to_str().unwrap()]);
    println!("the writer's last round in the replica: {:?}", log.lines().last());
    assert!(log.lines().count() > 10);
}

const SERVER: &str = "cinto-srv3";

const PLAYBOOK: &str = "\
playbook: {name: volume, source: prova}
activities:
  - {activity: 1, title: {it: Copia, en: Copy}, responsible: [venis-sistemista], executes: [venis-sistemista],
     validates: [sad-validatore], days: [1, 2], steps: [{do: prepare-landing},
     {gate: {id: ready, title: {it: Pronto, en: Ready}}}]}
  - {activity: 2, title: {it: Copia, en: Copy}, responsible: [venis-sistemista], executes: [venis-sistemista],
     validates: [sad-validatore], days: [1, 2], steps: [{do: seed}, {do: verify},
     {gate: {id: seeded, reaches: quiet, valid_hours: 12, title: {it: Copiato, en: Copied}}}]}
  - {activity: 3, title: {it: Ultima copia, en: Last copy}, responsible: [venis-sistemista],
     executes: [venis-sistemista], validates: [sad-validatore], days: [3, 4], steps: [{do: final-sync},
     {gate: {id: copied, title: {it: Copiato, en: Copied}}}]}
";

/// A town whose third server is the guest, with a logical volume as its disk; the others stay.
fn town_with(guest: &Guest) -> Town {
    let Town { sandbox, sshd } = Town::new();
    let town = Town { sandbox: sandbox.env("TRAGHETTO_AGENT", static_agent().to_str().unwrap()), sshd };
    let path = town.sandbox.path().join("inventory/tenants/cinto-caomaggiore.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("  - id: cinto-srv3\n").unwrap();
    let after = after.replacen("os: {windows: Windows 7}", "os: {linux: Debian 12}", 1);
    let after = after.replacen("transfer: rescue", "transfer: agent", 1);
    let image = format!("\"{}\", size_bytes: {}", town.disk(SERVER).display(), crate::support::town::DISK);
    let after = after.replacen(&image, &format!("/dev/vg/data, size_bytes: {}, snapshot: allowed", 320 << 20), 1);
    let after = after.replacen(&town.sshd.access_yaml(), &guest.access_yaml(), 1);
    std::fs::write(&path, format!("{before}  - id: cinto-srv3\n{after}")).unwrap();
    std::fs::remove_file(town.sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
    town.sandbox.write("playbooks/volume.yaml", PLAYBOOK);
    town
}

#[test]
fn proof_a_volume_of_a_live_guest_is_copied_by_a_snapshot() {
    if !proof() {
        return;
    }
    let guest = Guest::boot();
    guest.run(
        "pvcreate -q /dev/vdb && vgcreate -q vg /dev/vdb && lvcreate -q -L 320M -n data vg && mkfs.ext4 -q /dev/vg/data \
         && mkdir -p /mnt/data && mount /dev/vg/data /mnt/data && systemctl stop writer \
         && systemd-run --unit=filler sh -c 'cd /mnt/data; i=0; while :; do i=$((i+1)); \
            head -c 50000 /dev/urandom > f.$((i % 60)); sync -d f.$((i % 60)); done'",
    );
    let town = town_with(&guest);
    town.run_to("ready");
    town.sign("ready", "sad-validatore", "carla-riva");
    town.run_to("seeded");
    town.sign("seeded", "sad-validatore", "carla-riva");
    // Killed while the snapshot is there: it is left behind, and found by its name.
    let mut left = 0;
    for pause in [4, 6, 8, 11] {
        let mut run = town.command(&["run", "--server", SERVER]).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(pause));
        run.kill().unwrap();
        run.wait().unwrap();
        left += guest.run("lvs --noheadings -o lv_name vg").matches("traghetto-").count();
    }
    println!("snapshots that killed runs left behind: {left}");
    town.run_to("copied");
    assert_eq!(guest.run("lvs --noheadings -o lv_name vg").split_whitespace().collect::<Vec<_>>(), ["data"]);
    let events = std::fs::read_to_string(town.sandbox.path().join("replicas/cinto-caomaggiore/events.jsonl")).unwrap();
    let finished =
        events.lines().rfind(|line| line.contains("\"quiesce\":\"snapshot\"")).expect("no snapshot was copied");
    println!("{finished}");
    let replica = town.image(SERVER);
    // As after a power cut: the journal is replayed, and then all is well.
    println!("{}", run(&["sh", "-c", &format!("e2fsck -p {0} || [ $? -eq 1 ]; e2fsck -f -n {0}", replica.display())]));
}
