//! The cutover of one server as one ordered runbook: routers, firewall, Windows, Linux, DHCP, each with
//! commands, what they show, and their undo; and its exact reverse.
//!
//! The order is the one of the migration: quiet, final sync, verify, convert, source off and proven
//! silent, /32 on the hub and then on the CPEs, boot with the network card disconnected, connect,
//! clear ARP, checks. Coming back: network card off, /32 away, and only then the source on. The
//! routers' lines are those of [`cutover`](super::cutover).

mod steps;

use super::cpe::LAN_PORT;
use super::cutover::Cutover;
use super::hub::{self, CarrierRoute};
use super::interface::InterfaceName;
use super::plan::{NetworkPlan, ServerPlan};
use super::router::RouterPlan;
use super::token::Token;
use crate::model::TenantId;
use crate::model::bilingual::Bilingual;
use crate::model::link::ManagedBy;
use serde::Serialize;

/// The runbook of one server, in one direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kit {
    /// The tenant.
    pub tenant: TenantId,
    /// Name of the data center.
    pub place: String,
    /// The server.
    pub server: ServerPlan,
    /// Which way.
    pub direction: Direction,
    /// Who configures the CPEs.
    pub managed_by: ManagedBy,
    /// What is done, in order.
    pub steps: Vec<KitStep>,
}

/// Which way a server moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the SAD.
    Going,
    /// Back to the town.
    Back,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KitStep {
    /// What kind of act it is.
    pub act: Act,
    /// Where it is done.
    pub place: Place,
    /// What and why, in a sentence.
    pub what: Bilingual,
    /// Commands, outside a router's configuration.
    pub commands: Vec<String>,
    /// Lines of a router's configuration, one space a level.
    pub config: Vec<String>,
    /// Commands that show the result, each with what it must show.
    pub verify: Vec<Verify>,
    /// How to take it back: lines of the configuration where `config` is not empty, else commands.
    pub undo: Vec<String>,
    /// A page that says it in full, such as the routes of the firewall.
    pub page: Option<String>,
}

/// A command and what it must show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verify {
    /// The command.
    pub command: String,
    /// What it shows when all is well.
    pub shows: Bilingual,
}

/// Kinds of acts, in the order of going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Routes of firewall and machines, at any time before the window.
    HostRoutes,
    /// Services stopped, clients blocked.
    Quiet,
    /// The last sync.
    FinalSync,
    /// Equality proven.
    VerifyCopy,
    /// The clone is converted.
    Convert,
    /// The old machine is off.
    SourceOff,
    /// It is proven silent.
    Silent,
    /// The hub's /32.
    HubRoute,
    /// The carrier's /32.
    CarrierRoute,
    /// The /32 of a CPE.
    CpeRoute,
    /// The copy boots without network.
    Boot,
    /// Its network card is connected; coming back, disconnected.
    Nic,
    /// Old answers are forgotten.
    ClearArp,
    /// The CPEs pass on what the LAN asks of the DHCP server, which moved and no longer hears it.
    Relay,
    /// The name leads to the new address.
    Dns,
    /// Clients and services are tried.
    Check,
    /// The routers' lines are kept.
    Save,
    /// The old machine is on again (only coming back).
    SourceOn,
}

/// Where something is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Place {
    /// The town's people.
    Town,
    /// The operations host.
    Operations,
    /// The old machine.
    Source,
    /// The virtual machine at the SAD.
    Landing,
    /// A router of ours.
    Router(Token),
    /// A router that the carrier configures.
    CarrierRouter(Token),
    /// The carrier's VPN.
    Carrier,
    /// The town's firewall.
    Firewall,
    /// Windows machines of the LAN.
    Windows,
    /// Linux machines of the LAN.
    Linux,
    /// The DHCP server.
    Dhcp,
    /// The name server.
    Dns,
}

impl Place {
    /// As a heading; `at` is the name of the data center.
    pub fn words(&self, at: &str) -> Bilingual {
        let say = |it: &str, en: &str| Bilingual { it: it.to_owned(), en: en.to_owned() };
        match self {
            Self::Town => say("PERSONALE DELL'ENTE", "THE TOWN'S STAFF"),
            Self::Operations => say("HOST OPERATIVO", "OPERATIONS HOST"),
            Self::Source => say("SERVER DI ORIGINE", "OLD MACHINE"),
            Self::Landing => say(&format!("MACCHINA VIRTUALE AL {at}"), &format!("VIRTUAL MACHINE AT THE {at}")),
            Self::Router(name) => say(&format!("ROUTER {name}"), &format!("ROUTER {name}")),
            Self::CarrierRouter(name) => say(&format!("OPERATORE, ROUTER {name}"), &format!("CARRIER, ROUTER {name}")),
            Self::Carrier => say("OPERATORE, VPN", "CARRIER, VPN"),
            Self::Firewall => say("FIREWALL", "FIREWALL"),
            Self::Windows => say("WINDOWS DELLA LAN", "WINDOWS OF THE LAN"),
            Self::Linux => say("LINUX DELLA LAN", "LINUX OF THE LAN"),
            Self::Dhcp => say("SERVER DHCP", "DHCP SERVER"),
            Self::Dns => say("SERVER DNS", "DNS SERVER"),
        }
    }
}

/// Texts of others that a kit takes in.
pub struct Pages {
    /// Lines of the configuration for each router of the cutover, in its order: to add, to take away.
    pub lines: Vec<(Vec<String>, Vec<String>)>,
    /// The pages of the folder `hosts`: firewall, Windows, Linux, DHCP.
    pub hosts: [String; 4],
}

