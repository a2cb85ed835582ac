//! The one script that a host runs for all its items, and the reading of what it prints.
//!
//! Each item runs in a shell of its own with its own time limit, without input. What it prints is
//! bounded and comes back in hexadecimal, and each answer is headed by a word that nobody on the
//! host could know before: nothing that an item prints can end its own answer or forge another's.
//! Plain POSIX `sh` with `head`, `od` and, where the host has it, `timeout`; nothing is written.
//! Where a connection is at hand, `together` asks first, with a fraction of the processes.

pub(super) mod together;

use crate::untrusted::shell_quoted;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Most bytes that an item may print to standard output, unless its checklist says more.
pub(super) const STDOUT_LIMIT: usize = 16 << 10;
/// Most bytes of standard error that are kept.
const STDERR_LIMIT: usize = 2 << 10;
/// Most items in one script.
const MOST_ITEMS: usize = 100;
/// Most bytes that the items of one script may print, so that the answers in hexadecimal fit into
/// what a session accepts (8 MiB).
const MOST_BYTES: usize = MOST_ITEMS * STDOUT_LIMIT;

/// One item of a script.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// By which its answer is known.
    pub(super) number: usize,
    /// What is run.
    pub(super) script: &'a str,
    /// How long it may take.
    pub(super) timeout: Duration,
    /// Most bytes that it may print.
    pub(super) most_bytes: usize,
}

/// How many of the items that may print `limits` go into the first script: at least one.
pub(super) fn first_script(limits: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0_usize;
    let fitting = limits.take(MOST_ITEMS).take_while(|limit| {
        bytes = bytes.saturating_add(*limit);
        bytes <= MOST_BYTES
    });
    fitting.count().max(1)
}

/// What an item answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Answer {
    /// Its exit status; none if the script ended before.
    pub(super) exit: Option<u32>,
    /// What it printed, at most one byte more than it may.
    pub(super) stdout: Vec<u8>,
    /// What it printed to standard error, cut.
    pub(super) stderr: Vec<u8>,
    /// How long it took, where the host could say.
    pub(super) took: Duration,
}

/// What every item may say: `needs df root` ends it as an error where the host has no `df`, or where it
/// is not asked as root, and `unread /etc/hosts` where that could not be read. A pipeline ends as its
/// last command does, and so would pass without the first.
pub(super) const WORDS: &str = r#"needs() {
  for need in "$@"; do
    if [ "$need" = root ]; then
      [ "$(id -u)" = 0 ] || { echo "not root" >&2; exit 126; }
    else
      command -v "$need" >/dev/null 2>&1 || { echo "$need is missing" >&2; exit 127; }
    fi
  done
}
unread() { echo "not read: $*" >&2; exit 126; }
"#;

/// The functions of the script. `$n` is the heading word, `$words` the functions of its items.
const PROLOGUE: &str = r#"
LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export LC_ALL PATH
exec 5>&1
now() { read -r uptime idle </proc/uptime || uptime=0; } 2>/dev/null
hex() { head -c "$1" | od -An -v -tx1; }
modern=; timeout -s KILL 5 true </dev/null >/dev/null 2>&1 && modern=yes
own=; command -v setsid >/dev/null 2>&1 && own=setsid
limit() {
  if [ "$modern" ]; then timeout -s KILL "$1" sh -c "$words$2"; return; fi
  $own sh -c "$words$2" & p=$!
  { sleep "$1"; kill -9 "-$p" || kill -9 "$p"; } >/dev/null 2>&1 & w=$!
  wait "$p"; r=$?
  kill "$w" 2>/dev/null
  return "$r"
}
item() {
  e=$({ o=$({ now; a=$uptime; limit "$2" "$3" </dev/null 2>&3 3>&- 5>&-; r=$?; now
      echo "$n rc $1 $r $a $uptime" >&5; } | hex "$4"); printf '%s out %s\n%s\n' "$n" "$1" "$o" >&5
  } 3>&1 | hex "$5")
  printf '%s err %s\n%s\n' "$n" "$1" "$e"
}
printf '%s ready\n' "$n"; printf ok | hex 2
"#;

