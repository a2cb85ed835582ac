//! What the routers do otherwise than traghetto would: the draft is planned, and what its plan means is
//! held against what the configurations say.

use super::found::{Backup as FoundBackup, Found, rate_kbps};
use super::roles::Set;
use super::{Note, Router};
use crate::model::link::{
    Backup, CarrierLine, CellularLine, Gateway, GatewayKind, HubHandoff, Lan, Link, ManagedBy, PrimaryMedium,
    ProfileVia, ReturnPath, Site,
};
use crate::model::server::{Addressing, Os, Server, Transfer};
use crate::model::tenant::{Codes, ServerCount, Tenant, TenantKind};
use crate::model::{Inventory, Known, ServerId, TenantId};
use crate::network::cpe::{self, Moved};
use crate::network::router::RouterPlan;
use crate::network::{NetworkPlan, hub, intent, read_back};
use ipnetwork::Ipv4Network;
use std::net::Ipv4Addr;

/// Notes of one kind are listed up to here; then they are counted.
const MOST: usize = 40;

/// Adds what differs to `notes`.
pub(super) fn compare(set: &Set, found: &Found, inventory: &Inventory, notes: &mut Vec<Note>) {
    for router in set.site().chain(&set.hub) {
        blind_spots(router, notes);
    }
    let Some(tenant) = tenant(found) else {
        let text = "not compared with what traghetto would render: too much is unknown";
        notes.push(Note::new(&set.primary, 0, text));
        return;
    };
    if let Err(problems) = NetworkPlan::new(inventory, &tenant) {
        notes.extend(problems.problems.iter().map(|problem| Note::new(&set.primary, 0, problem.to_string())));
    }
    let alone = Inventory { tenants: std::collections::BTreeMap::new(), ..inventory.clone() };
    let Ok(plan) = NetworkPlan::new(&alone, &tenant) else {
        notes.push(Note::new(&set.primary, 0, "not compared with what traghetto would render: it cannot be planned"));
        return;
    };
    // The temporary way of the copying is in no inventory; where there is one, it is listed.
    let plan = plan.accepted();
    let moved: Moved = plan.kept().map(|server| server.id.clone()).collect();
    for (router, planned) in set.site().zip(cpe::routers(&plan, &moved)) {
        differences(router, &planned, true, notes);
    }
    if let Some(router) = &set.hub {
        differences(router, &hub::tenant(&plan, &moved), false, notes);
    }
}

/// Lines that decide something and that we cannot read.
fn blind_spots(router: &Router, notes: &mut Vec<Note>) {
    let unread = &router.device.unread;
    notes.extend(unread.iter().take(MOST).map(|at| Note::new(router, at.line, format!("not read: {}", at.value))));
    if let Some(more) = unread.len().checked_sub(MOST).filter(|more| *more > 0) {
        notes.push(Note::new(router, 0, format!("{more} more lines are not read")));
    }
}

/// What `router` says otherwise than `planned`. On the hub what is not planned is other tenants'.
fn differences(router: &Router, planned: &RouterPlan, whole: bool, notes: &mut Vec<Note>) {
    let meant = intent::device(planned);
    let all = read_back::differences(&router.device, &meant, &router.text);
    let unplanned = |kind: &read_back::DifferenceKind| *kind == read_back::DifferenceKind::Unplanned;
    let ours = all.iter().filter(|difference| whole || !unplanned(&difference.kind));
    for (at, difference) in ours.enumerate() {
        if at == MOST {
            notes.push(Note::new(router, 0, "there are more differences"));
            break;
        }
        notes.push(Note::new(router, difference.line, difference.to_string()));
    }
    if !whole {
        return;
    }
    let missing: Vec<_> = meant.settings.iter().filter(|setting| !router.device.settings.contains(setting)).collect();
    if let Some(first) = missing.first() {
        let text = format!("{} settings of traghetto's are missing, such as `{}`", missing.len(), first.value);
        notes.push(Note::new(router, 0, text));
    }
    let added = router.device.settings.iter().filter(|setting| !meant.settings.contains(setting)).count();
    if added > 0 {
        notes.push(Note::new(router, 0, format!("{added} settings are not traghetto's and would stay as they are")));
    }
}

