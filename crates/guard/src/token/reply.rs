//! Answers of the token endpoint: JSON as RFC 6749 sections 5.1 and 5.2 have it, and errors that say the same to everybody.
use crate::answer::title;
use crate::session::Told;
use bytes::Bytes;
use countersign::reason::Reason;
use countersign_store::fault::Fault;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// Carries a nonce for the next DPoP proof (RFC 9449 section 8).
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A call that comes to nothing: refused, or failed by our fault. The two stay apart to the end.
#[derive(Debug)]
pub(crate) enum Stop {
    No(No),
    Fault(Fault),
}

/// A refusal.
#[derive(Debug)]
pub(crate) struct No {
    status: StatusCode,
    error: &'static str,
    text: &'static str,
    reason: Option<Reason>,
    nonce: Option<String>,
}

#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
    error_description: &'a str,
}

impl No {
    /// An error of RFC 6749 section 5.2 or its like, without a proof that was judged.
    pub(crate) fn new(error: &'static str, text: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, text, reason: None, nonce: None }
    }

    pub(crate) fn invalid_request(text: &'static str) -> Self {
        Self::new("invalid_request", text)
    }

    pub(crate) fn invalid_grant() -> Self {
        Self::new("invalid_grant", "The grant is none of this client's, has ended or was used before.")
    }

    /// A proof that does not hold: what is told goes no further than its outward code.
    pub(crate) fn proof(error: &'static str, reason: Reason) -> Self {
        let status = match reason {
            Reason::TooManyFailures | Reason::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, error, text: title(reason.outward()), reason: Some(reason), nonce: None }
    }

    /// A DPoP proof that does not hold (RFC 9449 section 5).
    pub(crate) fn dpop(reason: Reason) -> Self {
        let error = if reason == Reason::DpopNonce { "use_dpop_nonce" } else { "invalid_dpop_proof" };
        Self::proof(error, reason)
    }

    pub(crate) fn not_found() -> Self {
        let text = "There is no such endpoint.";
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid_request(text) }
    }

    pub(crate) fn wrong_method() -> Self {
        let text = "This endpoint takes another method; the Allow header names it.";
        Self { status: StatusCode::METHOD_NOT_ALLOWED, ..Self::invalid_request(text) }
    }

    pub(crate) fn too_large() -> Self {
        let text = "The body is larger than any request needs.";
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, ..Self::invalid_request(text) }
    }

    /// The same, as whoever asks about tokens is told it (RFC 7662 section 2.3).
    pub(crate) fn unauthorized(self) -> Self {
        if self.error == "invalid_client" { Self { status: StatusCode::UNAUTHORIZED, ..self } } else { self }
    }

    /// Whether it wants a nonce.
    pub(crate) fn wants_nonce(&self) -> bool {
        self.reason == Some(Reason::DpopNonce)
    }

    pub(crate) fn with_nonce(self, nonce: Option<String>) -> Self {
        Self { nonce, ..self }
    }

    /// The answer. `allow`: what a wrong method should have been.
    pub(crate) fn response(self, allow: &'static str) -> Response<Bytes> {
        let body = Refused { error: self.error, error_description: self.text };
        let mut response = write(self.status, &body);
        let headers = response.headers_mut();
        match self.status {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allow));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        nonce(&mut response, self.nonce);
        response.extensions_mut().insert(Told { reason: self.reason, ..Told::default() });
        response
    }
}

impl From<No> for Stop {
    fn from(no: No) -> Self {
        Self::No(no)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Puts a nonce into an answer.
pub(crate) fn nonce(response: &mut Response<Bytes>, nonce: Option<String>) {
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
        response.headers_mut().insert(NONCE, nonce);
    }
}

/// A good answer in JSON, which stays in no cache (RFC 6749 section 5.1).
pub(crate) fn json(body: &impl Serialize) -> Response<Bytes> {
    write(StatusCode::OK, body)
}

/// A good answer without a body.
pub(crate) fn nothing() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn write(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    // The bodies are plain structs of texts and numbers, which always print.
    let mut response = Response::new(Bytes::from(serde_json::to_vec(body).unwrap_or_default()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
