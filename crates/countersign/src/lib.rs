//! countersign: judges and makes key-pair proofs on HTTP requests, without I/O, clock or randomness.
#![cfg_attr(test, expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop at once"))]
pub mod ask;
pub mod incoming;
pub mod life;
pub mod reason;
pub mod time;
pub mod trace;
pub mod verified;
