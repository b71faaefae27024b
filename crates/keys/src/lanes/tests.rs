//! The lanes through keys and jobs: the same outcomes as one by one, and the watch that puts wrong lanes off.

use super::{Check, Counts, Found, Lanes, Ticket};
use crate::algorithm::{Algorithm, KeyKind};
use crate::job::{Candidate, Job, verify};
use crate::private::PrivateKey;
use crate::public::PublicKey;
use crate::remembered::{Recalled, Remembered};
use countersign_keys_lanes as cpu;
use std::num::NonZeroU32;
use std::sync::LazyLock;

static KEYS: LazyLock<Vec<PrivateKey>> = LazyLock::new(|| {
    let made = |bits| {
        let key = PrivateKey::generate(KeyKind::Rsa, bits).unwrap();
        assert!(key.public_key().lane_key().is_none());
        key
    };
    [2048, 3072, 4096, 2048].map(made).into()
});

const fn every(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// The lanes of this CPU, or nothing, told aloud.
fn lanes(number: u32) -> Option<Lanes> {
    let lanes = Lanes::new(every(number), 1);
    if lanes.is_none() {
        eprintln!("this CPU has no AVX-512 IFMA: the lanes' own verdicts could not be looked at");
    }
    lanes
}

/// A fresh copy of a key, of which no lanes have found anything yet. It was asked for once, as lanes want it.
fn fresh(key: &PrivateKey) -> PublicKey {
    let key = PublicKey::from_spki_der(key.public_key().spki_der()).unwrap();
    assert!(key.lane_key().is_none(), "the first check of a key is not worth a place in the lanes");
    key
}

#[test]
fn the_first_check_of_a_key_is_the_scalar_library_s() {
    let Some(lanes) = lanes(1024) else { return };
    let key = PublicKey::from_spki_der(KEYS[0].public_key().spki_der()).unwrap();
    let signature = KEYS[0].sign(Algorithm::RsaSha256, b"m").unwrap();
    let job = Job::new(&key, Algorithm::RsaSha256, b"m", &signature);
    for in_lanes in [0, 1, 2] {
        let mut outcomes = Vec::new();
        lanes.verify_many(&[job], &mut outcomes);
        assert!(outcomes[0].accepted(&signature).is_ok());
        assert_eq!(lanes.counts().in_lanes, in_lanes);
    }
    // The second was confirmed by the scalar library, the third was believed.
    assert_eq!(lanes.counts().rechecked, 1);
}

#[test]
fn many_in_lanes_give_the_outcomes_of_one_by_one() {
    let Some(lanes) = lanes(1024) else { return };
    let ed = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let algorithms = [Algorithm::RsaSha256, Algorithm::RsaSha384, Algorithm::RsaSha512, Algorithm::PssSha256];
    let made: Vec<(&PrivateKey, Algorithm, Vec<u8>, Vec<u8>)> = (0..60_usize)
        .map(|at| {
            let key = if at % 11 == 10 { &ed } else { &KEYS[at % KEYS.len()] };
            let algorithm = if at % 11 == 10 { Algorithm::Ed25519 } else { algorithms[at / 4 % 4] };
            let message = format!("message {at}").into_bytes();
            let mut signature = key.sign(algorithm, &message).unwrap();
            match at % 7 {
                1 => signature[at] ^= 1,
                2 => signature.truncate(at),
                3 => signature.insert(0, 0),
                _ => {}
            }
            (key, algorithm, message, signature)
        })
        .collect();
    for _ in 0..2 {
        for count in 0..made.len() {
            let jobs: Vec<Job<'_>> = made[..count]
                .iter()
                .map(|(key, algorithm, message, signature)| {
                    Job::new(key.public_key(), *algorithm, message, signature)
                })
                .collect();
            let mut outcomes = Vec::new();
            lanes.verify_many(&jobs, &mut outcomes);
            assert_eq!(outcomes.len(), count);
            for (at, (job, outcome)) in jobs.iter().zip(&outcomes).enumerate() {
                assert_eq!(outcome.accepted(job.signature), verify(job).accepted(job.signature), "{at}");
            }
        }
    }
    let counts = lanes.counts();
    assert!(counts.in_lanes > 1000 && counts.scalar == 0, "{counts:?}");
    assert!(counts.rechecked < counts.in_lanes / 4 && counts.differences == 0, "{counts:?}");
}

#[test]
fn only_what_the_lanes_serve_is_split() {
    let lanes = Lanes::with(None, every(1), 0);
    let key = fresh(&KEYS[0]);
    let signature = [7; 256];
    let job = |algorithm| Job::new(&key, algorithm, b"m", &signature);
    for algorithm in [Algorithm::RsaSha1, Algorithm::RsaSha256, Algorithm::RsaSha384, Algorithm::RsaSha512] {
        assert!(lanes.split(&job(algorithm)).is_some(), "{algorithm}");
    }
    for algorithm in [Algorithm::PssSha256, Algorithm::Ed25519, Algorithm::EcdsaP256Sha256] {
        assert!(lanes.split(&job(algorithm)).is_none(), "{algorithm}");
    }
    for length in [0, 1, 255] {
        let short = &signature[..length];
        assert!(lanes.split(&Job::new(&key, Algorithm::RsaSha256, b"m", short)).is_none());
    }
    assert!(lanes.split(&Job::new(&key, Algorithm::RsaSha256, b"m", &[7; 257])).is_none());
    let candidates = [Candidate { algorithm: Algorithm::RsaSha256, bytes: b"m" }];
    let any = Job::any_of(&key, Algorithm::RsaSha256, &candidates, &signature);
    assert!(lanes.split(&any).is_none());
}

/// Few and many of one size go different ways through the lanes, and none is left.
#[test]
fn any_number_of_tickets_is_run() {
    let Some(lanes) = lanes(1024) else { return };
    let key = &KEYS[0];
    let signature = key.sign(Algorithm::RsaSha256, b"m").unwrap();
    let job = Job::new(key.public_key(), Algorithm::RsaSha256, b"m", &signature);
    for count in 0..20 {
        let tickets: Vec<Ticket> = (0..count).map(|_| lanes.split(&job).unwrap().1).collect();
        let mut found = Vec::new();
        lanes.run(&tickets, &mut found);
        assert!(found.iter().all(|found| found.verdict.is_some_and(|verdict| verdict.is_ok())), "of {count}");
        assert_eq!(found.len(), count);
    }
    assert_eq!(lanes.counts().turns, 20);
}

#[test]
fn lanes_that_are_off_leave_everything_to_the_scalar_library() {
    let lanes = Lanes::with(None, every(1024), 1);
    let key = &KEYS[0];
    let signature = key.sign(Algorithm::RsaSha256, b"m").unwrap();
    let job = Job::new(key.public_key(), Algorithm::RsaSha256, b"m", &signature);
    let tickets: Vec<Ticket> = (0..9).map(|_| lanes.split(&job).unwrap().1).collect();
    let mut found = Vec::new();
    lanes.run(&tickets, &mut found);
    assert!(found.len() == 9 && found.iter().all(|found| found.verdict.is_none()));
    let mut outcomes = Vec::new();
    lanes.verify_many(&[job; 9], &mut outcomes);
    assert!(outcomes.iter().all(|outcome| outcome.accepted(&signature).is_ok()));
    assert_eq!(lanes.counts(), Counts { scalar: 9, ..Counts::default() });
}

/// What lanes that compute wrongly would say.
fn wrong(check: &Check<'_>, verdict: Result<cpu::Matched, cpu::Rejected>) -> Option<Found> {
    Some(Found { number: check.number, verdict: Some(verdict) })
}

/// The witness of a good signature in lanes, which only the lanes make.
fn matched() -> Option<cpu::Matched> {
    let lanes = lanes(1)?;
    let signature = KEYS[0].sign(Algorithm::RsaSha256, b"m").unwrap();
    let job = Job::new(KEYS[0].public_key(), Algorithm::RsaSha256, b"m", &signature);
    let tickets: [Ticket; 3] = std::array::from_fn(|_| lanes.split(&job).unwrap().1);
    let mut found = Vec::new();
    lanes.run(&tickets, &mut found);
    found.remove(0).verdict.unwrap().ok()
}

#[test]
fn a_forged_acceptance_for_a_key_not_seen_before_is_refused_and_puts_the_lanes_off() {
    let Some(matched) = matched() else { return };
    let lanes = Lanes::with(None, every(1_000_000), 1);
    let key = fresh(&KEYS[0]);
    let forged = [7; 256];
    let job = Job::new(&key, Algorithm::RsaSha256, b"m", &forged);
    let (check, _) = lanes.split(&job).unwrap();
    let outcome = lanes.settle(&check, wrong(&check, Ok(matched)));
    assert!(outcome.accepted(&forged).is_err());
    let difference = lanes.difference().unwrap();
    assert!(difference.lanes_accepted);
    assert!(difference.to_string().contains(&key.fingerprints().spki_sha256_hex));
    assert!(lanes.split(&job).is_none(), "off for good");
    assert_eq!(lanes.counts(), Counts { turns: 0, in_lanes: 1, scalar: 0, rechecked: 1, differences: 1 });
    // What was on its way is not believed either.
    let outcome = lanes.settle(&check, wrong(&check, Ok(matched)));
    assert!(outcome.accepted(&forged).is_err());
}

#[test]
fn a_wrong_result_for_a_known_key_is_found_by_the_sample() {
    let good = KEYS[0].sign(Algorithm::RsaSha256, b"m").unwrap();
    let Some(matched) = matched() else { return };
    let lanes = Lanes::with(None, every(10), 1);
    let key = fresh(&KEYS[0]);
    let job = Job::new(&key, Algorithm::RsaSha256, b"m", &good);
    let (check, _) = lanes.split(&job).unwrap();
    assert!(lanes.settle(&check, wrong(&check, Ok(matched))).accepted(&good).is_ok());
    // The key is known now: the lanes are believed, wrong as they are, until the sample comes round.
    for turn in 2..10 {
        assert!(lanes.settle(&check, wrong(&check, Err(cpu::Rejected))).accepted(&good).is_err(), "{turn}");
        assert!(lanes.difference().is_none());
    }
    let outcome = lanes.settle(&check, wrong(&check, Err(cpu::Rejected)));
    assert!(outcome.accepted(&good).is_ok(), "the scalar library's verdict counts");
    assert!(!lanes.difference().unwrap().lanes_accepted);
    assert_eq!(lanes.counts(), Counts { turns: 0, in_lanes: 10, scalar: 0, rechecked: 2, differences: 1 });
}

#[test]
fn a_key_is_known_only_after_a_good_signature() {
    let lanes = Lanes::with(None, every(1_000_000), 1);
    let key = fresh(&KEYS[0]);
    let bad = [7; 256];
    let job = Job::new(&key, Algorithm::RsaSha256, b"m", &bad);
    for _ in 0..5 {
        let (check, _) = lanes.split(&job).unwrap();
        assert!(lanes.settle(&check, wrong(&check, Err(cpu::Rejected))).accepted(&bad).is_err());
    }
    assert_eq!(lanes.counts(), Counts { turns: 0, in_lanes: 5, scalar: 0, rechecked: 5, differences: 0 });
}

#[test]
fn what_was_found_for_another_check_counts_for_none() {
    let Some(matched) = matched() else { return };
    let lanes = Lanes::with(None, every(1_000_000), 1);
    let key = fresh(&KEYS[0]);
    let bad = [7; 256];
    let job = Job::new(&key, Algorithm::RsaSha256, b"m", &bad);
    let ((one, _), (other, _)) = (lanes.split(&job).unwrap(), lanes.split(&job).unwrap());
    for found in [wrong(&other, Ok(matched)), None, Some(Found { number: one.number, verdict: None })] {
        assert!(lanes.settle(&one, found).accepted(&bad).is_err());
    }
    assert_eq!(lanes.counts(), Counts { turns: 0, in_lanes: 0, scalar: 3, rechecked: 0, differences: 0 });
}

#[test]
fn what_wrong_lanes_accepted_is_not_remembered() {
    let Some(matched) = matched() else { return };
    let lanes = Lanes::with(None, every(1_000_000), 1);
    let key = fresh(&KEYS[0]);
    let memory = Remembered::new([1; 32], 100);
    let good = KEYS[0].sign(Algorithm::RsaSha256, b"m").unwrap();
    let first = Job::new(&key, Algorithm::RsaSha256, b"m", &good);
    let (check, _) = lanes.split(&first).unwrap();
    assert!(lanes.settle(&check, wrong(&check, Ok(matched))).accepted(&good).is_ok());
    // The key is known, so that the lanes are believed. The third time it would have been remembered.
    let forged = [7; 256];
    let job = Job::new(&key, Algorithm::RsaSha256, b"m", &forged);
    for (time, believed) in [(1, true), (2, false), (3, false)] {
        let Recalled::Ours(turn) = memory.recall(&job) else { panic!("remembered at time {time}") };
        let (check, _) = lanes.split(&job).unwrap();
        let outcome = lanes.settle(&check, wrong(&check, Ok(matched)));
        assert!(outcome.accepted(&forged).is_ok(), "believed, wrong as it is");
        assert_eq!(turn.keep(&job, outcome, 100, 1).accepted(&forged).is_ok(), believed, "{time}");
    }
    assert_eq!(memory.count(), 0);
}
