//! The keys that RFC 7517, RFC 7638 and RFC 8037 print as examples, through intake.

use countersign_keys::{KeyError, KeyKind, Policy, read_key_set, read_public_key};

/// The modulus that [RFC 7517, appendix A.1](https://www.rfc-editor.org/rfc/rfc7517#appendix-A.1) and
/// [RFC 7638, section 3.1](https://www.rfc-editor.org/rfc/rfc7638#section-3.1) share.
const MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

/// [RFC 7517, appendix A.1](https://www.rfc-editor.org/rfc/rfc7517#appendix-A.1): a key for encryption beside one for
/// signatures.
#[test]
fn rfc_7517_a_1_takes_the_key_for_signatures_and_not_the_one_for_encryption() {
    let set = format!(
        r#"{{"keys":[
          {{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}},
          {{"kty":"RSA","n":"{MODULUS}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}]}}"#
    );
    let found = read_key_set(set.as_bytes(), &Policy::default()).unwrap();
    let taken: Vec<_> = found.keys.iter().map(|taken| (taken.kid.as_deref(), taken.key.kind())).collect();
    assert_eq!(taken, [(Some("2011-04-29"), KeyKind::Rsa)]);
    let refused: Vec<_> = found.refused.iter().map(|refused| refused.kid.as_deref()).collect();
    assert_eq!(refused, [Some("1")]);
    assert!(matches!(&found.refused[0].error, KeyError::Jwk { member, .. } if member == "use"));
    // A key by itself is taken once it is not said to be for something else.
    let plain = set.replace(r#""use":"enc","#, "");
    assert_eq!(read_public_key(plain.as_bytes(), &Policy::default()).unwrap().len(), 2);
}

/// [RFC 7517, appendix A.2](https://www.rfc-editor.org/rfc/rfc7517#appendix-A.2): private keys are never taken, and said
/// to be leaked.
#[test]
fn rfc_7517_a_2_private_keys_are_refused_as_such() {
    let set = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","use":"enc","kid":"1"}]}"#;
    let error = read_public_key(set.as_bytes(), &Policy::default()).unwrap_err();
    assert!(matches!(error, KeyError::Private { .. }), "{error}");
}

/// [RFC 7517, appendix A.3](https://www.rfc-editor.org/rfc/rfc7517#appendix-A.3): shared secrets are never keys of callers.
#[test]
fn rfc_7517_a_3_symmetric_keys_are_refused_as_such() {
    let set = r#"{"keys":[{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"},
        {"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
         "kid":"HMAC key used in JWS spec Appendix A.1 example"}]}"#;
    let error = read_public_key(set.as_bytes(), &Policy::default()).unwrap_err();
    assert!(matches!(error, KeyError::Symmetric), "{error}");
}

/// [RFC 7638, section 3.1](https://www.rfc-editor.org/rfc/rfc7638#section-3.1): the thumbprint of an RSA key.
#[test]
fn rfc_7638_3_1_has_the_published_thumbprint() {
    let jwk = format!(r#"{{"kty":"RSA","n":"{MODULUS}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#);
    let key = read_public_key(jwk.as_bytes(), &Policy::default()).unwrap().remove(0).key;
    assert_eq!(key.fingerprints().jwk_thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/// RFC 8037, appendices [A.1](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.1),
/// [A.2](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.2) and
/// [A.3](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.3): an Ed25519 key, private, public, and its thumbprint.
#[test]
fn rfc_8037_a_1_to_a_3_take_the_public_key_only_and_have_the_published_thumbprint() {
    let public = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let key = read_public_key(public.as_bytes(), &Policy::default()).unwrap().remove(0).key;
    assert_eq!(key.kind(), KeyKind::Ed25519);
    assert_eq!(key.fingerprints().jwk_thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let private = public.replace('}', r#","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#);
    let error = read_public_key(private.as_bytes(), &Policy::default()).unwrap_err();
    assert!(matches!(error, KeyError::Private { .. }), "{error}");
}
