//! Whether a bundle is what was signed.

mod past;

use past::{Objection, Past};

use super::super::draft::HEADING;
use super::super::sign::{Attached, Given, Signature};
use super::super::sshsig::AllowedSigners;
use super::{
    BLOBS, EVENTS, HEAD, HEAD_SIGNATURE, Head, SIGNERS, SUMS, line_digest, named_blobs, statement_name, sums_text,
};
use crate::digest::sha256;
use crate::journal::Event;
use crate::journal::event::GENESIS;
use crate::model::{PersonId, TenantId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize as _, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a bundle: where, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Flaw {
    /// A file, or an event.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
}

impl Flaw {
    fn new(place: impl Into<String>, what: impl ToString) -> Self {
        Self { place: place.into(), what: what.to_string() }
    }
}

/// What a bundle that verifies says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Whose evidence.
    pub tenant: TenantId,
    /// How many events.
    pub events: u64,
    /// Hash of the last.
    pub last: String,
    /// When the bundle was made.
    pub time: String,
    /// Who signed its head.
    pub by: PersonId,
    /// With which key.
    pub key: String,
    /// How many blobs.
    pub blobs: usize,
    /// Signatures with a key: who, and with which.
    pub signatures: Vec<(PersonId, String)>,
    /// Signatures typed at the operator's terminal: no key stands behind them.
    pub typed: usize,
    /// Signatures on documents that were received.
    pub documents: usize,
    /// Whose list of keys was believed.
    pub signers: Whose,
    /// How many events an earlier head that the verifier brought was signed over; none was brought without.
    pub extends: Option<u64>,
    /// What only a person can clear.
    pub doubts: Vec<Flaw>,
}

/// Whose list of keys a verification believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The folder's own: that the keys are those of the persons is for the verifier to find out.
    Folder,
    /// The verifier's.
    Given,
}

/// What the verifier brings, and does not take from the bundle.
#[derive(Debug, Clone, Copy, Default)]
pub struct Brought<'a> {
    /// Who signs with which keys; without, the bundle's own list is believed.
    pub signers: Option<&'a AllowedSigners>,
    /// The head of an earlier bundle, which this one must extend.
    pub head: Option<&'a Head>,
}

/// A clock may be set back by this much; what is earlier by more is doubted.
const CLOCK: SignedDuration = SignedDuration::from_mins(10);

/// Verifies a bundle of which `digests` are the SHA-256 of every file, and `texts` the bytes of those
/// that are read.
///
/// # Errors
/// Everything that is wrong.
pub fn verify(
    digests: &BTreeMap<String, String>,
    texts: &BTreeMap<String, Vec<u8>>,
    brought: &Brought<'_>,
) -> Result<Verified, Vec<Flaw>> {
    let mut flaws = Vec::new();
    let text = |name: &str| texts.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    let Some(head) = Head::parse(text(HEAD)) else {
        return Err(vec![Flaw::new(HEAD, "it is missing, or not a head of evidence")]);
    };
    let own = AllowedSigners::parse(text(SIGNERS));
    let Some(signers) = brought.signers.or(own.as_ref()) else {
        return Err(vec![Flaw::new(SIGNERS, "it is missing, or not as traghetto writes it")]);
    };
    let signed = signers.verify(head.by.as_str(), text(HEAD).as_bytes(), text(HEAD_SIGNATURE));
    let key = signed.map_err(|error| flaws.push(Flaw::new(HEAD_SIGNATURE, error))).unwrap_or_default();
    check_sums(digests, text(SUMS), &head, &mut flaws);
    let events = check_chain(text(EVENTS), &head, &mut flaws);
    if let Some(earlier) = brought.head {
        flaws.extend(extends(earlier, &head, &events));
    }
    let doubts = check_times(&head, &events, &mut flaws);
    let mut found = Verified {
        tenant: head.tenant,
        events: head.events,
        last: head.last,
        time: head.time,
        by: head.by,
        key,
        blobs: digests.keys().filter(|name| name.starts_with(BLOBS)).count(),
        signatures: Vec::new(),
        typed: 0,
        documents: 0,
        signers: if brought.signers.is_some() { Whose::Given } else { Whose::Folder },
        extends: brought.head.map(|head| head.events),
        doubts,
    };
    let keys: BTreeSet<&str> =
        own.iter().chain(brought.signers).flat_map(AllowedSigners::fingerprints).map(|(person, _)| person).collect();
    let mut past = Past::default();
    for (index, event) in events.iter().enumerate() {
        for blob in named_blobs(event) {
            if !digests.contains_key(&format!("{BLOBS}{blob}")) {
                flaws.push(Flaw::new(place(event), format!("its blob {blob} is missing")));
            }
        }
        if event.kind == Signature::KIND {
            check_signature(event, texts, signers, &mut found, &mut flaws);
            check_past(event, &mut past, &mut found.doubts, &mut flaws);
            found.doubts.extend(typed_despite_key(event, &keys, &events[index..]));
        }
        past.add(event);
    }
    if flaws.is_empty() { Ok(found) } else { Err(flaws) }
}

