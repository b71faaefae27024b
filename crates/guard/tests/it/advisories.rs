//! What other JWT libraries once let through, tried here: one test an advisory, through the whole guard.
//!
//! Each test first shows an honest token that is recognised, so that what is refused is refused for what was changed.
use crate::installation::{API_KEY, NOW, dialect, records, rsa, stranger};
use countersign::base64::{Alphabet, encode};
use countersign::dialect::settings::Settings;
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Time;
use countersign_guard::clock::FrozenClock;
use countersign_guard::guard::{Guard, Verdict};
use countersign_guard::policy::Policy;
use countersign_keys::{Algorithm, KeyKind, PrivateKey, sha256};
use countersign_store::directory::Directory;
use countersign_store::memory::MemoryStore;
use countersign_store::model::Record;
use countersign_store::registry::Loaded;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;

const HEAD: &str = r#"{"alg":"RS256","typ":"JWT"}"#;

/// A guard before one route, and the one account's key.
struct World {
    guard: Guard,
    policy: Policy,
}

impl World {
    /// A route that takes skykit's tokens.
    fn skykit() -> Self {
        Self::with(Policy::of(vec![dialect("skykit")]), rsa())
    }

    /// A route that takes partner-key's tokens.
    fn partner() -> Self {
        Self::with(Policy::of(vec![dialect("partner-key")]), rsa())
    }

    /// A route that takes skykit's tokens with another algorithm, and a key for it.
    fn skykit_with(algorithm: &str, key: &PrivateKey) -> Self {
        let settings: Settings = [("algorithms".to_owned(), algorithm.to_owned())].into();
        let dialect = countersign_dialects::load("skykit", &settings).unwrap();
        Self::with(Policy::of(vec![Arc::new(dialect)]), key)
    }

    fn with(policy: Policy, key: &PrivateKey) -> Self {
        let mut rows = records();
        for row in &mut rows {
            if let Record::Key(row) = row {
                row.spki = key.public_key().spki_der().to_vec();
            }
        }
        let directory = Directory::load(Loaded { version: 1, records: rows }).unwrap();
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(NOW)));
        Self { guard: Guard::new(Arc::new(directory), store.clone(), store, clock), policy }
    }

    /// Who a request with this token is, or the code of why nobody.
    fn judge(&self, token: &str) -> Result<String, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
        headers.insert("x-helplightning-api-key", HeaderValue::from_static(API_KEY));
        let incoming = Incoming {
            method: "GET",
            target: Target::new("https", "api.example.com", "/v1/widgets"),
            headers: &headers,
            body: Body::Empty,
            client: None,
            challenge: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        match runtime.block_on(self.guard.judge(&self.policy, &incoming)).unwrap() {
            Verdict::Verified(verified) => Ok(verified.identifier().to_owned()),
            Verdict::Absent(_) => Err("missing-credentials"),
            Verdict::Refused(denial) => Err(denial.refusal.reason.code()),
        }
    }

    /// An honest token is recognised, and none of the others is; each is refused for this reason.
    fn refuses(&self, honest: &str, others: &[String], reason: &str) {
        assert!(self.judge(honest).is_ok(), "the honest token: {:?}", self.judge(honest));
        for other in others {
            assert_eq!(self.judge(other), Err(reason), "{other}");
        }
        assert!(self.judge(honest).is_ok(), "the honest token afterwards");
    }
}

fn url(bytes: &[u8]) -> String {
    encode(Alphabet::Url, bytes)
}

/// A token with whatever header and payload, signed properly.
fn signed(key: &PrivateKey, algorithm: Algorithm, head: &str, payload: &str) -> String {
    let input = format!("{}.{}", url(head.as_bytes()), url(payload.as_bytes()));
    let signature = key.sign(algorithm, input.as_bytes()).unwrap();
    format!("{input}.{}", url(&signature))
}

fn rs256(head: &str, payload: &str) -> String {
    signed(rsa(), Algorithm::RsaSha256, head, payload)
}

