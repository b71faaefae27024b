//! A caller's body that can be begun again while nothing of it reached an upstream.
use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Bytes that are kept at most. The HTTP library takes some of a body before it writes the first byte of its request.
const MOST: usize = 64 * 1024;

/// A body with what was given out of it.
#[derive(Clone)]
pub(super) struct Begun(Arc<Mutex<State>>);

struct State {
    body: Body,
    given: Vec<Bytes>,
    size: usize,
    /// Whether `given` is all that was given out.
    whole: bool,
}

/// One reading of it from the beginning.
pub(super) struct Reading {
    state: Arc<Mutex<State>>,
    at: usize,
}

impl Begun {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(State { body, given: Vec::new(), size: 0, whole: true })))
    }

    /// The body from its beginning; `None` when too much was given out to be kept.
    pub(super) fn read(&self) -> Option<Body> {
        let whole = self.0.lock().unwrap_or_else(PoisonError::into_inner).whole;
        whole.then(|| Body::new(Reading { state: Arc::clone(&self.0), at: 0 }))
    }
}

impl State {
    fn keep(&mut self, data: &Bytes) {
        self.size = self.size.saturating_add(data.len());
        self.whole &= self.size <= MOST;
        if self.whole {
            self.given.push(data.clone());
        } else {
            self.given.clear();
        }
    }
}

impl HttpBody for Reading {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let mut state = this.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(data) = state.given.get(this.at) {
            this.at += 1;
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        let frame = Pin::new(&mut state.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            state.keep(data);
            this.at = state.given.len();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.at >= state.given.len() && state.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let left: usize = state.given.iter().skip(self.at).map(Bytes::len).sum();
        let left = u64::try_from(left).unwrap_or(u64::MAX);
        let rest = state.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(left));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(left));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::convert::Infallible;

    fn pieces(count: usize, size: usize) -> Begun {
        let pieces = (0..count).map(move |number| {
            Ok::<_, Infallible>(Bytes::from(vec![u8::try_from(number % 251).unwrap(); size]))
        });
        Begun::new(Body::from_stream(futures_util::stream::iter(pieces)))
    }

    #[tokio::test]
    async fn what_was_given_out_is_given_again() {
        let begun = pieces(3, 10);
        let mut first = begun.read().unwrap();
        first.frame().await.unwrap().unwrap();
        first.frame().await.unwrap().unwrap();
        drop(first);
        let again = begun.read().unwrap().collect().await.unwrap().to_bytes();
        assert_eq!(again, [[0; 10], [1; 10], [2; 10]].concat());
        assert!(begun.read().unwrap().collect().await.unwrap().to_bytes().len() == 30);
    }

    #[tokio::test]
    async fn what_is_too_much_to_keep_passes_once() {
        let begun = pieces(2, MOST);
        let whole = begun.read().unwrap().collect().await.unwrap().to_bytes();
        assert_eq!(whole.len(), 2 * MOST);
        assert!(begun.read().is_none());
    }

    #[test]
    fn a_length_that_is_known_stays_known() {
        let begun = Begun::new(Body::from("hello"));
        let body = begun.read().unwrap();
        assert_eq!(body.size_hint().exact(), Some(5));
        assert!(!body.is_end_stream());
    }
}
