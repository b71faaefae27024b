//! Signs an answer, and a directory of keys.
use super::{ADDRESS, Content, FIELDS, LABEL, TAG, TAG_DIRECTORY, TAG_HEAD};
use crate::base64::{Alphabet, encode_into};
use crate::form::httpsig::base::build;
use crate::form::httpsig::component::Component;
use crate::form::httpsig::digest::{self, DigestKind};
use crate::form::httpsig::message::{Answer, Message};
use crate::form::httpsig::read::{INPUT, SIGNATURE};
use crate::form::httpsig::{MOST_COMPONENTS, MOST_COSTLY, MOST_READ, MOST_SIGNATURES};
use crate::incoming::Incoming;
use crate::structured::{Bare, Dictionary, InnerList, Item, Member, Parameter, Parameters, dictionary};
use crate::time::{Span, Time};
use crate::write::CannotSign;
use crate::write::message::{beside, free_label, value};
use countersign_keys::{Algorithm, KeyPair};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use std::borrow::Cow;

/// Who signs, and when.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'k> {
    /// The key; it is named by its JWK thumbprint (RFC 7638).
    pub key: &'k dyn KeyPair,
    /// The algorithm: one of those of RFC 9421.
    pub algorithm: Algorithm,
    /// When.
    pub now: Time,
}

/// Signs an answer to `question`: adds the body's digest and the signature to its headers. `label` is that of the question's own message
/// signature ([`crate::dialect::Dialect::message_label`]), where it has one.
///
/// # Errors
/// [`CannotSign`] when the key does not sign, or what is to be covered cannot be; the headers are then as they were.
pub fn sign(
    question: &Incoming<'_>,
    label: Option<&str>,
    status: u16,
    headers: &mut HeaderMap,
    content: Content<'_>,
    signing: &Signing<'_>,
) -> Result<(), CannotSign> {
    let mut made = headers.clone();
    let mut items = vec![item("@status", false)];
    if let Content::Whole(body) = content {
        made.insert(digest::FIELD, value(DigestKind::Sha256.field(body))?);
        items.push(named(&digest::FIELD, false, None));
    }
    items.extend(FIELDS.iter().filter(|name| made.contains_key(*name)).map(|name| named(name, false, None)));
    items.extend(ADDRESS.map(|name| item(name, true)));
    if question.headers.contains_key(AUTHORIZATION) {
        items.push(named(&AUTHORIZATION, true, None));
    }
    let tag = if content == Content::Unheld { TAG_HEAD } else { TAG };
    let mut inputs: Dictionary<'_> = Vec::new();
    let mut more = Vec::new();
    if let Some(label) = label {
        for line in question.headers.get_all(INPUT) {
            dictionary(line.as_bytes(), MOST_SIGNATURES, &mut inputs).map_err(|_| CannotSign::CannotBuild)?;
        }
        let found = inputs.iter().find(|(own, _)| *own == label);
        let Some((_, Member::Inner(signed))) = found else { return Err(CannotSign::CannotBuild) };
        items.extend([INPUT, SIGNATURE].iter().map(|field| named(field, true, Some(label))));
        let message = Message { request: question, answer: Some(Answer { status, headers: &made }) };
        more = asked(signed, &items, &message);
    }
    let all = InnerList {
        items: items.iter().cloned().chain(more).collect(),
        parameters: parameters(signing, tag, None),
    };
    // More than a base may have: a caller wrote the list. What it proved itself by stays covered.
    if let Err(CannotSign::CannotBuild) = add(question, status, &mut made, LABEL, &all, signing) {
        let inner = InnerList { items, parameters: parameters(signing, tag, None) };
        add(question, status, &mut made, LABEL, &inner, signing)?;
    }
    *headers = made;
    Ok(())
}

/// Signs a directory of keys with one of the keys in it: what is asked of, the body and how long that counts.
///
/// # Errors
/// As of [`sign`].
pub fn sign_directory(
    question: &Incoming<'_>,
    headers: &mut HeaderMap,
    body: &[u8],
    life: Span,
    signing: &Signing<'_>,
) -> Result<(), CannotSign> {
    let mut made = headers.clone();
    made.insert(digest::FIELD, value(DigestKind::Sha256.field(body))?);
    let items = vec![item("@authority", true), named(&digest::FIELD, false, None)];
    let inner = InnerList { items, parameters: parameters(signing, TAG_DIRECTORY, Some(life)) };
    add(question, 200, &mut made, "sig1", &inner, signing)?;
    *headers = made;
    Ok(())
}

