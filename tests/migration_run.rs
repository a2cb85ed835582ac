//! The runner over an in-memory world: gates, failures, kills, changed plans.

use crate::support::memory::{GATES, Lab, Silent, TEMPO, cinto};
use crate::support::project;
use serde_json::json;
use std::collections::BTreeSet;
use traghetto::migration::{
    self, Action, Class, Ending, Objection, Quiesce, Record, RunState, Runner, Scope, StepResult, StepState, Stop,
};
use traghetto::model::server::Transfer;

#[tokio::test]
async fn phases_rise_with_gates() {
    let lab = Lab::new();
    lab.adopt().await;
    let mut phases = Vec::new();
    for gate in GATES {
        assert!(matches!(lab.run().await, Ending::Gate));
        if gate == "decommissioned" {
            the_quiet_period_passes(&lab).await;
        }
        assert_eq!(lab.gate().await, gate);
        phases.push(lab.phase("cinto-srv1").await);
        lab.sign(gate).await;
    }
    assert!(matches!(lab.run().await, Ending::Done));
    phases.push(lab.phase("cinto-srv1").await);
    let expected =
        ["planned", "planned", "testing", "tested", "armed", "verified", "verified", "accepted", "decommissioned"];
    assert_eq!(phases, expected);
}

/// Nothing of activity 6 is done or signed before the fourteenth day after the acceptance is over.
async fn the_quiet_period_passes(lab: &Lab) {
    let acts = || lab.memory.with(|world| world.acts.len());
    let before = acts();
    for hours in [0, 14 * 24] {
        lab.later(hours);
        assert!(matches!(lab.run().await, Ending::Gate));
        assert_eq!(lab.gate().await, "", "after {hours} hours");
        let refused = lab.try_sign("decommissioned", "sad-validatore", "carla-riva").await.unwrap_err();
        assert!(matches!(refused, Objection::QuietPeriod { .. }), "{refused}");
    }
    assert_eq!(acts(), before);
    lab.later(24);
    assert!(matches!(lab.run().await, Ending::Gate));
}

#[tokio::test]
async fn a_kill_at_any_act_loses_nothing() {
    // One act of each kind.
    for at in [0, 1, 3, 6, 9, 12] {
        let lab = Lab::new();
        lab.adopt().await;
        let mut kills = 0;
        for _ in 0..12 {
            if kills == 0 && lab.memory.with(|world| world.acts.len()) <= at {
                lab.run_killed(at).await;
                kills += usize::from(lab.memory.with(|world| world.acts.len()) > at);
            }
            if matches!(lab.run().await, Ending::Done) {
                break;
            }
            let gate = lab.gate().await;
            if gate == "move-planned" {
                break;
            }
            lab.sign(&gate).await;
        }
        assert_eq!(kills, 1, "act {at}");
        let acts = lab.memory.with(|world| world.acts.clone());
        // Everything once, and the act at which it was killed once more.
        assert_eq!(acts.len(), 16, "act {at}: {acts:?}");
        assert_eq!(acts[at], acts[at + 1], "{acts:?}");
        assert_eq!(lab.gate().await, "move-planned");
    }
}

#[tokio::test]
async fn a_server_that_fails_does_not_stop_the_others() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("source-checked").await;
    lab.sign("source-checked").await;
    lab.memory.with(|world| world.off.insert("cinto-srv1".into()));
    let Ending::Blocked(troubles) = lab.run().await else { panic!("srv1 is off") };
    assert_eq!(troubles.len(), 1);
    assert_eq!(
        (troubles[0].0.to_string().as_str(), troubles[0].1.class),
        ("a3.seed.cinto-srv1.disk0", Class::Unreachable)
    );
    assert_eq!(lab.phase("cinto-srv1").await, "failed");
    assert_eq!(lab.phase("cinto-srv3").await, "testing");
    let refused = lab.try_sign("test-accepted", "sad-validatore", "carla-riva").await;
    assert!(matches!(refused, Err(Objection::NotYet { .. })), "{refused:?}");
    lab.memory.with(|world| world.off.clear());
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.phase("cinto-srv1").await, "testing");
}

