//! The public halves of the server's signing keys, for whoever checks its tokens, assertions and answers.
use crate::app::App;
use axum::body::Body;
use countersign::answer::make::{Signing, sign_directory};
use countersign::answer::{DIRECTORY, DIRECTORY_TYPE};
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign::time::Span;
use countersign_keys::Algorithm;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};

/// How long the signatures on a directory count, in seconds: well beyond the time that copies of it are kept.
const LIFE: i64 = 24 * 3600;

/// Answers with the key set.
pub(crate) fn answer(app: &App) -> Response<Body> {
    published(app.signing.jwks(), "application/jwk-set+json")
}

/// Answers with the directory of keys, signed by every key in it for the public address. Without one it goes out unsigned: signed for whatever
/// host a request names, it would be proof for anybody that our keys belong to that host.
pub(crate) fn directory(app: &App) -> Response<Body> {
    let body = app.signing.directory();
    let mut response = published(body.clone(), DIRECTORY_TYPE);
    let Some((scheme, authority)) = app.config.server.public() else { return response };
    let nothing = HeaderMap::new();
    let question = Incoming {
        method: "GET",
        target: Target::new(scheme, authority, DIRECTORY),
        headers: &nothing,
        body: Seen::Empty,
        client: None,
        challenge: None,
    };
    let now = app.clock.now();
    // At most a few: one that signs, one that will, and those that were retired within the life of what they signed.
    for signer in app.signing.all() {
        let signing = Signing { key: &*signer.key, algorithm: Algorithm::EcdsaP256Sha256, now };
        let life = Span::from_seconds(LIFE);
        if let Err(error) = sign_directory(&question, response.headers_mut(), body.as_bytes(), life, &signing)
        {
            tracing::warn!(key = signer.kid, %error, "the directory of keys could not be signed");
        }
    }
    response
}

fn published(body: String, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // New keys are published before they sign, by more than this.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
