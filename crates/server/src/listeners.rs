//! The addresses that are listened on: opened at start, matched with a new configuration at reload, drained when they go.
use crate::accept::{Away, Handler, Loop, Peer, Phase};
use crate::app::App;
use crate::config::Config;
use crate::config::limits::Limits;
use crate::config::listener::{Listener, Surface, Tls};
use crate::dispatch::Surfaces;
use crate::limiter::doors::Door;
use crate::metrics::Metrics;
use crate::mounts;
use crate::tls::acme::Orders;
use crate::tls::acme::issued::Issued;
use crate::tls::{self, Loaded, Presented};
use arc_swap::ArcSwap;
use axum::body::Body;
use countersign::time::Time;
use http::{Request, Response};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

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

/// Requests that were begun get this long once their listener ends.
pub(crate) const FINISH: Duration = Duration::from_secs(60);

/// All that is open.
pub(crate) struct Listeners {
    open: Vec<Open>,
    /// Those that a reload removed, until their last connection is finished.
    leaving: JoinSet<()>,
    /// What answers there meanwhile: a removed route or proxy must not live on where callers are only finished with.
    left: Vec<Left>,
    /// Certificates that are ordered, and where they are kept.
    orders: Orders,
    data: Option<PathBuf>,
    /// Held by everything that is not finished; gone once the server ends.
    alive: Option<mpsc::Sender<()>>,
}

/// One listener with its loop running.
struct Open {
    key: Key,
    bound: Bound,
    face: Arc<ArcSwap<Surfaces>>,
    limits: watch::Sender<Limits>,
    places: Arc<Semaphore>,
    phase: watch::Sender<Phase>,
    tls: Option<Presented>,
}

/// A listener that a reload removed.
struct Left {
    bound: Bound,
    face: Weak<ArcSwap<Surfaces>>,
    phase: watch::Sender<Phase>,
}

/// What makes two listeners the same: the address as it is written, and the how manieth with it (only port 0 stands twice).
pub(crate) type Key = (SocketAddr, usize);

/// A listener of a new configuration, with what it needs ready: nothing can fail any more.
struct Ready {
    key: Key,
    surfaces: Vec<Surface>,
    tls: Option<(Tls, Loaded)>,
    /// Its socket, when it is new.
    socket: Option<(TcpListener, SocketAddr)>,
}

/// Every listener of a new configuration.
pub(crate) struct Prepared(Vec<Ready>);

impl Listeners {
    pub(crate) fn new(alive: mpsc::Sender<()>, data: Option<PathBuf>) -> Self {
        let orders = Orders::default();
        Self { open: Vec::new(), leaving: JoinSet::new(), left: Vec::new(), orders, data, alive: Some(alive) }
    }

    /// Reads certificates and binds what is new; what is open is not touched.
    ///
    /// # Errors
    /// Everything that is in the way, one text each.
    pub(crate) async fn prepare(&self, config: &Config) -> Result<Prepared, Vec<String>> {
        if self.alive.is_none() {
            return Err(vec!["the server is ending".to_owned()]);
        }
        let mut ready = Vec::new();
        let mut wrong = Vec::new();
        let mut ordered: Vec<Arc<Issued>> = Vec::new();
        for (index, listener) in config.listeners.iter().enumerate() {
            let key = key(&config.listeners, index);
            let tls = match &listener.tls {
                Some(tls) => match self.load(tls, &mut ordered) {
                    Ok(loaded) => Some((tls.clone(), loaded)),
                    Err(error) => {
                        wrong.push(error);
                        None
                    }
                },
                None => None,
            };
            let socket = if self.open.iter().any(|open| open.key == key) {
                None
            } else {
                match bind(listener).await {
                    Ok(socket) => Some(socket),
                    Err(error) => {
                        wrong.push(error);
                        None
                    }
                }
            };
            ready.push(Ready { key, surfaces: listener.surfaces.clone(), tls, socket });
        }
        if wrong.is_empty() { Ok(Prepared(ready)) } else { Err(wrong) }
    }

