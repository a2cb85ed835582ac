//! Filesystems named by UUID wherever a name depends on the hardware: fstab, crypttab, resume, and the
//! command lines of kernels.
//!
//! The boot loader's configuration is edited and not made anew: made in a mounted clone, it would name
//! the device that the clone is mounted by.

use super::draft::Draft;
use super::facts::{Facts, Refusal};
use crate::landing::convert::layout::{Layout, Named};

const WHY: &str = "the name depends on the hardware";

/// Files in which kernels get their command lines.
const COMMAND_LINES: [&str; 8] = [
    "/etc/default/grub",
    "/etc/kernel/cmdline",
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/boot/grub/grub.conf",
    "/boot/grub/menu.lst",
    "/boot/extlinux/extlinux.conf",
    "/boot/syslinux/syslinux.cfg",
];

/// Folders of such files.
const COMMAND_LINE_FOLDERS: [&str; 2] = ["/boot/loader/entries", "/etc/default/grub.d"];

/// Plans all of it.
pub(super) fn plan(facts: &Facts, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    fstab(facts, draft)?;
    crypttab(facts, draft)?;
    let mut found = false;
    let folders = COMMAND_LINE_FOLDERS
        .iter()
        .flat_map(|folder| facts.tree.folder(folder).map(move |(name, _)| format!("{folder}/{name}")));
    for path in COMMAND_LINES.iter().map(|path| (*path).to_owned()).chain(folders) {
        let Some(text) = facts.tree.texts.get(&path) else { continue };
        found |= path.starts_with("/boot/");
        let after = command_lines(&facts.layout, &path, text)?;
        draft.file(&path, Some(after), WHY);
    }
    let resume: Vec<String> =
        facts.tree.folder("/etc/initramfs-tools/conf.d").map(|(name, _)| name.to_owned()).collect();
    for path in resume.iter().map(|name| format!("/etc/initramfs-tools/conf.d/{name}")) {
        let text = facts.tree.texts.get(&path).map(String::as_str).unwrap_or_default();
        draft.file(&path, Some(command_lines(&facts.layout, &path, text)?), WHY);
    }
    // With an ESP, the configuration may lie there and name the filesystem only.
    if found || facts.esp.is_some() {
        return Ok(());
    }
    let lilo = facts.tree.texts.contains_key("/etc/lilo.conf");
    Err(Refusal::NoBootLoader(if lilo { "; LILO knows its kernel by sectors" } else { "" }))
}

/// The name that lasts in place of `device`; none where it lasts already.
fn lasting(layout: &Layout, path: &str, device: &str) -> Result<Option<String>, Refusal> {
    let (path, named) = (path.to_owned(), device.to_owned());
    match layout.meaning(device) {
        Named::Lasting => Ok(None),
        Named::Unknown => Err(Refusal::UnknownDevice { path, device: named }),
        Named::Hardware(filesystem) => match &filesystem.uuid {
            Some(uuid) => Ok(Some(format!("UUID={uuid}"))),
            None => Err(Refusal::NoUuid { path, device: named }),
        },
    }
}

fn fstab(facts: &Facts, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    const PATH: &str = "/etc/fstab";
    let Some(text) = facts.tree.texts.get(PATH) else { return Ok(()) };
    let mut lines = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (Some(device), Some(mount)) = (words.first(), words.get(1)) else {
            lines.push(line.to_owned());
            continue;
        };
        let options: Vec<&str> = words.get(3).map(|options| options.split(',').collect()).unwrap_or_default();
        let optional = options.iter().any(|option| ["noauto", "nofail"].contains(option));
        if device.starts_with('#') || optional && facts.layout.meaning(device) == Named::Unknown {
            lines.push(line.to_owned());
            continue;
        }
        let named = device.starts_with("UUID=") || device.starts_with("LABEL=");
        if named && !optional && facts.layout.find(device).is_none() && words.get(2) != Some(&"swap") {
            return Err(Refusal::NotMoved { device: (*device).to_owned(), mount: (*mount).to_owned() });
        }
        lines.push(match lasting(&facts.layout, PATH, device)? {
            Some(name) => line.replacen(device, &name, 1),
            None => line.to_owned(),
        });
    }
    draft.file(PATH, Some(joined(&lines, text)), WHY);
    Ok(())
}

fn crypttab(facts: &Facts, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    const PATH: &str = "/etc/crypttab";
    let Some(text) = facts.tree.texts.get(PATH) else { return Ok(()) };
    let mut lines = Vec::new();
    for line in text.lines() {
        let device = line.split_whitespace().nth(1).filter(|_| !line.trim_start().starts_with('#'));
        let name = device.map(|device| lasting(&facts.layout, PATH, device)).transpose()?.flatten();
        lines.push(match (device, name) {
            (Some(device), Some(name)) => line.replacen(device, &name, 1),
            _ => line.to_owned(),
        });
    }
    draft.file(PATH, Some(joined(&lines, text)), WHY);
    Ok(())
}

/// `root=` and `resume=` by UUID; GRUB's own word against UUIDs goes.
fn command_lines(layout: &Layout, path: &str, text: &str) -> Result<String, Refusal> {
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("GRUB_DISABLE_LINUX_UUID=") && path.starts_with("/etc/default/") {
            continue;
        }
        lines.push(if line.trim_start().starts_with('#') { line.to_owned() } else { one(layout, path, line)? });
    }
    Ok(joined(&lines, text))
}

fn one(layout: &Layout, path: &str, line: &str) -> Result<String, Refusal> {
    let mut rest = line;
    let mut made = String::new();
    while let Some(at) = ["root=/dev/", "resume=/dev/", "RESUME=/dev/"].iter().filter_map(|word| rest.find(word)).min()
    {
        let begin = at + rest[at..].find('=').unwrap_or_default() + 1;
        let word = &rest[begin..];
        let end = word.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(word.len());
        let device = &word[..end];
        made.push_str(&rest[..begin]);
        // `set root=`, GRUB's own, names no device of Linux; a comment of GRUB's legacy begins with `#`.
        made.push_str(lasting(layout, path, device)?.as_deref().unwrap_or(device));
        rest = &word[end..];
    }
    made.push_str(rest);
    Ok(made)
}

/// The lines with the ends that the text had.
pub(super) fn joined(lines: &[impl AsRef<str>], text: &str) -> String {
    let mut joined = lines.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("\n");
    if text.ends_with('\n') && !lines.is_empty() {
        joined.push('\n');
    }
    joined
}
