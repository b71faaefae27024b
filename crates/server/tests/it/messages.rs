//! HTTP message signatures (RFC 9421) through the gateway and behind another proxy.
use crate::fixture::{Answer, HOST, ROUTES, World};

const ROUTE: &str = r#"
[[route]]
name = "messages"
path = "/messages"
dialects = ["http-signature"]
upstream = "UPSTREAM"
require = ["method", "authority", "path", "query", "body", "once"]
"#;

async fn world() -> World {
    World::with(&format!("{ROUTES}{ROUTE}")).await
}

async fn post(world: &World, path: &str, proof: &str, body: &str) -> Answer {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}Content-Length: {length}");
    world.send(format!("{head}\r\n\r\n{body}")).await
}

#[tokio::test]
async fn a_signed_request_reaches_the_upstream_with_its_body_and_without_its_signature() {
    let world = world().await;
    let path = "/messages/a?b=%20c";
    let proof = world.proof("http-signature", "POST", path, b"hello");
    let answer = post(&world, path, &proof, "hello").await;
    let seen = answer.seen();
    assert_eq!((seen["method"].as_str(), seen["target"].as_str()), (Some("POST"), Some(path)));
    assert_eq!(seen["body_b64"].as_str(), Some("aGVsbG8="), "hello: {seen}");
    assert_eq!(answer.seen_header("x-countersign-account"), ["alice"]);
    assert_eq!(answer.seen_header("x-countersign-dialect"), ["http-signature"]);
    for carrier in ["signature", "signature-input"] {
        assert!(answer.seen_header(carrier).is_empty(), "{carrier}: {seen}");
    }
    // What the body's digest is may be of use to whoever comes after.
    assert_eq!(answer.seen_header("content-digest").len(), 1);
    let again = post(&world, path, &proof, "hello").await;
    assert!(again.status == 401 && again.body.contains("replayed"), "{again:?}");
}

#[tokio::test]
async fn what_was_not_signed_does_not_pass() {
    let world = world().await;
    let path = "/messages/a";
    let fresh = |body: &str| world.proof("http-signature", "POST", path, body.as_bytes());
    let without_digest = |proof: &str| {
        proof.split_inclusive("\r\n").filter(|line| !line.starts_with("content-digest")).collect::<String>()
    };
    for (proof, at, body, outward) in [
        (fresh("hello"), path, "hallo", "digest-mismatch"),
        (fresh("hello"), path, "", "digest-mismatch"),
        (fresh("hello"), "/messages/b", "hello", "refused"),
        (fresh("hello"), "/messages/a?b=c", "hello", "refused"),
        (without_digest(&fresh("hello")), path, "hello", "malformed"),
        // Signed when there was no body, so that no digest is covered.
        (fresh(""), path, "hello", "component-missing"),
    ] {
        let answer = post(&world, at, &proof, body).await;
        assert_eq!(answer.status, 401, "{at} {body} {answer:?}");
        assert!(answer.body.contains(outward), "{at} {body}, wanted {outward}: {answer:?}");
        let accepted = answer.header("accept-signature").unwrap_or_default();
        assert_eq!(
            accepted, r#"sig1=("@method" "@authority" "@path" "@query" "content-digest");created"#,
            "{at} {body}"
        );
    }
    let absent = post(&world, path, "", "hello").await;
    assert!(absent.status == 401 && absent.header("accept-signature").is_some(), "{absent:?}");
    assert_eq!(absent.header("www-authenticate"), Some("Signature"));
}

#[tokio::test]
async fn behind_a_proxy_the_address_is_the_callers_and_a_body_must_come_along() {
    let world = world().await;
    let path = "/messages/a?b=c";
    let nginx = |method: &str, uri: &str| {
        format!(
            "X-Original-Method: {method}\r\nX-Original-URI: {uri}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: {HOST}\r\n"
        )
    };
    let ask = async |proof: &str, lines: &str| {
        world.send(format!("GET /verify HTTP/1.1\r\nHost: inner\r\n{proof}{lines}\r\n")).await
    };
    let fresh = |method: &str, body: &[u8]| world.proof("http-signature", method, path, body);
    let answer = ask(&fresh("GET", b""), &nginx("GET", path)).await;
    assert_eq!((answer.status, answer.header("x-countersign-account")), (200, Some("alice")), "{answer:?}");
    for (method, uri) in [("DELETE", path), ("GET", "/messages/a?b=d"), ("GET", "/messages/a")] {
        let answer = ask(&fresh("GET", b""), &nginx(method, uri)).await;
        assert_eq!(answer.status, 401, "{method} {uri}: {answer:?}");
        assert!(answer.header("accept-signature").is_some(), "{method} {uri}: {answer:?}");
    }
    // nginx sends no body along.
    let lines = format!("{}X-Original-Content-Length: 5\r\n", nginx("POST", path));
    let answer = ask(&fresh("POST", b"hello"), &lines).await;
    assert!(answer.status == 401 && answer.body.contains("body-unseen"), "{answer:?}");
}

#[tokio::test]
async fn what_connection_would_take_from_the_upstream_is_no_part_of_a_proof() {
    let world = world().await;
    let path = "/messages/a";
    let send = async |connection: &str| {
        let proof = world.proof("http-signature", "POST", path, b"hello");
        post(&world, path, &format!("{proof}Connection: {connection}\r\n"), "hello").await
    };
    let answer = send("close, x-other").await;
    assert_eq!((answer.status, answer.seen_header("content-digest").len()), (200, 1), "{answer:?}");
    for connection in ["content-digest", "close, Content-Digest"] {
        let answer = send(connection).await;
        assert!(answer.status == 401 && answer.body.contains("malformed"), "{connection}: {answer:?}");
    }
}

#[tokio::test]
async fn an_unknown_key_a_wrong_one_and_a_bad_signature_are_one_answer() {
    let world = world().await;
    let path = "/messages/a";
    let fresh = || world.proof("http-signature", "GET", path, b"");
    let good = fresh();
    let (before, rest) = good.split_once("keyid=\"").unwrap();
    let (id, after) = rest.split_once('"').unwrap();
    let stranger: String = id.chars().rev().collect();
    let unknown = format!("{before}keyid=\"{stranger}\"{after}");
    // The bytes of one signature behind the input of another.
    let elsewhere: String = good
        .split_inclusive("\r\n")
        .filter(|line| line.starts_with("signature-input"))
        .chain(fresh().split_inclusive("\r\n").filter(|line| line.starts_with("signature:")))
        .collect();
    let short = good.split_once("signature: ").unwrap().0.to_owned() + "signature: sig1=:AAAA:\r\n";
    let mut told = Vec::new();
    for proof in [unknown, elsewhere, short, good.replace("alg=\"ecdsa-p384-sha384\"", "alg=\"ed25519\"")] {
        let answer = world.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{proof}\r\n")).await;
        let own = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !["date", "countersign-reject", "countersign-time"].contains(&name.as_str())
        };
        let head: Vec<_> = answer.head.lines().filter(own).map(str::to_owned).collect();
        assert!(answer.status == 401 && answer.body.contains("refused"), "{proof}: {answer:?}");
        told.push((head, answer.body));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:#?}");
}