    /// Reads what a listener presents; listeners that order the same share the order.
    fn load(&self, tls: &Tls, ordered: &mut Vec<Arc<Issued>>) -> Result<Loaded, String> {
        let issued = match &tls.acme {
            None => None,
            Some(acme) => match ordered.iter().find(|issued| issued.settings == *acme) {
                Some(issued) => Some(Arc::clone(issued)),
                None => {
                    let issued = self.orders.issued(acme, self.data.as_deref())?;
                    ordered.push(Arc::clone(&issued));
                    Some(issued)
                }
            },
        };
        tls::load(tls, issued)
    }

    /// Puts a generation in force: new requests get it at once; new addresses answer before old ones drain.
    pub(crate) fn enforce(&mut self, prepared: Prepared, app: &Arc<App>, before: Option<&App>) {
        let (session, manage, console) = (mounts::session(app), mounts::manage(app), mounts::console(app));
        let face = |named: &[Surface], address: SocketAddr| {
            let has = |surface| named.contains(&surface);
            Arc::new(Surfaces {
                app: Arc::clone(app),
                named: named.to_vec(),
                address,
                session: session.clone().filter(|_| has(Surface::Session)),
                manage: manage.clone().filter(|_| has(Surface::Manage)),
                console: Some(&console).filter(|_| has(Surface::Console)).cloned(),
            })
        };
        let limits = app.config.limits;
        let mut open = Vec::new();
        for ready in prepared.0 {
            let old = self.open.iter().position(|open| open.key == ready.key);
            match (old.map(|at| self.open.remove(at)), ready.socket) {
                (Some(mut old), _) => {
                    old.face.store(face(&ready.surfaces, old.bound.address));
                    old.bound.surfaces = ready.surfaces;
                    old.limits.send_replace(limits);
                    if let Some(before) = before {
                        resize(&old.places, before.config.limits.connections, limits.connections);
                    }
                    if let (Some(presented), Some((tls, loaded))) = (&mut old.tls, ready.tls) {
                        presented.replace(tls, loaded);
                    }
                    open.push(old);
                }
                (None, Some((socket, address))) => {
                    let Some(alive) = self.alive.clone() else { continue };
                    let face = Arc::new(ArcSwap::new(face(&ready.surfaces, address)));
                    let bound = Bound { address, surfaces: ready.surfaces, tls: ready.tls.is_some() };
                    open.push(listen(ready.key, socket, bound, ready.tls, face, limits, alive));
                }
                // A new listener has its socket; see `prepare`.
                (None, None) => {}
            }
        }
        for gone in std::mem::replace(&mut self.open, open) {
            let (bound, face, phase) = (gone.bound.clone(), Arc::downgrade(&gone.face), gone.phase.clone());
            self.left.push(Left { bound, face, phase });
            tracing::info!(address = %gone.bound.address, "no longer listening here: draining");
            self.leaving.spawn(gone.leave(app.config.server.drain));
        }
        self.left.retain(|left| {
            let own = left.face.upgrade();
            own.inspect(|own| own.store(face(&left.bound.surfaces, left.bound.address))).is_some()
        });
        while self.leaving.try_join_next().is_some() {}
        let ordered = self.open.iter().filter_map(|open| open.tls.as_ref()?.issued().cloned());
        let ordered: Vec<Arc<Issued>> = ordered.collect();
        self.orders.tend(&ordered, app.shared());
    }

    /// Every address, in the configuration's order.
    pub(crate) fn bound(&self) -> Vec<Bound> {
        self.open.iter().map(|open| open.bound.clone()).collect()
    }

    /// Reads certificates again whose files changed, and looks whether one must be ordered.
    pub(crate) async fn refresh(&mut self, now: Time, metrics: &Metrics) {
        self.orders.wake();
        let mut ends = Vec::new();
        let mut broken = 0;
        for open in &mut self.open {
            let Some(presented) = &mut open.tls else { continue };
            let listener = open.bound.address.to_string();
            presented.refresh(&listener, now).await;
            broken += i64::from(presented.is_broken());
            ends.extend(presented.ends().into_iter().map(|(file, ends)| (listener.clone(), file, ends)));
        }
        metrics.certificates(&ends, broken);
    }

