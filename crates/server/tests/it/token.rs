//! The token endpoint over TCP: a token by assertion, the resource behind the gateway and forward-auth, DPoP on both, a second node.
use crate::fixture::{Answer, HOST, NOW, ROUTES, World, send, start};
use crate::session::text;
use countersign::base64::{Alphabet, encode};
use countersign::dpop::make::{About, proof};
use countersign::time::Time;
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use countersign_store::draft::{NewAccount, NewKey};
use countersign_store::memory::MemoryStore;
use countersign_store::model::Identifier;
use countersign_store::registrar::Registrar;
use countersign_store::stamp::Stamp;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const ISSUER: &str = "https://auth.example.test";
pub(crate) const CLIENT_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

pub(crate) fn routes(more: &str) -> String {
    let surfaces = ROUTES.replace("surfaces = [\"gateway\",", "surfaces = [\"gateway\", \"token\",");
    let public = surfaces.replace("[server]\n", &format!("[server]\npublic_url = \"https://{HOST}\"\n"));
    format!(
        "{public}\n[token]\nissuer = \"{ISSUER}\"\n{more}\n\
         [[route]]\nname = \"tokens\"\npath = \"/tokens\"\ndialects = [\"access-token\", \"own-session\"]\nupstream = \"UPSTREAM\"\n"
    )
}

/// A world with a client, whose key is given.
async fn world(more: &str) -> (World, PrivateKey) {
    world_of(&routes(more)).await
}

/// The same with a configuration of one's own.
pub(crate) async fn world_of(text: &str) -> (World, PrivateKey) {
    let store = Arc::new(MemoryStore::new([7; 16]));
    let key = PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let stamp =
        |number: u8| Stamp { now: Time::from_seconds(NOW), actor: "local".to_owned(), random: [number; 16] };
    crate::fixture::register_for_tests(&store).await;
    let identifier = Identifier { namespace: "client".to_owned(), value: "the-client".to_owned() };
    let new = NewAccount {
        name: "machine".to_owned(),
        enabled: true,
        identifiers: vec![identifier],
        ..NewAccount::default()
    };
    let registrar = Registrar::open(store.clone(), store.clone()).await.unwrap();
    let account = registrar.add_account(&stamp(100), &new).await.unwrap();
    let new = NewKey::new(&account.id, "", key.public_key().spki_der(), "client-assertion");
    registrar.add_key(&stamp(101), &new).await.unwrap();
    (World::over(text, store.clone(), store).await, key)
}

fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn assertion(key: &PrivateKey) -> String {
    let head = json!({ "typ": "client-authentication+jwt", "alg": "EdDSA" });
    let claims = json!({
        "iss": "the-client", "sub": "the-client", "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "jti": number().to_string(),
    });
    let part = |value: &Value| encode(Alphabet::Url, value.to_string().as_bytes());
    let input = format!("{}.{}", part(&head), part(&claims));
    let signature = key.sign(Algorithm::Ed25519, input.as_bytes()).unwrap();
    format!("{input}.{}", encode(Alphabet::Url, &signature))
}

pub(crate) fn possession(
    key: &PrivateKey,
    method: &str,
    url: &str,
    token: Option<&str>,
    nonce: Option<&str>,
) -> String {
    let random = u128::from(number()).to_be_bytes();
    proof(key, &About { method, url, token, nonce }, Time::from_seconds(NOW), random).unwrap()
}

async fn post(address: SocketAddr, path: &str, form: &str, more: &str) -> Answer {
    let length = form.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: auth.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    send(
        address,
        format!("{head}{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{form}").as_bytes(),
    )
    .await
}

async fn fetch(address: SocketAddr, key: &PrivateKey, more: &str) -> Answer {
    let form = format!(
        "grant_type=client_credentials&client_assertion_type={CLIENT_TYPE}&client_assertion={}",
        assertion(key)
    );
    post(address, "/oauth2/token", &form, more).await
}

async fn get(address: SocketAddr, path: &str, headers: &str) -> Answer {
    send(
        address,
        format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{headers}Connection: close\r\n\r\n").as_bytes(),
    )
    .await
}

