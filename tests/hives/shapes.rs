//! Hives grown to the shape of a 2008 R2 and a 7: what the conversion looks at, and much that it must not touch.

use crate::support::hive::Key;

/// The class of network adapters.
const NET: &str = "{4D36E972-E325-11CE-BFC1-08002BE10318}";
pub const FRONT: &str = "{11111111-AAAA-4BBB-8CCC-000000000001}";
pub const BACK: &str = "{22222222-AAAA-4BBB-8CCC-000000000002}";
pub const GHOST: &str = "{33333333-AAAA-4BBB-8CCC-000000000003}";
pub const LOOPBACK: &str = "{44444444-AAAA-4BBB-8CCC-000000000004}";

/// A server with two static cards, the ghost of one, a loopback adapter, HP's agents, two control sets.
pub fn server_2008_r2() -> Key {
    let mut root = system(1, 1, 2, &["ControlSet001", "ControlSet002"]);
    for set in ["ControlSet001", "ControlSet002"] {
        let set = root.at(set);
        storage(set);
        adapter(set, FRONT, "Connessione alla rete locale (LAN)", "B06BDRV\\L2ND&PCI_163914E4&SUBSYS_02361028\\5&1", 7);
        address(
            set,
            FRONT,
            &["10.1.2.10", "10.1.2.11"],
            &["255.255.255.0", "255.255.255.0"],
            &["10.1.2.1"],
            "10.1.2.5,10.1.2.6",
        );
        mirror(set, FRONT, "10.1.2.10");
        set.at(&format!("Services\\NetBT\\Parameters\\Interfaces\\Tcpip_{FRONT}"))
            .list("NameServerList", &["10.1.2.7"])
            .dword("NetbiosOptions", 1);
        adapter(set, BACK, "Backup", "PCI\\VEN_8086&DEV_10C9&SUBSYS_A03C8086&REV_01\\4&2", 8);
        address(set, BACK, &["192.168.77.10"], &["255.255.255.252"], &[], "");
        // The board of years ago: its card is gone, its address is not.
        adapter(set, GHOST, "Connessione alla rete locale (LAN) 2", "PCI\\VEN_8086&DEV_1076\\3&9", 5);
        address(set, GHOST, &["10.1.2.10"], &["255.255.255.0"], &["10.1.2.1"], "10.1.2.5");
        adapter(set, LOOPBACK, "Loopback", "ROOT\\NET\\0000", 9);
        address(set, LOOPBACK, &["192.0.2.1"], &["255.255.255.255"], &[], "");
        agent(set, "CqMgHost", "%SystemRoot%\\system32\\CpqMgmt\\cqmghost\\cqmghost.exe");
        agent(set, "sysdown", "%SystemRoot%\\system32\\sysdown.exe");
        // A driver that has the name of an agent.
        set.at("Services\\ProLiantMonitor").dword("Type", 1).dword("Start", 3);
    }
    root
}

/// A workstation with a static card and one with DHCP; the second of three control sets starts.
pub fn windows_7() -> Key {
    let mut root = system(2, 2, 1, &["ControlSet001", "ControlSet002", "ControlSet003"]);
    for name in ["ControlSet001", "ControlSet002"] {
        let set = root.at(name);
        storage(set);
        adapter(set, FRONT, "Connessione alla rete locale (LAN)", "PCI\\VEN_10EC&DEV_8168\\4&1", 7);
        address(set, FRONT, &["10.9.0.44"], &["255.255.0.0"], &["10.9.0.1"], "10.9.0.2");
        adapter(set, BACK, "Connessione rete wireless", "PCI\\VEN_8086&DEV_4237\\4&2", 8);
        set.at(&format!("Services\\Tcpip\\Parameters\\Interfaces\\{BACK}"))
            .dword("EnableDHCP", 1)
            .text("DhcpIPAddress", "172.16.0.9")
            .text("NameServer", "9.9.9.9");
    }
    // Left of a failed start, named by nothing.
    root.at("ControlSet003\\Services\\Beep").dword("Start", 1).dword("Type", 1);
    // Once it is as it is wished.
    root.at("ControlSet001\\Services\\LSI_SAS").dword("Start", 0);
    root
}

