//! One simulation: nodes, those who call them, an operator and whoever breaks things, until all is well again and must work.
use crate::callers;
use crate::chance::Chance;
use crate::checker::{BOUND, Checker, Report};
use crate::database::Database;
use crate::flaw::Flaw;
use crate::link::Network;
use crate::nemesis;
use crate::node::Node;
use crate::operator;
use crate::watch::{True, Watch};
use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use countersign_keys::{KeyKind, PrivateKey};
use countersign_store::model::Record;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// Nodes of an installation.
const NODES: usize = 3;
/// Accounts that call.
pub const ACCOUNTS: usize = 4;
/// Keys that they may have one after another: making them takes time, so all simulations share them.
const KEYS: usize = 64;
/// How long things are broken.
const BROKEN: Duration = Duration::from_secs(45);
/// How long they are well until all must work: barriers are down by then, wherever clocks were.
const WELL: Duration = Duration::from_secs(170);

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
    pub pool: callers::Pool,
    /// Keys that were given out.
    pub given: Mutex<usize>,
    calm: AtomicBool,
    well: AtomicBool,
}

/// Runs one simulation from its seed to its report.
///
/// # Errors
/// When it cannot be set up.
pub fn simulate(seed: u64, flaw: Flaw) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    let report = runtime.block_on(async {
        let world = World::new(seed, flaw)?;
        world.run().await;
        Ok(world.checker.report())
    });
    runtime.shutdown_background();
    report
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
    fn new(seed: u64, flaw: Flaw) -> Result<Arc<Self>, String> {
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
            pool: callers::Pool::default(),
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

    async fn run(self: &Arc<Self>) {
        for node in &self.nodes {
            node.boot(Duration::ZERO);
        }
        operator::begin(self).await;
        self.network.database.replicate();
        let mut acting = tokio::task::JoinSet::new();
        for account in 0..ACCOUNTS {
            acting.spawn(callers::proofs(Arc::clone(self), account));
            acting.spawn(callers::sessions(Arc::clone(self), account));
        }
        acting.spawn(callers::replays(Arc::clone(self)));
        acting.spawn(operator::works(Arc::clone(self)));
        let breaking = tokio::spawn(nemesis::breaks(Arc::clone(self)));
        sleep(BROKEN).await;
        self.calm.store(true, Ordering::Relaxed);
        breaking.abort();
        nemesis::heals(self).await;
        // Whoever began something ends it.
        while acting.join_next().await.is_some() {}
        // The first claim at another server raises the barrier, so there must be one.
        callers::try_all(self).await;
        sleep(WELL).await;
        self.well.store(true, Ordering::Relaxed);
        operator::finishes(self).await;
        sleep(Duration::from_micros(BOUND.unsigned_abs())).await;
        self.all_is_kept().await;
        callers::all_works(self).await;
        for node in &self.nodes {
            node.crash();
        }
    }

    /// What was acknowledged is in the database, and every node has it.
    async fn all_is_kept(&self) {
        let loaded = self.network.database.step(|state| state.loaded());
        for (id, known) in self.checker.keys() {
            let kept = loaded.records.iter().find_map(|record| match record {
                Record::Key(key) if key.id == id => Some(key.life.state),
                _ => None,
            });
            let wrong = match kept {
                None => known.registered.is_some(),
                Some(state) => known.revoked.is_some() && state != countersign::life::key::KeyState::Revoked,
            };
            if wrong {
                self.checker
                    .violation(self.now(), format!("{id} was acknowledged as {known:?}, kept is {kept:?}"));
            }
        }
        for node in &self.nodes {
            let version = node.on(async |up| up.app().directory.version()).await;
            if version != Some(loaded.version) {
                let text =
                    format!("node {} is at {version:?}, the registry at {}", node.number, loaded.version);
                self.checker.violation(self.now(), text);
            }
        }
    }
}
