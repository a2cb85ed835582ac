//! What IOS checks of a line that it understands, and what it changes with it.

use super::config::Refusal;
use super::grammar::Match;
use super::router::Router;
use super::routing::{self, Net};
use super::store::Entry;
use std::net::Ipv4Addr;

fn refuse(said: impl Into<String>) -> Result<(), Refusal> {
    Err(Refusal::Said(said.into()))
}

/// Writes words as the router keeps them.
pub fn normalize(mode: &str, said: &mut Match) {
    if mode.ends_with("-nacl") {
        said.words = super::filters::written(mode == "config-std-nacl", &said.words);
        said.identity = said.words.len();
    }
    let secret = |word: &str, words: &mut Vec<String>, kind: &str, coded: fn(&str) -> String| {
        if let Some(at) = words.iter().position(|found| found == word)
            && words.len() > at + 1
        {
            match words[at + 1].as_str() {
                "0" => drop(words.remove(at + 1)),
                kind if words.len() > at + 2 && kind.len() == 1 => return,
                _ => {}
            }
            words[at + 1] = coded(&words[at + 1]);
            words.insert(at + 1, kind.to_owned());
        }
    };
    match (mode, said.words.first().map(String::as_str)) {
        ("config-keychain-key", Some("key-string")) => {
            // The rest of the line is one word: `7 08...` or the string itself.
            let text = said.words.split_off(1).join(" ");
            said.words.extend(text.splitn(2, ' ').map(str::to_owned));
            secret("key-string", &mut said.words, "7", super::password::type_7);
        }
        ("config-server-tacacs", Some("key")) => secret("key", &mut said.words, "7", super::password::type_7),
        ("config", Some("username" | "enable")) => {
            if let Some(at) = said.words.iter().position(|word| word == "algorithm-type") {
                said.words.drain(at..at + 2);
            }
            secret("secret", &mut said.words, "9", super::password::type_9);
            secret("password", &mut said.words, "7", super::password::type_7);
        }
        _ => {}
    }
}

/// The line as printed.
pub fn printed(mode: &str, line: &str) -> String {
    match mode {
        "config-std-nacl" | "config-ext-nacl" => line.replacen("deny ", "deny   ", 1),
        // Options of a probe stand two deep in the real thing; so do ours by their nesting.
        _ => line.to_owned(),
    }
}

/// Whether a setting of the interface at `path` is as such an interface has it by itself.
pub fn is_by_itself(path: &[String], words: &[String]) -> bool {
    let gigabit = path.first().is_some_and(|key| key.starts_with("interface GigabitEthernet"));
    gigabit
        && [["ip", "mtu", "1500"].as_slice(), &["bandwidth", "1000000"]]
            .contains(&words.iter().map(String::as_str).collect::<Vec<_>>().as_slice())
}

/// Its place in its mode.
pub fn rank(mode: &str, said: &Match) -> usize {
    match (mode, said.words.get(1).map(String::as_str)) {
        ("config-std-nacl" | "config-ext-nacl" | "config-cmap", _) => 0,
        ("config-pmap", Some("class-default")) => said.command + 1,
        _ => said.command,
    }
}

/// Whether `entry` goes with what `named` takes away.
pub fn is_part(mode: &str, entry: &str, named: &str) -> bool {
    let begins = entry.strip_prefix(named).is_some_and(|rest| rest.starts_with(' '));
    let group = mode.ends_with("if") && named.starts_with("standby ") && named.split(' ').count() == 2;
    begins && group
}

/// What is said where nothing was there to take away. Most commands say nothing.
pub fn was_absent(mode: &str, said: &Match) -> Result<(), Refusal> {
    let words: Vec<&str> = said.words.iter().map(String::as_str).collect();
    match (mode, words.as_slice()) {
        ("config", ["ip", "route", ..]) => refuse("%No matching route to delete"),
        ("config", ["policy-map", name]) => refuse(format!("% policy map {name} not configured")),
        ("config", ["class-map", _, name]) => refuse(format!("% class map {name} not configured")),
        ("config", ["vrf", "definition", name]) => refuse(format!("% VRF {name} does not exist")),
        _ => Ok(()),
    }
}

