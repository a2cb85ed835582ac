//! What people are told while a run is at work: what happened, what is safe, what comes next, and who. Pure.

use super::gate::gates;
use super::go_back::unmeasured;
use super::hours::clock;
use super::phase::{Phase, phase_of};
use super::plan::{Plan, PlannedServer};
use super::record::{Record, Stop};
use super::replaced::{WayBack, way_back};
use super::state::RunState;
use super::status::Status;
use crate::journal::Event;
use crate::model::bilingual::Bilingual;
use crate::model::notify::Occasion;
use crate::model::server::Transfer;
use crate::model::window::Window;
use crate::model::{ServerId, TenantId};
use crate::untrusted::printable;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How long before the time to go back people are told.
pub const BEFORE_GO_BACK: SignedDuration = SignedDuration::from_mins(30);
/// What happened longer ago than this is no news any more.
const NEWS_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Longest sentence of a notice, in characters: what others wrote may be in it.
const LONGEST: usize = 500;
/// Why a notice was given up when the run that had it was over: who runs next tells it anew, if it is still so.
pub const RUN_OVER: &str = "the run was over";

/// Something that people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same key is the same notice: whoever gets it twice can tell.
    pub key: String,
    /// What kind.
    pub occasion: Occasion,
    /// Whose migration.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// The servers that it is about; none where it is about all.
    pub servers: Vec<ServerId>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: Bilingual,
    /// What is safe to do.
    pub safe: Vec<Bilingual>,
    /// What is not.
    pub not_safe: Vec<Bilingual>,
    /// What speaks for going back, where that is to be decided.
    pub go_back: Vec<Bilingual>,
    /// What comes next.
    pub next: Bilingual,
    /// The command for it; several are on lines of their own.
    pub command: Option<String>,
    /// By when.
    pub by: Option<Timestamp>,
    /// Who does it, or is called: names with contacts.
    pub who: Vec<String>,
}

/// What a notice is made from.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The tenant's name.
    pub name: &'a str,
    /// Whose migration.
    pub tenant: &'a TenantId,
    /// Where it stands.
    pub status: &'a Status,
    /// Whom to call where the status names nobody.
    pub call: &'a [String],
    /// The present time.
    pub now: Timestamp,
}

impl Notice {
    fn of(seen: &Seen<'_>, occasion: Occasion, key: String, what: Bilingual) -> Self {
        let Seen { name, tenant, status, call, now } = *seen;
        let who = if status.next.who.is_empty() { call.to_vec() } else { status.next.who.clone() };
        Self {
            key,
            occasion,
            tenant: tenant.clone(),
            name: name.to_owned(),
            servers: Vec::new(),
            at: now,
            what,
            safe: status.safe.clone(),
            not_safe: status.not_safe.clone(),
            go_back: Vec::new(),
            next: status.next.what.clone(),
            command: status.next.command.clone(),
            by: status.next.by,
            who,
        }
    }

    /// Of one of the `events`; none where nobody needs to know.
    pub fn of_event(event: &Event, events: &[Event], plan: &Plan, seen: &Seen<'_>) -> Option<Self> {
        let key = event_key(event, events)?;
        let record = Record::of(event).ok()??;
        let step = record.step()?.clone();
        let (occasion, what) = match &record {
            Record::StepFailed { reason, .. } => {
                let reason = short(reason);
                (Occasion::Failure, both(format!("{step} non riuscito: {reason}"), format!("{step} failed: {reason}")))
            }
            _ => (Occasion::Gate, both(format!("{step} attende una persona"), format!("{step} waits for a person"))),
        };
        let servers = plan.steps.iter().find(|planned| planned.id == step).and_then(|planned| planned.server.clone());
        let at = event.time.parse().unwrap_or(seen.now);
        Some(Self { at, servers: servers.into_iter().collect(), ..Self::of(seen, occasion, key, what) })
    }

