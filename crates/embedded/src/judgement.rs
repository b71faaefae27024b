//! What a judgement finds: who was recognised, or a refusal with the whole answer to it.
use countersign::reason::{Class, Reason, Refusal, Stage};
use countersign::time::Time;
use countersign::verified::Verified;
use countersign_guard::answer;
use countersign_guard::policy::Reply;
use http::{HeaderName, HeaderValue};
use std::fmt;

/// Carries the id under which the program's log has the reason of a refusal.
const REJECT: HeaderName = HeaderName::from_static("countersign-reject");
/// Carries this machine's time, Unix milliseconds, so that callers can set their clocks.
const TIME: HeaderName = HeaderName::from_static("countersign-time");

/// What was found.
#[derive(Debug)]
pub enum Judgement {
    /// The proof holds in every respect.
    Recognised(Recognised),
    /// It does not, or there is none.
    Refused(Refused),
}

/// Who sent a request. Only a judgement makes one; it cannot be read from anything.
#[derive(Clone, Debug)]
pub struct Recognised(Box<Verified>);

/// A refusal, with the answer to send.
#[derive(Clone, Debug)]
pub struct Refused {
    refusal: Refusal,
    dialect: Option<Box<str>>,
    reject: String,
    now: Time,
    answer: Answered,
}

/// An answer in plain parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, a problem document (RFC 9457).
    pub body: Vec<u8>,
}

impl Recognised {
    pub(crate) fn new(verified: Box<Verified>) -> Self {
        Self(verified)
    }
    /// The account's name.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.0.caller().name
    }
    /// The account's id.
    #[must_use]
    pub fn account_id(&self) -> &str {
        &self.0.caller().id
    }
    /// Name of the account's organisation.
    #[must_use]
    pub fn organisation(&self) -> Option<&str> {
        self.0.caller().organisation.as_deref()
    }
    /// The name that the proof gave, as registered.
    #[must_use]
    pub fn identifier(&self) -> &str {
        self.0.identifier()
    }
    /// The user it may act for, when the proof names one.
    #[must_use]
    pub fn acting_as(&self) -> Option<&str> {
        self.0.acting_as()
    }
    /// The id of the key that signed.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.0.key().id
    }
    /// What the key's owner calls it.
    #[must_use]
    pub fn key_label(&self) -> &str {
        &self.0.key().label
    }
    /// Fingerprint of the key that signed: `SHA256:` and base64 of the digest of its SPKI.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.key().fingerprints().spki_sha256_prefixed()
    }
    /// The dialect's name.
    #[must_use]
    pub fn dialect(&self) -> &str {
        self.0.dialect()
    }
    /// The algorithm's name.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        self.0.algorithm().name()
    }
    /// What the proof covered, of `method`, `authority`, `path`, `query`, `body` and `once`.
    #[must_use]
    pub fn covered(&self) -> Vec<&'static str> {
        let covered = self.0.covered();
        let all = [
            ("method", covered.method),
            ("authority", covered.authority),
            ("path", covered.path),
            ("query", covered.query),
            ("body", covered.body),
            ("once", covered.once),
        ];
        all.into_iter().filter_map(|(name, is)| is.then_some(name)).collect()
    }
    /// When it was judged, Unix milliseconds.
    #[must_use]
    pub fn at(&self) -> i64 {
        self.0.at().millis()
    }

    pub(crate) fn is_confined(&self) -> bool {
        !self.0.caller().paths.is_empty() || !self.0.key().limits.paths.is_empty()
    }
}

impl Refused {
    pub(crate) fn new(
        refusal: Refusal,
        dialect: Option<&str>,
        reply: &Reply,
        reject: String,
        now: Time,
    ) -> Self {
        let mut answer = plain(answer::refused::<bytes::Bytes>(reply, refusal.reason), now);
        if let Ok(value) = HeaderValue::from_str(&reject) {
            answer.headers.push((REJECT.to_string(), value.to_str().unwrap_or_default().to_owned()));
        }
        Self { refusal, dialect: dialect.map(Into::into), reject, now, answer }
    }
    /// The reason's code, for logs: it may say more than strangers may know.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.refusal.reason.code()
    }
    /// Its class, such as `identity` or `time`.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.refusal.reason.class().name()
    }
    /// Whether no proof came at all.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.refusal.reason.class() == Class::Absent
    }
    /// The code that strangers see.
    #[must_use]
    pub fn outward(&self) -> &'static str {
        self.refusal.reason.outward()
    }
    /// What happened, in one sentence; for logs.
    #[must_use]
    pub fn text(&self) -> &'static str {
        self.refusal.reason.text()
    }
    /// What the caller can do; for logs.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        self.refusal.reason.hint()
    }
    /// The stage of judging, such as `signature`.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        self.refusal.stage.name()
    }
    /// The dialect that was judged, when it was one.
    #[must_use]
    pub fn dialect(&self) -> Option<&str> {
        self.dialect.as_deref()
    }
    /// The id that the answer carries and the log should.
    #[must_use]
    pub fn reject(&self) -> &str {
        &self.reject
    }
    /// This machine's time when it was refused, Unix milliseconds.
    #[must_use]
    pub fn at(&self) -> i64 {
        self.now.millis()
    }
    /// The whole answer.
    #[must_use]
    pub fn answer(&self) -> &Answered {
        &self.answer
    }
}

/// The answer to a fault: 503, and when to try again. It says nothing about what failed.
#[must_use]
pub fn failed(now: Time) -> Answered {
    plain(answer::failed::<bytes::Bytes>(), now)
}

/// Where a refusal that no dialect made comes from.
pub(crate) fn unread(reason: Reason) -> Refusal {
    Refusal::new(reason, Stage::Read)
}

fn plain(response: http::Response<bytes::Bytes>, now: Time) -> Answered {
    let (parts, body) = response.into_parts();
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let mut headers: Vec<_> =
        parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    headers.push((TIME.to_string(), now.millis().to_string()));
    Answered { status: parts.status.as_u16(), headers, body: body.to_vec() }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.refusal, self.reject)
    }
}
