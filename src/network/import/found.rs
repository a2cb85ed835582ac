//! What the configurations say about a tenant.

use super::lines::{Cellular, Rates, Wire, cellular, wires};
use super::roles::Set;
use super::{ImportError, Note, Router};
use crate::model::link::PrimaryMedium;
use crate::model::project::NetworkPools;
use crate::model::tenant::Tenant;
use crate::model::{ServerId, SiteId, TenantId};
use crate::network::device::Device;
use crate::network::device::interface::{Group, Interface};
use crate::network::device::route::{Route, Via};
use ipnetwork::Ipv4Network;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// What the configurations say; none is what they do not.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The tenant's id.
    pub id: Option<String>,
    /// Our number for it.
    pub number: Option<u16>,
    /// Short name.
    pub short: Option<String>,
    /// Id of the site.
    pub site: Option<String>,
    /// Network of the LAN.
    pub prefix: Ipv4Network,
    /// Default gateway.
    pub gateway: Option<Ipv4Addr>,
    /// HSRP virtual address.
    pub vip: Option<Ipv4Addr>,
    /// Address of the primary CPE in the LAN.
    pub primary: Ipv4Addr,
    /// Address of the standby CPE in the LAN.
    pub standby: Option<Ipv4Addr>,
    /// The hub's address in the VLAN of kept servers.
    pub hub: Option<Ipv4Addr>,
    /// Whether the hub's configuration was among the files.
    pub has_hub: bool,
    /// The primary line.
    pub wire: Option<Wire>,
    /// Its medium.
    pub medium: Option<PrimaryMedium>,
    /// Its peak rate in Mbit/s.
    pub pcr_mbps: Option<u32>,
    /// Its guaranteed share in percent.
    pub mcr_percent: Option<u8>,
    /// VLAN, network, the provider's and our address where the carrier hands over at the SAD.
    pub handoff: Option<Handoff>,
    /// The backup line.
    pub backup: Option<Backup>,
    /// Servers whose address has a /32.
    pub servers: Vec<FoundServer>,
}

/// Where the carrier hands over at the SAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handoff {
    /// VLAN.
    pub vlan: u16,
    /// Network.
    pub wan: Ipv4Network,
    /// Provider's address.
    pub pe: Ipv4Addr,
    /// Our hub's address.
    pub ce: Ipv4Addr,
}

/// A backup line.
#[derive(Debug, Clone, PartialEq)]
pub enum Backup {
    /// Copper.
    Copper(Wire),
    /// LTE, and where the provider brings packets back the network of the line in the VPN.
    Lte(Cellular, Option<Ipv4Network>),
}

/// A server that keeps its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundServer {
    /// Its id, from the name of its routes; else made of its address.
    pub id: String,
    /// Whether the id is made of the address.
    pub nameless: bool,
    /// Its address.
    pub address: Ipv4Addr,
}

/// The LAN of a site's router.
struct Lan<'a> {
    interface: &'a Interface,
    network: Ipv4Network,
}

