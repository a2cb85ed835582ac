//! From a tree to typed nodes: every name known, every type fitting.

use super::super::expect::Kind as AttributeKind;
use super::super::template::{NoText, Value, Variable};
use super::glob::Glob;
use super::parser::{Kind, Operator, Tree};
use super::quantity::{Dimension, of_attribute};
use super::{ExpressionError, Names};
use crate::inventory::problem::{nearest, quoted_list};

/// A node whose names and types are known.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Typed {
    Attribute(&'static str),
    Before(&'static str),
    Variable(Variable),
    /// The element that `any`, `all` or `count` looks at.
    It,
    Number(f64),
    Text(String),
    Texts(Vec<String>),
    Flag(bool),
    List(Vec<Typed>),
    Not(Box<Typed>),
    Negative(Box<Typed>),
    Pair(Operator, Box<Typed>, Box<Typed>),
    Matches(Box<Typed>, Glob),
    Length(Box<Typed>),
    /// The list, and what is asked of each element.
    Each(Quantifier, Box<Typed>, Box<Typed>),
    /// A text as a number.
    ToNumber(Box<Typed>),
    /// The n-th word of a text, from 1.
    Field(Box<Typed>, usize),
}

/// How many elements have to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
    Count,
}

/// Type of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Flag,
    Number(Dimension),
    Text,
    Texts,
    Numbers(Dimension),
}

impl Type {
    fn words(self) -> &'static str {
        match self {
            Type::Flag => "true or false",
            Type::Number(dimension) => dimension.words(),
            Type::Text => "a text",
            Type::Texts => "a list of texts",
            Type::Numbers(_) => "a list of numbers",
        }
    }
}

const FUNCTIONS: [&str; 6] = ["all", "any", "count", "field", "len", "number"];

type Checked = Result<(Typed, Type), ExpressionError>;

/// The expression as a whole, which must be true or false.
pub(super) fn condition(tree: &Tree, names: Names<'_>) -> Result<Typed, ExpressionError> {
    Checker { names, inside: false }.flag(tree)
}

#[derive(Clone, Copy)]
struct Checker<'n> {
    names: Names<'n>,
    /// Whether there is an element: inside `any`, `all`, `count`.
    inside: bool,
}

