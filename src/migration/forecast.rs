//! How long the copies take on the tenant's link, before anything is copied.
//!
//! A disk that was measured (`traghetto survey --measure`) is forecast from its map and its sample;
//! one that was not, from the inventory, and then the figure is the most it can be. What changes
//! from day to day is known once a second pass has seen it.

mod changes;
mod evidence;
mod final_sync;
mod offline;

pub use changes::{Changes, Steady};
pub use evidence::{Evidence, Measurement};
pub use final_sync::{FinalSync, Term, TermKind};
pub use offline::{Offline, OfflinePart, OfflineTerm};

use super::plan::Plan;
use crate::journal::event::rome;
use crate::model::project::Project;
use crate::model::server::{Disk, Server, Transfer};
use crate::model::tenant::Tenant;
use crate::model::{DiskId, ServerId, SiteId};
use crate::replica::DiskSample;
use evidence::Pass;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

/// Share of a link's rate that is left for TCP payload at MTU 1500: a shaper at 10 Mbit/s gave
/// 9.565 Mbit/s on the project's machine.
const PAYLOAD_SHARE: f64 = 0.9565;

/// What SSH adds to its payload: 4 bytes of length, 1 of padding length, 4 to 19 of padding, 9 of the channel
/// and 16 of the tag for each packet, and packets are 8 to 32 KiB long.
const SSH_SHARE: f64 = 1.002;

/// Rate in Mbit/s for which bytes are given where nobody knows the link's.
const SLOW: f64 = 10.0;

/// What a disk's bytes are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Its map and a sample of what it holds.
    Measured,
    /// Its whole size: free space is not known yet.
    Size,
    /// Bytes used by its filesystems, where its size is not known.
    Used,
    /// Nobody knows; `traghetto survey` finds out.
    Unknown,
}

/// The first copy of one disk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiskForecast {
    /// Which disk.
    pub disk: DiskId,
    /// Bytes before compression; at most, unless they were measured.
    pub bytes: Option<u64>,
    /// Bytes on the link, without TCP and IP; at most, unless they were measured.
    pub bytes_wire: Option<u64>,
    /// By which share the measured ones may be wrong (two standard errors of the sample).
    pub error: Option<f64>,
    /// What they are taken from.
    pub basis: Basis,
    /// When it was measured.
    #[serde(serialize_with = "maybe_in_rome")]
    pub measured_at: Option<Timestamp>,
    /// Bytes used by its filesystems, if the inventory knows.
    pub used: Option<u64>,
    /// What the measurement found.
    pub sample: Option<DiskSample>,
}

/// The first copy of one server, and its last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerForecast {
    /// Which server.
    pub server: ServerId,
    /// The site whose link carries it.
    pub site: Option<SiteId>,
    /// Its disks.
    pub disks: Vec<DiskForecast>,
    /// Guaranteed rate of its link in Mbit/s, if known.
    pub mcr_mbps: Option<f64>,
    /// Peak rate of its link in Mbit/s, if known.
    pub pcr_mbps: Option<f64>,
    /// Seconds of the first copy at the guaranteed rate.
    pub seed_at_mcr_seconds: Option<u64>,
    /// Seconds of the first copy at the peak rate.
    pub seed_at_pcr_seconds: Option<u64>,
    /// When the first copy runs where the link's calendar of rates is kept, each server after the ones before it.
    pub by_calendar: Option<Span>,
    /// Whether the server is off, booted from a rescue system, while it is copied.
    pub offline_while_copied: bool,
    /// What changes on it from day to day; none before a second pass has seen it.
    pub changes: Option<Changes>,
    /// What stays behind while it is synced again and again at the guaranteed rate; none where nobody can know
    /// or it never catches up.
    pub steady: Option<Steady>,
    /// How long its final sync keeps it out of service.
    pub final_sync: FinalSync,
    /// How long it is out of service in all, by its way.
    pub offline: Offline,
}

/// From when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Its begin.
    #[serde(serialize_with = "in_rome")]
    pub from: Timestamp,
    /// Its end.
    #[serde(serialize_with = "in_rome")]
    pub until: Timestamp,
}

