//! From the inventory to a [`NetworkPlan`], or to everything that stands against it.
//!
//! Each site has a plan. Its number gives what is its own, its tenant's number what all sites share:
//! routing table, prefix at the SAD, target of the probes. Sites meet on the hub: each has a handoff.

use super::estate;
use super::migration_path::{self, MigrationPath};
use super::plan::{
    BackupLine, Cpe, LanPlan, LteWay, NetworkPlan, PrimaryLine, Rate, ReachedBy, ServerPlan, Shared, TUNNEL_MTU,
};
use super::pools::Numbers;
use super::problem::{NetworkProblem, NetworkProblems, Rule};
use super::token::Token;
use crate::model::Inventory;
use crate::model::link::{Backup, CarrierLine, CellularLine, HubHandoff, Lan, Link, ProfileVia, ReturnPath, Site};
use crate::model::project::{NetworkPools, Project};
use crate::model::server::{Addressing, Server, ServerRole};
use crate::model::tenant::Tenant;
use std::net::Ipv4Addr;

/// Bytes of IP and TCP headers: the segment is that much smaller than the packet.
const HEADERS: u16 = 40;
/// Bytes of an IP packet on Ethernet.
const ETHERNET_MTU: u16 = 1500;

impl NetworkPlan {
    /// Decides the network of `tenant`, or says everything that stands against it.
    pub fn new(inventory: &Inventory, tenant: &Tenant) -> Result<Self, NetworkProblems> {
        let project = inventory.project.at(tenant.landing_site.as_ref());
        let pools = &project.network;
        let mut found = Problems(Vec::new());
        let shared = Shared::new(&project, &mut found);
        let servers = found.known(tenant.servers.known(), "servers");
        let sites = found.known(tenant.sites.known().filter(|sites| !sites.is_empty()), "sites");
        let mut plans = Vec::new();
        for site in sites.into_iter().flatten() {
            let own = servers.map(|all| servers_at(tenant, site, all));
            plans.push(Self::of_site(pools, tenant, site, own.as_deref(), shared.as_ref(), &mut found));
        }
        match plans.into_iter().collect::<Option<Vec<_>>>().and_then(joined) {
            Some(plan) => {
                found.0.extend(estate::overlaps(&plan));
                for site in std::iter::once(&plan).chain(&plan.beside) {
                    found.0.extend(estate::on_the_jump_host(site));
                    found.0.extend(estate::shared_with_others(inventory, pools, tenant, site));
                    found.0.extend(estate::migration_clashes(inventory, pools, tenant, site));
                }
                if found.0.is_empty() { Ok(plan) } else { Err(found.of(tenant)) }
            }
            None => Err(found.of(tenant)),
        }
    }

    /// The plan of one site, whose servers are `own`.
    fn of_site(
        pools: &NetworkPools,
        tenant: &Tenant,
        site: &Site,
        own: Option<&[Server]>,
        shared: Option<&Shared>,
        found: &mut Problems,
    ) -> Option<Self> {
        let numbers = found.all(Numbers::new(pools, tenant, site));
        let key = format!("sites.{}", site.id);
        let given = Given::new(site, own.is_some_and(|all| all.iter().any(keeps)), &key, found);
        let (given, all) = (given?, own?);
        let servers = server_plans(all, given.lan, numbers.as_ref(), found);
        let numbers = numbers?;
        let migration = found.all(MigrationPath::decide(&migration_path::Given {
            pools,
            numbers: &numbers,
            site: &key,
            wish: site.migration_path,
            lan: given.lan,
            servers: all,
        }));
        let rest = Rest { numbers, servers, migration: migration?, shared: shared?.clone() };
        Some(Self::decide(tenant, site, given, rest, pools.probe_target))
    }

