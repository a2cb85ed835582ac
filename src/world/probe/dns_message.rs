//! DNS messages (RFC 1035, 2782, 3596): a question written, an answer read. Nothing in an answer is
//! believed: every length is checked, and a compressed name may only point backwards.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Types of record that we ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// Alias.
    Cname,
    /// Name of an address.
    Ptr,
    /// Mail exchanger.
    Mx,
    /// IPv6 address.
    Aaaa,
    /// Service: how clients find a domain controller.
    Srv,
}

impl RecordType {
    /// All types with their words and codes.
    pub const ALL: [(&'static str, RecordType, u16); 6] = [
        ("A", RecordType::A, 1),
        ("CNAME", RecordType::Cname, 5),
        ("PTR", RecordType::Ptr, 12),
        ("MX", RecordType::Mx, 15),
        ("AAAA", RecordType::Aaaa, 28),
        ("SRV", RecordType::Srv, 33),
    ];

    fn code(self) -> u16 {
        match self {
            RecordType::A => 1,
            RecordType::Cname => 5,
            RecordType::Ptr => 12,
            RecordType::Mx => 15,
            RecordType::Aaaa => 28,
            RecordType::Srv => 33,
        }
    }
}

/// A word is no type of record that we ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use A, AAAA, CNAME, MX, PTR or SRV")]
pub struct UnknownRecordType;

impl FromStr for RecordType {
    type Err = UnknownRecordType;
    fn from_str(word: &str) -> Result<Self, UnknownRecordType> {
        let found = Self::ALL.into_iter().find(|(name, _, _)| name.eq_ignore_ascii_case(word));
        found.map(|(_, record, _)| record).ok_or(UnknownRecordType)
    }
}

/// The value of a record. Names are without their last dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Record {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME or PTR.
    Name(String),
    /// MX.
    Mail {
        /// Lower is preferred.
        preference: u16,
        /// The exchanger.
        host: String,
    },
    /// SRV.
    Service {
        /// Lower is preferred.
        priority: u16,
        /// Share among equals.
        weight: u16,
        /// Its port.
        port: u16,
        /// Its host.
        host: String,
    },
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Record::Address(address) => write!(f, "{address}"),
            Record::Name(name) => f.write_str(name),
            Record::Mail { preference, host } => write!(f, "{preference} {host}"),
            Record::Service { priority, weight, port, host } => write!(f, "{priority} {weight} {port} {host}"),
        }
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    /// Whether the answer was cut to fit a datagram.
    pub(super) truncated: bool,
    /// Response code, 0 to 15.
    pub(super) code: u8,
    /// Records of the type asked for, in the answer section.
    pub(super) records: Vec<Record>,
}

/// Why a message is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// It ends too early.
    #[error("the message is cut")]
    Short,
    /// Not an answer to our question.
    #[error("it answers another question")]
    Stranger,
    /// A name is longer than 255 bytes, points forward, or has an unknown label.
    #[error("a name in it is malformed")]
    Name,
    /// The data of a record does not fit its type.
    #[error("a record in it is malformed")]
    Record,
}

/// Class Internet.
const IN: u16 = 1;
const HEADER: usize = 12;

/// A question, recursion desired; none if `name` is no domain name.
pub(super) fn question(id: u16, name: &str, record: RecordType) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    message.extend(id.to_be_bytes());
    message.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > 253 {
        return None;
    }
    for label in name.split('.') {
        if label.is_empty() || !label.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        message.push(u8::try_from(label.len()).ok().filter(|length| *length < 64)?);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(record.code().to_be_bytes());
    message.extend(IN.to_be_bytes());
    Some(message)
}

/// The name under which the name of `address` is found.
pub(super) fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}

