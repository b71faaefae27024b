//! The examples of RFC 7515 and RFC 8037, and published vectors from a folder outside the project, through our JOSE reader.
//!
//! Set `COUNTERSIGN_VECTORS` to a folder with `wycheproof/` and `jose-cookbook/`; without it the tests that read from it
//! say that they were skipped and pass.
use super::*;
use crate::base64::{Alphabet, decode};
use countersign_keys::{Job, Policy, PublicKey, read_public_key, verify};
use serde_json::Value as Json;
use std::path::PathBuf;

// Named where the tests are built, so that nothing here reads the environment while it runs.
fn folder(name: &str) -> Option<PathBuf> {
    let folder = option_env!("COUNTERSIGN_VECTORS").map(|root| PathBuf::from(root).join(name));
    if folder.is_none() {
        eprintln!("skipped: COUNTERSIGN_VECTORS is not set");
    }
    folder
}

fn json(path: PathBuf) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn key(jwk: &str) -> PublicKey {
    read_public_key(jwk.as_bytes(), &Policy::default()).unwrap().remove(0).key
}

/// Why a token is not accepted.
#[derive(Debug)]
enum Refused {
    Token(Reason),
    OtherKind,
    OtherAlgorithm,
    Signature,
}

fn wanted(algorithms: &[Algorithm]) -> Wanted<'_> {
    static NAMES: Names = Names { members: Vec::new(), heads: Vec::new() };
    static OUTSIDE: Outside = Outside { critical: Vec::new(), content: None };
    Wanted { algorithms, types: &[], names: &NAMES, outside: &OUTSIDE, detached: None }
}

/// Reads a token whole and checks its signature.
fn accept(token: &str, key: &PublicKey) -> Result<Algorithm, Refused> {
    let mut buffer = Vec::new();
    let every = wanted(Algorithm::ALL);
    let jws = read(token.as_bytes(), &every, &Limits::default(), &mut buffer).map_err(Refused::Token)?;
    check(key, jws.algorithm, jws.input, jws.signature)
}

/// The same for payloads that are not JSON objects, which no dialect has: the payload is read as base64url alone, and all
/// around it by the reader, to which an empty object is shown in its place.
fn accept_any_payload(token: &str, key: &PublicKey) -> Result<Algorithm, Refused> {
    let malformed = Refused::Token(Reason::MalformedCredential);
    let [head, payload, tail] = token.split('.').collect::<Vec<_>>().try_into().map_err(|_| malformed)?;
    let shown = format!("{head}.e30.{tail}");
    let mut buffer = Vec::new();
    let every = wanted(Algorithm::ALL);
    let jws = read(shown.as_bytes(), &every, &Limits::default(), &mut buffer).map_err(Refused::Token)?;
    decode(Alphabet::Url, payload.as_bytes(), &mut Vec::new())
        .map_err(|_| Refused::Token(Reason::MalformedEncoding))?;
    let input = format!("{head}.{payload}");
    check(key, jws.algorithm, input.as_bytes(), jws.signature)
}

fn check(
    key: &PublicKey,
    algorithm: Algorithm,
    input: &[u8],
    signature: &[u8],
) -> Result<Algorithm, Refused> {
    if !key.allows(algorithm) {
        return Err(Refused::OtherKind);
    }
    let outcome = verify(&Job::new(key, algorithm, input, signature));
    outcome.accepted(signature).map(|_| algorithm).map_err(|_| Refused::Signature)
}

/// A token is accepted as it stands, and not with any character of its signature or payload changed.
fn accepted_and_no_other(token: &str, key: &PublicKey, algorithm: Algorithm) {
    assert_eq!(accept_any_payload(token, key).unwrap(), algorithm);
    for at in 0..token.len() {
        let mut other = token.as_bytes().to_vec();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert!(accept_any_payload(&other, key).is_err(), "{other} instead of {token}");
    }
}

/// The payload of RFC 7515's examples: an object with line breaks of two characters.
const JOE: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// [RFC 7515, appendix A.1](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.1): a token with a shared secret.
#[test]
fn rfc_7515_a_1_hmac_is_no_algorithm_of_ours() {
    let token =
        format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let mut buffer = Vec::new();
    let every = wanted(Algorithm::ALL);
    let found = read(token.as_bytes(), &every, &Limits::default(), &mut buffer);
    assert_eq!(found.unwrap_err(), Reason::UnsupportedAlgorithm);
}

