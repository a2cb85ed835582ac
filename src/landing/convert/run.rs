//! One entry for both families: looks at the clone's disks, and converts what is on them.

use super::action::Action;
use super::error::ConvertError;
use super::hardware::Machine;
use super::{CloneDisks, Way, disks, linux, windows, windows_volume};
use std::time::Instant;

/// The family of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// A Linux.
    Linux,
    /// A Windows.
    Windows,
}

/// What is wished, and of which family the system is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// Of a system whose one card takes over the server's address.
    Machine(Family, Machine),
    /// Of a Linux.
    Linux(linux::Wish),
    /// Of a Windows.
    Windows(windows::Wish),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Converted {
    /// The changes; none where all was done already.
    pub actions: Vec<Action>,
    /// What people should know.
    pub notes: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How the clone was opened.
    pub way: Way,
}

/// Converts a clone for VMware's virtual hardware, or finds that it is done.
///
/// It runs on threads of its own, and goes on where the future is dropped: a clone that was being
/// converted is thrown away, and its folder removed once nothing is mounted there.
///
/// # Errors
/// It is refused, or fails; the clone is then to be thrown away, unless the error's hint says that
/// nothing was changed.
pub async fn convert(clone: &CloneDisks, wish: &Wish) -> Result<Converted, ConvertError> {
    let (clone, wish) = (clone.clone(), wish.clone());
    tokio::task::spawn_blocking(move || convert_now(&clone, &wish)).await.unwrap_or(Err(ConvertError::Ended))
}

fn convert_now(clone: &CloneDisks, wish: &Wish) -> Result<Converted, ConvertError> {
    let begun = Instant::now();
    let scratch = clone.folder().join("conversion");
    let at = |error| ConvertError::File { path: scratch.clone(), error };
    std::fs::create_dir_all(&scratch).map_err(at)?;
    let layout = disks::look(clone.disks(), &scratch)?;
    let on_linux = |plan: linux::Plan, way| (plan.edits.iter().map(Action::from).collect(), plan.notes, way);
    let on_windows = |done: windows::run::Converted| {
        (done.plan.edits.iter().map(Action::from).collect(), done.plan.notes, Way::Kernel)
    };
    let (disks, replicas) = (clone.disks(), clone.replicas());
    let (actions, notes, way) = match wish {
        Wish::Linux(wish) => {
            let (plan, way) = linux::run::convert(disks, &layout, |_| wish.clone(), &scratch)?;
            on_linux(plan, way)
        }
        Wish::Machine(Family::Linux, machine) => {
            let wish = |facts: &linux::Facts| linux::wish(facts, machine);
            let (plan, way) = linux::run::convert(disks, &layout, wish, &scratch)?;
            on_linux(plan, way)
        }
        Wish::Windows(wish) => {
            on_windows(windows_volume::convert(disks, &layout, |_| Ok(wish.clone()), &scratch, replicas)?)
        }
        Wish::Machine(Family::Windows, machine) => {
            let wish = |facts: &windows::Facts| windows::wish(facts, machine);
            on_windows(windows_volume::convert(disks, &layout, wish, &scratch, replicas)?)
        }
    };
    std::fs::remove_dir_all(&scratch).map_err(at)?;
    Ok(Converted { actions, notes, seconds: begun.elapsed().as_secs_f64(), way })
}
