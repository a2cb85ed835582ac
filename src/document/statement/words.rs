//! The Italian words of a statement.

use crate::fees::{Charge, Count, Heading, Line};
use crate::model::fees::{Item, Payer};
use crate::model::money::grouped;

/// What a line is for.
pub fn item(line: &Line, heading: &Heading) -> String {
    match &line.item {
        Item::Action(id) => {
            let title = heading.actions.iter().find(|action| action.action == *id).map_or("", |action| &action.title);
            format!("{id} {title}").trim_end().to_owned()
        }
        Item::LinkAnnual => "Connettività, canone annuo".to_owned(),
        Item::LinkOneOff => "Connettività, una tantum".to_owned(),
        Item::Rounding => "Arrotondamento IVA".to_owned(),
    }
}

/// Who pays.
pub fn payer(payer: Option<Payer>, heading: &Heading) -> &str {
    match payer {
        Some(Payer::Project) => "Progetto",
        Some(Payer::Lead) => &heading.lead_short,
        Some(Payer::Tenant) => &heading.word,
        None => "non noto",
    }
}

/// `al Comune`, `all'Unione`: Italian joins preposition and article.
pub fn to(noun: &str) -> String {
    if noun.starts_with(['A', 'E', 'I', 'O', 'U']) { format!("all'{noun}") } else { format!("al {noun}") }
}

/// The state of a line: `calcolato`, or why there is no amount.
pub fn state(charge: &Charge) -> &'static str {
    match charge {
        Charge::Owed(_) => "calcolato",
        Charge::Project => "a carico del Progetto",
        Charge::NotAdmitted => "non ammesso",
        Charge::Unknown(_) => "non noto",
        Charge::OutsideBands(_) => "fascia non prevista",
    }
}

/// What is behind the state: what is not known, which value no band admits.
pub fn remark(line: &Line) -> Option<String> {
    match &line.charge {
        Charge::Unknown(missing) => Some(missing.to_string()),
        Charge::OutsideBands(outside) => {
            let highest = outside.highest.as_deref().unwrap_or("nessuna");
            Some(format!("valore {}, fascia più alta nota: {highest}", grouped(outside.value)))
        }
        _ => line.period.as_ref().and_then(|period| period.note.clone()),
    }
}

/// Which count decided.
pub fn count(count: Count) -> &'static str {
    match count {
        Count::Assessed => "rilevato",
        Count::Actual => "effettivo",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn preposition_and_article_follow_the_noun() {
        assert_eq!(super::to("Comune"), "al Comune");
        assert_eq!(super::to("Unione"), "all'Unione");
    }
}
