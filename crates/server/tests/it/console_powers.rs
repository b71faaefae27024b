//! What a session of the console may do, tried by somebody who has one and wants more.
use crate::console::{OWN, Site, code, cookie, json_of, possession, routes, signed};
use crate::fixture::{Answer, NOW, ed25519, p256, rsa, send};
use countersign_keys::{KeyKind, PrivateKey};
use serde_json::{Value, json};

/// A console, and the session of its owner, who may everything.
struct Try {
    site: Site,
    olga: String,
}

impl Try {
    async fn new() -> Self {
        Self::with(&routes()).await
    }

    async fn with(text: &str) -> Self {
        let site = Site::with(text).await;
        let olga = site.session("olga", p256()).await;
        Self { site, olga }
    }

    /// A call of the management API by the owner, which must hold.
    async fn manage(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.site.call(method, path, &format!("{OWN}{}", self.olga), &body).await;
        assert!(matches!(answer.status, 200..=204), "{method} {path} {answer:?}");
        if answer.body.is_empty() { Value::Null } else { json_of(&answer) }
    }

    async fn on_key(&self, session: &str, key: &str, verb: &str) -> Answer {
        self.site.post(&format!("/console/api/v1/keys/{key}/{verb}"), session, Value::Null).await
    }

    /// Registers a new key in a session; gives its id and the pair.
    async fn registered(&self, session: &str, who: &str, dialect: &str) -> (String, PrivateKey) {
        let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
        let new = json!({ "public": key.public_key().to_pem(), "dialects": [dialect],
            "possession": possession(&self.site, who, &key) });
        let made = self.site.post("/console/api/v1/keys", session, new).await;
        assert_eq!(made.status, 201, "{made:?}");
        (json_of(&made)["id"].as_str().unwrap().to_owned(), key)
    }

    /// A new manager's account, key and session.
    async fn manager(&self) -> (String, String, String) {
        let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
        let new = json!({ "name": "mona", "role": "manager", "public": key.public_key().to_pem() });
        let made = self.manage("POST", "/api/v1/operators", new).await;
        let id = |part: &str| made[part]["id"].as_str().unwrap().to_owned();
        let session = cookie(&self.site.sign_in("mona", &id("key"), &key).await);
        (id("account"), id("key"), session)
    }

    /// The answer to a link that an operator made just now.
    async fn by_link_of(&self, operator: &str, who: &str) -> Answer {
        self.followed(&self.link_of(operator, who).await).await
    }

    async fn link_of(&self, operator: &str, who: &str) -> Value {
        let path = format!("/api/v1/accounts/{}/sign-in-link", self.site.account(who));
        let made = json_of(&self.site.post(&path, operator, Value::Null).await);
        json!({ "token": made["url"].as_str().unwrap().split_once("/link/").unwrap().1 })
    }

    async fn followed(&self, token: &Value) -> Answer {
        self.site.call("POST", "/console/api/v1/link", OWN, token).await
    }

    async fn is_in(&self, session: &str) -> bool {
        self.site.get("/console/api/v1/me", session).await.status == 200
    }
}

#[tokio::test]
async fn a_key_that_waits_for_approval_is_not_approved_by_switching_it_off_and_on() {
    let own = Try::new().await;
    let made = own.manage("POST", "/api/v1/organisations", json!({ "name": "acme", "approval": true })).await;
    let path = format!(
        "/api/v1/organisations/{}/members/{}",
        made["id"].as_str().unwrap(),
        own.site.account("alice")
    );
    own.manage("PUT", &path, json!({ "role": "MEMBER" })).await;
    let alice = own.site.session("alice", ed25519()).await;
    let (id, key) = own.registered(&alice, "alice", "asymmetric-jwt").await;
    assert_eq!(code(&own.on_key(&alice, &id, "enable").await).1, "not-the-owners");
    assert_eq!(code(&own.on_key(&alice, &id, "disable").await), (409, "key-state".to_owned()));
    assert_eq!(code(&own.on_key(&alice, &id, "enable").await).1, "not-the-owners");
    assert_eq!(own.manage("GET", &format!("/api/v1/keys/{id}"), Value::Null).await["state"], "pending");
    assert_eq!(own.site.sign_in("alice", &id, &key).await.status, 401);
    // It may be withdrawn.
    assert_eq!(own.on_key(&alice, &id, "revoke").await.status, 200);
}

