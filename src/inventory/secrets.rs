//! Whether the references to keys and secrets lead somewhere. Nothing is opened or shown.

use super::files::{PROJECT, TENANTS, read_file};
use super::problem::{Complaint, KeyPath, Problem, Problems};
use super::yaml;
use crate::model::Inventory;
use crate::model::notify::NoticeWay;
use crate::model::project::{Landing, LandingMachines};
use crate::model::router_access::RouterAccess;
use crate::model::server::{Access, Login, SecretRef};
use crate::model::vsphere::Trust;
use std::fs::Metadata;
use std::path::Path;

/// Looks for each key file, secret file and variable that a tenant's servers name.
///
/// # Errors
/// The references that lead nowhere, or to a file that others may read.
pub fn check(root: &Path, inventory: &Inventory) -> Result<(), Problems> {
    let mut problems = Problems::none();
    for (id, tenant) in &inventory.tenants {
        let mut lost = Vec::new();
        for (index, server) in tenant.servers.known().into_iter().flatten().enumerate() {
            let path = KeyPath::root().key("servers").item(index);
            let ways = [("access", &server.access), ("landing_access", &server.landing_access)];
            for (key, access) in ways.into_iter().filter_map(|(key, access)| Some((key, access.as_ref()?))) {
                look(root, &path.key(key), access, &mut lost);
            }
            let ways = [("winrm", &server.winrm), ("landing_winrm", &server.landing_winrm)];
            for (key, access) in ways.into_iter().filter_map(|(key, access)| Some((key, access.as_ref()?))) {
                let missing = in_reach(root, &access.password).err();
                lost.extend(missing.map(|complaint| (path.key(key).key("password"), complaint)));
            }
            if let Some(converter) = &server.converter {
                let missing = in_reach(root, &converter.password).err();
                lost.extend(missing.map(|complaint| (path.key("converter").key("password"), complaint)));
            }
        }
        if let Some(probe) = &tenant.test_probe {
            look(root, &KeyPath::root().key("test_probe"), probe, &mut lost);
        }
        for (index, site) in tenant.sites.known().into_iter().flatten().enumerate() {
            let Some(routers) = &site.link.routers else { continue };
            let path = KeyPath::root().key("sites").item(index).key("link").key("routers");
            look_at_router(root, &path.key("primary"), &routers.primary, &mut lost);
            if let Some(standby) = &routers.standby {
                look_at_router(root, &path.key("standby"), standby, &mut lost);
            }
        }
        report(root, &format!("{TENANTS}/{id}.yaml"), lost, &mut problems);
    }
    if let Some(hub) = &inventory.project.network.hub_access {
        let mut lost = Vec::new();
        look_at_router(root, &KeyPath::root().key("network").key("hub_access"), hub, &mut lost);
        report(root, PROJECT, lost, &mut problems);
    }
    let mut lost = Vec::new();
    for (index, receiver) in inventory.project.notify.iter().enumerate() {
        let NoticeWay::Post { token: Some(token), .. } = &receiver.way else { continue };
        let path = KeyPath::root().key("notify").item(index).key("token");
        lost.extend(in_reach(root, token).err().map(|complaint| (path, complaint)));
    }
    report(root, PROJECT, lost, &mut problems);
    look_at_landing(root, &KeyPath::root(), &inventory.project.landing, &mut problems);
    for (index, site) in inventory.project.landing_sites.iter().enumerate() {
        let path = KeyPath::root().key("landing_sites").item(index);
        if let Some(hub) = &site.network.hub_access {
            let mut lost = Vec::new();
            look_at_router(root, &path.key("network").key("hub_access"), hub, &mut lost);
            report(root, PROJECT, lost, &mut problems);
        }
        look_at_landing(root, &path, &site.landing, &mut problems);
    }
    problems.or(Some(()))
}

/// The passwords of the Converter and the vCenter of a landing, and the authority of the latter's certificate.
fn look_at_landing(root: &Path, path: &KeyPath, landing: &Landing, problems: &mut Problems) {
    if let Some(converter) = &landing.converter {
        let path = path.key("landing").key("converter").key("password");
        let missing = in_reach(root, &converter.password).err();
        report(root, PROJECT, missing.map(|complaint| (path, complaint)).into_iter().collect(), problems);
    }
    let LandingMachines::Vsphere(vsphere) = &landing.machines else { return };
    let path = path.key("landing").key("vsphere");
    let mut lost = Vec::new();
    lost.extend(in_reach(root, &vsphere.access.password).err().map(|why| (path.key("password"), why)));
    if let Trust::Ca(ca) = &vsphere.access.trust {
        lost.extend(metadata(&root.join(ca)).err().map(|why| (path.key("ca"), why)));
    }
    report(root, PROJECT, lost, problems);
}

/// Collects what is lost on the way to a router.
fn look_at_router(root: &Path, path: &KeyPath, router: &RouterAccess, lost: &mut Vec<(KeyPath, Complaint)>) {
    look(root, path, &router.access, lost);
    let missing = router.enable.as_ref().and_then(|secret| in_reach(root, secret).err());
    lost.extend(missing.map(|complaint| (path.key("enable"), complaint)));
}

/// Collects what is lost on the way to a host.
fn look(root: &Path, path: &KeyPath, access: &Access, lost: &mut Vec<(KeyPath, Complaint)>) {
    let found = match &access.login {
        Login::Agent => Ok(()),
        Login::Key(key) => readable_by_us_only(&root.join(key)).map_err(|why| ("key", why)),
        Login::Password(secret) => in_reach(root, secret).map_err(|why| ("password", why)),
    };
    lost.extend(found.err().map(|(key, complaint)| (path.key(key), complaint)));
    if let Some(via) = &access.via {
        look(root, &path.key("via"), via, lost);
    }
}

fn in_reach(root: &Path, secret: &SecretRef) -> Result<(), Complaint> {
    match secret {
        SecretRef::File(path) => readable_by_us_only(&root.join(path)),
        SecretRef::Env(name) => match std::env::var_os(name) {
            Some(value) if !value.is_empty() => Ok(()),
            _ => Err(Complaint::new(format!("the environment variable {name} is not set"))),
        },
    }
}

/// Gives each its place in the file, which is read again for it.
fn report(root: &Path, file: &str, lost: Vec<(KeyPath, Complaint)>, problems: &mut Problems) {
    let source = if lost.is_empty() { None } else { read_file(root, file).ok() };
    let document = source.and_then(|source| yaml::parse(file, &source.bytes, &mut Problems::none()));
    for (path, complaint) in lost {
        let place = document.as_ref().map(|document| document.root.locate(&path));
        problems.push(Problem::new(file, place, path, complaint));
    }
}

/// Of a file that is there.
fn metadata(path: &Path) -> Result<Metadata, Complaint> {
    let metadata = path.metadata().map_err(|error| {
        Complaint::new(format!("{} cannot be found: {error}", path.display()))
            .hint("the path is relative to the folder that --root names")
    })?;
    if !metadata.is_file() {
        return Err(Complaint::new(format!("{} is not a file", path.display())));
    }
    Ok(metadata)
}

/// OpenSSH refuses keys that others may read; so do we, for secrets too.
fn readable_by_us_only(path: &Path) -> Result<(), Complaint> {
    use std::os::unix::fs::PermissionsExt as _;
    if metadata(path)?.permissions().mode() & 0o077 != 0 {
        return Err(
            Complaint::new(format!("others may read {}", path.display())).hint(format!("chmod 600 {}", path.display()))
        );
    }
    Ok(())
}
