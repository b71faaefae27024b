//! The accept loop: connections with a cap, clocks and strict framing, and an end that drops no request.
mod activity;
mod bounds;
pub(crate) mod head;
mod phase;
mod place;
mod scanner;
mod seldom;
mod strict;
mod sweep;
mod taking;
mod turn;
mod two;
mod wire;

pub(crate) use phase::Phase;
pub(crate) use wire::{Opened, Wire};

use crate::config::limits::Limits;
use crate::limiter::conduct::Conduct;
use crate::limiter::doors::{Door, Doors, Entered};
use crate::tls::acme::issued::PROTOCOL;
use activity::Activity;
use arc_swap::ArcSwap;
use axum::body::Body;
use bounds::Bounds;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use place::Place;
use rustls::ServerConfig;
use seldom::Seldom;
use socket2::SockRef;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use strict::{Patience, Strict, Version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;

/// Answers requests.
pub(crate) trait Handler: Clone + Send + Sync + 'static {
    /// Answers one request that came from this peer.
    fn answer(
        &self,
        request: Request<Body>,
        peer: Peer,
    ) -> impl Future<Output = Response<Body>> + Send + use<Self>;

    /// Whether somebody at this address may connect.
    fn door(&self, address: IpAddr) -> Door;

    /// Counts a connection that was not let in, or a handshake that came to nothing.
    fn turned_away(&self, address: IpAddr, why: Away);
}

/// Why a connection came to nothing before its first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// Its address has as many connections as it may.
    Many,
    /// Its address spent its allowance of failures, and connects too often for that.
    Spent,
    /// It never finished its TLS handshake.
    Handshake,
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    /// How it behaves on this connection.
    pub(crate) conduct: Arc<Conduct>,
}

/// One listener's loop.
pub(crate) struct Loop<H> {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Arc<ArcSwap<ServerConfig>>>,
    /// What holds for connections that come from now on.
    pub(crate) limits: watch::Receiver<Limits>,
    /// One for each connection that may be open at once.
    pub(crate) places: Arc<Semaphore>,
    /// Those that are open, by address.
    pub(crate) doors: Arc<Doors>,
    pub(crate) handler: H,
    pub(crate) phase: watch::Receiver<Phase>,
    /// Held by everything that is not finished.
    pub(crate) alive: mpsc::Sender<()>,
}

/// Connections that came but sent nothing get this long once the server ends.
const LAST_WORD: Duration = Duration::from_millis(500);

/// A listener that ends closes when nobody came for this long.
const QUIET: Duration = Duration::from_millis(50);
/// But it closes after this in any case.
const LAST_CALL: Duration = Duration::from_secs(1);

