//! `traghetto checklist sign`: a person states, validates or waives; with a key, on paper, or at the terminal.

mod means;

use super::super::{Context, Lang, journal, operator};
use super::PhaseArg;
use super::scene::{Place, Scene};
use crate::checklist::{Attached, Draft, Given, Item, ItemId, Open, Opinion, SignError, Signature, Wish};
use crate::digest::sha256;
use crate::failure::{Failure, Kind};
use crate::model::people::People;
use crate::model::{Inventory, PersonId, RoleId};
use crate::untrusted::printable;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// `traghetto checklist sign`.
///
/// A person whose `signing_key` is in people.yaml signs with it: the key file of --key, the SSH agent,
/// or `ssh-keygen -Y sign -n traghetto` elsewhere over what --print prints (--signature). Others type
/// their signature at the operator's terminal, or sign a document, which is recorded.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Args {
    /// The phase.
    #[arg(value_enum)]
    phase: PhaseArg,
    /// The tenant's id.
    tenant: String,
    /// The items, such as SRC-BKP-01,SRC-BKP-02.
    #[arg(long, value_name = "ITEMS", value_delimiter = ',', group = "what")]
    items: Vec<ItemId>,
    /// The items of a list: those with this `sign_with`.
    #[arg(long, value_name = "NAME", group = "what")]
    list: Option<String>,
    /// Everything that waits for the role.
    #[arg(long, group = "what")]
    all: bool,
    /// The role in which it is signed (default: the items' own, where they have only one).
    #[arg(long, visible_alias = "as", value_name = "ROLE")]
    role: Option<String>,
    /// Only for this server, site or service.
    #[arg(long, value_name = "NAME")]
    of: Option<String>,
    /// Who signs (default: the operator).
    #[arg(long, visible_alias = "person", value_name = "PERSON")]
    by: Option<String>,
    /// Whether it holds, or is waived.
    #[arg(long, value_enum, default_value = "ok")]
    outcome: OutcomeArg,
    /// The last day of a waiver, such as 2026-12-31; a year at most.
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    /// What was seen, or why it is waived, in the person's words; never a password.
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// Sign without a terminal: the start of the digest of the statement.
    #[arg(long, value_name = "DIGEST")]
    approve: Option<String>,
    /// Print the statement, sign nothing; the other options may be the same as for signing.
    #[arg(long)]
    print: bool,
    /// The person's private key.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signature", "document"])]
    key: Option<PathBuf>,
    /// The signature that the person made elsewhere, over the printed statement.
    #[arg(long, value_name = "FILE", conflicts_with = "document")]
    signature: Option<PathBuf>,
    /// A file that proves what is signed, such as a photo or an output; may be given several times.
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    /// The document that the person signed: a scan (PDF, PNG, JPEG, TIFF), a PDF (PAdES), a .p7m.
    #[arg(long, value_name = "FILE", requires_all = ["prot", "date"])]
    document: Option<PathBuf>,
    /// The document's number in the protocol register.
    #[arg(long, value_name = "N", requires = "document")]
    prot: Option<String>,
    /// The document's date in the protocol register.
    #[arg(long, value_name = "DATE", requires = "document")]
    date: Option<Date>,
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OutcomeArg {
    /// It holds.
    Ok,
    /// It does not.
    Ko,
    /// It does not have to, until a day.
    Waived,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let scene = Scene::open(&args.tenant, context).await?;
    let place = scene.place(args.phase.phase(), context)?;
    let operator = operator::resolve(context, &scene.inventory)?;
    let people = &scene.inventory.people;
    let named = named(args, &place)?;
    let role = role(args, &named, &place)?;
    let items = of_role(args, named, &role, &place);
    let person = person(&scene.inventory, args.by.as_deref(), &operator)?;
    let note = note(&args.note)?;
    let proofs = means::proofs(&args.evidence)?;
    let evidence: Vec<Attached> = proofs.iter().map(|(attached, _)| attached.clone()).collect();
    let wish = Wish {
        role: &role,
        person: &person,
        outcome: opinion(args.outcome),
        note: &note,
        until: args.until,
        items: (!args.all).then_some(&items[..]),
        of: args.of.as_deref(),
        evidence: &evidence,
    };
    let draft = place.desk(&scene).draft(&wish).map_err(|error| refused(&error, &role, &scene, args, context))?;
    warn_of_evidence(args, &wish, &draft, &place, context);
    let approves = sha256(draft.statement.as_bytes());
    if args.print {
        return print(&draft, &approves, context);
    }
    let means = means::Means { args, person: &person, scene: &scene, place: &place, context };
    if means.is_typed() {
        place
            .desk(&scene)
            .typed_by(&operator, &wish, &draft)
            .map_err(|error| refused(&error, &role, &scene, args, context))?;
    }
    let given = means.given(&draft, &approves).await?;
    let signature = Signature {
        phase: place.checklist.phase,
        role: role.clone(),
        person: person.clone(),
        outcome: wish.outcome,
        note: note.clone(),
        until: args.until,
        items: draft.items,
        evidence,
        approves,
        statement: draft.statement,
        given,
    };
    let data = serde_json::to_value(&signature).map_err(|error| {
        Failure::new(Kind::Bug, error)
            .hint("Nothing was signed. This is a bug in traghetto: report the command and this message.")
    })?;
    means.still_the_next(&signature).await?;
    means.keep(&proofs)?;
    scene.journal.append(&scene.tenant.id, operator.as_str(), Signature::KIND, data).await?;
    journal::tell_repairs(context, &scene.journal);
    context.ui.status(&conclusion(&signature, people));
    if !draft.open.is_empty() {
        let open = draft.open.iter().map(Open::in_italian).collect::<Vec<_>>().join(", ");
        context.ui.status(&format!("La validazione di {} attende ancora: {open}.", signature.role));
    }
    Ok(())
}

