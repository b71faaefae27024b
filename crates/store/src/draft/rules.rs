//! What texts in the registry may look like: bounded, printable, one spelling.
use crate::denied::Denied;
use crate::draft::Decided;
use countersign::ask::Network;
use countersign::hidden::is_hidden;
use countersign_keys::{Algorithm, CompactKey};

/// Names and labels are for people and tables.
pub(crate) const LONGEST_NAME: usize = 128;
/// An e-mail address has at most 320 bytes; 512 leaves room for other providers' ids.
pub(crate) const LONGEST_IDENTIFIER: usize = 512;
/// Longer paths are cut by common servers.
const LONGEST_PATH: usize = 1024;
/// Longer addresses are refused by common clients.
const LONGEST_URL: usize = 2048;
/// Entries of one list: looked through for each request.
const MOST_ENTRIES: usize = 64;

/// Text of 1 to `most` bytes without control and invisible characters and without blanks at its ends.
pub(crate) fn text(what: &str, code: &'static str, value: &str, most: usize) -> Decided<()> {
    let plain =
        !value.is_empty() && value.len() <= most && value.trim() == value && !value.chars().any(is_hidden);
    if plain {
        return Ok(());
    }
    Err(Denied::invalid(
        code,
        format!(
            "wanted {what} of 1 to {most} bytes without control or invisible characters and without blanks at its ends; found {}; send it so",
            shown(value)
        ),
    ))
}

/// A namespace, dialect or similar word: small letters, digits, `-`, `.` and `_`.
pub(crate) fn word(what: &str, code: &'static str, value: &str) -> Decided<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    if !value.is_empty() && value.len() <= 64 && value.bytes().all(plain) {
        return Ok(());
    }
    let found = shown(value);
    Err(Denied::invalid(
        code,
        format!(
            "wanted {what} of 1 to 64 small letters, digits, `-`, `.` and `_`; found {found}; send it so"
        ),
    ))
}

/// A list that is looked through for each request.
pub(crate) fn count(what: &str, code: &'static str, found: usize) -> Decided<()> {
    at_most(what, code, found, MOST_ENTRIES)
}

pub(crate) fn at_most(what: &str, code: &'static str, found: usize, most: usize) -> Decided<()> {
    if found <= most {
        return Ok(());
    }
    Err(Denied::invalid(code, format!("wanted at most {most} {what}; found {found}; send fewer")))
}

/// Path prefixes as requests spell them.
pub(crate) fn paths(paths: &[String]) -> Decided<()> {
    count("path prefixes", "too-many-paths", paths.len())?;
    for path in paths {
        let plain = path.starts_with('/')
            && path.len() <= LONGEST_PATH
            && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte))
            && !path.contains("//")
            && !path.split('/').any(|segment| segment == "." || segment == "..");
        if !plain {
            let found = shown(path);
            return Err(Denied::invalid(
                "invalid-path",
                format!(
                    "wanted a path prefix such as /v1/orders, without query, dot segments or doubled slashes; found {found}; write it so"
                ),
            ));
        }
    }
    Ok(())
}

/// Methods in capitals.
pub(crate) fn methods(methods: &[String]) -> Decided<()> {
    count("methods", "too-many-methods", methods.len())?;
    for method in methods {
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
        if method.is_empty() || method.len() > 32 || !method.bytes().all(plain) {
            let found = shown(method);
            return Err(Denied::invalid(
                "invalid-method",
                format!("wanted a method in capitals such as GET; found {found}; write it so"),
            ));
        }
    }
    Ok(())
}

/// Client networks in their one spelling.
pub(crate) fn networks(networks: &[String]) -> Decided<Vec<String>> {
    count("networks", "too-many-networks", networks.len())?;
    let read = |text: &String| {
        Network::parse(text).map(|network| network.to_string()).ok_or_else(|| {
            let found = shown(text);
            Denied::invalid(
                "invalid-network",
                format!("wanted a network such as 10.0.0.0/8 or one address; found {found}; write it so, no bits set past the prefix"),
            )
        })
    };
    networks.iter().map(read).collect()
}

/// Algorithms in their own names, all of which the key can serve.
pub(crate) fn algorithms(names: &[String], key: &CompactKey) -> Decided<Vec<String>> {
    count("algorithms", "too-many-algorithms", names.len())?;
    let served = key.parse().algorithms();
    let read = |name: &String| {
        let algorithm = Algorithm::from_name(name).filter(|algorithm| served.contains(algorithm));
        algorithm.map(|algorithm| algorithm.name().to_owned()).ok_or_else(|| {
            let names: Vec<&str> = served.iter().map(|algorithm| algorithm.name()).collect();
            let found = shown(name);
            Denied::invalid(
                "invalid-algorithm",
                format!(
                    "wanted algorithms that this key can serve ({}); found {found}; choose among them",
                    names.join(", ")
                ),
            )
        })
    };
    names.iter().map(read).collect()
}

/// Where a JWKS document is fetched from.
pub(crate) fn url(url: &str) -> Decided<()> {
    let scheme = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let plain = scheme.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.len() <= LONGEST_URL
        && url.bytes().all(|byte| byte.is_ascii_graphic());
    if plain {
        return Ok(());
    }
    let found = shown(url);
    Err(Denied::invalid(
        "invalid-url",
        format!("wanted an address such as https://caller.example/jwks.json; found {found}; write it so"),
    ))
}

/// A SHA-256 digest in small hexadecimal letters.
pub(crate) fn digest(what: &str, value: &str) -> Decided<()> {
    let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if value.len() == 64 && value.bytes().all(plain) {
        return Ok(());
    }
    Err(Denied::invalid(
        "invalid-digest",
        // Not shown: it may be the secret itself, sent by mistake.
        format!(
            "wanted the SHA-256 of {what} as 64 small hexadecimal digits; found {} bytes of another form; send the digest, never the secret",
            value.len()
        ),
    ))
}

/// A caller's text in a message: quoted, escaped, cut.
pub(crate) fn shown(value: &str) -> String {
    let mut short: String = value.chars().take(60).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_letter_that_nobody_sees() {
        for good in ["a", "Zoë Ünsal", "名前", "<b>&\"'", "מפתח"] {
            assert!(text("a label", "invalid-label", good, 64).is_ok(), "{good}");
        }
        for bad in [
            "",
            " a",
            "a\n",
            "a\u{202e}gnp.exe",
            "admin\u{200b}",
            "a\u{2066}b\u{2069}",
            "\u{feff}a",
            "x\u{e0041}",
        ] {
            assert!(text("a label", "invalid-label", bad, 64).is_err(), "{bad:?}");
        }
    }
}
