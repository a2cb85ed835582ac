//! Why a tenant cannot be planned: what is not built stops the plan, it is never planned anyway.

use super::elsewhere::target;
use super::playbook::{Addressed, Manual, Per, Playbook};
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
    /// Nothing in the playbook says how another machine takes over.
    #[error("server {server} is replaced, and the playbook has no manual step for it")]
    NoReplacement {
        /// Which server.
        server: ServerId,
    },
    /// The new machine takes over the address, and nothing says where it is until then.
    #[error("server {server} is replaced and its address kept: the inventory does not say where the new machine is")]
    NoNewMachine {
        /// Which server.
        server: ServerId,
    },
    /// Nothing in the playbook shows, before the last copy, that the directory does not run.
    #[error("server {server}: directory way `{}`, and the playbook has no step that shows it", way.word())]
    NoGuard {
        /// Which server.
        server: ServerId,
        /// Its way.
        way: DirectoryWay,
    },
    /// Nothing in the playbook puts the directory back into service on the copy.
    #[error("server {server}: directory way `{}`, and the playbook has no step that ends it on the copy", way.word())]
    NoWaking {
        /// Which server.
        server: ServerId,
        /// Its way.
        way: DirectoryWay,
    },
    /// A domain controller may not be copied while it runs.
    #[error("server {server} is a domain controller: transfer `agent` would copy it while it runs")]
    HotController {
        /// Which server.
        server: ServerId,
    },
    /// The way of the directory service and the transfer do not belong together.
    #[error(
        "server {server}: {}, and its directory way is `{}`",
        controller(*.transfer), .way.map_or("none", DirectoryWay::word)
    )]
    Directory {
        /// Which server.
        server: ServerId,
        /// Its transfer.
        transfer: Transfer,
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
        /// What to do.
        next: String,
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
    /// A step that nobody can say is done.
    #[error("step {step}: nobody holds one of the roles {roles} for this tenant")]
    NobodyDoes {
        /// Which step.
        step: String,
        /// Its roles.
        roles: String,
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
    pub fn hint(&self) -> &str {
        match self {
            Refusal::NoServers { .. } => "Describe them under `servers` in the tenant's file.",
            Refusal::NoReplacement { .. } => {
                "Add `manual` steps with `per: server` and `applies_to: {transfer: [replace]}` to the playbook."
            }
            Refusal::NoNewMachine { .. } => {
                "Write `landing_access` or `landing_winrm`: where the new machine is reached before it has the address."
            }
            Refusal::NoGuard { .. } => {
                "Add a `manual` step between the gate that reaches `quiet` and `final-sync`, with `per: server`, \
                 `applies_to: {directory: [dsrm, ntds-stopped]}` and a `probe` that the directory does not answer."
            }
            Refusal::NoWaking { .. } => {
                "Add a `manual` step after `boot` with `per: server`, `applies_to: {directory: [dsrm, ntds-stopped]}` and \
                 a `probe` that the directory answers again."
            }
            Refusal::HotController { .. } => {
                "Boot it from a Linux rescue system: `transfer: rescue` with `directory: cold`."
            }
            Refusal::Directory { .. } => {
                "Legal together, signed by the operator and the municipality: `rescue` with `cold`; `converter` or \
                 `converter-assisted` with `dsrm` or `ntds-stopped`; `replace` with `replace`."
            }
            Refusal::LiveWindows { .. } => "Boot it from a Linux rescue system and use `transfer: rescue`.",
            Refusal::NoDisks { .. } => "List its disks with their `source`; `traghetto survey` shows them.",
            Refusal::NoSource { .. } => "Give the block device, such as /dev/sda; `traghetto survey` shows them.",
            Refusal::NoAccess { .. } => "Say how it is reached over SSH: `access: {host, user, key, host_key}`.",
            Refusal::NoVsphere { .. } => "Describe the vCenter under `landing.vsphere` in inventory/project.yaml.",
            Refusal::NoConverter { .. } => {
                "Write it into the inventory; `traghetto inventory schema` shows its fields."
            }
            Refusal::Converter { next, .. } => next,
            Refusal::Circle { .. } => "Take one of them out of an `after`.",
            Refusal::NobodyDoes { .. } => "Give one of the roles to a person in inventory/people.yaml.",
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
            found.extend(servers.iter().filter_map(|server| without_steps(playbook, server)));
        }
        _ => found.push(Refusal::NoServers { tenant: tenant.name.clone() }),
    }
    let servers = tenant.servers.known().map_or(&[][..], Vec::as_slice);
    let is_planned =
        |manual: &&Manual| manual.per == Per::Tenant || servers.iter().any(|server| manual.applies_to.holds(server));
    for manual in playbook.manual().filter(is_planned) {
        if !manual.by.iter().any(|role| inventory.people.holders(role, &tenant.id).next().is_some()) {
            let roles = manual.by.iter().map(RoleId::as_str).collect::<Vec<_>>().join(", ");
            found.push(Refusal::NobodyDoes { step: manual.manual.to_string(), roles });
        }
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

/// What the way of a controller's transfer is, in words.
fn controller(transfer: Transfer) -> &'static str {
    match transfer {
        Transfer::Agent => "`agent` copies a domain controller while it runs",
        Transfer::Rescue => "`rescue` copies a domain controller while it is off",
        Transfer::Converter => "`converter` copies a domain controller whose Windows runs",
        Transfer::ConverterAssisted => "`converter-assisted` copies a domain controller whose Windows runs",
        Transfer::Replace => "`replace` lets a new domain controller take over",
    }
}

/// What the playbook does not say of a server whose way needs people.
fn without_steps(playbook: &Playbook, server: &Server) -> Option<Refusal> {
    let id = || server.id.clone();
    match (server.transfer, server.directory) {
        (Transfer::Replace, _) if !playbook.replaces(server) => Some(Refusal::NoReplacement { server: id() }),
        (transfer, Some(way @ (DirectoryWay::Dsrm | DirectoryWay::NtdsStopped))) if transfer.is_converter() => {
            match (playbook.guards_directory(server), playbook.wakes_directory(server)) {
                (false, _) => Some(Refusal::NoGuard { server: id(), way }),
                (true, false) => Some(Refusal::NoWaking { server: id(), way }),
                (true, true) => None,
            }
        }
        _ => None,
    }
}

fn of_server(project: &Project, tenant: &Tenant, server: &Server) -> Vec<Refusal> {
    if server.transfer.is_converter() {
        return of_converter(project, tenant, server);
    }
    let mut found = Vec::new();
    let id = || server.id.clone();
    found.extend(of_transfer(server));
    if server.transfer == Transfer::Replace {
        let unknown = server.landing_access.is_none() && server.landing_winrm.is_none();
        let keeps = Addressed::of(server.landing) == Addressed::Keep;
        found.extend((keeps && unknown).then(|| Refusal::NoNewMachine { server: id() }));
        return found;
    }
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
        (Transfer::Replace, true, Some(DirectoryWay::Replace)) => None,
        (transfer @ (Transfer::Rescue | Transfer::Replace), true, way) => {
            Some(Refusal::Directory { server: id, transfer, way })
        }
        (Transfer::Agent, false, _) => match &server.os {
            Os::Linux(_) => None,
            Os::Windows(name) => Some(Refusal::LiveWindows { server: id, os: name.clone() }),
        },
        (Transfer::Rescue, false, _) => None,
        (Transfer::Converter | Transfer::ConverterAssisted | Transfer::Replace, _, _) => None,
    }
}

/// What speaks against Converter for a server.
fn of_converter(project: &Project, tenant: &Tenant, server: &Server) -> Vec<Refusal> {
    let (id, transfer) = (|| server.id.clone(), server.transfer);
    let down = matches!(server.directory, Some(DirectoryWay::Dsrm | DirectoryWay::NtdsStopped));
    if server.is_domain_controller() && !down {
        return vec![Refusal::Directory { server: id(), transfer, way: server.directory }];
    }
    let LandingMachines::Vsphere(vsphere) = &project.landing.machines else {
        return vec![Refusal::NoVsphere { server: id(), transfer }];
    };
    let missing = |missing| vec![Refusal::NoConverter { server: id(), transfer, missing }];
    let Some(source) = &server.converter else { return missing("`converter` of the server: how it is reached") };
    let Some(access) = &project.landing.converter else { return missing("`landing.converter`: its server") };
    let job = converter::derive(&tenant.id, server, source, &target(vsphere, access, tenant, server));
    let blocking = converter::refusals(server, &job, None).into_iter().filter(|refusal| refusal.blocks);
    let told = blocking.map(|refusal| (refusal.what.en, refusal.next.en));
    told.map(|(what, next)| Refusal::Converter { server: id(), what, next }).collect()
}
