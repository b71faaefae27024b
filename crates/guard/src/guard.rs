//! The shell around the core: asks the stores its two questions and runs the checks.
use crate::batch::Batcher;
use crate::clock::Clock;
use crate::jwks::Jwks;
use crate::policy::{Found, Policy, Reply};
use crate::signing::SigningKeys;
use countersign::ask::{Decoys, KeyQuery, Keys, Standing, Use, Who};
use countersign::dialect::Dialect;
use countersign::incoming::Incoming;
use countersign::proof::{Checked, Finish, Pending, Prepared};
use countersign::read::Scratch;
use countersign::reason::{Reason, Refusal, Stage};
use countersign::time::Time;
use countersign::trace::{Step, Trace};
use countersign::verified::Verified;
use countersign_keys::{Job, Outcome, Recalled, Remembered};
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
    signing: Option<Arc<SigningKeys>>,
    jwks: Option<Arc<Jwks>>,
    remembered: Option<Arc<Remembered>>,
    batcher: Option<Arc<Batcher>>,
    decoys: Option<Decoys>,
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
}

/// A judgement up to the second question.
pub(crate) enum Walked<'p> {
    Absent,
    Refused(Option<&'p Arc<Dialect>>, Refusal),
    Done(Box<Verified>),
    Once(&'p Arc<Dialect>, Pending),
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
            remembered: None,
            batcher: None,
            decoys: None,
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

    /// Judges a request. A single-use proof is used up by this.
    ///
    /// # Errors
    /// [`Fault`] when a store failed: it answers 503 and lets nobody in.
    pub async fn judge(&self, policy: &Policy, incoming: &Incoming<'_>) -> Result<Verdict, Fault> {
        let now = self.clock.now();
        let mut scratch = Scratch::default();
        let walked =
            self.walk(policy, incoming, now, &mut scratch, self.remembered.as_deref(), &mut ()).await?;
        Ok(match walked {
            Walked::Absent => Verdict::Absent(policy.reply(Reason::MissingCredentials)),
            Walked::Refused(dialect, refusal) => Verdict::Refused(denial(policy, dialect, refusal)),
            Walked::Done(verified) => self.admitted(verified, now),
            Walked::Once(dialect, pending) => {
                // Read anew: a key set may have been fetched meanwhile, and a late reading looks like a step back.
                let answer = self.once.claim(pending.claim(), self.clock.now()).await?;
                match pending.settle(answer, &mut ()) {
                    Ok(verified) => self.admitted(verified, now),
                    Err(refusal) => Verdict::Refused(denial(policy, Some(dialect), refusal)),
                }
            }
        })
    }

    fn admitted(&self, verified: Box<Verified>, now: Time) -> Verdict {
        verified.key().touch(now);
        Verdict::Verified(verified)
    }

    /// The one loop, for yes/no and for explain.
    pub(crate) async fn walk<'p, T: Trace + Send>(
        &self,
        policy: &'p Policy,
        incoming: &Incoming<'_>,
        now: Time,
        scratch: &mut Scratch,
        remembered: Option<&Remembered>,
        trace: &mut T,
    ) -> Result<Walked<'p>, Fault> {
        let dialect = match policy.find(incoming) {
            Found::None => return Ok(Walked::Absent),
            Found::Several => {
                let refusal = Refusal::new(Reason::AmbiguousCredentials, Stage::Read);
                trace.step(|| {
                    let wanted = "a proof of one dialect";
                    Step::new(
                        Stage::Read,
                        "the credential",
                        wanted,
                        "proofs of several",
                        Some(refusal.reason),
                    )
                });
                return Ok(Walked::Refused(None, refusal));
            }
            Found::One(dialect) => dialect,
        };
        let proof = match dialect.read(incoming, &policy.limits, scratch, trace) {
            Ok(Some(proof)) => proof,
            Ok(None) => return Ok(Walked::Absent),
            Err(refusal) => return Ok(Walked::Refused(Some(dialect), refusal)),
        };
        let keys = self.keys(&proof.wants(), now).await?;
        let mut prepared = proof.prepare(keys, now, trace);
        // Bounded by the attempts: at most `limits.keys` keys times the dialect's spellings.
        let checked = loop {
            let outcome = self.check(&prepared, remembered, now).await;
            match prepared.finish(&outcome, now, trace) {
                Ok(Finish::Next(next)) => prepared = next,
                Ok(Finish::Checked(checked)) => break checked,
                Err(refusal) => return Ok(Walked::Refused(Some(dialect), refusal)),
            }
        };
        let caller = match &checked {
            Checked::Done(verified) => verified.caller(),
            Checked::Once(pending) => pending.caller(),
        };
        // Before the claim: who is not let in uses nothing up.
        if !policy.admits(caller) {
            let refusal = Refusal::new(Reason::NotAdmitted, Stage::Policy);
            trace.step(|| {
                let found = format!("account {}", caller.name);
                Step::new(Stage::Policy, "the route", "an account it admits", found, Some(refusal.reason))
            });
            return Ok(Walked::Refused(Some(dialect), refusal));
        }
        if let Some(lacking) = Policy::lacking(&policy.require, &dialect.covered()) {
            let refusal = Refusal::new(Reason::NotCovered, Stage::Policy);
            trace.step(|| {
                let found = format!("a dialect that does not bind {lacking}");
                Step::new(Stage::Policy, "the route", "all it requires", found, Some(refusal.reason))
            });
            return Ok(Walked::Refused(Some(dialect), refusal));
        }
        Ok(match checked {
            Checked::Done(verified) => Walked::Done(verified),
            Checked::Once(pending) => Walked::Once(dialect, pending),
        })
    }

    /// Runs the check that stands ready, unless it is remembered that it held.
    async fn check(&self, prepared: &Prepared<'_>, remembered: Option<&Remembered>, now: Time) -> Outcome {
        let job = prepared.job();
        let Some((memory, until)) = remembered.and_then(|memory| Some((memory, prepared.comes_again(now)?)))
        else {
            return self.verify(&job).await;
        };
        let mut recalled = memory.recall(&job);
        if let Recalled::Theirs(wait) = recalled {
            wait.await;
            recalled = memory.recall(&job);
        }
        match recalled {
            Recalled::Held(outcome) => outcome,
            Recalled::Ours(turn) => {
                let outcome = self.verify(&job).await;
                turn.keep(&job, outcome, until.seconds(), now.seconds())
            }
            // Nobody waits twice: when the other check did not hold, waiting in line would let one bad token stop many.
            Recalled::Theirs(_) => self.verify(&job).await,
        }
    }

    /// The check itself: beside those of other requests, where they are gathered.
    async fn verify(&self, job: &Job<'_>) -> Outcome {
        match &self.batcher {
            Some(batcher) => batcher.verify(job).await,
            None => countersign_keys::verify(job),
        }
    }

    /// Answers the first question.
    async fn keys(&self, query: &KeyQuery<'_>, now: Time) -> Result<Keys, Fault> {
        if let Who::Session(id) = query.who {
            return self.session_keys(id, now).await;
        }
        let mut keys = self.directory.answer(query);
        keys.decoys = self.decoys;
        if let (Some(jwks), Some(caller)) = (&self.jwks, &keys.caller)
            && let Some(url) = self.directory.jwks_url(&caller.id)
        {
            let fetched = jwks.keys(&caller.id, &url, query.dialect, query.kid, now).await;
            // What the account's own document lists is its own, whoever else registered it.
            keys.kid_elsewhere &= fetched.is_empty();
            keys.keys.extend(fetched);
        }
        Ok(keys)
    }

    async fn session_keys(&self, id: &str, now: Time) -> Result<Keys, Fault> {
        let Some(session) = self.sessions.get(id).await? else { return Ok(Keys::default()) };
        let caller = self.directory.caller(&session.account);
        let opened_by = caller.as_ref().and_then(|caller| caller.key(&session.key)).cloned();
        Ok(Keys {
            caller,
            opened_by,
            keys: self.signing.as_ref().map(|signing| signing.known()).unwrap_or_default(),
            session: self.directory.standing(&session, now),
            ..Keys::default()
        })
    }

    /// Whether a session's tokens count now; for surfaces that hold the session already.
    #[must_use]
    pub fn standing(&self, session: &countersign::life::session::Session, now: Time) -> Standing {
        self.directory.standing(session, now)
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
    Denial { refusal, dialect: dialect.map(|dialect| Arc::clone(dialect.name())), reply }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("registry", &self.directory.version()).finish_non_exhaustive()
    }
}
