//! Headers in pairs of bytes become headers of HTTP, and paths are looked at for a second meaning.
use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers of one request: real ones have under a hundred, and servers stop far below this.
const MOST: usize = 1000;

/// Reads headers; repeats are kept.
///
/// # Errors
/// Says which one HTTP does not know.
pub(crate) fn headers(given: &[(&[u8], &[u8])]) -> Result<HeaderMap, String> {
    if given.len() > MOST {
        return Err(format!("wanted at most {MOST} headers, found {}", given.len()));
    }
    let mut headers = HeaderMap::with_capacity(given.len());
    for (name, value) in given {
        let shown = || String::from_utf8_lossy(name).into_owned();
        let key = HeaderName::from_bytes(name)
            .map_err(|_| format!("wanted the name of a header, found {:?}", shown()))?;
        let value = HeaderValue::from_bytes(value).map_err(|_| {
            format!("wanted a value without control characters in {}, found one with", shown())
        })?;
        headers.append(key, value);
    }
    Ok(headers)
}

/// Whether every server reads a path the same way. For accounts and keys that are confined to some paths, no other passes:
/// `/public/../admin` begins with `/public/` and leads elsewhere.
pub(crate) fn is_plain(path: &str) -> bool {
    let simple = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\' | b';' | b'#' | b'?');
    let Some(rest) = path.strip_prefix('/') else { return false };
    let mut segments = rest.split('/').peekable();
    let mut clear = rest.bytes().all(simple);
    while let Some(segment) = segments.next() {
        // An empty segment is fine at the end only.
        clear &= !matches!(segment, "." | "..") && (!segment.is_empty() || segments.peek().is_none());
    }
    clear
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_a_second_meaning_are_not_plain() {
        for path in ["/", "/a", "/a/b/", "/a.b/~c/@d:e,f"] {
            assert!(is_plain(path), "{path}");
        }
        for path in ["", "*", "a", "//a", "/a//b", "/a/../b", "/a/.", "/%2e%2e/a", "/a;b", "/a\\b", "/ä"] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn headers_that_are_none_are_named() {
        assert_eq!(headers(&[(b"A", b"1"), (b"a", b"2")]).unwrap().get_all("a").iter().count(), 2);
        assert!(headers(&[(b"a b", b"1")]).unwrap_err().contains("a b"));
        assert!(headers(&[(b"x", b"1\r\ny: 2")]).unwrap_err().contains(" x,"));
        assert!(headers(&vec![(&b"a"[..], &b"1"[..]); MOST + 1]).is_err());
    }
}
