//! `traghetto network import`: from running configurations to a tenant's YAML.

use crate::support::network::sandbox;
use crate::support::tenants::{any_tenant, nobody, plan, tenant};
use crate::support::{Sandbox, golden};
use proptest::prelude::*;
use std::sync::OnceLock;
use traghetto::inventory::{Problems, form};
use traghetto::model::link::{Backup, ReturnPath};
use traghetto::model::server::Addressing;
use traghetto::model::tenant::Tenant;
use traghetto::network::cpe::{self, Moved};
use traghetto::network::import::{Draft, Source, draft};
use traghetto::network::render::Templates;
use traghetto::network::{NetworkPlan, hub};

fn templates() -> &'static Templates {
    static BUILT_IN: OnceLock<Templates> = OnceLock::new();
    BUILT_IN.get_or_init(|| Templates::built_in().unwrap())
}

/// The plan after the landing was accepted: the temporary way of the copying is gone.
fn accepted(tenant: &Tenant) -> NetworkPlan {
    plan(tenant).accepted()
}

/// The texts of a tenant's routers after every server that keeps its address has moved.
fn texts(plan: &NetworkPlan) -> Vec<String> {
    let moved: Moved = plan.kept().map(|server| server.id.clone()).collect();
    let mut routers = cpe::routers(plan, &moved);
    routers.push(hub::tenant(plan, &moved));
    routers.iter().map(|router| templates().router(router).unwrap()).collect()
}

fn sources(texts: &[String]) -> Vec<Source> {
    let source = |(at, text): (usize, &String)| Source { file: format!("{at}.ios"), text: text.clone() };
    texts.iter().enumerate().map(source).collect()
}

