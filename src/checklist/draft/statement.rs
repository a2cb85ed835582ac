//! The statement that a person reads and signs, in Italian: names for people, lines of ids and digests for machines.

use super::super::finding::Verdict;
use super::super::item::{Check, Item};
use super::super::plan::Task;
use super::super::record::Standing;
use super::super::sign::{Attached, Covered};
use super::{Desk, Wish};
use crate::model::PersonId;
use crate::model::calendar::italian;
use crate::model::people::Person;
use crate::untrusted::printable;
use std::fmt::Write as _;

/// The first line of every statement.
pub const HEADING: &str = "Firma di una lista di controllo (traghetto, 1)";

impl Covered {
    /// The line of a statement for machines. An item's id has no space, and a name none of its own lines.
    pub fn line(&self) -> String {
        let subject = printable(&self.subject.to_string());
        let finding = self.finding.as_deref().unwrap_or("-");
        format!("Voce: {} [{subject}]\n  testo {}\n  riscontro {finding}", self.item, self.text)
    }
}

impl Desk<'_> {
    /// What the person signs. No clock is in it, but a number: it can be signed elsewhere, and only once.
    pub(super) fn statement(&self, wish: &Wish<'_>, person: &Person, chosen: &[(&Task, Covered)]) -> String {
        let title = self.people.roles.get(wish.role).map_or(wish.role.as_str(), |role| role.title.as_str());
        let list = self.checklist;
        let mut text = format!("{HEADING}\n");
        let _ = writeln!(text, "Ente: {}\n  {}", self.tenant.id, printable(&self.tenant.name));
        let _ = writeln!(text, "Lista: {}\n  versione {}, SHA-256 {}", list.phase, list.version, list.digest());
        let _ = writeln!(text, "Ruolo: {}\n  {}", wish.role, printable(title));
        let _ = writeln!(text, "Firma: {}\n  {}", person.id, printable(&person.name));
        let _ =
            writeln!(text, "Dichiarazione: n. {} di chi firma, per questo ente", self.signatures.number(&person.id));
        let _ = writeln!(text, "Esito: {}", wish.outcome.in_italian());
        if let Some(until) = wish.until {
            let _ = writeln!(text, "Fino al: {until}");
        }
        let _ = writeln!(text, "Nota: {}", printable(wish.note));
        for attached in wish.evidence {
            let _ = writeln!(text, "{}", attached.line());
        }
        let _ = writeln!(text, "Voci: {}", chosen.len());
        for (task, covered) in chosen {
            let _ = writeln!(text, "{}", covered.line());
            let _ = writeln!(text, "  {}", described(&task.item));
            if let Some(line) = self.line(covered) {
                text.push_str(&self.found(line, covered));
            }
        }
        text
    }

    /// What was found and who stated it, for a person who approves it or lets it pass.
    fn found(&self, line: &Standing, covered: &Covered) -> String {
        if covered.finding.is_none() {
            return "  dichiarazione di chi firma\n".to_owned();
        }
        let mut text = format!("  {}\n", self.outcome(line));
        for mark in &line.signatures {
            let (name, note) = (self.name(&mark.person), printable(&mark.note));
            let said = mark.outcome.in_italian();
            let _ = writeln!(text, "  dichiarato da {name} ({}), {said}: {note}", mark.role);
            let _ = writeln!(text, "  dichiarazione {}", mark.approves);
            for Attached { file, sha256 } in &mark.evidence {
                let _ = writeln!(text, "  con allegato {sha256} {}", printable(file));
            }
        }
        text
    }

    fn name(&self, person: &PersonId) -> String {
        printable(self.people.persons.get(person).map_or(person.as_str(), |person| person.name.as_str()))
    }

    /// The verdict with what was found, what had to hold, and why it is another where it is.
    fn outcome(&self, line: &Standing) -> String {
        let finding = &line.finding;
        let reason = finding.reason.as_deref().unwrap_or_default();
        let (mut text, verdict, why) = match &line.waiver {
            Some(waiver) => {
                let by = waiver.by.iter().map(|person| self.name(person)).collect::<Vec<_>>().join(", ");
                let (was, why) = waiver.was(reason).unwrap_or((finding.verdict, reason));
                let (until, motive) = (italian(waiver.until), printable(&waiver.reason));
                (format!("in deroga fino al {until}, {by}: {motive}; "), was, why)
            }
            None => (String::new(), finding.verdict, reason),
        };
        text.push_str(verdict.in_italian());
        if finding.attempts > 0 && verdict != Verdict::Error {
            let _ = write!(text, "; rilevato: {}", reading(&finding.found));
        }
        if !finding.expected.is_empty() {
            let _ = write!(text, "; atteso: {}", printable(&finding.expected));
        }
        if verdict != Verdict::Pass && !why.is_empty() && line.signatures.is_empty() {
            let _ = write!(text, "; motivo: {}", printable(motive(why)));
        }
        text
    }
}

/// Why a finding is no pass, in Italian where it is the program's own reason.
fn motive(reason: &str) -> &str {
    match reason {
        "not run yet" => "non ancora eseguita",
        "its text has changed since it was run" => "il testo è cambiato dopo l'esecuzione",
        "its text or its machine has changed since it was run" => {
            "il testo o la macchina sono cambiati dopo l'esecuzione"
        }
        other => other,
    }
}

/// Attributes that are told by numbers and flags, in Italian.
const ATTRIBUTES: [(&str, &str); 11] = [
    ("open", "porta aperta"),
    ("refused", "connessione rifiutata"),
    ("ms", "millisecondi"),
    ("loss", "perdite in percento"),
    ("p95", "millisecondi al 95 %"),
    ("most", "millisecondi al massimo"),
    ("jitter", "variazione in millisecondi"),
    ("status", "stato HTTP"),
    ("from_server", "Mbit/s dal server"),
    ("to_server", "Mbit/s verso il server"),
    ("percent", "percento"),
];

/// A reading of numbers and flags in Italian; one that quotes a host stays as the host said it.
fn reading(found: &str) -> String {
    if found.is_empty() || found == "stdout ``" {
        return "nessuna riga".to_owned();
    }
    let part = |part: &str| {
        let (name, value) = part.split_once(' ')?;
        let (_, name) = ATTRIBUTES.iter().find(|(attribute, _)| *attribute == name)?;
        let value = match value {
            "true" => "sì".to_owned(),
            "false" => "no".to_owned(),
            number => number.parse::<f64>().ok().map(|_| number.replace('.', ","))?,
        };
        Some(format!("{name} {value}"))
    };
    let parts: Option<Vec<String>> = found.split(", ").map(part).collect();
    parts.map_or_else(|| printable(found), |parts| parts.join(", "))
}

/// Title and instructions of an item, on one line.
fn described(item: &Item) -> String {
    match &item.check {
        Check::Manual { instructions } => {
            format!("{}. {}", printable(&item.title.it), printable(&instructions.it))
        }
        Check::Probe { .. } => printable(&item.title.it),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_in_italian_unless_they_quote_a_host() {
        assert_eq!(reading("open true, ms 0.2"), "porta aperta sì, millisecondi 0,2");
        assert_eq!(reading("loss 0, ms 12"), "perdite in percento 0, millisecondi 12");
        assert_eq!(reading(""), "nessuna riga");
        assert_eq!(reading("stdout ``"), "nessuna riga");
        for quoted in ["stdout `open true, ms 1`", "answers [a, open true]", "loss much"] {
            assert_eq!(reading(quoted), quoted);
        }
    }
}
