//! A server in a tenant's file: what it is, how it is moved, how it is reached.

use super::form::scalars::{absolute_path, address, flag, id, text, whole, word};
use super::form::{Fields, Form, either, list, nonempty_list, record};
use super::problem::{Complaint, nearest, quote, quoted_list};
use super::{access, converter, machine, winrm};
use crate::model::ServerId;
use crate::model::server::{Addressing, DirectoryWay, Disk, Os, Server, ServerRole, Transfer};
use std::collections::BTreeSet;

const STAYING: &[(&str, Addressing)] = &[("keep", Addressing::Keep), ("routes_only", Addressing::RoutesOnly)];
const SNAPSHOT: &[(&str, bool)] = &[("allowed", true), ("forbidden", false)];
/// A gigabyte, as disks are sold.
const GIGABYTE: u64 = 1_000_000_000;
/// No disk of a town hall is larger: a petabyte.
const MAX_BYTES: u64 = 1_000_000_000_000_000;

/// The form of one server.
pub(super) fn form() -> impl Form<Value = Server> {
    record("A machine of the tenant.", server)
}

fn server(fields: &mut Fields<'_>) -> Option<Server> {
    let id = fields.required("id", "Id, unique in the inventory.", id::<ServerId>());
    let os = fields.required("os", "Operating system, with its printed name.", record("A system.", os));
    let physical = fields.required("physical", "Whether it is a physical machine.", flag());
    let billable = fields.required("billable", "Whether the fee counts it.", flag());
    let roles = fields.required("roles", "What it does for the town.", list(word(&ServerRole::WORDS)));
    let address = fields.required("address", "Its address in the tenant's LAN.", address());
    let landing = "Where its address is after the move: `keep`, `{renumber: ADDRESS}`, or `routes_only` as the document words it.";
    let landing = fields.required(
        "landing",
        landing,
        either(word(STAYING), record("A new address at the data center.", renumber)),
    );
    let moved = "How it is moved; there is no default.";
    let transfer = fields.required("transfer", moved, word(&Transfer::WORDS));
    let directory = "How a domain controller is moved, signed by both sides; needed exactly with the role `ad`.";
    let directory = fields.optional("directory", directory, word(&DirectoryWay::WORDS));
    let disks = fields.or("disks", "Its disks.", nonempty_list(record("A disk.", disk)), Vec::new());
    let access = fields.optional("access", "How it is reached before the move.", access::form());
    let landed = "How its copy is reached after the move.";
    let landing_access = fields.optional("landing_access", landed, access::form());
    let asked = "How a Windows is reached over WinRM before the move: for checks and the survey.";
    let winrm = fields.optional("winrm", asked, winrm::form());
    let landed = "How its copy is reached over WinRM after the move.";
    let landing_winrm = fields.optional("landing_winrm", landed, winrm::form());
    let after = fields.or("after", "Ids of servers that move before it.", list(self::id()), Vec::new());
    let stopped = "Services that people stop before its final sync, as systemd or the process list names them.";
    let services_stop = fields.or("services_stop", stopped, list(text()), Vec::new());
    let by_hand = "Hours for which manual steps keep it out of service: of a replacement, a restart into DSRM.";
    let manual_hours = fields.maybe("manual_hours", by_hand, whole::<u32>(0..=720));
    let hardware = "What is to be of its copy's virtual hardware; the rest follows from the survey and the system.";
    let machine = fields.optional("machine", hardware, machine::form());
    let reached = "How VMware Converter reaches it: for `converter` and `converter-assisted`.";
    let converter = fields.optional("converter", reached, converter::source());
    let example = fields.or("example", "Whether names, addresses and sizes are invented.", flag(), false);
    let server = Server {
        id: id?,
        os: os?,
        physical: physical?,
        billable: billable?,
        roles: roles?,
        address: address?,
        landing: landing?,
        transfer: transfer?,
        directory: directory?,
        disks: disks?,
        access: access?,
        landing_access: landing_access?,
        winrm: winrm?,
        landing_winrm: landing_winrm?,
        after: after?,
        services_stop: services_stop?,
        manual_hours: manual_hours?,
        machine: machine?,
        converter: converter?,
        example: example?,
    };
    check_directory(fields, &server);
    check_winrm(fields, &server);
    check_converter(fields, &server);
    check_transfer(fields, &server);
    machine::check(fields, &server);
    fields.unique("disks", "id", server.disks.iter().map(|disk| &disk.id));
    fields.unique("roles", "", server.roles.iter().map(|role| role.word()));
    Some(server)
}

