//! A vCenter as govmomi simulates it: tests/vcsim/main.go, built by `make packages` into target/vcsim.

use super::certificates::Certificates;
use super::project;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use traghetto::model::server::SecretRef;
use traghetto::world::vsphere::{Trust, VcenterAccess};

/// The password of the account: never in a message or a log.
pub const PASSWORD: &str = "Bricola&<47>\"à";
/// The account.
pub const USER: &str = "traghetto@vsphere.local";

/// A running simulator. Its folder is also where it looks for the paths of NFS datastores.
pub struct Vcsim {
    child: Child,
    /// It ends when this is closed.
    _stdin: ChildStdin,
    pub port: u16,
    pub folder: tempfile::TempDir,
    pub certificates: Certificates,
}

impl Vcsim {
    /// Starts one.
    pub fn start(options: &[&str]) -> Self {
        let program = project().join("target/vcsim");
        assert!(program.exists(), "target/vcsim is not there: `make packages` builds it");
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::make(folder.path());
        let password = folder.path().join("password");
        std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut child = Command::new(program)
            .current_dir(folder.path())
            .env("VCSIM_PASSWORD", PASSWORD)
            // Its datastores go with it.
            .env("TMPDIR", folder.path())
            .args(["-cert", "server.pem", "-key", "server.key", "-user", USER, "-password", "VCSIM_PASSWORD"])
            .args(["-trace", "requests"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("messages")).unwrap())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let port = address.trim().rsplit_once(':').unwrap().1.parse().unwrap();
        let stdin = child.stdin.take().unwrap();
        Self { child, _stdin: stdin, port, folder, certificates }
    }

    /// How it is reached, by the thumbprint of its certificate.
    pub fn access(&self) -> VcenterAccess {
        VcenterAccess {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: USER.to_owned(),
            password: SecretRef::File("password".into()),
            trust: Trust::Thumbprint(self.certificates.sha256.clone()),
        }
    }

    /// The root of the references to secrets.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that it looks for: see tests/vcsim/relocate.go.
    pub fn say(&self, file: &str, text: &str) {
        std::fs::write(self.root().join(file), text).unwrap();
    }

    /// The envelopes of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("requests")).unwrap();
        let envelopes = text.split("Request: ").skip(1);
        envelopes.filter_map(|one| Some(one.split_once("</soapenv:Envelope>")?.0.to_owned())).collect()
    }
}

impl Drop for Vcsim {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", std::fs::read_to_string(self.folder.path().join("messages")).unwrap_or_default());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
