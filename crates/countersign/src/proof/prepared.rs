//! A proof beside the keys that may have made it: which to try, the check that stands ready, and the rules after it.
use crate::ask::{Caller, Keys, KnownKey};
use crate::decoy;
use crate::dialect::{By, Dialect, Find, Form};
use crate::dpop;
use crate::incoming::Incoming;
use crate::permission::permit;
use crate::proof::attempts::{Attempt, Attempts};
use crate::proof::coverage::{beside, of_this_request};
use crate::proof::found::Proof;
use crate::proof::pending::{Bound, Checked, Pending};
use crate::reason::{Reason, Refusal, Stage};
use crate::rule::{self, Scene};
use crate::time::Time;
use crate::trace::{Step, Trace};
use crate::verified::{Covered, Verified};
use countersign_keys::{Algorithm, Candidate, Job, KeyKind, Outcome, PublicKey};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// A proof with the keys that may have made it: one check of a signature stands ready.
#[derive(Debug)]
pub struct Prepared<'s> {
    proof: Proof<'s>,
    keys: Keys,
    attempts: Attempts,
    at: usize,
    /// Empty but for RSA over a text with several spellings.
    candidates: Vec<Candidate<'s>>,
    /// Known before the signature is checked; told only after it was.
    standing: Option<Reason>,
}

/// After a check.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is moved once and dropped; a box would cost more"
)]
pub enum Finish<'s> {
    /// It did not hold under this key or text; another may.
    Next(Prepared<'s>),
    /// It held, and so did the rules.
    Checked(Checked),
}

impl<'s> Proof<'s> {
    /// Takes the keys and makes the first check ready. There always is one: the unknown cost what the known cost.
    #[must_use]
    pub fn prepare(self, keys: Keys, now: Time, trace: &mut impl Trace) -> Prepared<'s> {
        let (chosen, standing) = self.choose(&keys, now);
        trace.step(|| {
            let found = match &keys.caller {
                Some(caller) => format!("account {} with {}", caller.name, counted(keys.keys.len())),
                None => "no account".to_owned(),
            };
            Step::new(Stage::Keys, "keys of the caller", "a live key of an enabled account", found, standing)
        });
        let known = chosen.iter().filter_map(|index| Some((*index, keys.keys.get(*index)?)));
        let (attempts, fits) = self.attempts(known, self.decoys(&keys));
        let standing = standing.or(if fits { None } else { Some(Reason::KeyNotForDialect) });
        let mut prepared = Prepared { proof: self, keys, attempts, at: 0, candidates: Vec::new(), standing };
        prepared.ready();
        prepared
    }

    /// Which keys to try, in order, and what is already known to be wrong.
    fn choose(&self, keys: &Keys, now: Time) -> (SmallVec<[usize; 8]>, Option<Reason>) {
        let by_session = matches!(self.dialect.who.by, By::Session { .. });
        let Some(caller) = &keys.caller else {
            let unknown = if by_session { Reason::SessionUnknown } else { Reason::UnknownAccount };
            return (SmallVec::new(), Some(unknown));
        };
        let fits = |key: &KnownKey| by_session || key.serves(&self.dialect.name);
        let most = self.limits.keys;
        let all = || keys.keys.iter().enumerate().filter(|(_, key)| fits(key));
        let live: SmallVec<[usize; 8]> =
            all().filter(|(_, key)| key.life.is_live(now)).map(|(at, _)| at).collect();
        let hinted: SmallVec<[usize; 8]> = match self.facts.kid.as_deref() {
            Some(kid) => {
                let matches = |at: &usize| keys.keys.get(*at).is_some_and(|key| names(key, kid));
                live.iter().copied().filter(matches).collect()
            }
            None => SmallVec::new(),
        };
        let mut standing = if caller.enabled { None } else { Some(Reason::AccountDisabled) };
        if hinted.is_empty() && self.facts.kid.is_some() {
            if keys.kid_elsewhere {
                standing = standing.or(Some(Reason::KeyElsewhere));
            } else if self.dialect.kid_strict || by_session {
                standing = standing.or(Some(Reason::KeyHintUnknown));
            }
        }
        let mut chosen = if hinted.is_empty() { live } else { hinted };
        if chosen.is_empty() {
            // Checked with a dead key, so that its owner learns that the key is dead, and strangers nothing.
            chosen = all().map(|(at, _)| at).collect();
            if !chosen.is_empty() {
                standing = standing.or(Some(Reason::KeyNotLive));
            }
        }
        chosen.truncate(most);
        (chosen, standing)
    }
}

