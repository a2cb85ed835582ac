//! `traghetto-agent`: reads disks on a source and speaks frames on stdin and stdout.

use std::process::ExitCode;

fn main() -> ExitCode {
    match traghetto::replica::agent::main(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The receiver shows the end of standard error to the operator.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}
