//! A public key at rest: its numbers and nothing else, for registries that hold millions of them.

use crate::algorithm::KeyKind;
use crate::ed25519;
use crate::error::KeyError;
use crate::fingerprint::Digests;
use crate::numbers::{Numbers, coordinate_bytes};
use crate::public::PublicKey;
use std::fmt;

/// The DER around the modulus of an RSA-2048 key whose exponent is 65537, as almost all are.
const RSA_2048: (&[u8], &[u8]) = (
    &[
        0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
        0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
    ],
    &[0x02, 0x03, 0x01, 0x00, 0x01],
);
/// The DER before the 32 bytes of an Ed25519 key.
const ED25519: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// 65537, big-endian.
const USUAL_EXPONENT: &[u8] = &[1, 0, 1];

/// A public key as its numbers: 257 bytes for RSA-2048, under 70 for Ed25519 and P-256.
///
/// The first byte says what follows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CompactKey(Box<[u8]>);

/// What the first byte of a packed key says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The 32 bytes of the key.
    Ed25519,
    /// Both coordinates of the point.
    Point(KeyKind),
    /// The modulus; the exponent is 65537.
    Rsa,
    /// The exponent's length in two bytes, the exponent, the modulus.
    RsaOther,
}

impl Form {
    const ALL: [(u8, Self); 6] = [
        (1, Self::Ed25519),
        (2, Self::Point(KeyKind::P256)),
        (3, Self::Point(KeyKind::P384)),
        (4, Self::Point(KeyKind::P521)),
        (5, Self::Rsa),
        (6, Self::RsaOther),
    ];

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|(own, _)| *own == byte).map(|(_, form)| form)
    }

    fn byte(self) -> u8 {
        Self::ALL.into_iter().find(|(_, form)| *form == self).map_or(0, |(byte, _)| byte)
    }
}

impl CompactKey {
    /// Takes the DER of a key that was stored by us.
    ///
    /// # Errors
    /// When the bytes are not a `SubjectPublicKeyInfo` of a kind of key known here.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let mut packed = Vec::new();
        Self::pack_spki(der, &mut packed)?;
        Ok(Self(packed.into()))
    }

    /// Writes the packed form of the DER of a stored key at the end of `out`; [`Self::from_packed`] reads it back.
    ///
    /// # Errors
    /// As for [`Self::from_spki_der`]; nothing was written then.
    pub fn pack_spki(der: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        // The two usual spellings need no reader of DER: they differ in their numbers only.
        let (before, after) = RSA_2048;
        if let Some(modulus) = der.strip_prefix(before).and_then(|rest| rest.strip_suffix(after))
            && is_2048(modulus)
        {
            out.push(Form::Rsa.byte());
            out.extend_from_slice(modulus);
            return Ok(());
        }
        if let Some(raw) = der.strip_prefix(ED25519).and_then(|raw| raw.try_into().ok()) {
            ed25519::check_encoding(raw)?;
            out.push(Form::Ed25519.byte());
            out.extend_from_slice(raw);
            return Ok(());
        }
        let numbers = Numbers::from_spki(der)?;
        if let Numbers::Ed25519(raw) = &numbers {
            ed25519::check_encoding(raw)?;
        }
        pack(&numbers, out)
    }

    /// Takes what [`Self::packed`] gave or [`Self::pack_spki`] wrote.
    ///
    /// # Errors
    /// When the bytes are no packed key.
    pub fn from_packed(packed: &[u8]) -> Result<Self, KeyError> {
        unpack(packed).ok_or(KeyError::Der { wanted: "a packed public key" })?;
        Ok(Self(packed.into()))
    }

    /// The key in the form that takes least room.
    #[must_use]
    pub fn packed(&self) -> &[u8] {
        &self.0
    }

    /// The key ready for use.
    #[must_use]
    pub fn parse(&self) -> PublicKey {
        let bits = self.numbers().map_or(0, |numbers| numbers.bits());
        PublicKey::from_canonical(self.kind(), bits, self.to_spki_der().into())
    }

    /// The digests that its fingerprints spell; `None` never happens for a key that was taken.
    #[must_use]
    pub fn digests(&self) -> Option<Digests> {
        Some(Digests::of(&self.numbers()?, &self.to_spki_der()))
    }

    /// The kind of key.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match self.0.first().copied().and_then(Form::of) {
            Some(Form::Ed25519) => KeyKind::Ed25519,
            Some(Form::Point(kind)) => kind,
            Some(Form::Rsa | Form::RsaOther) | None => KeyKind::Rsa,
        }
    }

    /// The canonical `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        match self.0.split_first().map(|(form, rest)| (Form::of(*form), rest)) {
            Some((Some(Form::Rsa), modulus)) if is_2048(modulus) => {
                let (before, after) = RSA_2048;
                [before, modulus, after].concat()
            }
            Some((Some(Form::Ed25519), raw)) => [ED25519, raw].concat(),
            _ => self.numbers().and_then(|numbers| numbers.to_spki().ok()).unwrap_or_default(),
        }
    }

    /// The 32 bytes of an Ed25519 key.
    #[must_use]
    pub fn ed25519_bytes(&self) -> Option<[u8; 32]> {
        match self.numbers() {
            Some(Numbers::Ed25519(raw)) => Some(raw),
            _ => None,
        }
    }

    /// There, since the key was packed from them.
    fn numbers(&self) -> Option<Numbers> {
        unpack(&self.0)
    }
}

