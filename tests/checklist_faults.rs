//! Sixty faults of a landing, each of which its own item must find, on hosts made of namespaces:
//! their own network, mounts, processes and name; programs that only answer for a service manager or
//! a database are small stand-ins that print a file. Several faults share a host where they touch
//! different items: whatever else is not passed there is a false alarm. Needs root, and the Debian
//! packages iproute2, util-linux and perl-base.

use crate::support::project;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use traghetto::checklist::{
    Answer, Baselines, Check, Checklist, Field, Finding, NoAnswer, Options, Phase, Question, RunRecord, Signatures,
    Verdict, load, run,
};
use traghetto::inventory;
use traghetto::model::script_access::ScriptAccess;
use traghetto::model::server::{Addressing, Os, ServerRole, Transfer};
use traghetto::model::tenant::Tenant;
use traghetto::model::{Inventory, Known};
use traghetto::world::ShellError;

mod host;
mod table;

use host::Host;
use table::{FAULTS, Fault};

/// The one server of a tenant, in the namespaces of `Host`.
fn scene() -> (Inventory, Tenant) {
    let inventory = inventory::load(&project()).unwrap();
    let mut tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
    if let Known::Known(servers) = &mut tenant.servers {
        servers.truncate(1);
        let server = &mut servers[0];
        server.os = Os::Linux("Debian 12".into());
        server.transfer = Transfer::Agent;
        server.roles = vec![ServerRole::File, ServerRole::Print, ServerRole::Database];
        server.address = host::ADDRESS.parse().unwrap();
        server.landing = Addressing::Keep;
        server.landing_access = server.access.clone();
    }
    (inventory, tenant)
}

/// The scripts of a phase, asked once.
fn scripts(phase: Phase, inventory: &Inventory) -> Checklist {
    let mut list = load(&project(), phase, &inventory.people).unwrap();
    list.items.retain(|item| item.kind() == "sh");
    for item in &mut list.items {
        if let Check::Probe { until, .. } = &mut item.check {
            *until = None;
        }
    }
    list
}

impl Field for Host {
    type Shell = Host;

    async fn connect(&self, _access: &ScriptAccess) -> Result<Host, ShellError> {
        Ok(self.clone())
    }

    async fn ask(&self, _question: &Question, _deadline: Duration) -> Result<Answer, NoAnswer> {
        Err(NoAnswer { reason: "only scripts are asked".to_owned(), unreachable: false })
    }
}

fn findings(host: &Host, phase: Phase, baselines: &Baselines) -> (Checklist, Tenant, Vec<Finding>) {
    let (inventory, tenant) = scene();
    let list = scripts(phase, &inventory);
    let signatures = Signatures::default();
    let project = &inventory.project;
    let options = Options::whole(project, &signatures, baselines);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = runtime.block_on(run(&list, &tenant, &options, &Arc::new(host.clone())));
    (list, tenant, found)
}

/// What the source phase keeps of a host without faults.
fn kept() -> Baselines {
    let host = Host::start();
    let (list, tenant, found) = findings(&host, Phase::Source, &Baselines::default());
    let compared = |finding: &&Finding| {
        let item = list.items.iter().find(|item| item.id == finding.item).unwrap();
        let compares = matches!(&item.check, Check::Probe { compare: Some(_), .. });
        compares && finding.verdict != Verdict::Skipped
    };
    let unread = found.iter().filter(compared).find(|finding| finding.captured.is_none());
    assert!(unread.is_none(), "{unread:#?}");
    let run = RunRecord::new(&list, &tenant.id, None, 0.0, found);
    Baselines::read(std::iter::once(&serde_json::to_value(&run).unwrap()))
}

/// The items of the landing that are not passed, and those that are errors.
fn alarms(host: &Host, baselines: &Baselines) -> BTreeSet<String> {
    let (_, _, found) = findings(host, Phase::Landing, baselines);
    let asked: Vec<&Finding> = found.iter().filter(|finding| finding.verdict != Verdict::Skipped).collect();
    assert!(asked.len() >= 40, "{} items asked", asked.len());
    asked.iter().filter(|finding| finding.verdict != Verdict::Pass).map(|finding| finding.item.to_string()).collect()
}

/// Faults that touch different items, host by host.
fn shared_out() -> Vec<Vec<&'static Fault>> {
    let mut hosts: Vec<Vec<&Fault>> = Vec::new();
    for fault in &FAULTS {
        let apart = |other: &&Fault| fault.touches().all(|item| other.touches().all(|theirs| theirs != item));
        match hosts.iter_mut().find(|faults| faults.iter().all(&apart)) {
            Some(faults) => faults.push(fault),
            None => hosts.push(vec![fault]),
        }
    }
    hosts
}

#[test]
fn sixty_faults_of_a_landing_are_found_and_nothing_else() {
    assert_eq!(FAULTS.len(), 60);
    let baselines = kept();
    let clean = alarms(&Host::start(), &baselines);
    assert!(clean.len() <= 1, "false alarms on a clean host: {clean:?}");
    let (mut found, mut missed, mut false_alarms) = (0, Vec::new(), Vec::new());
    for faults in shared_out() {
        let host = Host::start();
        for fault in &faults {
            host.inject(fault.name, fault.how);
        }
        let alarms = alarms(&host, &baselines);
        for fault in &faults {
            if alarms.contains(fault.item) {
                found += 1;
            } else {
                missed.push(fault.name);
            }
        }
        let expected: BTreeSet<&str> = faults.iter().flat_map(|fault| fault.touches()).collect();
        false_alarms.extend(alarms.into_iter().filter(|item| !expected.contains(item.as_str())));
    }
    assert!(found >= 58, "{found} of 60 found, not {missed:?}");
    assert_eq!((missed, false_alarms), (Vec::<&str>::new(), clean.into_iter().collect::<Vec<_>>()));
}
