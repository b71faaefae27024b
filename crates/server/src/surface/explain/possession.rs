//! Proof that whoever asks holds a live key: made over the question itself, since the request in question may be what cannot be signed.
use crate::app::App;
use crate::limiter::allowance::Turn;
use countersign::ask::{KeyQuery, Who};
use countersign::base64::{Alphabet, decode, encode_hex};
use countersign::decoy;
use countersign::time::{Span, Time};
use countersign_guard::allowance::Allowance;
use countersign_keys::{Job, KeyKind, sha256, verify};
use http::HeaderMap;

/// Names the key: its id or a fingerprint.
const KEY: &str = "countersign-explain-key";
/// When the proof was made, Unix seconds.
const TIME: &str = "countersign-explain-time";
/// The signature, base64url without padding.
const SIGNATURE: &str = "countersign-explain-signature";
/// Seconds from now that a proof may be dated. It changes nothing and uses nothing up, so it may come again in that time.
const FRESH: i64 = 60;
/// Characters of a key's name, and of a signature: RSA-8192 has 1366.
const LONGEST: usize = 2048;

/// What whoever asks showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing.
    Nothing,
    /// That it holds a key of the account with this id.
    By(Box<str>),
    /// Something that does not hold, for whatever reason.
    Wrong,
}

/// Checks a proof of possession. What does not hold is one answer: an unknown key, a dead one, a bad signature.
pub(super) fn check(app: &App, headers: &HeaderMap, body: &[u8], turn: &Turn<'_>) -> Shown {
    let text = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?.to_str().ok().filter(|text| text.len() <= LONGEST)?;
        values.next().is_none().then_some(first)
    };
    if ![KEY, TIME, SIGNATURE].iter().any(|name| headers.contains_key(*name)) {
        return Shown::Nothing;
    }
    let (Some(key), Some(time), Some(signature)) = (text(KEY), text(TIME), text(SIGNATURE)) else {
        return Shown::Wrong;
    };
    let now = app.clock.now();
    let fresh = time
        .parse()
        .is_ok_and(|seconds| now.since(Time::from_seconds(seconds)).abs() <= Span::from_seconds(FRESH));
    let mut bytes = Vec::new();
    if !fresh || decode(Alphabet::Url, signature.as_bytes(), &mut bytes).is_err() || !turn.may_check(None) {
        return Shown::Wrong;
    }
    let query = KeyQuery { dialect: "", who: Who::Key(key), kid: None, companion: None, acting_as: None };
    let found = app.directory.answer(&query);
    let known = found.keys.first();
    // Who has no such key waits as long as who has.
    let kind = if bytes.len() == 64 { KeyKind::Ed25519 } else { KeyKind::Rsa };
    let public = known.map_or_else(|| decoy::key(kind), |known| known.key());
    let message = signed_text(key, time, body);
    let job = Job::new(public, public.kind().usual_algorithm(), message.as_bytes(), &bytes);
    let holds = verify(&job).accepted(&bytes).is_ok();
    match (found.caller, known) {
        (Some(caller), Some(known)) if holds && caller.enabled && known.life.is_live(now) => {
            Shown::By(caller.id.clone())
        }
        _ => Shown::Wrong,
    }
}

/// What is signed: no other text of ours or of a dialect begins so.
fn signed_text(key: &str, time: &str, body: &[u8]) -> String {
    format!("countersign explain 1\n{key}\n{time}\n{}", encode_hex(&sha256(&[body])))
}
