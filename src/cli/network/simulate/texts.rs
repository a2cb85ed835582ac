//! The texts of a scene: rendered, or brought in a folder.

use super::super::render::unrendered;
use super::{Context, Failure};
use crate::failure::Kind;
use crate::network::NetworkPlan;
use crate::network::cpe::Moved;
use crate::network::parse::parse;
use crate::network::render::{Stage, Templates};
use crate::network::simulate::{Scene, role};
use std::fs;
use std::path::{Path, PathBuf};

/// A text that somebody brought, by its path.
pub(super) type Brought = (String, String);

/// Names of files that may be configurations.
const EXTENSIONS: [&str; 4] = ["ios", "cfg", "conf", "txt"];

/// The texts below a folder, in the order of their paths.
pub(super) fn below(folder: &Path) -> Result<Vec<Brought>, Failure> {
    let failed = |path: &Path| {
        let hint = format!("{} cannot be read.", path.display());
        move |error: std::io::Error| Failure::new(Kind::Failed, error).hint(hint)
    };
    let mut pending: Vec<PathBuf> = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).map_err(failed(&next))? {
            let path = entry.map_err(failed(&next))?.path();
            if path.is_dir() && !path.is_symlink() {
                pending.push(path);
            } else if path.extension().is_some_and(|own| EXTENSIONS.iter().any(|known| own == *known)) {
                let bytes = fs::read(&path).map_err(failed(&path))?;
                found.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The scene of a plan: what was brought, and for a router of which nothing was brought what is rendered.
pub(super) fn scene(
    plan: &NetworkPlan,
    stage: Stage,
    templates: &Templates,
    brought: Option<&[Brought]>,
    context: &Context,
) -> Result<Scene, Failure> {
    let moved: Moved = match stage {
        Stage::After => plan.servers_everywhere().map(|server| server.id.clone()).collect(),
        _ => Moved::new(),
    };
    let rendered = templates.stage(plan, stage).map_err(unrendered)?;
    let brought = brought.unwrap_or_default();
    if !brought.is_empty() {
        for file in &rendered {
            let wanted = role(plan, &parse(&file.text));
            if !brought.iter().any(|(_, text)| role(plan, &parse(text)) == wanted) {
                let name = file.path.rsplit('/').next().unwrap_or(&file.path);
                context.ui.warn(&format!("{}: no text of {name} was brought; what is rendered stands in", plan.tenant));
            }
        }
    }
    let texts = brought.iter().map(|(path, text)| (path.clone(), text.as_str()));
    let own = rendered.iter().map(|file| (format!("{}/{}", plan.tenant, file.path), file.text.as_str()));
    Ok(Scene::of(plan, &moved, texts.chain(own)))
}
