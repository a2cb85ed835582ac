//! A snapshot of a logical volume on its source: LVM keeps the old content of what changes in free space
//! of the volume group. One by name for each volume, so that a run that was killed leaves nothing that
//! the next one does not find and remove.

use crate::untrusted::shell_quoted;
use std::path::{Path, PathBuf};

/// How the names of our snapshots begin; nothing else is ever removed.
const PREFIX: &str = "traghetto-";

/// The tools of LVM are where root has them; sizes are bytes. What changes a group runs in a session of its
/// own: killed with ours in the middle, it would leave the volume suspended.
const LVS: &str = "LC_ALL=C PATH=\"$PATH:/usr/sbin:/sbin\"; export LC_ALL PATH\n\
                   own() { if command -v setsid >/dev/null 2>&1; then setsid -w \"$@\"; else \"$@\"; fi; }\n\
                   t() { lvs --noheadings --nosuffix --units b --separator '|' \"$@\"; }\n";

/// A logical volume of which there can be a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    group: String,
    name: String,
    /// Extents for the snapshot: all that are free, and no more than it can need.
    extents: u64,
}

/// Why there is no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSnapshot {
    /// LVM does not know it, or said something else.
    #[error("{source_path} is no logical volume")]
    NotAVolume {
        /// The source.
        source_path: String,
    },
    /// A thin volume, a snapshot itself, a mirror's part.
    #[error("{volume} is of a kind (`{attributes}`) of which no snapshot is taken")]
    Kind {
        /// Group and name.
        volume: String,
        /// As LVM shows them.
        attributes: String,
    },
    /// The group is full.
    #[error("the volume group {group} has no free space for a snapshot")]
    Full {
        /// The group.
        group: String,
    },
}

/// A script that says what the source is to LVM.
pub(super) fn look(source: &Path) -> String {
    let source = shell_quoted(&source.display().to_string());
    format!("{LVS}t -o vg_name,lv_name,lv_attr,lv_size,vg_free,vg_extent_size -- {source}\n")
}

/// Reads what [`look`] printed.
pub(super) fn parse(stdout: &[u8], source: &Path) -> Result<Volume, NoSnapshot> {
    let text = String::from_utf8_lossy(stdout);
    let fields: Vec<&str> = text.trim().split('|').map(str::trim).collect();
    let not_a_volume = || NoSnapshot::NotAVolume { source_path: source.display().to_string() };
    let [group, name, attributes, size, free, extent] = fields[..] else { return Err(not_a_volume()) };
    let number = |text: &str| text.parse::<u64>().map_err(|_| not_a_volume());
    let (size, free, extent) = (number(size)?, number(free)?, number(extent)?.max(1));
    if !is_name(group) || !is_name(name) {
        return Err(not_a_volume());
    }
    // A plain volume, or one that is the origin of snapshots already.
    if !attributes.starts_with(['-', 'o']) {
        let attributes = attributes.chars().filter(char::is_ascii_graphic).take(12).collect();
        return Err(NoSnapshot::Kind { volume: format!("{group}/{name}"), attributes });
    }
    let extents = (free / extent).min(size.div_ceil(extent));
    if extents == 0 {
        return Err(NoSnapshot::Full { group: group.to_owned() });
    }
    Ok(Volume { group: group.to_owned(), name: name.to_owned(), extents })
}

/// A name as LVM allows it: it needs no quoting in any shell, and is no option.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+_.-".contains(&byte);
    (1..=100).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(plain)
}

impl Volume {
    /// Group and name of the snapshot.
    pub(super) fn snapshot(&self) -> String {
        format!("{}/{PREFIX}{}", self.group, self.name)
    }

    /// The device of the snapshot.
    pub(super) fn device(&self) -> PathBuf {
        Path::new("/dev").join(self.snapshot())
    }

    /// A script that makes the snapshot and waits for its device. Of a mounted volume, the kernel freezes the
    /// filesystem for that moment.
    pub(super) fn create(&self) -> String {
        let Self { group, name, extents } = self;
        let device = self.device();
        format!(
            "{LVS}own lvcreate -q -s -l {extents} -n {PREFIX}{name} {group}/{name} >/dev/null || exit 1\n\
             for try in 1 2 3 4 5 6 7 8 9 10; do [ -b {device} ] && exit 0; sleep 1; done\nexit 1\n",
            device = device.display()
        )
    }

    /// A script that removes our snapshot of this volume, if there is one; it ends well only if there is none
    /// afterwards. What has its name and is no snapshot of this volume stays.
    pub(super) fn remove(&self) -> String {
        let (snapshot, origin) = (self.snapshot(), &self.name);
        format!(
            "{LVS}for try in 1 2 3 4 5 6 7 8 9 10; do\n\
             found=$(t -o lv_attr,origin {snapshot} 2>/dev/null | tr -d ' ')\n\
             case $found in\n\
             '') t -o lv_name {group} >/dev/null; exit ;;\n\
             [sS]*'|{origin}') own lvremove -q -f {snapshot} >/dev/null 2>&1 && exit 0 ;;\n\
             *) exit 1 ;;\n\
             esac\n\
             sleep 1\n\
             done\n\
             exit 1\n",
            group = self.group
        )
    }

