//! Statements as files of a folder.

use super::super::Context;
use super::prepared::Prepared;
use super::render::{self, Format};
use super::{files, text};
use crate::document::index::{self, Entry};
use crate::failure::Failure;
use crate::fees::{Document, FeeError, Status};
use crate::model::money::grouped;
use std::path::Path;

/// What is written where.
pub(super) struct Job<'a> {
    pub(super) folder: &'a Path,
    /// As in file names: `2023` or `2023-2025`.
    pub(super) years: String,
    pub(super) formats: Vec<Format>,
}

impl Job<'_> {
    /// The files of one tenant; of an incomplete statement only with `partial`.
    pub(super) fn write_one(&self, one: &Prepared<'_>, partial: bool, context: &Context) -> Result<(), Failure> {
        let documents = one.documents.as_ref().map_err(|error| error.clone())?;
        if let Some(obstacle) = one.obstacle().filter(|_| !partial) {
            return Err(obstacle.hint("Nothing was written."));
        }
        files::create(self.folder)?;
        for name in self.write(one, documents)? {
            context.ui.data(&format!("{}\n", self.folder.join(name).display()));
        }
        Ok(())
    }

    /// The files of every tenant whose statement is complete, and `elenco.csv`.
    pub(super) fn write_all(&self, prepared: &[Prepared<'_>], context: &Context) -> Result<(), Failure> {
        files::create(self.folder)?;
        let mut entries = Vec::new();
        for one in prepared {
            let entry = match (&one.documents, one.obstacle()) {
                (Ok(documents), None) => self.entry(one, "calcolato", String::new(), self.write(one, documents)?),
                (documents, _) => {
                    self.remove_earlier(one, context)?;
                    let (state, reason) = reason(documents);
                    self.entry(one, state, reason, Vec::new())
                }
            };
            entries.push(entry);
        }
        files::write(self.folder, "elenco.csv", &index::csv(&entries)?)?;
        let written: Vec<&String> = entries.iter().flat_map(|entry| &entry.files).collect();
        for name in &written {
            context.ui.data(&format!("{}\n", self.folder.join(name).display()));
        }
        context.ui.data(&format!("{}\n", self.folder.join("elenco.csv").display()));
        let complete = entries.iter().filter(|entry| !entry.files.is_empty()).count();
        if complete < entries.len() {
            let missing = entries.len() - complete;
            context
                .ui
                .warn(&format!("{missing} of {} tenants have no complete statement: see elenco.csv", entries.len()));
        }
        Ok(())
    }

    fn name(&self, one: &Prepared<'_>, format: Format) -> String {
        format!("{}-{}.{}", one.tenant.id, self.years, format.extension())
    }

    fn write(&self, one: &Prepared<'_>, documents: &[Document]) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        for format in &self.formats {
            let name = self.name(one, *format);
            files::write(self.folder, &name, &render::bytes(*format, documents)?)?;
            names.push(name);
        }
        Ok(names)
    }

    /// A statement written earlier that holds no longer must not stay beside the new list.
    fn remove_earlier(&self, one: &Prepared<'_>, context: &Context) -> Result<(), Failure> {
        for format in &self.formats {
            let name = self.name(one, *format);
            if files::remove(self.folder, &name)? {
                context.ui.status(&format!("removed {name}: it is not complete any more"));
            }
        }
        Ok(())
    }

    fn entry(&self, one: &Prepared<'_>, state: &str, reason: String, files: Vec<String>) -> Entry {
        Entry { name: one.tenant.name.clone(), years: self.years.clone(), state: state.to_owned(), reason, files }
    }
}

/// State and reason of a tenant without a complete statement, in Italian.
fn reason(documents: &Result<Vec<Document>, FeeError>) -> (&'static str, String) {
    match documents {
        Err(FeeError::OutsideBands { item, value, highest, .. }) => {
            let highest = highest.as_deref().unwrap_or("nessuna");
            (
                text::status(Status::OutsideBands),
                format!("{item}: valore {}, fascia più alta nota: {highest}", grouped(*value)),
            )
        }
        Err(error) => (text::status(Status::Unknown), error.to_string()),
        Ok(documents) => {
            let mut reasons: Vec<String> = Vec::new();
            for reason in documents.iter().flat_map(|document| document.statement.unsettled()).map(text::detail) {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
            (text::status(Status::Unknown), reasons.join("; "))
        }
    }
}
