//! A router's command line over a terminal: one command at a time, its echo, its answer, its prompt.

use super::RouterError;
use super::answer::{Prompt, Tail, refusal, tail, without_logs};
use crate::untrusted::{one_line, printable};
use crate::world::Pipe;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

/// The longest line that IOS takes, in bytes.
const LONGEST_LINE: usize = 250;
/// The longest answer that we keep, in bytes: a large hub's configuration many times over.
const LONGEST_ANSWER: usize = 16 << 20;
/// A prompt that comes before a log line is the last word if nothing follows for so long.
const QUIET: Duration = Duration::from_millis(250);

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a prompt.
    Prompt(Prompt),
    /// With a request for a password.
    Password,
    /// With a question.
    Question(String),
}

/// What a router answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Between the echo of the command and what ended it, without log lines.
    pub text: String,
    /// What ended it.
    pub end: End,
}

/// A command line.
pub struct Console {
    router: String,
    /// Its name in its prompts, once known.
    hostname: Option<String>,
    input: Box<dyn AsyncWrite + Send + Unpin>,
    output: Box<dyn AsyncRead + Send + Unpin>,
    prompt: Prompt,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("router", &self.router).field("prompt", &self.prompt).finish_non_exhaustive()
    }
}

impl Console {
    /// Waits for the first prompt on `pipe`, whatever banners come before it, and asks for it once more:
    /// a banner may hold a line that looks like one.
    ///
    /// # Errors
    /// No prompt within `deadline`, or the session ends.
    pub async fn open(router: &str, pipe: Pipe, deadline: Duration) -> Result<Self, RouterError> {
        let nobody = Prompt { host: String::new(), mode: None, privileged: false };
        // The other streams of a terminal say nothing; dropped, they would end the command.
        let Pipe { input, output, errors: _, exit: _ } = pipe;
        let mut console = Self { router: router.to_owned(), hostname: None, input, output, prompt: nobody };
        let until = Instant::now() + deadline;
        console.first_prompt(until, deadline).await?;
        let Answer { end, .. } = console.exchange("", "", "", until, deadline).await?;
        match end {
            End::Prompt(prompt) => {
                console.hostname = Some(prompt.host.clone());
                console.prompt = prompt;
                Ok(console)
            }
            End::Password | End::Question(_) => Err(console.unexpected("a prompt", "(password or question)")),
        }
    }

    /// The prompt that was shown last.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// The router's name in the inventory.
    pub fn router(&self) -> &str {
        &self.router
    }

    /// The host name that its prompts show.
    pub fn hostname(&self) -> &str {
        self.hostname.as_deref().unwrap_or_default()
    }

    /// From now on the router has this name.
    pub fn renamed(&mut self, hostname: &str) {
        self.hostname = Some(hostname.to_owned());
    }

