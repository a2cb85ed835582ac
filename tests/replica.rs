//! Passes over real files and devices: what arrives, what it costs, what is found out.

use crate::support::replica::{Lab, agent, block_on, options, random_bytes};
use std::os::unix::fs::FileExt;
use traghetto::replica::{self, AgentLink, CHUNK, CloneWay};

const MIB: u64 = 1 << 20;

#[test]
fn a_first_pass_copies_every_byte_and_leaves_holes() {
    let lab = Lab::with_disk(500, 1234);
    let report = lab.pass().unwrap();
    lab.assert_equal();
    assert_eq!(report.length, 500 * CHUNK as u64 + 1234);
    assert_eq!((report.chunks_total, report.chunks_sent + report.zero_chunks), (501, 501));
    assert_eq!(report.bytes_sent, report.chunks_sent * CHUNK as u64);
    assert!(report.bytes_payload < report.bytes_sent * 7 / 10, "half of the data compresses: {report:?}");
    let status = lab.replica.status().unwrap().unwrap();
    assert_eq!((status.chunks_done, status.root, status.passes), (501, Some(report.root), 1));
    assert!(status.bytes_used <= report.bytes_sent + MIB, "{status:?}");
}

#[test]
fn a_pass_without_changes_costs_next_to_nothing() {
    let lab = Lab::with_disk(500, 0);
    let first = lab.pass().unwrap();
    let second = lab.pass().unwrap();
    assert_eq!((second.chunks_sent, second.zero_chunks), (0, 0));
    assert_eq!(second.root, first.root);
    assert!(second.bytes_payload < 1024, "{second:?}");
    assert_eq!(lab.replica.status().unwrap().unwrap().passes, 2);
}

#[test]
fn a_later_pass_sends_the_changed_chunks_only() {
    let lab = Lab::with_disk(500, 100);
    let first = lab.pass().unwrap();
    let mut changed = std::collections::BTreeSet::new();
    for (n, random) in random_bytes(5).zip(random_bytes(6)).take(40).enumerate() {
        let chunk = (usize::from(random.0) * 256 + usize::from(random.1)) % 500;
        changed.insert(chunk);
        lab.change((chunk * CHUNK + n * 512) as u64, &[0xA5; 4096]);
    }
    lab.change(499 * CHUNK as u64 + CHUNK as u64 + 99, b"!");
    let second = lab.pass().unwrap();
    lab.assert_equal();
    assert_eq!(second.chunks_sent as usize, changed.len() + 1);
    assert_ne!(second.root, first.root);
}
