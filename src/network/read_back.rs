//! A rendered text, read back and held against what was meant.
//!
//! The built-in templates say what is meant; a template of the root may say something else. What
//! decides about packets, names or logins must be as planned; settings beyond it are the template's
//! own and are only listed.

use super::device::{At, Device};
use super::router::RouterPlan;
use super::{intent, parse};
use std::collections::BTreeMap;
use std::fmt;

/// The first object that differs from the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The object, such as `interface GigabitEthernet0/0/1`.
    pub object: String,
    /// What is different.
    pub kind: DifferenceKind,
    /// The line that says it, from 1; 0 where none does.
    pub line: u32,
    /// What that line says; empty where there is none.
    pub text: String,
}

/// How an object can differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DifferenceKind {
    /// It is planned and not in the text.
    Missing,
    /// It is in the text and not planned.
    Unplanned,
    /// It has another value; the field's name.
    Changed(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DifferenceKind::Missing => write!(f, "`{}` is planned and not in the text", self.object),
            DifferenceKind::Unplanned => write!(f, "`{}` is in the text and not planned", self.object),
            DifferenceKind::Changed(field) => write!(f, "`{}` differs in {field}", self.object),
        }?;
        if self.line == 0 { Ok(()) } else { write!(f, " (line {}: `{}`)", self.line, self.text) }
    }
}

/// What a template of the root does otherwise without changing what the plan means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deviations {
    /// Lines that it adds.
    pub added: Vec<String>,
    /// Lines of the built-in templates that it leaves out.
    pub left_out: Vec<String>,
}

/// Reads `text` and holds it against `router`.
pub fn compare(router: &RouterPlan, text: &str) -> Result<Deviations, Difference> {
    let (read, meant) = (parse::parse(text), intent::device(router));
    let deviations = settings(&read, &meant)?;
    let (read, meant) = (read.canonical(), meant.canonical());
    let plain = |mut device: Device| {
        device.settings.clear();
        device.unread.clear();
        device
    };
    let (read, meant) = (plain(read), plain(meant));
    if read == meant {
        return Ok(deviations);
    }
    let whole = || Difference {
        object: router.hostname.to_string(),
        kind: DifferenceKind::Changed("the order of its lines".to_owned()),
        line: 0,
        text: String::new(),
    };
    Err(differences(&read, &meant, text).into_iter().next().unwrap_or_else(whole))
}

/// Settings beyond the plan, and habits that are not kept; a planned setting that is missing is a
/// difference.
fn settings(read: &Device, meant: &Device) -> Result<Deviations, Difference> {
    let mut deviations = Deviations::default();
    for setting in meant.settings.iter().filter(|setting| !read.settings.contains(setting)) {
        if !intent::is_habit(&setting.value) {
            let object = setting.value.clone();
            return Err(Difference { object, kind: DifferenceKind::Missing, line: 0, text: String::new() });
        }
        deviations.left_out.push(setting.value.clone());
    }
    let added = read.settings.iter().filter(|setting| !meant.settings.contains(setting));
    deviations.added.extend(added.chain(&read.unread).map(|setting| setting.value.clone()));
    Ok(deviations)
}

/// An object of a device: its line, and how it prints.
type Printed = BTreeMap<String, (u32, String)>;

