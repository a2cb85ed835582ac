//! From where a question goes out.
//!
//! The copies of a test launch keep the addresses of their sources, in a network without a way out. A
//! question of that phase goes through the probe machine in that network; from the operations host
//! the same address is the source, whose answer would say nothing about the copy.

use super::question::{Origin, ProbeMachine, Question};
use super::{Scene, Unfilled};
use crate::checklist::expect::Condition;
use crate::checklist::expression::Expression;
use crate::checklist::item::Phase;
use crate::checklist::native::Native;
use crate::model::project::LandingMachines;
use crate::model::script_access::ScriptAccess;
use crate::model::server::{Access, Addressing, Server, WinrmAccess};
use std::net::IpAddr;

/// Whether a key centre answers by it.
const UDP: &str = "udp";
/// Those who do not answer of whom a service's name knows.
const DEAD: &str = "dead";
/// Why nothing is asked of a copy for want of a probe machine: how the reason begins.
pub const NO_PROBE: &str =
    "not asked: the test network has no probe machine (`test_probe`), and from here its source would answer";
const NO_NTP: &str = "not asked: the time is told over UDP, which no probe machine carries";
const NO_MTU: &str =
    "not asked: sizes of packets are tried out from the operations host, and no probe machine carries them";
const NO_UDP: &str = "not asked: `udp` is asked from the operations host, and no probe machine carries it";

impl Scene<'_> {
    /// From where `question` goes out.
    pub(super) fn origin(self, question: &Question) -> Result<Origin, Unfilled> {
        if self.phase != Phase::Test || !goes_to_the_copies(question) {
            return Ok(Origin::OperationsHost);
        }
        let Some(probe) = ProbeMachine::of(self.tenant) else {
            return if self.may_be_a_source(question) {
                Err(Unfilled::Invalid(NO_PROBE.to_owned()))
            } else {
                Ok(Origin::AmongSources)
            };
        };
        match question {
            Question::Native(Native::Ntp { .. }) => Err(Unfilled::Invalid(NO_NTP.to_owned())),
            Question::Native(Native::Mtu { .. }) => Err(Unfilled::Invalid(NO_MTU.to_owned())),
            _ => Ok(Origin::ProbeMachine(Box::new(probe))),
        }
    }

    /// Whether a source may answer a question from the operations host. Where copies run in a vSphere nothing
    /// leads to their network: whoever has a name or a login of a source is it. A laboratory may use one door
    /// for both.
    fn may_be_a_source(self, question: &Question) -> bool {
        let isolated = matches!(self.project.landing.machines, LandingMachines::Vsphere(_));
        // It connects to whomever the copy names, and those have the addresses of sources.
        let names_others = matches!(question, Question::Native(Native::Locator { .. }));
        let host = target(question);
        let named = isolated && host.is_some_and(|host| address(host).is_none());
        let own = |server: &Server| {
            let addressed = host.is_some_and(|host| address(host) == Some(IpAddr::V4(server.address)));
            let known = host.is_some_and(|host| is_host_of(host, server));
            addressed || isolated && known || over(question).is_some_and(|via| is_way_of(via, server))
        };
        names_others || named || self.tenant.servers.known().into_iter().flatten().any(own)
    }

    /// How a machine is reached over SSH in this phase: under test the probe machine is the way, whatever way
    /// there is otherwise, and a copy that is to have a new address still has the old one.
    pub(super) fn ssh(self, access: &Access, server: &Server) -> Access {
        if !self.is_probed() {
            return access.clone();
        }
        Access { host: under_test(&access.host, server), via: None, ..access.clone() }
    }

    /// The same over WinRM.
    pub(super) fn winrm(self, access: &WinrmAccess, server: &Server) -> WinrmAccess {
        let host = if self.is_probed() { under_test(&access.host, server) } else { access.host.clone() };
        WinrmAccess { host, ..access.clone() }
    }

    fn is_probed(self) -> bool {
        self.phase == Phase::Test && self.tenant.test_probe.is_some()
    }

    /// Where the probe machine finds the copy of a server.
    pub(super) fn host_in_test(self, server: &Server) -> Option<String> {
        if !self.is_probed() {
            return None;
        }
        let ssh = server.landing_access.as_ref().map(|access| access.host.clone());
        let winrm = || server.landing_winrm.as_ref().map(|access| access.host.clone());
        let host = ssh.or_else(winrm).unwrap_or_else(|| server.address.to_string());
        Some(under_test(&host, server))
    }

    /// What must hold of the answer. Where the item does not say it itself, that a key centre answers by UDP is
    /// not among it where a probe machine asks, nor under test that every controller answers of which the copy
    /// knows: some are not copied.
    pub(super) fn wanted<'e>(
        self,
        question: &Question,
        origin: &Origin,
        expect: &'e [Condition],
        implied: usize,
    ) -> impl Iterator<Item = &'e Condition> {
        let carried = carries_udp(question, origin);
        let alone = self.phase == Phase::Test && matches!(question, Question::Native(Native::Locator { .. }));
        let kept = move |(at, condition): &(usize, &Condition)| {
            let dropped = !carried && condition.attribute == UDP || alone && condition.attribute == DEAD;
            *at >= implied || !dropped
        };
        expect.iter().enumerate().filter(kept).map(|(_, condition)| condition)
    }
}

