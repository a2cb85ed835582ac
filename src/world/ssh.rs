//! SSH to a host, without a subprocess: one session, many commands, jump hosts in between.
//!
//! The host key is verified against the inventory or known_hosts before anything is sent. One
//! session carries one bulk stream: its streams share one TCP connection, and a reader that pauses
//! pauses them all.

mod forward;
mod known_hosts;
mod login;
mod pipe;
mod purpose;
mod transport;
mod trouble;
mod trust;
mod wire;

pub use forward::Unconnected;
pub use trust::Trust;

use super::{Output, Pipe, Shell, ShellError};
use crate::model::router_access::RouterAccess;
use crate::model::server::Access;
use forward::Failures;
use login::Attempt;
use purpose::Purpose;
use russh::client::{self, Handle};
use russh::keys::ssh_key::Algorithm;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use transport::{Client, DEAD_AFTER, Lost};
use trouble::Trouble;
use trust::HostKeyRule;
use wire::{Traffic, Wire};

/// The most that `run` keeps of each stream, in bytes.
pub const LONGEST_OUTPUT: usize = 8 << 20;

/// How long each hop may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// TCP connection and key exchange.
    pub connect: Duration,
    /// Login; an agent may ask its user.
    pub login: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), login: Duration::from_secs(30) }
    }
}

/// A logged-in SSH session.
pub struct Session {
    host: String,
    handle: Handle<Client>,
    lost: Lost,
    failures: Failures,
    traffic: Arc<Traffic>,
    /// Bytes that the handshakes took, of all hops: sent and received.
    handshake: (u64, u64),
    /// Kept, since it carries this session.
    _jump: Option<Arc<Session>>,
}

impl Session {
    /// Connects to `access`, through its jump hosts, verifies each host key and logs in.
    ///
    /// # Errors
    /// The first hop that fails, by its own name.
    pub async fn connect(access: &Access, trust: &Trust, deadlines: Deadlines) -> Result<Self, ShellError> {
        Self::connect_for(Purpose::Copying, access, trust, deadlines).await
    }

    /// Like [`Self::connect`], to a router: its packets are those of management, which the backup line
    /// carries too.
    ///
    /// # Errors
    /// The first hop that fails, by its own name.
    pub async fn connect_router(
        router: &RouterAccess,
        trust: &Trust,
        deadlines: Deadlines,
    ) -> Result<Self, ShellError> {
        Self::connect_for(Purpose::Management, &router.access, trust, deadlines).await
    }

    async fn connect_for(
        purpose: Purpose,
        access: &Access,
        trust: &Trust,
        deadlines: Deadlines,
    ) -> Result<Self, ShellError> {
        let jump = match &access.via {
            Some(via) => Some(Arc::new(Box::pin(Self::connect_for(purpose, via, trust, deadlines)).await?)),
            None => None,
        };
        Self::connect_by(purpose, access, trust, deadlines, jump).await
    }

    /// Connects to `access` through a session that there is already, which others use beside.
    ///
    /// # Errors
    /// Like [`Self::connect`].
    pub async fn connect_over(
        jump: Arc<Session>,
        access: &Access,
        trust: &Trust,
        deadlines: Deadlines,
    ) -> Result<Self, ShellError> {
        Self::connect_by(Purpose::Copying, access, trust, deadlines, Some(jump)).await
    }

    async fn connect_by(
        purpose: Purpose,
        access: &Access,
        trust: &Trust,
        deadlines: Deadlines,
        jump: Option<Arc<Session>>,
    ) -> Result<Self, ShellError> {
        let late = |seconds: Duration| {
            let (host, seconds) = (access.host.clone(), seconds.as_secs());
            ShellError::Deadline { host, seconds, printed: Vec::new() }
        };
        let shaking = shake_hands(purpose, access, trust.rule(access)?, jump.as_deref());
        let shaken = tokio::time::timeout(deadlines.connect, shaking).await.map_err(|_| late(deadlines.connect))?;
        let Shaken { mut handle, lost, failures, traffic } = shaken.map_err(|trouble| trouble.at(&access.host))?;
        let attempt = Attempt { handle: &mut handle, access, trust, lost: &lost };
        tokio::time::timeout(deadlines.login, attempt.log_in()).await.map_err(|_| late(deadlines.login))??;
        let handshake = traffic.bytes();
        tracing::debug!(host = %access.host, port = access.port, jump = jump.is_some(), "logged in over SSH");
        Ok(Self { host: access.host.clone(), handle, lost, failures, traffic, handshake, _jump: jump })
    }

    /// Bytes sent and received on the TCP connection since the login. Through a jump host: of the
    /// connection to the first jump host, which is the one that the link sees.
    pub fn bytes(&self) -> (u64, u64) {
        let (sent, received) = self.traffic.bytes();
        (sent.saturating_sub(self.handshake.0), received.saturating_sub(self.handshake.1))
    }

    /// The host's name in the inventory.
    pub fn host(&self) -> &str {
        &self.host
    }

    async fn start(&self, command: &str) -> Result<Pipe, ShellError> {
        let channel = self.handle.channel_open_session().await.map_err(|error| self.unopened(error))?;
        channel.exec(true, command).await.map_err(|error| self.unopened(error))?;
        Ok(pipe::connect(channel, &self.host, self.lost.clone()))
    }

