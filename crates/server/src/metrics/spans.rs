//! What became of the spans of traces, counted by whoever sends them.
use super::{Word, put};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The counters; copies count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    exported: Counter,
    dropped: Family<Dropped, Counter>,
    limited: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dropped {
    why: Word,
}

/// Why a span did not reach the collector.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    /// Too many wait.
    Queue,
    /// It gave no answer, or a bad one.
    Failed,
    /// It said so.
    Rejected,
    /// The server ended before it could be sent.
    Stopped,
}

impl Why {
    fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Stopped => "stopped",
        }
    }
}

impl Spans {
    pub(super) fn put(&self, registry: &mut Registry) {
        put(registry, "trace_spans_exported", &self.exported);
        put(registry, "trace_spans_dropped", &self.dropped);
        put(registry, "traces_limited", &self.limited);
        // There from the start, so that the first one is a change.
        for why in [Why::Queue, Why::Failed, Why::Rejected, Why::Stopped] {
            drop(self.dropped.get_or_create(&Dropped { why: why.name().into() }));
        }
    }

    pub(crate) fn exported(&self, spans: u64) {
        self.exported.inc_by(spans);
    }

    pub(crate) fn dropped(&self, why: Why, spans: u64) {
        if spans > 0 {
            self.dropped.get_or_create(&Dropped { why: why.name().into() }).inc_by(spans);
        }
    }

    pub(crate) fn limited(&self) {
        self.limited.inc();
    }
}
