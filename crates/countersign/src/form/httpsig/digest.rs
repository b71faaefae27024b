//! The digest of a body in its field (RFC 9530): every one that is known must fit, and one must count.
use crate::base64::{Alphabet, decode, encode};
use crate::reason::Reason;
use crate::structured::{Bare, Member, dictionary};
use countersign_keys::Digest;
use http::{HeaderMap, HeaderName};

/// `Content-Digest`: over the bytes of this message, which are those that a verifier sees.
pub(crate) const FIELD: HeaderName = HeaderName::from_static("content-digest");

/// Digests in one field: the registry has eight, of which two are not deprecated.
const MOST_DIGESTS: usize = 8;

/// A digest that counts; the others of the registry are deprecated (RFC 9530 section 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DigestKind {
    Sha256,
    Sha512,
}

impl DigestKind {
    pub(crate) const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    fn of(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Digest::Sha256.of(body),
            Self::Sha512 => Digest::Sha512.of(body),
        }
    }

    /// The field's value for a body.
    pub(crate) fn field(self, body: &[u8]) -> String {
        format!("{}=:{}:", self.name(), encode(Alphabet::Standard, &self.of(body)))
    }
}

/// Checks the field against the body: a digest that is known and wrong is never outweighed by one that is right.
///
/// # Errors
/// `digest-unusable` when none counts, `digest-mismatch` when one is wrong.
pub(crate) fn check(headers: &HeaderMap, body: &[u8], counting: &[DigestKind]) -> Result<(), Reason> {
    let mut members = Vec::new();
    for line in headers.get_all(FIELD) {
        dictionary(line.as_bytes(), MOST_DIGESTS, &mut members).map_err(|_| Reason::DigestUnusable)?;
    }
    let mut counted = false;
    for kind in DigestKind::ALL {
        let Some((_, member)) = members.iter().find(|(name, _)| *name == kind.name()) else { continue };
        let Member::Item(item) = member else { return Err(Reason::DigestUnusable) };
        let Bare::Bytes(text) = &item.value else { return Err(Reason::DigestUnusable) };
        let mut told = Vec::new();
        decode(Alphabet::Standard, text.as_bytes(), &mut told).map_err(|_| Reason::DigestUnusable)?;
        if told != kind.of(body) {
            return Err(Reason::DigestMismatch);
        }
        counted |= counting.contains(&kind);
    }
    if counted { Ok(()) } else { Err(Reason::DigestUnusable) }
}
