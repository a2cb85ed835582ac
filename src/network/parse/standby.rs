//! HSRP lines of an interface.

use super::first;
use super::words::{address, number};
use crate::network::device::At;
use crate::network::device::interface::{Authentication, Decrement, Delay, Group, Hsrp, Timers};
use crate::network::text::Line;

/// What stands behind `standby`.
pub(super) fn command(hsrp: &mut Hsrp, line: &Line, words: &[&str]) -> Option<()> {
    let at = line.number;
    match words {
        ["version", version] => hsrp.version = Some(At::new(number(version, 1..=2)?, at)),
        ["delay", rest @ ..] => hsrp.delay = Some(At::new(delay(rest, 10_000)?, at)),
        ["use-bia", ..] => hsrp.use_bia = Some(At::new((), at)),
        _ => {
            let (number, rest) = group_of(words)?;
            // The value is read first: a line that a router refuses makes no group.
            let mut changed = hsrp.groups.iter().find(|group| group.number.value == number).cloned();
            let group = changed.get_or_insert_with(|| Group::numbered(At::new(number, at)));
            set(group, at, rest)?;
            let group = group.clone();
            *first(&mut hsrp.groups, |other| other.number.value == number, || group.clone())? = group.clone();
        }
    }
    Some(())
}

/// What stands behind `no standby`.
pub(super) fn negation(hsrp: &mut Hsrp, words: &[&str]) -> Option<()> {
    match words {
        ["version", ..] => hsrp.version = None,
        ["delay", ..] => hsrp.delay = None,
        ["use-bia", ..] => hsrp.use_bia = None,
        _ => {
            let (number, rest) = group_of(words)?;
            if rest.is_empty() {
                hsrp.groups.retain(|group| group.number.value != number);
                return Some(());
            }
            let group = hsrp.groups.iter_mut().find(|group| group.number.value == number)?;
            clear(group, rest)?;
        }
    }
    Some(())
}

/// The group of a line, 0 where it names none.
fn group_of<'a, 'w>(words: &'a [&'w str]) -> Option<(u16, &'a [&'w str])> {
    let (first, rest) = words.split_first()?;
    if first.starts_with(|c: char| c.is_ascii_digit()) {
        Some((number(first, 0..=4095)?, rest))
    } else {
        Some((0, words))
    }
}

fn set(group: &mut Group, at: u32, words: &[&str]) -> Option<()> {
    match words {
        ["ip", vip] => group.vip = Some(At::new(address(vip)?, at)),
        ["ip", vip, "secondary"] => {
            let vip = At::new(address(vip)?, at);
            if !group.secondary.contains(&vip) {
                group.secondary.push(vip);
            }
        }
        ["priority", priority] => group.priority = Some(At::new(number(priority, 0..=255)?, at)),
        ["preempt"] => group.preempt = Some(At::new(Delay::default(), at)),
        ["preempt", "delay", rest @ ..] => group.preempt = Some(At::new(delay(rest, 3600)?, at)),
        ["timers", rest @ ..] => group.timers = Some(At::new(timers(rest)?, at)),
        ["authentication", rest @ ..] => group.authentication = Some(At::new(authentication(rest)?, at)),
        ["name", name] => group.name = Some(At::new((*name).to_owned(), at)),
        ["track", object, rest @ ..] => {
            let by = match rest {
                [] => 10,
                ["decrement", by] => number(by, 1..=255)?,
                _ => return None,
            };
            let object = number(object, 1..=1000)?;
            group.tracks.retain(|other| other.object != object);
            group.tracks.push(At::new(Decrement { object, by }, at));
        }
        _ => return None,
    }
    Some(())
}

fn clear(group: &mut Group, words: &[&str]) -> Option<()> {
    match words {
        ["ip", vip, "secondary"] => {
            let vip = address(vip)?;
            group.secondary.retain(|other| other.value != vip);
        }
        ["ip", ..] => group.vip = None,
        ["priority", ..] => group.priority = None,
        ["preempt"] => group.preempt = None,
        ["preempt", "delay", ..] => {
            group.preempt = group.preempt.map(|at| At::new(Delay::default(), at.line));
        }
        ["timers", ..] => group.timers = None,
        ["authentication", ..] => group.authentication = None,
        ["name", ..] => group.name = None,
        ["track", object, ..] => {
            let object: u16 = number(object, 1..=1000)?;
            group.tracks.retain(|other| other.object != object);
        }
        _ => return None,
    }
    Some(())
}

/// `[minimum N] [reload N] [sync N]`, at least one of them.
fn delay(mut words: &[&str], most: u16) -> Option<Delay> {
    let mut delay = Delay::default();
    if words.is_empty() {
        return None;
    }
    while let [kind, seconds, rest @ ..] = words {
        let seconds = number(seconds, 0..=most)?;
        match *kind {
            "minimum" => delay.minimum_s = seconds,
            "reload" => delay.reload_s = seconds,
            "sync" => {}
            _ => return None,
        }
        words = rest;
    }
    words.is_empty().then_some(delay)
}

/// `[msec] HELLO [msec] HOLD`; the hold time is the longer.
fn timers(words: &[&str]) -> Option<Timers> {
    let (hello_ms, rest) = time(words, 15)?;
    let (hold_ms, rest) = time(rest, 50)?;
    (rest.is_empty() && hold_ms > hello_ms).then_some(Timers { hello_ms, hold_ms })
}

/// Milliseconds of a time in seconds, or in milliseconds from `least` up.
fn time<'a, 'w>(words: &'a [&'w str], least: u32) -> Option<(u32, &'a [&'w str])> {
    match words {
        ["msec", time, rest @ ..] => Some((number(time, least..=3000)?, rest)),
        [time, rest @ ..] => Some((number(time, 1..=255u32)? * 1000, rest)),
        [] => None,
    }
}

fn authentication(words: &[&str]) -> Option<Authentication> {
    match words {
        ["md5", "key-chain", name] => Some(Authentication::Md5Chain((*name).to_owned())),
        ["md5", "key-string", _, ..] => Some(Authentication::Md5String),
        ["text", _] | [_] => Some(Authentication::Text),
        _ => None,
    }
}
