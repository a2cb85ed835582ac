//! What a run found: one finding for each item and each thing it was asked of.

use super::compare::Captured;
use super::item::{ItemId, Severity};
use crate::digest::sha256;
use crate::model::bilingual::Bilingual;
use crate::model::{ServerId, SiteId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How an item ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not hold, and somebody decides what follows.
    Warn,
    /// It does not hold, and must.
    Fail,
    /// It could not be found out: never as good as passed.
    Error,
    /// It is not asked here; the reason says why.
    Skipped,
    /// A person has to sign it.
    Pending,
    /// It does not hold, and those who validate have let it pass until a day.
    Waived,
}

impl Verdict {
    /// All verdicts, the good ones first.
    pub const ALL: [Verdict; 7] = [
        Verdict::Pass,
        Verdict::Waived,
        Verdict::Warn,
        Verdict::Fail,
        Verdict::Error,
        Verdict::Skipped,
        Verdict::Pending,
    ];

    /// The word in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
            Verdict::Error => "error",
            Verdict::Skipped => "skipped",
            Verdict::Pending => "pending",
            Verdict::Waived => "waived",
        }
    }

    /// The word in what people sign.
    pub fn in_italian(self) -> &'static str {
        match self {
            Verdict::Pass => "superata",
            Verdict::Warn => "avvertenza",
            Verdict::Fail => "non superata",
            Verdict::Error => "non accertata",
            Verdict::Skipped => "non pertinente",
            Verdict::Pending => "da firmare",
            Verdict::Waived => "in deroga",
        }
    }

    /// The verdict on an item that does not hold.
    pub fn not_held(severity: Severity) -> Self {
        match severity {
            Severity::Blocker => Verdict::Fail,
            Severity::Warning | Severity::Info => Verdict::Warn,
        }
    }
}

/// What an item was asked of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "scope", content = "of", rename_all = "snake_case")]
pub enum Subject {
    /// The tenant as a whole.
    Tenant,
    /// A site with its link.
    Site(SiteId),
    /// A server.
    Server(ServerId),
    /// A service over the Internet, by its name.
    Saas(String),
}

impl Subject {
    /// The server, if it is one.
    pub fn server(&self) -> Option<&ServerId> {
        match self {
            Subject::Server(server) => Some(server),
            _ => None,
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::Tenant => f.pad("-"),
            Subject::Site(site) => f.pad(site.as_str()),
            Subject::Server(server) => f.pad(server.as_str()),
            Subject::Saas(name) => f.pad(name),
        }
    }
}

/// What was found about one item of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The item.
    pub item: ItemId,
    /// What it was asked of: `scope` and `of` in JSON.
    #[serde(flatten)]
    pub subject: Subject,
    /// The item's title.
    pub title: Bilingual,
    /// The item's severity.
    pub severity: Severity,
    /// How it ended.
    pub verdict: Verdict,
    /// What had to hold, in words.
    pub expected: String,
    /// What was read, on one line without control characters.
    pub found: String,
    /// Why the verdict is what it is, where it is not `pass`.
    pub reason: Option<String>,
    /// Whether the reason is that the host could not be reached: try again.
    pub unreachable: bool,
    /// How often it was asked.
    pub attempts: u32,
    /// Seconds of the last attempt.
    pub took: f64,
    /// SHA-256 of the item's text, as hex.
    pub digest: String,
    /// SHA-256 of what was asked of whom, as hex: empty where nothing was asked.
    #[serde(default)]
    pub asked: String,
    /// The probe machine of the test network through which it was asked; none where it was asked from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// When it was asked, by the host's clock, where somebody carried the script there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_time: Option<Timestamp>,
    /// The raw answer, at most [`Finding::RAW_LIMIT`] bytes.
    pub raw: String,
    /// What is kept of the answer, for comparisons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Captured>,
    /// SHA-256 of the whole raw answer without secrets, as hex: the name of its blob.
    #[serde(default)]
    pub answer: Option<String>,
    /// The whole raw answer, until it is sealed.
    #[serde(skip)]
    pub unsealed: Vec<u8>,
}

impl Finding {
    /// Most bytes of a raw answer that are kept.
    pub const RAW_LIMIT: usize = 2048;

    /// The start of a raw answer as text, at most [`Self::RAW_LIMIT`] bytes of it.
    pub(super) fn excerpt(raw: &[u8]) -> String {
        let text = String::from_utf8_lossy(raw.get(..Self::RAW_LIMIT).unwrap_or(raw)).into_owned();
        if raw.len() > Self::RAW_LIMIT { text + "…" } else { text }
    }

    /// SHA-256 of what a validation approves, as hex: the same where only figures within what is
    /// expected differ, another where the verdict, the expectation or the reason is another.
    pub fn approved(&self) -> String {
        let reason = self.reason.as_deref().filter(|_| self.verdict != Verdict::Pass);
        let approved =
            serde_json::json!([self.item, self.subject, self.digest, self.expected, self.verdict.word(), reason]);
        sha256(approved.to_string().as_bytes())
    }

