//! The keys of a mapping, asked for one by one.

use super::super::problem::{Complaint, KeyPath, nearest, quote, quoted_list};
use super::super::shape::{FieldShape, RecordShape};
use super::super::yaml::{Entry, Node};
use super::{Form, Reader, or_unknown};
use std::collections::HashSet;

/// What a record's function asks for its keys. See the rule in [`super`].
#[derive(Debug)]
pub struct Fields<'a> {
    mode: Mode<'a>,
}

#[derive(Debug)]
enum Mode<'a> {
    /// The schema is being made: questions are noted, nothing is answered.
    Describe(RecordShape),
    /// A file is being read.
    Read(Reading<'a>),
}

#[derive(Debug)]
struct Reading<'a> {
    node: &'a Node,
    entries: &'a [Entry],
    path: &'a KeyPath,
    reader: Reader<'a>,
    known: Vec<&'static str>,
    missing: Vec<(&'static str, &'static str)>,
    refused: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn describing(doc: &'static str) -> Self {
        Self { mode: Mode::Describe(RecordShape { doc, ..RecordShape::default() }) }
    }

    pub(super) fn reading(node: &'a Node, entries: &'a [Entry], path: &'a KeyPath, reader: Reader<'a>) -> Self {
        let (known, missing) = (Vec::new(), Vec::new());
        Self { mode: Mode::Read(Reading { node, entries, path, reader, known, missing, refused: false }) }
    }

    pub(super) fn described(self) -> RecordShape {
        match self.mode {
            Mode::Describe(shape) => shape,
            Mode::Read(_) => RecordShape::default(),
        }
    }

    /// A key that must be given.
    pub fn required<F: Form>(&mut self, name: &'static str, doc: &'static str, form: F) -> Option<F::Value> {
        match self.ask(name, doc, true, &form)? {
            Answer::Absent => None,
            Answer::Read(value) => value,
        }
    }

    /// A key that may be absent. The outer `None` means that a problem was recorded.
    pub fn optional<F: Form>(&mut self, name: &'static str, doc: &'static str, form: F) -> Option<Option<F::Value>> {
        match self.ask(name, doc, false, &form)? {
            Answer::Absent => Some(None),
            Answer::Read(value) => value.map(Some),
        }
    }

    /// A key that may be absent or `unknown`.
    pub fn maybe<F: Form>(&mut self, name: &'static str, doc: &'static str, form: F) -> Option<Option<F::Value>> {
        self.optional(name, doc, or_unknown(form)).map(Option::flatten)
    }

    /// A key with a value that is used where it is absent.
    pub fn or<F: Form>(
        &mut self,
        name: &'static str,
        doc: &'static str,
        form: F,
        default: F::Value,
    ) -> Option<F::Value> {
        self.optional(name, doc, form).map(|value| value.unwrap_or(default))
    }

    fn ask<F: Form>(
        &mut self,
        name: &'static str,
        doc: &'static str,
        required: bool,
        form: &F,
    ) -> Option<Answer<F::Value>> {
        match &mut self.mode {
            Mode::Describe(shape) => {
                shape.fields.push(FieldShape { name, doc, required, shape: form.shape() });
                None
            }
            Mode::Read(reading) => Some(reading.answer(name, doc, required, form)),
        }
    }

    /// Of these keys exactly one must be given.
    pub fn exactly_one(&mut self, names: &[&'static str]) {
        match &mut self.mode {
            Mode::Describe(shape) => shape.exactly_one.push(names.to_vec()),
            Mode::Read(reading) => match reading.given(names).as_slice() {
                [] => reading.refuse("", Complaint::new(format!("one of these keys is missing: {}", list(names)))),
                [_] => {}
                given => reading.refuse_extra(given, "exactly", names),
            },
        }
    }

    /// Of these keys at most one may be given.
    pub fn at_most_one(&mut self, names: &[&'static str]) {
        match &mut self.mode {
            Mode::Describe(shape) => shape.at_most_one.push(names.to_vec()),
            Mode::Read(reading) => {
                let given = reading.given(names);
                if given.len() > 1 {
                    reading.refuse_extra(&given, "at most", names);
                }
            }
        }
    }

    /// Whether the file gives the key.
    pub fn has(&self, name: &str) -> bool {
        matches!(&self.mode, Mode::Read(reading) if reading.node.get(name).is_some())
    }

    /// Records what is wrong with the value at `path`, below this mapping.
    pub fn refuse(&mut self, path: &str, complaint: Complaint) {
        if let Mode::Read(reading) = &mut self.mode {
            reading.refuse(path, complaint);
        }
    }

    /// Refuses values that stand twice in the items of `list`, under `key` of each; an empty text
    /// is no value. Reported at the second.
    pub fn unique<T: ToString>(&mut self, list: &str, key: &str, values: impl IntoIterator<Item = T>) {
        let mut seen = HashSet::new();
        for (index, value) in values.into_iter().enumerate() {
            let value = value.to_string();
            if value.is_empty() || seen.insert(value.clone()) {
                continue;
            }
            let complaint = Complaint::new(format!("{} is here twice", quote(&value)));
            let path = KeyPath::root().key(list).item(index).key(key);
            self.refuse(path.as_str(), complaint.hint("remove one, or give each its own"));
        }
    }

    /// Reports unknown and missing keys. Whether the mapping is good as a whole.
    pub(super) fn finish(self) -> bool {
        match self.mode {
            Mode::Describe(_) => true,
            Mode::Read(reading) => reading.finish(),
        }
    }
}

/// What the file says of a key.
enum Answer<T> {
    Absent,
    Read(Option<T>),
}

impl Reading<'_> {
    fn answer<F: Form>(&mut self, name: &'static str, doc: &'static str, required: bool, form: &F) -> Answer<F::Value> {
        self.known.push(name);
        match self.entries.iter().find(|entry| entry.key == name) {
            Some(entry) => Answer::Read(form.read(&entry.node, &self.path.key(name), &mut self.reader)),
            None => {
                if required {
                    self.missing.push((name, doc));
                }
                Answer::Absent
            }
        }
    }

    fn given(&self, names: &[&'static str]) -> Vec<&'static str> {
        names.iter().copied().filter(|name| self.node.get(name).is_some()).collect()
    }

    fn refuse(&mut self, path: &str, complaint: Complaint) {
        self.refused = true;
        let place = self.node.locate(&KeyPath::root().key(path));
        self.reader.complain(place, &self.path.key(path), complaint);
    }

    fn refuse_extra(&mut self, given: &[&'static str], how_many: &str, names: &[&'static str]) {
        let complaint = Complaint::new(format!("give {how_many} one of {}", list(names)));
        self.refuse(given.last().copied().unwrap_or_default(), complaint);
    }

    fn finish(mut self) -> bool {
        let unknown: Vec<&Entry> =
            self.entries.iter().filter(|entry| !self.known.iter().any(|name| *name == entry.key)).collect();
        let free: Vec<&str> = self.known.iter().copied().filter(|name| self.node.get(name).is_none()).collect();
        let mut good = !self.refused && unknown.is_empty() && self.missing.is_empty();
        for entry in unknown {
            let meant = nearest(&entry.key, free.iter().copied());
            // A misspelt key is one problem, not also a missing key.
            self.missing.retain(|(name, _)| Some(*name) != meant);
            let hint = match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the keys here are {}", quoted_list(self.known.iter().copied())),
            };
            let path = self.path.key(&entry.key);
            self.reader.complain(
                entry.place,
                &path,
                Complaint::new(format!("unknown key {}", quote(&entry.key))).hint(hint),
            );
        }
        for (name, doc) in std::mem::take(&mut self.missing) {
            good = false;
            let complaint = Complaint::new(format!("the key `{name}` is missing")).hint(doc);
            self.reader.complain(self.node.place, &self.path.key(name), complaint);
        }
        good
    }
}

fn list(names: &[&'static str]) -> String {
    quoted_list(names.iter().copied())
}
