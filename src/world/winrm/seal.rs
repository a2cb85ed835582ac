//! Sealed and signed messages by MS-NLMP section 3.4, with extended session security and 128 bits.
//!
//! Each direction has its own keys, its own stream and its own numbers: a message that is lost,
//! repeated or changed makes the next signature wrong, and ends the session.

use super::crypt::{Key, Stream, hmac_md5, md5};

/// Length of a signature.
pub(super) const SIGNATURE: usize = 16;

/// The signature of a message is wrong: it was changed, or another one was lost before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature of the answer is wrong")]
pub struct WrongSignature;

/// One direction of a session.
struct Direction {
    signing: Key,
    stream: Stream,
    number: u32,
}

impl Direction {
    /// `name` is `client-to-server` or `server-to-client`.
    fn new(session_key: &Key, name: &str) -> Self {
        let key =
            |what: &str| md5(&[session_key, format!("session key to {name} {what} key magic constant\0").as_bytes()]);
        Self { signing: key("signing"), stream: Stream::new(&key("sealing")), number: 0 }
    }

    /// The signature of the clear message, made after the stream has passed over the message.
    fn sign(&mut self, clear: &[u8]) -> [u8; SIGNATURE] {
        let number = self.number.to_le_bytes();
        self.number = self.number.wrapping_add(1);
        let [mut checksum, _] = halves(hmac_md5(&self.signing, &[&number, clear]));
        self.stream.apply(&mut checksum);
        let mut signature = [0; SIGNATURE];
        let parts = [1, 0, 0, 0].into_iter().chain(checksum).chain(number);
        signature.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
        signature
    }
}

fn halves(key: Key) -> [[u8; 8]; 2] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = key;
    [[a, b, c, d, e, f, g, h], rest]
}

/// A message that may go over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    /// Its signature.
    pub signature: [u8; SIGNATURE],
    /// Its bytes, as many as the clear ones.
    pub bytes: Vec<u8>,
}

/// The seals of one session, the client's side.
pub(super) struct Seals {
    ours: Direction,
    theirs: Direction,
}

impl Seals {
    /// Those of a session key.
    pub(super) fn new(session_key: &Key) -> Self {
        Self {
            ours: Direction::new(session_key, "client-to-server"),
            theirs: Direction::new(session_key, "server-to-client"),
        }
    }

    /// Seals the next message to the server.
    pub(super) fn seal(&mut self, clear: &[u8]) -> Sealed {
        let mut bytes = clear.to_vec();
        self.ours.stream.apply(&mut bytes);
        Sealed { signature: self.ours.sign(clear), bytes }
    }

    /// Unseals the next message of the server. After an error nothing more can be unsealed.
    ///
    /// # Errors
    /// The signature does not fit.
    pub(super) fn unseal(&mut self, sealed: &Sealed) -> Result<Vec<u8>, WrongSignature> {
        let mut clear = sealed.bytes.clone();
        self.theirs.stream.apply(&mut clear);
        let expected = self.theirs.sign(&clear);
        // All bytes are compared, so that the time tells nothing.
        let different = expected.iter().zip(sealed.signature).fold(0, |found, (a, b)| found | (a ^ b));
        if different == 0 { Ok(clear) } else { Err(WrongSignature) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::hex;
    use proptest::prelude::*;

    /// Both ends of a session.
    fn ends(key: Key) -> (Seals, Seals) {
        let client = Seals::new(&key);
        let Seals { ours, theirs } = Seals::new(&key);
        (client, Seals { ours: theirs, theirs: ours })
    }

    #[test]
    fn the_example_of_the_specification_comes_out() {
        let mut seals = Seals::new(&[0x55; 16]);
        assert_eq!(hex(&seals.ours.signing), "4788dc861b4782f35d43fd98fe1a2d39", "SIGNKEY, 4.2.4.4");
        let clear: Vec<u8> = "Plaintext".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let sealed = seals.seal(&clear);
        assert_eq!(hex(&sealed.bytes), "54e50165bf1936dc996020c1811b0f06fb5f", "4.2.4.4");
        assert_eq!(hex(&sealed.signature), "010000007fb38ec5c55d497600000000", "4.2.4.4");
    }

    #[test]
    fn what_is_lost_or_repeated_is_found() {
        let (mut client, mut server) = ends([7; 16]);
        let (one, two) = (server.seal(b"one"), server.seal(b"two"));
        assert_eq!(client.unseal(&one).unwrap(), b"one");
        assert_eq!(client.unseal(&one), Err(WrongSignature), "repeated");
        let (mut client, mut server) = ends([7; 16]);
        let _ = server.seal(b"one");
        assert_eq!(client.unseal(&two), Err(WrongSignature), "lost");
    }

    proptest! {
        #[test]
        fn messages_arrive_and_changes_are_found(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..6),
            key in any::<[u8; 16]>(), bit in 0_usize..8, at in any::<proptest::sample::Index>(),
        ) {
            let (mut client, mut server) = ends(key);
            for clear in &messages {
                let sealed = client.seal(clear);
                prop_assert_eq!(&server.unseal(&sealed).unwrap(), clear);
            }
            let mut sealed = client.seal(&messages[0]);
            let place = at.index(SIGNATURE + sealed.bytes.len());
            match place.checked_sub(SIGNATURE) {
                None => sealed.signature[place] ^= 1 << bit,
                Some(place) => sealed.bytes[place] ^= 1 << bit,
            }
            prop_assert_eq!(server.unseal(&sealed), Err(WrongSignature));
        }
    }
}
