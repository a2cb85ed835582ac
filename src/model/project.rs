//! The project: parties, terms, the landing site, and the pools from which our own numbers come.

use super::LandingId;
pub use super::calendar::Sla;
use super::calendar::Term;
use super::converter::ConverterAccess;
use super::notify::Receiver;
use super::rate_calendar::RateCalendar;
use super::router_access::RouterAccess;
use super::vsphere::VsphereLanding;
use ipnetwork::Ipv4Network;
use jiff::civil::Date;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// `project.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Name as printed.
    pub name: String,
    /// Title of the executive project, with version and date.
    pub document: String,
    /// CUP code.
    pub cup: String,
    /// First day.
    pub start: Date,
    /// Last day, unless extended.
    pub end: Date,
    /// Lead authority, with the short name that heads its columns.
    pub lead: Party,
    /// Technical operator.
    pub operator: Party,
    /// Who validates for the data center.
    pub validator: Party,
    /// The date whose population decides bands (domain A5).
    pub population_date: Date,
    /// Sum of the members' populations at that date as printed, a check on the inventory.
    pub population_total: Option<u64>,
    /// Below how many inhabitants a tenant is small, the number itself outside: what the flag
    /// `under_5000` says, and payers follow.
    pub small_below: u64,
    /// Terms of the documents.
    pub terms: Terms,
    /// Service level of the links.
    pub sla: Sla,
    /// Extra days that are holidays everywhere, besides the national ones.
    pub extra_holidays: Vec<Date>,
    /// The landing site.
    pub landing: Landing,
    /// Further landing sites, each with numbers of its own: a tenant names the one where it lands.
    pub landing_sites: Vec<LandingSite>,
    /// Where the journal is mirrored, whichever the landing site: state lives in one place.
    pub mirror: LandingTarget,
    /// What the migration may take of a site's link, where the link has no calendar of its own.
    pub shaping: RateCalendar,
    /// Whom a run tells what.
    pub notify: Vec<Receiver>,
    /// Numbers of our own network; none where no network is planned.
    pub network: NetworkPools,
}

/// A body that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Full name.
    pub name: String,
    /// Short name, such as `CMV`.
    pub short: String,
    /// Codice fiscale, if known.
    pub tax_code: Option<String>,
}

/// Terms of the documents; what they leave open is a setting here (domain A13-A15).
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// From the order of a link to its delivery, at most.
    pub activation: Term,
    /// From the link to the start of activity 1, at most.
    pub start_after_network: Term,
    /// The date of the link from which `start_after_network` runs.
    pub start_from: NetworkDate,
    /// The six activities.
    pub plan: Term,
    /// From the acceptance of the landing to the wiping of the first disk, at least; 0 days are none.
    pub quiet_before_wipe: Term,
    /// What prevails where the quiet period ends after the plan's days.
    pub prevails: Prevails,
    /// Last day on which the lead pays every link.
    pub network_paid_by_lead_until: Date,
    /// First day on which fees are due.
    pub fees_from: Date,
    /// End of the term of art. 10; none is unknown (domain A8).
    pub term_end: Option<Date>,
}

/// What prevails where the plan's days are over before the quiet period is: one of them has to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prevails {
    /// Activity 6 waits for the quiet period, and ends after the plan's days.
    #[default]
    QuietPeriod,
    /// The quiet period is cut so that activity 6 begins on the plan's last day.
    Plan,
}

/// Which date of a link starts a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkDate {
    /// `available_on`.
    AvailableOn,
    /// `accepted_on`.
    AcceptedOn,
}

/// A further landing site: another data center, with its hub.
#[derive(Debug, Clone, PartialEq)]
pub struct LandingSite {
    /// Id, by which tenants name it.
    pub id: LandingId,
    /// What it is.
    pub landing: Landing,
    /// Its hub and its pools.
    pub network: NetworkPools,
}

impl Project {
    /// The project as tenants of a landing site see it: its landing and its network are that site's.
    /// None is the first one; so is one that the project does not have, which no inventory names.
    #[must_use]
    pub fn at(&self, site: Option<&LandingId>) -> Self {
        let found = site.and_then(|id| self.landing_sites.iter().find(|site| site.id == *id));
        let Some(found) = found else { return self.clone() };
        Self { landing: found.landing.clone(), network: found.network.clone(), ..self.clone() }
    }
}

/// Where replicas land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// Name, such as `SAD`.
    pub name: String,
    /// Address as printed.
    pub address: String,
    /// Rate of the hub's access in Mbit/s.
    pub uplink_mbps: u32,
    /// What the landing is made of.
    pub target: LandingTarget,
    /// Where machines come to be from replicas.
    pub machines: LandingMachines,
    /// The VMware Converter server, where there is one.
    pub converter: Option<ConverterAccess>,
}

