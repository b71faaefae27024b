//! Traces of requests: which trace one belongs to, whether it is told, and what is told of it. Nothing is there while it is off.
mod active;
mod exporter;
mod told;

pub(crate) use active::Active;

use crate::config::traces::{TracesSection, Trust};
use crate::metrics::spans::Spans;
use crate::shared::Shared;
use countersign_guard::clock::{Entropy, draw};
use countersign_store::fault::Fault;
use countersign_traces::context::{Context, SpanId, TraceId};
use countersign_traces::state;
use exporter::Queue;
use http::{HeaderMap, HeaderName};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Which trace a request belongs to.
pub(crate) const PARENT: HeaderName = HeaderName::from_static("traceparent");
/// What the parties of a trace tell each other.
pub(crate) const STATE: HeaderName = HeaderName::from_static("tracestate");

/// Begins the traces of one configuration. Dropped, it sends what waits and ends.
pub(crate) struct Tracer {
    section: TracesSection,
    entropy: Arc<dyn Entropy>,
    bound: Bound,
    spans: Spans,
    queue: Queue,
}

impl Tracer {
    /// The tracer of a configuration that names a collector; the one before it where nothing of it changed.
    ///
    /// # Errors
    /// [`Fault`] when the file of headers or the certificates cannot be read.
    pub(crate) fn start(
        section: &TracesSection,
        shared: &Shared,
        before: Option<&Arc<Self>>,
    ) -> Result<Option<Arc<Self>>, Fault> {
        let Some(endpoint) = &section.endpoint else { return Ok(None) };
        // Secrets are read anew: a file of the same name may have another in it.
        if let Some(before) =
            before.filter(|before| before.section == *section && section.headers_file.is_none())
        {
            return Ok(Some(Arc::clone(before)));
        }
        let spans = shared.metrics.spans.clone();
        Ok(Some(Arc::new(Self {
            section: section.clone(),
            entropy: Arc::clone(&shared.entropy),
            bound: Bound::new(section.per_second),
            queue: Queue::start(endpoint, section, &*shared.entropy, spans.clone())?,
            spans,
        })))
    }

    /// Finds or begins the trace of a request that arrived now; `trusted`: from a trusted proxy.
    pub(crate) fn begin(
        self: &Arc<Self>,
        headers: &HeaderMap,
        trusted: bool,
        wall: u64,
    ) -> Option<Arc<Active>> {
        let told = told(headers);
        let believed = match self.section.trust {
            Trust::All => true,
            Trust::Proxies => trusted,
            Trust::None => false,
        };
        let parent = told.filter(|_| believed);
        let trace = match parent {
            Some(parent) => parent.trace,
            None => TraceId::new(draw(&*self.entropy))?,
        };
        let wanted = parent.map_or_else(|| is_in_share(trace, self.section.ratio), |parent| parent.sampled);
        let sampled = wanted
            && (self.bound.take() || {
                self.spans.limited();
                false
            });
        let own =
            Context { trace, span: self.span()?, sampled, random: parent.is_none_or(|parent| parent.random) };
        // Without a parent that can be read, nobody's state is read (section 4.3 of the Recommendation).
        let lines = headers.get_all(STATE);
        let state = parent.and_then(|_| state::read(lines.iter().map(|line| line.as_bytes())));
        let link = told.filter(|_| !believed);
        Some(Arc::new(Active::new(own, parent, link, state, sampled.then(|| (Arc::clone(self), wall)))))
    }

    /// Sends what waits, for as long as the server's end may take by it.
    pub(crate) async fn flush(&self) {
        self.queue.flush(self.section.timeout.min(FLUSH)).await;
    }

    fn span(&self) -> Option<SpanId> {
        SpanId::new(draw(&*self.entropy))
    }
}

/// The server's end waits for a collector this long at most.
const FLUSH: Duration = Duration::from_secs(5);

/// What a request says about its trace; nothing where it says it twice.
fn told(headers: &HeaderMap) -> Option<Context> {
    let mut values = headers.get_all(PARENT).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Context::read(value.as_bytes()),
        _ => None,
    }
}

/// Whether a trace is among the share that is told: every party that takes the same share takes the same traces.
fn is_in_share(trace: TraceId, ratio: f64) -> bool {
    // The upper 32 of its 56 bits, which a float holds exactly: shares finer than a billionth are nobody's.
    let chance = f64::from(u32::try_from(trace.chance() >> 24).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    ratio >= 1.0 || (ratio > 0.0 && chance >= 1.0 - ratio)
}

/// How many requests are traced in one second at most.
struct Bound {
    since: Instant,
    most: u32,
    /// The second, and below it how many were traced in it.
    taken: AtomicU64,
}

impl Bound {
    fn new(most: u32) -> Self {
        Self { since: Instant::now(), most, taken: AtomicU64::new(0) }
    }

    fn take(&self) -> bool {
        self.take_at(self.since.elapsed().as_secs())
    }

    fn take_at(&self, second: u64) -> bool {
        let second = second & u64::from(u32::MAX);
        let next = |taken: u64| {
            let count = if taken >> 32 == second { taken & u64::from(u32::MAX) } else { 0 };
            (count < u64::from(self.most)).then_some((second << 32) | (count + 1))
        };
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }
}

#[cfg(test)]
mod tests;
