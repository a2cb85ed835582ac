//! The draft as YAML: every text of a router quoted, every gap an `unknown` with its question.

use super::found::{Backup, Found, FoundServer, rate_kbps};
use super::lines::{Cellular, Wire};
use super::{Note, Question};
use crate::model::link::PrimaryMedium;
use ipnetwork::Ipv4Network;
use std::fmt::Display;

/// Writes the draft.
pub(super) fn write(found: &Found, files: &[&str], notes: &[Note]) -> (String, Vec<Question>) {
    let mut page = Page { text: String::new(), lines: 0, path: Vec::new(), questions: Vec::new() };
    page.comment(&format!("A draft by `traghetto network import` from: {}", files.join(", ")));
    page.comment("What no configuration says is `unknown`, with the question beside it; `traghetto inventory check`");
    page.comment("names each of them until it is answered.");
    if !notes.is_empty() {
        page.comment("What these routers do otherwise than traghetto would:");
    }
    for note in notes {
        let place = if note.line == 0 { note.file.clone() } else { format!("{}:{}", note.file, note.line) };
        page.comment(&format!("  {place}: {}", note.text));
    }
    tenant(&mut page, found);
    page.block("server_count", |page| page.ask("assessed", "how many servers does the project document count?"));
    servers(&mut page, found);
    page.open("sites");
    site(&mut page, found);
    (page.text, page.questions)
}

/// The text as it grows.
struct Page {
    text: String,
    lines: usize,
    /// The open keys.
    path: Vec<(String, Place)>,
    questions: Vec<Question>,
}

/// Where the next line of an open key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a mapping.
    Block,
    /// In an element of a list, which has no line yet.
    FirstOfElement,
    /// In an element of a list.
    Element,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
        self.lines += 1;
    }

    fn comment(&mut self, text: &str) {
        self.line(&format!("{}# {}", "  ".repeat(self.depth()), crate::untrusted::printable(text)));
    }

    /// A line at the present depth; the first one of a list's element carries its dash.
    fn entry(&mut self, text: &str) {
        let depth = self.depth();
        let lead = match self.path.last_mut() {
            Some((_, Place::FirstOfElement)) => format!("{}- ", "  ".repeat(depth.saturating_sub(1))),
            _ => "  ".repeat(depth),
        };
        if let Some((_, place @ Place::FirstOfElement)) = self.path.last_mut() {
            *place = Place::Element;
        }
        self.line(&format!("{lead}{text}"));
    }

    /// Levels of indentation: an element of a list takes two, one of them for its dash.
    fn depth(&self) -> usize {
        self.path.iter().map(|(_, place)| if *place == Place::Block { 1 } else { 2 }).sum()
    }

    fn open(&mut self, key: &str) {
        self.entry(&format!("{key}:"));
    }

    fn block(&mut self, key: &str, inner: impl FnOnce(&mut Self)) {
        self.open(key);
        self.path.push((key.to_owned(), Place::Block));
        inner(self);
        self.path.pop();
    }

    /// An element of the list whose key was opened last.
    fn element(&mut self, key: &str, inner: impl FnOnce(&mut Self)) {
        self.path.push((key.to_owned(), Place::FirstOfElement));
        inner(self);
        self.path.pop();
    }

    /// A value in YAML's flow style, which is written as it is.
    fn flow(&mut self, key: &str, value: &str) {
        self.entry(&format!("{key}: {value}"));
    }

    fn known(&mut self, key: &str, value: impl Display) {
        self.entry(&format!("{key}: {}", scalar(&value.to_string())));
    }

    /// A key that waits for an answer.
    fn ask(&mut self, key: &str, question: &str) {
        self.entry(&format!("{key}: unknown  # ?: {question}"));
        let path = self.path.iter().map(|(key, _)| key.as_str()).chain([key]);
        let key = path.collect::<Vec<_>>().join(".");
        self.questions.push(Question { key, line: self.lines, question: question.to_owned() });
    }

    fn maybe(&mut self, key: &str, value: Option<impl Display>, question: &str) {
        match value {
            Some(value) => self.known(key, value),
            None => self.ask(key, question),
        }
    }
}

