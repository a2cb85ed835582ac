//! The first message of RDP (MS-RDPBCGR 2.2.1.1) written, its answer read.

use super::bytes::{Malformed, u32_le};

/// Bytes of the heading that tells the length.
pub(super) const HEADING: usize = 4;
/// The longest answer that is read, in bytes.
const LONGEST: usize = 1024;

/// TLS, and nothing before the login.
pub(super) const TLS: u32 = 1;
/// The login before the session: network level authentication.
pub(super) const NLA: u32 = 2;

/// A request that offers `protocols`.
pub(super) fn question(protocols: u32) -> Vec<u8> {
    let mut message = vec![3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0];
    message.extend(protocols.to_le_bytes());
    message
}

/// What a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Response {
    /// It chose this protocol; 0 is RDP's own.
    Chosen(u32),
    /// It refuses, for this reason.
    Refused(u32),
}

/// Bytes that follow this heading.
pub(super) fn rest(heading: [u8; HEADING]) -> Result<usize, Malformed> {
    let length = usize::from(u16::from_be_bytes([heading[2], heading[3]]));
    if heading[0] != 3 || !(HEADING + 7..=LONGEST).contains(&length) {
        return Err(Malformed("it does not speak RDP"));
    }
    Ok(length - HEADING)
}

/// Reads what followed the heading.
pub(super) fn answer(body: &[u8]) -> Result<Response, Malformed> {
    if body.get(1) != Some(&0xd0) {
        return Err(Malformed("it does not take the connection"));
    }
    // A server of the years before does not negotiate.
    let (Some(kind), Some(value)) = (body.get(7), u32_le(body, 11)) else { return Ok(Response::Chosen(0)) };
    match kind {
        2 => Ok(Response::Chosen(value)),
        3 => Ok(Response::Refused(value)),
        _ => Err(Malformed("its choice is malformed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_are_read() {
        let chosen = [14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0x1f, 8, 0, 2, 0, 0, 0];
        assert_eq!(answer(&chosen), Ok(Response::Chosen(NLA)));
        let refused = [14, 0xd0, 0, 0, 0x12, 0x34, 0, 3, 0, 8, 0, 5, 0, 0, 0];
        assert_eq!(answer(&refused), Ok(Response::Refused(5)));
        assert_eq!(answer(&[6, 0xd0, 0, 0, 0x12, 0x34, 0]), Ok(Response::Chosen(0)));
        assert!(answer(&[6, 0x80, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn headings_bound_what_is_read() {
        assert_eq!(rest([3, 0, 0, 19]), Ok(15));
        for bad in [[3, 0, 0, 4], [3, 0, 0xff, 0xff], *b"HTTP", [0; 4]] {
            assert!(rest(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), heading: [u8; 4]) {
            let _ = (answer(&bytes), rest(heading));
        }
    }
}
