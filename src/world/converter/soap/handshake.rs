//! Certificates that Converter meets: it asks us whether to trust them, and we compare with what the
//! inventory has. Nothing is trusted because it was shown.

use super::super::fault::Fault;
use super::super::spec::Keys;
use super::super::trouble::Trouble;
use super::SoapConverter;
use crate::model::converter::Job;
use crate::model::server::SecretRef;
use crate::world::pin::Fingerprint;
use crate::world::secret;
use crate::world::soap::{Call, Element};
use std::sync::{MutexGuard, PoisonError};

/// Rounds of a call: the source may be asked about, and the vCenter.
const ROUNDS: usize = 3;

/// What came up, and was what the inventory has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Vouched {
    /// The agent of a source, by its host: its SHA-1.
    sources: std::collections::BTreeMap<String, String>,
    /// Agents that Converter put on a source just now, by its host: told over a connection that we trust,
    /// by the one who made the certificate.
    installed: std::collections::BTreeMap<String, String>,
    /// A vCenter, by its name: its SHA-1.
    vcenters: std::collections::BTreeMap<String, String>,
}

impl SoapConverter {
    fn vouched(&self) -> MutexGuard<'_, Vouched> {
        // Whole at every moment: a thread that panicked left it so.
        self.vouched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passwords, and the thumbprints that came up and were right.
    pub(super) fn keys(&self, job: &Job) -> Result<Keys, Trouble> {
        let password = |secret: &SecretRef| {
            secret::password(secret, &self.client.root).map_err(|error| Trouble::Secret {
                server: self.server().to_owned(),
                what: error.what,
                source: error.source,
            })
        };
        let (source_password, vcenter_password) = (password(&job.source.password)?, password(&job.target.password)?);
        let vouched = self.vouched();
        Ok(Keys {
            source_password,
            vcenter_password,
            source_thumbprint: vouched.sources.get(&job.source.host).cloned(),
            vcenter_thumbprint: vouched.vcenters.get(&job.target.vcenter).cloned(),
        })
    }

    /// Asks, and answers for certificates that come up and that the inventory has.
    pub(super) async fn shaken(
        &self,
        job: &Job,
        doing: &str,
        call: impl Fn(&Keys) -> Call,
    ) -> Result<Vec<Element>, Trouble> {
        for _ in 1..ROUNDS {
            let keys = self.keys(job)?;
            match self.client.call(&call(&keys), doing).await {
                Err(Trouble::Fault { fault: Fault::Thumbprint { thumbprint }, .. }) => self.vouch(job, &thumbprint)?,
                told => return told,
            }
        }
        let keys = self.keys(job)?;
        self.client.call(&call(&keys), doing).await
    }

    /// The agent that was put on the source has this certificate.
    pub(super) fn installed(&self, job: &Job, shown: &str) -> Result<(), Trouble> {
        let known = job.source.thumbprint.as_deref();
        if known.is_some_and(|known| !same(known, shown)) {
            return Err(self.unknown(&job.source.host, shown, known));
        }
        self.vouched().installed.insert(job.source.host.clone(), shown.to_owned());
        Ok(())
    }

    /// Takes a certificate that came up, if the inventory has it and it was not answered for before.
    fn vouch(&self, job: &Job, shown: &str) -> Result<(), Trouble> {
        let mut vouched = self.vouched();
        let (source, vcenter) = (&job.source.host, &job.target.vcenter);
        let installed = vouched.installed.get(source).cloned();
        let pinned = job.source.thumbprint.as_deref().or(installed.as_deref());
        let (asked_source, asked_vcenter) =
            (!vouched.sources.contains_key(source), !vouched.vcenters.contains_key(vcenter));
        if asked_source && pinned.is_some_and(|known| same(known, shown)) {
            vouched.sources.insert(source.clone(), wire_form(shown));
            return Ok(());
        }
        let of_vcenter = job.target.thumbprint.as_deref();
        if asked_vcenter && of_vcenter.is_some_and(|known| same(known, shown)) {
            vouched.vcenters.insert(vcenter.clone(), wire_form(shown));
            return Ok(());
        }
        drop(vouched);
        // The source is met first: only what was answered for is surely not meant.
        match (asked_source, asked_vcenter) {
            (true, _) => Err(self.unknown(source, shown, pinned)),
            (false, _) => Err(self.unknown(vcenter, shown, of_vcenter)),
        }
    }

    fn unknown(&self, host: &str, shown: &str, known: Option<&str>) -> Trouble {
        let known = match known {
            Some(known) => format!("and the inventory has {known}"),
            None => "and the inventory has none for it".to_owned(),
        };
        Trouble::Thumbprint { server: self.server().to_owned(), host: host.to_owned(), shown: shown.to_owned(), known }
    }
}

/// Whether two thumbprints are one and the same SHA-1.
fn same(known: &str, shown: &str) -> bool {
    match (Fingerprint::read(known), Fingerprint::read(shown)) {
        (Some(Fingerprint::Sha1(known)), Some(Fingerprint::Sha1(shown))) => known == shown,
        _ => false,
    }
}

/// As Converter writes it: `AA:BB:…`.
fn wire_form(thumbprint: &str) -> String {
    let digits: Vec<char> =
        thumbprint.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_uppercase()).collect();
    digits.chunks(2).map(|pair| pair.iter().collect::<String>()).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_are_compared_as_bytes_and_only_sha1() {
        let plain = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let colons = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
        assert!(same(plain, colons) && wire_form(plain) == colons);
        assert!(!same(plain, &colons.replace("9D", "9E")));
        assert!(!same("", "") && !same(&"ab".repeat(32), &"ab".repeat(32)));
    }
}
