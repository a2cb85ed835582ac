//! What an access list does to a packet.

use super::super::device::filter::{AccessList, Entry};
use std::net::Ipv4Addr;

/// What kind of packet it is, as far as access lists care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first packet of a session of any service: any TCP or UDP port.
    Request,
    /// A later packet of it, on its way back.
    Reply,
    /// The question of a probe.
    Echo,
    /// The answer to it.
    EchoReply,
}

/// What an access list does to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It passes.
    Free,
    /// Some services pass, others do not, by the entry in this line.
    Partly(u32),
    /// It is dropped by the entry in this line; 0 is the end of the list.
    Dropped(u32),
}

/// How an entry speaks of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Not,
    /// Of some services or moments: ports, marks, times of day.
    Some,
    All,
}

/// A packet of one protocol.
#[derive(Debug, Clone, Copy)]
struct Asked {
    source: u32,
    target: u32,
    protocol: Protocol,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
    Icmp,
}

/// What `list` does to a packet of `kind`. A session passes whole if TCP and UDP both do.
pub(super) fn passage(list: &AccessList, source: u32, target: u32, kind: Kind) -> Passage {
    let of = |protocol| decided(list, Asked { source, target, protocol, kind });
    match kind {
        Kind::Echo | Kind::EchoReply => of(Protocol::Icmp),
        Kind::Request | Kind::Reply => match (of(Protocol::Tcp), of(Protocol::Udp)) {
            (Passage::Dropped(tcp), Passage::Dropped(udp)) => Passage::Dropped(tcp.max(udp)),
            (Passage::Free, Passage::Free) => Passage::Free,
            (Passage::Partly(line), _) | (_, Passage::Partly(line)) => Passage::Partly(line),
            (Passage::Dropped(line), _) | (_, Passage::Dropped(line)) => Passage::Partly(line),
        },
    }
}

/// Entries are tried in order, the end denies. A list without entries lets everything pass, as one
/// that does not exist (Cisco IOS security guide, "IP access list overview").
fn decided(list: &AccessList, asked: Asked) -> Passage {
    if list.entries.is_empty() {
        return Passage::Free;
    }
    let (mut some_pass, mut some_drop) = (None, None);
    for entry in &list.entries {
        match (matched(entry, list.standard, asked), entry.permit) {
            (Match::All, true) => return some_drop.map_or(Passage::Free, Passage::Partly),
            (Match::All, false) => return some_pass.map_or(Passage::Dropped(entry.line), Passage::Partly),
            (Match::Some, true) => some_pass = some_pass.or(Some(entry.line)),
            (Match::Some, false) => some_drop = some_drop.or(Some(entry.line)),
            (Match::Not, _) => {}
        }
    }
    some_pass.map_or(Passage::Dropped(0), Passage::Partly)
}

