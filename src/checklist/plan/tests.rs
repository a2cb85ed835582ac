//! What is asked of whom, on the project's own inventory and checklists.

use super::*;

use crate::checklist::{Baselines, load};
use crate::inventory;
use crate::model::server::Addressing;
use crate::model::{Inventory, TenantId};
use std::path::Path;

fn project() -> Inventory {
    inventory::load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn cinto(inventory: &Inventory) -> Tenant {
    inventory.tenants[&"cinto-caomaggiore".parse::<TenantId>().unwrap()].clone()
}

fn planned(phase: Phase, inventory: &Inventory, tenant: &Tenant) -> Vec<Task> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checklist = load(root, phase, &inventory.people).unwrap();
    let signatures = Signatures::default();
    tasks(&checklist, tenant, &Options::whole(&inventory.project, &signatures, &Baselines::default()))
}

fn todo<'a>(tasks: &'a [Task], item: &str, of: &str) -> &'a Todo {
    let found = tasks.iter().find(|task| task.item.id.as_str() == item && task.subject.to_string() == of);
    &found.unwrap_or_else(|| panic!("{item} of {of}")).todo
}

fn servers(tenant: &mut Tenant) -> &mut Vec<Server> {
    match &mut tenant.servers {
        Known::Known(servers) => servers,
        Known::Unknown => panic!("Cinto's servers are known"),
    }
}

#[test]
fn without_a_way_to_the_copy_its_items_are_errors_and_people_are_asked_all_the_same() {
    let inventory = project();
    let tenant = cinto(&inventory);
    for phase in [Phase::Test, Phase::Landing] {
        let tasks = planned(phase, &inventory, &tenant);
        assert!(tasks.iter().any(|task| matches!(task.todo, Todo::Sign)));
        for task in tasks.iter().filter(|task| task.item.scope == Scope::Server) {
            match (&task.todo, &task.item.check) {
                (Todo::Sign, Check::Manual { .. }) | (Todo::Skip(_), _) => {}
                (Todo::Impossible(reason), _) => assert!(reason.contains("landing_"), "{reason}"),
                // Its address is the copy's once it has landed, and until then the source's.
                (Todo::Ask(asked), _) => {
                    assert!(phase == Phase::Landing && asked.question.script().is_none(), "{task:?}")
                }
                _ => panic!("{task:?}"),
            }
        }
    }
}

#[test]
fn with_a_guest_its_own_access_is_asked() {
    let inventory = project();
    let mut tenant = cinto(&inventory);
    let guest = &mut servers(&mut tenant)[0];
    let mut access = guest.access.clone().unwrap();
    access.host = "198.51.100.7".into();
    guest.landing_access = Some(access);
    let tasks = planned(Phase::Landing, &inventory, &tenant);
    let Todo::Ask(asked) = todo(&tasks, "L-AD-18", "cinto-srv1") else { panic!("not asked") };
    assert_eq!(asked.question, Question::Tcp { host: "198.51.100.7".into(), port: 464 });
    assert_eq!(todo(&tasks, "L-VM-05", "cinto-srv1"), &Todo::Skip("not for Windows Server 2008 R2".into()));
    assert_eq!(todo(&tasks, "L-APP-01", "-"), &Todo::Sign);
}

#[test]
fn a_windows_runs_no_scripts_but_its_rescue_system_does() {
    let inventory = project();
    let mut tenant = cinto(&inventory);
    let tasks = planned(Phase::Source, &inventory, &tenant);
    let Todo::Ask(asked) = todo(&tasks, "SRC-RSC-01", "cinto-srv1") else { panic!("not asked") };
    let Question::Sh { script, .. } = &asked.question else { panic!("no script") };
    assert!(script.contains("in '/dev/sda'; do"), "{script}");
    servers(&mut tenant)[0].transfer = Transfer::Converter;
    let tasks = planned(Phase::Source, &inventory, &tenant);
    assert!(matches!(todo(&tasks, "SRC-RSC-01", "cinto-srv1"), Todo::Skip(_)));
}

#[test]
fn a_windows_is_asked_over_winrm_or_ssh_and_never_its_rescue_system() {
    let inventory = project();
    let mut tenant = cinto(&inventory);
    let server = &mut servers(&mut tenant)[0];
    let scene = |phase, server: &Server| {
        let scene =
            Scene { phase, tenant: &cinto(&inventory), project: &inventory.project, baselines: &Baselines::default() };
        scene.powershell(server)
    };
    assert_eq!(scene(Phase::Source, server), None, "what answers at `access` is a rescue system");
    server.transfer = Transfer::Converter;
    let over_ssh = server.access.clone().map(ScriptAccess::PowerShellOverSsh);
    assert!(over_ssh.is_some());
    assert_eq!(scene(Phase::Source, server), over_ssh);
    let password = crate::model::server::SecretRef::Env("W".into());
    let winrm = |host: &str| crate::model::server::WinrmAccess {
        host: host.into(),
        port: 5985,
        user: "D\\u".into(),
        password: password.clone(),
        certificate: None,
    };
    server.winrm = Some(winrm("192.0.2.1"));
    assert_eq!(scene(Phase::Source, server), Some(ScriptAccess::Winrm(winrm("192.0.2.1"))));
    assert_eq!(scene(Phase::Landing, server), None);
    server.landing_winrm = Some(winrm("198.51.100.1"));
    assert_eq!(scene(Phase::Landing, server), Some(ScriptAccess::Winrm(winrm("198.51.100.1"))));
}

