//! What a tenant owes, who pays it and since when: pure, exact to the cent, never guessed.
//!
//! `assess` decides each line from the schedule, the payer rules and the tenant; `statement` adds
//! value added tax and totals for one year; `portfolio` sums the rounded statements of all tenants;
//! `issued` compares a statement with what was already sent. One rule holds throughout: what is in
//! force on 1 January decides the whole year, because the documents know no pro rata.

mod assess;
mod digest;
mod issued;
mod line;
mod notes;
mod portfolio;
mod statement;
mod vat;

pub use assess::Origin;
pub use issued::{Adjustment, Document, Issue, Mark};
pub use line::{Charge, Count, Line, Measure, Missing, OutsideBands, Period, SiteLink, Status};
pub use portfolio::{Portfolio, Row, portfolio};
pub use statement::{ActionHeading, Heading, Statement, Totals};
pub use vat::Amount;

use crate::model::fees::{Basis, Item};
use crate::model::tenant::Tenant;
use crate::model::{Inventory, TenantId};

/// Why there is no statement. In Italian: an accountant reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeeError {
    /// The tenant's value is above every band that the documents print.
    #[error(
        "{tenant}: {value} {} fuori da ogni fascia di {item}; la fascia più alta nota è {}",
        unit(.basis),
        .highest.as_deref().map_or("nessuna".to_owned(), |label| format!("`{label}`"))
    )]
    OutsideBands {
        /// Whose statement.
        tenant: TenantId,
        /// Of which fee.
        item: Item,
        /// What the bands count.
        basis: Basis,
        /// The tenant's value.
        value: u64,
        /// Label of the highest band.
        highest: Option<String>,
    },
    /// The year is before the project.
    #[error("{year} precede il progetto, iniziato nel {first}")]
    BeforeProject {
        /// The year asked for.
        year: i16,
        /// The project's first year.
        first: i16,
    },
}

fn unit(basis: &Basis) -> &'static str {
    match basis {
        Basis::Servers => "server",
        Basis::Population => "abitanti",
    }
}

/// The statement of `tenant` for `year`.
///
/// # Errors
/// A tenant outside the bands, or a year before the project. What is unknown is no error: the
/// statement is then incomplete and says what is missing.
pub fn statement(inventory: &Inventory, tenant: &Tenant, year: i16) -> Result<Statement, FeeError> {
    let statement = Statement::assess(inventory, tenant, year)?;
    match statement.lines.iter().find_map(|line| Some((line, line.outside_bands()?))) {
        None => Ok(statement),
        Some((line, outside)) => Err(FeeError::OutsideBands {
            tenant: tenant.id.clone(),
            item: line.item.clone(),
            basis: outside.basis,
            value: outside.value,
            highest: outside.highest.clone(),
        }),
    }
}

/// Where every figure of the statement of `tenant` for `year` comes from, line by line.
pub fn explain(inventory: &Inventory, tenant: &Tenant, year: i16) -> Vec<Origin> {
    assess::lines(inventory, tenant, year).into_iter().flat_map(|assessed| assessed.origins).collect()
}
