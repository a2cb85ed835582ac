//! The hours of a night as a drawing: a row for each step, a bar for each of two rates, the hours that people decide
//! at. Only numbers and texts are here: the template writes the SVG, and escapes.

use super::after;
use crate::migration::{Night, Slot, TimedStep};
use crate::model::calendar::rome_civil;
use crate::model::window::Window;
use serde::Serialize;

const LEFT: u64 = 210;
const WIDTH: u64 = 760;
const ROW: u64 = 22;
const TOP: u64 = 46;
/// The width of a bar whose length nobody knows.
const UNKNOWN: u64 = 26;
const HOUR: u64 = 3600;

/// A drawing of one night; all in pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Chart {
    width: u64,
    height: u64,
    left: u64,
    right: u64,
    bottom: u64,
    ticks: Vec<Tick>,
    rows: Vec<Row>,
    limits: Vec<Limit>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Tick {
    x: u64,
    label: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    y: u64,
    middle: u64,
    label: String,
    strong: bool,
    bars: Vec<Bar>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Bar {
    x: u64,
    width: u64,
    /// `down`, `mcr`, `pcr` or `unknown`.
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Limit {
    x: u64,
    label: &'static str,
}

/// The drawing of a night.
pub(super) fn chart(night: &Night, it: bool) -> Chart {
    let slots = || night.servers.iter().flat_map(|server| &server.steps).flat_map(|step| [step.at_mcr, step.at_pcr]);
    let last = slots().map(|slot| slot.until_seconds.unwrap_or(slot.from_seconds)).max().unwrap_or(0);
    let window = night.window.as_ref();
    let agreed = window.map(|window| seconds(window, window.until()));
    let span = last.max(agreed.unwrap_or(HOUR)).max(HOUR);
    let scale = Scale { span };
    let mut rows =
        vec![(if it { "servizi fermi (al più tardi)" } else { "services down (at the latest)" }.to_owned(), true, {
            let width = scale.x(agreed.unwrap_or(span)).saturating_sub(LEFT);
            vec![Bar { x: LEFT, width, class: "down" }]
        })];
    for server in &night.servers {
        rows.push((server.server.to_string(), true, Vec::new()));
        rows.extend(server.steps.iter().map(|step| (format!("  {}", words(step.step, it)), false, bars(step, &scale))));
    }
    let bottom = TOP + ROW * u64::try_from(rows.len()).unwrap_or(0);
    Chart {
        width: LEFT + WIDTH + 30,
        height: bottom + 30,
        left: LEFT,
        right: LEFT + WIDTH,
        bottom,
        ticks: ticks(window, span, &scale),
        rows: (0..).zip(rows).map(|(at, (label, strong, bars))| row(at, label, strong, bars)).collect(),
        limits: window.map_or_else(Vec::new, |window| limits(window, &scale, it)),
    }
}

struct Scale {
    span: u64,
}

impl Scale {
    fn x(&self, seconds: u64) -> u64 {
        LEFT + WIDTH.saturating_mul(seconds.min(self.span)) / self.span.max(1)
    }
}

fn row(at: u64, label: String, strong: bool, bars: Vec<Bar>) -> Row {
    let y = TOP + ROW * at;
    Row { y, middle: y + 15, label, strong, bars }
}

/// The bars of a step: at the guaranteed rate, and at the peak rate.
fn bars(step: &TimedStep, scale: &Scale) -> Vec<Bar> {
    let bar = |slot: Slot, class| {
        let x = scale.x(slot.from_seconds);
        match slot.until_seconds {
            Some(until) => Bar { x, width: scale.x(until).saturating_sub(x).max(2), class },
            None => Bar { x, width: UNKNOWN, class: "unknown" },
        }
    };
    vec![bar(step.at_mcr, "mcr"), bar(step.at_pcr, "pcr")]
}

fn seconds(window: &Window, at: jiff::Timestamp) -> u64 {
    u64::try_from(at.duration_since(window.from()).as_secs()).unwrap_or(0)
}

/// At most a dozen, at whole hours after the begin.
fn ticks(window: Option<&Window>, span: u64, scale: &Scale) -> Vec<Tick> {
    let step = [1, 2, 3, 6, 12, 24, 48, 96].map(|hours| hours * HOUR).into_iter().find(|step| span / step <= 12);
    let step = step.unwrap_or_else(|| (span / 12).max(1));
    let label = |at: u64| match window {
        Some(window) => rome_civil(after(window, at)).strftime("%H:%M").to_string(),
        None => format!("+{} h", at / HOUR),
    };
    (0..=span / step).map(|n| n * step).map(|at| Tick { x: scale.x(at), label: label(at) }).collect()
}

fn limits(window: &Window, scale: &Scale, it: bool) -> Vec<Limit> {
    let copied = if it { "copie concluse" } else { "copied by" };
    let back = if it { "decidere se tornare" } else { "decide to go back" };
    let mut limits = vec![Limit { x: scale.x(seconds(window, window.go_back_at())), label: back }];
    if window.copied_by() < window.go_back_at() {
        limits.insert(0, Limit { x: scale.x(seconds(window, window.copied_by())), label: copied });
    }
    limits
}

/// A step of the move in words.
pub(super) fn words(step: &str, it: bool) -> &'static str {
    match (step, it) {
        ("final-sync", true) => "ultima copia",
        ("final-sync", false) => "last copy",
        ("convert", true) => "conversione del clone",
        ("convert", false) => "conversion of the clone",
        ("fence", true) => "sorgente spenta e muta",
        ("fence", false) => "source off and silent",
        ("route", true) => "rotta verso il data center",
        ("route", false) => "route to the landing site",
        ("boot", true) => "avvio e collegamento",
        ("boot", false) => "boot and connection",
        (_, true) => "passo",
        (_, false) => "step",
    }
}
