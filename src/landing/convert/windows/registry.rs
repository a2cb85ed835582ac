//! A registry hive as a value: keys, their values, and what differs between two of them.

use crate::untrusted::printable;
use std::collections::BTreeMap;
use std::fmt;

/// Text.
pub(super) const SZ: u32 = 1;
/// Text with variables of the environment.
pub(super) const EXPAND_SZ: u32 = 2;
/// A number of 32 bits.
pub(super) const DWORD: u32 = 4;
/// A list of texts.
pub(super) const MULTI_SZ: u32 = 7;

/// What stands under a name: a type of the registry and its bytes as stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    /// The type, such as 4 for `REG_DWORD`.
    pub kind: u32,
    /// The bytes.
    pub data: Vec<u8>,
}

impl Value {
    /// A `REG_DWORD`.
    pub fn dword(number: u32) -> Self {
        Self { kind: DWORD, data: number.to_le_bytes().to_vec() }
    }

    /// A `REG_SZ`.
    pub fn text(text: &str) -> Self {
        Self { kind: SZ, data: utf16(text) }
    }

    /// A `REG_EXPAND_SZ`.
    pub fn expanded(text: &str) -> Self {
        Self { kind: EXPAND_SZ, data: utf16(text) }
    }

    /// A `REG_MULTI_SZ`.
    pub fn list(texts: &[&str]) -> Self {
        let mut data: Vec<u8> = texts.iter().flat_map(|text| utf16(text)).collect();
        data.extend([0, 0]);
        Self { kind: MULTI_SZ, data }
    }

    /// The number, of a `REG_DWORD`.
    pub fn number(&self) -> Option<u32> {
        let bytes = <[u8; 4]>::try_from(self.data.as_slice()).ok()?;
        (self.kind == DWORD).then(|| u32::from_le_bytes(bytes))
    }

    /// The texts: one of a `REG_SZ` or `REG_EXPAND_SZ`, all of a `REG_MULTI_SZ`; empty ones are left out.
    pub fn texts(&self) -> Option<Vec<String>> {
        if ![SZ, EXPAND_SZ, MULTI_SZ].contains(&self.kind) {
            return None;
        }
        let units: Vec<u16> = self.data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let texts = units.split(|unit| *unit == 0).map(String::from_utf16_lossy).filter(|text| !text.is_empty());
        // What follows the first NUL of a single text is not of it.
        Some(texts.take(if self.kind == MULTI_SZ { usize::MAX } else { 1 }).collect())
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.number() {
            return write!(f, "dword {number}");
        }
        if let Some(texts) = self.texts() {
            let quoted: Vec<String> = texts.iter().map(|text| format!("`{}`", printable(text))).collect();
            return if quoted.is_empty() { f.write_str("``") } else { f.write_str(&quoted.join(" ")) };
        }
        write!(f, "type {} of {} bytes", self.kind, self.data.len())
    }
}

/// A key: its path as it is spelled, and its values by their names in small letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Key {
    path: String,
    values: BTreeMap<String, (String, Value)>,
}

/// The keys of a hive. Paths begin below the root, without a backslash; capitals do not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hive {
    keys: BTreeMap<String, Key>,
}

impl Hive {
    /// Adds a key without values; whether it is new.
    pub fn add_key(&mut self, path: &str) -> bool {
        let key = Key { path: path.to_owned(), values: BTreeMap::new() };
        self.keys.insert(path.to_ascii_lowercase(), key).is_none()
    }

    /// Sets a value of a key that is there; whether the key is there and had none of this name.
    pub fn add_value(&mut self, path: &str, name: &str, value: Value) -> bool {
        let Some(key) = self.keys.get_mut(&path.to_ascii_lowercase()) else { return false };
        key.values.insert(name.to_ascii_lowercase(), (name.to_owned(), value)).is_none()
    }

    /// The path of a key as the hive spells it.
    pub fn key(&self, path: &str) -> Option<&str> {
        self.keys.get(&path.to_ascii_lowercase()).map(|key| key.path.as_str())
    }

    /// A value, with its name as the hive spells it.
    pub fn entry(&self, path: &str, name: &str) -> Option<(&str, &Value)> {
        let key = self.keys.get(&path.to_ascii_lowercase())?;
        key.values.get(&name.to_ascii_lowercase()).map(|(name, value)| (name.as_str(), value))
    }

