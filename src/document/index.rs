//! `elenco.csv`: which tenants have a statement in the folder, and why the others have none.

use super::cell;
use super::statement::DocumentError;
use csv::{Terminator, WriterBuilder};

/// One tenant of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Full name.
    pub name: String,
    /// Years, as `2023` or `2023-2025`.
    pub years: String,
    /// State, in Italian.
    pub state: String,
    /// Why there is no statement; empty where there is one.
    pub reason: String,
    /// The files written.
    pub files: Vec<String>,
}

/// The list, in the dialect of Italian Excel.
///
/// # Errors
/// The writer refused.
pub fn csv(entries: &[Entry]) -> Result<Vec<u8>, DocumentError> {
    let mut builder = WriterBuilder::new();
    let mut writer = builder.delimiter(b';').terminator(Terminator::CRLF).from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(["Ente", "Anno", "Stato", "Motivo", "File"])?;
    for entry in entries {
        let cells = [&entry.name, &entry.years, &entry.state, &entry.reason, &entry.files.join(", ")];
        writer.write_record(cells.map(|text| cell::text(text)))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(std::io::Error::other(error.to_string())).into())
}
