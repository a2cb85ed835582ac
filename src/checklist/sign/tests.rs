//! When a signature counts, and who may give it: on a small checklist with the project's own people.

use super::*;
use crate::checklist::decode::decode;
use crate::checklist::draft::{Desk, Draft, SignError, Wish};
use crate::checklist::record::{RunRecord, Standing, standing};
use crate::checklist::validation::{pending, validations};
use crate::checklist::{Baselines, Options, Task, Todo, judge, tasks};
use crate::inventory;
use crate::inventory::problem::Problems;
use crate::model::Inventory;
use crate::model::tenant::Tenant;
use std::path::Path;

pub(in crate::checklist) const LIST: &str = r#"
checklist: network
version: 3
executes: [venis-rete]
validates: [comune-referente, sad-validatore]
items:
  - id: A-1
    title: {it: La sede risponde, en: The site answers}
    severity: blocker
    roles: [venis-rete]
    scope: site
    probe: {ping: {host: 192.0.2.1}}
    expect: {loss: {at_most: 0}}
  - id: M-1
    title: {it: Il firewall locale esce, en: The local firewall leaves}
    severity: blocker
    roles: [comune-tecnico, venis-rete]
    scope: tenant
    valid_for: 24
    manual: {it: Guardare il percorso., en: Look at the path.}
  - id: M-2
    title: {it: Il referente ha provato, en: The contact has tried}
    severity: warning
    roles: [comune-referente]
    scope: tenant
    manual: {it: Provare., en: Try.}
"#;

/// A checklist, its tenant, and a journal that grows.
pub(in crate::checklist) struct Room {
    pub(in crate::checklist) inventory: Inventory,
    list: Checklist,
    pub(in crate::checklist) events: Vec<Event>,
    now: Timestamp,
}

impl Room {
    pub(in crate::checklist) fn new(text: &str) -> Self {
        let inventory = inventory::load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let mut problems = Problems::none();
        let list = decode(
            "checklists/network.yaml",
            text.as_bytes(),
            Phase::Network,
            &inventory.people,
            || None,
            &mut problems,
        );
        let list = problems.or(list).unwrap_or_else(|problems| panic!("{problems}"));
        Self { inventory, list, events: Vec::new(), now: "2026-11-30T10:00:00Z".parse().unwrap() }
    }

    pub(in crate::checklist) fn tenant(&self) -> &Tenant {
        &self.inventory.tenants[&"cinto-caomaggiore".parse().unwrap()]
    }

    fn signatures(&self) -> Signatures {
        Signatures::read(&self.list, &self.events, self.now)
    }

    fn tasks(&self) -> Vec<Task> {
        let signatures = self.signatures();
        let baselines = Baselines::default();
        let project = &self.inventory.project;
        let options = Options::whole(project, &signatures, &baselines);
        tasks(&self.list, self.tenant(), &options)
    }

    fn lines(&self) -> Vec<Standing> {
        standing(&self.tasks(), Phase::Network, &self.events, &self.signatures())
    }

