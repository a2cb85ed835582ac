//! What people agree on before a move, and sign by its SHA-256: windows, servers and their order, ways, addresses,
//! services, when one goes back, whom to call, and whether the quiet period or the plan's days give way. Pure.
//!
//! Nothing that is measured and no present time is in it: the text changes only where inventory or playbook do.

use super::playbook::Playbook;
use crate::digest::sha256;
use crate::model::bilingual::Bilingual;
use crate::model::calendar::{Term, rome};
use crate::model::project::Prevails;
use crate::model::server::{Addressing, Server, ServerRole};
use crate::model::tenant::Tenant;
use crate::model::{Inventory, PersonId, ServerId, TenantId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The terms of a cutover.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CutoverTerms {
    /// Whose.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// Name of the playbook.
    pub playbook: String,
    /// Name of the landing site.
    pub landing: String,
    /// The hours in which servers move; none are any hour.
    pub windows: Vec<AgreedWindow>,
    /// The servers in the order in which they move.
    pub servers: Vec<AgreedServer>,
    /// What speaks for going back.
    pub go_back_if: [GoBackIf; 6],
    /// Whom to call, by id.
    pub contacts: Vec<AgreedContact>,
    /// The quiet period before disks are wiped, and the plan's days.
    pub quiet: AgreedQuiet,
}

/// Hours in which servers move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgreedWindow {
    /// Its begin, in Rome.
    pub from: String,
    /// Its end.
    pub until: String,
    /// By when every last copy is made.
    pub copied_by: String,
    /// When people decide whether to go back.
    pub go_back_at: String,
    /// The servers that may move in it; none are all.
    pub servers: Vec<ServerId>,
}

/// A server that moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgreedServer {
    /// Its id.
    pub server: ServerId,
    /// Its system.
    pub system: String,
    /// What it does.
    pub roles: Vec<ServerRole>,
    /// Services that are stopped by name before its last copy.
    pub services_stop: Vec<String>,
    /// How it is moved.
    pub transfer: &'static str,
    /// How its directory service is moved, for a domain controller.
    pub directory: Option<&'static str>,
    /// What equality is shown by.
    pub proof: &'static str,
    /// Its address in the town.
    pub address: Ipv4Addr,
    /// Where its address is after the move.
    pub addressing: &'static str,
    /// The address of its copy.
    pub landing_address: Ipv4Addr,
    /// Servers that move before it.
    pub after: Vec<ServerId>,
}

/// Somebody who is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgreedContact {
    /// Who.
    pub person: PersonId,
    /// Name as printed.
    pub name: String,
    /// Titles of the roles that the person holds.
    pub roles: Vec<String>,
    /// Phone or mail; none is unknown.
    pub contact: Option<String>,
}

/// The quiet period before disks are wiped, and what prevails where the plan's days end first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgreedQuiet {
    /// From the acceptance of the landing to the wiping of the first disk.
    pub quiet_before_wipe: Term,
    /// The six activities.
    pub plan: Term,
    /// What prevails where both cannot be kept.
    pub prevails: Prevails,
}

/// What speaks for going back (rollback criteria of the landing checklist). People decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GoBackIf {
    /// The last copy was not made by the hour that the window names for the copies.
    NotCopiedInTime,
    /// A machine does not come into service.
    MachineSilent,
    /// A blocking item of the landing checklist is red in three runs.
    BlockerRedThreeTimes,
    /// The directory went back, cannot be found, or a database is not consistent: one run is enough.
    DirectoryOrDatabaseRed,
    /// More than 2 % of packets are lost for 10 minutes.
    PacketsLost,
    /// More than 20 % of the users cannot log on.
    UsersLockedOut,
}

impl GoBackIf {
    /// All of them, in the order of a night.
    pub const ALL: [GoBackIf; 6] = [
        GoBackIf::NotCopiedInTime,
        GoBackIf::MachineSilent,
        GoBackIf::BlockerRedThreeTimes,
        GoBackIf::DirectoryOrDatabaseRed,
        GoBackIf::PacketsLost,
        GoBackIf::UsersLockedOut,
    ];

    /// In a sentence.
    pub fn words(self) -> Bilingual {
        let (it, en) = match self {
            GoBackIf::NotCopiedInTime => (
                "l'ultima copia non è conclusa entro l'ora «copie concluse» della finestra",
                "the last copy is not made by the hour named for the copies",
            ),
            GoBackIf::MachineSilent => (
                "una macchina al data center non entra in servizio",
                "a machine at the landing site does not come into service",
            ),
            GoBackIf::BlockerRedThreeTimes => (
                "una voce bloccante della checklist di atterraggio non è superata in tre esecuzioni",
                "a blocking item of the landing checklist is red in three runs",
            ),
            GoBackIf::DirectoryOrDatabaseRed => (
                "la directory è tornata indietro o non si trova, o una base dati non è coerente (L-AD-05, L-AD-09, L-DB-01): basta una volta",
                "the directory went back or cannot be found, or a database is not consistent (L-AD-05, L-AD-09, L-DB-01): once is enough",
            ),
            GoBackIf::PacketsLost => {
                ("si perde più del 2 % dei pacchetti per 10 minuti", "more than 2 % of packets are lost for 10 minutes")
            }
            GoBackIf::UsersLockedOut => {
                ("più del 20 % degli utenti non accede", "more than 20 % of the users cannot log on")
            }
        };
        Bilingual { it: it.to_owned(), en: en.to_owned() }
    }
}

