//! A report as a page that prints on A4, and as Markdown.

use super::words::Words;
use super::{Language, Report, Sources};
use crate::checklist::{Attached, Finding, Mark, Severity, Standing, Subject, Verdict};
use crate::document::page::rendered;
use crate::document::statement::DocumentError;
use crate::model::bilingual::Bilingual;
use crate::model::calendar::italian;
use crate::model::people::Side;
use crate::model::{PersonId, RoleId};
use jiff::Timestamp;
use minijinja::AutoEscape;
use serde::Serialize;
use std::collections::BTreeMap;

const HTML: &str = include_str!("../../../templates/documents/verbale.html.j2");
const MARKDOWN: &str = include_str!("../../../templates/documents/verbale.md.j2");
/// How the engine knows that text lands in Markdown.
const AS_MARKDOWN: AutoEscape = AutoEscape::Custom(std::borrow::Cow::Borrowed("markdown"));

/// The page.
///
/// # Errors
/// The template refused.
pub fn html(sources: &Sources<'_>, report: &Report<'_>, language: Language) -> Result<String, DocumentError> {
    rendered(HTML, AutoEscape::Html, &Page::new(sources, report, language))
}

/// The same as Markdown.
///
/// # Errors
/// The template refused.
pub fn markdown(sources: &Sources<'_>, report: &Report<'_>, language: Language) -> Result<String, DocumentError> {
    rendered(MARKDOWN, AS_MARKDOWN, &Page::new(sources, report, language))
}

/// What the templates are given: words, ready to print.
#[derive(Serialize)]
struct Page<'a> {
    w: &'static Words,
    project: &'a str,
    document: &'a str,
    cup: &'a str,
    name: &'a str,
    subject: String,
    activity: Option<u8>,
    made: String,
    version: u32,
    digest: &'a str,
    executes: String,
    validates: String,
    outcome: &'static str,
    good: bool,
    counts: Vec<(&'static str, usize)>,
    rows: Vec<Row>,
    waivers: Vec<Waived>,
    by_hand: Vec<Decided>,
    open: Vec<String>,
    skipped: Vec<(String, String)>,
    validations: Vec<Validated>,
    blocks: Vec<Block>,
    events: u64,
    last: Option<&'a str>,
}

/// One item of one subject.
#[derive(Serialize)]
struct Row {
    item: String,
    of: String,
    title: String,
    blocker: bool,
    verdict: &'static str,
    word: &'static str,
    detail: String,
    expected: String,
    executor: String,
    validator: String,
    text: String,
    answer: String,
}

#[derive(Serialize)]
struct Waived {
    item: String,
    of: String,
    until: String,
    by: String,
    reason: String,
}

/// A step that two persons decided.
#[derive(Serialize)]
struct Decided {
    step: String,
    what: &'static str,
    who: Vec<String>,
}

/// How a validating role stands.
#[derive(Serialize)]
struct Validated {
    role: String,
    signatures: Vec<String>,
    lacking: Option<String>,
}

/// Where one side signs on paper.
#[derive(Serialize)]
struct Block {
    side: String,
    persons: Vec<String>,
}

/// What every part of the page looks words and names up in.
#[derive(Clone, Copy)]
struct Scribe<'a> {
    sources: &'a Sources<'a>,
    report: &'a Report<'a>,
    language: Language,
}

impl<'a> Page<'a> {
    fn new(sources: &'a Sources<'a>, report: &'a Report<'a>, language: Language) -> Self {
        let scribe = Scribe { sources, report, language };
        let shown = || report.findings.iter().filter(|line| line.finding.verdict != Verdict::Skipped);
        let validated = report.validations.iter().all(super::Validation::is_given);
        Self {
            w: language.words(),
            project: &sources.project.name,
            document: &sources.project.document,
            cup: &sources.project.cup,
            name: &sources.tenant.name,
            subject: language.subject(report.phase.word()),
            activity: report.activity,
            made: day_and_minute(report.time),
            version: report.version,
            digest: &report.digest,
            executes: scribe.titles(report.executes),
            validates: scribe.titles(&sources.checklist.validates),
            outcome: language.outcome(report.outcome, validated),
            good: report.outcome == crate::checklist::Outcome::Passed,
            counts: scribe.counts(),
            rows: shown().map(|line| scribe.row(line)).collect(),
            waivers: shown().filter_map(|line| scribe.waived(line)).collect(),
            by_hand: report.by_hand.iter().map(|one| scribe.decided(one)).collect(),
            open: shown().filter(|line| is_open(line)).map(|line| scribe.open(line)).collect(),
            skipped: scribe.skipped(),
            validations: scribe.validations(),
            blocks: scribe.blocks(),
            events: report.events,
            last: report.last.as_deref(),
        }
    }
}

