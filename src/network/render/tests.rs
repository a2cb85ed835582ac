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

/// Every text that a file of the network may hold: file, what stands there, and the key that an error names.
const TEXTS: [(&str, &str, &str); 22] = [
    (PROJECT, "hub_name: sad-ce-1", "hub_name"),
    (PROJECT, "domain: con.me.example", "domain"),
    (PROJECT, "hub_public: 203.0.113.10", "hub_public"),
    (PROJECT, "tacacs: 10.255.10.40", "tacacs"),
    (PROJECT, "syslog: 10.255.10.20", "syslog"),
    (PROJECT, "management: 10.255.10.0/24", "management"),
    (PROJECT, "operations: 10.255.20.10", "operations"),
    (TENANT, "short: BORGOSETA", "short"),
    (TENANT, "id: borgoseta\n", "id"),
    (TENANT, "name: Comune di Borgoseta", "name"),
    (TENANT, "id: borgoseta-dc", "id"),
    (TENANT, "windows: Windows Server 2008 R2", "windows"),
    (TENANT, "id: municipio", "id"),
    (TENANT, "address: Piazza Inventata 2", "address"),
    (TENANT, "profile: Link Radio", "profile"),
    (TENANT, "apn: apn2.example", "apn"),
    (TENANT, "vip: 192.168.1.254", "vip"),
    (TENANT, "pe: 10.128.2.1", "pe"),
    (TENANT, "kind: endian", "kind"),
    (TENANT, "managed_by: us", "managed_by"),
    (TENANT, "prefix: 192.168.1.0/24", "prefix"),
    (TENANT, "landing: keep", "landing"),
];

/// Free texts of documents, which no file of the network holds.
const OF_DOCUMENTS: [&str; 4] = ["name", "windows", "address", "profile"];

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
    fn hostile_texts_end_as_an_error_that_names_the_key(at in 0..TEXTS.len(), text in hostile()) {
        let (file, old, key) = TEXTS[at];
        let (name, _) = old.split_once(": ").unwrap();
        let new = format!("{name}: {}{}", yaml(&text), if old.ends_with('\n') { "\n" } else { "" });
        let mut sources = files().to_vec();
        let source = sources.iter_mut().find(|source| source.name == file).unwrap();
        let content = String::from_utf8(source.bytes.clone()).unwrap();
        prop_assert!(content.contains(old), "{old}");
        // In a flow mapping or on a line of its own: the value is quoted either way.
        source.bytes = content.replacen(old, &new, 1).into_bytes();
        match crate::inventory::decode(&sources, Problems::none()) {
            Err(problems) => {
                let named = problems.iter().any(|problem| problem.path.as_str().ends_with(key) || problem.path.as_str().is_empty());
                prop_assert!(named, "{problems}");
                let shown = problems.to_string();
                prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
            }
            Ok(inventory) => match everything(&inventory) {
                Err(error) => prop_assert!(error.contains(key) && error.chars().all(|c| c == '\n' || !c.is_control()), "{error}"),
                Ok((routers, pages)) => {
                    prop_assert!(routers.bytes().all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte)));
                    prop_assert!(pages.chars().all(|c| c == '\n' || !c.is_control()));
                    prop_assert!(is_plain(&text) || OF_DOCUMENTS.contains(&key), "{text:?} was taken for {old}");
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
