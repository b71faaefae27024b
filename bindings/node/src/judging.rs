//! One judgement on its way: goes on until it needs an answer of the program, and once more when that is there.
use crate::asking::{Question, Said, Slot};
use crate::latin1::borrowed;
use crate::outcome::Outcome;
use crate::request::Request;
use countersign_embedded::Fault;
use countersign_embedded::arrived::Arrived;
use countersign_embedded::held_key::HeldKey;
use countersign_embedded::holders::Holder;
use countersign_embedded::judgement::Judgement;
use countersign_embedded::verifying::Verifying;
use napi::bindgen_prelude::{AsyncTask, Either, Task};
use napi::{Env, Error, Result};
use napi_derive::napi;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

type Judged = Pin<Box<dyn Future<Output = std::result::Result<Judgement, Fault>> + Send>>;

/// A judgement that waits for answers of the program.
#[napi]
pub struct Judging(Arc<Way>);

struct Way {
    slot: Arc<Slot>,
    /// Nothing once it has ended.
    judged: Mutex<Option<Judged>>,
}

/// How far a judgement came: to its end, or to a question.
#[napi(object, object_from_js = false)]
pub struct Step {
    /// Its end.
    pub outcome: Option<Outcome>,
    /// Who has which keys?
    pub keys: Option<KeysWanted>,
    /// Is this the first use?
    pub claim: Option<ClaimWanted>,
}

/// Whom a proof names.
#[napi(object, object_from_js = false)]
pub struct KeysWanted {
    /// The dialect.
    pub dialect: String,
    /// What kind of name it is.
    pub namespace: Option<String>,
    /// The name.
    pub identifier: String,
    /// The hint at a key.
    pub kid: Option<String>,
}

/// What is used.
#[napi(object, object_from_js = false)]
pub struct ClaimWanted {
    /// What tells this use from any other, in hex.
    pub digest: String,
    /// Until when it has to be remembered, Unix seconds.
    pub expires: i64,
}

/// Somebody with keys, as the program tells it.
#[napi(object, object_to_js = false)]
pub struct HolderParts {
    /// The account's name.
    pub account: String,
    /// What stays the same when the name changes.
    pub id: Option<String>,
    /// Whether it is switched off.
    pub disabled: Option<bool>,
    /// Its organisation.
    pub organisation: Option<String>,
    /// Its keys.
    pub keys: Vec<KeyParts>,
    /// Users it may act for.
    pub acts_as: Option<Vec<String>>,
    /// Digests of its companion keys.
    pub companions: Option<Vec<String>>,
    /// Paths it may use.
    pub paths: Option<Vec<String>>,
}

/// A public key with its conditions.
#[napi(object, object_to_js = false)]
pub struct KeyParts {
    /// The key in any spelling.
    pub public_key: String,
    /// What its owner calls it.
    pub label: Option<String>,
    /// Algorithms it is narrowed to.
    pub algorithms: Option<Vec<String>>,
    /// From when it no longer counts, Unix seconds.
    pub expires: Option<i64>,
}

#[napi]
impl Judging {
    /// Reads the proof on another thread, for requests with a body: its digest takes a while.
    #[napi]
    pub fn begin(&self) -> AsyncTask<Going> {
        AsyncTask::new(Going(Arc::clone(&self.0)))
    }

    /// Reads the proof here: some microseconds.
    ///
    /// # Errors
    /// When it cannot be judged.
    #[napi]
    pub fn begin_here(&self) -> Result<Step> {
        self.0.go_on()
    }

    /// Goes on with the keys, `null` for nobody's, on another thread: keys are read and a signature is checked.
    ///
    /// # Errors
    /// When no keys were asked for.
    #[napi]
    pub fn keys(&self, holder: Either<HolderParts, napi::bindgen_prelude::Null>) -> Result<AsyncTask<Going>> {
        let holder = match holder {
            Either::A(parts) => Some(Holder::from(parts)),
            Either::B(_) => None,
        };
        self.0.say(Said::Keys(Ok(holder)))?;
        Ok(AsyncTask::new(Going(Arc::clone(&self.0))))
    }

    /// Goes on knowing whether this was the first use: all that was left to know.
    ///
    /// # Errors
    /// When that was not asked, or it cannot be judged.
    #[napi]
    pub fn claimed(&self, first: bool) -> Result<Step> {
        self.0.say(Said::Claim(Ok(first)))?;
        self.0.go_on()
    }
}

impl Judging {
    pub(crate) fn new(verifying: Arc<Verifying>, request: Request) -> Self {
        let judged = async move {
            let headers = borrowed(&request.headers);
            let arrived = Arrived {
                method: &request.method,
                target: request.target.as_deref(),
                headers: &headers,
                body: request.body.as_deref(),
                client: request.client,
            };
            verifying.judge(&arrived).await
        };
        Self(Arc::new(Way { slot: Arc::default(), judged: Mutex::new(Some(Box::pin(judged))) }))
    }
}

impl Way {
    fn say(&self, said: Said) -> Result<()> {
        if self.slot.say(said) { Ok(()) } else { Err(Error::from_reason("that was not asked")) }
    }

    fn go_on(&self) -> Result<Step> {
        let mut at = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(judged) = at.as_mut() else {
            return Err(Error::from_reason("the judgement has ended"));
        };
        // Nobody needs to be woken: a verifier that is opened by programs waits for their answers and for nothing else.
        let mut context = Context::from_waker(Waker::noop());
        let polled = self.slot.during(|| judged.as_mut().poll(&mut context));
        match polled {
            Poll::Ready(ended) => {
                *at = None;
                let judgement = ended.map_err(|fault| Error::from_reason(fault.to_string()))?;
                let mut outcome = Outcome::of(judgement);
                outcome.problem = self.slot.problem();
                Ok(Step { outcome: Some(outcome), keys: None, claim: None })
            }
            Poll::Pending => match self.slot.open() {
                Some(question) => Ok(Step::of(question)),
                None => Err(Error::from_reason("the judgement waits for what nobody brings")),
            },
        }
    }
}

impl Step {
    fn of(question: Question) -> Self {
        match question {
            Question::Keys { dialect, namespace, identifier, kid } => Self {
                outcome: None,
                keys: Some(KeysWanted { dialect, namespace, identifier, kid }),
                claim: None,
            },
            Question::Claim { digest, expires } => {
                let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                Self { outcome: None, keys: None, claim: Some(ClaimWanted { digest, expires }) }
            }
        }
    }
}

impl From<HolderParts> for Holder {
    fn from(parts: HolderParts) -> Self {
        let key = |key: KeyParts| HeldKey {
            public: key.public_key,
            label: key.label.unwrap_or_default(),
            algorithms: key.algorithms.unwrap_or_default(),
            expires: key.expires,
        };
        Self {
            account: parts.account,
            id: parts.id.unwrap_or_default(),
            disabled: parts.disabled.unwrap_or_default(),
            organisation: parts.organisation,
            keys: parts.keys.into_iter().map(key).collect(),
            acts_as: parts.acts_as.unwrap_or_default(),
            companions: parts.companions.unwrap_or_default(),
            paths: parts.paths.unwrap_or_default(),
        }
    }
}

/// One stretch of a judgement, on a thread of libuv's.
pub struct Going(Arc<Way>);

/// How far it came there. Only the event loop makes objects of Node's.
impl Task for Going {
    type Output = Step;
    type JsValue = Step;

    fn compute(&mut self) -> Result<Step> {
        self.0.go_on()
    }

    fn resolve(&mut self, _: Env, step: Step) -> Result<Step> {
        Ok(step)
    }
}
