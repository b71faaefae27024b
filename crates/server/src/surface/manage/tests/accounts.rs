//! Accounts, identifiers, delegations, users and connections, over the API.
use super::bench::Bench;
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn an_account_from_birth_to_end() {
    let bench = Bench::new().await;
    let new = json!({
        "name": "acme", "identifiers": [{"namespace": "email", "value": "a@acme.example"}],
        "paths": ["/reports"], "jwks_url": "https://acme.example/jwks.json",
    });
    let made = bench.call("POST", "/api/v1/accounts", Some(new)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    let path = format!("/api/v1/accounts/{}", made["id"].as_str().unwrap());
    assert_eq!(made["created"], "2027-01-15T08:00:00Z");
    assert_eq!(bench.call("GET", &path, None).await.good(), made);

    let changed = bench
        .call("PATCH", &path, Some(json!({"enabled": false, "paths": [], "jwks_url": null})))
        .await
        .good();
    assert_eq!(
        (&changed["enabled"], &changed["paths"], &changed["jwks_url"]),
        (&json!(false), &json!([]), &json!(null))
    );
    assert_eq!(changed["identifiers"], made["identifiers"], "what is left out stays");
    let same = bench.call("PATCH", &path, Some(json!({}))).await.good();
    assert_eq!(same, changed);

    bench.key(made["id"].as_str().unwrap(), "skykit").await;
    assert_eq!(bench.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.call("GET", &path, None).await.problem(), (404, "account-not-found".into()));
    assert_eq!(bench.call("DELETE", &path, None).await.problem(), (404, "account-not-found".into()));
    let registry = format!("{:?}", bench.app.directory.records());
    assert!(!registry.contains("acme"), "keys and identifiers go with the account");
}

#[tokio::test]
async fn what_an_account_cannot_be() {
    let bench = Bench::new().await;
    let email = json!([{"namespace": "email", "value": "a@acme.example"}]);
    bench.call("POST", "/api/v1/accounts", Some(json!({"name": "acme", "identifiers": email}))).await.good();
    let tries = [
        (json!({"name": "acme"}), 409, "name-taken"),
        (json!({"name": "other", "identifiers": email}), 409, "identifier-taken"),
        (json!({"name": ""}), 422, "invalid-name"),
        (json!({"name": "x", "organisation": "org_none"}), 404, "organisation-not-found"),
        (json!({"name": "x", "acts_as": ["nobody"]}), 404, "user-not-found"),
        (json!({"name": "x", "paths": ["reports"]}), 422, "invalid-path"),
        (json!({"name": "x", "identifiers": [{"namespace": "", "value": "v"}]}), 422, "invalid-identifier"),
        (json!({"name": "x", "colour": "red"}), 422, "unknown-member"),
        (json!({"name": "x", "role": "owner"}), 422, "unknown-member"),
        (json!({"name": 7}), 422, "invalid-value"),
        (json!({}), 422, "missing-member"),
    ];
    for (body, status, code) in tries {
        let answer = bench.call("POST", "/api/v1/accounts", Some(body.clone())).await;
        assert_eq!(answer.problem(), (status, code.into()), "{body}: {}", answer.text);
    }
    let nested = json!({"name": "x", "identifiers": [{"namespace": "email", "value": "v", "more": 1}]});
    let answer = bench.call("POST", "/api/v1/accounts", Some(nested)).await.json();
    assert_eq!(answer["at"], "identifiers[0].more");
}

#[tokio::test]
async fn lists_come_in_pages_and_can_be_searched() {
    let bench = Bench::new().await;
    for name in ["red-one", "red-two", "blue"] {
        bench.account(name).await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/accounts?limit=2".to_owned();
    loop {
        let page = bench.call("GET", &path, None).await.good();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/accounts?limit=2&after={next}");
    }
    seen.sort();
    assert_eq!(seen, ["auditor", "blue", "manager", "owner", "red-one", "red-two", "stranger"]);
    let found = bench.call("GET", "/api/v1/accounts?search=RED-", None).await.good();
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
    let by_identifier = bench.call("GET", "/api/v1/accounts?search=acc_man", None).await.good();
    assert_eq!(by_identifier["items"][0]["name"], "manager");
    for bad in ["limit=0", "limit=201", "limit=many", "colour=red", "limit=1&limit=2"] {
        let answer = bench.call("GET", &format!("/api/v1/accounts?{bad}"), None).await;
        assert_eq!(answer.problem(), (400, "bad-query".into()), "{bad}");
    }
}

#[tokio::test]
async fn identifiers_come_and_go() {
    let bench = Bench::new().await;
    let (one, other) = (bench.account("one").await, bench.account("other").await);
    let path = |account: &str| format!("/api/v1/accounts/{account}/identifiers");
    let identifier = json!({"namespace": "site", "value": "54344"});
    let with = bench.call("POST", &path(&one), Some(identifier.clone())).await.good();
    assert_eq!(with["identifiers"], json!([identifier]));
    let taken = bench.call("POST", &path(&other), Some(identifier.clone())).await;
    assert_eq!(taken.problem(), (409, "identifier-taken".into()));
    assert!(!taken.text.contains(&one));
    let which = "?namespace=site&value=54344";
    let without = bench.call("DELETE", &format!("{}{which}", path(&one)), None).await.good();
    assert_eq!(without["identifiers"], json!([]));
    let gone = bench.call("DELETE", &format!("{}{which}", path(&one)), None).await;
    assert_eq!(gone.problem(), (404, "identifier-not-found".into()));
    bench.call("POST", &path(&other), Some(identifier)).await.good();
}

#[tokio::test]
async fn users_and_delegations() {
    let bench = Bench::new().await;
    let account = bench.account("one").await;
    let path = format!("/api/v1/accounts/{account}/acts-as");
    let unknown = bench.call("POST", &path, Some(json!({"user": "Zoë"}))).await;
    assert_eq!(unknown.problem(), (404, "user-not-found".into()));
    bench.call("POST", "/api/v1/users", Some(json!({"name": "Zoë"}))).await.good();
    let twice = bench.call("POST", "/api/v1/users", Some(json!({"name": "Zoë"}))).await;
    assert_eq!(twice.problem().0, 409);
    let may = bench.call("POST", &path, Some(json!({"user": "Zoë"}))).await.good();
    assert_eq!(may["acts_as"], json!(["Zoë"]));
    let user = "/api/v1/users/Zo%C3%AB";
    assert_eq!(bench.call("PATCH", user, Some(json!({"enabled": false}))).await.good()["enabled"], false);
    assert_eq!(bench.call("GET", user, None).await.good()["enabled"], false);
    assert_eq!(bench.call("GET", "/api/v1/users", None).await.good()["items"].as_array().unwrap().len(), 1);
    let not = bench.call("DELETE", &format!("{path}?user=Zo%C3%AB"), None).await.good();
    assert_eq!(not["acts_as"], json!([]));
    assert_eq!(bench.call("DELETE", &format!("{path}?user=Zo%C3%AB"), None).await.problem().0, 404);
    bench.call("DELETE", user, None).await.good();
    assert_eq!(bench.call("GET", user, None).await.problem(), (404, "user-not-found".into()));
}

#[tokio::test]
async fn connections_show_their_digests() {
    let bench = Bench::new().await;
    let account = bench.account("shop").await;
    bench.account("no connection").await;
    let identifiers = format!("/api/v1/accounts/{account}/identifiers");
    bench.call("POST", &identifiers, Some(json!({"namespace": "connection", "value": "c-1"}))).await.good();
    let rsa = countersign_keys::PrivateKey::generate(countersign_keys::KeyKind::Rsa, 2048).unwrap();
    let key = json!({
        "public": rsa.public_key().to_pem(), "dialects": ["skillhive"], "algorithms": ["RSA-SHA1", "RS256"],
    });
    bench.call("POST", &format!("/api/v1/accounts/{account}/keys"), Some(key)).await.good();
    let list = bench.call("GET", "/api/v1/connections", None).await.good();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["connections"], json!(["c-1"]));
    assert_eq!(list["items"][0]["keys"][0]["sha1"], true);
}

#[tokio::test]
async fn a_key_set_over_plain_http_is_refused_wherever_its_address_comes_in() {
    let bench = Bench::new().await;
    let account = bench.account("acme").await;
    let url = "http://acme.example/jwks.json";
    let document = json!({"document": {"accounts": [{"name": "b", "jwks_url": url}]}});
    for (method, path, body) in [
        ("POST", "/api/v1/accounts".to_owned(), json!({"name": "b", "jwks_url": url})),
        ("POST", "/api/v1/accounts".to_owned(), json!({"name": "b", "jwks_url": "HTTP://acme.example/"})),
        ("PATCH", format!("/api/v1/accounts/{account}"), json!({"jwks_url": url})),
        ("POST", "/api/v1/apply".to_owned(), document),
    ] {
        let answer = bench.call(method, &path, Some(body)).await;
        assert_eq!(answer.problem(), (422, "insecure-url".into()), "{path}: {}", answer.text);
        assert!(answer.text.contains("[jwks] allow_http"), "{}", answer.text);
    }
    assert!(bench.app.directory.account_by_name("b").is_none());
}
