//! Scenes from rendered text, whole or with a line changed.

use super::*;
use crate::inventory;
use crate::network::render::{Stage, Templates};
use std::path::Path;
use std::sync::OnceLock;

/// The estate of 21 invented tenants, read once.
fn plans() -> &'static [NetworkPlan] {
    static READ: OnceLock<Vec<NetworkPlan>> = OnceLock::new();
    READ.get_or_init(|| {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/estate-21"));
        let inventory = inventory::load(folder).unwrap();
        inventory.tenants.values().map(|tenant| NetworkPlan::new(&inventory, tenant).unwrap()).collect()
    })
}

fn everyone(plan: &NetworkPlan) -> Moved {
    plan.servers.iter().map(|server| server.id.clone()).collect()
}

/// The scene of a plan's rendered text, after every server has moved.
fn scene(plan: &NetworkPlan) -> Scene {
    let files = Templates::built_in().unwrap().stage(plan, Stage::After).unwrap();
    Scene::of(plan, &everyone(plan), files.iter().map(|file| (file.path.clone(), file.text.as_str())))
}

#[test]
fn what_is_rendered_survives_every_single_failure_that_leaves_a_way() {
    for plan in plans() {
        let scene = scene(plan);
        assert_eq!(Network::new(&scene).dead_tunnels(), []);
        for outcome in outcomes(&scene, false) {
            let pair = &outcome.pair;
            let told = format!("{} {}: {} {:?}", plan.tenant, outcome.failures, pair.server, pair.reason);
            assert!(pair.verdict == Verdict::Reachable || outcome.accepted.is_some(), "{told}");
            if outcome.failures == Failures::none() {
                assert_eq!(pair.verdict, Verdict::Reachable, "{told}");
            }
        }
    }
}

/// A scene of Cinto's kind (radio, LTE with a tunnel, two routers), with lines of a router replaced.
#[derive(Clone)]
struct Site {
    plan: NetworkPlan,
    texts: Vec<(String, String)>,
}

impl Site {
    fn new(tenant: &str) -> Self {
        let plan = plans().iter().find(|plan| plan.tenant.to_string() == tenant).unwrap().clone();
        let files = Templates::built_in().unwrap().stage(&plan, Stage::After).unwrap();
        Self { plan, texts: files.into_iter().map(|file| (file.path, file.text)).collect() }
    }

    /// Replaces text of the routers whose file has `file` in its name; it must be there.
    #[track_caller]
    fn with(mut self, file: &str, from: &str, to: &str) -> Self {
        let mut found = 0;
        for (path, text) in &mut self.texts {
            if path.contains(file) {
                found += text.matches(from).count();
                *text = text.replace(from, to);
            }
        }
        assert!(found > 0, "no `{from}` in {file}");
        self
    }

    fn scene(&self) -> Scene {
        Scene::of(
            &self.plan,
            &everyone(&self.plan),
            self.texts.iter().map(|(path, text)| (path.clone(), text.as_str())),
        )
    }

    /// The outcome of the LAN client and the first server that keeps its address, or any other.
    fn of_kind(&self, kept: bool, failures: &[Element]) -> Outcome {
        let scene = self.scene();
        let place = if kept { Place::SadKept } else { Place::SadNew };
        let server = scene.surroundings.servers.iter().find(|server| server.place == place).unwrap().name.clone();
        let failures = Failures::of(failures.iter().copied());
        let mut all = outcomes(&scene, failures.elements().len() > 1).into_iter();
        all.find(|o| o.failures == failures && &*o.pair.client == "lan" && *o.pair.server == *server).unwrap()
    }

    #[track_caller]
    fn lost(&self, kept: bool, failures: &[Element], because: &str) {
        let outcome = self.of_kind(kept, failures);
        assert_eq!(outcome.pair.verdict, Verdict::Lost, "{outcome:?}");
        let reason = outcome.pair.reason.unwrap().to_string();
        assert!(reason.contains(because), "{reason}");
        assert_eq!(outcome.outage, None);
    }

