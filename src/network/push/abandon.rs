//! Where a router is as far as one change touches it, whatever others changed beside.
//!
//! A push decides by whole configurations: on a router that somebody else changed meanwhile it can go
//! neither on nor back, and says so for ever. Then a person takes it on; the push may be given up
//! where the lines of its own change are all old or all new.

use super::End;
use super::change::{Change, paths};
use crate::network::diff::{Refused, picture};
use crate::network::text::ConfigText;
use std::collections::BTreeSet;

/// The end at which the lines of `change` are in a configuration, as a router prints it.
///
/// # Errors
/// Both ends are missing lines: those that keep it from the nearer one.
pub fn end_of(change: &Change, text: &str) -> Result<Result<End, Vec<String>>, Refused> {
    let way = change.way()?;
    let lines = |config: &ConfigText| paths(config).into_iter().collect::<BTreeSet<String>>();
    let (old, new) = (lines(way.old()), lines(way.wanted()));
    let now = lines(&picture(&ConfigText::parse(text)));
    let away = |from: &BTreeSet<String>, to: &BTreeSet<String>| -> Vec<String> {
        let missing = to.difference(from).filter(|line| !now.contains(*line)).map(|line| format!("- {line}"));
        let left = from.difference(to).filter(|line| now.contains(*line)).map(|line| format!("+ {line}"));
        missing.chain(left).collect()
    };
    let (from_old, from_new) = (away(&new, &old), away(&old, &new));
    Ok(match (from_old.is_empty(), from_new.is_empty()) {
        (true, _) => Ok(End::Old),
        (_, true) => Ok(End::New),
        _ if from_old.len() < from_new.len() => Err(from_old),
        _ => Err(from_new),
    })
}