fn os(fields: &mut Fields<'_>) -> Option<Os> {
    fields.exactly_one(&["windows", "linux"]);
    let windows = fields.optional("windows", "Printed name of a Windows.", text());
    let linux = fields.optional("linux", "Printed name of a Linux.", text());
    match (windows?, linux?) {
        (Some(name), _) => Some(Os::Windows(name)),
        (None, name) => name.map(Os::Linux),
    }
}

fn renumber(fields: &mut Fields<'_>) -> Option<Addressing> {
    let address = fields.required("renumber", "The new address, in the tenant's prefix at the data center.", address());
    Some(Addressing::Renumber(address?))
}

fn disk(fields: &mut Fields<'_>) -> Option<Disk> {
    let id = fields.required("id", "Id, unique within the server.", id());
    let seen = "Block device or image file, as the agent sees it on the source.";
    let source = fields.maybe("source", seen, absolute_path());
    let size = bytes(fields, &SIZE);
    let used = bytes(fields, &USED);
    let allowed = "`allowed` where the final sync of a logical volume may copy a snapshot, which takes space of its \
                   volume group; otherwise its filesystems are frozen.";
    let snapshot = fields.or("snapshot", allowed, word(SNAPSHOT), false);
    let (size, used) = (size?, used?);
    if used.zip(size).is_some_and(|(used, size)| used > size) {
        let key = if fields.has("used_gb") { "used_gb" } else { "used_bytes" };
        fields.refuse(key, Complaint::new("more is used than the disk is large"));
    }
    Some(Disk { id: id?, source: source?, size, used, snapshot: snapshot? })
}

