//! YAML text to a tree whose every node knows its place. The only file that names `serde_yaml`.
//!
//! Scalars keep the text that was written (`030020` stays so, `2411.10` too): what a text means is
//! said by the form that reads it. Of YAML only what an inventory needs is accepted: one document
//! of mappings with unique text keys, lists and scalars; no anchors, aliases, merges or tags. Size
//! and depth are bounded.

use super::problem::{Complaint, KeyPath, Place, Problem, Problems, quote};
use serde_yaml::granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, options};
use std::collections::HashSet;

/// No file of the project is longer, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// No value is nested deeper, in block and in flow notation each.
const MAX_DEPTH: usize = 32;

/// A file as a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file's name, relative to the root.
    pub file: String,
    /// Its content.
    pub root: Node,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it is; a mapping or list is where its key is.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text, a number, a flag: the text as written, escapes resolved.
    Scalar {
        /// The text.
        text: String,
        /// Whether it was written without quotes.
        plain: bool,
    },
    /// Items in order.
    List(Vec<Node>),
    /// Entries in order, with unique keys.
    Mapping(Vec<Entry>),
}

/// An entry of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key is.
    pub place: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// What it is, for a message.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null") => "nothing",
            Content::Scalar { .. } => "a single value",
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            Content::List(_) | Content::Mapping(_) => None,
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            Content::Scalar { .. } | Content::Mapping(_) => &[],
        }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.content {
            Content::Mapping(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node),
            Content::Scalar { .. } | Content::List(_) => None,
        }
    }

    /// Where the value at `path` is; where it is missing, the nearest value that contains it.
    pub fn locate(&self, path: &KeyPath) -> Place {
        let mut node = self;
        for step in path.as_str().split(['.', '[']) {
            let next = match (step.strip_suffix(']'), &node.content) {
                (Some(index), Content::List(items)) => index.parse().ok().and_then(|index: usize| items.get(index)),
                _ => node.get(step),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.place
    }
}

/// Reads a file's bytes. Problems that leave the rest readable (a key written twice) are reported
/// and the reading goes on; after a syntax error there is no document.
pub fn parse(file: &str, bytes: &[u8], problems: &mut Problems) -> Option<Document> {
    let text = match decode(bytes) {
        Ok(text) => text,
        Err((place, complaint)) => {
            problems.push(Problem::new(file, place, KeyPath::root(), complaint));
            return None;
        }
    };
    let limits = options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    let mut builder = Builder { file, events: Parser::new_from_str_with_options(text, limits), problems };
    match builder.document() {
        Ok(root) => root.map(|root| Document { file: file.to_owned(), root }),
        Err(error) => {
            builder.syntax(text, &error);
            None
        }
    }
}

/// The text of the bytes, without the mark that Windows editors put first.
fn decode(bytes: &[u8]) -> Result<&str, (Option<Place>, Complaint)> {
    if bytes.len() > MAX_BYTES {
        let complaint = Complaint::new(format!("the file is longer than {MAX_BYTES} bytes"));
        return Err((None, complaint.hint("an inventory file is a few pages; is this the right file?")));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let good = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
            let line = good.matches('\n').count() + 1;
            let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let complaint = Complaint::new("the text is not UTF-8").hint("save the file with the encoding UTF-8");
            Err((Some(Place { line, column }), complaint))
        }
    }
}

struct Builder<'a, 'p> {
    file: &'a str,
    events: Parser<'a, StrInput<'a>>,
    problems: &'p mut Problems,
}

