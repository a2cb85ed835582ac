//! Texts in both languages.

use super::scalars::text;
use super::{Fields, Form, record};
use crate::model::bilingual::Bilingual;

/// A text in both languages; `doc` says what it is.
pub fn bilingual(doc: &'static str) -> impl Form<Value = Bilingual> {
    record(doc, |fields: &mut Fields<'_>| {
        let it = fields.required("it", "Italian: what the Comune reads and signs.", text());
        let en = fields.required("en", "English.", text());
        Some(Bilingual { it: it?, en: en? })
    })
}
