//! What a crash of the machine leaves of writes that were not made durable: any of their sectors, or
//! none.
//!
//! A killed process loses nothing that it wrote, so that a kill alone proves little. This program has
//! its own `pwrite64` and `fdatasync` in place of the C library's: they note what a write replaces,
//! and when it became durable. After a kill, what was not durable is put back, sector by sector, by
//! chance. Holes that were punched (by a system call of their own) stay: a crash may keep them too.

use super::bench::Random;
use rustix::fd::BorrowedFd;
use std::ffi::{c_int, c_void};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

const SECTOR: usize = 512;

/// Where writes are noted; none where nothing is.
static NOTES: Mutex<Option<std::fs::File>> = Mutex::new(None);

/// From now on writes are noted in a file.
pub fn note_writes(path: &Path) {
    *NOTES.lock().unwrap() = Some(std::fs::File::create(path).unwrap());
}

/// The file behind a descriptor, if its writes are noted: image and leaf file, whose order matters.
fn noted(fd: BorrowedFd<'_>) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    let path = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    path.extension().is_some_and(|end| end == "img" || end == "leaves").then_some(path)
}

fn line(kind: &str, path: &Path, offset: u64, replaced: &[u8]) -> Vec<u8> {
    let head = format!("{kind} {} {offset} {}\n", path.display(), replaced.len());
    [head.as_bytes(), replaced].concat()
}

fn note(fd: BorrowedFd<'_>, kind: &str, offset: u64, count: usize) {
    let mut notes = NOTES.lock().unwrap();
    let (Some(notes), Some(path)) = (notes.as_mut(), noted(fd)) else { return };
    let mut replaced = vec![0; count];
    let read = rustix::io::pread(fd, &mut replaced, offset).unwrap_or(0);
    replaced.truncate(read);
    notes.write_all(&line(kind, &path, offset, &replaced)).unwrap();
}

fn answer<T>(result: rustix::io::Result<T>, value: impl FnOnce(T) -> isize) -> isize {
    unsafe extern "C" {
        fn __errno_location() -> *mut c_int;
    }
    match result {
        Ok(found) => value(found),
        Err(error) => {
            // SAFETY: the C library gives the address of this thread's errno.
            unsafe { *__errno_location() = error.raw_os_error() };
            -1
        }
    }
}

/// # Safety
/// As the C library's: an open descriptor, and memory of so many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, memory: *const c_void, count: usize, offset: i64) -> isize {
    // SAFETY: the caller keeps to the contract above.
    let (fd, bytes) = unsafe { (BorrowedFd::borrow_raw(fd), std::slice::from_raw_parts(memory.cast::<u8>(), count)) };
    note(fd, "write", offset as u64, count);
    answer(rustix::io::pwrite(fd, bytes, offset as u64), |written| written as isize)
}

/// # Safety
/// As the C library's: an open descriptor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    // SAFETY: the caller keeps to the contract above.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let synced = rustix::fs::fdatasync(fd);
    if synced.is_ok() {
        note(fd, "durable", 0, 0);
    }
    answer(synced, |()| 0) as c_int
}

/// A write that was not durable when the process was killed.
struct Volatile {
    path: PathBuf,
    offset: u64,
    replaced: Vec<u8>,
}

fn volatile(notes: &[u8]) -> Vec<Volatile> {
    let mut found: Vec<Volatile> = Vec::new();
    let mut rest = notes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = String::from_utf8(rest[..end].to_vec()).unwrap();
        let mut words = head.split(' ');
        let mut word = || words.next().unwrap().to_owned();
        let (kind, path, offset, length) =
            (word(), PathBuf::from(word()), word().parse().unwrap(), word().parse::<usize>().unwrap());
        let Some(replaced) = rest.get(end + 1..end + 1 + length) else { break };
        rest = &rest[end + 1 + length..];
        match kind.as_str() {
            "durable" => found.retain(|write| write.path != path),
            _ => found.push(Volatile { path, offset, replaced: replaced.to_vec() }),
        }
    }
    found
}

/// Puts back some sectors of what was not durable; says how many there were.
pub fn crash(notes: &Path, random: &mut Random) -> usize {
    let writes = volatile(&std::fs::read(notes).unwrap());
    // Of some crashes everything is lost, of some little.
    let lost = [1, 5, 9, 10][random.below(4) as usize];
    let mut sectors = 0;
    for write in writes.iter().rev() {
        let file = std::fs::File::options().write(true).open(&write.path).unwrap();
        for (at, sector) in write.replaced.chunks(SECTOR).enumerate() {
            sectors += 1;
            if random.below(10) < lost {
                file.write_all_at(sector, write.offset + (at * SECTOR) as u64).unwrap();
            }
        }
    }
    sectors
}
