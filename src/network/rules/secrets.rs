//! Secrets that are none: missing, reversible, or what the vendor or a template wrote. No secret is
//! kept or shown, only the line on which it stands.

use super::super::device::At;
use super::super::parse::secrets::secret_words;
use super::super::text::{ConfigText, Line};
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

/// Secrets that everybody knows.
const KNOWN: [&str; 12] = [
    "cisco", "cisco123", "admin", "password", "secret", "public", "private", "changeme", "default", "test", "1234",
    "12345",
];
/// Marks of templates.
const MARKS: [&str; 5] = ["replace-me", "replaceme", "change-me", "todo", "xxx"];

/// The lines of a text whose secret is none.
pub(super) fn weak(text: &ConfigText) -> Vec<At<Weak>> {
    let mut found = Vec::new();
    for line in &text.lines {
        below(line, &mut found);
    }
    found
}

fn below(line: &Line, found: &mut Vec<At<Weak>>) {
    let words = line.words();
    if !matches!(words.first(), Some(&("no" | "aaa")))
        && let Some(weak) = of_line(&line.text)
    {
        found.push(At::new(weak, line.number));
    }
    let is_chain = words.starts_with(&["key", "chain"]);
    for child in &line.children {
        // The number of a key is no secret, whatever it is.
        if is_chain && child.words().first() == Some(&"key") {
            child.children.iter().for_each(|line| below(line, found));
        } else {
            below(child, found);
        }
    }
}

fn of_line(line: &str) -> Option<Weak> {
    let secrets: Vec<String> = secret_words(line).iter().map(|word| word.to_ascii_lowercase()).collect();
    let one_of = |known: &[&str]| secrets.iter().any(|word| known.contains(&word.as_str()));
    match () {
        () if one_of(&KNOWN) => Some(Weak::Default),
        () if one_of(&MARKS) => Some(Weak::Placeholder),
        () => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_secret_where_a_secret_stands() {
        let weak = |text: &str| weak(&ConfigText::parse(text)).iter().map(|at| (at.line, at.value)).collect::<Vec<_>>();
        let fine = [
            "line vty 0 4\n login authentication default\n",
            "key chain default\n key 1234\n  key-string s3cret\n",
            "aaa authentication login default local\n",
            "username admin privilege 15 secret 9 $9$x\n",
            "interface Gi0\n description password cisco\n standby 1 authentication md5 key-chain test\n",
            "no snmp-server community public\n",
            "service password-encryption\n",
            "snmp-server community s3cret RO\n",
        ];
        for text in fine {
            assert_eq!(weak(text), [], "{text}");
        }
        let known = [
            ("enable secret cisco\n", 1),
            ("username a password 0 Cisco123\n", 1),
            ("key chain A\n key 1\n  key-string 0 cisco\n", 3),
            ("interface Gi0\n standby 1 authentication cisco\n", 2),
            ("interface Gi0\n standby 1 authentication md5 key-string 0 test\n", 2),
            ("snmp-server community public RO\n", 1),
            ("tacacs server A\n key 1234\n", 2),
            ("crypto ikev2 keyring A\n peer B\n  pre-shared-key local cisco\n", 3),
            ("ip ftp password cisco\n", 1),
            ("crypto isakmp key cisco address 10.0.0.1\n", 1),
        ];
        for (text, line) in known {
            assert_eq!(weak(text), [(line, Weak::Default)], "{text}");
        }
        assert_eq!(weak("enable secret REPLACE-ME\n"), [(1, Weak::Placeholder)]);
    }
}