    #[track_caller]
    fn works_after(&self, kept: bool, failures: &[Element], min_ms: u32, max_ms: u32) {
        let outcome = self.of_kind(kept, failures);
        assert_eq!(outcome.pair.verdict, Verdict::Reachable, "{outcome:?}");
        let outage = outcome.outage.unwrap();
        assert_eq!((outage.min_ms, outage.max_ms), (min_ms, max_ms), "{outage:?}");
    }
}

const FAR: Element = Element::Core(EdgeAt::Primary);
const CUT: Element = Element::Line(EdgeAt::Primary);
const A_OFF: Element = Element::Router(Role::PrimaryCpe);

/// The tenant of the estate that is most like Cinto: servers of both kinds behind LTE and two routers.
const TENANT: &str = "borgoseta";

#[test]
fn the_times_of_a_good_site_follow_from_its_timers() {
    let site = Site::new(TENANT);
    // Probe: a phase of 0-3 s, a timeout of 1 s, a delay of 6 s; at both ends.
    site.works_after(true, &[FAR], 7_000, 10_000);
    site.works_after(true, &[CUT], 7_000, 10_000);
    site.works_after(true, &[A_OFF], 7_000, 10_000);
    site.works_after(false, &[FAR], 7_000, 10_000);
    site.works_after(true, &[Element::Radio], 0, 0);
    site.works_after(true, &[Element::Router(Role::StandbyCpe)], 0, 0);
}

#[test]
fn a_hub_that_does_not_track_its_return_never_recovers() {
    let site = Site::new(TENANT).with("sad-ce", " track 2 name", " name");
    site.lost(true, &[FAR], "on the way back");
}

#[test]
fn a_standby_router_without_preempt_does_not_take_over_a_live_one() {
    let preempt = " standby 8 preempt\n";
    let site = Site::new(TENANT).with("cpe-b", preempt, "");
    // The active router's only way left is over the LAN itself: it does not answer ARP for the server.
    site.lost(true, &[FAR], "nobody answers ARP");
    // It does forward what is sent to its virtual address, and the other router takes over from a dead one.
    site.works_after(false, &[FAR], 7_000, 10_000);
    site.works_after(true, &[A_OFF], 7_000, 10_000);
}

#[test]
fn a_decrement_too_small_moves_nothing() {
    let site = Site::new(TENANT).with("cpe-a", "decrement 20", "decrement 10");
    // Equal priorities: a live active router stays.
    site.lost(true, &[FAR], "nobody answers ARP");
}

#[test]
fn hosts_wait_for_their_arp_entries_under_use_bia() {
    let bia = |site: Site, file| site.with(file, " standby version 2\n", " standby version 2\n standby use-bia\n");
    let site = bia(bia(Site::new(TENANT), "cpe-a"), "cpe-b");
    let outage = site.of_kind(true, &[A_OFF]).outage.unwrap();
    assert!(outage.min_ms >= 8_000 && outage.max_ms >= 45_000, "{outage:?}");
    assert!(outage.formula().contains("ARP entries"), "{}", outage.formula());
}

#[test]
fn a_probe_without_a_way_back_leaves_the_site_on_its_backup() {
    let site = Site::new(TENANT).with("sad-ce", "name PROBE-RETURN\n", "name GONE\n");
    let text = &site.texts.iter().find(|(path, _)| path.contains("sad-ce")).unwrap().1;
    let line = text.lines().find(|line| line.contains("name GONE")).unwrap().to_owned() + "\n";
    // Without it the default route of the table brings the answers back: that one has to go, too.
    let gone = Site::new(TENANT).with("sad-ce", &line.replace("GONE", "PROBE-RETURN"), "");
    let default: Vec<String> =
        text.lines().filter(|line| line.contains(" 0.0.0.0 0.0.0.0 ")).map(|line| format!("{line}\n")).collect();
    let gone = default.iter().fold(gone, |site, line| site.with("sad-ce", line, ""));
    let healthy = gone.of_kind(true, &[]);
    assert_eq!(healthy.pair.verdict, Verdict::Reachable, "{healthy:?}");
    assert!(healthy.pair.path.iter().any(|hop| hop.node.contains("cpe-b")), "{healthy:?}");
}

