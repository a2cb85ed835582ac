//! The path from which UEFI starts a machine that it knows nothing of.

use super::draft::{Change, Draft};
use super::facts::{Esp, Facts, Refusal};

const WHY: &str = "the machine's own list of boot entries stays behind";
const FOLDER: &str = "/EFI/BOOT";

/// Copies what the source's boot entry started to where the firmware looks without one.
pub(super) fn plan(facts: &Facts, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Some(esp) = &facts.esp else { return Ok(()) };
    let there = |path: &str| esp.files.iter().any(|file| file.eq_ignore_ascii_case(path));
    if there(&format!("{FOLDER}/BOOTX64.EFI")) {
        return Ok(());
    }
    let mut copy = |from: &str, name: &str| {
        let to = format!("{FOLDER}/{name}");
        if !there(&to) {
            draft.push(Change::Copy { from: from.to_owned(), to }, WHY);
        }
    };
    if let Some((shim, grub)) = shim(esp) {
        copy(shim, "BOOTX64.EFI");
        copy(grub, "grubx64.efi");
        return Ok(());
    }
    let single = ["grubx64.efi", "systemd-bootx64.efi"].iter().find_map(|name| named(esp, name));
    copy(single.ok_or(Refusal::NoFallback)?, "BOOTX64.EFI");
    Ok(())
}

/// shim, and the GRUB that it starts from its own folder.
fn shim(esp: &Esp) -> Option<(&str, &str)> {
    let shim = named(esp, "shimx64.efi")?;
    let folder = shim.rsplit_once('/')?.0;
    let grub = esp.files.iter().find(|file| file.eq_ignore_ascii_case(&format!("{folder}/grubx64.efi")))?;
    Some((shim, grub))
}

/// The first file of that name.
fn named<'a>(esp: &'a Esp, name: &str) -> Option<&'a str> {
    let is = |file: &&String| file.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name));
    esp.files.iter().find(is).map(String::as_str)
}
