//! BER (X.690) as LDAP, Kerberos and certificates write it: tags of one byte, definite lengths.

use super::bytes::Malformed;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// `INTEGER`.
pub(super) const INTEGER: u8 = 0x02;
/// `OCTET STRING`.
pub(super) const OCTETS: u8 = 0x04;
/// `OBJECT IDENTIFIER`.
pub(super) const OBJECT: u8 = 0x06;
/// `ENUMERATED`.
pub(super) const ENUMERATED: u8 = 0x0a;
/// `UTCTime`.
pub(super) const UTC_TIME: u8 = 0x17;
/// `GeneralizedTime`.
pub(super) const TIME: u8 = 0x18;
/// `GeneralString`.
pub(super) const GENERAL: u8 = 0x1b;
/// `SEQUENCE` and `SEQUENCE OF`.
pub(super) const SEQUENCE: u8 = 0x30;
/// `SET OF`.
pub(super) const SET: u8 = 0x31;

const CUT: Malformed = Malformed("it ends too early");
const TAG: Malformed = Malformed("an element of another kind was due");
const LENGTH: Malformed = Malformed("a length in it is malformed");

/// An element of `tag` around `content`.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let significant = length.iter().position(|byte| *byte != 0).unwrap_or(length.len());
            let octets = length.len() - significant;
            bytes.push(0x80 | u8::try_from(octets).unwrap_or(0x7f));
            bytes.extend_from_slice(&length[significant..]);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// An element of `tag` around others.
pub(super) fn group(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// A whole number in an element of `tag`.
pub(super) fn number(tag: u8, value: i64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    // What only repeats the sign of the byte after it is not written.
    let idle = |at: &usize| {
        let next = bytes.get(at + 1).copied().unwrap_or_default();
        (bytes[*at] == 0 && next < 0x80) || (bytes[*at] == 0xff && next >= 0x80)
    };
    let from = (0..bytes.len() - 1).find(|at| !idle(at)).unwrap_or(bytes.len() - 1);
    element(tag, &bytes[from..])
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next element: its tag and its content; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u8, &'a [u8])>, Malformed> {
        let Some(tag) = self.rest.first().copied() else { return Ok(None) };
        let total = measure(self.rest)?.filter(|total| *total <= self.rest.len()).ok_or(CUT)?;
        let (whole, rest) = self.rest.split_at_checked(total).ok_or(CUT)?;
        self.rest = rest;
        Ok(Some((tag, whole.get(heading(whole)..).unwrap_or_default())))
    }

    /// The content of the next element, which must be of `tag`.
    pub(super) fn take(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        match self.next()? {
            Some((found, content)) if found == tag => Ok(content),
            Some(_) => Err(TAG),
            None => Err(CUT),
        }
    }

    /// The content of the next element if it is of `tag`; else nothing is read.
    pub(super) fn take_if(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.rest.first() == Some(&tag) { self.take(tag).map(Some) } else { Ok(None) }
    }

    /// The elements of the next element, which must be of `tag`.
    pub(super) fn enter(&mut self, tag: u8) -> Result<Reader<'a>, Malformed> {
        self.take(tag).map(Reader::new)
    }

    /// A whole number in an element of `tag`.
    pub(super) fn number(&mut self, tag: u8) -> Result<i64, Malformed> {
        let content = self.take(tag)?;
        if content.is_empty() || content.len() > 8 {
            return Err(Malformed("a number in it is malformed"));
        }
        let sign = if content[0] >= 0x80 { -1 } else { 0 };
        Ok(content.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte)))
    }
}

/// Bytes of the element at the start of `bytes`, with its heading; none while its length has not come.
pub(super) fn measure(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    if bytes.first().is_some_and(|tag| tag & 0x1f == 0x1f) {
        return Err(TAG);
    }
    let Some(first) = bytes.get(1).copied() else { return Ok(None) };
    if first < 0x80 {
        return Ok(Some(2 + usize::from(first)));
    }
    let octets = usize::from(first & 0x7f);
    if !(1..=4).contains(&octets) {
        return Err(LENGTH);
    }
    let Some(length) = bytes.get(2..2 + octets) else { return Ok(None) };
    let length = length.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    let total = usize::try_from(length).ok().and_then(|length| length.checked_add(2 + octets));
    total.map(Some).ok_or(LENGTH)
}

/// Bytes of the heading of a whole element.
fn heading(element: &[u8]) -> usize {
    match element.get(1) {
        Some(first) if *first >= 0x80 => 2 + usize::from(first & 0x7f),
        _ => 2,
    }
}

/// Seconds since 1970 of a `GeneralizedTime` in UTC, such as `20261130110316.0Z`.
pub(super) fn time(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let digits = text.split_once('.').map_or(text, |(whole, _)| whole);
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<i8>().ok();
    let year = digits.get(..4)?.parse::<i16>().ok()?;
    let (month, day) = (part(4, 6)?, part(6, 8)?);
    let when = DateTime::new(year, month, day, part(8, 10)?, part(10, 12)?, part(12, 14)?, 0).ok()?;
    Offset::UTC.to_timestamp(when).ok().map(|timestamp| timestamp.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        let cases: [(i64, &[u8]); 6] =
            [(0, &[0]), (127, &[127]), (128, &[0, 128]), (-1, &[0xff]), (-129, &[0xff, 0x7f]), (256, &[1, 0])];
        for (value, content) in cases {
            assert_eq!(number(INTEGER, value), element(INTEGER, content), "{value}");
        }
    }

    #[test]
    fn times_are_read() {
        assert_eq!(time(b"19700101000001.0Z"), Some(1));
        assert_eq!(time(b"20261130110316Z"), Some(1_796_036_596));
        for bad in [&b"20261130110316"[..], b"20261330110316Z", b"2026113011031Z", b"+026113011031 Z", b"\xff", b"Z"] {
            assert_eq!(time(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn lengths_without_end_or_beyond_the_end_are_refused() {
        assert_eq!(Reader::new(&[0x30, 0x80, 0, 0]).next(), Err(LENGTH));
        assert_eq!(Reader::new(&[0x30, 0x85, 1, 1, 1, 1, 1]).next(), Err(LENGTH));
        assert_eq!(Reader::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).next(), Err(CUT));
        assert_eq!(Reader::new(&[0x1f, 1, 1]).next(), Err(TAG));
        assert_eq!(measure(&[0x30, 0x82, 1]), Ok(None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value: i64, content in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let bytes = [number(INTEGER, value), element(OCTETS, &content)].concat();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.number(INTEGER), Ok(value));
            prop_assert_eq!(reader.take(OCTETS), Ok(content.as_slice()));
            prop_assert_eq!(reader.next(), Ok(None));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(Some(_)) = reader.next() {}
            let _ = (reader.number(INTEGER), time(&bytes), measure(&bytes));
        }
    }
}
