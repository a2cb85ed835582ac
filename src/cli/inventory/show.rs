//! `traghetto inventory show TENANT`: what is known of one tenant, in sections.

use super::super::Context;
use super::super::table::Table;
use super::super::ui::{Tone, Ui};
use crate::model::Inventory;
use crate::model::link::{Backup, Lan, Link, ManagedBy, PrimaryMedium, Site};
use crate::model::server::{Addressing, Disk, Server};
use crate::model::tenant::Tenant;
use std::fmt::{Display, Write as _};
use std::net::Ipv4Addr;

/// How people are told that nobody knows.
pub(super) const NOT_KNOWN: &str = "non noto";
const GIGABYTE: u64 = 1_000_000_000;

pub(super) fn run(tenant: &Tenant, inventory: &Inventory, context: &Context) {
    let project = &inventory.project;
    if context.json {
        context.ui.json(tenant);
        return;
    }
    let mut page = Page { text: String::new(), ui: &context.ui };
    about(&mut page, tenant, inventory);
    servers(&mut page, tenant);
    match tenant.sites.known() {
        Some(sites) => sites.iter().for_each(|one| site(&mut page, one, &project.landing.name)),
        None => {
            page.heading("Sites");
            page.line("sites", NOT_KNOWN);
        }
    }
    context.ui.data(&page.text);
}

/// `< 5.000`: the flag of small tenants, with the project's own limit.
pub(super) fn below(limit: u64) -> String {
    let digits = limit.to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect::<Vec<_>>();
    format!("< {}", grouped.join("."))
}

/// The actions to which a tenant is admitted or not.
pub(super) fn admission(inventory: &Inventory) -> String {
    let mut actions: Vec<&str> = Vec::new();
    for schedule in inventory.fees.schedules.iter().filter(|schedule| schedule.requires_admission) {
        if !actions.contains(&schedule.action.as_str()) {
            actions.push(&schedule.action);
        }
    }
    if actions.is_empty() { "admitted".to_owned() } else { actions.join(", ") }
}

/// A page of headings and lines.
struct Page<'a> {
    text: String,
    ui: &'a Ui,
}

impl Page<'_> {
    fn heading(&mut self, heading: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&self.ui.tone(Tone::Strong, heading));
        self.text.push('\n');
    }

    fn line(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.text, "  {name:<22}{value}");
    }

    fn known(&mut self, name: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.line(name, value),
            None => self.line(name, NOT_KNOWN),
        }
    }
}

fn about(page: &mut Page<'_>, tenant: &Tenant, inventory: &Inventory) {
    let project = &inventory.project;
    page.heading(&format!("{} ({}, number {}, {})", tenant.name, tenant.id, tenant.number, tenant.short));
    let codes = &tenant.codes;
    if let Some(site) = &tenant.landing_site {
        page.line("lands at", format_args!("{} ({site})", project.landing.name));
    }
    page.known("ISTAT code", codes.istat.as_ref());
    page.known("cadastral code", codes.cadastral.as_ref());
    page.known("IPA code", codes.ipa.as_ref());
    page.known("tax code", codes.tax_code.as_ref());
    page.known("PEC", codes.pec.as_ref());
    page.known("web site", codes.website.as_ref());
    page.known("CAP", codes.cap.as_ref());
    for population in &tenant.populations {
        let decides = if population.date == project.population_date { ", decides the band" } else { "" };
        let name = format!("population {}", population.date);
        page.line(&name, format_args!("{} ({}{decides})", population.value, population.source));
    }
    page.line(&below(project.small_below).replace('<', "below"), yes(tenant.under_5000));
    page.line(&format!("Action {}", admission(inventory)), yes(tenant.action_2_2_2));
    page.known("clients", tenant.clients.map(|clients| format!("{} PCs, {} users", clients.pcs, clients.users)));
    let saas: Vec<String> = tenant.saas.iter().map(|saas| format!("{} ({})", saas.name, saas.kind)).collect();
    page.line("stays outside (SaaS)", if saas.is_empty() { NOT_KNOWN.to_owned() } else { saas.join(", ") });
}

fn servers(page: &mut Page<'_>, tenant: &Tenant) {
    page.heading("Servers");
    page.known("assessed", tenant.server_count.assessed);
    let actual = tenant.server_count.actual.as_ref();
    page.known("found", actual.map(|actual| format!("{}, from {}", actual.count, actual.from)));
    let Some(servers) = tenant.servers.known() else {
        page.line("servers", NOT_KNOWN);
        return;
    };
    let headings =
        ["Id", "System", "Roles", "Address", "After the move", "Transfer", "Disks", "Moves after", "Example"];
    let mut table = Table::new(headings);
    servers.iter().for_each(|server| table.row(server_row(server)));
    for line in table.render().lines() {
        let _ = writeln!(page.text, "  {line}");
    }
}

