//! Nothing in a bundle changes unseen.

use super::*;
use crate::checklist::evidence::{Bundle, README, SIGNATURES};
use crate::checklist::finding::Verdict;
use crate::checklist::redact::Blob;
use crate::checklist::sign::Opinion;
use crate::checklist::sign::tests::{LIST, Room, signed};
use crate::checklist::sshsig::{self, plain};
use proptest::prelude::*;
use ssh_key::PrivateKey;
use ssh_key::private::{Ed25519Keypair, KeypairData};

fn key(seed: u8) -> PrivateKey {
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])), "").unwrap()
}

type Files = BTreeMap<String, Vec<u8>>;

/// The events with their chain: what the journal does.
fn chained(events: Vec<Event>) -> Vec<(String, Event)> {
    let mut before = GENESIS.to_owned();
    let link = |mut event: Event| {
        event.prev = std::mem::take(&mut before);
        let line = event.line();
        before = line_digest(&line);
        (line, event)
    };
    events.into_iter().map(link).collect()
}

/// The bundle of a room as it is, in which only the maker has a key.
fn bundle_of(mut room: Room) -> Files {
    room.inventory.people.persons.get_mut(&"anna-veneto".parse().unwrap()).unwrap().signing_key =
        Some(plain(key(1).public_key()));
    let tenant = room.tenant().id.clone();
    let by = "anna-veneto".parse().unwrap();
    let lines = chained(room.events);
    let made = Bundle::new(&tenant, &lines, &room.inventory.people, (&by, "2026-11-30T12:00:00+01:00"), "leggimi\n");
    let (mut files, head) = made.unwrap().sealed();
    files.insert(HEAD_SIGNATURE.into(), sshsig::sign(&key(1), head.text().as_bytes()).unwrap().into_bytes());
    files
}

/// A bundle with a run, its raw answer, typed signatures and one of Carla with her key.
fn bundle() -> Files {
    let mut room = signed();
    for (number, person) in [(1, "anna-veneto"), (2, "carla-riva")] {
        let person = room.inventory.people.persons.get_mut(&person.parse().unwrap()).unwrap();
        person.signing_key = Some(plain(key(number).public_key()));
    }
    let blob = Blob::new(b"5 sent, 5 received".to_vec());
    room.events[0].data["findings"][0]["answer"] = blob.sha256.clone().into();
    let last = room.events.last_mut().unwrap();
    let statement = last.data["statement"].as_str().unwrap().to_owned();
    let signature = sshsig::sign(&key(2), statement.as_bytes()).unwrap();
    last.data["given"] = serde_json::json!({"how": "ssh", "signature": signature, "key": plain(key(2).public_key())});
    let tenant = room.tenant().id.clone();
    let lines = chained(room.events);
    let by = "anna-veneto".parse().unwrap();
    let made = Bundle::new(&tenant, &lines, &room.inventory.people, (&by, "2026-11-30T12:00:00+01:00"), "leggimi\n");
    let (mut files, head) = made.unwrap().sealed();
    let armored = sshsig::sign(&key(1), head.text().as_bytes()).unwrap();
    files.insert(HEAD_SIGNATURE.to_owned(), armored.into_bytes());
    files.insert(format!("{BLOBS}{}", blob.sha256), blob.bytes);
    files
}

fn verified(files: &Files) -> Result<Verified, Vec<Flaw>> {
    let digests = files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect();
    verify(&digests, files, &Brought::default())
}

#[test]
fn a_bundle_verifies_and_says_what_it_holds() {
    let found = verified(&bundle()).unwrap();
    assert_eq!((found.events, found.blobs, found.typed, found.documents), (5, 1, 3, 0));
    assert_eq!(found.by.as_str(), "anna-veneto");
    assert_eq!((found.signers, found.extends, found.doubts.as_slice()), (Whose::Folder, None, &[][..]));
    assert_eq!(found.signatures, [("carla-riva".parse().unwrap(), sshsig::fingerprint(key(2).public_key()))]);
    let names: Vec<String> = bundle().into_keys().filter(|name| name.starts_with(SIGNATURES)).collect();
    assert_eq!(names, ["signatures/000005-network-carla-riva.txt", "signatures/000005-network-carla-riva.txt.sig"]);
}

