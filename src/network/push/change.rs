//! The change of one router: from which configuration, by which lines, and the way back.

use super::super::diff::{Refused, Session, picture};
use super::super::text::{ConfigText, Line};
use super::expect::Expect;
use crate::digest::sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The change of one router. It holds no secret: configurations are pictures, lines name secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Host name.
    pub router: String,
    /// The picture of the configuration before.
    pub old: String,
    /// The lines, in order, with one space for each level.
    pub lines: Vec<String>,
    /// The lines of the way back.
    pub rollback: Vec<String>,
    /// Tracked objects that must be up before a line is sent, by its place among the lines.
    pub waits: Vec<(usize, Vec<u16>)>,
    /// The same on the way back.
    pub rollback_waits: Vec<(usize, Vec<u16>)>,
    /// What the router does once the change is in.
    pub expects: Vec<Expect>,
    /// What it does before the change, and after the way back.
    pub expects_before: Vec<Expect>,
}

/// Where a configuration is on the way from the old one to the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Before the first line.
    Old,
    /// After the last line.
    New,
    /// After so many lines.
    Between(usize),
    /// On no point of the way: the lines by which it differs from the nearest end.
    Elsewhere(Vec<String>),
}

/// Every state that a router passes through.
#[derive(Debug, Clone)]
pub struct Way {
    old: ConfigText,
    new: ConfigText,
    /// Digest of each state between, with the number of lines after which it is reached.
    between: BTreeMap<String, usize>,
}

/// The most differing lines that are kept for a message.
const SHOWN: usize = 20;

/// What a line takes at most where nothing is wrong: a slow router behind a slow line.
const LINE: Duration = Duration::from_millis(500);
/// What a tracked object that was made anew takes to come up: `delay up 60`, and its first probes.
const UP: Duration = Duration::from_secs(90);
/// Beside the lines, a revert timer covers the margin at its end and a look over a new connection.
const REST: Duration = Duration::from_secs(75);

/// So many minutes.
pub(super) fn minutes(minutes: u16) -> Duration {
    Duration::from_secs(60 * u64::from(minutes))
}

impl Change {
    /// What tells this change from every other: its router, where it begins, its lines.
    pub fn id(&self) -> String {
        let mut id = sha256(format!("{}\n{}\n{}", self.router, self.old, self.lines.join("\n")).as_bytes());
        id.truncate(16);
        id
    }

    /// The shortest revert timer, in minutes, under which this change and its way back can be made:
    /// one that runs out among the lines only costs an attempt, and another outage.
    pub fn least_minutes(&self) -> u16 {
        let time = |lines: &[String], waits: &[(usize, Vec<u16>)]| {
            let (lines, waits) = (u32::try_from(lines.len()), u32::try_from(waits.len()));
            LINE * lines.unwrap_or(u32::MAX) + UP * waits.unwrap_or(u32::MAX) + REST
        };
        let longer = time(&self.lines, &self.waits).max(time(&self.rollback, &self.rollback_waits));
        u16::try_from(longer.as_secs().div_ceil(60)).unwrap_or(u16::MAX)
    }

    /// The states on its way.
    ///
    /// # Errors
    /// A line that a router with the old configuration would not take.
    pub fn way(&self) -> Result<Way, Refused> {
        let old = picture(&ConfigText::parse(&self.old));
        let mut session = Session::new(&old);
        let mut between = BTreeMap::new();
        for (index, line) in self.lines.iter().enumerate() {
            session.enter(line)?;
            between.entry(digest(&session.picture())).or_insert(index + 1);
        }
        Ok(Way { old, new: session.picture(), between })
    }

    /// The change that takes this one back.
    ///
    /// # Errors
    /// As [`Self::way`].
    pub fn reversed(&self) -> Result<Self, Refused> {
        Ok(Self {
            router: self.router.clone(),
            old: self.way()?.new.to_string(),
            lines: self.rollback.clone(),
            rollback: self.lines.clone(),
            waits: self.rollback_waits.clone(),
            rollback_waits: self.waits.clone(),
            expects: self.expects_before.clone(),
            expects_before: self.expects.clone(),
        })
    }
}

/// The lines by which `after` differs from `before`, both as pictures.
pub fn changed_lines(before: &ConfigText, after: &ConfigText) -> Vec<String> {
    if before == after { Vec::new() } else { differences(before, after) }
}

impl Way {
    /// Where `text`, as a router prints it, is on this way.
    pub fn place(&self, text: &str) -> Place {
        let now = picture(&ConfigText::parse(text));
        if now == self.new {
            return Place::New;
        }
        if now == self.old {
            return Place::Old;
        }
        match self.between.get(&digest(&now)) {
            Some(lines) => Place::Between(*lines),
            None => {
                let (old, new) = (differences(&self.old, &now), differences(&self.new, &now));
                Place::Elsewhere(if new.len() < old.len() { new } else { old })
            }
        }
    }

    /// The picture of the configuration before.
    pub fn old(&self) -> &ConfigText {
        &self.old
    }

    /// The picture of the configuration after.
    pub fn wanted(&self) -> &ConfigText {
        &self.new
    }
}

fn digest(config: &ConfigText) -> String {
    sha256(config.to_string().as_bytes())
}

/// Each line with the lines that it stands under, such as `interface Vlan9 / shutdown`.
pub(super) fn paths(config: &ConfigText) -> Vec<String> {
    fn collect(above: &str, lines: &[Line], found: &mut Vec<String>) {
        for line in lines {
            let path = if above.is_empty() { line.text.clone() } else { format!("{above} / {}", line.text) };
            collect(&path, &line.children, found);
            found.push(path);
        }
    }
    let mut found = Vec::new();
    collect("", &config.lines, &mut found);
    found
}

/// The lines that `now` has not and those that it has besides, marked `-` and `+`.
pub(super) fn differences(before: &ConfigText, now: &ConfigText) -> Vec<String> {
    let (before, now) = (paths(before), paths(now));
    let lost = before.iter().filter(|line| !now.contains(line)).map(|line| format!("- {line}"));
    let more = now.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    let mut all: Vec<String> = lost.chain(more).collect();
    if all.is_empty() {
        all.push("the same lines in another order".to_owned());
    }
    if all.len() > SHOWN {
        let more = all.len() - SHOWN;
        all.truncate(SHOWN);
        all.push(format!("and {more} more"));
    }
    all
}
