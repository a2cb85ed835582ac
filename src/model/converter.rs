//! VMware vCenter Converter: its server, what one conversion is to be, and what is seen of it.

use super::secret::SecretRef;
use super::{ServerId, TenantId};
use jiff::Timestamp;
use std::path::PathBuf;

/// The Converter server of the project: `landing.converter`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConverterAccess {
    /// Name or address.
    pub host: String,
    /// TCP port, 443.
    pub port: u16,
    /// An account of that Windows: the owner of the jobs, or an administrator.
    pub user: String,
    /// Its password, by reference.
    pub password: SecretRef,
    /// What the server is known by.
    pub trust: ConverterTrust,
    /// SHA-1 of the certificate of the vCenter where machines land, in hexadecimal with or without colons:
    /// Converter asks us whether to trust it, and knows no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcenter_thumbprint: Option<String>,
}

/// What a Converter server is known by.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConverterTrust {
    /// A PEM file with the authorities that may have signed its certificate, relative to the inventory.
    Authority(PathBuf),
    /// SHA-256 of its own certificate, in hexadecimal.
    Certificate(String),
}

/// How Converter reaches a server that it converts: `servers[].converter`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConverterSource {
    /// Name or address, as the Converter server reaches it.
    pub host: String,
    /// TCP port of its agent, 9089.
    pub port: u16,
    /// An administrator of the server.
    pub user: String,
    /// Its password, by reference.
    pub password: SecretRef,
    /// SHA-1 of the certificate of its agent, in hexadecimal with or without colons: Converter knows no
    /// other. None before the agent is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// Windows services, by their short names, that Converter stops before the final synchronisation.
    pub services_stopped: Vec<String>,
}

/// Where a machine lands, by the names that the vCenter shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConverterTarget {
    /// Name or address of the vCenter, as the Converter server reaches it.
    pub vcenter: String,
    /// TCP port, 443.
    pub port: u16,
    /// The account that Converter takes there.
    pub user: String,
    /// Its password, by reference.
    pub password: SecretRef,
    /// SHA-1 of the certificate of the vCenter, in hexadecimal with or without colons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// The cluster, or the host without one.
    pub cluster: String,
    /// The resource pool.
    pub pool: String,
    /// The folder of machines.
    pub folder: String,
    /// The datastore of its disks and its configuration.
    pub datastore: String,
    /// The networks of its cards, one for each card of the source.
    pub networks: Vec<String>,
    /// The version of its hardware, such as `vmx-13`.
    pub hardware: String,
    /// The name of the machine.
    pub name: String,
}

/// What is done beside copying. There is one for all jobs, and no setting for it: people decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Aside {
    /// Whether Converter turns the source off: no, people do it, and then it is proven.
    pub shutdown_source: bool,
    /// Whether Converter turns the target on.
    pub power_on_target: bool,
    /// Whether VMware Tools are installed.
    pub install_tools: bool,
    /// Whether the guest gets another name or identity.
    pub customize: bool,
    /// Whether restore points are removed from the copy.
    pub remove_checkpoints: bool,
    /// Whether page and hibernation files are left out.
    pub skip_unwanted_files: bool,
    /// Whether partitions are moved to another alignment.
    pub realign: bool,
    /// Whether the agent is taken off the source at the end.
    pub uninstall_agent: bool,
    /// Whether cards are connected when the target is turned on.
    pub connect_nics: bool,
}

impl Aside {
    /// The one.
    pub const FIXED: Aside = Aside {
        shutdown_source: false,
        power_on_target: false,
        install_tools: false,
        customize: false,
        remove_checkpoints: false,
        skip_unwanted_files: true,
        realign: false,
        uninstall_agent: true,
        connect_nics: false,
    };
}

/// A disk of the source, and what of it is kept: everything, where it was.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KeptDisk {
    /// Its name to Converter.
    pub id: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether its table is a GPT.
    pub gpt: bool,
    /// Whether it is dynamic (LDM): it becomes a basic one.
    pub dynamic: bool,
    /// Its volumes in the order of their partitions.
    pub volumes: Vec<KeptVolume>,
}