    /// Whether a listener speaks TLS now; `None` when it is not open.
    pub(crate) fn speaks_tls(&self, key: Key) -> Option<bool> {
        self.open.iter().find(|open| open.key == key).map(|open| open.bound.tls)
    }

    /// Tells every loop how far the end has come. From [`Phase::Stopping`] on nothing new is opened.
    pub(crate) fn tell(&mut self, phase: Phase) {
        if phase >= Phase::Stopping {
            self.alive = None;
        }
        let left = self.left.iter().map(|left| &left.phase);
        for own in self.open.iter().map(|open| &open.phase).chain(left) {
            phase.tell(own);
        }
    }
}

/// What makes a listener of a configuration the same as one that is open.
pub(crate) fn key(all: &[Listener], index: usize) -> Key {
    let address = all.get(index).map_or(SocketAddr::from(([0, 0, 0, 0], 0)), |listener| listener.address);
    (address, all.iter().take(index).filter(|other| other.address == address).count())
}

impl Open {
    /// Answers what comes for the drain time, telling callers to go, then finishes what was begun.
    async fn leave(self, drain: Duration) {
        Phase::Draining.tell(&self.phase);
        tokio::time::sleep(drain).await;
        Phase::Stopping.tell(&self.phase);
        if tokio::time::timeout(FINISH, self.phase.closed()).await.is_err() {
            Phase::Now.tell(&self.phase);
        }
    }
}

fn listen(
    key: Key,
    listener: TcpListener,
    bound: Bound,
    tls: Option<(Tls, Loaded)>,
    face: Arc<ArcSwap<Surfaces>>,
    limits: Limits,
    alive: mpsc::Sender<()>,
) -> Open {
    let (phase, follow) = watch::channel(Phase::Serving);
    let places = Arc::new(Semaphore::new(limits.connections));
    let (limits, read) = watch::channel(limits);
    let tls = tls.map(|(tls, loaded)| Presented::new(tls, loaded));
    let handler = Current(Arc::clone(&face));
    let looping = Loop {
        listener,
        tls: tls.as_ref().map(Presented::swap),
        limits: read,
        places: Arc::clone(&places),
        doors: Arc::default(),
        handler,
        phase: follow,
        alive,
    };
    tokio::spawn(looping.run());
    let names: Vec<&str> = bound.surfaces.iter().map(|surface| surface.name()).collect();
    tracing::info!(address = %bound.address, tls = bound.tls, surfaces = names.join(", "), "listening");
    Open { key, bound, face, limits, places, phase, tls }
}

async fn bind(listener: &Listener) -> Result<(TcpListener, SocketAddr), String> {
    let told = |error: std::io::Error| {
        let fix = "stop what listens there, or choose another address";
        format!("cannot listen on {}: {error}; {fix}", listener.address)
    };
    let socket = TcpListener::bind(listener.address).await.map_err(told)?;
    let address = socket.local_addr().map_err(told)?;
    Ok((socket, address))
}

/// What answers on a listener now.
#[derive(Clone)]
struct Current(Arc<ArcSwap<Surfaces>>);

impl Handler for Current {
    fn answer(
        &self,
        request: Request<Body>,
        peer: Peer,
    ) -> impl Future<Output = Response<Body>> + Send + use<> {
        // The one look at what is in force; a request keeps what it finds here to its end.
        self.0.load_full().answer(request, peer)
    }

    fn door(&self, address: IpAddr) -> Door {
        self.0.load().door(address)
    }

    fn turned_away(&self, address: IpAddr, why: Away) {
        self.0.load().turned_away(address, why);
    }
}

/// More places at once; fewer as connections end, and nobody new before that.
fn resize(places: &Arc<Semaphore>, before: usize, now: usize) {
    if now >= before {
        places.add_permits(now - before);
        return;
    }
    let fewer = u32::try_from(before - now).unwrap_or(u32::MAX);
    let places = Arc::clone(places);
    tokio::spawn(async move {
        if let Ok(taken) = places.acquire_many_owned(fewer).await {
            taken.forget();
        }
    });
}
