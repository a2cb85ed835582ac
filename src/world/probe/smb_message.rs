//! SMB messages (MS-SMB2 2.2.3, MS-CIFS 2.2.4.52): a negotiation written, the answer read. Nothing in
//! an answer is believed.

use super::bytes::{Malformed, array, u16_le, u32_le, u64_le};

/// The longest answer that is read, in bytes.
pub(super) const LONGEST: usize = 64 << 10;
/// Dialects of SMB 2 and 3 with their names, the newest first.
const DIALECTS: [(u16, &str); 5] =
    [(0x0311, "3.1.1"), (0x0302, "3.0.2"), (0x0300, "3.0"), (0x0210, "2.1"), (0x0202, "2.0.2")];
/// Bytes of the headings.
const HEADING: usize = 64;
const OLD_HEADING: usize = 32;
/// Tenths of a microsecond, and those from 1601 to 1970.
const TICKS: f64 = 10_000_000.0;
const EPOCH: f64 = 11_644_473_600.0;

/// A negotiation of SMB 2 and 3 that offers every dialect.
pub(super) fn question(client: [u8; 16], salt: [u8; 32]) -> Vec<u8> {
    let mut message = b"\xfeSMB\x40\0".to_vec();
    message.resize(14, 0);
    message.push(1); // One credit.
    message.resize(HEADING, 0);
    let words = |message: &mut Vec<u8>, words: &[u16]| message.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    // Signing possible; no capabilities of ours are needed.
    words(&mut message, &[36, 5, 1, 0, 0, 0]);
    message.extend(client);
    let contexts = u32::try_from((HEADING + 36 + 2 * DIALECTS.len()).next_multiple_of(8)).unwrap_or_default();
    message.extend(contexts.to_le_bytes());
    words(&mut message, &[1, 0]);
    words(&mut message, &DIALECTS.map(|(dialect, _)| dialect));
    message.resize(message.len().next_multiple_of(8), 0);
    // The integrity of this negotiation, by SHA-512: without it nobody agrees on 3.1.1.
    words(&mut message, &[1, 38, 0, 0, 1, 32, 1]);
    message.extend(salt);
    framed(message)
}

/// A negotiation of SMB 1 alone.
pub(super) fn old_question() -> Vec<u8> {
    let mut message = b"\xffSMB\x72\0\0\0\0\x18\x01\xc8".to_vec();
    message.resize(OLD_HEADING, 0);
    message.extend(b"\0\x0c\0\x02NT LM 0.12\0");
    framed(message)
}

/// The length before a message.
fn framed(message: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or_default();
    [&length.to_be_bytes(), message.as_slice()].concat()
}

/// Whether messages are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// All.
    Required,
    /// Where the client wants it.
    Enabled,
    /// None.
    Disabled,
}

/// What a server said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Response {
    pub(super) dialect: &'static str,
    pub(super) signing: Signing,
    /// The server's identifier, as hex; SMB 1 may have none.
    pub(super) guid: Option<String>,
    /// Its clock, in seconds since 1970.
    pub(super) time: Option<f64>,
}

/// Reads an answer to either question, without the length before it.
pub(super) fn answer(message: &[u8]) -> Result<Response, Malformed> {
    match message.get(..4) {
        Some(b"\xfeSMB") => new_answer(message),
        Some(b"\xffSMB") => old_answer(message),
        _ => Err(Malformed("it does not speak SMB")),
    }
}

const CUT: Malformed = Malformed("the message is cut");
const REFUSED: Malformed = Malformed("it refuses every dialect");

fn new_answer(message: &[u8]) -> Result<Response, Malformed> {
    if u32_le(message, 8).ok_or(CUT)? != 0 {
        return Err(REFUSED);
    }
    let body = message.get(HEADING..).ok_or(CUT)?;
    let number = u16_le(body, 4).ok_or(CUT)?;
    let dialect =
        DIALECTS.iter().find(|(known, _)| *known == number).ok_or(Malformed("it speaks an unknown dialect"))?;
    let mode = u16_le(body, 2).ok_or(CUT)?;
    let guid: [u8; 16] = array(body, 8).ok_or(CUT)?;
    Ok(Response {
        dialect: dialect.1,
        signing: signing(mode & 2 != 0, mode & 1 != 0),
        guid: Some(crate::digest::hex(&guid)),
        time: seconds(u64_le(body, 40).ok_or(CUT)?),
    })
}