/// What one link carries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkForecast {
    /// Whose link it is.
    pub site: SiteId,
    /// Servers that it carries, in the order in which they move.
    pub servers: Vec<ServerId>,
    /// Bytes of all first copies on it, if all are known.
    pub bytes_wire: Option<u64>,
    /// Seconds of all first copies at the guaranteed rate, if all are known.
    pub seed_at_mcr_seconds: Option<u64>,
    /// Seconds of all first copies at the peak rate, if all are known.
    pub seed_at_pcr_seconds: Option<u64>,
    /// Mbit/s that the known changes need, with headroom; none before a second pass has seen any.
    pub needs_mbps: Option<f64>,
    /// Whether later copies catch up with the changes at the guaranteed rate; none where nobody can know yet.
    pub converges_at_mcr: Option<bool>,
    /// The same at the peak rate.
    pub converges_at_pcr: Option<bool>,
}

/// The first copies of all servers, one after another on each link.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Forecast {
    /// In the order in which they move.
    pub servers: Vec<ServerForecast>,
    /// The links that carry them.
    pub links: Vec<LinkForecast>,
    /// Bytes of all disks whose bytes are known, before compression.
    pub bytes: u64,
    /// Bytes on the links of all disks whose bytes are known.
    pub bytes_wire: u64,
    /// Seconds of all first copies at the guaranteed rate, one after another, if all are known.
    pub seed_at_mcr_seconds: Option<u64>,
    /// Seconds of all first copies at the peak rate, one after another, if all are known.
    pub seed_at_pcr_seconds: Option<u64>,
}

/// What a forecast is made from, beside the inventory's servers.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The project, whose calendar of rates links without one follow.
    pub project: &'a Project,
    /// What the journal knows of the disks.
    pub evidence: &'a Evidence,
    /// The present time.
    pub now: Timestamp,
    /// When the first copies begin.
    pub begin: Timestamp,
}

impl Forecast {
    /// The forecast for the servers of `plan`, in the order in which they move.
    pub fn of(tenant: &Tenant, plan: &Plan, known: &Known<'_>) -> Self {
        let all = tenant.servers.known().map(Vec::as_slice).unwrap_or_default();
        let planned = plan.servers.iter().filter_map(|planned| all.iter().find(|server| server.id == planned.server));
        let mut servers: Vec<ServerForecast> = planned.map(|server| of_server(tenant, server, known)).collect();
        keep_calendar(&mut servers, tenant, known);
        let disks = || servers.iter().flat_map(|server| &server.disks);
        Self {
            bytes: disks().filter_map(|disk| disk.bytes).sum(),
            bytes_wire: disks().filter_map(|disk| disk.bytes_wire).sum(),
            seed_at_mcr_seconds: servers.iter().map(|server| server.seed_at_mcr_seconds).sum(),
            seed_at_pcr_seconds: servers.iter().map(|server| server.seed_at_pcr_seconds).sum(),
            links: links(&servers),
            servers,
        }
    }
}

fn of_server(tenant: &Tenant, server: &Server, known: &Known<'_>) -> ServerForecast {
    let evidence = known.evidence;
    // Of a server that is replaced nothing is copied: no link carries it.
    let replaced = server.transfer == Transfer::Replace;
    let site = tenant.site_of(server).filter(|_| !replaced);
    let copied = if replaced { &[][..] } else { server.disks.as_slice() };
    let mcr_mbps = site.map(|site| f64::from(site.link.mcr_kbps()) / 1000.0);
    let pcr_mbps = site.map(|site| f64::from(site.link.pcr_mbps));
    let disks: Vec<DiskForecast> = copied.iter().map(|disk| of_disk(server, disk, mcr_mbps, evidence)).collect();
    let seed = |mbps: Option<f64>| -> Option<u64> {
        if replaced { Some(0) } else { disks.iter().map(|disk| disk.seed_seconds(mbps?)).sum() }
    };
    let passes = || disks.iter().map(|disk| evidence.passes(&server.id, &disk.disk));
    let changes = Changes::of_all(passes());
    let cold = server.transfer == Transfer::Rescue;
    let read_seconds = disks.iter().zip(passes()).map(|(disk, passes)| disk.read_seconds(passes)).sum();
    // A server that is off while it is copied cannot be synced again and again while it changes.
    let steady = mcr_mbps.filter(|_| !cold).and_then(|mbps| changes.as_ref()?.steady(read_seconds?, mbps));
    let waiting = match (&changes, cold) {
        (Some(changes), true) => last_copy(passes()).map(|last| changes.since(last, known.now)),
        _ => steady.map(|steady| steady.backlog_bytes),
    };
    let final_sync = if replaced { FinalSync::none() } else { FinalSync::of(read_seconds, waiting, mcr_mbps) };
    ServerForecast {
        offline: Offline::of(server, seed(mcr_mbps), &final_sync),
        server: server.id.clone(),
        site: site.map(|site| site.id.clone()),
        seed_at_mcr_seconds: seed(mcr_mbps),
        seed_at_pcr_seconds: seed(pcr_mbps),
        offline_while_copied: cold,
        final_sync,
        by_calendar: None,
        disks,
        mcr_mbps,
        pcr_mbps,
        changes,
        steady,
    }
}

