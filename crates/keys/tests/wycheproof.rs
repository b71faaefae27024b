//! The published Wycheproof vectors, each judged as a registered key would be: intake first, then the check.

use countersign_keys::{
    Algorithm, Candidate, Encoding, Job, KeyError, KeyKind, Policy, PublicKey, read_public_key, verify,
};
use std::collections::BTreeMap;
use wycheproof::{EdwardsCurve, EllipticCurve, HashFunction, Mgf, TestResult, ecdsa, eddsa};
use wycheproof::{rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

/// One group of vectors: a key, and signatures that it made or did not.
struct Group {
    name: String,
    der: Vec<u8>,
    pem: String,
    /// What the signatures are, where an algorithm of ours is that; else why none is.
    subject: Result<(Algorithm, Encoding), &'static str>,
    tests: Vec<Test>,
}

struct Test {
    label: String,
    message: Vec<u8>,
    signature: Vec<u8>,
    result: TestResult,
}

/// What came of all vectors under one policy.
#[derive(Default, Debug, PartialEq, Eq)]
struct Tally {
    /// Tried and accepted, by algorithm.
    judged: BTreeMap<Algorithm, (usize, usize)>,
    accepted_wrongly: Vec<String>,
    refused_wrongly: Vec<String>,
    /// Valid vectors that a stricter rule of ours refuses, by rule.
    stricter: BTreeMap<String, usize>,
    /// Vectors that no algorithm of ours is about, by why; every one was tried under those of its key, too.
    left_out: BTreeMap<&'static str, usize>,
}

const OTHER_HASH: &str = "a hash that no algorithm of ours has";
const OTHER_SALT: &str = "PSS with another mask or salt than JOSE's";
const OTHER_CURVE: &str = "a curve that no algorithm of ours has";

macro_rules! tests {
    ($name:expr, $group:expr) => {
        $group
            .tests
            .iter()
            .map(|test| Test {
                label: format!("{:?} {} {} {:?}", $name, test.tc_id, test.comment, test.flags),
                message: test.msg.to_vec(),
                signature: test.sig.to_vec(),
                result: test.result,
            })
            .collect()
    };
}

macro_rules! groups {
    ($module:ident, $subject:expr) => {
        $module::TestName::all().into_iter().flat_map(|name| {
            $module::TestSet::load(name).unwrap().test_groups.into_iter().map(move |group| Group {
                name: format!("{name:?}"),
                tests: tests!(name, group),
                subject: $subject(&group),
                der: group.der.to_vec(),
                pem: group.pem,
            })
        })
    };
}

fn of_pkcs1(group: &pkcs1::TestGroup) -> Result<(Algorithm, Encoding), &'static str> {
    let algorithm = match group.hash {
        HashFunction::Sha1 => Algorithm::RsaSha1,
        HashFunction::Sha2_256 => Algorithm::RsaSha256,
        HashFunction::Sha2_384 => Algorithm::RsaSha384,
        HashFunction::Sha2_512 => Algorithm::RsaSha512,
        _ => return Err(OTHER_HASH),
    };
    Ok((algorithm, Encoding::Raw))
}

fn of_pss(group: &pss::TestGroup) -> Result<(Algorithm, Encoding), &'static str> {
    // Only with the same hash in the mask and a salt of its length (RFC 7518 section 3.5).
    let usual = group.mgf == Mgf::Mgf1 && group.mgf_hash == Some(group.hash);
    let algorithm = match (group.hash, group.salt_size) {
        (HashFunction::Sha2_256, 32) if usual => Algorithm::PssSha256,
        (HashFunction::Sha2_384, 48) if usual => Algorithm::PssSha384,
        (HashFunction::Sha2_512, 64) if usual => Algorithm::PssSha512,
        (HashFunction::Sha2_256 | HashFunction::Sha2_384 | HashFunction::Sha2_512, _) => {
            return Err(OTHER_SALT);
        }
        _ => return Err(OTHER_HASH),
    };
    Ok((algorithm, Encoding::Raw))
}

