use super::super::text::ConfigText;
use super::*;

fn config(text: &str) -> ConfigText {
    ConfigText::parse(text)
}

fn typed(text: &str, lines: &str) -> String {
    let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    apply(&config(text), &lines).map_or_else(|error| error.to_string(), |config| config.to_string())
}

#[test]
fn lines_do_what_ios_does() {
    let lan =
        "interface GigabitEthernet0/0/1\n ip address 10.0.0.1 255.255.255.0\n standby 10 priority 105\n ip proxy-arp\n";
    let now =
        typed(lan, "interface GigabitEthernet0/0/1\n standby 10 priority 110\n no ip proxy-arp\n description x  y");
    assert_eq!(
        now,
        "interface GigabitEthernet0/0/1\n description x  y\n ip address 10.0.0.1 255.255.255.0\n no ip proxy-arp\n standby 10 priority 110\n!\nend\n"
    );
    assert_eq!(typed(lan, "default interface GigabitEthernet0/0/1"), "end\n");
    assert!(typed(lan, "no interface GigabitEthernet0/0/1").contains("a port cannot be removed"));
    let now = typed(lan, "interface GigabitEthernet0/0/1\n vrf forwarding X");
    assert!(!now.contains("ip address"), "{now}");
    let track = "track 10 ip sla 10 reachability\n delay up 1\nip sla 10\n icmp-echo 10.0.0.1\n  frequency 3\nip sla schedule 10 life forever start-time now\n";
    assert!(typed(track, "track 10 interface Gi0 line-protocol").contains("has to be removed"));
    assert!(typed(track, "ip sla 10\n icmp-echo 10.0.0.2").contains("cannot be changed"));
    assert!(!typed(track, "no ip sla 10").contains("schedule"));
    assert!(typed("", " shutdown").contains("no line before it opens"));
}

#[test]
fn a_route_replaces_the_one_with_its_next_hop() {
    let route = "ip route 10.0.0.0 255.0.0.0 10.1.1.1 name A\n";
    assert_eq!(
        typed(route, "ip route 10.0.0.0 255.0.0.0 10.1.1.1 200 track 4 name B"),
        "ip route 10.0.0.0 255.0.0.0 10.1.1.1 200 track 4 name B\nend\n"
    );
    assert_eq!(typed(route, "no ip route 10.0.0.0 255.0.0.0 10.1.1.1"), "end\n");
    assert_eq!(
        typed(route, "ip route 10.0.0.0 255.0.0.0 Null0 250\nno ip route 10.0.0.0 255.0.0.0 Null0"),
        format!("{route}end\n")
    );
}

/// Every golden configuration of a router.
fn golden() -> Vec<(String, ConfigText)> {
    fn collect(folder: &std::path::Path, found: &mut Vec<(String, ConfigText)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "ios") {
                found.push((path.display().to_string(), config(&std::fs::read_to_string(&path).unwrap())));
            }
        }
    }
    let mut found = Vec::new();
    collect(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/network")), &mut found);
    assert!(found.len() > 10);
    found
}