    /// A script that says how full the snapshot is.
    pub(super) fn fill(&self) -> String {
        format!("{LVS}t -o lv_attr,snap_percent {}\n", self.snapshot())
    }
}

/// How full a snapshot is, in percent, as [`Volume::fill`] printed it; none if it overflowed or is not
/// what it should be.
pub(super) fn valid(stdout: &[u8]) -> Option<f64> {
    let text = String::from_utf8_lossy(stdout);
    let (attributes, percent) = text.trim().split_once('|')?;
    let percent: f64 = percent.trim().parse().ok()?;
    // `swi-a-s---`: a snapshot, active; `swi-I-s---` has overflowed.
    let active = attributes.trim().starts_with('s') && attributes.trim().as_bytes().get(4) == Some(&b'a');
    (active && (0.0..100.0).contains(&percent)).then_some(percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const SOURCE: &str = "/dev/vg/data";

    fn volume(line: &str) -> Result<Volume, NoSnapshot> {
        parse(line.as_bytes(), Path::new(SOURCE))
    }

    #[test]
    fn as_large_as_the_volume_if_the_group_has_so_much() {
        let found = volume("  vg|data|-wi-ao----|314572800|759169024|4194304\n").unwrap();
        assert_eq!(found, Volume { group: "vg".into(), name: "data".into(), extents: 75 });
        assert_eq!(volume("vg|data|owi-ao----|314572800|8388608|4194304").unwrap().extents, 2);
        assert_eq!(found.device(), Path::new("/dev/vg/traghetto-data"));
    }

    #[test]
    fn what_is_no_plain_volume_is_refused() {
        let full = NoSnapshot::Full { group: "vg".into() };
        assert_eq!(volume("vg|data|-wi-ao----|314572800|4194303|4194304"), Err(full));
        for line in
            ["", "vg|data|-wi-a-----|x|1|1", "vg|data|-wi|1|1", "vg|$(reboot)|-wi-a-|1|1|1", "-f|data|-wi-a-|1|1|1"]
        {
            assert!(matches!(volume(line), Err(NoSnapshot::NotAVolume { .. })), "{line}");
        }
        for attributes in ["Vwi-aotz--", "swi-a-s---", "rwi-aor---"] {
            let found = volume(&format!("vg|data|{attributes}|4194304|4194304|4194304"));
            assert!(matches!(found, Err(NoSnapshot::Kind { .. })), "{attributes}");
        }
    }

    #[test]
    fn an_overflowed_snapshot_does_not_count() {
        assert_eq!(valid(b"  swi-a-s---|12.34\n"), Some(12.34));
        for answer in
            [&b"swi-I-s---|100.00"[..], b"swi-a-s---|100.00", b"swi-a-s---|", b"-wi-a-----|1.00", b"", b"Swi-a-s---|3"]
        {
            assert_eq!(valid(answer), None, "{}", String::from_utf8_lossy(answer));
        }
    }

    /// Runs a script where `lvs`, `lvcreate` and `lvremove` write down what they are asked, and answer strictly.
    fn with_fakes(script: &str, listed: &str) -> (bool, String) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let fake = |name: &str, body: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\necho {name} \"$@\" >> {}\n{body}\n", log.display())).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        fake("lvs", &format!("case \"$*\" in *lv_attr*) {listed} ;; esac"));
        fake("lvremove", "case \"$*\" in '-q -f vg/traghetto-data') exit 0 ;; *) exit 9 ;; esac");
        fake("lvcreate", "exit 0");
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let status = Command::new("sh").arg("-c").arg(script).env("PATH", path).status().unwrap();
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        (status.success(), log.lines().filter(|line| !line.starts_with("lvs ")).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn only_our_own_snapshot_of_this_volume_is_removed() {
        let volume = volume("vg|data|-wi-ao----|314572800|759169024|4194304").unwrap();
        let removed = "lvremove -q -f vg/traghetto-data".to_owned();
        assert_eq!(with_fakes(&volume.remove(), "echo '  swi-a-s---|data'"), (true, removed.clone()));
        assert_eq!(with_fakes(&volume.remove(), "echo '  Swi-I-s---|data'"), (true, removed));
        assert_eq!(with_fakes(&volume.remove(), "exit 5"), (true, String::new()), "there is none");
        assert_eq!(with_fakes(&volume.remove(), "echo '  swi-a-s---|other'"), (false, String::new()));
        assert_eq!(with_fakes(&volume.remove(), "echo '  -wi-ao----|'"), (false, String::new()));
    }
}
