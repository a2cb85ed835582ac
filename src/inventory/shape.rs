//! The shape of a kind of file, and its JSON Schema.
//!
//! A shape is never written by hand: it is what a [form](super::form) says of itself, so that the
//! schema of an editor and the decoder cannot differ.

use serde_json::{Map, Value, json};

/// How a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text {
        /// Regular expression of the whole text, ECMA 262.
        pattern: Option<&'static str>,
        /// An example, for the editor's completion.
        example: Option<&'static str>,
    },
    /// A whole number within limits, both included.
    Whole {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// `true` or `false`.
    Flag,
    /// One of some words.
    Words(Vec<&'static str>),
    /// A list.
    List {
        /// Shape of each item.
        of: Box<Shape>,
        /// Least number of items.
        at_least: usize,
    },
    /// A mapping from names of the file's own to values.
    Table {
        /// Regular expression of the names.
        names: &'static str,
        /// Shape of each value.
        of: Box<Shape>,
    },
    /// A mapping with known keys.
    Record(RecordShape),
    /// One of several shapes.
    Either(Vec<Shape>),
}

/// A mapping with known keys; others are refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordShape {
    /// What the mapping describes.
    pub doc: &'static str,
    /// Its keys.
    pub fields: Vec<FieldShape>,
    /// Of each set of keys exactly one is given.
    pub exactly_one: Vec<Vec<&'static str>>,
    /// Of each set of keys at most one is given.
    pub at_most_one: Vec<Vec<&'static str>>,
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldShape {
    /// The key.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// Shape of its value.
    pub shape: Shape,
}

impl Shape {
    /// The JSON Schema (draft 2020-12) of a whole file of this shape.
    pub fn schema(&self, title: &str) -> Value {
        let mut schema = Map::new();
        schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".into(), json!(title));
        schema.extend(self.fragment());
        Value::Object(schema)
    }

    fn fragment(&self) -> Map<String, Value> {
        let value = match self {
            Shape::Text { pattern, example } => {
                let mut text = Map::from_iter([("type".into(), json!("string"))]);
                text.extend(pattern.map(|pattern| ("pattern".into(), json!(pattern))));
                text.extend(example.map(|example| ("examples".into(), json!([example]))));
                return text;
            }
            Shape::Whole { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
            Shape::Flag => json!({"type": "boolean"}),
            Shape::Words(words) => json!({"enum": words}),
            Shape::List { of, at_least: 0 } => json!({"type": "array", "items": of.fragment()}),
            Shape::List { of, at_least } => {
                json!({"type": "array", "items": of.fragment(), "minItems": at_least})
            }
            Shape::Table { names, of } => json!({
                "type": "object", "propertyNames": {"pattern": names}, "additionalProperties": of.fragment()
            }),
            Shape::Either(shapes) => {
                json!({"anyOf": shapes.iter().map(Shape::fragment).collect::<Vec<_>>()})
            }
            Shape::Record(record) => return record.fragment(),
        };
        match value {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }
}

impl RecordShape {
    fn fragment(&self) -> Map<String, Value> {
        let mut schema = Map::new();
        schema.insert("type".into(), json!("object"));
        schema.insert("description".into(), json!(self.doc));
        let properties: Map<String, Value> = self.fields.iter().map(FieldShape::property).collect();
        schema.insert("properties".into(), Value::Object(properties));
        let required: Vec<_> = self.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        schema.insert("required".into(), json!(required));
        schema.insert("additionalProperties".into(), json!(false));
        let each = |names: &[&str]| names.iter().map(|name| json!({"required": [name]})).collect::<Vec<_>>();
        let exactly = self.exactly_one.iter().map(|names| json!({"oneOf": each(names)}));
        let at_most = self.at_most_one.iter().map(|names| json!({"not": {"required": names}}));
        let rules: Vec<Value> = exactly.chain(at_most).collect();
        if !rules.is_empty() {
            schema.insert("allOf".into(), json!(rules));
        }
        schema
    }
}

impl FieldShape {
    fn property(&self) -> (String, Value) {
        let mut schema = Map::new();
        schema.insert("description".into(), json!(self.doc));
        for (key, value) in self.shape.fragment() {
            schema.entry(key).or_insert(value);
        }
        (self.name.to_owned(), Value::Object(schema))
    }
}
