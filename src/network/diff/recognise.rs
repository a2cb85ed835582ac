//! Objects of a tenant that no rendering at hand names, known by the names and numbers that only
//! traghetto gives: what an earlier backup line left behind, say.

use super::super::migration_path::routers::{MIGRATION, class_on_hub};
use super::super::plan::NetworkPlan;
use super::super::simulate::Role;
use super::super::text::ConfigText;
use super::ownership::Ownership;

/// What is traghetto's on the router of a tenant that has this role: what `renderings` name, and what
/// it may have had. On the hub, what is rendered for others, `beside`, is neither its own nor foreign.
pub fn owned_on<'a>(
    role: Role,
    plan: &NetworkPlan,
    renderings: impl IntoIterator<Item = &'a ConfigText>,
    beside: impl IntoIterator<Item = &'a ConfigText>,
) -> Ownership {
    let own = Ownership::of(renderings);
    match role {
        Role::Hub => std::iter::once(plan).chain(&plan.beside).fold(own, with_hub_names).beside(beside),
        Role::PrimaryCpe | Role::StandbyCpe => with_cpe_names(own, plan),
    }
}

/// The names of a tenant's CPEs. Ports of the hardware are not among them, since who uses a port that no
/// rendering names is not known; but for the modem, which is in a routing table of its own.
fn with_cpe_names(own: Ownership, plan: &NetworkPlan) -> Ownership {
    let mut objects = Vec::new();
    for probe in [10, 30] {
        objects.push(format!("ip sla {probe}"));
        objects.push(format!("ip sla schedule {probe}"));
    }
    objects.extend([10, 20, 30, 100].map(|track| format!("track {track}")));
    for policy in ["WAN", "BACKUP", "LTE"] {
        objects.push(format!("policy-map {policy}-CHILD"));
        objects.push(format!("policy-map {policy}-PARENT"));
    }
    objects.push(format!("interface Tunnel{}", plan.numbers.number));
    objects.extend(["LTE-IN", MIGRATION, "MIGRATION-IN"].map(|list| format!("ip access-list extended {list}")));
    objects.push("vrf definition FVRF-LTE".to_owned());
    // What decides who of the group is active; another number is somebody else's group.
    let group = format!("interface GigabitEthernet0/0/1 / standby {}", plan.numbers.group);
    for line in ["ip", "timers", "priority", "preempt", "authentication", "name", "track 30", "track 100"] {
        objects.push(format!("{group} {line}"));
    }
    let routes = [
        "INET-VIA-FIREWALL",
        "SRV-*",
        "SITE-*",
        "PROBE-PIN",
        "PROBE-NO-LEAK",
        "NOC",
        "NOC-BACKUP",
        "NOC-NO-LOOP",
        "MIGR-*",
    ];
    let mark = plan.shared.mark.as_str();
    with_tunnel(own.with_objects(objects), plan, mark)
        .with_routes(None, &routes)
        .with_routes(None, &[&format!("{mark}-*")])
        .with_routes(Some("FVRF-LTE"), &["LTE"])
        .with_interfaces_in("FVRF-LTE")
}

/// What carries the tenant's name or number on the hub.
fn with_hub_names(own: Ownership, plan: &NetworkPlan) -> Ownership {
    let numbers = &plan.numbers;
    let (vrf, number, class) = (numbers.vrf.as_str(), numbers.number, class_on_hub(&numbers.label));
    let label = numbers.label.as_str();
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
        format!("ip access-list extended {class}"),
        format!("ip access-list extended {class}-IN"),
        format!("class-map {class}"),
    ];
    for policy in ["", "-LTE"] {
        objects.push(format!("policy-map {label}{policy}-CHILD"));
        objects.push(format!("policy-map {label}{policy}-PARENT"));
    }
    let routes = ["INET-VIA-TOWN*", "PROBE-*", "TUNNEL-NO-LEAK", "CPE-A*", "CPE-B*", "LAN*", "SRV-*", "MIGR-*"];
    with_tunnel(own.with_objects(objects), plan, label)
        .with_routes(Some(vrf), &routes)
        .with_routes(None, &[&format!("MIGR-{label}")])
        .with_translations(vrf)
}

/// The tunnel of an LTE backup, which is called `name` on the router, and its key.
fn with_tunnel(own: Ownership, plan: &NetworkPlan, name: &str) -> Ownership {
    let kinds = ["ikev2 authorization policy", "ikev2 keyring", "ikev2 profile", "ipsec profile"];
    let peer = format!("crypto ikev2 keyring {name} / peer {name}");
    let key = format!("pre-shared-key {}", plan.secret("tunnel-key"));
    own.with_objects(kinds.map(|kind| format!("crypto {kind} {name}")))
        .with_reference(&format!("{peer} / pre-shared-key"), &key)
        .with_objects([peer])
}
