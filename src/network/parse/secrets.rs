//! Secrets in lines: known by their place, never kept.

/// What stands for a secret, whatever it is: a value, a hash of any type, a reference.
pub const MARK: &str = "<secret>";

/// Words behind which everything is secret.
const BEFORE: [&str; 9] = [
    "secret",
    "password",
    "key-string",
    "pre-shared-key",
    "authentication-key",
    "message-digest-key",
    "hex-key",
    "md5-key",
    "wpa-psk",
];

/// `text` with a mark for each secret. How a password is hashed is left out too, since a router
/// tells it in another way than it is typed.
pub fn masked(text: &str) -> String {
    if text.contains('\n') {
        return text.to_owned();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let negated = usize::from(words.first() == Some(&"no"));
    let keep_from = |kept: usize| behind(&words, kept);
    match words.get(negated..).unwrap_or_default() {
        ["key", number] if number.bytes().all(|byte| byte.is_ascii_digit()) && number.len() < 4 => text.to_owned(),
        ["description" | "remark" | "banner", ..] => text.to_owned(),
        ["key", _, ..] => keep_from(negated + 1),
        ["tacacs-server" | "radius-server" | "tacacs" | "radius", ..] => {
            position(&words, "key").map_or_else(|| text.to_owned(), keep_from)
        }
        ["snmp-server", "community", _, rest @ ..] => rejoined(&words, negated + 2, rest),
        ["snmp-server", "host", ..] => snmp_host(&words, negated),
        ["snmp-server", "user", ..] => snmp_user(&words),
        ["crypto", "isakmp", "key", ..] => crypto_key(&words, negated),
        ["ntp", "authentication-key", ..] => keep_from(negated + 4),
        ["standby" | "vrrp" | "glbp", .., "authentication", "md5", "key-chain", _] => text.to_owned(),
        ["standby" | "vrrp" | "glbp", ..] => match position(&words, "authentication") {
            Some(_) => first_secret(&words)
                .unwrap_or_else(|| position(&words, "authentication").map_or_else(String::new, keep_from)),
            None => text.to_owned(),
        },
        _ => first_secret(&words).unwrap_or_else(|| text.to_owned()),
    }
}

/// The words up to and with the first that announces a secret, and the mark.
fn first_secret(words: &[&str]) -> Option<String> {
    let at = words.iter().position(|word| BEFORE.contains(&word.to_ascii_lowercase().as_str()))?;
    (at + 1 < words.len()).then(|| behind(words, at + 1))
}

/// The place behind `word`.
fn position(words: &[&str], word: &str) -> Option<usize> {
    words.iter().position(|other| *other == word).map(|at| at + 1).filter(|at| *at < words.len())
}

/// The first `kept` words, and the mark where there are more.
fn behind(words: &[&str], kept: usize) -> String {
    let hashing = |at: usize| at > 0 && words.get(at - 1) == Some(&"algorithm-type");
    let shown = words.iter().enumerate().take(kept);
    let mut shown: Vec<&str> =
        shown.filter(|(at, word)| **word != "algorithm-type" && !hashing(*at)).map(|(_, word)| *word).collect();
    if words.len() > kept {
        shown.push(MARK);
    }
    shown.join(" ")
}

/// The first `kept` words, the mark, and `rest`.
fn rejoined(words: &[&str], kept: usize, rest: &[&str]) -> String {
    let start = words.iter().take(kept).copied();
    start.chain([MARK]).chain(rest.iter().copied()).collect::<Vec<_>>().join(" ")
}

/// `snmp-server host ADDRESS [traps] [version 2c|3 [priv]] COMMUNITY …`: all words but these.
fn snmp_host(words: &[&str], negated: usize) -> String {
    let known = ["vrf", "traps", "informs", "version", "1", "2c", "3", "auth", "noauth", "priv"];
    let mut at = negated + 3;
    while let Some(word) = words.get(at)
        && known.contains(word)
    {
        at += if *word == "vrf" { 2 } else { 1 };
    }
    let rest = words.get(at + 1..).unwrap_or_default();
    if at < words.len() { rejoined(words, at, rest) } else { words.join(" ") }
}

/// `snmp-server user NAME GROUP v3 …`: what follows the kinds of authentication and privacy.
fn snmp_user(words: &[&str]) -> String {
    match position(words, "auth") {
        Some(at) => behind(words, at + 1),
        None => words.join(" "),
    }
}

/// `crypto isakmp key [0|6] KEY address|hostname …`.
fn crypto_key(words: &[&str], negated: usize) -> String {
    let end = words.iter().rposition(|word| ["address", "hostname"].contains(word)).unwrap_or(words.len());
    rejoined(words, negated + 3, words.get(end..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_secret_is_known_by_its_presence() {
        let lines = [
            (
                "username breakglass privilege 15 algorithm-type scrypt secret <secret:x>",
                "username breakglass privilege 15 secret <secret>",
            ),
            ("username breakglass privilege 15 secret 9 $9$abc", "username breakglass privilege 15 secret <secret>"),
            ("enable secret 5 $1$x", "enable secret <secret>"),
            ("snmp-server community s3cret RO 10", "snmp-server community <secret> RO 10"),
            (
                "snmp-server host 10.0.0.1 version 2c s3cret udp-port 1162",
                "snmp-server host 10.0.0.1 version 2c <secret> udp-port 1162",
            ),
            (
                "snmp-server user a G v3 auth sha s3cret priv aes 128 s3cret2",
                "snmp-server user a G v3 auth sha <secret>",
            ),
            ("key 7 0822455D0A16", "key <secret>"),
            ("key 1", "key 1"),
            ("key s3cret", "key <secret>"),
            ("tacacs-server host 10.0.0.1 key 7 s3cret", "tacacs-server host 10.0.0.1 key <secret>"),
            ("crypto isakmp key 6 s3cret address 10.0.0.1", "crypto isakmp key <secret> address 10.0.0.1"),
            ("ntp authentication-key 1 md5 s3cret 7", "ntp authentication-key 1 md5 <secret>"),
            ("neighbor 10.0.0.1 password 7 s3cret", "neighbor 10.0.0.1 password <secret>"),
            ("standby 1 authentication s3cret", "standby 1 authentication <secret>"),
            ("standby 1 authentication md5 key-string 7 s3cret", "standby 1 authentication md5 key-string <secret>"),
            ("standby 1 authentication md5 key-chain HSRP", "standby 1 authentication md5 key-chain HSRP"),
            ("pre-shared-key local s3cret", "pre-shared-key <secret>"),
            (
                "profile id 1 apn x authentication pap username u password s3cret",
                "profile id 1 apn x authentication pap username u password <secret>",
            ),
            ("service password-encryption", "service password-encryption"),
            ("no snmp-server community s3cret", "no snmp-server community <secret>"),
        ];
        for (line, expected) in lines {
            assert_eq!(masked(line), expected);
            assert!(!masked(line).contains("s3cret"), "{line}");
            assert_eq!(masked(&masked(line)), masked(line));
        }
    }
}
