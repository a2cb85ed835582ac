//! The script of the first start, which gives each new card its settings, and how it is started.
//!
//! A service starts it. `Setup\CmdLine` does not: Windows takes itself for being installed while it
//! runs, and a script that fails is a machine that restarts for ever. `RunOnce` does not: it waits for
//! an administrator to log on, and a server's clients do not. A service starts by itself as
//! LocalSystem, needs one hive only, and tries again at the next start.
//!
//! The service's program is `cmd`, which starts PowerShell beside itself and ends. The service
//! controller waits for a program that answers, writes that this one did not (events 7000 and 7009),
//! and goes on: `ErrorControl` 0 says that nothing depends on it. PowerShell reads the script as
//! text, so that a policy that forbids script files does not forbid this one.

use super::addresses::{Adapter, Settings};
use super::draft::Draft;
use super::facts::Version;
use super::registry::{Hive, Value};
use super::wish::Card;
use std::fmt::Display;
use std::net::Ipv4Addr;

/// The folder of the script, below that of Windows.
pub const FOLDER: &str = "traghetto";
/// The script, in [`FOLDER`]. It has to be there before the first start.
pub const SCRIPT: &str = "first-boot.ps1";
/// The service.
pub const SERVICE: &str = "traghetto-first-boot";

/// The script with places for the cards.
const TEMPLATE: &str = include_str!("first_boot.ps1");
/// What the service starts; the first word behind `/c` has no quotes, so `cmd` leaves the others alone.
const COMMAND: &str = "%SystemRoot%\\System32\\cmd.exe /d /c start \"\" /b \
    %SystemRoot%\\System32\\WindowsPowerShell\\v1.0\\powershell.exe -NoProfile -NonInteractive -Command \
    \"& ([ScriptBlock]::Create([IO.File]::ReadAllText($env:SystemRoot + '\\traghetto\\first-boot.ps1')))\"";

/// `SERVICE_WIN32_OWN_PROCESS`, `SERVICE_AUTO_START` and `SERVICE_ERROR_IGNORE`.
const OWN_PROCESS: u32 = 0x10;
const AUTO_START: u32 = 2;
const ERROR_IGNORE: u32 = 0;
/// From this version on netsh asks a server of names whether it answers, unless it is told not to.
const VALIDATES: Version = Version { major: 6, minor: 1 };

/// The service in every control set: whichever starts has it.
pub(super) fn install(hive: &Hive, sets: &[String], draft: &mut Draft<'_>) {
    let why = "gives the new cards their static addresses at the first start, and removes itself";
    let values = [
        ("Type", Value::dword(OWN_PROCESS)),
        ("Start", Value::dword(AUTO_START)),
        ("ErrorControl", Value::dword(ERROR_IGNORE)),
        ("ImagePath", Value::expanded(COMMAND)),
        ("DisplayName", Value::text("traghetto: static addresses at the first start")),
        ("ObjectName", Value::text("LocalSystem")),
        ("DependOnService", Value::list(&["Tcpip", "Winmgmt"])),
    ];
    for set in sets {
        let services = format!("{set}\\Services");
        // A set without services cannot start; there is nothing to give it.
        if hive.key(&services).is_none() {
            continue;
        }
        let key = format!("{services}\\{SERVICE}");
        draft.key(&key, why);
        for (name, value) in &values {
            draft.value(&key, name, Some(value.clone()), why);
        }
    }
}

/// The script for these cards.
pub(super) fn script(moved: &[(Card, Adapter)], version: Version) -> String {
    let cards: Vec<String> = moved.iter().map(|(card, adapter)| entry(card, &adapter.settings)).collect();
    let validate = if version >= VALIDATES { "@('validate=no')" } else { "@()" };
    let script = TEMPLATE.replace("#CARDS#", &cards.join(",\n")).replace("#VALIDATE#", validate);
    // PowerShell 2.0 and Notepad want these ends of lines.
    script.replace("#SERVICE#", SERVICE).replace('\n', "\r\n")
}

/// Numbers and addresses only: nothing of it can be anything else to PowerShell.
fn entry(card: &Card, settings: &Settings) -> String {
    let list = |servers: &[Ipv4Addr]| array(servers.iter().map(|server| format!("'{server}'")));
    format!(
        "    @{{ Mac = '{}'; Addresses = {}; Gateways = {}; Dns = {}; Wins = {}; Netbios = {} }}",
        card.mac,
        pairs(&settings.addresses),
        pairs(&settings.gateways),
        list(&settings.dns),
        list(&settings.wins),
        settings.netbios.unwrap_or(0)
    )
}

/// The comma before a pair keeps a single one from being unrolled into the list.
fn pairs<A: Display, B: Display>(pairs: &[(A, B)]) -> String {
    match pairs {
        [(one, other)] => format!("@(,@('{one}', '{other}'))"),
        _ => array(pairs.iter().map(|(one, other)| format!("@('{one}', '{other}')"))),
    }
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("@({})", items.collect::<Vec<_>>().join(", "))
}
