//! The night over an in-memory world: fence, route, boot, rollback, in their order and killed anywhere.

use crate::support::memory::{Lab, Machine};
use traghetto::migration::{Class, Ending, Fact, Record, StepResult, StepState, Stop};
use traghetto::model::server::Transfer;

const SERVERS: [&str; 3] = ["cinto-srv1", "cinto-srv2", "cinto-srv3"];

/// Everything is ready, and the source is quiet.
async fn quiet() -> Lab {
    let lab = Lab::with_machines();
    lab.adopt().await;
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    lab.memory.with(|world| world.acts.clear());
    lab
}

fn switch_off(lab: &Lab, servers: &[&str]) {
    lab.memory.with(|world| world.sources_off.extend(servers.iter().map(|server| (*server).to_owned())));
}

fn lead_here(lab: &Lab, servers: &[&str]) {
    lab.memory.with(|world| world.routed.extend(servers.iter().map(|server| (*server).to_owned())));
}

/// Switches each source off as soon as its clone is converted, as the person on the spot does.
fn person_at_the_switch(lab: &Lab) -> tokio::task::JoinHandle<()> {
    let memory = lab.memory.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(7)).await;
            memory.with(|world| world.sources_off.extend(world.converted.iter().cloned().collect::<Vec<_>>()));
        }
    })
}

fn machine(lab: &Lab, server: &str) -> Option<Machine> {
    lab.memory.with(|world| world.machines.get(server).copied())
}

const UP: Option<Machine> = Some(Machine { on: true, connected: true });

#[tokio::test]
async fn servers_move_one_after_the_other_in_the_order_of_the_design() {
    let lab = quiet().await;
    night(&lab).await;
    let acts = lab.memory.with(|world| world.acts.clone());
    let of = |server: &str| ["copy", "convert", "raise", "connect"].map(|act| format!("{act} {server}"));
    for server in SERVERS {
        let mine: Vec<&String> = acts.iter().filter(|act| act.ends_with(server)).collect();
        assert_eq!(mine, of(server).iter().collect::<Vec<_>>(), "{acts:?}");
    }
    assert_eq!(acts[..4], of("cinto-srv1"), "the others move after it");
    assert_eq!(acts.last().unwrap(), "check landing");
    for server in SERVERS {
        assert_eq!((machine(&lab, server), lab.phase(server).await), (UP, "booted"));
    }
    assert_eq!(lab.gate().await, "landing-accepted", "nobody signs that it was done by hand");
    let state = lab.state().await;
    let StepState::Done { facts, .. } = state.step(&traghetto::migration::StepId("a5.boot.cinto-srv1".into())) else {
        panic!("it booted")
    };
    assert!(facts["outage_seconds"].as_f64().is_some_and(|seconds| seconds < 5.0), "{facts}");
}

/// Disks of old servers have a quiet period; a machine on the landing host's disk has none.
#[tokio::test]
async fn machines_move_to_where_they_stay_as_soon_as_they_are_accepted() {
    let lab = quiet().await;
    night(&lab).await;
    lab.later(1);
    lab.write(back("cinto-srv3")).await;
    assert!(matches!(lab.run().await, Ending::Gate));
    lab.sign("landing-accepted").await;
    lab.memory.with(|world| world.acts.clear());
    for _ in 0..2 {
        assert!(matches!(lab.run().await, Ending::Gate));
        assert_eq!(lab.gate().await, "", "the quiet period holds up the rest of the activity");
    }
    let moved = ["relocate cinto-srv1", "relocate cinto-srv2"];
    assert_eq!(lab.memory.with(|world| world.acts.clone()), moved, "once each; what was taken back stays");
    assert_eq!(lab.phase("cinto-srv1").await, "accepted");
    let state = lab.state().await;
    let result = state.step(&traghetto::migration::StepId("a6.relocate.cinto-srv2".into())).result().unwrap().clone();
    assert_eq!(result, StepResult::Relocated { machine: "cinto-srv2".into(), datastore: Some("san".into()) });
}

