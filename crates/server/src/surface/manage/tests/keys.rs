//! Keys over the API: every spelling, their lives, rotation, limits.
use super::bench::{Bench, START};
use crate::surface::manage::keys::{KeyToRegister, Rotation, add, replace};
use crate::surface::manage::operator::Actor;
use crate::surface::manage::standing::{By, Standing};
use crate::surface::manage::state::Manage;
use axum::http::StatusCode;
use countersign::time::Time;
use countersign_keys::{KeyKind, PrivateKey};
use countersign_store::draft::Vouch;
use serde_json::{Value, json};

#[tokio::test]
async fn a_key_is_taken_in_any_spelling_and_shown_with_every_fingerprint() {
    let bench = Bench::new().await;
    for (count, kind) in
        [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384, KeyKind::P521].into_iter().enumerate()
    {
        let key = PrivateKey::generate(kind, 256).unwrap();
        let public = key.public_key();
        let spellings = [
            public.to_pem(),
            public.to_pem().replace('\n', "\\n"),
            public.to_openssh("laptop"),
            serde_json::to_string(&public.to_jwk()).unwrap(),
        ];
        for (spelling, text) in spellings.into_iter().enumerate() {
            let account = bench.account(&format!("a{count}-{spelling}")).await;
            let body = json!({"public": text, "label": "main", "dialects": ["skykit"]});
            let made = bench.call("POST", &format!("/api/v1/accounts/{account}/keys"), Some(body)).await;
            assert_eq!(made.status, StatusCode::CREATED, "{kind:?} {text}: {}", made.text);
            let made = made.json();
            let fingerprints = public.fingerprints();
            assert_eq!(
                made["key"]["fingerprints"],
                json!({
                    "jwk_thumbprint": fingerprints.jwk_thumbprint,
                    "spki_sha256_base64": fingerprints.spki_sha256_base64,
                    "spki_sha256_hex": fingerprints.spki_sha256_hex,
                    "openssh": fingerprints.openssh,
                    "pem_sha256_hex": fingerprints.pem_sha256_hex,
                })
            );
            assert_eq!(made["key"]["public"], public.to_pem());
            bench.call("DELETE", &format!("/api/v1/accounts/{account}"), None).await;
            let repaired = !made["repaired"].as_array().unwrap().is_empty();
            assert_eq!(repaired, spelling == 1, "only what was repaired is told: {}", made["repaired"]);
        }
    }
}

#[tokio::test]
async fn a_jwk_that_names_its_algorithm_is_narrowed_to_it() {
    let bench = Bench::new().await;
    let key = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
    let mut jwk = serde_json::to_value(key.public_key().to_jwk()).unwrap();
    jwk["alg"] = json!("PS512");
    let account = bench.account("one").await;
    let path = format!("/api/v1/accounts/{account}/keys");
    let body = json!({"public": jwk.to_string(), "dialects": ["skykit"]});
    let made = bench.call("POST", &path, Some(body.clone())).await.good();
    assert_eq!(made["key"]["algorithms"], json!(["PS512"]));
    bench.call("DELETE", &format!("/api/v1/accounts/{account}"), None).await;
    // Whoever registers it may say otherwise.
    let account = bench.account("two").await;
    let mut body = body;
    body["algorithms"] = json!(["RS256"]);
    let made = bench.call("POST", &format!("/api/v1/accounts/{account}/keys"), Some(body)).await.good();
    assert_eq!(made["key"]["algorithms"], json!(["RS256"]));
}

#[tokio::test]
async fn a_key_lives_and_ends() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let body = json!({"public": key.public_key().to_pem(), "dialects": ["skykit"], "pending": true});
    let made = bench.call("POST", &format!("/api/v1/accounts/{account}/keys"), Some(body)).await.good();
    assert_eq!((&made["key"]["state"], &made["key"]["live"]), (&json!("pending"), &json!(false)));
    let path = format!("/api/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    let step =
        async |what: &str, body: Option<Value>| bench.call("POST", &format!("{path}/{what}"), body).await;

    assert_eq!(step("activate", None).await.good()["state"], "active");
    assert_eq!(step("disable", None).await.good()["live"], false);
    assert_eq!(
        step("retire", Some(json!({"overlap": "1d"}))).await.problem().0,
        409,
        "a disabled key does not retire"
    );
    assert_eq!(step("activate", None).await.good()["live"], true);
    let retiring = step("retire", Some(json!({"overlap": "1d"}))).await.good();
    assert_eq!(
        (&retiring["state"], &retiring["until"]),
        (&json!("retiring"), &json!("2027-01-16T08:00:00Z"))
    );
    bench.clock.set(Time::from_seconds(START + 86_400));
    assert_eq!(bench.call("GET", &path, None).await.good()["live"], false, "the date alone ends it");
    let later = step("retire", Some(json!({"until": "2027-02-01T00:00:00Z"}))).await;
    assert!(later.status.is_success() || later.status == StatusCode::CONFLICT, "{}", later.text);
    for bad in [json!({}), json!({"until": "2027-02-01T00:00:00Z", "overlap": "1d"})] {
        assert_eq!(step("retire", Some(bad)).await.problem(), (422, "until-or-overlap".into()));
    }
    assert_eq!(step("revoke", None).await.good()["state"], "revoked");
    for (what, body) in [("activate", None), ("disable", None), ("retire", Some(json!({"overlap": "1d"})))] {
        assert_eq!(step(what, body).await.problem().0, 409, "a revoked key never comes back: {what}");
    }
}

