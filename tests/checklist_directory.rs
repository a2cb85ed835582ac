//! The directory items of the checklists as they are shipped, against a real domain controller, by the
//! program as its user runs it: a controller without faults passes them all, and each fault is found
//! by its own item and seen by no other that it does not touch.

use crate::support::samba::{PROBE, Running, Samba};
use crate::support::{Ran, Sandbox};
use std::collections::BTreeSet;
use std::time::Instant;

mod faults;

use faults::{FAULTS, Fault, How, SHORT};

const LANDING: &str = "checklists/landing.yaml";
const TENANT: &str = "inventory/tenants/cinto-caomaggiore.yaml";

/// A town whose first server is the controller, with its directory items.
struct Town {
    sandbox: Sandbox,
    /// The checklist of the landing, as it is shipped.
    landing: String,
    samba: Samba,
}

impl Town {
    /// The town, with what the source phase keeps of it.
    fn new() -> Self {
        let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
        let server = "os: {windows: Windows Server 2008 R2}\n    physical: true\n    billable: true\n    \
                      roles: [ad, dns]\n    address: 192.0.2.10\n    landing: keep\n    transfer: rescue\n";
        let moved = server.replace("windows: Windows Server 2008 R2", "linux: Debian 12").replace("rescue", "agent");
        sandbox.edit(TENANT, server, &moved);
        let access = "    access: {host: 192.0.2.10, user: root, key: keys/rescue, host_key: unknown}\n";
        sandbox.edit(TENANT, access, &format!("{access}{}", access.replace("access", "landing_access")));
        let [_, landing] = [("checklists/source.yaml", 17), (LANDING, 18)].map(|(path, items)| {
            let text = std::fs::read_to_string(sandbox.path().join(path)).unwrap();
            let (text, kept) = of_the_directory(&text);
            assert_eq!(kept, items, "items of {path} that ask a directory or a name server");
            sandbox.write(path, &text);
            text
        });
        let town = Self { sandbox, landing, samba: Samba::start() };
        let kept = town.check("source").code(0);
        assert_eq!(alarms(&kept, 16), BTreeSet::new());
        town
    }

    /// `traghetto checklist run PHASE`, at the data center.
    fn check(&self, phase: &str) -> Ran {
        let line = ["checklist", "run", phase, "cinto-caomaggiore", "--server", "cinto-srv1", "--json"];
        self.samba.asking(|| self.sandbox.run(&line))
    }

    /// A landing without faults raises nothing.
    #[track_caller]
    fn is_clean(&mut self) {
        self.samba.run(Running::default());
        assert_eq!(alarms(&self.check("landing").code(0), 18), BTreeSet::new());
    }

    /// A copy without faults in a test network raises nothing: its items of the shipped list go through the
    /// probe machine, the only way to it.
    fn copy_is_clean(&self) {
        let shipped = std::fs::read_to_string(self.sandbox.path().join("checklists/test.yaml")).unwrap();
        let ids = shipped.split(['[', ']', ',']).map(str::trim);
        let kept: Vec<&str> = ids.filter(|id| self.landing.contains(&format!("  - id: {id}\n"))).collect();
        assert_eq!(kept.len(), 16, "{kept:?}");
        let list = format!(
            "checklist: test\nversion: 1\nfrom_landing: [{}]\nitems:\n  - id: T-X-01\n    \
             title: {{it: Chiusa, en: Closed}}\n    severity: blocker\n    roles: [venis-sistemista]\n    \
             scope: server\n    probe: {{tcp: {{host: \"{{{{ server.host }}}}\", port: 9}}}}\n    expect: refused\n",
            kept.join(", ")
        );
        self.sandbox.write("checklists/test.yaml", &list);
        let door = self.samba.probe();
        let probe = format!("\ntest_probe: {}\n\nservers:\n", door.access_yaml().replace("127.0.0.1", PROBE));
        self.sandbox.edit(TENANT, "\nservers:\n", &probe);
        let line = ["checklist", "run", "test", "cinto-caomaggiore", "--server", "cinto-srv1", "--json"];
        let ran = self.samba.behind_the_probe(|| self.sandbox.run(&line)).code(0);
        assert_eq!(alarms(&ran, 17), BTreeSet::new());
        assert_eq!(ran.stdout.matches(&format!("\"through\": \"{PROBE}\"")).count(), 17);
        self.sandbox.edit(TENANT, &probe, "\nservers:\n");
        self.sandbox.write("checklists/test.yaml", &shipped);
    }

