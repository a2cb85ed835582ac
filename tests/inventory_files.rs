//! The shipped files, their schemas and their decoder say the same; no text makes the loader panic.

use crate::support::project;
use proptest::prelude::*;
use serde_json::{Map, Value};
use traghetto::inventory::files::{SourceFile, read_folder};
use traghetto::inventory::form::{self, Form};
use traghetto::inventory::shape::Shape;
use traghetto::inventory::yaml::{self, Content, Node};
use traghetto::inventory::{Problems, decode, fees, people, project as project_file, tenant};

fn shipped() -> Vec<SourceFile> {
    let mut problems = Problems::none();
    let sources = read_folder(&project(), &mut problems);
    assert!(problems.is_empty(), "{problems}");
    assert_eq!(sources.len(), 24);
    sources
}

fn shape_of(source: &SourceFile) -> Shape {
    match source.name.as_str() {
        "inventory/project.yaml" => project_file::form().shape(),
        "inventory/fees.yaml" => fees::form().shape(),
        "inventory/people.yaml" => people::form().shape(),
        _ => tenant::form().shape(),
    }
}

fn tree(source: &SourceFile) -> Node {
    yaml::parse(&source.name, &source.bytes, &mut Problems::none()).unwrap().root
}

#[test]
fn the_populations_add_up_to_the_printed_total() {
    let inventory = decode(&shipped(), Problems::none()).unwrap();
    let date = inventory.project.population_date;
    let sum: u64 = inventory.tenants.values().map(|tenant| tenant.population_at(date).unwrap().value).sum();
    assert_eq!(sum, 526_711);
    assert_eq!(inventory.tenants.len(), 21);
    assert_eq!(inventory.tenants.values().filter(|tenant| tenant.action_2_2_2).count(), 17);
    assert_eq!(inventory.tenants.values().filter(|tenant| tenant.under_5000).count(), 6);
}

#[test]
fn texts_are_kept_as_written() {
    let text = "a: 030020\nb: 2411.10\nc: 0x10\nd: no\ne: '1'\nf: 2020-01-01\n";
    let root = yaml::parse("x", text.as_bytes(), &mut Problems::none()).unwrap().root;
    let texts: Vec<_> = "abcdef".chars().map(|key| root.get(&key.to_string()).unwrap().text().unwrap()).collect();
    assert_eq!(texts, ["030020", "2411.10", "0x10", "no", "1", "2020-01-01"]);
}

#[test]
fn marks_of_windows_editors_do_no_harm() {
    let sources: Vec<SourceFile> = shipped()
        .into_iter()
        .map(|source| {
            let text = String::from_utf8(source.bytes).unwrap().replace('\n', "\r\n");
            SourceFile { name: source.name, bytes: format!("\u{feff}{text}").into_bytes() }
        })
        .collect();
    let inventory = decode(&sources, Problems::none()).unwrap();
    assert_eq!(inventory, decode(&shipped(), Problems::none()).unwrap());
}

/// A tree as an editor's language server sees it: YAML's core schema.
fn as_json(node: &Node) -> Value {
    match &node.content {
        Content::List(items) => items.iter().map(as_json).collect(),
        Content::Mapping(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), as_json(&entry.node))).collect())
        }
        Content::Scalar { text, plain: true } if text == "true" || text == "false" => Value::Bool(text == "true"),
        Content::Scalar { text, plain: true } => match text.parse::<u64>() {
            Ok(number) => number.into(),
            Err(_) if text.parse::<f64>().is_ok() => text.parse::<f64>().unwrap().into(),
            Err(_) => text.clone().into(),
        },
        Content::Scalar { text, .. } => text.clone().into(),
    }
}

