//! The signature over a text, read from its place in the one spelling that the dialect wants.
use crate::base64::{Alphabet, decode, decode_hex};
use crate::form::text::{SignatureEncoding, TextForm};
use crate::json::Value;
use crate::reason::Reason;
use crate::source::{Facts, Source};

/// Reads it into `signature`.
pub(crate) fn read(form: &TextForm, facts: &Facts<'_>, signature: &mut Vec<u8>) -> Result<(), Reason> {
    let value = facts.value(&form.signature);
    let text = match (&value, &form.signature) {
        (Value::Text(text), _) => text,
        (Value::Absent, Source::Member(_)) => return Err(Reason::MissingIdentity),
        _ => return Err(Reason::MalformedCredential),
    };
    let text = match &*form.prefix {
        "" => &**text,
        // Of several kinds of signature exactly one is ours.
        prefix => {
            let mut ours = text.split(' ').filter_map(|word| word.strip_prefix(prefix));
            let first = ours.next().ok_or(Reason::MalformedCredential)?;
            if ours.next().is_some() {
                return Err(Reason::AmbiguousCredentials);
            }
            first
        }
    };
    let decoded = match form.encoding {
        SignatureEncoding::Base64 => decode(Alphabet::Standard, text.as_bytes(), signature),
        SignatureEncoding::Base64url => decode(Alphabet::Url, text.as_bytes(), signature),
        SignatureEncoding::Hex => decode_hex(text.as_bytes(), signature),
    };
    decoded.map_err(|_| Reason::MalformedEncoding)
}
