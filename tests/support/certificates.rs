//! An authority and a server's certificate, by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Certificates in a folder.
pub struct Certificates {
    /// The authority's.
    pub authority: PathBuf,
    /// The server's, for 127.0.0.1.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// SHA-256 of the server's.
    pub sha256: String,
    /// SHA-1 of the server's.
    pub sha1: String,
}

impl Certificates {
    /// Makes them.
    pub fn make(folder: &Path) -> Self {
        let path = |name: &str| folder.join(name);
        std::fs::write(path("server.ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
        let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let authority = ["req", "-x509", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"];
        openssl(folder, &[&authority[..], &new].concat());
        let request = ["req", "-subj", "/CN=vcenter", "-keyout", "server.key", "-out", "server.csr"];
        openssl(folder, &[&request[..], &new].concat());
        let sign = ["x509", "-req", "-days", "2", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"];
        openssl(folder, &[&sign[..], &["-CAcreateserial", "-extfile", "server.ext", "-out", "server.pem"]].concat());
        let digest = |kind| {
            let told = openssl(folder, &["x509", "-in", "server.pem", "-noout", "-fingerprint", kind]);
            told.trim().split_once('=').unwrap().1.to_owned()
        };
        let (sha256, sha1) = (digest("-sha256"), digest("-sha1"));
        let (authority, certificate, key) = (path("ca.pem"), path("server.pem"), path("server.key"));
        Self { authority, certificate, key, sha256, sha1 }
    }
}

fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output();
    let output = output.expect("openssl is installed (make packages)");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
