//! Objects of a tenant that no rendering at hand names, known by the names and numbers that only
//! traghetto gives: what an earlier backup line left behind, say.

use super::super::plan::NetworkPlan;
use super::super::text::ConfigText;
use super::ownership::Ownership;

/// What is traghetto's on a CPE: what `renderings` name, and what the tenant's CPEs may have had.
/// Ports of the hardware are not among it: who uses a port that no rendering names is not known.
pub fn owned_on_cpe<'a>(plan: &NetworkPlan, renderings: impl IntoIterator<Item = &'a ConfigText>) -> Ownership {
    let mut objects = Vec::new();
    let mut own = |object: String| objects.push(object);
    for probe in [10, 30] {
        own(format!("ip sla {probe}"));
        own(format!("ip sla schedule {probe}"));
    }
    [10, 20, 30, 100].into_iter().for_each(|track| own(format!("track {track}")));
    for policy in ["WAN", "BACKUP", "LTE"] {
        own(format!("policy-map {policy}-CHILD"));
        own(format!("policy-map {policy}-PARENT"));
    }
    tunnel_objects("SAD").into_iter().for_each(&mut own);
    own(format!("interface Tunnel{}", plan.numbers.number));
    own("ip access-list extended LTE-IN".to_owned());
    own("vrf definition FVRF-LTE".to_owned());
    let routes = ["INET-VIA-FIREWALL", "SAD-*", "SRV-*", "PROBE-PIN", "PROBE-NO-LEAK", "NOC", "NOC-BACKUP", "MIGR-*"];
    Ownership::of(renderings).with_objects(objects).with_routes(None, &routes).with_routes(Some("FVRF-LTE"), &["LTE"])
}

/// What is one tenant's on the hub: what `renderings` name, and what carries the tenant's name or number.
pub fn owned_on_hub<'a>(plan: &NetworkPlan, renderings: impl IntoIterator<Item = &'a ConfigText>) -> Ownership {
    let numbers = &plan.numbers;
    let (vrf, number) = (numbers.vrf.as_str(), numbers.number);
    let mut objects = vec![
        format!("vrf definition {vrf}"),
        format!("ip sla {number}"),
        format!("ip sla schedule {number}"),
        format!("track {number}"),
        format!("interface Loopback{}", numbers.probe_loopback()),
        format!("interface Loopback{}", numbers.tunnel_loopback()),
        format!("interface Virtual-Template{number}"),
        format!("interface GigabitEthernet0/0/0.{}", plan.handoff.vlan),
        format!("interface GigabitEthernet0/0/1.{}", numbers.kept_vlan),
        format!("interface GigabitEthernet0/0/1.{}", numbers.new_vlan),
    ];
    for policy in ["", "-LTE"] {
        objects.push(format!("policy-map {vrf}{policy}-CHILD"));
        objects.push(format!("policy-map {vrf}{policy}-PARENT"));
    }
    objects.extend(tunnel_objects(vrf));
    let routes = ["INET-VIA-TOWN*", "PROBE-*", "TUNNEL-NO-LEAK", "CPE-A*", "CPE-B*", "LAN*", "SRV-*", "MIGR-*"];
    Ownership::of(renderings).with_objects(objects).with_routes(Some(vrf), &routes)
}

fn tunnel_objects(name: &str) -> [String; 4] {
    ["ikev2 authorization policy", "ikev2 keyring", "ikev2 profile", "ipsec profile"]
        .map(|kind| format!("crypto {kind} {name}"))
}