    fn decide(tenant: &Tenant, site: &Site, given: Given<'_>, rest: Rest, probe_target: Ipv4Addr) -> Self {
        let Rest { numbers, servers, migration, shared } = rest;
        let lower = numbers.label.as_str().to_lowercase();
        let cpe = |letter: char, loopback: Ipv4Addr, lan: Ipv4Addr| Cpe {
            hostname: Token::of(format_args!("{lower}-cpe-{letter}")),
            loopback,
            lan,
        };
        let backup = given.backup.map(|backup| backup.line(&numbers));
        let backup_mtu = match &backup {
            None => given.carrier.mtu,
            Some(BackupLine::Copper { line, .. }) => line.mtu,
            Some(BackupLine::Lte { way: LteWay::Tunnel(_), .. }) => TUNNEL_MTU,
            Some(BackupLine::Lte { way: LteWay::Provider(line), .. }) => line.mtu,
        };
        Self {
            tenant: tenant.id.clone(),
            site: site.id.clone(),
            managed_by: site.link.managed_by,
            lan: LanPlan {
                prefix: given.lan.prefix,
                gateway: given.lan.gateway.clone(),
                vip: given.lan.vip,
                hub: given.lan.hub.filter(|_| servers.iter().any(|server| server.reached_by == ReachedBy::ProxyArp)),
            },
            probe_target,
            handoff: given.handoff.clone(),
            primary: PrimaryLine {
                line: given.carrier.clone(),
                medium: site.link.primary,
                pcr_mbps: site.link.pcr_mbps,
                mcr_kbps: site.link.mcr_kbps(),
                rate: given.rate,
            },
            primary_cpe: cpe('a', numbers.primary_loopback, given.lan.primary),
            standby_cpe: given.lan.standby.map(|lan| cpe('b', numbers.standby_loopback, lan)),
            mss: given.carrier.mtu.min(backup_mtu).saturating_sub(HEADERS),
            backup,
            numbers,
            servers,
            migration,
            shared,
            beside: Vec::new(),
        }
    }
}

/// The first site's plan, with the others beside it.
fn joined(plans: Vec<NetworkPlan>) -> Option<NetworkPlan> {
    let mut plans = plans.into_iter();
    let first = plans.next()?;
    Some(NetworkPlan { beside: plans.collect(), ..first })
}

/// The servers that stand at a site; one that is in no LAN counts for the first site, which refuses it.
fn servers_at(tenant: &Tenant, site: &Site, all: &[Server]) -> Vec<Server> {
    let first = tenant.sites.known().and_then(|sites| sites.first());
    let home = |server: &&Server| tenant.site_of(server).or(first).is_some_and(|home| home.id == site.id);
    all.iter().filter(home).cloned().collect()
}

/// What is decided beside what is given.
struct Rest {
    numbers: Numbers,
    servers: Vec<ServerPlan>,
    migration: Option<MigrationPath>,
    shared: Shared,
}

/// Whether the server's address stays inside the clients' subnet.
fn keeps(server: &Server) -> bool {
    server.landing == Addressing::Keep
}

/// What has been found wrong so far.
struct Problems(Vec<NetworkProblem>);

impl Problems {
    fn push(&mut self, key: impl Into<String>, rule: Rule) {
        self.0.push(NetworkProblem::new(key, rule));
    }

    fn known<T>(&mut self, value: Option<T>, key: &str) -> Option<T> {
        if value.is_none() {
            self.push(key, Rule::Missing);
        }
        value
    }

    fn token(&mut self, text: &str, most: usize, key: &str) -> Option<Token> {
        Token::new(text, most).map_err(|invalid| self.push(key, Rule::Text(invalid))).ok()
    }

    fn all<T>(&mut self, result: Result<T, Vec<NetworkProblem>>) -> Option<T> {
        result.map_err(|problems| self.0.extend(problems)).ok()
    }

