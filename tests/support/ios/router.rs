//! The router behind its terminals: configurations, archive, clock, timers.

use super::store::Config;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A router.
pub struct Router {
    pub running: Config,
    /// None after `write erase`.
    pub startup: Option<Config>,
    /// Copies in the archive, oldest first.
    pub archive: Vec<(String, Config)>,
    pub archived: usize,
    /// Other files of its flash: texts.
    pub files: BTreeMap<String, String>,
    /// The change that is to be confirmed.
    pub revert: Option<Revert>,
    /// When it reloads.
    pub reload: Option<Duration>,
    /// Since it started.
    pub now: Duration,
    /// Who holds the configuration lock.
    pub lock: Option<usize>,
    pub serial: String,
    pub model: String,
    pub version: String,
    /// Tracked objects that are down by themselves.
    pub down_tracks: BTreeSet<u32>,
    /// Interfaces without a carrier.
    pub down_interfaces: BTreeSet<String>,
    /// Whether `configure replace` fails after its fifth pass.
    pub replace_fails: bool,
    /// After boot no hardware appears any more.
    pub booted: bool,
    /// What the log says.
    pub log: Vec<String>,
    /// When the running configuration last differed from what was saved.
    pub changed: bool,
    /// HSRP groups of its neighbours: virtual address, priority in effect, own address.
    pub neighbours: Vec<Speaker>,
    /// Whether packets pass its static translations at the moment.
    pub translating: bool,
    /// Who answers a ping, by routing table and address; by its own routes where none is given.
    pub pings: Option<Pings>,
}

/// Who answers a ping.
pub type Pings = Box<dyn Fn(Option<&str>, std::net::Ipv4Addr) -> bool + Send>;

/// A change that reverts by itself.
pub struct Revert {
    pub file: String,
    pub config: Config,
    /// When, or after how long a silence.
    pub due: Duration,
    pub idle: Option<Duration>,
    pub minutes: u64,
    pub set: Duration,
    pub user: String,
    pub warned: bool,
}

/// A router that speaks HSRP.
#[derive(Debug, Clone, PartialEq)]
pub struct Speaker {
    pub vip: String,
    pub group: u32,
    pub priority: i64,
    pub address: std::net::Ipv4Addr,
}

/// What happened as time went by.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Printed on the terminals.
    Said(String),
    /// It is down and up again; sessions are gone.
    Reloaded,
}

pub const MINUTE: Duration = Duration::from_secs(60);

impl Router {
    /// A router that boots with `text` as its running and its startup configuration. The text must
    /// be one that it takes whole.
    pub fn boot(text: &str) -> Self {
        let mut router = Self {
            running: Config::default(),
            startup: None,
            archive: Vec::new(),
            archived: 0,
            files: BTreeMap::new(),
            revert: None,
            reload: None,
            now: Duration::from_secs(3600),
            lock: None,
            serial: "FDO2140A0X1".to_owned(),
            model: "ISR4331/K9".to_owned(),
            version: "17.09.04a".to_owned(),
            down_tracks: BTreeSet::new(),
            down_interfaces: BTreeSet::new(),
            replace_fails: false,
            booted: false,
            log: Vec::new(),
            changed: false,
            neighbours: Vec::new(),
            translating: false,
            pings: None,
        };
        let refused = super::config::load(&mut router, text);
        assert!(refused.is_empty(), "this text is not taken whole:\n{}", refused.join("\n"));
        if router.running.find("version").is_none() {
            super::config::load(&mut router, "version 17.9");
        }
        if router.running.find("hostname").is_none() {
            super::config::load(&mut router, "hostname Router");
        }
        router.booted = true;
        router.startup = Some(router.running.clone());
        router
    }

    pub fn hostname(&self) -> String {
        let line = self.running.find("hostname").map_or("hostname Router", |entry| entry.line.as_str());
        line.trim_start_matches("hostname ").to_owned()
    }