/// What the owner of `tenant` answers; none where no question may be asked.
fn answer(key: &str, tenant: &Tenant) -> Option<String> {
    let site = &tenant.sites.known().unwrap()[0];
    let last = key.rsplit('.').next().unwrap();
    let fixed = match (key, last) {
        ("tenant.name", _) => "A",
        ("tenant.kind", _) => "municipality",
        ("tenant.populations", _) => "[{value: 1, date: 2020-01-01, source: a}]",
        ("tenant.action_2_2_2" | "tenant.under_5000", _) => "true",
        ("server_count.assessed", _) => "1",
        ("servers", _) => "[]",
        ("sites.0.address", _) => "A",
        ("sites.0.lan.gateway.kind", _) => "other",
        ("sites.0.link.profile", _) => "A",
        ("sites.0.link.managed_by", _) => "us",
        (_, "os") => "{linux: A}",
        (_, "physical" | "billable") => "true",
        (_, "roles") => "[file]",
        (_, "transfer") => "replace",
        ("sites.0.link.backup.lte.apn", _) => match &site.link.backup {
            Some(Backup::Lte { apn: None, .. }) => "unknown",
            _ => return None,
        },
        ("sites.0.link.backup.lte.carrier.cpe", _) => match &site.link.backup {
            Some(Backup::Lte { return_path: ReturnPath::Provider { carrier: Some(line) }, .. }) if line.negotiated => {
                return Some(line.cpe.to_string());
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// The draft with every question answered, read as an inventory of this tenant alone.
fn answered(draft: &Draft, tenant: &Tenant) -> Tenant {
    let mut lines: Vec<String> = draft.yaml.lines().map(str::to_owned).collect();
    for question in &draft.questions {
        let answer = answer(&question.key, tenant).unwrap_or_else(|| panic!("asked for {question:?}\n{}", draft.yaml));
        let line = &mut lines[question.line - 1];
        let (before, _) = line.split_once("unknown  # ?: ").unwrap();
        *line = format!("{before}{answer}");
    }
    let yaml = lines.join("\n") + "\n";
    let mut problems = Problems::none();
    let decoded = form::read("draft.yaml", yaml.as_bytes(), &traghetto::inventory::tenant::form(), &mut problems);
    problems.or(decoded.value).unwrap_or_else(|problems| panic!("{problems:#?}\n{yaml}"))
}

fn imported_as_rendered(tenant: &Tenant, others: &[Tenant]) {
    let plan = accepted(tenant);
    let expected = texts(&plan);
    let mut given = expected.clone();
    let mut plans = vec![plan];
    plans.extend(others.iter().filter(|other| other.number != tenant.number).map(accepted));
    let everyone = plans.iter().flat_map(|plan| plan.kept()).map(|server| server.id.clone()).collect();
    *given.last_mut().unwrap() = templates().router(&hub::whole(&plans, &everyone).unwrap()).unwrap();
    given.reverse();
    let draft = draft(&sources(&given), &nobody(), None).unwrap();
    assert_eq!(draft.notes, [], "{}", draft.yaml);
    let tenant = answered(&draft, tenant);
    assert_eq!(texts(&accepted(&tenant)), expected, "{}", draft.yaml);
}

#[test]
fn what_is_rendered_is_imported_as_it_was() {
    let config = ProptestConfig { cases: 300, ..ProptestConfig::default() };
    proptest!(config, |(tenant in any_tenant(1..=254), other in any_tenant(1..=254))| {
        imported_as_rendered(&tenant, &[other]);
    });
}

/// The last number that a tenant may have is read as well as the first.
#[test]
fn every_number_of_a_tenant_is_found() {
    let tenant = tenant(3);
    for number in [Tenant::NUMBERS.start(), Tenant::NUMBERS.end()] {
        let foreign = |text: &String| {
            let lines = text.lines().map(|line| match line.split_once(':') {
                Some((start, _)) if start.starts_with(" rd ") => format!("{start}:{number}"),
                _ if line.starts_with(" ip address 10.255.") => " ip address 172.31.0.1 255.255.255.255".to_owned(),
                _ => line.to_owned(),
            });
            lines.collect::<Vec<_>>().join("\n") + "\n"
        };
        let given: Vec<String> = texts(&accepted(&tenant)).iter().map(foreign).collect();
        let draft = draft(&sources(&given), &nobody(), None).unwrap();
        assert!(draft.yaml.contains(&format!("number: {number}\n")), "{}", draft.yaml);
    }
}

/// Towns with the same LAN are told apart by their lines.
#[test]
fn a_hub_of_towns_with_one_lan_is_no_riddle() {
    let tenants: Vec<_> = (0..60).map(tenant).collect();
    for tenant in tenants.iter().take(8) {
        imported_as_rendered(tenant, &tenants);
    }
}

#[test]
fn servers_that_took_a_new_address_are_on_no_router() {
    let tenant = (0..).map(tenant).find(|tenant| {
        let servers = tenant.servers.known().unwrap();
        servers.len() > 1 && servers.iter().all(|server| server.landing != Addressing::Keep)
    });
    let draft = draft(&sources(&texts(&accepted(&tenant.unwrap()))), &nobody(), None).unwrap();
    assert!(draft.questions.iter().any(|question| question.key == "servers"), "{}", draft.yaml);
}

const FOREIGN: &str = "\
hostname town\u{1b}[2J
interface GigabitEthernet0/1
 description LAN \"x\": #\u{202e}y
 ip address 192.168.1.252 255.255.255.0
 standby 1 ip 192.168.1.254
 standby 1 priority 110
 ip ospf 1 area 0
interface GigabitEthernet0/0
 description ponte radio 100M
 bandwidth 100000
 ip address 10.128.17.2 255.255.255.252
ip route 0.0.0.0 0.0.0.0 192.168.1.1
ip route 10.64.4.0 255.255.255.0 10.128.17.1
ip route 192.168.1.10 255.255.255.255 10.128.17.1 name SRV-AD\u{1b}
snmp-server community s3cret RO
";

#[test]
fn a_foreign_router_is_drafted_with_questions_and_notes() {
    let sandbox = Sandbox::with_project();
    sandbox.write("a\u{7}.ios", FOREIGN);
    let ran = sandbox.run(&["network", "import", "a\u{7}.ios", "--id", "paese"]).code(0);
    golden("network/import-foreign.yaml", &ran.stdout);
    assert!(!ran.stdout.contains("s3cret") && !ran.stdout.chars().any(|c| c.is_control() && c != '\n'));
    golden("network/import-foreign.txt", &ran.stderr);
    let ran = sandbox.run(&["network", "import", "a\u{7}.ios", "--id", "paese", "--json"]).code(0);
    let read: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(read["tenant"], "paese");
    assert!(read["questions"].as_array().unwrap().iter().any(|it| it["key"] == "tenant.name"));
    assert!(read["notes"].as_array().unwrap().iter().any(|it| it["line"] == 7));
}

#[test]
fn a_draft_is_written_once_and_checked_like_any_tenant() {
    let sandbox = sandbox();
    sandbox.run(&["-q", "network", "render", "cinto-caomaggiore", "--out", "out"]).code(0);
    let out = "out/cinto-caomaggiore/after";
    let files =
        ["cinto-cpe-a.ios", "cinto-cpe-b.ios", "sad-ce-1-cinto-caomaggiore.ios"].map(|it| format!("{out}/{it}"));
    let mut args = vec!["network", "import", "--out", "draft.yaml"];
    args.extend(files.iter().map(String::as_str));
    let ran = sandbox.run(&args).code(0);
    assert_eq!(ran.stdout, "draft.yaml\n");
    golden("network/import-cinto.yaml", &std::fs::read_to_string(sandbox.path().join("draft.yaml")).unwrap());
    let again = sandbox.run(&args).code(1);
    assert!(again.stderr.starts_with("error: draft.yaml exists"), "{}", again.stderr);
    sandbox.run(&["network", "import", "none.ios"]).code(1);
    sandbox.write("empty.ios", "hostname a\n");
    let ran = sandbox.run(&["network", "import", "empty.ios"]).code(1);
    assert!(ran.stderr.starts_with("error: empty.ios has no interface that is its LAN\n"), "{}", ran.stderr);
}
