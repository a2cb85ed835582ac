//! What a probe reads, and what must hold of it.
//!
//! Each kind of probe reads a fixed set of typed attributes; a condition names one of them and is
//! checked against its type when the checklist is read. All conditions of an item must hold.

pub(super) use super::kind::Kind;
use super::native;
use super::template::{NoText, Template, Value, Variable};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An attribute: its name, its type, its meaning.
pub(super) type Attribute = (&'static str, Kind, &'static str);

/// The attributes of a probe's kind, each with its type and its meaning.
pub(super) fn attributes(probe: &str) -> &'static [Attribute] {
    const MS: Attribute = ("ms", Kind::Number, "milliseconds until the answer");
    match probe {
        "tcp" => &[
            ("open", Kind::Flag, "whether the port accepts a connection"),
            ("refused", Kind::Flag, "whether the connection is refused: the way is open, and nothing listens"),
            MS,
        ],
        "dns" => &[
            ("code", Kind::Text, "the answer's code, such as NOERROR or NXDOMAIN"),
            ("answers", Kind::List, "the records of the type asked for, as text"),
            MS,
        ],
        "http" => &[("status", Kind::Number, "the status"), ("body", Kind::Text, "the start of the body"), MS],
        "ping" => &[
            ("loss", Kind::Number, "percent of the requests without answer"),
            ("ms", Kind::Number, "mean milliseconds of a round trip"),
            ("p95", Kind::Number, "milliseconds that 95 percent of the round trips do not exceed"),
            ("most", Kind::Number, "milliseconds of the longest round trip"),
            (
                "jitter",
                Kind::Number,
                "milliseconds by which 95 percent of the round trips at most differ from the one before",
            ),
        ],
        "throughput" => &[
            ("from_server", Kind::Number, "Mbit/s of payload from the server to the operations host"),
            ("to_server", Kind::Number, "Mbit/s of payload from the operations host to the server"),
            ("percent", Kind::Number, "the lower of both in percent of `rate`"),
        ],
        "ios" => &[
            ("active", Kind::List, "the HSRP groups in which it is active, such as `Gi0/0/1 10`"),
            ("standby", Kind::List, "the HSRP groups in which it is standby"),
            (
                "unsettled",
                Kind::List,
                "the HSRP groups in another state; none is expected unless the item says otherwise",
            ),
            ("tracks_up", Kind::List, "the numbers of the tracked objects that are up"),
            ("tracks_down", Kind::List, "the numbers of those that are down"),
            ("probes_ok", Kind::List, "the numbers of the IP SLA probes that are answered"),
            ("probes_failing", Kind::List, "the numbers of those that are not"),
        ],
        "sh" | "ps" => &[
            ("exit", Kind::Number, "the exit status; 0 is expected unless another is named"),
            ("stdout", Kind::Text, "what it printed, without the white space around it"),
            ("number", Kind::Number, "what it printed, as a number"),
            ("lines", Kind::List, "the lines it printed that are not empty"),
        ],
        _ => native::attributes(probe),
    }
}

/// One attribute as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Datum {
    /// True or false.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Several texts.
    List(Vec<String>),
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Flag(flag) => write!(f, "{flag}"),
            Datum::Number(number) => write!(f, "{number}"),
            Datum::Text(text) => write!(f, "`{text}`"),
            Datum::List(list) => write!(f, "[{}]", list.join(", ")),
        }
    }
}

/// What a probe read: attributes by name. One that could not be read is not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading(Vec<(&'static str, Datum)>);

impl Reading {
    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, attribute: &'static str, datum: Datum) -> Self {
        self.0.push((attribute, datum));
        self
    }

    /// The attribute, if it was read.
    pub fn get(&self, attribute: &str) -> Option<&Datum> {
        self.0.iter().find(|(name, _)| *name == attribute).map(|(_, datum)| datum)
    }
}

impl Reading {
    /// The attributes, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Datum)> {
        self.0.iter().map(|(name, datum)| (*name, datum))
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, datum)) in self.0.iter().enumerate() {
            write!(f, "{}{name} {datum}", if position == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// What must hold of one attribute. `T` is a template in a checklist and a text in a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition<T = Template> {
    /// The attribute.
    pub attribute: &'static str,
    /// What must hold of it.
    pub test: Test<T>,
}

/// A test of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test<T = Template> {
    /// A flag has this value.
    Flag(bool),
    /// A number is one of these.
    NumberIn(Vec<f64>),
    /// A number, or the count of a list, is at least this.
    AtLeast(f64),
    /// A number, or the count of a list, is at most this.
    AtMost(f64),
    /// A text is one of these.
    TextIn(Vec<T>),
    /// A text has this in it, or a list has it as an element.
    Contains(T),
    /// A text does not have this in it, or a list does not have it as an element.
    Lacks(T),
}

