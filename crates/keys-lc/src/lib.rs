//! The two RSA operations of AWS-LC that its safe Rust crate does not offer.
//!
//! - [`recover::RsaPublic`]: take an RSA signature back to the encoded digest inside it, so that one
//!   RSA operation can be compared with several candidate messages.
//! - `sha1::RsaSha1Signer` (feature `sha1-sign`): sign with SHA-1, for callers of services that still
//!   ask for it. AWS-LC's Rust crate verifies such signatures but does not make them.
//!
//! This crate and the one for vectorised verification are the only ones that may contain unsafe code.
//! Nothing here decides anything: callers compare, and callers refuse.

pub mod recover;
#[cfg(feature = "sha1-sign")]
pub mod sha1;