#[tokio::test]
async fn only_one_server_is_moved_where_one_is_named() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("source-checked").await;
    lab.sign("source-checked").await;
    let Ending::Blocked(troubles) = lab.run_only(Some("cinto-srv2")).await else { panic!("others are left") };
    assert!(troubles.is_empty());
    let copied = lab.memory.with(|world| world.replicas.keys().cloned().collect::<Vec<_>>());
    assert_eq!(copied, ["cinto-srv2"]);
}

#[tokio::test]
async fn nobody_signs_for_both_sides_or_without_the_role() {
    let mut lab = Lab::new();
    let carla = lab.inventory.people.persons.get_mut(&"carla-riva".parse().unwrap()).unwrap();
    carla.roles.push("comune-referente".parse().unwrap());
    lab.adopt().await;
    lab.up_to("source-checked").await;
    lab.try_sign("source-checked", "sad-validatore", "carla-riva").await.unwrap();
    let refused = lab.try_sign("source-checked", "comune-referente", "carla-riva").await;
    assert!(matches!(refused, Err(Objection::BothSides { .. })), "{refused:?}");
    let refused = lab.try_sign("source-checked", "comune-referente", "elena-ponte").await;
    assert!(matches!(refused, Err(Objection::NotTheirRole { .. })), "{refused:?}");
    let refused = lab.try_sign("source-checked", "sad-validatore", "carla-riva").await;
    assert!(matches!(refused, Err(Objection::Already { .. })), "{refused:?}");
    let refused = lab.try_sign("source-checked", "venis-rete", "bruno-laguna").await;
    assert!(matches!(refused, Err(Objection::NotAsked { .. })), "{refused:?}");
    let refused = lab.try_sign("source-checked", "comune-referente", "nobody").await;
    assert!(matches!(refused, Err(Objection::NoPerson(_))), "{refused:?}");
    assert!(matches!(lab.run().await, Ending::Gate));
    lab.try_sign("source-checked", "comune-referente", "dario-pieve").await.unwrap();
    assert_eq!(lab.gate().await, "");
}

#[tokio::test]
async fn one_operator_types_for_one_side_only() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("source-checked").await;
    lab.type_for("source-checked", "comune-referente", "dario-pieve", "anna-veneto").await.unwrap();
    let refused = lab.type_for("source-checked", "sad-validatore", "carla-riva", "anna-veneto").await.unwrap_err();
    assert!(matches!(refused, Objection::OneOperator { .. }), "{refused:?}");
    let told = "the signature of dario-pieve as comune-referente on gate source-checked was typed with anna-veneto";
    assert!(refused.to_string().starts_with(told), "{refused}");
    lab.type_for("source-checked", "sad-validatore", "carla-riva", "bruno-laguna").await.unwrap();
    assert_eq!(lab.gate().await, "");
    // Two roles of one side are one operator's to type, whatever it typed for another gate.
    lab.up_to("quiet").await;
    lab.type_for("quiet", "venis-sistemista", "anna-veneto", "anna-veneto").await.unwrap();
    lab.type_for("quiet", "comune-tecnico", "elena-ponte", "dario-pieve").await.unwrap();
}

#[tokio::test]
async fn a_gate_is_signed_on_fresh_findings() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("source-checked").await;
    let checks = || lab.memory.with(|world| world.acts.iter().filter(|act| *act == "check source").count());
    lab.later(4);
    lab.try_sign("source-checked", "sad-validatore", "carla-riva").await.unwrap();
    lab.later(1);
    let refused = lab.try_sign("source-checked", "comune-referente", "dario-pieve").await;
    assert!(matches!(refused, Err(Objection::Stale { .. })), "{refused:?}");
    assert_eq!((lab.gate().await.as_str(), checks()), ("", 1));
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!((lab.gate().await.as_str(), checks()), ("source-checked", 2), "it was run again");
    // The same was found: what Carla signed counts on, and nobody asks again once both have signed.
    lab.try_sign("source-checked", "comune-referente", "dario-pieve").await.unwrap();
    lab.later(48);
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!((lab.gate().await.as_str(), checks()), ("test-accepted", 2));
}

