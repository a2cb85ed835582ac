//! Findings as people read them.

use super::super::Context;
use super::super::table::Table;
use crate::checklist::{Finding, Mark, Standing, Validation, Verdict, counts};
use crate::model::people::People;
use crate::untrusted::printable;
use std::collections::BTreeSet;

/// Longest cell of what was found, in characters.
const CELL: usize = 96;

/// One line for each finding that is not skipped, the skipped ones by reason, the count of each verdict.
pub(super) fn table(findings: &[Finding], context: &Context) -> String {
    let mut table = Table::new(["Item", "Of", "Verdict", "Severity", "Title", "Found"]);
    for finding in findings.iter().filter(|finding| finding.verdict != Verdict::Skipped) {
        table.row([
            finding.item.to_string(),
            printable(&finding.subject.to_string()),
            finding.verdict.word().to_owned(),
            finding.severity.word().to_owned(),
            context.in_language(&finding.title).to_owned(),
            cell(finding),
        ]);
    }
    ending(table, findings)
}

/// The same for the state of a checklist, with times and signatures.
pub(super) fn standing(lines: &[Standing], validations: &[Validation], people: &People, context: &Context) -> String {
    let name = |person| people.persons.get(person).map_or(person.as_str(), |person| person.name.as_str());
    let mut table = Table::new(["Item", "Of", "Verdict", "Title", "Found", "When", "Signed"]);
    for line in lines.iter().filter(|line| line.finding.verdict != Verdict::Skipped) {
        let signed: Vec<String> = line.signatures.iter().map(|given| signed(given, name(&given.person))).collect();
        table.row([
            line.finding.item.to_string(),
            printable(&line.finding.subject.to_string()),
            line.finding.verdict.word().to_owned(),
            context.in_language(&line.finding.title).to_owned(),
            cell(&line.finding),
            line.time.as_deref().map_or(String::new(), minute).to_owned(),
            signed.join(", "),
        ]);
    }
    let findings: Vec<Finding> = lines.iter().map(|line| line.finding.clone()).collect();
    let mut text = ending(table, &findings);
    for validation in validations {
        let given: Vec<String> = validation.signatures.iter().map(|given| signed(given, name(&given.person))).collect();
        let state = match (validation.missing.len(), validation.reopened) {
            (0, _) => "given".to_owned(),
            (missing, true) => format!("reopened, {missing} findings have changed or are not covered"),
            (missing, false) => format!("missing for {missing} findings"),
        };
        let by = if given.is_empty() { String::new() } else { format!("; {}", given.join(", ")) };
        text.push_str(&format!("validation of {}: {state}{by}\n", validation.role));
    }
    text
}

/// Who signed, and how where it was not typed.
fn signed(mark: &Mark, name: &str) -> String {
    let how = match (&mark.document, mark.how) {
        (Some(document), _) => format!(", acquisita, prot. n. {}", printable(&document.prot)),
        (None, "ssh") => ", SSH key".to_owned(),
        (None, _) => String::new(),
    };
    let files: Vec<String> = mark.evidence.iter().map(|one| printable(&one.file)).collect();
    let files = if files.is_empty() { String::new() } else { format!(", attached: {}", files.join(" ")) };
    format!("{} ({}{how}{files})", printable(name), mark.role)
}

fn ending(table: Table, findings: &[Finding]) -> String {
    let mut skipped: Vec<(&str, Vec<&str>)> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Skipped) {
        let (reason, item) = (finding.reason.as_deref().unwrap_or_default(), finding.item.as_str());
        match skipped.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, items)) if items.contains(&item) => {}
            Some((_, items)) => items.push(item),
            None => skipped.push((reason, vec![item])),
        }
    }
    let mut text = table.render() + "\n";
    for (reason, items) in skipped {
        text.push_str(&format!("skipped, {}: {}\n", printable(reason), items.join(" ")));
    }
    let probes: BTreeSet<&str> = findings.iter().filter_map(|finding| finding.through.as_deref()).collect();
    for probe in probes {
        let asked = findings.iter().filter(|finding| finding.through.as_deref() == Some(probe)).count();
        let probe = printable(probe);
        text.push_str(&format!("asked through the probe machine {probe} of the test network: {asked} findings\n"));
    }
    text + &summary(findings) + "\n"
}

/// An RFC 3339 time up to its minute: `2026-11-21T22:10`.
fn minute(time: &str) -> String {
    printable(&time.chars().take(16).collect::<String>())
}

fn cell(finding: &Finding) -> String {
    let text = match finding.verdict {
        Verdict::Pass => &finding.found,
        _ => finding.reason.as_ref().unwrap_or(&finding.found),
    };
    let text = printable(text);
    if text.chars().count() <= CELL {
        return text;
    }
    text.chars().take(CELL - 1).chain(['…']).collect()
}

fn summary(findings: &[Finding]) -> String {
    let counts = counts(findings);
    let word = |verdict: Verdict| counts.get(verdict.word()).filter(|count| **count > 0).map(|count| (verdict, count));
    let parts: Vec<String> = Verdict::ALL
        .into_iter()
        .filter_map(word)
        .map(|(verdict, count)| format!("{count} {}", verdict.word()))
        .collect();
    format!("{} findings: {}", findings.len(), parts.join(", "))
}
