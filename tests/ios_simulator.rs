//! The router of the tests behaves as IOS does: under OpenSSH, and line by line.
//! Needs the Debian package openssh-client.

use crate::support::ios::{Device, Setup, neighbours};
use crate::support::sshd::keygen;
use crate::support::{golden, project};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

fn text(path: &str) -> String {
    std::fs::read_to_string(project().join("tests/golden/network").join(path)).unwrap()
}

fn cpe() -> String {
    text("cinto-caomaggiore/before/cinto-cpe-a.ios")
}

/// What OpenSSH shows when `typed` is typed into a session; ^Z is \x1a.
fn session(device: &Device, key: &std::path::Path, user: &str, typed: &str) -> String {
    let mut child = Command::new("ssh")
        .args(["-tt", "-e", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "LogLevel=INFO", "-o", "IdentitiesOnly=yes", "-p", &device.port.to_string(), "-i"])
        .arg(key)
        .arg(format!("{user}@127.0.0.1"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

struct Bench {
    device: Device,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        keygen(&dir.path().join("key"), "ed25519");
        let public = std::fs::read_to_string(dir.path().join("key.pub")).unwrap();
        let device = Setup::new("cinto-cpe-a", &cpe())
            .key("admin", &public)
            .plain_account("op", "word", "enable-word")
            .banners("Authorized access only\n", "Welcome")
            .start();
        Self { device, dir }
    }

    /// What an administrator sees who types this.
    fn types(&self, typed: &str) -> String {
        session(&self.device, &self.dir.path().join("key"), "admin", typed)
    }
}

#[test]
fn openssh_sees_a_router() {
    let bench = Bench::new();
    let shown = bench.types("terminal length 0\rsh ver\rconf t\rint gi 0/0/1\rdescription x\r\x1aexit\r");
    assert!(shown.contains("Authorized access only"), "{shown}");
    assert!(
        shown.contains("Welcome\r\n\r\ncinto-cpe-a#terminal length 0\r\ncinto-cpe-a#sh ver\r\nCisco IOS XE"),
        "{shown}"
    );
    assert!(shown.contains("Processor board ID FDO2140A"), "{shown}");
    assert!(shown.contains("cinto-cpe-a(config-if)#^Z\r\ncinto-cpe-a#exit"), "{shown}");
    assert!(bench.device.running().contains(" description x\n"));
    assert!(!bench.device.startup().contains(" description x\n"));
}

#[test]
fn every_rendered_text_is_taken_whole_and_printed_alike() {
    for path in [
        "cinto-caomaggiore/after/cinto-cpe-a.ios",
        "cinto-caomaggiore/after/cinto-cpe-b.ios",
        "ponte-lungo/after/ponte-lungo-cpe-a.ios",
        "ponte-lungo/after/ponte-lungo-cpe-b.ios",
        "isola-bassa/after/isola-cpe-a.ios",
        "hub/after/sad-ce-1.ios",
    ] {
        let device = Setup::new("r", &text(path)).start();
        let printed = device.running();
        device.reset(&printed);
        assert_eq!(device.running(), printed, "{path}");
    }
    let device = Setup::new("r", &text("cinto-caomaggiore/after/cinto-cpe-a.ios")).start();
    golden("ios/cinto-cpe-a.running", &device.running());
}

#[test]
fn a_change_that_nobody_confirms_goes_back() {
    let bench = Bench::new();
    let before = bench.device.running();
    let shown = bench.types("conf t revert timer 5\rno ip route 10.255.10.0 255.255.255.0 10.128.4.1\rend\rexit\r");
    assert!(
        shown.contains("Rollback Confirmed Change: Backing up current running config to bootflash:arch-"),
        "{shown}"
    );
    assert_ne!(bench.device.running(), before);
    bench.device.advance(Duration::from_secs(299));
    assert_ne!(bench.device.running(), before);
    bench.device.advance(Duration::from_secs(1));
    assert_eq!(bench.device.running(), before);
    assert_eq!(bench.device.startup(), before);
    bench.types("conf t revert timer 5\rno ip domain name\rend\rconfigure confirm\rexit\r");
    bench.device.advance(Duration::from_secs(600));
    assert_ne!(bench.device.running(), before);
    let shown = bench.types("configure confirm\rexit\r");
    assert!(shown.contains("%No Rollback Confirmed Change pending"), "{shown}");
}

/// What the router says to each line: nothing, or what the answer must contain.
const LINES: &[(&str, &str)] = &[
    // Words are completed; the caret stands below the word that fits nowhere.
    ("int gi0/0/1", ""),
    ("ip addr 192.0.2.252 255.255.255.0", ""),
    (
        "ip address 192.0.2.252 255.255.255",
        "                                        ^\n% Invalid input detected at '^' marker.",
    ),
    ("ip address 192.0.2.252", "% Incomplete command."),
    ("ip address 192.0.2.252 255.0.255.0", "Bad mask 255.0.255.0 for address 192.0.2.252"),
    ("ip address 192.0.2.255 255.255.255.0", "Bad mask /24 for address 192.0.2.255"),
    ("ip address 10.128.4.1 255.255.255.0", "% 10.128.4.0 overlaps with GigabitEthernet0/0/0"),
    ("ip", "% Incomplete command."),
    ("s", "% Ambiguous command:  \"s\""),
    ("vrf forwarding NOWHERE", "% VRF NOWHERE not configured."),
    ("service-policy output NOTHING", "% policy map NOTHING not configured"),
    ("standby 300 ip 192.0.2.9", ""),
    ("standby 10 ip 192.0.2.252", "% Address cannot equal interface IP address"),
    ("standby 10 priority 256", "^"),
    ("no standby 300", ""),
    ("standby version 1", ""),
    ("standby 300 ip 192.0.2.9", "% Group number is out of range for HSRP version 1"),
    ("standby version 2", ""),
    ("ip proxy-arp", ""),
    ("no ip proxy-arp", ""),
    ("default ip proxy-arp", ""),
    // A command of the global level leaves the interface.
    ("ip route 10.1.1.1 255.255.255.0 10.128.4.1", "%Inconsistent address and mask"),
    ("ip route 10.1.1.0 255.255.255.0 10.128.4.2", "%Invalid next hop address (it's this router)"),
    ("ip route vrf NOWHERE 10.1.1.0 255.255.255.0 10.128.4.1", "% VRF NOWHERE does not exist"),
    ("no ip route 10.1.1.0 255.255.255.0 10.128.4.1", "%No matching route to delete"),
    ("ip route 10.1.1.0 255.255.255.0 10.128.4.1 200 name A", ""),
    ("ip route 10.1.1.0 255.255.255.0 10.128.4.1 track 100 name B", ""),
    ("ip sla 10", "Entry already running and cannot be modified"),
    (
        "track 10 interface GigabitEthernet0/0/0 line-protocol",
        "Cannot change tracked object 10 - delete old config first",
    ),
    ("track 77", "% Incomplete command."),
    ("no interface GigabitEthernet0/0/0", "% Removal of physical interfaces is not permitted"),
    ("no policy-map WAN-CHILD", "is being used"),
    ("no class-map match-any EF", "is being used"),
    ("no vrf definition NOWHERE", "% VRF NOWHERE does not exist"),
    ("policy-map P", ""),
    ("class NOTHING", "% class map NOTHING not configured"),
    ("ip access-list extended X", ""),
    ("permit tcp any any eq 80", ""),
    ("permit icmp any any eq 80", "^"),
    ("permit tcp any", "% Incomplete command."),
    ("frobnicate", "^"),
    ("do show clock", "CET"),
    ("do frobnicate", "% Unknown command"),
];

#[test]
fn lines_are_taken_and_refused_as_ios_does() {
    let device = Setup::new("cinto-cpe-a", &cpe()).start();
    let mut console = device.console();
    console.types("configure terminal\r");
    for (line, answer) in LINES {
        let shown = console.types(&format!("{line}\r"));
        let said = shown.split_once('\n').unwrap().1;
        let said = said.rsplit_once('\n').map_or("", |(said, _)| said);
        if answer.is_empty() {
            assert_eq!(said, "", "{line}");
        } else {
            assert!(format!("\n{said}").contains(answer), "{line}:\n{shown}");
        }
    }
    let running = device.running();
    for line in ["ip route 10.1.1.0 255.255.255.0 10.128.4.1 track 100 name B\n", " permit tcp any any eq www\n"] {
        assert!(running.contains(line), "{line}");
    }
    assert!(!running.contains("name A\n") && !running.contains("ip proxy-arp\n standby"));
}

#[test]
fn what_a_command_takes_with_it() {
    let device = Setup::new("sad-ce-1", &text("hub/after/sad-ce-1.ios")).start();
    let mut console = device.console();
    let shown = console.types("conf t\rint gi0/0/1.204\rvrf forwarding ISOLA\r");
    let said = "% Interface GigabitEthernet0/0/1.204 IPv4 disabled and address(es) removed due to enabling VRF ISOLA";
    assert!(shown.contains(said), "{shown}");
    assert!(shown.ends_with("sad-ce-1(config-subif)#"), "{shown}");
    let shown = console.types("interface GigabitEthernet0/0/1.999\rip address 10.9.9.1 255.255.255.0\r");
    assert!(shown.contains("% Configuring IP routing on a LAN subinterface is only allowed"), "{shown}");
    let shown = console.types("no vrf definition CINTO\r");
    assert!(shown.contains("% IPv4 and IPv6 addresses from all interfaces in VRF CINTO have been removed"), "{shown}");
    assert!(!device.running().contains("ip route vrf CINTO") && !device.running().contains("vrf forwarding CINTO"));
    console.types("no ip sla 41\r");
    assert!(!device.running().contains("\nip sla 41\n") && !device.running().contains("schedule 41"));
    let shown = console.types("default interface GigabitEthernet0/0/1.241\r");
    assert!(shown.contains("Interface GigabitEthernet0/0/1.241 set to default configuration"), "{shown}");
    assert!(device.running().contains("interface GigabitEthernet0/0/1.241\n no ip address\n!\n"));
    console.types("interface Loopback9\rdescription x\rip address 10.9.9.9 255.255.255.255\rno interface Loopback9\r");
    assert!(!device.running().contains("Loopback9"));
}

#[test]
fn prompts_pages_and_questions() {
    let device =
        Setup::new("r", &cpe().replace("hostname cinto-cpe-a", "hostname cinto-caomaggiore-cpe-primary")).start();
    let mut console = device.console();
    let shown = console.types("conf t\rip sla 77\ricmp-echo 10.0.0.1\rfrequency 9\rexit\rexit\rexit\r");
    let prompts: Vec<&str> = shown.lines().map(|line| line.split('#').next().unwrap()).skip(2).collect();
    assert_eq!(
        prompts,
        [
            "cinto-caomaggiore-cp(config)",
            "cinto-caomaggiore-cp(config-ip-sla)",
            "cinto-caomaggiore-cp(config-ip-sla-echo)",
            "cinto-caomaggiore-cp(config-ip-sla-echo)",
            "cinto-caomaggiore-cp(config-ip-sla)",
            "cinto-caomaggiore-cp(config)",
            "cinto-caomaggiore-cpe-primary",
        ]
    );
    let shown = console.types("terminal length 10\rshow run\r");
    assert!(shown.ends_with("\n --More-- "), "{shown}");
    assert!(console.types(" ").ends_with(" --More-- "));
    assert!(console.types("q").ends_with("cinto-caomaggiore-cpe-primary#"));
    assert!(console.types("reload in 5\r").ends_with("System configuration has been modified. Save? [yes/no]: "));
    assert!(console.types("no\r").ends_with("Proceed with reload? [confirm]"));
    console.types("\r");
    assert!(console.types("reload cancel\r").contains("--- SHUTDOWN ABORTED ---"));
    let shown = console.types("copy run start\r");
    assert!(shown.ends_with("Destination filename [startup-config]? "), "{shown}");
    assert!(console.types("\r").contains("[OK]"));
    assert_eq!(device.running(), device.startup());
    console.types("conf t\rno ip domain name\rend\rreload in 5\rno\r\r");
    device.advance(Duration::from_secs(300));
    assert_eq!(device.running(), device.startup());
}

#[test]
fn what_archive_and_replace_say() {
    let device = Setup::new("r", &cpe()).start();
    let mut console = device.console();
    console.types("archive config\r");
    let shown = console.types("show archive\r");
    assert!(shown.contains("There are currently 1 archive configurations saved."), "{shown}");
    let before = device.running();
    console.types("conf t\rno ip domain name\rend\r");
    let shown = console.types("configure replace nvram:startup-config force\r");
    assert!(shown.contains("Total number of passes: 1\nRollback Done"), "{shown}");
    assert_eq!(device.running(), before);
    device.with(|router| router.replace_fails = true);
    console.types("conf t\rno ip domain name\rend\r");
    let shown = console.types("configure replace nvram:startup-config force\r");
    assert!(shown.contains("Rollback aborted after 5 passes"), "{shown}");
    assert_ne!(device.running(), before);
    let shown = console.types("configure replace flash:nothing force\r");
    assert!(shown.contains("%Error opening flash:nothing (No such file or directory)"), "{shown}");
    console.types("conf t revert timer 3\rend\r");
    let shown = console.types("show archive config rollback timer\r");
    assert!(shown.contains("Timer type: absolute timer\nTimer value: 3 min\n"), "{shown}");
    let shown = console.types("configure revert now\r");
    assert!(shown.contains("Rollback Confirmed Change: rolling to:bootflash:arch-"), "{shown}");
    console.types("conf t\rno archive\rend\r");
    let shown = console.types("conf t revert timer 3\r");
    assert!(shown.contains("%Turn config archive on before using Rollback Confirmed Change"), "{shown}");
    assert!(console.types("show archive\r").contains("Archive feature not enabled"));
}

#[test]
fn two_routers_of_a_lan_agree_who_is_active() {
    let a = Setup::new("a", &cpe()).start();
    let b = Setup::new("b", &text("cinto-caomaggiore/before/cinto-cpe-b.ios")).start();
    neighbours(&[&a, &b]);
    let state = |device: &Device| device.console().types("show standby brief\r").lines().nth(4).unwrap().to_owned();
    assert_eq!(state(&a), "Gi0/0/1     10   110 P Active  local           192.0.2.253     192.0.2.254");
    assert_eq!(state(&b), "Gi0/0/1     10   100 P Standby 192.0.2.252     local           192.0.2.254");
    a.with(|router| router.down_tracks.insert(10));
    assert_eq!(state(&a), "Gi0/0/1     10   90  P Standby 192.0.2.253     local           192.0.2.254");
    let route = a.console().types("show ip route 10.64.4.5\r");
    assert!(route.contains("Known via \"static\", distance 200") && route.contains("* 192.0.2.253\n"), "{route}");
    let brief = a.console().types("show track brief\r");
    assert!(brief.contains("100   list                                   boolean and      Down"), "{brief}");
}