#[tokio::test]
async fn a_refusal_closes_the_gate_until_the_checklist_is_run_again() {
    let lab = Lab::new();
    let signed = |outcome: &str| json!({ "phase": "source", "outcome": outcome });
    let write = async |outcome: &str| {
        lab.journal().await.append(&cinto(), "anna-veneto", "checklist.signed", signed(outcome)).await.unwrap();
    };
    let checks = || lab.memory.with(|world| world.acts.iter().filter(|act| *act == "check source").count());
    lab.adopt().await;
    lab.up_to("source-checked").await;
    write("ok").await;
    assert_eq!(lab.gate().await, "source-checked");
    lab.sign("source-checked").await;
    write("ko").await;
    assert_eq!((lab.gate().await.as_str(), checks()), ("", 1), "signed by both, and closed again");
    let refused = lab.try_sign("source-checked", "sad-validatore", "carla-riva").await;
    assert!(matches!(refused, Err(Objection::Stale { .. })), "{refused:?}");
    lab.later(1);
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!((lab.gate().await.as_str(), checks()), ("test-accepted", 2), "the same was found: it is open");
    // What the gate admits is done: a refusal that comes after it stops nothing.
    write("ko").await;
    assert_eq!((lab.gate().await.as_str(), checks()), ("test-accepted", 2));
}

#[tokio::test]
async fn what_only_the_sad_validates_is_not_signed_by_who_carried_it_out() {
    let mut lab = Lab::new();
    let anna = lab.inventory.people.persons.get_mut(&"anna-veneto".parse().unwrap()).unwrap();
    anna.roles.push("sad-validatore".parse().unwrap());
    lab.adopt().await;
    lab.up_to("landing-ready").await;
    let refused = lab.try_sign("landing-ready", "sad-validatore", "anna-veneto").await;
    assert!(matches!(refused, Err(Objection::Executor { .. })), "{refused:?}");
    lab.try_sign("landing-ready", "sad-validatore", "carla-riva").await.unwrap();
}

#[tokio::test]
async fn a_final_sync_needs_a_fresh_signature_and_a_fresh_reading() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    lab.later(13);
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "quiet", "signatures of 13 hours ago do not count");
    lab.later(13);
    lab.sign("quiet").await;
    let Ending::Blocked(troubles) = lab.run().await else { panic!("the reading is 26 hours old") };
    assert!(
        troubles.iter().all(|(step, trouble)| step.0.contains("final-sync") && trouble.class == Class::CheckFailed)
    );
    for server in ["cinto-srv1", "cinto-srv2", "cinto-srv3"] {
        let (server, disk) = (server.parse().unwrap(), "disk0".parse().unwrap());
        lab.write(Record::ReplicaVerified { server, disk, holds: true, root: "1".into() }).await;
    }
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "moved");
    lab.later(48);
    assert_eq!(lab.gate().await, "moved", "once the final syncs are done, the hours of `quiet` are over for good");
}

#[tokio::test]
async fn a_disk_in_use_has_no_final_sync_and_holds_back_those_after_it() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    lab.memory.with(|world| {
        world.in_use.insert("cinto-srv1".into());
        world.acts.clear();
    });
    let Ending::Blocked(troubles) = lab.run().await else { panic!("srv1 is in use") };
    assert_eq!(troubles.len(), 1);
    assert_eq!(lab.memory.with(|world| world.acts.clone()), [""; 0], "srv2 and srv3 move after srv1");
    lab.memory.with(|world| world.in_use.clear());
    assert!(matches!(lab.run().await, Ending::Gate));
}

