//! Secrets that are none: missing, reversible, or what the vendor or a template wrote. No secret is
//! kept or shown, only the line on which it stands.

use super::super::device::At;
use super::Scene;
use super::report::{Key, Report, rules};

rules! {
    MISSING: Error "secret-missing", "a key has a string",
        "Whoever says nothing says the right thing, or nobody can.", "Cisco key chain and IKEv2 guides";
    DEFAULT: Error "secret-default", "no secret is one that everybody knows",
        "It is the first that an attacker tries.", "Cisco guide to harden IOS devices";
    PLACEHOLDER: Error "secret-placeholder", "no secret is the mark of a template",
        "The text went to the router before somebody put the secret in.", "how texts come from templates";
    REVERSIBLE: Error "secret-reversible", "passwords of accounts are hashed",
        "`password` can be read back from the configuration.", "Cisco IOS password types, type 7";
}

/// What is wrong with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weak {
    /// Everybody knows it.
    Default,
    /// A template wrote it.
    Placeholder,
}

/// Words behind which a secret stands.
const BEFORE: [&str; 7] = ["secret", "password", "key-string", "pre-shared-key", "key", "community", "authentication"];
/// Secrets that everybody knows.
const KNOWN: [&str; 12] = [
    "cisco", "cisco123", "admin", "password", "secret", "public", "private", "changeme", "default", "test", "1234",
    "12345",
];
/// Marks of templates.
const MARKS: [&str; 5] = ["replace-me", "replaceme", "change-me", "todo", "xxx"];

/// The lines of a text whose secret is none.
pub(super) fn weak(text: &str) -> Vec<At<Weak>> {
    let of_line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| BEFORE.contains(word))?;
        let kind = |word: &&&str| !["0", "7", "md5", "text", "local", "remote", "key-string", "chain"].contains(*word);
        let secret = words.iter().skip(at + 1).find(kind)?.to_ascii_lowercase();
        let typed = words.first().is_some_and(|first| !["aaa", "no", "description", "ip"].contains(first));
        match () {
            () if !typed => None,
            () if KNOWN.contains(&secret.as_str()) => Some(Weak::Default),
            () if MARKS.contains(&secret.as_str()) => Some(Weak::Placeholder),
            () => None,
        }
    };
    let lines = (1..).zip(text.lines());
    lines.filter_map(|(number, line)| Some(At::new(of_line(line)?, number))).collect()
}

pub(super) fn check(scene: &Scene<'_>, report: &mut Report) {
    for router in scene.routers {
        for chain in &router.device.key_chains {
            if chain.keys.is_empty() {
                let message = format!("key chain {} has no key", chain.name.value);
                report.add(
                    &MISSING,
                    router.at(chain.name.line),
                    Key::None,
                    message,
                    "Write `key 1` with a `key-string`.",
                );
            }
            for (key, _) in chain.keys.iter().filter(|(_, there)| !there) {
                let message = format!("key {} of {} has no string", key.value, chain.name.value);
                report.add(&MISSING, router.at(key.line), Key::None, message, "Write `key-string …` on both CPEs.");
            }
        }
        for peer in router.device.crypto.keyrings.iter().flat_map(|ring| &ring.peers).filter(|peer| !peer.has_key) {
            let message = format!("peer {} has no key", peer.name.value);
            report.add(
                &MISSING,
                router.at(peer.name.line),
                Key::None,
                message,
                "Write `pre-shared-key …` on both ends.",
            );
        }
        for at in router.weak {
            let (rule, message) = match at.value {
                Weak::Default => (&DEFAULT, "a secret that everybody knows"),
                Weak::Placeholder => (&PLACEHOLDER, "the mark of a template instead of a secret"),
            };
            report.add(
                rule,
                router.at(at.line),
                Key::None,
                message.to_owned(),
                "Put a secret of its own in its place.",
            );
        }
        let reversible = router.settings("username ").chain(router.settings("enable password"));
        for (line, text) in reversible.filter(|(_, text)| text.contains(" password ")) {
            let fix = "Write `secret` instead of `password`.";
            report.add(&REVERSIBLE, router.at(line), Key::None, format!("`{text}`"), fix);
        }
    }
}
