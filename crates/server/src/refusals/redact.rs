//! A request's headers without its credentials: lengths and digests stand in their places.
use countersign::base64::encode_hex;
use countersign::dialect::Dialect;
use countersign_keys::sha256;
use http::{HeaderMap, HeaderName};
use std::sync::Arc;

/// Headers kept of one request.
const MOST: usize = 64;
/// Longest value that is kept of a header that is no credential.
const LONGEST: usize = 512;
/// Headers whose values are kept, since what goes wrong is seen in them and none is made for secrets or for addresses with queries.
/// Everything else is told by its length: which headers carry secrets of schemes unknown here, nobody can list.
const PLAIN: [&str; 29] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-digest",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "digest",
    "expect",
    "host",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "range",
    "repr-digest",
    "te",
    "traceparent",
    "transfer-encoding",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// The headers as they may be kept. A proof of one of the dialects is told by its length and digest, so that its sender recognises it;
/// the names in it as they stand; companion keys not at all, and of everything else that is not known to be harmless the length.
pub(crate) fn headers(headers: &HeaderMap, dialects: &[Arc<Dialect>]) -> Vec<(String, String)> {
    let carries = |name: &HeaderName| dialects.iter().any(|dialect| dialect.carriers().contains(&name));
    let companion = |name: &HeaderName| dialects.iter().any(|dialect| dialect.companion() == Some(name));
    let shown = |(name, value): (&HeaderName, &http::HeaderValue)| {
        let bytes = value.as_bytes();
        // A password can be guessed from its digest; a proof by a key pair is too long for that.
        let long =
            bytes.len() >= 80 && !bytes.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"basic "));
        let names = dialects.iter().any(|dialect| is_named(dialect, name));
        let told = if companion(name) || value.is_sensitive() {
            "[not kept]".to_owned()
        } else if (names || PLAIN.contains(&name.as_str())) && bytes.len() <= LONGEST {
            String::from_utf8_lossy(bytes).into_owned()
        } else if carries(name) && long {
            let digest: String = encode_hex(&sha256(&[bytes])).chars().take(16).collect();
            format!("[{} bytes, SHA-256 {digest}…]", bytes.len())
        } else {
            format!("[{} bytes]", bytes.len())
        };
        (name.to_string(), told)
    };
    headers.iter().take(MOST).map(shown).collect()
}

/// Whether a dialect's proof names its caller in this header, by a name that is no secret.
fn is_named(dialect: &Dialect, name: &HeaderName) -> bool {
    let (place, _) = dialect.naming();
    // Some providers name callers by what others of them take for a password.
    if ["key", "token", "secret"].iter().any(|word| name.as_str().contains(word)) {
        return false;
    }
    place.strip_prefix("header.").is_some_and(|named| named.eq_ignore_ascii_case(name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn no_credential_is_kept() {
        let load = |name| Arc::new(countersign_dialects::load(name, &Default::default()).unwrap());
        let token = "x".repeat(200);
        let mut map = HeaderMap::new();
        for (name, value) in [
            ("authorization", format!("Bearer {token}")),
            ("x-helplightning-api-key", "companion-secret".to_owned()),
            ("cookie", "session=secret".to_owned()),
            ("x-api-key", "secret".to_owned()),
            ("api-signature", format!("{token}==")),
            ("accept", "application/json".to_owned()),
            ("referer", "https://a.example/?token=secret".to_owned()),
            ("x-original-uri", "/?token=secret".to_owned()),
            ("x-signature", "secret".to_owned()),
            ("dpop", "secret".to_owned()),
            ("x-vault", "secret".to_owned()),
            ("api-id", "alice".to_owned()),
        ] {
            map.insert(HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
        }
        let kept = headers(&map, &[load("partner-key"), load("skillhive")]);
        let text = format!("{kept:?}");
        assert!(!text.contains("secret") && !text.contains("xxxx"), "{text}");
        assert!(
            text.contains("\"alice\"")
                && text.contains("application/json")
                && text.contains("207 bytes, SHA-256"),
            "{text}"
        );
        map.insert("authorization", HeaderValue::from_static("Basic YWxpY2U6c2VjcmV0"));
        assert!(format!("{:?}", headers(&map, &[load("skykit")])).contains("[22 bytes]"));
    }
}
