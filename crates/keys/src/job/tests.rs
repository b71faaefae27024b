//! Tests of signature checking: every algorithm both ways, and every way an outcome could be misused.

use super::{Candidate, Job, MAX_CANDIDATES, Rejected, verify, verify_many};
use crate::algorithm::{Algorithm, Encoding, KeyKind};
use crate::private::PrivateKey;
use std::sync::LazyLock;

static RSA: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyKind::Rsa, 2048).unwrap());
static OTHERS: LazyLock<Vec<PrivateKey>> = LazyLock::new(|| {
    [(KeyKind::Ed25519, 256), (KeyKind::P256, 256), (KeyKind::P384, 384), (KeyKind::P521, 521)]
        .map(|(kind, bits)| PrivateKey::generate(kind, bits).unwrap())
        .into()
});

fn key_for(algorithm: Algorithm) -> &'static PrivateKey {
    OTHERS.iter().find(|key| key.kind() == algorithm.kind()).unwrap_or(&RSA)
}

/// Every algorithm that this build signs with.
fn signing() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.iter().copied().filter(|a| cfg!(feature = "sha1-sign") || *a != Algorithm::RsaSha1)
}

#[test]
fn what_is_signed_is_accepted_and_what_is_changed_is_not() {
    for algorithm in signing() {
        let key = key_for(algorithm);
        for message in [b"".as_slice(), b"a", b"the quick brown fox"] {
            let signature = key.sign(algorithm, message).unwrap();
            let judge = |message: &[u8], signature: &[u8]| {
                verify(&Job::new(key.public_key(), algorithm, message, signature)).accepted(signature)
            };
            assert_eq!(judge(message, &signature).unwrap().candidate, 0, "{algorithm}");
            assert_eq!(judge(b"another message", &signature), Err(Rejected), "{algorithm}");
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert_eq!(judge(message, &changed), Err(Rejected), "{algorithm}, byte {at}");
            }
            let longer = [signature.as_slice(), &[0]].concat();
            for changed in [&[][..], &signature[1..], &signature[..signature.len() - 1], &longer] {
                assert_eq!(judge(message, changed), Err(Rejected), "{algorithm}");
            }
        }
    }
}

#[test]
fn a_key_serves_only_its_own_algorithms_and_another_key_never_fits() {
    let second = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
    for signed in signing() {
        let signature = key_for(signed).sign(signed, b"message").unwrap();
        for asked in Algorithm::ALL.iter().copied() {
            let outcome = verify(&Job::new(key_for(signed).public_key(), asked, b"message", &signature));
            assert_eq!(outcome.accepted(&signature).is_ok(), asked == signed, "{signed} checked as {asked}");
        }
        let outcome = verify(&Job::new(second.public_key(), signed, b"message", &signature));
        assert!(outcome.accepted(&signature).is_err());
    }
}

#[test]
fn an_outcome_is_good_for_its_own_signature_only() {
    let key = key_for(Algorithm::Ed25519);
    let good = key.sign(Algorithm::Ed25519, b"message").unwrap();
    let copy = good.clone();
    let outcome = verify(&Job::new(key.public_key(), Algorithm::Ed25519, b"message", &good));
    assert!(outcome.accepted(&good).is_ok());
    assert_eq!(outcome.accepted(&copy), Err(Rejected), "same bytes, another place");
    assert_eq!(outcome.accepted(&good[..63]), Err(Rejected), "same place, another length");
}

#[test]
fn many_jobs_give_their_outcomes_in_order() {
    let key = key_for(Algorithm::EcdsaP256Sha256);
    let messages: Vec<Vec<u8>> = (0..8_u8).map(|n| vec![n; 20]).collect();
    let signatures: Vec<_> =
        messages.iter().map(|m| key.sign(Algorithm::EcdsaP256Sha256, m).unwrap()).collect();
    let jobs: Vec<_> = signatures
        .iter()
        .enumerate()
        .map(|(at, s)| {
            let message = if at == 3 { &messages[4] } else { &messages[at] };
            Job::new(key.public_key(), Algorithm::EcdsaP256Sha256, message, s)
        })
        .collect();
    let mut outcomes = Vec::new();
    verify_many(&jobs, &mut outcomes);
    for (at, (outcome, signature)) in outcomes.iter().zip(&signatures).enumerate() {
        assert_eq!(outcome.accepted(signature).is_ok(), at != 3);
    }
}