/// Reads the answer to `question`.
pub(super) fn answer(message: &[u8], question: &[u8], record: RecordType) -> Result<Response, Malformed> {
    let mut reader = Reader { message, at: 0 };
    let id = reader.u16()?;
    let flags = reader.u16()?;
    let questions = reader.u16()?;
    let answers = reader.u16()?;
    reader.skip(4)?;
    let asked = question.get(HEADER..).ok_or(Malformed::Short)?;
    let ours = question.get(..2).is_some_and(|own| own == id.to_be_bytes());
    if !ours || flags & 0x8000 == 0 || questions != 1 {
        return Err(Malformed::Stranger);
    }
    if !reader.take(asked.len())?.eq_ignore_ascii_case(asked) {
        return Err(Malformed::Stranger);
    }
    let mut records = Vec::new();
    for _ in 0..answers {
        let Some(found) = reader.record(record)? else { continue };
        records.push(found);
    }
    Ok(Response { truncated: flags & 0x0200 != 0, code: (flags & 15) as u8, records })
}

struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(length).ok_or(Malformed::Short)?;
        let bytes = self.message.get(self.at..end).ok_or(Malformed::Short)?;
        self.at = end;
        Ok(bytes)
    }

    fn skip(&mut self, length: usize) -> Result<(), Malformed> {
        self.take(length).map(|_| ())
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed::Short)
    }

    /// A name, with what is not printable as `\DDD`.
    fn name(&mut self) -> Result<String, Malformed> {
        let mut name = String::new();
        let mut length = 0;
        // Where to go on after the first pointer; pointers only lead backwards, so this ends.
        let mut resume = None;
        let mut lowest = self.at;
        loop {
            let label = self.u8()?;
            match label {
                0 => break,
                1..=63 => {
                    length += usize::from(label) + 1;
                    if length > 254 {
                        return Err(Malformed::Name);
                    }
                    let bytes = self.take(usize::from(label))?;
                    push_label(&mut name, bytes);
                }
                192..=255 => {
                    let target = usize::from(u16::from_be_bytes([label & 63, self.u8()?]));
                    if target >= lowest {
                        return Err(Malformed::Name);
                    }
                    resume.get_or_insert(self.at);
                    lowest = target;
                    self.at = target;
                }
                _ => return Err(Malformed::Name),
            }
        }
        self.at = resume.unwrap_or(self.at);
        Ok(name)
    }

    /// The next record, if it is of the type wanted.
    fn record(&mut self, wanted: RecordType) -> Result<Option<Record>, Malformed> {
        self.name()?;
        let kind = self.u16()?;
        let class = self.u16()?;
        self.skip(4)?;
        let length = usize::from(self.u16()?);
        let end = self.at + length;
        if end > self.message.len() {
            return Err(Malformed::Short);
        }
        if kind != wanted.code() || class != IN {
            self.at = end;
            return Ok(None);
        }
        let record = match wanted {
            RecordType::A => Record::Address(Ipv4Addr::from(self.array::<4>()?).into()),
            RecordType::Aaaa => Record::Address(Ipv6Addr::from(self.array::<16>()?).into()),
            RecordType::Cname | RecordType::Ptr => Record::Name(self.name()?),
            RecordType::Mx => Record::Mail { preference: self.u16()?, host: self.name()? },
            RecordType::Srv => {
                Record::Service { priority: self.u16()?, weight: self.u16()?, port: self.u16()?, host: self.name()? }
            }
        };
        if self.at == end { Ok(Some(record)) } else { Err(Malformed::Record) }
    }
}

