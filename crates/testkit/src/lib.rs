//! What tests share: the suites that every store passes, with races, a real PostgreSQL and Redis to run them on, and OpenAPI documents to hold answers against.
#![expect(clippy::panic, reason = "a suite that finds a fault stops the test at once and says where")]
pub mod conformance;
pub mod described;
#[cfg(unix)]
pub mod postgres;
#[cfg(unix)]
mod process;
#[cfg(unix)]
pub mod redis;
