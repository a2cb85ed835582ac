//! A site in a tenant's file: its LAN and its MPLS link.

use super::access;
use super::form::scalars::{address, date, euro, flag, id, network, text, whole, word};
use super::form::{Fields, Form, list, nonempty_list, record};
use super::problem::Complaint;
use super::shaping;
use crate::model::link::{
    Backup, CarrierLine, CellularLine, Gateway, GatewayKind, Hops, HubHandoff, Lan, Link, ManagedBy, MigrationWay,
    PrimaryMedium, ProfileVia, ReturnPath, Site,
};
use crate::model::router_access::SiteRouters;
use crate::model::tenant::Tenant;
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;

const GATEWAYS: &[(&str, GatewayKind)] = &[("endian", GatewayKind::Endian), ("other", GatewayKind::Other)];
const MEDIA: &[(&str, PrimaryMedium)] = &[("fibre", PrimaryMedium::Fibre), ("radio", PrimaryMedium::Radio)];
const RETURNS: &[(&str, bool)] = &[("tunnel", false), ("provider", true)];
const PROFILES: &[(&str, ProfileVia)] = &[("config", ProfileVia::Config), ("exec", ProfileVia::Exec)];
const MIGRATION_WAYS: &[(&str, MigrationWay)] = &[
    ("routed", MigrationWay::Routed),
    ("alias", MigrationWay::Alias),
    ("jump_host", MigrationWay::JumpHost),
    ("none", MigrationWay::None),
];
const OWNERS: &[(&str, ManagedBy)] = &[("us", ManagedBy::Us), ("carrier", ManagedBy::Carrier)];

/// The form of one site.
pub(super) fn form() -> impl Form<Value = Site> {
    record("A building with a LAN and a link.", site)
}

/// Checks among the sites of a tenant.
pub(super) fn check_together(fields: &mut Fields<'_>, sites: &[Site]) {
    fields.unique("sites", "id", sites.iter().map(|site| &site.id));
    if sites.first().is_some_and(|first| first.number.is_some()) {
        let complaint = Complaint::new("the first site has its tenant's number");
        fields.refuse("sites[0].number", complaint.hint("remove the key: further sites have numbers of their own"));
    }
}

fn site(fields: &mut Fields<'_>) -> Option<Site> {
    let id = fields.required("id", "Id, unique within the tenant.", id());
    let number = "Our number for a further site, from the same numbers as the tenants', never reused; the first site has its tenant's.";
    let number = fields.optional(
        "number",
        number,
        whole(u64::from(*Tenant::NUMBERS.start())..=u64::from(*Tenant::NUMBERS.end())),
    );
    let address = fields.required("address", "Address as printed.", text());
    let lan = fields.maybe("lan", "The local network.", record("The local network.", lan));
    let link = fields.required("link", "The MPLS access.", record("The MPLS access.", link));
    let way = "The temporary way that the copying takes: `routed`, `alias`, `jump_host`, or `none` once the landing was accepted.";
    let migration_path = fields.optional("migration_path", way, word(MIGRATION_WAYS));
    Some(Site { id: id?, number: number?, address: address?, lan: lan?, link: link?, migration_path: migration_path? })
}

fn lan(fields: &mut Fields<'_>) -> Option<Lan> {
    let prefix = fields.required("prefix", "Network, without host bits.", network());
    let gateway = "The default gateway, which stays: the local firewall.";
    let gateway = fields.required("gateway", gateway, record(gateway, self::gateway));
    let vip = fields.required("vip", "HSRP virtual address: next hop of every static route.", address());
    let primary = fields.required("primary", "Address of the primary CPE.", address());
    let standby = "Address of the standby CPE; absent where one router carries both lines.";
    let standby = fields.optional("standby", standby, address());
    let hub = "A spare address for the hub in the server VLAN, where servers keep theirs.";
    let hub = fields.optional("hub", hub, address());
    let example = fields.or("example", "Whether addresses are invented.", flag(), false);
    let lan = Lan {
        prefix: prefix?,
        gateway: gateway?,
        vip: vip?,
        primary: primary?,
        standby: standby?,
        hub: hub?,
        example: example?,
    };
    check_inside(fields, lan.prefix, &named_addresses(&lan));
    Some(lan)
}

/// The addresses of a LAN that are not servers', each with its key.
pub(super) fn named_addresses(lan: &Lan) -> Vec<(&'static str, Ipv4Addr)> {
    let always = [("gateway.address", lan.gateway.address), ("vip", lan.vip), ("primary", lan.primary)];
    let optional = [("standby", lan.standby), ("hub", lan.hub)];
    let given = optional.into_iter().filter_map(|(key, address)| address.map(|address| (key, address)));
    always.into_iter().chain(given).collect()
}

