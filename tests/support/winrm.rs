//! A Windows with WinRM, as tests/winrm/emulator.py plays it, and a wire that can be listened to.

use super::project;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use traghetto::model::server::{SecretRef, WinrmAccess};

/// The password of the emulated account: it must never be seen on a wire or in a message.
pub const PASSWORD: &str = "Pàss-Gondola-47";

/// The Python with pyspnego and pywinrm, if it is there.
pub fn python() -> Option<PathBuf> {
    let python = project().join("target/venv-winrm/bin/python");
    if python.exists() {
        return Some(python);
    }
    assert!(
        std::env::var_os("TRAGHETTO_PROOF").is_none(),
        "target/venv-winrm is not there: `make packages` puts it there"
    );
    println!("not run: pyspnego is not there (`make packages` puts it into target/venv-winrm)");
    None
}

/// A running emulator.
pub struct Emulator {
    pub port: u16,
    /// SHA-256 of its certificate, with `--tls`.
    pub certificate: Option<String>,
    child: Child,
    /// With the users and the password file.
    pub folder: tempfile::TempDir,
}

impl Emulator {
    /// Starts one; none where Python has not what it needs.
    pub fn start(options: &[&str]) -> Option<Self> {
        let python = python()?;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("users"), format!("TOWN:venis:{PASSWORD}\n")).unwrap();
        fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        fs::set_permissions(folder.path().join("password"), fs::Permissions::from_mode(0o600)).unwrap();
        let mut child = Command::new(python)
            .arg(project().join("tests/winrm/emulator.py"))
            .arg("--users")
            .arg(folder.path().join("users"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut port, mut certificate) = (None, None);
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            match line.split_once(' ') {
                Some(("PORT", number)) => port = Some(number.parse().unwrap()),
                Some(("CERTIFICATE", digest)) => certificate = Some(digest.to_owned()),
                other => panic!("{other:?}"),
            }
            if port.is_some() {
                break;
            }
        }
        Some(Self { port: port.unwrap(), certificate, child, folder })
    }

    /// How it is reached.
    pub fn access(&self) -> WinrmAccess {
        WinrmAccess {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: "TOWN\\venis".to_owned(),
            password: SecretRef::File("password".into()),
            certificate: self.certificate.clone(),
        }
    }

    /// The root of the references to secrets.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// What it saw; over plain HTTP only.
    pub fn state(&self) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"GET /state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Waits until no shell is open, and gives the state then.
    pub fn closed(&self) -> Value {
        let began = Instant::now();
        loop {
            let state = self.state();
            if state["open"] == 0 {
                return state;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "a shell stays open: {state}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A wire to a port of this machine; everything on it is written down, and a byte may be changed.
pub struct Wiretap {
    pub port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

/// Changes what the host sends, knowing how many bytes it sent before.
pub type Change = fn(usize, &mut [u8]);

impl Wiretap {
    pub fn to(target: u16, change: Change) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = heard.clone();
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                let far = TcpStream::connect(("127.0.0.1", target)).unwrap();
                near.set_nodelay(true).unwrap();
                far.set_nodelay(true).unwrap();
                let ends = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let (one, two) = (all.clone(), all.clone());
                std::thread::spawn(move || pass(near, far, &one, |_, _| {}));
                std::thread::spawn(move || pass(ends.1, ends.0, &two, change));
            }
        });
        Self { port, heard }
    }

    /// Everything that went over it, both ways.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, heard: &Mutex<Vec<u8>>, change: Change) {
    let (mut buffer, mut before) = (vec![0; 65536], 0);
    while let Ok(length) = from.read(&mut buffer) {
        let bytes = &mut buffer[..length];
        change(before, bytes);
        before += length;
        heard.lock().unwrap().extend_from_slice(bytes);
        if length == 0 || to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
