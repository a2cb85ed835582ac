//! A real Debian guest in QEMU, software emulation: for the long proofs. Needs root and the Debian
//! packages debootstrap and qemu-system-x86; built once, in minutes, and kept in `target/guest`.

use super::replica::run;
use super::sshd::{fingerprint, free_port};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use traghetto::model::server::{Access, Login, SshProfile};

pub mod machine;

pub use machine::{ADDRESS, CLONE_MAC, Cable, Hardware, IDENTITY, Landed, Profile, SOURCE_MAC, migrate};

/// A running guest; killed on drop.
pub struct Guest {
    dir: tempfile::TempDir,
    folder: PathBuf,
    disk: PathBuf,
    qemu: Child,
    host: &'static str,
    port: u16,
}

/// Where the guest is built: kernel, disk, keys.
fn built() -> PathBuf {
    let folder = super::project().join("target/guest");
    let script = super::project().join("tests/guest/build.sh");
    stamped(&folder.join("built-by"), &std::fs::read_to_string(&script).unwrap(), || {
        let _ = std::fs::remove_dir_all(&folder);
        println!("building the guest: some minutes");
        run(&[script.to_str().unwrap(), folder.to_str().unwrap()]);
    });
    folder
}

/// Builds what was not built by this text.
fn stamped(stamp: &Path, text: &str, build: impl FnOnce()) {
    if !std::fs::read_to_string(stamp).is_ok_and(|by| by == text) {
        build();
        std::fs::write(stamp, text).unwrap();
    }
}

/// QEMU as all guests have it; software emulation.
fn qemu(dir: &Path) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    command
        .args(["-machine", "q35", "-accel", "tcg", "-cpu", "max", "-m", "768", "-nodefaults", "-display", "none"])
        .args(["-device", "virtio-rng-pci", "-serial"])
        .arg(format!("file:{}", dir.join("console").display()))
        .stdin(Stdio::null());
    command
}

impl Guest {
    /// Boots a guest from a copy of the disk, and waits until it takes logins.
    pub fn boot() -> Self {
        let folder = built();
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let disk = dir.path().join("disk.img");
        run(&["cp", "--sparse=always", folder.join("disk.img").to_str().unwrap(), disk.to_str().unwrap()]);
        std::fs::File::create(dir.path().join("volumes.img")).unwrap().set_len(1 << 30).unwrap();
        let drive = |name: &str| format!("file={},format=raw,if=virtio", dir.path().join(name).display());
        let qemu = qemu(dir.path())
            .args(["-append", "root=/dev/vda1 rw console=ttyS0 quiet mitigations=off"])
            .arg("-kernel")
            .arg(folder.join("vmlinuz"))
            .arg("-initrd")
            .arg(folder.join("initrd.img"))
            .args(["-drive", &drive("disk.img"), "-drive", &drive("volumes.img")])
            .args(["-netdev", &format!("user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22")])
            .args(["-device", "virtio-net-pci,netdev=net"])
            .spawn()
            .unwrap();
        Self { dir, folder, disk, qemu, host: "127.0.0.1", port }.waited()
    }

    /// The same once it takes logins.
    fn waited(mut self) -> Self {
        self.wait();
        self
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(900) {
            assert!(self.qemu.try_wait().unwrap().is_none(), "QEMU ended");
            if self.ssh("true").output().unwrap().status.success() {
                println!("the guest takes logins after {:.0} s", begun.elapsed().as_secs_f64());
                return;
            }
            std::thread::sleep(Duration::from_secs(3));
        }
        let console = std::fs::read_to_string(self.dir.path().join("console")).unwrap_or_default();
        panic!("the guest takes no login; its console:\n{console}");
    }

    /// The folder of this run.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its disk, which it sees as /dev/vda, or as /dev/sda where it is a physical machine.
    pub fn disk(&self) -> PathBuf {
        self.disk.clone()
    }

    /// How we reach it.
    pub fn access(&self) -> Access {
        Access {
            host: self.host.to_owned(),
            port: self.port,
            user: "root".to_owned(),
            login: Login::Key(self.folder.join("client")),
            host_key: Some(fingerprint(&self.folder.join("host.pub"))),
            ssh_profile: SshProfile::Modern,
            via: None,
        }
    }

    /// The same, as the value of `access:` in a tenant's YAML.
    pub fn access_yaml(&self) -> String {
        let (host, port, key) = (self.host, self.port, self.folder.join("client"));
        let host_key = fingerprint(&self.folder.join("host.pub"));
        format!("{{host: {host}, port: {port}, user: root, key: \"{}\", host_key: \"{host_key}\"}}", key.display())
    }

    /// Whether a new login is answered in time.
    pub fn answers_within(&self, time: Duration) -> bool {
        let mut login = self.ssh("true").spawn().unwrap();
        let until = Instant::now() + time;
        while Instant::now() < until {
            if let Some(status) = login.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        login.kill().unwrap();
        login.wait().unwrap();
        false
    }

    /// Runs a script in the guest, which must end well.
    #[track_caller]
    pub fn run(&self, script: &str) -> String {
        let output = self.ssh(script).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn ssh(&self, script: &str) -> Command {
        let mut command = Command::new("ssh");
        command
            .args(["-q", "-F", "none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"])
            .args([
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-p",
                &self.port.to_string(),
            ])
            .arg("-i")
            .arg(self.folder.join("client"))
            .args([&format!("root@{}", self.host), script])
            .stdin(Stdio::null());
        command
    }

    /// Ends the machine as a power cut does. What it has written is in its disk.
    pub fn kill(&mut self) {
        self.qemu.kill().unwrap();
        self.qemu.wait().unwrap();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