impl Checker<'_> {
    fn flag(self, tree: &Tree) -> Result<Typed, ExpressionError> {
        match self.node(tree)? {
            (node, Type::Flag) => Ok(node),
            (_, found) => Err(wanted(tree, "true or false", found).hint("compare it with something")),
        }
    }

    fn node(self, tree: &Tree) -> Checked {
        match &tree.kind {
            Kind::Number(number, dimension) => Ok((Typed::Number(*number), Type::Number(*dimension))),
            Kind::Text(text) => Ok((Typed::Text(text.clone()), Type::Text)),
            Kind::Flag(flag) => Ok((Typed::Flag(*flag), Type::Flag)),
            Kind::Name(name) => self.name(name, tree.at),
            Kind::List(items) => self.list(items, tree.at),
            Kind::Call(name, arguments) => self.call(name, arguments, tree.at),
            Kind::Not(inner) => Ok((Typed::Not(Box::new(self.flag(inner)?)), Type::Flag)),
            Kind::Negative(inner) => match self.node(inner)? {
                (node, Type::Number(dimension)) => Ok((Typed::Negative(Box::new(node)), Type::Number(dimension))),
                (_, found) => Err(wanted(inner, "a number", found)),
            },
            Kind::Pair(operator, left, right) => self.pair(*operator, left, right),
        }
    }

    fn name(self, name: &str, at: usize) -> Checked {
        if name == "it" && self.inside {
            return Ok((Typed::It, Type::Text));
        }
        if let Some(earlier) = name.strip_prefix("before.") {
            if !self.names.before {
                let error = ExpressionError::new(at, "there is no baseline to look back at");
                return Err(error.hint("add `compare` with the key of what the source phase captured"));
            }
            return self.attribute(earlier, at, Typed::Before);
        }
        if let Some((known, variable)) = Variable::NAMES.iter().find(|(known, _)| *known == name) {
            if !variable.is_in(self.names.scope) {
                let scope = self.names.scope.word();
                return Err(ExpressionError::new(at, format!("`{known}` is not known to an item of scope `{scope}`")));
            }
            let kind = if variable.is_list() { Type::Texts } else { Type::Text };
            return Ok((Typed::Variable(*variable), kind));
        }
        self.attribute(name, at, Typed::Attribute)
    }

    fn attribute(self, name: &str, at: usize, node: fn(&'static str) -> Typed) -> Checked {
        let Some((known, kind, _)) = self.names.attributes.iter().find(|(known, ..)| *known == name) else {
            return Err(self.unknown(name, at));
        };
        let kind = match kind {
            AttributeKind::Flag => Type::Flag,
            AttributeKind::Text => Type::Text,
            AttributeKind::List => Type::Texts,
            AttributeKind::Number => {
                let (dimension, factor) = of_attribute(known);
                let scaled = |node| {
                    let factor = Box::new(Typed::Number(factor));
                    Typed::Pair(Operator::Times, Box::new(node), factor)
                };
                let node = if factor == 1.0 { node(known) } else { scaled(node(known)) };
                return Ok((node, Type::Number(dimension)));
            }
        };
        Ok((node(known), kind))
    }

    fn unknown(self, name: &str, at: usize) -> ExpressionError {
        let attributes = || self.names.attributes.iter().map(|(name, ..)| *name);
        let variables = Variable::NAMES.iter().map(|(name, _)| *name);
        let error = ExpressionError::new(at, format!("there is no attribute `{name}`"));
        match nearest(name, attributes().chain(variables).chain(self.inside.then_some("it"))) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!("the attributes are {}", quoted_list(attributes()))),
        }
    }

    fn list(self, items: &[Tree], at: usize) -> Checked {
        let mut nodes = Vec::new();
        let mut kind = None;
        for item in items {
            let (node, found) = self.node(item)?;
            let together = match (kind, found) {
                (None, Type::Text) | (Some(Type::Texts), Type::Text) => Some(Type::Texts),
                (None, Type::Number(dimension)) => Some(Type::Numbers(dimension)),
                (Some(Type::Numbers(one)), Type::Number(other)) => one.with(other).map(Type::Numbers),
                _ => None,
            };
            kind = Some(together.ok_or_else(|| wanted(item, "all texts or all numbers of one kind", found))?);
            nodes.push(node);
        }
        let kind = kind.ok_or_else(|| ExpressionError::new(at, "the list is empty: nothing is ever in it"))?;
        Ok((Typed::List(nodes), kind))
    }

    fn call(self, name: &str, arguments: &[Tree], at: usize) -> Checked {
        match (name, arguments) {
            ("len", [of]) => match self.node(of)? {
                (node, Type::Text | Type::Texts | Type::Numbers(_)) => {
                    Ok((Typed::Length(Box::new(node)), Type::Number(Dimension::Plain)))
                }
                (_, found) => Err(wanted(of, "a list or a text", found)),
            },
            ("number", [of]) => {
                let node = self.text(of)?;
                Ok((Typed::ToNumber(Box::new(node)), Type::Number(Dimension::Any)))
            }
            ("field", [of, Tree { kind: Kind::Number(number, Dimension::Plain), .. }])
                if (1.0..=1000.0).contains(number) && number.fract() == 0.0 =>
            {
                Ok((Typed::Field(Box::new(self.text(of)?), *number as usize), Type::Text))
            }
            ("field", [_, second]) => Err(ExpressionError::new(second.at, "the second value is a whole number from 1")),
            ("any", [list, each]) => self.each(Quantifier::Any, list, each),
            ("all", [list, each]) => self.each(Quantifier::All, list, each),
            ("count", [list, each]) => self.each(Quantifier::Count, list, each),
            _ if FUNCTIONS.contains(&name) => {
                let count = if matches!(name, "len" | "number") { "one value" } else { "two values" };
                Err(ExpressionError::new(at, format!("`{name}` takes {count}")))
            }
            _ => {
                let error = ExpressionError::new(at, format!("there is no function `{name}`"));
                Err(match nearest(name, FUNCTIONS) {
                    Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                    None => error.hint(format!("the functions are {}", quoted_list(FUNCTIONS))),
                })
            }
        }
    }

    fn each(self, quantifier: Quantifier, list: &Tree, each: &Tree) -> Checked {
        let (node, found) = self.node(list)?;
        if found != Type::Texts {
            return Err(wanted(list, "a list of texts", found));
        }
        let condition = Checker { inside: true, ..self }.flag(each)?;
        let kind = match quantifier {
            Quantifier::Any | Quantifier::All => Type::Flag,
            Quantifier::Count => Type::Number(Dimension::Plain),
        };
        Ok((Typed::Each(quantifier, Box::new(node), Box::new(condition)), kind))
    }

    fn text(self, tree: &Tree) -> Result<Typed, ExpressionError> {
        match self.node(tree)? {
            (node, Type::Text) => Ok(node),
            (_, found) => Err(wanted(tree, "a text", found)),
        }
    }

    fn pair(self, operator: Operator, left: &Tree, right: &Tree) -> Checked {
        let boxed = |a, b| Typed::Pair(operator, Box::new(a), Box::new(b));
        if matches!(operator, Operator::And | Operator::Or) {
            return Ok((boxed(self.flag(left)?, self.flag(right)?), Type::Flag));
        }
        if operator == Operator::Matches {
            let Kind::Text(pattern) = &right.kind else {
                return Err(ExpressionError::new(right.at, "a pattern is a text in quotes").hint("write \"a*b\""));
            };
            return Ok((Typed::Matches(Box::new(self.text(left)?), Glob::new(pattern)), Type::Flag));
        }
        let ((a, one), (b, other)) = (self.node(left)?, self.node(right)?);
        let kind = together(operator, one, other).ok_or_else(|| mismatch(operator, one, right, other))?;
        Ok((boxed(a, b), kind))
    }
}

