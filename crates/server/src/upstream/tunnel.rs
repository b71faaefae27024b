//! Bytes both ways between a caller and an upstream that switched protocols, until one leaves, both are silent or we stop.
use super::member::InFlight;
use crate::accept::{Opened, Phase, Wire};
use crate::trip::Trip;
use futures_util::future::BoxFuture;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

/// What one read takes: a large message goes in a few pieces, a thousand quiet tunnels cost little.
const PIECE: usize = 8 * 1024;
/// Tunnels get this long once the server stops: time enough for both ends to say goodbye, and no more, since they may stay open
/// for days.
const GOODBYE: Duration = Duration::from_secs(5);
/// How long the caller's end may take to become free after the answer to its handshake.
const HANDOVER: Duration = Duration::from_secs(10);

/// A tunnel that runs once the answer to the handshake is on its way.
pub(crate) struct Tunnel {
    pub(crate) caller: OnUpgrade,
    pub(crate) upstream: OnUpgrade,
    /// The caller's connection.
    pub(crate) wire: Wire,
    /// The longest silence of both.
    pub(crate) idle: Duration,
    pub(crate) trip: Arc<Trip>,
    /// Counts it as in flight.
    pub(crate) flight: InFlight,
    /// Ends when its caller may no longer be here.
    pub(crate) gone: BoxFuture<'static, ()>,
}

/// A tunnel in an answer's extensions, which have to be copied in name.
#[derive(Clone)]
pub(crate) struct Waiting(Arc<Mutex<Option<Tunnel>>>);

impl Waiting {
    pub(crate) fn new(tunnel: Tunnel) -> Self {
        Self(Arc::new(Mutex::new(Some(tunnel))))
    }

    /// The tunnel, once.
    pub(crate) fn take(&self) -> Option<Tunnel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Tunnel {
    /// Runs to the end.
    pub(crate) async fn run(self) {
        let Self { caller, upstream, wire, idle, trip, flight, gone } = self;
        let ends = async { tokio::try_join!(caller, upstream) };
        let Ok(Ok((caller, upstream))) = tokio::time::timeout(HANDOVER, ends).await else { return };
        // What came before the answer was written for a server that had not switched: nobody judged it, so nobody gets it.
        let Opened::Clean(caller) = wire.open(caller) else {
            tracing::info!("a caller sent bytes before its upgrade was answered: closed");
            return;
        };
        let (mut from_caller, mut to_caller) = tokio::io::split(caller);
        let (mut from_upstream, mut to_upstream) = tokio::io::split(TokioIo::new(upstream));
        let both = async {
            tokio::try_join!(
                copy(&mut from_caller, &mut to_upstream, |bytes| trip.passed_in(bytes)),
                copy(&mut from_upstream, &mut to_caller, |bytes| trip.passed_out(bytes)),
            )
        };
        let moved = || (trip.bytes_in(), trip.bytes_out());
        tokio::select! {
            done = both => if done.is_ok() { trip.ended() },
            () = silence(idle, moved) => tracing::info!("a tunnel was silent for too long: closed"),
            () = gone => {}
            () = stopping(&wire) => {}
        }
        close(&mut to_caller, &mut to_upstream).await;
        drop(flight);
    }
}

/// Both ends see an orderly close, whoever ended it. One that takes nothing any more cannot keep the other from it, nor the tunnel open: what
/// TLS has left to send waits for room.
async fn close(caller: &mut (impl AsyncWrite + Unpin), upstream: &mut (impl AsyncWrite + Unpin)) {
    let both = async { tokio::join!(caller.shutdown(), upstream.shutdown()) };
    // An end that cannot be closed is dropped.
    drop(tokio::time::timeout(GOODBYE, both).await);
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: impl Fn(usize),
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    // Each round passes bytes on or ends.
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(piece.get(..read).unwrap_or_default()).await?;
        to.flush().await?;
        count(read);
    }
}

/// Ends when nothing moved for so long, give or take a quarter.
async fn silence<T: PartialEq>(idle: Duration, moved: impl Fn() -> T) {
    let mut before = moved();
    let mut quiet = 0;
    while quiet < 4 {
        sleep(idle / 4).await;
        let now = moved();
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
    }
}

async fn stopping(wire: &Wire) {
    let mut phase = wire.phase.clone();
    // A server that is gone has stopped, too.
    let _ = phase.wait_for(|phase| *phase >= Phase::Stopping).await;
    let now = phase.wait_for(|phase| *phase == Phase::Now);
    let _ = tokio::time::timeout(GOODBYE, now).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{BufWriter, duplex};

    #[tokio::test]
    async fn an_end_that_takes_nothing_keeps_the_other_from_no_close() {
        // A byte that waits behind a full pipe, as a record of TLS would.
        let (stuck, _kept) = duplex(1);
        let mut stuck = BufWriter::new(stuck);
        stuck.write_all(b"two").await.unwrap();
        let (mut well, mut other) = duplex(1);
        let mut piece = [0; 1];
        let seen = tokio::select! {
            () = close(&mut stuck, &mut well) => None,
            read = other.read(&mut piece) => read.ok(),
        };
        assert_eq!(seen, Some(0), "the other end sees the close at once");
    }
}