/// Enters when each first copy runs, one at a time on each link. What comes after a copy that nobody can forecast
/// cannot be forecast either.
fn keep_calendar(servers: &mut [ServerForecast], tenant: &Tenant, known: &Known<'_>) {
    for site in tenant.sites.known().into_iter().flatten() {
        let calendar = site.link.calendar(&known.project.shaping);
        let mut free = Some(known.begin);
        for server in servers.iter_mut().filter(|server| server.site.as_ref() == Some(&site.id)) {
            let bytes: Option<u64> = server.disks.iter().map(|disk| disk.bytes_wire).sum();
            let sent =
                free.zip(bytes).and_then(|(from, bytes)| calendar.finish(from, site.link.rates(), on_interface(bytes)));
            // A link may be faster than the source is.
            let at_source: Option<u64> = server.disks.iter().map(|disk| disk.seed_seconds(f64::INFINITY)).sum();
            let packed = free.zip(at_source).and_then(|(from, seconds)| later(from, seconds));
            let until = sent.zip(packed).map(|(sent, packed)| sent.max(packed));
            server.by_calendar = free.zip(until).map(|(from, until)| Span { from, until });
            free = until;
        }
    }
}

/// When the oldest of the disks' last copies ended.
fn last_copy<'a>(disks: impl Iterator<Item = &'a [Pass]>) -> Option<Timestamp> {
    let last: Option<Vec<Timestamp>> = disks.map(|passes| passes.last().map(|pass| pass.ended)).collect();
    last?.into_iter().min()
}

/// A disk's first copy; `mbps` is the rate for which its bytes are given.
fn of_disk(server: &Server, disk: &Disk, mbps: Option<f64>, evidence: &Evidence) -> DiskForecast {
    let (id, used) = (disk.id.clone(), disk.used);
    if let Some((at, measured)) = evidence.measured(&server.id, disk) {
        let sample = measured.sample.clone();
        return DiskForecast {
            disk: id,
            bytes: Some(sample.content()),
            bytes_wire: sample.first_copy(frames_per_second(mbps.unwrap_or(SLOW))).map(|copy| over_ssh(copy.bytes)),
            error: Some(sample.error()),
            basis: Basis::Measured,
            measured_at: Some(*at),
            used,
            sample: Some(sample),
        };
    }
    let (bytes, basis) = match (disk.size, disk.used) {
        (Some(size), _) => (Some(size), Basis::Size),
        (None, Some(used)) => (Some(used), Basis::Used),
        (None, None) => (None, Basis::Unknown),
    };
    DiskForecast { disk: id, bytes, bytes_wire: bytes, error: None, basis, measured_at: None, used, sample: None }
}

/// Bytes of frames as SSH carries them.
fn over_ssh(bytes: u64) -> u64 {
    (bytes as f64 * SSH_SHARE) as u64
}

/// Bytes of TCP payload as an interface counts them.
fn on_interface(bytes: u64) -> u64 {
    (bytes as f64 / PAYLOAD_SHARE) as u64
}

/// Bytes of frames a second that a line of `mbps` carries.
fn frames_per_second(mbps: f64) -> f64 {
    mbps * 1e6 / 8.0 * PAYLOAD_SHARE / SSH_SHARE
}

impl DiskForecast {
    /// Seconds of the first copy at a rate.
    fn seed_seconds(&self, mbps: f64) -> Option<u64> {
        match &self.sample {
            Some(sample) => Some(sample.first_copy(frames_per_second(mbps))?.seconds.ceil() as u64),
            None => Some(line_seconds(self.bytes?, mbps)),
        }
    }

