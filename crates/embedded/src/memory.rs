//! Where uses of proofs are remembered: in this process, or in a place that all processes of a program share.
use countersign::ask::{Claim, Use};
use countersign::time::Time;
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::registry::Answer;
use countersign_store::window::Window;
use std::sync::Arc;

/// Uses remembered at once in a process: about 20 MB. Beyond it nobody is let in by a single-use proof.
pub const MOST_USES: usize = 1_000_000;

/// A place that all processes of a program share, such as a cache whose "add" is one step.
pub trait SharedMemory: Send + Sync {
    /// Remembers `digest` until `expires` (Unix seconds, inclusive) and says whether it was the first to: one step, with nothing between
    /// looking and remembering. What fails here is a fault of ours, and lets nobody in.
    fn claim<'a>(&'a self, digest: &'a [u8; 32], expires: i64) -> Answer<'a, Result<bool, Fault>>;
}

/// Where uses are remembered.
#[derive(Clone)]
pub enum ReplayMemory {
    /// Nowhere: right where no dialect's proofs are used once.
    None,
    /// In this process alone, and lost with it. A process that was forked off after opening is refused with a fault, since it would remember
    /// for itself alone.
    Process {
        /// Takes proofs that were made before this process began: right only when none can have been used then. Otherwise they are refused,
        /// for as long as a proof may be dated ahead.
        takes_earlier: bool,
    },
    /// Where all processes see them. It must outlive restarts, or be emptied only when no proof of before is still good.
    Shared(Arc<dyn SharedMemory>),
}

/// In this process.
pub(crate) struct InProcess {
    window: Window,
    process: u32,
}

impl InProcess {
    pub(crate) fn new(key: [u8; 16], barrier: Time) -> Self {
        Self { window: Window::new(key, barrier, MOST_USES), process: std::process::id() }
    }

    fn check(&self) -> Result<(), Fault> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(Fault::new(
            "the replay memory was opened before this process was forked off, so each worker would remember for itself alone; open it in \
             each worker behind a shared memory, or run one worker",
        ))
    }
}

impl Once for InProcess {
    fn claim(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async move { self.check().and_then(|()| self.window.claim(&claim, now)) })
    }

    fn peek(&self, claim: Claim, _now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async move { self.check().and_then(|()| self.window.peek(&claim)) })
    }

    fn remembered(&self) -> Option<usize> {
        Some(self.window.len())
    }
}

/// Where the program says.
pub(crate) struct Elsewhere(pub(crate) Arc<dyn SharedMemory>);

impl Once for Elsewhere {
    fn claim(&self, claim: Claim, _now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async move {
            // A second more than the proof is good: its end may lie within the second.
            let expires = claim.until.seconds().saturating_add(1);
            let first = self.0.claim(&claim.mark, expires).await?;
            Ok(if first { Use::First } else { Use::Again })
        })
    }

    fn peek(&self, _claim: Claim, _now: Time) -> Answer<'_, Result<Use, Fault>> {
        // To look is to remember there, and whoever only looks must not use a proof up.
        Box::pin(async {
            Err(Fault::new("a shared replay memory can only be claimed from, not looked into"))
        })
    }
}

/// Nowhere: whoever asks was opened for dialects that do not.
pub(crate) struct Nowhere;

impl Once for Nowhere {
    fn claim(&self, _claim: Claim, _now: Time) -> Answer<'_, Result<Use, Fault>> {
        Box::pin(async { Err(Fault::new("a proof works once, and there is no replay memory")) })
    }

    fn peek(&self, claim: Claim, now: Time) -> Answer<'_, Result<Use, Fault>> {
        self.claim(claim, now)
    }
}

impl std::fmt::Debug for ReplayMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "ReplayMemory::None",
            Self::Process { .. } => "ReplayMemory::Process",
            Self::Shared(_) => "ReplayMemory::Shared",
        })
    }
}
