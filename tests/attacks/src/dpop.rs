//! Makes at run time what records about DPoP need: a bound token's request, and proofs with one thing wrong.
use crate::installation::NOW;
use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_keys::{Algorithm, MacKey, PrivateKey, sha256};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of the issuer, as the records have it.
const ENDPOINT: &str = "https://auth.example.test/token";

/// A text that no other proof has.
fn random() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("made-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The test keys, by name.
type TestKeys = BTreeMap<String, PrivateKey>;

fn key<'f>(keys: &'f TestKeys, name: &str) -> Result<&'f PrivateKey, String> {
    keys.get(name).ok_or_else(|| format!("no test key {name}"))
}

/// A proof beside a token, over the claims that a record gives; `$h` changes its head.
pub(crate) fn proof(keys: &TestKeys, token: &str, how: &Value) -> Result<String, String> {
    let key = key(keys, "dpop-p256")?;
    let own = jwk(key)?;
    let ath = Base64UrlUnpadded::encode_string(&sha256(&[token.as_bytes()]));
    let mut head = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": own });
    let mut claims = Map::new();
    for (name, value) in how.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("$h", Value::Object(changes)) => {
                for (name, value) in changes {
                    let other = value.as_str() == Some("$other");
                    let value = if other { jwk(self::key(keys, "dpop-p256-b")?)? } else { value.clone() };
                    set(head.as_object_mut().ok_or("a head is an object")?, name, value);
                }
            }
            (_, Value::String(text)) => {
                let text = match text.as_str() {
                    "$now" => json!(NOW),
                    "$rand" => json!(random()),
                    other => json!(other.replace("$ath", &ath)),
                };
                set(&mut claims, name, text);
            }
            (_, value) => set(&mut claims, name, value.clone()),
        }
    }
    let input = input(&head, &Value::Object(claims));
    let signature = if head.get("alg").and_then(Value::as_str) == Some("HS256") {
        MacKey::new(own.to_string().as_bytes()).tag(&[input.as_bytes()]).to_vec()
    } else {
        key.sign(Algorithm::EcdsaP256Sha256, input.as_bytes()).map_err(|error| error.to_string())?
    };
    Ok(format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature)))
}

/// Null takes a member away.
fn set(members: &mut Map<String, Value>, name: &str, value: Value) {
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
}

fn jwk(key: &PrivateKey) -> Result<Value, String> {
    serde_json::to_value(key.public_key().to_jwk()).map_err(|error| error.to_string())
}

fn input(head: &Value, claims: &Value) -> String {
    let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    format!("{}.{}", part(head), part(claims))
}

/// The bytes of a good request for a token that is bound to the test key.
pub(crate) fn token_request(keys: &TestKeys) -> Result<Vec<u8>, String> {
    let client = key(keys, "pk-ed")?;
    let head = json!({ "typ": "client-authentication+jwt", "alg": "EdDSA" });
    let claims = json!({
        "iss": "client-ed", "sub": "client-ed", "aud": "https://auth.example.test",
        "iat": NOW, "exp": NOW + 60, "jti": random(),
    });
    let signed = input(&head, &claims);
    let signature = client.sign(Algorithm::Ed25519, signed.as_bytes()).map_err(|error| error.to_string())?;
    let body = format!(
        "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion={signed}.{}",
        Base64UrlUnpadded::encode_string(&signature)
    );
    let about = json!({ "htm": "POST", "htu": ENDPOINT, "iat": "$now", "jti": "$rand" });
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: auth.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             DPoP: {}\r\nContent-Length: {}\r\n\r\n",
        proof(keys, "", &about)?,
        body.len()
    );
    Ok([head.into_bytes(), body.into_bytes()].concat())
}
