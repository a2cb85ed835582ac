//! The commands of IOS that traghetto knows, as one table: which part of a line says what it is
//! about, and which part is the value.
//!
//! A pattern is words. `#` is a word that belongs to the key, `+class` one that also defines an
//! object of that class and `#class` one that refers to it; `%` is a word of the value, `%class`
//! one that refers; `&` is the rest as key, `*` the rest as value, `$` the rest as a secret. What
//! stands behind `|` belongs to the value even where it is a fixed word. In a mode the first row
//! that fits counts. The order of the rows is the order of the canonical text.

use Kind::{Entry, Member, Opens, Switch, Value};
use Mode::{
    Acl, Archive, ClassMap, Controller, Family, Global, Ikev2Policy, Ikev2Profile, Interface, IpsecProfile, Key,
    KeyChain, Keyring, Log, Peer, PolicyClass, PolicyMap, Sla, SlaEcho, Tacacs, Terminal, Track, Transform, Vrf,
};

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mode {
    Global,
    Interface,
    Sla,
    SlaEcho,
    Track,
    Acl,
    ClassMap,
    PolicyMap,
    PolicyClass,
    Vrf,
    Family,
    KeyChain,
    Key,
    Keyring,
    Peer,
    Ikev2Profile,
    Ikev2Policy,
    Transform,
    IpsecProfile,
    Controller,
    Archive,
    Log,
    Tacacs,
    Terminal,
    /// A mode that the table does not know.
    Unknown,
}

/// How a command behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The last value wins; `no` takes it away.
    Value,
    /// As a value, but its negation is a value too and stands in the configuration as `no …`;
    /// `default …` takes either away.
    Switch,
    /// One of a set; `no` with the whole line takes it away.
    Member,
    /// One of an ordered list.
    Entry,
    /// Opens a mode.
    Opens(Mode),
}

/// A command in a mode.
pub(super) struct Row {
    /// The mode.
    pub(super) mode: Mode,
    /// The pattern.
    pub(super) pattern: &'static str,
    /// How it behaves.
    pub(super) kind: Kind,
    /// The key, where it is not what the pattern says: commands that exclude each other share one.
    pub(super) slot: &'static str,
    /// What the router does when the line is missing, and does not print; `#` stands for any word.
    pub(super) default: &'static str,
    /// Whether only the lines that a rendering names are traghetto's, and not each of this kind.
    pub(super) named: bool,
    /// When it comes in a mode that is made anew: what filters and what authenticates first, what
    /// makes the object take part last.
    pub(super) phase: u8,
}

const fn row(mode: Mode, pattern: &'static str, kind: Kind) -> Row {
    Row { mode, pattern, kind, slot: "", default: "", named: false, phase: 2 }
}

impl Row {
    const fn slot(self, slot: &'static str) -> Self {
        Self { slot, ..self }
    }
    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
    const fn named(self) -> Self {
        Self { named: true, ..self }
    }
    const fn phase(self, phase: u8) -> Self {
        Self { phase, ..self }
    }
}

