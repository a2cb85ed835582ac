//! Findings for people, programs and continuous integration.

use super::super::super::ui::Tone;
use super::super::Context;
use crate::network::parse::secrets::masked;
use crate::network::rules::{self, Finding, Severity};
use crate::untrusted::{printable, xml};
use std::fmt::Write as _;

/// A state of a network that was checked.
pub(super) struct Checked {
    /// The stage or folder.
    pub name: String,
    /// The files with their texts.
    pub files: Vec<(String, String)>,
    /// What the rules say.
    pub findings: Vec<Finding>,
    /// Lines inside objects we know that mean nothing to us: file, line, text.
    pub unread: Vec<(String, u32, String)>,
}

impl Checked {
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// What the line of a finding says, without a secret.
    fn line(&self, finding: &Finding) -> String {
        let text = self.files.iter().find(|(file, _)| *file == finding.file).map(|(_, text)| text);
        let number = usize::try_from(finding.line).ok().and_then(|line| line.checked_sub(1));
        let line = text.zip(number).and_then(|(text, number)| text.lines().nth(number));
        line.map_or_else(String::new, |line| masked(line.trim()))
    }
}

/// Each finding on its lines, and how many there are.
pub(super) fn table(checked: &[Checked], context: &Context) {
    let mut text = String::new();
    for set in checked {
        for finding in &set.findings {
            entry(&mut text, set, finding, context);
        }
    }
    let count = |severity| checked.iter().map(|set| set.count(severity)).sum::<usize>();
    let files: usize = checked.iter().map(|set| set.files.len()).sum();
    let said = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let _ = writeln!(
        text,
        "{}, {}, {} in {}, by {} rules",
        said(count(Severity::Error), "error"),
        said(count(Severity::Warning), "warning"),
        said(count(Severity::Note), "note"),
        said(files, "file"),
        rules::all().count()
    );
    context.ui.data(&text);
    let unread: usize = checked.iter().map(|set| set.unread.len()).sum();
    if unread > 0 {
        context.ui.status(&format!("Not understood, so not checked: {} (--json lists them).", said(unread, "line")));
    }
}

fn entry(text: &mut String, set: &Checked, finding: &Finding, context: &Context) {
    let tone = match finding.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Note => Tone::Dim,
    };
    let severity = context.ui.tone(tone, finding.severity.word());
    let _ = writeln!(text, "{}:{}: {severity} [{}]", printable(&finding.file), finding.line, finding.rule);
    let line = set.line(finding);
    if !line.is_empty() {
        let _ = writeln!(text, "  > {}", printable(&line));
    }
    let _ = writeln!(text, "  {}", printable(&finding.message));
    if let Some(key) = &finding.key {
        let _ = writeln!(text, "  key: {key}");
    }
    let _ = writeln!(text, "  fix: {}\n", printable(&finding.fix));
}

/// The same for programs.
pub(super) fn json(checked: &[Checked], context: &Context) {
    let states: Vec<_> = checked
        .iter()
        .map(|set| {
            let findings: Vec<_> = set.findings.iter().map(|finding| with_line(set, finding)).collect();
            let unread: Vec<_> = set
                .unread
                .iter()
                .map(|(file, line, text)| serde_json::json!({"file": file, "line": line, "text": text}))
                .collect();
            let files: Vec<_> = set.files.iter().map(|(file, _)| file).collect();
            serde_json::json!({"state": set.name, "files": files, "findings": findings, "unread": unread})
        })
        .collect();
    let count = |severity| checked.iter().map(|set| set.count(severity)).sum::<usize>();
    context.ui.json(&serde_json::json!({
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "notes": count(Severity::Note),
        "states": states,
    }));
}

fn with_line(set: &Checked, finding: &Finding) -> serde_json::Value {
    serde_json::json!({
        "rule": finding.rule,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line,
        "text": set.line(finding),
        "key": finding.key,
        "message": finding.message,
        "fix": finding.fix,
    })
}

/// One suite a state, one case a rule. JUnit knows errors only: what a rule of another severity
/// says is in the output of its case.
pub(super) fn junit(checked: &[Checked]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for set in checked {
        let broken = |rule: &&&rules::Rule| {
            rule.severity == Severity::Error && set.findings.iter().any(|finding| finding.rule == rule.id)
        };
        let all: Vec<_> = rules::all().collect();
        let (tests, failures) = (all.len(), all.iter().filter(broken).count());
        let name = xml(&set.name);
        let _ = writeln!(text, "  <testsuite name=\"network check {name}\" tests=\"{tests}\" failures=\"{failures}\">");
        for rule in all {
            case(&mut text, set, rule);
        }
        text.push_str("  </testsuite>\n");
    }
    text + "</testsuites>\n"
}

fn case(text: &mut String, set: &Checked, rule: &rules::Rule) {
    let mut said = String::new();
    for finding in set.findings.iter().filter(|finding| finding.rule == rule.id) {
        let line = set.line(finding);
        let _ =
            writeln!(said, "{}:{}: {line}\n  {}\n  fix: {}", finding.file, finding.line, finding.message, finding.fix);
    }
    let (id, title, said) = (rule.id, xml(rule.title), xml(&said));
    let _ = write!(text, "    <testcase classname=\"network.{}\" name=\"{id}: {title}\"", xml(&set.name));
    let _ = match (said.is_empty(), rule.severity) {
        (true, _) => writeln!(text, "/>"),
        (false, Severity::Error) => {
            writeln!(text, ">\n      <failure message=\"{title}\">{said}</failure>\n    </testcase>")
        }
        (false, severity) => {
            writeln!(text, ">\n      <system-out>{}: {said}</system-out>\n    </testcase>", severity.word())
        }
    };
}

/// Every rule with its reason.
pub(super) fn list(json: bool, context: &Context) {
    let all: Vec<_> = rules::all().collect();
    if json {
        context.ui.json(&serde_json::json!({"rules": all}));
        return;
    }
    let mut text = String::new();
    for rule in all {
        let id = context.ui.tone(Tone::Strong, rule.id);
        let _ = writeln!(text, "{id} ({}): {}", rule.severity.word(), rule.title);
        let _ = writeln!(text, "  {}\n  source: {}\n", rule.why, rule.source);
    }
    context.ui.data(&text);
}
