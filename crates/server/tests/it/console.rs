//! The console over TCP: signing in and out, and everything that somebody with one good key might try.
use crate::fixture::{Answer, NOW, ROUTES, World, ed25519, p256, rsa, send, start};
use countersign::base64::{Alphabet, encode};
use countersign::time::Span;
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use countersign_server::config::listener::Surface;
use countersign_testkit::described::Described;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::OnceLock;

pub(crate) const OWN: &str = "countersign-console: 1\r\n";

/// The usual routes, and a listener with the console and the management API, and one with the console alone.
pub(crate) fn routes() -> String {
    let both = "[[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"manage\", \"console\"]\n";
    let alone = "[[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"console\"]\n";
    ROUTES.replace("trusted_proxies = [\"127.0.0.1\"]", "") + both + alone
}

pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) address: SocketAddr,
}

impl Site {
    async fn new() -> Self {
        Self::with(&routes()).await
    }

    pub(crate) async fn with(text: &str) -> Self {
        let world = World::with(text).await;
        let address = world.running.address(Surface::Manage).unwrap();
        Self { world, address }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, lines: &str, body: &Value) -> Answer {
        call(self.address, method, path, lines, body).await
    }

    /// The id under which an account has a key.
    pub(crate) fn key_of(&self, account: &str, key: &PrivateKey) -> String {
        let directory = &self.world.running.app().directory;
        let account = directory.account_by_name(account).unwrap();
        let keys = directory.keys_of(&account.id);
        keys.into_iter().find(|row| row.spki == key.public_key().spki_der()).unwrap().id
    }

    pub(crate) fn account(&self, name: &str) -> String {
        self.world.running.app().directory.account_by_name(name).unwrap().id
    }

    pub(crate) async fn sign_in(&self, who: &str, key_id: &str, key: &PrivateKey) -> Answer {
        let proof = proof(self.address, who, key_id, key).await;
        self.call("POST", "/console/api/v1/sign-in", OWN, &proof).await
    }