#[test]
fn a_probe_that_leaks_over_the_backup_swings_for_ever() {
    let site = Site::new("isolalta");
    let hub = &site.texts.iter().find(|(path, _)| path.contains("sad-ce")).unwrap().1;
    let back = hub.lines().find(|line| line.ends_with("name PROBE-RETURN")).unwrap().to_owned() + "\n";
    let tunnel = format!("Tunnel{} 250 name LEAK", site.plan.numbers.number);
    let leaking = site
        .with("cpe-a", " name PROBE-PIN", " track 100 name PROBE-PIN")
        .with("cpe-a", "Null0 250 name PROBE-NO-LEAK", &tunnel)
        .with("sad-ce", &back, "");
    leaking.lost(true, &[FAR], "swing for ever");
}

#[test]
fn routers_that_do_not_hear_each_other_are_both_active() {
    let site = Site::new(TENANT).with("cpe-b", " standby version 2\n", "");
    let outcome = site.of_kind(false, &[]);
    assert_eq!(outcome.pair.verdict, Verdict::Degraded, "{outcome:?}");
    let site = Site::new(TENANT).with("cpe-b", "authentication md5 key-chain HSRP-LAN", "authentication other");
    assert_eq!(site.of_kind(false, &[]).pair.verdict, Verdict::Degraded);
}

#[test]
fn untracked_floats_to_each_other_are_a_loop_when_both_lines_are_down() {
    let site = Site::new(TENANT);
    let text = &site.texts.iter().find(|(path, _)| path.contains("cpe-a")).unwrap().1;
    let own = parse(text).interfaces.iter().find(|i| i.name.0 == "GigabitEthernet0/0/1").unwrap().network().unwrap();
    let float = text.lines().find(|line| line.contains("-VIA-B") && line.contains("10.64.")).unwrap();
    let words: Vec<&str> = float.split_whitespace().collect();
    let back = format!("ip route {} {} {} 200 name VIA-A\nip forward-protocol nd\n", words[2], words[3], own.ip());
    let site = Site::new(TENANT).with("cpe-b", "ip forward-protocol nd\n", &back);
    site.lost(false, &[CUT, Element::Radio], "walks in a circle");
}

#[test]
fn with_both_lines_down_the_virtual_address_stays_and_the_pair_is_lost() {
    let scene = Site::new(TENANT).scene();
    let network = Network::new(&scene);
    let before = network.healthy();
    let (after, _) = network.settle(&before, network.mask(&Failures::of([CUT, Element::Radio])));
    assert_eq!(before.active, after.active);
    let outcome = Site::new(TENANT).of_kind(true, &[CUT, Element::Radio]);
    assert_eq!((outcome.pair.verdict, outcome.accepted), (Verdict::Lost, Some(Accepted::NoOtherWay)));
}

#[test]
fn routes_alone_do_not_reach_a_server_in_the_clients_own_subnet() {
    let no_proxy = |site: Site, file| site.with(file, "\n ip proxy-arp\n", "\n no ip proxy-arp\n");
    let site = no_proxy(no_proxy(Site::new(TENANT), "cpe-a"), "cpe-b");
    let address = site.scene().surroundings.servers.iter().find(|s| s.place == Place::SadKept).unwrap().address;
    site.lost(true, &[], &format!("nobody answers ARP for {address}"));
}

#[test]
fn a_kept_address_in_two_places_is_a_conflict() {
    let mut scene = Site::new(TENANT).scene();
    let mut moved = scene.surroundings.servers.iter().find(|s| s.place == Place::SadKept).unwrap().clone();
    moved.place = Place::Town;
    moved.name = "old machine".to_owned();
    let name = scene.surroundings.servers.iter().find(|s| s.address == moved.address).unwrap().name.clone();
    scene.surroundings.servers.push(moved);
    let found = reachability(&scene, &Failures::none());
    let pair = found.iter().find(|pair| *pair.server == *name && &*pair.client == "lan").unwrap();
    assert_eq!(pair.verdict, Verdict::Lost);
    assert!(pair.reason.as_ref().unwrap().what.contains("address conflict"), "{pair:?}");
}