fn place(event: &Event) -> String {
    format!("{EVENTS} event {}", event.seq)
}

/// Every file is listed with its hash, and every listed file is there.
fn check_sums(digests: &BTreeMap<String, String>, sums: &str, head: &Head, flaws: &mut Vec<Flaw>) {
    if digests.get(SUMS) != Some(&head.sums) {
        flaws.push(Flaw::new(SUMS, "it is not the one that the head names"));
    }
    let lines = sums.lines().filter_map(|line| line.split_once("  "));
    let mut listed: BTreeMap<String, String> =
        lines.map(|(digest, name)| (name.to_owned(), digest.to_owned())).collect();
    if sums_text(&listed) != sums {
        flaws.push(Flaw::new(SUMS, "it is not as traghetto writes it"));
    }
    for (name, digest) in digests.iter().filter(|(name, _)| ![HEAD, HEAD_SIGNATURE, SUMS].contains(&name.as_str())) {
        match listed.remove(name) {
            None => flaws.push(Flaw::new(name, "it was added: SHA256SUMS does not list it")),
            Some(wanted) if wanted != *digest => flaws.push(Flaw::new(name, "it was changed")),
            Some(_) if name.strip_prefix(BLOBS).is_some_and(|blob| blob != digest) => {
                flaws.push(Flaw::new(name, "its name is not its hash"));
            }
            Some(_) => {}
        }
    }
    flaws.extend(listed.into_keys().map(|name| Flaw::new(name, "it was removed")));
}

/// The events, each of which names the hash of the one before; the last is the head's.
fn check_chain(text: &str, head: &Head, flaws: &mut Vec<Flaw>) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut before = GENESIS.to_owned();
    if !text.ends_with('\n') {
        flaws.push(Flaw::new(EVENTS, "it is missing, empty, or its last line is cut"));
        return events;
    }
    for (index, line) in text.split_terminator('\n').enumerate() {
        let place = format!("{EVENTS} event {}", index + 1);
        let event = match serde_json::from_str::<Event>(line) {
            Ok(event) => event,
            Err(error) => {
                flaws.push(Flaw::new(place, error));
                return events;
            }
        };
        if event.seq != index as u64 + 1 || event.tenant != head.tenant.as_str() || event.prev != before {
            flaws.push(Flaw::new(
                place,
                "it does not follow the one before: something was changed, removed or reordered",
            ));
            return events;
        }
        before = line_digest(line);
        events.push(event);
    }
    if events.len() as u64 != head.events || before != head.last {
        let what =
            format!("the head was signed over {} events that end otherwise than these {}", head.events, events.len());
        flaws.push(Flaw::new(EVENTS, what));
    }
    events
}

/// Whether a bundle with `head` holds the events of an earlier one, and more.
fn extends(earlier: &Head, head: &Head, events: &[Event]) -> Option<Flaw> {
    let what = if earlier.tenant != head.tenant {
        format!("the earlier head is of {}", earlier.tenant)
    } else if earlier.events > events.len() as u64 {
        format!("the earlier head has {} events, these are {}: some were dropped", earlier.events, events.len())
    } else {
        // The event after it names its hash, and the head that of the last.
        let at = usize::try_from(earlier.events).unwrap_or(usize::MAX);
        let digest = events.get(at).map_or(&head.last, |next| &next.prev);
        if at > 0 && *digest == earlier.last {
            return None;
        }
        format!("event {} is not the one of the earlier head: the story was written anew", earlier.events)
    };
    Some(Flaw::new(EVENTS, what))
}

/// Every time is one, and none is before the one before it.
fn check_times(head: &Head, events: &[Event], flaws: &mut Vec<Flaw>) -> Vec<Flaw> {
    let mut doubts = Vec::new();
    let mut last: Option<Timestamp> = None;
    let times = events.iter().map(|event| (place(event), event.time.as_str()));
    for (place, time) in times.chain([(HEAD.to_owned(), head.time.as_str())]) {
        match time.parse::<Timestamp>() {
            Err(_) => flaws.push(Flaw::new(place, "its time is none")),
            Ok(at) => {
                if last.is_some_and(|last| last.duration_since(at) > CLOCK) {
                    doubts.push(Flaw::new(place, "its time is before that of the event before it"));
                }
                last = Some(at);
            }
        }
    }
    doubts
}

