//! Acts: finds and mounts the clone's root, reads the facts, writes the plan, proves it, unmounts.

mod read;

use super::draft::{Change, Edit};
use super::facts::{Facts, Refusal, Tool};
use super::plan::{Plan, plan};
use super::wish::Wish;
use crate::landing::convert::error::ConvertError;
use crate::landing::convert::esp::Fat;
use crate::landing::convert::inside::Root;
use crate::landing::convert::layout::{Filesystem, Layout};
use crate::landing::convert::mounts::{self, Mounts};
use crate::landing::convert::program::{Program, ProgramError};
use crate::landing::convert::{CloneDisk, Way, sandbox};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the machine of libguestfs may take to start and to look at the disks, where no KVM helps.
const OPENS: Duration = Duration::from_secs(300);
/// How long libguestfs may take to write what it holds.
const LAST_WRITES: Duration = Duration::from_secs(120);
/// Filesystems that a root is on.
const ROOTS: [&str; 5] = ["ext4", "ext3", "ext2", "xfs", "btrfs"];
/// Where btrfs has the root: at its top, or in the subvolume of Ubuntu or Fedora.
const SUBVOLUMES: [&str; 3] = ["", ",subvol=@", ",subvol=root"];
/// Folders that may be filesystems of their own and that we need, in the order in which they are mounted.
const PLACES: [&str; 3] = ["/usr", "/var", "/boot"];

/// Converts the Linux on a clone's disks; `scratch` is a folder of ours.
pub(in crate::landing::convert) fn convert(
    disks: &[CloneDisk],
    layout: &Layout,
    wish: impl Fn(&Facts) -> Wish + Sync,
    scratch: &Path,
) -> Result<(Plan, Way), ConvertError> {
    mounts::apart(|mounts| {
        let folder = scratch.join("root");
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        let place = Place { disks, layout, folder: &folder, scratch };
        let way = place.mount(mounts)?;
        let done = place.work(&wish);
        // Unmounted also where it failed; what failed first is what is told.
        let unmounted = mounts.unmount(&folder).and_then(|()| place.wait_for_libguestfs());
        let plan = done?;
        unmounted?;
        mounts.settle(disks)?;
        std::fs::remove_dir(&folder).map_err(at(&folder))?;
        Ok((plan, way))
    })
}

/// Where the root is mounted.
struct Place<'a> {
    disks: &'a [CloneDisk],
    layout: &'a Layout,
    folder: &'a Path,
    scratch: &'a Path,
}