    /// That the run waits at the gate that comes next; none where none waits.
    pub fn of_gate(seen: &Seen<'_>) -> Option<Self> {
        let gate = seen.status.gates.iter().find(|gate| gate.state != "open")?;
        let key = format!("gate:{}:{}", gate.gate, gate.approves.get(..12).unwrap_or(&gate.approves));
        let what = both(
            format!("la migrazione attende al passaggio {}", gate.gate),
            format!("the migration waits at gate {}", gate.gate),
        );
        Some(Self::of(seen, Occasion::Gate, key, what))
    }

    /// That the machine of a server that was taken back is not off yet.
    pub fn of_withdrawal(server: &ServerId, reason: &str, seen: &Seen<'_>) -> Self {
        let what = both(
            format!("{server} torna alla sorgente, ma la sua macchina al data center non è spenta: {reason}"),
            format!("{server} goes back to its source, but its machine at the landing site is not off: {reason}"),
        );
        let key = format!("withdraw:{server}:{}", day_and_hour(seen.now));
        Self { servers: vec![server.clone()], ..Self::of(seen, Occasion::Failure, key, what) }
    }

    /// That a copy found the LTE backup carrying.
    pub fn of_lte(server: &ServerId, since: Timestamp, seen: &Seen<'_>) -> Self {
        let what = both(
            format!("{server}: la sede è sulla riserva LTE; la copia è ferma e riprende da sola sulla linea primaria"),
            format!(
                "{server}: the site is on its LTE backup; the copy holds and goes on by itself on the primary line"
            ),
        );
        let next = both(
            "segnalare il guasto al gestore; il termine di ripristino".to_owned(),
            "report the fault to the carrier; by when it is mended".to_owned(),
        );
        let key = format!("lte:{server}:{}", day_and_hour(since));
        let command = Some(format!("traghetto network sla {} --reported {}", seen.tenant, day_and_hour(since)));
        let told = Self::of(seen, Occasion::Lte, key, what);
        Self { servers: vec![server.clone()], at: since, next, command, by: None, ..told }
    }

    /// That half an hour, or less, is left to decide whether to go back.
    pub fn of_go_back(due: &GoBackDue, seen: &Seen<'_>) -> Self {
        let GoBackDue { servers, window, go_back_at } = due;
        let names = servers.iter().map(ServerId::as_str).collect::<Vec<_>>().join(", ");
        let minutes = go_back_at.duration_since(seen.now).as_secs().max(0) / 60;
        let hour = clock(*go_back_at);
        let what = both(
            format!("{names}: mancano {minutes} minuti all'ora limite per tornare indietro ({hour})"),
            format!("{names}: {minutes} minutes are left to the time to go back ({hour})"),
        );
        let next = both(
            "decidere se proseguire o tornare indietro; nulla torna indietro da solo".to_owned(),
            "decide whether to go on or back; nothing goes back by itself".to_owned(),
        );
        let key = format!(
            "go-back:{}:{}",
            servers.iter().map(ServerId::as_str).collect::<Vec<_>>().join("+"),
            day_and_hour(*window)
        );
        // Without `--server` it would take back those of an earlier night, too.
        let each = servers.iter().map(|server| {
            format!("traghetto migrate rollback {} --server {server} --role ROLE --reason TEXT", seen.tenant)
        });
        let command = Some(each.collect::<Vec<_>>().join("\n"));
        let told = Self::of(seen, Occasion::GoBack, key, what);
        let go_back = speaks(seen.status, servers);
        Self { servers: servers.clone(), go_back, next, command, by: Some(*go_back_at), ..told }
    }

    /// That all is done.
    pub fn of_done(digest: &str, seen: &Seen<'_>) -> Self {
        let what = both(
            "tutte le attività della migrazione sono concluse".to_owned(),
            "all activities of the migration are done".to_owned(),
        );
        let key = format!("done:{}", digest.get(..12).unwrap_or(digest));
        Self::of(seen, Occasion::Done, key, what)
    }

