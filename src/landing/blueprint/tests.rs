use super::*;
use crate::landing::identity::Purpose;
use crate::landing::sample;

fn of(os: Os, said: Option<Hardware>, found: Found) -> Blueprint {
    let (tenant, mut server) = sample();
    (server.os, server.machine) = (os, said);
    blueprint(Identity::new("s", &tenant, &server, Purpose::Test), &server, &found, Vec::new())
}

#[test]
fn a_windows_lands_on_hardware_that_it_has_drivers_for() {
    for name in ["Windows 7", "Windows Server 2008 R2", "Windows Server 2012 R2"] {
        let machine = of(Os::Windows(name.to_owned()), None, Found::default());
        assert_eq!((machine.controller, machine.nic.model), (Controller::LsiSas1068, NicModel::E1000), "{name}");
        assert_eq!((machine.firmware, machine.cpus, machine.memory_mb), (Firmware::Bios, 2, 4096));
    }
    let machine = of(Os::Linux("Debian 9".to_owned()), None, Found::default());
    assert_eq!((machine.controller, machine.nic.model), (Controller::Pvscsi, NicModel::Vmxnet3));
    assert_eq!(machine.nic.mac, machine.identity.mac());
}

#[test]
fn the_inventory_counts_before_the_survey_and_both_before_what_is_usual() {
    let found = Found { firmware: Some(Firmware::Uefi), cpus: Some(6), memory_mb: Some(7_981) };
    let machine = of(Os::Windows("Windows 7".to_owned()), None, found);
    assert_eq!((machine.firmware, machine.cpus, machine.memory_mb), (Firmware::Uefi, 6, 7_984));
    let said = Hardware {
        cpus: Some(1),
        controller: Some(Controller::Ide),
        nic: Some(NicModel::Vmxnet3),
        guest_id: Some("otherGuest".to_owned()),
        ..Hardware::default()
    };
    let machine = of(Os::Windows("Windows 7".to_owned()), Some(said), found);
    assert_eq!((machine.firmware, machine.cpus, machine.memory_mb), (Firmware::Uefi, 1, 7_984));
    assert_eq!((machine.controller, machine.nic.model), (Controller::Ide, NicModel::Vmxnet3));
    assert_eq!(machine.guest, "otherGuest");
}

#[test]
fn guests_are_told_by_the_printed_name() {
    let windows = [
        ("Windows Server 2008 R2", "windows7Server64Guest"),
        ("Windows Server 2008", "winLonghorn64Guest"),
        ("Windows Server 2008 x86", "winLonghornGuest"),
        ("Windows Server 2003", "winNetEnterpriseGuest"),
        ("Windows Server 2012 R2", "windows8Server64Guest"),
        ("Windows Server 2016", "windows9Server64Guest"),
        ("Windows 7", "windows7_64Guest"),
        ("Windows 7 (32 bit)", "windows7Guest"),
        ("Windows XP", "winXPProGuest"),
        ("Windows 8.1", "windows8_64Guest"),
        ("Windows 10", "windows9_64Guest"),
    ];
    let linux = [
        ("Debian 9", "debian9_64Guest"),
        ("Debian GNU/Linux 12", "debian10_64Guest"),
        ("Ubuntu 16.04", "ubuntu64Guest"),
        ("CentOS 6.10", "centos6_64Guest"),
        ("CentOS 7", "centos7_64Guest"),
        ("SUSE Linux Enterprise 11", "sles11_64Guest"),
        ("Slackware 14", "other3xLinux64Guest"),
    ];
    for (name, wanted) in windows {
        assert_eq!(guest(&Os::Windows(name.to_owned())), wanted, "{name}");
    }
    for (name, wanted) in linux {
        assert_eq!(guest(&Os::Linux(name.to_owned())), wanted, "{name}");
    }
}
