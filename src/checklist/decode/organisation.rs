//! What orders items: when they are asked, with what they are signed, which sentence they answer.

use super::super::item::{Check, Checklist, Evidence, Item, Moment, Phase};
use super::super::trace::SENTENCES;
use super::Written;
use crate::inventory::form::scalars::{text_like, word};
use crate::inventory::form::{Decoded, Fields, nonempty_list};
use crate::inventory::problem::{Complaint, Problems, nearest};

/// What orders one item.
pub(super) struct Organised {
    pub(super) when: Option<Moment>,
    pub(super) sign_with: Option<String>,
    pub(super) trace: Vec<&'static str>,
    pub(super) evidence: Vec<Evidence>,
}

pub(super) fn read(fields: &mut Fields<'_>) -> Option<Organised> {
    let doc = "In the landing phase: the night of the cutover, or the morning after.";
    let when = fields.optional("when", doc, word(&Moment::WORDS));
    let list_name = text_like("^[a-z][a-z0-9-]*$", "consegne", "the name of a list", |text| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    });
    let doc = "The list of manual items with which it is signed: one signature covers them.";
    let sign_with = fields.optional("sign_with", doc, list_name);
    let sentence = text_like("^[A-Z0-9]+(\\.[0-9]+)?$", "S05", "the id of a sentence", |_| true);
    let doc = "The sentences of the project document that it answers.";
    let trace = fields.or("trace", doc, nonempty_list(sentence), Vec::new());
    let doc = "What proves a manual item, besides the note.";
    let evidence = fields.or("evidence", doc, nonempty_list(word(&Evidence::WORDS)), Vec::new());
    let trace = trace?;
    let known = || SENTENCES.iter().map(|sentence| sentence.id);
    let mut found = Vec::new();
    for (index, id) in trace.iter().enumerate() {
        match known().find(|known| known == id) {
            Some(known) => found.push(known),
            None => {
                let complaint = Complaint::new(format!("there is no sentence `{id}`"));
                let hint = nearest(id, known()).map_or_else(
                    || "the sentences: traghetto checklist list --trace".to_owned(),
                    |meant| format!("did you mean `{meant}`?"),
                );
                fields.refuse(&format!("trace[{index}]"), complaint.hint(hint));
            }
        }
    }
    Some(Organised { when: when?, sign_with: sign_with?, trace: found, evidence: evidence? })
}

/// What is wrong with an item in this phase: the key, and the complaint.
pub(super) fn misplaced(item: &Item, phase: Phase) -> Option<(&'static str, Complaint)> {
    match (phase, item.when) {
        (Phase::Landing, None) => {
            let complaint = Complaint::new("it is not said when the item is asked");
            return Some(("", complaint.hint("add `when: notte` or `when: mattina`: the acceptance needs both")));
        }
        (Phase::Landing, Some(_)) | (_, None) => {}
        (_, Some(_)) => return Some((".when", Complaint::new("only the landing has a night and a morning"))),
    }
    match &item.check {
        Check::Manual { .. } => None,
        Check::Probe { .. } if item.sign_with.is_some() => {
            Some((".sign_with", Complaint::new("nobody signs what the program finds out")))
        }
        Check::Probe { .. } if !item.evidence.is_empty() => {
            Some((".evidence", Complaint::new("the answer itself is the evidence of a probe")))
        }
        Check::Probe { compare: Some(compare), expression, .. } => {
            let looks_back = expression.as_ref().is_some_and(|expression| expression.looks_back());
            match (phase.is_of_copies(), compare.rule.is_some() || looks_back) {
                (true, true) | (false, false) => None,
                (true, false) => {
                    let complaint = Complaint::new("nothing is compared");
                    Some((".compare", complaint.hint("add `rule`, or name `before.…` in `expect`")))
                }
                (false, true) => {
                    let complaint = Complaint::new("there is nothing before this phase to compare with");
                    Some((".compare", complaint.hint("the rule belongs to the items of the landing")))
                }
            }
        }
        Check::Probe { .. } => None,
    }
}

/// The items that a checklist has from the landing's.
pub(super) fn borrow(
    decoded: &Decoded<Written>,
    written: &Written,
    lender: impl FnOnce() -> Option<Checklist>,
    problems: &mut Problems,
) -> Vec<Item> {
    if written.from_landing.is_empty() {
        return Vec::new();
    }
    if written.checklist.phase != Phase::Test {
        let complaint = Complaint::new("only the test has items of the landing");
        decoded.refuse("from_landing", complaint, problems);
        return Vec::new();
    }
    let Some(landing) = lender() else {
        let complaint = Complaint::new("checklists/landing.yaml is not valid");
        decoded.refuse("from_landing", complaint.hint("mend it first"), problems);
        return Vec::new();
    };
    let mut taken: Vec<Item> = Vec::new();
    for (index, id) in written.from_landing.iter().enumerate() {
        let place = format!("from_landing[{index}]");
        let found = landing.items.iter().find(|item| item.id.as_str() == id);
        match found {
            None => {
                let complaint = Complaint::new(format!("the landing has no item {id}"));
                let hint = nearest(id, landing.items.iter().map(|item| item.id.as_str()));
                let complaint =
                    hint.map_or(complaint.clone(), |meant| complaint.hint(format!("did you mean {meant}?")));
                decoded.refuse(&place, complaint, problems);
            }
            Some(item) if written.checklist.items.iter().chain(&taken).any(|own| own.id == item.id) => {
                decoded.refuse(&place, Complaint::new(format!("the id {id} is taken")), problems);
            }
            Some(item) => taken.push(Item { when: None, ..item.clone() }),
        }
    }
    taken
}
