//! Changes of a tenant's network by a number: what runs, with lines of other people in it, and what
//! is wanted.

use super::tenants::{self, inventory};
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;
use std::sync::OnceLock;
use traghetto::model::link::{Backup, CarrierLine, CellularLine, Lan, ProfileVia, ReturnPath, Site};
use traghetto::model::server::Addressing;
use traghetto::model::tenant::Tenant;
use traghetto::model::{Known, ServerId};
use traghetto::network::cpe::{self, Moved};
use traghetto::network::diff::{ChangeClass, Ownership, RouterChange, owned_on};
use traghetto::network::render::Templates;
use traghetto::network::simulate::{Role, Surroundings};
use traghetto::network::text::ConfigText;
use traghetto::network::{NetworkPlan, hub};

/// Kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    ServerMoves,
    ServerReturns,
    ServerAdded,
    AllMove,
    Rates,
    Mtu,
    Backup,
    BackupLine,
    Priority,
    Delays,
    Probe,
    Filter,
    Names,
    Management,
    TenantArrives,
    TenantLeaves,
    // What both routers of a LAN, or the carrier, must change at the same moment.
    Timers,
    PrimaryLine,
    LanAddresses,
    Vip,
    Authentication,
    Group,
}

impl Kind {
    pub const ALL: [Kind; 22] = [
        Kind::ServerMoves,
        Kind::ServerReturns,
        Kind::ServerAdded,
        Kind::AllMove,
        Kind::Rates,
        Kind::Mtu,
        Kind::Backup,
        Kind::BackupLine,
        Kind::Priority,
        Kind::Delays,
        Kind::Probe,
        Kind::Filter,
        Kind::Names,
        Kind::Management,
        Kind::TenantArrives,
        Kind::TenantLeaves,
        Kind::Timers,
        Kind::PrimaryLine,
        Kind::LanAddresses,
        Kind::Vip,
        Kind::Authentication,
        Kind::Group,
    ];
}

/// One end of a change.
#[derive(Clone)]
struct End {
    tenant: Tenant,
    moved: Moved,
    /// Replacements in the rendered text: a line that begins with the first becomes the second.
    edits: Vec<(String, String)>,
    /// Whether the hub has the tenant.
    on_hub: bool,
}

/// A change.
pub struct Pair {
    pub seed: u64,
    pub kind: Kind,
    pub routers: Vec<RouterChange>,
    pub surroundings: Vec<Surroundings>,
    pub class: ChangeClass,
    /// Lines of other people on each router, with the header of their mode before `/`.
    pub foreign: Vec<Vec<String>>,
}

fn templates() -> &'static Templates {
    static READ: OnceLock<Templates> = OnceLock::new();
    READ.get_or_init(|| Templates::built_in().unwrap())
}

/// The change of a number.
pub fn pair(seed: u64) -> Pair {
    let kind = Kind::ALL[(seed % Kind::ALL.len() as u64) as usize];
    let mut tenant = tenants::tenant(seed.wrapping_mul(31).wrapping_add(seed / 22));
    // Some kinds of change need something that not every tenant has.
    while !suits(kind, &tenant) {
        tenant = tenants::tenant(u64::from(tenant.number) * 7919 + seed);
    }
    let servers: Vec<ServerId> = tenant.servers.known().unwrap().iter().map(|server| server.id.clone()).collect();
    let some: Moved = servers.iter().skip(1).step_by(2).cloned().collect();
    let old = End { tenant, moved: some, edits: Vec::new(), on_hub: true };
    let (old, new) = ends(kind, seed, old, &servers);
    build(seed, kind, &old, &new)
}

fn site(tenant: &Tenant) -> &Site {
    &tenant.sites.known().unwrap()[0]
}

fn site_mut(tenant: &mut Tenant) -> &mut Site {
    let Known::Known(sites) = &mut tenant.sites else { panic!("no sites") };
    &mut sites[0]
}

