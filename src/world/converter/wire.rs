//! Calls of the Converter API. Elements come in the order of the schema.

use super::names::{self, el, method, part, word};
use super::spec::{self, Keys};
use crate::model::converter::{Job, SourceSeen};
use crate::world::soap::{Call, Element, Moref, Repeat, Unreadable};
use jiff::Timestamp;

/// The parts of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) sessions: Moref,
    pub(super) queries: Moref,
    pub(super) agents: Moref,
    pub(super) conversions: Moref,
    pub(super) tasks: Moref,
    pub(super) diagnostics: Moref,
    /// What the server calls itself.
    pub(super) about: String,
}

impl Parts {
    pub(super) fn read(content: &Element) -> Result<Self, Unreadable> {
        let missing = Unreadable::Missing;
        let one = |name: &'static str| content.must(name)?.moref().ok_or(missing(name));
        Ok(Self {
            sessions: one(part::SESSIONS)?,
            queries: one(part::QUERIES)?,
            agents: one(part::AGENTS)?,
            conversions: one(part::CONVERSIONS)?,
            tasks: one(part::TASKS)?,
            diagnostics: one(part::DIAGNOSTICS)?,
            about: content
                .get(part::ABOUT)
                .map_or_else(String::new, |about| crate::untrusted::one_line(about.word(el::FULL_NAME).as_bytes())),
        })
    }
}

pub(super) fn content() -> Call {
    let (kind, value) = names::SERVICE;
    Call::new(Repeat::Read, &Moref::new(kind, value), method::CONTENT, |_| ())
}

pub(super) fn login(sessions: &Moref, user: &str, password: &str) -> Call {
    Call::new(Repeat::Change, sessions, method::LOGIN, |xml| {
        xml.text(el::USER_NAME, user);
        xml.text(el::PASSWORD, password);
    })
}

pub(super) fn logout(sessions: &Moref) -> Call {
    Call::new(Repeat::OfSession, sessions, method::LOGOUT, |_| ())
}

pub(super) fn agent(parts: &Parts, job: &Job, keys: &Keys) -> Call {
    Call::new(Repeat::Read, &parts.queries, method::AGENT, |xml| spec::source(xml, job, keys))
}

/// Puts the agent on the source. It reboots nothing.
pub(super) fn install(parts: &Parts, job: &Job, keys: &Keys) -> Call {
    Call::new(Repeat::Change, &parts.agents, method::INSTALL, |xml| {
        xml.text(el::HOSTNAME, &job.source.host);
        xml.number(el::PORT, job.source.port);
        xml.text(el::USERNAME, &job.source.user);
        xml.text(el::PASSWORD, &keys.source_password);
        xml.flag(el::POSTPONE_REBOOT, true);
    })
}

pub(super) fn query(parts: &Parts, job: &Job, keys: &Keys) -> Call {
    Call::new(Repeat::Read, &parts.queries, method::QUERY, |xml| spec::source(xml, job, keys))
}

pub(super) fn defaults(parts: &Parts, job: &Job, keys: &Keys) -> Call {
    Call::new(Repeat::Read, &parts.queries, method::DEFAULTS, |xml| {
        spec::source(xml, job, keys);
        spec::target(xml, job, keys);
    })
}

pub(super) fn params(parts: &Parts, job: &Job, seen: &SourceSeen, keys: &Keys) -> Call {
    Call::new(Repeat::Read, &parts.queries, method::PARAMS, |xml| {
        spec::source(xml, job, keys);
        spec::params(xml, job, seen, keys);
    })
}

/// Makes the job. It begins nothing before it is resumed.
pub(super) fn create(parts: &Parts, job: &Job, seen: &SourceSeen, keys: &Keys) -> Call {
    Call::new(Repeat::Change, &parts.conversions, method::CREATE, |xml| {
        xml.within(el::SPEC, |xml| spec::job(xml, job, seen, keys));
    })
}

