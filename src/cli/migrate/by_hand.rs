//! `migrate override`: two persons count a step as done by hand, or leave it out; never what must never happen.

use super::Whose;
use super::log::remark;
use super::scene::{Scene, Story};
use super::sign::adopted;
use crate::cli::{Context, approval};
use crate::digest::sha256;
use crate::failure::{Failure, Kind};
use crate::journal::JournalError;
use crate::journal::event::rome;
use crate::migration::{AskedByHand, ByHand, Decision, Record, Step, StepState, at_hand, consequence, may_be_by_hand};
use crate::model::people::Side;
use crate::model::{PersonId, RoleId};
use crate::untrusted::printable;
use std::collections::BTreeSet;

/// `migrate override`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["done", "skip", "revoke"])))]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// The step, as `migrate plan` names it.
    step: String,
    /// It was done by hand.
    #[arg(long)]
    done: bool,
    /// It is left out.
    #[arg(long)]
    skip: bool,
    /// What one person wanted is no longer wanted, before another has agreed.
    #[arg(long)]
    revoke: bool,
    /// The role in which it is decided: one that carries out or validates the step's activity.
    #[arg(long)]
    role: RoleId,
    /// Who decides (default: the operator).
    #[arg(long, value_name = "PERSON")]
    by: Option<PersonId>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The digest of what is decided, instead of the question on the terminal; 12 digits are enough.
    #[arg(long, value_name = "DIGEST")]
    approve: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    remark("reason", &args.reason)?;
    let scene = Scene::open(&args.whose, None, context)?;
    let operator = scene.operator(context)?;
    let by = args.by.as_ref().unwrap_or(&operator);
    let story = Story::open(&scene, context).await?;
    adopted(&scene, &story)?;
    let step = step(&scene, &args.step)?;
    let asked = roles(&scene, step);
    may_decide(&scene, &asked, by, &args.role)?;
    let desk = Desk { args, scene: &scene, story: &story, step, operator: &operator, by };
    if args.revoke {
        return desk.revoke(context).await;
    }
    let way = if args.done { ByHand::Done } else { ByHand::Skipped };
    may_be_by_hand(&scene.plan, step, way).map_err(|forbidden| {
        let instead = forbidden.instead.clone();
        Failure::new(Kind::CheckFailed, forbidden)
            .hint("Nothing was recorded: no two persons decide this away.")
            .hint(instead)
    })?;
    desk.is_open(&args.step)?;
    let first = desk.asked_before(way, &asked)?;
    let page = desk.page(way, first);
    approval::approve(&page, &sha256(page.as_bytes()), args.approve.as_deref(), context)?;
    desk.decide(way, first, context).await
}

fn step<'a>(scene: &'a Scene, id: &str) -> Result<&'a Step, Failure> {
    scene.plan.steps.iter().find(|step| step.id.0 == id).ok_or_else(|| {
        Failure::new(Kind::Usage, format!("the plan has no step `{}`", printable(id)))
            .hint(format!("Nothing was recorded. Its steps: traghetto migrate plan {}", scene.tenant.id))
    })
}

/// The roles that carry out or validate the step's activity.
fn roles<'a>(scene: &'a Scene, step: &Step) -> Vec<&'a RoleId> {
    let activity = scene.playbook.activities.iter().find(|activity| activity.number == step.activity);
    activity.into_iter().flat_map(|activity| activity.executes.iter().chain(&activity.validates)).collect()
}

fn may_decide(scene: &Scene, asked: &[&RoleId], by: &PersonId, role: &RoleId) -> Result<(), Failure> {
    let holds = scene.inventory.people.persons.get(by).is_some_and(|person| person.holds(role, &scene.tenant.id));
    if holds && asked.contains(&role) {
        return Ok(());
    }
    let names: Vec<&str> = asked.iter().map(|role| role.as_str()).collect();
    Err(Failure::new(Kind::Usage, format!("{by} may not decide this as {role}"))
        .hint(format!("Nothing was recorded. A person with one of these roles does: {}.", names.join(", "))))
}

/// Who decides about which step.
struct Desk<'a> {
    args: &'a Args,
    scene: &'a Scene,
    story: &'a Story,
    step: &'a Step,
    operator: &'a PersonId,
    by: &'a PersonId,
}

impl<'a> Desk<'a> {
    /// The step's turn has come, it is not done, and nobody is at work on it.
    fn is_open(&self, id: &str) -> Result<(), Failure> {
        if let Some(holder) = &self.story.holder {
            let held = JournalError::Held { subject: self.scene.subject(), holder: Box::new(holder.clone()) };
            return Err(Failure::new(Kind::Waiting, held).hint(format!(
                "Nothing was recorded. Pause it first: traghetto migrate pause {} --reason TEXT",
                self.scene.tenant.id
            )));
        }
        let open = at_hand(&self.scene.plan, &self.story.state, self.story.journal.now());
        if open.iter().any(|open| open.id == self.step.id) {
            return Ok(());
        }
        if matches!(self.story.state.step(&self.step.id), StepState::Done { .. }) {
            return Err(Failure::new(Kind::Usage, format!("{id} is done already")).hint(format!(
                "Nothing was recorded. What comes next: traghetto migrate status {}",
                self.scene.tenant.id
            )));
        }
        let first = open.first().map_or_else(String::new, |first| format!(": {} comes first", first.id));
        Err(Failure::new(Kind::CheckFailed, format!("the turn of {id} has not come{first}"))
            .hint("Nothing was recorded: a step is decided when the run stands before it."))
    }

