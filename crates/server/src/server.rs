//! Starts the server and ends it: listeners, each with its surfaces, over one set of shared parts.
use crate::accept::Phase;
use crate::app::App;
use crate::chores;
use crate::config::Config;
use crate::config::listener::Surface;
use crate::listeners::{FINISH, Listeners};
use crate::reload::Reloader;
use crate::service_manager::ServiceManager;
use crate::shared::{Parts, Shared};
use crate::signals::{Signals, Told};
use crate::traces::exporters::FLUSH;
use crate::webhooks;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use crate::listeners::Bound;
pub use crate::reload::Read;
pub use crate::reloads::{Change, Reloaded, StartError};

/// Starts servers.
pub struct Server;

/// What a server may be given besides its configuration and its parts.
#[derive(Default)]
pub struct Options {
    /// Reads the configuration anew; without it the server cannot reload by itself.
    pub read: Option<Read>,
    /// The data directory; without it no certificates can be ordered.
    pub data: Option<PathBuf>,
    /// Whoever started this process and wants to know how it does.
    pub manager: Option<ServiceManager>,
}

/// A running server. Dropping it ends it at once, without draining.
pub struct Running {
    reloader: Arc<Reloader>,
    /// Closed when every connection is finished.
    finished: mpsc::Receiver<()>,
    chores: JoinSet<()>,
}

impl Server {
    /// Starts a server; when this returns, its addresses accept requests.
    ///
    /// # Errors
    /// [`StartError`], with everything that is wrong with the configuration at once.
    pub async fn start(config: Config, parts: Parts) -> Result<Running, StartError> {
        Self::start_with(config, parts, Options::default()).await
    }

    /// Starts a server that can do more by itself.
    ///
    /// # Errors
    /// [`StartError`], with everything that is wrong with the configuration at once.
    pub async fn start_with(config: Config, parts: Parts, options: Options) -> Result<Running, StartError> {
        let (alive, finished) = mpsc::channel(1);
        let listeners = Listeners::new(alive, options.data.clone());
        let Options { read, manager, .. } = options;
        let shared = Shared::open(parts, &config);
        let reloader = Reloader::start(shared, config.clone(), listeners, read, manager).await?;
        let mut chores = JoinSet::new();
        chores.spawn(chores::run(Arc::clone(reloader.app().shared())));
        let watched = Arc::clone(&reloader);
        chores.spawn(async move { watched.watch().await });
        let told = Arc::clone(&reloader);
        chores.spawn(webhooks::run(move || told.app()));
        if reloader.manager().is_some() {
            let watched = Arc::clone(&reloader);
            chores.spawn(async move {
                if let Some(manager) = watched.manager() {
                    manager.watch().await;
                }
            });
        }
        Ok(Running { reloader, finished, chores })
    }
}

impl Running {
    /// Every address that is listened on, in the configuration's order.
    #[must_use]
    pub fn addresses(&self) -> Vec<Bound> {
        self.reloader.bound().to_vec()
    }

    /// The first address where a surface answers.
    #[must_use]
    pub fn address(&self, surface: Surface) -> Option<SocketAddr> {
        self.reloader
            .bound()
            .iter()
            .find(|bound| bound.surfaces.contains(&surface))
            .map(|bound| bound.address)
    }

    /// What the surfaces share, as the configuration in force has it.
    #[must_use]
    pub fn app(&self) -> Arc<App> {
        self.reloader.app()
    }

    /// Puts another configuration in force. When this returns, every new request goes by it; those that were begun end under the
    /// old one. Gives the number of the configuration.
    ///
    /// # Errors
    /// [`StartError`], with everything that is wrong at once, or that only a restart can change: the old one stays in force.
    pub async fn reload(&self, config: Config) -> Result<u64, StartError> {
        self.reloader.replace(config, None).await.map(|reloaded| reloaded.generation)
    }

    /// Reads certificates again whose files changed, and orders those that are due; done each minute anyway.
    pub async fn refresh_certificates(&self) {
        self.reloader.refresh_certificates().await;
    }

    /// Tells the service manager that the server is ready and waits for SIGTERM or SIGINT, then ends as [`Running::shutdown`] does; a
    /// second signal ends at once. SIGHUP reads the configuration anew when the server knows how ([`Options::read`]).
    pub async fn until_signal(self, mut signals: Signals) {
        // Not before the signals are waited for: a manager may send one as soon as it hears this.
        if let Some(manager) = self.reloader.manager() {
            let generation = self.reloader.app().generation;
            manager.ready(&format!("Serving; configuration {generation} is in force"));
        }
        while signals.next().await == Told::Reload {
            tracing::info!("told to reload");
            // What is wrong was logged; the old configuration stays.
            let _ = self.reloader.reload(None).await;
        }
        tracing::info!("told to stop: draining; a second signal stops at once");
        let reloader = Arc::clone(&self.reloader);
        tokio::select! {
            () = self.shutdown() => {}
            () = signals.stop() => {
                tracing::warn!("told to stop again: stopping at once");
                reloader.tell(Phase::Now).await;
            }
        }
    }

    /// Ends without dropping a request: not ready from now on, still accepting for the drain time, then finishing what was begun.
    pub async fn shutdown(mut self) {
        let app = self.reloader.app();
        app.drain();
        if let Some(manager) = self.reloader.manager() {
            manager.stopping();
        }
        self.reloader.tell(Phase::Draining).await;
        tokio::time::sleep(app.config.server.drain).await;
        self.reloader.tell(Phase::Stopping).await;
        if tokio::time::timeout(FINISH, self.finished.recv()).await.is_err() {
            tracing::warn!("some requests did not finish in time; they are dropped now");
            self.reloader.tell(Phase::Now).await;
        }
        self.chores.abort_all();
        // Neither waits for the other: a collector that hangs must not take the time that the store needs.
        tokio::join!(chores::flush(app.shared()), app.exporters.end(FLUSH));
        tracing::info!("stopped");
    }
}
