//! ICMP echo by the system's `ping` (iputils). It brings its own privilege; a socket of ours would
//! depend on `net.ipv4.ping_group_range`, which servers and containers set differently.

use super::{ProbeError, Untold, Vantage, within};
use crate::untrusted::{printable, shell_quoted};
use crate::world::{Output, ShellError};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Between two requests; the least that every version allows to everybody.
pub const INTERVAL: Duration = Duration::from_millis(200);

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Echoes {
    /// Requests sent.
    pub sent: u32,
    /// Answers received.
    pub received: u32,
    /// Mean round trip of those answered.
    pub mean: Option<Duration>,
    /// Round trips of those answered, in the order of the answers.
    pub times: Vec<Duration>,
}

impl Echoes {
    /// Percent of the requests without answer.
    pub fn loss(&self) -> f64 {
        let lost = self.sent.saturating_sub(self.received);
        if self.sent == 0 { 100.0 } else { f64::from(lost) * 100.0 / f64::from(self.sent) }
    }

    /// The round trip that so many percent of those answered do not exceed.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        percentile(self.times.clone(), percent)
    }

    /// The difference between two round trips, one after the other, that 95 percent of them do not exceed.
    pub fn jitter(&self) -> Option<Duration> {
        percentile(self.times.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect(), 95)
    }
}

/// The value that so many percent do not exceed (nearest rank).
fn percentile(mut values: Vec<Duration>, percent: usize) -> Option<Duration> {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

/// Sends `count` echo requests to `host`, one each `every`. That none is answered is an answer.
///
/// # Errors
/// The name is unknown, there is no route or no `ping`, or the deadline passed before the last request.
pub async fn ping(
    from: &Vantage,
    host: &str,
    count: u32,
    every: Duration,
    deadline: Duration,
) -> Result<Echoes, ProbeError> {
    is_host(host)?;
    let (every, count) = (every.as_secs_f64().to_string(), count.max(1).to_string());
    let arguments = ["-n", "-W", "2", "-i", &every, "-c", &count, "--", host];
    within(deadline, async {
        let quoted = arguments.map(shell_quoted).join(" ");
        let (stdout, stderr) = match from.run(&format!("env LC_ALL=C ping {quoted}"), deadline).await {
            Some(ran) => told(from, ran, deadline)?,
            None => run(&arguments).await?,
        };
        parse(&String::from_utf8_lossy(&stdout)).ok_or_else(|| {
            let said = printable(&String::from_utf8_lossy(&stderr));
            let said = said.trim().trim_start_matches("ping: ");
            ProbeError::unreachable(host, if said.is_empty() { "ping said nothing" } else { said })
        })
    })
    .await
}

/// What a program wrote and complained.
pub(super) type Streams = (Vec<u8>, Vec<u8>);

/// The program of this machine.
pub(super) async fn run(arguments: &[&str]) -> Result<Streams, ProbeError> {
    let output = Command::new("ping")
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| ProbeError::Tool { what: "the program ping", source: error.into() })?;
    Ok((output.stdout, output.stderr))
}

/// What the program of the probe machine said; 127 is what `env` says of one that is not there.
fn told(from: &Vantage, ran: Result<Output, ShellError>, deadline: Duration) -> Result<Streams, ProbeError> {
    let untold = |why: String, transient| Untold { host: from.name(), why, transient }.into();
    match ran {
        Ok(Output { status: 127, .. }) => {
            Err(untold(format!("{} has no program `ping`: install it", from.name()), false))
        }
        Ok(Output { stdout, stderr, .. }) => Ok((stdout, stderr)),
        Err(ShellError::Deadline { .. }) => Err(ProbeError::Deadline { deadline }),
        Err(error) => Err(untold(error.to_string(), error.is_transient())),
    }
}

/// That a text is a name or an address, and no option of a program.
pub(super) fn is_host(text: &str) -> Result<(), ProbeError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if text.is_empty() || text.starts_with('-') || !text.chars().all(plain) {
        return Err(ProbeError::Question { text: text.to_owned(), expected: "host name or address" });
    }
    Ok(())
}

/// Reads the answers and the summary of iputils (`5 packets transmitted, 4 received`) or busybox (`… packets received`).
fn parse(text: &str) -> Option<Echoes> {
    let summary = text.lines().find(|line| line.contains(" packets transmitted"))?;
    let mut parts = summary.split(", ");
    let number = |part: Option<&str>| part?.split(' ').next()?.parse::<u32>().ok();
    let sent = number(parts.next())?;
    let received = number(parts.next())?;
    let mean = text
        .lines()
        .find_map(|line| line.strip_prefix("rtt ").or_else(|| line.strip_prefix("round-trip ")))
        .and_then(|line| line.split_once(" = ")?.1.split('/').nth(1)?.parse::<f64>().ok())
        .and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1000.0).ok());
    Some(Echoes { sent, received, mean, times: text.lines().filter_map(round_trip).collect() })
}

/// `64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.021 ms`; an answer that comes twice counts once.
fn round_trip(line: &str) -> Option<Duration> {
    if line.ends_with("(DUP!)") {
        return None;
    }
    let (_, time) = line.split_once("time=")?;
    let milliseconds: f64 = time.split(' ').next()?.parse().ok()?;
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_read() {
        let text = "PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.\n\n--- 192.0.2.1 ping statistics ---\n\
                    5 packets transmitted, 4 received, 20% packet loss, time 804ms\n\
                    rtt min/avg/max/mdev = 0.021/1.500/0.063/0.014 ms\n";
        let echoes = parse(text).unwrap();
        let mean = Some(Duration::from_micros(1500));
        assert_eq!(echoes, Echoes { sent: 5, received: 4, mean, times: Vec::new() });
        assert!((echoes.loss() - 20.0).abs() < 1e-9);

        let text =
            "3 packets transmitted, 3 packets received, 0% packet loss\nround-trip min/avg/max = 0.1/0.2/0.3 ms\n";
        assert_eq!(
            parse(text),
            Some(Echoes { sent: 3, received: 3, mean: Some(Duration::from_micros(200)), times: Vec::new() })
        );

        let text = "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1001ms\n";
        assert_eq!(parse(text), Some(Echoes { sent: 2, received: 0, mean: None, times: Vec::new() }));
        assert_eq!(parse("ping: unknown host\n"), None);
        assert_eq!(parse(" packets transmitted, x received"), None);
    }

    #[test]
    fn percentiles_and_jitter_are_of_the_answers_in_their_order() {
        let line = |time: &str| format!("64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time={time} ms\n");
        let text: String = ["10", "10.5", "30", "10"].map(line).concat() + "64 bytes: time=99 ms (DUP!)\n";
        let echoes = parse(&(text + "4 packets transmitted, 4 received, +1 duplicates, 0% packet loss\n")).unwrap();
        assert_eq!(echoes.times.len(), 4);
        assert_eq!(echoes.percentile(50), Some(Duration::from_millis(10)));
        assert_eq!(echoes.percentile(95), Some(Duration::from_millis(30)));
        assert_eq!(echoes.percentile(100), Some(Duration::from_millis(30)));
        assert_eq!(echoes.jitter(), Some(Duration::from_millis(20)));
        let none = Echoes { sent: 1, received: 0, mean: None, times: Vec::new() };
        assert_eq!((none.percentile(95), none.jitter()), (None, None));
    }
}
