//! The agent: reads disks where they are and answers the receiver's commands.
//!
//! Runs on the source as a small static program: std, blake3, zstd and rustix only. It opens disks
//! for reading only, resolves no names, keeps nothing between passes, and ends when its input ends.
//! Four threads: one takes commands off the input, one reads and hashes, one packs, one writes.

mod disk;
mod frame;
mod freeze;
mod kernel;
mod mountinfo;
mod pace;
mod packer;
mod sample;
mod sender;
mod source;
mod uses;
mod watchdog;

use super::chunk::{FORMAT, Hash, Range, Short};
use super::wire::{
    self, CHECKSUM, Command, FaultKind, HEADER, Have, LISTING_PIECE, Listing, MAX_COMMAND, MapWanted, NODES, Reply,
    checked_body,
};
use disk::Disk;
use frame::{FrameBuilder, LeavesBuilder};
use freeze::Freezer;
use sender::{Gone, Outgoing, Pulse};
use source::Fault;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

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
        [flag, rest @ ..] if flag == watchdog::FLAG => return watchdog::main(rest),
        [flag, path] if flag == "--remove" => remove_own_file(Path::new(path))?,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "usage: traghetto-agent [--remove PATH]")),
    }
    // Its buffer would cut a piece at the last line end that happens to be in it.
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    serve(io::stdin(), std::fs::File::from(output))
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
    let pulse = Arc::new(Pulse::default());
    let (commanded, freezer) = (Arc::clone(&pulse), Freezer::default());
    let holding = freezer.clone();
    // Not joined: it may wait for input that never comes when the session has ended otherwise.
    std::thread::spawn(move || take_commands(input, &commands, &ended, &commanded, &holding));

    let (outgoing, queue) = sender::queue();
    let writer_pulse = Arc::clone(&pulse);
    let writer = std::thread::spawn(move || sender::run(&queue, &mut output, &writer_pulse));

    let mut session = Session { outgoing, pulse, gone, freezer: freezer.clone(), disk: None };
    let ended = session.run(&waiting);
    // The writing thread may be blocked by an output that nobody reads.
    freezer.release();
    drop(session);
    let written = writer.join().map_err(|_| io::Error::other("the writing thread failed"))?;
    ended.and(written)
}

