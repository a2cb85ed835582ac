//! The lines about a server's copies, on 80 columns.

use crate::cli::quantities::{duration, gigabytes};
use crate::migration::{Copying, ServerStatus};
use crate::untrusted::printable;

/// Characters of a bar.
const BAR: u64 = 30;

/// The lines about the copy at work, where there is one.
pub(super) fn at_work(server: &ServerStatus) -> impl Iterator<Item = String> {
    let copying = &server.copying;
    let lines = copying.live.as_ref().map(|live| {
        let filled = (live.done.min(live.total) * BAR).checked_div(live.total).unwrap_or(0);
        let bar: String = (0..BAR).map(|at| if at < filled { '=' } else { ' ' }).collect();
        let percent = (live.done.saturating_mul(100)).checked_div(live.total).unwrap_or(0);
        let (done, total) = (gigabytes(live.done), gigabytes(live.total));
        [
            format!("  [{bar}] {percent:>3} %  {} {} {done} of {total}", live.disk, live.stage),
            format!("  path {}, {}", live.path, speed(copying)),
            at_rest(copying),
        ]
    });
    lines.into_iter().flatten().map(|line| printable(&line))
}

/// Rate, allowance and its reason.
fn speed(copying: &Copying) -> String {
    let why = copying.why.as_deref().unwrap_or_default();
    let rate = mbps(copying.rate_bps.unwrap_or(0));
    match copying.allowed_bps {
        Some(0) => format!("HELD: {why}"),
        Some(allowed) => format!("{rate} of {} Mbit/s ({why})", mbps(allowed)),
        None => format!("{rate} Mbit/s ({why})"),
    }
}

fn mbps(bits: u64) -> String {
    format!("{:.1}", bits as f64 / 1e6)
}

/// Lag, backlog and what is left of time.
pub(super) fn at_rest(copying: &Copying) -> String {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let lag = or_dash(copying.lag_seconds.map(|seconds| duration(seconds.unsigned_abs())));
    let backlog = or_dash(copying.backlog_bytes.map(gigabytes));
    let now = or_dash(copying.eta_seconds.map(duration));
    let mcr = or_dash(copying.eta_at_mcr_seconds.map(duration));
    format!("  lag {lag}, backlog {backlog}, left {now} at this rate, {mcr} at MCR")
}
