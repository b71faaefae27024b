//! The callers' OpenAPI document against a running server: each call well and badly, and every answer is what the document says.
use crate::fixture::{Answer, HOST, NOW, World, ed25519, send};
use crate::session::text;
use crate::token::{CLIENT_TYPE, assertion, possession, routes, world_of};
use countersign::base64::{Alphabet, encode, encode_hex};
use countersign::time::Time;
use countersign_keys::{Algorithm, KeyKind, PrivateKey, sha256};
use countersign_store::draft::NewCompanion;
use countersign_store::stamp::Stamp;
use countersign_testkit::described::Described;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;

const API_KEY: &str = "an-api-key-of-forty-three-characters-or-so";
/// What a proxy says of the caller, and nobody can read.
const UNREADABLE: &str = "X-Forwarded-For: \u{fc}\r\n";

/// A server, its own document, and which calls went well and badly.
struct Book {
    world: World,
    document: Described,
    seen: RefCell<BTreeMap<(String, String), [u32; 2]>>,
}

/// One request to be sent.
#[derive(Default)]
struct Sent<'a> {
    headers: &'a str,
    media: &'a str,
    body: &'a str,
    /// What the path has where the document has a name in braces, and the query.
    with: &'a [(&'a str, &'a str)],
    query: &'a str,
}

