//! Secrets, read at the moment when they are needed and never kept, printed or logged.

use crate::model::notify::NoticeWay;
use crate::model::project::{LandingMachines, Project};
use crate::model::server::{Access, Login, SecretRef};
use crate::model::tenant::Tenant;
use std::error::Error;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The longest secret or key file we read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Why a secret is not at hand. Says which one by its reference, and never its value.
#[derive(Debug, thiserror::Error)]
#[error("the {what} cannot be read")]
pub struct Unreadable {
    /// Which secret, such as `password file keys/root`.
    pub what: String,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// The value of a password, relative to the inventory's `root`: one line, without its end.
///
/// # Errors
/// It is not set, not there, empty, or readable by others.
pub fn password(secret: &SecretRef, root: &Path) -> Result<String, Unreadable> {
    match secret {
        SecretRef::Env(name) => std::env::var(name).map_err(|_| Unreadable {
            what: format!("password in the environment variable {name}"),
            source: "it is not set, or not text".into(),
        }),
        SecretRef::File(path) => {
            let path = root.join(path);
            let what = format!("password file {}", path.display());
            first_line(&path).map_err(|source| Unreadable { what, source })
        }
    }
}

/// The passwords of a tenant's hosts and routers that this machine holds: what evidence must not.
pub fn held(tenant: &Tenant, root: &Path) -> Vec<String> {
    let servers = tenant.servers.known().into_iter().flatten();
    let windows: Vec<_> = servers.clone().flat_map(|server| [&server.winrm, &server.landing_winrm]).flatten().collect();
    let accesses = servers.clone().flat_map(|server| [&server.access, &server.landing_access]).flatten();
    let routers = tenant.sites.known().into_iter().flatten().filter_map(|site| site.link.routers.as_ref());
    let routers: Vec<_> = routers.flat_map(|pair| [Some(&pair.primary), pair.standby.as_ref()]).flatten().collect();
    let mut secrets: Vec<&SecretRef> = routers.iter().filter_map(|router| router.enable.as_ref()).collect();
    secrets.extend(windows.iter().map(|access| &access.password));
    secrets.extend(servers.clone().filter_map(|server| server.converter.as_ref()).map(|source| &source.password));
    for access in accesses.chain(&tenant.test_probe).chain(routers.iter().map(|router| &router.access)) {
        let mut on_the_way = Some(access);
        while let Some(Access { login, via, .. }) = on_the_way {
            if let Login::Password(secret) = login {
                secrets.push(secret);
            }
            on_the_way = via.as_deref();
        }
    }
    // What cannot be read cannot have been used either.
    secrets.into_iter().filter_map(|secret| password(secret, root).ok()).collect()
}

/// The passwords of the project's own hosts that this machine holds: of the vCenter where machines land, of
/// Converter, of those who are told.
pub fn held_for(project: &Project, root: &Path) -> Vec<String> {
    let vcenter = match &project.landing.machines {
        LandingMachines::Vsphere(vsphere) => Some(&vsphere.access.password),
        LandingMachines::ByHand | LandingMachines::Lab(_) => None,
    };
    let converter = project.landing.converter.as_ref().map(|converter| &converter.password);
    let tokens = project.notify.iter().filter_map(|receiver| match &receiver.way {
        NoticeWay::Post { token, .. } => token.as_ref(),
        NoticeWay::Command(_) => None,
    });
    vcenter.into_iter().chain(converter).chain(tokens).filter_map(|reference| password(reference, root).ok()).collect()
}

/// A file's first line.
fn first_line(path: &Path) -> Result<String, Box<dyn Error + Send + Sync>> {
    let text = private_file(path)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err("its first line is empty".into()),
    }
}

/// Reads a file that holds a secret, which nobody else may read.
///
/// # Errors
/// It is not there, no file, or others may read it.
pub fn private_file(path: &Path) -> Result<String, Box<dyn Error + Send + Sync>> {
    let file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err("it is not a file".into());
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(format!("others may read it (mode {:04o}); chmod 600 it", metadata.mode() & 0o7777).into());
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Where the secrets are that configurations name as `<secret:NAME>`.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// The inventory's root.
    pub root: PathBuf,
    /// `network.secrets`: a folder with a file for each, relative to the root.
    pub folder: Option<PathBuf>,
}

