//! Rules as entries of a table, findings as what they say.

use super::super::plan::NetworkPlan;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something does not work, will not work in a fault, or is open to anybody.
    Error,
    /// It works, and less well or less safely than it should.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// As findings print it.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// A rule.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rule {
    /// Its name, which stays the same.
    pub id: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// What it demands.
    pub title: &'static str,
    /// What happens otherwise.
    pub why: &'static str,
    /// Where that is known from.
    pub source: &'static str,
}

/// Makes a constant of each rule, and the list of a family's rules.
macro_rules! rules {
    ($($name:ident: $severity:ident $id:literal, $title:literal, $why:literal, $source:literal;)+) => {
        $(const $name: crate::network::rules::Rule = crate::network::rules::Rule {
            id: $id,
            severity: crate::network::rules::Severity::$severity,
            title: $title,
            why: $why,
            source: $source,
        };)+
        /// The rules of this family.
        pub(super) const RULES: &[&crate::network::rules::Rule] = &[$(&$name),+];
    };
}
pub(super) use rules;

/// A rule that a line breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// The key of the inventory behind the line, where one is known.
    pub key: Option<String>,
    /// What is wrong, with the values.
    pub message: String,
    /// What to do, as a full sentence.
    pub fix: String,
}

/// A line of a file, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub file: &'a str,
    pub line: u32,
    /// The plan of the tenant that the line serves, if the inventory knows one.
    pub plan: Option<&'a NetworkPlan>,
}

/// The key of the inventory behind an object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    /// Nothing that is typed: it follows from our design.
    None,
    /// Below the tenant's site, such as `lan.vip`.
    Site(&'a str),
    /// In the tenant's file, such as `tenant.number`.
    Tenant(&'a str),
    /// In project.yaml, below `network`.
    Project(&'a str),
}

impl Key<'_> {
    /// The whole key; none without a plan, since an audited router has no inventory.
    fn full(self, plan: Option<&NetworkPlan>) -> Option<String> {
        let plan = plan?;
        match self {
            Key::None => None,
            Key::Site(key) => Some(format!("sites.{}.{key}", plan.site)),
            Key::Tenant(key) => Some(key.to_owned()),
            Key::Project(key) => Some(format!("network.{key}")),
        }
    }
}

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Says that the line at `place` breaks `rule`.
    pub(super) fn add(&mut self, rule: &Rule, place: Place<'_>, key: Key<'_>, message: String, fix: impl Into<String>) {
        self.findings.push(Finding {
            rule: rule.id,
            severity: rule.severity,
            file: place.file.to_owned(),
            line: place.line,
            key: key.full(place.plan),
            message,
            fix: fix.into(),
        });
    }

    /// The findings by file, line and rule, each once.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let order = |finding: &Finding| (finding.file.clone(), finding.line, finding.severity, finding.rule);
        self.findings.sort_by_cached_key(|finding| (order(finding), finding.message.clone()));
        self.findings.dedup();
        self.findings
    }
}
