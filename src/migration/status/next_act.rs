//! What comes next: one act, who does it, the exact command.

use super::{Inputs, NextAct, Unsigned, manual};
use crate::checklist::Phase as ChecklistPhase;
use crate::migration::gate::GateStatus;
use crate::migration::hours::{self, Wait};
use crate::migration::next::{Next, Scope, machine_off, next};
use crate::migration::order::{Held, held, nobody_moves};
use crate::migration::plan::{Plan, Step, StepId};
use crate::migration::playbook::Action;
use crate::migration::record::Stop;
use crate::migration::state::{RunState, StepState};
use crate::model::bilingual::Bilingual;
use crate::model::calendar::italian;
use crate::model::people::{People, Person};
use crate::model::project_calendar::QuietPeriod;
use crate::model::window::Window;
use crate::model::{RoleId, ServerId};
use jiff::Timestamp;
use std::collections::BTreeSet;

fn text(it: String, en: String) -> Bilingual {
    Bilingual { it, en }
}

/// By when the next act is done: before the move, by the begin of the window.
pub(super) fn by_when(inputs: &Inputs<'_>, window: Option<&Window>) -> Option<Timestamp> {
    let Inputs { plan, state, now, .. } = *inputs;
    let window = window?;
    match next(plan, state, &Scope::default(), now) {
        Next::Act(step) if hours::is_move(&step.action) && window.holds(now) => {
            Some(hours::limit(window, &step.action).0)
        }
        Next::Done => None,
        _ if window.holds(now) => Some(window.go_back_at()),
        _ => Some(window.from()),
    }
}

pub(super) fn next_act(inputs: &Inputs<'_>, plan_changed: bool) -> NextAct {
    let Inputs { plan, state, .. } = *inputs;
    let tenant = &plan.tenant;
    let run = format!("traghetto migrate run {tenant}");
    let act = |what: Bilingual, command: &str| NextAct {
        who: Vec::new(),
        command: Some(command.to_owned()),
        or: None,
        by: None,
        what,
    };
    if let Some(holder) = inputs.holder {
        let what = text(format!("al lavoro: {holder}"), format!("at work: {holder}"));
        return act(what, &format!("traghetto migrate log {tenant}"));
    }
    if state.digest.is_none() {
        return act(text("avviare la migrazione".into(), "start the migration".into()), &run);
    }
    if plan_changed {
        let it = "inventario o playbook sono cambiati: leggere le differenze e adottare il nuovo piano";
        let en = "inventory or playbook have changed: read the differences and adopt the new plan";
        return act(text(it.into(), en.into()), &format!("{run} --adopt-plan"));
    }
    if let Some((who, why)) = &state.paused {
        return act(
            text(format!("in pausa ({who}: {why}); riprendere"), format!("paused ({who}: {why}); resume")),
            &run,
        );
    }
    match next(plan, state, &Scope::default(), inputs.now) {
        // No test machine outlives its test.
        Next::Act(step) if nobody_moves(plan, state) && step.action != Action::EndTest => moves_again(plan),
        Next::Gate(_) if nobody_moves(plan, state) => moves_again(plan),
        Next::Done => NextAct {
            who: Vec::new(),
            command: None,
            or: None,
            by: None,
            what: text("niente: tutte le attività sono concluse".into(), "nothing: all activities are done".into()),
        },
        Next::Withdraw(server) => act(withdraws(plan, server), &run),
        Next::Gate(gate) => match (gate.quiet, inputs.unsigned.first()) {
            (Some(quiet), _) => wait(&quiet),
            (None, Some(first)) => sign_items(inputs, first.phase),
            (None, None) => sign(inputs, &gate),
        },
        Next::Blocked(steps) => match steps.iter().find_map(|step| held(plan, state, step)) {
            Some(held) => {
                let or = Some(held.back(tenant));
                NextAct { or, ..act(to_decide(&held), &format!("{run} --server {}", held.server)) }
            }
            None => blocked(steps.first().copied(), &run),
        },
        Next::Act(step) => match (&step.action, state.step(&step.id)) {
            (Action::Checklist { checklist }, StepState::Stopped { why: Stop::Waiting })
                if !inputs.unsigned.is_empty() =>
            {
                sign_items(inputs, *checklist)
            }
            (Action::Checklist { .. }, StepState::Done { .. }) => act(
                text(
                    format!("{} è di più di 4 ore fa: ripetere prima della firma", step.id),
                    format!("{} is more than 4 hours old: repeat it before the gate is signed", step.id),
                ),
                &run,
            ),
            (Action::Checklist { checklist }, StepState::Failed { reason, .. }) => act(
                text(
                    format!("{reason}: leggere il rapporto, rimediare, poi ripetere: {run}"),
                    format!("{reason}: read the report, mend it, then repeat: {run}"),
                ),
                &format!("traghetto checklist report {checklist} {tenant}"),
            ),
            (Action::Manual(_), _) => said_or_to_do(inputs, step, &run),
            _ => match hours::wait(inputs.windows, inputs.forecast, state, step, inputs.now) {
                Some(wait) => act(waits(&wait), &run),
                None => repeat_or_go_on(plan, state, step, &run),
            },
        },
    }
}