/// Whether a hint names a key: by label, id or any fingerprint spelling.
fn names(key: &KnownKey, kid: &str) -> bool {
    *key.id == *kid || (!key.label.is_empty() && *key.label == *kid) || key.fingerprints().matches_kid(kid)
}

impl<'s> Prepared<'s> {
    fn attempt(&self) -> Attempt {
        // There always is one: `prepare` puts decoys where there are no keys.
        self.attempts.get(self.at).copied().unwrap_or(Attempt {
            key: None,
            kind: KeyKind::Ed25519,
            algorithm: Algorithm::Ed25519,
            text: Some(0),
        })
    }

    fn known(&self) -> Option<&Arc<KnownKey>> {
        self.attempt().key.and_then(|index| self.keys.keys.get(index))
    }

    fn public(&self) -> &PublicKey {
        match self.known() {
            Some(known) => known.key(),
            None => decoy::key(self.attempt().kind),
        }
    }

    /// Lays out the spellings for the attempt at hand, where one operation checks them all.
    fn ready(&mut self) {
        self.candidates.clear();
        let attempt = self.attempt();
        if attempt.text.is_some() {
            return;
        }
        let known = self.known().cloned();
        let allows = |algorithm: Algorithm| known.as_ref().is_none_or(|known| known.allows(algorithm));
        let together = |found: &Algorithm| found.is_pkcs1() && allows(*found);
        for algorithm in self.proof.dialect.algorithms.iter().copied().filter(together) {
            for bytes in self.proof.texts.iter().copied() {
                self.candidates.push(Candidate { algorithm, bytes });
            }
        }
    }

    /// The account that the proof names, where there is one: nobody proved it yet.
    #[must_use]
    pub fn claimed(&self) -> Option<&Arc<Caller>> {
        self.keys.caller.as_ref()
    }