#[tokio::test]
async fn what_an_operator_switched_off_too_stays_off() {
    let own = Try::new().await;
    let alice = own.site.session("alice", rsa()).await;
    let id = own.site.key_of("alice", ed25519());
    // Whoever stole a key switches it off first, so that the operator finds nothing to do.
    assert_eq!(own.on_key(&alice, &id, "disable").await.status, 200);
    own.manage("POST", &format!("/api/v1/keys/{id}/disable"), Value::Null).await;
    assert_eq!(code(&own.on_key(&alice, &id, "enable").await), (403, "not-the-owners".to_owned()));
    // Nor does its owner get the last word by switching off what is off.
    assert_eq!(own.on_key(&alice, &id, "disable").await.status, 200);
    assert_eq!(code(&own.on_key(&alice, &id, "enable").await), (403, "not-the-owners".to_owned()));
    own.manage("POST", &format!("/api/v1/keys/{id}/activate"), Value::Null).await;
    assert_eq!(own.on_key(&alice, &id, "disable").await.status, 200);
    assert_eq!(own.on_key(&alice, &id, "enable").await.status, 200);
}

#[tokio::test]
async fn sessions_and_links_of_an_operator_end_with_its_role_and_with_its_key() {
    for ending in ["role", "account", "key"] {
        let own = Try::new().await;
        let (account, key, mona) = own.manager().await;
        let followed = own.by_link_of(&mona, "bob").await;
        let bob = cookie(&followed);
        let kept = own.link_of(&mona, "bob").await;
        assert!(own.is_in(&bob).await, "{followed:?}");
        match ending {
            "role" => own.manage("DELETE", &format!("/api/v1/operators/{account}"), Value::Null).await,
            "account" => {
                let path = format!("/api/v1/accounts/{account}");
                own.manage("PATCH", &path, json!({ "enabled": false })).await
            }
            _ => own.manage("POST", &format!("/api/v1/keys/{key}/revoke"), Value::Null).await,
        };
        assert!(!own.is_in(&bob).await, "{ending}");
        assert_eq!(own.followed(&kept).await.status, 401, "{ending}");
        // A link of somebody who still counts is one.
        assert!(own.is_in(&cookie(&own.by_link_of(&own.olga, "bob").await)).await);
    }
}

#[tokio::test]
async fn a_narrowed_key_changes_no_wider_one() {
    let own = Try::new().await;
    let narrow = json!({ "methods": ["GET"], "paths": ["/api/v1/statistics"] });
    for (who, wide) in [("olga", p256()), ("alice", rsa())] {
        let dialect = if who == "olga" { "operator" } else { "asymmetric-jwt" };
        let wide = own.site.key_of(who, wide);
        let session = if who == "olga" { own.olga.clone() } else { own.site.session(who, rsa()).await };
        let (id, key) = own.registered(&session, who, dialect).await;
        own.manage("PUT", &format!("/api/v1/keys/{id}/limits"), narrow.clone()).await;
        let session = cookie(&own.site.sign_in(who, &id, &key).await);
        for verb in ["disable", "enable", "revoke"] {
            let answer = own.on_key(&session, &wide, verb).await;
            assert_eq!(code(&answer), (403, "key-too-narrow".to_owned()), "{who} {verb}");
        }
        let path = format!("/console/api/v1/keys/{wide}");
        let answer =
            own.site.call("PATCH", &path, &format!("{OWN}{session}"), &json!({ "label": "x" })).await;
        assert_eq!(code(&answer), (403, "key-too-narrow".to_owned()), "{who}");
        // What the other key itself vouches for is no matter of the session.
        let rotation = json!({ "overlap": "0s", "new": { "public": key.public_key().to_pem(), "possession": possession(&own.site, who, &key) } });
        let answer = own.site.post(&format!("{path}/rotate"), &session, rotation).await;
        assert_eq!(code(&answer).1, "old-proof-missing", "{who}");
        // It looks after itself, and after what it registered.
        let (other, _) = own.registered(&session, who, dialect).await;
        assert_eq!(own.on_key(&session, &other, "revoke").await.status, 200);
        assert_eq!(own.on_key(&session, &id, "revoke").await.status, 200);
    }
}

