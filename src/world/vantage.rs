//! Where questions go out from: this machine, or the probe machine of an isolated network.
//!
//! The copies of a test launch have the addresses of their sources, in a network that nothing leads
//! to. The probe machine has a card in it, and makes our TCP connections from there: one SSH session
//! for all, which nothing is installed for.

use super::ssh::{Deadlines, Prohibited, Session, Trust};
use super::{Output, ShellError};
use crate::model::server::Access;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex as Quick, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// For so long a probe machine that could not be entered is not tried again: nobody waits for it twice.
const DOWN_FOR: Duration = Duration::from_secs(20);

/// A TCP connection, whoever made it.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A TCP connection, whoever made it.
pub type Stream = Box<dyn Duplex>;

/// Where a question goes out from.
#[derive(Clone)]
pub enum Vantage {
    /// From this machine.
    Here,
    /// From the machine behind this session.
    Probe(Arc<Session>),
}

impl Vantage {
    /// Opens a TCP connection. `host` is an address, or a name that is resolved where the question goes
    /// out from. That nobody listens is `ConnectionRefused` from either place.
    ///
    /// # Errors
    /// Nobody takes the connection; of the probe machine's own trouble see [`Self::trouble`].
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        match self {
            Vantage::Here => {
                let stream = TcpStream::connect((host, port)).await?;
                // Questions are short: none waits until it fills a packet.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Vantage::Probe(session) => Ok(Box::new(session.connect_tcp(host, port).await?)),
        }
    }

    /// Logs in to a host; one with a jump host of its own is reached through that alone.
    ///
    /// # Errors
    /// The first hop that fails.
    pub async fn log_in(&self, access: &Access, trust: &Trust) -> Result<Session, ShellError> {
        let deadlines = Deadlines::default();
        match self {
            Vantage::Probe(probe) if access.via.is_none() => {
                Session::connect_over(Arc::clone(probe), access, trust, deadlines).await
            }
            _ => Session::connect(access, trust, deadlines).await,
        }
    }

    /// Why what was just asked from here says nothing about who was asked: the session with the probe
    /// machine is lost.
    pub async fn loss(&self) -> Option<Untold> {
        let Vantage::Probe(session) = self else { return None };
        let why = session.loss_by_now().await?.to_string();
        Some(Untold { host: session.host().to_owned(), why, transient: true })
    }

    /// The trouble of the probe machine in an error of a connection, if it is one.
    pub(super) fn trouble(&self, error: &io::Error) -> Option<Untold> {
        let Vantage::Probe(session) = self else { return None };
        let why = Prohibited::of(error)?.to_string();
        Some(Untold { host: session.host().to_owned(), why, transient: false })
    }

    /// What the place is called: the probe machine's host.
    pub(super) fn name(&self) -> String {
        match self {
            Vantage::Here => "this machine".to_owned(),
            Vantage::Probe(session) => session.host().to_owned(),
        }
    }

    /// Runs a program of the probe machine, which has it or not; none where this machine asks.
    pub(super) async fn run(&self, command: &str, deadline: Duration) -> Option<Result<Output, ShellError>> {
        match self {
            Vantage::Here => None,
            Vantage::Probe(session) => Some(session.feed(command, "", deadline).await),
        }
    }
}

/// Why the probe machine asks nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not asked: the probe machine of the test network does not serve: {why}")]
pub struct Untold {
    /// Which machine.
    pub host: String,
    /// Why, with its causes.
    pub why: String,
    /// Whether it may pass by itself.
    pub transient: bool,
}

impl Untold {
    fn of(access: &Access, error: &ShellError) -> Self {
        let mut why = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            why = format!("{why}: {inner}");
            cause = inner.source();
        }
        Self { host: access.host.clone(), why, transient: error.is_transient() }
    }
}

/// The probe machines that were entered, each once for everybody.
#[derive(Default)]
pub struct ProbeMachines(Quick<Vec<Arc<Machine>>>);

/// A probe machine.
struct Machine {
    access: Access,
    /// Held while somebody enters: the others wait for what comes of it.
    door: Mutex<Door>,
}

/// What is known of the way in.
enum Door {
    Untried,
    Open(Arc<Session>),
    Shut { untold: Untold, until: Instant },
}

impl ProbeMachines {
    /// Enters the machine of `access`, or finds it entered. One that could not be entered is not tried
    /// again at once: its trouble is everybody's.
    ///
    /// # Errors
    /// It cannot be entered.
    pub async fn enter(&self, access: &Access, trust: &Trust) -> Result<Vantage, Untold> {
        let machine = self.machine(access);
        let mut door = machine.door.lock().await;
        match &*door {
            Door::Open(session) if session.loss().is_none() => return Ok(Vantage::Probe(Arc::clone(session))),
            Door::Shut { untold, until } if Instant::now() < *until => return Err(untold.clone()),
            Door::Untried | Door::Open(_) | Door::Shut { .. } => {}
        }
        match Session::connect(access, trust, Deadlines::default()).await {
            Ok(session) => {
                let session = Arc::new(session);
                *door = Door::Open(Arc::clone(&session));
                Ok(Vantage::Probe(session))
            }
            Err(error) => {
                let untold = Untold::of(access, &error);
                *door = Door::Shut { untold: untold.clone(), until: Instant::now() + DOWN_FOR };
                Err(untold)
            }
        }
    }

    fn machine(&self, access: &Access) -> Arc<Machine> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = known.iter().find(|machine| machine.access == *access) {
            return Arc::clone(machine);
        }
        let machine = Arc::new(Machine { access: access.clone(), door: Mutex::new(Door::Untried) });
        known.push(Arc::clone(&machine));
        machine
    }
}