/// Each address is a host's inside the network, and no two are the same.
pub(super) fn check_inside(fields: &mut Fields<'_>, network: Ipv4Network, addresses: &[(&'static str, Ipv4Addr)]) {
    for (index, (key, address)) in addresses.iter().enumerate() {
        let complaint = misplaced(network, *address);
        let earlier = addresses.iter().take(index).find(|(_, other)| other == address);
        let twin = earlier.map(|(other, _)| {
            Complaint::new(format!("{address} is also `{other}`")).hint("each device needs an address of its own")
        });
        if let Some(complaint) = complaint.or(twin) {
            fields.refuse(key, complaint);
        }
    }
}

/// What is wrong with `address` as a host of `network`.
pub(super) fn misplaced(network: Ipv4Network, address: Ipv4Addr) -> Option<Complaint> {
    if !network.contains(address) {
        return Some(Complaint::new(format!("{address} is outside {network}")));
    }
    let kind = match address {
        _ if address == network.network() => "network address",
        _ if address == network.broadcast() => "broadcast address",
        _ => return None,
    };
    Some(Complaint::new(format!("{address} is the {kind} of {network}")))
}

fn gateway(fields: &mut Fields<'_>) -> Option<Gateway> {
    let address = fields.required("address", "Its address.", address());
    let kind = fields.required("kind", "What it is.", word(GATEWAYS));
    Some(Gateway { address: address?, kind: kind? })
}

fn link(fields: &mut Fields<'_>) -> Option<Link> {
    let profile = fields.required("profile", "Profile as printed, such as `Link Radio`.", text());
    let primary = fields.required("primary", "Medium of the primary line.", word(MEDIA));
    let pcr_mbps = fields.required("pcr_mbps", "Peak rate (PCR) in Mbit/s.", whole(1..=100_000));
    let mcr_percent = fields.required("mcr_percent", "Guaranteed share (MCR) in percent of the peak.", whole(1..=100));
    let backup = fields.maybe("backup", "The backup line.", record("The backup line.", backup));
    let given = "What the carrier gives for the primary line.";
    let carrier = fields.maybe("carrier", given, record(given, primary_line));
    let shaping = fields.optional("shaping", shaping::DOC, shaping::periods());
    let on_the_way = "Routers that tell the lines apart, where that is not the CPE's address on each line.";
    let hops = fields.optional("hops", on_the_way, record(on_the_way, hops));
    let one_off_net = fields.maybe("one_off_net", "Set-up fee, net of VAT.", euro());
    let annual_net = fields.maybe("annual_net", "Annual fee, net of VAT.", euro());
    let ordered_on = fields.maybe("ordered_on", "Order to the supplier.", date());
    let available_on = fields.maybe("available_on", "Availability of the line.", date());
    let accepted_on = fields.maybe("accepted_on", "Acceptance test (collaudo).", date());
    let managed_by = fields.required("managed_by", "Who configures the CPEs.", word(OWNERS));
    let reached = "How the CPEs are reached for `network push`.";
    let routers = fields.optional("routers", reached, record(reached, routers));
    let (carrier, handoff) = carrier?.unzip();
    let shaping = match shaping? {
        Some(periods) => Some(shaping::calendar(fields, periods)?),
        None => None,
    };
    let link = Link {
        profile: profile?,
        primary: primary?,
        pcr_mbps: pcr_mbps?,
        mcr_percent: mcr_percent?,
        backup: backup?,
        carrier,
        handoff,
        shaping,
        hops: hops?,
        one_off_net: one_off_net?,
        annual_net: annual_net?,
        ordered_on: ordered_on?,
        available_on: available_on?,
        accepted_on: accepted_on?,
        managed_by: managed_by?,
        routers: routers?,
    };
    check_dates(fields, &link);
    Some(link)
}

fn routers(fields: &mut Fields<'_>) -> Option<SiteRouters> {
    let primary = fields.required("primary", "The CPE of the primary line.", access::router());
    let standby = "The CPE of the backup line, where it is another one.";
    let standby = fields.optional("standby", standby, access::router());
    Some(SiteRouters { primary: primary?, standby: standby? })
}

fn hops(fields: &mut Fields<'_>) -> Option<Hops> {
    let primary = "Addresses that answer only while the primary line carries.";
    let primary = fields.required("primary", primary, nonempty_list(address()));
    let backup = "Addresses that answer only while the backup line carries.";
    let backup = fields.or("backup", backup, list(address()), Vec::new());
    let hops = Hops { primary: primary?, backup: backup? };
    for (index, address) in hops.backup.iter().enumerate() {
        if hops.primary.contains(address) {
            let complaint = Complaint::new(format!("{address} is also in `primary`"));
            fields.refuse(&format!("backup[{index}]"), complaint.hint("it must answer on one of the lines only"));
        }
    }
    Some(hops)
}

/// Ordered, then available, then accepted; what is not known is skipped.
fn check_dates(fields: &mut Fields<'_>, link: &Link) {
    let dates =
        [("ordered_on", link.ordered_on), ("available_on", link.available_on), ("accepted_on", link.accepted_on)];
    let given: Vec<_> = dates.into_iter().filter_map(|(key, date)| date.map(|date| (key, date))).collect();
    for pair in given.windows(2) {
        if let [(before, first), (after, second)] = pair
            && second < first
        {
            let complaint = Complaint::new(format!("{second} is before `{before}` ({first})"));
            fields.refuse(after, complaint.hint("a line is ordered, then available, then accepted"));
        }
    }
}