pub(super) fn read(
    set: &Set,
    pools: &NetworkPools,
    id: Option<&str>,
    notes: &mut Vec<Note>,
) -> Result<Found, ImportError> {
    let lan = lan(&set.primary, notes)?;
    let prefix = Ipv4Network::new(lan.network.network(), lan.network.prefix()).unwrap_or(lan.network);
    let group = lan.interface.standby.groups.first();
    let vip = group.and_then(|group| group.vip).map(|at| at.value);
    let standby = match &set.standby {
        None => None,
        Some(router) => Some(self::lan(router, notes)?),
    };
    if let (Some(standby), Some(router)) = (&standby, &set.standby)
        && !prefix.contains(standby.network.ip())
    {
        let text = format!("its LAN {} is not that of {} ({prefix})", standby.network, set.primary.file);
        notes.push(Note::new(router, standby.interface.name.line, text));
    }
    let mut lines = wires(&set.primary.device, &lan.interface.name).into_iter();
    let wire = lines.next();
    let backup_router = set.standby.as_ref().unwrap_or(&set.primary);
    let mut further = match (&set.standby, &standby) {
        (Some(router), Some(lan)) => wires(&router.device, &lan.interface.name).into_iter(),
        _ => lines,
    };
    let hub = set.hub.as_ref().map(|router| &router.device);
    let vrf = hub.and_then(|hub| vrf(hub, set, prefix, wire.as_ref()));
    let at_hub = hub.zip(vrf.as_deref());
    let handoff = at_hub.and_then(|(hub, vrf)| handoff(hub, vrf));
    let backup = match cellular(&backup_router.device) {
        Some(cellular) => {
            let in_vpn = wire.as_ref().map(|wire| wire.wan);
            let wan = at_hub.filter(|_| !cellular.tunnel).and_then(|(hub, vrf)| far_network(hub, vrf, prefix, in_vpn));
            Some(Backup::Lte(cellular, wan))
        }
        None => further.next().map(Backup::Copper),
    };
    let short = short(set, vrf.as_deref(), group);
    let own = [Some(lan.network.ip()), standby.as_ref().map(|lan| lan.network.ip()), vip];
    let mut found = Found {
        id: id.map(str::to_owned).or_else(|| id_at_hub(at_hub)).filter(|id| id.parse::<TenantId>().is_ok()),
        number: number(set, pools, vrf.as_deref()),
        short,
        site: site(lan.interface),
        prefix,
        gateway: gateway(&set.primary, &lan, notes),
        vip,
        primary: lan.network.ip(),
        standby: standby.map(|lan| lan.network.ip()),
        hub: at_hub.and_then(|(hub, vrf)| address_in(hub, vrf, prefix)),
        has_hub: at_hub.is_some(),
        medium: wire.as_ref().and_then(medium),
        pcr_mbps: wire.as_ref().and_then(|wire| peak_mbps(wire.rates)),
        mcr_percent: wire.as_ref().and_then(guaranteed_percent),
        wire,
        handoff,
        backup,
        servers: Vec::new(),
    };
    let own: Vec<_> = own.into_iter().chain([found.gateway, found.hub]).flatten().collect();
    found.servers = servers(set, vrf.as_deref(), prefix, &own);
    Ok(found)
}

/// The LAN: the interface with HSRP, of several the one that the default route leads into.
fn lan<'a>(router: &'a Router, notes: &mut Vec<Note>) -> Result<Lan<'a>, ImportError> {
    let device = &router.device;
    let hop = default_hop(device);
    let all = device.interfaces.iter().filter(|interface| interface.vrf.is_none());
    let all: Vec<Lan<'_>> = all
        .filter_map(|interface| Some(Lan { interface, network: interface.network().filter(|net| net.prefix() < 32)? }))
        .collect();
    let default = |lan: &&Lan<'_>| hop.is_some_and(|hop| lan.network.contains(hop));
    let redundant = |lan: &&Lan<'_>| !lan.interface.standby.groups.is_empty();
    let several = all.iter().filter(redundant).count() > 1;
    let chosen = all.iter().find(|lan| redundant(lan) && default(lan));
    let chosen = chosen.or_else(|| all.iter().find(redundant)).or_else(|| all.iter().find(default));
    let chosen = chosen.ok_or_else(|| ImportError::NoLan { file: router.file.clone() })?;
    if several {
        let text = format!("of several interfaces with HSRP, {} is taken for the LAN", chosen.interface.name.value);
        notes.push(Note::new(router, chosen.interface.name.line, text));
    }
    Ok(Lan { interface: chosen.interface, network: chosen.network })
}

fn default_hop(device: &Device) -> Option<Ipv4Addr> {
    let routes = device.routes.iter().filter(|route| route.vrf.is_none() && route.destination.prefix() == 0);
    routes.min_by_key(|route| route.distance).and_then(|route| match route.via {
        Via::Address(address) | Via::Both(_, address) => Some(address),
        _ => None,
    })
}

fn gateway(router: &Router, lan: &Lan<'_>, notes: &mut Vec<Note>) -> Option<Ipv4Addr> {
    let hop = default_hop(&router.device)?;
    if lan.network.contains(hop) {
        return Some(hop);
    }
    notes.push(Note::new(router, 0, format!("its default route leads to {hop}, which is not in the LAN")));
    None
}

/// The site's id, from what our own descriptions say.
fn site(lan: &Interface) -> Option<String> {
    let id = lan.description.as_ref()?.strip_prefix("LAN ")?;
    id.parse::<SiteId>().is_ok().then(|| id.to_owned())
}

/// The routing table of this tenant on the hub: the one that knows the primary line of the site.
/// Towns may have the same LAN, so a LAN tells only where no other table knows it.
fn vrf(hub: &Device, set: &Set, lan: Ipv4Network, wire: Option<&Wire>) -> Option<String> {
    let tables = |is: &dyn Fn(&Route) -> bool| {
        let mut names: Vec<_> =
            hub.routes.iter().filter(|route| is(route)).filter_map(|route| route.vrf.clone()).collect();
        names.dedup();
        if names.len() == 1 { names.pop() } else { None }
    };
    let loopback = loopback(&set.primary.device);
    tables(&|route| wire.is_some_and(|wire| route.destination == wire.wan))
        .or_else(|| tables(&|route| loopback.is_some_and(|own| route.destination == Ipv4Network::from(own))))
        .or_else(|| tables(&|route| route.destination.prefix() > 0 && lan.is_supernet_of(route.destination)))
}

