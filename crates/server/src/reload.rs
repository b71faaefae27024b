//! Takes a new configuration while requests are answered: checked whole first, then in force for every new request.
use crate::accept::Phase;
use crate::app::App;
use crate::config::{Config, Finding};
use crate::dialects::{Dialects, dialects, facts};
use crate::listeners::{Bound, Listeners, key};
use crate::own_keys::reseal;
use crate::reloads::{Change, Note, Reloaded, StartError};
use crate::seal::SealingKeys;
use crate::service_manager::ServiceManager;
use crate::shared::Shared;
use crate::telemetry;
use arc_swap::ArcSwap;
use countersign_store::fault::Fault;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Reads the configuration anew, from wherever it came; an error is a text with a line for each fault.
pub type Read = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// The files of certificates are looked at this often.
const LOOK: Duration = Duration::from_secs(60);

/// Holds what is in force and replaces it.
pub(crate) struct Reloader {
    shared: Arc<Shared>,
    current: ArcSwap<App>,
    bound: ArcSwap<Vec<Bound>>,
    /// One reload at a time.
    listeners: Mutex<Listeners>,
    read: Option<Read>,
    manager: Option<ServiceManager>,
}

impl Reloader {
    /// Puts the first configuration in force.
    ///
    /// # Errors
    /// [`StartError`], with everything that is wrong at once.
    pub(crate) async fn start(
        shared: impl Future<Output = Result<Shared, Fault>>,
        config: Config,
        mut listeners: Listeners,
        read: Option<Read>,
        manager: Option<ServiceManager>,
    ) -> Result<Arc<Self>, StartError> {
        let dialects = check(&config)?;
        let prepared = listeners.prepare(&config).await.map_err(StartError::Setup)?;
        let shared = Arc::new(shared.await.map_err(StartError::Fault)?);
        let app = App::over(Arc::clone(&shared), config, dialects, None).map_err(StartError::Fault)?;
        let app = Arc::new(app);
        listeners.enforce(prepared, &app, None);
        listeners.refresh(shared.clock.now(), &shared.metrics).await;
        shared.metrics.reloaded(app.generation, true);
        let reloader = Arc::new(Self {
            shared,
            current: ArcSwap::new(app),
            bound: ArcSwap::from_pointee(listeners.bound()),
            listeners: Mutex::new(listeners),
            read,
            manager,
        });
        if reloader.can_read() {
            let own = Arc::downgrade(&reloader);
            reloader.shared.reloads.open(Box::new(move |note| {
                let own = own.upgrade();
                Box::pin(async move {
                    match own {
                        Some(own) => own.reload(Some(note)).await,
                        None => Err(StartError::Setup(vec!["the server is ending".to_owned()])),
                    }
                })
            }));
        }
        Ok(reloader)
    }

    /// Who started this process and wants to know how it does.
    pub(crate) fn manager(&self) -> Option<&ServiceManager> {
        self.manager.as_ref()
    }

    /// What is in force.
    pub(crate) fn app(&self) -> Arc<App> {
        self.current.load_full()
    }

    /// Every address, in the configuration's order.
    pub(crate) fn bound(&self) -> Arc<Vec<Bound>> {
        self.bound.load_full()
    }

    /// Tells every listener how far the end has come.
    pub(crate) async fn tell(&self, phase: Phase) {
        self.listeners.lock().await.tell(phase);
    }

    /// Reads certificates again whose files changed.
    pub(crate) async fn refresh_certificates(&self) {
        self.listeners.lock().await.refresh(self.shared.clock.now(), &self.shared.metrics).await;
    }

