//! What a host answers. Anything may stand in it: nothing here trusts, and nothing panics.

use super::fault::Fault;
use crate::untrusted::one_line;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `Microsoft Corporation`.
    pub vendor: String,
    /// `OS: 6.1.7601 SP: 1.0 Stack: 2.0`.
    pub version: String,
}

/// What a process printed since it was asked before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::world::winrm) struct Received {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Its exit status, at its end.
    pub exit: Option<u32>,
}

/// Reads the answer to `Identify`.
///
/// # Errors
/// A fault, or no sense in it.
pub(in crate::world::winrm) fn identity(answer: &[u8]) -> Result<Identity, Fault> {
    read(answer, |body| {
        let text = |name| first(body, name).and_then(|node| node.text()).map(|text| one_line(text.as_bytes()));
        let version = text("ProductVersion").ok_or(Fault::Malformed("it names no version"))?;
        Ok(Identity { vendor: text("ProductVendor").unwrap_or_default(), version })
    })
}

/// Reads the shell that `Create` made.
///
/// # Errors
/// A fault, or no sense in it.
pub(in crate::world::winrm) fn shell_id(answer: &[u8]) -> Result<String, Fault> {
    read(answer, |body| {
        // 2008 R2 names it as the selector of a reference; later ones beside that as an element.
        let named = |node: &Node<'_, '_>| {
            node.tag_name().name() == "ShellId"
                || (node.tag_name().name() == "Selector" && node.attribute("Name") == Some("ShellId"))
        };
        let found = body.descendants().find(named).and_then(|node| node.text());
        id(found).ok_or(Fault::Malformed("it names no shell"))
    })
}

/// Reads the process that `Command` started.
///
/// # Errors
/// A fault, or no sense in it.
pub(in crate::world::winrm) fn command_id(answer: &[u8]) -> Result<String, Fault> {
    read(answer, |body| {
        let found = first(body, "CommandId").and_then(|node| node.text());
        id(found).ok_or(Fault::Malformed("it names no process"))
    })
}

/// Reads an answer that says no more than that it was done.
///
/// # Errors
/// A fault, or no sense in it.
pub(in crate::world::winrm) fn accepted(answer: &[u8]) -> Result<(), Fault> {
    read(answer, |_| Ok(()))
}

/// Reads what `Receive` brought of the process `command`.
///
/// # Errors
/// A fault, or no sense in it.
pub(in crate::world::winrm) fn received(answer: &[u8], command: &str) -> Result<Received, Fault> {
    read(answer, |body| {
        let ours = |node: &Node<'_, '_>| node.attribute("CommandId").is_some_and(|id| id.eq_ignore_ascii_case(command));
        let mut received = Received::default();
        for node in body.descendants().filter(ours) {
            match (node.tag_name().name(), node.attribute("Name")) {
                ("Stream", Some("stdout")) => received.stdout.extend(bytes(node)?),
                ("Stream", Some("stderr")) => received.stderr.extend(bytes(node)?),
                ("CommandState", _) if node.attribute("State").is_some_and(|state| state.ends_with("/Done")) => {
                    let code = first(node, "ExitCode").and_then(|node| node.text()).unwrap_or_default();
                    received.exit = Some(status(code).ok_or(Fault::Malformed("the process ended without a status"))?);
                }
                _ => {}
            }
        }
        Ok(received)
    })
}

/// An exit status, which Windows writes with or without a sign.
fn status(text: &str) -> Option<u32> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

fn bytes(stream: Node<'_, '_>) -> Result<Vec<u8>, Fault> {
    let text: String = stream.text().unwrap_or_default().split_whitespace().collect();
    STANDARD.decode(text).map_err(|_| Fault::Malformed("a stream is not in Base64"))
}

/// An id as WinRM gives it; nothing else is sent back.
fn id(text: Option<&str>) -> Option<String> {
    let text = text?.trim();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-{}:_".contains(&byte);
    (!text.is_empty() && text.len() <= 100 && text.bytes().all(allowed)).then(|| text.to_owned())
}

fn read<T>(answer: &[u8], take: impl FnOnce(Node<'_, '_>) -> Result<T, Fault>) -> Result<T, Fault> {
    let text = std::str::from_utf8(answer).map_err(|_| Fault::Malformed("it is not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    let document = Document::parse(text).map_err(|_| Fault::Malformed("it is not XML"))?;
    let envelope = document.root_element();
    let body = envelope.children().find(|node| node.tag_name().name() == "Body");
    let body = body.ok_or(Fault::Malformed("it has no body"))?;
    match body.children().find(|node| node.tag_name().name() == "Fault") {
        Some(node) => Err(fault(node)),
        None => take(body),
    }
}

fn first<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.descendants().find(|node| node.tag_name().name() == name)
}

/// By codes alone: the words are in the host's language.
fn fault(node: Node<'_, '_>) -> Fault {
    let subcode = first(node, "Subcode").and_then(|subcode| first(subcode, "Value")).and_then(|value| value.text());
    let subcode = subcode.map_or("", |name| name.rsplit(':').next().unwrap_or(name)).trim();
    let code = first(node, "WSManFault").and_then(|fault| fault.attribute("Code")).unwrap_or_default();
    let text = words(node);
    match (code, subcode) {
        ("2150858793", _) | (_, "TimedOut") => Fault::TimedOut,
        ("2150858843", _) | (_, "InvalidSelectors") => Fault::ShellGone(text),
        ("2150859173" | "2150859174" | "2150859175" | "2150859176" | "2150859177", _) | (_, "QuotaLimit") => {
            Fault::Quota(text)
        }
        ("5" | "2147942405", _) | (_, "AccessDenied") => Fault::AccessDenied(text),
        (_, "EncodingLimit") => Fault::TooLarge(text),
        _ => {
            let code = if code.is_empty() { subcode } else { code };
            Fault::Other { code: one_line(code.as_bytes()), text }
        }
    }
}

/// What the host says, on one line.
fn words(node: Node<'_, '_>) -> String {
    let detail = first(node, "Message").or_else(|| first(node, "Reason"));
    let text: Vec<&str> = detail.iter().flat_map(|node| node.descendants()).filter_map(|node| node.text()).collect();
    // A node's text and that of its first child are the same text.
    let mut text = text;
    text.dedup();
    one_line(text.join(" ").as_bytes())
}
