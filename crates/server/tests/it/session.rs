//! The session API over TCP: signing in, the resource behind the gateway, a restart in between, and bodies that are too long.
use crate::fixture::{Answer, HOST, ROUTES, World, send, start};
use countersign::base64::{Alphabet, encode, encode_hex};
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The usual routes, the session API, and a route that takes its tokens.
pub(crate) fn routes() -> String {
    let session = ROUTES.replace("surfaces = [\"gateway\",", "surfaces = [\"gateway\", \"session\",");
    format!(
        "{session}\n[[route]]\nname = \"tokens\"\npath = \"/v1/sql\"\ndialects = [\"own-session\"]\nupstream = \"UPSTREAM\"\n"
    )
}

async fn call(address: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let token = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{token}Content-Length: {length}\r\n");
    send(address, format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await
}

pub(crate) async fn sign_in(address: SocketAddr, user: &str, key: &PrivateKey) -> Answer {
    let asked = call(address, "POST", "/v1/auth/code", "", &json!({ "userId": user }).to_string()).await;
    let code = text(&asked, "authCode");
    let signature = encode_hex(&key.sign(Algorithm::Ed25519, code.as_bytes()).unwrap());
    let shown = encode(Alphabet::Standard, &key.public_key().ed25519_bytes().unwrap());
    let answer = json!({ "userId": user, "authCode": code, "signature": signature, "key": shown });
    call(address, "POST", "/v1/auth/token", "", &answer.to_string()).await
}

pub(crate) fn text(answer: &Answer, member: &str) -> String {
    let body: Value =
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    body[member].as_str().unwrap_or_else(|| panic!("no {member}: {answer:?}")).to_owned()
}

#[tokio::test]
async fn a_session_opens_the_resource_and_outlives_a_restart() {
    let world = World::with(&routes()).await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let pair = sign_in(world.address, "newcomer", &key).await;
    let (access, refresh) = (text(&pair, "accessToken"), text(&pair, "refreshToken"));
    let seen = call(world.address, "GET", "/v1/sql/x", &access, "{}").await;
    assert_eq!(seen.seen_header("x-countersign-identifier"), ["newcomer"]);
    assert_eq!(seen.seen_header("x-countersign-dialect"), ["own-session"]);
    assert!(
        seen.seen_header("authorization").is_empty()
            || seen.seen_header("authorization") == [format!("Bearer {access}")]
    );
    // Another server over the same store: the same signing key, the same challenge key, the same sessions.
    let asked = call(world.address, "POST", "/v1/auth/code", "", r#"{"userId":"newcomer"}"#).await;
    let code = text(&asked, "authCode");
    let text_of = routes().replace("UPSTREAM", &format!("http://{}", world.echo.address()));
    let second = start(&text_of, world.store.clone(), &world.store, &world.clock).await;
    let other = second.addresses()[0].address;
    assert_eq!(call(other, "GET", "/v1/sql/x", &access, "").await.status, 200);
    let signature = encode_hex(&key.sign(Algorithm::Ed25519, code.as_bytes()).unwrap());
    let shown = encode(Alphabet::Standard, &key.public_key().ed25519_bytes().unwrap());
    let answer =
        json!({ "userId": "newcomer", "authCode": code, "signature": signature, "key": shown }).to_string();
    assert_eq!(call(other, "POST", "/v1/auth/token", "", &answer).await.status, 200);
    // Used up at one node, it is used up at the other.
    assert_eq!(call(world.address, "POST", "/v1/auth/token", "", &answer).await.status, 401);
    assert_eq!(call(other, "POST", "/v1/auth/logout", &refresh, "{}").await.status, 204);
    let ended = call(world.address, "GET", "/v1/sql/x", &access, "").await;
    assert_eq!(ended.status, 401);
    assert!(ended.header("countersign-reject").is_some());
    second.shutdown().await;
    world.running.shutdown().await;
}

#[tokio::test]
async fn refusals_carry_time_and_reject_id_in_headers_and_nothing_of_it_in_bodies() {
    let world = World::with(&routes()).await;
    let refused = call(world.address, "GET", "/v1/auth/validtoken", "", "{}").await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    assert!(refused.header("countersign-time").is_some());
    assert!(
        refused
            .header("countersign-reject")
            .is_some_and(|id| id.starts_with("rej_") && !refused.body.contains(id))
    );
    assert!(refused.body.contains("JWT authorization failed"));
    let long = json!({ "userId": "a".repeat(20_000) }).to_string();
    assert_eq!(call(world.address, "POST", "/v1/auth/code", "", &long).await.status, 400);
    assert_eq!(call(world.address, "POST", "/v1/auth/nothing", "", "{}").await.status, 404);
    // Whose address cannot be read has no address, not the proxy's.
    let mut unread =
        format!("POST /v1/auth/nothing HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: ").into_bytes();
    unread.extend_from_slice(b"\xfc\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(send(world.address, &unread).await.status, 400);
    assert_eq!(call(world.address, "GET", "/v1/auth/token", "", "").await.header("allow"), Some("POST"));
    world.running.shutdown().await;
}

#[tokio::test]
async fn who_registers_under_a_name_that_a_route_admits_is_not_admitted_by_it() {
    let world = World::with(&format!("{}admit = [\"partner\"]\n", routes())).await;
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let access = text(&sign_in(world.address, "partner", &key).await, "accessToken");
    let refused = call(world.address, "GET", "/v1/sql/x", &access, "").await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(world.running.app().directory.account_by_name("partner").is_none());
    assert!(world.running.app().directory.account_by_name("partner@spacetime").is_some());
    world.running.shutdown().await;
}
