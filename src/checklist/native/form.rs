//! How questions to services are written in a checklist.

use super::Native;
use crate::checklist::template::Template;
use crate::inventory::form::scalars::{text_like, whole};
use crate::inventory::form::{Fields, Form, record};
use crate::world::probe;

const HOST: &str = "Name or address.";
const PORT: &str = "Port.";
/// A name that no directory has: the centre must look it up to say so.
const NOBODY: &str = "traghetto";

/// The question to a service among the fields of a probe, if there is one. `text` is the form of a
/// text with variables.
pub(in crate::checklist) fn native<F: Form<Value = Template>>(
    fields: &mut Fields<'_>,
    text: impl Fn() -> F,
) -> Option<Option<Native>> {
    let port = |usual: u16| move |fields: &mut Fields<'_>| fields.or("port", PORT, whole(1..=65_535), usual);
    let host = |fields: &mut Fields<'_>| fields.required("host", HOST, text());
    let ldap = record("A directory server.", |fields| {
        let (host, port) = (host(fields), port(probe::ldap::PORT)(fields));
        Some(Native::Ldap { host: host?, port: port? })
    });
    let kerberos = record("A key distribution centre.", |fields| {
        let (host, port) = (host(fields), port(probe::kerberos::PORT)(fields));
        let realm = "Its realm; else that of the directory server on the same host.";
        let realm = fields.optional("realm", realm, text());
        let name = fields.or("name", "For whom a ticket is asked.", principal(), NOBODY.to_owned());
        Some(Native::Kerberos { host: host?, port: port?, realm: realm?, name: name? })
    });
    let smb = record("A file server.", |fields| {
        let (host, port) = (host(fields), port(probe::smb::PORT)(fields));
        Some(Native::Smb { host: host?, port: port? })
    });
    let rdp = record("Remote desktops.", |fields| {
        let (host, port) = (host(fields), port(probe::rdp::PORT)(fields));
        Some(Native::Rdp { host: host?, port: port? })
    });
    let ntp = record("A time server.", |fields| {
        let (host, port) = (host(fields), port(probe::ntp::PORT)(fields));
        Some(Native::Ntp { host: host?, port: port? })
    });
    let tls = record("A certificate.", |fields| {
        let (host, port) = (host(fields), port(probe::tls::PORT)(fields));
        let name = fields.optional("name", "The name asked for, where it is not the host's.", text());
        Some(Native::Tls { host: host?, port: port?, name: name? })
    });
    let locator = record("A service as clients find it.", |fields| {
        let server = fields.required("server", "Address of the name server.", text());
        let service = fields.required("service", "The service, without its domain.", service());
        let domain = "Its domain; else that of the directory server on the same host.";
        let domain = fields.optional("domain", domain, text());
        Some(Native::Locator { server: server?, service: service?, domain: domain? })
    });
    let mtu = record("The largest packet.", |fields| {
        let host = host(fields);
        let most = fields.or("most", "The largest that is tried, in bytes.", whole(576..=9216), 1500);
        Some(Native::Mtu { host: host?, most: most? })
    });
    let found = [
        fields.optional("ldap", "Asks a directory server who it is.", ldap),
        fields.optional("kerberos", "Asks a key distribution centre for a ticket, without a password.", kerberos),
        fields.optional("smb", "Negotiates with a file server.", smb),
        fields.optional("rdp", "Asks for a remote desktop.", rdp),
        fields.optional("ntp", "Asks a time server.", ntp),
        fields.optional("tls", "Looks at a certificate, and believes nothing in it.", tls),
        fields.optional("locator", "Looks up SRV records, resolves and connects to each target.", locator),
        fields.optional("mtu", "Finds the largest packet that passes in one piece, and black holes.", mtu),
    ];
    found.into_iter().collect::<Option<Vec<_>>>().map(|found| found.into_iter().flatten().next())
}

fn principal() -> impl Form<Value = String> {
    text_like("^[A-Za-z0-9._$-]{1,64}$", NOBODY, "a name of a directory", |text| {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'$' | b'-');
        (1..=64).contains(&text.len()) && text.bytes().all(allowed)
    })
}

fn service() -> impl Form<Value = String> {
    text_like("^_[A-Za-z0-9._-]{1,100}$", "_ldap._tcp.dc._msdcs", "a service", |text| {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        text.len() <= 101 && text.starts_with('_') && text.bytes().all(allowed) && !text.ends_with('.')
    })
}
