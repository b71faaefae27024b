//! What a refused proof costs, whoever it names.
use super::*;
use crate::dialect::Dialect;
use crate::dialect::settings::Settings;
use crate::incoming::{Body, Incoming, Limits, Target};
use crate::life::key::KeyLife;
use crate::read::Scratch;
use countersign_keys::{CompactKey, PrivateKey};
use http::{HeaderMap, HeaderValue};

const DIALECT: &str = r#"
    name = "sig"
    summary = "a test"
    algorithms = ["Ed25519", "ES256", "ES384", "PS512", "RS256"]
    find = { form = "httpsig" }
    who = { from = "signature.keyid", by_key = true }
    reply = { status = 401 }
    [signature]
    covers = ["@method"]
"#;

fn known(kind: KeyKind) -> Arc<KnownKey> {
    let key = PrivateKey::generate(kind, if kind == KeyKind::Rsa { 2048 } else { 0 }).unwrap();
    Arc::new(KnownKey::new("k", "", KeyLife::ACTIVE, CompactKey::from(&**key.public_key())))
}

/// The checks that a signature of so many bytes costs beside these keys.
fn checks(length: usize, alg: &str, keys: &[Arc<KnownKey>], decoys: usize) -> Vec<Algorithm> {
    let dialect = Dialect::parse(DIALECT, &Settings::new()).unwrap();
    let input = format!("a=(\"@method\");keyid=\"k\"{alg}");
    let signature =
        format!("a=:{}:", crate::base64::encode(crate::base64::Alphabet::Standard, &vec![7; length]));
    let mut headers = HeaderMap::new();
    headers.insert("signature-input", HeaderValue::try_from(input).unwrap());
    headers.insert("signature", HeaderValue::try_from(signature).unwrap());
    let target = Target::new("https", "h", "/");
    let incoming = Incoming {
        method: "GET",
        target,
        headers: &headers,
        body: Body::Empty,
        client: None,
        challenge: None,
    };
    let mut scratch = Scratch::default();
    let proof = dialect.read(&incoming, &Limits::default(), &mut scratch, &mut ()).unwrap().unwrap();
    let (attempts, _) = proof.attempts(keys.iter().enumerate(), decoys);
    let mut all: Vec<_> = attempts.iter().map(|attempt| attempt.algorithm).collect();
    all.sort_unstable();
    all
}

#[test]
fn what_an_unnamed_algorithm_costs_hangs_on_the_length_of_the_signature_alone() {
    use Algorithm::{EcdsaP256Sha256, EcdsaP384Sha384, Ed25519, PssSha512, RsaSha256};
    let keys = [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa].map(known);
    for (length, wanted) in [
        (64, vec![EcdsaP256Sha256, Ed25519]),
        (96, vec![EcdsaP384Sha384]),
        (256, vec![RsaSha256, PssSha512]),
        (0, vec![RsaSha256, PssSha512]),
    ] {
        let mut wanted = wanted;
        wanted.sort_unstable();
        assert_eq!(checks(length, "", &[], 1), wanted, "{length} bytes, nobody");
        for key in &keys {
            let kind = key.key().kind();
            assert_eq!(checks(length, "", std::slice::from_ref(key), 1), wanted, "{length} bytes, {kind}");
        }
    }
    // As many as an account of that name might have.
    assert_eq!(checks(96, "", &[], 3), [EcdsaP384Sha384; 3]);
    // No key that is taken signs so many bytes, and still one kind is checked.
    assert_eq!(checks(132, "", &[], 1), [Ed25519]);
}

#[test]
fn a_named_algorithm_costs_one_check_whoever_has_a_key_of_it() {
    for length in [0, 64, 256] {
        assert_eq!(checks(length, ";alg=\"ed25519\"", &[], 1), [Algorithm::Ed25519]);
        for kind in [KeyKind::Ed25519, KeyKind::Rsa] {
            assert_eq!(checks(length, ";alg=\"ed25519\"", &[known(kind)], 1), [Algorithm::Ed25519]);
        }
    }
}