#[test]
fn a_client_without_the_route_is_asymmetric_through_the_firewall() {
    let mut scene = Site::new(TENANT).scene();
    scene.surroundings.clients[0].routes.clear();
    let found = reachability(&scene, &Failures::none());
    let degraded: Vec<_> = found.iter().filter(|pair| pair.verdict == Verdict::Degraded).collect();
    assert!(!degraded.is_empty());
    for pair in degraded {
        assert!(pair.reason.as_ref().unwrap().what.contains("only one direction"), "{pair:?}");
    }
}

#[test]
fn segments_that_no_router_clamps_do_not_fit_into_the_tunnel() {
    let scene = {
        let mut site = Site::new(TENANT);
        for (_, text) in &mut site.texts {
            let kept: Vec<&str> = text.lines().filter(|line| !line.contains("adjust-mss")).collect();
            *text = kept.join("\n") + "\n";
        }
        site.scene()
    };
    assert!(reachability(&scene, &Failures::none()).iter().all(|pair| pair.verdict == Verdict::Reachable));
    for pair in reachability(&scene, &Failures::of([FAR])) {
        assert_eq!(pair.verdict, Verdict::Degraded, "{pair:?}");
        assert!(pair.reason.unwrap().what.contains("do not fit"));
    }
}

#[test]
fn a_tunnel_whose_ends_do_not_know_each_other_never_comes_up() {
    let broken = [
        ("cpe-b", "match identity remote fqdn sad", "match identity remote fqdn other"),
        ("sad-ce", "match identity remote fqdn borgoseta", "match identity remote fqdn other"),
        ("cpe-b", "tunnel vrf FVRF-LTE", "tunnel vrf OTHER"),
        ("cpe-b", " permit udp host 203.0.113.10 eq non500-isakmp any eq non500-isakmp\n", ""),
        ("cpe-b", "set ikev2-profile SAD", "set ikev2-profile OTHER"),
        ("sad-ce", "virtual-template 2", "virtual-template 99"),
        ("sad-ce", " tunnel vrf INET\n", ""),
        ("sad-ce", " match fvrf INET\n", ""),
        ("sad-ce", " match fvrf INET\n", " match fvrf OTHER\n"),
        ("sad-ce", "set pfs group19", "set pfs group14"),
        ("cpe-b", " set pfs group19\n", ""),
        (
            "sad-ce",
            "interface Virtual-Template2",
            "interface Gi7\n ip address 203.0.113.10 255.255.255.0\ninterface Virtual-Template2",
        ),
    ];
    for (file, from, to) in broken {
        let site = Site::new(TENANT).with(file, from, to);
        let scene = site.scene();
        let dead = Network::new(&scene).dead_tunnels();
        assert_eq!(dead.len(), 1, "{from}");
        assert!(dead[0].line.is_some() || dead[0].what.contains("knows the caller"), "{:?}", dead[0]);
        let outcome = site.of_kind(true, &[FAR]);
        assert_eq!((outcome.pair.verdict, outcome.accepted), (Verdict::Lost, None), "{from}");
    }
}

/// The hub as a whole, since a tenant's part leaves out what all share.
fn with_whole_hub() -> Site {
    let mut site = Site::new(TENANT);
    let hub = Templates::built_in().unwrap().hub(std::slice::from_ref(&site.plan), Stage::After).unwrap().unwrap();
    site.texts.retain(|(path, _)| !path.contains("sad-ce"));
    site.texts.push((hub.path, hub.text));
    site
}

