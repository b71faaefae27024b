//! countersign: judges and makes key-pair proofs on HTTP requests, without I/O, clock or randomness.
//!
//! A [`dialect::Dialect`] is data read from a file. It reads a [`proof::Proof`] from an [`incoming::Incoming`] request; the
//! stages in [`proof`] lead from there to [`verified::Verified`]. The shell around answers two questions ([`ask`]) and brings
//! the time. The same dialect makes proofs ([`mod@write`]).
pub mod answer;
pub mod ask;
pub mod base64;
pub mod decoy;
pub mod dialect;
pub mod dpop;
mod form;
pub mod hidden;
pub mod incoming;
pub mod json;
pub mod life;
pub mod percent;
pub mod permission;
pub mod proof;
pub mod read;
pub mod reason;
mod rule;
mod source;
pub mod structured;
pub mod time;
pub mod trace;
pub mod verified;
pub mod write;

pub use countersign_keys as keys;
