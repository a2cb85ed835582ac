//! How a signature is given: with a key, on a document that was received, or typed.

use super::super::super::{Context, approval};
use super::super::key;
use super::super::scene::{Place, Scene};
use super::Args;
use crate::checklist::{Attached, Document, DocumentKind, Draft, Given, Redactor, Signature, Signatures, sshsig};
use crate::digest::sha256;
use crate::failure::{Failure, Kind};
use crate::model::PersonId;
use crate::model::calendar::{italian, rome};
use crate::untrusted::printable;
use jiff::civil::Date;
use std::path::{Path, PathBuf};

/// Largest document that is taken, in bytes.
const LARGEST: u64 = 64 << 20;

/// The files that prove what is signed: what is recorded of each, and its bytes.
///
/// # Errors
/// One cannot be read, is empty, or holds a password.
pub(super) fn proofs(paths: &[PathBuf]) -> Result<Vec<(Attached, Vec<u8>)>, Failure> {
    let proof = |path: &PathBuf| {
        let bytes = read(path)?;
        let file = path.file_name().map(|name| printable(&name.to_string_lossy())).unwrap_or_default();
        let refuse = |why: &str| {
            Err(Failure::new(Kind::Usage, format!("{file} {why}")).hint("Nothing was recorded. It is kept for ever."))
        };
        if bytes.is_empty() {
            return refuse("is empty: it proves nothing");
        }
        if std::str::from_utf8(&bytes).is_ok_and(|text| Redactor::default().text(text) != text) {
            return refuse("seems to hold a password: take it out first");
        }
        Ok((Attached { sha256: sha256(&bytes), file }, bytes))
    };
    paths.iter().map(proof).collect()
}

/// What a signature is given with.
pub(super) struct Means<'a> {
    pub(super) args: &'a Args,
    pub(super) person: &'a PersonId,
    pub(super) scene: &'a Scene,
    pub(super) place: &'a Place,
    pub(super) context: &'a Context,
}

impl Means<'_> {
    /// Whether nothing but the operator's word stands behind the signature.
    pub(super) fn is_typed(&self) -> bool {
        self.args.document.is_none() && self.known().is_none()
    }

    fn known(&self) -> Option<&str> {
        key::known(self.person, &self.scene.inventory.people)
    }

    /// The signature itself, in the way that the options and the inventory ask for.
    pub(super) async fn given(&self, draft: &Draft, approves: &str) -> Result<Given, Failure> {
        let Self { args, scene, context, .. } = self;
        let text = format!("{}\nImpronta (SHA-256) di quanto si firma: {approves}", draft.statement);
        let approve = || approval::approve(&text, approves, args.approve.as_deref(), context);
        if let (Some(path), Some(prot), Some(date)) = (&args.document, &args.prot, args.date) {
            let (bytes, document) = self.document(path, prot, date)?;
            approve()?;
            if let Some(blobs) = scene.journal.blobs(&scene.tenant.id) {
                blobs.put(&bytes)?;
            }
            return Ok(Given::Document(document));
        }
        let Some(known) = self.known() else {
            if args.key.is_some() || args.signature.is_some() {
                return Err(key::without(self.person));
            }
            approve()?;
            return Ok(Given::Typed);
        };
        let message = draft.statement.as_bytes();
        let armored = match &args.signature {
            // Who signed elsewhere has read it there.
            Some(path) => self.made_elsewhere(path, known, message)?,
            None => {
                approve()?;
                key::signed(self.person, known, message, args.key.as_deref()).await?
            }
        };
        let key = sshsig::signer(&armored).map_err(key::uncounted)?;
        Ok(Given::Ssh { signature: armored, key })
    }

    /// A signature over the statement that is the next one of the person: no other.
    fn made_elsewhere(&self, path: &Path, known: &str, message: &[u8]) -> Result<String, Failure> {
        let armored = String::from_utf8_lossy(&read(path)?).into_owned();
        if self.place.signatures.is_used(&armored) {
            return Err(Failure::new(Kind::Evidence, "this signature is in the journal already").hint(PRINT_AGAIN));
        }
        key::checked(self.person, known, message, &armored).map_err(|failure| {
            let number = self.place.signatures.number(self.person);
            failure.hint(format!("The next statement of {} is number {number}. {PRINT_AGAIN}", self.person))
        })?;
        Ok(armored)
    }

    /// Keeps the files that prove what is signed.
    pub(super) fn keep(&self, proofs: &[(Attached, Vec<u8>)]) -> Result<(), Failure> {
        let Some(blobs) = self.scene.journal.blobs(&self.scene.tenant.id) else { return Ok(()) };
        for (_, bytes) in proofs {
            blobs.put(bytes)?;
        }
        Ok(())
    }

    /// Looks once more before it is recorded: people read for minutes, and others record meanwhile.
    pub(super) async fn still_the_next(&self, signature: &Signature) -> Result<(), Failure> {
        let events = self.scene.journal.events(&self.scene.tenant.id).await?;
        let now = Signatures::read(&self.place.checklist, &events, self.scene.journal.now());
        if now.number(self.person) == self.place.signatures.number(self.person) && !now.is_used(&signature.approves) {
            return Ok(());
        }
        let text = format!("another statement of {} was recorded meanwhile", self.person);
        Err(Failure::new(Kind::Usage, text).hint(PRINT_AGAIN))
    }

    /// The bytes of a received document, and what is recorded of it.
    fn document(&self, path: &Path, prot: &str, date: Date) -> Result<(Vec<u8>, Document), Failure> {
        let bytes = read(path)?;
        let prot = prot.trim();
        if bytes.is_empty() || prot.is_empty() || prot.chars().count() > 60 || prot.contains(char::is_control) {
            return Err(Failure::new(Kind::Usage, "the document is empty, or its protocol number is none")
                .hint("Nothing was recorded. Write the number as it is registered, such as --prot 1234/2026."));
        }
        let today = self.scene.journal.now().to_zoned(rome()).date();
        if date > today {
            let text = format!("the document is dated {}, which is to come", italian(date));
            return Err(Failure::new(Kind::Usage, text)
                .hint("Nothing was recorded. Give the day on which it was registered, such as --date 2026-11-30."));
        }
        let file = path.file_name().map(|name| printable(&name.to_string_lossy())).unwrap_or_default();
        let kind = DocumentKind::of(&bytes).ok_or_else(|| {
            Failure::new(Kind::Usage, format!("{file} is no signed document: neither a PDF, nor a .p7m, nor a scan"))
                .hint("Nothing was recorded. A scan is a PDF, a PNG, a JPEG or a TIFF.")
        })?;
        let sha256 = sha256(&bytes);
        Ok((bytes, Document { file, sha256, kind, prot: prot.to_owned(), date }))
    }
}

const PRINT_AGAIN: &str = "Nothing was recorded. Each statement has a number and counts once: print it again (--print), read it, and sign that one.";

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let refuse = |error: std::io::Error| {
        Failure::new(Kind::Usage, format!("{} cannot be read: {error}", path.display()))
            .hint("Nothing was recorded. Name a file that this account can read, and give the command again.")
    };
    let length = std::fs::metadata(path).map_err(refuse)?.len();
    if length > LARGEST {
        return Err(refuse(std::io::Error::other(format!("it is larger than {LARGEST} bytes"))));
    }
    std::fs::read(path).map_err(refuse)
}