    /// A setting of the archive.
    pub fn archive_setting(&self, name: &str) -> Option<&str> {
        let archive = self.running.find("archive")?;
        archive.entries.iter().find_map(|entry| entry.line.strip_prefix(name)?.strip_prefix(' '))
    }

    /// Saves a copy into the archive; none where it has no path.
    pub fn archive_copy(&mut self) -> Option<String> {
        let path = self.archive_setting("path")?.to_owned();
        let maximum = self.archive_setting("maximum").and_then(|text| text.parse().ok()).unwrap_or(10);
        let stamp = self.stamp().replace([' ', ':'], "-");
        let path = path.replace("$h", &self.hostname()).replace("$t", &stamp);
        let name = format!("{path}-{}", self.archived);
        self.archived += 1;
        self.archive.push((name.clone(), self.running.clone()));
        while self.archive.len() > maximum {
            self.archive.remove(0);
        }
        Some(name)
    }

    /// Day and time as in the log.
    pub fn stamp(&self) -> String {
        let seconds = self.now.as_secs();
        let day = 1 + seconds / 86400 % 28;
        let of_day = seconds % 86400;
        format!(
            "Mar {day:2} {:02}:{:02}:{:02}.{:03}",
            of_day / 3600,
            of_day / 60 % 60,
            of_day % 60,
            self.now.subsec_millis()
        )
    }

    /// Saves the running configuration.
    pub fn save(&mut self) {
        self.startup = Some(self.running.clone());
        self.changed = false;
        if self.archive_setting_is("write-memory") {
            self.archive_copy();
        }
    }

    fn archive_setting_is(&self, line: &str) -> bool {
        self.running.find("archive").is_some_and(|archive| archive.entries.iter().any(|entry| entry.line == line))
    }

    /// Begins a change that reverts after `minutes`, or after as long a silence.
    ///
    /// # Errors
    /// What is printed instead.
    pub fn begin_revert(&mut self, minutes: u64, idle: bool, user: &str) -> Result<String, String> {
        if self.archive_setting("path").is_none() {
            return Err("%Turn config archive on before using Rollback Confirmed Change".to_owned());
        }
        if self.revert.is_some() {
            return Err("%Rollback Confirmed Change is already pending, confirm or revert it first".to_owned());
        }
        let file = self.archive_copy().unwrap_or_default();
        let wait = MINUTE * minutes as u32;
        self.revert = Some(Revert {
            file: file.clone(),
            config: self.running.clone(),
            due: self.now + wait,
            idle: idle.then_some(wait),
            minutes,
            set: self.now,
            user: user.to_owned(),
            warned: false,
        });
        Ok(format!("Rollback Confirmed Change: Backing up current running config to {file}\n"))
    }

    /// Goes back to what the change that is to be confirmed began with.
    pub fn revert_now(&mut self) -> Option<String> {
        let revert = self.revert.take()?;
        self.running = revert.config;
        self.changed = self.startup.as_ref() != Some(&self.running);
        Some(format!(
            "Rollback Confirmed Change: rolling to:{}\n\nTotal number of passes: 1\nRollback Done\n",
            revert.file
        ))
    }

    /// Somebody typed: a timer of silence begins anew.
    pub fn touched(&mut self) {
        let now = self.now;
        if let Some(revert) = &mut self.revert
            && let Some(idle) = revert.idle
        {
            revert.due = now + idle;
            revert.warned = false;
        }
    }

    /// Lets time go by.
    pub fn advance(&mut self, time: Duration) -> Vec<Event> {
        let end = self.now + time;
        let mut events = Vec::new();
        loop {
            let warning =
                self.revert.as_ref().filter(|revert| !revert.warned).map(|revert| revert.due.saturating_sub(MINUTE));
            let revert = self.revert.as_ref().map(|revert| revert.due);
            let next = [warning, revert, self.reload].into_iter().flatten().min().filter(|due| *due <= end);
            let Some(due) = next else { break };
            self.now = self.now.max(due);
            if self.reload.is_some_and(|reload| reload <= due) {
                self.reboot();
                events.push(Event::Reloaded);
            } else if revert.is_some_and(|revert| revert <= due) {
                events.extend(self.revert_now().map(Event::Said));
            } else if let Some(revert) = &mut self.revert {
                revert.warned = true;
                events.push(Event::Said(
                    "Rollback Confirmed Change: Rollback will begin in one minute.\n\
                     Enter \"configure confirm\" if you wish to keep what you've configured\n"
                        .to_owned(),
                ));
            }
        }
        self.now = end;
        events
    }

