//! `traghetto network simulate`: what it prints and draws, exactly, and when it fails.

use crate::support::network::sandbox;
use crate::support::{Sandbox, golden, project, width};
use traghetto::network::NetworkPlan;
use traghetto::network::cpe::Moved;
use traghetto::network::render::{Stage, Templates};
use traghetto::network::simulate::{Scene, outcomes};

/// The estate of 21 invented, complete tenants.
fn estate() -> Sandbox {
    let sandbox = Sandbox::with_project();
    let from = project().join("tests/fixtures/estate-21/inventory");
    std::fs::remove_dir_all(sandbox.path().join("inventory")).unwrap();
    for folder in ["", "tenants"] {
        for entry in std::fs::read_dir(from.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                sandbox.write(&format!("inventory/{folder}/{name}"), &text);
            }
        }
    }
    sandbox
}

#[test]
fn every_single_failure_of_cinto() {
    let ran = sandbox().run(&["network", "simulate", "cinto-caomaggiore"]).code(0);
    golden("network/simulate-cinto.txt", &ran.stdout);
    let before = sandbox().run(&["network", "simulate", "cinto-caomaggiore", "--stage", "before"]).code(0);
    golden("network/simulate-cinto-before.txt", &before.stdout);
}

#[test]
fn json_is_an_object_for_each_failure_client_and_server() {
    let ran =
        sandbox().run(&["network", "simulate", "cinto-caomaggiore", "--failure", "primary-core", "--json"]).code(0);
    golden("network/simulate-cinto.json", &ran.stdout);
    let all: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    for object in all.as_array().unwrap() {
        assert_eq!(object["verdict"], "reachable");
        assert!(object["outage_seconds"]["min"].as_f64().unwrap() <= object["outage_seconds"]["max"].as_f64().unwrap());
        assert!(
            object["path"]
                .as_array()
                .unwrap()
                .iter()
                .any(|hop| hop["node"] == "cinto-cpe-b" || hop["node"] == "cinto-cpe-a")
        );
    }
}

#[test]
fn junit_has_a_case_for_each_failure() {
    let ran = sandbox().run(&["network", "simulate", "isola-bassa", "--format", "junit"]).code(0);
    golden("network/simulate-isola.xml", &ran.stdout);
}

#[test]
fn the_site_is_drawn_with_what_failed_and_the_way_that_is_left() {
    let sandbox = sandbox();
    sandbox.run(&["network", "simulate", "cinto-caomaggiore", "--failure", "primary-line", "--svg", "cut.svg"]).code(0);
    golden("network/simulate-cinto-cut.svg", &std::fs::read_to_string(sandbox.path().join("cut.svg")).unwrap());
    sandbox.run(&["network", "simulate", "cinto-caomaggiore", "--svg", "drawings"]).code(0);
    let drawings = std::fs::read_dir(sandbox.path().join("drawings/cinto-caomaggiore")).unwrap().count();
    assert!(drawings > 20, "{drawings}");
}

#[test]
fn a_hub_that_does_not_track_its_return_fails_the_check() {
    let sandbox = sandbox();
    sandbox.run(&["network", "render", "cinto-caomaggiore", "--stage", "after", "--out", "out"]).code(0);
    let hub = "out/cinto-caomaggiore/after/sad-ce-1-cinto-caomaggiore.ios";
    let text = std::fs::read_to_string(sandbox.path().join(hub)).unwrap();
    assert!(text.contains(" track 4 name"));
    sandbox.write(hub, &text.replace(" track 4 name", " name"));
    let ran = sandbox.run(&["network", "simulate", "cinto-caomaggiore", "--from", "out"]).code(4);
    assert!(ran.stdout.contains("LOST") && ran.stdout.contains("on the way back"), "{}", ran.stdout);
    assert!(ran.stderr.contains("although a way is left"), "{}", ran.stderr);
}

/// Renders Cinto and changes a text of it; returns where it lies.
fn brought(sandbox: &Sandbox, file: &str, from: &str, to: &str) -> &'static str {
    sandbox.run(&["network", "render", "cinto-caomaggiore", "--stage", "after", "--out", "out"]).code(0);
    let file = format!("out/cinto-caomaggiore/after/{file}.ios");
    let text = std::fs::read_to_string(sandbox.path().join(&file)).unwrap();
    assert!(text.contains(from), "{from}");
    sandbox.write(&file, &text.replace(from, to));
    "out"
}

