//! The credential in a header, and the scheme word before it.
use crate::dialect::Schemes;
use crate::incoming::Incoming;
use crate::reason::Reason;
use http::HeaderName;

/// The credential in a header, behind one of the scheme words (in any case, RFC 9110 section 11.1) or bare.
pub(super) fn token<'v>(value: &'v [u8], schemes: &Schemes) -> Option<&'v [u8]> {
    for scheme in &schemes.words {
        if let Some((word, rest)) = value.split_at_checked(scheme.len())
            && word.eq_ignore_ascii_case(scheme.as_bytes())
        {
            match rest {
                [] => return Some(rest),
                [b' ', token @ ..] if schemes.spaces => return Some(behind_spaces(token)),
                [b' ', token @ ..] => return Some(token),
                _ => {}
            }
        }
    }
    (schemes.bare && !value.contains(&b' ')).then_some(value)
}

/// What stands behind further spaces: spaces alone part scheme and credential (RFC 9110 section 11.4), no tab does.
fn behind_spaces(value: &[u8]) -> &[u8] {
    let first = value.iter().position(|byte| *byte != b' ').unwrap_or(value.len());
    value.get(first..).unwrap_or_default()
}

/// The credential in a header that must stand there once.
///
/// # Errors
/// `ambiguous-credentials` when the header stands there twice.
pub(super) fn single<'r>(
    incoming: &Incoming<'r>,
    name: &HeaderName,
    schemes: &Schemes,
) -> Result<Option<&'r [u8]>, Reason> {
    let headers: &'r http::HeaderMap = incoming.headers;
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    // Twice the same place, whatever stands in it: two servers may read two callers.
    if values.next().is_some() {
        return Err(Reason::AmbiguousCredentials);
    }
    Ok(token(first.as_bytes(), schemes))
}

#[cfg(test)]
mod tests {
    use super::token;
    use crate::dialect::Schemes;

    fn bearer(spaces: bool) -> Schemes {
        Schemes { words: vec!["Bearer".into()], bare: false, spaces }
    }

    #[test]
    fn only_spaces_part_scheme_and_credential() {
        let several = bearer(true);
        assert_eq!(token(b"bearer   a.b.c", &several), Some(&b"a.b.c"[..]));
        assert_eq!(
            token(b"Bearer \ta.b.c", &several),
            Some(&b"\ta.b.c"[..]),
            "a tab belongs to the credential"
        );
        assert_eq!(token(b"Bearer\ta.b.c", &several), None);
        assert_eq!(token(b"Bearer  a.b.c", &bearer(false)), Some(&b" a.b.c"[..]));
        assert_eq!(token(b"Bearer   ", &several), Some(&b""[..]));
    }
}
