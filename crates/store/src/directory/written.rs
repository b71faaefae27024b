//! Numbers and texts one after another in bytes, each read back in the order in which it was written.
use countersign::time::Time;

/// Bits of a number in one byte; the eighth says that more follow.
const BITS: u32 = 7;
/// Bytes of the longest number: 128 bits, seven to a byte.
const LONGEST: usize = 19;

/// Writes a number in as few bytes as it needs.
pub(crate) fn number(mut number: u128, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= BITS;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Writes how many follow.
pub(crate) fn count(count: usize, out: &mut Vec<u8>) {
    // No count in memory is larger than 128 bits.
    number(u128::try_from(count).unwrap_or(0), out);
}

/// Writes bytes with their length.
pub(crate) fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    count(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Writes texts with their number.
pub(crate) fn texts<T: AsRef<str>>(texts: &[T], out: &mut Vec<u8>) {
    count(texts.len(), out);
    texts.iter().for_each(|text| bytes(text.as_ref().as_bytes(), out));
}

/// Writes an instant.
pub(crate) fn time(time: Time, out: &mut Vec<u8>) {
    let nanos = time.nanos();
    // The sign goes into the lowest bit, so that small numbers stay short.
    number((nanos.unsigned_abs() << 1) | u128::from(nanos < 0), out);
}

/// What was written, from the front. `None` is never given for what these functions wrote.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a>(pub(crate) &'a [u8]);

impl<'a> Reading<'a> {
    pub(crate) fn number(&mut self) -> Option<u128> {
        let mut sum = 0_u128;
        for place in 0..LONGEST {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            sum |= u128::from(byte & 0x7f) << (BITS * u32::try_from(place).ok()?);
            if byte & 0x80 == 0 {
                return Some(sum);
            }
        }
        None
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        // Most lengths fit into one byte.
        let length = match self.0.first() {
            Some(short @ 0..0x80) => {
                self.byte();
                usize::from(*short)
            }
            _ => usize::try_from(self.number()?).ok()?,
        };
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn texts<T: From<&'a str>>(&mut self) -> Option<Vec<T>> {
        let many = self.number()?;
        (0..many).map(|_| self.text().map(T::from)).collect()
    }

    pub(crate) fn time(&mut self) -> Option<Time> {
        let written = self.number()?;
        let nanos = i128::try_from(written >> 1).ok()?;
        Some(Time::from_nanos(if written & 1 == 1 { -nanos } else { nanos }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            large in any::<u128>(), nanos in -(1_i128 << 88)..(1_i128 << 88), short in ".{0,200}",
            list in prop::collection::vec(".{0,9}", 0..4),
        ) {
            let mut out = Vec::new();
            number(large, &mut out);
            time(Time::from_nanos(nanos), &mut out);
            bytes(short.as_bytes(), &mut out);
            texts(&list, &mut out);
            let mut reading = Reading(&out);
            prop_assert_eq!(reading.number(), Some(large));
            prop_assert_eq!(reading.time(), Some(Time::from_nanos(nanos)));
            prop_assert_eq!(reading.text(), Some(short.as_str()));
            prop_assert_eq!(reading.texts::<String>(), Some(list));
            prop_assert!(reading.0.is_empty());
            // Cut anywhere, it is nothing rather than something else at the end.
            for end in 0..out.len() {
                let mut cut = Reading(&out[..end]);
                let all = cut.number().and_then(|_| cut.time()).and_then(|_| cut.text()).and_then(|_| cut.texts::<String>());
                prop_assert!(all.is_none());
            }
        }
    }
}
