//! Answers that the server signs, does not sign, or signs to somebody else.
use super::*;
use crate::answers::Answers;
use countersign::answer::Content;
use countersign::answer::judge::{Extent, Unproved};
use countersign::answer::make::{Signing, sign};
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::Span;
use countersign_keys::Algorithm;
use http::{HeaderName, HeaderValue};

/// Reads a request as it came and signs an answer to it, as the server does.
pub(crate) fn answered(key: &PrivateKey, text: &str, body: &str, content: Content<'_>) -> String {
    dated(key, text, (200, NOW), body, content)
}

/// The same with a status and a date of its own.
fn dated(key: &PrivateKey, text: &str, (status, at): (u16, i64), body: &str, content: Content<'_>) -> String {
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
    let signing = Signing { key, algorithm: Algorithm::EcdsaP256Sha256, now: Time::from_seconds(at) };
    sign(&incoming, label, status, &mut made, content, &signing).unwrap();
    made.insert("countersign-time", (at * 1000).into());
    let lines: String =
        made.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
    reply(StatusCode::from_u16(status).unwrap().as_str(), &lines, body)
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

/// What a refusal about time says.
const EXPIRED: &str = r#"{"code":"expired"}"#;

#[tokio::test]
async fn a_refusal_that_nobody_signed_does_not_move_the_clock_to_old_answers() {
    let key = key();
    for (says, body) in [("countersign-time", EXPIRED), ("countersign-time", ""), ("date", "")] {
        let (signer, asked) = (key.clone(), Arc::new(AtomicU64::new(0)));
        let counter = asked.clone();
        let told = if says == "date" {
            "date: Tue, 14 Nov 2023 22:12:14 GMT\r\n".to_owned()
        } else {
            format!("{says}: {}\r\n", (NOW - 66) * 1000)
        };
        let address = server(move |text| match counter.fetch_add(1, Ordering::SeqCst) {
            0 => reply("401 Unauthorized", &told, body),
            _ => dated(&signer, text, (200, NOW - 66), "old", Content::Whole(b"old")),
        })
        .await;
        let client = Client::signing(super::signer("http-signature"), ambient(NOW)).unwrap();
        let client = client.wanting_signed(answers(&key));
        let error = client.send(get(&address), 100).await.unwrap_err();
        assert!(matches!(error, NoAnswer::Unproved(Unproved::Unsigned)), "{says}: {error}");
        assert_eq!((client.offset().ahead(), asked.load(Ordering::SeqCst)), (Span::ZERO, 1), "{says}");
        let error = client.send(get(&address), 100).await.unwrap_err();
        assert!(matches!(error, NoAnswer::Unproved(Unproved::Dated(-66))), "{says}: {error}");
    }
}

#[tokio::test]
async fn a_refusal_that_the_server_signed_to_this_proof_corrects_the_clock() {
    let key = key();
    for (dialect, ahead) in [("http-signature", 3600), ("http-signature", -3600), ("asymmetric-jwt", 3600)] {
        let (signer, asked) = (key.clone(), AtomicU64::new(0));
        let address = server(move |text| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => dated(&signer, text, (401, NOW + ahead), EXPIRED, Content::Whole(EXPIRED.as_bytes())),
            _ => dated(&signer, text, (200, NOW + ahead), "in", Content::Whole(b"in")),
        })
        .await;
        let client = Client::signing(super::signer(dialect), ambient(NOW)).unwrap();
        let client = client.wanting_signed(answers(&key));
        let answer = client.send(get(&address), 100).await.unwrap();
        assert_eq!((answer.tries, answer.offset.ahead()), (2, Span::from_seconds(ahead)), "{dialect}");
        assert_eq!(answer.signed.unwrap().created(), Time::from_seconds(NOW + ahead));
    }
}

