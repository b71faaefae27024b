//! What a caller takes for the server's own answer: signed with one of its keys, to the request that was sent.
use crate::offset::GREATEST_SECONDS;
use countersign::answer::judge::{Came, Extent, ServerKey, Signed, Unproved, Wanted, judge};
use countersign::dialect::Dialect;
use countersign::incoming::{Body, Incoming, Limits, Target};
use countersign::time::{Span, Time};
use countersign_keys::{KeyError, Policy, read_key_set};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

/// How far from now (seconds) an answer may be dated, once the clock's offset is known.
const TOLERANCE: i64 = 60;

/// The server's keys, and how much of an answer they must have signed.
#[derive(Clone, Debug)]
pub struct Answers {
    keys: Vec<ServerKey>,
    least: Extent,
}

/// A request as it was sent, with its proof.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its method.
    pub method: String,
    /// Its absolute address, as the server knows itself.
    pub url: String,
    /// Its headers, the proof among them.
    pub headers: HeaderMap,
}

impl Answers {
    /// Wants answers signed with one of the keys in this document: the server's key set (`/.well-known/jwks.json`) or its directory of
    /// keys (`/.well-known/http-message-signatures-directory`). Get it where nobody can put another one in its place.
    ///
    /// # Errors
    /// When the document is no key set.
    pub fn signed_with(document: &[u8]) -> Result<Self, KeyError> {
        let set = read_key_set(document, &Policy::default())?;
        let keys = set.keys.into_iter().map(|intake| ServerKey::new(intake.key.into())).collect();
        Ok(Self { keys, least: Extent::Whole })
    }

    /// Takes answers, too, whose body is not covered: the server signs them so where the body is too large to be held, or has no end.
    #[must_use]
    pub fn or_head_alone(self) -> Self {
        Self { least: Extent::Head, ..self }
    }

    /// Judges an answer that was read whole. `dialect` is what the request was signed in, if it was.
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn judge(
        &self,
        asked: &Asked,
        dialect: Option<&Dialect>,
        (status, headers, body): (StatusCode, &HeaderMap, &[u8]),
        now: Time,
    ) -> Result<Signed, Unproved> {
        let question = asked.question()?;
        let label = dialect.and_then(|dialect| dialect.message_label(&question, &Limits::default()));
        let came = Came { status: status.as_u16(), headers, body };
        let wanted =
            Wanted { keys: &self.keys, now, tolerance: Span::from_seconds(TOLERANCE), least: self.least };
        judge(&question, label, &came, &wanted)
    }

    /// When the server signed this refusal, as far as that says what time it is there now: whole, by one of its keys, within a day of
    /// `local`, and to a proof that was made for this request alone. One to a method and an address, or to a token or a header that
    /// is sent many times, may be an old one sent again.
    pub(crate) fn told_now(
        &self,
        asked: &Asked,
        dialect: &Dialect,
        (status, headers, body): (StatusCode, &HeaderMap, &[u8]),
        local: Time,
    ) -> Option<Time> {
        let question = asked.question().ok()?;
        let label = dialect.message_label(&question, &Limits::default());
        let own = label.is_some()
            || (dialect.carriers().contains(&&AUTHORIZATION) && asked.headers.contains_key(AUTHORIZATION));
        let came = Came { status: status.as_u16(), headers, body };
        let tolerance = Span::from_seconds(GREATEST_SECONDS);
        let wanted = Wanted { keys: &self.keys, now: local, tolerance, least: Extent::Whole };
        let signed = judge(&question, label, &came, &wanted).ok().filter(|_| own)?;
        Some(signed.created())
    }
}

impl Asked {
    fn question(&self) -> Result<Incoming<'_>, Unproved> {
        let url = self.url.split_once('#').map_or(self.url.as_str(), |(before, _)| before);
        let target =
            Target::from_url(url).ok_or(Unproved::Malformed("the request's address is not absolute"))?;
        Ok(Incoming {
            method: &self.method,
            target,
            headers: &self.headers,
            body: Body::Unseen,
            client: None,
            challenge: None,
        })
    }
}
