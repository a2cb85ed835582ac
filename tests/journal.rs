//! The journal: chain, mirror, leases; truncated, killed and raced.

use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use traghetto::journal::{Journal, JournalError, Repair, event};
use traghetto::model::TenantId;

const URL: &str = "sqlite:state.db";

fn cinto() -> TenantId {
    "cinto-caomaggiore".parse().unwrap()
}

fn mirror_file(root: &Path) -> PathBuf {
    root.join("replicas/cinto-caomaggiore/events.jsonl")
}

async fn open(root: &Path) -> Journal {
    Journal::open(URL, root, Some(&root.join("replicas"))).await.unwrap()
}

async fn filled(root: &Path, events: u64) -> Journal {
    let journal = open(root).await;
    for number in 1..=events {
        journal.append(&cinto(), "anna-veneto", "test.happened", json!({ "number": number })).await.unwrap();
    }
    journal
}

#[tokio::test]
async fn lines_form_a_chain_that_sha256sum_proves() {
    let root = tempfile::tempdir().unwrap();
    let journal = filled(root.path(), 3).await;
    let text = std::fs::read_to_string(mirror_file(root.path())).unwrap();
    let events = journal.events(&cinto()).await.unwrap();
    assert_eq!(text.lines().count(), 3);
    assert_eq!(events[0].prev, event::GENESIS);
    let mut before = event::GENESIS.to_owned();
    for (line, event) in text.split_inclusive('\n').zip(&events) {
        assert_eq!(event.prev, before);
        assert_eq!(format!("{}\n", event.line()), line);
        let sum = Command::new("sh")
            .args(["-c", "printf '%s\\n' \"$1\" | sha256sum", "sh", line.trim_end()])
            .output()
            .unwrap();
        before = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
        assert_eq!(event.digest(), before);
    }
    assert!(events[0].time.ends_with("+01:00") || events[0].time.ends_with("+02:00"), "{}", events[0].time);
}

