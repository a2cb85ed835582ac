//! Whole nights of a town on a clock of their own, with faults at chosen moments, to every planned end. What
//! was typed, what the engine did and what it said is a golden file: read it as a story.

use crate::support::golden;
use crate::support::memory::{Lab, Line, SERVERS, cinto, new_machine};
use crate::support::played::Played;
use traghetto::checklist::Phase;
use traghetto::migration::{ByHand, Ending, Fact, Record, StepId, Stop};
use traghetto::model::ServerId;
use traghetto::model::server::{Addressing, DirectoryWay, Os, Transfer};
use traghetto::model::window::Window;

const ENGINEER: &str = "anna-veneto";
const TECHNICIAN: &str = "elena-ponte";
const HOUR: i64 = 3600;

/// A Friday night in June: the town hall is closed until Monday.
const NIGHT: (&str, &str) = ("2022-06-03T20:00", "2022-06-04T06:00");
/// The Friday after.
const SECOND_NIGHT: (&str, &str) = ("2022-06-10T20:00", "2022-06-11T06:00");

fn windows(nights: &[(&str, &str)]) -> Vec<Window> {
    let window = |(from, until): &(&str, &str)| {
        Window::new(from.parse().unwrap(), until.parse().unwrap(), Vec::new(), Window::GO_BACK_PERCENT).unwrap()
    };
    nights.iter().map(window).collect()
}

fn id(server: &str) -> ServerId {
    server.parse().unwrap()
}

fn sign_line(server: &str, fact: &str, note: &str) -> String {
    format!("migrate sign {} {fact} --server {server} --role comune-tecnico --note '{note}'", cinto())
}

/// The technician states a fact of a server.
async fn states(night: &mut Played, server: &str, fact: Fact, word: &str, note: &str) {
    let (role, by) = ("comune-tecnico".parse().unwrap(), TECHNICIAN.parse().unwrap());
    let record = Record::ServerStated { server: id(server), fact, role, by, note: note.into() };
    night.says(TECHNICIAN, &sign_line(server, word, note), record).await;
}

/// Activities 1 to 4, told in short: the replicas are at the SAD, the move is signed, the source is quiet.
async fn ready(nights: &[(&str, &str)]) -> Played {
    let mut lab = Lab::with_machines();
    lab.inventory.tenants.get_mut(&cinto()).unwrap().windows = windows(nights);
    let mut night = Played::new(lab, "2022-05-30T09:00");
    night.title("Activities 1 to 4");
    night.lab.adopt().await;
    night.lab.memory.with(|world| {
        world.takes = SERVERS.map(|server| (format!("copy {server}"), 9 * HOUR)).into();
    });
    for gate in ["landing-ready", "source-checked", "test-accepted", "move-planned"] {
        night.run(ENGINEER).await;
        let (role, by) = ("sad-validatore", "carla-riva");
        night.signs(gate, role, by).await;
        if !["landing-ready", "test-accepted"].contains(&gate) {
            night.signs(gate, "comune-referente", "dario-pieve").await;
        }
    }
    night.lab.memory.with(|world| {
        world.takes = SERVERS.map(|server| (format!("copy {server}"), HOUR / 2)).into();
    });
    night
}

/// The afternoon's sync, then the window opens: the sources are quiet, and both who execute say so.
async fn opens(night: &mut Played, day: &str, title: &str) {
    night.until(&format!("{day}T17:00"));
    night.title(title);
    night.run(ENGINEER).await;
    night.until(&format!("{day}T20:00"));
    night.signs("quiet", "venis-sistemista", ENGINEER).await;
    night.signs("quiet", "comune-tecnico", TECHNICIAN).await;
}

/// The technician pulls the plug of one server.
fn off(night: &mut Played, server: &str) {
    night.happens(&format!("{TECHNICIAN} switches {server} off"), |world| {
        world.sources_off.insert(server.into());
    });
}

fn routed(night: &mut Played, server: &str) {
    night.happens(&format!("the routers lead the address of {server} to the SAD"), |world| {
        world.routed.insert(server.into());
    });
}

