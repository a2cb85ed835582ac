//! known_hosts files (sshd(8)): which keys are recorded for a host, and what they say of a key shown.

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::ssh_key::{Algorithm, PublicKey};
use std::path::{Path, PathBuf};

/// A line that speaks of our host.
#[derive(Debug, Clone)]
struct Record {
    marker: Option<Marker>,
    key: PublicKey,
    place: String,
}

/// What known_hosts files say about one host.
#[derive(Debug, Clone, Default)]
pub(super) struct Records(Vec<Record>);

/// What the records say of a key that the host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is recorded.
    Known,
    /// It is revoked, at this place.
    Revoked(String),
    /// Another key is recorded, at this place.
    Changed(String),
    /// Only a certificate authority is recorded, at this place; we do not check certificates.
    Authority(String),
    /// Nothing is recorded.
    Unknown,
}

impl Records {
    /// Adds the lines of `text` that name `host` and `port`. Lines that cannot be read are left out.
    pub(super) fn add(&mut self, text: &str, file: &Path, host: &str, port: u16) {
        let name = known_name(host, port);
        for (index, line) in text.lines().enumerate() {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Ok(entry) = line.parse::<Entry>() else { continue };
            if names(entry.host_patterns(), &name) {
                let place = format!("{}:{}", file.display(), index + 1);
                self.0.push(Record { marker: entry.marker().copied(), key: entry.public_key().clone(), place });
            }
        }
    }

    /// What the records say of `key`; a revocation weighs more than anything else.
    pub(super) fn judge(&self, key: &PublicKey) -> Verdict {
        let find = |marker: Option<Marker>, same: bool| {
            self.0.iter().find(|record| record.marker == marker && (!same || record.key.key_data() == key.key_data()))
        };
        if let Some(record) = find(Some(Marker::Revoked), true) {
            return Verdict::Revoked(record.place.clone());
        }
        if find(None, true).is_some() {
            return Verdict::Known;
        }
        if let Some(record) = find(None, false) {
            return Verdict::Changed(record.place.clone());
        }
        match find(Some(Marker::CertAuthority), false) {
            Some(record) => Verdict::Authority(record.place.clone()),
            None => Verdict::Unknown,
        }
    }

    /// Algorithms of the recorded keys: the host is asked for one of these first, as OpenSSH does.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        self.0.iter().filter(|record| record.marker.is_none()).map(|record| record.key.algorithm()).collect()
    }
}

/// The name under which OpenSSH records a host.
fn known_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// Whether `patterns` name `name`: hashed, or a list in which `!` excludes.
fn names(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            Hmac::<sha1::Sha1>::new_from_slice(salt).is_ok_and(|mac| mac.chain_update(name).verify_slice(hash).is_ok())
        }
        HostPatterns::Patterns(list) => {
            let excluded = list.iter().filter_map(|pattern| pattern.strip_prefix('!'));
            let included = list.iter().filter(|pattern| !pattern.starts_with('!'));
            !excluded.into_iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
                && included.into_iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
        }
    }
}

/// Whether `pattern` with `*` and `?` matches `name`, without regard to case; linear in both.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(from) {
            Some(b'*') => {
                star = Some((from, at));
                from += 1;
            }
            Some(&c) if c == b'?' || c.eq_ignore_ascii_case(&name[at]) => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((asterisk, taken)) => {
                    star = Some((asterisk, taken + 1));
                    from = asterisk + 1;
                    at = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[from..].iter().all(|&c| c == b'*')
}

/// The records of all `files` for a host; a file that does not exist says nothing.
///
/// # Errors
/// The file that cannot be read, and why.
pub(super) fn read(files: &[PathBuf], host: &str, port: u16) -> Result<Records, (PathBuf, std::io::Error)> {
    let mut records = Records::default();
    for file in files {
        match std::fs::read(file) {
            Ok(bytes) => records.add(&String::from_utf8_lossy(&bytes), file, host, port),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err((file.clone(), error)),
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G2sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";
    const HASHED: &str = "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak= ssh-ed25519 \
                          AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";

    fn judge(text: &str, host: &str, port: u16, key: &str) -> Verdict {
        let mut records = Records::default();
        records.add(text, Path::new("kh"), host, port);
        records.judge(&key.parse().unwrap())
    }

    #[test]
    fn a_recorded_key_is_known_under_its_name_and_port_only() {
        let text = format!("# comment\n\nsrv1,192.0.2.10\t{KEY} me@there\n[srv1]:2222 {OTHER}\n");
        assert_eq!(judge(&text, "srv1", 22, KEY), Verdict::Known);
        assert_eq!(judge(&text, "SRV1", 22, KEY), Verdict::Known);
        assert_eq!(judge(&text, "192.0.2.10", 22, KEY), Verdict::Known);
        assert_eq!(judge(&text, "srv1", 2222, OTHER), Verdict::Known);
        assert_eq!(judge(&text, "srv1", 22, OTHER), Verdict::Changed("kh:3".into()));
        assert_eq!(judge(&text, "srv2", 22, KEY), Verdict::Unknown);
    }

    #[test]
    fn a_changed_key_of_another_algorithm_is_changed_too() {
        let rsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9\
                   nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=";
        assert_eq!(judge(&format!("srv1 {KEY}"), "srv1", 22, rsa), Verdict::Changed("kh:1".into()));
    }

    #[test]
    fn hashed_names_are_found() {
        let key = HASHED.split_once(' ').unwrap().1;
        assert_eq!(judge(HASHED, "example.com", 22, key), Verdict::Known);
        assert_eq!(judge(HASHED, "example.com", 23, key), Verdict::Unknown);
    }

    #[test]
    fn revocation_wins_and_authorities_vouch_for_nothing() {
        let text = format!("srv1 {KEY}\n@revoked * {KEY}\n");
        assert_eq!(judge(&text, "srv1", 22, KEY), Verdict::Revoked("kh:2".into()));
        let text = format!("@cert-authority *.example.org {KEY}\n");
        assert_eq!(judge(&text, "a.example.org", 22, KEY), Verdict::Authority("kh:1".into()));
    }

    #[test]
    fn patterns_and_negations() {
        let text = format!("*.lan,!bad.lan,srv? {KEY}");
        assert_eq!(judge(&text, "good.lan", 22, KEY), Verdict::Known);
        assert_eq!(judge(&text, "bad.lan", 22, KEY), Verdict::Unknown);
        assert_eq!(judge(&text, "srv1", 22, KEY), Verdict::Known);
        assert_eq!(judge(&text, "srv12", 22, KEY), Verdict::Unknown);
        assert!(matches(b"*a*b*", b"xxaxxbxx") && !matches(b"*a*b", b"xxaxxbxx"));
    }

    #[test]
    fn garbage_is_left_out() {
        let text = format!("@gibberish srv1 {KEY}\nsrv1 ssh-ed25519 AAAA\nsrv1\n\u{0}\n");
        assert_eq!(judge(&text, "srv1", 22, KEY), Verdict::Unknown);
    }
}
