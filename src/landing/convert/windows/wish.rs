//! What is wished of a Windows: cards that take the settings of adapters.

use crate::landing::convert::hardware::{self, NotOfForm};
use std::fmt;
use std::str::FromStr;

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
        Err(NotOfForm::new(text, FORM))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A card, and the adapter whose static settings it takes.
pub type Card = hardware::Card<Guid>;

/// What is wished of a Windows.
pub type Wish = hardware::Wish<Guid>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_writes_is_read() {
        let guid = "{4D36E972-E325-11CE-BFC1-08002BE10318}".parse::<Guid>().unwrap();
        assert_eq!(guid.to_string(), "{4d36e972-e325-11ce-bfc1-08002be10318}");
    }

    #[test]
    fn nothing_else_is() {
        for text in ["", "4d36e972-e325-11ce-bfc1-08002be10318", "{4d36e972-e325-11ce-bfc1-08002be1031x}", "{..\\..}"] {
            assert!(text.parse::<Guid>().is_err(), "{text}");
        }
    }
}
