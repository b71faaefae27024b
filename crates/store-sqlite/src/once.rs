//! The replay memory that survives: decided in memory, and answered once the log has it.
use crate::log::Log;
use crate::log::disk::Disk;
use crate::log::recover::{Begun, Recovered, Start};
use crate::log::segment::{Identity, Kept};
use crate::log::writer::Writer;
use countersign::ask::{Claim, Use};
use countersign::time::{Span, Time};
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::registry::Answer;
use countersign_store::replay::Changed;
use countersign_store::window::Window;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a claim waits for the log: a disk that takes longer hangs, and whoever asks is told so instead of waiting with it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A memory that has come to a time remembers what ends up to two seconds before; one more, and it has forgotten it.
const SLACK: i64 = 3;

/// Claims that survive a crash and a loss of power.
///
/// A claim is decided in memory, so that of many at once exactly one is the first. The first one is answered when
/// the log has it on disk. When the disk fails or hangs, that answer is a [`Fault`] and the proof stays used: whether the
/// disk kept it is not known. Needs a runtime with timers.
pub struct DurableOnce {
    window: Arc<Window>,
    log: Log,
}

/// What the replay memory needs to begin.
#[derive(Clone, Copy)]
pub struct ReplayStart {
    /// The secret key of the fingerprints, kept in the registry.
    pub key: [u8; 16],
    /// Fresh random bytes, for the identity of a log that is begun now.
    pub fresh: [u8; 16],
    /// Now.
    pub now: Time,
    /// How far ahead of this clock a use may stand ([`Claim::since`]): so far may the clock be off. When it grows from one start to
    /// the next, what was used before is behind a barrier.
    pub horizon: Span,
    /// How many claims may live at once; a fault beyond that. 20 bytes each.
    pub most: usize,
}

impl std::fmt::Debug for ReplayStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplayStart")
            .field("now", &self.now)
            .field("horizon", &self.horizon)
            .finish_non_exhaustive()
    }
}

/// What was found when the log was taken up, for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// How many claims the log gave back, those whose time is over included.
    pub claims: usize,
    /// Bytes of a write that a crash had cut; nobody was answered for it.
    pub cut: u64,
    /// Proofs dated at or before this are barred; [`Time::MIN`] when all of them are vouched for.
    pub barrier: Time,
    /// Why the barrier was raised at this start, when it was.
    pub why: Option<String>,
    /// The latest time that the log has seen. A clock that is behind it has stepped back.
    pub latest: Time,
}

impl DurableOnce {
    pub(crate) fn start(
        disk: Box<dyn Disk>,
        start: &ReplayStart,
        epoch: [u8; 16],
        begun: Begun,
        (changed, floor): (Option<Changed>, Time),
    ) -> Result<(Self, Recovery), Fault> {
        let failed = |error| Fault::caused("cannot take up the replay log", error);
        let identity = Identity { epoch, key_check: key_check(start) };
        let asked = Start { identity, begun, now: start.now, horizon: start.horizon, changed, floor };
        let (writer, recovered) = Writer::start(disk, &asked).map_err(failed)?;
        let window = remember(start, &recovered)?;
        let recovery = Recovery {
            claims: recovered.claims.len(),
            cut: recovered.cut,
            barrier: recovered.barrier,
            why: recovered.why,
            latest: recovered.clock.map_or(Time::MIN, Time::from_millis),
        };
        Ok((Self { window: Arc::new(window), log: Log::start(writer)? }, recovery))
    }

    /// The memory in front of the log, for figures: how many claims live, how often the clock stepped back.
    #[must_use]
    pub fn window(&self) -> &Window {
        &self.window
    }
}

impl Once for DurableOnce {
    fn remembered(&self) -> Option<usize> {
        Some(self.window().len())
    }

    fn claim(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async move {
            // First, so that a claim that cannot be written is not used up.
            let place = self.log.place()?;
            let fingerprint = self.window.fingerprint(&claim);
            let found = self.window.claim_marked(&claim, fingerprint, now)?;
            if found == Use::First {
                let kept = Kept { fingerprint, until: claim.until.seconds() };
                match timeout(PATIENCE, place.write(kept, now)).await {
                    Ok(Ok(written)) => written?,
                    Ok(Err(_)) => {
                        return Err(Fault::new("the replay log's thread has ended; restart the server"));
                    }
                    Err(_) => {
                        return Err(Fault::new(format!(
                            "the disk did not take the replay log's write within {} s; the log recovers by itself",
                            PATIENCE.as_secs()
                        )));
                    }
                }
            }
            Ok(found)
        })
    }

    fn peek(&self, claim: Claim, _now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(std::future::ready(self.window.peek(&claim)))
    }
}

impl std::fmt::Debug for DurableOnce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DurableOnce").field("window", &self.window).finish_non_exhaustive()
    }
}

/// Another key gives another value here, and then a log's fingerprints mean nothing.
fn key_check(start: &ReplayStart) -> u64 {
    let mark = Claim { mark: [0xC5; 32], since: Time::MIN, until: Time::MIN };
    Window::new(start.key, Time::MIN, 0).fingerprint(&mark)
}

fn remember(start: &ReplayStart, recovered: &Recovered) -> Result<Window, Fault> {
    // The log knows more than the memory did: all but what was removed, which only counts if the clock is behind.
    let window = match recovered.gone {
        None => Window::new(start.key, recovered.barrier, start.most),
        Some(until) => {
            let highest = Time::from_seconds(until.saturating_add(SLACK));
            Window::resumed(start.key, recovered.barrier, highest, start.most)
        }
    };
    for kept in &recovered.claims {
        window.insert_recovered(kept.fingerprint, Time::from_seconds(kept.until))?;
    }
    Ok(window)
}

#[cfg(test)]
mod tests;
