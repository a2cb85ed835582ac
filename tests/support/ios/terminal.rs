//! A terminal of the router: echo, line editing, prompts, modes, paging, questions.

use super::config::{self, Level, Refusal};
use super::exec;
use super::router::Router;
use std::collections::VecDeque;

/// What the router waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    Command,
    EnablePassword(u8),
    /// The name of the file that `copy running-config` writes.
    Destination(String),
    /// `Configuring from terminal, memory, or network [terminal]?`
    ConfigureFrom,
    /// `[confirm]` of a reload in so many minutes.
    Reload(u64),
    /// `Save? [yes/no]` before it.
    SaveFirst(u64),
    /// `Enter Y if you are sure you want to proceed`.
    Replace(String, Option<u64>),
    Erase,
    /// Whether to take away a static translation that is in use, with what it translates.
    ChildEntries(String),
}

/// What becomes of the session after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Stay,
    Leave,
}

/// A session.
pub struct Terminal {
    pub id: usize,
    pub user: String,
    pub privileged: bool,
    pub enable_secret: Option<String>,
    pub levels: Vec<Level>,
    pub configuring: bool,
    pub ask: Ask,
    pub width: usize,
    pub length: usize,
    pub monitor: bool,
    line: String,
    last_was_return: bool,
    /// Lines that wait behind ` --More-- `.
    pages: VecDeque<String>,
    /// A banner that is typed over several lines, and what ends it.
    banner: Option<(String, String)>,
}

const MORE: &str = " --More-- ";

impl Terminal {
    pub fn new(id: usize, user: &str, privileged: bool, enable_secret: Option<String>) -> Self {
        Self {
            id,
            user: user.to_owned(),
            privileged,
            enable_secret,
            levels: Vec::new(),
            configuring: false,
            ask: Ask::Command,
            width: 80,
            length: 24,
            monitor: false,
            line: String::new(),
            last_was_return: false,
            pages: VecDeque::new(),
            banner: None,
        }
    }

    /// The prompt, cut in configuration modes: whatever stands before `#` has at most 20 characters
    /// of the name and the mode in full.
    pub fn prompt(&self, router: &Router) -> String {
        match &self.ask {
            Ask::EnablePassword(_) => return "Password: ".to_owned(),
            Ask::Destination(_) => return "Destination filename [startup-config]? ".to_owned(),
            Ask::ConfigureFrom => return "Configuring from terminal, memory, or network [terminal]? ".to_owned(),
            Ask::Reload(_) => return "Proceed with reload? [confirm]".to_owned(),
            Ask::SaveFirst(_) => return "\nSystem configuration has been modified. Save? [yes/no]: ".to_owned(),
            Ask::Replace(..) => {
                return "configuration. Enter Y if you are sure you want to proceed. ? [no]: ".to_owned();
            }
            Ask::Erase => {
                return "Erasing the nvram filesystem will remove all configuration files! Continue? [confirm]"
                    .to_owned();
            }
            Ask::ChildEntries(_) => {
                return "Static entry in use, do you want to delete child entries? [no]: ".to_owned();
            }
            Ask::Command => {}
        }
        if self.banner.is_some() {
            return String::new();
        }
        let name = router.hostname();
        if self.configuring {
            let mode = self.levels.last().map_or("config", |level| level.mode);
            let name: String = name.chars().take(20).collect();
            return format!("{name}({mode})#");
        }
        format!("{name}{}", if self.privileged { '#' } else { '>' })
    }

    /// Whether what is typed is shown.
    fn echoes(&self) -> bool {
        !matches!(self.ask, Ask::EnablePassword(_))
    }

    /// A key. Gives what is shown at once, and the line if it is complete. At ` --More-- ` it is a
    /// page, a line or the end.
    pub fn key(&mut self, router: &Router, byte: u8) -> (String, Option<String>) {
        let after_return = std::mem::replace(&mut self.last_was_return, byte == b'\r');
        if byte == b'\n' && after_return {
            return (String::new(), None);
        }
        if !self.pages.is_empty() {
            return (self.turn(router, byte), None);
        }
        match byte {
            b'\r' | b'\n' => ("\r\n".to_owned(), Some(std::mem::take(&mut self.line))),
            // [confirm] takes any key at once.
            _ if matches!(self.ask, Ask::Reload(_) | Ask::Erase) && byte != 3 => {
                ("\r\n".to_owned(), Some(char::from(byte).to_string()))
            }
            0x1a if self.configuring => ("^Z\r\n".to_owned(), Some("\u{1a}".to_owned())),
            0x03 => {
                self.line.clear();
                (format!("^C\r\n{}", self.prompt(router)), None)
            }
            0x15 => ("\x08 \x08".repeat(std::mem::take(&mut self.line).chars().count()), None),
            0x08 | 0x7f => match self.line.pop() {
                Some(_) if self.echoes() => ("\x08 \x08".to_owned(), None),
                _ => (String::new(), None),
            },
            b'?' if matches!(self.ask, Ask::Command) && self.banner.is_none() => {
                (format!("?\r\n% Help is not kept here\r\n{}{}", self.prompt(router), self.line), None)
            }
            byte if byte >= 0x20 => {
                self.line.push(char::from(byte));
                (if self.echoes() { char::from(byte).to_string() } else { String::new() }, None)
            }
            _ => (String::new(), None),
        }
    }