/// Whether what a negated line names may go.
pub fn may_go(router: &Router, path: &[String], mode: &str, said: &Match) -> Result<(), Refusal> {
    let words: Vec<&str> = said.words.iter().map(String::as_str).collect();
    match (mode, words.as_slice()) {
        ("config", ["interface", name, ..]) if is_physical(name) && !name.contains('.') => {
            refuse("% Removal of physical interfaces is not permitted")
        }
        ("config", ["policy-map", name]) if uses(router, &[&format!(" {name}")], "service-policy") => {
            refuse(format!("Policy-map {name} is being used, cannot be removed"))
        }
        ("config", ["class-map", _, name]) if class_is_used(router, name) => {
            refuse(format!("Class-map {name} is being used"))
        }
        ("config-pmap", ["class", "class-default"]) => refuse("% class-default cannot be removed"),
        ("config-ip-sla-echo", _) => running_probe(router, path),
        _ => Ok(()),
    }
}

/// Carries out what goes with a removal.
pub fn before_removal(router: &mut Router, path: &[String], mode: &str, said: &Match, notes: &mut Vec<String>) {
    let words: Vec<&str> = said.words.iter().map(String::as_str).collect();
    match (mode, words.as_slice()) {
        ("config", ["ip", "sla", number]) => {
            let schedule = format!("ip sla schedule {number}");
            router.running.entries.retain(|entry| entry.key != schedule);
        }
        ("config", ["vrf", "definition", name]) if router.running.find(&said.key()).is_some() => {
            let vrf = format!("vrf forwarding {name}");
            for interface in router.running.entries.iter_mut().filter(|entry| entry.key.starts_with("interface ")) {
                if interface.entries.iter().any(|entry| entry.line == vrf) {
                    interface.entries.retain(|entry| entry.line != vrf && !is_address(entry));
                }
            }
            let routes = format!("ip route vrf {name} ");
            router.running.entries.retain(|entry| !entry.key.starts_with(&routes));
            notes.push(format!("% IPv4 and IPv6 addresses from all interfaces in VRF {name} have been removed"));
        }
        ("config-if" | "config-subif", ["vrf", "forwarding", ..]) => {
            if let Some(vrf) = routing::vrf_of(&router.running, &path[0]) {
                drop_addresses(router, path, "disabling", &vrf, notes);
            }
        }
        _ => {}
    }
}

/// Whether a line may come; carries out what goes with it.
pub fn may_come(
    router: &mut Router,
    path: &[String],
    mode: &str,
    said: &Match,
    notes: &mut Vec<String>,
) -> Result<(), Refusal> {
    let words: Vec<&str> = said.words.iter().map(String::as_str).collect();
    match (mode, words.as_slice()) {
        ("config", ["ip", "route", rest @ ..]) => route(router, rest),
        ("config", ["ip", "sla", number]) => {
            if router.running.find(&format!("ip sla schedule {number}")).is_some() {
                return refuse(RUNNING);
            }
            Ok(())
        }
        ("config", ["ip", "sla", "schedule", number, ..]) => schedule(router, number, &said.line()),
        ("config", ["track", number, ..]) => track(router, number, said),
        ("config", ["interface", name, ..]) => {
            let known = router.running.find(&said.key()).is_some();
            let trunk = format!("interface {}", name.split('.').next().unwrap_or_default());
            if !known && is_physical(name) && router.booted && router.running.find(&trunk).is_none() {
                return Err(Refusal::Invalid(name_column(said)));
            }
            Ok(())
        }
        ("config-if" | "config-subif", _) => interface(router, path, &words, notes),
        ("config-pmap", ["class", name]) if *name != "class-default" => {
            let known = ["match-any", "match-all"]
                .iter()
                .any(|kind| router.running.find(&format!("class-map {kind} {name}")).is_some());
            if known { Ok(()) } else { refuse(format!("% class map {name} not configured")) }
        }
        ("config-pmap-c", ["service-policy", name]) => policy(router, name),
        ("config-ext-nacl", _) => super::filters::check_extended(&words),
        ("config-ip-sla", ["icmp-echo", ..]) | ("config-ip-sla-echo", _) => {
            running_probe(router, path)?;
            if words[0] == "icmp-echo" && router.running.below(path).first().is_some_and(|e| e.key != said.key()) {
                return refuse(RUNNING);
            }
            Ok(())
        }
        ("ipsec-profile", ["set", "transform-set", name]) => {
            let known =
                router.running.all("crypto ipsec transform-set ").any(|entry| entry.key.ends_with(&format!(" {name}")));
            if known { Ok(()) } else { refuse(format!("ERROR: transform set with tag {name} does not exist.")) }
        }
        _ => Ok(()),
    }
}

