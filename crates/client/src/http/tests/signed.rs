//! Answers that the server signs, does not sign, or signs to somebody else.
use super::*;
use crate::answers::Answers;
use countersign::answer::Content;
use countersign::answer::judge::{Extent, Unproved};
use countersign::answer::make::{Signing, sign};
use countersign::incoming::{Body, Incoming, Target};
use countersign_keys::Algorithm;
use http::{HeaderName, HeaderValue};

/// Reads a request as it came and signs an answer to it, as the server does.
pub(crate) fn answered(key: &PrivateKey, text: &str, body: &str, content: Content<'_>) -> String {
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap(), first.next().unwrap());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    let host = headers["host"].to_str().unwrap().to_owned();
    let target = Target::new("http", &host, path);
    let incoming =
        Incoming { method, target, headers: &headers, body: Body::Empty, client: None, challenge: None };
    let label = headers.contains_key("signature-input").then_some("sig1");
    let mut made = HeaderMap::new();
    let signing = Signing { key, algorithm: Algorithm::EcdsaP256Sha256, now: Time::from_seconds(NOW) };
    sign(&incoming, label, 200, &mut made, content, &signing).unwrap();
    let lines: String =
        made.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
    reply("200 OK", &lines, body)
}

pub(crate) fn answers(key: &PrivateKey) -> Answers {
    let jwk = serde_json::to_value(key.public_key().to_jwk()).unwrap();
    Answers::signed_with(serde_json::json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap()
}

pub(crate) fn key() -> Arc<PrivateKey> {
    Arc::new(PrivateKey::generate(KeyKind::P256, 256).unwrap())
}

async fn sent(dialect: &str, answers: Answers, address: &str) -> Result<Answer, Unproved> {
    let client = Client::signing(signer(dialect), ambient(NOW)).unwrap().wanting_signed(answers);
    match client.send(get(address), 100).await {
        Ok(answer) => Ok(answer),
        Err(NoAnswer::Unproved(why)) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_answer_that_the_server_signed_is_taken_and_no_other() {
    let key = key();
    let signer = key.clone();
    let address = server(move |text| answered(&signer, text, "in", Content::Whole(b"in"))).await;
    for dialect in ["http-signature", "asymmetric-jwt"] {
        let answer = sent(dialect, answers(&key), &address).await.unwrap();
        assert_eq!(answer.signed.unwrap().extent(), Extent::Whole, "{dialect}");
    }
    let strangers = sent("http-signature", answers(&self::key()), &address).await;
    assert!(matches!(strangers, Err(Unproved::UnknownKey(_))), "{strangers:?}");
    let signer = key.clone();
    let address = server(move |text| answered(&signer, text, "out", Content::Whole(b"in"))).await;
    assert_eq!(sent("http-signature", answers(&key), &address).await.unwrap_err(), Unproved::Body);
    let address = server(|_| reply("200 OK", "", "in")).await;
    assert_eq!(sent("http-signature", answers(&key), &address).await.unwrap_err(), Unproved::Unsigned);
    let client = Client::signing(super::signer("http-signature"), ambient(NOW)).unwrap();
    assert!(client.send(get(&address), 100).await.unwrap().signed.is_none(), "nobody asked");
}

#[tokio::test]
async fn an_answer_to_another_request_is_none_to_this_one() {
    let key = key();
    let signer = key.clone();
    let first = Arc::new(Mutex::new(None));
    let address = server(move |text| {
        let mut first = first.lock().unwrap();
        first.get_or_insert_with(|| answered(&signer, text, "in", Content::Whole(b"in"))).clone()
    })
    .await;
    // The clock and the random bytes stand still here, so that two of one client would be the same request.
    sent("http-signature", answers(&key), &address).await.unwrap();
    assert_eq!(sent("http-signature", answers(&key), &address).await.unwrap_err(), Unproved::Broken);
}

#[tokio::test]
async fn a_body_outside_the_signature_is_taken_where_that_was_asked_for() {
    let key = key();
    let signer = key.clone();
    let address = server(move |text| answered(&signer, text, "in", Content::Unheld)).await;
    assert_eq!(sent("http-signature", answers(&key), &address).await.unwrap_err(), Unproved::BodyOutside);
    let answer = sent("http-signature", answers(&key).or_head_alone(), &address).await.unwrap();
    assert_eq!(answer.signed.unwrap().extent(), Extent::Head);
}
