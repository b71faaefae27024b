//! Judges the signature on an answer: which server gave it, whether it is to this question, and how much of it is covered.
use super::{ADDRESS, FIELDS, TAG, TAG_DIRECTORY, TAG_HEAD, has_content};
use crate::base64::{Alphabet, decode};
use crate::form::httpsig::base::build;
use crate::form::httpsig::component::Component;
use crate::form::httpsig::digest::{self, DigestKind};
use crate::form::httpsig::message::{Answer, Message};
use crate::form::httpsig::read::{INPUT, SIGNATURE};
use crate::form::httpsig::{MOST_COMPONENTS, MOST_SIGNATURES};
use crate::incoming::Incoming;
use crate::reason::Reason;
use crate::structured::{Bare, Dictionary, InnerList, Member, dictionary};
use crate::time::{Span, Time};
use countersign_keys::{Algorithm, Job, PublicKey, verify};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use std::fmt;
use std::sync::Arc;

/// Bytes of the two fields of an answer together: eight signatures of RSA-4096 with long lists stay under it.
const MOST_FIELDS: usize = 32 * 1024;

/// A key of a server.
#[derive(Clone, Debug)]
pub struct ServerKey {
    key: Arc<PublicKey>,
    thumbprint: String,
}

/// An answer, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Came<'a> {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, whole.
    pub body: &'a [u8],
}

/// What an answer must be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// The server's keys.
    pub keys: &'w [ServerKey],
    /// The time at the server.
    pub now: Time,
    /// How far from that it may be dated.
    pub tolerance: Span,
    /// How much of it must be covered.
    pub least: Extent,
}

/// How much of an answer its signature covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// The body, too, or there can be none.
    Whole,
    /// Its head alone, and the server says so.
    Head,
}

/// How closely an answer is bound to its question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// To what the question proved itself by: as unique as that is.
    Proof,
    /// To the question's method and address: it may be the answer to another one that was asked there at about the same time.
    Address,
}

/// An answer whose signature holds. Only [`judge`] makes one.
#[derive(Clone, Debug)]
pub struct Signed {
    key: String,
    created: Time,
    extent: Extent,
    bound: Bound,
}

/// Why an answer's signature does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unproved {
    /// It has none of this kind.
    Unsigned,
    /// It has several, so that nobody can say which counts.
    Several,
    /// Its signature cannot be read.
    Malformed(&'static str),
    /// A component is not covered, by name.
    NotCovered(String),
    /// A component that is covered is not there, or not as it can be covered.
    Absent,
    /// No key of the server has this name.
    UnknownKey(String),
    /// The algorithm is none that the key has.
    Algorithm,
    /// It is dated too far from now (seconds; later ones are positive).
    Dated(i64),
    /// The signature does not hold: the answer was changed, or is to another question.
    Broken,
    /// The body is another one than was signed.
    Body,
    /// The server signed the head alone, since it did not hold the body.
    BodyOutside,
}

/// A key whose holder signed a directory of keys. Only [`directory`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'k> {
    key: &'k ServerKey,
    until: Time,
}

impl<'k> Holder<'k> {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &'k ServerKey {
        self.key
    }

    /// When this signature of his ends; from then on it says nothing.
    #[must_use]
    pub fn until(&self) -> Time {
        self.until
    }
}

impl ServerKey {
    /// A key.
    #[must_use]
    pub fn new(key: Arc<PublicKey>) -> Self {
        let thumbprint = key.fingerprints().jwk_thumbprint;
        Self { key, thumbprint }
    }

    /// Its JWK thumbprint (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

impl Signed {
    /// The JWK thumbprint of the key that signed.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// When it was signed.
    #[must_use]
    pub fn created(&self) -> Time {
        self.created
    }

