//! What a dialect wants of a request, in words and names: for whoever explains a refusal, never for whoever judges.
use super::{By, Dialect, Find, Form};
use crate::form::text::Encode;
use crate::incoming::Incoming;
use crate::rule::Rule;
use crate::source::{Facts, Head, KeyFact, Names, Part, Source};
use crate::time::Span;
use http::HeaderName;

/// Where a dialect's proofs stand.
#[derive(Clone, Copy, Debug)]
pub enum Place<'d> {
    /// In one header, behind one of these words or, where `bare`, alone.
    Header {
        /// The header.
        name: &'d HeaderName,
        /// The scheme words.
        words: &'d [Box<str>],
        /// Whether it may stand alone.
        bare: bool,
    },
    /// In several headers.
    Headers(&'d [HeaderName]),
    /// In the body.
    Body,
    /// In a field of a form in the body, or in a parameter of the query.
    Form(&'d str),
}

/// One rule of a dialect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Demand {
    /// What is demanded.
    pub kind: DemandKind,
    /// Of which claims, headers or members: `claim.iss`, `header.countersign-time`.
    pub at: Vec<String>,
    /// The text that is wanted.
    pub is: Option<String>,
    /// The length of time that is allowed.
    pub span: Option<Span>,
}

/// What a rule demands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DemandKind {
    /// To be there.
    Present,
    /// Not to be there.
    Absent,
    /// To have one text.
    Equals,
    /// To have the same text in two places.
    Same,
    /// To name one audience.
    Audience,
    /// To be of one type.
    Type,
    /// To be near now.
    Near,
    /// Not to lie ahead.
    NotBefore,
    /// Not to be over.
    NotAfter,
    /// Not to end too far ahead.
    Ahead,
    /// Not to live too long.
    Lifetime,
    /// A good companion key.
    Companion,
    /// A user that may be acted for.
    KnownUser,
    /// A session that lives.
    Session,
    /// To be used once.
    Once,
    /// A challenge of ours.
    Issued,
}

/// One part of a signed text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedPart {
    /// Its name in the text; empty where parts have none.
    pub name: String,
    /// Where it comes from, such as `request.url`.
    pub from: String,
    /// What stands there in this request.
    pub value: Option<String>,
}

/// How a text is put together, and how its signature is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedText {
    /// The parts in order.
    pub parts: Vec<SignedPart>,
    /// Whether the parts are members of a JSON object.
    pub is_json: bool,
    /// Whether a line feed stands between parts.
    pub is_lines: bool,
    /// Where the signature stands.
    pub signature: String,
    /// How it is written: `base64`, `base64url` or `hex`.
    pub encoding: &'static str,
}

impl Dialect {
    /// Where its proofs stand.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        match &self.find {
            Find::Header { name, schemes, .. } => {
                Place::Header { name, words: &schemes.words, bare: schemes.bare }
            }
            Find::Headers(names) => Place::Headers(names),
            Find::Body => Place::Body,
            Find::Form(field) => Place::Form(&field.name),
            Find::Parameters { name, schemes, .. } => {
                Place::Header { name, words: &schemes.words, bare: false }
            }
            Find::Parameter(name) => Place::Form(name),
        }
    }

    /// Whether its proofs are tokens.
    #[must_use]
    pub fn is_token(&self) -> bool {
        matches!(self.form, Form::Jws | Form::Detached(_))
    }

    /// Where the name of the caller stands, such as `claim.iss`, and the text around it.
    #[must_use]
    pub fn naming(&self) -> (String, Option<(&str, &str)>) {
        let around = self.who.pattern.as_ref().map(|pattern| (&*pattern.before, &*pattern.after));
        (self.who.from.name(&self.names), around)
    }

    /// Whether its proofs name a key, and not an account.
    #[must_use]
    pub fn names_keys(&self) -> bool {
        matches!(self.who.by, By::Key)
    }

    /// Whether a message signature with this label and tag is one that it means.
    #[must_use]
    pub fn means(&self, label: &str, tag: Option<&str>) -> bool {
        matches!(&self.form, Form::HttpSig(form) if form.means(label, tag))
    }

    /// Its rules, in the order in which they are judged: one step of a [`crate::trace::Report`] belongs to each.
    #[must_use]
    pub fn demands(&self) -> Vec<Demand> {
        self.rules.iter().map(|rule| rule.demand(&self.names)).collect()
    }

    /// What stands in a request at a place of a dialect file, such as `auth.keyId` or `param.timestamp`, where that is one text.
    #[must_use]
    pub fn told(&self, incoming: &Incoming<'_>, place: &str) -> Option<String> {
        let source = Source::parse(place, &mut self.names.clone()).ok()?;
        let facts = self.facts(incoming).ok()?;
        facts.value(&source).text().map(str::to_owned)
    }

    /// The text that a request should have had signed, part by part; `None` for tokens.
    #[must_use]
    pub fn signed_text(
        &self,
        incoming: &Incoming<'_>,
        members: &dyn Fn(&str) -> Option<String>,
    ) -> Option<SignedText> {
        let Form::Text(form) = &self.form else { return None };
        let facts = Facts::new(incoming, self.names.members.len());
        let part = |field: &crate::form::text::Field| {
            let from = field.source.name(&self.names);
            let value = match &field.source {
                Source::Member(_) => members(from.split_once('.').map_or("", |(_, member)| member)),
                source => crate::form::part::part(&facts, source).map(std::borrow::Cow::into_owned),
            };
            SignedPart { name: field.name.to_string(), from, value }
        };
        if let Some(built) = form.built.first() {
            let facts = self.facts(incoming).unwrap_or(facts);
            let pieces = built.parts(&facts, |source| source.name(&self.names));
            let part = |(from, value)| SignedPart { name: String::new(), from, value };
            return Some(SignedText {
                parts: pieces.into_iter().map(part).collect(),
                is_json: false,
                is_lines: false,
                signature: form.signature.name(&self.names),
                encoding: form.encoding.name(),
            });
        }
        let first = form.encodes.first().copied();
        Some(SignedText {
            parts: form.alternatives.first().into_iter().flatten().map(part).collect(),
            is_json: !matches!(first, Some(Encode::Plain | Encode::Lines)),
            is_lines: first == Some(Encode::Lines),
            signature: form.signature.name(&self.names),
            encoding: form.encoding.name(),
        })
    }
}

