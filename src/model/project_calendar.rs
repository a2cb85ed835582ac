//! The dates of one tenant's migration: from the order of its link to the end of the six activities.
//!
//! Terms are counted with the first day excluded (domain A13), so that the plan's term ends `plan`
//! days after the start; activities are proposed inside it, day 1 being the start itself.

use super::calendar::{DayCount, Term, WorkCalendar, in_rome, italian};
use super::link::Link;
use super::project::{NetworkDate, Prevails, Project};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, Unit};

/// What a calendar is made from.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Terms and end of the project.
    pub project: &'a Project,
    /// Days off that count for the tenant.
    pub calendar: &'a WorkCalendar,
    /// The tenant's link, if it is known.
    pub link: Option<&'a Link>,
    /// An order date to assume where the link has none.
    pub order: Option<Date>,
    /// The start of activity 1; without it the latest start is proposed.
    pub start: Option<Date>,
    /// The activities of the playbook in order, with their first and last day of the plan.
    pub activities: &'a [ActivityDays],
}

/// The days of one activity as the playbook proposes them: day 1 is the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ActivityDays {
    /// Number of the activity, 1 to 6.
    pub activity: u8,
    /// First day.
    pub from: u16,
    /// Last day.
    pub to: u16,
}

/// Where a date comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The inventory records it, or the operator gave it.
    Given,
    /// The last day that the terms of the documents allow.
    Latest,
}

/// A date and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Milestone {
    /// The day.
    pub date: Date,
    /// Where it comes from.
    pub basis: Basis,
}

/// One activity in the calendar: always proposed (`proposta`), since the document's bars are blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Proposed {
    /// Number of the activity, 1 to 6.
    pub activity: u8,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

/// What does not fit the terms of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Warning {
    /// The plan's term ends after the project.
    Overrun {
        /// Days after the project's end.
        days: i32,
    },
    /// Activity 1 starts before its link is available.
    BeforeLink {
        /// When the link is available.
        link: Date,
    },
    /// Activity 1 starts before the link is accepted: its collaudo is a precondition.
    BeforeAcceptance {
        /// When the link is accepted.
        accepted: Date,
    },
    /// Activity 1 starts later than the terms allow.
    LateStart {
        /// Days after the latest start.
        days: i32,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days = |days: &i32| if *days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        match self {
            Warning::Overrun { days: over } => write!(f, "the plan ends {} after the project", days(over)),
            Warning::BeforeLink { link } => write!(f, "the start is before the link is available ({})", italian(*link)),
            Warning::BeforeAcceptance { accepted } => {
                write!(f, "the start is before the link's acceptance test ({})", italian(*accepted))
            }
            Warning::LateStart { days: over } => write!(f, "the start is {} after the latest one", days(over)),
        }
    }
}

/// The dates of one tenant's migration; none is unknown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ProjectCalendar {
    /// Order of the link.
    pub ordered_on: Option<Date>,
    /// The last day on which the supplier may deliver it.
    pub latest_delivery: Option<Date>,
    /// Availability of the link; where nobody recorded it, the latest delivery.
    pub available_on: Option<Milestone>,
    /// Acceptance test (collaudo) of the link, on which activity 1 waits.
    pub accepted_on: Option<Date>,
    /// The last day on which activity 1 may start.
    pub latest_start: Option<Date>,
    /// The start of activity 1.
    pub start: Option<Milestone>,
    /// How the days of the plan are counted.
    pub count: DayCount,
    /// The activities, as proposed.
    pub activities: Vec<Proposed>,
    /// The last day of the plan's term, the start not counted.
    pub due: Option<Date>,
    /// From the acceptance of the landing to activity 6, at least.
    pub quiet_before_wipe: Term,
    /// What prevails where the plan's days are over before the quiet period is.
    pub prevails: Prevails,
    /// Days off, by which terms are counted.
    #[serde(skip)]
    days: WorkCalendar,
    /// The project's last day.
    pub project_end: Date,
    /// The last day on which ordering a link still meets the project's end, all terms used in full.
    pub latest_order: Date,
    /// What does not fit.
    pub warnings: Vec<Warning>,
}

/// The days between the acceptance of the landing and activity 6, in which the servers are off and their
/// disks are kept as the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct QuietPeriod {
    /// The day of the acceptance, which is not counted.
    pub accepted: Date,
    /// Whether it was signed; otherwise it is the plan's day.
    pub signed: bool,
    /// The term.
    pub term: Term,
    /// Its last day.
    pub ends: Date,
    /// The earliest day of activity 6: the next one.
    pub earliest: Date,
    /// The last day of the plan's term, where the quiet period does not end before it: one of them has to give.
    pub conflicts_with: Option<Date>,
    /// Whether it was cut short, since people signed that the plan prevails.
    pub cut: bool,
}

impl QuietPeriod {
    /// That it was cut short, as a remark behind its term; empty where it was not.
    pub fn remark(&self) -> &'static str {
        if self.cut { ", cut short: the plan prevails" } else { "" }
    }

    /// Whether it is not over at `now`: days are those of Rome.
    pub fn holds(&self, now: Timestamp) -> bool {
        in_rome(self.earliest.at(0, 0, 0, 0)).is_none_or(|begin| now < begin.timestamp())
    }
}

