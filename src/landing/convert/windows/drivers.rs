//! Which driver Windows needs for which controller, and which services served hardware that is gone.
//!
//! Broadcom (VMware) article 310144, once KB 1005208, names the driver of each controller for each
//! Windows; Microsoft's `CM_SERVICE` documentation and article 922976 say that a storage driver
//! which is to find the system disk has `Start` 0 (`SERVICE_BOOT_START`).

use super::draft::Draft;
use super::facts::{ControlSets, Facts, Refusal};
use super::registry::{Hive, Value};
use crate::landing::convert::hardware::Controller;

/// A driver that is started before the system disk is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Driver {
    /// Its service.
    pub(super) service: &'static str,
    /// Its file in `System32\drivers`, in small letters.
    pub(super) file: &'static str,
    /// Its group, where the service names none: the order of the start is that of groups.
    pub(super) group: &'static str,
}

const fn scsi(service: &'static str, file: &'static str) -> Driver {
    Driver { service, file, group: "SCSI miniport" }
}

/// The drivers that a controller needs from Windows Vista on.
///
/// LSI Logic's parallel one is `symmpi` in Windows 2003, and `LSI_SCSI` since.
pub(super) fn of_controller(controller: Controller) -> &'static [Driver] {
    const LSI_SAS: [Driver; 1] = [scsi("LSI_SAS", "lsi_sas.sys")];
    const LSI_SCSI: [Driver; 1] = [scsi("LSI_SCSI", "lsi_scsi.sys")];
    const PVSCSI: [Driver; 1] = [scsi("pvscsi", "pvscsi.sys")];
    const IDE: [Driver; 2] = [
        Driver { service: "intelide", file: "intelide.sys", group: "System Bus Extender" },
        scsi("atapi", "atapi.sys"),
    ];
    match controller {
        Controller::LsiSas1068 => &LSI_SAS,
        Controller::LsiLogic => &LSI_SCSI,
        Controller::Pvscsi => &PVSCSI,
        Controller::Ide => &IDE,
    }
}

/// What the driver of vmxnet3 begins with: `vmxnet3n61x64.sys` in Windows 7 and 2008 R2, `vmxnet3.sys` later.
pub(super) const VMXNET3_FILE: &str = "vmxnet3";

/// Services of makers' agents, which wait for a board's management controller, a RAID controller or a
/// battery: without it they fail at every start, hang, or take the machine down for a fan that is gone.
/// Drivers are not among them: without their device they are not loaded.
pub(super) const AGENTS: &[(&str, &str)] = &[
    ("CqMgHost", "HP Insight Foundation Agents"),
    ("CqMgServ", "HP Insight Server Agents"),
    ("CqMgStor", "HP Insight Storage Agents"),
    ("CpqNicMgmt", "HP Insight NIC Agents"),
    ("CIMnotify", "HP Insight Event Notifier"),
    ("sysdown", "HP ProLiant System Shutdown Service"),
    ("ProLiantMonitor", "HP ProLiant Health Monitor Service"),
    ("SysMgmtHp", "HP System Management Homepage"),
    ("omsad", "Dell OpenManage, services of the agent"),
    ("dcevt32", "Dell OpenManage, events"),
    ("dcevt64", "Dell OpenManage, events"),
    ("dcstor32", "Dell OpenManage, data"),
    ("dcstor64", "Dell OpenManage, data"),
    ("mr2kserv", "Dell OpenManage, storage"),
    ("MSMFramework", "LSI MegaRAID Storage Manager"),
    ("MRMonitor", "LSI MegaRAID monitor"),
    ("IMServerService", "IBM ServeRAID Manager"),
];

/// `SERVICE_BOOT_START` and `SERVICE_DISABLED`.
const BOOT_START: u32 = 0;
const DISABLED: u32 = 4;
/// `SERVICE_ERROR_NORMAL`: a failure is told, and the start goes on.
const ERROR_NORMAL: u32 = 1;
/// The bits of a service's type that say that it is a program, not a driver.
const PROGRAM: u32 = 0x30;

/// The controller's drivers start with the system, in every control set.
pub(super) fn start_with_system(
    facts: &Facts,
    sets: &ControlSets,
    controller: Controller,
    draft: &mut Draft<'_>,
) -> Result<(), Refusal> {
    for driver in of_controller(controller) {
        if !facts.driver_files.contains(driver.file) {
            return Err(Refusal::NoDriver { controller, file: driver.file.to_owned() });
        }
        for set in &sets.present {
            let key = format!("{set}\\Services\\{}", driver.service);
            if facts.hive.key(&key).is_none() {
                // A set that nothing names is not started.
                if sets.named.contains(set) {
                    return Err(Refusal::NoService { controller, set: set.clone(), service: driver.service });
                }
                continue;
            }
            check_image(&facts.hive, &key, driver).map_err(|image| Refusal::ForeignDriver {
                controller,
                set: set.clone(),
                service: driver.service,
                image,
            })?;
            start(&facts.hive, &key, driver, &format!("the disk hangs on {controller}"), draft);
        }
    }
    Ok(())
}

/// The file that the service starts is the driver; without `ImagePath` it is the one of the service's name.
fn check_image(hive: &Hive, key: &str, driver: &Driver) -> Result<(), String> {
    let Some(image) = hive.value(key, "ImagePath") else { return Ok(()) };
    let image = image.texts().and_then(|texts| texts.into_iter().next()).unwrap_or_default();
    let path = image.to_ascii_lowercase();
    let below = path.strip_prefix("\\systemroot\\").or_else(|| path.strip_prefix("%systemroot%\\")).unwrap_or(&path);
    if below.strip_prefix("system32\\drivers\\") == Some(driver.file) {
        return Ok(());
    }
    Err(crate::untrusted::printable(&image))
}

fn start(hive: &Hive, key: &str, driver: &Driver, why: &str, draft: &mut Draft<'_>) {
    draft.value(key, "Start", Some(Value::dword(BOOT_START)), why);
    for (name, value) in [("Group", Value::text(driver.group)), ("ErrorControl", Value::dword(ERROR_NORMAL))] {
        if hive.value(key, name).is_none() {
            draft.value(key, name, Some(value), why);
        }
    }
    // From Windows 8 on a device's presence overrides `Start`, by a number for each way of starting.
    let over = format!("{key}\\StartOverride");
    let names: Vec<&str> = hive.values(&over).map(|(name, _)| name).collect();
    for name in names {
        draft.value(&over, name, Some(Value::dword(BOOT_START)), why);
    }
}

/// Agents of hardware that is gone start no more; drivers of the same name are left alone.
pub(super) fn disable_agents(hive: &Hive, sets: &ControlSets, draft: &mut Draft<'_>) {
    for set in &sets.present {
        for (service, of) in AGENTS {
            let key = format!("{set}\\Services\\{service}");
            if hive.number(&key, "Type").is_some_and(|kind| kind & PROGRAM != 0) {
                draft.value(&key, "Start", Some(Value::dword(DISABLED)), &format!("{of}: its hardware is gone"));
            }
        }
    }
}