    /// Opens a terminal of `columns` by `rows`, as a person at a keyboard has it.
    ///
    /// # Errors
    /// The host gives no terminal, or the connection is lost.
    pub async fn terminal(&self, columns: u32, rows: u32) -> Result<Pipe, ShellError> {
        let channel = self.handle.channel_open_session().await.map_err(|error| self.unopened(error))?;
        // Routers answer neither request before both are there; a refusal closes the channel.
        channel.request_pty(false, "vt100", columns, rows, 0, 0, &[]).await.map_err(|error| self.unopened(error))?;
        channel.request_shell(true).await.map_err(|error| self.unopened(error))?;
        Ok(pipe::connect(channel, &self.host, self.lost.clone()))
    }

    fn unopened(&self, error: russh::Error) -> ShellError {
        match error {
            russh::Error::ChannelOpenFailure(_) => ShellError::Refused { host: self.host.clone() },
            _ => self.lost.at(&self.host),
        }
    }

    /// Runs `command` with `script` on its standard input, and waits for its end.
    ///
    /// # Errors
    /// The command cannot be run, prints too much, or does not end in time.
    pub async fn feed(&self, command: &str, script: &str, deadline: Duration) -> Result<Output, ShellError> {
        // Dropping the run drops its pipe, which kills the command.
        let mut printed = Vec::new();
        let ended = tokio::time::timeout(deadline, self.run_to_end(command, script, &mut printed)).await;
        let (host, seconds) = (self.host.clone(), deadline.as_secs());
        ended.unwrap_or_else(|_| Err(ShellError::Deadline { host, seconds, printed }))
    }

    async fn run_to_end(&self, command: &str, script: &str, printed: &mut Vec<u8>) -> Result<Output, ShellError> {
        let Pipe { mut input, output, errors, exit } = self.start(command).await?;
        let feed = async {
            // A shell that ends before it has read its script says so by its exit status.
            let _ = input.write_all(script.as_bytes()).await;
            drop(input);
            Ok(())
        };
        let mut stderr = Vec::new();
        match tokio::try_join!(feed, collect(output, printed), collect(errors, &mut stderr)) {
            Ok(_) => {
                let status = exit.await?;
                let stdout = std::mem::take(printed);
                tracing::debug!(host = %self.host, status, bytes = stdout.len(), "a script ended");
                Ok(Output { status, stdout, stderr })
            }
            Err(Cut::TooMuch) => Err(ShellError::TooMuch { host: self.host.clone(), limit: LONGEST_OUTPUT }),
            // The end of the command knows why.
            Err(Cut::Broken) => Err(exit.await.err().unwrap_or_else(|| self.lost.at(&self.host))),
        }
    }
}

/// Why a stream was not read to its end.
enum Cut {
    TooMuch,
    Broken,
}

/// Reads a stream to its end into `bytes`, which has what came also where the end never comes.
async fn collect(stream: Box<dyn AsyncRead + Send + Unpin>, bytes: &mut Vec<u8>) -> Result<(), Cut> {
    let mut stream = stream.take(LONGEST_OUTPUT as u64 + 1);
    stream.read_to_end(bytes).await.map_err(|_| Cut::Broken)?;
    if bytes.len() > LONGEST_OUTPUT { Err(Cut::TooMuch) } else { Ok(()) }
}

impl Shell for Session {
    async fn run(&self, script: &str, deadline: Duration) -> Result<Output, ShellError> {
        self.feed("/bin/sh -s", script, deadline).await
    }

    async fn open(&self, command: &str) -> Result<Pipe, ShellError> {
        self.start(command).await
    }
}

/// A connection whose host key was accepted.
struct Shaken {
    handle: Handle<Client>,
    lost: Lost,
    failures: Failures,
    traffic: Arc<Traffic>,
}

/// Connects, and once more for each other kind of host key where that may find the one we know.
async fn shake_hands(
    purpose: Purpose,
    access: &Access,
    rule: HostKeyRule,
    jump: Option<&Session>,
) -> Result<Shaken, Trouble> {
    let mut first: Option<Trouble> = None;
    for offer in rule.offers() {
        match dial(purpose, access, &rule, offer, jump).await {
            Ok(shaken) => return Ok(shaken),
            Err(trouble) if trouble.is_about_host_key() => {
                // A key that was shown tells more than a kind of key that the host has not.
                if !matches!(first, Some(Trouble::HostKey { .. })) {
                    first = Some(trouble);
                }
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Err(first.unwrap_or(Trouble::Protocol(russh::Error::HUP)))
}

/// One connection, asking for one of the host keys in `offer`.
async fn dial(
    purpose: Purpose,
    access: &Access,
    rule: &HostKeyRule,
    offer: Vec<Algorithm>,
    jump: Option<&Session>,
) -> Result<Shaken, Trouble> {
    let lost = Lost::default();
    let config = transport::config(access.ssh_profile, offer);
    let failures = Failures::default();
    let ours = Client { rule: rule.clone(), lost: lost.clone(), failures: failures.clone() };
    let (handle, traffic) = match jump {
        Some(jump) => {
            let stream = jump.forward(access).await?;
            (client::connect_stream(config, stream, ours).await?, Arc::clone(&jump.traffic))
        }
        None => {
            let wire =
                Wire::connect(&access.host, access.port, purpose.dscp(), DEAD_AFTER).await.map_err(Trouble::Tcp)?;
            let traffic = wire.traffic();
            (client::connect_stream(config, wire, ours).await?, traffic)
        }
    };
    Ok(Shaken { handle, lost, failures, traffic })
}

impl Session {
    /// A stream from this host to `target`, as ProxyJump makes one.
    async fn forward(&self, target: &Access) -> Result<russh::ChannelStream<client::Msg>, Trouble> {
        let stream = self.connect_tcp(&target.host, target.port).await;
        stream.map_err(|source| Trouble::Jump { jump: self.host.clone(), source })
    }
}
