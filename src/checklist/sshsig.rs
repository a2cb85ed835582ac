//! SSH signatures as `ssh-keygen -Y sign` makes and `ssh-keygen -Y verify` takes them. Pure.

use crate::model::PersonId;
use crate::model::people::People;
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The namespace of everything that traghetto signs: a signature made for something else does not count.
pub const NAMESPACE: &str = "traghetto";
/// The hash of what is signed, before it is signed: the one that `ssh-keygen` takes by itself.
pub const HASH: HashAlg = HashAlg::Sha512;

/// Why a signature does not count, or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not what `ssh-keygen -Y sign` writes.
    #[error("it is not an SSH signature as ssh-keygen writes it")]
    Form,
    /// Made for something else.
    #[error("it was made for `{0}`, not for `{NAMESPACE}`")]
    Namespace(String),
    /// The signer is not listed.
    #[error("{0} is not in allowed_signers")]
    Unlisted(String),
    /// Another key signed.
    #[error("the key {found} is not a key of {principal}")]
    OtherKey {
        /// Who should have signed.
        principal: String,
        /// Fingerprint of the key that did.
        found: String,
    },
    /// It does not hold over these bytes.
    #[error("it does not hold: what was signed is something else, or the signature was changed")]
    Wrong,
    /// A line that is not a public key.
    #[error("`{0}` is not an OpenSSH public key")]
    Key(String),
    /// The key cannot sign.
    #[error("the key cannot sign: {0}")]
    CannotSign(String),
}

/// Who signs with which keys: a file `allowed_signers` of OpenSSH.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedSigners {
    keys: BTreeMap<String, Vec<PublicKey>>,
}

impl AllowedSigners {
    /// The signing keys of the inventory's people.
    ///
    /// # Errors
    /// A line of the inventory that is not a key.
    pub fn of(people: &People) -> Result<Self, SignatureError> {
        let mut signers = Self::default();
        for person in people.persons.values() {
            if let Some(key) = &person.signing_key {
                signers.add(&person.id, key)?;
            }
        }
        Ok(signers)
    }

    /// Lists a key of a person; a key that is listed is not listed twice.
    ///
    /// # Errors
    /// It is not a key.
    pub fn add(&mut self, person: &PersonId, key: &str) -> Result<(), SignatureError> {
        let key = public_key(key)?;
        let keys = self.keys.entry(person.to_string()).or_default();
        if !keys.iter().any(|known| known.key_data() == key.key_data()) {
            keys.push(key);
        }
        Ok(())
    }

    /// Reads a file that [`Self::text`] wrote; nothing else of OpenSSH's format is taken.
    pub fn parse(text: &str) -> Option<Self> {
        let mut signers = Self::default();
        for line in text.lines() {
            let (principal, rest) = line.split_once(' ')?;
            let key = rest.strip_prefix(&format!("namespaces=\"{NAMESPACE}\" "))?;
            signers.add(&principal.parse().ok()?, key).ok()?;
        }
        (signers.text() == text).then_some(signers)
    }

    /// The file, one line a key. Comments of keys are left out.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (principal, keys) in &self.keys {
            for key in keys {
                let _ = writeln!(text, "{principal} namespaces=\"{NAMESPACE}\" {}", plain(key));
            }
        }
        text
    }

    /// Every principal with the fingerprints of its keys.
    pub fn fingerprints(&self) -> impl Iterator<Item = (&str, String)> {
        self.keys
            .iter()
            .flat_map(|(principal, keys)| keys.iter().map(move |key| (principal.as_str(), fingerprint(key))))
    }

    /// Checks that `principal` signed `message`, and returns the fingerprint of the key.
    ///
    /// # Errors
    /// Why the signature does not count.
    pub fn verify(&self, principal: &str, message: &[u8], armored: &str) -> Result<String, SignatureError> {
        let (signature, key) = opened(armored)?;
        let keys = self.keys.get(principal).ok_or_else(|| SignatureError::Unlisted(principal.to_owned()))?;
        if !keys.iter().any(|known| known.key_data() == key.key_data()) {
            return Err(SignatureError::OtherKey { principal: principal.to_owned(), found: fingerprint(&key) });
        }
        key.verify(NAMESPACE, message, &signature).map_err(|_| SignatureError::Wrong)?;
        Ok(fingerprint(&key))
    }
}

/// A signature with its key, if it is one for us and in its only form: a changed line end or an unused
/// bit of its base64 is a change, too.
fn opened(armored: &str) -> Result<(SshSig, PublicKey), SignatureError> {
    let signature = SshSig::from_pem(armored).map_err(|_| SignatureError::Form)?;
    // Neither is covered by what was signed.
    let plain = signature.version() == SshSig::VERSION && signature.reserved().is_empty();
    if !plain || self::armored(&signature).as_deref() != Ok(armored) {
        return Err(SignatureError::Form);
    }
    if signature.namespace() != NAMESPACE {
        return Err(SignatureError::Namespace(signature.namespace().escape_default().to_string()));
    }
    let key = PublicKey::from(signature.public_key().clone());
    Ok((signature, key))
}

