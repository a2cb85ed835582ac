//! What `show` and `ping` print, computed from the router's own configuration and state.

use super::grammar::Match;
use super::router::{Router, Speaker};
use super::routing::{self, Route};
use super::terminal::Terminal;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

/// `show running-config`.
pub fn running(router: &Router) -> String {
    let text = router.running.text();
    format!(
        "Building configuration...\n\nCurrent configuration : {} bytes\n!\n! Last configuration change\n!\n{text}\n",
        text.len()
    )
}

/// A file of its flash.
pub fn file(router: &Router, name: &str) -> Option<String> {
    let saved = router.archive.iter().find(|(known, _)| known == name).map(|(_, config)| config.text());
    saved.or_else(|| router.files.get(name).cloned())
}

pub fn command(terminal: &Terminal, router: &Router, said: &Match, rest: &[&str]) -> String {
    match rest {
        ["running-config", "interface", name] => interface(router, name),
        ["running-config", ..] => running(router),
        ["startup-config"] => match &router.startup {
            Some(config) => format!("Using {} out of 33554432 bytes\n!\n{}\n", config.text().len(), config.text()),
            None => "startup-config is not present\n".to_owned(),
        },
        ["archive"] => archive(router),
        ["archive", "config", "rollback", "timer"] => rollback_timer(router),
        ["archive", ..] => "!No changes were found\n".to_owned(),
        ["configuration", "lock"] => lock(router),
        ["version"] => version(router),
        ["inventory"] => format!(
            "NAME: \"Chassis\", DESCR: \"Cisco {0} Chassis\"\nPID: {0}     , VID: V01, SN: {1}\n\n",
            router.model, router.serial
        ),
        ["clock"] => format!("*{} CET Tue Mar 1 2022\n", &router.stamp()[7..]),
        ["users"] => users(terminal),
        ["privilege"] => format!("Current privilege level is {}\n", if terminal.privileged { 15 } else { 1 }),
        ["reload"] => reload(router),
        ["logging"] => router.log.iter().map(|line| format!("{line}\n")).collect(),
        ["standby", ..] => standby(router),
        ["track", "brief"] => tracks(router, true, None),
        ["track", number @ ..] => tracks(router, false, number.first().copied()),
        ["ip", "route", ..] => routes(router, said),
        ["ip", "sla", ..] => probes(router),
        ["ip", "interface", ..] => interfaces(router),
        ["ip", "arp", ..] => "Protocol  Address          Age (min)  Hardware Addr   Type   Interface\n".to_owned(),
        ["vrf"] => vrfs(router),
        _ => String::new(),
    }
}

fn interface(router: &Router, name: &str) -> String {
    let Some(interface) = router.running.find(&format!("interface {name}")) else { return String::new() };
    let text = super::store::Config { entries: vec![interface.clone()] }.text();
    format!("Building configuration...\n\nCurrent configuration : {} bytes\n!\n{text}\n", text.len())
}

fn rollback_timer(router: &Router) -> String {
    let Some(revert) = &router.revert else { return "%No Rollback Confirmed Change pending\n".to_owned() };
    format!(
        "Time configured(or reconfigured): {}\nTimer type: {} timer\nTimer value: {} min\nUser: {}\n",
        router.stamp(),
        if revert.idle.is_some() { "idle" } else { "absolute" },
        revert.minutes,
        revert.user
    )
}

fn lock(router: &Router) -> String {
    let Some(holder) = router.lock else { return "Parser Configure Lock\n---------------------\nNo lock\n".to_owned() };
    format!(
        "Parser Configure Lock\n---------------------\nOwner PID        : {holder}\nUser             : unknown\n\
         TTY              : {holder}\nType             : EXCLUSIVE\nState            : LOCKED\n"
    )
}

fn users(terminal: &Terminal) -> String {
    format!(
        "    Line       User       Host(s)              Idle       Location\n*  {} vty {}     {}      idle                 00:00:00 127.0.0.1\n",
        terminal.id,
        terminal.id % 16,
        terminal.user
    )
}

fn reload(router: &Router) -> String {
    let Some(at) = router.reload else { return "No reload is scheduled.\n".to_owned() };
    format!("Reload scheduled in {} minutes by console\n", at.saturating_sub(router.now).as_secs().div_ceil(60))
}

