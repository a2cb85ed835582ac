//! Frozen sources: what is frozen holds, and nothing stays frozen, whoever dies. Needs root.

use crate::support::frozen::{Agent, Volume};
use crate::support::replica::{Lab, agent, block_on, run};
use crate::support::sshd::{Sshd, trust_nothing};
use std::time::Duration;
use traghetto::replica::wire::{Command, Obstacle, ObstacleKind, Reply, Use, Way};
use traghetto::replica::{self, AgentBinary, AgentLink, MapWanted, PassOptions, QuiesceError, StartOptions};
use traghetto::world::ssh::{Deadlines, Session};

/// Longer than any test takes: what thaws before, somebody thawed.
const LONG: u32 = 300;

fn volume(lab: &Lab, kind: &str) -> Volume {
    Volume::new(lab.path(), kind, kind)
}

#[test]
fn a_frozen_filesystem_holds_every_write_until_it_is_thawed() {
    for kind in ["ext4", "xfs", "btrfs"] {
        let lab = Lab::new();
        let volume = volume(&lab, kind);
        let mut agent = Agent::start();
        let expected = Use {
            way: Way::Written,
            device: volume.device.display().to_string(),
            filesystem: kind.to_owned(),
            place: volume.dir.display().to_string(),
        };
        assert_eq!(agent.freeze(&volume.device, LONG), Reply::Frozen(vec![expected]));
        let mut blocked = volume.write();
        assert!(!blocked.ends_within(Duration::from_millis(700)), "{kind}: a write went through");
        assert!(agent.thaw(), "{kind}: it did not hold");
        assert!(blocked.ends_within(Duration::from_secs(1)), "{kind}: the write is still blocked");
        assert_eq!(agent.watchdog(), None);
        // Again, by the same agent.
        agent.must_freeze(&volume.device, LONG);
        assert!(volume.is_frozen());
        assert!(agent.thaw());
    }
}

#[test]
fn the_image_behind_a_loop_device_is_the_same_disk() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    let mut agent = Agent::start();
    agent.must_freeze(&volume.image, LONG);
    assert!(volume.is_frozen());
    assert!(agent.thaw());
}

#[test]
fn a_filesystem_in_a_file_is_frozen_before_the_one_that_holds_it() {
    let lab = Lab::new();
    let outer = volume(&lab, "xfs");
    // Smaller than the outer one: sparse.
    let inner = Volume::new(&outer.dir, "inner", "ext4");
    let mut agent = Agent::start();
    let Reply::Frozen(uses) = agent.freeze(&outer.device, LONG) else { panic!("not frozen") };
    assert_eq!(uses.iter().map(|one| one.filesystem.as_str()).collect::<Vec<_>>(), ["xfs", "ext4"]);
    assert!(outer.is_frozen() && inner.is_frozen());
    assert!(agent.thaw());
    inner.assert_thaws();
    outer.assert_thaws();
}

#[test]
fn a_killed_agent_leaves_nothing_frozen() {
    for kind in ["ext4", "xfs"] {
        let lab = Lab::new();
        let volume = volume(&lab, kind);
        let mut agent = Agent::start();
        agent.must_freeze(&volume.device, LONG);
        assert!(volume.is_frozen());
        agent.kill();
        volume.assert_thaws();
    }
}

#[test]
fn an_input_that_ends_thaws_even_if_nobody_reads_the_output() {
    let lab = Lab::with_disk(256, 0);
    let volume = volume(&lab, "ext4");
    let mut agent = Agent::start();
    agent.must_freeze(&volume.device, LONG);
    agent.send(&Command::Uses { path: lab.source.to_str().unwrap().as_bytes().to_vec() });
    assert!(volume.is_frozen());
    agent.hang_up();
    volume.assert_thaws();
}