#[tokio::test]
async fn a_hostile_text_stays_on_one_line() {
    let root = tempfile::tempdir().unwrap();
    let journal = open(root.path()).await;
    let text = "a\nb\r\u{0}\u{1b}[31m\u{2028}\"\\{}è";
    journal.append(&cinto(), text, text, json!({ text: text })).await.unwrap();
    let events = open(root.path()).await.events(&cinto()).await.unwrap();
    assert_eq!((events[0].kind.as_str(), events[0].data[text].as_str()), (text, Some(text)));
    assert_eq!(std::fs::read_to_string(mirror_file(root.path())).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn a_mirror_cut_at_any_byte_is_completed_from_the_store() {
    let root = tempfile::tempdir().unwrap();
    drop(filled(root.path(), 4).await);
    let whole = std::fs::read(mirror_file(root.path())).unwrap();
    for length in 0..whole.len() {
        std::fs::write(mirror_file(root.path()), &whole[..length]).unwrap();
        let journal = open(root.path()).await;
        assert_eq!(journal.events(&cinto()).await.unwrap().len(), 4, "cut at {length}");
        assert_eq!(std::fs::read(mirror_file(root.path())).unwrap(), whole, "cut at {length}");
        let kept = whole[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        let mut expected = Vec::new();
        let torn = whole[..length].iter().rev().take_while(|byte| **byte != b'\n').count() as u64;
        if torn > 0 {
            expected.push(Repair::TornLine { tenant: cinto().to_string(), bytes: torn });
        }
        expected.push(Repair::MirrorBehind { tenant: cinto().to_string(), events: 4 - kept });
        assert_eq!(journal.take_repairs(), expected, "cut at {length}");
    }
}

#[tokio::test]
async fn a_mirror_cut_at_any_byte_without_a_store_keeps_every_whole_event() {
    let root = tempfile::tempdir().unwrap();
    drop(filled(root.path(), 3).await);
    let whole = std::fs::read(mirror_file(root.path())).unwrap();
    for length in (0..=whole.len()).step_by(3).chain([whole.len()]) {
        let fresh = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(mirror_file(fresh.path()).parent().unwrap()).unwrap();
        std::fs::write(mirror_file(fresh.path()), &whole[..length]).unwrap();
        let journal = open(fresh.path()).await;
        let kept = whole[..length].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(journal.events(&cinto()).await.unwrap().len(), kept, "cut at {length}");
        let next = journal.append(&cinto(), "anna-veneto", "test.went-on", json!({})).await.unwrap();
        assert_eq!(next.seq, kept as u64 + 1);
    }
}

#[tokio::test]
async fn a_kill_between_mirror_and_store_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let journal = filled(root.path(), 2).await;
    let longer = tempfile::tempdir().unwrap();
    drop(journal);
    // The state a kill leaves: the mirror has event 3, the store has not.
    for file in ["state.db", "state.db-wal"].iter().filter(|file| root.path().join(file).exists()) {
        copy(&root.path().join(file), &longer.path().join(file));
    }
    drop(open(root.path()).await.append(&cinto(), "anna-veneto", "test.third", json!({})).await.unwrap());
    copy(&mirror_file(root.path()), &mirror_file(longer.path()));
    let journal = open(longer.path()).await;
    let events = journal.events(&cinto()).await.unwrap();
    assert_eq!((events.len(), events[2].kind.as_str()), (3, "test.third"));
    assert_eq!(journal.take_repairs(), [Repair::StoreBehind { tenant: cinto().to_string(), events: 1 }]);
    assert_eq!(journal.append(&cinto(), "anna-veneto", "test.fourth", json!({})).await.unwrap().seq, 4);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(from, to).unwrap();
}

#[tokio::test]
async fn any_flipped_bit_inside_the_mirror_is_found() {
    let root = tempfile::tempdir().unwrap();
    drop(filled(root.path(), 3).await);
    let whole = std::fs::read(mirror_file(root.path())).unwrap();
    let journal = open(root.path()).await;
    for at in 0..whole.len() - 1 {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 7);
        std::fs::write(mirror_file(root.path()), &bytes).unwrap();
        let found = journal.events(&cinto()).await;
        assert!(
            matches!(found, Err(JournalError::Broken { .. } | JournalError::Forked { .. })),
            "byte {at}: {found:?}"
        );
        assert_eq!(std::fs::read(mirror_file(root.path())).unwrap(), bytes, "evidence must stay as it was found");
    }
}

#[tokio::test]
async fn two_different_stories_are_never_merged() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(filled(one.path(), 2).await);
    drop(filled(other.path(), 5).await);
    copy(&mirror_file(other.path()), &mirror_file(one.path()));
    let journal = open(one.path()).await;
    let error = journal.append(&cinto(), "anna-veneto", "test.more", json!({})).await.unwrap_err();
    assert!(matches!(error, JournalError::Forked { seq: 1, .. }), "{error:?}");
}

#[tokio::test]
async fn the_url_of_a_database_with_a_password_is_refused_without_showing_it() {
    let root = tempfile::tempdir().unwrap();
    for url in ["postgres://anna:hunter2@db/state", "mysql://anna:hunter2@db", "/var/lib/hunter2", "sqlite:"] {
        let Err(error) = Journal::open(url, root.path(), None).await else { panic!("{url}") };
        let failure = traghetto::failure::Failure::from(error);
        assert_eq!(failure.kind().code(), 2, "{url}");
        assert!(!failure.render().contains("hunter2"), "{}", failure.render());
    }
}

#[tokio::test]
async fn a_store_keeps_its_id() {
    let root = tempfile::tempdir().unwrap();
    let first = open(root.path()).await.store_id().to_owned();
    assert_eq!(open(root.path()).await.store_id(), first);
    assert_eq!(first.len(), 32);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(open(other.path()).await.store_id(), first);
}