fn archive(router: &Router) -> String {
    let Some(path) = router.archive_setting("path") else { return "Archive feature not enabled\n".to_owned() };
    let maximum: usize = router.archive_setting("maximum").and_then(|text| text.parse().ok()).unwrap_or(10);
    let path = path.replace("$h", &router.hostname()).replace("$t", "<timestamp>");
    let mut text = format!(
        "The maximum archive configurations allowed is {maximum}.\nThere are currently {} archive configurations saved.\n\
         The next archive file will be named {path}-{}\n Archive #  Name\n",
        router.archive.len(),
        router.archived
    );
    for at in 0..maximum {
        let name = router.archive.get(at).map_or("", |(name, _)| name);
        let last = if at + 1 == router.archive.len() { " <- Most Recent" } else { "" };
        let _ = writeln!(text, "   {:<8} {name}{last}", at + 1);
    }
    text
}

fn version(router: &Router) -> String {
    let minutes = router.now.as_secs() / 60;
    format!(
        "Cisco IOS XE Software, Version {0}\nCisco IOS Software [Cupertino], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), \
         Version {0}, RELEASE SOFTWARE (fc3)\nTechnical Support: http://www.cisco.com/techsupport\n\nROM: IOS-XE ROMMON\n\n\
         {1} uptime is {2} hours, {3} minutes\nSystem returned to ROM by reload\nSystem image file is \
         \"bootflash:isr4300-universalk9.{0}.SPA.bin\"\n\ncisco {4} (1RU) processor with 1687137K/6147K bytes of memory.\n\
         Processor board ID {5}\n3 Gigabit Ethernet interfaces\n32768K bytes of non-volatile configuration memory.\n\
         4194304K bytes of physical memory.\n\nConfiguration register is 0x2102\n\n",
        router.version,
        router.hostname(),
        minutes / 60,
        minutes % 60,
        router.model,
        router.serial
    )
}

fn standby(router: &Router) -> String {
    let mut text = "                     P indicates configured to preempt.\n                     |\n\
                    Interface   Grp  Pri P State   Active          Standby         Virtual IP\n"
        .to_owned();
    for (name, own) in router.speakers() {
        let mut all: Vec<&Speaker> =
            router.neighbours.iter().filter(|other| other.vip == own.vip && other.group == own.group).collect();
        all.push(&own);
        all.sort_by_key(|speaker| std::cmp::Reverse((speaker.priority, speaker.address)));
        let at = all.iter().position(|speaker| speaker.address == own.address).unwrap_or(0);
        let shown = |at: usize| match all.get(at) {
            Some(speaker) if speaker.address == own.address => "local".to_owned(),
            Some(speaker) => speaker.address.to_string(),
            None => "unknown".to_owned(),
        };
        let state = ["Active", "Standby"].get(at).unwrap_or(&"Listen");
        let group = format!("standby {} preempt", own.group);
        let interface = router.running.find(&format!("interface {name}"));
        let preempts =
            interface.is_some_and(|interface| interface.entries.iter().any(|entry| entry.line.starts_with(&group)));
        let _ = writeln!(
            text,
            "{:<11} {:<4} {:<3} {} {state:<7} {:<15} {:<15} {}",
            short(&name),
            own.group,
            own.priority,
            if preempts { 'P' } else { ' ' },
            shown(0),
            shown(1),
            own.vip
        );
    }
    text
}

fn short(name: &str) -> String {
    let digits = name.find(|sign: char| sign.is_ascii_digit()).unwrap_or(name.len());
    format!("{}{}", &name[..2.min(digits)], &name[digits..])
}

