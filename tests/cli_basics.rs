//! Help, usage errors, completions, the manual page, exit codes.

use crate::support::Sandbox;

#[test]
fn help_lists_every_exit_code() {
    let ran = Sandbox::empty().run(&["--help"]).code(0);
    for kind in traghetto::failure::Kind::ALL {
        let line = format!("{:>5}  {}", kind.code(), kind.meaning());
        assert!(ran.stdout.contains(&line), "{line}");
    }
    assert_eq!(ran.stderr, "");
}

#[test]
fn wrong_usage_is_2() {
    let ran = Sandbox::empty().run(&["inventroy"]).code(2);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("inventory"), "{}", ran.stderr);
}

#[test]
fn completions_and_manual_need_no_inventory() {
    let sandbox = Sandbox::empty();
    assert!(sandbox.run(&["completions", "bash"]).code(0).stdout.contains("_traghetto"));
    assert!(sandbox.run(&["man"]).code(0).stdout.contains(".TH traghetto"));
    sandbox.run(&["man", "--out", "man"]).code(0);
    assert!(sandbox.path().join("man/traghetto-migrate-run.1").is_file());
}

#[test]
fn a_reader_that_goes_away_is_no_bug() {
    use std::process::Stdio;
    let sandbox = Sandbox::empty();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = sandbox.command(&["inventory", "list"]).stdout(Stdio::null()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(3), "nobody reads stderr: the exit code is still that of the failure");
}
