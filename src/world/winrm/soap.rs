//! WS-Management by MS-WSMV: the requests that run a process in a remote shell, and their answers.

mod answer;
mod fault;

pub(super) use answer::{Identity, Received, accepted, command_id, identity, received, shell_id};
pub use fault::Fault;

use crate::untrusted::xml;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

/// Largest message that Windows 2008 R2 takes and gives, in bytes (`MaxEnvelopeSizekb` 150).
pub(super) const LARGEST_ENVELOPE: usize = 150 << 10;
/// Most bytes of standard input in one message: in Base64 they are a third more.
pub(super) const INPUT_PART: usize = 32 << 10;

const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const NAMESPACES: &str = "xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
    xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
    xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" \
    xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" \
    xmlns:rsp=\"http://schemas.microsoft.com/wbem/wsman/1/windows/shell\"";

/// What a host is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// Who are you?
    Identify,
    /// Opens a shell, which ends itself after being idle for so long.
    Create {
        /// How long.
        idle: Duration,
    },
    /// Starts a process.
    Command {
        /// In which shell.
        shell: &'a str,
        /// The program.
        program: &'a str,
        /// Its arguments.
        arguments: &'a [&'a str],
    },
    /// Feeds its standard input.
    Send {
        /// In which shell.
        shell: &'a str,
        /// Which process.
        command: &'a str,
        /// At most [`INPUT_PART`] bytes.
        bytes: &'a [u8],
        /// Whether they are the last.
        end: bool,
    },
    /// Asks for what it printed.
    Receive {
        /// In which shell.
        shell: &'a str,
        /// Which process.
        command: &'a str,
    },
    /// Ends it.
    Terminate {
        /// In which shell.
        shell: &'a str,
        /// Which process.
        command: &'a str,
    },
    /// Deletes the shell.
    Delete {
        /// Which.
        shell: &'a str,
    },
}

impl Request<'_> {
    /// What it is called in messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Request::Identify => "Identify",
            Request::Create { .. } => "Create",
            Request::Command { .. } => "Command",
            Request::Send { .. } => "Send",
            Request::Receive { .. } => "Receive",
            Request::Terminate { .. } => "Signal",
            Request::Delete { .. } => "Delete",
        }
    }

    fn action(&self) -> String {
        match self {
            Request::Create { .. } | Request::Delete { .. } => format!("{TRANSFER}/{}", self.name()),
            _ => format!("{SHELL}/{}", self.name()),
        }
    }

    fn shell(&self) -> Option<&str> {
        match self {
            Request::Identify | Request::Create { .. } => None,
            Request::Command { shell, .. }
            | Request::Send { shell, .. }
            | Request::Receive { shell, .. }
            | Request::Terminate { shell, .. }
            | Request::Delete { shell } => Some(shell),
        }
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            // UTF-8, as far as programs of Windows keep to it; and nobody's profile is loaded.
            Request::Create { .. } => &[("WINRS_NOPROFILE", "TRUE"), ("WINRS_CODEPAGE", "65001")],
            // Standard input is a pipe that ends, and not a keyboard.
            Request::Command { .. } => &[("WINRS_CONSOLEMODE_STDIN", "FALSE"), ("WINRS_SKIP_CMD_SHELL", "FALSE")],
            _ => &[],
        }
    }

    fn body(&self) -> String {
        match self {
            Request::Identify | Request::Delete { .. } => String::new(),
            Request::Create { idle } => format!(
                "<rsp:Shell><rsp:IdleTimeOut>PT{}S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>\
                 <rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>",
                idle.as_secs()
            ),
            Request::Command { program, arguments, .. } => {
                let argument = |argument: &&str| format!("<rsp:Arguments>{}</rsp:Arguments>", xml(argument));
                let arguments: String = arguments.iter().map(argument).collect();
                format!("<rsp:CommandLine><rsp:Command>{}</rsp:Command>{arguments}</rsp:CommandLine>", xml(program))
            }
            Request::Send { command, bytes, end, .. } => {
                let end = if *end { " End=\"true\"" } else { "" };
                let bytes = STANDARD.encode(bytes);
                let command = xml(command);
                format!(
                    "<rsp:Send><rsp:Stream Name=\"stdin\" CommandId=\"{command}\"{end}>{bytes}</rsp:Stream></rsp:Send>"
                )
            }
            Request::Receive { command, .. } => format!(
                "<rsp:Receive><rsp:DesiredStream CommandId=\"{}\">stdout stderr</rsp:DesiredStream></rsp:Receive>",
                xml(command)
            ),
            Request::Terminate { command, .. } => format!(
                "<rsp:Signal CommandId=\"{}\"><rsp:Code>{SHELL}/signal/terminate</rsp:Code></rsp:Signal>",
                xml(command)
            ),
        }
    }

    /// The message, to the address `to`; `id` is a UUID that no other message has, `within` is how long the
    /// host may wait before it answers.
    pub(super) fn envelope(&self, to: &str, id: &str, within: Duration) -> String {
        if *self == Request::Identify {
            return "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
                    xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"><s:Header/><s:Body>\
                    <i:Identify/></s:Body></s:Envelope>"
                .to_owned();
        }
        let mut header = format!(
            "<a:To>{}</a:To><w:ResourceURI s:mustUnderstand=\"true\">{SHELL}/cmd</w:ResourceURI><a:ReplyTo><a:Address \
             s:mustUnderstand=\"true\">{ANONYMOUS}</a:Address></a:ReplyTo><a:Action s:mustUnderstand=\"true\">{}\
             </a:Action><w:MaxEnvelopeSize s:mustUnderstand=\"true\">{LARGEST_ENVELOPE}</w:MaxEnvelopeSize>\
             <a:MessageID>uuid:{id}</a:MessageID><w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>\
             <p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/><w:OperationTimeout>PT{}S\
             </w:OperationTimeout>",
            xml(to),
            self.action(),
            within.as_secs()
        );
        if let Some(shell) = self.shell() {
            let shell = xml(shell);
            header += &format!("<w:SelectorSet><w:Selector Name=\"ShellId\">{shell}</w:Selector></w:SelectorSet>");
        }
        let option = |(name, value): &(&str, &str)| format!("<w:Option Name=\"{name}\">{value}</w:Option>");
        let options: String = self.options().iter().map(option).collect();
        if !options.is_empty() {
            header += &format!("<w:OptionSet>{options}</w:OptionSet>");
        }
        let body = self.body();
        format!("<s:Envelope {NAMESPACES}><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>")
    }
}

#[cfg(test)]
mod tests;
