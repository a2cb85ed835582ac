//! Records of the master file table, and their attributes, spread over further records or not.

use super::boot::Geometry;
use super::fields::Fields;
use super::stream::Stream;
use super::{Stop, Volume, ensure, inconsistent};
use std::collections::HashSet;

const ATTRIBUTE_LIST: u32 = 0x20;
const DATA: u32 = 0x80;
const END: u32 = 0xFFFF_FFFF;

/// The part of a reference that is the number of a record; the rest is its sequence.
pub(super) const NUMBER: u64 = 0xFFFF_FFFF_FFFF;

/// Longest attribute list; Windows ends at 256 KiB.
const MAX_LIST: u64 = 256 << 10;

/// Attribute flags: compressed, encrypted, sparse.
const NOT_PLAIN: u16 = 0x0001 | 0x4000 | 0x8000;

/// The master file table.
pub(super) struct Records<'a> {
    volume: &'a Volume<'a>,
    geometry: &'a Geometry,
    stream: Stream,
}

/// A record of the table, its update sequence applied.
pub(super) struct Record {
    number: u64,
    bytes: Vec<u8>,
}

/// An attribute in a record.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) kind: u32,
    /// Name, in UTF-16 as on the disk; empty for most.
    pub(super) name: &'a [u8],
    raw: Fields<'a>,
    resident: bool,
}

/// Undoes the update sequence: the last two bytes of every 512 are kept elsewhere, and stand for
/// the number of the write, so that a torn write shows.
pub(super) fn restore(bytes: &mut [u8], magic: &[u8; 4]) -> Result<(), Stop> {
    let raw = Fields(bytes);
    ensure(raw.slice(0, 4)? == magic, "mark of a record")?;
    let (at, count) = (usize::from(raw.le16(4)?), usize::from(raw.le16(6)?));
    let sectors = bytes.len() / 512;
    ensure(count == sectors + 1, "update sequence of a record")?;
    let sequence = raw.slice(at, 2 * count)?.to_vec();
    for sector in 0..sectors {
        let last = &mut bytes[sector * 512 + 510..sector * 512 + 512];
        ensure(*last == sequence[..2], "a record that was written halfway")?;
        last.copy_from_slice(&sequence[2 + 2 * sector..4 + 2 * sector]);
    }
    Ok(())
}

impl<'a> Records<'a> {
    /// Opens the table by its own first record.
    pub(super) fn open(volume: &'a Volume<'a>, geometry: &'a Geometry) -> Result<Self, Stop> {
        let bytes = volume.read(geometry.table * geometry.cluster_size, geometry.record_size)?;
        let first = Record::parse(0, bytes)?;
        // The first piece of the table holds every record that says where the other pieces are.
        let mut records = Self { volume, geometry, stream: Stream::new(geometry, 0, true) };
        records.stream = first.pieces(geometry, DATA, b"", &[&first])?;
        if let Some(list) = first.find(ATTRIBUTE_LIST, b"")? {
            let list = records.content(list)?;
            records.stream = records.gather(&first, &list, DATA, b"")?;
        }
        ensure(records.stream.valid() >= 16 * geometry.record_size as u64, "length of the master file table")?;
        Ok(records)
    }

    /// The table's own content.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// A record that is in use.
    pub(super) fn get(&self, number: u64) -> Result<Record, Stop> {
        let record = self.any(number)?;
        ensure(record.in_use()?, "a record that is not in use")?;
        Ok(record)
    }

    /// A record, in use or not.
    pub(super) fn any(&self, number: u64) -> Result<Record, Stop> {
        let Some(place) = number.checked_mul(self.geometry.record_size as u64) else {
            return inconsistent("number of a record");
        };
        Record::parse(number, self.stream.read(self.volume, place, self.geometry.record_size)?)
    }