/// The public key with which `armored` was made, as the inventory writes it.
///
/// # Errors
/// It is no signature.
pub fn signer(armored: &str) -> Result<String, SignatureError> {
    opened(armored).map(|(_, key)| plain(&key))
}

/// What a key signs for `message`: for an agent, which holds the key.
///
/// # Errors
/// Never for our namespace.
pub fn to_sign(message: &[u8]) -> Result<Vec<u8>, SignatureError> {
    SshSig::signed_data(NAMESPACE, HASH, message).map_err(|error| SignatureError::CannotSign(error.to_string()))
}

/// The signature of an agent over [`to_sign`], armored.
///
/// # Errors
/// It cannot be written.
pub fn enveloped(key: &PublicKey, signature: ssh_key::Signature) -> Result<String, SignatureError> {
    let signature = SshSig::new(key.key_data().clone(), NAMESPACE, HASH, signature);
    armored(&signature.map_err(|error| SignatureError::CannotSign(error.to_string()))?)
}

/// Signs `message` with `key`, armored.
///
/// # Errors
/// The key is of a kind that cannot sign here.
pub fn sign(key: &PrivateKey, message: &[u8]) -> Result<String, SignatureError> {
    let signature = key.sign(NAMESPACE, HASH, message);
    armored(&signature.map_err(|error| SignatureError::CannotSign(error.to_string()))?)
}

fn armored(signature: &SshSig) -> Result<String, SignatureError> {
    let text = signature.to_pem(LineEnding::LF).map_err(|error| SignatureError::CannotSign(error.to_string()))?;
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// A public key from a line of the inventory.
///
/// # Errors
/// It is not one.
pub fn public_key(line: &str) -> Result<PublicKey, SignatureError> {
    PublicKey::from_openssh(line.trim()).map_err(|_| SignatureError::Key(line.chars().take(40).collect()))
}

/// Kind and bytes of a key, without its comment.
pub fn plain(key: &PublicKey) -> String {
    let mut key = key.clone();
    key.set_comment("");
    key.to_openssh().unwrap_or_default().trim_end().to_owned()
}

/// The fingerprint that `ssh-keygen -l` prints.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssh_key::{private::Ed25519Keypair, private::KeypairData};

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])), "a\ncomment").unwrap()
    }

    fn signers() -> AllowedSigners {
        let mut signers = AllowedSigners::default();
        signers.add(&"anna-veneto".parse().unwrap(), &plain(key(1).public_key())).unwrap();
        signers
    }

    #[test]
    fn only_the_listed_key_over_the_same_bytes_counts() {
        let signers = signers();
        let signature = sign(&key(1), b"text").unwrap();
        let print = signers.verify("anna-veneto", b"text", &signature).unwrap();
        assert_eq!(print, fingerprint(key(1).public_key()));
        assert_eq!(signers.verify("anna-veneto", b"tex", &signature), Err(SignatureError::Wrong));
        let unlisted = SignatureError::Unlisted("dario-pieve".into());
        assert_eq!(signers.verify("dario-pieve", b"text", &signature), Err(unlisted));
        let other = sign(&key(2), b"text").unwrap();
        assert!(matches!(signers.verify("anna-veneto", b"text", &other), Err(SignatureError::OtherKey { .. })));
        let elsewhere = key(1).sign("file", HASH, b"text").unwrap().to_pem(LineEnding::LF).unwrap();
        let refused = signers.verify("anna-veneto", b"text", &elsewhere);
        assert!(matches!(refused, Err(SignatureError::Namespace(_) | SignatureError::Form)), "{refused:?}");
        assert_eq!(signers.verify("anna-veneto", b"text", ""), Err(SignatureError::Form));
    }

    #[test]
    fn every_change_of_a_signature_is_seen() {
        let signature = sign(&key(1), b"text").unwrap();
        for at in 0..signature.len() {
            for bit in [at % 8, (at + 4) % 8] {
                let mut changed = signature.clone().into_bytes();
                changed[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(changed) else { continue };
                assert!(signers().verify("anna-veneto", b"text", &changed).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn allowed_signers_read_back_and_hold_no_comment() {
        let text = signers().text();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("anna-veneto namespaces=\"traghetto\" ssh-ed25519 AAAA"), "{text}");
        assert_eq!(AllowedSigners::parse(&text), Some(signers()));
        for changed in [text.replace("traghetto", "file"), text.replace("anna", "*"), text.clone() + "\n", " ".into()] {
            assert_eq!(AllowedSigners::parse(&changed), None, "{changed}");
        }
        assert!(AllowedSigners::default().add(&"anna".parse().unwrap(), "ssh-ed25519 AAAA").is_err());
    }
}