fn suits(kind: Kind, tenant: &Tenant) -> bool {
    let kept = tenant.servers.known().unwrap().iter().filter(|server| server.landing == Addressing::Keep).count();
    let backup = &site(tenant).link.backup;
    match kind {
        Kind::ServerMoves | Kind::ServerReturns | Kind::AllMove => kept > 0,
        Kind::Backup => backup.is_some(),
        Kind::BackupLine => matches!(backup, Some(Backup::Copper { .. })),
        Kind::Filter => matches!(backup, Some(Backup::Lte { .. })),
        Kind::Timers | Kind::Authentication | Kind::Group | Kind::Vip => {
            site(tenant).lan.as_ref().unwrap().standby.is_some()
        }
        _ => true,
    }
}

fn ends(kind: Kind, seed: u64, old: End, servers: &[ServerId]) -> (End, End) {
    let (mut from, mut to) = (old.clone(), old);
    match kind {
        Kind::ServerMoves | Kind::ServerReturns | Kind::ServerAdded | Kind::AllMove => {
            servers_differ(kind, &mut from, &mut to, servers);
        }
        Kind::Rates
        | Kind::Mtu
        | Kind::Backup
        | Kind::BackupLine
        | Kind::PrimaryLine
        | Kind::LanAddresses
        | Kind::Vip => site_differs(kind, seed, &mut to.tenant),
        Kind::Timers | Kind::Priority | Kind::Authentication | Kind::Group | Kind::Names => {
            groups_differ(kind, seed, &mut from, &mut to);
        }
        Kind::Delays | Kind::Probe | Kind::Filter | Kind::Management => lines_differ(kind, seed, &mut from, &mut to),
        Kind::TenantArrives => from.on_hub = false,
        Kind::TenantLeaves => to.on_hub = false,
    }
    (from, to)
}

fn servers_differ(kind: Kind, from: &mut End, to: &mut End, servers: &[ServerId]) {
    match kind {
        Kind::AllMove => {
            from.moved.clear();
            to.moved.extend(servers.iter().cloned());
        }
        Kind::ServerAdded => {
            let extra = added_server(&to.tenant);
            to.moved.insert(extra.id.clone());
            let Known::Known(all) = &mut to.tenant.servers else { panic!("no servers") };
            all.push(extra);
        }
        _ => {
            let server = to.tenant.servers.known().unwrap().iter().find(|server| server.landing == Addressing::Keep);
            let id = server.unwrap().id.clone();
            from.moved.remove(&id);
            to.moved.insert(id);
            if kind == Kind::ServerReturns {
                std::mem::swap(from, to);
            }
        }
    }
}

fn added_server(tenant: &Tenant) -> traghetto::model::server::Server {
    let number = u8::try_from(tenant.number).unwrap();
    let lan = site(tenant).lan.as_ref().unwrap();
    let mut extra = pattern_server(tenant);
    extra.id = format!("paese-{number}-nuovo").parse().unwrap();
    extra.address = lan.prefix.nth(9).unwrap();
    extra.landing = match lan.hub {
        Some(_) => Addressing::Keep,
        None => Addressing::Renumber(Ipv4Addr::new(10, 64, number, 99)),
    };
    extra
}

fn site_differs(kind: Kind, seed: u64, tenant: &mut Tenant) {
    let number = u8::try_from(tenant.number).unwrap();
    let Site { link, lan, .. } = site_mut(tenant);
    let lan = lan.as_mut().unwrap();
    let from_end = |nth: u32, lan: &Lan| Ipv4Addr::from(u32::from(lan.prefix.broadcast()) - nth);
    match kind {
        Kind::Rates => {
            link.pcr_mbps = link.pcr_mbps * 2 + 10;
            link.mcr_percent = 30;
        }
        Kind::Mtu => {
            let line = link.carrier.as_mut().unwrap();
            line.mtu = if line.mtu == 1500 { 1460 } else { 1500 };
        }
        Kind::Backup => link.backup = Some(other_backup(link.backup.as_ref().unwrap(), number, seed)),
        Kind::BackupLine => {
            if let Some(Backup::Copper { carrier: Some(carrier), .. }) = &mut link.backup {
                *carrier = line(number, 12, carrier.mtu);
            }
        }
        Kind::PrimaryLine => {
            let carrier = link.carrier.as_mut().unwrap();
            *carrier = line(number, 8, carrier.mtu);
        }
        Kind::LanAddresses => {
            let (primary, standby) = (from_end(5, lan), from_end(6, lan));
            (lan.primary, lan.standby) = (primary, lan.standby.map(|_| standby));
        }
        _ => lan.vip = from_end(5, lan),
    }
}