/// Every source that is off and every address that leads here, until the landing is checked.
async fn through(night: &mut Played) {
    night.run(ENGINEER).await;
    for server in SERVERS {
        if night.lab.memory.with(|world| !world.sources_off.contains(server)) {
            off(night, server);
            night.run(ENGINEER).await;
        }
        if night.lab.memory.with(|world| !world.routed.contains(server)) {
            routed(night, server);
            night.run(ENGINEER).await;
        }
    }
}

/// The landing is checked again, and both sides accept it.
async fn accepted(night: &mut Played) {
    accepted_of(night, &SERVERS).await;
}

async fn accepted_of(night: &mut Played, servers: &[&str]) {
    night.run(ENGINEER).await;
    night.signs("landing-accepted", "comune-referente", "dario-pieve").await;
    night.signs("landing-accepted", "sad-validatore", "carla-riva").await;
    for server in servers {
        assert_eq!(night.lab.phase(server).await, "accepted");
    }
}

fn rollback_line(server: &str, role: &str, reason: &str) -> String {
    format!("migrate rollback {} --server {server} --role {role} --reason '{reason}' --yes", cinto())
}

/// Both sides take a server back: users may have written to its copy.
async fn taken_back(night: &mut Played, server: &str, reason: &str) {
    let (role, by) = ("venis-sistemista".parse().unwrap(), ENGINEER.parse().unwrap());
    let asked = Record::RollbackAsked { server: id(server), role, by, reason: reason.into() };
    night.says(ENGINEER, &rollback_line(server, "venis-sistemista", reason), asked).await;
    let (role, by) = ("comune-referente".parse().unwrap(), "dario-pieve".parse().unwrap());
    let back = Record::ServerRolledBack { server: id(server), role, by, reason: reason.into() };
    night.says("dario-pieve", &rollback_line(server, "comune-referente", reason), back).await;
}

#[tokio::test]
async fn a_night_with_faults_ends_accepted() {
    let mut night = ready(&[NIGHT]).await;
    opens(&mut night, "2022-06-03", "The night: the link falls, the host is lost, a check fails").await;
    night.status().await;
    night.happens("the link falls", |world| world.off.extend(SERVERS.map(str::to_owned)));
    night.run(ENGINEER).await;
    night.until("2022-06-03T20:20");
    night.happens("the link is back", |world| world.off.clear());
    night.killed(ENGINEER, 0, "the operations host loses its power before it hears that the copy is whole").await;
    night.until("2022-06-03T21:10");
    night.run(ENGINEER).await;
    night.status().await;
    night.handover(ENGINEER, 4).await;
    off(&mut night, "cinto-srv1");
    night.happens("nothing of the LAN answers: its switch has no power either", |world| world.no_witness = true);
    night.run(ENGINEER).await;
    states(&mut night, "cinto-srv1", Fact::SourceOff, "source-off", "spento, cavo staccato").await;
    night.run(ENGINEER).await;
    night.happens("the switch has power again", |world| world.no_witness = false);
    routed(&mut night, "cinto-srv1");
    night.lab.memory.with(|world| world.failing.insert(Phase::Landing, "L-DNS-01: cinto-srv1 answers no name".into()));
    through(&mut night).await;
    night.status().await;
    night.happens("the service DNS is started on cinto-srv1", |world| world.failing.clear());
    accepted(&mut night).await;
    golden("played/accepted.txt", &night.text);
}

