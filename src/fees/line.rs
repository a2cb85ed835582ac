//! One line of a statement, and its form in JSON.

use super::vat::Amount;
use crate::model::Euro;
use crate::model::fees::{Basis, Item, Payer};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "LineJson", try_from = "LineJson")]
pub struct Line {
    /// What it is for.
    pub item: Item,
    /// The link, on a line of a link that is known.
    pub site: Option<SiteLink>,
    /// Label of the band, as printed.
    pub band: Option<String>,
    /// The tenant's value that decides the band.
    pub basis: Option<Measure>,
    /// Who pays; none is unknown.
    pub payer: Option<Payer>,
    /// What is owed.
    pub charge: Charge,
    /// For which days; none is unknown.
    pub period: Option<Period>,
    /// Where amount and payer come from.
    pub source: String,
}

impl Line {
    /// The amount, if one is owed.
    pub fn amount(&self) -> Option<Amount> {
        match self.charge {
            Charge::Owed(amount) => Some(amount),
            _ => None,
        }
    }

    /// Why no band fits, if none does.
    pub fn outside_bands(&self) -> Option<&OutsideBands> {
        match &self.charge {
            Charge::OutsideBands(outside) => Some(outside),
            _ => None,
        }
    }

    /// Whether the line is settled: an amount, the project, or no admission.
    pub fn is_settled(&self) -> bool {
        self.payer.is_some() && !matches!(self.charge, Charge::Unknown(_) | Charge::OutsideBands(_))
    }
}

/// What is owed on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    /// An amount.
    Owed(Amount),
    /// The project pays: printed `a carico del Progetto`, without amount.
    Project,
    /// The tenant is not admitted to the action: printed `non ammesso`.
    NotAdmitted,
    /// Nobody knows: printed `non noto`, never 0.
    Unknown(Missing),
    /// No band that the documents print fits: printed `fascia non prevista`.
    OutsideBands(OutsideBands),
}

/// What is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The assessed number of servers.
    ServerCount,
    /// The population at the reference date.
    Population,
    /// The links of the tenant.
    Links,
    /// The link's fee.
    LinkFee,
    /// Who pays the line in the period.
    Payer,
    /// The schedule for a year before its first day.
    Schedule,
}

/// Italian, as it ends the sentence `non noto: …`.
impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Missing::ServerCount => "numero di server",
            Missing::Population => "popolazione alla data di riferimento",
            Missing::Links => "collegamenti",
            Missing::LinkFee => "costo del collegamento",
            Missing::Payer => "soggetto pagante nel periodo",
            Missing::Schedule => "tariffa nel periodo",
        })
    }
}

/// A value above every band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideBands {
    /// What the bands count.
    pub basis: Basis,
    /// The value.
    pub value: u64,
    /// Label of the highest band.
    pub highest: Option<String>,
}

/// A value that decides a band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Servers or inhabitants.
    pub value: u64,
    /// The day to which it refers, if it is known.
    pub date: Option<Date>,
    /// Who counted.
    pub source: String,
    /// Of servers: which count.
    pub count: Option<Count>,
}

/// Which count of servers decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// As assessed in the project document.
    Assessed,
    /// As found during implementation.
    Actual,
}

/// The days for which a line is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// How long the payer goes on paying, where its end is not a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What the document prints of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteLink {
    /// Id of the site.
    pub id: String,
    /// Indirizzo.
    pub address: String,
    /// Profilo.
    pub profile: String,
    /// Peak rate in Mbit/s.
    pub pcr_mbps: u32,
    /// Guaranteed share in percent.
    pub mcr_percent: u8,
    /// Kind of backup: `LTE`, `rame`, or none.
    pub backup: Option<String>,
}

/// The line in JSON, in the order of the contract.
#[derive(Serialize, Deserialize)]
struct LineJson {
    item: Item,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    band: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payer: Option<Payer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    net: Option<Euro>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vat: Option<Euro>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gross: Option<Euro>,
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missing: Option<Missing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    highest_band: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis_date: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis_source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<Count>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site: Option<SiteLink>,
    source: String,
}

/// The word of a charge in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// An amount is owed.
    Computed,
    /// The project pays.
    Project,
    /// Not admitted to the action.
    NotAdmitted,
    /// Not known.
    Unknown,
    /// No band fits.
    OutsideBands,
}

impl Charge {
    /// The word of the charge.
    pub fn status(&self) -> Status {
        match self {
            Charge::Owed(_) => Status::Computed,
            Charge::Project => Status::Project,
            Charge::NotAdmitted => Status::NotAdmitted,
            Charge::Unknown(_) => Status::Unknown,
            Charge::OutsideBands(_) => Status::OutsideBands,
        }
    }
}

impl From<Line> for LineJson {
    fn from(line: Line) -> Self {
        let amount = line.amount();
        let basis = line.basis.as_ref();
        Self {
            status: line.charge.status(),
            missing: match line.charge {
                Charge::Unknown(missing) => Some(missing),
                _ => None,
            },
            highest_band: line.outside_bands().and_then(|outside| outside.highest.clone()),
            net: amount.map(|amount| amount.net),
            vat: amount.map(|amount| amount.vat),
            gross: amount.map(|amount| amount.gross),
            basis: basis.map(|basis| basis.value),
            basis_date: basis.and_then(|basis| basis.date),
            basis_source: basis.map(|basis| basis.source.clone()),
            count: basis.and_then(|basis| basis.count),
            item: line.item,
            band: line.band,
            payer: line.payer,
            period: line.period,
            site: line.site,
            source: line.source,
        }
    }
}

/// Why a line of a journal cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("the line {item} has the status {status:?} without what belongs to it")]
struct Contradiction {
    item: Item,
    status: Status,
}

impl TryFrom<LineJson> for Line {
    type Error = Contradiction;

    fn try_from(json: LineJson) -> Result<Self, Contradiction> {
        let charge = match (json.status, json.net, json.vat, json.gross, json.missing) {
            (Status::Computed, Some(net), Some(vat), Some(gross), None) => Charge::Owed(Amount { net, vat, gross }),
            (Status::Project, None, None, None, None) => Charge::Project,
            (Status::NotAdmitted, None, None, None, None) => Charge::NotAdmitted,
            (Status::Unknown, None, None, None, Some(missing)) => Charge::Unknown(missing),
            // Never issued, so never read back.
            (status, ..) => return Err(Contradiction { item: json.item, status }),
        };
        let basis = json.basis.zip(json.basis_source);
        Ok(Self {
            basis: basis.map(|(value, source)| Measure { value, source, date: json.basis_date, count: json.count }),
            item: json.item,
            site: json.site,
            band: json.band,
            payer: json.payer,
            charge,
            period: json.period,
            source: json.source,
        })
    }
}
