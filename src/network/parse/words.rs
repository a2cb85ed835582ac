//! Words of a configuration as values: numbers within limits, masks, names of interfaces.

use crate::network::device::Port;
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The kinds of interfaces, by full name; of two that start alike the first is meant by their
/// beginning, as IOS has it.
const KINDS: [&str; 24] = [
    "GigabitEthernet",
    "FastEthernet",
    "Ethernet",
    "TenGigabitEthernet",
    "TwentyFiveGigE",
    "TwoGigabitEthernet",
    "FortyGigabitEthernet",
    "HundredGigE",
    "Loopback",
    "Tunnel",
    "Vlan",
    "Virtual-Template",
    "Virtual-Access",
    "VirtualPortGroup",
    "Port-channel",
    "Cellular",
    "Dialer",
    "Serial",
    "BDI",
    "BVI",
    "ATM",
    "Async",
    "Multilink",
    "Null",
];

/// Two letters that IOS prints for a kind although its name starts otherwise.
const SHORT: [(&str, &str); 4] =
    [("vi", "Virtual-Access"), ("vt", "Virtual-Template"), ("vl", "Vlan"), ("hu", "HundredGigE")];

/// The interface that `name` means, such as `Gi0/0/1` or `gigabitethernet 0/0/1`, by its full name.
/// None where there is no number or the kind is unknown.
pub fn port(name: &str) -> Option<Port> {
    let name: String = name.split_whitespace().collect();
    let split = name.find(|c: char| c.is_ascii_digit())?;
    let (kind, number) = (name.get(..split)?, name.get(split..)?);
    let numeric = number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'/' | b'.' | b':'));
    if !numeric || number.len() > 24 {
        return None;
    }
    Some(Port(format!("{}{number}", full(kind)?)))
}

fn full(kind: &str) -> Option<&'static str> {
    if let Some((_, full)) = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(kind)) {
        return Some(full);
    }
    let starts = |full: &&&str| full.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind));
    if kind.len() < 2 { None } else { KINDS.iter().find(starts).copied() }
}

/// The interface at the start of `words`, with the words behind it; its kind and its number may
/// be two words.
pub(super) fn leading_port<'a, 'w>(words: &'a [&'w str]) -> Option<(Port, &'a [&'w str])> {
    let (first, rest) = words.split_first()?;
    if let Some(port) = port(first) {
        return Some((port, rest));
    }
    let (second, rest) = rest.split_first()?;
    let alphabetic = first.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    if !alphabetic || !second.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some((port(&format!("{first}{second}"))?, rest))
}

/// An interface written as `words` and nothing else.
pub(super) fn whole_port(words: &[&str]) -> Option<Port> {
    leading_port(words).filter(|(_, rest)| rest.is_empty()).map(|(port, _)| port)
}

/// A number within `limits`. Routers take no sign.
pub(super) fn number<T: FromStr + PartialOrd>(word: &str, limits: RangeInclusive<T>) -> Option<T> {
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    word.parse().ok().filter(|number| limits.contains(number))
}

/// An address.
pub(super) fn address(word: &str) -> Option<Ipv4Addr> {
    word.parse().ok()
}

/// An address with the length of its network, from a mask.
pub(super) fn with_mask(address: &str, mask: &str) -> Option<Ipv4Network> {
    Ipv4Network::with_netmask(address.parse().ok()?, mask.parse().ok()?).ok()
}

/// A network without host bits, from a mask: a router refuses others as inconsistent.
pub(super) fn network(address: &str, mask: &str) -> Option<Ipv4Network> {
    with_mask(address, mask).filter(|network| network.ip() == network.network())
}

/// The network of a wildcard, whose ones are the bits that do not count; none where they are not
/// all at the end.
pub(super) fn with_wildcard(address: &str, wildcard: &str) -> Option<Ipv4Network> {
    let wildcard: Ipv4Addr = wildcard.parse().ok()?;
    let network = Ipv4Network::with_netmask(address.parse().ok()?, Ipv4Addr::from(!u32::from(wildcard))).ok()?;
    Ipv4Network::new(network.network(), network.prefix()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_have_one_full_name() {
        let names = [
            ("Gi0/0/1", "GigabitEthernet0/0/1"),
            ("gigabitethernet0/0/1.217", "GigabitEthernet0/0/1.217"),
            ("Fa0/1", "FastEthernet0/1"),
            ("Lo117", "Loopback117"),
            ("Tu17", "Tunnel17"),
            ("Te1/0/1", "TenGigabitEthernet1/0/1"),
            ("Ce0/2/0", "Cellular0/2/0"),
            ("Vl10", "Vlan10"),
            ("Vt17", "Virtual-Template17"),
            ("Virtual-Template17", "Virtual-Template17"),
            ("Po1", "Port-channel1"),
            ("Null0", "Null0"),
        ];
        for (short, full) in names {
            assert_eq!(port(short), Some(Port(full.into())), "{short}");
        }
        for bad in ["", "Gi", "0/0", "Xy0", "G0", "Gi0/0/1x", "Gié0", "\u{130}0"] {
            assert_eq!(port(bad), None, "{bad}");
        }
        assert_eq!(whole_port(&["GigabitEthernet", "0/0"]), port("Gi0/0"));
    }

    #[test]
    fn masks_and_wildcards_are_prefixes_or_nothing() {
        assert_eq!(with_mask("10.0.0.1", "255.255.255.0"), "10.0.0.1/24".parse().ok());
        assert_eq!(with_wildcard("10.0.0.1", "0.0.0.255"), "10.0.0.0/24".parse().ok());
        assert_eq!((with_mask("10.0.0.1", "255.0.255.0"), with_wildcard("10.0.0.1", "0.0.255.0")), (None, None));
        assert_eq!(
            (network("10.0.0.1", "255.255.255.0"), number("+5", 1..=9), number("10", 1..=9)),
            (None, None, None)
        );
    }
}
