//! Servers whose SSH is of the years of OpenSSH 4 and 5: asked only where the inventory says so, for checks
//! and for the survey alike. Needs the Debian package openssh-server.

use crate::support::sshd::{Sshd, keygen};
use crate::support::{Ran, Sandbox};

const TENANT: &str = "inventory/tenants/cinto-caomaggiore.yaml";
const FIRST: &str = "access: {host: 192.0.2.10, user: root, key: keys/rescue, host_key: unknown}";
const CHECKLIST: &str = r#"checklist: source
version: 1
items:
  - id: A-1
    title: {it: Il server risponde, en: The server answers}
    severity: blocker
    roles: [venis-sistemista]
    scope: server
    probe: {sh: 'echo fine'}
"#;

/// Key exchange and cipher; host key, login and integrity are the same for all of those years.
const YEARS: [(&str, &str); 3] = [
    ("diffie-hellman-group14-sha1", "aes128-cbc"),
    ("diffie-hellman-group-exchange-sha1", "aes256-cbc"),
    ("diffie-hellman-group1-sha1", "3des-cbc"),
];

/// A server that knows nothing else. It takes RSA keys with SHA-2, too: OpenSSH of today announces that it
/// does whatever its configuration says, which those of then cannot.
fn old(kex: &str, cipher: &str) -> Sshd {
    let sshd = Sshd::with(&format!(
        "KexAlgorithms {kex}\nCiphers {cipher}\nMACs hmac-sha1\nHostKeyAlgorithms ssh-rsa\n\
         PubkeyAcceptedAlgorithms +ssh-rsa\n"
    ));
    keygen(&sshd.dir().join("client_rsa"), "rsa");
    std::fs::copy(sshd.dir().join("client_rsa.pub"), sshd.dir().join("authorized_keys")).unwrap();
    sshd
}

/// Cinto, whose first server is `sshd`, with one item; `more` stands in its access.
fn sandbox(sshd: &Sshd, more: &str) -> Sandbox {
    let access = sshd.access_yaml().replace("/client\"", "/client_rsa\"");
    let access = access.replace(&sshd.fingerprint("ed25519"), &sshd.fingerprint("rsa"));
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
    sandbox.edit(TENANT, FIRST, &format!("access: {}", access.replace("{host:", &format!("{{{more}host:"))));
    sandbox.write("checklists/source.yaml", CHECKLIST);
    sandbox
}

fn check(sandbox: &Sandbox) -> (Ran, serde_json::Value) {
    let ran = sandbox.run(&["checklist", "run", "source", "cinto-caomaggiore", "--server", "cinto-srv1", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let finding = json["findings"][0].clone();
    (ran, finding)
}

fn survey(sandbox: &Sandbox) -> Ran {
    sandbox.run(&["survey", "cinto-caomaggiore", "--server", "cinto-srv1", "--json"])
}

#[test]
fn an_old_server_is_refused_with_what_it_offers_and_what_to_write() {
    let sshd = old("diffie-hellman-group14-sha1,diffie-hellman-group1-sha1", "aes128-cbc");
    let sandbox = sandbox(&sshd, "");
    let (ran, finding) = check(&sandbox);
    ran.code(4);
    assert_eq!(finding["verdict"], "error");
    let reason = finding["reason"].as_str().unwrap();
    let wanted = "127.0.0.1 and traghetto share no algorithm for key exchange; it offers diffie-hellman-group14-sha1, \
                  diffie-hellman-group1-sha1";
    assert!(reason.starts_with(wanted), "{reason}");
    assert!(reason.contains("`ssh_profile: legacy` in its access takes diffie-hellman-group14-sha1"), "{reason}");
    let ran = survey(&sandbox).code(1);
    for words in ["it offers diffie-hellman-group14-sha1", "knows only old algorithms", "write `ssh_profile: legacy`"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
}

#[test]
fn each_old_algorithm_by_itself_needs_the_profile() {
    for (config, what) in [
        ("Ciphers aes256-cbc", "encryption"),
        ("Ciphers aes128-ctr\nMACs hmac-sha1", "integrity"),
        ("HostKeyAlgorithms ssh-rsa", "host keys"),
    ] {
        let sshd = Sshd::with(config);
        keygen(&sshd.dir().join("client_rsa"), "rsa");
        let both = ["client.pub", "client_rsa.pub"].map(|name| std::fs::read_to_string(sshd.dir().join(name)).unwrap());
        std::fs::write(sshd.dir().join("authorized_keys"), both.concat()).unwrap();
        let (_, finding) = check(&sandbox(&sshd, ""));
        let reason = finding["reason"].as_str().unwrap();
        assert!(reason.contains(&format!("no algorithm for {what}; it offers")), "{config}: {reason}");
        assert!(reason.contains("`ssh_profile: legacy` in its access takes"), "{config}: {reason}");
        let (_, finding) = check(&sandbox(&sshd, "ssh_profile: legacy, "));
        assert_eq!(finding["verdict"], "pass", "{config}: {finding:#}");
    }
}

#[test]
fn an_old_server_is_checked_and_surveyed_where_the_inventory_says_so() {
    for (kex, cipher) in YEARS {
        let sshd = old(kex, cipher);
        let sandbox = sandbox(&sshd, "ssh_profile: legacy, ");
        let (ran, finding) = check(&sandbox);
        ran.code(0);
        assert_eq!((&finding["verdict"], &finding["found"]), (&"pass".into(), &"stdout `fine`".into()), "{finding:#}");
        let ran = survey(&sandbox).code(4);
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(json["servers"][0]["status"], "surveyed", "{kex} {cipher}: {}", ran.stdout);
    }
}

#[test]
fn the_profile_does_not_excuse_an_unknown_host_key() {
    let sshd = old("diffie-hellman-group14-sha1", "aes128-cbc");
    let sandbox = sandbox(&sshd, "ssh_profile: legacy, ");
    sandbox.edit(TENANT, &sshd.fingerprint("rsa"), &sshd.fingerprint("ed25519"));
    let (_, finding) = check(&sandbox);
    assert_eq!(finding["verdict"], "error");
    assert!(finding["reason"].as_str().unwrap().contains("is not the one of the inventory"), "{finding:#}");
}
