//! The quick script: all items of a host in one shell, with one time limit and one bound on what they print.
//!
//! A process costs a host more than a small item does, and `super::script` needs a dozen for each item. Here
//! an item costs one. The price: an item that hangs, or floods, ends the script for all that come after it.
//! So only whole answers count, and what is missing is asked again apart. Each item runs in a subshell that
//! does not know the heading word, whose bytes no item can foresee.

use super::{Answer, Entry, STDERR_LIMIT, WORDS, elapsed};
use crate::untrusted::shell_quoted;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Most bytes of items in one script: they are arguments, of which Linux takes 128 KiB before 2.6.23.
const MOST_SCRIPT: usize = 64 << 10;
/// Bytes that the headings of an item take in a stream, at most.
const HEADINGS: usize = 256;

/// Runs its arguments, numbers and scripts in turn. The heading word comes by standard input: neither the
/// environment nor a command line shows it.
const RUNNER: &str = r#"
read -r w; exec </dev/null
now() { read -r uptime idle </proc/uptime || uptime=0; } 2>/dev/null
item() {
  printf '\n%s out %s\n' "$w" "$1"; printf '\n%s err %s\n' "$w" "$1" >&2
  now; from=$uptime
  (s=$2; shift 2; unset w from uptime idle; eval "$s"); r=$?
  now
  printf '\n%s rc %s %s %s %s\n' "$w" "$1" "$r" "$from" "$uptime"
}
printf '\n%s ready\n' "$w"
while [ "$#" -gt 1 ]; do item "$1" "$2"; shift 2; done
printf '\n%s end\n' "$w"; printf '\n%s end\n' "$w" >&2
"#;

