//! A town of two Linux servers that lands in a simulated vCenter, in a network of its own where a source's
//! address can go away. Needs root, openssh-server, iproute2 and `target/vcsim`.

use super::images::Image;
use super::lab::space::{Space, run};
use super::roots::{self, debian};
use super::sshd::Sshd;
use super::vcsim::{PASSWORD, USER, Vcsim};
use super::{Ran, Sandbox};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use traghetto::world::vsphere::{Change, Client, Deadlines, Machine, MachineState, Place, Plug, Power};

pub const TENANT: &str = "cinto-caomaggiore";
/// The servers; the second moves after the first.
pub const SERVERS: [&str; 2] = ["cinto-srv1", "cinto-srv2"];
/// Where their sources are asked, and where their copies.
const SOURCES: [&str; 2] = ["127.0.1.10", "127.0.1.11"];
const COPIES: [&str; 2] = ["127.0.2.10", "127.0.2.11"];
const FILE: &str = "inventory/tenants/cinto-caomaggiore.yaml";
/// Longer than anything of a night takes.
const LONG: Duration = Duration::from_secs(120);

/// The town, its simulator, and everything that the program ever printed.
pub struct Night {
    pub sandbox: Sandbox,
    pub vcsim: Vcsim,
    sshd: Sshd,
    told: Mutex<String>,
    /// Said before every command.
    options: Vec<String>,
}

/// A machine as the simulator shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub on: bool,
    pub connected: bool,
    pub network: String,
}

/// Runs a test in a network of its own.
pub fn in_own_network(work: impl FnOnce() + Send) {
    let mut space = Space::new();
    space.add("notte");
    space.inside("notte", || {
        run("ip", &["address", "del", "127.0.0.1/8", "dev", "lo"]);
        for address in ["127.0.0.1"].iter().chain(&SOURCES).chain(&COPIES) {
            run("ip", &["address", "add", &format!("{address}/32"), "dev", "lo"]);
        }
        work();
    });
}

fn number(server: &str) -> usize {
    SERVERS.iter().position(|known| *known == server).unwrap()
}

impl Night {
    /// A landing by `way` (`nfs` or `nfc`); `options` are said before every command.
    pub fn new(way: &str, options: &[&str]) -> Self {
        let (sshd, vcsim) = (Sshd::start(), Vcsim::start(&[]));
        std::fs::create_dir(vcsim.root().join("staging")).unwrap();
        let sandbox = Sandbox::with_project()
            .env("TRAGHETTO_AGENT", env!("CARGO_BIN_EXE_traghetto-agent"))
            .env("TRAGHETTO_OPERATOR", "anna-veneto")
            .env("VCENTER_PASSWORD", PASSWORD)
            .env("SOURCE_PASSWORD", super::converter::SOURCE_PASSWORD)
            .env("CONVERTER_PASSWORD", super::converter::PASSWORD);
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let night = Self { sandbox, vcsim, sshd, told: Mutex::default(), options };
        night.describe(way);
        for server in SERVERS {
            night.build(server);
        }
        for (phase, id) in [("source", "SRC-T-01"), ("test", "T-T-01"), ("landing", "L-T-01")] {
            night.sandbox.write(&format!("checklists/{phase}.yaml"), &checklist(phase, id));
        }
        night
    }