#[tokio::test]
async fn a_source_that_answers_is_never_replaced() {
    let lab = quiet().await;
    lead_here(&lab, &SERVERS);
    let Ending::Blocked(troubles) = lab.run().await else { panic!("the sources are on") };
    assert_eq!(troubles[0].0.to_string(), "a5.fence.cinto-srv1");
    assert_eq!(troubles[0].1.class, Class::Waiting);
    assert!(troubles[0].1.reason().contains("cinto-srv1 still answers: ping"), "{}", troubles[0].1.reason());
    assert!(lab.memory.with(|world| world.machines.is_empty()));
    let state = lab.state().await;
    let fence = state.step(&troubles[0].0);
    assert_eq!(*fence, StepState::Stopped { why: Stop::Waiting }, "nothing failed: a person has to act");
}

#[tokio::test]
async fn a_person_does_not_talk_a_source_off_that_answers() {
    let lab = quiet().await;
    lead_here(&lab, &SERVERS);
    let Ending::Blocked(_) = lab.run().await else { panic!("the sources are on") };
    state(&lab, "cinto-srv1", Fact::SourceOff).await;
    let Ending::Blocked(troubles) = lab.run().await else { panic!("srv1 is on") };
    assert!(troubles[0].1.reason().contains("still answers"), "{}", troubles[0].1.reason());
}

#[tokio::test]
async fn a_dead_link_is_no_fence_and_a_person_on_the_spot_is() {
    let lab = quiet().await;
    lead_here(&lab, &SERVERS);
    switch_off(&lab, &SERVERS);
    lab.memory.with(|world| world.no_witness = true);
    let Ending::Blocked(troubles) = lab.run().await else { panic!("nobody on the LAN answers") };
    let told: Vec<String> = troubles.iter().map(|(step, _)| step.to_string()).collect();
    assert_eq!(told, ["a5.fence.cinto-srv1"], "srv2 and srv3 move after srv1");
    let hints = troubles[0].1.hints.join(" ");
    assert!(hints.contains("migrate sign cinto-caomaggiore source-off --server cinto-srv1"), "{hints}");
    state(&lab, "cinto-srv1", Fact::SourceOff).await;
    let Ending::Blocked(troubles) = lab.run().await else { panic!("srv2 waits too") };
    assert!(troubles.iter().all(|(step, _)| step.to_string() != "a5.fence.cinto-srv1"));
    assert_eq!(machine(&lab, "cinto-srv1"), UP);
}

#[tokio::test]
async fn what_is_said_while_a_run_waits_is_heard() {
    let lab = quiet().await;
    lead_here(&lab, &SERVERS);
    lab.memory.with(|world| world.no_witness = true);
    let person = async {
        let pause = || tokio::time::sleep(std::time::Duration::from_millis(40));
        while !lab.memory.with(|world| world.converted.contains("cinto-srv1")) {
            pause().await;
        }
        pause().await;
        state(&lab, "cinto-srv1", Fact::SourceOff).await;
        assert_eq!(machine(&lab, "cinto-srv1"), None, "it still answers");
        switch_off(&lab, &["cinto-srv1"]);
    };
    _ = tokio::join!(lab.run_only(Some("cinto-srv1")), person);
    assert_eq!(machine(&lab, "cinto-srv1"), UP);
}

#[tokio::test]
async fn what_was_said_of_another_night_does_not_count() {
    let lab = Lab::with_machines();
    lab.adopt().await;
    state(&lab, "cinto-srv1", Fact::SourceOff).await;
    lab.later(1);
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    switch_off(&lab, &SERVERS);
    lab.memory.with(|world| world.no_witness = true);
    assert!(matches!(lab.run().await, Ending::Blocked(_)));
    assert_eq!(machine(&lab, "cinto-srv1"), None);
}

#[tokio::test]
async fn nothing_boots_before_the_address_leads_here() {
    let lab = quiet().await;
    let person = person_at_the_switch(&lab);
    let Ending::Blocked(troubles) = lab.run().await else { panic!("no router was changed") };
    person.abort();
    assert_eq!(troubles[0].0.to_string(), "a5.route.cinto-srv1");
    assert!(troubles[0].1.hints.iter().any(|hint| hint.contains("Push the routers")));
    assert!(lab.memory.with(|world| world.machines.is_empty()));
    state(&lab, "cinto-srv1", Fact::Routed).await;
    let person = person_at_the_switch(&lab);
    assert!(matches!(lab.run().await, Ending::Blocked(_)), "srv2 waits for its route");
    person.abort();
    assert_eq!((machine(&lab, "cinto-srv1"), machine(&lab, "cinto-srv2")), (UP, None));
}

