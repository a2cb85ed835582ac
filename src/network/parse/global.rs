//! Lines of the global level: which of them opens what.

use super::words::number;
use super::{Read, Reader, crypto, filter, interface, keep, queue, routing, tracking};
use crate::network::device::At;
use crate::network::text::Line;

/// Lines of the global level that decide where packets go and that we do not read: a blind spot,
/// and no mere setting.
const FORWARDING: [&str; 8] = [
    "ip route",
    "ip nat",
    "ip policy",
    "ip local policy",
    "router",
    "ip sla schedule",
    "ip sla group",
    "ip access-list",
];

/// Reads one line, with what stands below it.
pub(super) fn read(reader: &mut Reader, line: &Line, words: &[&str]) -> Read {
    known(reader, line, words).unwrap_or_else(|| {
        let begins = |start: &str| start.split(' ').eq(words.iter().copied().take(start.split(' ').count()));
        let opens = ["interface", "track", "class-map", "policy-map", "controller", "vrf", "line", "access-list"];
        let blind =
            FORWARDING.iter().any(|start| begins(start)) || words.first().is_some_and(|word| opens.contains(word));
        let kept = if blind { &mut reader.device.unread } else { &mut reader.device.settings };
        keep(kept, "", line);
        Read::Mode
    })
}

fn known(reader: &mut Reader, line: &Line, words: &[&str]) -> Option<Read> {
    match words {
        ["hostname", name] => {
            reader.device.hostname = Some(At::new((*name).to_owned(), line.number));
            Some(Read::Line)
        }
        ["interface", ..] => interface::read(reader, line, words),
        ["ip", "route", ..] => routing::route(reader, line, words),
        ["ip", "nat", "inside", "source", "static", rest @ ..] => routing::translation(reader, line, rest),
        ["vrf", "definition", name] => routing::vrf(reader, line, name, false),
        ["ip", "vrf", name] => routing::vrf(reader, line, name, true),
        ["key", "chain", name] => crypto::key_chain(reader, line, name),
        ["ip", "sla", "schedule", id, rest @ ..] => tracking::schedule(reader, line, number(id, 1..=u16::MAX)?, rest),
        ["ip", "sla", id] => tracking::probe(reader, line, number(id, 1..=u16::MAX)?),
        ["track", id, rest @ ..] => tracking::track(reader, line, number(id, 1..=u16::MAX)?, rest),
        ["ip", "access-list", kind @ ("standard" | "extended"), name] => {
            filter::named(reader, line, name, *kind == "standard")
        }
        ["access-list", id, rest @ ..] => filter::numbered(reader, line, id, rest),
        ["line", "con" | "console" | "vty" | "aux" | "tty", ..] => filter::terminal(reader, line, words),
        ["class-map", rest @ ..] => queue::class_map(reader, line, rest),
        ["policy-map", name] => queue::policy_map(reader, line, name),
        ["controller", rest @ ..] => crypto::modem(reader, line, rest),
        ["crypto", rest @ ..] => crypto::read(reader, line, rest),
        _ => None,
    }
}
