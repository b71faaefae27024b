//! Answers that a route signs (RFC 9421 section 2.4), and the directory of the keys that they are signed with.
use crate::fixture::{Answer, HOST, NOW, ROUTES, World};
use countersign::answer::judge::{
    Bound, Came, Extent, ServerKey, Signed, Unproved, Wanted, directory, judge,
};
use countersign::answer::{DIRECTORY, DIRECTORY_TYPE};
use countersign::incoming::{Body, Incoming, Target};
use countersign::time::{Span, Time};
use countersign_keys::{Policy, read_key_set};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ROUTE: &str = r#"
[[route]]
name = "signed"
path = "/signed"
dialects = ["http-signature", "skykit"]
upstream = "UPSTREAM"
methods = ["GET", "HEAD", "POST"]
sign_answers = true

[[route]]
name = "short"
path = "/signed/short"
dialects = ["skykit"]
upstream = "UPSTREAM"
body_limit = 20
sign_answers = true

[[route]]
name = "gone"
path = "/signed/gone"
dialects = ["skykit"]
upstream = "http://127.0.0.1:1"
sign_answers = true
"#;

async fn world() -> World {
    World::with(&format!("{ROUTES}{ROUTE}")).await
}

fn headers<'l>(lines: impl Iterator<Item = &'l str>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = HeaderName::try_from(name.to_ascii_lowercase()).unwrap();
        map.append(name, HeaderValue::try_from(value.trim()).unwrap());
    }
    map
}

