//! Runs programs on a Windows: a shell for each, which is deleted whatever happens.
//!
//! The work runs in a task of its own: a caller who gives up, or whose deadline passes, cannot
//! keep it from deleting its shell (2008 R2 has five of them for each account). If even that fails,
//! for the link is cut, the host deletes the shell by itself when it was idle for two minutes.

use super::connection::{Connection, OPERATION};
use super::ntlm::Credential;
use super::soap::{self, Fault, INPUT_PART, Received, Request};
use super::trouble::Trouble;
use crate::model::server::WinrmAccess;
use crate::world::vantage::Vantage;
use crate::world::{Output, Pipe, Shell, ShellError, powershell, secret};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout;

/// The most that is kept of each stream, in bytes.
pub(super) const LONGEST_OUTPUT: usize = 8 << 20;
/// After so long without a question the host deletes a shell by itself.
const IDLE: Duration = Duration::from_secs(120);
/// How long a request may take: the host's own waiting, and the way.
const REQUEST: Duration = OPERATION.saturating_add(Duration::from_secs(15));
/// How long the deletion of a shell may take, with a new login where it is needed.
const CLOSING: Duration = Duration::from_secs(15);

/// How long the way in may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// TCP connection, TLS and login.
    pub connect: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15) }
    }
}

/// A Windows that we are logged in to.
pub struct Session {
    host: Arc<Host>,
    /// Taken by one run at a time: a session is one connection with one shell.
    connection: Arc<Mutex<Connection>>,
}

/// How the host is reached, now and once more if the connection is lost.
struct Host {
    access: WinrmAccess,
    /// The inventory's root, from which secrets are read.
    root: PathBuf,
    /// Where it is reached from.
    from: Vantage,
    deadlines: Deadlines,
}

/// A program to run.
struct Program {
    name: String,
    arguments: Vec<String>,
    input: Vec<u8>,
}

/// What is open on the host.
struct Open {
    shell: Option<String>,
    /// The process, while it runs.
    command: Option<String>,
}

/// Why a run has no output.
enum Cut {
    Trouble(Trouble),
    TooMuch,
}

impl From<Trouble> for Cut {
    fn from(trouble: Trouble) -> Self {
        Cut::Trouble(trouble)
    }
}

impl Session {
    /// Connects and logs in. Nothing is opened on the host yet.
    ///
    /// # Errors
    /// The host is not there, refuses the login, or does not seal.
    pub async fn connect(
        from: &Vantage,
        access: &WinrmAccess,
        root: &Path,
        deadlines: Deadlines,
    ) -> Result<Self, ShellError> {
        let host = Host { access: access.clone(), root: root.to_owned(), from: from.clone(), deadlines };
        let connection = host.connect().await?;
        tracing::debug!(host = %access.host, port = access.port, "logged in over WinRM");
        Ok(Self { host: Arc::new(host), connection: Arc::new(Mutex::new(connection)) })
    }

    /// The host's name in the inventory.
    pub fn host(&self) -> &str {
        &self.host.access.host
    }

    /// Who the host says that it is: its system and the version of WinRM.
    ///
    /// # Errors
    /// It does not answer, or with a fault.
    pub async fn identify(&self) -> Result<soap::Identity, ShellError> {
        let mut connection = self.connection.lock().await;
        let asked = within(REQUEST, connection.ask(&Request::Identify)).await;
        let identity = asked.and_then(|answer| answered(&Request::Identify, soap::identity(&answer)));
        identity.map_err(|trouble| self.host.failed(trouble))
    }

    /// Runs a program with `input` on its standard input, and waits for its end. The program is to
    /// read its input before it prints much: nothing is received while it is fed.
    ///
    /// # Errors
    /// The host cannot be asked, or the program did not end in time or printed too much.
    pub async fn run_program(
        &self,
        name: &str,
        arguments: &[&str],
        input: &[u8],
        deadline: Duration,
    ) -> Result<Output, ShellError> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let program = Program { name: name.to_owned(), arguments, input: input.to_vec() };
        let (host, connection) = (self.host.clone(), self.connection.clone());
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move {
            let mut connection = connection.lock_owned().await;
            let mut tell = tell;
            let result = host.run(&mut connection, &program, deadline, tell.closed()).await;
            // Nobody waits for what was given up.
            let _ = tell.send(result);
        });
        let broken = || self.host.failed(Trouble::Lost("the task that asks it ended: a bug in traghetto".into()));
        told.await.unwrap_or_else(|_| Err(broken()))
    }
}

impl Shell for Session {
    async fn run(&self, script: &str, deadline: Duration) -> Result<Output, ShellError> {
        let arguments = powershell::arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.run_program(powershell::PROGRAM, &arguments, script.as_bytes(), deadline).await
    }

    async fn open(&self, _: &str) -> Result<Pipe, ShellError> {
        Err(self.host.failed(Trouble::NoStreams))
    }
}

impl Host {
    async fn connect(&self) -> Result<Connection, ShellError> {
        let host = || self.access.host.clone();
        let password = secret::password(&self.access.password, &self.root).map_err(|error| ShellError::Secret {
            host: host(),
            what: error.what,
            source: error.source,
        })?;
        let credential = Credential::new(&self.access.user, password);
        let opened = timeout(self.deadlines.connect, Connection::open(&self.from, &self.access, &credential)).await;
        let late =
            |_| ShellError::Deadline { host: host(), seconds: self.deadlines.connect.as_secs(), printed: Vec::new() };
        opened.map_err(late)?.map_err(|trouble| self.failed(trouble))
    }

