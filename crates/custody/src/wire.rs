//! Strings and numbers as the SSH protocols write them (RFC 4251, section 5).

/// What is still to be read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// A string: its length, then its bytes.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    /// A positive number as exactly `width` bytes; `None` when it has more.
    pub(crate) fn positive(&mut self, width: usize) -> Option<Vec<u8>> {
        padded(self.string()?, width)
    }
}

/// A number as exactly `width` bytes, zeros before it.
pub(crate) fn padded(number: &[u8], width: usize) -> Option<Vec<u8>> {
    let bare: &[u8] =
        number.iter().position(|byte| *byte != 0).and_then(|at| number.get(at..)).unwrap_or_default();
    let mut out = vec![0; width.checked_sub(bare.len())?];
    out.extend_from_slice(bare);
    Some(out)
}

/// Writes a string; nothing written here comes near the length that four bytes can tell.
pub(crate) fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_not_read_and_numbers_get_their_width() {
        let mut reader = Reader(&[0, 0, 0, 5, 1, 2]);
        assert_eq!(reader.string(), None);
        assert_eq!(Reader(&[0, 0, 0, 2, 0, 0x80]).positive(2), Some(vec![0, 0x80]));
        assert_eq!(Reader(&[0, 0, 0, 0]).positive(2), Some(vec![0, 0]));
        assert_eq!(Reader(&[0, 0, 0, 3, 1, 2, 3]).positive(2), None);
    }
}
