//! The command parser: patterns with optional parts and alternatives, abbreviations, carets.
//!
//! A pattern is words and parameters: `A` an address, `M` a mask, `W` a wildcard, `<1-255>` a number,
//! `IF` an interface, `S` a word, `L` the rest of the line; `[x]` may be there, `{x|y}` is one of
//! them. What stands before `;` says which object a line is about.

/// A word of a pattern.
#[derive(Debug, Clone, PartialEq)]
enum Atom {
    Word(&'static str),
    Address,
    Mask,
    Wildcard,
    Number(u64, u64),
    Interface,
    Name,
    Rest,
}

/// A pattern without optional parts.
#[derive(Debug, Clone)]
struct Sequence {
    atoms: Vec<Atom>,
    identity: usize,
    command: usize,
}

/// What a mode understands.
pub struct Grammar {
    sequences: Vec<Sequence>,
}

/// A line that was understood, with its words written out.
#[derive(Debug, Clone)]
pub struct Match {
    /// Which pattern.
    pub command: usize,
    /// Its words, in full.
    pub words: Vec<String>,
    /// How many of them say which object it is about.
    pub identity: usize,
}

impl Match {
    pub fn line(&self) -> String {
        self.words.join(" ")
    }

    pub fn key(&self) -> String {
        self.words[..self.identity.min(self.words.len())].join(" ")
    }

    /// The word after `word`.
    pub fn after(&self, word: &str) -> Option<&str> {
        let at = self.words.iter().position(|found| found == word)?;
        self.words.get(at + 1).map(String::as_str)
    }
}

/// Why a line was not understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Misread {
    /// Column of the word that fits nowhere.
    Invalid(usize),
    Incomplete,
    Ambiguous,
}

impl Grammar {
    pub fn new(patterns: impl IntoIterator<Item = &'static str>) -> Self {
        let mut sequences = Vec::new();
        for (command, pattern) in patterns.into_iter().enumerate() {
            let pieces = pieces(pattern);
            let mut at = 0;
            for parts in expand(&pieces, &mut at) {
                let identity = parts.iter().position(|part| *part == ";").unwrap_or(parts.len());
                let atoms = parts.into_iter().filter(|part| *part != ";").map(atom).collect();
                sequences.push(Sequence { atoms, identity, command });
            }
        }
        Self { sequences }
    }

    /// Reads a line that starts at `column`. `shortened` lets the line end where its identity ends.
    pub fn read(&self, line: &str, column: usize, shortened: bool) -> Result<Match, Misread> {
        let words = words(line);
        let mut states: Vec<Vec<(usize, Vec<String>)>> = vec![Vec::new(); words.len() + 2];
        states[0] = (0..self.sequences.len()).map(|at| (at, Vec::new())).collect();
        let mut furthest = 0;
        for (at, (_, word)) in words.iter().enumerate() {
            if states[at].is_empty() {
                continue;
            }
            furthest = at;
            let here = std::mem::take(&mut states[at]);
            let next = |state: &(usize, Vec<String>)| self.sequences[state.0].atoms.get(state.1.len()).cloned();
            let keyword = |state: &(usize, Vec<String>)| match next(state) {
                Some(Atom::Word(text)) if begins(text, word) => Some(text),
                _ => None,
            };
            let exact = here.iter().any(|state| keyword(state).is_some_and(|text| text.eq_ignore_ascii_case(word)));
            let mut keywords: Vec<&str> = here.iter().filter_map(keyword).collect();
            keywords.sort_unstable();
            keywords.dedup();
            for state in &here {
                let Some(atom) = next(state) else { continue };
                let whole = Whole { line, words: &words, at, exact, alone: keywords.is_empty() };
                let Some((advance, text)) = whole.taken(&atom) else { continue };
                let mut said = state.1.clone();
                said.push(text);
                states[at + advance].push((state.0, said));
            }
            if !exact
                && keywords.len() > 1
                && states[at + 1..]
                    .iter()
                    .flatten()
                    .all(|state| matches!(self.sequences[state.0].atoms.get(state.1.len() - 1), Some(Atom::Word(_))))
            {
                return Err(Misread::Ambiguous);
            }
        }
        let ended = std::mem::take(&mut states[words.len()]);
        if ended.is_empty() {
            return Err(Misread::Invalid(column + words.get(furthest).map_or(0, |(start, _)| *start)));
        }
        let done = |state: &&(usize, Vec<String>)| {
            let sequence = &self.sequences[state.0];
            state.1.len() == sequence.atoms.len() || shortened && state.1.len() >= sequence.identity
        };
        let (sequence, words) = ended.iter().find(done).ok_or(Misread::Incomplete)?;
        let sequence = &self.sequences[*sequence];
        Ok(Match { command: sequence.command, words: words.clone(), identity: sequence.identity })
    }
}

/// A line at one of its words.
struct Whole<'a> {
    line: &'a str,
    words: &'a [(usize, &'a str)],
    at: usize,
    /// Whether the word is a keyword, letter by letter.
    exact: bool,
    /// Whether no keyword begins with the word.
    alone: bool,
}

impl Whole<'_> {
    /// How many words `atom` takes, and what they say; none where they do not fit.
    fn taken(&self, atom: &Atom) -> Option<(usize, String)> {
        let (start, word) = self.words[self.at];
        match atom {
            Atom::Word(text) => {
                let fits = begins(text, word) && (!self.exact || text.eq_ignore_ascii_case(word));
                fits.then(|| (1, (*text).to_owned()))
            }
            Atom::Name if !self.exact && (self.alone || word.len() > 3) => Some((1, word.to_owned())),
            Atom::Rest => Some((self.words.len() - self.at, self.line[start..].trim_end().to_owned())),
            Atom::Interface => {
                let (name, taken) = interface(word, self.words.get(self.at + 1).map(|(_, next)| *next))?;
                Some((taken, name))
            }
            atom => Some((1, parameter(atom, word)?)),
        }
    }
}

