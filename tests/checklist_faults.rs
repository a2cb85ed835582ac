//! Sixty faults of a landing, each of which its own item must find, on hosts made of namespaces:
//! their own network, mounts, processes and name; programs that only answer for a service manager or
//! a database are small stand-ins that print a file. Several faults share a host where they touch
//! different items: whatever else is not passed there is a false alarm. Needs root, and the Debian
//! packages iproute2, iputils-arping, util-linux and perl-base.

use crate::support::project;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use traghetto::checklist::{
    Answer, Baselines, Check, Checklist, Field, Finding, NoAnswer, Options, Origin, Phase, Question, RunRecord,
    Signatures, Verdict, load, run,
};
use traghetto::inventory;
use traghetto::model::script_access::ScriptAccess;
use traghetto::model::server::{Addressing, Os, ServerRole, Transfer};
use traghetto::model::tenant::Tenant;
use traghetto::model::{Inventory, Known};

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
    tenant.saas[0].probe = Some("https://halley.example/login".to_owned());
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

    async fn ready(&self, _origin: &Origin) -> Result<(), NoAnswer> {
        Ok(())
    }

    async fn connect(&self, _access: &ScriptAccess, _origin: &Origin) -> Result<Host, NoAnswer> {
        Ok(self.clone())
    }

    async fn ask(&self, _question: &Question, _origin: &Origin, _deadline: Duration) -> Result<Answer, NoAnswer> {
        Err(NoAnswer { reason: "only scripts are asked".to_owned(), unreachable: false })
    }
}

fn findings(host: &Host, phase: Phase, baselines: &Baselines) -> (Checklist, Tenant, Vec<Finding>) {
    let (inventory, tenant) = scene();
    let list = scripts(phase, &inventory);
    let found = asked(host, &inventory, &tenant, &list, baselines);
    (list, tenant, found)
}

fn asked(host: &Host, inventory: &Inventory, tenant: &Tenant, list: &Checklist, baselines: &Baselines) -> Vec<Finding> {
    let signatures = Signatures::default();
    let options = Options::whole(&inventory.project, &signatures, baselines);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(list, tenant, &options, &Arc::new(host.clone())))
}

/// What one item finds of the first server, which shares its LAN with another that keeps its address.
fn found(host: &Host, phase: Phase, item: &str) -> Finding {
    let (inventory, mut tenant) = scene();
    if let Known::Known(servers) = &mut tenant.servers {
        let mut other = servers[0].clone();
        (other.id, other.address) = ("cinto-srv2".parse().unwrap(), "192.0.2.20".parse().unwrap());
        (other.access, other.landing_access) = (None, None);
        servers.push(other);
    }
    let mut list = scripts(phase, &inventory);
    list.items.retain(|one| one.id.as_str() == item);
    asked(host, &inventory, &tenant, &list, &Baselines::default()).swap_remove(0)
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

#[test]
fn a_service_that_leaves_elsewhere_is_found_and_one_without_an_address_is_an_error() {
    use Verdict::{Error, Fail, Pass, Warn};
    let host = Host::start();
    let items = [(Phase::Source, "SRC-NET-10"), (Phase::Network, "NET-28"), (Phase::Landing, "L-NET-14")];
    let verdicts = || items.map(|(phase, item)| found(&host, phase, item).verdict);
    assert_eq!(verdicts(), [Pass; 3]);
    host.inject("one service goes over the link", "ip route add 198.18.0.0/16 via 192.0.2.254");
    assert_eq!(verdicts(), [Warn, Fail, Fail]);
    let told = format!("{:?}", found(&host, Phase::Landing, "L-NET-14"));
    for line in ["dime.cittametropolitana.ve.it 192.0.2.254", "halley.example 192.0.2.1"] {
        assert!(told.contains(line), "{told}");
    }
    host.inject("the other has no address", "sed -i /halley/d /etc/hosts");
    assert_eq!(verdicts(), [Warn, Fail, Fail], "what is not known hides nothing");
    host.inject("the first is as it was", "ip route del 198.18.0.0/16");
    assert_eq!(verdicts(), [Error; 3]);
    let told = format!("{:?}", found(&host, Phase::Landing, "L-NET-14"));
    assert!(told.contains("halley.example: no address"), "{told}");
    host.inject("in a network of its own", "echo 192.0.2.77 halley.example >>/etc/hosts");
    assert_eq!(verdicts(), [Warn, Fail, Fail]);
    host.inject("all as it was", "sed -i s/192.0.2.77/198.19.0.5/ /etc/hosts");
    assert_eq!(verdicts(), [Pass; 3]);
}

/// Neighbours in the LAN of the host, each with a network of its own.
const LAN: &str = r#"
[ -e /sys/class/net/lan ] || { ip link add lan type bridge; ip link set lan up; ip link set wire master lan; }
neighbour() {
  unshare --net sleep 600 </dev/null >/dev/null 2>&1 &
  echo $! >"$1"
  until [ "$(readlink "/proc/$(cat "$1")/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
  ip link add name "$1" type veth peer name eth0 netns "$(cat "$1")"
  ip link set "$1" master lan up
  nsenter -t "$(cat "$1")" -n sh -c "ip link set eth0 address $2 up; ip addr add $3/24 dev eth0"
}
"#;

#[test]
fn two_hosts_of_one_address_are_found() {
    let host = Host::start();
    let items = [(Phase::Source, "SRC-NET-11"), (Phase::Network, "NET-30"), (Phase::Landing, "L-NET-15")];
    let found = || items.map(|(phase, item)| found(&host, phase, item));
    let verdicts = |found: &[Finding; 3]| [0, 1, 2].map(|at: usize| found[at].verdict);
    let inject = |name: &str, how: &str| host.inject(name, &format!("{LAN}\n{how}"));
    assert_eq!(verdicts(&found()), [Verdict::Pass; 3], "nobody else is there");
    inject("a neighbour", "neighbour one 00:50:56:00:00:21 192.0.2.20");
    assert_eq!(verdicts(&found()), [Verdict::Pass; 3]);
    inject("another with its address", "neighbour two 00:50:56:00:00:22 192.0.2.20");
    let both = found();
    assert_eq!(verdicts(&both), [Verdict::Warn, Verdict::Fail, Verdict::Fail]);
    let told = format!("{:?}", both[2]);
    assert!(told.contains("192.0.2.20 00:50:56:00:00:21 00:50:56:00:00:22"), "{told}");
    inject("it is gone, and one has the host's own", "kill $(cat two); neighbour mine 00:50:56:00:00:23 192.0.2.10");
    let own = found();
    assert_eq!(verdicts(&own), [Verdict::Warn, Verdict::Fail, Verdict::Fail]);
    let told = format!("{:?}", own[2]);
    assert!(told.contains("192.0.2.10 00:50:56:00:00:01 00:50:56:00:00:23"), "{told}");
    assert!(!told.contains("192.0.2.20 00"), "{told}");
    inject("all as it was", "kill $(cat mine)");
    assert_eq!(verdicts(&found()), [Verdict::Pass; 3]);
    inject("another card of its own answers first", "echo 0 >/proc/sys/net/ipv4/conf/all/arp_ignore");
    assert_eq!(verdicts(&found()), [Verdict::Error; 3]);
}
