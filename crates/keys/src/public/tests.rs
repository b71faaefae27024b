//! Tests of stored keys: what is read back is the same key, and structure is all that is asked.

use super::PublicKey;
use crate::algorithm::{Algorithm, KeyKind};
use crate::compact::CompactKey;
use crate::private::PrivateKey;

fn assert_shared<T: Send + Sync>() {}

#[test]
fn keys_may_be_shared_between_threads() {
    assert_shared::<PublicKey>();
    assert_shared::<PrivateKey>();
    assert_shared::<CompactKey>();
}

#[test]
fn a_key_at_rest_is_small_and_comes_back_the_same() {
    for (kind, bits, most) in [
        (KeyKind::Rsa, 2048, 257),
        (KeyKind::Ed25519, 256, 33),
        (KeyKind::P256, 256, 65),
        (KeyKind::P384, 384, 97),
        (KeyKind::P521, 521, 133),
    ] {
        let private = PrivateKey::generate(kind, bits).unwrap();
        let key = private.public_key();
        let compact = CompactKey::from(key.as_ref());
        assert!(compact.packed().len() <= most, "{kind}: {}", compact.packed().len());
        assert_eq!(compact.parse(), **key);
        assert_eq!((compact.parse().kind(), compact.parse().bits()), (kind, bits));
        assert_eq!(CompactKey::from_spki_der(key.spki_der()).unwrap(), compact);
        assert_eq!(key.ed25519_bytes().is_some(), kind == KeyKind::Ed25519);
        assert!(key.allows(kind.usual_algorithm()));
        assert_eq!(key.allows(Algorithm::Ed25519), kind == KeyKind::Ed25519);
    }
}

#[test]
fn what_is_not_a_stored_key_is_refused() {
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let der = key.public_key().spki_der();
    for len in 0..der.len() {
        assert!(PublicKey::from_spki_der(&der[..len]).is_err(), "cut to {len}");
    }
    assert!(PublicKey::from_spki_der(&[der, &[0]].concat()).is_err(), "something trails");
}

#[test]
fn a_1024_bit_key_can_be_shown_but_checks_nothing() {
    let pem = include_str!("../../tests/data/rsa_1024.pub.pem");
    let key = PublicKey::from_spki_der(&crate::armour::blocks(pem).unwrap()[0].body).unwrap();
    assert_eq!(key.bits(), 1024);
    assert!(key.check(Algorithm::RsaSha256, crate::algorithm::Encoding::Raw, b"", &[0; 128]).is_none());
    let mut out = [0; countersign_keys_lc::recover::MAX_MODULUS_BYTES];
    // With the exponent 65537 the number one is its own signature; here it must not even be looked at.
    assert!(key.recover(&[0; 128], &mut out).is_none());
}

#[test]
fn debug_output_names_the_key_and_no_secret() {
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let shown = format!("{key:?}");
    assert!(shown.contains(&key.public_key().fingerprints().spki_sha256_hex));
    assert!(shown.contains("not shown"));
}
