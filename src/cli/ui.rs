//! The only printer: stdout is data, stderr is talk. A reader that has gone away ends neither.

use crate::failure::Failure;
use crate::untrusted::printable;
use std::io::{IsTerminal, Write};

/// Where and how to print. Decided once, from the terminal and the options.
#[derive(Debug, Clone)]
pub struct Ui {
    quiet: bool,
    color: bool,
    progress: bool,
}

/// The colours of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Good: green.
    Good,
    /// Doubtful: yellow.
    Warn,
    /// Bad: red.
    Bad,
    /// Less important: dim.
    Dim,
    /// Headings: bold.
    Strong,
}

impl Ui {
    /// A printer for this process's stdout and stderr.
    pub fn new(quiet: bool, no_color: bool) -> Self {
        let wants_color = !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            quiet,
            color: wants_color && std::io::stdout().is_terminal(),
            progress: !quiet && std::io::stderr().is_terminal(),
        }
    }

    /// Whether bars may be drawn on stderr.
    pub fn draws_progress(&self) -> bool {
        self.progress
    }

    /// Data, to stdout; a closed pipe ends the output silently.
    pub fn data(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }

    /// Bytes (a workbook, say), to stdout.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(bytes);
        let _ = out.flush();
    }

    /// A value as JSON, to stdout, on indented lines.
    pub fn json(&self, value: &impl serde::Serialize) {
        let text = serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
        self.data(&(text + "\n"));
    }

    /// A status message, to stderr, unless quiet.
    pub fn status(&self, text: &str) {
        if !self.quiet {
            talk(&format!("{text}\n"));
        }
    }

    /// A warning, to stderr, even when quiet.
    pub fn warn(&self, text: &str) {
        talk(&format!("warning: {text}\n"));
    }

    /// Asks the person at the terminal, even when quiet; none where there is no terminal.
    pub fn ask(&self, question: &str) -> Option<String> {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return None;
        }
        talk(question);
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok().map(|_| answer)
    }

    /// A failure, to stderr.
    pub fn failure(&self, failure: &Failure) {
        // Causes come from hosts, files and libraries.
        for line in failure.render().lines() {
            talk(&format!("{}\n", printable(line)));
        }
    }

    /// A screen of its own on the terminal; none where stdout is no terminal.
    pub fn screen(&self) -> Option<Screen> {
        std::io::stdout().is_terminal().then(Screen::enter)
    }

    /// `text` in the colour of `tone`, where stdout shows colours.
    pub fn tone(&self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// A page on the terminal that is drawn again and again. What was there before comes back at the end.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    fn enter() -> Self {
        // The alternate screen, without a cursor.
        draw("\u{1b}[?1049h\u{1b}[?25l");
        Self(())
    }

    /// Draws `page` over the one before, line by line and in one piece: nothing flickers.
    pub fn draw(&mut self, page: &str) {
        let lines: String = page.lines().flat_map(|line| [line, "\u{1b}[K\r\n"]).collect();
        draw(&format!("\u{1b}[H{lines}\u{1b}[J"));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        draw("\u{1b}[?25h\u{1b}[?1049l");
    }
}

fn draw(text: &str) {
    let mut out = std::io::stdout().lock();
    // A terminal that is gone ends nothing.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// To stderr; `eprintln!` would panic where nobody reads it any more.
fn talk(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Prints clap's message to the right stream and returns the exit code: help is not an error.
pub fn usage(error: &clap::Error) -> u8 {
    let _ = error.print();
    if error.use_stderr() { crate::failure::Kind::Usage.code() } else { 0 }
}