const RUNNING: &str = "Entry already running and cannot be modified\n\t(only can delete (no) and start over)\n\t(check to see if the probe has finished exiting)";

fn running_probe(router: &Router, path: &[String]) -> Result<(), Refusal> {
    let number = path.first().and_then(|key| key.strip_prefix("ip sla ")).unwrap_or_default();
    if router.running.find(&format!("ip sla schedule {number}")).is_some() {
        return refuse(RUNNING);
    }
    Ok(())
}

fn name_column(said: &Match) -> usize {
    said.words[0].len() + 1
}

fn schedule(router: &Router, number: &str, line: &str) -> Result<(), Refusal> {
    match router.running.find(&format!("ip sla {number}")) {
        None => return refuse("%Entry not configured"),
        Some(probe) if probe.entries.is_empty() => return refuse("%Entry not configured"),
        Some(_) => {}
    }
    match router.running.find(&format!("ip sla schedule {number}")) {
        Some(known) if known.line != line => refuse("Entry already running and cannot be modified"),
        _ => Ok(()),
    }
}

fn track(router: &Router, number: &str, said: &Match) -> Result<(), Refusal> {
    match router.running.find(&format!("track {number}")) {
        Some(known) if said.words.len() > 2 && known.line != said.line() => {
            refuse(format!("Cannot change tracked object {number} - delete old config first"))
        }
        None if said.words.len() == 2 => Err(Refusal::Incomplete),
        _ => Ok(()),
    }
}

fn policy(router: &Router, name: &str) -> Result<(), Refusal> {
    match router.running.find(&format!("policy-map {name}")) {
        Some(_) => Ok(()),
        None => refuse(format!("% policy map {name} not configured")),
    }
}

/// Whether an entry at any depth begins with `command` and ends with one of `ends`.
fn uses(router: &Router, ends: &[&str], command: &str) -> bool {
    fn any(entries: &[Entry], test: &dyn Fn(&str) -> bool) -> bool {
        entries.iter().any(|entry| test(&entry.line) || any(&entry.entries, test))
    }
    any(&router.running.entries, &|line| line.starts_with(command) && ends.iter().any(|end| line.ends_with(end)))
}

fn class_is_used(router: &Router, name: &str) -> bool {
    let class = format!("class {name}");
    router.running.all("policy-map ").any(|policy| policy.entries.iter().any(|entry| entry.key == class))
}

fn is_physical(name: &str) -> bool {
    ["GigabitEthernet", "TenGigabitEthernet", "FastEthernet", "Ethernet", "Serial", "Cellular"]
        .iter()
        .any(|kind| name.starts_with(kind))
}

fn is_address(entry: &Entry) -> bool {
    entry.key.starts_with("ip address") || entry.key.starts_with("ip unnumbered")
}

fn drop_addresses(router: &mut Router, path: &[String], how: &str, vrf: &str, notes: &mut Vec<String>) {
    let name = path[0].trim_start_matches("interface ").to_owned();
    let Some(entries) = router.running.below_mut(path) else { return };
    let before = entries.len();
    entries.retain(|entry| !is_address(entry));
    if entries.len() < before {
        notes.push(format!("% Interface {name} IPv4 disabled and address(es) removed due to {how} VRF {vrf}"));
    }
}

fn interface(router: &mut Router, path: &[String], words: &[&str], notes: &mut Vec<String>) -> Result<(), Refusal> {
    let name = path[0].trim_start_matches("interface ").to_owned();
    match words {
        ["vrf", "forwarding", vrf] => {
            if router.running.find(&format!("vrf definition {vrf}")).is_none() {
                return refuse(format!("% VRF {vrf} not configured."));
            }
            if routing::vrf_of(&router.running, &path[0]).as_deref() != Some(vrf) {
                drop_addresses(router, path, "enabling", vrf, notes);
            }
            Ok(())
        }
        ["ip", "address", address, mask, rest @ ..] => {
            own_address(router, path, &name, (address, mask), rest.contains(&"secondary"))
        }
        ["service-policy", _, policy_name] => policy(router, policy_name),
        ["standby", _] => Err(Refusal::Incomplete),
        ["standby", group, "ip", address, ..] => virtual_address(router, path, group, address, notes),
        ["standby", group, ..] if group.parse::<u32>().is_ok_and(|group| group > 255) => version_2(router, path),
        ["ip", "access-group", ..] | ["description", ..] => Ok(()),
        _ => Ok(()),
    }
}