    fn verdicts(&self) -> Vec<&'static str> {
        self.lines().iter().map(|line| line.finding.verdict.word()).collect()
    }

    /// A run in which the item that is asked ended with `verdict`.
    pub(in crate::checklist) fn run(&mut self, verdict: Verdict, by: &str) {
        let signatures = self.signatures();
        let tasks = self.tasks();
        let ran = tasks.iter().map(|task| {
            let mut finding = judge::at_rest(task, &signatures, "not run");
            if finding.item.as_str() == "A-1" {
                finding.verdict = verdict;
                finding.attempts = u32::from(verdict != Verdict::Error);
                finding.asked = match &task.todo {
                    Todo::Ask(inquiry) => inquiry.identity(),
                    _ => panic!("A-1 is asked"),
                };
                finding.reason = (verdict != Verdict::Pass).then(|| "loss is 100".to_owned());
            }
            finding
        });
        let record = RunRecord::new(&self.list, &self.tenant().id.clone(), None, 1.0, ran.collect());
        self.event(RunRecord::KIND, serde_json::to_value(record).unwrap(), by);
    }

    fn event(&mut self, kind: &str, data: serde_json::Value, by: &str) {
        let (seq, time) = (self.events.len() as u64 + 1, self.now.to_string());
        let (tenant, kind) = (self.tenant().id.to_string(), kind.to_owned());
        let prev = "0".repeat(64);
        self.events.push(Event { seq, time, tenant, operator: by.to_owned(), kind, data, prev, signature: None });
    }

    fn draft<'w>(&self, person: &str, role: &str, change: impl FnOnce(&mut Wish<'w>)) -> Result<Draft, SignError> {
        // A test lives longer than its wishes.
        let (role, person) = (Box::leak(Box::new(role.parse().unwrap())), Box::leak(Box::new(person.parse().unwrap())));
        let (note, of, evidence) = ("visto", None, &[][..]);
        let mut wish = Wish { role, person, outcome: Opinion::Ok, note, until: None, items: None, of, evidence };
        change(&mut wish);
        self.desk(|desk| desk.draft(&wish))
    }

    fn desk<T>(&self, ask: impl FnOnce(&Desk<'_>) -> T) -> T {
        let (tasks, lines, signatures) = (self.tasks(), self.lines(), self.signatures());
        let people = &self.inventory.people;
        let desk = Desk {
            checklist: &self.list,
            tenant: self.tenant(),
            people,
            tasks: &tasks,
            lines: &lines,
            signatures: &signatures,
        };
        ask(&desk)
    }

    pub(in crate::checklist) fn sign(
        &mut self,
        person: &str,
        role: &str,
        outcome: Opinion,
        items: Option<&[&str]>,
        until: Option<&str>,
    ) -> Draft {
        let items: Option<Vec<ItemId>> = items.map(|items| items.iter().map(|item| item.parse().unwrap()).collect());
        let until = until.map(|until| until.parse().unwrap());
        let draft = self.draft(person, role, |wish| {
            (wish.outcome, wish.until, wish.items) = (outcome, until, items.as_deref());
        });
        let draft = draft.unwrap();
        let signature = Signature {
            phase: Phase::Network,
            role: role.parse().unwrap(),
            person: person.parse().unwrap(),
            outcome,
            note: "visto".into(),
            until,
            items: draft.items.clone(),
            evidence: Vec::new(),
            approves: crate::digest::sha256(draft.statement.as_bytes()),
            statement: draft.statement.clone(),
            given: Given::Typed,
        };
        self.event(Signature::KIND, serde_json::to_value(signature).unwrap(), "bruno-laguna");
        draft
    }

    pub(in crate::checklist) fn ok(&mut self, person: &str, role: &str) -> Draft {
        self.sign(person, role, Opinion::Ok, None, None)
    }

    fn given(&self) -> Vec<bool> {
        validations(&self.tasks(), &self.lines(), &self.signatures()).iter().map(|one| one.is_given()).collect()
    }

    fn waiting(&self) -> Vec<(String, bool, usize)> {
        let waiting = pending(&self.list, &self.tasks(), &self.lines(), &self.signatures());
        waiting.iter().map(|one| (one.role.to_string(), one.validation, one.items.len())).collect()
    }
}

#[test]
fn a_checklist_is_stated_by_each_role_and_validated_jointly() {
    let mut room = Room::new(LIST);
    room.run(Verdict::Pass, "bruno-laguna");
    assert_eq!(room.verdicts(), ["pass", "pending", "pending"]);
    let waiting = |role: &str, validation, count| (role.to_owned(), validation, count);
    assert_eq!(
        room.waiting(),
        [waiting("comune-tecnico", false, 1), waiting("venis-rete", false, 1), waiting("comune-referente", false, 1)]
    );
    // The SAD cannot approve what is still open, and the contact states only what is his.
    assert!(matches!(room.draft("carla-riva", "sad-validatore", |_| {}), Err(SignError::NotSettled { .. })));
    let draft = room.draft("dario-pieve", "comune-referente", |_| {}).unwrap();
    assert_eq!(draft.items.len(), 1);
    assert_eq!(draft.open[0].to_string(), "M-1 (pending)");
    assert_eq!((draft.open.len(), draft.open[0].in_italian()), (1, "M-1 (da firmare)".to_owned()));
    assert_eq!(room.ok("elena-ponte", "comune-tecnico").items.len(), 1);
    assert_eq!(room.verdicts()[1], "pending", "the other side is missing");
    room.ok("bruno-laguna", "venis-rete");
    assert_eq!(room.verdicts(), ["pass", "pass", "pending"]);
    // One signature of the contact states his own item and approves the others.
    let both = room.ok("dario-pieve", "comune-referente");
    assert_eq!(both.items.iter().filter(|covered| covered.finding.is_some()).count(), 2);
    assert_eq!(room.given(), [true, false]);
    assert_eq!(room.waiting(), [waiting("sad-validatore", true, 3)]);
    let last = room.ok("carla-riva", "sad-validatore");
    assert!(last.items.iter().all(|covered| covered.finding.is_some()));
    assert_eq!((room.given(), room.waiting()), (vec![true, true], Vec::new()));
}

