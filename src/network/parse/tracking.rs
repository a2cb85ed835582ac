//! Probes and tracked objects.

use super::words::{address, leading_port, number, whole_port};
use super::{Read, Reader, entry, keep_alone, mode, step};
use crate::network::device::At;
use crate::network::device::tracking::{Probe, ProbeSource, Track, Tracked};
use crate::network::text::Line;

/// `ip sla N`.
pub(super) fn probe(reader: &mut Reader, line: &Line, id: u16) -> Option<Read> {
    let new = || Probe::numbered(At::new(id, line.number));
    let probe = entry(&mut reader.places, ("probes", &id.to_string()), &mut reader.device.probes, new)?;
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |_, line, words| {
        let at = line.number;
        match words {
            ["icmp-echo", target, rest @ ..] => {
                let source = match rest {
                    [] => None,
                    ["source-interface", port @ ..] => Some(ProbeSource::Interface(whole_port(port)?)),
                    ["source-ip", ip] => Some(ProbeSource::Address(address(ip)?)),
                    _ => return None,
                };
                probe.target = Some(At::new(address(target)?, at));
                probe.source = source.map(|source| At::new(source, at));
            }
            ["vrf", name] => probe.vrf = Some(At::new((*name).to_owned(), at)),
            ["threshold", ms] => probe.threshold_ms = Some(At::new(number(ms, 0..=60_000)?, at)),
            ["timeout", ms] => probe.timeout_ms = Some(At::new(number(ms, 0..=604_800_000)?, at)),
            ["frequency", s] => probe.frequency_s = Some(At::new(number(s, 1..=604_800)?, at)),
            _ => return None,
        }
        Some(Read::Line)
    });
    Some(Read::Mode)
}

/// `ip sla schedule N life forever start-time now`, the only one that keeps a probe running.
pub(super) fn schedule(reader: &mut Reader, line: &Line, id: u16, words: &[&str]) -> Option<Read> {
    let probe = reader.device.probes.iter_mut().find(|probe| probe.id.value == id)?;
    let (["life", "forever", "start-time", "now"] | ["start-time", "now", "life", "forever"]) = words else {
        return None;
    };
    probe.runs = Some(At::new((), line.number));
    Some(Read::Line)
}

/// `track N …`.
pub(super) fn track(reader: &mut Reader, line: &Line, id: u16, words: &[&str]) -> Option<Read> {
    let what = tracked(words)?;
    let new = || Track { id: At::new(id, line.number), what: what.clone(), down_s: None, up_s: None };
    let track = entry(&mut reader.places, ("tracks", &id.to_string()), &mut reader.device.tracks, new)?;
    let resumed = matches!(
        (&track.what, &what),
        (Tracked::List { all: old, .. }, Tracked::List { all: new, .. }) if old == new
    );
    if !resumed {
        track.what = what;
    }
    if let Tracked::Other(_) = track.what {
        keep_alone(&mut reader.device.unread, "", line);
    }
    mode(&mut reader.device.unread, &step(&line.text), &line.children, |unread, below, words| {
        let read = in_track(track, below, words)?;
        if let (Tracked::Other(_), ["object", ..]) = (&track.what, words) {
            keep_alone(unread, &step(&line.text), below);
        }
        Some(read)
    });
    Some(Read::Mode)
}

fn tracked(words: &[&str]) -> Option<Tracked> {
    Some(match words {
        ["ip", "sla", probe, rest @ ..] | ["rtr", probe, rest @ ..] => {
            let probe = number(probe, 1..=u16::MAX)?;
            match rest {
                ["reachability"] => Tracked::Probe { probe, in_time: false },
                [] | ["state"] => Tracked::Probe { probe, in_time: true },
                _ => return None,
            }
        }
        ["interface", rest @ ..] => {
            let (port, rest) = leading_port(rest)?;
            match rest {
                ["line-protocol"] => Tracked::Interface { port, routing: false },
                ["ip", "routing"] => Tracked::Interface { port, routing: true },
                _ => return None,
            }
        }
        ["list", "boolean", "and"] => Tracked::List { all: true, objects: Vec::new() },
        ["list", "boolean", "or"] => Tracked::List { all: false, objects: Vec::new() },
        [] => return None,
        other => Tracked::Other(other.join(" ")),
    })
}

fn in_track(track: &mut Track, line: &Line, words: &[&str]) -> Option<Read> {
    let at = line.number;
    match words {
        ["delay", rest @ ..] => {
            let (down, up) = match rest {
                ["down", down] => (Some(number(down, 0..=180)?), None),
                ["up", up] => (None, Some(number(up, 0..=180)?)),
                ["down", down, "up", up] | ["up", up, "down", down] => {
                    (Some(number(down, 0..=180)?), Some(number(up, 0..=180)?))
                }
                _ => return None,
            };
            track.down_s = down.map(|s| At::new(s, at)).or(track.down_s);
            track.up_s = up.map(|s| At::new(s, at)).or(track.up_s);
        }
        ["object", object] => {
            let Tracked::List { objects, .. } = &mut track.what else { return None };
            let object = At::new(number(object, 1..=1000)?, at);
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
        // What lists more than numbers is more than we read: not, weight, percentage.
        ["object", rest @ ..] => track.what = Tracked::Other(format!("list with object {}", rest.join(" "))),
        ["no", "delay", ..] => (track.down_s, track.up_s) = (None, None),
        _ => return None,
    }
    Some(Read::Line)
}
