//! Looks through bytes eight at a time: every request's head is looked through twice, and most of its bytes are plain.

/// One bit of each byte's, its highest, and all the others.
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
const LOW: u64 = !HIGH;

/// Where the first control character stands that is no tab, from a place on.
pub(super) fn control(bytes: &[u8], from: usize) -> Option<usize> {
    first(bytes, from, controls)
}

/// Where this byte stands first, from a place on.
pub(super) fn byte(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    let wanted = u64::from_ne_bytes([wanted; 8]);
    first(bytes, from, |word| zeros(word ^ wanted))
}

/// The first byte that is marked; `mark` sets the highest bit of each byte it means and no other bit.
fn first(bytes: &[u8], from: usize, mark: impl Fn(u64) -> u64) -> Option<usize> {
    let (words, tail) = bytes.get(from..)?.as_chunks::<8>();
    let place = |marked: u64| usize::try_from(marked.trailing_zeros() / 8).unwrap_or(0);
    let mut at = from;
    for word in words {
        let marked = mark(u64::from_le_bytes(*word));
        if marked != 0 {
            return Some(at + place(marked));
        }
        at += 8;
    }
    // What is left of a word is filled up with bytes that are never marked in the places that count.
    let mut last = [0; 8];
    for (to, byte) in last.iter_mut().zip(tail) {
        *to = *byte;
    }
    let marked = mark(u64::from_le_bytes(last));
    Some(place(marked)).filter(|place| marked != 0 && *place < tail.len()).map(|place| at + place)
}

/// Marks the bytes below 32 but the tab, and 127. No sum carries into the next byte, so each byte is told for itself.
fn controls(word: u64) -> u64 {
    const SPACE: u64 = u64::from_ne_bytes([0x80 - 32; 8]);
    const ONE: u64 = u64::from_ne_bytes([1; 8]);
    const TAB: u64 = u64::from_ne_bytes([b'\t'; 8]);
    let seven = word & LOW;
    let small = !((seven + SPACE) | word) & HIGH;
    let delete = (seven + ONE) & !word & HIGH;
    (small & !zeros(word ^ TAB)) | delete
}

/// Marks the bytes that are zero.
fn zeros(word: u64) -> u64 {
    !(((word & LOW) + LOW) | word) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_at_every_place_and_nothing_else_is() {
        for length in 0..20 {
            for place in 0..length {
                for value in 0..=255_u8 {
                    // What stands around it comes near to what is looked for.
                    for other in [b' ', 0x80, 0xff, b'\t', 0x7e, 0xa0, 0x89] {
                        let mut bytes = vec![other; length];
                        bytes[place] = value;
                        let plain = |byte: u8| byte == b'\t' || (byte >= 32 && byte != 127);
                        for from in [0, place / 2, place] {
                            let slow = bytes.iter().skip(from).position(|byte| !plain(*byte));
                            assert_eq!(control(&bytes, from), slow.map(|at| at + from), "{bytes:?} {from}");
                            let slow = bytes.iter().skip(from).position(|byte| *byte == value);
                            assert_eq!(byte(&bytes, from, value), slow.map(|at| at + from), "{bytes:?}");
                        }
                        assert_eq!(control(&bytes, length + 1), None);
                    }
                }
            }
        }
    }
}
