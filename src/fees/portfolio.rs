//! All tenants of one year: each tenant is a debtor of its own, so the sum adds rounded statements.

use super::statement::{PAYERS, Statement, Totals};
use super::{FeeError, Line, Status};
use crate::model::{Inventory, TenantId};
use serde::Serialize;

/// The year of all tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Portfolio {
    /// Calendar year.
    pub year: i16,
    /// One row a tenant, in the order of the members' numbers.
    pub rows: Vec<Row>,
    /// How many tenants are in the sum.
    pub computed: usize,
    /// How many tenants there are.
    pub tenants: usize,
    /// Sum of the rounded statements of the tenants whose every line is settled.
    pub totals: Totals,
}

/// One tenant of a portfolio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Whose.
    pub tenant: TenantId,
    /// Full name.
    pub name: String,
    /// `computed`, or the worst word of its lines.
    pub status: Status,
    /// Its statement, with the lines that no band admits.
    pub statement: Statement,
}

impl Row {
    /// Lines that are not plain amounts, worst first: why the tenant is not simply a sum.
    pub fn remarks(&self) -> Vec<&Line> {
        let mut lines: Vec<&Line> =
            self.statement.lines.iter().filter(|line| line.charge.status() != Status::Computed).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(severity(line.charge.status())));
        lines
    }
}

impl Portfolio {
    /// Whether the sum covers every tenant.
    pub fn is_complete(&self) -> bool {
        self.computed == self.tenants
    }
}

/// The portfolio of `year`.
///
/// # Errors
/// A year before the project.
pub fn portfolio(inventory: &Inventory, year: i16) -> Result<Portfolio, FeeError> {
    let mut members: Vec<_> = inventory.tenants.values().collect();
    members.sort_by_key(|tenant| tenant.number);
    let row = |tenant: &&crate::model::tenant::Tenant| {
        let statement = Statement::assess(inventory, tenant, year)?;
        let status = overall(&statement);
        Ok(Row { tenant: tenant.id.clone(), name: tenant.name.clone(), status, statement })
    };
    let rows: Vec<Row> = members.iter().map(row).collect::<Result<_, FeeError>>()?;
    let complete = || rows.iter().filter(|row| row.statement.is_complete());
    let mut totals = Totals::default();
    for payer in PAYERS {
        totals.set(payer, complete().filter_map(|row| row.statement.totals.of(payer)).sum());
    }
    Ok(Portfolio { year, computed: complete().count(), tenants: rows.len(), totals, rows })
}

/// `computed` where every line is settled, else the worst word.
fn overall(statement: &Statement) -> Status {
    let worst = statement.unsettled().map(|line| line.charge.status()).max_by_key(|status| severity(*status));
    worst.unwrap_or(Status::Computed)
}

fn severity(status: Status) -> u8 {
    match status {
        Status::Computed => 0,
        Status::Project => 1,
        Status::NotAdmitted => 2,
        Status::Unknown => 3,
        Status::OutsideBands => 4,
    }
}
