//! Targets for the parts that read what callers send, each with the property that makes it more than a crash test.
use crate::outcome;
use countersign::base64::{Alphabet, decode, decode_hex, encode, encode_hex};
use countersign::dialect::Dialect;
use countersign::dialect::settings::Settings;
use countersign::incoming::{Body, Incoming, Limits, Target};
use countersign::json::{Bounds, read_object};
use countersign::read::Scratch;
use countersign_keys::{Policy, read_key_set, read_public_key};
use countersign_traces::context::Context;
use countersign_traces::state;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::HashSet;
use std::sync::LazyLock;

static JWS: LazyLock<Vec<Dialect>> = LazyLock::new(|| dialects(&["skykit", "asymmetric-jwt", "partner-key"]));
static TEXT: LazyLock<Vec<Dialect>> = LazyLock::new(|| dialects(&["skillhive", "operator", "spacetime"]));

/// What decodes is spelled in the one canonical way.
pub fn base64(data: &[u8]) -> u64 {
    let mut out = Vec::new();
    let mut seen = 0;
    for (bit, alphabet) in [(1, Alphabet::Url), (2, Alphabet::Standard)] {
        if decode(alphabet, data, &mut out).is_ok() {
            assert_eq!(encode(alphabet, &out).as_bytes(), data, "decoded text that is not canonical");
            seen |= bit;
        }
    }
    if decode_hex(data, &mut out).is_ok() {
        // One client writes 0x before it; that and upper case are the only other spellings.
        let lower = data.to_ascii_lowercase();
        let digits = lower.strip_prefix(b"0x").unwrap_or(&lower);
        assert_eq!(encode_hex(&out).as_bytes(), digits, "decoded hex that is not canonical");
        seen |= 4;
    }
    seen
}

/// What our reader takes, another strict reader takes too, and no member stands there twice.
pub fn json(data: &[u8]) -> u64 {
    let mut names = HashSet::new();
    let bounds = Bounds { depth: 16, members: 256 };
    let mut kinds = 0_u64;
    let read = read_object(data, bounds, |name, value| {
        kinds = kinds.rotate_left(5) ^ outcome(value.kind());
        assert!(names.insert(name.to_string()), "the member {name:?} came twice");
    });
    if read.is_ok() {
        let other: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(data);
        assert!(other.is_ok(), "taken here and refused elsewhere: {other:?}");
        kinds
    } else {
        u64::try_from(names.len()).unwrap_or(0)
    }
}

/// What is read from a token signs exactly the bytes before its last dot.
pub fn jws(data: &[u8]) -> u64 {
    let mut seen = 0;
    for (dialect, scheme) in JWS.iter().zip(["Bearer ", "JWT ", ""]) {
        let Ok(value) = HeaderValue::from_bytes(&[scheme.as_bytes(), data].concat()) else { return 0 };
        let mut headers = HeaderMap::new();
        headers.insert(http::header::AUTHORIZATION, value);
        let incoming = request("GET", "/v1/widgets", &headers, Body::Empty);
        let mut scratch = Scratch::default();
        let read = dialect.read(&incoming, &Limits::default(), &mut scratch, &mut ());
        seen ^= match &read {
            Ok(None) => 1,
            Err(refusal) => outcome(refusal.reason.code()),
            Ok(Some(proof)) => {
                let before = data.rsplitn(2, |byte| *byte == b'.').nth(1);
                // A bare credential may come behind its scheme word; where several spaces may part them, spaces go.
                let sent = before.map(|input| {
                    let (word, rest) = input.split_at_checked(7).unwrap_or_default();
                    let input = if word.eq_ignore_ascii_case(b"Bearer ") { rest } else { input };
                    let spaces = input.iter().take_while(|byte| **byte == b' ').count();
                    input.get(spaces..).unwrap_or_default()
                });
                assert_eq!(proof.texts().first().copied(), sent, "other bytes are judged than were sent");
                outcome(proof.identifier())
            }
        };
        seen = seen.rotate_left(9);
    }
    seen
}

/// Headers line by line, then an empty line, then a body: read in each dialect that signs texts.
pub fn text_form(data: &[u8]) -> u64 {
    let (headers, body) = headers(data);
    let body = if body.is_empty() { Body::Empty } else { Body::Seen(body) };
    let incoming = request("POST", "/api/user/?a=1&b=%C3%BC", &headers, body);
    let mut seen = 0;
    for dialect in TEXT.iter() {
        let mut scratch = Scratch::default();
        seen ^= match dialect.read(&incoming, &Limits::default(), &mut scratch, &mut ()) {
            Ok(None) => 1,
            Err(refusal) => outcome(refusal.reason.code()),
            Ok(Some(proof)) => {
                assert!(
                    proof.texts().iter().all(|text| !text.is_empty()),
                    "an empty message was to be signed"
                );
                outcome(proof.identifier())
            }
        };
        seen = seen.rotate_left(9);
    }
    seen
}

