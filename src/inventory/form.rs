//! Forms: one description from which a kind of file is both decoded and documented.
//!
//! A [`Form`] reads a node into a typed value, and says of itself how it is written ([`Shape`]). A
//! mapping is described by a function that asks for each of its keys:
//!
//! ```ignore
//! fn party(fields: &mut Fields<'_>) -> Option<Party> {
//!     let name = fields.required("name", "Full name.", text());
//!     let short = fields.required("short", "Short name, such as `CMV`.", text());
//!     let tax_code = fields.maybe("tax_code", "Codice fiscale, if known.", tax_code());
//!     Some(Party { name: name?, short: short?, tax_code: tax_code? })
//! }
//! let decoded = read("party.yaml", bytes, &record("A body that takes part.", party), &mut problems);
//! ```
//!
//! The same function runs when the JSON Schema is made: then nothing is read and every question
//! returns `None`. Hence the one rule: **ask for every key before the first `?`**. Keys that nobody
//! asked for are unknown. Whatever is wrong is collected; `None` means that a problem was recorded.

mod bilingual;
mod fields;
pub mod scalars;

pub use bilingual::bilingual;
pub use fields::Fields;

use super::problem::{Complaint, KeyPath, Place, Problem, Problems, quoted_list};
use super::shape::{RecordShape, Shape};
use super::yaml::{self, Content, Document, Node};

/// The word for what nobody knows.
pub const UNKNOWN: &str = "unknown";

/// How a value is written and read.
pub trait Form {
    /// What it is read into.
    type Value;

    /// Reads `node`; none after a problem was recorded.
    fn read(&self, node: &Node, path: &KeyPath, reader: &mut Reader<'_>) -> Option<Self::Value>;

    /// How it is written.
    fn shape(&self) -> Shape;
}

/// Where problems of a file are collected.
#[derive(Debug)]
pub struct Reader<'p> {
    file: &'p str,
    problems: &'p mut Problems,
}

impl Reader<'_> {
    /// Records what is wrong at a place.
    pub fn complain(&mut self, place: Place, path: &KeyPath, complaint: Complaint) {
        self.problems.push(Problem::new(self.file, Some(place), path.clone(), complaint));
    }

    fn reborrow(&mut self) -> Reader<'_> {
        Reader { file: self.file, problems: self.problems }
    }
}

/// A file as far as it could be decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<T> {
    /// The file's name.
    pub file: String,
    /// The value; none after a problem.
    pub value: Option<T>,
    /// The tree, in which places are found; none after a syntax error.
    pub document: Option<Document>,
}

impl<T> Decoded<T> {
    /// A file of which nothing could be read.
    pub fn nothing(file: &str) -> Self {
        Self { file: file.to_owned(), value: None, document: None }
    }

    /// Records what is wrong with the value at `path`.
    pub fn refuse(&self, path: &str, complaint: Complaint, problems: &mut Problems) {
        let path = KeyPath::root().key(path);
        let place = self.document.as_ref().map(|document| document.root.locate(&path));
        problems.push(Problem::new(&self.file, place, path, complaint));
    }
}

/// Reads a file by its form.
pub fn read<F: Form>(file: &str, bytes: &[u8], form: &F, problems: &mut Problems) -> Decoded<F::Value> {
    let Some(document) = yaml::parse(file, bytes, problems) else { return Decoded::nothing(file) };
    let mut reader = Reader { file, problems };
    let value = form.read(&document.root, &KeyPath::root(), &mut reader);
    Decoded { file: file.to_owned(), value, document: Some(document) }
}

/// A mapping with known keys, described by a function; `doc` says what it is.
pub fn record<T, F: Fn(&mut Fields<'_>) -> Option<T>>(doc: &'static str, fields: F) -> Record<F> {
    Record { doc, fields }
}

/// See [`record`].
#[derive(Debug, Clone, Copy)]
pub struct Record<F> {
    doc: &'static str,
    fields: F,
}

impl<T, F: Fn(&mut Fields<'_>) -> Option<T>> Form for Record<F> {
    type Value = T;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut Reader<'_>) -> Option<T> {
        let Content::Mapping(entries) = &node.content else {
            let keys = self.described().fields.iter().map(|field| field.name).collect::<Vec<_>>();
            let hint = format!("its keys are {}", quoted_list(keys));
            reader.complain(node.place, path, unexpected("a mapping", node).hint(hint));
            return None;
        };
        let mut fields = Fields::reading(node, entries, path, reader.reborrow());
        let value = (self.fields)(&mut fields);
        if fields.finish() { value } else { None }
    }

    fn shape(&self) -> Shape {
        Shape::Record(self.described())
    }
}

