//! Puts right the checksums of partition tables and LVM metadata, which a mutator would never guess:
//! what lies behind them is hostile all the same.
//!
//! ext and XFS are also made without checksums, so that their parsers are reached without this.

use super::disk::Disk;

/// Longest stretch that a checksum is put right for.
const MOST: u64 = 1 << 20;

/// What LVM's checksums begin with.
const LVM: u32 = 0xF597_A6CF;

/// Where physical volumes are looked for: the whole disk, and the usual first partition.
const VOLUMES: [u64; 2] = [0, 1 << 20];

/// Puts right what is found on a disk.
pub fn disk(disk: &Disk) {
    for sector in [512, 4096] {
        gpt(disk, sector);
        if let Some(last) = disk.length.checked_sub(sector) {
            gpt(disk, last / sector * sector);
        }
    }
    VOLUMES.into_iter().for_each(|volume| lvm(disk, volume));
}

fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    bytes[at..at + width].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// CRC-32 (IEEE), a bit at a time, without inversion.
fn crc32(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |register, byte| {
        (0..8).fold(
            register ^ u32::from(*byte),
            |value, _| {
                if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 }
            },
        )
    })
}

/// The header at `at`, and the entries it names.
fn gpt(disk: &Disk, at: u64) {
    let mut header = disk.peek(at, 512);
    if !header.starts_with(b"EFI PART") {
        return;
    }
    let sector = if at.is_multiple_of(4096) && number(&header, 24, 8) == at / 4096 { 4096 } else { 512 };
    let entries = number(&header, 72, 8).saturating_mul(sector);
    let length = number(&header, 80, 4).saturating_mul(number(&header, 84, 4)).min(MOST);
    let sum = !crc32(!0, &disk.peek(entries, length as usize));
    header[88..92].copy_from_slice(&sum.to_le_bytes());
    header[16..20].fill(0);
    let size = number(&header, 12, 4).min(512) as usize;
    let sum = !crc32(!0, &header[..size]);
    header[16..20].copy_from_slice(&sum.to_le_bytes());
    disk.write(at, &header);
}

/// The label in one of the first four sectors, and the areas of metadata it names.
fn lvm(disk: &Disk, volume: u64) {
    for at in (0..4).map(|sector| volume + sector * 512) {
        let mut label = disk.peek(at, 512);
        if !label.starts_with(b"LABELONE") {
            continue;
        }
        let sum = crc32(LVM, &label[20..]);
        label[16..20].copy_from_slice(&sum.to_le_bytes());
        disk.write(at, &label);
        // Behind the label's 32 bytes: UUID and size (40), data areas up to a zero, metadata areas.
        let header = (number(&label, 20, 4) as usize).min(472);
        let lists = label[header + 40..].chunks_exact(16).map(|area| number(area, 0, 8));
        let areas: Vec<u64> = lists.skip_while(|start| *start != 0).skip(1).take_while(|start| *start != 0).collect();
        areas.into_iter().for_each(|start| area(disk, volume.saturating_add(start)));
    }
}

/// An area of metadata: a header of a sector, and a text in a ring behind it.
fn area(disk: &Disk, start: u64) {
    let mut header = disk.peek(start, 512);
    let (size, offset, length) = (number(&header, 32, 8), number(&header, 40, 8), number(&header, 48, 8));
    if header[4..20] != *b" LVM2 x[5A%r0N*>" || offset < 512 || length > MOST {
        return;
    }
    let before = length.min(size.saturating_sub(offset));
    let mut text = disk.peek(start.saturating_add(offset), before as usize);
    text.extend(disk.peek(start.saturating_add(512), (length - before) as usize));
    header[56..60].copy_from_slice(&crc32(LVM, &text).to_le_bytes());
    let sum = crc32(LVM, &header[4..]);
    header[..4].copy_from_slice(&sum.to_le_bytes());
    disk.write(start, &header);
}