fn tracks(router: &Router, brief: bool, only: Option<&str>) -> String {
    let mut text = if brief {
        "Track Type        Instance                   Parameter        State Last Change\n".to_owned()
    } else {
        String::new()
    };
    for track in router.running.all("track ") {
        let number = track.key.trim_start_matches("track ");
        if only.is_some_and(|only| only != number) {
            continue;
        }
        let state = if router.track_is_up(number.parse().unwrap_or(0)) { "Up" } else { "Down" };
        let words: Vec<&str> = track.line.split(' ').skip(2).collect();
        let (kind, instance, parameter) = match words.as_slice() {
            ["ip", "sla", probe, ..] => ("ip sla", (*probe).to_owned(), "reachability"),
            ["interface", name, ..] => ("interface", (*name).to_owned(), "line-protocol"),
            ["list", "boolean", how] => {
                ("list", String::new(), if *how == "and" { "boolean and" } else { "boolean or" })
            }
            _ => ("", String::new(), ""),
        };
        if brief {
            let _ = writeln!(text, "{number:<5} {kind:<11} {instance:<26} {parameter:<16} {state:<5} 00:10:00");
        } else {
            let _ = writeln!(
                text,
                "Track {number}\n  {kind} {instance} {parameter}\n  {} is {state}\n    2 changes, last change 00:10:00",
                if kind == "list" { "Boolean AND" } else { "Reachability" }
            );
        }
    }
    text
}

fn describe(route: &Route) -> String {
    let code = if route.distance.is_some() { 'S' } else { 'C' };
    let star = if route.distance.is_some() && route.net.length == 0 { '*' } else { ' ' };
    let place = format!("{code}{star}       {}", route.net);
    match (route.distance, route.via, &route.interface) {
        (Some(distance), Some(via), None) => format!("{place} [{distance}/0] via {via}"),
        (Some(distance), Some(via), Some(name)) => format!("{place} [{distance}/0] via {via}, {name}"),
        (_, _, Some(name)) => format!("{place} is directly connected, {name}"),
        _ => place,
    }
}

fn routes(router: &Router, said: &Match) -> String {
    let vrf = said.after("vrf");
    if let Some(vrf) = vrf
        && router.running.find(&format!("vrf definition {vrf}")).is_none()
    {
        return format!("% IP routing table {vrf} does not exist\n");
    }
    let table = routing::table(router, vrf);
    let mut text = vrf.map_or(String::new(), |vrf| format!("\nRouting Table: {vrf}\n"));
    let address = said.words.iter().skip(3).find_map(|word| word.parse::<Ipv4Addr>().ok());
    let Some(address) = address else {
        let only_static = said.words.last().is_some_and(|word| word == "static");
        return text + &whole_table(&table, only_static);
    };
    // A packet would take the default route; this command does not, as on the real thing.
    // With a mask it is exactly this network.
    let mask = said.words.last().filter(|word| **word != address.to_string() && word.parse::<Ipv4Addr>().is_ok());
    let found: Vec<&Route> = match mask.and_then(|mask| routing::Net::typed(&address.to_string(), mask)) {
        Some(net) => table.iter().filter(|route| route.net == net).collect(),
        None => routing::look_up(&table, address).into_iter().filter(|route| route.net.length > 0).collect(),
    };
    let Some(first) = found.first() else {
        text.push_str(if mask.is_some() { "% Subnet not in table\n" } else { "% Network not in table\n" });
        return text;
    };
    text + &entry(first, &found)
}

fn whole_table(table: &[Route], only_static: bool) -> String {
    let mut text = "Codes: L - local, C - connected, S - static, R - RIP, M - mobile, B - BGP\n\
                    \x20      * - candidate default, U - per-user static route\n\n"
        .to_owned();
    let default = table.iter().find(|route| route.net.length == 0 && route.distance.is_some());
    match default.and_then(|route| route.via) {
        Some(via) => {
            let _ = writeln!(text, "Gateway of last resort is {via} to network 0.0.0.0\n");
        }
        None => text.push_str("Gateway of last resort is not set\n\n"),
    }
    for route in table.iter().filter(|route| !only_static || route.distance.is_some()) {
        let _ = writeln!(text, "{}", describe(route));
    }
    text
}

/// One network and the routes to it.
fn entry(first: &Route, found: &[&Route]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "Routing entry for {}{}", first.net, if first.net.length == 0 { ", supernet" } else { "" });
    match first.distance {
        Some(distance) => {
            let _ = writeln!(text, "  Known via \"static\", distance {distance}, metric 0");
        }
        None => text.push_str("  Known via \"connected\", distance 0, metric 0 (connected, via interface)\n"),
    }
    text.push_str("  Routing Descriptor Blocks:\n");
    for route in found {
        match (route.via, &route.interface) {
            (Some(via), None) => {
                let _ = writeln!(text, "  * {via}");
            }
            (Some(via), Some(name)) => {
                let _ = writeln!(text, "  * {via}, via {name}");
            }
            (None, Some(name)) => {
                let _ = writeln!(text, "  * directly connected, via {name}");
            }
            _ => {}
        }
        text.push_str("      Route metric is 0, traffic share count is 1\n");
    }
    text
}