    /// Writes what is special into the inventory.
    fn describe(&self, way: &str) {
        let text = std::fs::read_to_string(self.sandbox.path().join(FILE)).unwrap();
        let (before, rest) = text.split_once("\nservers:\n").unwrap();
        let (_, after) = rest.split_once("\nsites:\n").unwrap();
        let servers: String = SERVERS.iter().map(|server| self.server(server)).collect();
        let before = before.replace("assessed: 3", "assessed: 2");
        self.sandbox.write(FILE, &format!("{before}\nservers:\n{servers}sites:\n{after}"));
        let staging = match way {
            "nfs" => format!(
                "    staging: {{datastore: staging, nfs_host: 10.0.0.9, nfs_path: /srv/landing, directory: \"{}\"}}\n",
                self.staging().display()
            ),
            _ => String::new(),
        };
        let (port, thumbprint) = (self.vcsim.port, &self.vcsim.certificates.sha256);
        let vsphere = format!(
            "  vsphere:\n    server: 127.0.0.1\n    port: {port}\n    user: {USER}\n    \
             password: env:VCENTER_PASSWORD\n    thumbprint: \"{thumbprint}\"\n    datacenter: DC0\n    \
             pool: DC0_C0/Resources\n    hosts: [DC0_C0/DC0_C0_H0]\n    distributed_switch: DVS0\n    way: {way}\n    \
             datastore: LocalDS_0\n{staging}"
        );
        let uplink = "  uplink_mbps: 1000";
        self.sandbox.edit("inventory/project.yaml", uplink, &format!("{vsphere}{uplink}"));
    }

    fn server(&self, server: &str) -> String {
        let number = number(server);
        let landing = ["{renumber: 10.64.4.10}", "keep"][number];
        let after = ["[]", "[cinto-srv1]"][number];
        let access = self.sshd.access_yaml();
        let (source, copy) =
            (access.replace("127.0.0.1", SOURCES[number]), access.replace("127.0.0.1", COPIES[number]));
        format!(
            "  - id: {server}\n    example: true\n    os: {{linux: Debian 7}}\n    physical: true\n    billable: true\n    \
             roles: [logging]\n    address: 192.0.2.1{number}\n    landing: {landing}\n    transfer: rescue\n    \
             disks:\n      - {{id: disk0, source: \"{}\", size_bytes: {}}}\n    access: {source}\n    \
             landing_access: {copy}\n    after: {after}\n",
            self.source(server).display(),
            96 * roots::MIB
        )
    }

    /// A small Debian on the disk of a source.
    fn build(&self, server: &str) {
        let root = debian();
        root.file(
            "etc/network/interfaces",
            &format!(
                "auto lo eth0\niface lo inet loopback\niface eth0 inet static\n    address 192.0.2.1{}\n    netmask \
                 255.255.255.0\n",
                number(server)
            ),
        );
        let image: Image = roots::disk(&root);
        std::fs::create_dir_all(self.source(server).parent().unwrap()).unwrap();
        run("cp", &["--sparse=always", &image.path(), self.source(server).to_str().unwrap()]);
    }

    /// The second server is a Windows that VMware Converter moves, by `transfer`, with a server at `port`.
    pub fn with_converter(&self, transfer: &str, converter: &super::converter::Converter) {
        let text = std::fs::read_to_string(self.sandbox.path().join(FILE)).unwrap();
        let (before, rest) = text.split_once(&format!("  - id: {}\n", SERVERS[1])).unwrap();
        let (_, after) = rest.split_once("\nsites:\n").unwrap();
        let copy = self.sshd.access_yaml().replace("127.0.0.1", COPIES[1]);
        let server = format!(
            "  - id: {}\n    example: true\n    os: {{windows: Windows Server 2008 R2}}\n    physical: true\n    \
             billable: true\n    roles: [logging]\n    address: 192.0.2.11\n    landing: keep\n    \
             transfer: {transfer}\n    landing_access: {copy}\n    after: [cinto-srv1]\n    \
             converter: {{host: 127.0.1.11, user: Administrator, password: env:SOURCE_PASSWORD, services_stopped: [Spooler]}}\n",
            SERVERS[1]
        );
        self.sandbox.write(FILE, &format!("{before}{server}sites:\n{after}"));
        let access = converter.access();
        let landing = format!(
            "  converter:\n    host: 127.0.0.1\n    port: {}\n    user: traghetto\n    password: env:CONVERTER_PASSWORD\n    \
             certificate: \"{}\"\n    vcenter_thumbprint: \"{}\"\n",
            access.port,
            converter.certificates.sha256,
            super::converter::VCENTER_SHA1
        );
        let uplink = "  uplink_mbps: 1000";
        self.sandbox.edit("inventory/project.yaml", uplink, &format!("{landing}{uplink}"));
        // Converter stands still by day, and this test has no hour.
        self.sandbox.edit("inventory/project.yaml", "mcr_percent: 60}", "pcr_percent: 80}");
    }

