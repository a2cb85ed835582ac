//! The other ways: a new machine that takes the role, and the ways of a domain controller that is copied.

use crate::support::memory::{Lab, cinto, new_machine};
use crate::support::samba::{ADDRESS, Running, Samba};
use crate::support::town::Town;
use crate::support::{Sandbox, golden};
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;
use traghetto::checklist::{self, Check, Live, Once, Verdict};
use traghetto::migration::{
    self, Action, Class, Ending, Evidence, Forecast, Known, OfflinePart, Plan, Record, Refusal, RunState, StepId,
    StepState, at_hand,
};
use traghetto::model::Inventory;
use traghetto::model::server::{Access, Addressing, DirectoryWay, Os, Server, Transfer};
use traghetto::world::ssh::Trust;

const DC: &str = "cinto-srv1";

/// The controller is replaced, and a Linux beside it is copied while it runs.
fn lab(landing: Addressing) -> Lab {
    let mut lab = Lab::with_machines();
    let servers = lab.servers();
    servers.truncate(2);
    replace(&mut servers[0], landing);
    servers[1].transfer = Transfer::Agent;
    servers[1].os = Os::Linux("Debian 7".into());
    lab
}

fn replace(server: &mut Server, landing: Addressing) {
    (server.transfer, server.directory) = (Transfer::Replace, Some(DirectoryWay::Replace));
    (server.landing, server.landing_access) = (landing, Some(new_machine()));
}

fn steps(plan: &Plan, server: &str) -> Vec<String> {
    let mine = plan.steps.iter().filter(|step| step.server.as_ref().is_some_and(|id| id.as_str() == server));
    mine.map(|step| step.id.0.clone()).collect()
}

#[test]
fn a_server_that_is_replaced_is_never_copied() {
    let kept = steps(&lab(Addressing::Keep).plan(), DC);
    let wanted = [
        "a3.manual.new-machine.cinto-srv1",
        "a4.manual.promoted.cinto-srv1",
        "a4.manual.replicated.cinto-srv1",
        "a5.manual.roles-moved.cinto-srv1",
        "a5.manual.clients-moved.cinto-srv1",
        "a5.manual.demoted.cinto-srv1",
        "a5.fence.cinto-srv1",
        "a5.route.cinto-srv1",
        "a5.manual.address-taken.cinto-srv1",
    ];
    assert_eq!(kept, wanted);
    // Under a new address nothing is led anywhere; that the old one is off is said and seen.
    let moved = steps(&lab(Addressing::Renumber("10.64.4.10".parse().unwrap())).plan(), DC);
    assert_eq!(moved[..6], wanted[..6]);
    assert_eq!(moved[6..], ["a5.manual.old-off.cinto-srv1"]);
    let mut files = lab(Addressing::Keep);
    files.servers()[0].roles = vec![traghetto::model::server::ServerRole::File];
    files.servers()[0].directory = None;
    let files = steps(&files.plan(), DC);
    assert!(files.contains(&"a5.manual.service-moved.cinto-srv1".to_owned()), "{files:?}");
    assert!(!files.iter().any(|step| step.contains("promoted")), "{files:?}");
}

