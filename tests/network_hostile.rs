//! Texts that no router would print: whatever is read, reading ends, soon, and loses nothing.

use crate::support::project;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use traghetto::network::parse;
use traghetto::network::text::ConfigText;

/// Every golden configuration of a router.
fn golden() -> Vec<String> {
    let mut texts = Vec::new();
    let mut folders = vec![project().join("tests/golden/network")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ios") {
                texts.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    assert!(texts.len() > 10, "{}", texts.len());
    texts
}

/// Numbers without an order, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// One change of a text.
fn changed(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return text.to_owned();
    }
    let at = chance.below(lines.len());
    let other = chance.below(lines.len());
    match chance.below(9) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(other, lines[at].clone()),
        2 => lines.swap(at, other),
        3 => lines.truncate(at),
        4 => lines[at] = format!("{:1$}{2}", "", chance.below(300), lines[at].trim_start()),
        5 => lines[at] = lines[at].split(' ').rev().collect::<Vec<_>>().join(" "),
        6 => lines[at].push_str(" 99999999999999999999 \u{1b}[2J\u{0} ?"),
        7 => {
            let cut = lines[at].char_indices().map(|(at, _)| at).nth(chance.below(40)).unwrap_or(0);
            lines[at].truncate(cut);
        }
        _ => {
            let mut bytes = std::mem::take(&mut lines[at]).into_bytes();
            let place = chance.below(bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << chance.below(8);
            }
            lines[at] = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
    lines.join("\n")
}

#[test]
fn a_changed_text_is_read_and_no_line_is_lost() {
    let mut chance = Chance(4);
    for text in golden() {
        for _ in 0..25 {
            let mut text = text.clone();
            for _ in 0..1 + chance.below(6) {
                text = changed(&text, &mut chance);
            }
            let config = ConfigText::parse(&text);
            assert_eq!(ConfigText::parse(&config.to_string()), config, "{text}");
            let device = parse::device(&config);
            assert_eq!(parse::parse(&config.to_string()).canonical(), device.clone().canonical());
            // A word that nothing knows is kept wherever it stands.
            let lines: Vec<_> = config.to_string().lines().map(str::to_owned).collect();
            let at = chance.below(lines.len());
            let indent = lines[at].len() - lines[at].trim_start().len();
            if lines[at].starts_with("banner") || lines[..at].iter().any(|line| line.starts_with("banner")) {
                continue;
            }
            let strange = format!("{:indent$}zzz nothing knows this", "");
            let with = [&lines[..at], &[strange], &lines[at..]].concat().join("\n");
            let read = format!("{:?}", parse::parse(&with));
            assert!(read.contains("zzz nothing knows this"), "lost before line {}:\n{with}", at + 1);
        }
    }
}

/// What takes long, if anything does: sizes that no router has.
#[test]
fn reading_ends_soon() {
    let many = |line: &dyn Fn(usize) -> String| (0..20_000).map(line).collect::<String>();
    let deep = (0..2000).fold(String::new(), |mut text, depth| {
        writeln!(text, "{:depth$}class x{depth}", "").unwrap();
        text
    });
    let wide = "x".repeat(1 << 20);
    let texts = [
        format!("interface {wide}\n ip address {wide}\n"),
        format!("hostname a\n {wide}\n  {wide}\n   {wide}\n"),
        format!("interface GigabitEthernet0/0/0\n description {wide}\n{}", format!("a {wide}\n").repeat(2)),
        format!("banner motd ^C\n{}", "interface Gi0\n".repeat(100_000)),
        deep.clone(),
        format!("policy-map a\n{}", deep.replace("class", " class")),
        many(&|at| format!("interface GigabitEthernet0/{at}\n ip address 10.0.0.1 255.0.0.0\n")),
        many(&|at| format!("ip route 10.{}.{}.0 255.255.255.0 10.0.0.1 name x{at}\n", at / 256, at % 256)),
        many(&|at| format!("vrf definition V{at}\n rd 1:{at}\n")),
        many(&|at| format!("access-list 101 permit tcp any host 10.{}.{}.1 eq 22\n", at / 256, at % 256)),
        format!("track 1 list boolean and\n{}", many(&|at| format!(" object {at}\n"))),
        format!("interface Gi0\n{}", many(&|at| format!(" standby {at} ip 10.0.0.1\n"))),
        format!("interface Gi0\n{}", many(&|at| format!(" ip helper-address 10.0.{}.{}\n", at % 9, at % 256))),
        many(&|at| format!("class-map match-any C{at}\n match dscp ef\npolicy-map P{at}\n class C{at}\n  drop\n")),
        many(&|at| format!("crypto ikev2 keyring K{at}\n peer P\n  address 10.0.0.1\n")),
    ];
    for (which, text) in texts.iter().enumerate() {
        let began = Instant::now();
        let device = parse::parse(text);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(30), "text {which} of {} bytes took {took:?}", text.len());
        drop(device.canonical());
    }
}