impl<H: Handler> Loop<H> {
    /// Accepts until the server stops, then takes what already waits in the kernel's queue.
    pub(crate) async fn run(mut self) {
        let places = Arc::clone(&self.places);
        let stopping = |phase: &Phase| *phase >= Phase::Stopping;
        let mut phase = self.phase.clone();
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let accepted = tokio::select! {
                biased;
                _ = phase.wait_for(stopping) => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.spawn(stream, address, place),
                Err(error) => {
                    // Out of descriptors, or the caller left already: what is served now makes room.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        // Connections that wait in the kernel's queue when a listener closes are reset. So it closes only once nobody came for
        // a moment, or when they keep coming although they were told to go elsewhere.
        let end = tokio::time::Instant::now() + LAST_CALL;
        while tokio::time::Instant::now() < end {
            let Ok(Ok((stream, address))) = tokio::time::timeout(QUIET, self.listener.accept()).await else {
                break;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { break };
            self.spawn(stream, address, place);
        }
    }

    /// Takes a connection in, or turns it away: with a reset, which leaves nothing behind here.
    fn enter(&self, stream: &TcpStream, address: IpAddr) -> Option<Option<Entered>> {
        let away = match self.handler.door(address) {
            Door::Open => return Some(None),
            Door::Counted(network, most) => match self.doors.enter(network, most) {
                Some(entered) => return Some(Some(entered)),
                None => Away::Many,
            },
            Door::Shut => Away::Spent,
        };
        self.handler.turned_away(address, away);
        let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        None
    }

    fn spawn(&mut self, stream: TcpStream, address: SocketAddr, place: OwnedSemaphorePermit) {
        let Some(entered) = self.enter(&stream, address.ip()) else { return };
        let place = Place::new(place, entered);
        // Small answers go out at once; a socket that refuses the option works without.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            limits: *self.limits.borrow(),
            handler: self.handler.clone(),
            phase: self.phase.clone(),
            peer: Peer { address, tls: self.tls.is_some(), conduct: Arc::new(Conduct::new()) },
            alive: self.alive.clone(),
            place: Arc::new(place),
        };
        let tls = self.tls.as_ref().map(|tls| TlsAcceptor::from(tls.load_full()));
        tokio::spawn(async move {
            let mut phase = connection.phase.clone();
            let serve = async {
                match tls {
                    None => connection.serve(stream).await,
                    Some(tls) => {
                        let handshake =
                            tokio::time::timeout(connection.limits.header_time, tls.accept(stream));
                        let Ok(Ok(stream)) = handshake.await else {
                            connection.handler.turned_away(address.ip(), Away::Handshake);
                            return;
                        };
                        // The authority has seen what it came for.
                        if stream.get_ref().1.alpn_protocol() == Some(PROTOCOL) {
                            return;
                        }
                        Box::pin(connection.serve(stream)).await;
                    }
                }
            };
            let now = Seldom::new(async move { drop(phase.wait_for(|phase| *phase == Phase::Now).await) });
            tokio::select! {
                biased;
                () = serve => {}
                () = now => {}
            }
        });
    }
}

struct Connection<H> {
    limits: Limits,
    handler: H,
    phase: watch::Receiver<Phase>,
    peer: Peer,
    alive: mpsc::Sender<()>,
    place: Arc<Place>,
}

impl<H: Handler> Connection<H> {
    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let limits = self.limits;
        let bounds = Bounds {
            head: limits.header_bytes,
            fields: limits.header_fields,
            field: limits.field_bytes,
            line: limits.line_bytes,
        };
        let patience = Patience { head: limits.header_time, idle: limits.idle_time, write: limits.body_time };
        let activity = Activity::new();
        let conduct = Arc::clone(&self.peer.conduct);
        let mut strict = Strict::new(stream, bounds, patience, Arc::clone(&activity), conduct);
        let mut phase = self.phase.clone();
        let last_word = async {
            let _ = phase.wait_for(|phase| *phase >= Phase::Stopping).await;
            tokio::time::sleep(LAST_WORD).await;
        };
        let version = tokio::select! {
            version = strict.version() => version,
            () = last_word => None,
        };
        let Some(version) = version else { return };
        let wire = (version == Version::One)
            .then(|| Wire::new::<S>(self.phase.clone(), self.alive.clone(), Arc::clone(&self.place)));
        let line = Arc::new(Line {
            handler: self.handler.clone(),
            phase: self.phase.clone(),
            peer: self.peer.clone(),
            wire,
        });
        let service = {
            let activity = Arc::clone(&activity);
            service_fn(move |mut request: Request<Incoming>| {
                let line = Arc::clone(&line);
                if let Some(wire) = &line.wire
                    && request.headers().contains_key(header::UPGRADE)
                {
                    request.extensions_mut().insert(wire.clone());
                }
                let held = activity.begin(request.method() == Method::HEAD);
                let answer = line.handler.answer(request.map(came), line.peer.clone());
                async move {
                    let mut response = answer.await;
                    if version == Version::One {
                        turn::over().await;
                    }
                    // A connection that goes on in another protocol is not one that HTTP closes.
                    let goes_on = response.status() == StatusCode::SWITCHING_PROTOCOLS;
                    if version == Version::One && !goes_on && *line.phase.borrow() >= Phase::Draining {
                        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                    }
                    Ok::<_, Infallible>(response.map(|body| held.watch(body)))
                }
            })
        };
        // Errors of a connection are its caller's business: it left, or sent what is no HTTP.
        match version {
            Version::One => {
                let mut builder = http1::Builder::new();
                // Strict has the clocks; half-closed callers still get their answer.
                builder.timer(TokioTimer::new()).header_read_timeout(None).half_close(true);
                builder.max_headers(limits.header_fields).max_buf_size(limits.header_bytes.max(64 * 1024));
                let connection = builder.serve_connection(TokioIo::new(strict), service).with_upgrades();
                let mut connection = std::pin::pin!(connection);
                let stopping = Seldom::new(self.stopping());
                tokio::select! {
                    biased;
                    _ = connection.as_mut() => return,
                    () = stopping => connection.as_mut().graceful_shutdown(),
                }
                let _ = connection.await;
            }
            // In a box, as with TLS: a plain connection, of which there are most, has a third of the state.
            Version::Two => Box::pin(two::serve(&self, strict, &activity, service)).await,
        }
    }

    async fn stopping(&self) {
        let _ = self.phase.clone().wait_for(|phase| *phase >= Phase::Stopping).await;
    }
}

/// What every request of one connection is answered with.
struct Line<H> {
    handler: H,
    phase: watch::Receiver<Phase>,
    peer: Peer,
    /// For a request that goes on in another protocol.
    wire: Option<Wire>,
}

/// The body as surfaces take it; most requests have none, and nothing is made for them.
fn came(body: Incoming) -> Body {
    if body.is_end_stream() { Body::empty() } else { Body::new(body) }
}
