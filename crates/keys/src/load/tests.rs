//! Tests of loading private keys: every form gives the same key, and what cannot be opened says why.

use crate::algorithm::{Algorithm, KeyKind};
use crate::job::{Job, verify};
use crate::private::PrivateKey;
use std::fs;
use std::path::Path;

fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn load(name: &str) -> PrivateKey {
    PrivateKey::read(&data(name), None).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refused(text: &[u8], passphrase: Option<&[u8]>) -> &'static str {
    PrivateKey::read(text, passphrase).unwrap_err().code()
}

#[test]
fn every_form_of_a_key_loads_and_belongs_to_its_public_half() {
    for (name, public) in [
        ("rsa_a.pem", "rsa_a.pub.pem"),
        ("rsa_a.pkcs1.pem", "rsa_a.pub.pem"),
        ("rsa_4096.pem", "rsa_4096.pub.pem"),
        ("ed_a.pem", "ed_a.pub.pem"),
        ("ec_p256.pem", "ec_p256.pub.pem"),
        ("ec_p256.sec1.pem", "ec_p256.pub.pem"),
        ("ec_p384.pem", "ec_p384.pub.pem"),
        ("ec_p384.sec1.pem", "ec_p384.pub.pem"),
        ("ec_p521.pem", "ec_p521.pub.pem"),
    ] {
        let key = load(name);
        assert_eq!(key.public_key().to_pem().into_bytes(), data(public), "{name}");
        let algorithm = key.kind().usual_algorithm();
        let signature = key.sign(algorithm, b"message").unwrap();
        let outcome = verify(&Job::new(key.public_key(), algorithm, b"message", &signature));
        assert!(outcome.accepted(&signature).is_ok(), "{name}");
    }
}

#[test]
fn openssh_files_load_and_belong_to_their_lines() {
    for name in ["openssh_rsa", "openssh_ed25519", "openssh_ecdsa", "openssh_ecdsa384", "openssh_ecdsa521"] {
        let key = load(name);
        let line = String::from_utf8(data(&format!("{name}.pub"))).unwrap();
        let comment = line.split_whitespace().nth(2).unwrap();
        assert_eq!(key.public_key().to_openssh(comment), line.trim_end(), "{name}");
    }
}

#[test]
fn encrypted_files_open_with_their_passphrase_only() {
    for (name, public) in [("rsa_a.pbkdf2.pem", "rsa_a.pub.pem"), ("ed_a.scrypt.pem", "ed_a.pub.pem")] {
        let text = data(name);
        let key = PrivateKey::read(&text, Some(b"correct")).unwrap();
        assert_eq!(key.public_key().to_pem().into_bytes(), data(public));
        assert_eq!(refused(&text, None), "key_encrypted");
        assert_eq!(refused(&text, Some(b"wrong")), "key_passphrase");
    }
    assert_eq!(refused(&data("openssh_encrypted"), Some(b"correct")), "key_encrypted_openssh");
    let old = PrivateKey::read(&data("rsa_a.old-encrypted.pem"), Some(b"correct")).unwrap_err().to_string();
    assert!(old.contains("old OpenSSL way"), "{old}");
}

#[test]
fn what_is_written_under_a_passphrase_is_read_back() {
    let key = load("ed_a.pem");
    let text = key.to_encrypted_pkcs8_pem(b"correct", &[7; 32]).unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let again = PrivateKey::read(text.as_bytes(), Some(b"correct")).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(refused(text.as_bytes(), Some(b"wrong")), "key_passphrase");
    let other = key.to_encrypted_pkcs8_pem(b"correct", &[8; 32]).unwrap();
    assert_ne!(text, other, "other random bytes, another text");
}

