//! Properties of every network that can be planned, on the text where the text is what counts.

use crate::support::network::sandbox;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::OnceLock;
use traghetto::model::link::Backup;
use traghetto::model::server::Addressing;
use traghetto::model::tenant::Tenant;
use traghetto::model::{Inventory, Known};
use traghetto::network::NetworkPlan;
use traghetto::network::render::{Stage, Templates};

/// The inventory with the invented tenants, read once.
fn inventory() -> &'static Inventory {
    static READ: OnceLock<Inventory> = OnceLock::new();
    READ.get_or_init(|| traghetto::inventory::load(sandbox().path()).unwrap())
}

/// A tenant on its own in the project, with another number, other ways of its servers, other lines.
fn alone(number: u16, keep: bool, backup: u8, mtu: u16) -> (Inventory, Tenant) {
    let mut inventory = inventory().clone();
    let name = if backup == 1 { "ponte-lungo" } else { "cinto-caomaggiore" };
    let mut tenant = inventory.tenants[&name.parse().unwrap()].clone();
    tenant.number = number;
    if let Known::Known(servers) = &mut tenant.servers {
        for (at, server) in servers.iter_mut().enumerate() {
            let new = Ipv4Addr::new(10, 64, number as u8, 10 + at as u8);
            server.landing = if keep { Addressing::Keep } else { Addressing::Renumber(new) };
        }
    }
    if let Known::Known(sites) = &mut tenant.sites {
        let site = &mut sites[0];
        site.link.carrier.as_mut().unwrap().mtu = mtu;
        if backup == 2 {
            site.link.backup = None;
        }
        if backup >= 2 {
            site.lan.as_mut().unwrap().standby = None;
        }
        if let Some(Backup::Lte { apn, .. }) = &mut site.link.backup {
            *apn = Some("apn.example".to_owned());
        }
    }
    inventory.tenants.clear();
    inventory.tenants.insert(tenant.id.clone(), tenant.clone());
    (inventory, tenant)
}

