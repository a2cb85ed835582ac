//! Notices: what people are told, from a state in memory, and who gets it, from whole commands: programs and
//! real HTTP servers that fail, hang, and take. Needs openssh-server.

use crate::support::memory::{Lab, cinto};
use crate::support::town::Town;
use crate::support::{Sandbox, golden};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use traghetto::journal::Event;
use traghetto::migration;
use traghetto::migration::notice::{dies_with_run, event_key, go_back_due, is_near, lte_told, news, settled};
use traghetto::migration::{Class, Forecast, Inputs, Notice, Record, RunState, Seen, Status, StepId, Stop};
use traghetto::model::server::Transfer;
use traghetto::model::window::Window;

const TENANT: &str = "cinto-caomaggiore";

/// The source is quiet at 10:00 in Rome on 1 June 2022; the window began two hours before.
async fn night() -> Lab {
    let mut lab = Lab::with_machines();
    let (from, until) = ("2022-06-01T08:00".parse().unwrap(), "2022-06-01T18:00".parse().unwrap());
    let servers = ["cinto-srv1", "cinto-srv2"].map(|server| server.parse().unwrap()).to_vec();
    lab.inventory.tenants.get_mut(&cinto()).unwrap().windows =
        vec![Window::new(from, until, servers, Window::GO_BACK_PERCENT).unwrap()];
    lab.adopt().await;
    lab.up_to("quiet").await;
    lab
}

async fn events(lab: &Lab) -> Vec<Event> {
    lab.journal().await.events(&cinto()).await.unwrap()
}

async fn seen<T>(lab: &Lab, read: impl FnOnce(&Seen<'_>, &RunState) -> T) -> T {
    let (plan, events) = (lab.plan(), events(lab).await);
    let (state, now) = (RunState::of(&events).unwrap(), *lab.clock.lock().unwrap());
    let status = Status::of(&Inputs {
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
        now,
    });
    let call = ["Anna Veneto (Sistemista Venis, +39 041 555 0101)".to_owned()];
    let tenant = cinto();
    read(&Seen { name: "Comune di Cinto Caomaggiore", tenant: &tenant, status: &status, call: &call, now }, &state)
}

fn page(notice: &Notice) -> String {
    let json = notice.to_json(true);
    assert_eq!(json["text"], notice.text(true));
    let english = notice.text(false);
    let json = serde_json::to_string_pretty(&json).unwrap();
    // What a signature approves follows from the whole plan.
    let digest = notice.key.rsplit(':').next().unwrap();
    let json = if digest.len() == 12 { json.replace(digest, "DIGEST") } else { json };
    format!("{json}\n{english}")
}

#[tokio::test]
async fn what_people_are_told() {
    let lab = night().await;
    golden("migrate/notice-gate.txt", &page(&seen(&lab, |seen, _| Notice::of_gate(seen).unwrap()).await));
    lab.sign("quiet").await;
    let server = "cinto-srv1".parse().unwrap();
    let lte = |seen: &Seen<'_>, _: &RunState| Notice::of_lte(&server, seen.now, seen);
    golden("migrate/notice-lte.txt", &page(&seen(&lab, lte).await));
    let step = StepId("a5.final-sync.cinto-srv1.disk0".to_owned());
    lab.write(Record::StepStarted { step: step.clone(), observed: Value::Null }).await;
    let reason = format!("the link is \u{1b}[31m gone: {}", "x".repeat(5000));
    let hints = vec!["The source is untouched.".to_owned()];
    lab.write(Record::StepFailed { step: step.clone(), reason, hints, class: Class::Unreachable }).await;
    let failed = events(&lab).await.pop().unwrap();
    let failure = |seen: &Seen<'_>, _: &RunState| {
        Notice::of_event(&failed, std::slice::from_ref(&failed), &lab.plan(), seen).unwrap()
    };
    golden("migrate/notice-failure.txt", &page(&seen(&lab, failure).await));
    *lab.clock.lock().unwrap() += SignedDuration::from_mins(3 * 60 + 35);
    let near = |seen: &Seen<'_>, state: &RunState| {
        let windows = &lab.inventory.tenants[&cinto()].windows;
        let due = go_back_due(windows, &lab.plan(), state, seen.now);
        assert_eq!(due.len(), 1, "{due:?}");
        Notice::of_go_back(&due[0], seen)
    };
    golden("migrate/notice-go-back.txt", &page(&seen(&lab, near).await));
    let done = seen(&lab, |seen, _| Notice::of_done("0123456789abcdef", seen)).await;
    assert_eq!((done.key.as_str(), done.servers.len()), ("done:0123456789ab", 0));
    assert!(done.text(true).contains("tutte le attività della migrazione sono concluse"));
}

