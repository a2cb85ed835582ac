//! Why a tenant cannot be planned: what is not built stops the plan, it is never planned anyway.

use super::elsewhere::target;
use super::playbook::Playbook;
use crate::converter;
use crate::model::project::{LandingMachines, Project};
use crate::model::server::{DirectoryWay, Os, Server, Transfer};
use crate::model::tenant::Tenant;
use crate::model::{DiskId, Inventory, RoleId, ServerId};

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody has said which servers there are.
    #[error("the servers of {tenant} are not known")]
    NoServers {
        /// The tenant's name.
        tenant: String,
    },
    /// The transfer is not built.
    #[error("server {server}: transfer `{}` is not built yet", transfer.word())]
    Transfer {
        /// Which server.
        server: ServerId,
        /// Its transfer.
        transfer: Transfer,
    },
    /// A domain controller may not be copied while it runs.
    #[error("server {server} is a domain controller: transfer `agent` would copy it while it runs")]
    HotController {
        /// Which server.
        server: ServerId,
    },
    /// The way of the directory service is not built.
    #[error("server {server}: directory way `{}` is not built yet", .way.map_or("none", DirectoryWay::word))]
    Directory {
        /// Which server.
        server: ServerId,
        /// The way it names.
        way: Option<DirectoryWay>,
    },
    /// The live transfer is for Linux.
    #[error("server {server} runs {os}: transfer `agent` copies a running Linux only")]
    LiveWindows {
        /// Which server.
        server: ServerId,
        /// Its system.
        os: String,
    },
    /// Nothing to copy.
    #[error("server {server} has no disks")]
    NoDisks {
        /// Which server.
        server: ServerId,
    },
    /// A disk without a place on the source.
    #[error("server {server}: disk {disk} has no `source`")]
    NoSource {
        /// Which server.
        server: ServerId,
        /// Which disk.
        disk: DiskId,
    },
    /// Converter needs a vSphere to make its machine in.
    #[error("server {server}: transfer `{}` needs `landing.vsphere`", transfer.word())]
    NoVsphere {
        /// Which server.
        server: ServerId,
        /// Its transfer.
        transfer: Transfer,
    },
    /// Nobody says where Converter is, or how it reaches the server.
    #[error("server {server}: transfer `{}` needs {missing}", transfer.word())]
    NoConverter {
        /// Which server.
        server: ServerId,
        /// Its transfer.
        transfer: Transfer,
        /// What the inventory does not have.
        missing: &'static str,
    },
    /// Converter would lose something.
    #[error("server {server}: {what}")]
    Converter {
        /// Which server.
        server: ServerId,
        /// Why.
        what: String,
    },
    /// No way to the host.
    #[error("server {server} has no `access`")]
    NoAccess {
        /// Which server.
        server: ServerId,
    },
    /// Servers that wait for each other.
    #[error("servers wait for each other in `after`, beginning with {}", .server.as_ref().map_or("an unknown one", ServerId::as_str))]
    Circle {
        /// One of them.
        server: Option<ServerId>,
    },
    /// A gate that nobody can sign.
    #[error("gate {gate}: nobody holds the role {role} for this tenant")]
    NobodySigns {
        /// Which gate.
        gate: String,
        /// Which role.
        role: RoleId,
    },
}

impl Refusal {
    /// What to do, as a full sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Refusal::NoServers { .. } => "Describe them under `servers` in the tenant's file.",
            Refusal::Transfer { .. } => {
                "Boot it from a Linux rescue system and use `transfer: rescue`; for a running Linux use `agent`."
            }
            Refusal::HotController { .. } => {
                "Boot it from a Linux rescue system: `transfer: rescue` with `directory: cold`."
            }
            Refusal::Directory { .. } => {
                "Use `directory: cold` with `transfer: rescue`, signed by the operator and the municipality."
            }
            Refusal::LiveWindows { .. } => "Boot it from a Linux rescue system and use `transfer: rescue`.",
            Refusal::NoDisks { .. } => "List its disks with their `source`; `traghetto survey` shows them.",
            Refusal::NoSource { .. } => "Give the block device, such as /dev/sda; `traghetto survey` shows them.",
            Refusal::NoAccess { .. } => "Say how it is reached over SSH: `access: {host, user, key, host_key}`.",
            Refusal::NoVsphere { .. } => "Describe the vCenter under `landing.vsphere` in inventory/project.yaml.",
            Refusal::NoConverter { .. } => {
                "Write it into the inventory; `traghetto inventory schema` shows its fields."
            }
            Refusal::Converter { .. } => "Use another transfer: `rescue` moves any machine.",
            Refusal::Circle { .. } => "Take one of them out of an `after`.",
            Refusal::NobodySigns { .. } => "Give the role to a person in inventory/people.yaml.",
        }
    }
}