    /// Who wanted the same before, and is somebody else: another person of the other side, typed by another operator.
    fn asked_before(&self, way: ByHand, asked: &[&RoleId]) -> Result<Option<&'a AskedByHand>, Failure> {
        let now = self.story.journal.now();
        let Some(before) = self.story.state.asked_by_hand.get(&self.step.id).filter(|before| before.counts(now)) else {
            return Ok(None);
        };
        let first = &before.first;
        let refused = |text: String| {
            Err(Failure::new(Kind::CheckFailed, text)
                .hint("Nothing was recorded: what was asked for before still waits."))
        };
        if before.way != way {
            return refused(format!("{} wants {} {}, not {}", first.by, self.step.id, before.way.word(), way.word()))
                .map_err(|failure: Failure| failure.hint("To want something else, take it back first: --revoke."));
        }
        if first.by == *self.by || first.operator == self.operator.as_str() {
            return refused("one person, or one operator, does not decide for two".to_owned())
                .map_err(|failure: Failure| failure.hint("Another person types it at an own account."));
        }
        let side = |role: &RoleId| self.scene.inventory.people.roles.get(role).map(|role| role.side);
        let sides: BTreeSet<Option<Side>> = asked.iter().map(|role| side(role)).collect();
        let of_comune = |role: &RoleId| side(role) == Some(Side::Comune);
        // Where the town has a say, one of the two speaks for it, and the other does not.
        let apart = if sides.contains(&Some(Side::Comune)) {
            of_comune(&first.role) != of_comune(&self.args.role)
        } else if sides.len() > 1 {
            side(&first.role) != side(&self.args.role)
        } else {
            first.role != self.args.role
        };
        if !apart {
            let text = format!("{} speaks for the same side as {}", self.args.role, first.role);
            return refused(text).map_err(|failure: Failure| failure.hint("A person of the other side has to agree."));
        }
        Ok(Some(before))
    }

    async fn decide(&self, way: ByHand, first: Option<&AskedByHand>, context: &Context) -> Result<(), Failure> {
        let step = self.step.id.clone();
        let (role, by, reason) = (self.args.role.clone(), self.by.clone(), self.args.reason.clone());
        let tenant = &self.scene.tenant.id;
        let Some(first) = first else {
            let record = Record::OverrideAsked { step: step.clone(), way, role, by, reason };
            self.story.write(self.scene, self.operator, record).await?;
            let flag = if way == ByHand::Done { "--done" } else { "--skip" };
            return Err(Failure::new(
                Kind::Waiting,
                format!("another person has to agree that {step} is {}", way.in_words()),
            )
            .hint("Recorded, and nothing else was done. It waits for 4 hours.")
            .hint("A person of the other side gives the same command with an own --role and --operator:")
            .hint(format!("traghetto migrate override {tenant} {step} {flag} --role ROLE --reason TEXT")));
        };
        // The page was read for a while: the other person may have taken it back, or a run have begun.
        let now = Story::open(self.scene, context).await?;
        if now.state.asked_by_hand.get(&step) != Some(first) || now.holder.is_some() {
            return Err(Failure::new(Kind::Waiting, format!("what was asked for {step} has changed meanwhile"))
                .hint(format!("Nothing was recorded. Look first: traghetto migrate status {tenant}")));
        }
        let (operator, time) = (self.operator.to_string(), rome(&self.story.journal.now()));
        let second = Decision { role, by, operator, time, reason };
        let record = Record::StepOverridden { step: step.clone(), way, first: first.first.clone(), second };
        let event = self.story.write(self.scene, self.operator, record).await?;
        context.ui.status(&format!("registrato: {step}, evento {}", event.seq));
        context.ui.status(&format!("go on with: traghetto migrate run {tenant}"));
        Ok(())
    }

    async fn revoke(&self, context: &Context) -> Result<(), Failure> {
        let step = self.step.id.clone();
        if self.story.state.is_by_hand(&step) {
            return Err(Failure::new(Kind::CheckFailed, format!("both have decided {step} already"))
                .hint("Nothing was recorded: what both decided stays in the journal and in what is signed."));
        }
        if !self.story.state.asked_by_hand.contains_key(&step) {
            return Err(Failure::new(Kind::Usage, format!("nobody wants {step} by hand"))
                .hint("Nothing was recorded, and there is nothing to take back: the run does the step."));
        }
        let (role, by, reason) = (self.args.role.clone(), self.by.clone(), self.args.reason.clone());
        let record = Record::OverrideRevoked { step: step.clone(), role, by, reason };
        self.story.write(self.scene, self.operator, record).await?;
        context.ui.status(&format!("{step} is done by the run again: traghetto migrate run {}", self.scene.tenant.id));
        Ok(())
    }

    fn page(&self, way: ByHand, first: Option<&AskedByHand>) -> String {
        let people = &self.scene.inventory.people;
        let name = |person: &PersonId| {
            people.persons.get(person).map_or_else(|| person.to_string(), |person| person.name.clone())
        };
        let title = |role: &RoleId| people.roles.get(role).map_or_else(|| role.to_string(), |role| role.title.clone());
        let what = match way {
            ByHand::Done => "vale come fatto a mano",
            ByHand::Skipped => "viene saltato",
        };
        let before = first.map_or_else(
            || "Serve l'accordo di una persona dell'altra parte.".to_owned(),
            |asked| {
                let Decision { by, role, reason, .. } = &asked.first;
                format!("Chiesto da {}, {}: {}", name(by), title(role), printable(reason))
            },
        );
        format!(
            "{}\nIl passo {} {what}.\n{}\n{before}\nMotivo: {}\n\nDecide: {}, {}.\n",
            self.scene.tenant.name,
            self.step.id,
            consequence(self.step, way).it,
            printable(&self.args.reason),
            name(self.by),
            title(&self.args.role)
        )
    }
}
