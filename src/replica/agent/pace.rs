//! Pacing: the writing thread writes no faster than the receiver allows, counted on the interface.
//!
//! Token buckets of interface bits: every piece of a frame is charged with what it takes on an
//! Ethernet of MTU 1500, and waits until earlier pieces are paid. One bucket holds the rate and makes
//! up for delays (a busy processor, a slow disk); the other sees to it that this happens slowly. Pieces
//! are of a few segments, so that nothing is sent in bursts that would fill a router's queue.

use std::io::{self, Write};
use std::sync::mpsc::Receiver;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Payload of a full TCP segment at MTU 1500: 1500 less 20 of IPv4, 20 of TCP and 12 of its timestamps.
const SEGMENT: u64 = 1448;

/// What an interface counts around a segment: those 52, and 14 of Ethernet. So 10 Mbit/s carry
/// 10 x 1448 / 1514 = 9.565 Mbit/s of TCP payload.
const HEADERS: u64 = 66;

/// What SSH adds to a piece: 4 of length, 1 of padding length, 4 to 19 of padding, 16 of tag, and 9 of
/// its channel's message. Other ciphers differ by a few bytes, and sshd may join pieces: it errs on the
/// safe side, by less than 0.3 % of a piece of 8 segments.
const SSH: u64 = 48;

/// A piece takes about this long.
const TICK: Duration = Duration::from_millis(10);

/// Most segments of a piece: sshd reads that much at once.
const MOST_SEGMENTS: u64 = 16;

/// Of a delay so much is made up for: 2.5 % of any ten seconds.
const SLACK: Duration = Duration::from_millis(250);

/// Meanwhile it goes faster by so much, in percent,
const HASTE: u64 = 25;

/// and what is sent at once is what that gives in this time.
const BURST: Duration = Duration::from_millis(20);

/// While everything is held, one byte of the frame goes out this often: less than nothing on the
/// line, and the receiver takes any byte as a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// The rate that is allowed: set by one thread, obeyed by another at once.
#[derive(Debug)]
pub(super) struct Pace {
    /// Interface bits a second; 0 holds everything, `u64::MAX` is no limit.
    rate: Mutex<u64>,
    changed: Condvar,
}

impl Default for Pace {
    fn default() -> Self {
        Self { rate: Mutex::new(u64::MAX), changed: Condvar::new() }
    }
}

impl Pace {
    /// Allows `bits_per_second` from now on, also for what already waits.
    pub(super) fn set(&self, bits_per_second: u64) {
        *self.lock() = bits_per_second;
        self.changed.notify_all();
    }

    fn rate(&self) -> u64 {
        *self.lock()
    }

