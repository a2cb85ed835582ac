//! The block `landing` of `project.yaml`: where replicas lie, and where machines come to be from them.

use super::form::scalars::{path, scalar, secret, text, text_like, whole, word};
use super::form::{Fields, Form, nonempty_list, record};
use super::problem::{Complaint, quote};
use super::shape::Shape;
use super::{access, converter};
use crate::model::project::{LabCommands, Landing, LandingMachines, LandingTarget};
use crate::model::vsphere::{PortGroupNames, Staging, Switch, Trust, VcenterAccess, VsphereLanding, VsphereWay};

/// Port of a vCenter.
const HTTPS: u16 = 443;
/// The standard switch of tests, where nothing else is said.
const ISOLATED: &str = "traghetto-test";

/// The form of the block.
pub(super) fn form() -> impl Form<Value = Landing> {
    record("Where replicas land.", landing)
}

fn landing(fields: &mut Fields<'_>) -> Option<Landing> {
    let name = fields.required("name", "Name, such as `SAD`.", text());
    let address = fields.required("address", "Address as printed.", text());
    let uplink_mbps = fields.required("uplink_mbps", "Rate of the hub's access in Mbit/s.", whole(1..=1_000_000));
    let target = fields.required("target", "Where replicas lie.", record("Where replicas lie.", target));
    fields.at_most_one(&["vsphere", "lab"]);
    let machines = "The vSphere where machines come to be; without it they are folders of the operations host.";
    let vsphere = fields.optional("vsphere", machines, record(machines, vsphere));
    let boots = "Commands that boot these folders; without them a person does.";
    let lab = fields.optional("lab", boots, record(boots, lab));
    let machines = match (vsphere?, lab?) {
        (Some(vsphere), _) => LandingMachines::Vsphere(Box::new(vsphere)),
        (None, Some(lab)) => LandingMachines::Lab(lab),
        (None, None) => LandingMachines::ByHand,
    };
    let server = "The VMware Converter server that moves Windows.";
    let converter = fields.optional("converter", server, converter::server())?;
    let (name, address, uplink_mbps, target) = (name?, address?, uplink_mbps?, target?);
    check_staging(fields, &target, &machines);
    Some(Landing { name, address, uplink_mbps, target, machines, converter })
}

fn target(fields: &mut Fields<'_>) -> Option<LandingTarget> {
    let folder = "A folder of the operations host, relative to the inventory's root.";
    let directory = fields.required("directory", folder, path());
    Some(LandingTarget::Directory(directory?))
}

/// Clones are removed with their folders: never the replicas'.
fn check_staging(fields: &mut Fields<'_>, target: &LandingTarget, machines: &LandingMachines) {
    let LandingTarget::Directory(replicas) = target;
    let LandingMachines::Vsphere(vsphere) = machines else { return };
    let VsphereWay::Nfs(staging) = &vsphere.way else { return };
    if staging.directory.components().eq(replicas.components()) {
        let complaint = Complaint::new("the export is the folder of the replicas")
            .hint("give the clones that machines boot from a folder of their own: replicas are never booted");
        fields.refuse("vsphere.staging.directory", complaint);
    }
}

fn lab(fields: &mut Fields<'_>) -> Option<LabCommands> {
    let start = "Boots a machine and returns: a program and its arguments, to which its folder is added.";
    let start = fields.required("start", start, nonempty_list(text()));
    let stop = "Ends a machine: its folder is added, and `hard` or `gently`.";
    let stop = fields.required("stop", stop, nonempty_list(text()));
    let status = "Exits with 0 if a machine is on, with 1 if it is off: its folder is added.";
    let status = fields.required("status", status, nonempty_list(text()));
    Some(LabCommands { start: start?, stop: stop?, status: status? })
}