#[tokio::test]
async fn a_night_in_which_a_copy_stays_mute_is_rolled_back() {
    let mut night = ready(&[NIGHT]).await;
    opens(&mut night, "2022-06-03", "The night: the copy of cinto-srv1 never answers").await;
    night.lab.memory.with(|world| world.mute.insert("cinto-srv1".into()));
    night.run(ENGINEER).await;
    off(&mut night, "cinto-srv1");
    night.run(ENGINEER).await;
    routed(&mut night, "cinto-srv1");
    night.run(ENGINEER).await;
    night.until("2022-06-03T23:20");
    night.status().await;
    taken_back(&mut night, "cinto-srv1", "la copia non risponde").await;
    night.run(ENGINEER).await;
    night.lab.memory.with(|world| {
        let machine = world.machines["cinto-srv1"];
        assert!(!machine.on && !machine.connected, "source and copy would both be on the network");
        assert!(!world.machines.contains_key("cinto-srv2"), "it moved after a server that was taken back");
    });
    night.happens(
        "the routers lead the address of cinto-srv1 back; elena-ponte boots it from its own disks",
        |world| {
            world.routed.remove("cinto-srv1");
            world.sources_off.remove("cinto-srv1");
        },
    );
    night.status().await;
    by_name(&mut night, "cinto-srv2").await;
    back_at_once(&mut night, "cinto-srv3", "senza cinto-srv1 non serve qui").await;
    night.run(ENGINEER).await;
    night.status().await;
    let mut phases = Vec::new();
    for server in SERVERS {
        phases.push(night.lab.phase(server).await);
    }
    assert_eq!(phases, ["rolled-back", "booted", "rolled-back"]);
    golden("played/rolled_back.txt", &night.text);
}

/// People name a server that the run does not move by itself, until its machine serves.
async fn by_name(night: &mut Played, server: &str) {
    night.run_only(ENGINEER, server).await;
    off(night, server);
    night.run_only(ENGINEER, server).await;
    routed(night, server);
    night.run_only(ENGINEER, server).await;
}

/// One person takes a server back on whose copy nobody can have written.
async fn back_at_once(night: &mut Played, server: &str, reason: &str) {
    let (role, by) = ("venis-sistemista".parse().unwrap(), ENGINEER.parse().unwrap());
    let back = Record::ServerRolledBack { server: id(server), role, by, reason: reason.into() };
    night.says(ENGINEER, &rollback_line(server, "venis-sistemista", reason), back).await;
}

/// A run begins: it names the state store that drives, and ends a pause.
async fn begins(night: &Played) {
    let store = night.lab.journal().await.store_id().to_owned();
    night.lab.write(Record::run_started(None, None, &store)).await;
}

#[tokio::test]
async fn a_night_on_lte_waits_for_the_line_and_is_cut_short() {
    let mut night = ready(&[NIGHT]).await;
    let mut line = Line::of(&night.lab.inventory);
    line.falls_at = Some(("cinto-srv1", 40));
    opens(&mut night, "2022-06-03", "The night: the primary line fails, twice").await;
    night.lab.memory.with(|world| world.line = Some(line));
    night.run_until_held(ENGINEER).await;
    night.notices().await;
    night.until("2022-06-03T20:40");
    night.status().await;
    assert_eq!(night.lab.memory.with(|world| world.safe["cinto-srv1"]), 40, "the LTE backup carried a copy");
    night.until("2022-06-03T21:10");
    night.happens("the carrier has mended the primary line", |world| {
        let line = world.line.as_mut().unwrap();
        (line.on_lte, line.falls_at, world.held) = (false, Some(("cinto-srv2", 25)), false);
    });
    night.goes_on().await;
    off(&mut night, "cinto-srv1");
    night.run(ENGINEER).await;
    routed(&mut night, "cinto-srv1");
    night.run_until_held(ENGINEER).await;
    night.notices().await;
    night.until("2022-06-04T01:32");
    night.notices().await;
    night.status().await;
    cut_short(&mut night).await;
    golden("played/lte.txt", &night.text);
}

/// The run is paused; in the pause the servers that have not moved are taken back; what moved is accepted.
async fn cut_short(night: &mut Played) {
    let why = "LTE fino al mattino, si tiene cinto-srv1";
    let line = format!("migrate pause {} --reason '{why}'", cinto());
    night.says(ENGINEER, &line, Record::RunPaused { reason: why.into() }).await;
    let ending = night.goes_on().await;
    assert!(matches!(ending, Ending::Stopped(Stop::Paused)), "{ending:?}");
    let acts = night.lab.memory.with(|world| world.acts.len());
    for server in ["cinto-srv2", "cinto-srv3"] {
        back_at_once(night, server, "linea primaria guasta").await;
    }
    night.status().await;
    assert_eq!(night.lab.memory.with(|world| world.acts.len()), acts, "something was done in a pause");
    begins(night).await;
    accepted_of(night, &["cinto-srv1"]).await;
    assert_eq!(night.lab.phase("cinto-srv2").await, "rolled-back");
}

