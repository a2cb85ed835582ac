//! What became of bundles, from the journal: each result is taken over once, in time, and from the
//! right machine. Pure.

use super::{BundleError, Head};
use crate::checklist::item::Phase;
use crate::checklist::record::RunRecord;
use crate::journal::Event;
use crate::model::ServerId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A bundle that was made: the data of an event [`Bundled::KIND`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundled {
    /// The heading word, which names the bundle.
    pub nonce: String,
    /// The phase.
    pub phase: Phase,
    /// The server.
    pub server: ServerId,
    /// SHA-256 of the script, as its result repeats it.
    pub script: String,
    /// Until when its result is taken over.
    pub expires: Timestamp,
}

impl Bundled {
    /// The kind of its event in the journal.
    pub const KIND: &'static str = "checklist.bundled";
    /// For how long a bundle counts.
    pub const VALID: SignedDuration = SignedDuration::from_hours(30 * 24);
}

/// A result that was taken over: the data of an event [`Imported::KIND`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Of which bundle.
    pub nonce: String,
    /// The phase.
    pub phase: Phase,
    /// The server.
    pub server: ServerId,
    /// The name of the computer.
    pub host: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// What its maker numbered it with.
    pub serials: Vec<String>,
    /// When the script ran, by the host's clock.
    pub time: Timestamp,
    /// SHA-256 of the file as it came.
    pub sha256: String,
    /// The blob that keeps it, without secrets.
    pub blob: String,
}

impl Imported {
    /// The kind of its event in the journal.
    pub const KIND: &'static str = "checklist.imported";
}

/// How far a host's clock may be off.
const CLOCK: SignedDuration = SignedDuration::from_mins(10);

/// Whether a result may be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is new.
    New,
    /// It was taken over, and the run that should follow was never written: a kill came between.
    Unfinished,
}

/// Whether the result with `head`, of which the file has `sha256`, may be taken over at `now`.
///
/// # Errors
/// Its bundle is unknown, used or expired; its time is none that can be; or it is of the source although
/// it should be of the copy.
pub fn admitted(head: &Head, events: &[Event], now: Timestamp, sha256: &str) -> Result<Admission, BundleError> {
    let of = |kind: &'static str| events.iter().filter(move |event| event.kind == kind);
    let bundled = of(Bundled::KIND).find_map(|event| {
        let bundled = Bundled::deserialize(&event.data).ok()?;
        let at: Timestamp = event.time.parse().ok()?;
        (bundled.nonce == head.nonce).then_some((bundled, at))
    });
    let (bundled, made) = bundled.ok_or(BundleError::Unknown)?;
    let own = (bundled.phase, bundled.server.as_str(), bundled.script.as_str());
    if own != (head.phase, head.server.as_str(), head.digest.as_str()) {
        return Err(BundleError::OtherScript);
    }
    let imported = of(Imported::KIND).find_map(|event| {
        let imported = Imported::deserialize(&event.data).ok()?;
        (imported.nonce == head.nonce).then_some((imported, event))
    });
    if let Some((imported, event)) = imported {
        let finished = of(RunRecord::KIND).any(|run| run.seq > event.seq && is_run_of(run, head));
        if finished || imported.sha256 != sha256 {
            return Err(BundleError::Used { time: event.time.clone() });
        }
        return Ok(Admission::Unfinished);
    }
    if now > bundled.expires {
        return Err(BundleError::Expired { until: bundled.expires });
    }
    let time = head.time;
    if made.duration_since(time) > CLOCK {
        return Err(BundleError::Clock { time, other: made, what: "before the bundle was made" });
    }
    if time.duration_since(now) > CLOCK {
        return Err(BundleError::Clock { time, other: now, what: "in the future: here it is" });
    }
    is_the_copy(head, events)?;
    Ok(Admission::New)
}

fn is_run_of(run: &Event, head: &Head) -> bool {
    run.data["phase"] == head.phase.word() && run.data["server"] == head.server.as_str()
}

/// A phase of the copies is not asked of the machine of origin, where its numbers were recorded: a copy
/// has its name and its address, but not its hardware.
fn is_the_copy(head: &Head, events: &[Event]) -> Result<(), BundleError> {
    if !head.phase.is_of_copies() {
        return Ok(());
    }
    let recorded = events.iter().flat_map(|event| recorded(event, &head.server));
    match recorded.into_iter().find(|serial| head.serials.contains(serial)) {
        Some(serial) => Err(BundleError::Source { name: head.host.clone(), serial }),
        None => Ok(()),
    }
}

/// What an event of the source phase recorded of the hardware of a server.
fn recorded(event: &Event, server: &str) -> Vec<String> {
    let source = event.data["phase"] == Phase::Source.word();
    match event.kind.as_str() {
        Imported::KIND if source && event.data["server"] == server => {
            let serials = event.data["serials"].as_array().into_iter().flatten();
            serials.filter_map(|serial| serial.as_str()).map(str::to_owned).collect()
        }
        RunRecord::KIND if source => {
            let findings = event.data["findings"].as_array().into_iter().flatten();
            let own = findings.filter(|finding| finding["scope"] == "server" && finding["of"] == server);
            let lines = own.flat_map(|finding| finding["raw"].as_str().unwrap_or_default().lines());
            let named = |line: &str| {
                let names = ["product_uuid ", "product_serial ", "board_serial "];
                serial(names.iter().find_map(|name| line.trim().strip_prefix(name))?)
            };
            lines.filter_map(named).collect()
        }
        _ => Vec::new(),
    }
}

