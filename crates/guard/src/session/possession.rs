//! Proof that a caller has a key: its signature over a code that was opened, judged as the dialect's file says.
use crate::session::body::Answer;
use crate::session::reply::{No, Stop};
use crate::session::{Asked, SessionApi};
use countersign::ask::{Caller, KeyQuery, Keys, KnownKey, Use};
use countersign::incoming::{Answered, Body, Limits};
use countersign::life::challenge::{self, NotOpened, Opened, Purpose};
use countersign::life::key::KeyLife;
use countersign::proof::{Checked, Finish};
use countersign::read::Scratch;
use countersign::reason::{Reason, Refusal, Stage};
use countersign::time::Time;
use countersign::verified::Verified;
use countersign_keys::{CompactKey, PublicKey};
use serde::Serialize;
use smallvec::smallvec;
use std::sync::Arc;

/// The body that the dialect reads: the parts that were checked, and nothing else of what was sent.
#[derive(Serialize)]
pub(super) struct Proof<'a> {
    #[serde(rename = "userId")]
    pub(super) user: &'a str,
    #[serde(rename = "authCode")]
    pub(super) code: &'a str,
    pub(super) signature: &'a str,
}

impl SessionApi {
    /// Opens a code for one of the purposes.
    pub(crate) fn open(&self, code: &str, user: &str, purposes: &[Purpose], now: Time) -> Result<Opened, No> {
        let life = self.settings.challenge_life;
        let mut reason = Reason::UnknownChallenge;
        for purpose in purposes {
            match self.challenges.open(code, user, *purpose, now, life) {
                Ok(opened) => return Ok(opened),
                Err(NotOpened::Expired) => reason = Reason::ChallengeExpired,
                Err(NotOpened::Unknown) => {}
            }
        }
        Err(No::refused(reason))
    }

    /// Uses a code up, whatever follows. It was opened for the user who answers, so nobody uses up another's.
    pub(crate) async fn use_up(&self, code: &str, opened: &Opened, now: Time) -> Result<(), Stop> {
        let claim = challenge::claim(code, opened.issued, opened.until);
        match self.once.claim(claim, now).await? {
            Use::First => Ok(()),
            Use::Again => Err(No::refused(Reason::Replayed).into()),
            Use::Barred => Err(No::refused(Reason::BeforeRestart).into()),
        }
    }

    /// Judges an answer whose code was used up for it. `keys` says whose keys count.
    pub(crate) fn prove(
        &self,
        asked: &Asked<'_>,
        user: &str,
        answer: &Answer<'_>,
        opened: &Opened,
        keys: impl FnOnce(&KeyQuery<'_>) -> Keys,
    ) -> Result<Box<Verified>, No> {
        let proof = Proof { user, code: answer.code, signature: answer.signature };
        let body = serde_json::to_vec(&proof).map_err(|_| No::refused(Reason::MalformedJson))?;
        let challenge =
            Answered { prefix: opened.prefix.as_deref(), issued: opened.issued, until: opened.until };
        let incoming = asked.incoming(Body::Seen(&body), Some(challenge));
        let mut scratch = Scratch::default();
        let judged = (|| {
            let proof = self.dialect.read(&incoming, &Limits::default(), &mut scratch, &mut ())?;
            let proof = proof.ok_or(Refusal::new(Reason::MissingCredentials, Stage::Read))?;
            let keys = keys(&proof.wants());
            let mut prepared = proof.prepare(keys, asked.now, &mut ());
            // Bounded by the attempts: one key, with and without the prefix.
            let checked = loop {
                let outcome = countersign_keys::verify(&prepared.job());
                match prepared.finish(&outcome, asked.now, &mut ())? {
                    Finish::Next(next) => prepared = next,
                    Finish::Checked(checked) => break checked,
                }
            };
            match checked {
                Checked::Done(verified) => Ok(verified),
                // The first use was claimed before, for the failures as well.
                Checked::Once(pending) => pending.settle(Use::First, &mut ()),
                // Proofs that open sessions are by an account's own keys, and bound to nothing else.
                Checked::Bound(_) => Err(Refusal::new(Reason::MissingDpop, Stage::Policy)),
            }
        })();
        judged.map_err(|refusal: Refusal| No::refused(refusal.reason))
    }
}

/// Whether a registered key is the one that was sent.
pub(crate) fn is_same(known: &CompactKey, sent: &[u8; 32]) -> bool {
    known.ed25519_bytes().is_some_and(|own| own == *sent)
}

/// Keys of a caller that count for one proof alone: the key that was sent, which nobody registered yet.
pub(crate) fn provisional(caller: Arc<Caller>, key: &PublicKey, dialect: &str) -> Keys {
    let mut known = KnownKey::new("", "", KeyLife::ACTIVE, CompactKey::from(key));
    known.dialects = Box::new([dialect.into()]);
    Keys { caller: Some(caller), keys: smallvec![Arc::new(known)], ..Keys::default() }
}
