//! The real hosts and networks, as a run sees them.

mod line;
mod native;
mod reading;

use super::expect::{Datum, Reading};
use super::judge::{Answer, NoAnswer, in_words};
use super::plan::{NO_PROBE, Origin, Question};
use super::run::Field;
use crate::model::script_access::ScriptAccess;
use crate::world::host::Host;
use crate::world::probe::dns::NameServer;
use crate::world::probe::{self, ProbeError};
use crate::world::ssh::Trust;
use crate::world::vantage::{ProbeMachines, Untold, Vantage};
use crate::world::{Output, Pipe, Shell, ShellError};
use reading::{Maybe as _, milliseconds, no_answer};
use std::time::{Duration, Instant};

/// Who answers at the last moment is still heard.
const GRACE: Duration = Duration::from_secs(1);

/// The world outside, with what the operator trusts and holds.
pub struct Live {
    trust: Trust,
    /// Those that were entered: one session for all questions.
    machines: ProbeMachines,
}

impl Live {
    /// The world outside, entered with `trust`.
    pub fn new(trust: Trust) -> Self {
        Self { trust, machines: ProbeMachines::default() }
    }

    async fn vantage(&self, origin: &Origin) -> Result<Vantage, Untold> {
        match origin {
            Origin::OperationsHost | Origin::AmongSources => Ok(Vantage::Here),
            Origin::ProbeMachine(probe) => self.machines.enter(&probe.access, &probe.copies, &self.trust).await,
        }
    }

    async fn asked(&self, from: &Vantage, question: &Question, deadline: Duration) -> Result<Answer, NoAnswer> {
        match question {
            Question::Tcp { host, port } => tcp(from, host, *port, deadline).await,
            Question::Dns { server, name, record } => dns(from, server, name, record, deadline).await,
            Question::Http { url } => http(from, url, deadline).await,
            Question::Ping { host, count, every } => ping(from, host, *count, *every, deadline).await,
            Question::Throughput { access, time, rate } => {
                line::throughput(from, &self.trust, access, *time, *rate, deadline).await
            }
            Question::Ios { router, access } => line::router(&self.trust, router, access, deadline).await,
            Question::Native(question) => native::ask(from, question, deadline).await,
            Question::Sh { .. } | Question::Ps { .. } => Err(NoAnswer {
                reason: "a script runs in a session: a bug in traghetto".to_owned(),
                unreachable: false,
            }),
        }
    }
}

/// Why nothing is known of whoever was to be asked through a probe machine.
fn untold(untold: &Untold) -> NoAnswer {
    NoAnswer { reason: untold.to_string(), unreachable: untold.transient }
}

impl Field for Live {
    type Shell = Reached;

    async fn ready(&self, origin: &Origin) -> Result<(), NoAnswer> {
        self.vantage(origin).await.map(|_| ()).map_err(|error| untold(&error))
    }

    async fn connect(&self, access: &ScriptAccess, origin: &Origin) -> Result<Reached, NoAnswer> {
        let from = self.vantage(origin).await.map_err(|error| untold(&error))?;
        match Host::connect(&from, access, &self.trust).await {
            Ok(host) => Ok(Reached { host, from }),
            Err(error) => {
                let own = match from.trouble(&error) {
                    None if error.is_transient() => from.loss().await,
                    known => known,
                };
                Err(own.map_or_else(|| error.into(), |own| untold(&own)))
            }
        }
    }

    async fn loss(&self, reached: &Reached) -> Option<NoAnswer> {
        reached.from.loss().await.map(|error| untold(&error))
    }

    async fn ask(&self, question: &Question, origin: &Origin, deadline: Duration) -> Result<Answer, NoAnswer> {
        let from = self.vantage(origin).await.map_err(|error| untold(&error))?;
        let _turn = match question {
            Question::Ping { .. } => from.turn().await,
            _ => None,
        };
        let asking = async {
            match (question, origin) {
                (Question::Http { url }, Origin::AmongSources) => http_here(url, deadline).await,
                _ => self.asked(&from, question, deadline).await,
            }
        };
        let late = NoAnswer { reason: format!("no answer within {} s", deadline.as_secs()), unreachable: true };
        let answer = tokio::time::timeout(deadline + GRACE, asking).await.unwrap_or(Err(late));
        // Whoever hung up may have been the probe machine.
        from.loss().await.map_or(answer, |error| Err(untold(&error)))
    }
}

/// A host that we are logged in to, and from where.
pub struct Reached {
    host: Host,
    from: Vantage,
}