    /// Seconds that it takes to read and hash at the source what is copied of it: at the rate of the sample, or of
    /// the fastest pass, which did more than reading.
    fn read_seconds(&self, passes: &[Pass]) -> Option<f64> {
        let seen = passes.iter().filter(|pass| pass.read > 0 && pass.seconds > 0.0);
        let seen = seen.map(|pass| (pass.read, pass.read as f64 / pass.seconds));
        let (mut copied, mut rate) = seen.fold((None, 0.0_f64), |(_, rate), (read, this)| (Some(read), rate.max(this)));
        if let Some(sample) = &self.sample {
            copied = copied.or(Some(sample.copied));
            rate = rate.max(sample.read_rate().unwrap_or(0.0));
        }
        copied.filter(|_| rate > 0.0).map(|copied| copied as f64 / rate)
    }
}

/// What each link carries, in the order in which its first server moves.
fn links(servers: &[ServerForecast]) -> Vec<LinkForecast> {
    let mut sites: Vec<&SiteId> = Vec::new();
    for site in servers.iter().filter_map(|server| server.site.as_ref()) {
        if !sites.contains(&site) {
            sites.push(site);
        }
    }
    sites.into_iter().map(|site| link(site, servers)).collect()
}

fn link(site: &SiteId, servers: &[ServerForecast]) -> LinkForecast {
    let carried: Vec<&ServerForecast> = servers.iter().filter(|server| server.site.as_ref() == Some(site)).collect();
    let disks = carried.iter().flat_map(|server| &server.disks);
    let known: Vec<&Changes> = carried.iter().filter_map(|server| server.changes.as_ref()).collect();
    let needs_mbps = (!known.is_empty()).then(|| known.iter().map(|changes| changes.needs_mbps()).sum::<f64>());
    let all = known.len() == carried.len();
    let converges = |rate: Option<f64>| match (needs_mbps?, rate?) {
        (needs, rate) if needs > rate => Some(false),
        _ => all.then_some(true),
    };
    LinkForecast {
        site: site.clone(),
        servers: carried.iter().map(|server| server.server.clone()).collect(),
        bytes_wire: disks.map(|disk| disk.bytes_wire).sum(),
        seed_at_mcr_seconds: carried.iter().map(|server| server.seed_at_mcr_seconds).sum(),
        seed_at_pcr_seconds: carried.iter().map(|server| server.seed_at_pcr_seconds).sum(),
        needs_mbps,
        converges_at_mcr: converges(carried.first().and_then(|server| server.mcr_mbps)),
        converges_at_pcr: converges(carried.first().and_then(|server| server.pcr_mbps)),
    }
}

fn later(from: Timestamp, seconds: u64) -> Option<Timestamp> {
    from.checked_add(SignedDuration::from_secs(i64::try_from(seconds).ok()?)).ok()
}

pub(super) fn in_rome<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rome(at))
}

pub(super) fn maybe_in_rome<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.as_ref().map(rome).serialize(serializer)
}

/// Seconds that `bytes` of payload take on a line of `mbps`, with the overhead of TCP and IP.
pub fn line_seconds(bytes: u64, mbps: f64) -> u64 {
    payload_seconds(bytes, mbps * PAYLOAD_SHARE)
}

fn payload_seconds(bytes: u64, mbps: f64) -> u64 {
    (bytes as f64 * 8.0 / (mbps * 1e6)).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The project document's rates, payload only.
    #[test]
    fn hours_at_mcr_and_pcr() {
        let hours =
            |gigabytes: u64, mbps| (payload_seconds(gigabytes * 1_000_000_000, mbps) as f64 / 360.0).round() / 10.0;
        for (gigabytes, mcr, pcr) in [(40, 8.9, 0.9), (120, 26.7, 2.7), (250, 55.6, 5.6), (500, 111.1, 11.1)] {
            assert_eq!((hours(gigabytes, 10.0), hours(gigabytes, 100.0)), (mcr, pcr), "{gigabytes} GB");
        }
    }

    #[test]
    fn overhead_makes_it_longer() {
        assert_eq!(line_seconds(500_000_000_000, 10.0), 418_192);
        assert_eq!(line_seconds(0, 10.0), 0);
    }
}
