//! Which of several findings counts, on the project's own inventory.

use super::*;
use crate::checklist::judge;
use crate::checklist::{Baselines, Options, load, tasks};
use crate::inventory;
use crate::model::server::Server;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, Known};
use std::path::Path;

/// An item that the rescue system of cinto-srv1 is asked.
const ITEM: &str = "SRC-RSC-01";

struct Room {
    inventory: Inventory,
    tenant: Tenant,
    list: Checklist,
    events: Vec<Event>,
}

impl Room {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let inventory = inventory::load(root).unwrap();
        let tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
        let list = load(root, Phase::Source, &inventory.people).unwrap();
        Self { inventory, tenant, list, events: Vec::new() }
    }

    fn server(&mut self) -> &mut Server {
        match &mut self.tenant.servers {
            Known::Known(servers) => &mut servers[0],
            Known::Unknown => panic!("Cinto's servers are known"),
        }
    }

    fn tasks(&self) -> Vec<Task> {
        let (signatures, baselines) = (Signatures::default(), Baselines::default());
        tasks(&self.list, &self.tenant, &Options::whole(&self.inventory.project, &signatures, &baselines))
    }

    fn task(&self) -> Task {
        let wanted = |task: &Task| task.item.id.as_str() == ITEM && task.subject.to_string() == "cinto-srv1";
        self.tasks().into_iter().find(wanted).unwrap()
    }

    /// A run at `time` that found `verdict`, and asked what `asked` says.
    fn run(&mut self, time: &str, verdict: Verdict, asked: &str, unreachable: bool) {
        let mut finding = judge::at_rest(&self.task(), &Signatures::default(), "not asked");
        (finding.verdict, finding.unreachable, finding.asked) = (verdict, unreachable, asked.to_owned());
        finding.reason = None;
        let record = RunRecord::new(&self.list, &self.tenant.id, None, 1.0, vec![finding]);
        self.events.push(Event {
            seq: self.events.len() as u64 + 1,
            time: time.to_owned(),
            tenant: self.tenant.id.to_string(),
            operator: "anna-veneto".to_owned(),
            kind: RunRecord::KIND.to_owned(),
            data: serde_json::to_value(record).unwrap(),
            prev: String::new(),
            signature: None,
        });
    }

    /// Verdict, time and reason of the item now.
    fn stands(&self) -> (&'static str, Option<String>, String) {
        let lines = standing(&[self.task()], Phase::Source, &self.events, &Signatures::default());
        let [line] = lines.as_slice() else { panic!("one task") };
        (line.finding.verdict.word(), line.time.clone(), line.finding.reason.clone().unwrap_or_default())
    }
}

fn identity(task: &Task) -> String {
    let Todo::Ask(inquiry) = &task.todo else { panic!("{:?}", task.todo) };
    inquiry.identity()
}

#[test]
fn what_a_machine_said_as_its_other_system_outlasts_its_silence_for_a_day() {
    let (morning, noon, later) =
        ("2026-11-30T10:00:00+01:00", "2026-11-30T12:00:00+01:00", "2026-12-01T12:00:01+01:00");
    let mut room = Room::new();
    let asked = identity(&room.task());
    room.run(morning, Verdict::Pass, &asked, false);
    room.run(noon, Verdict::Error, &asked, true);
    assert_eq!(room.stands(), ("pass", Some(morning.to_owned()), String::new()));
    room.run(later, Verdict::Error, &asked, true);
    assert_eq!(room.stands().0, "error", "a day has gone by");
    // What is heard counts at once, and so does any answer.
    room.run(noon, Verdict::Pass, &asked, false);
    room.run(noon, Verdict::Fail, &asked, false);
    assert_eq!(room.stands().0, "fail");
    room.run(noon, Verdict::Pass, &asked, false);
    room.run(noon, Verdict::Error, &asked, false);
    assert_eq!(room.stands().0, "error", "it was reached, and could not say");
}

#[test]
fn the_silence_of_any_other_machine_counts() {
    let mut room = Room::new();
    let asked = identity(&room.task());
    room.run("2026-11-30T10:00:00+01:00", Verdict::Pass, &asked, false);
    let mut task = room.task();
    let Todo::Ask(inquiry) = &mut task.todo else { panic!("asked") };
    inquiry.asked.alternates = false;
    room.run("2026-11-30T12:00:00+01:00", Verdict::Error, &asked, true);
    let lines = standing(&[task], Phase::Source, &room.events, &Signatures::default());
    assert_eq!(lines[0].finding.verdict, Verdict::Error);
}

