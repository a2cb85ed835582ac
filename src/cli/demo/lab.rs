//! The lab of the demo: a folder with the embedded inventory, three hosts on loopback with one
//! small disk each, and the key that opens them.

use super::host::{self, Host};
use super::{disks, host::new_key};
use include_dir::{Dir, include_dir};
use std::io;
use std::path::{Path, PathBuf};

static INVENTORY: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/inventory");
static PLAYBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");
static CHECKLISTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/checklists");
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The landing checklist of the lab: its machines have no services, and their copies do not boot.
static LANDING: &str = include_str!("landing.yaml");
/// The checklist of a test launch, which has no items of the project's landing.
static TEST: &str = include_str!("test.yaml");

/// The tenant of the story.
pub(super) const TENANT: &str = "cinto-caomaggiore";

/// The machines of the story: id, what it stands in for, size of its disk in MiB.
const MACHINES: [Machine; 3] = [
    Machine {
        id: "cinto-srv1",
        os: "Windows Server 2008 R2",
        mebibytes: 96,
        lines: "roles: [ad, dns]\n    address: 192.0.2.10\n    landing: keep\n    directory: cold",
    },
    Machine {
        id: "cinto-srv2",
        os: "Windows 7",
        mebibytes: 48,
        lines: "roles: [dns]\n    address: 192.0.2.11\n    landing: keep\n    after: [cinto-srv1]",
    },
    Machine {
        id: "cinto-srv3",
        os: "Windows 7",
        mebibytes: 64,
        lines: "roles: [logging]\n    address: 192.0.2.12\n    landing: {renumber: 10.64.4.12}\n    after: [cinto-srv1]",
    },
];

/// One machine of the lab.
struct Machine {
    id: &'static str,
    os: &'static str,
    mebibytes: u64,
    /// The rest of its entry in the inventory.
    lines: &'static str,
}

/// The running lab.
#[derive(Debug)]
pub(super) struct Lab {
    /// Its folder: what `--root` is for every command of the story.
    pub(super) root: PathBuf,
    /// The machines' ids with their disks.
    pub(super) disks: Vec<(&'static str, PathBuf)>,
    /// Kept so that they listen until the story ends.
    _hosts: Vec<Host>,
}

impl Lab {
    /// Builds the lab in the new folder `root`.
    pub(super) async fn build(root: &Path) -> io::Result<Self> {
        std::fs::create_dir(root)?;
        for (name, folder) in [
            ("inventory", &INVENTORY),
            ("playbooks", &PLAYBOOKS),
            ("checklists", &CHECKLISTS),
            ("templates", &TEMPLATES),
        ] {
            std::fs::create_dir(root.join(name))?;
            folder.extract(root.join(name))?;
        }
        let project = root.join("inventory/project.yaml");
        std::fs::write(&project, without_quiet_period(&std::fs::read_to_string(&project)?))?;
        let source = root.join("checklists/source.yaml");
        std::fs::write(&source, of_rescue_systems(&std::fs::read_to_string(&source)?))?;
        std::fs::write(root.join("checklists/landing.yaml"), LANDING)?;
        std::fs::write(root.join("checklists/test.yaml"), TEST)?;
        let key = new_key()?;
        std::fs::create_dir(root.join("keys"))?;
        host::write_key(&key, &root.join("keys/demo"))?;
        std::fs::create_dir(root.join("disks"))?;
        let (mut hosts, mut disks, mut entries) = (Vec::new(), Vec::new(), String::new());
        for (number, machine) in (1..).zip(&MACHINES) {
            let disk = root.canonicalize()?.join("disks").join(format!("{}.img", machine.id));
            disks::create(&disk, machine.mebibytes, number)?;
            let host = Host::start(key.public_key().clone()).await?;
            entries.push_str(&entry(machine, &host, &disk));
            hosts.push(host);
            disks.push((machine.id, disk));
        }
        rewrite_tenant(root, &entries)?;
        Ok(Self { root: root.to_owned(), disks, _hosts: hosts })
    }
}

/// The project without the days that pass before disks are wiped: the story takes minutes.
fn without_quiet_period(project: &str) -> String {
    project.replace("quiet_before_wipe: {days: 14,", "quiet_before_wipe: {days: 0,")
}

/// The source checklist without what the running systems are asked: the lab has rescue systems only.
fn of_rescue_systems(checklist: &str) -> String {
    let running = ["ps: |", "probe: {locator", "probe: {ldap", "probe: {kerberos", "probe: {ntp", "probe: {smb"];
    let running = |item: &&str| {
        ["probe: {rdp", "probe: {tcp", "probe: {dns"].iter().chain(&running).any(|probe| item.contains(probe))
    };
    let kept = checklist.split("\n  - id: ").filter(|item| !running(item));
    kept.collect::<Vec<_>>().join("\n  - id: ")
}

/// A machine's entry in the tenant's file. The copy is reached where the machine was: nothing boots here.
fn entry(machine: &Machine, host: &Host, disk: &Path) -> String {
    let access = format!(
        "{{host: 127.0.0.1, port: {}, user: root, key: keys/demo, host_key: \"{}\"}}",
        host.port, host.fingerprint
    );
    format!(
        "  - id: {}\n    example: true\n    os: {{windows: {}}}\n    physical: true\n    billable: true\n    {}\n    transfer: rescue\n    disks:\n      - {{id: disk0, source: {}, size_bytes: {}}}\n    access: {access}\n    landing_access: {access}\n",
        machine.id,
        machine.os,
        machine.lines,
        serde_json::Value::from(disk.display().to_string()),
        machine.mebibytes << 20,
    )
}

/// Puts the lab's machines where the tenant's file has the real ones.
fn rewrite_tenant(root: &Path, entries: &str) -> io::Result<()> {
    let path = root.join(format!("inventory/tenants/{TENANT}.yaml"));
    let text = std::fs::read_to_string(&path)?;
    let parts = text.split_once("\nservers:\n").and_then(|(head, rest)| Some((head, rest.split_once("\nsites:\n")?.1)));
    let (head, sites) = parts.ok_or_else(|| io::Error::other("the embedded tenant has no servers and sites"))?;
    std::fs::write(path, format!("{head}\nservers:\n{entries}sites:\n{sites}"))
}
