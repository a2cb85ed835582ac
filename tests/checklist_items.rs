//! The five checklists as a whole: who signs how much, which sentence is answered, what is compared.

use crate::support::project;
use std::collections::{BTreeMap, BTreeSet};
use traghetto::checklist::{
    AppliesTo, Baselines, Check, Checklist, Moment, Options, Phase, Probe, SENTENCES, Severity, Signatures, Todo, load,
    tasks,
};
use traghetto::inventory;
use traghetto::model::Known;

fn shipped() -> Vec<Checklist> {
    let people = inventory::load(&project()).unwrap().people;
    let all = Phase::ALL.into_iter().map(|phase| load(&project(), phase, &people));
    all.map(|list| list.unwrap_or_else(|problems| panic!("{problems}"))).collect()
}

fn phase(phase: Phase) -> Checklist {
    shipped().into_iter().find(|list| list.phase == phase).unwrap()
}

#[test]
fn every_sentence_of_the_project_document_has_an_item() {
    let lists = shipped();
    let answered: BTreeSet<&str> =
        lists.iter().flat_map(|list| &list.items).flat_map(|item| item.trace.iter().copied()).collect();
    let open: Vec<&str> = SENTENCES.iter().map(|sentence| sentence.id).filter(|id| !answered.contains(id)).collect();
    assert!(open.is_empty(), "no item answers {open:?}");
    for list in &lists {
        for item in &list.items {
            assert!(!item.trace.is_empty(), "{} {} answers no sentence", list.phase, item.id);
        }
    }
}

/// Cinto: three servers, one of them a domain controller, each with a guest.
#[test]
fn a_town_with_three_servers_signs_twenty_five_times_at_most() {
    let inventory = inventory::load(&project()).unwrap();
    let mut tenant = inventory.tenants[&"cinto-caomaggiore".parse().unwrap()].clone();
    if let Known::Known(servers) = &mut tenant.servers {
        assert_eq!(servers.len(), 3);
        for server in servers.iter_mut() {
            server.landing_access = server.access.clone();
        }
    }
    let (signatures, baselines) = (Signatures::default(), Baselines::default());
    let project = &inventory.project;
    let options = Options::whole(project, &signatures, &baselines);
    let mut signed: BTreeMap<String, usize> = BTreeMap::new();
    for list in shipped() {
        for task in tasks(&list, &tenant, &options).into_iter().filter(|task| task.todo == Todo::Sign) {
            let alone = || format!("{} {}", task.item.id, task.subject);
            let together = task.item.sign_with.clone().unwrap_or_else(alone);
            for role in &task.item.roles {
                *signed.entry(format!("{} {together} {role}", list.phase)).or_default() += 1;
            }
        }
    }
    assert!(signed.len() <= 25, "{} signatures: {signed:#?}", signed.len());
    assert!(signed.len() >= 10 && signed.values().sum::<usize>() >= 60, "lists are signed, not left out: {signed:#?}");
}

/// What stays true once somebody has seen it: papers that are signed and registered, disks that are wiped.
const AGELESS: [&str; 10] =
    ["SRC-ORG-02", "SRC-LIC-03", "SRC-ORG-03", "SRC-ORG-04", "NET-26", "D-06", "D-07", "D-08", "D-09", "D-12"];

#[test]
fn what_only_a_person_sees_is_not_believed_for_ever() {
    let lists = shipped();
    let manual = lists.iter().flat_map(|list| &list.items).filter(|item| item.kind() == "manual");
    let (aging, for_ever): (Vec<_>, Vec<_>) = manual.partition(|item| item.valid_for.is_some());
    let for_ever: Vec<&str> = for_ever.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(for_ever.iter().collect::<BTreeSet<_>>(), AGELESS.iter().collect::<BTreeSet<_>>());
    let hours = |id: &str| aging.iter().find(|item| item.id.as_str() == id).and_then(|item| item.valid_for);
    for id in ["SRC-BKP-01", "L-AD-08", "T-ISO-01", "T-ISO-02"] {
        assert_eq!(hours(id).map(|valid| valid.as_secs() / 3600), Some(24), "{id}");
    }
}

#[test]
fn the_landing_has_a_night_and_a_morning_and_needs_both() {
    let landing = phase(Phase::Landing);
    for moment in [Moment::Notte, Moment::Mattina] {
        let blockers = landing.items.iter().filter(|item| item.when == Some(moment));
        assert!(blockers.filter(|item| item.severity == Severity::Blocker).count() >= 4, "{moment:?}");
    }
}

/// What is asked, of which servers and how severely, by the kept key of each item that compares.
fn compared(list: &Checklist) -> BTreeMap<String, (Probe, AppliesTo, Severity)> {
    let mut all = BTreeMap::new();
    for item in &list.items {
        if let Check::Probe { probe, compare: Some(compare), .. } = &item.check {
            let asked = (probe.clone(), item.applies_to.clone(), item.severity);
            let before = all.insert(compare.key.clone(), asked);
            assert!(before.is_none(), "{} keeps `{}` twice", list.phase, compare.key);
        }
    }
    all
}

#[test]
fn what_is_compared_is_asked_in_the_same_way_of_the_same_servers() {
    let (source, landing, test) =
        (compared(&phase(Phase::Source)), compared(&phase(Phase::Landing)), compared(&phase(Phase::Test)));
    assert!(source.len() >= 25, "{}", source.len());
    assert_eq!(source, landing, "the same question before and after, of the same servers and severity");
    assert!(test.len() >= 20 && test.iter().all(|(key, asked)| landing.get(key) == Some(asked)));
}

#[test]
fn scripts_only_read_and_know_no_other_shell() {
    let forbidden = [
        "[[ ",
        "function ",
        "<(",
        "&>",
        "declare ",
        "local ",
        "echo -e",
        " rm ",
        " mv ",
        " cp ",
        "touch ",
        "tee ",
        "chmod ",
        "chown ",
        "systemctl start",
        "systemctl stop",
        "systemctl restart",
        "mount -",
        "umount",
        "kill ",
        "sed -i",
        "> /",
        ">> ",
        ">/etc",
    ];
    for list in shipped() {
        for item in &list.items {
            if let Check::Probe { probe: Probe::Sh { script }, .. } = &item.check {
                let text = script.source().replace(">/dev/null", "");
                let found: Vec<&str> = forbidden.into_iter().filter(|word| text.contains(word)).collect();
                assert!(found.is_empty(), "{} {}: {found:?}", list.phase, item.id);
            }
        }
    }
}
