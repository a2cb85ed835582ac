//! IP SLA probes and tracked objects as IOS runs them: real echo requests from the address that the text
//! names, every period, each waited for as long as the timeout says; a change counts after its delay.

use super::echo::Echo;
use super::table::Jack;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use traghetto::network::device::Device;
use traghetto::network::device::Port;
use traghetto::network::device::tracking::{Probe, ProbeSource, Track, Tracked};

/// Seconds before a return counts, in the lab. The text says up to a minute, which no measured outage
/// contains: only the wait between two measurements grows with it.
const UP: Duration = Duration::from_millis(500);

/// The probes and tracked objects of a router.
pub struct Tracking {
    probes: Vec<Running>,
    tracks: Vec<(Track, State)>,
}

/// A probe that runs.
struct Running {
    probe: Probe,
    source: Ipv4Addr,
    echo: Echo,
    next: Instant,
    asked: Option<(u16, Instant)>,
    answered: bool,
}

/// A tracked object's state, and what it is about to become since when.
struct State {
    up: bool,
    turning: Option<Instant>,
}

impl Tracking {
    /// Everything up, each probe at a moment of its own within its period.
    pub fn new(device: &Device, jacks: &[Jack], phase: f64) -> Self {
        let now = Instant::now();
        let running = |probe: &Probe| {
            let source = match &probe.source.as_ref()?.value {
                ProbeSource::Address(address) => *address,
                ProbeSource::Interface(port) => jacks.iter().find(|jack| jack.port == *port)?.network?.ip(),
            };
            probe.runs?;
            let period = Duration::from_millis(probe.period_ms().into());
            Some(Running {
                probe: probe.clone(),
                source,
                echo: Echo::new(),
                next: now + period.mul_f64(phase),
                asked: None,
                answered: true,
            })
        };
        Self {
            probes: device.probes.iter().filter_map(running).collect(),
            tracks: device.tracks.iter().map(|track| (track.clone(), State { up: true, turning: None })).collect(),
        }
    }

    /// Asks, listens and decides; gives the state of every tracked object.
    pub fn step(&mut self, is_up: impl Fn(&Port) -> bool) -> BTreeMap<u16, bool> {
        let now = Instant::now();
        for running in &mut self.probes {
            running.step(now);
        }
        let answered: BTreeMap<u16, bool> =
            self.probes.iter().map(|running| (*running.probe.id, running.answered)).collect();
        let mut decided: BTreeMap<u16, bool> = BTreeMap::new();
        // Lists of lists are few and short: three rounds see through all that the text can say.
        for _ in 0..3 {
            for (track, state) in &mut self.tracks {
                let raw = match &track.what {
                    Tracked::Probe { probe, .. } => answered.get(probe).copied().unwrap_or(false),
                    Tracked::Interface { port, .. } => is_up(port),
                    Tracked::List { all, objects } => {
                        let mut states =
                            objects.iter().map(|object| decided.get(&object.value).copied().unwrap_or(true));
                        if *all { states.all(|up| up) } else { states.any(|up| up) }
                    }
                    Tracked::Other(_) => true,
                };
                let down = Duration::from_secs(track.down_s.map_or(0, |at| at.value).into());
                let up = if track.up_s.is_some() { UP } else { Duration::ZERO };
                state.step(now, raw, down, up);
                decided.insert(*track.id, state.up);
            }
        }
        decided
    }
}

impl Running {
    fn step(&mut self, now: Instant) {
        let heard = self.echo.heard();
        if let Some((number, asked)) = self.asked {
            let late = now.duration_since(asked) >= Duration::from_millis(self.probe.timeout_ms().into());
            if heard.iter().any(|(_, answer)| *answer == number) {
                (self.answered, self.asked) = (true, None);
            } else if late {
                (self.answered, self.asked) = (false, None);
            }
        }
        if now >= self.next {
            self.next += Duration::from_millis(self.probe.period_ms().into());
            let target = self.probe.target.map(|at| at.value);
            self.asked = target.map(|target| (self.echo.ask(self.source, target), now));
        }
    }
}

impl State {
    fn step(&mut self, now: Instant, raw: bool, down: Duration, up: Duration) {
        if raw == self.up {
            self.turning = None;
            return;
        }
        let since = *self.turning.get_or_insert(now);
        if now.duration_since(since) >= if raw { up } else { down } {
            (self.up, self.turning) = (raw, None);
        }
    }
}
