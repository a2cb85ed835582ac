//! What can fail.

use super::{Landing, Role, Scene};
use std::fmt;

/// Something that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// A router: without power.
    Router(Role),
    /// A CPE's port into the LAN, or its cable.
    LanPort(Role),
    /// A line to the carrier, cut: the ports at both ends go down.
    Line(EdgeAt),
    /// A line to the carrier that passes nothing although the ports at both ends stay up, as a radio
    /// that stands on a mast of its own.
    Silent(EdgeAt),
    /// The carrier's router at the edge.
    ProviderEdge(EdgeAt),
    /// The carrier's core loses an edge although the line to it stays up: the far-side blackhole.
    Core(EdgeAt),
    /// The hub's port to the virtual machines.
    ServerPort,
    /// The hub's public address: its way into the Internet.
    HubInternet,
    /// The radio of the LTE modem.
    Radio,
    /// The SIM: the modem has a signal, the network refuses it.
    Sim,
    /// The LTE network passes nothing although the modem is registered.
    LteNetwork,
    /// The tunnel: its security association is dead at one end.
    Tunnel,
    /// The local firewall.
    Firewall,
    /// The switch of the LAN.
    LanSwitch,
}

/// Where a line meets the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeAt {
    /// The site's primary line.
    Primary,
    /// The site's backup line in the same VPN.
    Backup,
    /// The SAD.
    Hub,
}

/// A set of things that failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Failures(Vec<Element>);

/// A set of failed elements, a bit for each in the order of [`elements`].
pub(super) type Mask = u64;

impl Failures {
    /// Nothing failed.
    pub fn none() -> Self {
        Self::default()
    }

    /// These failed, at the same moment.
    pub fn of(elements: impl IntoIterator<Item = Element>) -> Self {
        let mut all: Vec<_> = elements.into_iter().collect();
        all.sort();
        all.dedup();
        Self(all)
    }

    /// What failed, sorted.
    pub fn elements(&self) -> &[Element] {
        &self.0
    }
}

impl Element {
    /// A word without spaces: stable, for JSON and command lines.
    pub fn id(self) -> String {
        let role = |role| match role {
            Role::PrimaryCpe => "primary-cpe",
            Role::StandbyCpe => "standby-cpe",
            Role::Hub => "hub",
        };
        let edge = |edge| match edge {
            EdgeAt::Primary => "primary",
            EdgeAt::Backup => "backup",
            EdgeAt::Hub => "hub",
        };
        match self {
            Self::Router(at) => role(at).to_owned(),
            Self::LanPort(at) => format!("{}-lan-port", role(at)),
            Self::Line(at) => format!("{}-line", edge(at)),
            Self::Silent(at) => format!("{}-line-silent", edge(at)),
            Self::ProviderEdge(at) => format!("{}-provider-edge", edge(at)),
            Self::Core(at) => format!("{}-core", edge(at)),
            Self::ServerPort => "hub-server-port".to_owned(),
            Self::HubInternet => "hub-internet".to_owned(),
            Self::Radio => "lte-radio".to_owned(),
            Self::Sim => "lte-sim".to_owned(),
            Self::LteNetwork => "lte-network".to_owned(),
            Self::Tunnel => "tunnel".to_owned(),
            Self::Firewall => "firewall".to_owned(),
            Self::LanSwitch => "lan-switch".to_owned(),
        }
    }
}

/// What happened, in words.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = |role| match role {
            Role::PrimaryCpe => "primary CPE",
            Role::StandbyCpe => "standby CPE",
            Role::Hub => "hub",
        };
        let edge = |edge| match edge {
            EdgeAt::Primary => "primary line",
            EdgeAt::Backup => "backup line",
            EdgeAt::Hub => "line of the hub",
        };
        let text = match *self {
            Self::Router(at) => format!("{} off", role(at)),
            Self::LanPort(at) => format!("LAN port of the {} down", role(at)),
            Self::Line(at) => format!("{} cut", edge(at)),
            Self::Silent(at) => format!("{} silent, ports up", edge(at)),
            Self::ProviderEdge(at) => format!("carrier's edge of the {} off", edge(at)),
            Self::Core(at) => format!("carrier's core loses the {}", edge(at)),
            Self::ServerPort => "server port of the hub down".to_owned(),
            Self::HubInternet => "hub without Internet".to_owned(),
            Self::Radio => "LTE radio down".to_owned(),
            Self::Sim => "SIM refused".to_owned(),
            Self::LteNetwork => "LTE network silent".to_owned(),
            Self::Tunnel => "tunnel dead".to_owned(),
            Self::Firewall => "local firewall off".to_owned(),
            Self::LanSwitch => "LAN switch off".to_owned(),
        };
        f.pad(&text)
    }
}

/// What happened, in words.
impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.pad("no failure");
        }
        let all: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.pad(&all.join(" + "))
    }
}

/// Everything in a scene that can fail, in the order in which it is shown.
pub(super) fn elements(scene: &Scene) -> Vec<Element> {
    let around = &scene.surroundings;
    let has = |role| scene.routers.iter().any(|router| router.role == role);
    let mut all = Vec::new();
    for edge in &around.carrier.edges {
        let at = edge.at;
        all.extend([Element::Line(at), Element::Silent(at), Element::ProviderEdge(at), Element::Core(at)]);
    }
    for role in [Role::PrimaryCpe, Role::StandbyCpe].into_iter().filter(|role| has(*role)) {
        all.extend([Element::Router(role), Element::LanPort(role)]);
    }
    if let Some(lte) = &around.lte {
        all.extend([Element::Radio, Element::Sim, Element::LteNetwork]);
        if lte.landing == Landing::Internet {
            all.extend([Element::Tunnel, Element::HubInternet]);
        }
    }
    all.extend([Element::Router(Role::Hub), Element::ServerPort, Element::Firewall, Element::LanSwitch]);
    all.truncate(Mask::BITS as usize);
    all
}
