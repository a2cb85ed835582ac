//! A command's streams over an SSH channel: bounded, half-closable, and honest about a lost connection.

use super::transport::Lost;
use crate::untrusted::printable;
use crate::world::{Pipe, ShellError};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot};

/// Messages (of at most 64 KiB) that wait for the reader of each stream.
const WAITING: usize = 16;
/// SSH_EXTENDED_DATA_STDERR of RFC 4254.
const STDERR: u32 = 1;

/// What a stream carries to its reader.
type Chunks = mpsc::Sender<io::Result<Vec<u8>>>;
/// Where the end of a command is told.
type Ending = Result<u32, ShellError>;

/// Connects `channel`, on which a command was started, to the streams of a pipe.
pub(super) fn connect(channel: Channel<Msg>, host: &str, lost: Lost) -> Pipe {
    let (read, write) = channel.split();
    let writer = Box::new(write.make_writer());
    let write = Arc::new(write);
    let (output, output_reader) = mpsc::channel(WAITING);
    let (errors, errors_reader) = mpsc::channel(WAITING);
    let (end_of_input, input_ended) = oneshot::channel::<()>();
    let (running, over) = oneshot::channel::<()>();
    let (done, exit) = oneshot::channel();

    // A task of its own: the queue that takes the end of input may be full until the relay has read.
    let half_close = Arc::clone(&write);
    tokio::spawn(async move {
        let _ = input_ended.await;
        // An error means that the channel is gone, and its input with it.
        let _ = half_close.eof().await;
    });
    let relay = Relay { host: host.to_owned(), lost: lost.clone(), write, status: None };
    tokio::spawn(async move {
        relay.run(read, output, errors, done).await;
        drop(running);
    });

    let host = host.to_owned();
    Pipe {
        input: Box::new(Outgoing { writer, end: Some(end_of_input), over: Some(over) }),
        output: Box::new(Incoming::new(output_reader)),
        errors: Box::new(Incoming::new(errors_reader)),
        exit: Box::pin(async move { exit.await.unwrap_or_else(|_| Err(lost.at(&host))) }),
    }
}

/// Sorts a channel's messages to the streams.
struct Relay {
    host: String,
    lost: Lost,
    write: Arc<ChannelWriteHalf<Msg>>,
    status: Option<Ending>,
}

impl Relay {
    /// Relays until the channel closes, or nobody listens any more.
    async fn run(
        mut self,
        mut read: ChannelReadHalf,
        output: Chunks,
        errors: Chunks,
        mut done: oneshot::Sender<Ending>,
    ) {
        // Present until the host says that the output is over.
        let mut output = Some(output);
        loop {
            let message = tokio::select! {
                message = read.wait() => message,
                () = abandoned(output.as_ref(), &mut done) => {
                    return self.give_up(read).await;
                }
            };
            match message {
                Some(ChannelMsg::Data { data }) => {
                    // Whoever dropped the reader does not want it.
                    if let Some(reader) = &output {
                        let _ = reader.send(Ok(data.to_vec())).await;
                    }
                }
                Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => {
                    let _ = errors.send(Ok(data.to_vec())).await;
                }
                Some(ChannelMsg::Eof) => output = None,
                Some(ChannelMsg::Failure) => {
                    // The only request that wants an answer is the one to run the command.
                    self.status = Some(Err(ShellError::Refused { host: self.host.clone() }));
                    let _ = self.write.close().await;
                    break;
                }
                Some(ChannelMsg::Close) | None => break,
                Some(other) => self.note(other),
            }
        }
        if let Some(reader) = output.filter(|_| !matches!(self.status, Some(Ok(_)))) {
            // Never a silent end of file; a reader that is gone need not know.
            let _ = reader.send(Err(self.lost.as_io())).await;
        }
        let ending = self.status.unwrap_or_else(|| Err(self.lost.at(&self.host)));
        // Nobody may be waiting for the end.
        let _ = done.send(ending);
    }

    /// Notes how the command ended.
    fn note(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::ExitStatus { exit_status } => self.status = Some(Ok(exit_status)),
            ChannelMsg::ExitSignal { signal_name, .. } => {
                let signal = match signal_name {
                    Sig::Custom(name) => printable(&name),
                    known => format!("{known:?}"),
                };
                self.status = Some(Err(ShellError::Killed { host: self.host.clone(), signal }));
            }
            _ => {}
        }
    }

    /// Kills the command, as far as the host lets us, and closes the channel.
    async fn give_up(self, read: ChannelReadHalf) {
        // First: the session delivers to this reader before it takes the messages below.
        drop(read);
        let _ = self.write.signal(Sig::KILL).await;
        let _ = self.write.close().await;
    }
}

/// Waits until nobody listens, neither to the output (over where there is none) nor for the end.
async fn abandoned(output: Option<&Chunks>, done: &mut oneshot::Sender<Ending>) {
    if let Some(reader) = output {
        reader.closed().await;
    }
    done.closed().await;
}

/// The reading end of a stream.
struct Incoming {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    read: usize,
}

impl Incoming {
    fn new(chunks: mpsc::Receiver<io::Result<Vec<u8>>>) -> Self {
        Self { chunks, current: Vec::new(), read: 0 }
    }
}

impl AsyncRead for Incoming {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.read == self.current.len() {
            match ready!(self.chunks.poll_recv(cx)) {
                Some(chunk) => {
                    self.current = chunk?;
                    self.read = 0;
                }
                None => return Poll::Ready(Ok(())),
            }
        }
        let rest = &self.current[self.read..];
        let taken = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..taken]);
        self.read += taken;
        Poll::Ready(Ok(()))
    }
}

/// The writing end of a command's input.
struct Outgoing<W> {
    writer: Box<W>,
    /// Dropped, it ends the input.
    end: Option<oneshot::Sender<()>>,
    /// Resolves when the channel is over; the writer itself would wait for a window for ever.
    over: Option<oneshot::Receiver<()>>,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Outgoing<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        if self.end.is_none() || self.over.is_none() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.over.as_mut().is_some_and(|over| Pin::new(over).poll(cx).is_ready()) {
            self.over = None;
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.writer).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end = None;
        Poll::Ready(Ok(()))
    }
}