#[tokio::test]
async fn a_night_whose_host_is_lost_goes_on_from_the_mirror() {
    let mut night = ready(&[NIGHT]).await;
    begins(&night).await;
    let mut line = Line::of(&night.lab.inventory);
    line.host_lost_at = Some(("cinto-srv1", 60));
    opens(&mut night, "2022-06-03", "The night: the operations host is lost with its state store").await;
    night.lab.memory.with(|world| world.line = Some(line));
    night.host_lost(ENGINEER, "the operations host is lost; its storage is attached to another").await;
    let done = night.lab.memory.with(|world| world.acts.len());
    night.until("2022-06-03T20:45");
    night.adopts(ENGINEER, "host operativo perso").await;
    night.status().await;
    through(&mut night).await;
    accepted(&mut night).await;
    night.lab.memory.with(|world| {
        assert_eq!(world.sent["cinto-srv1"], 100, "what was acknowledged was sent again");
        let after = &world.acts[done..];
        for server in SERVERS {
            let count = |act: &str| after.iter().filter(|one| **one == format!("{act} {server}")).count();
            assert_eq!((count("copy"), count("verify"), count("clone"), count("convert")), (1, 0, 0, 1), "{after:?}");
        }
        assert!(!after.contains(&"prepare".to_owned()), "{after:?}");
    });
    golden("played/adopted.txt", &night.text);
}

#[tokio::test]
async fn a_night_that_is_too_late_is_postponed_to_the_next_window() {
    let mut night = ready(&[NIGHT, SECOND_NIGHT]).await;
    opens(&mut night, "2022-06-03", "The night: the last copy takes until three").await;
    night.lab.memory.with(|world| world.takes.insert("copy cinto-srv1".into(), 7 * HOUR));
    night.run(ENGINEER).await;
    night.status().await;
    night.until("2022-06-06T09:00");
    night.title("Monday: nothing was moved, users work on the sources");
    night.run(ENGINEER).await;
    night.lab.memory.with(|world| world.takes.insert("copy cinto-srv1".into(), HOUR / 2));
    night.until("2022-06-10T17:00");
    night.title("The week after: the replicas are read again, and the second window opens");
    for server in SERVERS {
        let (server, disk, root) = (id(server), "disk0".parse().unwrap(), "1".into());
        let line = format!("migrate verify {} --server {server}", cinto());
        night.says(ENGINEER, &line, Record::ReplicaVerified { server, disk, holds: true, root }).await;
    }
    night.until("2022-06-10T20:00");
    night.signs("quiet", "venis-sistemista", ENGINEER).await;
    night.signs("quiet", "comune-tecnico", TECHNICIAN).await;
    through(&mut night).await;
    accepted(&mut night).await;
    golden("played/postponed.txt", &night.text);
}

/// A controller that a new one replaces, a Windows that a person moves with Converter, a Linux that is copied while
/// it runs.
fn mixed(nights: &[(&str, &str)]) -> Lab {
    let mut lab = Lab::with_converter(Transfer::ConverterAssisted);
    let servers = lab.servers();
    (servers[0].transfer, servers[0].directory) = (Transfer::Replace, Some(DirectoryWay::Replace));
    (servers[0].landing, servers[0].landing_access) = (Addressing::Keep, Some(new_machine()));
    (servers[2].transfer, servers[2].os) = (Transfer::Agent, Os::Linux("Debian 7".into()));
    lab.inventory.tenants.get_mut(&cinto()).unwrap().windows = windows(nights);
    lab.memory.with(|world| world.by_hand = true);
    lab
}