impl Condition {
    /// The condition with the values that `value` gives.
    pub fn resolve(&self, value: impl Fn(Variable) -> Value) -> Result<Condition<String>, NoText> {
        let text = |template: &Template| template.text(&value);
        let test = match &self.test {
            Test::Flag(flag) => Test::Flag(*flag),
            Test::NumberIn(numbers) => Test::NumberIn(numbers.clone()),
            Test::AtLeast(number) => Test::AtLeast(*number),
            Test::AtMost(number) => Test::AtMost(*number),
            Test::TextIn(texts) => Test::TextIn(texts.iter().map(text).collect::<Result<_, _>>()?),
            Test::Contains(part) => Test::Contains(text(part)?),
            Test::Lacks(part) => Test::Lacks(text(part)?),
        };
        Ok(Condition { attribute: self.attribute, test })
    }
}

impl Condition<String> {
    /// Whether it holds of `reading`. An attribute that could not be read never holds.
    pub fn holds(&self, reading: &Reading) -> bool {
        reading.get(self.attribute).is_some_and(|datum| self.test.holds(datum))
    }
}

impl Test<String> {
    fn holds(&self, datum: &Datum) -> bool {
        match (self, datum) {
            (Test::Flag(wanted), Datum::Flag(found)) => wanted == found,
            (Test::NumberIn(wanted), Datum::Number(found)) => wanted.contains(found),
            (Test::AtLeast(least), datum) => datum.size().is_some_and(|size| size >= *least),
            (Test::AtMost(most), datum) => datum.size().is_some_and(|size| size <= *most),
            (Test::TextIn(wanted), Datum::Text(found)) => wanted.contains(found),
            (Test::Contains(part), Datum::Text(found)) => found.contains(part.as_str()),
            (Test::Contains(element), Datum::List(found)) => found.contains(element),
            (Test::Lacks(part), Datum::Text(found)) => !found.contains(part.as_str()),
            (Test::Lacks(element), Datum::List(found)) => !found.contains(element),
            _ => false,
        }
    }
}

impl Datum {
    /// A number, or the count of a list.
    fn size(&self) -> Option<f64> {
        match self {
            Datum::Number(number) => Some(*number),
            Datum::List(list) => u32::try_from(list.len()).ok().map(f64::from),
            Datum::Flag(_) | Datum::Text(_) => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Condition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.attribute, self.test)
    }
}

impl<T: fmt::Display> fmt::Display for Test<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Flag(flag) => write!(f, "{flag}"),
            Test::NumberIn(numbers) => one_of(f, numbers.iter().map(f64::to_string)),
            Test::AtLeast(number) => write!(f, "at least {number}"),
            Test::AtMost(number) => write!(f, "at most {number}"),
            Test::TextIn(texts) => one_of(f, texts.iter().map(|text| format!("`{text}`"))),
            Test::Contains(part) => write!(f, "contains `{part}`"),
            Test::Lacks(part) => write!(f, "lacks `{part}`"),
        }
    }
}

fn one_of(f: &mut fmt::Formatter<'_>, values: impl Iterator<Item = String>) -> fmt::Result {
    f.write_str(&values.collect::<Vec<_>>().join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(attribute: &'static str, test: Test<String>, datum: Datum) -> bool {
        Condition { attribute, test }.holds(&Reading::default().with(attribute, datum))
    }

    #[test]
    fn tests_hold_for_their_type_only() {
        let text = |text: &str| Datum::Text(text.into());
        let list = |texts: &[&str]| Datum::List(texts.iter().map(|text| (*text).to_owned()).collect());
        assert!(holds("open", Test::Flag(true), Datum::Flag(true)));
        assert!(!holds("open", Test::Flag(true), Datum::Flag(false)));
        assert!(holds("status", Test::NumberIn(vec![200.0, 301.0]), Datum::Number(301.0)));
        assert!(!holds("status", Test::NumberIn(vec![200.0]), text("200")));
        assert!(holds("ms", Test::AtMost(5.0), Datum::Number(5.0)));
        assert!(!holds("ms", Test::AtMost(5.0), Datum::Number(5.1)));
        assert!(!holds("ms", Test::AtMost(5.0), Datum::Number(f64::NAN)));
        assert!(holds("answers", Test::AtLeast(2.0), list(&["a", "b"])));
        assert!(!holds("answers", Test::AtLeast(1.0), list(&[])));
        assert!(holds("stdout", Test::TextIn(vec![String::new()]), text("")));
        assert!(holds("stdout", Test::Contains("b".into()), text("abc")));
        assert!(!holds("answers", Test::Contains("b".into()), list(&["abc"])));
        assert!(holds("answers", Test::Lacks("b".into()), list(&["abc"])));
        assert!(!holds("stdout", Test::Lacks("b".into()), text("abc")));
    }

    #[test]
    fn what_could_not_be_read_never_holds() {
        for test in [Test::Lacks("x".to_owned()), Test::AtMost(1.0), Test::Flag(false)] {
            assert!(!Condition { attribute: "number", test }.holds(&Reading::default()));
        }
    }
}
