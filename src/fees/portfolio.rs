//! All tenants of one year: each tenant is a debtor of its own, so the sum adds rounded statements.

use super::statement::{PAYERS, Statement, Totals};
use super::{FeeError, Line, Status};
use crate::model::tenant::Tenant;
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
    /// The lines of its year, also those that no band admits.
    pub lines: Vec<Line>,
    /// Its totals, where they are known.
    pub totals: Totals,
}

impl Row {
    /// Lines that are not plain amounts, worst first: why the tenant is not simply a sum.
    pub fn remarkable(&self) -> Vec<&Line> {
        let mut lines: Vec<&Line> = self.lines.iter().filter(|line| line.charge.status() != Status::Computed).collect();
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
    let row = |tenant: &&Tenant| {
        let Statement { lines, totals, .. } = Statement::assess(inventory, tenant, year)?;
        let status = overall(&lines);
        Ok(Row { tenant: tenant.id.clone(), name: tenant.name.clone(), status, lines, totals })
    };
    let rows: Vec<Row> = members.iter().map(row).collect::<Result<_, FeeError>>()?;
    let computed = || rows.iter().filter(|row| row.status == Status::Computed);
    let mut totals = Totals::default();
    for payer in PAYERS {
        totals.set(payer, computed().filter_map(|row| row.totals.of(payer)).sum());
    }
    Ok(Portfolio { year, computed: computed().count(), tenants: rows.len(), totals, rows })
}

/// `computed` where every line is settled, else the worst word.
fn overall(lines: &[Line]) -> Status {
    let unsettled = lines.iter().filter(|line| !line.is_settled()).map(|line| line.charge.status());
    unsettled.max_by_key(|status| severity(*status)).unwrap_or(Status::Computed)
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
