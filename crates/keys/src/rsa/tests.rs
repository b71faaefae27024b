//! Tests of the checks on moduli, over shapes made for this project (`tests/data/rsa_shapes.json`).

use crate::error::KeyError;
use crate::numbers::Numbers;
use crate::policy::Policy;
use crate::spelling;
use serde::Deserialize;

#[derive(Deserialize)]
struct Shape {
    name: String,
    n: String,
    e: String,
    /// Part of the refusal; empty for the good key.
    says: String,
}

fn shapes() -> Vec<(Shape, Numbers)> {
    let shapes: Vec<Shape> = serde_json::from_str(include_str!("../../tests/data/rsa_shapes.json")).unwrap();
    let numbers = |s: &Shape| Numbers::rsa(&spelling::hex(&s.n).unwrap(), &spelling::hex(&s.e).unwrap());
    shapes
        .into_iter()
        .map(|s| {
            let n = numbers(&s);
            (s, n)
        })
        .collect()
}

#[test]
fn every_weak_shape_is_refused_for_its_own_reason() {
    let mut refused = 0;
    for (shape, numbers) in shapes() {
        let judged = Policy::default().check(&numbers);
        if shape.says.is_empty() {
            judged.unwrap_or_else(|error| panic!("{}: {error}", shape.name));
        } else {
            let message = judged.expect_err(&shape.name).to_string();
            assert!(message.contains(&shape.says), "{}: {message}", shape.name);
            refused += 1;
        }
    }
    assert_eq!(refused, 30);
}

#[test]
fn settings_admit_other_exponents_and_sizes_and_nothing_weaker() {
    let policy = Policy { allow_other_exponents: true, allow_other_rsa_sizes: true, ..Policy::default() };
    let mut taken: Vec<String> =
        shapes().into_iter().filter(|(_, n)| policy.check(n).is_ok()).map(|(shape, _)| shape.name).collect();
    taken.sort();
    assert_eq!(
        taken,
        ["exponent_17", "exponent_3", "exponent_65539", "good", "size_2049", "size_2056", "size_6144"]
    );
}

#[test]
fn a_key_without_numbers_is_refused() {
    for (n, e) in [(&[][..], &[][..]), (&[0], &[1, 0, 1]), (&[0], &[0])] {
        let refused = Policy::default().check(&Numbers::rsa(n, e)).unwrap_err();
        assert_eq!(refused, KeyError::RsaSize { found: 0, wanted: "2048, 3072 or 4096".into() });
    }
}