/// The town goes on as it was, until its servers move in another night.
fn moves_again(plan: &Plan) -> NextAct {
    let what = text(
        "niente: tutti i server sono tornati alla sorgente; per una nuova notte li si richiama, uno per uno".into(),
        "nothing: every server was taken back; for a new night they are called again, one by one".into(),
    );
    let command =
        format!("traghetto migrate rollback {} --server SERVER --revoke --role ROLE --reason TEXT", plan.tenant);
    NextAct { who: Vec::new(), command: Some(command), or: None, by: None, what }
}

/// What comes before anything else once a server was taken back.
fn withdraws(plan: &Plan, server: &ServerId) -> Bilingual {
    let said = machine_off(plan, server);
    let (it, en) = if plan.is_replaced(server) {
        (
            format!("{server} torna al vecchio server: prima la macchina nuova lascia il suo indirizzo"),
            format!("{server} goes back to the old server: the new machine gives its address up first"),
        )
    } else {
        (
            format!("{server} torna alla sorgente: prima va spenta la sua macchina al data center"),
            format!("{server} goes back to its source: its machine at the landing site is switched off first"),
        )
    };
    text(format!("{it}; chi lo ha visto lo dichiara: {said}"), format!("{en}; who saw it says so: {said}"))
}

/// Between what people decide about a server that moves after one that was taken back.
fn to_decide(held: &Held) -> Bilingual {
    let (server, others) = (&held.server, held.others());
    let back = held.number("già riportato indietro", "già riportati indietro");
    text(
        format!(
            "decidere di {server}, che si sposta dopo {}, {back}: spostarlo lo stesso nominandolo, o riportare indietro \
             anche lui",
            others.it
        ),
        format!(
            "decide about {server}, which moves after {}, taken back: move it all the same by naming it, or take it \
             back, too",
            others.en
        ),
    )
}

/// What people do, or have said that they did.
fn said_or_to_do(inputs: &Inputs<'_>, step: &Step, run: &str) -> NextAct {
    let id = &step.id;
    if let Some(said) = inputs.state.confirmed.get(id) {
        let what = text(
            format!("proseguire: {id} è fatto, dice {}; ora si verifica", said.by),
            format!("go on: {id} is done, says {}; now it is looked at", said.by),
        );
        return NextAct { who: Vec::new(), command: Some(run.to_owned()), or: None, by: None, what };
    }
    let Some(line) = manual(inputs).into_iter().find(|line| line.step == *id) else { return blocked(Some(step), run) };
    let Bilingual { it, en } = line.title;
    let what = match line.failure {
        None => text(format!("fare a mano {id}: {it}"), format!("do by hand {id}: {en}")),
        Some(why) => text(format!("rifare a mano {id}: {it} ({why})"), format!("do again by hand {id}: {en} ({why})")),
    };
    NextAct { who: line.who, command: Some(line.command), or: None, by: None, what }
}

