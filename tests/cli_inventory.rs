//! `traghetto inventory`: check, list, show, schema.

use crate::support::{Sandbox, golden, project};
use serde_json::Value;

const CINTO: &str = "inventory/tenants/cinto-caomaggiore.yaml";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_shipped_inventory_is_good() {
    let ran = Sandbox::with_project().run(&["inventory", "check"]).code(0);
    assert_eq!(ran.stdout, "no problem: tenants 21, servers 3, sites 1, persons 5, playbooks 1, checklists 5\n");
    assert_eq!(ran.stderr, "");
    let ran = Sandbox::with_project().run(&["inventory", "check", "--json"]).code(0);
    assert_eq!(
        json(&ran.stdout),
        serde_json::json!({"ok": true, "tenants": 21, "playbooks": 1, "checklists": 5, "problems": []})
    );
}

#[test]
fn playbooks_and_checklists_are_checked_too() {
    let sandbox = Sandbox::with_project();
    sandbox.edit("playbooks/con-me-2.2.1.yaml", "  name: Con.Me 2.2.1", "  nome: Con.Me 2.2.1");
    sandbox.edit("checklists/network.yaml", "checklist: network", "checklist: netwrk");
    sandbox.write("checklists/landng.yaml", "checklist: landing\n");
    let ran = sandbox.run(&["inventory", "check"]).code(3);
    let places: Vec<&str> = ran.stdout.lines().skip_while(|line| !line.contains("landng")).collect();
    let expected = [
        "checklists/landng.yaml: no phase has this name, so nothing reads the file",
        "  hint: did you mean landing.yaml?",
    ];
    assert_eq!(places[..2], expected);
    assert!(ran.stdout.contains("checklists/network.yaml:"), "{}", ran.stdout);
    assert!(ran.stdout.contains("unknown key `nome`\n  hint: did you mean `name`?"), "{}", ran.stdout);
}

#[test]
fn all_problems_of_all_files_come_at_once_in_order() {
    let sandbox = Sandbox::with_project();
    sandbox.edit(CINTO, "  short: CINTO", "  shrot: CINTO");
    sandbox.edit(CINTO, "    address: 192.0.2.12\n", "    address: 192.0.2.300\n");
    sandbox.edit("inventory/people.yaml", "side: sad}", "side: sda}");
    sandbox.edit("inventory/fees.yaml", "annual_net: \"2411.11\"", "annual_net: \"2411.1\"");
    sandbox.edit("inventory/tenants/caorle.yaml", "  under_5000: false", "  under_5000: true");
    let ran = sandbox.run(&["inventory", "check"]).code(3);
    let places: Vec<&str> = ran.stdout.lines().filter(|line| !line.starts_with(' ')).collect();
    let expected = [
        "inventory/fees.yaml:15:57: schedules[0].bands[0].annual_net: `2411.1` is not an amount in euro",
        "inventory/people.yaml:6:49: roles.sad-validatore.side: `sda` is not one of `comune`, `sad`, `operator`, `other`",
        "inventory/tenants/caorle.yaml:22:15: tenant.under_5000: the flag is true, but the population of 2020-01-01 is 11476",
        "inventory/tenants/cinto-caomaggiore.yaml:7:3: tenant.shrot: unknown key `shrot`",
        "inventory/tenants/cinto-caomaggiore.yaml:68:14: servers[2].address: `192.0.2.300` is not the IPv4 address of a host",
    ];
    assert_eq!(places, expected);
    assert_eq!(
        ran.stderr,
        "error: 5 problems in 4 files\n\
         hint: Checks between files run on the files that are good by themselves: check again after mending.\n"
    );

    let ran = sandbox.run(&["inventory", "check", "--json"]).code(3);
    let found = json(&ran.stdout);
    assert_eq!(found["ok"], false);
    assert_eq!(
        found["problems"][3],
        serde_json::json!({
            "file": CINTO, "line": 7, "column": 3, "path": "tenant.shrot",
            "message": "unknown key `shrot`", "hint": "did you mean `short`?"
        })
    );
}

