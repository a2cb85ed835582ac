//! References to objects of a server.

use crate::untrusted::printable;
use std::fmt;

/// A reference to an object of the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moref {
    /// Its type, such as `VirtualMachine`.
    pub kind: String,
    /// Its name, such as `vm-42`.
    pub value: String,
}

impl Moref {
    /// A reference.
    pub fn new(kind: &str, value: &str) -> Self {
        Self { kind: kind.to_owned(), value: value.to_owned() }
    }
}

impl fmt::Display for Moref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.value))
    }
}
