//! Tests of intake: all spellings of a key are that key, and nothing unsound gets in.

use super::{MAX_TEXT, read_key_set, read_public_key};
use crate::algorithm::KeyKind;
use crate::block_list::BlockList;
use crate::policy::Policy;
use crate::private::PrivateKey;
use crate::public::PublicKey;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(data(name)).unwrap()
}

fn take(text: &[u8]) -> super::Intake {
    let mut taken = read_public_key(text, &Policy::default())
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)));
    assert_eq!(taken.len(), 1);
    taken.remove(0)
}

fn refusal(text: &[u8]) -> String {
    let refused = read_public_key(text, &Policy::default());
    let error = refused.expect_err(&format!("taken: {}", String::from_utf8_lossy(text)));
    format!("{}: {error}", error.code())
}

static KEYS: LazyLock<Vec<PrivateKey>> = LazyLock::new(|| {
    [(KeyKind::Rsa, 2048), (KeyKind::Ed25519, 256), (KeyKind::P256, 256), (KeyKind::P521, 521)]
        .map(|(kind, bits)| PrivateKey::generate(kind, bits).unwrap())
        .into()
});

/// The ways in which one key may be written.
fn spellings(key: &PublicKey) -> Vec<Vec<u8>> {
    let (pem, der) = (key.to_pem(), key.spki_der().to_vec());
    let jwk = serde_json::to_string(&key.to_jwk()).unwrap();
    let line = key.to_openssh("me@example");
    let mut all = vec![
        pem.replace('\n', "\\n"),
        pem.replace('\n', ""),
        format!("\"{}\"", pem.replace('\n', "\\n")),
        format!("   {}", pem.replace('\n', "\r\n   ")),
        Base64::encode_string(&der),
        Base64UrlUnpadded::encode_string(&der),
        Base64::encode_string(pem.as_bytes()),
        der.iter().map(|byte| format!("{byte:02X}")).collect(),
        format!("{{\"keys\":[{jwk}]}}"),
        format!("[{jwk}]"),
        jwk.replace(',', " ,\n "),
        format!("# my key\n{line}\n"),
        format!("no-pty,command=\"ls\" {line}"),
        line.split(' ').nth(1).unwrap().to_owned(),
        format!("\u{feff}{pem}"),
        jwk,
        line,
        pem,
    ];
    if let Some(raw) = key.ed25519_bytes() {
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        all.push(Base64::encode_string(&raw));
        all.push(Base64UrlUnpadded::encode_string(&raw));
        all.push(format!("0x{hex}"));
        all.push(hex.as_bytes().chunks(2).map(|b| str::from_utf8(b).unwrap()).collect::<Vec<_>>().join(":"));
    }
    all.into_iter().map(String::into_bytes).chain([der]).collect()
}

#[test]
fn all_spellings_of_a_key_have_the_same_fingerprints() {
    for private in KEYS.iter() {
        let key = private.public_key();
        for spelling in spellings(key) {
            assert_eq!(
                take(&spelling).key.fingerprints(),
                key.fingerprints(),
                "{}",
                String::from_utf8_lossy(&spelling)
            );
        }
    }
}

#[test]
fn files_made_by_other_tools_are_taken() {
    for name in [
        "rsa_a.pub.pem",
        "rsa_a.pub.pkcs1.pem",
        "rsa_a.pub.openssh",
        "rsa_4096.pub.pem",
        "ed_a.pub.pem",
        "ec_p256.pub.pem",
        "ec_p384.pub.pem",
        "ec_p521.pub.pem",
        "openssh_rsa.pub",
        "openssh_ed25519.pub",
        "openssh_ecdsa.pub",
        "openssh_ecdsa384.pub",
        "openssh_ecdsa521.pub",
    ] {
        assert_eq!(take(&data(name)).repaired, [""; 0], "{name}");
    }
    let fingerprints = |name| take(&data(name)).key.fingerprints();
    assert_eq!(fingerprints("rsa_a.pub.pem"), fingerprints("rsa_a.pub.pkcs1.pem"));
    assert_eq!(fingerprints("rsa_a.pub.pem"), fingerprints("rsa_a.pub.openssh"));
}