/// The script for `entries`; `nonce` is its heading word and is used once.
pub(super) fn script(nonce: &str, entries: &[Entry<'_>]) -> String {
    let mut text = format!("n={}\nwords={}\n{PROLOGUE}", shell_quoted(nonce), shell_quoted(WORDS));
    for entry in entries {
        let _ = writeln!(
            text,
            "item {} {} {} {} {}",
            entry.number,
            entry.timeout.as_secs().max(1),
            shell_quoted(entry.script),
            entry.most_bytes + 1,
            STDERR_LIMIT
        );
    }
    text
}

/// The answers in what the script printed; none if the host could not even run its functions.
pub(super) fn answers(nonce: &str, printed: &[u8]) -> Option<BTreeMap<usize, Answer>> {
    let mut answers: BTreeMap<usize, Answer> = BTreeMap::new();
    let mut ready = Vec::new();
    let mut section = Section::None;
    for line in printed.split(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(line).unwrap_or_default();
        if let Some(head) = line.strip_prefix(nonce) {
            section = Section::head(head, &mut answers);
            continue;
        }
        let bytes = line.split_ascii_whitespace().filter_map(|word| u8::from_str_radix(word, 16).ok());
        match section {
            Section::None => {}
            Section::Ready => ready.extend(bytes),
            Section::Stdout(number) => answers.entry(number).or_default().stdout.extend(bytes),
            Section::Stderr(number) => answers.entry(number).or_default().stderr.extend(bytes),
        }
    }
    (ready == b"ok").then_some(answers)
}

/// What the script printed, after `clean` has seen each answer as the host gave it: in hexadecimal no
/// word is found. What it leaves as it is stays as it was printed.
pub(super) fn cleaned(nonce: &str, printed: &[u8], clean: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut part: Vec<u8> = Vec::new();
    let mut is_answer = false;
    for line in printed.split_inclusive(|byte| *byte == b'\n').chain([nonce.as_bytes()]) {
        let Some(head) = line.strip_prefix(nonce.as_bytes()) else {
            part.extend(line);
            continue;
        };
        kept.extend(if is_answer { cleaned_answer(&part, &clean) } else { clean(&part) });
        kept.extend(clean(line));
        part.clear();
        is_answer = head.trim_ascii_start().starts_with(b"out ") || head.trim_ascii_start().starts_with(b"err ");
    }
    // The heading that ends the last part is ours.
    kept.truncate(kept.len() - nonce.len());
    kept
}

fn cleaned_answer(part: &[u8], clean: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let words = part.split(u8::is_ascii_whitespace);
    let bytes: Vec<u8> =
        words.filter_map(|word| u8::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()).collect();
    let kept = clean(&bytes);
    if kept == bytes {
        return clean(part);
    }
    let line = |bytes: &[u8]| bytes.iter().map(|byte| format!(" {byte:02x}")).collect::<String>() + "\n";
    kept.chunks(16).map(line).collect::<String>().into_bytes()
}

/// Whose bytes follow a heading.
#[derive(Debug, Clone, Copy)]
enum Section {
    None,
    Ready,
    Stdout(usize),
    Stderr(usize),
}

impl Section {
    fn head(head: &str, answers: &mut BTreeMap<usize, Answer>) -> Self {
        let words: Vec<&str> = head.split_ascii_whitespace().collect();
        let number = words.get(1).and_then(|word| word.parse().ok());
        match (words.as_slice(), number) {
            (["ready"], _) => Section::Ready,
            (["out", _], Some(number)) => Section::Stdout(number),
            (["err", _], Some(number)) => Section::Stderr(number),
            (["rc", _, exit, from, until], Some(number)) => {
                let answer = answers.entry(number).or_default();
                answer.exit = exit.parse().ok();
                answer.took = elapsed(from, until).unwrap_or_default();
                Section::None
            }
            _ => Section::None,
        }
    }
}

fn elapsed(from: &str, until: &str) -> Option<Duration> {
    let seconds: f64 = until.parse::<f64>().ok()? - from.parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    const NONCE: &str = "0f0e0d0c0b0a";

    /// Runs items with a real shell; `PATH` may be a folder without some tools.
    fn answered(shell: &str, path: Option<&str>, scripts: &[&str]) -> Option<BTreeMap<usize, Answer>> {
        let entries: Vec<Entry<'_>> = scripts
            .iter()
            .enumerate()
            .map(|(number, script)| Entry { number, script, timeout: Duration::from_secs(1), most_bytes: STDOUT_LIMIT })
            .collect();
        let mut command = Command::new(shell);
        command.arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(path) = path {
            command.env("PATH", path);
        }
        let mut child = command.spawn().unwrap();
        let text = script(NONCE, &entries);
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        answers(NONCE, &child.wait_with_output().unwrap().stdout)
    }

    #[test]
    fn each_item_answers_for_itself() {
        let found = answered("/bin/sh", None, &["echo one; echo two >&2", "exit 7", "cat; pwd >/dev/null"]).unwrap();
        let (one, two) = (&found[&0], &found[&1]);
        assert_eq!((one.exit, one.stdout.as_slice(), one.stderr.as_slice()), (Some(0), &b"one\n"[..], &b"two\n"[..]));
        assert_eq!((two.exit, two.stdout.len(), two.stderr.len()), (Some(7), 0, 0));
        assert_eq!((found[&2].exit, found[&2].stdout.len()), (Some(0), 0), "no item may read the script");
    }

    #[test]
    fn an_item_says_what_it_needs() {
        let scripts =
            ["needs nowhere head; echo no", "needs head od root; echo yes", "needs; echo yes", "unread /x; echo no"];
        let found = answered("/bin/sh", None, &scripts).unwrap();
        let missing = &found[&0];
        assert_eq!((missing.exit, missing.stdout.len()), (Some(127), 0));
        assert_eq!(missing.stderr, b"nowhere is missing\n");
        // These tests run as root or not.
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        assert_eq!(found[&1].exit, Some(if root { 0 } else { 126 }));
        assert_eq!((found[&2].exit, found[&2].stdout.as_slice()), (Some(0), &b"yes\n"[..]));
        assert_eq!((found[&3].exit, found[&3].stdout.len()), (Some(126), 0));
        assert_eq!(found[&3].stderr, b"not read: /x\n");
    }

    #[test]
    fn hostile_output_stays_inside_its_answer() {
        let forged = format!("printf '{NONCE} rc 1 0 0 0\\n{NONCE} out 1\\n 41\\n'; exit 3");
        let binary = "printf 'a\\000\\377\\033[2J'";
        let found = answered("/bin/sh", None, &[&forged, "exit 9", binary, "exit 0; 'not closed"]).unwrap();
        assert_eq!((found[&0].exit, found[&1].exit), (Some(3), Some(9)));
        assert!(found[&0].stdout.starts_with(NONCE.as_bytes()));
        assert_eq!(found[&1].stdout, b"");
        assert_eq!(found[&2].stdout, b"a\0\xff\x1b[2J");
        assert_ne!(found[&3].exit, Some(0), "a broken script does not pass, nor break the others");
    }

    #[test]
    fn floods_and_hangs_cost_their_own_time_only() {
        let began = std::time::Instant::now();
        let found =
            answered("/bin/sh", None, &["yes", "yes >&2", "sleep 30", "sleep 30 & sleep 30", "echo end"]).unwrap();
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        assert_eq!(found[&0].stdout.len(), STDOUT_LIMIT + 1);
        assert_eq!(found[&1].stderr.len(), STDERR_LIMIT);
        assert_eq!((found[&2].exit, found[&3].exit), (Some(137), Some(137)));
        assert_eq!((found[&4].exit, found[&4].stdout.as_slice()), (Some(0), &b"end\n"[..]));
    }

    /// A folder with links to these programs.
    fn programs(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let found =
                ["/usr/bin", "/bin"].iter().map(|dir| format!("{dir}/{name}")).find(|p| std::fs::exists(p).unwrap());
            std::os::unix::fs::symlink(found.unwrap(), folder.path().join(name)).unwrap();
        }
        folder
    }

    #[test]
    fn a_host_without_timeout_still_limits_its_items() {
        for own in [&["sh", "head", "od", "sleep", "setsid"][..], &["sh", "head", "od", "sleep"]] {
            let folder = programs(own);
            let path = folder.path().to_str();
            let found = answered("/bin/sh", path, &["exec sleep 20", "echo out; echo err >&2; exit 4"]).unwrap();
            assert_eq!(found[&0].exit, Some(137));
            let quick = &found[&1];
            assert_eq!(
                (quick.exit, quick.stdout.as_slice(), quick.stderr.as_slice()),
                (Some(4), &b"out\n"[..], &b"err\n"[..])
            );
        }
    }

    #[test]
    fn a_host_without_the_tools_answers_nothing() {
        let folder = programs(&["sh", "sleep"]);
        assert_eq!(answered("/bin/sh", folder.path().to_str(), &["exit 0"]), None);
        assert_eq!(answers(NONCE, b"This account is currently not available.\n"), None);
        assert_eq!(answers(NONCE, &[0xff, 0, 10, 10]), None);
    }

    #[test]
    fn a_script_holds_no_more_than_a_session_accepts() {
        let usual = || std::iter::repeat_n(STDOUT_LIMIT, 250);
        assert_eq!(first_script(usual()), MOST_ITEMS);
        assert_eq!(first_script([1 << 20, 1 << 19, 1 << 18, 1].into_iter()), 2);
        assert_eq!(first_script(std::iter::once(1 << 30)), 1);
        const { assert!(MOST_BYTES * 3 + MOST_ITEMS * STDERR_LIMIT * 3 < 8 << 20) };
    }

    #[test]
    fn what_is_kept_of_a_result_holds_no_secret() {
        let hex = |text: &str| text.bytes().map(|byte| format!(" {byte:02x}")).collect::<String>();
        let result = |secret: &str| {
            format!(
                "traghetto-bundle 1\nhost {secret}\n{NONCE} ready\n 6f 6b\n{NONCE} rc 0 0 1 2\n{NONCE} out 0\n{}\n{}\n\
                 {NONCE} err 0\n{}\n{NONCE} out 1\n 41 {secret} 42\n",
                hex("password="),
                hex(secret),
                hex(secret)
            )
        };
        let clean = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("S3NT", "<>").into_bytes();
        let kept = cleaned(NONCE, result("S3NT").as_bytes(), clean);
        let text = String::from_utf8(kept.clone()).unwrap();
        assert!(!text.contains("S3NT") && !text.contains(&hex("S3NT")), "{text}");
        let answers = answers(NONCE, &kept).unwrap();
        assert_eq!((answers[&0].exit, answers[&0].stdout.as_slice()), (Some(0), &b"password=<>"[..]));
        assert_eq!(answers[&0].stderr, b"<>");
        // Nothing to take out: the bytes as they came, to the last.
        for plain in [result("").replace("41  42", "41 42"), result("")[..60].to_owned(), String::new()] {
            assert_eq!(cleaned(NONCE, plain.as_bytes(), clean), plain.as_bytes());
        }
    }

    #[test]
    fn an_answer_that_breaks_off_has_no_exit() {
        let text = format!("{NONCE} ready\n 6f 6b\n{NONCE} out 0\n 41\n");
        assert_eq!(answers(NONCE, text.as_bytes()).unwrap()[&0].exit, None);
    }
}
