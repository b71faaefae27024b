//! Proof that whoever asks holds a live key: made over the question itself, since the request in question may be what cannot be signed.
use crate::app::App;
use crate::blind;
use crate::limiter::allowance::Turn;
use countersign::ask::{Claim, KeyQuery, Use, Who};
use countersign::base64::{Alphabet, decode, encode_hex};
use countersign::time::{Span, Time};
use countersign_guard::allowance::Allowance;
use countersign_keys::sha256;
use countersign_store::fault::Fault;
use http::HeaderMap;

/// Names the key: its id or a fingerprint.
const KEY: &str = "countersign-explain-key";
/// When the proof was made, Unix seconds.
const TIME: &str = "countersign-explain-time";
/// The signature, base64url without padding.
const SIGNATURE: &str = "countersign-explain-signature";
/// Seconds from now that a proof may be dated.
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

/// Checks a proof of possession, made for the server that is called by `authority`. What does not hold is one answer: an unknown key, a dead
/// one, a bad signature, a proof for another server or one that was used.
///
/// # Errors
/// [`Fault`] when the replay memory failed.
pub(super) async fn check(
    app: &App,
    authority: &str,
    headers: &HeaderMap,
    body: &[u8],
    turn: &Turn<'_>,
) -> Result<Shown, Fault> {
    let text = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?.to_str().ok().filter(|text| text.len() <= LONGEST)?;
        values.next().is_none().then_some(first)
    };
    if ![KEY, TIME, SIGNATURE].iter().any(|name| headers.contains_key(*name)) {
        return Ok(Shown::Nothing);
    }
    let (Some(key), Some(time), Some(signature)) = (text(KEY), text(TIME), text(SIGNATURE)) else {
        return Ok(Shown::Wrong);
    };
    let now = app.clock.now();
    let made = time.parse().ok().map(Time::from_seconds);
    let made = made.filter(|made| now.since(*made).abs() <= Span::from_seconds(FRESH));
    let mut bytes = Vec::new();
    let read = decode(Alphabet::Url, signature.as_bytes(), &mut bytes).is_ok();
    let Some(made) = made.filter(|_| read && turn.may_check(None)) else { return Ok(Shown::Wrong) };
    let query = KeyQuery { dialect: "", who: Who::Key(key), kid: None, companion: None, acting_as: None };
    let found = app.directory.answer(&query);
    let known = found.keys.first();
    let text = signed_text(authority, key, time, body);
    let holds = blind::holds(known.map(|known| known.key()), text.as_bytes(), &bytes);
    let (Some(caller), Some(known)) = (found.caller, known) else { return Ok(Shown::Wrong) };
    if !holds || !caller.enabled || !known.life.is_live(now) {
        return Ok(Shown::Wrong);
    }
    let mark = sha256(&[b"countersign explain used\0", text.as_bytes()]);
    let fresh = Span::from_seconds(FRESH);
    let claim = Claim { mark, since: made - fresh, until: made + fresh };
    match app.once.claim(claim, now).await? {
        Use::First => Ok(Shown::By(caller.id.clone())),
        Use::Again | Use::Barred => Ok(Shown::Wrong),
    }
}

/// What is signed: no other text of ours or of a dialect begins so. The server's name keeps a question that was asked at one installation
/// from being asked at another where the account has the same key.
fn signed_text(authority: &str, key: &str, time: &str, body: &[u8]) -> String {
    let authority = authority.to_ascii_lowercase();
    format!("countersign explain 2\n{authority}\n{key}\n{time}\n{}", encode_hex(&sha256(&[body])))
}
