//! The sandbox of every command test: an empty folder, a cleared environment, exact expectations.

/// What the fuzz targets ask, in their own folder.
#[path = "../fuzz/src/lib.rs"]
pub mod checks;

pub mod certificates;
pub mod changes;
pub mod converter;
pub mod field;
pub mod frozen;
pub mod guest;
pub mod hive;
pub mod images;
pub mod ios;
pub mod lab;
pub mod lines;
pub mod memory;
pub mod network;
pub mod night;
pub mod played;
pub mod proxy;
pub mod replica;
pub mod roots;
pub mod samba;
pub mod specimens;
pub mod sshd;
pub mod tenants;
pub mod town;
pub mod vcenter;
pub mod vcenter_night;
pub mod vcsim;
pub mod width;
pub mod winrm;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The project's own folder, with the real inventory, playbooks, checklists and templates.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a run of the program printed and returned.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Asserts the exit code, showing both streams if it differs.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Whatever fails says what is safe or what next, with a line that begins with `hint: `. Only wrong
    /// arguments have a form of their own, clap's, which ends with where help is.
    #[track_caller]
    fn says_what_next(&self, args: &[&str]) {
        let fails = self.stderr.lines().any(|line| line.starts_with("error: ") || line.starts_with("waiting: "));
        let of_clap = self.code == 2 && self.stderr.contains("For more information, try '--help'");
        let says = self.stderr.lines().any(|line| line.starts_with("hint: ") && line.len() > "hint: ".len() + 10);
        assert!(!fails || of_clap || says, "{args:?} fails and does not say what next:\n{}", self.stderr);
        let silent = self.code > 0 && self.stderr.trim().is_empty() && self.stdout.trim().is_empty();
        assert!(!silent, "{args:?} ends with {} and says nothing", self.code);
    }
}

/// A temporary folder in which the program runs, with nothing in its environment.
pub struct Sandbox {
    dir: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl Sandbox {
    /// An empty sandbox.
    pub fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    /// A sandbox with a copy of the project's inventory, playbooks, checklists and templates.
    pub fn with_project() -> Self {
        let sandbox = Self::empty();
        for folder in ["inventory", "playbooks", "checklists", "templates"] {
            copy_folder(&project().join(folder), &sandbox.path().join(folder));
        }
        sandbox
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Sets an environment variable for later runs.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file below the sandbox.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Replaces the one occurrence of `from` in a file below the sandbox.
    #[track_caller]
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path().join(path)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "`{from}` must occur once in {path}");
        self.write(path, &text.replacen(from, to, 1));
    }

    /// The command, ready to run in the sandbox.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_traghetto"));
        command
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", std::env::var_os("PATH").unwrap());
        command.envs(self.env.iter().map(|(name, value)| (name, value))).args(args);
        command
    }

    /// Runs the program and waits for it.
    pub fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        let text =
            |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&self.path().display().to_string(), "ROOT");
        let ran =
            Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
        ran.says_what_next(args);
        ran
    }
}

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Compares with `tests/golden/NAME`; `TRAGHETTO_BLESS=1` rewrites it, to be read in review.
#[track_caller]
pub fn golden(name: &str, found: &str) {
    let path = project().join("tests/golden").join(name);
    if std::env::var_os("TRAGHETTO_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(wanted == found, "{} differs; found:\n{found}", path.display());
}