fn server_row(server: &Server) -> [String; 9] {
    let after = match server.landing {
        Addressing::Keep => "kept".to_owned(),
        Addressing::Renumber(address) => address.to_string(),
        Addressing::RoutesOnly => "routes only".to_owned(),
    };
    let transfer = match server.directory {
        Some(way) => format!("{}, directory {}", server.transfer.word(), way.word()),
        None => server.transfer.word().to_owned(),
    };
    let joined = |words: Vec<String>| if words.is_empty() { "-".to_owned() } else { words.join(", ") };
    [
        server.id.to_string(),
        server.os.to_string(),
        joined(server.roles.iter().map(|role| role.word().to_owned()).collect()),
        server.address.to_string(),
        after,
        transfer,
        joined(server.disks.iter().map(disk_words).collect()),
        joined(server.after.iter().map(ToString::to_string).collect()),
        yes(server.example).to_owned(),
    ]
}

fn disk_words(disk: &Disk) -> String {
    let gigabytes = |bytes: Option<u64>| match bytes {
        Some(bytes) if bytes % GIGABYTE == 0 => format!("{} GB", bytes / GIGABYTE),
        Some(bytes) => format!("{bytes} B"),
        None => NOT_KNOWN.to_owned(),
    };
    format!("{} {}, used {}", disk.id, gigabytes(disk.size), gigabytes(disk.used))
}

fn site(page: &mut Page<'_>, site: &Site, landing: &str) {
    page.heading(&format!("Site {}: {}", site.id, site.address));
    if let Some(number) = site.number {
        page.line("number", number);
    }
    match &site.lan {
        Some(network) => lan(page, network),
        None => page.line("LAN", NOT_KNOWN),
    }
    let link = &site.link;
    page.line("link", link_words(link));
    page.line("guaranteed", format_args!("{} Mbit/s", mbps(link.mcr_kbps())));
    page.known(
        "point to point",
        link.carrier.as_ref().map(|line| format!("{}, PE {}, CPE {}", line.wan, line.pe, line.cpe)),
    );
    let handoff = link.handoff.as_ref();
    page.known(
        &format!("handoff at the {landing}"),
        handoff.map(|hub| format!("VLAN {}, {}, PE {}, hub {}", hub.vlan, hub.wan, hub.pe, hub.ce)),
    );
    page.line("calendar of rates", if link.shaping.is_some() { "its own" } else { "the project's" });
    if let Some(hops) = &link.hops {
        let listed = |hops: &[Ipv4Addr]| hops.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        page.line("primary hops", listed(&hops.primary));
        page.line("backup hops", listed(&hops.backup));
    }
    page.known("set-up fee, net", link.one_off_net);
    page.known("annual fee, net", link.annual_net);
    page.known("ordered", link.ordered_on);
    page.known("available", link.available_on);
    page.known("accepted (collaudo)", link.accepted_on);
    let owner = match link.managed_by {
        ManagedBy::Us => "us",
        ManagedBy::Carrier => "the carrier",
    };
    page.line("CPEs configured by", owner);
}

fn lan(page: &mut Page<'_>, lan: &Lan) {
    let example = if lan.example { " (example)" } else { "" };
    page.line("LAN", format_args!("{}{example}", lan.prefix));
    page.line("default gateway", lan.gateway.address);
    page.line("HSRP address", lan.vip);
    page.line("primary CPE", lan.primary);
    page.line("standby CPE", lan.standby.map_or("none".to_owned(), |address| address.to_string()));
    page.line("hub's spare address", lan.hub.map_or("none".to_owned(), |address| address.to_string()));
}

/// A link in words: `Link Radio, radio 100 Mbit/s (MCR 10 %), backup LTE 8 Mbit/s`.
pub(super) fn link_words(link: &Link) -> String {
    let medium = match link.primary {
        PrimaryMedium::Fibre => "fibre",
        PrimaryMedium::Radio => "radio",
    };
    let backup = match &link.backup {
        Some(Backup::Copper { rate_kbps, .. }) => format!("backup copper {} Mbit/s", mbps(*rate_kbps)),
        Some(Backup::Lte { rate_kbps, .. }) => format!("backup LTE {} Mbit/s", mbps(*rate_kbps)),
        None => format!("backup {NOT_KNOWN}"),
    };
    format!("{}, {medium} {} Mbit/s (MCR {} %), {backup}", link.profile, link.pcr_mbps, link.mcr_percent)
}

pub(super) fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

fn mbps(kbps: u32) -> f64 {
    f64::from(kbps) / 1000.0
}