#[tokio::test]
async fn a_living_holder_keeps_others_out_until_taken_over() {
    let root = tempfile::tempdir().unwrap();
    let (first, second) = (open(root.path()).await, open(root.path()).await);
    let held = first.lease("tenant/cinto-caomaggiore", "anna-veneto", None).await.unwrap();
    assert!(held.previous().is_none());
    let error = second.lease("tenant/cinto-caomaggiore", "bruno-laguna", None).await.unwrap_err();
    assert!(matches!(&error, JournalError::Held { holder, .. } if holder.operator == "anna-veneto"), "{error:?}");
    assert!(error.to_string().contains(&std::process::id().to_string()));
    // Another tenant is another matter.
    drop(second.lease("tenant/portogruaro", "bruno-laguna", None).await.unwrap());

    first.append_under(&held, &cinto(), "anna-veneto", "test.mine", json!({})).await.unwrap();
    let taken = second.lease("tenant/cinto-caomaggiore", "bruno-laguna", Some("no answer")).await.unwrap();
    assert_eq!(taken.previous().unwrap().operator, "anna-veneto");
    let error = first.append_under(&held, &cinto(), "anna-veneto", "test.late", json!({})).await.unwrap_err();
    assert!(matches!(&error, JournalError::TakenOver { holder, .. } if holder.operator == "bruno-laguna"), "{error:?}");
    second.append_under(&taken, &cinto(), "bruno-laguna", "test.theirs", json!({})).await.unwrap();
    // Notes and signatures are not fenced.
    first.append(&cinto(), "anna-veneto", "note", json!({})).await.unwrap();
    let kinds: Vec<String> = first.events(&cinto()).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["test.mine", "test.theirs", "note"]);

    second.release(taken).await.unwrap();
    assert!(second.holder("tenant/cinto-caomaggiore").await.unwrap().is_none());
    let again = first.lease("tenant/cinto-caomaggiore", "anna-veneto", None).await.unwrap();
    assert!(again.previous().is_none(), "what was given back leaves no name");
}

/// The other side of the process tests below: does nothing unless a test started it.
#[tokio::test]
async fn child_process() {
    let Some(root) = std::env::var_os("TRAGHETTO_TEST_JOURNAL").map(PathBuf::from) else { return };
    let journal = open(&root).await;
    match std::env::var("TRAGHETTO_TEST_ROLE").as_deref() {
        Ok("hold") => {
            let _lease = journal.lease("tenant/cinto-caomaggiore", "anna-veneto", None).await.unwrap();
            std::fs::write(root.join("held"), "").unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        Ok("append") => loop {
            journal.append(&cinto(), "anna-veneto", "test.raced", json!({ "pid": std::process::id() })).await.unwrap();
        },
        _ => {
            for number in 0..100 {
                journal.append(&cinto(), "anna-veneto", "test.raced", json!({ "number": number })).await.unwrap();
            }
        }
    }
}

fn child(root: &Path, role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["journal::child_process", "--exact", "--nocapture"])
        .env("TRAGHETTO_TEST_JOURNAL", root)
        .env("TRAGHETTO_TEST_ROLE", role)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_killed_holder_leaves_the_lease_free_and_its_name() {
    let root = tempfile::tempdir().unwrap();
    let mut holder = child(root.path(), "hold");
    for _ in 0..600 {
        if root.path().join("held").exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let journal = open(root.path()).await;
    let error = journal.lease("tenant/cinto-caomaggiore", "bruno-laguna", None).await.unwrap_err();
    assert!(matches!(error, JournalError::Held { .. }), "{error:?}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let lease = journal.lease("tenant/cinto-caomaggiore", "bruno-laguna", None).await.unwrap();
    assert_eq!(lease.previous().unwrap().operator, "anna-veneto");
}

#[tokio::test]
async fn two_processes_racing_a_hundred_times_each_make_one_chain() {
    let root = tempfile::tempdir().unwrap();
    let mut racers = [child(root.path(), "race"), child(root.path(), "race")];
    for racer in &mut racers {
        assert!(racer.wait().unwrap().success());
    }
    let journal = open(root.path()).await;
    assert_eq!(journal.events(&cinto()).await.unwrap().len(), 200);
    assert_eq!(journal.take_repairs(), []);
}

#[tokio::test]
async fn killed_at_random_moments_it_never_breaks() {
    let root = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..20_u64 {
        let mut writer = child(root.path(), "append");
        tokio::time::sleep(Duration::from_millis(40 + round * 13 % 60)).await;
        writer.kill().unwrap();
        writer.wait().unwrap();
        let now = open(root.path()).await.events(&cinto()).await.unwrap().len();
        assert!(now >= before);
        before = now;
    }
    assert!(before > 20, "only {before} events were written at all");
}
