//! The page for the next shift: done, running, waiting, risks, next, contacts. Pure.

use super::by_hand::ByHandLine;
use super::forecast::in_rome;
use super::hours::clock;
use super::phase::Phase;
use super::playbook::Action;
use super::record::{ByHand, Record};
use super::state::{IllegalEvent, StepState};
use super::status::{Inputs, ManualLine, NextAct, Status, contact};
use crate::journal::Event;
use crate::model::RoleId;
use crate::model::bilingual::Bilingual;
use crate::untrusted::printable;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// What the next shift has to know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Handover {
    /// Whose migration.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// When it was written.
    #[serde(serialize_with = "in_rome")]
    pub at: Timestamp,
    /// From when on what was done is told.
    #[serde(serialize_with = "in_rome")]
    pub since: Timestamp,
    /// Where the tenant is on its way.
    pub phase: Phase,
    /// What was done, oldest first.
    pub done: Vec<Told>,
    /// What is at work.
    pub running: Vec<Bilingual>,
    /// What waits for people or for an hour.
    pub waiting: Vec<Bilingual>,
    /// What may go wrong, or has.
    pub risks: Vec<Bilingual>,
    /// Remarks of people, oldest first.
    pub remarks: Vec<Told>,
    /// What comes next.
    pub next: NextAct,
    /// Whom to call.
    pub contacts: Vec<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// When.
    #[serde(serialize_with = "in_rome")]
    pub at: Timestamp,
    /// The operator.
    pub by: String,
    /// What.
    pub what: Bilingual,
}

impl Handover {
    /// The page for whoever comes at `inputs.now`, with what was done from `since` on.
    ///
    /// # Errors
    /// An event that no version of this program can have written.
    pub fn of(name: &str, inputs: &Inputs<'_>, status: &Status, since: Timestamp) -> Result<Self, IllegalEvent> {
        let mut told = Vec::new();
        for event in inputs.events {
            told.extend(happened(event)?.filter(|(_, told)| told.at >= since));
        }
        let (remarks, done): (Vec<_>, Vec<_>) = told.into_iter().partition(|(remark, _)| *remark);
        let only = |list: Vec<(bool, Told)>| list.into_iter().map(|(_, told)| told).collect();
        Ok(Self {
            tenant: status.tenant.clone(),
            name: name.to_owned(),
            at: inputs.now,
            since,
            phase: status.phase,
            done: only(done),
            running: running(inputs, status),
            waiting: waiting(inputs, status),
            risks: risks(status),
            remarks: only(remarks),
            next: status.next.clone(),
            contacts: contacts(inputs),
        })
    }

    /// The page in both languages.
    pub fn page(&self) -> Bilingual {
        Bilingual { it: self.written(&ITALIAN, |both| &both.it), en: self.written(&ENGLISH, |both| &both.en) }
    }

    fn written(&self, words: &Words, of: fn(&Bilingual) -> &str) -> String {
        let (at, since) = (clock(self.at), clock(self.since));
        let mut text = format!("{}: {}, {} {at}\n", words.title, self.name, self.phase.word());
        let told = |list: &[Told]| -> Vec<String> {
            list.iter().map(|one| format!("{}  {}: {}", clock(one.at), one.by, of(&one.what))).collect()
        };
        let plain = |list: &[Bilingual]| -> Vec<String> { list.iter().map(|one| of(one).to_owned()).collect() };
        section(&mut text, &format!("{} {since}", words.done), &told(&self.done), words);
        section(&mut text, words.running, &plain(&self.running), words);
        section(&mut text, words.waiting, &plain(&self.waiting), words);
        section(&mut text, words.risks, &plain(&self.risks), words);
        section(&mut text, words.remarks, &told(&self.remarks), words);
        let mut next = vec![of(&self.next.what).to_owned()];
        next.extend(self.next.by.map(|by| format!("{} {}", words.by, clock(by))));
        next.extend(self.next.command.clone());
        next.extend(self.next.or.clone());
        section(&mut text, words.next, &next, words);
        section(&mut text, words.contacts, &self.contacts, words);
        text
    }
}

/// The fixed words of the page.
struct Words {
    title: &'static str,
    done: &'static str,
    running: &'static str,
    waiting: &'static str,
    risks: &'static str,
    remarks: &'static str,
    next: &'static str,
    by: &'static str,
    contacts: &'static str,
    nothing: &'static str,
}

const ITALIAN: Words = Words {
    title: "Consegna del turno",
    done: "Fatto dal",
    running: "In corso",
    waiting: "In attesa",
    risks: "Rischi",
    remarks: "Note",
    next: "Prossimo passo",
    by: "entro",
    contacts: "Recapiti",
    nothing: "niente",
};

