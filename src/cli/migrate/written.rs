//! What users wrote on a copy since it was connected, shown before both sides decide to go back.

use super::scene::{Scene, Story};
use crate::cli::Context;
use crate::cli::quantities::{duration, gigabytes};
use crate::migration::{self, Writings};
use crate::model::ServerId;
use crate::model::script_access::ScriptAccess;
use crate::model::server::{Os, Server};
use crate::world::Shell as _;
use crate::world::host::Host;
use crate::world::ssh::Trust;
use crate::world::vantage::Vantage;
use jiff::Timestamp;
use std::time::Duration;

/// How long a copy may take to say what was written on it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Files that are shown.
const SHOWN: usize = 20;

/// Tells what would be lost on each of `servers`; that it is not known is told, too.
pub(super) async fn tell(scene: &Scene, story: &Story, servers: &[&ServerId], context: &Context) {
    for id in servers {
        let Some(since) = migration::in_use_since(&scene.plan, &story.state, &story.events, id) else {
            let words = "perhaps in use, not known since when; what was written since is not known";
            context.ui.status(&format!("{id}: {words}"));
            continue;
        };
        let seconds = story.journal.now().duration_since(since).as_secs().unsigned_abs();
        context.ui.status(&format!("{id}: perhaps in use for {}", duration(seconds)));
        let server = scene.tenant.servers.known().into_iter().flatten().find(|server| server.id == **id);
        match ask(server, since, context).await {
            Ok(found) => show(&found, context),
            Err(why) => context.ui.status(&format!("  what was written on it is not known: {why}")),
        }
    }
}

async fn ask(server: Option<&Server>, since: Timestamp, context: &Context) -> Result<Writings, String> {
    let server = server.ok_or("the inventory does not have it")?;
    let ssh = server.landing_access.clone();
    let (access, script) = match &server.os {
        Os::Linux(_) => (ssh.map(ScriptAccess::Sh), migration::sh_written(since)),
        Os::Windows(_) => {
            let winrm = server.landing_winrm.clone().map(ScriptAccess::Winrm);
            (winrm.or(ssh.map(ScriptAccess::PowerShellOverSsh)), migration::powershell_written(since))
        }
    };
    let access = access.ok_or("the inventory does not say how the copy is reached")?;
    let host = Host::connect(&Vantage::Here, &access, &Trust::of_operator(&context.root))
        .await
        .map_err(|error| error.to_string())?;
    let output = host.run(&script, PATIENCE).await.map_err(|error| error.to_string())?;
    Ok(migration::read_written(&output.stdout))
}

fn show(found: &Writings, context: &Context) {
    let bytes = found.files.iter().map(|file| file.bytes).sum();
    let more = if found.more { " or more" } else { "" };
    context.ui.status(&format!("  written since: {} files, {}{more}", found.files.len(), gigabytes(bytes)));
    for file in found.files.iter().take(SHOWN) {
        context.ui.status(&format!("    {:>12}  {}", file.bytes, file.path));
    }
    if found.files.len() > SHOWN {
        context.ui.status(&format!("    and {} more", found.files.len() - SHOWN));
    }
}
