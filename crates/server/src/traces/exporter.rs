//! Sends spans to a collector, beside everything else: what it does not take in time is dropped and counted, and nobody waits.
use crate::inflow::read_all;
use crate::metrics::spans::{Spans, Why};
use crate::telemetry::clean;
use crate::upstream::Post;
use axum::body::Body;
use bytes::Bytes;
use countersign_traces::export::{Teller, encode, taken};
use countersign_traces::span::Span;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming;
use std::future::pending;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Spans of one message at most.
const MOST: usize = 512;
/// Spans wait this long for others to be sent with them.
const GATHER: Duration = Duration::from_secs(1);
/// Between two attempts, where the collector does not say how long; and at most, whatever it says.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of a collector's answer that are read.
const ANSWER: usize = 64 * 1024;
/// A collector that takes nothing is told of this often.
const TELL: Duration = Duration::from_secs(60);

/// Where the spans of requests that are over wait.
pub(super) struct Queue {
    spans: mpsc::Sender<Vec<Span>>,
    pub(super) counts: Spans,
}

impl Queue {
    /// Puts the spans of one request behind the others, or drops them.
    pub(super) fn put(&self, spans: Vec<Span>) {
        let (why, spans) = match self.spans.try_send(spans) {
            Ok(()) => return,
            Err(TrySendError::Full(spans)) => (Why::Queue, spans),
            Err(TrySendError::Closed(spans)) => (Why::Stopped, spans),
        };
        self.counts.dropped(why, whole(spans.len()));
    }
}

/// Told when the server ends: until then there is time to send what waits.
pub(super) type Ending = watch::Receiver<Option<Instant>>;

/// Where spans go, and who tells them.
pub(super) struct Way {
    pub(super) post: Post,
    pub(super) headers: HeaderMap,
    pub(super) teller: Teller,
    /// How long one export may take, with all its attempts.
    pub(super) patience: Duration,
}

/// Sends.
pub(super) struct Exporter {
    way: Way,
    counts: Spans,
    ending: Ending,
    /// When the log was told last that nothing is taken.
    told: Option<Instant>,
    /// Spans that the server's end left no time for.
    left: u64,
}

impl Exporter {
    /// What sends, and where to put what it sends: room for the spans of so many requests.
    pub(super) fn open(
        way: Way,
        room: usize,
        counts: Spans,
        ending: Ending,
    ) -> (Queue, impl Future<Output = ()>) {
        let (spans, waiting) = mpsc::channel(room);
        let exporter = Self { way, counts: counts.clone(), ending, told: None, left: 0 };
        (Queue { spans, counts }, exporter.run(waiting))
    }

    /// Sends until the queue is dropped or the server ends; every span that was put is sent or counted by then.
    async fn run(mut self, mut waiting: mpsc::Receiver<Vec<Span>>) {
        while let Some(batch) = self.gather(&mut waiting).await {
            self.send(batch).await;
        }
        if self.left > 0 {
            let spans = self.left;
            tracing::warn!(spans, "the collector did not take the last spans in time; they are dropped");
        }
    }

    /// The next spans that wait, with those that come soon after; `None` when no more can come.
    async fn gather(&mut self, waiting: &mut mpsc::Receiver<Vec<Span>>) -> Option<Vec<Span>> {
        let mut batch = Vec::new();
        let mut until = None;
        while batch.len() < MOST {
            let soon = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                spans = waiting.recv() => match spans {
                    Some(spans) => batch.extend(spans),
                    None => break,
                },
                // What comes from now on is refused, and what was put before is there.
                _ = self.ending.wait_for(Option::is_some), if !waiting.is_closed() => waiting.close(),
                () = soon => break,
            }
            if !batch.is_empty() {
                until.get_or_insert_with(|| Instant::now() + GATHER);
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    async fn send(&mut self, batch: Vec<Span>) {
        let count = whole(batch.len());
        let body = Bytes::from(encode(&self.way.teller, batch));
        let mut ending = self.ending.clone();
        let late = async {
            // Nobody is left to tell it where the sender is gone.
            let end = ending.wait_for(Option::is_some).await.map(|end| *end);
            match end.ok().flatten() {
                Some(end) => sleep_until(end).await,
                None => pending().await,
            }
        };
        let sent = tokio::select! {
            biased;
            () = late => {
                self.left += count;
                self.counts.dropped(Why::Stopped, count);
                return;
            }
            sent = self.attempts(body) => sent,
        };
        match sent {
            Ok(rejected) => {
                let rejected = rejected.min(count);
                self.counts.exported(count - rejected);
                self.counts.dropped(Why::Rejected, rejected);
                if self.told.take().is_some() {
                    tracing::info!("the collector takes spans again");
                }
            }
            Err(why) => {
                self.counts.dropped(Why::Failed, count);
                if self.told.is_none_or(|told| told.elapsed() >= TELL) {
                    self.told = Some(Instant::now());
                    tracing::warn!(why, spans = count, "the collector did not take spans; they are dropped");
                }
            }
        }
    }

    /// Tries until the collector took it or refused it for good, or there is no time for another attempt. Gives the spans it rejected.
    async fn attempts(&mut self, body: Bytes) -> Result<u64, String> {
        let until = Instant::now() + self.way.patience;
        loop {
            let answer = timeout_at(until, self.way.post.send(&self.way.headers, body.clone())).await;
            let (why, pause) = match answer {
                Err(_) => return Err("no answer in time".to_owned()),
                Ok(Err(why)) => (why, PAUSE),
                Ok(Ok(answer)) if answer.status().is_success() => return Ok(self.took(answer, until).await),
                Ok(Ok(answer)) => {
                    let why = format!("it answered {}", answer.status().as_u16());
                    // Those that OTLP calls worth another attempt.
                    let again = matches!(
                        answer.status(),
                        StatusCode::TOO_MANY_REQUESTS
                            | StatusCode::BAD_GATEWAY
                            | StatusCode::SERVICE_UNAVAILABLE
                            | StatusCode::GATEWAY_TIMEOUT
                    );
                    if !again {
                        return Err(why);
                    }
                    (why, wait(answer.headers()))
                }
            };
            if pause >= until.saturating_duration_since(Instant::now()) {
                return Err(why);
            }
            tracing::debug!(why, "the collector did not take spans yet");
            sleep(pause).await;
        }
    }

    async fn took(&self, answer: Response<Incoming>, until: Instant) -> u64 {
        // A body that does not arrive says nothing; the spans were taken.
        let time = until.saturating_duration_since(Instant::now());
        let body = read_all(Body::new(answer.into_body()), ANSWER, time).await.unwrap_or_default();
        let taken = taken(&body);
        if taken.rejected > 0 || !taken.message.is_empty() {
            let message = clean(&taken.message).into_owned();
            tracing::debug!(rejected = taken.rejected, message, "the collector says something to spans");
        }
        taken.rejected
    }
}

/// How long the collector wants to be left alone.
fn wait(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(PAUSE, Duration::from_secs).max(PAUSE)
}

fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
