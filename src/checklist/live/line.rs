//! What a line carries, and how its routers stand.

use super::reading::{answer, rounded};
use crate::checklist::expect::{Datum, Reading};
use crate::checklist::judge::{Answer, NoAnswer, in_words};
use crate::model::router_access::RouterAccess;
use crate::model::server::Access;
use crate::world::ShellError;
use crate::world::probe::throughput;
use crate::world::router::answer::refusal;
use crate::world::router::standing::{COMMANDS, Standing};
use crate::world::router::{IosRouter, Patience, RouterError};
use crate::world::secret::Secrets;
use crate::world::ssh::Trust;
use crate::world::vantage::Vantage;
use std::error::Error;
use std::time::{Duration, Instant};

type Asked = Result<Answer, NoAnswer>;

/// `work`, or that it took too long.
async fn within<T, E: Error>(
    deadline: Duration,
    is_transient: impl Fn(&E) -> bool,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, NoAnswer> {
    match tokio::time::timeout(deadline, work).await {
        Ok(done) => done.map_err(|error| NoAnswer { reason: in_words(&error), unreachable: is_transient(&error) }),
        Err(_) => Err(NoAnswer { reason: format!("no answer within {} s", deadline.as_secs_f64()), unreachable: true }),
    }
}

/// Measures in a session of its own: in that of the scripts it would stop them.
pub(super) async fn throughput(
    from: &Vantage,
    trust: &Trust,
    access: &Access,
    time: Duration,
    rate: Option<u32>,
    deadline: Duration,
) -> Asked {
    let begun = Instant::now();
    let rates = within(deadline, ShellError::is_transient, async {
        let session = from.log_in(access, trust).await?;
        throughput::throughput(&session, &access.host, time).await
    })
    .await?;
    let mut reading = Reading::default()
        .with("from_server", rounded(rates.from_host, 2))
        .with("to_server", rounded(rates.to_host, 2));
    if let Some(rate) = rate.filter(|rate| *rate > 0) {
        let lower = rates.from_host.min(rates.to_host);
        reading = reading.with("percent", rounded(lower * 100.0 / f64::from(rate), 1));
    }
    Ok(answer(reading, format!("{rates:?}").into_bytes(), begun.elapsed()))
}

/// Asks a router how it stands.
pub(super) async fn router(trust: &Trust, name: &str, access: &RouterAccess, deadline: Duration) -> Asked {
    let begun = Instant::now();
    let secrets = Secrets { root: trust.root.clone(), folder: None };
    let answers = within(deadline, RouterError::is_transient, async {
        let mut router = IosRouter::connect(name, access, trust, &secrets, Patience::default()).await?;
        let mut answers = Vec::new();
        for command in COMMANDS {
            let said = router.show(command).await?;
            if let Some(words) = refusal(&said) {
                let (router, command, answer) = (name.to_owned(), command.to_owned(), words);
                return Err(RouterError::Refused { router, command, answer });
            }
            answers.push(said);
        }
        Ok(answers)
    })
    .await?;
    let text = |at: usize| answers.get(at).map_or("", String::as_str);
    let standing = Standing::read(text(0), text(1), text(2));
    let reading = Reading::default()
        .with("active", Datum::List(standing.in_state("active")))
        .with("standby", Datum::List(standing.in_state("standby")))
        .with("unsettled", Datum::List(standing.unsettled()))
        .with("tracks_up", Datum::List(standing.tracks(true)))
        .with("tracks_down", Datum::List(standing.tracks(false)))
        .with("probes_ok", Datum::List(standing.probes(true)))
        .with("probes_failing", Datum::List(standing.probes(false)));
    Ok(answer(reading, answers.join("\n").into_bytes(), begun.elapsed()))
}
