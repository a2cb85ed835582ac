//! Imports a machine with its disks through a lease (NFC): works on every kind of datastore.
//!
//! Until the last disk has arrived the machine carries a mark, so that a half of one is never taken
//! for a whole one: it is destroyed and imported anew. A lease lives as long as we say so, from a
//! task of its own; whatever ends an import, the lease is aborted and its machine is gone.

mod lease;

use super::client::Client;
use super::inventory::is_gone;
use super::machine::{Home, Machine};
use super::reading::Fault;
use super::reading::objects::{LeaseInfo, Upload};
use super::spec::{Disk, MachineSpec, unit};
use super::task::OnProgress;
use super::transport::client_of;
use super::trouble::Trouble;
use super::upload::{self, Sending};
use super::wire::machines::Edit;
use crate::untrusted::printable;
use crate::world::pin::Fingerprint;
use lease::Lease;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How often an import begins, before its failure is told.
const ATTEMPTS: usize = 3;
/// How long a lease lives of which nobody says that it is alive, and a little more.
const LEASE: Duration = Duration::from_secs(360);
/// How long the removal of a half may take.
const REMOVAL: Duration = Duration::from_secs(120);
/// What a stream-optimised VMDK is called in HTTP, and what it begins with.
const CONTENT: &str = "application/x-vnd.vmware-streamVmdk";
const MAGIC: &[u8; 4] = b"KDMV";

/// A disk to import, in the place of the same number of the specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedDisk {
    /// A stream-optimised VMDK.
    pub vmdk: PathBuf,
}

/// A machine to import.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// Where it is to be.
    pub home: Home<'a>,
    /// What it is to be; its disks have no files.
    pub spec: &'a MachineSpec,
    /// The contents of its disks.
    pub disks: &'a [ImportedDisk],
}

impl Client {
    /// The machine of this specification with these disks: the whole one that is there, or a new one.
    ///
    /// # Errors
    /// Something else has the name, or the server or a host does not take it. Nothing is left then,
    /// or the message says what.
    pub async fn ensure_imported(&self, import: &Import<'_>, progress: OnProgress<'_>) -> Result<Machine, Trouble> {
        let spec = import.spec;
        let doing = format!("import the machine {}", printable(&spec.name));
        self.check(spec, &doing)?;
        let what = match problem(import) {
            Ok(problem) => problem,
            Err((path, source)) => {
                return Err(Trouble::Local { what: format!("the disk {}", path.display()), source });
            }
        };
        if let Some(what) = what {
            return Err(Trouble::Request { server: self.server().to_owned(), doing, what });
        }
        let mut attempt = 1;
        loop {
            if let Some(found) = self.whole(import).await? {
                return Ok(found);
            }
            match self.import_once(import, &doing, progress).await {
                Err(error) if attempt < ATTEMPTS && may_begin_again(&error) => {
                    tracing::info!(server = self.server(), %error, attempt, "the import begins again");
                    attempt += 1;
                    tokio::time::sleep(self.deadlines().rest).await;
                }
                told => return told,
            }
        }
    }