#[test]
fn what_came_along_is_kept_and_what_was_repaired_is_told() {
    assert_eq!(take(&data("openssh_rsa.pub")).comment.as_deref(), Some("test@example"));
    assert_eq!(
        take(b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea a b c")
            .comment
            .as_deref(),
        Some("a b c")
    );
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k1","use":"sig","alg":"EdDSA"}"#;
    assert_eq!(take(jwk.as_bytes()).kid.as_deref(), Some("k1"));
    let padded = jwk.replace("HURo", "HURo=").replace("VS_7T", "VS/7T");
    assert_eq!(take(padded.as_bytes()).repaired, ["base64 was read as base64url"]);
    let quoted = format!("'{}'", text("ed_a.pub.pem"));
    assert_eq!(take(quoted.as_bytes()).repaired, ["quotation marks were removed"]);
}

#[test]
fn coordinates_with_their_leading_zeros_lost_are_put_right() {
    // Looks for a key whose x starts with a zero byte: one in 256 does.
    let key = std::iter::repeat_with(|| PrivateKey::generate(KeyKind::P256, 256).unwrap())
        .find(|key| key.public_key().to_jwk().x.is_some_and(|x| x.starts_with("AA") || x.starts_with("AB")))
        .unwrap();
    let mut jwk = key.public_key().to_jwk();
    let x = Base64UrlUnpadded::decode_vec(&jwk.x.unwrap()).unwrap();
    let start = usize::from(x[0] == 0);
    jwk.x = Some(Base64UrlUnpadded::encode_string(&x[start..]));
    let taken = take(serde_json::to_string(&jwk).unwrap().as_bytes());
    assert_eq!(taken.key, **key.public_key());
    jwk.x = Some(Base64UrlUnpadded::encode_string(&[&[0], x.as_slice()].concat()));
    assert_eq!(take(serde_json::to_string(&jwk).unwrap().as_bytes()).key, **key.public_key());
}

#[test]
fn private_keys_in_any_form_are_refused_as_leaked() {
    let seed = [7_u8; 64];
    let mut forms: Vec<Vec<u8>> = [
        "rsa_a.pem",
        "rsa_a.pkcs1.pem",
        "ed_a.pem",
        "ec_p256.sec1.pem",
        "ec_p256.pem",
        "rsa_a.pbkdf2.pem",
        "ed_a.scrypt.pem",
        "rsa_a.old-encrypted.pem",
        "dsa.pem",
        "openssh_rsa",
        "openssh_encrypted",
        "rsa_a.p12",
    ]
    .map(data)
    .into();
    let pkcs8 = PrivateKey::read(&data("rsa_a.pem"), None).unwrap().to_pkcs8_der().to_vec();
    forms.push(Base64::encode_string(&pkcs8).into_bytes());
    forms.push(pkcs8);
    forms.push(text("ed_a.pem").replace('\n', "\\n").into_bytes());
    forms.push(Base64::encode_string(&data("ed_a.pem")).into_bytes());
    forms.push([data("rsa_a.pub.pem"), data("rsa_a.pem")].concat());
    forms.push(Base64::encode_string(&seed).into_bytes());
    forms.push(seed.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes());
    forms.push(vec![0xfe; 64]);
    forms.push(
        br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"AA"}"#
            .to_vec(),
    );
    forms.push(br#"{"keys":[{"kty":"what"},{"kty":"RSA","n":"AQ","e":"AQAB","p":null,"d":""}]}"#.to_vec());
    forms.push(b"-----BEGIN PRIVATE KEY-----\nMIIB\n[...]".to_vec());
    forms.push(b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none".to_vec());
    forms.push(b"-----BEGIN SOME NEW PRIVATE KEY-----\nAAAA\n-----END SOME NEW PRIVATE KEY-----".to_vec());
    for form in forms {
        let message = refusal(&form);
        assert!(message.starts_with("key_private: ") && message.contains("treat it as leaked"), "{message}");
    }
    assert!(refusal(br#"{"kty":"oct","k":"c2VjcmV0"}"#).starts_with("key_symmetric: "));
}

#[test]
fn kinds_that_are_not_served_are_named() {
    for (name, says) in [
        ("dsa.pub.pem", "DSA"),
        ("ed448.pub.pem", "Ed448"),
        ("x25519.pub.pem", "X25519"),
        ("rsa_pss.pub.pem", "restricted to PSS"),
        ("secp256k1.pub.pem", "secp256k1, which is not served yet"),
        ("ec_p224.pub.pem", "P-224"),
        ("ec_explicit.pub.pem", "explicit parameters"),
        ("ec_compressed.pub.pem", "compressed"),
        ("certificate.pem", "openssl x509"),
        ("request.pem", "request for a certificate"),
        ("rsa_1024.pub.pem", "has 1024 bits"),
    ] {
        let message = refusal(&data(name));
        assert!(message.contains(says), "{name}: {message}");
    }
    for (line, says) in [
        ("ssh-dss AAAA", "DSA"),
        ("sk-ssh-ed25519@openssh.com AAAA", "hardware"),
        ("ssh-rsa-cert-v01@openssh.com AAAA", "OpenSSH certificate"),
        ("ssh-rsa", "nothing follows"),
        ("ssh-rsa !!!", "not base64"),
        ("ssh-rsa AAAA", "does not name its type"),
        ("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea", "names one type"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----", "OpenPGP"),
        ("-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----", "parameters and no key"),
        ("-----BEGIN WHATEVER-----\nAAAA\n-----END WHATEVER-----", "something other"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "binary form"),
    ] {
        let message = refusal(line.as_bytes());
        assert!(message.contains(says), "{line}: {message}");
    }
}

#[test]
fn unsound_points_are_refused_in_every_spelling() {
    for raw in [
        [0_u8; 32],
        {
            let mut one = [0; 32];
            one[0] = 1;
            one
        },
        [0xff; 32],
        [2; 32],
    ] {
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        let jwk =
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, Base64UrlUnpadded::encode_string(&raw));
        for spelling in [hex.clone(), Base64::encode_string(&raw), jwk] {
            assert!(refusal(spelling.as_bytes()).starts_with("key_ed25519_point: "), "{spelling}");
        }
    }
    let mut point = PrivateKey::generate(KeyKind::P256, 256).unwrap().public_key().spki_der().to_vec();
    *point.last_mut().unwrap() ^= 1;
    assert!(refusal(&point).contains("not on the curve"));
    let zeros = r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#;
    assert!(refusal(zeros.as_bytes()).contains("is zero"));
    // The point at infinity: an SPKI whose key is the single byte 00.
    let infinity = "3019301306072a8648ce3d020106082a8648ce3d03010703020000";
    assert!(refusal(infinity.as_bytes()).contains("infinity"), "{}", refusal(infinity.as_bytes()));
    assert!(refusal(Base64::encode_string(&[7; 33]).as_bytes()).starts_with("key_ed25519_length: "));
}

#[test]
fn damaged_jwks_name_the_member() {
    for (jwk, says) in [
        (r#"{}"#, "kty is missing"),
        (r#"{"kty":"XYZ"}"#, "kty is none of"),
        (r#"{"kty":"RSA","e":"AQAB"}"#, "n is missing"),
        (r#"{"kty":"RSA","n":"","e":"AQAB"}"#, "n is empty"),
        (r#"{"kty":"RSA","n":"AQ","e":"A!"}"#, "e is not base64url"),
        (r#"{"kty":"EC","crv":"P-256","x":"AQ"}"#, "y is missing"),
        (r#"{"kty":"EC","crv":"secp256k1","x":"AQ","y":"AQ"}"#, "not served yet"),
        (r#"{"kty":"EC","crv":"_INVALID_","x":"AQ","y":"AQ"}"#, "_INVALID_"),
        (r#"{"kty":"EC"}"#, "crv is missing"),
        (r#"{"kty":"OKP","crv":"Ed448","x":"AQ"}"#, "Ed448"),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AQ"}"#, "32 bytes, and this has 1"),
        (r#"{"kty":"RSA","kty":"EC"}"#, "member twice"),
        (r#"{"kty":1}"#, "wrong type"),
        (r#"{"kty":"RSA""#, "is not JSON"),
        (r#"{"keys":[]}"#, "has no keys"),
    ] {
        let message = refusal(jwk.as_bytes());
        assert!(message.contains(says), "{jwk}: {message}");
    }
    let good = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    for (rest, says) in [
        (r#","use":"enc"}"#, "use is not"),
        (r#","key_ops":["sign"]}"#, "key_ops does not name"),
        (r#","alg":"RS256"}"#, "alg is no"),
        (r#","alg":"none"}"#, "alg is no"),
        (&format!(r#","kid":"{}"}}"#, "k".repeat(257)), "kid is longer"),
    ] {
        let message = refusal(format!("{good}{rest}").as_bytes());
        assert!(message.contains(says), "{rest}: {message}");
    }
    let many = format!(r#"{{"keys":[{}]}}"#, vec![format!("{good}}}"); 65].join(","));
    assert!(refusal(many.as_bytes()).contains("more than 64"));
}

#[test]
fn a_set_keeps_its_good_keys_and_says_what_it_left_out() {
    let set = r#"{"keys":[
        {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"good"},
        {"kty":"RSA","n":"AQ","e":"AQAB","kid":"small"},
        {"kty":"RSA","n":"AQ","e":"AQAB","use":"enc"}]}"#;
    let set = read_key_set(set.as_bytes(), &Policy::default()).unwrap();
    assert_eq!(set.keys.len(), 1);
    assert_eq!(set.keys[0].kid.as_deref(), Some("good"));
    let refused: Vec<_> =
        set.refused.iter().map(|r| (r.position, r.kid.as_deref(), r.error.code())).collect();
    assert_eq!(refused, [(1, Some("small"), "key_rsa_size"), (2, None, "key_jwk_damaged")]);
    assert_eq!(read_key_set(b"<html>", &Policy::default()).unwrap_err().code(), "key_jwk_damaged");
}

#[test]
fn size_and_number_are_bounded() {
    assert!(refusal(b" \n\t").starts_with("key_empty"));
    assert!(refusal(&vec![b'a'; MAX_TEXT + 1]).starts_with("key_too_long"));
    let two = [data("rsa_a.pub.pem"), data("ed_a.pub.pem")].concat();
    assert!(refusal(&two).contains("holds 2 keys"));
    let lines = [data("openssh_rsa.pub"), data("openssh_ed25519.pub")].concat();
    assert!(refusal(&lines).contains("holds 2 keys"));
}

#[test]
fn a_key_on_the_list_is_refused() {
    let key = take(&data("ed_a.pub.pem")).key;
    let blocked = BlockList::read(&key.fingerprints().spki_sha256_hex).unwrap().into();
    let policy = Policy { blocked, ..Policy::default() };
    assert_eq!(read_public_key(&data("ed_a.pub.pem"), &policy).unwrap_err().code(), "key_blocked");
    assert!(read_public_key(&data("ed_b.pub.pem"), &policy).is_ok());
}

fn a_spelling() -> impl Strategy<Value = Vec<u8>> {
    (0..KEYS.len(), any::<prop::sample::Index>()).prop_map(|(key, which)| {
        let all = spellings(KEYS[key].public_key());
        all[which.index(all.len())].clone()
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_public_key(&bytes, &Policy::default());
        let _ = read_key_set(&bytes, &Policy::default());
        let _ = PrivateKey::read(&bytes, None);
    }

    #[test]
    fn random_text_never_panics(text in "(-----BEGIN |ssh-|\\{\"|30|\\PC|[A-Za-z0-9+/=\\\\\n -]){0,80}") {
        let _ = read_public_key(text.as_bytes(), &Policy::default());
        let _ = PrivateKey::read(text.as_bytes(), Some(b"x"));
    }

    #[test]
    fn mutated_keys_never_panic(spelling in a_spelling(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut spelling = spelling;
        for (at, byte) in changes {
            let at = at.index(spelling.len());
            spelling[at] = byte;
        }
        for taken in read_public_key(&spelling, &Policy::default()).unwrap_or_default() {
            // What is taken after all is a key like any other: it can be written out and read again.
            let again = read_public_key(taken.key.to_pem().as_bytes(), &Policy::default()).unwrap();
            prop_assert_eq!(&again[0].key, &taken.key);
        }
    }

    #[test]
    fn cut_keys_never_panic(spelling in a_spelling(), at in any::<prop::sample::Index>()) {
        let _ = read_public_key(&spelling[..at.index(spelling.len())], &Policy::default());
    }
}