#[test]
fn a_killed_watchdog_is_noticed_and_the_pass_does_not_count() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    let mut agent = Agent::start();
    agent.must_freeze(&volume.device, LONG);
    assert!(volume.is_frozen());
    agent.kill_watchdog();
    volume.assert_thaws();
    assert!(!agent.thaw(), "it cannot have held");
    // The next one holds again.
    agent.must_freeze(&volume.device, LONG);
    assert!(volume.is_frozen());
    assert!(agent.thaw());
}

#[test]
fn silence_thaws_and_the_pass_does_not_count() {
    let lab = Lab::new();
    let volume = volume(&lab, "xfs");
    let mut agent = Agent::start();
    agent.must_freeze(&volume.device, 2);
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(900));
        agent.send(&Command::Hold);
    }
    assert!(volume.is_frozen(), "it was held");
    std::thread::sleep(Duration::from_secs(2));
    volume.assert_thaws();
    assert!(!agent.thaw());
}

#[test]
fn an_agent_that_hangs_does_not_keep_it_frozen() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    let mut agent = Agent::start();
    agent.must_freeze(&volume.device, 1);
    agent.stop();
    std::thread::sleep(Duration::from_secs(1));
    volume.assert_thaws();
}

#[test]
fn somebody_else_who_thaws_is_noticed() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    let mut agent = Agent::start();
    agent.must_freeze(&volume.device, LONG);
    volume.thaw();
    assert!(!agent.thaw());
}

#[test]
fn a_mount_while_frozen_is_noticed() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    let other = lab.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let mut agent = Agent::start();
    agent.must_freeze(&volume.device, LONG);
    run(&["mount", "--bind", volume.dir.to_str().unwrap(), other.to_str().unwrap()]);
    let held = agent.thaw();
    run(&["umount", other.to_str().unwrap()]);
    assert!(!held);
}

#[test]
fn what_cannot_be_frozen_is_named_and_nothing_stays_frozen() {
    let lab = Lab::new();
    // On a filesystem that can be: it is frozen second, and not at all.
    let outer = volume(&lab, "ext4");
    let inner = Volume::new(&outer.dir, "windows", "ntfs");
    let mut agent = Agent::start();
    let place = inner.dir.display().to_string();
    let expected = Obstacle { kind: ObstacleKind::Unsupported, place, detail: "fuseblk".to_owned() };
    assert_eq!(agent.freeze(&outer.device, LONG), Reply::Obstacle(expected));
    outer.assert_thaws();
    inner.assert_thaws();
    assert!(!agent.thaw(), "nothing was frozen");
    // Mounted read-only, it needs no freezing.
    let place = inner.dir.to_str().unwrap();
    run(&["umount", place]);
    run(&["mount", "-t", "ntfs-3g", "-o", "ro", inner.device.to_str().unwrap(), place]);
    let Reply::Frozen(uses) = agent.freeze(&outer.device, LONG) else { panic!("not frozen") };
    assert_eq!(uses.iter().map(|one| one.way).collect::<Vec<_>>(), [Way::Written, Way::ReadOnly]);
    assert!(agent.thaw());
}

#[test]
fn what_others_froze_is_left_frozen() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    run(&["fsfreeze", "-f", volume.dir.to_str().unwrap()]);
    let mut agent = Agent::start();
    let reply = agent.freeze(&volume.device, LONG);
    assert!(matches!(&reply, Reply::Obstacle(Obstacle { kind: ObstacleKind::FrozenAlready, .. })), "{reply:?}");
    agent.kill();
    assert!(volume.is_frozen(), "it is not ours to thaw");
}

#[test]
fn the_filesystem_of_the_agent_itself_is_refused() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    let copy = volume.dir.join("agent");
    std::fs::copy(agent(), &copy).unwrap();
    let error = block_on(async {
        let mut link = AgentLink::local(&copy).await.unwrap();
        link.freeze(&volume.device, Duration::from_secs(60)).await.unwrap_err()
    });
    let QuiesceError::Obstacle(obstacle) = error else { panic!("{error}") };
    assert_eq!(obstacle.kind, ObstacleKind::OwnFile);
    volume.assert_thaws();
}

