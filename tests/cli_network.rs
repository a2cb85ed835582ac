//! `traghetto network`: what is printed, written and refused.

use crate::support::network::{self, TENANTS, sandbox};
use crate::support::{Sandbox, golden, project};
use std::collections::BTreeSet;
use std::path::Path;

const APN_WARNING: &str =
    "warning: cinto-caomaggiore: the LTE access point name is not known; the text says <unknown:apn>\n";
const CINTO: &str = "inventory/tenants/cinto-caomaggiore.yaml";

/// The files below `folder`, by path.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            found.insert(name);
        }
    }
    found
}

fn read(sandbox: &Sandbox, path: &str) -> String {
    std::fs::read_to_string(sandbox.path().join(path)).unwrap()
}

/// The `ip route` lines of a text, without indentation.
fn routes(text: &str) -> BTreeSet<String> {
    text.lines().map(str::trim).filter(|line| line.starts_with("ip route ")).map(str::to_owned).collect()
}

#[test]
fn every_rendered_file_is_golden() {
    let sandbox = sandbox();
    sandbox.run(&["-q", "network", "render", "--all", "--partial", "--out", "out"]).code(0);
    sandbox.run(&["-q", "network", "render", "--hub", "--partial", "--out", "out"]).code(0);
    let written = files(&sandbox.path().join("out"));
    for file in written.iter().filter(|file| !file.ends_with("SHA256SUMS")) {
        golden(&format!("network/{file}"), &read(&sandbox, &format!("out/{file}")));
    }
    let mut kept = files(&project().join("tests/golden/network"));
    kept.retain(|file| !file.starts_with("ways/"));
    let stale: Vec<_> = kept.iter().filter(|file| file.contains('/') && !written.contains(*file)).collect();
    assert!(stale.is_empty(), "golden files that nothing renders any more: {stale:?}");
}

/// The ways of the copying that the tenants above do not take: plain routes, a jump host, and, by either,
/// VMware Converter. Readers of configurations elsewhere read these too.
#[test]
fn every_way_of_the_copying_is_golden() {
    let mut written = BTreeSet::new();
    for (name, way, transfer) in [
        ("routed", "routed", "rescue"),
        ("routed-converter", "routed", "converter"),
        ("jump-host-converter", "jump_host", "converter-assisted"),
    ] {
        let sandbox = sandbox();
        let srv3 = "landing: {renumber: 10.64.4.12}\n    transfer: rescue";
        sandbox.edit(CINTO, srv3, &srv3.replace("rescue", transfer));
        sandbox.edit(CINTO, "  - id: municipio\n", &format!("  - id: municipio\n    migration_path: {way}\n"));
        for stage in ["before", "migration"] {
            let out = format!("{name}/{stage}");
            sandbox.run(&["-q", "network", "render", "cinto-caomaggiore", "--stage", stage, "--out", &out]).code(0);
        }
        for file in files(&sandbox.path().join(name)).iter().filter(|file| !file.ends_with("SHA256SUMS")) {
            let short = file.rsplit_once("cinto-caomaggiore/").unwrap().1;
            golden(&format!("network/ways/{name}/{short}"), &read(&sandbox, &format!("{name}/{file}")));
            written.insert(format!("{name}/{short}"));
        }
    }
    assert_eq!(files(&project().join("tests/golden/network/ways")), written);
}

#[test]
fn the_plan_as_table_and_as_json() {
    let ran = Sandbox::with_project().run(&["network", "plan", "cinto-caomaggiore"]).code(0);
    assert_eq!(ran.stderr, "");
    golden("network/plan-cinto.txt", &ran.stdout);
    let ran = sandbox().run(&["network", "plan", "ponte-lungo", "--json"]).code(0);
    golden("network/plan-ponte.json", &ran.stdout);
}

#[test]
fn without_out_the_first_stage_is_printed_and_nothing_else() {
    let sandbox = Sandbox::with_project();
    let ran = sandbox.run(&["network", "render", "cinto-caomaggiore"]).code(0);
    let heads: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("!-----")).collect();
    assert_eq!(
        heads,
        [
            "!----- cinto-caomaggiore/before/cinto-cpe-a.ios -----",
            "!----- cinto-caomaggiore/before/cinto-cpe-b.ios -----",
            "!----- cinto-caomaggiore/before/sad-ce-1-cinto-caomaggiore.ios -----",
        ]
    );
    assert!(ran.stderr.starts_with(APN_WARNING), "{}", ran.stderr);
    let quiet = sandbox.run(&["-q", "network", "render", "cinto-caomaggiore"]).code(0);
    assert_eq!(quiet.stderr, APN_WARNING);
}