    /// Somebody's own program makes a machine of the tenant: off, unplugged, without our mark.
    pub fn somebody_makes(&self, name: &str) {
        let script = super::project().join("tests/vcsim/foreign_machine.py");
        let port = self.vcsim.port.to_string();
        let (folder, pool) = (format!("/DC0/vm/{TENANT}"), format!("/DC0/host/DC0_C0/Resources/{TENANT}"));
        let made = std::process::Command::new("python3")
            .arg(script)
            .args([&port, USER, &folder, &pool, name])
            .env("VCENTER_PASSWORD", PASSWORD)
            .status();
        assert!(made.unwrap().success());
    }

    /// The disk of a source.
    pub fn source(&self, server: &str) -> PathBuf {
        self.sandbox.path().join(format!("sources/{server}.img"))
    }

    /// The image of its replica.
    pub fn replica(&self, server: &str) -> PathBuf {
        self.sandbox.path().join(format!("replicas/{TENANT}/{server}/disk0.img"))
    }

    /// The export.
    pub fn staging(&self) -> PathBuf {
        self.vcsim.root().join("staging")
    }

    /// What lies where the clones of the tenant do, by names.
    pub fn clones(&self, way: &str) -> Vec<String> {
        let folder =
            if way == "nfs" { self.staging() } else { self.sandbox.path().join("replicas-machines") }.join(TENANT);
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    /// SHA-256 of both sources and both replicas.
    pub fn bytes(&self) -> Vec<String> {
        let files = SERVERS.iter().flat_map(|server| [self.source(server), self.replica(server)]);
        files.map(|file| traghetto::digest::sha256(&std::fs::read(file).unwrap())).collect()
    }

    /// Everything that was printed so far.
    pub fn told(&self) -> String {
        self.told.lock().unwrap().clone()
    }

    fn tell(&self, text: &str) {
        self.told.lock().unwrap().push_str(text);
    }

    fn words<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let (command, rest) = args.split_first().unwrap();
        let options = self.options.iter().map(String::as_str);
        options.chain(["migrate", command, TENANT]).chain(rest.iter().copied()).collect()
    }

    /// `migrate COMMAND TENANT …`.
    pub fn migrate(&self, args: &[&str]) -> Ran {
        let ran = self.sandbox.run(&self.words(args));
        self.tell(&ran.stdout);
        self.tell(&ran.stderr);
        ran
    }

