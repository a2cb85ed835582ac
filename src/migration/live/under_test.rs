//! A domain controller under test answers before its members are started: what logs on to a domain that
//! is not there yet is slow, or stays without it.

use super::Live;
use crate::checklist::{Datum, Field, Origin, ProbeMachine, Question};
use crate::migration::run::{Progress, Trouble};
use crate::model::ServerId;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How long members wait for their controller.
const WAIT: Wait = Wait { patience: Duration::from_secs(5 * 60), every: Duration::from_secs(2) };
/// Where a directory answers.
const LDAP: u16 = 389;

/// How long somebody waits, and the time between two looks, which is what one may take.
#[derive(Clone, Copy)]
struct Wait {
    patience: Duration,
    every: Duration,
}

impl<F: Field> Live<'_, F> {
    /// Waits for a controller whose members are launched after it, where the test network has a probe machine.
    /// That it stays silent fails nothing: the checklist of the test finds out why.
    pub(super) async fn await_controller(
        &self,
        id: &ServerId,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Value, Trouble> {
        let server = self.server(id)?;
        let alone = self.tenant.servers.known().is_none_or(|servers| servers.len() == 1);
        let Some(probe) = ProbeMachine::of(self.tenant).filter(|_| server.is_domain_controller() && !alone) else {
            return Ok(Value::Null);
        };
        Ok(answers(&*self.field, &probe, &server.address.to_string(), WAIT, progress).await)
    }
}

/// After how many seconds the directory at `host` answers the probe machine, or why nobody knows.
async fn answers<F: Field>(
    field: &F,
    probe: &ProbeMachine,
    host: &str,
    Wait { patience, every }: Wait,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Value {
    let (through, origin) = (&probe.access.host, Origin::ProbeMachine(Box::new(probe.clone())));
    let question = Question::Tcp { host: host.to_owned(), port: LDAP };
    let begun = Instant::now();
    while begun.elapsed() < patience {
        if let Err(none) = field.ready(&origin).await {
            return json!({ "through": through, "unknown": none.reason });
        }
        let answer = field.ask(&question, &origin, every).await;
        if answer.is_ok_and(|answer| answer.reading.get("open") == Some(&Datum::Flag(true))) {
            return json!({ "through": through, "seconds": begun.elapsed().as_secs_f64() });
        }
        let (done, total) = (begun.elapsed().as_secs(), patience.as_secs());
        progress(Progress { stage: "waiting for the domain controller", done, total, link: 0, allowance: None });
        tokio::time::sleep(every).await;
    }
    json!({ "through": through, "silent_seconds": patience.as_secs_f64() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::{Answer, NoAnswer, Reading};
    use crate::model::script_access::ScriptAccess;
    use crate::model::server::{Access, Login, SshProfile};
    use crate::world::{Output, Pipe, Shell, ShellError};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A controller that answers the so-manieth question, behind a probe machine that is there or not.
    struct Lan {
        answers_at: u32,
        asked: AtomicU32,
        probe: bool,
    }

    struct Nobody;

    impl Shell for Nobody {
        async fn run(&self, _: &str, _: Duration) -> Result<Output, ShellError> {
            Err(ShellError::Refused { host: String::new() })
        }

        async fn open(&self, _: &str) -> Result<Pipe, ShellError> {
            Err(ShellError::Refused { host: String::new() })
        }
    }

    impl Field for Lan {
        type Shell = Nobody;

        async fn ready(&self, origin: &Origin) -> Result<(), NoAnswer> {
            assert_eq!(origin.probe(), Some("10.9.0.5"));
            let down = || NoAnswer { reason: "it is down".into(), unreachable: true };
            if self.probe { Ok(()) } else { Err(down()) }
        }

        async fn connect(&self, _: &ScriptAccess, _: &Origin) -> Result<Nobody, NoAnswer> {
            Ok(Nobody)
        }

        async fn ask(&self, question: &Question, origin: &Origin, _: Duration) -> Result<Answer, NoAnswer> {
            assert_eq!(*question, Question::Tcp { host: "192.0.2.10".into(), port: 389 });
            assert_eq!(origin.probe(), Some("10.9.0.5"));
            let open = self.asked.fetch_add(1, Ordering::Relaxed) + 1 >= self.answers_at;
            let reading = Reading::default().with("open", Datum::Flag(open));
            Ok(Answer { reading, raw: Vec::new(), complaint: String::new(), took: Duration::ZERO })
        }
    }

    const BRIEF: Wait = Wait { patience: Duration::from_millis(200), every: Duration::from_millis(20) };

    fn waited(answers_at: u32, probe: bool) -> (Value, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let access = Access {
            host: "10.9.0.5".into(),
            port: 22,
            user: "probe".into(),
            login: Login::Agent,
            host_key: None,
            ssh_profile: SshProfile::Modern,
            via: None,
        };
        let lan = Lan { answers_at, asked: AtomicU32::new(0), probe };
        let (probe, mut told) = (ProbeMachine { access, copies: Vec::new() }, 0);
        let facts = runtime.block_on(answers(&lan, &probe, "192.0.2.10", BRIEF, &mut |_| told += 1));
        (facts, told)
    }

    #[test]
    fn members_wait_for_their_controller_and_not_for_ever() {
        let (facts, told) = waited(4, true);
        assert!(facts["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.06), "{facts}");
        assert_eq!((told, facts["through"].as_str()), (3, Some("10.9.0.5")));
        let (facts, told) = waited(u32::MAX, true);
        assert!(facts["silent_seconds"] == 0.2 && told > 1, "{facts}");
        let (facts, told) = waited(1, false);
        assert_eq!((facts["unknown"].as_str(), told), (Some("it is down"), 0));
    }
}
