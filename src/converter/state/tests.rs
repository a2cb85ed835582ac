use super::*;
use crate::model::converter::{FaultSeen, TaskSeen};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn seen() -> JobSeen {
    JobSeen {
        key: "job-1".to_owned(),
        standing: Standing::Active,
        task: None,
        error: None,
        finalize: false,
        changed: at(0),
        started: None,
        completed: None,
        due: None,
        digest: None,
    }
}

fn task(percent: u8, incremental: bool) -> Option<TaskSeen> {
    Some(TaskSeen { queued: false, percent: Some(percent), incremental, rate: None })
}

fn now(seen: &JobSeen) -> ConverterState {
    Follower::default().next(seen, at(9_999))
}

#[test]
fn a_job_goes_through_its_life() {
    assert_eq!(now(&JobSeen { standing: Standing::Suspended, ..seen() }), ConverterState::Suspended { copied: false });
    assert_eq!(now(&seen()), ConverterState::Queued);
    let queued = TaskSeen { queued: true, percent: None, incremental: false, rate: None };
    assert_eq!(now(&JobSeen { task: Some(queued), ..seen() }), ConverterState::Queued);
    let cloning = JobSeen { task: task(40, false), started: Some(at(1)), ..seen() };
    assert_eq!(now(&cloning), ConverterState::Cloning { percent: 40 });
    let idle = JobSeen { started: Some(at(1)), completed: Some(at(2)), ..seen() };
    assert_eq!(now(&idle), ConverterState::Idle);
    let due = JobSeen { due: Some(at(3)), changed: at(3), ..idle.clone() };
    assert_eq!(now(&due), ConverterState::Synchronising { percent: 0 });
    let syncing = JobSeen { task: task(7, true), started: Some(at(3)), ..idle.clone() };
    assert_eq!(now(&syncing), ConverterState::Synchronising { percent: 7 });
    let last = JobSeen { finalize: true, changed: at(5), started: Some(at(6)), task: task(50, true), ..idle.clone() };
    assert_eq!(now(&last), ConverterState::FinalSync { percent: 50 });
    let done = JobSeen { task: None, completed: Some(at(7)), ..last };
    assert_eq!(now(&done), ConverterState::Done);
    assert_eq!(now(&JobSeen { standing: Standing::Deactivated, ..done }), ConverterState::Done);
}

#[test]
fn an_earlier_synchronisation_is_never_the_last_one() {
    let idle = JobSeen { started: Some(at(1)), completed: Some(at(2)), ..seen() };
    // Asked for, not begun: neither due, nor at work, nor done.
    let asked = JobSeen { finalize: true, changed: at(5), ..idle.clone() };
    assert_eq!(now(&asked), ConverterState::FinalSync { percent: 0 });
    // Asked for while another was at work, which ended after.
    let before = JobSeen { started: Some(at(4)), completed: Some(at(6)), ..asked.clone() };
    assert_eq!(now(&before), ConverterState::FinalSync { percent: 0 });
    let at_work = JobSeen { task: task(90, true), completed: Some(at(2)), ..before.clone() };
    assert_eq!(now(&at_work), ConverterState::Synchronising { percent: 90 });
    // Ended by somebody before it began.
    assert_eq!(now(&JobSeen { standing: Standing::Deactivated, ..asked }), ConverterState::Stopped);
    assert_eq!(now(&JobSeen { standing: Standing::Deactivated, ..before }), ConverterState::Stopped);
    // Begun and failed.
    let error = Some(FaultSeen { kind: "ConverterClone".to_owned(), message: "VSS snapshot".to_owned() });
    let failed =
        JobSeen { finalize: true, changed: at(5), started: Some(at(6)), completed: Some(at(7)), error, ..idle };
    assert!(matches!(now(&failed), ConverterState::Failed { cause: Cause::Snapshot, .. }));
}

#[test]
fn what_failed_is_told_with_what_is_safe() {
    let fault = |kind: &str, message: &str| FaultSeen { kind: kind.to_owned(), message: message.to_owned() };
    let failed = |error| JobSeen { error: Some(error), started: Some(at(1)), completed: Some(at(2)), ..seen() };
    let mut follower = Follower::default();
    let running = JobSeen { task: task(97, false), started: Some(at(1)), ..seen() };
    assert_eq!(follower.next(&running, at(1)), ConverterState::Cloning { percent: 97 });
    // The server says nothing of use: the percent says it.
    let state = follower.next(&failed(fault("ConverterClone", "unknown error")), at(2));
    assert!(matches!(state, ConverterState::Failed { cause: Cause::Reconfigure, .. }), "{state:?}");
    assert!(state.message().it.contains("non serve ripetere la copia"));
    for (kind, message, cause) in [
        ("ConverterReconfiguration", "", Cause::Reconfigure),
        (
            "ConverterClone",
            "Unable to create a VSS snapshot of the source volume(s). Error code: 2147754754",
            Cause::Snapshot,
        ),
        ("ConverterNfcConnection", "", Cause::Connection),
        ("InvalidLogin", "", Cause::Account),
        ("RequestCanceled", "", Cause::Cancelled),
        ("ConverterClone", "?", Cause::Other),
    ] {
        assert_eq!(Cause::of(&fault(kind, message), Some(10)), cause, "{kind} {message}");
        let message = now(&failed(fault(kind, message))).message();
        assert!(!cause.safe().it.is_empty() && message.en.contains(&cause.safe().en), "{message:?}");
        assert!(message.it.contains(&cause.next().it), "{message:?}");
    }
}

#[test]
fn a_copy_that_stands_still_is_noticed_and_not_stopped() {
    let mut follower = Follower::default();
    let at_two = JobSeen { task: task(2, false), started: Some(at(0)), ..seen() };
    assert_eq!(follower.next(&at_two, at(0)), ConverterState::Cloning { percent: 2 });
    assert_eq!(follower.next(&at_two, at(1799)), ConverterState::Cloning { percent: 2 });
    let stalled = follower.next(&at_two, at(1800));
    assert_eq!(stalled, ConverterState::Stalled { percent: 2, cause: Cause::Duplex });
    assert_eq!(stalled.activity(), Activity::FirstCopy);
    // It moves again.
    let at_three = JobSeen { task: task(3, false), started: Some(at(0)), ..seen() };
    assert_eq!(follower.next(&at_three, at(1900)), ConverterState::Cloning { percent: 3 });
    let later = follower.next(&at_three, at(5000));
    assert_eq!(later, ConverterState::Stalled { percent: 3, cause: Cause::Stalled });
}

#[test]
fn a_target_that_is_on_or_connected_is_unsafe() {
    let target = |powered_on, connected, busy| TargetSeen { powered_on, connected, busy };
    assert_eq!(ConverterState::of_target(None), ConverterState::NotBegun);
    assert_eq!(ConverterState::of_target(Some(target(false, 0, true))), ConverterState::ByHand { busy: true });
    for danger in [target(true, 0, false), target(false, 1, true)] {
        assert!(matches!(ConverterState::of_target(Some(danger)), ConverterState::Unsafe { .. }));
    }
}
