//! The old primitives that NTLM is made of (MS-NLMP section 6), each of a fixed size.
//!
//! They are weak by the measure of today. Windows 2008 R2 knows no others for a machine outside its
//! domain; what they protect here is never more than a session on a network that is ours.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md4::Md4;
use md5::{Digest as _, Md5};
use rc4::{Rc4, StreamCipher as _};

/// A key of 128 bits.
pub(super) type Key = [u8; 16];

/// MD4 of `bytes`.
pub(super) fn md4(bytes: &[u8]) -> Key {
    Md4::digest(bytes).into()
}

/// MD5 of all `parts`, one after another.
pub(super) fn md5(parts: &[&[u8]]) -> Key {
    parts.iter().fold(Md5::new(), |digest, part| digest.chain_update(part)).finalize().into()
}

/// HMAC-MD5 of all `parts`, one after another.
pub(super) fn hmac_md5(key: &Key, parts: &[&[u8]]) -> Key {
    // A key shorter than a block is filled up with zeros (RFC 2104).
    let mut block = [0_u8; 64];
    if let Some(start) = block.first_chunk_mut() {
        *start = *key;
    }
    let mac = Hmac::<Md5>::new(&block.into());
    parts.iter().fold(mac, |mac, part| mac.chain_update(part)).finalize().into_bytes().into()
}

/// A stream of RC4, which goes on from message to message.
pub(super) struct Stream(Rc4);

impl Stream {
    /// The stream of `key`.
    pub(super) fn new(key: &Key) -> Self {
        // The key is used round and round, so twice the key is the same key.
        let mut twice = [0_u8; 32];
        for (byte, key) in twice.iter_mut().zip(key.iter().cycle()) {
            *byte = *key;
        }
        Self(Rc4::new(&twice.into()))
    }

    /// Seals or unseals `bytes` in place.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::hex;

    #[test]
    fn digests_are_those_of_their_documents() {
        assert_eq!(hex(&md4(b"abc")), "a448017aaf21d8525fc10ae87aa6729d", "RFC 1320");
        assert_eq!(hex(&md5(&[b"a", b"bc"])), "900150983cd24fb0d6963f7d28e17f72", "RFC 1321");
        assert_eq!(hex(&hmac_md5(&[0x0b; 16], &[b"Hi ", b"There"])), "9294727a3638bb1c13f48ef8158bfc9d", "RFC 2202");
    }

    #[test]
    fn the_stream_is_that_of_rfc_6229() {
        let key = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        let mut bytes = [0; 32];
        let mut stream = Stream::new(&key);
        stream.apply(&mut bytes[..5]);
        stream.apply(&mut bytes[5..]);
        assert_eq!(hex(&bytes), "9ac7cc9a609d1ef7b2932899cde41b975248c4959014126a6e8a84f11d1a9e1c");
    }
}
