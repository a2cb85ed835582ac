//! `traghetto checklist verify`: whether a folder of evidence is what was signed.

use super::super::Context;
use crate::checklist::evidence::{BLOBS, Flaw, Verified, verify};
use crate::checklist::sshsig::AllowedSigners;
use crate::digest::hex;
use crate::failure::{Failure, Kind};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// `traghetto checklist verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder that `checklist evidence` wrote.
    dir: PathBuf,
    /// The file allowed_signers that you trust (default: the folder's own, whose fingerprints are shown).
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
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
        Failure::new(Kind::Usage, format!("{} cannot be read: {error}", path.display())).hint("Nothing was verified.")
    };
    let trusted = args.signers.as_ref().map(|path| {
        let text = std::fs::read_to_string(path).map_err(|error| unread(path, error))?;
        AllowedSigners::parse(&text).ok_or_else(|| unread(path, io::Error::other("it is not as traghetto writes it")))
    });
    let trusted = trusted.transpose()?;
    let mut found = Found::default();
    collect(&args.dir, "", &mut found).map_err(|error| unread(&args.dir, error))?;
    match verify(&found.digests, &found.texts, trusted.as_ref()) {
        Ok(verified) => {
            if context.json {
                context.ui.json(&verified);
            } else {
                context.ui.data(&page(&verified));
            }
            if trusted.is_none() {
                context.ui.status(
                    "The keys are the folder's own: compare their fingerprints with those that the persons tell you.",
                );
            }
            Ok(())
        }
        Err(flaws) => Err(broken(&args.dir, &flaws)),
    }
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
    let mut text = format!(
        "the evidence of {} verifies\n  events      {}, the last is {}\n  made        {}\n  head        signed by {} with {}\n  blobs       {}\n",
        verified.tenant, verified.events, verified.last, verified.time, verified.by, verified.key, verified.blobs
    );
    for (person, key) in &verified.signatures {
        text.push_str(&format!("  statement   signed by {person} with {key}\n"));
    }
    text.push_str(&format!(
        "  other       {} signatures typed at the operator's terminal, {} on documents in blobs/\n",
        verified.typed, verified.documents
    ));
    text
}

fn broken(folder: &Path, flaws: &[Flaw]) -> Failure {
    let mut failure = Failure::new(Kind::Evidence, format!("{} does not verify", folder.display()));
    for flaw in flaws.iter().take(SHOWN) {
        failure = failure.hint(flaw.to_string());
    }
    if let Some(more) = flaws.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        failure = failure.hint(format!("and {more} more"));
    }
    failure.hint("Ask for the folder again, from who made it; the journal of the operations host has the true story.")
}
