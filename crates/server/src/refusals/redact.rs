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
/// Words in the names of headers that carry secrets of schemes unknown here.
const SECRET: [&str; 8] = ["auth", "cookie", "token", "key", "secret", "password", "credential", "session"];

/// The headers as they may be kept. A proof of one of the dialects is told by its length and digest, so that its sender recognises it;
/// companion keys and what looks like a secret by nothing but its length.
pub(crate) fn headers(headers: &HeaderMap, dialects: &[Arc<Dialect>]) -> Vec<(String, String)> {
    let carries = |name: &HeaderName| dialects.iter().any(|dialect| dialect.carriers().contains(&name));
    let companion = |name: &HeaderName| dialects.iter().any(|dialect| dialect.companion() == Some(name));
    let shown = |(name, value): (&HeaderName, &http::HeaderValue)| {
        let bytes = value.as_bytes();
        let secret = SECRET.iter().any(|word| name.as_str().contains(word));
        // A password can be guessed from its digest; a proof by a key pair is too long for that.
        let long =
            bytes.len() >= 80 && !bytes.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"basic "));
        let told = if companion(name) || value.is_sensitive() {
            "[not kept]".to_owned()
        } else if carries(name) && (secret || name.as_str().contains("signature")) && long {
            let digest: String = encode_hex(&sha256(&[bytes])).chars().take(16).collect();
            format!("[{} bytes, SHA-256 {digest}…]", bytes.len())
        } else if secret || bytes.len() > LONGEST {
            format!("[{} bytes]", bytes.len())
        } else {
            String::from_utf8_lossy(bytes).into_owned()
        };
        (name.to_string(), told)
    };
    headers.iter().take(MOST).map(shown).collect()
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
        ] {
            map.insert(HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
        }
        let kept = headers(&map, &[load("partner-key"), load("skillhive")]);
        let text = format!("{kept:?}");
        assert!(!text.contains("secret") && !text.contains("xxxx"), "{text}");
        assert!(text.contains("application/json") && text.contains("207 bytes, SHA-256"), "{text}");
        map.insert("authorization", HeaderValue::from_static("Basic YWxpY2U6c2VjcmV0"));
        assert!(format!("{:?}", headers(&map, &[load("skykit")])).contains("[22 bytes]"));
    }
}