#[test]
fn der_encoded_ecdsa_is_read_when_asked_for() {
    let key = key_for(Algorithm::EcdsaP256Sha256);
    let raw = key.sign(Algorithm::EcdsaP256Sha256, b"message").unwrap();
    let number = |bytes: &[u8]| {
        let bytes = crate::numbers::without_leading_zeros(bytes);
        let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
        let body = [sign, bytes].concat();
        [&[2, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    };
    let body = [number(&raw[..32]), number(&raw[32..])].concat();
    let der = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
    let job = Job::new(key.public_key(), Algorithm::EcdsaP256Sha256, b"message", &der);
    assert!(verify(&job).accepted(&der).is_err());
    assert!(verify(&job.with_encoding(Encoding::Der)).accepted(&der).is_ok());
}

#[test]
fn one_of_several_spellings_is_found_and_named() {
    let signature = RSA.sign(Algorithm::RsaSha256, b"second").unwrap();
    let candidate = |algorithm, bytes| Candidate { algorithm, bytes };
    let judge = |candidates: &[Candidate<'_>], signature: &[u8]| {
        verify(&Job::any_of(RSA.public_key(), Algorithm::RsaSha256, candidates, signature))
            .accepted(signature)
    };
    let (sha1, sha256) = (Algorithm::RsaSha1, Algorithm::RsaSha256);
    let three =
        [candidate(sha1, b"second".as_slice()), candidate(sha256, b"first"), candidate(sha256, b"second")];
    assert_eq!(judge(&three, &signature).unwrap().candidate, 2);
    assert_eq!(judge(&three[..2], &signature), Err(Rejected));
    assert_eq!(judge(&[], &signature), Err(Rejected), "nothing to compare with");

    let many = vec![candidate(sha256, b"second".as_slice()); MAX_CANDIDATES + 1];
    assert!(judge(&many[1..], &signature).is_ok());
    assert_eq!(judge(&many, &signature), Err(Rejected), "too many");

    let other_shape = [three[2], candidate(Algorithm::PssSha256, b"second")];
    assert_eq!(judge(&other_shape, &signature), Err(Rejected), "PSS has no digest to recover");
    let pss = RSA.sign(Algorithm::PssSha256, b"second").unwrap();
    assert_eq!(judge(&three, &pss), Err(Rejected));

    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 0x10;
        assert_eq!(judge(&three, &changed), Err(Rejected));
    }
}

#[test]
fn the_empty_message_is_no_candidate() {
    let signature = RSA.sign(Algorithm::RsaSha256, b"").unwrap();
    let empty = [Candidate { algorithm: Algorithm::RsaSha256, bytes: b"" }];
    let job = Job::any_of(RSA.public_key(), Algorithm::RsaSha256, &empty, &signature);
    assert!(verify(&job).accepted(&signature).is_err());
    let exact = Job::new(RSA.public_key(), Algorithm::RsaSha256, b"", &signature);
    assert!(verify(&exact).accepted(&signature).is_ok(), "the signature itself is a good one");
}

#[test]
fn several_spellings_need_an_rsa_key() {
    let key = key_for(Algorithm::Ed25519);
    let signature = key.sign(Algorithm::Ed25519, b"message").unwrap();
    let one = [Candidate { algorithm: Algorithm::Ed25519, bytes: b"message" }];
    let job = Job::any_of(key.public_key(), Algorithm::Ed25519, &one, &signature);
    assert!(verify(&job).accepted(&signature).is_err());
}

#[test]
fn many_threads_may_use_one_key_from_its_first_moment() {
    let signature = RSA.sign(Algorithm::RsaSha256, b"message").unwrap();
    let key = crate::compact::CompactKey::from(RSA.public_key().as_ref()).parse();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (key, signature) = (&key, &signature);
            scope.spawn(move || {
                let one = [Candidate { algorithm: Algorithm::RsaSha256, bytes: b"message" }];
                for round in 0..50 {
                    let job = if (thread + round) % 2 == 0 {
                        Job::any_of(key, Algorithm::RsaSha256, &one, signature)
                    } else {
                        Job::new(key, Algorithm::RsaSha256, b"message", signature)
                    };
                    assert!(verify(&job).accepted(signature).is_ok());
                }
            });
        }
    });
}

#[test]
fn both_ways_of_checking_rsa_agree() {
    for algorithm in signing().filter(|a| a.is_pkcs1()) {
        let signature = RSA.sign(algorithm, b"message").unwrap();
        for message in [b"message".as_slice(), b"massage"] {
            let exact = verify(&Job::new(RSA.public_key(), algorithm, message, &signature));
            let one = [Candidate { algorithm, bytes: message }];
            let any = verify(&Job::any_of(RSA.public_key(), algorithm, &one, &signature));
            assert_eq!(exact.accepted(&signature), any.accepted(&signature), "{algorithm}");
        }
    }
}
