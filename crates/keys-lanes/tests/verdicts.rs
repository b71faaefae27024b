//! Verdicts of the lanes on signatures of real keys, whole, changed and misplaced, held against AWS-LC's.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as lc, KeyPair, ParsedPublicKey, RsaKeyPair};
use countersign_keys_lanes::{Job, Lanes, Prepared, Rejected};
use num_bigint::BigUint;

/// Of SHA-256, by RFC 8017, section 9.2, note 1.
const PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

struct Key {
    pair: RsaKeyPair,
    prepared: Prepared,
    scalar: ParsedPublicKey,
    n: BigUint,
    bytes: usize,
}

impl Key {
    fn new(size: KeySize) -> Self {
        let pair = RsaKeyPair::generate(size).unwrap();
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        Self {
            prepared: Prepared::new(&modulus, &[1, 0, 1]).unwrap(),
            scalar: ParsedPublicKey::new(
                &lc::RSA_PKCS1_2048_8192_SHA256,
                AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key())
                    .unwrap()
                    .as_ref(),
            )
            .unwrap(),
            n: BigUint::from_bytes_be(&modulus),
            bytes: modulus.len(),
            pair,
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.bytes];
        self.pair.sign(&lc::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

fn digest_info(message: &[u8]) -> Vec<u8> {
    [&PREFIX, aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, message).as_ref()].concat()
}

fn lanes() -> Option<Lanes> {
    let lanes = Lanes::new();
    if lanes.is_none() {
        eprintln!("this CPU has no AVX-512 IFMA: the lanes' own verdicts could not be looked at");
    }
    lanes
}

/// Every size in one call, in an order that mixes them, with any number of jobs.
#[test]
fn sizes_and_keys_mix_in_one_call() {
    let Some(lanes) = lanes() else { return };
    let sizes = [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096, KeySize::Rsa2048];
    let keys: Vec<Key> = sizes.into_iter().map(Key::new).collect();
    let made: Vec<(&Key, Vec<u8>, Vec<u8>)> = (0..40_u8)
        .map(|at| {
            let key = &keys[usize::from(at) % keys.len()];
            (key, key.sign(&[at]), digest_info(&[at]))
        })
        .collect();
    for count in 0..made.len() {
        // Every third is asked with the digest of another message.
        let wrong = |at: usize| (at + count).is_multiple_of(3);
        let jobs: Vec<Job<'_>> = (0..count)
            .map(|at| {
                let (key, signature, own) = &made[at];
                let digest_info = if wrong(at) { &made[(at + 1) % made.len()].2 } else { own };
                Job { key: &key.prepared, signature, digest_info }
            })
            .collect();
        let mut outcomes = vec![Err(Rejected); count];
        lanes.verify_slice(&jobs, &mut outcomes);
        for (at, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.is_ok(), !wrong(at), "{at} of {count}");
        }
    }
}

/// The same verdict as AWS-LC for everything that is nearly a signature.
#[test]
fn what_is_nearly_a_signature_is_judged_alike() {
    let Some(lanes) = lanes() else { return };
    for size in [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096] {
        let key = Key::new(size);
        let message = b"a message";
        let good = key.sign(message);
        let s = BigUint::from_bytes_be(&good);
        let full = |number: &BigUint| {
            let short = number.to_bytes_be();
            [vec![0; key.bytes.saturating_sub(short.len())], short].concat()
        };
        let one = BigUint::from(1_u8);
        let mut tried = vec![
            good.clone(),
            full(&BigUint::ZERO),
            full(&one),
            full(&key.n),
            full(&(&key.n - 1_u8)),
            full(&(&key.n + 1_u8)),
            full(&(&key.n - &s)),
            full(&(&s + 1_u8)),
            full(&(&s - 1_u8)),
            // The same residue, not below the modulus; longer by a byte where it does not fit.
            full(&(&s + &key.n)),
            vec![0xff; key.bytes],
            vec![],
            good[1..].to_vec(),
            good[..key.bytes - 1].to_vec(),
            [&[0][..], &good].concat(),
            [&good[..], &[0]].concat(),
            [&[0; 300][..], &good].concat(),
        ];
        tried.extend((0..key.bytes * 8).step_by(5).map(|bit| {
            let mut changed = good.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            changed
        }));
        let info = digest_info(message);
        let jobs: Vec<Job<'_>> =
            tried.iter().map(|signature| Job { key: &key.prepared, signature, digest_info: &info }).collect();
        let mut outcomes = vec![Err(Rejected); jobs.len()];
        lanes.verify_slice(&jobs, &mut outcomes);
        for (at, (signature, outcome)) in tried.iter().zip(&outcomes).enumerate() {
            assert_eq!(outcome.is_ok(), key.scalar.verify_sig(message, signature).is_ok(), "{at}");
            assert_eq!(outcome.is_ok(), at == 0, "{at}");
        }
    }
}

#[test]
fn places_without_a_job_are_rejected() {
    let Some(lanes) = lanes() else { return };
    let key = Key::new(KeySize::Rsa2048);
    let (signature, info) = (key.sign(b"m"), digest_info(b"m"));
    let job = Job { key: &key.prepared, signature: &signature, digest_info: &info };
    let accepted = lanes.verify(&[job]);
    assert!(accepted[0].is_ok());
    // What stood in the places before does not stay.
    let mut outcomes = [accepted[0]; 5];
    lanes.verify_slice(&[job, job], &mut outcomes);
    assert_eq!(outcomes.map(|outcome| outcome.is_ok()), [true, true, false, false, false]);
    let mut fewer = [Err(Rejected); 1];
    lanes.verify_slice(&[job, job], &mut fewer);
    assert!(fewer[0].is_ok());
    assert!(lanes.verify::<0>(&[]).is_empty());
}

#[test]
fn a_digest_info_that_leaves_no_padding_is_rejected() {
    let Some(lanes) = lanes() else { return };
    let key = Key::new(KeySize::Rsa2048);
    let signature = key.sign(b"m");
    let encoded = BigUint::from_bytes_be(&signature).modpow(&BigUint::from(65537_u32), &key.n).to_bytes_be();
    // What is really inside the signature, cut at any place: only the whole digest info is right.
    for length in 0..encoded.len() {
        let digest_info = &encoded[encoded.len() - length..];
        let job = Job { key: &key.prepared, signature: &signature, digest_info };
        assert_eq!(lanes.verify(&[job])[0].is_ok(), length == PREFIX.len() + 32, "{length}");
    }
}
