//! Findings as JUnit XML, for the tools that read it.
//!
//! JUnit knows no warning and no signature: `warn` passes and says so in its output, `pending` is
//! skipped with its reason.

use super::finding::{Finding, Verdict};
use super::record::RunRecord;
use std::fmt::Write as _;

/// The run as one test suite.
pub fn junit(run: &RunRecord) -> String {
    let count = |verdicts: &[Verdict]| run.findings.iter().filter(|found| verdicts.contains(&found.verdict)).count();
    let name = escaped(&format!("{} {}", run.phase, run.tenant));
    let totals = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\"",
        run.findings.len(),
        count(&[Verdict::Fail]),
        count(&[Verdict::Error]),
        count(&[Verdict::Skipped, Verdict::Pending]),
        run.took
    );
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites>\n  <testsuite name=\"{name}\" {totals}>");
    for finding in &run.findings {
        case(&mut xml, run, finding);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn case(xml: &mut String, run: &RunRecord, finding: &Finding) {
    let class = escaped(&format!("{}.{}.{}", run.tenant, run.phase, finding.subject));
    let name = escaped(&format!("{} {}", finding.item, finding.title.en));
    let _ = write!(xml, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{:.3}\"", finding.took);
    let reason = escaped(finding.reason.as_deref().unwrap_or_default());
    let detail = escaped(&format!("expected: {}\nfound: {}", finding.expected, finding.found));
    let _ = match finding.verdict {
        Verdict::Pass => writeln!(xml, "/>"),
        Verdict::Warn => {
            writeln!(xml, ">\n      <system-out>warning: {reason}\n{detail}</system-out>\n    </testcase>")
        }
        Verdict::Fail => writeln!(xml, ">\n      <failure message=\"{reason}\">{detail}</failure>\n    </testcase>"),
        Verdict::Error => writeln!(xml, ">\n      <error message=\"{reason}\">{detail}</error>\n    </testcase>"),
        Verdict::Skipped => writeln!(xml, ">\n      <skipped message=\"{reason}\"/>\n    </testcase>"),
        Verdict::Pending => writeln!(xml, ">\n      <skipped message=\"pending: {reason}\"/>\n    </testcase>"),
    };
}

/// `text` as character data or an attribute of XML 1.0, which has no control characters at all.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_an_attribute() {
        assert_eq!(escaped("a<b>&\"c\"\n\u{1b}[2J\u{0}\u{ffff}è"), "a&lt;b&gt;&amp;&quot;c&quot;&#10;[2Jè");
    }
}
