//! The encoded message of PKCS#1 v1.5, built whole and compared whole.

/// Bytes of the longest modulus.
pub(crate) const LONGEST: usize = 512;
/// Least bytes of padding ([RFC 8017, section 9.2](https://www.rfc-editor.org/rfc/rfc8017#section-9.2), step 3).
const LEAST_PADDING: usize = 8;

/// `00 01 FF … FF 00` and the `DigestInfo`, in `out`, whose length is that of the modulus; `None` when too
/// little padding would be left.
pub(crate) fn encode(digest_info: &[u8], out: &mut [u8]) -> Option<()> {
    let (padding, message) = out.split_at_mut_checked(out.len().checked_sub(digest_info.len())?)?;
    message.copy_from_slice(digest_info);
    let [zero, one, padding @ .., separator] = padding else { return None };
    if padding.len() < LEAST_PADDING {
        return None;
    }
    (*zero, *one, *separator) = (0x00, 0x01, 0x00);
    padding.fill(0xff);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoded_message_is_the_one_of_the_standard() {
        let mut out = [0xaa; 20];
        encode(b"hello", &mut out).unwrap();
        assert_eq!(out[..3], [0x00, 0x01, 0xff]);
        assert_eq!(out[3..14], [0xff; 11]);
        assert_eq!(out[14..], *b"\x00hello");
    }

    #[test]
    fn too_little_padding_is_refused() {
        assert!(encode(&[7; 9], &mut [0; 20]).is_some());
        for len in [10, 17, 19, 20, 21, 600] {
            assert!(encode(&vec![7; len], &mut [0; 20]).is_none(), "{len}");
        }
        assert!(encode(&[], &mut []).is_none());
    }
}