async fn say(lab: &Lab, step: &str) {
    let (step, role, by) = (StepId(step.into()), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.write_as("anna-veneto", Record::StepStated { step, role, by, note: "visto".into() }).await;
}

/// Goes on to a gate; who does the steps by hand says so when their turn has come.
async fn run_to(lab: &Lab, gate: &str, said: &mut Vec<String>) {
    for _ in 0..40 {
        match lab.run().await {
            Ending::Gate if lab.gate().await == gate => return,
            Ending::Gate => lab.sign(&lab.gate().await).await,
            Ending::Blocked(troubles) => {
                let (plan, state) = (lab.plan(), lab.state().await);
                let now = *lab.clock.lock().unwrap();
                let hand =
                    at_hand(&plan, &state, now).into_iter().find(|step| matches!(step.action, Action::Manual(_)));
                match hand {
                    Some(step) => {
                        say(lab, &step.id.0).await;
                        said.push(step.id.0.clone());
                    }
                    None => {
                        // Somebody at the town switches the machine off whose turn it is; then its route is pushed.
                        let step = &troubles[0].0.0;
                        let server = step.rsplit('.').next().unwrap().to_owned();
                        let fence = step.contains(".fence.");
                        assert!(fence || step.contains(".route."), "{step}: {}", troubles[0].1.reason());
                        lab.memory.with(|world| {
                            let list = if fence { &mut world.sources_off } else { &mut world.routed };
                            list.insert(server);
                        });
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("{gate} was never reached");
}

#[tokio::test]
async fn a_controller_is_replaced_beside_a_linux_that_is_copied() {
    let lab = lab(Addressing::Keep);
    lab.adopt().await;
    let mut said = Vec::new();
    run_to(&lab, "landing-accepted", &mut said).await;
    let wanted: Vec<String> = steps(&lab.plan(), DC).into_iter().filter(|step| step.contains(".manual.")).collect();
    assert_eq!(said, wanted, "each step once, in the order of the plan");
    let acts = lab.memory.with(|world| world.acts.clone());
    assert!(!acts.iter().any(|act| act.ends_with(DC) && !act.starts_with("ask")), "{acts:?}");
    assert!(acts.contains(&"connect cinto-srv2".to_owned()), "{acts:?}");
    // The Linux moves after it: the new controller has its address and its routes first.
    let asked = |act: &str| acts.iter().position(|done| done == act);
    assert!(asked("ask a5.manual.demoted.cinto-srv1") < asked("convert cinto-srv2"), "{acts:?}");
    lab.sign("landing-accepted").await;
    assert_eq!((lab.phase(DC).await, lab.phase("cinto-srv2").await), ("accepted", "accepted"));
}

#[tokio::test]
async fn a_new_night_leaves_what_was_promoted_and_demoted() {
    let lab = lab(Addressing::Keep);
    lab.adopt().await;
    run_to(&lab, "quiet", &mut Vec::new()).await;
    lab.sign("quiet").await;
    assert!(matches!(lab.run().await, Ending::Blocked(_)), "the old controller is on");
    lab.later(13);
    assert!(matches!(lab.run().await, Ending::Gate));
    lab.sign("quiet").await;
    let state = lab.state().await;
    let done = |step: &str| matches!(state.step(&StepId(step.into())), StepState::Done { .. });
    assert!(done("a4.manual.promoted.cinto-srv1") && done("a5.manual.demoted.cinto-srv1"));
    assert!(!done("a5.fence.cinto-srv1"));
}

/// The new machine serves at the old address: its fence does not grow old, and another night leaves it alone.
#[tokio::test]
async fn what_took_over_is_never_asked_to_be_off_again() {
    let lab = lab(Addressing::Keep);
    lab.adopt().await;
    run_to(&lab, "landing-accepted", &mut Vec::new()).await;
    let taken = "a5.manual.address-taken.cinto-srv1";
    let done = |state: &RunState, step: &str| matches!(state.step(&StepId(step.into())), StepState::Done { .. });
    assert!(done(&lab.state().await, taken) && done(&lab.state().await, "a5.fence.cinto-srv1"));
    lab.memory.with(|world| world.acts.clear());
    lab.later(5);
    assert!(matches!(lab.run().await, Ending::Gate), "the morning after");
    lab.later(13);
    // Another server moves in another night.
    for (role, by) in [("venis-sistemista", "anna-veneto"), ("comune-tecnico", "elena-ponte")] {
        let (gate, role, by) = ("quiet".parse().unwrap(), role.parse().unwrap(), by.parse().unwrap());
        lab.write(Record::GateSigned { gate, role, by, approves: "new".into(), terms: None }).await;
    }
    let state = lab.state().await;
    for step in ["a5.manual.demoted.cinto-srv1", "a5.fence.cinto-srv1", "a5.route.cinto-srv1", taken] {
        assert!(done(&state, step), "{step}");
    }
}

/// What a plan says of a controller with this transfer and way, in a town with vCenter and Converter.
fn refusals(transfer: Transfer, way: DirectoryWay, change: impl FnOnce(&mut Lab)) -> Vec<Refusal> {
    let mut lab = Lab::with_converter(Transfer::Converter);
    let converter = lab.servers()[1].converter.clone();
    let server = &mut lab.servers()[0];
    (server.transfer, server.directory, server.landing_access) = (transfer, Some(way), Some(new_machine()));
    server.converter = converter;
    server.converter.as_mut().unwrap().services_stopped = vec!["NTDS".into(), "DNS".into()];
    change(&mut lab);
    let tenant = &lab.inventory.tenants[&cinto()];
    let (inventory, playbook): (&Inventory, _) = (&lab.inventory, &lab.playbook);
    migration::plan(&migration::Request { inventory, tenant, playbook, start: None }).err().unwrap_or_default()
}

#[test]
fn transfers_and_directory_ways_that_belong_together() {
    use DirectoryWay::{Cold, Dsrm, NtdsStopped, Replace};
    use Transfer::{Agent, Converter, ConverterAssisted, Rescue};
    let legal = [
        (Rescue, Cold),
        (Converter, Dsrm),
        (Converter, NtdsStopped),
        (ConverterAssisted, Dsrm),
        (ConverterAssisted, NtdsStopped),
        (Transfer::Replace, Replace),
    ];
    for transfer in [Agent, Rescue, Converter, ConverterAssisted, Transfer::Replace] {
        for way in [Cold, Dsrm, NtdsStopped, Replace] {
            let found = refusals(transfer, way, |_| {});
            let (told, hint) = (
                found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
                found.iter().map(Refusal::hint).collect::<Vec<_>>().join("\n"),
            );
            if legal.contains(&(transfer, way)) {
                assert_eq!(told, "", "{transfer:?} {way:?}");
            } else if transfer == Agent {
                assert!(told.contains("would copy it while it runs"), "{transfer:?} {way:?}: {told}");
            } else {
                let words = format!("and its directory way is `{}`", way.word());
                assert!(told.contains(&words) && told.contains(DC), "{transfer:?} {way:?}: {told}");
                assert!(hint.contains("`rescue` with `cold`"), "{hint}");
            }
        }
    }
}

#[test]
fn a_way_without_its_steps_is_refused() {
    use DirectoryWay::{Dsrm, NtdsStopped, Replace};
    let without = |lab: &mut Lab| {
        for activity in &mut lab.playbook.activities {
            activity.steps.retain(|stage| !matches!(stage.actions(), [Action::Manual(_)]));
        }
    };
    let found = refusals(Transfer::Converter, Dsrm, without);
    assert_eq!(
        found[0].to_string(),
        "server cinto-srv1: directory way `dsrm`, and the playbook has no step that shows it"
    );
    let found = refusals(Transfer::Replace, Replace, without);
    assert_eq!(found[0].to_string(), "server cinto-srv1 is replaced, and the playbook has no manual step for it");
    let asleep = |lab: &mut Lab| {
        let wakes = |stage: &migration::Stage| matches!(stage.actions(), [Action::Manual(manual)] if manual.manual.as_str() == "directory-started");
        lab.playbook.activities.iter_mut().for_each(|activity| activity.steps.retain(|stage| !wakes(stage)));
    };
    let found = refusals(Transfer::Converter, Dsrm, asleep);
    let wanted = "server cinto-srv1: directory way `dsrm`, and the playbook has no step that ends it on the copy";
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [wanted]);
    assert!(found[0].hint().contains("answers again"), "{found:?}");
    // A step that asks nothing shows nothing.
    let mute = |lab: &mut Lab| {
        for stage in lab.playbook.activities.iter_mut().flat_map(|activity| &mut activity.steps) {
            if let migration::Stage::Together(Action::Manual(manual)) = stage {
                manual.asks = None;
            }
        }
    };
    assert_eq!(refusals(Transfer::Converter, NtdsStopped, mute).len(), 1);
    let nobody = refusals(Transfer::Replace, Replace, |lab| {
        let role = |person: &traghetto::model::people::Person| {
            person.roles.iter().any(|role| role.as_str() == "venis-sistemista")
        };
        lab.inventory.people.persons.retain(|_, person| !role(person));
    });
    let wanted = "step new-machine: nobody holds one of the roles venis-sistemista for this tenant";
    assert!(nobody.iter().any(|refusal| refusal.to_string() == wanted), "{nobody:?}");
    let nowhere = refusals(Transfer::Replace, Replace, |lab| lab.servers()[0].landing_access = None);
    assert!(nowhere[0].hint().contains("landing_access"), "{nowhere:?}");
    let running = refusals(Transfer::Converter, NtdsStopped, |lab| {
        lab.servers()[0].converter.as_mut().unwrap().services_stopped.clear();
    });
    assert!(running[0].to_string().contains("USN rollback") && running[0].hint().contains("NTDS"), "{running:?}");
}

/// Converter moves the controller whose directory is stopped.
fn stopped(way: DirectoryWay) -> Lab {
    let mut lab = Lab::with_converter(Transfer::Converter);
    let converter = lab.servers()[1].converter.clone();
    let servers = lab.servers();
    servers.truncate(1);
    let server = &mut servers[0];
    (server.transfer, server.directory, server.converter) = (Transfer::Converter, Some(way), converter);
    server.converter.as_mut().unwrap().services_stopped = vec!["NTDS".into()];
    lab
}

#[tokio::test]
async fn a_directory_that_runs_is_never_copied_for_the_last_time() {
    for (way, guard) in [(DirectoryWay::Dsrm, "directory-in-dsrm"), (DirectoryWay::NtdsStopped, "directory-stopped")] {
        let (lab, guard) = (stopped(way), format!("a5.manual.{guard}.{DC}"));
        let mine = steps(&lab.plan(), DC);
        let at = |step: &str| mine.iter().position(|id| id == step).unwrap();
        assert!(at(&guard) < at("a5.final-sync.cinto-srv1"), "{mine:?}");
        lab.adopt().await;
        run_to(&lab, "quiet", &mut Vec::new()).await;
        lab.sign("quiet").await;
        let trouble = async || {
            let Ending::Blocked(mut troubles) = lab.run().await else { panic!("it goes on") };
            troubles.remove(0)
        };
        assert_eq!(trouble().await.1.class, Class::Waiting, "nobody has said that it is stopped");
        lab.memory.with(|world| world.unseen.insert(guard.clone()));
        say(&lab, &guard).await;
        assert_eq!(trouble().await.1.class, Class::CheckFailed, "it answers");
        lab.memory.with(|world| world.unseen.clear());
        say(&lab, &guard).await;
        // Seen once, it is started again by somebody before the last copy.
        let asked = lab.memory.with(|world| world.acts.len());
        lab.run_killed(asked).await;
        let ending = lab.run().await;
        assert!(matches!(ending, Ending::Blocked(_)), "its source is on: {ending:?}");
        let acts = lab.memory.with(|world| world.acts.clone());
        let last = acts.iter().position(|act| act == "transfer cinto-srv1 Last").unwrap();
        assert_eq!(acts[last - 1], format!("ask {guard}"), "asked again just before: {acts:?}");
    }
}

#[tokio::test]
async fn a_directory_that_was_started_again_stops_the_last_copy() {
    let lab = stopped(DirectoryWay::NtdsStopped);
    let guard = format!("a5.manual.directory-stopped.{DC}");
    lab.adopt().await;
    run_to(&lab, "quiet", &mut Vec::new()).await;
    lab.sign("quiet").await;
    let (role, by) = ("venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    let result = migration::StepResult::Confirmed { role, by, probe: Some("tcp".into()) };
    let step = StepId(guard.clone());
    lab.write(Record::StepStarted { step: step.clone(), observed: serde_json::Value::Null }).await;
    lab.write(Record::StepFinished { step, result, facts: serde_json::json!({}) }).await;
    lab.memory.with(|world| world.unseen.insert(guard));
    let Ending::Blocked(troubles) = lab.run().await else { panic!("a hot last copy") };
    assert!(troubles[0].1.reason().contains("the directory of cinto-srv1 is not down"), "{}", troubles[0].1.reason());
    assert!(!lab.memory.with(|world| world.acts.contains(&"transfer cinto-srv1 Last".to_owned())));
    // And no two persons decide it away.
    let plan = lab.plan();
    for step in
        plan.steps.iter().filter(|step| step.id.0.contains("directory-stopped") || step.action == Action::FinalSync)
    {
        for way in [migration::ByHand::Done, migration::ByHand::Skipped] {
            let forbidden = migration::may_be_by_hand(&plan, step, way).unwrap_err();
            assert!(forbidden.to_string().contains("never copied for the last time while its directory runs"));
        }
    }
    // What comes after it copies nothing: where the probe is wrong, they do.
    let wakes = plan.steps.iter().find(|step| step.id.0.contains("directory-started")).unwrap();
    assert!(migration::may_be_by_hand(&plan, wakes, migration::ByHand::Done).is_ok());
}

#[test]
fn the_forecast_has_the_hours_of_each_way() {
    let mut lab = lab(Addressing::Keep);
    lab.servers()[0].manual_hours = Some(3);
    let (plan, tenant) = (lab.plan(), &lab.inventory.tenants[&cinto()]);
    let evidence = Evidence::of(&[], &plan).unwrap();
    let now = *lab.clock.lock().unwrap();
    let known = Known { project: &lab.inventory.project, evidence: &evidence, now, begin: now };
    let forecast = Forecast::of(tenant, &plan, &known);
    let replaced = &forecast.servers[0];
    assert_eq!((replaced.offline.way, replaced.offline.seconds), ("replace", Some(10_800)));
    assert!(replaced.disks.is_empty() && replaced.site.is_none() && replaced.final_sync.terms.is_empty());
    let linux = &forecast.servers[1];
    let parts: Vec<OfflinePart> = linux.offline.terms.iter().map(|term| term.part).collect();
    assert_eq!((parts, linux.offline.seconds), (vec![OfflinePart::LastCopy], None));
    assert_eq!(forecast.bytes, 80_000_000_000, "of the replaced one nothing is copied");
    assert_eq!(forecast.links[0].servers.len(), 1);
}

/// The shipped playbook, whose directory probes ask a port of this machine instead.
fn playbook(port: u16) -> String {
    let file = crate::support::project().join("playbooks/con-me-2.2.1.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut replaced = false;
    for line in text.lines() {
        let asks = line.trim_start();
        let directory = asks.starts_with("probe: {ldap") || asks.starts_with("probe: {locator");
        if directory || asks.starts_with("probe: {ping: {host: \"{{ server.landing_address }}\"}}") {
            lines.push(format!("          probe: {{tcp: {{host: \"{{{{ server.host }}}}\", port: \"{port}\"}}}}"));
            replaced = true;
        } else if replaced && (asks.starts_with("expect:") || asks.starts_with("until:")) {
            continue;
        } else {
            replaced = false;
            lines.push(line.to_owned());
        }
    }
    lines.join("\n") + "\n"
}

fn town(port: u16) -> Town {
    let town = Town::new();
    town.edit(
        "transfer: rescue\n    directory: cold",
        "transfer: replace\n    directory: replace\n    manual_hours: 3",
    );
    town.edit("landing: keep\n    transfer: rescue\n    disks:", "landing: keep\n    transfer: agent\n    disks:");
    let windows = "id: cinto-srv2\n    example: true\n    os: {windows: Windows 7}";
    town.edit(windows, "id: cinto-srv2\n    example: true\n    os: {linux: Debian 7}");
    town.sandbox.write("playbooks/con-me-2.2.1.yaml", &playbook(port));
    town
}

/// Says that a step is done, in its first role.
fn confirm(town: &Town, step: &str) {
    let tecnico = step.contains("clients-moved") || step.contains("old-off");
    let (role, by) = if tecnico { ("comune-tecnico", "elena-ponte") } else { ("venis-sistemista", "anna-veneto") };
    let words = ["sign", step, "--role", role, "--operator", by, "--note", "fatto"];
    let shown = town.migrate(&words).code(2).stderr;
    let (_, digest) = shown.split_once("add --approve ").unwrap();
    let digest: String = digest.chars().take_while(char::is_ascii_hexdigit).collect();
    town.migrate(&[&words[..], &["--approve", &digest]].concat()).code(0);
}

fn sign(town: &Town, gate: &str) {
    match gate {
        "landing-ready" | "test-accepted" => town.sign(gate, "sad-validatore", "carla-riva"),
        "quiet" | "moved" => {
            town.sign(gate, "venis-sistemista", "anna-veneto");
            town.sign(gate, "comune-tecnico", "elena-ponte");
        }
        _ => town.sign_jointly(gate),
    }
}

#[test]
fn a_town_whose_controller_is_replaced_is_run_to_its_acceptance() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let town = town(listener.local_addr().unwrap().port());
    let plan = town.migrate(&["plan"]).code(0).stdout;
    assert!(plan.contains("cinto-srv1: not copied, a new machine takes over"), "{plan}");
    assert!(plan.contains("out of service (replace): by hand, as the inventory says 3.0 h"), "{plan}");
    assert!(plan.contains("out of service (services-stopped): last copy non noto"), "{plan}");
    let json: serde_json::Value = serde_json::from_str(&town.migrate(&["plan", "--json"]).code(0).stdout).unwrap();
    assert_eq!(json["forecast"]["servers"][0]["offline"]["seconds"], 10_800);

    let (mut said, mut gates) = (BTreeSet::new(), Vec::new());
    while gates.last().map(String::as_str) != Some("landing-accepted") {
        let told = town.migrate(&["run"]).code(5).stderr;
        if let Some((_, rest)) = told.split_once("sign gate ") {
            let gate = rest.split(':').next().unwrap().to_owned();
            if gate == "quiet" {
                it_is_not_taken_back(&town);
            }
            sign(&town, &gate);
            gates.push(gate);
            continue;
        }
        let (_, waits) = told.split_once("waiting: ").unwrap();
        let step = waits.split_whitespace().next().unwrap().to_owned();
        assert!(said.insert(step.clone()), "twice: {told}");
        if step.contains(".demoted.") {
            it_may_still_be_taken_back(&town);
        }
        confirm(&town, &step);
    }
    let wanted = ["new-machine", "promoted", "replicated", "roles-moved", "clients-moved", "demoted", "address-taken"];
    let said: BTreeSet<&str> = said.iter().map(|step| step.split('.').nth(2).unwrap()).collect();
    assert_eq!(said, BTreeSet::from(wanted));
    assert!(town.is_equal("cinto-srv2") && !town.image("cinto-srv1").exists(), "it is never copied");
    let status = town.status();
    assert_eq!(status["phase"], "accepted");
    assert_eq!(status["servers"][0]["replica"].as_array().unwrap().len(), 0);
}

/// Before its demotion the old controller takes its place again, if both sides want it.
fn it_may_still_be_taken_back(town: &Town) {
    let back = ["rollback", "--server", "cinto-srv1", "--role", "venis-sistemista", "--reason", "x"];
    let told = town.migrate(&back).code(5).stderr;
    for words in ["this takes back cinto-srv1", "on the new machine of cinto-srv1: both sides decide it", "--yes"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let asked = town.migrate(&[&back[..], &["--yes"]].concat()).code(5).stderr;
    assert!(asked.contains("the other side has to agree about cinto-srv1"), "{asked}");
}

/// The same, decided: what people undo is printed, the latest first, and the others go on by name only.
#[test]
fn an_old_controller_is_taken_back_before_its_demotion() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let town = town(listener.local_addr().unwrap().port());
    loop {
        let told = town.migrate(&["run"]).code(5).stderr;
        if let Some((_, rest)) = told.split_once("sign gate ") {
            sign(&town, rest.split(':').next().unwrap());
            continue;
        }
        let (_, waits) = told.split_once("waiting: ").unwrap();
        let step = waits.split_whitespace().next().unwrap().to_owned();
        if step.contains(".demoted.") {
            break;
        }
        confirm(&town, &step);
    }
    let back = |role: &str, who: &str| {
        let who = ["--role", role, "--by", who, "--operator", who, "--reason", "nobody logs on", "--yes"];
        town.migrate(&[&["rollback", "--server", "cinto-srv1", "--lang", "en"], &who[..]].concat())
    };
    back("venis-sistemista", "anna-veneto").code(5);
    let told = back("comune-referente", "dario-pieve").code(0).stderr;
    let at = |words: &str| told.find(words).unwrap_or_else(|| panic!("{words}: {told}"));
    assert!(
        at("1. a5.manual.clients-moved.cinto-srv1: Lead DHCP option 006") < at("2. a5.manual.roles-moved.cinto-srv1")
    );
    assert!(!told.contains("sources were never written to"), "{told}");
    let status = town.status();
    assert_eq!(status["servers"][0]["phase"], "rolled-back");
    assert!(status["manual"].as_array().unwrap().iter().all(|line| !line.to_string().contains("demoted")), "{status}");
}

/// A controller that was demoted does not come back.
fn it_is_not_taken_back(town: &Town) {
    let back = ["rollback", "--server", "cinto-srv1", "--role", "venis-sistemista", "--reason", "x"];
    let refused = town.migrate(&back).code(4).stderr;
    let words = "the old cinto-srv1 does not come back: a5.manual.demoted.cinto-srv1 was done";
    assert!(refused.contains(words) && refused.contains("goes on serving"), "{refused}");
    let all = town.migrate(&["rollback", "--role", "venis-sistemista", "--reason", "x"]).code(5).stderr;
    assert!(all.contains("this takes back cinto-srv2, cinto-srv3"), "{all}");
    assert!(all.contains("named with --server: cinto-srv1"), "{all}");
}

/// Every server is replaced by a file server; the first takes its address before the cutover is signed.
fn all_replaced(port: u16) -> Town {
    let town = Town::new();
    let controller = "[ad, dns]\n    address: 192.0.2.10\n    landing: keep\n    transfer: rescue\n    directory: cold";
    town.edit(controller, "[file]\n    address: 192.0.2.10\n    landing: keep\n    transfer: replace");
    let second = "[dns]\n    address: 192.0.2.11\n    landing: keep\n    transfer: rescue";
    town.edit(second, "[file]\n    address: 192.0.2.11\n    landing: keep\n    transfer: replace");
    town.edit("12}\n    transfer: rescue", "12}\n    transfer: replace");
    let text = playbook(port);
    let at = |words: &str| text.find(words).unwrap();
    let (moved, taken) =
        (at("      - each_server: [final-sync"), at("      - manual:                               # its old"));
    let end = taken + text[taken..].find("      - checklist: landing").unwrap();
    let text = format!("{}{}{}{}", &text[..moved], &text[taken..end], &text[moved..taken], &text[end..]);
    town.sandbox.write("playbooks/con-me-2.2.1.yaml", &text);
    // No copy is asked, and no source that is copied.
    for phase in ["source", "test"] {
        let item = format!(
            "checklist: {phase}\nversion: 1\nitems:\n  - id: T-01\n    title: {{it: Prova, en: Test}}\n    severity: \
             blocker\n    roles: [venis-sistemista]\n    scope: tenant\n    probe: {{tcp: {{host: 127.0.0.1, port: \
             \"{port}\"}}}}\n    expect: {{open: true}}\n"
        );
        town.sandbox.write(&format!("checklists/{phase}.yaml"), &item);
    }
    town
}

/// Signs what is to be signed and does what is to be done, until the run waits for a step or a gate.
fn walk(town: &Town, wanted: &str) {
    for _ in 0..40 {
        let told = town.migrate(&["run"]).code(5).stderr;
        let waits = match told.split_once("sign gate ") {
            Some((_, rest)) => rest.split(':').next().unwrap().to_owned(),
            None => told.split_once("waiting: ").unwrap().1.split_whitespace().next().unwrap().to_owned(),
        };
        if waits.ends_with(wanted) {
            return;
        }
        if waits.contains(".manual.") { confirm(town, &waits) } else { sign(town, &waits) }
    }
    panic!("{wanted} was never reached");
}

#[test]
fn a_town_whose_servers_are_all_replaced_goes_back_and_moves_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let town = all_replaced(listener.local_addr().unwrap().port());
    let of = |server: &str, more: &[&str]| {
        let back = ["rollback", "--server", server, "--lang", "en", "--reason", "no", "--role", "venis-sistemista"];
        town.migrate(&[&back[..], more].concat())
    };
    let by_the_town = |server: &str| {
        let who = ["--role", "comune-referente", "--by", "dario-pieve", "--operator", "dario-pieve", "--yes"];
        let back = ["rollback", "--server", server, "--lang", "en", "--reason", "no"];
        town.migrate(&[&back[..], &who].concat())
    };
    walk(&town, "service-moved.cinto-srv1");
    // `landing-ready` was signed long ago, and nothing was in use.
    let told = of("cinto-srv1", &[]).code(5).stderr;
    assert!(told.contains("this takes back cinto-srv1") && told.contains("can go on at once"), "{told}");
    walk(&town, "address-taken.cinto-srv1");
    let told = of("cinto-srv2", &[]).code(5).stderr;
    assert!(told.contains("both sides decide it") && !told.contains("can go on at once"), "{told}");
    of("cinto-srv2", &["--yes"]).code(5);
    // Its services moved, and its address did not: the old server is on, and nobody waits until it is silent.
    let undo = "1. a5.manual.service-moved.cinto-srv2";
    let told = by_the_town("cinto-srv2").code(0).stderr;
    assert!(told.contains(undo) && !told.contains("machine-off") && !told.contains("nothing answers"), "{told}");
    // However often: people still have to undo it.
    let told = of("cinto-srv2", &["--yes"]).code(0).stderr;
    assert!(told.contains("was taken back already") && told.contains(undo), "{told}");

    walk(&town, "moved");
    of("cinto-srv1", &["--yes"]).code(5);
    let told = by_the_town("cinto-srv1").code(5).stderr;
    let at = |words: &str| told.find(words).unwrap_or_else(|| panic!("{words}: {told}"));
    let lines =
        ["1. a5.manual.address-taken", "2. before its routes are touched see that", "3. a5.manual.service-moved"];
    assert!(at(lines[0]) < at(lines[1]) && at(lines[1]) < at(lines[2]), "{told}");
    assert!(told.contains("nobody can see from here") && !told.contains("the old server may go on"), "{told}");
    let said = "sign cinto-caomaggiore machine-off --server cinto-srv1";
    let told = town.migrate(&["run"]).code(5).stderr;
    assert!(told.contains(said) && !told.contains("at the landing site"), "{told}");
    assert!(town.status()["next"].to_string().contains(said), "{}", town.status()["next"]);
    let told = of("cinto-srv1", &["--revoke"]).code(4).stderr;
    assert!(told.contains("is not off yet") && told.contains(said), "{told}");
    let words =
        ["sign", "machine-off", "--server", "cinto-srv1", "--role", "venis-sistemista", "--note", "cavo staccato"];
    let shown = town.migrate(&words).code(2).stderr;
    let digest: String =
        shown.split_once("add --approve ").unwrap().1.chars().take_while(char::is_ascii_hexdigit).collect();
    town.migrate(&[&words[..], &["--approve", &digest]].concat()).code(0);
    // What a person said, the program did not see.
    let told = of("cinto-srv1", &["--yes"]).code(0).stderr;
    assert!(told.contains("1. a5.manual.address-taken") && !told.contains("nothing answers"), "{told}");
    of("cinto-srv1", &["--revoke"]).code(0);
    assert_ne!(town.status()["servers"][0]["phase"], "rolled-back");
}

/// What the probe of a shipped step finds, asked once from the data center.
fn asked(lab: &Lab, samba: &Samba, step: &str) -> Verdict {
    let plan = lab.plan();
    let step = plan.steps.iter().find(|one| one.id.0 == step).unwrap_or_else(|| panic!("no {step}"));
    let Action::Manual(manual) = &step.action else { panic!("{} is not done by people", step.id) };
    let mut check = manual.asks.clone().unwrap();
    if let Check::Probe { until, .. } = &mut check {
        *until = None;
    }
    let (project, tenant) = (&lab.inventory.project, &lab.inventory.tenants[&cinto()]);
    let once = Once { title: &manual.title, check: &check, server: step.server.as_ref(), tenant, project };
    samba.asking(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let field = Arc::new(Live::new(Trust::of_operator(lab.folder.path())));
        let found = runtime.block_on(checklist::ask(&once, &field)).unwrap().unwrap();
        println!("{}: {:?} {} {:?}", step.id, found.verdict, found.found, found.reason);
        found.verdict
    })
}

/// Samba plays the controller: the new one of a replacement, then one whose directory is to be stopped.
#[test]
fn the_probes_of_the_shipped_steps_tell_a_controller_that_works_from_one_that_does_not() {
    let mut samba = Samba::start();
    let mut new = lab(Addressing::Keep);
    new.servers()[0].landing_access = Some(Access { host: ADDRESS.to_string(), ..new_machine() });
    new.servers()[0].address = "192.0.2.11".parse().unwrap();
    new.servers()[1].address = "192.0.2.12".parse().unwrap();
    let steps = ["a4.manual.promoted", "a4.manual.replicated", "a5.manual.roles-moved", "a5.manual.demoted"];
    for step in steps {
        assert_eq!(asked(&new, &samba, &format!("{step}.{DC}")), Verdict::Pass, "{step}");
    }
    // The name service still gives out the old one's address.
    new.servers()[0].address = ADDRESS;
    assert_eq!(asked(&new, &samba, &format!("a5.manual.demoted.{DC}")), Verdict::Fail);
    let mut copied = stopped(DirectoryWay::NtdsStopped);
    copied.servers()[0].address = ADDRESS;
    let guard = format!("a5.manual.directory-stopped.{DC}");
    assert_eq!(asked(&copied, &samba, &guard), Verdict::Fail, "its directory runs");
    samba.run(Running { without: Some("ldap"), ..Running::default() });
    assert_eq!(asked(&copied, &samba, &guard), Verdict::Pass);
    assert_ne!(asked(&new, &samba, &format!("a4.manual.promoted.{DC}")), Verdict::Pass);
}

/// The real town with a vCenter and a Converter server, whose controller moves in one way.
pub fn way(transfer: &str, directory: &str) -> Sandbox {
    let sandbox =
        Sandbox::with_project().env("SOURCE_PASSWORD", "x").env("VCENTER_PASSWORD", "x").env("CONVERTER_PASSWORD", "x");
    let zeros = "00".repeat(32);
    let landing = format!(
        "  vsphere: {{server: vcenter.sad.example, user: traghetto@vsphere.local, password: \"env:VCENTER_PASSWORD\", \
         thumbprint: \"{zeros}\", datacenter: SAD, pool: Cluster/Resources, hosts: [Cluster/esx1], \
         distributed_switch: dvs, way: nfc, datastore: produzione}}\n  converter: {{host: converter.sad.example, \
         user: traghetto, password: \"env:CONVERTER_PASSWORD\", certificate: \"{zeros}\"}}\n  uplink_mbps: 1000"
    );
    sandbox.edit("inventory/project.yaml", "  uplink_mbps: 1000", &landing);
    let source = "converter: {host: 192.0.2.10, user: Administrator, password: \"env:SOURCE_PASSWORD\", services_stopped: [NTDS]}";
    let landed = "landing_access: {host: 192.0.2.77, user: root, key: keys/rescue, host_key: unknown}";
    sandbox.edit(
        "inventory/tenants/cinto-caomaggiore.yaml",
        "transfer: rescue\n    directory: cold\n",
        &format!("transfer: {transfer}\n    directory: {directory}\n    manual_hours: 2\n    {source}\n    {landed}\n"),
    );
    sandbox
}

/// Every transfer with every directory way: what is planned for the controller, or why nothing is.
#[test]
fn every_transfer_with_every_directory_way() {
    let mut told = String::new();
    for transfer in ["replace", "rescue", "converter", "converter-assisted", "agent"] {
        for directory in ["replace", "cold", "dsrm", "ntds-stopped"] {
            let ran = way(transfer, directory).run(&["migrate", "plan", "cinto-caomaggiore", "--start", "2022-06-01"]);
            told.push_str(&format!("== transfer {transfer}, directory {directory}: exit {}\n{}", ran.code, ran.stderr));
            let mut mine = false;
            for line in ran.stdout.lines() {
                mine = line.contains(DC) || (mine && line.starts_with("    "));
                if mine {
                    told.push_str(&format!("{}\n", line.trim_end()));
                }
            }
        }
    }
    golden("migrate/directory-ways.txt", &told);
}