const ENGLISH: Words = Words {
    title: "Handover",
    done: "Done since",
    running: "Running",
    waiting: "Waiting",
    risks: "Risks",
    remarks: "Remarks",
    next: "Next",
    by: "by",
    contacts: "Contacts",
    nothing: "nothing",
};

fn section(text: &mut String, title: &str, lines: &[String], words: &Words) {
    text.push_str(&format!("\n{title}\n"));
    if lines.is_empty() {
        text.push_str(&format!("  {}\n", words.nothing));
    }
    text.extend(lines.iter().map(|line| format!("  {}\n", printable(line))));
}

/// What an event says to the next shift, and whether it is a remark.
fn happened(event: &Event) -> Result<Option<(bool, Told)>, IllegalEvent> {
    let illegal = |reason: String| IllegalEvent { seq: event.seq, kind: event.kind.clone(), reason };
    let at = event.time.parse().map_err(|error: jiff::Error| illegal(error.to_string()))?;
    let Some(record) = Record::of(event).map_err(|error| illegal(error.to_string()))? else { return Ok(None) };
    let remark = matches!(record, Record::Note { .. });
    let told = |what| (remark, Told { at, by: event.operator.clone(), what });
    Ok(in_words(&record).map(told))
}

fn in_words(record: &Record) -> Option<Bilingual> {
    Some(match record {
        Record::StepFinished { step, .. } => both(format!("{step} concluso"), format!("{step} done")),
        Record::StepFailed { step, reason, .. } => {
            both(format!("{step} non riuscito: {reason}"), format!("{step} failed: {reason}"))
        }
        Record::GateSigned { gate, role, by, .. } => {
            both(format!("passaggio {gate} firmato da {by} ({role})"), format!("gate {gate} signed by {by} ({role})"))
        }
        Record::ServerRolledBack { server, by, reason, .. } => both(
            format!("{server} riportato alla sorgente da {by}: {reason}"),
            format!("{server} taken back by {by}: {reason}"),
        ),
        Record::ServerStated { server, fact, by, note, .. } => {
            let text = format!("{server} {}, {by}: {note}", fact.word());
            both(text.clone(), text)
        }
        Record::OverrideAsked { step, way, by, reason, .. } => both(
            format!("{step}: {by} chiede {}: {reason}", in_italian(*way)),
            format!("{step}: {by} wants it {}: {reason}", way.in_words()),
        ),
        Record::OverrideRevoked { step, by, reason, .. } => both(
            format!("{step}: {by} ritira la richiesta: {reason}"),
            format!("{step}: {by} revokes the wish: {reason}"),
        ),
        Record::StepOverridden { step, way, first, second } => {
            let (one, two, why) = (&first.by, &second.by, &first.reason);
            both(
                format!("{step}: {}, decidono {one} e {two}: {why}", in_italian(*way)),
                format!("{step} {}, decided by {one} and {two}: {why}", way.in_words()),
            )
        }
        Record::StepStated { step, role, by, note } => both(
            format!("{step} fatto a mano, dice {by} ({role}): {note}"),
            format!("{step} done by hand, says {by} ({role}): {note}"),
        ),
        Record::WindowWaived { server, by, note, .. } => both(
            format!("{server} fuori finestra, consenso di {by}: {note}"),
            format!("{server} outside of its window, agreed by {by}: {note}"),
        ),
        Record::PlanAdopted { digest, .. } => {
            let short = digest.get(..12).unwrap_or(digest);
            both(format!("piano {short} adottato"), format!("plan {short} adopted"))
        }
        Record::JournalAdopted { file, reason, events, .. } => both(
            format!("{events} eventi adottati da {file}: {reason}"),
            format!("{events} events adopted from {file}: {reason}"),
        ),
        Record::NoticeLost { key, to, reason, .. } => both(
            format!("avviso {key} non consegnato a {to}: {reason}"),
            format!("notice {key} not delivered to {to}: {reason}"),
        ),
        Record::Note { text } => both(text.clone(), text.clone()),
        _ => return None,
    })
}

/// What is wanted of a step.
fn in_italian(way: ByHand) -> &'static str {
    match way {
        ByHand::Done => "che valga come fatto a mano",
        ByHand::Skipped => "che sia saltato",
    }
}