    /// A key at ` --More-- `.
    fn turn(&mut self, router: &Router, byte: u8) -> String {
        let mut shown = format!("{0}{1}{0}", "\x08".repeat(MORE.len()), " ".repeat(MORE.len()));
        let lines = match byte {
            b' ' => self.length.saturating_sub(1),
            b'\r' | b'\n' => 1,
            _ => {
                self.pages.clear();
                0
            }
        };
        shown.push_str(&self.page(lines));
        if self.pages.is_empty() {
            shown.push_str(&self.prompt(router));
        }
        shown
    }

    /// The next `lines` of what waits, and ` --More-- ` if there is more.
    fn page(&mut self, lines: usize) -> String {
        let mut shown = String::new();
        for line in self.pages.drain(..lines.min(self.pages.len())) {
            shown.push_str(&line);
            shown.push_str("\r\n");
        }
        if !self.pages.is_empty() {
            shown.push_str(MORE);
        }
        shown
    }

    /// Carries out a line. Gives what is shown, with the next prompt.
    pub fn carry_out(&mut self, router: &mut Router, line: &str) -> (String, After) {
        router.touched();
        let (said, after) = match std::mem::replace(&mut self.ask, Ask::Command) {
            Ask::Command => self.command(router, line),
            Ask::ChildEntries(asked) if line.trim().eq_ignore_ascii_case("yes") => {
                (self.take(router, &asked), After::Stay)
            }
            question => (exec::answer(self, router, question, line.trim()), After::Stay),
        };
        (self.show(router, &said), after)
    }

    /// Text with line breaks as a terminal needs them, page by page, and the prompt.
    fn show(&mut self, router: &Router, said: &str) -> String {
        let said = said.strip_suffix('\n').unwrap_or(said);
        if said.is_empty() {
            return self.prompt(router);
        }
        self.pages = said.split('\n').map(str::to_owned).collect();
        let lines = if self.length == 0 { usize::MAX } else { self.length.saturating_sub(1) };
        let mut shown = self.page(lines);
        if self.pages.is_empty() {
            shown.push_str(&self.prompt(router));
        }
        shown
    }

    fn command(&mut self, router: &mut Router, line: &str) -> (String, After) {
        if let Some((text, delimiter)) = self.banner.take() {
            let whole = format!("{text}\n{line}");
            if !line.contains(&delimiter) {
                self.banner = Some((whole, delimiter));
                return (String::new(), After::Stay);
            }
            return (self.configure(router, &whole), After::Stay);
        }
        let said = line.trim();
        if said.is_empty() || said.starts_with('!') {
            return (String::new(), After::Stay);
        }
        if self.configuring {
            return (self.configure(router, line), After::Stay);
        }
        exec::command(self, router, line)
    }

    /// A line in a configuration mode.
    fn configure(&mut self, router: &mut Router, line: &str) -> String {
        let said = line.trim();
        if said == "\u{1a}" || said == "end" {
            return self.leave_configuration(router);
        }
        if said == "exit" {
            if self.levels.pop().is_none() {
                return self.leave_configuration(router);
            }
            return String::new();
        }
        if let Some(rest) = said.strip_prefix("do ") {
            return exec::command(self, router, rest).0;
        }
        if let Some(delimiter) = config::banner_end(line).filter(|_| !line.contains('\n')) {
            self.banner = Some((line.to_owned(), delimiter.clone()));
            return format!("Enter TEXT message.  End with the character '{delimiter}'.");
        }
        if router.translating && said.starts_with("no ip nat inside source static ") {
            self.ask = Ask::ChildEntries(line.to_owned());
            return String::new();
        }
        self.take(router, line)
    }

    /// A line of the configuration, with nothing left to ask.
    fn take(&mut self, router: &mut Router, line: &str) -> String {
        let column = self.prompt(router).chars().count();
        match config::line(router, &mut self.levels, line) {
            Ok(notes) => {
                router.changed = router.startup.as_ref() != Some(&router.running);
                notes.join("\n")
            }
            Err(refusal) => complaint(&refusal, line, column),
        }
    }

    /// `end`.
    fn leave_configuration(&mut self, router: &mut Router) -> String {
        self.levels.clear();
        self.configuring = false;
        if router.lock == Some(self.id) {
            router.lock = None;
        }
        let entry = format!(
            "*{}: %SYS-5-CONFIG_I: Configured from console by {} on vty{} (127.0.0.1)",
            router.stamp(),
            self.user,
            self.id % 16
        );
        router.log.push(entry.clone());
        if self.monitor { entry } else { String::new() }
    }
}

/// What IOS prints for a line that it does not take; `column` is where the line began.
pub fn complaint(refusal: &Refusal, line: &str, column: usize) -> String {
    match refusal {
        Refusal::Invalid(at) => {
            format!("{}^\n% Invalid input detected at '^' marker.\n\n", " ".repeat(column + at))
        }
        Refusal::Incomplete => "% Incomplete command.\n\n".to_owned(),
        Refusal::Ambiguous => format!("% Ambiguous command:  \"{}\"\n", line.trim()),
        Refusal::Said(text) => format!("{text}\n"),
    }
}
