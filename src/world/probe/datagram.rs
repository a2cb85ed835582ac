//! Questions by UDP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// A datagram without answer is sent again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest datagram that is read, in bytes.
const LONGEST: usize = 4096;

/// A socket that talks to `host` only.
pub(super) async fn connected(host: &str, port: u16) -> io::Result<UdpSocket> {
    let found = tokio::net::lookup_host((host, port)).await?.next();
    let server = found.ok_or_else(|| io::Error::other("the name has no address"))?;
    let local: SocketAddr = if server.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(server).await?;
    Ok(socket)
}

/// Sends `question` until an answer comes that `read` takes. Anything else that arrives is ignored:
/// anybody can send a datagram.
pub(super) async fn exchange<T>(
    socket: &UdpSocket,
    question: &[u8],
    read: impl Fn(&[u8]) -> Option<T>,
) -> io::Result<T> {
    let mut buffer = vec![0; LONGEST];
    loop {
        socket.send(question).await?;
        let again = Instant::now() + AGAIN;
        while let Ok(received) = timeout_at(again, socket.recv(&mut buffer)).await {
            if let Some(answer) = read(buffer.get(..received?).unwrap_or_default()) {
                return Ok(answer);
            }
        }
    }
}