#[test]
fn a_windows_that_a_rescue_system_moves_is_asked_while_it_runs() {
    let inventory = project();
    let mut tenant = cinto(&inventory);
    servers(&mut tenant)[0].access.as_mut().unwrap().host = "198.51.100.9".into();
    let tasks = planned(Phase::Source, &inventory, &tenant);
    for item in ["SRC-WIN-01", "SRC-WIN-33", "SRC-AD-13", "SRC-AD-30"] {
        let todo = todo(&tasks, item, "cinto-srv1");
        assert!(matches!(todo, Todo::Impossible(reason) if reason.contains("`winrm`")), "{item}: {todo:?}");
    }
    let Todo::Ask(asked) = todo(&tasks, "SRC-AD-10", "cinto-srv1") else { panic!("not asked") };
    let directory = Question::Tcp { host: "192.0.2.10".into(), port: 389 };
    assert_eq!(asked.question, directory, "not of its rescue system");
}

#[test]
fn what_the_inventory_does_not_know_is_never_skipped() {
    let inventory = project();
    let mut tenant = cinto(&inventory);
    servers(&mut tenant)[0].access = None;
    let tasks = planned(Phase::Source, &inventory, &tenant);
    assert!(matches!(todo(&tasks, "SRC-RSC-01", "cinto-srv1"), Todo::Impossible(reason) if reason.contains("access")));
    tenant.servers = Known::Unknown;
    tenant.sites = Known::Unknown;
    let tasks = planned(Phase::Network, &inventory, &tenant);
    assert!(matches!(todo(&tasks, "NET-01", "-"), Todo::Impossible(reason) if reason.ends_with("know the sites")));
}

#[test]
fn one_router_has_no_standby_and_a_jump_host_hides_a_server() {
    let inventory = project();
    let mut tenant = cinto(&inventory);
    if let Known::Known(sites) = &mut tenant.sites {
        sites[0].lan.as_mut().unwrap().standby = None;
    }
    let tasks = planned(Phase::Network, &inventory, &tenant);
    assert_eq!(todo(&tasks, "NET-03", "municipio"), &Todo::Skip("one router carries both lines".into()));
    let guest = &mut servers(&mut tenant)[0];
    let mut access = guest.access.clone().unwrap();
    access.via = guest.access.clone().map(Box::new);
    guest.landing_access = Some(access);
    let tasks = planned(Phase::Landing, &inventory, &tenant);
    let todo = todo(&tasks, "L-AD-18", "cinto-srv1");
    assert!(matches!(todo, Todo::Impossible(reason) if reason.contains("jump host")), "{todo:?}");
}

/// Cinto's first server as a Linux that can be asked in every phase.
fn linux(tenant: &mut Tenant) -> &mut Server {
    let server = &mut servers(tenant)[0];
    server.os = Os::Linux("Debian 12".into());
    server.transfer = Transfer::Agent;
    server.landing_access = server.access.clone();
    server
}

#[test]
fn the_way_of_a_service_is_asked_where_the_local_firewall_is_the_gateway() {
    let inventory = project();
    let mut tenant = cinto(&inventory);
    linux(&mut tenant);
    tenant.saas[0].probe = Some("http://utente@halley.example:8080/login".into());
    let script = |todo: &Todo| match todo {
        Todo::Ask(Inquiry { question: Question::Sh { script, .. }, .. }) => script.clone(),
        other => panic!("{other:?}"),
    };
    let items = [(Phase::Source, "SRC-NET-10"), (Phase::Network, "NET-28"), (Phase::Landing, "L-NET-14")];
    for (phase, item) in items {
        let script = script(todo(&planned(phase, &inventory, &tenant), item, "cinto-srv1"));
        assert!(script.contains("in 'dime.cittametropolitana.ve.it' 'halley.example'; do"), "{script}");
        assert!(script.contains("= '192.0.2.1' ]"), "{script}");
    }
    linux(&mut tenant).landing = Addressing::Renumber("10.64.17.10".parse().unwrap());
    assert!(!script(todo(&planned(Phase::Source, &inventory, &tenant), "SRC-NET-10", "cinto-srv1")).is_empty());
    let landed = planned(Phase::Landing, &inventory, &tenant);
    for item in ["L-NET-14", "L-NET-15"] {
        let todo = todo(&landed, item, "cinto-srv1");
        assert!(matches!(todo, Todo::Skip(reason) if reason.contains("new address")), "{todo:?}");
    }
    tenant.saas[0].probe = Some("https://[2001:db8::1]/".into());
    let tasks = planned(Phase::Source, &inventory, &tenant);
    let asked = todo(&tasks, "SRC-NET-10", "cinto-srv1");
    assert!(matches!(asked, Todo::Impossible(reason) if reason.contains("`probe`")), "{asked:?}");
    tenant.saas.iter_mut().for_each(|saas| saas.probe = None);
    let tasks = planned(Phase::Source, &inventory, &tenant);
    let asked = todo(&tasks, "SRC-NET-10", "cinto-srv1");
    assert!(matches!(asked, Todo::Skip(reason) if reason.contains("`probe`")), "{asked:?}");
}

#[test]
fn the_addresses_that_are_kept_are_those_of_one_lan() {
    let inventory = project();
    let mut tenant = cinto(&inventory);
    linux(&mut tenant);
    let others: Vec<String> = servers(&mut tenant)[1..].iter().map(|server| server.address.to_string()).collect();
    servers(&mut tenant)[1].landing = Addressing::Keep;
    servers(&mut tenant)[2].landing = Addressing::Renumber("10.64.17.10".parse().unwrap());
    let tasks = planned(Phase::Network, &inventory, &tenant);
    let Todo::Ask(asked) = todo(&tasks, "NET-30", "cinto-srv1") else { panic!("not asked") };
    let Question::Sh { script, .. } = &asked.question else { panic!("no script") };
    assert!(script.contains(&format!("in '192.0.2.10' '{}'; do", others[0])), "{script}");
}
