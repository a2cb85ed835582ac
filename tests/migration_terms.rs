//! What is signed of a move over an in-memory world: where its terms change, its signatures count no more and
//! activity 5 does not begin; and `migrate report cutover`.

use crate::support::memory::{Lab, cinto};
use crate::support::{Sandbox, golden, project};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;
use traghetto::document::cutover::{self, CutoverPlan};
use traghetto::document::verbale::Language;
use traghetto::inventory;
use traghetto::migration::{self, Ending, Evidence, Forecast, Known, Lengths, Request, gates};
use traghetto::model::Inventory;
use traghetto::model::project::{LabCommands, LandingMachines};
use traghetto::model::window::Window;

const CINTO: &str = "inventory/tenants/cinto-caomaggiore.yaml";
const PEOPLE: &str = "inventory/people.yaml";

fn window(from: &str, until: &str) -> Window {
    Window::new(from.parse().unwrap(), until.parse().unwrap(), Vec::new(), Window::GO_BACK_PERCENT).unwrap()
}

fn agree(lab: &mut Lab, windows: &[Window]) {
    lab.inventory.tenants.get_mut(&cinto()).unwrap().windows = windows.to_vec();
}

fn acts(lab: &Lab) -> usize {
    lab.memory.with(|world| world.acts.len())
}

/// What has changed since gate `move-planned` was signed, and whether it is open.
async fn move_planned(lab: &Lab) -> (Vec<String>, bool) {
    let (plan, state, now) = (lab.plan(), lab.state().await, *lab.clock.lock().unwrap());
    let all = gates(&plan, &state, now);
    let gate = all.iter().find(|gate| gate.gate.gate.as_str() == "move-planned").unwrap();
    (gate.changed.clone(), gate.is_open())
}

#[tokio::test]
async fn where_the_window_changes_after_the_signatures_activity_5_does_not_begin() {
    let mut lab = Lab::with_machines();
    agree(&mut lab, &[window("2022-06-01T20:00", "2022-06-02T06:00")]);
    lab.adopt().await;
    lab.up_to("move-planned").await;
    lab.sign("move-planned").await;
    assert_eq!(move_planned(&lab).await, (Vec::new(), true));

    let before = acts(&lab);
    agree(&mut lab, &[window("2022-06-01T21:00", "2022-06-02T06:00")]);
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(acts(&lab), before, "nothing of activity 5 began");
    assert_eq!(lab.gate().await, "move-planned");
    let (changed, open) = move_planned(&lab).await;
    assert!(!open);
    let from = "windows.1.from: 2022-06-01T20:00:00+02:00 becomes 2022-06-01T21:00:00+02:00";
    assert!(changed.contains(&from.to_owned()), "{changed:?}");
    assert!(changed.iter().all(|line| line.starts_with("windows.1.")), "{changed:?}");

    lab.sign("move-planned").await;
    assert!(matches!(lab.run().await, Ending::Gate));
    assert!(acts(&lab) > before);
    assert_eq!(lab.gate().await, "quiet");
    // Days later, when the test machines are gone: the tests are not asked again.
    lab.later(30);
    let before = acts(&lab);
    agree(&mut lab, &[window("2022-06-03T21:00", "2022-06-04T06:00")]);
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!((acts(&lab), lab.gate().await.as_str()), (before, "move-planned"));
    lab.sign("move-planned").await;
    assert_eq!(move_planned(&lab).await, (Vec::new(), true));
    // The first window again: the first signatures approve it again.
    agree(&mut lab, &[window("2022-06-01T20:00", "2022-06-02T06:00")]);
    assert_eq!(move_planned(&lab).await, (Vec::new(), true));
}

#[tokio::test]
async fn contacts_order_and_the_choice_are_signed_and_hours_that_pass_are_not() {
    let mut lab = Lab::with_machines();
    let signed = lab.plan().terms;
    lab.later(100);
    assert_eq!(lab.plan().terms.digest(), signed.digest());
    assert_eq!(migration::CutoverTerms::digest_of(&signed.record()), signed.digest());

    lab.inventory.people.persons.get_mut(&"elena-ponte".parse().unwrap()).unwrap().contact = Some("+39 1".into());
    let contact = "contacts.elena-ponte.contact: +39 0421 555 0105 becomes +39 1";
    assert_eq!(lab.plan().terms.changes_from(&signed.record()), [contact]);
    let signed = lab.plan().terms;
    lab.inventory.project.terms.prevails = traghetto::model::project::Prevails::Plan;
    assert_eq!(lab.plan().terms.changes_from(&signed.record()), ["quiet.prevails: quiet_period becomes plan"]);
    let signed = lab.plan().terms;
    lab.servers().swap(1, 2);
    let order = "order of the servers: cinto-srv1, cinto-srv2, cinto-srv3 becomes cinto-srv1, cinto-srv3, cinto-srv2";
    assert_eq!(lab.plan().terms.changes_from(&signed.record()), [order]);
    let signed = lab.plan().terms;
    lab.servers()[0].services_stop = vec!["postgresql".into()];
    let stops = "servers.cinto-srv1.services_stop: [] becomes [postgresql]";
    assert_eq!(lab.plan().terms.changes_from(&signed.record()), [stops]);
}

