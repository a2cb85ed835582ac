//! A configuration as lines in their nesting: what a router prints, before anything is understood.

use std::fmt;

/// A configuration of IOS or IOS-XE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigText {
    /// The lines of the global level.
    pub lines: Vec<Line>,
}

/// A line, and the lines that stand below it.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its number in the text, from 1; 0 for a line that was never in a text.
    pub number: u32,
    /// What it says, without indentation and with single spaces. A banner is one line with its
    /// line breaks inside.
    pub text: String,
    /// The lines of the mode that it opens.
    pub children: Vec<Line>,
}

/// Where a line stands says nothing about what it says.
impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.children == other.children
    }
}

impl Eq for Line {}

impl Line {
    /// A line that was never in a text, without children.
    pub fn new(text: impl Into<String>) -> Self {
        Self { number: 0, text: text.into(), children: Vec::new() }
    }

    /// Its words.
    pub fn words(&self) -> Vec<&str> {
        self.text.split_whitespace().collect()
    }
}

/// How deep modes nest at most; IOS itself needs five. What is indented deeper stands at this depth, so
/// that no text makes a reader run out of stack.
const DEEPEST: usize = 12;

/// Lines that a router prints around a configuration and that are none of it.
const AROUND: [&str; 3] = ["Building configuration", "Current configuration", "Using "];

impl ConfigText {
    /// Reads any text. Comments, blank lines and what a router prints around a configuration are
    /// left out; nothing else is lost.
    pub fn parse(text: &str) -> Self {
        let mut lines = Vec::new();
        let mut rest = text.lines().enumerate().map(|(at, line)| (at as u32 + 1, line.trim_end())).peekable();
        // The open modes, each with the indentation of the line that opened it.
        let mut open: Vec<(usize, Line)> = Vec::new();
        while let Some((number, raw)) = rest.next() {
            let indent = raw.len() - raw.trim_start().len();
            let said = raw.trim_start();
            if said.is_empty() || said.starts_with('!') {
                if indent == 0 {
                    close(&mut open, &mut lines, 0);
                }
                continue;
            }
            close(&mut open, &mut lines, indent);
            if open.is_empty() && (said == "end" || AROUND.iter().any(|around| said.starts_with(around))) {
                continue;
            }
            if open.len() > DEEPEST {
                let deepest = open.last().map_or(0, |(own, _)| *own);
                close(&mut open, &mut lines, deepest);
            }
            let mut text = single_spaced(said);
            if let Some(delimiter) = banner_delimiter(said) {
                let closed = |line: &str| line.contains(&delimiter);
                let mut ended = said.matches(&delimiter).count() > 1;
                while !ended && let Some((_, more)) = rest.next() {
                    text.push('\n');
                    text.push_str(more);
                    ended = closed(more);
                }
            }
            open.push((indent, Line { number, text, children: Vec::new() }));
        }
        close(&mut open, &mut lines, 0);
        Self { lines }
    }

    /// The first line of the global level that says exactly `text`.
    pub fn line(&self, text: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.text == text)
    }
}

/// Closes every open mode that a line with `indent` cannot stand in.
fn close(open: &mut Vec<(usize, Line)>, lines: &mut Vec<Line>, indent: usize) {
    while open.last().is_some_and(|(own, _)| *own >= indent) {
        let Some((_, line)) = open.pop() else { return };
        match open.last_mut() {
            Some((_, parent)) => parent.children.push(line),
            None => lines.push(line),
        }
    }
}

/// The words with single spaces between them; free text keeps its own.
fn single_spaced(line: &str) -> String {
    if line.starts_with("description ") || line.starts_with("banner ") {
        return line.to_owned();
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What ends the text of a banner: the character, or `^C`, that stands before it.
fn banner_delimiter(line: &str) -> Option<String> {
    let rest = line.strip_prefix("banner ")?.split_once(' ')?.1.trim_start();
    let first = rest.chars().next()?;
    Some(if rest.starts_with("^C") { "^C".to_owned() } else { first.to_string() })
}

/// One space a level, and `!` after each mode.
impl fmt::Display for ConfigText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            write_line(f, line, 0)?;
            if !line.children.is_empty() {
                writeln!(f, "!")?;
            }
        }
        writeln!(f, "end")
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, line: &Line, depth: usize) -> fmt::Result {
    writeln!(f, "{:depth$}{}", "", line.text)?;
    line.children.iter().try_for_each(|child| write_line(f, child, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_nest_by_indentation() {
        let text = "Building configuration...\n\nhostname a\n!\nip sla 1\n icmp-echo 10.0.0.1\n  vrf X\n  frequency 3\nip sla schedule 1 life forever\n! c\ninterface Gi0\n description  two  spaces\n !\n shutdown\nend\n";
        let config = ConfigText::parse(text);
        assert_eq!(config.lines.len(), 4);
        assert_eq!((config.lines[1].number, config.lines[1].children[0].children.len()), (5, 2));
        assert_eq!(config.lines[3].children[0].text, "description  two  spaces");
        assert_eq!(ConfigText::parse(&config.to_string()), config);
    }

    #[test]
    fn a_banner_is_one_line_whatever_it_says() {
        let config = ConfigText::parse("banner motd ^C\ninterface Gi0\n! no\n^C\nhostname a\nbanner exec #hi#\nend\n");
        let texts: Vec<_> = config.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["banner motd ^C\ninterface Gi0\n! no\n^C", "hostname a", "banner exec #hi#"]);
        assert_eq!(ConfigText::parse(&config.to_string()), config);
    }
}
