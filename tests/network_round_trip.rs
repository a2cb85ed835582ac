//! Whatever is planned and rendered, the reader of the text arrives at what was meant.

use crate::support::tenants::{any_tenant, plan};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use traghetto::network::cpe::{self, Moved};
use traghetto::network::device::Device;
use traghetto::network::render::Templates;
use traghetto::network::router::RouterPlan;
use traghetto::network::{hub, intent, parse};

/// Generated tenants, as many as the requirement says.
const CASES: u32 = 10_000;

fn templates() -> &'static Templates {
    static BUILT_IN: OnceLock<Templates> = OnceLock::new();
    BUILT_IN.get_or_init(|| Templates::built_in().unwrap())
}

/// Renders, reads and compares; returns how many lines the text has.
fn round_trip(router: &RouterPlan) -> usize {
    let text = templates().router(router).unwrap();
    let read = parse::parse(&text);
    assert!(read.unread.is_empty(), "{}: {:?}", router.hostname, read.unread);
    let (read, meant) = (read.canonical(), intent::device(router).canonical());
    if read != meant {
        let (read, meant) = (format!("{read:#?}"), format!("{meant:#?}"));
        let lines = read.lines().zip(meant.lines()).filter(|(a, b)| a != b && !a.contains("line:"));
        panic!("{}: {:#?}\n{text}", router.hostname, lines.take(5).collect::<Vec<_>>());
    }
    text.lines().count()
}

#[test]
fn what_is_rendered_reads_back_as_meant() {
    reads_back(CASES / 10);
}

#[test]
fn proof_what_is_rendered_of_ten_thousand_tenants_reads_back() {
    if std::env::var_os("TRAGHETTO_PROOF").is_none() {
        println!("{CASES} tenants are part of `make proof`; a tenth of them is in every test run");
        return;
    }
    reads_back(CASES);
}

fn reads_back(cases: u32) {
    let mut runner = TestRunner::new(ProptestConfig { cases, ..ProptestConfig::default() });
    let tenants = any_tenant(1..=254);
    runner
        .run(&(tenants, any::<u64>()), |(tenant, chosen)| {
            let plan = plan(&tenant);
            let kept = plan.kept().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
            let moved: Moved = kept.map(|(_, server)| server.id.clone()).collect();
            for router in cpe::routers(&plan, &moved) {
                round_trip(&router);
            }
            round_trip(&hub::tenant(&plan, &moved));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_hub_of_many_tenants_reads_back_as_meant() {
    let many = proptest::collection::vec(any_tenant(1..=254), 1..=8);
    proptest!(ProptestConfig::with_cases(200), |(tenants in many)| {
        let mut numbers = BTreeSet::new();
        let plans: Vec<_> = tenants.iter().filter(|tenant| numbers.insert(tenant.number)).map(plan).collect();
        let everyone = plans.iter().flat_map(|plan| plan.kept()).map(|server| server.id.clone()).collect();
        round_trip(&hub::whole(&plans, &everyone).unwrap());
    });
}

/// The comparison is one: a difference of any value is a difference.
#[test]
fn another_meaning_is_seen() {
    let plan = plan(&crate::support::tenants::tenant(1));
    let router = hub::tenant(&plan, &Moved::new());
    let text = templates().router(&router).unwrap();
    let meant = intent::device(&router).canonical();
    let said = |text: &str| -> Device { parse::parse(text).canonical() };
    assert_eq!(said(&text), meant);
    let mut differ = 0;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with('!') || line == "end" || line.trim() == "exit-address-family" {
            continue;
        }
        let without: Vec<_> =
            text.lines().enumerate().filter(|(other, _)| *other != at).map(|(_, line)| line).collect();
        assert_ne!(said(&without.join("\n")), meant, "nobody misses `{line}`");
        differ += 1;
    }
    assert!(differ > 30, "{differ}");
}