#[tokio::test]
async fn a_new_key_keeps_the_algorithms_of_the_one_that_is_signed_in_with() {
    let own = Try::new().await;
    let id = own.site.key_of("alice", rsa());
    own.manage("PATCH", &format!("/api/v1/keys/{id}"), json!({ "algorithms": ["RS512"] })).await;
    let alice = own.site.session("alice", rsa()).await;
    let key = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
    let new =
        json!({ "public": key.public_key().to_pem(), "possession": possession(&own.site, "alice", &key) });
    let made = own.site.post("/console/api/v1/keys", &alice, new).await;
    assert_eq!(json_of(&made)["algorithms"], json!(["RS512"]), "{made:?}");
    let (id, _) = own.registered(&alice, "alice", "asymmetric-jwt").await;
    let made = own.manage("GET", &format!("/api/v1/keys/{id}"), Value::Null).await;
    assert_eq!(made["algorithms"], json!([]), "another kind has other algorithms");
}

#[tokio::test]
async fn no_key_is_registered_for_a_route_of_somebody_else() {
    let hidden = "[[route]]\nname = \"hidden\"\npath = \"/hidden\"\ndialects = [\"partner-key\"]\nadmit = [\"bob\"]\n\
                  upstream = \"UPSTREAM\"\n";
    let own = Try::with(&(routes() + hidden)).await;
    let answers = ["alice", "bob"].map(|who| {
        let own = &own;
        async move {
            let session = own.site.session(who, ed25519()).await;
            let key = PrivateKey::generate(KeyKind::Rsa, 2048).unwrap();
            let new = json!({ "public": key.public_key().to_pem(), "dialects": ["partner-key"],
                "possession": possession(&own.site, who, &key) });
            own.site.post("/console/api/v1/keys", &session, new).await
        }
    });
    let [alice, bob] = answers;
    assert_eq!(code(&alice.await), (422, "dialect-not-taken".to_owned()));
    let bob = bob.await;
    assert_eq!(bob.status, 201, "{bob:?}");
}

#[tokio::test]
async fn an_account_does_not_learn_which_operator_it_was() {
    let own = Try::new().await;
    let olga = own.site.account("olga");
    let bob = cookie(&own.by_link_of(&own.olga, "bob").await);
    let sessions = own.site.get("/console/api/v1/sessions", &bob).await;
    let id = json_of(&sessions)["items"][0]["id"].as_str().unwrap().to_owned();
    let other = own.site.session("bob", ed25519()).await;
    let ended = own.site.post(&format!("/console/api/v1/sessions/{id}/end"), &other, Value::Null).await;
    assert_eq!(ended.status, 204, "{ended:?}");
    let audit = own.site.get("/console/api/v1/audit", &other).await;
    let refused = own.site.get("/console/api/v1/me", &bob).await;
    for answer in [sessions, ended, audit, refused] {
        assert!(!answer.body.contains(&olga), "{answer:?}");
    }
    let told = own.manage("GET", "/api/v1/audit?limit=200", Value::Null).await.to_string();
    assert!(told.contains(&format!("link of {olga}")), "operators learn it: {told}");
}

