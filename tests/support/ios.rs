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
pub mod exec;
pub mod filters;
pub mod grammar;
pub mod password;
pub mod router;
pub mod routing;
pub mod server;
pub mod show;
pub mod store;
pub mod terminal;

use router::Router;
use server::{Connection, Open, runtime};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// Who may log in.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    pub password: Option<String>,
    /// Public keys, as lines of OpenSSH.
    pub keys: Vec<String>,
    /// Whether the session is privileged at once (privilege 15).
    pub privileged: bool,
}

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

/// A router to be started.
pub struct Setup {
    name: String,
    text: String,
    accounts: Vec<Account>,
    enable: Option<String>,
    banners: (Option<String>, Option<String>),
    noisy: bool,
    slow_echo: Duration,
    legacy: bool,
    key_only: bool,
    seed: u8,
    serial: Option<String>,
}

impl Setup {
    /// A router that boots with `text`, in which references to secrets and to what is not known are
    /// replaced by invented values. Without an account nobody can log in.
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: filled(text),
            accounts: Vec::new(),
            enable: None,
            banners: (None, None),
            noisy: false,
            slow_echo: Duration::ZERO,
            legacy: false,
            key_only: false,
            seed: name.bytes().fold(7, |seed: u8, byte| seed.wrapping_mul(31).wrapping_add(byte)),
            serial: None,
        }
    }

    /// Lets `name` in, privileged at once.
    pub fn account(mut self, name: &str, password: &str) -> Self {
        self.accounts.push(Account {
            name: name.to_owned(),
            password: Some(password.to_owned()),
            keys: Vec::new(),
            privileged: true,
        });
        self
    }

    /// Lets `name` in, who must `enable` with the secret.
    pub fn plain_account(mut self, name: &str, password: &str, enable: &str) -> Self {
        self.accounts.push(Account {
            name: name.to_owned(),
            password: Some(password.to_owned()),
            keys: Vec::new(),
            privileged: false,
        });
        self.enable = Some(enable.to_owned());
        self
    }

    /// Lets the owner of a public key in as `name`, privileged at once.
    pub fn key(mut self, name: &str, public: &str) -> Self {
        self.accounts.push(Account {
            name: name.to_owned(),
            password: None,
            keys: vec![public.trim().to_owned()],
            privileged: true,
        });
        self
    }

    /// Shows a text before the login, and one after it.
    pub fn banners(mut self, login: &str, motd: &str) -> Self {
        self.banners = (Some(login.to_owned()), Some(motd.to_owned()));
        self
    }

    /// Prints log messages among the answers, until a session says `terminal no monitor`.
    pub fn noisy(mut self) -> Self {
        self.noisy = true;
        self
    }

    /// Takes so long for each character.
    pub fn slow_echo(mut self, wait: Duration) -> Self {
        self.slow_echo = wait;
        self
    }

    /// Speaks only the algorithms of 2010: SHA-1, CBC and ssh-rsa. Needs ssh-keygen.
    pub fn legacy(mut self) -> Self {
        self.legacy = true;
        self
    }

    /// Takes no passwords.
    pub fn key_only(mut self) -> Self {
        self.key_only = true;
        self
    }

    /// The chassis has another serial number than its name gives it.
    pub fn serial(mut self, serial: &str) -> Self {
        self.serial = Some(serial.to_owned());
        self
    }

    /// Starts it.
    pub fn start(self) -> Device {
        let mut router = Router::boot(&self.text);
        router.serial = self.serial.unwrap_or_else(|| format!("FDO2140A{:03X}", u32::from(self.seed) + 256));
        let shared = Arc::new(Shared {
            name: self.name,
            router: Mutex::new(router),
            accounts: self.accounts,
            enable: self.enable,
            noisy: self.noisy,
            slow_echo: self.slow_echo,
            sessions: Mutex::new(Vec::new()),
            banners: self.banners,
            hook: Mutex::new(None),
            refusals: Mutex::new(Vec::new()),
            lines: Mutex::new(Vec::new()),
            bytes: AtomicUsize::new(0),
            cut_at_byte: AtomicUsize::new(0),
            silent: AtomicBool::new(false),
            neighbours: Mutex::new(Vec::new()),
        });
        let rsa = self.legacy.then(rsa_key);
        let fingerprint =
            |key: &russh::keys::PrivateKey| key.public_key().fingerprint(russh::keys::HashAlg::Sha256).to_string();
        let fingerprint = rsa.as_ref().map_or_else(|| fingerprint(&server::host_key(self.seed)), fingerprint);
        let config = Arc::new(server::config(self.seed, rsa, self.key_only));
        let listener = runtime().block_on_anywhere(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let port = listener.local_addr().unwrap().port();
        let accepting = runtime().spawn(accept(shared.clone(), config, listener));
        Device { shared, port, fingerprint, accepting, ticking: Mutex::new(None) }
    }
}

/// Takes connections.
async fn accept(shared: Arc<Shared>, config: Arc<russh::server::Config>, listener: tokio::net::TcpListener) {
    let mut id = 0;
    while let Ok((stream, _)) = listener.accept().await {
        id += 1;
        if shared.silent.load(Ordering::SeqCst) {
            continue;
        }
        let _ = stream.set_nodelay(true);
        let connection = Connection::new(shared.clone(), id);
        let config = config.clone();
        tokio::spawn(async move {
            if let Ok(session) = russh::server::run_stream(config, stream, connection).await {
                let _ = session.await;
            }
        });
    }
}

/// Blocking on our runtime, also from inside another one.
trait BlockAnywhere {
    fn block_on_anywhere<T: Send>(&self, future: impl Future<Output = std::io::Result<T>> + Send) -> T;
}

impl BlockAnywhere for tokio::runtime::Runtime {
    fn block_on_anywhere<T: Send>(&self, future: impl Future<Output = std::io::Result<T>> + Send) -> T {
        std::thread::scope(|scope| scope.spawn(|| self.block_on(future)).join().unwrap().unwrap())
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

/// A terminal without a connection.
pub struct Console {
    shared: Arc<Shared>,
    pub terminal: terminal::Terminal,
}

impl Console {
    /// What it shows while this is typed, with single line breaks.
    pub fn types(&mut self, typed: &str) -> String {
        let mut shown = String::new();
        for byte in typed.bytes() {
            let mut router = self.shared.router.lock().unwrap();
            let (echo, line) = self.terminal.key(&router, byte);
            shown.push_str(&echo);
            if let Some(line) = line {
                self.shared.refresh(&mut router);
                shown.push_str(&self.terminal.carry_out(&mut router, &line).0);
            }
        }
        shown.replace("\r\n", "\n")
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

/// The text with invented values where it has references.
pub fn filled(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let reference = rest[start..].strip_prefix("<secret:").or_else(|| rest[start..].strip_prefix("<unknown:"));
        let Some((name, after)) = reference.and_then(|text| text.split_once('>')) else {
            filled.push_str(&rest[..=start]);
            rest = &rest[start + 1..];
            continue;
        };
        filled.push_str(&rest[..start]);
        filled.push_str(&invented(name));
        rest = after;
    }
    filled + rest
}

/// The invented value of the secret `name`.
pub fn invented(name: &str) -> String {
    format!("invented-{}", name.replace(['.', '/', '_'], "-"))
}

fn rsa_key() -> russh::keys::PrivateKey {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rsa");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "rsa", "-b", "2048", "-f"])
        .arg(&path)
        .stdin(std::process::Stdio::null())
        .status();
    assert!(made.unwrap().success());
    russh::keys::PrivateKey::from_openssh(std::fs::read_to_string(&path).unwrap()).unwrap()
}
