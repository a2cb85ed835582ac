//! The receiver's end of the link to an agent: frames out, frames in, bytes counted.

use super::chunk::{FORMAT, Hash};
use super::error::AgentError;
use super::wire::{self, CHECKSUM, Command, HEADER, MAX_REPLY, Reply, WireError, checked_body};
use crate::untrusted::one_line;
use crate::world::{Exit, Pipe};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Silence after which an agent counts as lost; a busy one says every second that it lives. A cut that
/// is shorter is mended by TCP itself, whose next attempt comes within 5 s then.
const SILENCE: Duration = Duration::from_secs(8);

/// How often we look whether bytes came.
const LOOK: Duration = Duration::from_secs(1);

/// How long a host may take to start the agent and greet us.
const GREETING: Duration = Duration::from_secs(30);

/// How long we wait for the exit status of an agent whose output ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Bytes kept of the end of the agent's standard error.
const KEPT_ERRORS: usize = 2048;

/// Frames that may wait for the receiver, the one that is arriving among them: what a kill can cost.
const WAITING_FRAMES: usize = 1;

/// Commands that may wait to be written; a pass keeps fewer outstanding.
const WAITING_COMMANDS: usize = 16;

/// A running agent, connected by its standard streams. One pass at a time.
///
/// Dropped, it closes the agent's input, at which the agent ends.
pub struct AgentLink {
    commands: mpsc::Sender<Vec<u8>>,
    replies: mpsc::Receiver<Result<Reply, AgentError>>,
    tasks: [JoinHandle<()>; 3],
    /// Bytes of frames that were sent and received.
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    bytes_agent: u64,
    in_pass: bool,
    /// Tells the agent that we are there while it holds frozen filesystems.
    holding: Option<JoinHandle<()>>,
}

/// Sets how fast an agent writes, also while a pass runs over its link.
#[derive(Clone)]
pub struct PaceHandle {
    commands: mpsc::Sender<Vec<u8>>,
}

impl PaceHandle {
    /// Allows so many bits a second on the interface from now on: 0 holds everything, `u64::MAX` is
    /// no limit. A link that is gone has no pace; its pass says so.
    pub async fn set(&self, bits_per_second: u64) {
        let _ = self.commands.send(Command::Rate { bits_per_second }.encode()).await;
    }
}

impl AgentLink {
    /// Starts the agent at `program` on this host: for image files here, and for tests.
    ///
    /// # Errors
    /// Where it cannot be started or does not answer.
    pub async fn local(program: &Path) -> Result<Self, AgentError> {
        let mut child = tokio::process::Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_clear()
            .kill_on_drop(true)
            .spawn()?;
        let missing = || AgentError::Io(std::io::ErrorKind::BrokenPipe.into());
        let pipe = Pipe {
            input: Box::new(child.stdin.take().ok_or_else(missing)?),
            output: Box::new(child.stdout.take().ok_or_else(missing)?),
            errors: Box::new(child.stderr.take().ok_or_else(missing)?),
            exit: Box::pin(async move {
                Ok(child.wait().await.ok().and_then(|status| status.code()).map_or(255, i32::unsigned_abs))
            }),
        };
        Self::greet(pipe, None, 0).await
    }

    /// Greets the agent behind `pipe`; `program` is the hash its executable must have.
    ///
    /// # Errors
    /// Where it does not answer, speaks another version, or is another program.
    pub async fn greet(pipe: Pipe, program: Option<Hash>, bytes_agent: u64) -> Result<Self, AgentError> {
        let mut link = Self::over(pipe, bytes_agent);
        link.send(&Command::Hello { format: FORMAT }).await?;
        let reply = link.reply_within(GREETING).await?;
        let Reply::Hello { format, program: found } = reply else {
            return Err(unexpected("a greeting"));
        };
        if format != FORMAT {
            return Err(AgentError::Protocol { reason: format!("it speaks version {format}, we speak {FORMAT}") });
        }
        if program.is_some_and(|program| program != found) {
            return Err(AgentError::Altered);
        }
        Ok(link)
    }

    fn over(pipe: Pipe, bytes_agent: u64) -> Self {
        let (sent, received) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let said = Arc::new(Mutex::new(Vec::new()));
        let (commands, to_write) = mpsc::channel(WAITING_COMMANDS);
        let (arrived, replies) = mpsc::channel(WAITING_FRAMES);
        let tasks = [
            tokio::spawn(write_commands(pipe.input, to_write, Arc::clone(&sent))),
            tokio::spawn(keep_errors(pipe.errors, Arc::clone(&said))),
            tokio::spawn(read_replies(pipe.output, pipe.exit, arrived, Arc::clone(&received), said)),
        ];
        Self { commands, replies, tasks, sent, received, bytes_agent, in_pass: false, holding: None }
    }

    /// Sets the agent's pace while a pass borrows this link.
    pub fn pace(&self) -> PaceHandle {
        PaceHandle { commands: self.commands.clone() }
    }

    /// Bytes it took to push the agent; none for a local one.
    pub fn bytes_agent(&self) -> u64 {
        self.bytes_agent
    }

    /// Bytes of frames in both directions so far.
    pub fn bytes_payload(&self) -> u64 {
        self.sent.load(Ordering::Relaxed) + self.received.load(Ordering::Relaxed)
    }

    /// Marks the beginning of a pass; a link on which one was cut short holds replies nobody waits for.
    pub(super) fn begin_pass(&mut self) -> Result<(), AgentError> {
        if std::mem::replace(&mut self.in_pass, true) { Err(AgentError::Abandoned) } else { Ok(()) }
    }

    /// Marks the end of a pass: nothing is outstanding.
    pub(super) fn end_pass(&mut self) {
        self.in_pass = false;
    }

