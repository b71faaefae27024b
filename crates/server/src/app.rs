//! The running parts that all surfaces share, and how they are put together.
use crate::call::Outcome;
use crate::config::Config;
use crate::dialects::Dialects;
use crate::identity::Identity;
use crate::ids::Ids;
use crate::key_sets::KeySets;
use crate::lanes::Side;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::routes::{Routes, limits};
use crate::seal::Seal;
use crate::secrets::{Keeper, challenge_key, seal_all, signing_keys};
use crate::upstream::Upstreams;
use countersign::ask::Decoys;
use countersign::time::Time;
use countersign_guard::clock::{Clock, Entropy, draw};
use countersign_guard::guard::Guard;
use countersign_guard::jwks::{Jwks, Times};
use countersign_guard::policy::Policy;
use countersign_guard::session::challenges::Stateless;
use countersign_guard::session::{SessionApi, SessionParts};
use countersign_guard::signing::SigningKeys;
use countersign_keys::Remembered;
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::registrar::Registrar;
use countersign_store::registry::{LastUse, Registry};
use countersign_store::sessions::Sessions;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the server runs on; tests put frozen and faulty ones in.
#[derive(Clone)]
pub struct Parts {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The rows of the installation.
    pub registry: Arc<dyn Registry>,
    /// The replay memory.
    pub once: Arc<dyn Once>,
    /// The replay memory of answered challenges: another one, since strangers fill it.
    pub challenges: Arc<dyn Once>,
    /// Open sessions.
    pub sessions: Arc<dyn Sessions>,
}

/// Everything that surfaces share.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The rows of the installation.
    pub registry: Arc<dyn Registry>,
    /// Makes every change.
    pub registrar: Arc<Registrar>,
    /// Every row, in memory.
    pub directory: Arc<Directory>,
    /// The replay memory.
    pub once: Arc<dyn Once>,
    /// Open sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Judges.
    pub guard: Arc<Guard>,
    /// Checks of signatures side by side, when they are on.
    pub lanes: Option<Side>,
    /// The server's own signing keys.
    pub signing: Arc<SigningKeys>,
    /// Seals the server's own secrets.
    pub seal: Arc<Seal>,
    /// The dialects by name.
    pub dialects: Dialects,
    /// The routes.
    pub routes: Routes,
    /// How the upstream learns who was recognised.
    pub identity: Identity,
    /// What an operator proves itself by.
    pub operators: Option<Policy>,
    /// What is counted.
    pub metrics: Metrics,
    /// Makes ids.
    pub ids: Ids,
    /// Opens and refreshes sessions.
    pub session: SessionApi,
    /// Who would pass where requests do not have to hold yet.
    pub readiness: Arc<Readiness>,
    pub(crate) upstreams: Upstreams,
    draining: AtomicBool,
    stale: AtomicBool,
    uses: Mutex<HashMap<String, LastUse>>,
}

/// Uses of keys waiting to be written, at most; what comes beyond is written with a later use.
const MOST_USES: usize = 100_000;

impl App {
    /// Reads the registry, makes what is missing of the server's own secrets, and puts everything together.
    pub(crate) async fn build(config: Config, dialects: Dialects, parts: Parts) -> Result<Self, Fault> {
        let Parts { clock, entropy, registry, once, challenges, sessions } = parts;
        let registrar = Registrar::open(Arc::clone(&registry), Arc::clone(&sessions)).await?;
        let directory = Arc::clone(registrar.directory());
        let seal = Arc::new(Seal::load(&config.store)?);
        let keeper = Keeper {
            registry: &*registry,
            directory: &directory,
            clock: &*clock,
            entropy: &*entropy,
            seal: &seal,
        };
        seal_all(&keeper).await?;
        let signing = signing_keys(&keeper).await?;
        let mut guard =
            Guard::new(Arc::clone(&directory), Arc::clone(&once), Arc::clone(&sessions), Arc::clone(&clock))
                .with_signing(Arc::clone(&signing));
        let challenge_key = challenge_key(&keeper).await?;
        let decoys = challenge_key.tag(&[b"decoys"]).first_chunk().copied().unwrap_or_default();
        guard = guard.with_decoys(Decoys::new(decoys));
        match KeySets::new(&config.jwks) {
            Ok(sets) => {
                let policy = config.keys.policy();
                let jwks = Jwks::new(Arc::new(sets), Times::default(), policy, &config.jwks.dialects);
                guard = guard.with_jwks(Arc::new(jwks));
            }
            Err(fault) => tracing::warn!(%fault, "accounts' own key sets are not fetched"),
        }
        if config.limits.remembered_tokens > 0 {
            let memory = Remembered::new(draw(&*entropy), config.limits.remembered_tokens);
            guard = guard.with_remembered(Arc::new(memory));
        }
        let lanes = if config.server.lanes { Side::new(&*entropy) } else { None };
        if let Some(lanes) = &lanes {
            guard = guard.with_batcher(Arc::clone(&lanes.batcher));
        }
        let routes = Routes::new(&config, &dialects).map_err(Fault::new)?;
        for name in routes.admitted() {
            if directory.account_by_name(&name).is_none() && directory.account(&name).is_none() {
                tracing::warn!(account = name, "a route admits an account that is not there");
            }
        }
        let operator = dialects.get("operator").cloned();
        let operators =
            operator.map(|dialect| Policy { limits: limits(&config, None), ..Policy::of(vec![dialect]) });
        let identity = Identity::new(&config.identity, Some(Arc::clone(&signing)))?;
        let ids = Ids::new(&*entropy);
        let guard = Arc::new(guard);
        let registrar = Arc::new(registrar);
        let upstreams = Upstreams::start(&config, None)?;
        let session = SessionParts {
            guard: Arc::clone(&guard),
            registrar: Arc::clone(&registrar),
            signing: Arc::clone(&signing),
            challenges: Arc::new(Stateless::new(challenge_key)),
            once: challenges,
            entropy: Arc::clone(&entropy),
        };
        let settings = config.session.settings(&config.keys, routes.admitted());
        let session = SessionApi::new(session, settings)
            .map_err(|error| Fault::caused("the session API cannot be set up", error))?;
        Ok(Self {
            config,
            clock,
            entropy,
            registry,
            registrar,
            directory,
            once,
            sessions,
            guard,
            lanes,
            signing,
            seal,
            dialects,
            routes,
            identity,
            operators,
            metrics: Metrics::default(),
            ids,
            session,
            readiness: Arc::default(),
            upstreams,
            draining: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            uses: Mutex::default(),
        })
    }

    /// Whether the server was told to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the registry could not be asked for so long that a revocation may have been missed: nobody is let in then.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    pub(crate) fn set_stale(&self, stale: bool) {
        if self.stale.swap(stale, Ordering::AcqRel) != stale {
            if stale {
                tracing::error!("the registry does not answer: requests get 503 until it does");
            } else {
                tracing::info!("the registry answers again");
            }
        }
    }

    /// Notes that a key was used; it is written with others, later.
    pub(crate) fn used(&self, outcome: &Outcome, at: Time, client: IpAddr) {
        let Some(key) = outcome.key.as_ref().filter(|_| outcome.verdict == Some("verified")) else { return };
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < MOST_USES || uses.contains_key(key) {
            uses.insert(key.clone(), LastUse { key: key.clone(), at, address: Some(client.to_string()) });
        }
    }

    /// Takes the uses that wait to be written.
    pub(crate) fn take_uses(&self) -> Vec<LastUse> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *uses).into_values().collect()
    }
}
