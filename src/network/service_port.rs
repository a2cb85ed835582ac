//! Ports of TCP and UDP, and the names that IOS gives to some.

use serde::Serialize;
use std::fmt;

/// A port of TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServicePort(pub u16);

impl ServicePort {
    /// IKE.
    pub const ISAKMP: ServicePort = ServicePort(500);
    /// IKE and ESP behind address translation.
    pub const NON500_ISAKMP: ServicePort = ServicePort(4500);

    /// The port that IOS prints by this name, whichever way it was typed.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(of, _)| *of == name).map(|(_, number)| ServicePort(*number))
    }
}

/// Of both protocols: no name stands for two numbers (Cisco IOS Security Command Reference, `permit`
/// of extended lists).
const NAMES: [(&str, u16); 52] = [
    ("bgp", 179),
    ("biff", 512),
    ("bootpc", 68),
    ("bootps", 67),
    ("chargen", 19),
    ("cmd", 514),
    ("daytime", 13),
    ("discard", 9),
    ("dnsix", 195),
    ("domain", 53),
    ("echo", 7),
    ("exec", 512),
    ("finger", 79),
    ("ftp", 21),
    ("ftp-data", 20),
    ("gopher", 70),
    ("hostname", 101),
    ("ident", 113),
    ("irc", 194),
    ("isakmp", 500),
    ("klogin", 543),
    ("kshell", 544),
    ("login", 513),
    ("lpd", 515),
    ("mobile-ip", 434),
    ("nameserver", 42),
    ("netbios-dgm", 138),
    ("netbios-ns", 137),
    ("netbios-ss", 139),
    ("nntp", 119),
    ("non500-isakmp", 4500),
    ("ntp", 123),
    ("pim-auto-rp", 496),
    ("pop2", 109),
    ("pop3", 110),
    ("rip", 520),
    ("smtp", 25),
    ("snmp", 161),
    ("snmptrap", 162),
    ("sunrpc", 111),
    ("syslog", 514),
    ("tacacs", 49),
    ("tacacs-ds", 65),
    ("talk", 517),
    ("telnet", 23),
    ("tftp", 69),
    ("time", 37),
    ("uucp", 540),
    ("who", 513),
    ("whois", 43),
    ("www", 80),
    ("xdmcp", 177),
];

/// The number, but for the names of those that we write as IOS shows them.
impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ISAKMP => f.write_str("isakmp"),
            Self::NON500_ISAKMP => f.write_str("non500-isakmp"),
            Self(number) => write!(f, "{number}"),
        }
    }
}

impl Serialize for ServicePort {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
