//! The SSH protocol's own events: host key shown, connection lost; and its settings.

use super::forward::Failures;
use super::purpose::{algorithms, groups};
use super::trouble::Trouble;
use super::trust::HostKeyRule;
use crate::model::server::SshProfile;
use crate::untrusted::printable;
use crate::world::ShellError;
use russh::ChannelId;
use russh::ChannelOpenFailure;
use russh::client::{self, DisconnectReason};
use russh::keys::PublicKeyOrCertificate;
use russh::keys::ssh_key::Algorithm;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A silent connection is asked for a sign of life this often,
const KEEPALIVE: Duration = Duration::from_secs(10);
/// and given up after so many questions without an answer: 30 s in all.
const KEEPALIVES: usize = 2;
/// After so long without an acknowledgement of sent data a connection is dead.
pub(super) const DEAD_AFTER: Duration = Duration::from_secs(30);

/// Why a connection was lost, once it is; shared by everybody who uses it.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost(Arc<OnceLock<Arc<Trouble>>>);

impl Lost {
    /// The reason, or that nobody knows one.
    fn reason(&self) -> Arc<Trouble> {
        self.0.get().cloned().unwrap_or_else(|| Arc::new(Trouble::Protocol(russh::Error::HUP)))
    }

    /// Whether it is lost, and somebody knows why.
    pub(super) fn is_known(&self) -> bool {
        self.0.get().is_some()
    }

    /// The loss as callers see it.
    pub(super) fn at(&self, host: &str) -> ShellError {
        ShellError::Unreachable { host: host.to_owned(), source: Box::new(self.reason()) }
    }

    /// The loss as a reader of a stream sees it.
    pub(super) fn as_io(&self) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::ConnectionAborted, self.reason())
    }

    /// Whether we gave up since the host takes no further way of logging in.
    pub(super) fn for_want_of_methods(&self) -> bool {
        matches!(self.0.get().map(AsRef::as_ref), Some(Trouble::Protocol(russh::Error::NoAuthMethod)))
    }

    /// What the host said when it closed the connection itself.
    pub(super) fn farewell(&self) -> Option<String> {
        match self.0.get()?.as_ref() {
            Trouble::Closed(message) => Some(message.clone()),
            _ => None,
        }
    }
}

/// Our side of one connection.
pub(super) struct Client {
    /// How the host key is judged.
    pub(super) rule: HostKeyRule,
    /// Where the end is noted.
    pub(super) lost: Lost,
    /// Where refused connections are noted.
    pub(super) failures: Failures,
}

impl client::Handler for Client {
    type Error = Trouble;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Trouble> {
        match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.rule.judge(key).map(|()| true),
            // Never offered, so never shown by an honest host.
            PublicKeyOrCertificate::Certificate(_) => Ok(false),
        }
    }

    async fn channel_open_failure(
        &mut self,
        _: ChannelId,
        _: ChannelOpenFailure,
        description: &str,
        _: &str,
        _: &mut client::Session,
    ) -> Result<(), Trouble> {
        self.failures.note(description);
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Trouble>) -> Result<(), Trouble> {
        let trouble = match reason {
            DisconnectReason::ReceivedDisconnect(info) => Trouble::Closed(printable(&info.message)),
            DisconnectReason::Error(trouble) => trouble,
        };
        // Only the first reason counts.
        let _ = self.lost.0.set(Arc::new(trouble));
        Ok(())
    }
}

/// Bytes of a channel that may be under way: 100 Mbit/s at 160 ms of delay. A kill loses what is in it.
const WINDOW: u32 = 2 << 20;

/// Settings for a host of that profile that is asked for one of `host_keys`.
pub(super) fn config(profile: SshProfile, host_keys: Vec<Algorithm>) -> Arc<client::Config> {
    Arc::new(client::Config {
        preferred: algorithms(profile, host_keys),
        window_size: WINDOW,
        maximum_packet_size: 65535,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES,
        nodelay: true,
        gex: groups(profile),
        ..client::Config::default()
    })
}