    fn failed(&self, trouble: Trouble) -> ShellError {
        let host = self.access.host.clone();
        match trouble {
            Trouble::Lost(source) => ShellError::Unreachable { host, source },
            trouble => {
                let (transient, hint) = (trouble.is_transient(), trouble.hint());
                ShellError::Winrm { host, source: Box::new(trouble), transient, hint }
            }
        }
    }

    async fn run(
        &self,
        connection: &mut Connection,
        program: &Program,
        deadline: Duration,
        given_up: impl Future<Output = ()>,
    ) -> Result<Output, ShellError> {
        if !connection.is_usable() {
            *connection = self.connect().await?;
        }
        // Not given up half-way: the shell's name must be known to delete it.
        let shell = within(REQUEST, create(connection)).await.map_err(|trouble| self.failed(trouble))?;
        let mut open = Open { shell: Some(shell), command: None };
        let host = || self.access.host.clone();
        let late = || ShellError::Deadline { host: host(), seconds: deadline.as_secs(), printed: Vec::new() };
        let result = tokio::select! {
            ended = timeout(deadline, work(connection, program, &mut open)) => match ended {
                Ok(Ok(output)) => Ok(output),
                Ok(Err(Cut::Trouble(trouble))) => Err(self.failed(trouble)),
                Ok(Err(Cut::TooMuch)) => Err(ShellError::TooMuch { host: host(), limit: LONGEST_OUTPUT }),
                Err(_) => Err(late()),
            },
            () = given_up => Err(late()),
        };
        if timeout(CLOSING, self.close(connection, &open)).await.is_err() {
            tracing::warn!(host = %self.access.host, "the shell could not be deleted in time; the host does it when idle");
        }
        result
    }

    /// Ends what is open, over a new connection where the old one is of no use.
    async fn close(&self, connection: &mut Connection, open: &Open) {
        let Some(shell) = &open.shell else { return };
        if !connection.is_usable() {
            match self.connect().await {
                Ok(fresh) => *connection = fresh,
                Err(error) => {
                    tracing::warn!(host = %self.access.host, %error, "the shell stays until the host finds it idle");
                    return;
                }
            }
        }
        let terminate = open.command.as_deref().map(|command| Request::Terminate { shell, command });
        for request in terminate.into_iter().chain([Request::Delete { shell }]) {
            if let Err(error) = connection.ask(&request).await {
                tracing::warn!(host = %self.access.host, %error, "{} failed", request.name());
            }
        }
    }
}

async fn create(connection: &mut Connection) -> Result<String, Trouble> {
    let request = Request::Create { idle: IDLE };
    let answer = connection.ask(&request).await?;
    answered(&request, soap::shell_id(&answer))
}

/// Starts the program, feeds it, and collects what it prints.
async fn work(connection: &mut Connection, program: &Program, open: &mut Open) -> Result<Output, Cut> {
    let shell = open.shell.clone().unwrap_or_default();
    let arguments: Vec<&str> = program.arguments.iter().map(String::as_str).collect();
    let request = Request::Command { shell: &shell, program: &program.name, arguments: &arguments };
    let answer = within(REQUEST, connection.ask(&request)).await?;
    let command = answered(&request, soap::command_id(&answer))?;
    open.command = Some(command.clone());
    feed(connection, &shell, &command, &program.input).await?;
    let output = collect(connection, &shell, &command).await?;
    open.command = None;
    Ok(output)
}

async fn feed(connection: &mut Connection, shell: &str, command: &str, input: &[u8]) -> Result<(), Trouble> {
    let parts: Vec<&[u8]> = if input.is_empty() { vec![input] } else { input.chunks(INPUT_PART).collect() };
    let last = parts.len().saturating_sub(1);
    for (position, bytes) in parts.into_iter().enumerate() {
        let request = Request::Send { shell, command, bytes, end: position == last };
        let answer = within(REQUEST, connection.ask(&request)).await?;
        match answered(&request, soap::accepted(&answer)) {
            // A program that ended before it read everything tells so by its exit status.
            Err(Trouble::Fault { fault: Fault::Other { .. }, .. }) => return Ok(()),
            told => told?,
        }
    }
    Ok(())
}

async fn collect(connection: &mut Connection, shell: &str, command: &str) -> Result<Output, Cut> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let request = Request::Receive { shell, command };
    loop {
        let answer = within(REQUEST, connection.ask(&request)).await?;
        let received = match soap::received(&answer, command) {
            // The deadline of the run ends this.
            Err(Fault::TimedOut) => Received::default(),
            told => answered(&request, told)?,
        };
        stdout.extend(received.stdout);
        stderr.extend(received.stderr);
        if stdout.len().max(stderr.len()) > LONGEST_OUTPUT {
            return Err(Cut::TooMuch);
        }
        if let Some(status) = received.exit {
            return Ok(Output { status, stdout, stderr });
        }
    }
}

fn answered<T>(request: &Request<'_>, told: Result<T, Fault>) -> Result<T, Trouble> {
    told.map_err(|fault| Trouble::Fault { request: request.name(), fault })
}

async fn within<T>(limit: Duration, asked: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let late = |_| Trouble::Lost(format!("no answer within {} s", limit.as_secs()).into());
    timeout(limit, asked).await.map_err(late)?
}
