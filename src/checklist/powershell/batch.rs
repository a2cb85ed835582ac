//! The one script that a Windows runs for all its items, in one process of PowerShell 2.0.
//!
//! Each item runs in a runspace of its own, with its own time limit and with numbers written as in
//! English. WMI tells "access denied" as an error that ends nothing: so any error ends an item, and
//! one without an administrator's rights asks nothing. What it prints comes back as UTF-8 in
//! hexadecimal, framed as the script for `sh` frames it (126 is an item with an error, 137 one that
//! took too long), so that neither the code page of the host nor the width of its window changes
//! anything.

use crate::checklist::batch::Entry;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

/// The functions; `$n` is the heading word.
const PROLOGUE: &str = include_str!("batch.ps1");
/// Ends the process although an item that was given up may still hang in it.
const EPILOGUE: &str = "[Console]::Out.Flush()\n[Environment]::Exit(0)\n";

/// The script for `entries`; `nonce` is its heading word and is used once.
pub(in crate::checklist) fn script(nonce: &str, entries: &[Entry<'_>]) -> String {
    let mut text = format!("$n = '{}'\n{PROLOGUE}", nonce.replace('\'', "''"));
    for entry in entries {
        let milliseconds = entry.timeout.as_millis().clamp(1000, 3_600_000);
        let (number, most, code) = (entry.number, entry.most_bytes + 1, STANDARD.encode(entry.script));
        let _ = writeln!(text, "Item {number} {milliseconds} {most} '{code}'");
    }
    text + EPILOGUE
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_item_begins_with_what_must_hold_of_its_shell() {
        let begin: String = PROLOGUE.lines().filter(|line| line.starts_with("$begin ")).collect();
        for words in ["$ErrorActionPreference = ''Stop''", "WindowsBuiltInRole]::Administrator)) { throw", "Invariant"]
        {
            assert!(begin.contains(words), "{words}\n{begin}");
        }
        assert!(PROLOGUE.contains("AddScript($begin + "), "it begins every item");
        let stream = PROLOGUE.lines().find(|line| line.contains("$shell.Streams.Error")).unwrap();
        assert!(stream.contains("$exit = 126"), "what is told as an error is one: {stream}");
    }

    #[test]
    fn a_script_is_ascii_and_an_item_cannot_leave_its_string() {
        let entry = |number, script| Entry { number, script, timeout: Duration::from_secs(7), most_bytes: 100 };
        let text = script("0f0e", &[entry(0, "'citt\u{e0}'\nItem 9 1 1 ''"), entry(1, "Get-Date")]);
        assert!(text.is_ascii());
        assert!(text.starts_with("$n = '0f0e'\n"));
        let items: Vec<&str> = text.lines().filter(|line| line.starts_with("Item ")).collect();
        assert_eq!(items, ["Item 0 7000 101 'J2NpdHTDoCcKSXRlbSA5IDEgMSAnJw=='", "Item 1 7000 101 'R2V0LURhdGU='"]);
        assert!(text.ends_with("[Environment]::Exit(0)\n"));
    }
}
