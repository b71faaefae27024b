//! Distributed traces without a library for them: the W3C's trace context, and spans in OpenTelemetry's protocol (OTLP).
//!
//! [`context`] and [`state`] read what a request carries, [`span`] is what happened, and [`export`] makes one message of many spans.
//! Nothing here waits, knows the time or draws numbers; what reads callers' bytes gives up rather than guess.
pub mod context;
pub mod export;
pub mod span;
pub mod state;
mod wire;
