//! Secrets in lines: known by their place, never kept.

use std::ops::Range;

/// What stands for a secret, whatever it is: a value, a hash of any type, a reference.
pub const MARK: &str = "<secret>";
/// How a line that names a secret instead of holding it begins that name.
pub const REFERENCE: &str = "<secret:";

/// Words behind which everything is secret.
const BEFORE: [&str; 17] = [
    "secret",
    "password",
    "passwd",
    "area-password",
    "domain-password",
    "passphrase",
    "key-string",
    "pre-shared-key",
    "authentication-key",
    "hex-key",
    "md5-key",
    "server-key",
    "session-key",
    "set-key",
    "wpa-psk",
    "hmac-sha-256",
    "community-map",
];
/// Words behind which everything is secret in a line that has none of [`BEFORE`].
const LAST: [&str; 4] = ["key", "md5", "sha1", "spi"];
/// Words between a secret's place and its value: how it is written, for which side.
const KINDS: [&str; 6] = ["local", "remote", "text", "encrypted", "ascii", "hex"];

/// `text` with a mark for each secret. How a password is hashed is left out too, since a router
/// tells it in another way than it is typed.
pub fn masked(text: &str) -> String {
    if text.contains('\n') {
        return text.to_owned();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let hashing = |at: usize| words[at] == "algorithm-type" || (at > 0 && words[at - 1] == "algorithm-type");
    let address = |word: &str| match login(word) {
        Some(place) => format!("{}{MARK}{}", &word[..place.start], &word[place.end..]),
        None => word.to_owned(),
    };
    match hidden(&words) {
        Some(Range { start, end }) => {
            let kept = (0..start).filter(|at| !hashing(*at)).map(|at| address(words[at]));
            let rest = words[end..].iter().map(|word| address(word));
            kept.chain([MARK.to_owned()]).chain(rest).collect::<Vec<_>>().join(" ")
        }
        None if words.iter().any(|word| login(word).is_some()) => {
            words.iter().map(|word| address(word)).collect::<Vec<_>>().join(" ")
        }
        None => text.to_owned(),
    }
}

/// `text` with a reference called `name` in the place of its secret; none where the secret is not one
/// word, or there is more than one.
pub fn referenced(text: &str, name: &str) -> Option<String> {
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let plain: Vec<&str> = text.split_whitespace().collect();
    let logins: Vec<usize> = (0..plain.len()).filter(|at| login(plain[*at]).is_some()).collect();
    let (at, place) = match (hidden(&plain), logins.as_slice()) {
        (Some(range), []) => {
            let is_type = |word: &str| word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_digit());
            let kinds = plain[range.clone()].iter().take_while(|word| is_type(word) || KINDS.contains(word)).count();
            // What looks like a kind and is the last word is the secret itself.
            let at = range.start + kinds.min(range.len() - 1);
            let behind = &plain[at + 1..range.end];
            (behind.iter().all(|word| is_type(word))).then_some((at, 0..plain[at].len()))?
        }
        (None, [at]) => (*at, login(plain[*at])?),
        _ => return None,
    };
    words[at].replace_range(place, &format!("{REFERENCE}{name}>"));
    Some(words.join(" "))
}

/// The words of `text` for which there is a mark in [`masked`].
pub fn secret_words(text: &str) -> Vec<&str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    hidden(&words).and_then(|range| words.get(range)).unwrap_or_default().to_vec()
}

