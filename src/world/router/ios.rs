//! IOS and IOS-XE over SSH.
//!
//! The commands are those of "Configuration Replace and Configuration Rollback" and "Configuration
//! Rollback Confirmed Change" (Cisco IOS Configuration Management guide, 12.4(20)T and later):
//! `archive config`, `configure terminal revert timer N`, `configure confirm`, `configure revert now`,
//! `configure replace nvram:startup-config force`, `show archive config rollback timer`.

use super::RouterError;
use super::console::{Answer, Console, End};
use crate::model::router_access::{Identity, RevertTimer, RouterAccess, WayBack, Which};
use crate::untrusted::printable;
use crate::world::secret::{Secrets, password};
use crate::world::ssh::{Deadlines, Session, Trust};
use std::time::Duration;

/// How long a router may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For an ordinary command, and for a line of the configuration.
    pub command: Duration,
    /// For what reads or writes a whole configuration.
    pub configuration: Duration,
    /// For each hop of the connection.
    pub connection: Deadlines,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            command: Duration::from_secs(30),
            configuration: Duration::from_secs(180),
            connection: Deadlines::default(),
        }
    }
}

/// Terminal wide enough for the longest line.
const COLUMNS: u32 = 511;
/// Deepest nesting of modes that `exit` climbs out of.
const DEEPEST: usize = 6;

/// A session with a router that speaks IOS, in privileged mode.
pub struct IosRouter {
    console: Console,
    secrets: Secrets,
    patience: Patience,
    /// The mode at each level of indentation, while configuring.
    modes: Vec<String>,
    /// Kept, since it carries the terminal; none where the terminal came from elsewhere.
    _session: Option<Session>,
}

impl IosRouter {
    /// Connects to `access`, on a connection of its own, and becomes privileged.
    ///
    /// # Errors
    /// The host key, the login, `enable`, or the session.
    pub async fn connect(
        name: &str,
        access: &RouterAccess,
        trust: &Trust,
        secrets: &Secrets,
        patience: Patience,
    ) -> Result<Self, RouterError> {
        let session = Session::connect_router(access, trust, patience.connection).await?;
        let pipe = session.terminal(COLUMNS, 0).await?;
        let console = Console::open(name, pipe, patience.command).await?;
        let mut router =
            Self { console, secrets: secrets.clone(), patience, modes: Vec::new(), _session: Some(session) };
        router.become_privileged(access, trust).await?;
        router.set_terminal().await?;
        Ok(router)
    }

    async fn become_privileged(&mut self, access: &RouterAccess, trust: &Trust) -> Result<(), RouterError> {
        if self.console.prompt().privileged {
            return Ok(());
        }
        let Some(reference) = &access.enable else {
            return Err(self.console.unexpected("privileged mode (#)", &self.console.prompt().text()));
        };
        let secret = password(reference, &trust.root)?;
        let answer = self.console.send("enable", "enable", self.patience.command).await?;
        if answer.end == End::Password {
            let answer = self.console.reply(&secret, "enable", self.patience.command).await?;
            if !matches!(answer.end, End::Prompt(prompt) if prompt.privileged) {
                return Err(self.console.refused("enable", "the password of `enable` is not accepted".to_owned()));
            }
        }
        if self.console.prompt().privileged {
            return Ok(());
        }
        Err(self.console.unexpected("privileged mode (#)", &self.console.prompt().text()))
    }

