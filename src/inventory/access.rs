//! How a host is reached over SSH.

use super::codes::fingerprint;
use super::form::scalars::{flag, path, secret, text_like, whole, word};
use super::form::{Fields, Form, record};
use super::problem::Complaint;
use crate::model::router_access::RouterAccess;
use crate::model::server::{Access, Login, SshProfile};

/// Hosts to jump through on the way, at most.
const MAX_JUMPS: u8 = 2;

/// The form of an access.
pub(super) fn form() -> impl Form<Value = Access> {
    record("How a host is reached over SSH.", |fields: &mut Fields<'_>| access(fields, MAX_JUMPS))
}

const PROFILES: &[(&str, SshProfile)] = &[("modern", SshProfile::Modern), ("legacy", SshProfile::Legacy)];

/// The form of an access to a router.
pub(super) fn router() -> impl Form<Value = RouterAccess> {
    record("How a router is reached over SSH.", |fields: &mut Fields<'_>| {
        let access = access(fields, MAX_JUMPS);
        let enable = "The password of `enable`, by reference; absent where the login has privilege 15.";
        let enable = fields.optional("enable", enable, secret());
        let serial = fields.optional("serial", "Serial number of the chassis, checked before a push.", serial());
        Some(RouterAccess { access: access?, enable: enable?, serial: serial? })
    })
}

fn serial() -> impl Form<Value = String> {
    text_like("^[A-Z0-9]{6,20}$", "FCZ2112B0KX", "a serial number", |text| {
        (6..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

fn access(fields: &mut Fields<'_>, jumps: u8) -> Option<Access> {
    let host = fields.required("host", "Name or address.", host());
    let port = fields.or("port", "TCP port.", whole(1..=65_535), 22);
    let user = fields.required("user", "Login name.", user());
    fields.exactly_one(&["key", "password", "agent"]);
    let key = "A private key file without passphrase, relative to the inventory's root.";
    let key = fields.optional("key", key, path());
    let password = fields.optional("password", "A password, by reference: `env:NAME` or `file:PATH`.", secret());
    let agent = fields.optional("agent", "`true`: the SSH agent of the operator.", flag());
    let shown = "The host key's fingerprint; without it the key must be in known_hosts.";
    let host_key = fields.maybe("host_key", shown, fingerprint());
    let profile = "SSH algorithms: those of today, or also those that old hosts know (SHA-1, CBC).";
    // A jump host is one of ours, and never old.
    let ssh_profile = match jumps {
        MAX_JUMPS => fields.or("ssh_profile", profile, word(PROFILES), SshProfile::Modern),
        _ => Some(SshProfile::Modern),
    };
    let via = match jumps {
        0 => Some(None),
        _ => {
            let hop = record("A host to jump through.", |fields: &mut Fields<'_>| access(fields, jumps - 1));
            fields.optional("via", "The host to jump through.", hop)
        }
    };
    let login = match (key?, password?, agent?) {
        (Some(key), ..) => Login::Key(key),
        (_, Some(secret), _) => Login::Password(secret),
        (_, _, Some(true)) => Login::Agent,
        (_, _, Some(false)) => {
            let complaint = Complaint::new("`agent: false` leaves no way to log in");
            fields.refuse("agent", complaint.hint("write `agent: true`, or give `key` or `password` instead"));
            return None;
        }
        (None, None, None) => return None,
    };
    let via = via?.map(Box::new);
    Some(Access { host: host?, port: port?, user: user?, login, host_key: host_key?, ssh_profile: ssh_profile?, via })
}

/// Name or address of a host.
pub(super) fn host() -> impl Form<Value = String> {
    text_like("^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$", "192.0.2.10", "a host name or address", |text| {
        let edge = |c: char| c.is_ascii_alphanumeric();
        text.len() <= 253
            && text.starts_with(edge)
            && text.ends_with(edge)
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(&byte))
    })
}

/// A login name.
pub(super) fn user() -> impl Form<Value = String> {
    const ALLOWED: &[u8] = b"_.-\\@";
    text_like("^[A-Za-z_][A-Za-z0-9_.\\\\@-]{0,63}$", "root", "a login name", |text| {
        text.len() <= 64
            && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || ALLOWED.contains(&byte))
    })
}
