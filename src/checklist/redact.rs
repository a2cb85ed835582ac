//! Secrets leave evidence before it is hashed: what hosts say is searched for what must not be kept.
//!
//! Two nets. Values that this machine itself holds for the tenant are taken out wherever they stand.
//! Of others only the shape is known: private keys, hashes of passwords, and what follows a word such
//! as `password`. A word too many is masked rather than one too few.

mod shape;

use super::expect::{Datum, Reading};
use super::finding::Finding;
use crate::digest::sha256;

/// What stands in the place of a secret.
const MARK: &str = "<secret>";

/// A value shorter than this is no secret, and would be found everywhere.
const SHORTEST: usize = 4;

/// Takes secrets out of what is kept.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    values: Vec<String>,
}

/// A raw answer without secrets, to be kept by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256, as hex.
    pub sha256: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Bytes with their hash.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { sha256: sha256(&bytes), bytes }
    }
}

impl Redactor {
    /// One that also takes out these values.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().filter(|value| value.len() >= SHORTEST).collect();
        // The longest first: one may be a part of another.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { values }
    }

    /// `text` without secrets.
    pub fn text(&self, text: &str) -> String {
        if text.contains('\0') {
            // Letters of two bytes each that were taken for letters of one.
            let bytes = self.without_wide(text.as_bytes().to_vec());
            return self.narrow(&String::from_utf8_lossy(&bytes));
        }
        self.narrow(text)
    }

    /// `text` without secrets, each letter of it taken as it is.
    fn narrow(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            text = text.replace(value, MARK);
        }
        shape::masked(&self.without_cut_values(text))
    }

    /// `bytes` without secrets: unchanged where they hold none.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let bytes = self.without_wide(bytes.to_vec());
        if let Ok(text) = std::str::from_utf8(&bytes) {
            return self.narrow(text).into_bytes();
        }
        // Latin letters of one byte each: every byte comes back as it was, and words are found.
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        let kept = self.narrow(&text);
        kept.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
    }

    /// `bytes` without the secrets in UTF-16, as Windows writes files: from the first byte or the second.
    fn without_wide(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for start in 0..2 {
            if !bytes.contains(&0) {
                break;
            }
            let (before, wide) = bytes.split_at(start.min(bytes.len()));
            let units: Vec<u16> = wide.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            let text = String::from_utf16_lossy(&units);
            let kept = self.narrow(&text);
            if kept != text {
                let odd = &wide[units.len() * 2..];
                let kept: Vec<u8> = kept.encode_utf16().flat_map(u16::to_le_bytes).collect();
                bytes = [before, &kept, odd].concat();
            }
        }
        bytes
    }

    /// What was read, without secrets: to be kept, and compared with what was kept.
    pub(super) fn reading(&self, reading: &Reading) -> Reading {
        let attributes = reading.iter().map(|(name, datum)| (name, self.datum(datum)));
        attributes.fold(Reading::default(), |reading, (name, datum)| reading.with(name, datum))
    }

    pub(super) fn datum(&self, datum: &Datum) -> Datum {
        match datum {
            Datum::Text(text) => Datum::Text(self.text(text)),
            Datum::List(list) => Datum::List(self.list(list)),
            Datum::Flag(_) | Datum::Number(_) => datum.clone(),
        }
    }

    /// Lines of one text, of which a secret may fill several.
    fn list(&self, list: &[String]) -> Vec<String> {
        if list.is_empty() || list.iter().any(|line| line.contains('\n')) {
            return list.iter().map(|line| self.text(line)).collect();
        }
        self.text(&list.join("\n")).split('\n').map(str::to_owned).collect()
    }

    /// A text that was cut (`…`) may end in the beginning of a value.
    fn without_cut_values(&self, text: String) -> String {
        if self.values.is_empty() || !text.contains('…') {
            return text;
        }
        let mut parts: Vec<String> = text.split('…').map(str::to_owned).collect();
        // What stands behind the last mark was not cut.
        for part in parts.iter_mut().rev().skip(1) {
            if let Some(length) = self.values.iter().find_map(|value| cut(part, value)) {
                part.truncate(part.len() - length);
                part.push_str(MARK);
            }
        }
        parts.join("…")
    }

    /// Takes secrets out of findings and gives their raw answers as blobs: from here on they are evidence.
    pub fn seal(&self, findings: &mut [Finding]) -> Vec<Blob> {
        let mut blobs = Vec::new();
        for finding in findings {
            for datum in finding.captured.iter_mut().flat_map(|captured| captured.values.values_mut()) {
                *datum = self.datum(datum);
            }
            finding.expected = self.text(&finding.expected);
            finding.found = self.text(&finding.found);
            finding.reason = finding.reason.as_deref().map(|reason| self.text(reason));
            let answer = std::mem::take(&mut finding.unsealed);
            if answer.is_empty() {
                finding.raw = self.text(&finding.raw);
                continue;
            }
            let blob = Blob::new(self.bytes(&answer));
            finding.raw = Finding::excerpt(&blob.bytes);
            finding.answer = Some(blob.sha256.clone());
            blobs.push(blob);
        }
        blobs
    }
}

/// The length of the beginning of `value` with which `text` ends.
fn cut(text: &str, value: &str) -> Option<usize> {
    let lengths = (SHORTEST..value.len()).rev();
    lengths.into_iter().find(|length| value.is_char_boundary(*length) && text.ends_with(&value[..*length]))
}

#[cfg(test)]
mod tests;