fn vsphere(fields: &mut Fields<'_>) -> Option<VsphereLanding> {
    let access = access(fields);
    let datacenter = fields.required("datacenter", "Path of the datacenter from the root.", place());
    let pool = "Pool that gets one of each tenant, below the datacenter's hosts: `CLUSTER/Resources`.";
    let pool = fields.required("pool", pool, place());
    let folder = "Folder that gets one of each tenant, below the datacenter's machines (default: the top).";
    let folder = fields.optional("folder", folder, place());
    let hosts = "Hosts that may run the machines, below the datacenter's hosts: `CLUSTER/HOST`.";
    let hosts = fields.required("hosts", hosts, nonempty_list(place()));
    let switch = switch(fields);
    let names = "Names of port groups, with `{tenant}` for the tenant's id.";
    let port_groups = fields.optional("port_groups", names, record(names, port_groups));
    let way = way(fields);
    let datastore = fields.required("datastore", "The datastore of machines that stay.", datastore());
    let hosts = hosts?;
    fields.unique("hosts", "", &hosts);
    Some(VsphereLanding {
        access: access?,
        datacenter: datacenter?,
        pool: pool?,
        folder: folder?,
        hosts,
        switch: switch?,
        port_groups: port_groups?.unwrap_or_default(),
        way: way?,
        datastore: datastore?,
    })
}

fn access(fields: &mut Fields<'_>) -> Option<VcenterAccess> {
    let host = fields.required("server", "Name or address of the vCenter.", access::host());
    let port = fields.or("port", "TCP port (default: 443).", whole(1..=65_535), HTTPS);
    let user = fields.required("user", "Account, such as `traghetto@vsphere.local`.", access::user());
    let password = fields.required("password", "Its password, by reference: `env:NAME` or `file:PATH`.", secret());
    fields.exactly_one(&["thumbprint", "ca"]);
    let pinned = "SHA-256 of the vCenter's certificate in hexadecimal, with or without colons.";
    let thumbprint = fields.optional("thumbprint", pinned, thumbprint());
    let authority = "PEM file with the authority of its certificate, relative to the inventory's root.";
    let ca = fields.optional("ca", authority, path());
    let trust = match (thumbprint?, ca?) {
        (Some(thumbprint), _) => Trust::Thumbprint(thumbprint),
        (None, ca) => Trust::Ca(ca?),
    };
    Some(VcenterAccess { host: host?, port: port?, user: user?, password: password?, trust })
}

fn switch(fields: &mut Fields<'_>) -> Option<Switch> {
    fields.exactly_one(&["switch", "distributed_switch"]);
    let uplinked = fields.optional("switch", "Standard switch with the uplinks, on every host.", text());
    let isolated = "Standard switch of tests: without uplink, made where it is not there (default: `traghetto-test`).";
    let isolated = fields.optional("test_switch", isolated, text());
    let path = "Distributed switch, below the datacenter's networks.";
    let distributed = fields.optional("distributed_switch", path, place());
    let isolated = isolated?;
    if let Some(distributed) = distributed? {
        if isolated.is_some() {
            let complaint = Complaint::new("a distributed switch needs no switch of tests");
            fields.refuse("test_switch", complaint.hint("remove it: the port groups of tests have no uplink"));
        }
        return Some(Switch::Distributed(distributed));
    }
    let uplinked = uplinked?.filter(|_| !fields.has("distributed_switch"))?;
    let isolated = isolated.unwrap_or_else(|| ISOLATED.to_owned());
    if uplinked == isolated {
        let complaint = Complaint::new("tests would be on the switch with the uplinks");
        fields.refuse("test_switch", complaint.hint("name another, which is made where it is not there"));
    }
    Some(Switch::Standard { uplinked, isolated })
}

fn port_groups(fields: &mut Fields<'_>) -> Option<PortGroupNames> {
    let usual = PortGroupNames::default();
    let kept = fields.or("kept", "Of servers that keep their address.", port_group(), usual.kept);
    let new = fields.or("new", "Of servers with new addresses.", port_group(), usual.new);
    let test = fields.or("test", "Of tests, without uplink.", port_group(), usual.test);
    let names = PortGroupNames { kept: kept?, new: new?, test: test? };
    for (key, name, others) in
        [("new", &names.new, vec![&names.kept]), ("test", &names.test, vec![&names.kept, &names.new])]
    {
        if others.contains(&name) {
            fields.refuse(key, Complaint::new(format!("{} is the name of another port group too", quote(name))));
        }
    }
    Some(names)
}

