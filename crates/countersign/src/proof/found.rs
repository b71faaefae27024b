//! A proof that was found and read; nothing in it is believed.
use crate::ask::{KeyQuery, Who};
use crate::dialect::{By, Dialect};
use crate::form::httpsig::Listed;
use crate::incoming::Limits;
use crate::rule::Rule;
use crate::source::{Facts, Source, header};
use countersign_keys::Algorithm;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ops::Range;

/// A proof that was found and read. Nothing in it is believed.
#[derive(Debug)]
pub struct Proof<'s> {
    pub(crate) dialect: &'s Dialect,
    pub(crate) facts: Facts<'s>,
    pub(crate) limits: Limits,
    /// What the proof calls its maker, and the part of it that is the identifier.
    pub(crate) named: Cow<'s, str>,
    pub(crate) identifier: Range<usize>,
    pub(crate) acting_as: Option<Cow<'s, str>>,
    /// For a JWS: the one algorithm its header picks among the dialect's.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) texts: SmallVec<[&'s [u8]; 2]>,
    pub(crate) signature: &'s [u8],
    /// For an HTTP message signature: what it covers.
    pub(crate) listed: Option<Listed>,
}

impl<'s> Proof<'s> {
    /// First question: whose keys?
    #[must_use]
    pub fn wants(&self) -> KeyQuery<'_> {
        let identifier = self.identifier();
        let who = match &self.dialect.who.by {
            By::Namespace(namespace) => Who::Identifier { namespace, identifier },
            By::Key => Who::Key(identifier),
            By::Session { .. } => Who::Session(identifier),
        };
        let companion = self.dialect.rules.iter().find_map(|rule| match rule {
            Rule::Companion(Source::Header(name)) => header(self.facts.incoming, name),
            _ => None,
        });
        KeyQuery {
            dialect: &self.dialect.name,
            who,
            kid: self.facts.kid.as_deref(),
            companion,
            acting_as: self.acting_as.as_deref(),
        }
    }

    /// The identifier as it is looked up.
    #[must_use]
    pub fn identifier(&self) -> &str {
        self.named.get(self.identifier.clone()).unwrap_or("")
    }

    /// The dialect it was read in.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        self.dialect
    }

    /// The signature, decoded.
    #[must_use]
    pub fn signature(&self) -> &'s [u8] {
        self.signature
    }

    /// The algorithm that a token's header picks; `None` for texts.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The hint at a key.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.facts.kid.as_deref()
    }

    /// The bytes that may have been signed, one for each spelling.
    #[must_use]
    pub fn texts(&self) -> &[&'s [u8]] {
        &self.texts
    }
}
