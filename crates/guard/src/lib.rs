//! The shell around the core: stores are asked, checks run, requests judged and explained; middleware for tower and axum.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop at once")
)]
pub mod clock;
pub mod explain;
pub mod guard;
pub mod jwks;
pub mod policy;
pub mod signing;