    /// The content of an attribute of a record, inside it or not, up to [`MAX_LIST`] bytes.
    fn content(&self, attribute: Attribute<'_>) -> Result<Vec<u8>, Stop> {
        if attribute.resident {
            return attribute.value().map(<[u8]>::to_vec);
        }
        let mut stream = attribute.stream(self.geometry)?;
        ensure(attribute.lowest()? == 0 && stream.valid() <= MAX_LIST, "length of an attribute list")?;
        attribute.unpack(&mut stream, self.geometry)?;
        stream.read(self.volume, 0, stream.valid() as usize)
    }

    /// Joins the pieces of an attribute that an attribute list names.
    fn gather(&self, base: &Record, list: &[u8], kind: u32, name: &[u8]) -> Result<Stream, Stop> {
        let holders = self.holders(base, list, kind, name)?;
        let all: Vec<&Record> = std::iter::once(base).chain(&holders).collect();
        base.pieces(self.geometry, kind, name, &all)
    }

    /// The further records that hold attributes of a kind and name, by the attribute list.
    fn holders(&self, base: &Record, list: &[u8], kind: u32, name: &[u8]) -> Result<Vec<Record>, Stop> {
        let mut holders: Vec<Record> = Vec::new();
        let mut known = HashSet::from([base.number]);
        let mut at = 0;
        while at + 26 <= list.len() {
            let entry = Fields(&list[at..]);
            let (length, reference) = (usize::from(entry.le16(4)?), entry.le64(16)?);
            let entry_name = entry.slice(usize::from(entry.byte(7)?), 2 * usize::from(entry.byte(6)?))?;
            ensure(length >= 26, "attribute list")?;
            at += length;
            let number = reference & NUMBER;
            if entry.le32(0)? == kind && entry_name == name && known.insert(number) {
                let holder = self.get(number)?;
                ensure(holder.sequence()? == (reference >> 48) as u16, "record of another file")?;
                ensure(holder.base()? == base.number, "record of another file")?;
                holders.push(holder);
            }
        }
        Ok(holders)
    }
}

impl Record {
    fn parse(number: u64, mut bytes: Vec<u8>) -> Result<Self, Stop> {
        restore(&mut bytes, b"FILE")?;
        Ok(Self { number, bytes })
    }

    /// Whether the record holds a file.
    pub(super) fn in_use(&self) -> Result<bool, Stop> {
        Ok(self.raw().le16(0x16)? & 1 != 0)
    }

