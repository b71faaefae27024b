//! DPoP proofs: the standard's own, those that are made here, and what is none.
use super::*;
use crate::dpop::make::{About, proof};
use countersign_keys::{KeyKind, PrivateKey, verify};

/// The proof of RFC 9449 section 4.2, at the time that it is dated.
const FIRST: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjY1Mjk2fQ.pAqut2IRDm_De6PR93SYmGBPXpwrAk90e8cP2hjiaG5QsGSuKDYW7_X620BxqhvYC8ynrrvZLTk41mSRroapUA";
const DATED: i64 = 1_562_265_296;
/// The thumbprint that section 6 binds a token to.
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

fn wanted<'w>(method: &'w str, url: &'w str, token: Option<&'w str>) -> Wanted<'w> {
    let target = Target::from_url(url).unwrap();
    Wanted { method, target, token, window: Span::from_seconds(60) }
}

fn judge(text: &str, wanted: &Wanted<'_>, now: i64) -> Result<Held, Reason> {
    let proof = Proof::read(text.as_bytes(), &Limits::default())?;
    let outcome = verify(&proof.job());
    proof.finish(&outcome, wanted, Time::from_seconds(now))
}

#[test]
fn the_standards_own_proof_holds_for_its_request_and_time_alone() {
    let token = wanted("POST", "https://server.example.com/token", None);
    let held = judge(FIRST, &token, DATED + 60).unwrap();
    assert_eq!(held.jkt(), JKT);
    assert_eq!(held.claim().since, Time::from_seconds(DATED - 60));
    assert_eq!(held.claim().until, Time::from_seconds(DATED + 60));
    assert_eq!(judge(FIRST, &token, DATED + 61).unwrap_err(), Reason::OutOfWindow);
    assert_eq!(judge(FIRST, &token, DATED - 61).unwrap_err(), Reason::OutOfWindow);
    for (method, url) in [
        ("post", "https://server.example.com/token"),
        ("GET", "https://server.example.com/token"),
        ("POST", "https://server.example.com/token2"),
        ("POST", "http://server.example.com/token"),
    ] {
        assert_eq!(judge(FIRST, &wanted(method, url, None), DATED).unwrap_err(), Reason::WrongDpop, "{url}");
    }
    // Without a digest of the token it is nothing beside one.
    let beside = wanted(
        "POST",
        "https://server.example.com/token",
        Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
    );
    assert_eq!(judge(FIRST, &beside, DATED).unwrap_err(), Reason::WrongDpop);
}