/// The claims of an honest skykit token, with more behind them.
fn claims(more: &str) -> String {
    format!(r#"{{"iss":"ops@example.com","iat":{NOW},"exp":{}{more}}}"#, NOW + 600)
}

/// The claims of an honest partner-key token for this issuer, as JSON.
fn partner(issuer: &str) -> String {
    format!(r#"{{"iss":{issuer},"sub":"Partner:54344","aud":"Ghazal","exp":{}}}"#, NOW + 60)
}

fn honest() -> String {
    rs256(HEAD, &claims(""))
}

/// HMAC-SHA-256 (RFC 2104), by which the confusions of algorithms sign.
fn hmac(secret: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    let short = if secret.len() > 64 { sha256(&[secret]).to_vec() } else { secret.to_vec() };
    block[..short.len()].copy_from_slice(&short);
    let inner = sha256(&[&block.map(|byte| byte ^ 0x36), message]);
    sha256(&[&block.map(|byte| byte ^ 0x5c), &inner])
}

/// A token signed with HMAC under a secret that everybody knows.
fn hs256(secret: &[u8], head: &str) -> String {
    let input = format!("{}.{}", url(head.as_bytes()), url(claims("").as_bytes()));
    let mac = hmac(secret, input.as_bytes());
    format!("{input}.{}", url(&mac))
}

/// Tokens that take a public key, in each of these spellings, for a shared secret.
fn confused(spellings: &[String]) -> Vec<String> {
    let heads = [r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"typ":"JWT","alg":"HS256"}"#, r#"{"alg":"HS256"}"#];
    spellings
        .iter()
        .flat_map(|text| [text.clone(), text.trim_end().to_owned(), format!(" \n{text}")])
        .flat_map(|text| heads.map(|head| hs256(text.as_bytes(), head)))
        .collect()
}

#[test]
fn the_hmac_here_is_the_one_of_rfc_4231() {
    // Test case 2 (https://www.rfc-editor.org/rfc/rfc4231#section-4.3): else the confusions would prove nothing.
    let mac = hmac(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(
        countersign::base64::encode_hex(&mac),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

/// jsonwebtoken (Rust): a claim of the wrong type was as good as none, so `exp` and `nbf` were not looked at.
#[test]
fn cve_2026_25537_times_of_the_wrong_type() {
    let past = NOW - 3600;
    let future = NOW + 3600;
    let odd = |value: i64| {
        [format!("\"{value}\""), format!("[{value}]"), format!("{{\"t\":{value}}}"), "true".to_owned()]
    };
    let exp = odd(past).map(|exp| format!(r#"{{"iss":"ops@example.com","iat":{NOW},"exp":{exp}}}"#));
    let nbf = odd(future).map(|nbf| claims(&format!(",\"nbf\":{nbf}")));
    let tokens: Vec<_> = exp.iter().chain(&nbf).map(|payload| rs256(HEAD, payload)).collect();
    World::skykit().refuses(&honest(), &tokens, "malformed-claim");
    // A claim that says nothing is as good as none, which is not good enough.
    let endless = ["null", "\"\""]
        .map(|exp| rs256(HEAD, &format!(r#"{{"iss":"ops@example.com","iat":{NOW},"exp":{exp}}}"#)));
    World::skykit().refuses(&honest(), &endless, "missing-claim");
    let early = ["null", "\"\""].map(|nbf| rs256(HEAD, &claims(&format!(",\"nbf\":{nbf}"))));
    World::skykit().refuses(&honest(), &early, "malformed-claim");
    // The same claims as numbers are what they say.
    let expired = format!(r#"{{"iss":"ops@example.com","iat":{past},"exp":{}}}"#, past + 60);
    World::skykit().refuses(&honest(), &[rs256(HEAD, &expired)], "expired");
    let early = claims(&format!(",\"nbf\":{future}"));
    World::skykit().refuses(&honest(), &[rs256(HEAD, &early)], "not-yet-valid");
}

/// pac4j: what was encrypted to the server's public key was believed, though nobody had signed it.
#[test]
fn cve_2026_29000_an_encrypted_token_around_an_unsigned_one() {
    let plain = format!("{}.{}.", url(br#"{"alg":"none"}"#), url(claims("").as_bytes()));
    let parts = [url(&[1; 256]), url(&[2; 12]), url(plain.as_bytes()), url(&[3; 16])].join(".");
    let heads = [
        r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT"}"#,
        r#"{"alg":"dir","enc":"A128CBC-HS256"}"#,
        r#"{"alg":"RS256","enc":"A256GCM","typ":"JWT"}"#,
    ];
    let encrypted = heads.map(|head| format!("{}.{parts}", url(head.as_bytes())));
    World::skykit().refuses(&honest(), &encrypted, "malformed-credential");
    // A signed token that says that it holds another one, or that it is encrypted.
    let nested = [
        rs256(r#"{"alg":"RS256","typ":"JWT","cty":"JWT"}"#, &claims("")),
        rs256(r#"{"alg":"RS256","enc":"A256GCM"}"#, &claims("")),
    ];
    World::skykit().refuses(&honest(), &nested, "unsupported-header");
    World::skykit().refuses(&honest(), &[plain], "unsupported-algorithm");
}

/// PyJWT: extensions that `crit` demands were not looked at.
#[test]
fn ghsa_752w_5fwx_jx9f_critical_extensions() {
    let heads = [
        r#"{"alg":"RS256","crit":["x-policy"],"x-policy":"require-mfa"}"#,
        r#"{"alg":"RS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"RS256","crit":[]}"#,
        r#"{"alg":"RS256","crit":null}"#,
        r#"{"alg":"RS256","crit":"x"}"#,
        r#"{"alg":"RS256","\u0063rit":["x"],"x":1}"#,
    ];
    let tokens = heads.map(|head| rs256(head, &claims("")));
    World::skykit().refuses(&honest(), &tokens, "unsupported-critical");
}

/// PyJWT: an issuer was compared as a part of the expected text, so a piece of the name was enough.
#[test]
fn ghsa_75c5_xw7c_p5pm_a_part_of_the_issuer() {
    let world = World::partner();
    let honest = rs256(HEAD, &partner("\"Ghazal\""));
    assert_eq!(world.judge(&honest).as_deref(), Ok("54344"));
    for issuer in ["Ghaza", "hazal", "G", "", "Ghazal ", "ghazal", "Ghazal\\u0000", "GhazalGhazal"] {
        let token = rs256(HEAD, &partner(&format!("\"{issuer}\"")));
        assert!(world.judge(&token).is_err(), "{issuer:?}: {:?}", world.judge(&token));
    }
    // Where the issuer is the caller's own name, a part of it is another name.
    let part = |name: &str| {
        let all = claims("").replace("ops@example.com", name);
        rs256(HEAD, &all)
    };
    let parts = ["ops@example.co", "ps@example.com", "ops", "ops@example.com "].map(part);
    World::skykit().refuses(&self::honest(), &parts, "unknown-account");
}

/// PyJWT: a public key in a form that the library did not know as one was taken for a secret.
#[test]
fn cve_2022_29217_a_public_key_as_a_secret() {
    let public = rsa().public_key();
    let spellings = [public.to_openssh("ops@host"), public.to_openssh(""), public.to_pem()];
    World::skykit().refuses(&honest(), &confused(&spellings), "unsupported-algorithm");
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let world = World::skykit_with("EdDSA", &key);
    let honest = signed(&key, Algorithm::Ed25519, r#"{"alg":"EdDSA"}"#, &claims(""));
    let spellings = [key.public_key().to_openssh(""), key.public_key().to_pem()];
    world.refuses(&honest, &confused(&spellings), "unsupported-algorithm");
}

/// Authlib: unknown extensions in `crit` were accepted.
#[test]
fn cve_2025_59420_unknown_critical_extensions() {
    let heads = [
        r#"{"alg":"RS256","crit":["cnf"],"cnf":{"jkt":"thumb-42"}}"#,
        r#"{"alg":"RS256","crit":["bork"],"bork":true}"#,
        r#"{"alg":"RS256","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"RS256","crit":["http://example.invalid/UNDEFINED"],"http://example.invalid/UNDEFINED":true}"#,
    ];
    let tokens = heads.map(|head| rs256(head, &claims("")));
    World::skykit().refuses(&honest(), &tokens, "unsupported-critical");
}

/// fast-jwt: an issuer that is a list passed when the expected one stood in it.
#[test]
fn cve_2025_30144_a_list_of_issuers() {
    let lists =
        [r#"["https://attacker.example","Ghazal"]"#, r#"["Ghazal"]"#, r#"[["Ghazal"]]"#, r#"{"0":"Ghazal"}"#];
    let world = World::partner();
    assert!(world.judge(&rs256(HEAD, &partner("\"Ghazal\""))).is_ok());
    for list in lists {
        let token = rs256(HEAD, &partner(list));
        assert!(world.judge(&token).is_err(), "{list}");
    }
    let named = lists.map(|list| {
        rs256(HEAD, &claims("").replace("\"ops@example.com\"", &list.replace("Ghazal", "ops@example.com")))
    });
    World::skykit().refuses(&honest(), &named, "malformed-identity");
}

/// fast-jwt: a public key with another armour line, or with blanks before it, was taken for a secret.
#[test]
fn cve_2023_48223_a_public_key_with_another_armour() {
    let pem = rsa().public_key().to_pem();
    let spellings = [
        pem.replace("PUBLIC KEY", "RSA PUBLIC KEY"),
        format!("\n{pem}"),
        format!("\t{}", pem.replace('\n', "\r\n")),
        pem.replace("-----BEGIN PUBLIC KEY-----\n", "").replace("-----END PUBLIC KEY-----\n", ""),
    ];
    World::skykit().refuses(&honest(), &confused(&spellings), "unsupported-algorithm");
}

/// python-jose: an ECDSA public key in OpenSSH's form, or in DER, was taken for a secret.
#[test]
fn cve_2024_33663_an_ecdsa_public_key_as_a_secret() {
    let key = PrivateKey::generate(KeyKind::P256, 256).unwrap();
    let public = key.public_key();
    let honest = signed(&key, Algorithm::EcdsaP256Sha256, r#"{"alg":"ES256"}"#, &claims(""));
    let mut tokens = confused(&[public.to_openssh(""), public.to_openssh("a@b"), public.to_pem()]);
    tokens.push(hs256(public.spki_der(), r#"{"alg":"HS256"}"#));
    tokens.push(hs256(serde_json::to_string(&public.to_jwk()).unwrap().as_bytes(), r#"{"alg":"HS256"}"#));
    World::skykit_with("ES256", &key).refuses(&honest, &tokens, "unsupported-algorithm");
}

/// python-jose: a small encrypted token unpacked to any size.
#[test]
fn cve_2024_33664_compressed_tokens() {
    // 250 MB of zeros begin like this in DEFLATE; nothing here unpacks anything.
    let packed = [&[0xec, 0xc1, 0x01, 0x01][..], &[0; 4000]].concat();
    let head = url(br#"{"alg":"dir","enc":"A128CBC-HS256","zip":"DEF"}"#);
    let bomb = format!("{head}..{}.{}.{}", url(&[1; 16]), url(&packed), url(&[2; 16]));
    World::skykit().refuses(&honest(), &[bomb], "malformed-credential");
    let signed = rs256(r#"{"alg":"RS256","zip":"DEF"}"#, &claims(""));
    World::skykit().refuses(&honest(), &[signed], "unsupported-header");
}

/// golang-jwt: a token of dots was cut into as many pieces as it had dots.
#[test]
fn cve_2025_30204_a_token_of_dots() {
    let world = World::skykit();
    let honest = honest();
    let dots = [3, 100, 10_000].map(|count| ".".repeat(count));
    world.refuses(&honest, &dots, "malformed-credential");
    let behind = [1, 100, 10_000].map(|count| format!("{honest}{}", ".".repeat(count)));
    world.refuses(&honest, &behind, "malformed-credential");
    // What is longer than any credential is not looked into at all.
    world.refuses(&honest, &[".".repeat(20_000)], "too-large");
}

/// go-jose: the same with encrypted tokens.
#[test]
fn cve_2025_27144_an_encrypted_token_of_dots() {
    let head = url(br#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    let dots = [4, 5, 100, 10_000].map(|count| format!("{head}{}", ".".repeat(count)));
    World::skykit().refuses(&honest(), &dots, "malformed-credential");
}

/// python-jwt: one text was read as a compact token here and as a JSON token there, so that claims were swapped.
#[test]
fn cve_2022_39227_a_token_in_two_forms_at_once() {
    let honest = honest();
    let parts: Vec<&str> = honest.split('.').collect();
    let forged = url(claims("").replace("ops@example.com", "root@example.com").as_bytes());
    let polyglots = [
        format!(
            r#"{{"  {}.{forged}.":"","protected":"{}","payload":"{}","signature":"{}"}}"#,
            parts[0], parts[0], parts[1], parts[2]
        ),
        format!(r#"{{"protected":"{}","payload":"{}","signature":"{}"}}"#, parts[0], parts[1], parts[2]),
    ];
    let world = World::skykit();
    assert!(world.judge(&honest).is_ok());
    for polyglot in polyglots {
        let found = world.judge(&polyglot);
        assert!(matches!(found, Err("malformed-credential" | "malformed-encoding")), "{found:?}");
    }
    let swapped = format!("{}.{forged}.{}", parts[0], parts[2]);
    assert!(world.judge(&swapped).is_err());
}

/// Java's ECDSA: a signature of two zeros was good for everything.
#[test]
fn cve_2022_21449_an_ecdsa_signature_of_zeros() {
    let curves = [
        (KeyKind::P256, 256, "ES256", Algorithm::EcdsaP256Sha256, 32),
        (KeyKind::P384, 384, "ES384", Algorithm::EcdsaP384Sha384, 48),
        (KeyKind::P521, 521, "ES512", Algorithm::EcdsaP521Sha512, 66),
    ];
    for (kind, bits, name, algorithm, half) in curves {
        let key = PrivateKey::generate(kind, bits).unwrap();
        let world = World::skykit_with(name, &key);
        let head = format!(r#"{{"alg":"{name}"}}"#);
        let honest = signed(&key, algorithm, &head, &claims(""));
        let input = honest.rsplit_once('.').unwrap().0;
        let number = |last: u8| {
            let mut number = vec![0; half];
            number[half - 1] = last;
            number
        };
        let (zero, one, most) = (number(0), number(1), vec![0xff; half]);
        let pairs =
            [[&zero, &zero], [&zero, &one], [&one, &zero], [&one, &one], [&most, &most], [&zero, &most]];
        let mut signatures: Vec<Vec<u8>> = pairs.map(|pair| pair.map(Vec::as_slice).concat()).to_vec();
        signatures.extend([vec![], vec![0], vec![0x30, 6, 2, 1, 0, 2, 1, 0], vec![0; half]]);
        let tokens: Vec<_> =
            signatures.iter().map(|signature| format!("{input}.{}", url(signature))).collect();
        world.refuses(&honest, &tokens, "bad-signature");
    }
}

/// node-jose: the key that a token brought along was believed.
#[test]
fn cve_2018_0114_a_key_in_the_token() {
    let jwk = serde_json::to_string(&stranger().public_key().to_jwk()).unwrap();
    let der = encode(Alphabet::Standard, stranger().public_key().spki_der());
    let heads = [
        format!(r#"{{"alg":"RS256","jwk":{jwk}}}"#),
        format!(r#"{{"alg":"RS256","jwk":{jwk},"typ":"JWT"}}"#),
        format!(r#"{{"alg":"RS256","x5c":["{der}"]}}"#),
        r#"{"alg":"RS256","jku":"http://127.0.0.1:1/jwks.json"}"#.to_owned(),
        r#"{"alg":"RS256","x5u":"http://127.0.0.1:1/certificate.pem"}"#.to_owned(),
    ];
    let tokens = heads.map(|head| signed(stranger(), Algorithm::RsaSha256, &head, &claims("")));
    World::skykit().refuses(&honest(), &tokens, "bad-signature");
}

/// jsonwebtoken (npm): `none`, and HMAC with the public key, were the token's to choose.
#[test]
fn cve_2015_9235_the_token_chooses_the_algorithm() {
    let names = ["none", "None", "NONE", "nOnE", "", "HS256", "RS256 ", "rs256", "RS384", "PS256", "ES256"];
    let payload = url(claims("").as_bytes());
    let mut tokens = Vec::new();
    for name in names {
        let head = url(format!(r#"{{"alg":"{name}"}}"#).as_bytes());
        let signature =
            url(&rsa().sign(Algorithm::RsaSha256, format!("{head}.{payload}").as_bytes()).unwrap());
        tokens.extend([format!("{head}.{payload}."), format!("{head}.{payload}.{signature}")]);
    }
    for head in [r#"{"typ":"JWT"}"#, r#"{"alg":null}"#, r#"{"alg":["RS256"]}"#, r#"{"alg":{"RS256":1}}"#] {
        tokens.push(rs256(head, &claims("")));
    }
    World::skykit().refuses(&honest(), &tokens, "unsupported-algorithm");
}

/// jsonwebtoken (npm): without a list of algorithms, an unsigned token passed.
#[test]
fn cve_2022_23540_no_signature_and_no_list_of_algorithms() {
    let head = url(br#"{"alg":"none"}"#);
    let payload = url(claims("").as_bytes());
    let unsigned = [format!("{head}.{payload}."), format!("{head}.{payload}.AA")];
    World::skykit().refuses(&honest(), &unsigned, "unsupported-algorithm");
    // A dialect without algorithms is none.
    let none: Settings = [("algorithms".to_owned(), "none".to_owned())].into();
    assert!(countersign_dialects::load("skykit", &none).is_err());
    let empty: Settings = [("algorithms".to_owned(), String::new())].into();
    assert!(countersign_dialects::load("skykit", &empty).is_err());
}

/// ServiceStack: a signature was compared only as far as it went.
#[test]
fn cve_2020_28042_a_short_signature() {
    let honest = honest();
    let (input, signature) = honest.rsplit_once('.').unwrap();
    let whole = {
        let mut bytes = Vec::new();
        countersign::base64::decode(Alphabet::Url, signature.as_bytes(), &mut bytes).unwrap();
        bytes
    };
    let short: Vec<_> = [0, 1, 16, 128, 255]
        .map(|length| format!("{input}.{}", url(&whole[..length])))
        .into_iter()
        .chain([format!("{input}.{}", url(&[whole.as_slice(), &[0]].concat()))])
        .collect();
    World::skykit().refuses(&honest, &short, "bad-signature");
}

/// json-jwt (Ruby): a token could be an encrypted one where a signed one was wanted.
#[test]
fn cve_2023_51774_an_encrypted_token_where_a_signed_one_is_wanted() {
    let heads = [
        r#"{"alg":"dir","enc":"A256GCM"}"#,
        r#"{"alg":"RSA1_5","enc":"A128CBC-HS256"}"#,
        r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000,"p2s":"AAAA"}"#,
    ];
    let payload = url(claims("").as_bytes());
    let five =
        heads.map(|head| format!("{}..{}.{payload}.{}", url(head.as_bytes()), url(&[1; 12]), url(&[2; 16])));
    World::skykit().refuses(&honest(), &five, "malformed-credential");
    let three: Vec<_> =
        heads.map(|head| format!("{}.{payload}.{}", url(head.as_bytes()), url(&[1; 256]))).into();
    let world = World::skykit();
    for token in &three {
        assert_eq!(world.judge(token), Err("unsupported-header"));
    }
}