/// Every command that is known, by mode. Cisco IOS XE 17 command references, by the name of each
/// command; what a missing line means is there under "Command Default".
pub(super) static ROWS: &[Row] = &[
    row(Global, "hostname *", Value),
    row(Global, "version *", Value).named(),
    row(Global, "service timestamps # *", Value),
    row(Global, "service &", Switch),
    row(Global, "ip http server", Switch),
    row(Global, "ip http secure-server", Switch),
    row(Global, "ip source-route", Switch),
    row(Global, "ip bootp server", Switch),
    row(Global, "ip domain lookup", Switch),
    row(Global, "ip domain name *", Value),
    row(Global, "logging console", Switch).named(),
    row(Global, "cdp run", Switch).named(),
    row(Global, "aaa new-model", Value),
    row(Global, "aaa authentication # # *", Value),
    row(Global, "aaa authorization console", Value),
    row(Global, "aaa authorization # # *", Value),
    row(Global, "aaa accounting # # # *", Value),
    row(Global, "enable secret $", Value).named(),
    row(Global, "username # $", Value),
    row(Global, "archive", Opens(Archive)),
    row(Global, "clock timezone *", Value),
    row(Global, "clock summer-time *", Value),
    row(Global, "ip access-list standard +acl", Opens(Acl)),
    row(Global, "ip access-list extended +acl", Opens(Acl)),
    row(Global, "vrf definition +vrf", Opens(Vrf)),
    row(Global, "key chain +chain", Opens(KeyChain)),
    // A schedule of a probe that is not there yet is refused: probes come first.
    row(Global, "ip sla +probe", Opens(Sla)),
    row(Global, "ip sla schedule #probe *", Value),
    row(Global, "track +track | ip sla %probe *", Opens(Track)),
    row(Global, "track +track | interface %interface *", Opens(Track)),
    row(Global, "track +track *", Opens(Track)),
    row(Global, "controller Cellular #", Opens(Controller)),
    row(Global, "class-map | match-any +classmap", Opens(ClassMap)),
    row(Global, "class-map | match-all +classmap", Opens(ClassMap)),
    row(Global, "class-map +classmap", Opens(ClassMap)),
    row(Global, "policy-map +policymap", Opens(PolicyMap)),
    row(Global, "crypto ipsec transform-set +transform *", Opens(Transform)),
    row(Global, "crypto ikev2 authorization policy +authorization", Opens(Ikev2Policy)),
    row(Global, "crypto ikev2 keyring +keyring", Opens(Keyring)),
    row(Global, "crypto ikev2 profile +ike", Opens(Ikev2Profile)),
    row(Global, "crypto ipsec profile +ipsec", Opens(IpsecProfile)),
    row(Global, "interface +interface *", Opens(Interface)),
    row(Global, "ip forward-protocol nd", Value),
    row(Global, "ip nat inside source static network # # # vrf #vrf", Member),
    row(Global, "ip nat inside source static # # vrf #vrf", Member),
    row(Global, "ip nat inside source static &", Member),
    row(Global, "ip route &", Value),
    row(Global, "ip ssh version *", Value),
    row(Global, "ip ssh time-out *", Value).default("ip ssh time-out 120"),
    row(Global, "ip ssh authentication-retries *", Value).default("ip ssh authentication-retries 3"),
    row(Global, "ip ssh server algorithm # *", Value),
    row(Global, "logging buffered *", Value),
    row(Global, "logging source-interface %interface *", Value),
    row(Global, "logging host # *", Value).named(),
    row(Global, "dialer-list # *", Value),
    row(Global, "ip tacacs source-interface %interface *", Value),
    row(Global, "snmp-server view # # *", Value).named(),
    row(Global, "snmp-server group # # # read % access %acl", Value).named(),
    row(Global, "snmp-server group # # # *", Value).named(),
    row(Global, "snmp-server community $", Value).slot("snmp-server community").named(),
    row(Global, "tacacs server #", Opens(Tacacs)).named(),
    row(Global, "line &", Opens(Terminal)),
    row(Global, "ntp source %interface", Value),
    row(Global, "ntp server # *", Value).named(),
    row(Global, "banner # *", Value).named(),
    // Interfaces.
    row(Interface, "description *", Value),
    row(Interface, "bandwidth *", Value),
    row(Interface, "encapsulation dot1Q *", Value).phase(0),
    row(Interface, "vrf forwarding %vrf", Value).phase(0),
    row(Interface, "ip address # # secondary", Member).named().phase(4),
    row(Interface, "ip address *", Switch).default("no ip address").phase(4),
    row(Interface, "ip unnumbered %interface", Value).slot("ip address").phase(4),
    row(Interface, "ip access-group %acl in", Value).phase(1),
    row(Interface, "ip access-group %acl out", Value).phase(1),
    row(Interface, "ip nat | inside", Value),
    row(Interface, "ip nat | outside", Value),
    row(Interface, "ip redirects", Switch).default("ip redirects"),
    row(Interface, "ip unreachables", Switch).default("ip unreachables"),
    row(Interface, "ip proxy-arp", Switch).default("ip proxy-arp"),
    row(Interface, "ip local-proxy-arp", Value).named(),
    row(Interface, "ip helper-address #", Member).named(),
    row(Interface, "ip mtu *", Value).default("ip mtu 1500"),
    row(Interface, "ip tcp adjust-mss *", Value),
    row(Interface, "standby version *", Value).default("standby version 1").phase(5),
    row(Interface, "standby delay *", Value).phase(5),
    row(Interface, "standby use-bia *", Value).named(),
    row(Interface, "standby # ip # secondary", Member).named().phase(7),
    row(Interface, "standby # ip *", Value).named().phase(7),
    row(Interface, "standby # timers *", Value).default("standby # timers 3 10").named().phase(6),
    row(Interface, "standby # priority *", Value).default("standby # priority 100").named().phase(6),
    row(Interface, "standby # preempt *", Value).named().phase(6),
    row(Interface, "standby # authentication | md5 key-chain %chain", Value).named().phase(6),
    row(Interface, "standby # authentication | md5 key-string $", Value).named().phase(6),
    row(Interface, "standby # authentication $", Value).named().phase(6),
    row(Interface, "standby # name *", Value).named().phase(6),
    row(Interface, "standby # track #track *", Value).named().phase(6),
    row(Interface, "qos pre-classify", Value),
    row(Interface, "tunnel source %interface", Value),
    row(Interface, "tunnel mode *", Value).default("tunnel mode gre ip"),
    row(Interface, "tunnel destination *", Value),
    row(Interface, "tunnel vrf %vrf", Value),
    row(Interface, "tunnel protection ipsec profile %ipsec", Value),
    row(Interface, "dialer in-band", Value),
    row(Interface, "dialer idle-timeout *", Value).default("dialer idle-timeout 120"),
    row(Interface, "dialer-group *", Value),
    row(Interface, "pulse-time *", Value),
    row(Interface, "cdp enable", Switch).default("cdp enable"),
    row(Interface, "service-policy input %policymap", Value),
    row(Interface, "service-policy output %policymap", Value),
    row(Interface, "shutdown", Switch).default("no shutdown").named().phase(8),
    // Probes and tracked objects.
    row(Sla, "icmp-echo *", Opens(SlaEcho)),
    row(SlaEcho, "vrf %vrf", Value),
    row(SlaEcho, "threshold *", Value).default("threshold 5000"),
    row(SlaEcho, "timeout *", Value).default("timeout 5000"),
    row(SlaEcho, "frequency *", Value).default("frequency 60"),
    row(Track, "object #track", Member),
    row(Track, "delay *", Value),
    // Access lists.
    row(Acl, "remark *", Entry),
    row(Acl, "permit *", Entry),
    row(Acl, "deny *", Entry),
    // Queues.
    row(ClassMap, "match access-group name #acl", Member),
    row(ClassMap, "match &", Member),
    row(PolicyMap, "class #classmap", Opens(PolicyClass)),
    row(PolicyClass, "priority *", Value),
    row(PolicyClass, "bandwidth remaining ratio *", Value).slot("bandwidth"),
    row(PolicyClass, "bandwidth *", Value).slot("bandwidth"),
    row(PolicyClass, "shape average *", Value),
    row(PolicyClass, "police *", Value),
    row(PolicyClass, "drop", Value).slot("bandwidth"),
    row(PolicyClass, "fair-queue *", Value),
    row(PolicyClass, "service-policy %policymap", Value),
    // Routing tables and keys.
    row(Vrf, "description *", Value),
    row(Vrf, "rd *", Value),
    row(Vrf, "route-target # #", Member).named(),
    row(Vrf, "address-family ipv4", Opens(Family)),
    row(Vrf, "exit-address-family", Value),
    row(KeyChain, "key #", Opens(Key)).named(),
    row(Key, "key-string $", Value),
    // Tunnels.
    row(Keyring, "peer #", Opens(Peer)).named(),
    row(Peer, "address *", Value),
    row(Peer, "identity *", Value),
    row(Peer, "pre-shared-key $", Value).phase(3),
    row(Ikev2Policy, "route set interface", Value),
    row(Ikev2Profile, "match fvrf %vrf", Value),
    row(Ikev2Profile, "match identity remote *", Value),
    row(Ikev2Profile, "identity local *", Value),
    row(Ikev2Profile, "authentication remote *", Value),
    row(Ikev2Profile, "authentication local *", Value),
    row(Ikev2Profile, "keyring local %keyring", Value),
    row(Ikev2Profile, "dpd *", Value),
    row(Ikev2Profile, "aaa authorization group psk list % %authorization", Value),
    row(Ikev2Profile, "virtual-template *", Value),
    row(Transform, "mode *", Value).default("mode tunnel"),
    row(IpsecProfile, "set transform-set %transform", Value),
    row(IpsecProfile, "set pfs *", Value),
    row(IpsecProfile, "set ikev2-profile %ike", Value),
    row(Controller, "lte sim *", Value),
    row(Controller, "lte modem link-recovery rssi *", Value),
    row(Controller, "profile id # *", Value),
    // Management.
    row(Archive, "log config", Opens(Log)),
    row(Log, "logging enable", Value),
    row(Log, "hidekeys", Value),
    row(Archive, "path *", Value),
    row(Archive, "maximum *", Value).default("maximum 10"),
    row(Archive, "write-memory", Value),
    row(Tacacs, "address ipv4 *", Value),
    row(Tacacs, "key $", Value),
    row(Tacacs, "timeout *", Value),
    row(Terminal, "access-class %acl in *", Value).phase(0),
    row(Terminal, "exec-timeout *", Value).default("exec-timeout 10 0"),
    row(Terminal, "logging synchronous", Value),
    row(Terminal, "login authentication *", Value).phase(1),
    row(Terminal, "transport input *", Value).phase(4),
    row(Terminal, "transport output *", Value),
];
