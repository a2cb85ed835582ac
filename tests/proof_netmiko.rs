//! netmiko, as its users have it, works with the router of the tests: it connects, becomes privileged,
//! shows, sends a configuration, finds the line that is refused, and saves. `make test` and `make
//! proof` put it into target/venv-netmiko (PyPI); it runs wherever it is there.

use crate::support::ios::{Device, Setup, show};
use crate::support::project;
use std::process::Command;

/// What a network engineer writes with netmiko, and nothing for us.
const SCRIPT: &str = r#"
import sys
from netmiko import ConnectHandler
from netmiko.exceptions import ConfigInvalidException

router = ConnectHandler(device_type=sys.argv[2], host="127.0.0.1", port=int(sys.argv[1]),
                        username="op", password="word", secret="enable-word")
print("PROMPT", router.find_prompt())
router.enable()
print("PROMPT", router.find_prompt())
print("RUNNING", len(router.send_command("show running-config").splitlines()))
brief = router.send_command("show ip interface brief", use_textfsm=True)
print("INTERFACES", [(row["interface"], row["ip_address"]) for row in brief])
router.send_config_set(["interface GigabitEthernet0/0/1", "description by netmiko",
                        "ip route 10.99.0.0 255.255.0.0 10.128.4.1 name NETMIKO"], error_pattern="%")
try:
    router.send_config_set(["ip route 10.99.0.1 255.255.0.0 10.128.4.1", "no ip domain name"], error_pattern="%")
except ConfigInvalidException as error:
    print("REFUSED", "ip route 10.99.0.1" in str(error))
router.exit_config_mode()
print("SAVED", "[OK]" in router.save_config())
print("STARTUP", router.send_command("show startup-config | include netmiko").strip())
standby = router.send_command("show standby brief", use_textfsm=True)
print("STANDBY", [sorted({"Active", "192.0.2.254", "110"} & set(row.values())) for row in standby])
router.disconnect()
"#;

fn python() -> Option<std::path::PathBuf> {
    let python = project().join("target/venv-netmiko/bin/python");
    if python.exists() {
        return Some(python);
    }
    assert!(
        std::env::var_os("TRAGHETTO_PROOF").is_none(),
        "target/venv-netmiko is not there: `make proof-packages` puts it there"
    );
    println!("not run: netmiko is not there (`make packages` puts it into target/venv-netmiko)");
    None
}

fn netmiko(python: &std::path::Path, device: &Device, kind: &str) -> String {
    let output = Command::new(python).args(["-c", SCRIPT, &device.port.to_string(), kind]).output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{errors}");
    out.into_owned()
}

#[test]
fn proof_netmiko_works_with_the_router_of_the_tests() {
    let Some(python) = python() else { return };
    let text = project().join("tests/golden/network/cinto-caomaggiore/before/cinto-cpe-a.ios");
    let text = std::fs::read_to_string(text).unwrap();
    for (kind, name) in [("cisco_ios", "cinto-cpe-a"), ("cisco_xe", "cinto-caomaggiore-cpe-primary")] {
        let text = text.replace("hostname cinto-cpe-a", &format!("hostname {name}"));
        let device = Setup::new(name, &text)
            .plain_account("op", "word", "enable-word")
            .banners("Authorized access only #\n", "Welcome >")
            .noisy()
            .start();
        let lines = device.with(|router| show::running(router)).trim_end().lines().count();
        let shown = netmiko(&python, &device, kind);
        let wanted = [
            format!("PROMPT {name}>"),
            format!("PROMPT {name}#"),
            // Nothing is lost or added between pages.
            format!("RUNNING {lines}"),
            "INTERFACES [('Loopback0', '10.255.1.4'), ('GigabitEthernet0/0/0', '10.128.4.2'), \
             ('GigabitEthernet0/0/1', '192.0.2.252')]"
                .to_owned(),
            "REFUSED True".to_owned(),
            "SAVED True".to_owned(),
            "STARTUP description by netmiko".to_owned(),
            "STANDBY [['110', '192.0.2.254', 'Active']]".to_owned(),
        ];
        assert_eq!(shown.lines().map(str::to_owned).collect::<Vec<_>>(), wanted);
        assert!(device.running().contains("ip route 10.99.0.0 255.255.0.0 10.128.4.1 name NETMIKO\n"));
        assert!(device.running().contains("ip domain name con.me.example\n"), "the line after the refused one");
        assert_eq!(device.running(), device.startup());
    }
}
