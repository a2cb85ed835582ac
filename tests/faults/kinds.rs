//! The kinds of faults, and what each does to one pass.

use super::bench::{Bench, Random, Way};
use super::relay::{Lie, Meddling};
use super::{runner, torn};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use traghetto::replica::chunk::Hash;
use traghetto::replica::wire::{Chunks, Packing, Reply};
use traghetto::replica::{self, ReplicaError};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    KillRunner,
    KillAgent,
    Abandoned,
    Cut,
    FlipOnTheWire,
    FlipInAHeader,
    FlipInACommand,
    FlipOnTheReplica,
    FlipInALeaf,
    TornWrite,
    FullDisk,
    Duplicated,
    Reordered,
    Lost,
    WrongRoot,
    WrongLeaf,
    WrongData,
    OutsideTheDisk,
    NoAnswer,
}

impl Kind {
    /// How often each is injected in one shard of the thousand; `NoAnswer` takes minutes and comes once.
    pub const SHARES: [(Kind, u64); 18] = [
        (Kind::KillRunner, 36),
        (Kind::KillAgent, 28),
        (Kind::Abandoned, 12),
        (Kind::Cut, 24),
        (Kind::FlipOnTheWire, 28),
        (Kind::FlipInAHeader, 14),
        (Kind::FlipInACommand, 8),
        (Kind::FlipOnTheReplica, 20),
        (Kind::FlipInALeaf, 10),
        (Kind::TornWrite, 30),
        (Kind::FullDisk, 8),
        (Kind::Duplicated, 8),
        (Kind::Reordered, 8),
        (Kind::Lost, 4),
        (Kind::WrongRoot, 4),
        (Kind::WrongLeaf, 4),
        (Kind::WrongData, 4),
        (Kind::OutsideTheDisk, 4),
    ];

    /// Whether it stops work that was under way, so that some of it may be sent again.
    pub fn is_a_kill(self) -> bool {
        matches!(self, Kind::KillRunner | Kind::KillAgent | Kind::Abandoned | Kind::Cut | Kind::TornWrite)
    }
}

/// What a fault did to a pass.
pub struct Injury {
    /// The pass or a verification said that something is wrong.
    pub noticed: bool,
    /// Bytes that passed meanwhile, both directions.
    pub bytes: u64,
}

fn kill(process: u32) {
    if let Some(process) = Pid::from_raw(process as i32) {
        let _ = kill_process(process, Signal::KILL);
    }
}

/// Runs a pass of `clean` bytes from the agent and `frames` frames, and injects a fault into it.
pub async fn inject(kind: Kind, bench: &Bench, random: &mut Random, clean: u64, frames: u64) -> Injury {
    let at = random.below(clean);
    let frame = 2 + random.below(frames.saturating_sub(2));
    match kind {
        Kind::KillRunner => killed_runner(bench, at, None).await,
        Kind::TornWrite => {
            let notes: PathBuf = bench.path().join("notes");
            let injury = killed_runner(bench, at, Some(&notes)).await;
            torn::crash(&notes, random);
            injury
        }
        Kind::KillAgent => {
            let way = Way::new();
            let agent = way.agent();
            passed(bench, way.meddling(Meddling::At(at, Box::new(move || kill(agent))))).await
        }
        Kind::Abandoned => abandoned(bench, at).await,
        Kind::Cut => passed(bench, Way::new().meddling(Meddling::Cut(at))).await,
        Kind::FlipOnTheWire => {
            let bit = random.below(8) as u8;
            passed(bench, Way::new().meddling(Meddling::Flip { byte: at, bit })).await
        }
        Kind::FlipInAHeader => {
            let bit = random.below(64) as u32;
            passed(bench, Way::new().meddling(Meddling::FlipHeader { frame, bit })).await
        }
        Kind::FlipInACommand => passed(bench, Way::new().flipping_up(random.below(100))).await,
        Kind::FlipOnTheReplica => flipped(bench, random, bench.replica.image()).await,
        Kind::FlipInALeaf => flipped(bench, random, bench.replica.leaves()).await,
        Kind::FullDisk => full(bench, random).await,
        Kind::Duplicated => passed(bench, Way::new().meddling(Meddling::Duplicate(frame))).await,
        Kind::Reordered => passed(bench, Way::new().meddling(Meddling::Swap(frame))).await,
        Kind::Lost => lost(bench, random.below(4)).await,
        Kind::WrongRoot | Kind::WrongLeaf | Kind::WrongData | Kind::OutsideTheDisk | Kind::NoAnswer => {
            passed(bench, Way::new().meddling(Meddling::Lie(lie(kind, random.below(4), random.next())))).await
        }
    }
}

async fn passed(bench: &Bench, way: Way) -> Injury {
    let (passed, counters) = bench.pass(&bench.replica, way).await;
    Injury { noticed: passed.is_err(), bytes: counters.bytes() }
}

/// A receiver whose process is killed when `at` bytes have come; `notes` are taken of its writes.
async fn killed_runner(bench: &Bench, at: u64, notes: Option<&std::path::Path>) -> Injury {
    let way = |process| Way::new().meddling(Meddling::At(at, Box::new(move || kill(process))));
    let (ended, counters) = runner::pass(bench, notes, way).await;
    Injury { noticed: !ended, bytes: counters.bytes() }
}

