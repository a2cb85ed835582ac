//! Questions to services in their own protocols, without a login.

mod attributes;
mod form;

pub(super) use attributes::attributes;
pub(super) use form::native;

use super::template::Template;
use serde::Serialize;

/// A question to a service. `T` is a template in a checklist and a text in a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Native<T = Template> {
    /// Asks a directory server who it is: its root DSE.
    Ldap {
        /// Name or address.
        host: T,
        /// TCP port.
        port: u16,
    },
    /// Asks a key distribution centre for a ticket, without a password.
    Kerberos {
        /// Name or address.
        host: T,
        /// Port of UDP and TCP.
        port: u16,
        /// The realm; else that of the directory server on the same host.
        realm: Option<T>,
        /// For whom.
        name: String,
    },
    /// Negotiates with a file server.
    Smb {
        /// Name or address.
        host: T,
        /// TCP port.
        port: u16,
    },
    /// Asks for a remote desktop.
    Rdp {
        /// Name or address.
        host: T,
        /// TCP port.
        port: u16,
    },
    /// Asks a time server.
    Ntp {
        /// Name or address.
        host: T,
        /// UDP port.
        port: u16,
    },
    /// Looks at a certificate.
    Tls {
        /// Name or address.
        host: T,
        /// TCP port.
        port: u16,
        /// The name asked for, where it is not the host's.
        name: Option<T>,
    },
    /// Finds a service as clients do: SRV records, resolved and connected to.
    Locator {
        /// Address of the name server.
        server: T,
        /// The service, such as `_ldap._tcp.dc._msdcs`.
        service: String,
        /// The domain; else that of the directory server on the same host.
        domain: Option<T>,
    },
    /// Finds the largest packet that passes in one piece.
    Mtu {
        /// Name or address.
        host: T,
        /// The largest that is tried, in bytes.
        most: u16,
    },
}

impl Native {
    /// The words of all kinds.
    pub const KINDS: [&'static str; 8] = ["ldap", "kerberos", "smb", "rdp", "ntp", "tls", "locator", "mtu"];

    /// The question with the values that `text` gives.
    ///
    /// # Errors
    /// That of `text`.
    pub fn fill<E>(&self, text: impl Fn(&Template) -> Result<String, E>) -> Result<Native<String>, E> {
        let maybe = |template: &Option<Template>| template.as_ref().map(&text).transpose();
        Ok(match self {
            Native::Ldap { host, port } => Native::Ldap { host: text(host)?, port: *port },
            Native::Kerberos { host, port, realm, name } => {
                Native::Kerberos { host: text(host)?, port: *port, realm: maybe(realm)?, name: name.clone() }
            }
            Native::Smb { host, port } => Native::Smb { host: text(host)?, port: *port },
            Native::Rdp { host, port } => Native::Rdp { host: text(host)?, port: *port },
            Native::Ntp { host, port } => Native::Ntp { host: text(host)?, port: *port },
            Native::Tls { host, port, name } => Native::Tls { host: text(host)?, port: *port, name: maybe(name)? },
            Native::Locator { server, service, domain } => {
                Native::Locator { server: text(server)?, service: service.clone(), domain: maybe(domain)? }
            }
            Native::Mtu { host, most } => Native::Mtu { host: text(host)?, most: *most },
        })
    }
}

impl<T> Native<T> {
    /// The word in a checklist.
    pub fn kind(&self) -> &'static str {
        match self {
            Native::Ldap { .. } => "ldap",
            Native::Kerberos { .. } => "kerberos",
            Native::Smb { .. } => "smb",
            Native::Rdp { .. } => "rdp",
            Native::Ntp { .. } => "ntp",
            Native::Tls { .. } => "tls",
            Native::Locator { .. } => "locator",
            Native::Mtu { .. } => "mtu",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_something() {
        for kind in Native::KINDS {
            assert!(!attributes(kind).is_empty(), "{kind}");
        }
    }
}
