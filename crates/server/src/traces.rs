//! Traces of requests: which trace one belongs to, whether it is told, and what is told of it. Nothing is there while it is off.
pub(crate) mod active;
mod exporter;
pub(crate) mod exporters;
mod files;
pub(crate) mod told;

use crate::config::traces::{TracesSection, Trust};
use crate::metrics::spans::Why;
use active::{Active, PARENT, STATE};
use countersign_guard::clock::{Entropy, draw};
use countersign_store::fault::Fault;
use countersign_traces::context::{Context, SpanId, TraceId};
use countersign_traces::span::Span;
use countersign_traces::state;
use exporter::Queue;
use exporters::Exporters;
use files::Files;
use http::HeaderMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// Begins the traces of one configuration. Dropped, it sends what waits and ends.
pub(crate) struct Tracer {
    section: TracesSection,
    files: Files,
    entropy: Arc<dyn Entropy>,
    bound: Arc<Bound>,
    queue: Queue,
}

impl Tracer {
    /// The tracer of a configuration that names a collector; the one before it where nothing of it changed, nor in its files.
    ///
    /// # Errors
    /// [`Fault`] when the file of headers or the certificates cannot be read.
    pub(crate) fn start(
        section: &TracesSection,
        entropy: &Arc<dyn Entropy>,
        exporters: &Exporters,
        before: Option<&Arc<Self>>,
    ) -> Result<Option<Arc<Self>>, Fault> {
        let Some(endpoint) = &section.endpoint else { return Ok(None) };
        let files = Files::read(section)?;
        if let Some(before) = before.filter(|before| before.section == *section && before.files == files) {
            return Ok(Some(Arc::clone(before)));
        }
        // Whoever reloads often does not get more of each second by it.
        let bound = match before.filter(|before| before.section.per_second == section.per_second) {
            Some(before) => Arc::clone(&before.bound),
            None => Arc::new(Bound::new(section.per_second)),
        };
        let queue = exporters.start(endpoint, section, files.headers.clone())?;
        let (section, entropy) = (section.clone(), Arc::clone(entropy));
        Ok(Some(Arc::new(Self { section, files, entropy, bound, queue })))
    }

    /// Finds or begins the trace of a request that arrived now; `trusted`: from a trusted proxy.
    pub(crate) fn begin(&self, headers: &HeaderMap, trusted: bool, wall: u64) -> Option<Arc<Active>> {
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
                self.queue.counts.limited();
                false
            });
        let own = Context {
            trace,
            span: SpanId::new(draw(&*self.entropy))?,
            sampled,
            random: parent.is_none_or(|parent| parent.random),
        };
        // Without a parent that can be read, nobody's state is read (section 4.3 of the Recommendation).
        let lines = headers.get_all(STATE);
        let state = parent.and_then(|_| state::read(lines.iter().map(|line| line.as_bytes())));
        let link = told.filter(|_| !believed);
        let recording = sampled.then(|| (Arc::clone(&self.entropy), wall));
        Some(Arc::new(Active::new(own, parent, link, state, recording)))
    }

    /// Takes the spans of a request that is over, beside so many that it had too many.
    fn put(&self, spans: Vec<Span>, more: u64) {
        self.queue.counts.dropped(Why::Parts, more);
        self.queue.put(spans);
    }
}

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