#[tokio::test]
async fn a_rotation_by_another_key_wants_that_keys_own_word() {
    let own = Try::new().await;
    let id = own.site.key_of("alice", rsa());
    let thief = own.site.session("alice", ed25519()).await;
    let next = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let print = next.fingerprints().spki_sha256_hex.clone();
    let account = own.site.account("alice");
    let text = |key: &str| format!("countersign key rotation 1\n{account}\n{key}\n{print}\n{NOW}");
    let mine = own.site.key_of("alice", ed25519());
    // The wrong key, the wrong key said to be another, a word over another rotation, and one that is no word on this at all.
    for proof in [
        json!({ "time": NOW, "signature": signed(ed25519(), &text(&id)) }),
        json!({ "key": mine, "time": NOW, "signature": signed(ed25519(), &text(&id)) }),
        json!({ "time": NOW, "signature": signed(rsa(), &text(&mine)) }),
        json!({ "time": NOW, "signature": signed(rsa(), &format!("countersign console sign-in 1\n{print}\n{NOW}")) }),
    ] {
        let rotation = json!({ "overlap": "0s", "old_proof": proof,
            "new": { "public": next.public_key().to_pem(), "possession": possession(&own.site, "alice", &next) } });
        let path = format!("/console/api/v1/keys/{id}/rotate");
        let answer = own.site.post(&path, &thief, rotation).await;
        assert_eq!(code(&answer), (422, "bad-rotation-proof".to_owned()));
    }
}

#[tokio::test]
async fn a_session_has_no_more_requests_than_its_account() {
    let own = Try::with(&(routes() + "[limits]\nrequests_per_account = 1\n")).await;
    for path in ["/console/api/v1/me", "/api/v1/accounts"] {
        let mut last = own.site.get(path, &own.olga).await;
        for _ in 0..200 {
            if last.status == 429 {
                break;
            }
            last = own.site.get(path, &own.olga).await;
        }
        assert_eq!(last.status, 429, "{path} {last:?}");
    }
    let alice = own.site.session("alice", ed25519()).await;
    assert!(own.is_in(&alice).await, "the others go on");
}

#[tokio::test]
async fn what_an_operator_did_for_others_is_told_where_it_may_manage() {
    let own = Try::new().await;
    own.manage("POST", "/api/v1/accounts", json!({ "name": "secret-customer" })).await;
    let (id, key) = own.registered(&own.olga, "olga", "asymmetric-jwt").await;
    let weak = cookie(&own.site.sign_in("olga", &id, &key).await);
    let seen = own.site.get("/console/api/v1/audit", &weak).await;
    assert!(seen.body.contains(&id) && !seen.body.contains("secret-customer"), "{seen:?}");
    let seen = own.site.get("/console/api/v1/audit", &own.olga).await;
    assert!(seen.body.contains("secret-customer"), "{seen:?}");
}

#[tokio::test]
async fn pages_and_calls_have_one_address_each() {
    let own = Try::new().await;
    for path in [
        "/console/../Cargo.toml",
        "/console/%2e%2e/Cargo.toml",
        "/console//main.js",
        "/console/./main.js",
        "/console/lib/..%2fmain.js",
        "/console/main.js%00",
        "/console/MAIN.JS",
        "/console/api/v1/keys/",
        "/console/api/v1/keys/../me",
        "/console/api/v2/me",
        "/console/explain",
    ] {
        let answer = own.site.get(path, &own.olga).await;
        assert!(matches!(answer.status, 400 | 404 | 405), "{path} {answer:?}");
    }
    for (method, path) in
        [("OPTIONS", "/console/api/v1/me"), ("OPTIONS", "/api/v1/accounts"), ("POST", "/console/")]
    {
        let lines = "Origin: http://evil.example\r\nAccess-Control-Request-Method: GET\r\n\
                     Access-Control-Request-Headers: countersign-console\r\n";
        let answer = own.site.call(method, path, lines, &Value::Null).await;
        assert!(answer.status >= 400, "{answer:?}");
        assert!(!answer.head.to_lowercase().contains("access-control-allow"), "{answer:?}");
    }
    // A form of another site sends no JSON, and this is no JSON either.
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let body = r#"{"name":"made-by-a-form"}"#;
        let head = format!(
            "POST /api/v1/accounts HTTP/1.1\r\nHost: {}\r\n{OWN}{}Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            own.site.address,
            own.olga,
            body.len()
        );
        let answer = send(own.site.address, head.as_bytes()).await;
        assert_eq!(answer.status, 415, "{kind} {answer:?}");
    }
}

