//! Files that belong to a signature: the document on which it is, and what proves what it says.

use crate::untrusted::printable;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A file that proves what a signature says, kept by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Name of the file.
    pub file: String,
    /// SHA-256 of its bytes, as hex.
    pub sha256: String,
}

impl Attached {
    /// Its line in a statement.
    pub fn line(&self) -> String {
        format!("Allegato: {} {}", self.sha256, printable(&self.file))
    }
}

/// A signed document that was received, kept by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Name of the file.
    pub file: String,
    /// SHA-256 of its bytes, as hex.
    pub sha256: String,
    /// How it is signed.
    pub kind: DocumentKind,
    /// Its number in the protocol register.
    pub prot: String,
    /// Its date in the register.
    pub date: Date,
}

/// How a document is signed. Its signature is not verified by traghetto.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// By hand, on paper: a scan.
    Paper,
    /// In the PDF (PAdES).
    Pades,
    /// In an envelope around it (CAdES, `.p7m`).
    P7m,
}

impl DocumentKind {
    /// The kind of a file, from its bytes; none where it is no PDF, no `.p7m` and no scan.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let pdf = bytes.starts_with(b"%PDF-");
        if is_enveloped(bytes) {
            Some(DocumentKind::P7m)
        } else if pdf && has(bytes, b"/ByteRange") {
            Some(DocumentKind::Pades)
        } else if pdf || is_scan(bytes) {
            Some(DocumentKind::Paper)
        } else {
            None
        }
    }
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether it opens as PKCS #7 signed data: in DER, in PEM, or in Base64 without a heading.
fn is_enveloped(bytes: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
    // The same identifier in Base64, after a header of four, five (or two) and six bytes.
    const IN_BASE64: [&[u8]; 3] = [b"KoZIhvcNAQcC", b"CSqGSIb3DQEHAq", b"BgkqhkiG9w0BBwKg"];
    let opening = bytes.get(..64).unwrap_or(bytes);
    let der = bytes.first() == Some(&SEQUENCE) && has(opening, SIGNED_DATA);
    let pem = ["PKCS7", "PKCS #7", "CMS"].iter().any(|kind| bytes.starts_with(format!("-----BEGIN {kind}").as_bytes()));
    der || pem || (bytes.starts_with(b"MI") && IN_BASE64.iter().any(|part| has(opening, part)))
}

/// Whether it opens as a PNG, a JPEG or a TIFF.
fn is_scan(bytes: &[u8]) -> bool {
    let openings: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*"];
    openings.iter().any(|opening| bytes.starts_with(opening))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_by_their_bytes() {
        const OID: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
        let heads: [&[u8]; 4] = [&[0x30, 0x80], &[0x30, 0x82, 1, 2], &[0x30, 0x83, 1, 2, 3], &[0x30, 0x84, 0, 1, 2, 3]];
        for head in heads {
            assert_eq!(DocumentKind::of(&[head, &OID, b"..."].concat()), Some(DocumentKind::P7m), "{head:?}");
        }
        for text in [
            "-----BEGIN PKCS7-----\nMIIG",
            "-----BEGIN CMS-----\nMIIG",
            "MIIGwAYJKoZIhvcNAQcCoIIGsTCCBq0CAQEx",
            "MIAGCSqGSIb3DQEHAqCAMIACAQExDzANBgl",
            "MIQAAQIDBgkqhkiG9w0BBwKgggax",
        ] {
            assert_eq!(DocumentKind::of(text.as_bytes()), Some(DocumentKind::P7m), "{text}");
        }
        assert_eq!(DocumentKind::of(b"%PDF-1.7 ... /Type/Sig /ByteRange [0 1 2 3]"), Some(DocumentKind::Pades));
        for scan in [b"%PDF-1.4 a scan".as_slice(), b"\x89PNG\r\n\x1a\n...", b"\xff\xd8\xff\xe0", b"II*\0.", b"MM\0*."]
        {
            assert_eq!(DocumentKind::of(scan), Some(DocumentKind::Paper), "{scan:?}");
        }
        for other in [b"".as_slice(), b"venis-sad-01\n", b"MIII", b"PK\x03\x04", b"%PD", &[0x30, 0x82, 1, 2, 6, 3]] {
            assert_eq!(DocumentKind::of(other), None, "{other:?}");
        }
    }
}
