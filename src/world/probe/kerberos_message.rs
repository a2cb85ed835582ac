//! Kerberos messages (RFC 4120): a request for a ticket without pre-authentication written, the
//! answer read. Nothing in an answer is believed.

use super::ber::{self, GENERAL, INTEGER, Reader, SEQUENCE, TIME};
use super::bytes::Malformed;

/// The longest answer that is read, in bytes.
pub(super) const LONGEST: usize = 64 << 10;
const REQUEST: u8 = 0x6a;
const REPLY: u8 = 0x6b;
const ERROR: u8 = 0x7e;
const BITS: u8 = 0x03;
/// Ciphers that any controller knows one of: AES-256, AES-128, RC4.
const CIPHERS: [i64; 3] = [18, 17, 23];
/// Until when the ticket that we do not want should last.
const TILL: &[u8] = b"20370913024805Z";

/// The tag of a numbered field.
const fn field(number: u8) -> u8 {
    0xa0 | number
}

/// A request for a ticket of `name` in `realm`.
pub(super) fn question(realm: &str, name: &str, nonce: u32) -> Vec<u8> {
    let numbered = |tag, value| ber::group(field(tag), &[ber::number(INTEGER, value)]);
    let general = |text: &str| ber::element(GENERAL, text.as_bytes());
    let principal = |tag, kind, names: &[&str]| {
        let names = names.iter().map(|name| general(name)).collect::<Vec<_>>();
        let names = ber::group(field(1), &[ber::group(SEQUENCE, &names)]);
        ber::group(field(tag), &[ber::group(SEQUENCE, &[numbered(0, kind), names])])
    };
    let ciphers = CIPHERS.map(|cipher| ber::number(INTEGER, cipher));
    let body = [
        ber::group(field(0), &[ber::element(BITS, &[0; 5])]),
        principal(1, 1, &[name]),
        ber::group(field(2), &[general(realm)]),
        principal(3, 2, &["krbtgt", realm]),
        ber::group(field(5), &[ber::element(TIME, TILL)]),
        numbered(7, i64::from(nonce)),
        ber::group(field(8), &[ber::group(SEQUENCE, &ciphers)]),
    ];
    let body = ber::group(field(4), &[ber::group(SEQUENCE, &body)]);
    ber::group(REQUEST, &[ber::group(SEQUENCE, &[numbered(1, 5), numbered(2, 10), body])])
}

/// What a key distribution centre said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    /// The code of its error; 0 if it gave a ticket.
    pub(super) error: i64,
    /// Its realm.
    pub(super) realm: Option<String>,
    /// Its clock, in seconds since 1970; only an error tells.
    pub(super) time: Option<i64>,
}

/// Reads an answer.
pub(super) fn answer(bytes: &[u8]) -> Result<Response, Malformed> {
    match Reader::new(bytes).next()? {
        Some((ERROR, error)) => read(Reader::new(error).enter(SEQUENCE)?, true),
        Some((REPLY, reply)) => read(Reader::new(reply).enter(SEQUENCE)?, false),
        _ => Err(Malformed("it is no answer to a request for a ticket")),
    }
}

/// Of an error: time 4, code 6, realm 9. Of a ticket: realm 3.
fn read(mut fields: Reader<'_>, is_error: bool) -> Result<Response, Malformed> {
    let mut response = Response { error: 0, realm: None, time: None };
    let mut code = None;
    while let Some((tag, content)) = fields.next()? {
        let mut content = Reader::new(content);
        match (tag & 0x1f, is_error) {
            (4, true) => response.time = ber::time(content.take(TIME)?),
            (6, true) => code = Some(content.number(INTEGER)?),
            (9, true) | (3, false) => {
                response.realm = Some(String::from_utf8_lossy(content.take(GENERAL)?).into_owned());
            }
            _ => {}
        }
    }
    response.error = if is_error { code.ok_or(Malformed("the error has no code"))? } else { 0 };
    Ok(response)
}

/// Whether an error is one of a centre that works: it looked the name up, and knows it or does not.
pub(super) fn is_alive(error: i64) -> bool {
    // A ticket; unknown name; no common cipher; locked, expired, wrong; pre-authentication wanted; too big for UDP.
    matches!(error, 0 | 6 | 14 | 18 | 23 | 24 | 25 | 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(code: i64) -> Vec<u8> {
        let fields = [
            ber::group(field(0), &[ber::number(INTEGER, 5)]),
            ber::group(field(1), &[ber::number(INTEGER, 30)]),
            ber::group(field(4), &[ber::element(TIME, b"20261130110316Z")]),
            ber::group(field(5), &[ber::number(INTEGER, 7)]),
            ber::group(field(6), &[ber::number(INTEGER, code)]),
            ber::group(field(9), &[ber::element(GENERAL, b"CINTO.LAN")]),
        ];
        ber::group(ERROR, &[ber::group(SEQUENCE, &fields)])
    }

    #[test]
    fn an_error_tells_realm_and_time() {
        let expected = Response { error: 25, realm: Some("CINTO.LAN".into()), time: Some(1_796_036_596) };
        assert_eq!(answer(&error(25)), Ok(expected));
        assert!(is_alive(25) && is_alive(6) && !is_alive(68) && !is_alive(60));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert!(answer(b"").is_err());
        assert!(answer(&question("CINTO.LAN", "anna", 1)).is_err());
        assert!(answer(&ber::group(ERROR, &[ber::group(SEQUENCE, &[])])).is_err(), "an error without a code");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = answer(&bytes);
        }

        #[test]
        fn no_change_of_an_answer_panics(at in 0usize..80, byte: u8) {
            let mut bytes = error(25);
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
            let _ = answer(&bytes);
        }
    }
}
