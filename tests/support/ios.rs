//! A Cisco router on loopback: an SSH server that behaves like IOS and IOS-XE.
//!
//! It is written from what IOS does and shares nothing with the program under test: it has its own
//! reading of configurations, its own order of printing them and its own checks, and it refuses what
//! the real thing refuses. As the real thing it does not print what it does by itself (`ip proxy-arp`,
//! `ip mtu 1500` on Ethernet, `exec-timeout 10 0`, `ip ssh authentication-retries 3`), and it prints
//! secrets coded (`key-string 7 …`, `secret 9 …`). Time goes by when a test says so.

pub mod checks;
pub mod commands;
pub mod config;
pub mod console;
pub mod exec;
pub mod filters;
pub mod grammar;
pub mod password;
pub mod router;
pub mod routing;
pub mod server;
pub mod setup;
pub mod show;
pub mod store;
pub mod terminal;

pub use console::Console;
pub use setup::{Account, Setup, filled};

use router::Router;
use server::{Open, runtime};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// A line that a router has got whole.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Name of the router when it was started.
    pub router: &'a str,
    /// Which line of this router, from 1, over all its sessions.
    pub number: usize,
    /// What it says; empty where it answers a question, as a password does.
    pub text: &'a str,
    pub when: When,
}

/// Before the router acts on a line, or after, before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// What a test does at a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The connection breaks: before, the line is lost; after, only its answer is.
    Cut,
}

