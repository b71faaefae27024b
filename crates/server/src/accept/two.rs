//! Serves one HTTP/2 connection: bounded in streams, sizes and time, and ended with a word to the caller.
use super::activity::{Activity, Over};
use super::{Connection, Phase};
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// A caller that answers no ping for this long is gone.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));
/// Streams that a caller may reset before we looked at them: beyond them it is the rapid reset attack (CVE-2023-44487).
const UNSEEN_RESETS: usize = 20;
/// Malformed requests on one connection: an honest caller has none.
const MALFORMED: usize = 100;
/// Bytes of a request's body on their way, and of all of a connection: what a connection costs in memory at most.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes of an answer that wait to be sent, for each stream.
const SEND_BUFFER: usize = 64 * 1024;

pub(super) async fn serve<H, I, S, B>(connection: &Connection<H>, io: I, activity: &Arc<Activity>, service: S)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes, Error = <Body as http_body::Body>::Error> + Send + 'static,
{
    let limits = connection.limits;
    let came = *connection.phase.borrow();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(u32::try_from(limits.streams).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(MALFORMED)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(Some(PING.0))
        .keep_alive_timeout(PING.1);
    let serving = builder.serve_connection(TokioIo::new(io), service);
    let mut serving = std::pin::pin!(serving);
    let over = tokio::select! {
        _ = serving.as_mut() => return,
        over = activity.over(limits.idle_time, limits.body_time) => Some(over),
        () = draining(connection, came) => None,
    };
    serving.as_mut().graceful_shutdown();
    match over {
        // Told to go elsewhere, it finishes what it began.
        None => {
            tokio::select! {
                _ = serving.as_mut() => {}
                _ = activity.over(limits.idle_time, limits.body_time) => {}
            }
        }
        // It has nothing to finish; a request that crossed the word is answered still.
        Some(Over::Idle) => drop(tokio::time::timeout(limits.body_time, serving).await),
        Some(over) => {
            tracing::info!(target: "countersign::request", peer = %connection.peer.address, ?over, "connection ended");
            // The word goes out when there is room for it.
            drop(tokio::time::timeout(Duration::from_millis(100), serving).await);
        }
    }
}

/// When a connection is told to go elsewhere: at once, but one that came while draining may serve until the end.
async fn draining<H>(connection: &Connection<H>, came: Phase) {
    let until = if came == Phase::Serving { Phase::Draining } else { Phase::Stopping };
    // A server that is gone has stopped, too.
    let _ = connection.phase.clone().wait_for(|phase| *phase >= until).await;
}
