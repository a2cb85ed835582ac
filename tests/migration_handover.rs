//! The pages of the night, from a state in memory with a clock of its own.

use crate::support::memory::{Lab, cinto};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use traghetto::migration::{Forecast, Handover, Inputs, Record, RunState, Status};
use traghetto::model::window::Window;

async fn read<T>(lab: &Lab, read: impl FnOnce(&Inputs<'_>) -> T) -> T {
    let (plan, events) = (lab.plan(), lab.journal().await.events(&cinto()).await.unwrap());
    let state = RunState::of(&events).unwrap();
    read(&Inputs {
        plan: &plan,
        forecast: &Forecast::default(),
        state: &state,
        events: &events,
        people: &lab.inventory.people,
        holder: None,
        replicas: &BTreeMap::new(),
        live: None,
        unsigned: &[],
        windows: &lab.inventory.tenants[&cinto()].windows,
        now: *lab.clock.lock().unwrap(),
    })
}

/// The source is quiet at 10:00 in Rome on 1 June 2022, two hours after the window began; the plan is signed.
async fn night() -> Lab {
    let mut lab = Lab::with_machines();
    let (from, until) = ("2022-06-01T08:00".parse().unwrap(), "2022-06-01T18:00".parse().unwrap());
    lab.inventory.tenants.get_mut(&cinto()).unwrap().windows =
        vec![Window::new(from, until, Vec::new(), Window::GO_BACK_PERCENT).unwrap()];
    lab.adopt().await;
    lab.up_to("quiet").await;
    lab
}

#[tokio::test]
async fn the_page_for_the_next_shift() {
    let lab = night().await;
    lab.write(Record::Note { text: "elevator out of order".into() }).await;
    lab.later(1);
    let now = *lab.clock.lock().unwrap();
    let page = read(&lab, |inputs| {
        Handover::of("Comune", inputs, &Status::of(inputs), now - SignedDuration::from_hours(12)).unwrap().page()
    });
    let page = page.await;
    assert!(page.it.starts_with("Consegna del turno: Comune, "), "{}", page.it);
    let titles = ["Done since 2022-05-31 23:00", "Running", "Waiting", "Risks", "Remarks", "Next", "Contacts"];
    let at: Vec<_> = titles.iter().map(|title| page.en.find(&format!("\n{title}\n"))).collect();
    assert!(at.iter().all(Option::is_some) && at.is_sorted(), "{at:?}: {}", page.en);
    for told in [
        "a3.seed.cinto-srv1.disk0 done",
        "gate landing-ready signed by carla-riva (sad-validatore)",
        "gate quiet waits for ",
        "time to go back: 2022-06-01 14:00",
        "anna-veneto: elevator out of order",
        "traghetto migrate sign cinto-caomaggiore quiet --role ",
        "Anna Veneto (Sistemista Venis, +39 041 555 0101)",
    ] {
        assert!(page.en.contains(told), "{told}: {}", page.en);
    }
    let nothing = read(&lab, |inputs| Handover::of("Comune", inputs, &Status::of(inputs), now).unwrap()).await;
    assert!(nothing.done.is_empty() && nothing.remarks.is_empty(), "all of it was earlier");
}

#[tokio::test]
async fn the_window_and_what_is_safe_are_in_the_status() {
    let lab = night().await;
    let status = read(&lab, |inputs| serde_json::to_value(Status::of(inputs)).unwrap()).await;
    assert_eq!(status["window"]["from"], "2022-06-01T08:00:00.000+02:00");
    assert_eq!(status["window"]["go_back_at"], "2022-06-01T14:00:00.000+02:00");
    assert_eq!(status["next"]["by"], status["window"]["go_back_at"]);
    assert!(status["safe"][1]["en"].as_str().unwrap().contains("as ever"), "{}", status["safe"]);
    lab.sign("quiet").await;
    let status = read(&lab, |inputs| serde_json::to_value(Status::of(inputs)).unwrap()).await;
    assert!(status["safe"][1]["en"].as_str().unwrap().contains("go back at once"), "{}", status["safe"]);
    assert!(status["not_safe"][1]["en"].as_str().unwrap().contains("start services"), "{}", status["not_safe"]);
    lab.memory.with(|world| {
        for server in ["cinto-srv1", "cinto-srv2", "cinto-srv3"] {
            world.sources_off.insert(server.to_owned());
            world.routed.insert(server.to_owned());
        }
    });
    lab.later(5);
    let status = read(&lab, |inputs| serde_json::to_value(Status::of(inputs)).unwrap()).await;
    let what = status["next"]["what"]["en"].as_str().unwrap();
    assert!(what.contains("final-sync would end 2022-06-01 15:00, after 2022-06-01 14:00"), "{what}");
}