/// Every reason against a plan.
pub(super) fn refusals(inventory: &Inventory, tenant: &Tenant, playbook: &Playbook) -> Vec<Refusal> {
    let mut found = Vec::new();
    match tenant.servers.known() {
        Some(servers) if !servers.is_empty() => {
            found.extend(servers.iter().flat_map(|server| of_server(&inventory.project, tenant, server)));
        }
        _ => found.push(Refusal::NoServers { tenant: tenant.name.clone() }),
    }
    for (_, gate) in playbook.gates() {
        for role in &gate.roles {
            if inventory.people.holders(role, &tenant.id).next().is_none() {
                found.push(Refusal::NobodySigns { gate: gate.gate.to_string(), role: role.clone() });
            }
        }
    }
    found
}

fn of_server(project: &Project, tenant: &Tenant, server: &Server) -> Vec<Refusal> {
    if server.transfer.is_converter() {
        return of_converter(project, tenant, server);
    }
    let mut found = Vec::new();
    let id = || server.id.clone();
    found.extend(of_transfer(server));
    if server.access.is_none() {
        found.push(Refusal::NoAccess { server: id() });
    }
    if server.disks.is_empty() {
        found.push(Refusal::NoDisks { server: id() });
    }
    let without = server.disks.iter().filter(|disk| disk.source.is_none());
    found.extend(without.map(|disk| Refusal::NoSource { server: id(), disk: disk.id.clone() }));
    found
}

fn of_transfer(server: &Server) -> Option<Refusal> {
    let id = server.id.clone();
    match (server.transfer, server.is_domain_controller(), server.directory) {
        (Transfer::Agent, true, _) => Some(Refusal::HotController { server: id }),
        (Transfer::Rescue, true, Some(DirectoryWay::Cold)) => None,
        (Transfer::Rescue, true, way) => Some(Refusal::Directory { server: id, way }),
        (Transfer::Agent, false, _) => match &server.os {
            Os::Linux(_) => None,
            Os::Windows(name) => Some(Refusal::LiveWindows { server: id, os: name.clone() }),
        },
        (Transfer::Rescue, false, _) => None,
        (Transfer::Converter | Transfer::ConverterAssisted, _, _) => None,
        (transfer @ Transfer::Replace, _, _) => Some(Refusal::Transfer { server: id, transfer }),
    }
}

/// What speaks against Converter for a server.
fn of_converter(project: &Project, tenant: &Tenant, server: &Server) -> Vec<Refusal> {
    let (id, transfer) = (|| server.id.clone(), server.transfer);
    let LandingMachines::Vsphere(vsphere) = &project.landing.machines else {
        return vec![Refusal::NoVsphere { server: id(), transfer }];
    };
    let missing = |missing| vec![Refusal::NoConverter { server: id(), transfer, missing }];
    let Some(source) = &server.converter else { return missing("`converter` of the server: how it is reached") };
    let Some(access) = &project.landing.converter else { return missing("`landing.converter`: its server") };
    let job = converter::derive(&tenant.id, server, source, &target(vsphere, access, tenant, server));
    let blocking = converter::refusals(server, &job, None).into_iter().filter(|refusal| refusal.blocks);
    blocking.map(|refusal| Refusal::Converter { server: id(), what: refusal.what.en }).collect()
}
