//! The TCP connection of a session, counting its bytes.

use rustix::net::sockopt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that went over a TCP connection, in both directions.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Traffic {
    /// Bytes sent and received so far.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }
}

/// A TCP stream that counts what passes.
pub(super) struct Wire {
    stream: TcpStream,
    traffic: Arc<Traffic>,
}

/// How long one attempt to connect waits before another is made.
const ATTEMPT: Duration = Duration::from_millis(2500);

/// Connects, beginning anew while nobody answers: the kernel asks again after 1, 3 and 7 s, and a link
/// that has just come back should not wait for that. Ends with the caller's deadline.
async fn knock(host: &str, port: u16) -> io::Result<TcpStream> {
    loop {
        match tokio::time::timeout(ATTEMPT, TcpStream::connect((host, port))).await {
            Ok(connected) => return connected,
            Err(_) => continue,
        }
    }
}

impl Wire {
    /// Connects, without Nagle's delay, with packets marked `dscp`. Sent data that nobody acknowledges for
    /// `dead_after` ends the connection: the SSH keepalive cannot see that, since it waits behind the data.
    pub(super) async fn connect(host: &str, port: u16, dscp: u8, dead_after: Duration) -> io::Result<Self> {
        let stream = knock(host, port).await?;
        stream.set_nodelay(true)?;
        mark(&stream, dscp);
        let milliseconds = u32::try_from(dead_after.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(&stream, milliseconds)?;
        Ok(Self { stream, traffic: Arc::default() })
    }

    /// The counters, which outlive the stream.
    pub(super) fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.traffic)
    }
}

/// Marks what we send with a class of service. The host marks its own packets, so what comes back is
/// classified by address.
fn mark(stream: &TcpStream, dscp: u8) {
    // The upper six bits of the octet.
    let octet = dscp << 2;
    let marked = match stream.peer_addr() {
        Ok(SocketAddr::V6(_)) => sockopt::set_ipv6_tclass(stream, octet.into()),
        _ => sockopt::set_ip_tos(stream, octet),
    };
    if let Err(error) = marked {
        // It is a courtesy: without it the connection works as well.
        tracing::debug!(%error, "packets are not marked");
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.traffic.received.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buffer))?;
        self.traffic.sent.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
