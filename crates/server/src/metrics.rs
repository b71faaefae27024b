//! What the server counts, for Prometheus.
mod history;
mod labels;
mod recent;
pub(crate) mod spans;
mod table;

use crate::call::{Call, Outcome};
use crate::config::listener::Surface;
use crate::upstream::Standing;
use countersign::time::Time;
use countersign_keys::Counts;
pub(crate) use history::{Counts as HistoryCounts, History, MOST as MOST_MINUTES};
pub use labels::Word;
use labels::{
    Answered, At, Ended, Judged, Passed, Presented, Reached, Sent, Stepped, Under, Weak, Within, dialect,
};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use recent::{Counters, Kind};
use spans::Spans;
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
pub use table::{Kind as MetricKind, Metric as MetricRow, TABLE};

/// Days before its end at which a key is reminded of, the longest first.
pub(crate) const DAYS: [i64; 3] = [30, 7, 1];

/// The server's counters.
pub struct Metrics {
    pub(crate) spans: Spans,
    /// Tells the counters of one server from those of another in the same process.
    own: u64,
    registry: Registry,
    judged: Family<Judged, Counter>,
    answered: Family<Answered, Counter>,
    weak: Family<Weak, Counter>,
    algorithms: Family<Under, Counter>,
    history: History,
    seconds: Histogram,
    faults: Counter,
    limited: Family<Reached, Counter>,
    not_enforced: Family<Passed, Counter>,
    sent: Family<Sent, Counter>,
    retries: Family<Sent, Counter>,
    well: Family<At, Gauge>,
    in_flight: Family<At, Gauge>,
    accounts: Gauge,
    keys: Gauge,
    ending: Family<Within, Gauge>,
    sessions: Gauge,
    replay: Gauge,
    version: Gauge,
    lanes: [Counter; 5],
    generation: Gauge,
    unread: Gauge,
    reloads: Family<Ended, Counter>,
    ends: Family<Presented, Gauge>,
    broken: Gauge,
    orders: Family<Ended, Counter>,
    clock_steps: Family<Stepped, Counter>,
    webhook_behind: Gauge,
    webhook_deliveries: Family<Ended, Counter>,
}

/// What is not counted but looked up when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    /// Accounts in the registry.
    pub accounts: usize,
    /// Keys in the registry.
    pub keys: usize,
    /// Live sessions.
    pub sessions: usize,
    /// Claims that the replay memory holds, where it can tell.
    pub replay: Option<usize>,
    /// The registry's version.
    pub version: u64,
    /// Checks of signatures by the way they went, where lanes are on.
    pub lanes: Option<Counts>,
}