fn print(draft: &Draft, approves: &str, context: &Context) -> Result<(), Failure> {
    if context.json {
        let items = &draft.items;
        let open: Vec<String> = draft.open.iter().map(Open::to_string).collect();
        let statement = &draft.statement;
        context
            .ui
            .json(&serde_json::json!({ "approves": approves, "items": items, "open": open, "statement": statement }));
    } else {
        context.ui.data(&draft.statement);
        context.ui.status(&format!("SHA-256: {approves}"));
    }
    Ok(())
}

/// The items of the options: those that are named, or those of a list.
fn named(args: &Args, place: &Place) -> Result<Vec<ItemId>, Failure> {
    let Some(list) = &args.list else { return Ok(args.items.clone()) };
    let items = &place.checklist.items;
    let own = items.iter().filter(|item| item.sign_with.as_ref() == Some(list));
    let own: Vec<ItemId> = own.map(|item| item.id.clone()).collect();
    if own.is_empty() {
        let known: BTreeSet<&str> = items.iter().filter_map(|item| item.sign_with.as_deref()).collect();
        return Err(super::no_such(
            &format!("list of the checklist {}", place.checklist.phase),
            list,
            known.iter().copied(),
        ));
    }
    Ok(own)
}

/// Of a list only what the role states; items that are named one by one are all meant.
fn of_role(args: &Args, named: Vec<ItemId>, role: &RoleId, place: &Place) -> Vec<ItemId> {
    let stated = |id: &ItemId| place.checklist.item(id).is_some_and(|item| item.roles.contains(role));
    let any = named.iter().any(stated);
    named.into_iter().filter(|id| args.list.is_none() || !any || stated(id)).collect()
}

