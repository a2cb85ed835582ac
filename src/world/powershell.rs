//! How PowerShell 2.0 is started so that it runs a script that comes by standard input.
//!
//! A command line holds 8191 characters, and a script in a file would have to be written: so a
//! starter of one line, in the encoding that needs no quotes, takes the script from `$input`. A
//! script read by `-Command -` would run line by line, as if somebody typed it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The program.
pub const PROGRAM: &str = "powershell";
/// What takes the script and runs it as a whole.
const STARTER: &str = "& ([ScriptBlock]::Create([string]::Join([string][char]10, @($input))))";
/// Nobody's profile runs, nobody is asked, and nothing is wrapped in XML.
const ARGUMENTS: [&str; 9] = [
    "-NoProfile",
    "-NonInteractive",
    "-ExecutionPolicy",
    "Bypass",
    "-InputFormat",
    "Text",
    "-OutputFormat",
    "Text",
    "-EncodedCommand",
];

/// Its arguments.
pub fn arguments() -> Vec<String> {
    let utf16: Vec<u8> = STARTER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    ARGUMENTS.iter().map(|argument| (*argument).to_owned()).chain([STANDARD.encode(utf16)]).collect()
}

/// Program and arguments as one line, which no shell reads otherwise.
pub fn command_line() -> String {
    [vec![PROGRAM.to_owned()], arguments()].concat().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_short_and_needs_no_quotes() {
        let line = command_line();
        assert!(line.len() < 1000, "{}", line.len());
        assert!(line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -+/=".contains(&byte)), "{line}");
    }
}
