//! From what the world answers to what a checklist reads.

use crate::checklist::expect::{Datum, Reading};
use crate::checklist::judge::{Answer, NoAnswer, in_words};
use crate::world::probe::ProbeError;
use std::time::Duration;

/// Milliseconds with one decimal.
pub(super) fn milliseconds(duration: Duration) -> Datum {
    rounded(duration.as_secs_f64() * 1000.0, 1)
}

/// A number with so many decimals.
pub(super) fn rounded(number: f64, decimals: i32) -> Datum {
    let scale = 10_f64.powi(decimals);
    Datum::Number((number * scale).round() / scale)
}

/// Why a probe brought nothing.
pub(super) fn no_answer(error: &ProbeError) -> NoAnswer {
    let unreachable = match error {
        ProbeError::Unreachable { .. } | ProbeError::Deadline { .. } => true,
        ProbeError::Untold(untold) => untold.transient,
        ProbeError::Question { .. } | ProbeError::Nonsense { .. } | ProbeError::Tool { .. } => false,
    };
    NoAnswer { reason: in_words(error), unreachable }
}

/// What a probe brought.
pub(super) fn answer(reading: Reading, raw: Vec<u8>, took: Duration) -> Answer {
    Answer { reading, raw, complaint: String::new(), took }
}

/// An attribute that may not be known: then it is not there.
pub(super) trait Maybe {
    fn maybe(self, attribute: &'static str, datum: Option<Datum>) -> Self;
}

impl Maybe for Reading {
    fn maybe(self, attribute: &'static str, datum: Option<Datum>) -> Self {
        match datum {
            Some(datum) => self.with(attribute, datum),
            None => self,
        }
    }
}
