//! `traghetto checklist list`: what must hold, how it is found out, and who answers for it.

use super::super::table::Table;
use super::super::{Context, inventory};
use super::PhaseArg;
use crate::checklist::{Checklist, Item, Phase, SENTENCES, Sentence};
use crate::failure::Failure;
use crate::model::RoleId;
use serde_json::{Value, json};

/// `traghetto checklist list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this phase.
    #[arg(value_enum)]
    phase: Option<PhaseArg>,
    /// The sentences of the project document, each with the items that answer it.
    #[arg(long)]
    trace: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let phases = args.phase.map_or(Phase::ALL.to_vec(), |phase| vec![phase.phase()]);
    let checklists: Vec<Checklist> =
        phases.into_iter().map(|phase| super::load(phase, &inventory, context)).collect::<Result<_, _>>()?;
    let items = || checklists.iter().flat_map(|list| list.items.iter().map(move |item| (list.phase, item)));
    if args.trace {
        trace(&checklists, context);
        return Ok(());
    }
    if context.json {
        context.ui.json(&items().map(|(phase, item)| entry(phase, item)).collect::<Vec<_>>());
        return Ok(());
    }
    let mut table = Table::new(["Phase", "Item", "Kind", "Severity", "For each", "Who", "Title"]);
    for (phase, item) in items() {
        table.row([
            phase.to_string(),
            item.id.to_string(),
            item.kind().to_owned(),
            item.severity.word().to_owned(),
            item.scope.word().to_owned(),
            roles(item).join(", "),
            context.in_language(&item.title).to_owned(),
        ]);
    }
    context.ui.data(&table.render());
    Ok(())
}

/// Each sentence with the items that name it.
fn trace(checklists: &[Checklist], context: &Context) {
    let items = |id: &str| -> Vec<String> {
        let all = checklists.iter().flat_map(|list| list.items.iter().map(move |item| (list.phase, item)));
        all.filter(|(_, item)| item.trace.contains(&id)).map(|(phase, item)| format!("{phase} {}", item.id)).collect()
    };
    if context.json {
        let line =
            |sentence: &Sentence| json!({ "id": sentence.id, "says": sentence.says, "items": items(sentence.id) });
        context.ui.json(&SENTENCES.iter().map(line).collect::<Vec<_>>());
        return;
    }
    let mut table = Table::new(["Sentence", "Says", "Items"]);
    for sentence in &SENTENCES {
        table.row([sentence.id.to_owned(), sentence.says.to_owned(), items(sentence.id).join(", ")]);
    }
    context.ui.data(&table.render());
}

fn roles(item: &Item) -> Vec<&str> {
    item.roles.iter().map(RoleId::as_str).collect()
}

fn entry(phase: Phase, item: &Item) -> Value {
    json!({
        "phase": phase, "item": item.id, "kind": item.kind(), "severity": item.severity, "scope": item.scope,
        "roles": item.roles, "title": item.title, "applies_to": item.applies_to, "digest": item.digest(),
        "when": item.when, "sign_with": item.sign_with, "trace": item.trace, "evidence": item.evidence,
    })
}