    /// Makes a fault, which its items must find and nobody else.
    #[track_caller]
    fn finds(&mut self, fault: &Fault) {
        let begun = Instant::now();
        let (how, back) = match &fault.how {
            How::Runs(running) => (*running, None),
            How::Lost(zone, service, port) => {
                let record = format!("dc1 {zone} {service} SRV 'dc1.cinto.lan {port} 0 100' -P");
                let [add, delete] = ["add", "delete"].map(|what| format!("samba-tool dns {what} {record}"));
                (Running::default(), Some((delete, add)))
            }
            How::Done(how, back) => (Running::default(), Some(((*how).to_owned(), (*back).to_owned()))),
        };
        self.samba.run(how);
        if let Some((how, _)) = &back {
            self.samba.sh(how);
        }
        let expected = fault.at_the_landing();
        self.sandbox.write(LANDING, &impatient(&self.landing, &expected));
        let ran = self.check("landing");
        self.sandbox.write(LANDING, &self.landing);
        assert!(matches!(ran.code, 4 | 6), "{}: {}\n{}", fault.name, ran.code, ran.stdout);
        assert_eq!(alarms(&ran, 18), expected, "{}", fault.name);
        // The last run of the source counts: one on an older database would be what is compared with.
        if !how.older {
            assert_eq!(alarms(&self.check("source"), 16), fault.at_the_source(), "{}", fault.name);
        }
        if let Some((_, back)) = &back {
            self.samba.sh(back);
        }
        println!("{}: found in {:?}", fault.name, begun.elapsed());
    }
}

/// The items of a checklist that ask a controller or a name server from outside, word by word.
fn of_the_directory(text: &str) -> (String, usize) {
    let mut parts = text.split("\n  - id: ");
    let head = parts.next().unwrap().to_owned();
    let roles = ["role: [ad", "role: [dns"];
    let asks = |item: &&str| item.contains("    probe: {") && roles.iter().any(|role| item.contains(role));
    let items: Vec<&str> = parts.filter(asks).collect();
    (items.iter().fold(head, |text, item| format!("{text}\n  - id: {item}")), items.len())
}

/// The same with less patience with the items that find a fault: nobody waits here for it to mend itself.
fn impatient(text: &str, with: &BTreeSet<String>) -> String {
    let mut parts = text.split("\n  - id: ");
    let head = parts.next().unwrap().to_owned();
    parts.fold(head, |text, item| {
        let finds = with.contains(item.lines().next().unwrap());
        let item = if finds { item.replace("within: 60, every: 10", "within: 4, every: 1") } else { item.to_owned() };
        format!("{text}\n  - id: {item}")
    })
}

/// The items of a run that are not passed, of so many that were asked.
#[track_caller]
fn alarms(ran: &Ran, asked: usize) -> BTreeSet<String> {
    let run: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let findings = run["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] != "skipped");
    assert_eq!(findings.clone().count(), asked, "{}", ran.stdout);
    let open = findings.filter(|finding| finding["verdict"] != "pass");
    open.inspect(|finding| {
        println!("{} {}: {} {}", finding["item"], finding["verdict"], finding["found"], finding["reason"])
    })
    .map(|finding| finding["item"].as_str().unwrap().to_owned())
    .collect()
}

#[test]
fn a_domain_controller_passes_and_each_of_its_faults_is_found() {
    let mut town = Town::new();
    town.is_clean();
    town.copy_is_clean();
    let short: Vec<&Fault> = FAULTS.iter().filter(|fault| SHORT.contains(&fault.name)).collect();
    assert_eq!(short.len(), SHORT.len());
    short.into_iter().for_each(|fault| town.finds(fault));
    town.is_clean();
}

#[test]
fn proof_directory_twenty_clean_runs_and_every_fault() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("not run: a proof of `make proof` (TRAGHETTO_PROOF=1), it takes minutes");
        return;
    }
    let (begun, mut town) = (Instant::now(), Town::new());
    for number in 0..20 {
        // A directory in service: it is started again now and then, and users come.
        if number % 5 == 0 {
            town.samba.restart();
        }
        town.samba.sh(&format!("samba-tool user create nuovo{number} --random-password"));
        town.is_clean();
    }
    const ROUNDS: usize = 3;
    for _ in 0..ROUNDS {
        FAULTS.iter().for_each(|fault| town.finds(fault));
        town.is_clean();
    }
    let (kinds, all) = (FAULTS.len(), FAULTS.len() * ROUNDS);
    println!(
        "20 clean runs raised nothing; {all} faults of {kinds} kinds were found, each by its items, in {:?}",
        begun.elapsed()
    );
}
