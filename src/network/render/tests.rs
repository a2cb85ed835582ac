//! No text of the inventory, whatever it says, reaches a router or ends a line of a page.

use super::*;
use crate::inventory::files::{SourceFile, read_folder};
use crate::inventory::problem::Problems;
use proptest::prelude::*;
use std::sync::OnceLock;

/// The files of an inventory whose second tenant has every kind of text in it.
fn files() -> &'static [SourceFile] {
    static READ: OnceLock<Vec<SourceFile>> = OnceLock::new();
    READ.get_or_init(|| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/estate-21");
        read_folder(&root, &mut Problems::none())
    })
}

const TENANT: &str = "inventory/tenants/borgoseta.yaml";
const PROJECT: &str = "inventory/project.yaml";

/// A text that a file of the network may hold.
#[derive(Debug, Clone)]
struct Text {
    file: &'static str,
    /// Where it stands in the file.
    place: std::ops::Range<usize>,
    /// The key that an error names.
    key: String,
}

/// Every value of the tenant's file, and of the network's block in the project's: a key that comes new
/// into them is tried without anyone adding it here.
fn texts() -> &'static [Text] {
    static FOUND: OnceLock<Vec<Text>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found = Vec::new();
        for file in [PROJECT, TENANT] {
            let content = content(file);
            let (mut at, mut inside) = (0, file == TENANT);
            for line in content.split_inclusive('\n') {
                if file == PROJECT && line.starts_with(|c: char| c.is_ascii_lowercase()) {
                    inside = line.starts_with("network:");
                }
                if inside {
                    values(line, &mut |place, key| {
                        found.push(Text { file, place: at + place.start..at + place.end, key: key.to_owned() });
                    });
                }
                at += line.len();
            }
        }
        found
    })
}

fn content(file: &str) -> String {
    let source = files().iter().find(|source| source.name == file).unwrap();
    String::from_utf8(source.bytes.clone()).unwrap()
}

/// Calls `each` with every value of a line, in a flow mapping or list or on its own, and its key.
fn values(line: &str, each: &mut impl FnMut(std::ops::Range<usize>, &str)) {
    let line = line.split(" #").next().unwrap().trim_end();
    let (mut at, mut key) = (0, "");
    let flow = line.contains(['{', '[']);
    for part in line.split_inclusive(|c| flow && [',', '{', '}', '[', ']'].contains(&c)) {
        let start = at;
        at += part.len();
        let text = part.trim_end_matches([',', '{', '}', '[', ']']);
        let (begin, value) = match text.split_once(": ").or_else(|| text.strip_suffix(':').map(|key| (key, ""))) {
            Some((name, value)) => {
                key = name.trim_start_matches([' ', '-']);
                (name.len() + 2, value)
            }
            None => (0, text),
        };
        let indent = value.len() - value.trim_start().len();
        let value = value.trim();
        let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !value.is_empty() && !key.is_empty() && is_key && !line.starts_with('#') {
            each(start + begin + indent..start + begin + indent + value.len(), key);
        }
    }
}

/// Free texts of documents, and paths of files, which no file of the network holds.
const OF_DOCUMENTS: [&str; 9] =
    ["name", "windows", "linux", "address", "profile", "source", "website", "key", "secrets"];

/// What the engineer's list of such texts was, by key: each of them is found.
#[test]
fn every_text_of_the_network_is_tried() {
    let keys: Vec<&str> = texts().iter().map(|text| text.key.as_str()).collect();
    for key in [
        "hub_name",
        "domain",
        "hub_public",
        "tacacs",
        "syslog",
        "management",
        "operations",
        "converter",
        "vcenter",
        "esxi",
        "aliases",
        "short",
        "id",
        "name",
        "windows",
        "address",
        "profile",
        "apn",
        "vip",
        "pe",
        "cpe",
        "wan",
        "hub_pe",
        "hub_wan",
        "kind",
        "managed_by",
        "prefix",
        "landing",
    ] {
        assert!(keys.contains(&key), "{key}");
    }
    assert!(keys.len() > 80, "{}", keys.len());
}