/// A room in which everything is signed.
pub(in crate::checklist) fn signed() -> Room {
    let mut room = Room::new(LIST);
    room.run(Verdict::Pass, "bruno-laguna");
    room.ok("elena-ponte", "comune-tecnico");
    room.ok("bruno-laguna", "venis-rete");
    room.ok("dario-pieve", "comune-referente");
    room.ok("carla-riva", "sad-validatore");
    assert_eq!(room.given(), [true, true]);
    room
}

#[test]
fn a_change_reopens_what_was_signed() {
    let mut room = signed();
    room.run(Verdict::Pass, "bruno-laguna");
    assert_eq!(room.given(), [true, true], "the same result found again changes nothing");
    room.run(Verdict::Fail, "bruno-laguna");
    assert_eq!(room.given(), [false, false], "another finding");
    room.run(Verdict::Pass, "bruno-laguna");
    assert_eq!(room.given(), [false, false], "it was another in between: what was approved then is not this");
    room.ok("dario-pieve", "comune-referente");
    room.ok("carla-riva", "sad-validatore");
    room.run(Verdict::Pass, "bruno-laguna");
    assert_eq!(room.given(), [true, true], "the same result found again changes nothing");
    room.run(Verdict::Error, "bruno-laguna");
    assert_eq!(room.given(), [false, false], "what is not heard is not validated");
    room.run(Verdict::Pass, "bruno-laguna");
    assert_eq!(room.given(), [true, true], "nothing else was found in between");
    room.list.items[2].title.it.push('!');
    assert_eq!(room.verdicts()[2], "pending");
    assert!(room.lines()[2].finding.reason.as_deref().unwrap().contains("its text has changed"));
    assert_eq!(room.given(), [false, false], "another text");
    let waiting = validations(&room.tasks(), &room.lines(), &room.signatures());
    assert!(waiting.iter().all(|one| one.reopened && one.missing.len() == 1), "{waiting:?}");
}

#[test]
fn a_statement_grows_old() {
    let mut room = signed();
    room.now += SignedDuration::from_hours(24);
    assert_eq!(room.verdicts(), ["pass", "pass", "pass"]);
    room.now += SignedDuration::from_secs(1);
    assert_eq!(room.verdicts(), ["pass", "pending", "pass"]);
    assert!(room.lines()[1].finding.reason.as_deref().unwrap().ends_with("; a signature is valid for 24 hours"));
    assert_eq!(room.given(), [false, false]);
}

#[test]
fn a_waiver_counts_when_both_sides_gave_it_and_until_its_day() {
    let mut room = signed();
    room.run(Verdict::Fail, "bruno-laguna");
    room.sign("dario-pieve", "comune-referente", Opinion::Waived, Some(&["A-1"]), Some("2026-12-02"));
    assert_eq!(room.verdicts()[0], "fail", "one side alone waives nothing");
    room.sign("carla-riva", "sad-validatore", Opinion::Waived, Some(&["A-1"]), Some("2026-12-01"));
    assert_eq!(room.verdicts(), ["waived", "pass", "pass"]);
    let line = &room.lines()[0];
    let reason = "waived until 01/12/2026 by dario-pieve, carla-riva: visto (fail: loss is 100)";
    assert_eq!(line.finding.reason.as_deref(), Some(reason));
    assert!(!line.finding.blocks());
    assert_eq!(room.given(), [false, false], "what is waived was approved as passed");
    room.ok("dario-pieve", "comune-referente");
    room.ok("carla-riva", "sad-validatore");
    assert_eq!(room.given(), [true, true]);
    // The day ends in Rome, an hour before it does in Greenwich.
    room.now = "2026-12-01T22:59:59Z".parse().unwrap();
    assert_eq!(room.verdicts()[0], "waived");
    room.now = "2026-12-01T23:00:00Z".parse().unwrap();
    assert_eq!(room.verdicts()[0], "fail", "an expired waiver counts no more");
    assert_eq!(room.given(), [false, false]);
    // Another text is another risk.
    room.now = "2026-12-01T12:00:00Z".parse().unwrap();
    assert_eq!(room.verdicts()[0], "waived");
    room.list.items[0].title.it.push('!');
    room.run(Verdict::Fail, "bruno-laguna");
    assert_eq!(room.verdicts()[0], "fail");
}

