//! What a survey found, for people and for programs. Every text of a host is made harmless.

use super::super::table::Table;
use super::super::ui::{Tone, Ui};
use crate::migration::{Measured, Trouble};
use crate::model::TenantId;
use crate::model::server::Server;
use crate::survey::{BlockDevice, Filesystem, Found, Protocol, Survey};
use crate::untrusted::printable;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::error::Error;

/// All of it, as JSON.
pub(super) fn json(tenant: &TenantId, servers: &[Server], found: &[Found], measured: &[(Server, Measured)]) -> Value {
    let with_disks = |(server, found): (&Server, &Found)| {
        let mut entry = entry(server, found);
        if let Some((_, measured)) = measured.iter().find(|(of, _)| of.id == server.id) {
            entry["measured"] = json!(measured.disks);
            entry["not_measured"] = json!(measured.trouble.as_ref().map(Trouble::reason));
        }
        entry
    };
    let servers: Vec<Value> = servers.iter().zip(found).map(with_disks).collect();
    json!({ "tenant": tenant, "servers": servers })
}

fn entry(server: &Server, found: &Found) -> Value {
    match found {
        Found::Surveyed(survey, differences) => {
            let texts: Vec<String> = differences.iter().map(ToString::to_string).collect();
            let id = &server.id;
            json!({ "server": id, "status": "surveyed", "survey": survey, "differences": differences, "texts": texts })
        }
        other => json!({ "server": server.id, "status": status(other), "reason": reason(other) }),
    }
}

fn status(found: &Found) -> &'static str {
    match found {
        Found::Surveyed(..) => "surveyed",
        Found::Failed(error) if error.is_transient() => "unreachable",
        Found::Failed(_) => "refused",
        Found::Malformed { .. } => "malformed",
        Found::NoAccess => "no_access",
    }
}

/// Why there is no survey, on one line.
fn reason(found: &Found) -> String {
    match found {
        Found::Surveyed(..) => String::new(),
        Found::Failed(error) => match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
        Found::Malformed { status, errors } => format!("the script did not run (exit status {status}) {errors}"),
        Found::NoAccess => "the inventory does not say how to reach it".to_owned(),
    }
}

/// A table with a line for each server, then each server in full.
pub(super) fn table(servers: &[Server], found: &[Found], ui: &Ui) -> String {
    let mut table = Table::new(["Server", "System", "Disks", "Used", "Differences"]);
    for (server, found) in servers.iter().zip(found) {
        let Found::Surveyed(survey, differences) = found else {
            table.row([server.id.to_string(), status(found).replace('_', " "), "-".into(), "-".into(), "-".into()]);
            continue;
        };
        table.row([
            server.id.to_string(),
            printable(&survey.system.name),
            disks(survey).map(|disk| gigabytes(disk.size)).collect::<Vec<_>>().join(" + "),
            gigabytes(filesystems(survey).filter_map(|filesystem| filesystem.used).fold(0, u64::saturating_add)),
            differences.len().to_string(),
        ]);
    }
    let mut text = table.render();
    for (server, found) in servers.iter().zip(found) {
        text.push_str(&format!("\n{}\n", ui.tone(Tone::Strong, server.id.as_str())));
        match found {
            Found::Surveyed(survey, differences) => {
                for (label, value) in details(survey) {
                    text.push_str(&format!("  {label:<13} {}\n", printable(&value)));
                }
                for difference in differences {
                    let line = format!("  differs       {}", printable(&difference.to_string()));
                    text.push_str(&ui.tone(Tone::Warn, &line));
                    text.push('\n');
                }
            }
            other => {
                text.push_str(&ui.tone(Tone::Bad, &format!("  {}", printable(&reason(other)))));
                text.push('\n');
            }
        }
    }
    text
}