/// What keeps a step of the move from beginning.
fn waits(wait: &Wait) -> Bilingual {
    let server = wait.server();
    match wait {
        Wait::Outside { opens: Some(opens), .. } => {
            let opens = hours::clock(*opens);
            text(
                format!("attendere la finestra di {server}: si apre il {opens}"),
                format!("wait for the window of {server}: it opens {opens}"),
            )
        }
        Wait::Outside { opens: None, .. } => text(
            format!("concordare una finestra per {server}: nell'inventario non ce n'è un'altra"),
            format!("agree on a window for {server}: the inventory has no further one"),
        ),
        Wait::Late { what, ends, limit, .. } => {
            let (ends, limit) = (hours::clock(*ends), hours::clock(*limit));
            text(
                format!(
                    "{server}: {what} finirebbe il {ends}, dopo il {limit}: tornare indietro, o firme delle due parti"
                ),
                format!("{server}: {what} would end {ends}, after {limit}: go back, or both sides sign `late`"),
            )
        }
    }
}

fn repeat_or_go_on(plan: &Plan, state: &RunState, step: &Step, run: &str) -> NextAct {
    let what = match last_failure(plan, state, step) {
        Some((failed, reason)) => {
            text(format!("{failed} non è riuscito ({reason}); ripetere"), format!("{failed} failed ({reason}); repeat"))
        }
        None => match (&step.action, &step.server, state.step(&step.id)) {
            (Action::Fence, Some(server), StepState::Stopped { why: Stop::Waiting }) => off(server),
            (Action::Route, Some(server), StepState::Stopped { why: Stop::Waiting }) => led(server),
            _ => text(format!("proseguire con {}", step.id), format!("go on with {}", step.id)),
        },
    };
    NextAct { who: Vec::new(), command: Some(run.to_owned()), or: None, by: None, what }
}

/// What the fence waits for.
fn off(server: &ServerId) -> Bilingual {
    text(
        format!(
            "spegnere {server} sul posto e staccarne il cavo (se nulla lo prova: `migrate sign … source-off`), poi proseguire"
        ),
        format!(
            "switch {server} off at its place and pull its cable (where nothing proves it: `migrate sign … source-off`), then go on"
        ),
    )
}

/// What the route waits for.
fn led(server: &ServerId) -> Bilingual {
    text(
        format!(
            "portare qui l'indirizzo di {server}: `network push --class cutover`, o a mano e `migrate sign … routed`; poi proseguire"
        ),
        format!(
            "lead the address of {server} here: `network push --class cutover`, or by hand and `migrate sign … routed`; then go on"
        ),
    )
}

/// Id and reason of a step that failed.
pub(super) fn failed<'a>(state: &'a RunState, step: &'a Step) -> Option<(&'a StepId, &'a str)> {
    match state.step(&step.id) {
        StepState::Failed { reason, .. } => Some((&step.id, reason)),
        _ => None,
    }
}

/// What failed for the server of `step`: the step itself, or a reading after it for which it is done again.
fn last_failure<'a>(plan: &'a Plan, state: &'a RunState, step: &'a Step) -> Option<(&'a StepId, &'a str)> {
    let mut same = plan.steps.iter().filter(|other| step.server.is_some() && other.server == step.server);
    failed(state, step).or_else(|| same.find_map(|other| failed(state, other)))
}

