//! The cases of the Recommendation and of the W3C's own test suite, and what must hold of every list.
use super::*;
use proptest::prelude::*;

fn one(line: &str) -> Option<String> {
    read([line.as_bytes()].into_iter())
}

#[test]
fn a_list_is_passed_on_as_it_came() {
    for line in [
        "foo=1",
        "foo=1,bar=2",
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "foo@bar=1",
        "a/b*c_d-e=x y",
        "0a@b=1",
        "foo= 1",
    ] {
        assert_eq!(one(line).as_deref(), Some(line));
    }
    let long = format!("{}@{}=1", "t".repeat(241), "v".repeat(14));
    assert_eq!(one(&long), Some(long));
}

#[test]
fn lines_are_one_list_and_empty_members_count_for_nothing() {
    let lines = ["foo=1, \t bar=2", "", " , ", "baz=3,"];
    let found = read(lines.iter().map(|line| line.as_bytes()));
    assert_eq!(found.as_deref(), Some("foo=1,bar=2,baz=3"));
    assert_eq!(read(std::iter::empty()), None);
    assert_eq!(one(""), None);
    assert_eq!(one(" ,\t,"), None);
}

#[test]
fn one_wrong_member_drops_the_list() {
    for line in [
        "foo".to_owned(),
        "foo=".to_owned(),
        "=1".to_owned(),
        "foo=1,bar".to_owned(),
        "foo=1,foo=1".to_owned(),
        "foo=1,foo=2".to_owned(),
        "Foo=1".to_owned(),
        "1foo=1".to_owned(),
        "foo =1".to_owned(),
        "foo@=1".to_owned(),
        "@foo=1".to_owned(),
        "foo@@bar=1".to_owned(),
        "foo@bar@baz=1".to_owned(),
        "foo@1bar=1".to_owned(),
        "foo.bar=1".to_owned(),
        "foo=1=2".to_owned(),
        "foo=\u{fc}".to_owned(),
        "foo=a\tb".to_owned(),
        "foo=\u{7f}".to_owned(),
        format!("{}=1", "z".repeat(257)),
        format!("{}@v=1", "t".repeat(242)),
        format!("t@{}=1", "v".repeat(15)),
        format!("foo={}", "v".repeat(257)),
        (0..33).map(|number| format!("m{number}=1")).collect::<Vec<_>>().join(","),
    ] {
        assert_eq!(one(&line), None, "{line:?}");
    }
    assert_eq!(read([b"foo=\xff".as_slice()].into_iter()), None);
    assert!(one(&(0..32).map(|number| format!("m{number}=1")).collect::<Vec<_>>().join(",")).is_some());
    assert_eq!(one(&" ,".repeat(MOST)), None);
}

#[test]
fn what_is_too_long_loses_long_members_first_and_then_the_oldest() {
    let long = format!("long={}", "v".repeat(200));
    let list = format!(
        "first=1,{long},{}",
        (0..25).map(|n| format!("m{n}={}", "v".repeat(20))).collect::<Vec<_>>().join(",")
    );
    let found = one(&list).unwrap();
    assert!(found.len() <= BYTES && found.starts_with("first=1,m0=") && !found.contains("long"), "{found}");
    assert!(found.contains("m18=") && !found.contains("m24="), "{found}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_fail_and_what_is_passed_on_is_read_the_same(lines in prop::collection::vec("[ -~\t]{0,600}", 0..4)) {
        if let Some(found) = read(lines.iter().map(|line| line.as_bytes())) {
            prop_assert!(found.len() <= BYTES);
            prop_assert_eq!(one(&found), Some(found.clone()));
        }
    }

    #[test]
    fn good_lists_pass(keys in prop::collection::btree_set("[a-z][a-z0-9_*/-]{0,9}", 1..20), value in "[!-+--<>-~]{1,9}") {
        let list = keys.iter().map(|key| format!("{key}={value}")).collect::<Vec<_>>().join(",");
        prop_assert_eq!(one(&list), Some(list));
    }
}
