//! The agent: reads disks where they are and answers the receiver's commands.
//!
//! Runs on the source as a small static program: std, blake3, zstd and rustix only. It opens disks
//! for reading only, resolves no names, keeps nothing between passes, and ends when its input ends.
//! Three threads: one takes commands off the input, one reads and hashes, one packs and writes.

mod sender;
mod source;

use super::chunk::{CHUNK, CHUNK_BYTES, FORMAT, Hash, Range, is_zero, leaf};
use super::tree::{Shape, Tree, zero_leaf};
use super::wire::{self, CHECKSUM, Command, FRAME_CHUNKS, FaultKind, HEADER, MAX_COMMAND, NODES, Reply, checked_body};
use sender::{FrameBuilder, Gone, Outgoing, Pulse};
use source::{AlignedBuffer, Fault, Source};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How the name of a pushed agent's file begins; the agent removes no other file.
pub const FILE_PREFIX: &str = ".traghetto-agent-";

/// Highest zstd level: above it a frame's compressor needs more memory than the agent may use.
pub const MAX_LEVEL: u8 = 12;

/// Commands that may wait; the receiver keeps fewer outstanding.
const QUEUE: usize = 16;

/// The whole program: serves stdin and stdout. With `--remove PATH` it first removes that file, which
/// must be its own executable under the name it was pushed with.
///
/// # Errors
/// Whatever ended it other than the end of its input.
pub fn main(args: impl IntoIterator<Item = std::ffi::OsString>) -> io::Result<()> {
    let args: Vec<_> = args.into_iter().skip(1).collect();
    match args.as_slice() {
        [] => {}
        [flag, path] if flag == "--remove" => remove_own_file(Path::new(path))?,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "usage: traghetto-agent [--remove PATH]")),
    }
    serve(io::stdin(), io::stdout())
}

fn remove_own_file(path: &Path) -> io::Result<()> {
    let named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FILE_PREFIX));
    let (own, given) = (std::fs::metadata("/proc/self/exe")?, std::fs::symlink_metadata(path)?);
    if named && (own.dev(), own.ino()) == (given.dev(), given.ino()) {
        return std::fs::remove_file(path);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file to remove is not this agent's own"))
}

/// Answers the commands on `input` until it ends.
///
/// # Errors
/// An output that fails, or input that is no command.
pub fn serve(input: impl Read + Send + 'static, mut output: impl Write + Send + 'static) -> io::Result<()> {
    let (commands, waiting) = sync_channel(QUEUE);
    let gone = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&gone);
    // Not joined: it may wait for input that never comes when the session has ended otherwise.
    std::thread::spawn(move || take_commands(input, &commands, &ended));

    let pulse = Arc::new(Pulse::default());
    let (outgoing, queue) = sender::queue();
    let writer_pulse = Arc::clone(&pulse);
    let writer = std::thread::spawn(move || sender::run(&queue, &mut output, &writer_pulse));

    let mut session = Session { outgoing, pulse, gone, disk: None };
    let ended = session.run(&waiting);
    drop(session);
    let written = writer.join().map_err(|_| io::Error::other("the writing thread failed"))?;
    ended.and(written)
}

/// Hands on commands until the input ends or makes no sense.
fn take_commands(mut input: impl Read, commands: &SyncSender<io::Result<Command>>, gone: &AtomicBool) {
    loop {
        let command = read_command(&mut input);
        if command.is_err() {
            gone.store(true, Ordering::Relaxed);
        }
        let last = command.is_err();
        if commands.send(command).is_err() || last {
            return;
        }
    }
}

fn read_command(input: &mut impl Read) -> io::Result<Command> {
    let invalid = |error: wire::WireError| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut header = [0; HEADER];
    input.read_exact(&mut header)?;
    let (kind, length) = wire::parse_header(&header, MAX_COMMAND).map_err(invalid)?;
    let mut rest = vec![0; length + CHECKSUM];
    input.read_exact(&mut rest)?;
    let body = checked_body(&header, &rest).map_err(invalid)?;
    Command::decode(kind, body).map_err(invalid)
}

/// Why a command ends the session.
enum Stop {
    /// The disk cannot be read, or the command makes no sense; the receiver is told.
    Fault(Fault),
    /// Nobody is there any more.
    Gone,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Fault(fault)
    }
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Stop::Gone
    }
}

