//! HTTP message signatures (RFC 9421): which signature of a request is meant, what it covers, and whether that is enough.
pub(crate) mod accept;
pub(crate) mod agent;
pub(crate) mod base;
pub(crate) mod component;
pub(crate) mod digest;
pub(crate) mod file;
pub(crate) mod message;
pub(crate) mod query;
pub(crate) mod read;

use crate::form::httpsig::digest::DigestKind;
use crate::incoming::{Body, Incoming};
use crate::reason::Reason;
use crate::source::Source;
use crate::verified::Covered;
use http::HeaderName;

/// Signatures on one request that are looked at: a caller's, and those of the proxies before us.
pub(crate) const MOST_SIGNATURES: usize = 8;
/// Components that one signature may cover: real ones stay under 20.
pub(crate) const MOST_COMPONENTS: usize = 64;
/// Components that cost a reading of the whole query or of a whole field.
pub(crate) const MOST_COSTLY: usize = 16;
/// Bytes that those may read in all: a field of 64 KiB once, or the usual ones many times.
pub(crate) const MOST_READ: usize = 64 * 1024;
/// Bytes of `Connection`, which is looked through for every field: real ones name two or three.
pub(crate) const MOST_HOP: usize = 1024;
/// Bytes of a signature base: every field may be covered several times, and nothing is believed yet.
pub(crate) const MOST_BASE: usize = 64 * 1024;

/// How a dialect's signatures look.
#[derive(Clone, Debug)]
pub(crate) struct HttpSig {
    /// The label it must have; any when `None`.
    pub(crate) label: Option<Box<str>>,
    /// The tags it may have. When there are none, only signatures without a tag are meant: those with one belong to other protocols.
    pub(crate) tags: Vec<Box<str>>,
    /// What it must cover, each with the condition under which it must.
    pub(crate) needs: Vec<Need>,
    /// Digests of the body that count; the first is the one that is made.
    pub(crate) digests: Vec<DigestKind>,
    /// Whether `alg` may be a name of JOSE too, against the RFC.
    pub(crate) jose_names: bool,
    /// The label that is written.
    pub(crate) label_made: Box<str>,
}

/// A component that must be covered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Need {
    pub(crate) part: Needed,
    pub(crate) when: When,
}

/// What must be covered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Needed {
    Method,
    Scheme,
    Authority,
    Path,
    Query,
    TargetUri,
    RequestTarget,
    /// A field, whole.
    Field(HeaderName),
    /// A field, or the one member of it that belongs to the signature.
    Member(HeaderName),
}

/// When a component must be covered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    Always,
    /// When there is a body, or the field itself.
    WithBody,
    /// When the field is there.
    IfPresent,
}

/// What a signature covers, as far as anybody asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Listed {
    pub(crate) method: bool,
    pub(crate) scheme: bool,
    pub(crate) authority: bool,
    pub(crate) path: bool,
    pub(crate) query: bool,
    pub(crate) target_uri: bool,
    pub(crate) request_target: bool,
    pub(crate) digest: bool,
    /// One bit for each of the dialect's needs that names a field: a dialect has at most 64.
    pub(crate) fields: u64,
}

impl Needed {
    /// The name as it stands in a signature.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Method => "@method",
            Self::Scheme => "@scheme",
            Self::Authority => "@authority",
            Self::Path => "@path",
            Self::Query => "@query",
            Self::TargetUri => "@target-uri",
            Self::RequestTarget => "@request-target",
            Self::Field(name) | Self::Member(name) => name.as_str(),
        }
    }
}

impl HttpSig {
    /// Whether a signature with this label and tag is meant.
    pub(crate) fn means(&self, label: &str, tag: Option<&str>) -> bool {
        let labelled = self.label.as_ref().is_none_or(|wanted| **wanted == *label);
        labelled && tag.map_or(self.tags.is_empty(), |tag| self.tags.iter().any(|own| **own == *tag))
    }

    /// Whether a need must be met in this request.
    pub(crate) fn is_due(&self, need: &Need, incoming: &Incoming<'_>) -> bool {
        let there = |name: &HeaderName| incoming.headers.contains_key(name);
        match (&need.part, need.when) {
            (_, When::Always) => true,
            (Needed::Field(name) | Needed::Member(name), When::WithBody) => has_body(incoming) || there(name),
            (Needed::Field(name) | Needed::Member(name), When::IfPresent) => there(name),
            (_, When::WithBody | When::IfPresent) => has_body(incoming),
        }
    }

    /// Whether the dialect wants the body's digest covered, or the one that is there.
    pub(crate) fn wants_digest(&self) -> bool {
        self.needs.iter().any(|need| matches!(&need.part, Needed::Field(name) if name == digest::FIELD))
    }