/// What begins the name of the variable of a secret.
const VARIABLE: &str = "TRAGHETTO_SECRET_";
/// How a configuration names a secret.
const OPENING: &str = "<secret:";

impl Secrets {
    /// The environment variable that may hold the secret `name`: `TRAGHETTO_SECRET_CINTO_HSRP_KEY`.
    pub fn variable(name: &str) -> String {
        let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        format!("{VARIABLE}{}", name.chars().map(word).collect::<String>())
    }

    /// The names of the secrets in `line`.
    pub fn names(line: &str) -> Vec<&str> {
        line.match_indices(OPENING)
            .filter_map(|(at, opening)| line[at + opening.len()..].split_once('>').map(|(name, _)| name))
            .collect()
    }

    /// `line` with the values of its secrets in their places, and these values.
    ///
    /// # Errors
    /// A secret is not at hand, or would not stay one word on a router.
    pub fn put_into(&self, line: &str) -> Result<(String, Vec<String>), Unreadable> {
        let mut values = Vec::new();
        let mut text = line.to_owned();
        for name in Self::names(line) {
            let value = self.value(name)?;
            text = text.replace(&format!("{OPENING}{name}>"), &value);
            values.push(value);
        }
        Ok((text, values))
    }

    fn value(&self, name: &str) -> Result<String, Unreadable> {
        let variable = Self::variable(name);
        let unreadable = |what: String, source| Unreadable { what, source };
        let (what, value) = match (std::env::var(&variable), &self.folder) {
            (Ok(value), _) => (format!("secret {name} in the environment variable {variable}"), value),
            (Err(_), None) => {
                let why =
                    format!("the variable {variable} is not set, and project.yaml names no folder `network.secrets`");
                return Err(unreadable(format!("secret {name}"), why.into()));
            }
            (Err(_), Some(folder)) => {
                let path = self.root.join(folder).join(name);
                let what = format!("secret {name} in the file {}", path.display());
                match first_line(&path) {
                    Ok(value) => (what, value),
                    Err(why) => return Err(unreadable(what, why)),
                }
            }
        };
        // A question mark asks for help, a space ends the word, anything else might end the line.
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?') {
            let why =
                "it is empty, or holds a space, a question mark or a sign outside ASCII, which a router does not take";
            return Err(unreadable(what, why.into()));
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(folder: &Path) -> Secrets {
        Secrets { root: folder.to_owned(), folder: Some("secrets".into()) }
    }

    fn write(folder: &Path, name: &str, text: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.join("secrets").join(name);
        std::fs::create_dir_all(folder.join("secrets")).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_secret_takes_the_place_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "cinto.hsrp-key", "S3cret!\nmore\n", 0o600);
        let (line, values) = secrets(folder.path()).put_into("  key-string <secret:cinto.hsrp-key>").unwrap();
        assert_eq!((line.as_str(), values), ("  key-string S3cret!", vec!["S3cret!".to_owned()]));
        assert_eq!(Secrets::variable("cinto.hsrp-key"), "TRAGHETTO_SECRET_CINTO_HSRP_KEY");
        assert_eq!(secrets(folder.path()).put_into("no secret").unwrap().0, "no secret");
    }

    #[test]
    fn what_would_not_stay_one_word_is_refused_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        for (value, mode) in [("two words", 0o600), ("help?", 0o600), ("", 0o600), ("è", 0o600), ("open", 0o644)] {
            write(folder.path(), "k", value, mode);
            let error = secrets(folder.path()).put_into("key <secret:k>").unwrap_err();
            let shown = format!("{error}: {}", error.source);
            assert!(value.is_empty() || !shown.contains(value), "{shown}");
            assert!(shown.contains("secret k"), "{shown}");
        }
        let error = secrets(folder.path()).put_into("key <secret:other>").unwrap_err();
        assert!(error.to_string().contains("secrets/other"), "{error}");
    }
}