impl Default for Metrics {
    fn default() -> Self {
        // From 50 microseconds to 6 seconds: a signature takes about 30 microseconds, an upstream may take seconds.
        let buckets =
            [0.000_05, 0.000_2, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 6.0];
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut metrics = Self {
            own: NEXT.fetch_add(1, Ordering::Relaxed),
            registry: Registry::with_prefix("countersign"),
            judged: Family::default(),
            answered: Family::default(),
            weak: Family::default(),
            algorithms: Family::default(),
            history: History::default(),
            seconds: Histogram::new(buckets),
            faults: Counter::default(),
            limited: Family::default(),
            not_enforced: Family::default(),
            sent: Family::default(),
            retries: Family::default(),
            well: Family::default(),
            in_flight: Family::default(),
            accounts: Gauge::default(),
            keys: Gauge::default(),
            ending: Family::default(),
            sessions: Gauge::default(),
            replay: Gauge::default(),
            version: Gauge::default(),
            lanes: Default::default(),
            generation: Gauge::default(),
            unread: Gauge::default(),
            reloads: Family::default(),
            ends: Family::default(),
            broken: Gauge::default(),
            orders: Family::default(),
            clock_steps: Family::default(),
            webhook_behind: Gauge::default(),
            webhook_deliveries: Family::default(),
            spans: Spans::default(),
        };
        let all = &mut metrics.registry;
        put(all, "judgements", &metrics.judged);
        put(all, "responses", &metrics.answered);
        put(all, "request_seconds", &metrics.seconds);
        put(all, "faults", &metrics.faults);
        put(all, "limited", &metrics.limited);
        put(all, "weak_signatures", &metrics.weak);
        put(all, "algorithms", &metrics.algorithms);
        put(all, "not_enforced", &metrics.not_enforced);
        put(all, "upstream_requests", &metrics.sent);
        put(all, "upstream_retries", &metrics.retries);
        put(all, "upstream_well", &metrics.well);
        put(all, "upstream_in_flight", &metrics.in_flight);
        put(all, "accounts", &metrics.accounts);
        put(all, "keys", &metrics.keys);
        put(all, "keys_ending", &metrics.ending);
        put(all, "sessions", &metrics.sessions);
        put(all, "replay_claims", &metrics.replay);
        put(all, "registry_version", &metrics.version);
        let of_lanes = ["lanes_turns", "lanes_checks", "lanes_left", "lanes_rechecked", "lanes_differences"];
        for (name, counter) in of_lanes.into_iter().zip(&metrics.lanes) {
            put(all, name, counter);
        }
        put(all, "config_generation", &metrics.generation);
        put(all, "config_loads", &metrics.reloads);
        put(all, "config_reload_failed", &metrics.unread);
        put(all, "certificate_ends", &metrics.ends);
        put(all, "certificates_broken", &metrics.broken);
        put(all, "certificate_orders", &metrics.orders);
        put(all, "clock_steps", &metrics.clock_steps);
        put(all, "webhook_behind", &metrics.webhook_behind);
        put(all, "webhook_deliveries", &metrics.webhook_deliveries);
        metrics.spans.register(all);
        metrics.keys_end([0; DAYS.len()]);
        // There from the start, so that the first step is a change.
        for way in ["back", "ahead"] {
            drop(metrics.clock_steps.get_or_create(&Stepped { way: way.into() }));
        }
        metrics
    }
}

