//! A dialect as data: where a proof stands, how it is signed, who it names, which rules it must keep, how it is refused.
pub mod binding;
mod covered;
pub mod demand;
pub mod file;
pub mod settings;

use crate::dpop;
use crate::form::built::Built;
use crate::form::fields::Field;
use crate::form::httpsig::HttpSig;
use crate::form::jws::Outside;
use crate::form::make::Make;
use crate::form::text::TextForm;
use crate::rule::Rule;
use crate::source::{Names, Source};
use crate::verified::Covered;
use countersign_keys::Algorithm;
use http::HeaderName;
use std::sync::Arc;

/// One way of carrying a proof. Made from a file (see [`mod@file`]), never by hand.
#[derive(Clone, Debug)]
pub struct Dialect {
    pub(crate) name: Arc<str>,
    pub(crate) summary: Box<str>,
    pub(crate) find: Find,
    pub(crate) form: Form,
    pub(crate) names: Names,
    pub(crate) outside: Outside,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) kid_strict: bool,
    pub(crate) types: Vec<Box<str>>,
    pub(crate) who: WhoFrom,
    pub(crate) rules: Vec<Rule>,
    pub(crate) reply: ReplyShape,
    pub(crate) make: Option<Make>,
    pub(crate) covered: Covered,
    pub(crate) settings: settings::Settings,
    pub(crate) warnings: Vec<String>,
    pub(crate) unverified: bool,
}

/// Where a proof stands.
#[derive(Clone, Debug)]
pub(crate) enum Find {
    /// In one header, behind a scheme word or bare.
    Header { name: HeaderName, schemes: Schemes, when: Vec<(Source, Box<str>)> },
    /// In several headers, all of which must be there.
    Headers(Vec<HeaderName>),
    /// In the members of a JSON body.
    Body,
    /// In this field of the body.
    Form(Field),
    /// In the parameters behind a scheme word; `percent` where their values are percent-encoded.
    Parameters { name: HeaderName, schemes: Schemes, percent: bool },
    /// In this parameter of the query or of a form in the body.
    Parameter(Box<str>),
}

/// What stands before a credential in its header.
#[derive(Clone, Debug)]
pub(crate) struct Schemes {
    pub(crate) words: Vec<Box<str>>,
    /// The credential may also stand without a word.
    pub(crate) bare: bool,
    /// More than one space may follow the word (RFC 9110 section 11.4); otherwise exactly one.
    pub(crate) spaces: bool,
}

/// The shape of what is signed.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// A JWS in compact serialisation.
    Jws,
    /// A JWS whose payload does not come along but is built from the request (RFC 7515 appendix F).
    Detached(Detached),
    /// A text built from the request.
    Text(TextForm),
    /// An HTTP message signature.
    HttpSig(HttpSig),
}

/// The payload of a token that carries none.
#[derive(Clone, Debug)]
pub(crate) struct Detached {
    pub(crate) payload: Built,
    /// The payload is signed as it stands, and the token's header must say so (RFC 7797).
    pub(crate) unencoded: bool,
}

/// How the proof names its maker.
#[derive(Clone, Debug)]
pub(crate) struct WhoFrom {
    pub(crate) from: Source,
    pub(crate) by: By,
    /// Text before and after the identifier.
    pub(crate) pattern: Option<Pattern>,
    pub(crate) acting_as: Option<Source>,
    /// A whole number counts as the text of its digits.
    pub(crate) number: bool,
}

/// What the maker is looked up by.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// An identifier in this namespace.
    Namespace(Box<str>),
    /// A key id or fingerprint.
    Key,
    /// A session's id; the name told onwards comes from here.
    Session { identifier: Source },
}

/// `Partner:{digits}` or `urn:{text}`: what stands around an identifier.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// Only digits may stand between.
    pub(crate) digits: bool,
    pub(crate) before: Box<str>,
    pub(crate) after: Box<str>,
}

/// How a dialect answers refusals.
#[derive(Clone, Debug)]
pub(crate) struct ReplyShape {
    pub(crate) status: u16,
    pub(crate) challenge: Option<Challenge>,
    /// What a signature must have, for callers that read it (RFC 9421 section 5.1).
    pub(crate) accept_signature: Option<Arc<str>>,
}

/// The two values of `WWW-Authenticate` that a dialect has, ready since every refusal carries one.
#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    /// No proof came.
    bare: Arc<str>,
    /// A proof came and did not hold.
    invalid: Arc<str>,
}

impl Challenge {
    pub(crate) fn new(scheme: &str) -> Self {
        Self { bare: scheme.into(), invalid: format!("{scheme} error=\"invalid_token\"").into() }
    }
}

