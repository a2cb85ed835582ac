//! Small disks for the lab: made up, but with the mix of a real one (text, noise, empty space).

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes of a block that a change touches.
const BLOCK: u64 = 4096;

/// A small reproducible generator (xorshift64*); nothing secret is made with it.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

/// Writes a disk of `mebibytes` at `path`: in each four mebibytes one of noise, one of text, two empty.
pub(super) fn create(path: &Path, mebibytes: u64, seed: u64) -> io::Result<()> {
    let mut noise = Noise(seed | 1);
    let mut file = BufWriter::new(File::create_new(path)?);
    for mebibyte in 0..mebibytes {
        match mebibyte % 4 {
            0 => (0..(1 << 20) / 8).try_for_each(|_| file.write_all(&noise.next().to_le_bytes()))?,
            1 => write_text(&mut file, &mut noise)?,
            _ => file.seek(SeekFrom::Current(1 << 20)).map(drop)?,
        }
    }
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.set_len(mebibytes << 20)?;
    // A boot sector's signature, so that the disk looks like one.
    file.seek(SeekFrom::Start(510))?;
    file.write_all(&[0x55, 0xAA])?;
    file.sync_all()
}

/// One mebibyte of text: registry lines with numbers, as compressible as an office's files.
fn write_text(file: &mut impl Write, noise: &mut Noise) -> io::Result<()> {
    let mut left = 1 << 20;
    while left > 0 {
        let number = noise.next() % 1_000_000;
        let line = format!("protocollo {number:06} ufficio anagrafe, pratica conforme, {:04}\n", number % 7919);
        let take = line.len().min(left);
        file.write_all(&line.as_bytes()[..take])?;
        left -= take;
    }
    Ok(())
}

/// Overwrites `blocks` blocks here and there, as a day of work would.
pub(super) fn change(path: &Path, blocks: u64, seed: u64) -> io::Result<()> {
    let mut noise = Noise(seed | 1);
    let mut file = File::options().write(true).open(path)?;
    let all = file.metadata()?.len() / BLOCK;
    for _ in 0..blocks {
        file.seek(SeekFrom::Start(noise.next() % all.max(1) * BLOCK))?;
        for _ in 0..BLOCK / 8 {
            file.write_all(&noise.next().to_le_bytes())?;
        }
    }
    file.sync_all()
}

/// Whether two files hold the same bytes.
pub(super) fn equal(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (BufReader::new(File::open(one)?), BufReader::new(File::open(other)?));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let length = left.len().min(right.len());
        if left[..length] != right[..length] {
            return Ok(false);
        }
        if length == 0 {
            return Ok(left.len() == right.len());
        }
        one.consume(length);
        other.consume(length);
    }
}
