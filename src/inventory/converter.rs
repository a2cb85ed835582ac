//! VMware vCenter Converter: its server, and how it reaches what it converts.

use super::access::{host, user};
use super::form::scalars::{path, secret, text_like, whole};
use super::form::{Fields, Form, list, record};
use super::problem::Complaint;
use crate::model::converter::{ConverterAccess, ConverterSource, ConverterTrust};

/// Port of the server.
const SERVER: u16 = 443;
/// Port of the agent on a source.
const AGENT: u16 = 9089;

/// The form of `landing.converter`.
pub(super) fn server() -> impl Form<Value = ConverterAccess> {
    record("The VMware Converter server.", access)
}

/// The form of `servers[].converter`.
pub(super) fn source() -> impl Form<Value = ConverterSource> {
    record("How VMware Converter reaches the server.", origin)
}

fn access(fields: &mut Fields<'_>) -> Option<ConverterAccess> {
    let host = fields.required("host", "Name or address.", host());
    let port = fields.or("port", "TCP port.", whole(1..=65_535), SERVER);
    let account = "An account of that Windows: the owner of the jobs, or an administrator.";
    let user = fields.required("user", account, user());
    let password = fields.required("password", "Its password, by reference: `env:NAME` or `file:PATH`.", secret());
    fields.exactly_one(&["certificate", "authority"]);
    let certificate = fields.optional("certificate", "SHA-256 of the server's own certificate.", sha256());
    let authority = "A PEM file with the authorities that may have signed its certificate, relative to the root.";
    let authority = fields.optional("authority", authority, path());
    let met = "SHA-1 of the vCenter's certificate: Converter asks whether to trust it, and knows no other digest.";
    let vcenter_thumbprint = fields.optional("vcenter_thumbprint", met, sha1());
    let trust = match (certificate?, authority?) {
        (Some(digest), _) => Some(ConverterTrust::Certificate(digest)),
        (None, path) => path.map(ConverterTrust::Authority),
    };
    let (port, vcenter_thumbprint) = (port?, vcenter_thumbprint?);
    Some(ConverterAccess { host: host?, port, user: user?, password: password?, trust: trust?, vcenter_thumbprint })
}

fn origin(fields: &mut Fields<'_>) -> Option<ConverterSource> {
    let host = fields.required("host", "Name or address, as the Converter server reaches it.", host());
    let port = fields.or("port", "TCP port of the agent.", whole(1..=65_535), AGENT);
    let user = fields.required("user", "An administrator of the server.", user());
    let password = fields.required("password", "Its password, by reference: `env:NAME` or `file:PATH`.", secret());
    let pinned = "SHA-1 of the agent's certificate: Converter asks whether to trust it. Absent before it is installed.";
    let thumbprint = fields.optional("thumbprint", pinned, sha1());
    let stopped = "Windows services, by short name, that Converter stops before the final synchronisation.";
    let services_stopped = fields.or("services_stopped", stopped, list(service()), Vec::new());
    let services_stopped = services_stopped?;
    let mut seen: Vec<String> = Vec::new();
    for (index, name) in services_stopped.iter().enumerate() {
        let name = name.to_ascii_lowercase();
        if seen.contains(&name) {
            fields.refuse(&format!("services_stopped[{index}]"), Complaint::new("the service is here twice"));
        }
        seen.push(name);
    }
    let (port, thumbprint) = (port?, thumbprint?);
    Some(ConverterSource { host: host?, port, user: user?, password: password?, thumbprint, services_stopped })
}

/// The short name of a Windows service.
fn service() -> impl Form<Value = String> {
    text_like("^[^/\\\\]{1,256}$", "MSSQLSERVER", "the short name of a Windows service", |text| {
        (1..=256).contains(&text.chars().count()) && !text.contains(['/', '\\'])
    })
}

fn sha256() -> impl Form<Value = String> {
    let example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    text_like("^[0-9A-Fa-f:]{64,95}$", example, "a SHA-256 in hexadecimal", |text| digits(text) == Some(64))
}

fn sha1() -> impl Form<Value = String> {
    let example = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
    text_like("^[0-9A-Fa-f:]{40,59}$", example, "a SHA-1 in hexadecimal", |text| digits(text) == Some(40))
}

/// How many hexadecimal digits there are; none if there is anything else beside colons.
fn digits(text: &str) -> Option<usize> {
    let others = |c: char| !c.is_ascii_hexdigit() && c != ':';
    (!text.contains(others)).then(|| text.chars().filter(char::is_ascii_hexdigit).count())
}
