//! The night of one Linux server: a real guest in the town, the program at the data center, and between
//! them a line of 10 Mbit/s. Source and copy have one address, on one network that crosses the line.
//!
//! Needs root and the Debian packages iproute2, qemu-system-x86 and those of the guests.

use super::guest::{ADDRESS, Cable, Guest, Profile};
use super::lab::space::{Space, run};
use super::{Ran, Sandbox, project};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The one server.
pub const SERVER: &str = "cinto-srv1";
const TENANT: &str = "cinto-caomaggiore";
const FILE: &str = "inventory/tenants/cinto-caomaggiore.yaml";
/// The device of a machine, in both places.
const TAP: &str = "machine";

/// Items of the checklist as shipped that hold of any Linux; the others ask for services that one guest
/// alone does not have.
const ITEMS: [&str; 12] = [
    "L-VM-02", "L-VM-03", "L-VM-04", "L-VM-05", "L-VM-06", "L-VM-07", "L-VM-08", "L-VM-09", "L-NET-02", "L-NET-03",
    "L-NET-15", "L-DSK-04",
];

/// The night. Machines end before their network.
pub struct Night {
    sandbox: Sandbox,
    profile: Profile,
    source: Option<Guest>,
    space: Space,
}

impl Night {
    /// Boots the source in the town, on a line that is not yet slow, and writes the inventory.
    pub fn new(profile: Profile) -> Self {
        // Before the namespaces, in which no archive can be reached.
        profile.built();
        let mut space = Space::new();
        lay(&mut space);
        let source = space.inside("town", || Guest::physical(profile, Cable::Tap(TAP)));
        let agent = std::env::var("TRAGHETTO_AGENT").expect("TRAGHETTO_AGENT names the static agent");
        let sandbox = Sandbox::with_project().env("TRAGHETTO_AGENT", &agent).env("TRAGHETTO_OPERATOR", "anna-veneto");
        let night = Self { sandbox, profile, source: Some(source), space };
        night.project();
        night.tenant();
        night.playbook();
        night.checklists();
        night
    }

    /// Ends the source as a power cut does.
    pub fn cut_the_power(&mut self) {
        self.source.as_mut().unwrap().kill();
    }

    /// Boots the source once more from its own disk, after its power was cut.
    pub fn source_again(&mut self) {
        let (before, profile) = (self.source.take().unwrap(), self.profile);
        self.source = Some(self.space.inside("town", || before.again(profile, Cable::Tap(TAP))));
    }

    /// Makes the line what a town's is: 10 Mbit/s each way, with a queue of 40 ms.
    pub fn slow_down(&self) {
        for place in ["town", "sad"] {
            let shape =
                ["qdisc", "add", "dev", "line", "root", "tbf", "rate", "10mbit", "burst", "16kb", "limit", "50kb"];
            self.space.inside(place, || run("tc", &shape));
        }
    }

    fn project(&self) {
        let lab = project().join("tests/guest/lab.py");
        let command = |what: &str| format!("[python3, \"{}\", {what}]", lab.display());
        let (start, stop, status) = (command(&format!("start, {TAP}")), command("stop"), command("status"));
        let target =
            "  target: {directory: replicas}                               # our setting, relative to --root\n";
        let lab =
            format!("  target: {{directory: replicas}}\n  lab: {{start: {start}, stop: {stop}, status: {status}}}\n");
        self.sandbox.edit("inventory/project.yaml", target, &lab);
    }

