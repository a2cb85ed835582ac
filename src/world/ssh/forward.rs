//! Connections that a host makes for us (`direct-tcpip`), as `ssh -W` has them, and why it makes none.
//!
//! The library tells a failure by its number alone; the words, in which OpenSSH has the system's own
//! reason, come apart and do not say which connection they are of. So they are kept in the order in
//! which they came: where all of those that came while a connection was tried are the same, they are of it.
//! Only those of a network are its answers; with any other the host has told nothing of the other end.

use super::Session;
use crate::untrusted::printable;
use russh::client::Msg;
use russh::{ChannelOpenFailure, ChannelStream};
use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the C library calls the answers of a network: sshd speaks no other language. All other words are
/// of the host's own trouble, such as a name that it does not resolve.
const ANSWERS: [(&str, io::ErrorKind); 3] = [
    ("Connection refused", io::ErrorKind::ConnectionRefused),
    ("Connection timed out", io::ErrorKind::TimedOut),
    ("No route to host", io::ErrorKind::HostUnreachable),
];
/// How long a sign of life may take.
const SIGN: Duration = Duration::from_secs(5);
/// Words that are kept.
const KEPT: usize = 64;
/// How often a connection is tried whose failure cannot be told from another's.
const TRIES: usize = 3;

/// Why a host made no connection for us: it says nothing about the other end.
#[derive(Debug, thiserror::Error)]
pub enum Unconnected {
    /// It makes none for anybody.
    #[error(
        "{host} connects us to nobody: set `AllowTcpForwarding yes` (and no narrower `PermitOpen`) in its sshd_config"
    )]
    Prohibited {
        /// Which host.
        host: String,
    },
    /// It has a trouble of its own.
    #[error("{host} says: {why}")]
    Trouble {
        /// Which host.
        host: String,
        /// Which trouble.
        why: String,
        /// Whether it may pass by itself.
        transient: bool,
    },
}

impl Unconnected {
    /// The host's own trouble in an error, or in one of its causes.
    pub fn of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            let inner = || cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref();
            if let Some(own) = cause.downcast_ref().or_else(inner) {
                return Some(own);
            }
            next = cause.source();
        }
        None
    }

    /// Whether it may pass by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Trouble { transient: true, .. })
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

    /// The words that came since there were `before`, the last first; none where some are not kept.
    fn since(&self, before: usize) -> Vec<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = known.count.checked_sub(before).filter(|new| *new <= known.last.len());
        known.last.iter().rev().take(new.unwrap_or(0)).cloned().collect()
    }
}

/// What words say of a connection of which some of them are.
#[derive(Debug, PartialEq)]
enum Told {
    /// This, for sure.
    Answer(io::ErrorKind),
    /// Nobody took it; how it was not taken is not known.
    Nobody,
    /// The host's own trouble, perhaps.
    Else(String),
}

fn told(words: &[String]) -> Told {
    let kinds: Vec<Option<io::ErrorKind>> =
        words.iter().map(|said| ANSWERS.iter().find(|(answer, _)| said == answer).map(|(_, kind)| *kind)).collect();
    match kinds.as_slice() {
        [Some(first), rest @ ..] if rest.iter().all(|kind| *kind == Some(*first)) => Told::Answer(*first),
        [_, ..] if kinds.iter().all(Option::is_some) => Told::Nobody,
        _ => {
            let other = words.iter().zip(&kinds).find(|(said, kind)| kind.is_none() && !said.is_empty());
            Told::Else(other.map_or_else(|| "it cannot connect, and not why".to_owned(), |(said, _)| printable(said)))
        }
    }
}

impl Session {
    /// A TCP connection from this host to `target`, a name that it resolves or an address. A refusal is
    /// told as one only where the host says so.
    ///
    /// # Errors
    /// Nobody takes the connection, the host makes none ([`Unconnected`]), or the session is lost.
    pub async fn connect_tcp(&self, target: &str, port: u16) -> io::Result<ChannelStream<Msg>> {
        let mut said = Told::Nobody;
        for _ in 0..TRIES {
            let before = self.failures.count();
            let opened = self.handle.channel_open_direct_tcpip(target, port.into(), "127.0.0.1", 0).await;
            match opened {
                Ok(channel) => return Ok(channel.into_stream()),
                Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed)) => {}
                Err(russh::Error::ChannelOpenFailure(failure)) => return Err(self.unconnected(&failure)),
                Err(_) => return Err(self.lost.as_io()),
            }
            // The words are noted after the number is told: an answer to this comes after both.
            self.handle.send_ping().await.map_err(|_| self.lost.as_io())?;
            said = told(&self.failures.since(before));
            if matches!(said, Told::Answer(_)) {
                break;
            }
        }
        let host = self.host.clone();
        Err(match said {
            Told::Answer(kind) => kind.into(),
            Told::Nobody => io::Error::other(format!("{host} cannot connect to it")),
            Told::Else(why) => io::Error::other(Unconnected::Trouble { host, why, transient: false }),
        })
    }

    fn unconnected(&self, failure: &ChannelOpenFailure) -> io::Error {
        let host = self.host.clone();
        io::Error::other(match failure {
            ChannelOpenFailure::AdministrativelyProhibited => Unconnected::Prohibited { host },
            other => {
                let transient = matches!(other, ChannelOpenFailure::ResourceShortage);
                Unconnected::Trouble { host, why: format!("it opens no channel ({other:?})"), transient }
            }
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
        const REFUSED: &str = "Connection refused";
        let failures = Failures::default();
        let since = |before| told(&failures.since(before));
        assert!(matches!(since(0), Told::Else(_)));
        failures.note(REFUSED);
        let before = failures.count();
        assert!(matches!(since(before), Told::Else(_)), "older than our question");
        failures.note(REFUSED);
        failures.note(REFUSED);
        assert_eq!(since(before), Told::Answer(io::ErrorKind::ConnectionRefused));
        failures.note("No route to host");
        assert_eq!(since(before), Told::Nobody, "one of them is ours, and nobody knows which");
        assert_eq!(since(before + 2), Told::Answer(io::ErrorKind::HostUnreachable));
        failures.note("Name or service not known");
        assert_eq!(since(before), Told::Else("Name or service not known".into()), "it may be ours");
        (0..KEPT).for_each(|_| failures.note(REFUSED));
        assert!(matches!(since(before), Told::Else(_)), "more than are kept");
        assert!(matches!(since(failures.count() + 1), Told::Else(_)));
    }

    #[test]
    fn the_hosts_own_trouble_is_found_below_what_came_of_it() {
        let own = Unconnected::Trouble { host: "probe".into(), why: "Network is unreachable".into(), transient: true };
        let source = Box::new(io::Error::other(own));
        let error = crate::world::ShellError::Unreachable { host: "copy".into(), source };
        assert!(Unconnected::of(&error).is_some_and(Unconnected::is_transient));
        assert!(Unconnected::of(&io::Error::from(io::ErrorKind::ConnectionRefused)).is_none());
    }
}
