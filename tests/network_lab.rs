//! The simulator beside the lab, in the short form that every `make test` runs: towns, carrier and hub
//! in network namespaces, made from the same YAML. `proof_network_lab` does it in full. Needs root and
//! the Debian packages iproute2, keepalived and util-linux.

use crate::support::lab::Lab;
use crate::support::lab::compare::{Scenario, Spoilt, Town, assert_agreement, compare, scene, table};
use std::time::Duration;
use traghetto::network::simulate::{EdgeAt, Element, Place, Role};

/// The hub's way back without its track: behind a far side that is silent the town is lost for good.
const UNTRACKED: Spoilt =
    Spoilt { what: "return not tracked", role: Role::Hub, lines: &["ip route vrf", " track "], lose: " track " };

#[test]
fn the_lab_agrees_with_the_simulator() {
    let scenario = |town, failure| Scenario { town, spoilt: None, failures: vec![failure] };
    let judged = compare(
        vec![
            scenario(Town::Lte, Element::Line(EdgeAt::Primary)),
            scenario(Town::Lte, Element::Router(Role::PrimaryCpe)),
            scenario(Town::Lte, Element::Core(EdgeAt::Primary)),
            scenario(Town::Lte, Element::LanPort(Role::PrimaryCpe)),
            scenario(Town::Copper, Element::Line(EdgeAt::Primary)),
            scenario(Town::Copper, Element::LanPort(Role::PrimaryCpe)),
            scenario(Town::OneWithLte, Element::Silent(EdgeAt::Primary)),
            scenario(Town::OneWithLte, Element::Firewall),
            scenario(Town::OneWithCopper, Element::ProviderEdge(EdgeAt::Primary)),
            scenario(Town::NoBackup, Element::Line(EdgeAt::Primary)),
            Scenario { town: Town::Lte, spoilt: Some(UNTRACKED), failures: vec![Element::Core(EdgeAt::Primary)] },
        ],
        6,
        1,
        true,
    );
    println!("{}", table(&judged));
    assert_agreement(&judged);
}

#[test]
fn the_virtual_hardware_address_answers_and_stays() {
    let scene = scene(Town::Lte, None);
    let lab = Lab::new(&scene);
    let kept = scene.surroundings.servers.iter().find(|server| server.place == Place::SadKept).unwrap();
    let group =
        scene.routers[0].device.interfaces.iter().find_map(|interface| interface.standby.groups.first()).unwrap();
    let wanted = format!("00:00:0c:9f:f{:x}:{:02x}", *group.number >> 8, *group.number & 0xff);
    assert_eq!(lab.hardware_address(kept.address), wanted);
    lab.during(&[Element::Router(Role::PrimaryCpe)], Duration::from_secs(14), || {
        assert_eq!(lab.hardware_address(kept.address), wanted);
    });
}
