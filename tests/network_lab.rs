//! The simulator beside the lab, in the short form that every `make test` runs: towns, carrier and hub
//! in network namespaces, made from the same YAML. `proof_network_lab` does it in full. Needs root and
//! the Debian packages iproute2, keepalived and util-linux.

use crate::support::lab::Lab;
use crate::support::lab::compare::{Scenario, Spoilt, Town, assert_agreement, compare, scene, table, wrong};
use crate::support::lab::measure::Gap;
use std::time::Duration;
use traghetto::network::simulate::{EdgeAt, Element, Failures, Place, Role, outcomes};

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

/// The comparison itself: what differs is seen.
#[test]
fn a_disagreement_is_seen() {
    let scene = scene(Town::Lte, None);
    let cut = Failures::of([Element::Line(EdgeAt::Primary)]);
    let predicted = outcomes(&scene, false).into_iter().find(|outcome| outcome.failures == cut).unwrap();
    let gap = |seconds, answered| Gap {
        client: String::new(),
        server: String::new(),
        outage: Duration::from_secs(seconds),
        answered,
    };
    let seen = |gaps: &[Gap]| wrong(&scene, &predicted, gaps);
    assert!(seen(&[gap(8, true), gap(9, true), gap(30, true)]).is_empty());
    assert_eq!(seen(&[gap(8, true), gap(12, true), gap(12, true)]), ["12000 ms are not within 7000-10000 ms"]);
    assert_eq!(seen(&[gap(8, true), gap(5, true), gap(5, true)]), ["5000 ms are not within 7000-10000 ms"]);
    assert_eq!(seen(&[gap(8, true), gap(8, true), gap(8, false)]), ["the verdict is Reachable"]);
    let mut wide = predicted.clone();
    if let Some(outage) = &mut wide.outage {
        outage.max_ms += 20_000;
    }
    assert_eq!(wrong(&scene, &wide, &[gap(8, true)]).len(), 1, "an interval wider than its probes");
}