#[tokio::test]
async fn half_an_hour_before_the_time_to_go_back_and_only_for_servers_on_the_move() {
    let lab = night().await;
    let windows = lab.inventory.tenants[&cinto()].windows.clone();
    let due = |at: &str, state: &RunState| {
        let now = at.parse().unwrap();
        let due = go_back_due(&windows, &lab.plan(), state, now);
        due.into_iter().flat_map(|due| due.servers).map(|server| server.to_string()).collect::<Vec<_>>()
    };
    // The window is from 8 to 18 in Rome, the time to go back at 14: 12:00 in Greenwich.
    let near = |at: &str| is_near(&windows[0], at.parse().unwrap());
    assert!(!near("2022-06-01T11:29:59Z") && near("2022-06-01T11:30:00Z") && near("2022-06-01T11:59:59Z"));
    assert!(!near("2022-06-01T12:00:00Z"));
    assert!(due("2022-06-01T11:30:00Z", &lab.state().await).is_empty(), "nobody is on the move yet");
    lab.sign("quiet").await;
    let moving = lab.state().await;
    assert_eq!(due("2022-06-01T11:30:00Z", &moving), ["cinto-srv1", "cinto-srv2"], "srv3 has no window");
    assert!(due("2022-06-01T11:29:59Z", &moving).is_empty() && due("2022-06-01T12:00:00Z", &moving).is_empty());
    let (server, role) = ("cinto-srv1".parse().unwrap(), "venis-sistemista".parse().unwrap());
    let (by, reason) = ("anna-veneto".parse().unwrap(), "not today".into());
    lab.write(Record::ServerRolledBack { server, role, by, reason }).await;
    assert_eq!(due("2022-06-01T11:30:00Z", &lab.state().await), ["cinto-srv2"], "what was taken back is decided");
}

#[tokio::test]
async fn what_is_news_and_what_was_told() {
    let lab = night().await;
    lab.sign("quiet").await;
    let step = StepId("a5.final-sync.cinto-srv1.disk0".to_owned());
    for why in [Stop::Interrupted, Stop::Waiting] {
        lab.write(Record::StepStarted { step: step.clone(), observed: Value::Null }).await;
        lab.write(Record::StepStopped { step: step.clone(), why }).await;
    }
    let all = events(&lab).await;
    let now = *lab.clock.lock().unwrap();
    let keys: Vec<String> = news(&all, now).filter_map(|event| event_key(event, &all)).collect();
    assert_eq!(keys, [format!("gate:{step}:{}", all.len())], "an interruption is no news");
    assert_eq!(news(&all, now + SignedDuration::from_hours(25)).count(), 0, "nor is what is old");
    assert!(settled(&all).is_empty());
    let key = keys[0].clone();
    lab.write(Record::NoticeSent { key: key.clone(), to: "sms".into(), attempts: 1 }).await;
    let lost = Record::NoticeLost { key: key.clone(), to: "chat".into(), attempts: 6, reason: "no answer".into() };
    lab.write(lost).await;
    let told = settled(&events(&lab).await);
    assert!(told.contains(&(key.clone(), "sms".to_owned())) && told.contains(&(key, "chat".to_owned())));
}

