//! The text in which hivexregedit exports a hive and takes what to merge: regedit's, all bytes in hexadecimal.

use super::registry::{Change, DWORD, Hive, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The most keys of a hive that is read; a large SYSTEM has about 50 000.
const MOST_KEYS: usize = 2_000_000;

/// Why an export cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RegError {
    /// A line that means nothing.
    #[error("line {line} of hivexregedit's export means nothing")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// The same key or value twice: a damaged hive, whose meaning depends on who reads it.
    #[error("line {line} of hivexregedit's export names a key or value that was there before: the hive is damaged")]
    Twice {
        /// Which, from 1.
        line: usize,
    },
    /// More keys than any hive has.
    #[error("the hive has more than {MOST_KEYS} keys")]
    TooMany,
}

/// Reads what `hivexregedit --export HIVE '\'` printed.
///
/// # Errors
/// The text is not such an export.
pub fn parse(text: &str) -> Result<Hive, RegError> {
    let mut hive = Hive::default();
    let (mut key, mut keys) = (None, 0);
    for (at, line) in text.lines().enumerate() {
        let line_number = at + 1;
        if line.is_empty() || (key.is_none() && line.starts_with("Windows Registry Editor")) {
            continue;
        }
        if let Some(path) = line.strip_prefix("[\\").and_then(|rest| rest.strip_suffix(']')) {
            if !hive.add_key(path) {
                return Err(RegError::Twice { line: line_number });
            }
            keys += 1;
            if keys > MOST_KEYS {
                return Err(RegError::TooMany);
            }
            key = Some(path);
            continue;
        }
        let (name, value) = entry(line).ok_or(RegError::Line { line: line_number })?;
        let path = key.ok_or(RegError::Line { line: line_number })?;
        if !hive.add_value(path, &name, value) {
            return Err(RegError::Twice { line: line_number });
        }
    }
    Ok(hive)
}

/// A line with a value: `@=…` or `"name"=…`.
fn entry(line: &str) -> Option<(String, Value)> {
    let (name, rest) = match line.strip_prefix('@') {
        Some(rest) => (String::new(), rest),
        None => quoted(line)?,
    };
    Some((name, value(rest.strip_prefix('=')?)?))
}

/// A name between quotes, backslashes before quotes and backslashes, and what follows.
fn quoted(line: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut characters = line.char_indices().skip_while(|(at, _)| *at == 0);
    if !line.starts_with('"') {
        return None;
    }
    loop {
        match characters.next()? {
            (at, '"') => return Some((name, &line[at + 1..])),
            (_, '\\') => name.push(characters.next()?.1),
            (_, other) => name.push(other),
        }
    }
}

fn value(text: &str) -> Option<Value> {
    if let Some(number) = text.strip_prefix("dword:") {
        return u32::from_str_radix(number, 16).ok().map(Value::dword);
    }
    let (kind, bytes) = text.strip_prefix("hex(")?.split_once("):")?;
    let pairs = bytes.split(',').filter(|pair| !pair.is_empty());
    let byte = |pair: &str| (pair.len() == 2).then(|| u8::from_str_radix(pair, 16).ok()).flatten();
    Some(Value { kind: u32::from_str_radix(kind, 16).ok()?, data: pairs.map(byte).collect::<Option<_>>()? })
}

/// What `hivexregedit --merge` makes of a hive to change it so; keys that go are not among what it is given.
pub fn merge_text<'a>(changes: impl Iterator<Item = &'a Change>) -> String {
    // A key once, with all its values, and in order, so that a key follows the one above it.
    let mut keys: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for change in changes {
        match change {
            Change::KeyMade { key } => {
                keys.entry(key).or_default();
            }
            Change::KeyGone { .. } => {}
            Change::Value { key, name, after, .. } => keys.entry(key).or_default().push(line(name, after.as_ref())),
        }
    }
    let mut text = "Windows Registry Editor Version 5.00\n\n".to_owned();
    for (key, lines) in keys {
        let _ = writeln!(text, "[\\{key}]");
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
    }
    text
}

fn line(name: &str, value: Option<&Value>) -> String {
    let name = match name {
        "" => "@".to_owned(),
        name => format!("\"{}\"", name.replace('\\', r"\\").replace('"', "\\\"")),
    };
    match value {
        None => format!("{name}=-"),
        Some(value) => match value.number() {
            Some(number) if value.kind == DWORD => format!("{name}=dword:{number:08x}"),
            _ => {
                let bytes: Vec<String> = value.data.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{name}=hex({:x}):{}", value.kind, bytes.join(","))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORT: &str = "[\\]\n\n[\\Select]\n\"Current\"=dword:00000001\n@=hex(1):61,00,00,00\n\
                          \"a\\\\\\\"b\"=hex(3):\n\n[\\Select\\x]\n\n";

    #[test]
    fn an_export_is_read() {
        let hive = parse(EXPORT).unwrap();
        assert_eq!(hive.number("SELECT", "current"), Some(1));
        assert_eq!(hive.texts("Select", ""), ["a"]);
        assert_eq!(hive.value("Select", "a\\\"b"), Some(&Value { kind: 3, data: Vec::new() }));
        assert_eq!((hive.children(""), hive.children("Select")), (vec!["Select"], vec!["x"]));
    }

    #[test]
    fn what_is_no_export_is_an_error() {
        for (text, line) in [("\"a\"=dword:1\n", 1), ("[\\]\n\"a=dword:1\n", 2), ("[\\]\n\"a\"=hex(1):0\n", 2)] {
            assert_eq!(parse(text), Err(RegError::Line { line }), "{text}");
        }
        assert_eq!(parse("[\\a]\n\n[\\A]\n"), Err(RegError::Twice { line: 3 }));
        assert_eq!(parse("[\\a]\n@=dword:1\n@=dword:1\n"), Err(RegError::Twice { line: 3 }));
    }

    #[test]
    fn a_merge_names_each_key_once_and_the_upper_one_first() {
        let value =
            |key: &str, name: &str, after| Change::Value { key: key.into(), name: name.into(), before: None, after };
        let changes = [
            value("a\\b", "x\"", Some(Value::dword(10))),
            Change::KeyMade { key: "a\\b".into() },
            value("a", "y", None),
            value("a\\b", "", Some(Value::text("è"))),
        ];
        let text = "Windows Registry Editor Version 5.00\n\n[\\a]\n\"y\"=-\n\n\
                    [\\a\\b]\n\"x\\\"\"=dword:0000000a\n@=hex(1):e8,00,00,00\n\n";
        assert_eq!(merge_text(changes.iter()), text);
    }
}
