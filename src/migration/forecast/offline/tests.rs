use super::*;
use crate::model::server::{Addressing, Os, ServerRole};

fn server(transfer: Transfer, directory: Option<DirectoryWay>, manual_hours: Option<u32>) -> Server {
    Server {
        id: "srv1".parse().unwrap(),
        os: Os::Windows("Windows Server 2008 R2".into()),
        physical: true,
        billable: true,
        roles: directory.iter().map(|_| ServerRole::Ad).collect(),
        address: "192.0.2.10".parse().unwrap(),
        landing: Addressing::Keep,
        transfer,
        directory,
        disks: Vec::new(),
        access: None,
        landing_access: None,
        winrm: None,
        landing_winrm: None,
        after: Vec::new(),
        services_stop: Vec::new(),
        manual_hours,
        machine: None,
        converter: None,
        example: false,
    }
}

/// A part with its seconds, and those that it takes at most.
type Part = (OfflinePart, Option<u64>, Option<u64>);

/// The way, its parts and the sum.
fn told(server: &Server, last: Option<u64>) -> (&'static str, Vec<Part>, Option<u64>) {
    let final_sync = FinalSync { terms: Vec::new(), copy_seconds: last };
    let offline = Offline::of(server, Some(100_000), &final_sync);
    let terms = offline.terms.iter().map(|term| (term.part, term.seconds, term.at_most_seconds));
    (offline.way, terms.collect(), offline.seconds)
}

#[test]
fn each_way_has_its_own_hours() {
    use DirectoryWay::{Cold, Dsrm, NtdsStopped, Replace};
    use OfflinePart::{ByHand, FirstCopy, LastCopy};
    let replaced = server(Transfer::Replace, Some(Replace), Some(2));
    assert_eq!(told(&replaced, None), ("replace", vec![(ByHand, Some(7200), None)], Some(7200)));
    let unknown = server(Transfer::Replace, Some(Replace), None);
    assert_eq!(told(&unknown, None), ("replace", vec![(ByHand, None, None)], None), "unknown is never 0");
    let cold = server(Transfer::Rescue, Some(Cold), None);
    let both = vec![(FirstCopy, Some(100_000), None), (LastCopy, Some(600), None)];
    assert_eq!(told(&cold, Some(600)), ("cold", both, Some(100_600)));
    let dsrm = server(Transfer::Converter, Some(Dsrm), Some(1));
    let full = vec![(LastCopy, None, Some(100_000)), (ByHand, Some(3600), None)];
    assert_eq!(told(&dsrm, None), ("dsrm", full, None), "a full copy at most");
    let stopped = server(Transfer::ConverterAssisted, Some(NtdsStopped), None);
    let last = vec![(LastCopy, Some(600), None), (ByHand, None, None)];
    assert_eq!(told(&stopped, Some(600)), ("ntds-stopped", last, None));
    let linux = server(Transfer::Agent, None, None);
    assert_eq!(told(&linux, Some(600)), ("services-stopped", vec![(LastCopy, Some(600), None)], Some(600)));
}