#[test]
fn the_script_that_the_comune_carried_there_counts_where_nothing_else_can_ask() {
    let (morning, noon) = ("2026-11-30T10:00:00+01:00", "2026-11-30T12:00:00+01:00");
    let mut room = Room::new();
    room.server().access = None;
    assert!(matches!(room.task().todo, Todo::Impossible(_)));
    room.run(morning, Verdict::Pass, "of the bundle", false);
    assert_eq!(room.stands().0, "error", "asked from here, when that was thought of its machine");
    room.events[0].data["findings"][0]["host_time"] = "2026-11-30T09:00:00Z".into();
    assert_eq!(room.stands(), ("pass", Some(morning.to_owned()), String::new()));
    room.run(noon, Verdict::Error, "", false);
    assert_eq!(room.stands().0, "pass", "a run from here finds out nothing");
    // Taken over in the morning, but asked on the day before the last: it is as old as its answers.
    room.events[0].data["findings"][0]["host_time"] = "2026-11-29T10:59:59Z".into();
    assert_eq!(room.stands().0, "error", "a day has gone by on the host");
    room.events[0].data["findings"][0]["host_time"] = "2026-11-29T11:00:00Z".into();
    assert_eq!(room.stands().0, "pass");
}

#[test]
fn a_finding_is_of_the_machine_that_was_asked() {
    let mut room = Room::new();
    let asked = identity(&room.task());
    room.run("2026-11-30T10:00:00+01:00", Verdict::Pass, &asked, false);
    assert_eq!(room.stands().0, "pass");
    room.server().address = "192.0.2.99".parse().unwrap();
    let (verdict, time, reason) = room.stands();
    assert_eq!((verdict, time), ("error", None));
    assert!(reason.contains("machine has changed"), "{reason}");
}

#[test]
fn a_port_that_the_rescue_system_has_not_open_takes_nothing_from_what_the_server_said() {
    let (morning, noon) = ("2026-11-30T10:00:00+01:00", "2026-11-30T12:00:00+01:00");
    let mut room = Room::new();
    let mut task = room.task();
    let Todo::Ask(inquiry) = &mut task.todo else { panic!("asked") };
    inquiry.question = crate::checklist::Question::Tcp { host: "192.0.2.10".into(), port: 389 };
    let asked = inquiry.identity();
    room.run(morning, Verdict::Pass, &asked, false);
    room.run(noon, Verdict::Fail, &asked, false);
    let lines = standing(&[task], Phase::Source, &room.events, &Signatures::default());
    assert_eq!((lines[0].finding.verdict, lines[0].time.as_deref()), (Verdict::Pass, Some(morning)));
    // A copy is one system only.
    room.server().landing_access = room.server().access.clone();
    for phase in [Phase::Test, Phase::Landing] {
        let (signatures, baselines) = (Signatures::default(), Baselines::default());
        let list = load(Path::new(env!("CARGO_MANIFEST_DIR")), phase, &room.inventory.people).unwrap();
        let tasks = tasks(&list, &room.tenant, &Options::whole(&room.inventory.project, &signatures, &baselines));
        let alternates = |task: &Task| matches!(&task.todo, Todo::Ask(inquiry) if inquiry.asked.alternates);
        assert!(!tasks.iter().any(alternates), "{phase}");
    }
}

#[test]
fn a_script_of_the_test_counts_from_where_it_would_be_sent_now() {
    let mut task = Room::new().task();
    let mut finding = judge::at_rest(&task, &Signatures::default(), "not asked");
    finding.asked = identity(&task);
    assert!(is_of(&finding, &task, Phase::Test));
    let Todo::Ask(inquiry) = &mut task.todo else { panic!("asked") };
    let Some((crate::model::script_access::ScriptAccess::Sh(access), _)) = inquiry.question.script() else {
        panic!("{inquiry:?}")
    };
    let probe = crate::checklist::ProbeMachine { access, copies: Vec::new() };
    let host = probe.access.host.clone();
    inquiry.origin = crate::checklist::Origin::ProbeMachine(Box::new(probe));
    assert!(!is_of(&finding, &task, Phase::Test), "it was the source that answered");
    finding.through = Some(host);
    assert!(is_of(&finding, &task, Phase::Test));
    finding.through = Some("another".into());
    assert!(!is_of(&finding, &task, Phase::Test) && is_of(&finding, &task, Phase::Source));
    (finding.through, finding.host_time) = (None, Some("2026-11-30T09:00:00Z".parse().unwrap()));
    assert!(is_of(&finding, &task, Phase::Test), "the Comune carried it there");
}
