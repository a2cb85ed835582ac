//! `migrate adopt`: goes on here from the mirrored events of a state store that is lost.

use super::log::remark;
use super::run::command;
use crate::checklist::evidence::named_blobs;
use crate::cli::{Context, inventory, journal, operator};
use crate::failure::{Failure, Kind};
use crate::journal::{Blobs, Chain, Event, Journal, Lease};
use crate::migration::{self, AdoptError, Adopted, Adoption, RunState, clock};
use crate::model::project::LandingTarget;
use crate::model::tenant::Tenant;
use crate::model::{Inventory, PersonId};
use crate::replica::DiskReplica;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// `migrate adopt`.
///
/// The events are proven first; they are taken in under the tenant's lease, and who adopted them is written
/// down. What checklists found comes along from the folder `blobs` beside the file. Replicas that lie in the
/// landing folder are known again: nothing that is safe in them is copied again. The host that is lost must never drive the tenant again. Safe to kill and to repeat.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The mirrored events: `events.jsonl` of the tenant, from beside its replicas or from a backup.
    file: PathBuf,
    /// What became of the host that wrote them.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Refuse the file unless it is of this tenant.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
}

/// Who takes over what.
struct Desk<'a> {
    args: &'a Args,
    chain: &'a Chain,
    tenant: &'a Tenant,
    operator: &'a PersonId,
    journal: &'a Journal,
    lease: &'a Lease,
    context: &'a Context,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    remark("reason", &args.reason)?;
    let inventory = inventory::load(context)?;
    let operator = operator::resolve(context, &inventory)?;
    let chain = Chain::read(&args.file)?;
    let tenant = tenant(&inventory, &chain, args)?;
    // What no version of this program can have written is not taken in.
    RunState::of(&chain.events()).map_err(journal::illegal)?;
    let journal = journal::open(context, &inventory).await?;
    let lease = journal.lease(&format!("tenant/{}", tenant.id), operator.as_str(), None).await;
    let lease = lease.map_err(|error| journal::held(error, &inventory, &command(tenant.id.as_str())))?;
    let desk = Desk { args, chain: &chain, tenant, operator: &operator, journal: &journal, lease: &lease, context };
    let adopted = match desk.adopt().await {
        Ok(()) => desk.bring_evidence(),
        failed => failed,
    };
    journal::tell_repairs(context, &journal);
    let released = journal.release(lease).await;
    adopted?;
    tell_replicas(&inventory, tenant, context);
    context.ui.status(&format!("go on with: {}", command(tenant.id.as_str())));
    Ok(released?)
}

/// The tenant whose events they are: one of the inventory, and the one that was meant.
fn tenant<'a>(inventory: &'a Inventory, chain: &Chain, args: &Args) -> Result<&'a Tenant, Failure> {
    let nothing = "Nothing was taken in.";
    if let Some(meant) = &args.tenant {
        let meant = inventory::tenant(inventory, meant)?;
        if meant.id != *chain.tenant() {
            let text = format!("{} holds the events of {}, not of {}", args.file.display(), chain.tenant(), meant.id);
            return Err(Failure::new(Kind::Usage, text).hint(nothing).hint("Name the file of that tenant."));
        }
    }
    inventory.tenants.get(chain.tenant()).ok_or_else(|| {
        let text = format!("{} holds the events of {}", args.file.display(), chain.tenant());
        Failure::new(Kind::Usage, format!("{text}, which is no tenant of this inventory"))
            .hint(nothing)
            .hint("Bring the inventory of the lost host here first, or name another one with --root DIR.")
    })
}

impl Desk<'_> {
    async fn adopt(&self) -> Result<(), Failure> {
        let (tenant, ui) = (&self.tenant.id, &self.context.ui);
        let wish =
            Adoption { chain: self.chain, file: self.args.file.display().to_string(), reason: &self.args.reason };
        let adopted = migration::adopt(self.journal, self.lease, self.operator.as_str(), &wish).await;
        match adopted.map_err(|error| match error {
            AdoptError::Journal(error) => error.into(),
            AdoptError::Illegal(error) => journal::illegal(error),
        })? {
            Adopted::Already(at) => ui.status(&format!("adopted already, by event {at}: nothing was done")),
            Adopted::Drives(taken) => {
                ui.status(&format!("this state store drives {tenant} already: {taken} events were taken in"));
            }
            Adopted::Now(event) => self.tell(&event),
        }
        Ok(())
    }

    /// Brings what the events name as evidence, from beside the file. What is missing keeps nobody from going on: it
    /// is said now, and by `checklist verify`.
    fn bring_evidence(&self) -> Result<(), Failure> {
        let (from, ui) = (Blobs::beside(&self.args.file), &self.context.ui);
        let Some(here) = self.journal.blobs(&self.tenant.id) else { return Ok(()) };
        let named: BTreeSet<String> = self.chain.events().iter().flat_map(named_blobs).collect();
        let (mut brought, mut missing) = (0, 0);
        for name in named {
            // What cannot be read is as good as missing, and written anew.
            if matches!(here.get(&name), Ok(Some(_))) {
                continue;
            }
            match from.get(&name) {
                Ok(Some(bytes)) => {
                    here.put(&bytes)?;
                    brought += 1;
                }
                Ok(None) => missing += 1,
                Err(error) => {
                    ui.warn(&Failure::from(error).render());
                    missing += 1;
                }
            }
        }
        if brought > 0 {
            ui.status(&format!("evidence brought from {}: {brought} files", from.folder().display()));
        }
        if missing > 0 {
            let text = format!("evidence that the events name and that is missing or damaged: {missing} files");
            ui.warn(&format!("{text}. Bring the folder `blobs` of the lost host beside the file, and repeat"));
        }
        Ok(())
    }

    fn tell(&self, event: &Event) {
        let (ui, chain) = (&self.context.ui, self.chain);
        if chain.torn() > 0 {
            ui.warn(&format!("{} bytes of an unfinished event at the end of the file were left out", chain.torn()));
        }
        let events = chain.events();
        let last = events.last().and_then(|last| Some((clock(last.time.parse().ok()?), &last.operator, &last.kind)));
        let last = last.map(|(at, who, kind)| format!("; the last: {kind}, {who}, {at}")).unwrap_or_default();
        ui.status(&format!("{} events of {} verify up to {}{last}", chain.count(), self.tenant.id, chain.head()));
        ui.status(&format!("adopted: event {}. The old host must not drive this tenant again", event.seq));
    }
}

/// What lies in the landing folder: it is not copied again.
fn tell_replicas(inventory: &Inventory, tenant: &Tenant, context: &Context) {
    let LandingTarget::Directory(folder) = &inventory.project.landing.target;
    let landing = context.root.join(folder);
    let servers = tenant.servers.known().into_iter().flatten();
    let disks = servers.flat_map(|server| server.disks.iter().map(move |disk| (&server.id, &disk.id)));
    let mut found = false;
    for (server, disk) in disks {
        let folder = migration::server_folder(&landing, tenant, server);
        match DiskReplica::new(&folder, disk).status() {
            Ok(None) => continue,
            Ok(Some(status)) => context.ui.status(&format!(
                "{server} {disk}: {} of {} chunks are here and are not sent again",
                status.chunks_done, status.chunks_total
            )),
            Err(error) => context.ui.warn(&format!("the replica of {server} {disk} cannot be read: {error}")),
        }
        found = true;
    }
    if !found {
        context
            .ui
            .status(&format!("no replica lies in {}: bring its folder, or disks are copied anew", landing.display()));
    }
}