impl Metrics {
    /// Counts an answer.
    pub fn count(&self, call: &Call, outcome: &Outcome, status: u16, seconds: f64) {
        let class = match status {
            100..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        self.seconds.observe(seconds);
        if let (Some(upstream), Some(trip)) = (&outcome.upstream, &outcome.trip) {
            let sent = Sent { upstream: Word(Cow::Owned(upstream.to_string())), status: class.into() };
            self.retries.get_or_create(&sent).inc_by(trip.retries());
            self.sent.get_or_create(&sent).inc();
        }
        let kind = Kind {
            surface: call.surface,
            class,
            dialect: outcome.dialect.as_ref(),
            verdict: outcome.verdict,
            reason: outcome.reason,
            algorithm: outcome.algorithm.filter(|_| outcome.verdict == Some("verified")),
        };
        recent::with(
            self.own,
            &kind,
            || self.counters(&kind),
            |counters| {
                counters.answered.inc();
                if let Some(judged) = &counters.judged {
                    judged.inc();
                }
                if let Some(algorithm) = &counters.algorithm {
                    algorithm.inc();
                }
            },
        );
        let Some(verdict) = outcome.verdict else { return };
        if verdict == "fault" {
            self.faults.inc();
        }
        if outcome.algorithm.is_some_and(|name| name.contains("sha1") || name.contains("SHA1")) {
            self.weak.get_or_create(&Weak { dialect: dialect(outcome.dialect.as_ref()) }).inc();
        }
        if let Some(mode) = outcome.mode.filter(|_| verdict != "verified") {
            let passed = Passed { mode: mode.name().into(), reason: outcome.reason.unwrap_or("none").into() };
            self.not_enforced.get_or_create(&passed).inc();
        }
    }

    /// Counts what a limit turned away.
    pub(crate) fn limited(&self, limit: &'static str) {
        self.limited.get_or_create(&Reached { limit: limit.into() }).inc();
    }

    /// The counters of a kind of answer.
    fn counters(&self, kind: &Kind<'_>) -> Counters {
        let surface = Word::from(kind.surface.name());
        let answered = Answered { surface: surface.clone(), status: kind.class.into() };
        let judged = kind.verdict.map(|verdict| Judged {
            surface,
            dialect: dialect(kind.dialect),
            verdict: verdict.into(),
            reason: kind.reason.unwrap_or("none").into(),
        });
        // What operators themselves ask for is none of what they look at.
        let told = !matches!(kind.surface, Surface::Manage | Surface::Console);
        let judged = judged.map(|judged| {
            let counter = self.judged.get_or_create(&judged).clone();
            if told {
                self.history.know(&judged, &counter);
            }
            counter
        });
        let algorithm = kind.algorithm.filter(|_| told).map(|algorithm| {
            let algorithm = Word::from(algorithm);
            let counter = self.algorithms.get_or_create(&Under { algorithm: algorithm.clone() }).clone();
            self.history.know_algorithm(&algorithm, &counter);
            counter
        });
        Counters { answered: self.answered.get_or_create(&answered).clone(), judged, algorithm }
    }

    /// What was judged over the last day.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Notes how the addresses of the upstreams stand; those that are gone are forgotten.
    pub(crate) fn standings(&self, standings: &[Standing]) {
        self.well.clear();
        self.in_flight.clear();
        for standing in standings {
            let at = At {
                upstream: Word(Cow::Owned(standing.upstream.clone())),
                address: Word(Cow::Owned(standing.address.clone())),
            };
            self.well.get_or_create(&at).set(i64::from(standing.well));
            let in_flight = i64::try_from(standing.in_flight).unwrap_or(i64::MAX);
            self.in_flight.get_or_create(&at).set(in_flight);
        }
    }

    /// Notes a start or a reload, and the configuration in force after it.
    pub fn reloaded(&self, generation: u64, taken: bool) {
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.unread.set(i64::from(!taken));
        let outcome = if taken { "taken" } else { "refused" }.into();
        self.reloads.get_or_create(&Ended { outcome }).inc();
    }

    /// Notes what is presented: listener, file and end of each certificate, and how many listeners have broken files.
    pub(crate) fn certificates(&self, ends: &[(String, String, Time)], broken: i64) {
        self.ends.clear();
        for (listener, certificate, ends) in ends {
            let labels = Presented { listener: listener.clone(), certificate: certificate.clone() };
            self.ends.get_or_create(&labels).set(ends.seconds());
        }
        self.broken.set(broken);
    }

    pub(crate) fn ordered(&self, issued: bool) {
        let outcome = if issued { "issued" } else { "refused" }.into();
        self.orders.get_or_create(&Ended { outcome }).inc();
    }

    /// Shows how many entries of the audit log the receiver of webhooks was not told of.
    pub(crate) fn webhook_behind(&self, entries: u64) {
        self.webhook_behind.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// Counts an attempt to push an event.
    pub(crate) fn webhook_pushed(&self, taken: bool) {
        let outcome = if taken { "taken" } else { "failed" }.into();
        self.webhook_deliveries.get_or_create(&Ended { outcome }).inc();
    }

    /// Notes that the clock stepped.
    pub(crate) fn clock_stepped(&self, back: bool) {
        let way = if back { "back" } else { "ahead" }.into();
        self.clock_steps.get_or_create(&Stepped { way }).inc();
    }

    /// Shows how many keys end within each distance.
    pub(crate) fn keys_end(&self, ending: [usize; DAYS.len()]) {
        for (days, number) in DAYS.into_iter().zip(ending) {
            self.ending.get_or_create(&Within { days }).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }

    /// Everything in the text format.
    #[must_use]
    pub fn text(&self, levels: Levels) -> String {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.accounts.set(whole(levels.accounts));
        self.keys.set(whole(levels.keys));
        self.sessions.set(whole(levels.sessions));
        self.replay.set(levels.replay.map_or(-1, whole));
        self.version.set(i64::try_from(levels.version).unwrap_or(i64::MAX));
        let counts = levels.lanes.unwrap_or_default();
        let counts = [counts.turns, counts.in_lanes, counts.scalar, counts.rechecked, counts.differences];
        for (counter, count) in self.lanes.iter().zip(counts) {
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Registers a metric with the text that the table has for it.
fn put(registry: &mut Registry, name: &str, metric: &(impl Metric + Clone)) {
    registry.register(name, table::help(name), metric.clone());
}

#[cfg(test)]
mod tests;
