//! Callers' bodies on their way: read whole within bounds, or passed on frame by frame within a patience.
use crate::problem::{bad_request, problem, too_slow};
use crate::trip::Trip;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use countersign::incoming::Body as Seen;
use http::header::EXPECT;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// A request's body: still on its way, or all of it.
pub(crate) enum Inflow {
    Stream(Body),
    Whole(Bytes),
}

/// A refused body up to this size is read to its end, so that the answer is not lost in a reset connection.
const PASSED_OVER: u64 = 64 * 1024;

impl Inflow {
    /// The body as far as a verifier sees it.
    pub(crate) fn seen(&self) -> Seen<'_> {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => Seen::Empty,
            Self::Whole(bytes) => Seen::Seen(bytes),
            Self::Stream(body) if body.is_end_stream() => Seen::Empty,
            Self::Stream(_) => Seen::Unseen,
        }
    }

    /// How many bytes there are at least.
    pub(crate) fn least(&self) -> u64 {
        match self {
            Self::Whole(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Stream(body) => body.size_hint().lower(),
        }
    }

    /// Reads a refused body to its end when it is small.
    pub(crate) async fn pass_over(self, headers: &HeaderMap) {
        let Self::Stream(body) = self else { return };
        // Who waits for 100 Continue has not sent it, and need not.
        let small = body.size_hint().upper().is_some_and(|size| size <= PASSED_OVER);
        if small && !body.is_end_stream() && !headers.contains_key(EXPECT) {
            let most = usize::try_from(PASSED_OVER).unwrap_or(0);
            let _ = read_all(body, most, Duration::from_secs(1)).await;
        }
    }
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFault {
    TooLarge,
    TooSlow,
    Broken,
}

/// Reads a body whole: at most `most` bytes, within `time`.
pub(crate) async fn read_all(mut body: Body, most: usize, time: Duration) -> Result<Bytes, ReadFault> {
    let expected = body.size_hint().lower();
    if usize::try_from(expected).map_or(true, |expected| expected > most) {
        return Err(ReadFault::TooLarge);
    }
    let read = async {
        let mut whole = BytesMut::new();
        // Each round adds a frame; frames without data end with the body.
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return Err(ReadFault::Broken) };
            if let Ok(data) = frame.into_data() {
                if whole.len().saturating_add(data.len()) > most {
                    return Err(ReadFault::TooLarge);
                }
                whole.extend_from_slice(&data);
            }
        }
        Ok(whole.freeze())
    };
    tokio::time::timeout(time, read).await.unwrap_or(Err(ReadFault::TooSlow))
}

/// Reads a body meant for a surface of ours, not for an upstream.
///
/// # Errors
/// The answer to send when it cannot be read.
pub(crate) async fn read_small(
    body: Body,
    most: usize,
    time: Duration,
) -> Result<Bytes, Box<Response<Body>>> {
    read_all(body, most, time).await.map_err(|fault| {
        Box::new(match fault {
            ReadFault::TooLarge => {
                problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large")
            }
            ReadFault::TooSlow => too_slow(),
            ReadFault::Broken => bad_request("the body cannot be read"),
        })
    })
}

/// A caller that sends must send at least this much a second once its patience is used up.
const LEAST_RATE: u64 = 1024;

/// How a passed-on body failed, for the answer: the caller's fault is not the upstream's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failed(Arc<AtomicU8>);

impl Failed {
    pub(crate) fn how(&self) -> Option<ReadFault> {
        match self.0.load(Ordering::Acquire) {
            1 => Some(ReadFault::Broken),
            2 => Some(ReadFault::TooSlow),
            _ => None,
        }
    }
}

/// A caller's body that is passed on: its data only, never its trailers, and not at any slowness.
pub(crate) struct Passed {
    body: Body,
    failed: Failed,
    patience: Duration,
    clock: Pin<Box<Sleep>>,
    begun: Instant,
    bytes: u64,
    trip: Arc<Trip>,
}

impl Passed {
    pub(crate) fn new(body: Body, patience: Duration, trip: Arc<Trip>) -> (Self, Failed) {
        let failed = Failed::default();
        let passed = Self {
            body,
            failed: failed.clone(),
            patience,
            clock: Box::pin(sleep(patience)),
            begun: Instant::now(),
            bytes: 0,
            trip,
        };
        (passed, failed)
    }

    fn fail(&self, how: u8) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.failed.0.store(how, Ordering::Release);
        Poll::Ready(Some(Err(std::io::Error::other("the caller's body ended early"))))
    }
}

impl HttpBody for Passed {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                // Trailers were not judged; the upstream does not see them.
                let Ok(data) = frame.into_data() else { return Poll::Ready(None) };
                self.trip.passed_in(data.len());
                self.bytes = self.bytes.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
                let slow = self.begun.elapsed().saturating_sub(self.patience).as_secs();
                if self.bytes < slow.saturating_mul(LEAST_RATE) {
                    return self.fail(2);
                }
                let deadline = Instant::now() + self.patience;
                self.clock.as_mut().reset(deadline);
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Poll::Ready(Some(Err(_))) => self.fail(1),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.clock.as_mut().poll(cx) {
                Poll::Ready(()) => self.fail(2),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_are_read_within_their_bound() {
        let time = Duration::from_secs(5);
        assert_eq!(read_all(Body::from("hello"), 5, time).await.unwrap(), "hello");
        assert_eq!(read_all(Body::from("hello"), 4, time).await, Err(ReadFault::TooLarge));
        let endless =
            futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"xxxx")));
        assert_eq!(read_all(Body::from_stream(endless), 1000, time).await, Err(ReadFault::TooLarge));
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let never = read_all(Body::from_stream(never), 10, Duration::from_millis(20)).await;
        assert_eq!(never, Err(ReadFault::TooSlow));
    }

    #[tokio::test]
    async fn a_silent_caller_fails_the_body_that_is_passed_on() {
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let (mut passed, failed) =
            Passed::new(Body::from_stream(never), Duration::from_millis(20), Arc::default());
        assert_eq!(failed.how(), None);
        assert!(passed.frame().await.unwrap().is_err());
        assert_eq!(failed.how(), Some(ReadFault::TooSlow));
    }
}
