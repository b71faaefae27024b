//! A key at rest is the key that the reader of DER finds, whatever the DER looks like.

use super::CompactKey;
use crate::numbers::Numbers;
use crate::public::PublicKey;
use base64ct::{Base64, Base64Unpadded, Base64UrlUnpadded, Encoding};
use proptest::prelude::*;

/// The DER of a key of any kind and size, also of sizes that intake refuses.
fn der() -> impl Strategy<Value = Vec<u8>> {
    let number = |least: usize, most: usize| {
        prop::collection::vec(any::<u8>(), least..=most).prop_map(|mut bytes| {
            if let Some(first) = bytes.first_mut() {
                *first = (*first).max(1);
            }
            bytes
        })
    };
    let exponent = prop_oneof![Just(vec![1, 0, 1]), Just(vec![3]), number(1, 5)];
    let size = prop_oneof![Just(256), Just(384), Just(512), 1..300_usize];
    let rsa = (size, exponent)
        .prop_flat_map(move |(size, e)| number(size, size).prop_map(move |n| Numbers::rsa(&n, &e)));
    let ed25519 = any::<[u8; 32]>().prop_map(Numbers::Ed25519);
    let point = (0..3_usize, any::<[u8; 32]>()).prop_map(|(which, bytes)| {
        let (kind, size) = [
            (crate::algorithm::KeyKind::P256, 32),
            (crate::algorithm::KeyKind::P384, 48),
            (crate::algorithm::KeyKind::P521, 66),
        ][which];
        let coordinate: Vec<u8> = bytes.iter().cycle().take(size).copied().collect();
        Numbers::Ec { kind, x: coordinate.clone(), y: coordinate }
    });
    prop_oneof![3 => rsa, 2 => ed25519, 1 => point].prop_map(|numbers| numbers.to_spki().unwrap())
}

fn same(der: &[u8]) {
    let read = PublicKey::from_spki_der(der);
    let compact = CompactKey::from_spki_der(der);
    assert_eq!(read.is_ok(), compact.is_ok(), "{der:02x?}");
    if let (Ok(read), Ok(compact)) = (read, compact) {
        assert_eq!(compact, CompactKey::from(&read));
        assert_eq!(compact.to_spki_der(), read.spki_der());
        assert_eq!(compact.parse(), read);
        assert_eq!((compact.kind(), compact.parse().bits()), (read.kind(), read.bits()));
        assert_eq!(compact.ed25519_bytes(), read.ed25519_bytes());
        // What registries find it by is what its owner is told.
        let (own, told) = (compact.digests().unwrap(), read.fingerprints());
        assert_eq!(Base64UrlUnpadded::encode_string(&own.jwk), told.jwk_thumbprint);
        assert_eq!(Base64::encode_string(&own.spki), told.spki_sha256_base64);
        assert_eq!(format!("SHA256:{}", Base64Unpadded::encode_string(&own.openssh)), told.openssh);
        let hex: String = own.pem.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, told.pem_sha256_hex);
        assert_eq!(CompactKey::from_packed(compact.packed()).unwrap(), compact);
    }
}

proptest! {
    #[test]
    fn it_reads_what_the_reader_of_der_reads(der in der(), place in any::<prop::sample::Index>(), other in any::<u8>()) {
        same(&der);
        let mut spoilt = der.clone();
        spoilt[place.index(der.len())] = other;
        same(&spoilt);
        same(&der[..place.index(der.len())]);
        same(&[&der[..], &[other]].concat());
    }

    #[test]
    fn bytes_that_are_no_packed_key_are_none(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(key) = CompactKey::from_packed(&bytes) {
            assert_eq!(key.packed(), &bytes);
            assert!(!key.to_spki_der().is_empty());
        }
    }
}