#[tokio::test]
async fn once_all_have_moved_what_was_signed_stands() {
    let mut lab = Lab::new();
    lab.adopt().await;
    lab.up_to("landing-accepted").await;
    lab.inventory.people.persons.get_mut(&"elena-ponte".parse().unwrap()).unwrap().contact = Some("+39 1".into());
    assert!(move_planned(&lab).await.1, "nobody signs again what is over");
    assert!(matches!(lab.run().await, Ending::Gate));
    assert_eq!(lab.gate().await, "landing-accepted");
}

/// Page, notice and value of Cinto's move on a night of June 2022.
fn papers(inventory: &Inventory, language: Language) -> (String, String, Value) {
    let tenant = &inventory.tenants[&cinto()];
    let bytes = std::fs::read(project().join("playbooks/con-me-2.2.1.yaml")).unwrap();
    let playbook = migration::decode("con-me-2.2.1.yaml", &bytes).unwrap();
    let start = Some("2022-06-01".parse().unwrap());
    let plan = migration::plan(&Request { inventory, tenant, playbook: &playbook, start }).unwrap();
    let evidence = Evidence::of(&[], &plan).unwrap();
    let forecast = |now| {
        let project = &inventory.project;
        Forecast::of(tenant, &plan, &Known { project, evidence: &evidence, now, begin: now })
    };
    let launches = BTreeMap::from([("cinto-srv1".parse().unwrap(), 540)]);
    let lengths = Lengths { forecast: &forecast, launches: &launches, now: "2022-06-01T08:00:00Z".parse().unwrap() };
    let nights = migration::schedule(&plan, &tenant.windows, &lengths);
    let state = migration::RunState::of(&[]).unwrap();
    let quiet = migration::quiet_period(&plan, &migration::gates(&plan, &state, lengths.now));
    let today = forecast(lengths.now);
    let sources = cutover::Sources {
        project: &inventory.project,
        tenant,
        terms: &plan.terms,
        nights: &nights,
        forecast: &today,
        quiet,
    };
    let value = CutoverPlan::new(&sources);
    let notice = cutover::notice(&sources, &value, language);
    let page = cutover::html(&sources, &value, &notice, language).unwrap();
    (page, notice, serde_json::to_value(&value).unwrap())
}

fn with_windows() -> Inventory {
    let mut inventory = inventory::load(&project()).unwrap();
    let night = |from: &str, until: &str, servers: &[&str]| {
        let servers = servers.iter().map(|server| server.parse().unwrap()).collect();
        Window::new(from.parse().unwrap(), until.parse().unwrap(), servers, Window::GO_BACK_PERCENT).unwrap()
    };
    let command = || vec!["/bin/true".to_owned()];
    let lab = LabCommands { start: command(), stop: command(), status: command() };
    inventory.project.landing.machines = LandingMachines::Lab(lab);
    inventory.tenants.get_mut(&cinto()).unwrap().windows = vec![
        night("2022-06-17T20:00", "2022-06-18T06:00", &["cinto-srv1", "cinto-srv2"]),
        night("2022-06-20T18:00", "2022-06-20T23:30", &["cinto-srv3"]),
    ];
    inventory
}

#[test]
fn the_plan_of_the_move_says_hours_disruptions_and_the_conflict() {
    let inventory = with_windows();
    let (page, notice, value) = papers(&inventory, Language::Italian);
    golden("migrate/cutover.html", &page);
    golden("migrate/avviso.txt", &notice);
    assert_eq!(papers(&inventory, Language::Italian), (page.clone(), notice, value.clone()), "same inputs, same bytes");

    let down = value["disruptions"].as_array().unwrap();
    let of = |server: &str| down.iter().find(|one| one["server"] == server).unwrap();
    assert_eq!(
        (&of("cinto-srv1")["from"], &of("cinto-srv1")["until"], &of("cinto-srv1")["hours"]),
        (&"2022-06-17T20:00".into(), &"2022-06-18T06:00".into(), &10.0.into())
    );
    assert_eq!(of("cinto-srv3")["hours"], 5.5);
    // A server that is off for its first copy is down before the window, too: for as long as the first copy takes.
    let besides = value["besides"].as_array().unwrap();
    assert!(besides.iter().all(|one| one["part"] == "first_copy") && besides.len() == 3, "{besides:?}");
    assert_eq!(page.matches("<td>tutti: server spento per la prima copia").count(), 3);
    let (_, told, _) = papers(&inventory, Language::Italian);
    assert!(told.contains("cinto-srv3 resta spento per la prima copia (circa "), "{told}");
    assert!(!told.contains("Restano disponibili"), "the name server moves: {told}");
    let mut by_hand = with_windows();
    let traghetto::model::Known::Known(servers) = &mut by_hand.tenants.get_mut(&cinto()).unwrap().servers else {
        panic!()
    };
    servers[0].transfer = traghetto::model::server::Transfer::Replace;
    servers[0].directory = Some(traghetto::model::server::DirectoryWay::Replace);
    servers[0].landing_access = servers[0].access.clone();
    servers[0].manual_hours = Some(3);
    let (_, told, _) = papers(&by_hand, Language::Italian);
    assert!(told.contains("lavori a mano su cinto-srv1, in un orario da concordare (circa 3 ore)"), "{told}");
    let traghetto::model::Known::Known(servers) = &mut by_hand.tenants.get_mut(&cinto()).unwrap().servers else {
        panic!()
    };
    servers[0].manual_hours = None;
    let (_, told, _) = papers(&by_hand, Language::Italian);
    assert!(told.contains("lavori a mano su cinto-srv1, in un orario da concordare (durata non nota)"), "{told}");
    assert_eq!(value["quiet"]["conflicts_with"], "2022-06-22");
    assert!(page.contains("<b>Conflitto</b>") && page.contains("☒ <b>quiet_period</b>"));
    assert!(page.contains("5,5") && page.contains("<svg"));

    let (english, notice, _) = papers(&inventory, Language::English);
    for words in
        ["Plan of the move", "not before", "length not known", "One of the two gives way", "measured at the test"]
    {
        assert!(english.contains(words), "{words}");
    }
    assert!(notice.contains("From Friday 17/06/2022, at 20:00 until Saturday 18/06/2022, at 06:00"), "{notice}");
    let mut other = with_windows();
    other.project.terms.prevails = traghetto::model::project::Prevails::Plan;
    let (page, _, cut) = papers(&other, Language::Italian);
    assert!(page.contains("☒ <b>plan</b>"));
    assert_eq!(cut["quiet"]["cut"], true);
    assert_ne!(cut["digest"], value["digest"]);
}

