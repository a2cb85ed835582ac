//! A real OpenSSH server on loopback. Needs the Debian package openssh-server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use traghetto::model::server::{Access, Login, SshProfile};
use traghetto::world::ssh::Trust;

/// A running sshd with its own configuration, keys and folder; killed with its sessions on drop.
pub struct Sshd {
    dir: tempfile::TempDir,
    child: Child,
    pub port: u16,
}

impl Sshd {
    /// Starts one that takes the client key of its folder.
    pub fn start() -> Self {
        Self::with("")
    }

    /// Starts one with more lines of sshd_config, which come first and win.
    pub fn with(config: &str) -> Self {
        let mut dir = tempfile::tempdir().unwrap();
        keygen(&dir.path().join("host_ed25519"), "ed25519");
        keygen(&dir.path().join("host_rsa"), "rsa");
        keygen(&dir.path().join("client"), "ed25519");
        std::fs::copy(dir.path().join("client.pub"), dir.path().join("authorized_keys")).unwrap();
        // Where OpenSSH, started by root, separates privileges.
        let _ = std::fs::create_dir_all("/run/sshd");
        for _ in 0..5 {
            let port = free_port();
            let child = launch(dir.path(), port, config);
            let mut sshd = Self { dir, child, port };
            if sshd.answers() {
                return sshd;
            }
            dir = std::mem::replace(&mut sshd.dir, tempfile::tempdir().unwrap());
        }
        panic!("sshd does not start");
    }

    fn answers(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Its folder: `host_ed25519`, `host_rsa`, `client`, each with `.pub`, and `authorized_keys`.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The private key that it takes.
    pub fn client_key(&self) -> PathBuf {
        self.dir().join("client")
    }

    /// Fingerprint of one of its host keys: `ed25519` or `rsa`.
    pub fn fingerprint(&self, kind: &str) -> String {
        fingerprint(&self.dir().join(format!("host_{kind}.pub")))
    }

    /// Its line for a known_hosts file.
    pub fn known_hosts_line(&self) -> String {
        let key = std::fs::read_to_string(self.dir().join("host_ed25519.pub")).unwrap();
        format!("[127.0.0.1]:{} {key}", self.port)
    }

    /// Access as ourselves with its client key and its pinned host key.
    pub fn access(&self) -> Access {
        Access {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: user(),
            login: Login::Key(self.client_key()),
            host_key: Some(self.fingerprint("ed25519")),
            ssh_profile: SshProfile::Modern,
            via: None,
        }
    }

    /// The same, as the value of `access:` in a tenant's YAML.
    pub fn access_yaml(&self) -> String {
        format!(
            "{{host: 127.0.0.1, port: {}, user: {}, key: \"{}\", host_key: \"{}\"}}",
            self.port,
            user(),
            self.client_key().display(),
            self.fingerprint("ed25519")
        )
    }

    /// Ends the server and its sessions.
    pub fn stop(&mut self) {
        self.kill_sessions();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends the server and its sessions, and starts it anew as its folder says now.
    pub fn restart(&mut self) {
        self.stop();
        self.child = spawn(self.dir.path());
        assert!(self.answers(), "sshd does not start again");
    }

    /// Kills the commands of its sessions whose name begins so; says whether there was one.
    pub fn kill_commands(&self, name: &str) -> bool {
        let named =
            |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.starts_with(name));
        let found: Vec<u32> = descendants(self.child.id()).into_iter().filter(named).collect();
        found.iter().for_each(|pid| kill(*pid));
        !found.is_empty()
    }

    /// Kills the server's sessions, not the server.
    pub fn kill_sessions(&self) {
        for child in descendants(self.child.id()) {
            kill(child);
        }
    }

    /// Stops the server's sessions: they are there and do not answer, as behind a cut cable.
    pub fn freeze_sessions(&self) {
        for child in descendants(self.child.id()) {
            signal(child, rustix::process::Signal::STOP);
        }
    }

    /// Signals the servers of its sessions, not their commands.
    pub fn signal_servers(&self, number: rustix::process::Signal) {
        let is_sshd =
            |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.starts_with("sshd"));
        for child in descendants(self.child.id()).into_iter().filter(is_sshd) {
            signal(child, number);
        }
    }

    /// Processes of its sessions, commands included.
    pub fn session_processes(&self) -> usize {
        descendants(self.child.id()).len()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Trusts nothing that the inventory does not pin.
pub fn trust_nothing() -> Trust {
    Trust { known_hosts: Vec::new(), root: "/".into(), agent: None }
}

/// Our own login name.
pub fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes a key pair without passphrase at `path` and `path.pub`.
pub fn keygen(path: &Path, kind: &str) {
    commented_key(path, kind, "test");
}

/// The same, with a comment. One that the SSH library can read: of ECDSA keys it refuses those, one in
/// some hundred, whose secret number is a byte short.
pub fn commented_key(path: &Path, kind: &str, comment: &str) {
    loop {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-N", "", "-C", comment, "-t", kind, "-f"]).arg(path).stdin(Stdio::null());
        assert!(command.status().unwrap().success());
        if russh::keys::decode_secret_key(&std::fs::read_to_string(path).unwrap(), None).is_ok() {
            return;
        }
        std::fs::remove_file(path).unwrap();
    }
}

/// Fingerprint of a public key file.
pub fn fingerprint(path: &Path) -> String {
    let output = Command::new("ssh-keygen").arg("-lf").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

/// A port of loopback that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sessions find an empty home: what the account's own shell does at its start is none of our tests.
fn launch(dir: &Path, port: u16, config: &str) -> Child {
    let text = format!(
        "{config}\nListenAddress 0.0.0.0\nPort {port}\nHostKey {0}/host_ed25519\nHostKey {0}/host_rsa\n\
         AuthorizedKeysFile {0}/authorized_keys\nStrictModes no\nPidFile none\nUsePAM no\nPermitRootLogin yes\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 500\nUseDNS no\nLogLevel ERROR\n\
         SetEnv HOME={0}\n",
        dir.display()
    );
    std::fs::write(dir.join("sshd_config"), text).unwrap();
    spawn(dir)
}

fn spawn(dir: &Path) -> Child {
    let log = std::fs::File::create(dir.join("log")).unwrap();
    Command::new("/usr/sbin/sshd").args(["-D", "-e", "-f"]).arg(dir.join("sshd_config")).stderr(log).spawn().unwrap()
}

/// All processes below `parent`, found in /proc.
pub fn descendants(parent: u32) -> Vec<u32> {
    let mut pairs = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        if fields[0] != "Z" {
            pairs.push((pid, fields[1].parse::<u32>().unwrap_or(0)));
        }
    }
    let mut found = vec![parent];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(pairs.iter().filter(|(_, above)| *above == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.remove(0);
    found
}

fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        // It may be gone already.
        let _ = rustix::process::kill_process(pid, signal);
    }
}
