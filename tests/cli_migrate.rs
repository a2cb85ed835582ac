//! `traghetto migrate` against real SSH hosts on loopback. Needs the Debian package openssh-server.

use crate::support::town::{SERVERS, Town};
use crate::support::{Sandbox, golden};
use std::process::Stdio;
use std::time::Duration;

#[test]
fn a_town_is_moved_from_gate_to_gate() {
    let town = Town::new();
    town.run_to("landing-ready");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    town.run_to("source-checked");
    town.sign_jointly("source-checked");
    town.run_to("test-accepted");
    for server in SERVERS {
        assert!(town.is_equal(server), "{server}");
    }
    town.sign("test-accepted", "sad-validatore", "carla-riva");
    town.run_to("move-planned");
    town.sign_jointly("move-planned");
    what_was_agreed_changes(&town);
    town.sign_jointly("move-planned");

    town.change("cinto-srv2", 7, 0x55);
    town.run_to("quiet");
    assert!(town.is_equal("cinto-srv2"));
    changes_are_forecast(&town);
    town.change("cinto-srv3", 0, 0);
    town.sign("quiet", "venis-sistemista", "anna-veneto");
    town.sign("quiet", "comune-tecnico", "elena-ponte");
    town.run_to("moved");
    for server in SERVERS {
        assert!(town.is_equal(server), "{server}");
    }
    let status = town.status();
    assert_eq!(status["phase"], "verified");
    town.sign("moved", "venis-sistemista", "anna-veneto");
    town.sign("moved", "comune-tecnico", "elena-ponte");
    the_source_is_asked_no_more(&town);
    town.run_to("landing-accepted");
    town.sign_jointly("landing-accepted");
    disks_are_kept_for_the_quiet_period(&town);
    town.run_to("decommissioned");
    assert_eq!(town.status()["phase"], "accepted");
    town.sign_jointly("decommissioned");
    town.migrate(&["run"]).code(0);
    let status = town.status();
    assert_eq!((&status["phase"], &status["next"]["command"]), (&"decommissioned".into(), &serde_json::Value::Null));
}

/// A telephone number of the plan of the move changes after it was signed: it is signed again before anything is done.
fn what_was_agreed_changes(town: &Town) {
    let before = town.status()["servers"][0]["replica"][0]["bytes_sent"].clone();
    town.sandbox.edit("inventory/people.yaml", "+39 0421 555 0105", "+39 0421 555 0199");
    let waits = town.migrate(&["run"]).code(5).stderr;
    let changed = "contacts.elena-ponte.contact: +39 0421 555 0105 becomes +39 0421 555 0199";
    assert!(waits.contains("sign gate move-planned again: the terms of the cutover changed"), "{waits}");
    assert!(waits.contains(&format!("Changed since it was signed: {changed}")), "{waits}");
    let status = town.status();
    let gates = status["gates"].as_array().unwrap();
    let gate = gates.iter().find(|gate| gate["gate"] == "move-planned").unwrap();
    assert_eq!((&gate["state"], &gate["changed"][0]), (&"waiting".into(), &changed.into()));
    assert_eq!((gate["void"].as_array().unwrap().len(), &gate["signed"]), (2, &serde_json::json!([])));
    assert_eq!(status["servers"][0]["replica"][0]["bytes_sent"], before, "nothing was copied");
    // What is signed is shown: the digest, and what has changed.
    let sign = ["sign", "move-planned", "--role", "comune-referente", "--operator", "dario-pieve", "--approve", "0"];
    let shown = town.migrate(&sign);
    let page = format!("{}{}", shown.stdout, shown.stderr);
    assert!(page.contains(&format!("cambiato dopo le firme: {changed}")), "{page}");
    assert!(
        page.contains(&format!("Piano dello spostamento, impronta {}", gate["cutover"].as_str().unwrap())),
        "{page}"
    );
}

/// Activity 6 waits, whatever is signed, until people have agreed on another term or its days are over.
fn disks_are_kept_for_the_quiet_period(town: &Town) {
    let waits = town.migrate(&["run"]).code(5).stderr;
    assert!(waits.contains("leave the servers off and their disks as they are until "), "{waits}");
    assert!(!waits.contains("Sign with:"), "{waits}");
    let status = town.status();
    assert_eq!(status["gates"].as_array().unwrap().last().unwrap()["state"], "closed");
    let what = status["next"]["what"]["it"].as_str().unwrap();
    assert!(what.contains("14 giorni solari dal collaudo ("), "{what}");
    let approves = town.approves("decommissioned");
    let sign =
        ["sign", "decommissioned", "--role", "sad-validatore", "--operator", "carla-riva", "--approve", &approves];
    let refused = town.migrate(&sign).code(5).stderr;
    assert!(refused.contains("waiting: gate decommissioned is not signed before "), "{refused}");
    let plan: serde_json::Value = serde_json::from_str(&town.migrate(&["plan", "--json"]).code(0).stdout).unwrap();
    assert_eq!(plan["calendar"]["quiet_period"]["signed"], true);
    town.sandbox.edit("inventory/project.yaml", "quiet_before_wipe: {days: 14,", "quiet_before_wipe: {days: 0,");
}

