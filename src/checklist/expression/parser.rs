//! From words to a tree: `or`, `and`, `not`, comparisons, sums, products, values.

use super::lexer::{Placed, Token};
use super::quantity::Dimension;
use super::{DEEPEST, ExpressionError};

/// A part of an expression with the character at which it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Number(f64, Dimension),
    Text(String),
    Flag(bool),
    Name(String),
    List(Vec<Tree>),
    Call(String, Vec<Tree>),
    Not(Box<Tree>),
    Negative(Box<Tree>),
    Pair(Operator, Box<Tree>, Box<Tree>),
}

/// What stands between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    Matches,
    Plus,
    Minus,
    Times,
    Over,
}

impl Operator {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Operator::Or => "or",
            Operator::And => "and",
            Operator::Equal => "==",
            Operator::Unequal => "!=",
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::Greater => ">",
            Operator::AtLeast => ">=",
            Operator::In => "in",
            Operator::Matches => "matches",
            Operator::Plus => "+",
            Operator::Minus => "-",
            Operator::Times => "*",
            Operator::Over => "/",
        }
    }
}

const COMPARISONS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

pub(super) fn parse(tokens: &[Placed]) -> Result<Tree, ExpressionError> {
    let mut parser = Parser { tokens, next: 0 };
    let tree = parser.or(0)?;
    match parser.peek() {
        None => Ok(tree),
        Some((token, at)) => Err(ExpressionError::new(*at, format!("{} is one word too many", words(token)))),
    }
}

fn words(token: &Token) -> String {
    match token {
        Token::Number(number, _) => format!("`{number}`"),
        Token::Text(text) => format!("the text `{text}`"),
        Token::Word(word) => format!("`{word}`"),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}

struct Parser<'t> {
    tokens: &'t [Placed],
    next: usize,
}

type Parsed = Result<Tree, ExpressionError>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Placed> {
        self.tokens.get(self.next)
    }

    fn here(&self) -> usize {
        let end = || self.tokens.last().map_or(0, |(_, at)| at + 1);
        self.peek().map_or_else(end, |(_, at)| *at)
    }

    fn is(&self, ahead: usize, wanted: &str) -> bool {
        match self.tokens.get(self.next + ahead) {
            Some((Token::Word(word), _)) => word == wanted,
            Some((Token::Sign(sign), _)) => *sign == wanted,
            _ => false,
        }
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.is(0, wanted);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<(), ExpressionError> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(ExpressionError::new(self.here(), format!("`{wanted}` is missing here")))
    }

    fn or(&mut self, depth: usize) -> Parsed {
        if depth > DEEPEST {
            return Err(ExpressionError::new(self.here(), format!("nested deeper than {DEEPEST}")));
        }
        let mut left = self.and(depth)?;
        while self.take("or") {
            left = pair(Operator::Or, left, self.and(depth)?);
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Parsed {
        let mut left = self.not(depth)?;
        while self.take("and") {
            left = pair(Operator::And, left, self.not(depth)?);
        }
        Ok(left)
    }

    fn not(&mut self, depth: usize) -> Parsed {
        let at = self.here();
        if !self.take("not") {
            return self.comparison(depth);
        }
        if depth > DEEPEST {
            return Err(ExpressionError::new(at, format!("nested deeper than {DEEPEST}")));
        }
        let inner = self.not(depth + 1)?;
        Ok(Tree { at, kind: Kind::Not(Box::new(inner)) })
    }

    fn comparison(&mut self, depth: usize) -> Parsed {
        let left = self.sum(depth)?;
        if let Some((_, operator)) = COMPARISONS.iter().find(|(sign, _)| self.is(0, sign)) {
            self.next += 1;
            return Ok(pair(*operator, left, self.sum(depth)?));
        }
        for (word, operator) in [("in", Operator::In), ("matches", Operator::Matches)] {
            if self.take(word) {
                return Ok(pair(operator, left, self.sum(depth)?));
            }
            if self.is(0, "not") && self.is(1, word) {
                let at = left.at;
                self.next += 2;
                let inner = pair(operator, left, self.sum(depth)?);
                return Ok(Tree { at, kind: Kind::Not(Box::new(inner)) });
            }
        }
        Ok(left)
    }

    fn sum(&mut self, depth: usize) -> Parsed {
        let mut left = self.product(depth)?;
        loop {
            let operator = match () {
                () if self.take("+") => Operator::Plus,
                () if self.take("-") => Operator::Minus,
                () => return Ok(left),
            };
            left = pair(operator, left, self.product(depth)?);
        }
    }

    fn product(&mut self, depth: usize) -> Parsed {
        let mut left = self.value(depth)?;
        loop {
            let operator = match () {
                () if self.take("*") => Operator::Times,
                () if self.take("/") => Operator::Over,
                () => return Ok(left),
            };
            left = pair(operator, left, self.value(depth)?);
        }
    }

    fn value(&mut self, depth: usize) -> Parsed {
        let Some((token, at)) = self.peek().cloned() else {
            return Err(ExpressionError::new(self.here(), "a value is missing at the end"));
        };
        self.next += 1;
        let kind = match token {
            Token::Number(number, dimension) => Kind::Number(number, dimension),
            Token::Text(text) => Kind::Text(text),
            Token::Word(word) => match word.as_str() {
                "true" => Kind::Flag(true),
                "false" => Kind::Flag(false),
                "and" | "or" | "in" | "matches" | "not" => {
                    return Err(ExpressionError::new(at, format!("a value is missing before `{word}`")));
                }
                _ if self.take("(") => Kind::Call(word, self.several(")", depth)?),
                _ => Kind::Name(word),
            },
            Token::Sign("(") => {
                let inner = self.or(depth + 1)?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => Kind::List(self.several("]", depth)?),
            Token::Sign("-") if depth <= DEEPEST => Kind::Negative(Box::new(self.value(depth + 1)?)),
            Token::Sign(sign) => {
                return Err(ExpressionError::new(at, format!("a value is missing before `{sign}`")));
            }
        };
        Ok(Tree { at, kind })
    }

    /// Values up to `end`, with commas between them.
    fn several(&mut self, end: &str, depth: usize) -> Result<Vec<Tree>, ExpressionError> {
        let mut values = Vec::new();
        while !self.take(end) {
            if !values.is_empty() {
                self.expect(",")?;
            }
            values.push(self.or(depth + 1)?);
        }
        Ok(values)
    }
}

fn pair(operator: Operator, left: Tree, right: Tree) -> Tree {
    Tree { at: left.at, kind: Kind::Pair(operator, Box::new(left), Box::new(right)) }
}