fn probes(router: &Router) -> String {
    let mut text = "IPSLAs Latest Operation Statistics\n\n".to_owned();
    for probe in router.running.all("ip sla ").filter(|entry| !entry.key.contains("schedule")) {
        let number = probe.key.trim_start_matches("ip sla ");
        let track = router.running.all("track ").find(|track| track.line.contains(&format!(" ip sla {number} ")));
        let up =
            track.is_none_or(|track| router.track_is_up(track.key.trim_start_matches("track ").parse().unwrap_or(0)));
        let (code, time) = if up { ("OK", "8 milliseconds") } else { ("Timeout", "NoConnection/Busy/Timeout") };
        let _ = writeln!(
            text,
            "IPSLA operation id: {number}\n        Latest RTT: {time}\nLatest operation start time: {}\nLatest operation return code: \
             {code}\nNumber of successes: {}\nNumber of failures: {}\nOperation time to live: Forever\n",
            router.stamp(),
            if up { 100 } else { 0 },
            if up { 0 } else { 100 }
        );
    }
    text
}

fn interfaces(router: &Router) -> String {
    let mut text = "Interface              IP-Address      OK? Method Status                Protocol\n".to_owned();
    for interface in router.running.all("interface ") {
        let name = interface.key.trim_start_matches("interface ");
        let address =
            interface.entries.iter().find_map(|entry| entry.line.strip_prefix("ip address ")?.split(' ').next());
        let off = interface.entries.iter().any(|entry| entry.line == "shutdown");
        let status = if off {
            "administratively down"
        } else if router.is_up(name) {
            "up"
        } else {
            "down"
        };
        let protocol = if router.is_up(name) { "up" } else { "down" };
        let _ = writeln!(text, "{name:<22} {:<15} YES NVRAM  {status:<21} {protocol}", address.unwrap_or("unassigned"));
    }
    text
}

fn vrfs(router: &Router) -> String {
    let mut text = "  Name                             Default RD            Protocols   Interfaces\n".to_owned();
    for vrf in router.running.all("vrf definition ") {
        let rd = vrf.entries.iter().find_map(|entry| entry.line.strip_prefix("rd ")).unwrap_or("<not set>");
        let _ = writeln!(text, "  {:<32} {rd:<21} ipv4", vrf.key.trim_start_matches("vrf definition "));
    }
    text
}

/// `ping`: answered where there is a route, and its interface is up.
pub fn ping(router: &Router, said: &Match) -> String {
    let vrf = said.after("vrf");
    if let Some(vrf) = vrf
        && router.running.find(&format!("vrf definition {vrf}")).is_none()
    {
        return format!("% VRF {vrf} does not exist\n");
    }
    let Some(address) = said.words.iter().skip(1).find_map(|word| word.parse::<Ipv4Addr>().ok()) else {
        return "% Unrecognized host or address, or protocol not running.\n".to_owned();
    };
    let count: usize = said.after("repeat").and_then(|text| text.parse().ok()).unwrap_or(5);
    let table = routing::table(router, vrf);
    let answered = match &router.pings {
        Some(pings) => pings(vrf, address),
        None => routing::look_up(&table, address)
            .iter()
            .any(|route| !route.interface.as_deref().is_some_and(|name| name.starts_with("Null"))),
    };
    let sign = if answered { "!" } else { "." };
    let (rate, good) = if answered { (100, count) } else { (0, 0) };
    let times = if answered { ", round-trip min/avg/max = 1/2/4 ms" } else { "" };
    format!(
        "Type escape sequence to abort.\nSending {count}, 100-byte ICMP Echos to {address}, timeout is 2 seconds:\n{}\n\
         Success rate is {rate} percent ({good}/{count}){times}\n",
        sign.repeat(count)
    )
}