    /// Looks at the certificates' files every minute; never ends.
    pub(crate) async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.refresh_certificates().await;
        }
    }

    /// Whether there is a file to read again.
    pub(crate) fn can_read(&self) -> bool {
        self.read.is_some()
    }

    /// Reads the configuration again and puts it in force, or logs why not.
    ///
    /// # Errors
    /// What was logged; the old configuration stays in force.
    pub(crate) async fn reload(&self, note: Option<Note>) -> Result<Reloaded, StartError> {
        if let Some(manager) = &self.manager {
            manager.reloading();
        }
        let done = self.read_and_replace(note).await;
        if let Some(manager) = &self.manager {
            manager.ready(&match &done {
                Ok(reloaded) => format!("Serving; configuration {} is in force", reloaded.generation),
                Err(_) => "Serving; the new configuration is wrong, the old one stays in force".to_owned(),
            });
        }
        done
    }

    async fn read_and_replace(&self, note: Option<Note>) -> Result<Reloaded, StartError> {
        // Before it is read: of two reloads at once, the one that is in force in the end is the one that read last.
        let mut listeners = self.listeners.lock().await;
        let read = match self.read.clone() {
            // Files are read beside the threads that answer requests.
            Some(read) => tokio::task::spawn_blocking(move || read())
                .await
                .unwrap_or_else(|error| Err(format!("the configuration could not be read: {error}"))),
            None => Err("this server was started without a file that could be read again".to_owned()),
        };
        match read {
            Ok(config) => self.replace_with(config, note, &mut listeners).await,
            Err(text) => {
                self.failed(&text);
                Err(StartError::Setup(text.lines().map(str::to_owned).collect()))
            }
        }
    }

    /// Puts a configuration in force; when this returns, every new request goes by it.
    ///
    /// # Errors
    /// [`StartError`], with everything that is wrong at once; the old configuration stays in force.
    pub(crate) async fn replace(&self, config: Config, note: Option<Note>) -> Result<Reloaded, StartError> {
        let mut listeners = self.listeners.lock().await;
        self.replace_with(config, note, &mut listeners).await
    }

    async fn replace_with(
        &self,
        config: Config,
        note: Option<Note>,
        listeners: &mut Listeners,
    ) -> Result<Reloaded, StartError> {
        let replaced = self.try_replace(config, note, listeners).await;
        match &replaced {
            Ok(Reloaded { generation, changes }) => {
                self.shared.set_unread(false);
                self.shared.metrics.reloaded(*generation, true);
                tracing::info!(generation, changes = changes.len(), "the new configuration is in force");
            }
            Err(error) => self.failed(&error.to_string()),
        }
        replaced
    }

    async fn try_replace(
        &self,
        config: Config,
        note: Option<Note>,
        listeners: &mut Listeners,
    ) -> Result<Reloaded, StartError> {
        let before = self.current.load_full();
        let dialects = check(&config)?;
        settled(&before, &config, &dialects, listeners)?;
        let prepared = listeners.prepare(&config).await.map_err(StartError::Setup)?;
        let app = App::over(Arc::clone(&self.shared), config, dialects, Some(&before));
        let app = Arc::new(app.map_err(StartError::Fault)?);
        let keys = SealingKeys::load(&app.config.store).map_err(StartError::Fault)?;
        for secret in self.shared.directory.secrets("") {
            keys.open(&secret).map_err(StartError::Fault)?;
        }
        telemetry::refilter(&app.config.server).map_err(|error| StartError::Setup(vec![error]))?;
        let changes = changes(&before.config, &app.config);
        let reloaded = Reloaded { generation: app.generation, changes };
        if let Some(note) = note
            && let Err(fault) = note(reloaded.clone()).await
        {
            // What holds already: it was taken when it was set.
            let _ = telemetry::refilter(&before.config.server);
            return Err(StartError::Fault(fault));
        }
        // From here on nothing fails.
        listeners.enforce(prepared, &app, Some(&before));
        listeners.refresh(self.shared.clock.now(), &self.shared.metrics).await;
        self.bound.store(Arc::new(listeners.bound()));
        self.current.store(app);
        self.shared.seal.replace(keys);
        match reseal(&self.shared).await {
            Ok(0) => {}
            Ok(secrets) => tracing::info!(
                secrets,
                "the server's own secrets are sealed under the key that is configured now"
            ),
            // Both keys open them until then.
            Err(error) => {
                tracing::error!(%error, "not all secrets could be sealed anew; the next reload or start tries again")
            }
        }
        Ok(reloaded)
    }

    fn failed(&self, text: &str) {
        self.shared.set_unread(true);
        self.shared.metrics.reloaded(self.current.load().generation, false);
        for line in text.lines() {
            tracing::error!("not reloaded, the old configuration stays in force: {line}");
        }
    }
}

/// Reads the dialects and checks everything.
fn check(config: &Config) -> Result<Dialects, StartError> {
    let dialects = dialects(config).map_err(StartError::Config)?;
    let checked = config.check(&facts(&dialects));
    if !checked.errors.is_empty() {
        return Err(StartError::Config(checked.errors));
    }
    for lint in &checked.lints {
        tracing::warn!("{lint}");
    }
    Ok(dialects)
}

/// Which settings differ. A list's entries go by their place in it.
fn changes(before: &Config, after: &Config) -> Vec<Change> {
    let table = |config: &Config| -> BTreeMap<String, String> {
        config.shown().iter().map(|shown| (shown.path.clone(), shown.value.clone())).collect()
    };
    let (before, after) = (table(before), table(after));
    let settings: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = settings.into_iter().filter(|setting| before.get(*setting) != after.get(*setting));
    let change = |setting: &String| Change {
        setting: setting.clone(),
        before: before.get(setting).cloned(),
        after: after.get(setting).cloned(),
    };
    differing.map(change).collect()
}

/// Refuses what is settled when the process starts.
fn settled(
    before: &App,
    config: &Config,
    dialects: &Dialects,
    listeners: &Listeners,
) -> Result<(), StartError> {
    let mut found: Vec<Finding> = Vec::new();
    let mut settle = |path: &str, same: bool, why: &str| {
        if !same {
            let message = format!("a reload cannot change this: {why}");
            let fix = "restart the server, or set it back to reload the rest";
            found.push(config.finding(path.to_owned(), message, fix));
        }
    };
    let old = &before.config;
    for (name, same) in old.store.compared(&config.store) {
        settle(&format!("store.{name}"), same, "the databases are open");
    }
    let format = old.server.log_format == config.server.log_format;
    settle("server.log_format", format, "the log is being written");
    let lanes = old.server.lanes == config.server.lanes;
    settle("server.lanes", lanes, "the lanes, and what they found out about themselves, are the process's");
    let prefix = old.session.prefix == config.session.prefix;
    settle("session.prefix", prefix, "callers' sessions live under it");
    // Not even shorter: the registry says by which terms uses are remembered, and the next start goes by that.
    let terms = "how long uses are remembered is settled, or what was used might work again";
    let life = config.session.challenge_life == old.session.challenge_life;
    settle("session.challenge_life", life, terms);
    let window = config.token.dpop_window == old.token.dpop_window;
    settle("token.dpop_window", window, terms);
    for (name, dialect) in dialects.iter().filter(|(_, dialect)| dialect.is_single_use()) {
        let was = before.dialects.get(name).and_then(|dialect| dialect.remembering());
        settle(&format!("dialect.{name}"), was == dialect.remembering(), terms);
    }
    for (index, listener) in config.listeners.iter().enumerate() {
        let was = listeners.speaks_tls(key(&config.listeners, index));
        let fits = was.is_none_or(|was| was == listener.tls.is_some());
        let path = format!("listener[{index}].address");
        settle(&path, fits, "an address begins or ceases to speak TLS with connections open");
    }
    if found.is_empty() { Ok(()) } else { Err(StartError::Config(found)) }
}
