//! Whether an `htu` is the address of a request: compared as RFC 9449 section 4.3 wants, without query and fragment.
use crate::incoming::Target;
use crate::percent;

/// Compares after the normalisation of RFC 3986 sections 6.2.2 and 6.2.3: letter case of scheme and host, the scheme's own port,
/// an empty path, escapes. Dot segments stay as they are: surfaces refuse them, and nobody has to write them.
#[must_use]
pub(super) fn same(htu: &str, target: &Target<'_>) -> bool {
    let bare = htu.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = bare.split_once("://") else { return false };
    let cut = rest.find('/').unwrap_or(rest.len());
    let Some((authority, path)) = rest.split_at_checked(cut) else { return false };
    // A name and password before the host are no part of what a request is sent to.
    if authority.is_empty() || authority.contains('@') {
        return false;
    }
    scheme.eq_ignore_ascii_case(target.scheme)
        && host(scheme, authority).eq_ignore_ascii_case(host(target.scheme, target.authority))
        && plain(path) == plain(target.path)
}

/// Host and port, without the port that the scheme has anyway.
fn host<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let bare = authority.strip_suffix(port).or_else(|| authority.strip_suffix(':'));
    bare.unwrap_or(authority)
}

/// A path with its escapes in one spelling: what needs none has none, and the others have capital digits.
fn plain(path: &str) -> Vec<u8> {
    let path = if path.is_empty() { "/" } else { path };
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    // Bounded by the path, which the header's limit bounds; each round takes at least one byte.
    while let Some((first, after)) = rest.split_first() {
        let escape = match (first, after) {
            (b'%', [high, low, ..]) => percent::escape(*high, *low),
            _ => None,
        };
        match escape {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            Some(_) => {
                out.push(b'%');
                out.extend(after.iter().take(2).map(u8::to_ascii_uppercase));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(htu: &str, scheme: &str, authority: &str, path: &str) -> bool {
        same(htu, &Target::new(scheme, authority, path))
    }

    #[test]
    fn spellings_of_one_address_are_one() {
        for htu in [
            "https://api.example/v1/a",
            "HTTPS://API.example:443/v1/a",
            "https://api.example/v1/a?x=1",
            "https://api.example/v1/a#part",
            "https://api.example/%76%31/a",
        ] {
            assert!(is(htu, "https", "api.example", "/v1/a?other=2"), "{htu}");
        }
        assert!(is("https://api.example", "https", "api.example:443", "/"));
        assert!(is("http://h:80/%c3%a9", "http", "h", "/%C3%A9"));
        assert!(is("http://h:8080/", "http", "h:8080", "/"));
        assert!(is("http://[::1]/x", "http", "[::1]:80", "/x"));
    }

    #[test]
    fn other_addresses_are_others() {
        for htu in [
            "https://api.example/v1/A",
            "https://api.example/v1/a/",
            "https://api.example//v1/a",
            "https://api.example/v1/./a",
            "https://api.example/v1%2Fa",
            "http://api.example/v1/a",
            "https://api.example:80/v1/a",
            "https://api.example.evil/v1/a",
            "https://api.example@evil/v1/a",
            "https://user@api.example/v1/a",
            "//api.example/v1/a",
            "/v1/a",
            "https:///v1/a",
            "",
        ] {
            assert!(!is(htu, "https", "api.example", "/v1/a"), "{htu}");
        }
    }
}
