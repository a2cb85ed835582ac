//! Traffic classes and policies.

use super::words::number;
use super::{Read, Reader, entry, first, mode, step};
use crate::network::device::At;
use crate::network::device::queue::{ClassMap, Match, PolicyClass, PolicyMap};
use crate::network::text::Line;

/// What stands behind `class-map`.
pub(super) fn class_map(reader: &mut Reader, line: &Line, words: &[&str]) -> Option<Read> {
    let (any, name) = match words {
        ["match-any", name] => (true, *name),
        ["match-all", name] | [name] => (false, *name),
        _ => return None,
    };
    let new = || ClassMap { name: At::new(name.to_owned(), line.number), any, matches: Vec::new() };
    let class = entry(&mut reader.places, ("class_maps", name), &mut reader.device.class_maps, new)?;
    class.any = any;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, line, words| {
        let found = match words {
            ["match", "dscp", values @ ..] | ["match", "ip", "dscp", values @ ..] if !values.is_empty() => {
                Match::Dscp(values.iter().map(|value| (*value).to_owned()).collect())
            }
            ["match", "access-group", "name", name] | ["match", "access-group", name] => {
                Match::AccessGroup((*name).to_owned())
            }
            ["match", rest @ ..] if !rest.is_empty() => Match::Other(rest.join(" ")),
            ["description", ..] => return Some(Read::Line),
            _ => return None,
        };
        let found = At::new(found, line.number);
        if !class.matches.contains(&found) {
            class.matches.push(found);
        }
        Some(Read::Line)
    });
    Some(Read::Mode)
}

/// `policy-map NAME`.
pub(super) fn policy_map(reader: &mut Reader, line: &Line, name: &str) -> Option<Read> {
    let new = || PolicyMap { name: At::new(name.to_owned(), line.number), classes: Vec::new() };
    let policy = entry(&mut reader.places, ("policy_maps", name), &mut reader.device.policy_maps, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |unread, line, words| {
        let ["class", name] = words else {
            return (words.first() == Some(&"description")).then_some(Read::Line);
        };
        let new = || PolicyClass::of(At::new((*name).to_owned(), line.number));
        let class = first(&mut policy.classes, |other| other.class.value == *name, new)?;
        let path = format!("policy-map {} / {}", policy.name.value, line.text);
        mode(unread, &path, &line.children, |_, line, words| action(class, line, words));
        Some(Read::Mode)
    });
    Some(Read::Mode)
}

fn action(class: &mut PolicyClass, line: &Line, words: &[&str]) -> Option<Read> {
    let at = line.number;
    match words {
        ["priority", kbps] => class.priority_kbps = Some(At::new(number(kbps, 1..=u32::MAX)?, at)),
        ["bandwidth", kbps] => class.bandwidth_kbps = Some(At::new(number(kbps, 1..=u32::MAX)?, at)),
        ["bandwidth", "remaining", "ratio", ratio] => {
            class.remaining_ratio = Some(At::new(number(ratio, 1..=65_536)?, at))
        }
        ["shape", "average", bps] => class.shape_bps = Some(At::new(number(bps, 1..=u64::MAX)?, at)),
        ["drop"] => class.dropped = Some(At::new((), at)),
        ["police", ..] => return police(class, line, words),
        ["fair-queue"] => class.fair_queue = true,
        ["service-policy", name] => class.child = Some(At::new((*name).to_owned(), at)),
        _ => return None,
    }
    Some(Read::Line)
}

/// A policer, its actions in the same line or below it. One whose every action is to drop lets
/// nothing through (what exceeds is dropped unless told otherwise); any other is unread.
fn police(class: &mut PolicyClass, line: &Line, words: &[&str]) -> Option<Read> {
    let below = line.children.iter().flat_map(Line::words);
    let words: Vec<&str> = words.iter().copied().chain(below).collect();
    let mut conform = false;
    for pair in words.windows(2) {
        match pair {
            ["conform-action", "drop"] => conform = true,
            ["conform-action" | "exceed-action" | "violate-action", action] if *action != "drop" => return None,
            _ => {}
        }
    }
    if !conform {
        return None;
    }
    class.dropped = Some(At::new((), line.number));
    Some(Read::Mode)
}
