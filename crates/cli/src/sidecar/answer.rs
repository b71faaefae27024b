//! What the sidecar answers itself, told apart from the server's answers by one header.
use super::upstream::Sent;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::json;

/// The header that answers of the sidecar's own have, and no other.
pub(super) const MARK: HeaderName = HeaderName::from_static("countersign-sidecar");

/// Why a request was not passed on.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) code: &'static str,
    pub(super) status: StatusCode,
    detail: String,
}

impl Own {
    pub(super) fn new(code: &'static str, status: StatusCode, detail: impl std::fmt::Display) -> Self {
        Self { code, status, detail: detail.to_string() }
    }

    /// A problem document (RFC 9457), with the code in the header `countersign-sidecar`, too.
    pub(super) fn response(&self) -> Response<Sent> {
        let text = json!({ "title": "The countersign sidecar did not pass this request on", "code": self.code, "detail": self.detail });
        let body = Full::new(Bytes::from(format!("{text}\n"))).map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(MARK, HeaderValue::from_static(self.code));
        response
    }
}
