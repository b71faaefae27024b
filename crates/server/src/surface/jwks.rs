//! The public halves of the server's signing keys, for whoever checks its tokens and assertions.
use crate::app::App;
use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};

/// Answers with the key set.
pub(crate) fn answer(app: &App) -> Response<Body> {
    let mut response = Response::new(Body::from(app.signing.jwks()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    // New keys are published before they sign, by more than this.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
