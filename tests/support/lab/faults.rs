//! What a failure of the simulator is in the lab: plugs pulled, and cables that carry nothing.

use super::carrier::edge_of;
use super::space::Space;
use super::{LAN, LTE, line_of, lte_cable, place_of};
use traghetto::network::simulate::{Element, Role, Scene};

/// Lets elements fail, as nearly at one moment as can be.
pub fn apply(space: &Space, scene: &Scene, failures: &[Element]) {
    for failure in failures {
        for (cable, place) in plugs(scene, *failure) {
            space.plug(cable, place, "down");
        }
        if let Some(cable) = silent(scene, *failure) {
            space.carry(cable, "down");
        }
    }
}

/// Puts every plug back, and lets every cable carry.
pub fn heal(space: &Space, scene: &Scene) {
    for cable in cables(scene) {
        space.carry(cable, "up");
        for place in ends(scene, cable) {
            space.plug(cable, place, "up");
        }
    }
}

/// Every cable that a failure can touch.
fn cables(scene: &Scene) -> Vec<&'static str> {
    let around = &scene.surroundings;
    let edges = around.carrier.edges.iter().flat_map(|edge| [line_of(edge.at), edge_of(edge.at)]);
    let lte = lte_cable(scene).filter(|cable| *cable == LTE);
    edges.chain(lte).chain([LAN, "behind", "kept", "new"]).collect()
}

/// Who is on a cable.
fn ends(scene: &Scene, cable: &str) -> Vec<&'static str> {
    let around = &scene.surroundings;
    let cpes = scene.routers.iter().map(|router| router.role).filter(|role| *role != Role::Hub).map(place_of);
    match cable {
        LAN => cpes.chain(["fw", "client", "town"]).collect(),
        LTE => around.lte.iter().map(|lte| place_of(lte.router)).chain(["hub"]).collect(),
        "behind" => vec!["fw", "behind"],
        "kept" => vec!["hub", "kept"],
        "new" => vec!["hub", "new"],
        _ => {
            let edge =
                around.carrier.edges.iter().find(|edge| [line_of(edge.at), edge_of(edge.at)].contains(&cable)).unwrap();
            if cable == line_of(edge.at) {
                vec![place_of(edge.router), edge_of(edge.at)]
            } else {
                vec![edge_of(edge.at), "core"]
            }
        }
    }
}

/// The plugs that are without a carrier: both of a cable, but of a switch only the one concerned.
fn plugs(scene: &Scene, failure: Element) -> Vec<(&'static str, &'static str)> {
    let whole =
        |cable: &'static str| ends(scene, cable).into_iter().map(move |place| (cable, place)).collect::<Vec<_>>();
    let of = |place: &'static str| {
        let touching = cables(scene).into_iter().filter(move |cable| ends(scene, cable).contains(&place));
        touching.flat_map(|cable| if cable == LAN { vec![(LAN, place)] } else { whole(cable) }).collect()
    };
    match failure {
        Element::Router(role) => off(of(place_of(role)), place_of(role)),
        Element::LanPort(role) => vec![(LAN, place_of(role))],
        Element::Line(at) => whole(line_of(at)),
        Element::ProviderEdge(at) => of(edge_of(at)),
        Element::ServerPort => [whole("kept"), whole("new")].concat(),
        // Without signal, or refused by the network, the modem's interface is down at once.
        Element::Radio | Element::Sim => lte_cable(scene)
            .zip(scene.surroundings.lte.as_ref())
            .map(|(cable, lte)| (cable, place_of(lte.router)))
            .into_iter()
            .collect(),
        Element::Firewall => of("fw"),
        Element::LanSwitch => whole(LAN),
        Element::Silent(_) | Element::Core(_) | Element::HubInternet | Element::LteNetwork | Element::Tunnel => {
            Vec::new()
        }
    }
}

/// A router without power takes the carrier from its neighbours, but nobody hears of it through the
/// LTE network: there only its own plug is pulled.
fn off(plugs: Vec<(&'static str, &'static str)>, place: &'static str) -> Vec<(&'static str, &'static str)> {
    plugs.into_iter().filter(|(cable, end)| *cable != LTE || *end == place).collect()
}

/// The cable that carries nothing though its ends see a carrier.
fn silent(scene: &Scene, failure: Element) -> Option<&'static str> {
    match failure {
        Element::Silent(at) => Some(line_of(at)),
        Element::Core(at) => Some(edge_of(at)),
        Element::HubInternet | Element::LteNetwork | Element::Tunnel => lte_cable(scene),
        _ => None,
    }
}
