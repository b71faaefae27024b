//! The shell around the core: asks the stores its two questions and runs the checks.
use crate::batch::Batcher;
use crate::clock::Clock;
use crate::dpop::WINDOW;
use crate::jwks::Jwks;
use crate::key_source::KeySource;
use crate::nonces::Nonces;
use crate::policy::{Policy, Reply};
use crate::signing::SigningKeys;
use countersign::ask::{Decoys, Standing, Use};
use countersign::dialect::Dialect;
use countersign::proof::Pending;
use countersign::reason::Refusal;
use countersign::time::{Span, Time};
use countersign::verified::Verified;
use countersign_keys::Remembered;
use countersign_store::directory::Directory;
use countersign_store::fault::Fault;
use countersign_store::once::Once;
use countersign_store::sessions::Sessions;
use std::sync::Arc;

/// Judges requests. Cheap to share behind an `Arc`.
pub struct Guard {
    pub(crate) directory: Arc<Directory>,
    pub(crate) once: Arc<dyn Once>,
    pub(crate) sessions: Arc<dyn Sessions>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signing: Option<Arc<SigningKeys>>,
    pub(crate) jwks: Option<Arc<Jwks>>,
    pub(crate) source: Option<Arc<dyn KeySource>>,
    pub(crate) remembered: Option<Arc<Remembered>>,
    pub(crate) batcher: Option<Arc<Batcher>>,
    pub(crate) decoys: Option<Decoys>,
    pub(crate) nonces: Option<Arc<Nonces>>,
    pub(crate) dpop_window: Span,
}

/// What a judgement says.
#[derive(Debug)]
pub enum Verdict {
    /// The request carries no proof.
    Absent(Reply),
    /// It holds.
    Verified(Box<Verified>),
    /// It does not.
    Refused(Denial),
}

/// A refusal with how to answer it.
#[derive(Clone, Debug)]
pub struct Denial {
    /// Why.
    pub refusal: Refusal,
    /// The dialect that was judged; `None` when several claimed the request.
    pub dialect: Option<Arc<str>>,
    /// Status and challenge.
    pub reply: Reply,
    /// The nonce for the next DPoP proof, where its lack is why.
    pub nonce: Option<Box<str>>,
}

impl Guard {
    /// A guard over a registry in memory, a replay memory and sessions.
    #[must_use]
    pub fn new(
        directory: Arc<Directory>,
        once: Arc<dyn Once>,
        sessions: Arc<dyn Sessions>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            directory,
            once,
            sessions,
            clock,
            signing: None,
            jwks: None,
            source: None,
            remembered: None,
            batcher: None,
            decoys: None,
            nonces: None,
            dpop_window: Span::from_seconds(WINDOW),
        }
    }

    /// With our own signing keys, so that session tokens can be judged.
    #[must_use]
    pub fn with_signing(mut self, signing: Arc<SigningKeys>) -> Self {
        self.signing = Some(signing);
        self
    }

    /// With key sets fetched for accounts that have an address for one.
    #[must_use]
    pub fn with_jwks(mut self, jwks: Arc<Jwks>) -> Self {
        self.jwks = Some(jwks);
        self
    }

    /// With accounts and keys that somebody else keeps: the registry in memory is not asked for them.
    #[must_use]
    pub fn with_source(mut self, source: Arc<dyn KeySource>) -> Self {
        self.source = Some(source);
        self
    }

    /// With a memory for signature checks of tokens that come again. A token is judged the same with it and without; only the check
    /// is spared.
    #[must_use]
    pub fn with_remembered(mut self, remembered: Arc<Remembered>) -> Self {
        self.remembered = Some(remembered);
        self
    }

    /// With checks of signatures gathered over requests, for the CPU's lanes.
    #[must_use]
    pub fn with_batcher(mut self, batcher: Arc<Batcher>) -> Self {
        self.batcher = Some(batcher);
        self
    }

    /// With a number of decoy checks for unknown identifiers that differs from one to the next, as accounts' keys do.
    #[must_use]
    pub fn with_decoys(mut self, decoys: Decoys) -> Self {
        self.decoys = Some(decoys);
        self
    }

    /// With nonces for DPoP proofs.
    #[must_use]
    pub fn with_nonces(mut self, nonces: Arc<Nonces>) -> Self {
        self.nonces = Some(nonces);
        self
    }

    /// With another window for DPoP proofs: so far from now may they be dated.
    #[must_use]
    pub fn with_dpop_window(mut self, window: Span) -> Self {
        self.dpop_window = window;
        self
    }

    /// The clock it judges by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The registry in memory.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// The sessions.
    #[must_use]
    pub fn sessions(&self) -> &Arc<dyn Sessions> {
        &self.sessions
    }

    /// The replay memory.
    #[must_use]
    pub fn once(&self) -> &Arc<dyn Once> {
        &self.once
    }

    /// Whether a session's tokens count now; for surfaces that hold the session already.
    #[must_use]
    pub fn standing(&self, session: &countersign::life::session::Session, now: Time) -> Standing {
        self.directory.standing(session, now, false)
    }

    /// What the replay memory would say; uses nothing up.
    pub(crate) async fn peek(&self, pending: &Pending, now: Time) -> Result<Use, Fault> {
        self.once.peek(pending.claim(), now).await
    }
}

pub(crate) fn denial(policy: &Policy, dialect: Option<&Arc<Dialect>>, refusal: Refusal) -> Denial {
    let reply = match dialect {
        Some(dialect) => Reply::of(dialect, refusal.reason),
        None => policy.reply(refusal.reason),
    };
    Denial { refusal, dialect: dialect.map(|dialect| Arc::clone(dialect.name())), reply, nonce: None }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("registry", &self.directory.version()).finish_non_exhaustive()
    }
}
