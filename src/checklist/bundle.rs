//! A bundle: the script of a server as a file that the Comune runs by itself, and its result, which
//! is read as if the host had been asked. For servers that nobody may reach from outside.
//!
//! Pure. That a result is of a bundle that was made, in time and once, the journal tells ([`admitted`]).
//! A result holds only what the script of this very checklist prints: its SHA-256 is in it, and
//! is computed anew when it is read.

mod errand;

pub use errand::{Admission, Bundled, Imported, admitted};

use super::answer::{entry, read};
use super::batch::{self, Entry};
use super::finding::Finding;
use super::item::{Checklist, Phase};
use super::judge::{at_rest, judge};
use super::plan::{Inquiry, Options, Task, Todo, tasks};
use super::powershell;
use super::redact::{Blob, Redactor};
use crate::digest::sha256;
use crate::model::server::{Access, Login, Os, SecretRef, Server, SshProfile, WinrmAccess};
use crate::model::tenant::Tenant;
use crate::model::{Known, ServerId};
use crate::untrusted::one_line;
use jiff::Timestamp;
use std::net::IpAddr;

/// The first line of a result.
const TITLE: &str = "traghetto-bundle 1";

/// Why a file is no result that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It is something else.
    #[error("the file is not the result of a bundle, or its head is damaged ({0})")]
    NoResult(&'static str),
    /// The checklist is no longer the one of the bundle.
    #[error("the script of the bundle is not the one of this checklist and inventory")]
    OtherScript,
    /// It is another computer's.
    #[error("the result is of the computer {name}, which has the addresses {found} and not {wanted}")]
    OtherHost {
        /// Its name.
        name: String,
        /// Its addresses.
        found: String,
        /// That of the inventory.
        wanted: String,
    },
    /// It breaks off.
    #[error("the result breaks off: the script did not end")]
    BrokenOff,
    /// Its bundle is none of ours.
    #[error("the result is of a bundle that this journal does not know")]
    Unknown,
    /// It was taken over before.
    #[error("a result of this bundle was taken over at {time}")]
    Used {
        /// When.
        time: String,
    },
    /// It comes too late.
    #[error("the bundle counted until {until}")]
    Expired {
        /// Until when.
        until: Timestamp,
    },
    /// The host's clock is wrong, or the file is not of this bundle's time.
    #[error("the result says that the script ran at {time}, which is {what} ({other})")]
    Clock {
        /// What the host's clock said.
        time: Timestamp,
        /// With what it is compared.
        other: Timestamp,
        /// How it compares.
        what: &'static str,
    },
    /// It is the machine of origin, and should be its copy.
    #[error("the result is of {name}, the machine of origin itself (number {serial}), and not of its copy")]
    Source {
        /// Its name.
        name: String,
        /// By what it is known.
        serial: String,
    },
}

/// A script that the Comune runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// `ps1` or `sh`.
    pub extension: &'static str,
    /// The file's text.
    pub text: String,
    /// How many items it asks.
    pub items: usize,
    /// SHA-256 of the script without its frame, which the result repeats.
    pub script: String,
}

/// The head of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The phase.
    pub phase: Phase,
    /// The tenant's id.
    pub tenant: String,
    /// The server's id.
    pub server: String,
    /// The heading word.
    pub nonce: String,
    /// SHA-256 of the script.
    digest: String,
    /// The name of the computer.
    pub host: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// What its maker numbered it with.
    pub serials: Vec<String>,
    /// When the script ran, by the host's clock.
    pub time: Timestamp,
}

/// What a bundle is made from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The checklist.
    pub checklist: &'a Checklist,
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The server.
    pub server: &'a Server,
    /// What a run needs besides; its server is this one.
    pub options: Options<'a>,
}

