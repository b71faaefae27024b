//! countersign on PostgreSQL: the registry, the sessions and the replay memory that several nodes share.
//!
//! [`PostgresStore`] is the registry and the sessions of an installation, over a bounded pool of connections;
//! [`PostgresStore::replay_memory_of`] gives the [`PostgresOnce`] that belongs to it. Every write is decided by the database in
//! one transaction or one statement, so that nodes need not know each other. Nothing here reads the clock of the machine: time is
//! an argument, and where an order of events counts, the database's own clock and locks decide.
mod accord;
mod audit;
mod bus;
mod changes;
mod database;
mod history;
mod marks;
mod once;
mod registry;
mod replay;
mod rows;
mod schema;
mod sessions;
mod settings;
mod store;
mod text;
mod uses;

pub use crate::audit::AuditTable;
pub use crate::once::PostgresOnce;
pub use crate::settings::{Settings, WrongSettings};
pub use crate::store::PostgresStore;
pub use countersign_store::replay::{Recovery, ReplayStart, Scope, Term, Terms};