/// A scalar of YAML that says exactly `text`: plain where nothing can be read into it.
pub(super) fn scalar(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let words = ["true", "false", "yes", "no", "on", "off", "null", "unknown", "y", "n"];
    let number = text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let dotted = text.parse::<std::net::Ipv4Addr>().is_ok() || text.parse::<Ipv4Network>().is_ok();
    let numeric_looking = text.starts_with(|c: char| c.is_ascii_digit()) && !number && !dotted;
    if starts_well && text.bytes().all(plain) && !numeric_looking && !words.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if crate::untrusted::is_unprintable(c) => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn tenant(page: &mut Page, found: &Found) {
    page.block("tenant", |page| {
        page.maybe("id", found.id.as_ref(), "which id, also the name of this file?");
        page.maybe("number", found.number, "which number of ours, never used before?");
        page.ask("name", "what is its full name?");
        page.maybe("short", found.short.as_ref(), "which short upper-case name for VRF and routes?");
        page.ask("kind", "municipality or union?");
        page.flow("codes", "{}");
        page.ask("populations", "how many inhabitants, when, counted by whom? [{value: , date: , source: }]");
        page.ask("action_2_2_2", "is it admitted to the actions that ask for it? true or false");
        page.ask("under_5000", "is it small, below the project's limit of inhabitants? true or false");
    });
}

fn servers(page: &mut Page, found: &Found) {
    if found.servers.is_empty() {
        page.ask("servers", "which servers are there? no router has a /32 of one");
        return;
    }
    page.comment("Only servers that keep their address and have moved are on routers; are there others?");
    page.open("servers");
    for (at, server) in found.servers.iter().enumerate() {
        page.element(&format!("servers.{at}"), |page| one_server(page, server));
    }
}

fn one_server(page: &mut Page, server: &FoundServer) {
    page.known("id", &server.id);
    if server.nameless {
        page.comment("Its routes have no name of ours; the id is made of its address.");
    }
    page.ask("os", "which system? {windows: NAME} or {linux: NAME}");
    page.ask("physical", "is it a physical machine? true or false");
    page.ask("billable", "does the fee count it? true or false");
    page.ask("roles", "what does it do? such as [file, print]");
    page.known("address", server.address);
    page.known("landing", "keep");
    page.ask("transfer", "how is it moved? agent, rescue, converter, converter-assisted or replace");
}

fn site(page: &mut Page, found: &Found) {
    page.element("sites.0", |page| {
        page.maybe("id", found.site.as_ref(), "which id, such as municipio?");
        page.ask("address", "which address?");
        page.block("lan", |page| lan(page, found));
        page.block("link", |page| link(page, found));
    });
}

fn lan(page: &mut Page, found: &Found) {
    page.known("prefix", found.prefix);
    page.block("gateway", |page| {
        page.maybe("address", found.gateway, "which address has the firewall of the town?");
        page.ask("kind", "endian or other?");
    });
    page.maybe("vip", found.vip, "which address is the virtual one of HSRP?");
    page.known("primary", found.primary);
    if let Some(standby) = found.standby {
        page.known("standby", standby);
    }
    match found.hub {
        Some(hub) => page.known("hub", hub),
        None if found.has_hub => page.comment("The hub has no address in this LAN: no server can keep its own there."),
        None => page.ask("hub", "which spare address of the LAN may the hub have?"),
    }
}

fn link(page: &mut Page, found: &Found) {
    page.ask("profile", "which profile does the contract name, such as Link Radio?");
    let medium = found.medium.map(|medium| match medium {
        PrimaryMedium::Fibre => "fibre",
        PrimaryMedium::Radio => "radio",
    });
    page.maybe("primary", medium, "fibre or radio?");
    page.maybe("pcr_mbps", found.pcr_mbps, "which peak rate (PCR) in Mbit/s?");
    page.maybe("mcr_percent", found.mcr_percent, "which guaranteed share (MCR) in percent of the peak?");
    match &found.backup {
        None => page.comment("There is no backup line on these routers."),
        Some(Backup::Copper(wire)) => page.block("backup", |page| {
            page.block("copper", |page| {
                page.maybe("rate_kbps", rate_kbps(wire.rates, true), "which rate in kbit/s?");
                page.block("carrier", |page| line(page, wire));
            });
        }),
        Some(Backup::Lte(cellular, wan)) => {
            page.block("backup", |page| page.block("lte", |page| lte(page, cellular, *wan)));
        }
    }
    match &found.wire {
        None => page.ask("carrier", "what does the carrier give for the primary line?"),
        Some(wire) => page.block("carrier", |page| {
            line(page, wire);
            let handoff = found.handoff;
            page.maybe("hub_vlan", handoff.map(|it| it.vlan), "which VLAN on the hub's trunk?");
            page.maybe(
                "hub_wan",
                handoff.map(|it| it.wan),
                "which network between hub and provider at the data center?",
            );
            page.maybe("hub_pe", handoff.map(|it| it.pe), "which address has the provider on it?");
            page.maybe("hub_ce", handoff.map(|it| it.ce), "which address has the hub on it?");
        }),
    }
    page.ask("managed_by", "who configures the CPEs? us or carrier");
}

fn line(page: &mut Page, wire: &Wire) {
    page.known("wan", wire.wan);
    page.maybe("pe", wire.pe, "which address has the provider's router?");
    page.known("cpe", wire.cpe);
    page.known("mtu", wire.mtu);
}

fn lte(page: &mut Page, line: &Cellular, wan: Option<Ipv4Network>) {
    page.maybe("rate_kbps", rate_kbps(line.rates, false), "which rate in kbit/s?");
    page.maybe("apn", line.apn.as_ref(), "which access point name?");
    if !line.profile_in_config {
        page.known("profile_via", "exec");
    }
    if line.tunnel {
        return;
    }
    page.known("return_path", "provider");
    let typed = line.address.and_then(|own| Ipv4Network::new(own.network(), own.prefix()).ok());
    page.block("carrier", |page| {
        page.maybe("wan", wan.or(typed), "which network has the access point in the VPN?");
        page.maybe("cpe", line.address.map(|own| own.ip()), "which address has the SIM always?");
        page.flow("negotiated", if line.address.is_none() { "true" } else { "false" });
        page.maybe("mtu", line.mtu, "which IP MTU in bytes?");
    });
}