fn backup(fields: &mut Fields<'_>) -> Option<Backup> {
    fields.exactly_one(&["copper", "lte"]);
    let copper_doc = "Copper (STDE) in the same MPLS VPN.";
    let copper = fields.optional("copper", copper_doc, record(copper_doc, copper));
    let lte_doc = "LTE, with a tunnel to the hub or into the VPN.";
    let lte = fields.optional("lte", lte_doc, record(lte_doc, lte));
    match (copper?, lte?) {
        (Some(copper), _) => Some(copper),
        (None, lte) => lte,
    }
}

fn copper(fields: &mut Fields<'_>) -> Option<Backup> {
    let rate_kbps = fields.required("rate_kbps", "Rate in kbit/s.", whole(64..=1_000_000));
    let given = "What the carrier gives for this line.";
    let carrier = fields.maybe("carrier", given, record(given, carrier));
    Some(Backup::Copper { rate_kbps: rate_kbps?, carrier: carrier? })
}

fn lte(fields: &mut Fields<'_>) -> Option<Backup> {
    let rate_kbps = fields.required("rate_kbps", "Shaped rate in kbit/s.", whole(64..=1_000_000));
    let apn = fields.maybe("apn", "Access point name.", text());
    let returns = "Who brings packets back: `tunnel` to the hub over the Internet, or the `provider`, whose access point leads into the VPN.";
    let by_provider = fields.or("return_path", returns, word(RETURNS), false);
    let given = "What the carrier gives for a line of `return_path: provider`.";
    let has_carrier = fields.has("carrier");
    let carrier = fields.maybe("carrier", given, record(given, cellular));
    let kept = "Where the modem keeps the access point name: `config` (IOS-XE 17), or `exec` on older releases.";
    let profile_via = fields.or("profile_via", kept, word(PROFILES), ProfileVia::Config);
    let return_path = match by_provider? {
        true => ReturnPath::Provider { carrier: carrier? },
        false => ReturnPath::Tunnel,
    };
    if has_carrier && return_path == ReturnPath::Tunnel {
        let complaint = Complaint::new("a tunnel over the Internet has no line into the VPN");
        fields.refuse("carrier", complaint.hint("write `return_path: provider`, or leave `carrier` out"));
    }
    Some(Backup::Lte { rate_kbps: rate_kbps?, apn: apn?, return_path, profile_via: profile_via? })
}

fn cellular(fields: &mut Fields<'_>) -> Option<CellularLine> {
    let wan = fields.required("wan", "Network of the access point in the VPN.", network());
    let cpe = fields.required("cpe", "Address of our CPE, to which the carrier routes the town.", address());
    let learned = "Whether the modem learns its address from the carrier.";
    let negotiated = fields.or("negotiated", learned, flag(), true);
    let mtu = fields.required("mtu", "IP MTU in bytes.", whole(576..=9216));
    let example = fields.or("example", "Whether addresses are invented.", flag(), false);
    let line = CellularLine { wan: wan?, cpe: cpe?, negotiated: negotiated?, mtu: mtu?, example: example? };
    check_inside(fields, line.wan, &[("cpe", line.cpe)]);
    Some(line)
}

/// The primary line, with the keys `hub_*` of the handoff at the SAD beside it.
fn primary_line(fields: &mut Fields<'_>) -> Option<(CarrierLine, HubHandoff)> {
    let line = carrier(fields);
    let vlan = fields.required("hub_vlan", "VLAN on the hub's trunk that carries this VPN.", whole(1..=4094));
    let wan = fields.required("hub_wan", "Network between the hub and the provider at the data center.", network());
    let pe = fields.required("hub_pe", "Provider's address on it.", address());
    let ce = fields.required("hub_ce", "Our hub's address on it.", address());
    let handoff = HubHandoff { vlan: vlan?, wan: wan?, pe: pe?, ce: ce? };
    check_inside(fields, handoff.wan, &[("hub_pe", handoff.pe), ("hub_ce", handoff.ce)]);
    Some((line?, handoff))
}

fn carrier(fields: &mut Fields<'_>) -> Option<CarrierLine> {
    let wan = fields.required("wan", "Network between CPE and provider edge.", network());
    let pe = fields.required("pe", "Address of the provider edge.", address());
    let cpe = fields.required("cpe", "Address of our CPE.", address());
    let mtu = fields.required("mtu", "IP MTU in bytes.", whole(576..=9216));
    let example = fields.or("example", "Whether addresses are invented.", flag(), false);
    let line = CarrierLine { wan: wan?, pe: pe?, cpe: cpe?, mtu: mtu?, example: example? };
    check_inside(fields, line.wan, &[("pe", line.pe), ("cpe", line.cpe)]);
    Some(line)
}
