//! The words of a verbale, in both languages.

use super::Language;
use crate::checklist::{DocumentKind, Outcome, Verdict};
use serde::Serialize;

/// Every fixed word of the templates.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Words {
    pub(super) lang: &'static str,
    pub(super) title: &'static str,
    pub(super) activity: &'static str,
    pub(super) before: &'static str,
    pub(super) tenant: &'static str,
    pub(super) made: &'static str,
    pub(super) list: &'static str,
    pub(super) version: &'static str,
    pub(super) executes: &'static str,
    pub(super) validates: &'static str,
    pub(super) outcome: &'static str,
    pub(super) items: &'static str,
    pub(super) item: &'static str,
    pub(super) of: &'static str,
    pub(super) what: &'static str,
    pub(super) result: &'static str,
    pub(super) executor: &'static str,
    pub(super) validator: &'static str,
    pub(super) expected: &'static str,
    pub(super) found: &'static str,
    pub(super) blocker: &'static str,
    pub(super) waivers: &'static str,
    pub(super) by_hand: &'static str,
    pub(super) until: &'static str,
    pub(super) open: &'static str,
    pub(super) none: &'static str,
    pub(super) skipped: &'static str,
    pub(super) validation: &'static str,
    pub(super) signatures: &'static str,
    pub(super) name: &'static str,
    pub(super) date_and_signature: &'static str,
    pub(super) hashes: &'static str,
    pub(super) text_hash: &'static str,
    pub(super) answer_hash: &'static str,
    pub(super) journal: &'static str,
    pub(super) events: &'static str,
    pub(super) last: &'static str,
    pub(super) verify: &'static str,
}

pub(super) const ITALIAN: Words = Words {
    lang: "it",
    title: "Verbale di collaudo",
    activity: "Attività",
    before: "preliminare all'attività 1",
    tenant: "Ente",
    made: "Redatto il",
    list: "Lista di controllo",
    version: "versione",
    executes: "Esecuzione",
    validates: "Validazione",
    outcome: "Esito",
    items: "Voci",
    item: "Voce",
    of: "Oggetto",
    what: "Verifica",
    result: "Esito",
    executor: "Eseguita da",
    validator: "Validata da",
    expected: "atteso",
    found: "Rilevato",
    blocker: "bloccante",
    waivers: "Deroghe",
    by_hand: "Passi della migrazione decisi a mano",
    until: "fino al",
    open: "Voci aperte",
    none: "nessuna",
    skipped: "Voci non pertinenti",
    validation: "Stato della validazione",
    signatures: "Firme",
    name: "Nome e qualifica",
    date_and_signature: "Data e firma",
    hashes: "Impronte (SHA-256)",
    text_hash: "Testo della voce",
    answer_hash: "Risposta grezza",
    journal: "Registro degli eventi",
    events: "eventi",
    last: "impronta dell'ultimo",
    verify: "Le prove si verificano con «traghetto checklist verify», oppure con ssh-keygen e sha256sum soltanto.",
};

pub(super) const ENGLISH: Words = Words {
    lang: "en",
    title: "Record of acceptance",
    activity: "Activity",
    before: "before activity 1",
    tenant: "Tenant",
    made: "Made on",
    list: "Checklist",
    version: "version",
    executes: "Carried out by",
    validates: "Validated by",
    outcome: "Outcome",
    items: "Items",
    item: "Item",
    of: "Of",
    what: "Check",
    result: "Result",
    executor: "Carried out by",
    validator: "Validated by",
    expected: "expected",
    found: "Found",
    blocker: "blocker",
    waivers: "Waivers",
    by_hand: "Steps of the migration decided by hand",
    until: "until",
    open: "Open items",
    none: "none",
    skipped: "Items that do not apply",
    validation: "State of the validation",
    signatures: "Signatures",
    name: "Name and role",
    date_and_signature: "Date and signature",
    hashes: "Hashes (SHA-256)",
    text_hash: "Text of the item",
    answer_hash: "Raw answer",
    journal: "Journal of events",
    events: "events",
    last: "hash of the last",
    verify: "Evidence is verified with `traghetto checklist verify`, or with ssh-keygen and sha256sum alone.",
};

