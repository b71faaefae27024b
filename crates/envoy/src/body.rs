//! How much of a request's body Envoy showed: all of it, none because there is none, or too little to judge by.
use bytes::Bytes;
use countersign::incoming::Body;
use http::header::{CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue};

/// The header by which Envoy says whether it cut a body short. It never passes on a caller's own.
pub const PARTIAL: HeaderName = HeaderName::from_static("x-envoy-auth-partial-body");

/// The name under which the operator promises: in the metadata of a gRPC call, or in the context of a route.
pub const PROMISE: &str = "countersign-body";

/// What the operator promised about bodies, since Envoy shows a request without body and one whose body it does not send alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Envoy sends whole bodies (`with_request_body`), so a body that did not come is not there.
    Whole,
    /// Nothing was promised.
    Nothing,
}

/// A body as far as it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All of it.
    Whole(Bytes),
    /// There is none.
    Empty,
    /// There is one (or may be), but it was not shown whole.
    Unseen,
}

impl Shown {
    /// As a verifier sees it.
    #[must_use]
    pub fn seen(&self) -> Body<'_> {
        match self {
            Self::Whole(bytes) => Body::Seen(bytes),
            Self::Empty => Body::Empty,
            Self::Unseen => Body::Unseen,
        }
    }
}

/// Decides what a body that came with these headers of the original request is. In doubt it is unseen, which lets no signature
/// over the body pass.
#[must_use]
pub fn shown(headers: &HeaderMap, body: Bytes, promise: Promise) -> Shown {
    let Ok(length) = length(headers) else { return Shown::Unseen };
    let fits = length.is_none_or(|length| u64::try_from(body.len()).is_ok_and(|found| found == length));
    let mut partial = headers.get_all(PARTIAL).iter();
    match (partial.next().map(HeaderValue::as_bytes), partial.next()) {
        (Some(b"false"), None) if !fits => Shown::Unseen,
        (Some(b"false"), None) if !body.is_empty() => Shown::Whole(body),
        (Some(b"false"), None) if !headers.contains_key(TRANSFER_ENCODING) => Shown::Empty,
        (None, _) if !body.is_empty() => Shown::Unseen,
        (None, _) if length == Some(0) => Shown::Empty,
        (None, _) if length.is_some() || promise == Promise::Nothing => Shown::Unseen,
        // Envoy does not wait for what follows a request that asks for another protocol.
        (None, _) if headers.contains_key(UPGRADE) || headers.contains_key(TRANSFER_ENCODING) => {
            Shown::Unseen
        }
        (None, _) => Shown::Empty,
        _ => Shown::Unseen,
    }
}

/// The one `Content-Length`.
fn length(headers: &HeaderMap) -> Result<Option<u64>, ()> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some(length), None) => {
            let digits = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|text| text.parse().ok()).map(Some).ok_or(())
        }
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&'static str, &'static str)], body: &'static str, promise: Promise) -> &'static str {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        match shown(&headers, Bytes::from_static(body.as_bytes()), promise) {
            Shown::Whole(_) => "whole",
            Shown::Empty => "empty",
            Shown::Unseen => "unseen",
        }
    }

    const WHOLE: (&str, &str) = ("x-envoy-auth-partial-body", "false");
    const PART: (&str, &str) = ("x-envoy-auth-partial-body", "true");
    const FIVE: (&str, &str) = ("content-length", "5");

    #[test]
    fn whole_bodies_are_seen() {
        for promise in [Promise::Whole, Promise::Nothing] {
            assert_eq!(told(&[WHOLE, FIVE], "hello", promise), "whole");
            assert_eq!(told(&[WHOLE], "hello", promise), "whole", "chunked");
            assert_eq!(told(&[WHOLE, ("content-length", "0")], "", promise), "empty");
            assert_eq!(told(&[("content-length", "0")], "", promise), "empty");
        }
    }

    #[test]
    fn a_body_that_was_cut_or_held_back_is_unseen() {
        for promise in [Promise::Whole, Promise::Nothing] {
            for (headers, body) in [
                (vec![PART, FIVE], "hell"),
                (vec![PART], ""),
                (vec![WHOLE, FIVE], "hell"),
                (vec![WHOLE, FIVE], ""),
                (vec![WHOLE, WHOLE], "hello"),
                (vec![WHOLE, PART], "hello"),
                (vec![WHOLE, FIVE, FIVE], "hello"),
                (vec![WHOLE, ("content-length", "+5")], "hello"),
                (vec![WHOLE, ("transfer-encoding", "chunked")], ""),
                (vec![("x-envoy-auth-partial-body", "FALSE")], "hello"),
                (vec![], "hello"),
                (vec![FIVE], "hello"),
                (vec![FIVE], ""),
                (vec![("upgrade", "websocket")], ""),
                (vec![("transfer-encoding", "chunked")], ""),
            ] {
                assert_eq!(told(&headers, body, promise), "unseen", "{headers:?} {body:?}");
            }
        }
    }

    #[test]
    fn without_a_promise_silence_means_nothing() {
        assert_eq!(told(&[], "", Promise::Whole), "empty");
        assert_eq!(told(&[], "", Promise::Nothing), "unseen");
    }
}
