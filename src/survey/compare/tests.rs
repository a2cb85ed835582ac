//! The inventory against the Debian of the fixtures.

use super::*;
use crate::model::server::Addressing;
use crate::survey::{Mark, parse};

fn survey() -> Survey {
    let mark = Mark::new([0xab; 16]);
    let text = include_str!("../../../tests/fixtures/survey/debian12.txt").replace("@@", &mark.to_string());
    parse(text.as_bytes(), &mark).unwrap()
}

fn disk(id: &str, source: &str, gigabytes: u64, used: u64) -> Disk {
    let bytes = |gigabytes: u64| Some(gigabytes * 1_000_000_000);
    Disk {
        id: id.parse().unwrap(),
        source: Some(source.into()),
        size: bytes(gigabytes),
        used: bytes(used),
        snapshot: false,
    }
}

/// A server that is what the fixture says, but for the USB disk.
fn server() -> Server {
    Server {
        id: "cinto-srv9".parse().unwrap(),
        os: Os::Linux("Debian 12".into()),
        physical: true,
        billable: true,
        roles: vec![ServerRole::Ad],
        address: "192.0.2.19".parse().unwrap(),
        landing: Addressing::Keep,
        transfer: Transfer::Agent,
        directory: None,
        disks: vec![disk("disk0", "/dev/sda", 120, 48)],
        access: None,
        landing_access: None,
        winrm: None,
        landing_winrm: None,
        after: Vec::new(),
        services_stop: Vec::new(),
        manual_hours: None,
        machine: None,
        converter: None,
        example: true,
    }
}

fn texts(server: &Server, survey: &Survey) -> Vec<String> {
    compare(server, survey).iter().map(ToString::to_string).collect()
}

const USB: &str = "sdb: a disk of 500107862016 bytes that the inventory does not have; it would stay behind";

#[test]
fn a_disk_that_would_stay_behind_is_a_difference_and_rounded_sizes_are_none() {
    assert_eq!(texts(&server(), &survey()), [USB]);
}

#[test]
fn sizes_sources_and_use_are_compared() {
    let disks = vec![disk("disk0", "/dev/sda", 112, 40), disk("disk1", "/dev/sdz", 1, 1)];
    let server = Server { disks, ..server() };
    assert_eq!(
        texts(&server, &survey()),
        [
            "disk0: the inventory says 112000000000 bytes, the host has 120034123776",
            // The root filesystem is mounted twice and counts once.
            "disk0: the inventory says that 40000000000 bytes are used, the host uses 48064000000",
            "disk1: there is no /dev/sdz on the host",
            USB,
        ]
    );
}

#[test]
fn address_system_and_roles_are_compared() {
    let server = Server {
        os: Os::Windows("Windows 7".into()),
        roles: vec![ServerRole::Dns],
        address: "192.0.2.20".parse().unwrap(),
        ..server()
    };
    assert_eq!(
        texts(&server, &survey()),
        [
            "address: the inventory says 192.0.2.20, the host has 192.0.2.19, 10.5.0.1",
            USB,
            "system: the inventory says Windows 7, the host runs Debian GNU/Linux 12 (bookworm)",
            "role ad: the inventory does not have it, and it serves TCP 389 and TCP 88",
            "role dns: the inventory has it, and it does not serve TCP 53 and UDP 53",
        ]
    );
}

#[test]
fn another_release_is_another_system() {
    for (name, same) in
        [("Debian GNU/Linux 12", true), ("debian bookworm", true), ("Debian 11", false), ("Ubuntu", false)]
    {
        let server = Server { os: Os::Linux(name.into()), ..server() };
        let differs = compare(&server, &survey()).iter().any(|found| matches!(found, Difference::System { .. }));
        assert_eq!(differs, !same, "{name}");
    }
}

#[test]
fn a_rescue_system_is_not_the_server_but_must_not_have_mounted_its_disk() {
    let server = Server { os: Os::Windows("Windows 7".into()), transfer: Transfer::Rescue, ..server() };
    assert_eq!(
        texts(&server, &survey()),
        [
            "disk0: it is to be copied cold, and is mounted for writing on /",
            "disk0: it is to be copied cold, and is mounted for writing on /srv/dati comune",
            USB,
        ]
    );
}

#[test]
fn what_was_not_read_is_no_difference() {
    let mut survey = survey();
    survey.unread = vec!["interfaces".into(), "sockets".into()];
    survey.interfaces.clear();
    survey.ports.clear();
    assert_eq!(texts(&server(), &survey), [USB]);
}