#[test]
fn the_standards_own_token_has_the_standards_own_digest() {
    // RFC 9449 section 7.1: the token of section 5, and the `ath` of the proof beside it.
    assert_eq!(
        digest("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
        "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    );
}

#[test]
fn every_flipped_character_is_noticed() {
    let wanted = wanted("POST", "https://server.example.com/token", None);
    for at in 0..FIRST.len() {
        let mut changed = FIRST.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(judge(&changed, &wanted, DATED).is_err(), "at {at}");
    }
}

#[test]
fn what_is_made_is_taken_with_every_kind_of_key() {
    let url = "https://api.example/v1/things?page=2";
    for kind in [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384, KeyKind::P521] {
        let key = PrivateKey::generate(kind, 0).unwrap();
        let about = About { method: "GET", url, token: Some("at"), nonce: Some("no\"nce") };
        let made = proof(&key, &about, Time::from_seconds(DATED), [7; 16]).unwrap();
        let read = Proof::read(made.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(read.nonce(), Some("no\"nce"));
        let held = judge(&made, &wanted("GET", url, Some("at")), DATED).unwrap();
        assert_eq!(held.jkt(), key.public_key().fingerprints().jwk_thumbprint);
        assert_eq!(judge(&made, &wanted("GET", url, Some("At")), DATED).unwrap_err(), Reason::WrongDpop);
        // Another one of the same key may be sent as well, the same one may not.
        let again = proof(&key, &about, Time::from_seconds(DATED + 1), [7; 16]).unwrap();
        let other = proof(&key, &about, Time::from_seconds(DATED), [8; 16]).unwrap();
        let mark = |text: &str| judge(text, &wanted("GET", url, Some("at")), DATED).unwrap().claim().mark;
        assert_eq!(mark(&made), mark(&again), "one jti is one use, however it is dated");
        assert_ne!(mark(&made), mark(&other));
    }
    let rsa = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
    let about = About { method: "GET", url, token: None, nonce: None };
    assert!(proof(&rsa, &about, Time::from_seconds(DATED), [7; 16]).is_err());
}

/// A proof over a head and claims of one's own.
fn signed(key: &PrivateKey, head: &str, claims: &str) -> String {
    let input =
        format!("{}.{}", encode(Alphabet::Url, head.as_bytes()), encode(Alphabet::Url, claims.as_bytes()));
    let signature = key.sign(Algorithm::EcdsaP256Sha256, input.as_bytes()).unwrap();
    format!("{input}.{}", encode(Alphabet::Url, &signature))
}

#[test]
fn what_is_no_proof_is_not_read() {
    let key = PrivateKey::generate(KeyKind::P256, 256).unwrap();
    let jwk = key.public_key().to_jwk().thumbprint_text();
    let other = PrivateKey::generate(KeyKind::P256, 256).unwrap().public_key().to_jwk().thumbprint_text();
    let claims = r#"{"jti":"j","htm":"GET","htu":"https://h/","iat":5}"#;
    let head = |typ: &str, alg: &str, rest: &str| format!(r#"{{"typ":"{typ}","alg":"{alg}"{rest}}}"#);
    let good = head("dpop+jwt", "ES256", &format!(r#","jwk":{jwk}"#));
    let at = wanted("GET", "https://h/", None);
    assert!(judge(&signed(&key, &good, claims), &at, 5).is_ok());
    let private = jwk.replace("\"kty\"", "\"d\":\"AAAA\",\"kty\"");
    let zero = r#"{"crv":"P-256","kty":"EC","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    for bad in [
        head("JWT", "ES256", &format!(r#","jwk":{jwk}"#)),
        head("DPOP+JWT", "ES256", &format!(r#","jwk":{jwk}"#)),
        head("dpop+jwt", "none", &format!(r#","jwk":{jwk}"#)),
        head("dpop+jwt", "HS256", &format!(r#","jwk":{jwk}"#)),
        head("dpop+jwt", "ES384", &format!(r#","jwk":{jwk}"#)),
        head("dpop+jwt", "RS256", r#","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}"#),
        head("dpop+jwt", "ES256", r#","jwk":{"kty":"oct","k":"AAAA"}"#),
        head("dpop+jwt", "ES256", ""),
        head("dpop+jwt", "ES256", r#","kid":"x""#),
        head("dpop+jwt", "ES256", &format!(r#","jwk":"{}""#, "x")),
        head("dpop+jwt", "ES256", &format!(r#","jwk":{private}"#)),
        head("dpop+jwt", "ES256", &format!(r#","jwk":{zero}"#)),
        head("dpop+jwt", "ES256", &format!(r#","jwk":{jwk},"jwk":{jwk}"#)),
        head("dpop+jwt", "ES256", &format!(r#","jwk":{jwk},"crit":["x"],"x":1"#)),
        head("dpop+jwt", "ES256", &format!(r#","jwk":{jwk},"b64":false"#)),
        format!(r#"{{"alg":"ES256","jwk":{jwk}}}"#),
    ] {
        assert_eq!(judge(&signed(&key, &bad, claims), &at, 5).unwrap_err(), Reason::MalformedDpop, "{bad}");
    }
    let stolen = head("dpop+jwt", "ES256", &format!(r#","jwk":{other}"#));
    assert_eq!(judge(&signed(&key, &stolen, claims), &at, 5).unwrap_err(), Reason::BadDpop);
    for bad in [
        r#"{"htm":"GET","htu":"https://h/","iat":5}"#,
        r#"{"jti":"","htm":"GET","htu":"https://h/","iat":5}"#,
        r#"{"jti":7,"htm":"GET","htu":"https://h/","iat":5}"#,
        r#"{"jti":"j","htu":"https://h/","iat":5}"#,
        r#"{"jti":"j","htm":"GET","iat":5}"#,
        r#"{"jti":"j","htm":"GET","htu":"https://h/"}"#,
        r#"{"jti":"j","htm":"GET","htu":"https://h/","iat":"5"}"#,
        r#"{"jti":"j","htm":"GET","htu":"https://h/","iat":null}"#,
        r#"{"jti":"j","htm":"GET","htu":"https://h/","iat":5,"iat":5}"#,
        r#"{"jti":"j","htm":"GET","htu":"https://h/","iat":5,"ath":7}"#,
        r#"{"jti":"j","htm":"GET","htu":"https://h/","iat":5,"nonce":null}"#,
        r#"["jti"]"#,
    ] {
        assert_eq!(judge(&signed(&key, &good, bad), &at, 5).unwrap_err(), Reason::MalformedDpop, "{bad}");
    }
    let long = format!(r#"{{"jti":"{}","htm":"GET","htu":"https://h/","iat":5}}"#, "j".repeat(257));
    assert_eq!(judge(&signed(&key, &good, &long), &at, 5).unwrap_err(), Reason::MalformedDpop);
    for bad in ["", ".", "..", "a.b", "a.b.c.d", "a.b.c"] {
        assert_eq!(judge(bad, &at, 5).unwrap_err(), Reason::MalformedDpop, "{bad}");
    }
    let mut padded = signed(&key, &good, claims);
    padded.push('=');
    assert_eq!(judge(&padded, &at, 5).unwrap_err(), Reason::MalformedDpop);
}
