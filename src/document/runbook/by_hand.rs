//! What people do by hand, as the playbook says it, in the plan's order among the steps of the move.

use super::{RunbookStep, Sources, engineer, routes, say};
use crate::checklist::{Check, Condition, Native, Probe, Template, Test};
use crate::migration::{Action, Addressed, Manual, Reached, Step};
use crate::model::bilingual::Bilingual;
use crate::model::server::{DirectoryWay, Server, Transfer};
use crate::network::kit::Place;

/// Steps of the move, each with the word of the plan's step that it belongs to.
pub(super) type Block = (&'static str, Vec<RunbookStep>);

/// `blocks` and the manual steps of `server` in the plan's order. A block whose step the plan does not have comes with
/// the one before it.
pub(super) fn in_order(sources: &Sources<'_>, server: &Server, blocks: Vec<Block>) -> Vec<RunbookStep> {
    let all = &sources.plan.steps;
    let own =
        |word: &str| all.iter().position(|step| step.server.as_ref() == Some(&server.id) && step.action.word() == word);
    let mut at = first_place(sources, server);
    let mut placed: Vec<(usize, Vec<RunbookStep>)> = Vec::new();
    for (word, steps) in blocks {
        at = own(word).unwrap_or(at);
        placed.push((at, steps));
    }
    let manual = all.iter().enumerate().filter_map(|(at, step)| match &step.action {
        Action::Manual(manual) if is_for(sources, server, step) => {
            Some((at, vec![of_manual(sources, server, step, manual)]))
        }
        _ => None,
    });
    placed.extend(manual);
    // Stable: a block comes before the manual step that needs it.
    placed.sort_by_key(|(at, _)| *at);
    placed.into_iter().flat_map(|(_, steps)| steps).collect()
}

/// Where the move begins in the plan: of a replaced server before its successor takes the address over.
fn first_place(sources: &Sources<'_>, server: &Server) -> usize {
    let all = &sources.plan.steps;
    let found = match server.transfer {
        Transfer::Replace => all.iter().position(|step| match &step.action {
            Action::Manual(manual) => {
                step.server.as_ref() == Some(&server.id) && manual.applies_to.landing.contains(&Addressed::Keep)
            }
            _ => false,
        }),
        _ => all.iter().rposition(|step| step.action == Action::FinalSync),
    };
    found.unwrap_or(all.len())
}

/// What is done once for the tenant is printed with its first server.
fn is_for(sources: &Sources<'_>, server: &Server, step: &Step) -> bool {
    let first = || sources.nights.first().and_then(|night| night.servers.first()).map(|moved| &moved.server);
    match &step.server {
        Some(id) => *id == server.id,
        None => first() == Some(&server.id),
    }
}

fn of_manual(sources: &Sources<'_>, server: &Server, step: &Step, manual: &Manual) -> RunbookStep {
    let who = who(sources, manual);
    let how = if is_before_the_night(sources, step) {
        let Bilingual { it, en } = &manual.instructions;
        let number = step.activity;
        say(
            format!("Attività {number}, prima della notte: qui si controlla che sia fatto. {it}"),
            format!("Activity {number}, before the night: here it is seen that it was done. {en}"),
        )
    } else {
        manual.instructions.clone()
    };
    let mut made = RunbookStep::new("manual", say(who.clone(), who), manual.title.clone());
    made.how = Some(how);
    let shows = match &manual.asks {
        Some(Check::Probe { probe, expect, .. }) => shown(server, probe, expect),
        Some(Check::Manual { .. }) | None => say(
            "nessuna prova lo vede: lo dichiara chi lo esegue",
            "no probe sees it: whoever does it says that it is done",
        ),
    };
    made.expect.push(shows);
    made
}

/// Who does a step by hand, by the titles of the roles.
fn who(sources: &Sources<'_>, manual: &Manual) -> String {
    let roles = &sources.people.roles;
    let titles = manual.by.iter().map(|role| roles.get(role).map_or(role.as_str(), |role| role.title.as_str()));
    titles.collect::<Vec<_>>().join(", ")
}

fn is_before_the_night(sources: &Sources<'_>, step: &Step) -> bool {
    let begins = sources.plan.steps.iter().find(|step| match &step.action {
        Action::Gate(gate) => gate.reaches == Some(Reached::Quiet),
        Action::FinalSync => true,
        _ => false,
    });
    begins.is_some_and(|first| step.activity < first.activity)
}

/// A probe in words: what is asked, and what is seen.
fn shown(server: &Server, probe: &Probe, expect: &[Condition]) -> Bilingual {
    let fill = |template: &Template| filled(server, &template.to_string());
    let asked = match probe {
        Probe::Tcp { host, port } => format!("TCP {}:{}", fill(host), fill(port)),
        Probe::Ping { host, .. } => format!("ping {}", fill(host)),
        Probe::Dns { server, name, record } => format!("nslookup -type={record} {} {}", fill(name), fill(server)),
        Probe::Http { url } => fill(url),
        Probe::Native(Native::Ldap { host, port }) => format!("LDAP {}:{port}", fill(host)),
        Probe::Native(Native::Locator { server, service, .. }) => {
            format!("nslookup -type=SRV {service}.%USERDNSDOMAIN% {}", fill(server))
        }
        other => other.kind().to_owned(),
    };
    let all = |word: fn(&Condition) -> Bilingual| expect.iter().map(word).collect::<Vec<_>>();
    let words = all(condition);
    let it: Vec<&str> = words.iter().map(|one| one.it.as_str()).collect();
    let en: Vec<&str> = words.iter().map(|one| one.en.as_str()).collect();
    say(filled(server, &format!("{asked}: {}", it.join("; "))), filled(server, &format!("{asked}: {}", en.join("; "))))
}

fn condition(condition: &Condition) -> Bilingual {
    let name = condition.attribute;
    let plain = condition.to_string();
    match (name, &condition.test) {
        ("open", Test::Flag(false)) => say("la porta non risponde", "the port does not answer"),
        ("open", Test::Flag(true)) => say("la porta risponde", "the port answers"),
        ("loss", Test::AtLeast(least)) if *least >= 100.0 => say("nessuna risposta", "no answer"),
        ("loss", Test::AtMost(most)) => {
            say(format!("risponde (perdita al più {most} %)"), format!("it answers (loss at most {most} %)"))
        }
        ("addresses", Test::Contains(text)) => {
            say(format!("tra gli indirizzi c'è {text}"), format!("{text} is among the addresses"))
        }
        ("addresses", Test::Lacks(text)) => {
            say(format!("tra gli indirizzi non c'è {text}"), format!("{text} is not among the addresses"))
        }
        (_, Test::Flag(flag)) => say(format!("{name} = {}", if *flag { "sì" } else { "no" }), plain),
        (_, Test::AtLeast(least)) => say(format!("{name} almeno {least}"), plain),
        (_, Test::AtMost(most)) => say(format!("{name} al più {most}"), plain),
        _ => say(plain.clone(), plain),
    }
}

/// The values of a server in a text; others stay as the playbook has them.
fn filled(server: &Server, text: &str) -> String {
    let access = server.landing_access.as_ref().map(|access| access.host.clone());
    let winrm = || server.landing_winrm.as_ref().map(|access| access.host.clone());
    let host = access.or_else(winrm).unwrap_or_else(|| server.landing_address().to_string());
    text.replace("{{ server.host }}", &host)
        .replace("{{ server.address }}", &server.address.to_string())
        .replace("{{ server.landing_address }}", &server.landing_address().to_string())
        .replace("{{ server.id }}", server.id.as_str())
}

/// The way back of a server that is replaced: until when there is one, then what people undo, the latest first.
pub(super) fn ways_back(sources: &Sources<'_>, server: &Server) -> Vec<RunbookStep> {
    let mine = || sources.plan.steps.iter().filter(|step| step.server.as_ref() == Some(&server.id));
    let last = |step: &&Step| matches!(&step.action, Action::Manual(manual) if manual.no_way_back);
    let led = mine().any(|step| step.action == Action::Route);
    let mut steps = vec![until_when(server, mine().find(last))];
    let undone: Vec<&Step> = mine().take_while(|step| !last(step)).collect();
    for step in undone.into_iter().rev() {
        match &step.action {
            Action::Manual(manual) => {
                steps.extend(undo(sources, manual));
                // Where the plan leads no address here, people did it just before.
                if !led && manual.applies_to.landing.contains(&Addressed::Keep) {
                    steps.extend(routes::back(sources, server));
                }
            }
            Action::Route => steps.extend(routes::back(sources, server)),
            _ => {}
        }
    }
    steps
}

/// A manual step, undone.
fn undo(sources: &Sources<'_>, manual: &Manual) -> Option<RunbookStep> {
    let Bilingual { it, en } = &manual.title;
    let who = who(sources, manual);
    let what = say(format!("Disfare: {it}"), format!("Undo: {en}"));
    let mut step = RunbookStep::new("undo", say(who.clone(), who), what);
    step.how = Some(manual.back.clone()?);
    Some(step)
}

fn until_when(server: &Server, last: Option<&Step>) -> RunbookStep {
    let title = last.and_then(|step| match &step.action {
        Action::Manual(manual) => Some(&manual.title),
        _ => None,
    });
    let id = &server.id;
    let what = match title {
        Some(Bilingual { it, en }) => say(
            format!(
                "{id} è sostituito, non spostato: si torna al vecchio server solo finché non è fatto: {it}. Dopo si tiene il nuovo."
            ),
            format!(
                "{id} is replaced, not moved: there is a way back to the old server only until this is done: {en}. After that the new one is kept."
            ),
        ),
        None => say(
            format!(
                "{id} è sostituito, non spostato: per tornare al vecchio server si disfa, dall'ultimo, ciò che è stato fatto."
            ),
            format!(
                "{id} is replaced, not moved: to go back to the old server what was done is undone, the latest first."
            ),
        ),
    };
    RunbookStep::new("goes_on", engineer(), what)
}

/// The directory of a controller starts again, on the source that goes on or on its copy.
pub(super) fn directory(server: &Server, place: Place) -> Option<RunbookStep> {
    let way = server.directory.filter(|_| server.transfer.is_converter())?;
    let undo = match way {
        DirectoryWay::Dsrm => "bcdedit /deletevalue safeboot",
        DirectoryWay::NtdsStopped => "sc config ntds start= auto",
        _ => return None,
    };
    let what = if place == Place::Landing {
        say(
            "Alla console della copia, rete ancora scollegata: togliere il blocco del servizio directory e riavviare.",
            "At the console of the copy, its network still disconnected: undo the guard of the directory service and restart.",
        )
    } else {
        say(
            "Alla console della sorgente: togliere il blocco del servizio directory e riavviare.",
            "At the console of the source: undo the guard of the directory service and restart.",
        )
    };
    let step = RunbookStep::new("directory", engineer(), what).run(place.clone(), undo).run(place, "shutdown /r /t 0");
    Some(step.expects(
        "Avvio normale; «sc query ntds» dice RUNNING, «net share» mostra SYSVOL e NETLOGON (sulla copia, anche solo dopo averne collegato la rete).",
        "A normal start; `sc query ntds` says RUNNING, `net share` shows SYSVOL and NETLOGON (on the copy perhaps only once its network is connected).",
    ))
}