/// Texts that a router would misread, and any others.
fn hostile() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "a\nno aaa new-model".to_owned(),
        "a\r\nreload".into(),
        "x!y".into(),
        "!".into(),
        "a?".into(),
        "a b".into(),
        "a\u{1b}[2J".into(),
        "a\0b".into(),
        "a\u{7f}".into(),
        "caffè".into(),
        "a\u{202e}b".into(),
        "a\u{2028}b".into(),
        "^C".into(),
        "{{ hostname }}".into(),
        "{% include 'x' %}".into(),
        "<secret:x>".into(),
        "x".repeat(300),
        "X".repeat(300),
        "a;b|c".into(),
        "\"quoted\"".into(),
        "do write erase".into(),
    ]);
    let broken =
        ("[a-zA-Z0-9.-]{0,8}", any::<char>(), "[ -~]{0,8}").prop_map(|(head, c, tail)| format!("{head}{c}{tail}"));
    prop_oneof![known, broken, "\\PC{0,40}", ".{250,310}"]
}

/// `text` as YAML writes it, whatever it says.
fn yaml(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Every text of every stage, and the pages.
fn everything(inventory: &crate::model::Inventory) -> Result<(String, String), String> {
    let tenant = inventory.tenants.values().find(|tenant| tenant.number == 2).unwrap();
    let plan = NetworkPlan::new(inventory, tenant).map_err(|problems| problems.to_string())?;
    let templates = Templates::built_in().unwrap();
    let (mut routers, mut pages) = (String::new(), String::new());
    for stage in Stage::ALL {
        for file in templates.stage(&plan, stage).map_err(|error| error.to_string())? {
            let goes_to = if file.path.ends_with(".ios") { &mut routers } else { &mut pages };
            goes_to.push_str(&file.text);
        }
    }
    routers.push_str(&templates.hub(std::slice::from_ref(&plan), Stage::Before).unwrap().unwrap().text);
    for direction in [Direction::Going, Direction::Back] {
        for kit in templates.kits(&plan, direction).unwrap() {
            pages.push_str(&templates.kit(&kit, Language::Italian).unwrap());
        }
    }
    pages.push_str(&templates.change_request(&templates.request(&plan).unwrap(), Language::Italian).unwrap());
    Ok((routers, pages))
}

/// Words, networks and numbers that are also what the inventory may say there.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/".contains(&byte))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn hostile_texts_end_as_an_error_that_names_the_key(at in 0..texts().len(), text in hostile()) {
        let Text { file, place, key } = &texts()[at];
        let mut sources = files().to_vec();
        let source = sources.iter_mut().find(|source| source.name == *file).unwrap();
        let mut content = content(file);
        content.replace_range(place.clone(), &yaml(&text));
        source.bytes = content.into_bytes();
        let key = key.as_str();
        match crate::inventory::decode(&sources, Problems::none()) {
            Err(problems) => {
                let names = |path: &str| path.split(['.', '[']).rev().take(3).any(|part| part == key) || path.is_empty();
                let named = problems.iter().any(|problem| names(problem.path.as_str()));
                // A word that may stand there can still be missed elsewhere, such as an id.
                prop_assert!(named || is_plain(&text), "{key}: {problems}");
                let shown = problems.to_string();
                prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
            }
            Ok(inventory) => match everything(&inventory) {
                Err(error) => prop_assert!((error.contains(key) || is_plain(&text)) && error.chars().all(|c| c == '\n' || !c.is_control()), "{error}"),
                Ok((routers, pages)) => {
                    prop_assert!(routers.bytes().all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte)));
                    prop_assert!(pages.chars().all(|c| c == '\n' || !c.is_control()));
                    prop_assert!(is_plain(&text) || OF_DOCUMENTS.contains(&key), "{text:?} was taken for {key}");
                    let reached = text.len() > 3 && !is_plain(&text) && (routers.contains(&text) || pages.contains(&text));
                    prop_assert!(!reached, "{text:?} reached a file of the network");
                }
            },
        }
    }

    /// The last gate of all: a text in a value for a router's template, past every check before.
    #[test]
    fn nothing_unprintable_passes_the_last_gate(text in hostile()) {
        let taken = check(&Value::from(vec![text.clone()])).is_ok();
        let safe = text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && !br#"!?"'`\^|"#.contains(&byte));
        prop_assert_eq!(taken, safe);
    }
}
