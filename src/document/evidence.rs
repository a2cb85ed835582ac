//! `README.txt` of a folder of evidence: how to verify it without traghetto.

use crate::checklist::sshsig::NAMESPACE;
use crate::model::{PersonId, TenantId};

const ITALIAN: &str = include_str!("../../templates/documents/evidence-it.txt");
const ENGLISH: &str = include_str!("../../templates/documents/evidence-en.txt");

/// The page, in Italian or English. Ids are safe in a shell.
pub fn readme(tenant: &TenantId, by: &PersonId, italian: bool) -> String {
    let text = if italian { ITALIAN } else { ENGLISH };
    text.replace("TENANT", tenant.as_str()).replace("SIGNER", by.as_str()).replace("NAMESPACE", NAMESPACE)
}
