//! The countersign server: gateway, forward-auth, sessions, management, explain, key sets, health and metrics in one process.
mod accept;
pub mod app;
pub mod call;
mod chores;
pub mod config;
pub mod dialects;
mod dispatch;
pub mod echo;
mod hop;
pub mod identity;
pub mod ids;
mod inflow;
pub mod judge;
mod key_sets;
pub mod metrics;
mod mounts;
pub mod problem;
pub mod routes;
mod secrets;
pub mod server;
pub mod storage;
pub mod surface;
pub mod telemetry;
mod upstream;

pub use app::{App, Parts};
pub use config::Config;
pub use server::{Running, Server};
