//! What each role may do, tried on every call that the OpenAPI document lists.
use super::bench::{Bench, START};
use super::operations;
use crate::surface::manage::moment::Moment;
use axum::http::StatusCode;
use countersign::time::Time;
use serde_json::json;

/// Calls that only an owner makes.
const OWNERS: [&str; 2] = ["/api/v1/operators", "/api/v1/signing-keys"];

#[tokio::test]
async fn every_call_asks_for_the_right_role() {
    let bench = Bench::new().await;
    for (method, path, operation) in operations(&bench).await {
        if operation["security"] == json!([{}]) || operation["security"] == json!([]) {
            continue;
        }
        let place = path.replace("{account}", "acc_none").replace(['{', '}'], "");
        let body = operation.get("requestBody").map(|_| json!({}));
        let low = |answer: super::bench::Answer| answer.problem() == (403, "role-too-low".into());
        let reading = method == "GET";
        let owners = !reading && OWNERS.iter().any(|prefix| path.starts_with(prefix));

        let auditor = bench.call_as(&bench.auditor, &method, &place, body.clone()).await;
        assert_eq!(low(auditor), !reading, "auditor: {method} {path}");
        let manager = bench.call_as(&bench.manager, &method, &place, body.clone()).await;
        assert_eq!(low(manager), owners, "manager: {method} {path}");
        let stranger = bench.call_as(&bench.stranger, &method, &place, body.clone()).await;
        assert_eq!(stranger.problem(), (403, "not-an-operator".into()), "{method} {path}");
        let owner = bench.call_as(&bench.owner, &method, &place, body).await;
        assert!(!low(owner), "owner: {method} {path}");
    }
}

#[tokio::test]
async fn a_manager_cannot_climb() {
    let bench = Bench::new().await;
    let key = countersign_keys::PrivateKey::generate(countersign_keys::KeyKind::Ed25519, 256).unwrap();
    let register = json!({"public": key.public_key().to_pem(), "dialects": ["operator"]});
    let tries = [
        ("POST", "/api/v1/accounts/acc_owner/keys", Some(register.clone())),
        (
            "POST",
            "/api/v1/accounts/acc_owner/keys/key_owner/rotate",
            Some(json!({"new": {"public": key.public_key().to_pem()}, "overlap": "1d"})),
        ),
        ("PATCH", "/api/v1/accounts/acc_owner", Some(json!({"enabled": false}))),
        ("DELETE", "/api/v1/accounts/acc_owner", None),
        ("POST", "/api/v1/keys/key_owner/revoke", None),
        ("POST", "/api/v1/keys/key_owner/retire", Some(json!({"overlap": "1d"}))),
        ("PUT", "/api/v1/keys/key_owner/limits", Some(json!({"methods": ["GET"]}))),
        ("POST", "/api/v1/accounts/acc_owner/identifiers", Some(json!({"namespace": "user", "value": "x"}))),
        (
            "POST",
            "/api/v1/accounts/acc_owner/companions",
            Some(json!({"dialect": "partner-key", "label": "x"})),
        ),
        (
            "POST",
            "/api/v1/accounts/acc_stranger/identifiers",
            Some(json!({"namespace": "operator", "value": "x"})),
        ),
        ("PATCH", "/api/v1/accounts/acc_manager", Some(json!({"enabled": false}))),
        ("PATCH", "/api/v1/keys/key_owner", Some(json!({"dialects": ["skykit"]}))),
        ("POST", "/api/v1/keys/key_owner/disable", None),
        ("POST", "/api/v1/keys/key_owner/activate", None),
        ("DELETE", "/api/v1/accounts/acc_owner/identifiers?namespace=operator&value=acc_owner", None),
        ("POST", "/api/v1/accounts/acc_owner/acts-as", Some(json!({"user": "x"}))),
        ("DELETE", "/api/v1/accounts/acc_owner/acts-as?user=x", None),
        (
            "POST",
            "/api/v1/accounts",
            Some(json!({"name": "x", "identifiers": [{"namespace": "operator", "value": "x"}]})),
        ),
        ("POST", "/api/v1/operators", Some(json!({"name": "x", "role": "owner", "public": "x"}))),
    ];
    for (method, path, body) in tries {
        let answer = bench.call_as(&bench.manager, method, path, body).await;
        assert_eq!(answer.problem(), (403, "role-too-low".into()), "{method} {path}: {}", answer.text);
    }
    let own =
        bench.call_as(&bench.manager, "POST", "/api/v1/accounts/acc_manager/keys", Some(register)).await;
    assert_eq!(own.status, StatusCode::CREATED, "an operator looks after its own keys: {}", own.text);
}

