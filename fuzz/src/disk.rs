//! A disk described by a short text of bytes, so that structures deep in a large disk are within a
//! mutator's reach: a length, and stretches of literal or repeated bytes; the rest is zeros.
//!
//! ```text
//! flags: u8, length: u48, then any number of
//! kind: u8 even, offset: u48, count: u16, that many bytes      (literal)
//! kind: u8 odd,  offset: u48, count: u32, value: u8            (repeated)
//! ```

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use traghetto::replica::map::{Activity, BLOCK, ReadAt};

/// Longest disk: 1 TiB. Longer ones only take longer.
pub const MAX_LENGTH: u64 = 1 << 40;

/// Most blocks with content: 32 MiB.
const MAX_BLOCKS: usize = 8192;

/// Flag: the disk is in use while it is mapped.
pub const LIVE: u8 = 1;

/// Flag: checksums are put right before the disk is read (`seal`), so that mutations get past them.
pub const SEALED: u8 = 2;

type Block = [u8; BLOCK as usize];

/// A sparse disk in memory that counts what is read of it.
pub struct Disk {
    pub length: u64,
    pub activity: Activity,
    pub sealed: bool,
    blocks: RefCell<HashMap<u64, Box<Block>>>,
    pub reads: Cell<u64>,
    pub bytes: Cell<u64>,
}

/// Takes values off the front of the input; what is missing is zeros.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes).iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

impl Disk {
    /// The disk that an input describes.
    pub fn of(input: &[u8]) -> Self {
        let mut script = Script(input);
        let flags = script.number(1) as u8;
        let disk = Self {
            length: script.number(6) % (MAX_LENGTH + 1),
            activity: if flags & LIVE != 0 { Activity::Live } else { Activity::Quiet },
            sealed: flags & SEALED != 0,
            blocks: RefCell::default(),
            reads: Cell::new(0),
            bytes: Cell::new(0),
        };
        while !script.0.is_empty() {
            let repeated = script.number(1) & 1 == 1;
            let offset = script.number(6);
            if repeated {
                let (count, value) = (script.number(4), script.number(1) as u8);
                disk.repeat(offset, count, value);
            } else {
                let count = script.number(2) as usize;
                disk.write(offset, script.take(count));
            }
        }
        disk
    }

    /// The input that describes a disk of `length` bytes with these pieces: the inverse of [`Disk::of`].
    pub fn describe(flags: u8, length: u64, pieces: &[(u64, Vec<u8>)]) -> Vec<u8> {
        let mut input = vec![flags];
        input.extend_from_slice(&length.to_le_bytes()[..6]);
        for (offset, bytes) in pieces {
            describe_piece(&mut input, *offset, bytes);
        }
        input
    }

    fn block(&self, number: u64, change: impl FnOnce(&mut Block)) {
        let mut blocks = self.blocks.borrow_mut();
        if blocks.len() < MAX_BLOCKS || blocks.contains_key(&number) {
            change(blocks.entry(number).or_insert_with(|| Box::new([0; BLOCK as usize])));
        }
    }

    /// Overwrites bytes; those beyond the end are dropped.
    pub fn write(&self, offset: u64, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len() as u64).min(self.length);
        self.fill(offset, end, |block, at| {
            let from = (at - offset) as usize;
            block.copy_from_slice(&bytes[from..from + block.len()]);
        });
    }

    fn repeat(&self, offset: u64, count: u64, value: u8) {
        let most = MAX_BLOCKS as u64 * BLOCK;
        let end = offset.saturating_add(count.min(most)).min(self.length);
        self.fill(offset, end, |block, _| block.fill(value));
    }

    /// Changes the bytes `offset..end`, block by block: `change` sees a part and its place.
    fn fill(&self, offset: u64, end: u64, change: impl Fn(&mut [u8], u64)) {
        let mut at = offset;
        while at < end {
            let next = ((at / BLOCK + 1) * BLOCK).min(end);
            let (from, to) = ((at % BLOCK) as usize, (at % BLOCK + next - at) as usize);
            self.block(at / BLOCK, |block| change(&mut block[from..to], at));
            at = next;
        }
    }

    /// Bytes at a place, without counting; zeros beyond the end.
    pub fn peek(&self, offset: u64, length: usize) -> Vec<u8> {
        let blocks = self.blocks.borrow();
        let mut bytes = vec![0; length];
        let mut done = 0;
        while done < length {
            let at = offset.saturating_add(done as u64);
            let within = (at % BLOCK) as usize;
            let count = (BLOCK as usize - within).min(length - done);
            if let Some(block) = blocks.get(&(at / BLOCK)) {
                bytes[done..done + count].copy_from_slice(&block[within..within + count]);
            }
            done += count;
        }
        bytes
    }
}

/// Appends a stretch: repeated bytes apart, and what is zero left out.
fn describe_piece(input: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    /// A repetition shorter than this is cheaper as it is.
    const WORTH: usize = 24;
    let literal = |input: &mut Vec<u8>, from: usize, to: usize| {
        for start in (from..to).step_by(u16::MAX as usize) {
            let part = &bytes[start..to.min(start + u16::MAX as usize)];
            input.push(0);
            input.extend_from_slice(&(offset + start as u64).to_le_bytes()[..6]);
            input.extend_from_slice(&(part.len() as u16).to_le_bytes());
            input.extend_from_slice(part);
        }
    };
    let (mut at, mut pending) = (0, 0);
    while at < bytes.len() {
        let same = bytes[at..].iter().take_while(|byte| **byte == bytes[at]).count();
        if same >= WORTH {
            literal(input, pending, at);
            if bytes[at] != 0 {
                input.push(1);
                input.extend_from_slice(&(offset + at as u64).to_le_bytes()[..6]);
                input.extend_from_slice(&(same as u32).to_le_bytes());
                input.push(bytes[at]);
            }
            pending = at + same;
        }
        at += same;
    }
    literal(input, pending, bytes.len());
}

impl ReadAt for Disk {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).expect("a read beyond every disk");
        assert!(offset.is_multiple_of(BLOCK) && end <= self.length, "read of {offset}..{end} of {}", self.length);
        assert!(end == self.length || end.is_multiple_of(BLOCK), "read of {offset}..{end}");
        assert!(buffer.len() as u64 <= (1 << 20) + 2 * BLOCK, "read of {} bytes", buffer.len());
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + buffer.len() as u64);
        buffer.copy_from_slice(&self.peek(offset, buffer.len()));
        Ok(())
    }
}
