//! The ways back, and what must not happen on them: a server that moves after one that was taken back, a rollback in a
//! pause, the old server of one that is replaced, a machine that somebody else started.

use crate::support::memory::{Lab, Machine, TEMPO, cinto};
use serde_json::{Value, json};
use traghetto::migration::{
    Action, Class, Ending, Fact, Held, Next, Record, Scope, Step, StepId, StepState, Stop, Trouble, WayBack,
    is_to_withdraw, may_have_machine, next, way_back,
};
use traghetto::model::ServerId;
use traghetto::model::server::{Access, Addressing, DirectoryWay, Login, ServerRole, SshProfile, Transfer};

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

/// A file server that another machine replaces, and a Windows that moves after it.
fn replaced(landing: Addressing) -> Lab {
    let mut lab = Lab::with_machines();
    let servers = lab.servers();
    servers.truncate(2);
    let (first, access) = (&mut servers[0], access());
    (first.transfer, first.directory, first.roles) = (Transfer::Replace, None, vec![ServerRole::File]);
    (first.landing, first.landing_access) = (landing, Some(access));
    lab
}

fn access() -> Access {
    Access {
        host: "192.0.2.77".into(),
        port: 22,
        user: "root".into(),
        login: Login::Agent,
        host_key: None,
        ssh_profile: SshProfile::Modern,
        via: None,
    }
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
    blocked(&lab, None).await;
    assert!(closed().await, "half demoted");
    lab.memory.with(|world| world.unseen.clear());
    until(&lab, "quiet").await;
    assert!(closed().await);
}
