//! What the virtual machine will have: its controller, its cards, and whose addresses they take.

use std::fmt;
use std::str::FromStr;

/// The controller that the system disk hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Controller {
    /// LSI Logic SAS 1068: what a Windows 7 or 2008 R2 lands on.
    LsiSas1068,
    /// VMware's own; its driver comes with VMware Tools.
    Pvscsi,
    /// LSI Logic, parallel SCSI.
    LsiLogic,
    /// IDE, as the last resort.
    Ide,
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Controller::LsiSas1068 => "lsisas1068",
            Controller::Pvscsi => "pvscsi",
            Controller::LsiLogic => "lsilogic",
            Controller::Ide => "ide",
        })
    }
}

/// The model of a virtual network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CardModel {
    /// Intel's 82545EM, whose driver is part of Windows.
    E1000,
    /// VMware's own; its driver comes with VMware Tools.
    Vmxnet3,
}

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(into = "String")]
pub struct Mac([u8; 6]);

/// What is not read as a hardware address or as the identifier of an adapter.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not of the form {1}")]
pub struct NotOfForm(String, &'static str);

impl FromStr for Mac {
    type Err = NotOfForm;

    fn from_str(text: &str) -> Result<Self, NotOfForm> {
        let wrong = || NotOfForm(crate::untrusted::printable(text), "00:50:56:01:02:03");
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()));
            *byte = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or_else(wrong)?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        // As Windows writes it.
        write!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}")
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> String {
        mac.to_string()
    }
}

/// The identifier of a network adapter in Windows, `{…}`, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Guid(String);

impl FromStr for Guid {
    type Err = NotOfForm;

    fn from_str(text: &str) -> Result<Self, NotOfForm> {
        const FORM: &str = "{00000000-0000-0000-0000-000000000000}";
        let fits = |(c, form): (u8, u8)| if form == b'0' { c.is_ascii_hexdigit() } else { c == form };
        if text.len() == FORM.len() && text.bytes().zip(FORM.bytes()).all(fits) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(NotOfForm(crate::untrusted::printable(text), FORM))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A card of the virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Card {
    /// Its model.
    pub model: CardModel,
    /// Its hardware address, pinned in the machine's configuration.
    pub mac: Mac,
    /// The adapter of the source whose static settings it takes.
    pub takes: Option<Guid>,
}

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Wish {
    /// The controller of the system disk.
    pub controller: Controller,
    /// The network cards.
    pub cards: Vec<Card>,
    /// Adapters of the source whose static settings no card takes, knowingly.
    pub left: Vec<Guid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_writes_is_read() {
        assert_eq!("00-50-56-ab-CD-01".parse::<Mac>().unwrap().to_string(), "00:50:56:AB:CD:01");
        let guid = "{4D36E972-E325-11CE-BFC1-08002BE10318}".parse::<Guid>().unwrap();
        assert_eq!(guid.to_string(), "{4d36e972-e325-11ce-bfc1-08002be10318}");
    }

    #[test]
    fn nothing_else_is() {
        for text in ["", "00:50:56:01:02", "00:50:56:01:02:03:04", "00:50:56:01:02:+3", "è0:50:56:01:02:03"] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
        for text in ["", "4d36e972-e325-11ce-bfc1-08002be10318", "{4d36e972-e325-11ce-bfc1-08002be1031x}", "{..\\..}"] {
            assert!(text.parse::<Guid>().is_err(), "{text}");
        }
    }
}
