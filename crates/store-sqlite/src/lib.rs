//! countersign on embedded SQLite: the registry and the sessions in two databases, one-time proofs in a log of their own.
//!
//! [`SqliteStore`] is the registry and the sessions of one data directory; [`SqliteStore::replay_memory`] gives the
//! [`DurableOnce`] that belongs to it. Nothing here reads the clock or draws random bytes: both are arguments.
mod accord;
mod audit;
mod backup;
mod blocking;
mod bulk;
mod database;
mod lock;
mod log;
mod marks;
mod once;
mod private;
mod registry;
mod replay;
mod rows;
mod schema;
mod session_book;
mod sessions;
mod store;
mod uses;

pub use crate::audit::AuditFile;
pub use crate::backup::backup;
pub use crate::once::{DurableOnce, Recovery, ReplayStart};
pub use crate::replay::Scope;
pub use crate::store::SqliteStore;
pub use countersign_store::replay::{Term, Terms};
