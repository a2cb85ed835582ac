//! Words that are safe in a configuration: what the inventory says is either such a word or refused.

use std::fmt;

/// A word that a router reads as exactly one word: ASCII letters, digits, `.`, `_`, `-`, starting
/// with a letter or a digit. It can end no line, start no comment, call no help and quote nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Token(String);

/// Why a text is not a [`Token`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\" cannot stand in a router's configuration", .text.escape_default())]
pub struct InvalidToken {
    /// The offending text, at most 40 characters of it.
    pub text: String,
    /// How many characters are allowed.
    pub most: usize,
}

impl Token {
    /// `text` as a word of at most `most` characters.
    pub fn new(text: &str, most: usize) -> Result<Self, InvalidToken> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if starts_well && text.len() <= most && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidToken { text: text.chars().take(40).collect(), most })
        }
    }

    /// A word of the program itself, or made of parts that are words already; what is no word
    /// character becomes `-`, so that no call can break the promise of the type.
    pub(super) fn of(parts: fmt::Arguments<'_>) -> Self {
        let word = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        Self(parts.to_string().chars().map(word).collect())
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A secret by its name: a configuration shows `<secret:NAME>`, never the value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(pub Token);

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<secret:{}>", self.0)
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_words_pass() {
        for good in ["CINTO", "a.b-c_9", "0"] {
            assert_eq!(Token::new(good, 32).unwrap().as_str(), good);
        }
        let long = "x".repeat(33);
        let hostile = [
            "",
            "a b",
            "a\nno ip http",
            "!",
            "a!",
            "?",
            "a?",
            "\"a\"",
            "a'",
            "-a",
            ".a",
            "è",
            "a\u{1b}[2J",
            "a\r",
            "a\0",
            "<x>",
            "a;b",
            "a|b",
            "^C",
            long.as_str(),
        ];
        for bad in hostile {
            assert!(Token::new(bad, 32).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_the_program_joins_stays_a_word() {
        assert_eq!(Token::of(format_args!("{}-cpe-a\n!", "x")).as_str(), "x-cpe-a--");
    }

    #[test]
    fn a_hostile_text_is_shown_escaped_and_short() {
        let error = Token::new(&format!("a\u{1b}\n{}", "b".repeat(300)), 32).unwrap_err();
        assert!(error.to_string().starts_with("\"a\\u{1b}\\nbbb") && error.to_string().len() < 110, "{error}");
    }
}
