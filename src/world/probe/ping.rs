//! ICMP echo by the system's `ping` (iputils). It brings its own privilege; a socket of ours would
//! depend on `net.ipv4.ping_group_range`, which servers and containers set differently.

use super::{ProbeError, within};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Seconds between two requests; the least that every version allows to everybody.
const INTERVAL: &str = "0.2";

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Echoes {
    /// Requests sent.
    pub sent: u32,
    /// Answers received.
    pub received: u32,
    /// Mean round trip of those answered.
    pub mean: Option<Duration>,
}

impl Echoes {
    /// Percent of the requests without answer.
    pub fn loss(&self) -> f64 {
        let lost = self.sent.saturating_sub(self.received);
        if self.sent == 0 { 100.0 } else { f64::from(lost) * 100.0 / f64::from(self.sent) }
    }
}

/// Sends `count` echo requests to `host`. That none is answered is an answer.
///
/// # Errors
/// The name is unknown, there is no route or no `ping`, or the deadline passed before the last request.
pub async fn ping(host: &str, count: u32, deadline: Duration) -> Result<Echoes, ProbeError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if host.is_empty() || host.starts_with('-') || !host.chars().all(plain) {
        return Err(ProbeError::Question { text: host.to_owned(), expected: "host name or address" });
    }
    within(deadline, async {
        let output = Command::new("ping")
            .args(["-n", "-q", "-W", "2", "-i", INTERVAL, "-c", &count.max(1).to_string(), "--", host])
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| ProbeError::Tool { what: "the program ping", source: error.into() })?;
        parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim().trim_start_matches("ping: ");
            ProbeError::unreachable(host, if said.is_empty() { "ping said nothing" } else { said })
        })
    })
    .await
}

/// Reads the summary of iputils (`5 packets transmitted, 4 received`) or busybox (`… packets received`).
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
    Some(Echoes { sent, received, mean })
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
        assert_eq!(echoes, Echoes { sent: 5, received: 4, mean: Some(Duration::from_micros(1500)) });
        assert!((echoes.loss() - 20.0).abs() < 1e-9);

        let text =
            "3 packets transmitted, 3 packets received, 0% packet loss\nround-trip min/avg/max = 0.1/0.2/0.3 ms\n";
        assert_eq!(parse(text), Some(Echoes { sent: 3, received: 3, mean: Some(Duration::from_micros(200)) }));

        let text = "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1001ms\n";
        assert_eq!(parse(text), Some(Echoes { sent: 2, received: 0, mean: None }));
        assert_eq!(parse("ping: unknown host\n"), None);
        assert_eq!(parse(" packets transmitted, x received"), None);
    }
}