    /// A value.
    pub fn value(&self, path: &str, name: &str) -> Option<&Value> {
        self.entry(path, name).map(|(_, value)| value)
    }

    /// A number.
    pub fn number(&self, path: &str, name: &str) -> Option<u32> {
        self.value(path, name).and_then(Value::number)
    }

    /// Texts that are not empty; none where the value is not there or of another type.
    pub fn texts(&self, path: &str, name: &str) -> Vec<String> {
        self.value(path, name).and_then(Value::texts).unwrap_or_default()
    }

    /// All values of a key, as they are spelled.
    pub fn values(&self, path: &str) -> impl Iterator<Item = (&str, &Value)> {
        let key = self.keys.get(&path.to_ascii_lowercase());
        key.into_iter().flat_map(|key| key.values.values().map(|(name, value)| (name.as_str(), value)))
    }

    /// The names of the keys right below one, as they are spelled; those of the root below ``.
    pub fn children(&self, path: &str) -> Vec<&str> {
        let mut above = path.to_ascii_lowercase();
        if !above.is_empty() {
            above.push('\\');
        }
        let below = self.keys.range(above.clone()..).take_while(|(key, _)| key.starts_with(&above));
        below
            .filter_map(|(_, key)| key.path.get(above.len()..))
            .filter(|name| !name.is_empty() && !name.contains('\\'))
            .collect()
    }
}

/// One difference between a hive before and after.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A key that was not there.
    KeyMade {
        /// Its path.
        key: String,
    },
    /// A key that is there no more.
    KeyGone {
        /// Its path.
        key: String,
    },
    /// A value set, changed or removed.
    Value {
        /// The path of its key.
        key: String,
        /// Its name; empty for the key's default.
        name: String,
        /// What it was.
        before: Option<Value>,
        /// What it is.
        after: Option<Value>,
    },
}

impl Change {
    /// What changes, what it was and what it is; empty where it was or is not.
    pub fn told(&self) -> (String, String, String) {
        let shown = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
        match self {
            Change::KeyMade { key } => (printable(key), String::new(), "a key".to_owned()),
            Change::KeyGone { key } => (printable(key), "a key".to_owned(), String::new()),
            Change::Value { key, name, before, after } => {
                (format!("{}\\{}", printable(key), printable(name)), shown(before), shown(after))
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        match self {
            Change::KeyMade { key } => write!(f, "{}: made", printable(key)),
            Change::KeyGone { key } => write!(f, "{}: gone", printable(key)),
            Change::Value { key, name, before, after } => {
                let (key, name) = (printable(key), printable(name));
                write!(f, "{key}\\{name}: {} -> {}", shown(before), shown(after))
            }
        }
    }
}

/// What differs from `before` to `after`, in order.
pub fn changes(before: &Hive, after: &Hive) -> Vec<Change> {
    let none = Key::default();
    let mut found = Vec::new();
    for (path, key) in &before.keys {
        match after.keys.get(path) {
            Some(now) => compare(key, now, &mut found),
            None => {
                found.push(Change::KeyGone { key: key.path.clone() });
                compare(key, &none, &mut found);
            }
        }
    }
    for (_, key) in after.keys.iter().filter(|(path, _)| !before.keys.contains_key(*path)) {
        found.push(Change::KeyMade { key: key.path.clone() });
        compare(&none, key, &mut found);
    }
    found.sort();
    found
}

fn compare(before: &Key, after: &Key, found: &mut Vec<Change>) {
    let path = if after.path.is_empty() { &before.path } else { &after.path };
    let differs = |name: &String| before.values.get(name).map(|(_, v)| v) != after.values.get(name).map(|(_, v)| v);
    let mut names: Vec<&String> = before.values.keys().chain(after.values.keys()).filter(|n| differs(n)).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (was, is) = (before.values.get(name), after.values.get(name));
        let spelled = is.or(was).map_or_else(String::new, |(name, _)| name.clone());
        found.push(Change::Value {
            key: path.clone(),
            name: spelled,
            before: was.map(|(_, value)| value.clone()),
            after: is.map(|(_, value)| value.clone()),
        });
    }
}
