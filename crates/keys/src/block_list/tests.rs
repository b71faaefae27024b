//! Block lists: every form names the same key, comments say nothing, and a line that is none is told.
use super::*;
use crate::policy::Policy;
use crate::{KeyError, KeyKind, PrivateKey, read_public_key};
use std::process::Command;
use std::sync::Arc;

fn refused(text: &str, pem: &str) -> Option<KeyError> {
    let policy = Policy { blocked: Arc::new(BlockList::read(text).unwrap()), ..Policy::default() };
    read_public_key(pem.as_bytes(), &policy).err()
}

#[test]
fn a_key_is_found_by_each_form_of_its_fingerprint() {
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let other = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let prints = key.public_key().fingerprints();
    let (pem, other) = (key.public_key().to_pem(), other.public_key().to_pem());
    for line in
        [prints.spki_sha256_hex.clone(), prints.spki_sha256_hex.to_uppercase(), prints.openssh.clone()]
    {
        let text = format!("# a list\n\n  {line} leaked in 2026\n{}\n", "0".repeat(64));
        assert_eq!(refused(&text, &pem), Some(KeyError::Blocked), "{line}");
        assert_eq!(refused(&text, &other), None);
    }
}

#[test]
fn debians_list_names_a_modulus_as_openssl_prints_it() {
    let key = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, key.public_key().to_pem()).unwrap();
    // As openssl-vulnkey works it out: the last 20 of the 40 digits.
    let script = format!("openssl rsa -pubin -noout -modulus -in {} | sha1sum | cut -c21-40", file.display());
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    assert_eq!(line.trim().len(), 20, "{line:?}");
    assert_eq!(refused(&line, &key.public_key().to_pem()), Some(KeyError::Blocked));
    assert_eq!(refused(&"0".repeat(20), &key.public_key().to_pem()), None);
}

#[test]
fn a_line_that_is_no_fingerprint_is_told_with_its_number() {
    for line in ["abc", "SHA256:short", &"g".repeat(64), &"0".repeat(63)] {
        let text = format!("# first\n{line}\n");
        assert_eq!(BlockList::read(&text), Err(UnreadLine { line: 2 }), "{line}");
    }
    assert!(BlockList::read("# nothing\n\n").unwrap().is_empty());
    assert_eq!(BlockList::read(&format!("{}\n{}", "0".repeat(64), "1".repeat(20))).unwrap().len(), 2);
}