#[test]
fn a_tunnel_whose_ends_seal_in_different_ways_never_comes_up() {
    let dead = |site: &Site| Network::new(&site.scene()).dead_tunnels();
    assert_eq!(dead(&with_whole_hub()), []);
    let other = with_whole_hub().with("cpe-b", "esp-gcm 256", "esp-aes 256 esp-sha-hmac");
    assert!(dead(&other)[0].what.contains("sealed with"), "{:?}", dead(&other));
    assert_eq!(other.of_kind(true, &[FAR]).pair.verdict, Verdict::Lost);
    assert_eq!(dead(&with_whole_hub().with("sad-ce", "esp-gcm 256", "esp-gcm")).len(), 1);
    // Tunnel mode is the default.
    assert_eq!(dead(&with_whole_hub().with("cpe-b", " mode tunnel\n", "")), []);
    let proposing = |group: &str| {
        format!(
            "crypto ikev2 proposal P\n encryption aes-cbc-256\n integrity sha512\n group {group}\n!\nip forward-protocol nd\n"
        )
    };
    let both = |hub: &str| {
        let site = with_whole_hub().with("cpe-b", "ip forward-protocol nd\n", &proposing("19 20"));
        site.with("sad-ce", "ip forward-protocol nd\n", &proposing(hub))
    };
    assert_eq!(dead(&both("14 19")), []);
    assert!(dead(&both("14"))[0].what.contains("IKEv2 proposal"), "{:?}", dead(&both("14")));
}

#[test]
fn an_access_list_on_the_way_is_named_with_its_line() {
    let list = "ip access-list extended NOTHING\n deny ip any any\n!\nip forward-protocol nd\n";
    let site = Site::new(TENANT).with("cpe-a", "ip forward-protocol nd\n", list);
    let site = site.with("cpe-a", "\n ip proxy-arp\n", "\n ip proxy-arp\n ip access-group NOTHING in\n");
    let outcome = site.of_kind(true, &[]);
    let reason = outcome.pair.reason.unwrap();
    let text = &site.texts.iter().find(|(path, _)| path.contains("cpe-a")).unwrap().1;
    let line = text.lines().position(|line| line == " deny ip any any").unwrap() as u32 + 1;
    assert_eq!((outcome.pair.verdict, reason.line), (Verdict::Lost, Some(line)), "{reason}");
}

/// What is not read and may decide is named with its line; what decides nothing is not.
#[test]
fn lines_that_decide_and_are_not_read_are_named() {
    let deciding = [
        ("cpe-a", "\n ip proxy-arp\n", "\n ip proxy-arp\n ip policy route-map X\n"),
        (
            "cpe-a",
            "ip forward-protocol nd\n",
            "ip forward-protocol nd\nrouter ospf 1\n network 0.0.0.0 0.0.0.0 area 0\n",
        ),
        ("cpe-a", "ip forward-protocol nd\n", "ip forward-protocol nd\nno ip routing\n"),
        ("cpe-a", "track 10 ip sla 10 reachability\n", "track 10 ip route 10.64.0.0 255.255.0.0 reachability\n"),
        ("cpe-a", " object 10\n", " object 10 not\n"),
        ("cpe-a", "life forever", "life 3600"),
        ("sad-ce", "ip forward-protocol nd\n", "ip forward-protocol nd\nrouter ospf 1 vrf BORGOSETA\n"),
    ];
    assert_eq!(Network::new(&Site::new(TENANT).scene()).unread(), []);
    for (file, from, to) in deciding {
        let scene = Site::new(TENANT).with(file, from, to).scene();
        let found = Network::new(&scene).unread();
        assert!((1..=2).contains(&found.len()), "{to}: {found:?}");
        assert!(found[0].line.is_some() && found[0].what.starts_with("not read: "), "{:?}", found[0]);
    }
    let idle = [
        ("cpe-a", "\n ip proxy-arp\n", "\n ip proxy-arp\n load-interval 30\n no ip mask-reply\n"),
        (
            "cpe-a",
            "ip forward-protocol nd\n",
            "ip forward-protocol nd\ntrack 99 ip route 0.0.0.0 0.0.0.0 reachability\n",
        ),
        (
            "cpe-a",
            "ip forward-protocol nd\n",
            "ip forward-protocol nd\nip access-list extended VTY\n permit tcp object-group A any\n",
        ),
        ("sad-ce", "ip forward-protocol nd\n", "ip forward-protocol nd\nrouter ospf 1 vrf OTHER\n"),
    ];
    for (file, from, to) in idle {
        assert_eq!(Network::new(&Site::new(TENANT).with(file, from, to).scene()).unread(), [], "{to}");
    }
}

