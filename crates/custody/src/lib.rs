//! Keys in another's custody: signs by an ssh-agent or by a PKCS#11 token, which never give the private half away.
//!
//! - [`agent::find`] takes a key of the agent at a socket, [`token::open`] one that a [`uri::Uri`] names.
//! - Both give a [`KeyPair`](countersign_keys::KeyPair), so whatever signs with a key from a file signs with these.
//! - Every signature is checked against the public half before it is given on: a holder that errs is told, not believed.
pub mod agent;
mod held;
pub mod token;
pub mod uri;
mod wire;

use std::fmt;

/// Why a key in another's custody cannot be had.
#[derive(Debug)]
pub enum NoKey {
    /// The agent or the token is not there, or does not speak as it should.
    Holder(String),
    /// It holds no such key.
    Missing(String),
    /// More than one fits, or what was asked for cannot be read.
    Unclear(String),
    /// It wants a PIN, and none was given.
    Pin(String),
}

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holder(text) | Self::Missing(text) | Self::Unclear(text) | Self::Pin(text) => {
                f.write_str(text)
            }
        }
    }
}

impl std::error::Error for NoKey {}