/// Both sides waive an item until the day after tomorrow.
fn waive(room: &mut Room, item: &str) -> Draft {
    room.sign("dario-pieve", "comune-referente", Opinion::Waived, Some(&[item]), Some("2026-12-02"));
    room.sign("carla-riva", "sad-validatore", Opinion::Waived, Some(&[item]), Some("2026-12-02"))
}

#[test]
fn a_waiver_lets_pass_what_was_found_and_nothing_that_comes_later() {
    let mut room = signed();
    room.run(Verdict::Fail, "bruno-laguna");
    let draft = waive(&mut room, "A-1");
    assert!(draft.statement.contains("loss is 100"), "who waives reads what fails: {}", draft.statement);
    room.run(Verdict::Fail, "bruno-laguna");
    assert_eq!(room.verdicts()[0], "waived", "the same again");
    room.run(Verdict::Warn, "bruno-laguna");
    assert_eq!(room.verdicts()[0], "warn", "something else was found");
    room.run(Verdict::Fail, "bruno-laguna");
    assert_eq!(room.verdicts()[0], "fail", "and it does not come back with the old finding");
    waive(&mut room, "A-1");
    assert_eq!(room.verdicts()[0], "waived");
    room.sign("dario-pieve", "comune-referente", Opinion::Waived, Some(&["A-1"]), Some("2026-12-05"));
    room.sign("carla-riva", "sad-validatore", Opinion::Waived, Some(&["A-1"]), Some("2026-12-05"));
    assert!(room.lines()[0].finding.reason.as_deref().unwrap().starts_with("waived until 05/12/2026"), "renewed");
    room.sign("carla-riva", "sad-validatore", Opinion::Ko, Some(&["A-1"]), None);
    assert_eq!(room.verdicts()[0], "fail", "either side takes it back");
    room.sign("carla-riva", "sad-validatore", Opinion::Waived, Some(&["A-1"]), Some("2026-12-05"));
    assert_eq!(room.verdicts()[0], "fail", "and then both waive anew");
}

#[test]
fn a_waiver_of_what_nobody_stated_ends_when_somebody_states_it() {
    for (outcome, after) in [(Opinion::Ko, "fail"), (Opinion::Ok, "pending")] {
        let mut room = Room::new(LIST);
        room.run(Verdict::Pass, "bruno-laguna");
        waive(&mut room, "M-1");
        assert_eq!(room.verdicts()[1], "waived");
        room.sign("elena-ponte", "comune-tecnico", outcome, Some(&["M-1"]), None);
        assert_eq!(room.verdicts()[1], after);
    }
    // A waived refusal stays waived while it grows old.
    let mut room = Room::new(LIST);
    room.run(Verdict::Pass, "bruno-laguna");
    room.sign("elena-ponte", "comune-tecnico", Opinion::Ko, Some(&["M-1"]), None);
    let draft = waive(&mut room, "M-1");
    assert!(draft.statement.contains("Elena Ponte (comune-tecnico), NON VERIFICATO: visto"), "{}", draft.statement);
    room.now += SignedDuration::from_hours(25);
    assert_eq!(room.verdicts()[1], "waived");
}

