//! What goes wrong between source and replica: kills, cuts, flipped bits, full disks, failing sources,
//! and agents that lie. Nothing acknowledged is lost, nothing wrong is kept unnoticed.

use crate::support::replica::{Lab, agent, block_on, loop_device, options, random_bytes, run};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use traghetto::replica::chunk::{Hash, MAX_DISK, Range, leaf};
use traghetto::replica::tree::{Shape, Tree};
use traghetto::replica::wire::{self, Chunks, Command, Packing, Reply, Run, RunKind};
use traghetto::replica::{self, AgentError, AgentLink, CHUNK, MapRecord, ReplicaError, SourceFault};
use traghetto::world::Pipe;

const CHUNKS: u64 = 800;

/// A local agent whose process can be killed and whose streams can be wrapped.
fn agent_pipe() -> (Pipe, u32) {
    use std::process::Stdio;
    let mut child = tokio::process::Command::new(agent())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = child.id().unwrap();
    let pipe = Pipe {
        input: Box::new(child.stdin.take().unwrap()),
        output: Box::new(child.stdout.take().unwrap()),
        errors: Box::new(child.stderr.take().unwrap()),
        exit: Box::pin(async move { Ok(child.wait().await.unwrap().code().unwrap_or(255) as u32) }),
    };
    (pipe, pid)
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// Numbers that are the same in every run.
fn numbers(seed: u64, below: u64) -> impl FnMut() -> u64 {
    let mut random = random_bytes(seed);
    move || random.by_ref().take(8).fold(0u64, |sum, byte| sum << 8 | u64::from(byte)) % below
}

/// Everything acknowledged is true, and a pass that follows sends none of it again.
#[track_caller]
fn assert_resumes(lab: &Lab) {
    let done = lab.replica.status().unwrap().map_or(0, |status| status.chunks_done);
    if done > 0 {
        let found = block_on(replica::verify(&lab.replica, &mut |_| {})).unwrap();
        assert_eq!(found.damaged, [], "a leaf claims what the image does not hold");
    }
    let report = lab.pass().unwrap();
    let received = report.chunks_sent + report.zero_chunks;
    assert!(received <= CHUNKS + 1 - done, "{received} received although {done} were acknowledged");
    lab.assert_equal();
}

fn forget(lab: &Lab) {
    let _ = std::fs::remove_dir_all(lab.replica.dir());
}

#[test]
fn an_agent_killed_at_any_moment_costs_nothing_acknowledged() {
    let lab = Lab::with_disk(CHUNKS as usize, 11);
    let mut moment = numbers(1, 250);
    let mut cut_short = 0;
    for _ in 0..8 {
        forget(&lab);
        let after = Duration::from_millis(moment());
        let cut = block_on(async {
            let (pipe, pid) = agent_pipe();
            let mut link = AgentLink::greet(pipe, None, 0).await.unwrap();
            let killer = tokio::spawn(async move {
                tokio::time::sleep(after).await;
                kill(pid);
            });
            let cut = lab.pass_over(&mut link).await;
            killer.abort();
            cut
        });
        if let Err(error) = cut {
            cut_short += 1;
            assert!(matches!(error, ReplicaError::Agent { source: AgentError::Gone { .. }, .. }), "{error:?}");
        }
        assert_resumes(&lab);
    }
    assert!(cut_short > 0, "no kill came in time");
}

#[test]
fn a_pass_dropped_at_any_moment_leaves_a_consistent_replica() {
    let lab = Lab::with_disk(CHUNKS as usize, 11);
    let mut moment = numbers(2, 250);
    for round in 0..8 {
        forget(&lab);
        block_on(async {
            let mut link = AgentLink::local(&agent()).await.unwrap();
            let dropped = tokio::time::timeout(Duration::from_millis(moment()), lab.pass_over(&mut link)).await;
            if dropped.is_err() {
                let again = lab.pass_over(&mut link).await.unwrap_err();
                let abandoned = matches!(again, ReplicaError::Agent { source: AgentError::Abandoned, .. });
                assert!(abandoned, "round {round}: {again:?}");
            }
        });
        assert_resumes(&lab);
    }
}

/// Not a test by itself: the process that the next test kills.
#[test]
fn child_that_runs_a_pass() {
    let Some(folder) = std::env::var_os("TRAGHETTO_TEST_PASS") else { return };
    let folder = std::path::PathBuf::from(folder);
    let replica = replica::DiskReplica::new(&folder.join("replica"), &"disk0".parse().unwrap());
    block_on(async {
        let mut link = AgentLink::local(&agent()).await.unwrap();
        replica::pass(&mut link, &replica, &folder.join("source.img"), &options(), &mut |_| {}).await.unwrap();
    });
}

#[test]
fn a_runner_killed_at_any_moment_goes_on_where_it_was() {
    let lab = Lab::with_disk(CHUNKS as usize, 11);
    let mut moment = numbers(3, 400);
    for _ in 0..8 {
        forget(&lab);
        // Twice in a row: the second finds what the first left.
        for _ in 0..2 {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["replica_faults::child_that_runs_a_pass", "--exact", "--quiet"])
                .env("TRAGHETTO_TEST_PASS", lab.path())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(moment()));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_resumes(&lab);
    }
}