/// What answers at a server's address may be its copy now: what the source phase kept stays.
fn the_source_is_asked_no_more(town: &Town) {
    let source =
        |rest: &[&str]| town.sandbox.run(&[&["checklist", "run", "source", "cinto-caomaggiore"], rest].concat());
    let all = source(&[]).code(2);
    assert!(all.stderr.contains("cinto-srv1, cinto-srv2, cinto-srv3: quiet or moved"), "{}", all.stderr);
    let one = source(&["--server", "cinto-srv2"]).code(2);
    assert!(one.stderr.contains("cinto-srv2: quiet or moved"), "{}", one.stderr);
}

/// What a second pass saw of the one server that changed is in the forecast.
fn changes_are_forecast(town: &Town) {
    let plan: serde_json::Value = serde_json::from_str(&town.migrate(&["plan", "--json"]).code(0).stdout).unwrap();
    let forecast = &plan["forecast"];
    let of = |server: usize, what: &str| forecast["servers"][server]["changes"][what].as_u64().unwrap();
    assert_eq!((of(0, "bytes_per_second"), of(2, "bytes_per_second")), (0, 0));
    assert!(of(1, "bytes_per_second") > 0 && of(1, "bytes_per_second") <= 4096, "{forecast}");
    assert!(of(1, "bytes_wire_per_second") > 0 && of(1, "seen_seconds") > 0, "{forecast}");
    let terms = &forecast["servers"][1]["final_sync"];
    // A copy of a second changes less than a byte meanwhile.
    assert!(terms["copy_seconds"].is_u64() && terms["terms"][1]["bytes"].is_u64(), "{terms}");
    assert_eq!(forecast["links"][0]["converges_at_mcr"], true);
    let text = town.migrate(&["plan"]).code(0).stdout;
    assert!(text.contains("cinto-srv2: ") && text.contains("change in an hour"), "{text}");
    assert!(text.contains("less than its MCR (10 Mbit/s). The copies catch up."), "{text}");
}

#[test]
fn a_killed_run_goes_on_with_the_same_command() {
    let town = Town::new();
    town.run_to("landing-ready");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    town.run_to("source-checked");
    town.sign_jointly("source-checked");
    for pause in [120, 260, 430] {
        let mut run = town.command(&["run"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        run.kill().unwrap();
        run.wait().unwrap();
    }
    town.run_to("test-accepted");
    for server in SERVERS {
        assert!(town.is_equal(server), "{server}");
    }
    let log = town.migrate(&["log"]).code(0).stdout;
    assert!(log.contains("after anna-veneto, who never gave the lease back"), "{log}");
}

#[test]
fn ctrl_c_and_pause_leave_a_run_that_resumes() {
    let town = Town::new();
    town.run_to("landing-ready");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    town.sandbox.write("checklists/source.yaml", &slow_checklist());
    let run = town.command(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&town, "a2.checklist.source");
    // Two at once: the second names the first.
    let second = town.migrate(&["run"]).code(5);
    assert!(
        second.stderr.contains("is held by anna-veneto since") && second.stderr.contains("--take-over"),
        "{}",
        second.stderr
    );
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap(),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));

    let run = town.command(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&town, "a2.checklist.source");
    town.migrate(&["pause", "--reason", "the mayor calls"]).code(0);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(town.migrate(&["status"]).code(0).stdout.starts_with("ORA: in pausa (anna-veneto: the mayor calls)"));

    let mut run = town.command(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&town, "a2.checklist.source");
    let taken = town.migrate(&["run", "--take-over", "--reason", "no answer", "--operator", "bruno-laguna"]);
    assert_eq!(taken.code, 5, "{}", taken.stderr);
    let pushed = run.wait().unwrap();
    assert_eq!(pushed.code(), Some(1), "whoever was pushed aside stops");
}

fn slow_checklist() -> String {
    "checklist: source\nversion: 1\nitems:\n  - id: SRC-T-01\n    title: {it: Risponde, en: It answers}\n    \
     severity: blocker\n    roles: [venis-sistemista]\n    scope: server\n    timeout: 60\n    probe:\n      sh: |\n        \
     sleep 6\n"
        .to_owned()
}