    /// The notice as one JSON object, as receivers get it.
    pub fn to_json(&self, italian: bool) -> Value {
        let said = |both: &Bilingual| short(if italian { &both.it } else { &both.en });
        let all = |list: &[Bilingual]| list.iter().map(said).collect::<Vec<_>>();
        json!({
            "notice": self.occasion,
            "key": self.key,
            "tenant": self.tenant.as_str(),
            "name": self.name,
            "servers": self.servers,
            "at": rome(self.at),
            "what": said(&self.what),
            "safe": all(&self.safe),
            "not_safe": all(&self.not_safe),
            "go_back": all(&self.go_back),
            "next": said(&self.next),
            "command": self.command,
            "by": self.by.map(rome),
            "who": self.who,
            "text": self.text(italian),
        })
    }

    /// The notice as a person reads it.
    pub fn text(&self, italian: bool) -> String {
        let said = |both: &Bilingual| short(if italian { &both.it } else { &both.en });
        let [safe, not_safe, back, next, by, call] = if italian {
            ["Si può", "Da non fare", "Per tornare indietro", "Prossimo passo", "entro", "Chi"]
        } else {
            ["Safe", "Not safe", "For going back", "Next", "by", "Who"]
        };
        let mut lines = vec![format!("{} {}: {}", clock(self.at), printable(&self.name), said(&self.what))];
        lines.extend(self.safe.iter().map(|one| format!("{safe}: {}", said(one))));
        lines.extend(self.not_safe.iter().map(|one| format!("{not_safe}: {}", said(one))));
        lines.extend(self.go_back.iter().map(|one| format!("{back}: {}", said(one))));
        let until = self.by.map(|at| format!(" ({by} {})", clock(at))).unwrap_or_default();
        lines.push(format!("{next}: {}{until}", said(&self.next)));
        let commands = self.command.iter().flat_map(|command| command.lines());
        lines.extend(commands.map(|command| format!("  {}", printable(command))));
        lines.extend(self.who.iter().map(|who| format!("{call}: {}", printable(who))));
        lines.join("\n") + "\n"
    }
}

/// Servers on the move whose time to go back is near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoBackDue {
    /// Which servers.
    pub servers: Vec<ServerId>,
    /// When their window began: with it a notice is known.
    pub window: Timestamp,
    /// When people have decided.
    pub go_back_at: Timestamp,
}

/// Whether a window is in its last minutes before the time to go back.
pub fn is_near(window: &Window, now: Timestamp) -> bool {
    let left = window.go_back_at().duration_since(now);
    window.holds(now) && left > SignedDuration::ZERO && left <= BEFORE_GO_BACK
}

/// The windows whose time to go back is near, with the servers that are on the move in them. Nobody is told of one that
/// is replaced and does not come back any more.
pub fn go_back_due(windows: &[Window], plan: &Plan, state: &RunState, now: Timestamp) -> Vec<GoBackDue> {
    let moving = state.moving();
    let gates = gates(plan, state, now);
    let open = |server: &&ServerId| {
        !matches!(phase_of(plan, state, &gates, server), Phase::Accepted | Phase::Decommissioned | Phase::RolledBack)
    };
    let near = windows.iter().filter(|window| is_near(window, now));
    let due = near.map(|window| {
        let comes_back = |planned: &&PlannedServer| {
            let way = || way_back(plan, state, &planned.server);
            planned.transfer != Transfer::Replace || matches!(way(), WayBack::Open { .. })
        };
        let mine = plan.servers.iter().filter(comes_back).map(|planned| &planned.server);
        let mine = mine.filter(|server| moving.contains(*server) && window.is_for(server)).filter(open);
        GoBackDue { servers: mine.cloned().collect(), window: window.from(), go_back_at: window.go_back_at() }
    });
    due.filter(|due| !due.servers.is_empty()).collect()
}

/// Whether people are told of an event.
pub fn is_told(event: &Event) -> bool {
    event.data["step"].is_string() && (event.kind == "step.failed" || is_wait(event))
}

fn is_wait(event: &Event) -> bool {
    event.kind == "step.stopped" && event.data["why"] == json!(Stop::Waiting)
}