#[test]
fn no_kept_address_is_on_a_router_before() {
    let sandbox = sandbox();
    sandbox.run(&["-q", "network", "render", "--all", "--partial", "--out", "out"]).code(0);
    for (tenant, kept) in [
        ("cinto-caomaggiore", "192.0.2.10 255.255.255.255"),
        ("cinto-caomaggiore", "192.0.2.11 255.255.255.255"),
        ("isola-bassa", "192.0.2.10 255.255.255.255"),
        ("ponte-lungo", "10.0.7.200 255.255.255.255"),
    ] {
        for file in files(&sandbox.path().join("out").join(tenant)) {
            let holds = read(&sandbox, &format!("out/{tenant}/{file}")).contains(kept);
            match file.split('/').next().unwrap() {
                "before" => assert!(!holds, "{file} has {kept}"),
                "after" => assert!(holds, "{file} lacks {kept}"),
                _ => {}
            }
        }
    }
}

/// The cutovers of all servers, line by line, lead from before to after, and their way back to before.
#[test]
fn cutovers_lead_from_before_to_after_and_back() {
    let sandbox = sandbox();
    sandbox.run(&["-q", "network", "render", "--all", "--partial", "--out", "out"]).code(0);
    for tenant in TENANTS {
        let folder = sandbox.path().join("out").join(tenant);
        for router in files(&folder.join("before")) {
            let name = router.trim_end_matches(".ios").replace(&format!("-{tenant}"), "");
            let base = routes(&read(&sandbox, &format!("out/{tenant}/before/{router}")));
            let mut now = base.clone();
            let mut undo = Vec::new();
            for cutover in files(&folder.join("cutover")) {
                let text = read(&sandbox, &format!("out/{tenant}/cutover/{cutover}"));
                let (going, back) = text.split_once("COMING BACK").unwrap_or((&text, ""));
                now.extend(routes(&block(going, &name)));
                undo.push(block(back, &name));
            }
            // Between the last cutover and `after` stands the acceptance, which takes the migration's way away.
            let accepted: BTreeSet<_> = now.iter().filter(|route| !route.contains(" name MIGR-")).cloned().collect();
            assert_eq!(accepted, routes(&read(&sandbox, &format!("out/{tenant}/after/{router}"))), "{tenant} {router}");
            for line in undo.iter().flat_map(|text| text.lines()).filter_map(|line| line.trim().strip_prefix("no ")) {
                let before = now.len();
                now.retain(|route| !(route.starts_with(&format!("{line} ")) || route == line));
                assert_eq!(now.len(), before - 1, "`no {line}` removes exactly one route of {router}");
            }
            assert_eq!(now, base, "{tenant} {router}");
        }
    }
}

/// The lines for one router in a cutover file.
fn block(text: &str, router: &str) -> String {
    let Some((_, rest)) = text.split_once(&format!("On {router}:")) else { return String::new() };
    rest.split("configure confirm").next().unwrap().to_owned()
}

#[test]
fn going_is_hub_first_and_coming_back_is_the_reverse() {
    let sandbox = Sandbox::with_project();
    let ran = sandbox.run(&["-q", "network", "render", "cinto-caomaggiore", "--stage", "cutover"]).code(0);
    let order: Vec<_> = ran.stdout.lines().filter_map(|line| line.split_once(". On ")).map(|(_, name)| name).collect();
    let once = ["sad-ce-1:", "cinto-cpe-b:", "cinto-cpe-a:", "cinto-cpe-a:", "cinto-cpe-b:", "sad-ce-1:"];
    assert_eq!(order, [once, once].concat());
}

#[test]
fn machines_of_the_lan_are_sent_to_the_vip_only() {
    let sandbox = sandbox();
    for (tenant, vip, cpes) in [
        ("cinto-caomaggiore", "192.0.2.254", ["192.0.2.252", "192.0.2.253"]),
        ("ponte-lungo", "10.0.7.254", ["10.0.7.252", "10.0.7.253"]),
    ] {
        let text = sandbox.run(&["-q", "network", "render", tenant, "--stage", "hosts"]).code(0).stdout;
        assert!(text.matches(vip).count() > 10, "{text}");
        assert!(cpes.iter().all(|cpe| !text.contains(cpe)), "{text}");
    }
}

