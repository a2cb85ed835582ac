//! A copy beside its shaping: once a second looks at the path, decides, and sets the agent's pace.

use super::figures::{Board, Figures};
use crate::journal::Journal;
use crate::migration::record::{Class, Record};
use crate::migration::run::{Progress, Trouble};
use crate::migration::shaping::{Allowance, HoldNews, Holds, Shaper};
use crate::model::DiskId;
use crate::model::project::Project;
use crate::model::server::{Access, Server};
use crate::model::tenant::Tenant;
use crate::network;
use crate::replica::PaceHandle;
use crate::world::probe::path::{self, Sighting};
use crate::world::ssh::Session;
use std::collections::VecDeque;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

/// A look at the path that is not there after so long has seen nobody.
const OVERDUE: Duration = Duration::from_millis(2500);
/// Looks over which the rate is measured.
const MEASURED: usize = 5;
/// Interface bytes to bytes of the connection: 1448 of the 1514 of a full frame are TCP payload.
const FRAME: (u64, u64) = (1514, 1448);

/// What is copied, by whom.
pub(super) struct Subject<'a> {
    pub(super) project: &'a Project,
    pub(super) tenant: &'a Tenant,
    pub(super) journal: &'a Journal,
    pub(super) operator: &'a str,
    pub(super) landing: &'a Path,
    pub(super) server: &'a Server,
    pub(super) disk: &'a DiskId,
}

/// What people see of a copy: the pass says how far it is, the shaping how fast it may be.
pub(super) struct Shown<'a>(Mutex<Latest<'a>>);

struct Latest<'a> {
    progress: &'a mut (dyn FnMut(Progress) + Send),
    last: Progress,
}

impl<'a> Shown<'a> {
    pub(super) fn to(progress: &'a mut (dyn FnMut(Progress) + Send)) -> Self {
        let last = Progress { stage: "waiting", done: 0, total: 0, link: 0, allowance: None };
        Self(Mutex::new(Latest { progress, last }))
    }

    /// The pass went on.
    pub(super) fn pass(&self, progress: Progress) {
        let mut latest = self.lock();
        latest.last = Progress { allowance: latest.last.allowance, ..progress };
        latest.tell();
    }

    /// So much may be sent now. A hold is told as long as it lasts: the pass says nothing then.
    fn allow(&self, allowance: Allowance) -> Progress {
        let mut latest = self.lock();
        let held = latest.last.allowance.is_some_and(|before| before.is_hold());
        latest.last.allowance = Some(allowance);
        if held || allowance.is_hold() {
            latest.tell();
        }
        latest.last
    }

    fn lock(&self) -> MutexGuard<'_, Latest<'a>> {
        // Plain numbers: a thread that panicked left them whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latest<'_> {
    fn tell(&mut self) {
        let last = self.last;
        (self.progress)(last);
    }
}

/// Where allowances come from.
pub(super) enum Guide {
    /// The source is on this host: no link is crossed.
    NoLink(Interval),
    /// A site's link, and what is seen of the way; none where nothing can be seen.
    Link(Box<Shaper>, Option<mpsc::Receiver<Sighting>>),
}

impl Guide {
    /// For a server that is reached by `access`.
    pub(super) async fn of(subject: &Subject<'_>, access: &Access) -> Result<Self, Trouble> {
        let target = first_connection(access).await?;
        if target.is_loopback() {
            let mut seconds = tokio::time::interval(path::EVERY);
            seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            return Ok(Guide::NoLink(seconds));
        }
        let (tenant, server) = (subject.tenant, subject.server);
        let site = tenant.site_of(server).ok_or_else(|| {
            Trouble::new(Class::Failed, format!("the inventory does not say which link {} is behind", server.id))
                .hint("Nothing was copied: how fast a copy may be follows from its link.")
                .hint("Give the site whose `lan` holds the server's address; then give the same command again.")
        })?;
        let hops = network::hops(&site.link, &subject.project.network, tenant.number_of(site).unwrap_or(tenant.number));
        let shaper = Shaper::new(&site.link, hops, site.link.calendar(&subject.project.shaping));
        let sightings = match target {
            IpAddr::V4(target) => Some(path::watch(target).map_err(|error| Trouble::new(Class::Failed, error))?),
            // Our routers and their addresses are of IPv4.
            IpAddr::V6(_) => None,
        };
        Ok(Guide::Link(Box::new(shaper), sightings))
    }