    /// Sends `command` and waits for its end. `shown` is the command without its secrets.
    ///
    /// # Errors
    /// No end within `deadline`, the session ends, or the command cannot be typed.
    pub async fn send(&mut self, command: &str, shown: &str, deadline: Duration) -> Result<Answer, RouterError> {
        let unsendable = |why| RouterError::Unsendable { router: self.router.clone(), line: printable(shown), why };
        if command.len() > LONGEST_LINE {
            return Err(unsendable("it is longer than 250 characters"));
        }
        if !command.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) || command.contains('?') {
            return Err(unsendable("a sign in it would act on the command line"));
        }
        let until = Instant::now() + deadline;
        let answer = self.exchange(command, command, shown, until, deadline).await?;
        if let End::Prompt(prompt) = &answer.end {
            self.prompt = prompt.clone();
        }
        Ok(answer)
    }

    /// Answers a question, or the request for a password: nothing of it is echoed but the end of the line.
    ///
    /// # Errors
    /// No end within `deadline`, or the session ends.
    pub async fn reply(&mut self, reply: &str, shown: &str, deadline: Duration) -> Result<Answer, RouterError> {
        let until = Instant::now() + deadline;
        let answer = self.exchange(reply, "", shown, until, deadline).await?;
        if let End::Prompt(prompt) = &answer.end {
            self.prompt = prompt.clone();
        }
        Ok(answer)
    }

    /// Sends `command`, which must end with a prompt and without a refusal.
    ///
    /// # Errors
    /// As [`Self::send`]; the router refuses, or asks something.
    pub async fn command(&mut self, command: &str, shown: &str, deadline: Duration) -> Result<String, RouterError> {
        let answer = self.send(command, shown, deadline).await?;
        self.taken(answer, shown)
    }

    /// What `answer` says, which must end with a prompt and without a refusal.
    ///
    /// # Errors
    /// The router refuses, or asks something.
    pub fn taken(&self, answer: Answer, shown: &str) -> Result<String, RouterError> {
        let Answer { text, end } = answer;
        if let Some(words) = refusal(&text) {
            return Err(self.refused(shown, words));
        }
        match end {
            End::Prompt(_) => Ok(text),
            End::Question(question) => {
                Err(RouterError::Asks { router: self.router.clone(), command: printable(shown), question })
            }
            End::Password => Err(RouterError::Asks {
                router: self.router.clone(),
                command: printable(shown),
                question: "Password:".to_owned(),
            }),
        }
    }

    /// The error of a command that was refused in `words`.
    pub fn refused(&self, shown: &str, words: String) -> RouterError {
        RouterError::Refused { router: self.router.clone(), command: printable(shown.trim()), answer: words }
    }

    /// The error of a prompt that is not the one that was due.
    pub fn unexpected(&self, wanted: &'static str, prompt: &str) -> RouterError {
        RouterError::Prompt { router: self.router.clone(), prompt: one_line(prompt.as_bytes()), wanted }
    }

    async fn first_prompt(&mut self, until: Instant, deadline: Duration) -> Result<(), RouterError> {
        let mut text = Vec::new();
        loop {
            if let Tail::Ready(_) = tail(&String::from_utf8_lossy(&text), None)
                && !self.more_follows(&mut text).await?
            {
                return Ok(());
            }
            self.read(&mut text, "login", until, deadline).await?;
        }
    }

    /// One command: written, then read from its `echo` to its end.
    async fn exchange(
        &mut self,
        command: &str,
        echo: &str,
        shown: &str,
        until: Instant,
        deadline: Duration,
    ) -> Result<Answer, RouterError> {
        let line = format!("{command}\n");
        let written = async {
            self.input.write_all(line.as_bytes()).await?;
            self.input.flush().await
        };
        match timeout_at(until, written).await {
            Ok(written) => written.map_err(|error| self.closed(Some(error)))?,
            Err(_) => return Err(self.silent(shown, deadline)),
        }
        let mut bytes = Vec::new();
        loop {
            self.read(&mut bytes, shown, until, deadline).await?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some(answer) = after_echo(&text, echo) else { continue };
            let end = match tail(last_lines(answer), self.hostname.as_deref()) {
                Tail::More => continue,
                Tail::Page => {
                    self.next_page(&mut bytes, until, shown, deadline).await?;
                    continue;
                }
                Tail::Ready(prompt) => {
                    // Where a log line came last, the prompt before it may not have been the end.
                    let bare = answer.trim_end_matches(['\r', '\n']).ends_with(prompt.text().as_str());
                    if !bare && self.more_follows(&mut bytes).await? {
                        continue;
                    }
                    End::Prompt(prompt)
                }
                Tail::Password => End::Password,
                Tail::Question(question) => End::Question(question),
            };
            let mut said = without_logs(answer);
            if let End::Prompt(_) = end {
                // The last line is the prompt.
                let cut = said.trim_end().rfind('\n').map_or(0, |at| at + 1);
                said.truncate(cut);
            }
            return Ok(Answer { text: said, end });
        }
    }

    /// Turns the page of a router that does not know `terminal length 0`.
    async fn next_page(
        &mut self,
        bytes: &mut Vec<u8>,
        until: Instant,
        shown: &str,
        deadline: Duration,
    ) -> Result<(), RouterError> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let cut = text.rfind("--More--").map_or(text.len(), |at| text[..at].rfind('\n').map_or(at, |line| line + 1));
        *bytes = text.as_bytes().get(..cut).unwrap_or_default().to_vec();
        match timeout_at(until, self.input.write_all(b" ")).await {
            Ok(written) => written.map_err(|error| self.closed(Some(error))),
            Err(_) => Err(self.silent(shown, deadline)),
        }
    }

    async fn more_follows(&mut self, bytes: &mut Vec<u8>) -> Result<bool, RouterError> {
        let mut buffer = [0; 4096];
        match timeout(QUIET, self.output.read(&mut buffer)).await {
            Err(_) => Ok(false),
            Ok(Ok(0)) => Err(self.closed(None)),
            Ok(Ok(count)) => {
                bytes.extend_from_slice(&buffer[..count]);
                Ok(true)
            }
            Ok(Err(error)) => Err(self.closed(Some(error))),
        }
    }

    async fn read(
        &mut self,
        bytes: &mut Vec<u8>,
        shown: &str,
        until: Instant,
        deadline: Duration,
    ) -> Result<(), RouterError> {
        let mut buffer = [0; 16 * 1024];
        match timeout_at(until, self.output.read(&mut buffer)).await {
            Err(_) => Err(self.silent(shown, deadline)),
            Ok(Ok(0)) => Err(self.closed(None)),
            Ok(Ok(_)) if bytes.len() > LONGEST_ANSWER => Err(self.silent(shown, deadline)),
            Ok(Ok(count)) => {
                bytes.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Ok(Err(error)) => Err(self.closed(Some(error))),
        }
    }

    fn closed(&self, source: Option<std::io::Error>) -> RouterError {
        RouterError::Closed { router: self.router.clone(), source }
    }

    fn silent(&self, shown: &str, deadline: Duration) -> RouterError {
        let command = printable(shown.trim());
        RouterError::Silent { router: self.router.clone(), command, seconds: deadline.as_secs() }
    }
}

