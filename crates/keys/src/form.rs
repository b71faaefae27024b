//! Recognising what a DER document is by its outline, before anything inside it is believed.

use crate::error::KeyError;
use crate::numbers::Numbers;
use der::asn1::AnyRef;
use der::{Decode, Tag, Tagged};

/// Takes the public key out of a DER document, and names what it is when it is something else.
pub(crate) fn public_key(der: &[u8]) -> Result<Numbers, KeyError> {
    // The number of members is bounded by the length of the document, which intake bounds.
    let members = Vec::<AnyRef<'_>>::from_der(der).map_err(|_| KeyError::Der { wanted: "a public key" })?;
    let tags: Vec<Tag> = members.iter().map(Tagged::tag).collect();
    match tags.as_slice() {
        [Tag::Sequence, Tag::BitString] => Numbers::from_spki(der),
        [Tag::Integer, Tag::Integer] => Numbers::from_pkcs1(der),
        [Tag::Integer, Tag::Sequence, Tag::OctetString, ..] => Err(KeyError::Private { form: "PKCS#8" }),
        [Tag::Integer, Tag::OctetString, ..] => Err(KeyError::Private { form: "SEC1" }),
        [Tag::Sequence, Tag::OctetString] => Err(KeyError::Private { form: "encrypted PKCS#8" }),
        [Tag::Integer, Tag::Sequence, Tag::Sequence] => Err(KeyError::Private { form: "PKCS#12" }),
        [Tag::Integer, Tag::Integer, Tag::Integer, Tag::Integer, Tag::Integer, Tag::Integer] => {
            Err(KeyError::Private { form: "DSA" })
        }
        [Tag::Integer, Tag::Integer, Tag::Integer, Tag::Integer, ..] => {
            Err(KeyError::Private { form: "PKCS#1" })
        }
        [Tag::Sequence, Tag::Sequence, Tag::BitString] => Err(KeyError::Certificate { form: "certificate" }),
        [Tag::ObjectIdentifier, ..] => Err(KeyError::Certificate { form: "bundle of certificates (PKCS#7)" }),
        _ => Err(KeyError::Der { wanted: "a public key" }),
    }
}

/// Whether bytes look like a DER document: a sequence that says its own length.
pub(crate) fn looks_like_der(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, 0x81, len, rest @ ..] => usize::from(*len) == rest.len(),
        [0x30, 0x82, high, low, rest @ ..] => usize::from(u16::from_be_bytes([*high, *low])) == rest.len(),
        [0x30, len, rest @ ..] => *len < 0x80 && usize::from(*len) == rest.len(),
        _ => false,
    }
}
