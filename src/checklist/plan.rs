//! Checklist and tenant give tasks: each item once for each subject, with the values filled in.

mod origin;
mod question;
mod values;

pub use origin::NO_PROBE;
pub use question::{Asked, Inquiry, Origin, ProbeMachine, Question, Task, Todo};

use super::baseline::Baselines;
use super::batch::STDOUT_LIMIT;
use super::finding::Subject;
use super::item::{AppliesTo, Check, Checklist, Item, Moment, Phase, Probe, RouterOf};
use super::scope::Scope;
use super::sign::Signatures;
use super::template::{NoText, Template};
use crate::model::link::Site;
use crate::model::project::Project;
use crate::model::script_access::ScriptAccess;
use crate::model::server::{Access, Os, Server, Transfer};
use crate::model::tenant::{Saas, Tenant};
use crate::model::{Known, ServerId};

/// What a run needs to know besides checklist and tenant.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The project: the landing site and its numbers.
    pub project: &'a Project,
    /// Only the items of this server.
    pub server: Option<&'a ServerId>,
    /// The signatures given so far.
    pub signatures: &'a Signatures,
    /// What the source phase kept.
    pub baselines: &'a Baselines,
    /// Only the items of this moment of the landing.
    pub when: Option<Moment>,
}

impl<'a> Options<'a> {
    /// The whole tenant, at any moment.
    pub fn whole(project: &'a Project, signatures: &'a Signatures, baselines: &'a Baselines) -> Self {
        Self { project, server: None, signatures, baselines, when: None }
    }
}

/// The tasks of `checklist` for `tenant`, in the order of the items.
pub fn tasks(checklist: &Checklist, tenant: &Tenant, options: &Options<'_>) -> Vec<Task> {
    let mut tasks = Vec::new();
    let now = |item: &&Item| options.when.is_none() || item.when == options.when;
    for item in checklist.items.iter().filter(now) {
        let (project, baselines) = (options.project, options.baselines);
        let scene = Scene { phase: checklist.phase, tenant, project, baselines };
        match options.server {
            Some(_) if item.scope != Scope::Server => {}
            Some(only) => {
                tasks.extend(scene.tasks(item).into_iter().filter(|task| task.subject.server() == Some(only)));
            }
            None => tasks.extend(scene.tasks(item)),
        }
    }
    tasks
}

/// Where a checklist is run.
#[derive(Clone, Copy)]
struct Scene<'a> {
    phase: Phase,
    tenant: &'a Tenant,
    project: &'a Project,
    baselines: &'a Baselines,
}

/// The thing an item is asked of, and the nouns whose values it may use.
#[derive(Clone, Copy, Default)]
struct Nouns<'a> {
    site: Option<&'a Site>,
    server: Option<&'a Server>,
    saas: Option<&'a Saas>,
}

impl<'a> Scene<'a> {
    fn tasks(self, item: &Item) -> Vec<Task> {
        let task = |subject, todo| Task { item: item.clone(), subject, todo };
        let subjects = match self.subjects(item.scope) {
            Ok(subjects) => subjects,
            Err(what) => {
                return vec![task(
                    Subject::Tenant,
                    Todo::Impossible(format!("the inventory does not know the {what}")),
                )];
            }
        };
        if subjects.is_empty() {
            let reason = format!("the tenant has no {} to ask", item.scope.word());
            return vec![task(Subject::Tenant, Todo::Skip(reason))];
        }
        subjects
            .into_iter()
            .map(|(subject, nouns)| {
                let todo = self.todo(item, &subject, nouns);
                task(subject, todo)
            })
            .collect()
    }

    fn subjects(self, scope: Scope) -> Result<Vec<(Subject, Nouns<'a>)>, &'static str> {
        let none = Nouns::default();
        let tenant = self.tenant;
        Ok(match scope {
            Scope::Tenant => vec![(Subject::Tenant, none)],
            Scope::Site => listed(&tenant.sites, "sites")?
                .iter()
                .map(|site| (Subject::Site(site.id.clone()), Nouns { site: Some(site), ..none }))
                .collect(),
            Scope::Server => listed(&tenant.servers, "servers")?
                .iter()
                .map(|server| {
                    let nouns = Nouns { server: Some(server), site: self.site_of(server), ..none };
                    (Subject::Server(server.id.clone()), nouns)
                })
                .collect(),
            Scope::Saas => tenant
                .saas
                .iter()
                .filter(|saas| saas.probe.is_some())
                .map(|saas| (Subject::Saas(saas.name.clone()), Nouns { saas: Some(saas), ..none }))
                .collect(),
        })
    }

    /// The site whose LAN holds the server.
    fn site_of(self, server: &Server) -> Option<&'a Site> {
        let holds = |site: &&Site| site.lan.as_ref().is_some_and(|lan| lan.prefix.contains(server.address));
        self.tenant.sites.known()?.iter().find(holds)
    }

