//! The countersign server: gateway, forward-auth, sessions, management, explain, key sets, health and metrics in one process.
#![cfg_attr(test, expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop at once"))]
mod accept;
pub mod app;
pub mod call;
mod chores;
pub mod config;
mod dispatch;
pub mod echo;
pub mod identity;
pub mod ids;
pub mod judge;
mod key_sets;
pub mod metrics;
mod mounts;
pub mod problem;
pub mod routes;
mod secrets;
pub mod server;
pub mod surface;
pub mod telemetry;

pub use app::{App, Parts};
pub use config::Config;
pub use server::{Running, Server};
