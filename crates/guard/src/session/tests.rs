//! The session API driven whole, in process, over the store in memory.
use super::challenges::Stateless;
use super::settings::{Rate, SessionSettings};
use super::{SessionApi, SessionParts};
use crate::clock::{FrozenClock, SeededEntropy};
use crate::guard::{Guard, Verdict};
use crate::policy::Policy;
use crate::signing::{SigningKey, SigningKeys};
use bytes::Bytes;
use countersign::base64::{Alphabet, decode, encode, encode_hex};
use countersign::dialect::settings::Settings;
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::{Span, Time};
use countersign_keys::{Algorithm, KeyKind, MacKey, PrivateKey, sha256};
use countersign_store::draft::{Narrowing, NewAccount, NewCompanion, NewKey};
use countersign_store::fault::Fault;
use countersign_store::memory::MemoryStore;
use countersign_store::model::Identifier;
use countersign_store::registrar::Registrar;
use countersign_store::registry::Answer as Later;
use countersign_store::sessions::Sessions;
use countersign_store::stamp::Stamp;
use http::{HeaderMap, HeaderValue, Request, Response};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

mod membership;
mod registration;

const START: i64 = 1_700_000_000;

/// An installation with alice (two accounts never share a key) and whatever a test adds.
struct Bench {
    api: Arc<SessionApi>,
    guard: Arc<Guard>,
    registrar: Arc<Registrar>,
    clock: Arc<FrozenClock>,
    codes: Arc<MemoryStore>,
    stamps: AtomicU8,
}

struct Tokens {
    access: String,
    refresh: String,
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::Ed25519, 256).unwrap()
}

fn shown(key: &PrivateKey) -> String {
    encode(Alphabet::Standard, &key.public_key().ed25519_bytes().unwrap())
}

fn sign(key: &PrivateKey, text: &str) -> String {
    encode_hex(&key.sign(Algorithm::Ed25519, text.as_bytes()).unwrap())
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or(Value::Null)
}

