//! `traghetto-agent`: reads disks on a source and speaks frames on stdin and stdout.
//!
//! It is compiled from the few files that both sides share and not linked with the library: a
//! linker keeps the exception tables of a whole library, a third of what is pushed over the link.

#[path = "../replica"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the receiver, in the library, uses the other half of these files"
)]
mod replica {
    pub mod agent;
    mod chunk;
    pub mod map;
    mod tree;
    mod wire;
}

use std::process::ExitCode;

fn main() -> ExitCode {
    match replica::agent::main(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The receiver shows the end of standard error to the operator.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}
