//! The ways back, and what must not happen on them: a server that moves after one that was taken back, a rollback in a
//! pause, the old server of one that is replaced, a machine that somebody else started.

use crate::support::memory::{Lab, Machine, TEMPO, cinto, new_machine};
use crate::support::town::Town;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use traghetto::migration::{
    Action, ByHand, Class, Decision, Ending, Evidence, Fact, Forecast, Held, Inputs, Known, Next, Record, Scope,
    Status, Step, StepId, StepState, Stop, Trouble, WayBack, in_use_since, is_to_withdraw, may_have_machine, next,
    way_back,
};
use traghetto::model::ServerId;
use traghetto::model::server::{Addressing, DirectoryWay, ServerRole, Transfer};

const FIRST: &str = "cinto-srv1";
const SECOND: &str = "cinto-srv2";

fn id(server: &str) -> ServerId {
    server.parse().unwrap()
}

/// Everything is ready, and the source is quiet.
async fn quiet(lab: Lab) -> Lab {
    lab.adopt().await;
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    lab.memory.with(|world| world.acts.clear());
    lab
}

async fn back(lab: &Lab, server: &str) {
    let (server, role, by) = (id(server), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.later(1);
    lab.write(Record::ServerRolledBack { server, role, by, reason: "no answer".into() }).await;
}

async fn blocked(lab: &Lab, only: Option<&str>) -> Vec<(StepId, Trouble)> {
    match lab.run_only(only).await {
        Ending::Blocked(troubles) => troubles,
        other => panic!("{other:?}"),
    }
}

/// The source of a server goes off, its address leads here, and its machine boots.
async fn moves(lab: &Lab, server: &str, only: Option<&str>) {
    blocked(lab, only).await;
    lab.memory.with(|world| world.sources_off.insert(server.into()));
    blocked(lab, only).await;
    lab.memory.with(|world| world.routed.insert(server.into()));
    blocked(lab, only).await;
}

fn held(trouble: &Trouble) -> Option<&Held> {
    trouble.source.downcast_ref()
}

#[tokio::test]
async fn a_server_after_one_that_was_taken_back_stops_before_its_fence_until_it_is_named() {
    let lab = quiet(Lab::with_machines()).await;
    back(&lab, FIRST).await;
    let troubles = blocked(&lab, None).await;
    let steps: Vec<&str> = troubles.iter().map(|(step, _)| step.0.as_str()).collect();
    assert_eq!(steps, ["a5.fence.cinto-srv2", "a5.fence.cinto-srv3"]);
    for (_, trouble) in &troubles {
        assert_eq!((trouble.class, held(trouble).unwrap().taken_back.as_slice()), (Class::Waiting, &[id(FIRST)][..]));
        assert!(trouble.reason().ends_with("moves after cinto-srv1, which was taken back"), "{}", trouble.reason());
        let hints = trouble.hints.join("\n");
        for words in ["taken back, it serves again", "migrate run cinto-caomaggiore --server cinto-srv", "--revoke"] {
            assert!(hints.contains(words), "{words}: {hints}");
        }
    }
    let acts = lab.memory.with(|world| world.acts.clone());
    assert_eq!(acts, ["copy cinto-srv2", "convert cinto-srv2", "copy cinto-srv3", "convert cinto-srv3"]);
    let (plan, state) = (lab.plan(), lab.state().await);
    let begun = |step: &str| *state.step(&StepId(step.into())) != StepState::Pending;
    assert!(!begun("a5.fence.cinto-srv2") && !begun("a5.fence.cinto-srv3"), "it was written down as begun");
    let now = *lab.clock.lock().unwrap();
    assert!(matches!(next(&plan, &state, &Scope::default(), now), Next::Blocked(_)));
    // Whoever names it has decided.
    let named = blocked(&lab, Some(SECOND)).await;
    assert_eq!((named[0].0.0.as_str(), held(&named[0].1)), ("a5.fence.cinto-srv2", None), "its source is on");
    moves(&lab, SECOND, Some(SECOND)).await;
    assert_eq!(lab.phase(SECOND).await, "booted");
    let left = blocked(&lab, None).await;
    assert!(left.iter().all(|(step, _)| step.0 == "a5.fence.cinto-srv3"), "{left:?}");
    // One that comes back into a new night holds nobody any more.
    let (server, role, by) = (id(FIRST), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.write(Record::ServerReentered { server, role, by, reason: "another night".into() }).await;
    let (state, fence) = (lab.state().await, StepId("a5.fence.cinto-srv3".into()));
    let step = plan.steps.iter().find(|step| step.id == fence).unwrap();
    assert_eq!(traghetto::migration::held(&plan, &state, step), None);
}

#[tokio::test]
async fn a_rollback_in_a_pause_makes_things_safe_and_nothing_else() {
    let lab = quiet(Lab::with_machines()).await;
    moves(&lab, FIRST, None).await;
    assert_eq!(lab.phase(FIRST).await, "booted");
    lab.write(Record::RunPaused { reason: "a call to the town".into() }).await;
    let (server, role, by) = (id(FIRST), "comune-referente".parse().unwrap(), "dario-pieve".parse().unwrap());
    lab.write_as("dario-pieve", Record::RollbackAsked { server, role, by, reason: "no logon".into() }).await;
    assert!(matches!(lab.run().await, Ending::Stopped(Stop::Paused)), "one side alone ended the pause");
    back(&lab, FIRST).await;
    lab.memory.with(|world| world.acts.clear());
    assert!(lab.withdraw_all().await.is_none());
    lab.memory.with(|world| {
        assert_eq!(world.acts, ["withdraw cinto-srv1"], "a pause is no reason to leave it on the network");
        assert_eq!(world.machines[FIRST], Machine::default());
    });
    assert!(matches!(lab.run().await, Ending::Stopped(Stop::Paused)));
    assert_eq!(lab.memory.with(|world| world.acts.len()), 1, "the pause is over by itself");
    assert_eq!((lab.phase(FIRST).await, lab.phase(SECOND).await), ("rolled-back", "paused"));
    lab.write(Record::run_started(None, None, "store")).await;
    let troubles = blocked(&lab, None).await;
    assert!(troubles.iter().any(|(_, trouble)| held(trouble).is_some_and(|held| held.server == id(SECOND))));
}

#[tokio::test]
async fn a_machine_that_somebody_connected_is_never_taken_for_ours() {
    let lab = quiet(Lab::with_machines()).await;
    blocked(&lab, None).await;
    lab.memory.with(|world| world.sources_off.insert(FIRST.into()));
    blocked(&lab, None).await;
    lab.memory.with(|world| {
        world.routed.insert(FIRST.into());
        world.machines.insert(FIRST.into(), Machine { on: true, connected: true });
    });
    // However often it is repeated: the source may be on again.
    for _ in 0..2 {
        let troubles = blocked(&lab, None).await;
        let (step, trouble) = &troubles[0];
        assert_eq!((step.0.as_str(), trouble.class), ("a5.boot.cinto-srv1", Class::CheckFailed));
        assert!(trouble.reason().contains("is connected already, and not by this migration"), "{}", trouble.reason());
        assert!(trouble.hints.join(" ").contains("look at the landing site now"), "{:?}", trouble.hints);
        lab.memory.with(|world| assert!(!world.acts.contains(&format!("connect {FIRST}"))));
    }
    assert_eq!(lab.phase(FIRST).await, "failed");
    lab.memory.with(|world| world.machines.insert(FIRST.into(), Machine { on: true, connected: false }));
    blocked(&lab, None).await;
    assert_eq!(lab.phase(FIRST).await, "booted");
}

/// The first source is seen off and its address leads here; its machine boots at the next run.
async fn before_the_boot() -> Lab {
    let lab = quiet(Lab::with_machines()).await;
    blocked(&lab, None).await;
    lab.memory.with(|world| world.sources_off.insert(FIRST.into()));
    blocked(&lab, None).await;
    lab.memory.with(|world| world.routed.insert(FIRST.into()));
    lab
}

fn plug_in(lab: &Lab, machine: Machine) {
    lab.memory.with(|world| {
        world.sources_off.remove(FIRST);
        world.machines.insert(FIRST.into(), machine);
    });
}

/// Somebody connected the machine while its source is on: source and copy are both on the network.
async fn is_refused(lab: &Lab) {
    for _ in 0..2 {
        let troubles = blocked(lab, None).await;
        let (step, trouble) = &troubles[0];
        assert_eq!((step.0.as_str(), trouble.class), ("a5.boot.cinto-srv1", Class::CheckFailed), "{troubles:?}");
        assert!(trouble.reason().contains("is connected already, and not by this migration"), "{}", trouble.reason());
    }
    assert_eq!(lab.phase(FIRST).await, "failed");
}

const CONNECTED: Machine = Machine { on: true, connected: true };
const APART: Machine = Machine { on: true, connected: false };

#[tokio::test]
async fn a_machine_that_was_found_apart_and_that_somebody_connected_is_not_ours() {
    let lab = before_the_boot().await;
    lab.memory.with(|world| world.sources_off.remove(FIRST));
    let troubles = blocked(&lab, None).await;
    assert!(troubles[0].1.reason().contains("still answers"), "{troubles:?}");
    plug_in(&lab, CONNECTED);
    is_refused(&lab).await;
}

#[tokio::test]
async fn a_machine_is_not_ours_because_nobody_could_be_asked() {
    let lab = before_the_boot().await;
    lab.memory.with(|world| world.landing_mute = true);
    let troubles = blocked(&lab, None).await;
    assert_eq!(troubles[0].1.class, Class::Unreachable);
    lab.memory.with(|world| world.landing_mute = false);
    plug_in(&lab, CONNECTED);
    is_refused(&lab).await;
}

#[tokio::test]
async fn a_machine_of_ours_that_somebody_pulled_out_and_plugged_in_is_not_ours_any_more() {
    let lab = before_the_boot().await;
    lab.memory.with(|world| world.mute.insert(FIRST.into()));
    let ours = async || lab.state().await.connecting.contains(&StepId("a5.boot.cinto-srv1".into()));
    for _ in 0..2 {
        let troubles = blocked(&lab, None).await;
        assert!(troubles[0].1.reason().contains("no answer") && ours().await, "{troubles:?}");
    }
    plug_in(&lab, APART);
    blocked(&lab, None).await;
    assert!(!ours().await);
    plug_in(&lab, CONNECTED);
    is_refused(&lab).await;
}

/// Journals of before `step.connecting`: a begin that says nothing of what was found.
#[tokio::test]
async fn what_an_older_program_began_to_boot_is_ours() {
    let lab = before_the_boot().await;
    let step = StepId("a5.boot.cinto-srv1".into());
    lab.write(Record::StepStarted { step, observed: serde_json::Value::Null }).await;
    lab.memory.with(|world| world.machines.insert(FIRST.into(), CONNECTED));
    blocked(&lab, None).await;
    assert_eq!(lab.phase(FIRST).await, "booted");
}

/// A file server that another machine replaces, and a Windows that moves after it.
fn replaced(landing: Addressing) -> Lab {
    let mut lab = Lab::with_machines();
    let servers = lab.servers();
    servers.truncate(2);
    let (first, access) = (&mut servers[0], new_machine());
    (first.transfer, first.directory, first.roles) = (Transfer::Replace, None, vec![ServerRole::File]);
    (first.landing, first.landing_access) = (landing, Some(access));
    lab
}

/// People do what the run waits for, until it waits for `wanted`.
async fn until(lab: &Lab, wanted: &str) {
    for _ in 0..40 {
        let step = match lab.run().await {
            Ending::Gate => {
                let gate = lab.gate().await;
                if gate == wanted {
                    return;
                }
                lab.sign(&gate).await;
                continue;
            }
            Ending::Blocked(troubles) => troubles[0].0.0.clone(),
            other => panic!("{other:?}"),
        };
        if step == wanted {
            return;
        }
        if step.contains(".manual.") {
            let (step, role, by) = (StepId(step), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
            lab.write(Record::StepStated { step, role, by, note: "visto".into() }).await;
        } else {
            let server = step.rsplit('.').next().unwrap().to_owned();
            lab.memory.with(|world| match step.contains(".fence.") {
                true => world.sources_off.insert(server),
                false => world.routed.insert(server),
            });
        }
    }
    panic!("{wanted} was never reached");
}

fn words(steps: &[&Step]) -> Vec<String> {
    steps
        .iter()
        .map(|step| match &step.action {
            Action::Manual(manual) => manual.manual.to_string(),
            other => other.word().to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn the_new_machine_gives_the_address_up_before_anything_else_is_done() {
    let lab = replaced(Addressing::Keep);
    lab.adopt().await;
    until(&lab, "a5.manual.address-taken.cinto-srv1").await;
    let undo = async |wanted: &[&str], may_be_used: bool| {
        let (plan, state) = (lab.plan(), lab.state().await);
        let WayBack::Open { undo, used } = way_back(&plan, &state, &id(FIRST)) else { panic!("it is closed") };
        assert_eq!(
            (words(&undo).as_slice(), used),
            (&wanted.iter().map(ToString::to_string).collect::<Vec<_>>()[..], may_be_used)
        );
    };
    undo(&["route", "fence", "service-moved"], true).await;
    lab.memory.with(|world| world.address_taken.insert(FIRST.into()));
    until(&lab, "a5.fence.cinto-srv2").await;
    undo(&["address-taken", "route", "fence", "service-moved"], true).await;
    back(&lab, FIRST).await;
    assert!(may_have_machine(&lab.plan(), &lab.state().await, &id(FIRST)));
    lab.memory.with(|world| world.acts.clear());
    for _ in 0..2 {
        let Ending::Withdrawing(server, trouble) = lab.run().await else { panic!("two machines, one address") };
        assert_eq!((server, trouble.class), (id(FIRST), Class::Waiting));
    }
    assert!(lab.memory.with(|world| world.acts.is_empty()), "something was done before");
    lab.memory.with(|world| world.address_taken.clear());
    let troubles = blocked(&lab, None).await;
    assert!(lab.state().await.withdrawn.contains(&id(FIRST)));
    let facts = withdrawn(&lab).await;
    assert_eq!((&facts["silent"][0], &facts["witness"]), (&json!("ping"), &json!("ping 192.0.2.254")));
    assert!(facts["duration"].as_f64().unwrap() >= TEMPO.silent_for.as_secs_f64(), "one look is no proof: {facts}");
    assert!(held(&troubles[0].1).is_some(), "{troubles:?}");
    assert_eq!(lab.phase(FIRST).await, "rolled-back");
    // Another night: what was undone is done again.
    let (server, role, by) = (id(FIRST), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.write(Record::ServerReentered { server, role, by, reason: "another night".into() }).await;
    let state = lab.state().await;
    let pending = |step: &str| *state.step(&StepId(format!("a5.{step}.cinto-srv1"))) == StepState::Pending;
    for step in ["manual.service-moved", "fence", "route", "manual.address-taken"] {
        assert!(pending(step), "{step}");
    }
}

/// What was found when the first server was seen to be off the network.
async fn withdrawn(lab: &Lab) -> Value {
    let events = lab.journal().await.events(&cinto()).await.unwrap();
    let found = events.iter().rfind(|event| event.kind == "server.withdrawn" && event.data["server"] == FIRST);
    found.unwrap().data["facts"].clone()
}

/// Why the first server, which is replaced and was taken back, is not counted as off the network.
async fn unproven(lab: &Lab) -> String {
    let Ending::Withdrawing(server, trouble) = lab.run().await else { panic!("the old server may go on") };
    assert_eq!((server, trouble.class), (id(FIRST), Class::Waiting));
    assert!(!lab.state().await.withdrawn.contains(&id(FIRST)));
    trouble.reason()
}

#[tokio::test]
async fn silence_proves_nothing_without_an_answer_before_routes_that_lead_here_and_a_witness() {
    let lab = replaced(Addressing::Keep);
    lab.adopt().await;
    lab.memory.with(|world| world.address_taken.insert(FIRST.into()));
    until(&lab, "a5.fence.cinto-srv2").await;
    back(&lab, FIRST).await;
    lab.memory.with(|world| (world.address_taken.clear(), world.routed.remove(FIRST)));
    // The routes are back already: the address leads to the town, where the old server is off.
    assert!(unproven(&lab).await.contains("no push is known to lead it to the landing site"));
    lab.memory.with(|world| (world.routed.insert(FIRST.into()), world.no_witness = true));
    assert!(unproven(&lab).await.contains("the link may be down"));
    lab.memory.with(|world| world.no_witness = false);
    assert!(matches!(lab.run().await, Ending::Blocked(_)));
    assert!(lab.state().await.withdrawn.contains(&id(FIRST)));
    // A new machine that answers nothing, as a Windows with its firewall.
    let mute = replaced(Addressing::Keep);
    mute.adopt().await;
    until(&mute, "a5.fence.cinto-srv2").await;
    back(&mute, FIRST).await;
    assert!(unproven(&mute).await.contains("never seen to answer there"));
}

#[tokio::test]
async fn one_that_cannot_be_taken_off_holds_up_no_other() {
    let lab = replaced(Addressing::Keep);
    lab.adopt().await;
    lab.memory.with(|world| world.address_taken.insert(FIRST.into()));
    until(&lab, "a5.fence.cinto-srv2").await;
    for done in [true, false] {
        lab.memory.with(|world| match done {
            true => world.sources_off.insert(SECOND.into()),
            false => world.routed.insert(SECOND.into()),
        });
        lab.run().await;
    }
    assert_eq!(lab.phase(SECOND).await, "booted");
    for server in [FIRST, SECOND] {
        back(&lab, server).await;
    }
    lab.memory.with(|world| world.acts.clear());
    let Some(Ending::Withdrawing(server, _)) = lab.withdraw_all().await else { panic!("it still has the address") };
    assert_eq!(server, id(FIRST), "the first trouble is told");
    assert_eq!(lab.memory.with(|world| world.acts.clone()), ["withdraw cinto-srv2"]);
    assert_eq!(lab.memory.with(|world| world.machines[SECOND]), Machine::default(), "its copy is on the network");
    let Ending::Withdrawing(server, _) = lab.run().await else { panic!("something else was done") };
    assert_eq!((server, lab.memory.with(|world| world.acts.len())), (id(FIRST), 1));
}

#[tokio::test]
async fn a_word_stands_for_the_address_where_nobody_can_ask() {
    let lab = replaced(Addressing::Keep);
    lab.adopt().await;
    until(&lab, "a5.fence.cinto-srv2").await;
    lab.memory.with(|world| world.address_taken.insert(FIRST.into()));
    back(&lab, FIRST).await;
    lab.later(1);
    assert!(is_to_withdraw(&lab.plan(), &lab.state().await, &id(FIRST)));
    let (server, role, by) = (id(FIRST), "comune-tecnico".parse().unwrap(), "elena-ponte".parse().unwrap());
    lab.write(Record::ServerStated { server, fact: Fact::MachineOff, role, by, note: "cavo staccato".into() }).await;
    assert!(matches!(lab.run().await, Ending::Blocked(_)));
    assert!(!is_to_withdraw(&lab.plan(), &lab.state().await, &id(FIRST)));
}

#[tokio::test]
async fn under_a_new_address_nothing_is_to_be_withdrawn() {
    let lab = replaced(Addressing::Renumber("10.64.4.10".parse().unwrap()));
    lab.adopt().await;
    until(&lab, "a5.fence.cinto-srv2").await;
    let (plan, state) = (lab.plan(), lab.state().await);
    let WayBack::Open { undo, used } = way_back(&plan, &state, &id(FIRST)) else { panic!("it is closed") };
    assert_eq!((words(&undo), used), (vec!["old-off".to_owned(), "service-moved".to_owned()], true));
    back(&lab, FIRST).await;
    assert!(!may_have_machine(&plan, &lab.state().await, &id(FIRST)));
}

#[tokio::test]
async fn a_demoted_controller_does_not_come_back() {
    let mut lab = replaced(Addressing::Keep);
    let first = &mut lab.servers()[0];
    (first.roles, first.directory) = (vec![ServerRole::Ad, ServerRole::Dns], Some(DirectoryWay::Replace));
    lab.adopt().await;
    until(&lab, "a5.manual.demoted.cinto-srv1").await;
    let (plan, state) = (lab.plan(), lab.state().await);
    let WayBack::Open { undo, used } = way_back(&plan, &state, &id(FIRST)) else { panic!("it is closed too early") };
    assert_eq!((words(&undo), used), (vec!["clients-moved".to_owned(), "roles-moved".to_owned()], true));
    // From the moment on at which somebody says so, whatever the probe will show.
    let (step, role, by) = (
        StepId("a5.manual.demoted.cinto-srv1".into()),
        "venis-sistemista".parse().unwrap(),
        "anna-veneto".parse().unwrap(),
    );
    lab.write(Record::StepStated { step: step.clone(), role, by, note: "visto".into() }).await;
    let closed = async || match way_back(&plan, &lab.state().await, &id(FIRST)) {
        WayBack::Closed(by) => by.id == step,
        WayBack::Open { .. } => false,
    };
    assert!(closed().await);
    lab.memory.with(|world| world.unseen.insert(step.0.clone()));
    // However often it is repeated: nobody has said anew what was done.
    for run in ["it is not seen", "it waits for a word", "it waits again"] {
        blocked(&lab, None).await;
        assert!(closed().await, "half demoted: {run}");
    }
    overridden(&lab, &step.0, ByHand::Skipped).await;
    assert!(closed().await, "half demoted, and left out");
    lab.memory.with(|world| world.unseen.clear());
    until(&lab, "quiet").await;
    assert!(closed().await);
}

/// One wants it, the other agrees.
async fn overridden(lab: &Lab, step: &str, way: ByHand) {
    let (step, role, by) = (StepId(step.into()), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.write(Record::OverrideAsked { step: step.clone(), way, role, by, reason: "no page".into() }).await;
    let first = lab.state().await.asked_by_hand[&step].first.clone();
    let (role, by) = ("comune-tecnico".parse().unwrap(), "elena-ponte".parse().unwrap());
    let second = Decision { role, by, operator: "elena-ponte".into(), ..first.clone() };
    lab.write_as("elena-ponte", Record::StepOverridden { step, way, first, second }).await;
}

/// A controller that another machine replaces.
fn controller() -> Lab {
    let mut lab = replaced(Addressing::Keep);
    let first = &mut lab.servers()[0];
    (first.roles, first.directory) = (vec![ServerRole::Ad, ServerRole::Dns], Some(DirectoryWay::Replace));
    lab
}

async fn undone(lab: &Lab) -> (Vec<String>, bool) {
    let (plan, state) = (lab.plan(), lab.state().await);
    let WayBack::Open { undo, used } = way_back(&plan, &state, &id(FIRST)) else { panic!("it is closed") };
    (words(&undo), used)
}

async fn since(lab: &Lab, server: &str) -> Option<jiff::Timestamp> {
    let events = lab.journal().await.events(&cinto()).await.unwrap();
    in_use_since(&lab.plan(), &lab.state().await, &events, &id(server))
}

#[tokio::test]
async fn what_was_left_out_is_not_undone_and_closes_no_way_back() {
    let lab = controller();
    lab.adopt().await;
    until(&lab, "a5.manual.clients-moved.cinto-srv1").await;
    overridden(&lab, "a5.manual.clients-moved.cinto-srv1", ByHand::Skipped).await;
    until(&lab, "a5.manual.demoted.cinto-srv1").await;
    overridden(&lab, "a5.manual.demoted.cinto-srv1", ByHand::Skipped).await;
    until(&lab, "quiet").await;
    assert_eq!(undone(&lab).await, (vec!["roles-moved".to_owned()], true));
}

/// What people said and nothing shows may be half done: it is undone, and both sides decide.
#[tokio::test]
async fn what_may_be_half_done_is_undone_and_in_use_since_people_said_so() {
    let lab = controller();
    lab.adopt().await;
    let step = "a5.manual.roles-moved.cinto-srv1";
    until(&lab, step).await;
    assert_eq!((undone(&lab).await, since(&lab, FIRST).await), ((Vec::new(), false), None));
    lab.later(1);
    let said = *lab.clock.lock().unwrap();
    let (role, by) = ("venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.write(Record::StepStated { step: StepId(step.into()), role, by, note: "visto".into() }).await;
    lab.memory.with(|world| world.unseen.insert(step.into()));
    for _ in 0..3 {
        lab.later(1);
        blocked(&lab, None).await;
        assert_eq!(undone(&lab).await, (vec!["roles-moved".to_owned()], true));
        assert_eq!(since(&lab, FIRST).await, Some(said));
    }
    back(&lab, FIRST).await;
    let (server, role, by) = (id(FIRST), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.write(Record::ServerReentered { server, role, by, reason: "another night".into() }).await;
    assert_eq!((undone(&lab).await, since(&lab, FIRST).await), ((Vec::new(), false), None), "it was undone");
}

#[tokio::test]
async fn what_two_persons_decided_is_in_use_since_then() {
    let lab = controller();
    lab.adopt().await;
    until(&lab, "a5.manual.roles-moved.cinto-srv1").await;
    lab.later(1);
    let decided = *lab.clock.lock().unwrap();
    overridden(&lab, "a5.manual.roles-moved.cinto-srv1", ByHand::Done).await;
    lab.later(1);
    until(&lab, "a5.manual.demoted.cinto-srv1").await;
    assert_eq!(since(&lab, FIRST).await, Some(decided));
}

/// The first boot was of a night that both sides gave up.
#[tokio::test]
async fn a_machine_is_in_use_since_the_boot_of_its_own_night() {
    let lab = quiet(Lab::with_machines()).await;
    let first = *lab.clock.lock().unwrap();
    moves(&lab, FIRST, None).await;
    assert_eq!(since(&lab, FIRST).await, Some(first));
    back(&lab, FIRST).await;
    assert!(lab.withdraw_all().await.is_none());
    let (server, role, by) = (id(FIRST), "venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.write(Record::ServerReentered { server, role, by, reason: "another night".into() }).await;
    assert_eq!(since(&lab, FIRST).await, None);
    lab.memory.with(|world| {
        (world.machines, world.sources_off, world.routed) = Default::default();
        world.converted.remove(FIRST);
    });
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    let second = *lab.clock.lock().unwrap();
    moves(&lab, FIRST, None).await;
    assert!(second > first);
    assert_eq!(since(&lab, FIRST).await, Some(second));
}

/// What users wrote on the new machine is back before they are.
#[tokio::test]
async fn users_come_back_after_their_data() {
    let lab = replaced(Addressing::Renumber("10.64.4.10".parse().unwrap()));
    lab.adopt().await;
    until(&lab, "a5.fence.cinto-srv2").await;
    let (plan, state) = (lab.plan(), lab.state().await);
    let WayBack::Open { undo, .. } = way_back(&plan, &state, &id(FIRST)) else { panic!("it is closed") };
    let texts: Vec<_> = undo
        .iter()
        .filter_map(|step| match &step.action {
            Action::Manual(manual) => manual.back.clone(),
            _ => None,
        })
        .collect();
    let (it, en) = (texts.iter().map(|one| &one.it), texts.iter().map(|one| &one.en));
    let (it, en) = (it.cloned().collect::<String>(), en.cloned().collect::<String>());
    for (text, data, users) in [
        (
            it,
            "riportare sul vecchio server ciò che gli utenti vi hanno scritto",
            "riportare le postazioni al suo indirizzo",
        ),
        (en, "bring what users wrote on it to the old server", "lead the clients back to its address"),
    ] {
        let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text}"));
        assert!(at(data) < at(users), "{text}");
    }
    let kept = replaced(Addressing::Keep).plan();
    let taken = kept.steps.iter().find(|step| step.id.0 == "a5.manual.address-taken.cinto-srv1").unwrap();
    let Action::Manual(manual) = &taken.action else { panic!("people do it") };
    let back = manual.back.as_ref().unwrap();
    assert!(back.en.contains("where data must come back give it the interim one"), "{}", back.en);
    assert!(back.it.contains("se vi sono dati da riportare, ridarle quello provvisorio"), "{}", back.it);
}

#[tokio::test]
async fn nothing_is_done_and_nobody_signs_once_everybody_was_taken_back() {
    let lab = quiet(Lab::with_machines()).await;
    for server in [FIRST, SECOND, "cinto-srv3"] {
        back(&lab, server).await;
    }
    assert!(matches!(lab.run().await, Ending::Nobody));
    assert!(lab.memory.with(|world| world.acts.is_empty()), "a checklist was walked for nobody");
}

#[test]
fn a_run_after_everybody_was_taken_back_asks_for_no_signature() {
    let town = Town::new();
    town.migrate(&["run"]).code(5);
    town.migrate(&["rollback", "--role", "venis-sistemista", "--reason", "x", "--yes"]).code(0);
    let told = town.migrate(&["run"]).code(5).stderr;
    assert!(told.contains("every server was taken back: nothing moves"), "{told}");
    assert!(told.contains("rollback cinto-caomaggiore --server SERVER --revoke --role ROLE --reason TEXT"), "{told}");
    assert!(!told.contains("Sign with") && !told.contains("May sign"), "{told}");
}

/// One that moves after two which were taken back, as each language says it, with both ways out.
#[tokio::test]
async fn two_that_were_taken_back_are_named_in_the_language_of_the_page() {
    let mut lab = Lab::with_machines();
    lab.servers()[2].after = vec![id(FIRST), id(SECOND)];
    let lab = quiet(lab).await;
    back(&lab, FIRST).await;
    back(&lab, SECOND).await;
    let troubles = blocked(&lab, None).await;
    let held = held(&troubles[0].1).unwrap();
    assert_eq!(held.to_string(), "cinto-srv3 moves after cinto-srv1 and cinto-srv2, which were taken back");
    assert!(held.hints(&cinto()).join("\n").contains("while cinto-srv1 and cinto-srv2 stay at the town"));
    let (plan, state, now) = (lab.plan(), lab.state().await, *lab.clock.lock().unwrap());
    let (events, tenant) = (lab.journal().await.events(&cinto()).await.unwrap(), &lab.inventory.tenants[&cinto()]);
    let evidence = Evidence::of(&events, &plan).unwrap();
    let known = Known { project: &lab.inventory.project, evidence: &evidence, now, begin: now };
    let status = Status::of(&Inputs {
        plan: &plan,
        forecast: &Forecast::of(tenant, &plan, &known),
        state: &state,
        events: &events,
        people: &lab.inventory.people,
        holder: None,
        replicas: &BTreeMap::new(),
        live: None,
        unsigned: &[],
        windows: &tenant.windows,
        now,
    });
    let what = &status.next.what;
    assert!(what.it.contains("dopo cinto-srv1 e cinto-srv2, già riportati indietro:"), "{}", what.it);
    assert!(what.en.contains("after cinto-srv1 and cinto-srv2, taken back:"), "{}", what.en);
    let not_safe = status.not_safe.iter().map(|one| format!("{}\n{}\n", one.it, one.en)).collect::<String>();
    for words in [
        "cinto-srv1 e cinto-srv2 vengono prima, e sono tornati indietro",
        "cinto-srv1 and cinto-srv2 move before, and were taken back",
    ] {
        assert!(not_safe.contains(words), "{words}: {not_safe}");
    }
    assert_eq!(status.next.command.unwrap(), "traghetto migrate run cinto-caomaggiore --server cinto-srv3");
    let or = "traghetto migrate rollback cinto-caomaggiore --server cinto-srv3 --role ROLE --reason TEXT";
    assert_eq!(status.next.or.unwrap(), or);
}

/// The old server of a demoted controller does not go on, whatever its fence waits for.
#[tokio::test]
async fn a_fence_says_what_is_safe_of_a_controller_that_was_demoted() {
    let lab = controller();
    lab.adopt().await;
    until(&lab, "a5.fence.cinto-srv1").await;
    let troubles = blocked(&lab, None).await;
    let hints = troubles[0].1.hints.join("\n");
    assert!(hints.contains("The old server does not come back") && !hints.contains("go on as it was"), "{hints}");
    let files = replaced(Addressing::Keep);
    files.adopt().await;
    until(&files, "a5.fence.cinto-srv1").await;
    let troubles = blocked(&files, None).await;
    let hints = troubles[0].1.hints.join("\n");
    assert!(hints.contains("by `migrate rollback` only") && !hints.contains("go on as it was"), "{hints}");
}
