//! Writes the proof of a dialect that signs a text: what stands beside the text first, then the signature and what carries it.
use super::query::add_parameters;
use super::{CannotSign, Knowledge, Made, headers, object, object_members};
use crate::base64::{Alphabet, encode, encode_hex};
use crate::dialect::{Dialect, Find};
use crate::form::make::{Make, Name, Template};
use crate::form::text::{SignatureEncoding, TextForm};
use crate::incoming::{Body, Incoming};
use crate::json::Value;
use http::HeaderMap;

impl Dialect {
    pub(super) fn write_text<'m>(
        &self,
        form: &TextForm,
        make: &'m Make,
        incoming: &Incoming<'_>,
        mut know: Knowledge<'m, '_>,
    ) -> Result<Made, CannotSign> {
        let has_body = !matches!(incoming.body, Body::Empty | Body::Seen(b""));
        let [without, with] = &make.list;
        know.list = if has_body { with } else { without };
        let unsigned =
            |template: &Template| !template.has(Name::Signature) && !template.has(Name::SignaturePercent);
        // First what does not depend on the signature: it may be part of what is signed. A list of parameters has its others
        // already, beside a mark where the signature will stand.
        let in_parts = matches!(self.find, Find::Parameters { .. });
        if in_parts {
            know.signature = Some("-".to_owned());
        }
        let mut map: HeaderMap = incoming.headers.clone();
        // What merely stands beside a body is written from the request itself, before the rest may speak of it.
        let beside = if has_body { make.headers_with_body.as_slice() } else { &[] };
        let beside = headers(beside, &know, |_| true)?;
        let before = headers(&make.headers, &know, |template| in_parts || unsigned(template))?;
        for (name, value) in beside.iter().cloned().chain(before) {
            map.insert(name, value);
        }
        let mut query = incoming.target.query.unwrap_or("").to_owned();
        add_parameters(make, &know, &mut query, &unsigned)?;
        let mut target = incoming.target;
        if !query.is_empty() {
            target.query = Some(&query);
        }
        let facing = Incoming { headers: &map, target, ..*incoming };
        let body_members = object_members(make, &know, &self.names.members)?;
        let mut facts = self.facts(&facing).map_err(|_| CannotSign::CannotBuild)?;
        for (slot, value) in body_members {
            if let Some(place) = facts.members.get_mut(slot) {
                *place = Value::Text(value.into());
            }
        }
        let mut texts = Vec::new();
        form.check_body(incoming.body).map_err(|_| CannotSign::CannotBuild)?;
        form.build(&facts, &mut texts).map_err(|_| CannotSign::CannotBuild)?;
        let signed = texts.into_iter().next().ok_or(CannotSign::CannotBuild)?;
        let signature = know.signer.key.sign(know.algorithm, &signed).map_err(CannotSign::Key)?;
        know.signature = Some(match form.encoding {
            SignatureEncoding::Base64 => encode(Alphabet::Standard, &signature),
            SignatureEncoding::Base64url => encode(Alphabet::Url, &signature),
            SignatureEncoding::Hex => encode_hex(&signature),
        });
        if !form.prefix.is_empty()
            && let Some(signature) = &mut know.signature
        {
            signature.insert_str(0, &form.prefix);
        }
        let mut body = String::new();
        if !make.body.is_empty() {
            object(&make.body, &know, &mut body)?;
        }
        let body = (!body.is_empty()).then_some(body);
        let mut made = headers(&make.headers, &know, |_| true)?;
        made.extend(beside);
        let mut signed_query = query.clone();
        add_parameters(make, &know, &mut signed_query, &|template| !unsigned(template))?;
        let query = (!make.query.is_empty()).then_some(signed_query);
        Ok(Made { headers: made, body, query, token: None, signed })
    }
}
