//! countersign on Redis or Valkey: a replay memory that several nodes share, and a bus on which they hear of each other's changes.
//!
//! [`RedisOnce`] decides first use. The registry and the sessions stay in a database: Redis may lose what it acknowledged (a
//! restart, a promoted replica, a flush), which costs a replay memory a barrier and nothing else, while a session that was ended, or
//! a key that was revoked, would come back. [`Announced`] puts the bus beside a registry.
//!
//! # Why nothing that Redis loses opens anything
//!
//! What is used, and the state that says what may be missing from it, are members of **one** sorted set (`state.rs`): whatever
//! loses the uses (a flush, an eviction, an empty start, a deleted key) loses the state with them, and a memory without a state
//! begins behind a barrier. Nothing in it has a time to live, so no clock of Redis makes a use go; it goes after the state says that
//! it may be gone, and from then on what ended by then is barred.
//!
//! One script (`lua/claim.lua`) looks at the state, compares it with whose history this is, and claims; nothing comes between. The
//! history is told by the id of the process and the id of its replication history: a restart changes the first, and whatever may
//! have replaced the data of a running process (a promotion, following another master) the second. A replica that is promoted has
//! the state of its master, which names another process: it is noticed by the first claim, and the barrier goes up. What
//! is behind it can have been used until then.
//!
//! Two masters may live at a time: the old one behind a partition, with nodes that still reach it, and the promoted one. Neither can
//! know of the other, so the nodes ask somebody else: the registry keeps a word of each memory (`countersign_store::accord`). A node
//! answers "first" only by a state that has this word, and only within [`LEASE`] after it was confirmed. Who moves to another master
//! first changes the word, and then raises a barrier that lies a lease further ahead than usual: so what the others still let in
//! meanwhile is behind it. Nodes that sit at two masters for long take the word from each other, raise barriers, and let nobody in:
//! an outage, and no replay. The same catches nodes that are configured with two different servers.
//!
//! A lease is counted by a clock that stands still while the machine sleeps or is moved. So a node that finds more time gone by than
//! it counted asks anew before it goes on; and one whose time of day slept as well takes only proofs that can have been used before it
//! fell asleep, which are behind the barrier of whoever moved on.
//!
//! All this holds for clocks that are apart by less than [`ReplayStart::horizon`](countersign_store::replay::ReplayStart::horizon): see `docs/book/src/stores.md`.
//!
//! `WAIT` and `min-replicas-to-write` are not needed for this; they make barriers rarer, not more right.
//!
//! # What an answer that does not come means
//!
//! The claim ends in a fault (503), and whether the proof is used then is not known. Nothing is asked twice: a second answer would
//! be "used before", which would blame the caller for what happened to us.
mod announced;
mod bus;
mod connection;
mod once;
mod part;
mod seen;
mod server;
mod settings;
mod state;

pub use crate::announced::Announced;
pub use crate::bus::Bus;
pub use crate::once::RedisOnce;
pub use crate::part::LEASE;
pub use crate::settings::{Settings, WrongSettings};
