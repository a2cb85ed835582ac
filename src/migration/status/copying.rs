//! How a server's copies stand: how old, how much is left, over which line, how fast, how long.
//!
//! What is copied at this moment is told by the live figures of the process that copies; the rest by
//! the journal and by what is on the landing host.

use super::{DiskLine, Inputs};
use crate::migration::forecast::line_seconds;
use crate::migration::live::Figures;
use crate::migration::plan::Step;
use crate::migration::playbook::Action;
use crate::migration::state::{RunState, StepState};
use crate::model::{DiskId, ServerId};
use crate::replica::CHUNK;
use jiff::Timestamp;
use serde::Serialize;

/// Content from which on it shows how well it packs.
const TELLING: u64 = 16 << 20;

/// How the copies of a server stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Copying {
    /// Seconds since its oldest complete copy.
    pub lag_seconds: Option<i64>,
    /// Bytes of content that remain of the first copy, or of the sync at work; none where nobody can know.
    pub backlog_bytes: Option<u64>,
    /// The line that carries the copy at work: `primary`, `backup` or `unknown`.
    pub path: Option<String>,
    /// Bits a second on the link: of the copy at work, over the last seconds, or of the last copy.
    pub rate_bps: Option<u64>,
    /// Bits a second that the copy at work may use; 0 while it is held, none without a limit.
    pub allowed_bps: Option<u64>,
    /// Why so much, in words.
    pub why: Option<String>,
    /// Seconds that the backlog takes at that rate; none while it is held.
    pub eta_seconds: Option<u64>,
    /// Seconds that the backlog takes at the guaranteed rate.
    pub eta_at_mcr_seconds: Option<u64>,
    /// The figures of the copy at work, for people.
    #[serde(skip)]
    pub live: Option<Figures>,
}

impl Copying {
    /// Of the server `id` with its `steps` and `disks`.
    pub(super) fn of(inputs: &Inputs<'_>, id: &ServerId, steps: &[&Step], replica: &[DiskLine]) -> Self {
        let live = inputs.live.filter(|live| live.server == *id);
        let forecast = inputs.forecast.servers.iter().find(|server| server.server == *id);
        let mcr = forecast.and_then(|server| server.mcr_mbps);
        let backlog_bytes = backlog(inputs, id, replica, live);
        let rate_bps = live.map(|live| live.rate_bps).or_else(|| rate(inputs.state, steps));
        let held = live.is_some_and(|live| live.allowed_bps == Some(0));
        let on_the_link = backlog_bytes.map(|bytes| packed(bytes, live));
        let seconds = |mbps: f64| (mbps > 0.0).then(|| on_the_link.map(|bytes| line_seconds(bytes, mbps))).flatten();
        Self {
            lag_seconds: lag(inputs, steps, replica),
            backlog_bytes,
            path: live.map(|live| live.path.clone()),
            rate_bps,
            allowed_bps: live.and_then(|live| live.allowed_bps),
            why: live.map(|live| live.why.clone()),
            eta_seconds: rate_bps.filter(|_| !held).and_then(|rate| seconds(rate as f64 / 1e6)),
            eta_at_mcr_seconds: mcr.and_then(seconds),
            live: live.cloned(),
        }
    }
}

/// What `bytes` of content take on the link, if the rest packs as well as what the copy at work has sent.
fn packed(bytes: u64, live: Option<&Figures>) -> u64 {
    match live.filter(|live| live.done >= TELLING) {
        Some(live) => (bytes as f64 * live.link as f64 / live.done as f64) as u64,
        None => bytes,
    }
}

/// What remains: of first copies until they are complete, and of the copy at work.
fn backlog(inputs: &Inputs<'_>, server: &ServerId, replica: &[DiskLine], live: Option<&Figures>) -> Option<u64> {
    let forecast = inputs.forecast.servers.iter().find(|candidate| candidate.server == *server)?;
    let remains = |line: &DiskLine| {
        if let Some(live) = live.filter(|live| live.disk == line.disk && live.moves()) {
            return Some(live.total.saturating_sub(live.done));
        }
        match line.chunks_total {
            Some(total) if line.chunks_done < total => Some((total - line.chunks_done) * CHUNK as u64),
            Some(_) => None,
            None => forecast.disks.iter().find(|disk| disk.disk == line.disk).and_then(|disk| disk.bytes),
        }
    };
    let some: Vec<u64> = replica.iter().filter_map(remains).collect();
    (!some.is_empty()).then(|| some.iter().sum())
}

fn copies<'a>(
    state: &'a RunState,
    steps: &'a [&Step],
) -> impl Iterator<Item = (&'a Step, Timestamp, &'a serde_json::Value)> {
    steps.iter().filter_map(|step| match (&step.action, state.step(&step.id)) {
        (Action::Seed | Action::Sync | Action::FinalSync, StepState::Done { at, facts, .. }) => {
            Some((*step, *at, facts))
        }
        _ => None,
    })
}

/// Seconds since the oldest of the disks' last copies; none before all have one.
fn lag(inputs: &Inputs<'_>, steps: &[&Step], replica: &[DiskLine]) -> Option<i64> {
    let last = |disk: &DiskId| {
        let mine = copies(inputs.state, steps).filter(|(step, _, _)| step.disk.as_ref() == Some(disk));
        mine.map(|(_, at, _)| at).max()
    };
    let oldest = replica.iter().map(|line| last(&line.disk)).collect::<Option<Vec<_>>>()?.into_iter().min()?;
    Some(inputs.now.duration_since(oldest).as_secs())
}

fn rate(state: &RunState, steps: &[&Step]) -> Option<u64> {
    let (_, _, facts) = copies(state, steps).max_by_key(|(_, at, _)| *at)?;
    let (bytes, seconds) = (facts["bytes_wire"].as_f64()?, facts["duration"].as_f64()?);
    (seconds > 0.0).then(|| (bytes * 8.0 / seconds) as u64)
}
