//! Whether the directory of a domain controller is down while Converter copies it for the last time. Only a refused
//! connection shows that nothing listens: silence may be a firewall or the line.

use crate::migration::record::{Class, Leg};
use crate::migration::run::Trouble;
use crate::model::server::Server;
use crate::world::probe::{self, ProbeError};
use crate::world::vantage::Vantage;
use std::time::{Duration, Instant};

/// The port of the directory, and how long its answer may take.
const LDAP: u16 = 389;
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a host that is silent is asked before it counts as not known.
const LOOKS: usize = 3;
/// How long it may be silent during the last synchronisation: a line that switches over is silent for some seconds.
const SILENT_FOR: Duration = Duration::from_secs(60);

const UNTOUCHED: &str = "The source was not changed; its copy stays off, connected to nothing.";

/// What a look at the port shows.
enum Directory {
    /// It answers.
    Up,
    /// The connection is refused.
    Down,
    /// Nothing is known.
    Unknown(ProbeError),
}

impl Directory {
    async fn look(host: &str, port: u16, patience: Duration) -> Self {
        match probe::tcp(&Vantage::Here, host, port, patience).await {
            Ok(_) => Directory::Up,
            Err(error) if error.is_refusal() => Directory::Down,
            Err(error) => Directory::Unknown(error),
        }
    }

    async fn of(server: &Server) -> Self {
        Self::look(&server.address.to_string(), LDAP, PATIENCE).await
    }

    /// One lost packet is not the last word.
    async fn patiently(server: &Server) -> Self {
        let mut seen = Self::of(server).await;
        for _ in 1..LOOKS {
            if !matches!(seen, Directory::Unknown(_)) {
                break;
            }
            seen = Self::of(server).await;
        }
        seen
    }
}

/// Nothing listens where a domain controller has its directory; any other server has none.
///
/// # Errors
/// It answers, or nobody knows: nothing was asked of Converter yet.
pub(super) async fn ensure_down(server: &Server) -> Result<(), Trouble> {
    if !server.is_domain_controller() {
        return Ok(());
    }
    let trouble = match Directory::patiently(server).await {
        Directory::Down => return Ok(()),
        Directory::Unknown(error) => not_known(server, error),
        Directory::Up => {
            let text =
                format!("{} still serves its directory: a last synchronisation now would be a hot one", server.id);
            Trouble::new(Class::CheckFailed, text).hint(UNTOUCHED)
        }
    };
    Err(trouble.hint(
        "Stop the directory service, or start it in restore mode, as the inventory says; once its port refuses, give \
         the same command again.",
    ))
}

fn not_known(server: &Server, error: ProbeError) -> Trouble {
    #[derive(Debug, thiserror::Error)]
    #[error("nobody knows whether the directory of {server} is down: port {LDAP} has to refuse the connection")]
    struct NotKnown {
        server: String,
        source: ProbeError,
    }
    Trouble::new(Class::CheckFailed, NotKnown { server: server.id.to_string(), source: error }).hint(UNTOUCHED).hint(
        format!(
            "Silence shows nothing: TCP {LDAP} of {} must answer with a refusal from this host. Let it through on the \
             way (beside the copying path), and let the firewall of the host refuse closed ports: Windows hides them \
             (stealth mode) unless that, or the firewall, is turned off until the copy is over.",
            server.address
        ),
    )
}

/// The directory of a domain controller during its last synchronisation.
pub(super) struct Night<'a> {
    server: &'a Server,
    watched: bool,
    refused: Instant,
}

impl<'a> Night<'a> {
    /// Of a server and a leg of its copy; only the last one of a domain controller is watched.
    pub(super) fn of(server: &'a Server, leg: Leg) -> Self {
        let watched = leg == Leg::Last && server.is_domain_controller();
        Self { server, watched, refused: Instant::now() }
    }

    /// Whether this leg is one whose directory is watched.
    pub(super) fn is_watched(&self) -> bool {
        self.watched
    }

    /// Looks at it once more.
    ///
    /// # Errors
    /// It answers, or was silent for too long: the last synchronisation may be a hot one.
    pub(super) async fn look(&mut self) -> Result<(), Trouble> {
        if !self.watched {
            return Ok(());
        }
        match Directory::of(self.server).await {
            Directory::Down => self.refused = Instant::now(),
            Directory::Unknown(error) if self.refused.elapsed() > SILENT_FOR => {
                return Err(not_known(self.server, error));
            }
            Directory::Unknown(_) => {}
            Directory::Up => return Err(self.is_hot()),
        }
        Ok(())
    }

    /// The last look, once the synchronisation is over.
    ///
    /// # Errors
    /// It does not refuse: the last synchronisation may be a hot one.
    pub(super) async fn end(self) -> Result<(), Trouble> {
        if !self.watched {
            return Ok(());
        }
        match Directory::patiently(self.server).await {
            Directory::Down => Ok(()),
            Directory::Unknown(error) => Err(not_known(self.server, error)),
            Directory::Up => Err(self.is_hot()),
        }
    }

    fn is_hot(&self) -> Trouble {
        let text = format!(
            "{} served its directory during its last synchronisation: that is a hot one, and must be made again once \
             the directory is down",
            self.server.id
        );
        Trouble::new(Class::CheckFailed, text).hint(UNTOUCHED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_refusal_shows_that_nothing_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let look = || Directory::look("127.0.0.1", port, PATIENCE);
        assert!(matches!(look().await, Directory::Up));
        drop(listener);
        assert!(matches!(look().await, Directory::Down));
        // A name that is not there, and silence.
        assert!(matches!(Directory::look("nobody.invalid", port, PATIENCE).await, Directory::Unknown(_)));
        assert!(!ProbeError::Deadline { deadline: PATIENCE }.is_refusal(), "silence");
    }
}
