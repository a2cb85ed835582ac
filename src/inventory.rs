//! The inventory: a folder of YAML files to one checked [`Inventory`], or every problem at once.
//!
//! [`load`] reads the files ([`files`]), each by its [`form`] (`project`, `fees`, `people`,
//! `tenant`), then checks what only shows between files ([`checks`]). Playbooks and checklists are
//! read by the same means: describe the file with [`form::record`], read it with [`form::read`].

pub mod access;
pub mod checks;
pub mod codes;
mod converter;
pub mod fees;
pub mod files;
pub mod form;
mod landing;
mod machine;
mod notify;
pub mod payers;
pub mod people;
pub mod problem;
pub mod project;
pub mod secrets;
pub mod server;
pub mod shape;
mod shaping;
pub mod site;
pub mod tenant;
pub mod window;
mod winrm;
pub mod yaml;

pub use problem::{Problem, Problems};

use crate::model::{Inventory, TenantId};
use checks::{Files, TenantFile};
use files::SourceFile;
use form::Form;
use problem::{Complaint, KeyPath};
use std::path::Path;

/// Reads and checks the inventory below `root`.
///
/// # Errors
/// Every problem of every file, sorted by file and place.
pub fn load(root: &Path) -> Result<Inventory, Problems> {
    let mut problems = Problems::none();
    let sources = files::read_folder(root, &mut problems);
    decode(&sources, problems)
}

/// Decodes and checks files that were read, given the `problems` of the reading.
///
/// # Errors
/// Every problem of every file, sorted by file and place.
pub fn decode(sources: &[SourceFile], mut problems: Problems) -> Result<Inventory, Problems> {
    let mut files = Files {
        project: single(sources, files::PROJECT, &project::form(), &mut problems),
        fees: single(sources, files::FEES, &fees::form(), &mut problems),
        people: single(sources, files::PEOPLE, &people::form(), &mut problems),
        tenants: Vec::new(),
    };
    for source in sources {
        if let Some(id) = tenant_id(source, &mut problems) {
            let decoded = form::read(&source.name, &source.bytes, &tenant::form(), &mut problems);
            files.tenants.push(TenantFile { id, decoded });
        }
    }
    checks::run(&files, &mut problems);
    problems.or(files.into_inventory())
}

fn single<F: Form>(sources: &[SourceFile], name: &str, form: &F, problems: &mut Problems) -> form::Decoded<F::Value> {
    match sources.iter().find(|source| source.name == name) {
        Some(source) => form::read(name, &source.bytes, form, problems),
        None => form::Decoded::nothing(name),
    }
}

/// The id that a tenant's file name says; none for other files.
fn tenant_id(source: &SourceFile, problems: &mut Problems) -> Option<TenantId> {
    let name = source.name.strip_prefix(files::TENANTS)?.strip_prefix('/')?;
    let id = name.strip_suffix(".yaml").and_then(|stem| stem.parse().ok());
    if id.is_none() {
        let complaint = Complaint::new("the file's name is not a tenant's id and `.yaml`")
            .hint("use lowercase letters, digits and single hyphens, such as cinto-caomaggiore.yaml");
        problems.push(Problem::new(&source.name, None, KeyPath::root(), complaint));
    }
    id
}
