//! What became of the spans of traces, counted by whoever sends them.
use super::table::help;
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
    why: &'static str,
}

/// Why a span did not reach the collector.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    /// Too many wait.
    Queue,
    /// Its request has too many.
    Parts,
    /// The collector gave no answer, or a bad one.
    Failed,
    /// It said so.
    Rejected,
    /// The server ended before it could be sent.
    Stopped,
}

impl Why {
    const ALL: [Self; 5] = [Self::Queue, Self::Parts, Self::Failed, Self::Rejected, Self::Stopped];

    fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Parts => "parts",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Stopped => "stopped",
        }
    }
}

impl Spans {
    pub(super) fn register(&self, registry: &mut Registry) {
        let exported = "trace_spans_exported";
        registry.register(exported, help(exported), self.exported.clone());
        let dropped = "trace_spans_dropped";
        registry.register(dropped, help(dropped), self.dropped.clone());
        let limited = "traces_limited";
        registry.register(limited, help(limited), self.limited.clone());
        // There from the start, so that the first one is a change.
        for why in Why::ALL {
            self.dropped(why, 0);
        }
    }

    pub(crate) fn exported(&self, spans: u64) {
        self.exported.inc_by(spans);
    }

    pub(crate) fn dropped(&self, why: Why, spans: u64) {
        self.dropped.get_or_create(&Dropped { why: why.name() }).inc_by(spans);
    }

    pub(crate) fn limited(&self) {
        self.limited.inc();
    }
}