    /// No pages, no folded lines, no log messages in between.
    async fn set_terminal(&mut self) -> Result<(), RouterError> {
        for command in ["terminal length 0", "terminal width 511", "terminal no monitor"] {
            match self.command(command).await {
                // A terminal that pages and folds can still be read; an echo with log lines too.
                Ok(_) | Err(RouterError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn command(&mut self, command: &str) -> Result<String, RouterError> {
        self.console.command(command, command, self.patience.command).await
    }

    async fn slow_command(&mut self, command: &str) -> Result<String, RouterError> {
        self.console.command(command, command, self.patience.configuration).await
    }

    /// Whether a command is refused because the software does not know it.
    fn is_unknown(error: &RouterError) -> bool {
        matches!(error, RouterError::Refused { answer, .. }
            if ["Invalid input", "Incomplete command", "Unknown command"].iter().any(|words| answer.contains(words)))
    }

    /// The mode of the prompt that was shown last.
    fn mode(&self) -> String {
        self.console.prompt().mode.clone().unwrap_or_default()
    }

    /// Climbs to the mode in which a line with `indent` stands.
    async fn climb(&mut self, line: &str, indent: usize) -> Result<(), RouterError> {
        let Some(wanted) = self.modes.get(indent).cloned() else {
            return Err(RouterError::Unsendable {
                router: self.console.router().to_owned(),
                line: printable(line),
                why: "the line before it opened no mode for it",
            });
        };
        for _ in 0..DEEPEST {
            if self.mode() == wanted {
                return Ok(());
            }
            self.command("exit").await?;
        }
        Err(self.console.unexpected("a configuration mode", &self.console.prompt().text()))
    }

    /// Sends a line with its secrets in their places; nothing that comes back shows them.
    async fn send_line(&mut self, line: &str) -> Result<(), RouterError> {
        let (typed, values) = self.secrets.put_into(line)?;
        if let Some(hostname) = typed.strip_prefix("hostname ") {
            // Both names are right until the router has answered with the new one.
            return self.rename(line, hostname).await;
        }
        let sent = self.typed(&typed, line).await;
        match sent {
            Err(RouterError::Refused { router, command, answer }) => {
                let answer = values.iter().fold(answer, |answer, value| answer.replace(value.as_str(), "<secret>"));
                Err(RouterError::Refused { router, command, answer })
            }
            Err(RouterError::Asks { router, command, question }) => {
                let question = values.iter().fold(question, |text, value| text.replace(value.as_str(), "<secret>"));
                Err(RouterError::Asks { router, command, question })
            }
            other => other.map(|_| ()),
        }
    }

    async fn rename(&mut self, line: &str, hostname: &str) -> Result<(), RouterError> {
        self.console.renamed(hostname);
        self.console.command(line, line, self.patience.command).await.map(|_| ())
    }

    /// Types a line of the configuration; what IOS asks about lines that traghetto renders is answered.
    async fn typed(&mut self, typed: &str, line: &str) -> Result<String, RouterError> {
        let Answer { text, end } = self.console.send(typed, line, self.patience.command).await?;
        let reply = match &end {
            End::Question(question) => super::answer::reply(question),
            End::Prompt(_) | End::Password => None,
        };
        match reply {
            None => self.console.taken(Answer { text, end }, line),
            Some(reply) => {
                let answer = self.console.reply(reply, line, self.patience.command).await?;
                self.console.taken(answer, line)
            }
        }
    }

    /// Answers each question with the end of a line, as a person does who agrees.
    async fn agree(&mut self, command: &str) -> Result<String, RouterError> {
        let mut answer = self.console.send(command, command, self.patience.configuration).await?;
        let mut text = answer.text.clone();
        for _ in 0..3 {
            match answer.end {
                End::Prompt(_) => return Ok(text),
                End::Question(_) | End::Password => {
                    answer = self.console.reply("", command, self.patience.configuration).await?;
                    let Answer { text: more, .. } = &answer;
                    text.push_str(more);
                }
            }
        }
        Err(self.console.refused(command, "it does not stop asking".to_owned()))
    }

    /// Ends a rollback: done, or an error in the router's words.
    fn rolled_back(&self, command: &str, text: &str) -> Result<(), RouterError> {
        match super::answer::refusal(text) {
            Some(words) => Err(self.console.refused(command, words)),
            None => Ok(()),
        }
    }
}

/// What follows `label` on the line of `text` that holds it.
fn after<'t>(text: &'t str, label: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.split_once(label)).map(|(_, rest)| rest.trim())
}

impl IosRouter {
    /// Who it says that it is.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn identity(&mut self) -> Result<Identity, RouterError> {
        let text = self.command("show version").await?;
        let first_word = |rest: &str| rest.split_whitespace().next().map(|word| printable(word.trim_end_matches(',')));
        Ok(Identity {
            hostname: self.console.hostname().to_owned(),
            serial: after(&text, "Processor board ID").and_then(first_word),
            version: after(&text, ", Version ").and_then(first_word),
        })
    }

    /// Whether it can take a change back by itself.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn way_back(&mut self) -> Result<WayBack, RouterError> {
        // The timer came with 12.4(20)T; a router that can show it has it.
        match self.revert_timer().await {
            Err(error) if Self::is_unknown(&error) => return Ok(WayBack::ReloadOnly),
            other => other?,
        };
        match self.command("show archive").await {
            Ok(text) if text.contains("not enabled") || text.contains("not configured") => Ok(WayBack::NoArchive),
            Ok(_) => Ok(WayBack::RevertTimer),
            Err(error) if Self::is_unknown(&error) => Ok(WayBack::ReloadOnly),
            Err(RouterError::Refused { .. }) => Ok(WayBack::NoArchive),
            Err(error) => Err(error),
        }
    }