/// Text that no router would have: a verdict all the same, and soon.
mod hostile {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::{Duration, Instant};

    /// Sees to it that every single failure has its verdicts within a second.
    #[track_caller]
    fn judged(site: &Site) -> Vec<String> {
        let (scene, started) = (site.scene(), Instant::now());
        assert!(!outcomes(&scene, false).is_empty());
        let took = started.elapsed();
        assert!(took < Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 }), "{took:?}");
        Network::new(&scene).unread().iter().map(ToString::to_string).collect()
    }

    /// More text at the end of a router's.
    fn and(mut site: Site, file: &str, more: &str) -> Site {
        for (_, text) in site.texts.iter_mut().filter(|(path, _)| path.contains(file)) {
            text.push_str(more);
        }
        site
    }

    #[test]
    fn more_interfaces_of_a_group_than_a_state_holds() {
        let site = Site::new(TENANT);
        let lan = site.plan.lan.prefix;
        let text = &site.texts.iter().find(|(path, _)| path.contains("cpe-a")).unwrap().1;
        let from = text.find(" standby version 2").unwrap();
        let standby = &text[from..from + text[from..].find("\n!").unwrap() + 1];
        let one = |at: u32| {
            let own = Ipv4Addr::from(u32::from(lan.network()) + 100 + at);
            format!("interface GigabitEthernet9/{at}\n ip address {own} {}\n{standby}", lan.mask())
        };
        let more: String = (0..9).map(one).collect();
        let told = judged(&and(site, "cpe-a", &more));
        assert!(
            told.iter().any(|line| line.contains("interfaces in HSRP group") && line.contains(".ios:")),
            "{told:?}"
        );
    }

    #[test]
    fn more_tunnels_than_a_state_holds() {
        let site = Site::new(TENANT);
        let text = &site.texts.iter().find(|(path, _)| path.contains("cpe-b")).unwrap().1;
        let from = text.find("\ninterface Tunnel").unwrap() + 1;
        let tunnel = &text[from..from + text[from..].find("\n!").unwrap() + 1];
        let (head, body) = tunnel.split_once('\n').unwrap();
        let more: String = (0..9).map(|at| format!("{head}{at}\n{body}")).collect();
        let site = and(site, "cpe-b", &more);
        let told = judged(&site);
        assert!(told.iter().any(|line| line.contains("tunnels to the hub")), "{told:?}");
    }

    #[test]
    fn routes_that_lead_to_each_other() {
        let routes: String = (1..=50).map(|at| format!("ip route 0.0.0.0 0.0.0.0 203.0.{at}.1\n")).collect();
        let site = and(Site::new(TENANT), "cpe-a", &routes);
        judged(&site.with("cpe-a", " name INET-VIA-FIREWALL", " track 999"));
        let vrf: String = (1..=50).map(|at| format!("ip route vrf BORGOSETA 0.0.0.0 0.0.0.0 203.0.{at}.1\n")).collect();
        judged(&and(Site::new(TENANT), "sad-ce", &vrf));
    }

    #[test]
    fn lists_that_contain_each_other() {
        let members: String = (500..560).map(|id| format!(" object {id}\n")).collect();
        let lists: String = (500..560).map(|id| format!("track {id} list boolean or\n{members}")).collect();
        let route = "ip route 198.51.100.0 255.255.255.0 Null0 track 500\n";
        judged(&and(Site::new(TENANT), "cpe-a", &format!("{lists}{route}")));
    }
}

/// A list of the LAN port of the primary router, either way.
fn listed(entries: &str, way: &str) -> Site {
    let list = format!("ip access-list extended LISTED\n{entries}!\nip forward-protocol nd\n");
    let site = Site::new(TENANT).with("cpe-a", "ip forward-protocol nd\n", &list);
    site.with("cpe-a", "\n ip proxy-arp\n", &format!("\n ip proxy-arp\n ip access-group LISTED {way}\n"))
}

