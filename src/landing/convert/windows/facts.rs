//! What is known of a clone's Windows, and why it may be refused.

use super::registry::Hive;
use super::wish::Guid;
use crate::landing::convert::hardware::{Controller, Mac};
use std::collections::BTreeSet;
use std::fmt;

/// The version of Windows, such as 6.1 for 7 and 2008 R2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Version {
    /// Before the point.
    pub major: u32,
    /// After it.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The facts that a plan is made from.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The SYSTEM hive.
    pub hive: Hive,
    /// The version, from the SOFTWARE hive.
    pub version: Version,
    /// The files in `System32\drivers`, in small letters.
    pub driver_files: BTreeSet<String>,
}

/// The control sets: configurations of the system, of which one is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ControlSets {
    /// The one that is started next.
    pub(super) default: String,
    /// Those that may be started: named by `Select`, and there.
    pub(super) named: BTreeSet<String>,
    /// All that are there.
    pub(super) present: Vec<String>,
}

impl ControlSets {
    /// Reads them; Microsoft's article 100010 says what the values of `Select` mean.
    pub(super) fn read(hive: &Hive) -> Result<Self, Refusal> {
        let is_set = |name: &&str| {
            let digits = name.get(10..).unwrap_or_default();
            let named = name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("ControlSet"));
            named && digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        let present: Vec<String> = hive.children("").into_iter().filter(is_set).map(str::to_owned).collect();
        let named = |value| {
            let number = hive.number("Select", value).filter(|number| *number != 0)?;
            Some(format!("ControlSet{number:03}"))
        };
        let there = |set: &str| present.iter().find(|name| name.eq_ignore_ascii_case(set)).cloned();
        // Windows does not start where one of these is missing; `LastKnownGood` and `Failed` may name none.
        let needed = |value| named(value).and_then(|set| there(&set)).ok_or(Refusal::NoControlSet { value });
        let (current, default) = (needed("Current")?, needed("Default")?);
        let others = ["LastKnownGood", "Failed"].into_iter().filter_map(|value| there(&named(value)?));
        Ok(Self { named: others.chain([current, default.clone()]).collect(), default, present })
    }
}

/// Why a Windows is not converted; nothing was changed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// The hive names no control set.
    #[error("`Select\\{value}` names no control set that is there: this is no SYSTEM hive, or a damaged one")]
    NoControlSet {
        /// Which value of `Select`.
        value: &'static str,
    },
    /// Before Vista.
    #[error(
        "Windows {0} is not converted offline: before 6.0 a controller also needs its entry in the CriticalDeviceDatabase"
    )]
    Unsupported(Version),
    /// The controller's driver is not there.
    #[error("the controller {controller} needs {file} in Windows\\System32\\drivers, and it is not there")]
    NoDriver {
        /// The controller.
        controller: Controller,
        /// The file.
        file: String,
    },
    /// The driver's service is not there.
    #[error("{set}\\Services\\{service} is not there: the driver of the controller {controller} was never installed")]
    NoService {
        /// The controller.
        controller: Controller,
        /// The control set.
        set: String,
        /// The service.
        service: &'static str,
    },
    /// The service starts another file.
    #[error("{set}\\Services\\{service} starts {image}, which is not the driver of the controller {controller}")]
    ForeignDriver {
        /// The controller.
        controller: Controller,
        /// The control set.
        set: String,
        /// The service.
        service: &'static str,
        /// The file.
        image: String,
    },
    /// A card whose driver is not there.
    #[error("the card {mac} is a vmxnet3, and no driver of it is in Windows\\System32\\drivers")]
    NoCardDriver {
        /// The card.
        mac: Mac,
    },
    /// A card takes what is not there.
    #[error("the card {mac} takes the settings of the adapter {guid}, which has no static address")]
    NotStatic {
        /// The card.
        mac: Mac,
        /// The adapter.
        guid: Guid,
    },
    /// Two cards with one address, or that take from one adapter.
    #[error("two cards have the address {0} or take the settings of the same adapter")]
    Twice(Mac),
    /// Settings that cannot be read.
    #[error("the adapter {guid} has a {value} that is none: {text}")]
    Unreadable {
        /// The adapter.
        guid: Guid,
        /// The value.
        value: &'static str,
        /// What it says.
        text: String,
    },
    /// Static addresses would be lost.
    #[error("no card takes the static addresses of: {}", .0.join("; "))]
    NotTaken(Vec<String>),
}

impl Refusal {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Refusal::NoControlSet { .. } => "check that the clone is of the system disk, and its filesystem",
            Refusal::Unsupported(_) => "move it with transfer: converter, or replace it",
            Refusal::NoDriver { controller: Controller::Pvscsi, .. }
            | Refusal::NoService { controller: Controller::Pvscsi, .. } => {
                "land it on lsisas1068; pvscsi can follow once VMware Tools are installed"
            }
            Refusal::NoDriver { .. } | Refusal::NoService { .. } => {
                "choose a controller whose driver is there (lsisas1068, ide), or move it with transfer: converter"
            }
            Refusal::ForeignDriver { .. } => {
                "choose another controller, or correct the service on the source and sync again"
            }
            Refusal::NoCardDriver { .. } => "land it with an e1000; vmxnet3 can follow once VMware Tools are installed",
            Refusal::NotStatic { .. } => "compare with the survey: name the adapter that holds the address, or none",
            Refusal::Twice(_) => "give every card its own address and its own adapter",
            Refusal::Unreadable { .. } => {
                "correct the adapter's settings on the source and sync again, or leave the adapter out"
            }
            Refusal::NotTaken(_) => "say which card takes each, or that it is left out",
        }
    }
}