/// Whether the statement of an event is about the events before it.
fn check_past(event: &Event, past: &mut Past<'_>, doubts: &mut Vec<Flaw>, flaws: &mut Vec<Flaw>) {
    // One that is no signature was told.
    let Ok(signature) = Signature::deserialize(&event.data) else { return };
    for objection in past.objections(&signature, &event.tenant) {
        match objection {
            Objection::Broken(what) => flaws.push(Flaw::new(place(event), what)),
            Objection::Doubt(what) => doubts.push(Flaw::new(place(event), what)),
        }
    }
}

/// A person with a key signs with it: a statement that was typed in its name is in doubt, unless the
/// person has said the same with the key since.
fn typed_despite_key(event: &Event, keys: &BTreeSet<&str>, later: &[Event]) -> Option<Flaw> {
    let signed = |event: &Event| (event.kind == Signature::KIND).then(|| Signature::deserialize(&event.data).ok())?;
    let typed = signed(event).filter(|typed| typed.given == Given::Typed && keys.contains(typed.person.as_str()))?;
    let says_the_same = |other: &Signature| {
        let covers = |item| other.items.contains(item);
        let by_key = matches!(other.given, Given::Ssh { .. }) && other.person == typed.person;
        by_key && other.phase == typed.phase && other.outcome == typed.outcome && typed.items.iter().all(covers)
    };
    let confirmed = later.iter().filter_map(signed).any(|other| says_the_same(&other));
    let what = format!("it was typed in the name of {}, who has a key and did not sign with it", typed.person);
    (!confirmed).then(|| Flaw::new(place(event), what))
}

fn check_signature(
    event: &Event,
    texts: &BTreeMap<String, Vec<u8>>,
    signers: &AllowedSigners,
    found: &mut Verified,
    flaws: &mut Vec<Flaw>,
) {
    let mut flaw = |what: String| flaws.push(Flaw::new(place(event), what));
    let signature = match Signature::deserialize(&event.data) {
        Ok(signature) => signature,
        Err(error) => return flaw(format!("it is no signature: {error}")),
    };
    if sha256(signature.statement.as_bytes()) != signature.approves || !says(&signature) {
        flaw("its statement says something else than its data".to_owned());
    }
    match &signature.given {
        Given::Typed => found.typed += 1,
        Given::Document(_) => found.documents += 1,
        Given::Ssh { signature: armored, .. } => {
            match signers.verify(signature.person.as_str(), signature.statement.as_bytes(), armored) {
                Ok(key) => found.signatures.push((signature.person.clone(), key)),
                Err(error) => flaw(format!("the signature of {}: {error}", signature.person)),
            }
            let name = statement_name(event.seq, &signature);
            let armor = texts.get(&format!("{name}.sig"));
            let same = texts.get(&name).map(Vec::as_slice) == Some(signature.statement.as_bytes());
            if !same || armor.map(Vec::as_slice) != Some(armored.as_bytes()) {
                flaw(format!("{name} is not what it says"));
            }
        }
    }
}

/// Whether the statement that a person read says what the data of the event say.
fn says(signature: &Signature) -> bool {
    let mut heads = vec![
        format!("Lista: {}", signature.phase),
        format!("Ruolo: {}", signature.role),
        format!("Firma: {}", signature.person),
        format!("Esito: {}", signature.outcome.in_italian()),
        format!("Nota: {}", crate::untrusted::printable(&signature.note)),
        format!("Voci: {}", signature.items.len()),
    ];
    heads.extend(signature.evidence.iter().map(Attached::line));
    heads.extend(signature.until.map(|until| format!("Fino al: {until}")));
    let statement = &signature.statement;
    let has = |line: &String| statement.lines().any(|other| other == line);
    let voices: Vec<&str> = statement.split("\nVoce: ").skip(1).collect();
    statement.starts_with(&format!("{HEADING}\n"))
        && heads.iter().all(has)
        && statement.lines().filter(|line| line.starts_with("Allegato: ")).count() == signature.evidence.len()
        && voices.len() == signature.items.len()
        && signature.items.iter().zip(voices).all(|(covered, voice)| {
            let line = covered.line();
            line.strip_prefix("Voce: ")
                .is_some_and(|line| voice.strip_prefix(line).is_some_and(|rest| rest.starts_with('\n')))
        })
}

#[cfg(test)]
mod tests;
