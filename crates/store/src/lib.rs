//! What a countersign store must do, the rows it keeps, and the store in memory.
//!
//! # Who asks what
//!
//! - [`directory::Directory`] holds every row in memory and answers who might have made a proof; no database is asked.
//! - [`registrar::Registrar`] makes changes: decided on a [`draft::Draft`], written as one unit with its audit entries,
//!   then shown in the directory. [`desired::Desired`] is a whole installation described in a file.
//! - [`window::Window`] remembers used proofs, and knows what it may have forgotten when a clock steps back.
//!
//! # A new store
//!
//! Implement some or all of three traits; one type may have several:
//!
//! 1. [`registry::Registry`] keeps rows ([`model::Record`]). `commit` writes all of a unit or nothing, and only if the
//!    version is still the one the unit was decided on; each unit makes the version one higher. Audit entries come
//!    in the same transaction, chained by [`audit::link`]. Where several processes write, `changes` and `announced` spare
//!    them from reading everything anew.
//! 2. [`once::Once`] decides "first use" and remembers it in one step, until `until` inclusive. Put a
//!    [`window::Window`] before whatever makes it durable. When it cannot tell, it gives a [`fault::Fault`]: never
//!    "first".
//! 3. [`sessions::Sessions`] replaces a session only if what is kept is still what the caller saw.
//!
//! A store of rows may also keep [`accord::Accord`]: words that nodes agree on, by which a memory kept elsewhere is told apart from
//! its own past. Memories that nodes share go by [`replay`]: terms, and when uses may be missing.
//!
//! Then run the suites of `countersign-testkit` over it: `conformance::{registry, once, sessions, accord}`. They race 64 threads
//! against it and reopen it. [`memory::MemoryStore`] is the shortest example.
pub mod accord;
pub mod audit;
pub mod column;
pub mod denied;
pub mod desired;
pub mod directory;
pub mod draft;
pub mod fault;
pub mod memory;
pub mod model;
pub mod once;
pub mod plan;
pub mod registrar;
pub mod registry;
pub mod replay;
pub mod sessions;
pub mod stamp;
pub mod window;