/// A volume of the source.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KeptVolume {
    /// Its name to Converter.
    pub id: String,
    /// The number of its partition, which stays; none on a dynamic disk.
    pub partition: Option<u32>,
    /// Where it is mounted, such as `C:`; empty for the system partition.
    pub mount: String,
    /// Its filesystem, as Converter names it; empty where it cannot read it.
    pub filesystem: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What is used of it, in bytes.
    pub used: u64,
}

/// A Windows service of the source.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SeenService {
    /// Its short name, such as `MSSQLSERVER`.
    pub name: String,
    /// Whether it may be stopped.
    pub can_be_stopped: bool,
}

/// What Converter, or a survey, says of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SourceSeen {
    /// Its disks.
    pub disks: Vec<KeptDisk>,
    /// Its services.
    pub services: Vec<SeenService>,
    /// Whether changes can be synchronised.
    pub can_synchronize: bool,
    /// Whether services can be stopped by Converter.
    pub can_stop_services: bool,
    /// Whether the directory service is among its services.
    pub directory: bool,
}

impl SourceSeen {
    /// Bytes used by all volumes: what a first copy carries.
    pub fn used(&self) -> u64 {
        self.disks.iter().flat_map(|disk| &disk.volumes).map(|volume| volume.used).sum()
    }
}

/// Every setting of one conversion.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Job {
    /// Whose server it is.
    pub tenant: TenantId,
    /// Which server.
    pub server: ServerId,
    /// Printed name of its Windows.
    pub os: String,
    /// How Converter reaches it.
    pub source: ConverterSource,
    /// Where it lands.
    pub target: ConverterTarget,
    /// What else is done.
    pub aside: Aside,
    /// SHA-256 of all settings above, in hexadecimal: jobs with other settings are told apart by it.
    pub digest: String,
}

impl Job {
    /// The name of the job on the Converter server, which lets no second one have it: by it a killed run
    /// finds its job again.
    pub fn name(&self) -> String {
        format!("traghetto {}/{}", self.tenant, self.server)
    }

    /// What the job's description says on the Converter server.
    pub fn description(&self) -> String {
        format!("Made by traghetto. Do not edit. Settings {}", self.digest)
    }
}

/// Whether a job runs what it is due to run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It does.
    Active,
    /// Not before it is resumed.
    Suspended,
    /// Never again.
    Deactivated,
    /// Another word of the server.
    Other(String),
}

/// A task of a job that is due, or at work.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TaskSeen {
    /// Whether it waits for others.
    pub queued: bool,
    /// How far it is, in percent.
    pub percent: Option<u8>,
    /// Whether it carries changes only.
    pub incremental: bool,
    /// Bytes a second, as the server measures.
    pub rate: Option<u64>,
}

/// Why something failed, in the words of the server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FaultSeen {
    /// The type of the fault.
    pub kind: String,
    /// The message.
    pub message: String,
}

/// What the Converter server says of a job.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct JobSeen {
    /// Its key on the server.
    pub key: String,
    /// Whether it may run.
    pub standing: Standing,
    /// What runs.
    pub task: Option<TaskSeen>,
    /// What failed last; none after a success.
    pub error: Option<FaultSeen>,
    /// Whether the next synchronisation is the last one.
    pub finalize: bool,
    /// When somebody last changed its settings.
    pub changed: Timestamp,
    /// When the last run began.
    pub started: Option<Timestamp>,
    /// When the last run ended.
    pub completed: Option<Timestamp>,
    /// When the next run is due.
    pub due: Option<Timestamp>,
    /// The digest of the settings that its description has; none if it is not one of ours.
    pub digest: Option<String>,
}

/// What is seen of a target in the vCenter, where a person drives Converter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct TargetSeen {
    /// Whether it is on.
    pub powered_on: bool,
    /// How many of its cards are connected, or will be when it is turned on.
    pub connected: u32,
    /// Whether vCenter works on it: a copy at work holds it.
    pub busy: bool,
}
