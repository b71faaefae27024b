//! The client against a real socket that refuses, tells the time, and gives tokens.
use super::*;
use countersign_keys::{KeyKind, PrivateKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) const NOW: i64 = 1_700_000_000;

/// Answers each connection's one request with what `answer` makes of it; gives the address.
pub(crate) async fn server(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let read = socket.read(&mut buffer).await.unwrap();
                text.extend_from_slice(&buffer[..read]);
                let whole = String::from_utf8_lossy(&text);
                let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse().unwrap());
                if body.len() >= length || read == 0 {
                    break;
                }
            }
            let answer = answer(&String::from_utf8_lossy(&text));
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

pub(crate) fn reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn ambient(now: i64) -> Ambient {
    Ambient::new(move || Time::from_seconds(now), || [3; 16])
}

pub(crate) fn signer(dialect: &str) -> RequestSigner {
    let dialect = countersign_dialects::load(dialect, &Default::default()).unwrap();
    RequestSigner::new(
        Arc::new(dialect),
        Arc::new(PrivateKey::generate(KeyKind::Ed25519, 256).unwrap()),
        "me",
    )
}

fn get(address: &str) -> Request<Bytes> {
    Request::get(format!("{address}/things")).body(Bytes::new()).unwrap()
}

/// The payload of the token in a request.
pub(crate) fn claims(text: &str) -> String {
    let token = text.split("JWT ").nth(1).unwrap().split_whitespace().next().unwrap();
    let payload = token.split('.').nth(1).unwrap();
    let mut bytes = Vec::new();
    countersign::base64::decode(countersign::base64::Alphabet::Url, payload.as_bytes(), &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_once_and_stays_corrected() {
    let seen = Arc::new(AtomicU64::new(0));
    let counter = seen.clone();
    let address = server(move |text| {
        counter.fetch_add(1, Ordering::SeqCst);
        let headers = format!("countersign-time: {}\r\n", (NOW + 3600) * 1000);
        if claims(text).contains(&format!("\"time\":{}", NOW + 3600)) {
            reply("200 OK", &headers, "in")
        } else {
            reply("401 Unauthorized", &headers, r#"{"code":"out-of-window"}"#)
        }
    })
    .await;
    let client = Client::signing(signer("asymmetric-jwt"), ambient(NOW)).unwrap();
    let answer = client.send(get(&address), 100).await.unwrap();
    assert_eq!((answer.response.status(), answer.tries), (StatusCode::OK, 2));
    assert_eq!(answer.offset.ahead().seconds(), 3600);
    let answer = client.send(get(&address), 1).await.unwrap();
    assert_eq!((answer.tries, answer.response.body().as_ref()), (1, &b"i"[..]), "cut at the limit");
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_server_that_always_refuses_is_asked_twice_and_no_more() {
    let ahead = Arc::new(AtomicI64::new(100));
    let address = server(move |_| {
        // Each answer tells another time: a client that believed it for ever would never stop.
        let time = (NOW + ahead.fetch_add(1000, Ordering::SeqCst)) * 1000;
        reply("401 Unauthorized", &format!("countersign-time: {time}\r\n"), r#"{"code":"expired"}"#)
    })
    .await;
    let client = Client::signing(signer("asymmetric-jwt"), ambient(NOW)).unwrap();
    let answer = client.send(get(&address), 100).await.unwrap();
    assert_eq!((answer.response.status(), answer.tries), (StatusCode::UNAUTHORIZED, 2));
}

#[tokio::test]
async fn redirects_are_not_followed_with_a_proof() {
    let address = server(|_| reply("302 Found", "location: http://127.0.0.1:1/\r\n", "")).await;
    let client = Client::signing(signer("asymmetric-jwt"), ambient(NOW)).unwrap();
    assert_eq!(client.send(get(&address), 100).await.unwrap().response.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn many_requests_open_one_session_and_replace_it_when_it_ended() {
    let sessions = Arc::new(AtomicU64::new(0));
    let opened = sessions.clone();
    let address = server(move |text| {
        if text.starts_with("POST /v1/auth/code ") {
            return reply("200 OK", "", r#"{"authCode":"00112233445566778899aa"}"#);
        }
        if text.starts_with("POST /v1/auth/token ") {
            let number = opened.fetch_add(1, Ordering::SeqCst) + 1;
            let until = (NOW + 1500) * 1000;
            let body = format!(
                r#"{{"accessToken":"a{number}","refreshToken":"r","accessTokenExpires":{until},"refreshTokenExpires":{until}}}"#
            );
            return reply("200 OK", "", &body);
        }
        // The first session is one that the server has ended meanwhile.
        if text.contains("Bearer a1") { reply("401 Unauthorized", "", "over") } else { reply("200 OK", "", "in") }
    })
    .await;
    let keeper = Keeper::new(signer("spacetime"), "/v1");
    let client = Arc::new(Client::in_session(keeper, &address, ambient(NOW)).unwrap());
    let first = client.send(get(&address), 100).await.unwrap();
    assert_eq!((first.response.status(), first.tries), (StatusCode::OK, 2));
    let all: Vec<_> = (0..8)
        .map(|_| {
            let (client, request) = (client.clone(), get(&address));
            tokio::spawn(async move { client.send(request, 100).await.unwrap().response.status() })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(sessions.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_with_its_cause() {
    let client = Client::signing(signer("asymmetric-jwt"), ambient(NOW)).unwrap();
    let error = client.send(get("http://127.0.0.1:9"), 100).await.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_caller_that_gave_up_while_a_session_was_opened_does_not_stop_the_next() {
    let asked = Arc::new(AtomicU64::new(0));
    let counter = asked.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            if counter.fetch_add(1, Ordering::SeqCst) == 0 {
                // The first caller waits for ever.
                std::mem::forget(socket);
                continue;
            }
            let mut buffer = [0; 4096];
            let read = socket.read(&mut buffer).await.unwrap();
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            let body = if text.contains("/auth/code") {
                r#"{"authCode":"00112233445566778899aa"}"#.to_owned()
            } else {
                let until = (NOW + 1500) * 1000;
                format!(
                    r#"{{"accessToken":"a","accessTokenExpires":{until},"refreshToken":"r","refreshTokenExpires":{until}}}"#
                )
            };
            socket.write_all(reply("200 OK", "", &body).as_bytes()).await.unwrap();
        }
    });
    let keeper = Keeper::new(signer("spacetime"), "/v1");
    let client = Client::in_session(keeper, &silent, ambient(NOW)).unwrap().direct().unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(300), client.tokens()).await;
    assert!(given_up.is_err() && asked.load(Ordering::SeqCst) == 1);
    assert_eq!(client.tokens().await.unwrap().unwrap().access(), "a");
}

pub(crate) mod signed;
