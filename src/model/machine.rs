//! The virtual hardware of a copy: what the inventory may say of it.

/// What the disks are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Controller {
    /// LSI Logic SAS 1068: what a Windows 7 or 2008 R2 has a driver for.
    LsiSas1068,
    /// VMware's own.
    Pvscsi,
    /// LSI Logic, parallel SCSI: what old systems have a driver for.
    LsiLogic,
    /// IDE, as the last resort.
    Ide,
}

impl Controller {
    /// All with their words in the inventory.
    pub const WORDS: [(&'static str, Controller); 4] = [
        ("lsisas1068", Controller::LsiSas1068),
        ("pvscsi", Controller::Pvscsi),
        ("lsilogic", Controller::LsiLogic),
        ("ide", Controller::Ide),
    ];

    /// The word in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            Controller::LsiSas1068 => "lsisas1068",
            Controller::Pvscsi => "pvscsi",
            Controller::LsiLogic => "lsilogic",
            Controller::Ide => "ide",
        }
    }

    /// Most disks on one: IDE has two cables with two places, SCSI fifteen places beside its own.
    pub fn places(self) -> usize {
        if self == Controller::Ide { 4 } else { 15 }
    }
}

impl std::fmt::Display for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// The model of a network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NicModel {
    /// Intel 82545EM, for systems without drivers of VMware.
    E1000,
    /// VMware's own.
    Vmxnet3,
}

impl NicModel {
    /// All with their words in the inventory.
    pub const WORDS: [(&'static str, NicModel); 2] = [("e1000", NicModel::E1000), ("vmxnet3", NicModel::Vmxnet3)];

    /// The word in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            NicModel::E1000 => "e1000",
            NicModel::Vmxnet3 => "vmxnet3",
        }
    }
}

/// What boots a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// BIOS.
    Bios,
    /// UEFI.
    Uefi,
}

impl Firmware {
    /// All with their words in the inventory.
    pub const WORDS: [(&'static str, Firmware); 2] = [("bios", Firmware::Bios), ("uefi", Firmware::Uefi)];

    /// The word in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            Firmware::Bios => "bios",
            Firmware::Uefi => "uefi",
        }
    }
}

/// What the inventory says of a copy's hardware; what it leaves open follows from the survey and the
/// operating system.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Hardware {
    /// Virtual processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u16>,
    /// Memory in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u32>,
    /// What boots it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<Firmware>,
    /// What its disks are on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<Controller>,
    /// The model of its network card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic: Option<NicModel>,
    /// The guest's system in the words of vSphere, such as `debian10_64Guest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_id: Option<String>,
}
