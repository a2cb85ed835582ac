//! A text in both languages of the program.

use serde::{Deserialize, Serialize};

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilingual {
    /// Italian: what the Comune reads and signs.
    pub it: String,
    /// English.
    pub en: String,
}