    /// How much of it is covered.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// How closely it is bound to the question.
    #[must_use]
    pub fn bound(&self) -> Bound {
        self.bound
    }
}

/// Judges an answer to `question`, which must be as it was sent: its headers with the proof among them. `label` is that of its own message
/// signature, where it has one.
///
/// # Errors
/// [`Unproved`].
pub fn judge(
    question: &Incoming<'_>,
    label: Option<&str>,
    came: &Came<'_>,
    wanted: &Wanted<'_>,
) -> Result<Signed, Unproved> {
    let (inputs, signatures) = fields(came.headers)?;
    let mut meant = inputs.iter().filter(|(_, member)| matches!(tag(member), Some(TAG | TAG_HEAD)));
    let (own, member) = match (meant.next(), meant.next()) {
        (None, _) => return Err(Unproved::Unsigned),
        (Some(only), None) => only,
        _ => return Err(Unproved::Several),
    };
    let Member::Inner(inner) = member else { return Err(Unproved::Malformed("it covers nothing")) };
    let listed = components(inner)?;
    let covers = |name: &str, request: bool, key: Option<&str>| {
        let wanted = Component { name, request, key, ..Component::default() };
        let shown = || format!("{name}{}", if request { ";req" } else { "" });
        if listed.contains(&wanted) { Ok(()) } else { Err(Unproved::NotCovered(shown())) }
    };
    covers("@status", false, None)?;
    for name in ADDRESS {
        covers(name, true, None)?;
    }
    for name in FIELDS.iter().filter(|name| came.headers.contains_key(*name)) {
        covers(name.as_str(), false, None)?;
    }
    let mut bound = Bound::Address;
    if question.headers.contains_key(AUTHORIZATION) {
        covers(AUTHORIZATION.as_str(), true, None)?;
        bound = Bound::Proof;
    }
    if let Some(label) = label {
        covers(INPUT.as_str(), true, Some(label))?;
        covers(SIGNATURE.as_str(), true, Some(label))?;
        bound = Bound::Proof;
    }
    let extent = if tag(member) == Some(TAG_HEAD) { Extent::Head } else { Extent::Whole };
    if extent == Extent::Head && wanted.least == Extent::Whole {
        return Err(Unproved::BodyOutside);
    }
    let with_body = extent == Extent::Whole && has_content(question.method, came.status);
    if with_body {
        covers(digest::FIELD.as_str(), false, None)?;
    }
    let created = number(inner, "created").ok_or(Unproved::Malformed("it has no date"))?;
    let created = Time::from_seconds(created);
    let away = created.since(wanted.now);
    if away.abs() > wanted.tolerance {
        return Err(Unproved::Dated(away.millis() / 1000));
    }
    let key = holds(question, came, own, inner, &signatures, wanted.keys)?;
    if with_body {
        digest::check(came.headers, came.body, &DigestKind::ALL).map_err(|_| Unproved::Body)?;
    }
    Ok(Signed { key: key.thumbprint.clone(), created, extent, bound })
}

/// The keys among `keys` whose holders signed this directory: for the host that was asked, with this body, at a time that includes now; once for
/// each signature.
#[must_use]
pub fn directory<'k>(
    question: &Incoming<'_>,
    came: &Came<'_>,
    keys: &'k [ServerKey],
    now: Time,
) -> Vec<Holder<'k>> {
    let Ok((inputs, signatures)) = fields(came.headers) else { return Vec::new() };
    if digest::check(came.headers, came.body, &DigestKind::ALL).is_err() {
        return Vec::new();
    }
    let one = |(own, member): &(&str, Member<'_>)| -> Option<Holder<'k>> {
        let Member::Inner(inner) = member else { return None };
        let listed = components(inner).ok()?;
        let of = |name, request| Component { name, request, ..Component::default() };
        let covered =
            listed.contains(&of("@authority", true)) && listed.contains(&of(digest::FIELD.as_str(), false));
        let (created, expires) = (number(inner, "created")?, number(inner, "expires")?);
        let counts = created <= now.seconds() && now.seconds() < expires;
        if tag(member) != Some(TAG_DIRECTORY) || !covered || !counts {
            return None;
        }
        let key = holds(question, came, own, inner, &signatures, keys).ok()?;
        Some(Holder { key, until: Time::from_seconds(expires) })
    };
    inputs.iter().filter_map(one).collect()
}

