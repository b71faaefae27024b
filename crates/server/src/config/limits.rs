//! `[limits]`: what a caller may make the server read, hold and wait for.
use super::reader::Section;
use std::time::Duration;

/// What a caller may make the server read, hold and wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections of one listener: each costs about 10 KiB.
    pub connections: usize,
    /// Open connections of one address (an IPv4 address, a /64 of IPv6) on one listener, trusted proxies aside: a twentieth of all as shipped, so
    /// that one caller cannot take the places of all; 0: as many as it likes.
    pub connections_per_address: usize,
    /// Proofs a second that may fail after their signature was checked, by the caller's address: a fifth of a percent of a core as shipped; 0: as many as it likes.
    pub failures_per_address: u32,
    /// Such proofs at once, after a rest: a machine with a wrong key and a few retries stays below.
    pub failures_burst: u32,
    /// Requests a second of one address; twice as many at once; 0: as many as it likes.
    pub requests_per_address: u32,
    /// Requests a second that hold, of one account; twice as many at once; 0: as many as it likes.
    pub requests_per_account: u32,
    /// Judgements that wait for a store, a key set or the lanes at once: a few seconds' work of a busy store.
    pub waiting: usize,
    /// Requests at once on one HTTP/2 connection: as many as browsers and proxies want.
    pub streams: usize,
    /// Bytes of a request's head: four times what browsers with many cookies send.
    pub header_bytes: usize,
    /// Fields of a request's head: real ones have under 40.
    pub header_fields: usize,
    /// Bytes of one field: an RSA-8192 token fits.
    pub field_bytes: usize,
    /// Bytes of the request line.
    pub line_bytes: usize,
    /// Bytes of a body that a dialect signs: it is held in memory until the proof holds.
    pub body_bytes: usize,
    /// Bytes of one credential.
    pub credential_bytes: usize,
    /// Tokens whose signature check is remembered while they come again: each takes 52 bytes; 0: none.
    pub remembered_tokens: usize,
    /// How long refusals are kept in memory for explain, without credentials; 0: not at all.
    pub refusals_time: Duration,
    /// How long a head may take to arrive.
    pub header_time: Duration,
    /// How long a body that a dialect signs may take to arrive; for others, the longest silence.
    pub body_time: Duration,
    /// How long a connection may stay open without a request; HTTP/2 as well.
    pub idle_time: Duration,
}

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Times a second.
    pub per_second: u32,
    /// Times at once, after a rest.
    pub burst: u32,
}

impl Limits {
    /// How many failed checks an address has; `None`: it is not limited.
    pub(crate) fn failures(&self) -> Option<Rate> {
        let rate = Rate { per_second: self.failures_per_address, burst: self.failures_burst };
        (rate.per_second > 0).then_some(rate)
    }

    /// How many requests an address has; `None`: it is not limited.
    pub(crate) fn requests_per_address(&self) -> Option<Rate> {
        twice(self.requests_per_address)
    }

    /// How many requests an account has; `None`: it is not limited.
    pub(crate) fn requests_per_account(&self) -> Option<Rate> {
        twice(self.requests_per_account)
    }

    pub(super) fn read(section: Section<'_>) -> Self {
        let number = |name: &'static str, default, least| {
            u32::try_from(section.count(name, default, least..=1_000_000)).unwrap_or(u32::MAX)
        };
        let limits = Self {
            connections: section.count("connections", 10_000, 1..=1_000_000),
            connections_per_address: section.count("connections_per_address", 500, 0..=1_000_000),
            failures_per_address: number("failures_per_address", 20, 0),
            failures_burst: number("failures_burst", 200, 1),
            requests_per_address: number("requests_per_address", 0, 0),
            requests_per_account: number("requests_per_account", 0, 0),
            waiting: section.count("waiting", 4096, 1..=1_000_000),
            streams: section.count("streams", 128, 1..=10_000),
            header_bytes: section.count("header_bytes", 32 * 1024, 1024..=1024 * 1024),
            header_fields: section.count("header_fields", 100, 10..=1000),
            field_bytes: section.count("field_bytes", 20 * 1024, 1024..=1024 * 1024),
            line_bytes: section.count("line_bytes", 8 * 1024, 256..=60 * 1024),
            body_bytes: section.count("body_bytes", 1024 * 1024, 0..=64 * 1024 * 1024),
            credential_bytes: section.count("credential_bytes", 16 * 1024, 1024..=64 * 1024),
            remembered_tokens: section.count("remembered_tokens", 65_536, 0..=16_777_216),
            refusals_time: section.span("refusals_time", Duration::from_secs(900)),
            header_time: section.span("header_time", Duration::from_secs(10)),
            body_time: section.span("body_time", Duration::from_secs(30)),
            idle_time: section.span("idle_time", Duration::from_secs(75)),
        };
        section.finish();
        limits
    }
}

/// A rate with as many at once as in two seconds.
fn twice(per_second: u32) -> Option<Rate> {
    (per_second > 0).then_some(Rate { per_second, burst: per_second.saturating_mul(2) })
}
