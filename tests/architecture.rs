//! The floors of the house, checked by reading `use` lines: an arrow never runs back up, no two
//! files import each other, what is pure stays pure, and only one file prints.

use crate::support::project;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Top modules from the ground up; modules of one floor do not see each other unless `BESIDE` says so.
const FLOORS: [&[&str]; 7] = [
    &["model", "digest", "untrusted"],
    &["journal", "world", "failure"],
    &["inventory"],
    &["network", "checklist", "replica", "survey", "fees", "landing", "converter"],
    &["migration"],
    &["document"],
    &["cli"],
];

/// What pure files may not name.
const IMPURE: [&str; 7] = ["tokio::", "reqwest::", "russh::", "std::fs", "std::env", "SystemTime::now", "Zoned::now"];

/// Files that act on the world, by path below `src/`; every other file outside `cli`, `world`,
/// `journal` and `bin` decides and is pure.
const ACTORS: &[&str] = &[
    "checklist/live.rs",                 // the world behind the questions
    "checklist/live/line.rs",            // lines and routers behind theirs
    "checklist/live/native.rs",          // services behind theirs
    "checklist/run.rs",                  // asks hosts and networks
    "converter/assisted.rs",             // asks people, and looks at the vCenter
    "inventory/files.rs",                // reads the inventory's folder
    "inventory/secrets.rs",              // looks whether references lead anywhere
    "landing/convert.rs",                // where a clone's files are
    "landing/convert/disks.rs",          // looks at the disks
    "landing/convert/esp.rs",            // mtools
    "landing/convert/inside.rs",         // files below a clone's root
    "landing/convert/mounts.rs",         // mounts of our own
    "landing/convert/linux/run/read.rs", // what is in a clone
    "landing/convert/program.rs",        // programs of this host
    "landing/convert/windows/hivex.rs",  // hivex's programs
    "landing/convert/windows_volume.rs", // the volume of a Windows
    "landing/directory.rs",              // machines in folders
    "landing/directory/lab.rs",          // commands of a laboratory
    "landing/vmdk/files.rs",             // reads disks with their holes
    "landing/vsphere.rs",                // machines of a vCenter
    "landing/vsphere/nfc.rs",            // packs clones
    "landing/vsphere/nfs.rs",            // describes clones
    "landing/vsphere/relocation.rs",     // moves machines to where they stay
    "landing/vsphere/site.rs",           // the vCenter behind them
    "migration/live.rs",                 // the world behind the runner
    "migration/live/converter.rs",       // follows Converter's jobs
    "migration/live/figures.rs",         // the figures of a copy at work, in a file
    "migration/live/last_copy.rs",       // a source that stands still, and for how long
    "migration/live/machines.rs",        // clones and machines at the landing site
    "migration/live/shaping.rs",         // looks at the path once a second
    "migration/live/sight.rs",           // what answers at an address
    "migration/live/under_test.rs",      // waits for a controller under test
    "migration/run/address.rs",          // waits until a new machine gives an address up
    "migration/run/copy.rs",             // waits for a link that was cut
    "migration/run/cutover.rs",          // waits for a source to fall silent
    "survey/run.rs",                     // asks hosts
];

/// The data plane reads disks and writes replicas; these files and folders of it are pure.
const PURE_IN_REPLICA: [&str; 5] =
    ["replica/chunk.rs", "replica/tree.rs", "replica/wire", "replica/map", "replica/sample.rs"];

struct Source {
    /// Path below `src/`, such as `network/render.rs`.
    path: String,
    /// The text without unit tests.
    code: String,
}