#[tokio::test]
async fn a_source_that_comes_back_keeps_the_machine_apart() {
    let lab = quiet().await;
    lead_here(&lab, &["cinto-srv1"]);
    let person = person_at_the_switch(&lab);
    lab.memory.with(|world| world.routed.clear());
    assert!(matches!(lab.run().await, Ending::Blocked(_)));
    person.abort();
    // Fenced; then somebody switches it on again, and only then the routers are changed.
    lab.memory.with(|world| world.sources_off.clear());
    lead_here(&lab, &["cinto-srv1"]);
    let Ending::Blocked(troubles) = lab.run().await else { panic!("it is on again") };
    let (step, trouble) = &troubles[0];
    assert_eq!((step.to_string().as_str(), trouble.class), ("a5.boot.cinto-srv1", Class::CheckFailed));
    assert_eq!(machine(&lab, "cinto-srv1"), Some(Machine { on: true, connected: false }));
    switch_off(&lab, &["cinto-srv1"]);
    _ = lab.run_only(Some("cinto-srv1")).await;
    assert_eq!(machine(&lab, "cinto-srv1"), UP);
}

#[tokio::test]
async fn a_kill_at_any_act_of_the_night_makes_no_second_machine() {
    // copy, convert, raise, connect of the first server.
    for at in 0..4 {
        let lab = quiet().await;
        lead_here(&lab, &SERVERS);
        state_all(&lab).await;
        switch_off(&lab, &SERVERS);
        lab.memory.with(|world| world.no_witness = true);
        lab.run_killed(at).await;
        // What people said is of before the copy: they look again.
        _ = lab.run().await;
        for _ in 0..3 {
            lab.later(1);
            state_all(&lab).await;
            _ = lab.run().await;
        }
        let acts = lab.memory.with(|world| world.acts.clone());
        for server in SERVERS {
            assert_eq!(machine(&lab, server), UP, "{at}: {acts:?}");
        }
        let times = |act: &str| acts.iter().filter(|done| *done == act).count();
        assert_eq!(times("connect cinto-srv1"), 1, "{at}: {acts:?}");
        let again = ["copy cinto-srv1", "convert cinto-srv1", "raise cinto-srv1"].map(times);
        assert_eq!(again.iter().sum::<usize>(), 4, "what was killed is done once more: {acts:?}");
    }
}

#[tokio::test]
async fn a_server_is_taken_back_before_anything_else_is_done() {
    let lab = quiet().await;
    lab.memory.with(|world| world.mute.insert("cinto-srv1".into()));
    let person = person_at_the_switch(&lab);
    assert!(matches!(lab.run().await, Ending::Blocked(_)), "its route waits");
    lead_here_what_is_off(&lab);
    let Ending::Blocked(troubles) = lab.run().await else { panic!("srv1 says nothing") };
    person.abort();
    assert_eq!(troubles[0].0.to_string(), "a5.boot.cinto-srv1");
    lab.later(1);
    lab.write(back("cinto-srv1")).await;
    lab.memory.with(|world| world.acts.clear());
    by_name(&lab, &["cinto-srv2", "cinto-srv3"]).await;
    let acts = lab.memory.with(|world| world.acts.clone());
    assert_eq!(acts[0], "withdraw cinto-srv1");
    assert_eq!(machine(&lab, "cinto-srv1"), Some(Machine::default()), "kept, off, connected to nothing");
    assert_eq!((machine(&lab, "cinto-srv2"), lab.phase("cinto-srv1").await), (UP, "rolled-back"));
    assert_eq!(lab.gate().await, "landing-accepted");
}

#[tokio::test]
async fn a_server_without_a_machine_is_taken_back_by_word_alone() {
    let lab = quiet().await;
    lab.later(1);
    lab.write(back("cinto-srv1")).await;
    by_name(&lab, &["cinto-srv2", "cinto-srv3"]).await;
    assert!(!lab.memory.with(|world| world.acts.iter().any(|act| act == "withdraw cinto-srv1")));
}

