//! Starts the server and ends it: listeners, each with its surfaces, over one set of shared parts.
use crate::accept::{Handler, Loop, Phase, tls};
use crate::app::{App, Parts};
use crate::chores;
use crate::config::listener::Surface;
use crate::config::{Config, Finding};
use crate::dialects::{dialects, facts};
use crate::dispatch::Surfaces;
use crate::mounts;
use countersign_store::fault::Fault;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Starts servers.
pub struct Server;

/// A running server. Dropping it ends it at once, without draining.
pub struct Running {
    app: Arc<App>,
    bound: Vec<Bound>,
    phase: watch::Sender<Phase>,
    /// Closed when every connection is finished.
    finished: mpsc::Receiver<()>,
    chores: JoinHandle<()>,
}

/// An address that is listened on.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The address, with the port that was taken.
    pub address: SocketAddr,
    /// What answers there.
    pub surfaces: Vec<Surface>,
    /// Whether it speaks TLS.
    pub tls: bool,
}

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

/// Requests that were begun get this long once the server ends; a second signal shortens it.
const FINISH: Duration = Duration::from_secs(60);

impl Server {
    /// Starts a server; when this returns, its addresses accept requests.
    ///
    /// # Errors
    /// [`StartError`], with everything that is wrong with the configuration at once.
    pub async fn start(config: Config, parts: Parts) -> Result<Running, StartError> {
        let dialects = dialects(&config).map_err(StartError::Config)?;
        let checked = config.check(&facts(&dialects));
        if !checked.errors.is_empty() {
            return Err(StartError::Config(checked.errors));
        }
        for lint in &checked.lints {
            tracing::warn!("{lint}");
        }
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            let tls = listener.tls.as_ref().map(tls::acceptor).transpose();
            let tls = tls.map_err(|error| StartError::Setup(vec![error]))?;
            let bind = |error: std::io::Error| {
                let fix = "stop what listens there, or choose another address";
                StartError::Setup(vec![format!("cannot listen on {}: {error}; {fix}", listener.address)])
            };
            let socket = TcpListener::bind(listener.address).await.map_err(bind)?;
            let address = socket.local_addr().map_err(bind)?;
            let bound = Bound { address, surfaces: listener.surfaces.clone(), tls: tls.is_some() };
            listeners.push((socket, tls, bound));
        }
        let limits = config.limits;
        let app = Arc::new(App::build(config, dialects, parts).await.map_err(StartError::Fault)?);
        let (phase, follow) = watch::channel(Phase::Serving);
        let (alive, finished) = mpsc::channel(1);
        let mut bound = Vec::new();
        for (listener, tls, place) in listeners {
            let surfaces = Arc::new(Surfaces {
                app: Arc::clone(&app),
                named: place.surfaces.clone(),
                address: place.address,
                session: place.surfaces.contains(&Surface::Session).then(|| mounts::session(&app)).flatten(),
                manage: place.surfaces.contains(&Surface::Manage).then(|| mounts::manage(&app)).flatten(),
            });
            let handler: Handler =
                Arc::new(move |request, peer| Box::pin(Arc::clone(&surfaces).answer(request, peer)));
            let looping =
                Loop { listener, tls, limits, handler, phase: follow.clone(), alive: alive.clone() };
            tokio::spawn(looping.run());
            let names: Vec<&str> = place.surfaces.iter().map(|surface| surface.name()).collect();
            tracing::info!(address = %place.address, tls = place.tls, surfaces = names.join(", "), "listening");
            bound.push(place);
        }
        let chores = tokio::spawn(chores::run(Arc::clone(&app)));
        Ok(Running { app, bound, phase, finished, chores })
    }
}

impl Running {
    /// Every address that is listened on, in the configuration's order.
    #[must_use]
    pub fn addresses(&self) -> &[Bound] {
        &self.bound
    }

    /// The first address where a surface answers.
    #[must_use]
    pub fn address(&self, surface: Surface) -> Option<SocketAddr> {
        self.bound.iter().find(|bound| bound.surfaces.contains(&surface)).map(|bound| bound.address)
    }

    /// What the surfaces share.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Waits for SIGTERM or SIGINT, then ends as [`Running::shutdown`] does; a second signal ends at once.
    ///
    /// # Errors
    /// When the signals cannot be waited for.
    pub async fn until_signal(self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        tracing::info!("told to stop: draining; a second signal stops at once");
        let phase = self.phase.clone();
        tokio::select! {
            () = self.shutdown() => {}
            () = async { tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} } } => {
                tracing::warn!("told to stop again: stopping at once");
                let _ = phase.send(Phase::Now);
            }
        }
        Ok(())
    }

    /// Ends without dropping a request: not ready from now on, still accepting for the drain time, then finishing what was begun.
    pub async fn shutdown(mut self) {
        self.app.drain();
        // Receivers are gone only when nothing is left to tell.
        let _ = self.phase.send(Phase::Draining);
        tokio::time::sleep(self.app.config.server.drain).await;
        let _ = self.phase.send(Phase::Stopping);
        if tokio::time::timeout(FINISH, self.finished.recv()).await.is_err() {
            tracing::warn!("some requests did not finish in time; they are dropped now");
            let _ = self.phase.send(Phase::Now);
        }
        self.chores.abort();
        chores::flush(&self.app).await;
        tracing::info!("stopped");
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
