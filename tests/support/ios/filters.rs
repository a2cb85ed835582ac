//! Entries of access lists: how they are written, and which are refused.

use super::config::Refusal;
use std::net::Ipv4Addr;

/// Ports that IOS writes by name.
const PORTS: [(&str, &str, &str); 8] = [
    ("udp", "500", "isakmp"),
    ("udp", "4500", "non500-isakmp"),
    ("udp", "53", "domain"),
    ("tcp", "53", "domain"),
    ("udp", "123", "ntp"),
    ("udp", "161", "snmp"),
    ("tcp", "80", "www"),
    ("tcp", "23", "telnet"),
];

/// The words as the router keeps them: networks without host bits, ports by name, no sequence number.
pub fn written(standard: bool, words: &[String]) -> Vec<String> {
    let mut words: Vec<String> = words.iter().flat_map(|word| word.split(' ')).map(str::to_owned).collect();
    if words.first().is_some_and(|word| word == "remark") {
        return vec![words.join(" ")];
    }
    if words.first().is_some_and(|word| word.parse::<u32>().is_ok()) {
        words.remove(0);
    }
    let protocol = words.get(1).cloned().unwrap_or_default();
    let mut at = 0;
    while at + 1 < words.len() {
        if let (Ok(address), Ok(wildcard)) = (words[at].parse::<Ipv4Addr>(), words[at + 1].parse::<Ipv4Addr>()) {
            let kept = Ipv4Addr::from(u32::from(address) & !u32::from(wildcard));
            words[at] = kept.to_string();
            if wildcard.is_unspecified() {
                words.remove(at + 1);
                if !standard {
                    words.insert(at, "host".to_owned());
                }
            }
        }
        at += 1;
    }
    if standard {
        words.retain(|word| word != "host");
    }
    for at in 1..words.len() {
        if ["eq", "gt", "lt", "neq"].contains(&words[at - 1].as_str()) {
            let known = PORTS.iter().find(|(kind, number, _)| *kind == protocol && *number == words[at]);
            if let Some((_, _, name)) = known {
                words[at] = (*name).to_owned();
            }
        }
    }
    words
}

/// Whether an entry of an extended list is one.
pub fn check_extended(words: &[&str]) -> Result<(), Refusal> {
    if words.first().is_some_and(|word| word.starts_with("remark")) {
        return Ok(());
    }
    let mut rest = words.iter().copied().skip(1).peekable();
    let invalid = Err(Refusal::Invalid(0));
    let protocol = rest.next().unwrap_or_default();
    if !["ip", "tcp", "udp", "icmp", "esp", "ahp", "gre", "ospf"].contains(&protocol) {
        return invalid;
    }
    for _ in 0..2 {
        match rest.next() {
            Some("any") => {}
            Some("host") if rest.next().is_some_and(|word| word.parse::<Ipv4Addr>().is_ok()) => {}
            Some(word) if word.parse::<Ipv4Addr>().is_ok() => match rest.next() {
                Some(word) if word.parse::<Ipv4Addr>().is_ok() => {}
                Some(_) => return invalid,
                None => return Err(Refusal::Incomplete),
            },
            Some(_) => return invalid,
            None => return Err(Refusal::Incomplete),
        }
        let operator = rest.peek().copied().unwrap_or_default();
        if ["eq", "gt", "lt", "neq", "range"].contains(&operator) {
            if !["tcp", "udp"].contains(&protocol) {
                return invalid;
            }
            rest.next();
            let ports = if operator == "range" { 2 } else { 1 };
            for _ in 0..ports {
                match rest.next() {
                    Some(port) if port.parse::<u16>().is_ok() || PORTS.iter().any(|(_, _, name)| *name == port) => {}
                    Some(_) => return invalid,
                    None => return Err(Refusal::Incomplete),
                }
            }
        }
    }
    let options = ["log", "established", "echo", "echo-reply", "fragments", "dscp", "time-exceeded", "unreachable"];
    if rest.all(|word| options.contains(&word) || word.starts_with("cs") || word.starts_with("af") || word == "ef") {
        Ok(())
    } else {
        invalid
    }
}
