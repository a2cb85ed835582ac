//! Shows a run at work: bars on a terminal, a plain line every few seconds otherwise.

use super::notices::Word;
use crate::cli::quantities::{duration, gigabytes};
use crate::cli::ui::Ui;
use crate::journal::Event;
use crate::migration::{Allowance, LteWatch, Observer, Progress, Step, Why, notice};
use crate::untrusted::printable;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// Time between plain lines.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// The observer of the command line.
pub(super) struct Watcher<'a> {
    ui: &'a Ui,
    /// The stage at work, when it began, and how far it was then.
    stage: Option<Stage>,
    bar: Option<ProgressBar>,
    /// Why nothing is sent at this moment.
    held: Option<Why>,
    /// Who hears of what people are told, where anybody is.
    words: Option<UnboundedSender<Word>>,
    /// Whether the LTE backup carries.
    lte: LteWatch,
}

struct Stage {
    name: &'static str,
    begun: Instant,
    done_then: u64,
    line_at: Instant,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(ui: &'a Ui) -> Self {
        Self { ui, stage: None, bar: None, held: None, words: None, lte: LteWatch::default() }
    }

    /// From here on `words` hears of what people are told.
    pub(super) fn report_to(&mut self, words: UnboundedSender<Word>) {
        self.words = Some(words);
    }

    /// Nobody waits for it, and a run that nobody hears goes on.
    fn report(&self, word: Word) {
        if let Some(words) = &self.words {
            let _ = words.send(word);
        }
    }

    /// Reports once that the LTE backup carries, until it does not.
    fn report_lte(&mut self, step: &Step, allowance: Option<Allowance>) {
        if let (true, Some(server)) = (self.lte.begins(allowance), &step.server) {
            self.report(Word::Lte(server.clone()));
        }
    }

    /// Tells once that nothing is sent, why and until when, and once that it goes on.
    fn tell_hold(&mut self, step: &Step, allowance: Option<Allowance>) {
        let hold = allowance.filter(Allowance::is_hold);
        let before = std::mem::replace(&mut self.held, hold.map(|hold| hold.why));
        if before.as_ref().map(std::mem::discriminant) == self.held.as_ref().map(std::mem::discriminant) {
            return;
        }
        self.clear();
        match hold {
            Some(hold) => self.ui.status(&format!("{} held: {hold}; {}", step.id, hold.remedy())),
            None => self.ui.status(&format!("{} goes on", step.id)),
        }
    }

    fn clear(&mut self) {
        self.stage = None;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Watcher<'_> {
    fn event(&mut self, event: &Event) {
        self.clear();
        self.held = None;
        if notice::is_told(event) {
            self.report(Word::Event(Box::new(event.clone())));
        }
        let step = event.data["step"].as_str().unwrap_or_default();
        match event.kind.as_str() {
            "step.started" => self.ui.status(&format!("{step} ...")),
            "step.finished" => self.ui.status(&format!("{step} done{}", cost(event))),
            "step.failed" => {
                let reason = event.data["reason"].as_str().unwrap_or_default();
                self.ui.status(&format!("{step} FAILED: {}", printable(reason)));
            }
            "step.stopped" => {
                self.ui.status(&format!("{step} stopped ({})", event.data["why"].as_str().unwrap_or_default()));
            }
            _ => {}
        }
    }

    fn progress(&mut self, step: &Step, progress: Progress) {
        self.report_lte(step, progress.allowance);
        self.tell_hold(step, progress.allowance);
        if self.held.is_some() {
            return;
        }
        let now = Instant::now();
        if self.stage.as_ref().is_none_or(|stage| stage.name != progress.stage) {
            self.clear();
            let (begun, done_then) = (now, progress.done);
            self.stage = Some(Stage { name: progress.stage, begun, done_then, line_at: now });
        }
        let Some(stage) = &mut self.stage else { return };
        let words = words(&progress, stage, now);
        if self.ui.draws_progress() {
            let bar = self.bar.get_or_insert_with(bar);
            bar.set_message(words);
            bar.update(|state| {
                state.set_len(progress.total);
                state.set_pos(progress.done);
            });
        } else if now.duration_since(stage.line_at) >= BETWEEN_LINES {
            stage.line_at = now;
            let percent = progress.done.saturating_mul(100).checked_div(progress.total).unwrap_or(100);
            self.ui.status(&format!("{}: {percent} % {words}", step.id));
        }
    }
}

/// A bar that fits one line of 80 columns; the line above it names the step.
fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    // A template that does not parse is a mistake in this file; the default style does as well.
    let style = ProgressStyle::with_template("  [{bar:12}] {percent:>3} % {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar
}

/// Stage, rate, time left, bytes saved; what is not known yet is not shown.
fn words(progress: &Progress, stage: &Stage, now: Instant) -> String {
    let seconds = now.duration_since(stage.begun).as_secs_f64().max(0.001);
    let here = progress.done.saturating_sub(stage.done_then);
    let rate = here as f64 / seconds;
    let mut words = progress.stage.to_owned();
    if rate > 1.0 {
        let left = progress.total.saturating_sub(progress.done) as f64 / rate;
        words += &format!(" {}/s, {} left", gigabytes(rate as u64), duration(left as u64));
    }
    if progress.link > 0 {
        words += &format!(", {} on link", gigabytes(progress.link));
    }
    let saved = progress.done.saturating_sub(progress.link);
    if progress.link > 0 && saved > 0 {
        words += &format!(", {} saved", gigabytes(saved));
    }
    words
}

/// What a step cost, for its line.
fn cost(event: &Event) -> String {
    let facts = &event.data["facts"];
    match (facts["bytes_wire"].as_u64(), facts["duration"].as_f64()) {
        (Some(bytes), Some(seconds)) => format!(": {} on the link, {seconds:.1} s", gigabytes(bytes)),
        (None, Some(seconds)) => format!(": {seconds:.1} s"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::{Action, Path, StepId};
    use tokio::sync::mpsc;

    #[test]
    fn the_office_hears_of_lte_once_until_the_primary_line_is_back() {
        let ui = Ui::new(true, true);
        let (tell, mut words) = mpsc::unbounded_channel();
        let mut watcher = Watcher::new(&ui);
        watcher.report_to(tell);
        let step = Step {
            id: StepId("a3.seed.cinto-srv1.disk0".to_owned()),
            activity: 3,
            server: "cinto-srv1".parse().ok(),
            disk: "disk0".parse().ok(),
            action: Action::Seed,
        };
        let lte = Allowance { bits_per_second: 0, why: Why::Lte, path: Path::Lte, changes_at: None };
        let copper = Allowance { bits_per_second: 1, why: Why::Copper, path: Path::Copper, changes_at: None };
        let unknown = Allowance { why: Why::UnknownPath(None), path: Path::Unknown(None), ..lte };
        let mut heard = Vec::new();
        for allowance in [copper, unknown, lte, lte, Allowance::NO_LINK, copper, lte] {
            let progress = Progress { stage: "seeding", done: 0, total: 1, link: 0, allowance: Some(allowance) };
            watcher.progress(&step, progress);
            heard.push(matches!(words.try_recv(), Ok(Word::Lte(server)) if server.as_str() == "cinto-srv1"));
        }
        assert_eq!(heard, [false, false, true, false, false, false, true]);
        // A run that nobody hears goes on.
        drop(words);
        watcher.report_lte(&step, Some(Allowance::NO_LINK));
        watcher.report_lte(&step, Some(lte));
    }
}