    /// What may be sent, about once a second.
    pub(super) async fn next(&mut self, journal: &Journal) -> Allowance {
        match self {
            Guide::NoLink(seconds) => {
                seconds.tick().await;
                Allowance::NO_LINK
            }
            Guide::Link(shaper, sightings) => {
                let sighting = next_sighting(sightings).await;
                let look: Vec<(Ipv4Addr, Duration)> = sighting.hops.iter().map(|hop| (hop.address, hop.rtt)).collect();
                shaper.next(journal.now(), &look)
            }
        }
    }
}

async fn next_sighting(sightings: &mut Option<mpsc::Receiver<Sighting>>) -> Sighting {
    if let Some(receiver) = sightings {
        match tokio::time::timeout(OVERDUE, receiver.recv()).await {
            Ok(Some(sighting)) => return sighting,
            Ok(None) => *sightings = None,
            Err(_) => return Sighting::default(),
        }
    }
    tokio::time::sleep(path::EVERY).await;
    Sighting::default()
}

/// The address to which the connection that crosses the link is made: of the first jump host, if any.
async fn first_connection(access: &Access) -> Result<IpAddr, Trouble> {
    let mut first = access;
    while let Some(via) = &first.via {
        first = via;
    }
    let Access { host, port, .. } = first;
    let unreachable = |reason: String| {
        Trouble::new(Class::Unreachable, format!("the address of {host} is not known: {reason}"))
            .hint("Nothing was copied and no source was touched.")
            .hint("Look whether the name is right and the name server answers; then give the same command again.")
    };
    let found =
        tokio::net::lookup_host((host.as_str(), *port)).await.map_err(|error| unreachable(error.to_string()))?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses.first().copied().ok_or_else(|| unreachable("it has none".to_owned()))
}

/// How one copy is shaped.
pub(super) struct Shaping<'a> {
    subject: Subject<'a>,
    guide: Guide,
    shown: &'a Shown<'a>,
    board: Board,
    meter: Meter,
    begun: Instant,
    holds: Holds,
}

impl<'a> Shaping<'a> {
    /// Of a copy from a server that is reached by `access`.
    ///
    /// # Errors
    /// The inventory does not say which link the server is behind, or the path cannot be looked at.
    pub(super) async fn of(subject: Subject<'a>, access: &Access, shown: &'a Shown<'a>) -> Result<Self, Trouble> {
        let board = Board::of(subject.landing, subject.tenant);
        let guide = Guide::of(&subject, access).await?;
        let (meter, begun, holds) = (Meter::default(), Instant::now(), Holds::default());
        Ok(Self { subject, guide, shown, board, meter, begun, holds })
    }

    /// Waits until something may be sent at all: not even the agent is pushed before.
    pub(super) async fn until_allowed(&mut self, session: &Session) {
        while self.step(session).await.is_hold() {}
    }

    /// Does `work`, a pass over `session`, at the pace that is allowed from second to second.
    pub(super) async fn beside<T>(&mut self, pace: &PaceHandle, session: &Session, work: impl Future<Output = T>) -> T {
        let mut set = self.shown.lock().last.allowance.map(|allowance| allowance.bits_per_second);
        if let Some(rate) = set {
            pace.set(rate).await;
        }
        tokio::pin!(work);
        loop {
            let stepped = async {
                let rate = self.step(session).await.bits_per_second;
                if set.replace(rate) != Some(rate) {
                    pace.set(rate).await;
                }
            };
            tokio::select! {
                done = &mut work => return done,
                () = stepped => {}
            }
        }
    }

    async fn step(&mut self, session: &Session) -> Allowance {
        let allowance = self.guide.next(self.subject.journal).await;
        self.note(allowance).await;
        let (_, received) = session.bytes();
        self.meter.count(received);
        let progress = self.shown.allow(allowance);
        self.board.write(&self.figures(allowance, progress));
        allowance
    }

    fn figures(&self, allowance: Allowance, progress: Progress) -> Figures {
        Figures {
            process: std::process::id(),
            written_at: self.subject.journal.now(),
            server: self.subject.server.id.clone(),
            disk: self.subject.disk.clone(),
            stage: progress.stage.to_owned(),
            done: progress.done,
            total: progress.total,
            link: progress.link,
            path: allowance.path.word().to_owned(),
            rate_bps: self.meter.rate(),
            allowed_bps: Some(allowance.bits_per_second).filter(|rate| *rate != u64::MAX),
            why: allowance.to_string(),
        }
    }

    /// Journals a hold that lasts, and its end; each once.
    async fn note(&mut self, allowance: Allowance) {
        let Subject { server, disk, .. } = self.subject;
        let (server, disk) = (server.id.clone(), disk.clone());
        let record = match self.holds.see(self.begun.elapsed(), allowance) {
            None => return,
            Some(HoldNews::Held(held)) => Record::CopyHeld { server, disk, why: held.to_string() },
            Some(HoldNews::Resumed(after)) => Record::CopyResumed { server, disk, held_seconds: after.as_secs() },
        };
        self.write(&record).await;
    }

    async fn write(&self, record: &Record) {
        let Subject { journal, tenant, operator, .. } = self.subject;
        let (kind, data) = record.parts();
        // A remark: what cannot be journaled stops the run at its next event.
        if let Err(error) = journal.append(&tenant.id, operator, &kind, data).await {
            tracing::warn!(%error, kind, "a remark on the copy is not journaled");
        }
    }
}

/// Measures the rate of a connection on the interface.
#[derive(Default)]
struct Meter {
    counts: VecDeque<(Instant, u64)>,
}

impl Meter {
    fn count(&mut self, bytes: u64) {
        self.counts.push_back((Instant::now(), bytes));
        if self.counts.len() > MEASURED + 1 {
            self.counts.pop_front();
        }
    }

    /// Bits a second over the last counts.
    fn rate(&self) -> u64 {
        let (Some((begun, before)), Some((ended, after))) = (self.counts.front(), self.counts.back()) else { return 0 };
        let milliseconds = u64::try_from(ended.duration_since(*begun).as_millis()).unwrap_or(u64::MAX);
        let bits = after.saturating_sub(*before).saturating_mul(8 * FRAME.0) / FRAME.1;
        bits.saturating_mul(1000).checked_div(milliseconds).unwrap_or(0)
    }
}