#[tokio::test]
async fn a_running_source_must_be_seen_to_stand_still() {
    let mut lab = Lab::new();
    let server = lab.servers().iter_mut().find(|server| server.id.as_str() == "cinto-srv3").unwrap();
    server.transfer = Transfer::Agent;
    server.os = traghetto::model::server::Os::Linux("Debian 12".into());
    lab.adopt().await;
    lab.memory.with(|world| {
        world.restless.insert("cinto-srv3".into());
        world.quiesce.insert("cinto-srv3".into(), Quiesce::ReadOnly);
    });
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    let Ending::Blocked(troubles) = lab.run().await else { panic!("srv3 never stands still") };
    assert_eq!(troubles[0].0.to_string(), "a5.final-sync.cinto-srv3.disk0");
    lab.memory.with(|world| {
        world.restless.clear();
        world.acts.clear();
    });
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "moved");
    assert_eq!(lab.memory.with(|world| world.acts.clone()), ["copy cinto-srv3", "copy cinto-srv3"]);
}

#[tokio::test]
async fn one_pass_over_a_frozen_source_is_enough() {
    let mut lab = Lab::new();
    let server = lab.servers().iter_mut().find(|server| server.id.as_str() == "cinto-srv3").unwrap();
    server.transfer = Transfer::Agent;
    server.os = traghetto::model::server::Os::Linux("Debian 12".into());
    lab.adopt().await;
    lab.memory.with(|world| {
        world.restless.insert("cinto-srv3".into());
        world.quiesce.insert("cinto-srv3".into(), Quiesce::Freeze);
    });
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    lab.memory.with(|world| world.acts.clear());
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "moved");
    assert_eq!(lab.memory.with(|world| world.acts.clone()), ["copy cinto-srv1", "copy cinto-srv2", "copy cinto-srv3"]);
}

#[tokio::test]
async fn a_replica_that_does_not_hold_is_copied_again_and_its_gates_close() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("test-accepted").await;
    lab.sign("test-accepted").await;
    let (server, disk) = ("cinto-srv2".parse().unwrap(), "disk0".parse().unwrap());
    lab.write(Record::ReplicaVerified { server, disk, holds: false, root: "9".into() }).await;
    assert_eq!(lab.gate().await, "", "test-accepted is closed: its steps are not done");
    lab.memory.with(|world| world.acts.clear());
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(
        lab.memory.with(|world| world.acts.clone()),
        ["copy cinto-srv2", "verify cinto-srv2", "clone cinto-srv2", "check test"]
    );
    // The same bytes came back: what was signed is what is there.
    assert_eq!(lab.gate().await, "move-planned");
    let (server, disk) = ("cinto-srv2".parse().unwrap(), "disk0".parse().unwrap());
    lab.write(Record::ReplicaVerified { server, disk, holds: false, root: "9".into() }).await;
    lab.memory.with(|world| world.sources.insert("cinto-srv2".into(), 7));
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "test-accepted", "other bytes came: what was signed is no longer there");
}

#[tokio::test]
async fn a_damaged_replica_found_by_a_step_is_repaired_by_the_next_run() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("source-checked").await;
    lab.sign("source-checked").await;
    let plan = lab.plan();
    let verify = plan.steps.iter().find(|step| step.action == Action::Verify).unwrap();
    let damage = lab.memory.clone();
    let state = lab.run_only(Some("cinto-srv1")).await;
    assert!(matches!(state, Ending::Blocked(_)));
    damage.with(|world| world.damaged.insert("cinto-srv1".into()));
    let (server, disk) = ("cinto-srv1".parse().unwrap(), "disk0".parse().unwrap());
    lab.write(Record::ReplicaVerified { server, disk, holds: false, root: "9".into() }).await;
    assert_eq!(*lab.state().await.step(&verify.id), StepState::Pending);
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "test-accepted");
}

