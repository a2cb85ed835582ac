//! One event, its line, and the chain they form. Pure.

use crate::digest::sha256;
use crate::model::TenantId;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

/// Something that happened to a tenant.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Position in the tenant's chain, from 1.
    pub seq: u64,
    /// When, RFC 3339 with the offset of Europe/Rome.
    pub time: String,
    /// The tenant's id.
    pub tenant: String,
    /// Who did it: a person's id.
    pub operator: String,
    /// What happened, such as `step.finished`.
    pub kind: String,
    /// Its details. Secrets never come here.
    pub data: Value,
    /// SHA-256 of the previous line with its newline, in hex; zeros before the first.
    pub prev: String,
    /// A detached signature of the operator, once signing keys are used.
    pub signature: Option<String>,
}

/// Why a chain does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq}: {reason}")]
pub struct Broken {
    /// Position of the first bad line, from 1.
    pub seq: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// `prev` of the first event.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An event together with the exact bytes of its line (without the newline), which the chain covers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) event: Event,
}

impl Line {
    /// The line that follows `last`.
    pub(super) fn next(
        last: Option<&Line>,
        time: &Timestamp,
        tenant: &TenantId,
        operator: &str,
        kind: &str,
        data: Value,
    ) -> Self {
        let event = Event {
            seq: last.map_or(0, |line| line.event.seq) + 1,
            time: rome(time),
            tenant: tenant.to_string(),
            operator: operator.to_owned(),
            kind: kind.to_owned(),
            data,
            prev: last.map_or_else(|| GENESIS.to_owned(), Line::digest),
            signature: None,
        };
        Self { text: event.line(), event }
    }

    pub(super) fn parse(text: String) -> Result<Self, Broken> {
        let event = serde_json::from_str(&text).map_err(|error| Broken { seq: 0, reason: error.to_string() })?;
        Ok(Self { text, event })
    }

    pub(super) fn digest(&self) -> String {
        sha256(format!("{}\n", self.text).as_bytes())
    }
}

impl Event {
    /// The event as the one line that is stored and hashed, without its newline.
    pub fn line(&self) -> String {
        // Strings, integers and maps with text keys: writing them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of the line with its newline: what the next event's `prev` says.
    pub fn digest(&self) -> String {
        sha256(format!("{}\n", self.line()).as_bytes())
    }
}

/// A time in RFC 3339 with the offset of Europe/Rome, to the millisecond.
pub fn rome(time: &Timestamp) -> String {
    let zone = TimeZone::get("Europe/Rome").unwrap_or(TimeZone::UTC);
    time.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// Checks that `texts` are the events 1, 2, … of `tenant`, each naming the hash of the one before.
pub(super) fn verify(tenant: &TenantId, texts: Vec<String>) -> Result<Vec<Line>, Broken> {
    let mut lines: Vec<Line> = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        let seq = index as u64 + 1;
        let broken = |reason: String| Broken { seq, reason };
        let line = Line::parse(text).map_err(|error| broken(error.reason))?;
        if line.event.seq != seq {
            return Err(broken(format!("it says that it is number {}", line.event.seq)));
        }
        if line.event.tenant != tenant.as_str() {
            return Err(broken("it belongs to another tenant".to_owned()));
        }
        let expected = lines.last().map_or_else(|| GENESIS.to_owned(), Line::digest);
        if line.event.prev != expected {
            return Err(broken("its `prev` is not the hash of the line before it".to_owned()));
        }
        lines.push(line);
    }
    Ok(lines)
}
