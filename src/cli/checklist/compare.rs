//! `traghetto checklist compare`: what the phases kept, side by side; nobody is asked.

use super::super::table::Table;
use super::super::{Context, inventory, journal};
use super::PhaseArg;
use crate::checklist::{Across, Checklist, Kept, RunRecord, State, across};
use crate::failure::{Failure, Kind};
use crate::untrusted::printable;

/// `traghetto checklist compare`.
///
/// Exit code 4: something is not as the rules of the checklists want it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// The phases; the others are compared with the first.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "source,test,landing")]
    phases: Vec<PhaseArg>,
    /// Also what is the same in all of them.
    #[arg(long)]
    all: bool,
}

/// Longest cell of a difference, in characters.
const CELL: usize = 72;

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let tenant = inventory::tenant(&inventory, &args.tenant)?;
    if args.phases.len() < 2 {
        let failure = Failure::new(Kind::Usage, "one phase alone has nothing to be compared with");
        return Err(failure.hint("Name two or three: --phases source,landing"));
    }
    let lists: Vec<Checklist> =
        args.phases.iter().map(|phase| super::load(phase.phase(), &inventory, context)).collect::<Result<_, _>>()?;
    let journal = journal::open(context, &inventory).await?;
    let events = journal.events(&tenant.id).await?;
    journal::tell_repairs(context, &journal);
    let runs = events.iter().filter(|event| event.kind == RunRecord::KIND);
    let rows = across(&lists, runs.map(|event| (event.time.as_str(), &event.data)));
    if context.json {
        context.ui.json(&rows);
    } else {
        context.ui.data(&table(&rows, &lists, args.all, context));
    }
    match rows.iter().filter(|row| row.is_broken()).count() {
        0 => Ok(()),
        broken => Err(Failure::new(
            Kind::CheckFailed,
            format!("{broken} of {} things kept are not as they should be", rows.len()),
        )
        .hint("Nobody was asked and nothing was changed. Mend what DIFFERS, then run the later phase again.")),
    }
}

fn table(rows: &[Across], lists: &[Checklist], all: bool, context: &Context) -> String {
    let head = ["Kept", "Of", "Title"].into_iter().chain(lists.iter().map(|list| list.phase.word()));
    let mut table = Table::new(head);
    let unequal =
        |row: &&Across| row.phases.iter().any(|kept| !matches!(kept.state, State::First { .. } | State::Same));
    for row in rows.iter().filter(|row| all || unequal(row)) {
        let start = [row.key.clone(), printable(&row.subject.to_string()), context.in_language(&row.title).to_owned()];
        table.row(start.into_iter().chain(row.phases.iter().map(cell)));
    }
    let (unequal, broken) = (rows.iter().filter(unequal).count(), rows.iter().filter(|row| row.is_broken()).count());
    let ending =
        format!("{} things kept: {unequal} not the same, {broken} of them not as they should be\n", rows.len());
    if unequal == 0 && !all { ending } else { table.render() + "\n" + &ending }
}

fn cell(kept: &Kept) -> String {
    let text = match &kept.state {
        State::Missing => "not kept".to_owned(),
        State::First { value } => value.clone(),
        State::Same => "same".to_owned(),
        State::Allowed { difference } => format!("allowed: {difference}"),
        State::Differs { difference } => format!("DIFFERS: {difference}"),
    };
    let text = printable(&text);
    if text.chars().count() <= CELL { text } else { text.chars().take(CELL - 1).chain(['…']).collect() }
}
