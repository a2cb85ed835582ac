//! A line as a command: what it is about, what it says, what it makes and what it needs.

use super::super::ServicePort;
use super::super::parse::secrets::{MARK, REFERENCE, masked};
use super::grammar::{Kind, Mode, ROWS, Row};
use std::net::Ipv4Addr;
use std::sync::OnceLock;

/// An object that a line defines or refers to, such as `("track", "10")`.
pub(super) type Object = (&'static str, String);

/// Whether a line sets, negates or resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The line as it is.
    Plain,
    /// `no …`.
    No,
    /// `default …`.
    Default,
}

/// A line, understood.
#[derive(Debug, Clone)]
pub(super) struct Command {
    /// Whether it sets, negates or resets.
    pub(super) sign: Sign,
    /// What it is about, within its mode.
    pub(super) key: String,
    /// Its row; none where the table does not know the command: the whole line, without what a secret
    /// says, is its key then.
    pub(super) row: Option<usize>,
    /// What takes it away again, without `no`.
    pub(super) stem: String,
    /// What it refers to.
    pub(super) uses: Vec<Object>,
    /// What it defines.
    pub(super) defines: Option<Object>,
    /// The line without what a secret says, and without what says nothing.
    pub(super) said: String,
    /// Whether there is a secret in it.
    pub(super) secret: bool,
}

impl Command {
    /// How it behaves.
    pub(super) fn kind(&self) -> Kind {
        self.row.map_or(Kind::Member, |row| ROWS[row].kind)
    }

    /// Its row.
    pub(super) fn table(&self) -> Option<&'static Row> {
        self.row.map(|row| &ROWS[row])
    }

    /// The mode that it opens.
    pub(super) fn opens(&self) -> Mode {
        match self.kind() {
            Kind::Opens(mode) => mode,
            _ => Mode::Unknown,
        }
    }

    /// The line, which is `text`, as it may be shown and kept: whole where it names its secret instead
    /// of holding it.
    pub(super) fn shown(&self, text: &str) -> String {
        if self.secret && !text.contains(REFERENCE) { self.said.clone() } else { text.to_owned() }
    }

    /// Whether a router without the line does the same.
    pub(super) fn is_default(&self) -> bool {
        let says = |default: &str| {
            let (words, said) = (default.split(' '), self.said.split(' '));
            words.clone().count() == said.clone().count()
                && words.zip(said).all(|(word, found)| word == "#" || word == found)
        };
        self.table().is_some_and(|row| !row.default.is_empty() && says(row.default))
    }
}