    /// The check to run.
    #[must_use]
    pub fn job(&self) -> Job<'_> {
        let attempt = self.attempt();
        match attempt.text {
            Some(text) => {
                let message = self.proof.texts.get(text).copied().unwrap_or(&[]);
                Job::new(self.public(), attempt.algorithm, message, self.proof.signature)
            }
            None => Job::any_of(self.public(), attempt.algorithm, &self.candidates, self.proof.signature),
        }
    }

    /// Until when the check at hand may be answered by one that was made before. Only for a token that may come again, that says when
    /// it ends, and about whose maker nothing is known to be wrong: everybody else pays for a check of his own, so that its cost tells
    /// nobody whether the signature held. Nothing but the check is ever spared: rules and limits are judged anew.
    #[must_use]
    pub fn comes_again(&self, now: Time) -> Option<Time> {
        let Proof { dialect, facts, .. } = &self.proof;
        let wrong = self.standing.is_some() || self.attempt().key.is_none();
        if wrong || dialect.covered.once || !matches!(dialect.form, Form::Jws) {
            return None;
        }
        let until = rule::valid_until(&dialect.rules, facts).filter(|until| now < *until)?;
        rule::identity_holds(&dialect.rules, &Scene { facts, keys: &self.keys, key: None, now })
            .then_some(until)
    }

    /// The proof at hand.
    #[must_use]
    pub fn proof(&self) -> &Proof<'s> {
        &self.proof
    }

    /// Takes the outcome of [`Prepared::job`]; when the signature holds, judges the rules, then what key and account may do.
    ///
    /// # Errors
    /// [`Refusal`] with a reason of the keys, the signature, the rules or the policy.
    pub fn finish(
        mut self,
        outcome: &Outcome,
        now: Time,
        trace: &mut impl Trace,
    ) -> Result<Finish<'s>, Refusal> {
        let accepted = outcome.accepted(self.proof.signature);
        let attempt = self.attempt();
        let (Ok(accepted), Some(key)) = (accepted, self.known().cloned()) else {
            if self.at + 1 < self.attempts.len() {
                self.at += 1;
                self.ready();
                return Ok(Finish::Next(self));
            }
            let reason = self.standing.unwrap_or(Reason::BadSignature);
            trace.step(|| {
                let tried = self.attempts.iter().filter(|attempt| attempt.key.is_some()).count();
                let what = format!("signature under {}", counted(tried));
                Step::new(Stage::Signature, what, "a signature that holds", "none holds", Some(reason))
            });
            return Err(Refusal::new(reason, Stage::Signature));
        };
        if let Some(reason) = self.standing {
            trace.step(|| {
                Step::new(Stage::Signature, "signature", "a usable key", "the signature holds", Some(reason))
            });
            return Err(Refusal::new(reason, Stage::Keys));
        }
        let algorithm = match attempt.text {
            Some(_) => attempt.algorithm,
            None => {
                self.candidates.get(accepted.candidate).map_or(attempt.algorithm, |found| found.algorithm)
            }
        };
        trace.step(|| {
            let found = format!("it holds under key {} ({})", key.id, algorithm.name());
            Step::new(Stage::Signature, "signature", "a signature that holds", found, None)
        });
        self.rules(key, algorithm, now, trace)
    }

    fn rules(
        self,
        key: Arc<KnownKey>,
        algorithm: Algorithm,
        now: Time,
        trace: &mut impl Trace,
    ) -> Result<Finish<'s>, Refusal> {
        let proof = self.proof;
        let Some(caller) = self.keys.caller.clone() else {
            return Err(Refusal::new(Reason::UnknownAccount, Stage::Keys));
        };
        let own = of_this_request(&proof, trace).map_err(|reason| Refusal::new(reason, Stage::Rules))?;
        let scene = Scene { facts: &proof.facts, keys: &self.keys, key: Some(&key), now };
        let claim = rule::judge_all(
            &proof.dialect.rules,
            &proof.dialect.names,
            &proof.dialect.name,
            &caller.id,
            &scene,
            trace,
        )
        .map_err(|reason| Refusal::new(reason, Stage::Rules))?;
        // Our own keys sign a session's tokens; what the caller's key was narrowed to must not end there.
        let limits = self.keys.opened_by.iter().chain([&key]).map(|key| &key.limits);
        let permitted = permit(&caller, limits, proof.facts.incoming);
        trace.step(|| {
            let wanted = "method, path and network that key and account may use";
            let found = format!("{} {}", proof.facts.incoming.method, proof.facts.incoming.target.path);
            Step::new(Stage::Policy, "what the key may do", wanted, found, permitted.err())
        });
        permitted.map_err(|reason| Refusal::new(reason, Stage::Policy))?;
        let bound_to = match &proof.dialect.who.by {
            By::Session { .. } => self.keys.bound_to.clone(),
            By::Namespace(_) | By::Key => None,
        };
        let scheme = scheme(proof.dialect, proof.facts.incoming, bound_to.is_some());
        if let Err(reason) = scheme {
            trace.step(|| {
                let wanted = if bound_to.is_some() { "the scheme DPoP" } else { "the scheme Bearer" };
                Step::new(Stage::Policy, "what stands before the token", wanted, "another one", Some(reason))
            });
            return Err(Refusal::new(reason, Stage::Policy));
        }
        let until = match claim {
            // What is bound is no proof without the one beside it, which works once.
            None if bound_to.is_none() && matches!(proof.dialect.form, Form::Jws) => {
                rule::valid_until(&proof.dialect.rules, &proof.facts)
            }
            _ => None,
        };
        let holder = match &proof.dialect.who.by {
            By::Session { identifier } => Some(proof.facts.value(identifier).text().unwrap_or("").to_owned()),
            By::Namespace(_) | By::Key => None,
        };
        let verified = Box::new(Verified {
            caller,
            key,
            dialect: Arc::clone(&proof.dialect.name),
            named: proof.named.into_owned(),
            part: proof.identifier,
            holder,
            acting_as: proof.acting_as.map(Cow::into_owned),
            algorithm,
            at: now,
            until,
            covered: beside(Covered { once: own.once || claim.is_some(), ..own }, bound_to.is_some()),
        });
        Ok(Finish::Checked(match (claim, bound_to) {
            (None, None) => Checked::Done(verified),
            (None, Some(jkt)) => Checked::Bound(Bound { verified, jkt }),
            (Some(claim), None) => Checked::Once(Pending { verified, claim }),
            // No dialect of sessions has tokens that work once; one that had would not be let off its proof.
            (Some(_), Some(_)) => return Err(Refusal::new(Reason::WrongTokenScheme, Stage::Policy)),
        }))
    }
}

/// Whether a token stands behind the scheme that its binding wants (RFC 9449 section 7.1): one that is bound behind `DPoP`, so that
/// no part of a server that knows bearers alone takes it for one, and one that is not behind any other.
fn scheme(dialect: &Dialect, incoming: &Incoming<'_>, bound: bool) -> Result<(), Reason> {
    let Find::Header { name, .. } = &dialect.find else { return Ok(()) };
    if *name != http::header::AUTHORIZATION {
        return if bound { Err(Reason::WrongTokenScheme) } else { Ok(()) };
    }
    let dpop = matches!(dpop::credential(incoming), Some((_, dpop::Scheme::Dpop)));
    if dpop == bound { Ok(()) } else { Err(Reason::WrongTokenScheme) }
}

/// So many keys, in words.
fn counted(keys: usize) -> String {
    if keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") }
}
