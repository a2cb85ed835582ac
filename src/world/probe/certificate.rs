//! What a certificate (RFC 5280) says: for whom, by whom, until when. Whether it is true is for
//! whoever verifies it; nothing in it is believed.

use super::ber::{self, OBJECT, OCTETS, Reader, SEQUENCE, TIME, UTC_TIME};
use super::bytes::Malformed;
use std::net::Ipv4Addr;

/// Attributes of a name, by the last byte of their identifier (2.5.4.N).
const NAMED: [(u8, &str); 6] = [(3, "CN"), (6, "C"), (7, "L"), (8, "ST"), (10, "O"), (11, "OU")];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Whom it names, such as `CN=dc1.cinto.lan, O=Comune`.
    pub(super) subject: String,
    /// Who issued it.
    pub(super) issuer: String,
    /// Since when it is valid, in seconds since 1970.
    pub(super) from: i64,
    /// Until when.
    pub(super) until: i64,
    /// The DNS names and addresses that it is for.
    pub(super) names: Vec<String>,
}

/// Reads a certificate.
pub(super) fn certificate(der: &[u8]) -> Result<Certificate, Malformed> {
    let mut body = Reader::new(der).enter(SEQUENCE)?.enter(SEQUENCE)?;
    // Version, serial number, algorithm.
    body.take_if(0xa0)?;
    body.take(ber::INTEGER)?;
    body.take(SEQUENCE)?;
    let issuer = name(body.enter(SEQUENCE)?)?;
    let mut validity = body.enter(SEQUENCE)?;
    let (from, until) = (time(&mut validity)?, time(&mut validity)?);
    let subject = name(body.enter(SEQUENCE)?)?;
    body.take(SEQUENCE)?;
    let mut names = Vec::new();
    while let Some((tag, content)) = body.next()? {
        if tag == 0xa3 {
            names = alternative_names(Reader::new(content).enter(SEQUENCE)?)?;
        }
    }
    Ok(Certificate { subject, issuer, from, until, names })
}

/// The identifier of the algorithm with which a certificate is signed, as DER has it.
pub(in crate::world) fn signature_algorithm(der: &[u8]) -> Option<&[u8]> {
    let mut parts = Reader::new(der).enter(SEQUENCE).ok()?;
    parts.take(SEQUENCE).ok()?;
    parts.enter(SEQUENCE).ok()?.take(OBJECT).ok()
}

fn name(mut parts: Reader<'_>) -> Result<String, Malformed> {
    let mut words = Vec::new();
    while let Some((_, set)) = parts.next()? {
        let mut attribute = Reader::new(set).enter(SEQUENCE)?;
        let identifier = attribute.take(OBJECT)?;
        let Some((tag, value)) = attribute.next()? else { continue };
        let known = |last: u8| NAMED.iter().find(|(number, _)| *number == last);
        if let [0x55, 0x04, last] = identifier
            && let Some((_, word)) = known(*last)
        {
            words.push(format!("{word}={}", text(tag, value)));
        }
    }
    Ok(words.join(", "))
}

fn text(tag: u8, value: &[u8]) -> String {
    const BMP: u8 = 0x1e;
    if tag != BMP {
        return String::from_utf8_lossy(value).into_owned();
    }
    let units: Vec<u16> = value.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16_lossy(&units)
}

fn time(validity: &mut Reader<'_>) -> Result<i64, Malformed> {
    let seconds = match validity.next()? {
        Some((TIME, text)) => ber::time(text),
        // Two digits of a year: from 1950 to 2049.
        Some((UTC_TIME, text)) => {
            let century: &[u8] = if text.first().is_some_and(|digit| *digit >= b'5') { b"19" } else { b"20" };
            ber::time(&[century, text].concat())
        }
        _ => None,
    };
    seconds.ok_or(Malformed("a date in it is malformed"))
}

fn alternative_names(mut extensions: Reader<'_>) -> Result<Vec<String>, Malformed> {
    let mut names = Vec::new();
    while let Some((_, extension)) = extensions.next()? {
        let mut extension = Reader::new(extension);
        if extension.take(OBJECT)? != ALTERNATIVE_NAMES {
            continue;
        }
        extension.take_if(0x01)?;
        let mut list = Reader::new(extension.take(OCTETS)?).enter(SEQUENCE)?;
        while let Some((tag, value)) = list.next()? {
            match (tag, <[u8; 4]>::try_from(value)) {
                (0x82, _) => names.push(String::from_utf8_lossy(value).into_owned()),
                (0x87, Ok(address)) => names.push(Ipv4Addr::from(address).to_string()),
                _ => {}
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::ber::SET;
    use super::*;
    use proptest::prelude::*;

    /// A certificate without a key or a signature.
    fn sample(until: &[u8]) -> Vec<u8> {
        let word = |last: u8, text: &[u8]| {
            let parts = [ber::element(OBJECT, &[0x55, 4, last]), ber::element(0x0c, text)];
            ber::group(SET, &[ber::group(SEQUENCE, &parts)])
        };
        let names = [ber::element(0x82, b"dc1.cinto.lan"), ber::element(0x87, &[10, 0, 0, 1])];
        let names = ber::element(OCTETS, &ber::group(SEQUENCE, &names));
        let extension = ber::group(SEQUENCE, &[ber::element(OBJECT, ALTERNATIVE_NAMES), names]);
        let body = [
            ber::group(0xa0, &[ber::number(ber::INTEGER, 2)]),
            ber::number(ber::INTEGER, 77),
            ber::group(SEQUENCE, &[]),
            ber::group(SEQUENCE, &[word(10, b"Venis"), word(3, b"CA")]),
            ber::group(SEQUENCE, &[ber::element(UTC_TIME, b"700101000001Z"), ber::element(TIME, until)]),
            ber::group(SEQUENCE, &[word(3, b"dc1")]),
            ber::group(SEQUENCE, &[]),
            ber::group(0xa3, &[ber::group(SEQUENCE, &[extension])]),
        ];
        ber::group(SEQUENCE, &[ber::group(SEQUENCE, &body)])
    }

    #[test]
    fn a_certificate_is_read() {
        let read = certificate(&sample(b"20261130110316Z")).unwrap();
        assert_eq!((read.subject.as_str(), read.issuer.as_str()), ("CN=dc1", "O=Venis, CN=CA"));
        assert_eq!((read.from, read.until), (1, 1_796_036_596));
        assert_eq!(read.names, ["dc1.cinto.lan", "10.0.0.1"]);
        assert_eq!(text(0x1e, &[0, b'a', 0xd8]), "a");
        assert!(certificate(&sample(b"2026")).is_err());
    }

    proptest! {
        #[test]
        fn no_change_of_a_certificate_panics(at in 0usize..200, byte: u8, cut in 0usize..200) {
            let mut der = sample(b"20261130110316Z");
            if let Some(changed) = der.get_mut(at) {
                *changed = byte;
            }
            der.truncate(cut.max(at + 1));
            let _ = certificate(&der);
        }
    }
}