/// Waits until the run is at work on a step.
fn wait_for(town: &Town, step: &str) {
    for _ in 0..200 {
        let log = town.migrate(&["log", "--json"]).code(0).stdout;
        let events: serde_json::Value = serde_json::from_str(&log).unwrap();
        let last = events.as_array().unwrap().last().unwrap();
        if last["kind"] == "step.started" && last["data"]["step"] == step {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{step} never began");
}

#[test]
fn a_damaged_replica_is_exit_7_and_the_next_run_repairs_it() {
    let town = Town::new();
    town.run_to("landing-ready");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    town.run_to("source-checked");
    town.sign_jointly("source-checked");
    town.run_to("test-accepted");
    assert!(town.migrate(&["verify"]).code(0).stdout.contains("cinto-srv3  disk0  yes"));
    let mut image = std::fs::read(town.image("cinto-srv1")).unwrap();
    image[100] ^= 1;
    std::fs::write(town.image("cinto-srv1"), image).unwrap();
    let ran = town.migrate(&["verify", "--server", "cinto-srv1"]).code(7);
    assert!(ran.stderr.contains("the replica of cinto-srv1 disk0 is damaged: 1 chunks"), "{}", ran.stderr);
    let gates = town.status()["gates"].clone();
    assert_eq!(gates[2]["state"], "closed");
    town.run_to("test-accepted");
    assert!(town.is_equal("cinto-srv1"));
    town.migrate(&["verify"]).code(0);
}

#[test]
fn a_host_that_is_off_is_exit_6_and_says_what_is_safe() {
    let town = Town::new();
    town.run_to("landing-ready");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    town.run_to("source-checked");
    town.sign_jointly("source-checked");
    drop_sshd(&town);
    let ran = town.migrate(&["run"]).code(6);
    assert!(ran.stderr.contains("The source is untouched"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Call: Anna Veneto (Sistemista Venis, +39 041 555 0101)"), "{}", ran.stderr);
    let page = town.migrate(&["status", "--lang", "en"]).code(0).stdout;
    assert!(page.starts_with("NOW: a3.seed.cinto-srv1.disk0 failed"), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    assert!(page.contains("gates open: landing-ready, source-checked") && page.contains("Not safe:"), "{page}");
    let shift = town.migrate(&["handover", "--lang", "en"]).code(0).stdout;
    assert!(shift.starts_with("Handover: ") && shift.contains("a3.seed.cinto-srv1.disk0 failed"), "{shift}");
    let commands = |line: &&str| line.trim_start().starts_with("traghetto ");
    assert!(shift.lines().filter(|line| !commands(line)).all(|line| line.chars().count() <= 80), "{shift}");
    assert!(page.ends_with("\n  traghetto migrate run cinto-caomaggiore\n"), "{page}");
}

fn drop_sshd(town: &Town) {
    // Another port than the one that answers.
    let text = std::fs::read_to_string(town.sandbox.path().join("inventory/tenants/cinto-caomaggiore.yaml")).unwrap();
    let port = format!("port: {}", town.sshd.port);
    town.sandbox.write("inventory/tenants/cinto-caomaggiore.yaml", &text.replace(&port, "port: 1"));
    let ran = town.migrate(&["run"]).code(5);
    assert!(
        ran.stderr.contains("inventory or playbook have changed") && ran.stderr.contains("--adopt-plan"),
        "{}",
        ran.stderr
    );
    // A new plan voids the signatures on the old one.
    town.sandbox.write("checklists/source.yaml", &without_hosts());
    let ran = town.migrate(&["run", "--adopt-plan"]).code(5);
    assert!(ran.stderr.contains("sign gate landing-ready"), "{}", ran.stderr);
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    town.run_to("source-checked");
    town.sign_jointly("source-checked");
}

fn without_hosts() -> String {
    "checklist: source\nversion: 1\nitems:\n  - id: SRC-T-01\n    title: {it: Risponde, en: It answers}\n    \
     severity: info\n    roles: [venis-sistemista]\n    scope: server\n    probe:\n      sh: |\n        true\n"
        .to_owned()
}

#[test]
fn status_names_the_signature_or_the_report_that_a_checklist_waits_for() {
    let town = Town::new();
    town.run_to("landing-ready");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    let manual = "    manual: {it: Guardare, en: Look}\n";
    town.sandbox.write("checklists/source.yaml", &one_item("tenant", "comune-tecnico", manual));
    let ran = town.migrate(&["run"]).code(5);
    assert!(ran.stderr.contains("waiting: checklist source: 1 items wait for a signature\n"), "{}", ran.stderr);
    let next = town.status()["next"].clone();
    let command = "traghetto checklist sign source cinto-caomaggiore --all --role comune-tecnico --note TEXT";
    assert_eq!(next["command"], command);
    assert_eq!(next["who"][0], "Elena Ponte (Tecnico del Comune o ditta esterna, +39 0421 555 0105)");
    let page = town.migrate(&["status", "--lang", "en"]).code(0).stdout;
    assert!(page.starts_with("NOW: checklist source waits for 1 signatures"), "{page}");
    assert!(page.ends_with(&format!("\n  {command}\n")), "{page}");

    let broken = "    probe:\n      sh: |\n        false\n";
    town.sandbox.write("checklists/source.yaml", &one_item("server", "venis-sistemista", broken));
    town.migrate(&["run"]).code(4);
    let page = town.migrate(&["status", "--lang", "en"]).code(0).stdout;
    assert!(page.starts_with("NOW: checklist source does not hold: SRC-T-01 cinto-srv1"), "{page}");
    assert!(page.ends_with("\n  traghetto checklist report source cinto-caomaggiore\n"), "{page}");
}

#[test]
fn what_a_person_refuses_closes_the_gate_again() {
    let town = Town::new();
    town.run_to("landing-ready");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    let manual = "    manual: {it: Guardare, en: Look}\n";
    town.sandbox.write("checklists/source.yaml", &one_item("tenant", "comune-tecnico", manual));
    let state = |outcome: &str| {
        let line = "checklist sign source cinto-caomaggiore --items SRC-T-01 --by elena-ponte --note visto";
        let line: Vec<&str> = line.split(' ').chain(["--outcome", outcome]).collect();
        let printed = town.sandbox.run(&[&line[..], &["--print", "--json"]].concat()).code(0).stdout;
        let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
        town.sandbox.run(&[&line[..], &["--approve", printed["approves"].as_str().unwrap()]].concat()).code(0);
    };
    state("ok");
    town.run_to("source-checked");
    town.sign("source-checked", "sad-validatore", "carla-riva");
    let sign = |approves: &str| {
        let role = ["--role", "comune-referente", "--operator", "dario-pieve"];
        town.migrate(&[&["sign", "source-checked"], &role[..], &["--approve", approves]].concat())
    };
    let approves = town.approves("source-checked");
    // Another text of the item: nobody has stated it.
    let other = manual.replace("Guardare", "Guardare bene");
    town.sandbox.write("checklists/source.yaml", &one_item("tenant", "comune-tecnico", &other));
    // The next act is the statement that counts no more, not the gate that would refuse.
    let next = town.status()["next"].clone();
    let command = "traghetto checklist sign source cinto-caomaggiore --all --role comune-tecnico --note TEXT";
    assert_eq!(next["command"], command, "{next}");
    assert!(next["who"].to_string().contains("Ponte"), "{next}");
    let ran = sign(&approves).code(4);
    let told = "gate source-checked cannot be signed: SRC-T-01 - (to be signed by comune-tecnico; its text has changed";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    town.sandbox.write("checklists/source.yaml", &one_item("tenant", "comune-tecnico", manual));
    state("ko");
    let ran = sign(&approves).code(4);
    assert!(ran.stderr.contains("or was refused since"), "{}", ran.stderr);
    let ran = town.migrate(&["run"]).code(4);
    assert!(ran.stderr.contains("says no: visto"), "{}", ran.stderr);
    state("ok");
    town.run_to("source-checked");
    sign(&town.approves("source-checked")).code(0);
}

fn one_item(scope: &str, role: &str, check: &str) -> String {
    format!(
        "checklist: source\nversion: 1\nitems:\n  - id: SRC-T-01\n    title: {{it: Prova, en: Test}}\n    \
         severity: blocker\n    roles: [{role}]\n    scope: {scope}\n{check}"
    )
}

#[test]
fn servers_are_taken_back_with_a_role_a_reason_and_a_yes() {
    let town = Town::new();
    town.run_to("landing-ready");
    let rollback = ["rollback", "--role", "venis-sistemista", "--reason", "no room", "--server", "cinto-srv2"];
    let ran = town.migrate(&rollback).code(5);
    assert!(ran.stderr.contains("this takes back cinto-srv2"), "{}", ran.stderr);
    town.migrate(&["rollback", "--role", "sad-validatore", "--reason", "x", "--yes"]).code(2);
    town.migrate(&["rollback", "--role", "venis-sistemista", "--reason", " ", "--yes"]).code(2);
    let ran = town.migrate(&[&rollback[..], &["--yes"]].concat()).code(0);
    assert!(ran.stderr.contains("sources were never written to"), "{}", ran.stderr);
    assert_eq!(town.status()["servers"][1]["phase"], "rolled-back");
    town.migrate(&[&rollback[..], &["--yes"]].concat()).code(2);
}

#[test]
fn a_person_signs_what_was_read_and_nothing_else() {
    let town = Town::new();
    let early = ["sign", "landing-ready", "--role", "sad-validatore", "--by", "carla-riva"];
    assert!(town.migrate(&early).code(5).stderr.contains("no plan was adopted yet"));
    town.run_to("landing-ready");
    let ran = town.migrate(&early).code(2);
    assert!(ran.stderr.contains("Impronta di quanto si approva: "), "{}", ran.stderr);
    let wrong = [&early[..], &["--approve", "000000000000"]].concat();
    town.migrate(&wrong).code(2);
    let other =
        ["sign", "source-checked", "--role", "sad-validatore", "--by", "carla-riva", "--approve", "000000000000"];
    assert!(town.migrate(&other).code(4).stderr.contains("cannot be signed yet: a2.checklist.source is not done"));
    let none = ["sign", "nonesuch", "--role", "sad-validatore", "--approve", "000000000000"];
    assert!(town.migrate(&none).code(2).stderr.contains("The gates are: landing-ready, source-checked"));
    assert_eq!(town.status()["gates"][0]["state"], "waiting");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    assert_eq!(town.status()["gates"][0]["state"], "open");
}

#[test]
fn one_operator_does_not_type_both_sides_of_a_gate() {
    let town = Town::new();
    town.run_to("landing-ready");
    town.sign("landing-ready", "sad-validatore", "carla-riva");
    town.run_to("source-checked");
    let approves = town.approves("source-checked");
    let typed = |role: &str, by: &str, operator: &str| {
        let line = ["sign", "source-checked", "--role", role, "--by", by, "--approve", &approves];
        town.migrate(&[&line[..], &["--operator", operator]].concat())
    };
    typed("comune-referente", "dario-pieve", "anna-veneto").code(0);
    let ran = typed("sad-validatore", "carla-riva", "anna-veneto").code(4);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    for told in ["was typed with anna-veneto", "Nothing was signed.", "--operator PERSON"] {
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
    typed("sad-validatore", "carla-riva", "carla-riva").code(0);
    town.migrate(&["run"]).code(5);
}

#[test]
fn remarks_are_harmless_for_the_terminal_and_need_an_operator() {
    let sandbox = Sandbox::with_project();
    let note = |args: &[&str]| sandbox.run(&[&["migrate", "note", "cinto-caomaggiore"], args].concat());
    assert!(note(&["x", "--operator", "anna-venetto"]).code(2).stderr.contains("Did you mean `anna-veneto`?"));
    note(&["", "--operator", "anna-veneto"]).code(2);
    note(&["red \u{1b}[31m\nalert", "--operator", "anna-veneto"]).code(0);
    let log = sandbox.run(&["migrate", "log", "cinto-caomaggiore"]).code(0).stdout;
    assert!(log.ends_with("anna-veneto     note                red \\u{1b}[31m\\nalert\n"), "{log}");
}

#[test]
fn reading_commands_leave_no_trace_of_a_tenant_without_a_past() {
    let sandbox = Sandbox::with_project();
    sandbox.run(&["migrate", "status", "cinto-caomaggiore"]).code(0);
    assert_eq!(sandbox.run(&["migrate", "log", "cinto-caomaggiore"]).code(0).stdout, "");
    assert!(!sandbox.path().join("replicas").exists());
}

#[test]
fn the_plan_of_cinto() {
    let sandbox = Sandbox::with_project();
    let ran = sandbox.run(&["migrate", "plan", "cinto-caomaggiore", "--start", "2022-06-01"]).code(0);
    assert_eq!(ran.stderr, "");
    golden("migrate/plan-cinto.txt", &ran.stdout);
    let late = sandbox.run(&["migrate", "plan", "cinto-caomaggiore", "--start", "2022-11-15"]).code(0);
    assert!(late.stdout.contains("warning: the plan ends"), "{}", late.stdout);
    let refused = sandbox.run(&["migrate", "plan", "portogruaro"]).code(3);
    assert!(refused.stderr.contains("the servers of Comune di Portogruaro are not known"), "{}", refused.stderr);
    sandbox.run(&["migrate", "plan", "portogruaro", "--start", "2022-13-01"]).code(2);
}
