//! A server of a tenant: what it is and how it is moved.

use super::converter::ConverterSource;
use super::machine::Hardware;
pub use super::secret::SecretRef;
use super::{DiskId, ServerId};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// One machine of the tenant.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Server {
    /// Id, unique in the inventory.
    pub id: ServerId,
    /// Operating system.
    pub os: Os,
    /// Whether it is a physical machine.
    pub physical: bool,
    /// Whether the fee counts it (domain A2).
    pub billable: bool,
    /// What it does.
    pub roles: Vec<ServerRole>,
    /// Its address in the tenant's LAN.
    pub address: Ipv4Addr,
    /// Where its address is after the move.
    pub landing: Addressing,
    /// How it is moved; none exactly where the inventory says nothing is moved yet.
    pub transfer: Transfer,
    /// How a domain controller is moved; present exactly if `roles` has `Ad`.
    pub directory: Option<DirectoryWay>,
    /// Its disks.
    pub disks: Vec<Disk>,
    /// How it is reached before the move.
    pub access: Option<Access>,
    /// How its copy is reached after the move: where host items of the landing checklist run.
    pub landing_access: Option<Access>,
    /// How a Windows is reached over WinRM before the move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub winrm: Option<WinrmAccess>,
    /// How its copy is reached over WinRM after the move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landing_winrm: Option<WinrmAccess>,
    /// Servers that move before it.
    pub after: Vec<ServerId>,
    /// Services that people stop before its final sync; that they are stopped is checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services_stop: Vec<String>,
    /// Hours for which what people do by hand keeps it out of service, as they estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual_hours: Option<u32>,
    /// What the inventory says of its copy's virtual hardware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Hardware>,
    /// How VMware Converter reaches it, where it is moved by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converter: Option<ConverterSource>,
    /// Whether names, addresses and sizes are invented.
    pub example: bool,
}

impl Server {
    /// Whether the server is a domain controller.
    pub fn is_domain_controller(&self) -> bool {
        self.roles.contains(&ServerRole::Ad)
    }

    /// The address of its copy.
    pub fn landing_address(&self) -> Ipv4Addr {
        match self.landing {
            Addressing::Renumber(address) => address,
            Addressing::Keep | Addressing::RoutesOnly => self.address,
        }
    }
}

/// Operating systems met in the estate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Os {
    /// A Windows, with its printed name.
    Windows(String),
    /// A Linux, with its printed name.
    Linux(String),
}

impl std::fmt::Display for Os {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Os::Windows(name) | Os::Linux(name) => f.pad(name),
        }
    }
}

/// What a server does for the town.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerRole {
    /// Domain controller.
    Ad,
    /// Name server.
    Dns,
    /// Gives out the addresses of the LAN.
    Dhcp,
    /// Log collector.
    Logging,
    /// File shares.
    File,
    /// Printers.
    Print,
    /// Database.
    Database,
    /// Application server.
    Application,
}

impl ServerRole {
    /// All roles with their words in the inventory.
    pub const WORDS: [(&'static str, ServerRole); 8] = [
        ("ad", ServerRole::Ad),
        ("dns", ServerRole::Dns),
        ("dhcp", ServerRole::Dhcp),
        ("logging", ServerRole::Logging),
        ("file", ServerRole::File),
        ("print", ServerRole::Print),
        ("database", ServerRole::Database),
        ("application", ServerRole::Application),
    ];

    /// The word in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            ServerRole::Ad => "ad",
            ServerRole::Dns => "dns",
            ServerRole::Dhcp => "dhcp",
            ServerRole::Logging => "logging",
            ServerRole::File => "file",
            ServerRole::Print => "print",
            ServerRole::Database => "database",
            ServerRole::Application => "application",
        }
    }
}

/// Where a server's address is after the move (domain A19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// The address stays, inside its clients' subnet: /32 routes and proxy ARP.
    Keep,
    /// A new address in the tenant's prefix at the SAD.
    Renumber(Ipv4Addr),
    /// The address stays and clients get routes only, as the project document words it
    /// (`landing: routes_only`). The network plan refuses it where clients share the server's
    /// subnet: they ask for its hardware address and never look at a route.
    RoutesOnly,
}

