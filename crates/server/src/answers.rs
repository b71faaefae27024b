//! Signs answers where a route says so: by the server's own key, to the question that was asked, with the body as far as it can be held.
use crate::app::App;
use crate::routes::Place;
use axum::body::Body;
use bytes::Bytes;
use countersign::answer::make::{Signing, sign};
use countersign::answer::{Content, has_content};
use countersign::incoming::{Body as Seen, Incoming, Target};
use countersign::write::CannotSign;
use countersign_keys::Algorithm;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What bodies without an end, or that somebody reads while they come, are sent as: held back, they would be of no use.
const ENDLESS: [&str; 3] = ["text/event-stream", "multipart/x-mixed-replace", "application/grpc"];

/// A question whose answer will be signed, as its caller sees it.
pub(crate) struct Question {
    method: String,
    scheme: String,
    authority: String,
    target: String,
    headers: HeaderMap,
    /// The label of its message signature.
    label: Option<String>,
    /// Bytes of an answer that are held for a digest.
    most: usize,
}

impl Question {
    /// The question, on a route that signs its answers.
    pub(crate) fn of(
        place: &Place,
        method: &str,
        target: &Target<'_>,
        headers: &HeaderMap,
    ) -> Option<Box<Self>> {
        if !place.route.sign_answers {
            return None;
        }
        let mut question = Self {
            method: method.to_owned(),
            scheme: target.scheme.to_owned(),
            authority: target.authority.to_owned(),
            target: target
                .query
                .map_or_else(|| target.path.to_owned(), |query| format!("{}?{query}", target.path)),
            headers: headers.clone(),
            label: None,
            most: place.policy.limits.body,
        };
        let incoming = question.incoming();
        let mut labels =
            place.policy.dialects.iter().filter_map(|dialect| {
                dialect.message_label(&incoming, &place.policy.limits).map(str::to_owned)
            });
        question.label = labels.next();
        Some(Box::new(question))
    }

    fn incoming(&self) -> Incoming<'_> {
        Incoming {
            method: &self.method,
            target: Target::new(&self.scheme, &self.authority, &self.target),
            headers: &self.headers,
            body: Seen::Unseen,
            client: None,
            challenge: None,
        }
    }

    /// Signs the answer. One that cannot be signed goes as it is, which a caller that wants it signed does not take.
    pub(crate) async fn sign(self: Box<Self>, app: &App, response: Response<Body>) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Response::from_parts(parts, body);
        }
        let status = parts.status.as_u16();
        let (held, body) = if !has_content(&self.method, status) {
            (Held::None, body)
        } else if is_endless(&parts.headers) {
            (Held::No, body)
        } else {
            hold(body, self.most).await
        };
        let content = match &held {
            Held::Whole(bytes) => Content::Whole(bytes),
            Held::No => Content::Unheld,
            Held::None => Content::None,
        };
        let now = app.clock.now();
        let signed = app.signing.signer_at(now).map(|signer| {
            let signing = Signing { key: &*signer.key, algorithm: Algorithm::EcdsaP256Sha256, now };
            sign(&self.incoming(), self.label.as_deref(), status, &mut parts.headers, content, &signing)
        });
        match signed {
            Some(Ok(())) => {}
            // Callers can bring it about; nobody else's log is filled by them.
            Some(Err(CannotSign::CannotBuild)) => tracing::debug!("an answer has what cannot be signed"),
            Some(Err(error)) => tracing::warn!(%error, "an answer could not be signed"),
            None => tracing::warn!("an answer could not be signed: there is no signing key"),
        }
        Response::from_parts(parts, body)
    }
}

/// An answer's body, as far as it was held.
enum Held {
    Whole(Vec<u8>),
    No,
    None,
}

fn is_endless(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.trim_start().to_ascii_lowercase();
    ENDLESS.iter().any(|endless| kind.starts_with(endless))
}

/// Reads a body up to `most` bytes; gives it back with everything that was read still in it.
async fn hold(mut body: Body, most: usize) -> (Held, Body) {
    let known = body.size_hint().lower();
    if usize::try_from(known).map_or(true, |known| known > most) {
        return (Held::No, body);
    }
    let (mut whole, mut read) = (Vec::new(), VecDeque::new());
    // Ends with the body or past `most` bytes; frames without data are trailers, which end a body.
    loop {
        let frame = body.frame().await;
        let Some(frame) = frame else { break };
        let (data, fits) = match &frame {
            Ok(frame) => (frame.data_ref(), true),
            Err(_) => (None, false),
        };
        whole.extend_from_slice(data.map_or(&[], |data| data));
        read.push_back(frame);
        if !fits || whole.len() > most {
            return (Held::No, Body::new(Again { read, rest: Some(body) }));
        }
    }
    (Held::Whole(whole), Body::new(Again { read, rest: None }))
}

/// A body of which some was read: that again, and then the rest.
struct Again {
    read: VecDeque<Result<Frame<Bytes>, axum::Error>>,
    rest: Option<Body>,
}

impl HttpBody for Again {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Some(frame) = self.read.pop_front() {
            return Poll::Ready(Some(frame));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.read.iter().filter_map(|frame| frame.as_ref().ok()?.data_ref());
        let read =
            read.fold(0_u64, |sum, data| sum.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX)));
        let rest = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pieces: &[&'static str], broken: bool) -> Body {
        let mut all: Vec<Result<Bytes, std::io::Error>> =
            pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        if broken {
            all.push(Err(std::io::Error::other("gone")));
        }
        Body::from_stream(futures_util::stream::iter(all))
    }

    #[tokio::test]
    async fn a_body_is_held_up_to_the_bound_and_nothing_of_it_is_lost() {
        let (held, body) = hold(pieces(&["ab", "cd"], false), 4).await;
        assert!(matches!(held, Held::Whole(bytes) if bytes == b"abcd"));
        assert_eq!(body.size_hint().exact(), Some(4));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abcd");
        let (held, body) = hold(pieces(&["ab", "cde", "fg"], false), 4).await;
        assert!(matches!(held, Held::No));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abcdefg");
        // One that says that it is too long is not touched.
        let (held, body) = hold(Body::from("abcde"), 4).await;
        assert!(matches!(held, Held::No) && body.size_hint().exact() == Some(5));
        // What breaks breaks for the caller as well, where it did.
        let (held, mut body) = hold(pieces(&["ab"], true), 4).await;
        assert!(matches!(held, Held::No));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "ab");
        assert!(body.frame().await.unwrap().is_err());
    }

    #[tokio::test]
    async fn trailers_come_through() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        let frames =
            [Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"ab"))), Ok(Frame::trailers(trailers))];
        let body = Body::new(http_body_util::StreamBody::new(futures_util::stream::iter(frames)));
        let (held, body) = hold(body, 4).await;
        assert!(matches!(held, Held::Whole(bytes) if bytes == b"ab"));
        let collected = body.collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
    }

    #[test]
    fn what_is_read_while_it_comes_is_not_held() {
        let of = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, http::HeaderValue::try_from(kind).unwrap());
            is_endless(&headers)
        };
        assert!(
            of("text/event-stream") && of("Text/Event-Stream; charset=utf-8") && of("application/grpc+proto")
        );
        assert!(!of("application/json") && !of("text/plain"));
    }
}
