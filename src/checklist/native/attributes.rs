//! What each kind of question to a service reads.

use crate::checklist::kind::Kind;

type Attribute = (&'static str, Kind, &'static str);

const MS: Attribute = ("ms", Kind::Number, "milliseconds until the answer");
const SKEW: Attribute = ("skew", Kind::Number, "seconds between its clock and ours, whichever is ahead");

const LDAP: &[Attribute] = &[
    ("domain", Kind::Text, "the DNS name of its domain"),
    ("naming_context", Kind::Text, "the root of its domain, such as `DC=cinto,DC=lan`"),
    ("dns_name", Kind::Text, "its own DNS name"),
    ("service_name", Kind::Text, "the name of its settings: which domain controller it is"),
    ("usn", Kind::Number, "its highest committed update sequence number, which never falls"),
    ("catalog", Kind::Flag, "whether it is ready as a global catalog"),
    ("synchronized", Kind::Flag, "whether it has replicated since it started"),
    ("level", Kind::Number, "functional level of its domain: 4 is 2008 R2"),
    SKEW,
    MS,
];

const KERBEROS: &[Attribute] = &[
    ("alive", Kind::Flag, "whether it works: it looked the name up"),
    ("udp", Kind::Flag, "whether it answers by UDP; expected, like the two others, unless the item says otherwise"),
    ("tcp", Kind::Flag, "whether it answers by TCP"),
    ("error", Kind::Number, "code of its error, such as 25: the password is wanted first; 0 is a ticket"),
    ("realm", Kind::Text, "its realm"),
    SKEW,
    MS,
];

const SMB: &[Attribute] = &[
    ("dialect", Kind::Text, "the newest dialect that it speaks, such as `3.1.1`, `2.1` or `1`"),
    ("old", Kind::Flag, "whether it still takes SMB 1"),
    ("signing", Kind::Text, "`required`, `enabled` or `disabled`"),
    ("guid", Kind::Text, "its identifier"),
    SKEW,
    MS,
];

const RDP: &[Attribute] = &[
    ("protocol", Kind::Text, "the best protocol that it takes: `nla`, `tls` or `rdp`"),
    ("nla_only", Kind::Flag, "whether it takes nobody without a login before the session"),
    MS,
];

const NTP: &[Attribute] = &[
    SKEW,
    ("delay", Kind::Number, "milliseconds of the way there and back"),
    ("stratum", Kind::Number, "steps to a reference clock"),
    ("synchronized", Kind::Flag, "whether it says that its clock is right; expected unless the item says otherwise"),
    MS,
];

const TLS: &[Attribute] = &[
    ("version", Kind::Text, "`1.2` or `1.3`"),
    ("subject", Kind::Text, "whom its certificate names"),
    ("issuer", Kind::Text, "who issued it"),
    ("days", Kind::Number, "days until it expires; below zero since it has"),
    ("names", Kind::List, "the names and addresses that it is for"),
    MS,
];

const LOCATOR: &[Attribute] = &[
    (
        "found",
        Kind::List,
        "the targets that take a connection: `host:port address`; one is expected unless the item says otherwise",
    ),
    (
        "dead",
        Kind::List,
        "the targets that do not, each with the reason; none is expected unless the item says otherwise",
    ),
    ("hosts", Kind::List, "the names of the targets that take a connection"),
    ("addresses", Kind::List, "their addresses"),
    MS,
];

const MTU: &[Attribute] = &[
    ("mtu", Kind::Number, "bytes of the largest packet that passes in one piece, with its headers"),
    (
        "black_hole",
        Kind::Flag,
        "whether larger ones vanish without a word; expected not to unless the item says otherwise",
    ),
];

/// The attributes of a kind, each with its type and its meaning.
pub(in crate::checklist) fn attributes(kind: &str) -> &'static [Attribute] {
    match kind {
        "ldap" => LDAP,
        "kerberos" => KERBEROS,
        "smb" => SMB,
        "rdp" => RDP,
        "ntp" => NTP,
        "tls" => TLS,
        "locator" => LOCATOR,
        "mtu" => MTU,
        _ => &[],
    }
}
