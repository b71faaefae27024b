//! Which paths every server reads the same way; only those are judged and passed on, unless a route says otherwise.
use countersign::answer::DIRECTORY;
use http::Uri;
use std::borrow::Cow;

/// Where our public keys are.
pub(crate) const KEY_SET: &str = "/.well-known/jwks.json";

/// Whether the surface `jwks` answers here.
pub(crate) fn publishes(path: &str) -> bool {
    path == KEY_SET || path == DIRECTORY
}

/// Characters that compatibility folding turns into dots, slashes, percent signs or semicolons.
const LOOK_ALIKES: [char; 17] = [
    '\u{2024}', '\u{2025}', '\u{2026}', '\u{2100}', '\u{2101}', '\u{2105}', '\u{2106}', '\u{fe30}',
    '\u{fe52}', '\u{fe54}', '\u{fe68}', '\u{fe6a}', '\u{ff05}', '\u{ff0e}', '\u{ff0f}', '\u{ff1b}',
    '\u{ff3c}',
];

/// The address as it may stand in logs, traces and pages: of a join code, only that there was one.
pub(crate) fn without_code(prefix: &str, uri: &Uri) -> Uri {
    let Some(rest) = uri.path().strip_prefix(prefix) else { return uri.clone() };
    if rest.strip_prefix("/subscription/invite/").is_none_or(str::is_empty) {
        return uri.clone();
    }
    // The path alone: what stands behind a question mark may be the rest of the code.
    format!("{prefix}/subscription/invite/(code)").parse().unwrap_or_default()
}

/// Checks that a path has one spelling and one meaning.
///
/// # Errors
/// Says what two servers may read differently.
pub(crate) fn check(path: &str) -> Result<(), &'static str> {
    let Some(rest) = path.strip_prefix('/') else { return Err("the path does not start with a slash") };
    // Most paths have nothing to decode and no letters that look like others.
    if !rest.bytes().all(is_simple) {
        check_spelling(rest)?;
    }
    check_segments(rest)
}

/// Whether a byte stands for itself in every reading of a path.
fn is_simple(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\' | b';' | b'#' | b'?')
}

fn check_spelling(rest: &str) -> Result<(), &'static str> {
    let mut decoded = Vec::with_capacity(rest.len());
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => escaped(bytes.next(), bytes.next())?,
            b'\\' => return Err("the path has a backslash"),
            b';' => return Err("the path has path parameters (;)"),
            b'#' | b'?' => return Err("the path has a fragment"),
            // Letters of other scripts pass as they are: clients of PHP send them so, and every reader takes them alike.
            0..=32 | 127 => return Err("the path has bytes that must be percent-encoded"),
            byte => byte,
        };
        decoded.push(byte);
    }
    let decoded = std::str::from_utf8(&decoded).map_err(|_| "the path's percent-encoding is not UTF-8")?;
    if decoded.contains(LOOK_ALIKES) {
        return Err("the path has characters that look like dots or slashes");
    }
    Ok(())
}

fn check_segments(rest: &str) -> Result<(), &'static str> {
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => return Err("the path has dot segments"),
            // An empty segment is fine at the end only: `/a/`.
            "" if segments.peek().is_some() => return Err("the path has doubled slashes"),
            _ => {}
        }
    }
    Ok(())
}

fn escaped(high: Option<u8>, low: Option<u8>) -> Result<u8, &'static str> {
    let digit = |byte: Option<u8>| match byte {
        Some(byte @ b'0'..=b'9') => Some(byte - b'0'),
        Some(byte @ b'a'..=b'f') => Some(byte - b'a' + 10),
        Some(byte @ b'A'..=b'F') => Some(byte - b'A' + 10),
        _ => None,
    };
    let (Some(high), Some(low)) = (digit(high), digit(low)) else {
        return Err("the path has a percent sign that encodes nothing");
    };
    match high * 16 + low {
        b'/' | b'\\' => Err("the path has an encoded slash"),
        b'%' => Err("the path is encoded twice"),
        b';' => Err("the path has encoded path parameters"),
        0..=31 | 127 => Err("the path has encoded control characters"),
        b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
            Err("the path encodes characters that need no encoding")
        }
        byte => Ok(byte),
    }
}

/// What a plain path says, decoded once; any other path as it is, since servers differ on what it says.
pub(crate) fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') || check(path).is_err() {
        return Cow::Borrowed(path);
    }
    let mut plain = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' { escaped(bytes.next(), bytes.next()).ok() } else { Some(byte) };
        plain.extend(byte);
    }
    // A plain path decodes to UTF-8; its check said so.
    String::from_utf8(plain).map_or(Cow::Borrowed(path), Cow::Owned)
}

/// Whether a path lies under a prefix, on segment borders.
pub(crate) fn under(path: &str, prefix: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_pass() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b.txt",
            "/a/.hidden/..x",
            "/a%20b",
            "/%C3%A4",
            "/a:b@c!$&'()*+,=~",
            "/%7Ea",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn paths_with_two_readings_do_not() {
        for path in [
            "",
            "a",
            "*",
            "/a/../b",
            "/..",
            "/.",
            "/a/./b",
            "//a",
            "/a//b",
            "/%2e%2e/b",
            "/a/%2E",
            "/..%2fb",
            "/a%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a%00",
            "/a%0d%0a",
            "/%252e",
            "/a;b",
            "/a%3bb",
            "/%61dmin",
            "/%",
            "/%2",
            "/%zz",
            "/a b",
            "/%c0%ae",
            "/%ff",
            "/%ef%bc%8e%ef%bc%8e/a",
            "/%e2%80%a5/a",
            "/a#b",
            "/a%7f",
            "/.;/a",
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }

    #[test]
    fn no_plain_path_leaves_its_prefix_however_often_it_is_decoded() {
        // Every path of up to five pieces from these, about 200,000.
        let pieces = ["/", "a", ".", "%2e", "%2f", "%25", "2e", ";", "\\", "%5c", "%ef%bc%8e", "%20"];
        let mut tried = 0;
        for number in 0..pieces.len().pow(5) {
            let mut path = "/public/".to_owned();
            let mut rest = number;
            for _ in 0..5 {
                path.push_str(pieces[rest % pieces.len()]);
                rest /= pieces.len();
            }
            if check(&path).is_ok() {
                tried += 1;
                let mut seen = path.clone();
                for _ in 0..3 {
                    seen =
                        seen.replace("%20", " ").replace("%2e", ".").replace("%2f", "/").replace("%25", "%");
                    seen = seen.replace("%5c", "/").replace('\\', "/").replace("%ef%bc%8e", ".");
                    assert!(
                        !seen.contains("..") || !seen.split('/').any(|segment| segment == ".."),
                        "{path} -> {seen}"
                    );
                    assert!(seen.starts_with("/public/"), "{path}");
                }
            }
        }
        assert!(tried > 500, "{tried}");
    }

    #[test]
    fn prefixes_end_on_segment_borders() {
        assert!(under("/a", "/a") && under("/a/b", "/a") && under("/a/b", "/a/") && under("/x", "/"));
        assert!(!under("/ab", "/a") && !under("/a", "/a/") && !under("/A", "/a"));
    }
}
