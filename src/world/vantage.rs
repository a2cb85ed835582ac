//! Where questions go out from: this machine, or the probe machine of an isolated network.
//!
//! The copies of a test launch have the addresses of their sources, in a network that nothing leads
//! to. The probe machine has a card in it, and makes our TCP connections from there: one SSH session
//! for all, which nothing is installed for.

mod route;

use super::ssh::{Deadlines, Session, Trust, Unconnected};
use super::{Output, Shell as _, ShellError};
use crate::model::server::Access;
use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex as Quick, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// For so long a probe machine that could not be entered is not tried again: nobody waits for it twice.
const DOWN_FOR: Duration = Duration::from_secs(20);

/// Commands that run on a probe machine at once: `sshd` takes 10 sessions on a connection (`MaxSessions`).
const COMMANDS: usize = 8;
/// How long the probe machine may take to say how it reaches the copies.
const LOOK: Duration = Duration::from_secs(10);

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
    /// From a probe machine.
    Probe(Arc<Entered>),
}

/// A probe machine that we are logged in to.
pub struct Entered {
    session: Arc<Session>,
    commands: Semaphore,
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
            Vantage::Probe(probe) => Ok(Box::new(probe.session.connect_tcp(host, port).await?)),
        }
    }

    /// Logs in to a host; from a probe machine straight, whatever jump host it may have from here.
    ///
    /// # Errors
    /// The first hop that fails.
    pub async fn log_in(&self, access: &Access, trust: &Trust) -> Result<Session, ShellError> {
        let deadlines = Deadlines::default();
        match self {
            Vantage::Probe(probe) => Session::connect_over(Arc::clone(&probe.session), access, trust, deadlines).await,
            Vantage::Here => Session::connect(access, trust, deadlines).await,
        }
    }

    /// Why what was just asked from here says nothing about who was asked: the session with the probe
    /// machine is lost.
    pub async fn loss(&self) -> Option<Untold> {
        let Vantage::Probe(probe) = self else { return None };
        let why = probe.session.loss_by_now().await?.to_string();
        Some(Untold { host: probe.session.host().to_owned(), why, transient: true })
    }

    /// The trouble of the probe machine in an error or one of its causes, if it is one.
    pub fn trouble(&self, error: &(dyn Error + 'static)) -> Option<Untold> {
        let Vantage::Probe(probe) = self else { return None };
        let own = Unconnected::of(error)?;
        Some(Untold { host: probe.session.host().to_owned(), why: own.to_string(), transient: own.is_transient() })
    }

    /// What the place is called: the probe machine's host.
    pub(super) fn name(&self) -> String {
        match self {
            Vantage::Here => "this machine".to_owned(),
            Vantage::Probe(probe) => probe.session.host().to_owned(),
        }
    }

    /// Waits until it is one's turn to [`Self::run`] something, which nothing is counted for.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        match self {
            Vantage::Here => None,
            // It is never closed.
            Vantage::Probe(probe) => probe.commands.acquire().await.ok(),
        }
    }

    /// Runs a program of the probe machine, which has it or not; none where this machine asks.
    pub(super) async fn run(&self, command: &str, deadline: Duration) -> Option<Result<Output, ShellError>> {
        match self {
            Vantage::Here => None,
            Vantage::Probe(probe) => Some(probe.session.feed(command, "", deadline).await),
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
    copies: Vec<Ipv4Addr>,
    /// Held while somebody enters: the others wait for what comes of it.
    door: Mutex<Door>,
}

/// What is known of the way in.
enum Door {
    Untried,
    Open(Arc<Entered>),
    Shut { untold: Untold, until: Instant },
}

impl ProbeMachines {
    /// Enters the machine of `access`, or finds it entered. One that could not be entered is not tried
    /// again at once: its trouble is everybody's. It must reach the addresses of the `copies` by its card in
    /// their network: by any other their sources may answer.
    ///
    /// # Errors
    /// It cannot be entered, or would ask others than the copies.
    pub async fn enter(&self, access: &Access, copies: &[Ipv4Addr], trust: &Trust) -> Result<Vantage, Untold> {
        let machine = self.machine(access, copies);
        let mut door = machine.door.lock().await;
        match &*door {
            Door::Open(probe) if probe.session.loss().is_none() => return Ok(Vantage::Probe(Arc::clone(probe))),
            Door::Shut { untold, until } if Instant::now() < *until => return Err(untold.clone()),
            Door::Untried | Door::Open(_) | Door::Shut { .. } => {}
        }
        match enter(access, copies, trust).await {
            Ok(session) => {
                let probe = Arc::new(Entered { session: Arc::new(session), commands: Semaphore::new(COMMANDS) });
                *door = Door::Open(Arc::clone(&probe));
                Ok(Vantage::Probe(probe))
            }
            Err(untold) => {
                *door = Door::Shut { untold: untold.clone(), until: Instant::now() + DOWN_FOR };
                Err(untold)
            }
        }
    }

    fn machine(&self, access: &Access, copies: &[Ipv4Addr]) -> Arc<Machine> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(machine) = known.iter().find(|machine| machine.access == *access && machine.copies == copies) {
            return Arc::clone(machine);
        }
        let (access, copies) = (access.clone(), copies.to_vec());
        let machine = Arc::new(Machine { access, copies, door: Mutex::new(Door::Untried) });
        known.push(Arc::clone(&machine));
        machine
    }
}

async fn enter(access: &Access, copies: &[Ipv4Addr], trust: &Trust) -> Result<Session, Untold> {
    let of = |error: ShellError| Untold::of(access, &error);
    let session = Session::connect(access, trust, Deadlines::default()).await.map_err(of)?;
    let said = session.run(&route::script(copies), LOOK).await.map_err(of)?;
    let leads = route::leads_to_copies(&String::from_utf8_lossy(&said.stdout), copies);
    leads.map_err(|why| Untold { host: access.host.clone(), why, transient: false }).map(|()| session)
}
