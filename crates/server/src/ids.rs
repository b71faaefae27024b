//! Ids of requests and refusals: unique over restarts, and cheap, since every request gets one.
use countersign_guard::clock::{Entropy, draw};
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes ids.
pub struct Ids {
    start: u64,
    next: AtomicU64,
}

/// An id: three letters for the kind, a dash, the part that is the process's own, and a number. It is copied, not shared: every
/// request has one and most have two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Id {
    text: [u8; LENGTH],
    length: usize,
}

/// The kind and its dash, twelve digits that are the process's own, at most sixteen that count.
const LENGTH: usize = 4 + OWN + 16;
const OWN: usize = 12;

impl Ids {
    /// Ids of this process begin with a random part of their own.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        let [a, b, c, d, e, f] = draw::<6>(entropy);
        Self { start: u64::from_be_bytes([0, 0, a, b, c, d, e, f]), next: AtomicU64::new(0) }
    }

    /// The next id of a kind, such as `req_5f…`.
    #[must_use]
    pub fn next(&self, kind: [u8; 3]) -> Id {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let [x, y, z] = kind;
        let mut text = [0; LENGTH];
        let mut length = 0;
        let digits = usize::try_from(number.checked_ilog2().unwrap_or(0) / 4).unwrap_or(0) + 1;
        let own = (0..OWN).rev().map(|place| digit(self.start, place));
        let counted = (0..digits).rev().map(|place| digit(number, place));
        for (to, byte) in text.iter_mut().zip([x, y, z, b'_'].into_iter().chain(own).chain(counted)) {
            *to = byte;
            length += 1;
        }
        Id { text, length }
    }
}

/// A digit of a number, counted from its end.
fn digit(number: u64, place: usize) -> u8 {
    let [.., last] = (number >> (place * 4)).to_be_bytes();
    match last & 15 {
        low @ 0..=9 => b'0' + low,
        high => b'a' + (high - 10),
    }
}

impl Id {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Letters and digits only, by how it is made.
        self.text.get(..self.length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl Deref for Id {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip([0x0a, 0xbc, 0xde, 0xf0, 0x12, 0x34]) {
                *byte = value;
            }
        }
    }

    #[test]
    fn ids_begin_with_their_kind_and_count_in_hexadecimal() {
        let ids = Ids::new(&Fixed);
        for number in 0..70_000_u64 {
            assert_eq!(ids.next(*b"req").as_str(), format!("req_0abcdef01234{number:x}"));
        }
        ids.next.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(ids.next(*b"rej").to_string(), "rej_0abcdef01234ffffffffffffffff");
    }
}