    /// Starts anew with the startup configuration.
    pub fn reboot(&mut self) {
        self.running = self.startup.clone().unwrap_or_default();
        (self.revert, self.reload, self.lock) = (None, None, None);
        self.changed = false;
    }

    /// Whether the interface carries packets.
    pub fn is_up(&self, name: &str) -> bool {
        let trunk = name.split('.').next().unwrap_or_default();
        let off = |name: &str| {
            let interface = self.running.find(&format!("interface {name}"));
            self.down_interfaces.contains(name)
                || interface.is_none_or(|interface| interface.entries.iter().any(|entry| entry.line == "shutdown"))
        };
        !off(name) && (trunk == name || !off(trunk))
    }

    /// Whether a tracked object is up; one that does not exist is not.
    pub fn track_is_up(&self, number: u32) -> bool {
        let Some(track) = self.running.find(&format!("track {number}")) else { return false };
        if self.down_tracks.contains(&number) {
            return false;
        }
        let words: Vec<&str> = track.line.split(' ').collect();
        match words.as_slice() {
            [_, _, "interface", name, ..] => self.is_up(name),
            [_, _, "ip", "sla", probe, ..] => self.running.find(&format!("ip sla schedule {probe}")).is_some(),
            [_, _, "list", "boolean", kind] => {
                let mut objects = track.entries.iter().filter_map(|entry| {
                    let (number, not) = match entry.line.strip_prefix("object ")?.split_once(' ') {
                        Some((number, _)) => (number, true),
                        None => (&entry.line["object ".len()..], false),
                    };
                    Some(self.track_is_up(number.parse().ok()?) != not)
                });
                if *kind == "and" { objects.all(|up| up) } else { objects.any(|up| up) }
            }
            _ => true,
        }
    }

    /// The HSRP groups that it speaks, on interfaces that are up.
    pub fn speakers(&self) -> Vec<(String, Speaker)> {
        let mut all = Vec::new();
        for interface in self.running.all("interface ") {
            let name = interface.key.trim_start_matches("interface ");
            let address = interface.entries.iter().find_map(|entry| entry.line.strip_prefix("ip address "));
            let Some(address) = address.and_then(|text| text.split(' ').next()?.parse().ok()) else { continue };
            for entry in interface.entries.iter().filter(|_| self.is_up(name)) {
                let words: Vec<&str> = entry.line.split(' ').collect();
                if let ["standby", group, "ip", vip] = words.as_slice() {
                    let group: u32 = group.parse().unwrap_or(0);
                    let priority = self.priority(interface, group);
                    all.push((name.to_owned(), Speaker { vip: (*vip).to_owned(), group, priority, address }));
                }
            }
        }
        all
    }

    fn priority(&self, interface: &super::store::Entry, group: u32) -> i64 {
        let mut priority = 100;
        for entry in &interface.entries {
            let words: Vec<&str> = entry.line.split(' ').collect();
            match words.as_slice() {
                ["standby", own, "priority", value] if own.parse() == Ok(group) => {
                    priority += value.parse::<i64>().unwrap_or(100) - 100
                }
                ["standby", own, "track", object, rest @ ..] if own.parse() == Ok(group) => {
                    let by: i64 = rest.get(1).and_then(|by| by.parse().ok()).unwrap_or(10);
                    if !object.parse().is_ok_and(|object| self.track_is_up(object)) {
                        priority -= by;
                    }
                }
                _ => {}
            }
        }
        priority.max(0)
    }
}
