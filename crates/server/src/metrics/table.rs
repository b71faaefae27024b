//! Every metric that the server has: the one table from which they are registered and the documentation is made.

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name without the prefix `countersign_`, and without what the text format adds for its kind.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it counts or shows.
    pub help: &'static str,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Stands at a level.
    Gauge,
    /// Counts what was measured by its size.
    Histogram,
}

/// All of them, in the order of the documentation. Names are an interface: they stay, and new ones may come.
pub const TABLE: &[Metric] = &[
    counter(
        "judgements",
        &["surface", "dialect", "verdict", "reason"],
        "Requests judged, by surface, dialect, verdict and reason",
    ),
    counter("responses", &["surface", "status"], "Answers, by surface and class of status"),
    histogram("request_seconds", &[], "Time from a request's head to its answer's head"),
    counter("faults", &[], "Requests that could not be decided"),
    counter("limited", &["limit"], "Requests and connections turned away by a limit, by limit"),
    counter(
        "clock_steps",
        &["way"],
        "Times that the machine's clock stepped by more than two seconds, by the way it went: an alarm",
    ),
    counter("weak_signatures", &["dialect"], "Proofs that held under SHA-1, by dialect"),
    counter("algorithms", &["algorithm"], "Proofs that held, by algorithm, but those of management calls"),
    counter(
        "not_enforced",
        &["mode", "reason"],
        "Requests that did not hold and passed as nobody's, by mode and reason",
    ),
    counter(
        "upstream_requests",
        &["upstream", "status"],
        "Requests sent on, by upstream and class of the answer's status",
    ),
    counter(
        "upstream_retries",
        &["upstream", "status"],
        "Further attempts, by upstream and class of the status they ended in",
    ),
    gauge(
        "upstream_well",
        &["upstream", "address"],
        "Whether requests go to an address (1), or it is ill or left out (0)",
    ),
    gauge("upstream_in_flight", &["upstream", "address"], "Requests an address is serving"),
    gauge("accounts", &[], "Accounts in the registry"),
    gauge("keys", &[], "Keys in the registry"),
    gauge("keys_ending", &["days"], "Keys in use that end within so many days, as counted once an hour"),
    gauge("sessions", &[], "Live sessions"),
    gauge("replay_claims", &[], "Claims that the replay memory holds; -1 where it cannot tell"),
    gauge("registry_version", &[], "Version of the registry in memory"),
    counter("lanes_turns", &[], "Times that signatures were checked in lanes, all that waited at once"),
    counter("lanes_checks", &[], "Signatures checked in lanes"),
    counter("lanes_left", &[], "Signatures that waited for the lanes and were left to the scalar library"),
    counter("lanes_rechecked", &[], "Signatures checked in lanes and again by the scalar library"),
    counter(
        "lanes_differences",
        &[],
        "Of these, those where the two differed: an alarm, and the lanes are off",
    ),
    gauge("config_generation", &[], "Configurations in force since the start"),
    counter("config_loads", &["outcome"], "Configurations read, by outcome: `taken` or `refused`"),
    gauge(
        "config_reload_failed",
        &[],
        "1 when the last reload failed and an older configuration is in force",
    ),
    gauge(
        "certificate_ends",
        &["listener", "certificate"],
        "When each certificate ends, in seconds since 1970",
    ),
    gauge(
        "certificates_broken",
        &[],
        "Listeners whose changed certificate files cannot be used, so that the old ones are presented",
    ),
    counter("trace_spans_exported", &[], "Spans that the collector took"),
    counter(
        "trace_spans_dropped",
        &["why"],
        "Spans that it did not get: `queue` (full), `parts` (too many of one request), `failed` (no answer, or a bad one), `rejected` (by its answer), `stopped` (with the server)",
    ),
    counter("traces_limited", &[], "Requests not traced since too many were in their second"),
    gauge(
        "webhook_behind",
        &[],
        "Entries of the audit log that the receiver of webhooks was not told of yet, those that are no event included",
    ),
    counter(
        "webhook_deliveries",
        &["outcome"],
        "Events pushed to the receiver of webhooks, by outcome: `taken` or `failed`",
    ),
    counter("certificate_orders", &["outcome"], "Certificates ordered, by outcome: `issued` or `refused`"),
];

impl Metric {
    /// The names under which Prometheus knows it.
    #[must_use]
    pub fn exported(&self) -> Vec<String> {
        let ends: &[&str] = match self.kind {
            Kind::Counter => &["_total"],
            Kind::Gauge => &[""],
            Kind::Histogram => &["_bucket", "_sum", "_count"],
        };
        ends.iter().map(|end| format!("countersign_{}{end}", self.name)).collect()
    }
}

impl Kind {
    /// Its word in the text format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The help text of a metric; empty for one that is not in the table, which a test would find.
pub(super) fn help(name: &str) -> &'static str {
    TABLE.iter().find(|metric| metric.name == name).map_or("", |metric| metric.help)
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help }
}

#[cfg(test)]
mod tests;
