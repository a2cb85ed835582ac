//! A certificate that is known by its fingerprint, whoever signed it.

use crate::digest::{hex, sha256};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use sha1::Digest as _;
use std::sync::Arc;

/// A fingerprint of a certificate, in lowercase hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fingerprint {
    /// SHA-256: what people write down.
    Sha256(String),
    /// SHA-1: what older systems tell of their own parts, over a connection that is trusted already.
    Sha1(String),
}

impl Fingerprint {
    /// Reads `AA:BB:…` or `aabb…`; the length says which it is.
    pub fn read(text: &str) -> Option<Self> {
        let digits: String = text.trim().chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        match digits.len() {
            64 => Some(Fingerprint::Sha256(digits)),
            40 => Some(Fingerprint::Sha1(digits)),
            _ => None,
        }
    }

    fn is_of(&self, certificate: &[u8]) -> bool {
        match self {
            Fingerprint::Sha256(known) => *known == sha256(certificate),
            Fingerprint::Sha1(known) => *known == hex(&sha1::Sha1::digest(certificate)),
        }
    }
}

/// Takes one certificate, by its fingerprint. Another is refused with an error that is its SHA-256.
#[derive(Debug)]
pub struct Pinned {
    /// The one.
    pub fingerprint: Fingerprint,
    /// Whose signatures are understood.
    pub provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.fingerprint.is_of(certificate) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(sha256(certificate)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_with_and_without_colons() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let short = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
        assert_eq!(Fingerprint::read(abc), Some(Fingerprint::Sha256(abc.into())));
        assert!(Fingerprint::read(&abc.to_ascii_uppercase()).unwrap().is_of(b"abc"));
        assert!(Fingerprint::read(short).unwrap().is_of(b"abc"));
        assert!(!Fingerprint::read(short).unwrap().is_of(b"abd"));
        for wrong in ["", "ab", &abc[1..], &abc.replace('b', "g")] {
            assert_eq!(Fingerprint::read(wrong), None);
        }
    }
}