fn own_address(
    router: &Router,
    path: &[String],
    name: &str,
    (address, mask): (&str, &str),
    secondary: bool,
) -> Result<(), Refusal> {
    let own = router.running.below(path);
    if name.contains('.') && !own.iter().any(|entry| entry.key.starts_with("encapsulation")) {
        return refuse(
            "\n% Configuring IP routing on a LAN subinterface is only allowed if that\n\
             subinterface is already configured as part of an IEEE 802.10, IEEE 802.1Q,\n\
             or ISL vLAN.\n",
        );
    }
    let Some(net) = Net::typed(address, mask) else {
        return refuse(format!("Bad mask {mask} for address {address}"));
    };
    let typed: Ipv4Addr = address.parse().unwrap_or(Ipv4Addr::UNSPECIFIED);
    if net.length < 31 && (typed == net.address || typed == net.last()) {
        return refuse(format!("Bad mask /{} for address {address}", net.length));
    }
    if secondary && !own.iter().any(|entry| entry.key == "ip address") {
        return refuse("% Primary address must be configured first");
    }
    let vrf = routing::vrf_of(&router.running, &path[0]);
    for other in router.running.all("interface ").filter(|other| other.key != path[0]) {
        if routing::vrf_of(&router.running, &other.key) != vrf {
            continue;
        }
        if let Some(known) = routing::networks(other).into_iter().find(|known| known.overlaps(&net)) {
            let name = other.key.trim_start_matches("interface ");
            return refuse(format!("% {} overlaps with {name}", known.address));
        }
    }
    Ok(())
}

fn virtual_address(
    router: &Router,
    path: &[String],
    group: &str,
    address: &str,
    notes: &mut Vec<String>,
) -> Result<(), Refusal> {
    if group.parse::<u32>().is_ok_and(|group| group > 255) {
        version_2(router, path)?;
    }
    let Ok(vip) = address.parse::<Ipv4Addr>() else { return Ok(()) };
    let own = router.running.below(path);
    if own.iter().any(|entry| entry.line.starts_with(&format!("ip address {address} "))) {
        return refuse("% Address cannot equal interface IP address");
    }
    let other = own.iter().any(|entry| {
        entry.line.split(' ').nth(2) == Some("ip")
            && entry.line.ends_with(&format!(" {address}"))
            && !entry.line.starts_with(&format!("standby {group} "))
    });
    if other {
        return refuse(format!("% {address} is already configured in another group"));
    }
    let mut networks = own.iter().filter_map(routing::network);
    if !networks.any(|net| net.contains(vip)) {
        notes.push("% Warning: address is not within a subnet on this interface".to_owned());
    }
    Ok(())
}

fn version_2(router: &Router, path: &[String]) -> Result<(), Refusal> {
    if router.running.below(path).iter().any(|entry| entry.line == "standby version 2") {
        return Ok(());
    }
    refuse("% Group number is out of range for HSRP version 1")
}

fn route(router: &Router, words: &[&str]) -> Result<(), Refusal> {
    let (vrf, words) = match words {
        ["vrf", vrf, rest @ ..] => (Some((*vrf).to_owned()), rest),
        _ => (None, words),
    };
    if let Some(vrf) = &vrf
        && router.running.find(&format!("vrf definition {vrf}")).is_none()
    {
        return refuse(format!("% VRF {vrf} does not exist"));
    }
    let [address, mask, next, ..] = words else { return Err(Refusal::Incomplete) };
    let Some(net) = Net::typed(address, mask) else {
        return refuse("%Inconsistent address and mask".to_owned());
    };
    if net.address.to_string() != *address {
        return refuse("%Inconsistent address and mask");
    }
    if let Ok(next) = next.parse::<Ipv4Addr>() {
        let own = router.running.all("interface ").any(|interface| {
            routing::vrf_of(&router.running, &interface.key) == vrf
                && interface.entries.iter().any(|entry| entry.line.starts_with(&format!("ip address {next} ")))
        });
        if own || next.is_unspecified() || next.is_broadcast() {
            return refuse("%Invalid next hop address (it's this router)");
        }
    } else if !next.starts_with("Null") && router.running.find(&format!("interface {next}")).is_none() {
        return Err(Refusal::Invalid(0));
    }
    Ok(())
}
