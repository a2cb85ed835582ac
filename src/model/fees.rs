//! The fee schedule: bands, payers by line and period, VAT. Only what the documents print exists.

use super::Euro;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// `fees.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedules {
    /// Value added tax.
    pub vat: Vat,
    /// One schedule per action (2.2.1, 2.2.2).
    pub schedules: Vec<Schedule>,
    /// Who pays which line in which period; the first rule that matches wins.
    pub payers: Vec<PayerRule>,
    /// Who invoices the tenant, if the documents said so (domain A9).
    pub creditor: Option<String>,
    /// Settings that the source document leaves open, printed under each statement.
    pub notes: Vec<String>,
}

/// Value added tax and where it is rounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Vat {
    /// Rate, such as 0.22.
    pub rate: Decimal,
    /// Whether VAT is computed once per payer, document and rate, or per line (domain A1).
    pub scope: VatScope,
}

/// Where VAT is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VatScope {
    /// Once per payer, document and rate ("riepilogo per aliquota").
    Document,
    /// On each line.
    Line,
}

/// What a line of a statement is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// An annual fee of a schedule: the action's id, such as `2.2.1`.
    Action(String),
    /// The link's set-up ("una tantum").
    LinkOneOff,
    /// The link's annual fee ("canone annuo").
    LinkAnnual,
    /// The cents between the tax of a document and the rounded taxes of its lines; never in the inventory.
    Rounding,
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Item::Action(action) => action,
            Item::LinkOneOff => "link_one_off",
            Item::LinkAnnual => "link_annual",
            Item::Rounding => "arrotondamento",
        })
    }
}

impl serde::Serialize for Item {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Any other word is the id of an action.
impl std::str::FromStr for Item {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "link_one_off" => Item::LinkOneOff,
            "link_annual" => Item::LinkAnnual,
            "arrotondamento" => Item::Rounding,
            action => Item::Action(action.to_owned()),
        })
    }
}

/// Read back from our own JSON.
impl<'de> serde::Deserialize<'de> for Item {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The bands of one action.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Action, such as `2.2.1`.
    pub action: String,
    /// Italian title, as printed.
    pub title: String,
    /// What the bands count.
    pub basis: Basis,
    /// First day on which the schedule applies.
    pub valid_from: Date,
    /// Whether only tenants admitted to Action 2.2.2 pay it.
    pub requires_admission: bool,
    /// Bands in rising order; nothing above the last one is known.
    pub bands: Vec<Band>,
    /// Where the figures come from.
    pub source: String,
    /// The starred note under the table, if the document prints one.
    pub note: Option<String>,
}

/// What a schedule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Billable servers.
    Servers,
    /// Inhabitants at the reference date.
    Population,
}

/// One row of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Label as printed, such as `Fino a 5`.
    pub label: String,
    /// Upper limit of the band.
    pub upper: Upper,
    /// Annual fee, net of VAT.
    pub annual_net: Euro,
}

/// The upper limit of a band, closed or open as the document prints it (domain A4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Upper {
    /// The value itself is inside ("fino a").
    Inclusive(u64),
    /// The value itself is outside ("<").
    Exclusive(u64),
}

impl Upper {
    /// Whether `value` is not above the limit.
    pub fn admits(self, value: u64) -> bool {
        match self {
            Upper::Inclusive(limit) => value <= limit,
            Upper::Exclusive(limit) => value < limit,
        }
    }
}

/// Who pays a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// The project's funds: printed `a carico del Progetto`, without amount.
    Project,
    /// The lead authority (CMV).
    Lead,
    /// The tenant.
    Tenant,
}

/// Who pays one item in one period.
#[derive(Debug, Clone, PartialEq)]
pub struct PayerRule {
    /// The item.
    pub item: Item,
    /// First day of the period, if it has one.
    pub from: Option<Date>,
    /// Last day of the period, if it has one.
    pub until: Option<Date>,
    /// Whether the rule is only for tenants with the printed `< 5.000` flag, or only for the others.
    pub under_5000: Option<bool>,
    /// Who pays.
    pub payer: Payer,
    /// How long the period runs, as printed, where its end is not a date.
    pub term_note: Option<String>,
    /// Where the rule comes from.
    pub source: String,
}
