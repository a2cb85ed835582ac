//! NTLMv2 by MS-NLMP, the client's side: three messages and the session key.
//!
//! Raw NTLMSSP inside HTTP's `Negotiate`, as Windows takes it since 2000: SPNEGO would only offer a
//! choice that we have not. What the server does not agree to in full (sealing with 128 bits, key
//! exchange, extended session security) ends the session before anything is sent over it.

mod message;

pub(super) use message::NtlmError;

use super::crypt::{Key, Stream, hmac_md5, md4};
use message::{Fields, Reader, SIGNATURE};
use std::fmt;

/// What we ask for, and what the server must agree to.
const WANTED: u32 =
    flag::UNICODE | flag::SIGN | flag::SEAL | flag::EXTENDED_SECURITY | flag::BITS_128 | flag::KEY_EXCHANGE;
/// What we offer beside it.
const OFFERED: u32 = WANTED | flag::REQUEST_TARGET | flag::NTLM | flag::ALWAYS_SIGN | flag::TARGET_INFO | flag::VERSION;

/// Flags of a negotiation (MS-NLMP 2.2.2.5).
mod flag {
    pub(super) const UNICODE: u32 = 0x0000_0001;
    pub(super) const REQUEST_TARGET: u32 = 0x0000_0004;
    pub(super) const SIGN: u32 = 0x0000_0010;
    pub(super) const SEAL: u32 = 0x0000_0020;
    pub(super) const NTLM: u32 = 0x0000_0200;
    pub(super) const ALWAYS_SIGN: u32 = 0x0000_8000;
    pub(super) const EXTENDED_SECURITY: u32 = 0x0008_0000;
    pub(super) const TARGET_INFO: u32 = 0x0080_0000;
    pub(super) const VERSION: u32 = 0x0200_0000;
    pub(super) const BITS_128: u32 = 0x2000_0000;
    pub(super) const KEY_EXCHANGE: u32 = 0x4000_0000;
}

/// Kinds of AV pairs, what the server says of itself (MS-NLMP 2.2.2.1).
mod av {
    pub(super) const END: u16 = 0;
    pub(super) const FLAGS: u16 = 6;
    pub(super) const TIMESTAMP: u16 = 7;
    pub(super) const TARGET_NAME: u16 = 9;
    pub(super) const CHANNEL_BINDINGS: u16 = 10;
    /// In `FLAGS`: the message has an integrity code.
    pub(super) const HAS_MIC: u32 = 2;
}

/// `Windows 7` and revision 15 of NTLM, which the version field has for debugging only.
const VERSION: [u8; 8] = [6, 1, 0xb1, 0x1d, 0, 0, 0, 15];

/// Who logs in. The password is never printed.
pub(super) struct Credential {
    domain: String,
    user: String,
    password: String,
}

impl Credential {
    /// The account `user`: `DOMAIN\name`, `name@domain`, or the name of a local account.
    pub(super) fn new(user: &str, password: String) -> Self {
        let (domain, user) = user.split_once('\\').unwrap_or(("", user));
        Self { domain: domain.to_owned(), user: user.to_owned(), password }
    }

    /// The key that only the password gives (NTOWFv2).
    fn key(&self) -> Key {
        let identity = utf16(&(upper_case(&self.user) + &self.domain));
        hmac_md5(&md4(&utf16(&self.password)), &[&identity])
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}\\{})", self.domain, self.user)
    }
}

/// Upper case letter by letter, as Windows does it: a letter stays one letter.
fn upper_case(text: &str) -> String {
    let upper = |letter: char| {
        let mut upper = letter.to_uppercase();
        let first = upper.next().unwrap_or(letter);
        if upper.next().is_none() { first } else { letter }
    };
    text.chars().map(upper).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The first message: what we offer.
pub(super) fn negotiate() -> Vec<u8> {
    let mut message = message::start(1);
    message.extend(OFFERED.to_le_bytes());
    // Neither a domain nor the name of this machine is told before the host is known.
    message.extend([0; 16]);
    message.extend(VERSION);
    message
}

/// The second message: what the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// As it came, for the integrity code.
    bytes: Vec<u8>,
    flags: u32,
    nonce: [u8; 8],
    /// Its pairs without the end.
    target_info: Vec<(u16, Vec<u8>)>,
}

impl Challenge {
    /// Reads the server's answer.
    ///
    /// # Errors
    /// It is not a challenge, or does not agree to what we insist on.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, NtlmError> {
        let reader = Reader::new(bytes);
        if reader.array(0) != Ok(*SIGNATURE) || reader.u32(8) != Ok(2) {
            return Err(NtlmError::Malformed("it is another message"));
        }
        let flags = reader.u32(20)?;
        for (wanted, name) in [
            (flag::SEAL | flag::SIGN, "sealing messages"),
            (flag::BITS_128, "keys of 128 bits"),
            (flag::KEY_EXCHANGE, "exchanging a key"),
            (flag::EXTENDED_SECURITY, "extended session security"),
            (flag::UNICODE, "Unicode"),
        ] {
            if flags & wanted != wanted {
                return Err(NtlmError::Weak(name));
            }
        }
        let target_info = pairs(reader.payload(40)?)?;
        Ok(Self { bytes: bytes.to_vec(), flags, nonce: reader.array(24)?, target_info })
    }

    /// A challenge that lets the login prove that nobody changed it on its way. Without the server's time
    /// there is no such proof, and every Windows since Vista sends it (MS-NLMP 3.2.5.1.1): who takes it
    /// away wants to pass the login on to another server.
    ///
    /// # Errors
    /// It has no time.
    pub(super) fn stamped(self) -> Result<Self, NtlmError> {
        match self.timestamp() {
            Some(_) => Ok(self),
            None => Err(NtlmError::Weak("proving that the login is not changed on its way (no time in its challenge)")),
        }
    }

    fn timestamp(&self) -> Option<[u8; 8]> {
        let found = self.target_info.iter().find(|(id, _)| *id == av::TIMESTAMP);
        found.and_then(|(_, value)| value.as_slice().try_into().ok())
    }
}

