//! Answers for what went wrong (RFC 9457): byte-equal for equal codes; what differs travels in headers.
use axum::body::Body;
use bytes::Bytes;
use countersign::reason::Reason;
use countersign::time::Time;
use countersign_guard::answer::{document, title};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, DATE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::{Serialize, Serializer};
use std::cell::RefCell;
use std::time::{Duration, SystemTime};

/// Carries the id under which the log has the reason of a refusal.
pub const REJECT: HeaderName = HeaderName::from_static("countersign-reject");
/// Carries the server's time, Unix milliseconds, so that callers can set their clocks.
pub const TIME: HeaderName = HeaderName::from_static("countersign-time");

/// The document, member by member in this order.
#[derive(Serialize)]
struct Document<'p> {
    #[serde(rename = "type")]
    kind: Kind<'p>,
    title: &'p str,
    status: u16,
    code: &'p str,
}

/// A problem's type: a name of ours for its code.
struct Kind<'p>(&'p str);

impl Serialize for Kind<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("urn:countersign:problem:{}", self.0))
    }
}

/// An answer with a problem document.
#[must_use]
pub fn problem(status: StatusCode, code: &str, title: &str) -> Response<Body> {
    let document = Document { kind: Kind(code), title, status: status.as_u16(), code };
    // Texts and a number always become JSON.
    written(status, serde_json::to_vec(&document).unwrap_or_default().into())
}

fn written(status: StatusCode, document: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(document));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to a refusal: what strangers may know, the reject id and the server's time.
#[must_use]
pub fn refusal(
    reason: Reason,
    status: u16,
    challenge: Option<&str>,
    reject: &str,
    now: Time,
) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = written(status, document(status, reason.outward(), title(reason.outward())));
    let headers = response.headers_mut();
    if let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Ok(reject) = HeaderValue::from_str(reject) {
        headers.insert(REJECT, reject);
    }
    stamp(response.headers_mut(), now);
    response
}

/// The answer to a fault of ours.
#[must_use]
pub fn fault(now: Time) -> Response<Body> {
    let mut response = problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "The server cannot decide now; nothing was done",
    );
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    stamp(response.headers_mut(), now);
    response
}

/// A request that is no good HTTP or goes nowhere.
#[must_use]
pub fn bad_request(title: &str) -> Response<Body> {
    problem(StatusCode::BAD_REQUEST, "bad-request", title)
}

/// A body that did not arrive in time.
#[must_use]
pub fn too_slow() -> Response<Body> {
    problem(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body did not arrive in time")
}

/// Nothing answers here.
#[must_use]
pub fn not_found() -> Response<Body> {
    problem(StatusCode::NOT_FOUND, "not-found", "Nothing answers at this address")
}

/// Puts the server's time into an answer's headers.
pub fn stamp(headers: &mut HeaderMap, now: Time) {
    headers.insert(TIME, HeaderValue::from(now.millis()));
    if let Some(date) = dated(now.seconds()) {
        headers.insert(DATE, date);
    }
}

thread_local! {
    /// The second that was last written as a date, and how.
    static DATED: RefCell<(i64, Option<HeaderValue>)> = const { RefCell::new((0, None)) };
}

/// A second as HTTP writes dates; written once a second.
fn dated(seconds: i64) -> Option<HeaderValue> {
    DATED.with_borrow_mut(|(last, date)| {
        if *last != seconds || date.is_none() {
            let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            let time = SystemTime::UNIX_EPOCH.checked_add(since);
            *last = seconds;
            *date = time.and_then(|time| HeaderValue::try_from(httpdate::fmt_http_date(time)).ok());
        }
        date.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn bytes(response: Response<Body>) -> Vec<u8> {
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn refusals_of_identity_look_alike() {
        let answer = |reason: Reason, reject| {
            refusal(reason, reason.status(), Some("Bearer"), reject, Time::from_seconds(1))
        };
        let left = answer(Reason::UnknownAccount, "rej_1");
        let right = answer(Reason::BadSignature, "rej_2");
        assert_eq!(left.status(), right.status());
        assert_eq!(left.headers()["countersign-time"], "1000");
        assert_eq!(left.headers()["date"], "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(left.headers()["countersign-reject"], "rej_1");
        assert_eq!(bytes(left).await, bytes(right).await);
    }

    #[tokio::test]
    async fn what_is_put_together_is_what_a_serializer_writes() {
        for reason in Reason::ALL {
            for status in [401, 403, reason.status()] {
                let status = StatusCode::from_u16(status).unwrap();
                let whole = problem(status, reason.outward(), title(reason.outward()));
                assert_eq!(
                    bytes(whole).await,
                    document(status, reason.outward(), title(reason.outward())),
                    "{reason}"
                );
            }
        }
    }

    #[test]
    fn dates_follow_the_clock() {
        let date = |seconds| dated(seconds).unwrap();
        assert_eq!(date(1), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(date(1), "Thu, 01 Jan 1970 00:00:01 GMT");
        assert_eq!(date(2), "Thu, 01 Jan 1970 00:00:02 GMT");
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn faults_are_never_refusals() {
        let answer = fault(Time::from_seconds(1));
        assert_eq!(
            (answer.status(), answer.headers()["retry-after"].to_str().unwrap()),
            (StatusCode::SERVICE_UNAVAILABLE, "1")
        );
    }
}
