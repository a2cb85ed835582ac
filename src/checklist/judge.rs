//! From an answer to a verdict.

use super::compare::Captured;
use super::expect::{Condition, Datum, Reading};
use super::expression::Evaluated;
use super::finding::{Finding, Verdict};
use super::plan::{Inquiry, Task, Todo};
use super::redact::Redactor;
use super::sign::Signatures;
use std::error::Error;
use std::time::Duration;

/// What a question brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The attributes.
    pub reading: Reading,
    /// The bytes from which they were read.
    pub raw: Vec<u8>,
    /// What the host complained about; empty where it did not.
    pub complaint: String,
    /// How long it took.
    pub took: Duration,
}

/// Why a question brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    /// In words.
    pub reason: String,
    /// Whether asking again later may help.
    pub unreachable: bool,
}

/// An error with its causes, on one line.
pub(super) fn in_words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

/// The finding of a task that asked nothing.
fn unasked(task: &Task, verdict: Verdict, reason: Option<String>) -> Finding {
    Finding {
        item: task.item.id.clone(),
        subject: task.subject.clone(),
        title: task.item.title.clone(),
        severity: task.item.severity,
        verdict,
        expected: String::new(),
        found: String::new(),
        reason,
        unreachable: false,
        attempts: 0,
        took: 0.0,
        digest: task.item.digest(),
        asked: String::new(),
        through: None,
        host_time: None,
        raw: String::new(),
        captured: None,
        answer: None,
        unsealed: Vec::new(),
    }
}

/// The finding of a task before anything was asked: `unanswered` is the reason where there is a question.
pub(super) fn at_rest(task: &Task, signatures: &Signatures, unanswered: &str) -> Finding {
    match &task.todo {
        Todo::Skip(reason) => unasked(task, Verdict::Skipped, Some(reason.clone())),
        Todo::Impossible(reason) => unasked(task, Verdict::Error, Some(reason.clone())),
        Todo::Ask(_) => unasked(task, Verdict::Error, Some(unanswered.to_owned())),
        Todo::Sign => {
            let (verdict, reason) = signatures.verdict(&task.item, &task.subject);
            unasked(task, verdict, reason)
        }
    }
}

/// The finding of a task that asked `inquiry` for the `attempts`-th time.
pub(super) fn judge(task: &Task, inquiry: &Inquiry, answer: Result<Answer, NoAnswer>, attempts: u32) -> Finding {
    let expected = one_line(&expected(inquiry).join(", "), 300);
    let asked = inquiry.identity();
    let through = inquiry.origin.probe().map(str::to_owned);
    let mut finding = Finding { expected, attempts, asked, through, ..unasked(task, Verdict::Pass, None) };
    match answer {
        Err(none) => {
            finding.verdict = Verdict::Error;
            finding.reason = Some(one_line(&Redactor::default().text(&none.reason), 300));
            finding.unreachable = none.unreachable;
        }
        Ok(answer) => {
            // Secrets go before anything is cut: half of one has no shape.
            let kept = Redactor::default().reading(&answer.reading);
            finding.found = one_line(&summary(&kept), 200);
            finding.took = (answer.took.as_secs_f64() * 1000.0).round() / 1000.0;
            finding.raw = Finding::excerpt(&answer.raw);
            // What is kept and compared holds no secret; what must hold is judged on the answer itself.
            finding.unsealed = whole(inquiry, answer.raw, &answer.complaint);
            let broken =
                [unmet(&inquiry.expect, &answer.reading, &kept), untrue(inquiry, &answer.reading, &kept)].concat();
            let unheard = unheard(inquiry, &answer.reading, &answer.complaint);
            let sound = unheard.is_none() && is_sound(inquiry, &answer.reading);
            let captured = inquiry.compare.as_ref().filter(|_| sound);
            finding.captured = captured.map(|compare| Captured::of(&compare.key, &kept));
            if let Some(unread) = missing_baseline(inquiry).or(unheard) {
                finding.verdict = Verdict::Error;
                finding.reason = Some(unread);
            } else if !broken.is_empty() {
                finding.verdict = Verdict::not_held(task.item.severity);
                finding.reason = Some(complaint(&broken.join("; "), &answer.complaint));
            }
        }
    }
    finding
}

/// What is kept of an answer: of a script also what it wrote to stderr, apart.
fn whole(inquiry: &Inquiry, raw: Vec<u8>, complaint: &str) -> Vec<u8> {
    match inquiry.question.script() {
        Some(_) if !complaint.is_empty() => [&raw, b"\n[stderr]\n".as_slice(), complaint.as_bytes()].concat(),
        _ => raw,
    }
}

/// What must hold, in words.
fn expected(inquiry: &Inquiry) -> Vec<String> {
    let conditions = inquiry.expect.iter().map(Condition::to_string);
    let rule = inquiry.compare.as_ref().and_then(|compare| Some(format!("{} {}", compare.of, compare.rule?)));
    conditions.chain(inquiry.expression.as_ref().map(ToString::to_string)).chain(rule).collect()
}

