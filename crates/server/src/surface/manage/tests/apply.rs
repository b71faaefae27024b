//! A document applied over the API, and the server's signing keys.
use super::bench::{Bench, START};
use axum::http::StatusCode;
use base64ct::{Base64UrlUnpadded, Encoding};
use countersign::time::Time;
use countersign_keys::{KeyKind, PrivateKey};
use serde_json::{Value, json};

fn document(public: &str) -> Value {
    json!({
        "organisations": [{"name": "acme"}],
        "users": [{"name": "erika"}],
        "accounts": [{
            "name": "alice", "organisation": "acme", "identifiers": {"email": "alice@acme.example", "site": ["1", "2"]},
            "acts_as": ["erika"],
            "keys": [{"label": "laptop", "public": public, "dialects": ["skykit"], "expires": "2030-01-01T00:00:00Z"}],
        }],
    })
}

#[tokio::test]
async fn a_document_is_shown_then_applied_then_changes_nothing() {
    let bench = Bench::new().await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let body = |dry_run: bool| {
        Some(json!({"document": document(&key.public_key().to_openssh("laptop")), "dry_run": dry_run}))
    };
    let entries = async || bench.call("GET", "/api/v1/audit/chain", None).await.good()["entries"].clone();
    let before = entries().await;
    let shown = bench.call_as(&bench.manager, "POST", "/api/v1/apply", body(true)).await.good();
    assert_eq!(shown["dry_run"], true);
    assert!(shown["changes"].as_array().unwrap().len() > 4, "{shown}");
    assert_eq!(entries().await, before, "a dry run changes nothing");

    let applied = bench.call_as(&bench.manager, "POST", "/api/v1/apply", body(false)).await.good();
    let actions = |answer: &Value| -> Vec<Value> {
        answer["changes"].as_array().unwrap().iter().map(|change| change["action"].clone()).collect()
    };
    assert_eq!(actions(&applied), actions(&shown), "what was shown is what is done");
    let again = bench.call_as(&bench.manager, "POST", "/api/v1/apply", body(false)).await.good();
    assert_eq!(again["changes"], json!([]));
    let found = bench.call("GET", "/api/v1/accounts?search=alice@acme.example", None).await.good();
    assert_eq!(found["items"][0]["acts_as"], json!(["erika"]));
}

#[tokio::test]
async fn a_document_that_cannot_be_changes_nothing() {
    let bench = Bench::new().await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let good = key.public_key().to_pem();
    let version = bench.app.directory.version();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = document(&good);
        change(&mut document);
        document
    };
    let tries = [
        (
            with(&|d| d["accounts"][0]["keys"][0]["public"] = key.to_pkcs8_pem().to_string().into()),
            422,
            "key-private",
        ),
        (with(&|d| d["accounts"][0]["keys"][0]["public"] = "nonsense".into()), 422, "key-unrecognised"),
        (with(&|d| d["accounts"][0]["acts_as"] = json!(["nobody"])), 404, "user-not-found"),
        (with(&|d| d["accounts"][0]["colour"] = "red".into()), 422, "unknown-member"),
        (with(&|d| d["accounts"] = json!([{"name": "a"}, {"name": "a"}])), 422, "described-twice"),
        (
            with(&|d| d["accounts"][0]["identifiers"] = json!({"operator": "acc_owner"})),
            409,
            "identifier-taken",
        ),
    ];
    for (document, status, code) in tries {
        let answer = bench.call("POST", "/api/v1/apply", Some(json!({"document": document}))).await;
        assert_eq!(answer.problem(), (status, code.into()), "{}", answer.text);
        assert_eq!(bench.app.directory.version(), version);
    }
    let private = with(&|d| d["accounts"][0]["keys"][0]["public"] = key.to_pkcs8_pem().to_string().into());
    let answer = bench.call("POST", "/api/v1/apply", Some(json!({"document": private}))).await.json();
    assert_eq!(answer["at"], "document: account alice, key laptop");
    let unknown =
        bench.call("POST", "/api/v1/apply", Some(json!({"document": {"accounts": [{"nam": "x"}]}}))).await;
    assert_eq!(unknown.json()["at"], "document.accounts[0].nam");
}