/// The words of a line that are secret.
fn hidden(words: &[&str]) -> Option<Range<usize>> {
    let negated = usize::from(matches!(words.first(), Some(&("no" | "default"))));
    let from = |at: usize| (at < words.len()).then_some(at..words.len());
    let one = |at: usize| (at < words.len()).then_some(at..at + 1);
    let behind = |word: &str| words.iter().position(|other| *other == word).and_then(|at| from(at + 1));
    match words.get(negated..).unwrap_or_default() {
        ["key", number] if number.bytes().all(|byte| byte.is_ascii_digit()) && number.len() < 4 => None,
        ["key", "chain", ..] | ["description" | "remark" | "banner", ..] | ["tunnel", "key", ..] => None,
        ["key", _, ..] => from(negated + 1),
        ["tacacs-server" | "radius-server" | "tacacs" | "radius", ..] => behind("key"),
        ["snmp-server", "community", ..] => one(negated + 2),
        ["snmp-server", "host", ..] => one(snmp_host(words, negated)),
        ["snmp-server", "user", ..] => behind("auth").and_then(|auth| from(auth.start + 1)),
        ["crypto", "isakmp", "key", rest @ ..] => {
            let end = rest.iter().rposition(|word| ["address", "hostname"].contains(word)).unwrap_or(rest.len());
            (end > 0).then_some(negated + 3..negated + 3 + end)
        }
        ["ntp", "authentication-key", ..] => from(negated + 4),
        ["ntp", ..] => None,
        ["ip", "nhrp", "authentication", ..] => from(negated + 3),
        ["standby" | "vrrp" | "glbp", .., "authentication", "md5", "key-chain", _] => None,
        ["standby" | "vrrp" | "glbp", ..] => {
            behind("authentication").and_then(|all| first(words, &BEFORE).or(Some(all)))
        }
        _ => message_digest(words).or_else(|| first(words, &BEFORE)).or_else(|| {
            let named = words.iter().any(|word| ["key-chain", "key-chains"].contains(word));
            if named { None } else { first(words, &LAST) }
        }),
    }
}

/// What stands behind the first word that announces a secret.
fn first(words: &[&str], announcing: &[&str]) -> Option<Range<usize>> {
    let at = words.iter().position(|word| announcing.contains(&word.to_ascii_lowercase().as_str()))?;
    (at + 1 < words.len()).then_some(at + 1..words.len())
}

/// `… message-digest-key NUMBER md5 [TYPE] KEY`: the number is no secret.
fn message_digest(words: &[&str]) -> Option<Range<usize>> {
    let at = words.iter().position(|word| *word == "message-digest-key")?;
    let kept = if words.get(at + 2) == Some(&"md5") { at + 3 } else { at + 1 };
    (kept < words.len()).then_some(kept..words.len())
}

/// Where the community is in `snmp-server host ADDRESS [traps] [version 2c|3 [priv]] COMMUNITY …`.
fn snmp_host(words: &[&str], negated: usize) -> usize {
    const KNOWN: [&str; 10] = ["vrf", "traps", "informs", "version", "1", "2c", "3", "auth", "noauth", "priv"];
    let mut at = negated + 3;
    while let Some(word) = words.get(at)
        && KNOWN.contains(word)
    {
        at += if *word == "vrf" { 2 } else { 1 };
    }
    at
}