#[test]
fn routes_only_is_refused_inside_the_clients_subnet() {
    let sandbox = Sandbox::with_project();
    sandbox.edit(CINTO, "address: 192.0.2.10\n    landing: keep", "address: 192.0.2.10\n    landing: routes_only");
    for command in [["network", "plan"], ["network", "render"]] {
        let ran = sandbox.run(&[command[0], command[1], "cinto-caomaggiore"]).code(3);
        assert_eq!(ran.stdout, "");
        assert_eq!(
            ran.stderr,
            "error: the network of cinto-caomaggiore cannot be planned\n  \
             servers.cinto-srv1.landing: 192.0.2.10 is inside 192.0.2.0/24, the subnet of its own \
             clients: they ask for its hardware address (ARP) and never look at a route [same-subnet]\n    \
             hint: Write `landing: keep` (a /32 with proxy ARP on both CPEs and the hub) or \
             `landing: {renumber: ADDRESS}`.\n\
             hint: Nothing was rendered and no router was touched.\n"
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    let sandbox = Sandbox::with_project();
    let ran = sandbox.run(&["network", "plan", "noale"]).code(3);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("\n  servers: not known [missing]\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n  sites: not known [missing]\n"), "{}", ran.stderr);
    let sandbox = network::sandbox();
    let copper = "carrier: {example: true, wan: 10.128.40.4/30, pe: 10.128.40.5, cpe: 10.128.40.6, mtu: 1492}";
    sandbox.edit("inventory/tenants/ponte-lungo.yaml", copper, "carrier: unknown");
    let ran = sandbox.run(&["network", "render", "ponte-lungo"]).code(3);
    assert!(ran.stderr.contains("\n  sites.sede.link.backup.copper.carrier: not known [missing]\n"), "{}", ran.stderr);
}

#[test]
fn all_renders_what_is_complete_and_lists_the_rest() {
    let sandbox = Sandbox::with_project();
    let ran = sandbox.run(&["-q", "network", "render", "--all", "--out", "out"]).code(3);
    assert!(ran.stdout.starts_with("out/cinto-caomaggiore/before/cinto-cpe-a.ios\n"), "{}", ran.stdout);
    assert!(ran.stderr.contains("error: 20 tenants cannot be rendered\n  caorle: "), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("hint: The others were rendered. `--partial` accepts that these are not.\n"));
    let ran = sandbox.run(&["-q", "network", "render", "--all", "--partial"]).code(0);
    assert!(ran.stdout.starts_with("!----- cinto-caomaggiore/before/cinto-cpe-a.ios -----\nhostname cinto-cpe-a\n"));
}

#[test]
fn hostile_texts_never_reach_a_configuration() {
    let hostile = [
        "\"a\\nno aaa new-model\"",
        "\"a!b\"",
        "\"a?\"",
        "\"a b\"",
        "\"apn;reload\"",
        "\"caff\\u00e8\"",
        "\"a\\u001b[2J\"",
    ];
    for text in hostile {
        let sandbox = Sandbox::with_project();
        sandbox.edit(CINTO, "apn: unknown", &format!("apn: {text}"));
        let ran = sandbox.run(&["network", "render", "cinto-caomaggiore"]).code(3);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains("apn") && ran.stderr.contains("hint: "), "{}", ran.stderr);
        assert!(ran.stderr.bytes().all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte)), "{:?}", ran.stderr);
    }
    let long = "x".repeat(300);
    for (file, from, to) in [
        ("inventory/project.yaml", "hub_name: sad-ce-1", format!("hub_name: {long}")),
        ("inventory/project.yaml", "domain: con.me.example", "domain: \"con.me\\nend\"".to_owned()),
        (CINTO, "short: CINTO", "short: \"CINTO\\n!\"".to_owned()),
    ] {
        let sandbox = Sandbox::with_project();
        sandbox.edit(file, from, &to);
        let ran = sandbox.run(&["network", "render", "cinto-caomaggiore"]).code(3);
        assert_eq!(ran.stdout, "");
        let key = from.split(':').next().unwrap();
        assert!(ran.stderr.contains(key), "{}", ran.stderr);
    }
}