fn of_ecdsa(group: &ecdsa::TestGroup) -> Result<(Algorithm, Encoding), &'static str> {
    let encoding = match group.test_type {
        ecdsa::TestGroupTypeId::EcdsaP1363 => Encoding::Raw,
        _ => Encoding::Der,
    };
    let algorithm = match (group.key.curve, group.hash) {
        (EllipticCurve::Secp256r1, HashFunction::Sha2_256) => Algorithm::EcdsaP256Sha256,
        (EllipticCurve::Secp384r1, HashFunction::Sha2_384) => Algorithm::EcdsaP384Sha384,
        (EllipticCurve::Secp521r1, HashFunction::Sha2_512) => Algorithm::EcdsaP521Sha512,
        (EllipticCurve::Secp256r1 | EllipticCurve::Secp384r1 | EllipticCurve::Secp521r1, _) => {
            return Err(OTHER_HASH);
        }
        _ => return Err(OTHER_CURVE),
    };
    Ok((algorithm, encoding))
}

fn of_eddsa(group: &eddsa::TestGroup) -> Result<(Algorithm, Encoding), &'static str> {
    match group.key.curve {
        EdwardsCurve::Ed25519 => Ok((Algorithm::Ed25519, Encoding::Raw)),
        EdwardsCurve::Ed448 => Err(OTHER_CURVE),
    }
}

fn groups() -> Vec<Group> {
    let rsa = groups!(pkcs1, of_pkcs1).chain(groups!(pss, of_pss));
    rsa.chain(groups!(ecdsa, of_ecdsa)).chain(groups!(eddsa, of_eddsa)).collect()
}

/// Takes the key as PEM; it must be the one that the vectors give in DER.
fn intake(group: &Group, policy: &Policy) -> Result<PublicKey, KeyError> {
    let key = read_public_key(group.pem.as_bytes(), policy)?.remove(0).key;
    assert_eq!(key.spki_der(), group.der, "{}: one key in two forms", group.name);
    Ok(key)
}

fn good(job: &Job<'_>) -> bool {
    verify(job).accepted(job.signature).is_ok()
}

/// Why a key was refused, without its numbers.
fn rule(error: &KeyError) -> String {
    match error {
        KeyError::RsaSize { found, wanted } => format!("RSA of {found} bits, where {wanted} are taken"),
        KeyError::RsaExponent { wanted, .. } => format!("an RSA exponent other than {wanted}"),
        KeyError::Kind { found } => format!("a key that is {found}"),
        other => other.to_string(),
    }
}

fn judge<'g>(keys: impl IntoIterator<Item = (&'g Group, &'g Result<PublicKey, KeyError>)>) -> Tally {
    let mut tally = Tally::default();
    for (group, key) in keys {
        let (algorithm, encoding) = match group.subject {
            Ok(subject) => subject,
            Err(why) => {
                *tally.left_out.entry(why).or_default() += group.tests.len();
                if why == OTHER_CURVE {
                    let refused = matches!(key, Err(KeyError::Curve { .. } | KeyError::Kind { .. }));
                    assert!(refused, "{}: {key:?}", group.name);
                }
                tally.accepted_wrongly.extend(key.iter().flat_map(|key| taken_for_ours(key, group)));
                continue;
            }
        };
        for test in &group.tests {
            let accepted = key.as_ref().is_ok_and(|key| {
                let job = Job::new(key, algorithm, &test.message, &test.signature).with_encoding(encoding);
                let accepted = good(&job);
                if algorithm.is_pkcs1() {
                    let one = [Candidate { algorithm, bytes: &test.message }];
                    let any = good(&Job::any_of(key, algorithm, &one, &test.signature));
                    // An empty message is never one of several spellings.
                    assert_eq!(any, accepted && !test.message.is_empty(), "{} among several", test.label);
                }
                accepted
            });
            let (tried, good) = tally.judged.entry(algorithm).or_default();
            *tried += 1;
            *good += usize::from(accepted);
            match (test.result, key) {
                (TestResult::Valid, Err(error)) => {
                    *tally.stricter.entry(rule(error)).or_default() += 1;
                }
                (TestResult::Valid, Ok(_)) if !accepted => tally.refused_wrongly.push(test.label.clone()),
                // The one "acceptable" kind, a digest info without its NULL, is refused here.
                (TestResult::Acceptable, _) if !accepted && test.label.contains("MissingNull") => {
                    let rule = "a digest info without its NULL (RFC 8017 section 9.2)";
                    *tally.stricter.entry(rule.to_owned()).or_default() += 1;
                }
                (TestResult::Invalid | TestResult::Acceptable, _) if accepted => {
                    tally.accepted_wrongly.push(test.label.clone());
                }
                _ => {}
            }
        }
    }
    tally
}

