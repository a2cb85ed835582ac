//! What the inventory answers to a checklist's variables.

use super::{Nouns, Scene};
use crate::checklist::item::Phase;
use crate::checklist::template::{Value, Variable};
use crate::model::link::Site;
use crate::model::server::{Access, Addressing, Server, Transfer};
use std::collections::BTreeSet;

impl Scene<'_> {
    pub(super) fn value(self, variable: Variable, nouns: Nouns<'_>) -> Value {
        match variable {
            Variable::TenantId => Value::One(self.tenant.id.to_string()),
            Variable::TenantName => Value::One(self.tenant.name.clone()),
            Variable::TenantSaas => self.saas_hosts(),
            Variable::ProjectNtp => Value::One(self.project.network.ntp.to_string()),
            Variable::ProjectProbeTarget => Value::One(self.project.network.probe_target.to_string()),
            Variable::SaasName => known(nouns.saas.map(|saas| saas.name.clone())),
            Variable::SaasUrl => known(nouns.saas.and_then(|saas| saas.probe.clone())),
            Variable::SiteKeptAddresses => self.kept_addresses(nouns),
            Variable::ServerGateway => self.gateway(nouns),
            Variable::ServerId
            | Variable::ServerAddress
            | Variable::ServerLandingAddress
            | Variable::ServerHost
            | Variable::ServerPort
            | Variable::ServerDisks => {
                nouns.server.map_or(Value::Unknown, |server| self.server_value(variable, server))
            }
            _ => nouns.site.map_or(Value::Unknown, |site| site_value(variable, site)),
        }
    }

    /// The hosts of the services that have a `probe`, each once.
    fn saas_hosts(self) -> Value {
        let probes = self.tenant.saas.iter().filter_map(|saas| saas.probe.as_deref());
        match probes.map(host_of).collect::<Option<BTreeSet<&str>>>() {
            None => Value::Hidden("the `probe` of a service names no host that can be looked up"),
            Some(hosts) if hosts.is_empty() => {
                Value::Absent("no service over the Internet has a `probe` whose way could be looked at")
            }
            Some(hosts) => Value::Many(hosts.into_iter().map(str::to_owned).collect()),
        }
    }

    /// A server that keeps its address keeps its gateway: at the SAD the hub answers for the town's
    /// firewall, and the way goes back over the link. A new address comes with a gateway of the SAD.
    fn gateway(self, nouns: Nouns<'_>) -> Value {
        if self.is_renumbered(nouns) {
            return Value::Absent(
                "it has a new address, and the gateway of the data center: only the town's PCs matter",
            );
        }
        nouns.site.map_or(Value::Unknown, |site| site_value(Variable::SiteGateway, site))
    }

    fn kept_addresses(self, nouns: Nouns<'_>) -> Value {
        if self.is_renumbered(nouns) {
            return Value::Absent("it has a new address, and is no more in the LAN of those that are kept");
        }
        let (Some(prefix), Some(servers)) =
            (nouns.site.and_then(|site| site.lan.as_ref()).map(|lan| lan.prefix), self.tenant.servers.known())
        else {
            return Value::Unknown;
        };
        let kept = |server: &&Server| {
            let moves = server.transfer != Transfer::Replace;
            moves && prefix.contains(server.address) && !matches!(server.landing, Addressing::Renumber(_))
        };
        match servers.iter().filter(kept).map(|server| server.address.to_string()).collect::<Vec<_>>() {
            none if none.is_empty() => Value::Absent("no server of this LAN keeps its address"),
            kept => Value::Many(kept),
        }
    }

    /// Whether what is asked is a copy at the SAD with another address than its source.
    fn is_renumbered(self, nouns: Nouns<'_>) -> bool {
        let other = |server: &Server| matches!(server.landing, Addressing::Renumber(_));
        self.phase.is_of_copies() && nouns.server.is_some_and(other)
    }

    fn server_value(self, variable: Variable, server: &Server) -> Value {
        match variable {
            Variable::ServerId => Value::One(server.id.to_string()),
            Variable::ServerAddress => Value::One(server.address.to_string()),
            // A copy under test has the address that it was copied with.
            Variable::ServerLandingAddress if self.phase == Phase::Test => Value::One(server.address.to_string()),
            Variable::ServerLandingAddress => Value::One(landing_address(server)),
            Variable::ServerHost => self.host(server),
            Variable::ServerPort => known(self.access(server).map(|access| access.port.to_string())),
            _ => disks(server),
        }
    }

    /// Where a probe from here finds the server. A kept address is the source's until the copy takes
    /// it over, so the landing phase asks the host of `landing_access` where there is one. In the test
    /// phase it is what a probe machine in the test network reaches.
    fn host(self, server: &Server) -> Value {
        if let Some(host) = self.host_in_test(server) {
            return Value::One(host);
        }
        match (self.access(server), self.phase) {
            (Some(Access { via: Some(_), .. }), _) => {
                Value::Hidden("it is reached only through a jump host, which carries scripts alone")
            }
            // What `access` leads to is the rescue system, which runs none of the server's services.
            (_, Phase::Source) if server.transfer == Transfer::Rescue => {
                Value::One(server.winrm.as_ref().map_or(server.address.to_string(), |winrm| winrm.host.clone()))
            }
            (Some(access), _) => Value::One(access.host.clone()),
            (None, phase) if self.powershell(server).is_some() && phase.is_of_copies() => {
                known(self.powershell(server).map(|access| access.host().to_owned()))
            }
            // Until the move the address is the source's: a copy under test is elsewhere.
            (None, Phase::Test) => {
                Value::Hidden("the inventory does not say how the copy is reached (`landing_access`)")
            }
            (None, phase) if phase.is_of_copies() => Value::One(landing_address(server)),
            (None, _) => Value::One(server.address.to_string()),
        }
    }
}

