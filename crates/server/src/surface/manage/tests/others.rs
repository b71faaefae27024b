//! Companion keys, organisations, join codes, sessions, operators, audit, dialects: over the API.
use super::bench::{Bench, START};
use axum::http::StatusCode;
use countersign::life::session::Session;
use countersign::time::Time;
use countersign_keys::{KeyKind, PrivateKey};
use serde_json::json;

#[tokio::test]
async fn a_companions_secret_is_shown_once_and_kept_as_a_digest() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let path = format!("/api/v1/accounts/{account}/companions");
    let made = bench.call("POST", &path, Some(json!({"dialect": "partner-key", "label": "site"}))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 43, "256 bits in base64url");
    let other =
        bench.call("POST", &path, Some(json!({"dialect": "partner-key", "label": "other"}))).await.good();
    assert_ne!(other["secret"], made["secret"]);
    let listed = bench.call("GET", &path, None).await.good();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let audit = bench.call("GET", "/api/v1/audit?limit=200", None).await.text;
    assert!(!listed.to_string().contains(secret) && !audit.contains(secret));

    let id = made["companion"]["id"].as_str().unwrap();
    let switch =
        async |what: &str| bench.call("POST", &format!("/api/v1/companions/{id}/{what}"), None).await.good();
    assert_eq!(switch("disable").await["enabled"], false);
    assert_eq!(switch("enable").await["enabled"], true);
    let gone = format!("/api/v1/companions/{id}");
    bench.call("DELETE", &gone, None).await.good();
    assert_eq!(bench.call("DELETE", &gone, None).await.problem(), (404, "companion-not-found".into()));
}

#[tokio::test]
async fn a_companions_secret_may_be_brought_along() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let path = format!("/api/v1/accounts/{account}/companions");
    let body =
        |label: &str| Some(json!({"dialect": "partner-key", "label": label, "secret": "an-old-api-key"}));
    let made = bench.call("POST", &path, body("one")).await.good();
    assert_eq!(made.get("secret"), None, "who brought it has it");
    assert_eq!(bench.call("POST", &path, body("two")).await.problem(), (409, "companion-taken".into()));
    for bad in ["short", "with space in it", "käsekuchen"] {
        let answer = bench
            .call("POST", &path, Some(json!({"dialect": "partner-key", "label": "x", "secret": bad})))
            .await;
        assert_eq!(answer.problem(), (422, "weak-secret".into()), "{bad}");
        assert!(!answer.text.contains(bad));
    }
}

#[tokio::test]
async fn organisations_members_and_join_codes() {
    let bench = Bench::new().await;
    let made = bench.call("POST", "/api/v1/organisations", Some(json!({"name": "acme"}))).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let path = format!("/api/v1/organisations/{}", made.json()["id"].as_str().unwrap());
    let twice = bench.call("POST", "/api/v1/organisations", Some(json!({"name": "acme"}))).await;
    assert_eq!(twice.problem(), (409, "name-taken".into()));
    let account = bench.account("one").await;
    let member = format!("{path}/members/{account}");
    assert_eq!(bench.call("PUT", &member, Some(json!({"role": "ADMIN"}))).await.good()["role"], "ADMIN");
    assert_eq!(bench.call("PUT", &member, Some(json!({"role": "MEMBER"}))).await.good()["role"], "MEMBER");
    assert_eq!(bench.call("PUT", &member, Some(json!({"role": "KING"}))).await.problem().0, 422);
    let members = bench.call("GET", &format!("{path}/members"), None).await.good();
    assert_eq!(members["items"], json!([{"account": account, "role": "MEMBER"}]));

    let new = json!({"role": "MEMBER", "life": "7d", "once": true});
    let code = bench.call("POST", &format!("{path}/join-codes"), Some(new)).await;
    assert_eq!(code.status, StatusCode::CREATED, "{}", code.text);
    let code = code.json();
    assert_eq!(code["join_code"]["expires"], "2027-01-22T08:00:00Z");
    let listed = bench.call("GET", &format!("{path}/join-codes"), None).await;
    assert!(!listed.text.contains(code["code"].as_str().unwrap()));
    let one = format!("{path}/join-codes/{}", code["join_code"]["digest"].as_str().unwrap());
    bench.call("DELETE", &one, None).await.good();
    assert_eq!(bench.call("DELETE", &one, None).await.problem(), (404, "join-code-not-found".into()));

    bench.call("DELETE", &member, None).await.good();
    assert_eq!(bench.call("DELETE", &member, None).await.problem().0, 404);
    assert_eq!(
        bench.call("PATCH", &path, Some(json!({"name": "acme two"}))).await.good()["name"],
        "acme two"
    );
    bench.call("DELETE", &path, None).await.good();
    assert_eq!(bench.call("GET", &path, None).await.problem(), (404, "organisation-not-found".into()));
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let bench = Bench::new().await;
    let (one, two) = (bench.account("one").await, bench.account("two").await);
    for (id, account) in [("aa", &one), ("bb", &one), ("cc", &one), ("dd", &two)] {
        bench.app.sessions.open(&session(id, account)).await.unwrap();
    }
    let list =
        async |path: &str| bench.call("GET", path, None).await.good()["items"].as_array().unwrap().len();
    assert_eq!(list("/api/v1/sessions").await, 4);
    assert_eq!(list(&format!("/api/v1/sessions?account={one}")).await, 3);
    bench.call("DELETE", "/api/v1/sessions/aa", None).await.good();
    assert_eq!(
        bench.call("DELETE", "/api/v1/sessions/aa", None).await.problem(),
        (404, "session-not-found".into())
    );
    assert_eq!(list(&format!("/api/v1/sessions?account={one}")).await, 2);
    let all = bench.call("DELETE", &format!("/api/v1/sessions?account={one}"), None).await.good();
    assert_eq!(all["ended"], 2);
    assert_eq!(list("/api/v1/sessions").await, 1);
    assert_eq!(bench.call("DELETE", "/api/v1/sessions", None).await.problem(), (400, "bad-query".into()));
    let audit = bench.call("GET", "/api/v1/audit?limit=200", None).await.text;
    assert!(audit.contains("session.end") && audit.contains("account.end-sessions"), "{audit}");
}

