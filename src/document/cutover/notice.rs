//! The notice for the staff: a short text that is pasted into a mail or put up at the door.

use super::{CutoverPlan, Disruption, Sources, moment};
use crate::document::verbale::Language;
use crate::migration::Night;
use crate::model::server::ServerRole;
use crate::untrusted::printable;
use std::fmt::Write as _;

/// The notice, plain text.
pub fn notice(sources: &Sources<'_>, plan: &CutoverPlan<'_>, language: Language) -> String {
    let it = language == Language::Italian;
    let name = printable(&sources.tenant.name);
    let mut text = if it {
        format!("AVVISO AL PERSONALE - {name}\n\nI server dell'ente si spostano al data center {}.\n", landing(sources))
    } else {
        format!("NOTICE TO THE STAFF - {name}\n\nThe servers move to the data center {}.\n", landing(sources))
    };
    for night in sources.nights {
        text.push_str(&hours(plan, night, it));
    }
    text.push_str(&stays(sources, plan, it));
    text.push_str(if it {
        "\nPrima dell'inizio: salvare e chiudere i documenti, uscire dai programmi, lasciare accese le postazioni solo se \
         richiesto.\nAlla ripresa: se qualcosa non funziona, riavviare la postazione una volta, poi chiamare.\n"
    } else {
        "\nBefore it begins: save and close documents, leave all programs, leave workstations on only where you are \
         asked to.\nAfterwards: where something does not work, restart the workstation once, then call.\n"
    });
    text.push_str(&contacts(plan, it));
    text
}

fn landing(sources: &Sources<'_>) -> String {
    printable(&sources.terms.landing)
}

/// From when until when, and what is down.
fn hours(plan: &CutoverPlan<'_>, night: &Night, it: bool) -> String {
    let mut text = match (&night.window, it) {
        (Some(window), true) => format!(
            "\nDa {} a {} (al più tardi) non si potrà:\n",
            moment(window.from(), it),
            moment(window.until(), it)
        ),
        (Some(window), false) => format!(
            "\nFrom {} until {} (at the latest) you cannot:\n",
            moment(window.from(), it),
            moment(window.until(), it)
        ),
        (None, true) => "\nIn un orario ancora da concordare non si potrà:\n".to_owned(),
        (None, false) => "\nAt hours that are still to be agreed on you cannot:\n".to_owned(),
    };
    let moves = |one: &&Disruption| night.servers.iter().any(|server| server.server == one.server);
    let mut told: Vec<&str> = Vec::new();
    for disruption in plan.disruptions.iter().filter(moves) {
        let cannot = if it { &disruption.cannot.it } else { &disruption.cannot.en };
        if !told.contains(&cannot.as_str()) {
            told.push(cannot);
            let service = if it { &disruption.service.it } else { &disruption.service.en };
            let _ = writeln!(text, "- {} ({});", printable(cannot), printable(service));
        }
    }
    text
}

/// What goes on, and what it still depends on.
fn stays(sources: &Sources<'_>, plan: &CutoverPlan<'_>, it: bool) -> String {
    let goes_on = if it { "Restano disponibili" } else { "These go on working" };
    let internet = if it { "la navigazione in Internet" } else { "the Internet" };
    let names: Vec<String> = plan.stays.iter().map(|name| printable(name)).chain([internet.to_owned()]).collect();
    let roles = || sources.terms.servers.iter().flat_map(|server| &server.roles);
    let by_name = roles().any(|role| *role == ServerRole::Dns);
    let remark = match (by_name, it) {
        (true, true) => " (possono aprirsi con ritardo mentre si sposta il server dei nomi)",
        (true, false) => " (they may open late while the name server moves)",
        (false, _) => "",
    };
    format!("\n{goes_on}: {}{remark}.\n", names.join(", "))
}

fn contacts(plan: &CutoverPlan<'_>, it: bool) -> String {
    let mut text = String::from(if it { "\nRecapiti:\n" } else { "\nContacts:\n" });
    for person in &plan.terms.contacts {
        let unknown = if it { "recapito non noto" } else { "contact not known" };
        let contact = person.contact.as_deref().unwrap_or(unknown);
        let _ = writeln!(
            text,
            "- {}, {}: {}",
            printable(&person.name),
            printable(&person.roles.join(", ")),
            printable(contact)
        );
    }
    text
}
