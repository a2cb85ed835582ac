//! A draft of a tenant's YAML from the running configurations of its routers.
//!
//! What a configuration says is written; what none says is `unknown` with a question behind it, so
//! that `inventory check` asks until a person has answered. What the routers do otherwise than
//! traghetto would is listed as notes. Texts of routers are another's making: whatever of them is
//! written is quoted or escaped.

mod compare;
mod found;
mod lines;
mod roles;
mod yaml;

use super::device::Device;
use super::parse;
use crate::model::Inventory;
use serde::Serialize;

pub use found::Found;

/// A configuration that is imported.
#[derive(Debug, Clone)]
pub struct Source {
    /// Name of its file.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// A source with what it says.
struct Router {
    file: String,
    text: String,
    device: Device,
}

/// What is drafted.
#[derive(Debug, Clone, Serialize)]
pub struct Draft {
    /// The tenant's id, where it is known.
    pub tenant: Option<String>,
    /// The file for `inventory/tenants`.
    pub yaml: String,
    /// What no configuration says.
    pub questions: Vec<Question>,
    /// What the routers do otherwise than traghetto would.
    pub notes: Vec<Note>,
}

/// Something that a person must answer: an `unknown` in the draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The key, such as `sites.0.link.mcr_percent`.
    pub key: String,
    /// The line of the draft, from 1.
    pub line: usize,
    /// What is asked.
    pub question: String,
}

/// Something that a router does otherwise, or that we cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// File of the configuration.
    pub file: String,
    /// Line in it, from 1; 0 where it is about the whole file.
    pub line: u32,
    /// What it is, on one line, printable.
    pub text: String,
}

/// Why nothing can be drafted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No file is a router of a site.
    #[error("none of these files is the configuration of a site's router: {files}")]
    NoSite {
        /// The files.
        files: String,
    },
    /// More routers than a site has.
    #[error("{count} files are routers of a site, and a site has one or two: {files}")]
    ManySites {
        /// How many.
        count: usize,
        /// The files.
        files: String,
    },
    /// More than one hub.
    #[error("several files are hubs: {files}")]
    ManyHubs {
        /// The files.
        files: String,
    },
    /// The router has no LAN that could be found.
    #[error("{file} has no interface that is its LAN")]
    NoLan {
        /// The file.
        file: String,
    },
}

/// Drafts a tenant from its routers. `inventory` gives our own pools and the tenants that are
/// already there; `id` is the tenant's id, where the caller knows it.
pub fn draft(sources: &[Source], inventory: &Inventory, id: Option<&str>) -> Result<Draft, ImportError> {
    let routers = sources.iter().map(|source| Router {
        file: crate::untrusted::printable(&source.file),
        text: source.text.clone(),
        device: parse::parse(&source.text),
    });
    let set = roles::assign(routers.collect())?;
    let mut notes = Vec::new();
    let found = found::read(&set, &inventory.project.network, id, &mut notes)?;
    compare::compare(&set, &found, inventory, &mut notes);
    notes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    let (yaml, questions) = yaml::write(&found, &set.files(), &notes);
    Ok(Draft { tenant: found.id.clone(), yaml, questions, notes })
}

impl Note {
    fn new(router: &Router, line: u32, text: impl AsRef<str>) -> Self {
        Self { file: router.file.clone(), line, text: shown(text.as_ref()) }
    }
}

/// `text` on one line, printable, at most 300 characters of it.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(300).collect();
    crate::untrusted::printable(&short)
}
