//! What time a server has.

use super::ntp_message as message;
use super::{ProbeError, datagram, random, seconds_now, within};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

/// The port of time servers.
pub const PORT: u16 = 123;
/// How often it is asked at most: the answer that was quickest says it best.
const SAMPLES: u32 = 3;
/// A way there and back of so many seconds says the time well enough: half of it is the error.
const QUICK: f64 = 0.2;
/// Between two questions: a server that limits them (`restrict … limited`) drops what comes within 2 s.
const PAUSE: Duration = Duration::from_millis(2100);

/// What a time server said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// Seconds by which its clock is ahead of ours.
    pub offset: f64,
    /// Seconds of the way there and back.
    pub delay: f64,
    /// Steps to a reference clock.
    pub stratum: u8,
    /// Whether it says that its clock is right.
    pub synchronised: bool,
    /// Time that all questions took.
    pub took: Duration,
}

/// Asks the time server of `host`, again where its answer came slowly.
///
/// # Errors
/// [`ProbeError`]; that it does not know the time is an answer.
pub async fn ntp(host: &str, port: u16, deadline: Duration) -> Result<Clock, ProbeError> {
    let target = format!("{host} port {port}");
    let started = Instant::now();
    let mut clock = within(deadline, async {
        let unreachable = |error| ProbeError::unreachable(&target, error);
        let socket = datagram::connected(host, port).await.map_err(unreachable)?;
        let mut best = sample(&socket, &target).await?;
        for _ in 1..SAMPLES {
            if best.delay <= QUICK || started.elapsed() + 2 * PAUSE > deadline {
                break;
            }
            sleep(PAUSE).await;
            // No answer, or a refusal (stratum 0), takes nothing away from the answer that there is.
            if let Ok(Ok(clock)) = timeout(PAUSE, sample(&socket, &target)).await
                && clock.stratum != 0
                && clock.delay < best.delay
            {
                best = clock;
            }
        }
        Ok(best)
    })
    .await?;
    clock.took = started.elapsed();
    Ok(clock)
}

/// What one answer shows. One to a question that was repeated only seems slow, and another is taken.
async fn sample(socket: &UdpSocket, target: &str) -> Result<Clock, ProbeError> {
    let mut cookie = [0; 8];
    random(&mut cookie)?;
    let cookie = u64::from_be_bytes(cookie);
    let (asked, begun) = (seconds_now(), Instant::now());
    let question = message::question(cookie);
    let response = datagram::exchange(socket, &question, |bytes| message::answer(bytes, cookie).ok()).await;
    let response = response.map_err(|error| ProbeError::unreachable(target, error))?;
    // The way is timed by a clock that nobody sets meanwhile.
    let took = begun.elapsed();
    let (offset, delay) = response.clock(asked, asked + took.as_secs_f64());
    Ok(Clock { offset, delay, stratum: response.stratum, synchronised: response.synchronised, took })
}