/// The draft as a tenant; what no router's text depends on is left empty. None where too little is
/// known for a plan.
fn tenant(found: &Found) -> Option<Tenant> {
    let id: TenantId = found.id.as_deref().unwrap_or("drafted").parse().ok()?;
    Some(Tenant {
        id,
        number: found.number?,
        name: String::new(),
        short: found.short.clone()?,
        kind: TenantKind::Municipality,
        codes: Codes::default(),
        populations: Vec::new(),
        action_2_2_2: false,
        landing_site: None,
        under_5000: false,
        server_count: ServerCount::default(),
        clients: None,
        saas: Vec::new(),
        servers: Known::Known(found.servers.iter().map(server).collect::<Option<_>>()?),
        sites: Known::Known(vec![site(found)?]),
        patron_day: None,
        test_probe: None,
        windows: Vec::new(),
    })
}

fn server(found: &super::found::FoundServer) -> Option<Server> {
    let id: ServerId = found.id.parse().ok()?;
    Some(Server {
        id,
        os: Os::Linux(String::new()),
        physical: true,
        billable: true,
        roles: Vec::new(),
        address: found.address,
        landing: Addressing::Keep,
        transfer: Transfer::Agent,
        directory: None,
        disks: Vec::new(),
        access: None,
        landing_access: None,
        winrm: None,
        landing_winrm: None,
        after: Vec::new(),
        services_stop: Vec::new(),
        manual_hours: None,
        machine: None,
        converter: None,
        example: false,
    })
}

fn site(found: &Found) -> Option<Site> {
    let wire = found.wire.as_ref()?;
    let placeholder = Ipv4Network::new(Ipv4Addr::new(198, 18, 255, 252), 30).ok()?;
    let handoff = found.handoff.map_or_else(
        || Some(HubHandoff { vlan: 4094, wan: placeholder, pe: placeholder.nth(1)?, ce: placeholder.nth(2)? }),
        |given| Some(HubHandoff { vlan: given.vlan, wan: given.wan, pe: given.pe, ce: given.ce }),
    )?;
    let spare = found.servers.first().and_then(|_| found.prefix.nth(1)).filter(|_| !found.has_hub);
    Some(Site {
        id: found.site.as_deref().unwrap_or("site").parse().ok()?,
        number: None,
        address: String::new(),
        lan: Some(Lan {
            prefix: found.prefix,
            gateway: Gateway { address: found.gateway?, kind: GatewayKind::Other },
            vip: found.vip?,
            primary: found.primary,
            standby: found.standby,
            hub: found.hub.or(spare),
            example: false,
        }),
        link: Link {
            profile: String::new(),
            primary: found.medium.unwrap_or(PrimaryMedium::Fibre),
            pcr_mbps: found.pcr_mbps?,
            mcr_percent: found.mcr_percent.unwrap_or(10),
            backup: match &found.backup {
                None => None,
                Some(backup) => Some(self::backup(backup, placeholder)?),
            },
            carrier: Some(CarrierLine { wan: wire.wan, pe: wire.pe?, cpe: wire.cpe, mtu: wire.mtu, example: false }),
            handoff: Some(handoff),
            shaping: None,
            hops: None,
            one_off_net: None,
            annual_net: None,
            ordered_on: None,
            available_on: None,
            accepted_on: None,
            managed_by: ManagedBy::Us,
            routers: None,
        },
        migration_path: None,
    })
}

fn backup(found: &FoundBackup, placeholder: Ipv4Network) -> Option<Backup> {
    Some(match found {
        FoundBackup::Copper(wire) => Backup::Copper {
            rate_kbps: rate_kbps(wire.rates, true)?,
            carrier: Some(CarrierLine { wan: wire.wan, pe: wire.pe?, cpe: wire.cpe, mtu: wire.mtu, example: false }),
        },
        FoundBackup::Lte(line, wan) => {
            let wan = wan.unwrap_or(placeholder);
            let carrier = CellularLine {
                wan,
                cpe: line.address.map(|own| own.ip()).or_else(|| wan.nth(1))?,
                negotiated: line.address.is_none(),
                mtu: line.mtu.unwrap_or(1500),
                example: false,
            };
            let provider = || ReturnPath::Provider { carrier: Some(carrier) };
            Backup::Lte {
                rate_kbps: rate_kbps(line.rates, false)?,
                apn: line.apn.clone(),
                return_path: if line.tunnel { ReturnPath::Tunnel } else { provider() },
                profile_via: ProfileVia::Config,
            }
        }
    })
}
