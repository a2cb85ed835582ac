//! `traghetto checklist sign`: a person states, validates or waives; with a key, on paper, or at the terminal.

use super::super::{Context, approval, journal, operator};
use super::scene::{Place, Scene};
use super::{PhaseArg, key};
use crate::checklist::sshsig;
use crate::checklist::{Document, DocumentKind, Draft, Given, Item, ItemId, Opinion, SignError, Signature, Wish};
use crate::digest::sha256;
use crate::failure::{Failure, Kind};
use crate::model::people::{People, Person};
use crate::model::{Inventory, PersonId, RoleId};
use crate::untrusted::printable;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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
    /// The last day of a waiver, such as 2026-12-31.
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    /// What was seen, or why it is waived, in the person's words; never a password.
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// Sign without a terminal: the start of the digest of the statement.
    #[arg(long, value_name = "DIGEST")]
    approve: Option<String>,
    /// Print the statement, sign nothing.
    #[arg(long, conflicts_with_all = ["approve", "key", "signature", "document"])]
    print: bool,
    /// The person's private key.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signature", "document"])]
    key: Option<PathBuf>,
    /// The signature that the person made elsewhere, over the printed statement.
    #[arg(long, value_name = "FILE", conflicts_with = "document")]
    signature: Option<PathBuf>,
    /// The document that the person signed: a scan, a PDF (PAdES), a .p7m.
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

/// Largest document that is taken, in bytes.
const LARGEST: u64 = 64 << 20;

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
    let wish = Wish {
        role: &role,
        person: &person,
        outcome: opinion(args.outcome),
        note: &note,
        until: args.until,
        items: (!args.all).then_some(&items[..]),
        of: args.of.as_deref(),
    };
    let draft = place.desk(&scene).draft(&wish).map_err(|error| refused(error, &role, &scene, args))?;
    let approves = sha256(draft.statement.as_bytes());
    if args.print {
        return print(&draft, &approves, context);
    }
    let given = given(args, &draft, &approves, &person, &scene, context).await?;
    let signature = Signature {
        phase: place.checklist.phase,
        role: role.clone(),
        person: person.clone(),
        outcome: wish.outcome,
        note: note.clone(),
        until: args.until,
        items: draft.items,
        approves,
        statement: draft.statement,
        given,
    };
    let data = serde_json::to_value(&signature).map_err(|error| Failure::new(Kind::Bug, error))?;
    scene.journal.append(&scene.tenant.id, operator.as_str(), Signature::KIND, data).await?;
    journal::tell_repairs(context, &scene.journal);
    context.ui.status(&conclusion(&signature, people));
    if !draft.open.is_empty() {
        context.ui.status(&format!("La validazione di {} attende ancora: {}.", signature.role, draft.open.join(", ")));
    }
    Ok(())
}

fn print(draft: &Draft, approves: &str, context: &Context) -> Result<(), Failure> {
    if context.json {
        let items = &draft.items;
        let open = &draft.open;
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

/// The signature itself, in the way that the options and the inventory ask for.
async fn given(
    args: &Args,
    draft: &Draft,
    approves: &str,
    person: &PersonId,
    scene: &Scene,
    context: &Context,
) -> Result<Given, Failure> {
    let text = format!("{}\nImpronta (SHA-256) di quanto si firma: {approves}", draft.statement);
    let approve = || approval::approve(&text, approves, args.approve.as_deref(), context);
    let message = draft.statement.as_bytes();
    let known = key::known(person, &scene.inventory.people);
    if let (Some(path), Some(prot), Some(date)) = (&args.document, &args.prot, args.date) {
        let (bytes, document) = document(path, prot, date)?;
        approve()?;
        if let Some(blobs) = scene.journal.blobs(&scene.tenant.id) {
            blobs.put(&bytes)?;
        }
        return Ok(Given::Document(document));
    }
    let Some(known) = known else {
        if args.key.is_some() || args.signature.is_some() {
            return Err(key::without(person));
        }
        approve()?;
        return Ok(Given::Typed);
    };
    let armored = match &args.signature {
        // Who signed elsewhere has read it there.
        Some(path) => String::from_utf8_lossy(&read(path)?).into_owned(),
        None => {
            approve()?;
            key::signed(person, known, message, args.key.as_deref()).await?
        }
    };
    key::checked(person, known, message, &armored)?;
    let key = sshsig::signer(&armored).map_err(key::uncounted)?;
    Ok(Given::Ssh { signature: armored, key })
}

/// The bytes of a received document, and what is recorded of it.
fn document(path: &Path, prot: &str, date: Date) -> Result<(Vec<u8>, Document), Failure> {
    let bytes = read(path)?;
    let prot = prot.trim();
    if bytes.is_empty() || prot.is_empty() || prot.chars().count() > 60 || prot.contains(char::is_control) {
        return Err(Failure::new(Kind::Usage, "the document is empty, or its protocol number is none")
            .hint("Nothing was recorded. Write the number as it is registered, such as --prot 1234/2026."));
    }
    let file = path.file_name().map(|name| printable(&name.to_string_lossy())).unwrap_or_default();
    let (sha256, kind) = (sha256(&bytes), DocumentKind::of(&bytes));
    Ok((bytes, Document { file, sha256, kind, prot: prot.to_owned(), date }))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let refuse = |error: std::io::Error| {
        Failure::new(Kind::Usage, format!("{} cannot be read: {error}", path.display())).hint("Nothing was recorded.")
    };
    let length = std::fs::metadata(path).map_err(refuse)?.len();
    if length > LARGEST {
        return Err(refuse(std::io::Error::other(format!("it is larger than {LARGEST} bytes"))));
    }
    std::fs::read(path).map_err(refuse)
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

/// Why the signature is not taken, and who may give it.
fn refused(error: SignError, role: &RoleId, scene: &Scene, args: &Args) -> Failure {
    let (tenant, phase) = (&scene.tenant.id, args.phase.phase());
    let people = &scene.inventory.people;
    let (kind, next) = match &error {
        SignError::NotManual { .. } => {
            (Kind::Usage, format!("Run it instead: traghetto checklist run {phase} {tenant}"))
        }
        SignError::NotSettled { .. } => {
            (Kind::CheckFailed, format!("See traghetto checklist report {phase} {tenant}; a waiver lets an item pass."))
        }
        SignError::Nothing { .. } | SignError::Skipped { .. } => {
            (Kind::Usage, format!("What waits for whom: traghetto checklist pending {tenant}"))
        }
        SignError::WaiverOfAll | SignError::WaiverEnded => {
            (Kind::Usage, "Give a waiver as --items A,B --outcome waived --until DATE --note WHY.".to_owned())
        }
        _ => {
            let holders: Vec<&str> = people.holders(role, tenant).map(|person: &Person| person.id.as_str()).collect();
            let next = match holders.as_slice() {
                [] => format!("Nobody holds `{role}` for {tenant}: add the person to inventory/people.yaml."),
                names => format!("As `{role}` signs {} (--by).", names.join(" or ")),
            };
            (Kind::Usage, next)
        }
    };
    Failure::new(kind, error).hint("Nothing was recorded.").hint(next)
}
