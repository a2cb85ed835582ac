//! What is about to be written for one tenant, and whether it may be sent.

use crate::document::statement::words;
use crate::failure::{Failure, Kind};
use crate::fees::{Document, FeeError, Statement};
use crate::model::tenant::Tenant;

/// The documents of one tenant, or why there are none.
pub(super) struct Prepared<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) documents: Result<Vec<Document>, FeeError>,
}

impl Prepared<'_> {
    /// Why no complete statement can be sent.
    pub(super) fn obstacle(&self) -> Option<Failure> {
        match &self.documents {
            Err(error) => Some(error.clone().into()),
            Ok(documents) => documents.iter().find_map(|document| incomplete(&document.statement)),
        }
    }
}

/// Why `statement` is not complete; none if it is.
pub(super) fn incomplete(statement: &Statement) -> Option<Failure> {
    let missing: Vec<String> = statement
        .unsettled()
        .map(|line| {
            let remark = words::remark(line).unwrap_or_default();
            format!("{} ({remark})", line.item)
        })
        .collect();
    if missing.is_empty() {
        return None;
    }
    let message = format!("{}, {}: dati non noti: {}", statement.tenant, statement.year, missing.join(", "));
    let hint = format!("Completare inventory/tenants/{}.yaml.", statement.tenant);
    Some(Failure::new(Kind::Invalid, message).hint(hint))
}