    /// The revert timer that runs; none where none does. May be asked while configuring too.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn revert_timer(&mut self) -> Result<Option<RevertTimer>, RouterError> {
        let command = "show archive config rollback timer";
        let command = if self.mode().is_empty() { command.to_owned() } else { format!("do {command}") };
        let text = match self.command(&command).await {
            Ok(text) => text,
            Err(RouterError::Refused { answer, .. }) if answer.contains("No Rollback Confirmed Change pending") => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok(super::answer::revert_timer(&text))
    }

    /// A configuration, as the router prints it. It holds secrets: mask it before it goes anywhere.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn configuration(&mut self, which: Which) -> Result<String, RouterError> {
        let command = match which {
            Which::Running => "show running-config",
            Which::Startup => "show startup-config",
        };
        let Answer { text, end } = self.console.send(command, command, self.patience.configuration).await?;
        let end = match end {
            End::Prompt(_) => None,
            End::Question(question) => Some(question),
            End::Password => Some("Password:".to_owned()),
        };
        if let Some(question) = end {
            return Err(RouterError::Asks {
                router: self.console.router().to_owned(),
                command: command.to_owned(),
                question,
            });
        }
        // A configuration may hold lines with a percent sign; only one without an end is refused.
        if !text.lines().any(|line| line.trim_end() == "end") {
            let words = super::answer::refusal(&text).unwrap_or_else(|| "it has no end".to_owned());
            return Err(self.console.refused(command, words));
        }
        Ok(text)
    }

    /// Puts what runs into the archive.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn archive(&mut self) -> Result<(), RouterError> {
        self.slow_command("archive config").await.map(|_| ())
    }

    /// Begins to configure: in `minutes` the router goes back to what runs now, unless told otherwise.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn configure(&mut self, minutes: u16) -> Result<(), RouterError> {
        let command = format!("configure terminal revert timer {minutes}");
        self.slow_command(&command).await?;
        let mode = self.mode();
        if mode.is_empty() {
            return Err(self.console.unexpected("a configuration mode", &self.console.prompt().text()));
        }
        self.modes = vec![mode];
        Ok(())
    }

    /// Sends one line of the configuration, with its indentation from the global level. Secrets that it
    /// names (`<secret:NAME>`) are read now.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn line(&mut self, line: &str) -> Result<(), RouterError> {
        let said = line.trim_start();
        let indent = line.len() - said.len();
        // `exit-address-family` and its like stand in the mode that they leave.
        let leaves = said.starts_with("exit-") && self.modes.len() > indent + 1;
        if !leaves {
            self.climb(line, indent).await?;
        }
        self.send_line(said.trim_end()).await?;
        let mode = self.mode();
        if mode.is_empty() {
            return Err(self.console.unexpected("a configuration mode", &self.console.prompt().text()));
        }
        self.modes.truncate(indent + 1);
        if self.modes.last() != Some(&mode) {
            self.modes.push(mode);
        }
        Ok(())
    }

    /// Leaves the configuration mode.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn end(&mut self) -> Result<(), RouterError> {
        self.command("end").await?;
        self.modes.clear();
        if self.console.prompt().mode.is_some() {
            return Err(self.console.unexpected("privileged mode (#)", &self.console.prompt().text()));
        }
        Ok(())
    }

    /// Stops the revert timer: what runs stays.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn confirm(&mut self) -> Result<(), RouterError> {
        self.command("configure confirm").await.map(|_| ())
    }

    /// Goes back at once to what ran before, as the revert timer would.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn revert_now(&mut self) -> Result<(), RouterError> {
        let text = self.agree("configure revert now").await?;
        self.rolled_back("configure revert now", &text)
    }

    /// Replaces what runs by what a reload would bring, without a reload.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn restore_startup(&mut self) -> Result<(), RouterError> {
        let command = "configure replace nvram:startup-config force";
        let text = self.agree(command).await?;
        self.rolled_back(command, &text)
    }

    /// Saves what runs as what a reload brings.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn save(&mut self) -> Result<(), RouterError> {
        let text = self.agree("write memory").await?;
        self.rolled_back("write memory", &text)?;
        if text.contains("[OK]") {
            return Ok(());
        }
        Err(self.console.refused("write memory", "it does not say [OK]".to_owned()))
    }

    /// What it answers to a command that only looks (`show …`, `ping …`), whatever it is.
    ///
    /// # Errors
    /// The router refuses, or the session is lost.
    pub async fn show(&mut self, command: &str) -> Result<String, RouterError> {
        let Answer { text, end } = self.console.send(command, command, self.patience.configuration).await?;
        match end {
            End::Prompt(_) => Ok(text),
            End::Question(question) => Err(self.console.refused(command, question)),
            End::Password => Err(self.console.refused(command, "Password:".to_owned())),
        }
    }
}