    /// Whether every signature covers a source: its parameters always, and the fields that must be there.
    pub(crate) fn covers(&self, source: &Source) -> bool {
        match source {
            Source::Signed(_) => true,
            Source::Header(name) => self.always(&[Needed::Field(name.clone())]),
            Source::Dated(source, _) => self.covers(source),
            _ => false,
        }
    }

    fn always(&self, wanted: &[Needed]) -> bool {
        self.needs.iter().any(|need| need.when == When::Always && wanted.contains(&need.part))
    }

    /// What must be covered, in words.
    pub(crate) fn words(&self) -> String {
        let mut out = "a signature that covers".to_owned();
        for (when, before) in
            [(When::Always, ""), (When::WithBody, "with a body "), (When::IfPresent, "where it is there ")]
        {
            for (number, need) in self.needs.iter().filter(|need| need.when == when).enumerate() {
                let first = out.ends_with("covers");
                out.push_str(if first {
                    " "
                } else if number == 0 {
                    "; "
                } else {
                    ", "
                });
                if number == 0 {
                    out.push_str(before);
                }
                out.push_str(need.part.name());
            }
        }
        out
    }

    /// What every signature of the dialect binds.
    pub(crate) fn covered(&self) -> Covered {
        let always = |wanted: &[Needed]| self.always(wanted);
        // One that may be left out binds nothing.
        let digest = |need: &Need| need.when != When::IfPresent && need.part == Needed::Field(digest::FIELD);
        Covered {
            method: always(&[Needed::Method]),
            authority: always(&[Needed::Authority, Needed::TargetUri]),
            path: always(&[Needed::Path, Needed::TargetUri, Needed::RequestTarget]),
            query: always(&[Needed::Query, Needed::TargetUri, Needed::RequestTarget]),
            body: self.needs.iter().any(digest),
            once: false,
            window: None,
        }
    }

    /// The first of the dialect's needs that a signature does not meet.
    pub(crate) fn unmet(&self, listed: &Listed, incoming: &Incoming<'_>) -> Option<&Need> {
        let met = |at: usize, need: &Need| match &need.part {
            Needed::Method => listed.method,
            Needed::Scheme => listed.scheme || listed.target_uri,
            Needed::Authority => listed.authority || listed.target_uri,
            Needed::Path => listed.path || listed.target_uri || listed.request_target,
            // What is not there cannot be changed without being noticed: a query that is added is one that is not covered.
            Needed::Query => {
                listed.query || listed.target_uri || listed.request_target || incoming.target.query.is_none()
            }
            Needed::TargetUri => listed.target_uri,
            Needed::RequestTarget => listed.request_target,
            Needed::Field(_) | Needed::Member(_) => bit(at).is_some_and(|bit| listed.fields & bit != 0),
        };
        let due = self.needs.iter().enumerate().filter(|(_, need)| self.is_due(need, incoming));
        due.filter(|(at, need)| !met(*at, need)).map(|(_, need)| need).next()
    }

    /// Judges what a signature that holds covers: enough for the dialect, and the body that came.
    ///
    /// # Errors
    /// What is lacking.
    pub(crate) fn judge(&self, listed: &Listed, incoming: &Incoming<'_>) -> Result<(), Reason> {
        if self.unmet(listed, incoming).is_some() {
            return Err(Reason::ComponentMissing);
        }
        match incoming.body {
            Body::Seen(body) if listed.digest => digest::check(incoming.headers, body, &self.digests),
            Body::Empty if listed.digest => digest::check(incoming.headers, &[], &self.digests),
            _ => Ok(()),
        }
    }
}

impl Listed {
    /// What one request's signature binds: of this request, since what it does not have was not there to be covered.
    pub(crate) fn covered(&self, incoming: &Incoming<'_>, dialect: Covered) -> Covered {
        let is_there = has_body(incoming);
        let seen = matches!(incoming.body, Body::Seen(_));
        Covered {
            method: self.method,
            authority: self.authority || self.target_uri,
            path: self.path || self.target_uri || self.request_target,
            query: self.query || self.target_uri || self.request_target || incoming.target.query.is_none(),
            body: !is_there || (self.digest && seen),
            ..dialect
        }
    }
}

/// Whether there is a body, or may be.
fn has_body(incoming: &Incoming<'_>) -> bool {
    !matches!(incoming.body, Body::Empty | Body::Seen(&[]))
}

/// The place of a need in [`Listed::fields`].
pub(crate) fn bit(at: usize) -> Option<u64> {
    u32::try_from(at).ok().and_then(|at| 1_u64.checked_shl(at))
}

#[cfg(test)]
mod tests;
