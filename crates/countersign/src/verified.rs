//! What a judgement ends in when everything holds: who, by which key, in which dialect, and what the proof covered.
use crate::ask::{Caller, KnownKey};
use crate::time::{Span, Time};
use countersign_keys::Algorithm;
use serde::Serialize;
use std::ops::Range;
use std::sync::Arc;

/// A proof that held in every respect. Only this crate makes one; it cannot be read from text.
#[derive(Clone, Debug)]
pub struct Verified {
    pub(crate) caller: Arc<Caller>,
    pub(crate) key: Arc<KnownKey>,
    pub(crate) dialect: Arc<str>,
    pub(crate) named: String,
    /// The part of `named` that the account or session was found by.
    pub(crate) part: Range<usize>,
    /// Who the session's token says it is for, where `named` names the session.
    pub(crate) holder: Option<String>,
    pub(crate) acting_as: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) at: Time,
    pub(crate) until: Option<Time>,
    pub(crate) covered: Covered,
}

/// What a dialect's proof binds; computed from its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// The method.
    pub method: bool,
    /// Scheme, host and port.
    pub authority: bool,
    /// The path.
    pub path: bool,
    /// The query.
    pub query: bool,
    /// The body.
    pub body: bool,
    /// A proof works once.
    pub once: bool,
    /// How long a proof works at most; `None`: for ever.
    pub window: Option<Span>,
}

impl Verified {
    /// The account that was recognised.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }
    /// The key that signed; for a session token, our own signing key.
    #[must_use]
    pub fn key(&self) -> &Arc<KnownKey> {
        &self.key
    }
    /// The dialect's name.
    #[must_use]
    pub fn dialect(&self) -> &Arc<str> {
        &self.dialect
    }
    /// How the proof names its maker, whole (`Partner:54344`).
    #[must_use]
    pub fn named(&self) -> &str {
        &self.named
    }
    /// The identifier the account was found by (`54344`).
    #[must_use]
    pub fn identifier(&self) -> &str {
        self.holder.as_deref().unwrap_or(self.looked_up())
    }
    /// The user it may act for, when the proof names one.
    #[must_use]
    pub fn acting_as(&self) -> Option<&str> {
        self.acting_as.as_deref()
    }
    /// The session the token belongs to.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.holder.is_some().then(|| self.looked_up())
    }
    /// The algorithm that held.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
    /// When it was judged.
    #[must_use]
    pub fn at(&self) -> Time {
        self.at
    }
    /// Until when the same proof could hold again, for a remembering shell; `None` when it must not be remembered.
    #[must_use]
    pub fn until(&self) -> Option<Time> {
        self.until
    }
    /// What the proof covered.
    #[must_use]
    pub fn covered(&self) -> Covered {
        self.covered
    }

    fn looked_up(&self) -> &str {
        self.named.get(self.part.clone()).unwrap_or("")
    }
}