/// Labels and values; a value that would be empty is left out.
fn details(survey: &Survey) -> Vec<(&'static str, String)> {
    let each = |texts: Vec<String>| texts.join(", ");
    let system = &survey.system;
    let lines = vec![
        ("host name", survey.host_name.clone()),
        ("machine", machine(survey)),
        ("kernel", format!("{} {}", system.kernel, system.architecture)),
        ("disks", each(disks(survey).map(disk).collect())),
        ("filesystems", each(filesystems(survey).map(filesystem).collect())),
        ("interfaces", each(interfaces(survey))),
        ("routes", each(routes(survey))),
        ("name servers", each(survey.name_servers.iter().map(ToString::to_string).collect())),
        ("serves", ports(survey)),
        ("services", each(survey.services.clone())),
        ("directory", if survey.domain_controller { "Samba domain controller".into() } else { String::new() }),
        ("not readable", each(survey.unread.clone())),
    ];
    lines.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect()
}

fn machine(survey: &Survey) -> String {
    let system = &survey.system;
    let parts = [
        system.hardware.clone(),
        system.virtualisation.clone(),
        system.firmware.clone(),
        system.processors.map(|count| format!("{count} processors")),
        system.memory.map(|bytes| format!("{} memory", gigabytes(bytes))),
        survey.uptime_seconds.map(|seconds| format!("up {} days {} h", seconds / 86_400, seconds % 86_400 / 3600)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Disks that may hold data of the server.
fn disks(survey: &Survey) -> impl Iterator<Item = &BlockDevice> {
    survey.disks.iter().filter(|disk| disk.kind == "disk")
}

fn disk(disk: &BlockDevice) -> String {
    let serial = disk.serial.as_deref().map(|serial| format!("serial {serial}"));
    let known: Vec<String> = disk.model.clone().into_iter().chain(serial).collect();
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    let read_only = if disk.read_only { " read-only" } else { "" };
    format!("{} {}{known}{read_only}", disk.name, gigabytes(disk.size))
}

/// Each mounted device once.
fn filesystems(survey: &Survey) -> impl Iterator<Item = &Filesystem> {
    let mut seen = BTreeSet::new();
    survey.filesystems.iter().filter(move |filesystem| seen.insert(&filesystem.source))
}

fn filesystem(filesystem: &Filesystem) -> String {
    let Filesystem { source, kind, mountpoint, read_only, .. } = filesystem;
    let used = match (filesystem.used, filesystem.size) {
        (Some(used), Some(size)) => format!(" {} of {}", gigabytes(used), gigabytes(size)),
        _ => String::new(),
    };
    format!("{mountpoint} {kind} on {source}{used}{}", if *read_only { " read-only" } else { "" })
}

fn interfaces(survey: &Survey) -> Vec<String> {
    let interface = |interface: &crate::survey::Interface| {
        let mut words = vec![interface.name.clone()];
        words.extend(interface.addresses.iter().map(ToString::to_string));
        words.extend(interface.mac.clone());
        words.join(" ")
    };
    survey.interfaces.iter().map(interface).collect()
}

fn routes(survey: &Survey) -> Vec<String> {
    let route = |route: &crate::survey::Route| match route.via {
        Some(via) => format!("{} via {via}", route.destination),
        None => format!("{} on {}", route.destination, route.interface),
    };
    survey.routes.iter().map(route).collect()
}

/// Ports that others reach, by protocol.
fn ports(survey: &Survey) -> String {
    let of = |protocol: Protocol, word: &str| {
        let ports: BTreeSet<u16> = survey
            .ports
            .iter()
            .filter(|port| port.protocol == protocol && !port.address.is_loopback())
            .map(|port| port.port)
            .collect();
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        if ports.is_empty() { String::new() } else { format!("{word} {} ", ports.join(" ")) }
    };
    format!("{}{}", of(Protocol::Tcp, "TCP"), of(Protocol::Udp, "UDP")).trim_end().to_owned()
}

/// Gigabytes of 10^9 bytes, as the inventory counts them.
fn gigabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000_000 + u64::from(bytes % 100_000_000 >= 50_000_000);
    format!("{}.{} GB", tenths / 10, tenths % 10)
}
