//! What a judgement ended in, in Node's types.
use countersign_embedded::judgement::{Answered, Judgement, Recognised, Refused};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

/// Who was verified, or a refusal; never both.
#[napi(object, object_from_js = false)]
pub struct Outcome {
    /// Who it is.
    pub verified: Option<Verified>,
    /// Why not.
    pub refused: Option<Refusal>,
    /// What is wrong with the account's keys, for whoever looks after them.
    pub problem: Option<String>,
}

/// Who sent a request.
#[napi(object, object_from_js = false)]
pub struct Verified {
    /// The account's name.
    pub account: String,
    /// The account's id.
    pub account_id: String,
    /// Its organisation.
    pub organisation: Option<String>,
    /// The name that the proof gave.
    pub identifier: String,
    /// The user it acts for.
    pub acting_as: Option<String>,
    /// The key's id.
    pub key_id: String,
    /// The key's label.
    pub key_label: String,
    /// The key's fingerprint.
    pub fingerprint: String,
    /// The dialect.
    pub dialect: String,
    /// The algorithm.
    pub algorithm: String,
    /// What the proof covered.
    pub covered: Vec<String>,
    /// When, Unix milliseconds.
    pub at: i64,
}

/// Why a request was refused, with the answer.
#[napi(object, object_from_js = false)]
pub struct Refusal {
    /// The reason's code.
    pub reason: String,
    /// Its class.
    pub class: String,
    /// The code that strangers see.
    pub outward: String,
    /// What happened.
    pub text: String,
    /// What the caller can do.
    pub hint: String,
    /// The dialect that was judged.
    pub dialect: Option<String>,
    /// The id in answer and log.
    pub reject: String,
    /// The answer.
    pub answer: Answer,
}

/// An answer to send.
#[napi(object, object_from_js = false)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<Vec<String>>,
    /// The body.
    pub body: Buffer,
}

impl Outcome {
    pub(crate) fn of(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Recognised(who) => {
                Self { verified: Some(Verified::of(&who)), refused: None, problem: None }
            }
            Judgement::Refused(refused) => {
                Self { verified: None, refused: Some(Refusal::of(&refused)), problem: None }
            }
        }
    }
}

impl Verified {
    fn of(who: &Recognised) -> Self {
        Self {
            account: who.account().to_owned(),
            account_id: who.account_id().to_owned(),
            organisation: who.organisation().map(str::to_owned),
            identifier: who.identifier().to_owned(),
            acting_as: who.acting_as().map(str::to_owned),
            key_id: who.key_id().to_owned(),
            key_label: who.key_label().to_owned(),
            fingerprint: who.fingerprint(),
            dialect: who.dialect().to_owned(),
            algorithm: who.algorithm().to_owned(),
            covered: who.covered().into_iter().map(str::to_owned).collect(),
            at: who.at(),
        }
    }
}

impl Refusal {
    fn of(refused: &Refused) -> Self {
        Self {
            reason: refused.reason().to_owned(),
            class: refused.class().to_owned(),
            outward: refused.outward().to_owned(),
            text: refused.text().to_owned(),
            hint: refused.hint().to_owned(),
            dialect: refused.dialect().map(str::to_owned),
            reject: refused.reject().to_owned(),
            answer: Answer::of(refused.answer()),
        }
    }
}

impl Answer {
    pub(crate) fn of(answered: &Answered) -> Self {
        let headers = answered.headers.iter().map(|(name, value)| vec![name.clone(), value.clone()]);
        Self { status: answered.status, headers: headers.collect(), body: answered.body.clone().into() }
    }
}