/// The key whose signature over the answer holds.
fn holds<'k>(
    question: &Incoming<'_>,
    came: &Came<'_>,
    label: &str,
    inner: &InnerList<'_>,
    signatures: &Dictionary<'_>,
    keys: &'k [ServerKey],
) -> Result<&'k ServerKey, Unproved> {
    let keyid = text(inner, "keyid").ok_or(Unproved::Malformed("it names no key"))?;
    let found = keys.iter().find(|key| key.thumbprint == keyid);
    let key = found.ok_or_else(|| Unproved::UnknownKey(keyid.to_owned()))?;
    let algorithm = match inner.parameters.get("alg") {
        None => key.key.kind().usual_algorithm(),
        Some(_) => text(inner, "alg").and_then(Algorithm::from_http).ok_or(Unproved::Algorithm)?,
    };
    if algorithm.is_weak() || !key.key.allows(algorithm) {
        return Err(Unproved::Algorithm);
    }
    let found = signatures.iter().find(|(own, _)| *own == label);
    let Some((_, Member::Item(found))) = found else {
        return Err(Unproved::Malformed("the signature is not there"));
    };
    let Bare::Bytes(encoded) = &found.value else {
        return Err(Unproved::Malformed("the signature is no bytes"));
    };
    let mut signature = Vec::new();
    decode(Alphabet::Standard, encoded.as_bytes(), &mut signature)
        .map_err(|_| Unproved::Malformed("the signature is no base64"))?;
    let mut base = Vec::new();
    let answer = Some(Answer { status: came.status, headers: came.headers });
    build(inner, &Message { request: question, answer }, &[], &mut base).map_err(|reason| match reason {
        Reason::ComponentAbsent => Unproved::Absent,
        Reason::TooLarge => Unproved::Malformed("it covers too much"),
        _ => Unproved::Malformed("it covers what no answer has"),
    })?;
    let outcome = verify(&Job::new(&key.key, algorithm, &base, &signature));
    outcome.accepted(&signature).map(|_| key).map_err(|_| Unproved::Broken)
}

/// The members of the two fields.
fn fields(headers: &HeaderMap) -> Result<(Dictionary<'_>, Dictionary<'_>), Unproved> {
    Ok((members(headers, &INPUT)?, members(headers, &SIGNATURE)?))
}

fn members<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Dictionary<'h>, Unproved> {
    let lines = headers.get_all(name);
    if lines.iter().map(|line| line.len()).sum::<usize>() > MOST_FIELDS {
        return Err(Unproved::Malformed("it is too long"));
    }
    let mut members = Vec::new();
    for line in lines {
        dictionary(line.as_bytes(), MOST_SIGNATURES, &mut members)
            .map_err(|_| Unproved::Malformed("its fields are no dictionaries"))?;
    }
    Ok(members)
}

fn components<'i>(inner: &'i InnerList<'_>) -> Result<Vec<Component<'i>>, Unproved> {
    if inner.items.len() > MOST_COMPONENTS {
        return Err(Unproved::Malformed("it covers too much"));
    }
    let read = inner.items.iter().map(Component::read).collect::<Result<_, _>>();
    read.map_err(|_| Unproved::Malformed("it covers what no answer has"))
}

fn tag<'m>(member: &'m Member<'_>) -> Option<&'m str> {
    match member {
        Member::Inner(inner) => text(inner, "tag"),
        Member::Item(_) => None,
    }
}

fn text<'m>(inner: &'m InnerList<'_>, name: &str) -> Option<&'m str> {
    match &inner.parameters.get(name)?.value {
        Bare::String(text) => Some(text),
        _ => None,
    }
}

fn number(inner: &InnerList<'_>, name: &str) -> Option<i64> {
    match inner.parameters.get(name)?.value {
        Bare::Integer(value) => Some(value),
        _ => None,
    }
}

impl fmt::Display for Unproved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str(
                "wanted an answer that the server signed, found one without such a signature; the route needs `sign_answers`, and what \
                 lies between must pass `Signature` and `Signature-Input` on",
            ),
            Self::Several => f.write_str("wanted one signature of the server's on the answer, found several"),
            Self::Malformed(what) => write!(f, "the answer's signature cannot be read: {what}"),
            Self::NotCovered(name) => {
                write!(f, "the answer's signature does not cover {name}; it may be the answer to another question")
            }
            Self::Absent => {
                f.write_str("the answer's signature covers something that is not there; a proxy on the way may have removed it")
            }
            Self::UnknownKey(name) => write!(
                f,
                "the answer is signed with the key {name:?}, which is none of the server's; read its key set again, or ask who answers there"
            ),
            Self::Algorithm => f.write_str("the answer names an algorithm that the server's key does not have"),
            Self::Dated(away) => write!(
                f,
                "the answer was signed {} seconds {}; set this machine's clock, or it is an old answer sent again",
                away.unsigned_abs(),
                if *away < 0 { "ago" } else { "ahead" }
            ),
            Self::Broken => {
                f.write_str("the answer's signature does not hold: it was changed on the way, or answers another question")
            }
            Self::BodyOutside => f.write_str(
                "the server signed the answer without its body, which was too long to be held or has no end; raise the route's `body_limit`, \
                 or take such answers",
            ),
            Self::Body => f.write_str("the answer's body is another one than the server signed"),
        }
    }
}

impl std::error::Error for Unproved {}
