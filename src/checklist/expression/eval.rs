//! The value of an expression, with what it looked at.

use super::super::expect::Datum;
use super::check::{Quantifier, Typed};
use super::parser::Operator;

/// How an expression came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// Whether it holds. What could not be read never holds.
    pub holds: bool,
    /// The attributes that it names, with what was read: `before.` ones are of the baseline.
    pub seen: Vec<(String, Option<Datum>)>,
    /// Why it has no value, where it has none.
    pub trouble: Option<String>,
}

type Look<'a, 'd> = dyn Fn(&str) -> Option<&'d Datum> + 'a;

pub(super) fn evaluate<'d>(root: &Typed, now: &Look<'_, 'd>, before: &Look<'_, 'd>) -> Evaluated {
    let mut seen = Vec::new();
    collect(root, now, before, &mut seen);
    let (holds, trouble) = match (Evaluation { now, before, it: None }).flag(root) {
        Ok(holds) => (holds, None),
        Err(trouble) => (false, Some(trouble)),
    };
    Evaluated { holds, seen, trouble }
}

fn collect<'d>(node: &Typed, now: &Look<'_, 'd>, before: &Look<'_, 'd>, seen: &mut Vec<(String, Option<Datum>)>) {
    let named = match node {
        Typed::Attribute(name) => Some(((*name).to_owned(), now(name))),
        Typed::Before(name) => Some((format!("before.{name}"), before(name))),
        _ => None,
    };
    if let Some((name, datum)) = named.filter(|(name, _)| !seen.iter().any(|(known, _)| known == name)) {
        seen.push((name, datum.cloned()));
    }
    node.parts().into_iter().for_each(|part| collect(part, now, before, seen));
}

/// A value on the way.
#[derive(Debug, Clone, PartialEq)]
enum Worth {
    Flag(bool),
    Number(f64),
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<f64>),
}

impl From<&Datum> for Worth {
    fn from(datum: &Datum) -> Self {
        match datum {
            Datum::Flag(flag) => Worth::Flag(*flag),
            Datum::Number(number) => Worth::Number(*number),
            Datum::Text(text) => Worth::Text(text.clone()),
            Datum::List(list) => Worth::Texts(list.clone()),
        }
    }
}

impl Worth {
    /// Whether both are the same; lists in any order, since what is kept is sorted.
    fn same(mut self, mut other: Self) -> bool {
        for worth in [&mut self, &mut other] {
            if let Worth::Texts(texts) = worth {
                texts.sort();
            }
        }
        self == other
    }
}

#[derive(Clone, Copy)]
struct Evaluation<'a, 'd> {
    now: &'a Look<'a, 'd>,
    before: &'a Look<'a, 'd>,
    it: Option<&'a str>,
}

/// A type that does not fit was refused when the checklist was read; here it is only no value.
const UNFIT: &str = "its type does not fit";

impl<'a, 'd> Evaluation<'a, 'd> {
    fn flag(self, node: &Typed) -> Result<bool, String> {
        match self.worth(node)? {
            Worth::Flag(flag) => Ok(flag),
            _ => Err(UNFIT.to_owned()),
        }
    }

    fn number(self, node: &Typed) -> Result<f64, String> {
        match self.worth(node)? {
            Worth::Number(number) if number.is_finite() => Ok(number),
            Worth::Number(_) => Err("a number is too large".to_owned()),
            _ => Err(UNFIT.to_owned()),
        }
    }

    fn text(self, node: &Typed) -> Result<String, String> {
        match self.worth(node)? {
            Worth::Text(text) => Ok(text),
            _ => Err(UNFIT.to_owned()),
        }
    }