    /// The same, at work beside the test.
    pub fn start(&self, args: &[&str]) -> Running<'_> {
        let mut command = self.sandbox.command(&self.words(args));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Running { night: self, child, lines, text: String::new() }
    }

    /// `migrate status --json`.
    pub fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.migrate(&["status", "--json"]).code(0).stdout).unwrap()
    }

    /// Signs a gate for one role; who signs types it.
    #[track_caller]
    pub fn sign(&self, gate: &str, role: &str, by: &str) {
        let status = self.status();
        let gates = status["gates"].as_array().unwrap();
        let approves = gates.iter().find(|candidate| candidate["gate"] == gate).unwrap()["approves"].clone();
        let approves = approves.as_str().unwrap();
        self.migrate(&["sign", gate, "--role", role, "--operator", by, "--approve", approves]).code(0);
    }

    /// Signs whatever a gate asks for.
    #[track_caller]
    pub fn pass(&self, gate: &str) {
        let (carries, validates) = (
            [("venis-sistemista", "anna-veneto"), ("comune-tecnico", "elena-ponte")],
            [("comune-referente", "dario-pieve"), ("sad-validatore", "carla-riva")],
        );
        let signers = match gate {
            "quiet" => &carries[..],
            "landing-ready" | "test-accepted" => &validates[1..],
            _ => &validates[..],
        };
        for (role, by) in signers {
            self.sign(gate, role, by);
        }
    }

    /// Goes on to a gate, which must be the next.
    #[track_caller]
    pub fn run_to(&self, gate: &str) {
        let ran = self.migrate(&["run"]).code(5);
        assert!(ran.stderr.contains(&format!("sign gate {gate}:")), "{}", ran.stderr);
    }

    /// A person on the spot says what is so.
    #[track_caller]
    pub fn vouch(&self, fact: &str, server: &str) -> Ran {
        self.vouch_as(("comune-tecnico", "elena-ponte"), fact, server)
    }

    /// Somebody in a role says what is so.
    #[track_caller]
    pub fn vouch_as(&self, (role, by): (&str, &str), fact: &str, server: &str) -> Ran {
        let words = ["sign", fact, "--server", server, "--role", role, "--note", "visto"];
        let typed = ["--operator", by];
        let shown = self.migrate(&[&words[..], &typed].concat());
        let digest = approval(&shown);
        self.migrate(&[&words[..], &typed, &["--approve", &digest]].concat()).code(0)
    }

    /// Switches a source off, or takes the address of its copy away.
    pub fn silence(&self, address: Address, server: &str) {
        run("ip", &["address", "del", &format!("{}/32", address.of(server)), "dev", "lo"]);
    }

    /// Something answers there again.
    pub fn answer(&self, address: Address, server: &str) {
        run("ip", &["address", "add", &format!("{}/32", address.of(server)), "dev", "lo"]);
    }

    /// Whatever was silenced in this network before answers again.
    pub fn answer_again(&self, server: &str) {
        for address in [Address::Source, Address::Copy] {
            run("ip", &["address", "replace", &format!("{}/32", address.of(server)), "dev", "lo"]);
        }
    }

    /// Somebody starts a machine in the vCenter, its network card plugged in.
    pub fn somebody_starts(&self, name: &str) {
        self.by_hand(name, true);
    }

    /// Somebody pulls the network card of a machine out.
    pub fn somebody_unplugs(&self, name: &str) {
        self.by_hand(name, false);
    }

    fn by_hand(&self, name: &str, plugged: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let access = self.vcsim.access();
            let client = Client::connect(&access, self.vcsim.root(), Deadlines::default()).await.unwrap();
            let folder = client.find(&Place::read(&format!("DC0/vm/{TENANT}")).unwrap()).await.unwrap();
            let child = client.list(&folder).await.unwrap().into_iter().find(|child| child.name == name).unwrap();
            let machine = Machine { object: child.object, name: child.name, id: String::new() };
            if plugged {
                client.power_on(&machine, LONG).await.unwrap();
            }
            let cable = Change::Cable { nic: 0, network: None, start_connected: plugged, connected: plugged };
            client.reconfigure(&machine, &[cable]).await.unwrap();
            client.log_out().await;
        });
    }

    /// All machines of the tenant, by name.
    pub fn machines(&self) -> BTreeMap<String, Seen> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.look())
    }

    /// Where the settings of a machine of the tenant are.
    pub fn place(&self, name: &str) -> String {
        self.with_machine(name, async |_, _, state| state.home.unwrap().to_string())
    }

    /// Somebody shuts a guest down.
    pub fn shut_down(&self, name: &str) {
        self.with_machine(name, async |client, machine, _| client.shut_down(&machine, LONG).await.unwrap());
    }

    /// Somebody turns a machine on.
    pub fn turn_on(&self, name: &str) {
        self.with_machine(name, async |client, machine, _| client.power_on(&machine, LONG).await.unwrap());
    }

    fn with_machine<T>(&self, name: &str, work: impl AsyncFnOnce(&Client, Machine, MachineState) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::connect(&self.vcsim.access(), self.vcsim.root(), Deadlines::default()).await.unwrap();
            let folder = client.find(&Place::read(&format!("DC0/vm/{TENANT}")).unwrap()).await.unwrap();
            let (machine, state) = client.anybodys(&folder, name).await.unwrap().unwrap();
            let done = work(&client, machine, state).await;
            client.log_out().await;
            done
        })
    }

    async fn look(&self) -> BTreeMap<String, Seen> {
        let access = self.vcsim.access();
        let client = Client::connect(&access, self.vcsim.root(), Deadlines::default()).await.unwrap();
        let place = |path: &str| Place::read(path).unwrap();
        let networks = client.list(&client.find(&place("DC0/network")).await.unwrap()).await.unwrap();
        let mut seen = BTreeMap::new();
        let Some(folder) = client.look(&place(&format!("DC0/vm/{TENANT}"))).await.unwrap() else { return seen };
        for child in client.list(&folder).await.unwrap() {
            let machine = Machine { object: child.object, name: child.name.clone(), id: String::new() };
            // It may go away meanwhile, or be half made.
            let Ok(state) = client.state(&machine).await else { continue };
            let Some(nic) = state.nics.first() else { continue };
            let goes = |value: &str| matches!(&nic.plug, Plug::Distributed { key, .. } if key == value);
            let network = networks.iter().find(|network| goes(&network.object.value));
            let network = network.map(|network| network.name.clone()).unwrap_or_default();
            let on = state.power == Power::On;
            let connected = if on { nic.connected } else { nic.start_connected };
            seen.insert(child.name, Seen { on, connected, network });
        }
        client.log_out().await;
        seen
    }
}

