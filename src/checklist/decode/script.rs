//! Texts with variables: arguments of a probe, and scripts, which only read.

use super::super::powershell;
use super::super::scope::Scope;
use super::super::template::{Landing, Template, TemplateError, Variable};
use crate::inventory::form::scalars::scalar;
use crate::inventory::form::{self, Form};
use crate::inventory::problem::{Complaint, KeyPath, nearest, quote, quoted_list};
use crate::inventory::shape::Shape;
use crate::inventory::yaml::Node;
use crate::untrusted::is_unprintable;

/// Longest script, in bytes: it is one argument of a command on the host.
const LONGEST_SCRIPT: usize = 16 << 10;

/// A text with variables, on one line.
pub(super) fn template(scope: Scope) -> impl Form<Value = Template> {
    scalar(Shape::Text { pattern: None, example: Some("{{ server.address }}") }, move |text| {
        Template::parse(text, scope, Landing::Plain).map_err(|error| complaint(&error))
    })
}

fn complaint(error: &TemplateError) -> Complaint {
    let complaint = Complaint::new(error.to_string());
    let TemplateError::UnknownVariable { name } = error else { return complaint };
    match nearest(name, Variable::NAMES.iter().map(|(name, _)| *name)) {
        Some(meant) => complaint.hint(format!("did you mean `{meant}`?")),
        None => complaint.hint(format!("the variables are {}", quoted_list(Variable::NAMES.map(|(name, _)| name)))),
    }
}

/// A script of several lines.
pub(super) struct Script {
    pub(super) scope: Scope,
    pub(super) landing: Landing,
}

impl Script {
    fn parse(&self, node: &Node) -> Result<Template, Complaint> {
        let Some(text) = node.text() else {
            return Err(Complaint::new(format!("expected a script, found {}", node.kind())));
        };
        if text.trim().is_empty() {
            return Err(Complaint::new("the script is empty"));
        }
        if text.len() > LONGEST_SCRIPT {
            return Err(Complaint::new(format!("the script is longer than {LONGEST_SCRIPT} bytes")));
        }
        if text.contains(|c| is_unprintable(c) && c != '\n' && c != '\t') {
            return Err(Complaint::new("the script contains control characters or invisible characters"));
        }
        Template::parse(text, self.scope, self.landing).map_err(|error| complaint(&error))
    }

    /// What PowerShell 2.0 does not know, and what may write.
    fn objections(&self, node: &Node) -> Vec<Complaint> {
        let script = node.text().filter(|_| self.landing == Landing::PowerShell).unwrap_or_default();
        let told = |objection: powershell::Objection| {
            let (line, column) = powershell::line_and_column(script, objection.at);
            let (what, why) = (quote(&objection.what), objection.why);
            let complaint = Complaint::new(format!("line {line}, column {column} of the script: {what} {why}"));
            complaint.hint("WMI, the registry, .NET and the programs of Windows that only show are allowed")
        };
        powershell::objections(&powershell::without_variables(script)).into_iter().map(told).collect()
    }
}

impl Form for Script {
    type Value = Template;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut form::Reader<'_>) -> Option<Template> {
        let template = self.parse(node).map_err(|complaint| reader.complain(node.place, path, complaint)).ok()?;
        let objections = self.objections(node);
        let fine = objections.is_empty();
        objections.into_iter().for_each(|complaint| reader.complain(node.place, path, complaint));
        fine.then_some(template)
    }

    fn shape(&self) -> Shape {
        let example = match self.landing {
            Landing::PowerShell => "(Get-WmiObject Win32_OperatingSystem).Version",
            Landing::Shell | Landing::Plain => "test -d /sys/firmware/efi",
        };
        Shape::Text { pattern: None, example: Some(example) }
    }
}
