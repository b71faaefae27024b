//! Sends spans to a collector, beside everything else: what it does not take in time is dropped and counted, and nobody waits.
use crate::config::traces::TracesSection;
use crate::inflow::read_all;
use crate::metrics::spans::{Spans, Why};
use crate::upstream::Post;
use axum::body::Body;
use bytes::Bytes;
use countersign::base64::encode_hex;
use countersign_guard::clock::{Entropy, draw};
use countersign_store::fault::Fault;
use countersign_traces::export::{Teller, encode, taken};
use countersign_traces::span::{Attribute, Span};
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use hyper::body::Incoming;
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

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
    flushes: mpsc::Sender<oneshot::Sender<()>>,
    counts: Spans,
}

impl Queue {
    /// Starts whoever sends.
    pub(super) fn start(
        endpoint: &Uri,
        section: &TracesSection,
        entropy: &dyn Entropy,
        counts: Spans,
    ) -> Result<Self, Fault> {
        let (spans, waiting) = mpsc::channel(section.queue);
        let (flushes, asked) = mpsc::channel(1);
        let version = env!("CARGO_PKG_VERSION");
        let own = [
            ("service.name", section.service.clone()),
            ("service.version", version.to_owned()),
            ("service.instance.id", encode_hex(&draw::<16>(entropy))),
            ("telemetry.sdk.name", "countersign".to_owned()),
            ("telemetry.sdk.language", "rust".to_owned()),
            ("telemetry.sdk.version", version.to_owned()),
        ];
        let named = |(name, value): &(String, String)| Attribute::named(name.clone(), value.clone());
        let resource = own.into_iter().map(|(name, value)| Attribute::new(name, value));
        let resource = resource.chain(section.resource.iter().map(named)).collect();
        let exporter = Exporter {
            post: Post::new(endpoint, section.ca_file.as_deref())?,
            headers: headers(section.headers_file.as_deref())?,
            teller: Teller { resource, name: "countersign", version },
            patience: section.timeout,
            counts: counts.clone(),
            told: None,
        };
        tokio::spawn(exporter.run(waiting, asked));
        Ok(Self { spans, flushes, counts })
    }

    /// Puts the spans of one request behind the others, or drops them.
    pub(super) fn put(&self, spans: Vec<Span>) {
        let count = whole(spans.len());
        if self.spans.try_send(spans).is_err() {
            self.counts.dropped(Why::Queue, count);
        }
    }

    /// Waits until all that was put before is sent or dropped, but not longer than `patience`.
    pub(super) async fn flush(&self, patience: Duration) {
        let (done, over) = oneshot::channel();
        let flushed = async {
            if self.flushes.send(done).await.is_ok() {
                // An exporter that ended has nothing left.
                let _ = over.await;
            }
        };
        if timeout(patience, flushed).await.is_err() {
            tracing::warn!("the collector did not take the last spans in time");
        }
    }
}

/// Sends.
struct Exporter {
    post: Post,
    headers: HeaderMap,
    teller: Teller,
    patience: Duration,
    counts: Spans,
    /// When the log was told last that nothing is taken.
    told: Option<Instant>,
}

impl Exporter {
    async fn run(
        mut self,
        mut waiting: mpsc::Receiver<Vec<Span>>,
        mut asked: mpsc::Receiver<oneshot::Sender<()>>,
    ) {
        loop {
            let mut batch = Vec::new();
            let mut flush = tokio::select! {
                biased;
                spans = waiting.recv() => match spans {
                    Some(spans) => { batch = spans; None }
                    // The configuration that it served is gone.
                    None => return,
                },
                Some(done) = asked.recv() => Some(done),
            };
            let until = Instant::now() + GATHER;
            while flush.is_none() && batch.len() < MOST {
                let next = tokio::select! {
                    biased;
                    next = timeout_at(until, waiting.recv()) => next,
                    Some(done) = asked.recv() => { flush = Some(done); break }
                };
                let Ok(Some(spans)) = next else { break };
                batch.extend(spans);
            }
            if let Some(done) = flush {
                let begun = Instant::now();
                // Bounded by the queue, and by time: the server is about to end.
                while let Ok(spans) = waiting.try_recv() {
                    batch.extend(spans);
                    if batch.len() >= MOST {
                        let full = std::mem::take(&mut batch);
                        self.last(full, begun).await;
                    }
                }
                self.last(batch, begun).await;
                // Whoever asked may have stopped waiting.
                let _ = done.send(());
            } else {
                self.send(batch).await;
            }
        }
    }

    /// Sends at the server's end, as long as there is time.
    async fn last(&mut self, batch: Vec<Span>, begun: Instant) {
        if begun.elapsed() > self.patience {
            self.counts.dropped(Why::Stopped, whole(batch.len()));
        } else {
            self.send(batch).await;
        }
    }

    async fn send(&mut self, batch: Vec<Span>) {
        if batch.is_empty() {
            return;
        }
        let count = whole(batch.len());
        let body = Bytes::from(encode(&self.teller, batch));
        let sent = timeout(self.patience, self.attempts(body)).await;
        match sent.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
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

    /// Tries until the collector took it, or refused it for good; whoever calls sets an end.
    async fn attempts(&mut self, body: Bytes) -> Result<u64, String> {
        loop {
            let (why, pause) = match self.post.send(&self.headers, body.clone()).await {
                Err(why) => (why, PAUSE),
                Ok(answer) if answer.status().is_success() => return self.took(answer).await,
                Ok(answer) => {
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
            if pause >= self.patience {
                return Err(why);
            }
            tracing::debug!(why, "the collector did not take spans yet");
            sleep(pause).await;
        }
    }

    async fn took(&self, answer: Response<Incoming>) -> Result<u64, String> {
        // A body that does not arrive says nothing; the spans were taken.
        let body = read_all(Body::new(answer.into_body()), ANSWER, self.patience).await.unwrap_or_default();
        let taken = taken(&body);
        if taken.rejected > 0 || !taken.message.is_empty() {
            let message = crate::telemetry::clean(&taken.message).into_owned();
            tracing::debug!(rejected = taken.rejected, message, "the collector says something to spans");
        }
        Ok(taken.rejected)
    }
}

/// How long the collector wants to be left alone.
fn wait(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(PAUSE, Duration::from_secs).max(PAUSE)
}

/// The headers of every export: our own, and those of the file.
fn headers(file: Option<&Path>) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION"))));
    let Some(file) = file else { return Ok(headers) };
    let setting = "[traces] headers_file";
    let text = std::fs::read_to_string(file)
        .map(zeroize::Zeroizing::new)
        .map_err(|error| Fault::caused(format!("{setting}: {} cannot be read", file.display()), error))?;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let read = line.split_once(':').and_then(|(name, value)| {
            let mut value = HeaderValue::try_from(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name.trim()).ok()?, value))
        });
        // The line itself is a secret.
        let (name, value) = read.ok_or_else(|| {
            let (file, line) = (file.display(), index + 1);
            Fault::new(format!(
                "{setting}: {file}:{line}: wanted a header such as \"Authorization: Bearer …\""
            ))
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
