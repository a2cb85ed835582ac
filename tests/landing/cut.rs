//! A relay in front of a TLS server that ends after so many records of the client: a request is one
//! or two of them, so that every boundary between two requests is among its ends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// The type of a record with data.
const DATA: u8 = 23;

#[derive(Clone)]
pub struct Cut {
    pub port: u16,
    records: Arc<AtomicUsize>,
    end: usize,
    /// The end has come: the last record was passed on, and nothing more comes back.
    pub ended: Arc<Notify>,
}

impl Cut {
    /// Relays to `port`, until `end` records of data were passed on.
    pub fn after(port: u16, end: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let cut = Self { port: own, records: Arc::default(), end, ended: Arc::default() };
        let shared = cut.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                client.set_nodelay(true).and(server.set_nodelay(true)).unwrap();
                let (cut, from, to) = (shared.clone(), client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || cut.forward(from, to));
                let cut = shared.clone();
                std::thread::spawn(move || cut.back(server, client));
            }
        });
        cut
    }

    /// The records of data so far.
    pub fn records(&self) -> usize {
        self.records.load(Ordering::SeqCst)
    }

    fn is_over(&self) -> bool {
        self.records() >= self.end
    }

    fn forward(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut record = Vec::new();
        while !self.is_over() {
            record.resize(5, 0);
            if from.read_exact(&mut record).is_err() {
                break;
            }
            let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
            record.resize(5 + length, 0);
            if from.read_exact(&mut record[5..]).is_err() || to.write_all(&record).is_err() {
                break;
            }
            if record[0] == DATA && self.records.fetch_add(1, Ordering::SeqCst) + 1 == self.end {
                // The client is dead; the server finds out later, and does what it was asked.
                self.ended.notify_one();
                let _ = from.shutdown(Shutdown::Both);
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }

    fn back(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if self.is_over() || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}
