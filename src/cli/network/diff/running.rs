//! Running configurations as the engineer has them in files.

use super::super::{Context, Failure};
use crate::failure::Kind;
use crate::network::NetworkPlan;
use crate::network::cpe::Moved;
use crate::network::push::wanted::{moved_now, role_of};
use crate::network::text::ConfigText;
use std::path::{Path, PathBuf};

/// How files of configurations end.
const ENDINGS: [&str; 4] = ["ios", "cfg", "txt", "conf"];

/// The configurations of files, and of the files in folders.
pub(super) fn read(paths: &[PathBuf], context: &Context) -> Result<Vec<ConfigText>, Failure> {
    let mut texts = Vec::new();
    for path in paths {
        let files = if path.is_dir() { in_folder(path)? } else { vec![path.clone()] };
        if files.is_empty() {
            context.ui.warn(&format!("{}: no configuration in it (*.ios, *.cfg, *.txt, *.conf)", path.display()));
        }
        for file in files {
            let bytes = std::fs::read(&file).map_err(|error| unreadable(&file, error))?;
            let text = ConfigText::parse(&String::from_utf8_lossy(&bytes));
            if hostname(&text).is_none() {
                return Err(Failure::new(Kind::Usage, format!("{}: no line `hostname`", file.display()))
                    .hint("By that line a configuration is known to be of one of the tenant's routers."));
            }
            texts.push(text);
        }
    }
    Ok(texts)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(Kind::Usage, format!("{} cannot be read: {error}", path.display()))
        .hint("No router was touched. Name files or folders that this account can read with --running.")
}

/// The name of the router that a text is of.
pub(super) fn hostname(text: &ConfigText) -> Option<String> {
    text.lines.iter().find_map(|line| line.text.strip_prefix("hostname ")).map(str::to_owned)
}

/// Fails where a configuration is of no router of the tenant.
pub(super) fn all_known(running: &[ConfigText], names: &[String]) -> Result<(), Failure> {
    let strange = running.iter().filter_map(hostname).find(|name| !names.contains(name));
    strange.map_or(Ok(()), |name| {
        Err(Failure::new(Kind::Usage, format!("{name} is no router of this tenant"))
            .hint(format!("Its routers are: {}.", names.join(", "))))
    })
}

/// The servers at the SAD already, as those of the tenant's routers that were read show it.
pub(super) fn moved(plan: &NetworkPlan, running: &[ConfigText]) -> Moved {
    let roles = running.iter().filter_map(|text| Some((role_of(plan, text)?, text.clone())));
    moved_now(plan, &roles.collect())
}