/// What a person does about the step at which a run stopped.
async fn a_person_acts(night: &mut Played, step: &str) {
    let server = step.split('.').find(|part| SERVERS.contains(part)).unwrap_or_default().to_owned();
    if step.contains(".clients-moved.") {
        // The firewall's page is out of order: two persons decide that what was seen on paper counts.
        let (id, reason) = (StepId(step.into()), "pagina del firewall guasta, DHCP visto sul posto".to_owned());
        let line = |role: &str| format!("migrate override {} {step} --done --role {role} --reason '{reason}'", cinto());
        let (role, by) = ("venis-sistemista".parse().unwrap(), ENGINEER.parse().unwrap());
        let asked = Record::OverrideAsked { step: id.clone(), way: ByHand::Done, role, by, reason: reason.clone() };
        night.says(ENGINEER, &line("venis-sistemista"), asked).await;
        let first = night.lab.state().await.asked_by_hand[&id].first.clone();
        let second = traghetto::migration::Decision {
            role: "comune-tecnico".parse().unwrap(),
            by: TECHNICIAN.parse().unwrap(),
            operator: TECHNICIAN.into(),
            time: first.time.clone(),
            reason: reason.clone(),
        };
        let decided = Record::StepOverridden { step: id, way: ByHand::Done, first, second };
        night.says(TECHNICIAN, &line("comune-tecnico"), decided).await;
    } else if step.contains(".manual.") {
        let (role, by) = ("venis-sistemista".parse().unwrap(), ENGINEER.parse().unwrap());
        let said = Record::StepStated { step: StepId(step.into()), role, by, note: "visto".into() };
        let line = format!("migrate sign {} {step} --role venis-sistemista --note visto", cinto());
        night.says(ENGINEER, &line, said).await;
        if step.contains(".address-taken.") {
            night.lab.memory.with(|world| {
                assert!(world.sources_off.contains(&server), "two machines, one address");
                world.address_taken.insert(server);
            });
        }
    } else if step.contains(".seed.") {
        states(night, &server, Fact::Copied, "copied", "Converter: prima copia conclusa").await;
    } else if step.contains(".final-sync.") {
        states(night, &server, Fact::Finalised, "finalised", "Converter: ultima sincronizzazione conclusa").await;
    } else if step.contains(".fence.") {
        off(night, &server);
    } else if step.contains(".route.") {
        routed(night, &server);
    } else {
        panic!("{step} waits for nobody known");
    }
}