fn system(current: u32, default: u32, good: u32, sets: &[&str]) -> Key {
    let mut root = Key::root();
    root.at("Select")
        .dword("Current", current)
        .dword("Default", default)
        .dword("Failed", 0)
        .dword("LastKnownGood", good);
    root.at("Setup").text("CmdLine", "").dword("SetupType", 0).dword("SystemSetupInProgress", 0);
    root.at("MountedDevices").raw("\\DosDevices\\C:", 3, &[0xd1, 0x0f, 3, 4, 0, 0, 0x10, 0, 0, 0, 0, 0]);
    root.at("WPA\\A\"b\"").raw("", 3, &[7; 40]).raw("odd\\name", 0, &[]);
    for set in sets {
        let set = root.at(set);
        set.at("Control")
            .text("CurrentUser", "USERNAME")
            .expanded("SystemBootDevice", "multi(0)disk(0)rdisk(0)partition(2)");
        set.at("Control\\Session Manager").list("BootExecute", &["autocheck autochk *", ""]).raw("Big", 3, &[9; 9000]);
        set.at("Control\\CriticalDeviceDatabase\\pci#cc_010601").text("Service", "msahci");
        for number in 0..450 {
            let service = set.at(&format!("Services\\Filler{number:03}"));
            service.dword("Type", 0x20).dword("Start", number % 5).dword("ErrorControl", 1);
            service
                .expanded("ImagePath", "%SystemRoot%\\System32\\svchost.exe -k netsvcs")
                .text("Description", "È così");
            service.at("Parameters").expanded("ServiceDll", "%SystemRoot%\\System32\\filler.dll");
        }
    }
    root
}

fn storage(set: &mut Key) {
    for (name, file, start) in
        [("LSI_SAS", "lsi_sas", 3), ("LSI_SCSI", "lsi_scsi", 3), ("atapi", "atapi", 0), ("MegaSR", "MegaSR", 0)]
    {
        set.at(&format!("Services\\{name}"))
            .dword("Type", 1)
            .dword("Start", start)
            .dword("ErrorControl", 3)
            .text("Group", "SCSI Miniport")
            .dword("Tag", 64)
            .expanded("ImagePath", &format!("\\SystemRoot\\system32\\DRIVERS\\{file}.sys"));
    }
    // As bare as a service can be.
    set.at("Services\\intelide").dword("Type", 1).dword("Start", 3);
}

fn adapter(set: &mut Key, guid: &str, name: &str, device: &str, number: u32) {
    let driver = format!("{}\\{number:04}", NET.to_lowercase());
    set.at(&format!("Control\\Network\\{NET}\\{guid}\\Connection")).text("Name", name).text("PnpInstanceID", device);
    set.at(&format!("Control\\Class\\{driver}")).text("NetCfgInstanceId", guid).text("DriverDesc", name);
    set.at(&format!("Enum\\{device}")).text("Driver", &driver).dword("ConfigFlags", 0);
}

fn address(set: &mut Key, guid: &str, addresses: &[&str], masks: &[&str], gateways: &[&str], dns: &str) {
    let key = set.at(&format!("Services\\Tcpip\\Parameters\\Interfaces\\{guid}"));
    key.dword("UseZeroBroadcast", 0).dword("EnableDHCP", 0).list("IPAddress", addresses).list("SubnetMask", masks);
    key.list("DefaultGateway", gateways).text("NameServer", dns).text("Domain", "");
    if !gateways.is_empty() {
        key.list("DefaultGatewayMetric", &vec!["0"; gateways.len()]);
    }
}

fn mirror(set: &mut Key, guid: &str, address: &str) {
    let key = set.at(&format!("Services\\{guid}\\Parameters\\Tcpip"));
    key.dword("EnableDHCP", 0).list("IPAddress", &[address]).list("SubnetMask", &["255.255.255.0"]);
}

fn agent(set: &mut Key, name: &str, image: &str) {
    set.at(&format!("Services\\{name}")).dword("Type", 0x10).dword("Start", 2).expanded("ImagePath", image);
}

/// A SOFTWARE hive that names this version.
pub fn software(version: &str) -> Key {
    let mut root = Key::root();
    root.at("Microsoft\\Windows NT\\CurrentVersion").text("CurrentVersion", version).text("ProductName", "Windows");
    root
}
