//! A real Debian is migrated as a physical machine, its clone is converted for VMware's virtual hardware,
//! and boots by itself where QEMU emulates that hardware. Part of `make proof`.

use crate::support::guest::{Guest, Hardware, Landed, Profile, migrate};
use crate::support::replica::block_on;
use traghetto::landing::convert::convert;

fn proof() -> bool {
    let wanted = std::env::var_os("TRAGHETTO_PROOF").is_some();
    if !wanted {
        println!("booting guests is part of `make proof`; conversions of small roots are part of every test run");
    }
    wanted
}

/// What was true of the source is true of the copy, and what was written to the last copy is there.
#[track_caller]
fn assert_is_the_source(landed: &Landed, guest: &Guest) {
    assert_eq!(guest.identity(), landed.identity);
    assert_eq!(guest.run("cat /root/live"), "written while it was copied\n");
    let rounds: u64 = guest.run("wc -l < /srv/data/log").trim().parse().unwrap();
    assert!(rounds >= landed.rounds, "{rounds} of {}", landed.rounds);
    let card = guest.run(&format!("cat /sys/class/net/{}/address", landed.profile.interface()));
    assert_eq!(card.trim(), crate::support::guest::CLONE_MAC);
    assert_eq!(
        guest.run("test ! -e /etc/systemd/system/multi-user.target.wants/smartmontools.service && echo off"),
        "off\n"
    );
}

fn boots_on(profile: Profile, hardware: &[Hardware]) {
    if !proof() {
        return;
    }
    let landed = migrate(profile);
    let root = landed.replica.status().unwrap().unwrap().root;
    for hardware in hardware {
        let clone = landed.clone_as(&format!("{hardware:?}"));
        let converted = landed.convert(&clone, *hardware);
        assert!(!converted.actions.is_empty());
        assert!(converted.seconds < 60.0, "{} s", converted.seconds);
        let again = block_on(convert(&clone, &landed.wish(*hardware))).unwrap();
        assert_eq!(again.actions, [], "a second run has nothing to do");
        let guest = landed.boot(&clone, *hardware);
        assert_is_the_source(&landed, &guest);
    }
    block_on(traghetto::replica::verify(&landed.replica, &mut |_| {})).unwrap();
    assert_eq!(landed.replica.status().unwrap().unwrap().root, root);
}

#[test]
fn proof_boot_of_ext4_under_bios() {
    boots_on(Profile::Ext4, &[Hardware::Paravirtual, Hardware::Sas]);
}

#[test]
fn proof_boot_under_uefi() {
    boots_on(Profile::Uefi, &[Hardware::Paravirtual, Hardware::Sas]);
}

#[test]
fn proof_boot_of_xfs_on_a_logical_volume() {
    boots_on(Profile::Xfs, &[Hardware::Paravirtual]);
}

#[test]
fn proof_boot_with_old_names_of_interfaces() {
    boots_on(Profile::Eth0, &[Hardware::Paravirtual]);
}