#[tokio::test]
async fn a_step_that_waits_is_told_once_until_somebody_says_that_it_is_done() {
    let lab = night().await;
    let step = StepId("a5.final-sync.cinto-srv1".to_owned());
    let waits = async || {
        lab.write(Record::StepStarted { step: step.clone(), observed: Value::Null }).await;
        lab.write(Record::StepStopped { step: step.clone(), why: Stop::Waiting }).await;
        let all = events(&lab).await;
        event_key(all.last().unwrap(), &all).unwrap()
    };
    let first = waits().await;
    assert_eq!(waits().await, first, "the same run again, the same person");
    let (role, by) = ("venis-sistemista".parse().unwrap(), "anna-veneto".parse().unwrap());
    lab.write(Record::ServerStated {
        server: "cinto-srv2".parse().unwrap(),
        fact: migration::Fact::Finalised,
        role,
        by,
        note: "seen".into(),
    })
    .await;
    assert_eq!(waits().await, first, "that was another server");
    lab.write(Record::StepStarted { step: step.clone(), observed: Value::Null }).await;
    let (reason, hints) = ("it is not so".to_owned(), vec!["Nothing was changed.".to_owned()]);
    lab.write(Record::StepFailed { step: step.clone(), reason, hints, class: Class::CheckFailed }).await;
    let second = waits().await;
    assert_ne!(second, first);
    assert_eq!(waits().await, second);
}

#[tokio::test]
async fn what_the_end_of_a_run_cut_off_is_told_anew_and_lte_no_more_often_than_it_may() {
    let lab = night().await;
    let key = |kind: &str| format!("{kind}:cinto-srv1:2022-06-01T08:00");
    for kind in ["lte", "withdraw", "go-back"] {
        assert!(dies_with_run(&key(kind)));
        let (key, reason) = (key(kind), traghetto::migration::notice::RUN_OVER.to_owned());
        lab.write(Record::NoticeLost { key, to: "sms".into(), attempts: 1, reason }).await;
    }
    assert!(!dies_with_run("gate:quiet:0123") && !dies_with_run("failure:a1.seed:3"));
    let all = events(&lab).await;
    assert!(settled(&all).is_empty() && lte_told(&all).is_empty());
    lab.write(Record::NoticeSent { key: key("lte"), to: "sms".into(), attempts: 1 }).await;
    let all = events(&lab).await;
    let told = lte_told(&all);
    assert_eq!(told.len(), 1);
    assert_eq!(told[&"cinto-srv1".parse().unwrap()], all.last().unwrap().time.parse().unwrap());
}

