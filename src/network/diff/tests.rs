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
