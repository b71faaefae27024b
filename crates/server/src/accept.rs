//! The accept loop: connections with a cap, clocks and strict framing, and an end that drops no request.
mod bounds;
pub(crate) mod head;
mod phase;
mod scanner;
mod strict;
pub(crate) mod tls;
mod wire;

pub(crate) use phase::Phase;
pub(crate) use wire::{Opened, Wire};

use crate::config::limits::Limits;
use axum::body::Body;
use bounds::Bounds;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use strict::{Busy, Patience, Strict, Version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;

/// Answers one request that came from this peer.
pub(crate) type Handler =
    Arc<dyn Fn(Request<Body>, Peer) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
}

/// One listener's loop.
pub(crate) struct Loop {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) limits: Limits,
    pub(crate) handler: Handler,
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

impl Loop {
    /// Accepts until the server stops, then takes what already waits in the kernel's queue.
    pub(crate) async fn run(mut self) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
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

    fn spawn(&mut self, stream: TcpStream, address: SocketAddr, place: OwnedSemaphorePermit) {
        // Small answers go out at once; a socket that refuses the option works without.
        let _ = stream.set_nodelay(true);
        let connection = Connection {
            limits: self.limits,
            handler: Arc::clone(&self.handler),
            phase: self.phase.clone(),
            peer: Peer { address, tls: self.tls.is_some() },
            alive: self.alive.clone(),
            place: Arc::new(place),
        };
        let tls = self.tls.clone();
        tokio::spawn(async move {
            let mut phase = connection.phase.clone();
            let serve = async {
                match tls {
                    None => connection.serve(stream).await,
                    Some(tls) => {
                        let handshake =
                            tokio::time::timeout(connection.limits.header_time, tls.accept(stream));
                        if let Ok(Ok(stream)) = handshake.await {
                            connection.serve(stream).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = serve => {}
                _ = phase.wait_for(|phase| *phase == Phase::Now) => {}
            }
        });
    }
}

struct Connection {
    limits: Limits,
    handler: Handler,
    phase: watch::Receiver<Phase>,
    peer: Peer,
    alive: mpsc::Sender<()>,
    place: Arc<OwnedSemaphorePermit>,
}

impl Connection {
    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let limits = self.limits;
        let bounds = Bounds {
            head: limits.header_bytes,
            fields: limits.header_fields,
            field: limits.field_bytes,
            line: limits.line_bytes,
        };
        let patience = Patience { head: limits.header_time, idle: limits.idle_time, write: limits.body_time };
        let busy: Busy = Arc::new(AtomicUsize::new(0));
        let mut strict = Strict::new(stream, bounds, patience, Arc::clone(&busy));
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
        let service = {
            let (handler, peer, phase) = (Arc::clone(&self.handler), self.peer, self.phase.clone());
            let wire = (version == Version::One)
                .then(|| Wire::new::<S>(self.phase.clone(), self.alive.clone(), Arc::clone(&self.place)));
            service_fn(move |mut request: Request<Incoming>| {
                if let Some(wire) = wire.as_ref().filter(|_| request.headers().contains_key(header::UPGRADE))
                {
                    request.extensions_mut().insert(wire.clone());
                }
                busy.fetch_add(1, Ordering::AcqRel);
                let held = Held(Arc::clone(&busy));
                let leaving = phase.clone();
                let answer = handler(request.map(Body::new), peer);
                async move {
                    let mut response = answer.await;
                    if version == Version::One && *leaving.borrow() >= Phase::Draining {
                        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                    }
                    Ok::<_, Infallible>(response.map(|body| Tracked { body, _held: held }))
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
                tokio::select! {
                    _ = connection.as_mut() => return,
                    () = self.stopping() => connection.as_mut().graceful_shutdown(),
                }
                let _ = connection.await;
            }
            Version::Two => {
                let came = *self.phase.borrow();
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.timer(TokioTimer::new());
                builder.max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
                // As many as browsers open; floods are counted and ended by the library beyond that.
                builder.max_concurrent_streams(128);
                builder
                    .keep_alive_interval(Some(Duration::from_secs(30)))
                    .keep_alive_timeout(Duration::from_secs(20));
                let connection = builder.serve_connection(TokioIo::new(strict), service);
                let mut connection = std::pin::pin!(connection);
                tokio::select! {
                    _ = connection.as_mut() => return,
                    () = self.draining(came) => connection.as_mut().graceful_shutdown(),
                }
                let _ = connection.await;
            }
        }
    }

    /// When an HTTP/2 connection is told to go elsewhere: at once, but one that came while draining may serve until the end.
    async fn draining(&self, came: Phase) {
        let until = if came == Phase::Serving { Phase::Draining } else { Phase::Stopping };
        // A server that is gone has stopped, too.
        let _ = self.phase.clone().wait_for(|phase| *phase >= until).await;
    }

    async fn stopping(&self) {
        let _ = self.phase.clone().wait_for(|phase| *phase >= Phase::Stopping).await;
    }
}

/// Counts a request as being answered until its answer's body is gone.
struct Held(Busy);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An answer's body that knows when it is done.
struct Tracked {
    body: Body,
    _held: Held,
}

impl http_body::Body for Tracked {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