#[test]
fn tenants_that_share_what_is_single_are_refused() {
    let sandbox = sandbox();
    sandbox.edit("inventory/tenants/isola-bassa.yaml", "hub_vlan: 2041", "hub_vlan: 2004");
    let ran = sandbox.run(&["network", "render", "cinto-caomaggiore"]).code(3);
    assert!(ran.stderr.contains("isola-bassa"), "{}", ran.stderr);
    sandbox.edit("inventory/tenants/isola-bassa.yaml", "hub_vlan: 2004", "hub_vlan: 2041");
    sandbox.edit("inventory/tenants/isola-bassa.yaml", "prefix: 192.0.2.0/24", "prefix: 192.0.0.0/16");
    sandbox.run(&["-q", "network", "render", "isola-bassa"]).code(0);
    sandbox.run(&["-q", "network", "render", "cinto-caomaggiore"]).code(0);
    sandbox.edit("inventory/tenants/isola-bassa.yaml", "hub_wan: 10.127.41.0/30", "hub_wan: 10.64.41.0/30");
    sandbox.edit("inventory/tenants/isola-bassa.yaml", "hub_pe: 10.127.41.1", "hub_pe: 10.64.41.1");
    sandbox.edit("inventory/tenants/isola-bassa.yaml", "hub_ce: 10.127.41.2", "hub_ce: 10.64.41.2");
    let ran = sandbox.run(&["network", "render", "isola-bassa"]).code(3);
    assert!(ran.stderr.contains("10.64.41.0/30") && ran.stderr.contains("overlap"), "{}", ran.stderr);
}

#[test]
fn a_new_address_belongs_to_the_tenants_prefix() {
    for address in ["10.64.5.12", "10.64.4.1", "10.64.4.0", "10.64.4.255"] {
        let sandbox = Sandbox::with_project();
        sandbox.edit(CINTO, "renumber: 10.64.4.12", &format!("renumber: {address}"));
        let ran = sandbox.run(&["network", "plan", "cinto-caomaggiore"]).code(3);
        assert!(ran.stderr.contains(address), "{}", ran.stderr);
    }
}

#[test]
fn a_folder_is_replaced_whole_and_never_over_foreign_files() {
    let sandbox = Sandbox::with_project();
    let render = ["-q", "network", "render", "cinto-caomaggiore", "--out", "out"];
    sandbox.run(&render).code(0);
    let first = files(&sandbox.path().join("out"));
    assert!(first.contains("cinto-caomaggiore/SHA256SUMS") && first.contains("cinto-caomaggiore/hosts/dhcp.txt"));
    let sums = std::process::Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(sandbox.path().join("out/cinto-caomaggiore"))
        .status();
    assert!(sums.unwrap().success());

    let before_only = ["-q", "network", "render", "cinto-caomaggiore", "--stage", "before", "--out", "out"];
    sandbox.run(&before_only).code(0);
    assert!(files(&sandbox.path().join("out")).iter().all(|file| file.contains("/before/") || file.ends_with("SUMS")));

    sandbox.run(&render).code(0);
    sandbox.write("out/cinto-caomaggiore/before/notes.txt", "mine");
    let ran = sandbox.run(&render).code(1);
    assert!(ran.stderr.contains("changed since: before/notes.txt\n"), "{}", ran.stderr);
    assert_eq!(read(&sandbox, "out/cinto-caomaggiore/before/notes.txt"), "mine");
    std::fs::remove_file(sandbox.path().join("out/cinto-caomaggiore/before/notes.txt")).unwrap();

    sandbox.edit("out/cinto-caomaggiore/before/cinto-cpe-a.ios", "hostname cinto-cpe-a", "hostname mine");
    let ran = sandbox.run(&render).code(1);
    assert!(ran.stderr.contains("changed since: before/cinto-cpe-a.ios\n"), "{}", ran.stderr);
    assert!(read(&sandbox, "out/cinto-caomaggiore/before/cinto-cpe-a.ios").starts_with("hostname mine"));
}