impl ProjectCalendar {
    /// The calendar that `request` gives.
    pub fn new(request: &Request<'_>) -> Self {
        let terms = &request.project.terms;
        let link = request.link;
        let ordered_on = link.and_then(|link| link.ordered_on).or(request.order);
        let latest_delivery = ordered_on.map(|date| request.calendar.add(terms.activation, date));
        let available_on = available_on(link.and_then(|link| link.available_on), latest_delivery);
        let accepted_on = link.and_then(|link| link.accepted_on);
        let runs_from = match terms.start_from {
            NetworkDate::AvailableOn => available_on.map(|milestone| milestone.date),
            NetworkDate::AcceptedOn => accepted_on,
        };
        let latest_start = runs_from.map(|date| request.calendar.add(terms.start_after_network, date));
        let given = request.start.map(|date| Milestone { date, basis: Basis::Given });
        let start = given.or(latest_start.map(|date| Milestone { date, basis: Basis::Latest }));
        let mut calendar = Self {
            ordered_on,
            latest_delivery,
            available_on,
            accepted_on,
            latest_start,
            start,
            count: terms.plan.count,
            activities: start.map_or_else(Vec::new, |start| propose(request, start.date)),
            due: start.map(|start| request.calendar.add(terms.plan, start.date)),
            quiet_before_wipe: terms.quiet_before_wipe,
            prevails: terms.prevails,
            days: request.calendar.clone(),
            project_end: request.project.end,
            latest_order: latest_order(request),
            warnings: Vec::new(),
        };
        calendar.warnings = calendar.collect_warnings();
        calendar
    }

    /// The quiet period after an acceptance, or after the day that the plan proposes for it; none where
    /// people agreed on none.
    pub fn quiet_period(&self, accepted: Date, signed: bool) -> Option<QuietPeriod> {
        let term = self.quiet_before_wipe;
        if term.days == 0 {
            return None;
        }
        let ends = self.days.add(term, accepted);
        let earliest = ends.saturating_add(1.day());
        let conflicts_with = self.due.filter(|due| earliest > *due);
        let cut_to = conflicts_with.filter(|_| self.prevails == Prevails::Plan);
        let Some(due) = cut_to else {
            return Some(QuietPeriod { accepted, signed, term, ends, earliest, conflicts_with, cut: false });
        };
        // Never on the day of the acceptance itself: the servers are off for a night at least.
        let earliest = due.max(accepted.saturating_add(1.day())).min(earliest);
        let ends = earliest.saturating_sub(1.day());
        Some(QuietPeriod { accepted, signed, term, ends, earliest, conflicts_with, cut: true })
    }

    fn collect_warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let Some(start) = self.start.map(|milestone| milestone.date) else { return warnings };
        if let Some(link) = self.available_on.map(|milestone| milestone.date).filter(|link| start < *link) {
            warnings.push(Warning::BeforeLink { link });
        }
        if let Some(accepted) = self.accepted_on.filter(|accepted| start < *accepted) {
            warnings.push(Warning::BeforeAcceptance { accepted });
        }
        if let Some(days) = self.latest_start.and_then(|latest| days_after(latest, start)) {
            warnings.push(Warning::LateStart { days });
        }
        if let Some(days) = self.due.and_then(|due| days_after(self.project_end, due)) {
            warnings.push(Warning::Overrun { days });
        }
        warnings
    }
}

fn available_on(recorded: Option<Date>, latest_delivery: Option<Date>) -> Option<Milestone> {
    let recorded = recorded.map(|date| Milestone { date, basis: Basis::Given });
    recorded.or(latest_delivery.map(|date| Milestone { date, basis: Basis::Latest }))
}

/// The activities' days from `start`: day 1 is the start, or the next day that counts.
fn propose(request: &Request<'_>, start: Date) -> Vec<Proposed> {
    let plan = request.project.terms.plan;
    let first = request.calendar.first_counting(start, plan.count);
    let day = |number: u16| {
        let after = Term { days: number.saturating_sub(1), count: plan.count };
        request.calendar.add(after, first)
    };
    let propose = |days: &ActivityDays| Proposed { activity: days.activity, from: day(days.from), to: day(days.to) };
    request.activities.iter().map(propose).collect()
}

/// The project's end less the plan, the start after the network and the activation of the link.
fn latest_order(request: &Request<'_>) -> Date {
    let terms = &request.project.terms;
    [terms.plan, terms.start_after_network, terms.activation]
        .into_iter()
        .fold(request.project.end, |end, term| request.calendar.latest_start(term, end))
}

/// How many days `date` is after `limit`; none if it is not.
fn days_after(limit: Date, date: Date) -> Option<i32> {
    let days = limit.until((Unit::Day, date)).ok()?.get_days();
    (days > 0).then_some(days)
}

#[cfg(test)]
mod tests;