    /// The machine if it is whole; a half is removed.
    async fn whole(&self, import: &Import<'_>) -> Result<Option<Machine>, Trouble> {
        let Some(machine) = self.machine(import.home.folder, &import.spec.name, &import.spec.id).await? else {
            return Ok(None);
        };
        match self.state(&machine).await {
            Ok(state) if state.complete => Ok(Some(machine)),
            Ok(_) => self.remove_half(&machine).await.map(|()| None),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a half of which nobody knows the lease any more: it holds the machine until it ends.
    async fn remove_half(&self, machine: &Machine) -> Result<(), Trouble> {
        let deadline = Instant::now() + LEASE;
        loop {
            match self.destroy_machine(machine, REMOVAL).await {
                Err(error) if is_held(&error) && Instant::now() < deadline => {
                    tracing::info!(server = self.server(), %error, "a lease still holds the half machine");
                    tokio::time::sleep(self.deadlines().rest).await;
                }
                told => return told,
            }
        }
    }

    async fn import_once(
        &self,
        import: &Import<'_>,
        doing: &str,
        progress: OnProgress<'_>,
    ) -> Result<Machine, Trouble> {
        let mut lease = Lease::open(self, import, doing).await?;
        let filled = async {
            let info = lease.ready(doing).await?;
            self.fill(import, &info, &lease, doing, progress).await?;
            lease.complete(doing).await?;
            Ok(Machine { object: info.entity, name: import.spec.name.clone(), id: import.spec.id.clone() })
        };
        let machine = match filled.await {
            Ok(machine) => machine,
            Err(error) => {
                lease.abort().await;
                return Err(error);
            }
        };
        lease.forget();
        self.edit(&machine, &[Edit::Complete], doing).await?;
        progress(100);
        Ok(machine)
    }

    /// Sends the disks, while a task keeps the lease alive.
    async fn fill(
        &self,
        import: &Import<'_>,
        info: &LeaseInfo,
        lease: &Lease,
        doing: &str,
        progress: OnProgress<'_>,
    ) -> Result<(), Trouble> {
        let request = |what| Trouble::Request { server: self.server().to_owned(), doing: doing.to_owned(), what };
        let places = places(&import.spec.disks, &info.disks).map_err(request)?;
        let total: u64 = import.disks.iter().map(|disk| length(&disk.vmdk)).sum();
        let before = AtomicU64::new(0);
        let mut alive = lease.keep_alive(info.timeout, doing);
        for (disk, upload) in import.disks.iter().zip(places) {
            let tell = |sent: u64| {
                let percent = ((before.load(Ordering::Relaxed) + sent) * 99).checked_div(total).unwrap_or(0);
                let percent = u8::try_from(percent.min(99)).unwrap_or(99);
                alive.percent.store(percent, Ordering::Relaxed);
                progress(percent);
            };
            tokio::select! {
                sent = self.send_disk(&disk.vmdk, upload, &tell) => sent?,
                error = &mut alive.ended => {
                    let dropped = || request("the task that keeps the lease alive ended: a bug in traghetto".to_owned());
                    return Err(error.unwrap_or_else(|_| dropped()));
                }
            }
            before.fetch_add(length(&disk.vmdk), Ordering::Relaxed);
        }
        Ok(())
    }

    async fn send_disk(&self, vmdk: &Path, to: &Upload, progress: &(dyn Fn(u64) + Send + Sync)) -> Result<(), Trouble> {
        let doing = format!("take the disk {}", vmdk.display());
        let what = "it gives no address of HTTPS to send a disk to".to_owned();
        let none = || Trouble::Answer { server: self.server().to_owned(), doing: doing.clone(), what };
        let (url, host) = address(&to.url, self.server()).ok_or_else(none)?;
        let http = match Fingerprint::read(&to.thumbprint) {
            Some(fingerprint) if host != self.server() => client_of(&host, fingerprint, self.deadlines())?,
            _ => self.http().clone(),
        };
        let sending = Sending { from: vmdk, doing: &doing, server: &host, content: CONTENT };
        match upload::send(http.post(url), &sending, self.deadlines(), progress).await? {
            200..=299 => Ok(()),
            status => Err(Trouble::Status { server: host, doing, status }),
        }
    }
}

/// Whether a lease or a task stands in the way.
fn is_held(error: &Trouble) -> bool {
    match error.fault() {
        Some(Fault::TaskInProgress { .. }) => true,
        Some(Fault::Other { kind, .. }) => kind == "InvalidState",
        _ => false,
    }
}

/// Whether another attempt from the beginning may go better.
fn may_begin_again(error: &Trouble) -> bool {
    let lease_ended = match error.fault() {
        Some(Fault::ManagedObjectNotFound { .. }) => true,
        Some(Fault::Other { kind, .. }) => ["Timedout", "InvalidState"].contains(&kind.as_str()),
        _ => false,
    };
    // An address that is not there any more: its lease ended while we were sending.
    error.is_transient() || lease_ended || matches!(error, Trouble::Status { status: 404, .. })
}

/// Where each disk of the specification goes: by its place on the controller, never by chance.
fn places<'a>(disks: &[Disk], uploads: &'a [Upload]) -> Result<Vec<&'a Upload>, String> {
    if disks.len() != uploads.len() {
        return Err(format!("the lease takes {} disks instead of {}", uploads.len(), disks.len()));
    }
    if let [only] = uploads {
        return Ok(vec![only]);
    }
    let place = |number| {
        let mut fitting = uploads.iter().filter(|upload| upload.unit == Some(unit(number)));
        let one = fitting.next().filter(|_| fitting.next().is_none());
        one.ok_or_else(|| format!("the lease does not say where disk {number} goes"))
    };
    (0..disks.len()).map(place).collect()
}

