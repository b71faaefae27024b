//! The countersign server: gateway, forward-auth, sessions, management, explain, key sets, health and metrics in one process.
#![cfg_attr(test, expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop at once"))]
mod accept;
pub mod call;
pub mod config;
