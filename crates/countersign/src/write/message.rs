//! Makes an HTTP message signature: the digest of the body, then the fields that carry the signature.
use super::{CannotSign, Knowledge, Made, headers};
use crate::base64::{Alphabet, encode_into};
use crate::dialect::{By, Dialect};
use crate::form::httpsig::base::build;
use crate::form::httpsig::message::Message;
use crate::form::httpsig::read::{INPUT, SIGNATURE};
use crate::form::httpsig::{HttpSig, MOST_SIGNATURES, Need, Needed, digest};
use crate::form::make::{Make, Name, Pair};
use crate::incoming::{Body, Incoming};
use crate::structured::{Bare, Dictionary, InnerList, Item, Parameter, Parameters, dictionary};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

impl Dialect {
    pub(super) fn write_message(
        &self,
        form: &HttpSig,
        make: &Make,
        incoming: &Incoming<'_>,
        mut know: Knowledge<'_, '_>,
    ) -> Result<Made, CannotSign> {
        know.names_keys = matches!(self.who.by, By::Key);
        let mut map: HeaderMap = incoming.headers.clone();
        // First what may be covered itself.
        let mut set = headers(&make.headers, &know, |template| !template.has(Name::Signature))?;
        let due = Incoming { headers: &map, ..*incoming };
        let parts: Vec<&Need> = form.needs.iter().filter(|need| form.is_due(need, &due)).collect();
        if let (true, Body::Seen(body), Some(kind)) = (
            parts.iter().any(|need| matches!(&need.part, Needed::Field(name) if *name == digest::FIELD)),
            incoming.body,
            form.digests.first(),
        ) {
            set.push((digest::FIELD, value(kind.field(body))?));
        }
        for (name, value) in &set {
            map.insert(name.clone(), value.clone());
        }
        let label = free_label(&form.label_made, &map)?;
        let inner = InnerList {
            items: parts.iter().map(|need| item(&need.part, &label, &map)).collect(),
            parameters: parameters(form, make, &know)?,
        };
        let facing = Incoming { headers: &map, ..*incoming };
        let message = Message { request: &facing, answer: None };
        let mut signed = Vec::new();
        build(&inner, &message, &form.needs, &mut signed).map_err(|_| CannotSign::CannotBuild)?;
        let signature = know.signer.key.sign(know.algorithm, &signed).map_err(CannotSign::Key)?;
        let mut input = format!("{label}=").into_bytes();
        inner.write(&mut input);
        let input = String::from_utf8(input).map_err(|_| CannotSign::CannotBuild)?;
        let mut text = format!("{label}=:");
        encode_into(Alphabet::Standard, &signature, &mut text);
        text.push(':');
        // Beside the signatures that are there already.
        set.push((INPUT, beside(&map, &INPUT, input)?));
        set.push((SIGNATURE, beside(&map, &SIGNATURE, text)?));
        Ok(Made { headers: set, body: None, query: None, token: None, signed })
    }
}

/// A component that must be covered: the one member of a field that belongs to this signature, where it has one.
fn item<'m>(part: &'m Needed, label: &'m str, headers: &HeaderMap) -> Item<'m> {
    let mut parameters = Parameters::default();
    if let Needed::Member(field) = part {
        let mut members: Dictionary<'_> = Vec::new();
        let lines = headers.get_all(field);
        let read =
            lines.iter().all(|line| dictionary(line.as_bytes(), MOST_SIGNATURES, &mut members).is_ok());
        if read && members.iter().any(|(own, _)| *own == label) {
            let value = Bare::String(Cow::Borrowed(label));
            parameters.0.push(Parameter { key: "key", value, text: "" });
        }
    }
    Item { value: Bare::String(Cow::Borrowed(part.name())), parameters }
}

pub(crate) fn value(text: String) -> Result<HeaderValue, CannotSign> {
    HeaderValue::try_from(text).map_err(|_| CannotSign::CannotBuild)
}

/// The parameters in the order of the file, and the dialect's first tag; one that comes out empty is left out.
fn parameters<'m>(
    form: &'m HttpSig,
    make: &'m Make,
    know: &Knowledge<'_, '_>,
) -> Result<Parameters<'m>, CannotSign> {
    let mut out = Vec::with_capacity(make.params.len());
    for Pair { name: key, template, .. } in &make.params {
        let value = match template.number(know.now) {
            Some(seconds) => Bare::Integer(seconds),
            None => {
                let mut text = String::new();
                know.fill(template, &mut text)?;
                if text.is_empty() {
                    continue;
                }
                if !text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
                    return Err(CannotSign::CannotBuild);
                }
                Bare::String(Cow::Owned(text))
            }
        };
        out.push(Parameter { key, value, text: "" });
    }
    if let Some(tag) = form.tags.first() {
        out.push(Parameter { key: "tag", value: Bare::String(Cow::Borrowed(tag)), text: "" });
    }
    Ok(Parameters(out))
}

/// The dialect's label, or the next one that no signature of the request has.
pub(crate) fn free_label(wanted: &str, headers: &HeaderMap) -> Result<String, CannotSign> {
    let mut known: Dictionary<'_> = Vec::new();
    for line in headers.get_all(INPUT) {
        dictionary(line.as_bytes(), MOST_SIGNATURES, &mut known).map_err(|_| CannotSign::CannotBuild)?;
    }
    let free = |label: &String| known.iter().all(|(own, _)| own != label);
    let numbered = (2..=MOST_SIGNATURES + 1).map(|number| format!("{wanted}-{number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(free).ok_or(CannotSign::CannotBuild)
}

pub(crate) fn beside(headers: &HeaderMap, name: &HeaderName, own: String) -> Result<HeaderValue, CannotSign> {
    let mut lines = Vec::new();
    for line in headers.get_all(name) {
        lines.push(line.to_str().map_err(|_| CannotSign::CannotBuild)?.to_owned());
    }
    lines.push(own);
    value(lines.join(", "))
}
