//! One question outside of any checklist, asked and judged as an item is.

use super::baseline::Baselines;
use super::finding::Finding;
use super::item::{AppliesTo, Check, Checklist, InvalidItemId, Item, Phase, Severity};
use super::plan::Options;
use super::run::{Field, run};
use super::scope::Scope;
use super::sign::Signatures;
use crate::model::ServerId;
use crate::model::bilingual::Bilingual;
use crate::model::project::Project;
use crate::model::tenant::Tenant;
use std::sync::Arc;

/// A question about a tenant, or about one of its servers.
#[derive(Debug, Clone, Copy)]
pub struct Once<'a> {
    /// What it is about, for the finding.
    pub title: &'a Bilingual,
    /// What is asked, and what must hold of the answer.
    pub check: &'a Check,
    /// Of which server; of the tenant where none is named.
    pub server: Option<&'a ServerId>,
    /// Whose.
    pub tenant: &'a Tenant,
    /// The project.
    pub project: &'a Project,
}

/// Asks it, and again for as long as its `until` says; none where the tenant has no such server.
///
/// `server.host` is the machine at the landing site, `server.address` the source.
///
/// # Errors
/// A bug: the finding has no name.
pub async fn ask<F: Field>(once: &Once<'_>, field: &Arc<F>) -> Result<Option<Finding>, InvalidItemId> {
    let item = Item {
        id: "STEP".parse()?,
        title: once.title.clone(),
        severity: Severity::Blocker,
        roles: Vec::new(),
        applies_to: AppliesTo::default(),
        scope: if once.server.is_some() { Scope::Server } else { Scope::Tenant },
        when: None,
        sign_with: None,
        trace: Vec::new(),
        evidence: Vec::new(),
        check: once.check.clone(),
        valid_for: None,
    };
    let list =
        Checklist { phase: Phase::Landing, version: 1, executes: Vec::new(), validates: Vec::new(), items: vec![item] };
    let (signatures, baselines) = (Signatures::default(), Baselines::default());
    let options = Options { server: once.server, ..Options::whole(once.project, &signatures, &baselines) };
    Ok(run(&list, once.tenant, &options, field).await.into_iter().next())
}
