//! The hardware of the virtual machine: its controller, its cards, and whose settings they take.

pub use crate::model::machine::{Controller, NicModel};

use std::fmt;
use std::str::FromStr;

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(into = "String")]
pub struct Mac([u8; 6]);

/// What is not read as a hardware address, or as the name of an adapter or interface.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not of the form {1}")]
pub struct NotOfForm(String, &'static str);

impl NotOfForm {
    /// That `text` is not of the form of `example`.
    pub(super) fn new(text: &str, example: &'static str) -> Self {
        Self(crate::untrusted::printable(text), example)
    }
}

impl FromStr for Mac {
    type Err = NotOfForm;

    fn from_str(text: &str) -> Result<Self, NotOfForm> {
        let wrong = || NotOfForm::new(text, "00:50:56:01:02:03");
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
        write!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}")
    }
}

impl Mac {
    /// In small letters, as Linux writes it.
    pub fn small(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> String {
        mac.to_string()
    }
}

/// A card of the virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Card<T> {
    /// Its model.
    pub model: NicModel,
    /// Its hardware address, pinned in the machine's configuration.
    pub mac: Mac,
    /// The adapter or interface of the source whose settings it takes.
    pub takes: Option<T>,
}

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Wish<T> {
    /// The controller of the system disk.
    pub controller: Controller,
    /// The network cards.
    pub cards: Vec<Card<T>>,
    /// Adapters or interfaces of the source whose static settings no card takes, knowingly.
    pub left: Vec<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_an_address_are_read_and_nothing_else() {
        assert_eq!("00-50-56-ab-CD-01".parse::<Mac>().unwrap().to_string(), "00:50:56:AB:CD:01");
        for text in ["", "00:50:56:01:02", "00:50:56:01:02:03:04", "00:50:56:01:02:+3", "è0:50:56:01:02:03"] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }
}

/// The machine that a clone will be, where nobody says which adapter is which: its card takes the one that
/// holds the server's address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Machine {
    /// The controller of the system disk.
    pub controller: Controller,
    /// The model of its card.
    pub card: NicModel,
    /// The hardware address of its card.
    pub mac: Mac,
    /// The server's address.
    pub address: std::net::Ipv4Addr,
}

impl Machine {
    /// What is wished, where the adapter `takes` holds the address; the static settings of `left` stay behind.
    pub(super) fn wish<T>(&self, takes: Option<T>, left: Vec<T>) -> Wish<T> {
        Wish { controller: self.controller, cards: vec![Card { model: self.card, mac: self.mac, takes }], left }
    }
}
