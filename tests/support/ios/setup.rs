//! A router as a test wants it, and its start.

use super::router::Router;
use super::server::{self, Connection, runtime};
use super::{Device, Shared};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
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
