//! Connections that a host makes for us (`direct-tcpip`), as `ssh -W` has them, and why it makes none.
//!
//! The library tells a failure by its number alone; the words, in which OpenSSH has the system's own
//! reason, come apart and do not say which connection they are of. So they are kept in the order in
//! which they came: where all of those that came while a connection was tried are the same, they are of it.

use super::Session;
use crate::untrusted::printable;
use russh::client::Msg;
use russh::{ChannelOpenFailure, ChannelStream};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the C library calls ECONNREFUSED: sshd speaks no other language.
const REFUSED: &str = "Connection refused";
/// How long a sign of life may take.
const SIGN: Duration = Duration::from_secs(5);
/// Words that are kept.
const KEPT: usize = 64;
/// How often a connection is tried whose failure cannot be told from another's.
const TRIES: usize = 3;

/// Why a host makes no connection for anybody: it says nothing about the other end.
#[derive(Debug, thiserror::Error)]
#[error("{host} connects us to nobody: set `AllowTcpForwarding yes` (and no narrower `PermitOpen`) in its sshd_config")]
pub struct Prohibited {
    host: String,
}

impl Prohibited {
    /// The host's refusal in an error of [`Session::connect_tcp`], if it is one.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// The words with which a host has refused connections, the last ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures(Arc<Mutex<Words>>);

#[derive(Debug, Default)]
struct Words {
    /// How many there have been.
    count: usize,
    last: VecDeque<String>,
}

impl Failures {
    pub(super) fn note(&self, words: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.count += 1;
        known.last.push_back(words.to_owned());
        if known.last.len() > KEPT {
            known.last.pop_front();
        }
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// The words that came since there were `before`, if they are all the same.
    fn since(&self, before: usize) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = known.count.checked_sub(before).filter(|new| (1..=known.last.len()).contains(new))?;
        let first = known.last.iter().rev().take(new).collect::<Vec<_>>();
        first.iter().all(|words| *words == first[0]).then(|| first[0].clone())
    }
}

impl Session {
    /// A TCP connection from this host to `target`, a name that it resolves or an address. A refusal is
    /// told as one only where the host says so.
    ///
    /// # Errors
    /// Nobody takes the connection, the host makes none ([`Prohibited`]), or the session is lost.
    pub async fn connect_tcp(&self, target: &str, port: u16) -> io::Result<ChannelStream<Msg>> {
        let mut words = None;
        for _ in 0..TRIES {
            let before = self.failures.count();
            let opened = self.handle.channel_open_direct_tcpip(target, port.into(), "127.0.0.1", 0).await;
            match opened {
                Ok(channel) => return Ok(channel.into_stream()),
                Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed)) => {}
                Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited)) => {
                    return Err(io::Error::other(Prohibited { host: self.host.clone() }));
                }
                Err(russh::Error::ChannelOpenFailure(other)) => {
                    return Err(io::Error::other(format!("{} opens no channel ({other:?})", self.host)));
                }
                Err(_) => return Err(self.lost.as_io()),
            }
            // The words are noted after the number is told: an answer to this comes after both.
            self.handle.send_ping().await.map_err(|_| self.lost.as_io())?;
            words = self.failures.since(before);
            if words.is_some() {
                break;
            }
        }
        Err(match words.as_deref() {
            Some(REFUSED) => io::ErrorKind::ConnectionRefused.into(),
            Some(words) if !words.is_empty() => io::Error::other(format!("{} says: {}", self.host, printable(words))),
            _ => io::Error::other(format!("{} cannot connect to it", self.host)),
        })
    }

    /// Why the connection is no more, if that is known by now.
    pub fn loss(&self) -> Option<io::Error> {
        (self.handle.is_closed() || self.lost.is_known()).then(|| self.lost.as_io())
    }

    /// The same, once the host was asked for a sign of life: what is lost may not be known yet.
    pub async fn loss_by_now(&self) -> Option<io::Error> {
        match tokio::time::timeout(SIGN, self.handle.send_ping()).await {
            Ok(Ok(())) => self.loss(),
            Ok(Err(_)) => Some(self.lost.as_io()),
            Err(_) => Some(io::Error::other(format!("it gave no sign of life for {} s", SIGN.as_secs()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_must_be_ours_are_taken_for_ours() {
        let failures = Failures::default();
        assert_eq!(failures.since(0), None);
        failures.note(REFUSED);
        let before = failures.count();
        assert_eq!(failures.since(before), None, "older than our question");
        failures.note(REFUSED);
        failures.note(REFUSED);
        assert_eq!(failures.since(before).as_deref(), Some(REFUSED));
        failures.note("No route to host");
        assert_eq!(failures.since(before), None, "one of them is ours, and nobody knows which");
        assert_eq!(failures.since(before + 2).as_deref(), Some("No route to host"));
        (0..KEPT).for_each(|_| failures.note(REFUSED));
        assert_eq!(failures.since(before), None, "more than are kept");
        assert_eq!(failures.since(failures.count() + 1), None);
    }
}
