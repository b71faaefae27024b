//! The connection under a request, for the one that goes on in another protocol: its raw bytes, and what keeps it counted.
use super::phase::Phase;
use super::place::Place;
use super::strict::Strict;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};

/// Bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// The connection under a request. While it is held, the connection counts as open.
#[derive(Clone)]
pub(crate) struct Wire {
    open: fn(Upgraded) -> Opened,
    /// How far the server's end has come.
    pub(crate) phase: watch::Receiver<Phase>,
    _alive: mpsc::Sender<()>,
    _place: Arc<Place>,
}

/// A connection taken from the HTTP library.
pub(crate) enum Opened {
    /// Nothing was read beyond the request that asked for it.
    Clean(Box<dyn Duplex>),
    /// The caller sent more before it was answered.
    Premature,
}

impl Wire {
    pub(super) fn new<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        phase: watch::Receiver<Phase>,
        alive: mpsc::Sender<()>,
        place: Arc<Place>,
    ) -> Self {
        Self { open: open::<S>, phase, _alive: alive, _place: place }
    }

    /// The raw connection, without the checks of HTTP.
    pub(crate) fn open(&self, upgraded: Upgraded) -> Opened {
        (self.open)(upgraded)
    }
}

fn open<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(upgraded: Upgraded) -> Opened {
    let Ok(parts) = upgraded.downcast::<TokioIo<Strict<S>>>() else { return Opened::Premature };
    match parts.io.into_inner().into_raw() {
        Some(raw) if parts.read_buf.is_empty() => Opened::Clean(Box::new(raw)),
        _ => Opened::Premature,
    }
}