/// What of `schema` does not hold for `value`: the part of JSON Schema that ours use, and a panic
/// on any other word. Patterns are compiled by the decoder's own rule and not looked at here.
fn violation(schema: &Map<String, Value>, value: &Value, path: &str) -> Option<String> {
    schema.iter().find_map(|(word, rule)| {
        let holds = match word.as_str() {
            "$schema" | "title" | "description" | "examples" | "pattern" | "propertyNames" => true,
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_u64(),
                "boolean" => value.is_boolean(),
                other => panic!("type {other}"),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_u64() >= rule.as_u64(),
            "maximum" => value.as_u64() <= rule.as_u64(),
            "minItems" => value.as_array().unwrap().len() as u64 >= rule.as_u64().unwrap(),
            "required" => rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some()),
            "anyOf" => {
                rule.as_array().unwrap().iter().any(|one| violation(one.as_object().unwrap(), value, path).is_none())
            }
            "oneOf" => {
                let all = rule.as_array().unwrap().iter();
                all.filter(|one| violation(one.as_object().unwrap(), value, path).is_none()).count() == 1
            }
            "not" => violation(rule.as_object().unwrap(), value, path).is_some(),
            "allOf" => {
                rule.as_array().unwrap().iter().all(|one| violation(one.as_object().unwrap(), value, path).is_none())
            }
            "items" => {
                let items = value.as_array().unwrap().iter().enumerate();
                return items
                    .map(|(i, item)| violation(rule.as_object().unwrap(), item, &format!("{path}[{i}]")))
                    .find_map(|v| v);
            }
            "properties" => {
                let known = rule.as_object().unwrap();
                return value.as_object().unwrap().iter().find_map(|(key, value)| {
                    violation(known.get(key)?.as_object().unwrap(), value, &format!("{path}.{key}"))
                });
            }
            "additionalProperties" => match rule {
                Value::Bool(false) => {
                    let known = schema["properties"].as_object().unwrap();
                    value.as_object().unwrap().keys().all(|key| known.contains_key(key))
                }
                rule => {
                    return value.as_object().unwrap().iter().find_map(|(key, value)| {
                        violation(rule.as_object().unwrap(), value, &format!("{path}.{key}"))
                    });
                }
            },
            other => panic!("the validator does not know `{other}`"),
        };
        (!holds).then(|| format!("{path}: {word} {rule}"))
    })
}

#[test]
fn shipped_files_hold_under_their_schemas() {
    for source in shipped() {
        let schema = shape_of(&source).schema("test");
        assert_eq!(violation(schema.as_object().unwrap(), &as_json(&tree(&source)), ""), None, "{}", source.name);
    }
}

#[test]
fn schemas_refuse_what_the_decoder_refuses() {
    let source = shipped().into_iter().find(|source| source.name.ends_with("cinto-caomaggiore.yaml")).unwrap();
    let schema = shape_of(&source).schema("test");
    let text = String::from_utf8(source.bytes).unwrap();
    for (from, to) in [
        ("  number: 4 ", "  number: four "),
        ("  short: CINTO", "  shrot: CINTO"),
        ("primary: radio", "primary: radoi"),
        ("os: {windows: Windows Server 2008 R2}", "os: {}"),
        ("size_gb: 80,", "size_gb: 80, size_bytes: 5,"),
        ("{host: 192.0.2.10, user: root,", "{host: 192.0.2.10, user: root, agent: true,"),
    ] {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let bytes = text.replace(from, to).into_bytes();
        let broken = SourceFile { name: source.name.clone(), bytes };
        let violation = violation(schema.as_object().unwrap(), &as_json(&tree(&broken)), "");
        assert!(violation.is_some(), "{to}");
    }
}

/// The tree as text: JSON is YAML, and the decoder does not care for quotes.
fn as_text(node: &Node) -> String {
    match &node.content {
        Content::Scalar { text, .. } => Value::from(text.as_str()).to_string(),
        Content::List(items) => format!("[{}]", items.iter().map(as_text).collect::<Vec<_>>().join(", ")),
        Content::Mapping(entries) => {
            let entry = |entry: &yaml::Entry| format!("{}: {}", Value::from(entry.key.as_str()), as_text(&entry.node));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(",\n"))
        }
    }
}

