//! Secrets leave evidence before it is hashed: what hosts say is searched for what must not be kept.
//!
//! Two nets. Values that this machine itself holds for the tenant are taken out wherever they stand.
//! Of others only the shape is known: private keys, hashes of passwords, and what follows a word such
//! as `password`. A word too many is masked rather than one too few.

use super::expect::{Datum, Reading};
use super::finding::Finding;
use crate::digest::sha256;

/// What stands in the place of a secret.
const MARK: &str = "<secret>";

/// Words behind which, after `=` or `:`, there is a secret. They may end a longer word.
const NAMES: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "private_key",
    "access_key",
    "credential",
    "credentials",
    "authorization",
];
/// Words of a configuration behind which, after a space, there is a secret up to the end of the line.
const COMMANDS: [&str; 9] = [
    "password ",
    "secret ",
    "key-string ",
    "pre-shared-key ",
    "snmp-server community ",
    "isakmp key ",
    "wpa-psk ",
    "bearer ",
    "passphrase ",
];
/// How the hash of a password begins (crypt, shadow).
const HASHES: [&str; 9] = ["$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$7$", "$8$", "$9$"];
/// A value shorter than this is no secret, and would be found everywhere.
const SHORTEST: usize = 4;

/// Takes secrets out of what is kept.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    values: Vec<String>,
}

/// A raw answer without secrets, to be kept by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256, as hex.
    pub sha256: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Bytes with their hash.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { sha256: sha256(&bytes), bytes }
    }
}

impl Redactor {
    /// One that also takes out these values.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().filter(|value| value.len() >= SHORTEST).collect();
        // The longest first: one may be a part of another.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { values }
    }

    /// `text` without secrets.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            text = text.replace(value, MARK);
        }
        let text = self.without_cut_value(text);
        let mut kept = String::with_capacity(text.len());
        let mut inside_key = false;
        for line in text.split_inclusive('\n') {
            let (body, end) = split_end(line);
            if let Some(at) = body.find("-----BEGIN ").filter(|_| body.contains("PRIVATE KEY")) {
                kept.push_str(&body[..at]);
                kept.push_str(MARK);
                kept.push_str(end);
                inside_key = !body.contains("-----END ");
            } else if inside_key {
                inside_key = !body.contains("-----END ");
            } else {
                kept.push_str(&masked(body));
                kept.push_str(end);
            }
        }
        kept
    }

    /// `bytes` without secrets: unchanged where they hold none.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return self.text(text).into_bytes();
        }
        // Latin letters of one byte each: every byte comes back as it was, and words are found.
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        let kept = self.text(&text);
        kept.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
    }

    /// What was read, without secrets: to be kept, and compared with what was kept.
    pub(super) fn reading(&self, reading: &Reading) -> Reading {
        let attributes = reading.iter().map(|(name, datum)| (name, self.datum(datum)));
        attributes.fold(Reading::default(), |reading, (name, datum)| reading.with(name, datum))
    }

    fn datum(&self, datum: &Datum) -> Datum {
        match datum {
            Datum::Text(text) => Datum::Text(self.text(text)),
            Datum::List(list) => Datum::List(list.iter().map(|text| self.text(text)).collect()),
            Datum::Flag(_) | Datum::Number(_) => datum.clone(),
        }
    }

    /// A text that was cut (`…`) may end in the beginning of a value.
    fn without_cut_value(&self, mut text: String) -> String {
        let Some(body) = text.strip_suffix('…') else { return text };
        for value in &self.values {
            let start = (SHORTEST..value.len())
                .rev()
                .find(|length| value.is_char_boundary(*length) && body.ends_with(&value[..*length]));
            if let Some(length) = start {
                let kept = body.len() - length;
                text.replace_range(kept.., MARK);
                text.push('…');
                return text;
            }
        }
        text
    }

    /// Takes secrets out of findings and gives their raw answers as blobs: from here on they are evidence.
    pub fn seal(&self, findings: &mut [Finding]) -> Vec<Blob> {
        let mut blobs = Vec::new();
        for finding in findings {
            for datum in finding.captured.iter_mut().flat_map(|captured| captured.values.values_mut()) {
                *datum = self.datum(datum);
            }
            finding.expected = self.text(&finding.expected);
            finding.found = self.text(&finding.found);
            finding.reason = finding.reason.as_deref().map(|reason| self.text(reason));
            let answer = std::mem::take(&mut finding.unsealed);
            if answer.is_empty() {
                finding.raw = self.text(&finding.raw);
                continue;
            }
            let blob = Blob::new(self.bytes(&answer));
            finding.raw = Finding::excerpt(&blob.bytes);
            finding.answer = Some(blob.sha256.clone());
            blobs.push(blob);
        }
        blobs
    }
}