    /// Leaves the town one server and one line, of which the copy may take everything at any hour.
    fn tenant(&self) {
        let path = self.sandbox.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, rest) = text.split_once("\nservers:\n").unwrap();
        let (_, sites) = rest.split_once("\nsites:\n").unwrap();
        let backup = sites.find("      backup:").unwrap();
        let end = backup + sites[backup..].find('\n').unwrap() + 1;
        let days = "{days: [mon, tue, wed, thu, fri, sat, sun], from: \"00:00\", until: \"00:00\", pcr_percent: 100}";
        let sites =
            format!("{}      shaping: [{days}]\n{}", &sites[..backup], &sites[end..]).replace("192.0.2.", "10.0.2.");
        let sites = sites.replace("address: 10.0.2.1,", "address: 10.0.2.2,");
        let access = self.source.as_ref().unwrap().access_yaml();
        let server = format!(
            "  - id: {SERVER}\n    os: {{linux: Debian 12}}\n    physical: true\n    billable: true\n    \
             roles: [application]\n    address: {ADDRESS}\n    landing: keep\n    transfer: agent\n    \
             disks: [{{id: disk0, source: /dev/sda, size_bytes: {}}}]\n    access: {access}\n    \
             landing_access: {access}\n    machine: {{cpus: 1, memory_mb: 768}}\n",
            self.profile.bytes()
        );
        let head = head.replace("assessed: 3", "assessed: 1");
        self.sandbox.write(FILE, &format!("{head}\nservers:\n{server}sites:\n{sites}"));
    }

    /// The playbook as shipped, without test machines: they are proven elsewhere.
    fn playbook(&self) {
        let path = "playbooks/con-me-2.2.1.yaml";
        for gone in ["      - do: test-clone\n", "      - checklist: test\n", "      - do: end-test\n"] {
            self.sandbox.edit(path, gone, "");
        }
        // What an evening's sync would bring is all there is.
        let gate = "      - gate:\n          id: quiet\n";
        self.sandbox.edit(path, &format!("      - do: sync\n      - do: verify\n{gate}"), gate);
        let text = std::fs::read_to_string(self.sandbox.path().join(path)).unwrap();
        let launch = text.lines().find(|line| line.trim_start().starts_with("- do: test-launch")).unwrap();
        self.sandbox.edit(path, &format!("{launch}\n"), "");
    }

    fn checklists(&self) {
        let item = "checklist: source\nversion: 1\nitems:\n  - id: SRC-T-01\n    title: {it: Risponde, en: It answers}\n    \
                    severity: blocker\n    roles: [venis-sistemista]\n    scope: server\n    probe:\n      sh: |\n        true\n";
        self.sandbox.write("checklists/source.yaml", item);
        let landing = std::fs::read_to_string(self.sandbox.path().join("checklists/landing.yaml")).unwrap();
        let mut parts = landing.split("\n  - id: ");
        let head = parts.next().unwrap().to_owned();
        let kept: Vec<&str> = parts.filter(|part| ITEMS.contains(&part.lines().next().unwrap())).collect();
        assert_eq!(kept.len(), ITEMS.len(), "an item has another name now");
        self.sandbox.write("checklists/landing.yaml", &[&[head.as_str()][..], &kept].concat().join("\n  - id: "));
    }

    fn line<'a>(args: &[&'a str]) -> Vec<&'a str> {
        let (command, rest) = args.split_first().unwrap();
        [&["migrate", command, TENANT][..], rest].concat()
    }

    /// `traghetto migrate` for the town, at the data center.
    pub fn migrate(&self, args: &[&str]) -> Ran {
        self.space.inside("sad", || self.sandbox.run(&Self::line(args)))
    }

    /// The same, started; what it says is kept beside the test.
    pub fn begin(&self, args: &[&str]) -> Child {
        let said = std::fs::File::create(self.sandbox.path().join("said")).unwrap();
        let mut command: Command = self.sandbox.command(&Self::line(args));
        command.stdout(Stdio::null()).stderr(said);
        self.space.inside("sad", || command.spawn().unwrap())
    }

    /// What the run that was begun said.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.sandbox.path().join("said")).unwrap()
    }

    /// Goes on to the gate, which must be the next.
    #[track_caller]
    pub fn run_to(&self, gate: &str) {
        let ran = self.migrate(&["run"]).code(5);
        assert!(ran.stderr.contains(&format!("sign gate {gate}:")), "{}", ran.stderr);
    }

    /// Signs a gate for these, each at an own account.
    #[track_caller]
    pub fn sign(&self, gate: &str, signers: &[(&str, &str)]) {
        for (role, by) in signers {
            let status: Value = serde_json::from_str(&self.migrate(&["status", "--json"]).code(0).stdout).unwrap();
            let mut gates = status["gates"].as_array().unwrap().iter();
            let approves = gates.find(|one| one["gate"] == gate).unwrap()["approves"].as_str().unwrap().to_owned();
            self.migrate(&["sign", gate, "--role", role, "--operator", by, "--approve", &approves]).code(0);
        }
    }

    /// Says that the address leads to the data center, as the carrier's work shows.
    pub fn state_routed(&self) {
        let line = ["sign", "routed", "--server", SERVER, "--role", "comune-tecnico", "--operator", "elena-ponte"];
        let line = [&line[..], &["--note", "the LAN crosses the line"]].concat();
        let shown = self.migrate(&line).code(2);
        let (_, digest) = shown.stderr.split_once("add --approve ").unwrap();
        let digest: String = digest.chars().take_while(char::is_ascii_hexdigit).collect();
        self.migrate(&[&line[..], &["--approve", &digest]].concat()).code(0);
    }

    /// The town's journal.
    pub fn events(&self) -> Vec<Value> {
        serde_json::from_str(&self.migrate(&["log", "--json"]).code(0).stdout).unwrap()
    }

    /// Waits until a step has begun.
    pub fn wait_for(&self, step: &str, run: &mut Child) {
        let begun = Instant::now();
        let started = |event: &Value| event["kind"] == "step.started" && event["data"]["step"] == step;
        while !self.events().iter().any(started) {
            let ended = run.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before {step}: {ended:?}\n{}", self.said());
            assert!(begun.elapsed() < Duration::from_secs(1200), "{step} never began");
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// What a step that ended well has cost.
    pub fn facts(&self, step: &str) -> Value {
        let events = self.events();
        let finished = |event: &&Value| event["kind"] == "step.finished" && event["data"]["step"] == step;
        events.iter().rfind(finished).unwrap_or_else(|| panic!("{step} did not end well"))["data"]["facts"].clone()
    }

    /// Runs a script on whatever has the server's address, from the data center.
    #[track_caller]
    pub fn at_address(&self, script: &str) -> String {
        self.space.inside("sad", || self.source.as_ref().unwrap().run(script))
    }

    /// The folder of the copy's machine.
    fn machine(&self) -> PathBuf {
        self.sandbox.path().join("replicas-machines").join(TENANT).join(SERVER)
    }

    /// Where the copy's cable goes, as its description says.
    pub fn port(&self) -> Value {
        let text = std::fs::read_to_string(self.machine().join("machine.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["nic"]["port"].clone()
    }

    /// Whether the copy's machine is on.
    pub fn is_on(&self) -> bool {
        let lab = project().join("tests/guest/lab.py");
        let status = Command::new("python3").arg(lab).arg("status").arg(self.machine()).status().unwrap();
        status.code() == Some(0)
    }

    /// The copy's console.
    pub fn console(&self) -> String {
        std::fs::read_to_string(self.machine().join("console")).unwrap_or_default()
    }
}

impl Drop for Night {
    fn drop(&mut self) {
        let lab = project().join("tests/guest/lab.py");
        if self.machine().exists() {
            let _ = Command::new("python3").arg(lab).arg("stop").arg(self.machine()).arg("hard").status();
        }
    }
}

/// The town's LAN and its other end at the data center, with the line between them.
fn lay(space: &mut Space) {
    space.add("town");
    space.add("sad");
    space.cable("line", &[("town", "line"), ("sad", "line")]);
    for (place, addresses) in [("town", &["10.0.2.2/24", "10.0.2.252/24"][..]), ("sad", &["10.0.2.251/24"])] {
        space.ip(place, &["link", "add", "lan", "type", "bridge", "mcast_snooping", "0"]);
        space.ip(place, &["tuntap", "add", "dev", TAP, "mode", "tap"]);
        for port in ["line", TAP] {
            space.ip(place, &["link", "set", port, "master", "lan", "up"]);
        }
        space.ip(place, &["link", "set", "lan", "up"]);
        for address in addresses {
            space.ip(place, &["address", "add", address, "dev", "lan"]);
        }
    }
}