#[test]
fn waivers_name_items_and_a_day_to_come() {
    let room = signed();
    let day = |day: &str| Some(day.parse().unwrap());
    let items = ["A-1".parse().unwrap()];
    let waive = |role: &str, person: &str, until: Option<Date>, named: bool| {
        room.draft(person, role, |wish| {
            (wish.outcome, wish.until) = (Opinion::Waived, until);
            wish.items = named.then_some(&items[..]);
        })
    };
    assert_eq!(waive("sad-validatore", "carla-riva", day("2026-12-01"), false), Err(SignError::WaiverOfAll));
    assert_eq!(waive("sad-validatore", "carla-riva", None, true), Err(SignError::WaiverEnded));
    assert_eq!(waive("sad-validatore", "carla-riva", day("2026-11-29"), true), Err(SignError::WaiverEnded));
    let wrong = waive("venis-rete", "bruno-laguna", day("2026-12-01"), true);
    assert!(matches!(wrong, Err(SignError::WrongRole { .. })), "{wrong:?}");
    assert!(waive("sad-validatore", "carla-riva", day("2026-11-30"), true).is_ok());
    assert!(waive("sad-validatore", "carla-riva", day("2027-11-30"), true).is_ok());
    let last = "2027-11-30".parse().unwrap();
    let ever = waive("sad-validatore", "carla-riva", day("2027-12-01"), true);
    assert_eq!(ever, Err(SignError::WaiverTooLong { last }));
    assert_eq!(ever.unwrap_err().to_string(), "a waiver lasts 365 days at most, until 2027-11-30");
    for outcome in [Opinion::Ok, Opinion::Ko] {
        let ends = |wish: &mut Wish<'_>| (wish.outcome, wish.until) = (outcome, day("2026-12-01"));
        assert_eq!(room.draft("carla-riva", "sad-validatore", ends), Err(SignError::EndOfNoWaiver));
    }
}

#[test]
fn a_statement_has_a_number_and_counts_once() {
    let mut room = signed();
    let number = |draft: &Draft, number: u32| {
        let line = format!("\nDichiarazione: n. {number} di chi firma, per questo ente\n");
        assert!(draft.statement.contains(&line), "{}", draft.statement);
    };
    let says = |wish: &mut Wish<'_>| wish.outcome = Opinion::Ko;
    number(&room.draft("dario-pieve", "comune-referente", says).unwrap(), 2);
    // The event of Elena's OK, recorded again after her KO.
    let old = room.events.iter().find(|event| event.data["person"] == "elena-ponte").unwrap().clone();
    room.sign("elena-ponte", "comune-tecnico", Opinion::Ko, Some(&["M-1"]), None);
    assert!(room.signatures().is_used(old.data["approves"].as_str().unwrap()));
    room.event(Signature::KIND, old.data, "bruno-laguna");
    assert_eq!(room.verdicts()[1], "fail");
    room.sign("elena-ponte", "comune-tecnico", Opinion::Ok, Some(&["M-1"]), None);
    assert_eq!(room.verdicts()[1], "pass");
}

#[test]
fn one_operator_does_not_type_for_both_sides() {
    let typed = |room: &Room, operator: &str, outcome: Opinion| {
        let (role, person) = ("sad-validatore".parse().unwrap(), "carla-riva".parse().unwrap());
        let items = ["A-1".parse().unwrap()];
        let (note, until, items, of, evidence) = ("x", None, Some(&items[..]), None, &[][..]);
        let wish = Wish { role: &role, person: &person, outcome, note, until, items, of, evidence };
        room.desk(|desk| desk.typed_by(&operator.parse().unwrap(), &wish, &desk.draft(&wish).unwrap()))
    };
    let mut room = Room::new(LIST);
    room.run(Verdict::Pass, "bruno-laguna");
    room.ok("elena-ponte", "comune-tecnico");
    room.ok("bruno-laguna", "venis-rete");
    assert_eq!(typed(&room, "bruno-laguna", Opinion::Ok), Ok(()), "nobody validated yet");
    room.ok("dario-pieve", "comune-referente");
    let refused = typed(&room, "bruno-laguna", Opinion::Ok).unwrap_err();
    assert!(matches!(&refused, SignError::OneOperator { other, .. } if other.as_str() == "dario-pieve"), "{refused:?}");
    assert_eq!(typed(&room, "anna-veneto", Opinion::Ok), Ok(()), "another operator");
    assert_eq!(typed(&room, "bruno-laguna", Opinion::Ko), Ok(()), "a refusal needs no witness");
    let document = Document {
        file: "firma.pdf".into(),
        sha256: String::new(),
        kind: DocumentKind::Paper,
        prot: "1/2026".into(),
        date: "2026-11-30".parse().unwrap(),
    };
    let last = room.events.last_mut().unwrap();
    last.data["given"] = serde_json::to_value(Given::Document(document)).unwrap();
    assert_eq!(typed(&room, "bruno-laguna", Opinion::Ok), Ok(()), "the other side is on paper");
}