    fn raw(&self) -> Fields<'_> {
        Fields(&self.bytes)
    }

    /// How often the record was reused.
    pub(super) fn sequence(&self) -> Result<u16, Stop> {
        self.raw().le16(0x10)
    }

    /// Number of the record that this one continues; 0 where it stands for itself.
    fn base(&self) -> Result<u64, Stop> {
        self.raw().le64(0x20).map(|reference| reference & NUMBER)
    }

    /// Its attributes.
    pub(super) fn attributes(&self) -> Result<Vec<Attribute<'_>>, Stop> {
        let used = (self.raw().le32(0x18)? as usize).min(self.bytes.len());
        let mut at = usize::from(self.raw().le16(0x14)?);
        let mut found = Vec::new();
        while Fields(&self.bytes[..used]).le32(at)? != END {
            let length = self.raw().le32(at + 4)? as usize;
            ensure(length >= 24 && length.is_multiple_of(8), "length of an attribute")?;
            let raw = Fields(Fields(&self.bytes[..used]).slice(at, length)?);
            let name = raw.slice(usize::from(raw.le16(10)?), 2 * usize::from(raw.byte(9)?))?;
            found.push(Attribute { kind: raw.le32(0)?, name, raw, resident: raw.byte(8)? == 0 });
            at += length;
        }
        Ok(found)
    }

    /// The first attribute of a kind and name.
    pub(super) fn find(&self, kind: u32, name: &[u8]) -> Result<Option<Attribute<'_>>, Stop> {
        Ok(self.attributes()?.into_iter().find(|attribute| attribute.kind == kind && attribute.name == name))
    }

    /// The value of an attribute without name that lies in the record.
    pub(super) fn resident(&self, kind: u32) -> Result<Vec<u8>, Stop> {
        match self.find(kind, b"")? {
            Some(attribute) if attribute.resident => attribute.value().map(<[u8]>::to_vec),
            _ => inconsistent("a system file lacks an attribute"),
        }
    }

    /// Whether the unnamed content lies in the record.
    pub(super) fn data_is_resident(&self) -> Result<bool, Stop> {
        Ok(self.find(DATA, b"")?.is_some_and(|data| data.resident))
    }

    /// The unnamed content, which must not lie in the record.
    pub(super) fn data(&self, records: &Records<'_>) -> Result<Stream, Stop> {
        self.stream(records, DATA, b"")
    }

    /// An attribute's content, which must not lie in the record.
    pub(super) fn stream(&self, records: &Records<'_>, kind: u32, name: &[u8]) -> Result<Stream, Stop> {
        match self.find(ATTRIBUTE_LIST, b"")? {
            Some(list) => records.gather(self, &records.content(list)?, kind, name),
            None => self.pieces(records.geometry, kind, name, &[self]),
        }
    }

    /// The values of all attributes of a kind, in this record and those that continue it.
    pub(super) fn values(&self, records: &Records<'_>, kind: u32) -> Result<Vec<Vec<u8>>, Stop> {
        let holders = match self.find(ATTRIBUTE_LIST, b"")? {
            Some(list) => records.holders(self, &records.content(list)?, kind, b"")?,
            None => Vec::new(),
        };
        let mut found = Vec::new();
        for record in std::iter::once(self).chain(&holders) {
            for attribute in record.attributes()?.iter().filter(|attribute| attribute.kind == kind) {
                found.push(attribute.value()?.to_vec());
            }
        }
        Ok(found)
    }

    /// Joins the pieces of an attribute in `holders`, in the order of its content.
    fn pieces(&self, geometry: &Geometry, kind: u32, name: &[u8], holders: &[&Record]) -> Result<Stream, Stop> {
        let mut pieces = Vec::new();
        for holder in holders {
            let own = holder.attributes()?.into_iter();
            for piece in own.filter(|piece| piece.kind == kind && piece.name == name) {
                ensure(!piece.resident, "a system file without clusters")?;
                pieces.push((piece.lowest()?, piece));
            }
        }
        pieces.sort_by_key(|(lowest, _)| *lowest);
        let Some((0, first)) = pieces.first() else { return inconsistent("a system file lacks an attribute") };
        let mut stream = first.stream(geometry)?;
        for (lowest, piece) in &pieces {
            ensure(*lowest == stream.covered(), "pieces of a file")?;
            piece.unpack(&mut stream, geometry)?;
        }
        Ok(stream)
    }
}

impl<'a> Attribute<'a> {
    /// The value of one that lies in its record.
    pub(super) fn value(&self) -> Result<&'a [u8], Stop> {
        ensure(self.resident, "a value outside its record")?;
        self.raw.slice(usize::from(self.raw.le16(0x14)?), self.raw.le32(0x10)? as usize)
    }

    /// First cluster of this piece.
    fn lowest(&self) -> Result<u64, Stop> {
        self.raw.le64(0x10)
    }

    /// The content's sizes, without its runs.
    fn stream(&self, geometry: &Geometry) -> Result<Stream, Stop> {
        let (size, initialised) = (self.raw.le64(0x30)?, self.raw.le64(0x38)?);
        ensure(initialised <= size, "length of a file")?;
        Ok(Stream::new(geometry, initialised, self.raw.le16(0xC)? & NOT_PLAIN == 0))
    }

    fn unpack(&self, stream: &mut Stream, geometry: &Geometry) -> Result<(), Stop> {
        let packed = usize::from(self.raw.le16(0x20)?);
        let length = self.raw.0.len().saturating_sub(packed);
        stream.unpack(self.raw.slice(packed, length)?, self.raw.le64(0x18)?, geometry)
    }
}