fn running(inputs: &Inputs<'_>, status: &Status) -> Vec<Bilingual> {
    let mut found = Vec::new();
    found.extend(inputs.holder.map(|holder| both(format!("al lavoro: {holder}"), format!("at work: {holder}"))));
    for live in status.servers.iter().filter_map(|server| server.copying.live.as_ref()) {
        let percent = live.done.saturating_mul(100).checked_div(live.total).unwrap_or(0);
        let text = format!("{} {}: {} {percent} %, {}", live.server, live.disk, live.stage, live.path);
        found.push(both(text.clone(), text));
    }
    let begun = inputs.state.steps.iter().filter(|(_, state)| matches!(state, StepState::Running { .. }));
    found.extend(begun.map(|(step, _)| match inputs.holder {
        Some(_) => both(format!("{step} in corso"), format!("{step} at work")),
        None => both(
            format!("{step} iniziato e non concluso: il suo processo è morto; si ripete senza danno"),
            format!("{step} begun and not ended: its process died; it is safe to repeat"),
        ),
    }));
    found
}

fn waiting(inputs: &Inputs<'_>, status: &Status) -> Vec<Bilingual> {
    let mut found = Vec::new();
    for gate in status.gates.iter().filter(|gate| gate.state == "waiting") {
        let roles = gate.missing.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        let (name, en) = (&gate.gate, format!("gate {} waits for {roles}", gate.gate));
        found.push(both(format!("il passaggio {name} attende {roles}"), en));
    }
    for ManualLine { step, title, instructions, command, .. } in &status.manual {
        found.push(both(
            format!("{step} si fa a mano: {}. {} Poi: {command}", title.it, instructions.it),
            format!("{step} is done by hand: {}. {} Then: {command}", title.en, instructions.en),
        ));
    }
    for ByHandLine { step, way, decided, .. } in status.by_hand.iter().filter(|line| !line.agreed) {
        let who = decided.iter().map(|one| one.by.as_str()).collect::<Vec<_>>().join(", ");
        found.push(both(
            format!("{step}: {who} chiede {}; serve l'altra parte", in_italian(*way)),
            format!("{step}: {who} wants it {}; the other side has to agree", way.in_words()),
        ));
    }
    for one in inputs.unsigned {
        let (item, role) = (&one.item, &one.role);
        found.push(both(format!("{item} attende la firma di {role}"), format!("{item} waits to be signed by {role}")));
    }
    if let Some(window) = status.window.filter(|window| window.from > inputs.now) {
        let from = clock(window.from);
        found.push(both(format!("la finestra si apre il {from}"), format!("the window opens {from}")));
    }
    if let Some(why) = &status.paused {
        found.push(both(format!("in pausa: {why}"), format!("paused: {why}")));
    }
    found
}

fn risks(status: &Status) -> Vec<Bilingual> {
    let mut found = Vec::new();
    for server in &status.servers {
        let name = &server.server;
        if let Some(failure) = &server.failure {
            found.push(both(format!("{name} non riuscito: {failure}"), format!("{name} failed: {failure}")));
        }
        if server.copying.path.as_deref() == Some("backup") {
            found.push(both(
                format!("{name} copia sulla linea di riserva"),
                format!("{name} copies over the backup line"),
            ));
        }
    }
    for one in &status.go_back {
        let Bilingual { it, en } = &one.what;
        found.push(both(format!("tornare indietro? {}: {it}", one.server), format!("go back? {}: {en}", one.server)));
    }
    for gate in status.gates.iter().filter(|gate| !gate.void.is_empty()) {
        let (name, void) = (&gate.gate, gate.void.len());
        found
            .push(both(format!("{name}: {void} firme non valgono più"), format!("{name}: {void} signatures are void")));
    }
    if status.plan_changed {
        found.push(both(
            "inventario o playbook non sono più quelli del piano adottato".to_owned(),
            "inventory or playbook are no longer those of the adopted plan".to_owned(),
        ));
    }
    if let Some(window) = status.window {
        let back = clock(window.go_back_at);
        found.push(both(format!("ora limite per tornare indietro: {back}"), format!("time to go back: {back}")));
    }
    found.extend(
        status
            .not_safe
            .iter()
            .map(|one| Bilingual { it: format!("da non fare: {}", one.it), en: format!("not safe: {}", one.en) }),
    );
    found
}

/// Everybody who signs a gate of the plan, or does a step of it by hand.
fn contacts(inputs: &Inputs<'_>) -> Vec<String> {
    let gates = inputs.plan.steps.iter().filter_map(|step| match &step.action {
        Action::Gate(gate) => Some(&gate.roles),
        Action::Manual(manual) => Some(&manual.by),
        _ => None,
    });
    let roles: BTreeSet<&RoleId> = gates.flatten().collect();
    let people = inputs.people;
    let holders = |role| people.holders(role, &inputs.plan.tenant).map(move |who| contact(people, role, who));
    roles.into_iter().flat_map(holders).collect()
}

fn both(it: String, en: String) -> Bilingual {
    Bilingual { it, en }
}