/// The script for `entries`, if they fit into one; `nonce` is its heading word and is used once.
pub(in crate::checklist) fn script(nonce: &str, entries: &[Entry<'_>]) -> Option<String> {
    let mut items = String::new();
    for Entry { number, script, .. } in entries {
        let _ = write!(items, " {number} {}", shell_quoted(script));
    }
    let limit = limit(entries).as_secs().max(1);
    let stdout: usize = entries.iter().map(|entry| entry.most_bytes + HEADINGS).sum();
    let stderr = entries.len() * (STDERR_LIMIT + HEADINGS);
    let (nonce, runner) = (shell_quoted(nonce), shell_quoted(&format!("{WORDS}{RUNNER}")));
    (items.len() <= MOST_SCRIPT).then(|| {
        format!(
            "LC_ALL=C PATH=\"$PATH:/usr/local/sbin:/usr/sbin:/sbin\"\nexport LC_ALL PATH\n\
             {{ echo {nonce} | timeout -s KILL {limit} sh -c {runner} sh{items} 2>&1 1>&3 3>&- \
             | head -c {stderr} >&2 3>&-; }} 3>&1 | head -c {stdout}\n"
        )
    })
}

/// How long all of them may take: as long as the one that may take longest, since most take no time at all.
pub(in crate::checklist) fn limit(entries: &[Entry<'_>]) -> Duration {
    entries.iter().map(|entry| entry.timeout).max().unwrap_or_default()
}

/// The whole answers in what the script printed to its two streams; the second is lost where the script did
/// not end. An item that is not among them hung, flooded, or was never begun.
pub(in crate::checklist) fn answers(
    nonce: &str,
    stdout: &[u8],
    stderr: Option<&[u8]>,
    entries: &[Entry<'_>],
) -> BTreeMap<usize, Answer> {
    let mut answers: BTreeMap<usize, Answer> = BTreeMap::new();
    for (head, body) in frames(nonce, stdout) {
        match head.split_ascii_whitespace().collect::<Vec<_>>().as_slice() {
            ["out", number] => {
                if let Some(entry) = entry(entries, number) {
                    let kept = &body[..body.len().min(entry.most_bytes + 1)];
                    answers.entry(entry.number).or_default().stdout = kept.to_vec();
                }
            }
            ["rc", number, exit, from, until] => {
                if let Some(answer) = entry(entries, number).and_then(|entry| answers.get_mut(&entry.number)) {
                    answer.exit = exit.parse().ok();
                    answer.took = elapsed(from, until).unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    let in_time = |answer: &Answer, entry: &Entry<'_>| answer.exit.is_some() && answer.took <= entry.timeout;
    let Some(stderr) = stderr else {
        let kept = |entry: &Entry<'_>| answers.remove_entry(&entry.number).filter(|(_, answer)| in_time(answer, entry));
        return entries.iter().filter_map(kept).collect();
    };
    let mut whole = BTreeMap::new();
    for (head, body) in frames(nonce, stderr) {
        let found = head.strip_prefix(" err ").and_then(|number| entry(entries, number));
        let Some((entry, mut answer)) = found.and_then(|entry| Some((entry, answers.remove(&entry.number)?))) else {
            continue;
        };
        if in_time(&answer, entry) {
            answer.stderr = body[..body.len().min(STDERR_LIMIT)].to_vec();
            whole.insert(entry.number, answer);
        }
    }
    whole
}

fn entry<'a, 'b>(entries: &'a [Entry<'b>], number: &str) -> Option<&'a Entry<'b>> {
    let number: usize = number.parse().ok()?;
    entries.iter().find(|entry| entry.number == number)
}

/// What stands between the headings of a stream: the rest of each heading's line, and what follows it up
/// to the next heading, without the line break that belongs to that. What no heading ends may be cut off.
fn frames<'a>(nonce: &str, stream: &'a [u8]) -> Vec<(&'a str, &'a [u8])> {
    let mark = [b"\n", nonce.as_bytes()].concat();
    let mut starts: Vec<usize> = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&stream[from..], &mark) {
        starts.push(from + at);
        from += at + mark.len();
    }
    let frame = |(start, end): (&usize, &usize)| {
        let text = &stream[start + mark.len()..*end];
        let line = text.iter().position(|byte| *byte == b'\n')?;
        Some((std::str::from_utf8(&text[..line]).ok()?, &text[line + 1..]))
    };
    starts.iter().zip(starts.iter().skip(1)).filter_map(frame).collect()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::super::STDOUT_LIMIT;
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    const NONCE: &str = "0f0e0d0c0b0a";

    fn entries<'a>(scripts: &[&'a str]) -> Vec<Entry<'a>> {
        let entry = |(number, script): (usize, &&'a str)| Entry {
            number: number + 40,
            script,
            timeout: Duration::from_secs(2),
            most_bytes: STDOUT_LIMIT,
        };
        scripts.iter().enumerate().map(entry).collect()
    }

    /// The whole answers of items that a real shell runs, by their place in the list.
    fn answered(shell: &str, scripts: &[&str]) -> BTreeMap<usize, Answer> {
        let entries = entries(scripts);
        let text = script(NONCE, &entries).unwrap();
        let mut command = Command::new(shell);
        command.arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let found = answers(NONCE, &output.stdout, Some(&output.stderr), &entries);
        found.into_iter().map(|(number, answer)| (number - 40, answer)).collect()
    }

    #[test]
    fn each_item_answers_for_itself() {
        let scripts = [
            "echo one; echo two >&2",
            "exit 7",
            "cat; pwd >/dev/null",
            "printf 'a\\000\\377\\033[2J'",
            "n=5; x=9; cd /; set -e; false; echo not here",
            "echo \"$x$n$w$1$#\"; pwd >/dev/null",
            "printf 'no end'; printf 'nor here' >&2",
            "needs sh; echo asked",
            "needs no-such-tool; echo asked",
        ];
        for shell in ["/bin/sh", "/bin/bash"] {
            let found = answered(shell, &scripts);
            assert_eq!(found.len(), scripts.len(), "{found:#?}");
            let said = |number: usize| {
                let Answer { exit, stdout, stderr, .. } = &found[&number];
                (exit.unwrap(), stdout.as_slice(), stderr.as_slice())
            };
            assert_eq!(said(0), (0, &b"one\n"[..], &b"two\n"[..]));
            assert_eq!(said(1), (7, &b""[..], &b""[..]));
            assert_eq!(said(2), (0, &b""[..], &b""[..]), "no item may read the script");
            assert_eq!(said(3), (0, &b"a\0\xff\x1b[2J"[..], &b""[..]));
            assert_eq!(said(4), (1, &b""[..], &b""[..]));
            assert_eq!(said(5), (0, &b"0\n"[..], &b""[..]), "no item may know another's variables, or the word");
            assert_eq!(said(6), (0, &b"no end"[..], &b"nor here"[..]));
            assert_eq!(said(7), (0, &b"asked\n"[..], &b""[..]));
            assert_eq!(said(8), (127, &b""[..], &b"no-such-tool is missing\n"[..]));
        }
    }

    #[test]
    fn no_command_of_an_item_is_told_the_heading_word() {
        let search = "env; set; tr '\\0' '\\n' </proc/self/environ; cat /proc/self/cmdline /proc/$$/cmdline";
        let found = answered("/bin/sh", &[search]);
        let printed = String::from_utf8_lossy(&found[&0].stdout).into_owned();
        assert!(printed.contains("PATH=") && !printed.contains(NONCE), "{printed}");
    }

    #[test]
    fn what_hangs_or_floods_is_missing_and_so_is_what_comes_after() {
        for stops in ["sleep 30", "yes", "yes >&2", "yes >&2; exit 0", "yes >&2 | yes"] {
            let began = Instant::now();
            let found = answered("/bin/sh", &["echo first", stops, "echo last"]);
            assert!(began.elapsed() < Duration::from_secs(15), "{stops}: {:?}", began.elapsed());
            assert_eq!(found.keys().collect::<Vec<_>>(), [&0], "{stops}");
            assert_eq!(found[&0].stdout, b"first\n", "{stops}");
        }
    }

    #[test]
    fn a_broken_item_does_not_pass_nor_break_the_others() {
        for shell in ["/bin/sh", "/bin/bash"] {
            let found = answered(shell, &["exit 0; 'not closed", "kill -9 $PPID; exit 0", "exit 4"]);
            assert!(found.get(&0).is_none_or(|answer| answer.exit != Some(0)), "{found:#?}");
            let quoted = answered(shell, &["echo \"it's\" 'one \"word\"'", "exit 5"]);
            assert_eq!(quoted[&0].stdout, b"it's one \"word\"\n");
            assert_eq!(quoted[&1].exit, Some(5));
        }
    }

    #[test]
    fn only_what_is_whole_and_in_its_own_time_counts() {
        let mut asked = entries(&["echo one"]);
        asked[0].timeout = Duration::from_secs(1);
        let [out, rc, err, end] =
            ["out 40\none\n", "rc 40 0 5.00 5.90\n", "err 40\n", "end\n"].map(|text| format!("\n{NONCE} {text}"));
        let found = |stdout: &[&str], stderr: &[&str]| {
            let (stdout, stderr) = (stdout.concat(), stderr.concat());
            answers(NONCE, stdout.as_bytes(), Some(stderr.as_bytes()), &asked).len()
        };
        assert_eq!(found(&[&out, &rc, &end], &[&err, &end]), 1);
        assert_eq!(found(&[&out, &rc.replace("5.90", "6.10"), &end], &[&err, &end]), 0, "too late");
        assert_eq!(found(&[&out, &rc], &[&err, &end]), 0);
        assert_eq!(found(&[&out, &rc, &end], &[&err]), 0, "its complaint may be cut off");
        assert_eq!(found(&[&rc, &end], &[&err, &end]), 0);
        assert_eq!(found(&[&out, &rc, &end], &[]), 0);
        let cut = [out.as_str(), &rc, "\n0f0e0d0c0b0a out 41\nhangs"].concat();
        assert_eq!(answers(NONCE, cut.as_bytes(), None, &asked).len(), 1, "what came before an item that hangs");
    }

    #[test]
    fn hostile_streams_are_read_without_harm() {
        let asked = entries(&["a", "b"]);
        for hostile in [
            &b""[..],
            b"\n0f0e0d0c0b0a",
            b"\n0f0e0d0c0b0a\n0f0e0d0c0b0a",
            b"\n0f0e0d0c0b0a out 99\n\n0f0e0d0c0b0a rc 99 0 0 0\n\n0f0e0d0c0b0a err 99\n\n0f0e0d0c0b0a end\n",
            b"\n0f0e0d0c0b0a out 40\n\n0f0e0d0c0b0a rc 40 x 0 0\n\n0f0e0d0c0b0a err 40\n\n0f0e0d0c0b0a end\n",
            b"\n0f0e0d0c0b0a\xff\xfe out 40\n\xff\n0f0e0d0c0b0a end\n",
        ] {
            assert_eq!(answers(NONCE, hostile, Some(hostile), &asked), BTreeMap::new());
        }
        let mark = format!("\n{NONCE}");
        let long = format!("{mark} out 40\n{}{mark} rc 40 0 0 0\n{mark} err 40\n{mark} end\n", "x".repeat(40_000));
        let found = answers(NONCE, long.as_bytes(), Some(long.as_bytes()), &asked);
        assert_eq!(found[&40].stdout.len(), STDOUT_LIMIT + 1);
    }

    #[test]
    fn what_is_too_long_for_arguments_is_asked_apart() {
        let long = "x".repeat(MOST_SCRIPT);
        assert_eq!(script(NONCE, &entries(&[&long])), None);
        assert!(script(NONCE, &entries(&["true"])).is_some());
    }
}
