//! Who may log in, how, and what is written down: the same on every router.

use super::super::device::filter::Terminal;
use super::Scene;
use super::report::{Key, Report, rules};
use super::table::Router;

rules! {
    FRAGMENT: Note "hard-fragment", "the text has lines of login, logging and time",
        "Nothing of it could be checked: it is a part of a configuration.", "how this program reads a network";
    ACCESS: Error "hard-vty-access", "remote login is open to the management network only",
        "Anybody who reaches the router may try passwords.", "Cisco guide to harden IOS devices, access-class";
    OPEN: Error "hard-vty-open", "the access list of remote login has a limit",
        "It permits everybody.", "Cisco guide to harden IOS devices, access-class";
    SSH: Error "hard-vty-ssh", "remote login is by SSH only",
        "Passwords travel in clear.", "Cisco guide to harden IOS devices, transport input";
    VERSION: Error "hard-ssh-version", "SSH is version 2",
        "Version 1 can be broken.", "RFC 4251; Cisco SSH guide";
    AAA: Error "hard-aaa", "login is asked of the central server",
        "Nobody knows who did what, and who left still has access.", "Cisco AAA guide";
    LOCAL: Error "hard-aaa-local", "login falls back to a local account",
        "With the line down nobody can log in, which is when one must.", "Cisco AAA guide, method lists";
    USER: Error "hard-local-user", "there is a local account for the day the central server is away",
        "The fallback leads to nobody.", "Cisco AAA guide, method lists";
    CONSOLE: Warning "hard-console", "the local account has its rights on the console too",
        "With the line down the one who drove there stays at level 1.", "Cisco AAA guide, aaa authorization console";
    TIMEOUT: Error "hard-exec-timeout", "a silent session ends",
        "Who finds the terminal open is the operator.", "Cisco guide to harden IOS devices, exec-timeout";
    HTTP: Error "hard-http", "there is no web server",
        "It is a second way in, with a long list of holes.", "Cisco guide to harden IOS devices; CVE-2023-20198";
    SNMP: Error "hard-snmp", "SNMP is version 3 with privacy only",
        "A community is a password in clear.", "RFC 3414; Cisco SNMP guide";
    SOURCE_ROUTE: Warning "hard-source-route", "packets do not choose their own way",
        "A sender walks around filters.", "RFC 7126, section 4.3";
    ENCRYPTION: Warning "hard-password-encryption", "passwords are not shown in clear",
        "Who looks over a shoulder reads them.", "Cisco guide to harden IOS devices";
    ARCHIVE: Warning "hard-archive", "configurations are archived",
        "A change cannot revert by itself.", "Cisco configuration rollback confirmed change";
    LOGGING: Warning "hard-logging", "events are sent to a log server",
        "After a reload nobody knows why.", "Cisco guide to harden IOS devices";
    NTP: Warning "hard-ntp", "the clock is set by a server",
        "Logs of two routers cannot be laid side by side.", "Cisco guide to harden IOS devices";
    OUTSIDE: Warning "hard-outside-arp", "an interface to a carrier does not answer for others",
        "It attracts packets that are not for us.", "Cisco guide to harden IOS devices, proxy ARP";
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        if router.device.terminals.is_empty() {
            if !router.part {
                let message =
                    format!("{} has no `line vty`, so login, logging and time were not checked", router.name());
                let fix = "Check the whole running configuration.";
                report.add(&FRAGMENT, router.itself(), Key::None, message, fix);
            }
            continue;
        }
        for terminal in &router.device.terminals {
            login(router, terminal, report);
        }
        aaa(router, report);
        forbidden(router, report);
        wanted(router, report);
    }
    for site in scene.sites {
        for member in &site.members {
            let Some(table) = member.table() else { continue };
            for interface in &table.interfaces {
                let lan = interface.network().is_none_or(|own| own.overlaps(site.lan));
                let written = interface.proxy_arp.is_some_and(|at| !at.value);
                if !lan && !written && interface.answers_for_others() && interface.standby.groups.is_empty() {
                    let line = interface.proxy_arp.map_or(interface.name.line, |at| at.line);
                    let message =
                        format!("{} answers ARP for whatever the router has a route to", interface.name.value);
                    report.add(&OUTSIDE, member.router.at(line), Key::None, message, "Write `no ip proxy-arp`.");
                }
            }
        }
    }
}