#[tokio::test]
async fn rotation_keeps_both_keys_for_the_overlap() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let old = bench.key(&account, "skykit").await["key"].clone();
    let keys = format!("/api/v1/accounts/{account}/keys");
    let limits = json!({"methods": ["GET"], "paths": ["/reports"], "networks": ["10.0.0.0/8"]});
    let old_id = old["id"].as_str().unwrap();
    let limited =
        bench.call("PUT", &format!("/api/v1/keys/{old_id}/limits"), Some(limits.clone())).await.good();
    assert_eq!(limited["limits"], limits);

    let fresh = PrivateKey::generate(KeyKind::P256, 256).unwrap();
    let body = json!({"new": {"public": fresh.public_key().to_pem()}, "overlap": "7d"});
    let rotated = bench.call("POST", &format!("{keys}/{old_id}/rotate"), Some(body.clone())).await;
    assert_eq!(rotated.status, StatusCode::CREATED, "{}", rotated.text);
    let rotated = rotated.json();
    assert_eq!(rotated["key"]["state"], "active");
    assert_eq!(
        (&rotated["key"]["dialects"], &rotated["key"]["limits"]),
        (&old["dialects"], &limits),
        "inherited"
    );
    assert_eq!(rotated["retiring"]["id"], old["id"]);
    assert_eq!(
        (&rotated["retiring"]["until"], &rotated["retiring"]["live"]),
        (&json!("2027-01-22T08:00:00Z"), &json!(true))
    );

    let again = bench.call("POST", &format!("{keys}/{old_id}/rotate"), Some(body)).await;
    assert_eq!(again.status.as_u16(), 409, "{}", again.text);
    let other = bench.account("other").await;
    let fresh = PrivateKey::generate(KeyKind::P256, 256).unwrap();
    let body = json!({"new": {"public": fresh.public_key().to_pem()}, "overlap": "7d"});
    let strange =
        bench.call("POST", &format!("/api/v1/accounts/{other}/keys/{old_id}/rotate"), Some(body)).await;
    assert_eq!(strange.problem(), (404, "key-not-found".into()));
    assert_eq!(bench.call("GET", &keys, None).await.good()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_key_cannot_be() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let public = key.public_key().to_pem();
    let path = format!("/api/v1/accounts/{account}/keys");
    let tries = [
        (json!({"dialects": []}), "no-dialect"),
        (json!({"dialects": ["nonsense"]}), "unknown-dialect"),
        (json!({"dialects": ["skykit"], "algorithms": ["none"]}), "invalid-algorithm"),
        (json!({"dialects": ["skykit"], "algorithms": ["RS256"]}), "invalid-algorithm"),
        (json!({"dialects": ["skykit"], "limits": {"methods": ["get it"]}}), "invalid-method"),
        (json!({"dialects": ["skykit"], "limits": {"paths": ["x"]}}), "invalid-path"),
        (json!({"dialects": ["skykit"], "limits": {"networks": ["10.0.0.1/8"]}}), "invalid-network"),
        (json!({"dialects": ["skykit"], "expires": "2020-01-01T00:00:00Z"}), "invalid-dates"),
        (json!({"dialects": ["skykit"], "label": "a\nb"}), "invalid-label"),
    ];
    for (mut body, code) in tries {
        body["public"] = public.clone().into();
        let answer = bench.call("POST", &path, Some(body.clone())).await;
        assert_eq!(answer.problem(), (422, code.into()), "{body}: {}", answer.text);
    }
    for missing in ["/api/v1/keys/key_none", "/api/v1/accounts/acc_none/keys"] {
        assert_eq!(bench.call("GET", missing, None).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_keys_conditions_change_and_the_key_does_not() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let rsa = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
    let body = json!({"public": rsa.public_key().to_pem(), "dialects": ["skillhive"], "limits": {"methods": ["GET"]}});
    let made =
        bench.call("POST", &format!("/api/v1/accounts/{account}/keys"), Some(body)).await.good()["key"]
            .clone();
    let path = format!("/api/v1/keys/{}", made["id"].as_str().unwrap());
    let change = json!({
        "label": "old", "dialects": ["skillhive", "skykit"], "algorithms": ["RSA-SHA1"], "expires": "2030-01-01T00:00:00Z",
    });
    let changed = bench.call("PATCH", &path, Some(change)).await.good();
    assert_eq!((&changed["label"], &changed["algorithms"]), (&json!("old"), &json!(["RSA-SHA1"])));
    assert_eq!(
        (&changed["limits"], &changed["public"]),
        (&made["limits"], &made["public"]),
        "what is left out stays"
    );
    let endless = bench.call("PATCH", &path, Some(json!({"expires": null}))).await.good();
    assert_eq!((&endless["expires"], &endless["label"]), (&Value::Null, &json!("old")));
    for (bad, code) in [
        (json!({"dialects": []}), "no-dialect"),
        (json!({"dialects": ["nonsense"]}), "unknown-dialect"),
        (json!({"algorithms": ["ES256"]}), "invalid-algorithm"),
        (json!({"public": "x"}), "unknown-member"),
    ] {
        assert_eq!(bench.call("PATCH", &path, Some(bad)).await.problem(), (422, code.into()));
    }
    for away in [json!({"dialects": ["skykit"]}), json!({"expires": null, "dialects": ["skykit"]})] {
        assert_eq!(
            bench.call("PATCH", "/api/v1/keys/key_owner", Some(away)).await.problem(),
            (409, "last-owner".into())
        );
    }
}

#[tokio::test]
async fn a_use_is_told_before_it_is_written_and_after_a_write_that_failed() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let key = bench.key(&account, "skykit").await;
    let id = key["key"]["id"].as_str().unwrap().to_owned();
    let shared = bench.app.shared();
    let used = |second: i64, last: u8| {
        shared.used_key(&id, Time::from_seconds(START + second), [192, 0, 2, last].into());
    };
    let uses = async || bench.call("GET", &format!("/api/v1/keys/{id}/uses"), None).await.good();
    used(-60, 1);
    used(-30, 2);
    let told = uses().await;
    assert_eq!(told["items"][0]["address"], "192.0.2.2");
    assert_eq!(told["items"].as_array().unwrap().len(), 2, "{told}");
    assert_eq!(told["complete_until"], told["now"], "nobody else writes to this store");
    // A disk that is away for one writing: nothing is forgotten, and one address stands once.
    bench.broken.store(true, std::sync::atomic::Ordering::Relaxed);
    crate::chores::flush(shared).await;
    bench.broken.store(false, std::sync::atomic::Ordering::Relaxed);
    used(-10, 1);
    for _ in 0..2 {
        let told = uses().await;
        let addresses: Vec<&str> =
            told["items"].as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap()).collect();
        assert_eq!(addresses, ["192.0.2.1", "192.0.2.2"], "{told}");
        let shown = bench.call("GET", &format!("/api/v1/keys/{id}"), None).await.good();
        assert_eq!(
            (&shown["last_address"], &shown["last_used"]),
            (&json!("192.0.2.1"), &told["items"][0]["at"])
        );
        crate::chores::flush(shared).await;
    }
    assert!(shared.waiting(std::slice::from_ref(&id)).is_empty(), "it is written by now");
}

