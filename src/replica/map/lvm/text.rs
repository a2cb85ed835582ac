//! The notation of LVM's metadata: sections in braces, `key = value`, lists, comments.

use super::{Stop, inconsistent};

/// Deepest nesting of sections; the metadata has three.
const MAX_DEPTH: usize = 8;

/// Most values: what the longest text holds on its lines, but not what a text of nothing else would.
const MAX_VALUES: usize = 1 << 17;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A whole number; others are kept as text.
    Number(u64),
    /// A text in quotes, or a word.
    Text(String),
    /// A list of values.
    List(Vec<Value>),
    /// A section.
    Section(Section),
}

/// Keys and values, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Section(pub(super) Vec<(String, Value)>);

impl Section {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Result<Self, Stop> {
        let mut reader = Reader { rest: text, left: MAX_VALUES };
        let section = reader.section(0)?;
        if reader.rest.is_empty() { Ok(section) } else { inconsistent("text of the volume group") }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// A number.
    pub(super) fn number(&self, key: &str) -> Result<u64, Stop> {
        match self.get(key) {
            Some(Value::Number(number)) => Ok(*number),
            _ => inconsistent("a number is missing in the metadata"),
        }
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<&str, Stop> {
        match self.get(key) {
            Some(Value::Text(text)) => Ok(text),
            _ => inconsistent("a text is missing in the metadata"),
        }
    }

    /// A list; empty where there is none.
    pub(super) fn list(&self, key: &str) -> &[Value] {
        match self.get(key) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }

    /// A section; none where there is none.
    pub(super) fn section(&self, key: &str) -> Option<&Section> {
        match self.get(key) {
            Some(Value::Section(section)) => Some(section),
            _ => None,
        }
    }

    /// The sections in this one, with their names.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((name.as_str(), section)),
            _ => None,
        })
    }
}

struct Reader<'a> {
    rest: &'a str,
    /// Values that may still come.
    left: usize,
}

impl<'a> Reader<'a> {
    /// Counts a value.
    fn spend(&mut self) -> Result<(), Stop> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return inconsistent("text of the volume group"),
        }
        Ok(())
    }

    fn blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\0');
            if !self.rest.starts_with('#') {
                return;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn take(&mut self, mark: char) -> bool {
        self.blank();
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'a str {
        self.blank();
        let own = |letter: char| letter.is_ascii_alphanumeric() || "._+-/:@".contains(letter);
        let end = self.rest.find(|letter| !own(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    /// Entries up to a closing brace, which is left, or the end of the text.
    fn section(&mut self, depth: usize) -> Result<Section, Stop> {
        let mut section = Section::default();
        loop {
            let key = self.word();
            if key.is_empty() {
                return Ok(section);
            }
            let value = if self.take('=') {
                self.value(0)?
            } else if self.take('{') && depth < MAX_DEPTH {
                self.spend()?;
                let inner = self.section(depth + 1)?;
                if !self.take('}') {
                    return inconsistent("text of the volume group");
                }
                Value::Section(inner)
            } else {
                return inconsistent("text of the volume group");
            };
            section.0.push((key.to_owned(), value));
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        self.spend()?;
        if self.take('[') && depth == 0 {
            let mut list = Vec::new();
            while !self.take(']') {
                list.push(self.value(1)?);
                let _ = self.take(',');
            }
            return Ok(Value::List(list));
        }
        if self.take('"') {
            return self.quoted().map(Value::Text);
        }
        let word = self.word();
        match word.parse() {
            _ if word.is_empty() => inconsistent("text of the volume group"),
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => Ok(Value::Text(word.to_owned())),
        }
    }

    /// The text up to the closing quote; a backslash takes the next letter as it is.
    fn quoted(&mut self) -> Result<String, Stop> {
        let mut text = String::new();
        let mut letters = self.rest.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => text.extend(letters.next().map(|(_, letter)| letter)),
                letter => text.push(letter),
            }
        }
        inconsistent("text of the volume group")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_lists_and_comments() {
        let text =
            "vg {\n# note { \nid = \"a\\\"b\"\nflags = []\nstripes = [\n\"pv0\", 12\n]\nsize = -1 }\nversion = 1\n\0";
        let whole = Section::parse(text).ok().unwrap();
        let vg = whole.section("vg").unwrap();
        assert_eq!(vg.text("id").ok(), Some("a\"b"));
        assert_eq!(vg.list("stripes"), [Value::Text("pv0".into()), Value::Number(12)]);
        assert_eq!(vg.text("size").ok(), Some("-1"));
        assert_eq!(whole.number("version").ok(), Some(1));
    }

    #[test]
    fn what_is_no_text_of_a_group_is_refused() {
        for text in
            ["vg {", "}", "a = ", "a = [1", "a = \"x", "a b", "è = 1", &"a {".repeat(1000), &"a=1 ".repeat(200_000)]
        {
            assert!(Section::parse(text).is_err(), "{text}");
        }
    }
}
