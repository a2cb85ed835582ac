//! `make proof`: the simulator beside the lab in full: every single failure of every kind of site, pairs
//! of failures, and texts with a fault in them, at least three measurements each.

use crate::support::lab::compare::{Scenario, Spoilt, Town, assert_agreement, compare, scene, table};
use traghetto::network::simulate::{EdgeAt, Element, Role, outcomes};

const TOWNS: [Town; 6] =
    [Town::Lte, Town::Copper, Town::OneWithLte, Town::OneWithCopper, Town::LteInVpn, Town::NoBackup];

#[test]
fn proof_network_lab_agrees_on_every_failure() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it takes twenty minutes");
        return;
    }
    let mut scenarios = Vec::new();
    for town in TOWNS {
        let mut singles: Vec<Vec<Element>> =
            outcomes(&scene(town, None), false).iter().map(|outcome| outcome.failures.elements().to_vec()).collect();
        singles.dedup();
        scenarios.extend(singles.into_iter().map(|failures| Scenario { town, spoilt: None, failures }));
        scenarios.extend(doubles(town).into_iter().map(|failures| Scenario { town, spoilt: None, failures }));
    }
    scenarios.extend(spoilt());
    let count = scenarios.len();
    assert!(count >= 40, "{count} scenarios");
    let begun = std::time::Instant::now();
    let judged = compare(scenarios, 16, 3, false);
    println!("{}{count} scenarios, {} pairs of machines, in {:?}", table(&judged), judged.len(), begun.elapsed());
    assert_agreement(&judged);
}

/// Pairs of failures that leave a way, and some that leave none.
fn doubles(town: Town) -> Vec<Vec<Element>> {
    let (line, core) = (Element::Line(EdgeAt::Primary), Element::Core(EdgeAt::Primary));
    match town {
        Town::Lte => vec![
            vec![line, Element::LteNetwork],
            vec![line, Element::Router(Role::StandbyCpe)],
            vec![line, Element::LanPort(Role::PrimaryCpe)],
            vec![core, Element::Firewall],
            vec![core, Element::LanPort(Role::StandbyCpe)],
            vec![Element::Router(Role::PrimaryCpe), Element::Sim],
        ],
        Town::Copper => vec![
            vec![line, Element::Line(EdgeAt::Backup)],
            vec![line, Element::LanPort(Role::PrimaryCpe)],
            vec![core, Element::LanPort(Role::StandbyCpe)],
            vec![Element::Router(Role::PrimaryCpe), Element::Firewall],
        ],
        Town::OneWithLte => vec![vec![line, Element::Radio], vec![core, Element::Firewall]],
        Town::OneWithCopper => vec![vec![line, Element::Core(EdgeAt::Backup)]],
        Town::LteInVpn => vec![vec![line, Element::Sim], vec![core, Element::LanPort(Role::StandbyCpe)]],
        Town::NoBackup => Vec::new(),
    }
}

/// Texts with a fault, and the failure that brings it to light.
fn spoilt() -> Vec<Scenario> {
    let of = |town, what, role, lines, lose, failure| Scenario {
        town,
        spoilt: Some(Spoilt { what, role, lines, lose }),
        failures: vec![failure],
    };
    let (core, line) = (Element::Core(EdgeAt::Primary), Element::Line(EdgeAt::Primary));
    vec![
        of(Town::Lte, "hub does not float", Role::Hub, &["ip route vrf", "-LTE"], "", core),
        of(
            Town::Lte,
            "/32 missing on the standby",
            Role::StandbyCpe,
            &["ip route", "SRV-"],
            "",
            Element::Router(Role::PrimaryCpe),
        ),
        of(
            Town::Lte,
            "proxy ARP of the standby not written: it is the default",
            Role::StandbyCpe,
            &[" ip proxy-arp"],
            "",
            Element::Router(Role::PrimaryCpe),
        ),
        of(Town::Copper, "standby without preempt", Role::StandbyCpe, &[" preempt"], "", line),
        of(Town::Copper, "primary without decrement", Role::PrimaryCpe, &[" standby ", " track "], "", core),
        of(Town::Copper, "no way by the standby", Role::PrimaryCpe, &["-VIA-B"], "", core),
    ]
}
