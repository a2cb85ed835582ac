//! Forms of single values: texts, numbers, flags, words, dates, amounts, addresses, paths, secrets.

use super::super::problem::{Complaint, KeyPath, nearest, quote, quoted_list};
use super::super::shape::Shape;
use super::super::yaml::Node;
use super::{Form, Reader, UNKNOWN, unexpected};
use crate::model::Euro;
use crate::model::server::SecretRef;
use crate::untrusted::is_unprintable;
use ipnetwork::Ipv4Network;
use jiff::civil::{Date, DateTime, Time};
use rust_decimal::Decimal;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

/// A form of single values: how they are written, and how the text is parsed.
#[derive(Debug, Clone)]
pub struct Scalar<P> {
    shape: Shape,
    parse: P,
}

/// A form of single values with `shape`, parsed by `parse`, which is never given an empty text,
/// nor one with control characters, nor `unknown`.
pub fn scalar<T, P: Fn(&str) -> Result<T, Complaint>>(shape: Shape, parse: P) -> Scalar<P> {
    Scalar { shape, parse }
}

impl<T, P: Fn(&str) -> Result<T, Complaint>> Form for Scalar<P> {
    type Value = T;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut Reader<'_>) -> Option<T> {
        let parsed = match node.text() {
            None => Err(unexpected("a single value", node)),
            Some(text) => acceptable(node, text).and_then(|()| (self.parse)(text)),
        };
        match parsed {
            Ok(value) => Some(value),
            Err(complaint) => {
                reader.complain(node.place, path, complaint);
                None
            }
        }
    }

    fn shape(&self) -> Shape {
        self.shape.clone()
    }
}

/// What is refused whatever the value means.
fn acceptable(node: &Node, text: &str) -> Result<(), Complaint> {
    if node.kind() == "nothing" || text.trim().is_empty() {
        return Err(Complaint::new("the value is empty").hint("write a value, or remove the key"));
    }
    if text == UNKNOWN {
        return Err(Complaint::new("`unknown` is not possible here").hint("this value is needed; find it out"));
    }
    if text.contains(is_unprintable) {
        return Err(Complaint::new("the text contains control characters or invisible characters")
            .hint("type the text again instead of pasting it; it is one line"));
    }
    Ok(())
}

const fn matching(pattern: &'static str, example: &'static str) -> Shape {
    Shape::Text { pattern: Some(pattern), example: Some(example) }
}

/// A text of one line.
pub fn text() -> impl Form<Value = String> {
    scalar(Shape::Text { pattern: None, example: None }, |text| {
        if text.len() > 1000 {
            return Err(Complaint::new("the text is longer than 1000 bytes"));
        }
        Ok(text.trim().to_owned())
    })
}

/// A text of one or more lines, such as a script or an instruction.
pub fn prose() -> Prose {
    Prose
}

/// See [`prose`].
#[derive(Debug, Clone, Copy)]
pub struct Prose;

impl Form for Prose {
    type Value = String;

    fn read(&self, node: &Node, path: &KeyPath, reader: &mut Reader<'_>) -> Option<String> {
        let Some(text) = node.text() else {
            reader.complain(node.place, path, unexpected("a text", node));
            return None;
        };
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        match lines.map(|line| line.replace('\t', " ")).try_for_each(|line| acceptable(node, &line)) {
            Ok(()) if !text.trim().is_empty() && node.kind() != "nothing" => Some(text.to_owned()),
            Ok(()) => {
                reader.complain(node.place, path, Complaint::new("the text is empty"));
                None
            }
            Err(complaint) => {
                reader.complain(node.place, path, complaint);
                None
            }
        }
    }

    fn shape(&self) -> Shape {
        Shape::Text { pattern: None, example: None }
    }
}

/// A text that matches a rule; `wanted` says it in words.
pub fn text_like(
    pattern: &'static str,
    example: &'static str,
    wanted: &'static str,
    accepts: fn(&str) -> bool,
) -> impl Form<Value = String> {
    scalar(matching(pattern, example), move |text| {
        if accepts(text) {
            return Ok(text.to_owned());
        }
        Err(Complaint::new(format!("{} is not {wanted}", quote(text))).hint(format!("for example `{example}`")))
    })
}