impl<'a> Builder<'a, '_> {
    /// The only document of the stream.
    fn document(&mut self) -> Result<Option<Node>, ScanError> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    let complaint = Complaint::new("a second document starts here");
                    self.problem(place(&span.start), &KeyPath::root(), complaint.hint("keep one document in a file"));
                    return Ok(None);
                }
                Event::DocumentStart(..) => {}
                event => root = self.node(event, &span, &KeyPath::root())?,
            }
        }
        if root.is_none() && !self.problems.concern(self.file) {
            self.problem(Place { line: 1, column: 1 }, &KeyPath::root(), Complaint::new("the file is empty"));
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, ScanError> {
        self.events.next_event().transpose()
    }

    /// The node that `event` begins; none after a problem that takes the value away.
    fn node(&mut self, event: Event<'a>, span: &Span, path: &KeyPath) -> Result<Option<Node>, ScanError> {
        let place = place(&span.start);
        if event.tag().is_some() {
            self.problem(place, path, Complaint::new("tags (`!…`) are not used here").hint("write the plain value"));
        }
        if event.anchor_id().is_some() || event.is_alias() {
            let complaint = Complaint::new("anchors (`&…`) and aliases (`*…`) are not used here");
            self.problem(
                place,
                path,
                complaint.hint("write the value where it is needed; a text that starts with `&` or `*` needs quotes"),
            );
        }
        let content = match event {
            Event::Scalar(text, style, ..) => {
                Content::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => Content::List(self.items(path)?),
            Event::MappingStart(..) => Content::Mapping(self.entries(path)?),
            _ => return Ok(None),
        };
        Ok(Some(Node { place, content }))
    }

    fn items(&mut self, path: &KeyPath) -> Result<Vec<Node>, ScanError> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.extend(self.node(event, &span, &path.item(items.len()))?);
        }
        Ok(items)
    }

    fn entries(&mut self, path: &KeyPath) -> Result<Vec<Entry>, ScanError> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, &span, path)?;
            let Some((event, value_span)) = self.next()? else { break };
            let Some((key, place)) = key.and_then(|node| Some((node.text()?.to_owned(), node.place))) else {
                self.problem(place(&span.start), path, Complaint::new("a key must be a word"));
                self.node(event, &value_span, path)?;
                continue;
            };
            let path = path.key(&key);
            let node = self.node(event, &value_span, &path)?;
            if key == "<<" {
                let complaint = Complaint::new("merging (`<<`) is not used here");
                self.problem(place, &path, complaint.hint("write every key where it belongs"));
            } else if !seen.insert(key.clone()) {
                let complaint = Complaint::new(format!("the key {} is written twice", quote(&key)));
                self.problem(place, &path, complaint.hint("remove one of the two"));
            } else {
                entries.extend(node.map(|node| Entry { key, place, node: node.beside(place) }));
            }
        }
        Ok(entries)
    }

    fn problem(&mut self, place: Place, path: &KeyPath, complaint: Complaint) {
        self.problems.push(Problem::new(self.file, Some(place), path.clone(), complaint));
    }

    /// A syntax error, at a place inside the text.
    fn syntax(&mut self, text: &str, error: &ScanError) {
        let found = place(error.marker());
        let lines: Vec<&str> = text.lines().collect();
        // The parser tells of a tab where the value before it began.
        let tab = |(index, line): (usize, &&str)| {
            let indentation = line.find(|c| c != ' ').unwrap_or_default();
            line[indentation..].starts_with('\t').then_some(Place { line: index + 1, column: indentation + 1 })
        };
        let tab = error.info().contains("tab").then(|| lines.iter().enumerate().skip(found.line - 1).find_map(tab));
        let end = Place { line: lines.len().max(1), column: 1 };
        let place = tab.flatten().unwrap_or(if found.line > end.line { end } else { found });
        let complaint = explain(error);
        self.problem(place, &KeyPath::root(), complaint);
    }
}

/// The frequent errors in words for someone who does not know the grammar of YAML.
fn explain(error: &ScanError) -> Complaint {
    let info = error.info();
    let complaint = Complaint::new(format!("not valid YAML: {info}"));
    match error.kind() {
        ErrorKind::MappingValueNotAllowed => Complaint::new("not valid YAML: a `:` is not expected here")
            .hint("a text that contains `: ` needs quotes; the keys of one mapping begin in one column"),
        ErrorKind::UnknownAnchor => Complaint::new("anchors (`&…`) and aliases (`*…`) are not used here")
            .hint("a text that starts with `*` or `&` needs quotes"),
        ErrorKind::RecursionLimitExceeded => {
            complaint.hint(format!("values are nested at most {MAX_DEPTH} deep; is a bracket too much?"))
        }
        _ if info.contains("tab") => complaint.hint("indent with spaces, never with tabs"),
        _ => complaint.hint(
            "look at this line and the one before: a quote or bracket left open, the indentation, \
             a text with ` #` or a sign at its start that needs quotes",
        ),
    }
}

impl Node {
    /// A value that begins on a later line than its key, or is nothing, is looked for at the key.
    fn beside(mut self, key: Place) -> Self {
        if self.text().is_none_or(str::is_empty) {
            self.place = key;
        }
        self
    }
}

fn place(mark: &Marker) -> Place {
    Place { line: mark.line().max(1), column: mark.col() + 1 }
}