/// An item that compares cannot pass without what it compares with.
fn missing_baseline(inquiry: &Inquiry) -> Option<String> {
    let compare = inquiry.compare.as_ref()?;
    let looks_back = compare.rule.is_some() || inquiry.expression.as_ref().is_some_and(|one| one.looks_back());
    let missing = looks_back && inquiry.before.is_none();
    missing.then(|| format!("the source phase kept no `{}` of it: there is nothing to compare with", compare.key))
}

/// Whether an answer is as it must be, apart from what was before: another is nothing to compare with.
fn is_sound(inquiry: &Inquiry, reading: &Reading) -> bool {
    let alone = inquiry.expression.as_ref().filter(|one| !one.looks_back());
    let holds = alone.is_none_or(|one| one.evaluate(|name| reading.get(name), |_| None).holds);
    holds && inquiry.expect.iter().all(|condition| condition.holds(reading))
}

/// A script that says nothing but what it complained about has not asked, whatever its status.
fn unheard(inquiry: &Inquiry, reading: &Reading, complaint: &str) -> Option<String> {
    let silent = matches!(reading.get("stdout"), Some(Datum::Text(text)) if text.is_empty());
    let zero = reading.get("exit") == Some(&Datum::Number(0.0));
    let said = one_line(&Redactor::default().text(complaint), 200);
    (inquiry.question.script().is_some() && silent && zero && !said.is_empty())
        .then(|| format!("it printed nothing and complained, so nothing may have been read: {said}"))
}

/// What the expression and the comparison find wrong, with the values that were seen.
fn untrue(inquiry: &Inquiry, reading: &Reading, kept: &Reading) -> Vec<String> {
    let before = |name: &str| inquiry.before.as_ref().and_then(|captured| captured.get(name));
    let evaluated = inquiry.expression.as_ref().map(|one| (one, one.evaluate(|name| reading.get(name), before)));
    let untrue = evaluated.filter(|(_, found)| !found.holds).map(|(one, found)| {
        let seen = found.trouble.as_deref().map_or_else(|| seen(&found), |trouble| Redactor::default().text(trouble));
        format!("{seen} (expected: {one})")
    });
    let compared = inquiry.compare.as_ref().zip(inquiry.before.as_ref());
    untrue.into_iter().chain(compared.and_then(|(compare, before)| compare.broken(before, kept))).collect()
}

fn seen(found: &Evaluated) -> String {
    let words = found.seen.iter().map(|(name, datum)| match datum {
        Some(datum) => format!("{name} is {}", one_line(&Redactor::default().datum(datum).to_string(), 120)),
        None => format!("{name} could not be read"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// What does not hold, each with what was read instead.
fn unmet(expect: &[Condition<String>], reading: &Reading, kept: &Reading) -> Vec<String> {
    let broken = expect.iter().filter(|condition| !condition.holds(reading));
    let words = broken.map(|Condition { attribute, test }| match kept.get(attribute) {
        Some(datum) => format!("{attribute} is {} (expected: {test})", one_line(&datum.to_string(), 120)),
        None => format!("{attribute} could not be read (expected: {test})"),
    });
    words.collect()
}

fn complaint(broken: &str, complaint: &str) -> String {
    match complaint.trim() {
        "" => one_line(broken, 300),
        said => one_line(&format!("{broken} (it says: {})", Redactor::default().text(said)), 300),
    }
}

/// The attributes worth a line: a number and lines repeat what was printed, an exit of 0 says nothing.
fn summary(reading: &Reading) -> String {
    let mut shown = Reading::default();
    for (name, datum) in reading.iter() {
        let dull = matches!(name, "number" | "lines" | "body")
            || (name == "exit" && *datum == Datum::Number(0.0))
            || (name == "refused" && *datum == Datum::Flag(false));
        if !dull {
            shown = shown.with(name, datum.clone());
        }
    }
    shown.to_string()
}

/// `text` on one line, without control characters and marks that turn the direction of writing,
/// at most `most` characters: safe on a terminal.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let spaced: String = text.chars().map(|c| if hidden(c) { ' ' } else { c }).collect();
    let words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= most {
        return words;
    }
    words.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::expect::Test;

    #[test]
    fn remote_text_is_safe_on_a_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\r\n\tc\u{202e}d", 80), "a [2Jb c d");
        assert_eq!(one_line("aaaa", 3), "aa…");
        assert_eq!(one_line("aaa", 3), "aaa");
    }

    #[test]
    fn a_secret_is_gone_before_a_reason_is_cut() {
        let long = format!("{} password=S3NT1NEL-{}", "x".repeat(90), "y".repeat(90));
        let reading = Reading::default().with("stdout", Datum::Text(long.clone()));
        let kept = Redactor::default().reading(&reading);
        let test = Test::Contains("ok".to_owned());
        let unmet = unmet(&[Condition { attribute: "stdout", test }], &reading, &kept).concat();
        let seen =
            seen(&Evaluated { holds: false, seen: vec![("stdout".into(), Some(Datum::Text(long)))], trouble: None });
        for words in [unmet, seen, complaint("it broke", "x password=S3NT1NEL")] {
            assert!(words.contains("<secret>") && !words.contains("S3NT"), "{words}");
        }
    }
}
