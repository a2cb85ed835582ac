//! `traghetto inventory schema`: JSON Schemas, made from the forms that read the files.

use super::super::Context;
use crate::failure::{Failure, Kind};
use crate::inventory::form::Form as _;
use crate::inventory::shape::Shape;
use crate::inventory::{fees, people, project, tenant};
use crate::{checklist, migration};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// `traghetto inventory schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which kind of file.
    #[arg(value_enum, required_unless_present = "all")]
    kind: Option<FileKind>,
    /// Write the schemas of every kind into a folder, where the first lines of the files expect them.
    #[arg(long, conflicts_with = "kind")]
    all: bool,
    /// The folder (default: .traghetto/schema below the root).
    #[arg(long, value_name = "DIR", requires = "all")]
    out: Option<PathBuf>,
}

/// The kinds of files that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileKind {
    /// inventory/project.yaml
    Project,
    /// inventory/fees.yaml
    Fees,
    /// inventory/people.yaml
    People,
    /// inventory/tenants/ID.yaml
    Tenant,
    /// playbooks/NAME.yaml
    Playbook,
    /// checklists/PHASE.yaml
    Checklist,
}

impl FileKind {
    fn word(self) -> &'static str {
        match self {
            FileKind::Project => "project",
            FileKind::Fees => "fees",
            FileKind::People => "people",
            FileKind::Tenant => "tenant",
            FileKind::Playbook => "playbook",
            FileKind::Checklist => "checklist",
        }
    }

    fn shape(self) -> Shape {
        match self {
            FileKind::Project => project::form().shape(),
            FileKind::Fees => fees::form().shape(),
            FileKind::People => people::form().shape(),
            FileKind::Tenant => tenant::form().shape(),
            FileKind::Playbook => migration::form().shape(),
            FileKind::Checklist => checklist::shape(),
        }
    }

    fn schema(self) -> serde_json::Value {
        self.shape().schema(&format!("traghetto {}", self.word()))
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    if let Some(kind) = args.kind {
        context.ui.json(&kind.schema());
        return Ok(());
    }
    let folder = args.out.clone().unwrap_or_else(|| context.root.join(".traghetto/schema"));
    for kind in FileKind::value_variants() {
        write(&folder, *kind).map_err(|error| {
            Failure::new(Kind::Failed, error)
                .hint(format!("The schemas were to go to {}; name another folder with --out.", folder.display()))
        })?;
    }
    context.ui.status(&format!("{} schemas written to {}", FileKind::value_variants().len(), folder.display()));
    Ok(())
}

fn write(folder: &Path, kind: FileKind) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{}.json", kind.word())), format!("{:#}\n", kind.schema()))
}