/// Every object by its name.
fn printed(device: &Device) -> Printed {
    fn add<T: fmt::Debug>(all: &mut Printed, kind: &str, list: &[T], of: impl Fn(&T) -> (String, u32)) {
        for object in list {
            let (name, line) = of(object);
            all.insert(format!("{kind} {name}"), (line, format!("{object:#?}")));
        }
    }
    fn named<T: ToString>(at: &At<T>) -> (String, u32) {
        (at.value.to_string(), at.line)
    }
    let mut all = Printed::new();
    add(&mut all, "hostname", device.hostname.as_slice(), named);
    add(&mut all, "vrf definition", &device.vrfs, |it| named(&it.name));
    add(&mut all, "key chain", &device.key_chains, |it| named(&it.name));
    add(&mut all, "ip sla", &device.probes, |it| named(&it.id));
    add(&mut all, "track", &device.tracks, |it| named(&it.id));
    add(&mut all, "interface", &device.interfaces, |it| named(&it.name));
    add(&mut all, "ip access-list", &device.access_lists, |it| named(&it.name));
    add(&mut all, "class-map", &device.class_maps, |it| named(&it.name));
    add(&mut all, "policy-map", &device.policy_maps, |it| named(&it.name));
    add(&mut all, "controller", &device.modems, |it| named(&it.port));
    add(&mut all, "line", &device.terminals, |it| named(&it.name));
    add(&mut all, "crypto ikev2 authorization policy", &device.crypto.policies, |(name, _)| named(name));
    add(&mut all, "crypto ikev2 keyring", &device.crypto.keyrings, |it| named(&it.name));
    add(&mut all, "crypto ikev2 profile", &device.crypto.profiles, |it| named(&it.name));
    add(&mut all, "crypto ipsec transform-set", &device.crypto.transforms, |(name, _)| named(name));
    add(&mut all, "crypto ipsec profile", &device.crypto.ipsec, |it| named(&it.name));
    let table = |vrf: &Option<String>| vrf.as_ref().map_or_else(String::new, |vrf| format!("vrf {vrf} "));
    add(&mut all, "ip route", &device.routes, |it| {
        (format!("{}{} {}", table(&it.vrf), it.destination, it.via), it.at.line)
    });
    add(&mut all, "ip nat inside source static", &device.translations, |it| {
        (format!("{}{}", table(&it.vrf), it.local), it.at.line)
    });
    all
}

/// Every object that differs between what was read from `text` and what is meant, by line; settings
/// and unread lines aside.
pub fn differences(read: &Device, meant: &Device, text: &str) -> Vec<Difference> {
    let (said, planned) = (printed(&read.clone().canonical()), printed(&meant.clone().canonical()));
    let mut found: Vec<(DifferenceKind, String, u32)> = Vec::new();
    for (name, (line, print)) in &said {
        match planned.get(name) {
            None => found.push((DifferenceKind::Unplanned, name.clone(), *line)),
            Some((_, other)) => {
                if let Some((field, inner)) = first_field(print, other) {
                    found.push((DifferenceKind::Changed(field), name.clone(), inner.unwrap_or(*line)));
                }
            }
        }
    }
    let missing = planned.keys().filter(|name| !said.contains_key(*name));
    found.extend(missing.map(|name| (DifferenceKind::Missing, name.clone(), 0)));
    found.sort_by_key(|(kind, _, line)| (*kind == DifferenceKind::Missing, *line));
    let lines: Vec<&str> = text.lines().collect();
    let said = |line: u32| usize::try_from(line).ok().and_then(|line| lines.get(line.checked_sub(1)?));
    let placed = |(kind, object, line)| {
        let text = said(line).map_or("", |text| text.trim());
        Difference { object, kind, line, text: parse::secrets::masked(text) }
    };
    found.into_iter().map(placed).collect()
}

/// The first field whose printed value differs, and the line of the text that says it.
fn first_field(said: &str, planned: &str) -> Option<(String, Option<u32>)> {
    let (ours, theirs) = (fields(said), fields(planned));
    let mut pairs = ours.iter().zip(&theirs);
    let (name, block) = pairs.find_map(|((name, ours), (_, theirs))| {
        let same = values(ours).map(|(_, line)| line).eq(values(theirs).map(|(_, line)| line));
        (!same).then_some((*name, (ours, theirs)))
    })?;
    let (ours, theirs) = block;
    let theirs: Vec<&str> = values(theirs).map(|(_, line)| line).collect();
    let place = values(ours).enumerate().find(|(at, (_, line))| theirs.get(*at) != Some(line)).map(|(_, (at, _))| at);
    let name = if name.is_empty() || name == "value" { "its value" } else { name };
    Some((name.to_owned(), place.and_then(|place| line_behind(ours.get(place..)?))))
}

