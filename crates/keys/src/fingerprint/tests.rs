//! Tests of fingerprints against values made with openssl, ssh-keygen and another library.

use crate::intake::read_public_key;
use crate::policy::Policy;
use crate::public::PublicKey;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Deserialize)]
struct Expected {
    jwk: BTreeMap<String, String>,
    openssh_line: String,
    jwk_thumbprint: String,
    spki_sha256_hex: String,
    spki_sha256_base64: String,
    openssh: String,
    pem_sha256_hex: String,
}

fn expected() -> Vec<(PublicKey, String, Expected)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let list: BTreeMap<String, Expected> =
        serde_json::from_str(include_str!("../../tests/data/fingerprints.json")).unwrap();
    list.into_iter()
        .map(|(file, expected)| {
            let pem = fs::read_to_string(data.join(&file)).unwrap();
            // Not through intake, so that the 1024-bit key is among them.
            let block = crate::armour::blocks(&pem).unwrap().remove(0);
            (PublicKey::from_spki_der(&block.body).unwrap(), pem, expected)
        })
        .collect()
}

#[test]
fn every_fingerprint_is_what_other_tools_say() {
    let list = expected();
    assert_eq!(list.len(), 9);
    for (key, pem, expected) in list {
        let found = key.fingerprints();
        assert_eq!(found.jwk_thumbprint, expected.jwk_thumbprint);
        assert_eq!(found.spki_sha256_hex, expected.spki_sha256_hex);
        assert_eq!(found.spki_sha256_base64, expected.spki_sha256_base64);
        assert_eq!(found.openssh, expected.openssh);
        assert_eq!(found.pem_sha256_hex, expected.pem_sha256_hex);
        assert_eq!(key.to_pem(), pem);
        assert_eq!(key.to_openssh(""), expected.openssh_line);
        let jwk: BTreeMap<String, String> =
            serde_json::from_value(serde_json::to_value(key.to_jwk()).unwrap()).unwrap();
        assert_eq!(jwk, expected.jwk);
    }
}

#[test]
fn a_key_id_matches_in_every_spelling_and_only_its_own_key() {
    let list = expected();
    for (key, _, expected) in &list {
        let base64 = &expected.spki_sha256_base64;
        let spellings = [
            expected.jwk_thumbprint.clone(),
            format!("{}=", expected.jwk_thumbprint),
            expected.spki_sha256_hex.clone(),
            expected.spki_sha256_hex.to_uppercase(),
            base64.clone(),
            format!("SHA256:{base64}"),
            base64.trim_end_matches('=').replace('+', "-").replace('/', "_"),
            expected.openssh.clone(),
            expected.pem_sha256_hex.clone(),
        ];
        for kid in &spellings {
            for (other, ..) in &list {
                assert_eq!(other.fingerprints().matches_kid(kid), other == key, "{kid}");
            }
        }
        assert_eq!(key.fingerprints().spki_sha256_prefixed(), spellings[5]);
    }
    for (key, ..) in &list {
        let thumbprint = key.fingerprints().jwk_thumbprint;
        for kid in
            ["", "=", "SHA256:", "unknown", &thumbprint[..42], &format!("{thumbprint}A"), &"A".repeat(5000)]
        {
            assert!(!key.fingerprints().matches_kid(kid), "{kid}");
        }
    }
}

#[test]
fn all_ways_of_writing_a_key_out_are_read_back_as_that_key() {
    for (key, _, _) in expected().into_iter().filter(|(key, ..)| key.bits() != 1024) {
        let jwk = serde_json::to_string(&key.to_jwk()).unwrap();
        let spellings = [
            key.to_pem().into_bytes(),
            jwk.into_bytes(),
            key.to_openssh("c").into_bytes(),
            key.spki_der().to_vec(),
        ];
        for text in spellings {
            let taken = read_public_key(&text, &Policy::default()).unwrap();
            assert_eq!(taken.len(), 1);
            assert_eq!(taken[0].key, key);
            assert_eq!(taken[0].repaired, [""; 0]);
        }
    }
}