/// An address of a server.
#[derive(Debug, Clone, Copy)]
pub enum Address {
    Source,
    Copy,
}

impl Address {
    fn of(self, server: &str) -> &'static str {
        match self {
            Address::Source => SOURCES[number(server)],
            Address::Copy => COPIES[number(server)],
        }
    }
}

/// The digest that a refused signature asks for.
#[track_caller]
fn approval(ran: &Ran) -> String {
    let all = format!("{}\n{}", ran.stdout, ran.stderr);
    let (_, digest) = all.split_once("--approve ").unwrap_or_else(|| panic!("no digest: {all}"));
    digest.chars().take_while(char::is_ascii_hexdigit).collect()
}

/// The program at work.
pub struct Running<'n> {
    night: &'n Night,
    child: Child,
    lines: Receiver<String>,
    pub text: String,
}

impl Running<'_> {
    /// Its next line within some time; none once it has ended, or then.
    pub fn line(&mut self, within: Duration) -> Result<String, RecvTimeoutError> {
        let line = self.lines.recv_timeout(within)?;
        self.text += &line;
        self.text.push('\n');
        Ok(line)
    }

    /// Reads until it says something.
    #[track_caller]
    pub fn until(&mut self, said: &str) {
        let begun = Instant::now();
        while let Ok(line) = self.line(LONG.saturating_sub(begun.elapsed())) {
            if line.contains(said) {
                return;
            }
        }
        panic!("it never said `{said}`:\n{}", self.text);
    }

    /// Kills it.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.over().1
    }

    /// Waits for its end: exit code and what it printed.
    pub fn end(mut self) -> (i32, String) {
        self.over()
    }

    fn over(&mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        // What it started may hold the pipe a moment longer.
        while self.line(Duration::from_millis(300)).is_ok() {}
        self.night.tell(&self.text);
        (code, std::mem::take(&mut self.text))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn checklist(phase: &str, id: &str) -> String {
    let when = if phase == "landing" { "when: notte\n    " } else { "" };
    let probe = match phase {
        "source" => "sh: |\n        true\n",
        _ => "tcp: {host: \"{{ server.host }}\", port: \"{{ server.port }}\"}\n",
    };
    format!(
        "checklist: {phase}\nversion: 1\nitems:\n  - id: {id}\n    title: {{it: Risponde, en: It answers}}\n    \
         severity: blocker\n    {when}roles: [venis-sistemista]\n    scope: server\n    probe:\n      {probe}"
    )
}
