//! From a text to its words, each with its place.

use super::ExpressionError;
use super::quantity::{UNITS, unit};
use crate::inventory::problem::nearest;

/// One word of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A number with what it measures.
    Number(f64, super::quantity::Dimension),
    /// A text in quotes.
    Text(String),
    /// A name or a word of the language; names of the inventory hold dots.
    Word(String),
    /// `==`, `<=`, `(` and their like.
    Sign(&'static str),
}

/// A word with the character at which it starts.
pub(super) type Placed = (Token, usize);

/// The longer first.
const SIGNS: [&str; 16] = ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ",", "+", "-", "*", "/", "%"];

pub(super) fn tokens(source: &str) -> Result<Vec<Placed>, ExpressionError> {
    let mut reader = Reader { chars: source.chars().collect(), at: 0 };
    let mut tokens = Vec::new();
    while let Some(c) = reader.peek() {
        let at = reader.at;
        let token = match c {
            ' ' | '\t' | '\n' => {
                reader.at += 1;
                continue;
            }
            '"' | '\'' => reader.text(c)?,
            '0'..='9' => reader.number()?,
            c if c.is_ascii_alphabetic() || c == '_' => Token::Word(reader.word(true)),
            _ => reader.sign()?,
        };
        tokens.push((token, at));
    }
    Ok(tokens)
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn word(&mut self, dots: bool) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_' || (dots && *c == '.')) {
            word.push(c);
            self.at += 1;
        }
        word
    }

    /// A text up to the same quote; there are no escapes: use the other quote.
    fn text(&mut self, quote: char) -> Result<Token, ExpressionError> {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += 1;
            if c == quote {
                return Ok(Token::Text(text));
            }
            text.push(c);
        }
        Err(ExpressionError::new(start, "the text has no closing quote"))
    }

    fn number(&mut self) -> Result<Token, ExpressionError> {
        let start = self.at;
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_digit() || *c == '.') {
            digits.push(c);
            self.at += 1;
        }
        let value: f64 =
            digits.parse().map_err(|_| ExpressionError::new(start, format!("`{digits}` is not a number")))?;
        let place = self.at;
        let name = match self.peek() {
            Some('%') => {
                self.at += 1;
                "%".to_owned()
            }
            _ => self.word(false),
        };
        if name.is_empty() {
            return Ok(Token::Number(value, super::quantity::Dimension::Plain));
        }
        let Some((dimension, factor)) = unit(&name) else {
            let known = UNITS.iter().map(|(name, ..)| *name);
            let hint = match nearest(&name, known.clone()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the units are {}", known.collect::<Vec<_>>().join(", ")),
            };
            return Err(ExpressionError::new(place, format!("there is no unit `{name}`")).hint(hint));
        };
        Ok(Token::Number(value * factor, dimension))
    }

    fn sign(&mut self) -> Result<Token, ExpressionError> {
        let fits = |sign: &&&str| sign.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c));
        if let Some(sign) = SIGNS.iter().find(fits) {
            self.at += sign.len();
            return Ok(Token::Sign(sign));
        }
        let found = self.peek().unwrap_or(' ');
        let error = ExpressionError::new(self.at, format!("`{found}` means nothing here"));
        Err(match found {
            '=' => error.hint("equality is written `==`"),
            '&' | '|' | '!' => error.hint("write `and`, `or`, `not`"),
            '{' => error.hint("a variable of the inventory is written bare, such as `server.address`"),
            _ => error,
        })
    }
}