/// What the question's signature covers, each of the question, and as far as it came: what a proxy took away cannot be covered again. What is listed
/// already is not named twice.
fn asked<'i>(signed: &InnerList<'i>, listed: &[Item<'i>], message: &Message<'_>) -> Vec<Item<'i>> {
    let of_question = signed.items.iter().take(MOST_COMPONENTS).map(|own| {
        let mut own = own.clone();
        own.parameters.0.push(flag("req"));
        own
    });
    let is_new = |own: &Item<'_>| {
        let Ok(component) = Component::read(own) else { return false };
        let same = |listed: &Item<'_>| Component::read(listed).is_ok_and(|listed| listed == component);
        // Each is read once more for the base, which is bounded; one that would be dear is not tried here.
        let comes = component.reads(message) <= MOST_READ / MOST_COSTLY
            && component.write(message, &mut Vec::new()).is_ok();
        comes && !listed.iter().any(same)
    };
    of_question.filter(is_new).collect()
}

fn add(
    question: &Incoming<'_>,
    status: u16,
    headers: &mut HeaderMap,
    label: &str,
    inner: &InnerList<'_>,
    signing: &Signing<'_>,
) -> Result<(), CannotSign> {
    let mut base = Vec::new();
    let message = Message { request: question, answer: Some(Answer { status, headers }) };
    build(inner, &message, &[], &mut base).map_err(|_| CannotSign::CannotBuild)?;
    let signature = signing.key.sign(signing.algorithm, &base).map_err(CannotSign::Key)?;
    // What nobody could read beside ours would make ours unreadable.
    let label = free_label(label, headers).unwrap_or_else(|_| {
        headers.remove(INPUT);
        headers.remove(SIGNATURE);
        label.to_owned()
    });
    let mut input = format!("{label}=").into_bytes();
    inner.write(&mut input);
    let input = String::from_utf8(input).map_err(|_| CannotSign::CannotBuild)?;
    let mut text = format!("{label}=:");
    encode_into(Alphabet::Standard, &signature, &mut text);
    text.push(':');
    let (input, text) = (beside(headers, &INPUT, input)?, beside(headers, &SIGNATURE, text)?);
    headers.insert(INPUT, input);
    headers.insert(SIGNATURE, text);
    Ok(())
}

fn parameters<'p>(signing: &Signing<'p>, tag: &'p str, life: Option<Span>) -> Parameters<'p> {
    let text = |key, text: &'p str| Parameter { key, value: Bare::String(Cow::Borrowed(text)), text: "" };
    let second = |key, time: Time| Parameter { key, value: Bare::Integer(time.seconds()), text: "" };
    let mut out = vec![second("created", signing.now)];
    out.extend(life.map(|life| second("expires", signing.now + life)));
    out.push(text("keyid", &signing.key.fingerprints().jwk_thumbprint));
    out.extend(signing.algorithm.http_name().map(|name| text("alg", name)));
    out.push(text("tag", tag));
    Parameters(out)
}

fn named<'n>(name: &HeaderName, request: bool, key: Option<&'n str>) -> Item<'n> {
    item_of(Cow::Owned(name.as_str().to_owned()), request, key)
}

fn item(name: &str, request: bool) -> Item<'_> {
    item_of(Cow::Borrowed(name), request, None)
}

fn item_of<'n>(name: Cow<'n, str>, request: bool, key: Option<&'n str>) -> Item<'n> {
    let mut parameters = Vec::new();
    if request {
        parameters.push(flag("req"));
    }
    if let Some(key) = key {
        parameters.push(Parameter { key: "key", value: Bare::String(Cow::Borrowed(key)), text: "" });
    }
    Item { value: Bare::String(name), parameters: Parameters(parameters) }
}

fn flag(key: &'static str) -> Parameter<'static> {
    Parameter { key, value: Bare::Boolean(true), text: "" }
}
