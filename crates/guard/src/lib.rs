//! The shell around the core: stores are asked, checks run, requests judged and explained; middleware for tower and axum.
mod admission;
pub mod allowance;
pub mod answer;
pub mod batch;
mod claimed;
pub mod clock;
pub mod diagnosis;
pub mod dpop;
pub mod explain;
#[cfg(feature = "axum")]
pub mod extract;
pub mod guard;
pub mod jwks;
pub mod key_source;
#[cfg(feature = "tower")]
pub mod layer;
pub mod nonces;
pub mod policy;
mod possession;
pub mod session;
pub mod signing;
mod standing;
pub mod token;
pub mod vectors;
mod walk;
pub mod watch;