#[test]
fn an_access_list_that_lets_some_services_pass_degrades() {
    let some = [
        " permit tcp any any\n",
        " deny udp any any\n permit ip any any\n",
        " deny tcp any any eq 445\n permit ip any any\n",
    ];
    for entries in some {
        let pair = listed(entries, "in").of_kind(true, &[]).pair;
        assert_eq!(pair.verdict, Verdict::Degraded, "{entries}{pair:?}");
    }
    for entries in ["", " permit ip any any log\n", " permit udp any any\n permit tcp any any\n"] {
        assert_eq!(listed(entries, "in").of_kind(true, &[]).pair.verdict, Verdict::Reachable, "{entries}");
    }
}

/// A probe's questions pass the list of leaving packets by, its answers come in.
#[test]
fn an_access_list_does_not_filter_what_its_router_sends() {
    let wan = |way: &str, entry: &str| {
        let site = Site::new(TENANT);
        let text = &site.texts.iter().find(|(path, _)| path.contains("cpe-a")).unwrap().1;
        let own = text.lines().find(|line| line.starts_with(" ip address 10.128.")).unwrap().to_owned() + "\n";
        let list = format!("ip access-list extended LISTED\n{entry} permit ip any any\n!\nip forward-protocol nd\n");
        let site = site.with("cpe-a", "ip forward-protocol nd\n", &list);
        site.with("cpe-a", &own, &format!("{own} ip access-group LISTED {way}\n"))
    };
    let by_b = |site: &Site| site.of_kind(false, &[]).pair.path.iter().any(|hop| hop.node.contains("cpe-b"));
    assert!(!by_b(&wan("out", " deny icmp any any echo\n")));
    assert!(by_b(&wan("in", " deny icmp any any echo-reply\n")));
    // The hub's own probe asks this router.
    assert!(!by_b(&wan("in", " deny icmp any any unreachable\n")));
}

#[test]
fn a_pair_whose_addresses_are_translated_is_not_called_reachable() {
    let sides = |site: Site, other: &str| {
        let hub = site.texts.iter().find(|(path, _)| path.contains("sad-ce")).unwrap().1.clone();
        let own = |start: &str| hub.lines().find(|line| line.starts_with(start)).unwrap().to_owned() + "\n";
        let (wan, kept) =
            (own(" ip address 10.127."), own(&format!(" encapsulation dot1Q {}", site.plan.numbers.kept_vlan)));
        let site = site.with("sad-ce", &wan, &format!("{wan} ip nat inside\n"));
        site.with("sad-ce", &kept, &format!("{kept} ip nat {other}\n"))
    };
    let lan = Site::new(TENANT).plan.lan.prefix;
    let rule = format!(
        "ip forward-protocol nd\nip nat inside source static network {} 172.30.0.0 /{} vrf BORGOSETA\n",
        lan.network(),
        lan.prefix()
    );
    let with = |other: &str| sides(Site::new(TENANT), other).with("sad-ce", "ip forward-protocol nd\n", &rule);
    let pair = with("outside").of_kind(true, &[]).pair;
    assert_eq!(pair.verdict, Verdict::Degraded, "{pair:?}");
    assert!(pair.reason.unwrap().what.contains("translated"));
    assert_eq!(with("inside").of_kind(true, &[]).pair.verdict, Verdict::Reachable);
}

/// A carrier that goes by its line loses a pair that another one keeps: that alone excuses it.
#[test]
fn a_loss_is_excused_by_the_carrier_only_where_it_is_the_cause() {
    let unplugged = [Element::LanPort(Role::PrimaryCpe)];
    let good = Site::new("campodoro").of_kind(false, &unplugged);
    assert_eq!((good.pair.verdict, good.accepted), (Verdict::Lost, Some(Accepted::CarrierDoesNotSee)));
    let mut scene = Site::new("campodoro").scene();
    scene.surroundings.carrier.following = Following::Lan;
    for outcome in outcomes(&scene, false) {
        assert!(outcome.pair.verdict != Verdict::Lost || outcome.accepted == Some(Accepted::NoOtherWay), "{outcome:?}");
    }
    // The standby router does not answer: no carrier mends that.
    let site = Site::new("campodoro").with("cpe-b", "\n ip proxy-arp\n", "\n no ip proxy-arp\n");
    let spoilt = site.of_kind(true, &unplugged);
    assert_eq!((spoilt.pair.verdict, spoilt.accepted), (Verdict::Lost, None), "{spoilt:?}");
}