/// The two ways of writing a number of bytes.
struct Bytes {
    names: [&'static str; 2],
    docs: [&'static str; 2],
}

const SIZE: Bytes =
    Bytes { names: ["size_gb", "size_bytes"], docs: ["Size in gigabytes of 10^9 bytes.", "Exact size in bytes."] };
const USED: Bytes = Bytes {
    names: ["used_gb", "used_bytes"],
    docs: ["Bytes used by its filesystems, in gigabytes of 10^9.", "Bytes used by its filesystems, exactly."],
};

fn bytes(fields: &mut Fields<'_>, kind: &Bytes) -> Option<Option<u64>> {
    let ([gb_name, bytes_name], [gb_doc, bytes_doc]) = (kind.names, kind.docs);
    fields.at_most_one(&kind.names);
    let gigabytes = fields.maybe(gb_name, gb_doc, whole::<u64>(1..=MAX_BYTES / GIGABYTE));
    let exact = fields.maybe(bytes_name, bytes_doc, whole::<u64>(1..=MAX_BYTES));
    let (gigabytes, exact) = (gigabytes?, exact?);
    Some(exact.or(gigabytes.map(|gigabytes| gigabytes * GIGABYTE)))
}

/// A domain controller names its way, and only a domain controller does.
fn check_directory(fields: &mut Fields<'_>, server: &Server) {
    let ways = || quoted_list(DirectoryWay::WORDS.map(|(word, _)| word));
    match (server.is_domain_controller(), server.directory) {
        (true, None) => {
            let complaint = Complaint::new("the key `directory` is missing: the server is a domain controller");
            fields.refuse(
                "directory",
                complaint.hint(format!("there is no default; agree with the Comune on one of {}", ways())),
            );
        }
        (false, Some(_)) => {
            let complaint = Complaint::new("only a domain controller has the key `directory`");
            fields.refuse("directory", complaint.hint("remove it, or add `ad` to `roles`"));
        }
        (true, Some(DirectoryWay::Replace)) if server.transfer != Transfer::Replace => {
            let complaint = Complaint::new("a controller that is replaced is not transferred");
            fields.refuse("transfer", complaint.hint("write `transfer: replace`, or another `directory`"));
        }
        _ => {}
    }
}

/// Only a Windows has WinRM.
fn check_winrm(fields: &mut Fields<'_>, server: &Server) {
    let ways = [("winrm", &server.winrm), ("landing_winrm", &server.landing_winrm)];
    for (key, _) in ways.into_iter().filter(|(_, way)| way.is_some() && matches!(server.os, Os::Linux(_))) {
        fields.refuse(key, Complaint::new("only a Windows has WinRM").hint("a Linux is reached by `access`, over SSH"));
    }
}

/// Only a Windows is converted.
fn check_converter(fields: &mut Fields<'_>, server: &Server) {
    if server.converter.is_some() && matches!(server.os, Os::Linux(_)) {
        let complaint = Complaint::new("VMware Converter cannot synchronise a running Linux");
        fields.refuse("converter", complaint.hint("write `transfer: agent` or `rescue`, and remove the key"));
    }
}

/// Our own replication needs to know where the disks are and how to log in.
fn check_transfer(fields: &mut Fields<'_>, server: &Server) {
    let word = server.transfer.word();
    if server.transfer == Transfer::Agent && matches!(server.os, Os::Windows(_)) {
        let complaint = Complaint::new("`agent` reads a running Linux; this is a Windows");
        fields.refuse("transfer", complaint.hint("boot it from a rescue system (`rescue`), or use a converter"));
    }
    if !matches!(server.transfer, Transfer::Agent | Transfer::Rescue) {
        return;
    }
    if server.disks.is_empty() {
        fields.refuse(
            "disks",
            Complaint::new(format!("the transfer `{word}` needs at least one disk"))
                .hint("write `disks: [{id: disk0, source: /dev/sda}]`"),
        );
    }
    for (index, disk) in server.disks.iter().enumerate() {
        if disk.source.is_none() {
            let complaint = Complaint::new(format!("the transfer `{word}` needs the disk's `source`"));
            fields
                .refuse(&format!("disks[{index}]"), complaint.hint("the block device on the source, such as /dev/sda"));
        }
    }
    if server.access.is_none() {
        let complaint = Complaint::new(format!("the transfer `{word}` needs `access`"));
        fields.refuse("access", complaint.hint("write `access: {host: …, user: root, key: keys/…}`"));
    }
}

/// Checks among the servers of a tenant: ids, addresses, order.
pub(super) fn check_together(fields: &mut Fields<'_>, servers: &[Server]) {
    fields.unique("servers", "id", servers.iter().map(|server| &server.id));
    fields.unique("servers", "address", servers.iter().map(|server| server.address));
    check_order(fields, servers);
}

/// `after` names servers of the same tenant, without circles.
fn check_order(fields: &mut Fields<'_>, servers: &[Server]) {
    let ids: Vec<&str> = servers.iter().map(|server| server.id.as_str()).collect();
    for (index, server) in servers.iter().enumerate() {
        for (position, before) in server.after.iter().enumerate() {
            if !ids.contains(&before.as_str()) {
                let complaint = Complaint::new(format!("the tenant has no server {}", quote(before.as_str())));
                let hint = match nearest(before.as_str(), ids.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("its servers are {}", quoted_list(ids.iter().copied())),
                };
                fields.refuse(&format!("servers[{index}].after[{position}]"), complaint.hint(hint));
            }
        }
    }
    if let Some(index) = first_in_circle(servers) {
        let complaint = Complaint::new("the order is circular: the server would move before itself");
        fields.refuse(
            &format!("servers[{index}].after"),
            complaint.hint("follow `after` from server to server and break the circle"),
        );
    }
}

/// A server that comes, by way of others, after itself.
fn first_in_circle(servers: &[Server]) -> Option<usize> {
    (0..servers.len()).find(|start| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&Server> = servers.get(*start).into_iter().collect();
        while let Some(server) = next.pop() {
            for before in servers.iter().filter(|other| server.after.contains(&other.id)) {
                if seen.insert(&before.id) {
                    next.push(before);
                }
            }
        }
        servers.get(*start).is_some_and(|server| seen.contains(&server.id))
    })
}