/// A file that loads has no weak algorithm it does not name, and reads any request.
pub fn dialect_file(data: &[u8]) -> u64 {
    let Ok(text) = std::str::from_utf8(data) else { return 0 };
    match Dialect::parse(text, &Settings::new()) {
        Err(error) => outcome(&error.at),
        Ok(dialect) => {
            assert!(!dialect.algorithms().is_empty(), "a dialect without algorithms loaded");
            let weak = dialect.algorithms().iter().any(|algorithm| algorithm.is_weak());
            assert!(!weak || text.contains("accept_weak"), "a weak algorithm came in unnamed");
            let mut headers = HeaderMap::new();
            headers.insert(http::header::AUTHORIZATION, HeaderValue::from_static("Bearer e30.e30.AA"));
            let incoming = request("GET", "/", &headers, Body::Seen(b"{}"));
            let mut scratch = Scratch::default();
            let read = dialect.read(&incoming, &Limits::default(), &mut scratch, &mut ());
            read.err().map_or(1, |refusal| outcome(refusal.reason.code()))
        }
    }
}

/// A `traceparent`, and behind it the lines of a `tracestate`: what is passed on is what came or less, and every other party takes it.
pub fn trace_context(data: &[u8]) -> u64 {
    let mut lines = data.split(|byte| *byte == b'\n');
    let parent = lines.next().unwrap_or_default();
    let mut seen = 0;
    if let Some(context) = Context::read(parent) {
        let told = context.to_string();
        assert_eq!(Context::read(told.as_bytes()), Some(context), "another context is told than was read");
        assert_eq!(told.get(3..52).map(str::as_bytes), parent.get(3..52), "other ids are told than came");
        seen = 1 + u64::from(context.flags());
    }
    let lines: Vec<&[u8]> = lines.collect();
    let Some(told) = state::read(lines.iter().copied()) else { return seen };
    assert!(told.len() <= 512 && HeaderValue::from_str(&told).is_ok(), "nobody has to take {told:?}");
    assert_eq!(
        state::read([told.as_bytes()].into_iter()).as_deref(),
        Some(&*told),
        "the next one reads another list"
    );
    let whole = lines.join(&b","[..]);
    let mut came = whole.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    // In their order, and whole.
    assert!(
        told.split(',').all(|member| came.any(|one| one == member.trim_ascii().as_bytes())),
        "{told:?} did not come"
    );
    seen + 8 * u64::try_from(told.split(',').count()).unwrap_or(0)
}

/// A key that is taken is public, and every form we write it in reads back as the same key.
pub fn key_intake(data: &[u8]) -> u64 {
    let policy = Policy::default();
    let set = read_key_set(data, &policy).map_or(0, |set| u64::try_from(set.keys.len()).unwrap_or(0));
    let keys = match read_public_key(data, &policy) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return outcome(error.code()) ^ set;
        }
        Ok(keys) => keys,
    };
    for intake in &keys {
        let key = &intake.key;
        let forms =
            [key.to_pem(), key.to_openssh("x"), serde_json::to_string(&key.to_jwk()).unwrap_or_default()];
        for form in forms {
            let again = read_public_key(form.as_bytes(), &policy);
            let same = again
                .is_ok_and(|keys| keys.first().is_some_and(|again| again.key.spki_der() == key.spki_der()));
            assert!(same, "a key does not read back from what we write: {form}");
        }
    }
    keys.first().map_or(1, |intake| outcome(&format!("{:?}{}", intake.key.kind(), intake.repaired.len())))
}

/// A configuration file loads, or tells what is wrong in words.
#[cfg(feature = "config")]
pub fn config(data: &[u8]) -> u64 {
    use countersign_server::config::{Config, Sources};
    let Ok(text) = std::str::from_utf8(data) else { return 0 };
    let sources = Sources { file: Some(("server.toml".to_owned(), text.to_owned())), ..Sources::default() };
    match Config::load(&sources) {
        Ok(config) => u64::try_from(config.shown().len()).unwrap_or(0),
        Err(errors) => {
            assert!(
                !errors.findings.is_empty() && !errors.to_string().is_empty(),
                "refused without a reason"
            );
            errors.findings.iter().fold(1, |seen, finding| seen.rotate_left(7) ^ outcome(&finding.path))
        }
    }
}

/// Header lines up to the first empty one; what no HTTP library would carry is left out.
pub(crate) fn headers(data: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    let mut rest = data;
    // A server takes at most a hundred header fields.
    for _ in 0..100 {
        let cut = rest.iter().position(|byte| *byte == b'\n');
        let (line, after) = cut.and_then(|cut| rest.split_at_checked(cut)).unwrap_or((rest, &[]));
        rest = after.strip_prefix(b"\n").unwrap_or(after);
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    (headers, rest)
}

/// A request to the host that the seeds were signed for.
pub(crate) fn request<'r>(
    method: &'r str,
    path: &'r str,
    headers: &'r HeaderMap,
    body: Body<'r>,
) -> Incoming<'r> {
    let target = Target::new("https", countersign_attacks::installation::HOST, path);
    Incoming { method, target, headers, body, client: None, challenge: None }
}

fn dialects(names: &[&str]) -> Vec<Dialect> {
    names.iter().filter_map(|name| countersign_dialects::load(name, &Settings::new()).ok()).collect()
}
