//! Guests that boot by themselves: as a physical machine, migrated from it, and as its converted clone on
//! the hardware of VMware that QEMU emulates.

use super::{Guest, built, qemu, stamped};
use crate::support::replica::{block_on, run};
use crate::support::sshd::{free_port, trust_nothing};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use traghetto::landing::convert::hardware::{Controller, NicModel};
use traghetto::landing::convert::{CloneDisk, CloneDisks, Converted, Wish, convert, linux};
use traghetto::replica::{self, AgentBinary, AgentLink, DiskReplica, MapWanted, PassOptions, StartOptions};
use traghetto::world::ssh::{Deadlines, Session};

/// The hardware address of the source's card.
pub const SOURCE_MAC: &str = "52:54:00:aa:00:01";
/// That of the clone's.
pub const CLONE_MAC: &str = "00:50:56:aa:00:02";
/// The static address, which the guest's network reaches at no other.
pub const ADDRESS: &str = "10.0.2.77";

/// What a copy must share with its source: host name, addresses with interfaces, root, identity.
pub const IDENTITY: &str = "hostname; ip -4 -o addr show scope global | awk '{print $2, $4}'; ip route show default | \
     awk '{print $3, $5}'; findmnt -no UUID,FSTYPE /; cat /etc/machine-id";

/// How a source is made; tests/guest/profile.sh has the particulars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// BIOS, ext4, devices by their names.
    Ext4,
    /// UEFI, networkd by the card's address.
    Uefi,
    /// BIOS, XFS on a logical volume, `/boot` apart.
    Xfs,
    /// BIOS, old-style names of interfaces.
    Eth0,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Profile::Ext4 => "ext4",
            Profile::Uefi => "uefi",
            Profile::Xfs => "xfs",
            Profile::Eth0 => "eth0",
        }
    }

    /// The interface that holds the address on the source.
    pub fn interface(self) -> &'static str {
        if self == Profile::Eth0 { "eth0" } else { "enp0s3" }
    }

    fn is_uefi(self) -> bool {
        self == Profile::Uefi
    }

    /// The folder of the guests, with this profile's disk built.
    pub fn built(self) -> PathBuf {
        let folder = built();
        let script = crate::support::project().join("tests/guest/profile.sh");
        let stamp = folder.join(format!("{}.built-by", self.name()));
        stamped(&stamp, &std::fs::read_to_string(&script).unwrap(), || {
            run(&[script.to_str().unwrap(), folder.to_str().unwrap(), self.name()]);
        });
        folder
    }

    /// The size of its disk in bytes.
    pub fn bytes(self) -> u64 {
        std::fs::metadata(self.built().join(format!("{}.img", self.name()))).unwrap().len()
    }
}

/// The hardware of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hardware {
    /// AHCI and an e1000 in the slot that gives it the name enp0s3.
    Physical,
    /// pvscsi and vmxnet3.
    Paravirtual,
    /// LSI SAS 1068 and an e1000 in another slot.
    Sas,
}

/// Where the card of a machine is plugged in.
#[derive(Debug, Clone, Copy)]
pub enum Cable<'a> {
    /// A network of its own inside QEMU; its SSH is a port of this host.
    Own,
    /// This tap device of the calling thread's network namespace, from where its address is reached.
    Tap(&'a str),
}

impl Hardware {
    fn devices(self) -> (&'static [&'static str], &'static str) {
        match self {
            Hardware::Physical => (&["ahci,id=c0", "ide-hd,drive=d,bus=c0.0"], "e1000,addr=3"),
            Hardware::Paravirtual => (&["pvscsi,id=c0", "scsi-hd,drive=d,bus=c0.0"], "vmxnet3,addr=0x10"),
            // Linux sees no SAS disk without an address, and QEMU's has none by itself.
            Hardware::Sas => {
                (&["mptsas1068,id=c0", "scsi-hd,drive=d,bus=c0.0,wwn=0x5000c50015ea71aa"], "e1000,addr=0x10")
            }
        }
    }

    fn wished(self) -> (Controller, NicModel) {
        match self {
            Hardware::Paravirtual => (Controller::Pvscsi, NicModel::Vmxnet3),
            Hardware::Sas | Hardware::Physical => (Controller::LsiSas1068, NicModel::E1000),
        }
    }
}