/// Flips one bit of a stream.
struct Flipping<S> {
    inner: S,
    at: u64,
    passed: u64,
}

impl<S> Flipping<S> {
    fn flip(&mut self, bytes: &mut [u8]) {
        let place = self.at.wrapping_sub(self.passed);
        if let Some(byte) = usize::try_from(place).ok().and_then(|place| bytes.get_mut(place)) {
            *byte ^= 1 << (self.at % 8);
        }
        self.passed += bytes.len() as u64;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Flipping<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.flip(&mut buf.filled_mut()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Flipping<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let mut flipped = bytes.to_vec();
        let (at, passed) = (self.at, self.passed);
        self.flip(&mut flipped);
        let polled = Pin::new(&mut self.inner).poll_write(cx, &flipped);
        (self.at, self.passed) = (at, passed + if let Poll::Ready(Ok(written)) = polled { written as u64 } else { 0 });
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[test]
fn a_bit_flipped_on_the_wire_ends_the_pass() {
    let lab = Lab::with_disk(40, 5);
    let clean = lab.pass().unwrap().bytes_payload;
    let mut place = numbers(4, clean - 800);
    for _ in 0..25 {
        forget(&lab);
        let (at, up) = (place(), place().is_multiple_of(4));
        let error = block_on(async {
            let (mut pipe, _) = agent_pipe();
            if up {
                // Commands are short: greeting and opening at least are hit.
                pipe.input = Box::new(Flipping { inner: pipe.input, at: at % 60, passed: 0 });
            } else {
                pipe.output = Box::new(Flipping { inner: pipe.output, at, passed: 0 });
            }
            match AgentLink::greet(pipe, None, 0).await {
                Ok(mut link) => lab.pass_over(&mut link).await.err(),
                Err(source) => Some(ReplicaError::Agent { disk: lab.replica.disk().clone(), source }),
            }
        });
        let error = error.unwrap_or_else(|| panic!("bit {at} ({}) went unnoticed", if up { "up" } else { "down" }));
        assert!(matches!(error, ReplicaError::Agent { .. }), "{error:?}");
        lab.pass().unwrap();
        lab.assert_equal();
    }
}

/// A tmpfs of a few MiB; needs root.
struct Tmpfs(std::path::PathBuf);

impl Drop for Tmpfs {
    fn drop(&mut self) {
        run(&["umount", self.0.to_str().unwrap()]);
    }
}

/// Needs root (a small tmpfs).
#[test]
fn a_full_disk_ends_the_pass_and_keeps_what_was_acknowledged() {
    let lab = Lab::with_disk(CHUNKS as usize, 11);
    std::fs::create_dir(lab.replica.dir()).unwrap();
    let folder = lab.replica.dir().to_str().unwrap().to_owned();
    run(&["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", &folder]);
    let mounted = Tmpfs(lab.replica.dir().to_owned());
    for _ in 0..2 {
        let error = lab.pass().unwrap_err();
        assert!(matches!(error, ReplicaError::Full { .. }), "{error:?}");
        // Once it is full, even the manifest of a new pass has no room.
        let told = error.to_string();
        let named = ["img", "json"].map(|file| format!("disk disk0: no space left for {folder}/disk0.{file}"));
        assert!(named.contains(&told), "{told}");
    }
    let kept = lab.replica.status().unwrap().unwrap();
    assert!(kept.chunks_done > 0 && kept.root.is_none(), "{kept:?}");
    run(&["mount", "-o", "remount,size=200m", &folder]);
    assert_resumes(&lab);
    drop(mounted);
}

fn fault_of(lab: &Lab, mut disturb: impl FnMut() + Send) -> SourceFault {
    let mut once = true;
    let ended = block_on(async {
        let mut link = AgentLink::local(&agent()).await.unwrap();
        // The first progress comes when the disk is open and nothing was read.
        let mut observe = |_| {
            if std::mem::take(&mut once) {
                disturb();
            }
        };
        replica::pass(&mut link, &lab.replica, &lab.source, &options(), &mut observe).await
    });
    match ended {
        Err(ReplicaError::Source { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_source_that_shrinks_is_named_with_its_new_end() {
    let lab = Lab::with_disk(400, 0);
    let end = 100 * CHUNK as u64 + 512;
    let shrink = || std::fs::OpenOptions::new().write(true).open(&lab.source).unwrap().set_len(end).unwrap();
    assert_eq!(fault_of(&lab, shrink), SourceFault::Shrunk { offset: end });
    // The next pass sees another length, and says so.
    assert!(matches!(lab.pass(), Err(ReplicaError::LengthChanged { recorded, found, .. })
        if (recorded, found) == (400 * CHUNK as u64, end)));
}

/// Needs root (a loop device whose file is cut).
#[test]
fn a_read_error_is_named_with_its_offset() {
    let mut lab = Lab::with_disk(400, 0);
    let (file, end) = (lab.source.clone(), 100 * CHUNK as u64 + 8192);
    lab.source = loop_device(&file);
    let shrink = || std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(end).unwrap();
    let fault = fault_of(&lab, shrink);
    run(&["losetup", "-d", lab.source.to_str().unwrap()]);
    assert_eq!(fault, SourceFault::Read { offset: end, text: "Input/output error (os error 5)".to_owned() });
    let kept = lab.replica.status().unwrap().unwrap();
    assert!(kept.chunks_done <= 100, "{kept:?}");
}

/// An agent of the test's own making: answers each command with replies.
fn impostor(mut answer: impl FnMut(Command) -> Vec<Reply> + Send + 'static) -> Pipe {
    let (input, mut commands) = tokio::io::duplex(1 << 20);
    let (mut replies, output) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let mut header = [0; wire::HEADER];
        while commands.read_exact(&mut header).await.is_ok() {
            let (kind, length) = wire::parse_header(&header, wire::MAX_COMMAND).unwrap();
            let mut rest = vec![0; length + wire::CHECKSUM];
            commands.read_exact(&mut rest).await.unwrap();
            let command = Command::decode(kind, wire::checked_body(&header, &rest).unwrap()).unwrap();
            for reply in answer(command) {
                replies.write_all(&reply.encode()).await.unwrap();
            }
        }
    });
    Pipe {
        input: Box::new(input),
        output: Box::new(output),
        errors: Box::new(tokio::io::empty()),
        exit: Box::pin(async { Ok(0) }),
    }
}

/// Three chunks, of which the second is zero.
const LENGTH: u64 = 3 * CHUNK as u64;

/// Lies about one thing and is honest in the rest.
fn liar(lie: impl Fn(&mut Reply) + Send + 'static) -> Pipe {
    let content = [vec![1; CHUNK], vec![2; CHUNK]].concat();
    let leaves = vec![leaf(&content[..CHUNK]), leaf(&content[CHUNK..])];
    let mut tree = Tree::unknown(Shape::of(LENGTH));
    tree.enter(0, &[leaves[0], leaf(b""), leaves[1]]);
    let run = |first, kind| Run { range: Range { first, count: 1 }, kind };
    let runs = vec![run(0, RunKind::Data), run(1, RunKind::Hole), run(2, RunKind::Data)];
    let chunks = Reply::Chunks(Chunks { runs, leaves, content, ..Chunks::empty() });
    impostor(move |command| {
        let mut replies = match command {
            Command::Hello { format } => vec![Reply::Hello { format, program: Hash::UNKNOWN }],
            Command::Open { .. } => {
                let listing = MapRecord::whole(LENGTH).listing;
                let (block_device, identity) = (false, String::new());
                vec![Reply::Opened { length: LENGTH, block_device, listing, copied: LENGTH, identity }]
            }
            Command::Read { .. } => vec![chunks.clone(), Reply::Read],
            Command::Root => vec![Reply::Root { root: tree.root(), bytes_read: LENGTH }],
            Command::Nodes { level, indices } => vec![Reply::Nodes(
                indices.iter().map(|index| tree.node(level.into(), u64::from(*index)).unwrap().short()).collect(),
            )],
            _ => Vec::new(),
        };
        replies.iter_mut().for_each(&lie);
        replies
    })
}

fn pass_with(pipe: impl FnOnce() -> Pipe, lab: &Lab) -> Result<replica::PassReport, ReplicaError> {
    block_on(async {
        let mut link = AgentLink::greet(pipe(), None, 0)
            .await
            .map_err(|source| ReplicaError::Agent { disk: lab.replica.disk().clone(), source })?;
        lab.pass_over(&mut link).await
    })
}

/// The error as the operator reads it.
fn told(error: &ReplicaError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[test]
fn an_agent_that_lies_is_found_out() {
    let lab = Lab::new();
    let honest = pass_with(|| liar(|_| {}), &lab).unwrap();
    assert_eq!((honest.chunks_sent, honest.zero_chunks), (2, 1));
    let found_out = |lie: fn(&mut Reply)| {
        forget(&lab);
        let error = pass_with(|| liar(lie), &lab).unwrap_err();
        let length = std::fs::metadata(lab.replica.image()).map_or(0, |data| data.len());
        assert!(length <= LENGTH, "nothing is written outside the disk");
        told(&error)
    };
    let cut_short = "disk disk0: the pass was cut short: the agent broke the protocol: ";
    assert_eq!(
        found_out(|reply| if let Reply::Chunks(chunks) = reply {
            chunks.content[5] ^= 1
        }),
        "disk disk0: chunk 0 arrived with a hash that is not its own"
    );
    assert_eq!(
        found_out(|reply| if let Reply::Chunks(chunks) = reply {
            chunks.leaves.swap(0, 1)
        }),
        "disk disk0: chunk 0 arrived with a hash that is not its own"
    );
    assert_eq!(
        found_out(|reply| if let Reply::Chunks(chunks) = reply {
            chunks.runs[2].range.first = 3
        }),
        format!("{cut_short}something else came instead of the chunks asked for")
    );
    assert_eq!(
        found_out(|reply| if let Reply::Chunks(chunks) = reply {
            chunks.runs[1].range.first = u64::MAX
        }),
        format!("{cut_short}something else came instead of the chunks asked for")
    );
    assert_eq!(
        found_out(|reply| if let Reply::Chunks(chunks) = reply {
            chunks.runs[1].range.count = u32::MAX
        }),
        format!("{cut_short}a frame is longer than allowed")
    );
    assert_eq!(
        found_out(|reply| if let Reply::Chunks(chunks) = reply {
            chunks.content.truncate(CHUNK)
        }),
        format!("{cut_short}a frame's content makes no sense")
    );
    assert_eq!(
        found_out(|reply| {
            if let Reply::Chunks(chunks) = reply {
                chunks.packing = Packing::Zstd;
                // 16 MiB of zeros in a few hundred bytes.
                chunks.content = zstd::bulk::compress(&vec![0; 1 << 24], 3).unwrap();
            }
        }),
        format!("{cut_short}a frame's content cannot be unpacked")
    );
    assert_eq!(
        found_out(|reply| if let Reply::Hello { format, .. } = reply {
            *format += 1
        }),
        format!("{cut_short}it speaks version 3, we speak 2")
    );
    for length in [0, MAX_DISK + 1, u64::MAX] {
        forget(&lab);
        let pipe = move || {
            liar(move |reply| {
                if let Reply::Opened { length: claimed, .. } = reply {
                    *claimed = length;
                }
            })
        };
        let error = pass_with(pipe, &lab).unwrap_err();
        assert_eq!(told(&error), format!("{cut_short}something else came instead of an open disk"));
    }
}

#[test]
fn chunks_that_nobody_asked_for_are_refused() {
    let lab = Lab::new();
    pass_with(|| liar(|_| {}), &lab).unwrap();
    // Only the first chunk is unknown now; the agent sends all three again.
    let leaves = std::fs::OpenOptions::new().write(true).open(lab.replica.leaves()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&leaves, &[0; Hash::LEN], 0).unwrap();
    let error = pass_with(|| liar(|_| {}), &lab).unwrap_err();
    assert!(told(&error).ends_with("something else came instead of the chunks asked for"), "{}", told(&error));
}

#[test]
fn an_image_is_not_for_every_account() {
    use std::os::unix::fs::PermissionsExt;
    let lab = Lab::new();
    pass_with(|| liar(|_| {}), &lab).unwrap();
    let clone = lab.path().join("clone.img");
    block_on(replica::clone(&lab.replica, &clone)).unwrap();
    for file in [lab.replica.image(), clone] {
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o007, 0, "{}", file.display());
    }
}

#[test]
fn roots_that_stay_different_are_an_error_and_nothing_is_claimed() {
    let lab = Lab::new();
    let lying = || {
        liar(|reply| match reply {
            Reply::Root { root, .. } => root.0[0] ^= 1,
            Reply::Nodes(nodes) => nodes.iter_mut().for_each(|node| node.0[0] ^= 1),
            _ => {}
        })
    };
    let error = pass_with(lying, &lab).unwrap_err();
    assert!(matches!(error, ReplicaError::RootMismatch { .. }), "{error:?}");
    let status = lab.replica.status().unwrap().unwrap();
    assert_eq!((status.root, status.chunks_done), (None, 0), "what is in doubt is fetched again");
    // Over a good replica, too.
    forget(&lab);
    pass_with(|| liar(|_| {}), &lab).unwrap();
    assert!(lab.replica.status().unwrap().unwrap().root.is_some());
    pass_with(lying, &lab).unwrap_err();
    assert_eq!(lab.replica.status().unwrap().unwrap().root, None);
}

#[test]
fn an_agent_that_ends_or_talks_nonsense_is_reported() {
    let lab = Lab::new();
    let nonsense = || Pipe {
        input: Box::new(tokio::io::sink()),
        output: Box::new(std::io::Cursor::new(b"Welcome to srv1! Last login: yesterday\n".to_vec())),
        errors: Box::new(tokio::io::empty()),
        exit: Box::pin(async { Ok(0) }),
    };
    let error = pass_with(nonsense, &lab).unwrap_err();
    assert_eq!(
        told(&error),
        "disk disk0: the pass was cut short: the agent broke the protocol: a frame's header is corrupt"
    );
    let ended = || Pipe {
        input: Box::new(tokio::io::sink()),
        output: Box::new(tokio::io::empty()),
        errors: Box::new(std::io::Cursor::new(b"\x1b[31mkilled:\n out of memory\x07".to_vec())),
        exit: Box::pin(async { Ok(137) }),
    };
    let error = pass_with(ended, &lab).unwrap_err();
    assert_eq!(
        told(&error),
        "disk disk0: the pass was cut short: the agent went away, saying: [31mkilled: out of memory"
    );
}