fn edit(end: &mut End, from: &str, to: &str) {
    end.edits.push((from.to_owned(), to.to_owned()));
}

/// What the routers say of their HSRP group.
fn groups_differ(kind: Kind, seed: u64, from: &mut End, to: &mut End) {
    match kind {
        Kind::Timers => edit(to, " standby # timers 1 3", " timers 2 7"),
        Kind::Priority if seed.is_multiple_of(2) => {
            edit(from, " standby # priority 110", " priority 105");
            edit(from, " standby # track 100 decrement 20", " track 100 decrement 15");
        }
        Kind::Priority => {
            edit(to, " standby # priority 110", " priority 120");
            edit(to, " standby # track 100 decrement 20", " track 100 decrement 40");
        }
        Kind::Authentication => {
            let string = " authentication md5 key-string <secret:new>";
            edit(to, " standby # authentication md5 key-chain HSRP-LAN", string);
        }
        Kind::Names => {
            edit(to, " standby # name", " name LAN-OTHER");
            edit(to, " description LAN", " description LAN of another name");
            edit(from, "key chain HSRP-LAN", "key chain HSRP-OLD");
            edit(from, " standby # authentication md5 key-chain HSRP-LAN", " authentication md5 key-chain HSRP-OLD");
        }
        _ => {
            for (line, rest) in GROUP {
                edit(from, &format!(" standby # {line}"), &format!("! {rest}"));
            }
        }
    }
}

fn lines_differ(kind: Kind, seed: u64, from: &mut End, to: &mut End) {
    match kind {
        Kind::Delays => {
            edit(to, " delay down 6 up 60", " delay down 9 up 90");
            edit(to, " delay up 60", " delay up 90");
            edit(to, " standby delay minimum 30 reload 90", " standby delay minimum 45 reload 120");
            edit(from, " delay down 20 up 30", " delay down 15");
        }
        Kind::Probe => {
            edit(to, "  frequency 3", "  frequency 5");
            edit(to, "  timeout 2000", "  timeout 2500");
            if seed.is_multiple_of(3) {
                edit(from, "  threshold 500", "  threshold 700");
            }
        }
        Kind::Filter => {
            edit(from, " permit esp host", " permit ip host 203.0.113.99 any");
            edit(from, " permit 10.255.10.0 0.0.0.255", " permit 10.255.8.0 0.0.3.255");
        }
        _ => {
            edit(to, "logging host 10.255.10.20", "logging host 10.255.10.21");
            edit(to, "ntp server", "ntp server 10.255.10.31 prefer");
            edit(from, "ip ssh time-out 60", "ip ssh time-out 30");
            edit(from, " exec-timeout 10 0", " exec-timeout 0 0");
        }
    }
}

/// Lines of a group that are renumbered.
const GROUP: [(&str, &str); 8] = [
    ("ip", "ip"),
    ("timers", "timers"),
    ("priority", "priority"),
    ("preempt", "preempt"),
    ("authentication", "authentication"),
    ("name", "name"),
    ("track 100", "track 100"),
    ("track 30", "track 30"),
];

fn pattern_server(tenant: &Tenant) -> traghetto::model::server::Server {
    static READ: OnceLock<traghetto::model::server::Server> = OnceLock::new();
    let any = || tenants::tenant(5).servers.known().unwrap().first().cloned();
    tenant.servers.known().unwrap().first().cloned().unwrap_or_else(|| {
        READ.get_or_init(|| {
            any()
                .or_else(|| (0..99).find_map(|seed| tenants::tenant(seed).servers.known().unwrap().first().cloned()))
                .unwrap()
        })
        .clone()
    })
}