/// The flaws after a change, which must be found.
#[track_caller]
fn after(change: impl FnOnce(&mut Files)) -> String {
    let mut files = bundle();
    change(&mut files);
    let flaws = verified(&files).unwrap_err();
    flaws.iter().map(|flaw| format!("{flaw}\n")).collect()
}

fn lines(files: &mut Files, change: impl FnOnce(&mut Vec<String>)) {
    let text = String::from_utf8(files[EVENTS].clone()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    files.insert(EVENTS.to_owned(), (lines.join("\n") + "\n").into_bytes());
}

#[test]
fn removal_reorder_truncation_and_addition_are_told() {
    assert!(after(|files| lines(files, |lines| _ = lines.remove(2))).contains("event 3: it does not follow"));
    assert!(after(|files| lines(files, |lines| lines.swap(1, 2))).contains("event 2: it does not follow"));
    let cut = after(|files| lines(files, |lines| lines.truncate(3)));
    assert!(cut.contains("the head was signed over 5 events that end otherwise than these 3"), "{cut}");
    assert!(after(|files| files.get_mut(EVENTS).unwrap().truncate(100)).contains("its last line is cut"));
    assert!(after(|files| _ = files.insert("blobs/more".into(), Vec::new())).contains("blobs/more: it was added"));
    let missing = after(|files| files.retain(|name, _| !name.starts_with(BLOBS)));
    assert!(missing.contains("it was removed") && missing.contains("event 1: its blob"), "{missing}");
    for name in bundle().into_keys() {
        after(|files| _ = files.remove(&name));
        after(|files| _ = files.insert(name.clone(), Vec::new()));
    }
}

/// Writes sums and head again, as somebody would who covers his tracks, and signs the head with `with`.
fn sealed_again(files: &mut Files, with: &PrivateKey) {
    let listed = files.iter().filter(|(name, _)| ![HEAD, HEAD_SIGNATURE, SUMS].contains(&name.as_str()));
    let sums = sums_text(&listed.map(|(name, bytes)| (name.clone(), sha256(bytes))).collect());
    let mut head: Head = serde_json::from_slice(&files[HEAD]).unwrap();
    let text = String::from_utf8(files[EVENTS].clone()).unwrap();
    (head.sums, head.last) = (sha256(sums.as_bytes()), line_digest(text.lines().last().unwrap()));
    files.insert(SUMS.to_owned(), sums.into_bytes());
    files.insert(HEAD.to_owned(), head.text().into_bytes());
    files.insert(HEAD_SIGNATURE.to_owned(), sshsig::sign(with, head.text().as_bytes()).unwrap().into_bytes());
}

#[test]
fn who_cannot_sign_as_the_maker_cannot_rewrite_the_story() {
    let rewritten = after(|files| {
        let events = String::from_utf8(files[EVENTS].clone()).unwrap();
        files.insert(EVENTS.to_owned(), events.replace("5 received", "4 received").into_bytes());
        files.insert(README.to_owned(), b"trust me".to_vec());
        sealed_again(files, &key(9));
    });
    assert!(rewritten.starts_with("head.sig: the key SHA256:"), "{rewritten}");
    // With signers that the verifier brings, the bundle's own do not matter.
    let mut files = bundle();
    let signers = String::from_utf8(files[SIGNERS].clone()).unwrap();
    let other = signers.replace(&plain(key(1).public_key()), &plain(key(9).public_key()));
    files.insert(SIGNERS.to_owned(), other.into_bytes());
    sealed_again(&mut files, &key(9));
    verified(&files).unwrap();
    let digests = files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect();
    let trusted = AllowedSigners::parse(&signers).unwrap();
    let brought = Brought { signers: Some(&trusted), head: None };
    let flaws = verify(&digests, &files, &brought).unwrap_err();
    assert_eq!(flaws[0].place, HEAD_SIGNATURE);
}

#[test]
fn even_the_maker_cannot_change_what_another_signed() {
    let flaws = after(|files| {
        let name = "signatures/000005-network-carla-riva.txt";
        let statement = String::from_utf8(files[name].clone()).unwrap().replace("visto", "non visto");
        files.insert(name.to_owned(), statement.into_bytes());
        sealed_again(files, &key(1));
    });
    assert!(flaws.contains("is not what it says"), "{flaws}");
    let flaws = after(|files| {
        let text = String::from_utf8(files[EVENTS].clone()).unwrap();
        let (start, last) = text.trim_end().rsplit_once('\n').unwrap();
        let last = last.replace("\"outcome\":\"ok\"", "\"outcome\":\"ko\"");
        files.insert(EVENTS.to_owned(), format!("{start}\n{last}\n").into_bytes());
        sealed_again(files, &key(1));
    });
    assert!(flaws.contains("its statement says something else than its data"), "{flaws}");
}

/// Changes the data of events and links them again, then seals the bundle with the maker's own key.
fn rewritten(files: &mut Files, change: impl FnOnce(&mut Vec<Event>)) {
    let text = String::from_utf8(files[EVENTS].clone()).unwrap();
    let mut events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    change(&mut events);
    let lines = chained(events);
    let text: String = lines.iter().flat_map(|(line, _)| [line.as_str(), "\n"]).collect();
    files.insert(EVENTS.to_owned(), text.into_bytes());
    files.retain(|name, _| !name.starts_with(SIGNATURES));
    for (_, event) in &lines {
        if let Some((signature, armored, _)) = super::super::signed_statement(event) {
            let name = statement_name(event.seq, &signature);
            files.insert(format!("{name}.sig"), armored.into_bytes());
            files.insert(name, signature.statement.into_bytes());
        }
    }
    let mut head: Head = serde_json::from_slice(&files[HEAD]).unwrap();
    head.events = lines.len() as u64;
    head.tenant = lines[0].1.tenant.parse().unwrap();
    files.insert(HEAD.to_owned(), head.text().into_bytes());
    sealed_again(files, &key(1));
}

#[test]
fn a_verdict_under_a_signed_validation_cannot_be_changed_even_by_the_maker() {
    let told = after(|files| {
        rewritten(files, |events| {
            let finding = &mut events[0].data["findings"][0];
            finding["verdict"] = "fail".into();
            finding["reason"] = "loss is 100".into();
        });
    });
    assert!(told.contains("event 5: what it approves of A-1"), "{told}");
    let told = after(|files| rewritten(files, |events| events[0].data["findings"][0]["expected"] = "x".into()));
    assert!(told.contains("is not what was found before it"), "{told}");
    // Nor that an item was asked at all, nor what persons stated of the others.
    let told = after(|files| rewritten(files, |events| events[0].data["findings"][0]["attempts"] = 0.into()));
    assert!(told.contains("event 5: what it approves of A-1"), "{told}");
    let told = after(|files| {
        rewritten(files, |events| {
            let data = &mut events[1].data;
            data["outcome"] = "ko".into();
            let statement = data["statement"].as_str().unwrap().replace("ok\n", "ko\n");
            data["approves"] = sha256(statement.as_bytes()).into();
            data["statement"] = statement.into();
        });
    });
    assert!(told.contains("event 5: what it approves of M-1 is not what was stated before it"), "{told}");
}

#[test]
fn a_statement_is_of_its_tenant_and_list() {
    let told = after(|files| {
        rewritten(files, |events| events.iter_mut().for_each(|event| event.tenant = "meolo".to_owned()));
    });
    assert!(told.contains("its statement is of another tenant than meolo"), "{told}");
    let told = after(|files| rewritten(files, |events| events[0].data["version"] = 9.into()));
    assert!(told.contains("its list is of version 3, and was run as another"), "{told}");
    let told = after(|files| rewritten(files, |events| events[1].time = "yesterday".to_owned()));
    assert!(told.contains("event 2: its time is none"), "{told}");
}

/// What happened, as a story that a room plays.
type Story<'s> = (&'s str, &'s dyn Fn(&mut Room));

#[test]
fn whatever_people_may_sign_verifies() {
    let (dario, carla) = (("dario-pieve", "comune-referente"), ("carla-riva", "sad-validatore"));
    let waive = |room: &mut Room, item: &str| {
        for (person, role) in [dario, carla] {
            room.sign(person, role, Opinion::Waived, Some(&[item]), Some("2026-12-31"));
        }
    };
    let stated = |room: &mut Room| {
        room.ok("elena-ponte", "comune-tecnico");
        room.ok("bruno-laguna", "venis-rete");
    };
    let validated = |room: &mut Room| {
        room.ok(dario.0, dario.1);
        room.ok(carla.0, carla.1);
    };
    let stories: [Story<'_>; 8] = [
        ("it changed before it was approved", &|room| {
            [Verdict::Fail, Verdict::Pass, Verdict::Pass]
                .into_iter()
                .for_each(|verdict| room.run(verdict, "bruno-laguna"));
            stated(room);
            validated(room);
        }),
        ("it was not heard in between", &|room| {
            [Verdict::Pass, Verdict::Error, Verdict::Pass]
                .into_iter()
                .for_each(|verdict| room.run(verdict, "bruno-laguna"));
            stated(room);
            validated(room);
        }),
        ("what fails is waived, and waived again", &|room| {
            room.run(Verdict::Fail, "bruno-laguna");
            waive(room, "A-1");
            stated(room);
            validated(room);
            waive(room, "A-1");
        }),
        ("it fails again after it had passed", &|room| {
            [Verdict::Fail, Verdict::Pass, Verdict::Fail]
                .into_iter()
                .for_each(|verdict| room.run(verdict, "bruno-laguna"));
            waive(room, "A-1");
            stated(room);
            validated(room);
        }),
        ("what nobody stated is waived", &|room| {
            room.run(Verdict::Pass, "bruno-laguna");
            waive(room, "M-1");
            validated(room);
        }),
        ("what one side refused is waived", &|room| {
            room.run(Verdict::Pass, "bruno-laguna");
            room.sign("elena-ponte", "comune-tecnico", Opinion::Ko, Some(&["M-1"]), None);
            waive(room, "M-1");
            validated(room);
        }),
        ("a validation is refused", &|room| {
            room.run(Verdict::Fail, "bruno-laguna");
            room.sign(carla.0, carla.1, Opinion::Ko, Some(&["A-1", "M-1"]), None);
        }),
        ("everything is signed twice", &|room| {
            room.run(Verdict::Pass, "bruno-laguna");
            stated(room);
            validated(room);
            room.sign("elena-ponte", "comune-tecnico", Opinion::Ok, Some(&["M-1"]), None);
            room.sign(carla.0, carla.1, Opinion::Ok, Some(&["A-1", "M-1"]), None);
        }),
    ];
    for (told, story) in stories {
        let mut room = Room::new(LIST);
        story(&mut room);
        let found = verified(&bundle_of(room)).unwrap_or_else(|flaws| panic!("{told}: {flaws:#?}"));
        assert!(found.doubts.is_empty(), "{told}: {:#?}", found.doubts);
    }
}

/// The doubts after a change by the maker.
#[track_caller]
fn doubts(change: impl FnOnce(&mut Vec<Event>)) -> String {
    let mut files = bundle();
    rewritten(&mut files, change);
    verified(&files).unwrap().doubts.iter().map(|doubt| format!("{doubt}\n")).collect()
}

#[test]
fn what_only_a_person_can_clear_is_told() {
    assert_eq!(doubts(|_| {}), "");
    let typed = |events: &mut Vec<Event>| events[4].data["given"] = serde_json::json!({"how": "typed"});
    assert_eq!(
        doubts(typed),
        "events.jsonl event 5: it was typed in the name of carla-riva, who has a key and did not sign with it\n"
    );
    // The person has said the same again, with the key.
    let again = |events: &mut Vec<Event>| {
        let mut same = events[4].clone();
        same.seq = 6;
        typed(events);
        events.push(same);
    };
    assert_eq!(doubts(again), "");
    let earlier = doubts(|events| events[2].time = "2026-11-29T10:00:00Z".to_owned());
    assert_eq!(earlier, "events.jsonl event 3: its time is before that of the event before it\n");
    let unknown = doubts(|events| events[0].data["digest"] = "0".repeat(64).into());
    assert!(unknown.contains("event 5: its list of version 3 was never run as it is"), "{unknown}");
    let newer = |events: &mut Vec<Event>| {
        let mut run = events[0].clone();
        run.data["findings"][0]["verdict"] = "warn".into();
        run.data["findings"][0]["reason"] = "loss is 1".into();
        events[0].time = "2026-11-29T09:59:59Z".to_owned();
        events.insert(3, run);
        (1..).zip(events.iter_mut()).for_each(|(seq, event)| event.seq = seq);
    };
    let told = doubts(newer);
    assert!(told.contains("it approves of A-1 [municipio] what event 1 found"), "{told}");
}

#[test]
fn an_earlier_head_tells_what_was_dropped_or_written_anew() {
    let whole = bundle();
    let mut short = bundle();
    rewritten(&mut short, |events| events.truncate(4));
    let head = |files: &Files| Head::parse(std::str::from_utf8(&files[HEAD]).unwrap()).unwrap();
    let with = |files: &Files, head: &Head| {
        let digests = files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect();
        verify(&digests, files, &Brought { signers: None, head: Some(head) }).map_err(|flaws| flaws[0].to_string())
    };
    assert_eq!(with(&whole, &head(&short)).unwrap().extends, Some(4));
    assert_eq!(with(&whole, &head(&whole)).unwrap().extends, Some(5));
    assert!(verified(&short).is_ok(), "the folder alone cannot tell");
    assert!(with(&short, &head(&whole)).unwrap_err().contains("has 5 events, these are 4: some were dropped"));
    let mut moved = bundle();
    rewritten(&mut moved, |events| events[0].time = "2026-11-30T09:59:00Z".to_owned());
    assert!(verified(&moved).is_ok(), "nor this");
    assert!(with(&moved, &head(&short)).unwrap_err().contains("the story was written anew"));
    assert!(with(&moved, &head(&whole)).unwrap_err().contains("the story was written anew"));
    let other = Head { tenant: "meolo".parse().unwrap(), ..head(&short) };
    assert!(with(&whole, &other).unwrap_err().contains("the earlier head is of meolo"));
    let none = Head { events: 0, ..head(&short) };
    assert!(with(&whole, &none).is_err());
}

/// Seconds of processor time of this thread: what else is at work on the machine adds nothing to it.
fn worked() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[test]
fn twenty_thousand_events_verify_in_seconds() {
    let mut room = signed();
    let run = room.events[0].clone();
    room.events = (1..=20_000).map(|seq| Event { seq, ..run.clone() }).collect();
    for person in room.inventory.people.persons.values_mut() {
        person.signing_key = Some(plain(key(1).public_key()));
    }
    let tenant = room.tenant().id.clone();
    let by = "anna-veneto".parse().unwrap();
    let made =
        Bundle::new(&tenant, &chained(room.events), &room.inventory.people, (&by, "2026-11-30T12:00:00+01:00"), "");
    let (mut files, head) = made.unwrap().sealed();
    files.insert(HEAD_SIGNATURE.into(), sshsig::sign(&key(1), head.text().as_bytes()).unwrap().into_bytes());
    let began = worked();
    assert_eq!(verified(&files).unwrap().events, 20_000);
    // Compiled for a release it takes less than a second; what grows with the square of the events would take minutes.
    let took = worked() - began;
    assert!(took < 30.0, "{took} s");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 64 } else { 2000 }))]

    #[test]
    fn any_changed_bit_is_found(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut files = bundle();
        let name = file.get(&files.keys().cloned().collect::<Vec<_>>()).clone();
        let bytes = files.get_mut(&name).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(verified(&files).is_err(), "{name} byte {at} bit {bit}");
    }

    #[test]
    fn no_bundle_panics(name in "[a-z]{1,9}", bytes in prop::collection::vec(any::<u8>(), 0..80), file in any::<prop::sample::Index>()) {
        let mut files = bundle();
        let old = file.get(&files.keys().cloned().collect::<Vec<_>>()).clone();
        files.insert(old, bytes.clone());
        files.insert(name, bytes);
        prop_assert!(verified(&files).is_err());
    }
}
