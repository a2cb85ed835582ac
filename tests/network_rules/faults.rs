//! Faults as a text describes them, sown into the texts of routers.

use std::collections::BTreeMap;
use std::fmt;

/// A fault.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The rule that it breaks.
    pub rule: String,
    /// Whether only the inventory shows it.
    pub inventory: bool,
    /// Whether it is sown before any server has moved, instead of after all have.
    pub before: bool,
    /// The file and the line that must be named.
    pub file: String,
    pub line: String,
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
struct Change {
    file: String,
    /// Headers of the object, from the outside.
    within: Vec<String>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Away(String),
    Changed(String, String),
    Added(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.rule, self.file, self.line)
    }
}

/// Every fault of `faults.txt`.
pub fn all() -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    let (mut file, mut within) = (String::new(), Vec::new());
    for line in include_str!("faults.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "fault" {
            let (rule, how) = rest.split_once(' ').unwrap_or((rest, ""));
            (file, within) = (String::new(), Vec::new());
            let (rule, inventory, before) = (rule.to_owned(), how.contains("inventory"), how.contains("before"));
            faults.push(Fault {
                rule,
                inventory,
                before,
                file: String::new(),
                line: String::new(),
                changes: Vec::new(),
            });
            continue;
        }
        let fault = faults.last_mut().unwrap();
        let mut change = |what| fault.changes.push(Change { file: file.clone(), within: within.clone(), what });
        match word {
            "file" => (file, within) = (rest.to_owned(), Vec::new()),
            "in" => within = rest.split(" / ").filter(|header| !header.is_empty()).map(str::to_owned).collect(),
            "-" => change(What::Away(rest.to_owned())),
            "=" => {
                let (old, new) = rest.split_once(" => ").unwrap();
                change(What::Changed(old.to_owned(), new.to_owned()));
            }
            "+" => change(What::Added(rest.to_owned())),
            "at" => (fault.file, fault.line) = (file.clone(), rest.to_owned()),
            other => panic!("{other} means nothing"),
        }
    }
    faults
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

impl Fault {
    /// Changes the texts.
    pub fn sow(&self, texts: &mut BTreeMap<String, String>) {
        assert!(!self.line.is_empty() && !self.changes.is_empty(), "{self}: nothing is changed, or nothing expected");
        for change in &self.changes {
            let text = texts.get_mut(&change.file).unwrap_or_else(|| panic!("{self}: no file {}", change.file));
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            change.apply(&mut lines, self);
            *text = lines.join("\n") + "\n";
        }
    }
}

impl Change {
    fn apply(&self, lines: &mut Vec<String>, fault: &Fault) {
        let (from, to) = self.range(lines, fault);
        let one = |wanted: &str| {
            let found: Vec<usize> = (from..to).filter(|at| lines[*at].trim() == wanted).collect();
            assert_eq!(found.len(), 1, "{fault}: `{wanted}` must be there once, in {} {:?}", self.file, self.within);
            found[0]
        };
        match &self.what {
            What::Away(line) => {
                let at = one(line);
                let own = depth(&lines[at]);
                let end = (at + 1..lines.len()).find(|next| depth(&lines[*next]) <= own).unwrap_or(lines.len());
                lines.drain(at..end);
            }
            What::Changed(old, new) => {
                let at = one(old);
                lines[at] = format!("{:own$}{new}", "", own = depth(&lines[at]));
            }
            What::Added(line) if self.within.is_empty() => {
                let end = lines.iter().rposition(|line| line == "end").unwrap();
                lines.insert(end, line.clone());
            }
            What::Added(line) => lines.insert(to, format!("{:own$}{line}", "", own = self.within.len())),
        }
    }

    /// The lines below the headers; all of them without one.
    fn range(&self, lines: &[String], fault: &Fault) -> (usize, usize) {
        let (mut from, mut to) = (0, lines.len());
        for (level, header) in self.within.iter().enumerate() {
            let at = (from..to).find(|at| lines[*at].trim() == header && depth(&lines[*at]) == level);
            let at = at.unwrap_or_else(|| panic!("{fault}: no `{header}` in {}", self.file));
            from = at + 1;
            to = (from..to).find(|next| depth(&lines[*next]) <= level).unwrap_or(to);
        }
        (from, to)
    }
}
