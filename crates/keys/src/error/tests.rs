//! Every message as people read it. A message says what was found, what was wanted, and what to do next.

use super::KeyError;
use crate::algorithm::{Algorithm, KeyKind};
use std::collections::BTreeSet;

fn all() -> Vec<KeyError> {
    use KeyError as E;
    vec![
        E::Empty,
        E::TooLong { found: 70_000, limit: 65_536 },
        E::Unrecognised,
        E::Private { form: "PKCS#8" },
        E::Certificate { form: "certificate" },
        E::Kind { found: "DSA".into() },
        E::Curve { found: "secp256k1".into() },
        E::Curve { found: "P-224".into() },
        E::Symmetric,
        E::SeveralKeys { found: 2 },
        E::Pem { problem: "the line with END is missing" },
        E::Der { wanted: "a public key" },
        E::OpenSsh { problem: "nothing follows the type of the key" },
        E::Jwk { member: "n".into(), problem: "is missing" },
        E::RsaSize { found: 1024, wanted: "2048, 3072 or 4096".into() },
        E::RsaExponent { found: "3".into(), wanted: "65537" },
        E::RsaWeak { weakness: "its modulus is even".into() },
        E::Blocked,
        E::Published { source: "RFC 8032, section 7.1" },
        E::Ed25519Length { found: 33 },
        E::Ed25519Point { problem: "its point is not on the curve" },
        E::EcPoint { curve: "P-256", problem: "is not on the curve" },
        E::NotPrivate,
        E::PrivateForm { problem: "it is not a PKCS#8 document" },
        E::Encrypted,
        E::EncryptedOpenSsh,
        E::Passphrase,
        E::PassphraseCost,
        E::Algorithm { algorithm: Algorithm::Ed25519, kind: KeyKind::Rsa },
        E::Sha1Signing,
        E::NewKeySize { kind: KeyKind::Rsa, found: 1024 },
        E::FileExists { path: "key.pem".into() },
        E::File { path: "key.pem".into(), problem: "permission denied".into() },
        E::Backend { doing: "signing" },
    ]
}

#[test]
fn the_messages() {
    let text: Vec<String> = all().iter().map(|error| format!("{}: {error}", error.code())).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    key_empty: no key was sent; send a public key, for instance the text of a PEM file
    key_too_long: the text has 70000 bytes, and no key needs more than 65536; send one public key and nothing else
    key_unrecognised: this is no form of public key known here; send a PEM text (-----BEGIN PUBLIC KEY-----), an OpenSSH line, a JWK, or the 32 bytes of an Ed25519 key in base64 or hex
    key_private: this is a private key (PKCS#8), and a public key is wanted; it was not kept, but treat it as leaked: make a new pair and send only its public half
    key_certificate: this is a certificate, and a public key is wanted; send its public key, for instance from `openssl x509 -in FILE -noout -pubkey` (for a request: `openssl req`)
    key_kind_not_served: the key is of a kind not served here: DSA; send RSA of 2048, 3072 or 4096 bits, Ed25519, or ECDSA on P-256, P-384 or P-521
    key_curve_not_served: the key is on the curve secp256k1, which is not served yet; send Ed25519, or ECDSA on P-256, P-384 or P-521
    key_curve_not_served: the key is on a curve not served here: P-224; send Ed25519, or ECDSA on P-256, P-384 or P-521 with the curve given by name
    key_symmetric: this is a shared secret, and a public key is wanted; treat it as leaked, and send RSA of 2048, 3072 or 4096 bits, Ed25519, or ECDSA on P-256, P-384 or P-521
    key_several: the text holds 2 keys, and one is wanted; send them one by one
    key_pem_damaged: the PEM text is damaged: the line with END is missing; send the whole file again, from the line with BEGIN to the line with END
    key_der_damaged: the binary form inside is damaged or something else; wanted was a public key; export the public key again, for instance with `openssl pkey -in FILE -pubout`
    key_openssh_damaged: the OpenSSH key is damaged: nothing follows the type of the key; send the whole line of the .pub file
    key_jwk_damaged: the JWK is not usable: n is missing; send the public JWK as RFC 7517 describes it
    key_rsa_size: the RSA key has 1024 bits; wanted are 2048, 3072 or 4096; make a new key of such a size
    key_rsa_exponent: the RSA key has the public exponent 3; wanted is 65537; make a new key with the usual exponent
    key_rsa_weak: the RSA key can be broken: its modulus is even; stop using it, and make a new key with an up-to-date tool
    key_blocked: the key is on the block list of this installation; stop using it, and make a new one
    key_published: everybody has the private half of this key: it is in RFC 8032, section 7.1; make a key pair of your own
    key_ed25519_length: an Ed25519 public key has 32 bytes, and this has 33; send the 32 bytes, or the key as PEM
    key_ed25519_point: the Ed25519 key is not usable: its point is not on the curve; make a new key and send its public half
    key_ec_point: the point of the P-256 key is not on the curve; export the public key again, or make a new one
    key_not_private: this is a public key, and signing needs the private one; name the file that holds the private key
    key_private_damaged: the private key could not be read: it is not a PKCS#8 document; wanted is PKCS#8, PKCS#1, SEC1 or OpenSSH, or the 32 bytes of an Ed25519 key in base64
    key_encrypted: the private key is encrypted; give its passphrase
    key_encrypted_openssh: the private key is an encrypted OpenSSH key, which is not read here; make a copy without a passphrase (`ssh-keygen -p -N '' -f COPY`), or turn it into encrypted PKCS#8
    key_passphrase: the passphrase does not open the private key; give the right one
    key_passphrase_cost: the private key asks for more work to open than any tool sets by default; wanted are at most 10,000,000 PBKDF2 rounds or 1 GiB of scrypt memory; encrypt it again with usual settings
    key_algorithm: a key of the kind RSA cannot use Ed25519, which wants the kind Ed25519; choose RS256, or another key
    key_sha1_signing: signing with SHA-1 was asked for, and this build does not do it; use RS256, or build with the feature sha1-sign
    key_new_size: a new RSA key of 1024 bits was asked for; RSA keys are made with 2048, 3072, 4096 or 8192 bits, the others with the size of their curve
    key_file_exists: key.pem is already there, and a key is never overwritten; choose another name, or move the old file away
    key_file: key.pem could not be used: permission denied; check the path and who may read it
    key_backend: the crypto library failed while signing; this is a fault on this side, not in the key
    ");
}

#[test]
fn codes_are_distinct() {
    let codes: BTreeSet<_> = all().iter().map(KeyError::code).collect();
    // The two curves share one.
    assert_eq!(codes.len(), all().len() - 1);
}