/// A pass that nobody waits for any more, dropped when `at` bytes have come.
async fn abandoned(bench: &Bench, at: u64) -> Injury {
    let (stop, mut stopped) = tokio::sync::mpsc::channel::<()>(1);
    let way = Way::new().meddling(Meddling::At(at, Box::new(move || drop(stop))));
    let (pipe, counters) = way.open();
    let Ok(mut link) = replica::AgentLink::greet(pipe, None, 0).await else {
        return Injury { noticed: true, bytes: counters.bytes() };
    };
    let options = bench.options();
    let passing = async { replica::pass(&mut link, &bench.replica, &bench.source, &options, &mut |_| {}).await };
    let noticed = tokio::select! {
        passed = passing => passed.is_err(),
        _ = stopped.recv() => true,
    };
    Injury { noticed, bytes: counters.bytes() }
}

/// A bit that rots in a file of a complete replica, found by a verification.
async fn flipped(bench: &Bench, random: &mut Random, file: PathBuf) -> Injury {
    let (passed, counters) = bench.pass(&bench.replica, Way::new()).await;
    passed.unwrap();
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let place = random.below(file.metadata().unwrap().len());
    let mut byte = [0];
    file.read_exact_at(&mut byte, place).unwrap();
    byte[0] ^= 1 << random.below(8);
    file.write_all_at(&byte, place).unwrap();
    Injury { noticed: !bench.holds().await, bytes: counters.bytes() }
}

/// A landing place without room for everything, which then gets room. Needs root (a small tmpfs).
async fn full(bench: &Bench, random: &mut Random) -> Injury {
    bench.forget();
    // Of a file of 6 MiB.
    let small = Tmpfs::over(bench, 1 + random.below(3));
    let (passed, counters) = bench.pass(&bench.replica, Way::new()).await;
    assert!(matches!(passed, Err(ReplicaError::Full { .. })), "{passed:?}");
    small.grow();
    let injury = Injury { noticed: true, bytes: counters.bytes() };
    let (passed, _) = bench.pass(&bench.replica, Way::new()).await;
    passed.unwrap();
    assert!(bench.is_equal() && bench.holds().await, "the same command again, with room");
    injury
}

/// A tmpfs of a few MiB over the replica's folder.
struct Tmpfs(String);

impl Tmpfs {
    fn over(bench: &Bench, mib: u64) -> Self {
        std::fs::create_dir_all(bench.replica.dir()).unwrap();
        let folder = bench.replica.dir().to_str().unwrap().to_owned();
        crate::support::replica::run(&["mount", "-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs", &folder]);
        Self(folder)
    }

    fn grow(&self) {
        crate::support::replica::run(&["mount", "-o", "remount,size=200m", &self.0]);
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        crate::support::replica::run(&["umount", &self.0]);
    }
}

/// Chunks that were sent and never come.
async fn lost(bench: &Bench, which: u64) -> Injury {
    let mut left = which;
    let lose: Lie = Box::new(move |reply| match reply {
        Reply::Chunks(_) if left == 0 => {
            left = u64::MAX;
            Vec::new()
        }
        reply => {
            left = left.saturating_sub(u64::from(matches!(reply, Reply::Chunks(_))));
            vec![reply]
        }
    });
    passed(bench, Way::new().meddling(Meddling::Lie(lose))).await
}

/// A lie of the agent, from its `skip`th chance on.
fn lie(kind: Kind, skip: u64, twist: u64) -> Lie {
    let mut left = skip;
    Box::new(move |mut reply| {
        if kind == Kind::WrongRoot {
            if let Reply::Root { root, .. } = &mut reply {
                root.0[twist as usize % Hash::LEN] ^= 1;
            }
            return vec![reply];
        }
        if kind == Kind::NoAnswer {
            return if matches!(reply, Reply::Read) { Vec::new() } else { vec![reply] };
        }
        if let Reply::Chunks(chunks) = &mut reply {
            if left == 0 {
                spoil(kind, chunks, twist);
            }
            left = left.saturating_sub(1);
        }
        vec![reply]
    })
}

fn spoil(kind: Kind, chunks: &mut Chunks, twist: u64) {
    match kind {
        Kind::WrongLeaf if !chunks.leaves.is_empty() => {
            let which = twist as usize % chunks.leaves.len();
            chunks.leaves[which].0[0] ^= 1;
        }
        // Content that unpacks and is another than its leaf says.
        Kind::WrongData if !chunks.content.is_empty() => {
            let length = chunks.unpacked();
            let mut content = match chunks.packing {
                Packing::Raw => chunks.content.clone(),
                Packing::Zstd => zstd::bulk::decompress(&chunks.content, length).unwrap(),
            };
            content[twist as usize % length] ^= 1;
            (chunks.packing, chunks.content) = (Packing::Raw, content);
        }
        Kind::OutsideTheDisk => {
            if let Some(run) = chunks.runs.last_mut() {
                run.range.first = [u64::MAX, 1 << 40, 224, run.range.first + 1][twist as usize % 4];
            }
        }
        _ => {}
    }
}
