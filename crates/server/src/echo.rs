//! An upstream that answers with what it got: for the demo and for tests.
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use countersign::base64::{Alphabet, encode, encode_hex};
use countersign_keys::sha256;
use http::{StatusCode, header};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Bodies above this are not echoed; the demo's are small.
const MOST: usize = 16 * 1024 * 1024;

/// A running echo.
pub struct Echo {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Echo {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it after what it is answering.
    pub async fn shutdown(self) {
        // It may have ended by itself; then there is nothing left to stop.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// Starts an echo; port 0 takes a free one.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn start(address: SocketAddr) -> io::Result<Echo> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    let router = Router::new().fallback(echo);
    let task = tokio::spawn(async move {
        let ended = axum::serve(listener, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "the echo ended");
        }
    });
    Ok(Echo { address, stop, task })
}

async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MOST).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let headers: Vec<(String, String)> =
        parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let digest: String = encode_hex(&sha256(&[&bytes]));
    let document = serde_json::json!({
        "method": parts.method.as_str(),
        "target": parts.uri.path_and_query().map_or("", |target| target.as_str()),
        "headers": headers,
        "body_sha256": digest,
        "body_b64": encode(Alphabet::Standard, &bytes),
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from(document.to_string())).into_response()
}
