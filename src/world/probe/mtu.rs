//! The largest packet that the way to a host takes without being cut, and whether the way says so: a
//! router that drops what is too large and keeps silent (a black hole) lets small answers through and
//! stops every transfer.

use super::ping::{self, is_host};
use super::{ProbeError, within};
use std::time::{Duration, Instant};

/// The smallest packet that every host takes, in bytes.
pub const LEAST: u16 = 576;
/// Headers of IPv4 and ICMP.
const HEADERS: u16 = 28;
/// How often a size is tried before it counts as unanswered.
const TRIES: u32 = 2;

/// What the way takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathMtu {
    /// The largest packet that passes, in bytes, with its headers.
    pub mtu: u16,
    /// Whether larger ones vanish without a word.
    pub black_hole: bool,
    /// Time until it was found.
    pub took: Duration,
}

/// Finds the largest packet, of at most `most` bytes, that passes to `host` in one piece.
///
/// # Errors
/// [`ProbeError`]; that even the smallest is not answered is `Unreachable`.
pub async fn mtu(host: &str, most: u16, deadline: Duration) -> Result<PathMtu, ProbeError> {
    is_host(host)?;
    let started = Instant::now();
    within(deadline, async {
        let mut search = Search::new(most);
        while let Some(size) = search.next() {
            search.note(size, echo(host, size).await?);
        }
        let silent = || ProbeError::unreachable(host, format!("no answer to a packet of {LEAST} bytes"));
        let (mtu, black_hole) = search.found().ok_or_else(silent)?;
        Ok(PathMtu { mtu, black_hole, took: started.elapsed() })
    })
    .await
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Echo {
    Answered,
    /// Somebody says that it is too large, and mostly what is not.
    TooLarge(Option<u16>),
    Silent,
}

/// The search for the largest packet.
#[derive(Debug, Clone)]
struct Search {
    /// The largest that was answered.
    passes: Option<u16>,
    /// The smallest that was not.
    fails: u16,
    /// Whether somebody said so of that one.
    told: bool,
    /// What somebody said would pass.
    hint: Option<u16>,
    untried: bool,
}

impl Search {
    fn new(most: u16) -> Self {
        Self { passes: None, fails: most.max(LEAST).saturating_add(1), told: true, hint: None, untried: true }
    }

    /// The size to try next; none when it is found.
    fn next(&self) -> Option<u16> {
        let most = self.fails - 1;
        match (self.passes, self.hint) {
            (Some(passes), _) if passes >= most => None,
            // Mostly everything passes, or somebody says what does.
            (_, Some(hint)) if hint <= most && hint > self.passes.unwrap_or(LEAST - 1) => Some(hint),
            (None, None) if self.untried => Some(most),
            (None, _) => (most >= LEAST).then_some(LEAST),
            (Some(passes), _) => Some(passes + (self.fails - passes) / 2),
        }
    }

    fn note(&mut self, size: u16, echo: Echo) {
        self.untried = false;
        match echo {
            Echo::Answered => self.passes = self.passes.max(Some(size)),
            Echo::TooLarge(hint) => {
                self.hint = hint.filter(|hint| (LEAST..size).contains(hint));
                (self.fails, self.told) = (self.hint.map_or(size, |hint| hint + 1), true);
            }
            Echo::Silent => {
                (self.fails, self.told) = (size, false);
                self.hint = self.hint.filter(|hint| *hint < size);
            }
        }
    }

    fn found(&self) -> Option<(u16, bool)> {
        self.passes.map(|passes| (passes, !self.told))
    }
}

async fn echo(host: &str, size: u16) -> Result<Echo, ProbeError> {
    for _ in 0..TRIES {
        let size = (size - HEADERS).to_string();
        let (said, complained) =
            ping::run(&["-4", "-n", "-M", "do", "-c", "1", "-W", "1", "-s", &size, "--", host]).await?;
        let (said, complained) = (String::from_utf8_lossy(&said), String::from_utf8_lossy(&complained));
        if !said.contains(" packets transmitted") {
            let why = complained.trim().trim_start_matches("ping: ");
            return Err(ProbeError::unreachable(host, if why.is_empty() { "ping said nothing" } else { why }));
        }
        match read(&said, &complained) {
            Echo::Silent => {}
            told => return Ok(told),
        }
    }
    Ok(Echo::Silent)
}

/// `From 192.0.2.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)`, or of our own host
/// `ping: local error: message too long, mtu=1400`.
fn read(said: &str, complained: &str) -> Echo {
    if said.lines().any(|line| line.contains(" time=")) {
        return Echo::Answered;
    }
    let needed = said.lines().find_map(|line| line.split_once("Frag needed"));
    let local = complained.lines().find_map(|line| line.split_once("essage too long"));
    let Some((_, rest)) = needed.or(local) else { return Echo::Silent };
    let number = rest.split_once("mtu").map(|(_, number)| number.trim_start_matches([' ', '=']));
    let digits = number.map(|number| number.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    Echo::TooLarge(digits.and_then(|digits| digits.parse().ok()).filter(|mtu| *mtu > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Searches a way that takes `passes` bytes; what it answers to larger ones, `refuses` says.
    fn searched(most: u16, passes: u16, refuses: impl Fn(u16) -> Echo) -> (Option<(u16, bool)>, usize) {
        let (mut search, mut tries) = (Search::new(most), 0);
        while let Some(size) = search.next() {
            tries += 1;
            assert!(tries < 50 && (LEAST..=most).contains(&size), "{search:?}");
            search.note(size, if size <= passes { Echo::Answered } else { refuses(size) });
        }
        (search.found(), tries)
    }

    #[test]
    fn a_whole_way_takes_one_packet_and_one_that_tells_two() {
        assert_eq!(searched(1500, 1500, |_| Echo::Silent), (Some((1500, false)), 1));
        assert_eq!(searched(1500, 1400, |_| Echo::TooLarge(Some(1400))), (Some((1400, false)), 2));
    }

    #[test]
    fn a_black_hole_is_found_and_so_is_one_behind_a_router_that_tells() {
        let (found, tries) = searched(1500, 1400, |_| Echo::Silent);
        assert_eq!(found, Some((1400, true)));
        assert!(tries <= 13, "{tries}");
        let behind = |size| if size > 1476 { Echo::TooLarge(Some(1476)) } else { Echo::Silent };
        assert_eq!(searched(1500, 1420, behind).0, Some((1420, true)));
        assert_eq!(searched(1500, 0, |_| Echo::Silent).0, None);
    }

    #[test]
    fn what_ping_says_is_read() {
        let needed = "From 10.0.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)\n1 packets transmitted";
        assert_eq!(read(needed, ""), Echo::TooLarge(Some(1400)));
        assert_eq!(read("", "ping: local error: message too long, mtu=1280\n"), Echo::TooLarge(Some(1280)));
        assert_eq!(read("", "ping: sendmsg: Message too long\n"), Echo::TooLarge(None));
        assert_eq!(read("From 10.0.0.1 icmp_seq=1 Frag needed and DF set (mtu = 0)", ""), Echo::TooLarge(None));
        assert_eq!(read("1480 bytes from 10.0.0.2: icmp_seq=1 ttl=63 time=0.1 ms", ""), Echo::Answered);
        assert_eq!(read("1 packets transmitted, 0 received", ""), Echo::Silent);
    }

    proptest! {
        #[test]
        fn every_search_ends_with_what_passes(
            most in LEAST..=9216, passes in LEAST..=9216, hint in proptest::option::of(0_u16..=9216), silent: bool,
        ) {
            let passes = passes.min(most);
            let refuses = |_| if silent { Echo::Silent } else { Echo::TooLarge(hint) };
            let found = searched(most, passes, refuses).0.unwrap();
            // A router that lies about what passes is believed where it says less.
            let least = if silent { passes } else { hint.filter(|hint| *hint >= LEAST).unwrap_or(passes).min(passes) };
            prop_assert!((least..=passes).contains(&found.0), "{found:?}");
        }
    }
}