    fn of(self, tenant: &Tenant) -> NetworkProblems {
        let mut problems: Vec<NetworkProblem> = Vec::new();
        for problem in self.0 {
            // What is the tenant's is found at each of its sites.
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        NetworkProblems { tenant: tenant.id.clone(), problems }
    }
}

impl Shared {
    fn new(project: &Project, found: &mut Problems) -> Option<Self> {
        let pools = &project.network;
        let domain = found.token(&pools.domain, 60, "network.domain");
        let hub = found.token(&pools.hub_name, 40, "network.hub_name");
        Some(Self {
            place: place(&project.landing.name),
            mark: mark(&project.landing.name),
            domain: domain?,
            hub: hub?,
            hub_public: pools.hub_public,
            management: pools.management,
            syslog: pools.syslog,
            ntp: pools.ntp,
            tacacs: pools.tacacs,
            migration: pools.migration.clone(),
        })
    }
}

/// A landing site's name as texts for routers and hosts may carry it.
fn place(name: &str) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() || " .-_".contains(letter) { letter } else { '-' };
    name.chars().map(safe).collect()
}

/// The word that begins the names of what leads to a landing site: the letters and digits of the first
/// word of its name, in capitals.
fn mark(name: &str) -> Token {
    let first = name.split_whitespace().next().unwrap_or_default();
    let word: String = first.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let word = word.to_ascii_uppercase();
    Token::of(format_args!("{}", if word.is_empty() { "SITE" } else { &word }))
}

/// What the carrier and the town give, complete.
struct Given<'a> {
    lan: &'a Lan,
    carrier: CarrierLine,
    handoff: &'a HubHandoff,
    rate: Rate,
    backup: Option<GivenBackup>,
}

enum GivenBackup {
    Copper {
        line: CarrierLine,
        rate_kbps: u32,
        rate: Rate,
    },
    /// `line` is what the carrier gives where the line leads into the VPN.
    Lte {
        line: Option<CellularLine>,
        rate_kbps: u32,
        rate: Rate,
        apn: Option<Token>,
    },
}

impl<'a> Given<'a> {
    fn new(site: &'a Site, keeps: bool, key: &str, found: &mut Problems) -> Option<Self> {
        let lan = found.known(site.lan.as_ref(), &format!("{key}.lan"));
        let carrier = found.known(site.link.carrier.as_ref().map(usable), &format!("{key}.link.carrier"));
        let handoff = match &carrier {
            Some(_) => found.known(site.link.handoff.as_ref(), &format!("{key}.link.carrier.hub_vlan")),
            None => None,
        };
        if keeps && lan.is_some_and(|lan| lan.hub.is_none()) {
            found.push(format!("{key}.lan.hub"), Rule::Missing);
        }
        if site.link.backup.is_none() && lan.is_some_and(|lan| lan.standby.is_some()) {
            found.push(format!("{key}.link.backup"), Rule::IdleStandby { site: site.id.clone() });
        }
        let rate = primary_rate(&site.link, key, found);
        let backup = match &site.link.backup {
            None => None,
            Some(backup) => Some(GivenBackup::new(backup, key, found)?),
        };
        Some(Self { lan: lan?, carrier: carrier?, handoff: handoff?, rate: rate?, backup })
    }
}

impl GivenBackup {
    /// The line; over the Internet it takes the tunnel of the tenant's `numbers`.
    fn line(self, numbers: &Numbers) -> BackupLine {
        match self {
            Self::Copper { line, rate_kbps, rate } => BackupLine::Copper { line, rate_kbps, rate },
            Self::Lte { line, rate_kbps, rate, apn } => {
                let tunnel = || LteWay::Tunnel(numbers.tunnel);
                let way = line.map_or_else(tunnel, LteWay::Provider);
                BackupLine::Lte { way, rate_kbps, rate, apn }
            }
        }
    }