/// Whether `word` is `text`, or short for it.
fn begins(text: &str, word: &str) -> bool {
    text.to_ascii_lowercase().starts_with(&word.to_ascii_lowercase())
}

/// The words of a line with their columns.
pub fn words(line: &str) -> Vec<(usize, &str)> {
    line.split_whitespace().map(|word| (word.as_ptr() as usize - line.as_ptr() as usize, word)).collect()
}

fn pieces(pattern: &'static str) -> Vec<&'static str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut push = |from: usize, to: usize| {
        if from < to {
            pieces.push(&pattern[from..to]);
        }
    };
    for (at, sign) in pattern.char_indices() {
        if " []{}|;".contains(sign) {
            push(start, at);
            if sign != ' ' {
                push(at, at + 1);
            }
            start = at + 1;
        }
    }
    push(start, pattern.len());
    pieces
}

/// All sequences of `pieces` from `at` to the end of the group.
fn expand(pieces: &[&'static str], at: &mut usize) -> Vec<Vec<&'static str>> {
    let mut all = Vec::new();
    let mut current: Vec<Vec<&'static str>> = vec![Vec::new()];
    while *at < pieces.len() {
        let piece = pieces[*at];
        *at += 1;
        match piece {
            "[" | "{" => {
                let mut inner = expand(pieces, at);
                if piece == "[" {
                    inner.push(Vec::new());
                }
                let joined = |left: &Vec<&'static str>| {
                    inner.iter().map(|right| [left.as_slice(), right.as_slice()].concat()).collect::<Vec<_>>()
                };
                current = current.iter().flat_map(joined).collect();
            }
            "]" | "}" => break,
            "|" => all.append(&mut std::mem::replace(&mut current, vec![Vec::new()])),
            word => current.iter_mut().for_each(|sequence| sequence.push(word)),
        }
    }
    all.append(&mut current);
    all
}

fn atom(part: &'static str) -> Atom {
    match part {
        "A" => Atom::Address,
        "M" => Atom::Mask,
        "W" => Atom::Wildcard,
        "IF" => Atom::Interface,
        "S" => Atom::Name,
        "L" => Atom::Rest,
        _ => match part.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')?.split_once('-')) {
            Some((low, high)) => Atom::Number(low.parse().unwrap(), high.parse().unwrap()),
            None => Atom::Word(part),
        },
    }
}

fn parameter(atom: &Atom, word: &str) -> Option<String> {
    match atom {
        Atom::Address | Atom::Mask | Atom::Wildcard => {
            word.parse::<std::net::Ipv4Addr>().ok().map(|address| address.to_string())
        }
        Atom::Number(low, high) => {
            let number = word.parse::<u64>().ok()?;
            (*low <= number && number <= *high).then(|| number.to_string())
        }
        Atom::Name => Some(word.to_owned()),
        _ => None,
    }
}

/// Kinds of interface, in the order of a configuration.
pub const KINDS: [&str; 13] = [
    "Loopback",
    "Port-channel",
    "Tunnel",
    "FastEthernet",
    "GigabitEthernet",
    "TenGigabitEthernet",
    "Ethernet",
    "Serial",
    "Cellular",
    "Virtual-Template",
    "Vlan",
    "Dialer",
    "Null",
];

/// The full name of an interface, and how many words it took.
pub fn interface(word: &str, next: Option<&str>) -> Option<(String, usize)> {
    let digits = word.find(|sign: char| sign.is_ascii_digit()).unwrap_or(word.len());
    let (kind, number) = word.split_at(digits);
    if kind.is_empty() {
        return None;
    }
    let (number, taken) = if number.is_empty() { (next?, 2) } else { (number, 1) };
    let full = KINDS.iter().find(|full| full.to_ascii_lowercase().starts_with(&kind.to_ascii_lowercase()))?;
    let (unit, sub) = number.split_once('.').map_or((number, None), |(unit, sub)| (unit, Some(sub)));
    let numeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let slots = unit.split('/').count();
    let ethernet = full.ends_with("Ethernet") || *full == "Serial" || *full == "Cellular";
    let good = unit.split('/').all(numeric) && sub.is_none_or(numeric) && (ethernet || slots == 1);
    good.then(|| (format!("{full}{number}"), taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_and_misread_ones_have_a_place() {
        let grammar = Grammar::new([
            "show running-config",
            "show version",
            "ip route A M {IF|A} ; [<1-255>] [name S]",
            "interface IF",
        ]);
        assert_eq!(grammar.read("sh run", 0, false).unwrap().line(), "show running-config");
        assert_eq!(grammar.read("sh", 0, false), Err(Misread::Incomplete).map(|()| unreachable!()));
        let route = grammar.read("ip route 10.0.0.0 255.0.0.0 gi 0/1 200 name x", 0, false).unwrap();
        assert_eq!((route.key().as_str(), route.words.len()), ("ip route 10.0.0.0 255.0.0.0 GigabitEthernet0/1", 8));
        assert_eq!(grammar.read("ip route 10.0.0.0 255.0.0 gi0/1", 4, false).unwrap_err(), Misread::Invalid(22));
        assert_eq!(grammar.read("i", 0, false).unwrap_err(), Misread::Ambiguous);
        assert_eq!(grammar.read("show version now", 0, false).unwrap_err(), Misread::Invalid(13));
    }

    impl PartialEq for Match {
        fn eq(&self, other: &Self) -> bool {
            self.line() == other.line()
        }
    }
}
