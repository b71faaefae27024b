//! `[limits]`: what a caller may make the server read, hold and wait for.
use super::reader::Section;
use std::time::Duration;

/// What a caller may make the server read, hold and wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections of one listener: each costs about 10 KiB.
    pub connections: usize,
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
    /// How long a head may take to arrive.
    pub header_time: Duration,
    /// How long a body that a dialect signs may take to arrive; for others, the longest silence.
    pub body_time: Duration,
    /// How long a connection may stay open without a request.
    pub idle_time: Duration,
}

impl Limits {
    pub(super) fn read(section: Section<'_>) -> Self {
        let limits = Self {
            connections: section.count("connections", 10_000, 1..=1_000_000),
            header_bytes: section.count("header_bytes", 32 * 1024, 1024..=1024 * 1024),
            header_fields: section.count("header_fields", 100, 10..=1000),
            field_bytes: section.count("field_bytes", 20 * 1024, 1024..=1024 * 1024),
            line_bytes: section.count("line_bytes", 8 * 1024, 256..=60 * 1024),
            body_bytes: section.count("body_bytes", 1024 * 1024, 0..=64 * 1024 * 1024),
            credential_bytes: section.count("credential_bytes", 16 * 1024, 1024..=64 * 1024),
            remembered_tokens: section.count("remembered_tokens", 65_536, 0..=16_777_216),
            header_time: section.span("header_time", Duration::from_secs(10)),
            body_time: section.span("body_time", Duration::from_secs(30)),
            idle_time: section.span("idle_time", Duration::from_secs(75)),
        };
        section.finish();
        limits
    }
}