/// The end of a text, from the beginning of a line: enough of it to see what it ends with.
fn last_lines(text: &str) -> &str {
    const ENOUGH: usize = 4096;
    let mut from = text.len().saturating_sub(ENOUGH);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    match text[from..].find('\n') {
        Some(line) if from > 0 => &text[from + line + 1..],
        _ => &text[from..],
    }
}

/// What follows the echo of `command`; none before the echo is complete. A password has none: its
/// answer begins with the end of its line.
fn after_echo<'t>(text: &'t str, command: &str) -> Option<&'t str> {
    let command = command.trim();
    let mut from = 0;
    if !command.is_empty() {
        from = text.find(command)? + command.len();
    }
    let line_end = text[from..].find('\n')?;
    Some(&text[from + line_end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::DuplexStream;

    /// A terminal whose router says these texts, each after a line, or after a space where it begins
    /// with a mark.
    async fn scripted(mut router: DuplexStream, script: Vec<&'static str>) {
        let mut byte = [0];
        for (at, text) in script.iter().enumerate() {
            let (wait, text) = text.strip_prefix(PAGE).map_or((b"\n", *text), |text| (b" ", text));
            if at > 0 {
                while router.read(&mut byte).await.is_ok_and(|count| count > 0) && byte != *wait {}
            }
            if router.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
        // Silent from here on, but there.
        while router.read(&mut byte).await.is_ok_and(|count| count > 0) {}
    }

    async fn console(script: Vec<&'static str>) -> Result<Console, RouterError> {
        let (ours, router) = tokio::io::duplex(4096);
        tokio::spawn(scripted(router, script));
        let (output, input) = tokio::io::split(ours);
        let nothing = Box::new(tokio::io::empty());
        let exit = Box::pin(std::future::pending());
        let pipe = Pipe { input: Box::new(input), output: Box::new(output), errors: nothing, exit };
        Console::open("r1", pipe, Duration::from_secs(2)).await
    }

    const PAGE: &str = "\u{1}";
    const SOON: Duration = Duration::from_secs(2);

    #[tokio::test]
    async fn a_prompt_is_found_behind_banners_and_log_lines() {
        let script = vec![
            "\r\nWELCOME#\r\nno entry>\r\nr1-lab#",
            "\r\nr1-lab#",
            "show clock\r\n*12:00:00\r\n*Nov 27 21:00:00.1: %SYS-5-CONFIG_I: Configured\r\nr1-lab#",
            "conf t\r\nEnter configuration commands, one per line.\r\nr1-lab(config)#*Nov 27 21:00:01.1: %LINK-3-UPDOWN: Interface\r\n",
        ];
        let mut console = console(script).await.unwrap();
        assert_eq!(console.hostname(), "r1-lab");
        assert_eq!(console.command("show clock", "show clock", SOON).await.unwrap(), "*12:00:00\n");
        console.command("conf t", "conf t", SOON).await.unwrap();
        assert_eq!(console.prompt().mode.as_deref(), Some("config"));
    }

    #[tokio::test]
    async fn pages_are_turned_and_questions_and_refusals_told() {
        let script = vec![
            "r1#",
            "\r\nr1#",
            "showrun\r\nline 1\r\n --More-- ",
            "\u{1}\u{8}\u{8}\u{8}         \u{8}\u{8}line 2\r\nr1#",
            "reload\r\nProceed with reload? [confirm]",
            "\r\nr1#",
            "nonsense secret-word\r\n         ^\r\n% Invalid input detected at '^' marker.\r\n\r\nr1#",
        ];
        let mut console = console(script).await.unwrap();
        let text = console.command("showrun", "showrun", SOON).await.unwrap();
        assert!(text.contains("line 1") && text.contains("line 2"), "{text:?}");
        let error = console.command("reload", "reload", SOON).await.unwrap_err();
        assert!(matches!(&error, RouterError::Asks { question, .. } if question.ends_with("[confirm]")), "{error}");
        console.reply("n", "n", SOON).await.unwrap();
        let error = console.command("nonsense secret-word", "nonsense <secret:x>", SOON).await.unwrap_err();
        assert_eq!(error.to_string(), "r1 refuses `nonsense <secret:x>`: % Invalid input detected at '^' marker.");
    }

    #[tokio::test]
    async fn silence_and_what_would_act_on_the_line_are_errors() {
        let mut console = console(vec!["r1#", "\r\nr1#"]).await.unwrap();
        let short = Duration::from_millis(50);
        assert!(matches!(
            console.command("show version", "show version", short).await,
            Err(RouterError::Silent { .. })
        ));
        let long = "x".repeat(251);
        for line in ["show ?", "a\nb", "a\u{1b}[A", "è", long.as_str()] {
            let sent = console.command(line, line, SOON).await;
            assert!(matches!(sent, Err(RouterError::Unsendable { .. })), "{line}");
        }
    }
}
