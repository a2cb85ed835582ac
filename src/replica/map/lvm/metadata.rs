//! A volume group as its metadata describes it, seen from one physical volume.

use super::text::{Section, Value};
use super::{Stop, WholeReason, ensure, inconsistent};
use std::collections::HashSet;

/// Bytes of the sectors in which the metadata counts.
const SECTOR: u64 = 512;

/// Most stretches of volumes on one disk.
const MAX_STRETCHES: usize = 1 << 17;

/// The group, as far as it concerns this disk.
pub(super) struct Group {
    pub(super) name: String,
    /// Bytes of an extent.
    pub(super) extent_size: u64,
    /// First byte of the first extent, in the physical volume.
    pub(super) start: u64,
    /// Extents of the physical volume.
    pub(super) extents: u64,
    /// Volumes with extents here.
    pub(super) logical: Vec<Logical>,
}

/// A logical volume with extents here.
pub(super) struct Logical {
    pub(super) name: String,
    /// Extents here: `(first, count)`, in the order of the volume.
    pub(super) here: Vec<(u64, u64)>,
    pub(super) whole: Option<WholeReason>,
}

impl Group {
    /// Understands the text of a group, for the physical volume of this UUID.
    pub(super) fn parse(text: &str, uuid: &str) -> Result<Self, Stop> {
        let whole = Section::parse(text)?;
        let mut sections = whole.sections();
        let (Some((name, group)), None) = (sections.next(), sections.next()) else {
            return inconsistent("text of the volume group");
        };
        let extent_size = group.number("extent_size")?.checked_mul(SECTOR);
        let Some(extent_size) = extent_size.filter(|size| *size > 0) else {
            return inconsistent("size of an extent");
        };
        let Some((own, volume)) = physical(group, uuid)? else {
            return inconsistent("the volume group does not know this disk");
        };
        let Some(start) = volume.number("pe_start")?.checked_mul(SECTOR) else {
            return inconsistent("start of the extents");
        };
        let extents = volume.number("pe_count")?;
        let mut found = Self { name: name.to_owned(), extent_size, start, extents, logical: Vec::new() };
        if let Some(volumes) = group.section("logical_volumes") {
            let named = named(volumes);
            for (name, volume) in volumes.sections() {
                found.add(&named, own, name, volume)?;
            }
        }
        Ok(found)
    }

    fn add(&mut self, named: &HashSet<&str>, own: &str, name: &str, volume: &Section) -> Result<(), Stop> {
        let mut logical = Logical { name: name.to_owned(), here: Vec::new(), whole: None };
        let count = volume.number("segment_count")?;
        ensure(volume.sections().count() as u64 == count, "number of segments")?;
        let mut next = 0;
        // LVM writes them in this order, and looking each up by its name would take the square of the time.
        for (number, (key, segment)) in (1u64..).zip(volume.sections()) {
            ensure(key.strip_prefix("segment") == Some(&number.to_string()), "number of segments")?;
            ensure(segment.number("start_extent")? == next, "order of segments")?;
            let length = segment.number("extent_count")?;
            next = match next.checked_add(length) {
                Some(next) if length > 0 => next,
                _ => return inconsistent("length of a segment"),
            };
            self.segment(own, segment, length, &mut logical)?;
        }
        if logical.here.is_empty() {
            return Ok(());
        }
        let visible = volume.list("status").contains(&Value::Text("VISIBLE".to_owned()));
        if logical.whole.is_none() && (!visible || named.contains(name)) {
            logical.whole = Some(if visible { WholeReason::Snapshot } else { WholeReason::Member });
        }
        self.logical.push(logical);
        Ok(())
    }

    /// Adds the extents of a segment that are here.
    fn segment(&self, own: &str, segment: &Section, length: u64, logical: &mut Logical) -> Result<(), Stop> {
        if segment.text("type")? != "striped" {
            let mut named = HashSet::new();
            segment.0.iter().for_each(|(_, value)| texts(value, &mut named));
            ensure(!named.contains(own), "a volume of a kind that is not known here")?;
            logical.whole = Some(WholeReason::Member);
            return Ok(());
        }
        let stripes = segment.list("stripes");
        let count = segment.number("stripe_count")?;
        let expected = count.checked_mul(2) == Some(stripes.len() as u64);
        ensure(count > 0 && expected && length.is_multiple_of(count), "stripes of a segment")?;
        if count > 1 {
            logical.whole = Some(WholeReason::Member);
        }
        for stripe in stripes.chunks_exact(2) {
            match stripe {
                [Value::Text(disk), Value::Number(first)] if disk == own => {
                    let here = length / count;
                    let inside = first.checked_add(here).is_some_and(|end| end <= self.extents);
                    ensure(inside && logical.here.len() < MAX_STRETCHES, "extents of a segment")?;
                    logical.here.push((*first, here));
                }
                [Value::Text(_), Value::Number(_)] => logical.whole = Some(WholeReason::Member),
                _ => return inconsistent("stripes of a segment"),
            }
        }
        Ok(())
    }

    /// Extents in use: `(first, count)`, ascending; an extent in two volumes is an inconsistency.
    pub(super) fn used(&self) -> Result<Vec<(u64, u64)>, Stop> {
        let mut used: Vec<(u64, u64)> = self.logical.iter().flat_map(|logical| logical.here.iter().copied()).collect();
        used.sort_unstable();
        let apart = used.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0);
        ensure(apart && used.len() <= MAX_STRETCHES, "an extent in two volumes")?;
        Ok(used)
    }
}

/// The section of the physical volume with this UUID, which the text writes with hyphens.
fn physical<'a>(group: &'a Section, uuid: &str) -> Result<Option<(&'a str, &'a Section)>, Stop> {
    let Some(volumes) = group.section("physical_volumes") else {
        return inconsistent("text of the volume group");
    };
    for (name, volume) in volumes.sections() {
        if volume.text("id")?.chars().filter(|letter| *letter != '-').eq(uuid.chars()) {
            return Ok(Some((name, volume)));
        }
    }
    Ok(None)
}

/// Adds every text in a value.
fn texts<'a>(value: &'a Value, found: &mut HashSet<&'a str>) {
    match value {
        Value::Text(text) => {
            found.insert(text);
        }
        Value::List(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Section(section) => section.0.iter().for_each(|(_, value)| texts(value, found)),
        Value::Number(_) => {}
    }
}

/// Everything that segments name: volumes that others are built on (snapshots, pools, mirrors).
fn named(volumes: &Section) -> HashSet<&str> {
    let mut found = HashSet::new();
    let segments = volumes.sections().flat_map(|(_, volume)| volume.sections());
    segments.for_each(|(_, segment)| segment.0.iter().for_each(|(_, value)| texts(value, &mut found)));
    found
}
