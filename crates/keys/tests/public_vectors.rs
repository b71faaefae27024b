//! Published test vectors for signature checks and weak keys, read from a folder outside the project.
//!
//! Set `COUNTERSIGN_VECTORS` to a folder with `wycheproof/`, `ed25519-cctv/`, `ed25519-speccheck/` and
//! `weak-keys/badkeys/`; without it these tests say that they were skipped and pass.

#![expect(clippy::unwrap_used, reason = "the vectors are ours to trust, and a test may fail loudly")]

use countersign_keys::{Algorithm, Job, KeyError, Policy, PrivateKey, PublicKey, read_public_key, verify};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

// Named where the tests are built, so that nothing here reads the environment while it runs.
fn folder(name: &str) -> Option<PathBuf> {
    let folder = option_env!("COUNTERSIGN_VECTORS").map(|root| PathBuf::from(root).join(name));
    if folder.is_none() {
        eprintln!("skipped: COUNTERSIGN_VECTORS is not set");
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

/// The signatures that the crate of Wycheproof's vectors leaves out: those over keys that are given whole.
#[test]
fn wycheproof_generated_rsa_signatures_are_judged_as_published() {
    let Some(folder) = folder("wycheproof") else { return };
    let (mut tried, mut other_hash, mut stricter) = (0_u32, 0_u32, BTreeMap::<String, u32>::new());
    for size in [1024, 1536, 2048, 3072, 4096] {
        let document = json(folder.join(format!("rsa_pkcs1_{size}_sig_gen_test.json")));
        for group in document["testGroups"].as_array().unwrap() {
            let algorithm = match group["sha"].as_str().unwrap() {
                "SHA-1" => Some(Algorithm::RsaSha1),
                "SHA-256" => Some(Algorithm::RsaSha256),
                "SHA-384" => Some(Algorithm::RsaSha384),
                "SHA-512" => Some(Algorithm::RsaSha512),
                _ => None,
            };
            let tests = group["tests"].as_array().unwrap();
            let taken = PrivateKey::read(&unhex(&group["privateKeyPkcs8"]), None)
                .and_then(|key| read_public_key(key.public_key().spki_der(), &Policy::default()));
            for test in tests {
                let Some(algorithm) = algorithm else {
                    other_hash += 1;
                    continue;
                };
                tried += 1;
                let (message, signature) = (unhex(&test["msg"]), unhex(&test["sig"]));
                // Every signature is right; which keys are taken is ours to say.
                assert_ne!(test["result"], "invalid");
                match &taken {
                    Ok(taken) => {
                        let held = good(&Job::new(&taken[0].key, algorithm, &message, &signature));
                        assert!(held, "{size} {} {}", test["tcId"], test["comment"]);
                    }
                    Err(error) => *stricter.entry(error.to_string()).or_default() += 1,
                }
            }
        }
    }
    println!("{tried} tried, {other_hash} of other hashes; refused by a stricter rule: {stricter:#?}");
    assert!(tried > 100 && stricter.values().sum::<u32>() < tried);
}

/// Sets and keys of Wycheproof's JWK vectors, through intake: each test is about one thing that is wrong with a set.
#[test]
fn wycheproof_key_sets_are_taken_as_published() {
    let Some(folder) = folder("wycheproof") else { return };
    let document = json(folder.join("json_web_key_test.json"));
    let (mut taken, mut refused, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for group in document["testGroups"].as_array().unwrap() {
        let public = group.get("public");
        let set = public.unwrap_or(&group["private"]).to_string();
        let found = read_public_key(set.as_bytes(), &Policy::default());
        for test in group["tests"].as_array().unwrap() {
            let label = format!("{} {}", test["tcId"], test["comment"].as_str().unwrap());
            match (&found, test["result"] == "valid") {
                // Sets of shared secrets are about HMAC, which has no place here.
                (Err(error @ (KeyError::Symmetric | KeyError::Private { .. })), _) if public.is_none() => {
                    elsewhere.push(format!("{label}: {error}"));
                }
                (Ok(_), true) => taken.push(label),
                (Err(error), false) => refused.push(format!("{label}: {error}")),
                (found, _) => panic!("{label}: {found:?}"),
            }
        }
    }
    println!(
        "taken as published: {taken:#?}\nrefused as published: {refused:#?}\nof shared secrets, all refused: {elsewhere:#?}"
    );
    assert_eq!((taken.len(), refused.len(), elsewhere.len()), (1, 10, 15));
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
