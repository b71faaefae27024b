//! Keys that must not be registered: each class has its own code, and a secret that was sent goes nowhere.
use super::bench::{Bench, START};
use base64ct::{Base64UrlUnpadded, Encoding};
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use serde_json::{Value, json};

/// Two primes of 1024 bits less than 2^401 apart.
const CLOSE_PRIMES: &str = "wNO7uznuW2pde_xUqI463XRo680JDFYFes26kUGcDCBSivNnCkOutLyC4uPce_dUqo-KsFftV8889XwP2yDg2XSYcAfKAASFhpkoSbTz-74ii-q5ThIEOUDIVICHCyiJx4RQuHSCmk7XumNJ-AGTAYwS68NAUy6fdzS337gGSH8Dc3TGaQjBh3CS9kxjaNHIzfXdzRl5IEyw74r1q09t5LMtJcf3p0ZDqrv_WFim99WqLki3tcR2t764HGz93ZHeLBPUQiRWeIFkuTxvdiDOcpNU4vNvhws4-OaovqaTwmdVnnkGeiWqbuKRzpCsK72hVAoRosvqldNMdI93b6CLVw";
/// A number with the residues that the faulty library of CVE-2017-15361 leaves.
const ROCA: &str = "6GcUaGUjm7Fer7RCVKv79edHJvbaYnjaCTzk3Lnl9IPjQgsLtKSBFQ2vtoBjl6wdy-_OAHkSL21wBeiBQba0uC33iCFGQYPz0v07MQ-0Yv4D-wZ5O3e1LNwiDgdZMro6Uo4E3_D3Qxbk07jfJPqban9GWsDY1XZC3QPFLnNioK_ukbutBAfRa4oJ0Gg2QoK6lGFY8EVK7nfrh0-uNhpx-kF-I_DKC292HWErV4vZ84ixxoTjCTy4mI-_fQC-2wdGJ1FyKtYDi7gw-Gx1czwMvEbX8NOvyloW2OjTWrbAetUL0nh7vw72BcN3o0UYaHOduFnjHZgqGhQc8NkOveLNaQ";
/// A sound modulus of 1024 bits.
const SHORT: &str = "0rj-9s_jmcAjPEXVsn_kFc0TeV95RvYjm5wVAZtSISuPKyTSKLiV9mJPxdDjYxRmSPw8bvI-_W8Z7MZWWOboAzm1zSXEURBRw9BepHDIosutFJR1HFIGDwc0WtsJhtVhspWFBSrVl3q85WlC7FLshOs6RdV405hL3E-KUG8rVu8";
/// A sound modulus of 2048 bits.
const SOUND: &str = "11jqSeYhM7dyqH-iS6clqGudYUa-7q41NOHwo0Aru1oQgh5uECvEEKzNpfAIGwcQI7SBNCW6gNErgQKib1IE9toxrqf462XjkNTorVDF3d-NW7sabgD7L1oKA2L0o8_FCc_yaHWFNkAJjECGceR2SzdLxtQhJ62nN8cJ6Qzy9VdxXk_dyxaDWstPX5zevxtHfO2eXKzZ0vlmWXW5m5UGbm-qoqDfFTxCCppSb276dRoISqAQJghjZkDh9UP-u4jt-i9IkhzsJpkgjNRxfvQpRHrZntOVV3Kw6I1043XJMLv8ym8lfyzPiDjlGtBel9dCv03fkRG9wknENeJAHZXNHw";

/// A sound modulus of 2056 bits.
const ODD: &str = "yomOUPro8Ato-_XuZRDiWCZjsnt1_YQDMAZowye4NUZxit4Wd4V33D4Fg2L5dtn3cZn5JslnSgxMsynVDkyDLtjF6xdld0THbmAG9xY5LdppDTspPWenKyusoL43kNJBVOe7QB4SQVhWJgV3lp0VWg8lE_N4X4vPbvgCQDUdAAE5uVlJ0q_kJ4QLIJwG6T9fWpa0EOjJ_xeXwJHt6mb5yC9VpTfFBcSnfkMtH2SygyMfIn3ddqCTlQOouiP56nUsQQT9Pc0RsSA59jyHHyEZdncDCHgMbBkC4LxWbbeAgAuq3jeo2GoE3dE3JJiEnbAqO1hrwlFEyhxJxm3llCWE_oM";

