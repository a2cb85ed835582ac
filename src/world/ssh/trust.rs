//! Which host keys we believe, and where our own keys and secrets are.

use super::known_hosts::{self, Records, Verdict};
use super::trouble::Trouble;
use crate::model::server::Access;
use crate::world::ShellError;
use russh::Preferred;
use russh::keys::ssh_key::{Algorithm, HashAlg, PublicKey};
use std::path::{Path, PathBuf};

/// What the operator trusts and holds.
#[derive(Debug, Clone)]
pub struct Trust {
    /// known_hosts files; one that does not exist says nothing.
    pub known_hosts: Vec<PathBuf>,
    /// Folder to which key and secret files of the inventory are relative.
    pub root: PathBuf,
    /// Socket of the operator's SSH agent.
    pub agent: Option<PathBuf>,
}

impl Trust {
    /// The operator's own: `~/.ssh/known_hosts`, the system's, `.traghetto/known_hosts` under
    /// `root`, and the agent of the environment.
    pub fn of_operator(root: &Path) -> Self {
        let home = std::env::home_dir().map(|home| home.join(".ssh/known_hosts"));
        let mut known_hosts: Vec<PathBuf> = home.into_iter().collect();
        known_hosts.push("/etc/ssh/ssh_known_hosts".into());
        known_hosts.push(root.join(".traghetto/known_hosts"));
        let agent = std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { known_hosts, root: root.to_owned(), agent }
    }

    /// The rule by which the key of `access` is judged.
    ///
    /// # Errors
    /// A known_hosts file exists and cannot be read: a revocation might stand in it.
    pub(super) fn rule(&self, access: &Access) -> Result<HostKeyRule, ShellError> {
        let records = known_hosts::read(&self.known_hosts, &access.host, access.port).map_err(|(file, error)| {
            ShellError::Secret {
                host: access.host.clone(),
                what: format!("known_hosts file {}", file.display()),
                source: error.into(),
            }
        })?;
        Ok(HostKeyRule { pinned: access.host_key.clone(), records })
    }
}

/// How the host key of one host is judged.
#[derive(Debug, Clone)]
pub(super) struct HostKeyRule {
    pinned: Option<String>,
    records: Records,
}

impl HostKeyRule {
    /// Accepts `key`, or says why not.
    pub(super) fn judge(&self, key: &PublicKey) -> Result<(), Trouble> {
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let verdict = self.records.judge(key);
        let expected = match (verdict, &self.pinned) {
            (Verdict::Revoked(place), _) => format!("is revoked in {place}"),
            (_, Some(pinned)) if *pinned == fingerprint => return Ok(()),
            (_, Some(pinned)) => format!("is not the one of the inventory ({pinned})"),
            (Verdict::Known, None) => return Ok(()),
            (Verdict::Changed(place), None) => format!("is not the one recorded in {place}"),
            (Verdict::Authority(place), None) => {
                format!("nobody has confirmed: host certificates ({place}) are not supported")
            }
            (Verdict::Unknown, None) => {
                "nobody has confirmed: it is in no known_hosts file, and the inventory has no host_key".to_owned()
            }
        };
        Err(Trouble::HostKey { fingerprint, expected })
    }

    /// The lists of host key algorithms to ask for, one connection each until the key is accepted.
    /// A pinned fingerprint does not tell its algorithm, and a host has a key for each: where the
    /// first one shown is not it, the others are asked for.
    pub(super) fn offers(&self) -> Vec<Vec<Algorithm>> {
        let all = Preferred::DEFAULT.key.to_vec();
        if self.pinned.is_some() {
            let family = |wanted: fn(&Algorithm) -> bool| all.iter().filter(|key| wanted(key)).cloned().collect();
            return vec![
                family(|key| matches!(key, Algorithm::Ed25519)),
                family(|key| matches!(key, Algorithm::Ecdsa { .. })),
                family(|key| matches!(key, Algorithm::Rsa { .. })),
            ];
        }
        let recorded = self.records.algorithms();
        let is_recorded = |key: &Algorithm| {
            recorded
                .iter()
                .any(|known| known == key || matches!((known, key), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. })))
        };
        let (mut first, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(is_recorded);
        first.extend(rest);
        vec![first]
    }
}
