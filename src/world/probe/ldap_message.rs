//! LDAP messages (RFC 4511): a search of the root DSE written, its answer read. Nothing in an answer
//! is believed.

use super::ber::{self, ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, SET};
use super::bytes::Malformed;

/// The longest answer that is read, in bytes: a root DSE has a few kilobytes.
pub(super) const LONGEST: usize = 64 << 10;
const ID: i64 = 1;
const SEARCH: u8 = 0x63;
const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
const PRESENT: u8 = 0x87;

/// A search of the root DSE for `attributes`.
pub(super) fn question(attributes: &[&str]) -> Vec<u8> {
    let names = attributes.iter().map(|name| ber::element(OCTETS, name.as_bytes())).collect::<Vec<_>>();
    let base = [ber::element(OCTETS, b""), ber::number(ENUMERATED, 0), ber::number(ENUMERATED, 0)];
    let limits = [ber::number(INTEGER, 0), ber::number(INTEGER, 0), ber::element(0x01, &[0])];
    let what = [ber::element(PRESENT, b"objectClass"), ber::group(SEQUENCE, &names)];
    let search = ber::element(SEARCH, &[base.concat(), limits.concat(), what.concat()].concat());
    ber::group(SEQUENCE, &[ber::number(INTEGER, ID), search])
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Response {
    /// Result code; 0 is success.
    pub(super) code: i64,
    /// Attributes with their values.
    pub(super) attributes: Vec<(String, Vec<String>)>,
}

/// The answer at the start of `bytes`; none while its end has not come.
pub(super) fn answer(mut bytes: &[u8]) -> Result<Option<Response>, Malformed> {
    let mut response = Response::default();
    loop {
        if bytes.first().is_some_and(|tag| *tag != SEQUENCE) {
            return Err(Malformed("it does not speak LDAP"));
        }
        let total = ber::measure(bytes)?.unwrap_or(usize::MAX);
        let Some((message, rest)) = bytes.split_at_checked(total) else {
            let endless = total > LONGEST && total != usize::MAX;
            return if endless { Err(Malformed("a message in it is too long")) } else { Ok(None) };
        };
        let mut message = Reader::new(message).enter(SEQUENCE)?;
        if message.number(INTEGER)? != ID {
            return Err(Malformed("it answers another question"));
        }
        match message.next()? {
            Some((ENTRY, entry)) => response.attributes.extend(attributes(entry)?),
            Some((DONE, done)) => {
                response.code = Reader::new(done).number(ENUMERATED)?;
                return Ok(Some(response));
            }
            // References and whatever else may come before the end.
            Some(_) => {}
            None => return Err(Malformed("a message in it is empty")),
        }
        bytes = rest;
    }
}

fn attributes(entry: &[u8]) -> Result<Vec<(String, Vec<String>)>, Malformed> {
    let mut entry = Reader::new(entry);
    entry.take(OCTETS)?;
    let mut list = entry.enter(SEQUENCE)?;
    let mut attributes = Vec::new();
    while let Some((tag, attribute)) = list.next()? {
        if tag != SEQUENCE {
            return Err(Malformed("an attribute in it is malformed"));
        }
        let mut attribute = Reader::new(attribute);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = text(attribute.take(OCTETS)?);
        let mut set = attribute.enter(SET)?;
        let mut values = Vec::new();
        while let Some((_, value)) = set.next()? {
            values.push(text(value));
        }
        attributes.push((name, values));
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(operation: Vec<u8>) -> Vec<u8> {
        ber::group(SEQUENCE, &[ber::number(INTEGER, ID), operation])
    }

    fn entry(name: &str, values: &[&str]) -> Vec<u8> {
        let values: Vec<Vec<u8>> = values.iter().map(|value| ber::element(OCTETS, value.as_bytes())).collect();
        let attribute = ber::group(SEQUENCE, &[ber::element(OCTETS, name.as_bytes()), ber::group(SET, &values)]);
        message(ber::group(ENTRY, &[ber::element(OCTETS, b""), ber::group(SEQUENCE, &[attribute])]))
    }

    fn done(code: i64) -> Vec<u8> {
        let nothing = ber::element(OCTETS, b"");
        message(ber::group(DONE, &[ber::number(ENUMERATED, code), nothing.clone(), nothing]))
    }

    #[test]
    fn the_question_is_that_of_the_standard() {
        let expected =
            b"\x30\x3a\x02\x01\x01\x63\x35\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\
                         \x87\x0bobjectClass\x30\x15\x04\x13highestCommittedUSN";
        assert_eq!(question(&["highestCommittedUSN"]), expected);
    }

    #[test]
    fn an_answer_is_read_when_its_end_has_come() {
        let bytes = [entry("highestCommittedUSN", &["3774"]), done(0)].concat();
        for cut in 0..bytes.len() {
            assert_eq!(answer(&bytes[..cut]), Ok(None), "{cut}");
        }
        let response = answer(&bytes).unwrap().unwrap();
        assert_eq!(response.attributes, [("highestCommittedUSN".to_owned(), vec!["3774".to_owned()])]);
        assert_eq!(answer(&done(50)).unwrap().unwrap().code, 50);
    }

    #[test]
    fn an_answer_without_end_is_refused() {
        assert!(answer(&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]).is_err());
        assert!(answer(b"HTTP/1.1 400 Bad Request\r\n").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = answer(&bytes);
        }

        #[test]
        fn no_change_of_an_answer_panics(at in 0usize..60, byte: u8) {
            let mut bytes = [entry("currentTime", &["20261130110316.0Z"]), done(0)].concat();
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
            let _ = answer(&bytes);
        }
    }
}