impl Source<'_> {
    /// The tasks of the server whose questions are scripts, each with its number.
    fn asked(&self) -> Vec<(usize, Task, Inquiry)> {
        let mut tenant = self.tenant.clone();
        if let Known::Known(servers) = &mut tenant.servers {
            servers.iter_mut().filter(|server| server.id == self.server.id).for_each(reachable);
        }
        // Nor does it need a machine that asks.
        tenant.test_probe = tenant.test_probe.or_else(|| Some(nowhere(self.server)));
        let options = Options { server: Some(&self.server.id), ..self.options };
        let asked = |(number, task): (usize, Task)| match task.todo.clone() {
            Todo::Ask(inquiry) if inquiry.question.script().is_some() => Some((number, task, inquiry)),
            _ => None,
        };
        tasks(self.checklist, &tenant, &options).into_iter().enumerate().filter_map(asked).collect()
    }

    fn is_powershell(asked: &[(usize, Task, Inquiry)]) -> bool {
        asked.iter().any(|(_, _, inquiry)| inquiry.question.script().is_some_and(|(access, _)| access.is_powershell()))
    }

    /// The script with its heading word.
    fn script(asked: &[(usize, Task, Inquiry)], nonce: &str) -> String {
        let entries: Vec<Entry<'_>> = asked.iter().map(|(number, _, inquiry)| entry(*number, inquiry)).collect();
        if Self::is_powershell(asked) {
            powershell::batch::script(nonce, &entries)
        } else {
            batch::script(nonce, &entries)
        }
    }

    /// The bundle; none where no item of the server is a script. `nonce` is fresh, in hexadecimal.
    pub fn bundle(&self, nonce: &str) -> Option<Bundle> {
        let asked = self.asked();
        let script = Self::script(&asked, nonce);
        let digest = sha256(script.as_bytes());
        let head = [
            TITLE.to_owned(),
            format!("for {} {} {}", self.checklist.phase, self.tenant.id, self.server.id),
            format!("nonce {nonce}"),
            format!("script {digest}"),
        ];
        let powershell = Self::is_powershell(&asked);
        let text = if powershell { in_powershell(&head, &script) } else { in_sh(&head, &script, nonce) };
        let extension = if powershell { "ps1" } else { "sh" };
        (!asked.is_empty()).then_some(Bundle { extension, text, items: asked.len(), script: digest })
    }

    /// The findings of the items in the result with `head`.
    ///
    /// # Errors
    /// It is of another script or another computer, or breaks off.
    pub fn findings(&self, head: &Head, result: &[u8]) -> Result<Vec<Finding>, BundleError> {
        let asked = self.asked();
        if sha256(Self::script(&asked, &head.nonce).as_bytes()) != head.digest {
            return Err(BundleError::OtherScript);
        }
        self.is_of(head)?;
        let mut answers = batch::answers(&head.nonce, result).ok_or(BundleError::BrokenOff)?;
        let finding = |(number, task, inquiry): (usize, Task, Inquiry)| match answers.remove(&number) {
            Some(answer) => told(judge(&task, &inquiry, read(Some(answer), &inquiry), 1), head.time),
            None => at_rest(&task, self.options.signatures, "the result breaks off before this item"),
        };
        Ok(asked.into_iter().map(finding).collect())
    }

    /// Whether the computer has the server's address of this phase.
    fn is_of(&self, head: &Head) -> Result<(), BundleError> {
        // A copy under test has the address that it was copied with.
        let moved = self.checklist.phase.is_of_copies() && self.checklist.phase != Phase::Test;
        let wanted = IpAddr::from(if moved { self.server.landing_address() } else { self.server.address });
        if head.addresses.contains(&wanted) {
            return Ok(());
        }
        let found: Vec<String> = head.addresses.iter().map(ToString::to_string).collect();
        let name = head.host.clone();
        Err(BundleError::OtherHost { name, found: found.join(", "), wanted: wanted.to_string() })
    }
}

/// The finding with the time at which the host was asked, which is not that of the import.
fn told(finding: Finding, time: Timestamp) -> Finding {
    let asked = format!("(asked on the host at {time})");
    let found = if finding.found.is_empty() { asked } else { format!("{} {asked}", finding.found) };
    // Nobody went through a probe machine: the Comune carried the script there.
    Finding { found, host_time: Some(time), through: None, ..finding }
}

/// A result without secrets: answers are in hexadecimal, where no other search finds them.
pub fn without_secrets(head: &Head, result: &[u8], redactor: &Redactor) -> Blob {
    Blob::new(batch::cleaned(&head.nonce, result, |bytes| redactor.bytes(bytes)))
}