fn carries_udp(question: &Question, origin: &Origin) -> bool {
    !matches!((question, origin), (Question::Native(Native::Kerberos { .. }), Origin::ProbeMachine(_)))
}

/// What an item wants to know that a probe machine does not carry.
pub(super) fn unasked(
    question: &Question,
    origin: &Origin,
    expect: &[Condition<String>],
    expression: Option<&Expression>,
) -> Result<(), Unfilled> {
    let wanted = expect.iter().any(|condition| condition.attribute == UDP)
        || expression.is_some_and(|expression| expression.names(UDP));
    if wanted && !carries_udp(question, origin) {
        return Err(Unfilled::Invalid(NO_UDP.to_owned()));
    }
    Ok(())
}

/// Whether a question may be for a copy: routers are not in the test network.
fn goes_to_the_copies(question: &Question) -> bool {
    !matches!(question, Question::Ios { .. })
}

/// The jump host over which a question is asked.
fn over(question: &Question) -> Option<&Access> {
    match question {
        Question::Throughput { access, .. }
        | Question::Sh { access, .. }
        | Question::Ps { access: ScriptAccess::Sh(access) | ScriptAccess::PowerShellOverSsh(access), .. } => {
            access.via.as_deref()
        }
        _ => None,
    }
}

/// Whom a question is sent to.
fn target(question: &Question) -> Option<&str> {
    Some(match question {
        Question::Tcp { host, .. } | Question::Ping { host, .. } => host,
        Question::Dns { server, .. } => server,
        Question::Http { url } => host_of(url)?,
        Question::Throughput { access, .. } | Question::Sh { access, .. } => &access.host,
        Question::Ps { access, .. } => access.host(),
        Question::Ios { .. } => return None,
        Question::Native(native) => match native {
            Native::Ldap { host, .. }
            | Native::Kerberos { host, .. }
            | Native::Smb { host, .. }
            | Native::Rdp { host, .. }
            | Native::Ntp { host, .. }
            | Native::Tls { host, .. }
            | Native::Mtu { host, .. } => host,
            Native::Locator { server, .. } => server,
        },
    })
}

/// The host of a web address, without a login and a port.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    Some(place.split_once(':').map_or(place, |(host, _)| host))
}

/// A host as an address: with a port after it, as a name server may have one.
fn address(host: &str) -> Option<IpAddr> {
    let plain = host.parse::<IpAddr>().ok();
    let both = || host.parse::<std::net::SocketAddr>().ok().map(|both| both.ip());
    plain.or_else(both).map(|address| address.to_canonical())
}

/// Whether a host is where the source is logged in to.
fn is_host_of(host: &str, server: &Server) -> bool {
    let named = [
        server.access.as_ref().filter(|access| access.via.is_none()).map(|access| &access.host),
        server.winrm.as_ref().map(|access| &access.host),
        server.converter.as_ref().map(|source| &source.host),
    ];
    let same =
        |own: &String| own.eq_ignore_ascii_case(host) || address(host).is_some_and(|at| address(own) == Some(at));
    named.into_iter().flatten().any(same)
}

/// Whether a jump host is the one that leads to the source.
fn is_way_of(via: &Access, server: &Server) -> bool {
    let own = server.access.as_ref().and_then(|access| access.via.as_deref());
    own.is_some_and(|own| own.host.eq_ignore_ascii_case(&via.host) && own.port == via.port)
}

/// The host of a copy in the test network.
fn under_test(host: &str, server: &Server) -> String {
    match server.landing {
        Addressing::Renumber(new) if host.parse() == Ok(new) => server.address.to_string(),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests;
