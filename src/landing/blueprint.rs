//! What a machine is to be: decided from the inventory, the survey and the operating system.

use super::identity::Identity;
use crate::model::DiskId;
use crate::model::machine::{Controller, Firmware, Hardware, NicModel};
use crate::model::server::{Os, Server};
use std::path::PathBuf;

/// What nobody said and nobody found out.
const CPUS: u16 = 2;
const MEMORY_MB: u32 = 4096;

/// A machine to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blueprint {
    /// Whose copy it is.
    pub identity: Identity,
    /// What boots it.
    pub firmware: Firmware,
    /// The guest's system in the words of vSphere, such as `windows7Server64Guest`.
    pub guest: String,
    /// Virtual processors.
    pub cpus: u16,
    /// Memory in MiB.
    pub memory_mb: u32,
    /// What its disks are on.
    pub controller: Controller,
    /// Its network card, which is there and not connected.
    pub nic: BlueprintNic,
    /// Its disks, in the order of their places.
    pub disks: Vec<BlueprintDisk>,
}

/// A network card to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlueprintNic {
    /// Its model.
    pub model: NicModel,
    /// Its address, such as `00:50:56:01:02:03`.
    pub mac: String,
}

/// A disk to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlueprintDisk {
    /// Which disk of the server.
    pub id: DiskId,
    /// The raw clone, where [`clone_file`](super::LandingZone::clone_file) says.
    pub image: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What the survey found on the source; what is none was not found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// What boots it.
    pub firmware: Option<Firmware>,
    /// Processors.
    pub cpus: Option<u16>,
    /// Memory in MiB.
    pub memory_mb: Option<u32>,
}

/// The machine of a server's copy. The inventory counts before the survey, and both before what is
/// usual for the operating system.
pub fn blueprint(identity: Identity, server: &Server, found: &Found, disks: Vec<BlueprintDisk>) -> Blueprint {
    let said = server.machine.clone().unwrap_or_default();
    let Hardware { cpus, memory_mb, firmware, controller, nic, guest_id } = said;
    let (usual_controller, usual_nic) = drivers(&server.os);
    let nic = BlueprintNic { model: nic.unwrap_or(usual_nic), mac: identity.mac() };
    Blueprint {
        identity,
        firmware: firmware.or(found.firmware).unwrap_or(Firmware::Bios),
        guest: guest_id.unwrap_or_else(|| guest(&server.os).to_owned()),
        cpus: cpus.or(found.cpus).unwrap_or(CPUS).max(1),
        // vSphere takes multiples of 4 MiB; a source shows a little less than it has.
        memory_mb: memory_mb.or(found.memory_mb).unwrap_or(MEMORY_MB).max(4).next_multiple_of(4),
        controller: controller.unwrap_or(usual_controller),
        nic,
        disks,
    }
}

/// Hardware for which the system has drivers of its own: a Windows without VMware Tools has none of
/// VMware's.
fn drivers(os: &Os) -> (Controller, NicModel) {
    match os {
        Os::Windows(_) => (Controller::LsiSas1068, NicModel::E1000),
        Os::Linux(_) => (Controller::Pvscsi, NicModel::Vmxnet3),
    }
}

/// Words in the printed name of a Windows, and its guest: the first that fits. Only guests that
/// vSphere 6.5 knows.
const WINDOWS: [(&[&str], &str); 14] = [
    (&["2008", "r2"], "windows7Server64Guest"),
    (&["2008", "32"], "winLonghornGuest"),
    (&["2008"], "winLonghorn64Guest"),
    (&["2003", "64"], "winNetEnterprise64Guest"),
    (&["2003"], "winNetEnterpriseGuest"),
    (&["2012"], "windows8Server64Guest"),
    (&["server"], "windows9Server64Guest"),
    (&["windows 7", "32"], "windows7Guest"),
    (&["windows 7"], "windows7_64Guest"),
    (&["xp"], "winXPProGuest"),
    (&["vista"], "winVistaGuest"),
    (&["windows 8"], "windows8_64Guest"),
    (&["32"], "windows9Guest"),
    (&[], "windows9_64Guest"),
];

/// The same of a Linux.
const LINUX: [(&[&str], &str); 17] = [
    (&["32"], "otherLinuxGuest"),
    (&["debian", "6"], "debian6_64Guest"),
    (&["debian", "7"], "debian7_64Guest"),
    (&["debian", "8"], "debian8_64Guest"),
    (&["debian", "9"], "debian9_64Guest"),
    (&["debian"], "debian10_64Guest"),
    (&["ubuntu"], "ubuntu64Guest"),
    (&["centos", "6"], "centos6_64Guest"),
    (&["centos"], "centos7_64Guest"),
    (&["red hat", "5"], "rhel5_64Guest"),
    (&["red hat", "6"], "rhel6_64Guest"),
    (&["red hat"], "rhel7_64Guest"),
    (&["oracle"], "oracleLinux7_64Guest"),
    (&["suse", "11"], "sles11_64Guest"),
    (&["suse"], "sles12_64Guest"),
    (&["fedora"], "fedora64Guest"),
    (&[], "other3xLinux64Guest"),
];

/// The guest of a system, in the words of vSphere.
fn guest(os: &Os) -> &'static str {
    let (name, list, last) = match os {
        Os::Windows(name) => (name.to_lowercase(), &WINDOWS[..], "windows9_64Guest"),
        Os::Linux(name) => (name.to_lowercase(), &LINUX[..], "other3xLinux64Guest"),
    };
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    // A word of digits must stand alone: the 8 of 2008 is no Windows 8, nor the 6 of 2016 a Debian 6.
    let has = |wanted: &&str| match wanted.rsplit_once(' ') {
        _ if wanted.bytes().all(|byte| byte.is_ascii_digit()) => words.contains(wanted) || is_bits(&words, wanted),
        Some((_, version)) => name.contains(wanted) && words.contains(&version),
        None => name.contains(wanted),
    };
    list.iter().find(|(wanted, _)| wanted.iter().all(has)).map_or(last, |(_, guest)| guest)
}

/// `x86` or `32bit` says the same as `32`.
fn is_bits(words: &[&str], wanted: &str) -> bool {
    wanted == "32" && words.iter().any(|word| ["x86", "32bit", "i386", "i686"].contains(word))
        || wanted == "64" && words.iter().any(|word| ["x64", "64bit", "amd64"].contains(word))
}

#[cfg(test)]
mod tests;