/// An identifier of the model: lowercase words joined by `-`.
pub fn id<T: FromStr>() -> impl Form<Value = T> {
    scalar(matching("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "cinto-caomaggiore"), |text| {
        text.parse().map_err(|_| {
            Complaint::new(format!("{} is not an identifier", quote(text)))
                .hint("use lowercase letters, digits and single hyphens, starting with a letter, at most 63")
        })
    })
}

/// A whole number within `limits`.
pub fn whole<T: TryFrom<u64>>(limits: RangeInclusive<u64>) -> impl Form<Value = T> {
    let (min, max) = limits.into_inner();
    scalar(Shape::Whole { min, max }, move |text| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits {
            return Err(Complaint::new(format!("{} is not a whole number", quote(text)))
                .hint("write digits only, such as 3181, without dots or units"));
        }
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            Complaint::new(format!("{} is out of range", quote(text))).hint(format!("it is from {min} to {max}"))
        })
    })
}

/// `true` or `false`.
pub fn flag() -> impl Form<Value = bool> {
    scalar(Shape::Flag, |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Complaint::new(format!("{} is neither `true` nor `false`", quote(text)))
            .hint("write `true` for yes, `false` for no")),
    })
}

/// One of some words, each with what it means.
pub fn word<T: Copy + 'static>(words: &'static [(&'static str, T)]) -> impl Form<Value = T> {
    let names = || words.iter().map(|(name, _)| *name);
    scalar(Shape::Words(names().collect()), move |text| {
        let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        found.ok_or_else(|| {
            let complaint = Complaint::new(format!("{} is not one of {}", quote(text), quoted_list(names())));
            match nearest(text, names()) {
                Some(meant) => complaint.hint(format!("did you mean `{meant}`?")),
                None => complaint,
            }
        })
    })
}

/// A day of the calendar: `2020-01-01`.
pub fn date() -> impl Form<Value = Date> {
    scalar(matching("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "2020-01-01"), |text| {
        let parsed = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten();
        parsed.filter(|date| (1900..=2200).contains(&date.year())).ok_or_else(|| {
            Complaint::new(format!("{} is not a day of the calendar", quote(text)))
                .hint("write year-month-day, such as 2020-01-31")
        })
    })
}

/// A minute of a day as clocks show it: `2026-12-04T20:00`.
pub fn moment() -> impl Form<Value = DateTime> {
    scalar(matching("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$", "2026-12-04T20:00"), |text| {
        let parsed = (text.len() == 16).then(|| DateTime::strptime("%Y-%m-%dT%H:%M", text).ok()).flatten();
        parsed.filter(|moment| (1900..=2200).contains(&moment.year())).ok_or_else(|| {
            Complaint::new(format!("{} is not a day with an hour", quote(text)))
                .hint("write day and hour without a zone, such as 2026-12-04T20:00")
        })
    })
}

/// An hour of the day: `08:00`.
pub fn hour() -> impl Form<Value = Time> {
    scalar(matching("^[0-9]{2}:[0-9]{2}$", "08:00"), |text| {
        let parsed = (text.len() == 5).then(|| Time::strptime("%H:%M", text).ok()).flatten();
        parsed.ok_or_else(|| {
            Complaint::new(format!("{} is not an hour of the day", quote(text)))
                .hint("write hours and minutes, such as \"08:00\"")
        })
    })
}

/// A day of each year: `08-16` is 16 August.
pub fn month_day() -> impl Form<Value = (i8, i8)> {
    scalar(matching("^[0-9]{2}-[0-9]{2}$", "08-16"), |text| {
        // 2020 is a leap year: 29 February is a day of some years.
        let parsed = (text.len() == 5).then(|| format!("2020-{text}").parse::<Date>().ok()).flatten();
        parsed.map(|date| (date.month(), date.day())).ok_or_else(|| {
            Complaint::new(format!("{} is not a day of the year", quote(text)))
                .hint("write month-day, such as \"08-16\" for 16 August")
        })
    })
}

/// An amount in euro, not negative: `"2411.11"`.
pub fn euro() -> impl Form<Value = Euro> {
    scalar(matching("^[0-9]{1,13}\\.[0-9]{2}$", "2411.11"), |text| {
        text.parse().ok().filter(|amount| *amount >= Euro::ZERO).ok_or_else(|| {
            Complaint::new(format!("{} is not an amount in euro", quote(text)))
                .hint("write it with a point and two decimals, such as \"2411.11\"")
        })
    })
}

/// A rate between 0 and 1: `"0.22"`.
pub fn rate() -> impl Form<Value = Decimal> {
    scalar(matching("^0(\\.[0-9]{1,4})?$", "0.22"), |text| {
        let fits = text == "0" || text.strip_prefix("0.").is_some_and(|rest| (1..=4).contains(&rest.len()));
        let parsed = fits.then(|| text.parse::<Decimal>().ok()).flatten();
        parsed
            .filter(|rate| *rate >= Decimal::ZERO && *rate < Decimal::ONE)
            .ok_or_else(|| Complaint::new(format!("{} is not a rate", quote(text))).hint("write 22 % as \"0.22\""))
    })
}

/// An IPv4 address of a host.
pub fn address() -> impl Form<Value = Ipv4Addr> {
    scalar(matching("^([0-9]{1,3}\\.){3}[0-9]{1,3}$", "192.0.2.10"), |text| {
        text.parse::<Ipv4Addr>().ok().filter(|address| is_host(*address)).ok_or_else(|| {
            Complaint::new(format!("{} is not the IPv4 address of a host", quote(text)))
                .hint("write four numbers from 0 to 255, without leading zeros, such as 192.0.2.10")
        })
    })
}

/// Whether an address can be a host's: not loopback, multicast, broadcast, unspecified.
fn is_host(address: Ipv4Addr) -> bool {
    !(address.is_loopback() || address.is_multicast() || matches!(address.octets(), [0 | 240..=255, ..]))
}

/// An IPv4 network with its length and without host bits: `192.0.2.0/24`.
pub fn network() -> impl Form<Value = Ipv4Network> {
    scalar(matching("^([0-9]{1,3}\\.){3}[0-9]{1,3}/[0-9]{1,2}$", "192.0.2.0/24"), |text| {
        let Some(network) = text.contains('/').then(|| text.parse::<Ipv4Network>().ok()).flatten() else {
            return Err(Complaint::new(format!("{} is not an IPv4 network", quote(text)))
                .hint("write address/length, such as 192.0.2.0/24"));
        };
        if network.ip() != network.network() {
            return Err(Complaint::new(format!("{} has host bits", quote(text))).hint(format!(
                "the network is {}/{}",
                network.network(),
                network.prefix()
            )));
        }
        if !is_host(network.network()) || !(8..=30).contains(&network.prefix()) {
            return Err(Complaint::new(format!("{} is not a network of hosts", quote(text)))
                .hint("use a unicast network with a length from 8 to 30"));
        }
        Ok(network)
    })
}

/// An absolute path on a Unix host, such as a block device.
pub fn absolute_path() -> impl Form<Value = PathBuf> {
    scalar(matching("^/[^\\u0000-\\u001f]+$", "/dev/sda"), |text| {
        if text.starts_with('/') && text.len() > 1 && !text.split('/').any(|part| part == "..") {
            return Ok(PathBuf::from(text));
        }
        Err(Complaint::new(format!("{} is not an absolute path", quote(text)))
            .hint("write it from the root, such as /dev/sda, without `..`"))
    })
}

/// A path of a file or folder; a relative one starts at the inventory's root.
pub fn path() -> impl Form<Value = PathBuf> {
    scalar(Shape::Text { pattern: None, example: Some("keys/rescue") }, |text| Ok(PathBuf::from(text)))
}

/// A secret by reference. A value is refused and never repeated.
pub fn secret() -> impl Form<Value = SecretRef> {
    let shape = matching("^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$", "env:CINTO_ROOT_PASSWORD");
    scalar(shape, |text| match text.split_once(':') {
        Some(("env", name)) if is_variable(name) => Ok(SecretRef::Env(name.to_owned())),
        Some(("file", path)) if !path.is_empty() => Ok(SecretRef::File(PathBuf::from(path))),
        _ => Err(Complaint::new("a secret is written as a reference, never as its value")
            .hint("write `env:NAME` or `file:PATH`; if this was a real secret, change it now")),
    })
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