    fn new(backup: &Backup, key: &str, found: &mut Problems) -> Option<Self> {
        match backup {
            Backup::Copper { rate_kbps, carrier } => {
                let key = format!("{key}.link.backup.copper");
                let line = found.known(carrier.as_ref().map(usable), &format!("{key}.carrier"));
                let rate = rate(shaped(*rate_kbps), *rate_kbps, &format!("{key}.rate_kbps"), found);
                Some(Self::Copper { line: line?, rate_kbps: *rate_kbps, rate: rate? })
            }
            Backup::Lte { rate_kbps, apn, return_path, profile_via } => {
                let key = format!("{key}.link.backup.lte");
                // The rate of an LTE line is already ours, below what the carrier sells.
                let rate = rate(u64::from(*rate_kbps) * 1000, *rate_kbps, &format!("{key}.rate_kbps"), found);
                let apn = match apn {
                    None => None,
                    Some(apn) => Some(found.token(apn, 63, &format!("{key}.apn"))?),
                };
                if *profile_via == ProfileVia::Exec {
                    found.push(format!("{key}.profile_via"), Rule::OlderModem);
                }
                let line = match return_path {
                    ReturnPath::Tunnel => None,
                    ReturnPath::Provider { carrier } => {
                        let line = found.known(carrier.clone(), &format!("{key}.carrier"))?;
                        Some(CellularLine { mtu: line.mtu.min(ETHERNET_MTU), ..line })
                    }
                };
                Some(Self::Lte { line, rate_kbps: *rate_kbps, rate: rate?, apn })
            }
        }
    }
}

/// Interfaces keep the 1500 bytes of Ethernet: IOS refuses an `ip mtu` above that, and no machine of
/// the town sends more, so what a carrier carries beyond is left unused.
fn usable(line: &CarrierLine) -> CarrierLine {
    CarrierLine { mtu: line.mtu.min(ETHERNET_MTU), ..line.clone() }
}

fn primary_rate(link: &Link, key: &str, found: &mut Problems) -> Option<Rate> {
    let peak_kbps = link.pcr_mbps.saturating_mul(1000);
    rate(shaped(peak_kbps), link.mcr_kbps(), &format!("{key}.link.mcr_percent"), found)
}

/// 2 % below the line's rate, so that the queue is ours and not the carrier's.
fn shaped(kbps: u32) -> u64 {
    u64::from(kbps) * 980
}

fn rate(shaped_bps: u64, guaranteed_kbps: u32, key: &str, found: &mut Problems) -> Option<Rate> {
    if guaranteed_kbps < 64 {
        found.push(key, Rule::Rate { kbps: guaranteed_kbps });
        return None;
    }
    Some(Rate { shaped_bps, llq_kbps: (guaranteed_kbps / 5).min(2000) })
}

/// Where each server is after its move, with every server that cannot be there.
fn server_plans(servers: &[Server], lan: &Lan, numbers: Option<&Numbers>, found: &mut Problems) -> Vec<ServerPlan> {
    let mut plans: Vec<ServerPlan> = Vec::new();
    for server in servers {
        let key = format!("servers.{}", server.id);
        if !lan.prefix.contains(server.address) {
            let rule = Rule::OutsideLan { address: server.address, lan: lan.prefix };
            found.push(format!("{key}.address"), rule);
            continue;
        }
        let (after, reached_by) = match server.landing {
            Addressing::Keep => (server.address, ReachedBy::ProxyArp),
            Addressing::Renumber(address) => (address, ReachedBy::SadPrefix),
            Addressing::RoutesOnly => {
                let rule = Rule::SameSubnet { address: server.address, lan: lan.prefix };
                found.push(format!("{key}.landing"), rule);
                continue;
            }
        };
        if let (ReachedBy::SadPrefix, Some(numbers)) = (reached_by, numbers)
            && !is_free_host(after, numbers)
        {
            found.push(format!("{key}.landing"), Rule::OutsideSad { address: after, sad: numbers.sad });
        }
        if let Some(other) = plans.iter().find(|other| other.after == after) {
            found.push(format!("{key}.landing"), Rule::Taken { address: after, other: other.id.clone() });
        }
        let dhcp = server.roles.contains(&ServerRole::Dhcp);
        plans.push(ServerPlan { id: server.id.clone(), before: server.address, after, reached_by, dhcp });
    }
    plans
}

fn is_free_host(address: Ipv4Addr, numbers: &Numbers) -> bool {
    let sad = numbers.sad;
    sad.contains(address) && ![sad.network(), sad.broadcast(), numbers.sad_gateway].contains(&address)
}
