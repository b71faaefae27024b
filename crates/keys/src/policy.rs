//! Which public keys are good enough: sizes, exponents, and the known ways in which a key can be weak.

use crate::block_list::BlockList;
use crate::ed25519;
use crate::error::KeyError;
use crate::numbers::Numbers;
use crate::published;
use crate::rsa;
use std::sync::Arc;

/// What is taken at registration. The default is the strict list; each setting widens or narrows it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Policy {
    /// Takes RSA keys of any size from 2048 to 8192 bits, not only 2048, 3072 and 4096.
    pub allow_other_rsa_sizes: bool,
    /// Takes odd public exponents from 3 up to 32 bits, not only 65537.
    pub allow_other_exponents: bool,
    /// Keys that are not taken whatever else they are.
    pub blocked: Arc<BlockList>,
    /// Refuses keys whose private half is printed in a standard or shown as an example by a well-known tool. A server does; the
    /// standards' own examples could not be tried with it.
    pub refuse_published: bool,
}

impl Policy {
    /// Judges the numbers of a key.
    pub(crate) fn check(&self, numbers: &Numbers) -> Result<(), KeyError> {
        match numbers {
            Numbers::Rsa { n, e } => {
                self.check_rsa_size(numbers.bits())?;
                self.check_exponent(e)?;
                rsa::check_modulus(n)
            }
            Numbers::Ed25519(raw) => ed25519::check_point(raw),
            Numbers::Ec { kind, x, y } if x.iter().chain(y).all(|byte| *byte == 0) => {
                Err(KeyError::EcPoint { curve: kind.name(), problem: "is zero, which is nobody's key" })
            }
            // Whether the point is on its curve, the crypto library says when it parses the key. These
            // curves have prime order, so there are no small subgroups.
            Numbers::Ec { .. } => Ok(()),
        }
    }

    /// Looks a key up in the lists of those that others have.
    pub(crate) fn check_listed(&self, numbers: &Numbers, spki: &[u8]) -> Result<(), KeyError> {
        if let Some(source) = published::source(spki).filter(|_| self.refuse_published) {
            return Err(KeyError::Published { source });
        }
        if self.blocked.holds(numbers, spki) { Err(KeyError::Blocked) } else { Ok(()) }
    }

    fn check_rsa_size(&self, bits: u32) -> Result<(), KeyError> {
        let fits = match bits {
            2048 | 3072 | 4096 => true,
            2048..=8192 => self.allow_other_rsa_sizes,
            _ => false,
        };
        let wanted = if self.allow_other_rsa_sizes { "2048 to 8192" } else { "2048, 3072 or 4096" };
        if fits { Ok(()) } else { Err(KeyError::RsaSize { found: bits, wanted: wanted.into() }) }
    }

    fn check_exponent(&self, e: &[u8]) -> Result<(), KeyError> {
        let value = e.iter().try_fold(0_u64, |sum, byte| {
            sum.checked_mul(256).and_then(|sum| sum.checked_add(u64::from(*byte)))
        });
        let fits = match value {
            Some(65537) => true,
            // AWS-LC computes with exponents of at most 33 bits; 32 is the limit of most others.
            Some(value) => {
                self.allow_other_exponents && value >= 3 && value <= u64::from(u32::MAX) && value % 2 == 1
            }
            None => false,
        };
        let wanted = if self.allow_other_exponents { "an odd number from 3 up to 32 bits" } else { "65537" };
        let found = || value.map_or_else(|| "of more than 64 bits".to_owned(), |value| value.to_string());
        if fits { Ok(()) } else { Err(KeyError::RsaExponent { found: found(), wanted }) }
    }
}