/// The address to send to, and whose it is: `*` stands for the server itself.
fn address(url: &str, server: &str) -> Option<(String, String)> {
    let rest = url.strip_prefix("https://")?;
    let (authority, path) = rest.split_once('/')?;
    let ours = authority == "*" || authority == server;
    let authority = if ours { server } else { authority };
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if authority.is_empty() || !authority.chars().all(plain) {
        return None;
    }
    Some((format!("https://{authority}/{path}"), authority.to_owned()))
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Why the disks are not those of the specification.
fn problem<'a>(import: &Import<'a>) -> Result<Option<String>, (&'a Path, std::io::Error)> {
    if import.disks.len() != import.spec.disks.len() || import.disks.is_empty() {
        let (given, wanted) = (import.disks.len(), import.spec.disks.len());
        return Ok(Some(format!("{given} disks are given and {wanted} wanted")));
    }
    for (disk, wanted) in import.disks.iter().zip(&import.spec.disks) {
        let mut head = [0; 20];
        let read = std::fs::File::open(&disk.vmdk).and_then(|mut file| file.read_exact(&mut head));
        read.map_err(|source| (disk.vmdk.as_path(), source))?;
        let sectors = head[12..].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let path = disk.vmdk.display();
        if !head.starts_with(MAGIC) {
            return Ok(Some(format!("{path} is no stream-optimised VMDK")));
        }
        if sectors.checked_mul(512) != Some(wanted.bytes) || wanted.file.is_some() {
            return Ok(Some(format!("{path} has {sectors} sectors, and the disk {} bytes", wanted.bytes)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(unit: Option<u8>) -> Upload {
        Upload { url: format!("https://*/nfc/{unit:?}"), unit, thumbprint: String::new() }
    }

    #[test]
    fn a_disk_never_goes_to_a_place_by_chance() {
        let disks = |count| vec![Disk { file: None, bytes: 512 }; count];
        let swapped = [upload(Some(1)), upload(Some(0))];
        assert_eq!(places(&disks(2), &swapped).unwrap(), [&swapped[1], &swapped[0]]);
        assert_eq!(places(&disks(1), &[upload(None)]).unwrap().len(), 1);
        assert!(places(&disks(1), &swapped).is_err());
        assert!(places(&disks(2), &[upload(Some(0)), upload(Some(0))]).is_err());
        assert!(places(&disks(2), &[upload(None), upload(Some(0))]).is_err());
    }

    #[test]
    fn only_https_addresses_are_sent_to() {
        let read = |url| address(url, "vc:8443");
        assert_eq!(read("https://*/nfc/1").unwrap(), ("https://vc:8443/nfc/1".into(), "vc:8443".into()));
        assert_eq!(read("https://esx1/nfc/1").unwrap().1, "esx1");
        for wrong in ["http://esx1/nfc", "https:///x", "https://a@b/x", "https://a", "file:///etc/passwd", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_is_never_shown() {
        assert_eq!(format!("{:?}", upload(Some(3))), "Upload { unit: Some(3), .. }");
    }
}