#[test]
fn what_is_not_read_and_may_decide_is_said_and_nothing_counts_as_proven() {
    let lines = [
        ("\n ip proxy-arp\n", "\n ip proxy-arp\n ip policy route-map AROUND\n", "ip policy route-map AROUND"),
        ("ip forward-protocol nd\n", "ip forward-protocol nd\nrouter ospf 1\n", "router ospf 1"),
        (" object 10\n", " object 10 not\n", "object 10 not"),
    ];
    for (from, to, line) in lines {
        let sandbox = sandbox();
        let out = brought(&sandbox, "cinto-cpe-a", from, to);
        let command = ["network", "simulate", "cinto-caomaggiore", "--from", out];
        let ran = sandbox.run(&command).code(4);
        assert!(ran.stderr.contains(line) && ran.stderr.contains("cinto-cpe-a.ios:"), "{}", ran.stderr);
        // Where something is lost, too, that comes first.
        let proven = ran.stderr.contains("nothing above is proven") || ran.stdout.contains("LOST");
        assert!(proven, "{}", ran.stderr);
        let ran = sandbox.run(&[&command[..], &["--json"]].concat()).code(4);
        let all: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(all[0]["unread"][0]["what"].as_str().unwrap().contains(line), "{}", all[0]);
        let ran = sandbox.run(&[&command[..], &["--format", "junit"]].concat()).code(4);
        assert!(ran.stdout.contains("every line that decides is read"), "{}", ran.stdout);
    }
}

#[test]
fn what_does_not_come_back_fails_the_check() {
    let sandbox = sandbox();
    let out = brought(&sandbox, "cinto-cpe-a", " name PROBE-PIN", " track 100 name PROBE-PIN");
    let ran = sandbox.run(&["network", "simulate", "cinto-caomaggiore", "--from", out]).code(4);
    assert!(ran.stdout.contains("STAYS") && ran.stdout.contains("does NOT come back"), "{}", ran.stdout);
    assert!(ran.stderr.contains("track 10 of cinto-cpe-a stays down"), "{}", ran.stderr);
    let ran = sandbox.run(&["network", "simulate", "cinto-caomaggiore", "--from", out, "--format", "junit"]).code(4);
    assert!(ran.stdout.contains("<failure message=\"does NOT come back"), "{}", ran.stdout);
}

#[test]
fn a_router_that_nobody_brought_is_rendered_and_it_is_said() {
    let sandbox = sandbox();
    let out = brought(&sandbox, "cinto-cpe-a", "hostname", "hostname");
    std::fs::remove_file(sandbox.path().join("out/cinto-caomaggiore/after/cinto-cpe-b.ios")).unwrap();
    let ran = sandbox.run(&["network", "simulate", "cinto-caomaggiore", "--from", out]).code(0);
    assert!(
        ran.stderr.contains("no text of cinto-cpe-b.ios was brought; what is rendered stands in"),
        "{}",
        ran.stderr
    );
    let whole = sandbox.run(&["network", "simulate", "cinto-caomaggiore"]).code(0);
    assert_eq!(ran.stdout.replace("(out/", "("), whole.stdout);
    std::fs::remove_dir_all(sandbox.path().join(out)).unwrap();
    sandbox.write("out/other.cfg", "hostname somebody-else\n");
    let ran = sandbox.run(&["network", "simulate", "cinto-caomaggiore", "--from", out]).code(0);
    assert_eq!(ran.stderr.matches("was brought").count(), 3, "{}", ran.stderr);
}

#[test]
fn a_failure_of_another_name_is_wrong_usage() {
    let ran = sandbox().run(&["network", "simulate", "cinto-caomaggiore", "--failure", "moon"]).code(2);
    assert!(ran.stderr.contains("primary-line"), "{}", ran.stderr);
}

/// In every single and double failure of every tenant of the estate.
#[test]
fn no_interval_is_wider_than_its_probe_periods_and_timeouts_add_up_to() {
    let inventory = traghetto::inventory::load(&project().join("tests/fixtures/estate-21")).unwrap();
    let templates = Templates::built_in().unwrap();
    let (mut tenants, mut outages) = (0, 0);
    for tenant in inventory.tenants.values() {
        let plan = NetworkPlan::new(&inventory, tenant).unwrap();
        let files = templates.stage(&plan, Stage::After).unwrap();
        let moved: Moved = plan.servers.iter().map(|server| server.id.clone()).collect();
        let scene = Scene::of(&plan, &moved, files.iter().map(|file| (file.path.clone(), file.text.as_str())));
        for outcome in outcomes(&scene, true) {
            let Some(outage) = outcome.outage else { continue };
            let most = width::most(&scene, &outage);
            let told = format!("{} {}: {most} ms for {outage:?}", plan.tenant, outcome.failures);
            assert!(outage.min_ms <= outage.max_ms && outage.max_ms - outage.min_ms <= most, "{told}");
            assert!(!outage.formula().contains("ARP"), "{told}");
            outages += 1;
        }
        tenants += 1;
    }
    assert!(tenants == 21 && outages > 5_000, "{tenants} tenants, {outages} outages");
}

#[test]
fn every_two_failures_of_the_estate() {
    let ran = estate().run(&["network", "simulate", "--all", "--double", "--format", "junit"]).code(0);
    assert_eq!(ran.stdout.matches("<testsuite name=").count(), 21);
    assert!(!ran.stdout.contains("<failure"));
    // What has no way is dropped: a packet that walks until its TTL ends fills the town's line. Only one
    // router with two lines of one VPN cannot know: its second line has no probe.
    let walking = ran.stdout.split("<testcase ").filter(|case| case.contains("walks in a circle"));
    let elsewhere: Vec<&str> = walking.filter(|case| !case.contains("classname=\"nervesola\"")).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}
