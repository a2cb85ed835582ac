//! `playbooks/*.yaml`: read through the same forms as the inventory, so that every mistake has its place.

use super::playbook::{Action, Activity, Addressed, Gate, Manual, Per, Playbook, Reached, ServersOf, Signs, Stage};
use crate::checklist::{Phase, Scope, step_probe};
use crate::inventory::Problems;
use crate::inventory::form::scalars::{flag, id, text, whole, word};
use crate::inventory::form::{self, Fields, Form, bilingual, nonempty_list, record};
use crate::inventory::problem::{Complaint, quote};
use crate::model::server::{DirectoryWay, ServerRole, Transfer};
use crate::model::{GateId, ManualId, RoleId};
use std::collections::BTreeSet;

const ACTIONS: &[(&str, Plain)] = &[
    ("prepare-landing", Plain::PrepareLanding),
    ("seed", Plain::Seed),
    ("sync", Plain::Sync),
    ("verify", Plain::Verify),
    ("test-clone", Plain::TestClone),
    ("test-launch", Plain::TestLaunch),
    ("end-test", Plain::EndTest),
    ("final-sync", Plain::FinalSync),
    ("relocate", Plain::Relocate),
];

const EACH_SERVER: &[(&str, Plain)] = &[
    ("final-sync", Plain::FinalSync),
    ("convert", Plain::Convert),
    ("fence", Plain::Fence),
    ("route", Plain::Route),
    ("boot", Plain::Boot),
];

/// The only order in which a server moves (DESIGN, section 6): nothing boots before its source is off and
/// its address leads here.
const MOVE: [Action; 5] = [Action::FinalSync, Action::Convert, Action::Fence, Action::Route, Action::Boot];

const SIGNS: &[(&str, Signs)] = &[("cutover", Signs::Cutover)];
const PER: &[(&str, Per)] = &[("tenant", Per::Tenant), ("server", Per::Server)];

const SIGNERS: &[(&str, Signers)] = &[("validates", Signers::Validates), ("executes", Signers::Executes)];

/// Actions that need no more than their word.
#[derive(Debug, Clone, Copy)]
enum Plain {
    PrepareLanding,
    Seed,
    Sync,
    Verify,
    TestClone,
    TestLaunch,
    EndTest,
    FinalSync,
    Convert,
    Fence,
    Route,
    Boot,
    Relocate,
}

impl From<Plain> for Action {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::PrepareLanding => Action::PrepareLanding,
            Plain::Seed => Action::Seed,
            Plain::Sync => Action::Sync,
            Plain::Verify => Action::Verify,
            Plain::TestClone => Action::TestClone,
            Plain::TestLaunch => Action::TestLaunch,
            Plain::EndTest => Action::EndTest,
            Plain::FinalSync => Action::FinalSync,
            Plain::Convert => Action::Convert,
            Plain::Fence => Action::Fence,
            Plain::Route => Action::Route,
            Plain::Boot => Action::Boot,
            Plain::Relocate => Action::Relocate,
        }
    }
}

/// Whose roles sign a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signers {
    Validates,
    Executes,
}

/// A step before the roles of its activity are known.
enum Draft {
    Done(Action),
    EachServer(Vec<Action>),
    Gate(Gate, Signers),
}

/// The form of a playbook.
pub fn form() -> impl Form<Value = Playbook> {
    record("The activities of a migration, their steps and gates.", playbook)
}

/// Reads a playbook; `file` is its name for messages.
///
/// # Errors
/// Everything that is wrong with it, with places.
pub fn decode(file: &str, bytes: &[u8]) -> Result<Playbook, Problems> {
    let mut problems = Problems::none();
    let decoded = form::read(file, bytes, &form(), &mut problems);
    problems.or(decoded.value)
}

fn playbook(fields: &mut Fields<'_>) -> Option<Playbook> {
    let head = fields.required("playbook", "What it is.", record("What it is.", head));
    let activities = "The activities, in order.";
    let activities = fields.required("activities", activities, nonempty_list(record("An activity.", activity)));
    let (name, source) = head?;
    let playbook = Playbook { name, source, activities: activities? };
    check(fields, &playbook);
    Some(playbook)
}

fn head(fields: &mut Fields<'_>) -> Option<(String, String)> {
    let name = fields.required("name", "Name, as printed.", text());
    let source = fields.required("source", "Where its content comes from.", text());
    name.zip(source)
}

fn roles() -> impl Form<Value = Vec<RoleId>> {
    nonempty_list(id())
}

