//! What the handlers of the management API work with: the parts of a running server that they read and change.
use crate::app::App;
use crate::doctor::Doctor;
use crate::readiness::Readiness;
use crate::seal::Seal;
use crate::shared::Shared;
use crate::surface::console::link::page;
use countersign::dialect::Dialect;
use countersign_guard::clock::Entropy;
use countersign_guard::signing::SigningKeys;
use countersign_keys::Policy as KeyPolicy;
use countersign_store::directory::Directory;
use countersign_store::registrar::Registrar;
use countersign_store::registry::Registry;
use countersign_store::sessions::Sessions;
use std::sync::Arc;

/// The parts of a running server that management reads and changes.
pub(crate) struct Manage {
    /// Makes every change, with its audit entry.
    pub(crate) registrar: Arc<Registrar>,
    /// Every row, in memory.
    pub(crate) directory: Arc<Directory>,
    /// The rows on disk: read here for the audit log only.
    pub(crate) registry: Arc<dyn Registry>,
    /// Open sessions.
    pub(crate) sessions: Arc<dyn Sessions>,
    /// Chance, for ids and secrets.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The server's own signing keys.
    pub(crate) signing: Arc<SigningKeys>,
    /// Seals a new one where it is kept.
    pub(crate) seal: Arc<Seal>,
    /// Who would pass where requests do not have to hold yet.
    pub(crate) readiness: Arc<Readiness>,
    /// What arrived of examinations' requests.
    pub(crate) doctor: Arc<Doctor>,
    /// Which public keys are taken.
    pub(crate) keys: KeyPolicy,
    /// Whether a key may stand under two accounts.
    pub(crate) shared_keys: bool,
    /// Open join codes of one organisation at most.
    pub(crate) most_join_codes: usize,
    /// How long refusals are kept.
    pub(crate) refusals_time: std::time::Duration,
    /// Whether accounts' key sets may be served over plain HTTP.
    pub(crate) http_key_sets: bool,
    /// The dialects this installation speaks.
    pub(crate) dialects: Vec<Arc<Dialect>>,
    /// Where the page of the console is that begins.
    pub(crate) console_page: String,
    /// What outlives the configuration: the way to the next one.
    pub(crate) shared: Arc<Shared>,
}

impl Manage {
    /// The parts of this generation of the configuration.
    pub(crate) fn of(app: &Arc<App>) -> Arc<Self> {
        Arc::new(Self {
            registrar: Arc::clone(&app.registrar),
            directory: Arc::clone(&app.directory),
            registry: Arc::clone(&app.registry),
            sessions: Arc::clone(&app.sessions),
            entropy: Arc::clone(&app.entropy),
            signing: Arc::clone(&app.signing),
            seal: Arc::clone(&app.seal),
            keys: app.config.keys.policy(),
            http_key_sets: app.config.jwks.allow_http,
            shared_keys: app.config.keys.shared,
            most_join_codes: app.config.session.join_codes_per_organisation,
            readiness: Arc::clone(&app.readiness),
            doctor: Arc::clone(&app.doctor),
            dialects: app.dialects.values().cloned().collect(),
            refusals_time: app.config.limits.refusals_time,
            console_page: page(app),
            shared: Arc::clone(app.shared()),
        })
    }
}
