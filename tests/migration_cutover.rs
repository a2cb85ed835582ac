//! The night over an in-memory world: fence, route, boot, rollback, in their order and killed anywhere.

use crate::support::memory::{Lab, Machine};
use traghetto::migration::{Class, Ending, Fact, Record, StepResult, StepState, Stop};

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
    lead_here(&lab, &SERVERS);
    let person = person_at_the_switch(&lab);
    assert!(matches!(lab.run().await, Ending::Gate));
    person.abort();
    let acts = lab.memory.with(|world| world.acts.clone());
    let of = |server: &str| ["copy", "convert", "raise", "connect"].map(|act| format!("{act} {server}"));
    let mut expected: Vec<String> = SERVERS.iter().flat_map(|server| of(server)).collect();
    expected.push("check landing".into());
    assert_eq!(acts, expected);
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
    lead_here(&lab, &SERVERS);
    let person = person_at_the_switch(&lab);
    lab.memory.with(|world| world.mute.insert("cinto-srv1".into()));
    let Ending::Blocked(troubles) = lab.run().await else { panic!("srv1 says nothing") };
    assert_eq!(troubles[0].0.to_string(), "a5.boot.cinto-srv1");
    lab.later(1);
    lab.write(back("cinto-srv1")).await;
    lab.memory.with(|world| world.acts.clear());
    assert!(matches!(lab.run().await, Ending::Gate));
    person.abort();
    let acts = lab.memory.with(|world| world.acts.clone());
    assert_eq!(acts[0], "withdraw cinto-srv1");
    assert_eq!(machine(&lab, "cinto-srv1"), Some(Machine::default()), "kept, off, connected to nothing");
    assert_eq!((machine(&lab, "cinto-srv2"), lab.phase("cinto-srv1").await), (UP, "rolled-back"));
    assert_eq!(lab.gate().await, "landing-accepted");
}

#[tokio::test]
async fn a_server_without_a_machine_is_taken_back_by_word_alone() {
    let lab = quiet().await;
    lead_here(&lab, &SERVERS);
    lab.write(back("cinto-srv1")).await;
    let person = person_at_the_switch(&lab);
    assert!(matches!(lab.run().await, Ending::Gate));
    person.abort();
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