fn login(router: &Router<'_>, terminal: &Terminal, report: &mut Report) {
    let name = &terminal.name.value;
    if let Some(at) = terminal.exec_timeout.filter(|at| at.value == (0, 0)) {
        let message = format!("a session on `line {name}` never ends");
        report.add(&TIMEOUT, router.at(at.line), Key::None, message, "Write `exec-timeout 10 0`.");
    }
    if !name.starts_with("vty") {
        return;
    }
    let input = terminal.transport_input.as_ref();
    let line = input.map_or(terminal.name.line, |at| at.line);
    let protocols = input.map_or("all", |at| at.value.as_str());
    if protocols == "none" {
        return;
    }
    if protocols != "ssh" {
        let message = format!("`line {name}` lets in {protocols}");
        report.add(&SSH, router.at(line), Key::None, message, "Write `transport input ssh`.");
    }
    let Some(list) = &terminal.access_class else {
        let message = format!("`line {name}` lets in everybody");
        report.add(
            &ACCESS,
            router.at(terminal.name.line),
            Key::Project("management"),
            message,
            "Write `access-class LIST in`.",
        );
        return;
    };
    let found = router.device.access_lists.iter().find(|known| known.name.value == list.value);
    let anybody = found.and_then(|found| {
        let first = found.entries.iter().find(|entry| entry.source.is_none_or(|source| source.prefix() == 0));
        first.filter(|entry| entry.permit)
    });
    if let Some(entry) = anybody {
        let message = format!("{} permits everybody", list.value);
        let fix = "Permit the management network and deny the rest.";
        report.add(&OPEN, router.at(entry.line), Key::Project("management"), message, fix);
    }
}

fn aaa(router: &Router<'_>, report: &mut Report) {
    if !router.says("aaa new-model") {
        let message = format!("{} has no `aaa new-model`", router.name());
        let fix = "Write `aaa new-model` and `aaa authentication login default group tacacs+ local`.";
        report.add(&AAA, router.itself(), Key::Project("tacacs"), message, fix);
        return;
    }
    let methods: Vec<_> = router.settings("aaa authentication login ").collect();
    if methods.is_empty() {
        let message = format!("{} has no `aaa authentication login`", router.name());
        let fix = "Write `aaa authentication login default group tacacs+ local`.";
        report.add(&AAA, router.itself(), Key::Project("tacacs"), message, fix);
    }
    for (line, text) in &methods {
        let mut words = text.split(' ').skip(4);
        if !words.any(|word| word == "local" || word == "local-case") {
            let message = format!("`{text}` has no local fallback");
            report.add(&LOCAL, router.at(*line), Key::None, message, "Add `local` at its end.");
        }
    }
    let Some((line, _)) = router.settings("username ").next() else {
        let message = format!("{} has no `username`", router.name());
        let fix = "Write `username NAME privilege 15 algorithm-type scrypt secret …`.";
        report.add(&USER, router.itself(), Key::None, message, fix);
        return;
    };
    if !router.says("aaa authorization console") && router.settings("enable secret ").next().is_none() {
        let message = format!("{} has neither `aaa authorization console` nor an `enable secret`", router.name());
        report.add(&CONSOLE, router.at(line), Key::None, message, "Write `aaa authorization console`.");
    }
}

/// Lines that must not be there.
fn forbidden(router: &Router<'_>, report: &mut Report) {
    for start in ["ip http server", "ip http secure-server"] {
        for (line, text) in router.settings(start) {
            let fix = format!("Write `no {text}`.");
            report.add(&HTTP, router.at(line), Key::None, format!("`{text}`"), fix);
        }
    }
    for (line, text) in router.settings("snmp-server ") {
        let words: Vec<&str> = text.split(' ').collect();
        let version = words.iter().any(|word| ["v1", "v2c", "1", "2c", "noauth", "auth"].contains(word));
        let weak = match words.get(1) {
            Some(&"community") => true,
            Some(&"group") => version,
            Some(&"host") => !words.windows(2).any(|pair| pair == ["version", "3"]) || !words.contains(&"priv"),
            _ => false,
        };
        if weak {
            let fix = "Remove it, and write `snmp-server group NAME v3 priv`.";
            report.add(&SNMP, router.at(line), Key::None, format!("`{text}`"), fix);
        }
    }
}

/// Lines that must be there; what is missing is said at the router's name.
fn wanted(router: &Router<'_>, report: &mut Report) {
    let any = |start: &str| router.settings(start).next().is_some();
    let all = [
        (&VERSION, router.says("ip ssh version 2"), "`ip ssh version 2`"),
        (&SOURCE_ROUTE, router.says("no ip source-route"), "`no ip source-route`"),
        (&ENCRYPTION, router.says("service password-encryption"), "`service password-encryption`"),
        (&ARCHIVE, any("archive / path "), "`archive` with a `path`"),
        (&LOGGING, any("logging host ") || any("logging server "), "`logging host ADDRESS`"),
        (&NTP, any("ntp server "), "`ntp server ADDRESS`"),
    ];
    for (rule, there, what) in all {
        if !there {
            let message = format!("{} has no {what}", router.name());
            report.add(rule, router.itself(), Key::None, message, format!("Write {what}."));
        }
    }
    for what in ["ip http server", "ip http secure-server"] {
        if !router.says(&format!("no {what}")) && !any(what) {
            let message = format!("{} does not say `no {what}`", router.name());
            report.add(&HTTP, router.itself(), Key::None, message, format!("Write `no {what}`."));
        }
    }
}