#[tokio::test]
async fn a_refusal_signed_by_others_or_to_others_or_days_away_teaches_nothing() {
    let (other, key) = (key(), key());
    let refused = |key: &PrivateKey, text: &str, at: i64, content: Content<'_>| {
        dated(key, text, (401, at), EXPIRED, content)
    };
    let whole = Content::Whole(EXPIRED.as_bytes());
    type Making = Box<dyn Fn(&str) -> String + Send + Sync>;
    let (own, same, far) = (key.clone(), key.clone(), key.clone());
    let to_another = Mutex::new(None::<String>);
    let ways: [(&str, Making); 4] = [
        ("a stranger's key", Box::new(move |text| refused(&other, text, NOW - 66, whole))),
        (
            "a body that anybody can change",
            Box::new(move |text| refused(&own, text, NOW - 66, Content::Unheld)),
        ),
        ("more than a day", Box::new(move |text| refused(&far, text, NOW - 90_000, whole))),
        (
            "an earlier request",
            Box::new(move |text| {
                let mut first = to_another.lock().unwrap();
                first.get_or_insert_with(|| refused(&same, text, NOW - 66, whole)).clone()
            }),
        ),
    ];
    for (what, way) in ways {
        let address = server(way).await;
        if what == "an earlier request" {
            let before = Client::signing(signer("http-signature"), ambient(NOW)).unwrap();
            before.send(get(&address), 100).await.unwrap();
        }
        let client = Client::signing(signer("http-signature"), ambient(NOW)).unwrap();
        let client = client.wanting_signed(answers(&key).or_head_alone());
        let error = client.send(get(&address), 100).await.unwrap_err();
        assert!(matches!(error, NoAnswer::Unproved(_)), "{what}: {error}");
        assert_eq!(client.offset().ahead(), Span::ZERO, "{what}");
    }
}

#[tokio::test]
async fn an_old_refusal_of_a_token_that_is_sent_again_and_again_teaches_nothing() {
    let key = key();
    let signer = key.clone();
    let address = server(move |text| {
        if text.starts_with("POST /v1/auth/code ") {
            return reply("200 OK", "", r#"{"authCode":"00112233445566778899aa"}"#);
        }
        if text.starts_with("POST /v1/auth/token ") {
            let until = (NOW + 1500) * 1000;
            let body = format!(
                r#"{{"accessToken":"a","refreshToken":"r","accessTokenExpires":{until},"refreshTokenExpires":{until}}}"#
            );
            return reply("200 OK", "", &body);
        }
        // The service's own word to the same token a minute ago; the token binds it to no single request.
        dated(&signer, text, (401, NOW - 66), "not today", Content::Whole(b"not today"))
    })
    .await;
    let keeper = Keeper::new(super::signer("spacetime"), "/v1");
    let client = Client::in_session(keeper, &address, ambient(NOW)).unwrap().wanting_signed(answers(&key));
    let error = client.send(get(&address), 100).await.unwrap_err();
    assert!(matches!(error, NoAnswer::Unproved(Unproved::Dated(-66))), "{error}");
    assert_eq!(client.offset().ahead(), Span::ZERO);
}

#[tokio::test]
async fn an_old_refusal_to_an_address_or_to_a_header_that_is_no_proof_teaches_nothing() {
    let key = key();
    let signing = key.clone();
    let address = server(move |text| {
        dated(&signing, text, (401, NOW - 66), EXPIRED, Content::Whole(EXPIRED.as_bytes()))
    })
    .await;
    let dialect = Arc::new(countersign_dialects::load("skillhive", &Default::default()).unwrap());
    let own = Arc::new(PrivateKey::generate(KeyKind::Rsa, 2048).unwrap());
    for beside in [None, Some("Basic bWU6bWU=")] {
        let signer =
            RequestSigner::new(dialect.clone(), own.clone(), "connection").acting_as("ada@example.com");
        let client = Client::signing(signer, ambient(NOW)).unwrap().wanting_signed(answers(&key));
        let mut request = get(&address);
        if let Some(beside) = beside {
            request.headers_mut().insert("authorization", HeaderValue::from_static(beside));
        }
        let error = client.send(request, 100).await.unwrap_err();
        assert!(matches!(error, NoAnswer::Unproved(Unproved::Dated(-66))), "{beside:?}: {error}");
        assert_eq!(client.offset().ahead(), Span::ZERO, "{beside:?}");
    }
}
