//! Why a refused request was refused, in terms of what its caller did: causes ranked by what the request itself shows and by trying.
//!
//! Pure: a [`Scene`] goes in and a [`Diagnosis`] comes out. It runs only where somebody asked for an explanation and may have it, never
//! while a request is judged, and nothing it finds lets anybody in.
mod address;
mod body;
pub mod cause;
mod claims;
mod credential;
pub mod difference;
mod encoding;
mod evidence;
mod parts;
mod standing;
mod times;
mod trial;

use crate::diagnosis::cause::Cause;
use crate::diagnosis::difference::{Difference, Text};
use crate::diagnosis::evidence::Evidence;
use countersign::ask::{Caller, KnownKey};
use countersign::dialect::Dialect;
use countersign::dialect::demand::Demand;
use countersign::incoming::{Incoming, Limits};
use countersign::reason::{Class, Reason};
use countersign::time::Time;
use serde::Serialize;
use std::sync::Arc;

/// Causes that are told: whoever reads more than a few reads none.
const MOST_CAUSES: usize = 4;

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

/// What is likely to have gone wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The causes, the likeliest first.
    pub causes: Vec<Named>,
    /// Seconds by which the caller's clock is ahead of the server's (negative: behind), where the proof tells.
    pub skew_seconds: Option<i64>,
    /// The bytes that the server expected to be signed.
    pub expected: Option<Text>,
    /// How they differ from those that the caller signed.
    pub difference: Option<Difference>,
    /// How many checks of signatures were made to find out.
    pub checks: usize,
}

/// A cause, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The cause's code.
    pub code: &'static str,
    /// What went wrong.
    pub text: &'static str,
    /// How it is mended.
    pub fix: &'static str,
    /// What was seen, in this request.
    pub detail: Option<String>,
    /// Whether it is certain: the signature holds but for this, or the request shows it.
    pub sure: bool,
}

impl Diagnosis {
    /// Finds what went wrong. Bounded: see the limits in [`mod@self::trial`]'s file.
    #[must_use]
    pub fn of(scene: &Scene<'_>) -> Self {
        let evidence = Evidence::of(scene);
        let mut found = Self::default();
        match scene.reason {
            Reason::MissingCredentials | Reason::AmbiguousCredentials => {
                credential::absent(scene, &evidence, &mut found);
            }
            Reason::BadSignature | Reason::KeyNotLive | Reason::KeyNotForDialect | Reason::NotPermitted => {
                trial::run(scene, &evidence, &mut found);
            }
            reason => match reason.class() {
                Class::Malformed => credential::malformed(scene, &evidence, &mut found),
                Class::Identity => standing::identity(scene, &evidence, &mut found),
                Class::Claims | Class::Time | Class::Replay => claims::claims(scene, &evidence, &mut found),
                _ => standing::policy(scene, &mut found),
            },
        }
        found.skew_seconds = found.skew_seconds.or_else(|| times::skew(scene, &evidence));
        found.causes.truncate(MOST_CAUSES);
        found
    }

    /// Finds out for an account about a request that names another one, or nobody: from the account's own keys alone, and the same
    /// whether anybody has the name.
    #[must_use]
    pub(crate) fn of_own(scene: &Scene<'_>, first: Cause) -> Self {
        let evidence = Evidence::of(scene);
        let mut found = Self::default();
        let known = scene.similar.as_deref().map(|known| format!("registered is {}", shown(known)));
        found.sure(first, known);
        trial::run(scene, &evidence, &mut found);
        found.skew_seconds = times::skew(scene, &evidence);
        found.causes.truncate(MOST_CAUSES);
        found
    }

    /// Leaves out what a key or an account may do: whoever has a request that holds need not be who made it.
    pub(crate) fn forget_permissions(&mut self) {
        for named in &mut self.causes {
            let about = Cause::ALL.iter().find(|cause| cause.code() == named.code).map(|cause| cause.group());
            if about == Some("permission") {
                named.detail = None;
            }
        }
    }

    /// Names a cause that the request shows.
    fn sure(&mut self, cause: Cause, detail: impl Into<Option<String>>) {
        self.name(cause, detail.into(), true);
    }

    /// Names a cause that is likely.
    fn likely(&mut self, cause: Cause, detail: impl Into<Option<String>>) {
        self.name(cause, detail.into(), false);
    }

    fn name(&mut self, cause: Cause, detail: Option<String>, sure: bool) {
        if self.causes.iter().all(|named| named.code != cause.code()) {
            let (code, text, fix) = (cause.code(), cause.text(), cause.fix());
            self.causes.push(Named { code, text, fix, detail, sure });
        }
    }
}

/// What a request has, so that nobody reads a page of it: at most this many characters.
fn shown(text: &str) -> String {
    const MOST: usize = 120;
    let cut: String = text.chars().take(MOST).collect();
    let more = if text.chars().nth(MOST).is_some() { "…" } else { "" };
    format!("\"{}{more}\"", cut.escape_debug())
}