#[tokio::test]
async fn a_reading_that_finds_damage_fails_and_the_copy_is_done_again() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("source-checked").await;
    lab.sign("source-checked").await;
    lab.memory.with(|world| world.rotten.insert("cinto-srv1".into()));
    let Ending::Blocked(troubles) = lab.run().await else { panic!("the reading does not hold") };
    assert_eq!((troubles.len(), troubles[0].1.class), (1, Class::Evidence));
    let state = lab.state().await;
    let step = |name: &str| state.step(&migration::StepId(format!("a3.{name}.cinto-srv1.disk0"))).clone();
    assert_eq!(step("sync"), StepState::Pending);
    assert!(matches!(step("verify"), StepState::Failed { .. }));
    assert_eq!(lab.phase("cinto-srv1").await, "failed");
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "test-accepted");
}

#[tokio::test]
async fn damage_found_beside_a_run_at_work_makes_no_journal_that_contradicts_itself() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("test-accepted").await;
    let (server, disk) = ("cinto-srv1".parse().unwrap(), "disk0".parse().unwrap());
    let step = migration::StepId("a3.test-clone.cinto-srv1.disk0".into());
    lab.write(Record::StepStarted { step: step.clone(), observed: json!(null) }).await;
    lab.write(Record::ReplicaVerified { server, disk, holds: false, root: "9".into() }).await;
    let result = StepResult::Cloned { root: "1".into() };
    lab.write(Record::StepFinished { step: step.clone(), result, facts: json!({}) }).await;
    assert_eq!(*lab.state().await.step(&step), StepState::Pending, "it is done again");
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "test-accepted");
}

#[tokio::test]
async fn another_plan_is_not_run_and_adopting_it_keeps_what_it_did_not_touch() {
    let mut lab = Lab::new();
    lab.adopt().await;
    lab.up_to("test-accepted").await;
    let before = lab.plan();
    lab.servers()[1].disks[0].source = Some("/dev/sdb".into());
    let plan = lab.plan();
    let changes = plan.changes_from(&before.record());
    assert_eq!(changes.len(), 1);
    assert!(changes[0].starts_with("cinto-srv2: disks") && changes[0].contains("/dev/sdb"), "{changes:?}");
    let (journal, operator) = (lab.journal().await, "anna-veneto");
    let lease = journal.lease("tenant/cinto-caomaggiore", operator, None).await.unwrap();
    let (_sender, stop) = tokio::sync::watch::channel(false);
    let (acts, scope) = (lab.memory.clone(), Scope::default());
    let mut runner = Runner {
        journal: &journal,
        lease: &lease,
        plan: &plan,
        operator,
        acts,
        observer: Silent,
        stop,
        scope,
        tempo: TEMPO,
        hours: lab.hours(),
    };
    assert!(matches!(runner.run().await, Err(migration::RunError::OtherPlan)));
    journal.release(lease).await.unwrap();
    lab.adopt().await;
    let state = lab.state().await;
    let done = |id: &str| state.step(&migration::StepId(id.into())).result().is_some();
    assert!(done("a3.seed.cinto-srv1.disk0") && done("a1.prepare-landing"));
    assert!(!done("a3.seed.cinto-srv2.disk0"));
    assert_eq!(lab.gate().await, "landing-ready", "signatures on the old plan do not count");
}

#[tokio::test]
async fn a_pause_stops_the_run_and_the_next_run_resumes() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.write(Record::RunPaused { reason: "lunch".into() }).await;
    assert!(matches!(lab.run().await, Ending::Stopped(Stop::Paused)));
    lab.write(Record::run_started(None, None, "0123456789abcdef")).await;
    assert!(matches!(lab.run().await, Ending::Gate));
}

