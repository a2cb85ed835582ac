//! Findings as JUnit XML, for the tools that read it.
//!
//! JUnit knows no warning and no signature: `warn` passes and says so in its output, `pending` and
//! `waived` are skipped with their reason.

use super::finding::{Finding, Verdict};
use super::record::RunRecord;
use crate::untrusted::xml;
use std::fmt::Write as _;

/// The run as one test suite.
pub fn junit(run: &RunRecord) -> String {
    let count = |verdicts: &[Verdict]| run.findings.iter().filter(|found| verdicts.contains(&found.verdict)).count();
    let name = xml(&format!("{} {}", run.phase, run.tenant));
    let totals = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\"",
        run.findings.len(),
        count(&[Verdict::Fail]),
        count(&[Verdict::Error]),
        count(&[Verdict::Skipped, Verdict::Pending, Verdict::Waived]),
        run.took
    );
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuites>\n  <testsuite name=\"{name}\" {totals}>");
    for finding in &run.findings {
        case(&mut text, run, finding);
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn case(text: &mut String, run: &RunRecord, finding: &Finding) {
    let class = xml(&format!("{}.{}.{}", run.tenant, run.phase, finding.subject));
    let name = xml(&format!("{} {}", finding.item, finding.title.en));
    let _ = write!(text, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{:.3}\"", finding.took);
    let reason = xml(finding.reason.as_deref().unwrap_or_default());
    let detail = xml(&format!("expected: {}\nfound: {}", finding.expected, finding.found));
    let _ = match finding.verdict {
        Verdict::Pass => writeln!(text, "/>"),
        Verdict::Warn => {
            writeln!(text, ">\n      <system-out>warning: {reason}\n{detail}</system-out>\n    </testcase>")
        }
        Verdict::Fail => writeln!(text, ">\n      <failure message=\"{reason}\">{detail}</failure>\n    </testcase>"),
        Verdict::Error => writeln!(text, ">\n      <error message=\"{reason}\">{detail}</error>\n    </testcase>"),
        Verdict::Skipped => writeln!(text, ">\n      <skipped message=\"{reason}\"/>\n    </testcase>"),
        Verdict::Waived => writeln!(text, ">\n      <skipped message=\"{reason}\"/>\n    </testcase>"),
        Verdict::Pending => writeln!(text, ">\n      <skipped message=\"pending: {reason}\"/>\n    </testcase>"),
    };
}