/// Hands on commands until the input ends or makes no sense. A rate counts at once, whatever else waits;
/// so does the end, for what is frozen.
fn take_commands(
    mut input: impl Read,
    commands: &SyncSender<io::Result<Command>>,
    gone: &AtomicBool,
    pulse: &Pulse,
    freezer: &Freezer,
) {
    loop {
        let command = read_command(&mut input);
        freezer.hold();
        // Neither waits for what is carried out meanwhile, nor takes room in the queue.
        match command {
            Ok(Command::Rate { bits_per_second }) => {
                pulse.pace.set(bits_per_second);
                continue;
            }
            Ok(Command::Hold) => continue,
            _ => {}
        }
        if command.is_err() {
            gone.store(true, Ordering::Relaxed);
            freezer.release();
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

struct Session {
    outgoing: SyncSender<Outgoing>,
    pulse: Arc<Pulse>,
    gone: Arc<AtomicBool>,
    freezer: Freezer,
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
            Command::Open { path, level, map } => self.open(&path, level, map),
            Command::Read { ranges, have } => self.read(&ranges, have),
            Command::Root => self.root(),
            Command::Nodes { level, indices } => self.nodes(level, &indices),
            Command::Listing => self.listing(),
            Command::Leaves { ranges } => self.leaves(&ranges),
            // Carried out as they were taken.
            Command::Rate { .. } | Command::Hold => Ok(()),
            Command::Uses { path } => {
                let uses = uses::of(&path).map(|uses| Reply::Uses(uses.told));
                Ok(self.reply(uses.unwrap_or_else(Reply::Obstacle))?)
            }
            Command::Freeze { path, seconds } => {
                let frozen = self.freezer.freeze(&path, Duration::from_secs(seconds.into()));
                Ok(self.reply(frozen.map_or_else(Reply::Obstacle, Reply::Frozen))?)
            }
            Command::Thaw => Ok(self.reply(Reply::Thawed { held: self.freezer.thaw() })?),
            Command::Sample { permille } => self.sample(permille),
        }
    }

    fn open(&mut self, path: &[u8], level: u8, map: MapWanted) -> Result<(), Stop> {
        // The old disk first, so that two trees never exist at once.
        self.disk = None;
        self.pulse.chunks.store(0, Ordering::Relaxed);
        let disk = Disk::open(path, level, map)?;
        let opened = Reply::Opened {
            length: disk.source().length(),
            block_device: disk.source().block_device(),
            listing: Listing::hash(&Listing::of(disk.map()).encode()),
            copied: disk.map().copied(),
            identity: disk.source().identity().to_owned(),
        };
        self.disk = Some(disk);
        Ok(self.reply(opened)?)
    }

    fn read(&mut self, ranges: &[Range], have: Vec<Have>) -> Result<(), Stop> {
        let disk = self.disk.as_mut().ok_or_else(no_disk)?;
        let mut frame = FrameBuilder::new(&self.outgoing, disk.level());
        let mut have = have.into_iter();
        for range in ranges {
            disk.walk(*range, &self.pulse, &self.gone, |chunk, leaf, content| {
                frame.offer(chunk, leaf, content, have.next().unwrap_or(Have::Nothing))
            })?;
        }
        frame.flush()?;
        Ok(self.reply(Reply::Read)?)
    }

    fn leaves(&mut self, ranges: &[Range]) -> Result<(), Stop> {
        let disk = self.disk.as_mut().ok_or_else(no_disk)?;
        let mut leaves = LeavesBuilder::new(&self.outgoing);
        for range in ranges {
            disk.walk(*range, &self.pulse, &self.gone, |chunk, leaf, content| {
                leaves.add(chunk, content.map(|_| leaf.short()))
            })?;
        }
        leaves.flush()?;
        Ok(self.reply(Reply::Read)?)
    }

    fn root(&mut self) -> Result<(), Stop> {
        let disk = self.disk.as_mut().ok_or_else(no_disk)?;
        let (root, bytes_read) = disk.root(&self.pulse, &self.gone)?;
        Ok(self.reply(Reply::Root { root, bytes_read })?)
    }

    fn nodes(&mut self, level: u8, indices: &[u32]) -> Result<(), Stop> {
        let disk = self.disk.as_mut().ok_or_else(no_disk)?;
        if indices.len() > NODES {
            return Err(refuse("too many nodes"));
        }
        let node = |index: &u32| disk.node(u32::from(level), u64::from(*index)).map(|node| node.short());
        let hashes: Option<Vec<Short>> = indices.iter().map(node).collect();
        let hashes = hashes.ok_or_else(|| refuse("a node outside the tree"))?;
        Ok(self.reply(Reply::Nodes(hashes))?)
    }

    fn listing(&mut self) -> Result<(), Stop> {
        let disk = self.disk.as_ref().ok_or_else(no_disk)?;
        let bytes = Listing::of(disk.map()).encode();
        let packed = zstd::bulk::compress(&bytes, 9).map_err(|error| refuse(&error.to_string()))?;
        let mut pieces = packed.chunks(LISTING_PIECE).peekable();
        while let Some(piece) = pieces.next() {
            self.reply(Reply::Listing { last: pieces.peek().is_none(), bytes: piece.to_vec() })?;
        }
        Ok(())
    }

    fn sample(&mut self, permille: u16) -> Result<(), Stop> {
        let disk = self.disk.as_mut().ok_or_else(no_disk)?;
        let sampled = sample::take(disk, permille, &self.pulse, &self.gone)?;
        Ok(self.reply(Reply::Sample(sampled))?)
    }
}

fn no_disk() -> Stop {
    refuse("no disk is open")
}

/// BLAKE3 of the running program's file, also after the file was removed.
fn own_hash() -> Hash {
    std::fs::read("/proc/self/exe").map_or(Hash::UNKNOWN, |bytes| Hash(*blake3::hash(&bytes).as_bytes()))
}
