//! Whether any way at all is left between two machines, whatever the routers are told: cables, lines
//! and boxes alone. Where none is, no configuration survives the failure: a single point.

use super::element::Mask;
use super::wiring::Network;
use super::{EdgeAt, Element, Landing, Place, Role};

impl Network<'_> {
    /// Whether a way of cables, lines and boxes is left between a client and a server.
    pub(super) fn has_way(&self, client: usize, server: usize, mask: Mask) -> bool {
        let around = &self.scene.surroundings;
        let works = |elements: &[Element]| mask & self.mask_of(elements) == 0;
        if !works(&[Element::LanSwitch]) {
            return false;
        }
        if !around.lan.contains(around.clients[client].address) && !works(&[Element::Firewall]) {
            return false;
        }
        match around.servers[server].place {
            Place::Town => return true,
            // The hub's own address in the tenant's prefix is on the port of the servers, too.
            Place::SadKept | Place::SadBeside(_) | Place::SadNew | Place::Hub => {}
        }
        works(&[Element::Router(Role::Hub), Element::ServerPort])
            && [Role::PrimaryCpe, Role::StandbyCpe].into_iter().any(|role| self.carries(role, mask))
    }

    /// Whether a CPE, its LAN port and one of its lines work.
    fn carries(&self, role: Role, mask: Mask) -> bool {
        let around = &self.scene.surroundings;
        let works = |elements: &[Element]| mask & self.mask_of(elements) == 0;
        let line = |at| works(&[Element::Line(at), Element::Silent(at), Element::ProviderEdge(at), Element::Core(at)]);
        let there = self.scene.routers.iter().any(|router| router.role == role);
        if !there || !works(&[Element::Router(role), Element::LanPort(role)]) {
            return false;
        }
        let mut wired = around.carrier.edges.iter().filter(|edge| edge.router == role && edge.pe.is_some());
        if wired.any(|edge| line(edge.at) && line(EdgeAt::Hub)) {
            return true;
        }
        around.lte.as_ref().filter(|lte| lte.router == role).is_some_and(|lte| {
            works(&[Element::Radio, Element::Sim, Element::LteNetwork])
                && match lte.landing {
                    Landing::Internet => works(&[Element::Tunnel, Element::HubInternet]),
                    Landing::Vpn => line(EdgeAt::Backup) && line(EdgeAt::Hub),
                }
        })
    }
}
