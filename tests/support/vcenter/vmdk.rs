//! Reads a stream-optimised VMDK strictly, front to back and again through its directory.

use std::collections::BTreeMap;

const SECTOR: usize = 512;
const GRAIN: usize = 64 << 10;

fn u32_at(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 4).map_or(usize::MAX, |four| u32::from_le_bytes(four.try_into().unwrap()) as usize)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(u64::MAX, |eight| u64::from_le_bytes(eight.try_into().unwrap()))
}

/// Its content; or what is wrong with it.
pub fn read(file: &[u8]) -> Result<Vec<u8>, String> {
    let want = |is: bool, what: &str| if is { Ok(()) } else { Err(format!("the disk: {what}")) };
    want(file.len() > 128 * SECTOR && file.len().is_multiple_of(SECTOR), "it is cut")?;
    let header = &file[..SECTOR];
    want(header.starts_with(b"KDMV\x03\0\0\0\x01\0\x03\0"), "no stream-optimised header")?;
    want(u64_at(header, 20) == 128 && u32_at(header, 44) == 512, "other grains")?;
    want(u64_at(header, 56) == u64::MAX && u64_at(header, 64) == 128, "the directory is not at its end")?;
    let capacity = u64_at(header, 12) as usize * SECTOR;
    let descriptor = String::from_utf8_lossy(&file[SECTOR..21 * SECTOR]).into_owned();
    want(descriptor.contains("createType=\"streamOptimized\""), "no descriptor")?;
    let Parts { grains, tables, directory, footer } = walk(file)?;
    want(u64_at(footer, 56) as usize == directory && footer[..56] == header[..56], "the footer is another's")?;
    let mut content = vec![0; capacity];
    let mut seen = 0;
    for number in 0..capacity.div_ceil(512 * GRAIN) {
        let table = u32_at(file, directory * SECTOR + 4 * number);
        want(table == 0 || tables.contains(&table), "the directory points nowhere")?;
        for entry in (0..512).filter(|_| table != 0) {
            let place = u32_at(file, table * SECTOR + 4 * entry);
            if place == 0 {
                continue;
            }
            let (first, data) = grains.get(&place).ok_or("the disk: a table points nowhere")?;
            let at = (number * 512 + entry) * GRAIN;
            want(*first as usize * SECTOR == at, "a grain lies about its place")?;
            let length = GRAIN.min(capacity.saturating_sub(at));
            content[at..at + length].copy_from_slice(&data[..length]);
            want(data[length..].iter().all(|byte| *byte == 0), "bytes behind its end")?;
            seen += 1;
        }
    }
    want(seen == grains.len(), "a grain that no table has")?;
    Ok(content)
}

/// Grains, tables and directory by their sectors, and the footer.
struct Parts<'a> {
    grains: BTreeMap<usize, (u64, Vec<u8>)>,
    tables: Vec<usize>,
    directory: usize,
    footer: &'a [u8],
}

fn walk(file: &[u8]) -> Result<Parts<'_>, String> {
    let mut parts = Parts { grains: BTreeMap::new(), tables: Vec::new(), directory: 0, footer: &file[..0] };
    let mut at = 128;
    loop {
        let marker = file.get(at * SECTOR..(at + 1) * SECTOR).ok_or("the disk: it has no end")?;
        let (value, size, kind) = (u64_at(marker, 0), u32_at(marker, 8), u32_at(marker, 12));
        if size > 0 {
            let start = at * SECTOR + 12;
            let data = file.get(start..start + size).ok_or("the disk: a grain is cut")?;
            let mut plain = Vec::new();
            let mut inflate = flate2::read::ZlibDecoder::new(data);
            std::io::Read::read_to_end(&mut inflate, &mut plain).map_err(|error| format!("the disk: {error}"))?;
            if plain.len() != GRAIN || plain.iter().all(|byte| *byte == 0) {
                return Err("the disk: a grain of another size, or of zeros".to_owned());
            }
            parts.grains.insert(at, (value, plain));
            at += (size + 12).div_ceil(SECTOR);
            continue;
        }
        match kind {
            0 if (at + 1) * SECTOR == file.len() => return Ok(parts),
            1 => parts.tables.push(at + 1),
            2 => parts.directory = at + 1,
            3 => parts.footer = &file[(at + 1) * SECTOR..(at + 2) * SECTOR],
            _ => return Err("the disk: a marker that is none, or something behind the end".to_owned()),
        }
        at += 1 + value as usize;
    }
}
