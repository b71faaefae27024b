//! How a refusal looks on the wire: RFC 9457, the same bytes for everybody who is refused with the same outward code.
use crate::policy::Reply;
use bytes::Bytes;
use countersign::reason::Reason;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

/// What a signature must cover to be let in (RFC 9421 section 5.1).
pub const ACCEPT_SIGNATURE: HeaderName = HeaderName::from_static("accept-signature");

/// Makes the answer to a refusal. What differs from request to request (reject id, time) goes into headers, never here.
pub fn refused<B: From<Bytes>>(reply: &Reply, reason: Reason) -> Response<B> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = written(status, reason.outward(), title(reason.outward()));
    let challenge = reply.challenge.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
    if let Some(challenge) = challenge {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    let accepted = reply.accept_signature.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
    if let Some(accepted) = accepted {
        response.headers_mut().insert(ACCEPT_SIGNATURE, accepted);
    }
    response
}

/// Makes the answer to a failure of ours: 503, and when to try again.
pub fn failed<B: From<Bytes>>() -> Response<B> {
    let mut response = written(StatusCode::SERVICE_UNAVAILABLE, FAILED.0, FAILED.1);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Code and sentence of a failure of ours.
const FAILED: (&str, &str) = ("unavailable", "The server cannot decide now; nothing was done");

fn written<B: From<Bytes>>(status: StatusCode, code: &str, title: &str) -> Response<B> {
    let mut response = Response::new(B::from(document(status, code, title)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A problem document (RFC 9457), put together from texts of ours that need no escapes: strangers can ask for as many as they like.
#[must_use]
pub fn document(status: StatusCode, code: &str, title: &str) -> Bytes {
    let parts = [
        r#"{"type":"urn:countersign:problem:"#,
        code,
        r#"","title":""#,
        title,
        r#"","status":"#,
        status.as_str(),
        r#","code":""#,
        code,
        r#""}"#,
    ];
    let mut document = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| document.push_str(part));
    document.into()
}

/// The sentence that goes with an outward code.
#[must_use]
pub fn title(outward: &str) -> &'static str {
    match outward {
        "missing-credentials" => "The request carries no credential that is taken here",
        "malformed" => "The credential or the request cannot be read",
        "body-unseen" => "The credential covers the body, which is not seen here",
        "claims" => "The credential does not fit what is wanted here",
        "lifetime-too-long" => "The credential would live longer than is allowed",
        "not-yet-valid" => "The credential is dated in the future",
        "expired" => "The credential has expired",
        "out-of-window" => "The credential's time is too far from the server's",
        "replayed" => "The credential was used before",
        "try-again" => "The credential cannot be taken now; sign again",
        "not-permitted" => "The credential holds, but this is not allowed",
        "invalid-dpop" => "The DPoP proof beside the token is missing or does not hold",
        "use-dpop-nonce" => "The DPoP proof wants the nonce of the DPoP-Nonce header",
        "too-many-requests" => "Too many requests, or too many that failed; try again later",
        _ => "The credential is refused",
    }
}