/// The role of the option, or the only one that all items have.
fn role(args: &Args, named: &[ItemId], place: &Place) -> Result<RoleId, Failure> {
    let items: Vec<&Item> = named.iter().map(|id| known_item(id, place)).collect::<Result<_, _>>()?;
    let list = &place.checklist;
    let mut known: Vec<&RoleId> = items.iter().flat_map(|item| &item.roles).collect();
    if args.all {
        known.extend(list.items.iter().filter(|item| item.kind() == "manual").flat_map(|item| &item.roles));
    }
    match args.role.as_deref() {
        Some(name) => {
            known.extend(&list.validates);
            known.sort();
            known.dedup();
            let found = known.iter().find(|role| role.as_str() == name).map(|role| (*role).clone());
            let what =
                if args.all { format!("role of checklist {}", list.phase) } else { "role of these items".to_owned() };
            found.ok_or_else(|| super::no_such(&what, name, known.iter().map(|role| role.as_str())))
        }
        None => {
            known.sort();
            known.dedup();
            let roles = known.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
            match known.as_slice() {
                [only] if !args.all => Ok((*only).clone()),
                _ => Err(Failure::new(Kind::Usage, format!("checklist {} is signed by several roles", list.phase))
                    .hint(format!("Say in which: --role ROLE, one of {roles}."))),
            }
        }
    }
}

fn known_item<'a>(id: &ItemId, place: &'a Place) -> Result<&'a Item, Failure> {
    let list = &place.checklist;
    let known = || list.items.iter().map(|item| item.id.as_str());
    list.item(id).ok_or_else(|| super::no_such(&format!("item of the checklist {}", list.phase), id.as_str(), known()))
}

fn person(inventory: &Inventory, name: Option<&str>, operator: &PersonId) -> Result<PersonId, Failure> {
    let Some(name) = name else { return Ok(operator.clone()) };
    let persons = &inventory.people.persons;
    let found = name.parse().ok().filter(|id: &PersonId| persons.contains_key(id));
    found.ok_or_else(|| super::no_such("person", name, persons.keys().map(PersonId::as_str)))
}

/// A note is one line of at most 1000 characters that says something, and no secret.
fn note(text: &str) -> Result<String, Failure> {
    let words = text.trim();
    let refuse = |why: &str| Err(Failure::new(Kind::Usage, why.to_owned()).hint("Say in a sentence what was seen."));
    if words.is_empty() {
        return refuse("the note is empty");
    }
    if words.chars().count() > 1000 || words.contains(char::is_control) {
        return refuse("the note is longer than 1000 characters or has control characters");
    }
    if crate::checklist::Redactor::default().text(words) != words {
        return refuse("the note seems to hold a password: it would be kept for ever");
    }
    Ok(words.to_owned())
}

fn opinion(outcome: OutcomeArg) -> Opinion {
    match outcome {
        OutcomeArg::Ok => Opinion::Ok,
        OutcomeArg::Ko => Opinion::Ko,
        OutcomeArg::Waived => Opinion::Waived,
    }
}

/// Says which items ask for evidence of which nothing is attached: it is asked for later, by who verifies.
fn warn_of_evidence(args: &Args, wish: &Wish<'_>, draft: &Draft, place: &Place, context: &Context) {
    if wish.outcome != Opinion::Ok || !wish.evidence.is_empty() || args.document.is_some() {
        return;
    }
    let stated = draft.items.iter().filter(|covered| covered.finding.is_none());
    let items: BTreeSet<&ItemId> = stated.map(|covered| &covered.item).collect();
    let asked = items.into_iter().filter(|id| place.checklist.item(id).is_some_and(|item| !item.evidence.is_empty()));
    let asked = asked.map(ItemId::as_str).collect::<Vec<_>>().join(", ");
    if !asked.is_empty() {
        context.ui.warn(&match context.lang {
            Lang::It => format!("nessuna prova allegata, e la chiedono {asked}: si allega con --evidence FILE"),
            Lang::En => format!("no evidence is attached, and {asked} ask for it: attach it with --evidence FILE"),
        });
    }
}

