//! What the handlers of the management API work with, handed in by the server.
use countersign::dialect::Dialect;
use countersign_guard::clock::{Clock, Entropy};
use countersign_keys::Policy as KeyPolicy;
use countersign_store::directory::Directory;
use countersign_store::registrar::Registrar;
use countersign_store::registry::Registry;
use countersign_store::sessions::Sessions;
use std::sync::Arc;

/// The parts of a running server that management reads and changes.
pub struct Manage {
    /// Makes every change, with its audit entry.
    pub registrar: Arc<Registrar>,
    /// Every row, in memory.
    pub directory: Arc<Directory>,
    /// The rows on disk: read here for the audit log only.
    pub registry: Arc<dyn Registry>,
    /// Open sessions.
    pub sessions: Arc<dyn Sessions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// Which public keys are taken.
    pub keys: KeyPolicy,
    /// The dialects this installation speaks, in the order of its configuration.
    pub dialects: Vec<Arc<Dialect>>,
}
