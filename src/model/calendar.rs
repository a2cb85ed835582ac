//! Days, working days and terms; Europe/Rome.

/// How the days of a term are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DayCount {
    /// Every day counts ("giorni solari").
    Solar,
    /// Only working days count ("giorni lavorativi").
    Working,
}

/// A term of the project documents: so many days, counted so. The day after the start is day 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Term {
    /// Number of days.
    pub days: u16,
    /// How they are counted.
    pub count: DayCount,
}