#[tokio::test]
async fn a_token_opens_the_resource_at_every_node_until_it_is_revoked() {
    let (world, key) = world("").await;
    let granted = fetch(world.address, &key, "").await;
    assert_eq!(granted.status, 200, "{granted:?}");
    assert!(granted.header("countersign-time").is_some());
    let token = text(&granted, "access_token");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let seen = get(world.address, "/tokens/x", &bearer).await;
    assert_eq!(seen.seen_header("x-countersign-identifier"), ["the-client"]);
    assert_eq!(seen.seen_header("x-countersign-dialect"), ["access-token"]);
    assert_eq!(seen.seen_header("x-countersign-account"), ["machine"]);
    // A proxy asks about the same.
    let asked = format!(
        "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: {HOST}\r\nX-Forwarded-Uri: /tokens/x\r\n\
         X-Forwarded-For: 203.0.113.7\r\n{bearer}"
    );
    assert_eq!(get(world.address, "/verify", &asked).await.status, 200);
    // Another node over the same store has the same keys and sessions.
    let text_of = routes("").replace("UPSTREAM", &format!("http://{}", world.echo.address()));
    let second = start(&text_of, world.store.clone(), &world.store, &world.clock).await;
    let other = second.addresses()[0].address;
    assert_eq!(get(other, "/tokens/x", &bearer).await.status, 200);
    let form = |token: &str| {
        let assertion = assertion(&key);
        format!("client_assertion_type={CLIENT_TYPE}&client_assertion={assertion}&token={token}")
    };
    let status = post(other, "/oauth2/introspect", &form(&token), "").await;
    let status: Value = serde_json::from_str(&status.body).unwrap();
    assert_eq!((&status["active"], &status["client_id"]), (&json!(true), &json!("the-client")));
    assert_eq!(post(other, "/oauth2/revoke", &form(&token), "").await.status, 200);
    assert_eq!(get(world.address, "/tokens/x", &bearer).await.status, 401);
    let status = post(world.address, "/oauth2/introspect", &form(&token), "").await;
    assert_eq!(status.body, r#"{"active":false}"#);
    second.shutdown().await;
    world.running.shutdown().await;
}

#[tokio::test]
async fn a_bound_token_wants_a_proof_for_each_request_at_the_gateway_and_through_proxies() {
    let (world, key) = world("dpop = \"required\"\ndpop_nonces = true\n").await;
    let dpop = PrivateKey::generate(KeyKind::P256, 0).unwrap();
    let url = format!("{ISSUER}/oauth2/token");
    let header = |nonce: Option<&str>| format!("DPoP: {}\r\n", possession(&dpop, "POST", &url, None, nonce));
    assert_eq!(text(&fetch(world.address, &key, "").await, "error"), "invalid_dpop_proof");
    let asked = fetch(world.address, &key, &header(None)).await;
    assert_eq!((asked.status, text(&asked, "error")), (400, "use_dpop_nonce".to_owned()));
    let nonce = asked.header("dpop-nonce").unwrap().to_owned();
    let granted = fetch(world.address, &key, &header(Some(&nonce))).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let token = text(&granted, "access_token");
    let here = format!("https://{HOST}/tokens/x");
    let with = |proof: &str| format!("Authorization: DPoP {token}\r\nDPoP: {proof}\r\n");
    let bare =
        get(world.address, "/tokens/x?page=1", &with(&possession(&dpop, "GET", &here, Some(&token), None)))
            .await;
    assert_eq!(bare.status, 401);
    assert!(
        bare.header("www-authenticate").unwrap().starts_with("DPoP error=\"use_dpop_nonce\", algs=\"ES256")
    );
    let nonce = bare.header("dpop-nonce").unwrap().to_owned();
    let beside = with(&possession(&dpop, "GET", &here, Some(&token), Some(&nonce)));
    let passed = get(world.address, "/tokens/x?page=1", &beside).await;
    assert!(passed.seen_header("authorization").is_empty() && passed.seen_header("dpop").is_empty());
    let again = get(world.address, "/tokens/x?page=1", &beside).await;
    assert_eq!(again.status, 401, "once");
    // Through a proxy, the original method and address count; the question's own do not.
    let question = |method: &str, proof: &str| {
        let authorization = with(proof);
        format!(
            "X-Forwarded-Method: {method}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: {HOST}\r\n\
             X-Forwarded-Uri: /tokens/x?page=1\r\nX-Forwarded-For: 203.0.113.7\r\n{authorization}"
        )
    };
    let fresh = |method: &str, url: &str| possession(&dpop, method, url, Some(&token), Some(&nonce));
    let original = get(world.address, "/verify", &question("DELETE", &fresh("DELETE", &here))).await;
    assert_eq!(original.status, 200, "{original:?}");
    let other = get(world.address, "/verify", &question("DELETE", &fresh("GET", &here))).await;
    assert_eq!(other.status, 401);
    let asked = fresh("GET", &format!("https://{HOST}/verify"));
    assert_eq!(get(world.address, "/verify", &question("GET", &asked)).await.status, 401);
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(get(world.address, "/tokens/x", &bearer).await.status, 401);
    world.running.shutdown().await;
}

#[tokio::test]
async fn the_metadata_is_where_clients_look_for_it_and_says_where_the_keys_are() {
    let (world, _) = world("scopes = [\"read\"]\n").await;
    let server = get(world.address, "/.well-known/oauth-authorization-server", "").await;
    let server: Value = serde_json::from_str(&server.body).unwrap();
    assert_eq!(server["issuer"], ISSUER);
    assert_eq!(server["jwks_uri"], format!("{ISSUER}/.well-known/jwks.json"));
    let resource = get(world.address, "/.well-known/oauth-protected-resource", "").await;
    let resource: Value = serde_json::from_str(&resource.body).unwrap();
    assert_eq!(resource["resource"], format!("https://{HOST}"));
    let posted = post(world.address, "/.well-known/oauth-protected-resource", "", "").await;
    assert_eq!(posted.status, 405);
    let long = "a=".to_owned() + &"b".repeat(41 * 1024);
    assert_eq!(post(world.address, "/oauth2/token", &long, "").await.status, 400);
    world.running.shutdown().await;
}