/// The keys that the server publishes for everybody.
async fn keys(world: &World) -> Vec<ServerKey> {
    let published = world.send(format!("GET /.well-known/jwks.json HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    let set = read_key_set(published.body.as_bytes(), &Policy::default()).unwrap();
    set.keys.into_iter().map(|intake| ServerKey::new(intake.key.into())).collect()
}

async fn ask(world: &World, method: &str, path: &str, proof: &str) -> Answer {
    world.send(format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}Connection: close\r\n\r\n")).await
}

/// Judges an answer as whoever asked does.
async fn judged(
    world: &World,
    (method, path, proof): (&str, &str, &str),
    answer: &Answer,
) -> Result<Signed, Unproved> {
    let sent = headers(proof.lines());
    let question = Incoming {
        method,
        target: Target::new("http", HOST, path),
        headers: &sent,
        body: Body::Empty,
        client: None,
        challenge: None,
    };
    let keys = keys(world).await;
    let came = headers(answer.head.lines().skip(1));
    let wanted = Wanted {
        keys: &keys,
        now: Time::from_seconds(NOW),
        tolerance: Span::from_seconds(60),
        least: Extent::Head,
    };
    let label = proof.contains("signature-input").then_some("sig1");
    judge(
        &question,
        label,
        &Came { status: answer.status, headers: &came, body: answer.body.as_bytes() },
        &wanted,
    )
}

#[tokio::test]
async fn an_answer_is_signed_to_the_request_that_it_answers() {
    let world = world().await;
    let path = "/signed/a?b=%20c";
    let proof = world.proof("http-signature", "GET", path, b"");
    let answer = ask(&world, "GET", path, &proof).await;
    answer.seen();
    let signed = judged(&world, ("GET", path, &proof), &answer).await.unwrap();
    assert_eq!((signed.bound(), signed.extent()), (Bound::Proof, Extent::Whole));
    // The same caller's next request, and another address.
    let next = world.proof("http-signature", "GET", path, b"");
    assert_eq!(judged(&world, ("GET", path, &next), &answer).await.unwrap_err(), Unproved::Broken);
    assert_eq!(judged(&world, ("GET", "/signed/a", &proof), &answer).await.unwrap_err(), Unproved::Broken);
    let other = Answer { body: answer.body.replace("GET", "PUT"), ..answer.clone() };
    assert_eq!(judged(&world, ("GET", path, &proof), &other).await.unwrap_err(), Unproved::Body);
    // A token binds as well as it is its own.
    let proof = world.proof("skykit", "GET", path, b"");
    let answer = ask(&world, "GET", path, &proof).await;
    assert_eq!(judged(&world, ("GET", path, &proof), &answer).await.unwrap().bound(), Bound::Proof);
    // Only where the route says so.
    let answer = world.get("/a", "").await;
    assert_eq!((answer.status, answer.header("signature")), (200, None));
}

#[tokio::test]
async fn refusals_are_signed_and_tell_strangers_no_more_than_before() {
    let world = world().await;
    let path = "/signed/a";
    let good = world.proof("http-signature", "GET", path, b"");
    let (before, rest) = good.split_once("keyid=\"").unwrap();
    let (id, after) = rest.split_once('"').unwrap();
    let unknown = format!("{before}keyid=\"{}\"{after}", id.chars().rev().collect::<String>());
    let bad: String = good
        .split_inclusive("\r\n")
        .filter(|line| line.starts_with("signature-input"))
        .chain(
            world
                .proof("http-signature", "GET", path, b"")
                .split_inclusive("\r\n")
                .filter(|line| line.starts_with("signature:")),
        )
        .collect();
    let mut told = Vec::new();
    for proof in [unknown, bad] {
        let answer = ask(&world, "GET", path, &proof).await;
        assert!(answer.status == 401 && answer.body.contains("refused"), "{answer:?}");
        let signed = judged(&world, ("GET", path, &proof), &answer).await.unwrap();
        assert_eq!((signed.bound(), signed.extent()), (Bound::Proof, Extent::Whole));
        let length = answer.header("signature").unwrap().len();
        let own = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !["date", "countersign-reject", "countersign-time", "signature"].contains(&name.as_str())
        };
        let head: Vec<_> = answer.head.lines().filter(own).map(str::to_owned).collect();
        told.push((head, length, answer.body));
    }
    assert_eq!(told[0], told[1]);
    // Nothing proved, a method that is not taken, a path with two readings, a service that is not there.
    let proof = world.proof("skykit", "GET", "/signed/gone", b"");
    for (method, path, proof, status) in [
        ("GET", "/signed/a", "", 401),
        ("PUT", "/signed/a", "", 405),
        ("GET", "/signed//a", "", 400),
        ("GET", "/signed/gone", &proof, 502),
    ] {
        let answer = ask(&world, method, path, proof).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        judged(&world, (method, path, proof), &answer)
            .await
            .unwrap_or_else(|why| panic!("{path}: {why} {answer:?}"));
    }
}

#[tokio::test]
async fn what_is_too_long_to_be_held_comes_whole_and_says_that_it_is_not_covered() {
    let world = world().await;
    let proof = world.proof("skykit", "GET", "/signed/short", b"");
    let answer = ask(&world, "GET", "/signed/short", &proof).await;
    answer.seen();
    let signed = judged(&world, ("GET", "/signed/short", &proof), &answer).await.unwrap();
    assert_eq!(signed.extent(), Extent::Head);
    assert_eq!(answer.header("content-digest"), None);
    let proof = world.proof("skykit", "HEAD", "/signed/a", b"");
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let request = format!("HEAD /signed/a HTTP/1.1\r\nHost: {HOST}\r\n{proof}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let head = Answer { status: 200, head: text.trim_end().to_owned(), body: String::new() };
    assert!(head.head.starts_with("HTTP/1.1 200"), "{head:?}");
    let signed = judged(&world, ("HEAD", "/signed/a", &proof), &head).await.unwrap();
    assert_eq!(signed.extent(), Extent::Whole);
}

#[tokio::test]
async fn a_proxy_is_told_refusals_that_are_signed_to_the_callers_question() {
    let world = world().await;
    let ask = async |proof: &str| {
        let lines = format!(
            "X-Original-Method: GET\r\nX-Original-URI: /signed/a\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: {HOST}\r\n"
        );
        world.send(format!("GET /verify HTTP/1.1\r\nHost: inner\r\n{proof}{lines}\r\n")).await
    };
    let refused = ask("").await;
    assert_eq!(refused.status, 401);
    judged(&world, ("GET", "/signed/a", ""), &refused).await.unwrap();
    let passed = ask(&world.proof("skykit", "GET", "/signed/a", b"")).await;
    assert_eq!((passed.status, passed.header("signature")), (200, None), "{passed:?}");
}

#[tokio::test]
async fn the_directory_is_signed_by_each_key_for_the_public_address_and_for_no_other() {
    let nowhere = world().await;
    let answer = ask(&nowhere, "GET", DIRECTORY, "").await;
    assert_eq!((answer.status, answer.header("signature")), (200, None), "nobody's word for a host");
    let public = format!("[server]\npublic_url = \"http://{HOST}\"\n");
    let world = World::with(&ROUTES.replace("[server]\n", &public)).await;
    let answer = ask(&world, "GET", DIRECTORY, "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(DIRECTORY_TYPE)));
    let keys = keys(&world).await;
    let listed: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(listed["keys"][0]["kid"], keys[0].thumbprint());
    let nothing = HeaderMap::new();
    let came = headers(answer.head.lines().skip(1));
    let of = |host| {
        let question = Incoming {
            method: "GET",
            target: Target::new("http", host, DIRECTORY),
            headers: &nothing,
            body: Body::Empty,
            client: None,
            challenge: None,
        };
        let came = Came { status: 200, headers: &came, body: answer.body.as_bytes() };
        directory(&question, &came, &keys, Time::from_seconds(NOW)).len()
    };
    assert_eq!((of(HOST), of("other.example")), (keys.len(), 0));
    let named = format!("GET {DIRECTORY} HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(!world.send(named).await.head.contains("evil"));
    assert_eq!(ask(&world, "POST", DIRECTORY, "").await.status, 405);
}