fn loopback(device: &Device) -> Option<Ipv4Addr> {
    let loopbacks = device.interfaces.iter().filter(|interface| interface.name.0.starts_with("Loopback"));
    loopbacks.filter(|interface| interface.vrf.is_none()).find_map(Interface::network).map(|network| network.ip())
}

fn id_at_hub(at_hub: Option<(&Device, &str)>) -> Option<String> {
    let (hub, name) = at_hub?;
    let vrf = hub.vrfs.iter().find(|vrf| vrf.name.value == name)?;
    Some(vrf.description.as_ref()?.strip_prefix("tenant ")?.to_owned())
}

/// The interfaces of a routing table.
fn inside<'a>(hub: &'a Device, vrf: &'a str) -> impl Iterator<Item = &'a Interface> {
    hub.interfaces.iter().filter(move |interface| interface.vrf.as_ref().is_some_and(|name| name.value == vrf))
}

/// The VLAN on which the next hop of the routes to the town is.
fn handoff(hub: &Device, vrf: &str) -> Option<Handoff> {
    let hops: Vec<Ipv4Addr> = hub
        .routes
        .iter()
        .filter(|route| route.vrf.as_deref() == Some(vrf))
        .filter_map(|route| match route.via {
            Via::Address(address) => Some(address),
            _ => None,
        })
        .collect();
    inside(hub, vrf).find_map(|interface| {
        let network = interface.network()?;
        let pe = hops.iter().copied().find(|hop| network.contains(*hop))?;
        let wan = Ipv4Network::new(network.network(), network.prefix()).ok()?;
        Some(Handoff { vlan: interface.vlan?.value, wan, pe, ce: network.ip() })
    })
}

/// The hub's own address in `network`.
fn address_in(hub: &Device, vrf: &str, network: Ipv4Network) -> Option<Ipv4Addr> {
    let addresses = inside(hub, vrf).filter(|interface| interface.vlan.is_some()).filter_map(Interface::network);
    addresses.map(|own| own.ip()).find(|own| network.contains(*own))
}

/// A network behind the provider that is neither the town nor its primary line: that of the backup.
fn far_network(hub: &Device, vrf: &str, lan: Ipv4Network, wire: Option<Ipv4Network>) -> Option<Ipv4Network> {
    let routes = hub.routes.iter().filter(|route| route.vrf.as_deref() == Some(vrf));
    let mut others = routes
        .map(|route| route.destination)
        .filter(|to| (1..=31).contains(&to.prefix()) && !lan.overlaps(*to) && wire != Some(*to));
    others.find(|to| inside(hub, vrf).filter_map(Interface::network).all(|own| !own.overlaps(*to)))
}

