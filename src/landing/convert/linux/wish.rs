//! What is wished of a Linux: cards that take the names and settings of interfaces.

use crate::landing::convert::hardware::{self, Mac, NotOfForm};
use std::fmt;

/// An interface of the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Interface {
    name: String,
    mac: Option<Mac>,
}

impl Interface {
    /// An interface by its name, such as `eth0`, and the hardware address that it had, where that is known.
    ///
    /// # Errors
    /// The kernel takes no such name.
    pub fn new(name: &str, mac: Option<Mac>) -> Result<Self, NotOfForm> {
        let fits = |c: char| c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c);
        if name.is_empty() || name.len() > 15 || name.starts_with('.') || !name.chars().all(fits) {
            return Err(NotOfForm::new(name, "eth0"));
        }
        Ok(Self { name: name.to_owned(), mac })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its hardware address on the source.
    pub fn mac(&self) -> Option<Mac> {
        self.mac
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// A card, and the interface whose name and settings it takes.
pub type Card = hardware::Card<Interface>;

/// What is wished of a Linux.
pub type Wish = hardware::Wish<Interface>;
