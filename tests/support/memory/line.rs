//! The tenant's line in the in-memory world: what carries a copy is seen and judged as the engine does, look by
//! look on the clock of the test; a copy is acknowledged part by part.

use super::{Memory, World, cinto};
use jiff::{SignedDuration, Timestamp};
use std::net::Ipv4Addr;
use std::time::Duration;
use traghetto::journal::{Event, Journal};
use traghetto::migration::{
    Allowance, Figures, HoldNews, Holds, LteWatch, Observer, Progress, Record, Shaper, Step, Why,
};
use traghetto::model::{DiskId, Inventory, ServerId};
use traghetto::network;

/// What changed on a disk since its last copy.
const BYTES: u64 = 2_000_000_000;
/// Parts of a copy, each acknowledged by itself.
const PARTS: u64 = 100;
/// Seconds after which a hold is worth a line.
const HICCUP: i64 = 5;

/// What people are told of the line.
#[derive(Clone)]
pub struct Line {
    shaper: Shaper,
    primary: Ipv4Addr,
    backup: Ipv4Addr,
    /// Whether the LTE backup carries.
    pub on_lte: bool,
    /// The part of the copy of a server at which LTE takes over.
    pub falls_at: Option<(&'static str, u64)>,
    /// The part at which the operations host is lost.
    pub host_lost_at: Option<(&'static str, u64)>,
}

impl Line {
    /// Of the site whose servers move.
    pub fn of(inventory: &Inventory) -> Self {
        let (project, tenant) = (&inventory.project, &inventory.tenants[&cinto()]);
        let site = &tenant.sites.known().unwrap()[0];
        let hops = network::hops(&site.link, &project.network, tenant.number);
        let (primary, backup) = (hops.primary[0], hops.backup[0]);
        let shaper = Shaper::new(&site.link, hops, site.link.calendar(&project.shaping));
        Self { shaper, primary, backup, on_lte: false, falls_at: None, host_lost_at: None }
    }

    fn look(&mut self, now: Timestamp) -> Allowance {
        let (router, rtt) = if self.on_lte { (self.backup, 60) } else { (self.primary, 9) };
        self.shaper.next(now, &[(router, Duration::from_millis(rtt))])
    }
}

/// What one look says of a copy.
struct Looked {
    allowance: Allowance,
    now: Timestamp,
    done: u64,
}

impl Memory {
    /// The way of a copy that takes `seconds` over the line; parts that are safe are not sent again.
    pub(super) async fn carry(
        &self,
        server: &ServerId,
        disk: &DiskId,
        seconds: i64,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) {
        let (begun, mut holds, mut told) = (self.with(|world| world.now()), Holds::default(), false);
        loop {
            let Looked { allowance, now, done } = self.with(|world| world.looks_at_line(server, disk));
            let since = Duration::from_secs(now.duration_since(begun).as_secs().unsigned_abs());
            let news = holds.see(since, allowance);
            self.remark(server, disk, news).await;
            told = allowance.is_hold() && (told || news.is_some());
            let (bytes, link) = (BYTES / PARTS * done, BYTES / PARTS * done / 2);
            progress(Progress { stage: "syncing", done: bytes, total: BYTES, link, allowance: Some(allowance) });
            if self.with(|world| world.host_is_lost(server, done)) {
                std::future::pending::<()>().await;
            }
            match (allowance.is_hold(), told) {
                // It goes on looking until it is more than a hiccup; then the clock is the test's.
                (true, false) => self.with(|world| world.pass(HICCUP)),
                (true, true) => {
                    self.with(|world| world.held = true);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                (false, _) if done == PARTS => break,
                (false, _) => self.with(|world| {
                    world.held = false;
                    let part = i64::try_from(done).unwrap();
                    world.pass(seconds * (part + 1) / 100 - seconds * part / 100);
                    *world.safe.entry(server.to_string()).or_default() += 1;
                    *world.sent.entry(server.to_string()).or_default() += 1;
                }),
            }
        }
        self.with(|world| {
            world.safe.remove(server.as_str());
            world.figures = None;
        });
    }

    async fn remark(&self, server: &ServerId, disk: &DiskId, news: Option<HoldNews>) {
        let (server, disk) = (server.clone(), disk.clone());
        let record = match news {
            None => return,
            Some(HoldNews::Held(held)) => Record::CopyHeld { server, disk, why: held.to_string() },
            Some(HoldNews::Resumed(after)) => Record::CopyResumed { server, disk, held_seconds: after.as_secs() },
        };
        let (kind, data) = record.parts();
        let journal: &Journal = self.journal.as_ref().unwrap();
        journal.append(&cinto(), "anna-veneto", &kind, data).await.unwrap();
    }
}

fn name(server: &ServerId) -> &'static str {
    super::SERVERS.into_iter().find(|known| *known == server.as_str()).unwrap()
}

impl World {
    pub fn now(&self) -> Timestamp {
        *self.clock.as_ref().unwrap().lock().unwrap()
    }

    fn pass(&self, seconds: i64) {
        *self.clock.as_ref().unwrap().lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    /// Whether the host is lost with this part.
    fn host_is_lost(&mut self, server: &ServerId, done: u64) -> bool {
        let line = self.line.as_mut().unwrap();
        self.lost |= line.host_lost_at.take_if(|at| *at == (name(server), done)).is_some();
        self.lost
    }

    fn looks_at_line(&mut self, server: &ServerId, disk: &DiskId) -> Looked {
        let (now, done) = (self.now(), self.safe.get(server.as_str()).copied().unwrap_or_default());
        let line = self.line.as_mut().unwrap();
        if line.falls_at == Some((name(server), done)) {
            (line.on_lte, line.falls_at) = (true, None);
        }
        let allowance = line.look(now);
        self.figures = Some(Figures {
            process: std::process::id(),
            written_at: now,
            server: server.clone(),
            disk: disk.clone(),
            stage: "syncing".into(),
            done: BYTES / PARTS * done,
            total: BYTES,
            link: BYTES / PARTS * done / 2,
            path: allowance.path.word().into(),
            rate_bps: allowance.bits_per_second,
            allowed_bps: Some(allowance.bits_per_second),
            why: allowance.to_string(),
        });
        Looked { allowance, now, done }
    }
}

/// Who watches a run as the command line does: that LTE carries is told once.
pub struct Watching {
    pub memory: Memory,
    pub lte: LteWatch,
}

impl Observer for Watching {
    fn event(&mut self, _: &Event) {}

    fn progress(&mut self, step: &Step, progress: Progress) {
        if self.lte.begins(progress.allowance) {
            assert_eq!(progress.allowance.map(|allowance| allowance.why), Some(Why::Lte));
            let server = step.server.clone().unwrap();
            self.memory.with(|world| world.lte_seen.push((server, world.now())));
        }
    }
}