/// The short name: of the routing table, else of the HSRP group, else of the host name.
fn short(set: &Set, vrf: Option<&str>, group: Option<&Group>) -> Option<String> {
    let fits = |name: &str| {
        name.len() <= 20
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let of_group = group.and_then(|group| group.name.as_ref()).and_then(|name| name.strip_prefix("LAN-"));
    let host = set.primary.device.hostname.as_ref().and_then(|name| name.split_once("-cpe-"));
    let host = host.map(|(name, _)| name.to_uppercase());
    [vrf, of_group, host.as_deref()].into_iter().flatten().find(|name| fits(name)).map(str::to_owned)
}

/// Our number, from what lies in our own pools: loopback, route distinguisher, tunnel, prefix.
fn number(set: &Set, pools: &NetworkPools, vrf: Option<&str>) -> Option<u16> {
    let nth = |pool: Ipv4Network, address: Ipv4Addr, length: u32| {
        let offset = u32::from(address).checked_sub(u32::from(pool.network())).filter(|_| pool.contains(address))?;
        u16::try_from(offset.checked_shr(32_u32.saturating_sub(length))?).ok()
    };
    let of_loopback = loopback(&set.primary.device).and_then(|own| nth(pools.primary_loopbacks, own, 32));
    let hub = set.hub.as_ref().map(|router| &router.device);
    let table = hub.zip(vrf).and_then(|(hub, name)| hub.vrfs.iter().find(|vrf| vrf.name.value == name));
    let of_rd = table.and_then(|vrf| vrf.rd.as_ref()).and_then(|rd| {
        let (asn, number) = rd.split_once(':')?;
        number.parse().ok().filter(|_| asn.parse() == Ok(pools.vrf_as))
    });
    let mut routes = set.primary.device.routes.iter().filter(|route| route.vrf.is_none());
    let of_prefix = routes.find_map(|route| {
        let prefix = route.destination;
        nth(pools.sad, prefix.network(), 24).filter(|_| prefix.prefix() == 24)
    });
    [of_loopback, of_rd, of_prefix].into_iter().flatten().find(|number| Tenant::NUMBERS.contains(number))
}

/// The medium, where the description names one.
fn medium(wire: &Wire) -> Option<PrimaryMedium> {
    let said = wire.description.as_ref()?.to_lowercase();
    let any =
        |words: &[&str]| words.iter().any(|word| said.split(|c: char| !c.is_alphanumeric()).any(|it| it == *word));
    match (any(&["radio", "ponte", "wireless"]), any(&["fibre", "fiber", "fibra", "stdo", "ftth"])) {
        (true, false) => Some(PrimaryMedium::Radio),
        (false, true) => Some(PrimaryMedium::Fibre),
        _ => None,
    }
}

/// The peak rate: `bandwidth`, else what is shaped, 2 % more.
fn peak_mbps(rates: Rates) -> Option<u32> {
    let of_shaper = rates.shaped_bps.map(|bps| bps / 980);
    let kbps = rates.bandwidth_kbps.map(u64::from).or(of_shaper)?;
    u32::try_from(kbps / 1000).ok().filter(|mbps| *mbps > 0)
}

/// The rate of a backup line in kbit/s: `bandwidth`, else what is shaped.
pub(super) fn rate_kbps(rates: Rates, margin: bool) -> Option<u32> {
    let divisor = if margin { 980 } else { 1000 };
    let of_shaper = rates.shaped_bps.and_then(|bps| u32::try_from(bps / divisor).ok());
    rates.bandwidth_kbps.or(of_shaper).filter(|kbps| *kbps >= 64)
}

/// The guaranteed share, as our own description says it; it must agree with the low-latency queue,
/// which is a fifth of it.
fn guaranteed_percent(wire: &Wire) -> Option<u8> {
    let pcr = f64::from(peak_mbps(wire.rates)?);
    let mut words = wire.description.as_ref()?.split_whitespace().skip_while(|word| *word != "MCR").skip(1);
    let mcr: f64 = words.next()?.parse().ok()?;
    let percent = (mcr * 100.0 / pcr).round();
    if !(1.0..=100.0).contains(&percent) {
        return None;
    }
    // Within 1 to 100.
    let percent = percent as u8;
    let kbps = peak_mbps(wire.rates)?.checked_mul(10)?.checked_mul(u32::from(percent))?;
    wire.rates.llq_kbps.is_none_or(|llq| llq == (kbps / 5).min(2000)).then_some(percent)
}

/// The /32 into the LAN that lead away from it.
fn servers(set: &Set, vrf: Option<&str>, lan: Ipv4Network, own: &[Ipv4Addr]) -> Vec<FoundServer> {
    let site = set.site().flat_map(|router| router.device.routes.iter().filter(|route| route.vrf.is_none()));
    let at_hub = set.hub.iter().flat_map(|router| &router.device.routes);
    let at_hub = at_hub.filter(|route| vrf.is_some() && route.vrf.as_deref() == vrf);
    let mut names: BTreeMap<Ipv4Addr, (u8, Option<&str>)> = BTreeMap::new();
    for route in site.chain(at_hub) {
        let address = route.destination.ip();
        let server = route.destination.prefix() == 32 && lan.contains(address) && !own.contains(&address);
        if !server || route.via == Via::Discard {
            continue;
        }
        let named = (route.distance, route.name.as_deref());
        let kept = names.entry(address).or_insert(named);
        if named.0 < kept.0 {
            *kept = named;
        }
    }
    names.into_iter().map(|(address, (_, name))| server(address, name)).collect()
}

fn server(address: Ipv4Addr, name: Option<&str>) -> FoundServer {
    let id = name.and_then(|name| name.strip_prefix("SRV-")).map(str::to_lowercase);
    let id = id.filter(|id| id.parse::<ServerId>().is_ok());
    let nameless = id.is_none();
    let made = || format!("server-{}", address.to_string().replace('.', "-"));
    FoundServer { id: id.unwrap_or_else(made), nameless, address }
}
