//! The caller's side: signs requests in any dialect, keeps sessions fresh, and learns how far the clock is off.
//!
//! Nothing here opens a clock or draws random bytes: both are arguments, so that every request can be made again exactly. With the
//! feature `reqwest`, [`http::Client`] sends the requests too; it is handed both doors in an [`ambient::Ambient`]. With the feature
//! `middleware`, it signs what passes through a `reqwest-middleware` client.
//!
//! ```
//! use bytes::Bytes;
//! use countersign_client::signer::RequestSigner;
//! use countersign_client::{countersign::time::Time, dialects, keys};
//! use std::sync::Arc;
//!
//! let key = Arc::new(keys::PrivateKey::generate(keys::KeyKind::Ed25519, 256)?);
//! let dialect = Arc::new(dialects::load("asymmetric-jwt", &Default::default())?);
//! let signer = RequestSigner::new(dialect, key, "guido");
//!
//! let url = "https://api.example/v1/things?page=2";
//! let mut request = ::http::Request::get(url).body(Bytes::new())?;
//! signer.sign(&mut request, url, Time::from_seconds(1_700_000_000), [7; 16])?;
//! assert!(request.headers()["authorization"].to_str()?.starts_with("JWT "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
pub mod ambient;
pub mod answers;
pub mod exchange;
#[cfg(feature = "reqwest")]
pub mod http;
pub mod keeper;
#[cfg(feature = "middleware")]
pub mod middleware;
pub mod offset;
pub mod signer;
pub mod tokens;

pub use countersign;
pub use countersign_dialects as dialects;
pub use countersign_keys as keys;