fn activity(fields: &mut Fields<'_>) -> Option<Activity> {
    let number = fields.required("activity", "Its number, 1 to 6.", whole::<u8>(1..=6));
    let title = fields.required("title", "Title.", bilingual("Title in both languages."));
    let responsible = fields.required("responsible", "Roles that answer for it (Responsabilità).", roles());
    let executes = fields.required("executes", "Roles that carry it out (Esecuzione).", roles());
    let validates = fields.required("validates", "Roles that validate it (Validazione).", roles());
    let days = fields.required("days", "First and last day as proposed, from 1.", nonempty_list(whole::<u16>(1..=366)));
    let steps = fields.required("steps", "What is done, in order.", nonempty_list(record("A step.", step)));
    let (executes, validates) = (executes?, validates?);
    let days = match days?.as_slice() {
        [from, to] if from <= to => (*from, *to),
        _ => {
            fields.refuse("days", Complaint::new("the days are not a first and a last day").hint("write [5, 7]"));
            return None;
        }
    };
    let settle = |draft| match draft {
        Draft::Done(action) => Stage::Together(action),
        Draft::EachServer(each_server) => Stage::EachServer { each_server },
        Draft::Gate(gate, signers) => {
            let roles = if signers == Signers::Validates { &validates } else { &executes };
            Stage::Together(Action::Gate(Gate { roles: roles.clone(), ..gate }))
        }
    };
    let steps = steps?.into_iter().map(settle).collect();
    Some(Activity { number: number?, title: title?, responsible: responsible?, executes, validates, days, steps })
}

fn step(fields: &mut Fields<'_>) -> Option<Draft> {
    let plain = fields.optional("do", "An act of the migration.", word(ACTIONS));
    let checklist = fields.optional("checklist", "Runs the checklist of this phase.", word(&Phase::WORDS));
    let gate = fields.optional("gate", "Waits for signatures.", record("A gate.", gate));
    let each = "One server after the other, in the order of `after`: final-sync, convert, fence, route, boot.";
    let each = fields.optional("each_server", each, nonempty_list(word(EACH_SERVER)));
    let manual = fields.optional("manual", "Waits until a person says that it is done.", record("A step.", manual));
    fields.exactly_one(&["do", "checklist", "gate", "each_server", "manual"]);
    match (plain?, checklist?, gate?, each?, manual?) {
        (Some(plain), ..) => Some(Draft::Done(plain.into())),
        (_, Some(checklist), ..) => Some(Draft::Done(Action::Checklist { checklist })),
        (_, _, Some((gate, signers)), ..) => Some(Draft::Gate(gate, signers)),
        (_, _, _, Some(each), _) => Some(Draft::EachServer(each.into_iter().map(Action::from).collect())),
        (.., manual) => manual.map(|manual| Draft::Done(Action::Manual(Box::new(manual)))),
    }
}

fn manual(fields: &mut Fields<'_>) -> Option<Manual> {
    let manual = fields.required("id", "Its name in step ids, unique in the playbook.", id::<ManualId>());
    let title = fields.required("title", "What is done, in one short sentence.", bilingual("What is done."));
    let how = "How it is done: what the person reads.";
    let instructions = fields.required("instructions", how, bilingual("How it is done."));
    let by = fields.required("by", "Roles of which one says that it is done.", roles());
    let per = fields.or("per", "For what it is done once (default: tenant).", word(PER), Per::Tenant);
    let servers = record("Servers.", servers_of);
    let servers =
        fields.or("applies_to", "Which servers it is for, with `per: server`.", servers, ServersOf::default());
    let scope = if per == Some(Per::Tenant) { Scope::Tenant } else { Scope::Server };
    let asks = step_probe(fields, scope);
    let undo = "How people undo it when its server is taken back: what the person reads.";
    let back = fields.optional("back", undo, bilingual("How it is undone."));
    let last = "Whether the old server does not come back once it is done: `migrate rollback` refuses from then on.";
    let no_way_back = fields.or("no_way_back", last, flag(), false);
    let (per, applies_to, back, no_way_back) = (per?, servers?, back?, no_way_back?);
    let of_tenant = [("applies_to", !applies_to.is_everyone()), ("back", back.is_some()), ("no_way_back", no_way_back)];
    for (key, _) in of_tenant.into_iter().filter(|(_, is_there)| per == Per::Tenant && *is_there) {
        fields.refuse(key, Complaint::new("it is done once for the tenant").hint("write `per: server`"));
    }
    if back.is_some() && no_way_back {
        let complaint = Complaint::new("it is undone, and there is no way back after it");
        fields.refuse("no_way_back", complaint.hint("keep one of `back` and `no_way_back`"));
    }
    let (manual, title, instructions, by, asks) = (manual?, title?, instructions?, by?, asks?);
    Some(Manual { manual, title, instructions, by, per, applies_to, asks, back, no_way_back })
}

fn servers_of(fields: &mut Fields<'_>) -> Option<ServersOf> {
    let roles = fields.or("role", "With one of these roles.", nonempty_list(word(&ServerRole::WORDS)), Vec::new());
    let transfers = fields.or("transfer", "Ways of moving.", nonempty_list(word(&Transfer::WORDS)), Vec::new());
    let ways = "Ways of a domain controller.";
    let directory = fields.or("directory", ways, nonempty_list(word(&DirectoryWay::WORDS)), Vec::new());
    let address = "Where their address is after the move.";
    let landing = fields.or("landing", address, nonempty_list(word(&Addressed::WORDS)), Vec::new());
    Some(ServersOf { roles: roles?, transfers: transfers?, directory: directory?, landing: landing? })
}