/// A part of a token.
fn part(token: &str, number: usize) -> String {
    let mut bytes = Vec::new();
    decode(Alphabet::Url, token.split('.').nth(number).unwrap().as_bytes(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

impl Bench {
    async fn new() -> Self {
        Self::with(SessionSettings::default()).await
    }

    async fn with(settings: SessionSettings) -> Self {
        let store = Arc::new(MemoryStore::default());
        Self::over(settings, store.clone(), store).await
    }

    async fn over(settings: SessionSettings, store: Arc<MemoryStore>, sessions: Arc<dyn Sessions>) -> Self {
        let registrar = Arc::new(Registrar::open(store.clone(), sessions.clone()).await.unwrap());
        let clock = Arc::new(FrozenClock::at(Time::from_seconds(START)));
        let kid = "5d3cbd45-dcfb-4f28-9c0e-3f7a8e1f0a11".to_owned();
        let signer = PrivateKey::generate(KeyKind::P256, 256).unwrap();
        let signing = Arc::new(
            SigningKeys::new(vec![SigningKey { kid, key: Arc::new(signer), retired: None }]).unwrap(),
        );
        let guard = Guard::new(registrar.directory().clone(), store, sessions, clock.clone())
            .with_remembered(Arc::new(countersign_keys::Remembered::new([9; 32], 64)));
        let guard = Arc::new(guard.with_signing(signing.clone()));
        let codes = Arc::new(MemoryStore::default());
        let parts = SessionParts {
            guard: guard.clone(),
            registrar: registrar.clone(),
            signing,
            challenges: Arc::new(Stateless::new(MacKey::new(&[3; 32]))),
            once: codes.clone(),
            entropy: Arc::new(SeededEntropy::new(7)),
        };
        let api = Arc::new(SessionApi::new(parts, settings).unwrap());
        Self { api, guard, registrar, clock, codes, stamps: AtomicU8::new(0) }
    }

    fn stamp(&self) -> Stamp {
        let count = self.stamps.fetch_add(1, Ordering::Relaxed);
        Stamp { now: Time::from_seconds(START), actor: "local".to_owned(), random: [count; 16] }
    }

    /// A user with one key; gives the ids of account and key.
    async fn user(&self, name: &str, key: &PrivateKey) -> (String, String) {
        let stamp = self.stamp();
        let made = self.registrar.change(&stamp, |draft| {
            let identifier = Identifier { namespace: "user-id".to_owned(), value: name.to_owned() };
            let new = NewAccount {
                name: format!("account of {name}"),
                enabled: true,
                identifiers: vec![identifier],
                ..NewAccount::default()
            };
            let account = draft.add_account(&new)?.id;
            let key = draft.add_key(&NewKey::new(&account, "", key.public_key().spki_der(), "spacetime"))?;
            Ok((account, key.id))
        });
        made.await.unwrap()
    }

    /// The answer to a code of this user that another's key signed.
    async fn answer_wrongly(&self, user: &str) -> Response<Bytes> {
        let code = self.code(user).await;
        self.answer(user, &code, &sign(&key(), &code), &shown(&key())).await
    }

    async fn send(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Response<Bytes> {
        self.send_from(None, method, path, token, body).await
    }

    async fn send_from(
        &self,
        client: Option<IpAddr>,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Response<Bytes> {
        let mut request = Request::new(Bytes::from(body.map(|body| body.to_string()).unwrap_or_default()));
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = path.parse().unwrap();
        if !token.is_empty() {
            let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            request.headers_mut().insert("authorization", value);
        }
        self.api.call(&request, client).await.unwrap()
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Response<Bytes> {
        self.send("POST", &format!("/v1/{path}"), token, Some(body)).await
    }

    async fn get(&self, path: &str, token: &str) -> Response<Bytes> {
        // As the SDK does: a GET with a body.
        self.send("GET", &format!("/v1/{path}"), token, Some(json!({}))).await
    }

    async fn code(&self, user: &str) -> String {
        let answer = self.post("auth/code", "", json!({ "userId": user })).await;
        body(&answer)["authCode"].as_str().unwrap().to_owned()
    }

    async fn answer(&self, user: &str, code: &str, signature: &str, key: &str) -> Response<Bytes> {
        let answer = json!({ "userId": user, "authCode": code, "signature": signature, "key": key, "scheme": "ed25519" });
        self.post("auth/token", "", answer).await
    }

    async fn sign_in(&self, user: &str, key: &PrivateKey) -> Response<Bytes> {
        let code = self.code(user).await;
        self.answer(user, &code, &sign(key, &code), &shown(key)).await
    }

    async fn tokens(&self, user: &str, key: &PrivateKey) -> Tokens {
        tokens(&self.sign_in(user, key).await)
    }

    /// The status of a resource behind the server.
    async fn resource(&self, token: &str) -> u16 {
        let own = countersign_dialects::load("own-session", &Settings::new()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::try_from(format!("Bearer {token}")).unwrap());
        let target = Target::new("https", "api.example.test", "/protected");
        let incoming = Incoming {
            method: "GET",
            target,
            headers: &headers,
            body: Body::Empty,
            client: None,
            challenge: None,
        };
        match self.guard.judge(&Policy::of(vec![Arc::new(own)]), &incoming).await.unwrap() {
            Verdict::Verified(_) => 200,
            Verdict::Absent(reply) => reply.status,
            Verdict::Refused(denial) => denial.reply.status,
        }
    }

    async fn refresh(&self, token: &str) -> Response<Bytes> {
        self.post("auth/refresh", token, json!({})).await
    }
}

fn tokens(response: &Response<Bytes>) -> Tokens {
    assert_eq!(response.status(), 200, "{:?}", response.body());
    let body = body(response);
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    Tokens { access: text("accessToken"), refresh: text("refreshToken") }
}

#[tokio::test]
async fn tokens_look_as_clients_know_them() {
    let (bench, alice) = (Bench::new().await, key());
    bench.user("alice", &alice).await;
    bench.clock.advance(Span::from_millis(789));
    let answer = bench.sign_in("alice", &alice).await;
    let found = body(&answer);
    let names: Vec<_> = std::str::from_utf8(answer.body()).unwrap().split('"').collect();
    assert_eq!(
        (names[1], names[5], names[9], names[11]),
        ("accessToken", "refreshToken", "accessTokenExpires", "refreshTokenExpires")
    );
    assert_eq!(found["accessTokenExpires"], (START + 1500) * 1000 + 789);
    assert_eq!(found["refreshTokenExpires"], (START + 1800) * 1000 + 789);
    let Tokens { access, refresh } = tokens(&answer);
    assert!(access.starts_with("eyJ0eXBlIjoiYWNjZXNzIiwia2lkIjoi"), "{access}");
    let kid = "5d3cbd45-dcfb-4f28-9c0e-3f7a8e1f0a11";
    assert_eq!(part(&refresh, 0), format!(r#"{{"type":"refresh","kid":"{kid}","alg":"ES256"}}"#));
    let claims = part(&access, 1);
    let value: Value = serde_json::from_str(&claims).unwrap();
    let (session, iteration) = (value["session"].as_str().unwrap(), value["iteration"].as_str().unwrap());
    let (iat, exp, end) = (START, START + 1500, (START + 86_400) * 1000 + 789);
    assert_eq!(
        claims,
        format!(
            r#"{{"iat":{iat},"nbf":{iat},"exp":{exp},"type":"access","user":"alice","session":"{session}","ssn_exp":{end},"iteration":"{iteration}"}}"#
        )
    );
    for mark in [session, iteration] {
        assert!(mark.len() == 24 && mark.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    assert!(part(&refresh, 1).contains(iteration));
    assert_eq!(answer.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn only_the_users_own_key_opens_a_session() {
    let (bench, alice, mallory) = (Bench::new().await, key(), key());
    bench.user("alice", &alice).await;
    bench.user("mallory", &mallory).await;
    // The signature holds under the key that was sent, and the key is not alice's.
    let swapped = bench.sign_in("alice", &mallory).await;
    assert_eq!(swapped.status(), 401);
    // Alice's key is named, and another one signed.
    let code = bench.code("alice").await;
    let forged = bench.answer("alice", &code, &sign(&mallory, &code), &shown(&alice)).await;
    // Another one is named, and alice's signed.
    let code = bench.code("alice").await;
    let misnamed = bench.answer("alice", &code, &sign(&alice, &code), &shown(&mallory)).await;
    for refused in [&swapped, &forged, &misnamed] {
        assert_eq!((refused.status().as_u16(), refused.body()), (401, swapped.body()));
    }
    assert!(String::from_utf8_lossy(swapped.body()).contains("JWT authorization failed"));
    assert_eq!(swapped.headers()["www-authenticate"], "Bearer");
    assert_eq!(bench.sign_in("alice", &alice).await.status(), 200);
}

#[tokio::test]
async fn a_disabled_key_or_account_and_a_key_for_something_else_open_nothing() {
    let (bench, alice, bob) = (Bench::new().await, key(), key());
    let (_, first) = bench.user("alice", &alice).await;
    let (account, other) = bench.user("bob", &bob).await;
    bench.registrar.disable_key(&bench.stamp(), &first).await.unwrap();
    assert_eq!(bench.sign_in("alice", &alice).await.status(), 401);
    bench.registrar.set_key_dialects(&bench.stamp(), &other, &["skykit".to_owned()]).await.unwrap();
    assert_eq!(bench.sign_in("bob", &bob).await.status(), 401);
    bench.registrar.set_key_dialects(&bench.stamp(), &other, &["spacetime".to_owned()]).await.unwrap();
    assert_eq!(bench.sign_in("bob", &bob).await.status(), 200);
    bench.registrar.set_account_enabled(&bench.stamp(), &account, false).await.unwrap();
    assert_eq!(bench.sign_in("bob", &bob).await.status(), 401);
}

#[tokio::test]
async fn a_code_works_once_and_a_failure_uses_it_up_for_its_user_only() {
    let (bench, alice, bob) = (Bench::new().await, key(), key());
    bench.user("alice", &alice).await;
    bench.user("bob", &bob).await;
    let code = bench.code("alice").await;
    let good = sign(&alice, &code);
    // Under another's name the code is unknown, and stays good.
    assert_eq!(bench.answer("bob", &code, &sign(&bob, &code), &shown(&bob)).await.status(), 401);
    assert_eq!(bench.answer("nobody", &code, &sign(&bob, &code), &shown(&bob)).await.status(), 401);
    assert_eq!(bench.answer("alice", &code, &good, &shown(&alice)).await.status(), 200);
    assert_eq!(bench.answer("alice", &code, &good, &shown(&alice)).await.status(), 401);
    // A wrong answer under its own name uses a code up.
    let code = bench.code("alice").await;
    assert_eq!(bench.answer("alice", &code, &sign(&bob, &code), &shown(&alice)).await.status(), 401);
    assert_eq!(bench.answer("alice", &code, &sign(&alice, &code), &shown(&alice)).await.status(), 401);
    // What has not the right form uses nothing up.
    let code = bench.code("alice").await;
    assert_eq!(bench.answer("alice", &code, "zz", &shown(&alice)).await.status(), 400);
    assert_eq!(bench.answer("alice", &code, &sign(&alice, &code), &shown(&alice)).await.status(), 200);
}

#[tokio::test]
async fn answered_codes_take_no_room_from_one_time_proofs() {
    let (bench, stranger) = (Bench::new().await, key());
    for number in 0..20 {
        let user = format!("nobody-{number}");
        let code = bench.code(&user).await;
        assert_eq!(bench.answer(&user, &code, &sign(&key(), &code), &shown(&stranger)).await.status(), 401);
    }
    assert_eq!((bench.codes.window().len(), bench.guard.once().remembered()), (20, Some(0)));
}

#[tokio::test]
async fn a_code_ends_and_of_many_answers_at_once_one_wins() {
    let (bench, alice) = (Arc::new(Bench::new().await), key());
    bench.user("alice", &alice).await;
    let code = bench.code("alice").await;
    bench.clock.advance(Span::from_seconds(121));
    assert_eq!(bench.answer("alice", &code, &sign(&alice, &code), &shown(&alice)).await.status(), 401);
    let code = bench.code("alice").await;
    bench.clock.advance(Span::from_seconds(120));
    let (signature, key) = (sign(&alice, &code), shown(&alice));
    let calls = (0..32).map(|_| {
        let (bench, code, signature, key) = (bench.clone(), code.clone(), signature.clone(), key.clone());
        tokio::spawn(async move { bench.answer("alice", &code, &signature, &key).await.status().as_u16() })
    });
    let mut good = 0;
    for call in calls.collect::<Vec<_>>() {
        good += usize::from(call.await.unwrap() == 200);
    }
    assert_eq!(good, 1);
}

#[tokio::test]
async fn a_prefix_is_signed_with_or_without_and_a_code_is_short_hexadecimal_whatever_is_asked() {
    let (bench, alice) = (Bench::new().await, key());
    bench.user("alice", &alice).await;
    for prefixed in [true, false] {
        let asked = bench.post("auth/code", "", json!({ "userId": "alice", "prefix": "Sign in: " })).await;
        let code = body(&asked)["authCode"].as_str().unwrap().to_owned();
        let text = if prefixed { format!("Sign in: {code}") } else { code.clone() };
        assert_eq!(bench.answer("alice", &code, &sign(&alice, &text), &shown(&alice)).await.status(), 200);
    }
    // No prefix was asked for: nothing before the code counts.
    let code = bench.code("alice").await;
    let text = format!("Sign in: {code}");
    assert_eq!(bench.answer("alice", &code, &sign(&alice, &text), &shown(&alice)).await.status(), 401);
    // Nobody gets a text of their choice signed as "the code": it is hexadecimal and short, and never a JWS input.
    for prefix in ["eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0", "@method: GET", "ü/😀", ""] {
        for path in ["auth/code", "auth/code-register"] {
            let ask = json!({ "userId": "a.b@c", "prefix": prefix, "joinCode": "j", "email": null });
            let code = body(&bench.post(path, "", ask).await)["authCode"].as_str().unwrap().to_owned();
            assert!(
                code.len() <= 254
                    && code.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            );
        }
    }
    for prefix in ["two\nlines", &"x".repeat(65)] {
        assert_eq!(
            bench.post("auth/code", "", json!({ "userId": "a", "prefix": prefix })).await.status(),
            400
        );
    }
}

#[tokio::test]
async fn what_has_not_the_right_form_is_told_so() {
    let (bench, alice) = (Bench::new().await, key());
    let good = json!({ "userId": "a", "authCode": "00", "signature": "00".repeat(64), "key": shown(&alice) });
    assert_eq!(bench.post("auth/token", "", good.clone()).await.status(), 401);
    for (name, values) in [
        (
            "userId",
            vec![
                json!(null),
                json!(""),
                json!(5),
                json!({ "$ne": null }),
                json!("a\u{0}b"),
                json!("x".repeat(321)),
            ],
        ),
        ("authCode", vec![json!(null), json!([]), json!(1)]),
        (
            "signature",
            vec![
                json!(null),
                json!(""),
                json!(0),
                json!("zz"),
                json!("00".repeat(63)),
                json!(" ".to_owned() + &"00".repeat(64)),
            ],
        ),
        (
            "key",
            vec![
                json!(null),
                json!(""),
                json!("AAAA"),
                json!(shown(&alice) + "\n"),
                json!(shown(&alice).replace('=', "")),
            ],
        ),
        (
            "scheme",
            vec![
                json!(null),
                json!(""),
                json!("rsa"),
                json!("ED25519 "),
                json!("ed25519ph"),
                json!("1"),
                json!(5),
            ],
        ),
    ] {
        for value in values {
            let mut bad = good.clone();
            bad[name] = value.clone();
            assert_eq!(bench.post("auth/token", "", bad).await.status(), 400, "{name}: {value}");
        }
    }
    for text in
        ["", "{", "[]", "\"a\"", "{\"userId\":\"a\",\"userId\":\"b\"}", "{\"userId\":\"a\",\"x\":NaN}"]
    {
        let mut request = Request::new(Bytes::from(text));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = "/v1/auth/code".parse().unwrap();
        assert_eq!(bench.api.call(&request, None).await.unwrap().status(), 400, "{text}");
    }
    assert_eq!(bench.send("GET", "/v1/auth/token", "", None).await.headers()["allow"], "POST");
    assert_eq!(bench.send("GET", "/v1/auth/nothing", "", None).await.status(), 404);
    assert!(
        bench.api.owns("/v1/auth/token") && bench.api.owns("/v1/subscription") && !bench.api.owns("/v1/sql")
    );
    assert!(!bench.api.owns("/v1/authority"));
}

#[tokio::test]
async fn refreshing_rotates_and_reuse_ends_that_session_only() {
    let (bench, alice) = (Bench::new().await, key());
    bench.user("alice", &alice).await;
    let first = bench.tokens("alice", &alice).await;
    let other = bench.tokens("alice", &alice).await;
    bench.clock.advance(Span::from_seconds(10));
    let second = tokens(&bench.refresh(&first.refresh).await);
    assert_eq!((bench.resource(&first.access).await, bench.resource(&second.access).await), (200, 200));
    assert_eq!(bench.refresh(&second.access).await.status(), 401);
    assert_eq!(bench.resource(&second.refresh).await, 401);
    assert_eq!(bench.refresh(&first.refresh).await.status(), 401);
    assert_eq!(bench.refresh(&second.refresh).await.status(), 401);
    assert_eq!((bench.resource(&second.access).await, bench.resource(&other.access).await), (401, 200));
}

#[tokio::test]
async fn two_threads_that_refresh_at_once_get_one_pair_when_there_is_a_grace() {
    let mut settings = SessionSettings::default();
    settings.windows.grace = Span::from_seconds(10);
    let (bench, alice) = (Arc::new(Bench::with(settings).await), key());
    bench.user("alice", &alice).await;
    let first = bench.tokens("alice", &alice).await;
    let calls = (0..16).map(|_| {
        let (bench, token) = (bench.clone(), first.refresh.clone());
        tokio::spawn(async move { tokens(&bench.refresh(&token).await) })
    });
    let mut signed = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let pair = call.await.unwrap();
        signed.push((part(&pair.access, 1), part(&pair.refresh, 1)));
    }
    assert!(signed.windows(2).all(|two| two[0] == two[1]));
    // Later within the grace the pair is still the same, to the last claim.
    bench.clock.advance(Span::from_seconds(9));
    let again = tokens(&bench.refresh(&first.refresh).await);
    assert_eq!((part(&again.access, 1), part(&again.refresh, 1)), signed[0]);
    bench.clock.advance(Span::from_seconds(1));
    assert_eq!(bench.refresh(&first.refresh).await.status(), 401);
    assert_eq!(bench.resource(&again.access).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_grace_one_of_many_refreshes_wins_and_the_rest_end_the_session() {
    let (bench, alice) = (Arc::new(Bench::new().await), key());
    bench.user("alice", &alice).await;
    let first = bench.tokens("alice", &alice).await;
    let calls = (0..16).map(|_| {
        let (bench, token) = (bench.clone(), first.refresh.clone());
        tokio::spawn(async move { bench.refresh(&token).await })
    });
    let mut good = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.unwrap();
        if answer.status() == 200 {
            good.push(tokens(&answer));
        }
    }
    assert_eq!(good.len(), 1);
    assert_eq!(bench.resource(&good[0].access).await, 401);
}

#[tokio::test]
async fn no_token_outlives_its_session() {
    let (bench, alice) = (Bench::new().await, key());
    bench.user("alice", &alice).await;
    let mut pair = bench.tokens("alice", &alice).await;
    for _ in 0..48 {
        bench.clock.advance(Span::from_seconds(1799));
        pair = tokens(&bench.refresh(&pair.refresh).await);
    }
    // 48 times 1799 seconds are 48 seconds less than a day.
    assert!(part(&pair.access, 1).contains(&format!("\"exp\":{}", START + 86_400)));
    bench.clock.advance(Span::from_seconds(47));
    assert_eq!(bench.resource(&pair.access).await, 200);
    bench.clock.advance(Span::from_seconds(1));
    assert_eq!(
        (bench.resource(&pair.access).await, bench.refresh(&pair.refresh).await.status().as_u16()),
        (401, 401)
    );
}

#[tokio::test]
async fn logging_out_takes_either_token_and_ends_at_once() {
    let (bench, alice) = (Bench::new().await, key());
    bench.user("alice", &alice).await;
    for with_access in [true, false] {
        let pair = bench.tokens("alice", &alice).await;
        let token = if with_access { &pair.access } else { &pair.refresh };
        assert_eq!(bench.post("auth/logout", token, json!({})).await.status(), 204);
        assert_eq!(
            (bench.resource(&pair.access).await, bench.refresh(&pair.refresh).await.status().as_u16()),
            (401, 401)
        );
        assert_eq!(bench.post("auth/logout", token, json!({})).await.status(), 401);
    }
    let absent = bench.send("POST", "/v1/auth/logout", "", None).await;
    assert_eq!(
        (absent.status().as_u16(), body(&absent)["message"].as_str()),
        (401, Some("JWT authorization failed"))
    );
}

#[tokio::test]
async fn a_revoked_key_or_a_disabled_account_ends_open_sessions_at_once() {
    let (bench, alice, second) = (Bench::new().await, key(), key());
    let (account, first_id) = bench.user("alice", &alice).await;
    let new = NewKey::new(&account, "", second.public_key().spki_der(), "spacetime");
    bench.registrar.add_key(&bench.stamp(), &new).await.unwrap();
    let (by_first, by_second) = (bench.tokens("alice", &alice).await, bench.tokens("alice", &second).await);
    bench.registrar.revoke_key(&bench.stamp(), &first_id).await.unwrap();
    assert_eq!(bench.resource(&by_first.access).await, 401);
    assert_eq!(bench.refresh(&by_first.refresh).await.status(), 401);
    assert_eq!(bench.resource(&by_second.access).await, 200);
    bench.registrar.set_account_enabled(&bench.stamp(), &account, false).await.unwrap();
    assert_eq!(bench.resource(&by_second.access).await, 401);
}

#[tokio::test]
async fn an_api_key_gives_an_access_token_and_nothing_more() {
    let (bench, alice) = (Bench::new().await, key());
    let (account, _) = bench.user("alice", &alice).await;
    let new = NewCompanion {
        account: account.clone(),
        dialect: "spacetime".to_owned(),
        label: "job".to_owned(),
        digest: encode_hex(&sha256(&[b"secret"])),
        bound: false,
        enabled: true,
    };
    let companion = bench.registrar.add_companion(&bench.stamp(), &new).await.unwrap();
    let call = |secrets: &'static [&'static str]| {
        let mut request = Request::new(Bytes::from("{}"));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = "/v1/auth/apikey".parse().unwrap();
        for secret in secrets {
            request.headers_mut().append("apikey", HeaderValue::from_static(secret));
        }
        let api = bench.api.clone();
        async move { api.call(&request, None).await.unwrap() }
    };
    for wrong in [&["wrong"][..], &[], &[""], &["secret", "secret"]] {
        assert_eq!(call(wrong).await.status(), 401, "{wrong:?}");
    }
    let answer = body(&call(&["secret"]).await);
    let token = answer["accessToken"].as_str().unwrap();
    assert_eq!(answer["accessTokenExpires"], (START + 1500) * 1000);
    assert_eq!(answer.get("refreshToken"), None);
    assert_eq!(bench.resource(token).await, 200);
    assert_eq!(body(&bench.get("auth/validtoken", token).await)["userId"], "alice");
    // It registers no key, or whoever saw it once would stay.
    assert_eq!(bench.post("auth/keys/code", token, json!({})).await.status(), 403);
    assert_eq!(bench.post("auth/keys", token, json!({})).await.status(), 403);
    bench.registrar.set_companion_enabled(&bench.stamp(), &companion.id, false).await.unwrap();
    assert_eq!((bench.resource(token).await, call(&["secret"]).await.status().as_u16()), (401, 401));
    bench.registrar.set_companion_enabled(&bench.stamp(), &companion.id, true).await.unwrap();
    let token = body(&call(&["secret"]).await)["accessToken"].as_str().unwrap().to_owned();
    bench.registrar.delete_companion(&bench.stamp(), &companion.id).await.unwrap();
    assert_eq!(bench.resource(&token).await, 401);
}

#[tokio::test]
async fn an_address_that_asks_too_often_waits_and_others_do_not() {
    let rate = Some(Rate { per_second: 1, burst: 5 });
    let (bench, alice) = (Bench::with(SessionSettings { rate, ..SessionSettings::default() }).await, key());
    bench.user("alice", &alice).await;
    let pair = bench.tokens("alice", &alice).await;
    let (here, there) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
    for number in 0..8 {
        let asked = bench.send_from(here, "GET", "/v1/auth/idexists/alice", "", None).await;
        assert_eq!(asked.status(), if number < 5 { 200 } else { 429 });
    }
    assert_eq!(bench.send_from(there, "GET", "/v1/auth/idexists/alice", "", None).await.status(), 200);
    // Whoever has a token is not kept waiting.
    assert_eq!(bench.send_from(here, "GET", "/v1/auth/validtoken", &pair.access, None).await.status(), 200);
    bench.clock.advance(Span::from_seconds(1));
    assert_eq!(bench.send_from(here, "GET", "/v1/auth/idexists/alice", "", None).await.status(), 200);
}

/// Sessions that fail.
struct Broken;

impl Sessions for Broken {
    fn open<'a>(&'a self, _: &'a countersign::life::session::Session) -> Later<'a, Result<(), Fault>> {
        Box::pin(async { Err(Fault::new("broken")) })
    }
    fn get<'a>(
        &'a self,
        _: &'a str,
    ) -> Later<'a, Result<Option<Arc<countersign::life::session::Session>>, Fault>> {
        Box::pin(async { Err(Fault::new("broken")) })
    }
    fn replace<'a>(
        &'a self,
        _: &'a countersign::life::session::Session,
        _: &'a countersign::life::session::Session,
    ) -> Later<'a, Result<bool, Fault>> {
        Box::pin(async { Err(Fault::new("broken")) })
    }
    fn list<'a>(
        &'a self,
        _: Option<&'a str>,
        _: Time,
    ) -> Later<'a, Result<Vec<Arc<countersign::life::session::Session>>, Fault>> {
        Box::pin(async { Err(Fault::new("broken")) })
    }
    fn sweep(&self, _: Time) -> Later<'_, Result<u64, Fault>> {
        Box::pin(async { Err(Fault::new("broken")) })
    }
}

#[tokio::test]
async fn a_store_that_fails_is_a_fault_and_never_a_refusal() {
    let store = Arc::new(MemoryStore::default());
    let bench = Bench::over(SessionSettings::default(), store, Arc::new(Broken)).await;
    let alice = key();
    bench.user("alice", &alice).await;
    let code = bench.code("alice").await;
    let answer = json!({ "userId": "alice", "authCode": code, "signature": sign(&alice, &code), "key": shown(&alice) });
    let mut request = Request::new(Bytes::from(answer.to_string()));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = "/v1/auth/token".parse().unwrap();
    assert!(bench.api.call(&request, None).await.is_err());
}

#[tokio::test]
async fn what_a_key_is_narrowed_to_holds_for_its_sessions_and_the_keys_it_adds() {
    let (bench, alice, next) = (Bench::new().await, key(), key());
    let (account, id) = bench.user("alice", &alice).await;
    let limits = Narrowing { paths: vec!["/v1/auth".to_owned()], methods: vec![], ..Narrowing::default() };
    bench.registrar.set_key_limits(&bench.stamp(), &id, &limits).await.unwrap();
    let ends = Time::from_seconds(START + 1000);
    bench.registrar.set_key_expiry(&bench.stamp(), &id, Some(ends)).await.unwrap();
    let Tokens { access, .. } = bench.tokens("alice", &alice).await;
    assert_eq!(bench.get("auth/validtoken", &access).await.status(), 200);
    assert_eq!(bench.resource(&access).await, 403);
    let asked = bench.post("auth/keys/code", &access, json!({})).await;
    let code = body(&asked)["authCode"].as_str().unwrap().to_owned();
    let answer = json!({ "authCode": code, "signature": sign(&next, &code), "key": shown(&next) });
    assert_eq!(bench.post("auth/keys", &access, answer).await.status(), 200);
    let added = bench.registrar.directory().keys_of(&account).into_iter().find(|key| key.id != id).unwrap();
    assert_eq!((added.paths, added.life.expires), (limits.paths, Some(ends)));
}

#[tokio::test]
async fn a_session_ends_with_its_users_name_and_with_its_keys_dialect() {
    let (bench, alice, bob) = (Bench::new().await, key(), key());
    let (account, _) = bench.user("alice", &alice).await;
    let (_, second) = bench.user("bob", &bob).await;
    let (first, other) = (bench.tokens("alice", &alice).await, bench.tokens("bob", &bob).await);
    assert_eq!((bench.resource(&first.access).await, bench.resource(&other.access).await), (200, 200));
    let name = Identifier { namespace: "user-id".to_owned(), value: "alice".to_owned() };
    bench.registrar.remove_identifier(&bench.stamp(), &account, &name).await.unwrap();
    assert_eq!(bench.resource(&first.access).await, 401);
    assert_eq!(bench.refresh(&first.refresh).await.status(), 401);
    bench.registrar.set_key_dialects(&bench.stamp(), &second, &["skykit".to_owned()]).await.unwrap();
    assert_eq!(bench.resource(&other.access).await, 401);
}

#[tokio::test]
async fn an_account_has_so_many_sessions_and_one_more_ends_the_oldest() {
    let settings = SessionSettings { most_sessions: 3, ..SessionSettings::default() };
    let (bench, alice, bob) = (Bench::with(settings).await, key(), key());
    bench.user("alice", &alice).await;
    bench.user("bob", &bob).await;
    let other = bench.tokens("bob", &bob).await.access;
    let mut opened = Vec::new();
    for _ in 0..5 {
        bench.clock.advance(Span::from_seconds(1));
        opened.push(bench.tokens("alice", &alice).await.access);
    }
    let mut found = Vec::new();
    for token in &opened {
        found.push(bench.resource(token).await);
    }
    assert_eq!(found, [401, 401, 200, 200, 200]);
    assert_eq!(bench.resource(&other).await, 200);
}
