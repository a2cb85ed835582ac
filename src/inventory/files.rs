//! Reads the inventory's folder: the only file here that touches the disk.

use super::problem::{Complaint, KeyPath, Problem, Problems};
use super::yaml::MAX_BYTES;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The project's file.
pub const PROJECT: &str = "inventory/project.yaml";
/// The schedule's file.
pub const FEES: &str = "inventory/fees.yaml";
/// The roles' file.
pub const PEOPLE: &str = "inventory/people.yaml";
/// The folder of the tenants' files.
pub const TENANTS: &str = "inventory/tenants";

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, relative to the root, with `/`.
    pub name: String,
    /// Its bytes; at most one more than [`MAX_BYTES`].
    pub bytes: Vec<u8>,
}

/// Reads every file of the inventory below `root`, in the order of their names. What cannot be
/// read is a problem, and the others are read all the same.
pub fn read_folder(root: &Path, problems: &mut Problems) -> Vec<SourceFile> {
    let mut names: Vec<String> = [PROJECT, FEES, PEOPLE].map(str::to_owned).into();
    match yaml_files(root, TENANTS) {
        Ok(found) => names.extend(found),
        Err(error) => refuse(TENANTS, &error, problems),
    }
    let mut sources = Vec::with_capacity(names.len());
    for name in names {
        match read_file(root, &name) {
            Ok(source) => sources.push(source),
            Err(error) => refuse(&name, &error, problems),
        }
    }
    sources
}

/// Reads one file; `name` is relative to `root`.
///
/// # Errors
/// What the system says, also for anything that is not a regular file.
pub fn read_file(root: &Path, name: &str) -> io::Result<SourceFile> {
    let path = root.join(name);
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(SourceFile { name: name.to_owned(), bytes })
}

/// Names of the YAML files of `folder`, relative to `root`, in order; other files of the folder, such
/// as an editor's, are none of ours.
///
/// # Errors
/// What the system says of a folder that cannot be listed.
pub fn yaml_files(root: &Path, folder: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in root.join(folder).read_dir()? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let hidden = name.starts_with('.');
        if !hidden && (name.ends_with(".yaml") || name.ends_with(".yml")) {
            names.push(format!("{folder}/{name}"));
        }
    }
    names.sort();
    Ok(names)
}

fn refuse(name: &str, error: &io::Error, problems: &mut Problems) {
    let complaint = Complaint::new(format!("cannot be read: {error}"));
    let complaint = match error.kind() {
        io::ErrorKind::NotFound => {
            complaint.hint("is this the right folder? Name it with --root DIR; it holds the folder inventory/")
        }
        io::ErrorKind::PermissionDenied => complaint.hint("let the operator read it"),
        _ => complaint,
    };
    problems.push(Problem::new(name, None, KeyPath::root(), complaint));
}
