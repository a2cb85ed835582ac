//! A bundle of evidence: what it holds, and whether it is still what was signed. Pure.
//!
//! `events.jsonl` is the tenant's whole chain as the journal keeps it, `blobs/` what hosts answered and
//! documents that were received, each under its SHA-256, `signatures/` every signed statement with its
//! signature. `SHA256SUMS` lists them all; `head.json` names its hash, the number of events and the
//! last of them, and is signed in `head.sig`: nothing can be changed, added, reordered or cut off.

mod verify;

pub use verify::{Brought, Flaw, Verified, Whose, verify};

use super::bundle::Imported;
use super::record::RunRecord;
use super::sign::{Given, Signature};
use super::sshsig::{AllowedSigners, SignatureError};
use crate::digest::sha256;
use crate::journal::Event;
use crate::model::people::People;
use crate::model::{PersonId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The chain of events.
pub const EVENTS: &str = "events.jsonl";
/// What is signed.
pub const HEAD: &str = "head.json";
/// The signature of the head.
pub const HEAD_SIGNATURE: &str = "head.sig";
/// Who signs with which key.
pub const SIGNERS: &str = "allowed_signers";
/// The hash of every other file.
pub const SUMS: &str = "SHA256SUMS";
/// How to verify without traghetto.
pub const README: &str = "README.txt";
/// The folder of blobs.
pub const BLOBS: &str = "blobs/";
/// The folder of signed statements.
pub const SIGNATURES: &str = "signatures/";
/// The form of a bundle.
pub const FORMAT: &str = "traghetto evidence 1";

/// The signed head of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// Whose evidence it is.
    pub tenant: TenantId,
    /// How many events there are.
    pub events: u64,
    /// SHA-256 of the last event's line with its newline.
    pub last: String,
    /// When the bundle was made.
    pub time: String,
    /// Who made and signed it.
    pub by: PersonId,
    /// SHA-256 of `SHA256SUMS`.
    pub sums: String,
}

impl Head {
    /// Reads the file; none if it is no head of evidence.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|head| head.format == FORMAT)
    }

    /// The file.
    pub fn text(&self) -> String {
        // Plain data: writing it cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// The files of a bundle that are made from the events; blobs are beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Every file but the head, its signature and the blobs, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Blobs that the events name.
    pub blobs: BTreeSet<String>,
    /// The head, without the hash of the sums.
    head: Head,
}

/// Why there is no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Nothing ever happened.
    #[error("{0} has no events")]
    Empty(TenantId),
    /// A signing key of the inventory is none.
    #[error("the signing keys of inventory/people.yaml cannot be written")]
    Key(#[from] SignatureError),
}

impl Bundle {
    /// The bundle of a tenant's verified `lines`, made by `by` at `time`.
    ///
    /// # Errors
    /// There are no events, or a key of the inventory is none.
    pub fn new(
        tenant: &TenantId,
        lines: &[(String, Event)],
        people: &People,
        (by, time): (&PersonId, &str),
        readme: &str,
    ) -> Result<Self, BundleError> {
        let Some((last, event)) = lines.last() else { return Err(BundleError::Empty(tenant.clone())) };
        let mut signers = AllowedSigners::of(people)?;
        let mut files = BTreeMap::new();
        let mut blobs = BTreeSet::new();
        for (_, event) in lines {
            blobs.extend(named_blobs(event));
            let Some((signature, armored, key)) = signed_statement(event) else { continue };
            // A key that was replaced since was the person's when the signature was taken.
            signers.add(&signature.person, &key)?;
            let name = statement_name(event.seq, &signature);
            files.insert(format!("{name}.sig"), armored.into_bytes());
            files.insert(name, signature.statement.into_bytes());
        }
        let text: String = lines.iter().flat_map(|(line, _)| [line.as_str(), "\n"]).collect();
        files.insert(EVENTS.to_owned(), text.into_bytes());
        files.insert(SIGNERS.to_owned(), signers.text().into_bytes());
        files.insert(README.to_owned(), readme.as_bytes().to_vec());
        let head = Head {
            format: FORMAT.to_owned(),
            tenant: tenant.clone(),
            events: event.seq,
            last: line_digest(last),
            time: time.to_owned(),
            by: by.clone(),
            sums: String::new(),
        };
        Ok(Self { files, blobs, head })
    }

    /// The sums of every file, and the head that names them.
    pub fn sealed(mut self) -> (BTreeMap<String, Vec<u8>>, Head) {
        let own = self.files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes)));
        let blobs = self.blobs.iter().map(|blob| (format!("{BLOBS}{blob}"), blob.clone()));
        let sums = sums_text(&own.chain(blobs).collect());
        let head = Head { sums: sha256(sums.as_bytes()), ..self.head };
        self.files.insert(SUMS.to_owned(), sums.into_bytes());
        self.files.insert(HEAD.to_owned(), head.text().into_bytes());
        (self.files, head)
    }
}

/// What `sha256sum -c` reads, in the order of the names.
fn sums_text(sums: &BTreeMap<String, String>) -> String {
    sums.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

/// The hash that the next event's `prev` names.
fn line_digest(line: &str) -> String {
    sha256(format!("{line}\n").as_bytes())
}

/// The signature of an event that is one with a key: with its armor and its public key.
fn signed_statement(event: &Event) -> Option<(Signature, String, String)> {
    if event.kind != Signature::KIND {
        return None;
    }
    let signature = Signature::deserialize(&event.data).ok()?;
    let Given::Ssh { signature: armored, key } = signature.given.clone() else { return None };
    Some((signature, armored, key))
}

/// The file of a signed statement, without `.sig`.
fn statement_name(seq: u64, signature: &Signature) -> String {
    format!("{SIGNATURES}{seq:06}-{}-{}.txt", signature.phase, signature.person)
}

/// The blobs that an event names: raw answers, results that were carried here, documents, and what
/// proves a statement.
pub fn named_blobs(event: &Event) -> Vec<String> {
    match event.kind.as_str() {
        RunRecord::KIND => {
            let findings = event.data["findings"].as_array().into_iter().flatten();
            findings.filter_map(|finding| finding["answer"].as_str()).map(str::to_owned).collect()
        }
        Signature::KIND => {
            let evidence = event.data["evidence"].as_array().into_iter().flatten();
            let files = evidence.map(|file| &file["sha256"]).chain([&event.data["given"]["sha256"]]);
            files.filter_map(|sha256| sha256.as_str()).map(str::to_owned).collect()
        }
        Imported::KIND => event.data["blob"].as_str().map(str::to_owned).into_iter().collect(),
        _ => Vec::new(),
    }
}
