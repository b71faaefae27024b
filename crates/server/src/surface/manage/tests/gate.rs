//! Who gets in: replayed, tampered, old, strange and unsigned management requests.
use super::bench::{Bench, START};
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use countersign::time::Time;
use serde_json::json;

const ACCOUNTS: &str = "/api/v1/accounts";

#[tokio::test]
async fn a_good_request_passes_once() {
    let bench = Bench::new().await;
    let request =
        |bench: &Bench| bench.signed(&bench.manager, "POST", ACCOUNTS, &json!({"name": "a"}).to_string());
    let first = request(&bench);
    let copy = copied(&first, &json!({"name": "a"}).to_string());
    assert_eq!(bench.send(first).await.status, StatusCode::CREATED);
    let again = bench.send(copy).await;
    assert_eq!(again.problem(), (401, "replayed".into()), "{}", again.text);
    assert!(again.headers.contains_key(header::WWW_AUTHENTICATE));
}

#[tokio::test]
async fn a_replayed_reading_is_refused_too() {
    let bench = Bench::new().await;
    let first = bench.signed(&bench.auditor, "GET", ACCOUNTS, "");
    let copy = copied(&first, "");
    assert_eq!(bench.send(first).await.status, StatusCode::OK);
    assert_eq!(bench.send(copy).await.problem().1, "replayed");
}

#[tokio::test]
async fn a_request_signed_for_another_installation_is_refused() {
    let bench = Bench::new().await;
    for host in ["ops.example.com:8701", "127.0.0.1:8702", "127.0.0.1"] {
        let captured = bench.signed_for(host, &bench.owner, "GET", ACCOUNTS, "");
        assert_eq!(bench.send(captured).await.problem(), (421, "wrong-authority".into()), "{host}");
    }
    let own = bench.signed_for("localhost:8701", &bench.owner, "GET", ACCOUNTS, "");
    assert_eq!(bench.send(own).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_tampered_request_is_refused() {
    let bench = Bench::new().await;
    let body = json!({"name": "a"}).to_string();
    let signed = || bench.signed(&bench.owner, "POST", ACCOUNTS, &body);
    let mut tampered: Vec<(&str, Request<Body>)> = Vec::new();
    tampered.push(("body", copied(&signed(), &json!({"name": "b"}).to_string())));
    tampered.push(("no body", copied(&signed(), "")));
    let mut method = signed();
    *method.method_mut() = Method::PUT;
    tampered.push(("method", method));
    for path in ["/api/v1/users", "/api/v1/accounts?x=1", "/api/v1/accounts/", "/api/v1//accounts"] {
        let mut other = signed();
        *other.uri_mut() = path.parse().unwrap();
        tampered.push(("path", other));
    }
    for (name, value) in [
        ("host", "localhost:8701"),
        ("countersign-nonce", "AAAAAAAAAAAAAAAAAAAAAA"),
        ("countersign-time", "1800000001"),
        ("countersign-key", "key_manager"),
        ("countersign-signature", "AAAA"),
    ] {
        let mut other = signed();
        other.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        tampered.push((name, other));
    }
    for (what, request) in tampered {
        let answer = bench.send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}: {}", answer.text);
    }
    assert_eq!(bench.call("GET", ACCOUNTS, None).await.good()["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn without_a_proof_nothing_but_two_documents_is_shown() {
    let bench = Bench::new().await;
    for open in ["/api/v1/openapi.json", "/api/v1/version"] {
        let plain = Request::get(open).header(header::HOST, super::bench::HOST).body(Body::empty()).unwrap();
        assert_eq!(bench.send(plain).await.status, StatusCode::OK, "{open}");
    }
    for closed in [ACCOUNTS, "/api/v1/whoami", "/api/v1/nothing", "/api/v1", "/"] {
        let plain =
            Request::get(closed).header(header::HOST, super::bench::HOST).body(Body::empty()).unwrap();
        let answer = bench.send(plain).await;
        assert_eq!(answer.problem(), (401, "missing-credentials".into()), "{closed}: {}", answer.text);
        assert_eq!(answer.headers.get(header::WWW_AUTHENTICATE).unwrap(), "Countersign");
        assert!(answer.headers.contains_key("countersign-reject"), "{closed}");
    }
}

#[tokio::test]
async fn strangers_wrong_keys_and_switched_off_operators_learn_the_same() {
    let bench = Bench::new().await;
    let nobody = countersign_keys::PrivateKey::generate(countersign_keys::KeyKind::Ed25519, 256).unwrap();
    let unknown = bench.call_as(&nobody, "GET", ACCOUNTS, None).await;
    let mut wrong = bench.signed(&bench.manager, "GET", ACCOUNTS, "");
    wrong.headers_mut().insert("countersign-key", HeaderValue::from_static("key_owner"));
    let wrong = bench.send(wrong).await;
    bench.call("POST", "/api/v1/keys/key_auditor/disable", None).await.good();
    let disabled = bench.call_as(&bench.auditor, "GET", ACCOUNTS, None).await;
    assert_eq!(unknown.problem(), (401, "refused".into()));
    assert_eq!((unknown.status, &unknown.text), (wrong.status, &wrong.text));
    assert_eq!((unknown.status, &unknown.text), (disabled.status, &disabled.text));
}

#[tokio::test]
async fn a_proof_without_a_role_is_not_enough() {
    let bench = Bench::new().await;
    let answer = bench.call_as(&bench.stranger, "GET", ACCOUNTS, None).await;
    assert_eq!(answer.problem(), (403, "not-an-operator".into()));
}

#[tokio::test]
async fn requests_from_another_time_are_refused() {
    let bench = Bench::new().await;
    let old = bench.signed(&bench.owner, "GET", ACCOUNTS, "");
    bench.clock.set(Time::from_seconds(START + 31));
    assert_eq!(bench.send(old).await.problem(), (401, "out-of-window".into()));
    let early = bench.signed(&bench.owner, "GET", ACCOUNTS, "");
    bench.clock.set(Time::from_seconds(START));
    assert_eq!(bench.send(early).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn bodies_have_a_limit_and_only_documents_a_larger_one() {
    let bench = Bench::new().await;
    let large = json!({"name": "a".repeat(64 * 1024)});
    assert_eq!(bench.call("POST", ACCOUNTS, Some(large.clone())).await.problem(), (413, "too-large".into()));
    assert_ne!(bench.call("POST", "/api/v1/apply", Some(large)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let larger = json!({"name": "a".repeat(1024 * 1024)});
    assert_eq!(bench.call("POST", "/api/v1/apply", Some(larger)).await.problem().0, 413);
}

#[tokio::test]
async fn what_is_not_there_is_told_to_operators() {
    let bench = Bench::new().await;
    assert_eq!(bench.call("GET", "/api/v1/nothing", None).await.problem(), (404, "no-such-path".into()));
    assert_eq!(bench.call("PUT", ACCOUNTS, None).await.problem(), (405, "method-not-allowed".into()));
    let xml = {
        let mut request = bench.signed(&bench.owner, "POST", ACCOUNTS, "{}");
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        bench.send(request).await
    };
    assert_eq!(xml.problem(), (415, "wrong-media-type".into()));
}

fn copied(request: &Request<Body>, body: &str) -> Request<Body> {
    let mut copy = Request::new(Body::from(body.to_owned()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
