//! `{{ server.host }}`: the only substitution of a checklist, checked when it is read.
//!
//! A value is quoted for the shell where it lands in a script; a script that puts a value inside
//! its own quotes is refused, because there our quotes would end the script's.

use super::scope::Scope;
use crate::untrusted::{powershell_quoted, shell_quoted};
use serde::{Serialize, Serializer};
use std::fmt;

/// What a checklist may ask of the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    /// Id of the tenant.
    TenantId,
    /// Full name of the tenant.
    TenantName,
    /// Hosts of the services over the Internet that have a `probe`.
    TenantSaas,
    /// NTP server of the project.
    ProjectNtp,
    /// Target of the IP SLA probes: a loopback of the hub.
    ProjectProbeTarget,
    /// Id of the site.
    SiteId,
    /// HSRP virtual address of the site.
    SiteVip,
    /// Default gateway of the site's LAN: the local firewall.
    SiteGateway,
    /// Address of the primary CPE.
    SitePrimary,
    /// Address of the standby CPE.
    SiteStandby,
    /// Network of the site's LAN.
    SitePrefix,
    /// Addresses of the servers in this LAN that keep theirs when they move.
    SiteKeptAddresses,
    /// Address of our CPE towards the carrier.
    SiteCpe,
    /// Peak rate of the site's link, in Mbit/s.
    SitePcr,
    /// Its guaranteed rate, in whole Mbit/s.
    SiteMcr,
    /// Largest packet that the carrier says its line carries, in bytes.
    SiteMtu,
    /// Id of the server.
    ServerId,
    /// Its address in the tenant's LAN, before the move.
    ServerAddress,
    /// Its address after the move.
    ServerLandingAddress,
    /// Next hop of its way to the Internet in this phase: the local firewall.
    ServerGateway,
    /// Name or address by which it is reached in this phase.
    ServerHost,
    /// TCP port of its SSH server in this phase.
    ServerPort,
    /// Its disks, as the agent sees them.
    ServerDisks,
    /// Name of the service over the Internet.
    SaasName,
    /// Its address.
    SaasUrl,
}

impl Variable {
    /// Every variable with its name.
    pub const NAMES: [(&'static str, Variable); 25] = [
        ("tenant.id", Variable::TenantId),
        ("tenant.name", Variable::TenantName),
        ("tenant.saas", Variable::TenantSaas),
        ("project.ntp", Variable::ProjectNtp),
        ("project.probe_target", Variable::ProjectProbeTarget),
        ("site.id", Variable::SiteId),
        ("site.vip", Variable::SiteVip),
        ("site.gateway", Variable::SiteGateway),
        ("site.primary", Variable::SitePrimary),
        ("site.standby", Variable::SiteStandby),
        ("site.prefix", Variable::SitePrefix),
        ("site.kept_addresses", Variable::SiteKeptAddresses),
        ("site.cpe", Variable::SiteCpe),
        ("site.pcr", Variable::SitePcr),
        ("site.mcr", Variable::SiteMcr),
        ("site.mtu", Variable::SiteMtu),
        ("server.id", Variable::ServerId),
        ("server.address", Variable::ServerAddress),
        ("server.landing_address", Variable::ServerLandingAddress),
        ("server.gateway", Variable::ServerGateway),
        ("server.host", Variable::ServerHost),
        ("server.port", Variable::ServerPort),
        ("server.disks", Variable::ServerDisks),
        ("saas.name", Variable::SaasName),
        ("saas.url", Variable::SaasUrl),
    ];

    /// Its name in a checklist.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, variable)| *variable == self).map_or("", |(name, _)| name)
    }

    /// Whether an item of `scope` may use it. A server's site is the one whose LAN holds it.
    pub(super) fn is_in(self, scope: Scope) -> bool {
        match self.name().split_once('.').map_or("", |(noun, _)| noun) {
            "site" => matches!(scope, Scope::Site | Scope::Server),
            "server" => scope == Scope::Server,
            "saas" => scope == Scope::Saas,
            _ => true,
        }
    }