fn line(number: u8, at: u8, mtu: u16) -> CarrierLine {
    CarrierLine {
        wan: Ipv4Network::new(Ipv4Addr::new(10, 128, number, at), 30).unwrap(),
        pe: Ipv4Addr::new(10, 128, number, at + 1),
        cpe: Ipv4Addr::new(10, 128, number, at + 2),
        mtu,
        example: true,
    }
}

fn other_backup(now: &Backup, number: u8, seed: u64) -> Backup {
    let lte = |return_path| Backup::Lte {
        rate_kbps: 8000,
        apn: Some("apn.example".to_owned()),
        return_path,
        profile_via: ProfileVia::Config,
    };
    match (now, seed % 2) {
        (Backup::Copper { .. }, 0) => lte(ReturnPath::Tunnel),
        (Backup::Copper { .. }, _) | (Backup::Lte { return_path: ReturnPath::Tunnel, .. }, 0) => {
            lte(ReturnPath::Provider {
                carrier: Some(CellularLine {
                    wan: Ipv4Network::new(Ipv4Addr::new(10, 126, number, 0), 29).unwrap(),
                    cpe: Ipv4Addr::new(10, 126, number, 2),
                    negotiated: seed.is_multiple_of(3),
                    mtu: 1428,
                    example: true,
                }),
            })
        }
        _ => Backup::Copper { rate_kbps: 8000, carrier: Some(line(number, 4, 1492)) },
    }
}

/// The texts of one end: each router's, and the tenant's part of the hub.
struct Texts {
    plan: NetworkPlan,
    cpes: Vec<ConfigText>,
    part: ConfigText,
    whole: ConfigText,
    neighbours: ConfigText,
}

fn texts(end: &End, seed: u64) -> Texts {
    let others: Vec<Tenant> = (1..3)
        .map(|nth| tenants::tenant(seed.wrapping_mul(13) + nth * 97))
        .filter(|other| other.number != end.tenant.number)
        .collect();
    let mut all: Vec<Tenant> = others.clone();
    all.push(end.tenant.clone());
    let inventory = inventory(all);
    let plan = |tenant: &Tenant| NetworkPlan::new(&inventory, tenant).unwrap();
    let own = plan(&end.tenant);
    let text = |router| edited(&templates().router(&router).unwrap(), &end.edits);
    let mut others: Vec<NetworkPlan> = others.iter().map(plan).collect();
    others.dedup_by_key(|other| other.numbers.number);
    let neighbours = hub::whole(&others, &Moved::new()).map(|hub| text_of(&templates().router(&hub).unwrap()));
    let neighbours = neighbours.unwrap_or_default();
    let part = if end.on_hub { text(hub::tenant(&own, &end.moved)) } else { text_of("hostname sad-ce-1\n") };
    let mut both = others;
    if end.on_hub {
        both.push(own.clone());
    }
    let whole = hub::whole(&both, &end.moved).map(text).unwrap_or_default();
    Texts { cpes: cpe::routers(&own, &end.moved).into_iter().map(text).collect(), part, whole, neighbours, plan: own }
}

fn text_of(text: &str) -> ConfigText {
    ConfigText::parse(text)
}

/// A rendered text with replacements. `#` in a pattern is any word; a replacement of a `standby` line
/// that begins with ` ` or `!` keeps, or changes, the number of its group.
fn edited(text: &str, edits: &[(String, String)]) -> ConfigText {
    let mut out = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let fits = |pattern: &str| {
            let indent = |text: &str| text.len() - text.trim_start().len();
            let pattern_words: Vec<&str> = pattern.split_whitespace().collect();
            indent(line) == indent(pattern)
                && pattern_words.len() <= words.len()
                && pattern_words.iter().zip(&words).all(|(pattern, word)| *pattern == "#" || pattern == word)
        };
        let said = match edits.iter().find(|(pattern, _)| fits(pattern)) {
            Some((pattern, rest)) if pattern.contains('#') && rest.starts_with('!') => {
                let number: u16 = words[1].parse().unwrap();
                format!(" standby {} {}", number + 1, words[2..].join(" "))
            }
            Some((pattern, rest)) if pattern.contains('#') => format!(" standby {}{rest}", words[1]),
            Some((_, other)) => other.clone(),
            None => line.to_owned(),
        };
        out.push_str(&said);
        out.push('\n');
    }
    text_of(&out)
}