#[tokio::test]
async fn test_machines_live_until_their_gate_or_until_their_time_is_over() {
    let lab = Lab::with_machines();
    lab.adopt().await;
    lab.up_to("move-planned").await;
    let acts = lab.memory.with(|world| world.acts.clone());
    let launches: Vec<&String> = acts.iter().filter(|act| act.starts_with("launch")).collect();
    assert_eq!(launches, ["launch cinto-srv1", "launch cinto-srv2", "launch cinto-srv3"], "the controller first");
    assert!(!acts.iter().any(|act| act == "end tests"), "they are there until the gate is signed");
    lab.later(80);
    assert!(matches!(lab.run().await, Ending::Gate));
    let acts = lab.memory.with(|world| world.acts.split_off(acts.len()));
    let again = ["end tests", "launch cinto-srv1", "launch cinto-srv2", "launch cinto-srv3", "check test"];
    assert_eq!(acts, again, "too old before they were accepted");
    lab.sign("move-planned").await;
    assert!(matches!(lab.run().await, Ending::Gate));
    assert!(lab.memory.with(|world| world.tests.is_empty()));
    lab.later(80);
    assert_eq!(lab.gate().await, "quiet", "accepted tests are not launched again");
    assert!(
        lab.state()
            .await
            .steps
            .values()
            .any(|step| { matches!(step.result(), Some(StepResult::TestsEnded { expired: false })) })
    );
}

#[tokio::test]
async fn converter_moves_a_server_as_a_whole_in_the_same_order() {
    let lab = Lab::with_converter(Transfer::Converter);
    let ids: Vec<String> = lab.plan().steps.iter().map(|step| step.id.to_string()).collect();
    let mine: Vec<&str> = ids.iter().filter(|id| id.contains("cinto-srv2")).map(String::as_str).collect();
    let steps = ["a3.seed", "a3.sync", "a4.test-launch", "a5.sync", "a5.final-sync", "a5.fence", "a5.route", "a5.boot"];
    assert_eq!(mine, steps.map(|step| format!("{step}.cinto-srv2")), "no replica is read, cloned or converted");
    lab.adopt().await;
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    lab.memory.with(|world| world.acts.clear());
    night(&lab).await;
    let acts = lab.memory.with(|world| world.acts.clone());
    let mine: Vec<&String> = acts.iter().filter(|act| act.contains("cinto-srv2")).collect();
    assert_eq!(mine, ["transfer cinto-srv2 Last", "raise cinto-srv2", "connect cinto-srv2"]);
    assert_eq!(machine(&lab, "cinto-srv2"), UP);
}

#[tokio::test]
async fn a_person_who_drives_converter_says_what_is_over_and_no_word_counts_for_another_night() {
    let lab = Lab::with_converter(Transfer::ConverterAssisted);
    lab.memory.with(|world| world.by_hand = true);
    lab.adopt().await;
    lab.up_to("source-checked").await;
    lab.sign("source-checked").await;
    let Ending::Blocked(troubles) = lab.run().await else { panic!("nobody has copied srv2") };
    assert_eq!((troubles[0].0.to_string().as_str(), troubles[0].1.class), ("a3.seed.cinto-srv2", Class::Waiting));
    state(&lab, "cinto-srv2", Fact::Copied).await;
    state(&lab, "cinto-srv2", Fact::Finalised).await;
    lab.later(1);
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    let person = person_at_the_switch(&lab);
    assert!(matches!(lab.run().await, Ending::Blocked(_)), "the route of srv1");
    lead_here_what_is_off(&lab);
    let Ending::Blocked(troubles) = lab.run().await else { panic!("what was said is of before the quiet") };
    assert!(troubles.iter().any(|(step, _)| step.to_string() == "a5.final-sync.cinto-srv2"), "{troubles:?}");
    person.abort();
    lab.later(1);
    state(&lab, "cinto-srv2", Fact::Finalised).await;
    night(&lab).await;
    assert_eq!(machine(&lab, "cinto-srv2"), UP);
}

