//! A receiver in a process of its own, which can be killed, over a relay in this one.

use super::bench::{Bench, Way};
use super::relay::Counters;
use super::torn;
use crate::support::replica::{block_on, options};
use std::path::{Path, PathBuf};
use traghetto::replica::{self, AgentLink, DiskReplica, MapWanted, PassOptions};
use traghetto::world::Pipe;

/// The environment variable by which the process below knows what to do.
const FOLDER: &str = "TRAGHETTO_TEST_FAULTS";
const MAP: &str = "TRAGHETTO_TEST_MAP";
/// Where writes are noted that are not durable yet.
const NOTES: &str = "TRAGHETTO_TEST_TORN";

/// Not a test by itself: the process that the tests kill.
#[test]
fn child_that_receives() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    if let Some(notes) = std::env::var_os(NOTES) {
        torn::note_writes(Path::new(&notes));
    }
    let map = if std::env::var_os(MAP).is_some() { MapWanted::Quiet } else { MapWanted::Whole };
    let replica = DiskReplica::new(&folder.join("replica"), &"disk0".parse().unwrap());
    block_on(async {
        let stream = tokio::net::UnixStream::connect(folder.join("agent.sock")).await.unwrap();
        let (output, input) = stream.into_split();
        let (errors, exit) = (Box::new(tokio::io::empty()), Box::pin(async { Ok(255) }));
        let pipe = Pipe { input: Box::new(input), output: Box::new(output), errors, exit };
        let mut link = AgentLink::greet(pipe, None, 0).await.unwrap();
        let options = PassOptions { map, ..options() };
        replica::pass(&mut link, &replica, &folder.join("source.img"), &options, &mut |_| {}).await.unwrap();
    });
}

/// A pass in a process of its own; the relay's meddling is given its process id to kill.
pub async fn pass(bench: &Bench, notes: Option<&Path>, way: impl FnOnce(u32) -> Way) -> (bool, Counters) {
    let socket = bench.path().join("agent.sock");
    let _ = std::fs::remove_file(&socket);
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["faults::runner::child_that_receives", "--exact", "--quiet"]).env(FOLDER, bench.path());
    if bench.map == MapWanted::Quiet {
        command.env(MAP, "quiet");
    }
    if let Some(notes) = notes {
        command.env(NOTES, notes);
    }
    let output = (std::process::Stdio::null(), std::process::Stdio::null());
    let mut child = command.stdout(output.0).stderr(output.1).kill_on_drop(true).spawn().unwrap();
    let counters = Counters::default();
    let way = way(child.id().unwrap());
    let (stream, _) = listener.accept().await.unwrap();
    let (from, to) = stream.into_split();
    let relay = tokio::spawn(way.relay(from, to, counters.clone()));
    let ended = child.wait().await.unwrap().success();
    relay.await.unwrap();
    (ended, counters)
}
