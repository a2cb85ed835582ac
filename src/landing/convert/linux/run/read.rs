//! Reads the facts from a mounted root.

use super::at;
use crate::landing::convert::error::ConvertError;
use crate::landing::convert::esp::Fat;
use crate::landing::convert::inside::Root;
use crate::landing::convert::layout::Layout;
use crate::landing::convert::linux::facts::{Esp, FILES, FOLDERS, Facts, Kernel, Naming, STARTED, Tool, Tree, modules};
use crate::landing::convert::sandbox;
use std::collections::BTreeSet;
use std::path::Path;

/// Where the modules of kernels are.
const MODULES: &str = "/lib/modules";

pub(super) fn facts(root: &Root, folder: &Path, layout: &Layout, esp: Option<&Fat>) -> Result<Facts, ConvertError> {
    let tool = tool(root);
    let links = ["/lib/systemd/network", "/usr/lib/systemd/network"].iter().any(|folder| root.has(folder));
    Ok(Facts {
        tree: tree(root)?,
        layout: layout.clone(),
        kernels: kernels(root, folder, tool)?,
        tool,
        naming: if links { Naming::Links } else { Naming::Rules },
        esp: esp.map(|fat| fat.files().map(|files| Esp { files })).transpose()?,
    })
}

fn tool(root: &Root) -> Option<Tool> {
    let has =
        |name: &str| ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|at| root.has(&format!("{at}/{name}")));
    if has("update-initramfs") {
        return Some(Tool::InitramfsTools);
    }
    has("dracut").then_some(Tool::Dracut)
}

fn tree(root: &Root) -> Result<Tree, ConvertError> {
    let mut tree = Tree::default();
    // A file under two names is one file.
    let mut seen = BTreeSet::new();
    let mut paths: Vec<String> = FILES.iter().map(|path| (*path).to_owned()).collect();
    for folder in FOLDERS {
        let names = root.names(folder).map_err(at(Path::new(folder)))?;
        paths.extend(names.into_iter().map(|(name, _)| format!("{folder}/{name}")));
    }
    for path in paths {
        let Some(text) = root.text(&path).map_err(at(Path::new(&path)))? else { continue };
        if root.identity(&path).is_some_and(|identity| seen.insert(identity)) {
            tree.texts.insert(path, text);
        }
    }
    for folder in started(root)? {
        for (name, _) in root.names(&folder).map_err(at(Path::new(&folder)))?.into_iter().filter(|(_, link)| *link) {
            let path = format!("{folder}/{name}");
            let target = root.link(&path).map_err(at(Path::new(&path)))?;
            tree.links.insert(path, target);
        }
    }
    Ok(tree)
}

/// The folders of [`STARTED`] that are there, each once: some are links to others.
fn started(root: &Root) -> Result<Vec<String>, ConvertError> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for pattern in STARTED {
        let (above, last) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        let (start, end) = last.split_once('*').unwrap_or((last, ""));
        for (name, _) in root.names(above).map_err(at(Path::new(above)))? {
            let folder = format!("{above}/{name}");
            if name.starts_with(start)
                && name.ends_with(end)
                && root.identity(&folder).is_some_and(|it| seen.insert(it))
            {
                found.push(folder);
            }
        }
    }
    Ok(found)
}

/// The kernels that can be started: those with modules and an image in `/boot`.
fn kernels(root: &Root, folder: &Path, tool: Option<Tool>) -> Result<Vec<Kernel>, ConvertError> {
    let mut found = Vec::new();
    for (version, _) in root.names(MODULES).map_err(at(Path::new(MODULES)))? {
        let list = |name: &str| {
            let path = format!("{MODULES}/{version}/{name}");
            root.text(&path).map_err(at(Path::new(&path)))
        };
        let Some(loadable) = list("modules.dep")? else { continue };
        if !["vmlinuz", "vmlinux"].iter().any(|name| root.has(&format!("/boot/{name}-{version}"))) {
            continue;
        }
        let builtin = list("modules.builtin")?.unwrap_or_default();
        let files = [format!("initrd.img-{version}"), format!("initramfs-{version}.img"), format!("initrd-{version}")];
        let path = files.iter().map(|name| format!("/boot/{name}")).find(|path| root.has(path));
        let initramfs = path.map(|path| held(folder, tool, &path).map(|held| (path, held))).transpose()?;
        found.push(Kernel { version, modules: modules(&loadable), builtin: modules(&builtin), initramfs });
    }
    Ok(found)
}

/// The modules in an initramfs, as the clone's own program lists it: it knows how it packs.
fn held(folder: &Path, tool: Option<Tool>, path: &str) -> Result<BTreeSet<String>, ConvertError> {
    let program = match tool {
        Some(Tool::InitramfsTools) => "lsinitramfs",
        Some(Tool::Dracut) => "lsinitrd",
        None => return Ok(BTreeSet::new()),
    };
    let what = format!("listing {path}");
    let printed = sandbox::program(folder, &[program, path], &what).run()?;
    Ok(modules(&String::from_utf8_lossy(&printed)))
}