/// The number of a machine in one form; none where its maker wrote something that many have.
pub(super) fn serial(text: &str) -> Option<String> {
    const FILLED: [&str; 9] =
        ["o.e.m", "oem", "default", "not ", "serial", "none", "unknown", "0123456789", "123456789"];
    let text = text.trim().to_ascii_lowercase();
    let letters: std::collections::BTreeSet<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let told = letters.len() > 2 && !FILLED.iter().any(|filled| text.contains(filled));
    told.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NONCE: &str = "0a0b";

    fn event(seq: u64, kind: &str, time: &str, data: Value) -> Event {
        let (time, kind) = (time.to_owned(), kind.to_owned());
        let (tenant, operator) = ("cinto-caomaggiore".to_owned(), "anna-veneto".to_owned());
        Event { seq, time, tenant, operator, kind, data, prev: String::new(), signature: None }
    }

    fn bundled() -> Event {
        let data = json!({"nonce": NONCE, "phase": "landing", "server": "srv-1", "script": "0c",
            "expires": "2026-12-30T10:00:00Z"});
        event(1, Bundled::KIND, "2026-11-30T10:00:00Z", data)
    }

    fn imported(seq: u64, phase: &str, sha256: &str) -> Event {
        let data = json!({"nonce": NONCE, "phase": phase, "server": "srv-1", "host": "SRV", "addresses": [],
            "serials": ["4c4c-1"], "time": "2026-11-30T11:00:00Z", "sha256": sha256, "blob": ""});
        event(seq, Imported::KIND, "2026-11-30T11:00:00Z", data)
    }

    fn head(time: &str, serials: &[&str]) -> Head {
        let serials: String = serials.iter().map(|serial| format!("serial {serial}\n")).collect();
        let text = format!(
            "traghetto-bundle 1\nfor landing cinto-caomaggiore srv-1\nnonce {NONCE}\nscript 0c\nhost SRV\n{serials}time {time}\n"
        );
        Head::read(text.as_bytes()).unwrap()
    }

    fn ask(head: &Head, events: &[Event], now: &str) -> Result<Admission, BundleError> {
        admitted(head, events, now.parse().unwrap(), "aa")
    }

    const NOON: &str = "2026-11-30T12:00:00Z";

    #[test]
    fn a_result_is_taken_over_once_and_in_time() {
        let fine = head("2026-11-30T11:00:00Z", &[]);
        assert_eq!(ask(&fine, &[bundled()], NOON), Ok(Admission::New));
        assert_eq!(ask(&fine, &[], NOON), Err(BundleError::Unknown));
        assert!(matches!(ask(&fine, &[bundled()], "2026-12-30T10:00:01Z"), Err(BundleError::Expired { .. })));
        let other = Head { digest: "0d".to_owned(), ..fine.clone() };
        assert_eq!(ask(&other, &[bundled()], NOON), Err(BundleError::OtherScript));
        // After a kill between the two events the same file goes on, and no other.
        let begun = [bundled(), imported(2, "landing", "aa")];
        assert_eq!(ask(&fine, &begun, NOON), Ok(Admission::Unfinished));
        let another = [bundled(), imported(2, "landing", "bb")];
        assert!(matches!(ask(&fine, &another, NOON), Err(BundleError::Used { .. })));
        let run = event(3, RunRecord::KIND, NOON, json!({"phase": "landing", "server": "srv-1"}));
        assert!(matches!(ask(&fine, &[&begun[..], &[run]].concat(), NOON), Err(BundleError::Used { .. })));
    }

    #[test]
    fn the_hosts_clock_is_right_within_minutes() {
        for (time, good) in [
            ("2026-11-30T09:50:00Z", true),
            ("2026-11-30T09:49:59Z", false),
            ("2026-11-30T12:10:00Z", true),
            ("2026-11-30T12:10:01Z", false),
            ("2022-11-30T11:00:00Z", false),
        ] {
            let found = ask(&head(time, &[]), &[bundled()], NOON);
            assert_eq!(found.is_ok(), good, "{time} {found:?}");
            assert!(good || matches!(found, Err(BundleError::Clock { .. })));
        }
    }

    #[test]
    fn the_source_is_not_its_copy() {
        let from_source = imported(1, "source", "aa");
        let mut from_source = from_source;
        from_source.data["nonce"] = "ff".into();
        let ran = |raw: &str| {
            let finding = json!({"scope": "server", "of": "srv-1", "raw": raw});
            event(1, RunRecord::KIND, NOON, json!({"phase": "source", "findings": [finding]}))
        };
        let asked =
            |serials: &[&str], before: Event| ask(&head("2026-11-30T11:00:00Z", serials), &[before, bundled()], NOON);
        assert!(matches!(asked(&["4C4C-1"], from_source.clone()), Err(BundleError::Source { .. })));
        assert_eq!(asked(&["56 4d"], from_source), Ok(Admission::New));
        assert!(matches!(asked(&["ABC123"], ran("x\nproduct_serial ABC123\n")), Err(BundleError::Source { .. })));
        // What many machines have proves nothing.
        for filled in ["To be filled by O.E.M.", "Default string", "00000000-0000", "None", ""] {
            assert_eq!(asked(&[filled], ran(&format!("product_serial {filled}"))), Ok(Admission::New), "{filled}");
        }
    }
}
