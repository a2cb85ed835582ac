//! Agents of hardware that is gone: they are started no more.

use super::draft::{Change, Draft};
use super::facts::{Facts, Tree};

const WHY: &str = "its hardware is gone";

/// Services by the beginning of their names.
const AGENTS: [&str; 28] = [
    "smartd",
    "smartmontools",
    "mcelog",
    "rasdaemon",
    "ipmi",
    "openipmi",
    "bmc-",
    "freeipmi",
    "hp-",
    "hpasm",
    "hpsmhd",
    "hpsmh",
    "amsd",
    "ahslog",
    "smad",
    "srvadmin",
    "dataeng",
    "dsm_",
    "instsvcdrv",
    "racsvc",
    "megaraid",
    "vivaldiframeworkd",
    "lsi_",
    "aacraid",
    "multipath",
    "lm-sensors",
    "lm_sensors",
    "fancontrol",
];

/// Services of software RAID, which go where no array is.
const ARRAYS: [&str; 3] = ["mdmonitor", "mdadm", "mdcheck"];

/// Removes the links that start them; one of System V becomes one that stops.
pub(super) fn plan(facts: &Facts, draft: &mut Draft<'_>) {
    let arrays = has_arrays(facts);
    for (path, target) in &facts.tree.links {
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        let old = folder.rsplit('/').next().is_some_and(|folder| folder.starts_with("rc"));
        let service = if old {
            name.strip_prefix('S').map(|name| name.trim_start_matches(|c: char| c.is_ascii_digit()))
        } else {
            Some(name)
        };
        let Some(service) = service else { continue };
        let starts = |names: &[&str]| names.iter().any(|agent| service.starts_with(agent));
        if starts(&AGENTS) || (!arrays && starts(&ARRAYS)) {
            let after = old.then(|| stopped(&facts.tree, folder, name)).flatten();
            draft.push(Change::Link { path: path.clone(), target: target.clone(), after }, WHY);
        }
    }
}

/// `K80smartd` for `S20smartd`, unless it is there.
fn stopped(tree: &Tree, folder: &str, name: &str) -> Option<String> {
    let number: u32 = name.get(1..3)?.parse().ok()?;
    let stop = format!("{folder}/K{:02}{}", 100u32.checked_sub(number)?.min(99), name.get(3..)?);
    (!tree.links.contains_key(&stop)).then_some(stop)
}

fn has_arrays(facts: &Facts) -> bool {
    facts.layout.filesystems.iter().any(|filesystem| filesystem.kind == "linux_raid_member")
}