/// Lines of other people, below the header of their mode where there is a `/`.
const FOREIGN: [&str; 12] = [
    "interface Vlan99/description printers of the municipality",
    "interface Vlan99/ip address 172.30.99.1 255.255.255.0",
    "interface GigabitEthernet0/0/1/ip helper-address 172.30.99.9",
    "interface GigabitEthernet0/0/1/load-interval 30",
    "interface GigabitEthernet0/0/0/negotiation auto",
    "ip route 172.30.98.0 255.255.255.0 172.30.99.2 name THEIRS",
    "router ospf 7/network 172.30.0.0 0.0.255.255 area 0",
    "ip access-list extended THEIRS/permit tcp any any eq 443",
    "snmp-server community letmein RO",
    "logging host 172.30.99.77",
    "line vty 0 4/length 0",
    "track 900 interface Vlan99 line-protocol",
];

/// `config` with lines of other people.
fn with_foreign(config: &ConfigText, seed: u64) -> (ConfigText, Vec<String>) {
    let mut config = config.clone();
    let mut put = Vec::new();
    for (at, line) in FOREIGN.iter().enumerate() {
        if (seed >> at) & 1 == 0 && !seed.is_multiple_of(5) {
            continue;
        }
        let split = line.rfind('/').filter(|_| {
            line.starts_with("interface")
                || line.contains("/network")
                || line.contains("/permit")
                || line.contains("/length")
        });
        let line = match split {
            Some(at) => {
                let (header, child) = (&line[..at], &line[at + 1..]);
                let new = || traghetto::network::text::Line::new(header);
                let found = config.lines.iter().position(|line| line.text == header);
                let at = found.unwrap_or_else(|| {
                    config.lines.push(new());
                    config.lines.len() - 1
                });
                config.lines[at].children.push(traghetto::network::text::Line::new(child));
                format!("{header} / {child}")
            }
            None => {
                config.lines.push(traghetto::network::text::Line::new(*line));
                (*line).to_owned()
            }
        };
        put.push(line);
    }
    (config, put)
}

/// The renderings at hand: of what the inventory says now. What was rendered before it was changed is
/// not, but for lines that no change of the inventory leads to.
fn known<'a>(kind: Kind, running: &'a ConfigText, wanted: &'a ConfigText) -> Vec<&'a ConfigText> {
    match kind {
        Kind::Names | Kind::Management | Kind::Group => vec![running, wanted],
        _ => vec![wanted],
    }
}

fn build(seed: u64, kind: Kind, old: &End, new: &End) -> Pair {
    let (from, to) = (texts(old, seed), texts(new, seed));
    let mut routers = Vec::new();
    let mut foreign = Vec::new();
    let mut add = |role, running: &ConfigText, wanted: &ConfigText, own: Ownership| {
        let (running, lines) = with_foreign(running, seed.wrapping_mul(17) + role as u64);
        routers.push(RouterChange { role, running, wanted: wanted.clone(), own });
        foreign.push(lines);
    };
    for (role, (running, wanted)) in
        [Role::PrimaryCpe, Role::StandbyCpe].into_iter().zip(from.cpes.iter().zip(&to.cpes))
    {
        add(role, running, wanted, owned_on(role, &to.plan, known(kind, running, wanted), []));
    }
    let known = known(kind, &from.part, &to.part);
    let own = owned_on(Role::Hub, &to.plan, known, [&from.neighbours, &from.whole]);
    add(Role::Hub, &from.whole, &to.part, own);
    let mut surroundings = vec![Surroundings::of(&from.plan, &old.moved), Surroundings::of(&to.plan, &new.moved)];
    surroundings.dedup();
    let class = match kind {
        Kind::ServerMoves | Kind::AllMove => ChangeClass::Cutover,
        Kind::ServerReturns => ChangeClass::Return,
        _ => ChangeClass::Maintenance,
    };
    Pair { seed, kind, routers, surroundings, class, foreign }
}
