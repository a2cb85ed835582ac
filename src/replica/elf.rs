//! Just enough of the ELF format to know whether a program runs on a foreign host. Pure.

/// What matters of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Program {
    /// The machine it is for, as `uname -m` names it.
    pub(super) machine: &'static str,
    /// Whether it needs a loader, and so the host's own libraries.
    pub(super) needs_loader: bool,
}

/// Reads the headers of a 64-bit little-endian program; the error says what it is not.
pub(super) fn inspect(file: &[u8]) -> Result<Program, &'static str> {
    const PT_INTERP: u32 = 3;
    let no_program = "it is not a 64-bit Linux program";
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return Err(no_program);
    }
    let machine = match u16_at(file, 18).ok_or(no_program)? {
        62 => "x86_64",
        183 => "aarch64",
        _ => return Err("it is for an unknown machine"),
    };
    let table = file.get(32..).and_then(|rest| rest.first_chunk()).map(|bytes| u64::from_le_bytes(*bytes));
    let table = table.and_then(|offset| usize::try_from(offset).ok()).ok_or(no_program)?;
    let (size, count) = (u16_at(file, 54).ok_or(no_program)?, u16_at(file, 56).ok_or(no_program)?);
    let headers = file.get(table..).ok_or(no_program)?.chunks(usize::from(size).max(1)).take(usize::from(count));
    let needs_loader =
        headers.filter_map(|header| header.first_chunk()).any(|kind| u32::from_le_bytes(*kind) == PT_INTERP);
    Ok(Program { machine, needs_loader })
}

fn u16_at(file: &[u8], offset: usize) -> Option<u16> {
    file.get(offset..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program whose headers are of the given types.
    fn program(kinds: &[u32]) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01".to_vec();
        file.resize(64, 0);
        file[18] = 62;
        file[32] = 64;
        file[54] = 56;
        file[56] = kinds.len() as u8;
        for kind in kinds {
            file.extend_from_slice(&kind.to_le_bytes());
            file.extend_from_slice(&[0; 52]);
        }
        file
    }

    #[test]
    fn a_loader_is_seen_wherever_it_stands() {
        let inspected = |kinds| inspect(&program(kinds)).map(|program| program.needs_loader);
        assert_eq!(inspected(&[1, 2, 6]), Ok(false));
        assert_eq!(inspected(&[6, 3, 1]), Ok(true));
        assert_eq!(inspected(&[1, 3]), Ok(true));
    }

    #[test]
    fn no_file_panics() {
        let whole = program(&[3, 1]);
        for length in 0..whole.len() {
            let _ = inspect(&whole[..length]);
        }
        assert!(inspect(b"#!/bin/sh\n").is_err());
        for (place, value) in (0..64).flat_map(|place| [(place, 0), (place, 0xff)]) {
            let mut file = whole.clone();
            file[place] = value;
            let _ = inspect(&file);
        }
    }
}
