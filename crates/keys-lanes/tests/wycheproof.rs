//! The published Wycheproof vectors of RSA PKCS#1 v1.5, through the lanes and through AWS-LC: one verdict.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self as lc, ParsedPublicKey, VerificationAlgorithm};
use countersign_keys_lanes::{Job, Lanes, Prepared, Rejected};
use wycheproof::rsa_pkcs1_verify::{TestFlag, TestName, TestSet};
use wycheproof::{HashFunction, TestResult};

/// What stands before the digest, by RFC 8017, section 9.2, note 1.
fn hash(
    name: HashFunction,
) -> Option<(&'static str, &'static digest::Algorithm, &'static dyn VerificationAlgorithm)> {
    Some(match name {
        HashFunction::Sha1 => (
            "3021300906052b0e03021a05000414",
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            &lc::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        ),
        HashFunction::Sha2_256 => {
            ("3031300d060960864801650304020105000420", &digest::SHA256, &lc::RSA_PKCS1_2048_8192_SHA256)
        }
        HashFunction::Sha2_384 => {
            ("3041300d060960864801650304020205000430", &digest::SHA384, &lc::RSA_PKCS1_2048_8192_SHA384)
        }
        HashFunction::Sha2_512 => {
            ("3051300d060960864801650304020305000440", &digest::SHA512, &lc::RSA_PKCS1_2048_8192_SHA512)
        }
        _ => return None,
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

/// One vector, ready for both ways.
struct Vector {
    label: String,
    key: Prepared,
    signature: Vec<u8>,
    digest_info: Vec<u8>,
    scalar: bool,
    published: bool,
}

fn vectors() -> (Vec<Vector>, usize) {
    let (mut vectors, mut skipped) = (Vec::new(), 0);
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in set.test_groups {
            let bytes =
                |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            let (n, e) = (bytes(&group.key.n), bytes(&group.key.e));
            let (Some((prefix, digest, algorithm)), Some(_)) = (hash(group.hash), Prepared::new(&n, &e))
            else {
                skipped += group.tests.len();
                continue;
            };
            let scalar = ParsedPublicKey::new(algorithm, &group.der[..]).unwrap();
            for test in group.tests {
                // The one "acceptable" kind: a digest info without its NULL, which is refused here.
                assert!(test.result != TestResult::Acceptable || test.flags.contains(&TestFlag::MissingNull));
                vectors.push(Vector {
                    label: format!("{name:?} {} {}", test.tc_id, test.comment),
                    key: Prepared::new(&n, &e).unwrap(),
                    digest_info: [unhex(prefix).as_slice(), digest::digest(digest, &test.msg).as_ref()]
                        .concat(),
                    scalar: scalar.verify_sig(&test.msg, &test.sig).is_ok(),
                    published: test.result == TestResult::Valid,
                    signature: test.sig.to_vec(),
                });
            }
        }
    }
    (vectors, skipped)
}

#[test]
fn both_ways_give_the_published_verdict() {
    let (vectors, skipped) = vectors();
    eprintln!("{} vectors; {skipped} are of other hashes, sizes and exponents", vectors.len());
    for vector in &vectors {
        assert_eq!(vector.scalar, vector.published, "{} by AWS-LC", vector.label);
    }
    assert!(vectors.len() > 2000);
    let Some(lanes) = Lanes::new() else {
        eprintln!("this CPU has no AVX-512 IFMA: the lanes' own verdicts could not be looked at");
        return;
    };
    // All at once in their order, and then spread, so that keys, sizes and verdicts mix in the lanes. The
    // stride is a prime that does not divide the count, so each vector comes once.
    assert!(!vectors.len().is_multiple_of(1009));
    for stride in [1, 1009] {
        let order: Vec<usize> = (0..vectors.len()).map(|at| at * stride % vectors.len()).collect();
        let jobs: Vec<Job<'_>> = order.iter().map(|at| job(&vectors[*at])).collect();
        let mut outcomes = vec![Err(Rejected); jobs.len()];
        lanes.verify_slice(&jobs, &mut outcomes);
        for (at, outcome) in order.iter().zip(&outcomes) {
            assert_eq!(outcome.is_ok(), vectors[*at].published, "{} in lanes", vectors[*at].label);
        }
    }
    // Each one alone in its turn.
    for vector in &vectors {
        let [outcome] = lanes.verify(&[job(vector)]);
        assert_eq!(outcome.is_ok(), vector.published, "{} alone", vector.label);
    }
}

fn job(vector: &Vector) -> Job<'_> {
    Job { key: &vector.key, signature: &vector.signature, digest_info: &vector.digest_info }
}
