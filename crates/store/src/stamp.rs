//! When, by whom and with which chance a change is made, and the ids that follow from it.
use countersign::time::Time;
use countersign_keys::sha256;

/// What every change is stamped with; drawn by the shell, so that a change can be repeated exactly.
#[derive(Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub now: Time,
    /// Who: an account id, `local` (access to the data directory) or `self` (the caller itself).
    pub actor: String,
    /// Fresh random bytes; the ids of everything the change makes come from them.
    pub random: [u8; 16],
}

impl std::fmt::Debug for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The random bytes stay out of logs: nothing needs them there.
        f.debug_struct("Stamp").field("now", &self.now).field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// Crockford's base 32, lower case: no i, l, o, u.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 26 letters of 5 bits hold 130: two zero bits, 48 of time, 80 of chance.
const LENGTH: u32 = 26;

impl Stamp {
    /// The `count`th id that this change makes, such as `key_` and 26 letters: time first, so that ids sort by age.
    #[must_use]
    pub fn id(&self, prefix: &str, count: u32) -> String {
        let digest = sha256(&[b"countersign id\0", &self.random, &count.to_be_bytes(), prefix.as_bytes()]);
        let chance = digest.iter().take(10).fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
        let millis = u128::from(self.now.millis().unsigned_abs()) & 0xffff_ffff_ffff;
        let value = (millis << 80) | chance;
        let mut id = String::with_capacity(prefix.len().saturating_add(26));
        id.push_str(prefix);
        for place in (0..LENGTH).rev() {
            let five = usize::try_from((value >> (5 * place)) & 31).unwrap_or(0);
            id.push(LETTERS.get(five).copied().map_or('0', char::from));
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(millis: i64, chance: u8) -> Stamp {
        Stamp { now: Time::from_millis(millis), actor: "local".into(), random: [chance; 16] }
    }

    #[test]
    fn ids_sort_by_time_and_differ_by_chance_count_and_prefix() {
        let id = stamp(1_700_000_000_000, 1).id("key_", 0);
        assert_eq!(id.len(), 30);
        assert!(id.bytes().skip(4).all(|letter| LETTERS.contains(&letter)));
        assert_eq!(id.get(4..14), Some("01hf7yat00"));
        assert!(id < stamp(1_700_000_000_001, 0).id("key_", 0));
        assert_ne!(id, stamp(1_700_000_000_000, 2).id("key_", 0));
        assert_ne!(id, stamp(1_700_000_000_000, 1).id("key_", 1));
        assert_ne!(id.get(4..), stamp(1_700_000_000_000, 1).id("acc_", 0).get(4..));
    }
}
