//! Published test vectors for signature checks and weak keys, read from a folder outside the project.
//!
//! Set `COUNTERSIGN_VECTORS_SEC` to a folder with `wycheproof/`, `ed25519-cctv/`, `ed25519-speccheck/` and
//! `weak-keys/badkeys/`; without it these tests say that they were skipped and pass.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the vectors are ours to trust, and a test may fail loudly"
)]

use countersign_keys::{Algorithm, Candidate, Encoding, Job, Policy, PublicKey, read_public_key, verify};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

#[expect(clippy::disallowed_methods, reason = "the one place where the folder of vectors is named")]
fn folder(name: &str) -> Option<PathBuf> {
    let folder = std::env::var("COUNTERSIGN_VECTORS_SEC").ok().map(|root| PathBuf::from(root).join(name));
    if folder.is_none() {
        eprintln!("skipped: COUNTERSIGN_VECTORS_SEC is not set");
    }
    folder
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()
}

/// Checks with a key as stored, without the checks of intake.
fn good_ed25519(raw: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    PublicKey::from_spki_der(&[&head, raw].concat())
        .is_ok_and(|key| good(&Job::new(&key, Algorithm::Ed25519, message, signature)))
}

fn good(job: &Job<'_>) -> bool {
    verify(job).accepted(job.signature).is_ok()
}

fn hash_of(group: &Value) -> &str {
    group["sha"].as_str().unwrap_or_default()
}

/// The algorithm and encoding that a group of tests is about; `None` for what is not served.
fn subject(group: &Value) -> Option<(Algorithm, Encoding)> {
    let raw = Encoding::Raw;
    let curve = |encoding| {
        let algorithm = match group["publicKey"]["curve"].as_str()? {
            "secp256r1" => Algorithm::EcdsaP256Sha256,
            "secp384r1" => Algorithm::EcdsaP384Sha384,
            "secp521r1" => Algorithm::EcdsaP521Sha512,
            _ => return None,
        };
        Some((algorithm, encoding))
    };
    match (group["type"].as_str()?, hash_of(group)) {
        ("EcdsaVerify", _) => curve(Encoding::Der),
        ("EcdsaP1363Verify", _) => curve(raw),
        ("EddsaVerify", _) => Some((Algorithm::Ed25519, raw)),
        ("RsassaPkcs1Verify" | "RsassaPkcs1Generate", hash) => match hash {
            "SHA-1" => Some((Algorithm::RsaSha1, raw)),
            "SHA-256" => Some((Algorithm::RsaSha256, raw)),
            "SHA-384" => Some((Algorithm::RsaSha384, raw)),
            "SHA-512" => Some((Algorithm::RsaSha512, raw)),
            _ => None,
        },
        // Only with the same hash in the mask and a salt of its length.
        ("RsassaPssVerify", hash) if group["mgfSha"] == group["sha"] => {
            match (hash, group["sLen"].as_u64()) {
                ("SHA-256", Some(32)) => Some((Algorithm::PssSha256, raw)),
                ("SHA-384", Some(48)) => Some((Algorithm::PssSha384, raw)),
                ("SHA-512", Some(64)) => Some((Algorithm::PssSha512, raw)),
                _ => None,
            }
        }
        _ => None,
    }
}

#[test]
fn wycheproof() {
    let Some(folder) = folder("wycheproof") else { return };
    let (mut ran, mut skipped) = (0_u32, BTreeMap::<String, usize>::new());
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let document = json(path);
        for group in document["testGroups"].as_array().unwrap() {
            let tests = group["tests"].as_array().unwrap();
            let der = group.get("publicKeyDer").filter(|der| der.is_string());
            let pkcs8 = group.get("privateKeyPkcs8").filter(|der| der.is_string());
            let key = match (der, pkcs8) {
                (Some(der), _) => PublicKey::from_spki_der(&unhex(der)).ok(),
                (None, Some(der)) => countersign_keys::PrivateKey::read(&unhex(der), None)
                    .ok()
                    .map(|key| PublicKey::from_spki_der(key.public_key().spki_der()).unwrap()),
                (None, None) => None,
            };
            let (Some(key), Some((algorithm, encoding))) = (key, subject(group)) else {
                *skipped.entry(name.clone()).or_default() += tests.len();
                continue;
            };
            for test in tests {
                let (message, signature) = (unhex(&test["msg"]), unhex(&test["sig"]));
                let job = Job::new(&key, algorithm, &message, &signature).with_encoding(encoding);
                let flags = test["flags"].to_string();
                // "acceptable": for checks, a digest info without its NULL, which is refused here; for
                // generated signatures, a hash or size that others may refuse.
                let missing_null = flags.contains("MissingNull");
                let wanted = test["result"] == "valid" || (test["result"] == "acceptable" && !missing_null);
                let label = format!("{name} {} {} {flags}", test["tcId"], test["comment"]);
                assert_eq!(good(&job), wanted, "{label}");
                if algorithm.is_pkcs1() {
                    let one = [Candidate { algorithm, bytes: &message }];
                    let any = good(&Job::any_of(&key, algorithm, &one, &signature));
                    assert_eq!(any, wanted && !message.is_empty(), "{label}, one of several");
                }
                ran += 1;
            }
        }
    }
    eprintln!("{ran} ran; skipped: {skipped:?}");
    assert!(ran > 6000, "{ran}");
}