fn rsa(n: &str, e: &str) -> String {
    json!({"kty": "RSA", "n": n, "e": e}).to_string()
}

fn bytes(count: usize, set: &[(usize, u8)]) -> String {
    let mut bytes = vec![0_u8; count];
    for (at, value) in set {
        bytes[*at] = *value;
    }
    Base64UrlUnpadded::encode_string(&bytes)
}

/// What is sent, and the code it is refused with.
fn refused() -> Vec<(&'static str, String, &'static str)> {
    let ed = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let x = bytes(32, &[(0, 9)]);
    vec![
        ("nothing", String::new(), "key-empty"),
        ("words", "my public key".into(), "key-unrecognised"),
        ("RSA of 1024 bits", rsa(SHORT, "AQAB"), "key-rsa-size"),
        ("exponent 3", rsa(SOUND, "Aw"), "key-rsa-exponent"),
        ("exponent 1", rsa(SOUND, "AQ"), "key-rsa-exponent"),
        ("even exponent", rsa(SOUND, "AQAA"), "key-rsa-exponent"),
        ("exponent of 2048 bits", rsa(SOUND, SOUND), "key-rsa-exponent"),
        // 2^2047 + 1 is odd and divides by 3.
        ("small factor", rsa(&bytes(256, &[(0, 0x80), (255, 1)]), "AQAB"), "key-rsa-weak"),
        ("close primes", rsa(CLOSE_PRIMES, "AQAB"), "key-rsa-weak"),
        ("ROCA", rsa(ROCA, "AQAB"), "key-rsa-weak"),
        ("Ed25519 identity point", bytes(32, &[(0, 1)]), "key-ed25519-point"),
        ("Ed25519 zero", bytes(32, &[]), "key-ed25519-point"),
        ("Ed25519 of 31 bytes", json!({"kty": "OKP", "crv": "Ed25519", "x": bytes(31, &[(0, 9)])}).to_string(),
            "key-ed25519-length"),
        ("point off its curve", json!({"kty": "EC", "crv": "P-256", "x": x, "y": x}).to_string(), "key-ec-point"),
        ("secp256k1", json!({"kty": "EC", "crv": "secp256k1", "x": x, "y": x}).to_string(), "key-curve-not-served"),
        ("X25519", json!({"kty": "OKP", "crv": "X25519", "x": x}).to_string(), "key-curve-not-served"),
        ("DSA", "ssh-dss AAAAB3NzaC1kc3MAAAABAQ== old".into(), "key-kind-not-served"),
        ("shared secret", json!({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"}).to_string(), "key-symmetric"),
        ("private PEM", ed.to_pkcs8_pem().to_string(), "key-private"),
        ("private JWK", json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x}).to_string(), "key-private"),
        ("certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".into(), "key-certificate"),
        ("two keys", json!({"keys": [
            {"kty": "RSA", "n": SOUND, "e": "AQAB"},
            {"kty": "OKP", "crv": "Ed25519", "x": Base64UrlUnpadded::encode_string(&ed.public_key().ed25519_bytes().unwrap())},
        ]}).to_string(), "key-several"),
        ("damaged PEM", ed.public_key().to_pem().replace("END PUBLIC", "END PUBIC"), "key-pem-damaged"),
        ("too much", "A".repeat(65_000), "key-unrecognised"),
    ]
}

#[tokio::test]
async fn every_class_is_refused_with_its_code() {
    let bench = Bench::new().await;
    let account = bench.account("caller").await;
    let path = format!("/api/v1/accounts/{account}/keys");
    for (what, public, code) in refused() {
        let body = json!({"public": public, "dialects": ["skykit"]});
        let answer = bench.call("POST", &path, Some(body)).await;
        let (status, found) = answer.problem();
        assert_eq!((status, found.as_str()), (422, code), "{what}: {}", answer.text);
        assert_eq!(answer.json()["at"], "public", "{what}");
    }
    assert_eq!(bench.call("GET", &path, None).await.good()["items"], json!([]), "nothing was kept");
}

#[tokio::test]
async fn a_secret_is_refused_loudly_and_goes_nowhere() {
    let bench = Bench::new().await;
    let account = bench.account("caller").await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let pem = key.to_pkcs8_pem().to_string();
    let inside = pem.lines().nth(1).unwrap().to_owned();
    let registered = bench.key(&account, "skykit").await;
    let id = registered["key"]["id"].as_str().unwrap().to_owned();
    let tries = [
        (format!("/api/v1/accounts/{account}/keys"), json!({"public": pem, "dialects": ["skykit"]})),
        (
            format!("/api/v1/accounts/{account}/keys/{id}/rotate"),
            json!({"new": {"public": pem}, "overlap": "1d"}),
        ),
        // In the wrong member, where the reader's own message would repeat it.
        (format!("/api/v1/accounts/{account}/keys"), json!({"public": "", "dialects": pem})),
        ("/api/v1/operators".to_owned(), json!({"name": "x", "role": "auditor", "public": pem})),
    ];
    for (path, body) in tries {
        let answer = bench.call("POST", &path, Some(body)).await;
        assert_eq!(answer.status.as_u16(), 422, "{path}: {}", answer.text);
        assert!(!answer.text.contains(&inside) && !answer.text.contains("BEGIN"), "{path}: {}", answer.text);
        if answer.problem().1 == "key-private" {
            assert!(answer.json()["title"].as_str().unwrap().starts_with("A SECRET WAS SENT"));
        }
    }
    let audit = bench.call("GET", "/api/v1/audit?limit=200", None).await.text;
    let rows = format!("{:?}", bench.app.directory.records());
    assert!(!audit.contains(&inside) && !rows.contains(&inside));
}

#[tokio::test]
async fn a_setting_takes_other_sizes_and_exponents_and_the_refusal_names_it() {
    for (public, setting) in [(rsa(ODD, "AQAB"), "other_rsa_sizes"), (rsa(SOUND, "Aw"), "other_exponents")] {
        for allowed in [false, true] {
            let bench = Bench::with(&format!("[keys]\n{setting} = {allowed}\n")).await;
            let account = bench.account("caller").await;
            let document = json!({"accounts": [{"name": "caller", "keys": [{"label": "a", "public": public, "dialects": ["skykit"]}]}]});
            let applied = bench
                .call("POST", "/api/v1/apply", Some(json!({"document": document, "dry_run": true})))
                .await;
            let body = json!({"public": public, "dialects": ["skykit"]});
            let answer = bench.call("POST", &format!("/api/v1/accounts/{account}/keys"), Some(body)).await;
            for answer in [&applied, &answer] {
                assert_eq!(answer.status.is_success(), allowed, "{setting}: {}", answer.text);
                assert_eq!(answer.text.contains(&format!("[keys] {setting}")), !allowed, "{}", answer.text);
            }
        }
    }
}

fn proof(key: &PrivateKey, algorithm: Algorithm, account: &str, time: i64) -> Value {
    let fingerprint = key.public_key().fingerprints().spki_sha256_hex;
    let text = format!("countersign key possession 1\n{account}\n{fingerprint}\n{time}");
    let signature = key.sign(algorithm, text.as_bytes()).unwrap();
    json!({"time": time, "signature": Base64UrlUnpadded::encode_string(&signature)})
}

#[tokio::test]
async fn a_key_stands_once_unless_a_setting_allows_more_and_possession_is_proved() {
    let kinds = [
        (KeyKind::Ed25519, Algorithm::Ed25519),
        (KeyKind::P256, Algorithm::EcdsaP256Sha256),
        (KeyKind::Rsa, Algorithm::RsaSha256),
    ];
    for (kind, algorithm) in kinds {
        let bench = Bench::with("[keys]\nshared = true\n").await;
        let (one, other) = (bench.account("one").await, bench.account("other").await);
        let key = PrivateKey::generate(kind, 2048).unwrap();
        let thief = PrivateKey::generate(kind, 2048).unwrap();
        let public = key.public_key().to_openssh("laptop");
        let body = |possession: Value| {
            Some(json!({"public": public, "dialects": ["spacetime"], "possession": possession}))
        };
        let path = |account: &str| format!("/api/v1/accounts/{account}/keys");
        bench.call("POST", &path(&one), body(Value::Null)).await.good();
        let again = bench.call("POST", &path(&one), body(proof(&key, algorithm, &one, START))).await;
        assert_eq!(again.problem(), (409, "key-taken".into()));
        let elsewhere = bench.call("POST", &path(&other), body(Value::Null)).await;
        assert_eq!(elsewhere.problem(), (422, "key-not-accepted".into()));
        assert!(!elsewhere.text.contains(&one), "an answer never says where else a key stands");
        for (what, possession) in [
            ("another account's", proof(&key, algorithm, &one, START)),
            ("old", proof(&key, algorithm, &other, START - 301)),
            ("ahead", proof(&key, algorithm, &other, START + 301)),
            ("another key's", proof(&thief, algorithm, &other, START)),
            ("none", json!({"time": START, "signature": ""})),
            ("no base64", json!({"time": START, "signature": "!"})),
        ] {
            let answer = bench.call("POST", &path(&other), body(possession)).await;
            assert_eq!(answer.problem(), (422, "bad-possession".into()), "{what}: {}", answer.text);
            assert_eq!(answer.json()["at"], "possession");
        }
        bench.call("POST", &path(&other), body(proof(&key, algorithm, &other, START - 300))).await.good();
        let audit = bench.call("GET", "/api/v1/audit?limit=200", None).await.text;
        assert_eq!(audit.matches("key.add").count(), 2);
    }
}

#[tokio::test]
async fn where_keys_are_not_shared_the_answer_is_the_same_for_a_key_that_stands_elsewhere_and_one_that_does_not()
 {
    let bench = Bench::new().await;
    let (one, other) = (bench.account("one").await, bench.account("other").await);
    let [known, fresh] = [(); 2].map(|()| PrivateKey::generate(KeyKind::Ed25519, 256).unwrap());
    let path = |account: &str| format!("/api/v1/accounts/{account}/keys");
    let body = |key: &PrivateKey, possession: Value| {
        Some(
            json!({"public": key.public_key().to_pem(), "dialects": ["spacetime"], "possession": possession}),
        )
    };
    bench.call("POST", &path(&one), body(&known, Value::Null)).await.good();
    let mut answers = Vec::new();
    for key in [&known, &fresh] {
        let possession = proof(key, Algorithm::Ed25519, &other, START);
        answers.push(bench.call("POST", &path(&other), body(key, possession)).await);
    }
    assert_eq!(answers[0].problem(), (422, "sharing-not-allowed".into()));
    assert_eq!((answers[0].status, &answers[0].text), (answers[1].status, &answers[1].text));
    // Nor does a document bring one in.
    let document = json!({"accounts": [{"name": "other", "keys": [
        {"label": "a", "public": known.public_key().to_pem(), "dialects": ["spacetime"]}
    ]}]});
    let applied = bench.call("POST", "/api/v1/apply", Some(json!({"document": document}))).await;
    assert_eq!(applied.problem(), (422, "key-not-accepted".into()));
}