impl Kit {
    /// The runbook of `cutover`.
    pub fn new(plan: &NetworkPlan, cutover: &Cutover, pages: Pages, direction: Direction) -> Self {
        let mut steps = steps::Steps { plan, cutover, pages, steps: Vec::new() };
        match direction {
            Direction::Going => steps.going(),
            Direction::Back => steps.back(),
        }
        Self {
            tenant: plan.tenant.clone(),
            place: plan.shared.place.clone(),
            server: cutover.server.clone(),
            direction,
            managed_by: plan.managed_by,
            steps: steps.steps,
        }
    }

    /// The configuration lines for `router`, in order.
    pub fn lines_for(&self, router: &str) -> Vec<String> {
        let here = |step: &&KitStep| matches!(&step.place, Place::Router(name) | Place::CarrierRouter(name) if name.as_str() == router);
        self.steps.iter().filter(here).flat_map(|step| step.config.clone()).collect()
    }
}

/// What the carrier is asked for: its VPN's routes, and the CPEs where it configures them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// Name of the data center.
    pub place: String,
    /// The carrier's VLAN of the tenant's VPN at the SAD.
    pub vlan: u16,
    /// The CPEs that the carrier configures, each with the lines of every cutover; empty where we do.
    pub routers: Vec<RequestedRouter>,
    /// Every route of the VPN.
    pub routes: Vec<CarrierRoute>,
    /// The servers, in the order of their cutovers.
    pub servers: Vec<ServerPlan>,
    /// The virtual address of the site.
    pub vip: std::net::Ipv4Addr,
    /// The target of the probes.
    pub probe_target: std::net::Ipv4Addr,
    /// The virtual MAC address.
    pub virtual_mac: String,
    /// Whom to call; none is left blank.
    pub contact: Option<String>,
    /// When; none is left blank.
    pub window: Option<String>,
}

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Italian.
    Italian,
    /// English.
    English,
}

impl Language {
    /// Its word.
    pub fn word(self) -> &'static str {
        self.choose(("it", "en"))
    }

    /// The first is Italian, the second English.
    pub fn choose<T>(self, (italian, english): (T, T)) -> T {
        match self {
            Self::Italian => italian,
            Self::English => english,
        }
    }

    /// `text` in this language.
    pub fn of(self, text: Bilingual) -> String {
        self.choose((text.it, text.en))
    }
}

impl ChangeRequest {
    /// The request for `plan`, with the CPEs that the carrier configures.
    pub fn new(plan: &NetworkPlan, routers: Vec<RequestedRouter>) -> Self {
        Self {
            tenant: plan.tenant.clone(),
            place: plan.shared.place.clone(),
            vlan: plan.handoff.vlan,
            routers,
            routes: hub::carrier_routes(plan),
            servers: plan.servers.clone(),
            vip: plan.lan.vip,
            probe_target: plan.probe_target,
            virtual_mac: plan.numbers.virtual_mac().dashed(),
            contact: None,
            window: None,
        }
    }

    /// A CPE of the request, without cutovers yet; none where it has no part in HSRP.
    pub fn router(router: &RouterPlan) -> Option<RequestedRouter> {
        let standby = router.interfaces.iter().find_map(|interface| interface.standby.as_ref())?;
        Some(RequestedRouter {
            router: router.hostname.clone(),
            file: format!("before/{}.ios", router.hostname),
            priority: standby.priority,
            track: standby.track.map(|track| track.object),
            cutovers: Vec::new(),
        })
    }
}

/// A router that the carrier configures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestedRouter {
    /// Host name.
    pub router: Token,
    /// The file that it is to have before any server moves.
    pub file: String,
    /// Who tracks what, as `show standby brief` and `show track brief` show it.
    pub priority: u8,
    /// Number of the tracked object that lowers the priority, where there is one.
    pub track: Option<u16>,
    /// For each server: lines to add, and lines that take them away.
    pub cutovers: Vec<RequestedLines>,
}

impl RequestedRouter {
    /// Asks for the lines of a server's routes, and for those by which its LAN still finds it where it
    /// gives out addresses.
    pub(super) fn ask_for(&mut self, server: &ServerPlan, mut add: Vec<String>, mut remove: Vec<String>) {
        if let Some(relay) = Relay::of(server) {
            add.extend(relay.add);
            remove.splice(0..0, relay.remove);
        }
        if !add.is_empty() {
            self.cutovers.push(RequestedLines { server: server.id.clone(), add, remove });
        }
    }
}

/// How the LAN still reaches a DHCP server that moved: its CPEs pass on what they hear by broadcast.
struct Relay {
    /// The port of the LAN, as a line of the configuration.
    port: String,
    /// The line in it.
    helper: String,
    /// To add.
    add: Vec<String>,
    /// To take away.
    remove: Vec<String>,
}

impl Relay {
    /// None where the server gives out no addresses.
    fn of(server: &ServerPlan) -> Option<Self> {
        let port = format!("interface {}", InterfaceName::Ethernet { port: LAN_PORT, vlan: None });
        let helper = format!("ip helper-address {}", server.after);
        let (add, remove) = (vec![port.clone(), format!(" {helper}")], vec![port.clone(), format!(" no {helper}")]);
        server.dhcp.then_some(Self { port, helper, add, remove })
    }
}

/// The lines of one cutover on one router.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestedLines {
    /// The server's id.
    pub server: crate::model::ServerId,
    /// To add.
    pub add: Vec<String>,
    /// To take away.
    pub remove: Vec<String>,
}

#[cfg(test)]
mod tests;
