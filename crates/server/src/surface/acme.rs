//! Where an authority looks whether a name is ours, before it issues a certificate (HTTP-01).
use crate::app::App;
use crate::problem::not_found;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

pub(crate) use crate::tls::acme::texts::UNDER;

/// The text under a path, while an order waits for its being found.
pub(crate) fn answer(app: &App, path: &str) -> Response<Body> {
    let Some(text) = app.texts.at(path) else { return not_found() };
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}
