//! `traghetto network plan`.

use super::super::table::Table;
use super::super::ui::Tone;
use super::{Context, Failure, decided};
use crate::model::link::ManagedBy;
use crate::network::migration_path::changes::MigrationEnds;
use crate::network::migration_path::{Purpose, Side, Way};
use crate::network::plan::ReachedBy;
use crate::network::summary::{Summary, SummaryRoute, SummaryRouter};

/// `traghetto network plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let all: Vec<Summary> = decided(context, &args.tenant)?.iter().map(Summary::new).collect();
    match (context.json, all.as_slice()) {
        (true, [only]) => context.ui.json(only),
        (true, sites) => context.ui.json(&serde_json::json!({"tenant": args.tenant, "sites": sites})),
        (false, sites) => {
            for (at, summary) in sites.iter().enumerate() {
                context.ui.data(if at == 0 { "" } else { "\n" });
                show(summary, context);
            }
        }
    }
    Ok(())
}

/// The plan of one site as tables.
fn show(summary: &Summary, context: &Context) {
    let managed_by = match summary.managed_by {
        ManagedBy::Us => "us",
        ManagedBy::Carrier => "the carrier",
    };
    let (tenant, number, site) = (&summary.tenant, summary.number, &summary.site);
    context.ui.data(&format!("{tenant}: number {number}, site {site}, CPEs configured by {managed_by}\n"));
    let section = |title: &str, table: Table| {
        context.ui.data(&format!("\n{}\n{}", context.ui.tone(Tone::Strong, title), table.render()));
    };
    section("Addressing", values(summary));
    section("Routers", routers(&summary.routers));
    section("Servers", servers(summary));
    section("Routes", routes(&summary.routes));
    section("Routes of the carrier in the VPN", carrier(summary));
    section("Routes of the machines in the LAN", hosts(summary));
    if let Some(ends) = &summary.migration {
        let (way, reason) = (way(&ends.path.way), ends.path.reason);
        section(&format!("Way of the copying, until acceptance: {way} ({reason})"), flows(ends));
    }
    let notes: String = summary.notes.iter().map(|note| format!("- {note}\n")).collect();
    context.ui.data(&format!("\n{}\n{notes}", context.ui.tone(Tone::Strong, "Notes")));
}

fn values(summary: &Summary) -> Table {
    let mut table = Table::new(["what", "value", "from"]);
    for value in &summary.values {
        table.row([value.name.replace('_', " "), value.value.to_string(), value.from.clone()]);
    }
    table
}

fn routers(routers: &[SummaryRouter]) -> Table {
    let mut table = Table::new(["router", "role", "lan", "management", "priority", "tracks"]);
    for router in routers {
        let tracks = router.hsrp.as_ref().and_then(|hsrp| hsrp.track);
        table.row([
            router.hostname.to_string(),
            router.role.to_owned(),
            or_dash(router.lan),
            or_dash(router.management),
            or_dash(router.hsrp.as_ref().map(|hsrp| hsrp.priority)),
            or_dash(tracks.map(|track| format!("{}, loses {}", track.object, track.by))),
        ]);
    }
    table
}

fn servers(summary: &Summary) -> Table {
    let mut table = Table::new(["server", "today", "after", "reached by"]);
    let prefix = format!("the tenant's prefix at the {}", summary.hosts.place);
    for server in &summary.servers {
        let reached_by = match server.reached_by {
            ReachedBy::ProxyArp => "/32 with proxy ARP on every CPE and the hub",
            ReachedBy::SadPrefix => &prefix,
        };
        let (before, after) = (server.before.to_string(), server.after.to_string());
        table.row([server.id.to_string(), before, after, reached_by.to_owned()]);
    }
    table
}

fn routes(routes: &[SummaryRoute]) -> Table {
    let mut table = Table::new(["router", "vrf", "destination", "via", "distance", "track", "name", "since"]);
    for SummaryRoute { router, route, since } in routes {
        table.row([
            router.to_string(),
            or_dash(route.vrf.as_ref()),
            route.destination.to_string(),
            route.via.to_string(),
            route.distance.unwrap_or(1).to_string(),
            or_dash(route.track),
            route.name.to_string(),
            since_text(since.as_ref()),
        ]);
    }
    table
}

fn carrier(summary: &Summary) -> Table {
    let mut table = Table::new(["destination", "towards", "since", "for"]);
    for route in &summary.carrier {
        let (destination, towards) = (route.destination.to_string(), route.towards.to_string());
        table.row([destination, towards, since_text(route.since.as_ref()), route.reason.to_string()]);
    }
    table
}

fn hosts(summary: &Summary) -> Table {
    let hosts = &summary.hosts;
    let mut table = Table::new(["what", "value"]);
    table.row(["destination".into(), hosts.destination.to_string()]);
    for site in &hosts.sites {
        table.row(["destination".into(), format!("{site} (another site)")]);
    }
    table.row(["next hop".into(), format!("{} (the VIP)", hosts.next_hop)]);
    table.row(["DHCP option 121".into(), hosts.option_121.clone()]);
    table.row(["DHCP option 249".into(), hosts.option_249.clone()]);
    table
}

fn way(way: &Way) -> String {
    match way {
        Way::Routed => "routed".to_owned(),
        Way::Alias { .. } => "alias".to_owned(),
        Way::JumpHost { address } => format!("jump host {address}"),
    }
}

fn flows(ends: &MigrationEnds) -> Table {
    let host = format!("host at the {}", ends.place);
    let mut table = Table::new(["server", "address", "seen as", &host, "address", "calls", "port", "for"]);
    for flow in &ends.path.flows {
        let seen = ends.path.seen_as(flow.local);
        table.row([
            flow.server.to_string(),
            flow.local.to_string(),
            seen.to_string(),
            flow.host.role.to_string(),
            flow.host.address.to_string(),
            if flow.called == Side::Town { "the server" } else { "the host" }.to_owned(),
            flow.port.to_string(),
            if flow.purpose == Purpose::Copy { "copy" } else { "checklist" }.to_owned(),
        ]);
    }
    table
}

fn since_text(server: Option<&crate::model::ServerId>) -> String {
    server.map_or_else(|| "start".to_owned(), |server| format!("cutover of {server}"))
}

fn or_dash(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