#[test]
fn a_file_cannot_ask_for_endless_work() {
    let key = load("ed_a.pem");
    let sealed = key.to_encrypted_pkcs8_pem(b"correct", &[7; 32]).unwrap();
    let der = crate::armour::blocks(&sealed).unwrap().remove(0).body.to_vec();
    // N = 2^14 is written as 02 02 40 00; the others are no power of two, zero, and far too much.
    let at = der.windows(4).position(|w| w == [0x02, 0x02, 0x40, 0x00]).unwrap();
    for n in [[0x40, 0x01], [0x00, 0x00], [0x00, 0x01]] {
        let mut changed = der.clone();
        changed[at + 2..at + 4].copy_from_slice(&n);
        // Zero and one in two bytes are also no DER, which may be said first.
        let code = refused(&changed, Some(b"correct"));
        assert!(["key_passphrase_cost", "key_private_damaged"].contains(&code), "{n:?}: {code}");
    }
    let mut passes = der;
    // p = 5 follows r = 8.
    let at = passes.windows(6).position(|w| w == [0x02, 0x01, 0x08, 0x02, 0x01, 0x05]).unwrap();
    passes[at + 5] = 0x7f;
    assert_eq!(refused(&passes, Some(b"correct")), "key_passphrase_cost");
}

#[test]
fn bare_ed25519_bytes_load_in_every_spelling() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let bytes = crate::spelling::hex(&format!("{seed}{public}")).unwrap();
    let texts = [
        seed.as_bytes().to_vec(),
        b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=".to_vec(),
        b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\n".to_vec(),
        format!("{seed}{public}").into_bytes(),
        bytes.to_vec(),
        bytes[..32].to_vec(),
    ];
    for text in texts {
        let key = PrivateKey::read(&text, None).unwrap();
        assert_eq!(key.public_key().to_pem().into_bytes(), data("ed_a.pub.pem"));
    }
    let foreign = format!("{seed}{}", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    assert_eq!(refused(foreign.as_bytes(), None), "key_private_damaged", "the halves do not belong together");
}

#[test]
fn pkcs8_written_here_is_read_back() {
    for (kind, bits) in [(KeyKind::Rsa, 2048), (KeyKind::Ed25519, 256), (KeyKind::P384, 384)] {
        let key = PrivateKey::generate(kind, bits).unwrap();
        let text = key.to_pkcs8_pem();
        assert_eq!(PrivateKey::read(text.as_bytes(), None).unwrap().public_key(), key.public_key());
        assert_eq!(PrivateKey::read(key.to_pkcs8_der(), None).unwrap().public_key(), key.public_key());
    }
    assert_eq!(PrivateKey::generate(KeyKind::Rsa, 1024).unwrap_err().code(), "key_new_size");
}

#[test]
fn what_is_no_private_key_says_so() {
    for name in
        ["rsa_a.pub.pem", "ed_a.pub.pem", "rsa_a.pub.openssh", "rsa_a.pub.pkcs1.pem", "certificate.pem"]
    {
        assert_eq!(refused(&data(name), None), "key_not_private", "{name}");
    }
    for name in ["dsa.pem", "rsa_a.p12", "rsa_1024.pem"] {
        assert_eq!(refused(&data(name), None), "key_private_damaged", "{name}");
    }
    assert_eq!(refused(b" \n", None), "key_empty");
    assert_eq!(refused(&[b'a'; 70_000], None), "key_too_long");
    assert_eq!(refused(b"hello there", None), "key_private_damaged");
}

#[test]
fn a_cut_or_changed_document_is_refused_without_a_panic() {
    for name in ["rsa_a.pem", "ed_a.pem", "ec_p256.sec1.pem", "openssh_rsa"] {
        let text = data(name);
        // The last line alone can be cut without loss, since any number of dashes will do.
        for len in (0..text.len() - 40).step_by(7) {
            assert!(PrivateKey::read(&text[..len], None).is_err(), "{name} cut to {len}");
        }
    }
    let ed = load("ed_a.pem");
    assert_eq!(ed.sign(Algorithm::RsaSha256, b"").unwrap_err().code(), "key_algorithm");
}

#[cfg(not(feature = "sha1-sign"))]
#[test]
fn sha1_is_signed_only_in_builds_that_ask_for_it() {
    assert_eq!(load("rsa_a.pem").sign(Algorithm::RsaSha1, b"").unwrap_err().code(), "key_sha1_signing");
}