#[tokio::test]
async fn one_change_of_limits_leaves_the_others_as_they_are() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let id = bench.key(&account, "skykit").await["key"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/keys/{id}");
    let change = async |body: Value| bench.call("PATCH", &path, Some(body)).await;
    change(json!({"limits": {"methods": ["GET"], "paths": ["/a"]}})).await.good();
    let after = change(json!({"limits": {"paths": [], "networks": ["10.0.0.0/8"]}})).await.good();
    assert_eq!(after["limits"], json!({"methods": ["GET"], "paths": [], "networks": ["10.0.0.0/8"]}));
    assert_eq!(after["algorithms"], json!([]));
    // One that cannot be taken takes none of the others along.
    let refused = change(json!({"label": "other", "limits": {"methods": ["get"]}})).await;
    assert_eq!(refused.problem(), (422, "invalid-method".to_owned()));
    assert_eq!(change(json!({"limits": {"verbs": []}})).await.problem(), (422, "unknown-member".to_owned()));
    assert_eq!(bench.call("GET", &path, None).await.good()["label"], after["label"]);
}

#[tokio::test]
async fn no_key_follows_from_another_as_it_was_before_it_was_narrowed_or_ended() {
    let bench = Bench::new().await;
    let manage = Manage::of(&bench.app);
    let standing = Standing { shared: false, by: By::Owner };
    for (change, path) in [(Some(json!({"paths": ["/a"]})), "limits"), (None, "revoke")] {
        let account = bench.account(path).await;
        let actor = Actor { id: account.clone(), now: Time::from_seconds(START) };
        let made = bench.key(&account, "skykit").await;
        let id = made["key"]["id"].as_str().unwrap();
        let seen = bench.app.directory.key(id).unwrap();
        let method = if change.is_some() { "PUT" } else { "POST" };
        bench.call(method, &format!("/api/v1/keys/{id}/{path}"), change).await.good();
        let public = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap().public_key().to_pem();
        let new: KeyToRegister =
            serde_json::from_value(json!({"public": public, "dialects": ["skykit"]})).unwrap();
        let added = add(&manage, &actor, account.clone(), new, standing, Some(&seen)).await;
        assert_eq!(
            added.err().map(|problem| problem.code().to_owned()),
            Some("changed-meanwhile".to_owned())
        );
        let next = Rotation::same(public, None, None, serde_json::from_value(json!("1h")).unwrap());
        let replaced = replace(&manage, &actor, seen, next, standing, Vouch::Operator).await;
        assert_eq!(
            replaced.err().map(|problem| problem.code().to_owned()),
            Some("changed-meanwhile".to_owned())
        );
    }
}