    /// Waits for `time`, or until the rate is no longer `rate`.
    fn wait(&self, rate: u64, time: Duration) {
        let unchanged = |current: &mut u64| *current == rate;
        // A thread that panicked cannot have left a number half written.
        let waited = self.changed.wait_timeout_while(self.lock(), time, unchanged);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A frame on its way out.
pub(super) enum Frame {
    /// An answer or a sign of life: where it is short it goes at once, and is charged to what follows.
    Answer(Vec<u8>),
    /// Chunks: they wait for their turn.
    Bulk(Vec<u8>),
}

/// Writes the frames of `queue` to `output` at the pace allowed.
///
/// # Errors
/// An output that fails.
pub(super) fn write(queue: &Receiver<Frame>, output: &mut impl Write, pace: &Pace) -> io::Result<()> {
    let mut paced = Paced { output, pace, held: Bucket::new(0, SLACK), haste: Bucket::new(HASTE, BURST) };
    while let Ok(frame) = queue.recv() {
        match frame {
            Frame::Answer(bytes) if bytes.len() as u64 <= SEGMENT - SSH => paced.piece(&bytes)?,
            Frame::Answer(bytes) | Frame::Bulk(bytes) => paced.frame(&bytes)?,
        }
    }
    Ok(())
}

struct Paced<'a, W> {
    output: &'a mut W,
    pace: &'a Pace,
    /// Holds the rate.
    held: Bucket,
    /// Bounds what makes up for delays.
    haste: Bucket,
}

impl<W: Write> Paced<'_, W> {
    /// Writes a frame piece by piece, each in its turn.
    fn frame(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(self.turn().min(rest.len()));
            self.piece(piece)?;
            rest = after;
        }
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.held.take(bytes.len());
        self.haste.take(bytes.len());
        self.output.write_all(bytes)?;
        self.output.flush()
    }

    /// Waits until something may be written, and says how many bytes.
    fn turn(&mut self) -> usize {
        let held_since = Instant::now();
        loop {
            let rate = self.pace.rate();
            let now = Instant::now();
            self.held.fill(rate, now);
            self.haste.fill(rate, now);
            let wait = match rate {
                u64::MAX => return usize::MAX,
                0 => SIGN_OF_LIFE.saturating_sub(held_since.elapsed()),
                rate => match self.held.debt(rate).max(self.haste.debt(rate)) {
                    Duration::ZERO => return piece_length(rate),
                    debt => debt,
                },
            };
            if wait.is_zero() {
                return 1;
            }
            self.pace.wait(rate, wait);
        }
    }
}

/// Interface bits that may be sent; below zero they are owed.
struct Bucket {
    tokens: f64,
    filled: Instant,
    /// It fills at so many times the rate.
    speed: f64,
    /// It holds at most what comes in this time, in seconds.
    depth: f64,
}

impl Bucket {
    /// Fills by `faster` percent faster than the rate, and holds what comes in `depth`.
    fn new(faster: u64, depth: Duration) -> Self {
        let speed = (100 + faster) as f64 / 100.0;
        Self { tokens: 0.0, filled: Instant::now(), speed, depth: depth.as_secs_f64() }
    }

    /// Adds what `rate` gave since the last time.
    fn fill(&mut self, rate: u64, now: Instant) {
        let seconds = now.duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.tokens = match rate {
            u64::MAX => 0.0,
            rate => {
                let rate = rate as f64 * self.speed;
                (self.tokens + rate * seconds).min(rate * self.depth)
            }
        };
    }

    /// Charges a piece of `bytes`.
    fn take(&mut self, bytes: usize) {
        self.tokens -= interface_bits(bytes as u64) as f64;
    }

    /// How long until nothing is owed at `rate`, which is not 0.
    fn debt(&self, rate: u64) -> Duration {
        Duration::try_from_secs_f64(-self.tokens / (rate as f64 * self.speed)).unwrap_or_default()
    }
}

/// What a piece of `bytes` takes on the interface, in bits.
fn interface_bits(bytes: u64) -> u64 {
    let sent = bytes + SSH;
    8 * (sent + sent.div_ceil(SEGMENT) * HEADERS)
}