    /// Whether nothing was learned: it was not asked, or not heard. That is no other finding than the one before.
    pub fn is_unheard(&self) -> bool {
        self.verdict == Verdict::Error && (self.unreachable || self.attempts == 0)
    }

    /// Whether it keeps a gate closed: a blocker that does not hold, or could not be found out.
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Blocker && matches!(self.verdict, Verdict::Fail | Verdict::Error)
    }
}

/// How a run ended, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A blocker does not hold or could not be found out.
    Failed,
    /// The only blockers that are not passed belong to hosts that could not be reached.
    Unreachable,
    /// Only signatures are missing.
    Waiting,
    /// Everything that must hold holds, and something was found to hold.
    Passed,
}

impl Outcome {
    /// The outcome of `findings`.
    pub fn of(findings: &[Finding]) -> Self {
        let mut blocking = findings.iter().filter(|finding| finding.blocks()).peekable();
        if blocking.peek().is_some() {
            return if blocking.all(|finding| finding.unreachable) { Outcome::Unreachable } else { Outcome::Failed };
        }
        if findings.iter().any(|finding| finding.verdict == Verdict::Pending) {
            return Outcome::Waiting;
        }
        // Where every item was skipped, nothing is proven.
        let proven = findings.iter().any(|finding| matches!(finding.verdict, Verdict::Pass | Verdict::Waived));
        if proven { Outcome::Passed } else { Outcome::Failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, verdict: Verdict, unreachable: bool) -> Finding {
        Finding {
            item: "A-1".parse().unwrap(),
            subject: Subject::Tenant,
            title: Bilingual { it: "a".into(), en: "a".into() },
            severity,
            verdict,
            expected: String::new(),
            found: String::new(),
            reason: None,
            unreachable,
            attempts: 1,
            took: 0.0,
            digest: String::new(),
            asked: String::new(),
            through: None,
            host_time: None,
            raw: String::new(),
            captured: None,
            answer: None,
            unsealed: Vec::new(),
        }
    }

    #[test]
    fn figures_do_not_reopen_what_was_approved_but_verdicts_and_reasons_do() {
        let mut found = finding(Severity::Blocker, Verdict::Pass, false);
        let approved = found.approved();
        (found.found, found.took, found.attempts, found.raw) = ("ms 12".into(), 3.0, 2, "12".into());
        assert_eq!(found.approved(), approved);
        found.digest = "1".into();
        assert_ne!(found.approved(), approved);
        let mut warned = finding(Severity::Warning, Verdict::Warn, false);
        assert_ne!(warned.approved(), approved);
        let approved = warned.approved();
        warned.reason = Some("loss is 90".into());
        assert_ne!(warned.approved(), approved);
    }

    #[test]
    fn the_worst_finding_decides() {
        use Severity::{Blocker, Warning};
        use Verdict::{Error, Fail, Pass, Pending, Skipped, Warn};
        let outcome = |list: &[(Severity, Verdict, bool)]| {
            Outcome::of(&list.iter().map(|&(s, v, u)| finding(s, v, u)).collect::<Vec<_>>())
        };
        assert_eq!(outcome(&[]), Outcome::Failed, "nothing was looked at");
        assert_eq!(outcome(&[(Blocker, Skipped, false), (Warning, Warn, false)]), Outcome::Failed);
        assert_eq!(outcome(&[(Blocker, Pass, false), (Warning, Warn, false)]), Outcome::Passed);
        let passed = (Warning, Pass, false);
        assert_eq!(outcome(&[(Blocker, Skipped, false), (Warning, Error, false), passed]), Outcome::Passed);
        assert_eq!(outcome(&[(Blocker, Pending, false), (Blocker, Pass, false)]), Outcome::Waiting);
        assert_eq!(outcome(&[(Warning, Pending, false)]), Outcome::Waiting);
        assert_eq!(outcome(&[(Blocker, Error, false), (Blocker, Pending, false)]), Outcome::Failed);
        assert_eq!(outcome(&[(Blocker, Error, true), (Blocker, Pending, false)]), Outcome::Unreachable);
        assert_eq!(outcome(&[(Blocker, Error, true), (Blocker, Fail, false)]), Outcome::Failed);
    }

    #[test]
    fn json_says_scope_and_of_and_reads_back() {
        let mut found = finding(Severity::Info, Verdict::Pass, false);
        found.subject = Subject::Server("srv-1".parse().unwrap());
        let value = serde_json::to_value(&found).unwrap();
        assert_eq!((&value["scope"], &value["of"]), (&"server".into(), &"srv-1".into()));
        assert_eq!(serde_json::from_value::<Finding>(value).unwrap(), found);
        let tenant = finding(Severity::Info, Verdict::Pass, false);
        assert_eq!(serde_json::from_value::<Finding>(serde_json::to_value(&tenant).unwrap()).unwrap(), tenant);
    }
}