/// Goes on to a gate, or until a step waits for people, and does and signs what comes before it.
async fn to(night: &mut Played, wanted: &str) {
    for _ in 0..60 {
        match night.run(ENGINEER).await {
            Ending::Gate => {
                let next = night.lab.gate().await;
                if next == wanted {
                    return;
                }
                let signers: &[(&str, &str)] = match next.as_str() {
                    "landing-ready" | "test-accepted" => &[("sad-validatore", "carla-riva")],
                    _ => &[("sad-validatore", "carla-riva"), ("comune-referente", "dario-pieve")],
                };
                for (role, by) in signers {
                    night.signs(&next, role, by).await;
                }
            }
            Ending::Blocked(troubles) => {
                let step = troubles[0].0.0.clone();
                if step == wanted {
                    return;
                }
                a_person_acts(night, &step).await;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("{wanted} was never reached");
}

/// The mixed town up to the gate at which its sources are quiet, or to a step before it.
async fn mixed_up_to(wanted: &str, nights: &[(&str, &str)]) -> Played {
    let mut night = Played::new(mixed(nights), "2022-06-03T09:00");
    night.title("A controller is replaced, a Windows goes by Converter, a Linux by our own copy");
    night.lab.adopt().await;
    to(&mut night, wanted).await;
    night
}

async fn quiet(night: &mut Played, at: &str, title: &str) {
    night.until(at);
    night.title(title);
    night.signs("quiet", "venis-sistemista", ENGINEER).await;
    night.signs("quiet", "comune-tecnico", TECHNICIAN).await;
}

#[tokio::test]
async fn a_mixed_town_is_accepted() {
    let mut night = mixed_up_to("quiet", &[NIGHT]).await;
    quiet(&mut night, NIGHT.0, "The night, with a shift that changes in the middle of it").await;
    night.run(ENGINEER).await;
    night.handover(ENGINEER, 2).await;
    to(&mut night, "landing-accepted").await;
    night.status().await;
    accepted(&mut night).await;
    // The new machine has its address before those that move after it.
    let acts = night.lab.memory.with(|world| world.acts.clone());
    let at = |act: &str| acts.iter().position(|one| one == act).unwrap_or_else(|| panic!("{act}: {acts:?}"));
    assert!(at("ask a5.manual.address-taken.cinto-srv1") < at("transfer cinto-srv2 Last"));
    golden("played/mixed.txt", &night.text);
}

/// Until its demotion the old controller takes its place again; what moves after it moves by name only.
#[tokio::test]
async fn a_mixed_town_is_taken_back() {
    let mut night = mixed_up_to("a5.manual.demoted.cinto-srv1", &[NIGHT]).await;
    night.title("The new controller does not serve the clients: the old one is kept");
    taken_back(&mut night, "cinto-srv1", "le postazioni non accedono").await;
    night.undone_by_hand("cinto-srv1").await;
    let Ending::Gate = night.run(ENGINEER).await else { panic!("it does not wait for quiet") };
    quiet(&mut night, NIGHT.0, "The night: nothing moves by itself after a controller that was taken back").await;
    night.run(ENGINEER).await;
    a_person_acts(&mut night, "a5.final-sync.cinto-srv2").await;
    night.run(ENGINEER).await;
    night.status().await;
    night.lab.memory.with(|world| {
        assert!(world.machines.is_empty() && world.sources_off.is_empty());
        world.mute.insert("cinto-srv2".into());
    });
    by_name(&mut night, "cinto-srv2").await;
    taken_back(&mut night, "cinto-srv2", "nessun servizio risponde").await;
    night.run(ENGINEER).await;
    back_at_once(&mut night, "cinto-srv3", "tutto il Comune resta in sede").await;
    night.happens("cinto-srv2 is led back and boots from its own disks", |world| {
        assert!(!world.machines["cinto-srv2"].connected, "source and copy would both be on the network");
        world.routed.clear();
        world.sources_off.clear();
    });
    night.status().await;
    for server in SERVERS {
        assert_eq!(night.lab.phase(server).await, "rolled-back");
    }
    let ending = night.run(ENGINEER).await;
    assert!(matches!(ending, Ending::Nobody), "{ending:?}");
    golden("played/mixed_rolled_back.txt", &night.text);
}

/// What the new controller has it keeps; the others wait for the next window.
#[tokio::test]
async fn a_mixed_town_is_postponed() {
    let mut night = mixed_up_to("quiet", &[NIGHT, SECOND_NIGHT]).await;
    quiet(&mut night, NIGHT.0, "The night: Converter is still copying at three").await;
    to(&mut night, "a5.final-sync.cinto-srv2").await;
    night.until("2022-06-04T03:05");
    a_person_acts(&mut night, "a5.final-sync.cinto-srv2").await;
    night.run(ENGINEER).await;
    night.status().await;
    night.until("2022-06-06T09:00");
    night.title("Monday: the new controller serves, users work on the other sources");
    night.run(ENGINEER).await;
    night.until("2022-06-10T17:00");
    night.title("The week after: the replica is read again, and the second window opens");
    let (server, disk, root) = (id("cinto-srv3"), "disk0".parse().unwrap(), "1".into());
    let line = format!("migrate verify {} --server {server}", cinto());
    night.says(ENGINEER, &line, Record::ReplicaVerified { server, disk, holds: true, root }).await;
    let asked = night.lab.memory.with(|world| world.acts.len());
    quiet(&mut night, SECOND_NIGHT.0, "The second night").await;
    to(&mut night, "landing-accepted").await;
    accepted(&mut night).await;
    let acts = night.lab.memory.with(|world| world.acts[asked..].to_vec());
    assert!(!acts.iter().any(|act| act.contains("cinto-srv1")), "the new controller was asked again: {acts:?}");
    golden("played/mixed_postponed.txt", &night.text);
}