#[test]
fn a_disk_that_nobody_uses_needs_no_freezing() {
    let lab = Lab::with_disk(4, 0);
    let mut agent = Agent::start();
    assert_eq!(agent.freeze(&lab.source, LONG), Reply::Frozen(Vec::new()));
    assert!(!agent.thaw(), "nothing was frozen, so nothing was held");
    let missing = lab.path().join("nowhere");
    let reply = agent.freeze(&missing, LONG);
    assert!(matches!(&reply, Reply::Obstacle(Obstacle { kind: ObstacleKind::System, .. })), "{reply:?}");
}

/// A pass over a link that was frozen by its own receiver, over a real sshd.
async fn agent_over(sshd: &Sshd) -> (Session, AgentLink) {
    let session = Session::connect(&sshd.access(), &trust_nothing(), Deadlines::default()).await.unwrap();
    let binary = AgentBinary::find(Some(agent().as_os_str()), &agent()).unwrap();
    let options = StartOptions { loopback: true, agent_on_disk: true };
    let link = replica::start(&session, &binary, options).await.unwrap();
    (session, link)
}

#[test]
fn a_session_that_is_cut_while_frozen_thaws() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    let sshd = Sshd::start();
    block_on(async {
        // The receiver goes away in order.
        let (session, mut link) = agent_over(&sshd).await;
        link.freeze(&volume.device, Duration::from_secs(300)).await.unwrap();
        assert!(volume.is_frozen());
        drop((link, session));
        volume.assert_thaws();
        // The session is killed on the source.
        let (_session, mut link) = agent_over(&sshd).await;
        link.freeze(&volume.device, Duration::from_secs(300)).await.unwrap();
        assert!(volume.is_frozen());
        sshd.signal_servers(rustix::process::Signal::KILL);
        volume.assert_thaws();
        assert!(link.thaw().await.is_err(), "nobody is there to say that it held");
    });
}

#[test]
fn a_source_that_vanishes_from_the_network_is_thawed_in_time() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    let sshd = Sshd::start();
    block_on(async {
        let (_session, mut link) = agent_over(&sshd).await;
        link.freeze(&volume.device, Duration::from_secs(2)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(volume.is_frozen(), "the link says that we are there");
        // The agent is a process of the session, too: only the pipes between stand still.
        sshd.signal_servers(rustix::process::Signal::STOP);
        tokio::time::sleep(Duration::from_secs(2)).await;
        volume.assert_thaws();
    });
}

#[test]
fn a_final_pass_is_the_frozen_content_while_everything_writes() {
    let lab = Lab::new();
    let volume = volume(&lab, "ext4");
    let mut writer = std::process::Command::new("sh")
        .args([
            "-c",
            "i=0; while :; do i=$((i+1)); head -c 70000 /dev/urandom > f.$((i % 50)); sync -d f.$((i % 50)); done",
        ])
        .current_dir(&volume.dir)
        .spawn()
        .unwrap();
    let frozen = lab.path().join("frozen.img");
    let report = block_on(async {
        let mut link = AgentLink::local(&agent()).await.unwrap();
        let with = |map| PassOptions { map, ..crate::support::replica::options() };
        let (live, quiet) = (with(MapWanted::Live), with(MapWanted::Quiet));
        let seeded = replica::pass(&mut link, &lab.replica, &volume.device, &live, &mut |_| {}).await;
        seeded.unwrap();
        link.freeze(&volume.device, Duration::from_secs(60)).await.unwrap();
        let pass = replica::pass(&mut link, &lab.replica, &volume.device, &quiet, &mut |_| {}).await;
        std::fs::copy(&volume.image, &frozen).unwrap();
        assert!(link.thaw().await.unwrap());
        pass.unwrap()
    });
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert!(report.chunks_sent > 0, "nothing was written meanwhile");
    crate::support::frozen::assert_equal_but_skipped(&frozen, &lab.replica);
    run(&["e2fsck", "-f", "-n", lab.replica.image().to_str().unwrap()]);
}
