//! Clients that ask every server twenty times a second, and servers that answer.

use super::space::Space;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use traghetto::network::simulate::{Place, Scene};

/// Between two questions to one server.
pub const PERIOD: Duration = Duration::from_millis(50);
/// What a busy machine may take for itself beside an outage: a second gap counts from there on.
const STALL: Duration = Duration::from_secs(1);
const PORT: u16 = 7007;

/// What a client saw of a server after a failure.
#[derive(Debug, Clone)]
pub struct Gap {
    pub client: String,
    pub server: String,
    /// From the first question that was not answered to the last one.
    pub outage: Duration,
    /// Whether questions were answered at the end.
    pub answered: bool,
}

/// When questions that were answered had been asked.
type Answered = Arc<Mutex<BTreeMap<(String, String), Vec<Instant>>>>;

/// The running clients and servers.
pub struct Clients {
    answered: Answered,
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Clients {
    /// Starts servers and clients.
    pub fn new(space: &Space, scene: &Scene) -> Self {
        let around = &scene.surroundings;
        let (answered, stop) = (Answered::default(), Arc::<AtomicBool>::default());
        let mut threads = Vec::new();
        for server in &around.servers {
            let places: &[&str] = match server.place {
                // It may move during the test.
                Place::Town | Place::SadKept => &["town", "kept"],
                Place::SadNew => &["new"],
                Place::Hub | Place::SadBeside(_) => &["hub"],
            };
            for place in places {
                let (entrance, address, stopped) = (space.entrance(place), server.address, stop.clone());
                threads.push(std::thread::spawn(move || {
                    entrance.enter();
                    serve(address, &stopped);
                }));
            }
        }
        let servers: Vec<(String, Ipv4Addr)> =
            around.servers.iter().map(|server| (server.name.clone(), server.address)).collect();
        for client in &around.clients {
            let place = if around.lan.contains(client.address) { "client" } else { "behind" };
            let (entrance, name, servers) = (space.entrance(place), client.name.clone(), servers.clone());
            let (answered, stopped) = (answered.clone(), stop.clone());
            threads.push(std::thread::spawn(move || {
                entrance.enter();
                ask(&name, &servers, &answered, &stopped);
            }));
        }
        for client in &around.clients {
            for server in &around.servers {
                answered.lock().unwrap().entry((client.name.clone(), server.name.clone())).or_default();
            }
        }
        Self { answered, stop, threads }
    }

    /// Whether every client had an answer of every server within `time`.
    pub fn all_answered(&self, time: Duration) -> bool {
        self.answered.lock().unwrap().values().all(|all| all.last().is_some_and(|last| last.elapsed() < time))
    }

    /// What each client saw since `begun`; forgets what lies before.
    pub fn gaps(&self, begun: Instant) -> Vec<Gap> {
        let now = Instant::now();
        let mut answered = self.answered.lock().unwrap();
        answered
            .iter_mut()
            .map(|((client, server), all)| {
                let first = all.iter().rposition(|at| *at <= begun).unwrap_or(0);
                all.drain(..first);
                let ends = all.iter().skip(1).chain([&now]);
                let gaps: Vec<(Instant, Instant)> = all.iter().zip(ends).map(|(from, to)| (*from, *to)).collect();
                let length = |(from, to): &(Instant, Instant)| to.duration_since(*from);
                let longest = gaps.iter().map(length).max().unwrap_or_default();
                let long: Vec<_> = gaps.iter().filter(|gap| length(gap) >= STALL.min(longest)).collect();
                let outage = match (long.first(), long.last()) {
                    (Some((from, _)), Some((_, to))) => to.duration_since(*from),
                    _ => Duration::ZERO,
                };
                Gap {
                    client: client.clone(),
                    server: server.clone(),
                    outage: outage.saturating_sub(PERIOD),
                    answered: all.last().is_some_and(|last| now.duration_since(*last) < Duration::from_secs(1)),
                }
            })
            .collect()
    }

    /// Who was answered last when, for a message.
    pub fn describe(&self) -> String {
        let line = |((client, server), all): (&(String, String), &Vec<Instant>)| {
            let ago = all.last().map(Instant::elapsed);
            format!("{client} -> {server}: last answer {ago:?} ago\n")
        };
        self.answered.lock().unwrap().iter().map(line).collect()
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(address: Ipv4Addr, stop: &AtomicBool) {
    // The address of a router comes with the router.
    let bound = || UdpSocket::bind(SocketAddrV4::new(address, PORT)).ok();
    let socket = loop {
        match bound() {
            Some(socket) => break socket,
            None if stop.load(Ordering::Relaxed) => return,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut buffer = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    }
}

fn ask(client: &str, servers: &[(String, Ipv4Addr)], answered: &Answered, stop: &AtomicBool) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    // Asked when, by number; questions of long ago stay for an answer that comes late.
    let mut asked: Vec<Instant> = Vec::new();
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        if now >= next {
            next = (next + PERIOD).max(now);
            let number = u32::try_from(asked.len()).unwrap();
            asked.push(now);
            for (_, address) in servers {
                let _ = socket.send_to(&number.to_be_bytes(), SocketAddrV4::new(*address, PORT));
            }
        }
        let mut buffer = [0; 64];
        match socket.recv_from(&mut buffer) {
            Ok((4, SocketAddr::V4(from))) => {
                let number = u32::from_be_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]);
                let server = servers.iter().find(|(_, address)| address == from.ip());
                if let (Some((server, _)), Some(at)) = (server, asked.get(number as usize)) {
                    let mut answered = answered.lock().unwrap();
                    if let Some(all) = answered.get_mut(&(client.to_owned(), server.clone())) {
                        all.push(*at);
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => {}
        }
    }
}
