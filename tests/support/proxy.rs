//! A relay on loopback between a client and one server: counts bytes, and can hold a rate.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub struct Proxy {
    pub port: u16,
    bytes: Arc<AtomicU64>,
}

impl Proxy {
    /// Relays to `port`, each direction of each connection at most `rate` bytes a second.
    pub fn to(port: u16, rate: Option<u64>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let bytes = Arc::new(AtomicU64::new(0));
        let counter = bytes.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let pairs = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
                for (from, to) in pairs {
                    let (from, to, counter) = (from.unwrap(), to.unwrap(), counter.clone());
                    std::thread::spawn(move || relay(from, to, &counter, rate));
                }
            }
        });
        Self { port: own, bytes }
    }

    /// Bytes relayed so far, both directions, handshakes included.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

fn relay(mut from: TcpStream, mut to: TcpStream, counter: &AtomicU64, rate: Option<u64>) {
    let mut buffer = vec![0; 64 << 10];
    let (begun, mut sent) = (Instant::now(), 0);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        counter.fetch_add(count as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        sent += count as u64;
        if let Some(rate) = rate {
            let due = Duration::from_secs_f64(sent as f64 / rate as f64);
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
