//! Answers of the session API: JSON with the members that clients look for, and refusals that say the same to everybody.
use bytes::Bytes;
use countersign::reason::Reason;
use countersign_store::denied::{ChangeError, Denial, Denied};
use countersign_store::fault::Fault;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use std::borrow::Cow;

/// Who called and how it ended, left among the answer's extensions for logs and counters.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Why it was refused, when a proof was judged.
    pub reason: Option<Reason>,
    /// The account's name, when one was recognised.
    pub account: Option<String>,
    /// The key that signed in, when one did.
    pub key: Option<String>,
}

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
    code: &'static str,
    text: Cow<'static, str>,
    reason: Option<Reason>,
    allow: Option<String>,
}

/// The text that clients look for when they are not let in.
const UNAUTHORIZED: &str = "JWT authorization failed";

#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
    message: &'a str,
}

impl No {
    /// A proof that does not hold.
    pub(crate) fn refused(reason: Reason) -> Self {
        let status = StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        let text = if status == StatusCode::UNAUTHORIZED { UNAUTHORIZED } else { reason.text() };
        Self { status, code: reason.outward(), text: text.into(), reason: Some(reason), allow: None }
    }

    /// A request that does not have the form the call wants.
    pub(crate) fn malformed(text: impl Into<Cow<'static, str>>) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, "malformed", text)
    }

    /// Something the caller must not do.
    pub(crate) fn forbidden(text: &'static str) -> Self {
        Self::plain(StatusCode::FORBIDDEN, "not-permitted", text)
    }

    pub(crate) fn not_found() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "not-found", "There is no such call.")
    }

    pub(crate) fn wrong_method(allow: String) -> Self {
        let text = "This call takes another method; the Allow header names it.";
        Self { allow: Some(allow), ..Self::plain(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", text) }
    }

    pub(crate) fn too_many() -> Self {
        let text = "Too many calls from this address; wait a second.";
        Self::plain(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", text)
    }

    fn plain(status: StatusCode, code: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, text: text.into(), reason: None, allow: None }
    }

    /// The answer.
    pub(crate) fn response(self) -> Response<Bytes> {
        let body = Refused { error: self.code, message: &self.text };
        let mut response = write(self.status, &body);
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        response.extensions_mut().insert(Told { reason: self.reason, ..Told::default() });
        response
    }
}

impl From<Denied> for No {
    fn from(denied: Denied) -> Self {
        let status = match denied.kind() {
            Denial::NotFound => StatusCode::NOT_FOUND,
            Denial::Taken | Denial::State => StatusCode::CONFLICT,
            Denial::Invalid => StatusCode::BAD_REQUEST,
            Denial::Forbidden => StatusCode::FORBIDDEN,
        };
        Self::plain(status, denied.code(), denied.text().to_owned())
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

impl From<ChangeError> for Stop {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Denied(denied) => Self::No(denied.into()),
            ChangeError::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// A good answer in JSON.
pub(crate) fn json(body: &impl Serialize) -> Response<Bytes> {
    write(StatusCode::OK, body)
}

/// A good answer in bare text.
pub(crate) fn text(body: String) -> Response<Bytes> {
    bare(StatusCode::OK, "text/plain; charset=utf-8", body)
}

/// A good answer without a body.
pub(crate) fn nothing() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn write(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    // The bodies are plain structs of texts and numbers, which always print.
    bare(status, "application/json", serde_json::to_string(body).unwrap_or_default())
}

fn bare(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Tokens and codes stay in no cache (RFC 6749 section 5.1).
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