/// How a server is moved. There is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transfer {
    /// Live Linux, our replication.
    Agent,
    /// Any machine booted from a Linux rescue system, our replication, cold.
    Rescue,
    /// VMware Converter by its API.
    Converter,
    /// VMware Converter, driven by a person.
    ConverterAssisted,
    /// Not moved: a new machine takes over the role.
    Replace,
}

impl Transfer {
    /// Whether VMware Converter copies it, and not our own replication.
    pub fn is_converter(self) -> bool {
        matches!(self, Transfer::Converter | Transfer::ConverterAssisted)
    }

    /// What equality of source and copy is shown by.
    pub fn proof(self) -> &'static str {
        match self {
            Transfer::Agent | Transfer::Rescue => "byte",
            Transfer::Converter | Transfer::ConverterAssisted | Transfer::Replace => "file",
        }
    }

    /// All transfers with their words in the inventory.
    pub const WORDS: [(&'static str, Transfer); 5] = [
        ("agent", Transfer::Agent),
        ("rescue", Transfer::Rescue),
        ("converter", Transfer::Converter),
        ("converter-assisted", Transfer::ConverterAssisted),
        ("replace", Transfer::Replace),
    ];

    /// The word in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            Transfer::Agent => "agent",
            Transfer::Rescue => "rescue",
            Transfer::Converter => "converter",
            Transfer::ConverterAssisted => "converter-assisted",
            Transfer::Replace => "replace",
        }
    }
}

/// How a domain controller is moved; signed by both sides. There is no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryWay {
    /// A new controller takes over.
    Replace,
    /// Directory services restore mode.
    Dsrm,
    /// The directory service is stopped.
    NtdsStopped,
    /// The machine is off, booted from a rescue system.
    Cold,
}

impl DirectoryWay {
    /// All ways with their words in the inventory.
    pub const WORDS: [(&'static str, DirectoryWay); 4] = [
        ("replace", DirectoryWay::Replace),
        ("dsrm", DirectoryWay::Dsrm),
        ("ntds-stopped", DirectoryWay::NtdsStopped),
        ("cold", DirectoryWay::Cold),
    ];

    /// The word in the inventory.
    pub fn word(self) -> &'static str {
        match self {
            DirectoryWay::Replace => "replace",
            DirectoryWay::Dsrm => "dsrm",
            DirectoryWay::NtdsStopped => "ntds-stopped",
            DirectoryWay::Cold => "cold",
        }
    }
}

/// One disk of a server.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Disk {
    /// Id, unique within the server.
    pub id: DiskId,
    /// Block device or image file on the source, as the agent sees it; needed for our own transfers.
    pub source: Option<PathBuf>,
    /// Size in bytes, if known before the survey.
    pub size: Option<u64>,
    /// Bytes used by its filesystems, if known before the survey.
    pub used: Option<u64>,
    /// Whether a final sync may take a snapshot of the logical volume that is its source: the snapshot is
    /// kept in the volume group, and so written to a disk of the server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
}

/// How a host is reached over SSH.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Access {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// How we log in.
    pub login: Login,
    /// The host key's fingerprint (`SHA256:…`); without it the key must be in known_hosts.
    pub host_key: Option<String>,
    /// Which algorithms may be used with it.
    pub ssh_profile: SshProfile,
    /// The host to jump through.
    pub via: Option<Box<Access>>,
}

/// Which SSH algorithms may be used with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SshProfile {
    /// Those of today.
    #[default]
    Modern,
    /// Beside them those of the years before: SHA-1 key exchange, CBC, `hmac-sha1`, `ssh-rsa`.
    Legacy,
}

/// How a Windows is reached over WinRM.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct WinrmAccess {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Account: `DOMAIN\name`, `name@domain`, or a local one.
    pub user: String,
    /// Its password, by reference.
    pub password: SecretRef,
    /// SHA-256 of the certificate over HTTPS, in hexadecimal; none is HTTP with sealed messages.
    pub certificate: Option<String>,
}

/// How we log in to a host. Secrets are references, never values.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// The SSH agent of the operator (`SSH_AUTH_SOCK`).
    Agent,
    /// A private key file without passphrase, relative to the inventory's root.
    Key(PathBuf),
    /// A password, by reference.
    Password(SecretRef),
}