    /// Sends a command.
    pub(super) async fn send(&mut self, command: &Command) -> Result<(), AgentError> {
        let sent = self.commands.send(command.encode()).await;
        // The writer ended because the link did: the reader knows why.
        if sent.is_err() { self.reply().await.map(|_| ()).and(Err(gone(""))) } else { Ok(()) }
    }

    /// Sends `Hold` so often until [`Self::hold_no_more`] or the end of the link. It need not wait in a full
    /// queue: every command says as much.
    pub(super) fn hold_every(&mut self, interval: Duration) {
        self.hold_no_more();
        let commands = self.commands.clone();
        self.holding = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                if let Err(mpsc::error::TrySendError::Closed(_)) = commands.try_send(Command::Hold.encode()) {
                    return;
                }
            }
        }));
    }

    /// Ends what [`Self::hold_every`] began.
    pub(super) fn hold_no_more(&mut self) {
        if let Some(holding) = self.holding.take() {
            holding.abort();
        }
    }

    /// The next reply; may be cancelled without losing one.
    pub(super) async fn reply(&mut self) -> Result<Reply, AgentError> {
        self.reply_within(SILENCE).await
    }

    /// The next reply, given up after `silence` without a byte.
    async fn reply_within(&mut self, silence: Duration) -> Result<Reply, AgentError> {
        let (mut bytes, mut heard) = (self.received.load(Ordering::Relaxed), Instant::now());
        loop {
            match tokio::time::timeout(LOOK, self.replies.recv()).await {
                Ok(Some(reply)) => return reply,
                Ok(None) => return Err(gone("")),
                // On a very slow link a frame takes minutes: bytes are a sign of life, too.
                Err(_) if self.received.load(Ordering::Relaxed) > bytes => {
                    (bytes, heard) = (self.received.load(Ordering::Relaxed), Instant::now());
                }
                Err(_) if heard.elapsed() < silence => {}
                Err(_) => return Err(AgentError::Silent { seconds: silence.as_secs() }),
            }
        }
    }
}

impl Drop for AgentLink {
    fn drop(&mut self) {
        self.hold_no_more();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The error of a reply that does not belong here.
pub(super) fn unexpected(wanted: &str) -> AgentError {
    AgentError::Protocol { reason: format!("something else came instead of {wanted}") }
}

fn gone(said: &str) -> AgentError {
    AgentError::Gone { said: said.to_owned(), exited: false }
}

async fn write_commands(
    mut input: Box<dyn AsyncWrite + Send + Unpin>,
    mut commands: mpsc::Receiver<Vec<u8>>,
    payload: Arc<AtomicU64>,
) {
    while let Some(frame) = commands.recv().await {
        if input.write_all(&frame).await.is_err() || input.flush().await.is_err() {
            return;
        }
        payload.fetch_add(frame.len() as u64, Ordering::Relaxed);
    }
    let _ = input.shutdown().await;
}

async fn keep_errors(mut errors: Box<dyn AsyncRead + Send + Unpin>, said: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = errors.read(&mut piece).await {
        let Ok(mut said) = said.lock() else { return };
        said.extend_from_slice(&piece[..length]);
        let surplus = said.len().saturating_sub(KEPT_ERRORS);
        said.drain(..surplus);
    }
}

async fn read_replies(
    mut output: Box<dyn AsyncRead + Send + Unpin>,
    exit: Exit,
    replies: mpsc::Sender<Result<Reply, AgentError>>,
    payload: Arc<AtomicU64>,
    said: Arc<Mutex<Vec<u8>>>,
) {
    // Room first: no frame is read before the one ahead of it was taken.
    while let Ok(room) = replies.reserve().await {
        match read_reply(&mut output, &payload).await {
            Ok(reply) => room.send(Ok(reply)),
            Err(error) => return room.send(Err(explain(error, exit, &said).await)),
        }
    }
}

/// Why the agent went away: the lost connection, or its own last words, which come on another stream.
async fn explain(error: AgentError, exit: Exit, said: &Mutex<Vec<u8>>) -> AgentError {
    if !matches!(error, AgentError::Gone { .. } | AgentError::Io(_)) {
        return error;
    }
    let ended = tokio::time::timeout(LAST_WORDS, exit).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    match ended {
        Ok(Err(lost)) => AgentError::Shell(lost),
        ended => {
            let said = said.lock().map(|said| one_line(&said)).unwrap_or_default();
            AgentError::Gone { said, exited: ended.is_ok() }
        }
    }
}

async fn read_reply(output: &mut (impl AsyncRead + Unpin), payload: &AtomicU64) -> Result<Reply, AgentError> {
    let mut header = [0; HEADER];
    read_exact(output, &mut header, payload).await?;
    let (kind, length) = wire::parse_header(&header, MAX_REPLY).map_err(broken)?;
    let mut rest = vec![0; length + CHECKSUM];
    read_exact(output, &mut rest, payload).await?;
    Reply::decode(kind, checked_body(&header, &rest).map_err(broken)?).map_err(broken)
}

/// Fills `buffer`, counting bytes as they come.
async fn read_exact(
    output: &mut (impl AsyncRead + Unpin),
    mut buffer: &mut [u8],
    payload: &AtomicU64,
) -> Result<(), AgentError> {
    while !buffer.is_empty() {
        let length = output.read(buffer).await?;
        if length == 0 {
            return Err(gone(""));
        }
        payload.fetch_add(length as u64, Ordering::Relaxed);
        buffer = &mut buffer[length..];
    }
    Ok(())
}

fn broken(error: WireError) -> AgentError {
    AgentError::Protocol { reason: error.to_string() }
}