#[tokio::test]
async fn a_server_taken_back_is_left_alone() {
    let lab = Lab::new();
    lab.adopt().await;
    lab.up_to("source-checked").await;
    lab.sign("source-checked").await;
    let (server, role, by) =
        ("cinto-srv1".parse().unwrap(), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.later(1);
    lab.write(Record::ServerRolledBack { server, role, by, reason: "no room".into() }).await;
    assert_eq!(lab.phase("cinto-srv1").await, "rolled-back");
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(
        lab.memory.with(|world| world.replicas.keys().cloned().collect::<Vec<_>>()),
        ["cinto-srv2", "cinto-srv3"],
        "what was signed is no less true of the others"
    );
    lab.sign("test-accepted").await;
    let (server, role, by) =
        ("cinto-srv2".parse().unwrap(), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.later(1);
    lab.write(Record::ServerRolledBack { server, role, by, reason: "no room".into() }).await;
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "move-planned");
}

#[tokio::test]
async fn events_that_cannot_have_happened_are_refused() {
    let lab = Lab::new();
    lab.adopt().await;
    let result = StepResult::Verified { root: "1".into() };
    let step = migration::StepId("a3.verify.cinto-srv1.disk0".into());
    lab.write(Record::StepFinished { step, result, facts: json!({}) }).await;
    let events = lab.journal().await.events(&cinto()).await.unwrap();
    let error = RunState::of(&events).unwrap_err();
    assert_eq!(
        error.to_string(),
        "event 2 (step.finished) makes no sense: step a3.verify.cinto-srv1.disk0 was not begun"
    );
}

#[test]
fn plans_without_a_way_are_refused_with_every_reason() {
    let mut lab = Lab::new();
    lab.servers()[0].transfer = Transfer::Agent;
    lab.servers()[1].transfer = Transfer::Converter;
    lab.servers()[2].transfer = Transfer::Agent;
    let tenant = &lab.inventory.tenants[&cinto()];
    let request = migration::Request { inventory: &lab.inventory, tenant, playbook: &lab.playbook, start: None };
    let refusals = migration::plan(&request).unwrap_err();
    let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "server cinto-srv1 is a domain controller: transfer `agent` would copy it while it runs",
            "server cinto-srv2: transfer `converter` needs `landing.vsphere`",
            "server cinto-srv3 runs Windows 7: transfer `agent` copies a running Linux only",
        ]
    );
    assert!(refusals.iter().all(|refusal| !refusal.hint().is_empty()));
}

#[test]
fn a_plan_is_the_same_each_time_and_its_ids_are_unique() {
    let lab = Lab::new();
    let (one, other) = (lab.plan(), lab.plan());
    assert_eq!(one.digest(), other.digest());
    let ids: BTreeSet<&str> = one.steps.iter().map(|step| step.id.0.as_str()).collect();
    assert_eq!(ids.len(), one.steps.len());
    assert!(ids.contains("a3.seed.cinto-srv1.disk0") && ids.contains("a5.final-sync.cinto-srv3.disk0"));
}

#[test]
fn mistakes_in_a_playbook_have_places() {
    let text = std::fs::read_to_string(project().join("playbooks/con-me-2.2.1.yaml")).unwrap();
    for (from, to, expected) in [
        ("      - do: seed\n", "      - do: sede\n", "sede"),
        ("      - do: seed\n", "", "it comes before the first copy"),
        ("          valid_hours: 12\n", "", "no gate before it says that the source is quiet"),
        ("id: quiet\n", "id: moved\n", "there are two gates"),
        ("days: [5, 7]", "days: [7, 5]", "the days are not a first and a last day"),
        ("activity: 2\n", "activity: 1\n", "not in rising order"),
        ("checklist: source\n", "checklist: dismissione\n", "dismissione"),
        ("      - do: end-test\n", "      - do: relocate\n", "it comes before the landing is accepted"),
    ] {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let broken = text.replacen(from, to, 1);
        let problems = migration::decode("playbook.yaml", broken.as_bytes()).unwrap_err();
        let found = problems.iter().find(|problem| problem.to_string().contains(expected));
        let found = found.unwrap_or_else(|| panic!("{expected}: {problems}"));
        assert!(found.place.is_some(), "{found}");
    }
}
