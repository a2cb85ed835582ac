//! `traghetto network kit`.

use super::super::Lang;
use super::render::{templates, unrendered};
use super::{Context, Failure, decided, folder, meant};
use crate::failure::Kind;
use crate::model::link::ManagedBy;
use crate::network::NetworkPlan;
use crate::network::kit::{ChangeRequest, Direction, Kit, Language};
use crate::network::render::{RenderedFile, Templates};
use std::path::PathBuf;

/// `traghetto network kit`.
///
/// One page for each server, to be printed: every step of its cutover in order, on routers, firewall,
/// Windows, Linux and DHCP, with what each must show and how it is taken back. `--reverse` is the way
/// back. What the carrier has to do, in its VPN and on CPEs that it manages, is a page of its own: the
/// change request. With `managed_by: carrier` the request is printed too; with --out it always is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id.
    tenant: String,
    /// Only this server.
    #[arg(long, value_name = "ID")]
    server: Option<String>,
    /// The way back instead.
    #[arg(long)]
    reverse: bool,
    /// Whom the carrier calls, for the change request.
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// When the carrier works, for the change request.
    #[arg(long, value_name = "TEXT")]
    window: Option<String>,
    /// Write the pages of both directions, and the change request, below DIR.
    #[arg(long, value_name = "DIR", conflicts_with = "reverse")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let templates = templates(context)?;
    let sites = decided(context, &args.tenant)?;
    let server = args.server.as_deref();
    let sites = match server {
        Some(_) if sites.len() > 1 => vec![meant(sites, None, server)?],
        _ => sites,
    };
    let lang = match context.lang {
        Lang::It => Language::Italian,
        Lang::En => Language::English,
    };
    for plan in &sites {
        let request = ChangeRequest {
            contact: args.contact.clone(),
            window: args.window.clone(),
            ..templates.request(plan).map_err(unrendered)?
        };
        match &args.out {
            Some(out) => write(out, args, &templates, plan, &request, lang, context)?,
            None => print(args, &templates, plan, &request, lang, context)?,
        }
    }
    Ok(())
}

/// The kits of the servers that were asked for.
fn kits(args: &Args, templates: &Templates, plan: &NetworkPlan, direction: Direction) -> Result<Vec<Kit>, Failure> {
    let mut kits = templates.kits(plan, direction).map_err(unrendered)?;
    let Some(server) = &args.server else { return Ok(kits) };
    let known: Vec<_> = kits.iter().map(|kit| kit.server.id.to_string()).collect();
    kits.retain(|kit| kit.server.id.as_str() == server);
    if kits.is_empty() {
        let message = format!("{} has no server `{}`", plan.tenant, crate::untrusted::printable(server));
        return Err(Failure::new(Kind::Usage, message).hint(format!("Its servers: {}.", known.join(", "))));
    }
    Ok(kits)
}

fn print(
    args: &Args,
    templates: &Templates,
    plan: &NetworkPlan,
    request: &ChangeRequest,
    lang: Language,
    context: &Context,
) -> Result<(), Failure> {
    let direction = if args.reverse { Direction::Back } else { Direction::Going };
    let kits = kits(args, templates, plan, direction)?;
    if context.json {
        context.ui.json(&serde_json::json!({"kits": kits, "change_request": request}));
        return Ok(());
    }
    let mut pages = Vec::new();
    for kit in &kits {
        pages.push(templates.kit(kit, lang).map_err(unrendered)?);
    }
    if plan.managed_by == ManagedBy::Carrier {
        pages.push(templates.change_request(request, lang).map_err(unrendered)?);
    }
    context.ui.data(&pages.join("\n\n"));
    Ok(())
}

fn write(
    out: &std::path::Path,
    args: &Args,
    templates: &Templates,
    plan: &NetworkPlan,
    request: &ChangeRequest,
    lang: Language,
    context: &Context,
) -> Result<(), Failure> {
    let mut files = Vec::new();
    for (direction, suffix) in [(Direction::Going, ""), (Direction::Back, "-reverse")] {
        for kit in kits(args, templates, plan, direction)? {
            let text = templates.kit(&kit, lang).map_err(unrendered)?;
            files.push(RenderedFile::for_people(format!("{}{suffix}.txt", kit.server.id), text));
        }
    }
    let text = templates.change_request(request, lang).map_err(unrendered)?;
    let request = match plan.numbers.of_first_site() {
        true => "change-request.txt".to_owned(),
        false => format!("change-request-{}.txt", plan.site),
    };
    files.push(RenderedFile::for_people(request, text));
    let folder = out.join(plan.tenant.to_string());
    folder::write(&folder, &files)?;
    let written: Vec<_> = files.iter().map(|file| folder.join(&file.path).display().to_string()).collect();
    if context.json {
        context.ui.json(&serde_json::json!({"files": written}));
    } else {
        context.ui.data(&written.iter().map(|path| format!("{path}\n")).collect::<String>());
    }
    Ok(())
}
