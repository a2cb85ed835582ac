//! What a virtual machine is to be: typed values, without a wire.

use super::wire::Moref;
use crate::untrusted::{is_unprintable, printable};
use std::fmt;

pub use crate::model::machine::{Controller, Firmware, NicModel};

/// Most network cards of a machine.
const MOST_NICS: usize = 10;

/// A file on a datastore: `[staging] cinto/dc1/dc1.vmdk`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatastoreFile {
    /// The datastore's name.
    pub datastore: String,
    /// The path in it, without a slash in front.
    pub path: String,
}

impl fmt::Display for DatastoreFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", printable(&self.datastore), printable(&self.path))
    }
}

impl DatastoreFile {
    /// A file.
    pub fn new(datastore: &str, path: &str) -> Self {
        Self { datastore: datastore.to_owned(), path: path.to_owned() }
    }

    /// As the server writes it.
    pub(super) fn wire(&self) -> String {
        format!("[{}] {}", self.datastore, self.path)
    }

    /// Why the server would take it for another file.
    pub(super) fn problem(&self) -> Option<String> {
        let strange = |part: &str| part.is_empty() || part == "." || part == "..";
        let wrong = self.datastore.is_empty()
            || self.datastore.contains([']', '['])
            || self.path.split('/').any(strange)
            || self.datastore.chars().chain(self.path.chars()).any(is_unprintable);
        wrong.then(|| format!("`{self}` is no file on a datastore"))
    }
}

/// A disk of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The descriptor that is there already; none for one that an import fills.
    pub file: Option<DatastoreFile>,
    /// Its size.
    pub bytes: u64,
}

/// A network to plug into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// A port group of standard switches.
    Standard {
        /// Its object.
        object: Moref,
        /// Its name.
        name: String,
    },
    /// A port group of a distributed switch.
    Distributed {
        /// Its object.
        object: Moref,
        /// Its key.
        key: String,
        /// The switch.
        switch: String,
    },
}

impl Network {
    /// Its object.
    pub fn object(&self) -> &Moref {
        match self {
            Network::Standard { object, .. } | Network::Distributed { object, .. } => object,
        }
    }
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// Its model.
    pub model: NicModel,
    /// Where its cable goes.
    pub network: Network,
    /// Its address; none lets the server choose.
    pub mac: Option<String>,
    /// Whether the cable is plugged in at power on.
    pub start_connected: bool,
    /// Whether it is plugged in now.
    pub connected: bool,
}

/// A machine to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// Its name in its folder.
    pub name: String,
    /// Whose copy it is: by this we know it again.
    pub id: String,
    /// The UUID of its BIOS, by which it is found wherever it was moved to; none lets the server choose.
    pub uuid: Option<String>,
    /// The guest's system, such as `debian10_64Guest`.
    pub guest: String,
    /// Virtual processors.
    pub cpus: u16,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// What boots it.
    pub firmware: Firmware,
    /// Its configuration file.
    pub home: DatastoreFile,
    /// What its disks are on.
    pub controller: Controller,
    /// Its disks, in the order of their places.
    pub disks: Vec<Disk>,
    /// Its network cards.
    pub nics: Vec<Nic>,
    /// A remark for those who see it.
    pub annotation: String,
}

impl MachineSpec {
    /// Why it cannot be created as it is meant.
    pub(super) fn problem(&self) -> Option<String> {
        let word = |what: &str, text: &str, most: usize| {
            let wrong = text.is_empty() || text.len() > most || text.chars().any(is_unprintable);
            wrong.then(|| format!("`{}` cannot be the {what} of a machine", printable(text)))
        };
        word("name", &self.name, 80)
            .or_else(|| word("id", &self.id, 200))
            .or_else(|| word("guest", &self.guest, 80))
            .or_else(|| self.home.problem())
            .or_else(|| self.disks.iter().filter_map(|disk| disk.file.as_ref()).find_map(DatastoreFile::problem))
            .or_else(|| {
                (self.disks.len() > self.controller.places())
                    .then(|| format!("more than {} disks", self.controller.places()))
            })
            .or_else(|| (self.nics.len() > MOST_NICS).then(|| format!("more than {MOST_NICS} network cards")))
            .or_else(|| (self.cpus == 0 || self.memory_mib == 0).then(|| "no processor or no memory".to_owned()))
    }
}

/// A change of a machine. What is so already is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Virtual processors.
    Cpus(u16),
    /// Memory in MiB.
    Memory(u32),
    /// One more disk, from a descriptor that is there.
    AttachDisk(Disk),
    /// One disk less; its files stay.
    DetachDisk(DatastoreFile),
    /// One more network card.
    AddNic(Nic),
    /// The cable of a network card, by its place from 0.
    Cable {
        /// Which card.
        nic: usize,
        /// Where the cable goes; none leaves it.
        network: Option<Network>,
        /// Whether it is plugged in at power on.
        start_connected: bool,
        /// Whether it is plugged in now.
        connected: bool,
    },
}

/// Whether a machine is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// On.
    On,
    /// Off.
    Off,
    /// Suspended to disk.
    Suspended,
}

/// The place of a disk by its number: place 7 is the controller's own.
pub(super) fn unit(number: usize) -> u8 {
    let unit = u8::try_from(number).unwrap_or(u8::MAX);
    if unit < 7 { unit } else { unit.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_its_datastore_is_none() {
        assert_eq!(DatastoreFile::new("ds", "a/b.vmdk").problem(), None);
        for (datastore, path) in [("", "a"), ("d]s", "a"), ("ds", ""), ("ds", "/a"), ("ds", "a/../b"), ("ds", "a\nb")] {
            assert!(DatastoreFile::new(datastore, path).problem().is_some(), "{datastore} {path}");
        }
    }

    #[test]
    fn place_seven_is_the_controllers() {
        assert_eq!([0, 6, 7, 14].map(unit), [0, 6, 8, 15]);
    }
}
