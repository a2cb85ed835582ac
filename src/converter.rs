//! VMware vCenter Converter for one server: what its job is to be, whether it may be, the pages for those
//! who drive it by hand, what is going on, and when it has to stand still.
//!
//! Everything here decides and is pure but [`Assisted`], which asks people. The equality that Converter
//! gives is that of files (`prova: file`): no block of its copy is ever compared with the source.

mod assisted;
mod cause;
mod derive;
mod pace;
mod page;
mod refusal;
mod settings;
mod state;

pub use assisted::{Assisted, LooksAtTarget};
pub use cause::Cause;
pub use derive::derive;
pub use pace::{Activity, Line, Pace, Why, decide};
pub use page::{html, text};
pub use refusal::{Refusal, refusals};
pub use settings::{Screen, Setting, settings};
pub use state::{ConverterState, Follower};

pub use crate::model::converter::{
    ConverterSource, ConverterTarget, Job, JobSeen, KeptDisk, KeptVolume, SeenService, SourceSeen, TargetSeen,
};

/// What equality is shown by where Converter copies; printed wherever `verified` is.
pub const PROOF: &str = "file";

use crate::model::bilingual::Bilingual;

/// The languages of pages and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Italian: what the Comune reads.
    Italian,
    /// English.
    English,
}

impl Language {
    /// The text of this language.
    pub fn of(self, text: &Bilingual) -> &str {
        match self {
            Language::Italian => &text.it,
            Language::English => &text.en,
        }
    }
}

fn both(it: impl Into<String>, en: impl Into<String>) -> Bilingual {
    Bilingual { it: it.into(), en: en.into() }
}
