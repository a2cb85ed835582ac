//! How a Windows is reached over WinRM.

use super::access::{host, user};
use super::form::scalars::{secret, text_like, whole};
use super::form::{Fields, Form, record};
use crate::model::server::WinrmAccess;

/// Port over HTTP, where NTLM seals the messages.
const HTTP: u16 = 5985;
/// Port over HTTPS.
const HTTPS: u16 = 5986;

/// The form of an access over WinRM.
pub(super) fn form() -> impl Form<Value = WinrmAccess> {
    record("How a Windows is reached over WinRM.", winrm)
}

fn winrm(fields: &mut Fields<'_>) -> Option<WinrmAccess> {
    let host = fields.required("host", "Name or address.", host());
    let account = "Account: `DOMAIN\\name`, `name@domain`, or a local one; an administrator of the host.";
    let user = fields.required("user", account, user());
    let password = fields.required("password", "Its password, by reference: `env:NAME` or `file:PATH`.", secret());
    let pinned = "SHA-256 of the host's certificate in hexadecimal: then over HTTPS. Without it over HTTP, where NTLM \
                  seals every message, as Windows 2008 R2 can without preparation.";
    let certificate = fields.optional("certificate", pinned, digest());
    let usual = if fields.has("certificate") { HTTPS } else { HTTP };
    let port = fields.or("port", "TCP port (default: 5985, or 5986 with `certificate`).", whole(1..=65_535), usual);
    let certificate = certificate?;
    Some(WinrmAccess { host: host?, port: port?, user: user?, password: password?, certificate })
}

fn digest() -> impl Form<Value = String> {
    let example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    text_like("^[0-9a-f]{64}$", example, "a SHA-256 in lower-case hexadecimal", |text| {
        text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}