/// The first signature that a checklist waits for, and everybody who may give one of them.
fn sign_items(inputs: &Inputs<'_>, phase: ChecklistPhase) -> NextAct {
    let (tenant, count) = (&inputs.plan.tenant, inputs.unsigned.len());
    let roles: BTreeSet<&RoleId> = inputs.unsigned.iter().map(|one| &one.role).collect();
    let command = inputs.unsigned.first().map(|Unsigned { role, .. }| {
        format!("traghetto checklist sign {phase} {tenant} --all --role {role} --note TEXT")
    });
    let report = format!("traghetto checklist report {phase} {tenant}");
    NextAct {
        who: holders(inputs, roles.into_iter()),
        command,
        or: None,
        by: None,
        what: text(
            format!("la checklist {phase} attende {count} firme ({report}), poi: traghetto migrate run {tenant}"),
            format!("checklist {phase} waits for {count} signatures ({report}), then: traghetto migrate run {tenant}"),
        ),
    }
}

/// Who may sign in some of `roles`, with contacts.
pub(super) fn holders<'a>(inputs: &Inputs<'_>, roles: impl Iterator<Item = &'a RoleId>) -> Vec<String> {
    let people = inputs.people;
    let tenant = &inputs.plan.tenant;
    roles.flat_map(|role| people.holders(role, tenant).map(move |who| contact(people, role, who))).collect()
}

fn blocked(step: Option<&Step>, run: &str) -> NextAct {
    let name = step.map(|step| step.id.to_string()).unwrap_or_default();
    let what = text(format!("riprendere da {name}"), format!("go on with {name}"));
    NextAct { who: Vec::new(), command: Some(run.to_owned()), or: None, by: None, what }
}

fn sign(inputs: &Inputs<'_>, gate: &GateStatus<'_>) -> NextAct {
    let tenant = &inputs.plan.tenant;
    let name = &gate.gate.gate;
    let role = gate.missing.first().map(|role| role.as_str()).unwrap_or_default();
    NextAct {
        who: holders(inputs, gate.missing.iter().copied()),
        command: Some(format!("traghetto migrate sign {tenant} {name} --role {role}")),
        or: None,
        by: None,
        what: match gate.changed.as_slice() {
            [] => text(
                format!("firmare il passaggio {name}: {}", gate.gate.title.it),
                format!("sign gate {name}: {}", gate.gate.title.en),
            ),
            [first, others @ ..] => text(
                format!(
                    "firmare di nuovo il passaggio {name}: dopo le firme i termini dello spostamento sono cambiati \
                     ({first}{})",
                    if others.is_empty() { String::new() } else { format!("; altri {}", others.len()) }
                ),
                format!(
                    "sign gate {name} again: the terms of the cutover changed after they were signed ({first}{})",
                    if others.is_empty() { String::new() } else { format!("; {} more", others.len()) }
                ),
            ),
        },
    }
}

/// Nothing is to be done but to leave servers off and disks as they are.
fn wait(quiet: &QuietPeriod) -> NextAct {
    let QuietPeriod { accepted, term, ends, earliest, cut, .. } = quiet;
    let (short, cut) = if *cut { (", abbreviato: prevale il piano", quiet.remark()) } else { ("", "") };
    let (accepted, ends, earliest) = (italian(*accepted), italian(*ends), italian(*earliest));
    let what = text(
        format!(
            "lasciare spenti i server e intatti i dischi fino al {ends}: il periodo di quiete è di {term} dal collaudo \
             ({accepted}){short}; l'attività 6 comincia dal {earliest}"
        ),
        format!(
            "leave the servers off and their disks as they are until {ends}: the quiet period is {term} from the \
             acceptance ({accepted}){cut}; activity 6 begins on {earliest}"
        ),
    );
    NextAct { who: Vec::new(), command: None, or: None, by: None, what }
}

/// A person with role and contact, on one line.
pub fn contact(people: &People, role: &RoleId, person: &Person) -> String {
    let title = people.roles.get(role).map_or(role.as_str(), |role| role.title.as_str());
    let contact = person.contact.as_deref().map(|contact| format!(", {contact}")).unwrap_or_default();
    format!("{} ({title}{contact})", person.name)
}