fn refuse(text: &str) -> Stop {
    Stop::Fault(Fault { kind: FaultKind::Command, offset: 0, text: text.to_owned() })
}

/// A disk in the middle of a pass.
struct Disk {
    source: Source,
    tree: Tree,
    /// Which groups were read in this pass.
    fresh: Vec<bool>,
    level: u8,
    bytes_read: u64,
    buffer: AlignedBuffer,
}

struct Session {
    outgoing: SyncSender<Outgoing>,
    pulse: Arc<Pulse>,
    gone: Arc<AtomicBool>,
    disk: Option<Disk>,
}

impl Session {
    fn run(&mut self, commands: &Receiver<io::Result<Command>>) -> io::Result<()> {
        while let Ok(command) = commands.recv() {
            let command = match command {
                Ok(command) => command,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            };
            self.pulse.busy.store(true, Ordering::Relaxed);
            let carried_out = self.carry_out(command);
            self.pulse.busy.store(false, Ordering::Relaxed);
            match carried_out {
                Ok(()) => {}
                Err(Stop::Gone) => return Ok(()),
                Err(Stop::Fault(Fault { kind, offset, text })) => {
                    let _ = self.reply(Reply::Fault { kind, offset, text });
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn reply(&self, reply: Reply) -> Result<(), Gone> {
        self.outgoing.send(Outgoing::Reply(reply)).map_err(|_| Gone)
    }

    fn carry_out(&mut self, command: Command) -> Result<(), Stop> {
        match command {
            Command::Hello { .. } => Ok(self.reply(Reply::Hello { format: FORMAT, program: own_hash() })?),
            Command::Open { path, level } => self.open(&path, level),
            Command::Read { ranges, have } => self.read(&ranges, &have),
            Command::Root => self.root(),
            Command::Nodes { level, indices } => self.nodes(level, &indices),
        }
    }

    fn open(&mut self, path: &[u8], level: u8) -> Result<(), Stop> {
        // The old disk first, so that two trees never exist at once.
        self.disk = None;
        let source = Source::open(path)?;
        let shape = Shape::of(source.length());
        let opened = Reply::Opened {
            length: source.length(),
            block_device: source.block_device(),
            identity: source.identity().to_owned(),
        };
        let groups = usize::try_from(shape.groups()).unwrap_or_default();
        self.pulse.chunks.store(0, Ordering::Relaxed);
        self.disk = Some(Disk {
            source,
            tree: Tree::unknown(shape),
            fresh: vec![false; groups],
            level: level.clamp(1, MAX_LEVEL),
            bytes_read: 0,
            buffer: AlignedBuffer::new(FRAME_CHUNKS * CHUNK),
        });
        Ok(self.reply(opened)?)
    }

    fn read(&mut self, ranges: &[Range], have: &[Hash]) -> Result<(), Stop> {
        let disk = self.disk.as_mut().ok_or_else(|| refuse("no disk is open"))?;
        let mut frame = FrameBuilder::new(&self.outgoing, disk.level);
        let mut have = have.iter();
        for range in ranges {
            disk.walk(*range, &self.pulse, &self.gone, |chunk, hash, content| {
                if have.next() == Some(&hash) {
                    return Ok(());
                }
                match content {
                    Some(content) => frame.data(chunk, hash, content),
                    None => frame.hole(chunk),
                }
            })?;
        }
        frame.flush()?;
        Ok(self.reply(Reply::Read)?)
    }

    fn root(&mut self) -> Result<(), Stop> {
        let disk = self.disk.as_mut().ok_or_else(|| refuse("no disk is open"))?;
        while let Some(range) = disk.next_stale() {
            disk.walk(range, &self.pulse, &self.gone, |_, _, _| Ok(()))?;
        }
        let (root, bytes_read) = (disk.tree.root(), disk.bytes_read);
        Ok(self.reply(Reply::Root { root, bytes_read })?)
    }

    fn nodes(&mut self, level: u8, indices: &[u32]) -> Result<(), Stop> {
        let disk = self.disk.as_mut().ok_or_else(|| refuse("no disk is open"))?;
        if indices.len() > NODES {
            return Err(refuse("too many nodes"));
        }
        let hashes: Option<Vec<Hash>> =
            indices.iter().map(|index| disk.tree.node(u32::from(level), u64::from(*index))).collect();
        let hashes = hashes.ok_or_else(|| refuse("a node outside the tree"))?;
        Ok(self.reply(Reply::Nodes(hashes))?)
    }
}

/// BLAKE3 of the running program's file, also after the file was removed.
fn own_hash() -> Hash {
    std::fs::read("/proc/self/exe").map_or(Hash::UNKNOWN, |bytes| Hash(*blake3::hash(&bytes).as_bytes()))
}

impl Disk {
    /// The next run of groups not yet read in this pass, at most about a gigabyte.
    fn next_stale(&self) -> Option<Range> {
        let first = self.fresh.iter().position(|fresh| !fresh)?;
        let groups = self.fresh[first..].iter().take_while(|fresh| !**fresh).count();
        let shape = self.tree.shape();
        let most = (16384 / shape.group_chunks()).max(1);
        let first = first as u64 * shape.group_chunks();
        let end = (first + most.min(groups as u64) * shape.group_chunks()).min(shape.chunks());
        Some(Range { first, count: u32::try_from(end - first).unwrap_or(u32::MAX) })
    }

    /// Whether a range is whole groups inside the disk: only those can be entered into the tree.
    fn is_whole(&self, range: Range) -> bool {
        let (shape, end) = (self.tree.shape(), range.end());
        let aligned = |chunk: u64| chunk.is_multiple_of(shape.group_chunks());
        aligned(range.first) && end <= shape.chunks() && (aligned(end) || end == shape.chunks())
    }

    /// Reads and hashes `range`, enters it into the tree, and shows every chunk (number, leaf, content
    /// unless it is zero) to `each`.
    fn walk(
        &mut self,
        range: Range,
        pulse: &Pulse,
        gone: &AtomicBool,
        mut each: impl FnMut(u64, Hash, Option<&[u8]>) -> Result<(), Gone>,
    ) -> Result<(), Stop> {
        if !self.is_whole(range) {
            return Err(refuse("a range that is not of whole groups of the disk"));
        }
        let shape = self.tree.shape();
        let mut leaves = Vec::new();
        let mut reader = Reader { source: &self.source, next_data: 0, bytes_read: &mut self.bytes_read };
        for first in (range.first..range.end()).step_by(FRAME_CHUNKS) {
            if gone.load(Ordering::Relaxed) {
                return Err(Stop::Gone);
            }
            let count = (range.end() - first).min(FRAME_CHUNKS as u64);
            let mut content = reader.read(first, count, &mut self.buffer)?.map(|bytes| bytes.chunks(CHUNK));
            for chunk in first..first + count {
                let content = content.as_mut().and_then(Iterator::next).filter(|content| !is_zero(content));
                let hash = content.map_or_else(zero_leaf, leaf);
                each(chunk, hash, content)?;
                leaves.push(hash);
                if (chunk + 1).is_multiple_of(shape.group_chunks()) || chunk + 1 == shape.chunks() {
                    let group = chunk / shape.group_chunks();
                    self.tree.set(group, shape.group_hash(&leaves));
                    mark(&mut self.fresh, group);
                    leaves.clear();
                }
            }
            pulse.chunks.fetch_add(count, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn mark(fresh: &mut [bool], group: u64) {
    if let Some(fresh) = usize::try_from(group).ok().and_then(|group| fresh.get_mut(group)) {
        *fresh = true;
    }
}

/// Reads pieces in order and passes over holes.
struct Reader<'a> {
    source: &'a Source,
    /// Up to here the file is known to hold no data.
    next_data: u64,
    bytes_read: &'a mut u64,
}

impl Reader<'_> {
    /// The content of `count` chunks, or none if they lie in a hole.
    fn read<'b>(&mut self, first: u64, count: u64, buffer: &'b mut AlignedBuffer) -> Result<Option<&'b [u8]>, Fault> {
        let (offset, end) = (first * CHUNK_BYTES, (first + count) * CHUNK_BYTES);
        if self.next_data < end {
            self.next_data = self.source.next_data(offset.max(self.next_data));
        }
        if self.next_data >= end.min(self.source.length()) {
            return Ok(None);
        }
        let content = buffer.first(usize::try_from(end - offset).unwrap_or(usize::MAX));
        self.source.read(content, offset)?;
        *self.bytes_read += (end - offset).min(self.source.length() - offset);
        Ok(Some(content))
    }
}