#[test]
fn a_refusal_counts_until_it_is_taken_back() {
    let mut room = signed();
    room.sign("elena-ponte", "comune-tecnico", Opinion::Ko, Some(&["M-1"]), None);
    assert_eq!(room.verdicts()[1], "fail");
    assert!(room.lines()[1].finding.reason.as_deref().unwrap().starts_with("elena-ponte (comune-tecnico) says no"));
    assert_eq!(room.given(), [false, false]);
    room.sign("elena-ponte", "comune-tecnico", Opinion::Ok, Some(&["M-1"]), None);
    assert_eq!((room.verdicts()[1], room.given()), ("pass", vec![false, false]), "other words than were validated");
    room.ok("dario-pieve", "comune-referente");
    room.ok("carla-riva", "sad-validatore");
    assert_eq!(room.given(), [true, true]);
    room.sign("carla-riva", "sad-validatore", Opinion::Ko, Some(&["A-1"]), None);
    assert_eq!(room.given(), [true, false], "a validator's refusal closes the validation");
}

#[test]
fn who_may_sign_what() {
    let mut room = Room::new(LIST);
    let items: Vec<ItemId> = ["A-1", "M-1", "M-2"].iter().map(|item| item.parse().unwrap()).collect();
    let ask = |room: &Room, person: &str, role: &str, at: usize| {
        room.draft(person, role, |wish| wish.items = Some(&items[at..=at])).map(|draft| draft.items.len())
    };
    assert!(matches!(ask(&room, "nobody", "venis-rete", 1), Err(SignError::UnknownPerson { .. })));
    assert!(matches!(ask(&room, "anna-veneto", "venis-rete", 1), Err(SignError::NotHeld { .. })));
    assert!(matches!(ask(&room, "anna-veneto", "venis-sistemista", 1), Err(SignError::WrongRole { .. })));
    assert!(matches!(ask(&room, "bruno-laguna", "venis-rete", 0), Err(SignError::NotManual { .. })));
    assert!(matches!(ask(&room, "carla-riva", "sad-validatore", 0), Err(SignError::NotSettled { .. })));
    assert_eq!(ask(&room, "bruno-laguna", "venis-rete", 1), Ok(1));
    let elsewhere =
        room.draft("bruno-laguna", "venis-rete", |wish| (wish.items, wish.of) = (Some(&items[1..2]), Some("x")));
    assert!(matches!(elsewhere, Err(SignError::Skipped { .. })));
    let other = "portogruaro".parse().unwrap();
    room.inventory.people.persons.get_mut(&"dario-pieve".parse().unwrap()).unwrap().tenant = Some(other);
    assert!(matches!(ask(&room, "dario-pieve", "comune-referente", 2), Err(SignError::NotHeld { .. })));
    room.run(Verdict::Pass, "bruno-laguna");
    assert_eq!(
        room.draft("anna-veneto", "venis-sistemista", |_| {}),
        Err(SignError::Nothing { role: "venis-sistemista".parse().unwrap() })
    );
}

#[test]
fn nobody_signs_for_both_sides_of_a_checklist() {
    let mut room = Room::new(LIST);
    let elena = room.inventory.people.persons.get_mut(&"elena-ponte".parse().unwrap()).unwrap();
    elena.roles.extend(["venis-rete".parse().unwrap(), "sad-validatore".parse().unwrap()]);
    room.run(Verdict::Pass, "bruno-laguna");
    room.ok("elena-ponte", "comune-tecnico");
    let again = room.draft("elena-ponte", "venis-rete", |_| {});
    assert!(matches!(again, Err(SignError::BothSides { .. })), "{again:?}");
    room.ok("bruno-laguna", "venis-rete");
    room.ok("dario-pieve", "comune-referente");
    let validation = room.draft("elena-ponte", "sad-validatore", |_| {});
    assert!(
        matches!(validation, Err(SignError::BothSides { .. })),
        "another item, and still both sides: {validation:?}"
    );
}

