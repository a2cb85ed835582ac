//! Rules, on values that a script could have printed.

use super::*;
use proptest::prelude::*;

fn lines(lines: &[&str]) -> Datum {
    Datum::List(lines.iter().map(|line| (*line).to_owned()).collect())
}

fn compare(of: &'static str, rule: Rule, ignore: &[&str]) -> Compare {
    let ignore = ignore.iter().map(|glob| Glob::new(glob)).collect();
    Compare { key: "k".into(), of, rule: Some(rule), ignore }
}

fn broken(compare: &Compare, before: Datum, now: Datum) -> Option<String> {
    let reading = |datum| Reading::default().with(compare.of, datum);
    compare.broken(&Captured::of("k", &reading(before)), &reading(now))
}

#[test]
fn lines_are_equal_in_any_order_and_differ_by_name() {
    let equal = compare("lines", Rule::Equal, &[]);
    assert_eq!(broken(&equal, lines(&["a", "b"]), lines(&["b", "a"])), None);
    let told = broken(&equal, lines(&["a", "b", "b"]), lines(&["b", "c"])).unwrap();
    assert_eq!(told, "lines: lost `a`, `b`; new `c` (expected: as before)");
}

#[test]
fn a_superset_may_have_more_and_a_subset_less() {
    let (superset, subset) = (compare("lines", Rule::Superset, &[]), compare("lines", Rule::Subset, &[]));
    assert_eq!(broken(&superset, lines(&["a"]), lines(&["a", "b"])), None);
    assert!(broken(&superset, lines(&["a"]), lines(&["b"])).unwrap().contains("lost `a` (expected: nothing lost)"));
    assert_eq!(broken(&subset, lines(&["a", "b"]), lines(&["a"])), None);
    assert!(broken(&subset, lines(&["a"]), lines(&["a", "b"])).unwrap().contains("new `b`"));
}

#[test]
fn what_is_ignored_is_ignored_on_both_sides() {
    let rule = compare("lines", Rule::Equal, &["hpq*", "*.dynamic"]);
    assert_eq!(broken(&rule, lines(&["HPQilo", "sshd"]), lines(&["sshd", "x.dynamic"])), None);
}

#[test]
fn numbers_have_a_tolerance_or_only_grow() {
    let near = compare("number", Rule::Tolerance { absolute: 5.0, percent: 10.0 }, &[]);
    for (before, now, holds) in
        [(100.0, 110.0, true), (100.0, 89.9, false), (10.0, 15.0, true), (10.0, 15.1, false), (0.0, 5.0, true)]
    {
        assert_eq!(broken(&near, Datum::Number(before), Datum::Number(now)).is_none(), holds, "{before} {now}");
    }
    let grows = compare("number", Rule::Monotone, &[]);
    assert_eq!(broken(&grows, Datum::Number(7.0), Datum::Number(7.0)), None);
    let told = broken(&grows, Datum::Number(7.0), Datum::Number(6.0)).unwrap();
    assert_eq!(told, "number was 7, is 6 (expected: not less than before)");
}

#[test]
fn what_was_not_kept_or_not_read_never_holds() {
    let rule = compare("lines", Rule::Superset, &[]);
    let (empty, full) = (Reading::default(), Reading::default().with("lines", lines(&[])));
    assert!(rule.broken(&Captured::of("k", &full), &empty).unwrap().contains("could not be read"));
    assert!(rule.broken(&Captured::of("k", &empty), &full).unwrap().contains("the baseline has no lines"));
}

#[test]
fn what_is_kept_is_canonical() {
    let one = Reading::default().with("stdout", Datum::Text("b\na".into())).with("lines", lines(&["b", "a"]));
    let other = Reading::default().with("lines", lines(&["a", "b"])).with("stdout", Datum::Text("a\nb".into()));
    let json = |reading| serde_json::to_string(&Captured::of("k", reading)).unwrap();
    assert_eq!(json(&one), r#"{"key":"k","values":{"lines":["a","b"]}}"#);
    assert_eq!(json(&one), json(&other));
    let single = Reading::default().with("lines", lines(&["1F-02 7"])).with("stdout", Datum::Text("1F-02 7".into()));
    assert_eq!(json(&single), r#"{"key":"k","values":{"lines":["1F-02 7"],"stdout":"1F-02 7"}}"#);
    let number = Reading::default().with("number", Datum::Number(7.0)).with("open", Datum::Flag(true));
    let kept = Captured::of("k", &number);
    assert_eq!(serde_json::from_str::<Captured>(&serde_json::to_string(&kept).unwrap()).unwrap(), kept);
}

proptest! {
    #[test]
    fn lost_and_new_are_each_others_mirror(
        one in proptest::collection::vec("[a-c]", 0..8),
        other in proptest::collection::vec("[a-c]", 0..8),
    ) {
        let (one, other) = (Datum::List(one), Datum::List(other));
        let (there, back) = (Difference::between(&one, &other, &[]), Difference::between(&other, &one, &[]));
        prop_assert_eq!((there.lost, there.new), (back.new, back.lost));
    }
}
