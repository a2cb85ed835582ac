//! The answer of the script, read into a survey. Pure, and nothing in the answer is believed.

mod network;
mod storage;

use super::{Mark, Survey, System};
use std::collections::BTreeMap;

/// The answer is not one of our script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host did not run the whole script")]
pub struct Malformed;

/// Sections without which a survey says nothing.
const NEEDED: [&str; 2] = ["kernel", "mounts"];

/// Reads what the script printed between the marks.
///
/// # Errors
/// The answer is cut, or comes from something else than our script.
pub fn parse(answer: &[u8], mark: &Mark) -> Result<Survey, Malformed> {
    let text = String::from_utf8_lossy(answer);
    let sections = Sections::read(&text, mark)?;
    let storage = storage::Storage::read(&sections);
    let controller_seen = controller_seen(sections.text("directory"));
    let mut kernel = sections.text("kernel").lines().map(str::trim);
    let mut next = || kernel.next().unwrap_or_default().to_owned();
    let (host_name, release, architecture) = (next(), next(), next());
    Ok(Survey {
        host_name,
        system: system(&sections, release, architecture),
        uptime_seconds: sections.text("running").split('.').next().and_then(|seconds| seconds.parse().ok()),
        disks: storage.disks,
        filesystems: storage.filesystems,
        sources: storage.sources,
        interfaces: network::interfaces(sections.text("interfaces")),
        routes: network::routes(sections.text("routes")),
        name_servers: network::name_servers(sections.text("resolver")),
        ports: network::ports(sections.text("sockets")),
        services: services(sections.text("services")),
        domain_controller: !controller_seen.is_empty(),
        controller_seen,
        unread: sections.failed,
    })
}

/// The framed parts of an answer.
struct Sections<'a> {
    texts: BTreeMap<&'a str, &'a str>,
    failed: Vec<String>,
}

impl<'a> Sections<'a> {
    fn read(text: &'a str, mark: &Mark) -> Result<Self, Malformed> {
        let mut sections = Self { texts: BTreeMap::new(), failed: Vec::new() };
        let (begin, end) = (format!("\n{mark} begin "), format!("\n{mark} end "));
        let mut rest = text;
        while let Some((_, after)) = rest.split_once(begin.as_str()) {
            let (name, after) = after.split_once('\n').ok_or(Malformed)?;
            let (body, after) = after.split_once(end.as_str()).ok_or(Malformed)?;
            let status = after.lines().next().unwrap_or_default();
            sections.texts.insert(name, body);
            if status != "0" {
                sections.failed.push(name.to_owned());
            }
            rest = after;
        }
        let whole = sections.texts.contains_key("sources") && NEEDED.iter().all(|name| !sections.text(name).is_empty());
        if whole { Ok(sections) } else { Err(Malformed) }
    }

    fn text(&self, name: &str) -> &'a str {
        self.texts.get(name).copied().unwrap_or_default()
    }
}

fn system(sections: &Sections<'_>, kernel: String, architecture: String) -> System {
    let release = assignments(sections.text("system"));
    let machine = assignments(sections.text("machine"));
    let known = |name: &str| {
        let value = machine.get(name).filter(|value| !value.is_empty() && *value != "none");
        value.cloned()
    };
    let hardware: Vec<String> = [known("sys_vendor"), known("product_name")].into_iter().flatten().collect();
    let memory = sections.text("machine").lines().find_map(|line| line.strip_prefix("MemTotal:"));
    System {
        name: ["PRETTY_NAME", "NAME"].iter().find_map(|key| release.get(*key)).cloned().unwrap_or_default(),
        kernel,
        architecture,
        virtualisation: known("virtualisation"),
        hardware: (!hardware.is_empty()).then(|| hardware.join(" ")),
        firmware: known("firmware"),
        processors: known("processors").and_then(|count| count.parse().ok()).filter(|count| *count > 0),
        memory: memory.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)),
    }
}

/// Lines `KEY=value` or `KEY="value"`.
fn assignments(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.trim_matches(['"', '\'']).trim().to_owned())).collect()
}

/// Units of systemd, or names of programs behind the line `processes`.
fn services(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.split_whitespace().next());
    let mut names: Vec<String> = lines.filter(|name| *name != "processes").map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Samba says so in its configuration, or there is a directory's database, of Samba or Windows.
fn controller_seen(text: &str) -> Vec<String> {
    let shows = |line: &&str| {
        let role = line.split_once('=').map(|(_, role)| role.trim().to_ascii_lowercase());
        ["sam.ldb", "ntds.dit"].iter().any(|database| line.to_ascii_lowercase().ends_with(database))
            || role.is_some_and(|role| role == "active directory domain controller" || role == "dc")
    };
    text.lines().map(str::trim).filter(shows).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