impl Source {
    /// The top module it belongs to.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The path of the module, such as `crate::network::render`.
    fn name(&self) -> String {
        format!("crate::{}", self.path.trim_end_matches(".rs").replace('/', "::"))
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&project().join("src"), &project().join("src"), &mut found);
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            found.push(Source { path: path.strip_prefix(root).unwrap().display().to_string(), code });
        }
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The top modules that a source names through `crate::`.
fn named(code: &str) -> BTreeSet<String> {
    code.match_indices("crate::")
        .map(|(at, word)| {
            code[at + word.len()..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
        })
        .filter(|module: &String| floor(module).is_some())
        .collect()
}

#[test]
fn arrows_run_down() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(own) = floor(source.module()) else { continue };
        for module in named(&source.code) {
            if module != source.module() && floor(&module).unwrap() >= own {
                wrong.push(format!("src/{} uses {module}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The code with every path from the crate's root: `super::` resolved, and grouped imports one by one.
fn absolute(source: &Source) -> String {
    let mut code = source.code.clone();
    while let Some(at) = code.find("super::") {
        let levels = code[at..].split("super::").take_while(|between| between.is_empty()).count();
        let folders: Vec<String> = source.name().split("::").map(str::to_owned).collect();
        let above = folders[..folders.len() - levels].join("::");
        code.replace_range(at..at + levels * "super::".len(), &format!("{above}::"));
    }
    let grouped: Vec<String> = code
        .split("use ")
        .skip(1)
        .filter_map(|rest| rest.split_once(';'))
        .map(|(tree, _)| tree.replace(char::is_whitespace, ""))
        .collect();
    grouped.iter().fold(code, |code, tree| code + &leaves("", tree))
}

/// The paths of a tree of imports, each with a semicolon.
fn leaves(above: &str, tree: &str) -> String {
    let Some((stem, rest)) = tree.split_once('{') else { return format!("\n{above}{tree};") };
    let (mut depth, mut start, mut found) = (0, 0, String::new());
    for (at, c) in rest.char_indices() {
        match c {
            ',' | '}' if depth == 0 => {
                found += &leaves(&format!("{above}{stem}"), &rest[start..at]);
                start = at + 1;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// Every module of `names` on a path of the code, the modules above it among them.
fn used(code: &str, names: &BTreeSet<String>) -> BTreeSet<String> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let path: &str = code[at..].split(|c| !is_path(c)).next().unwrap();
        for (end, _) in path.match_indices("::").chain([(path.len(), "")]) {
            found.extend(names.get(&path[..end]).cloned());
        }
    }
    found
}

#[test]
fn no_two_files_import_each_other() {
    let sources = sources();
    let names: BTreeSet<String> = sources.iter().map(Source::name).collect();
    let uses: BTreeMap<String, BTreeSet<String>> =
        sources.iter().map(|source| (source.name(), used(&absolute(source), &names))).collect();
    let mut circles = Vec::new();
    for (one, others) in &uses {
        for other in others.iter().filter(|other| one < *other) {
            let parent = other.starts_with(&format!("{one}::"));
            if !parent && uses[other].contains(one) {
                circles.push(format!("{one} and {other}"));
            }
        }
    }
    assert!(circles.is_empty(), "these import each other: {circles:#?}");
}

#[test]
fn what_decides_is_pure() {
    let acts = |source: &Source| {
        let last = source.path.rsplit('/').next().unwrap();
        ["cli", "world", "journal", "bin", "main", "lib"].contains(&source.module())
            || last == "run.rs"
            || last == "tests.rs"
            || ACTORS.contains(&source.path.as_str())
            || (source.module() == "replica" && !PURE_IN_REPLICA.iter().any(|pure| source.path.starts_with(pure)))
    };
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !acts(source)) {
        for word in IMPURE {
            if source.code.contains(word) {
                wrong.push(format!("src/{} names {word}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "a file that acts belongs into ACTORS with its reason: {wrong:#?}");
}

#[test]
fn only_the_printer_prints() {
    for source in sources().iter().filter(|source| source.path != "cli/ui.rs") {
        for word in ["println!", "print!", "dbg!", "todo!(", "unimplemented!("] {
            assert!(!source.code.contains(word), "src/{} has {word}", source.path);
        }
    }
}

#[test]
fn names_tell_what_is_inside() {
    for source in sources() {
        for part in source.path.trim_end_matches(".rs").split('/') {
            let landfill = ["util", "utils", "common", "helper", "helpers", "manager", "imp", "misc"];
            assert!(!landfill.contains(&part), "src/{}: a name that says nothing", source.path);
        }
    }
}