impl<T, F: Fn(&mut Fields<'_>) -> Option<T>> Record<F> {
    fn described(&self) -> RecordShape {
        let mut fields = Fields::describing(self.doc);
        let _ = (self.fields)(&mut fields);
        fields.described()
    }
}

/// A list of values of one form.
pub fn list<F: Form>(form: F) -> List<F> {
    List { form, at_least: 0 }
}

/// A list of values of one form, with at least one.
pub fn nonempty_list<F: Form>(form: F) -> List<F> {
    List { form, at_least: 1 }
}

/// See [`list`].
#[derive(Debug, Clone, Copy)]
pub struct List<F> {
    form: F,
    at_least: usize,
}

impl<F: Form> Form for List<F> {
    type Value = Vec<F::Value>;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut Reader<'_>) -> Option<Self::Value> {
        let Content::List(items) = &node.content else {
            reader.complain(node.place, path, unexpected("a list", node).hint("write `[a, b]`, or one `- a` a line"));
            return None;
        };
        if items.len() < self.at_least {
            reader.complain(node.place, path, Complaint::new("the list is empty"));
            return None;
        }
        // Every item is read, so that every problem is found, before the first failure counts.
        let values: Vec<_> =
            items.iter().enumerate().map(|(index, item)| self.form.read(item, &path.item(index), reader)).collect();
        values.into_iter().collect()
    }

    fn shape(&self) -> Shape {
        Shape::List { of: Box::new(self.form.shape()), at_least: self.at_least }
    }
}

/// A mapping from names of the file's own to values. `names` is the pattern that `name` accepts.
pub fn table<N: Form, F: Form>(name: N, form: F) -> Table<N, F> {
    Table { name, form }
}

/// See [`table`].
#[derive(Debug, Clone, Copy)]
pub struct Table<N, F> {
    name: N,
    form: F,
}

impl<N: Form, F: Form> Form for Table<N, F> {
    type Value = Vec<(N::Value, F::Value)>;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut Reader<'_>) -> Option<Self::Value> {
        let Content::Mapping(entries) = &node.content else {
            reader.complain(node.place, path, unexpected("a mapping", node));
            return None;
        };
        let mut values = Vec::with_capacity(entries.len());
        for entry in entries {
            let path = path.key(&entry.key);
            let content = Content::Scalar { text: entry.key.clone(), plain: false };
            let name = self.name.read(&Node { place: entry.place, content }, &path, reader);
            let value = self.form.read(&entry.node, &path, reader);
            values.push(name.zip(value));
        }
        values.into_iter().collect()
    }

    fn shape(&self) -> Shape {
        let names = match self.name.shape() {
            Shape::Text { pattern: Some(pattern), .. } => pattern,
            _ => ".+",
        };
        Shape::Table { names, of: Box::new(self.form.shape()) }
    }
}

/// Two ways of writing one value: a word or text, or a mapping.
pub fn either<A: Form, B: Form<Value = A::Value>>(single: A, mapping: B) -> Either<A, B> {
    Either { single, mapping }
}

/// See [`either`].
#[derive(Debug, Clone, Copy)]
pub struct Either<A, B> {
    single: A,
    mapping: B,
}

impl<A: Form, B: Form<Value = A::Value>> Form for Either<A, B> {
    type Value = A::Value;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut Reader<'_>) -> Option<A::Value> {
        match &node.content {
            Content::Scalar { .. } => self.single.read(node, path, reader),
            Content::List(_) | Content::Mapping(_) => self.mapping.read(node, path, reader),
        }
    }

    fn shape(&self) -> Shape {
        Shape::Either(vec![self.single.shape(), self.mapping.shape()])
    }
}

/// A value that the file may say nobody knows.
pub fn or_unknown<F: Form>(form: F) -> OrUnknown<F> {
    OrUnknown { form }
}

/// See [`or_unknown`].
#[derive(Debug, Clone, Copy)]
pub struct OrUnknown<F> {
    form: F,
}

impl<F: Form> Form for OrUnknown<F> {
    type Value = Option<F::Value>;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut Reader<'_>) -> Option<Self::Value> {
        match node.text() {
            Some(UNKNOWN) => Some(None),
            _ => self.form.read(node, path, reader).map(Some),
        }
    }

    fn shape(&self) -> Shape {
        Shape::Either(vec![Shape::Words(vec![UNKNOWN]), self.form.shape()])
    }
}

/// The text itself is not repeated: it may be a secret in the wrong place.
fn unexpected(wanted: &str, node: &Node) -> Complaint {
    Complaint::new(format!("expected {wanted}, found {}", node.kind()))
}
