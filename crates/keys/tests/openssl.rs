//! The same signatures and files through the `openssl` command: what one side writes, the other reads.
//!
//! Where the command is not installed, these tests say that they were skipped and pass.

use countersign_keys::{Algorithm, Encoding, Job, KeyKind, PrivateKey, verify};
use std::fs;
use std::path::Path;
use std::process::Command;

fn openssl(dir: &Path, arguments: &[&str]) -> Option<String> {
    let output = match Command::new("openssl").args(arguments).current_dir(dir).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: openssl: {error}");
            return None;
        }
    };
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "openssl {arguments:?}: {text}");
    Some(text)
}

/// How `openssl pkeyutl` is told an algorithm.
fn options(algorithm: Algorithm) -> Vec<&'static str> {
    let digest = match algorithm {
        Algorithm::Ed25519 => return vec!["-rawin"],
        Algorithm::RsaSha1 => "sha1",
        Algorithm::RsaSha384 | Algorithm::PssSha384 | Algorithm::EcdsaP384Sha384 => "sha384",
        Algorithm::RsaSha512 | Algorithm::PssSha512 | Algorithm::EcdsaP521Sha512 => "sha512",
        _ => "sha256",
    };
    let mut options = vec!["-rawin", "-digest", digest];
    if matches!(algorithm, Algorithm::PssSha256 | Algorithm::PssSha384 | Algorithm::PssSha512) {
        options.extend(["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:digest"]);
    }
    options
}

#[test]
fn signatures_made_by_openssl_are_accepted_and_ours_by_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    fs::write(path.join("message"), b"the message").unwrap();
    for kind in KeyKind::ALL.iter().copied() {
        let bits = match kind {
            KeyKind::Rsa => 2048,
            KeyKind::P384 => 384,
            KeyKind::P521 => 521,
            _ => 256,
        };
        let key = PrivateKey::generate(kind, bits).unwrap();
        fs::write(path.join("key"), key.to_pkcs8_pem().as_bytes()).unwrap();
        fs::write(path.join("pub"), key.public_key().to_pem()).unwrap();
        for algorithm in kind.algorithms().iter().copied() {
            let more = options(algorithm);
            let sign = ["pkeyutl", "-sign", "-inkey", "key", "-in", "message", "-out", "theirs"];
            if openssl(path, &[&sign[..], &more].concat()).is_none() {
                return;
            }
            let theirs = fs::read(path.join("theirs")).unwrap();
            let job = Job::new(key.public_key(), algorithm, b"the message", &theirs);
            // openssl writes ECDSA signatures as DER.
            let outcome = verify(&job.with_encoding(Encoding::Der));
            assert!(outcome.accepted(&theirs).is_ok(), "{algorithm}");

            let is_ecdsa = !matches!(kind, KeyKind::Rsa | KeyKind::Ed25519);
            if is_ecdsa || (algorithm == Algorithm::RsaSha1 && !cfg!(feature = "sha1-sign")) {
                continue;
            }
            fs::write(path.join("ours"), key.sign(algorithm, b"the message").unwrap()).unwrap();
            let check =
                ["pkeyutl", "-verify", "-pubin", "-inkey", "pub", "-in", "message", "-sigfile", "ours"];
            let said = openssl(path, &[&check[..], &more].concat()).unwrap_or_default();
            assert!(said.contains("Verified Successfully"), "{algorithm}: {said}");
        }
    }
}

#[cfg(feature = "sha1-sign")]
#[test]
fn sha1_signatures_are_the_very_bytes_that_openssl_makes() {
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
    fs::write(dir.path().join("key"), key.to_pkcs8_pem().as_bytes()).unwrap();
    fs::write(dir.path().join("message"), b"the message").unwrap();
    if openssl(dir.path(), &["dgst", "-sha1", "-sign", "key", "-out", "theirs", "message"]).is_some() {
        let theirs = fs::read(dir.path().join("theirs")).unwrap();
        assert_eq!(key.sign(Algorithm::RsaSha1, b"the message").unwrap(), theirs);
    }
}

#[test]
fn openssl_reads_what_is_written_under_a_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, bits) in [(KeyKind::Rsa, 2048), (KeyKind::Ed25519, 256), (KeyKind::P521, 521)] {
        let key = PrivateKey::generate(kind, bits).unwrap_or_else(|error| panic!("{error}"));
        let sealed = key.to_encrypted_pkcs8_pem(b"a passphrase", &[3; 32]).unwrap();
        fs::write(dir.path().join("key"), sealed).unwrap();
        let read = ["pkey", "-in", "key", "-passin", "pass:a passphrase", "-pubout"];
        if let Some(public) = openssl(dir.path(), &read) {
            assert_eq!(public, key.public_key().to_pem());
        }
    }
}