/// The key of the notice of one of the `events`; none where nobody needs to know. A step that still waits for the
/// same person keeps its key, however often the run is repeated.
pub fn event_key(event: &Event, events: &[Event]) -> Option<String> {
    let step = event.data["step"].as_str().filter(|_| is_told(event))?;
    if !is_wait(event) {
        return Some(format!("failure:{step}:{}", event.seq));
    }
    let mut first = None;
    for before in events.iter().take_while(|before| before.seq <= event.seq) {
        if ends_wait(before, step) {
            first = None;
        } else if is_wait(before) && before.data["step"] == step {
            first = first.or(Some(before.seq));
        }
    }
    Some(format!("gate:{step}:{}", first.unwrap_or(event.seq)))
}

/// Whether what `step` waited for was done or said with this event, or it is to be done anew.
fn ends_wait(event: &Event, step: &str) -> bool {
    let mine = || event.data["step"] == step;
    let of_server = || event.data["server"].as_str().is_some_and(|server| step.split('.').any(|part| part == server));
    match event.kind.as_str() {
        "step.finished" | "step.failed" | "step.stated" | "step.overridden" => mine(),
        "server.stated" | "server.rolled-back" | "server.reentered" => of_server(),
        // A signature at the gate where sources are quiet begins a new night.
        "gate.signed" => true,
        _ => false,
    }
}

/// Who was told of what, or could not be, as the events say: key and receiver. What only the end of a run cut off
/// is told by the next one, if it is still so.
pub fn settled(events: &[Event]) -> BTreeSet<(String, String)> {
    let lost = |event: &Event| event.kind == "notice.lost" && event.data["reason"] != RUN_OVER;
    let told = events.iter().filter(|event| event.kind == "notice.sent" || lost(event));
    let word = |event: &Event, key: &str| event.data[key].as_str().unwrap_or_default().to_owned();
    told.map(|event| (word(event, "key"), word(event, "to"))).collect()
}

/// When people were last told that the LTE backup carries the copy of a server.
pub fn lte_told(events: &[Event]) -> BTreeMap<ServerId, Timestamp> {
    let sent = events.iter().filter(|event| event.kind == "notice.sent");
    sent.filter_map(|event| {
        let server = event.data["key"].as_str()?.strip_prefix("lte:")?.split(':').next()?;
        Some((server.parse().ok()?, event.time.parse().ok()?))
    })
    .collect()
}

/// Whether the next run cannot know from the log that a notice of this key is owed.
pub fn dies_with_run(key: &str) -> bool {
    ["lte:", "withdraw:", "go-back:"].iter().any(|kind| key.starts_with(kind))
}

/// Events of which people are told, not older than a day: those of a run that was killed, too.
pub fn news(events: &[Event], now: Timestamp) -> impl Iterator<Item = &Event> {
    let fresh = move |event: &&Event| {
        let at = event.time.parse::<Timestamp>();
        at.is_ok_and(|at| now.duration_since(at) <= NEWS_FOR)
    };
    events.iter().filter(|event| is_told(event)).filter(fresh)
}

/// What speaks for going back of these servers, and what nobody measures from here.
fn speaks(status: &Status, servers: &[ServerId]) -> Vec<Bilingual> {
    let mine = status.go_back.iter().filter(|one| servers.contains(&one.server));
    let said = mine.map(|one| {
        let (it, en) = if one.met { ("", "") } else { (" (non ancora un motivo)", " (not a reason yet)") };
        both(format!("{}: {}{it}", one.server, one.what.it), format!("{}: {}{en}", one.server, one.what.en))
    });
    said.chain([unmeasured()]).collect()
}

/// A sentence, on one line and not too long.
fn short(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn day_and_hour(at: Timestamp) -> String {
    clock(at).replace(' ', "T")
}

fn rome(at: Timestamp) -> String {
    crate::journal::event::rome(&at)
}

fn both(it: String, en: String) -> Bilingual {
    Bilingual { it, en }
}