impl Scribe<'_> {
    fn in_language<'t>(&self, text: &'t Bilingual) -> &'t str {
        match self.language {
            Language::Italian => &text.it,
            Language::English => &text.en,
        }
    }

    fn name(&self, person: &PersonId) -> String {
        let known = self.sources.people.persons.get(person);
        known.map_or_else(|| person.to_string(), |person| person.name.clone())
    }

    /// The name behind an operator of an event.
    fn operator(&self, operator: &str) -> String {
        operator.parse().map_or_else(|_| operator.to_owned(), |person| self.name(&person))
    }

    fn title(&self, role: &RoleId) -> String {
        let known = self.sources.people.roles.get(role);
        known.map_or_else(|| role.to_string(), |role| role.title.clone())
    }

    fn titles(&self, roles: &[RoleId]) -> String {
        roles.iter().map(|role| self.title(role)).collect::<Vec<_>>().join(", ")
    }

    fn subject(&self, subject: &Subject) -> String {
        match subject {
            Subject::Tenant => self.language.tenant_itself().to_owned(),
            subject => subject.to_string(),
        }
    }

    fn counts(&self) -> Vec<(&'static str, usize)> {
        let count = |verdict: Verdict| self.report.counts.get(verdict.word()).copied().unwrap_or_default();
        let counted = Verdict::ALL.into_iter().map(|verdict| (self.language.verdict(verdict), count(verdict)));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    fn row(&self, line: &Standing) -> Row {
        let finding = &line.finding;
        Row {
            item: finding.item.to_string(),
            of: self.subject(&finding.subject),
            title: self.in_language(&finding.title).to_owned(),
            blocker: finding.severity == Severity::Blocker,
            verdict: self.language.verdict(finding.verdict),
            word: finding.verdict.word(),
            detail: self.detail(line),
            expected: if finding.verdict == Verdict::Pass { String::new() } else { finding.expected.clone() },
            executor: self.executor(line),
            validator: self.validator(line),
            text: finding.digest.clone(),
            answer: finding.answer.clone().unwrap_or_default(),
        }
    }

    /// What was found; for a signed item what the persons wrote; else why nothing is known.
    fn detail(&self, line: &Standing) -> String {
        let finding = &line.finding;
        if finding.verdict == Verdict::Pending {
            return self.waits_for(line);
        }
        if !line.signatures.is_empty() {
            return line.signatures.iter().map(|mark| self.said(mark)).collect::<Vec<_>>().join("; ");
        }
        let detail = self.found(finding);
        match &finding.through {
            Some(probe) if detail.is_empty() => self.language.through(probe),
            Some(probe) => format!("{detail} ({})", self.language.through(probe)),
            None => detail,
        }
    }

    fn found(&self, finding: &Finding) -> String {
        let reason = finding.reason.as_deref().unwrap_or_default();
        match finding.verdict {
            Verdict::Pass => finding.found.clone(),
            Verdict::Error => self.language.not_run(reason).map_or_else(|| reason.to_owned(), str::to_owned),
            Verdict::Waived if finding.found.is_empty() => reason.to_owned(),
            _ => finding.found.clone(),
        }
    }

    /// What a person wrote, and the files that prove it.
    fn said(&self, mark: &Mark) -> String {
        let file = |one: &Attached| format!("{}: {}, SHA-256 {}", self.language.attached(), one.file, one.sha256);
        let files: Vec<String> = mark.evidence.iter().map(file).collect();
        if files.is_empty() { mark.note.clone() } else { format!("{} ({})", mark.note, files.join("; ")) }
    }

    /// The roles that have not signed a manual item.
    fn waits_for(&self, line: &Standing) -> String {
        let item = self.sources.checklist.item(&line.finding.item);
        let roles = item.map(|item| item.roles.as_slice()).unwrap_or_default();
        let signed = |role: &&RoleId| line.signatures.iter().any(|mark| mark.role == **role);
        let missing: Vec<RoleId> = roles.iter().filter(|role| !signed(role)).cloned().collect();
        self.titles(&missing)
    }

    fn executor(&self, line: &Standing) -> String {
        let stated =
            line.signatures.iter().map(|mark| format!("{}, {}", self.name(&mark.person), day_and_minute(&mark.time)));
        let mut who: Vec<String> = stated.collect();
        if let (Some(by), Some(time)) = (&line.by, &line.time) {
            who.push(format!("{}, {}", self.operator(by), day_and_minute(time)));
        }
        who.join("; ")
    }

    fn validator(&self, line: &Standing) -> String {
        let covers = |validation: &&super::Validation| {
            !validation.missing.iter().any(|row| row.item == line.finding.item && row.subject == line.finding.subject)
        };
        let names = self.report.validations.iter().filter(covers).flat_map(|validation| &validation.signatures);
        let mut names: Vec<String> = names.map(|mark| self.name(&mark.person)).collect();
        names.dedup();
        names.join("; ")
    }

    fn waived(&self, line: &Standing) -> Option<Waived> {
        let waiver = line.waiver.as_ref()?;
        let by = waiver.by.iter().map(|person| self.name(person)).collect::<Vec<_>>().join(", ");
        Some(Waived {
            item: line.finding.item.to_string(),
            of: self.subject(&line.finding.subject),
            until: italian(waiver.until),
            by,
            reason: waiver.reason.clone(),
        })
    }

    fn decided(&self, one: &super::ByHand) -> Decided {
        let who = one.decided.iter().map(|one| {
            let (name, title, time) = (self.name(&one.by), self.title(&one.role), day_and_minute(&one.time));
            format!("{name}, {title}, {time}: {}", one.reason)
        });
        Decided { step: one.step.clone(), what: self.language.by_hand(one.skipped), who: who.collect() }
    }

    fn open(&self, line: &Standing) -> String {
        let finding = &line.finding;
        let (of, title) = (self.subject(&finding.subject), self.in_language(&finding.title));
        format!("{} ({of}) {title}: {}", finding.item, self.language.verdict(finding.verdict))
    }

    /// Reasons with their items.
    fn skipped(&self) -> Vec<(String, String)> {
        let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.report.findings.iter().filter(|line| line.finding.verdict == Verdict::Skipped) {
            let items = reasons.entry(line.finding.reason.clone().unwrap_or_default()).or_default();
            let item = line.finding.item.to_string();
            if !items.contains(&item) {
                items.push(item);
            }
        }
        reasons.into_iter().map(|(reason, items)| (self.language.skipped(&reason), items.join(", "))).collect()
    }

    fn validations(&self) -> Vec<Validated> {
        let validated = self.report.validations.iter().map(|validation| Validated {
            role: self.title(&validation.role),
            signatures: validation.signatures.iter().map(|mark| self.signature(mark)).collect(),
            lacking: (!validation.is_given())
                .then(|| self.language.lacking(validation.missing.len(), validation.reopened)),
        });
        validated.collect()
    }

    /// Who signed, when, how, and over which statement.
    fn signature(&self, mark: &Mark) -> String {
        let (name, time, language) = (self.name(&mark.person), day_and_minute(&mark.time), self.language);
        let how = match (&mark.document, mark.how) {
            (Some(document), _) => {
                let (acquired, by) = (language.acquired(), language.recorded_by());
                let (kind, dated) = (language.document(document.kind), language.dated());
                let (operator, date) = (self.operator(&mark.operator), italian(document.date));
                format!(
                    "{acquired} {by} {operator}: {kind}, prot. n. {} {dated} {date}, {} SHA-256 {}",
                    document.prot, document.file, document.sha256
                )
            }
            (None, "ssh") => language.with_key().to_owned(),
            (None, _) => format!("{} ({})", language.typed(), self.operator(&mark.operator)),
        };
        format!("{name}, {time}, {how}; SHA-256 {}", mark.approves)
    }

    /// One block for each side: who validates it, and Venis, who carries out.
    fn blocks(&self) -> Vec<Block> {
        let (people, project) = (self.sources.people, self.sources.project);
        let sides = [
            (Side::Comune, self.sources.tenant.name.clone()),
            (Side::Operator, project.operator.name.clone()),
            (Side::Sad, project.validator.name.clone()),
        ];
        let block = |(side, name): (Side, String)| {
            let of_side = |role: &&RoleId| people.roles.get(*role).is_some_and(|role| role.side == side);
            let validates: Vec<&RoleId> = self.sources.checklist.validates.iter().filter(of_side).collect();
            let roles =
                if validates.is_empty() { self.report.executes.iter().filter(of_side).collect() } else { validates };
            let holders = roles.iter().flat_map(|role| {
                let held = people.holders(role, &self.sources.tenant.id);
                held.map(|person| format!("{}, {}", person.name, self.title(role)))
            });
            Block { side: name, persons: holders.collect() }
        };
        sides.into_iter().map(block).collect()
    }
}

fn is_open(line: &Standing) -> bool {
    matches!(line.finding.verdict, Verdict::Fail | Verdict::Error | Verdict::Pending | Verdict::Warn)
}

/// A time of the journal as people write it: `30/11/2026 12:00`.
pub(in crate::document) fn day_and_minute(time: &str) -> String {
    let Ok(instant) = time.parse::<Timestamp>() else { return time.to_owned() };
    let local = crate::model::calendar::rome_civil(instant);
    format!("{} {:02}:{:02}", italian(local.date()), local.hour(), local.minute())
}