#[test]
fn what_only_the_sad_validates_is_signed_by_who_did_not_carry_it_out() {
    let mut room = Room::new(&LIST.replace("[comune-referente, sad-validatore]", "[sad-validatore]"));
    room.run(Verdict::Pass, "carla-riva");
    room.ok("elena-ponte", "comune-tecnico");
    room.ok("bruno-laguna", "venis-rete");
    room.ok("dario-pieve", "comune-referente");
    let own = room.draft("carla-riva", "sad-validatore", |_| {});
    assert!(matches!(own, Err(SignError::Executor { .. })), "{own:?}");
    room.run(Verdict::Pass, "bruno-laguna");
    let own = room.draft("carla-riva", "sad-validatore", |_| {});
    assert!(matches!(own, Err(SignError::Executor { .. })), "that another ran it once more changes nothing: {own:?}");
    room.run(Verdict::Fail, "bruno-laguna");
    room.run(Verdict::Pass, "bruno-laguna");
    assert!(room.draft("carla-riva", "sad-validatore", |_| {}).is_ok());
}

#[test]
fn nobody_waives_alone_what_was_the_same_persons_work() {
    let mut room = Room::new(&LIST.replace("[comune-referente, sad-validatore]", "[sad-validatore]"));
    room.run(Verdict::Fail, "carla-riva");
    let items: [ItemId; 1] = ["A-1".parse().unwrap()];
    let until = Some("2026-12-02".parse().unwrap());
    let waives = |room: &Room| {
        room.draft("carla-riva", "sad-validatore", |wish| {
            (wish.outcome, wish.until, wish.items) = (Opinion::Waived, until, Some(&items[..]));
        })
    };
    assert!(matches!(waives(&room), Err(SignError::Executor { .. })), "{:?}", waives(&room));
    room.run(Verdict::Fail, "anna-veneto");
    assert!(matches!(waives(&room), Err(SignError::Executor { .. })), "{:?}", waives(&room));
    room.run(Verdict::Warn, "anna-veneto");
    assert!(waives(&room).is_ok());
}

#[test]
fn who_validates_reads_what_was_stated_and_by_whom() {
    let mut room = Room::new(LIST);
    room.run(Verdict::Pass, "bruno-laguna");
    room.ok("elena-ponte", "comune-tecnico");
    room.ok("bruno-laguna", "venis-rete");
    room.ok("dario-pieve", "comune-referente");
    let draft = room.draft("carla-riva", "sad-validatore", |_| {}).unwrap();
    let first = room.events.iter().find(|event| event.data["person"] == "elena-ponte").unwrap();
    for words in [
        "dichiarato da Elena Ponte (comune-tecnico), VERIFICATO: visto",
        "dichiarato da Bruno Laguna (venis-rete), VERIFICATO: visto",
        first.data["approves"].as_str().unwrap(),
    ] {
        assert!(draft.statement.contains(words), "{words}\n{}", draft.statement);
    }
}

#[test]
fn a_statement_says_what_is_signed_and_nothing_hides_in_it() {
    let mut room = signed();
    room.list.items[2].title.it = "Uno\nVoce: A-9 [x]\u{202e}".into();
    let draft = room.draft("dario-pieve", "comune-referente", |wish| wish.note = "a\nVoce: A-8 [-]").unwrap();
    let lines: Vec<&str> = draft.statement.lines().collect();
    assert_eq!(lines[0], crate::checklist::HEADING);
    let voices = lines.iter().filter(|line| line.starts_with("Voce: ")).count();
    assert_eq!(voices, draft.items.len(), "{}", draft.statement);
    assert!(lines.contains(&r"Nota: a\nVoce: A-8 [-]"), "{}", draft.statement);
    let same = room.draft("dario-pieve", "comune-referente", |wish| wish.note = "a\nVoce: A-8 [-]").unwrap();
    assert_eq!(same, draft, "no clock is in it: it can be signed elsewhere");
}
