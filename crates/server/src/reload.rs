//! Takes a new configuration while requests are answered: checked whole first, then in force for every new request.
use crate::accept::Phase;
use crate::app::App;
use crate::config::{Config, Finding};
use crate::dialects::{Dialects, dialects, facts};
use crate::listeners::{Bound, Listeners, key};
use crate::shared::Shared;
use crate::telemetry;
use arc_swap::ArcSwap;
use countersign::time::Span;
use countersign_store::fault::Fault;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Reads the configuration anew, from wherever it came; an error is a text with a line for each fault.
pub type Read = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// The configuration contradicts itself.
    Config(Vec<Finding>),
    /// Something else is wrong with it; one text each.
    Setup(Vec<String>),
    /// A store failed.
    Fault(Fault),
}

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
    ) -> Result<Self, StartError> {
        let dialects = check(&config)?;
        let prepared = listeners.prepare(&config).await.map_err(StartError::Setup)?;
        let shared = Arc::new(shared.await.map_err(StartError::Fault)?);
        let app = App::over(Arc::clone(&shared), config, dialects, None).map_err(StartError::Fault)?;
        let app = Arc::new(app);
        listeners.enforce(prepared, &app, None);
        listeners.refresh(shared.clock.now(), &shared.metrics).await;
        shared.metrics.reloaded(app.generation, true);
        Ok(Self {
            shared,
            current: ArcSwap::new(app),
            bound: ArcSwap::from_pointee(listeners.bound()),
            listeners: Mutex::new(listeners),
            read,
        })
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
    /// What was logged, one text for each fault; the old configuration stays in force.
    pub(crate) async fn reload(&self) -> Result<u64, Vec<String>> {
        let Some(read) = self.read.clone() else {
            return Err(vec!["this server was started without a file that could be read again".to_owned()]);
        };
        // Files are read beside the threads that answer requests.
        let config = tokio::task::spawn_blocking(move || read()).await;
        let read =
            config.unwrap_or_else(|error| Err(format!("the configuration could not be read: {error}")));
        let done = match read {
            Ok(config) => self.replace(config).await.map_err(|error| error.to_string()),
            Err(text) => {
                self.failed(&text);
                Err(text)
            }
        };
        done.map_err(|text| text.lines().map(str::to_owned).collect())
    }

    /// Puts a configuration in force; when this returns, every new request goes by it.
    ///
    /// # Errors
    /// [`StartError`], with everything that is wrong at once; the old configuration stays in force.
    pub(crate) async fn replace(&self, config: Config) -> Result<u64, StartError> {
        let mut listeners = self.listeners.lock().await;
        let replaced = self.try_replace(config, &mut listeners).await;
        match &replaced {
            Ok(generation) => {
                self.shared.set_unread(false);
                self.shared.metrics.reloaded(*generation, true);
                tracing::info!(generation, "the new configuration is in force");
            }
            Err(error) => self.failed(&error.to_string()),
        }
        replaced
    }

    async fn try_replace(&self, config: Config, listeners: &mut Listeners) -> Result<u64, StartError> {
        let before = self.current.load_full();
        let dialects = check(&config)?;
        settled(&before, &config, &dialects, listeners)?;
        let prepared = listeners.prepare(&config).await.map_err(StartError::Setup)?;
        let app = App::over(Arc::clone(&self.shared), config, dialects, Some(&before));
        let app = Arc::new(app.map_err(StartError::Fault)?);
        telemetry::refilter(&app.config.server).map_err(|error| StartError::Setup(vec![error]))?;
        // From here on nothing fails.
        listeners.enforce(prepared, &app, Some(&before));
        listeners.refresh(self.shared.clock.now(), &self.shared.metrics).await;
        self.bound.store(Arc::new(listeners.bound()));
        let generation = app.generation;
        self.current.store(app);
        Ok(generation)
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
    settle("store.path", old.store == config.store, "the databases are open");
    let format = old.server.log_format == config.server.log_format;
    settle("server.log_format", format, "the log is being written");
    let lanes = old.server.lanes == config.server.lanes;
    settle("server.lanes", lanes, "the lanes, and what they found out about themselves, are the process's");
    let prefix = old.session.prefix == config.session.prefix;
    settle("session.prefix", prefix, "callers' sessions live under it");
    let longer = "what was used may be forgotten already, and would work again";
    let life = config.session.challenge_life <= old.session.challenge_life;
    settle("session.challenge_life", life, longer);
    for (name, dialect) in dialects.iter().filter(|(_, dialect)| dialect.is_single_use()) {
        let window = |dialect: &countersign::dialect::Dialect| dialect.covered().window;
        let was = before.dialects.get(name).map(|dialect| (dialect.is_single_use(), window(dialect)));
        let fits = was.is_none_or(|(once, was)| once && within(window(dialect), was));
        settle(&format!("dialect.{name}"), fits, longer);
    }
    for (index, listener) in config.listeners.iter().enumerate() {
        let was = listeners.speaks_tls(key(&config.listeners, index));
        let fits = was.is_none_or(|was| was == listener.tls.is_some());
        let path = format!("listener[{index}].address");
        settle(&path, fits, "an address begins or ceases to speak TLS with connections open");
    }
    if found.is_empty() { Ok(()) } else { Err(StartError::Config(found)) }
}

/// Whether a window is no wider than it was; none at all is the widest.
fn within(now: Option<Span>, was: Option<Span>) -> bool {
    match (now, was) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(now), Some(was)) => now <= was,
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = match self {
            Self::Config(findings) => findings.iter().map(ToString::to_string).collect(),
            Self::Setup(texts) => texts.clone(),
            Self::Fault(fault) => vec![fault.to_string()],
        };
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for StartError {}