#[tokio::test]
async fn operators_are_an_owners_to_describe() {
    let bench = Bench::new().await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let with_key = |name: &str| json!({"name": name, "keys": [{"label": "x", "public": key.public_key().to_pem(), "dialects": ["operator"]}]});
    for account in [
        json!({"name": "eve", "role": "owner"}),
        json!({"name": "stranger", "role": "auditor"}),
        json!({"name": "eve", "identifiers": {"operator": "eve"}}),
        with_key("owner"),
        with_key("auditor"),
    ] {
        let body = json!({"document": {"accounts": [account]}, "dry_run": false});
        let answer = bench.call_as(&bench.manager, "POST", "/api/v1/apply", Some(body)).await;
        assert_eq!(answer.problem(), (403, "role-too-low".into()), "{}", answer.text);
    }
    let body = json!({"document": {"accounts": [{"name": "owner", "role": "auditor"}]}});
    assert_eq!(bench.call("POST", "/api/v1/apply", Some(body)).await.problem(), (409, "last-owner".into()));
    let prune = json!({"document": {"prune": true, "accounts": [with_key("auditor"), {"name": "owner"}]}});
    let answer = bench.call("POST", "/api/v1/apply", Some(prune)).await;
    assert_eq!(
        answer.problem(),
        (409, "last-owner".into()),
        "the last owner's key is not pruned: {}",
        answer.text
    );
}

#[tokio::test]
async fn signing_keys_rotate_and_old_tokens_still_verify() {
    let bench = Bench::new().await;
    let before = bench.call("GET", "/api/v1/signing-keys", None).await.good();
    let old = before["items"][0]["kid"].as_str().unwrap().to_owned();
    bench.clock.set(Time::from_seconds(START + 10));
    let made = bench.call("POST", "/api/v1/signing-keys/rotate", None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let new = made.json()["kid"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    let list = bench.call("GET", "/api/v1/signing-keys", None).await;
    assert!(!list.text.contains("value") && !list.text.contains("private"), "{}", list.text);
    let retired: Vec<bool> =
        list.json()["items"].as_array().unwrap().iter().map(|key| !key["retired"].is_null()).collect();
    assert_eq!(retired.iter().filter(|retired| !**retired).count(), 1);
    let state = |list: &Value, kid: &str| {
        let found = list["items"].as_array().unwrap().iter().find(|key| key["kid"] == *kid).unwrap();
        found["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((made.json()["state"].clone(), state(&list.json(), &new)), (json!("next"), "next".to_owned()));
    let set = bench.app.signing.jwks();
    assert!(set.contains(&old) && set.contains(&new), "both stay in the key set: {set}");
    // The key set may be kept for five minutes, so the new one signs a minute later than that.
    for (seconds, kid) in [(10, &old), (369, &old), (370, &new)] {
        let now = Time::from_seconds(START + seconds);
        let token = bench.app.signing.sign(now, |kid| json!({"kid": kid}).to_string(), "{}").unwrap();
        let head = Base64UrlUnpadded::decode_vec(token.split('.').next().unwrap()).unwrap();
        assert!(String::from_utf8(head).unwrap().contains(kid), "after {seconds} s");
    }
    bench.clock.set(Time::from_seconds(START + 400));
    let list = bench.call("GET", "/api/v1/signing-keys", None).await.good();
    assert_eq!((state(&list, &new), state(&list, &old)), ("signing".to_owned(), "retired".to_owned()));
    // A day after its last token, and not before, it is gone.
    for (seconds, kept) in [(370 + 86_400 + 599, true), (370 + 86_400 + 600, false)] {
        bench.clock.set(Time::from_seconds(START + seconds));
        crate::own_keys::remove_spent(bench.app.shared()).await.unwrap();
        assert_eq!(
            bench.app.directory.secret(&format!("signing/{old}")).is_some(),
            kept,
            "after {seconds} s"
        );
    }
}

#[tokio::test]
async fn a_signing_key_that_leaked_is_replaced_and_removed() {
    let bench = Bench::new().await;
    let kid = |list: &Value| list["items"][0]["kid"].as_str().unwrap().to_owned();
    let old = kid(&bench.call("GET", "/api/v1/signing-keys", None).await.good());
    let path = format!("/api/v1/signing-keys/{old}");
    let problem = bench.call("DELETE", &path, None).await.problem();
    assert_eq!(problem, (409, "signing-key-in-use".into()));
    bench.clock.set(Time::from_seconds(START + 10));
    let new = bench.call("POST", "/api/v1/signing-keys/rotate?at_once=true", None).await.good();
    let new = new["kid"].as_str().unwrap().to_owned();
    // As long as a node may go on without having confirmed what it knows, and two seconds.
    assert_eq!(bench.app.signing.signs_at(Time::from_seconds(START + 16)).unwrap(), old);
    assert_eq!(bench.app.signing.signs_at(Time::from_seconds(START + 17)).unwrap(), new);
    assert_eq!(bench.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert!(!bench.app.signing.jwks().contains(&old));
    assert_eq!(bench.app.signing.signs_at(Time::from_seconds(START)).unwrap(), new);
    assert_eq!(bench.call("DELETE", &path, None).await.problem().0, 404);
    let audit = bench.call("GET", "/api/v1/audit?limit=200", None).await.text;
    assert!(audit.contains("secret.retire") && audit.contains("secret.delete"), "{audit}");
}