#[test]
fn converter_is_planned_only_where_it_can_work() {
    let refused = |lab: &Lab| {
        let (inventory, playbook) = (&lab.inventory, &lab.playbook);
        let tenant = inventory.tenants.values().find(|tenant| tenant.id.as_str() == "cinto-caomaggiore").unwrap();
        let request = traghetto::migration::Request { inventory, tenant, playbook, start: None };
        let refusals = traghetto::migration::plan(&request).unwrap_err();
        refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let mut lab = Lab::with_converter(Transfer::Converter);
    lab.inventory.project.landing.converter = None;
    assert_eq!(refused(&lab), "server cinto-srv2: transfer `converter` needs `landing.converter`: its server");
    let mut lab = Lab::with_converter(Transfer::Converter);
    lab.servers()[1].converter = None;
    assert!(refused(&lab).contains("needs `converter` of the server"), "{}", refused(&lab));
    let mut lab = Lab::with_converter(Transfer::Converter);
    lab.servers()[1].os = traghetto::model::server::Os::Linux("Debian 12".into());
    assert!(refused(&lab).contains("by files only"), "{}", refused(&lab));
    // A domain controller that runs is copied by nobody.
    let mut lab = Lab::with_converter(Transfer::Converter);
    let source = lab.servers()[1].converter.clone();
    let controller = &mut lab.servers()[0];
    (controller.transfer, controller.converter) = (Transfer::Converter, source);
    assert!(refused(&lab).starts_with("server cinto-srv1: "), "{}", refused(&lab));
}

#[tokio::test]
async fn a_new_quiet_copies_converts_and_fences_anew() {
    let lab = quiet().await;
    let person = person_at_the_switch(&lab);
    assert!(matches!(lab.run().await, Ending::Blocked(_)), "no route leads here");
    person.abort();
    // The night is given up, people work on the sources again; another night begins.
    lab.memory.with(|world| world.sources_off.clear());
    lab.later(20);
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    lab.memory.with(|world| world.acts.clear());
    let Ending::Blocked(_) = lab.run().await else { panic!("the sources are on") };
    let acts = lab.memory.with(|world| world.acts.clone());
    assert_eq!(acts[..2], ["copy cinto-srv1", "convert cinto-srv1"], "nothing of the other night counts");
    assert!(lab.memory.with(|world| world.machines.is_empty()), "and no fence of it");
}

#[tokio::test]
async fn a_fence_grows_old() {
    let lab = quiet().await;
    let person = person_at_the_switch(&lab);
    assert!(matches!(lab.run().await, Ending::Blocked(_)), "no route leads here");
    person.abort();
    lab.memory.with(|world| world.sources_off.clear());
    lab.later(5);
    let Ending::Blocked(troubles) = lab.run().await else { panic!("the source is on") };
    assert_eq!(troubles[0].0.to_string(), "a5.fence.cinto-srv1");
}

#[tokio::test]
async fn once_the_address_leads_here_silence_is_no_fence() {
    let lab = quiet().await;
    lead_here(&lab, &["cinto-srv1"]);
    let person = person_at_the_switch(&lab);
    let Ending::Blocked(troubles) = lab.run().await else { panic!("its silence says nothing") };
    person.abort();
    assert_eq!(troubles[0].0.to_string(), "a5.fence.cinto-srv1");
    assert!(troubles[0].1.hints.join(" ").contains("source-off"), "{:?}", troubles[0].1.hints);
}

#[tokio::test]
async fn damage_found_after_the_conversion_is_copied_converted_and_fenced_anew() {
    let lab = quiet().await;
    let person = person_at_the_switch(&lab);
    assert!(matches!(lab.run().await, Ending::Blocked(_)));
    let (server, disk) = ("cinto-srv1".parse().unwrap(), "disk0".parse().unwrap());
    lab.write(Record::ReplicaVerified { server, disk, holds: false, root: "9".into() }).await;
    let state = lab.state().await;
    let step = |word: &str| state.step(&traghetto::migration::StepId(format!("a5.{word}"))).clone();
    for word in ["final-sync.cinto-srv1.disk0", "convert.cinto-srv1", "fence.cinto-srv1"] {
        assert_eq!(step(word), StepState::Pending, "{word}");
    }
    person.abort();
}

#[tokio::test]
async fn what_is_found_of_a_replica_says_nothing_of_a_machine_in_service() {
    let lab = in_service().await;
    let (server, disk) = ("cinto-srv1".parse().unwrap(), "disk0".parse().unwrap());
    lab.write(Record::ReplicaVerified { server, disk, holds: false, root: "9".into() }).await;
    assert_eq!((lab.phase("cinto-srv1").await, lab.gate().await.as_str()), ("booted", "landing-accepted"));
}

#[tokio::test]
async fn another_plan_never_copies_a_server_that_is_in_service() {
    let mut lab = in_service().await;
    lab.memory.with(|world| world.acts.clear());
    lab.servers()[0].access.as_mut().unwrap().user = "altro".into();
    lab.adopt().await;
    for _ in 0..6 {
        assert!(matches!(lab.run().await, Ending::Gate));
        let next = lab.gate().await;
        if next == "landing-accepted" {
            break;
        }
        lab.sign(&next).await;
    }
    let acts = lab.memory.with(|world| world.acts.clone());
    assert!(!acts.iter().any(|act| act.contains("copy") || act.contains("convert")), "{acts:?}");
    assert!(!acts.iter().any(|act| act == "check source"), "what answers there is the copy: {acts:?}");
}

#[tokio::test]
async fn a_server_that_was_taken_back_moves_again_in_a_new_night() {
    let lab = in_service().await;
    lab.later(1);
    lab.write(back("cinto-srv1")).await;
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(machine(&lab, "cinto-srv1"), Some(Machine::default()));
    let (server, role, by) =
        ("cinto-srv1".parse().unwrap(), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.write(Record::ServerReentered { server, role, by, reason: "another night".into() }).await;
    lab.memory.with(|world| {
        world.machines.remove("cinto-srv1");
        world.converted.remove("cinto-srv1");
        world.sources_off.clear();
        world.routed.remove("cinto-srv1");
        world.acts.clear();
    });
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    night(&lab).await;
    let acts = lab.memory.with(|world| world.acts.clone());
    assert!(!acts.iter().any(|act| act.ends_with("srv2") || act.ends_with("srv3")), "{acts:?}");
    assert_eq!(machine(&lab, "cinto-srv1"), UP);
}

/// Runs to the next gate: each source is switched off once it is converted, and once it was seen off the
/// routers are changed for it.
async fn night(lab: &Lab) {
    let person = person_at_the_switch(lab);
    for _ in 0..8 {
        if matches!(lab.run().await, Ending::Gate) {
            person.abort();
            return;
        }
        lead_here_what_is_off(lab);
    }
    panic!("the night does not end: {:?}", lab.memory.with(|world| world.acts.clone()));
}

/// People name servers that move after one that was taken back, each through its night; then to the next gate.
async fn by_name(lab: &Lab, servers: &[&str]) {
    let person = person_at_the_switch(lab);
    for server in servers {
        for _ in 0..3 {
            lab.run_only(Some(server)).await;
            lead_here_what_is_off(lab);
        }
        assert_eq!(lab.phase(server).await, "booted");
    }
    person.abort();
    assert!(matches!(lab.run().await, Ending::Gate));
}

/// All servers are in service, and wait for their acceptance.
async fn in_service() -> Lab {
    let lab = quiet().await;
    night(&lab).await;
    lab
}

/// The routers are changed for every server whose source is off.
fn lead_here_what_is_off(lab: &Lab) {
    lab.memory.with(|world| world.routed.extend(world.sources_off.iter().cloned().collect::<Vec<_>>()));
}

async fn state(lab: &Lab, server: &str, fact: Fact) {
    let (server, role, by) =
        (server.parse().unwrap(), "comune-tecnico".parse().unwrap(), "elena-ponte".parse().unwrap());
    lab.write(Record::ServerStated { server, fact, role, by, note: "seen".into() }).await;
}

async fn state_all(lab: &Lab) {
    for server in SERVERS {
        state(lab, server, Fact::SourceOff).await;
    }
}

fn back(server: &str) -> Record {
    let (server, role, by) =
        (server.parse().unwrap(), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    Record::ServerRolledBack { server, role, by, reason: "no answer".into() }
}
