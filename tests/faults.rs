//! A thousand faults: each is injected into a real pass at a moment drawn by chance, then the same
//! command runs again. Nothing wrong may pass for right, and everything must be right in the end.
//! Needs root (small tmpfs) and e2fsprogs.

mod bench;
mod kinds;
mod relay;
mod runner;
mod torn;

use crate::support::replica::block_on;
use bench::{Bench, Random, Way};
use kinds::{Kind, inject};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use traghetto::replica::MapWanted;

/// What a kill may cost in bytes sent again.
const RESENT: u64 = 8 << 20;

/// Injections run side by side: each waits for processes most of the time.
const SHARDS: u64 = 4;

/// What the injections of a kind came to.
#[derive(Default)]
struct Tally {
    injected: u64,
    noticed: u64,
    undetected: u64,
    unrepaired: u64,
    /// Of each kill, bytes more than a pass without it.
    resent: Vec<u64>,
}

type Tallies = BTreeMap<Kind, Tally>;

impl Tally {
    fn add(&mut self, other: Self) {
        self.injected += other.injected;
        self.noticed += other.noticed;
        self.undetected += other.undetected;
        self.unrepaired += other.unrepaired;
        self.resent.extend(other.resent);
    }
}

/// One fault, and the same command again.
async fn round(kind: Kind, bench: &mut Bench, random: &mut Random, tally: &mut Tally) {
    bench.map = if random.below(4) == 0 { MapWanted::Whole } else { MapWanted::Quiet };
    bench.change(random);
    if random.below(3) == 0 {
        bench.forget();
    }
    let copy = bench.copy_of_replica();
    let (clean, cost) = bench.pass(&copy, Way::new()).await;
    clean.unwrap();
    let (down, frames) = (cost.down.load(Ordering::SeqCst), cost.frames.load(Ordering::SeqCst));

    let injury = inject(kind, bench, random, down, frames).await;
    tally.injected += 1;
    tally.noticed += u64::from(injury.noticed);
    if !injury.noticed && !bench.is_equal() {
        tally.undetected += 1;
        println!("undetected: {kind:?}");
    }
    let (again, more) = bench.pass(&bench.replica, Way::new()).await;
    if let Err(error) = &again {
        println!("{kind:?}: the same command again: {error:?}");
    }
    if again.is_ok() && !bench.is_equal() {
        tally.undetected += 1;
        println!("undetected by the same command again: {kind:?}");
    }
    if again.is_err() || !bench.is_equal() || !bench.holds().await {
        tally.unrepaired += 1;
        println!("unrepaired: {kind:?}");
        bench.forget();
    }
    if kind.is_a_kill() {
        tally.resent.push((injury.bytes + more.bytes()).saturating_sub(cost.bytes()));
    }
}

/// Injects faults of the kinds in turn; kills go to a larger source, where what they cost shows.
fn injections(folder: &Path, kinds: &[Kind], seed: u64) -> Tallies {
    let mut random = Random(seed);
    let mut tallies = Tallies::new();
    block_on(async {
        let mut large = Bench::new(folder, bench::LARGE, &mut random);
        let mut small = Bench::new(folder, bench::SMALL, &mut random);
        for (done, kind) in kinds.iter().enumerate() {
            if done % 50 == 49 {
                println!("seed {seed}: {done} of {} faults", kinds.len());
            }
            let bench = if kind.is_a_kill() { &mut large } else { &mut small };
            round(*kind, bench, &mut random, tallies.entry(*kind).or_default()).await;
        }
    });
    tallies
}

/// Prints what came of the injections, and asserts that nothing wrong passed for right.
#[track_caller]
fn judge(seed: u64, tallies: &Tallies) {
    let mut table = format!(
        "{:<17}{:>9}{:>9}{:>12}{:>12}{:>16}\n",
        "kind", "injected", "noticed", "undetected", "unrepaired", "resent at most"
    );
    for (kind, tally) in tallies {
        let resent =
            tally.resent.iter().max().map_or("-".to_owned(), |most| format!("{:.2} MiB", *most as f64 / 1_048_576.0));
        let kind = format!("{kind:?}");
        table += &format!(
            "{kind:<17}{:>9}{:>9}{:>12}{:>12}{resent:>16}\n",
            tally.injected, tally.noticed, tally.undetected, tally.unrepaired
        );
    }
    let sum = |of: fn(&Tally) -> u64| tallies.values().map(of).sum::<u64>();
    let (injected, undetected, unrepaired) =
        (sum(|tally| tally.injected), sum(|tally| tally.undetected), sum(|tally| tally.unrepaired));
    println!("{table}seed {seed}: {injected} faults, {undetected} undetected, {unrepaired} unrepaired");
    assert_eq!((undetected, unrepaired), (0, 0));
    let most = tallies.values().flat_map(|tally| &tally.resent).max().copied().unwrap_or_default();
    assert!(most <= RESENT, "{most} bytes were sent again for one kill");
}

fn seed(otherwise: u64) -> u64 {
    std::env::var("TRAGHETTO_TEST_SEED").map_or(otherwise, |seed| seed.parse().unwrap())
}

/// Every kind twice, on a real filesystem.
#[test]
fn faults_of_every_kind_are_noticed_and_repaired() {
    let kinds: Vec<Kind> = Kind::SHARES.iter().flat_map(|(kind, _)| [*kind, *kind]).collect();
    let seed = seed(20_221_122);
    judge(seed, &injections(&std::env::temp_dir(), &kinds, seed));
}

/// A thousand, and a few that take the receiver's whole patience. In memory: what a crash loses is
/// simulated, and no disk is worn out.
#[test]
fn proof_thousand_faults() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("a thousand faults are part of `make proof`; two of each kind are injected in every test run");
        return;
    }
    let seed = seed(u64::from(std::process::id()));
    println!("seed {seed}");
    let shared = |shard: u64| {
        let mut kinds: Vec<Kind> = Kind::SHARES.iter().flat_map(|(kind, share)| (0..*share).map(|_| *kind)).collect();
        kinds.push(Kind::NoAnswer);
        injections(Path::new("/dev/shm"), &kinds, seed.wrapping_add(shard))
    };
    let mut tallies = Tallies::new();
    std::thread::scope(|scope| {
        let shards: Vec<_> = (0..SHARDS).map(|shard| scope.spawn(move || shared(shard))).collect();
        for shard in shards {
            shard.join().unwrap().into_iter().for_each(|(kind, tally)| tallies.entry(kind).or_default().add(tally));
        }
    });
    judge(seed, &tallies);
    assert!(tallies.values().map(|tally| tally.injected).sum::<u64>() >= 1000);
}