/// The printed fields of a value: the name of each, and its lines.
fn fields(print: &str) -> Vec<(&str, Vec<&str>)> {
    let mut fields: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in print.lines().filter(|line| line.starts_with("    ")) {
        let opens = indent(line) == 4 && !line.trim_start().starts_with(['}', ')', ']']);
        match fields.last_mut() {
            Some((_, lines)) if !opens => lines.push(line),
            _ => fields.push((line.trim_start().split_once(": ").map_or("", |(name, _)| name), vec![line])),
        }
    }
    fields
}

/// The printed lines that count, with their places: not those that say where in a text a value is.
fn values<'a>(lines: &'a [&str]) -> impl Iterator<Item = (usize, &'a str)> {
    lines.iter().enumerate().map(|(at, line)| (at, *line)).filter(|(_, line)| !line.trim_start().starts_with("line: "))
}

/// The line of the text that the value at the beginning of `lines` stands in.
fn line_behind(lines: &[&str]) -> Option<u32> {
    let (first, rest) = lines.split_first()?;
    let line = rest.iter().find(|line| line.contains(": ") && indent(line) <= indent(first))?;
    line.trim().strip_prefix("line: ")?.trim_end_matches(',').parse().ok().filter(|line| *line > 0)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::interface::{Address, Interface, InterfaceName};
    use crate::network::render::Templates;
    use crate::network::token::Token;

    fn router() -> RouterPlan {
        let mut router = RouterPlan::named(Token::new("a", 9).unwrap());
        let name = InterfaceName::Ethernet { port: 1, vlan: None };
        let address = Address::Static { network: "10.0.0.1/24".parse().unwrap() };
        let interface = Interface { mss: Some(1360), ..Interface::new(name, "LAN".into(), address) };
        router.interfaces.push(interface);
        router
    }

    #[test]
    fn a_difference_names_object_field_and_line() {
        let router = router();
        let text = Templates::built_in().unwrap().router(&router).unwrap();
        assert_eq!(compare(&router, &text), Ok(Deviations::default()));
        let changes = [
            (
                "mss 1360",
                "mss 1300",
                "`interface GigabitEthernet0/0/1` differs in mss (line 7: `ip tcp adjust-mss 1300`)",
            ),
            (
                " ip tcp adjust-mss 1360\n",
                "",
                "`interface GigabitEthernet0/0/1` differs in mss (line 3: `interface GigabitEthernet0/0/1`)",
            ),
            (
                "0/0/1",
                "0/0/2",
                "`interface GigabitEthernet0/0/2` is in the text and not planned (line 3: `interface GigabitEthernet0/0/2`)",
            ),
            ("hostname a\n", "", "`hostname a` is planned and not in the text"),
            (
                "hostname a\n",
                "hostname a\nip route 10.1.0.0 255.255.0.0 Null0\n",
                "`ip route 10.1.0.0/16 Null0` is in the text and not planned (line 2: `ip route 10.1.0.0 255.255.0.0 Null0`)",
            ),
        ];
        for (from, to, expected) in changes {
            let changed = text.replace(from, to);
            assert_ne!(changed, text);
            assert_eq!(compare(&router, &changed).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn what_a_template_adds_or_leaves_out_is_listed() {
        let router = router();
        let text = "hostname a\nbanner motd #hi#\ninterface GigabitEthernet0/0/1\n description LAN\n negotiation auto\n ip address 10.0.0.1 255.255.255.0\n no ip redirects\n ip tcp adjust-mss 1360\n";
        let deviations = compare(&router, text).unwrap();
        assert_eq!(deviations.added, ["banner motd #hi#", "interface GigabitEthernet0/0/1 / negotiation auto"]);
        assert_eq!(deviations.left_out, ["ip forward-protocol nd"]);
    }
}