/// UEFI with drivers of VMware's controllers.
fn firmware() -> PathBuf {
    let folder = built();
    let script = crate::support::project().join("tests/guest/ovmf.sh");
    stamped(&folder.join("ovmf.built-by"), &std::fs::read_to_string(&script).unwrap(), || {
        run(&[script.to_str().unwrap(), folder.to_str().unwrap()]);
    });
    folder
}

impl Guest {
    /// Boots the physical machine of a profile from a copy of its disk.
    pub fn physical(profile: Profile, cable: Cable<'_>) -> Self {
        let folder = profile.built();
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk.img");
        let image = folder.join(format!("{}.img", profile.name()));
        run(&["cp", "--sparse=always", image.to_str().unwrap(), disk.to_str().unwrap()]);
        Self::machine(profile, Hardware::Physical, cable, dir, disk)
    }

    /// Boots a disk on some hardware, from its own boot loader.
    pub fn landed(profile: Profile, hardware: Hardware, disk: PathBuf) -> Self {
        Self::machine(profile, hardware, Cable::Own, tempfile::tempdir().unwrap(), disk)
    }

    /// Boots the physical machine once more from its own disk, after its power was cut.
    pub fn again(self, profile: Profile, cable: Cable<'_>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk.img");
        std::fs::rename(&self.disk, &disk).unwrap();
        Self::machine(profile, Hardware::Physical, cable, dir, disk)
    }

    fn machine(profile: Profile, hardware: Hardware, cable: Cable<'_>, dir: tempfile::TempDir, disk: PathBuf) -> Self {
        let folder = profile.built();
        let (devices, card) = hardware.devices();
        let mut command = qemu(dir.path());
        command.args(["-drive", &format!("file={},format=raw,if=none,id=d", disk.display())]);
        for device in devices {
            command.args(["-device", device]);
        }
        let (host, port, net) = match cable {
            Cable::Own => {
                let port = free_port();
                ("127.0.0.1", port, format!("user,id=net,hostfwd=tcp:127.0.0.1:{port}-{ADDRESS}:22"))
            }
            Cable::Tap(tap) => (ADDRESS, 22, format!("tap,id=net,ifname={tap},script=no,downscript=no")),
        };
        let mac = if hardware == Hardware::Physical { SOURCE_MAC } else { CLONE_MAC };
        command.args(["-netdev", &net, "-device", &format!("{card},netdev=net,mac={mac}")]);
        if profile.is_uefi() {
            let firmware = firmware();
            let variables = dir.path().join("variables");
            std::fs::copy(firmware.join("OVMF_VARS_4M.fd"), &variables).unwrap();
            let code = format!("readonly=on,file={}", firmware.join("OVMF_CODE_4M.fd").display());
            for flash in [code, format!("file={}", variables.display())] {
                command.args(["-drive", &format!("if=pflash,format=raw,{flash}")]);
            }
            if hardware == Hardware::Physical {
                // In place of the boot entry that a physical machine has in its own memory.
                let file = |end: &str| folder.join(format!("{}.{end}", profile.name()));
                command.arg("-kernel").arg(file("vmlinuz")).arg("-initrd").arg(file("initrd"));
                command.args(["-append", "root=/dev/sda2 ro console=ttyS0 quiet mitigations=off"]);
            }
        }
        let qemu = command.spawn().unwrap();
        Self { dir, folder, disk, qemu, host, port }.waited()
    }

    /// What [`IDENTITY`] says.
    pub fn identity(&self) -> String {
        self.run(IDENTITY)
    }
}

/// A machine that was migrated: its replica, and what was true of it.
pub struct Landed {
    pub dir: tempfile::TempDir,
    pub profile: Profile,
    pub replica: DiskReplica,
    /// What [`Guest::identity`] said on the source.
    pub identity: String,
    /// The rounds of the writer in the last copy at least.
    pub rounds: u64,
}

