//! A person's own key, from a file or an agent: it must be the one that the inventory names.

use crate::checklist::sshsig::{self, AllowedSigners, SignatureError};
use crate::failure::{Failure, Kind};
use crate::model::PersonId;
use crate::model::people::People;
use crate::world::signer::{self, SignerError};
use std::path::Path;

/// The signing key of a person, as the inventory writes it.
pub(super) fn known<'a>(person: &PersonId, people: &'a People) -> Option<&'a str> {
    people.persons.get(person)?.signing_key.as_deref()
}

/// The signature of `person`, whose key is `known`, over `message`: with the key in `file`, or else the agent's.
pub(super) async fn signed(
    person: &PersonId,
    known: &str,
    message: &[u8],
    file: Option<&Path>,
) -> Result<String, Failure> {
    let armored = match file {
        Some(path) => sshsig::sign(&signer::key_file(path).map_err(unsigned)?, message).map_err(uncounted)?,
        None => {
            let key = sshsig::public_key(known).map_err(uncounted)?;
            let signed = signer::agent_signature(&key, &sshsig::to_sign(message).map_err(uncounted)?).await;
            sshsig::enveloped(&key, signed.map_err(unsigned)?).map_err(uncounted)?
        }
    };
    checked(person, known, message, &armored)?;
    Ok(armored)
}

/// Checks that `armored` is the signature of `person`, whose key is `known`, over `message`.
pub(super) fn checked(person: &PersonId, known: &str, message: &[u8], armored: &str) -> Result<(), Failure> {
    let mut signers = AllowedSigners::default();
    signers.add(person, known).map_err(uncounted)?;
    signers.verify(person.as_str(), message, armored).map_err(uncounted)?;
    Ok(())
}

/// A person without a key of its own.
pub(super) fn without(person: &PersonId) -> Failure {
    Failure::new(Kind::Usage, format!("{person} has no `signing_key` in inventory/people.yaml"))
        .hint("Nothing was recorded. Add the person's public key line there first (ssh-keygen -t ed25519).")
}

fn unsigned(error: SignerError) -> Failure {
    Failure::new(Kind::Usage, error)
        .hint("Nothing was recorded. Name a key file (--key FILE), or add the key to an agent with ssh-add.")
        .hint("To sign elsewhere: --print, then `ssh-keygen -Y sign -n traghetto -f KEY STATEMENT`, then --signature.")
}

/// A signature or key that does not count.
pub(super) fn uncounted(error: SignatureError) -> Failure {
    Failure::new(Kind::Evidence, error)
        .hint("Nothing was recorded. The key must be the person's `signing_key` in inventory/people.yaml, and")
        .hint("what is signed must be the statement that --print prints now, with the same options.")
}