impl Place<'_> {
    /// Mounts the root and what belongs to it, by the kernel or by libguestfs.
    fn mount(&self, mounts: &Mounts) -> Result<Way, ConvertError> {
        let mut roots: Vec<(&Filesystem, &str)> = Vec::new();
        for filesystem in self.layout.filesystems.iter().filter(|it| ROOTS.contains(&it.kind.as_str())) {
            if filesystem.offset.is_none() {
                continue;
            }
            let subvolumes = if filesystem.kind == "btrfs" { &SUBVOLUMES[..] } else { &SUBVOLUMES[..1] };
            for subvolume in subvolumes {
                if self.is_root(mounts, filesystem, subvolume)? {
                    roots.push((filesystem, subvolume));
                    break;
                }
            }
        }
        match roots.as_slice() {
            [(root, options)] => {
                mounts.mount(self.image(root), root, options, self.folder)?;
                self.mount_others(mounts).inspect_err(|_| drop(mounts.unmount(self.folder)))?;
                Ok(Way::Kernel)
            }
            [] => self.by_guestmount(),
            several => Err(Refusal::SeveralRoots(several.iter().map(|(root, _)| root.to_string()).collect()).into()),
        }
    }

    fn image(&self, filesystem: &Filesystem) -> &Path {
        &self.disks[filesystem.disk].image
    }

    /// Whether a filesystem is a root: looked at without writing.
    fn is_root(&self, mounts: &Mounts, it: &Filesystem, options: &str) -> Result<bool, ConvertError> {
        let look = format!(",ro{}{options}", as_it_lies(&it.kind));
        let mounted = mounts.mount(self.image(it), it, &look, self.folder);
        if let Err(error) = mounted {
            // There need be no such subvolume.
            return if options.is_empty() { Err(error) } else { Ok(false) };
        }
        let root = Root::open(self.folder).map_err(at(self.folder));
        let is = root.map(|root| root.has("/etc/fstab") && root.has("/lib/modules") | root.has("/etc/os-release"));
        mounts.unmount(self.folder)?;
        is
    }

    /// Mounts what fstab has on folders that we need.
    fn mount_others(&self, mounts: &Mounts) -> Result<(), ConvertError> {
        let root = self.root()?;
        let fstab = root.text("/etc/fstab").map_err(at(Path::new("/etc/fstab")))?.unwrap_or_default();
        for place in PLACES {
            let mut line = fstab.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let Some(words) = line.rfind(|words| words.get(1) == Some(&place)) else { continue };
            let device = words[0];
            let missing = || Refusal::NotMoved { device: device.to_owned(), mount: place.to_owned() };
            let filesystem = self.layout.find(device).filter(|it| it.offset.is_some()).ok_or_else(missing)?;
            let subvolume = words.get(3).and_then(|options| options.split(',').find(|it| it.starts_with("subvol=")));
            let options = subvolume.map(|option| format!(",{option}")).unwrap_or_default();
            // The folder is found without following links out of the clone.
            let folder = root.on_host(place).map_err(at(Path::new(place)))?;
            mounts.mount(self.image(filesystem), filesystem, &options, &folder)?;
        }
        Ok(())
    }

    /// Mounts with libguestfs, which has a kernel of its own: arrays, volumes in pieces, other filesystems.
    fn by_guestmount(&self) -> Result<Way, ConvertError> {
        let filesystems = &self.layout.filesystems;
        let there: Vec<String> = filesystems.iter().map(ToString::to_string).collect();
        if let Some(locked) = filesystems.iter().find(|it| it.kind == "crypto_LUKS") {
            return Err(Refusal::Encrypted(locked.to_string()).into());
        }
        // What libguestfs could open and the kernel of this host did not.
        let hidden = |it: &Filesystem| it.offset.is_none() || it.kind == "linux_raid_member";
        if !filesystems.iter().any(hidden) {
            return Err(Refusal::NoRoot(there).into());
        }
        let mut program = Program::new("guestmount", "opening the clone with libguestfs")
            .args(["--inspector", "--rw"])
            .within(OPENS)
            .env("LIBGUESTFS_BACKEND", "direct")
            .env("HOME", self.scratch)
            .env("TMPDIR", self.scratch);
        for name in ["LIBGUESTFS_BACKEND_SETTINGS", "LIBGUESTFS_PATH", "SUPERMIN_KERNEL", "SUPERMIN_MODULES"] {
            if let Some(value) = std::env::var_os(name) {
                program = program.env(name, Path::new(&value));
            }
        }
        for disk in self.disks {
            program = program.arg("--format=raw").arg("--add").arg(&disk.image);
        }
        program.arg("--pid-file").arg(self.pid_file()).arg(self.folder).run()?;
        Ok(Way::Libguestfs)
    }

    fn pid_file(&self) -> PathBuf {
        self.scratch.join("guestmount.pid")
    }

    /// Waits for the process behind libguestfs's mount: until its end it writes into the images.
    fn wait_for_libguestfs(&self) -> Result<(), ConvertError> {
        let file = self.pid_file();
        let Ok(pid) = std::fs::read_to_string(&file) else { return Ok(()) };
        let process = Path::new("/proc").join(pid.trim());
        let begun = Instant::now();
        while process.exists() {
            if begun.elapsed() > LAST_WRITES {
                let (what, seconds) = ("closing the clone with libguestfs".to_owned(), LAST_WRITES.as_secs());
                return Err(ProgramError::Deadline { what, seconds }.into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // It removes the file itself, if it ends well.
        let _ = std::fs::remove_file(&file);
        Ok(())
    }

    fn root(&self) -> Result<Root, ConvertError> {
        Root::open(self.folder).map_err(at(self.folder))
    }

    fn fat(&self) -> Option<Fat> {
        let esp = self.layout.filesystems.iter().find(|it| it.esp && it.kind == "vfat")?;
        Some(Fat::at(self.image(esp), esp.offset?))
    }

    fn facts(&self, root: &Root) -> Result<Facts, ConvertError> {
        read::facts(root, self.folder, self.layout, self.fat().as_ref())
    }

    /// Reads, plans, writes, and plans again: nothing may be left to do.
    fn work(&self, wish: &impl Fn(&Facts) -> Wish) -> Result<Plan, ConvertError> {
        let root = self.root()?;
        let facts = self.facts(&root)?;
        let wish = &wish(&facts);
        let plan = plan(&facts, wish)?;
        for edit in &plan.edits {
            self.apply(&root, edit, facts.tool)?;
        }
        if !plan.edits.is_empty() {
            let again = super::plan::plan(&self.facts(&root)?, wish)?;
            if !again.edits.is_empty() {
                let left = again.edits.iter().map(|edit| format!("still to do: {edit}")).collect();
                return Err(ConvertError::NotAsPlanned(left));
            }
        }
        Ok(plan)
    }

    fn apply(&self, root: &Root, edit: &Edit, tool: Option<Tool>) -> Result<(), ConvertError> {
        match &edit.change {
            Change::File { path, after: Some(text), .. } => root.write(path, text).map_err(at(Path::new(path))),
            Change::File { path, after: None, .. } | Change::Link { path, after: None, .. } => {
                root.remove(path).map_err(at(Path::new(path)))
            }
            Change::Link { path, after: Some(after), .. } => root.rename(path, after).map_err(at(Path::new(path))),
            Change::Copy { from, to } => self.fat().map_or(Ok(()), |fat| fat.copy(from, to, self.scratch)),
            Change::Initramfs { kernel, path, .. } => {
                let words: &[&str] = match tool {
                    Some(Tool::InitramfsTools) => &["update-initramfs", "-u", "-k", kernel],
                    Some(Tool::Dracut) => &["dracut", "--force", path, kernel],
                    None => return Err(Refusal::UnknownTool.into()),
                };
                let what = format!("making the initramfs of {kernel}");
                sandbox::program(self.folder, words, &what).run()?;
                Ok(())
            }
        }
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> ConvertError {
    let path: PathBuf = path.to_owned();
    move |error| ConvertError::File { path: path.clone(), error }
}

/// What lets a filesystem be looked at whose journal is still to be replayed: a frozen XFS leaves its own so,
/// and nothing is replayed where nothing may be written.
fn as_it_lies(kind: &str) -> &'static str {
    match kind {
        "xfs" | "ext3" | "ext4" => ",norecovery",
        _ => "",
    }
}