fn way(fields: &mut Fields<'_>) -> Option<VsphereWay> {
    const WAYS: &[(&str, bool)] = &[("nfs", true), ("nfc", false)];
    let way = "How disks come there: `nfs` boots them from an export of ours, `nfc` imports them on any datastore.";
    let by_nfs = fields.required("way", way, word(WAYS));
    let export = "The NFS export of the operations host, for the way `nfs`.";
    let staging = fields.optional("staging", export, record(export, staging));
    match (by_nfs?, staging?) {
        (true, Some(staging)) => Some(VsphereWay::Nfs(staging)),
        (true, None) => {
            let complaint = Complaint::new("the way `nfs` needs `staging`");
            let hint = "write `staging: {datastore: …, nfs_host: …, nfs_path: …, directory: …}`, or `way: nfc`";
            fields.refuse("way", complaint.hint(hint));
            None
        }
        (false, Some(_)) => {
            let complaint = Complaint::new("only the way `nfs` has `staging`");
            fields.refuse("staging", complaint.hint("remove it, or write `way: nfs`"));
            None
        }
        (false, None) => Some(VsphereWay::Nfc),
    }
}

fn staging(fields: &mut Fields<'_>) -> Option<Staging> {
    let name = fields.required("datastore", "Name of the datastore.", datastore());
    let nfs_host = fields.required("nfs_host", "The operations host, as the hosts reach it.", access::host());
    let nfs_path = fields.required("nfs_path", "Path of the export.", export());
    let folder = "The same folder here, relative to the inventory's root.";
    let directory = fields.required("directory", folder, path());
    Some(Staging { datastore: name?, nfs_host: nfs_host?, nfs_path: nfs_path?, directory: directory? })
}

/// A path in the inventory of vSphere.
fn place() -> impl Form<Value = String> {
    let shape = Shape::Text { pattern: Some("^[^/]+(/[^/]+)*$"), example: Some("Cluster/Resources") };
    scalar(shape, |text| {
        if text.split('/').all(|name| !name.is_empty() && !name.chars().any(char::is_control)) {
            return Ok(text.to_owned());
        }
        Err(Complaint::new(format!("{} is no path of names", quote(text)))
            .hint("write `Cluster/Resources`, without a slash at an end; a slash in a name is `%2f`"))
    })
}

fn datastore() -> impl Form<Value = String> {
    text_like("^[^\\[\\]/\\\\]{1,80}$", "san-prod-1", "the name of a datastore", |text| {
        (1..=80).contains(&text.len()) && !text.chars().any(|c| c.is_control() || "[]/\\".contains(c))
    })
}

fn export() -> impl Form<Value = String> {
    text_like("^/[^\\u0000-\\u0020]*$", "/srv/landing", "the path of an NFS export", |text| {
        text.starts_with('/') && !text.chars().any(|c| c.is_control() || c.is_whitespace())
    })
}

fn port_group() -> impl Form<Value = String> {
    text_like("^[^/\\\\%]*\\{tenant\\}[^/\\\\%]*$", "comune-{tenant}", "a name with `{tenant}` in it", |text| {
        text.matches(PortGroupNames::TENANT).count() == 1
            && text.len() <= 40
            && !text.chars().any(|c| c.is_control() || "/\\%".contains(c))
    })
}

fn thumbprint() -> impl Form<Value = String> {
    let example = "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08";
    text_like("^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$", example, "a SHA-256 in hexadecimal", |text| {
        let pairs: Vec<&str> = text.split(':').collect();
        let digits = text.replace(':', "");
        let whole = pairs.len() == 1 || pairs.iter().all(|pair| pair.len() == 2);
        whole && digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