impl Head {
    /// Reads the head of a result.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn read(result: &[u8]) -> Result<Self, BundleError> {
        let text = String::from_utf8_lossy(result);
        let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        if lines.next() != Some(TITLE) {
            return Err(BundleError::NoResult("its first line"));
        }
        let lines: Vec<(&str, &str)> = lines.take(100).filter_map(|line| line.split_once(' ')).collect();
        let value = |name| lines.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let words: Vec<&str> = value("for").unwrap_or_default().split(' ').collect();
        let [phase, tenant, server] = words.as_slice() else { return Err(BundleError::NoResult("what it is for")) };
        let phase = Phase::ALL.into_iter().find(|known| known.word() == *phase);
        let hexadecimal = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let all = |name| lines.iter().filter(move |(key, _)| *key == name).map(|(_, value)| *value);
        let time = value("time").and_then(|time| time.parse().ok());
        Ok(Self {
            phase: phase.ok_or(BundleError::NoResult("its phase"))?,
            tenant: (*tenant).to_owned(),
            server: (*server).to_owned(),
            nonce: value("nonce").filter(hexadecimal).ok_or(BundleError::NoResult("its heading word"))?.to_owned(),
            digest: value("script").filter(hexadecimal).ok_or(BundleError::NoResult("its digest"))?.to_owned(),
            host: one_line(value("host").unwrap_or_default().as_bytes()),
            addresses: all("address").filter_map(|address| address.parse().ok()).collect(),
            serials: all("serial").filter_map(errand::serial).collect(),
            time: time.ok_or(BundleError::NoResult("its time"))?,
        })
    }

    /// The server's id, if it is one.
    pub fn server_id(&self) -> Option<ServerId> {
        self.server.parse().ok()
    }
}

/// A way that nobody takes.
fn nowhere(server: &Server) -> Access {
    let (host, login) = (server.address.to_string(), Login::Password(SecretRef::Env(String::new())));
    Access { host, port: 0, user: String::new(), login, host_key: None, ssh_profile: SshProfile::Modern, via: None }
}

/// A script needs no way to the host when somebody carries it there: one is made up.
fn reachable(server: &mut Server) {
    match &server.os {
        Os::Windows(_) => {
            let secret = SecretRef::Env(String::new());
            let (host, user) = (server.address.to_string(), String::new());
            let access = WinrmAccess { host, port: 0, user, password: secret, certificate: None };
            (server.winrm, server.landing_winrm) = (Some(access.clone()), Some(access));
            // What a rescue system would be asked is not for the Windows.
            (server.access, server.landing_access) = (None, None);
        }
        Os::Linux(_) => {
            let access = nowhere(server);
            (server.access, server.landing_access) = (Some(access.clone()), Some(access));
        }
    }
}

fn in_powershell(head: &[String], script: &str) -> String {
    let told: Vec<String> = head.iter().map(|line| format!("[Console]::Out.WriteLine('{line}')\n")).collect();
    format!(
        "# Reads only. Writes one file, the result, beside itself. Run it as an administrator:\n\
         #   powershell -NoProfile -ExecutionPolicy Bypass -File THIS-FILE.ps1\n\
         $file = [IO.Path]::ChangeExtension($MyInvocation.MyCommand.Path, '.result')\n\
         $writer = New-Object IO.StreamWriter($file, $false, (New-Object Text.UTF8Encoding($false)))\n\
         $writer.NewLine = [string][char]10\n\
         [Console]::SetOut($writer)\n\
         {}[Console]::Out.WriteLine('host ' + $env:COMPUTERNAME)\n\
         [Console]::Out.WriteLine('time ' + [DateTime]::UtcNow.ToString('yyyy-MM-dd\\THH:mm:ss\\Z', \
         [Globalization.CultureInfo]::InvariantCulture))\n\
         Get-WmiObject Win32_NetworkAdapterConfiguration -Filter 'IPEnabled=TRUE' | ForEach-Object {{ $_.IPAddress }} | \
         ForEach-Object {{ [Console]::Out.WriteLine('address ' + $_) }}\n\
         Get-WmiObject Win32_ComputerSystemProduct | ForEach-Object {{ $_.UUID; $_.IdentifyingNumber }} | \
         ForEach-Object {{ [Console]::Out.WriteLine('serial ' + $_) }}\n\
         {script}",
        told.concat()
    )
}

fn in_sh(head: &[String], script: &str, nonce: &str) -> String {
    let told: Vec<String> = head.iter().map(|line| format!("echo '{line}'\n")).collect();
    format!(
        "#!/bin/sh\n# Reads only. Writes one file, the result, beside itself. Run it as root: sh THIS-FILE.sh\n\
         file=${{0%.sh}}.result\n{{\n{}echo \"host $(uname -n)\"\n\
         echo \"time $(date -u +%Y-%m-%dT%H:%M:%SZ)\"\n\
         for address in $(hostname -I 2>/dev/null || ip -o addr | awk '{{ sub(\"/.*\", \"\", $4); print $4 }}'); do\n\
         echo \"address $address\"\ndone\n\
         for name in product_uuid product_serial board_serial; do\n\
         [ ! -r \"/sys/class/dmi/id/$name\" ] || echo \"serial $(cat \"/sys/class/dmi/id/$name\")\"\ndone\n\
         sh -s <<'END-{nonce}'\n{script}END-{nonce}\n}} >\"$file\"\n\
         echo \"The result is in $file\"\n",
        told.concat()
    )
}
