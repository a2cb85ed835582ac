//! `traghetto inventory check`: every problem of everything that people wrote below the root.

use crate::checklist::{self, Phase};
use crate::cli::Context;
use crate::failure::{Failure, Kind};
use crate::inventory::problem::{Complaint, KeyPath, Problem, nearest, quoted_list};
use crate::inventory::{self, Problems, files, secrets};
use crate::migration;
use crate::model::Inventory;
use serde_json::json;

const PLAYBOOKS: &str = "playbooks";
const CHECKLISTS: &str = "checklists";

/// What was found good.
struct Good {
    inventory: Inventory,
    playbooks: usize,
    checklists: usize,
}

/// The problems are the data of this command: they go to stdout.
pub(super) fn run(with_secrets: bool, context: &Context) -> Result<(), Failure> {
    match everything(with_secrets, context) {
        Ok(good) => {
            if context.json {
                let tenants = good.inventory.tenants.len();
                let (playbooks, checklists) = (good.playbooks, good.checklists);
                context.ui.json(&json!({
                    "ok": true, "tenants": tenants, "playbooks": playbooks, "checklists": checklists, "problems": [],
                }));
            } else {
                context.ui.data(&summary(&good));
            }
            Ok(())
        }
        Err(problems) => {
            if context.json {
                context.ui.json(&json!({"ok": false, "problems": problems}));
            } else {
                let lines: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
                context.ui.data(&lines);
            }
            Err(Failure::new(Kind::Invalid, problems.count())
                .hint("Checks between files run on the files that are good by themselves: check again after mending."))
        }
    }
}

/// Checklists name roles, so they are checked once people.yaml can be read.
fn everything(with_secrets: bool, context: &Context) -> Result<Good, Problems> {
    let root = &context.root;
    let mut problems = Problems::none();
    let inventory = inventory::load(root).map_err(|found| problems.append(found)).ok();
    let playbooks = names(PLAYBOOKS, context, &mut problems);
    for name in &playbooks {
        match files::read_file(root, name) {
            Ok(file) => problems.append(migration::decode(name, &file.bytes).err().unwrap_or_default()),
            Err(error) => problems.push(whole(name, Complaint::new(format!("cannot be read: {error}")))),
        }
    }
    let checklists = names(CHECKLISTS, context, &mut problems);
    for name in &checklists {
        match (phase(name), &inventory) {
            (Ok(phase), Some(inventory)) => {
                problems.append(checklist::load(root, phase, &inventory.people).err().unwrap_or_default());
            }
            (Ok(_), None) => {}
            (Err(complaint), _) => problems.push(whole(name, complaint)),
        }
    }
    if let Some(inventory) = inventory.as_ref().filter(|_| with_secrets) {
        problems.append(secrets::check(root, inventory).err().unwrap_or_default());
    }
    let (playbooks, checklists) = (playbooks.len(), checklists.len());
    problems.or(inventory.map(|inventory| Good { inventory, playbooks, checklists }))
}

/// The YAML files of a folder below the root; a folder that is not there has none.
fn names(folder: &str, context: &Context, problems: &mut Problems) -> Vec<String> {
    match files::yaml_files(&context.root, folder) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.push(whole(folder, Complaint::new(format!("cannot be read: {error}"))));
            Vec::new()
        }
    }
}

/// The phase that the name of a checklist says.
fn phase(name: &str) -> Result<Phase, Complaint> {
    let stem = name.strip_prefix(CHECKLISTS).and_then(|name| name.strip_prefix('/')).unwrap_or(name);
    let words: Vec<String> = Phase::ALL.iter().map(Phase::to_string).collect();
    let is_meant = |word: &str| stem.strip_suffix(".yaml") == Some(word);
    if let Some(phase) = Phase::ALL.into_iter().find(|phase| is_meant(&phase.to_string())) {
        return Ok(phase);
    }
    let words = || words.iter().map(String::as_str);
    let hint = match nearest(stem.trim_end_matches(".yaml"), words()) {
        Some(meant) => format!("did you mean {meant}.yaml?"),
        None => format!("name it after its phase: {}; the suffix is .yaml", quoted_list(words())),
    };
    Err(Complaint::new("no phase has this name, so nothing reads the file").hint(hint))
}

fn whole(name: &str, complaint: Complaint) -> Problem {
    Problem::new(name, None, KeyPath::root(), complaint)
}

fn summary(good: &Good) -> String {
    let all = || good.inventory.tenants.values();
    let servers: usize = all().filter_map(|tenant| tenant.servers.known()).map(Vec::len).sum();
    let sites: usize = all().filter_map(|tenant| tenant.sites.known()).map(Vec::len).sum();
    let (tenants, persons) = (all().count(), good.inventory.people.persons.len());
    let (playbooks, checklists) = (good.playbooks, good.checklists);
    format!(
        "no problem: tenants {tenants}, servers {servers}, sites {sites}, persons {persons}, playbooks {playbooks}, \
         checklists {checklists}\n"
    )
}
