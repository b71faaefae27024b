//! The target for signed answers: whatever comes back, only what the server signed to this question is taken for its answer.
use crate::outcome;
use crate::parts::{headers, request};
use countersign::answer::judge::{Came, Extent, ServerKey, Wanted, directory, judge};
use countersign::answer::make::{Signing, sign, sign_directory};
use countersign::answer::{Content, DIRECTORY_TYPE, has_content};
use countersign::incoming::{Body, Incoming};
use countersign::time::{Span, Time};
use countersign_keys::{Algorithm, PrivateKey};
use http::{HeaderMap, HeaderValue};
use std::sync::LazyLock;

const NOW: i64 = 1_767_225_600;

static KEY: LazyLock<Option<PrivateKey>> =
    LazyLock::new(|| PrivateKey::read(include_bytes!("../../attacks/data/keys/dpop-p256.pem"), None).ok());

/// The question that every answer is judged against.
static QUESTION: LazyLock<HeaderMap> = LazyLock::new(|| {
    let (headers, _) = headers(
        b"authorization: Bearer e30.e30.AA\nx-dict: a=1, b=2\n\
          signature-input: sig1=(\"@method\" \"x-dict\";key=\"a\");created=1;nonce=\"n\"\nsignature: sig1=:AAAA:",
    );
    headers
});

fn question() -> Incoming<'static> {
    request("GET", "/v1/widgets?a=1", &QUESTION, Body::Empty)
}

/// What the key signed: status, type and body; no body where it was not covered.
static SIGNED: [(u16, Option<&str>, Content<'_>); 5] = [
    (200, Some("application/json"), Content::Whole(b"{\"a\":1}")),
    (401, Some("application/problem+json"), Content::Whole(b"{}")),
    (200, None, Content::Whole(b"")),
    (200, Some("text/event-stream"), Content::Unheld),
    (204, None, Content::None),
];

/// A status in a line, headers line by line, an empty line, a body: judged as an answer, and as a directory of keys.
pub fn answer(data: &[u8]) -> u64 {
    let Some(key) = &*KEY else { panic!("the key does not read") };
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let status = lines.next().and_then(|line| std::str::from_utf8(line).ok()?.parse().ok()).unwrap_or(200);
    let (headers, body) = headers(lines.next().unwrap_or_default());
    let keys = [ServerKey::new(key.public_key().clone())];
    let wanted = Wanted {
        keys: &keys,
        now: Time::from_seconds(NOW),
        tolerance: Span::from_seconds(60),
        least: Extent::Head,
    };
    let came = Came { status, headers: &headers, body };
    let seen = match judge(&question(), Some("sig1"), &came, &wanted) {
        Err(why) => outcome(&format!("{why:?}")),
        Ok(signed) => {
            let kind = headers.get(http::header::CONTENT_TYPE).map(HeaderValue::as_bytes);
            let same = |(own, of, content): &(u16, Option<&str>, Content<'_>)| {
                let body = match content {
                    Content::Whole(whole) => signed.extent() == Extent::Whole && *whole == body,
                    Content::Unheld => signed.extent() == Extent::Head,
                    Content::None => signed.extent() == Extent::Whole && !has_content("GET", status),
                };
                *own == status && of.map(str::as_bytes) == kind.map(<[u8]>::trim_ascii) && body
            };
            assert!(SIGNED.iter().any(same), "an answer was taken that nobody signed");
            1
        }
    };
    let proved = directory(&question(), &came, &keys, Time::from_seconds(NOW));
    assert!(proved.is_empty() || body == LISTED, "a directory was taken that nobody signed");
    seen.rotate_left(9) ^ u64::from(!proved.is_empty())
}

/// The directory that the key signed.
const LISTED: &[u8] = b"{\"keys\":[]}";

/// Seeds: answers and a directory that hold.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let Some(key) = &*KEY else { return Vec::new() };
    let signing = Signing { key, algorithm: Algorithm::EcdsaP256Sha256, now: Time::from_seconds(NOW) };
    let mut seeds = Vec::new();
    let mut keep = |status: u16, headers: &HeaderMap, body: &[u8]| {
        let mut seed = format!("{status}\n").into_bytes();
        for (name, value) in headers {
            seed.extend_from_slice(name.as_str().as_bytes());
            seed.extend_from_slice(b": ");
            seed.extend_from_slice(value.as_bytes());
            seed.push(b'\n');
        }
        seed.push(b'\n');
        seed.extend_from_slice(body);
        seeds.push(seed);
    };
    for (status, kind, content) in &SIGNED {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind.and_then(|kind| HeaderValue::from_str(kind).ok()) {
            headers.insert(http::header::CONTENT_TYPE, kind);
        }
        let made = sign(&question(), Some("sig1"), *status, &mut headers, *content, &signing);
        assert!(made.is_ok(), "a seed cannot be signed");
        keep(*status, &headers, if let Content::Whole(body) = content { body } else { b"" });
    }
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(DIRECTORY_TYPE));
    let life = Span::from_seconds(600);
    assert!(
        sign_directory(&question(), &mut headers, LISTED, life, &signing).is_ok(),
        "a seed cannot be signed"
    );
    keep(200, &headers, LISTED);
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_hold() {
        for seed in seeds() {
            let seen = answer(&seed);
            assert!(seen == 1 << 9 || seen & 1 == 1, "{}", String::from_utf8_lossy(&seed));
        }
    }
}
