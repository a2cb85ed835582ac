//! An answer as a tree of elements, whatever its namespaces.

use super::Moref;
use crate::untrusted::one_line;

/// Deepest nesting that is read; that of the API is about fifteen.
const DEEPEST: usize = 64;
/// Most elements of one answer.
const MOST: u32 = 1_000_000;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::world) struct Element {
    pub(in crate::world) name: String,
    /// The type that its name does not say (`xsi:type`), without a prefix.
    pub(in crate::world) kind: String,
    /// The type of the object that it refers to.
    pub(in crate::world) object: Option<String>,
    pub(in crate::world) text: String,
    pub(in crate::world) children: Vec<Element>,
}

/// Why an answer is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(in crate::world) enum Unreadable {
    #[error("it is no XML: {0}")]
    Xml(String),
    #[error("it nests deeper than {DEEPEST} elements")]
    Deep,
    #[error("it has no `{0}`")]
    Missing(&'static str),
    #[error("its `{name}` cannot be `{value}`")]
    Value { name: &'static str, value: String },
}

impl Element {
    /// Reads a document.
    pub(in crate::world) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::Xml("it is not UTF-8".to_owned()))?;
        let options = roxmltree::ParsingOptions { nodes_limit: MOST, ..Default::default() };
        let document = roxmltree::Document::parse_with_options(text, options)
            .map_err(|error| Unreadable::Xml(one_line(error.to_string().as_bytes())))?;
        Self::of(document.root_element(), 0)
    }

    fn of(node: roxmltree::Node<'_, '_>, depth: usize) -> Result<Self, Unreadable> {
        if depth > DEEPEST {
            return Err(Unreadable::Deep);
        }
        let is_schema = |one: &roxmltree::Attribute<'_, '_>| one.namespace().is_some();
        let types = || node.attributes().filter(|one| one.name() == "type");
        let kind = types().find(is_schema).map_or("", |one| local(one.value()));
        let object = types().find(|one| !is_schema(one)).map(|one| one.value().to_owned());
        let mut children = Vec::new();
        let mut text = String::new();
        for child in node.children() {
            if child.is_element() {
                children.push(Self::of(child, depth + 1)?);
            } else if let Some(part) = child.text().filter(|_| child.is_text()) {
                text += part;
            }
        }
        if !children.is_empty() {
            text.clear();
        }
        Ok(Self { name: node.tag_name().name().to_owned(), kind: kind.to_owned(), object, text, children })
    }

    /// The first child of a name.
    pub(in crate::world) fn get(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of a name.
    pub(in crate::world) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of a name, which must be there.
    pub(in crate::world) fn must(&self, name: &'static str) -> Result<&Element, Unreadable> {
        self.get(name).ok_or(Unreadable::Missing(name))
    }

    /// The text of a child, or nothing.
    pub(in crate::world) fn word(&self, name: &str) -> &str {
        self.get(name).map_or("", |child| child.text.trim())
    }

    /// Whether a child says true.
    pub(in crate::world) fn flag(&self, name: &str) -> bool {
        matches!(self.word(name), "true" | "1")
    }

    /// The number in a child, if there is one.
    pub(in crate::world) fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, Unreadable> {
        let Some(child) = self.get(name) else { return Ok(None) };
        let bad = |_| Unreadable::Value { name, value: one_line(child.text.as_bytes()) };
        child.text.trim().parse().map(Some).map_err(bad)
    }

    /// What it refers to.
    pub(in crate::world) fn moref(&self) -> Option<Moref> {
        let value = self.text.trim();
        let kind = self.object.as_deref().filter(|kind| !kind.is_empty())?;
        (!value.is_empty()).then(|| Moref::new(kind, value))
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}
