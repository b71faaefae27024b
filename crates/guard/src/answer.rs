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
    let mut response = problem(status, reason.outward(), title(reason.outward()));
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
    let title = "The server cannot decide right now; try again.";
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn problem<B: From<Bytes>>(status: StatusCode, code: &str, title: &str) -> Response<B> {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": title,
        "status": status.as_u16(),
        "code": code,
    });
    let mut response = Response::new(B::from(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The sentence that goes with an outward code.
#[must_use]
pub fn title(outward: &str) -> &'static str {
    match outward {
        "missing-credentials" => "The request carries no proof of who sent it.",
        "malformed" => "The proof cannot be read.",
        "body-unseen" => "The body is signed, and does not reach the verifier here.",
        "not-permitted" => "The proof holds, but this is not permitted.",
        "claims" => "The proof holds, but a claim does not fit.",
        "component-missing" => "The signature covers too little; see the Accept-Signature header.",
        "digest-mismatch" => "The body is not the one that was signed.",
        "lifetime-too-long" => "The proof would live too long.",
        "not-yet-valid" | "expired" | "out-of-window" => {
            "The proof's time does not fit; see the Date header."
        }
        "replayed" => "The proof was used before.",
        "invalid-dpop" => "The DPoP proof beside the token is missing or does not hold.",
        "use-dpop-nonce" => "The DPoP proof wants the nonce of the DPoP-Nonce header.",
        "too-many-requests" => "Too many requests; try again later.",
        "try-again" => "Sign the request again.",
        _ => "The proof does not hold.",
    }
}
