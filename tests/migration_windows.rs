//! The hours of a move over an in-memory world: nothing of it begins outside of a window, or too late to go
//! back, unless both sides have signed it.

use crate::support::memory::{Lab, cinto};
use traghetto::migration::{Class, Ending, Record};
use traghetto::model::people::Side;
use traghetto::model::window::Window;

const SERVERS: [&str; 3] = ["cinto-srv1", "cinto-srv2", "cinto-srv3"];

/// Everything is ready and the source quiet, at 10:00 in Rome on 1 June 2022; in these windows.
async fn quiet(windows: &[(&str, &str, &[&str])]) -> Lab {
    let mut lab = Lab::with_machines();
    let agreed = windows.iter().map(|(from, until, servers)| {
        let servers = servers.iter().map(|server| server.parse().unwrap()).collect();
        Window::new(from.parse().unwrap(), until.parse().unwrap(), servers, Window::GO_BACK_PERCENT).unwrap()
    });
    // Agreed before they are signed at gate `move-planned`.
    lab.inventory.tenants.get_mut(&cinto()).unwrap().windows = agreed.collect();
    lab.adopt().await;
    lab.up_to("quiet").await;
    lab.sign("quiet").await;
    lab.memory.with(|world| {
        world.acts.clear();
        world.sources_off.extend(SERVERS.map(str::to_owned));
        world.routed.extend(SERVERS.map(str::to_owned));
        world.no_witness = false;
    });
    lab
}

async fn waits(lab: &Lab) -> Vec<(String, String, Vec<String>)> {
    let Ending::Blocked(troubles) = lab.run().await else { panic!("nothing may begin") };
    assert!(troubles.iter().all(|(_, trouble)| trouble.class == Class::Waiting));
    troubles.iter().map(|(step, trouble)| (step.to_string(), trouble.reason(), trouble.hints.clone())).collect()
}

fn acts(lab: &Lab) -> Vec<String> {
    lab.memory.with(|world| world.acts.clone())
}

async fn agree(lab: &Lab, side: Side, by: &str, operator: &str) {
    let (server, role) = ("cinto-srv1".parse().unwrap(), "venis-sistemista".parse().unwrap());
    let record = Record::WindowWaived { server, role, side, by: by.parse().unwrap(), note: "agreed".into() };
    lab.write_as(operator, record).await;
}

#[tokio::test]
async fn nothing_of_the_move_begins_before_its_window() {
    let lab = quiet(&[("2022-06-03T20:00", "2022-06-04T06:00", &[])]).await;
    let seen = waits(&lab).await;
    assert_eq!(seen[0].0, "a5.final-sync.cinto-srv1.disk0");
    assert_eq!(seen[0].1, "cinto-srv1 moves in its window only: the next opens 2022-06-03 20:00");
    assert!(seen[0].2[0].starts_with("Nothing was begun."), "{:?}", seen[0].2);
    assert!(acts(&lab).is_empty());
    let begun = lab.journal().await.events(&cinto()).await.unwrap();
    let begun = begun.iter().filter(|event| event.data["step"] == "a5.final-sync.cinto-srv1.disk0").count();
    assert_eq!(begun, 0, "what waits was not begun");
}

#[tokio::test]
async fn a_server_without_a_window_waits_while_another_moves() {
    let lab = quiet(&[("2022-06-01T09:00", "2022-06-01T19:00", &["cinto-srv1"])]).await;
    let seen = waits(&lab).await;
    assert_eq!(seen[0].0, "a5.fence.cinto-srv1", "its window is open");
    let (server, role) = ("cinto-srv1".parse().unwrap(), "venis-sistemista".parse().unwrap());
    let (by, reason) = ("anna-veneto".parse().unwrap(), "not today".into());
    lab.later(1);
    lab.write(Record::ServerRolledBack { server, role, by, reason }).await;
    let seen = waits(&lab).await;
    let other = seen.iter().find(|(step, _, _)| step.contains("cinto-srv2")).unwrap();
    assert_eq!(other.1, "cinto-srv2 moves in its window only: the inventory has no further one");
    assert!(!acts(&lab).iter().any(|act| act.contains("cinto-srv2")));
}

#[tokio::test]
async fn after_the_time_to_go_back_both_sides_sign_or_nothing_begins() {
    let lab = quiet(&[("2022-06-01T02:00", "2022-06-01T12:00", &["cinto-srv1"])]).await;
    let late = "cinto-srv1: final-sync would end at 2022-06-01 10:00, after 2022-06-01 08:00 (the time to go back)";
    assert_eq!(waits(&lab).await[0].1, late);
    let hints = waits(&lab).await[0].2.join(" ");
    assert!(hints.contains("migrate rollback") && hints.contains("sign cinto-caomaggiore late --server cinto-srv1"));
    agree(&lab, Side::Operator, "anna-veneto", "anna-veneto").await;
    assert_eq!(waits(&lab).await[0].1, late, "one side is not enough");
    agree(&lab, Side::Comune, "anna-veneto", "elena-ponte").await;
    assert_eq!(waits(&lab).await[0].1, late, "one person is not two sides");
    agree(&lab, Side::Comune, "elena-ponte", "anna-veneto").await;
    assert_eq!(waits(&lab).await[0].1, late, "one operator is not two sides");
    assert!(acts(&lab).is_empty());
    agree(&lab, Side::Comune, "elena-ponte", "elena-ponte").await;
    let Ending::Blocked(_) = lab.run().await else { panic!("srv2 has no window") };
    assert!(acts(&lab).contains(&"copy cinto-srv1".to_owned()), "{:?}", acts(&lab));
}

#[tokio::test]
async fn the_word_of_both_sides_is_of_one_night() {
    let lab = quiet(&[("2022-06-01T02:00", "2022-06-01T12:00", &[])]).await;
    agree(&lab, Side::Operator, "anna-veneto", "anna-veneto").await;
    agree(&lab, Side::Comune, "elena-ponte", "elena-ponte").await;
    lab.later(11);
    let state = lab.state().await;
    let now = || *lab.clock.lock().unwrap();
    assert!(state.both_agreed_late(&"cinto-srv1".parse().unwrap(), now()));
    lab.later(2);
    assert!(!state.both_agreed_late(&"cinto-srv1".parse().unwrap(), now()));
}

#[tokio::test]
async fn without_windows_servers_move_at_any_hour() {
    let lab = quiet(&[]).await;
    lab.run().await;
    assert!(acts(&lab).contains(&"copy cinto-srv1".to_owned()));
}
