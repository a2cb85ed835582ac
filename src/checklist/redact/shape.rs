//! Secrets that are known by their shape alone: by the word before them, or by how they begin.

use super::MARK;

/// Words behind which, after `=` or `:`, there is a secret. They may end a longer word.
const NAMES: [&str; 28] = [
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
    "bindpw",
    "rootpw",
    "authtok",
    "requirepass",
    "masterauth",
    "key content",
    "contenuto chiave",
    "parola d'ordine",
    "parola d\u{2019}ordine",
    "parola d'accesso",
    "parola di accesso",
    "chiave segreta",
    "chiave precondivisa",
    "segreto",
];
/// The same, but only as a word of its own: as the end of another they are ordinary (`bypass`).
const WORDS: [&str; 5] = ["pass", "psk", "psw", "pw", "chiave"];
/// What a key has besides its content: `Dimensione chiave: 2048` tells no secret.
const OF_A_KEY: [&str; 12] = [
    "dimensione",
    "lunghezza",
    "tipo",
    "di",
    "della",
    "id",
    "identificatore",
    "nome",
    "numero",
    "algoritmo",
    "impronta",
    "formato",
];
/// Words of a configuration behind which, after a space, there is a secret up to the end of the line.
const COMMANDS: [&str; 21] = [
    "password ",
    "secret ",
    "key-string ",
    "pre-shared-key ",
    "snmp-server community ",
    "isakmp key ",
    "wpa-psk ",
    "bearer ",
    "passphrase ",
    "bindpw ",
    "rootpw ",
    "authtok ",
    "auth_pass ",
    "requirepass ",
    "masterauth ",
    "parola d'ordine ",
    "parola d\u{2019}ordine ",
    "parola d'accesso ",
    "parola di accesso ",
    "parola chiave ",
    "chiave precondivisa ",
];
/// How the hash of a password begins (crypt, shadow).
const HASHES: [&str; 18] = [
    "$1$", "$2a$", "$2b$", "$2x$", "$2y$", "$5$", "$6$", "$7$", "$8$", "$9$", "$y$", "$gy$", "$apr1$", "$argon2",
    "$md5", "$sha1$", "$scrypt$", "$pbkdf2",
];
/// What names the scheme of a hash in braces (LDAP: `{SSHA}…`).
const SCHEMES: [&str; 10] =
    ["ssha", "sha", "smd5", "md5", "crypt", "pbkdf2", "argon2", "argon2i", "argon2id", "nthash"];
/// Tools, by how their names begin, with the option that takes a password, and whether it may stand apart from it.
const OPTIONS: [(&str, &str, bool); 9] = [
    ("mysql", "-p", false),
    ("mariadb", "-p", false),
    ("ldap", "-w", true),
    ("ldap", "-p", false),
    ("sshpass", "-p", true),
    ("redis-cli", "-a", true),
    ("sqlcmd", "-P", true),
    ("plink", "-pw", true),
    ("pscp", "-pw", true),
];

/// `text` without what the shapes tell.
pub(super) fn masked(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut inside = Inside::Nothing;
    for line in text.split_inclusive('\n') {
        let (body, end) = split_end(line);
        if inside == Inside::Key {
            inside = if body.contains("-----END ") { Inside::Nothing } else { Inside::Key };
            continue;
        }
        if let Some(at) = body.find("-----BEGIN ").filter(|_| body.contains("PRIVATE KEY")) {
            kept.extend([&body[..at], MARK]);
            inside = if body.contains("-----END ") { Inside::Nothing } else { Inside::Key };
        } else if inside == Inside::Element && is_content(body.trim()) {
            kept.push_str(MARK);
            inside = Inside::Nothing;
        } else {
            kept.push_str(&masked_line(body));
            inside = inside.after(body.trim());
        }
        kept.push_str(end);
    }
    kept
}

/// In what a line stands whose beginning and end are on other lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A private key.
    Key,
    /// An element of XML that holds a secret.
    Element,
}

impl Inside {
    /// The same after a line that was kept.
    fn after(self, line: &str) -> Self {
        match self {
            _ if line != MARK && is_tag(line) && names_secret(tag(line)) => Inside::Element,
            Inside::Element if line.is_empty() || (is_tag(line) && !line.starts_with("</")) => Inside::Element,
            _ => Inside::Nothing,
        }
    }
}

/// The line without its end, and its end.
fn split_end(line: &str) -> (&str, &str) {
    let body = line.trim_end_matches(['\n', '\r']);
    line.split_at(body.len())
}

/// A line without what the shapes tell.
fn masked_line(line: &str) -> String {
    let line = without_user_info(line);
    // Lower case letter by letter, so that places in it are places in the line.
    let lower = line.to_ascii_lowercase().replace('\t', " ");
    let named = NAMES.iter().filter_map(|name| behind_name(&lower, name)).min();
    let word = WORDS.iter().filter_map(|word| behind_word(&lower, word)).min();
    let command = COMMANDS.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min();
    let hash = HASHES.iter().filter_map(|start| line.find(start)).min();
    let all = [named, word, command, hash, scheme(&lower), element(&lower), option(&line, &lower)];
    match all.into_iter().flatten().min() {
        Some(from) if !line[from..].trim().is_empty() => format!("{}{MARK}", &line[..from]),
        _ => line,
    }
}

