use super::*;
use crate::landing::convert::hardware::{Controller, NicModel};
use crate::landing::convert::layout::Layout;
use crate::landing::convert::linux::draft::{Change, Edit};
use crate::landing::convert::linux::facts::Naming;

const OLD: &str = "00:25:90:AA:00:01";
const NEW: &str = "00:50:56:00:00:01";

fn facts(files: &[(&str, &str)]) -> Facts {
    let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Facts {
        tree: Tree { texts, links: BTreeMap::new() },
        layout: Layout::default(),
        kernels: Vec::new(),
        tool: None,
        naming: Naming::Links,
        esp: None,
    }
}

/// One card that takes `name`, known on the source by `mac`.
fn wish(name: &str, mac: Option<&str>) -> Wish {
    let taken = Interface::new(name, mac.map(|mac| mac.parse().unwrap())).unwrap();
    let card = Card { model: NicModel::E1000, mac: NEW.parse().unwrap(), takes: Some(taken) };
    Wish { controller: Controller::Pvscsi, cards: vec![card], left: Vec::new() }
}

fn planned(path: &str, text: &str, wish: &Wish) -> Result<Option<String>, Refusal> {
    let facts = facts(&[(path, text)]);
    let mut draft = Draft::new(&facts.tree);
    plan(&facts, wish, &mut draft)?;
    Ok(draft.finish().into_iter().find_map(|Edit { change, .. }| match change {
        Change::File { after, .. } => after,
        _ => None,
    }))
}

#[track_caller]
fn becomes(path: &str, text: &str, wish: &Wish, after: &str) {
    assert_eq!(planned(path, text, wish).unwrap().as_deref(), Some(after));
    assert_eq!(planned(path, after, wish).unwrap(), None, "a second time there is nothing to do");
}

#[test]
fn ifcfg_loses_the_card_and_keeps_the_name() {
    let path = "/etc/sysconfig/network-scripts/ifcfg-eth0";
    let text = "DEVICE=eth0\nHWADDR=00:25:90:AA:00:01\nIPADDR=10.9.0.1\n";
    becomes(path, text, &wish("eth0", None), "DEVICE=eth0\nIPADDR=10.9.0.1\n");
    // NetworkManager's own name of the file is no interface's: the wish knows whose the address was.
    let path = "/etc/sysconfig/network-scripts/ifcfg-Wired_connection_1";
    let text = "HWADDR=\"00:25:90:aa:00:01\"\nIPADDR=10.9.0.1\nDEVICE=em1\n";
    becomes(path, text, &wish("em1", Some(OLD)), "IPADDR=10.9.0.1\nDEVICE=em1\n");
    let unknown = planned(path, "HWADDR=00:25:90:aa:00:01\n", &wish("em1", None));
    assert!(matches!(unknown, Err(Refusal::UnknownMac { .. })), "{unknown:?}");
}

#[test]
fn a_keyfile_is_for_the_new_card() {
    let path = "/etc/NetworkManager/system-connections/lan.nmconnection";
    let text =
        |mac| format!("[connection]\ntype=ethernet\n[ethernet]\nmac-address={mac}\n[ipv4]\naddress1=10.9.0.1/24\n");
    becomes(path, &text(OLD), &wish("eno1", Some(OLD)), &text(NEW));
    let named = text(OLD).replace("type", "interface-name=eno1\ntype");
    becomes(path, &named, &wish("eno1", None), &text(NEW).replace("type", "interface-name=eno1\ntype"));
    assert!(matches!(planned(path, &text(OLD), &wish("eno1", None)), Err(Refusal::UnknownMac { .. })));
    assert!(matches!(planned(path, &named, &wish("eno2", None)), Err(Refusal::UnknownMac { .. })));
}

#[test]
fn netplan_is_changed_in_its_place_only() {
    let path = "/etc/netplan/01.yaml";
    let text = |mac: &str| {
        format!(
            "# ours\nnetwork:\n  ethernets:\n    lan:\n      match: {{macaddress: \"{mac}\"}}\n      set-name: eno1\n      \
             addresses: [10.9.0.1/24, \"10.9.0.2/24\"]\n  vlans:\n    lan.5: {{id: 5, link: lan, addresses: [10.5.0.1/24]}}\n"
        )
    };
    becomes(path, &text(OLD), &wish("eno1", None), &text(NEW));
    // An address that it gives itself is no match.
    let given = "network:\n  ethernets:\n    eno1:\n      macaddress: 00:25:90:aa:00:01\n      dhcp4: true\n";
    assert_eq!(planned(path, given, &wish("eno1", None)), Ok(None));
    let lost =
        planned(path, "network:\n  ethernets:\n    eno2:\n      addresses:\n      - 10.1.1.1/8\n", &wish("eno1", None));
    assert_eq!(lost, Err(Refusal::NotTaken(vec![format!("10.1.1.1/8 of eno2 ({path})")])));
}

#[test]
fn networkd_matches_the_new_card() {
    let path = "/etc/systemd/network/10-lan.network";
    let text = |mac| format!("[Match]\nMACAddress={mac}\n\n[Network]\nAddress=10.9.0.1/24\n");
    becomes(path, &text(OLD), &wish("enp1s0", Some(OLD)), &text(NEW));
    assert_eq!(planned(path, "[Match]\nName=en*\n[Network]\nAddress=10.9.0.1/24\n", &wish("enp1s0", None)), Ok(None));
    let lost = planned(path, "[Match]\nName=enp2s0\n[Network]\nAddress=10.9.0.1/24\n", &wish("enp1s0", None));
    assert_eq!(lost, Err(Refusal::NotTaken(vec![format!("10.9.0.1/24 of enp2s0 ({path})")])));
}

#[test]
fn static_addresses_of_cards_are_taken_or_left_knowingly() {
    let path = "/etc/network/interfaces";
    let text = "auto lo\niface lo inet loopback\niface eth0 inet static\n address 10.9.0.1\n\
                iface eth1:0 inet static\n address 10.8.0.1\niface br0 inet static\n address 10.7.0.1\n bridge_ports eth2\n";
    let lost = planned(path, text, &wish("eth0", None));
    assert_eq!(lost, Err(Refusal::NotTaken(vec![format!("10.8.0.1 of eth1 ({path})")])));
    let left = Wish { left: vec![Interface::new("eth1", None).unwrap()], ..wish("eth0", None) };
    assert_eq!(planned(path, text, &left), Ok(None));
}

#[test]
fn what_sets_an_address_itself_is_told() {
    let facts = facts(&[("/etc/network/interfaces", "iface eth0 inet dhcp\n  hwaddress ether 00:25:90:aa:00:01\n")]);
    let notes = plan(&facts, &wish("eth0", None), &mut Draft::new(&facts.tree)).unwrap();
    assert_eq!(
        notes,
        ["/etc/network/interfaces sets a hardware address itself: the port group must allow forged transmits"]
    );
}