/// The next hops of a text's routes.
fn next_hops(text: &str) -> BTreeSet<String> {
    let word = |line: &str| {
        let words: Vec<_> = line.split_whitespace().filter(|word| *word != "ip" && *word != "route").collect();
        let skip = if words[0] == "vrf" { 4 } else { 2 };
        words[skip].to_owned()
    };
    text.lines().filter(|line| line.starts_with("ip route ")).map(word).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_next_hop_is_a_neighbour_that_may_be_one(
        number in 1_u16..=254, keep: bool, backup in 0_u8..=3, mtu in 1400_u16..=1500
    ) {
        let (inventory, tenant) = alone(number, keep, backup, mtu);
        let plan = NetworkPlan::new(&inventory, &tenant).unwrap();
        let templates = Templates::built_in().unwrap();
        let site = &tenant.sites.known().unwrap()[0];
        let (lan, carrier) = (site.lan.as_ref().unwrap(), site.link.carrier.as_ref().unwrap());
        let mut allowed: BTreeSet<String> = [carrier.pe, site.link.handoff.as_ref().unwrap().pe, lan.gateway.address]
            .map(|address| address.to_string())
            .into();
        allowed.extend(["Null0".to_owned(), "Cellular0/2/0".to_owned(), format!("Tunnel{number}")]);
        allowed.insert(format!("GigabitEthernet0/0/1.{}", 200 + number));
        allowed.insert(format!("10.129.{number}.2"));
        allowed.extend(lan.standby.map(|address| address.to_string()));
        if let Some(Backup::Copper { carrier: Some(line), .. }) = &site.link.backup {
            allowed.insert(line.pe.to_string());
        }
        for file in templates.stage(&plan, Stage::After).unwrap() {
            let strange: Vec<_> = next_hops(&file.text).difference(&allowed).cloned().collect();
            prop_assert!(strange.is_empty(), "{}: {:?}", file.path, strange);
        }
    }

    /// What the text of a router refers to, the same text defines, and the hub as a whole does.
    #[test]
    fn what_is_referred_to_is_defined(number in 1_u16..=254, keep: bool, backup in 0_u8..=3) {
        let (inventory, tenant) = alone(number, keep, backup, 1500);
        let plan = NetworkPlan::new(&inventory, &tenant).unwrap();
        let templates = Templates::built_in().unwrap();
        let mut files = templates.stage(&plan, Stage::After).unwrap();
        files.retain(|file| !file.path.contains("sad-ce-1"));
        files.extend(templates.hub(std::slice::from_ref(&plan), Stage::After).unwrap());
        for file in files {
            for (use_of, definition) in [
                (" track ", "track "),
                (" service-policy output ", "policy-map "),
                ("  service-policy ", "policy-map "),
                (" vrf forwarding ", "vrf definition "),
                (" key-chain ", "key chain "),
                (" keyring local ", "crypto ikev2 keyring "),
                (" set ikev2-profile ", "crypto ikev2 profile "),
                (" tunnel protection ipsec profile ", "crypto ipsec profile "),
                (" set transform-set ", "crypto ipsec transform-set "),
                (" ip access-group ", "ip access-list extended "),
                (" access-class ", "ip access-list standard "),
                (" source-interface ", "interface "),
                (" tunnel source ", "interface "),
                (" match fvrf ", "vrf definition "),
                (" tunnel vrf ", "vrf definition "),
                ("ip route vrf ", "vrf definition "),
                (" object ", "track "),
            ] {
                for line in file.text.lines().filter(|line| line.contains(use_of)) {
                    let name = line.split_once(use_of).unwrap().1.split(' ').next().unwrap();
                    let defined = file.text.lines().any(|line| {
                        line.strip_prefix(definition).and_then(|rest| rest.split(' ').next()) == Some(name)
                    });
                    prop_assert!(defined, "{}: `{line}` and no `{definition}{name}`", file.path);
                }
            }
        }
    }

    /// Nothing that one tenant's number gives is in another tenant's part of the hub.
    #[test]
    fn numbers_never_meet_on_the_hub(a in 1_u16..=254, b in 1_u16..=254) {
        prop_assume!(a != b);
        let names = |number| {
            let (inventory, tenant) = alone(number, true, 0, 1500);
            let plan = NetworkPlan::new(&inventory, &tenant).unwrap();
            let part = traghetto::network::hub::tenant(&plan, &BTreeSet::new());
            let mut names: BTreeSet<String> = part.interfaces.iter().map(|interface| interface.name.to_string()).collect();
            names.retain(|name| !name.starts_with("GigabitEthernet0/0/0"));
            names.extend(part.probes.iter().map(|probe| format!("probe {}", probe.id)));
            names.extend(part.tracks.iter().map(|track| format!("track {}", track.id)));
            names.insert(format!("rd {}", plan.numbers.rd));
            let addresses = [plan.numbers.sad.to_string(), plan.numbers.tunnel.prefix.to_string()];
            names.extend(addresses);
            names.extend([plan.numbers.primary_loopback, plan.numbers.standby_loopback].map(|loopback| loopback.to_string()));
            names
        };
        let (first, second) = (names(a), names(b));
        let both: Vec<_> = first.intersection(&second).collect();
        prop_assert!(both.is_empty(), "{both:?}");
    }
}

#[test]
fn a_tenant_changes_only_its_own_lines_of_the_hub() {
    let inventory = inventory();
    let plan = |name: &str| NetworkPlan::new(inventory, &inventory.tenants[&name.parse().unwrap()]).unwrap();
    let (cinto, isola, ponte) = (plan("cinto-caomaggiore"), plan("isola-bassa"), plan("ponte-lungo"));
    let templates = Templates::built_in().unwrap();
    let text = |plans: &[NetworkPlan]| templates.hub(plans, Stage::After).unwrap().unwrap().text;
    let two = text(&[cinto.clone(), isola.clone()]);
    let three = text(&[cinto, ponte, isola]);
    let mut rest = three.lines();
    for line in two.lines() {
        assert!(rest.any(|other| other == line), "`{line}` is gone or has moved");
    }
}

#[test]
fn numbers_beyond_a_pool_are_named() {
    for (number, ids) in [(0_u16, vec!["range"]), (256, vec!["pool"; 4]), (999, vec!["pool"; 4])] {
        let (inventory, mut tenant) = alone(1, true, 0, 1500);
        tenant.number = number;
        let problems = NetworkPlan::new(&inventory, &tenant).unwrap_err().problems;
        let found: Vec<_> = problems.iter().map(|problem| problem.rule.id()).collect();
        assert_eq!(found, ids, "{number}: {problems:?}");
    }
}