#[tokio::test]
async fn of_one_that_is_replaced_people_are_told_until_it_does_not_come_back() {
    let lab = night().await;
    lab.sign("quiet").await;
    let (windows, state) = (lab.inventory.tenants[&cinto()].windows.clone(), lab.state().await);
    let now = "2022-06-01T11:45:00Z".parse().unwrap();
    let mut plan = lab.plan();
    let due = |plan: &migration::Plan| {
        let due = go_back_due(&windows, plan, &state, now);
        due.into_iter().flat_map(|due| due.servers).map(|server| server.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(due(&plan), ["cinto-srv1", "cinto-srv2"]);
    plan.servers[0].transfer = Transfer::Replace;
    assert_eq!(due(&plan), ["cinto-srv1", "cinto-srv2"], "the old one may still take its place again");
    // Its demotion, under the id of a step that is done.
    let done = state.steps.iter().find(|(_, step)| step.result().is_some()).unwrap().0.clone();
    let demoted = lab.playbook.manual().find(|manual| manual.no_way_back).unwrap().clone();
    let (server, action) = (Some(plan.servers[0].server.clone()), migration::Action::Manual(Box::new(demoted)));
    plan.steps.push(migration::Step { id: done, activity: 5, server, disk: None, action });
    assert_eq!(due(&plan), ["cinto-srv2"]);
}

/// What an HTTP server does with the request of a number, from 1.
type Answer = fn(usize) -> Option<&'static str>;

/// A server on loopback; what it was asked.
struct Hook {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Hook {
    /// Answers with a status line, or, where there is none, never.
    fn new(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<String>>>::default());
        let heard = asked.clone();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let heard = heard.clone();
                std::thread::spawn(move || hear(stream, answer(number + 1), &heard));
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The bodies that it was sent.
    fn bodies(&self) -> Vec<Value> {
        self.asked()
            .iter()
            .map(|asked| serde_json::from_str(asked.split("\r\n\r\n").nth(1).unwrap()).unwrap())
            .collect()
    }
}

fn hear(mut stream: TcpStream, status: Option<&str>, heard: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
        if line == "\r\n" || line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    heard.lock().unwrap().push(head + &String::from_utf8(body).unwrap());
    match status {
        Some(status) => {
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
        // Until whoever asked has given up.
        None => _ = reader.read(&mut [0]),
    }
}

/// A town whose run stops at its first gate at once, and tells `receivers`.
fn telling(receivers: &str) -> Town {
    let town = Town::new();
    let shaping = "shaping:                                                      #";
    town.sandbox.edit("inventory/project.yaml", shaping, &format!("notify:\n{receivers}{shaping}"));
    town
}

fn log(sandbox: &Sandbox) -> Vec<Value> {
    let log = sandbox.run(&["migrate", "log", TENANT, "--json"]).code(0);
    serde_json::from_str(&log.stdout).unwrap()
}

fn told(sandbox: &Sandbox) -> Vec<(String, Value)> {
    let events = log(sandbox).into_iter().filter(|event| event["kind"].as_str().unwrap().starts_with("notice."));
    events.map(|event| (event["kind"].as_str().unwrap().to_owned(), event["data"].clone())).collect()
}

#[test]
fn a_server_that_fails_twice_gets_the_notice_once_and_the_token_is_nowhere() {
    const TOKEN: &str = "T0k3n-che-nessuno-vede";
    let hook = Hook::new(|number| Some(if number < 3 { "503 Busy" } else { "204 Taken" }));
    let url = format!("http://127.0.0.1:{}/hook/Percorso-Segreto", hook.port);
    let town = telling(&format!("  - {{on: [gate], post: \"{url}\", token: \"env:HOOK_TOKEN\"}}\n"));
    let mut command = town.command(&["run"]);
    let ran = command.env("HOOK_TOKEN", TOKEN).output().unwrap();
    assert_eq!(ran.status.code(), Some(5), "{}", String::from_utf8_lossy(&ran.stderr));
    let asked = hook.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    for asked in &asked {
        assert!(asked.starts_with("POST /hook/Percorso-Segreto HTTP/1.1\r\n"), "{asked}");
        assert!(
            asked.to_lowercase().contains(&format!("authorization: bearer {}\r\n", TOKEN.to_lowercase())),
            "{asked}"
        );
    }
    let body = &hook.bodies()[2];
    assert_eq!((&body["notice"], &body["tenant"]), (&json!("gate"), &json!(TENANT)));
    assert!(body["what"].as_str().unwrap().contains("attende al passaggio landing-ready"), "{body}");
    assert_eq!(body["who"], json!(["Carla Riva (Validatore SAD, +39 041 555 0103)"]));
    assert!(body["command"].as_str().unwrap().starts_with("traghetto migrate sign cinto-caomaggiore landing-ready"));
    let to = format!("http://127.0.0.1:{}", hook.port);
    let data = json!({ "key": body["key"], "to": to, "attempts": 3 });
    assert_eq!(told(&town.sandbox), [("notice.sent".to_owned(), data)]);
    // The same gate again is no news.
    let again = town.command(&["run"]).env("HOOK_TOKEN", TOKEN).output().unwrap();
    assert_eq!((again.status.code(), hook.asked().len()), (Some(5), 3));
    let said = [ran.stdout, ran.stderr, again.stdout, again.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains("T0k3n"), "a token was printed");
    for word in [TOKEN, "Percorso-Segreto"] {
        for folder in [".traghetto", "replicas"] {
            holds_nowhere(&town.sandbox.path().join(folder), word.as_bytes());
        }
    }
}

/// No file below `folder` holds these bytes.
fn holds_nowhere(folder: &std::path::Path, bytes: &[u8]) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds_nowhere(&path, bytes);
        } else {
            let found = std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes);
            assert!(!found, "a secret is in {}", path.display());
        }
    }
}