impl Language {
    pub(super) fn words(self) -> &'static Words {
        match self {
            Language::Italian => &ITALIAN,
            Language::English => &ENGLISH,
        }
    }

    fn pick(self, italian: &'static str, english: &'static str) -> &'static str {
        match self {
            Language::Italian => italian,
            Language::English => english,
        }
    }

    pub(super) fn by_hand(self, skipped: bool) -> &'static str {
        if skipped { self.pick("saltato", "left out") } else { self.pick("fatto a mano", "done by hand") }
    }

    pub(super) fn verdict(self, verdict: Verdict) -> &'static str {
        let english = match verdict {
            Verdict::Pass => "passed",
            Verdict::Waived => "waived",
            Verdict::Warn => "warning",
            Verdict::Fail => "failed",
            Verdict::Error => "not found out",
            Verdict::Skipped => "does not apply",
            Verdict::Pending => "to be signed",
        };
        self.pick(verdict.in_italian(), english)
    }

    /// The outcome: of the findings, and of the validation once nothing else is open.
    pub(super) fn outcome(self, outcome: Outcome, validated: bool) -> &'static str {
        match (outcome, validated) {
            (Outcome::Passed, true) => self.pick("positivo e validato", "passed and validated"),
            (Outcome::Passed, false) => self.pick("positivo, da validare", "passed, to be validated"),
            (Outcome::Waiting, _) => self.pick("in attesa di firme", "waiting for signatures"),
            (Outcome::Unreachable, _) => self.pick("non accertato: host non raggiunti", "hosts were not reached"),
            (Outcome::Failed, _) => self.pick("negativo", "failed"),
        }
    }

    /// What checklist it is.
    pub(super) fn subject(self, phase: &str) -> String {
        match phase {
            "source" => self.pick("ambiente sorgente", "source environment").to_owned(),
            "network" => self.pick("collegamento MPLS", "MPLS link").to_owned(),
            "test" => self.pick("ambiente di test", "test environment").to_owned(),
            "landing" => self.pick("ambiente di atterraggio", "landing environment").to_owned(),
            "decommission" => self.pick("dismissione dei server fisici", "decommissioning").to_owned(),
            other => other.to_owned(),
        }
    }

    /// How a signature was given.
    pub(super) fn typed(self) -> &'static str {
        self.pick("al terminale dell'operatore", "at the operator's terminal")
    }

    pub(super) fn with_key(self) -> &'static str {
        self.pick("con chiave SSH", "with an SSH key")
    }

    pub(super) fn acquired(self) -> &'static str {
        self.pick("acquisita", "received")
    }

    pub(super) fn recorded_by(self) -> &'static str {
        self.pick("da", "by")
    }

    pub(super) fn document(self, kind: DocumentKind) -> &'static str {
        match kind {
            DocumentKind::Paper => self.pick("firma autografa su carta", "by hand on paper"),
            DocumentKind::Pades => self.pick("firma digitale PAdES", "PAdES"),
            DocumentKind::P7m => self.pick("firma digitale .p7m", ".p7m"),
        }
    }

    pub(super) fn attached(self) -> &'static str {
        self.pick("allegato", "attached")
    }

    pub(super) fn dated(self) -> &'static str {
        self.pick("del", "of")
    }

    pub(super) fn not_run(self, reason: &str) -> Option<&'static str> {
        match reason {
            "not run yet" => Some(self.pick("non ancora eseguita", "not run yet")),
            "its text or its machine has changed since it was run" => Some(self.pick(
                "il testo o la macchina sono cambiati dopo l'esecuzione",
                "its text or its machine has changed since it was run",
            )),
            _ if reason.starts_with("not asked: the test network has no probe machine") => Some(self.pick(
                "non chiesta: la rete di prova non ha una macchina sonda, e da qui risponderebbe il server di origine",
                "not asked: the test network has no probe machine, and from here its source would answer",
            )),
            _ => None,
        }
    }

    /// That a finding was asked from the test network.
    pub(super) fn through(self, probe: &str) -> String {
        match self {
            Language::Italian => format!("chiesto dalla macchina sonda {probe} della rete di prova"),
            Language::English => format!("asked from the probe machine {probe} of the test network"),
        }
    }

    /// Why an item does not apply. The reasons are those of the plan of a run; another stays as it is.
    pub(super) fn skipped(self, reason: &str) -> String {
        const WHOLE: [(&str, &str); 2] = [
            ("not for a server with these roles", "non per un server con questi ruoli"),
            ("one router carries both lines", "un solo router porta entrambe le linee"),
        ];
        if self == Language::English {
            return reason.to_owned();
        }
        if let Some((_, italian)) = WHOLE.iter().find(|(english, _)| *english == reason) {
            return (*italian).to_owned();
        }
        match (reason.strip_prefix("not for "), reason.strip_suffix(" hosts run no scripts yet")) {
            (Some(what), _) => format!("non per {what}"),
            (None, Some(os)) => format!("su {os} non si eseguono ancora script"),
            (None, None) => {
                match reason.strip_prefix("the tenant has no ").and_then(|rest| rest.strip_suffix(" to ask")) {
                    Some(what) => format!("l'ente non ha {what} da interrogare"),
                    None => reason.to_owned(),
                }
            }
        }
    }

    pub(super) fn tenant_itself(self) -> &'static str {
        self.pick("ente", "tenant")
    }

    /// What a role's validation still lacks.
    pub(super) fn lacking(self, missing: usize, reopened: bool) -> String {
        match (self, reopened) {
            (Language::Italian, true) => format!("riaperta: {missing} voci sono cambiate o non sono coperte"),
            (Language::Italian, false) => format!("manca: {missing} voci non sono coperte da una firma"),
            (Language::English, true) => format!("reopened: {missing} items have changed or are not covered"),
            (Language::English, false) => format!("missing: {missing} items are not covered by a signature"),
        }
    }
}
