//! Nonces for DPoP proofs (RFC 9449 section 8) that nothing stores: a date under a key that every node has.
use countersign::base64::{Alphabet, decode, encode};
use countersign::time::{Span, Time};
use countersign_keys::MacKey;
use subtle::ConstantTimeEq;

const DATE: usize = 8;
const TAG: usize = 16;
/// Characters of a nonce: 24 bytes in base64url.
const LENGTH: usize = 32;
/// Nodes' clocks are not one: so many seconds may another be ahead.
const AHEAD: i64 = 5;

/// Makes nonces and knows them again.
#[derive(Debug)]
pub struct Nonces {
    key: MacKey,
    life: Span,
    required: bool,
}

impl Nonces {
    /// Nonces under a key, good for `life`. Where they are `required`, a proof without one is refused; otherwise one that has a nonce has a good one.
    #[must_use]
    pub fn new(key: MacKey, life: Span, required: bool) -> Self {
        Self { key, life, required }
    }

    /// Whether proofs must have one.
    #[must_use]
    pub fn are_required(&self) -> bool {
        self.required
    }

    /// A nonce that counts from now on. All of one second are the same: they tell when, not whom.
    #[must_use]
    pub fn fresh(&self, now: Time) -> String {
        let date = now.seconds().to_be_bytes();
        let mut bytes = date.to_vec();
        bytes.extend(self.tag(&date).iter().take(TAG));
        encode(Alphabet::Url, &bytes)
    }

    /// Whether a proof's nonce will do: it is one of ours and young enough, or none is there and none has to be.
    pub(crate) fn admit(&self, nonce: Option<&str>, now: Time) -> Result<(), NoGood> {
        let Some(nonce) = nonce else { return if self.required { Err(NoGood) } else { Ok(()) } };
        // The length bound keeps a caller from making us decode kilobytes.
        if nonce.len() != LENGTH {
            return Err(NoGood);
        }
        let mut bytes = Vec::new();
        decode(Alphabet::Url, nonce.as_bytes(), &mut bytes).map_err(|_| NoGood)?;
        let (date, tag) = bytes.split_first_chunk::<DATE>().ok_or(NoGood)?;
        let wanted = self.tag(date);
        if !bool::from(wanted.get(..TAG).unwrap_or_default().ct_eq(tag)) {
            return Err(NoGood);
        }
        let age = now.since(Time::from_seconds(i64::from_be_bytes(*date)));
        if age <= self.life && Span::from_seconds(-AHEAD) <= age { Ok(()) } else { Err(NoGood) }
    }

    fn tag(&self, date: &[u8; DATE]) -> [u8; 32] {
        self.key.tag(&[b"countersign dpop nonce\0", date])
    }
}

/// The nonce is none of ours, or too old.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NoGood;

#[cfg(test)]
mod tests {
    use super::*;

    fn nonces(secret: u8, required: bool) -> Nonces {
        Nonces::new(MacKey::new(&[secret; 32]), Span::from_seconds(300), required)
    }

    #[test]
    fn a_nonce_counts_for_its_life_at_every_node_with_the_key() {
        let at = Time::from_seconds;
        let nonce = nonces(1, true).fresh(at(1000));
        assert_eq!(nonce.len(), LENGTH);
        let admit = |now| nonces(1, true).admit(Some(&nonce), at(now));
        assert_eq!((admit(1000), admit(1300), admit(1301)), (Ok(()), Ok(()), Err(NoGood)));
        assert_eq!((admit(995), admit(994)), (Ok(()), Err(NoGood)));
        assert_eq!(nonces(2, true).admit(Some(&nonce), at(1000)), Err(NoGood));
    }

    #[test]
    fn what_is_no_nonce_of_ours_is_no_good() {
        let nonce = nonces(1, true).fresh(Time::from_seconds(1000));
        for at in 0..LENGTH {
            let mut other = nonce.clone().into_bytes();
            other[at] = if other[at] == b'x' { b'y' } else { b'x' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(nonces(1, false).admit(Some(&other), Time::from_seconds(1000)), Err(NoGood), "{at}");
        }
        for other in ["", "x", "é", &"A".repeat(5000)] {
            assert_eq!(nonces(1, false).admit(Some(other), Time::from_seconds(1000)), Err(NoGood));
        }
        assert_eq!(nonces(1, true).admit(None, Time::from_seconds(1000)), Err(NoGood));
        assert_eq!(nonces(1, false).admit(None, Time::from_seconds(1000)), Ok(()));
    }
}
