//! The tower layer and the axum extractor, with a real router.
use crate::installation::{API_KEY, NOW, USER, dialect, guard, policy, rsa};
use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use countersign::incoming::{self, Incoming, Target};
use countersign::time::Time;
use countersign::write::Signer;
use countersign_guard::extract::Caller;
use countersign_guard::layer::GuardLayer;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;

async fn who(Caller(verified): Caller, body: String) -> String {
    format!("{} {} {body}", verified.caller().name, verified.identifier())
}

fn router(name: &str) -> Router {
    let layer = GuardLayer::new(Arc::new(guard()), policy(name), "https://api.example.com").unwrap();
    Router::new().route("/who", get(who)).route("/who", post(who)).layer(layer)
}

async fn answer(router: Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

fn signed(name: &str, identifier: &str, method: &str, body: &'static str) -> Request<Body> {
    let signer = Signer {
        key: rsa(),
        identifier,
        acting_as: Some(USER),
        companion: Some(API_KEY),
        algorithm: None,
        challenge: None,
    };
    let incoming = Incoming {
        method,
        target: Target::new("https", "api.example.com", "/who"),
        headers: &HeaderMap::new(),
        body: if body.is_empty() { incoming::Body::Empty } else { incoming::Body::Seen(body.as_bytes()) },
        client: None,
        challenge: None,
    };
    let made = dialect(name).write(&incoming, &signer, Time::from_seconds(NOW), [7; 16]).unwrap();
    let mut request = Request::builder().method(method).uri("/who").body(Body::from(body)).unwrap();
    for (name, value) in made.headers {
        request.headers_mut().insert(name, value);
    }
    request
}

#[tokio::test]
async fn the_recognised_get_through_with_their_names() {
    let (status, _, text) = answer(router("skykit"), signed("skykit", "ops@example.com", "GET", "")).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "ops ops@example.com "));
}

#[tokio::test]
async fn a_signed_body_is_read_and_passed_on() {
    let (status, _, text) =
        answer(router("skillhive"), signed("skillhive", "c7ds89", "POST", "{\"a\":1}")).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "ops c7ds89 {\"a\":1}"));
    let mut tampered = signed("skillhive", "c7ds89", "POST", "{\"a\":1}");
    *tampered.body_mut() = Body::from("{\"a\":2}");
    assert_eq!(answer(router("skillhive"), tampered).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn strangers_are_answered_alike() {
    let mut stranger = signed("skykit", "ops@example.com", "GET", "");
    let token = stranger.headers()["authorization"].to_str().unwrap().to_owned();
    let broken = token[..token.len() - 8].to_owned() + "AAAAAAAA";
    stranger.headers_mut().insert("authorization", broken.parse().unwrap());
    let (status, headers, first) = answer(router("skykit"), stranger).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(headers["www-authenticate"], "Bearer error=\"invalid_token\"");
    let (_, _, second) = answer(router("skykit"), signed("skykit", "nobody@example.com", "GET", "")).await;
    assert_eq!(first, second);
    let bare = Request::get("/who").body(Body::empty()).unwrap();
    let (status, headers, _) = answer(router("skykit"), bare).await;
    assert_eq!(
        (status, &headers["www-authenticate"]),
        (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap())
    );
}

#[tokio::test]
async fn a_forgotten_layer_lets_nobody_in() {
    let open = Router::new().route("/who", get(who));
    let request = signed("skykit", "ops@example.com", "GET", "");
    assert_eq!(answer(open, request).await.0, StatusCode::SERVICE_UNAVAILABLE);
}