/// [RFC 7515, appendix A.2](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.2): RS256.
#[test]
fn rfc_7515_a_2_rs256_is_accepted() {
    let key = key(
        r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
    );
    let token = format!(
        "eyJhbGciOiJSUzI1NiJ9.{JOE}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    assert_eq!(accept(&token, &key).unwrap(), Algorithm::RsaSha256);
    accepted_and_no_other(&token, &key, Algorithm::RsaSha256);
}

/// [RFC 7515, appendix A.3](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.3): ES256.
#[test]
fn rfc_7515_a_3_es256_is_accepted() {
    let key = key(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    );
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    assert_eq!(accept(&token, &key).unwrap(), Algorithm::EcdsaP256Sha256);
    accepted_and_no_other(&token, &key, Algorithm::EcdsaP256Sha256);
}

/// [RFC 7515, appendix A.4](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.4): ES512 over a payload that is not JSON,
/// so that the signature is good and the token is none of a dialect.
#[test]
fn rfc_7515_a_4_es512_is_accepted() {
    let key = key(
        r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#,
    );
    let token = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
    accepted_and_no_other(token, &key, Algorithm::EcdsaP521Sha512);
    assert!(matches!(accept(token, &key), Err(Refused::Token(Reason::MalformedJson))));
}

/// [RFC 7515, appendix A.5](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.5): a token without a signature, and
/// [A.6](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.6): the JSON serialisations, which are no credential here.
#[test]
fn rfc_7515_a_5_and_a_6_are_refused() {
    let unsecured = format!("eyJhbGciOiJub25lIn0.{JOE}.");
    let flat = format!(
        r#"{{"payload":"{JOE}","protected":"eyJhbGciOiJFUzI1NiJ9","header":{{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"}},"signature":"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"}}"#
    );
    let cases = [(unsecured, Reason::UnsupportedAlgorithm), (flat, Reason::MalformedCredential)];
    for (token, reason) in cases {
        let mut buffer = Vec::new();
        let every = wanted(Algorithm::ALL);
        let found = read(token.as_bytes(), &every, &Limits::default(), &mut buffer);
        assert_eq!(found.unwrap_err(), reason, "{token}");
    }
}

/// [RFC 8037, appendix A.4](https://www.rfc-editor.org/rfc/rfc8037#appendix-A.4): EdDSA with Ed25519.
#[test]
fn rfc_8037_a_4_eddsa_is_accepted() {
    let key = key(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    accepted_and_no_other(token, &key, Algorithm::Ed25519);
}

/// What came of a set of tokens.
#[derive(Default, Debug)]
struct Tally {
    tried: usize,
    accepted: usize,
    wrongly_accepted: Vec<String>,
    wrongly_refused: Vec<String>,
    stricter: Vec<String>,
}

/// The tokens of one file of Wycheproof.
fn wycheproof(name: &str, tally: &mut Tally) {
    let Some(folder) = folder("wycheproof") else { return };
    for group in json(folder.join(name))["testGroups"].as_array().unwrap() {
        let keys = group.get("public").unwrap_or(&group["private"]).to_string();
        let keys = read_public_key(keys.as_bytes(), &Policy::default());
        for test in group["tests"].as_array().unwrap() {
            // Encrypted tokens and the JSON serialisation are no compact signed token.
            let token = test["jws"].as_str().map_or_else(
                || if test["jws"].is_null() { test["jwe"].to_string() } else { test["jws"].to_string() },
                str::to_owned,
            );
            let token = token.trim_matches('"');
            tally.tried += 1;
            let label = format!("{name} {} {} {}", test["tcId"], group["comment"], test["comment"]);
            let valid = test["result"] == "valid";
            let found: Result<Vec<_>, _> = match &keys {
                Ok(keys) => Ok(keys
                    .iter()
                    .map(|taken| {
                        let found = accept_any_payload(token, &taken.key)?;
                        // A key that names an algorithm serves no other: whoever registers it is held to that.
                        let fits = taken.algorithm.is_none_or(|algorithm| algorithm == found);
                        if fits { Ok(found) } else { Err(Refused::OtherAlgorithm) }
                    })
                    .collect()),
                Err(error) => Err(error),
            };
            let accepted = found.as_ref().is_ok_and(|found| found.iter().any(Result::is_ok));
            tally.accepted += usize::from(accepted);
            match (valid, accepted) {
                (true, true) | (false, false) => {}
                (false, true) => tally.wrongly_accepted.push(label),
                (true, false) => match found {
                    Err(error) => tally.stricter.push(format!("{label}: {error}")),
                    // Two tokens with another algorithm than the one that their key is published for (RFC 8725 section 3.1).
                    Ok(found) if matches!(found.as_slice(), [Err(Refused::OtherAlgorithm)]) => {
                        tally.stricter.push(format!("{label}: the key is for another algorithm"));
                    }
                    Ok(found) => tally.wrongly_refused.push(format!("{label}: {found:?}")),
                },
            }
        }
    }
}

#[test]
fn wycheproof_tokens_are_judged_as_published() {
    let mut tally = Tally::default();
    for name in ["json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"] {
        wycheproof(name, &mut tally);
    }
    if tally.tried == 0 {
        return;
    }
    println!("{tally:#?}");
    assert_eq!(tally.wrongly_accepted, Vec::<String>::new());
    assert_eq!(tally.wrongly_refused, Vec::<String>::new());
    // Right, and not taken: shared secrets (HMAC), encryption, one key with
    // an algorithm that there is not ("ES521"), one that is used with another than its own.
    assert_eq!((tally.tried, tally.accepted, tally.stricter.len()), (510, 35, 22));
}

/// RFC 7520's signed examples and those of RFC 7797 and RFC 8037, compact, flattened and general.
#[test]
fn the_jose_cookbook_is_judged_as_our_rules_say() {
    let Some(folder) = folder("jose-cookbook") else { return };
    let mut told = Vec::new();
    let files = ["jws", "rfc7797", "curve25519"].iter().flat_map(|part| {
        let mut files: Vec<_> =
            std::fs::read_dir(folder.join(part)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    });
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let example = json(path);
        let mut jwk = example["input"]["key"].clone();
        if let Some(members) = jwk.as_object_mut() {
            // Published with their private halves, which intake refuses.
            ["d", "p", "q", "dp", "dq", "qi"].iter().for_each(|member| {
                members.remove(*member);
            });
        }
        let key = read_public_key(jwk.to_string().as_bytes(), &Policy::default());
        let compact = example["output"]["compact"].as_str();
        let found = match (&key, compact) {
            (Err(error), _) => format!("key: {error}"),
            (Ok(_), None) => "has no compact form".to_owned(),
            (Ok(keys), Some(token)) => match accept_any_payload(token, &keys[0].key) {
                Ok(algorithm) => format!("accepted, {algorithm}"),
                Err(refused) => format!("{refused:?}"),
            },
        };
        for serialised in ["json", "json_flat"] {
            let text = example["output"][serialised].to_string();
            let mut buffer = Vec::new();
            let every = wanted(Algorithm::ALL);
            assert!(read(text.as_bytes(), &every, &Limits::default(), &mut buffer).is_err(), "{text}");
        }
        told.push(format!("{name}: {found}"));
    }
    println!("{told:#?}");
    let accepted: Vec<_> = told.iter().filter(|line| line.contains(": accepted")).collect();
    assert_eq!(
        accepted,
        [
            "4_1.rsa_v15_signature.json: accepted, RS256",
            "4_2.rsa-pss_signature.json: accepted, PS384",
            "4_3.ecdsa_signature.json: accepted, ES512",
            "jws.json: accepted, Ed25519",
        ]
    );
    // The others are of shared secrets, of encryption, or of several signatures in JSON.
    assert_eq!(told.len(), 12);
}

/// [RFC 7515, section 4.1.11](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11) and
/// [RFC 7797, section 6](https://www.rfc-editor.org/rfc/rfc7797#section-6): what `crit` may say, and that `b64` stands in it.
#[test]
fn only_extensions_that_are_understood_and_there_may_be_critical() {
    let names = Names { members: Vec::new(), heads: vec!["x".into()] };
    let outside = Outside { critical: vec!["b64".into(), "x".into()], content: None };
    let found = |head: &str, detached| {
        let wanted =
            Wanted { algorithms: Algorithm::ALL, types: &[], names: &names, outside: &outside, detached };
        let token = format!("{}..AA", crate::base64::encode(Alphabet::Url, head.as_bytes()));
        read(token.as_bytes(), &wanted, &Limits::default(), &mut Vec::new()).map(|_| ())
    };
    let good = r#"{"alg":"PS256","b64":false,"x":1,"crit":["b64","x"]}"#;
    assert_eq!(found(good, Some(true)), Ok(()));
    assert_eq!(found(good, Some(false)), Err(Reason::UnsupportedHeader), "signed in another way");
    assert_eq!(found(r#"{"alg":"PS256"}"#, Some(true)), Err(Reason::UnsupportedHeader));
    assert_eq!(found(r#"{"alg":"PS256"}"#, Some(false)), Ok(()));
    assert_eq!(found(r#"{"alg":"PS256","b64":false}"#, Some(true)), Err(Reason::UnsupportedHeader));
    for crit in
        [r#"[]"#, r#"["b64","b64"]"#, r#"["b64","exp"]"#, r#"["b64",1]"#, r#""b64""#, "null", r#"["y"]"#]
    {
        let head = format!(r#"{{"alg":"PS256","b64":false,"x":1,"crit":{crit}}}"#);
        assert_eq!(found(&head, Some(true)), Err(Reason::UnsupportedCritical), "{crit}");
    }
    let absent = r#"{"alg":"PS256","b64":false,"crit":["b64","x"]}"#;
    assert_eq!(found(absent, Some(true)), Err(Reason::UnsupportedCritical), "what is critical is there");
}