/// Every place in the tree at which the shape knows a mapping: the way there, and the shape.
fn records<'a>(node: &Node, shape: &'a Shape, path: Vec<usize>, found: &mut Vec<(Vec<usize>, &'a Shape)>) {
    let below = |index: usize| [path.as_slice(), &[index]].concat();
    match (&node.content, shape) {
        (Content::Mapping(entries), Shape::Record(record)) => {
            found.push((path.clone(), shape));
            for (index, entry) in entries.iter().enumerate() {
                let field = record.fields.iter().find(|field| field.name == entry.key).unwrap();
                records(&entry.node, &field.shape, below(index), found);
            }
        }
        (Content::Mapping(entries), Shape::Table { of, .. }) => {
            entries.iter().enumerate().for_each(|(index, entry)| records(&entry.node, of, below(index), found));
        }
        (Content::List(items), Shape::List { of, .. }) => {
            items.iter().enumerate().for_each(|(index, item)| records(item, of, below(index), found));
        }
        (content, Shape::Either(shapes)) => {
            let fits = |shape: &&Shape| match content {
                Content::Mapping(_) => matches!(shape, Shape::Record(_) | Shape::Table { .. }),
                Content::List(_) => matches!(shape, Shape::List { .. }),
                Content::Scalar { .. } => false,
            };
            if let Some(shape) = shapes.iter().find(fits) {
                records(node, shape, path, found);
            }
        }
        _ => {}
    }
}

fn at<'a>(node: &'a mut Node, path: &[usize]) -> &'a mut Node {
    path.iter().fold(node, |node, index| match &mut node.content {
        Content::List(items) => &mut items[*index],
        Content::Mapping(entries) => &mut entries[*index].node,
        Content::Scalar { .. } => unreachable!(),
    })
}

fn problems_of(source: &SourceFile, root: &Node) -> Problems {
    let mut problems = Problems::none();
    let text = as_text(root);
    match source.name.as_str() {
        "inventory/project.yaml" => drop(form::read("x", text.as_bytes(), &project_file::form(), &mut problems)),
        "inventory/fees.yaml" => drop(form::read("x", text.as_bytes(), &fees::form(), &mut problems)),
        "inventory/people.yaml" => drop(form::read("x", text.as_bytes(), &people::form(), &mut problems)),
        _ => drop(form::read("x", text.as_bytes(), &tenant::form(), &mut problems)),
    }
    problems
}

#[test]
fn each_required_key_is_missed_and_each_misspelt_one_found() {
    let mut removed = 0;
    for source in
        shipped().into_iter().filter(|source| !source.name.contains("tenants/") || source.name.contains("cinto"))
    {
        let root = tree(&source);
        assert!(problems_of(&source, &root).is_empty());
        let shape = shape_of(&source);
        let mut found = Vec::new();
        records(&root, &shape, Vec::new(), &mut found);
        for (path, shape) in found {
            let Shape::Record(record) = shape else { unreachable!() };
            for field in &record.fields {
                let mut broken = root.clone();
                let Content::Mapping(entries) = &mut at(&mut broken, &path).content else { unreachable!() };
                let Some(index) = entries.iter().position(|entry| entry.key == field.name) else { continue };
                entries[index].key.push_str("_x");
                let problems = problems_of(&source, &broken).to_string();
                assert!(problems.contains(&format!("unknown key `{}_x`", field.name)), "{}: {problems}", field.name);
                let Content::Mapping(entries) = &mut at(&mut broken, &path).content else { unreachable!() };
                entries.remove(index);
                let problems = problems_of(&source, &broken).to_string();
                let missed = problems.contains(&format!("the key `{}` is missing", field.name));
                assert!(missed || !field.required, "{}: {problems}", field.name);
                removed += usize::from(field.required);
            }
        }
    }
    assert!(removed > 150, "{removed}");
}