/// Typed line by line into an empty router, a rendered text becomes itself.
#[test]
fn every_rendered_line_is_taken_and_known() {
    for (name, text) in golden() {
        let lines: Vec<String> =
            text.to_string().lines().filter(|line| *line != "!" && *line != "end").map(str::to_owned).collect();
        let typed = apply(&ConfigText::default(), &lines).unwrap();
        assert_eq!(typed.to_string(), canonical(&text).to_string(), "{name}");
        says_the_same(&name, &text);
        fn unknown(nodes: &[tree::Node], found: &mut Vec<String>) {
            for node in nodes {
                if node.command.row.is_none() {
                    found.push(node.text.clone());
                }
                unknown(&node.children, found);
            }
        }
        let mut found = Vec::new();
        unknown(&tree::Tree::of(&text).nodes, &mut found);
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

/// Canonical order moves lines, never what they say.
fn says_the_same(name: &str, text: &ConfigText) {
    let device = |text: &ConfigText| super::super::parse::device(text).canonical();
    let (canonical, typed) = (device(&canonical(text)), device(text));
    assert_eq!(canonical.probes, typed.probes, "{name}");
    assert_eq!(canonical.tracks, typed.tracks, "{name}");
    assert_eq!(canonical.interfaces, typed.interfaces, "{name}");
    assert_eq!(canonical.routes, typed.routes, "{name}");
    assert_eq!(canonical.access_lists, typed.access_lists, "{name}");
    assert_eq!(canonical.terminals, typed.terminals, "{name}");
}

/// The patch of a router that stands alone, as text: `!` where an object ends.
fn patched(running: &str, wanted: &str) -> String {
    let (running, wanted) = (config(running), config(wanted));
    let own = Ownership::of([&wanted, &running]);
    let patch = patch(&running, &wanted, &own).unwrap_or_else(|error| panic!("{error:?}"));
    let told = |step: &Step| {
        let wait = step.wait_up.iter().map(|track| format!("(wait for track {track})\n")).collect::<String>();
        format!("{wait}{}\n", step.lines.join("\n"))
    };
    patch.steps.iter().map(told).collect()
}

#[test]
fn the_last_value_wins_and_is_never_negated() {
    let running = "interface GigabitEthernet0/0/1\n ip address 10.0.0.2 255.255.255.0\n ip tcp adjust-mss 1360\n standby 10 ip 10.0.0.1\n standby 10 priority 105\n standby 10 preempt\ntrack 10 interface GigabitEthernet0/0/1 line-protocol\n delay down 6 up 60\n";
    let wanted = running.replace("priority 105", "priority 110").replace("1360", "1320").replace("up 60", "up 90");
    assert_eq!(
        patched(running, &wanted),
        "track 10 interface GigabitEthernet0/0/1 line-protocol\n delay down 6 up 90\ninterface GigabitEthernet0/0/1\n ip tcp adjust-mss 1320\n standby 10 priority 110\n"
    );
}

#[test]
fn a_probe_in_use_is_made_again_while_nothing_hangs_on_it() {
    let running = "ip sla 10\n icmp-echo 10.9.0.1\n  frequency 3\nip sla schedule 10 life forever start-time now\ntrack 10 ip sla 10 reachability\ntrack 20 interface GigabitEthernet0/0/0 line-protocol\ntrack 100 list boolean and\n object 10\n object 20\nip route 10.64.0.0 255.255.0.0 10.1.1.1 track 100 name SAD\n";
    let wanted = running.replace("frequency 3", "frequency 5");
    assert_eq!(
        patched(running, &wanted),
        "track 100 list boolean and\n no object 10\nno ip sla 10\nip sla 10\n icmp-echo 10.9.0.1\n  frequency 5\nip sla schedule 10 life forever start-time now\n(wait for track 10)\ntrack 100 list boolean and\n object 10\n"
    );
    let running = "ip sla 4\n icmp-echo 10.9.0.1\nip sla schedule 4 life forever start-time now\ntrack 4 ip sla 4 reachability\nip route 10.64.0.0 255.255.0.0 10.1.1.1 track 4 name LAN\n";
    let wanted = running.replace("10.9.0.1", "10.9.0.2");
    assert_eq!(
        patched(running, &wanted),
        "ip route 10.64.0.0 255.255.0.0 10.1.1.1 name LAN\nno ip sla 4\nip sla 4\n icmp-echo 10.9.0.2\nip sla schedule 4 life forever start-time now\n(wait for track 4)\nip route 10.64.0.0 255.255.0.0 10.1.1.1 track 4 name LAN\n"
    );
}

#[test]
fn a_bound_list_is_never_edited() {
    let running = "ip access-list standard MGMT\n permit 10.0.0.0 0.0.0.255\nline vty 0 4\n access-class MGMT in\n transport input ssh\n";
    let wanted = running.replace("10.0.0.0", "10.7.0.0");
    assert_eq!(
        patched(running, &wanted),
        "ip access-list standard MGMT-TMP1\n permit 10.7.0.0 0.0.0.255\nline vty 0 4\n access-class MGMT-TMP1 in\nno ip access-list standard MGMT\nip access-list standard MGMT\n permit 10.7.0.0 0.0.0.255\nline vty 0 4\n access-class MGMT in\nno ip access-list standard MGMT-TMP1\n"
    );
}

/// What is said must not depend on whether a text went through here: a schedule before its probe
/// would leave the probe standing still.
#[test]
fn canonical_texts_mean_what_they_meant() {
    for (name, text) in golden() {
        let (before, after) = (crate::network::parse::device(&text), crate::network::parse::device(&canonical(&text)));
        assert_eq!(before.probes.iter().filter(|probe| probe.runs.is_some()).count(), before.probes.len(), "{name}");
        assert_eq!(before.probes.len(), after.probes.len(), "{name}");
        assert!(after.probes.iter().all(|probe| probe.runs.is_some()), "{name}");
        let rules = |device: &crate::network::device::Device| {
            device
                .access_lists
                .iter()
                .map(|list| (list.name.value.clone(), list.entries.len()))
                .collect::<std::collections::BTreeMap<_, _>>()
        };
        assert_eq!(rules(&before), rules(&after), "{name}");
    }
}

#[test]
fn entries_of_a_list_stay_as_they_were_typed() {
    let list = "ip access-list extended IN\n permit tcp any host 10.0.0.1 eq 22\n permit tcp any host 10.0.0.1 eq 443\n deny ip any host 10.0.0.1\n permit ip any any\n";
    assert_eq!(canonical(&config(list)).to_string(), format!("{list}!\nend\n"));
    assert_eq!(patched(list, list), "");
    let wanted = list.replace("443", "8443");
    let lines = patched(list, &wanted);
    let (deny, permit) = (lines.find("deny ip any host 10.0.0.1").unwrap(), lines.find("permit ip any any").unwrap());
    assert!(deny < permit, "{lines}");
}

#[test]
fn routes_are_added_before_they_are_removed_and_replaced_where_ios_replaces() {
    let running = "ip route 10.64.0.0 255.255.0.0 10.1.1.1 name SAD\n";
    assert_eq!(
        patched(running, "ip route 10.64.0.0 255.255.0.0 10.1.1.2 name SAD\n"),
        "ip route 10.64.0.0 255.255.0.0 10.1.1.2 name SAD\nno ip route 10.64.0.0 255.255.0.0 10.1.1.1\n"
    );
    assert_eq!(
        patched(running, "ip route 10.64.0.0 255.255.0.0 10.1.1.1 200 name OTHER\n"),
        "ip route 10.64.0.0 255.255.0.0 10.1.1.1 200 name OTHER\n"
    );
}

#[test]
fn foreign_lines_are_listed_and_left() {
    let ours =
        "hostname a\ninterface GigabitEthernet0/0/1\n ip address 10.0.0.2 255.255.255.0\n standby 10 ip 10.0.0.1\n";
    let running = format!(
        "{ours} ip helper-address 10.0.0.9\n standby 20 ip 10.0.0.5\nip route 172.16.0.0 255.255.0.0 10.0.0.8 name THEIRS\nrouter ospf 1\n network 10.0.0.0 0.0.0.255 area 0\nsnmp-server community hunter2 RO\n"
    );
    let wanted = config(&ours.replace("10.0.0.1", "10.0.0.3"));
    let patch = patch(&config(&running), &wanted, &Ownership::of([&wanted, &config(ours)])).unwrap();
    assert_eq!(lines(&patch.steps), ["interface GigabitEthernet0/0/1", " standby 10 ip 10.0.0.3"]);
    let foreign: Vec<_> = patch.foreign.iter().map(|line| line.line.as_str()).collect();
    assert_eq!(
        foreign,
        [
            "interface GigabitEthernet0/0/1 / ip helper-address 10.0.0.9",
            "interface GigabitEthernet0/0/1 / standby 20 ip 10.0.0.5",
            "ip route 172.16.0.0 255.255.0.0 10.0.0.8 name THEIRS",
            "snmp-server community <secret>",
            "router ospf 1 (and 1 lines in it)",
        ]
    );
}

/// From every golden configuration to every other one of the same router, and back.
#[test]
fn golden_configurations_lead_to_each_other() {
    let golden = golden();
    for (one, from) in &golden {
        for (other, to) in
            golden.iter().filter(|(other, _)| (one != other) && one.rsplit('/').next() == other.rsplit('/').next())
        {
            let patch =
                patch(from, to, &Ownership::of([from, to])).unwrap_or_else(|error| panic!("{one} {other} {error:?}"));
            assert_eq!(apply(from, &patch.lines()).unwrap().to_string(), canonical(to).to_string(), "{one} {other}");
        }
    }
}

/// Lines of other people that hold a secret, by the mode in which they stand.
const SECRET_LINES: [(&str, &str); 24] = [
    ("", "enable password 7 SENTINEL"),
    ("", "enable secret 9 $9$SENTINEL"),
    ("", "username other privilege 1 password 7 SENTINEL"),
    ("", "crypto isakmp key SENTINEL address 10.0.0.9"),
    ("", "radius-server key 7 SENTINEL"),
    ("", "tacacs-server host 10.0.0.9 key SENTINEL"),
    ("", "snmp-server community SENTINEL RO"),
    ("", "snmp-server host 10.0.0.9 version 2c SENTINEL"),
    ("", "snmp-server user a G v3 auth sha SENTINEL priv aes 128 SENTINEL"),
    ("", "ntp authentication-key 1 md5 SENTINEL 7"),
    ("", "ip ftp password 7 SENTINEL"),
    ("tacacs server OTHER", "key 7 SENTINEL"),
    ("radius server OTHER", "key 7 SENTINEL"),
    ("archive", "path scp://backup:SENTINEL@10.0.0.9/$h"),
    ("key chain OTHER", "key-string 7 SENTINEL"),
    ("router bgp 65000", "neighbor 10.0.0.9 password 7 SENTINEL"),
    ("crypto ikev2 keyring OTHER", "pre-shared-key SENTINEL"),
    ("interface Tunnel9", "ip nhrp authentication SENTINEL"),
    ("interface Tunnel9", "ip ospf authentication-key 7 SENTINEL"),
    ("interface Dialer9", "ppp chap password 0 SENTINEL"),
    ("interface Vlan9", "standby 9 authentication SENTINEL"),
    ("interface Vlan9", "standby 9 authentication md5 key-string 7 SENTINEL"),
    ("interface Vlan9", "vrrp 9 authentication text SENTINEL"),
    ("line vty 0 4", "password 7 SENTINEL"),
];

#[test]
fn what_is_shown_or_kept_of_a_router_holds_no_secret() {
    for (mode, line) in SECRET_LINES {
        let text = if mode.is_empty() { format!("{line}\n") } else { format!("{mode}\n {line}\n") };
        let running = config(&format!("hostname a\n{text}"));
        assert!(!picture(&running).to_string().contains("SENTINEL"), "{line}");
        assert_eq!(picture(&picture(&running)), picture(&running), "{line}");
        let refused = apply(&config("hostname a\n"), &[format!("  {line}")]).unwrap_err();
        assert!(!refused.to_string().contains("SENTINEL"), "{refused}");
        let wanted = config("hostname b\n");
        let own = Ownership::of([&wanted]);
        let shown = format!("{:?}", patch(&running, &wanted, &own).unwrap());
        assert!(!shown.contains("SENTINEL"), "{shown}");
        assert!(shown.contains("foreign: [Foreign"), "{shown}");
        let shown = format!("{:?}", differences(&running, &wanted, &Ownership::of([&wanted, &running])));
        assert!(!shown.contains("SENTINEL") && shown.contains("<secret>"), "{shown}");
    }
}

/// A patch holds no secret of a router, though it takes away and puts back lines that hold one.
#[test]
fn the_way_back_names_secrets_and_holds_none() {
    let lan = |authentication: &str| {
        config(&format!("hostname a\ninterface GigabitEthernet0/0/1\n standby 10 {authentication}\n"))
    };
    let running = lan("authentication md5 key-string 7 SENTINEL");
    let wanted = lan("authentication md5 key-chain LAN");
    let found = patch(&running, &wanted, &Ownership::of([&wanted])).unwrap();
    assert!(!format!("{found:?}").contains("SENTINEL"), "{found:?}");
    let name = "<secret:old-a-interface-gigabitethernet0-0-1-standby-10-authentication>";
    let back = format!(" standby 10 authentication md5 key-string 7 {name}");
    assert_eq!(lines(&found.rollback), ["interface GigabitEthernet0/0/1", &back]);
    let named = config(&running.to_string().replace("SENTINEL", name));
    assert_eq!(apply(&wanted, &lines(&found.rollback)).unwrap().to_string(), named.to_string());
    // A rendering at hand says how the secret is called.
    let rendered = lan("authentication md5 key-string <secret:town.hsrp>");
    let found = patch(&running, &wanted, &Ownership::of([&wanted, &rendered])).unwrap();
    assert_eq!(lines(&found.rollback)[1], " standby 10 authentication md5 key-string <secret:town.hsrp>");
    // More than one word is no secret that has a name: no router takes that line.
    let running = lan("authentication md5 key-string 7 SENTINEL timeout 30");
    let found = patch(&running, &wanted, &Ownership::of([&wanted])).unwrap();
    assert!(!format!("{found:?}").contains("SENTINEL"), "{found:?}");
    assert_eq!(found.unnamed_secret(), Some("standby 10 authentication md5 key-string <secret>"));
}
