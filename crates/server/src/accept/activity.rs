//! What goes on on a connection: which requests are being answered, whether the caller takes its answers, and how many it gave up.
use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Requests that a caller may give up on one connection without a word, as people do who leave a page.
const GIVEN_UP: usize = 100;

/// Why a connection is ended from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// There was no request for long.
    Idle,
    /// Answers are ready and the caller takes none.
    Stalled,
    /// The caller asks only to give up.
    Abusive,
}

/// What goes on on one connection.
pub(super) struct Activity {
    begun: Instant,
    /// Requests whose answers are not out.
    answering: AtomicUsize,
    /// Those of them whose next piece waits for the caller to take it.
    ready: AtomicUsize,
    answered: AtomicUsize,
    given_up: AtomicUsize,
    /// When something last happened, in milliseconds since the connection began.
    moved: AtomicU64,
    abuse: Notify,
    /// Whether anybody waits in [`Activity::over`]; HTTP/1 has clocks of its own and pays for none here.
    watched: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            answering: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
            abuse: Notify::new(),
            watched: AtomicBool::new(false),
        })
    }

    /// Whether a request is being answered; while one is, silence is not idleness.
    pub(super) fn is_busy(&self) -> bool {
        self.answering.load(Ordering::Acquire) > 0
    }

    /// Notes that something happened.
    pub(super) fn moves(&self) {
        if !self.watched.load(Ordering::Relaxed) {
            return;
        }
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(millis, Ordering::Release);
    }

    /// A request whose head is here; `head`: nobody will want a body.
    pub(super) fn begin(self: &Arc<Self>, head: bool) -> Held {
        self.answering.fetch_add(1, Ordering::AcqRel);
        self.moves();
        Held { activity: Arc::clone(self), ready: false, head, done: false }
    }

    /// Waits until the connection is to be ended: nobody asked for `idle`, or nobody took an answer for `write`.
    pub(super) async fn over(&self, idle: Duration, write: Duration) -> Over {
        self.watched.store(true, Ordering::Relaxed);
        loop {
            let last = self.begun + Duration::from_millis(self.moved.load(Ordering::Acquire));
            let (due, over) = match (self.is_busy(), self.ready.load(Ordering::Acquire) > 0) {
                (false, _) => (last + idle, Some(Over::Idle)),
                (true, true) => (last + write, Some(Over::Stalled)),
                // We are at work, or an upstream is: not the caller's fault.
                (true, false) => (last, None),
            };
            if let Some(over) = over
                && due <= Instant::now()
            {
                return over;
            }
            // What is waited for may change meanwhile, so nothing is waited for longer than for the shorter of both.
            let look = Instant::now() + idle.min(write);
            tokio::select! {
                () = sleep_until(if over.is_some() { due.min(look) } else { look }) => {}
                () = self.abuse.notified() => return Over::Abusive,
            }
        }
    }
}

/// A request that is being answered, until its answer's body is gone.
pub(super) struct Held {
    activity: Arc<Activity>,
    ready: bool,
    head: bool,
    done: bool,
}

impl Held {
    fn set_ready(&mut self, ready: bool) {
        match (self.ready, ready) {
            (false, true) => drop(self.activity.ready.fetch_add(1, Ordering::AcqRel)),
            (true, false) => drop(self.activity.ready.fetch_sub(1, Ordering::AcqRel)),
            _ => {}
        }
        self.ready = ready;
    }

    /// The answer's body, watched.
    pub(super) fn watch(mut self, body: Body) -> Tracked {
        self.set_ready(true);
        // Nobody polls a body that is empty.
        self.done = self.head || body.is_end_stream();
        Tracked { body, held: self }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set_ready(false);
        self.activity.moves();
        if self.done {
            self.activity.answered.fetch_add(1, Ordering::AcqRel);
        } else {
            let given_up = self.activity.given_up.fetch_add(1, Ordering::AcqRel) + 1;
            if given_up > GIVEN_UP && given_up > self.activity.answered.load(Ordering::Acquire) {
                self.activity.abuse.notify_one();
            }
        }
        self.activity.answering.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An answer's body that knows when it is done.
pub(super) struct Tracked {
    body: Body,
    held: Held,
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        // Whoever polls has room for more.
        self.held.activity.moves();
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.held.set_ready(polled.is_ready());
        // A body of ours or of an upstream's that fails is not the caller's doing.
        self.held.done |= matches!(polled, Poll::Ready(None | Some(Err(_)))) || self.body.is_end_stream();
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