/// What `one operator other` is; none where they do not fit.
fn together(operator: Operator, one: Type, other: Type) -> Option<Type> {
    use Operator as O;
    match (operator, one, other) {
        (O::Equal | O::Unequal, Type::Number(a), Type::Number(b)) => a.with(b).map(|_| Type::Flag),
        (O::Equal | O::Unequal, one, other) => (one == other).then_some(Type::Flag),
        (O::Less | O::AtMost | O::Greater | O::AtLeast, Type::Number(a), Type::Number(b)) => {
            a.with(b).map(|_| Type::Flag)
        }
        (O::In, Type::Text, Type::Texts | Type::Text) => Some(Type::Flag),
        (O::In, Type::Number(a), Type::Numbers(b)) => a.with(b).map(|_| Type::Flag),
        (O::Plus | O::Minus, Type::Number(a), Type::Number(b)) => a.with(b).map(Type::Number),
        // A plain number counts how often: 2 * 5s, 1MiB / 4.
        (O::Times, Type::Number(a), Type::Number(Dimension::Plain | Dimension::Any)) => Some(Type::Number(a)),
        (O::Times, Type::Number(Dimension::Plain | Dimension::Any), Type::Number(b)) => Some(Type::Number(b)),
        (O::Over, Type::Number(a), Type::Number(Dimension::Plain | Dimension::Any)) => Some(Type::Number(a)),
        (O::Over, Type::Number(a), Type::Number(b)) => a.with(b).map(|_| Type::Number(Dimension::Plain)),
        _ => None,
    }
}

fn wanted(tree: &Tree, wanted: &str, found: Type) -> ExpressionError {
    ExpressionError::new(tree.at, format!("expected {wanted}, found {}", found.words()))
}

fn mismatch(operator: Operator, one: Type, right: &Tree, other: Type) -> ExpressionError {
    let message = format!("{} does not go with {} in `{}`", one.words(), other.words(), operator.sign());
    let error = ExpressionError::new(right.at, message);
    match (one, other) {
        (Type::Number(Dimension::Time), _) => error.hint("write a time with its unit, such as 40ms or 5s"),
        (Type::Number(Dimension::Size), _) => error.hint("write a size with its unit, such as 1MiB"),
        (Type::Number(Dimension::Rate), _) => error.hint("write a rate with its unit, such as 10Mbit"),
        (Type::Text, Type::Number(_)) => error.hint("`number(TEXT)` is the text as a number"),
        _ => error,
    }
}

impl Typed {
    /// The parts of a node.
    pub(super) fn parts(&self) -> Vec<&Typed> {
        match self {
            Typed::List(items) => items.iter().collect(),
            Typed::Not(one)
            | Typed::Negative(one)
            | Typed::Length(one)
            | Typed::ToNumber(one)
            | Typed::Matches(one, _)
            | Typed::Field(one, _) => vec![one],
            Typed::Pair(_, one, other) | Typed::Each(_, one, other) => vec![one, other],
            _ => Vec::new(),
        }
    }

    /// Whether `wanted` is true of this node or one inside it.
    pub(super) fn any(&self, wanted: &dyn Fn(&Typed) -> bool) -> bool {
        wanted(self) || self.parts().into_iter().any(|part| part.any(wanted))
    }

    /// The same with the inventory's values in place of its variables.
    pub(super) fn resolve(&self, value: &dyn Fn(Variable) -> Value) -> Result<Typed, NoText> {
        let boxed = |node: &Typed| node.resolve(value).map(Box::new);
        Ok(match self {
            Typed::Variable(variable) => match value(*variable) {
                Value::One(text) => Typed::Text(text),
                Value::Many(texts) => Typed::Texts(texts),
                Value::Unknown => return Err(NoText::Unknown(variable.name())),
                Value::Absent(reason) => return Err(NoText::Absent(reason)),
                Value::Hidden(reason) => return Err(NoText::Hidden(reason)),
            },
            Typed::List(items) => Typed::List(items.iter().map(|item| item.resolve(value)).collect::<Result<_, _>>()?),
            Typed::Not(one) => Typed::Not(boxed(one)?),
            Typed::Negative(one) => Typed::Negative(boxed(one)?),
            Typed::Length(one) => Typed::Length(boxed(one)?),
            Typed::ToNumber(one) => Typed::ToNumber(boxed(one)?),
            Typed::Matches(one, glob) => Typed::Matches(boxed(one)?, glob.clone()),
            Typed::Field(one, number) => Typed::Field(boxed(one)?, *number),
            Typed::Pair(operator, one, other) => Typed::Pair(*operator, boxed(one)?, boxed(other)?),
            Typed::Each(quantifier, one, other) => Typed::Each(*quantifier, boxed(one)?, boxed(other)?),
            plain => plain.clone(),
        })
    }
}
