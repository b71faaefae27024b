//! What counts as narrower, part by part.
use super::*;
use countersign::life::key::{KeyLife, KeyState};
use countersign::time::Time;

fn row(change: impl FnOnce(&mut KeyRecord)) -> KeyRecord {
    let mut row = KeyRecord {
        id: "key_1".into(),
        account: "acc_1".into(),
        label: "one".into(),
        spki: Vec::new(),
        life: KeyLife { state: KeyState::Active, not_before: None, expires: None },
        dialects: vec!["skykit".into(), "http-signature".into()],
        algorithms: Vec::new(),
        methods: Vec::new(),
        paths: Vec::new(),
        networks: Vec::new(),
        created: Time::from_seconds(1),
        last_used: None,
        last_address: None,
    };
    change(&mut row);
    row
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|&text| text.to_owned()).collect()
}

fn part(row: &mut KeyRecord, name: &str, all: &[&str]) {
    match name {
        "methods" => row.methods = texts(all),
        "path prefixes" => row.paths = texts(all),
        "networks" => row.networks = texts(all),
        "dialects" => row.dialects = texts(all),
        _ => row.algorithms = texts(all),
    }
}

/// The part; before; what lies inside; what does not.
type Case = (&'static str, Texts, Texts, Texts);
type Texts = &'static [&'static str];

#[test]
fn each_part_may_shrink_and_none_may_grow() {
    let cases: [Case; 11] = [
        ("methods", &[], &["GET"], &[]),
        ("methods", &["GET", "POST"], &["GET"], &["GET", "PUT"]),
        ("path prefixes", &["/a"], &["/a/b", "/a/"], &["/ab"]),
        ("path prefixes", &["/a/"], &["/a/b"], &["/a"]),
        ("path prefixes", &["/a"], &["/a"], &[]),
        ("networks", &["10.0.0.0/8"], &["10.1.0.0/16", "10.0.0.0/8"], &["10.0.0.0/7"]),
        ("networks", &["10.0.0.0/8"], &["10.0.0.1"], &["::/0"]),
        ("networks", &["2001:db8::/32"], &["2001:db8:1::/48"], &[]),
        ("dialects", &["skykit", "http-signature"], &["skykit"], &["skykit", "operator"]),
        ("algorithms", &[], &["RS256"], &["RSA-SHA1"]),
        ("algorithms", &["RS256", "RSA-SHA1"], &["RSA-SHA1"], &["PS256"]),
    ];
    for (name, before, inside, outside) in cases {
        let old = row(|row| part(row, name, before));
        let new = |all: &[&str]| row(|row| part(row, name, all));
        assert_eq!(narrower(&old, &new(inside)), Ok(()), "{name} {before:?} to {inside:?}");
        // Nothing at all is everything, where it is not what was there.
        if !(outside.is_empty() && before.is_empty()) {
            let denied = narrower(&old, &new(outside)).unwrap_err();
            assert_eq!((denied.kind(), denied.code()), (Denial::Forbidden, "wider-than-before"));
            assert!(denied.text().contains(name), "{}", denied.text());
        }
    }
}

#[test]
fn an_end_may_come_sooner_and_not_later() {
    let ends = |at: Option<i64>| row(|row| row.life.expires = at.map(Time::from_seconds));
    for (old, new, holds) in [
        (None, Some(9), true),
        (None, None, true),
        (Some(9), Some(9), true),
        (Some(9), Some(8), true),
        (Some(9), Some(10), false),
        (Some(9), None, false),
    ] {
        assert_eq!(narrower(&ends(old), &ends(new)).is_ok(), holds, "{old:?} to {new:?}");
    }
}
