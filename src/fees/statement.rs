//! The statement of one tenant for one year: lines, tax, totals by payer, notes.

use super::line::{Charge, Line};
use super::vat::{self, Amount};
use super::{FeeError, assess, digest, notes};
use crate::model::calendar::Term;
use crate::model::fees::{Item, Payer, Vat};
use crate::model::tenant::{Tenant, TenantKind};
use crate::model::{Euro, Inventory, TenantId};
use serde::{Deserialize, Serialize};

/// What a tenant's year costs and who pays it. In JSON the order of the contract comes first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Whose.
    pub tenant: TenantId,
    /// Calendar year.
    pub year: i16,
    /// The lines of the year, each payer's `arrotondamento` last.
    pub lines: Vec<Line>,
    /// Totals of the payers of whom every line is settled.
    pub totals: Totals,
    /// What is known of the others: never their total.
    #[serde(default, skip_serializing_if = "Totals::is_empty")]
    pub partial_totals: Totals,
    /// Lines without a year, shown and not added: an una tantum whose order has no date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undated: Vec<Line>,
    /// Printed under the tables, in Italian.
    pub notes: Vec<String>,
    /// What the page is headed with.
    pub heading: Heading,
    /// SHA-256 of everything the figures depend on, hexadecimal.
    pub digest: String,
}

/// Totals by payer; none is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Amount>,
    /// Of the lead authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<Amount>,
}

/// The payers who pay amounts, in the order of documents.
pub(super) const PAYERS: [Payer; 2] = [Payer::Tenant, Payer::Lead];

impl Totals {
    /// The total of `payer`; the project has none.
    pub fn of(&self, payer: Payer) -> Option<Amount> {
        match payer {
            Payer::Tenant => self.tenant,
            Payer::Lead => self.lead,
            Payer::Project => None,
        }
    }

    pub(super) fn set(&mut self, payer: Payer, amount: Amount) {
        match payer {
            Payer::Tenant => self.tenant = Some(amount),
            Payer::Lead => self.lead = Some(amount),
            Payer::Project => {}
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.tenant.is_none() && self.lead.is_none()
    }

    /// Payer by payer; what is unknown in one is unknown in the result.
    pub fn combine(self, other: Totals, with: impl Fn(Amount, Amount) -> Amount) -> Totals {
        let pair = |one: Option<Amount>, two: Option<Amount>| one.zip(two).map(|(one, two)| with(one, two));
        Totals { tenant: pair(self.tenant, other.tenant), lead: pair(self.lead, other.lead) }
    }
}

/// What the page is headed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// Full name of the tenant.
    pub name: String,
    /// What columns and payers call it: `Comune` or `Unione`.
    pub word: String,
    /// Its codice fiscale, if it is known.
    pub tax_code: Option<String>,
    /// Its ISTAT code, if it has one.
    pub istat: Option<String>,
    /// Name of the project.
    pub project: String,
    /// Title of the executive project.
    pub document: String,
    /// CUP of the project.
    pub cup: String,
    /// Name of the lead authority.
    pub lead: String,
    /// Its short name, which heads columns.
    pub lead_short: String,
    /// From the order of a link to its delivery: `60 giorni solari`.
    pub activation: String,
    /// Rate of the tax in percent.
    pub vat_percent: String,
    /// Titles and notes of the actions.
    pub actions: Vec<ActionHeading>,
}

/// What the table of an action is headed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionHeading {
    /// Id, such as `2.2.1`.
    pub action: String,
    /// Title, such as `Fascia server`.
    pub title: String,
    /// The starred note under the table, if there is one.
    pub note: Option<String>,
}

impl Statement {
    /// Every line of the year, also those that no band admits.
    pub(super) fn assess(inventory: &Inventory, tenant: &Tenant, year: i16) -> Result<Self, FeeError> {
        let first = inventory.project.start.year();
        if year < first {
            return Err(FeeError::BeforeProject { year, first });
        }
        let assessed = assess::lines(inventory, tenant, year);
        let (dated, undated): (Vec<_>, Vec<_>) = assessed.into_iter().partition(|assessed| assessed.dated);
        let mut lines: Vec<Line> = dated.into_iter().map(|assessed| assessed.line).collect();
        let undated: Vec<Line> = undated.into_iter().map(|assessed| assessed.line).collect();
        let (totals, partial_totals) = add_up(&mut lines, &inventory.fees.vat);
        Ok(Self {
            tenant: tenant.id.clone(),
            year,
            notes: notes::notes(inventory, tenant, year, &lines, &undated),
            lines,
            totals,
            partial_totals,
            undated,
            heading: Heading::new(inventory, tenant),
            digest: digest::digest(inventory, tenant, year),
        })
    }

    /// Whether every line of the year is settled, so that the totals are totals.
    pub fn is_complete(&self) -> bool {
        self.lines.iter().all(Line::is_settled)
    }

    /// The lines that are not settled.
    pub fn unsettled(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| !line.is_settled())
    }
}

/// Adds each payer's lines up and appends what rounding leaves between them and the document's tax.
fn add_up(lines: &mut Vec<Line>, vat: &Vat) -> (Totals, Totals) {
    let (mut totals, mut partial) = (Totals::default(), Totals::default());
    let payer_unknown = lines.iter().any(|line| line.payer.is_none());
    for payer in PAYERS {
        let mine = || lines.iter().filter(|line| line.payer == Some(payer));
        let settled = !payer_unknown && mine().all(Line::is_settled);
        let amounts: Vec<Amount> = mine().filter_map(Line::amount).collect();
        let (total, rounding) = vat::total(&amounts, vat);
        if settled { &mut totals } else { &mut partial }.set(payer, total);
        lines.extend(rounding.map(|rounding| rounding_line(payer, rounding.vat)));
    }
    (totals, partial)
}

fn rounding_line(payer: Payer, cents: Euro) -> Line {
    Line {
        item: Item::Rounding,
        site: None,
        band: None,
        basis: None,
        payer: Some(payer),
        charge: Charge::Owed(Amount { net: Euro::ZERO, vat: cents, gross: cents }),
        period: None,
        source: "IVA per documento e aliquota".to_owned(),
    }
}

impl Heading {
    fn new(inventory: &Inventory, tenant: &Tenant) -> Self {
        let project = &inventory.project;
        let actions = inventory.fees.schedules.iter().map(|schedule| ActionHeading {
            action: schedule.action.clone(),
            title: schedule.title.clone(),
            note: schedule.note.clone(),
        });
        Self {
            name: tenant.name.clone(),
            word: match tenant.kind {
                TenantKind::Municipality => "Comune",
                TenantKind::Union => "Unione",
            }
            .to_owned(),
            tax_code: tenant.codes.tax_code.clone(),
            istat: tenant.codes.istat.clone(),
            project: project.name.clone(),
            document: project.document.clone(),
            cup: project.cup.clone(),
            lead: project.lead.name.clone(),
            lead_short: project.lead.short.clone(),
            activation: Term::to_string(&project.terms.activation),
            vat_percent: notes::percent(inventory.fees.vat.rate),
            actions: actions.collect(),
        }
    }
}