#[test]
fn the_ed25519_rule_is_the_one_stated() {
    let Some(cctv) = folder("ed25519-cctv") else { return };
    let vectors = json(cctv.join("ed25519vectors.json"));
    let (mut stored, mut registered) = (0, 0);
    for vector in vectors.as_array().unwrap() {
        let (raw, signature) = (unhex(&vector["key"]), unhex(&vector["sig"]));
        let message = vector["msg"].as_str().unwrap();
        let accepted = good_ed25519(&raw, message.as_bytes(), &signature);
        stored += usize::from(accepted);
        let flags: Vec<&str> =
            vector["flags"].as_array().into_iter().flatten().map(|flag| flag.as_str().unwrap()).collect();
        // The rule: A canonical; no cofactor, so a residue of small order counts; R byte for byte.
        let against = ["non_canonical_A", "low_order_residue", "non_canonical_R"];
        assert_eq!(
            accepted,
            !against.iter().any(|flag| flags.contains(flag)),
            "{}: {flags:?}",
            vector["number"]
        );
        let taken = read_public_key(&raw, &Policy::default()).is_ok();
        assert_eq!(
            taken,
            !flags.contains(&"low_order_A") && !flags.contains(&"non_canonical_A"),
            "{flags:?}"
        );
        registered += usize::from(taken && accepted);
    }
    eprintln!(
        "{stored} of {} accepted, {registered} with keys that could be registered",
        vectors.as_array().unwrap().len()
    );
    assert_eq!((stored, registered), (172, 86));
}

#[test]
fn the_ed25519_speccheck_verdicts_are_the_chosen_ones() {
    let Some(speccheck) = folder("ed25519-speccheck") else { return };
    let cases = json(speccheck.join("cases.json"));
    let verdicts: Vec<(bool, bool)> = cases
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            let raw = unhex(&case["pub_key"]);
            let (message, signature) = (unhex(&case["message"]), unhex(&case["signature"]));
            let accepted = good_ed25519(&raw, &message, &signature);
            (accepted, read_public_key(&raw, &Policy::default()).is_ok())
        })
        .collect();
    let accepted: Vec<usize> = (0..verdicts.len()).filter(|at| verdicts[*at].0).collect();
    assert_eq!(accepted, [0, 1, 2, 3]);
    let both: Vec<usize> = accepted.into_iter().filter(|at| verdicts[*at].1).collect();
    assert_eq!(both, [2, 3], "0 and 1 need a key that intake refuses");
}

#[test]
fn published_bad_keys_are_refused() {
    let Some(folder) = folder("weak-keys/badkeys") else { return };
    let mut taken = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match read_public_key(&fs::read(&path).unwrap(), &Policy::default()) {
            Ok(_) => taken.push(name),
            Err(error) => eprintln!("{name}: {error}"),
        }
    }
    taken.sort();
    // Good keys by substance, but published as examples; and two weak ones that only a list can know:
    // a modulus that shares a prime with another key, and one that a broken random generator made.
    assert_eq!(
        taken,
        [
            "ec-p256-rfc-example.key",
            "ed25519-rfc-example.key",
            "jwk-ecp256-rfc7517.json",
            "jwk-ed25519-rfc8037.json",
            "jwk-rsa-ok.json",
            "jwk-rsa-rfc7517.json",
            "rsa-debianweak.key",
            "rsa-ok.key",
            "rsa-sharedprimes.key",
        ]
    );
}