fn matched(entry: &Entry, standard: bool, asked: Asked) -> Match {
    let inside = |network: Option<ipnetwork::Ipv4Network>, address: u32| {
        network.is_none_or(|network| network.contains(Ipv4Addr::from(address)))
    };
    if !inside(entry.source, asked.source) || (!standard && !inside(entry.destination, asked.target)) {
        return Match::Not;
    }
    let of_protocol = match entry.protocol.as_str() {
        "ip" | "0" => true,
        "tcp" | "6" => asked.protocol == Protocol::Tcp,
        "udp" | "17" => asked.protocol == Protocol::Udp,
        "icmp" | "1" => asked.protocol == Protocol::Icmp,
        _ => false,
    };
    if !of_protocol {
        return Match::Not;
    }
    let mut narrowed = entry.source_port.is_some() || entry.destination_port.is_some();
    let mut options = entry.options.iter().map(String::as_str);
    while let Some(option) = options.next() {
        let speaks = match (option, asked.protocol) {
            ("log" | "log-input", _) => true,
            ("established", _) => asked.kind == Kind::Reply,
            ("echo" | "8", Protocol::Icmp) => asked.kind == Kind::Echo,
            ("echo-reply" | "0", Protocol::Icmp) => asked.kind == Kind::EchoReply,
            ("dscp" | "precedence" | "tos" | "time-range" | "ttl" | "option", _) => {
                options.next();
                narrowed = true;
                true
            }
            // Another kind of ICMP.
            (_, Protocol::Icmp) => false,
            _ => {
                narrowed = true;
                true
            }
        };
        if !speaks {
            return Match::Not;
        }
    }
    if narrowed { Match::Some } else { Match::All }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::device::At;

    fn entry(permit: bool, protocol: &str, port: Option<&str>) -> Entry {
        Entry {
            permit,
            protocol: protocol.to_owned(),
            source: None,
            source_port: None,
            destination: Some("10.0.0.0/8".parse().unwrap()),
            destination_port: port.map(str::to_owned),
            options: Vec::new(),
        }
    }

    #[test]
    fn the_first_entry_that_speaks_of_all_services_decides() {
        let found = |entries, target, kind| passage(&list(entries), 1, target, kind);
        let inside = 10 << 24;
        assert_eq!(found(vec![entry(true, "ip", None)], inside, Kind::Request), Passage::Free);
        assert_eq!(found(vec![entry(true, "ip", None)], 11 << 24, Kind::Request), Passage::Dropped(0));
        let one_service = vec![entry(true, "tcp", Some("eq 445")), entry(false, "ip", None)];
        assert_eq!(found(one_service.clone(), inside, Kind::Request), Passage::Partly(1));
        assert_eq!(found(one_service, inside, Kind::Echo), Passage::Dropped(2));
        let without_telnet = vec![entry(false, "tcp", Some("eq 23")), entry(true, "ip", None)];
        assert_eq!(found(without_telnet.clone(), inside, Kind::Request), Passage::Partly(1));
        assert_eq!(found(without_telnet, inside, Kind::Echo), Passage::Free);
    }

    #[test]
    fn a_session_passes_whole_only_if_every_service_does() {
        let found = |entries, kind| passage(&list(entries), 1, 10 << 24, kind);
        let with = |mut entry: Entry, options: &[&str]| {
            entry.options = options.iter().map(|option| (*option).to_owned()).collect();
            entry
        };
        let all = || entry(true, "ip", None);
        // What is left out is dropped by the end of the list.
        assert_eq!(found(vec![entry(true, "tcp", None)], Kind::Request), Passage::Partly(0));
        assert_eq!(found(vec![entry(true, "tcp", None), entry(true, "udp", None)], Kind::Request), Passage::Free);
        assert_eq!(found(vec![entry(true, "6", None), entry(true, "17", None)], Kind::Request), Passage::Free);
        assert_eq!(found(vec![entry(false, "udp", None), all()], Kind::Request), Passage::Partly(1));
        assert_eq!(found(vec![entry(false, "tcp", Some("eq 445")), all()], Kind::Request), Passage::Partly(1));
        assert_eq!(found(vec![entry(false, "esp", None), all()], Kind::Request), Passage::Free);
        // Words behind the addresses narrow an entry.
        assert_eq!(found(vec![with(all(), &["dscp", "ef"])], Kind::Request), Passage::Partly(1));
        assert_eq!(found(vec![with(all(), &["time-range", "NIGHT"])], Kind::Echo), Passage::Partly(1));
        assert_eq!(found(vec![with(all(), &["log"])], Kind::Request), Passage::Free);
        let answers = vec![with(entry(true, "tcp", None), &["established"]), entry(true, "udp", None)];
        assert_eq!(found(answers.clone(), Kind::Reply), Passage::Free);
        assert_eq!(found(answers, Kind::Request), Passage::Partly(0));
        let pings = vec![with(entry(true, "icmp", None), &["echo"])];
        assert_eq!(found(pings.clone(), Kind::Echo), Passage::Free);
        assert_eq!(found(pings, Kind::EchoReply), Passage::Dropped(0));
        assert_eq!(found(Vec::new(), Kind::Request), Passage::Free);
    }

    fn list(entries: Vec<Entry>) -> AccessList {
        AccessList {
            name: At::meant("X".to_owned()),
            standard: false,
            entries: entries.into_iter().zip(1..).map(|(entry, line)| At::new(entry, line)).collect(),
        }
    }
}
