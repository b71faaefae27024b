//! What every generation of the configuration shares: stores, clock, signing keys, counters, and how the server does.
use crate::call::{CONSOLE, Outcome};
use crate::config::Config;
use crate::doctor::Doctor;
use crate::ids::Ids;
use crate::lanes::Side;
use crate::limiter::Limiter;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::refusals::Refusals;
use crate::reloads::Reloads;
use crate::seal::Seal;
use crate::secrets::{Keeper, challenge_key, seal_all, signing_keys};
use crate::tls::acme::texts::Texts;
use crate::traces::exporters::Exporters;
use crate::uses::{Unwritten, waiting};
use crate::verdicts::Verdicts;
use countersign::ask::Decoys;
use countersign::time::{Span, Time};
use countersign_guard::clock::{Clock, Entropy};
use countersign_guard::session::challenges::Stateless;
use countersign_guard::signing::SigningKeys;
use countersign_keys::MacKey;
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::registrar::Registrar;
use countersign_store::registry::{LastUse, Registry};
use countersign_store::sessions::Sessions;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

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

/// What outlives a reload.
pub struct Shared {
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
    /// The server's own signing keys.
    pub signing: Arc<SigningKeys>,
    /// Seals the server's own secrets.
    pub seal: Arc<Seal>,
    /// Checks of signatures side by side, when they are on.
    pub lanes: Option<Side>,
    /// What arrived of the requests that examine the proxies before us.
    pub doctor: Arc<Doctor>,
    /// Who would pass where requests do not have to hold yet.
    pub readiness: Arc<Readiness>,
    /// What was refused in the last minutes.
    pub refusals: Arc<Refusals>,
    /// What addresses and accounts may cost.
    pub(crate) limiter: Limiter,
    /// What is counted.
    pub metrics: Metrics,
    /// The last judgements.
    pub(crate) verdicts: Verdicts,
    /// Who sends traces.
    pub(crate) exporters: Exporters,
    /// Makes ids.
    pub ids: Ids,
    /// What authorities are told about our names.
    pub(crate) texts: Texts,
    pub(crate) challenges: Arc<Stateless>,
    pub(crate) answered: Arc<dyn Once>,
    pub(crate) decoys: Decoys,
    /// What refresh tokens are bound by.
    pub(crate) refresh: MacKey,
    /// What nonces of DPoP proofs are bound by.
    pub(crate) nonce: MacKey,
    /// What the console's challenges and links are bound by.
    pub(crate) console: MacKey,
    /// When the reading began that the directory is from: what was written later may not be in it.
    pub(crate) read: Instant,
    /// A node that could not confirm the registry's version for this long lets nobody in.
    pub(crate) stale_after: Duration,
    draining: AtomicBool,
    /// Whether it was said that the registry does not answer.
    stale: AtomicBool,
    /// Milliseconds after `read` from which on what is known of the registry is too old; [`u64::MAX`] while nobody follows it.
    stale_from: AtomicU64,
    unread: AtomicBool,
    /// Seconds that the longest token of any configuration counts.
    signed: AtomicI64,
    uses: Mutex<Unwritten>,
    /// The way to the next configuration.
    pub(crate) reloads: Reloads,
}

/// Seconds that a signing key is kept at least once it no longer signs: another node may sign for longer than this one does.
const LEAST_KEPT: i64 = 24 * 3600;
/// Seconds beside that: clocks that differ, and key sets that are read once more.
const MARGIN: i64 = 600;

impl Shared {
    /// Reads the registry and makes what is missing of the server's own secrets.
    pub(crate) async fn open(parts: Parts, config: &Config) -> Result<Self, Fault> {
        let Parts { clock, entropy, registry, once, challenges: answered, sessions } = parts;
        let read = Instant::now();
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
        let key = challenge_key(&keeper).await?;
        let decoys = Decoys::new(key.tag(&[b"decoys"]).first_chunk().copied().unwrap_or_default());
        let console = MacKey::new(&key.tag(&[b"console"]));
        let refresh = MacKey::new(&key.tag(&[b"refresh tokens"]));
        let nonce = MacKey::new(&key.tag(&[b"dpop nonces"]));
        let lanes = if config.server.lanes { Side::new(&*entropy) } else { None };
        let metrics = Metrics::default();
        Ok(Self {
            ids: Ids::new(&*entropy),
            exporters: Exporters::new(&*entropy, metrics.spans.clone()),
            challenges: Arc::new(Stateless::new(key)),
            answered,
            decoys,
            console,
            refresh,
            nonce,
            seal,
            lanes,
            doctor: Arc::default(),
            texts: Texts::default(),
            readiness: Arc::default(),
            refusals: Arc::default(),
            clock,
            entropy,
            registry,
            registrar: Arc::new(registrar),
            directory,
            once,
            sessions,
            signing,
            limiter: Limiter::default(),
            metrics,
            verdicts: Verdicts::default(),
            read,
            stale_after: config.store.stale_after,
            draining: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            stale_from: AtomicU64::new(u64::MAX),
            unread: AtomicBool::new(false),
            signed: AtomicI64::new(0),
            uses: Mutex::default(),
            reloads: Reloads::default(),
        })
    }

    /// Notes how long a token may count that is signed from now on.
    pub(crate) fn signs_for(&self, longest: Duration) {
        let seconds = i64::try_from(longest.as_secs()).unwrap_or(i64::MAX / 4);
        self.signed.fetch_max(seconds, Ordering::AcqRel);
    }

    /// How long a signing key is kept once it no longer signs.
    pub(crate) fn keeps_signed(&self) -> Span {
        Span::from_seconds(self.signed.load(Ordering::Acquire).max(LEAST_KEPT).saturating_add(MARGIN))
    }

    /// Whether the configuration as it stands in its file could not be taken, so that an older one is in force.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Acquire)
    }

    pub(crate) fn set_unread(&self, unread: bool) {
        self.unread.store(unread, Ordering::Release);
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
        // By the time itself: whoever watches it may be as late as everybody else, when the process was held and goes on.
        self.is_said_stale() || millis(self.read.elapsed()) >= self.stale_from.load(Ordering::Acquire)
    }

    /// Notes that what is known of the registry was all there was at a moment.
    pub(crate) fn confirm(&self, at: Instant) {
        let known = at.saturating_duration_since(self.read).saturating_add(self.stale_after);
        self.stale_from.store(millis(known), Ordering::Release);
    }

    /// Whether the operator was told so, and everybody since gets 503.
    pub(crate) fn is_said_stale(&self) -> bool {
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

    /// Notes that a key was used; it is written with others, later. Whoever watches an old key in the console is not who still signs with it.
    pub(crate) fn used(&self, outcome: &Outcome, at: Time, client: IpAddr) {
        let Some(key) = outcome.who.key().filter(|_| outcome.verdict == Some("verified")) else { return };
        if outcome.dialect.as_deref() == Some(CONSOLE) {
            return;
        }
        self.used_key(key, at, client);
    }

    /// The same as soon as a proof held: the answer may be long in coming, and its caller gone by then.
    pub(crate) fn used_key(&self, key: &str, at: Time, client: IpAddr) {
        self.unwritten().note(key, at, client);
    }

    /// The uses of these keys that no store is known to have, in no order.
    pub(crate) fn waiting(&self, keys: &[String]) -> Vec<LastUse> {
        waiting(&self.uses, keys)
    }

    /// The uses that wait to be written, for as long as it is not said that they are.
    pub(crate) fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