/// One change to a file's bytes.
#[derive(Debug, Clone)]
enum Mutation {
    Flip { at: usize, bit: u8 },
    Delete { at: usize, count: usize },
    Insert { at: usize, text: &'static str },
    Truncate { at: usize },
    SwapLines { first: usize, second: usize },
    RepeatLine { line: usize },
}

const INSERTED: [&str; 30] = [
    "&a",
    "*a",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "!",
    "!!map",
    "\t",
    "- ",
    ": ",
    "|",
    ">",
    "%",
    "---\n",
    "...\n",
    "\n",
    "#",
    "? ",
    "<<: ",
    "\u{feff}",
    "è",
    "\0",
    "\u{1b}[2J",
    "@",
    "`",
    ",",
    "999999999999999999999",
];

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = || any::<usize>();
    prop_oneof![
        (at(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        (at(), 1_usize..40).prop_map(|(at, count)| Mutation::Delete { at, count }),
        (at(), prop::sample::select(INSERTED.to_vec())).prop_map(|(at, text)| Mutation::Insert { at, text }),
        at().prop_map(|at| Mutation::Truncate { at }),
        (at(), at()).prop_map(|(first, second)| Mutation::SwapLines { first, second }),
        at().prop_map(|line| Mutation::RepeatLine { line }),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    let lines = |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    match *mutation {
        Mutation::Flip { at, bit } => bytes[at % length] ^= 1 << bit,
        Mutation::Delete { at, count } => drop(bytes.drain(at % length..(at % length + count).min(length))),
        Mutation::Insert { at, text } => drop(bytes.splice(at % length..at % length, text.bytes())),
        Mutation::Truncate { at } => bytes.truncate(at % length),
        Mutation::SwapLines { first, second } => {
            let mut lines = lines(bytes);
            let count = lines.len();
            lines.swap(first % count, second % count);
            *bytes = lines.concat();
        }
        Mutation::RepeatLine { line } => {
            let mut lines = lines(bytes);
            let line = line % lines.len();
            lines.insert(line, lines[line].clone());
            *bytes = lines.concat();
        }
    }
}

/// Each problem is inside its file and can be shown on a terminal.
fn assert_sound(sources: &[SourceFile], problems: &Problems) {
    assert!(!problems.is_empty());
    for problem in problems.iter() {
        let shown = problem.to_string();
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
        let Some(place) = problem.place else { continue };
        let source = sources.iter().find(|source| source.name == problem.file).unwrap();
        let lines = String::from_utf8_lossy(&source.bytes).split(['\n', '\r']).count();
        assert!((1..=lines).contains(&place.line) && place.column >= 1, "{shown} of {lines} lines");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_load_or_are_refused_with_a_place(
        file in 0_usize..24,
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        // Cinto's file is by far the richest: every other case is in it.
        let mut sources = shipped();
        let rich = sources.iter().position(|source| source.name.contains("cinto")).unwrap();
        let index = if file % 2 == 0 { rich } else { file };
        for mutation in &mutations {
            mutate(&mut sources[index].bytes, mutation);
        }
        if let Err(problems) = decode(&sources, Problems::none()) {
            assert_sound(&sources, &problems);
        }
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let source = SourceFile { name: "x".into(), bytes };
        let mut problems = Problems::none();
        if yaml::parse("x", &source.bytes, &mut problems).is_none() {
            assert_sound(&[source], &problems);
        }
    }

    #[test]
    fn any_signs_are_parsed_or_refused(text in r#"[-a:?&*!|>%@`'"{}\[\], \n\t#<~.0é]{0,200}"#) {
        let source = SourceFile { name: "x".into(), bytes: text.into_bytes() };
        let mut problems = Problems::none();
        if yaml::parse("x", &source.bytes, &mut problems).is_none() {
            assert_sound(&[source], &problems);
        }
    }
}
