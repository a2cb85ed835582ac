//! A tenant (ente): a municipality, or a union of them.

use super::link::Site;
use super::server::{Access, Server};
use super::window::Window;
use super::{Known, LandingId, TenantId};
use jiff::civil::Date;
use std::ops::RangeInclusive;

/// One tenant.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Tenant {
    /// Id: the name of its file.
    pub id: TenantId,
    /// Our number for it, from which addresses and VLANs are derived; never reused.
    pub number: u16,
    /// Full name, as printed on documents.
    pub name: String,
    /// Short upper-case name for VRFs and route names, such as `CINTO`.
    pub short: String,
    /// Municipality or union.
    pub kind: TenantKind,
    /// Codes by which administrations recognise it.
    pub codes: Codes,
    /// Populations with date and source; the reference date is `Project::population_date`.
    pub populations: Vec<Population>,
    /// Whether it is admitted to Action 2.2.2.
    pub action_2_2_2: bool,
    /// The flag `< 5.000` as the document prints it: payers follow it.
    pub under_5000: bool,
    /// Where it lands, if not at the project's first landing site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landing_site: Option<LandingId>,
    /// Count of servers as assessed in the project document, and as found.
    pub server_count: ServerCount,
    /// Personal computers and users, where the document says so.
    pub clients: Option<Clients>,
    /// Software as a service, which stays outside and leaves through the local firewall.
    pub saas: Vec<Saas>,
    /// The servers.
    pub servers: Known<Vec<Server>>,
    /// The sites with their links.
    pub sites: Known<Vec<Site>>,
    /// Day of the patron saint, a local holiday (month, day), only where it is a fixed date.
    pub patron_day: Option<(i8, i8)>,
    /// How the probe machine of its isolated test network is reached; none where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_probe: Option<Access>,
    /// The hours in which its servers may move; none are any hour.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
}

impl Tenant {
    /// Numbers that a tenant may have: as many as a router has tracked objects.
    pub const NUMBERS: RangeInclusive<u16> = 1..=1000;
}

/// What a tenant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantKind {
    /// Comune.
    Municipality,
    /// Unione di comuni.
    Union,
}

/// Codes of public registers. All text: leading zeros count.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Codes {
    /// ISTAT code, 6 digits.
    pub istat: Option<String>,
    /// Cadastral code (Belfiore).
    pub cadastral: Option<String>,
    /// Code in the index of public administrations.
    pub ipa: Option<String>,
    /// Codice fiscale, 11 digits with a check digit.
    pub tax_code: Option<String>,
    /// Certified mail address.
    pub pec: Option<String>,
    /// Web site.
    pub website: Option<String>,
    /// Postal code or range.
    pub cap: Option<String>,
}

/// A population figure.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Population {
    /// Inhabitants.
    pub value: u64,
    /// Reference date.
    pub date: Date,
    /// Who counted.
    pub source: String,
}

/// Assessed and actual number of billable servers (domain A6).
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct ServerCount {
    /// Count of the project document; none is unknown.
    pub assessed: Option<u64>,
    /// Count found during implementation, and the date from which the fee follows it.
    pub actual: Option<ActualCount>,
}

/// The adjustment of the starred note.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ActualCount {
    /// Number of billable servers.
    pub count: u64,
    /// First day on which the fee follows it.
    pub from: Date,
}

/// Size of the office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Clients {
    /// Personal computers.
    pub pcs: u32,
    /// Users.
    pub users: u32,
}

/// A service used over the Internet.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Saas {
    /// Product name as printed.
    pub name: String,
    /// What it is for.
    pub kind: String,
    /// A URL whose reachability is probed, if there is one.
    pub probe: Option<String>,
}

impl Tenant {
    /// The site whose LAN holds the server's address; the only site, where its LAN is not known.
    pub fn site_of(&self, server: &Server) -> Option<&Site> {
        let sites = self.sites.known()?;
        let holds = |site: &&Site| site.lan.as_ref().is_some_and(|lan| lan.prefix.contains(server.address));
        let only = || sites.first().filter(|site| sites.len() == 1 && site.lan.is_none());
        sites.iter().find(holds).or_else(only)
    }

    /// Our number of a site: the tenant's for the first, its own for every further one.
    pub fn number_of(&self, site: &Site) -> Option<u16> {
        let first = self.sites.known().and_then(|sites| sites.first());
        if first.is_some_and(|first| first.id == site.id) { Some(self.number) } else { site.number }
    }

    /// The population at `date`, if the inventory has one.
    pub fn population_at(&self, date: Date) -> Option<&Population> {
        self.populations.iter().find(|population| population.date == date)
    }
}
