//! `traghetto checklist bundle` and `import`: the script of a server that the Comune runs by itself,
//! and its result.

use super::super::{Context, inventory, journal, operator};
use super::PhaseArg;
use super::findings::table;
use super::run::{conclude, server};
use crate::checklist::{
    Admission, Baselines, BundleError, Bundled, Head, Imported, Keeper, Options, Redactor, RunRecord, Signatures,
    Source, admitted, without_secrets,
};
use crate::digest::{hex, sha256};
use crate::failure::{Failure, Kind};
use crate::journal::Journal;
use crate::journal::event::rome;
use crate::model::server::Server;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, ServerId};
use crate::world::secret;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The largest result that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// `traghetto checklist bundle`: for servers that nobody may reach from outside.
#[derive(Debug, clap::Args)]
pub struct BundleArgs {
    /// The tenant's id.
    tenant: String,
    /// The phase.
    #[arg(long, value_enum)]
    phase: PhaseArg,
    /// The server.
    #[arg(long, value_name = "SERVER")]
    server: String,
    /// The folder for the script.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// `traghetto checklist import`: reads a result as if the host had been asked.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The file that the script wrote.
    file: PathBuf,
}

pub(super) async fn bundle(args: &BundleArgs, context: &Context) -> Result<(), Failure> {
    let (inventory, tenant) = inventory::load_for(context, &args.tenant)?;
    let tenant = &tenant;
    let id = server(tenant, &args.server)?;
    let checklist = super::load(args.phase.phase(), &inventory, context)?;
    let operator = operator::resolve(context, &inventory)?;
    let (signatures, baselines) = (Signatures::default(), Baselines::default());
    let options = Options::whole(&inventory.project, &signatures, &baselines);
    let source = Source { checklist: &checklist, tenant, server: find(tenant, &id)?, options };
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::new(Kind::Failed, error)
            .hint("Nothing was written. The system gave no random numbers; give the same command again.")
    })?;
    let nonce = hex(&random);
    let bundle = source.bundle(&nonce).ok_or_else(|| {
        Failure::new(Kind::Usage, format!("no item of the phase {} is a script for {id}", checklist.phase))
            .hint("Ask it from here: traghetto checklist run.")
    })?;
    let journal = journal::open(context, &inventory).await?;
    super::still_there(checklist.phase, tenant, Some(&id), &journal.events(&tenant.id).await?)?;
    let expires = journal.now() + Bundled::VALID;
    let bundled = Bundled { nonce, phase: checklist.phase, server: id.clone(), script: bundle.script.clone(), expires };
    // First: a file of which the journal knows nothing is carried in vain.
    journal.append(&tenant.id, operator.as_str(), Bundled::KIND, json!(bundled)).await?;
    journal::tell_repairs(context, &journal);
    let name = format!("{}-{}-{id}.{}", checklist.phase, tenant.id, bundle.extension);
    let path = args.out.join(name);
    std::fs::create_dir_all(&args.out).and_then(|()| std::fs::write(&path, &bundle.text)).map_err(|error| {
        Failure::new(Kind::Failed, error).hint(format!(
            "{} was not written: a half of it is no bundle. Name another folder with --out, or free space.",
            path.display()
        ))
    })?;
    context.ui.status(&format!("{} asks {} items of {id}, and only reads.", path.display(), bundle.items));
    context.ui.status("The Comune runs it as its first lines say; then: traghetto checklist import FILE.result");
    context.ui.status(&format!("Its result is taken over once, until {}.", rome(&expires)));
    context.ui.data(&format!("{}  {}\n", sha256(bundle.text.as_bytes()), path.display()));
    Ok(())
}

fn find<'a>(tenant: &'a Tenant, id: &ServerId) -> Result<&'a Server, Failure> {
    let found = tenant.servers.known().into_iter().flatten().find(|server| server.id == *id);
    found.ok_or_else(|| super::no_such("server", id.as_str(), std::iter::empty()))
}

