//! How fast a source changes, and whether the copies keep up with it. Pure.

use super::PAYLOAD_SHARE;
use super::evidence::Pass;
use jiff::Timestamp;
use serde::Serialize;

/// Changes may take this share less than the link carries, or a busy day is never caught up with.
const HEADROOM: f64 = 1.2;

/// How fast a server's disks change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    /// Bytes a second, before compression.
    pub bytes_per_second: u64,
    /// Bytes a second on the link, as its passes packed them.
    pub bytes_wire_per_second: u64,
    /// Over how many seconds they were seen; of several disks, the shortest.
    pub seen_seconds: u64,
}

/// What a server that is synced again and again keeps behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Steady {
    /// Seconds of one sync: the source is read, and what changed since the one before is sent.
    pub cycle_seconds: u64,
    /// Bytes on the link that wait at its end.
    pub backlog_bytes: u64,
}

impl Changes {
    /// The changes of all disks of a server, if a second pass has seen each.
    pub(super) fn of_all<'a>(disks: impl Iterator<Item = &'a [Pass]>) -> Option<Self> {
        let each: Vec<Self> = disks.map(Self::of).collect::<Option<_>>()?;
        let seen_seconds = each.iter().map(|one| one.seen_seconds).min()?;
        Some(Self {
            bytes_per_second: each.iter().map(|one| one.bytes_per_second).sum(),
            bytes_wire_per_second: each.iter().map(|one| one.bytes_wire_per_second).sum(),
            seen_seconds,
        })
    }

    /// What the second and later passes sent, over the time between what they and the ones before them read: on
    /// average a pass reads in its middle.
    fn of(passes: &[Pass]) -> Option<Self> {
        let (first, later) = passes.split_first()?;
        let seconds = (middle(later.last()?) - middle(first)).max(1.0);
        let rate = |bytes: fn(&Pass) -> u64| (later.iter().map(bytes).sum::<u64>() as f64 / seconds).ceil() as u64;
        Some(Self {
            bytes_per_second: rate(|pass| pass.sent),
            bytes_wire_per_second: rate(|pass| pass.wire),
            seen_seconds: seconds as u64,
        })
    }

    /// Bytes on the link that change from `then` to `now`.
    pub(super) fn since(&self, then: Timestamp, now: Timestamp) -> u64 {
        let seconds = u64::try_from(now.duration_since(then).as_secs()).unwrap_or(0);
        self.bytes_wire_per_second.saturating_mul(seconds)
    }

    /// Mbit/s of a link that keeps up with them, headroom included.
    pub fn needs_mbps(&self) -> f64 {
        self.bytes_wire_per_second as f64 * 8.0 / 1e6 / PAYLOAD_SHARE * HEADROOM
    }

    /// What stays behind on a link of `mbps` where each sync first reads the source for `read_seconds`; none where
    /// it never catches up.
    ///
    /// A sync of `t` seconds finds what changed in the `t` seconds before: `t = read + changes * t / rate`.
    pub(super) fn steady(&self, read_seconds: f64, mbps: f64) -> Option<Steady> {
        if self.needs_mbps() > mbps {
            return None;
        }
        let share = self.bytes_wire_per_second as f64 * 8.0 / (mbps * PAYLOAD_SHARE * 1e6);
        let cycle = read_seconds.max(1.0) / (1.0 - share);
        let backlog_bytes = (self.bytes_wire_per_second as f64 * cycle) as u64;
        Some(Steady { cycle_seconds: cycle.ceil() as u64, backlog_bytes })
    }
}

/// The middle of a pass in seconds of the epoch.
fn middle(pass: &Pass) -> f64 {
    (pass.begun.as_millisecond() as f64 + pass.ended.as_millisecond() as f64) / 2000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(from: i64, to: i64, sent: u64, wire: u64) -> Pass {
        let at = |second| Timestamp::from_second(second).unwrap();
        Pass { begun: at(from), ended: at(to), sent, wire, read: 0, seconds: 0.0 }
    }

    #[test]
    fn one_pass_says_nothing_of_changes() {
        assert_eq!(Changes::of(&[]), None);
        assert_eq!(Changes::of(&[pass(0, 3600, 1 << 30, 1 << 29)]), None);
    }

    #[test]
    fn the_time_between_is_counted_from_middle_to_middle() {
        let passes = [pass(0, 8000, 1 << 30, 1 << 29), pass(8000, 8400, 420_000, 42_000)];
        let changes = Changes::of(&passes).unwrap();
        let wanted = Changes { bytes_per_second: 100, bytes_wire_per_second: 10, seen_seconds: 4200 };
        assert_eq!(changes, wanted);
    }

    #[test]
    fn every_disk_must_have_been_seen_twice() {
        let seen = [pass(0, 0, 0, 0), pass(100, 100, 1000, 500)];
        let one = Changes::of_all([&seen[..], &seen[..]].into_iter()).unwrap();
        assert_eq!((one.bytes_per_second, one.bytes_wire_per_second), (20, 10));
        assert_eq!(Changes::of_all([&seen[..], &seen[..1]].into_iter()), None);
    }

    /// The backlog is a fixed point: sending it takes just the time in which as much changes.
    #[test]
    fn what_waits_is_what_changes_during_one_sync() {
        let changes = Changes { bytes_per_second: 0, bytes_wire_per_second: 500_000, seen_seconds: 60 };
        let steady = changes.steady(600.0, 10.0).unwrap();
        let sending = steady.backlog_bytes as f64 * 8.0 / (10e6 * PAYLOAD_SHARE);
        assert!((steady.cycle_seconds as f64 - 600.0 - sending).abs() < 2.0, "{steady:?}");
    }

    #[test]
    fn too_many_changes_are_never_caught_up_with() {
        // 10 Mbit/s carry 1.196 MB/s; with a fifth of headroom 0.996 MB/s may change.
        let at = |rate| Changes { bytes_per_second: rate, bytes_wire_per_second: rate, seen_seconds: 60 };
        assert!(at(990_000).steady(10.0, 10.0).is_some());
        assert_eq!(at(1_000_000).steady(10.0, 10.0), None);
        assert!(at(1_000_000).needs_mbps() > 10.0);
    }
}
