//! What uses a disk on its source: mounts and swap on it, on its partitions, on what is built on them.

use crate::model::{DiskId, ServerId};
use crate::untrusted::{is_unprintable, shell_quoted};
use std::path::Path;

/// A disk that somebody uses.
#[derive(Debug, thiserror::Error)]
#[error("the disk {disk} of {server} is in use: {}", used.join(", "))]
pub(super) struct InUse {
    server: ServerId,
    disk: DiskId,
    used: Vec<String>,
}

impl InUse {
    pub(super) fn new(server: &ServerId, disk: &DiskId, used: Vec<String>) -> Self {
        Self { server: server.clone(), disk: disk.clone(), used }
    }
}

/// The last line of a complete answer.
const END: &str = "traghetto-end";

/// A script that prints each use of `source`, a block device or an image file, and then [`END`].
/// Reads /proc and /sys only; runs on dash and busybox.
pub(super) fn script(source: &Path) -> String {
    let source = shell_quoted(&source.display().to_string());
    format!(
        r#"LC_ALL=C; export LC_ALL
source=$(readlink -f -- {source}) || exit 1
[ -e "$source" ] || exit 1
# All block devices at and above the name $1: its partitions, and what holds it (LVM, RAID, crypt).
above() {{
    echo "$1"
    for part in /sys/class/block/"$1"/*/partition; do
        [ -e "$part" ] || continue
        part=${{part%/partition}}
        above "${{part##*/}}"
    done
    for holder in /sys/class/block/"$1"/holders/*; do
        [ -e "$holder" ] || continue
        above "${{holder##*/}}"
    done
}}
if [ -b "$source" ]; then
    start=${{source##*/}}
    [ -e "/sys/class/block/$start" ] || exit 1
else
    start=
    for file in /sys/class/block/loop*/loop/backing_file; do
        [ -e "$file" ] || continue
        if [ "$(cat "$file")" = "$source" ]; then
            file=${{file%/loop/backing_file}}
            start="$start ${{file##*/}}"
        fi
    done
fi
for name in $start; do
    for device in $(above "$name" | sort -u); do
        number=$(cat "/sys/class/block/$device/dev") || exit 1
        while read -r _ _ mounted _ place _; do
            if [ "$mounted" = "$number" ]; then echo "use /dev/$device on $place"; fi
        done < /proc/self/mountinfo
        while read -r swap _; do
            if [ "$(readlink -f -- "$swap" 2>/dev/null)" = "/dev/$device" ]; then echo "use /dev/$device as swap"; fi
        done < /proc/swaps
    done
done
echo {END}
"#
    )
}

/// The uses that the script printed; none if its answer is not complete.
pub(super) fn parse(stdout: &[u8]) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(stdout);
    let mut used = Vec::new();
    for line in text.lines() {
        if line == END {
            return Some(used);
        }
        let clean: String = line.strip_prefix("use ")?.chars().filter(|c| !is_unprintable(*c)).take(200).collect();
        used.push(clean);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn ask(source: &Path) -> (bool, Option<Vec<String>>) {
        let output = Command::new("sh").arg("-c").arg(script(source)).output().unwrap();
        (output.status.success(), parse(&output.stdout))
    }

    #[test]
    fn an_image_that_nobody_uses_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("a disk's image $(reboot).img");
        std::fs::write(&image, "content").unwrap();
        assert_eq!(ask(&image), (true, Some(Vec::new())));
    }

    #[test]
    fn a_source_that_is_not_there_gives_no_answer() {
        assert_eq!(ask(Path::new("/nowhere/disk")), (false, None));
    }

    #[test]
    fn an_answer_is_complete_or_nothing() {
        assert_eq!(parse(b"use /dev/sda1 on /\ntraghetto-end\n"), Some(vec!["/dev/sda1 on /".to_owned()]));
        assert_eq!(parse(b"use /dev/sda1 on /\n"), None);
        assert_eq!(parse(b"garbage\ntraghetto-end\n"), None);
        assert_eq!(parse(b"use a\x1b[31mb\ntraghetto-end\n"), Some(vec!["a[31mb".to_owned()]));
    }
}