/// The server's addresses before and after its move.
pub(super) fn addresses(server: &Server) -> Vec<String> {
    vec![server.address.to_string(), landing_address(server)]
}

fn landing_address(server: &Server) -> String {
    match server.landing {
        Addressing::Keep | Addressing::RoutesOnly => server.address.to_string(),
        Addressing::Renumber(address) => address.to_string(),
    }
}

/// The host of a web address, where it is a name or an IPv4 address.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (_, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let host = place.split_once(':').map_or(place, |(host, _)| host);
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    (plain && !host.is_empty() && !host.starts_with('-')).then_some(host)
}

pub(super) fn known(value: Option<String>) -> Value {
    value.map_or(Value::Unknown, Value::One)
}

fn disks(server: &Server) -> Value {
    let sources: Option<Vec<String>> = server
        .disks
        .iter()
        .map(|disk| disk.source.as_ref().and_then(|source| source.to_str()).map(str::to_owned))
        .collect();
    match sources {
        Some(sources) if !sources.is_empty() => Value::Many(sources),
        _ => Value::Unknown,
    }
}

fn site_value(variable: Variable, site: &Site) -> Value {
    let lan = site.lan.as_ref();
    match variable {
        Variable::SiteId => Value::One(site.id.to_string()),
        Variable::SiteVip => known(lan.map(|lan| lan.vip.to_string())),
        Variable::SiteGateway => known(lan.map(|lan| lan.gateway.address.to_string())),
        Variable::SitePrimary => known(lan.map(|lan| lan.primary.to_string())),
        Variable::SitePrefix => known(lan.map(|lan| lan.prefix.to_string())),
        Variable::SiteCpe => known(site.link.carrier.as_ref().map(|carrier| carrier.cpe.to_string())),
        Variable::SiteMtu => known(site.link.carrier.as_ref().map(|carrier| carrier.mtu.to_string())),
        Variable::SitePcr => Value::One(site.link.pcr_mbps.to_string()),
        Variable::SiteMcr => Value::One((site.link.mcr_kbps() / 1000).to_string()),
        Variable::SiteStandby => match lan {
            None => Value::Unknown,
            Some(lan) => lan
                .standby
                .map_or(Value::Absent("one router carries both lines"), |address| Value::One(address.to_string())),
        },
        _ => Value::Unknown,
    }
}