#[tokio::test]
async fn a_manager_gives_nobody_a_key_for_the_day_on_which_it_becomes_an_operator() {
    let own = Try::new().await;
    let (_, _, mona) = own.manager().await;
    let bob = own.site.account("bob");
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let public = key.public_key().to_pem();
    let (keys, other) = (format!("/api/v1/accounts/{bob}/keys"), own.site.key_of("bob", ed25519()));
    let wanted = ["operator"];
    for (method, path, body) in [
        ("POST", keys.clone(), json!({ "public": public, "dialects": wanted })),
        (
            "POST",
            format!("{keys}/{other}/rotate"),
            json!({ "overlap": "1d", "new": { "public": public, "dialects": wanted } }),
        ),
        ("PATCH", format!("/api/v1/keys/{other}"), json!({ "dialects": ["asymmetric-jwt", "operator"] })),
        (
            "POST",
            "/api/v1/apply".to_owned(),
            json!({ "document": { "account": [{ "name": "bob", "key": [{ "label": "k", "public": public, "dialects": wanted }] }] } }),
        ),
    ] {
        let answer = own.site.call(method, &path, &format!("{OWN}{mona}"), &body).await;
        assert_eq!(code(&answer), (403, "role-too-low".to_owned()), "{path}");
    }
    own.manage("POST", &keys, json!({ "public": public, "dialects": wanted })).await;
}

#[tokio::test]
async fn an_owner_narrows_a_key_and_never_widens_it() {
    let own = Try::new().await;
    let alice = own.site.session("alice", rsa()).await;
    let (id, _) = own.registered(&alice, "alice", "asymmetric-jwt").await;
    let path = format!("/console/api/v1/keys/{id}/limits");
    let narrow = async |session: &str, body: Value| {
        own.site.call("PUT", &path, &format!("{OWN}{session}"), &body).await
    };
    let made = narrow(
        &alice,
        json!({ "paths": ["/a"], "networks": ["127.0.0.0/8"], "expires": "2100-01-01T00:00:00Z" }),
    )
    .await;
    assert_eq!(made.status, 200, "{made:?}");
    let limits = json_of(&made)["limits"].clone();
    assert_eq!(limits, json!({ "methods": [], "paths": ["/a"], "networks": ["127.0.0.0/8"] }));
    for wider in [
        json!({ "paths": [] }),
        json!({ "paths": ["/ab"] }),
        json!({ "networks": ["127.0.0.0/7"] }),
        json!({ "dialects": ["asymmetric-jwt", "skykit"] }),
        json!({ "expires": "2100-01-01T00:00:01Z" }),
        // One part that is narrower takes none along that is wider.
        json!({ "methods": ["GET"], "paths": ["/"] }),
    ] {
        let answer = narrow(&alice, wider.clone()).await;
        assert!(
            [(403, "wider-than-before"), (422, "invalid-network")]
                .contains(&(code(&answer).0, code(&answer).1.as_str())),
            "{wider}: {answer:?}"
        );
    }
    let shown = own.manage("GET", &format!("/api/v1/keys/{id}"), Value::Null).await;
    assert_eq!(shown["limits"], limits, "nothing of what was refused was written");
    // What was another account's is not there, and a narrower session changes no wider key.
    let bob = own.site.session("bob", ed25519()).await;
    assert_eq!(narrow(&bob, json!({ "methods": ["GET"] })).await.status, 404);
    own.manage("PUT", &format!("/api/v1/keys/{id}/limits"), json!({})).await;
    assert_eq!(narrow(&alice, json!({ "methods": ["GET"] })).await.status, 200);
}