impl CutoverTerms {
    /// The terms that inventory and playbook give; `servers` stand in the order in which they move.
    pub fn new(inventory: &Inventory, tenant: &Tenant, playbook: &Playbook, servers: &[&Server]) -> Self {
        let terms = &inventory.project.terms;
        Self {
            tenant: tenant.id.clone(),
            name: tenant.name.clone(),
            playbook: playbook.name.clone(),
            landing: inventory.project.landing.name.clone(),
            windows: windows(tenant),
            servers: servers.iter().map(|server| agreed(server)).collect(),
            go_back_if: GoBackIf::ALL,
            contacts: contacts(inventory, tenant),
            quiet: AgreedQuiet {
                quiet_before_wipe: terms.quiet_before_wipe,
                plan: terms.plan,
                prevails: terms.prevails,
            },
        }
    }

    /// The terms as a file: indented JSON.
    pub fn text(&self) -> String {
        written(&self.record())
    }

    /// SHA-256 of [`CutoverTerms::text`]: what a gate with `signs: cutover` approves beside the plan.
    pub fn digest(&self) -> String {
        sha256(self.text().as_bytes())
    }

    /// The digest of terms that the journal keeps.
    pub fn digest_of(record: &Value) -> String {
        sha256(written(record).as_bytes())
    }

    /// The terms as the journal keeps them beside a signature.
    pub fn record(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What differs from terms that were signed, a line each.
    pub fn changes_from(&self, old: &Value) -> Vec<String> {
        let new = self.record();
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        leaves(old, "", &mut before);
        leaves(&new, "", &mut after);
        let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
        paths.sort();
        paths.dedup();
        let changed = |path: &&String| before.get(*path) != after.get(*path);
        let told = |path: &String| match (before.get(path), after.get(path)) {
            (Some(old), Some(new)) => format!("{path}: {old} becomes {new}"),
            (None, Some(new)) => format!("{path}: {new} is new"),
            (Some(old), None) => format!("{path}: {old} is gone"),
            (None, None) => String::new(),
        };
        let mut changes: Vec<String> = paths.into_iter().filter(changed).map(told).collect();
        let (was, is) = (order(old), order(&new));
        let same_servers = was.iter().all(|server| is.contains(server)) && was.len() == is.len();
        if was != is && same_servers {
            changes.push(format!("order of the servers: {} becomes {}", was.join(", "), is.join(", ")));
        }
        changes
    }
}

fn written(record: &Value) -> String {
    // Plain data: writing it cannot fail.
    format!("{}\n", serde_json::to_string_pretty(record).unwrap_or_default())
}

fn order(terms: &Value) -> Vec<&str> {
    terms["servers"].as_array().into_iter().flatten().filter_map(|server| server["server"].as_str()).collect()
}

/// Every scalar with its way to it; what stands in a list goes by its id, where it has one.
fn leaves(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| leaves(value, &below(key), found)),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            let words: Vec<String> = items.iter().map(scalar).collect();
            found.insert(path.to_owned(), format!("[{}]", words.join(", ")));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = ["server", "person"].iter().find_map(|key| item[*key].as_str());
                leaves(item, &below(&name.map_or_else(|| (index + 1).to_string(), str::to_owned)), found);
            }
        }
        scalar_value => _ = found.insert(path.to_owned(), scalar(scalar_value)),
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn windows(tenant: &Tenant) -> Vec<AgreedWindow> {
    let agreed = tenant.windows.iter().map(|window| AgreedWindow {
        from: in_rome(window.from()),
        until: in_rome(window.until()),
        copied_by: in_rome(window.copied_by()),
        go_back_at: in_rome(window.go_back_at()),
        servers: window.servers().to_vec(),
    });
    agreed.collect()
}

fn in_rome(at: Timestamp) -> String {
    at.to_zoned(rome()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn agreed(server: &Server) -> AgreedServer {
    AgreedServer {
        server: server.id.clone(),
        system: server.os.to_string(),
        roles: server.roles.clone(),
        services_stop: server.services_stop.clone(),
        transfer: server.transfer.word(),
        directory: server.directory.map(|way| way.word()),
        proof: server.transfer.proof(),
        address: server.address,
        addressing: match server.landing {
            Addressing::Keep => "keep",
            Addressing::Renumber(_) => "renumber",
            Addressing::RoutesOnly => "routes_only",
        },
        landing_address: server.landing_address(),
        after: server.after.clone(),
    }
}

/// Everybody who holds a role for the tenant.
fn contacts(inventory: &Inventory, tenant: &Tenant) -> Vec<AgreedContact> {
    let people = &inventory.people;
    let of_tenant = people.persons.values().map(|person| AgreedContact {
        person: person.id.clone(),
        name: person.name.clone(),
        roles: person
            .roles
            .iter()
            .filter(|role| person.holds(role, &tenant.id))
            .map(|role| people.roles.get(role).map_or(role.as_str(), |role| role.title.as_str()).to_owned())
            .collect(),
        contact: person.contact.clone(),
    });
    of_tenant.filter(|person| !person.roles.is_empty()).collect()
}