/// Boots the physical machine of a profile and migrates it: seed and sync while it writes, a last pass
/// while it is frozen, and its power is cut.
pub fn migrate(profile: Profile) -> Landed {
    let mut guest = Guest::physical(profile, Cable::Own);
    let dir = tempfile::tempdir().unwrap();
    let replica = DiskReplica::new(&dir.path().join("replicas/server"), &"disk0".parse().unwrap());
    let identity = guest.identity();
    let rounds = block_on(async {
        let session = Session::connect(&guest.access(), &trust_nothing(), Deadlines::default()).await.unwrap();
        let agent: PathBuf = std::env::var_os("TRAGHETTO_AGENT").expect("TRAGHETTO_AGENT names the agent").into();
        let binary = AgentBinary::find(Some(agent.as_os_str()), &agent).unwrap();
        let mut link = replica::start(&session, &binary, StartOptions::default()).await.unwrap();
        pass(&mut link, &replica, MapWanted::Live).await;
        guest.run("echo written while it was copied > /root/live && sync");
        pass(&mut link, &replica, MapWanted::Live).await;
        let rounds = guest.run("sync; wc -l < /srv/data/log").trim().parse().unwrap();
        link.freeze(Path::new("/dev/sda"), Duration::from_secs(120)).await.unwrap();
        let last = pass(&mut link, &replica, MapWanted::Quiet).await;
        assert!(last > 0, "nothing was written before the freeze");
        guest.kill();
        rounds
    });
    Landed { dir, profile, replica, identity, rounds }
}

async fn pass(link: &mut AgentLink, replica: &DiskReplica, map: MapWanted) -> u64 {
    let options = PassOptions { store: "proof".to_owned(), level: 3, map, donors: Vec::new(), snapshot: false };
    let report = replica::pass(link, replica, Path::new("/dev/sda"), &options, &mut |_| {}).await.unwrap();
    println!("{map:?} pass: {:.1} s, {} chunks sent", report.duration.as_secs_f64(), report.chunks_sent);
    report.chunks_sent
}

impl Landed {
    /// A new clone of the replica, not converted.
    pub fn clone_as(&self, name: &str) -> CloneDisks {
        let folder = self.dir.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let image = folder.join("disk0.img");
        block_on(replica::clone(&self.replica, &image)).unwrap();
        let disk = CloneDisk { id: "disk0".parse().unwrap(), image, device: Some("/dev/sda".to_owned()) };
        CloneDisks::new(&folder, &self.dir.path().join("replicas"), vec![disk]).unwrap()
    }

    /// What is wished of a clone that lands on some hardware.
    pub fn wish(&self, hardware: Hardware) -> Wish {
        let (controller, model) = hardware.wished();
        let taken = linux::Interface::new(self.profile.interface(), Some(SOURCE_MAC.parse().unwrap())).unwrap();
        let card = linux::Card { model, mac: CLONE_MAC.parse().unwrap(), takes: Some(taken) };
        Wish::Linux(linux::Wish { controller, cards: vec![card], left: Vec::new() })
    }

    /// Converts a clone, and prints what was done and how long it took.
    pub fn convert(&self, clone: &CloneDisks, hardware: Hardware) -> Converted {
        let converted = block_on(convert(clone, &self.wish(hardware)))
            .unwrap_or_else(|error| panic!("{error}: {:?}; {}", std::error::Error::source(&error), error.hint()));
        for action in &converted.actions {
            println!("{action}");
        }
        println!("converted for {hardware:?} in {:.1} s ({:?})", converted.seconds, converted.way);
        converted
    }

    /// Boots a converted clone from its own boot loader.
    pub fn boot(&self, clone: &CloneDisks, hardware: Hardware) -> Guest {
        let begun = Instant::now();
        let guest = Guest::landed(self.profile, hardware, clone.disks()[0].image.clone());
        println!("{hardware:?}: logins {:.0} s after power on", begun.elapsed().as_secs_f64());
        guest
    }
}

/// Migrates the physical machine of a profile, converts its clone for pvscsi and vmxnet3, and boots it: a
/// running copy that takes logins at the source's address, with what it came from.
pub fn boot_converted(profile: Profile) -> (Landed, Guest) {
    let landed = migrate(profile);
    let clone = landed.clone_as("clone");
    landed.convert(&clone, Hardware::Paravirtual);
    let guest = landed.boot(&clone, Hardware::Paravirtual);
    (landed, guest)
}