/// Whether a modulus has 2048 bits and not a few less: only then does its DER have a zero byte in front.
fn is_2048(modulus: &[u8]) -> bool {
    modulus.len() == 256 && modulus.first().is_some_and(|first| *first >= 0x80)
}

fn pack(numbers: &Numbers, out: &mut Vec<u8>) -> Result<(), KeyError> {
    match numbers {
        Numbers::Ed25519(raw) => {
            out.push(Form::Ed25519.byte());
            out.extend_from_slice(raw);
        }
        Numbers::Ec { kind, x, y } => {
            out.push(Form::Point(*kind).byte());
            out.extend_from_slice(x);
            out.extend_from_slice(y);
        }
        Numbers::Rsa { n, e } if e == USUAL_EXPONENT && !n.is_empty() => {
            out.push(Form::Rsa.byte());
            out.extend_from_slice(n);
        }
        Numbers::Rsa { n, e } => {
            let length = u16::try_from(e.len())
                .map_err(|_| KeyError::Der { wanted: "an RSA exponent under 65536 bytes" })?;
            out.push(Form::RsaOther.byte());
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(e);
            out.extend_from_slice(n);
        }
    }
    Ok(())
}

fn unpack(packed: &[u8]) -> Option<Numbers> {
    let (form, rest) = packed.split_first()?;
    Some(match Form::of(*form)? {
        Form::Ed25519 => Numbers::Ed25519(rest.try_into().ok()?),
        Form::Point(kind) => {
            let size = coordinate_bytes(kind);
            let (x, y) = rest.split_at_checked(size).filter(|(_, y)| y.len() == size)?;
            Numbers::Ec { kind, x: x.to_vec(), y: y.to_vec() }
        }
        Form::Rsa => Numbers::rsa(rest, USUAL_EXPONENT),
        Form::RsaOther => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let (e, n) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            Numbers::rsa(n, e)
        }
    })
}

impl From<&PublicKey> for CompactKey {
    fn from(key: &PublicKey) -> Self {
        let mut packed = Vec::new();
        if let Some(numbers) = key.numbers() {
            // An exponent that long was never taken.
            pack(&numbers, &mut packed).unwrap_or_default();
        }
        Self(packed.into())
    }
}

impl fmt::Debug for CompactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompactKey({}, {} bytes)", self.kind(), self.0.len())
    }
}

#[cfg(test)]
mod tests;