    /// Whether it stands for several values.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Variable::TenantSaas | Variable::SiteKeptAddresses | Variable::ServerDisks)
    }
}

/// What the inventory answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One value.
    One(String),
    /// Several.
    Many(Vec<String>),
    /// It should be there, and is not known.
    Unknown,
    /// There is none, for this reason: the item is not for this subject.
    Absent(&'static str),
    /// It cannot be used from here, for this reason: the item cannot be asked.
    Hidden(&'static str),
}

/// Why a template has no text for a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoText {
    /// The inventory does not know the variable of this name.
    Unknown(&'static str),
    /// The item is not for this subject.
    Absent(&'static str),
    /// The item cannot be asked.
    Hidden(&'static str),
}

/// Where the text of a template goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landing {
    /// An argument of a probe or an expected text.
    Plain,
    /// A script for `/bin/sh`.
    Shell,
    /// A script for PowerShell.
    PowerShell,
}

/// A text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    landing: Landing,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// No such variable.
    #[error("there is no variable `{name}`")]
    UnknownVariable {
        /// What was written.
        name: String,
    },
    /// The variable belongs to another scope.
    #[error("`{name}` is not known to an item of scope `{scope}`")]
    OutOfScope {
        /// The variable.
        name: &'static str,
        /// The item's scope.
        scope: &'static str,
    },
    /// Several values where one is needed.
    #[error("`{name}` stands for several values: it can only be used in a script")]
    List {
        /// The variable.
        name: &'static str,
    },
    /// `{{` without `}}`.
    #[error("`{{{{` has no `}}}}`")]
    Unclosed,
    /// A variable inside quotes of the script.
    #[error("`{name}` stands inside quotes: write it bare, it is quoted for the shell")]
    Quoted {
        /// The variable.
        name: &'static str,
    },
}

impl Template {
    /// Reads `source` for an item of `scope`.
    pub fn parse(source: &str, scope: Scope, landing: Landing) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut quotes = Quotes { powershell: landing == Landing::PowerShell, ..Quotes::default() };
        let mut rest = source;
        while let Some((text, after)) = rest.split_once("{{") {
            let (name, tail) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
            let variable = variable(name.trim(), scope, landing)?;
            quotes.read(text);
            if landing != Landing::Plain && quotes.open() {
                return Err(TemplateError::Quoted { name: variable.name() });
            }
            parts.extend([Part::Text(text.to_owned()), Part::Variable(variable)]);
            quotes.read("x");
            rest = tail;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { source: source.to_owned(), landing, parts })
    }

    /// The text, with the values that `value` gives.
    pub fn text(&self, value: impl Fn(Variable) -> Value) -> Result<String, NoText> {
        let quote = |one: &String| match self.landing {
            Landing::Plain => one.clone(),
            Landing::Shell => shell_quoted(one),
            Landing::PowerShell => powershell_quoted(one),
        };
        let between = if self.landing == Landing::PowerShell { ", " } else { " " };
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Variable(variable) => match value(*variable) {
                    Value::One(one) => text.push_str(&quote(&one)),
                    Value::Many(many) => text.push_str(&many.iter().map(quote).collect::<Vec<_>>().join(between)),
                    Value::Unknown => return Err(NoText::Unknown(variable.name())),
                    Value::Absent(reason) => return Err(NoText::Absent(reason)),
                    Value::Hidden(reason) => return Err(NoText::Hidden(reason)),
                },
            }
        }
        Ok(text)
    }

    /// The text, if there is no variable in it.
    pub fn literal(&self) -> Option<&str> {
        self.parts.iter().all(|part| matches!(part, Part::Text(_))).then_some(self.source.as_str())
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

fn variable(name: &str, scope: Scope, landing: Landing) -> Result<Variable, TemplateError> {
    let found = Variable::NAMES.iter().find(|(known, _)| *known == name);
    let Some((name, variable)) = found else {
        return Err(TemplateError::UnknownVariable { name: name.to_owned() });
    };
    if !variable.is_in(scope) {
        return Err(TemplateError::OutOfScope { name, scope: scope.word() });
    }
    if variable.is_list() && landing == Landing::Plain {
        return Err(TemplateError::List { name });
    }
    Ok(*variable)
}

/// Which quotes of a script are open where a variable stands.
#[derive(Debug, Default)]
struct Quotes {
    powershell: bool,
    quote: Option<char>,
    comment: bool,
    escaped: bool,
    in_word: bool,
}

impl Quotes {
    fn open(&self) -> bool {
        self.quote.is_some() || self.escaped
    }

    fn read(&mut self, text: &str) {
        for c in text.chars() {
            self.step(c);
        }
    }

    fn step(&mut self, c: char) {
        if self.comment {
            self.comment = c != '\n';
            return;
        }
        if std::mem::take(&mut self.escaped) {
            return;
        }
        match (self.quote, c) {
            (Some('\''), '\\' | '`') => {}
            (_, '`') if self.powershell => self.escaped = true,
            (_, '\\') if !self.powershell => self.escaped = true,
            (Some(open), _) if c == open => self.quote = None,
            (None, '\'' | '"' | '`') => self.quote = Some(c),
            (None, '#') if !self.in_word => self.comment = true,
            _ => {}
        }
        self.in_word = !(c.is_whitespace() || matches!(c, ';' | '&' | '|' | '(' | ')'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shell(source: &str) -> Result<Template, TemplateError> {
        Template::parse(source, Scope::Server, Landing::Shell)
    }

    #[test]
    fn values_land_quoted_in_scripts_and_plain_elsewhere() {
        let value = |variable| match variable {
            Variable::ServerDisks => Value::Many(vec!["/dev/sda".into(), "/dev/s'b".into()]),
            _ => Value::One("it's; rm -rf /".into()),
        };
        let script = shell("for d in {{ server.disks }}; do test {{server.id}} ; done").unwrap();
        assert_eq!(
            script.text(value).unwrap(),
            r"for d in '/dev/sda' '/dev/s'\''b'; do test 'it'\''s; rm -rf /' ; done"
        );
        let plain = Template::parse("{{ server.id }}!", Scope::Server, Landing::Plain).unwrap();
        assert_eq!(plain.text(value).unwrap(), "it's; rm -rf /!");
    }

    #[test]
    fn mistakes_are_found_when_it_is_read() {
        let unknown = TemplateError::UnknownVariable { name: "server.adress".into() };
        assert_eq!(shell("{{ server.adress }}"), Err(unknown));
        let outside = TemplateError::OutOfScope { name: "server.id", scope: "tenant" };
        assert_eq!(Template::parse("{{ server.id }}", Scope::Tenant, Landing::Plain), Err(outside));
        let list = TemplateError::List { name: "server.disks" };
        assert_eq!(Template::parse("{{ server.disks }}", Scope::Server, Landing::Plain), Err(list));
        assert_eq!(shell("{{ server.id"), Err(TemplateError::Unclosed));
    }

    #[test]
    fn a_variable_inside_quotes_of_the_script_is_refused() {
        for bad in ["'{{ server.id }}'", "\"a {{ server.id }}\"", "`{{ server.id }}`", "\\{{ server.id }}"] {
            assert_eq!(shell(bad), Err(TemplateError::Quoted { name: "server.id" }), "{bad}");
        }
        for good in [
            "# don't\ntest {{ server.id }}",
            "'a' {{ server.id }} \"b\"",
            "a\\'{{ server.id }}",
            "a#' '{{ server.id }}",
        ] {
            assert!(shell(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn every_variable_has_one_name() {
        for (name, variable) in Variable::NAMES {
            assert_eq!(variable.name(), name);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = shell(&text);
        }
    }
}
