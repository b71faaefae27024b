//! Signals that a process is told by: to stop, and to read its configuration anew.
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Stop,
    Reload,
}

/// Signals that are caught from when this is made: SIGTERM, SIGINT, and where the process can reload, SIGHUP.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Without a way to reload, the signal keeps its usual meaning.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Catches them from now on. To be made before the first address is listened on: whoever can connect may also send one, and a signal that
    /// nobody catches ends the process with requests and spans unsent.
    ///
    /// # Errors
    /// When they cannot be caught.
    pub fn catch(reloads: bool) -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: reloads.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    /// Waits for SIGTERM or SIGINT.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for any.
    pub(crate) async fn next(&mut self) -> Told {
        let reload = async {
            match &mut self.hang_up {
                Some(hang_up) => drop(hang_up.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            () = reload => Told::Reload,
        }
    }
}