/// The line without its end, and its end.
fn split_end(line: &str) -> (&str, &str) {
    let body = line.trim_end_matches(['\n', '\r']);
    line.split_at(body.len())
}

/// A line without what the shapes tell.
fn masked(line: &str) -> String {
    let line = without_user_info(line);
    // Lower case letter by letter, so that places in it are places in the line.
    let lower = line.to_ascii_lowercase();
    let named = NAMES.iter().filter_map(|name| behind_name(&lower, name)).min();
    let command = COMMANDS.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min();
    let hash = HASHES.iter().filter_map(|start| line.find(start)).min();
    match [named, command, hash].into_iter().flatten().min() {
        Some(from) if !line[from..].trim().is_empty() => format!("{}{MARK}", &line[..from]),
        _ => line,
    }
}

/// Where the value begins behind `name`, a quote if need be, and `=` or `:`.
fn behind_name(lower: &str, name: &str) -> Option<usize> {
    lower.match_indices(name).find_map(|(at, _)| {
        let end = at + name.len();
        let rest = &lower[end..];
        let sign = rest.trim_start_matches(['"', '\'', ' ', '\t', ']']);
        sign.starts_with(['=', ':']).then(|| end + (rest.len() - sign.len()) + 1)
    })
}

/// `scheme://user:password@host` without the password.
fn without_user_info(line: &str) -> String {
    let Some(at) = line.find("://") else { return line.to_owned() };
    let (start, rest) = line.split_at(at + 3);
    let end = rest.find(|c: char| c == '/' || c.is_whitespace() || c == '"').unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let kept = match authority.rsplit_once('@').and_then(|(info, host)| Some((info.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{user}:{MARK}@{host}"),
        None => authority.to_owned(),
    };
    format!("{start}{kept}{}", without_user_info(tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SENTINEL: &str = "S3NT1NEL-value";

    #[test]
    fn secrets_of_every_shape_are_gone() {
        let shapes = [
            "password=S3NT1NEL-value",
            "DB_PASSWORD = 'S3NT1NEL-value'",
            "\"password\": \"S3NT1NEL-value\",",
            "config[\"token\"] = \"S3NT1NEL-value\"",
            "Authorization: Basic S3NT1NEL-value",
            "curl -H 'X: y' https://anna:S3NT1NEL-value@example.org/a https://b:S3NT1NEL-value@c",
            "username admin privilege 15 secret 9 S3NT1NEL-value",
            " key-string 7 S3NT1NEL-value",
            "snmp-server community S3NT1NEL-value RO",
            "root:$6$S3NT1NEL-value$x:19000:0:99999:7:::",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nS3NT1NEL-value\nS3NT1NEL-value\n-----END OPENSSH PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\r\nS3NT1NEL-value",
        ];
        for shape in shapes {
            let kept = Redactor::default().text(shape);
            assert!(!kept.contains("S3NT") && kept.contains(MARK), "{shape}\n{kept}");
            let bytes = Redactor::default().bytes(&[shape.as_bytes(), &[0xff]].concat());
            assert!(!String::from_utf8_lossy(&bytes).contains("S3NT"), "{shape}");
        }
    }

    #[test]
    fn known_values_are_gone_wherever_they_stand() {
        let redactor = Redactor::new([SENTINEL.to_owned(), "abc".to_owned()]);
        assert_eq!(redactor.text("x S3NT1NEL-value, abc"), "x <secret>, abc");
        assert_eq!(redactor.text("it said S3NT1NE…"), "it said <secret>…");
        assert_eq!(redactor.bytes(b"\xff S3NT1NEL-value \xe8"), b"\xff <secret> \xe8");
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        for text in [
            "Linux srv 6.1 x86_64\n1234.5\n",
            "http://192.0.2.1:8080/a@b",
            "Password last changed: never",
            "one\r\ntwo",
            "",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        ] {
            let kept = Redactor::default().text(text);
            assert!(kept == text || text.starts_with("Password"), "{kept}");
        }
        assert_eq!(Redactor::default().bytes(&[0, 255, 10, 128]), [0, 255, 10, 128]);
    }

    proptest! {
        #[test]
        fn a_known_value_never_gets_through(before in ".{0,40}", value in "[a-zA-Z0-9!.]{4,20}", after in ".{0,40}") {
            prop_assume!(!MARK.contains(&value));
            let redactor = Redactor::new([value.clone()]);
            let text = redactor.text(&format!("{before}{value}{after}"));
            prop_assert!(!text.replace(MARK, "").contains(&value), "{text}");
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), value in ".{0,8}") {
            let _ = Redactor::new([value]).bytes(&bytes);
        }
    }
}