/// Where the value begins behind a name that ends at `end`: after a quote if need be, and `=` or `:`;
/// also in an attribute of its own (`name="Password" value="…"`).
fn value(lower: &str, end: usize) -> Option<(usize, char)> {
    const BETWEEN: [char; 4] = ['"', '\'', ' ', ']'];
    let rest = &lower[end..];
    let mut sign = rest.trim_start_matches(BETWEEN);
    if sign.len() < rest.len() {
        let apart = sign.trim_start_matches([',', ' ', '"', '\'']).strip_prefix("value");
        sign = apart.map_or(sign, |apart| apart.trim_start_matches(BETWEEN));
    }
    let first = sign.chars().next().filter(|first| matches!(first, '=' | ':'))?;
    Some((end + (rest.len() - sign.len()) + 1, first))
}

/// Where the value begins behind `name`.
fn behind_name(lower: &str, name: &str) -> Option<usize> {
    lower.match_indices(name).find_map(|(at, _)| Some(value(lower, at + name.len())?.0))
}

/// The same for a name that must be a word of its own.
fn behind_word(lower: &str, word: &str) -> Option<usize> {
    lower.match_indices(word).find_map(|(at, _)| {
        let before = &lower[..at];
        let apart = !before.ends_with(char::is_alphanumeric);
        let (from, sign) = value(lower, at + word.len()).filter(|_| apart)?;
        let names = match word {
            // `pass: 12` is a count, `Result: pass: …` a verdict.
            "pass" if sign == ':' => before.trim().is_empty() || before.ends_with(['_', '-', '"', '\'']),
            "chiave" => !before.split_whitespace().next_back().is_some_and(|word| OF_A_KEY.contains(&word)),
            _ => true,
        };
        let first = lower[from..].split([',', '}']).next().unwrap_or_default();
        let count = word == "pass" && sign == ':' && first.trim().parse::<f64>().is_ok();
        (names && !count).then_some(from)
    })
}

/// Where a hash with its scheme in braces begins.
fn scheme(lower: &str) -> Option<usize> {
    lower.match_indices('{').map(|(at, _)| at).find(|at| {
        let Some((name, hash)) = lower[at + 1..].split_once('}') else { return false };
        let known = SCHEMES.iter().filter_map(|scheme| name.strip_prefix(scheme)).any(|rest| {
            rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && rest.bytes().next().is_none_or(|first| first.is_ascii_digit() || first == b'-')
        });
        known && hash.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '+' | '$' | '.'))
    })
}

/// Where the text of an element of XML begins that holds a secret and ends on the line.
fn element(lower: &str) -> Option<usize> {
    lower.match_indices('<').find_map(|(at, _)| {
        let (_, rest) = lower[at..].split_once('>').filter(|_| names_secret(tag(&lower[at..])))?;
        let text = rest.find("</").filter(|length| *length > 0);
        text.map(|_| lower.len() - rest.len())
    })
}

/// The name of the tag with which `text` begins.
fn tag(text: &str) -> &str {
    let name = text.strip_prefix('<').unwrap_or_default();
    name.split(|c: char| c == '>' || c.is_whitespace()).next().unwrap_or_default()
}

/// Whether a line within an element is what it holds.
fn is_content(line: &str) -> bool {
    line == MARK || (!line.is_empty() && !is_tag(line))
}

/// Whether a line is one tag and nothing else.
fn is_tag(line: &str) -> bool {
    line.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).is_some_and(|tag| !tag.contains(['<', '>']))
}

fn names_secret(tag: &str) -> bool {
    let tag = tag.to_ascii_lowercase();
    !tag.starts_with('/') && NAMES.iter().any(|name| tag.ends_with(name))
}

/// Where the password begins that a command line gives to a tool.
fn option(line: &str, lower: &str) -> Option<usize> {
    let values = OPTIONS.iter().flat_map(|(tool, option, apart)| {
        let starts = lower.match_indices(tool).map(|(at, _)| at);
        let tools = starts.filter(|at| !lower[..*at].ends_with(char::is_alphanumeric));
        tools.filter_map(|at| Some(at + option_value(&line[at..], option, *apart)?))
    });
    values.min()
}

/// Where the value of `option` begins in the words of a command line.
fn option_value(words: &str, option: &str, apart: bool) -> Option<usize> {
    let place = |word: &str| word.as_ptr() as usize - words.as_ptr() as usize;
    let mut given = words.split_whitespace().skip(1);
    while let Some(word) = given.next() {
        // The port of the LDAP tools has the letter of MySQL's password.
        let is_port = |value: &str| words.starts_with("ldap") && option == "-p" && is_number(value);
        match word.strip_prefix(option) {
            Some("") if apart => return given.next().map(place),
            Some("") | None => {}
            Some(value) if is_port(value) => {}
            Some(_) => return Some(place(word) + option.len()),
        }
    }
    None
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
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