#[test]
fn a_server_or_a_program_that_hangs_delays_nobody() {
    let hook = Hook::new(|_| None);
    let receivers = format!(
        "  - {{post: \"http://127.0.0.1:{}/\"}}\n  - {{on: [gate], command: [/bin/sh, -c, \"sleep 600\"]}}\n  \
         - {{command: [/bin/sh, -c, \"cat >> told.jsonl\"]}}\n",
        hook.port
    );
    let town = telling(&receivers);
    let begun = Instant::now();
    let ran = town.migrate(&["run"]).code(5);
    // Twenty seconds of grace at the end, and none before.
    assert!(begun.elapsed() < Duration::from_secs(50), "{:?}", begun.elapsed());
    let late = "2 notices are not delivered yet: the next `migrate run` tells them";
    assert!(ran.stderr.contains(late) && ran.stderr.contains("sign gate landing-ready:"), "{}", ran.stderr);
    let lines = std::fs::read_to_string(town.sandbox.path().join("told.jsonl")).unwrap();
    let notice: Value = serde_json::from_str(lines.trim_end()).unwrap();
    assert_eq!(notice["notice"], "gate");
    let told = told(&town.sandbox);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].0.as_str(), &told[0].1["to"]), ("notice.sent", &json!("sh (2)")));
    // The first attempt ended by its own limit, the second with the run.
    assert_eq!(hook.asked().len(), 2);
    // The steps went on meanwhile: between two events of a step nobody was waited for.
    let done = log(&town.sandbox).into_iter().find(|event| event["kind"] == "step.finished").unwrap();
    assert_eq!(done["data"]["step"], "a1.prepare-landing");
}