/// What a test wants to be asked at each line.
pub type Hook = Arc<dyn Fn(&Line<'_>) -> Fault + Send + Sync>;

/// What sessions and test share.
pub struct Shared {
    pub name: String,
    pub router: Mutex<Router>,
    pub accounts: Vec<Account>,
    pub enable: Option<String>,
    pub noisy: bool,
    pub slow_echo: Duration,
    pub sessions: Mutex<Vec<Open>>,
    banners: (Option<String>, Option<String>),
    hook: Mutex<Option<Hook>>,
    refusals: Mutex<Vec<(String, String)>>,
    lines: Mutex<Vec<String>>,
    bytes: AtomicUsize,
    cut_at_byte: AtomicUsize,
    silent: AtomicBool,
    neighbours: Mutex<Vec<Weak<Shared>>>,
}

impl Shared {
    /// Counts a line; gives its number.
    fn count_line(&self, line: &str) -> usize {
        let mut lines = self.lines.lock().unwrap();
        lines.push(line.to_owned());
        lines.len()
    }

    /// Counts a byte; says whether the connection breaks at it.
    fn count_byte(&self) -> bool {
        let count = self.bytes.fetch_add(1, Ordering::SeqCst) + 1;
        count == self.cut_at_byte.load(Ordering::SeqCst)
    }

    fn happens(&self, line: &Line<'_>) -> Fault {
        let hook = self.hook.lock().unwrap().clone();
        hook.map_or(Fault::None, |hook| hook(line))
    }

    fn refusal(&self, line: &str) -> Option<String> {
        let refusals = self.refusals.lock().unwrap();
        refusals.iter().find(|(what, _)| line.trim() == what).map(|(_, said)| said.clone())
    }

    /// Sees what the neighbours say on the LAN.
    fn refresh(&self, router: &mut Router) {
        let neighbours = self.neighbours.lock().unwrap();
        let heard = neighbours.iter().filter_map(Weak::upgrade).filter_map(|other| {
            // Two routers that look at each other at once do not wait for one another.
            let router = other.router.try_lock().ok()?;
            Some(router.speakers().into_iter().map(|(_, speaker)| speaker).collect::<Vec<_>>())
        });
        let heard: Vec<_> = heard.flatten().collect();
        if !heard.is_empty() {
            router.neighbours = heard;
        }
    }

    fn banner_login(&self) -> Option<String> {
        self.banners.0.clone()
    }

    fn banner_motd(&self) -> String {
        self.banners.1.as_ref().map(|text| format!("\r\n{}\r\n", text.replace('\n', "\r\n"))).unwrap_or_default()
    }
}

/// A running router; it stops when dropped.
pub struct Device {
    shared: Arc<Shared>,
    pub port: u16,
    /// Fingerprint of its host key, `SHA256:…`.
    pub fingerprint: String,
    accepting: tokio::task::JoinHandle<()>,
    ticking: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Device {
    /// Its running configuration in its own order, as `show running-config` prints it.
    pub fn running(&self) -> String {
        self.with(|router| router.running.text())
    }

    /// Its startup configuration; empty after `write erase`.
    pub fn startup(&self) -> String {
        self.with(|router| router.startup.as_ref().map(store::Config::text).unwrap_or_default())
    }

    /// Its serial number.
    pub fn serial(&self) -> String {
        self.with(|router| router.serial.clone())
    }

    /// Looks at it or changes it.
    pub fn with<T>(&self, act: impl FnOnce(&mut Router) -> T) -> T {
        act(&mut self.shared.router.lock().unwrap())
    }

    /// Its console, privileged, without paging: no SSH, no faults.
    pub fn console(&self) -> Console {
        let mut terminal = terminal::Terminal::new(0, "console", true, None);
        terminal.length = 0;
        Console { shared: self.shared.clone(), terminal }
    }

    /// Types configuration lines at its console, as a colleague does behind our back.
    #[track_caller]
    pub fn type_lines(&self, lines: &[&str]) {
        self.with(|router| {
            let mut levels = Vec::new();
            for line in lines {
                config::line(router, &mut levels, line).unwrap_or_else(|refusal| panic!("{line}: {refusal:?}"));
            }
            router.changed = router.startup.as_ref() != Some(&router.running);
        });
    }

    /// Starts anew with `text` as both configurations, without archive, timers and faults.
    pub fn reset(&self, text: &str) {
        let text = filled(text);
        self.with(|router| {
            let mut fresh = Router::boot(&text);
            fresh.serial = router.serial.clone();
            fresh.pings = router.pings.take();
            *router = fresh;
        });
        *self.shared.hook.lock().unwrap() = None;
        self.shared.refusals.lock().unwrap().clear();
        self.shared.lines.lock().unwrap().clear();
        self.shared.bytes.store(0, Ordering::SeqCst);
        self.shared.cut_at_byte.store(0, Ordering::SeqCst);
    }

    /// Lets `time` go by on it: timers fire, a reload happens.
    pub fn advance(&self, time: Duration) {
        let events = self.with(|router| router.advance(time));
        server::announce(&self.shared, events);
    }

    /// From now on its clock runs `factor` times as fast as ours.
    pub fn run_clock(&self, factor: u32) {
        let shared = Arc::downgrade(&self.shared);
        let task = runtime().spawn(async move {
            let mut last = tokio::time::Instant::now();
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let Some(shared) = shared.upgrade() else { return };
                let now = tokio::time::Instant::now();
                let events = shared.router.lock().unwrap().advance((now - last) * factor);
                last = now;
                server::announce(&shared, events);
            }
        });
        if let Some(old) = self.ticking.lock().unwrap().replace(task) {
            old.abort();
        }
    }

    /// Asks `hook` at each line, before and after the router acts on it.
    pub fn at_each_line(&self, hook: Hook) {
        *self.shared.hook.lock().unwrap() = Some(hook);
    }

    /// Asks nobody any more.
    pub fn no_faults(&self) {
        *self.shared.hook.lock().unwrap() = None;
        self.shared.cut_at_byte.store(0, Ordering::SeqCst);
    }

    /// Breaks the connection at the byte with this number, from 1, over all sessions.
    pub fn cut_at_byte(&self, number: usize) {
        self.shared.cut_at_byte.store(number, Ordering::SeqCst);
    }

    /// Answers `said` to this line instead of carrying it out.
    pub fn refuse(&self, line: &str, said: &str) {
        self.shared.refusals.lock().unwrap().push((line.to_owned(), said.to_owned()));
    }

    /// Closes new connections at once (`true`), or takes them again.
    pub fn take_no_sessions(&self, none: bool) {
        self.shared.silent.store(none, Ordering::SeqCst);
    }

    /// The lines that it got, over all sessions.
    pub fn lines(&self) -> Vec<String> {
        self.shared.lines.lock().unwrap().clone()
    }

    /// Sessions that are open.
    pub fn sessions(&self) -> usize {
        self.shared.sessions.lock().unwrap().len()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.accepting.abort();
        if let Some(task) = self.ticking.lock().unwrap().take() {
            task.abort();
        }
    }
}

/// Puts routers on one LAN: they see each other's HSRP.
pub fn neighbours(devices: &[&Device]) {
    for device in devices {
        let others =
            devices.iter().filter(|other| other.port != device.port).map(|other| Arc::downgrade(&other.shared));
        *device.shared.neighbours.lock().unwrap() = others.collect();
    }
}