pub(super) async fn import(args: &ImportArgs, context: &Context) -> Result<(), Failure> {
    let result = read(&args.file)?;
    let head = Head::read(&result).map_err(|error| refused(error, &args.file))?;
    let (inventory, tenant) = inventory::load_for(context, &head.tenant)?;
    let tenant = &tenant;
    let operator = operator::resolve(context, &inventory)?;
    let journal = journal::open(context, &inventory).await?;
    // Two that read the same result at the same moment would both take it over.
    let lease = journal.lease(&format!("bundle/{}", head.nonce), operator.as_str(), None).await?;
    let scene = Scene { inventory: &inventory, tenant, journal: &journal, operator: operator.as_str() };
    let done = take_over(&scene, &head, &result, (args, context)).await;
    journal.release(lease).await?;
    journal::tell_repairs(context, &journal);
    let record = done?;
    if context.json {
        context.ui.json(&json!(record));
    } else {
        context.ui.data(&table(&record.findings, context));
    }
    conclude(&record)
}

/// Where a result is taken over.
struct Scene<'a> {
    inventory: &'a Inventory,
    tenant: &'a Tenant,
    journal: &'a Journal,
    operator: &'a str,
}

/// Takes a result over: its file as a blob, its origin as an event, its findings as a run.
async fn take_over(
    scene: &Scene<'_>,
    head: &Head,
    result: &[u8],
    (args, context): (&ImportArgs, &Context),
) -> Result<RunRecord, Failure> {
    let Scene { inventory, tenant, journal, operator } = *scene;
    let id = server(tenant, &head.server)?;
    let checklist = super::load(head.phase, inventory, context)?;
    let events = journal.events(&tenant.id).await?;
    super::still_there(checklist.phase, tenant, Some(&id), &events)?;
    let signatures = Signatures::read(&checklist, &events, journal.now());
    let baselines = super::baselines(&events);
    let options = Options::whole(&inventory.project, &signatures, &baselines);
    let source = Source { checklist: &checklist, tenant, server: find(tenant, &id)?, options };
    let refused = |error| refused(error, &args.file);
    let digest = sha256(result);
    let admission = admitted(head, &events, journal.now(), &digest).map_err(refused)?;
    let findings = source.findings(head, result).map_err(refused)?;
    let held = [secret::held(tenant, &context.root), secret::held_for(&inventory.project, &context.root)];
    let redactor = Redactor::new(held.concat());
    if admission == Admission::New {
        let kept = without_secrets(head, result, &redactor);
        if let Some(blobs) = journal.blobs(&tenant.id) {
            blobs.put(&kept.bytes)?;
        }
        let imported = Imported {
            nonce: head.nonce.clone(),
            phase: head.phase,
            server: id.clone(),
            host: head.host.clone(),
            addresses: head.addresses.clone(),
            serials: head.serials.clone(),
            time: head.time,
            sha256: digest,
            blob: kept.sha256,
        };
        journal.append(&tenant.id, operator, Imported::KIND, json!(imported)).await?;
    }
    let options = Options { server: Some(&id), ..options };
    let keeper = Keeper { journal, operator, redactor: &redactor, signatures: &signatures };
    Ok(keeper.keep(&checklist, tenant, &options, 0.0, findings).await?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)).map_err(|error| {
        Failure::new(Kind::Usage, error).hint(format!(
            "Nothing was taken over. Name the file that the script left, ending in .result: {} cannot be read.",
            path.display()
        ))
    })?;
    Ok(bytes)
}

fn refused(error: BundleError, path: &Path) -> Failure {
    let hint = match &error {
        BundleError::NoResult(_) => "Take the file that ends in .result, as the script wrote it.",
        BundleError::OtherScript => "The checklist or the inventory changed since: make the bundle anew.",
        BundleError::OtherHost { .. } => "Have the script run on the server it is for, or correct its address.",
        BundleError::BrokenOff => "Have the script run again, to its end.",
        BundleError::Unknown => "Make a bundle here, on the state in which it is imported, and have it run.",
        BundleError::Used { .. } => "Its findings are in the journal. To ask again, make another bundle.",
        BundleError::Expired { .. } => "Make another bundle and have it run.",
        BundleError::Clock { .. } => "Have the host's clock corrected, or make another bundle; then run it again.",
        BundleError::Source { .. } => "Have the script run on the copy.",
    };
    Failure::new(Kind::Evidence, error).hint(format!("Nothing of {} was taken over. {hint}", path.display()))
}