/// While a receiver hangs the steps go on: the copies of two servers end in less time than one attempt has.
#[test]
fn a_receiver_that_hangs_does_not_hold_up_the_steps() {
    let hook = Hook::new(|_| None);
    let town = telling(&format!("  - {{post: \"http://127.0.0.1:{}/\"}}\n", hook.port));
    std::fs::remove_file(town.sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
    town.sandbox.write("playbooks/copia.yaml", PLAYBOOK);
    std::fs::remove_file(town.disk("cinto-srv1")).unwrap();
    town.migrate(&["run"]).code(1);
    let at = |event: &Value| event["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let log = log(&town.sandbox);
    let failed = log.iter().find(|event| event["kind"] == "step.failed").unwrap();
    let ends: Vec<&Value> = log.iter().filter(|event| event["kind"] == "step.finished").collect();
    assert_eq!(ends.len(), 2, "both other servers were copied");
    let took = at(ends[1]).duration_since(at(failed));
    assert!(took < SignedDuration::from_secs(15), "{took}: as long as an attempt");
    assert!((1..=2).contains(&hook.asked().len()), "it was asked, and did not answer");
    assert!(town.is_equal("cinto-srv2") && town.is_equal("cinto-srv3"));
}

#[test]
fn a_failure_is_told_and_what_a_killed_run_owed_too() {
    let town = telling(
        "  - {on: [failure], command: [/bin/sh, -c, \"cat >> told.jsonl\"]}\n  - {on: [failure], command: [/usr/bin/false]}\n",
    );
    std::fs::remove_file(town.sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
    town.sandbox.write("playbooks/copia.yaml", PLAYBOOK);
    // A source that is not there fails at once.
    let there = town.disk("cinto-srv1");
    std::fs::rename(&there, there.with_extension("away")).unwrap();
    let ran = town.migrate(&["run", "--server", "cinto-srv1"]).code(1);
    let lines = || std::fs::read_to_string(town.sandbox.path().join("told.jsonl")).unwrap_or_default();
    assert_eq!(lines().lines().count(), 1, "{}", ran.stderr);
    let notice: Value = serde_json::from_str(lines().trim_end()).unwrap();
    assert_eq!((&notice["notice"], &notice["servers"]), (&json!("failure"), &json!(["cinto-srv1"])));
    assert!(notice["text"].as_str().unwrap().contains("a1.seed.cinto-srv1.disk0 non riuscito: "), "{notice}");
    assert!(notice["who"][0].as_str().unwrap().starts_with("Anna Veneto"), "{notice}");
    // As a kill leaves it, after the failure and before anybody was told: the next run tells it.
    let events = log(&town.sandbox);
    let failed = events.iter().position(|event| event["kind"] == "step.failed").unwrap();
    let mirror = town.sandbox.path().join("replicas/cinto-caomaggiore/events.jsonl");
    let whole = std::fs::read_to_string(&mirror).unwrap();
    let kept: String = whole.split_inclusive('\n').take(failed + 1).collect();
    std::fs::write(&mirror, kept).unwrap();
    std::fs::remove_dir_all(town.sandbox.path().join(".traghetto")).unwrap();
    let file = mirror.display().to_string();
    town.sandbox.run(&["migrate", "adopt", &file, "--reason", "prova"]).code(0);
    std::fs::rename(there.with_extension("away"), &there).unwrap();
    town.migrate(&["run", "--server", "cinto-srv1"]).code(5);
    let keys: Vec<String> = lines()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["key"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_eq!(keys[0], keys[1], "whoever gets it twice can tell");
}

/// One copy of every disk and a gate.
const PLAYBOOK: &str = "\
playbook: {name: avvisi, source: prova}
activities:
  - {activity: 1, title: {it: Copia, en: Copy}, responsible: [venis-sistemista], executes: [venis-sistemista],
     validates: [sad-validatore], days: [1, 2], steps: [{do: seed},
     {gate: {id: seeded, title: {it: Copiato, en: Copied}}}]}
";

#[test]
fn what_is_refused_for_good_is_written_down_and_told() {
    let hook = Hook::new(|_| Some("410 Gone"));
    let town = telling(&format!("  - {{post: \"http://127.0.0.1:{}/hook\"}}\n", hook.port));
    let ran = town.migrate(&["run"]).code(5);
    assert!(ran.stderr.contains(" did not reach http://127.0.0.1:"), "{}", ran.stderr);
    assert!(ran.stderr.contains("(1 attempts): it answers 410"), "{}", ran.stderr);
    let told = told(&town.sandbox);
    assert_eq!((told[0].0.as_str(), &told[0].1["reason"]), ("notice.lost", &json!("it answers 410")));
    let log = town.migrate(&["log"]).code(0).stdout;
    assert!(log.contains("NOT DELIVERED: it answers 410"), "{log}");
}

/// A town twenty minutes before the time to go back, whose sources are quiet.
fn near_go_back(town: Town) -> Town {
    std::fs::remove_file(town.sandbox.path().join("playbooks/con-me-2.2.1.yaml")).unwrap();
    let quiet =
        "{gate: {id: quiet, title: {it: Fermo, en: Quiet}, reaches: quiet, valid_hours: 4}},\n     {do: final-sync},";
    town.sandbox.write(
        "playbooks/notte.yaml",
        &PLAYBOOK.replace("{do: seed},", &format!("{{do: seed}}, {{do: verify}},\n     {quiet}")),
    );
    // Half of a window of ten hours is over in twenty minutes.
    let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::get("Europe/Rome").unwrap());
    let hour = |minutes: i64| (&now + SignedDuration::from_mins(minutes)).strftime("%Y-%m-%dT%H:%M").to_string();
    let windows = format!("windows:\n  - {{from: {}, until: {}, go_back_percent: 50}}\n", hour(-280), hour(320));
    let file = format!("inventory/tenants/{TENANT}.yaml");
    let text = std::fs::read_to_string(town.sandbox.path().join(&file)).unwrap();
    town.sandbox.write(&file, &format!("{text}{windows}"));
    town.run_to("quiet");
    town.sign("quiet", "sad-validatore", "carla-riva");
    town
}

/// What was told so far.
fn told_lines(town: &Town) -> Vec<Value> {
    let lines = std::fs::read_to_string(town.sandbox.path().join("told.jsonl")).unwrap_or_default();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const TOLD: &str = "  - {on: [go-back], command: [/bin/sh, -c, \"cat >> told.jsonl\"]}\n";

#[test]
fn the_clock_of_a_run_tells_half_an_hour_before_the_time_to_go_back() {
    let town = near_go_back(telling(TOLD));
    assert!(told_lines(&town).is_empty(), "nobody is on the move yet");
    town.migrate(&["run"]);
    let notice = &told_lines(&town)[0];
    let what = notice["what"].as_str().unwrap();
    assert!(
        what.starts_with("cinto-srv1, ") && what.contains(" minuti all'ora limite per tornare indietro ("),
        "{what}"
    );
    assert_eq!(notice["notice"], "go-back");
    town.migrate(&["run"]);
    assert_eq!(told_lines(&town).len(), 1, "it is told once");
}

#[test]
fn where_no_run_is_at_work_the_watch_tells_it() {
    let town = near_go_back(Town::new());
    let watch = ["migrate", "status", TENANT, "--watch", "--notify"];
    let nobody = town.sandbox.run(&watch).code(2).stderr;
    assert!(nobody.contains("nobody is to be told of cinto-caomaggiore"), "{nobody}");
    town.migrate(&["run"]);
    let shaping = "shaping:                                                      #";
    town.sandbox.edit("inventory/project.yaml", shaping, &format!("notify:\n{TOLD}{shaping}"));
    let mut watching = town.sandbox.command(&watch).stdout(std::process::Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let sent = || told(&town.sandbox).iter().any(|(kind, _)| kind == "notice.sent");
    while !sent() && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let service = rustix::process::Pid::from_child(&watching);
    rustix::process::kill_process(service, rustix::process::Signal::TERM).unwrap();
    assert!(watching.wait().unwrap().success());
    let lines = told_lines(&town);
    assert_eq!((lines.len(), &lines[0]["notice"]), (1, &json!("go-back")), "{lines:?}");
    // The run that comes next knows that it was told.
    town.migrate(&["run"]);
    assert_eq!(told_lines(&town).len(), 1);
}

#[test]
fn what_would_leak_is_refused_and_never_repeated() {
    for (receiver, word) in [
        ("{post: \"https://anna:S3greto@chat.example/\"}", "it holds a user or a password"),
        ("{post: \"http://chat.example/S3greto\"}", "it is not encrypted"),
        ("{post: \"https://chat.example/\", token: S3greto}", "written as a reference, never as its value"),
        ("{command: [/bin/true], token: \"env:X\"}", "a command has no token"),
        ("{command: [/bin/true], post: \"https://chat.example/\"}", "command"),
        ("{on: [gat], command: [/bin/true]}", "gat"),
        ("{tenants: [gruar], command: [/bin/true]}", "there is no tenant `gruar`"),
    ] {
        let sandbox = Sandbox::with_project();
        let shaping = "shaping:                                                      #";
        sandbox.edit("inventory/project.yaml", shaping, &format!("notify:\n  - {receiver}\n{shaping}"));
        let ran = sandbox.run(&["inventory", "check"]).code(3);
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains(word) && said.contains("inventory/project.yaml:"), "{receiver}: {said}");
        assert!(!said.contains("S3greto"), "{said}");
    }
}