    fn todo(self, item: &Item, subject: &Subject, nouns: Nouns<'_>) -> Todo {
        if let Some(reason) = self.not_for(item, nouns) {
            return Todo::Skip(reason);
        }
        let Check::Probe { probe, expect, implied, expression, compare, most_bytes, until, timeout } = &item.check
        else {
            return Todo::Sign;
        };
        let value = |variable| self.value(variable, nouns);
        let filled = self.question(probe, nouns).and_then(|question| {
            let origin = self.origin(&question)?;
            let wanted = self.wanted(&question, &origin, expect, *implied);
            let expect = wanted.map(|condition| condition.resolve(value)).collect::<Result<Vec<_>, _>>()?;
            let expression = expression.as_ref().map(|expression| expression.resolve(&value)).transpose()?;
            origin::unasked(&question, &origin, &expect, expression.as_ref())?;
            let compare = compare.clone();
            let before = compare.as_ref().and_then(|compare| self.baselines.get(&compare.key, subject)).cloned();
            let most_bytes = most_bytes.and_then(|most| usize::try_from(most).ok()).unwrap_or(STDOUT_LIMIT);
            let (until, timeout) = (*until, *timeout);
            let of = nouns.server.map(values::addresses).unwrap_or_default();
            let rescued = nouns.server.is_some_and(|server| server.transfer == Transfer::Rescue);
            let alternates = rescued && self.phase == Phase::Source;
            let asked = Asked { of, alternates };
            Ok(Inquiry { question, asked, origin, expect, expression, compare, before, most_bytes, until, timeout })
        });
        match filled {
            Ok(inquiry) => Todo::Ask(inquiry),
            Err(Unfilled::NoText(NoText::Absent(reason))) => Todo::Skip(reason.to_owned()),
            Err(Unfilled::NoText(NoText::Unknown(name))) => {
                Todo::Impossible(format!("the inventory does not know `{name}`"))
            }
            Err(Unfilled::NoText(NoText::Hidden(reason))) => Todo::Impossible(reason.to_owned()),
            Err(Unfilled::Invalid(reason)) => Todo::Impossible(reason),
        }
    }

    /// Why an item is not for a subject, if it is not.
    fn not_for(self, item: &Item, nouns: Nouns<'_>) -> Option<String> {
        let server = nouns.server?;
        if self.phase == Phase::Test && server.transfer == Transfer::Replace {
            return Some("a new machine takes over: there is no copy under test".to_owned());
        }
        restriction(&item.applies_to, server).or_else(|| match &item.check {
            Check::Probe { probe: Probe::Sh { .. } | Probe::Throughput { .. }, .. } if !self.has_shell(server) => {
                Some(format!("{} has no /bin/sh", server.os))
            }
            Check::Probe { probe: Probe::Ps { .. }, .. } if !matches!(server.os, Os::Windows(_)) => {
                Some(format!("{} has no PowerShell", server.os))
            }
            _ => None,
        })
    }

    /// Whether what answers on `server` is a Linux: in the source phase also a rescue system.
    fn has_shell(self, server: &Server) -> bool {
        let rescue = !self.phase.is_of_copies() && server.transfer == Transfer::Rescue;
        rescue || matches!(server.os, Os::Linux(_))
    }

    fn access(self, server: &Server) -> Option<&Access> {
        match self.phase {
            Phase::Test | Phase::Landing => server.landing_access.as_ref(),
            Phase::Source | Phase::Network | Phase::Decommission => server.access.as_ref(),
        }
    }

    /// How the Windows takes scripts: over SSH only where what answers there is not a rescue system.
    fn powershell(self, server: &Server) -> Option<ScriptAccess> {
        let winrm = if self.phase.is_of_copies() { &server.landing_winrm } else { &server.winrm };
        let rescue = !self.phase.is_of_copies() && server.transfer == Transfer::Rescue;
        let over_ssh = self.access(server).filter(|_| !rescue);
        let winrm = winrm.as_ref().map(|access| ScriptAccess::Winrm(self.winrm(access, server)));
        winrm.or_else(|| Some(ScriptAccess::PowerShellOverSsh(self.ssh(over_ssh?, server))))
    }