impl Book {
    fn operation(&self, method: &str, path: &str) -> &Value {
        let operation = &self.document.document()["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "the document has no {method} {path}");
        operation
    }

    /// Sends a call and holds the answer against the document.
    async fn call(&self, method: &str, path: &str, sent: Sent<'_>) -> Answer {
        let operation = self.operation(method, path);
        let mut place = path.to_owned();
        for (name, value) in sent.with {
            place = place.replace(&format!("{{{name}}}"), value);
        }
        let kind =
            if sent.media.is_empty() { String::new() } else { format!("Content-Type: {}\r\n", sent.media) };
        let request = format!(
            "{method} {place}{} HTTP/1.1\r\nHost: {HOST}\r\n{}{kind}Content-Length: {}\r\nConnection: close\r\n\r\n{}",
            sent.query,
            sent.headers,
            sent.body.len(),
            sent.body
        );
        let answer = send(self.world.address, request.as_bytes()).await;
        let what = format!("{method} {path}: {answer:?}");
        let described = &operation["responses"][answer.status.to_string()];
        assert!(described.is_object(), "the document has no {} of {what}", answer.status);
        let media = answer.header("content-type");
        let held = self.document.answers((method, &place), answer.status, media, &answer.body);
        held.unwrap_or_else(|wrong| panic!("{wrong}; {what}"));
        for header in ["countersign-reject", "Retry-After", "WWW-Authenticate", "DPoP-Nonce"] {
            if answer.header(header).is_some() {
                assert!(described["headers"][header].is_object(), "the document has no {header} of {what}");
            }
        }
        let mut seen = self.seen.borrow_mut();
        let counts = seen.entry((method.to_owned(), path.to_owned())).or_default();
        counts[usize::from(answer.status >= 400)] += 1;
        answer
    }

    /// A call that goes well; its body, if it is JSON or a form, is one that the document describes.
    async fn good(&self, method: &str, path: &str, sent: Sent<'_>) -> Answer {
        let asked = &self.operation(method, path)["requestBody"];
        if sent.body.is_empty() {
            assert_ne!(asked["required"], true, "{method} {path} wants a body");
        } else {
            let body = match sent.media {
                "application/json" => serde_json::from_str(sent.body).unwrap(),
                _ => form(sent.body),
            };
            let schema = &asked["content"][sent.media]["schema"];
            self.document
                .fits(&body, schema)
                .unwrap_or_else(|wrong| panic!("{method} {path}: {wrong} in {body}"));
        }
        let answer = self.call(method, path, sent).await;
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        answer
    }

    async fn refused(&self, method: &str, path: &str, status: u16, sent: Sent<'_>) {
        let answer = self.call(method, path, sent).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }

    /// A body without each of the members that it must have is refused.
    async fn each_is_required(&self, path: &str, headers: &str, body: &Value) {
        let schema = &self.operation("POST", path)["requestBody"]["content"]["application/json"]["schema"];
        let schema = self
            .document
            .document()
            .pointer(schema["$ref"].as_str().unwrap().trim_start_matches('#'))
            .unwrap();
        for name in schema["required"].as_array().unwrap() {
            let mut less = body.clone();
            less.as_object_mut().unwrap().remove(name.as_str().unwrap()).unwrap();
            self.refused("POST", path, 400, json_body(headers, &less.to_string())).await;
        }
    }

    /// The body that opens a session.
    async fn signed(&self, code_from: &str, asked: Value, headers: &str, key: &PrivateKey) -> Value {
        let asked_text = asked.to_string();
        let sent =
            if asked.is_null() { Sent { headers, ..Sent::default() } } else { json_body("", &asked_text) };
        let code = text(&self.good("POST", code_from, sent).await, "authCode");
        let signed = format!("{}{code}", asked["prefix"].as_str().unwrap_or_default());
        let mut body = json!({
            "authCode": code,
            "signature": encode_hex(&key.sign(Algorithm::Ed25519, signed.as_bytes()).unwrap()),
            "key": encode(Alphabet::Standard, &key.public_key().ed25519_bytes().unwrap()),
        });
        if let Some(user) = asked["userId"].as_str() {
            body["userId"] = user.into();
        }
        body
    }

    fn stamp(number: u8) -> Stamp {
        Stamp { now: Time::from_seconds(NOW), actor: "local".to_owned(), random: [number; 16] }
    }
}

fn json_body<'a>(headers: &'a str, body: &'a str) -> Sent<'a> {
    Sent { headers, media: "application/json", body, ..Sent::default() }
}

fn form_body<'a>(headers: &'a str, body: &'a str) -> Sent<'a> {
    Sent { headers, media: "application/x-www-form-urlencoded", body, ..Sent::default() }
}

fn with<'a>(headers: &'a str, with: &'a [(&'a str, &'a str)]) -> Sent<'a> {
    Sent { headers, with, ..Sent::default() }
}

/// A form as an object of texts.
fn form(body: &str) -> Value {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    Value::Object(pairs.map(|(name, value)| (name.to_owned(), value.replace("%3A", ":").into())).collect())
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[tokio::test]
async fn every_call_answers_as_the_document_says() {
    let config = routes("refresh_tokens = true\ndpop_nonces = true\n")
        .replace("\"token\",", "\"token\", \"session\",");
    let (world, client) = world_of(&config).await;
    let head = format!("GET /v1/auth/openapi.json HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    let shown = send(world.address, head.as_bytes()).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("application/json")));
    let head = head.replace("GET", "DELETE");
    assert_eq!(send(world.address, head.as_bytes()).await.status, 405);
    let document = Described::new(serde_json::from_str(&shown.body).unwrap());
    let book = Book { world, document, seen: RefCell::default() };
    let owner = sessions(&book).await;
    organisation(&book, &owner).await;
    tokens(&book, &client).await;
    explain(&book).await;
    for path in
        ["/.well-known/jwks.json", "/.well-known/http-message-signatures-directory", "/healthz", "/readyz"]
    {
        book.good("GET", path, Sent::default()).await;
    }
    let seen = book.seen.borrow().clone();
    for (path, calls) in book.document.document()["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let [good, bad] = seen.get(&(method.to_uppercase(), path.clone())).copied().unwrap_or_default();
            // What is there for everybody is refused to nobody.
            let open = call["tags"][0] == "published";
            assert!(good > 0 && (bad > 0 || open), "{method} {path}: {good} good, {bad} refused");
        }
    }
    drop(seen);
    book.world.running.shutdown().await;
}

/// Signing in, sessions and keys; the header of an access token of a user named nina.
async fn sessions(book: &Book) -> String {
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let asked = json!({ "userId": "nina", "prefix": "Sign in: " });
    let body = book.signed("/v1/auth/code", asked.clone(), "", &key).await;
    book.each_is_required("/v1/auth/code", "", &asked).await;
    book.each_is_required("/v1/auth/code-register", "", &asked).await;
    book.each_is_required("/v1/auth/token", "", &body).await;
    let pair = book.good("POST", "/v1/auth/token", json_body("", &body.to_string())).await;
    book.refused("POST", "/v1/auth/token", 401, json_body("", &body.to_string())).await;
    for (user, status) in [("nina", "true"), ("nobody/else", "false")] {
        let asked = book.good("GET", "/v1/auth/idexists/{userId}", with("", &[("userId", user)])).await;
        assert_eq!(asked.body, status);
    }
    book.refused("GET", "/v1/auth/idexists/{userId}", 400, with(UNREADABLE, &[("userId", "nina")])).await;
    let refresh = bearer(&text(&pair, "refreshToken"));
    let pair = book.good("POST", "/v1/auth/refresh", with(&refresh, &[])).await;
    let access = bearer(&text(&pair, "accessToken"));
    for (method, path) in [("GET", "/v1/auth/validtoken"), ("GET", "/v1/auth/keys")] {
        book.good(method, path, with(&access, &[])).await;
        book.refused(method, path, 401, Sent::default()).await;
    }
    book.refused("POST", "/v1/auth/keys/code", 401, Sent::default()).await;
    let second = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let body = book.signed("/v1/auth/keys/code", Value::Null, &access, &second).await;
    book.each_is_required("/v1/auth/keys", &access, &body).await;
    book.good("POST", "/v1/auth/keys", json_body(&access, &body.to_string())).await;
    book.refused("POST", "/v1/auth/keys", 401, json_body("", &body.to_string())).await;
    let app = book.world.running.app();
    let nina = app.directory.account_by_identifier("user-id", "nina").unwrap();
    let new = NewCompanion {
        account: nina.id,
        dialect: "spacetime".to_owned(),
        label: "program".to_owned(),
        digest: encode_hex(&sha256(&[API_KEY.as_bytes()])),
        bound: false,
        enabled: true,
    };
    app.registrar.add_companion(&Book::stamp(200), &new).await.unwrap();
    let by_key = format!("apikey: {API_KEY}\r\n");
    let single = book.good("POST", "/v1/auth/apikey", with(&by_key, &[])).await;
    book.refused("POST", "/v1/auth/apikey", 401, with("apikey: another\r\n", &[])).await;
    let single = bearer(&text(&single, "accessToken"));
    book.refused("POST", "/v1/auth/keys/code", 403, with(&single, &[])).await;
    book.good("POST", "/v1/auth/logout", with(&single, &[])).await;
    book.refused("POST", "/v1/auth/logout", 401, with(&single, &[])).await;
    book.refused("POST", "/v1/auth/refresh", 401, with(&access, &[])).await;
    access
}

async fn organisation(book: &Book, owner: &str) {
    for (method, path) in [
        ("GET", "/v1/subscription"),
        ("GET", "/v1/subscription/users"),
        ("POST", "/v1/subscription/invite"),
        ("POST", "/v1/subscription/leave"),
    ] {
        book.refused(method, path, 401, Sent::default()).await;
    }
    book.good("GET", "/v1/subscription", with(owner, &[])).await;
    book.refused("GET", "/v1/subscription/users", 409, with(owner, &[])).await;
    book.refused("POST", "/v1/subscription/leave", 409, with(owner, &[])).await;
    let app = book.world.running.app();
    let made = app.registrar.add_organisation(&Book::stamp(201), "acme").await.unwrap();
    let nina = app.directory.account_by_identifier("user-id", "nina").unwrap();
    app.registrar.add_member(&Book::stamp(202), &made.id, &nina.id, "OWNER").await.unwrap();
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let asked = json!({ "userId": "omar", "email": "omar@example.test" });
    let body = book.signed("/v1/auth/code-register", asked, "", &key).await;
    let pair = book.good("POST", "/v1/auth/token", json_body("", &body.to_string())).await;
    let other = bearer(&text(&pair, "accessToken"));
    let renaming = |query| Sent { headers: owner, query, ..Sent::default() };
    book.good("PUT", "/v1/subscription/name", renaming("?subscriptionName=acme-two")).await;
    book.refused("PUT", "/v1/subscription/name", 400, renaming("")).await;
    book.refused("PUT", "/v1/subscription/name", 400, renaming("?subscriptionName=")).await;
    book.good("POST", "/v1/subscription/invite", with(owner, &[])).await;
    book.refused("POST", "/v1/subscription/invite", 400, json_body(owner, r#"{"role":"KING"}"#)).await;
    let code =
        book.good("POST", "/v1/subscription/invite", json_body(owner, r#"{"role":"admin"}"#)).await.body;
    let join = "/v1/subscription/invite/{code}";
    book.refused("POST", join, 400, with(&other, &[("code", "none")])).await;
    let pair = book.good("POST", join, with(&other, &[("code", &code)])).await;
    let other = bearer(&text(&pair, "accessToken"));
    book.refused("POST", join, 400, with(&other, &[("code", &code)])).await;
    book.good("GET", "/v1/subscription/users", with(owner, &[])).await;
    let set = "/v1/subscription/setrole/{userId}";
    let role = |headers, query| Sent { headers, query, with: &[("userId", "omar")], ..Sent::default() };
    book.good("POST", set, role(owner, "?role=MEMBER")).await;
    book.refused("POST", set, 403, role(&other, "?role=OWNER")).await;
    book.refused("POST", set, 400, role(owner, "")).await;
    book.refused("POST", "/v1/subscription/leave", 409, with(owner, &[])).await;
    book.refused(
        "PUT",
        "/v1/subscription/name",
        403,
        Sent { query: "?subscriptionName=x", ..with(&other, &[]) },
    )
    .await;
    let remove = "/v1/subscription/remove/{userId}";
    book.refused("POST", remove, 404, with(owner, &[("userId", "nobody")])).await;
    book.good("POST", remove, with(owner, &[("userId", "omar")])).await;
    book.good("POST", "/v1/subscription/leave", with(owner, &[])).await;
}

async fn tokens(book: &Book, client: &PrivateKey) {
    let token = "/oauth2/token";
    let proof = || format!("client_assertion_type={CLIENT_TYPE}&client_assertion={}", assertion(client));
    let asked = format!("grant_type=client_credentials&{}", proof());
    let granted = book.good("POST", token, form_body("", &asked)).await;
    let access = text(&granted, "access_token");
    book.refused("POST", token, 400, form_body("", &asked)).await;
    book.refused("POST", token, 400, form_body("", "grant_type=password")).await;
    book.refused("POST", token, 400, json_body("", "{}")).await;
    book.refused("POST", token, 400, form_body("", &"a=1&".repeat(20_000))).await;
    let asked = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
        assertion(client)
    );
    let url = "https://auth.example.test/oauth2/token";
    let holder = ed25519();
    let dpop = |nonce| format!("DPoP: {}\r\n", possession(holder, "POST", url, None, nonce));
    let wanted = book.call("POST", token, form_body(&dpop(None), &asked)).await;
    assert_eq!((wanted.status, text(&wanted, "error").as_str()), (400, "use_dpop_nonce"));
    let nonce = wanted.header("dpop-nonce").unwrap();
    let bound = book.good("POST", token, form_body(&dpop(Some(nonce)), &asked)).await;
    assert_eq!(text(&bound, "token_type"), "DPoP");
    let nonce = bound.header("dpop-nonce").unwrap();
    let asked = format!("grant_type=refresh_token&refresh_token={}", text(&bound, "refresh_token"));
    let bound = book.good("POST", token, form_body(&dpop(Some(nonce)), &asked)).await;
    let about = |token: &str| format!("{}&token={token}", proof());
    for token in [&*access, &*text(&bound, "access_token"), &*text(&bound, "refresh_token"), "none"] {
        let status = book.good("POST", "/oauth2/introspect", form_body("", &about(token))).await;
        assert_eq!(status.body.contains("\"active\":true"), token != "none", "{status:?}");
    }
    book.refused("POST", "/oauth2/introspect", 401, form_body("", "token=x")).await;
    book.refused("POST", "/oauth2/introspect", 400, form_body("", &proof())).await;
    book.good("POST", "/oauth2/revoke", form_body("", &about(&access))).await;
    book.refused("POST", "/oauth2/revoke", 400, form_body("", "token=x")).await;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource"] {
        book.good("GET", path, Sent::default()).await;
        book.refused("GET", path, 400, with(UNREADABLE, &[])).await;
    }
}

async fn explain(book: &Book) {
    let described = |path: &str, proof: &str, body: &str| {
        let headers: Vec<(&str, &str)> = proof.lines().filter_map(|line| line.split_once(": ")).collect();
        let body = encode(Alphabet::Standard, body.as_bytes());
        let url = format!("http://{HOST}{path}");
        json!({ "method": "POST", "url": url, "headers": headers, "body_b64": body, "signed_b64": body })
            .to_string()
    };
    book.refused("POST", "/explain", 400, json_body("", "{}")).await;
    book.refused("POST", "/explain", 413, json_body("", &"x".repeat(2 * 1024 * 1024 + 1))).await;
    // A stranger, about a request whose signature does not hold; then about one that does.
    let proof = book.world.proof("skillhive", "POST", "/hive", b"signed");
    let changed = described("/hive", &proof, "sent");
    let told = book.good("POST", "/explain", json_body("", &changed)).await;
    assert!(told.body.contains("\"note\""), "{told:?}");
    let told = book.good("POST", "/explain", json_body("", &described("/hive", &proof, "signed"))).await;
    assert!(told.body.contains("\"verified\"") && told.body.contains("\"acting_as\""), "{told:?}");
    // The account itself, which proves another key of its own.
    let caller = book.world.running.app().directory.account_by_name("alice").unwrap();
    let caller = book.world.running.app().directory.caller(&caller.id).unwrap();
    let own = caller.keys.iter().find(|key| key.key().ed25519_bytes().is_some()).unwrap();
    let digest = encode_hex(&sha256(&[changed.as_bytes()]));
    let signed = format!("countersign explain 2\n{HOST}\n{}\n{NOW}\n{digest}", own.id);
    let signature = encode(Alphabet::Url, &ed25519().sign(Algorithm::Ed25519, signed.as_bytes()).unwrap());
    let headers = format!(
        "countersign-explain-key: {}\r\ncountersign-explain-time: {NOW}\r\ncountersign-explain-signature: {signature}\r\n",
        own.id
    );
    let told = book.good("POST", "/explain", json_body(&headers, &changed)).await;
    let told: Value = serde_json::from_str(&told.body).unwrap();
    assert!(told["expected"].is_object() && told["difference"].is_object(), "{told}");
    assert!(!told["causes"].as_array().unwrap().is_empty() && !told["steps"].as_array().unwrap().is_empty());
}
