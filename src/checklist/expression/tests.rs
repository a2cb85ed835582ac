//! What is understood, what is refused and where, what comes out.

use super::super::expect::{Reading, attributes};
use super::*;
use proptest::prelude::*;

fn names(before: bool) -> Names<'static> {
    Names { attributes: attributes("sh"), scope: Scope::Server, before }
}

fn parsed(source: &str) -> Result<Expression, ExpressionError> {
    Expression::parse(source, names(true))
}

fn text(text: &str) -> Datum {
    Datum::Text(text.to_owned())
}

fn lines(lines: &[&str]) -> Datum {
    Datum::List(lines.iter().map(|line| (*line).to_owned()).collect())
}

fn evaluated(source: &str) -> Evaluated {
    let now = Reading::default()
        .with("exit", Datum::Number(3.0))
        .with("stdout", text("Active 12"))
        .with("lines", lines(&["tcp 22", "tcp 389", "udp 53"]));
    let before = Reading::default().with("number", Datum::Number(40.0)).with("lines", lines(&["tcp 22"]));
    let expression = parsed(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let value = |_| Value::One("192.0.2.7".to_owned());
    expression.resolve(&value).unwrap().evaluate(|name| now.get(name), |name| before.get(name))
}

#[test]
fn what_holds_and_what_does_not() {
    for good in [
        "exit == 3",
        "exit in [1, 2, 3] and not exit == 4",
        "exit >= 1 + 2 * 1 and exit < 10 / 2 - 1",
        "-exit == -3",
        "stdout matches 'active*'",
        "stdout not matches \"inactive*\"",
        "'tive' in stdout",
        "'udp 53' in lines and 'udp 54' not in lines",
        "len(lines) == 3 and len(stdout) == 9",
        "any(lines, it matches 'tcp *') and not all(lines, it matches 'tcp *')",
        "count(lines, field(it, 1) == 'tcp') == 2",
        "all(lines, number(field(it, 2)) > 20)",
        "all(before.lines, it in lines)",
        "number(field(stdout, 2)) * 2 < before.number",
        "server.address == '192.0.2.7'",
        "exit == 4 or exit == 3",
        "(exit == 4 or true) and exit != 5",
        "before.number <= 1min and before.number >= 39s",
        "5s * 3 == 15000ms and 1MiB / 2 == 512KiB and 10Mbit > 9999kbit and 2h == 120min",
        "1h / 1min == 60",
        "lines == ['udp 53', 'tcp 389', 'tcp 22'] and lines != ['udp 53', 'tcp 22']",
    ] {
        let found = evaluated(good);
        assert!(found.holds, "{good}: {found:?}");
    }
    for bad in ["exit == 4", "stdout == 'x'", "any(lines, it == 'tcp')", "exit == 3 and exit == 4", "not true"] {
        let found = evaluated(bad);
        assert!(!found.holds && found.trouble.is_none(), "{bad}: {found:?}");
    }
}

#[test]
fn what_could_not_be_read_never_holds_and_says_so() {
    for (source, trouble) in [
        ("number <= 3", "number could not be read"),
        ("not (number <= 3)", "number could not be read"),
        ("before.exit == 3", "the baseline has no exit"),
        ("number(stdout) == 1", "`Active 12` is not a number"),
        ("exit / (exit - 3) > 0", "it divides by zero"),
    ] {
        let found = evaluated(source);
        assert_eq!((found.holds, found.trouble.as_deref()), (false, Some(trouble)), "{source}");
    }
}

#[test]
fn the_values_seen_are_told_once() {
    let found = evaluated("exit == 4 or exit == 5 or before.number > 41s");
    let seen = [("exit".to_owned(), Some(Datum::Number(3.0))), ("before.number".to_owned(), Some(Datum::Number(40.0)))];
    assert_eq!(found.seen, seen);
}

#[test]
fn mistakes_have_a_place_and_a_hint() {
    for (source, at, message, hint) in [
        ("exit = 3", 5, "`=` means nothing here", "equality is written `==`"),
        ("exi == 3", 0, "there is no attribute `exi`", "did you mean `exit`?"),
        ("exit == 3 and stdot == ''", 14, "there is no attribute `stdot`", "did you mean `stdout`?"),
        ("lenn(lines) == 3", 0, "there is no function `lenn`", "did you mean `len`?"),
        ("exit == 'x'", 8, "a number does not go with a text in `==`", ""),
        ("stdout < 3", 9, "a text does not go with a number in `<`", "`number(TEXT)` is the text as a number"),
        ("exit", 0, "expected true or false, found a number", "compare it with something"),
        ("exit == 3Mbits", 9, "there is no unit `Mbits`", "did you mean `"),
        ("number < 3s + 1MiB", 14, "a time does not go with a size in `+`", "write a time with its unit"),
        ("exit == ", 6, "a value is missing at the end", ""),
        ("(exit == 3", 10, "`)` is missing here", ""),
        ("exit == 3 4", 10, "`4` is one word too many", ""),
        ("stdout matches lines", 15, "a pattern is a text in quotes", ""),
        ("any(exit, true)", 4, "expected a list of texts, found a number", ""),
        ("it == 'a'", 0, "there is no attribute `it`", ""),
        ("stdout == 'a", 10, "the text has no closing quote", ""),
        ("exit in []", 8, "the list is empty", ""),
        ("site.vipp == 'x'", 0, "there is no attribute `site.vipp`", "did you mean `site.vip`?"),
        ("saas.url == 'x'", 0, "`saas.url` is not known to an item of scope `server`", ""),
        ("field(stdout, 0) == ''", 14, "the second value is a whole number from 1", ""),
        ("len() == 0", 0, "`len` takes one value", ""),
    ] {
        let error = parsed(source).expect_err(source);
        let told = error.hint.clone().unwrap_or_default();
        assert!(error.at == at && error.message.starts_with(message) && told.starts_with(hint), "{source}: {error:?}");
    }
    let error = Expression::parse("before.exit == 1", names(false)).unwrap_err();
    assert_eq!(error.message, "there is no baseline to look back at");
}

#[test]
fn times_need_their_unit() {
    let tcp = Names { attributes: attributes("tcp"), scope: Scope::Server, before: false };
    let error = Expression::parse("ms <= 40", tcp).unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("write a time with its unit, such as 40ms or 5s"));
    let good = Expression::parse("open and ms <= 40ms", tcp).unwrap();
    for (ms, holds) in [(39.9, true), (40.0, true), (41.0, false)] {
        let reading = Reading::default().with("open", Datum::Flag(true)).with("ms", Datum::Number(ms));
        assert_eq!(good.evaluate(|name| reading.get(name), |_| None).holds, holds, "{ms}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    for source in ["(".repeat(900), "not ".repeat(290), "-".repeat(290), "[".repeat(290), "len(".repeat(290)] {
        assert!(parsed(&source).is_err());
    }
    assert!(parsed(&format!("exit == 1{}", " + 1".repeat(400))).is_err());
    assert!(parsed(&format!("exit == 1{}", " + 1".repeat(140))).is_ok());
    assert!(parsed(&"x".repeat(3000)).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(source in "\\PC{0,80}") {
        let _ = parsed(&source);
    }

    #[test]
    fn no_words_panic(words in proptest::collection::vec(proptest::sample::select(vec![
        "exit", "stdout", "lines", "number", "before.lines", "it", "any(", "all(", "len(", "field(", ")", "(", "[", "]",
        ",", "==", "<=", "in", "not", "and", "or", "matches", "+", "-", "/", "3", "0", "5s", "'a*'", "true", "server.disks",
    ]), 0..24)) {
        let source = words.join(" ");
        if let Ok(expression) = parsed(&source) {
            let value = |_| Value::Many(vec!["a".to_owned()]);
            let reading = Reading::default().with("exit", Datum::Number(0.0)).with("lines", lines(&["a b", ""]));
            let found = expression.resolve(&value).unwrap().evaluate(|name| reading.get(name), |name| reading.get(name));
            prop_assert!(found.trouble.is_none() || !found.holds);
        }
    }
}