/// The pairs of a target info, without its end.
fn pairs(bytes: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, NtlmError> {
    let reader = Reader::new(bytes);
    let (mut pairs, mut at) = (Vec::new(), 0);
    // An empty target info is one of NTLMv1, which we do not speak.
    loop {
        let (id, length) = (reader.u16(at)?, usize::from(reader.u16(at + 2)?));
        if id == av::END {
            return Ok(pairs);
        }
        pairs.push((id, reader.slice(at + 4, length)?.to_vec()));
        at += 4 + length;
    }
}

/// What is new in every login.
pub(super) struct Fresh {
    /// The client's challenge.
    pub nonce: [u8; 8],
    /// The session key.
    pub session_key: Key,
    /// Now, in units of 100 ns since 1601, where the server does not say.
    pub time: u64,
}

/// To whom a login is bound, so that nobody passes it on to another host.
pub(super) struct Bound<'a> {
    /// The service: `HTTP/host`.
    pub service: &'a str,
    /// MD5 of the channel's bindings (RFC 5929), over TLS.
    pub channel: Option<Key>,
}

/// The third message: who we are.
///
/// `fresh.session_key` is the key of the session from now on.
pub(super) fn authenticate(
    credential: &Credential,
    negotiated: &[u8],
    challenge: &Challenge,
    bound: &Bound<'_>,
    fresh: &Fresh,
) -> Vec<u8> {
    let key = credential.key();
    let stamped = challenge.timestamp();
    let time = stamped.unwrap_or(fresh.time.to_le_bytes());
    let proof = proof(&key, challenge, &time, &fresh.nonce, &our_target_info(challenge, bound));
    let lm = match stamped {
        // A server that gives the time must not take the LM response.
        Some(_) => vec![0; 24],
        None => [&hmac_md5(&key, &[&challenge.nonce, &fresh.nonce])[..], &fresh.nonce].concat(),
    };
    let mut exchanged = fresh.session_key;
    Stream::new(&hmac_md5(&key, &[proof.get(..16).unwrap_or_default()])).apply(&mut exchanged);

    let mut fields = Fields::after(88);
    // In the order in which Windows lays them out; the headers have an order of their own.
    let domain = fields.add(&utf16(&credential.domain));
    let user = fields.add(&utf16(&credential.user));
    let workstation = fields.add(&[]);
    let [lm, nt, exchanged] = [&lm[..], &proof, &exchanged].map(|bytes| fields.add(bytes));
    let mut message = message::start(3);
    for header in [lm, nt, domain, user, workstation, exchanged] {
        message.extend(header);
    }
    message.extend((challenge.flags & OFFERED | WANTED).to_le_bytes());
    message.extend(VERSION);
    let mic = message.len();
    message.extend([0; 16]);
    message.extend(fields.payload);
    if stamped.is_some() {
        let code = hmac_md5(&fresh.session_key, &[negotiated, &challenge.bytes, &message]);
        if let Some(place) = message.get_mut(mic..mic + code.len()) {
            place.copy_from_slice(&code);
        }
    }
    message
}

/// What the server said of itself, and what we say of the way to it.
fn our_target_info(challenge: &Challenge, bound: &Bound<'_>) -> Vec<u8> {
    let ours = [av::FLAGS, av::TARGET_NAME, av::CHANNEL_BINDINGS];
    let mut pairs: Vec<_> = challenge.target_info.iter().filter(|(id, _)| !ours.contains(id)).cloned().collect();
    if challenge.timestamp().is_some() {
        pairs.push((av::FLAGS, av::HAS_MIC.to_le_bytes().to_vec()));
        pairs.push((av::CHANNEL_BINDINGS, bound.channel.unwrap_or_default().to_vec()));
        pairs.push((av::TARGET_NAME, utf16(bound.service)));
    }
    pairs.push((av::END, Vec::new()));
    let mut bytes = Vec::new();
    for (id, value) in pairs {
        bytes.extend(id.to_le_bytes());
        bytes.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend(value);
    }
    bytes
}

/// The NTLMv2 response: 16 bytes that only the password gives, and what they prove.
fn proof(key: &Key, challenge: &Challenge, time: &[u8; 8], nonce: &[u8; 8], target_info: &[u8]) -> Vec<u8> {
    let proven = [&[1, 1, 0, 0, 0, 0, 0, 0][..], time, nonce, &[0; 4], target_info, &[0; 4]].concat();
    [&hmac_md5(key, &[&challenge.nonce, &proven])[..], &proven].concat()
}

#[cfg(test)]
mod tests;
