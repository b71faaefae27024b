//! What a simulation consists of: nodes, the network and the database, keys, time and the books.
use crate::chance::Chance;
use crate::checker::Checker;
use crate::database::Database;
use crate::flaw::Flaw;
use crate::link::Network;
use crate::node::Node;
use crate::pool::Pool;
use crate::watch::{True, Watch};
use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use countersign_keys::{KeyKind, PrivateKey};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Nodes of an installation.
const NODES: usize = 3;
/// Accounts that call.
pub const ACCOUNTS: usize = 4;
/// Keys that they may have one after another: making them takes time, so all simulations share them.
const KEYS: usize = 64;
/// Everything that a simulation consists of.
pub struct World {
    /// The seed.
    pub seed: u64,
    /// Simulated time.
    pub truth: True,
    /// The network, and the database at its end.
    pub network: Arc<Network>,
    /// The nodes.
    pub nodes: Vec<Arc<Node>>,
    /// Who keeps the books.
    pub checker: Checker,
    /// How one-time proofs are written.
    pub proofs: Dialect,
    /// The key that each account uses now: its id and its number.
    pub current: Mutex<Vec<(String, usize)>>,
    /// What was sent, for whoever sends it again.
    pub pool: Pool,
    /// Keys that were given out.
    pub given: Mutex<usize>,
    pub(crate) calm: AtomicBool,
    pub(crate) well: AtomicBool,
}

/// The keys that callers use.
#[must_use]
pub fn key(number: usize) -> Option<&'static PrivateKey> {
    static MADE: OnceLock<Vec<PrivateKey>> = OnceLock::new();
    let made = MADE
        .get_or_init(|| (0..KEYS).filter_map(|_| PrivateKey::generate(KeyKind::Ed25519, 0).ok()).collect());
    made.get(number)
}

impl World {
    pub(crate) fn new(seed: u64, flaw: Flaw) -> Result<Arc<Self>, String> {
        let truth = True::begin();
        let chance = Chance::new(seed, "world");
        let database = Arc::new(Database::new(flaw));
        let network = Arc::new(Network::new(database, truth, NODES));
        let nodes = (0..NODES).map(|number| {
            // Half a millisecond in a second is a bad clock.
            let drift = i64::try_from(chance.below(1000)).unwrap_or(0) - 500;
            let watch = Arc::new(Watch::new(truth, drift));
            Node::new(number, watch, Arc::clone(&network), seed).map(Arc::new)
        });
        let nodes = nodes.collect::<Result<Vec<_>, String>>()?;
        let proofs = countersign_dialects::load("asymmetric-jwt", &Settings::new());
        Ok(Arc::new(Self {
            seed,
            truth,
            network,
            nodes,
            checker: Checker::default(),
            proofs: proofs.map_err(|error| error.to_string())?,
            current: Mutex::default(),
            pool: Pool::default(),
            given: Mutex::default(),
            calm: AtomicBool::new(false),
            well: AtomicBool::new(false),
        }))
    }

    /// Microseconds since the beginning.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.truth.micros()
    }

    /// Whether the time of faults is over.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Whether clocks are right and barriers down, for everything that begins now.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.well.load(Ordering::Relaxed)
    }

    /// A node by chance.
    #[must_use]
    pub fn any(&self, chance: &Chance) -> Option<&Arc<Node>> {
        chance.of(&self.nodes)
    }

    /// The key that an account uses now.
    #[must_use]
    pub fn current(&self, account: usize) -> Option<(String, usize)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }
}