/// A word of a pattern.
enum Part {
    Word(&'static str),
    Key(&'static str),
    Defines(&'static str),
    Value(&'static str),
    RestKey,
    RestValue,
    Secret,
    Bar,
}

/// The patterns, taken apart once.
fn patterns() -> &'static [Vec<Part>] {
    static PATTERNS: OnceLock<Vec<Vec<Part>>> = OnceLock::new();
    PATTERNS.get_or_init(|| ROWS.iter().map(|row| row.pattern.split(' ').map(part).collect()).collect())
}

fn part(word: &'static str) -> Part {
    match (word, word.split_at(1)) {
        ("&", _) => Part::RestKey,
        ("*", _) => Part::RestValue,
        ("$", _) => Part::Secret,
        ("|", _) => Part::Bar,
        (_, ("#", class)) => Part::Key(class),
        (_, ("+", class)) => Part::Defines(class),
        (_, ("%", class)) => Part::Value(class),
        _ => Part::Word(word),
    }
}

/// An entry of an access list as it is compared: without its number, since where it stands says the
/// same, and with ports as numbers.
pub(super) fn plain_entry(text: &str) -> String {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.first().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
        words.remove(0);
    }
    if words.first() == Some(&"remark") {
        return words.join(" ");
    }
    let (mut of_operator, mut plain) = (0_u8, Vec::new());
    for word in words {
        let named = (of_operator > 0).then(|| ServicePort::named(word)).flatten();
        of_operator = match word {
            "eq" | "neq" | "gt" | "lt" => 1,
            "range" => 2,
            _ => of_operator.saturating_sub(1),
        };
        plain.push(named.map_or_else(|| word.to_owned(), |port| port.0.to_string()));
    }
    plain.join(" ")
}

/// The command that `line` is in `mode`.
pub(super) fn read(mode: Mode, line: &str) -> Command {
    let (sign, rest) = signed(line);
    let plain = (mode == Mode::Acl).then(|| plain_entry(rest));
    let rest = plain.as_deref().unwrap_or(rest);
    let words: Vec<&str> = rest.split_whitespace().collect();
    let rows = || ROWS.iter().enumerate().filter(|(_, row)| row.mode == mode);
    let whole = rows().find_map(|(at, _)| fit(at, &words, false));
    // `no description` takes away what `description …` says.
    let found = whole.or_else(|| (sign != Sign::Plain).then(|| rows().find_map(|(at, _)| fit(at, &words, true)))?);
    let mut command = found.unwrap_or_else(|| Command {
        sign,
        key: masked(rest),
        row: None,
        stem: rest.to_owned(),
        uses: Vec::new(),
        defines: None,
        said: rest.to_owned(),
        secret: false,
    });
    if mode == Mode::Global && rest.starts_with("ip route ") {
        route(&mut command, &words);
    }
    if !command.secret {
        let said = masked(&command.said);
        command.secret = said != command.said;
        command.said = said;
    }
    command.sign = sign;
    if sign == Sign::No {
        command.said = masked(&format!("no {}", command.stem));
    }
    command
}

fn signed(line: &str) -> (Sign, &str) {
    if let Some(rest) = line.strip_prefix("no ") {
        return (Sign::No, rest);
    }
    match line.strip_prefix("default ") {
        Some(rest) => (Sign::Default, rest),
        None => (Sign::Plain, line),
    }
}

/// `words` as the command of a row; with `short`, what stands for the value may be left out.
fn fit(at: usize, words: &[&str], short: bool) -> Option<Command> {
    let mut reading =
        Reading { left: words.iter(), member: ROWS[at].kind == Kind::Member, short, ..Reading::default() };
    for part in patterns().get(at)? {
        if !reading.part(part)? {
            break;
        }
    }
    reading.command(at)
}

/// What is known of a command while its words are read, one part of the pattern after the other.
#[derive(Default)]
struct Reading<'a> {
    left: std::slice::Iter<'a, &'a str>,
    /// Whether the whole line takes the command away.
    member: bool,
    short: bool,
    key: Vec<&'a str>,
    stem: Vec<&'a str>,
    said: Vec<&'a str>,
    uses: Vec<Object>,
    defines: Option<Object>,
    secret: bool,
    /// Whether what comes now belongs to the value.
    in_value: bool,
    /// Whether a value was read: what stands behind it does not take the command away.
    valued: bool,
}

impl<'a> Reading<'a> {
    /// Reads what a part stands for: whether there may be more; none where the words do not fit.
    fn part(&mut self, part: &Part) -> Option<bool> {
        match part {
            Part::Bar => self.in_value = true,
            Part::RestValue => self.said.extend(self.left.by_ref()),
            Part::RestKey => {
                let rest: Vec<&str> = self.left.by_ref().copied().collect();
                if rest.is_empty() {
                    return None;
                }
                self.key.extend(&rest);
                self.stem.extend(&rest);
                self.said.extend(&rest);
            }
            Part::Secret => {
                if self.left.by_ref().count() == 0 && !self.short {
                    return None;
                }
                self.secret = true;
                self.said.push(MARK);
            }
            Part::Word(_) | Part::Key(_) | Part::Defines(_) | Part::Value(_) => return self.word(part),
        }
        Some(true)
    }

    fn word(&mut self, part: &Part) -> Option<bool> {
        let value = matches!(part, Part::Value(_));
        let Some(word) = self.left.next().copied() else {
            return (self.short && (self.in_value || value)).then_some(false);
        };
        if matches!(part, Part::Word(fixed) if *fixed != word) {
            return None;
        }
        if !value && (!self.in_value || matches!(part, Part::Defines(_))) {
            self.key.push(word);
        }
        self.valued |= value;
        if !self.valued || self.member {
            self.stem.push(word);
        }
        self.said.push(word);
        match part {
            Part::Key(class) | Part::Value(class) if !class.is_empty() => self.uses.push((*class, word.to_owned())),
            Part::Defines(class) => self.defines = Some((*class, word.to_owned())),
            _ => {}
        }
        Some(true)
    }

