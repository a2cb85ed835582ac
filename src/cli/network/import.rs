//! `traghetto network import`.

use super::{Context, Failure, inventory};
use crate::failure::Kind;
use crate::network::import::{Draft, Source, draft};
use crate::untrusted::printable;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Larger than any configuration of a router.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// `traghetto network import`.
///
/// FILES are running configurations: of the one or two routers of the site and, if you have it, of
/// the hub, in any order. What they say is drafted as the tenant's YAML; what no configuration says
/// is `unknown` with a question beside it; what the routers do otherwise than traghetto would is
/// listed at the top. No secret of the configurations is in the draft.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Running configurations.
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// The tenant's id.
    #[arg(long)]
    id: Option<String>,
    /// Write the draft to FILE, which must not exist.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    if let Some(id) = &args.id {
        id.parse::<crate::model::TenantId>().map_err(|invalid| {
            Failure::new(Kind::Usage, invalid)
                .hint("Nothing was written. Name the tenant with --id, such as `borgo-alto`.")
        })?;
    }
    let inventory = inventory::load(context)?;
    let sources = args.files.iter().map(|path| source(path)).collect::<Result<Vec<_>, _>>()?;
    let draft = draft(&sources, &inventory, args.id.as_deref()).map_err(|error| {
        let hint = "A site's router has its LAN with HSRP or behind its default route; a hub has VLANs in VRFs.";
        Failure::new(Kind::Failed, error).hint(hint)
    })?;
    if let Some(out) = &args.out {
        write(out, &draft.yaml)?;
    }
    match (&args.out, context.json) {
        (_, true) => context.ui.json(&draft),
        (Some(out), false) => context.ui.data(&format!("{}\n", out.display())),
        (None, false) => context.ui.data(&draft.yaml),
    }
    talk(&draft, context);
    Ok(())
}

fn source(path: &Path) -> Result<Source, Failure> {
    let file = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        Failure::new(Kind::Failed, Unreadable { file: printable(&path.display().to_string()), source: error })
            .hint("Nothing was written. Name running configurations that this account can read, one file a router.")
    };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path).map_err(unreadable)?;
    opened.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(unreadable(std::io::Error::other("it is larger than any configuration of a router")));
    }
    // Routers keep whatever bytes were typed into a description.
    Ok(Source { file, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// A configuration that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{file} cannot be read")]
struct Unreadable {
    file: String,
    #[source]
    source: std::io::Error,
}

/// Writes a new file; one that is there may have a person's answers in it.
fn write(out: &Path, yaml: &str) -> Result<(), Failure> {
    let shown = printable(&out.display().to_string());
    let created = std::fs::OpenOptions::new().write(true).create_new(true).open(out);
    match created.and_then(|mut file| file.write_all(yaml.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let failure = Failure::new(Kind::Failed, format!("{shown} exists"));
            Err(failure.hint("Nothing was written: a draft never replaces a file, which may hold answers."))
        }
        Err(error) => {
            let failure = Failure::new(Kind::Failed, format!("{shown} cannot be written: {error}"));
            Err(failure.hint("Name another file with --out, or leave it out: the draft goes to stdout then."))
        }
    }
}

fn talk(draft: &Draft, context: &Context) {
    let unknown = draft.questions.len();
    context.ui.status(&format!("{unknown} questions wait in the draft, each beside an `unknown`."));
    if !draft.notes.is_empty() {
        let notes = draft.notes.len();
        context
            .ui
            .status(&format!("{notes} notes at its top say what these routers do otherwise than traghetto would."));
    }
    context.ui.status("Next: answer them, put the file into inventory/tenants, run `traghetto inventory check`.");
}