/// What a failure leaves behind when it is mended: nothing, unless a text keeps it.
#[test]
fn a_probe_that_asks_only_while_it_is_answered_does_not_come_back() {
    for plan in plans() {
        for outcome in outcomes(&scene(plan), true) {
            assert_eq!(outcome.stuck, None, "{} {}", plan.tenant, outcome.failures);
        }
    }
    let site = Site::new(TENANT).with("cpe-a", " name PROBE-PIN", " track 100 name PROBE-PIN");
    let far = site.of_kind(true, &[FAR]);
    assert_eq!(far.pair.verdict, Verdict::Reachable);
    assert!(far.stuck.as_ref().unwrap().contains("track 10 of borgoseta-cpe-a stays down"), "{far:?}");
    // Nor after a night without power.
    assert!(site.of_kind(true, &[]).stuck.is_some());
    let site = Site::new(TENANT).with("cpe-a", " standby 8 preempt delay minimum 60 reload 180\n", "");
    let off = site.of_kind(true, &[A_OFF]).stuck.unwrap();
    assert!(off.contains("HSRP 8 stays with borgoseta-cpe-b"), "{off}");
}

/// What more failures bring back must be explained: only a carrier that goes by its line does.
#[test]
fn more_failures_lose_no_less() {
    for plan in plans().iter().filter(|plan| plan.tunnel().is_some()) {
        let all = outcomes(&scene(plan), true);
        let single: std::collections::BTreeMap<_, _> = all
            .iter()
            .filter(|o| o.failures.elements().len() == 1)
            .map(|o| ((o.failures.elements()[0], o.pair.client.clone(), o.pair.server.clone()), o.pair.verdict))
            .collect();
        for outcome in all.iter().filter(|o| o.failures.elements().len() == 2 && o.pair.verdict != Verdict::Lost) {
            for element in outcome.failures.elements() {
                let key = (*element, outcome.pair.client.clone(), outcome.pair.server.clone());
                assert_ne!(single[&key], Verdict::Lost, "{} {}", plan.tenant, outcome.failures);
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 48, ..Default::default() })]

    /// Lines lost, doubled, swapped between routers, with other numbers: always a verdict, never a panic.
    #[test]
    fn any_mutilated_text_has_a_verdict(
        cuts in proptest::collection::vec((0_usize..3, 0_usize..400, 0_u8..5, 0_u32..300), 1..12)
    ) {
        static RENDERED: OnceLock<Site> = OnceLock::new();
        let mut site = RENDERED.get_or_init(|| Site::new(TENANT)).clone();
        for (file, line, how, number) in cuts {
            let file = file % site.texts.len();
            let mut lines: Vec<String> = site.texts[file].1.lines().map(str::to_owned).collect();
            if lines.is_empty() { continue; }
            let at = line % lines.len();
            match how {
                0 => { lines.remove(at); }
                1 => { let copy = lines[at].clone(); lines.push(copy); }
                2 => { lines[at] = lines[at].chars().map(|c| if c.is_ascii_digit() { char::from(b'0' + (number % 10) as u8) } else { c }).collect(); }
                3 => { let taken = lines.remove(at); let other = (file + 1) % site.texts.len(); site.texts[other].1.push_str(&format!("{taken}\n")); }
                _ => { lines.swap(at, 0); }
            }
            site.texts[file].1 = lines.join("\n") + "\n";
        }
        let scene = site.scene();
        let pairs = scene.surroundings.clients.len() * scene.surroundings.servers.len();
        let all = outcomes(&scene, false);
        proptest::prop_assert_eq!(all.len() % pairs, 0);
        for outcome in &all {
            proptest::prop_assert_eq!(outcome.pair.verdict == Verdict::Reachable, outcome.pair.reason.is_none());
        }
    }
}