#[test]
fn a_template_of_the_root_is_used_and_its_mistakes_are_placed() {
    let sandbox = Sandbox::with_project();
    sandbox.edit("templates/router/baseline-tail.j2", "ip ssh version 2", "ip ssh version 2\nbanner none");
    let ran = sandbox.run(&["network", "render", "cinto-caomaggiore"]).code(0);
    assert_eq!(ran.stdout.matches("\nbanner none\n").count(), 2);
    assert!(
        ran.stderr.starts_with("Templates of the root that differ from the built-in ones: router/baseline-tail.j2\n")
    );
    sandbox.edit("templates/router/baseline-tail.j2", "banner none", "{{ baseline.colour }}");
    let ran = sandbox.run(&["network", "render", "cinto-caomaggiore"]).code(3);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("router/baseline-tail.j2:2"), "{}", ran.stderr);
    sandbox.edit("templates/router/baseline-tail.j2", "{{ baseline.colour }}\n", "");
    sandbox.edit("templates/router/interfaces.j2", "priority {{ standby.priority }}", "priority 90");
    let ran = sandbox.run(&["network", "render", "cinto-caomaggiore"]).code(3);
    let expected = "error: the template router/interfaces.j2 changes what cinto-cpe-a means: \
                    `interface GigabitEthernet0/0/1` differs in standby (line ";
    assert!(ran.stderr.contains(expected) && ran.stderr.contains(": `standby 10 priority 90`)"), "{}", ran.stderr);
    std::fs::write(sandbox.path().join("templates/router/baseline-tail.j2"), b"\xff").unwrap();
    let ran = sandbox.run(&["network", "render", "cinto-caomaggiore"]).code(3);
    assert!(ran.stderr.starts_with("error: the template router/baseline-tail.j2 cannot be read\n"), "{}", ran.stderr);
}

#[test]
fn restoration_deadlines_of_the_project_document() {
    let sandbox = Sandbox::with_project();
    for (reported, due) in [
        ("2022-03-04T15:59", "Mon 07/03/2022 19:00"),
        ("2022-03-04T16:00", "Mon 07/03/2022 19:00"),
        ("2022-03-04T16:01", "Tue 08/03/2022 19:00"),
        ("2022-04-22T10:00", "Tue 26/04/2022 19:00"),
        ("2022-04-22T17:00", "Wed 27/04/2022 19:00"),
        ("2022-03-05T12:00", "Tue 08/03/2022 19:00"),
        ("2022-04-14T17:00", "Tue 19/04/2022 19:00"),
    ] {
        let ran = sandbox.run(&["network", "sla", "cinto-caomaggiore", "--reported", reported]).code(0);
        let first = ran.stdout.lines().next().unwrap();
        assert_eq!(first, format!("cinto-caomaggiore: restore by {due}"), "{reported}");
        assert_eq!(ran.stderr, "");
    }
    let ran = sandbox.run(&["network", "sla", "cinto-caomaggiore", "--reported", "2022-03-05T12:00"]).code(0);
    assert_eq!(
        ran.stdout,
        "cinto-caomaggiore: restore by Tue 08/03/2022 19:00\n  reported Sat 05/03/2022 12:00\n  \
         counts as reported Mon 07/03/2022 08:00, the opening of the next working day\n  \
         by 16:00: 1 working day, until the end of assistance\n  \
         skipped Sat 05/03/2022\n  skipped Sun 06/03/2022\n"
    );
    let ran = sandbox.run(&["network", "sla", "cinto-caomaggiore", "--reported", "2022-03-25T17:00", "--json"]).code(0);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["reported"], "2022-03-25T17:00:00+01:00");
    assert_eq!(json["due"], "2022-03-29T19:00:00+02:00");
    sandbox.run(&["network", "sla", "cinto-caomaggiore", "--reported", "yesterday"]).code(2);
    sandbox.run(&["network", "sla", "cinto", "--reported", "2022-03-05T12:00"]).code(2);
}

#[test]
fn the_estate_is_complete() {
    let sandbox = network::estate();
    sandbox.run(&["inventory", "check"]).code(0);
    let ran = sandbox.run(&["-q", "network", "render", "--all", "--stage", "after"]).code(0);
    assert_eq!(ran.stderr, "");
    let hub = sandbox.run(&["-q", "network", "render", "--hub", "--stage", "after"]).code(0);
    assert_eq!(hub.stdout.matches("\nvrf definition ").count(), 22, "21 tenants and the front door");
}