#[test]
fn other_commands_say_the_same_and_change_nothing() {
    let sandbox = Sandbox::with_project();
    sandbox.edit(CINTO, "  short: CINTO", "  short: cinto");
    let ran = sandbox.run(&["inventory", "list"]).code(3);
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ran.stderr,
        "error: 1 problem in 1 file\n\
         inventory/tenants/cinto-caomaggiore.yaml:7:10: tenant.short: `cinto` is not a short name \
         (at most 20 capital letters, digits, `-`)\n  hint: for example `CINTO`\n\
         hint: Nothing was changed. Mend these and run `traghetto inventory check`.\n"
    );
}

#[test]
fn files_that_cannot_be_read_are_problems_too() {
    let ran = Sandbox::empty().run(&["inventory", "check"]).code(3);
    for file in ["inventory/project.yaml", "inventory/fees.yaml", "inventory/people.yaml", "inventory/tenants"] {
        assert!(ran.stdout.contains(&format!("{file}: cannot be read: ")), "{}", ran.stdout);
    }
    assert!(ran.stdout.contains("hint: is this the right folder? Name it with --root DIR"));

    let sandbox = Sandbox::with_project();
    std::fs::write(sandbox.path().join("inventory/people.yaml"), b"roles:\n  caff\xe8: {}\n").unwrap();
    std::fs::create_dir(sandbox.path().join("inventory/tenants/folder.yaml")).unwrap();
    sandbox.write("inventory/tenants/Dolo 2.yaml", "x: 1\n");
    sandbox.write("inventory/tenants/dolo.yml", "x: 1\n");
    sandbox.write("inventory/tenants/.hidden.yaml", "x: 1\n");
    sandbox.write("inventory/tenants/notes.txt", "x: 1\n");
    sandbox.write("inventory/fees.yaml", &"# a very long comment\n".repeat(60_000));
    let ran = sandbox.run(&["inventory", "check"]).code(3);
    let lines: Vec<&str> = ran.stdout.lines().filter(|line| !line.starts_with(' ')).collect();
    let expected = [
        "inventory/fees.yaml: the file is longer than 1048576 bytes",
        "inventory/people.yaml:2:7: the text is not UTF-8",
        "inventory/tenants/Dolo 2.yaml: the file's name is not a tenant's id and `.yaml`",
        "inventory/tenants/dolo.yml: the file's name is not a tenant's id and `.yaml`",
        "inventory/tenants/folder.yaml: cannot be read: it is not a regular file",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_server_of_another_tenant_is_not_copied() {
    let sandbox = Sandbox::with_project();
    let server = "servers:\n  - {id: cinto-srv1, os: {windows: Windows 10}, physical: true, billable: true, roles: [file], \
                  address: 192.0.2.10, landing: keep, transfer: converter}\n";
    sandbox.edit("inventory/tenants/caorle.yaml", "servers: unknown\n", server);
    let ran = sandbox.run(&["inventory", "check"]).code(3);
    assert_eq!(
        ran.stdout,
        "inventory/tenants/cinto-caomaggiore.yaml:36:9: servers[0].id: \
         inventory/tenants/caorle.yaml has the same server id, `cinto-srv1`\n  \
         hint: a server's id is unique in the inventory\n"
    );
}

#[test]
fn references_to_secrets_are_followed_on_request() {
    let sandbox = Sandbox::with_project();
    let ran = sandbox.run(&["inventory", "check", "--secrets"]).code(3);
    assert!(ran.stdout.contains("cinto-caomaggiore.yaml:48:49: servers[0].access.key: "), "{}", ran.stdout);
    sandbox.write("keys/rescue", "a key");
    let ran = sandbox.run(&["inventory", "check", "--secrets"]).code(3);
    assert!(ran.stdout.contains("others may read ./keys/rescue\n  hint: chmod 600 ./keys/rescue"), "{}", ran.stdout);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(sandbox.path().join("keys/rescue"), mode).unwrap();
    sandbox.run(&["inventory", "check", "--secrets"]).code(0);

    sandbox.edit(
        CINTO,
        "{host: 192.0.2.10, user: root, key: keys/rescue,",
        "{host: 192.0.2.10, user: root, password: env:CINTO_PW,",
    );
    let ran = sandbox.run(&["inventory", "check", "--secrets"]).code(3);
    assert!(ran.stdout.contains("servers[0].access.password: the environment variable CINTO_PW is not set"));
    sandbox.env("CINTO_PW", "Laguna2021!").run(&["inventory", "check", "--secrets"]).code(0);
}

#[test]
fn tenants_are_listed_with_what_is_not_known() {
    let sandbox = Sandbox::with_project();
    golden("inventory/list.txt", &sandbox.run(&["inventory", "list"]).code(0).stdout);
    let list = json(&sandbox.run(&["inventory", "list", "--json"]).code(0).stdout);
    assert_eq!(list.as_array().unwrap().len(), 21);
    assert_eq!(list[3]["id"], "cinto-caomaggiore");
    assert_eq!(list[3]["population"], serde_json::json!({"value": 3181, "date": "2020-01-01", "source": "ISTAT"}));
    assert_eq!(list[0]["server_count"]["assessed"], Value::Null);
    assert_eq!(list[0]["links"], Value::Null);
}

#[test]
fn one_tenant_is_shown() {
    let sandbox = Sandbox::with_project();
    golden("inventory/show-cinto.txt", &sandbox.run(&["inventory", "show", "cinto-caomaggiore"]).code(0).stdout);
    golden("inventory/show-caorle.txt", &sandbox.run(&["inventory", "show", "caorle"]).code(0).stdout);
    let cinto = json(&sandbox.run(&["inventory", "show", "cinto-caomaggiore", "--json"]).code(0).stdout);
    assert_eq!(cinto["servers"][0]["directory"], "cold");
    assert_eq!(cinto["servers"][0]["disks"][0]["size"], 120_000_000_000_u64);
    assert_eq!(cinto["servers"][2]["landing"], serde_json::json!({"renumber": "10.64.4.12"}));
    assert_eq!(cinto["sites"][0]["link"]["annual_net"], "5994.00");
    assert_eq!(cinto["sites"][0]["link"]["ordered_on"], Value::Null);
}

#[test]
fn an_unknown_tenant_is_wrong_usage() {
    let ran = Sandbox::with_project().run(&["inventory", "show", "cinto-caomagiore"]).code(2);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, "error: there is no tenant `cinto-caomagiore`\nhint: Did you mean `cinto-caomaggiore`?\n");
    let ran = Sandbox::with_project().run(&["inventory", "show", "\u{1b}[2J"]).code(2);
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
}

#[test]
fn schemas_are_printed_and_written_where_the_files_expect_them() {
    let sandbox = Sandbox::with_project();
    let schema = json(&sandbox.run(&["inventory", "schema", "tenant"]).code(0).stdout);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["tenant", "server_count", "servers", "sites"]));
    let ran = sandbox.run(&["inventory", "schema", "--all"]).code(0);
    assert_eq!(ran.stdout, "");
    for file in ["inventory/project.yaml", "inventory/fees.yaml", "inventory/people.yaml", CINTO] {
        let path = project().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text.lines().next().unwrap();
        let schema = line.strip_prefix("# yaml-language-server: $schema=").unwrap_or_else(|| panic!("{file}: {line}"));
        let target = sandbox.path().join(file).parent().unwrap().join(schema);
        json(&std::fs::read_to_string(&target).unwrap_or_else(|error| panic!("{}: {error}", target.display())));
    }
    sandbox.run(&["inventory", "schema"]).code(2);
    sandbox.run(&["inventory", "schema", "tenants"]).code(2);
    let ran = sandbox.run(&["inventory", "schema", "--all", "--out", "inventory/fees.yaml"]).code(1);
    assert!(ran.stderr.contains("name another folder with --out"), "{}", ran.stderr);
}
