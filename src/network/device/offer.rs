//! What one end of a tunnel offers the other: how packets are sealed, and how keys are agreed.

use super::Device;
use super::tunnel::IpsecProfile;
use std::collections::{BTreeMap, BTreeSet};

/// What one end of a tunnel offers. What a text does not say is not compared: a part of a
/// configuration leaves out what all its tunnels share.
#[derive(Debug)]
pub struct Offer<'a> {
    /// How packets are sealed: the words of the transform set, with its line.
    transform: Option<(BTreeSet<&'a str>, u32)>,
    /// Group of perfect forward secrecy, with its line or that of the profile.
    pfs: (Option<&'a str>, u32),
    /// IKEv2 proposals: for each kind of algorithm those that would do; with the first line.
    proposals: Vec<BTreeMap<&'a str, BTreeSet<&'a str>>>,
    proposed: u32,
}

/// Where two offers do not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The line of the first of the two.
    pub line: u32,
    /// What differs.
    pub what: String,
}

impl<'a> Offer<'a> {
    /// What a router offers on interfaces that an IPsec profile protects.
    pub fn of(device: &'a Device, profile: &'a IpsecProfile) -> Self {
        let named = profile.transform.as_ref();
        let set = named.and_then(|at| device.crypto.transforms.iter().find(|(name, _)| name.value == at.value));
        // Tunnel mode is what a set without a mode means.
        let words = |text: &'a str| text.split_whitespace().filter(|word| !["mode", "tunnel"].contains(word)).collect();
        let (proposals, proposed) = proposals(device);
        Self {
            transform: set.map(|(name, text)| (words(text), name.line)),
            pfs: (
                profile.pfs.as_ref().map(|at| at.value.as_str()),
                profile.pfs.as_ref().map_or(profile.name.line, |at| at.line),
            ),
            proposals,
            proposed,
        }
    }

    /// Where they do not meet; none where a tunnel comes up and stays up.
    pub fn mismatch(&self, other: &Self) -> Option<Mismatch> {
        let said = |words: &BTreeSet<&str>| words.iter().copied().collect::<Vec<_>>().join(" ");
        if let (Some((own, line)), Some((theirs, _))) = (&self.transform, &other.transform)
            && own != theirs
        {
            let what =
                format!("packets are sealed with {} here, and with {} at the other end", said(own), said(theirs));
            return Some(Mismatch { line: *line, what });
        }
        let (pfs, line) = self.pfs;
        if pfs != other.pfs.0 {
            let said =
                |group: Option<&str>| group.map_or("without a group".to_owned(), |group| format!("with {group}"));
            let what = format!("keys are renewed {} here, and {} at the other end", said(pfs), said(other.pfs.0));
            return Some(Mismatch { line, what });
        }
        let meets = |one: &BTreeMap<&str, BTreeSet<&str>>, other: &BTreeMap<&str, BTreeSet<&str>>| {
            one.iter().all(|(kind, own)| other.get(kind).is_none_or(|theirs| !own.is_disjoint(theirs)))
        };
        let silent = self.proposals.is_empty() || other.proposals.is_empty();
        let agreed = self.proposals.iter().any(|one| other.proposals.iter().any(|other| meets(one, other)));
        (!silent && !agreed).then(|| Mismatch {
            line: self.proposed,
            what: "no IKEv2 proposal of this end agrees with one of the other".to_owned(),
        })
    }
}

/// The IKEv2 proposals of a router, and the line of the first.
fn proposals(device: &Device) -> (Vec<BTreeMap<&str, BTreeSet<&str>>>, u32) {
    let mut found: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    let mut first = 0;
    for line in &device.settings {
        let Some(rest) = line.value.strip_prefix("crypto ikev2 proposal ") else { continue };
        if first == 0 {
            first = line.line;
        }
        let Some((name, inner)) = rest.split_once(" / ") else { continue };
        let mut words = inner.split_whitespace();
        if let Some(kind) = words.next() {
            found.entry(name).or_default().insert(kind, words.collect());
        }
    }
    (found.into_values().collect(), first)
}