#[tokio::test]
async fn operators_are_made_promoted_and_dismissed() {
    let bench = Bench::new().await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 256).unwrap();
    let new = json!({"name": "carol", "role": "auditor", "public": key.public_key().to_pem()});
    let made = bench.call("POST", "/api/v1/operators", Some(new)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let id = made.json()["account"]["id"].as_str().unwrap().to_owned();
    let me = bench.call_as(&key, "GET", "/api/v1/whoami", None).await.good();
    assert_eq!((&me["name"], &me["role"]), (&json!("carol"), &json!("auditor")));
    let path = format!("/api/v1/operators/{id}");
    assert_eq!(bench.call("PUT", &path, Some(json!({"role": "manager"}))).await.good()["role"], "manager");
    assert_eq!(
        bench.call("GET", "/api/v1/operators", None).await.good()["items"].as_array().unwrap().len(),
        4
    );
    assert_eq!(bench.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.call_as(&key, "GET", "/api/v1/whoami", None).await.problem().1, "not-an-operator");
    assert_eq!(bench.call("DELETE", "/api/v1/operators/acc_none", None).await.problem().0, 404);
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_and_the_chain_holds() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    bench.key(&account, "skykit").await;
    let page = bench.call("GET", "/api/v1/audit?limit=2", None).await.good();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest = bench
        .call("GET", &format!("/api/v1/audit?after={}", page["next"].as_str().unwrap()), None)
        .await
        .good();
    let last = rest["items"].as_array().unwrap().last().unwrap();
    assert_eq!(last["actor"], "acc_owner");
    assert!(last["action"].as_str().unwrap().starts_with("key."), "{last}");
    let chain = bench.call("GET", "/api/v1/audit/chain", None).await.good();
    assert_eq!((&chain["intact"], &chain["head"]), (&json!(true), &last["chain"]));
    assert_eq!(chain["entries"], last["number"]);
    let before = chain["entries"].clone();
    bench.call("GET", "/api/v1/accounts", None).await.good();
    bench.call("POST", "/api/v1/accounts", Some(json!({"name": "one"}))).await;
    assert_eq!(
        bench.call("GET", "/api/v1/audit/chain", None).await.good()["entries"],
        before,
        "nothing changed"
    );
}

#[tokio::test]
async fn dialects_say_what_they_bind() {
    let bench = Bench::new().await;
    let list = bench.call("GET", "/api/v1/dialects", None).await.good();
    let binding = |name: &str| {
        let mut items = list["items"].as_array().unwrap().iter();
        items.find(|item| item["name"] == name).unwrap()["binding"].clone()
    };
    assert_eq!(binding("operator"), "request");
    assert_eq!(binding("asymmetric-jwt"), "one-use");
    assert_eq!(binding("skykit"), "bearer");
    assert_eq!(binding("skillhive"), "part");
}

pub(super) fn session(id: &str, account: &str) -> Session {
    Session {
        id: id.into(),
        account: account.into(),
        identifier: "alice".into(),
        organisation: None,
        key: "key_none".into(),
        opened: Time::from_seconds(START),
        ends: Time::from_seconds(START + 86_400),
        iteration: "one".into(),
        rotated: Time::from_seconds(START),
        previous: None,
        ended: None,
        grant: None,
    }
}