fn push_label(name: &mut String, label: &[u8]) {
    if !name.is_empty() {
        name.push('.');
    }
    for &byte in label {
        match byte {
            b'.' | b'\\' => name.extend(['\\', char::from(byte)]),
            0x21..=0x7e => name.push(char::from(byte)),
            _ => name.push_str(&format!("\\{byte:03}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer with one record whose owner points at the question.
    fn reply(question: &[u8], code: u16, data: &[u8]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] = 0x81;
        message[7] = 1;
        message.extend([0xc0, 12]);
        message.extend(code.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        message.extend(data);
        message
    }

    #[test]
    fn a_question_is_written_as_the_standard_says() {
        let message = question(0x1234, "dc1.lan.", RecordType::Srv).unwrap();
        assert_eq!(message, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03dc1\x03lan\0\0\x21\0\x01");
        let long = "a".repeat(64);
        for bad in ["", ".", "a..b", "a b", "è.it", &long, &"a.".repeat(128)] {
            assert_eq!(question(1, bad, RecordType::A), None, "{bad}");
        }
    }

    #[test]
    fn every_type_is_read() {
        let read = |record: RecordType, data: &[u8]| {
            let asked = question(7, "x.lan", record).unwrap();
            let response = answer(&reply(&asked, record.code(), data), &asked, record).unwrap();
            assert_eq!((response.code, response.truncated), (0, false));
            response.records[0].to_string()
        };
        assert_eq!(read(RecordType::A, &[192, 0, 2, 1]), "192.0.2.1");
        assert_eq!(read(RecordType::Aaaa, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), "2001:db8::1");
        assert_eq!(read(RecordType::Ptr, b"\x02pc\xc0\x0c"), "pc.x.lan");
        assert_eq!(read(RecordType::Cname, b"\x03a.b\x01\x1b\x00"), "a\\.b.\\027");
        assert_eq!(read(RecordType::Mx, b"\0\x0a\x01m\xc0\x0c"), "10 m.x.lan");
        assert_eq!(read(RecordType::Srv, b"\0\0\0\x64\x01\x85\x03dc1\xc0\x0c"), "0 100 389 dc1.x.lan");
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        let asked = question(7, "x.lan", RecordType::Ptr).unwrap();
        let read = |message: &[u8]| answer(message, &asked, RecordType::Ptr);
        // A name that points at itself, and one that points forward.
        assert_eq!(read(&reply(&asked, 12, &[0xc0, 35])), Err(Malformed::Name));
        assert_eq!(read(&reply(&asked, 12, &[0xc0, 200])), Err(Malformed::Name));
        assert_eq!(read(&reply(&asked, 12, b"\x01a\0\0")), Err(Malformed::Record));
        assert_eq!(read(&asked), Err(Malformed::Stranger));
        let mut other = reply(&asked, 12, b"\x01a\0");
        other[0] ^= 1;
        assert_eq!(read(&other), Err(Malformed::Stranger));
        let whole = reply(&asked, 12, b"\x01a\0");
        assert!(read(&whole).is_ok());
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn addresses_are_reversed() {
        assert_eq!(reverse("192.0.2.10".parse().unwrap()), "10.2.0.192.in-addr.arpa");
        let name = reverse("2001:db8::1".parse().unwrap());
        assert!(name.starts_with("1.0.0.0.") && name.ends_with("8.b.d.0.1.0.0.2.ip6.arpa"), "{name}");
    }

    proptest! {
        #[test]
        fn no_message_is_too_strange_to_read(bytes in proptest::collection::vec(any::<u8>(), 0..600), kind in 0_usize..6) {
            let record = RecordType::ALL[kind].1;
            let asked = question(0, "x.lan", record).unwrap();
            let _ = answer(&bytes, &asked, record);
            // The same noise behind a header and question that fit.
            let mut message = reply(&asked, record.code(), &[]);
            message.truncate(asked.len());
            message[6..8].copy_from_slice(&[0xff, 0xff]);
            message.extend(bytes);
            let _ = answer(&message, &asked, record);
        }

        #[test]
        fn what_is_written_is_read(name in "[a-z]{1,20}(\\.[a-z0-9_-]{1,20}){0,5}") {
            let asked = question(9, &name, RecordType::Ptr).unwrap();
            let response = answer(&reply(&asked, 12, &[0xc0, 12]), &asked, RecordType::Ptr).unwrap();
            prop_assert_eq!(&response.records[0], &Record::Name(name));
        }
    }
}