/// What was recorded, in the language of those who sign.
fn conclusion(signature: &Signature, people: &People) -> String {
    let name = people.persons.get(&signature.person).map_or(signature.person.as_str(), |person| person.name.as_str());
    let what = match signature.items.as_slice() {
        [only] => only.item.to_string(),
        items => format!("{} voci", items.len()),
    };
    match &signature.given {
        Given::Typed => format!("Firmato: {what} da {name}."),
        Given::Ssh { .. } => format!("Firmato: {what} da {name}, con chiave SSH."),
        Given::Document(document) => {
            let prot = printable(&document.prot);
            format!("Acquisita: {what}, firma di {name} sul documento prot. n. {prot}, SHA-256 {}.", document.sha256)
        }
    }
}

/// Why the signature is not taken, and who may give it, in the language of those who sign.
fn refused(error: &SignError, role: &RoleId, scene: &Scene, args: &Args, context: &Context) -> Failure {
    let (tenant, phase) = (&scene.tenant.id, args.phase.phase());
    let (kind, italian, english) = match error {
        SignError::NotManual { .. } => (
            Kind::Usage,
            format!("Si esegue invece: traghetto checklist run {phase} {tenant}"),
            format!("Run it instead: traghetto checklist run {phase} {tenant}"),
        ),
        SignError::NotSettled { .. } => (
            Kind::CheckFailed,
            format!("Vedere traghetto checklist report {phase} {tenant}; una deroga lascia passare una voce."),
            format!("See traghetto checklist report {phase} {tenant}; a waiver lets an item pass."),
        ),
        SignError::Nothing { .. } | SignError::Skipped { .. } => (
            Kind::Usage,
            format!("Che cosa attende chi: traghetto checklist pending {tenant}"),
            format!("What waits for whom: traghetto checklist pending {tenant}"),
        ),
        SignError::WaiverOfAll
        | SignError::WaiverEnded
        | SignError::WaiverTooLong { .. }
        | SignError::EndOfNoWaiver => (
            Kind::Usage,
            "Una deroga si dà con --items A,B --outcome waived --until DATA --note MOTIVO.".to_owned(),
            "Give a waiver as --items A,B --outcome waived --until DATE --note WHY.".to_owned(),
        ),
        SignError::OneOperator { .. } => (
            Kind::Usage,
            "Vie aperte: una chiave propria della persona (`signing_key` in inventory/people.yaml, poi --key o \
             --signature); un documento firmato (--document FILE --prot N --date DATA); un altro operatore che la \
             digita (--operator)."
                .to_owned(),
            "Open ways: a key of the person's own (`signing_key` in inventory/people.yaml, then --key or \
             --signature); a signed document (--document FILE --prot N --date DATE); another operator who types it \
             (--operator)."
                .to_owned(),
        ),
        _ => holders(role, scene),
    };
    let (text, nothing, next) = match context.lang {
        Lang::It => (error.in_italian(), "Nulla è stato registrato.", italian),
        Lang::En => (error.to_string(), "Nothing was recorded.", english),
    };
    Failure::new(kind, text).hint(nothing).hint(next)
}

/// Who signs in a role.
fn holders(role: &RoleId, scene: &Scene) -> (Kind, String, String) {
    let tenant = &scene.tenant.id;
    let names: Vec<&str> = scene.inventory.people.holders(role, tenant).map(|person| person.id.as_str()).collect();
    let (italian, english) = match names.as_slice() {
        [] => (
            format!("Nessuno ha il ruolo «{role}» per {tenant}: aggiungere la persona in inventory/people.yaml."),
            format!("Nobody holds `{role}` for {tenant}: add the person to inventory/people.yaml."),
        ),
        names => (
            format!("Come «{role}» firma {} (--by).", names.join(" o ")),
            format!("As `{role}` signs {} (--by).", names.join(" or ")),
        ),
    };
    (Kind::Usage, italian, english)
}
