//! A refused request, with what whoever asks about it may know.
use countersign::ask::{Caller, KnownKey};
use countersign::dialect::Dialect;
use countersign::dialect::demand::Demand;
use countersign::incoming::{Incoming, Limits};
use countersign::reason::Reason;
use countersign::time::Time;
use std::sync::Arc;

/// A refused request, and what whoever asks may know about its caller.
pub struct Scene<'a> {
    /// The dialects of the route.
    pub dialects: &'a [Arc<Dialect>],
    /// The one that was judged.
    pub dialect: Option<&'a Dialect>,
    /// The request.
    pub incoming: &'a Incoming<'a>,
    /// What was read of it at most.
    pub limits: Limits,
    /// Why it was refused.
    pub reason: Reason,
    /// The rule that did not hold.
    pub demand: Option<Demand>,
    /// The account that is meant.
    pub account: Option<&'a Caller>,
    /// Its keys, live or not: no others are ever tried.
    pub keys: &'a [Arc<KnownKey>],
    /// A known identifier or user that differs from the one in the proof in spelling alone.
    pub similar: Option<String>,
    /// When it was judged.
    pub now: Time,
    /// What the caller says it signed.
    pub signed: Option<&'a [u8]>,
}
