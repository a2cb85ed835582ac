//! `expect` as a text and `compare`: what refers to a probe's attributes by name.

use super::super::compare::{Compare, Rule};
use super::super::expect::{Attribute, Kind, attributes};
use super::super::expression::{Expression, ExpressionError, Glob, Names};
use super::super::scope::Scope;
use crate::inventory::form::scalars::{text, text_like, whole, word};
use crate::inventory::form::{Fields, Form, Reader, list};
use crate::inventory::problem::{Complaint, KeyPath, Place, nearest, quoted_list};
use crate::inventory::shape::Shape;
use crate::inventory::yaml::{Content, Node};

/// An expression over the attributes of a probe of `kind`.
pub(super) struct ExpressionForm {
    pub(super) kind: Option<&'static str>,
    pub(super) scope: Scope,
    pub(super) before: bool,
}

impl Form for ExpressionForm {
    type Value = Expression;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut Reader<'_>) -> Option<Expression> {
        // Where the probe itself is wrong, nobody knows its attributes.
        let attributes = attributes(self.kind?);
        let names = Names { attributes, scope: self.scope, before: self.before };
        match Expression::parse(node.text()?, names) {
            Ok(expression) => Some(expression),
            Err(error) => {
                reader.complain(place(node, &error), path, complaint(&error));
                None
            }
        }
    }

    fn shape(&self) -> Shape {
        Shape::Text { pattern: None, example: Some("exit == 0 and len(lines) <= 2") }
    }
}

/// Where in the file a mistake is: in a text on one line without escapes, its own column.
fn place(node: &Node, error: &ExpressionError) -> Place {
    let quote = usize::from(matches!(node.content, Content::Scalar { plain: false, .. }));
    Place { line: node.place.line, column: node.place.column + quote + error.at }
}

fn complaint(error: &ExpressionError) -> Complaint {
    let complaint = Complaint::new(error.message.clone());
    match &error.hint {
        Some(hint) => complaint.hint(hint.clone()),
        None => complaint,
    }
}

/// What is kept of an answer of a probe of `kind`, and how it is compared.
pub(super) fn compare(fields: &mut Fields<'_>, kind: Option<&'static str>) -> Option<Compare> {
    let slug = text_like("^[a-z][a-z0-9-]*$", "services", "a key", is_key);
    let key = fields.required("key", "By which the answers of several phases are known to belong together.", slug);
    let doc = "The attribute that is compared; of a script its lines.";
    let of = fields.optional("of", doc, text());
    let rule = fields.optional("rule", "What must hold between before and now.", word(&Rule::WORDS));
    let any = || whole::<u32>(0..=1_000_000_000);
    let absolute = fields.optional("absolute", "With `tolerance`: by how much it may differ.", any());
    let percent = fields.optional("percent", "With `tolerance`: by how many percent.", whole::<u32>(0..=1000));
    let doc = "Patterns of lines that are left out, before and now.";
    let ignore = fields.or("ignore", doc, list(text()), Vec::new());
    let (absolute, percent) = (absolute?, percent?);
    let rule = match rule? {
        None => None,
        Some("tolerance") => {
            if absolute.is_none() && percent.is_none() {
                fields.refuse("rule", Complaint::new("say how much: `absolute`, `percent` or both"));
            }
            let number = |value: Option<u32>| value.map_or(0.0, f64::from);
            Some(Rule::Tolerance { absolute: number(absolute), percent: number(percent) })
        }
        Some("superset") => Some(Rule::Superset),
        Some("subset") => Some(Rule::Subset),
        Some("monotone") => Some(Rule::Monotone),
        Some(_) => Some(Rule::Equal),
    };
    if (absolute.is_some() || percent.is_some()) && !matches!(rule, Some(Rule::Tolerance { .. })) {
        fields.refuse("rule", Complaint::new("`absolute` and `percent` belong to `rule: tolerance`"));
    }
    let of = attribute(fields, of?.as_deref(), kind?, rule)?;
    let ignore = ignore?.iter().map(|glob| Glob::new(glob)).collect();
    Some(Compare { key: key?, of, rule, ignore })
}

fn is_key(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 40 && text.bytes().all(allowed)
}

/// The attribute that is compared, of a type that the rule can compare.
fn attribute(fields: &mut Fields<'_>, name: Option<&str>, kind: &str, rule: Option<Rule>) -> Option<&'static str> {
    let known: &[Attribute] = attributes(kind);
    let numeric = matches!(rule, Some(Rule::Tolerance { .. } | Rule::Monotone));
    let usual = if numeric { "number" } else { "lines" };
    let wanted = name.unwrap_or(usual);
    let Some((found, of_kind, _)) = known.iter().find(|(name, ..)| *name == wanted) else {
        let names = || known.iter().map(|(name, ..)| *name);
        let hint = match nearest(wanted, names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the attributes are {}", quoted_list(names())),
        };
        fields.refuse("of", Complaint::new(format!("there is no attribute `{wanted}`")).hint(hint));
        return None;
    };
    let fits = match rule {
        Some(Rule::Tolerance { .. } | Rule::Monotone) => *of_kind == Kind::Number,
        Some(Rule::Superset | Rule::Subset) => *of_kind == Kind::List,
        Some(Rule::Equal) | None => true,
    };
    if !fits {
        let needs = if numeric { "a number" } else { "a list" };
        fields.refuse("of", Complaint::new(format!("the rule compares {needs}, and `{found}` is none")));
    }
    Some(found)
}
