//! The script that a host is asked to run: a fixed text, in front of it a mark and the disks' sources.

use crate::digest::hex;
use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

/// The fixed text for `/bin/sh`.
const TEXT: &str = include_str!("script.sh");
/// The fixed text for PowerShell 2.0.
const POWERSHELL: &str = include_str!("script.ps1");

/// The word that frames the sections of one answer, so that no file's content does by accident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    /// The mark of these random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(hex(&random))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The script for a host whose disks have these `sources`.
pub fn script<'a>(mark: &Mark, sources: impl IntoIterator<Item = &'a Path>) -> String {
    let words: Vec<String> = sources.into_iter().map(word).collect();
    format!("MARK={mark}\nSOURCES='{}'\n{TEXT}", words.join(" "))
}

/// The same for PowerShell on a Windows, which knows nothing of the disks' sources.
pub fn powershell_script(mark: &Mark) -> String {
    format!("$mark = '{mark}'\n{POWERSHELL}")
}

/// A path as one shell word without any special character: `printf %b` gives the path back.
fn word(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut word = String::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-') {
            word.push(char::from(byte));
        } else {
            let _ = write!(word, "\\0{byte:03o}");
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_word() {
        let mark = Mark::new([0xab; 16]);
        let text = script(&mark, [Path::new("/dev/sda"), Path::new("/a'; reboot; *\n")]);
        let head: Vec<&str> = text.lines().take(2).collect();
        assert_eq!(head[0], format!("MARK={}", "ab".repeat(16)));
        assert!(powershell_script(&mark).starts_with(&format!("$mark = '{}'\n# Reads only", "ab".repeat(16))));
        assert!(powershell_script(&mark).is_ascii(), "it goes through any code page");
        assert_eq!(head[1], "SOURCES='/dev/sda /a\\0047\\0073\\0040reboot\\0073\\0040\\0052\\0012'");
    }
}