impl Rule {
    fn demand(&self, names: &Names) -> Demand {
        let name = |source: &Source| source.name(names);
        let (kind, at, is, span) = match self {
            Self::Present(at) => (DemandKind::Present, at.iter().map(name).collect(), None, None),
            Self::Absent(at, _) => (DemandKind::Absent, vec![name(at)], None, None),
            Self::Equals(at, is, _) => (DemandKind::Equals, vec![name(at)], Some(is.to_string()), None),
            Self::Built(rule) => (DemandKind::Equals, vec![name(&rule.at)], None, None),
            Self::Same(one, other) => (DemandKind::Same, vec![name(one), name(other)], None, None),
            Self::Audience { at, is, .. } => {
                (DemandKind::Audience, vec![name(at)], Some(is.to_string()), None)
            }
            Self::Kind { at, .. } => (DemandKind::Type, vec![name(at)], None, None),
            Self::Near(at, within) => (DemandKind::Near, vec![name(at)], None, Some(*within)),
            Self::Window { at, most, .. } => (DemandKind::Near, vec![name(at)], None, Some(*most)),
            Self::NotBefore { at, slack, .. } => (DemandKind::NotBefore, vec![name(at)], None, Some(*slack)),
            Self::NotAfter { at, slack, .. } => (DemandKind::NotAfter, vec![name(at)], None, Some(*slack)),
            Self::Ahead { at, most, .. } => (DemandKind::Ahead, vec![name(at)], None, Some(*most)),
            Self::Lifetime { from, to, most } => {
                (DemandKind::Lifetime, vec![name(from), name(to)], None, Some(*most))
            }
            Self::Companion(at) => (DemandKind::Companion, vec![name(at)], None, None),
            Self::KnownUser => (DemandKind::KnownUser, Vec::new(), None, None),
            Self::Session => (DemandKind::Session, Vec::new(), None, None),
            Self::Once { parts, keep, .. } => {
                (DemandKind::Once, parts.iter().map(name).collect(), None, Some(*keep))
            }
            Self::Issued(at) => (DemandKind::Issued, vec![name(at)], None, None),
        };
        Demand { kind, at, is, span }
    }
}

impl Source {
    /// The name that stands for it in a dialect file; a member of the body is told as a claim is.
    fn name(&self, names: &Names) -> String {
        match self {
            Self::Member(slot) => format!("claim.{}", names.members.get(*slot).map_or("", |name| name)),
            Self::Signed(slot) => format!("signature.{}", names.members.get(*slot).map_or("", |name| name)),
            Self::Head(Head::Typ) => "head.typ".to_owned(),
            Self::Head(Head::Type) => "head.type".to_owned(),
            Self::Head(Head::Kid) => "head.kid".to_owned(),
            Self::Header(name) => format!("header.{name}"),
            Self::HeadMember(slot) => format!("head.{}", names.heads.get(*slot).map_or("", |name| name)),
            Self::Form(field) => format!("{}.{}", if field.json { "field" } else { "form" }, field.name),
            Self::Auth(name) => format!("auth.{name}"),
            Self::Parameter(name) => format!("param.{name}"),
            Self::Dated(source, format) => format!("{} as {}", source.name(names), format.name()),
            Self::Key(KeyFact::SpkiSha256) => "key.spki_sha256".to_owned(),
            Self::Request(part) => {
                let name = Part::ALL.iter().find(|(known, _)| known == part).map_or("", |(_, name)| name);
                format!("request.{name}")
            }
            Self::ChallengePrefix => "challenge.prefix".to_owned(),
            Self::Constant(text) => format!("text.{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_by_the_names_of_the_file() {
        let text = r#"
            name = "x"
            summary = "x"
            algorithms = ["RS256"]
            find = { header = "authorization", scheme = ["Bearer"], form = "jws" }
            who = { from = "claim.iss", namespace = "email" }
            rules = [ { present = ["claim.iss", "claim.exp"] }, { not_after = "claim.exp", slack = "5s" } ]
            reply = { status = 401, challenge = "Bearer" }
        "#;
        let dialect = Dialect::parse(text, &Default::default()).unwrap();
        let demands = dialect.demands();
        assert_eq!(demands[0].at, ["claim.iss", "claim.exp"]);
        assert_eq!((demands[1].kind, demands[1].span), (DemandKind::NotAfter, Span::parse("5s")));
        assert!(dialect.is_token() && !dialect.names_keys());
        assert_eq!(dialect.naming(), ("claim.iss".to_owned(), None));
    }
}