pub(super) fn info(parts: &Parts, job: &Moref) -> Call {
    Call::new(Repeat::Read, &parts.conversions, method::INFO, |xml| xml.object(el::CONVERSION_JOB, job))
}

pub(super) fn job_spec(parts: &Parts, job: &Moref) -> Call {
    Call::new(Repeat::Read, &parts.conversions, method::SPEC, |xml| xml.object(el::CONVERSION_JOB, job))
}

pub(super) fn destroy(parts: &Parts, job: &Moref) -> Call {
    Call::new(Repeat::Change, &parts.conversions, method::DESTROY, |xml| {
        xml.object(el::JOB, job);
        xml.text(el::ACTIVE_TASK_HANDLING, word::FAIL_IF_ACTIVE);
    })
}

/// Collects all jobs, whoever made them and whatever they do.
pub(super) fn collect(parts: &Parts) -> Call {
    Call::new(Repeat::Read, &parts.conversions, method::COLLECT, |xml| xml.within(el::FILTER, |_| ()))
}

/// More than one question asks moves the collector on: never repeated.
pub(super) fn next(collector: &Moref, most: i32) -> Call {
    Call::new(Repeat::OfSession, collector, method::NEXT, |xml| xml.number(el::MAX_COUNT, most))
}

pub(super) fn drop_collector(collector: &Moref) -> Call {
    Call::new(Repeat::OfSession, collector, method::DROP_COLLECTOR, |_| ())
}

/// A synchronisation at `at`; the last one if `finalize`, with the services that stop before it.
pub(super) fn update(job: &Moref, at: Timestamp, finalize: bool, services: &[String]) -> Call {
    Call::new(Repeat::Change, job, method::UPDATE, |xml| {
        xml.within(el::NEW_PARAMS, |xml| {
            xml.flag(el::DO_FINALIZE, finalize);
            xml.text(el::SYNCHRONIZATION_START_TIME, &at.to_string());
            if finalize {
                services.iter().for_each(|service| xml.text(el::SERVICES_TO_SUSPEND, service));
                xml.flag(el::POWER_ON_TARGET_VM, crate::model::converter::Aside::FIXED.power_on_target);
                xml.flag(el::SHUTDOWN_SOURCE, crate::model::converter::Aside::FIXED.shutdown_source);
            }
        });
    })
}

pub(super) fn suspend(job: &Moref, handling: &'static str) -> Call {
    Call::new(Repeat::Change, job, method::SUSPEND, |xml| xml.text(el::ACTIVE_TASK_HANDLING, handling))
}

pub(super) fn resume(job: &Moref) -> Call {
    Call::new(Repeat::Change, job, method::RESUME, |_| ())
}

pub(super) fn stop(job: &Moref) -> Call {
    Call::new(Repeat::Change, job, method::STOP, |xml| xml.text(el::ACTIVE_TASK_HANDLING, word::CANCEL_ACTIVE))
}

pub(super) fn task(parts: &Parts, task: &Moref) -> Call {
    Call::new(Repeat::Read, &parts.tasks, method::TASK, |xml| xml.object(el::TASK, task))
}

pub(super) fn bundle(parts: &Parts, job: &Moref) -> Call {
    Call::new(Repeat::Read, &parts.diagnostics, method::BUNDLE, |xml| xml.object(el::JOB, job))
}

pub(super) fn bundle_page(parts: &Parts, key: &str, offset: i64, most: i64) -> Call {
    Call::new(Repeat::Read, &parts.diagnostics, method::BUNDLE_PAGE, |xml| {
        xml.text(el::KEY, key);
        xml.number(el::OFFSET, offset);
        xml.number(el::MAX_PAGE_SIZE, most);
    })
}

pub(super) fn bundle_delete(parts: &Parts, key: &str) -> Call {
    Call::new(Repeat::Read, &parts.diagnostics, method::BUNDLE_DELETE, |xml| xml.text(el::KEY, key))
}