    fn worth(self, node: &Typed) -> Result<Worth, String> {
        Ok(match node {
            Typed::Attribute(name) => {
                (self.now)(name).map(Worth::from).ok_or_else(|| format!("{name} could not be read"))?
            }
            Typed::Before(name) => {
                (self.before)(name).map(Worth::from).ok_or_else(|| format!("the baseline has no {name}"))?
            }
            Typed::Variable(variable) => return Err(format!("{} has no value", variable.name())),
            Typed::It => Worth::Text(self.it.unwrap_or_default().to_owned()),
            Typed::Number(number) => Worth::Number(*number),
            Typed::Text(text) => Worth::Text(text.clone()),
            Typed::Texts(texts) => Worth::Texts(texts.clone()),
            Typed::Flag(flag) => Worth::Flag(*flag),
            Typed::List(items) => self.list(items)?,
            Typed::Not(inner) => Worth::Flag(!self.flag(inner)?),
            Typed::Negative(inner) => Worth::Number(-self.number(inner)?),
            Typed::Matches(text, glob) => Worth::Flag(glob.matches(&self.text(text)?)),
            Typed::Length(of) => Worth::Number(length(&self.worth(of)?)),
            Typed::Each(quantifier, list, each) => self.each(*quantifier, list, each)?,
            Typed::ToNumber(text) => {
                let text = self.text(text)?;
                let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
                Worth::Number(number.ok_or_else(|| format!("`{text}` is not a number"))?)
            }
            Typed::Field(text, number) => {
                let text = self.text(text)?;
                Worth::Text(text.split_whitespace().nth(number.saturating_sub(1)).unwrap_or_default().to_owned())
            }
            Typed::Pair(Operator::And, left, right) => Worth::Flag(self.flag(left)? && self.flag(right)?),
            Typed::Pair(Operator::Or, left, right) => Worth::Flag(self.flag(left)? || self.flag(right)?),
            Typed::Pair(operator, left, right) => self.pair(*operator, left, right)?,
        })
    }

    fn list(self, items: &[Typed]) -> Result<Worth, String> {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for item in items {
            match self.worth(item)? {
                Worth::Text(text) => texts.push(text),
                Worth::Number(number) => numbers.push(number),
                _ => return Err(UNFIT.to_owned()),
            }
        }
        Ok(if numbers.is_empty() { Worth::Texts(texts) } else { Worth::Numbers(numbers) })
    }

    fn each(self, quantifier: Quantifier, list: &Typed, each: &Typed) -> Result<Worth, String> {
        let Worth::Texts(texts) = self.worth(list)? else { return Err(UNFIT.to_owned()) };
        let mut fitting = 0_u32;
        for text in &texts {
            fitting += u32::from(Evaluation { it: Some(text), ..self }.flag(each)?);
        }
        let count = f64::from(fitting);
        Ok(match quantifier {
            Quantifier::Any => Worth::Flag(fitting > 0),
            Quantifier::All => Worth::Flag(count == length(&Worth::Texts(texts))),
            Quantifier::Count => Worth::Number(count),
        })
    }

    fn pair(self, operator: Operator, left: &Typed, right: &Typed) -> Result<Worth, String> {
        use Operator as O;
        let numbers = || Ok::<_, String>((self.number(left)?, self.number(right)?));
        Ok(match operator {
            O::Equal => Worth::Flag(self.worth(left)?.same(self.worth(right)?)),
            O::Unequal => Worth::Flag(!self.worth(left)?.same(self.worth(right)?)),
            O::Less => Worth::Flag(numbers().map(|(a, b)| a < b)?),
            O::AtMost => Worth::Flag(numbers().map(|(a, b)| a <= b)?),
            O::Greater => Worth::Flag(numbers().map(|(a, b)| a > b)?),
            O::AtLeast => Worth::Flag(numbers().map(|(a, b)| a >= b)?),
            O::Plus => Worth::Number(numbers().map(|(a, b)| a + b)?),
            O::Minus => Worth::Number(numbers().map(|(a, b)| a - b)?),
            O::Times => Worth::Number(numbers().map(|(a, b)| a * b)?),
            O::Over => match numbers()? {
                (_, 0.0) => return Err("it divides by zero".to_owned()),
                (a, b) => Worth::Number(a / b),
            },
            O::In => Worth::Flag(match (self.worth(left)?, self.worth(right)?) {
                (Worth::Text(text), Worth::Texts(texts)) => texts.contains(&text),
                (Worth::Text(part), Worth::Text(text)) => text.contains(&part),
                (Worth::Number(number), Worth::Numbers(numbers)) => numbers.contains(&number),
                _ => return Err(UNFIT.to_owned()),
            }),
            O::And | O::Or | O::Matches => return Err(UNFIT.to_owned()),
        })
    }
}

fn length(worth: &Worth) -> f64 {
    let count = match worth {
        Worth::Text(text) => text.chars().count(),
        Worth::Texts(texts) => texts.len(),
        Worth::Numbers(numbers) => numbers.len(),
        Worth::Flag(_) | Worth::Number(_) => 0,
    };
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
