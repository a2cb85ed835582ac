//! The drivers of the virtual hardware in every initramfs.

use super::draft::{Change, Draft};
use super::facts::{Facts, Kernel, Refusal, Tool};
use crate::landing::convert::hardware::{Controller, NicModel};
use std::collections::BTreeSet;

/// What every initramfs shall have of what its kernel has: another controller or card may follow.
const WANTED: [&str; 10] =
    ["mptbase", "mptscsih", "mptsas", "mptspi", "vmw_pvscsi", "vmxnet3", "e1000", "ahci", "ata_piix", "sd_mod"];

/// Where dracut reads what we want.
const DRACUT: &str = "/etc/dracut.conf.d/zz-traghetto.conf";
const MODULES: &str = "/etc/initramfs-tools/modules";
/// Files that an initramfs holds a copy of.
const COPIED: [&str; 7] = [
    "/etc/udev/rules.d/",
    "/etc/systemd/network/",
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/initramfs-tools/",
    "/etc/dracut.conf.d/",
    "/etc/mdadm",
];

/// Plans what makes the system start on the controller and find its cards.
pub(super) fn plan(
    facts: &Facts,
    controller: Controller,
    models: &[NicModel],
    draft: &mut Draft<'_>,
) -> Result<(), Refusal> {
    if facts.kernels.is_empty() {
        return Err(Refusal::NoKernel);
    }
    for kernel in &facts.kernels {
        check(kernel, controller)?;
    }
    let lacking: Vec<(&Kernel, Vec<String>)> = facts.kernels.iter().map(|kernel| (kernel, lacks(kernel))).collect();
    let missing: BTreeSet<&str> = lacking.iter().flat_map(|(_, lacks)| lacks.iter().map(String::as_str)).collect();
    if !missing.is_empty() {
        match facts.tool {
            Some(Tool::InitramfsTools) => initramfs_tools(facts, &missing, draft),
            Some(Tool::Dracut) => dracut(facts, draft),
            None => return Err(Refusal::UnknownTool),
        }
    }
    let touched = draft.touches(&COPIED);
    for (kernel, gains) in lacking {
        let Some((path, _)) = &kernel.initramfs else { continue };
        if !gains.is_empty() || (touched && facts.tool.is_some()) {
            let (kernel, path) = (kernel.version.clone(), path.clone());
            let why = format!("the disk hangs on {controller}{}", named(models));
            draft.push(Change::Initramfs { kernel, path, gains }, &why);
        }
    }
    Ok(())
}

fn named(models: &[NicModel]) -> String {
    models.iter().map(|model| format!(", a card is {}", driver_of(*model))).collect()
}

/// The kernel's driver of a card.
pub(super) fn driver_of(model: NicModel) -> &'static str {
    match model {
        NicModel::E1000 => "e1000",
        NicModel::Vmxnet3 => "vmxnet3",
    }
}

fn check(kernel: &Kernel, controller: Controller) -> Result<(), Refusal> {
    let driver = match controller {
        Controller::LsiSas1068 => "mptsas",
        Controller::Pvscsi => "vmw_pvscsi",
        Controller::LsiLogic => "mptspi",
        Controller::Ide => "ata_piix",
    };
    for driver in [driver, "sd_mod"] {
        if kernel.builtin.contains(driver) {
            continue;
        }
        if !kernel.modules.contains(driver) {
            return Err(Refusal::NoDriver { kernel: kernel.version.clone(), driver, controller });
        }
        if kernel.initramfs.is_none() {
            return Err(Refusal::NoInitramfs(kernel.version.clone()));
        }
    }
    Ok(())
}

/// That every kernel has the drivers of the cards.
pub(super) fn check_card(
    facts: &Facts,
    model: NicModel,
    mac: crate::landing::convert::hardware::Mac,
) -> Result<(), Refusal> {
    let driver = driver_of(model);
    let lacks = |kernel: &&Kernel| !kernel.modules.contains(driver) && !kernel.builtin.contains(driver);
    match facts.kernels.iter().find(lacks) {
        Some(kernel) => Err(Refusal::NoCardDriver { kernel: kernel.version.clone(), driver, mac }),
        None => Ok(()),
    }
}

/// What its initramfs shall have and has not.
fn lacks(kernel: &Kernel) -> Vec<String> {
    let Some((_, has)) = &kernel.initramfs else { return Vec::new() };
    let wanted = WANTED.iter().filter(|driver| kernel.modules.contains(**driver) && !has.contains(**driver));
    wanted.map(|driver| (*driver).to_owned()).collect()
}

fn initramfs_tools(facts: &Facts, missing: &BTreeSet<&str>, draft: &mut Draft<'_>) {
    let why = "the initramfs lacks drivers of the virtual hardware";
    let text = facts.tree.texts.get(MODULES).map(String::as_str).unwrap_or_default();
    let listed: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let mut after = text.to_owned();
    if !after.is_empty() && !after.ends_with('\n') {
        after.push('\n');
    }
    for driver in WANTED.iter().filter(|driver| missing.contains(**driver) && !listed.contains(driver)) {
        after.push_str(driver);
        after.push('\n');
    }
    draft.file(MODULES, Some(after), why);
    // `dep` looks at the hardware that it runs on, which is the landing host's.
    let conf =
        facts.tree.folder("/etc/initramfs-tools/conf.d").map(|(name, _)| format!("/etc/initramfs-tools/conf.d/{name}"));
    for path in conf.chain(["/etc/initramfs-tools/initramfs.conf".to_owned()]) {
        let Some(text) = draft.text(&path) else { continue };
        let dep = |line: &str| line.trim().trim_start_matches("MODULES=").trim_matches('"') == "dep";
        let lines: Vec<&str> = text
            .lines()
            .map(|line| if line.trim().starts_with("MODULES=") && dep(line) { "MODULES=most" } else { line })
            .collect();
        let after = super::devices::joined(&lines, text);
        draft.file(&path, Some(after), "MODULES=dep takes the drivers of the machine that it runs on");
    }
}

fn dracut(facts: &Facts, draft: &mut Draft<'_>) {
    let has = |driver: &&&str| facts.kernels.iter().any(|kernel| kernel.modules.contains(**driver));
    let drivers: Vec<&str> = WANTED.iter().filter(has).copied().collect();
    let text = format!("hostonly=\"no\"\nadd_drivers+=\" {} \"\n", drivers.join(" "));
    draft.file(DRACUT, Some(text), "the initramfs lacks drivers of the virtual hardware");
}
