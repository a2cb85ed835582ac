//! `traghetto network diff`: what is wanted, what is told, and what never is.

use crate::support::Sandbox;
use crate::support::network::sandbox;

const TENANT: &str = "cinto-caomaggiore";

/// A sandbox with the tenant's routers of a stage in `running`.
fn running(stage: &str) -> Sandbox {
    let sandbox = sandbox();
    sandbox.run(&["-q", "network", "render", TENANT, "--stage", stage, "--out", "running"]).code(0);
    sandbox
}

/// The lines there, and the lines back, of all routers.
fn lines(sandbox: &Sandbox, args: &[&str]) -> (Vec<String>, Vec<String>) {
    let ran = sandbox.run(&[&["--json", "network", "diff", TENANT, "--running"][..], args].concat()).code(0);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let of = |way: &str| {
        let routers = json["routers"].as_array().unwrap().iter();
        let steps = routers.flat_map(|router| router[way].as_array().unwrap().clone());
        let lines = steps.flat_map(|step| step["lines"].as_array().unwrap().clone());
        lines.map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    (of("steps"), of("rollback"))
}

/// The stage `after` is that of `network render`: without the temporary way of the copying.
#[test]
fn after_is_without_the_way_of_the_copying_and_before_is_with_it() {
    let has = |lines: &[String], line: &str| lines.iter().any(|other| other.trim() == line);
    let way = ["ip access-list extended MIGRATION-IN", "ip access-list extended MIGRATION-CINTO-IN"];
    let there = running("before");
    let (steps, back) = lines(&there, &["running/cinto-caomaggiore/before", "--stage", "after"]);
    for list in way {
        assert!(has(&steps, &format!("no {list}")) && has(&back, list), "{steps:#?}");
    }
    let accepted = running("after");
    let (steps, _) = lines(&accepted, &["running/cinto-caomaggiore/after", "--stage", "after"]);
    assert!(steps.is_empty(), "{steps:#?}");
    let (steps, back) = lines(&accepted, &["running/cinto-caomaggiore/after", "--stage", "before"]);
    for list in way {
        assert!(has(&steps, list) && has(&back, &format!("no {list}")), "{steps:#?}");
    }
}

#[test]
fn neither_the_lines_nor_the_foreign_ones_show_a_secret() {
    let sandbox = running("before");
    let file = "running/cinto-caomaggiore/before/cinto-cpe-a.ios";
    sandbox.edit(file, " path bootflash:arch-$h-$t", " path scp://backup:S3ntinel@10.255.10.9/arch");
    sandbox.edit(
        file,
        "ip forward-protocol nd\n",
        "ip forward-protocol nd\nenable password 7 S3ntinel\nradius-server key 7 S3ntinel\n",
    );
    for args in [&["--foreign"][..], &[]] {
        for json in [&["--json"][..], &[]] {
            let words = [json, &["network", "diff", TENANT, "--running", file], args].concat();
            let ran = sandbox.run(&words).code(0);
            assert!(!ran.stdout.contains("S3ntinel") && !ran.stderr.contains("S3ntinel"), "{}", ran.stdout);
            assert!(ran.stdout.contains("scp://<secret:old-cinto-cpe-a-archive-path>@"), "{}", ran.stdout);
        }
    }
}
