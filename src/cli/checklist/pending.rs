//! `traghetto checklist pending`: what waits for whose signature.

use super::super::table::Table;
use super::super::{Context, inventory, journal};
use super::scene::{Place, Scene};
use crate::checklist::{Pending, Phase, Row};
use crate::failure::Failure;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, TenantId};
use crate::untrusted::printable;
use serde::Serialize;

/// `traghetto checklist pending`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this tenant, also where nothing was begun.
    tenant: Option<String>,
}

/// What waits for one person.
#[derive(Debug, Serialize)]
struct Waiting {
    person: Option<String>,
    name: Option<String>,
    tenant: TenantId,
    phase: Phase,
    #[serde(flatten)]
    pending: Pending,
    command: String,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let mut waiting = Vec::new();
    match &args.tenant {
        Some(tenant) => {
            let scene = Scene::open(tenant, context).await?;
            for phase in Phase::ALL {
                let place = scene.place(phase, context)?;
                collect(&place, &scene.inventory, &scene.tenant, &mut waiting);
            }
        }
        None => all(context, &mut waiting).await?,
    }
    waiting.sort_by(|one, other| one.person.cmp(&other.person));
    if context.json {
        context.ui.json(&waiting);
    } else {
        context.ui.data(&page(&waiting));
    }
    Ok(())
}

/// The checklists that were begun, of every tenant.
async fn all(context: &Context, waiting: &mut Vec<Waiting>) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let Some(journal) = journal::open_existing(context, &inventory).await? else { return Ok(()) };
    for tenant in inventory.tenants.values() {
        let events = journal.events(&tenant.id).await?;
        for phase in Phase::ALL {
            let checklist = super::load(phase, &inventory, context)?;
            let place = Place::new(checklist, &inventory, tenant, &events, journal.now());
            if place.is_begun() {
                collect(&place, &inventory, tenant, waiting);
            }
        }
    }
    journal::tell_repairs(context, &journal);
    Ok(())
}

/// One line for each person who may give what waits; one without a person where nobody may.
fn collect(place: &Place, inventory: &Inventory, tenant: &Tenant, waiting: &mut Vec<Waiting>) {
    let phase = place.checklist.phase;
    for pending in place.pending() {
        let role = pending.role.clone();
        let mut holders: Vec<_> = inventory.people.holders(&role, &tenant.id).map(Some).collect();
        if holders.is_empty() {
            holders.push(None);
        }
        for person in holders {
            let by = person.map(|person| format!(" --by {}", person.id)).unwrap_or_default();
            waiting.push(Waiting {
                person: person.map(|person| person.id.to_string()),
                name: person.map(|person| person.name.clone()),
                tenant: tenant.id.clone(),
                phase,
                pending: pending.clone(),
                command: format!("traghetto checklist sign {phase} {} --all --role {role}{by} --note TEXT", tenant.id),
            });
        }
    }
}

fn page(waiting: &[Waiting]) -> String {
    if waiting.is_empty() {
        return "nothing waits for a signature\n".to_owned();
    }
    let mut table = Table::new(["Person", "Role", "Tenant", "Phase", "Waits for", "Items"]);
    for one in waiting {
        table.row([
            one.name.as_deref().map_or("nobody holds the role".to_owned(), printable),
            one.pending.role.to_string(),
            one.tenant.to_string(),
            one.phase.to_string(),
            if one.pending.validation { "validation" } else { "statement" }.to_owned(),
            items(&one.pending.items),
        ]);
    }
    let mut text = table.render() + "\n";
    for one in waiting {
        text.push_str(&one.command);
        text.push('\n');
    }
    text
}

/// The items, each once with how often it is asked; the first ones where there are many.
fn items(rows: &[Row]) -> String {
    const SHOWN: usize = 6;
    let mut counted: Vec<(String, usize)> = Vec::new();
    for row in rows {
        let name = row.item.to_string();
        match counted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name, 1)),
        }
    }
    let words: Vec<String> = counted
        .iter()
        .map(|(name, count)| if *count > 1 { format!("{name} x{count}") } else { name.clone() })
        .collect();
    match words.len().checked_sub(SHOWN) {
        None | Some(0) => words.join(" "),
        Some(rest) => format!("{} and {rest} more", words[..SHOWN].join(" ")),
    }
}
