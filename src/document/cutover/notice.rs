//! The notice for the staff: a short text that is pasted into a mail or put up at the door.

use super::page::number;
use super::{Besides, CutoverPlan, Disruption, Sources, moment};
use crate::document::verbale::Language;
use crate::migration::{Night, OfflinePart};
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
    for one in &plan.besides {
        text.push_str(&beside(one, it));
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

/// What is down outside the hours of the move.
fn beside(one: &Besides, it: bool) -> String {
    let server = printable(one.server.as_str());
    let length = match (one.hours, it) {
        (Some(hours), true) => format!("circa {} ore", number(hours, it)),
        (Some(hours), false) => format!("about {} hours", number(hours, it)),
        (None, true) => "durata non nota".to_owned(),
        (None, false) => "for how long is not known".to_owned(),
    };
    let mut text = match (one.part, it) {
        (OfflinePart::FirstCopy, true) => format!(
            "\nGià prima, in un giorno da concordare, {server} resta spento per la prima copia ({length}). Non si potrà:\n"
        ),
        (OfflinePart::FirstCopy, false) => format!(
            "\nBefore that, on a day that is still to be agreed on, {server} is off for its first copy ({length}). You \
             cannot:\n"
        ),
        (_, true) => {
            format!("\nPer i lavori a mano su {server}, in un orario da concordare ({length}), non si potrà:\n")
        }
        (_, false) => format!(
            "\nFor the work by hand on {server}, at hours that are still to be agreed on ({length}), you cannot:\n"
        ),
    };
    let mut told: Vec<&str> = Vec::new();
    for cannot in &one.cannot {
        let cannot = if it { &cannot.it } else { &cannot.en };
        if !told.contains(&cannot.as_str()) {
            told.push(cannot);
            let _ = writeln!(text, "- {};", printable(cannot));
        }
    }
    text
}

/// What goes on, and what it still depends on.
fn stays(sources: &Sources<'_>, plan: &CutoverPlan<'_>, it: bool) -> String {
    let internet = if it { "la navigazione in Internet" } else { "the Internet" };
    let names: Vec<String> = plan.stays.iter().map(|name| printable(name)).chain([internet.to_owned()]).collect();
    let names = names.join(", ");
    let by_name = sources.terms.servers.iter().flat_map(|server| &server.roles).any(|role| *role == ServerRole::Dns);
    match (by_name, it) {
        (true, true) => format!(
            "\nNon si spostano, ma mentre si sposta il server dei nomi possono non aprirsi: {names}. Tornano da sé.\n"
        ),
        (true, false) => {
            format!("\nThese do not move, but may not open while the name server moves: {names}. They come back.\n")
        }
        (false, true) => format!("\nRestano disponibili: {names}.\n"),
        (false, false) => format!("\nThese go on working: {names}.\n"),
    }
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