impl Landing {
    /// Whether machines are made and booted here: without them replicas are kept, and people do the rest.
    pub fn has_machines(&self) -> bool {
        self.machines != LandingMachines::ByHand
    }
}

/// Kinds of landing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LandingTarget {
    /// A directory on the operations host, where replicas lie. Relative to the inventory's root.
    Directory(PathBuf),
}

/// Where machines come to be from replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LandingMachines {
    /// In folders of the operations host; a person boots them.
    ByHand,
    /// In folders of the operations host; commands of a laboratory boot them.
    Lab(LabCommands),
    /// In vSphere.
    Vsphere(Box<VsphereLanding>),
}

/// Commands of a laboratory that boots machines: a program and its arguments, without a shell. The
/// folder of the machine is added as the last argument but one for `stop`, as the last for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabCommands {
    /// Boots the machine and returns; one that is on is well.
    pub start: Vec<String>,
    /// Ends it, `hard` or `gently` as a last argument says; one that is off is well.
    pub stop: Vec<String>,
    /// Exit status 0 if it is on, 1 if it is off.
    pub status: Vec<String>,
}

/// Our own addresses, VLANs and groups: pools indexed by the tenant's number, so that adding a
/// tenant changes nobody else.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkPools {
    /// Autonomous system number in route distinguishers: `AS:number`.
    pub vrf_as: u32,
    /// Domain name of our routers.
    pub domain: String,
    /// Host name of the hub router.
    pub hub_name: String,
    /// Public address of the hub for tunnels.
    pub hub_public: Ipv4Addr,
    /// Prefixes at the SAD: the number-th /24.
    pub sad: Ipv4Network,
    /// Tunnels of LTE backups: the number-th /24's first /30.
    pub tunnels: Ipv4Network,
    /// Target of the IP SLA probes, a loopback in each tenant's VRF on the hub.
    pub probe_target: Ipv4Addr,
    /// Loopbacks of primary CPEs: the number-th address.
    pub primary_loopbacks: Ipv4Network,
    /// Loopbacks of standby CPEs: the number-th address.
    pub standby_loopbacks: Ipv4Network,
    /// Management network that may log in to routers.
    pub management: Ipv4Network,
    /// Syslog server.
    pub syslog: Ipv4Addr,
    /// NTP server.
    pub ntp: Ipv4Addr,
    /// TACACS+ server.
    pub tacacs: Ipv4Addr,
    /// HSRP group of tenant number n: this plus n.
    pub hsrp_group_base: u16,
    /// VLAN of servers that keep their address, of tenant number n: this plus n.
    pub kept_vlan_base: u16,
    /// VLAN of servers with new addresses, of tenant number n: this plus n.
    pub new_vlan_base: u16,
    /// The hosts that the copying talks to; none where no temporary way is rendered for it.
    pub migration: Option<MigrationNetwork>,
    /// Whether the numbers are invented.
    pub example: bool,
    /// How the hub is reached for a push; none where nobody pushes.
    pub hub_access: Option<RouterAccess>,
    /// Folder of the secrets that configurations name, one file each, relative to the inventory's root.
    pub secrets: Option<PathBuf>,
}

/// The hosts at the SAD that the copying talks to, in a network behind the hub. The operations host
/// is the landing host too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationNetwork {
    /// Their network, without host bits.
    pub network: Ipv4Network,
    /// VLAN of it on the hub's server trunk.
    pub vlan: u16,
    /// The hub's address in it.
    pub hub: Ipv4Addr,
    /// The operations host.
    pub operations: Ipv4Addr,
    /// The server of VMware Converter.
    pub converter: Option<Ipv4Addr>,
    /// VMware vCenter.
    pub vcenter: Option<Ipv4Addr>,
    /// ESXi hosts.
    pub esxi: Vec<Ipv4Addr>,
    /// Addresses by which these hosts know towns whose own overlap: the number-th /24.
    pub aliases: Ipv4Network,
}

impl NetworkPools {
    /// The n-th network of `length` inside `pool`, counted from 0; none beyond its end.
    pub fn nth(pool: Ipv4Network, n: u16, length: u8) -> Option<Ipv4Network> {
        let step = 1_u64 << (32 - u32::from(length.min(32)));
        let first = u64::from(u32::from(pool.network())) + u64::from(n) * step;
        if length < pool.prefix() || first + step - 1 > u64::from(u32::from(pool.broadcast())) {
            return None;
        }
        Ipv4Network::new(Ipv4Addr::from(u32::try_from(first).ok()?), length).ok()
    }
}