#[test]
fn what_people_wrote_is_text_in_the_plan_of_the_move() {
    let mut inventory = with_windows();
    let hostile = "</td><script>alert(1)</script>\u{202e}\"'&";
    let tenant = inventory.tenants.get_mut(&cinto()).unwrap();
    tenant.name = hostile.into();
    tenant.saas[0].name = hostile.into();
    inventory.people.persons.get_mut(&"elena-ponte".parse().unwrap()).unwrap().name = hostile.into();
    inventory.people.roles.get_mut(&"comune-tecnico".parse().unwrap()).unwrap().title = hostile.into();
    let (page, notice, _) = papers(&inventory, Language::Italian);
    assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
    assert!(page.matches("&lt;script&gt;").count() >= 5);
    assert!(!notice.contains('\u{202e}'), "{notice}");
}

#[test]
fn the_plan_of_the_move_is_written_with_what_is_signed_of_it() {
    let sandbox = Sandbox::with_project();
    sandbox.edit(
        CINTO,
        "server_count:\n",
        "windows:\n  - {from: 2022-06-17T20:00, until: 2022-06-18T06:00}\nserver_count:\n",
    );
    let report = ["migrate", "report", "cutover", "cinto-caomaggiore", "--out", "piano"];
    let first = sandbox.run(&report).code(0);
    let names = ["cutover.html", "cutover-terms.json", "avviso.txt"];
    let read = |name: &str| std::fs::read(sandbox.path().join("piano").join(name)).unwrap();
    let files: Vec<_> = names.iter().map(|name| read(name)).collect();
    let sums = Command::new("sha256sum")
        .args(names.map(|name| format!("piano/{name}")))
        .current_dir(sandbox.path())
        .output()
        .unwrap()
        .stdout;
    assert_eq!(first.stdout, String::from_utf8(sums).unwrap());
    assert_eq!(sandbox.run(&report).code(0).stdout, first.stdout, "same inputs, same bytes");
    assert_eq!(files, names.iter().map(|name| read(name)).collect::<Vec<_>>());
    let digest = first.stdout.lines().nth(1).unwrap().split(' ').next().unwrap();
    assert!(first.stderr.contains(&format!("SHA-256 {digest}")), "{}", first.stderr);
    assert!(first.stderr.contains("traghetto migrate sign cinto-caomaggiore move-planned"), "{}", first.stderr);
    assert!(String::from_utf8(files[0].clone()).unwrap().contains(digest));

    let json = sandbox.run(&["migrate", "report", "cutover", "cinto-caomaggiore", "--json"]).code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["digest"], digest);
    assert!(json["notice"].as_str().unwrap().starts_with("AVVISO AL PERSONALE"));
    let status = sandbox.run(&["migrate", "status", "cinto-caomaggiore", "--json"]).code(0).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    let gates = status["gates"].as_array().unwrap();
    let gate = gates.iter().find(|gate| gate["gate"] == "move-planned").unwrap();
    assert_eq!(gate["cutover"], digest, "what the gate signs");

    sandbox.edit(PEOPLE, "+39 0421 555 0104", "+39 0421 555 0199");
    assert_ne!(sandbox.run(&report).code(0).stdout.lines().nth(1).unwrap().split(' ').next().unwrap(), digest);
    let playbook = "playbooks/con-me-2.2.1.yaml";
    sandbox.edit(playbook, "signs: cutover ", "signs: everything ");
    let refused = sandbox.run(&report).code(3).stderr;
    assert!(refused.contains("signs") && refused.contains("cutover"), "{refused}");
}