/// Bytes of a piece that takes about a tick at `rate`: whole segments with what SSH adds.
fn piece_length(rate: u64) -> usize {
    let bits = rate / 1000 * u64::try_from(TICK.as_millis()).unwrap_or(1);
    let segments = (bits / 8 / (SEGMENT + HEADERS)).clamp(1, MOST_SEGMENTS);
    usize::try_from(segments * SEGMENT - SSH).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::sync_channel;
    use std::sync::{Arc, Mutex};

    /// Remembers when how many interface bits were written.
    #[derive(Clone, Default)]
    struct Line(Arc<Mutex<Vec<(Instant, u64)>>>);

    impl Write for Line {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push((Instant::now(), interface_bits(bytes.len() as u64)));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Line {
        fn bits(&self) -> u64 {
            self.0.lock().unwrap().iter().map(|(_, bits)| bits).sum()
        }
    }

    /// A writer with frames of `length` always waiting, for `time` after which nothing more comes.
    fn running<T>(pace: &Pace, length: usize, during: impl FnOnce(&Line) -> T) -> T {
        let line = Line::default();
        let stop = AtomicU64::new(0);
        let (frames, queue) = sync_channel(0);
        std::thread::scope(|scope| {
            let mut output = line.clone();
            scope.spawn(move || write(&queue, &mut output, pace).unwrap());
            let stopped = &stop;
            scope.spawn(move || {
                while stopped.load(Ordering::SeqCst) == 0 && frames.send(Frame::Bulk(vec![0; length])).is_ok() {}
            });
            let result = during(&line);
            stop.store(1, Ordering::SeqCst);
            pace.set(u64::MAX);
            result
        })
    }

    #[test]
    fn ten_megabits_carry_what_the_engine_says() {
        // A second of full segments at 10 Mbit/s, in TCP payload with SSH's own.
        let payload: u64 = 10_000_000 * SEGMENT / (SEGMENT + HEADERS);
        assert_eq!(payload / 1000, 9564);
        assert_eq!(interface_bits(8 * SEGMENT - SSH), 8 * 8 * 1514);
        assert_eq!(interface_bits(1), 8 * (1 + SSH + HEADERS));
    }

    #[test]
    fn pieces_are_small_and_of_whole_segments() {
        assert_eq!(piece_length(1), 1400);
        assert_eq!(piece_length(1_000_000), 1400);
        assert_eq!(piece_length(10_000_000), 8 * 1448 - 48);
        assert_eq!(piece_length(1_000_000_000), 16 * 1448 - 48);
    }

    #[test]
    fn the_rate_is_held_within_three_percent_and_without_bursts() {
        let pace = Pace::default();
        pace.set(10_000_000);
        running(&pace, 100_000, |line| {
            std::thread::sleep(Duration::from_millis(200));
            let (begun, before) = (Instant::now(), line.bits());
            std::thread::sleep(Duration::from_secs(2));
            let rate = (line.bits() - before) as f64 / begun.elapsed().as_secs_f64();
            assert!((9.7e6..10.3e6).contains(&rate), "{rate} bit/s");
            // In no tenth of a second much more than its share: a fourth, and a burst.
            let written = line.0.lock().unwrap().clone();
            for (at, _) in &written {
                let within =
                    written.iter().filter(|(other, _)| other >= at && *other < *at + Duration::from_millis(100));
                let bits: u64 = within.map(|(_, bits)| bits).sum();
                assert!(bits < 1_700_000, "{bits} bits in a tenth of a second");
            }
        });
    }

    #[test]
    fn a_new_rate_counts_for_what_already_waits() {
        let pace = Pace::default();
        // A frame of 100 kB would take more than an hour.
        pace.set(200);
        running(&pace, 100_000, |line| {
            std::thread::sleep(Duration::from_millis(100));
            assert!(line.bits() <= 8 * 1514, "one piece at most");
            pace.set(100_000_000);
            std::thread::sleep(Duration::from_millis(500));
            assert!(line.bits() > 20_000_000, "{} bits", line.bits());
        });
    }

    #[test]
    fn while_everything_is_held_only_answers_pass() {
        let pace = Pace::default();
        pace.set(0);
        let line = Line::default();
        let (frames, queue) = sync_channel(0);
        std::thread::scope(|scope| {
            let (mut output, pace) = (line.clone(), &pace);
            scope.spawn(move || write(&queue, &mut output, pace).unwrap());
            frames.send(Frame::Answer(vec![0; 24])).unwrap();
            frames.send(Frame::Bulk(vec![0; 100_000])).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(line.bits(), interface_bits(24));
            std::thread::sleep(SIGN_OF_LIFE);
            assert_eq!(line.bits(), interface_bits(24) + interface_bits(1), "a sign of life");
            pace.set(u64::MAX);
            drop(frames);
        });
        assert_eq!(line.0.lock().unwrap().len(), 3, "the rest of the frame in one piece");
    }
}
