//! Signing a request beside the bare signature of the crypto library.
use crate::judging::NOW;
use crate::measure::{Table, turns};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use countersign::dialect::Dialect;
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Time;
use countersign::write::Signer;
use countersign_keys::{KeyKind, PrivateKey};
use http::HeaderMap;
use std::hint::black_box;

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let key = made(KeyKind::Rsa, 2048)?;
    let raw = KeyPair::from_pkcs8(key.to_pkcs8_der()).map_err(|error| error.to_string())?;
    let message = signed(&dialect("RS256")?, &key)?;
    let mut out = vec![0; raw.public_modulus_len()];
    let mut bare = || {
        let _ = raw.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), black_box(&message), &mut out);
        black_box(&out);
    };
    compare("RS256", &key, &mut bare, table)?;

    let key = made(KeyKind::Ed25519, 256)?;
    let raw = Ed25519KeyPair::from_pkcs8(key.to_pkcs8_der()).map_err(|error| error.to_string())?;
    let message = signed(&dialect("EdDSA")?, &key)?;
    let mut bare = || {
        black_box(raw.sign(black_box(&message)));
    };
    compare("EdDSA", &key, &mut bare, table)?;

    let key = made(KeyKind::P256, 256)?;
    let raw = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.to_pkcs8_der())
        .map_err(|error| error.to_string())?;
    let message = signed(&dialect("ES256")?, &key)?;
    let mut bare = || {
        let _ = black_box(raw.sign(&SystemRandom::new(), black_box(&message)));
    };
    compare("ES256", &key, &mut bare, table)
}

fn compare(name: &str, key: &PrivateKey, bare: &mut dyn FnMut(), table: &mut Table) -> Result<(), String> {
    let dialect = dialect(name)?;
    let mut whole = || {
        let _ = black_box(signed(&dialect, key));
    };
    let times = turns(10, &mut [bare, &mut whole]);
    if let [bare, whole] = times.as_slice() {
        let figure = format!("{:.3} x raw ({bare:.0} ns, + {:.0} ns)", whole / bare, whole - bare);
        table.add(format!("signing a request with a {name} token"), figure, "at most 1.03");
    }
    Ok(())
}

fn made(kind: KeyKind, bits: u32) -> Result<PrivateKey, String> {
    PrivateKey::generate(kind, bits).map_err(|error| error.to_string())
}

fn dialect(algorithm: &str) -> Result<Dialect, String> {
    let settings = [("algorithms".to_owned(), algorithm.to_owned())].into();
    countersign_dialects::load("skykit", &settings).map_err(|error| error.to_string())
}

/// Signs a request and gives the bytes that were signed.
fn signed(dialect: &Dialect, key: &PrivateKey) -> Result<Vec<u8>, String> {
    let headers = HeaderMap::new();
    let incoming = Incoming {
        method: "GET",
        target: Target::new("https", "api.example.test", "/v1/widgets?limit=10"),
        headers: &headers,
        body: Body::Empty,
        client: None,
        challenge: None,
    };
    let signer = Signer {
        key,
        identifier: "caller@example.com",
        acting_as: None,
        companion: None,
        algorithm: None,
        challenge: None,
    };
    let made = dialect.write(&incoming, &signer, Time::from_seconds(NOW), [7; 16]);
    made.map(|made| made.signed).map_err(|error| error.to_string())
}
