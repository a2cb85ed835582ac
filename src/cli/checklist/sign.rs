//! `traghetto checklist sign`: a person says what only a person can know.

use super::super::{Context, approval, inventory, journal, operator};
use super::PhaseArg;
use crate::checklist::{
    Check, Checklist, Item, ItemId, Opinion, Options, SignError, Signature, Subject, Task, Todo, tasks,
};
use crate::failure::{Failure, Kind};
use crate::model::people::People;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, PersonId, RoleId};
use crate::untrusted::printable;

/// `traghetto checklist sign`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// The item, such as SRC-BKP-01.
    item: String,
    /// The phase.
    #[arg(long, value_enum)]
    phase: PhaseArg,
    /// The role in which it is signed (default: the item's, where it has only one).
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// The server or site that is signed for, where the item has several.
    #[arg(long, value_name = "NAME")]
    of: Option<String>,
    /// Who signs (default: the operator).
    #[arg(long, value_name = "PERSON")]
    by: Option<String>,
    /// Whether it holds.
    #[arg(long, value_enum, default_value = "ok")]
    outcome: OutcomeArg,
    /// What was seen, in the person's words; never a password.
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// Sign without a terminal: the start of the digest of the item's text.
    #[arg(long, value_name = "DIGEST")]
    approve: Option<String>,
}

/// What a person says of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OutcomeArg {
    /// It holds.
    Ok,
    /// It does not.
    Ko,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let inventory = inventory::load(context)?;
    let tenant = inventory::tenant(&inventory, &args.tenant)?;
    let checklist = super::load(args.phase.phase(), &inventory, context)?;
    let operator = operator::resolve(context, &inventory)?;
    let journal = journal::open(context, &inventory).await?;
    let events = journal.events(&tenant.id).await?;
    let signatures = super::signatures(checklist.phase, &events);
    let (project, baselines) = (&inventory.project, super::baselines(&events));
    let options = Options { project, server: None, signatures: &signatures, baselines: &baselines, when: None };
    let item = item(&checklist, &args.item)?;
    let subject = subject(&tasks(&checklist, tenant, &options), item, args.of.as_deref())?;
    let role = role(item, args.role.as_deref())?;
    let person = person(&inventory, args.by.as_deref(), &operator)?;
    signatures
        .admit(item, &subject, (&person, &role, &tenant.id), &inventory.people)
        .map_err(|error| refused(error, item, &role, tenant, &inventory.people))?;
    let signature = Signature {
        phase: checklist.phase,
        item: item.id.clone(),
        subject,
        role,
        person,
        outcome: opinion(args.outcome),
        note: note(&args.note)?,
        digest: item.digest(),
    };
    let text = text(&signature, item, &tenant.name, &inventory.people);
    approval::approve(&text, &signature.digest, args.approve.as_deref(), context)?;
    let data = serde_json::to_value(&signature).map_err(|error| Failure::new(Kind::Bug, error))?;
    journal.append(&tenant.id, operator.as_str(), Signature::KIND, data).await?;
    journal::tell_repairs(context, &journal);
    context.ui.status(&format!("Firmato: {} da {}.", signature.item, name(&signature.person, &inventory.people)));
    Ok(())
}

fn item<'a>(checklist: &'a Checklist, name: &str) -> Result<&'a Item, Failure> {
    let found = name.parse::<ItemId>().ok().and_then(|id| checklist.item(&id));
    let manual = || checklist.items.iter().filter(|item| item.kind() == "manual");
    found.ok_or_else(|| {
        let known: Vec<&str> = manual().map(|item| item.id.as_str()).collect();
        super::no_such(&format!("item of the checklist {}", checklist.phase), name, known.into_iter())
    })
}

/// What the item is signed for: the only thing it is asked of, or the one that `of` names.
fn subject(tasks: &[Task], item: &Item, of: Option<&str>) -> Result<Subject, Failure> {
    let own = || tasks.iter().filter(|task| task.item.id == item.id);
    let asked: Vec<&Task> = own().filter(|task| !matches!(task.todo, Todo::Skip(_))).collect();
    let names = || asked.iter().map(|task| task.subject.to_string()).collect::<Vec<_>>();
    match (of, asked.as_slice()) {
        (Some(name), _) => {
            let found = asked.iter().find(|task| task.subject.to_string() == name);
            let known = names();
            found
                .map(|task| task.subject.clone())
                .ok_or_else(|| super::no_such("server or site", name, known.iter().map(String::as_str)))
        }
        (None, [only]) => Ok(only.subject.clone()),
        (None, []) => {
            let reason = own().find_map(|task| match &task.todo {
                Todo::Skip(reason) => Some(reason.clone()),
                _ => None,
            });
            let reason = reason.unwrap_or_else(|| "it is asked of nothing here".to_owned());
            Err(Failure::new(Kind::Usage, format!("{} is not to be signed: {reason}", item.id))
                .hint("Nothing was signed. What waits for a signature: traghetto checklist report PHASE TENANT."))
        }
        (None, _) => Err(Failure::new(Kind::Usage, format!("{} is signed for each {}", item.id, item.scope.word()))
            .hint(format!("Say which: --of NAME, one of {}.", names().join(", ")))),
    }
}

