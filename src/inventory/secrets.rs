//! Whether the references to keys and secrets lead somewhere. Nothing is opened or shown.

use super::files::{TENANTS, read_file};
use super::problem::{Complaint, KeyPath, Problem, Problems};
use super::yaml;
use crate::model::server::{Access, Login, SecretRef};
use crate::model::{Inventory, Known};
use std::path::Path;

/// Looks for each key file, secret file and variable that a tenant's servers name.
///
/// # Errors
/// The references that lead nowhere, or to a file that others may read.
pub fn check(root: &Path, inventory: &Inventory) -> Result<(), Problems> {
    let mut problems = Problems::none();
    for (id, tenant) in &inventory.tenants {
        let Known::Known(servers) = &tenant.servers else { continue };
        let mut lost = Vec::new();
        for (index, server) in servers.iter().enumerate() {
            let path = KeyPath::root().key("servers").item(index);
            let ways = [("access", &server.access), ("landing_access", &server.landing_access)];
            for (key, access) in ways.into_iter().filter_map(|(key, access)| Some((key, access.as_ref()?))) {
                look(root, &path.key(key), access, &mut lost);
            }
        }
        report(root, &format!("{TENANTS}/{id}.yaml"), lost, &mut problems);
    }
    problems.or(Some(()))
}

/// Collects what is lost on the way to a host.
fn look(root: &Path, path: &KeyPath, access: &Access, lost: &mut Vec<(KeyPath, Complaint)>) {
    let found = match &access.login {
        Login::Agent => Ok(()),
        Login::Key(key) => readable_by_us_only(&root.join(key)).map_err(|why| ("key", why)),
        Login::Password(SecretRef::File(secret)) => {
            readable_by_us_only(&root.join(secret)).map_err(|why| ("password", why))
        }
        Login::Password(SecretRef::Env(name)) => match std::env::var_os(name) {
            Some(value) if !value.is_empty() => Ok(()),
            _ => Err(("password", Complaint::new(format!("the environment variable {name} is not set")))),
        },
    };
    lost.extend(found.err().map(|(key, complaint)| (path.key(key), complaint)));
    if let Some(via) = &access.via {
        look(root, &path.key("via"), via, lost);
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

/// OpenSSH refuses keys that others may read; so do we, for secrets too.
fn readable_by_us_only(path: &Path) -> Result<(), Complaint> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = path.metadata().map_err(|error| {
        Complaint::new(format!("{} cannot be found: {error}", path.display()))
            .hint("the path is relative to the folder that --root names")
    })?;
    if !metadata.is_file() {
        return Err(Complaint::new(format!("{} is not a file", path.display())));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(
            Complaint::new(format!("others may read {}", path.display())).hint(format!("chmod 600 {}", path.display()))
        );
    }
    Ok(())
}
