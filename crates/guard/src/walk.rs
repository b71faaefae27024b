//! A judgement on its way from the request to the second question, without waiting wherever it can.
use crate::allowance::{Allowance, Unlimited};
use crate::guard::{Denial, Guard, Verdict, denial};
use crate::policy::{Found, Policy};
use crate::watch::{Part, Watch};
use countersign::ask::{KeyQuery, Keys, Who};
use countersign::dialect::Dialect;
use countersign::incoming::Incoming;
use countersign::proof::{Finish, Pending, Prepared, Proof};
use countersign::read::Scratch;
use countersign::reason::{Reason, Refusal, Stage};
use countersign::time::Time;
use countersign::trace::{Step, Trace};
use countersign::verified::Verified;
use countersign_keys::{Job, Outcome, Recalled, Remembered};
use countersign_store::fault::Fault;
use std::sync::Arc;

/// A judgement up to the second question.
pub(crate) enum Walked<'p> {
    Absent,
    Refused(Option<&'p Arc<Dialect>>, Refusal),
    Done(Box<Verified>),
    Once(&'p Arc<Dialect>, Pending),
}

/// How far a judgement came without waiting.
enum At<'p, 's> {
    /// To its end, or to the second question.
    Over(Walked<'p>),
    /// To the first question, which memory does not answer.
    Asks(&'p Arc<Dialect>, Box<Proof<'s>>),
    /// To a check that others are waited for.
    Checks(&'p Arc<Dialect>, Box<Prepared<'s>>),
}

impl Guard {
    /// Judges a request. A single-use proof is used up by this.
    ///
    /// # Errors
    /// [`Fault`] when a store failed: it answers 503 and lets nobody in.
    pub async fn judge(&self, policy: &Policy, incoming: &Incoming<'_>) -> Result<Verdict, Fault> {
        self.judge_within(policy, incoming, &Unlimited, None).await
    }

    /// The same, where every check of a signature that is not remembered is asked for first, and somebody may watch how long it takes.
    ///
    /// # Errors
    /// As [`Guard::judge`].
    pub async fn judge_within(
        &self,
        policy: &Policy,
        incoming: &Incoming<'_>,
        allowance: &dyn Allowance,
        watch: Option<&dyn Watch>,
    ) -> Result<Verdict, Fault> {
        let now = self.clock.now();
        let mut scratch = Scratch::default();
        let with = With { now, remembered: self.remembered.as_deref(), allowance, watch };
        let walked = self.walk(policy, incoming, with, &mut scratch, &mut ()).await?;
        Ok(match walked {
            Walked::Absent => Verdict::Absent(policy.reply(Reason::MissingCredentials)),
            Walked::Refused(dialect, refusal) => {
                let nonce = (refusal.reason == Reason::DpopNonce).then(|| self.fresh_nonce(now)).flatten();
                let nonce = nonce.map(String::into_boxed_str);
                Verdict::Refused(Denial { nonce, ..denial(policy, dialect, refusal) })
            }
            Walked::Done(verified) => self.admitted(verified, now),
            Walked::Once(dialect, pending) => {
                debug_assert!(pending.claim().since <= now, "nothing holds before it can have been used");
                // Read anew: a key set may have been fetched meanwhile, and a late reading looks like a step back.
                let claim = self.once.claim(pending.claim(), self.clock.now());
                let answer = with.watched(Part::Claim, claim).await?;
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

    /// The one loop, for yes/no and for explain. Nearly every request goes through without waiting for anything; what does wait is
    /// put into boxes first, so that the state of a request that does not is small: it is moved several times.
    pub(crate) async fn walk<'p, T: Trace + Send>(
        &self,
        policy: &'p Policy,
        incoming: &Incoming<'_>,
        with: With<'_>,
        scratch: &mut Scratch,
        trace: &mut T,
    ) -> Result<Walked<'p>, Fault> {
        let now = with.now;
        let mut at = self.begin(policy, incoming, with, scratch, trace);
        // Bounded by the attempts: at most `limits.keys` keys times the dialect's spellings.
        loop {
            at = match at {
                At::Over(walked) => return Ok(walked),
                At::Asks(dialect, proof) => {
                    let keys = Box::pin(with.watched(Part::Keys, self.keys(&proof.wants(), now))).await?;
                    self.go_on(policy, dialect, incoming, proof.prepare(keys, now, trace), with, trace)
                }
                At::Checks(dialect, prepared) => {
                    let check = with.watched(Part::Signature, self.check(&prepared, with));
                    let Ok(outcome) = Box::pin(check).await else {
                        return Ok(too_many(dialect, trace));
                    };
                    match prepared.finish(&outcome, now, trace) {
                        Ok(Finish::Next(next)) => self.go_on(policy, dialect, incoming, next, with, trace),
                        Ok(Finish::Checked(checked)) => {
                            At::Over(self.admit(policy, dialect, incoming, checked, with, trace))
                        }
                        Err(refusal) => At::Over(Walked::Refused(Some(dialect), refusal)),
                    }
                }
            };
        }
    }

    /// Goes as far as it can without waiting.
    fn begin<'p: 's, 's>(
        &self,
        policy: &'p Policy,
        incoming: &'s Incoming<'s>,
        with: With<'_>,
        scratch: &'s mut Scratch,
        trace: &mut impl Trace,
    ) -> At<'p, 's> {
        let dialect = match policy.find(incoming) {
            Found::None => return At::Over(Walked::Absent),
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
                return At::Over(Walked::Refused(None, refusal));
            }
            Found::One(dialect) => dialect,
        };
        let proof = match dialect.read(incoming, &policy.limits, scratch, trace) {
            Ok(Some(proof)) => proof,
            Ok(None) => return At::Over(Walked::Absent),
            Err(refusal) => return At::Over(Walked::Refused(Some(dialect), refusal)),
        };
        with.began(Part::Keys);
        match self.keys_in_memory(&proof.wants()) {
            Some(keys) => {
                with.ended();
                self.go_on(policy, dialect, incoming, proof.prepare(keys, with.now, trace), with, trace)
            }
            None => At::Asks(dialect, Box::new(proof)),
        }
    }

    /// Makes the checks that need no waiting, one after another.
    fn go_on<'p, 's>(
        &self,
        policy: &'p Policy,
        dialect: &'p Arc<Dialect>,
        incoming: &Incoming<'_>,
        mut prepared: Prepared<'s>,
        with: With<'_>,
        trace: &mut impl Trace,
    ) -> At<'p, 's> {
        // Bounded as the loop in `walk`.
        loop {
            with.began(Part::Signature);
            let checked = self.check_at_once(&prepared, with);
            // What cannot be told at once goes on in `walk`.
            if checked.is_some() {
                with.ended();
            }
            let outcome = match checked {
                Some(Ok(outcome)) => outcome,
                Some(Err(TooMany)) => return At::Over(too_many(dialect, trace)),
                None => return At::Checks(dialect, Box::new(prepared)),
            };
            match prepared.finish(&outcome, with.now, trace) {
                Ok(Finish::Next(next)) => prepared = next,
                Ok(Finish::Checked(checked)) => {
                    return At::Over(self.admit(policy, dialect, incoming, checked, with, trace));
                }
                Err(refusal) => return At::Over(Walked::Refused(Some(dialect), refusal)),
            }
        }
    }

    /// The check that stands ready, where nobody else has to be waited for.
    fn check_at_once(&self, prepared: &Prepared<'_>, with: With<'_>) -> Option<Result<Outcome, TooMany>> {
        if self.batcher.is_some() {
            return None;
        }
        let job = prepared.job();
        let Some((memory, until)) = with.memory(prepared) else {
            return Some(with.may_check(prepared).map(|()| countersign_keys::verify(&job)));
        };
        match memory.recall(&job) {
            Recalled::Held(outcome) => Some(Ok(outcome)),
            Recalled::Ours(turn) => {
                Some(with.may_check(prepared).map(|()| turn.check(&job, until.seconds(), with.now.seconds())))
            }
            Recalled::Theirs(_) => None,
        }
    }

    /// Runs the check that stands ready, unless it is remembered that it held.
    async fn check(&self, prepared: &Prepared<'_>, with: With<'_>) -> Result<Outcome, TooMany> {
        let job = prepared.job();
        let Some((memory, until)) = with.memory(prepared) else {
            with.may_check(prepared)?;
            return Ok(self.verify(&job).await);
        };
        let mut recalled = memory.recall(&job);
        if let Recalled::Theirs(wait) = recalled {
            wait.await;
            recalled = memory.recall(&job);
        }
        let now = with.now;
        Ok(match recalled {
            Recalled::Held(outcome) => outcome,
            Recalled::Ours(turn) => {
                with.may_check(prepared)?;
                match &self.batcher {
                    Some(batcher) => {
                        turn.keep(&job, batcher.verify(&job).await, until.seconds(), now.seconds())
                    }
                    None => turn.check(&job, until.seconds(), now.seconds()),
                }
            }
            // Nobody waits twice: when the other check did not hold, waiting in line would let one bad token stop many.
            Recalled::Theirs(_) => {
                with.may_check(prepared)?;
                self.verify(&job).await
            }
        })
    }

    /// The check itself: beside those of other requests, where they are gathered.
    async fn verify(&self, job: &Job<'_>) -> Outcome {
        match &self.batcher {
            Some(batcher) => batcher.verify(job).await,
            None => countersign_keys::verify(job),
        }
    }

    /// Answers the first question where memory does: not for sessions, not for accounts with a key set of their own, and not where
    /// somebody else keeps the accounts.
    fn keys_in_memory(&self, query: &KeyQuery<'_>) -> Option<Keys> {
        if self.source.is_some() || matches!(query.who, Who::Session(_)) {
            return None;
        }
        let mut keys = self.directory.answer(query);
        keys.decoys = self.decoys;
        if self.jwks.is_some()
            && let Some(caller) = &keys.caller
            && self.directory.jwks_url(&caller.id).is_some()
        {
            return None;
        }
        Some(keys)
    }

    /// Answers the first question.
    pub(crate) async fn keys(&self, query: &KeyQuery<'_>, now: Time) -> Result<Keys, Fault> {
        if let Who::Session(id) = query.who {
            return self.session_keys(id, now).await;
        }
        if let Some(source) = &self.source {
            return Ok(Keys { decoys: self.decoys, ..source.answer(query).await? });
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
}

/// What a judgement goes by beside the request and the policy.
#[derive(Clone, Copy)]
pub(crate) struct With<'w> {
    pub(crate) now: Time,
    /// Checks that held before; none for a second opinion.
    pub(crate) remembered: Option<&'w Remembered>,
    pub(crate) allowance: &'w dyn Allowance,
    pub(crate) watch: Option<&'w dyn Watch>,
}

impl<'w> With<'w> {
    fn began(&self, part: Part) {
        if let Some(watch) = self.watch {
            watch.began(part);
        }
    }

    fn ended(&self) {
        if let Some(watch) = self.watch {
            watch.ended();
        }
    }

    async fn watched<T>(&self, part: Part, doing: impl Future<Output = T>) -> T {
        self.began(part);
        let done = doing.await;
        self.ended();
        done
    }

    /// The memory that may know the check, and until when it may.
    fn memory(&self, prepared: &Prepared<'_>) -> Option<(&'w Remembered, Time)> {
        self.remembered.and_then(|memory| Some((memory, prepared.comes_again(self.now)?)))
    }

    fn may_check(&self, prepared: &Prepared<'_>) -> Result<(), TooMany> {
        let claimed = prepared.claimed().map(|caller| &*caller.id);
        if self.allowance.may_check(claimed) { Ok(()) } else { Err(TooMany) }
    }
}

/// No check is made now.
struct TooMany;

/// The end of a judgement that came to a check which may not be made.
fn too_many<'p>(dialect: &'p Arc<Dialect>, trace: &mut impl Trace) -> Walked<'p> {
    let refusal = Refusal::new(Reason::TooManyFailures, Stage::Signature);
    trace.step(|| {
        let wanted = "an address from which few proofs failed";
        Step::new(Stage::Signature, "the check", wanted, "one with many", Some(refusal.reason))
    });
    Walked::Refused(Some(dialect), refusal)
}