impl Shell for Reached {
    async fn run(&self, script: &str, deadline: Duration) -> Result<Output, ShellError> {
        self.host.run(script, deadline).await
    }

    async fn open(&self, command: &str) -> Result<Pipe, ShellError> {
        self.host.open(command).await
    }
}

/// That nobody takes the connection is an answer, too.
async fn tcp(from: &Vantage, host: &str, port: u16, deadline: Duration) -> Result<Answer, NoAnswer> {
    let began = Instant::now();
    let (open, refused, complaint) = match probe::tcp(from, host, port, deadline).await {
        Ok(_) => (true, false, String::new()),
        Err(error @ (ProbeError::Unreachable { .. } | ProbeError::Deadline { .. })) => {
            (false, error.is_refusal(), in_words(&error))
        }
        Err(error) => return Err(no_answer(&error)),
    };
    let took = began.elapsed();
    let reading = Reading::default()
        .with("open", Datum::Flag(open))
        .with("refused", Datum::Flag(refused))
        .with("ms", milliseconds(took));
    Ok(Answer { reading, raw: Vec::new(), complaint, took })
}

async fn dns(from: &Vantage, server: &str, name: &str, record: &str, deadline: Duration) -> Result<Answer, NoAnswer> {
    let invalid = |reason: String| NoAnswer { reason, unreachable: false };
    let record = record.parse().map_err(|_| invalid(format!("`{record}` is no type of records")))?;
    let server = name_server(from, server).await?;
    let answer = probe::dns::dns(from, &server, name, record, deadline).await.map_err(|error| no_answer(&error))?;
    let answers: Vec<String> = answer.records.iter().map(ToString::to_string).collect();
    let raw = answers.join("\n").into_bytes();
    let reading = Reading::default()
        .with("code", Datum::Text(answer.code.to_owned()))
        .with("answers", Datum::List(answers))
        .with("ms", milliseconds(answer.took));
    Ok(Answer { reading, raw, complaint: String::new(), took: answer.took })
}

/// A name server: an address, with or without a port, or a name, which a probe machine resolves itself.
async fn name_server(from: &Vantage, text: &str) -> Result<NameServer, NoAnswer> {
    let server = NameServer::read(text);
    if matches!(from, Vantage::Probe(_)) {
        return Ok(server);
    }
    let unknown = |reason: String| NoAnswer { reason, unreachable: true };
    let mut found = tokio::net::lookup_host((server.host.as_str(), server.port))
        .await
        .map_err(|error| unknown(format!("the name server `{text}` has no address: {error}")))?;
    found.next().map(NameServer::from).ok_or_else(|| unknown(format!("the name server `{text}` has no address")))
}

async fn http(from: &Vantage, url: &str, deadline: Duration) -> Result<Answer, NoAnswer> {
    Ok(read(probe::http(from, url, deadline).await.map_err(|error| no_answer(&error))?))
}

/// The same where a source may be whom an answer sends us on to: nobody follows.
async fn http_here(url: &str, deadline: Duration) -> Result<Answer, NoAnswer> {
    let page = probe::http_as_is(url, deadline).await.map_err(|error| no_answer(&error))?;
    if matches!(page.status, 300..=399) {
        return Err(NoAnswer { reason: format!("{NO_PROBE}: the answer sends on"), unreachable: false });
    }
    Ok(read(page))
}

fn read(page: probe::Page) -> Answer {
    let reading = Reading::default()
        .with("status", Datum::Number(page.status.into()))
        .with("body", Datum::Text(String::from_utf8_lossy(&page.body).into_owned()))
        .with("ms", milliseconds(page.took));
    Answer { reading, raw: page.body, complaint: String::new(), took: page.took }
}

async fn ping(from: &Vantage, host: &str, count: u32, every: Duration, deadline: Duration) -> Result<Answer, NoAnswer> {
    let began = Instant::now();
    let echoes = probe::ping(from, host, count, every, deadline).await.map_err(|error| no_answer(&error))?;
    let reading = Reading::default()
        .with("loss", Datum::Number(echoes.loss()))
        .maybe("ms", echoes.mean.map(milliseconds))
        .maybe("p95", echoes.percentile(95).map(milliseconds))
        .maybe("most", echoes.percentile(100).map(milliseconds))
        .maybe("jitter", echoes.jitter().map(milliseconds));
    let raw = format!("{} sent, {} received", echoes.sent, echoes.received).into_bytes();
    Ok(Answer { reading, raw, complaint: String::new(), took: began.elapsed() })
}