fn old_answer(message: &[u8]) -> Result<Response, Malformed> {
    let body = message.get(OLD_HEADING..).ok_or(CUT)?;
    let chosen = u16_le(body, 1).unwrap_or(u16::MAX);
    if u32_le(message, 5).ok_or(CUT)? != 0 || chosen == u16::MAX {
        return Err(REFUSED);
    }
    let mode = *body.get(3).ok_or(CUT)?;
    let time = seconds(u64_le(body, 24).ok_or(CUT)?);
    Ok(Response { dialect: "1", signing: signing(mode & 8 != 0, mode & 4 != 0), guid: None, time })
}

fn signing(required: bool, enabled: bool) -> Signing {
    match (required, enabled) {
        (true, _) => Signing::Required,
        (false, true) => Signing::Enabled,
        (false, false) => Signing::Disabled,
    }
}

/// Seconds since 1970; zero is unknown.
fn seconds(ticks: u64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "a microsecond")]
    let ticks = ticks as f64;
    (ticks > 0.0).then(|| ticks / TICKS - EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(dialect: u16, mode: u16) -> Vec<u8> {
        let mut message = b"\xfeSMB".to_vec();
        message.resize(HEADING + 65, 0);
        message[HEADING..HEADING + 6].copy_from_slice(&[65, 0, mode.to_le_bytes()[0], 0, dialect.to_le_bytes()[0], 2]);
        message[HEADING + 4..HEADING + 6].copy_from_slice(&dialect.to_le_bytes());
        message[HEADING + 8] = 0xab;
        let ticks: u64 = (1_796_036_596 + 11_644_473_600) * 10_000_000;
        message[HEADING + 40..HEADING + 48].copy_from_slice(&ticks.to_le_bytes());
        message
    }

    #[test]
    fn the_context_of_a_negotiation_is_where_it_says() {
        let message = &question([7; 16], [9; 32])[4..];
        let at = u32_le(message, HEADING + 28).unwrap() as usize;
        assert_eq!((at % 8, u16_le(message, at), u16_le(message, at + 2)), (0, Some(1), Some(38)));
        assert_eq!(message.len(), at + 8 + 38);
    }

    #[test]
    fn an_answer_tells_dialect_signing_and_time() {
        let response = answer(&reply(0x0210, 3)).unwrap();
        assert_eq!((response.dialect, response.signing), ("2.1", Signing::Required));
        assert!((response.time.unwrap() - 1_796_036_596.0).abs() < 1e-3);
        assert!(response.guid.unwrap().starts_with("ab00"));
        assert_eq!(answer(&reply(0x0302, 0)).unwrap().signing, Signing::Disabled);
        assert_eq!(answer(&reply(0x0999, 0)), Err(Malformed("it speaks an unknown dialect")));
    }

    #[test]
    fn an_old_server_is_read() {
        let mut message = old_question()[4..OLD_HEADING + 4].to_vec();
        message.extend([17, 0, 0, 4 | 8]);
        message.resize(OLD_HEADING + 24, 0);
        message.extend(0_u64.to_le_bytes());
        let expected = Response { dialect: "1", signing: Signing::Required, guid: None, time: None };
        assert_eq!(answer(&message), Ok(expected));
        message[OLD_HEADING + 1..OLD_HEADING + 3].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(answer(&message), Err(REFUSED));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(new: bool, bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
            let mark: &[u8] = if new { b"\xfeSMB\x40\0\0\0\0\0\0\0" } else { b"\xffSMB\x72\0\0\0\0" };
            let _ = (answer(&bytes), answer(&[mark, &bytes].concat()));
        }
    }
}
