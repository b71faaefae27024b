//! Public and private keys: read once from whatever people send, then used many times.
//!
//! ```
//! use countersign_keys::{Algorithm, Job, KeyKind, PrivateKey, verify};
//!
//! let key = PrivateKey::generate(KeyKind::Ed25519, 256)?;
//! let signature = key.sign(Algorithm::Ed25519, b"hello")?;
//!
//! let public = key.public_key();
//! let outcome = verify(&Job::new(public, Algorithm::Ed25519, b"hello", &signature));
//! assert!(outcome.accepted(&signature).is_ok());
//! # Ok::<(), countersign_keys::KeyError>(())
//! ```
//!
//! - [`read_public_key`] takes a key from a person: forgiving about spelling, strict about substance.
//! - [`PublicKey`] is that key, ready to check signatures; [`CompactKey`] is the same key at rest.
//! - [`Job`] says what to check, [`verify`] checks it, and [`Outcome`] is the witness of what was found.
//! - [`Lanes`] checks many RSA signatures at a time, where the CPU can.
//! - [`KeyPair`] is the caller's side, and [`PrivateKey`] one in memory; [`write_key_file`] and [`read_key_file`] keep it on disk.
//!
//! # The one rule for Ed25519
//!
//! Several rules for checking Ed25519 signatures are in use, and they disagree about odd inputs. Here it
//! is always this one: the key is canonically encoded; `S` is below the group order; `R' = S·B − H(R ‖ A ‖
//! M)·A` is computed without multiplying by the cofactor; and the encoding of `R'` equals the signature's
//! first half byte for byte. Keys of small order never get as far as that: intake refuses them.

mod algorithm;
mod armour;
mod backend;
mod bignum;
mod block_list;
mod compact;
mod digest;
mod ed25519;
mod encrypted;
mod error;
mod fingerprint;
mod form;
mod intake;
mod job;
mod jwk;
mod key_pair;
mod keyfile;
mod keyset;
mod lane_key;
mod lanes;
mod load;
mod numbers;
mod opened;
mod openssh;
mod policy;
mod private;
mod public;
mod published;
mod remainder;
mod remembered;
mod rsa;
mod spelling;

pub use crate::algorithm::{Algorithm, Encoding, KeyKind};
pub use crate::block_list::{BlockList, UnreadLine};
pub use crate::compact::CompactKey;
pub use crate::digest::{MacKey, digest, sha256};
pub use crate::error::KeyError;
pub use crate::fingerprint::{Digests, Fingerprints};
pub use crate::intake::{
    Intake, KeySet, MAX_TEXT, RefusedKey, read_key_set, read_one_public_key, read_public_key,
};
pub use crate::job::{
    Accepted, Candidate, Job, MAX_CANDIDATES, Message, Outcome, Rejected, verify, verify_many,
};
pub use crate::jwk::Jwk;
pub use crate::key_pair::KeyPair;
pub use crate::keyfile::{KeyFile, read_key_file, write_key_file};
pub use crate::lanes::{Check, Counts, Difference, Found, Lanes, Ticket};
pub use crate::opened::{Digest, Opened};
pub use crate::policy::Policy;
pub use crate::private::PrivateKey;
pub use crate::public::PublicKey;
pub use crate::remembered::{Recalled, Remembered, Turn, Wait};