/// The vectors of another algorithm that one of ours would accept.
fn taken_for_ours(key: &PublicKey, group: &Group) -> Vec<String> {
    let encodings: &[Encoding] = match key.kind() {
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => &[Encoding::Raw, Encoding::Der],
        _ => &[Encoding::Raw],
    };
    // Some of these signatures are wrong only since they were made by one of our algorithms.
    let made_by_ours = |test: &&Test| {
        test.result == TestResult::Invalid
            && ["[WrongHash]", "[WrongPrimitive]", "s_len changed to 32"]
                .iter()
                .any(|mark| test.label.contains(mark))
    };
    let mut found = Vec::new();
    for test in group.tests.iter().filter(|test| !made_by_ours(test)) {
        for algorithm in key.algorithms() {
            let job = Job::new(key, *algorithm, &test.message, &test.signature);
            if encodings.iter().any(|encoding| good(&job.with_encoding(*encoding))) {
                found.push(format!("{} as {algorithm}", test.label));
            }
        }
    }
    found
}

fn total(tally: &Tally) -> (usize, usize) {
    tally.judged.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn told(name: &str, tally: &Tally) {
    let (tried, accepted) = total(tally);
    println!("{name}: {tried} tried, {accepted} accepted, {} of them wrongly", tally.accepted_wrongly.len());
    println!("  refused wrongly: {}", tally.refused_wrongly.len());
    for (algorithm, (tried, accepted)) in &tally.judged {
        println!("  {algorithm}: {tried} tried, {accepted} accepted");
    }
    for (rule, count) in &tally.stricter {
        println!("  right, and refused by a stricter rule: {count} ({rule})");
    }
    for (why, count) in &tally.left_out {
        println!("  left out: {count} ({why})");
    }
}

/// Why right signatures are refused as shipped, and how many of the vectors that concerns.
const STRICTER: &[(&str, usize)] = &[
    ("RSA of 8192 bits, where 2048, 3072 or 4096 are taken", 21),
    ("a digest info without its NULL (RFC 8017 section 9.2)", 12),
    ("a key that is RSA restricted to PSS", 261),
    ("an RSA exponent other than 65537", 5),
];

#[test]
fn wycheproof_signatures_are_judged_as_published() {
    let groups = groups();
    let mut wide = Policy::default();
    wide.allow_other_rsa_sizes = true;
    wide.allow_other_exponents = true;
    let taken: Vec<_> = groups.iter().map(|group| intake(group, &Policy::default())).collect();
    let shipped = judge(groups.iter().zip(&taken));
    told("as shipped", &shipped);
    // Once more with the keys that settings can let in.
    let narrow = |(group, key): &(&Group, &Result<PublicKey, KeyError>)| {
        group.subject.is_ok() && matches!(key, Err(KeyError::RsaSize { .. } | KeyError::RsaExponent { .. }))
    };
    let again: Vec<_> =
        groups.iter().zip(&taken).filter(narrow).map(|(group, _)| (group, intake(group, &wide))).collect();
    let wide = judge(again.iter().map(|(group, key)| (*group, key)));
    told("with keys of every size and exponent that can be allowed", &wide);
    for tally in [&shipped, &wide] {
        assert_eq!(tally.accepted_wrongly, Vec::<String>::new());
        assert_eq!(tally.refused_wrongly, Vec::<String>::new());
    }
    let stricter: Vec<_> = shipped.stricter.iter().map(|(rule, count)| (rule.as_str(), *count)).collect();
    assert_eq!(stricter, STRICTER);
    let left_out: Vec<_> = shipped.left_out.iter().map(|(why, count)| (*why, *count)).collect();
    assert_eq!(left_out, [(OTHER_SALT, 1020), (OTHER_CURVE, 20338), (OTHER_HASH, 11649)]);
    assert_eq!(total(&shipped), (6833, 1862));
    // All that was right and refused for its key's size or exponent is accepted now.
    assert_eq!(
        (total(&wide).1, wide.stricter.keys().map(String::as_str).collect::<Vec<_>>()),
        (26, vec![STRICTER[1].0])
    );
}
