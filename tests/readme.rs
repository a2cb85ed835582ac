//! The README keeps its word: every `$ …` line in a `console` block is run, in order, in one copy of
//! the project in which two persons have keys, and must print what stands below it. A line `...` stands for any lines,
//! `…` within a line for any text, and `# exit N` after a command for its exit code.

use crate::support::{Ran, Sandbox, project};
use std::process::Command;

struct Example {
    command: String,
    code: i32,
    output: Vec<String>,
}

/// The examples of all `console` blocks.
fn examples(readme: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match line.strip_prefix("$ ") {
                Some(command) => examples.push(example(command)),
                None => examples.last_mut().expect("output without a command").output.push(line.trim_end().to_owned()),
            },
        }
    }
    examples
}

fn example(line: &str) -> Example {
    let (command, code) = match line.split_once("# exit ") {
        Some((command, code)) => (command, code.trim().parse().unwrap()),
        None => (line, 0),
    };
    Example { command: command.trim().to_owned(), code, output: Vec::new() }
}

/// Whether `line` is `pattern`, in which `…` stands for any text.
fn matches_line(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether `lines` are `patterns`, in which `...` stands for any lines.
fn matches(patterns: &[String], lines: &[&str]) -> bool {
    match patterns.split_first() {
        None => lines.iter().all(|line| line.trim().is_empty()),
        Some((first, rest)) if first == "..." => (0..=lines.len()).any(|skip| matches(rest, &lines[skip..])),
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, others)| matches_line(first, line.trim_end()) && matches(rest, others)),
    }
}

/// Runs a line as a reader would: what a shell is needed for in a shell, where `traghetto` is found.
fn run(sandbox: &Sandbox, line: &str) -> Ran {
    let plain = line.strip_prefix("traghetto ").filter(|line| !line.contains(['>', '|', '"', '\'', '$']));
    if let Some(arguments) = plain {
        return sandbox.run(&arguments.split_whitespace().collect::<Vec<_>>());
    }
    // The program's environment, with a shell in its place.
    let program = sandbox.command(&[]);
    let folder = std::path::Path::new(program.get_program()).parent().unwrap().display().to_string();
    let mut shell = Command::new("bash");
    shell.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let output = shell.args(["-c", line]).env("PATH", path).current_dir(sandbox.path()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A key for a person of the inventory, in `keys/PERSON`.
fn give_key(sandbox: &Sandbox, person: &str) {
    std::fs::create_dir_all(sandbox.path().join("keys")).unwrap();
    let file = sandbox.path().join("keys").join(person);
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
    assert!(made.unwrap().success());
    let key = std::fs::read_to_string(file.with_extension("pub")).unwrap();
    let people = std::fs::read_to_string(sandbox.path().join("inventory/people.yaml")).unwrap();
    let line = people.lines().find(|line| line.contains(&format!("{{id: {person}-"))).unwrap();
    let with = line.replace(", example: true", &format!(", example: true, signing_key: \"{}\"", key.trim()));
    sandbox.write("inventory/people.yaml", &people.replace(line, &with));
}

#[test]
fn the_readme_lists_every_exit_code() {
    let readme = std::fs::read_to_string(project().join("README.md")).unwrap();
    for kind in traghetto::failure::Kind::ALL {
        let row = format!("| {} | {} |", kind.code(), kind.meaning());
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn every_command_of_the_readme_runs_and_prints_what_it_says() {
    let readme = std::fs::read_to_string(project().join("README.md")).unwrap();
    let sandbox = Sandbox::with_project().env("TRAGHETTO_OPERATOR", "anna-veneto");
    give_key(&sandbox, "anna");
    give_key(&sandbox, "elena");
    let examples = examples(&readme);
    assert!(examples.len() > 10, "the README shows its commands");
    for example in examples {
        let ran = run(&sandbox, &example.command).code(example.code);
        // A page shows a no-break space as a space.
        let printed = format!("{}{}", ran.stdout, ran.stderr).replace('\u{a0}', " ");
        let lines: Vec<&str> = printed.lines().collect();
        assert!(matches(&example.output, &lines), "`{}` printed\n{printed}", example.command);
    }
}