    fn question(self, probe: &Probe, nouns: Nouns<'_>) -> Result<Question, Unfilled> {
        let text = |template: &Template| template.text(|variable| self.value(variable, nouns));
        Ok(match probe {
            Probe::Tcp { host, port } => {
                let port = text(port)?;
                let number = port.parse().ok().filter(|port| *port != 0);
                let port = number.ok_or_else(|| Unfilled::Invalid(format!("`{port}` is not a port")))?;
                Question::Tcp { host: text(host)?, port }
            }
            Probe::Dns { server, name, record } => {
                Question::Dns { server: text(server)?, name: text(name)?, record: record.clone() }
            }
            Probe::Http { url } => Question::Http { url: text(url)? },
            Probe::Ping { host, count, every } => Question::Ping { host: text(host)?, count: *count, every: *every },
            Probe::Throughput { time, rate } => {
                let number = |text: String| {
                    text.parse().map_err(|_| Unfilled::Invalid(format!("`{text}` is not a rate in whole Mbit/s")))
                };
                let rate = rate.as_ref().map(text).transpose()?.map(number).transpose()?;
                Question::Throughput { access: self.shell(nouns)?, time: *time, rate }
            }
            Probe::Ios { router } => self.router(*router, nouns)?,
            Probe::Sh { script } => Question::Sh { access: self.shell(nouns)?, script: text(script)? },
            Probe::Ps { script } => {
                let access = nouns.server.and_then(|server| self.powershell(server));
                let missing = if self.phase.is_of_copies() { "landing_winrm" } else { "winrm" };
                let missing = || Unfilled::Invalid(format!("the inventory gives no `{missing}`"));
                Question::Ps { access: access.ok_or_else(missing)?, script: text(script)? }
            }
            Probe::Native(native) => Question::Native(native.fill(text)?),
        })
    }

    fn shell(self, nouns: Nouns<'_>) -> Result<Access, Unfilled> {
        let access = nouns.server.and_then(|server| Some(self.ssh(self.access(server)?, server)));
        let missing = if self.phase.is_of_copies() { "landing_access" } else { "access" };
        access.ok_or_else(|| Unfilled::Invalid(format!("the inventory gives no `{missing}`")))
    }

    /// A router that the inventory does not lead to is the carrier's, or is looked at by hand.
    fn router(self, router: RouterOf, nouns: Nouns<'_>) -> Result<Question, Unfilled> {
        let routers = nouns.site.and_then(|site| site.link.routers.as_ref());
        let (name, access) = match router {
            RouterOf::Primary => ("the primary CPE", routers.map(|routers| &routers.primary)),
            RouterOf::Standby => ("the standby CPE", routers.and_then(|routers| routers.standby.as_ref())),
            RouterOf::Hub => ("the hub", self.project.network.hub_access.as_ref()),
        };
        let access = access.ok_or(NoText::Absent("the inventory does not lead to the router"))?;
        Ok(Question::Ios { router: name, access: Box::new(access.clone()) })
    }
}

/// Why a probe has no values.
enum Unfilled {
    NoText(NoText),
    Invalid(String),
}

impl From<NoText> for Unfilled {
    fn from(cause: NoText) -> Self {
        Unfilled::NoText(cause)
    }
}

fn listed<'a, T>(list: &'a Known<Vec<T>>, what: &'static str) -> Result<&'a [T], &'static str> {
    list.known().map(Vec::as_slice).ok_or(what)
}

fn restriction(applies_to: &AppliesTo, server: &Server) -> Option<String> {
    if !applies_to.os.is_empty() && !applies_to.os.iter().any(|family| family.holds(&server.os)) {
        return Some(format!("not for {}", server.os));
    }
    if !applies_to.roles.is_empty() && !applies_to.roles.iter().any(|role| server.roles.contains(role)) {
        return Some("not for a server with these roles".to_owned());
    }
    let moved_otherwise = !applies_to.transfers.is_empty() && !applies_to.transfers.contains(&server.transfer);
    moved_otherwise.then(|| format!("not for transfer `{}`", server.transfer.word()))
}

#[cfg(test)]
mod tests;
