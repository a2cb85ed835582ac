//! Configurations below a folder of the engineer's.

use super::super::{Context, Failure};
use crate::failure::Kind;
use crate::network::text::ConfigText;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Endings of files that may hold a configuration.
const ENDINGS: [&str; 4] = ["ios", "cfg", "txt", "conf"];
/// Most bytes of one file; the largest configurations have a few megabytes.
const LARGEST: u64 = 16 << 20;

#[derive(Debug, thiserror::Error)]
enum BroughtError {
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("no configuration below {}: no file whose name ends in .ios, .cfg, .txt or .conf", .folder.display())]
    Empty { folder: PathBuf },
}

/// A state of a network: its name, and its files with their texts.
type Set = (String, Vec<(String, String)>);

/// The configurations below `folder`, as one state; or one state a folder, where a router is there
/// more than once.
pub(super) fn sets(folder: &Path, context: &Context) -> Result<Vec<Set>, Failure> {
    let files = read(folder, context).map_err(|error| {
        Failure::new(Kind::Failed, error)
            .hint("Name a folder with one file a router, such as `show running-config` gives.")
    })?;
    let mut names = BTreeSet::new();
    let twice = files.iter().filter_map(|(_, text)| hostname(text)).any(|name| !names.insert(name));
    let shown = folder.display().to_string();
    if !twice {
        return Ok(vec![(shown, files)]);
    }
    let mut sets: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (file, text) in files {
        let parent = file.rsplit_once('/').map_or(shown.as_str(), |(parent, _)| parent).to_owned();
        sets.entry(parent).or_default().push((file, text));
    }
    Ok(sets.into_iter().collect())
}

fn hostname(text: &str) -> Option<String> {
    let config = ConfigText::parse(text);
    config.lines.iter().find_map(|line| line.text.strip_prefix("hostname ").map(str::to_owned))
}

fn read(folder: &Path, context: &Context) -> Result<Vec<(String, String)>, BroughtError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| BroughtError::Unreadable { path, source }
    };
    let (mut files, mut pending) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).map_err(unreadable(&next))? {
            let path = entry.map_err(unreadable(&next))?.path();
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let ending =
                path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)));
            if hidden {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                pending.push(path);
            } else if ending {
                let size = fs::metadata(&path).map_err(unreadable(&path))?.len();
                if size > LARGEST {
                    context.ui.warn(&format!("{} is too large for a configuration and was left out", path.display()));
                    continue;
                }
                let bytes = fs::read(&path).map_err(unreadable(&path))?;
                files.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
    }
    files.sort();
    if files.is_empty() { Err(BroughtError::Empty { folder: folder.to_owned() }) } else { Ok(files) }
}