    /// The command; none where words are left.
    fn command(mut self, at: usize) -> Option<Command> {
        if self.left.next().is_some() {
            return None;
        }
        let row = &ROWS[at];
        let key = if row.slot.is_empty() { self.key.join(" ") } else { row.slot.to_owned() };
        let said = self.said.join(" ");
        let stem = match row.kind {
            Kind::Opens(_) => key.clone(),
            // A direction behind a value belongs to the command that takes it away: the whole line does.
            Kind::Value if self.valued && !self.short => said.clone(),
            _ => self.stem.join(" "),
        };
        let Self { uses, defines, secret, .. } = self;
        Some(Command { sign: Sign::Plain, key, row: Some(at), stem, uses, defines, said, secret })
    }
}

/// A static route is one of its table, destination and next hop; the same with another distance,
/// object or name takes its place (Cisco IOS IP Routing: Protocol-Independent, `ip route`).
fn route(command: &mut Command, words: &[&str]) {
    let (table, rest) = match words {
        ["ip", "route", "vrf", name, rest @ ..] => (Some(*name), rest),
        ["ip", "route", rest @ ..] => (None, rest),
        _ => return,
    };
    let is_address = |word: &&str| word.parse::<Ipv4Addr>().is_ok();
    let hops = match rest {
        [_, _, first, ..] if is_address(first) => 1,
        [_, _, _, second, ..] if is_address(second) => 2,
        [_, _, _, ..] => 1,
        _ => 0,
    };
    let Some((which, options)) = rest.split_at_checked(2 + hops) else { return };
    let vrf = table.map(|name| format!("vrf {name} ")).unwrap_or_default();
    command.key = format!("ip route {vrf}{}", which.join(" "));
    command.stem.clone_from(&command.key);
    command.uses = table.map(|name| ("vrf", name.to_owned())).into_iter().collect();
    if let Some(first) = which.get(2).filter(|first| !is_address(first) && **first != "Null0") {
        command.uses.push(("interface", (*first).to_owned()));
    }
    if let Some(at) = options.iter().position(|word| *word == "track")
        && let Some(object) = options.get(at + 1)
    {
        command.uses.push(("track", (*object).to_owned()));
    }
}

/// What a line must be for its text not to depend on the order in which it was typed: numbers by
/// their value, words by their letters.
pub(super) fn natural(text: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let words = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (word, behind) = behind.split_at(words);
        parts.push((number.parse().unwrap_or(0), word.to_owned()));
        rest = behind;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(mode: Mode, line: &str) -> String {
        read(mode, line).key
    }

    #[test]
    fn the_same_thing_has_the_same_key() {
        let interface = |line| key(Mode::Interface, line);
        assert_eq!(interface("standby 10 priority 110"), interface("no standby 10 priority"));
        assert_eq!(interface("ip access-group A in"), interface("ip access-group B in"));
        assert_ne!(interface("ip access-group A in"), interface("ip access-group A out"));
        assert_eq!(interface("ip unnumbered Loopback1"), interface("no ip address"));
        assert_ne!(interface("standby 10 track 100 decrement 20"), interface("standby 10 track 30 decrement 20"));
        assert_eq!(
            interface("standby 10 authentication md5 key-chain K"),
            interface("standby 10 authentication md5 key-string 7 0123")
        );
        let global = |line| key(Mode::Global, line);
        assert_eq!(global("track 10 ip sla 10 reachability"), global("no track 10"));
        assert_eq!(global("class-map match-any EF"), global("class-map EF"));
        assert_eq!(
            global("ip route 10.0.0.0 255.0.0.0 10.1.1.1 track 100 name X"),
            global("no ip route 10.0.0.0 255.0.0.0 10.1.1.1")
        );
        assert_ne!(global("ip route 10.0.0.0 255.0.0.0 10.1.1.1"), global("ip route 10.0.0.0 255.0.0.0 10.1.1.2 200"));
        assert_ne!(global("ip sla 10"), global("ip sla schedule 10 life forever start-time now"));
    }

    #[test]
    fn a_secret_is_compared_by_presence() {
        let one = read(Mode::Global, "username breakglass privilege 15 algorithm-type scrypt secret <secret:x>");
        let other = read(Mode::Global, "username breakglass privilege 15 secret 9 $9$abc");
        assert_eq!(one.said, other.said);
        assert_eq!(read(Mode::Key, "key-string 7 0822").said, read(Mode::Key, "key-string <secret:k>").said);
    }

    #[test]
    fn what_a_line_needs_and_makes() {
        let route = read(Mode::Global, "ip route vrf CINTO 10.0.0.0 255.0.0.0 Tunnel4 track 30 name X");
        let uses: Vec<_> = route.uses.iter().map(|(class, name)| format!("{class} {name}")).collect();
        assert_eq!(uses, ["vrf CINTO", "interface Tunnel4", "track 30"]);
        assert_eq!(route.stem, "ip route vrf CINTO 10.0.0.0 255.0.0.0 Tunnel4");
        let list = read(Mode::Global, "ip access-list extended LTE-IN");
        assert_eq!(list.defines, Some(("acl", "LTE-IN".to_owned())));
        let track = read(Mode::Global, "track 10 ip sla 30 reachability");
        assert_eq!((track.uses, track.stem.as_str()), (vec![("probe", "30".to_owned())], "track 10"));
    }
}