fn gate(fields: &mut Fields<'_>) -> Option<(Gate, Signers)> {
    let gate = fields.required("id", "What is typed to sign it.", id::<GateId>());
    let title = fields.required("title", "What is signed, in one sentence.", bilingual("What is signed."));
    let asks =
        fields.optional("asks", "What people do before they sign.", bilingual("What people do before they sign."));
    let signers = "Whose roles sign: those that validate the activity, or those that carry it out.";
    let signers = fields.or("signed_by", signers, word(SIGNERS), Signers::Validates);
    let hours = "For how many hours a signature opens the gate; absent is for ever.";
    let valid_hours = fields.optional("valid_hours", hours, whole::<u16>(1..=720));
    let reaches = "The phase of a server once the gate is open.";
    let reaches = fields.optional("reaches", reaches, word(&Reached::WORDS));
    let signs =
        "What signatures approve beside the plan: the terms of the cutover (`traghetto migrate report cutover`).";
    let signs = fields.optional("signs", signs, word(SIGNS));
    let by_hand = "Whether people do it by hand: the gate is only there where the landing boots no machines.";
    let by_hand = fields.or("by_hand", by_hand, flag(), false);
    let (valid_hours, reaches, asks, signs, roles) = (valid_hours?, reaches?, asks?, signs?, Vec::new());
    let gate = Gate { gate: gate?, title: title?, asks, roles, valid_hours, reaches, signs, by_hand: by_hand? };
    Some((gate, signers?))
}

/// Checks between activities.
fn check(fields: &mut Fields<'_>, playbook: &Playbook) {
    let mut before = 0;
    let mut seen = Seen::default();
    for (index, activity) in playbook.activities.iter().enumerate() {
        if activity.number <= before {
            let path = format!("activities[{index}].activity");
            fields.refuse(&path, Complaint::new("the activities are not in rising order"));
        }
        before = activity.number;
        for (position, stage) in activity.steps.iter().enumerate() {
            let path = format!("activities[{index}].steps[{position}]");
            match stage {
                Stage::Together(Action::Gate(gate)) => seen.gate(fields, &path, gate),
                Stage::Together(Action::Manual(manual)) => seen.manual(fields, &path, manual),
                Stage::Together(action) => seen.action(fields, &format!("{path}.do"), action),
                Stage::EachServer { each_server } => {
                    if *each_server != MOVE {
                        let words: Vec<&str> = MOVE.iter().map(Action::word).collect();
                        let complaint = Complaint::new("a server moves in one order only")
                            .hint(format!("write `each_server: [{}]`", words.join(", ")));
                        fields.refuse(&format!("{path}.each_server"), complaint);
                    }
                    for (at, action) in each_server.iter().enumerate() {
                        seen.action(fields, &format!("{path}.each_server[{at}]"), action);
                    }
                }
            }
        }
    }
}

/// What came before a step.
#[derive(Default)]
struct Seen {
    gates: BTreeSet<GateId>,
    manual: BTreeSet<ManualId>,
    seeded: bool,
    launched: bool,
    quiet: bool,
    accepted: bool,
}

impl Seen {
    fn gate(&mut self, fields: &mut Fields<'_>, path: &str, gate: &Gate) {
        if !self.gates.insert(gate.gate.clone()) {
            let complaint = Complaint::new(format!("there are two gates {}", quote(gate.gate.as_str())));
            fields.refuse(&format!("{path}.gate.id"), complaint);
        }
        self.quiet |= gate.reaches == Some(Reached::Quiet) && gate.valid_hours.is_some();
        self.accepted |= gate.reaches == Some(Reached::Accepted);
    }

    fn manual(&mut self, fields: &mut Fields<'_>, path: &str, manual: &Manual) {
        if !self.manual.insert(manual.manual.clone()) {
            let complaint = Complaint::new(format!("there are two steps {}", quote(manual.manual.as_str())));
            fields.refuse(&format!("{path}.manual.id"), complaint);
        }
    }

    fn action(&mut self, fields: &mut Fields<'_>, path: &str, action: &Action) {
        let complaint = match action {
            Action::FinalSync if !self.quiet => Complaint::new("no gate before it says that the source is quiet")
                .hint("put a gate with `reaches: quiet` and `valid_hours` before it"),
            Action::EndTest if !self.launched => {
                Complaint::new("it comes before the test launch").hint("put `do: test-launch` before it")
            }
            Action::Relocate if !self.accepted => Complaint::new("it comes before the landing is accepted")
                .hint("put it after the gate with `reaches: accepted`: in the night nobody waits for it"),
            Action::Seed => return self.seeded = true,
            action if action.per() != Per::Tenant && !self.seeded => {
                Complaint::new("it comes before the first copy").hint("put `do: seed` before it")
            }
            action => {
                return self.launched |= *action == Action::TestLaunch;
            }
        };
        fields.refuse(path, complaint);
    }
}