    /// The lines of a fresh session: what the page keeps, and the cookie, which comes last.
    pub(crate) async fn session(&self, who: &str, key: &PrivateKey) -> String {
        let answer = self.sign_in(who, &self.key_of(who, key), key).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        cookie(&answer)
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.call("GET", path, &format!("{OWN}{cookie}"), &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, cookie: &str, body: Value) -> Answer {
        self.call("POST", path, &format!("{OWN}{cookie}"), &body).await
    }
}

pub(crate) async fn call(address: SocketAddr, method: &str, path: &str, lines: &str, body: &Value) -> Answer {
    let host = if lines.starts_with("Host:") { String::new() } else { format!("Host: {address}\r\n") };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let head = format!("{method} {path} HTTP/1.1\r\n{host}{lines}{kind}Content-Length: {}\r\n", body.len());
    let answer = send(address, format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await;
    held(method, path, &answer);
    answer
}

/// Holds an answer against the documents of the console and the management API, where a listener has both.
fn held(method: &str, path: &str, answer: &Answer) {
    if answer.body.contains("\"not-found\"") {
        return;
    }
    static DOCUMENTS: OnceLock<Vec<Described>> = OnceLock::new();
    let documents = DOCUMENTS.get_or_init(|| {
        let all = countersign_server::apis::documents().unwrap().into_iter();
        let own = all.filter(|(name, _)| *name != "callers");
        own.map(|(_, text)| Described::new(serde_json::from_str(&text).unwrap())).collect()
    });
    for document in documents {
        let media = answer.header("content-type");
        let held = document.answers((method, path), answer.status, media, &answer.body);
        held.unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

pub(crate) fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

pub(crate) fn code(answer: &Answer) -> (u16, String) {
    (answer.status, json_of(answer)["code"].as_str().unwrap_or_default().to_owned())
}

pub(crate) fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("{answer:?}"));
    let page = json_of(answer)["page"].as_str().unwrap().to_owned();
    format!("countersign-console-page: {page}\r\nCookie: {}\r\n", set.split(';').next().unwrap())
}

pub(crate) fn signed(key: &PrivateKey, text: &str) -> String {
    let algorithm = match key.kind() {
        KeyKind::Ed25519 => Algorithm::Ed25519,
        KeyKind::P256 => Algorithm::EcdsaP256Sha256,
        _ => Algorithm::RsaSha256,
    };
    encode(Alphabet::Url, &key.sign(algorithm, text.as_bytes()).unwrap())
}

pub(crate) async fn challenge(address: SocketAddr, who: &str) -> Value {
    let asked = call(address, "POST", "/console/api/v1/challenge", OWN, &json!({ "identifier": who })).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    json_of(&asked)
}

pub(crate) async fn proof(address: SocketAddr, who: &str, key_id: &str, key: &PrivateKey) -> Value {
    let asked = challenge(address, who).await;
    let text = asked["text"].as_str().unwrap();
    json!({ "challenge": asked["challenge"], "key": key_id, "signature": signed(key, text) })
}

pub(crate) fn possession(site: &Site, account: &str, key: &PrivateKey) -> Value {
    let time = NOW;
    let print = key.fingerprints().spki_sha256_hex.clone();
    let text = format!("countersign key possession 1\n{}\n{print}\n{time}", site.account(account));
    json!({ "time": time, "signature": signed(key, &text) })
}

#[tokio::test]
async fn every_kind_of_key_signs_in_and_is_told_who_it_is() {
    let site = Site::new().await;
    for (who, key, manage) in [("alice", rsa(), false), ("alice", ed25519(), false), ("olga", p256(), true)] {
        let cookie = site.session(who, key).await;
        let me = json_of(&site.get("/console/api/v1/me", &cookie).await);
        assert_eq!(me["account"]["name"], who);
        assert_eq!(me["key"], site.key_of(who, key));
        assert_eq!(me["manage"], manage);
        assert_eq!(me["server"]["origin"], format!("http://{}", site.address));
    }
    let answer = site.sign_in("email:alice@email", &rsa().fingerprints().spki_sha256_hex, rsa()).await;
    assert_eq!(
        json_of(&answer)["account"]["name"],
        "alice",
        "the key stands under two accounts; the name decides"
    );
    let answer = site.sign_in("bob", &rsa().fingerprints().openssh, rsa()).await;
    assert_eq!(json_of(&answer)["account"]["name"], "bob");
    // A public key is no name: reading one takes longer than anything else that a stranger can ask for.
    assert_eq!(site.sign_in("bob", &rsa().public_key().to_pem(), rsa()).await.status, 401);
}

#[tokio::test]
async fn the_cookie_and_every_answer_are_guarded() {
    let site = Site::new().await;
    let answer = site.sign_in("olga", &site.key_of("olga", p256()), p256()).await;
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with(&format!("countersign-{}=console-", site.address.port())), "{set}");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain"));
    let cookie = cookie(&answer);
    for (path, kept) in [
        ("/console/", "no-cache"),
        ("/console/none", "no-store"),
        ("/console", "no-store"),
        ("/console/api/v1/me", "no-store"),
        ("/console/api/v1/openapi.json", "no-store"),
    ] {
        let answer = site.get(path, &cookie).await;
        assert!(
            answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("cache-control"), Some(kept), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}

#[tokio::test]
async fn strangers_wrong_keys_disabled_keys_and_bad_signatures_get_one_answer() {
    let site = Site::new().await;
    let nobody = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let own = site.key_of("alice", ed25519());
    let mut answers = vec![
        site.sign_in("nobody-here", &nobody.fingerprints().spki_sha256_hex, &nobody).await,
        site.sign_in("alice", "key_none", ed25519()).await,
        site.sign_in("alice", &own, &nobody).await,
        // Somebody else's name with a good key of one's own.
        site.sign_in("olga", &own, ed25519()).await,
        site.sign_in("alice", &site.key_of("olga", p256()), p256()).await,
    ];
    let mut cut = proof(site.address, "alice", &own, ed25519()).await;
    cut["signature"] = json!("AAAA");
    answers.push(site.call("POST", "/console/api/v1/sign-in", OWN, &cut).await);
    let mut forged = proof(site.address, "alice", &own, ed25519()).await;
    forged["challenge"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    answers.push(site.call("POST", "/console/api/v1/sign-in", OWN, &forged).await);
    let cookie = site.session("alice", ed25519()).await;
    assert_eq!(
        site.post(&format!("/console/api/v1/keys/{own}/disable"), &cookie, Value::Null).await.status,
        200
    );
    answers.push(site.sign_in("alice", &own, ed25519()).await);
    for answer in &answers {
        assert_eq!(code(answer), (401, "refused".to_owned()));
        assert_eq!(answer.body, answers[0].body);
        assert_eq!(answer.header("set-cookie"), None);
    }
    let known = challenge(site.address, "alice").await;
    let unknown = challenge(site.address, "nobody-here").await;
    assert_eq!(known["challenge"].as_str().unwrap().len(), unknown["challenge"].as_str().unwrap().len());
}

#[tokio::test]
async fn a_challenge_is_answered_once_on_whichever_node_and_for_this_site_alone() {
    let site = Site::new().await;
    let text = routes().replace("UPSTREAM", &format!("http://{}", site.world.echo.address()));
    let other = start(&text, site.world.store.clone(), &site.world.store, &site.world.clock).await;
    let there = other.address(Surface::Manage).unwrap();
    let own = site.key_of("alice", ed25519());
    let good = proof(site.address, "alice", &own, ed25519()).await;
    // The other node has another address, so this was signed for another site.
    assert_eq!(call(there, "POST", "/console/api/v1/sign-in", OWN, &good).await.status, 401);
    assert_eq!(site.call("POST", "/console/api/v1/sign-in", OWN, &good).await.status, 200);
    let again = site.call("POST", "/console/api/v1/sign-in", OWN, &good).await;
    assert_eq!(code(&again), (401, "replayed".to_owned()));
    // A challenge of one node is answered at the other, once.
    let asked = challenge(site.address, "alice").await;
    let text =
        format!("countersign console sign-in 1\nhttp://{there}\n{}", asked["challenge"].as_str().unwrap());
    let good = json!({ "challenge": asked["challenge"], "key": own, "signature": signed(ed25519(), &text) });
    let answer = call(there, "POST", "/console/api/v1/sign-in", OWN, &good).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(call(there, "POST", "/console/api/v1/sign-in", OWN, &good).await.status, 401);
    let late = proof(site.address, "alice", &own, ed25519()).await;
    site.world.clock.advance(Span::from_seconds(301));
    assert_eq!(site.call("POST", "/console/api/v1/sign-in", OWN, &late).await.status, 401);
}

#[tokio::test]
async fn hosts_that_are_not_ours_are_signed_for_by_nobody() {
    let site = Site::new().await;
    for host in ["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1:8701"] {
        let lines = format!("Host: {host}\r\n{OWN}");
        let answer =
            site.call("POST", "/console/api/v1/challenge", &lines, &json!({"identifier": "alice"})).await;
        assert_eq!(code(&answer), (421, "wrong-authority".to_owned()), "{host}");
    }
    let lines = format!("X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n{OWN}");
    let answer =
        site.call("POST", "/console/api/v1/challenge", &lines, &json!({"identifier": "alice"})).await;
    let text = json_of(&answer)["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with(&format!("countersign console sign-in 1\nhttp://{}\n", site.address)), "{text}");
}

#[tokio::test]
async fn other_sites_cannot_use_the_cookie_nor_sign_anybody_in() {
    let site = Site::new().await;
    let cookie = site.session("olga", p256()).await;
    let good = proof(site.address, "alice", &site.key_of("alice", ed25519()), ed25519()).await;
    let port = site.address.port();
    for lines in [
        String::new(),
        format!("{OWN}Origin: http://evil.example\r\n"),
        format!("{OWN}Origin: null\r\n"),
        // The next port of the same machine is the same site to cookies.
        format!("{OWN}Origin: http://127.0.0.1:{}\r\n", port + 1),
        format!("{OWN}Sec-Fetch-Site: same-site\r\n"),
        format!("{OWN}Sec-Fetch-Site: cross-site\r\n"),
        format!("{OWN}{OWN}"),
    ] {
        let signing_in = site.call("POST", "/console/api/v1/sign-in", &lines, &good).await;
        assert_eq!(code(&signing_in), (403, "other-site".to_owned()), "{lines}");
        let lines = format!("{lines}{cookie}");
        for (method, path, body) in [
            ("POST", "/console/api/v1/sign-out", Value::Null),
            ("GET", "/console/api/v1/me", Value::Null),
            ("GET", "/api/v1/accounts", Value::Null),
            ("POST", "/api/v1/accounts", json!({ "name": "made-by-another-site" })),
        ] {
            let answer = site.call(method, path, &lines, &body).await;
            assert_eq!(code(&answer), (403, "other-site".to_owned()), "{path} {lines}");
        }
    }
    let lines = format!("{OWN}Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n{cookie}", site.address);
    assert_eq!(site.call("GET", "/console/api/v1/me", &lines, &Value::Null).await.status, 200);
    // A cookie that another server of the same host put beside ours makes neither count.
    let two = cookie.trim_end().to_owned() + &format!("; countersign-{port}=console-x.y\r\n");
    assert_eq!(site.get("/console/api/v1/me", &two).await.status, 401);
    // Cookies reach every port of a host: whoever took one there has no session without what the page keeps, or with another's.
    let (page, taken) = cookie.split_at(cookie.find("Cookie:").unwrap());
    let other = site.session("alice", ed25519()).await;
    let others = other.split_at(other.find("Cookie:").unwrap()).0;
    for lines in [
        taken.to_owned(),
        format!("{others}{taken}"),
        format!("{page}{page}{taken}"),
        page.to_owned(),
        format!("countersign-console-page: \r\n{taken}"),
    ] {
        for path in ["/console/api/v1/me", "/api/v1/accounts"] {
            assert_eq!(site.get(path, &lines).await.status, 401, "{path} {lines}");
        }
    }
    // The session is of one origin: not of another listener's.
    let alone = site.world.running.addresses().last().unwrap().address;
    let (page, value) = cookie.split_once(&format!("countersign-{port}=")).unwrap();
    let moved = format!("{page}countersign-{}={value}", alone.port());
    let answer = call(alone, "GET", "/console/api/v1/me", &format!("{OWN}{moved}"), &Value::Null).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[tokio::test]
async fn sessions_begin_anew_and_end_everywhere_at_once() {
    let site = Site::new().await;
    let text = routes().replace("UPSTREAM", &format!("http://{}", site.world.echo.address()));
    let first = site.session("alice", ed25519()).await;
    // Fixation: signing in over a session that was there ends it and makes another.
    let good = proof(site.address, "alice", &site.key_of("alice", ed25519()), ed25519()).await;
    let answer = site.call("POST", "/console/api/v1/sign-in", &format!("{OWN}{first}"), &good).await;
    let second = cookie(&answer);
    assert_ne!(first, second);
    assert_eq!(site.get("/console/api/v1/me", &first).await.status, 401);
    assert_eq!(site.get("/console/api/v1/me", &second).await.status, 200);
    let out = site.post("/console/api/v1/sign-out", &second, Value::Null).await;
    assert_eq!(out.status, 204, "{out:?}");
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(site.get("/console/api/v1/me", &second).await.status, 401);
    // Idle, and too old.
    let idle = site.session("alice", ed25519()).await;
    site.world.clock.advance(Span::from_seconds(1799));
    assert_eq!(site.get("/console/api/v1/me", &idle).await.status, 200);
    site.world.clock.advance(Span::from_seconds(1799));
    assert_eq!(site.get("/console/api/v1/me", &idle).await.status, 200);
    site.world.clock.advance(Span::from_seconds(1800));
    assert_eq!(site.get("/console/api/v1/me", &idle).await.status, 401);
    let old = site.session("alice", ed25519()).await;
    for _ in 0..25 {
        assert_eq!(site.get("/console/api/v1/me", &old).await.status, 200);
        site.world.clock.advance(Span::from_seconds(1750));
    }
    assert_eq!(site.get("/console/api/v1/me", &old).await.status, 401);
    // Another key of the account ends this one, and with it the session.
    let by_one = site.session("alice", ed25519()).await;
    let by_other = site.session("alice", rsa()).await;
    let path = format!("/console/api/v1/keys/{}/revoke", site.key_of("alice", ed25519()));
    assert_eq!(site.post(&path, &by_other, Value::Null).await.status, 200);
    assert_eq!(site.get("/console/api/v1/me", &by_one).await.status, 401);
    let other = start(&text, site.world.store.clone(), &site.world.store, &site.world.clock).await;
    drop(other);
}

#[tokio::test]
async fn nothing_of_another_account_is_there() {
    let site = Site::new().await;
    let alice = site.session("alice", ed25519()).await;
    let bob = site.session("bob", ed25519()).await;
    let theirs = site.key_of("bob", rsa());
    for (method, path, body) in [
        ("POST", format!("/console/api/v1/keys/{theirs}/revoke"), Value::Null),
        ("POST", format!("/console/api/v1/keys/{theirs}/disable"), Value::Null),
        ("POST", format!("/console/api/v1/keys/{theirs}/enable"), Value::Null),
        ("PATCH", format!("/console/api/v1/keys/{theirs}"), json!({ "label": "mine" })),
    ] {
        let answer = site.call(method, &path, &format!("{OWN}{alice}"), &body).await;
        let none = path.replace(&theirs, "key_none");
        let none = site.call(method, &none, &format!("{OWN}{alice}"), &body).await;
        assert_eq!((answer.status, &answer.body), (404, &none.body), "{path}");
    }
    let sessions = json_of(&site.get("/console/api/v1/sessions", &bob).await);
    let id = sessions["items"][0]["id"].as_str().unwrap();
    let path = format!("/console/api/v1/sessions/{id}/end");
    assert_eq!(site.post(&path, &alice, Value::Null).await.status, 404);
    assert_eq!(site.post(&path, &bob, Value::Null).await.status, 204);
    assert_eq!(site.get("/console/api/v1/me", &bob).await.status, 401);
    let audit = json_of(&site.get("/console/api/v1/audit", &alice).await).to_string();
    assert!(!audit.contains(&site.account("bob")) && !audit.contains(&theirs), "{audit}");
    let keys = json_of(&site.get("/console/api/v1/keys", &alice).await);
    let own = site.account("alice");
    assert!(keys["items"].as_array().unwrap().iter().all(|key| key["account"] == own));
}

#[tokio::test]
async fn an_owner_of_keys_is_no_operator() {
    let site = Site::new().await;
    let alice = site.session("alice", ed25519()).await;
    for (method, path) in
        [("GET", "/api/v1/accounts"), ("GET", "/api/v1/audit"), ("POST", "/api/v1/accounts")]
    {
        let answer = site.call(method, path, &format!("{OWN}{alice}"), &json!({ "name": "x" })).await;
        assert_eq!(code(&answer), (403, "not-an-operator".to_owned()), "{path}");
    }
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let new = json!({ "public": key.public_key().to_pem(), "label": "up", "dialects": ["operator"],
        "possession": possession(&site, "alice", &key) });
    let answer = site.post("/console/api/v1/keys", &alice, new).await;
    assert_eq!(code(&answer), (403, "role-too-low".to_owned()));
    // An operator's session manages, and the log names the operator.
    let olga = site.session("olga", p256()).await;
    let made = site.post("/api/v1/accounts", &olga, json!({ "name": "made" })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let audit = json_of(&site.get("/api/v1/audit?limit=200", &olga).await);
    let last = audit["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (last["action"].as_str(), last["actor"].as_str()),
        (Some("account.add"), Some(&*site.account("olga")))
    );
    // On a listener without the management API, nobody manages.
    let alone = site.world.running.addresses().last().unwrap().address;
    let answer = call(alone, "GET", "/api/v1/accounts", &format!("{OWN}{olga}"), &Value::Null).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn an_operators_other_key_does_not_manage() {
    let site = Site::new().await;
    let olga = site.session("olga", p256()).await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let new = json!({ "public": key.public_key().to_pem(), "label": "calls", "dialects": ["asymmetric-jwt"],
        "possession": possession(&site, "olga", &key) });
    let made = site.post("/console/api/v1/keys", &olga, new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let weak = site.sign_in("olga", json_of(&made)["id"].as_str().unwrap(), &key).await;
    let weak = cookie(&weak);
    assert_eq!(json_of(&site.get("/console/api/v1/me", &weak).await)["manage"], false);
    assert_eq!(site.get("/api/v1/accounts", &weak).await.status, 403);
    let path = format!("/console/api/v1/keys/{}/revoke", site.key_of("olga", p256()));
    assert_eq!(code(&site.post(&path, &weak, Value::Null).await), (403, "role-too-low".to_owned()));
}

#[tokio::test]
async fn a_key_is_registered_with_a_proof_no_wider_and_rotated_by_itself() {
    let site = Site::new().await;
    let olga = site.session("olga", p256()).await;
    let first = site.key_of("alice", ed25519());
    let limits = json!({ "methods": ["GET"], "paths": ["/reports"], "networks": ["127.0.0.0/8"] });
    let narrowed =
        site.call("PUT", &format!("/api/v1/keys/{first}/limits"), &format!("{OWN}{olga}"), &limits).await;
    assert_eq!(narrowed.status, 200, "{narrowed:?}");
    let alice = site.session("alice", ed25519()).await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let public = key.public_key().to_pem();
    let unproved = json!({ "public": public, "label": "new", "possession": possession(&site, "bob", &key) });
    let answer = site.post("/console/api/v1/keys", &alice, unproved).await;
    assert_eq!(code(&answer), (422, "bad-possession".to_owned()));
    let new = json!({ "public": public, "label": "new", "possession": possession(&site, "alice", &key) });
    let made = json_of(&site.post("/console/api/v1/keys", &alice, new).await);
    assert_eq!(made["limits"], limits, "{made}");
    assert_eq!(made["dialects"], json!(["asymmetric-jwt"]));
    let next = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let rotation = json!({ "overlap": "7d", "new": { "public": next.public_key().to_pem(), "label": "next",
        "possession": possession(&site, "alice", &next) } });
    let other = format!("/console/api/v1/keys/{}/rotate", made["id"].as_str().unwrap());
    assert_eq!(
        code(&site.post(&other, &alice, rotation.clone()).await),
        (422, "old-proof-missing".to_owned())
    );
    let rotated = site.post(&format!("/console/api/v1/keys/{first}/rotate"), &alice, rotation).await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let rotated = json_of(&rotated);
    assert_eq!(rotated["key"]["limits"], limits);
    assert_eq!(rotated["retiring"]["state"], "retiring");
    // What an operator switched off, its owner does not switch on.
    let id = made["id"].as_str().unwrap();
    assert_eq!(site.post(&format!("/api/v1/keys/{id}/disable"), &olga, Value::Null).await.status, 200);
    let answer = site.post(&format!("/console/api/v1/keys/{id}/enable"), &alice, Value::Null).await;
    assert_eq!(code(&answer), (403, "not-the-owners".to_owned()));
    // Nor does its owner put another in its place, though a key for recovery says so.
    let put_away = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let path = format!("/api/v1/accounts/{}/keys", site.account("alice"));
    let recovery = json!({ "public": put_away.public_key().to_pem(), "label": "safe", "dialects": ["asymmetric-jwt"], "recovery": true });
    let recovery = json_of(&site.post(&path, &olga, recovery).await)["key"]["id"].clone();
    let heir = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let print = heir.public_key().fingerprints().spki_sha256_hex;
    let text = format!("countersign key rotation 1\n{}\n{id}\n{print}\n{NOW}", site.account("alice"));
    let signature = encode(Alphabet::Url, &put_away.sign(Algorithm::Ed25519, text.as_bytes()).unwrap());
    let rotation = json!({ "overlap": "7d", "old_proof": { "key": recovery, "time": NOW, "signature": signature },
        "new": { "public": heir.public_key().to_pem(), "possession": possession(&site, "alice", &heir) } });
    let rotate =
        async || site.post(&format!("/console/api/v1/keys/{id}/rotate"), &alice, rotation.clone()).await;
    assert_eq!(code(&rotate().await), (403, "not-the-owners".to_owned()));
    // What its owner switched off itself is its owner's to replace.
    assert_eq!(site.post(&format!("/api/v1/keys/{id}/activate"), &olga, Value::Null).await.status, 200);
    assert_eq!(
        site.post(&format!("/console/api/v1/keys/{id}/disable"), &alice, Value::Null).await.status,
        200
    );
    let answer = rotate().await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn questions_about_own_requests_are_bounded() {
    let site = Site::new().await;
    let alice = site.session("alice", ed25519()).await;
    let asked = json!({ "method": "GET", "url": format!("http://{}/", crate::fixture::HOST),
        "headers": [["Authorization", "Bearer a.b.c"]] });
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(site.post("/console/api/v1/explain", &alice, asked.clone()).await.status);
    }
    assert!(answers[..10].iter().all(|status| *status == 200) && answers.contains(&429), "{answers:?}");
}

#[tokio::test]
async fn a_link_works_once_and_lives_in_no_address_that_is_sent() {
    let site = Site::new().await;
    let olga = site.session("olga", p256()).await;
    let path = format!("/api/v1/accounts/{}/sign-in-link", site.account("bob"));
    let made = site.post(&path, &olga, Value::Null).await;
    assert_eq!(made.status, 201, "{made:?}");
    let url = json_of(&made)["url"].as_str().unwrap().to_owned();
    let token = url.split_once("/console/#/link/").unwrap().1;
    let body = json!({ "token": token });
    let answer = site.call("POST", "/console/api/v1/link", OWN, &body).await;
    assert_eq!(json_of(&answer)["account"]["name"], "bob", "{answer:?}");
    let bob = cookie(&answer);
    let me = json_of(&site.get("/console/api/v1/me", &bob).await);
    assert_eq!((&me["key"], &me["manage"]), (&Value::Null, &json!(false)));
    assert_eq!(site.call("POST", "/console/api/v1/link", OWN, &body).await.status, 401);
    let late = json_of(&site.post(&path, &olga, Value::Null).await)["url"].as_str().unwrap().to_owned();
    site.world.clock.advance(Span::from_seconds(1801));
    let late = json!({ "token": late.split_once("/link/").unwrap().1 });
    assert_eq!(site.call("POST", "/console/api/v1/link", OWN, &late).await.status, 401);
    // A link that a key asked for ends with the key.
    let own = site.key_of("alice", ed25519());
    let asked = proof(site.address, "alice", &own, ed25519()).await;
    let asked = site.call("POST", "/console/api/v1/sign-in-link", OWN, &asked).await;
    let url = json_of(&asked)["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("http://{}/console/#/link/", site.address)), "{url}");
    let alice = site.session("alice", rsa()).await;
    assert_eq!(
        site.post(&format!("/console/api/v1/keys/{own}/disable"), &alice, Value::Null).await.status,
        200
    );
    let token = json!({ "token": url.split_once("/link/").unwrap().1 });
    assert_eq!(site.call("POST", "/console/api/v1/link", OWN, &token).await.status, 401);
}

#[tokio::test]
async fn the_cookie_goes_to_no_upstream() {
    let site = Site::new().await;
    let cookie = site.session("alice", ed25519()).await;
    let value = cookie.split_once("Cookie: ").unwrap().1.trim_end();
    let seen = site.world.get("/x", &format!("Cookie: a=1; {value}; b=2\r\n")).await;
    assert_eq!(seen.seen_header("cookie"), ["a=1; b=2"]);
    let seen = site.world.get("/x", &cookie).await;
    assert!(seen.seen_header("cookie").is_empty());
}

#[tokio::test]
async fn what_was_judged_is_told_to_operators_and_all_keys_are_listed() {
    let site = Site::new().await;
    assert_eq!(site.world.get("/x?secret=1", "").await.status, 200);
    assert_eq!(site.world.send("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.status, 401);
    let olga = site.session("olga", p256()).await;
    let told = json_of(&site.get("/api/v1/statistics?minutes=5", &olga).await);
    let point = told["points"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&point["verified"], &point["absent"]), (&json!(1), &json!(1)), "{told}");
    assert_eq!(told["points"].as_array().unwrap().len(), 5);
    assert_eq!(told["dialects"][0]["dialect"], "skykit");
    assert_eq!(told["algorithms"][0]["count"], 1);
    let seen = json_of(&site.get("/api/v1/verdicts", &olga).await);
    let items = seen["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["account"], &items[0]["path"]),
        (2, &json!("alice"), &json!("/x")),
        "{seen}"
    );
    let path = format!("/api/v1/verdicts?after={}", seen["cursor"]);
    assert_eq!(json_of(&site.get(&path, &olga).await)["items"], json!([]));
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = json_of(&site.get(&format!("/api/v1/keys?limit=2{after}"), &olga).await);
        all.extend(
            page["items"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6, "an account with three keys, one with two and one with one");
    let rsa = json_of(&site.get("/api/v1/keys?algorithm=rsa&dialect=skykit", &olga).await);
    assert_eq!(rsa["items"].as_array().unwrap().len(), 2);
    assert_eq!(json_of(&site.get("/api/v1/keys?state=revoked", &olga).await)["items"], json!([]));
}

#[tokio::test]
async fn a_managers_link_does_not_manage_when_its_account_rises() {
    let site = Site::new().await;
    let olga = site.session("olga", p256()).await;
    let post = async |path: &str, body: Value| {
        let answer = site.post(path, &olga, body).await;
        assert!(matches!(answer.status, 200..=204), "{path} {answer:?}");
        json_of(&answer)
    };
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let new = json!({ "name": "mona", "role": "manager", "public": key.public_key().to_pem() });
    let made = post("/api/v1/operators", new).await;
    let id = made["key"]["id"].as_str().unwrap().to_owned();
    let mona = cookie(&site.sign_in("mona", &id, &key).await);
    // For an operator's account a manager makes none; for bob's it does.
    let path = format!("/api/v1/accounts/{}/sign-in-link", site.account("olga"));
    assert_eq!(code(&site.post(&path, &mona, Value::Null).await), (403, "role-too-low".to_owned()));
    let path = format!("/api/v1/accounts/{}/sign-in-link", site.account("bob"));
    let url = json_of(&site.post(&path, &mona, Value::Null).await)["url"].as_str().unwrap().to_owned();
    let token = json!({ "token": url.split_once("/link/").unwrap().1 });
    let bob = cookie(&site.call("POST", "/console/api/v1/link", OWN, &token).await);
    let path = format!("/api/v1/operators/{}", site.account("bob"));
    let risen = site.call("PUT", &path, &format!("{OWN}{olga}"), &json!({ "role": "owner" })).await;
    assert_eq!(risen.status, 200, "{risen:?}");
    assert_eq!(json_of(&site.get("/console/api/v1/me", &bob).await)["manage"], false);
    assert_eq!(site.get("/api/v1/accounts", &bob).await.status, 403);
}
