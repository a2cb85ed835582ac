//! NTP messages (RFC 5905): a client's question written, a server's answer read.

use super::bytes::{Malformed, u64_be};

/// Bytes of a message without extensions.
pub(super) const LENGTH: usize = 48;
/// Fractions of a second in NTP's time.
const FRACTIONS: f64 = 4_294_967_296.0;
/// Seconds from 1900 to 1970.
const EPOCH: u64 = 2_208_988_800;

/// A question. `cookie` stands where our time would: it comes back, and only we know it.
pub(super) fn question(cookie: u64) -> [u8; LENGTH] {
    let mut message = [0; LENGTH];
    // Version 4, a client.
    message[0] = 0x23;
    message[40..].copy_from_slice(&cookie.to_be_bytes());
    message
}

/// What a server said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Response {
    /// Steps to a reference clock: 1 has one; 0 and 16 are not synchronised.
    pub(super) stratum: u8,
    /// Whether the server itself says that its clock is right.
    pub(super) synchronised: bool,
    /// When the question arrived, by its clock.
    received: u64,
    /// When the answer left, by its clock.
    sent: u64,
}

/// The answer to the question with this `cookie`.
pub(super) fn answer(message: &[u8], cookie: u64) -> Result<Response, Malformed> {
    const CUT: Malformed = Malformed("the message is cut");
    let (Some(first), Some(stratum)) = (message.first(), message.get(1)) else { return Err(CUT) };
    let time = |at| u64_be(message, at).ok_or(CUT);
    let (origin, received, sent) = (time(24)?, time(32)?, time(40)?);
    if first & 7 != 4 || origin != cookie {
        return Err(Malformed("it answers another question"));
    }
    let synchronised = first >> 6 != 3 && (1..16).contains(stratum);
    Ok(Response { stratum: *stratum, synchronised, received, sent })
}

impl Response {
    /// Seconds by which its clock is ahead of ours, and those that the way there and back took.
    /// `asked` and `answered` are seconds since 1970 by our clock.
    pub(super) fn clock(&self, asked: f64, answered: f64) -> (f64, f64) {
        let (there, back) = (since(self.received, asked), since(self.sent, answered));
        let on_the_server = since_raw(self.sent, self.received);
        ((there + back) / 2.0, (answered - asked - on_the_server).max(0.0))
    }
}

/// Seconds from `ours` to `theirs`; NTP's time begins again every 136 years.
fn since(theirs: u64, ours: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the fraction is below one")]
    let fraction = (ours.fract() * FRACTIONS) as u64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "NTP's seconds wrap")]
    let seconds = (ours.trunc() as u64).wrapping_add(EPOCH) << 32;
    since_raw(theirs, seconds.wrapping_add(fraction))
}

fn since_raw(later: u64, earlier: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a microsecond in a lifetime")]
    let fractions = later.wrapping_sub(earlier).cast_signed() as f64;
    fractions / FRACTIONS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(first: u8, stratum: u8, cookie: u64, received: f64, sent: f64) -> Vec<u8> {
        let time = |seconds: f64| ((seconds.trunc() as u64 + EPOCH) << 32) | (seconds.fract() * FRACTIONS) as u64;
        let mut message = vec![0; LENGTH];
        (message[0], message[1]) = (first, stratum);
        message[24..32].copy_from_slice(&cookie.to_be_bytes());
        message[32..40].copy_from_slice(&time(received).to_be_bytes());
        message[40..48].copy_from_slice(&time(sent).to_be_bytes());
        message
    }

    #[test]
    fn offset_and_delay_are_those_of_the_standard() {
        // Asked at 100.0, arrived 3 s ahead after 0.1 s, answered 0.05 s later, back after 0.1 s.
        let now = 1_796_036_500.0;
        let response = answer(&reply(0x24, 2, 7, now + 3.1, now + 3.15), 7).unwrap();
        let (offset, delay) = response.clock(now, now + 0.25);
        assert!((offset - 3.0).abs() < 1e-5 && (delay - 0.2).abs() < 1e-5, "{offset} {delay}");
        assert!(response.synchronised);
    }

    #[test]
    fn servers_that_do_not_know_the_time_say_so() {
        assert!(!answer(&reply(0xe4, 2, 7, 1.0, 1.0), 7).unwrap().synchronised);
        assert!(!answer(&reply(0x24, 0, 7, 1.0, 1.0), 7).unwrap().synchronised);
        assert!(!answer(&reply(0x24, 16, 7, 1.0, 1.0), 7).unwrap().synchronised);
    }

    #[test]
    fn strangers_are_refused() {
        assert!(answer(&reply(0x24, 1, 8, 1.0, 1.0), 7).is_err(), "another cookie");
        assert!(answer(&reply(0x23, 1, 7, 1.0, 1.0), 7).is_err(), "a question");
        assert!(answer(&reply(0x24, 1, 7, 1.0, 1.0)[..47], 7).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), asked: f64, answered: f64) {
            let cookie = u64_be(&bytes, 24).unwrap_or_default();
            if let Ok(response) = answer(&bytes, cookie) {
                let _ = response.clock(asked, answered);
            }
        }
    }
}
