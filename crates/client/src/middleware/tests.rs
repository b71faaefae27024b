//! The middleware in a chain of somebody's own, against a real socket.
use super::*;
use crate::http::tests::signed::{answered, answers, key};
use crate::http::tests::{NOW, ambient, claims, reply, server, signer};
use crate::signer::RequestSigner;
use countersign::answer::Content;
use countersign_keys::{KeyKind, PrivateKey};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use std::sync::atomic::{AtomicU64, Ordering};

fn chain(client: Client) -> ClientWithMiddleware {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    ClientBuilder::new(http).with(Signing::new(Arc::new(client))).build()
}

#[tokio::test]
async fn what_passes_is_signed_and_a_wrong_clock_is_corrected_once() {
    let seen = Arc::new(AtomicU64::new(0));
    let counter = seen.clone();
    let address = server(move |text| {
        counter.fetch_add(1, Ordering::SeqCst);
        let headers = format!("countersign-time: {}\r\n", (NOW + 3600) * 1000);
        if !text.ends_with("\r\n\r\nbody") {
            reply("400 Bad Request", &headers, "the body got lost")
        } else if claims(text).contains(&format!("\"time\":{}", NOW + 3600)) {
            reply("200 OK", &headers, "in")
        } else {
            reply("401 Unauthorized", &headers, r#"{"code":"out-of-window"}"#)
        }
    })
    .await;
    let http = chain(Client::signing(signer("asymmetric-jwt"), ambient(NOW)).unwrap());
    for _ in 0..2 {
        let answer = http.post(format!("{address}/things")).body("body").send().await.unwrap();
        assert_eq!((answer.status(), answer.text().await.unwrap()), (StatusCode::OK, "in".to_owned()));
    }
    assert_eq!(seen.load(Ordering::SeqCst), 3, "refused and asked again, then right at once");
}

#[tokio::test]
async fn a_refusal_that_teaches_nothing_arrives_whole() {
    let address = server(|_| reply("401 Unauthorized", "x-mine: 1\r\n", r#"{"code":"bad-signature"}"#)).await;
    let http = chain(Client::signing(signer("asymmetric-jwt"), ambient(NOW)).unwrap());
    let url = format!("{address}/things?a=%20b");
    let answer = http.get(&url).send().await.unwrap();
    assert_eq!((answer.status(), answer.url().as_str()), (StatusCode::UNAUTHORIZED, url.as_str()));
    assert_eq!(answer.headers()["x-mine"], "1");
    assert_eq!(answer.text().await.unwrap(), r#"{"code":"bad-signature"}"#);
}

#[tokio::test]
async fn a_stream_is_no_body_that_can_be_signed() {
    let dialect = countersign_dialects::load("skillhive", &Default::default()).unwrap();
    let key = Arc::new(PrivateKey::generate(KeyKind::Rsa, 2048).unwrap());
    let signer = RequestSigner::new(Arc::new(dialect), key, "connection").acting_as("ada@example.com");
    let http = chain(Client::signing(signer, ambient(NOW)).unwrap());
    let stream = reqwest::Body::wrap(http_body_util::Full::new(Bytes::from_static(b"body")));
    let error = http.post("http://127.0.0.1:9/").body(stream).send().await.unwrap_err();
    assert!(format!("{error:?}").contains("found a stream"), "{error:?}");
}

#[tokio::test]
async fn a_client_that_wants_signed_answers_gets_them_whole_or_not_at_all() {
    let key = key();
    let signing = key.clone();
    let address = server(move |text| match text.contains("/unsigned") {
        true => reply("200 OK", "", "in"),
        false => answered(&signing, text, "in", Content::Whole(b"in")),
    })
    .await;
    let client =
        Client::signing(signer("http-signature"), ambient(NOW)).unwrap().wanting_signed(answers(&key));
    let http = chain(client);
    let answer = http.get(format!("{address}/signed")).send().await.unwrap();
    assert_eq!((answer.status(), answer.text().await.unwrap()), (StatusCode::OK, "in".to_owned()));
    let error = http.get(format!("{address}/unsigned")).send().await.unwrap_err();
    assert!(format!("{error:?}").contains("wanted an answer that the server signed"), "{error:?}");
}

#[tokio::test]
async fn a_client_that_wants_signed_answers_learns_the_time_from_no_other() {
    let seen = Arc::new(AtomicU64::new(0));
    let counter = seen.clone();
    let address = server(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        reply("401 Unauthorized", &format!("countersign-time: {}\r\n", (NOW - 66) * 1000), "")
    })
    .await;
    let client = Client::signing(signer("http-signature"), ambient(NOW)).unwrap();
    let http = chain(client.wanting_signed(answers(&key())));
    let error = http.get(format!("{address}/things")).send().await.unwrap_err();
    assert!(format!("{error:?}").contains("found one without"), "{error:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}
