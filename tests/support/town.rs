//! Cinto Caomaggiore on loopback: its three servers are image files behind one real sshd. Needs the
//! Debian package openssh-server.

use super::sshd::Sshd;
use super::{Ran, Sandbox};
use std::path::PathBuf;
use std::process::Command;

/// The sandbox with the project's inventory and playbook, short checklists, disks and the sshd.
pub struct Town {
    pub sandbox: Sandbox,
    pub sshd: Sshd,
}

/// Bytes of each disk: whole chunks and a tail.
pub const DISK: usize = 3 * 1024 * 1024 + 4096;

/// The servers of the town.
pub const SERVERS: [&str; 3] = ["cinto-srv1", "cinto-srv2", "cinto-srv3"];

const TENANT: &str = "inventory/tenants/cinto-caomaggiore.yaml";

impl Town {
    pub fn new() -> Self {
        let sshd = Sshd::start();
        let sandbox = Sandbox::with_project()
            .env("TRAGHETTO_AGENT", env!("CARGO_BIN_EXE_traghetto-agent"))
            .env("TRAGHETTO_OPERATOR", "anna-veneto");
        let town = Self { sandbox, sshd };
        for (number, (server, size, used)) in
            SERVERS.iter().zip([120, 80, 250]).zip([40, 30, 120]).map(|((a, b), c)| (a, b, c)).enumerate()
        {
            town.write_disk(server, number as u64 + 1);
            let disk = format!("{{id: disk0, source: /dev/sda, size_gb: {size}, used_gb: {used}}}");
            let image = town.disk(server);
            town.edit(&disk, &format!("{{id: disk0, source: \"{}\", size_bytes: {DISK}}}", image.display()));
            let access = format!("{{host: 192.0.2.1{number}, user: root, key: keys/rescue, host_key: unknown}}");
            let way = town.sshd.access_yaml();
            town.edit(&access, &format!("{way}\n    landing_access: {way}"));
        }
        for (phase, id) in
            [("source", "SRC-T-01"), ("test", "T-T-01"), ("landing", "L-T-01"), ("decommission", "D-T-01")]
        {
            town.sandbox.write(&format!("checklists/{phase}.yaml"), &checklist(phase, id));
        }
        town
    }

    /// Replaces the one occurrence of `from` in the tenant's file.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        self.sandbox.edit(TENANT, from, to);
    }

    /// The source disk of a server.
    pub fn disk(&self, server: &str) -> PathBuf {
        self.sandbox.path().join(format!("sources/{server}.img"))
    }

    /// The replica's image.
    pub fn image(&self, server: &str) -> PathBuf {
        self.sandbox.path().join(format!("replicas/cinto-caomaggiore/{server}/disk0.img"))
    }

    /// Writes a disk with some data, some zeros and a tail, all from a seed.
    pub fn write_disk(&self, server: &str, seed: u64) {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut bytes = vec![0; DISK];
        for chunk in bytes.chunks_mut(65536).step_by(2) {
            for byte in chunk {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state as u8;
            }
        }
        std::fs::create_dir_all(self.disk(server).parent().unwrap()).unwrap();
        std::fs::write(self.disk(server), bytes).unwrap();
    }

    /// Changes one block of a server's disk.
    pub fn change(&self, server: &str, block: usize, value: u8) {
        let mut bytes = std::fs::read(self.disk(server)).unwrap();
        bytes[block * 4096..][..4096].fill(value);
        std::fs::write(self.disk(server), bytes).unwrap();
    }

    /// Whether the replica is the source, byte for byte.
    pub fn is_equal(&self, server: &str) -> bool {
        std::fs::read(self.disk(server)).unwrap() == std::fs::read(self.image(server)).unwrap()
    }

    pub fn migrate(&self, args: &[&str]) -> Ran {
        let (command, rest) = args.split_first().unwrap();
        let mut all = vec!["migrate", command, "cinto-caomaggiore"];
        all.extend(rest);
        self.sandbox.run(&all)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let (command, rest) = args.split_first().unwrap();
        let mut all = vec!["migrate", command, "cinto-caomaggiore"];
        all.extend(rest);
        self.sandbox.command(&all)
    }

    /// `migrate status --json`.
    pub fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.migrate(&["status", "--json"]).code(0).stdout).unwrap()
    }

    /// What a signature on the gate approves now.
    pub fn approves(&self, gate: &str) -> String {
        let status = self.status();
        let gates = status["gates"].as_array().unwrap();
        let found = gates.iter().find(|candidate| candidate["gate"] == gate).unwrap();
        found["approves"].as_str().unwrap().to_owned()
    }

    /// Signs a gate for one role; who signs types it.
    #[track_caller]
    pub fn sign(&self, gate: &str, role: &str, by: &str) {
        let approves = self.approves(gate);
        self.migrate(&["sign", gate, "--role", role, "--operator", by, "--approve", &approves]).code(0);
    }

    /// Signs a gate for Comune and SAD.
    #[track_caller]
    pub fn sign_jointly(&self, gate: &str) {
        self.sign(gate, "comune-referente", "dario-pieve");
        self.sign(gate, "sad-validatore", "carla-riva");
    }

    /// Goes on to the gate `gate`, which must be the next.
    #[track_caller]
    pub fn run_to(&self, gate: &str) {
        let ran = self.migrate(&["run"]).code(5);
        assert!(ran.stderr.contains(&format!("sign gate {gate}:")), "{}", ran.stderr);
    }
}

fn checklist(phase: &str, id: &str) -> String {
    let when = if phase == "landing" { "when: notte\n    " } else { "" };
    // A copy is a Windows and runs no sh: it is reached, as the stand-in of the demo is.
    let probe = match phase {
        "test" | "landing" => "tcp: {host: \"{{ server.host }}\", port: \"{{ server.port }}\"}\n",
        _ => "sh: |\n        true\n",
    };
    format!(
        "checklist: {phase}\nversion: 1\nitems:\n  - id: {id}\n    title: {{it: Risponde, en: It answers}}\n    \
         severity: blocker\n    {when}roles: [venis-sistemista]\n    scope: server\n    probe:\n      {probe}"
    )
}
