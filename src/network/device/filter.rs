//! Access lists and terminal lines as the text describes them.

use super::At;
use ipnetwork::Ipv4Network;

/// An access list. Its entries are tried in their order; what none matches is denied.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessList {
    /// Name or number.
    pub name: At<String>,
    /// Whether it looks at source addresses only.
    pub standard: bool,
    /// The entries, without remarks.
    pub entries: Vec<At<Entry>>,
}

/// An entry of an access list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Permit or deny.
    pub permit: bool,
    /// Protocol, such as `ip`, `tcp`, `esp`; `ip` in a standard list.
    pub protocol: String,
    /// Source; none is any. A wildcard that is no prefix makes the entry unread instead.
    pub source: Option<Ipv4Network>,
    /// Condition on the source port, such as `eq 22`, never with a name.
    pub source_port: Option<String>,
    /// Destination; none is any.
    pub destination: Option<Ipv4Network>,
    /// Condition on the destination port.
    pub destination_port: Option<String>,
    /// What follows, such as `log` or `established`.
    pub options: Vec<String>,
}

/// `line con 0`, `line vty 0 4`.
#[derive(Debug, Clone, PartialEq)]
pub struct Terminal {
    /// Kind and range, such as `vty 0 4`.
    pub name: At<String>,
    /// Access list of those who may log in.
    pub access_class: Option<At<String>>,
    /// Protocols that may come in, such as `ssh`; none where not written (IOS-XE 17: all).
    pub transport_input: Option<At<String>>,
    /// Protocols that may go out.
    pub transport_output: Option<At<String>>,
    /// Minutes and seconds of silence before log-out; 0 0 never.
    pub exec_timeout: Option<At<(u32, u32)>>,
    /// List of login methods.
    pub login: Option<At<String>>,
    /// `logging synchronous`.
    pub logging_synchronous: bool,
}
