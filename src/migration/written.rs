//! What users wrote on a copy since it was connected: asked before both sides decide to go back, since a
//! rollback loses it.

use super::plan::Plan;
use super::playbook::Action;
use super::replaced::used_since;
use super::state::RunState;
use crate::journal::Event;
use crate::model::ServerId;
use crate::untrusted::one_line;
use jiff::Timestamp;

/// Files that are named, at most.
const MOST: usize = 200;
/// What ends a list that is whole.
const END: &str = "traghetto-end";

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its path, on one line without control characters.
    pub path: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Writings {
    /// Files, the first ones where there are many.
    pub files: Vec<Written>,
    /// Whether there are more, or the list was cut.
    pub more: bool,
}

/// Since when users may have written on what came in the place of `server`: its machine was made to be used, in the
/// night that counts; where another one took over, people did, or said that they did, the first of its move. None where
/// that is not known.
pub fn in_use_since(plan: &Plan, state: &RunState, events: &[Event], server: &ServerId) -> Option<Timestamp> {
    let mut boots = plan.steps.iter().filter(|step| step.action == Action::Boot);
    let Some(boot) = boots.find(|step| step.server.as_ref() == Some(server)) else {
        return used_since(plan, state, server);
    };
    let again = |event: &Event| event.kind == "server.reentered" && event.data["server"] == server.as_str();
    let night = events.iter().rposition(again).map_or(0, |at| at + 1);
    let began = |event: &&Event| event.kind == "step.started" && event.data["step"] == boot.id.0.as_str();
    events.get(night..)?.iter().find(began)?.time.parse().ok()
}

/// For `/bin/sh`: files of local filesystems, without what the system writes by itself.
pub fn sh(since: Timestamp) -> String {
    let seconds = since.as_second();
    let apart = ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/log", "/var/cache", "/var/lib/systemd"];
    let apart = apart.map(|folder| format!("-path {folder}")).join(" -o ");
    format!(
        "LC_ALL=C find / \\( {apart} -o -fstype nfs -o -fstype nfs4 -o -fstype cifs \\) -prune -o -type f -newermt @{seconds} \
         -printf '%s\\t%p\\n' 2>/dev/null | head -n {} && echo {END}\n",
        MOST + 1
    )
}

/// For PowerShell 2.0: files of the shares and of the users' folders.
pub fn powershell(since: Timestamp) -> String {
    // 100 ns since 1601, as Windows counts.
    let ticks = (since.as_second() + 11_644_473_600) * 10_000_000;
    format!(
        "$since = [DateTime]::FromFileTimeUtc({ticks})\r\n\
         $folders = @(Get-WmiObject Win32_Share | Where-Object {{ $_.Type -eq 0 }} | ForEach-Object {{ $_.Path }})\r\n\
         $folders += $env:SystemDrive + '\\Users'\r\n\
         $folders | Sort-Object -Unique | ForEach-Object {{ Get-ChildItem -LiteralPath $_ -Recurse -Force -ErrorAction SilentlyContinue }} | \
         Where-Object {{ -not $_.PSIsContainer -and $_.LastWriteTimeUtc -gt $since }} | Select-Object -First {} | \
         ForEach-Object {{ '{{0}}{{1}}{{2}}' -f $_.Length, [char]9, $_.FullName }}\r\n'{END}'\r\n",
        MOST + 1
    )
}

/// Reads the answer; a list without its end was cut.
pub fn read(stdout: &[u8]) -> Writings {
    let text = String::from_utf8_lossy(stdout);
    let whole = text.lines().any(|line| line.trim() == END);
    let file = |line: &str| {
        let (bytes, path) = line.split_once('\t')?;
        Some(Written { bytes: bytes.trim().parse().ok()?, path: one_line(path.as_bytes()) })
    };
    let mut files: Vec<Written> = text.lines().filter_map(file).collect();
    let more = files.len() > MOST || !whole;
    files.truncate(MOST);
    Writings { files, more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_whole_only_with_its_end() {
        let found = read(b"12\t/srv/atti/a b.doc\n7\t/home/x\ttab\ntraghetto-end\n");
        let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!((paths.len(), paths[0], found.more), (2, "/srv/atti/a b.doc", false));
        assert!(read(b"12\t/srv/a\n").more && read(b"").more);
        let many = "1\t/f\n".repeat(MOST + 1) + END;
        assert_eq!((read(many.as_bytes()).files.len(), read(many.as_bytes()).more), (MOST, true));
    }

    #[test]
    fn hostile_names_stay_on_their_line() {
        let found = read(b"1\t/srv/\x1b[2Jx\ntraghetto-end\n");
        assert!(!found.files[0].path.contains('\x1b'), "{found:?}");
    }

    #[test]
    fn the_moment_is_written_as_each_system_counts() {
        let at: Timestamp = "2026-12-04T21:00:00Z".parse().unwrap();
        assert!(sh(at).contains("-newermt @1796418000 "), "{}", sh(at));
        assert!(powershell(at).contains("FromFileTimeUtc(134408916000000000)"), "{}", powershell(at));
    }
}
