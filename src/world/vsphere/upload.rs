//! Sends a file, with what is known of its progress, and gives up when nothing moves any more.

use super::transport::{self, Deadlines, Lost};
use super::trouble::Trouble;
use crate::world::soap::Failed;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How much is read at once, and how many pieces may wait.
const PIECE: usize = 256 << 10;
const WAITING: usize = 4;
/// How often progress is told.
const OFTEN: Duration = Duration::from_millis(250);

/// What is sent, and the words for it.
pub(super) struct Sending<'a> {
    pub(super) from: &'a Path,
    pub(super) doing: &'a str,
    pub(super) server: &'a str,
    /// Its type in HTTP.
    pub(super) content: &'static str,
}

/// Sends the file as the body of a request, and gives the status of the answer.
pub(super) async fn send(
    request: RequestBuilder,
    sending: &Sending<'_>,
    deadlines: &Deadlines,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<u16, Trouble> {
    let local = |source| Trouble::Local { what: format!("the file {}", sending.from.display()), source };
    let file = File::open(sending.from).map_err(local)?;
    let length = file.metadata().map_err(local)?.len();
    let sent = Arc::new(AtomicU64::new(0));
    let body = FileBody { pieces: read(file, length), left: length, sent: sent.clone() };
    let request =
        request.header(CONTENT_LENGTH, length).header(CONTENT_TYPE, sending.content).body(reqwest::Body::wrap(body));
    let answer = transport::ask(request, Duration::MAX);
    tokio::pin!(answer);
    let (mut last, mut moved) = (0, Instant::now());
    loop {
        tokio::select! {
            answer = &mut answer => {
                progress(sent.load(Ordering::Relaxed));
                return answer.map(|answer| answer.status).map_err(|lost| failed(lost, sending, deadlines.stall));
            }
            () = tokio::time::sleep(OFTEN) => {}
        }
        let now = sent.load(Ordering::Relaxed);
        if now != last {
            (last, moved) = (now, Instant::now());
            progress(now);
        } else if moved.elapsed() > deadlines.stall {
            return Err(failed(Lost::Late, sending, deadlines.stall));
        }
    }
}

fn failed(lost: Lost, sending: &Sending<'_>, limit: Duration) -> Trouble {
    Failed::lost(sending.server, sending.doing, lost, true, limit).into()
}

/// Reads the file in a thread that may block, at most `length` bytes of it.
fn read(file: File, length: u64) -> mpsc::Receiver<io::Result<Bytes>> {
    let (give, take) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut file = file.take(length);
        loop {
            let mut piece = vec![0; PIECE];
            let read = match file.read(&mut piece) {
                Ok(0) => return,
                Ok(read) => read,
                Err(error) => {
                    // Whoever gave up does not want to know.
                    let _ = give.blocking_send(Err(error));
                    return;
                }
            };
            piece.truncate(read);
            if give.blocking_send(Ok(Bytes::from(piece))).is_err() {
                return;
            }
        }
    });
    take
}

/// The body of a request, from a file.
struct FileBody {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
    sent: Arc<AtomicU64>,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(ready!(self.pieces.poll_recv(context)).map(|piece| {
            piece.map(|piece| {
                let length = piece.len() as u64;
                self.left = self.left.saturating_sub(length);
                self.sent.fetch_add(length, Ordering::Relaxed);
                Frame::data(piece)
            })
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
