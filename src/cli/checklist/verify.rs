//! `traghetto checklist verify`: whether a folder of evidence is what was signed.

use super::super::Context;
use crate::checklist::evidence::{BLOBS, Brought, Flaw, Head, Verified, Whose, verify};
use crate::checklist::sshsig::AllowedSigners;
use crate::digest::hex;
use crate::failure::{Failure, Kind};
use crate::untrusted::printable;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// `traghetto checklist verify`.
///
/// A folder alone proves that it is as its head was signed, and what persons signed with the keys that
/// it lists. Whose the keys are, it cannot prove: bring --signers. That no event was dropped at its end
/// and none written anew, it cannot prove either: keep the head.json of every folder and bring --head.
///
/// Exit codes: 7 it does not verify; 4 it verifies, but only a person can say whether a statement is right.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder that `checklist evidence` wrote.
    dir: PathBuf,
    /// The file allowed_signers that you trust (default: the folder's own, whose fingerprints are shown).
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// The head.json of an earlier folder, which this one must extend.
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
}

/// Flaws that are named one by one.
const SHOWN: usize = 20;

/// The files of a folder, by name: SHA-256 of each, and the bytes of all but the blobs.
#[derive(Default)]
struct Found {
    digests: BTreeMap<String, String>,
    texts: BTreeMap<String, Vec<u8>>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let unread = |path: &Path, error: io::Error| {
        Failure::new(Kind::Usage, format!("{} cannot be read: {error}", path.display()))
            .hint("Nothing was verified. Name a folder that `checklist evidence` wrote, and files that can be read.")
    };
    let text = |path: &Path| std::fs::read_to_string(path).map_err(|error| unread(path, error));
    let other = |path: &Path, what: &'static str| unread(path, io::Error::other(what));
    let signers = args
        .signers
        .as_deref()
        .map(|path| AllowedSigners::parse(&text(path)?).ok_or_else(|| other(path, "it is not as traghetto writes it")));
    let head = args.head.as_deref().map(|path| {
        Head::parse(&text(path)?).ok_or_else(|| other(path, "it is not the head.json of a folder of evidence"))
    });
    let (signers, head) = (signers.transpose()?, head.transpose()?);
    let mut found = Found::default();
    collect(&args.dir, "", &mut found).map_err(|error| unread(&args.dir, error))?;
    let brought = Brought { signers: signers.as_ref(), head: head.as_ref() };
    let verified = verify(&found.digests, &found.texts, &brought).map_err(|flaws| broken(&args.dir, &flaws))?;
    if context.json {
        context.ui.json(&verified);
    } else {
        context.ui.data(&page(&verified));
    }
    if verified.doubts.is_empty() { Ok(()) } else { Err(doubted(&args.dir, &verified.doubts)) }
}

fn collect(folder: &Path, below: &str, found: &mut Found) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), found)?;
        } else if !kind.is_file() {
            // A link or a device is no evidence: it has no hash that could be listed.
            found.digests.insert(name, "not a file".to_owned());
        } else if name.starts_with(BLOBS) {
            found.digests.insert(name, digest(&entry.path())?);
        } else {
            let bytes = std::fs::read(entry.path())?;
            found.digests.insert(name.clone(), crate::digest::sha256(&bytes));
            found.texts.insert(name, bytes);
        }
    }
    Ok(())
}

/// SHA-256 of a file, which may be large.
fn digest(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut part) = (std::fs::File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&part[..read]),
        }
    }
}

fn page(verified: &Verified) -> String {
    let Verified { tenant, events, last, by, key, blobs, typed, documents, .. } = verified;
    // What a folder says of itself may be anything.
    let time = printable(&verified.time);
    let mut text = format!(
        "the evidence of {tenant} verifies\n  events      {events}, the last is {last}\n  made        {time}\n  \
         head        signed by {by} with {key}\n  blobs       {blobs}\n"
    );
    for (person, key) in &verified.signatures {
        text.push_str(&format!("  statement   signed by {person} with {key}\n"));
    }
    text.push_str(&format!(
        "  other       {typed} signatures typed at the operator's terminal, {documents} on documents in blobs/\n"
    ));
    text.push_str(match verified.signers {
        Whose::Folder => {
            "  keys        the keys are the folder's own: compare their fingerprints with those that the persons \
             tell you, or bring --signers\n"
        }
        Whose::Given => "  keys        those of the given file\n",
    });
    match verified.extends {
        Some(events) => text.push_str(&format!("  before      extends the earlier head of {events} events\n")),
        None => text.push_str(
            "  before      nothing to compare with: whether events were dropped or written anew, only an earlier \
             head tells (--head)\n",
        ),
    }
    text
}

/// A failure with the first of its flaws as hints, and what is to be done as the last.
fn with_flaws(kind: Kind, text: String, flaws: &[Flaw], last: &str) -> Failure {
    let mut hints: Vec<String> = flaws.iter().take(SHOWN).map(ToString::to_string).collect();
    if let Some(more) = flaws.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        hints.push(format!("and {more} more"));
    }
    hints.push(last.to_owned());
    Failure::new(kind, text).hints(hints, last)
}

fn doubted(folder: &Path, doubts: &[Flaw]) -> Failure {
    let text = format!("{} verifies, but {} of its events are in doubt", folder.display(), doubts.len());
    let next = "Ask the persons. Who has a key signs the same again with it; then make the folder anew.";
    with_flaws(Kind::CheckFailed, text, doubts, next)
}

fn broken(folder: &Path, flaws: &[Flaw]) -> Failure {
    let text = format!("{} does not verify", folder.display());
    let next = "Ask for the folder again, from who made it; the journal of the operations host has the true story.";
    with_flaws(Kind::Evidence, text, flaws, next)
}
