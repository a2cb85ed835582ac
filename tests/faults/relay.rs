//! Between agent and receiver: passes frames on, and at a given place does what links, processes and
//! hostile peers do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use traghetto::replica::wire::{CHECKSUM, HEADER, MAX_REPLY, Reply, checked_body, parse_header};

/// Bytes passed on at once: the grain of a moment.
const PIECE: usize = 16 << 10;

/// Rewrites a reply: to none, one, or several.
pub type Lie = Box<dyn FnMut(Reply) -> Vec<Reply> + Send>;

/// What happens to the bytes from the agent.
pub enum Meddling {
    /// Nothing.
    Honest,
    /// At this byte something happens elsewhere, such as a kill.
    At(u64, Box<dyn FnOnce() + Send>),
    /// From this byte on nothing passes, in either direction.
    Cut(u64),
    /// This bit is flipped.
    Flip { byte: u64, bit: u8 },
    /// This bit of the header of a frame is flipped.
    FlipHeader { frame: u64, bit: u32 },
    /// This frame comes twice.
    Duplicate(u64),
    /// This frame comes after the next.
    Swap(u64),
    /// This frame never comes.
    Drop(u64),
    /// The agent lies.
    Lie(Lie),
}

/// Bytes passed on so far.
#[derive(Default, Clone)]
pub struct Counters {
    pub down: Arc<AtomicU64>,
    pub up: Arc<AtomicU64>,
    pub frames: Arc<AtomicU64>,
}

impl Counters {
    /// Bytes in both directions.
    pub fn bytes(&self) -> u64 {
        self.down.load(Ordering::SeqCst) + self.up.load(Ordering::SeqCst)
    }
}

/// Passes commands on until either side closes; `flip` names a byte whose lowest bit is flipped.
pub async fn commands(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    counters: Counters,
    flip: Option<u64>,
) {
    let mut buffer = vec![0; PIECE];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let passed = counters.up.fetch_add(count as u64, Ordering::SeqCst);
        let place = flip.and_then(|byte| byte.checked_sub(passed)).filter(|place| *place < count as u64);
        if let Some(place) = place {
            buffer[place as usize] ^= 1;
        }
        if to.write_all(&buffer[..count]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

/// Passes replies on until either side closes.
pub async fn replies(
    mut from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    counters: Counters,
    meddling: Meddling,
) {
    let mut out = Out { to, counters, meddling, held: None };
    while let Some(frame) = frame(&mut from).await {
        if out.pass(frame).await.is_none() {
            return;
        }
    }
    if let Some(held) = out.held.take() {
        let _ = out.send(&held).await;
    }
}

async fn frame(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header).await.ok()?;
    let (_, length) = parse_header(&header, MAX_REPLY).unwrap();
    let mut frame = header.to_vec();
    frame.resize(HEADER + length + CHECKSUM, 0);
    from.read_exact(&mut frame[HEADER..]).await.ok()?;
    Some(frame)
}

struct Out<W> {
    to: W,
    counters: Counters,
    meddling: Meddling,
    held: Option<Vec<u8>>,
}

impl<W: AsyncWrite + Unpin> Out<W> {
    /// Passes a frame on in its way; none once nothing passes any more.
    async fn pass(&mut self, mut frame: Vec<u8>) -> Option<()> {
        let number = self.counters.frames.fetch_add(1, Ordering::SeqCst);
        match &mut self.meddling {
            Meddling::Drop(which) if *which == number => return Some(()),
            Meddling::Duplicate(which) if *which == number => self.send(&frame.clone()).await?,
            Meddling::Swap(which) if *which == number => {
                self.held = Some(frame);
                return Some(());
            }
            Meddling::FlipHeader { frame: which, bit } if *which == number => {
                frame[*bit as usize / 8] ^= 1 << (*bit % 8);
            }
            Meddling::Lie(lie) => frame = lied(lie, &frame),
            _ => {}
        }
        self.send(&frame).await?;
        match self.held.take() {
            Some(held) => self.send(&held).await,
            None => Some(()),
        }
    }

    async fn send(&mut self, frame: &[u8]) -> Option<()> {
        for piece in frame.chunks(PIECE) {
            let passed = self.counters.down.load(Ordering::SeqCst);
            let (mut piece, until) = (piece.to_vec(), passed + piece.len() as u64);
            match &mut self.meddling {
                Meddling::Flip { byte, bit } if (passed..until).contains(byte) => {
                    piece[(*byte - passed) as usize] ^= 1 << *bit;
                }
                Meddling::Cut(byte) if *byte < until => piece.truncate(byte.saturating_sub(passed) as usize),
                _ => {}
            }
            self.counters.down.fetch_add(piece.len() as u64, Ordering::SeqCst);
            self.to.write_all(&piece).await.ok()?;
            self.to.flush().await.ok()?;
            match &self.meddling {
                Meddling::Cut(byte) if *byte < until => return None,
                Meddling::At(byte, _) if *byte < until => {
                    let Meddling::At(_, act) = std::mem::replace(&mut self.meddling, Meddling::Honest) else {
                        continue;
                    };
                    act();
                }
                _ => {}
            }
        }
        Some(())
    }
}

/// A frame with what a lie makes of it.
fn lied(lie: &mut Lie, frame: &[u8]) -> Vec<u8> {
    let (header, rest) = frame.split_first_chunk::<HEADER>().unwrap();
    let body = checked_body(header, rest).unwrap();
    let reply = Reply::decode(header[0], body).unwrap();
    lie(reply).iter().flat_map(Reply::encode).collect()
}