#[tokio::test]
async fn a_role_taken_away_counts_at_once() {
    let bench = Bench::new().await;
    bench.call_as(&bench.manager, "GET", "/api/v1/whoami", None).await.good();
    bench.call("DELETE", "/api/v1/operators/acc_manager", None).await.good();
    let answer = bench.call_as(&bench.manager, "GET", "/api/v1/whoami", None).await;
    assert_eq!(answer.problem(), (403, "not-an-operator".into()));
}

/// So many days and an hour after the start.
fn day(days: i64) -> Moment {
    Moment(Time::from_seconds(START + days * 86_400 + 3600))
}

#[tokio::test]
async fn there_is_always_an_owner() {
    let bench = Bench::new().await;
    let tries = [
        ("DELETE", "/api/v1/operators/acc_owner", None),
        ("PUT", "/api/v1/operators/acc_owner", Some(json!({"role": "manager"}))),
        ("PATCH", "/api/v1/accounts/acc_owner", Some(json!({"enabled": false}))),
        ("DELETE", "/api/v1/accounts/acc_owner", None),
        ("POST", "/api/v1/keys/key_owner/revoke", None),
        ("POST", "/api/v1/keys/key_owner/disable", None),
        ("POST", "/api/v1/keys/key_owner/retire", Some(json!({"overlap": "1h"}))),
        ("PATCH", "/api/v1/keys/key_owner", Some(json!({"expires": day(6)}))),
    ];
    for (method, path, body) in &tries {
        let answer = bench.call(method, path, body.clone()).await;
        assert_eq!(answer.problem(), (409, "last-owner".into()), "{method} {path}: {}", answer.text);
    }
    // An end that leaves time to notice is one; from there on it may come no nearer.
    for (days, status) in [(30, 200), (8, 200), (6, 409), (0, 409), (9, 200)] {
        let change = json!({"expires": day(days)});
        let answer = bench.call("PATCH", "/api/v1/keys/key_owner", Some(change)).await;
        assert_eq!(answer.status.as_u16(), status, "{days}: {}", answer.text);
    }
    bench.call("PUT", "/api/v1/operators/acc_manager", Some(json!({"role": "owner"}))).await.good();
    bench.call("DELETE", "/api/v1/operators/acc_owner", None).await.good();
}

#[tokio::test]
async fn what_hangs_on_an_operator_is_an_owners_too() {
    let bench = Bench::new().await;
    let companion = json!({"dialect": "partner-key", "label": "x"});
    let made = bench.call("POST", "/api/v1/accounts/acc_owner/companions", Some(companion)).await.good();
    let companion = format!("/api/v1/companions/{}", made["companion"]["id"].as_str().unwrap());
    let made = bench.call("POST", "/api/v1/organisations", Some(json!({"name": "acme"}))).await.good();
    let member = format!("/api/v1/organisations/{}/members/acc_owner", made["id"].as_str().unwrap());
    bench.call("PUT", &member, Some(json!({"role": "MEMBER"}))).await.good();
    for (method, path, body) in [
        ("POST", format!("{companion}/disable"), None),
        ("POST", format!("{companion}/enable"), None),
        ("DELETE", companion.clone(), None),
        ("PUT", member.clone(), Some(json!({"role": "ADMIN"}))),
        ("DELETE", member.clone(), None),
    ] {
        let answer = bench.call_as(&bench.manager, method, &path, body).await;
        assert_eq!(answer.problem(), (403, "role-too-low".into()), "{method} {path}: {}", answer.text);
    }
    bench.call("DELETE", &companion, None).await.good();
    bench.call("DELETE", &member, None).await.good();
}
