//! Login, logging, time and hardening as they are meant.

use super::{at, name};
use crate::network::device::Device;
use crate::network::device::filter::{AccessList, Entry, Terminal};
use crate::network::router::{Baseline, RouterPlan};
use ipnetwork::Ipv4Network;

/// What every router has, whatever its plan.
pub(super) const ALWAYS: [&str; 34] = [
    "service timestamps debug datetime msec localtime show-timezone",
    "service timestamps log datetime msec localtime show-timezone",
    "service password-encryption",
    "service tcp-keepalives-in",
    "service tcp-keepalives-out",
    "no service pad",
    "no ip http server",
    "no ip http secure-server",
    "no ip source-route",
    "no ip bootp server",
    "no ip domain lookup",
    "aaa new-model",
    "aaa authentication login VTY group tacacs+ local",
    "aaa authentication enable default group tacacs+ enable",
    "aaa authorization console",
    "aaa authorization exec default group tacacs+ local if-authenticated",
    "aaa accounting commands 15 default start-stop group tacacs+",
    "username breakglass privilege 15 secret <secret>",
    "archive",
    "archive / log config",
    "archive / log config / logging enable",
    "archive / log config / hidekeys",
    "archive / path bootflash:arch-$h-$t",
    "archive / maximum 14",
    "archive / write-memory",
    "clock timezone CET 1 0",
    "clock summer-time CEST recurring last Sun Mar 2:00 last Sun Oct 3:00",
    "ip ssh version 2",
    "ip ssh time-out 60",
    "ip ssh authentication-retries 3",
    "ip ssh server algorithm encryption aes256-ctr aes128-ctr",
    "ip ssh server algorithm mac hmac-sha2-256 hmac-sha2-512",
    "logging buffered 64000 informational",
    "snmp-server view RO iso included",
];

/// Adds what `baseline` means.
pub(super) fn add(device: &mut Device, router: &RouterPlan, baseline: &Baseline) {
    device.settings.extend(ALWAYS.map(name));
    let mut say = |text: std::fmt::Arguments<'_>| device.settings.push(name(text));
    say(format_args!("snmp-server group NOC v3 priv read RO access MGMT"));
    say(format_args!("ip domain name {}", baseline.domain));
    say(format_args!("logging host {}", baseline.syslog));
    say(format_args!("ntp server {} prefer", baseline.ntp));
    say(format_args!("tacacs server {}1", baseline.mark));
    say(format_args!("tacacs server {}1 / address ipv4 {}", baseline.mark, baseline.tacacs));
    say(format_args!("tacacs server {}1 / key <secret>", baseline.mark));
    say(format_args!("tacacs server {}1 / timeout 3", baseline.mark));
    if router.ipsec {
        say(format_args!("aaa authorization network FLEX local"));
    }
    if let Some(source) = &baseline.source {
        say(format_args!("logging source-interface {source}"));
        say(format_args!("ip tacacs source-interface {source}"));
        say(format_args!("ntp source {source}"));
    }
    device.access_lists.push(admitted(baseline));
    device.terminals.extend(terminals());
}

/// Who may log in: the operations host, the management network, and every other attempt is logged.
fn admitted(baseline: &Baseline) -> AccessList {
    let admitted = |network: Ipv4Network| Entry {
        permit: true,
        protocol: "ip".to_owned(),
        source: Some(network).filter(|network| network.prefix() > 0),
        source_port: None,
        destination: None,
        destination_port: None,
        options: Vec::new(),
    };
    let network = admitted(baseline.management);
    let others = Entry { permit: false, source: None, options: vec!["log".to_owned()], ..network.clone() };
    let host = baseline.operations.map(|host| admitted(Ipv4Network::from(host)));
    let entries = host.into_iter().chain([network, others]).map(at).collect();
    AccessList { name: name("MGMT"), standard: true, entries }
}

fn terminals() -> [Terminal; 3] {
    let console = Terminal {
        name: name("con 0"),
        access_class: None,
        transport_input: None,
        transport_output: None,
        exec_timeout: Some(at((10, 0))),
        login: Some(name("VTY")),
        logging_synchronous: true,
    };
    let ssh = Terminal {
        name: name("vty 0 4"),
        access_class: Some(name("MGMT")),
        transport_input: Some(name("ssh")),
        transport_output: Some(name("none")),
        logging_synchronous: false,
        ..console.clone()
    };
    let closed = Terminal {
        name: name("vty 5 15"),
        access_class: None,
        transport_input: Some(name("none")),
        transport_output: None,
        exec_timeout: None,
        login: None,
        logging_synchronous: false,
    };
    [console, ssh, closed]
}
