//! `traghetto`: see the library's documentation for the architecture.

fn main() -> std::process::ExitCode {
    traghetto::cli::main(std::env::args_os()).into()
}
