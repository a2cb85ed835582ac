//! Tables for people: columns that line up, without frames, so that they can be copied and cut.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

/// A table with a heading and rows.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Builder,
    right: Vec<usize>,
}

impl Table {
    /// An empty table under `headings`.
    pub fn new<'a>(headings: impl IntoIterator<Item = &'a str>) -> Self {
        let mut rows = Builder::new();
        rows.push_record(headings);
        Self { rows, right: Vec::new() }
    }

    /// The same table with these columns (from 0) set to the right, for numbers.
    pub fn right(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push_record(cells);
    }

    /// The table as text: two spaces between columns, none at the end of a line.
    pub fn render(self) -> String {
        let mut table = self.rows.build();
        table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
        for column in self.right {
            table.modify(Columns::one(column), Alignment::right());
        }
        table.to_string().lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
    }
}