/// Where a web address in `word` holds a name and a password: `scp://NAME:PASSWORD@host/path`.
fn login(word: &str) -> Option<Range<usize>> {
    let start = word.find("://")? + 3;
    let end = start + word.get(start..)?.rfind('@')?;
    word.get(start..end)?.contains(':').then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::{masked, referenced};

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
            ("enable password 7 s3cret", "enable password <secret>"),
            ("password 7 s3cret", "password <secret>"),
            ("radius-server key 7 s3cret", "radius-server key <secret>"),
            ("server-private 10.0.0.1 timeout 5 key 7 s3cret", "server-private 10.0.0.1 timeout 5 key <secret>"),
            ("client 10.0.0.1 server-key 7 s3cret", "client 10.0.0.1 server-key <secret>"),
            ("ip nhrp authentication s3cret", "ip nhrp authentication <secret>"),
            ("ip ospf authentication-key 7 s3cret", "ip ospf authentication-key <secret>"),
            ("ip ospf message-digest-key 5 md5 7 s3cret", "ip ospf message-digest-key 5 md5 <secret>"),
            ("ip ospf authentication message-digest", "ip ospf authentication message-digest"),
            ("ip ospf authentication key-chain OSPF", "ip ospf authentication key-chain OSPF"),
            (
                "area 1 virtual-link 10.0.0.1 authentication-key s3cret",
                "area 1 virtual-link 10.0.0.1 authentication-key <secret>",
            ),
            ("ipv6 ospf authentication ipsec spi 500 md5 s3cret", "ipv6 ospf authentication ipsec spi <secret>"),
            ("authentication mode hmac-sha-256 0 s3cret", "authentication mode hmac-sha-256 <secret>"),
            ("isis password s3cret", "isis password <secret>"),
            ("area-password s3cret", "area-password <secret>"),
            ("ppp chap password 0 s3cret", "ppp chap password <secret>"),
            ("ppp pap sent-username u password 7 s3cret", "ppp pap sent-username u password <secret>"),
            ("ip ftp password 7 s3cret", "ip ftp password <secret>"),
            ("l2tp tunnel password 7 s3cret", "l2tp tunnel password <secret>"),
            ("vtp password s3cret", "vtp password <secret>"),
            ("mpls ldp neighbor 10.0.0.1 password s3cret", "mpls ldp neighbor 10.0.0.1 password <secret>"),
            ("vrrp 1 authentication md5 key-string 7 s3cret", "vrrp 1 authentication md5 key-string <secret>"),
            ("glbp 1 authentication text s3cret", "glbp 1 authentication <secret>"),
            ("crypto isakmp key s3cret hostname peer.example", "crypto isakmp key <secret> hostname peer.example"),
            ("pre-shared-key address 10.0.0.1 key s3cret", "pre-shared-key <secret>"),
            ("set session-key inbound esp 300 cipher s3cret", "set session-key <secret>"),
            ("key config-key password-encrypt s3cret", "key <secret>"),
            ("encryption key 1 size 40bit 7 s3cret transmit-key", "encryption key <secret>"),
            ("pac key 7 s3cret", "pac key <secret>"),
            ("ip rsvp authentication key s3cret", "ip rsvp authentication key <secret>"),
            ("snmp mib community-map s3cret context c", "snmp mib community-map <secret>"),
            ("path scp://backup:s3cret@10.0.0.9/$h", "path scp://<secret>@10.0.0.9/$h"),
            ("path tftp://10.0.0.9/$h", "path tftp://10.0.0.9/$h"),
            ("key chain HSRP-LAN", "key chain HSRP-LAN"),
            ("tunnel key 4711", "tunnel key 4711"),
            ("ntp server 10.0.0.1 key 5", "ntp server 10.0.0.1 key 5"),
            ("description the key of the house", "description the key of the house"),
            ("no snmp-server community s3cret", "no snmp-server community <secret>"),
        ];
        for (line, expected) in lines {
            assert_eq!(masked(line), expected);
            assert!(!masked(line).contains("s3cret"), "{line}");
            assert_eq!(masked(&masked(line)), masked(line));
        }
    }

    #[test]
    fn a_reference_takes_the_place_of_one_word() {
        let named = [
            (
                "standby 1 authentication md5 key-string 7 s3cret",
                "standby 1 authentication md5 key-string 7 <secret:x>",
            ),
            ("standby 1 authentication text s3cret", "standby 1 authentication text <secret:x>"),
            ("pre-shared-key local 6 s3cret", "pre-shared-key local 6 <secret:x>"),
            ("pre-shared-key 7", "pre-shared-key <secret:x>"),
            ("ntp authentication-key 1 md5 s3cret 7", "ntp authentication-key 1 md5 <secret:x> 7"),
            ("snmp-server community s3cret RO 10", "snmp-server community <secret:x> RO 10"),
            ("username a privilege 15 secret 9 s3cret", "username a privilege 15 secret 9 <secret:x>"),
            ("path scp://backup:s3cret@10.0.0.9/$h", "path scp://<secret:x>@10.0.0.9/$h"),
        ];
        for (line, expected) in named {
            assert_eq!(referenced(line, "x").as_deref(), Some(expected));
            assert_eq!(masked(expected), masked(line), "the same by presence");
        }
        for line in [
            "snmp-server user a G v3 auth sha s3cret priv aes 128 s3cret",
            "standby 1 authentication md5 key-string 7 s3cret timeout 30",
            "service password-encryption",
        ] {
            assert_eq!(referenced(line, "x"), None, "{line}");
        }
    }
}
