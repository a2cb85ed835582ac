//! Statements of fees as documents: machine CSV, CSV for Italian Excel, a workbook, a page.
//!
//! Each takes the documents of one tenant or of many, one for each year, and gives bytes. The same
//! documents give the same bytes on every machine.

pub mod csv;
pub mod html;
pub mod words;
pub mod xlsx;

/// Why a document cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The CSV writer refused.
    #[error("the CSV cannot be written")]
    Csv(#[from] ::csv::Error),
    /// The workbook writer refused.
    #[error("the workbook cannot be written")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
    /// The template refused.
    #[error("the page cannot be written")]
    Html(#[from] minijinja::Error),
}