fn role(item: &Item, name: Option<&str>) -> Result<RoleId, Failure> {
    let known = || item.roles.iter().map(RoleId::as_str);
    match (name, item.roles.as_slice()) {
        (Some(name), roles) => {
            let found = roles.iter().find(|role| role.as_str() == name).cloned();
            found.ok_or_else(|| super::no_such(&format!("role of {}", item.id), name, known()))
        }
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            let failure = Failure::new(Kind::Usage, format!("{} is signed by several roles", item.id));
            Err(failure.hint(format!("Say in which: --role ROLE, one of {}.", known().collect::<Vec<_>>().join(", "))))
        }
    }
}

fn person(inventory: &Inventory, name: Option<&str>, operator: &PersonId) -> Result<PersonId, Failure> {
    let Some(name) = name else { return Ok(operator.clone()) };
    let persons = &inventory.people.persons;
    let found = name.parse().ok().filter(|id: &PersonId| persons.contains_key(id));
    found.ok_or_else(|| super::no_such("person", name, persons.keys().map(PersonId::as_str)))
}

/// A note is one line of at most 1000 characters that says something.
fn note(text: &str) -> Result<String, Failure> {
    let words = text.trim();
    let refuse = |why: &str| Err(Failure::new(Kind::Usage, why.to_owned()).hint("Say in a sentence what was seen."));
    if words.is_empty() {
        return refuse("the note is empty");
    }
    if words.chars().count() > 1000 || words.contains(char::is_control) {
        return refuse("the note is longer than 1000 characters or has control characters");
    }
    Ok(words.to_owned())
}

fn opinion(outcome: OutcomeArg) -> Opinion {
    match outcome {
        OutcomeArg::Ok => Opinion::Ok,
        OutcomeArg::Ko => Opinion::Ko,
    }
}

fn name<'a>(person: &'a PersonId, people: &'a People) -> &'a str {
    people.persons.get(person).map_or(person.as_str(), |person| person.name.as_str())
}

/// What the person signs, in Italian.
fn text(signature: &Signature, item: &Item, tenant: &str, people: &People) -> String {
    let instructions = match &item.check {
        Check::Manual { instructions } => instructions.it.as_str(),
        Check::Probe { .. } => "",
    };
    let of = match &signature.subject {
        Subject::Tenant => String::new(),
        subject => format!(" ({subject})"),
    };
    let role = people.roles.get(&signature.role).map_or(signature.role.as_str(), |role| role.title.as_str());
    let outcome = match signature.outcome {
        Opinion::Ok => "VERIFICATO",
        Opinion::Ko => "NON VERIFICATO",
    };
    format!(
        "{tenant}, lista di controllo `{}`, voce {}{of}\n  {}\n  {instructions}\nEsito: {outcome}\nNota: {}\nFirma: {}, {role}",
        signature.phase,
        signature.item,
        item.title.it,
        printable(&signature.note),
        name(&signature.person, people),
    )
}

/// Why the signature is not taken, and who may give it.
fn refused(error: SignError, item: &Item, role: &RoleId, tenant: &Tenant, people: &People) -> Failure {
    let next = match &error {
        SignError::NotManual { .. } => {
            format!("Run it instead: traghetto checklist run PHASE {}", tenant.id)
        }
        _ => match people.holders(role, &tenant.id).map(|person| person.id.as_str()).collect::<Vec<_>>().as_slice() {
            [] => format!("Nobody holds `{role}` for {}: add the person to inventory/people.yaml.", tenant.id),
            names => format!("{} is signed as `{role}` by {} (--by).", item.id, names.join(" or ")),
        },
    };
    Failure::new(Kind::Usage, error).hint("Nothing was recorded.").hint(next)
}
