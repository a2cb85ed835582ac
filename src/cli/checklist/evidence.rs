//! `traghetto checklist evidence`: the whole story of a tenant in a folder that anybody can verify.

use super::super::{Context, Lang, operator};
use super::key;
use super::scene::Scene;
use crate::checklist::evidence::{BLOBS, Bundle, BundleError, HEAD_SIGNATURE, Head};
use crate::digest::hex;
use crate::document::evidence::readme;
use crate::failure::{Failure, Kind};
use crate::journal::event::rome;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `traghetto checklist evidence`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// The folder to write; it must not be there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The operator's private key, with which the head is signed (default: the SSH agent).
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.tenant, context).await?;
    let people = &scene.inventory.people;
    let operator = operator::resolve(context, &scene.inventory)?;
    let known = key::known(&operator, people).ok_or_else(|| key::without(&operator))?;
    if args.out.exists() {
        return Err(Failure::new(Kind::Usage, format!("{} is there already", args.out.display()))
            .hint("Nothing was written. Name a folder that is not there: evidence is never mixed."));
    }
    let lines = scene.journal.lines(&scene.tenant.id).await?;
    let (tenant, time) = (&scene.tenant.id, rome(&scene.journal.now()));
    let text = readme(tenant, &operator, context.lang == Lang::It);
    let bundle = Bundle::new(tenant, &lines, people, (&operator, &time), &text).map_err(no_bundle)?;
    let blobs = blobs(&bundle, &scene)?;
    let (files, head) = bundle.sealed();
    let armored = key::signed(&operator, known, head.text().as_bytes(), args.key.as_deref()).await?;
    write(&args.out, files, &blobs, &armored).map_err(|error| {
        Failure::new(Kind::Failed, format!("{} cannot be written: {error}", args.out.display()))
            .hint("No evidence was written; nothing in the journal was changed.")
    })?;
    tell(&args.out, &head, blobs.len(), context);
    Ok(())
}

fn no_bundle(error: BundleError) -> Failure {
    let kind = if matches!(error, BundleError::Empty(_)) { Kind::Usage } else { Kind::Invalid };
    Failure::new(kind, error).hint(
        "Nothing was written. Run or sign a checklist of this tenant first; `migrate log` shows what is recorded.",
    )
}

/// Every blob that the events name.
fn blobs(bundle: &Bundle, scene: &Scene) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let kept = scene.journal.blobs(&scene.tenant.id);
    let get = |name: &String| match kept.as_ref().map(|kept| kept.get(name)).transpose()?.flatten() {
        Some(bytes) => Ok((name.clone(), bytes)),
        None => Err(Failure::new(Kind::Evidence, format!("the blob {name} is missing, or is not what its name says"))
            .hint("Nothing was written. It belongs into `blobs` beside the tenant's replicas: restore that folder.")),
    };
    bundle.blobs.iter().map(get).collect()
}

/// All files, under a name that nobody has until the last is there.
fn write(
    out: &Path,
    files: BTreeMap<String, Vec<u8>>,
    blobs: &[(String, Vec<u8>)],
    armored: &str,
) -> std::io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let mut fresh = out.as_os_str().to_owned();
    fresh.push(format!(".{}.new", hex(&random)));
    let fresh = PathBuf::from(fresh);
    if let Some(above) = fresh.parent() {
        std::fs::create_dir_all(above)?;
    }
    // Fails on what is there already: nothing that this run did not make is written to or removed.
    std::fs::create_dir(&fresh)?;
    let files = files.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice()));
    let blobs = blobs.iter().map(|(name, bytes)| (format!("{BLOBS}{name}"), bytes.as_slice()));
    let all = files.chain(blobs).chain([(HEAD_SIGNATURE.to_owned(), armored.as_bytes())]);
    let done = fill(&fresh, all).and_then(|()| std::fs::rename(&fresh, out));
    if done.is_err() {
        let _ = std::fs::remove_dir_all(&fresh);
    }
    done
}

/// Writes files by name into a folder.
fn fill<'a>(folder: &Path, files: impl Iterator<Item = (String, &'a [u8])>) -> std::io::Result<()> {
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Some(below) = path.parent() {
            std::fs::create_dir_all(below)?;
        }
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

fn tell(out: &Path, head: &Head, blobs: usize, context: &Context) {
    if context.json {
        context.ui.json(head);
    }
    let out = out.display();
    context.ui.status(&format!("{} events and {blobs} blobs written to {out}, signed by {}", head.events, head.by));
    context.ui.status(&format!("Verify: traghetto checklist verify {out}; without traghetto: {out}/README.txt"));
}
