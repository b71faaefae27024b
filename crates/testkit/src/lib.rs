//! What tests share: the suites that every store passes, with races, and a clock that stands still.
#![expect(clippy::panic, reason = "a suite that finds a fault stops the test at once and says where")]
pub mod conformance;