impl Dialect {
    /// The dialect's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }
    /// One sentence about it.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }
    /// The algorithms it takes.
    #[must_use]
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }
    /// What its proofs bind.
    #[must_use]
    pub fn covered(&self) -> Covered {
        self.covered
    }
    /// What its proofs may bind: an HTTP message signature may cover more than its dialect wants.
    #[must_use]
    pub fn bindable(&self) -> Covered {
        match self.form {
            Form::HttpSig(_) => {
                let all = Covered { method: true, authority: true, path: true, query: true, ..self.covered };
                Covered { once: self.is_single_use(), ..all }
            }
            Form::Jws | Form::Detached(_) | Form::Text(_) => self.covered,
        }
    }
    /// Whether it signs the body, so that a surface must read it all before judging.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        self.covered.body
            || matches!(&self.form, Form::HttpSig(form) if form.wants_digest())
            || matches!(self.find, Find::Body | Find::Form(_) | Find::Parameter(_))
            || self.rules.iter().any(|rule| matches!(rule, Rule::Built(built) if built.has_body()))
    }
    /// Whether a proof works once, or can be made so.
    #[must_use]
    pub fn is_single_use(&self) -> bool {
        self.rules.iter().any(Rule::is_single_use) || self.covered.once
    }
    /// How long uses of its proofs are remembered, spelt so that any change shows; `None` when they work more than once. A use that
    /// was remembered by another spelling may be forgotten while its proof still holds.
    #[must_use]
    pub fn remembering(&self) -> Option<String> {
        let rules = || self.rules.iter().filter_map(Rule::remembering).collect::<Vec<_>>().join(" ");
        // The rules tell members by their place in this list.
        self.is_single_use().then(|| format!("{} of {:?}", rules(), self.names.members))
    }
    /// The namespace its callers are registered in; `None` when they are known by key or session.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match &self.who.by {
            By::Namespace(namespace) => Some(namespace),
            By::Key | By::Session { .. } => None,
        }
    }
    /// Whether its proofs are tokens of a session that a server opened: keys alone judge none of them.
    #[must_use]
    pub fn names_session(&self) -> bool {
        matches!(self.who.by, By::Session { .. })
    }
    /// Whether it names a user to act for.
    #[must_use]
    pub fn acts_for_users(&self) -> bool {
        self.who.acting_as.is_some()
    }
    /// Its rules in words, in the order in which they are judged; what a message signature must cover comes first.
    #[must_use]
    pub fn rules_in_words(&self) -> Vec<String> {
        let covers = match &self.form {
            Form::HttpSig(form) => Some(form.words()),
            Form::Jws | Form::Detached(_) | Form::Text(_) => None,
        };
        covers.into_iter().chain(self.rules.iter().map(Rule::words)).collect()
    }
    /// Its settings with the values in force.
    #[must_use]
    pub fn settings(&self) -> &settings::Settings {
        &self.settings
    }
    /// What the file's reader found worth saying, such as a missing greatest life.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
    /// Status of a refusal: the dialect's own where its callers expect one for everything, else the reason's.
    #[must_use]
    pub fn status(&self, reason: crate::reason::Reason) -> u16 {
        let own = self.reply.status;
        if own == 401 { reason.status() } else { own }
    }
    /// Value of `WWW-Authenticate` for a 401; the bare challenge when no proof came.
    #[must_use]
    pub fn challenge(&self, reason: crate::reason::Reason) -> Option<&Arc<str>> {
        let challenge = self.reply.challenge.as_ref()?;
        Some(match reason.class() {
            crate::reason::Class::Absent => &challenge.bare,
            _ => &challenge.invalid,
        })
    }
    /// Value of `Accept-Signature` for a 401: what a signature must cover and say.
    #[must_use]
    pub fn accept_signature(&self) -> Option<&Arc<str>> {
        self.reply.accept_signature.as_ref()
    }
    /// Each place where its proofs stand, such as `authorization Bearer`: dialects that share one compete there.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        match &self.find {
            Find::Header { name, schemes, .. } => {
                let bare = schemes.bare.then(|| format!("{name} (bare)"));
                schemes.words.iter().map(|scheme| format!("{name} {scheme}")).chain(bare).collect()
            }
            Find::Headers(names) => names.iter().map(ToString::to_string).collect(),
            Find::Body => vec!["the body".to_owned()],
            Find::Form(field) => vec![format!("the body's field {}", field.name)],
            Find::Parameter(name) => vec![format!("the parameter {name}")],
            Find::Parameters { name, schemes, .. } => {
                schemes.words.iter().map(|scheme| format!("{name} {scheme}")).collect()
            }
        }
    }
    /// Whether the facts about this way of signing are not certain, as its file says.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        self.unverified
    }
    /// Whether something in its proofs tells them from others in the same place.
    #[must_use]
    pub fn has_discriminator(&self) -> bool {
        matches!(&self.find, Find::Header { when, .. } if !when.is_empty())
            || matches!(self.form, Form::HttpSig(_))
    }
    /// The headers that carry its proofs, so that a gateway may drop them before the upstream.
    #[must_use]
    pub fn carriers(&self) -> Vec<&HeaderName> {
        match &self.find {
            Find::Header { name, schemes, .. } => {
                // A token behind that scheme has a proof of its own beside it.
                let bound = schemes.words.iter().any(|word| word.eq_ignore_ascii_case(dpop::SCHEME));
                [name].into_iter().chain(bound.then_some(&dpop::HEADER)).collect()
            }
            Find::Parameters { name, .. } => vec![name],
            Find::Headers(names) => names.iter().collect(),
            Find::Body | Find::Form(_) | Find::Parameter(_) => Vec::new(),
        }
    }
    /// Whether its proofs answer a challenge and open a session, so that no request by itself carries one.
    #[must_use]
    pub fn opens_session(&self) -> bool {
        matches!(self.find, Find::Body)
    }
    /// The header of the companion key that stands beside its proofs.
    #[must_use]
    pub fn companion(&self) -> Option<&HeaderName> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Companion(Source::Header(name)) => Some(name),
            _ => None,
        })
    }
}
