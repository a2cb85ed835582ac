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
    /// The echo of a probe, either way.
    Echo,
}

/// What an access list does to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It passes.
    Free,
    /// Some services pass by the entry in this line; others do not.
    Partly(u32),
    /// It is dropped by the entry in this line; 0 is the end of the list.
    Dropped(u32),
}

/// How an entry speaks of a packet.
enum Match {
    Not,
    SomeServices,
    All,
}

/// What `list` does to a packet of `kind`. Entries are tried in order, the end denies.
pub(super) fn passage(list: &AccessList, source: u32, target: u32, kind: Kind) -> Passage {
    let mut partly = None;
    for entry in &list.entries {
        match (matched(entry, list.standard, source, target, kind), entry.permit) {
            (Match::All, true) => return Passage::Free,
            (Match::All, false) => return partly.map_or(Passage::Dropped(entry.line), Passage::Partly),
            (Match::SomeServices, true) => {
                partly.get_or_insert(entry.line);
            }
            (Match::SomeServices, false) | (Match::Not, _) => {}
        }
    }
    partly.map_or(Passage::Dropped(0), Passage::Partly)
}

fn matched(entry: &Entry, standard: bool, source: u32, target: u32, kind: Kind) -> Match {
    let inside = |network: Option<ipnetwork::Ipv4Network>, address: u32| {
        network.is_none_or(|network| network.contains(Ipv4Addr::from(address)))
    };
    if !inside(entry.source, source) || (!standard && !inside(entry.destination, target)) {
        return Match::Not;
    }
    if entry.options.iter().any(|option| option == "established") && kind != Kind::Reply {
        return Match::Not;
    }
    let narrow = entry.source_port.is_some() || entry.destination_port.is_some();
    match (entry.protocol.as_str(), kind) {
        ("ip", _) | ("icmp", Kind::Echo) => Match::All,
        ("tcp", Kind::Request | Kind::Reply) if !narrow => Match::All,
        ("tcp" | "udp", Kind::Request | Kind::Reply) => Match::SomeServices,
        _ => Match::Not,
    }
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
        let list = |entries: Vec<Entry>| AccessList {
            name: At::meant("X".to_owned()),
            standard: false,
            entries: entries.into_iter().zip(1..).map(|(entry, line)| At::new(entry, line)).collect(),
        };
        let found = |entries, target, kind| passage(&list(entries), 1, target, kind);
        let inside = 10 << 24;
        assert_eq!(found(vec![entry(true, "ip", None)], inside, Kind::Request), Passage::Free);
        assert_eq!(found(vec![entry(true, "ip", None)], 11 << 24, Kind::Request), Passage::Dropped(0));
        let one_service = vec![entry(true, "tcp", Some("eq 445")), entry(false, "ip", None)];
        assert_eq!(found(one_service.clone(), inside, Kind::Request), Passage::Partly(1));
        assert_eq!(found(one_service, inside, Kind::Echo), Passage::Dropped(2));
        let without_telnet = vec![entry(false, "tcp", Some("eq 23")), entry(true, "ip", None)];
        assert_eq!(found(without_telnet, inside, Kind::Request), Passage::Free);
    }
}
